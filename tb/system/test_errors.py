# SPDX-License-Identifier: Apache-2.0
"""Every status code, raised on purpose where the architecture says it is raised; others undisturbed."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import cocotb
import pytest
from cocotb.triggers import Combine, Timer

from models.gen.carillon_layout import (
    Cmd,
    Desc,
    DescFlag,
    Op,
    SegRight,
    State,
    Status,
    reg_addr,
    reg_field,
    status_name,
)
from tb.lib.driver import ALL_RIGHTS, right_mask, seg_address
from tb.lib.fastmem import DECERR, SLVERR
from tb.lib.sim import run_sim
from tb.lib.testbed import SYSTEM_SOURCES
from tb.system import coverage
from tb.system.builds import BUILDS
from tb.system.harness import System, SystemConfig
from tb.system.items import Mix

PEER = 0x80
VICTIM, NEIGHBOUR, EXTRA_SEG = 1, 2, 20
ALL_BUT_RING = ALL_RIGHTS & ~(1 << SegRight.RING)


@dataclass
class Case:
    """`build` returns the victim's descriptors; each must end with the status beside it."""

    name: str
    build: Callable[[System], Awaitable[list[tuple[Desc, int]]]]


CASES: list[Case] = []


def case(func):
    CASES.append(Case(func.__name__, func))
    return func


def good(s: System, tag: int) -> tuple[Desc, int]:
    """A harmless descriptor behind the bad one: the channel goes on."""
    return s.copy("A", VICTIM, 64, tag=tag, at=8192 + 64 * (tag & 0xF)), Status.OK


def change(d: Desc, **fields) -> Desc:
    return Desc(**{**d.__dict__, **fields})


@case
async def bad_opcode(s):
    c = s.copy("A", VICTIM)
    unknown = [0x55, Op.EXT, Op.RECV, 0xFF]
    if not s.tb.params.mirrors:
        unknown.append(Op.MIRROR)
    if not s.tb.params.sends:
        unknown.append(Op.SEND)
    if not s.tb.params.read_en:
        unknown.append(Op.READ)
    if not s.tb.params.send_en:
        unknown.append(Op.WRITE_IMM)
    return [(change(c, opcode=op, tag=i), Status.BAD_OPCODE) for i, op in enumerate(unknown)]


@case
async def bad_flags(s):
    c, w = s.copy("A", VICTIM), s.write("A", VICTIM)
    return [(change(c, flags=0x80), Status.BAD_FLAGS),
            (change(c, flags=1 << DescFlag.NOTIFY), Status.BAD_FLAGS),
            (change(w, flags=0x10), Status.BAD_FLAGS),
            (change(c, opcode=Op.NOP, flags=0x20), Status.BAD_FLAGS),
            (change(c, opcode=Op.FILL, flags=0x40), Status.BAD_FLAGS)]


@case
async def bad_length(s):
    c, w = s.copy("A", VICTIM), s.write("A", VICTIM)
    return [(change(c, length=0), Status.BAD_LENGTH), (change(w, length=0), Status.BAD_LENGTH),
            (change(c, opcode=Op.FILL, length=0), Status.BAD_LENGTH),
            (change(c, opcode=Op.NOP, length=0), Status.OK)]


@case
async def no_completion_flag_does_not_hide_errors(s):
    c = s.copy("A", VICTIM)
    return [(change(c, length=0, flags=1 << DescFlag.NO_CPL), Status.BAD_LENGTH)]


@case
async def overlap(s):
    c = s.copy("A", VICTIM, 256)
    return [(change(c, dst=c.src + 255), Status.OVERLAP), (change(c, dst=c.src), Status.OVERLAP),
            (change(c, src=c.src + 1, dst=c.src), Status.OVERLAP)]


@case
async def seg_invalid(s):
    c, n = s.copy("A", VICTIM), s.tb.params.segments
    out = [(change(c, src=seg_address(EXTRA_SEG, 0)), Status.SEG_INVALID),
           (change(c, dst=seg_address(EXTRA_SEG, 0)), Status.SEG_INVALID)]
    return out + [(change(c, src=seg_address(i, 0)), Status.SEG_INVALID) for i in (n, n + 1, 4095)]


@case
async def key_revoked(s):
    c = s.copy("A", VICTIM)
    gen = s.nodes["A"].segments[VICTIM].gen
    return [(change(c, src=seg_address(VICTIM, 0x100, gen ^ 1)), Status.KEY_REVOKED),
            (change(c, dst=seg_address(VICTIM, 0x100, gen ^ 0x800)), Status.KEY_REVOKED)]


@case
async def seg_binding(s):
    c = s.copy("A", VICTIM)
    other = s.nodes["A"].address(NEIGHBOUR, 0x8000)
    await s.nodes["A"].segment(EXTRA_SEG, base=s.regions["A"][VICTIM].dst.base, size=4096,
                               rights=ALL_RIGHTS & ~(1 << SegRight.LOCAL), channel=VICTIM)
    return [(change(c, src=other), Status.SEG_BINDING), (change(c, dst=other), Status.SEG_BINDING),
            (change(c, dst=seg_address(EXTRA_SEG, 0)), Status.SEG_BINDING)]


@case
async def seg_rights(s):
    c, region = s.copy("A", VICTIM), s.regions["A"][VICTIM]
    await s.nodes["A"].segment(EXTRA_SEG, base=region.dst.base, size=8192, channel=VICTIM,
                               rights=right_mask(SegRight.READ, SegRight.LOCAL))
    await s.nodes["A"].segment(EXTRA_SEG + 1, base=region.dst.base, size=8192, channel=VICTIM,
                               rights=right_mask(SegRight.WRITE, SegRight.LOCAL))
    return [(change(c, dst=seg_address(EXTRA_SEG, 0)), Status.SEG_RIGHTS),
            (change(c, src=seg_address(EXTRA_SEG + 1, 0)), Status.SEG_RIGHTS)]


