# SPDX-License-Identifier: Apache-2.0
"""READ on two nodes: data at awkward places, fences, errors in each request, abort, revocation and loss in its middle.

READ is in the random traffic of all other tests as well; the faults of its descriptors are in test_errors.
"""

from __future__ import annotations

import cocotb
import pytest
from cocotb.triggers import Combine, Timer

from models.gen.carillon_layout import (
    Cmd,
    Desc,
    DescFlag,
    Op,
    State,
    Status,
    status_name,
)
from tb.lib.driver import ALL_RIGHTS
from tb.lib.fastmem import DECERR, SLVERR
from tb.lib.sim import run_sim
from tb.lib.testbed import SYSTEM_SOURCES
from tb.system import coverage
from tb.system.builds import BUILDS, SLICE
from tb.system.channel_agent import settle
from tb.system.harness import System, SystemConfig
from tb.system.items import Mix

PEER = 0x80
VICTIM, NEIGHBOUR, EXTRA_SEG = 1, 2, 20
OTHER = {"A": "B", "B": "A"}
MIX = {Op.READ: 8, Op.WRITE: 4, Op.COPY: 3, Op.FILL: 1, Op.NOP: 1}


def change(d: Desc, **fields) -> Desc:
    return Desc(**{**d.__dict__, **fields})


async def start(dut, **config) -> System:
    s = System(dut)
    use = min(4, s.tb.params.channels)
    config = {"channels": use, "absolute": 0.0, "ring_log2": (5, 5), "qos": False, **config}
    await s.begin(SystemConfig(**config))
    return s


async def bytes_here(s: System, name: str, ch: int, at: int, size: int) -> bytes:
    return await s.side(name).mem.read(s.regions[name][ch].dst.base + at, size)


async def bytes_there(s: System, name: str, ch: int, at: int, size: int) -> bytes:
    return await s.side(OTHER[name]).mem.read(s.regions[OTHER[name]][ch].src.base + at, size)


