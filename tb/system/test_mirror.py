# SPDX-License-Identifier: Apache-2.0
"""MIRROR on two nodes: both copies, refusals here and there, errors of memories, revocation, and ends in the middle.

The tests check by themselves, from docs/blocks/rdma.md: every byte of both memories' areas, and the completions.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field

import cocotb
import pytest
from cocotb.triggers import Timer

from models.gen.carillon_layout import (
    Cmd,
    Cqe,
    Desc,
    DescFlag,
    Op,
    SegRight,
    State,
    Status,
    Status2,
    status_name,
)
from tb.lib.driver import ALL_RIGHTS, ChannelDriver, NodeDriver, RingPlace, right_mask
from tb.lib.sim import run_sim
from tb.lib.testbed import SYSTEM_SOURCES, Testbed
from tb.system.builds import BUILDS, SLICE

PEER = 0x80
LOCAL_BAD, PEER_BAD = 1 << Status2.LOCAL_BAD, 1 << Status2.PEER_BAD
BOTH, MAY = LOCAL_BAD | PEER_BAD, 1 << Status2.MAY_HAVE_EXECUTED
SRC, DST, FAR, AREA = 0x10_0000, 0x30_0000, 0x50_0000, 0x8_0000
OTHER = {"A": "B", "B": "A"}
SPARE = 16  # segments from here on are the tests' own


@dataclass
class Pair:
    """Two nodes, a segment of everything a channel, and images of the areas that are written."""

    tb: Testbed
    rng: random.Random
    channels: int
    nodes: dict[str, NodeDriver] = field(default_factory=dict)
    ch: dict[tuple[str, int], ChannelDriver] = field(default_factory=dict)
    data: dict[str, bytes] = field(default_factory=dict)
    image: dict[tuple[str, int], bytearray] = field(default_factory=dict)  # (node, DST or FAR)

    def side(self, name: str):
        return self.tb.a if name == "A" else self.tb.b

    def __getitem__(self, key: tuple[str, int]) -> ChannelDriver:
        return self.ch[key]

    def mirror(self, name: str, ch: int, n: int, *, s: int = 0, d: int = 0, f: int = 0, tag: int = 0, flags: int = 0, good: bool = True,
               **instead: int) -> Desc:
        """Offsets in the channel's part of each area; `good`: both copies will be there."""
        step = AREA // self.channels
        assert max(s, d, f) + n <= step or not good
        s, d, f = s + ch * step, d + ch * step, f + ch * step
        if good:
            self.image[name, DST][d : d + n] = self.data[name][s : s + n]
            self.image[OTHER[name], FAR][f : f + n] = self.data[name][s : s + n]
        return Desc(**{"opcode": Op.MIRROR, "tag": tag, "flags": flags, "length": n, "src": ch << 52 | SRC + s, "dst": ch << 52 | DST + d,
                       "operand": ch << 52 | FAR + f, **instead})

    async def clear(self) -> None:
        """Random sources, the destinations with random bytes too, images of them."""
        for name in self.nodes:
            self.data[name] = self.rng.randbytes(AREA)
            await self.side(name).mem.write(SRC, self.data[name])
            for area in (DST, FAR):
                self.image[name, area] = bytearray(self.rng.randbytes(AREA))
                await self.side(name).mem.write(area, bytes(self.image[name, area]))

    async def same(self, but: dict[tuple[str, int], list[tuple[int, int]]] | None = None) -> None:
        """All areas are as the images say, except for what is undefined: (node, area) -> (offset, bytes)."""
        for (name, area), want in self.image.items():
            got = bytearray(await self.side(name).mem.read(area, AREA))
            for at, n in (but or {}).get((name, area), []):
                want[at : at + n] = got[at : at + n]
            at = next((i for i, (x, y) in enumerate(zip(got, want, strict=True)) if x != y), None)
            assert at is None, f"{name} {area:#x}: differs at {at:#x}"
        self.tb.check_rules()

    def at(self, ch: int, offset: int) -> int:
        return ch * (AREA // self.channels) + offset

    def undefined(self, name: str, ch: int, dst: int, far: int, n: int) -> dict:
        return {(name, DST): [(self.at(ch, dst), n)], (OTHER[name], FAR): [(self.at(ch, far), n)]}


async def start(dut, *, channels: int = 4, latency: int = 0, back_pressure: int = 0, delay: int = 5, log2: int = 7) -> Pair:
    tb, rng = Testbed(dut), random.Random(int(os.environ.get("CRL_SEED", "1")))
    await tb.start(period_a=10_000, period_b=rng.choice((10_000, 8_000)), period_l=rng.choice((10_000, 6_000)), seed=rng.getrandbits(16))
    for pipe in (tb.a2b, tb.b2a):
        pipe.clean()
        pipe.set(delay=delay)
    await tb.link_setup()
    p = Pair(tb, rng, min(channels, tb.params.channels))
    for side in tb.sides:
        node = p.nodes[side.name] = NodeDriver(side)
        side.mem.quiet()
        for c in range(p.channels):
            base = c * 0x2_0000
            await node.segment(c, base=0, size=side.mem.size, channel=c)
            driver = await node.channel(c, func=c + 1, dr=RingPlace(base, log2, node.address(c, base)),
                                        cr=RingPlace(base + 0x1_0000, log2, node.address(c, base + 0x1_0000)), peer_ch=c)
            await driver.enable()
            p.ch[side.name, c] = driver
    await p.clear()
    for side in tb.sides:
        side.mem.set(latency=latency)
        side.mem.back_pressure(back_pressure)
    return p


def show(got: list[Cqe]) -> list[tuple[str, int]]:
    return [(status_name(e.status), e.status2) for e in got]


def expect(got: list[Cqe], status: int, status2: int) -> None:
    assert all(e.status == status and e.status2 == status2 for e in got), show(got)


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def lengths(dut):
    """*Stimulus*: MIRRORs of one byte, around a beat, a burst, a frame and several, all lanes of the three addresses, on all channels
    of both nodes at once, over short and long links, with and without back-pressure. *Checking*: OK, bytes told and written,
    every byte of both copies, nothing beside them."""
    for latency, back_pressure, delay in ((0, 0, 2), (20, 0, 60), (3, 60, 10)):
        p = await start(dut, latency=latency, back_pressure=back_pressure, delay=delay)
        mtu, beat, burst = p.tb.params.link_mtu, p.tb.params.data_w // 8, p.tb.params.max_burst_bytes
        sizes = [1, beat, beat + 1, burst - 1, burst + 1, mtu - 1, mtu, mtu + 1, 2 * mtu, 3 * mtu + 5, 1, 7 * mtu]
        jobs = []
        for (name, c), ch in p.ch.items():
            work, at = [], 0
            for i, n in enumerate(p.rng.sample(sizes, len(sizes))):
                where = [at + p.rng.randrange(2 * beat) for _ in range(3)]
                work.append(p.mirror(name, c, n, s=where[0], d=where[1], f=where[2], tag=i,
                                     flags=p.rng.choice((0, 1 << DescFlag.FENCE, 1 << DescFlag.NOTIFY))))
                at += n + 3 * beat
            jobs.append((work, cocotb.start_soon(ch.run(work, timeout_ns=3_000_000))))
        for work, job in jobs:
            got = await job
            expect(got, 0, 0)
            assert [(e.tag, e.bytes) for e in got] == [(d.tag, d.length) for d in work]
        await p.same()


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def beside_others(dut):
    """*Stimulus*: MIRRORs between WRITEs, READs, COPYs and FILLs of the same and other channels. *Checking*: all end well, and all
    bytes are right."""
    p = await start(dut, latency=10, delay=30)
    jobs = []
    for (name, c), ch in p.ch.items():
        step, work, at = AREA // p.channels, [], 0
        for i in range(24):
            n = p.rng.choice((1, 60, 700, 1024, 3000))
            mine, far, kind = c * step + at, OTHER[name], i % 4 if i % 2 else 0
            if kind == 0:
                work.append(p.mirror(name, c, n, s=at, d=at, f=at, tag=i))
            elif kind == 1:
                p.image[far, FAR][mine : mine + n] = p.data[name][mine : mine + n]
                work.append(Desc(opcode=Op.WRITE, tag=i, length=n, src=c << 52 | SRC + mine, dst=c << 52 | FAR + mine))
            else:
                p.image[name, DST][mine : mine + n] = p.data[far][mine : mine + n]
                work.append(Desc(opcode=Op.READ, tag=i, length=n, src=c << 52 | SRC + mine, dst=c << 52 | DST + mine))
            at += n + p.rng.randrange(1, 40)
        jobs.append((work, cocotb.start_soon(ch.run(work, timeout_ns=3_000_000))))
    for work, job in jobs:
        got = await job
        expect(got, 0, 0)
        assert [(e.tag, e.bytes) for e in got] == [(d.tag, d.length) for d in work]
    await p.same()


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def refused_here(dut):
    """*Stimulus*: MIRRORs with every fault that is found before the first frame, good ones between them. *Checking*: its status,
    LOCAL_BAD and PEER_BAD, nothing written on either side; the good ones are not disturbed."""
    p = await start(dut)
    node, ch = p.nodes["A"], p["A", 0]
    await node.segment(SPARE, base=0, size=p.side("A").mem.size, rights=ALL_RIGHTS & ~right_mask(SegRight.READ))
    await node.segment(SPARE + 1, base=0, size=p.side("A").mem.size, rights=ALL_RIGHTS & ~right_mask(SegRight.WRITE))
    await node.segment(SPARE + 2, base=SRC, size=4096, gen=7)
    await node.segment(SPARE + 3, base=0, size=p.side("A").mem.size, channel=1)
    good, no_read, no_write, short, foreign = 0, SPARE << 52, SPARE + 1 << 52, SPARE + 2 << 52 | 7 << 40, SPARE + 3 << 52
    cases = [
        ({"flags": 1 << 4}, Status.BAD_FLAGS), ({"length": 0}, Status.BAD_LENGTH), ({"src": no_read | SRC}, Status.SEG_RIGHTS),
        ({"dst": no_write | DST}, Status.SEG_RIGHTS), ({"dst": short | 1}, Status.SEG_RANGE), ({"src": short | 4095}, Status.SEG_RANGE),
        ({"dst": SPARE + 2 << 52 | 6 << 40}, Status.KEY_REVOKED), ({"dst": foreign | DST}, Status.SEG_BINDING),
        ({"src": 0x3FF << 52}, Status.SEG_INVALID), ({"src": no_read | SRC, "dst": foreign}, Status.SEG_RIGHTS),
        ({"dst": good | SRC + 4095}, Status.OVERLAP), ({"src": good | DST + 4095}, Status.OVERLAP), ({"dst": good | SRC}, Status.OVERLAP),
    ]
    p.rng.shuffle(cases)
    work, want = [], []
    for i, (fault, status) in enumerate(cases):
        work += [p.mirror("A", 0, 4096, tag=i, good=False, **fault), p.mirror("A", 0, 900, s=i, d=8192 + 1000 * i, f=1000 * i, tag=i)]
        want += [(int(status), BOTH), (0, 0)]
    # Ranges that touch, but share no byte.
    spot = SRC + AREA
    work += [Desc(opcode=Op.MIRROR, length=64, src=spot, dst=spot + 64, operand=FAR), Desc(opcode=Op.MIRROR, length=64, src=spot + 64, dst=spot, operand=FAR)]
    want += [(0, 0)] * 2
    got = await ch.run(work)
    assert [(e.status, e.status2) for e in got] == want, show(got)
    await p.same({("B", FAR): [(0, 64)]})
    await node.write("CHP", "BIND", 0, PEER_CH=0, PEER=0, VALID=0)
    # The destination and the overlap come before the peer.
    faults = [({}, Status.PEER_DOWN), ({"dst": SRC}, Status.OVERLAP), ({"dst": no_write | DST}, Status.SEG_RIGHTS), ({"src": no_read}, Status.SEG_RIGHTS)]
    for fault, status in faults:
        expect(await ch.run([p.mirror("A", 0, 3000, good=False, **fault)]), status, BOTH)
    await p.same()


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def refused_there(dut):
    """*Stimulus*: MIRRORs of one frame and of many whose place at the peer is refused, good ones of this and other channels
    around them. *Checking*: the status with bit 7, both bad, nothing written on either side, the others end well."""
    p = await start(dut, latency=5, delay=40)
    far = p.nodes["B"]
    await far.segment(SPARE, base=0, size=p.side("B").mem.size, rights=ALL_RIGHTS & ~right_mask(SegRight.WRITE))
    await far.segment(SPARE + 1, base=0, size=p.side("B").mem.size, rights=ALL_RIGHTS & ~right_mask(SegRight.REMOTE))
    await far.segment(SPARE + 2, base=FAR, size=4096)
    mtu = p.tb.params.link_mtu
    cases = [(n, operand, status) for n in (1, mtu, mtu + 1, 8 * mtu, 60 * mtu) for operand, status in (
        (SPARE << 52 | FAR, Status.SEG_RIGHTS), (SPARE + 1 << 52 | FAR, Status.SEG_BINDING), (SPARE + 2 << 52 | 4096, Status.SEG_RANGE),
        (SPARE + 2 << 52 | 1 << 40, Status.KEY_REVOKED), (0x7F << 52, Status.SEG_INVALID))]
    p.rng.shuffle(cases)
    work, want = [], []
    for i, (n, operand, status) in enumerate(cases):
        work += [p.mirror("A", 0, n, good=False, operand=operand, tag=i), p.mirror("A", 0, 2500, s=i, d=2600 * i, f=2600 * i, tag=i)]
        want += [(int(status) | PEER, BOTH), (0, 0)]
    job = cocotb.start_soon(p["A", 0].run(work, timeout_ns=3_000_000))
    others = [cocotb.start_soon(p["A", c].run([p.mirror("A", c, 3000, s=i, d=3100 * i, f=3100 * i) for i in range(20)], timeout_ns=3_000_000))
              for c in range(1, p.channels)]
    got = await job
    assert [(e.status, e.status2) for e in got] == want, [x for x in zip(show(got), want, cases, strict=False) if 0 not in x[1]]
    for other in others:
        expect(await other, 0, 0)
    await p.same()
    await far.write("CHP", "BIND", 0, PEER_CH=1 if p.channels > 1 else 5, PEER=0, VALID=1)
    for n in (100, 5 * mtu):
        expect(await p["A", 0].run([p.mirror("A", 0, n, good=False)]), Status.PEER_REFUSED | PEER, BOTH)
    await p.same()


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def memory_errors(dut):
    """*Stimulus*: error responses to writes at the peer, to writes here, to the read, in a frame in the beginning, in the middle and at the
    end, operations of one frame and of several. *Checking*: the status, which copy is told to be bad; a copy that is not told
    to be bad is right; nothing beside the ranges; one frame that failed at the peer is not written here."""
    p = await start(dut, latency=5, delay=20)
    mtu, ch = p.tb.params.link_mtu, p["A", 0]
    a, b = p.side("A").mem, p.side("B").mem
    for code, resp in ((Status.WRITE_SLVERR, 2), (Status.WRITE_DECERR, 3)):
        for n in (50, mtu, 6 * mtu + 9):
            for at in {0, n // 2, n - 1}:
                b.errors([(FAR + at, 1, resp, "w")])
                good = p.mirror("A", 0, 500, d=40_000, f=40_000)
                got = await ch.run([p.mirror("A", 0, n, good=False), good])
                assert [(e.status, e.status2) for e in got] == [(code | PEER, BOTH), (0, 0)], (n, at, show(got))
                b.errors([])
                await p.same({("B", FAR): [(0, n)], **({("A", DST): [(0, n)]} if n > mtu else {})})
                a.errors([(DST + at, 1, resp, "w")])
                got = await ch.run([p.mirror("A", 0, n), good])
                assert [(e.status, e.status2) for e in got] == [(code, LOCAL_BAD), (0, 0)], (n, at, show(got))
                a.errors([])
                await p.same({("A", DST): [(0, n)]})
    for code, resp in ((Status.READ_SLVERR, 2), (Status.READ_DECERR, 3)):
        for n in (50, 6 * mtu + 9, 40 * mtu):
            for at in {0, n // 2, n - 1}:
                a.errors([(SRC + at, 1, resp, "r")])
                got = await ch.run([p.mirror("A", 0, n, good=False)])
                assert [(e.status, e.status2) for e in got] == [(code, BOTH)], (n, at, show(got))
                a.errors([])
                await p.same(p.undefined("A", 0, 0, 0, n))
    expect(await ch.run([p.mirror("A", 0, 3 * mtu)]), 0, 0)
    await p.same()


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def revoked(dut):
    """*Stimulus*: the key of the source, of the destination here, or of the place at the peer is revoked in the middle of long MIRRORs, and
    NODE.REVOKE is asked. *Checking*: OK or KEY_REVOKED (bit 7 for the peer's); after the acknowledgement nothing changes in what was revoked;
    the next one works."""
    p = await start(dut, latency=5, delay=30)
    mtu, ch, seen = p.tb.params.link_mtu, p["A", 0], set()
    n = 40 * mtu
    for turn in range(18):
        which = turn % 3
        name, area = (("A", SRC), ("A", DST), ("B", FAR))[which]
        node = p.nodes[name]
        await node.segment(SPARE, base=area, size=AREA, gen=turn)
        key = ("src", "dst", "operand")[which]
        job = cocotb.start_soon(ch.run([p.mirror("A", 0, n, good=False, **{key: SPARE << 52 | turn << 40})], timeout_ns=3_000_000))
        await p.tb.a.cycles(p.rng.randrange(100, 100 + 9 * n // (p.tb.params.data_w // 8) // 8))
        await node.segment(SPARE, base=area, size=AREA, gen=turn + 1)
        await node.write("NODE", "REVOKE", SEQ=turn + 1)
        for _ in range(2000):
            if await node.field("NODE", "REVOKE", "ACK") == turn + 1:
                break
        else:
            raise AssertionError("the revocation is not acknowledged")
        before = await p.side(name).mem.read(area, AREA)
        (e,) = await job
        assert await p.side(name).mem.read(area, AREA) == before, f"{key} after the acknowledgement"
        seen.add((key, e.status))
        want = {"src": (Status.KEY_REVOKED, BOTH), "dst": None, "operand": (Status.KEY_REVOKED | PEER, BOTH)}[key]
        if e.status == 0:
            assert e.status2 == 0
        elif key == "dst":   # found when a frame is released or when one is issued: the peer's copy may be good
            assert e.status == Status.KEY_REVOKED and e.status2 in (LOCAL_BAD, BOTH), show([e])
        else:
            assert (e.status, e.status2) == want, show([e])
        await p.same(p.undefined("A", 0, 0, 0, n))
        if not e.status2 & PEER_BAD:
            assert await p.side("B").mem.read(FAR, n) == p.data["A"][:n]
        expect(await ch.run([p.mirror("A", 0, 2 * mtu, d=n + 9, f=n + 9)]), 0, 0)
        await p.same()
    assert {("dst", int(Status.KEY_REVOKED)), ("operand", int(Status.KEY_REVOKED) | PEER)} <= seen, seen


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def given_up(dut):
    """*Stimulus*: ABORT or RESET at many moments of MIRRORs of one and of several frames. *Checking*: DISABLED soon; OK or ABORTED with both bad, nothing
    after RESET; once it is DISABLED nothing is written on either side; the next ones work."""
    p = await start(dut, channels=2, latency=8, delay=25)
    mtu, ch, seen = p.tb.params.link_mtu, p["A", 0], set()
    for turn in range(20):
        await ch.post([p.mirror("A", 0, n, good=False, s=0, d=i * 12 * mtu, f=i * 12 * mtu, tag=i)
                       for i, n in enumerate((100, 9 * mtu, mtu, 11 * mtu + 3))])
        await p.tb.a.cycles(p.rng.randrange(40, 1500))
        await ch.command(Cmd.RESET if turn % 3 == 2 else Cmd.ABORT)
        await ch.until(State.DISABLED, timeout_ns=100_000)
        got = await ch.reap()
        areas = [(p.side(name), area) for name, area in p.image]
        before = [await side.mem.read(area, AREA) for side, area in areas]
        for e in got:
            seen.add(e.status)
            assert (e.status, e.status2) in ((0, 0), (Status.ABORTED, BOTH)), show(got)
        await p.tb.a.cycles(1500)
        assert before == [await side.mem.read(area, AREA) for side, area in areas], "something was written later"
        await p.same(p.undefined("A", 0, 0, 0, 48 * mtu))
        await ch.enable()
        expect(await ch.run([p.mirror("A", 0, 3 * mtu, d=50 * mtu, f=50 * mtu), p.mirror("A", 0, 9, d=55 * mtu, f=55 * mtu)]), 0, 0)
        await p.same()
    assert int(Status.ABORTED) in seen, seen


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def link_lost(dut):
    """*Stimulus*: the link is cut at many moments of MIRRORs of all sizes, comes back with a new epoch. *Checking*: OK, LINK_ERROR with
    MAY_HAVE_EXECUTED and both bad, or PEER_DOWN with both bad; after the completions nothing is written here; then all works."""
    p = await start(dut, channels=2, latency=8, delay=25)
    mtu, ch, seen = p.tb.params.link_mtu, p["A", 0], set()
    for turn in range(10):
        work = [p.mirror("A", 0, n, good=False, s=0, d=i * 12 * mtu, f=i * 12 * mtu, tag=i) for i, n in enumerate((100, 9 * mtu, mtu, 11 * mtu + 3))]
        job = cocotb.start_soon(ch.run(work, timeout_ns=3_000_000))
        await p.tb.a.cycles(p.rng.randrange(60, 1500))
        p.tb.link(False)
        got = await job
        before = await p.side("A").mem.read(DST, AREA)
        seen |= {e.status for e in got}
        for e in got:
            assert (e.status, e.status2) in ((0, 0), (Status.LINK_ERROR, BOTH | MAY), (Status.PEER_DOWN, BOTH)), show(got)
        await p.tb.a.cycles(1500)
        assert before == await p.side("A").mem.read(DST, AREA), "something was written later"
        await p.tb.wait_link(False)
        await p.tb.link_setup(epoch=turn + 2)
        await p.same(p.undefined("A", 0, 0, 0, 48 * mtu))
        expect(await ch.run([p.mirror("A", 0, 3 * mtu, d=50 * mtu, f=50 * mtu), p.mirror("A", 0, 9, d=55 * mtu, f=55 * mtu)]), 0, 0)
        await p.same()
    assert int(Status.LINK_ERROR) in seen, seen


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def too_late(dut):
    """*Stimulus*: the peer's memory gives no write response for longer than OP_TIMEOUT_CYCLES; a MIRROR of one frame and one of several on two
    channels. *Checking*: OP_TIMEOUT or LINK_ERROR, MAY_HAVE_EXECUTED, both bad; a last frame is not written here."""
    p = await start(dut, channels=2, latency=2)
    mtu = p.tb.params.link_mtu
    p.side("B").mem.stall(0b10000)
    # One operation a channel: what has not begun waits for credits, which a dead memory does not give back.
    sizes = p.rng.sample((300, 5 * mtu), 2)
    jobs = [cocotb.start_soon(p["A", c].run([p.mirror("A", c, sizes[c], good=False)], timeout_ns=5_000_000)) for c in range(p.channels)]
    for job in jobs:
        for e in await job:
            assert e.status in (Status.OP_TIMEOUT, Status.LINK_ERROR) and e.status2 == BOTH | MAY, show([e])
    await Timer(1, "us")
    await p.same({("B", FAR): [(p.at(c, 0), sizes[c]) for c in range(p.channels)],
                  ("A", DST): [(p.at(c, 0), sizes[c]) for c in range(p.channels) if sizes[c] > mtu]})   # permitted frames may be there


@cocotb.test(timeout_time=100, timeout_unit="ms")
async def without(dut):
    """*Stimulus*: MIRRORs on nodes without MIRROR, other work behind them. *Checking*: BAD_OPCODE, nothing written; the rest ends well."""
    p = await start(dut)
    for name in p.nodes:
        work = [p.mirror(name, 0, n, good=False) for n in (40, 3000)]
        mine = AREA // 2
        p.image[OTHER[name], FAR][mine : mine + 500] = p.data[name][mine : mine + 500]
        work.append(Desc(opcode=Op.WRITE, length=500, src=SRC + mine, dst=FAR + mine))
        got = await p[name, 0].run(work)
        assert [e.status for e in got] == [Status.BAD_OPCODE] * 2 + [0], show(got)
    await p.same()


CASES = ["lengths", "beside_others", "refused_here", "refused_there", "memory_errors", "revoked", "given_up", "link_lost", "too_late"]


@pytest.mark.system
@pytest.mark.sweep    # test_mirrored does most of it, with the golden model
@pytest.mark.parametrize("build", [*SLICE, "64b-small"])
@pytest.mark.parametrize("case", CASES)
def test_mirror(case, build):
    run_sim("crl_tb_pair", __name__, BUILDS[build], SYSTEM_SOURCES, sim="verilator", testcase=case, public="top")


@pytest.mark.system
@pytest.mark.sweep    # a build of its own
def test_no_mirror():
    run_sim("crl_tb_pair", __name__, BUILDS["64b-no-mirror"], SYSTEM_SOURCES, sim="verilator", testcase="without", public="top")