@case
async def seg_range(s):
    c, region = s.copy("A", VICTIM, 256), s.regions["A"][VICTIM]
    end = region.segment_size
    gen = s.nodes["A"].segments[VICTIM].gen
    return [(change(c, src=seg_address(VICTIM, end - 255, gen)), Status.SEG_RANGE),
            (change(c, dst=seg_address(VICTIM, end - 255, gen)), Status.SEG_RANGE),
            (change(c, dst=seg_address(VICTIM, end, gen)), Status.SEG_RANGE),
            (change(c, src=seg_address(VICTIM, (1 << 40) - 1, gen)), Status.SEG_RANGE),
            (change(c, length=0xFFFFFFFF), Status.SEG_RANGE),
            (change(c, dst=seg_address(VICTIM, end - 256, gen)), Status.OK)]


@case
async def at_peer_seg_invalid(s):
    w = s.write("A", VICTIM)
    return [(change(w, dst=seg_address(EXTRA_SEG, 0)), Status.SEG_INVALID | PEER),
            (change(w, dst=seg_address(4095, 0)), Status.SEG_INVALID | PEER)]


@case
async def at_peer_key_revoked(s):
    w = s.write("A", VICTIM, 3000)
    gen = s.nodes["B"].segments[VICTIM].gen
    return [(change(w, dst=seg_address(VICTIM, 0x100, gen ^ 1)), Status.KEY_REVOKED | PEER)]


@case
async def at_peer_seg_binding(s):
    w = s.write("A", VICTIM)
    await s.nodes["B"].segment(EXTRA_SEG, base=s.regions["B"][VICTIM].inbound.base, size=4096,
                               rights=ALL_RIGHTS, channel=VICTIM, peer=1)
    return [(change(w, dst=s.nodes["B"].address(NEIGHBOUR, 0x8000)), Status.SEG_BINDING | PEER),
            (change(w, dst=seg_address(EXTRA_SEG, 0)), Status.SEG_BINDING | PEER)]


@case
async def at_peer_seg_rights(s):
    w = s.write("A", VICTIM)
    await s.nodes["B"].segment(EXTRA_SEG, base=s.regions["B"][VICTIM].inbound.base, size=4096,
                               rights=right_mask(SegRight.READ, SegRight.REMOTE), channel=VICTIM)
    return [(change(w, dst=seg_address(EXTRA_SEG, 0)), Status.SEG_RIGHTS | PEER)]


@case
async def at_peer_seg_range(s):
    w, region = s.write("A", VICTIM, 5000), s.regions["B"][VICTIM]
    gen, end = s.nodes["B"].segments[VICTIM].gen, region.segment_size
    return [(change(w, dst=seg_address(VICTIM, end - 4999, gen)), Status.SEG_RANGE | PEER),
            (change(w, dst=seg_address(VICTIM, end, gen)), Status.SEG_RANGE | PEER)]


@case
async def peer_refused(s):
    await s.nodes["B"].write("CHP", "BIND", VICTIM, PEER_CH=5, PEER=0, VALID=1)
    return [(s.write("A", VICTIM), Status.PEER_REFUSED | PEER)]


@case
async def peer_down_because_unbound(s):
    await s.nodes["A"].write("CHP", "BIND", VICTIM, PEER_CH=0, PEER=0, VALID=0)
    return [(s.write("A", VICTIM), Status.PEER_DOWN),
            (change(s.write("A", VICTIM), src=seg_address(EXTRA_SEG, 0)), Status.SEG_INVALID)]


def _memory(resp: int, kind: str, status: Status, *, peer: bool = False):
    async def build(s):
        region = s.regions["B" if peer else "A"][VICTIM]
        area = region.src if kind == "r" else region.inbound if peer else region.dst
        s.side("B" if peer else "A").mem.errors([(area.base + 700, 8, resp, kind)])
        d = (s.write if peer else s.copy)("A", VICTIM, 2000)
        return [(d, status | (PEER if peer else 0)),
                ((s.write if peer else s.copy)("A", VICTIM, 600, tag=7, at=4096), Status.OK)]

    build.__name__ = f"{status.name.lower()}{'_at_peer' if peer else ''}"
    return case(build)


_memory(SLVERR, "r", Status.READ_SLVERR)
_memory(DECERR, "r", Status.READ_DECERR)
_memory(SLVERR, "w", Status.WRITE_SLVERR)
_memory(DECERR, "w", Status.WRITE_DECERR)
_memory(SLVERR, "w", Status.WRITE_SLVERR, peer=True)
_memory(DECERR, "w", Status.WRITE_DECERR, peer=True)


@case
async def read_slverr_of_a_write(s):
    s.side("A").mem.errors([(s.regions["A"][VICTIM].src.base + 1500, 1, SLVERR, "r")])
    return [(s.write("A", VICTIM, 4000), Status.READ_SLVERR)]


