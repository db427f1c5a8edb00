# SPDX-License-Identifier: Apache-2.0
"""WRITE_IMM on two nodes: data and the receiver's entry, a receiver that is late or never ready, and its ends.

WRITE_IMM is in the random traffic of all other tests as well; the faults of its descriptors are in test_errors.
"""

from __future__ import annotations

import cocotb
import pytest
from cocotb.triggers import Timer
from cocotb.utils import get_sim_time

from models.gen.carillon_layout import (
    Cmd,
    CqeKind,
    DescFlag,
    Op,
    State,
    Status,
    Status2,
    status_name,
)
from tb.lib.sim import run_sim
from tb.lib.testbed import SYSTEM_SOURCES
from tb.system import coverage
from tb.system.builds import BUILDS, SLICE
from tb.system.channel_agent import settle
from tb.system.harness import System, SystemConfig
from tb.system.items import Mix

PEER = 0x80
NOT_READY = int(Status.RECEIVER_NOT_READY) | PEER
MAY = 1 << Status2.MAY_HAVE_EXECUTED
OTHER = {"A": "B", "B": "A"}


async def start(dut, **config) -> System:
    s = System(dut)
    use = min(4, s.tb.params.channels)
    await s.begin(SystemConfig(**{"channels": use, "absolute": 0.0, "ring_log2": (5, 5), "qos": False, **config}))
    return s


class Reader:
    """Software at a receiver that takes its entries as they come."""

    def __init__(self, s: System, name: str, ch: int) -> None:
        self.system, self.name, self.ch, self.over = s, name, ch, False
        self.task = cocotb.start_soon(self._loop())

    async def _loop(self) -> None:
        while not self.over:
            await self.system.channel(self.name, self.ch).reap()
            await self.system.side(self.name).cycles(40)

    async def end(self) -> None:
        """At its next look: to cancel it in mid-access would jam the players."""
        self.over = True
        await self.task


