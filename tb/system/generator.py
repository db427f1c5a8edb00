# SPDX-License-Identifier: Apache-2.0
"""Constrained random descriptors: lengths, alignments and edges where engines break."""

from __future__ import annotations

import random

from models.gen.carillon_layout import Desc, DescFlag, Op
from tb.lib.driver import seg_address
from tb.system.items import Mix
from tb.system.places import PAGE, Area, Region

REMOTE = (Op.WRITE, Op.WRITE_IMM, Op.SEND, Op.MIRROR, Op.READ, Op.FETCH_ADD, Op.CMP_SWAP)
TO_PEER = (Op.WRITE, Op.WRITE_IMM)  # DST is the peer's
NOTIFIES = (*TO_PEER, Op.SEND, Op.MIRROR)
MESSAGES = (Op.WRITE_IMM, Op.SEND)
ATOMICS = (Op.FETCH_ADD, Op.CMP_SWAP)
CELLS = 6  # of atomics, where an area for the peer's writes begins
FILLED = 0xE7E6_E5E4_E3E2_E1E0  # what lies there first
LENGTHS = ((1, 8), (9, 64), (65, 512), (513, 4096), (4097, 16384), (16385, 65536))
WEIGHTS = (25, 25, 22, 18, 8, 2)


class Cursor:
    """Hands out places in an area round and round, so that neighbours in time do not overlap."""

    def __init__(self, area: Area) -> None:
        self.area = area
        self.at = 0

    def take(self, rng: random.Random, size: int) -> int:
        span = self.area.size - size
        if span < 0:
            raise ValueError(f"{size} bytes do not fit {self.area.size}")
        style = rng.random()
        at = self.at + rng.randrange(0, 64)
        if style < 0.25:  # begin shortly before a 4 KiB edge
            at = (at // PAGE + 1) * PAGE - rng.randrange(0, min(size, 64) + 1)
        elif style < 0.45:  # end at an edge
            at = max(at, (at + size + PAGE - 1) // PAGE * PAGE - size)
        elif style < 0.65:  # aligned
            at = (at + 63) // 64 * 64
        if at > span:
            at = rng.randrange(0, min(64, span + 1))
        self.at = at + size
        return self.area.base + at


class Generator:
    """Random descriptors of one channel."""

    def __init__(self, rng: random.Random, region: Region, far: Region | None, mix: Mix, *,
                 segment: int | None, gen: int = 0, far_segment: int = 0, far_gen: int = 0, buffer: int = 0) -> None:
        """`segment` None: the channel uses absolute local addresses. `buffer`: what most receive buffers hold, for SEND."""
        self.rng, self.region, self.far, self.mix = rng, region, far, mix
        self.segment, self.gen = segment, gen
        self.far_segment, self.far_gen = far_segment, far_gen
        self.dst = Cursor(region.dst)
        self.buffer = buffer
        self.inbound = Cursor(far.beside_recv if mix.sends else far.inbound) if far else None
        self.tag = rng.randrange(1 << 16)
        ops = mix.ops or {Op.NOP: 1, Op.COPY: 6, Op.FILL: 2, Op.WRITE: 6 if far else 0, Op.WRITE_IMM: mix.messages if far else 0,
                          Op.READ: mix.reads if far else 0,
                          Op.FETCH_ADD: mix.atomics / 2 if far else 0, Op.CMP_SWAP: mix.atomics / 2 if far else 0,
                          Op.SEND: mix.sends if far else 0, Op.MIRROR: mix.mirrors if far else 0}
        self.ops = {op: w for op, w in ops.items() if w and (far or op not in REMOTE)}

    def keep_off_cells(self) -> None:
        """What is written at the peer stays away from the cells of atomics: between the two there is no order."""
        if self.far:
            area = self.inbound.area
            self.inbound = Cursor(Area(area.base + 8 * CELLS, area.size - 8 * CELLS))

    def length(self, limit: int) -> int:
        low, high = self.rng.choices(LENGTHS, WEIGHTS)[0]
        if low > limit:
            low, high = 1, limit
        n = self.rng.randint(low, min(high, limit))
        if self.rng.random() < 0.3:  # powers of two and their neighbours
            n = 1 << (n.bit_length() - 1)
            n = min(max(1, n + self.rng.choice((-1, 0, 1))), limit)
        return n

    def local(self, addr: int) -> int:
        if self.segment is None:
            return addr
        return seg_address(self.segment, self.region.offset(addr), self.gen)

    def source(self, size: int, area: Area | None = None) -> int:
        area, rng = area or self.region.src, self.rng
        at = rng.randrange(0, area.size - size + 1)
        style = rng.random()
        if style < 0.3:
            at = at // 64 * 64
        elif style < 0.55:
            at = max(0, min(area.size - size, (at // PAGE + 1) * PAGE - rng.randrange(0, 65)))
        return area.base + at

    def desc(self) -> Desc:
        rng, mix = self.rng, self.mix
        op = rng.choices(list(self.ops), list(self.ops.values()))[0]
        area = self.inbound.area if op in NOTIFIES and self.far else self.region.dst
        limit = min(mix.max_bytes, area.size // 3, self.region.src.size)
        if op == Op.SEND and self.buffer and rng.random() < 0.9:
            limit = min(limit, self.buffer)
        size = self.length(limit)
        flags = 0
        if rng.random() < mix.p_flags:
            flags |= (rng.random() < 0.4) << DescFlag.FENCE
            flags |= (rng.random() < 0.5) << DescFlag.IRQ
            if op in NOTIFIES:
                flags |= (rng.random() < 0.4) << DescFlag.NOTIFY
        if rng.random() < mix.no_cpl:
            flags |= 1 << DescFlag.NO_CPL
        self.tag = (self.tag + 1) & 0xFFFF
        d = Desc(opcode=op, flags=flags, tag=self.tag)
        if op == Op.NOP:
            d.length = rng.choice((0, 0, rng.randrange(1 << 32)))
            d.src, d.dst = rng.getrandbits(64), rng.getrandbits(64)
            return d
        if op in ATOMICS:
            return self.atomic(d)
        d.length = size
        if op in MESSAGES:
            d.operand = rng.getrandbits(64)
            if rng.random() < 0.2:  # only the entry
                d.length, d.src, d.dst = 0, rng.getrandbits(64), rng.getrandbits(64)
                return d
        if op == Op.READ:
            at = self.source(size, self.far.src)
            d.src = seg_address(self.far_segment, self.far.offset(at), self.far_gen)
        else:
            d.src = rng.getrandbits(64) if op == Op.FILL else self.local(self.source(size))
        if op == Op.SEND:
            d.dst = rng.choice((0, rng.getrandbits(64)))  # nobody looks at it
        elif op in TO_PEER:
            d.dst = self.far_place(size)
        else:
            d.dst = self.local(self.dst.take(rng, size))
        if op == Op.MIRROR:
            d.operand = self.far_place(size)
        return d

    def far_place(self, size: int) -> int:
        """Where the peer lets this channel write."""
        at = self.inbound.take(self.rng, size)
        return seg_address(self.far_segment, self.far.offset(at), self.far_gen)

    def atomic(self, d: Desc) -> Desc:
        """On one of a few cells, so that they meet; a CMP_SWAP often compares with what is there."""
        rng = self.rng
        d.length = 8
        d.src = self.local(self.dst.take(rng, 8))
        cell = self.far.inbound.base + 8 * rng.randrange(CELLS)
        d.dst = seg_address(self.far_segment, self.far.offset(cell), self.far_gen)
        d.operand = rng.choice((0, 1, rng.randrange(4), rng.getrandbits(64), FILLED))
        return d

    def slots(self) -> list[Desc]:
        """A descriptor, with its second slot if it has one."""
        d = self.desc()
        if d.opcode != Op.CMP_SWAP:
            return [d]
        rng = self.rng
        ext = Desc(opcode=Op.EXT, operand=rng.choice((0, rng.randrange(4), rng.getrandbits(64))), tag=rng.getrandbits(16),
                   flags=rng.getrandbits(8), length=rng.getrandbits(32), src=rng.getrandbits(64), dst=rng.getrandbits(64))
        return [d, ext]

    def batch(self, limit: int, *, all_of_it: bool = False) -> list[Desc]:
        want = limit if all_of_it else self.rng.randint(1, max(1, min(limit, self.mix.max_batch)))
        out: list[Desc] = []
        while len(out) < want:
            got = self.slots()
            if len(out) + len(got) <= max(limit, 1):
                out += got
            elif len(self.ops) == 1:
                break
        return out