@case
async def read_here(s):
    """Faults of a READ that are found here, in their order: no frame leaves."""
    r = s.read("A", VICTIM, 3000)
    gen = s.nodes["A"].segments[VICTIM].gen
    end = s.regions["A"][VICTIM].segment_size
    await s.nodes["A"].segment(EXTRA_SEG, base=s.regions["A"][VICTIM].dst.base, size=8192, channel=VICTIM,
                               rights=right_mask(SegRight.READ, SegRight.LOCAL))
    return [(change(r, flags=1 << DescFlag.NOTIFY), Status.BAD_FLAGS), (change(r, length=0), Status.BAD_LENGTH),
            (change(r, dst=seg_address(EXTRA_SEG + 1, 0)), Status.SEG_INVALID),
            (change(r, dst=seg_address(VICTIM, 0x100, gen ^ 1)), Status.KEY_REVOKED),
            (change(r, dst=s.nodes["A"].address(NEIGHBOUR, 0x8000)), Status.SEG_BINDING),
            (change(r, dst=seg_address(EXTRA_SEG, 0)), Status.SEG_RIGHTS),
            (change(r, dst=seg_address(VICTIM, end - 2999, gen)), Status.SEG_RANGE),
            (change(r, dst=seg_address(VICTIM, end - 3000, gen)), Status.OK)]


@case
async def read_there(s):
    """Faults of a READ that are found at the peer, in the first of several requests or the only one."""
    r, short, region = s.read("A", VICTIM, 3000), s.read("A", VICTIM, 64), s.regions["B"][VICTIM]
    gen, end = s.nodes["B"].segments[VICTIM].gen, region.segment_size
    await s.nodes["B"].segment(EXTRA_SEG, base=region.src.base, size=8192, channel=VICTIM,
                               rights=right_mask(SegRight.WRITE, SegRight.REMOTE))
    await s.nodes["B"].segment(EXTRA_SEG + 1, base=region.src.base, size=8192, channel=VICTIM,
                               rights=right_mask(SegRight.READ, SegRight.REMOTE))
    out = []
    for d in (r, short):
        out += [(change(d, src=seg_address(EXTRA_SEG + 2, 0)), Status.SEG_INVALID | PEER),
                (change(d, src=seg_address(VICTIM, 0x100, gen ^ 1)), Status.KEY_REVOKED | PEER),
                (change(d, src=s.nodes["B"].address(NEIGHBOUR, 0x8000)), Status.SEG_BINDING | PEER),
                (change(d, src=seg_address(EXTRA_SEG, 0)), Status.SEG_RIGHTS | PEER),
                (change(d, src=seg_address(EXTRA_SEG + 1, 0)), Status.OK),
                (change(d, src=seg_address(VICTIM, end - d.length + 1, gen)), Status.SEG_RANGE | PEER),
                (change(d, src=seg_address(VICTIM, end - d.length, gen)), Status.OK)]
    return out


@case
async def read_refused_by_the_peer(s):
    await s.nodes["B"].write("CHP", "BIND", VICTIM, PEER_CH=5, PEER=0, VALID=1)
    return [(s.read("A", VICTIM, 5000), Status.PEER_REFUSED | PEER), (s.read("A", VICTIM), Status.PEER_REFUSED | PEER)]


@case
async def refused_by_a_channel_that_is_not_there(s):
    await s.nodes["A"].write("CHP", "BIND", VICTIM, PEER_CH=200, PEER=0, VALID=1)
    return [(s.read("A", VICTIM, 5000), Status.PEER_REFUSED | PEER), (s.write("A", VICTIM), Status.PEER_REFUSED | PEER),
            (s.read("A", VICTIM), Status.PEER_REFUSED | PEER)]


@case
async def read_without_a_peer(s):
    await s.nodes["A"].write("CHP", "BIND", VICTIM, PEER_CH=0, PEER=0, VALID=0)
    return [(s.read("A", VICTIM), Status.PEER_DOWN),
            (change(s.read("A", VICTIM), dst=seg_address(EXTRA_SEG, 0)), Status.SEG_INVALID)]


def _read_memory(resp: int, here: bool, status: Status):
    async def build(s):
        region = s.regions["A" if here else "B"][VICTIM]
        area = region.dst if here else region.src
        s.side("A" if here else "B").mem.errors([(area.base + 2700, 8, resp, "w" if here else "r")])
        return [(s.read("A", VICTIM, 6000), status | (0 if here else PEER)),
                (s.read("A", VICTIM, 600, at=8192), Status.OK)]

    build.__name__ = f"read_{status.name.lower()}"
    return case(build)


_read_memory(SLVERR, False, Status.READ_SLVERR)
_read_memory(DECERR, False, Status.READ_DECERR)
_read_memory(SLVERR, True, Status.WRITE_SLVERR)
_read_memory(DECERR, True, Status.WRITE_DECERR)


@case
async def message_here(s):
    """Faults of a WRITE_IMM that are found here: neither a frame nor an entry at the peer. No byte is no fault."""
    if not s.tb.params.send_en:
        return []
    m, gen = s.write_imm("A", VICTIM, 3000, imm=1), s.nodes["A"].segments[VICTIM].gen
    await s.nodes["A"].segment(EXTRA_SEG, base=s.regions["A"][VICTIM].src.base, size=8192, channel=VICTIM,
                               rights=right_mask(SegRight.WRITE, SegRight.LOCAL))
    out = [(change(m, flags=0x10), Status.BAD_FLAGS), (change(m, length=0, flags=0x80), Status.BAD_FLAGS)]
    for length in (3000, 30):
        d = change(m, length=length)
        end = s.regions["A"][VICTIM].segment_size - length
        out += [(change(d, src=seg_address(EXTRA_SEG + 1, 0)), Status.SEG_INVALID),
                (change(d, src=seg_address(VICTIM, 0x100, gen ^ 1)), Status.KEY_REVOKED),
                (change(d, src=s.nodes["A"].address(NEIGHBOUR, 0x8000)), Status.SEG_BINDING),
                (change(d, src=seg_address(EXTRA_SEG, 0)), Status.SEG_RIGHTS),
                (change(d, src=seg_address(VICTIM, end + 1, gen)), Status.SEG_RANGE)]
    return [*out, (change(m, length=0, src=seg_address(4095, 0), dst=seg_address(4095, 0)), Status.OK)]