async def told(s: System, name: str, ch: int, count: int, timeout_ns: int = 300_000) -> list:
    """The first `count` messages of a channel, all of them of kind IMMEDIATE."""
    c = s.channel(name, ch)
    for _ in range(timeout_ns // 500):
        if len(c.messages) >= count:
            break
        await Timer(500, "ns")
    assert len(c.messages) >= count, f"{len(c.messages)} of {count} messages"
    assert all(e.kind == CqeKind.IMMEDIATE for e in c.messages)
    return c.messages


async def arrived(s: System, name: str, ch: int, at: int, size: int) -> bool:
    """The bytes of s.write(name, ch, size, at=at) are at the peer."""
    far = OTHER[name]
    want = await s.side(name).mem.read(s.regions[name][ch].src.base + at, size)
    return await s.side(far).mem.read(s.regions[far][ch].inbound.base + at, size) == want


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def lengths(dut):
    """*Stimulus*: WRITE_IMM of no byte, one, around a beat, a burst, LINK_MTU and its multiples, WRITEs in between, both nodes
    at once. *Checking*: bytes, immediates and counts at the receiver in order, all by the model too."""
    s = await start(dut, channels=1, ring_log2=(6, 6))
    p, jobs = s.tb.params, []
    mtu, beat = p.link_mtu, p.data_w // 8
    sizes = [0, 1, beat, p.max_burst_bytes + 1, mtu - 1, mtu, mtu + 1, 2 * mtu, 3 * mtu + 5]
    for name in s.names:
        work, at = [], 0
        for i, size in enumerate(s.rng.sample(sizes, len(sizes))):
            work += [s.write_imm(name, 0, size, imm=0x1000 + i, at=at, flags=(i % 3 == 0) << DescFlag.NOTIFY),
                     s.write(name, 0, 77, at=at + size)]
            at += size + 100
        jobs.append((name, work, cocotb.start_soon(s.channel(name, 0).run(work))))
    for name, work, job in jobs:
        got = await job
        assert not any(e.status for e in got), [status_name(e.status) for e in got]
        reap = Reader(s, OTHER[name], 0)
        messages = await told(s, OTHER[name], 0, len(sizes))
        await reap.end()
        want = [(d.operand, d.length) for d in work if d.opcode == Op.WRITE_IMM]
        assert [(e.immediate, e.bytes) for e in messages] == want
    await s.finish()


def small_ring(s: System, name: str, ch: int) -> None:
    """Its software reads nothing; the ring has three slots."""
    s.channel(name, ch).auto_consume = False


async def post_imms(s: System, name: str, ch: int, count: int, sizes=(0, 40, 900, 2500)) -> list:
    work = [s.write_imm(name, ch, sizes[i % len(sizes)], imm=i + 1, at=3000 * i, tag=i) for i in range(count)]
    await s.channel(name, ch).post(work)
    return work


async def three_slots(s: System, name: str, ch: int, at: int, count: int = 3) -> None:
    """All slots of a receiver's ring of four are free: so many messages come through, no more."""
    far = OTHER[name]
    await s.channel(far, ch).reap()
    await s.channel(far, ch).consume()
    await s.side(far).cycles(60)
    before = len(s.channel(far, ch).messages)
    await s.channel(name, ch).retry(0, 0)
    got = await s.channel(name, ch).run([s.write_imm(name, ch, 16, imm=i, at=at + 16 * i) for i in range(count + 1)])
    assert [e.status for e in got] == [0] * count + [NOT_READY], [status_name(e.status) for e in got]
    await s.channel(far, ch).reap()
    assert len(s.channel(far, ch).messages) == before + count
    await s.channel(far, ch).consume()
    await s.side(far).cycles(60)


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def receiver_late(dut):
    """*Stimulus*: more messages of all sizes than the receiver's ring has slots, WRITEs and a fence between them; its software
    sleeps, then reads; the other channels work. *Checking*: what has no slot waits and comes later, once and in order; the
    other channels end well meanwhile."""
    s = await start(dut, ring_log2=(4, 2), latency=5)
    small_ring(s, "B", 0)
    await s.channel("A", 0).retry(255, 1)
    work = []
    for i in range(7):
        work += [s.write_imm("A", 0, (900, 0, 2500, 40)[i % 4], imm=100 + i, at=3000 * i, flags=(i == 4) << DescFlag.FENCE),
                 s.write("A", 0, 99, at=3000 * i + 2700)]
    mine = cocotb.start_soon(s.channel("A", 0).run(work, timeout_ns=3_000_000))
    others = [cocotb.start_soon(s.traffic(n, c, 10, mix=Mix(max_bytes=2000, no_cpl=0))) for n in s.names
              for c in range(1, len(s.nodes["A"].channels))]
    for job in others:
        assert not any(e.status for e in await job)
    await s.side("B").cycles(6000)
    await s.channel("B", 0).reap()
    assert len(s.channel("B", 0).messages) == 3 and not mine.done()
    s.channel("B", 0).auto_consume = True
    await s.channel("B", 0).consume()
    reap = Reader(s, "B", 0)
    got = await mine
    assert not any(e.status for e in got), [status_name(e.status) for e in got]
    messages = await told(s, "B", 0, 7)
    await reap.end()
    assert [e.immediate for e in messages] == list(range(100, 107))
    for d in work:
        assert await arrived(s, "A", 0, d.src - s.write("A", 0).src, d.length)
    await s.finish()


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def receiver_never(dut):
    """*Stimulus*: messages to a receiver that never reads, with no, one and three further attempts; then a WRITE.
    *Checking*: RECEIVER_NOT_READY with bit 7, no second status, nothing written, after the time that CHP.RETRY says; the channel
    goes on."""
    s = await start(dut, ring_log2=(4, 2), latency=0, back_pressure=0, delay=1, link_stalls=False)
    small_ring(s, "B", 0)
    a = s.channel("A", 0)
    assert not any(e.status for e in await a.run([s.write_imm("A", 0, 8, imm=i, at=30_000 + 8 * i) for i in range(3)]))
    for size in (0, 700, 5000):
        for count, time in ((0, 9), (1, 3), (3, 2)):
            await a.retry(count, time)
            t0 = get_sim_time("ns")
            got = await a.run([s.write_imm("A", 0, size, at=64, imm=7), s.write("A", 0, 64, at=20_000)])
            cycles = (get_sim_time("ns") - t0) * 1000 / s.tb.a.period
            assert [e.status for e in got] == [NOT_READY, 0] and not got[0].status2, [status_name(e.status) for e in got]
            assert count * time * 256 <= cycles <= count * (time + 2) * 256 + 2500 + 300 * count, (count, time, cycles)
    await s.channel("B", 0).reap()
    assert len(s.channel("B", 0).messages) == 3
    await s.finish()


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def given_up(dut):
    """*Stimulus*: ABORT or RESET of the sender at many moments of a message of one frame or of several, with a receiver that is
    ready or not. *Checking*: DISABLED soon; OK, ABORTED, or nothing after RESET; the receiver's slot comes back each time."""
    s = await start(dut, channels=1, ring_log2=(4, 2), latency=2, back_pressure=0)
    small_ring(s, "B", 0)
    a, seen = s.channel("A", 0), set()
    for turn in range(16):
        await a.retry(255, 255 if turn % 4 == 3 else 0)
        if turn % 4 == 3:
            await a.run([s.write_imm("A", 0, 8, imm=i, at=20_000 + 200 * turn + 8 * i) for i in range(3)])
        await a.post([s.write_imm("A", 0, (500, 7000)[turn // 2 % 2], imm=turn)])
        await s.tb.a.cycles(40 + 23 * s.rng.randrange(turn + 1))
        cmd = (Cmd.ABORT, Cmd.RESET)[turn % 2]
        await a.command(cmd)
        await a.until(State.DISABLED, timeout_ns=60_000)
        got = await a.reap()
        assert all(e.status in (0, Status.ABORTED) and not e.status2 for e in got), [status_name(e.status) for e in got]
        seen |= {e.status for e in got}
        assert len(got) == 1 or cmd == Cmd.RESET
        await a.enable()
        await s.tb.a.cycles(600)
        await three_slots(s, "A", 0, 20_050 + 200 * turn)
    assert Status.ABORTED in seen
    await s.finish()


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def receiver_disabled(dut):
    """*Stimulus*: ABORT or RESET of the receiver's channel at many moments of long messages to it, then ENABLE.
    *Checking*: DISABLED soon, though the message has frames to come; OK, ABORTED or RECEIVER_NOT_READY with bit 7 at the sender; no
    entry in the next life but for what is sent in it, and all of its slots."""
    s = await start(dut, channels=1, ring_log2=(4, 2), latency=2, back_pressure=0)
    small_ring(s, "B", 0)
    a, b, seen = s.channel("A", 0), s.channel("B", 0), set()
    for turn in range(12):
        await a.retry(0, 0)
        await a.post([s.write_imm("A", 0, 7000, imm=turn), s.write_imm("A", 0, 9000, imm=turn, at=8000)])
        await s.tb.a.cycles(60 + s.rng.randrange(1, 150_000 // s.tb.params.data_w))
        await b.command((Cmd.ABORT, Cmd.RESET)[turn % 2])
        await b.until(State.DISABLED, timeout_ns=60_000)
        got = await a.wait(2)
        assert all(e.status in (0, Status.ABORTED | PEER, NOT_READY) for e in got), [status_name(e.status) for e in got]
        seen |= {e.status for e in got}
        await b.enable()
        await three_slots(s, "A", 0, 20_050 + 200 * turn)
    assert {Status.ABORTED | PEER, NOT_READY} <= seen, seen
    await s.finish()


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def link_lost(dut):
    """*Stimulus*: the link falls while a message waits for another attempt, and at many moments of others; then a new epoch.
    *Checking*: PEER_DOWN without MAY_HAVE_EXECUTED for what waits; OK, LINK_ERROR with it or PEER_DOWN else; no slot of the receiver
    is lost; messages come through again."""
    s = await start(dut, channels=1, ring_log2=(4, 2), latency=2, back_pressure=0)
    small_ring(s, "B", 0)
    a = s.channel("A", 0)
    for turn in range(6):
        waits = turn % 3 == 0
        await a.retry(255, 255 if waits else 0)
        if waits:
            await a.run([s.write_imm("A", 0, 8, imm=i, at=20_000 + 200 * turn + 8 * i) for i in range(3)])
        await a.post([s.write_imm("A", 0, (700, 6000)[turn % 2], imm=turn)])
        await s.tb.a.cycles(900 if waits else 50 + s.rng.randrange(1, 100_000 // s.tb.params.data_w))
        await s.link_down()
        await settle(a)
        got = await a.reap()
        await s.link_up(epoch=turn + 2)
        for e in got:
            assert e.status in ((Status.PEER_DOWN,) if waits else (0, Status.LINK_ERROR, Status.PEER_DOWN)), status_name(e.status)
            assert e.status2 == (MAY if e.status == Status.LINK_ERROR else 0)
        await s.tb.a.cycles(300)
        await three_slots(s, "A", 0, 20_050 + 200 * turn)
    await s.finish()


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def answers_lost(dut):
    """*Stimulus*: OP_PERMIT, OP_ACK, questions and data frames of messages are lost or spoiled on the wire, with receivers that
    are ready or late. *Checking*: the link repairs it: all end well, each is told once and in order, every byte is right."""
    s = await start(dut, channels=1, ring_log2=(4, 2), latency=5, link_stalls=False)
    s.recorder.fault(s.side("A"), "link_corrupt")
    coverage.sample_disturbance("link_corrupt")
    sizes = (40, 2500, 0, 900, 5000)
    for name in s.names:
        await s.channel(name, 0).retry(255, 0)
    for turn, ftype in enumerate((0x23, 0x20, 0x23, 0x20, 0x11, 0x23)):
        for pipe in (s.tb.a2b, s.tb.b2a):
            if turn % 2:
                pipe.flip(2, beat=0, bit=60, ftype=ftype)
            else:
                pipe.lose(2, ftype=ftype)
        for name in s.names:
            reap = Reader(s, OTHER[name], 0)
            got = await s.channel(name, 0).run(
                [s.write_imm(name, 0, size, imm=16 * turn + i, at=5100 * i) for i, size in enumerate(sizes)],
                timeout_ns=1_500_000)
            assert not any(e.status for e in got), (turn, [status_name(e.status) for e in got])
            assert all([await arrived(s, name, 0, 5100 * i, size) for i, size in enumerate(sizes) if size])
            await told(s, OTHER[name], 0, (turn + 1) * len(sizes))
            await reap.end()
    assert s.tb.a2b.get("st_faults") + s.tb.b2a.get("st_faults") >= 10, "the disturbances did not hit"
    for name in s.names:
        assert [(e.immediate, e.bytes) for e in s.channel(name, 0).messages] == [
            (16 * t + i, n) for t in range(6) for i, n in enumerate(sizes)]
    await s.finish()


@cocotb.test(timeout_time=100, timeout_unit="ms")
async def without(dut):
    """*Stimulus*: WRITE_IMM of several lengths on nodes without messages, other work behind and beside. *Checking*: BAD_OPCODE, no frame and
    no entry; the rest ends well."""
    s = await start(dut)
    for name in s.names:
        work = [s.write_imm(name, 0, n, imm=n, tag=n) for n in (0, 40, 3000)]
        work += [s.write(name, 0, 3000, tag=1, at=8192), s.read(name, 0, 100, tag=2)]
        got = await s.channel(name, 0).run(work)
        assert [e.status for e in got] == [Status.BAD_OPCODE] * 3 + [0, 0], [status_name(e.status) for e in got]
        assert not any(e.status for e in await s.traffic(name, 1, 20, mix=Mix(max_bytes=2000, no_cpl=0, messages=5)))
    await s.finish()
    assert not any(s.channel(name, ch).messages for name in s.names for ch in (0, 1))


CASES = ["lengths", "receiver_late", "receiver_never", "given_up", "receiver_disabled", "link_lost", "answers_lost"]


@pytest.mark.system
@pytest.mark.parametrize("build", SLICE)
@pytest.mark.parametrize("case", CASES)
def test_imm(case, build):
    run_sim("crl_tb_pair", __name__, BUILDS[build], SYSTEM_SOURCES, sim="verilator", testcase=case, public="top")


@pytest.mark.system
@pytest.mark.sweep    # a build of its own
def test_no_send():
    run_sim("crl_tb_pair", __name__, BUILDS["64b-no-send"], SYSTEM_SOURCES, sim="verilator", testcase="without", public="top")