# data ------------------------------------------------------------------------------------------------
@cocotb.test(timeout_time=400, timeout_unit="ms")
async def lengths_and_offsets(dut):
    """*Stimulus*: READs of awkward lengths (a byte, around a beat, a burst, LINK_MTU and its multiples) at awkward
    offsets on either side, also around 4 KiB edges, many at once, both nodes. *Checking*: every byte, and what lies
    around each destination, by the model and directly."""
    s = await start(dut, channels=1, ring_log2=(6, 6))
    p, rng = s.tb.params, s.rng
    beat, mtu = p.data_w // 8, p.link_mtu
    base = (1, beat - 1, beat, beat + 1, p.max_burst_bytes, p.max_burst_bytes + 1, mtu - 1, mtu, mtu + 1,
            2 * mtu, 2 * mtu + 1, 3 * mtu + beat - 1)
    edges = (0, 1, beat - 1, beat, 4095, 4096 - beat, 4097)
    jobs = []
    for name in s.names:
        work, at = [], 0
        room = s.regions[name][0].dst.size
        for size in rng.sample(base, len(base)):
            src = rng.choice(edges)
            at += rng.choice((1, 3, beat, 64))
            if rng.random() < 0.3:
                at = (at // 4096 + 1) * 4096 - rng.randrange(1, min(size, 64) + 1)
            if at + size + 64 > room:
                break
            d = s.read(name, 0, size, at=src, tag=len(work))
            d.dst += at - src
            work.append((d, src, at, size))
            at += size
        assert len(work) > 5
        jobs.append((name, work, cocotb.start_soon(s.channel(name, 0).run([w[0] for w in work]))))
    for name, work, job in jobs:
        got = await job
        assert not any(e.status for e in got), [status_name(e.status) for e in got]
        for _, src, at, size in work:
            want = await bytes_there(s, name, 0, src, size)
            assert await bytes_here(s, name, 0, at, size) == want, (name, src, at, size)
    await s.finish()


@cocotb.test(timeout_time=200, timeout_unit="ms")
async def fence_orders(dut):
    """*Stimulus*: WRITE, then a fenced READ of the same bytes, then a fenced COPY of what it brought; many rounds on all channels.
    *Checking*: the last copy is what was written: each fence waited for the earlier response, there or here."""
    s = await start(dut)
    jobs = []

    async def go(name, ch):
        fence = 1 << DescFlag.FENCE
        far_name = OTHER[name]
        far, here = s.regions[far_name][ch], s.regions[name][ch]
        for turn in range(6):
            size = s.rng.choice((8, 200, 1500, 2100))
            w = s.write(name, ch, size, at=turn * 64)
            r = s.read(name, ch, size, flags=fence)
            r.src = s.nodes[far_name].address(ch, far.offset(far.inbound.base + turn * 64))
            c = s.copy(name, ch, size, flags=fence)
            c.src, c.dst = r.dst, r.dst + 4096
            got = await s.channel(name, ch).run([w, r, c])
            assert not any(e.status for e in got), [status_name(e.status) for e in got]
            want = await s.side(name).mem.read(here.src.base + turn * 64, size)
            assert await bytes_here(s, name, ch, 4096, size) == want, (name, ch, turn)

    for name in s.names:
        for ch in s.nodes[name].channels:
            jobs.append(cocotb.start_soon(go(name, ch)))
    await Combine(*jobs)
    await s.finish()


# errors ----------------------------------------------------------------------------------------------
def neighbours(s: System, count: int = 10) -> list:
    """READs and others of other channels on both nodes; every one has to end well."""
    async def go(name, ch):
        got = await s.traffic(name, ch, count, mix=Mix(ops=MIX, max_bytes=2000, no_cpl=0))
        bad = [status_name(e.status) for e in got if e.status]
        assert len(got) == count and not bad, f"neighbour {name}{ch} was disturbed: {bad}"

    return [cocotb.start_soon(go(n, c)) for n in s.names for c in (NEIGHBOUR, 3)]


@cocotb.test(timeout_time=200, timeout_unit="ms")
async def errors_in_each_request(dut):
    """*Stimulus*: SLVERR or DECERR at the peer's read or at the write here, on one byte of the first, a middle and the last
    request of fenced READs; other channels busy. *Checking*: the code, with bit 7 from the peer; the READs around it and the
    neighbours end well; the model: what was asked for may be read there, nothing is written here after the end."""
    for resp, kind in ((SLVERR, "r"), (DECERR, "r"), (SLVERR, "w"), (DECERR, "w")):
        s = await start(dut)
        here = kind == "w"
        region = s.regions["A" if here else "B"][VICTIM]
        area = region.dst if here else region.src
        s.side("A" if here else "B").mem.errors([(area.base + 5000, 1, resp, kind)])
        bad = [s.read("A", VICTIM, 4000, at=5000 - k, flags=1 << DescFlag.FENCE) for k in (0, 1500, 3999)]
        around = [s.read("A", VICTIM, 1000, at=4000, flags=1 << DescFlag.FENCE), s.read("A", VICTIM, 900, at=5001)]
        others = neighbours(s)
        got = await s.channel("A", VICTIM).run([*bad, *around])
        name = ("WRITE_" if here else "READ_") + ("SLVERR" if resp == SLVERR else "DECERR")
        want = Status[name] | (0 if here else PEER)
        assert [e.status for e in got] == [want] * 3 + [0, 0], [status_name(e.status) for e in got]
        await Combine(*others)
        await s.finish()


@cocotb.test(timeout_time=300, timeout_unit="ms")
async def operation_timeout(dut):
    """*Stimulus*: the peer's memory returns a beat now and then, for longer than OP_TIMEOUT_CYCLES, while READs are
    under way; COPY and WRITE of another channel meanwhile. *Checking*: OP_TIMEOUT, never with MAY_HAVE_EXECUTED; the other
    channel is not disturbed; what the peer still sends is not written (model); READ works again."""
    s = await start(dut, latency=5, back_pressure=0)
    ch, far = s.channel("A", VICTIM), s.side("B")
    s.recorder.fault(far, "mem_stall")
    coverage.sample_disturbance("mem_stall")
    far.mem.stall(0b00010)
    await ch.post([s.read("A", VICTIM, 6000, at=i * 6000) for i in range(2)])
    other = cocotb.start_soon(s.channel("A", 3).run(
        [s.copy("A", 3, 900, at=1024 * i) for i in range(4)] + [s.write("A", 3, 900, at=1024 * i) for i in range(4)]))
    got = []
    for _ in range(3 * s.tb.params.op_timeout_cycles // 6000):  # never long enough to be fatal
        await far.cycles(6000)
        far.mem.stall(0)
        await far.cycles(2)
        far.mem.stall(0b00010)
        got += await ch.reap()
        if len(got) == 2:
            break
    far.mem.stall(0)
    assert [e.status for e in got] == [Status.OP_TIMEOUT] * 2, [status_name(e.status) for e in got]
    assert not any(e.status2 for e in got), "a READ changes nothing at the peer"
    assert not any(e.status for e in await other)
    s.recorder.fault(far, "mem_clean")
    assert [e.status for e in await ch.run([s.read("A", VICTIM, 5000)])] == [0]
    await s.finish()


# life ------------------------------------------------------------------------------------------------
@cocotb.test(timeout_time=300, timeout_unit="ms")
async def abort_stops_a_long_one(dut):
    """*Stimulus*: a READ of tens of KiB with others behind; ABORT or RESET in the middle, at eight moments. *Checking*: ABORTED, one
    completion (none after RESET), those behind have none; what the peer still answers is not written; the next life works."""
    s = await start(dut, channels=1, latency=20, back_pressure=0)
    ch = s.channel("A", 0)
    size = min(60_000, s.regions["A"][0].dst.size - 64)
    for turn in range(8):
        cmd = (Cmd.ABORT, Cmd.RESET)[turn % 2]
        await ch.post([s.read("A", 0, size, tag=1), s.read("A", 0, 100, tag=2)])
        await s.tb.a.cycles(s.rng.randrange(150, 900))
        await ch.command(cmd)
        await ch.until(State.DISABLED, timeout_ns=5_000_000)
        got = await ch.reap()
        if cmd == Cmd.ABORT:
            assert [(e.tag, e.status) for e in got] == [(1, Status.ABORTED)], [status_name(e.status) for e in got]
        else:
            assert not got
        coverage.sample_disturbance(cmd.name.lower())
        before = await bytes_here(s, "A", 0, 0, size)
        await s.tb.a.cycles(1500)
        assert await bytes_here(s, "A", 0, 0, size) == before, "written after DISABLED"
        await ch.enable()
        assert [e.status for e in await ch.run([s.read("A", 0, 100)])] == [0]
    await s.finish()


@cocotb.test(timeout_time=300, timeout_unit="ms")
async def revoked_in_the_middle(dut):
    """*Stimulus*: a long READ; in the middle its destination's segment here, or its source's at the peer, gets a new key, at
    many moments, and asks for the acknowledgement; other channels read. *Checking*: KEY_REVOKED, with bit 7 from the
    peer; after the acknowledgement no access with the old key, there or here (model); after the completion the
    destination does not change; neighbours end well; with the new key READ works."""
    s = await start(dut, latency=10)
    use = len(s.nodes["A"].channels)
    victim = 0 if use == 1 else VICTIM
    ch, seen = s.channel("A", victim), set()
    size = min(24_000, s.regions["A"][victim].dst.size - 64)
    for turn in range(10):
        where = ("A", "B")[turn % 2]
        # Segments of their own, so that the rings keep theirs.
        for name, kind in (("A", "dst"), ("B", "src")):
            region = s.regions[name][victim]
            area = region.dst if kind == "dst" else region.src
            await s.nodes[name].segment(EXTRA_SEG, base=area.base, size=area.size, channel=victim,
                                        gen=2 * turn + 1, rights=ALL_RIGHTS)
        d = change(s.read("A", victim, size), src=s.nodes["B"].address(EXTRA_SEG, 0),
                   dst=s.nodes["A"].address(EXTRA_SEG, 0))
        others = neighbours(s, 6) if use > 3 else []
        await ch.post([d])
        await s.tb.a.cycles(s.rng.randrange(100, 100 + 150_000 // s.tb.params.data_w))
        entry = s.nodes[where].segments[EXTRA_SEG]
        await s.nodes[where].segment(EXTRA_SEG, base=entry.base, size=entry.size, channel=victim,
                                     gen=2 * turn + 2, rights=ALL_RIGHTS)
        coverage.sample_disturbance("revoke_source" if where == "B" else "revoke_destination")
        await s.acknowledged(where, turn + 1)
        got = await ch.wait(1)
        want = Status.KEY_REVOKED | (PEER if where == "B" else 0)
        assert got[0].status in (0, want), status_name(got[0].status)
        seen.add(got[0].status)
        before = await bytes_here(s, "A", victim, 0, size)
        for job in others:
            await job
        await s.tb.a.cycles(1000)
        assert await bytes_here(s, "A", victim, 0, size) == before, "written after the completion"
        d = change(d, src=s.nodes["B"].address(EXTRA_SEG, 0), dst=s.nodes["A"].address(EXTRA_SEG, 0))
        assert [e.status for e in await ch.run([d])] == [0]
    assert {Status.KEY_REVOKED, Status.KEY_REVOKED | PEER} <= seen, seen
    report = await s.finish()
    assert report.revocations == 10, report


@cocotb.test(timeout_time=300, timeout_unit="ms")
async def link_lost_in_the_middle(dut):
    """*Stimulus*: long READs both ways; the link's pins drop at a random moment; in every other turn one memory
    returns no read data then; after that a new epoch. *Checking*: OK, LINK_ERROR or PEER_DOWN, never with
    MAY_HAVE_EXECUTED; nothing is written after the completion (model); no answer of the old session is taken for
    the new one's; READ works again with all its slots."""
    s = await start(dut)
    use = min(2, len(s.nodes["A"].channels))
    rng, seen = s.rng, set()
    lanes = [s.channel(name, ch) for name in s.names for ch in range(use)]
    for turn in range(8):
        for name in s.names:
            for ch in range(use):
                await s.channel(name, ch).post(
                    [s.read(name, ch, rng.randrange(1, 9000), at=9001 * i) for i in range(4)])
        await s.tb.a.cycles(rng.randrange(50, 50 + 250_000 // s.tb.params.data_w))
        deaf = s.side(rng.choice(s.names))
        if turn % 2:
            deaf.mem.stall(0b00010)
            await deaf.cycles(rng.randrange(200))
        await s.link_down()
        await Timer(1, "us")
        deaf.mem.stall(0)
        for channel in lanes:
            await settle(channel)
            for e in await channel.reap():
                assert e.status in (0, Status.LINK_ERROR, Status.PEER_DOWN), status_name(e.status)
                assert e.status2 == 0, "a READ changes nothing at the peer"
                seen.add(e.status)
        await s.link_up(epoch=turn + 2)
        for channel in lanes:
            name = channel.node.side.name
            got = await channel.run([s.read(name, channel.ch, 3000, at=3001 * i) for i in range(12)])
            assert not any(e.status for e in got), [status_name(e.status) for e in got]
    coverage.sample_disturbance("link_down")
    assert Status.LINK_ERROR in seen
    await s.finish()


@cocotb.test(timeout_time=300, timeout_unit="ms")
async def bits_flip(dut):
    """*Stimulus*: single bits of requests and of answers are spoiled, frames are lost, in both directions, under
    READs of both nodes. *Checking*: all end well: the link repairs it; every byte is right."""
    s = await start(dut, latency=5)
    s.recorder.fault(s.side("A"), "link_corrupt")
    coverage.sample_disturbance("link_corrupt")
    for turn in range(6):
        pipe, back = (s.tb.a2b, s.tb.b2a) if turn % 2 else (s.tb.b2a, s.tb.a2b)
        if turn < 2:
            pipe.flip(2, beat=0, bit=60, ftype=0x12)
            back.flip(2, beat=9, bit=1, ftype=0x22)
        elif turn < 4:
            pipe.lose(2, ftype=0x12)
            back.flip(3, beat=1, bit=5, ftype=0x22)
        else:
            pipe.flip(3, beat=0, bit=50, ftype=0x12)
            back.lose(2, ftype=0x22)
        jobs = [cocotb.start_soon(s.channel(n, 0).run([s.read(n, 0, 2500, at=2600 * i) for i in range(6)],
                                                       timeout_ns=1_500_000)) for n in s.names]
        for name, job in zip(s.names, jobs, strict=True):
            got = await job
            assert not any(e.status for e in got), (turn, [status_name(e.status) for e in got])
            for i in range(6):
                want = await bytes_there(s, name, 0, 2600 * i, 2500)
                assert await bytes_here(s, name, 0, 2600 * i, 2500) == want
    assert s.tb.a2b.get("st_faults") + s.tb.b2a.get("st_faults") >= 6, "the disturbances did not hit"
    await s.finish()


@pytest.mark.system
@pytest.mark.parametrize("build", SLICE)
@pytest.mark.parametrize("case", [
    "lengths_and_offsets", "fence_orders", "abort_stops_a_long_one", "revoked_in_the_middle",
    "link_lost_in_the_middle", "bits_flip",
])
def test_read(case, build):
    run_sim("crl_tb_pair", __name__, BUILDS[build], SYSTEM_SOURCES, sim="verilator", testcase=case,
            public="top")


@pytest.mark.system
@pytest.mark.parametrize("case", ["errors_in_each_request", "operation_timeout"])
def test_read_errors(case):
    run_sim("crl_tb_pair", __name__, BUILDS["64b-8ch"], SYSTEM_SOURCES, sim="verilator", testcase=case,
            public="top")


@pytest.mark.system
@pytest.mark.parametrize("case,seed", [
    ("revoked_in_the_middle", 13),  # model: a READ that stops asking without CANCEL is no fault of the wire
    ("revoked_in_the_middle", 18),
])
def test_read_seeds(case, seed):
    """Runs that once found something."""
    run_sim("crl_tb_pair", __name__, BUILDS["64b-8ch"], SYSTEM_SOURCES, sim="verilator", testcase=case,
            public="top", seed=seed)