@case
async def message_there(s):
    """Faults that are found at the peer, in a question or in the only frame: no entry there."""
    if not s.tb.params.send_en:
        return []
    region, out = s.regions["B"][VICTIM], []
    gen = s.nodes["B"].segments[VICTIM].gen
    await s.nodes["B"].segment(EXTRA_SEG, base=region.inbound.base, size=8192, channel=VICTIM,
                               rights=right_mask(SegRight.READ, SegRight.REMOTE))
    for length in (3000, 30):
        m = s.write_imm("A", VICTIM, length, imm=2)
        end = region.segment_size - length
        out += [(change(m, dst=seg_address(EXTRA_SEG + 2, 0)), Status.SEG_INVALID | PEER),
                (change(m, dst=seg_address(VICTIM, 0x100, gen ^ 1)), Status.KEY_REVOKED | PEER),
                (change(m, dst=s.nodes["B"].address(NEIGHBOUR, 0x8000)), Status.SEG_BINDING | PEER),
                (change(m, dst=seg_address(EXTRA_SEG, 0)), Status.SEG_RIGHTS | PEER),
                (change(m, dst=seg_address(VICTIM, end + 1, gen)), Status.SEG_RANGE | PEER), (m, Status.OK)]
    return out


@case
async def message_refused_by_the_peer(s):
    if not s.tb.params.send_en:
        return []
    await s.nodes["B"].write("CHP", "BIND", VICTIM, PEER_CH=5, PEER=0, VALID=1)
    return [(s.write_imm("A", VICTIM, n), Status.PEER_REFUSED | PEER) for n in (5000, 50, 0)]


def _message_memory(resp: int, here: bool, status: Status):
    async def build(s):
        if not s.tb.params.send_en:
            return []
        region = s.regions["A" if here else "B"][VICTIM]
        area = region.src if here else region.inbound
        work = ((900, 0), (4000, 8192))
        s.side("A" if here else "B").mem.errors([(area.base + at + 700, 8, resp, "r" if here else "w") for _, at in work])
        return [(s.write_imm("A", VICTIM, n, imm=n, at=at), status | (0 if here else PEER)) for n, at in work]

    build.__name__ = f"message_{status.name.lower()}"
    return case(build)


_message_memory(SLVERR, True, Status.READ_SLVERR)
_message_memory(DECERR, True, Status.READ_DECERR)
_message_memory(SLVERR, False, Status.WRITE_SLVERR)
_message_memory(DECERR, False, Status.WRITE_DECERR)


@case
async def send_here(s):
    """Faults of a SEND that are found here, before any frame. No byte is no fault, its DST is not looked at."""
    if not s.tb.params.sends:
        return []
    m, gen = s.send("A", VICTIM, 3000, imm=1), s.nodes["A"].segments[VICTIM].gen
    await s.nodes["A"].segment(EXTRA_SEG, base=s.regions["A"][VICTIM].src.base, size=8192, channel=VICTIM,
                               rights=right_mask(SegRight.WRITE, SegRight.LOCAL))
    s.config.posting.exact = True
    await s.posters["B", VICTIM].post(2)
    await s.side("B").cycles(100)
    out = [(change(m, flags=0x10), Status.BAD_FLAGS), (change(m, length=0, flags=0x80), Status.BAD_FLAGS)]
    for length in (3000, 30):
        d = change(m, length=length)
        end = s.regions["A"][VICTIM].segment_size - length
        out += [(change(d, src=seg_address(EXTRA_SEG + 1, 0)), Status.SEG_INVALID),
                (change(d, src=seg_address(VICTIM, 0x100, gen ^ 1)), Status.KEY_REVOKED),
                (change(d, src=s.nodes["A"].address(NEIGHBOUR, 0x8000)), Status.SEG_BINDING),
                (change(d, src=seg_address(EXTRA_SEG, 0)), Status.SEG_RIGHTS),
                (change(d, src=seg_address(VICTIM, end + 1, gen)), Status.SEG_RANGE)]
    return [*out, (change(m, length=0, src=seg_address(4095, 0), dst=seg_address(4095, 0)), Status.OK),
            (change(m, length=9, dst=seg_address(4095, 0)), Status.OK)]


@case
async def send_refused_by_the_peer(s):
    if not s.tb.params.sends:
        return []
    await s.posters["B", VICTIM].post(1)
    await s.nodes["B"].write("CHP", "BIND", VICTIM, PEER_CH=5, PEER=0, VALID=1)
    return [(s.send("A", VICTIM, n), Status.PEER_REFUSED | PEER) for n in (5000, 50, 0)]


@case
async def send_without_a_buffer(s):
    if not s.tb.params.sends:
        return []
    return [(s.send("A", VICTIM, n), Status.RECEIVER_NOT_READY | PEER) for n in (5000, 50, 0)]


@case
async def send_without_a_peer(s):
    if not s.tb.params.sends:
        return []
    await s.nodes["A"].write("CHP", "BIND", VICTIM, PEER_CH=0, PEER=0, VALID=0)
    return [(s.send("A", VICTIM), Status.PEER_DOWN), (change(s.send("A", VICTIM), src=seg_address(EXTRA_SEG, 0)), Status.SEG_INVALID)]


