# SPDX-License-Identifier: Apache-2.0
"""Constrained random I/O commands of one queue: what is under way at a time has blocks and pages of its own."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from models.layout import NvmeDsm, NvmeIoOp, NvmeSqe
from tb.system.nvme.kernel import PAGE, io
from tb.system.nvme.world import World

WITH_DATA = (NvmeIoOp.READ, NvmeIoOp.WRITE, NvmeIoOp.COMPARE)
WEIGHTS = {NvmeIoOp.READ: 30, NvmeIoOp.WRITE: 30, NvmeIoOp.COMPARE: 8, NvmeIoOp.VERIFY: 8, NvmeIoOp.WRITE_ZEROES: 8, NvmeIoOp.DSM: 8, NvmeIoOp.FLUSH: 8}
SIZES = {1: ((1, 1), (2, 8), (9, 24), (25, 64)), 2: ((1, 1), (2, 3), (4, 8))}  # blocks, by namespace
WRONG = ("opcode", "nsid", "lba", "field", "prp", "memory", "grant")


@dataclass
class Room:
    """What the queue may use: blocks [first, first + slots * 64) of namespace 1 and the same of namespace 2 in slots of 8; pages; one that is another's."""

    slots: int
    first: int
    first2: int
    pages: list[int]
    other: int  # a page that it has no right to; 0: there is none
    nsids: tuple[int, ...] = (1, 2)
    outside: int | None = None  # a block of namespace 1 that it was not granted
    busy: set[int] = field(default_factory=set)


class Generator:
    """`wrong`: how often a command is one that has to fail."""

    def __init__(self, w: World, rng: random.Random, room: Room, wrong: float = 0.15) -> None:
        self.w, self.rng, self.room, self.wrong = w, rng, room, wrong
        self.held: dict[int, tuple[int, list[int]]] = {}  # by the object's id: slot, pages

    def free(self, sqe: NvmeSqe) -> None:
        slot, pages = self.held.pop(id(sqe))
        self.room.busy.discard(slot)
        self.room.pages += pages

    def _pages(self, count: int) -> list[int] | None:
        if count > len(self.room.pages):
            return None
        out, self.room.pages = self.room.pages[:count], self.room.pages[count:]
        return out

    async def command(self) -> NvmeSqe | None:
        """None: nothing is free at the moment."""
        rng, room = self.rng, self.room
        free = [s for s in range(room.slots) if s not in room.busy]
        if not free:
            return None
        slot, nsid = rng.choice(free), rng.choice(room.nsids)
        op = rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        low, high = rng.choice(SIZES[nsid])
        span = 64 if nsid == 1 else 8
        blocks = rng.randint(low, min(high, span))
        slba = (room.first if nsid == 1 else room.first2) + span * slot + rng.randint(0, span - blocks)
        made = await self._make(op, nsid, slba, blocks)
        if made is None:
            return None
        sqe, pages = made
        if rng.random() < self.wrong:
            self._spoil(sqe, op)
        room.busy.add(slot)
        self.held[id(sqe)] = slot, pages
        return sqe

    async def _make(self, op: NvmeIoOp, nsid: int, slba: int, blocks: int) -> tuple[NvmeSqe, list[int]] | None:
        rng, mem = self.rng, self.w.rig.mem
        if op == NvmeIoOp.FLUSH:
            return NvmeSqe(opc=op, nsid=nsid), []
        if op == NvmeIoOp.DSM:
            pages = self._pages(1)
            if pages is None:
                return None
            cuts = sorted(rng.sample(range(blocks + 1), min(blocks + 1, rng.randint(2, 5))))
            parts = [(slba + a, b - a) for a, b in zip(cuts, cuts[1:], strict=False)]
            at = pages[0] + 16 * rng.randrange(256 - len(parts))
            await mem.write(at, b"".join(NvmeDsm(nlb=n, slba=s).pack() for s, n in parts))
            return NvmeSqe(opc=op, nsid=nsid, prp1=at, cdw10=len(parts) - 1, cdw11=rng.choice((0, 4, 4, 7))), pages
        if op not in WITH_DATA:
            return io(op, slba, blocks, nsid), []
        nbytes = blocks << self.w.namespaces[nsid - 1].shift
        offset = rng.choice((0, 0, rng.randrange(0, PAGE, 4), 512 * rng.randrange(8), PAGE - 4))
        count = -(-(offset + nbytes) // PAGE)
        listed = count > 2
        pages = self._pages(count + listed + (listed and rng.random() < 0.2))
        if pages is None:
            return None
        data, lists = pages[:count], pages[count:]
        if listed:
            chain = len(lists) > 1
            entries = count - 1
            lists[0] += PAGE - 8 * rng.randint(1, entries - 1) if chain else 8 * rng.randint(0, 512 - entries)
        where = await self.w.kernel.prps(data, offset, lists)
        if op == NvmeIoOp.COMPARE and rng.random() < 0.5:
            base = self.w.namespaces[nsid - 1].base
            content = await mem.read(base + (slba << self.w.namespaces[nsid - 1].shift), nbytes)
        else:
            content = rng.randbytes(nbytes)
        if op != NvmeIoOp.READ:
            await self.w.kernel.spread(data, offset, content)
        return io(op, slba, blocks, nsid, **where), [p & ~(PAGE - 1) for p in pages]

    def _spoil(self, sqe: NvmeSqe, op: NvmeIoOp) -> None:
        """Make it one that has to fail, if it can be."""
        rng, room = self.rng, self.room
        kind = rng.choice(WRONG)
        if kind == "opcode":
            sqe.opc = rng.choice((0x03, 0x0D, 0x7F, 0x80))
        elif kind == "nsid":
            sqe.nsid = rng.choice((0, 3, 17, 0x8000_0001))
        elif kind == "field":
            sqe.fuse, sqe.psdt = rng.choice(((1, 0), (0, 1), (2, 2)))
        elif kind == "lba" and op not in (NvmeIoOp.FLUSH, NvmeIoOp.DSM):
            sqe.cdw11 = rng.choice((1, 0xFFFF_FFFF))
        elif kind == "prp" and op in WITH_DATA:
            sqe.prp1 |= rng.choice((1, 2, 3))
        elif kind == "memory" and op in (*WITH_DATA, NvmeIoOp.DSM) and room.other:
            sqe.prp1 = room.other + sqe.prp1 % PAGE
        elif kind == "grant" and op in (*WITH_DATA, NvmeIoOp.VERIFY, NvmeIoOp.WRITE_ZEROES) and room.outside is not None:
            sqe.nsid, sqe.cdw10, sqe.cdw12 = 1, room.outside, 0


__all__ = ["WITH_DATA", "Generator", "Room"]
