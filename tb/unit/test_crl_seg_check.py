# SPDX-License-Identifier: Apache-2.0
"""crl_seg_check against the golden model, with faults one at a time and several together."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

from models.gen.carillon_layout import Status
from models.segments import R_LOCAL, R_REMOTE, Segment, SegmentTable, User
from tb.lib.sim import run_sim

INDEX = 3


@dataclass(frozen=True)
class Request:
    seg: Segment
    idx_ok: bool
    gen: int
    offset: int
    length: int
    rights: int
    channel: int
    peer: int
    remote: bool

    def expect(self):
        table = SegmentTable(4)
        table.set(INDEX, self.seg)
        index = INDEX if self.idx_ok else 4
        return table.check(index << 52 | self.gen << 40 | self.offset, self.length,
                           User(self.channel, self.peer if self.remote else None), self.rights)


def good(rng):
    remote = rng.random() < 0.5
    size = rng.choice([1, 4096, 5001, 1 << 40, rng.randrange(1, 1 << 40)])
    length = rng.choice([1, size, rng.randrange(1, size + 1)])
    length = min(length, (1 << 33) - 1)
    offset = min(rng.choice([0, size - length, rng.randrange(size - length + 1)]), (1 << 40) - 1)
    peer, rights = rng.randrange(3), rng.getrandbits(4)
    seg = Segment(True, rng.getrandbits(48) << 12, size,
                  rights | (R_REMOTE if remote else R_LOCAL) | rng.getrandbits(4),
                  rng.randrange(64), rng.choice([peer, 15]), rng.getrandbits(12))
    return Request(seg, True, seg.gen, offset, length, rights, seg.channel, peer, remote)


def spoil(rng, r):
    """Add one fault, or a step to the edge of one."""
    seg = r.seg
    kind = rng.randrange(11)
    if kind == 0:
        return replace(r, idx_ok=False)
    if kind == 1:
        return replace(r, seg=replace(seg, valid=False))
    if kind == 2:
        return replace(r, gen=r.gen ^ 1 << rng.randrange(12))
    if kind == 3:
        return replace(r, channel=r.channel ^ 1 << rng.randrange(8))
    if kind == 4:
        return replace(r, seg=replace(seg, peer=rng.randrange(15)))
    if kind == 5:
        return replace(r, remote=not r.remote)
    if kind == 6:
        return replace(r, rights=r.rights | 1 << rng.randrange(4))
    if kind == 7:
        return replace(r, length=min(max(seg.size - r.offset + rng.randrange(2), 1), (1 << 33) - 1))
    if kind == 8:
        return replace(r, offset=rng.getrandbits(40))
    if kind == 9:
        # As high as a segment of its size may lie: the table holds none that runs past 2^64.
        return replace(r, seg=replace(seg, base=((1 << 64) - seg.size) & ~0xFFF))
    return replace(r, length=rng.getrandbits(33))


@cocotb.test()
async def against_model(dut):
    """Stimulus: 4000 requests with none to four faults, one a cycle. Checking: status, ok and
    address against the golden model; every status happens often."""
    rng = random.Random(cocotb.RANDOM_SEED)
    Clock(dut.clk, 10, "ns").start()
    seen, last, tampered = {}, None, 0
    for _ in range(4000):
        request = good(rng)
        for _ in range(rng.choice([0, 1, 1, 1, 2, 4])):
            request = spoil(rng, request)
        await FallingEdge(dut.clk)
        if last is not None:
            want = last.expect()
            got = (bool(dut.ok.value), int(dut.status.value))
            assert got == (want.ok, want.status), f"{last}: {got}, expected {want}"
            if want.ok:
                assert int(dut.addr.value) == want.addr, f"{last}: address"
            seen[want.status] = seen.get(want.status, 0) + 1
            tampered += got == (want.ok, want.status ^ 1)
        for name, value in (
            ("seg_entry", request.seg.pack()), ("idx_ok", request.idx_ok), ("gen", request.gen),
            ("offset", request.offset), ("len", request.length), ("need_right", request.rights),
            ("channel", request.channel), ("peer", request.peer), ("is_remote", request.remote),
        ):
            getattr(dut, name).value = value
        last = request
    wanted = (Status.OK, Status.SEG_INVALID, Status.KEY_REVOKED, Status.SEG_BINDING,
              Status.SEG_RIGHTS, Status.SEG_RANGE)
    assert min(seen.get(s, 0) for s in wanted) > 15, seen
    assert tampered == 0, "a wrong expectation was met"


@cocotb.test()
async def comparison_fails(dut):
    """Stimulus: a good request, then the same with another entry. Checking: the outcome differs
    from the one expected before, so that the comparison can fail."""
    rng = random.Random(cocotb.RANDOM_SEED)
    Clock(dut.clk, 10, "ns").start()
    request = good(rng)
    outcome = []
    for seg in (request.seg, replace(request.seg, valid=False)):
        await FallingEdge(dut.clk)
        for name, value in (
            ("seg_entry", seg.pack()), ("idx_ok", 1), ("gen", request.gen),
            ("offset", request.offset), ("len", request.length), ("need_right", request.rights),
            ("channel", request.channel), ("peer", request.peer), ("is_remote", request.remote),
        ):
            getattr(dut, name).value = value
        await FallingEdge(dut.clk)
        outcome.append((bool(dut.ok.value), int(dut.status.value)))
    assert outcome == [(True, 0), (False, int(Status.SEG_INVALID))]


def test_crl_seg_check(sim):
    run_sim("crl_seg_check", __name__, sim=sim)