def _send_memory(resp: int, status: Status):
    async def build(s):
        if not s.tb.params.sends:
            return []
        s.config.posting.exact = True
        await s.posters["B", VICTIM].post(2)
        await s.side("B").cycles(100)
        s.side("A").mem.errors([(s.regions["A"][VICTIM].src.base + at, 8, resp, "r") for at in (700, 8892)])
        return [(s.send("A", VICTIM, 900), status), (s.send("A", VICTIM, 4000, at=8192), status)]

    build.__name__ = f"send_{status.name.lower()}"
    return case(build)


_send_memory(SLVERR, Status.READ_SLVERR)
_send_memory(DECERR, Status.READ_DECERR)


@case
async def mirror_here(s):
    """Faults of a MIRROR that are found here, in their order: no frame, no byte."""
    if not s.tb.params.mirrors:
        return []
    m, node = s.mirror("A", VICTIM, 3000), s.nodes["A"]
    gen, end = node.segments[VICTIM].gen, s.regions["A"][VICTIM].segment_size
    for k, right in enumerate((SegRight.READ, SegRight.WRITE)):
        await node.segment(EXTRA_SEG + k, base=s.regions["A"][VICTIM].src.base, size=8192, channel=VICTIM,
                           rights=right_mask(right, SegRight.LOCAL))
    bad = [(0x10, {"flags": 0x10}, Status.BAD_FLAGS), (0, {"length": 0}, Status.BAD_LENGTH)]
    out = [(change(m, **fields), code) for _, fields, code in bad]
    for field, right in (("src", 1), ("dst", 0)):
        out += [(change(m, **{field: address}), code) for address, code in (
            (seg_address(EXTRA_SEG + 2, 0), Status.SEG_INVALID), (seg_address(VICTIM, 0x100, gen ^ 1), Status.KEY_REVOKED),
            (node.address(NEIGHBOUR, 0x8000), Status.SEG_BINDING), (seg_address(EXTRA_SEG + right, 0), Status.SEG_RIGHTS),
            (seg_address(VICTIM, end - 2999, gen), Status.SEG_RANGE))]
    return [*out, (change(m, dst=m.src + 2999), Status.OVERLAP), (change(m, dst=m.src - 2999), Status.OVERLAP),
            (change(m, dst=m.src), Status.OVERLAP), (change(m, dst=m.src, src=seg_address(EXTRA_SEG + 2, 0)), Status.SEG_INVALID), (m, Status.OK)]


@case
async def mirror_there(s):
    """Faults that the peer finds, in the first of several frames or the only one: neither copy is touched."""
    if not s.tb.params.mirrors:
        return []
    region, out = s.regions["B"][VICTIM], []
    gen = s.nodes["B"].segments[VICTIM].gen
    await s.nodes["B"].segment(EXTRA_SEG, base=region.inbound.base, size=8192, channel=VICTIM,
                               rights=right_mask(SegRight.READ, SegRight.REMOTE))
    for length in (3000, 30):
        m = s.mirror("A", VICTIM, length)
        end = region.segment_size - length
        out += [(change(m, operand=seg_address(EXTRA_SEG + 2, 0)), Status.SEG_INVALID | PEER),
                (change(m, operand=seg_address(VICTIM, 0x100, gen ^ 1)), Status.KEY_REVOKED | PEER),
                (change(m, operand=s.nodes["B"].address(NEIGHBOUR, 0x8000)), Status.SEG_BINDING | PEER),
                (change(m, operand=seg_address(EXTRA_SEG, 0)), Status.SEG_RIGHTS | PEER),
                (change(m, operand=seg_address(VICTIM, end + 1, gen)), Status.SEG_RANGE | PEER), (m, Status.OK)]
    return out


@case
async def mirror_without_a_peer(s):
    if not s.tb.params.mirrors:
        return []
    await s.nodes["A"].write("CHP", "BIND", VICTIM, PEER_CH=0, PEER=0, VALID=0)
    m = s.mirror("A", VICTIM)
    return [(m, Status.PEER_DOWN), (change(m, dst=m.src), Status.OVERLAP), (change(m, dst=seg_address(EXTRA_SEG, 0)), Status.SEG_INVALID)]


async def start(dut, **config) -> System:
    s = System(dut)
    config = {"channels": 4, "absolute": 0.0, "ring_log2": (5, 5), "qos": False, **config}
    await s.begin(SystemConfig(**config))
    return s


def neighbours(s: System, count: int = 12) -> list:
    """Traffic of other channels on both nodes; every one of them has to end well."""
    async def go(name, ch):
        got = await s.traffic(name, ch, count, mix=Mix(max_bytes=2000, no_cpl=0))
        bad = [status_name(e.status) for e in got if e.status]
        assert len(got) == count and not bad, f"neighbour {name}{ch} was disturbed: {bad}"

    return [cocotb.start_soon(go(n, c)) for n in s.names for c in (NEIGHBOUR, 3)]


@cocotb.test(timeout_time=200, timeout_unit="ms")
async def operation_errors(dut):
    """*Stimulus*: for each code of a descriptor, a memory response or a segment, here and at the peer:
    descriptors that must raise it, a good one behind, other channels busy. *Checking*: each ends with its
    code and the good one well; neighbours' statuses; the model agrees with every access: a refused
    operation has none."""
    failures = []
    wanted = os.environ.get("CASE", "")
    for one in CASES:
        if wanted not in one.name:
            continue
        print("case", one.name, flush=True)
        s = await start(dut)
        work = await one.build(s)
        work.append(good(s, 0xE))
        for i, (d, _) in enumerate(work):
            d.tag = 0x100 + i
        others = neighbours(s)
        try:
            got = await s.channel("A", VICTIM).run([d for d, _ in work], owed=len(work))
            for job in others:
                await job
        except AssertionError as exc:
            failures.append(f"{one.name}: {exc}")
            continue
        for entry, (d, want) in zip(got, work, strict=True):
            if entry.status != want or entry.tag != d.tag:
                failures.append(f"{one.name}: {d}: {status_name(entry.status)}, not {status_name(want)}")
        try:
            await s.finish()
        except AssertionError as exc:
            failures.append(f"{one.name}: {exc}")
    assert not failures, "\n".join(failures)


@cocotb.test(timeout_time=100, timeout_unit="ms")
async def address_wrap(dut):
    """*Stimulus*: a function-0 channel with absolute addresses, ranges that run past 2^64, and that end there.
    *Checking*: ADDR_WRAP for source and destination, no access; up to the last byte all is usable."""
    s = await start(dut, absolute=1.0)
    c = s.copy("A", VICTIM, 64)
    top = (1 << 64) - 63
    mem = s.side("A").mem
    await mem.fill(top + 63 - 4096, 4096, 0)
    work = [change(c, src=top), change(c, dst=top), c, change(c, dst=top, length=63), change(c, dst=top + 62, src=c.src + 9, length=1),
            change(c, src=top, length=63, flags=1 << DescFlag.FENCE)]
    got = await s.channel("A", VICTIM).run(work)
    assert [e.status for e in got] == [Status.ADDR_WRAP, Status.ADDR_WRAP] + [Status.OK] * 4
    moved = await mem.read(c.src, 64)
    assert await mem.read(top - 1, 64) == b"\0" + moved[:62] + moved[9:10]
    assert await mem.read(c.dst, 64) == moved[:62] + moved[9:10] + moved[63:]
    await s.finish()


@cocotb.test(timeout_time=200, timeout_unit="ms")
async def channel_errors(dut):
    """*Stimulus*: SLVERR and DECERR on a descriptor fetch and on a completion write, doorbells outside
    the ring. *Checking*: the channel goes to ERROR with its code, RESET brings it back, it works again;
    neighbours are undisturbed."""
    for kind in ("fetch2", "fetch3", "cpl2", "cpl3", "bell_size", "bell_much", "cons_bell"):
        s = await start(dut)
        ch = s.channel("A", VICTIM)
        mem = s.side("A").mem
        others = neighbours(s)
        want = {"fetch2": Status.FETCH_SLVERR, "fetch3": Status.FETCH_DECERR, "cpl2": Status.CPL_WRITE,
                "cpl3": Status.CPL_WRITE}.get(kind, Status.DOORBELL_RANGE)
        if kind.startswith("fetch"):
            mem.errors([(ch.dr.base, 32 << ch.dr.log2, int(kind[-1]), "r")])
            await ch.post([s.copy("A", VICTIM)])
        elif kind.startswith("cpl"):
            mem.errors([(ch.cr.base, 16 << ch.cr.log2, int(kind[-1]), "w")])
            await ch.post([s.copy("A", VICTIM)])
        elif kind == "bell_size":
            await ch.ring(ch.dr.size)
        elif kind == "bell_much":
            await ch.run([s.copy("A", VICTIM)])
            await ch.ring(0x8002)
        else:
            await s.nodes["A"].axil.write(ch.reg("CRING_CONS"), 3, ch.func)
        status = await ch.until(State.ERROR)
        assert status.error == want, f"{kind}: {status_name(status.error)}, not {status_name(want)}"
        coverage.sample_channel_error(Status(status.error).name)
        mem.errors([])
        await Combine(*others)
        await ch.command(Cmd.RESET)
        await ch.until(State.DISABLED)
        await ch.enable()
        got = await ch.run([s.copy("A", VICTIM, 500, at=100), s.write("A", VICTIM, 500)])
        assert [e.status for e in got] == [0, 0], kind
        await s.finish()


@cocotb.test(timeout_time=100, timeout_unit="ms")
async def bad_rings_and_commands(dut):
    """*Stimulus*: enables with a bad size, alignment or segment of either ring; commands that do not fit
    the state. *Checking*: BAD_RING or BAD_COMMAND in LAST_ERROR, the state stays; a good set-up then works."""
    s = await start(dut)
    node, ch, region = s.nodes["A"], s.channel("A", VICTIM), s.regions["A"][VICTIM]
    for cmd in (Cmd.ENABLE, Cmd.RESUME):
        await ch.command(cmd)
        await Timer(500, "ns")
        status = await ch.status()
        assert status.state == State.ACTIVE and status.error == Status.BAD_COMMAND, (cmd, status)
    await ch.command(Cmd.DRAIN)
    await ch.until(State.DISABLED)
    for cmd in (Cmd.PAUSE, Cmd.RESUME, Cmd.DRAIN):
        await ch.command(cmd)
        await Timer(500, "ns")
        status = await ch.status()
        assert status.state == State.DISABLED and status.error == Status.BAD_COMMAND, (cmd, status)
    gen = node.segments[VICTIM].gen
    await node.segment(EXTRA_SEG, base=region.rings.base, size=1 << 16, rights=ALL_BUT_RING, channel=VICTIM)
    good_values = {"DRING_BASE": ch.dr.value, "DRING_SIZE": ch.dr.log2, "CRING_BASE": ch.cr.value,
                   "CRING_SIZE": ch.cr.log2}
    bad = [("DRING_SIZE", 1), ("DRING_SIZE", 13), ("DRING_SIZE", 0), ("CRING_SIZE", 1), ("CRING_SIZE", 15),
           ("DRING_BASE", ch.dr.value + 32), ("CRING_BASE", ch.cr.value + 16),
           ("DRING_BASE", seg_address(EXTRA_SEG, 0)), ("CRING_BASE", seg_address(EXTRA_SEG, 0)),
           ("DRING_BASE", seg_address(EXTRA_SEG + 1, 0)),
           ("DRING_BASE", node.address(NEIGHBOUR, 0)), ("CRING_BASE", seg_address(VICTIM, 0x1000, gen ^ 2)),
           ("DRING_BASE", seg_address(VICTIM, region.segment_size - 512 + 512 & ~0xFFF, gen))]
    for reg, value in bad:
        for name, fine in good_values.items():
            await node.axil.write(ch.reg(name), value if name == reg else fine, ch.func)
        await ch.command(Cmd.ENABLE)
        await Timer(1000, "ns")
        status = await ch.status()
        assert status.state == State.DISABLED and status.error == Status.BAD_RING, (reg, hex(value), status)
        coverage.sample_channel_error("BAD_RING")
    for name, fine in good_values.items():
        await node.axil.write(ch.reg(name), fine, ch.func)
    await ch.enable()
    got = await ch.run([s.copy("A", VICTIM)])
    assert got[0].status == 0
    coverage.sample_channel_error("BAD_COMMAND")
    await s.finish()


@cocotb.test(timeout_time=100, timeout_unit="ms")
async def foreign_access(dut):
    """*Stimulus*: another function reads and writes every register of a channel's page and the privileged
    region, while that channel works. *Checking*: reads give all ones, writes do nothing (traffic ends as
    the model says), every access is counted against the intruder."""
    s = await start(dut)
    node, ch = s.nodes["A"], s.channel("A", VICTIM)
    intruder = ch.func % 200 + 1
    while intruder in {c.func for c in node.channels.values()}:
        intruder += 1
    others = neighbours(s)
    job = cocotb.start_soon(s.traffic("A", VICTIM, 20, mix=Mix(no_cpl=0)))
    count = 0
    for reg in ("CTRL", "STATUS", "DRING_BASE", "DRING_PROD", "DRING_CONS", "CRING_CONS", "IRQ_ENABLE",
                "CNT_DESC"):
        await node.axil.write(ch.reg(reg), 0x5, intruder)
        assert await node.axil.read(ch.reg(reg), intruder) == (1 << 64) - 1
        count += 2
    for addr in (reg_addr("NODE", "IDENT"), reg_addr("SEG", "CTRL", VICTIM), reg_addr("CHP", "OWNER", VICTIM),
                 reg_addr("PEER", "CTRL"), reg_addr("NODE", "CTRL")):
        await node.axil.write(addr, 0, intruder)
        assert await node.axil.read(addr, intruder) == (1 << 64) - 1
        count += 2
    coverage.sample_disturbance("foreign_write")
    coverage.sample_disturbance("foreign_read")
    got = await job
    assert len(got) == 20 and not any(e.status for e in got)
    await Combine(*others)
    assert await node.read("FUNC", "FOREIGN_CNT", intruder) == count
    last = await node.read("NODE", "FOREIGN_LAST")
    assert reg_field("NODE", "FOREIGN_LAST", "VALID", last)
    assert reg_field("NODE", "FOREIGN_LAST", "FUNC", last) == intruder
    await s.finish()


@cocotb.test(timeout_time=200, timeout_unit="ms")
async def link_disturbed(dut):
    """*Stimulus*: bit flips in data frames and in answers, lost frames, a link that goes away in mid-flight
    and comes back. *Checking*: every operation ends: well, or with LINK_ERROR, PEER_DOWN or OP_TIMEOUT; local
    operations are untouched; after it WRITE works again; the model accepts what happened."""
    s = await start(dut, latency=5)
    ok = {Status.OK, Status.LINK_ERROR, Status.PEER_DOWN, Status.OP_TIMEOUT}
    for kind in ("flip_data", "flip_header", "flip_ack", "lose"):
        s.recorder.fault(s.side("A"), "link_corrupt")
        coverage.sample_disturbance("link_corrupt")
        if kind == "flip_data":
            s.tb.a2b.flip(2, beat=9, bit=17, ftype=0x10)
        elif kind == "flip_header":
            s.tb.a2b.flip(2, beat=0, bit=50, ftype=0x10)
        elif kind == "flip_ack":
            s.tb.b2a.flip(1, beat=2, bit=5, ftype=0x20)
        else:
            s.tb.a2b.lose(3, ftype=0x10)
        work = []
        for i in range(6):
            work += [s.write("A", VICTIM, 1500, tag=i, at=2000 * i),
                     s.copy("A", VICTIM, 100, tag=100 + i, at=16_000 + 128 * i)]
        got = await s.channel("A", VICTIM).run(work, timeout_ns=1_500_000)
        seen = [e.status for e in got]
        assert all(x in ok for x in seen) and not any(e.status for e in got if e.tag >= 100), (kind, seen)
        print(kind, [status_name(x) for x in seen], flush=True)
    faults = s.tb.a2b.get("st_faults") + s.tb.b2a.get("st_faults")
    assert faults >= 4, "the disturbances did not hit"
    crc = sum([await s.nodes[n].read("PEER", "CRC_ERR") for n in s.names])
    assert crc >= 3, f"{crc} CRC errors counted"
    await s.tb.wait_link(timeout_us=2000)
    for _ in range(20):
        got = await s.channel("A", VICTIM).run([s.write("A", VICTIM, 300)])
        if got[0].status == 0:
            break
        await Timer(10, "us")
    assert got[0].status == 0, status_name(got[0].status)
    await s.finish()


@cocotb.test(timeout_time=200, timeout_unit="ms")
async def peer_not_there(dut):
    """*Stimulus*: WRITE before the link is up; then the link; then its pin drops in mid-flight. *Checking*:
    PEER_DOWN, OK, LINK_ERROR with MAY_HAVE_EXECUTED or OK, PEER_DOWN; local traffic is undisturbed."""
    s = await start(dut, link=False)
    ch = s.channel("A", VICTIM)
    region = s.regions["B"][VICTIM]

    def write(size, at=0):
        c = s.copy("A", VICTIM, size)
        return change(c, opcode=Op.WRITE,
                      dst=s.nodes["B"].address(VICTIM, region.offset(region.inbound.base + at)))

    assert [e.status for e in await ch.run([write(100)])] == [Status.PEER_DOWN]
    await s.link_up()
    assert [e.status for e in await ch.run([write(100)])] == [Status.OK]
    s.recorder.fault(s.side("A"), "link_down")
    coverage.sample_disturbance("link_down")
    others = [cocotb.start_soon(s.channel(n, 3).run([s.copy(n, 3, 3000, at=i * 4096) for i in range(6)]))
              for n in s.names]
    await ch.post([write(20000, at=i * 1000) for i in range(4)])
    await Timer(3, "us")
    s.tb.link(False)
    await s.tb.wait_link(False)
    for name in s.names:
        s.recorder.link_state(s.side(name), False)
    got = await ch.wait(4, timeout_ns=1_500_000)
    for e in got:
        assert e.status in (Status.OK, Status.LINK_ERROR, Status.PEER_DOWN), status_name(e.status)
        if e.status == Status.LINK_ERROR:
            assert e.status2 & 1, "MAY_HAVE_EXECUTED is missing"
    assert got[-1].status != Status.OK
    for job in others:
        assert not any(e.status for e in await job)
    assert [e.status for e in await ch.run([write(100)])] == [Status.PEER_DOWN]
    await s.finish()


@cocotb.test(timeout_time=300, timeout_unit="ms")
async def operation_timeout(dut):
    """*Stimulus*: everything that B sends is lost after its answers are due. *Checking*: the WRITE ends with
    OP_TIMEOUT or LINK_ERROR and MAY_HAVE_EXECUTED within the time-outs; COPY works all the time."""
    s = await start(dut)
    ch = s.channel("A", VICTIM)
    s.recorder.fault(s.side("A"), "link_corrupt")
    s.side("B").mem.stall(0b10000)  # B's memory gives no write response: no op-ack
    s.recorder.fault(s.side("B"), "mem_stall")
    await ch.post([s.write("A", VICTIM, 200)])
    got = await s.channel("A", 3).run([s.copy("A", 3, 500)])
    assert got[0].status == 0
    got = await ch.wait(1, timeout_ns=1_500_000)
    assert got[0].status & 0x7F in (Status.OP_TIMEOUT, Status.LINK_ERROR, Status.MEM_TIMEOUT), got
    print("operation_timeout", status_name(got[0].status), flush=True)
    coverage.sample_disturbance("mem_stall")


@cocotb.test(timeout_time=300, timeout_unit="ms")
async def memory_timeout(dut):
    """*Stimulus*: A's memory stops answering (reads, writes, all) in mid-flight for longer than
    STALL_MAX_CYCLES. *Checking*: FATAL is shown, operations end or are reported after the port is back, B is
    not disturbed; a node reset clears it and everything works again."""
    for mask in (0b00010, 0b10000, 0b11111):
        s = await start(dut, latency=5)
        side, ch = s.side("A"), s.channel("A", VICTIM)
        others = [cocotb.start_soon(s.channel("B", 3).run([s.copy("B", 3, 3000, at=i * 4096)
                                                           for i in range(8)]))]
        await ch.post([s.copy("A", VICTIM, 4000, at=i * 100) for i in range(6)])
        await side.cycles(150)
        s.recorder.fault(side, "mem_stall")
        coverage.sample_disturbance("mem_stall")
        side.mem.stall(mask)
        await side.cycles(s.tb.params.stall_max_cycles * 2)
        status = await s.nodes["A"].read("NODE", "STATUS")
        assert reg_field("NODE", "STATUS", "FATAL", status), f"stall {mask:05b} is not fatal"
        side.mem.stall(0)
        await side.cycles(2000)
        shown = await ch.status()
        assert shown.state == State.ERROR and shown.error == Status.MEM_TIMEOUT, shown
        coverage.sample_channel_error("MEM_TIMEOUT")
        for job in others:
            assert not any(e.status for e in await job)
        await s.tb.reset_all()
        s2 = await start(dut)
        got = await s2.channel("A", VICTIM).run([s2.copy("A", VICTIM, 4000)])
        assert got[0].status == 0
        await s2.finish()


@pytest.mark.system
@pytest.mark.parametrize("case", [
    "operation_errors", "address_wrap", "channel_errors", "bad_rings_and_commands", "foreign_access",
    "link_disturbed", "peer_not_there", "operation_timeout", "memory_timeout",
])
def test_errors(case):
    run_sim("crl_tb_pair", __name__, BUILDS["64b-8ch"], SYSTEM_SOURCES, sim="verilator", testcase=case,
            public="top")
