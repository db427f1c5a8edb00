# SPDX-License-Identifier: Apache-2.0
"""MIRROR under the golden model: both copies among all other traffic, a side that refuses or fails, revocation, and ends in the
middle on either side.

The model knows when the peer has permitted and acknowledged: no byte of the copy here may be written before.
"""

from __future__ import annotations

import cocotb
import pytest
from cocotb.triggers import Timer

from models.gen.carillon_layout import Cmd, Op, State, Status, Status2, status_name
from tb.lib.recorder import now
from tb.lib.sim import run_sim
from tb.lib.testbed import SYSTEM_SOURCES
from tb.system import coverage
from tb.system.base_test import SystemTest, run
from tb.system.builds import BUILDS, SLICE, has_mirror
from tb.system.channel_agent import settle
from tb.system.harness import System, SystemConfig
from tb.system.items import Mix
from tb.system.test_revoke import SILENT_CYCLES, Silence, check_silence, revoke

PEER = 0x80
LOCAL, FAR, MAY = 1 << Status2.LOCAL_BAD, 1 << Status2.PEER_BAD, 1 << Status2.MAY_HAVE_EXECUTED
BOTH = LOCAL | FAR
OTHER = {"A": "B", "B": "A"}


async def start(dut, **config) -> System:
    s = System(dut)
    use = min(config.pop("most", 4), s.tb.params.channels)
    await s.begin(SystemConfig(**{"channels": use, "absolute": 0.0, "ring_log2": (5, 5), "qos": False, **config}))
    return s


async def same(s: System, name: str, ch: int, size: int, at: int, here: int | None = None) -> tuple[bool, bool]:
    """Whether each copy of s.mirror(name, ch, size, at=at, here=here) is what its source is: here, at the peer."""
    far = OTHER[name]
    want = await s.side(name).mem.read(s.regions[name][ch].src.base + at, size)
    mine = await s.side(name).mem.read(s.regions[name][ch].dst.base + (at if here is None else here), size)
    return mine == want, await s.side(far).mem.read(s.regions[far][ch].inbound.base + at, size) == want


# random traffic --------------------------------------------------------------------------------------------
class MirrorTest(SystemTest):
    """MIRRORs among all other operations."""

    COUNT = 30

    def config(self):
        return SystemConfig(mix=Mix(max_bytes=9000, mirrors=14, sends=3, messages=2), retry=(12, 1))


class ManyTest(SystemTest):
    """Nothing else, in small rings with late consumers."""

    COUNT = 40

    def config(self):
        return SystemConfig(mix=Mix(ops={Op.MIRROR: 1}, max_bytes=3000), ring_log2=(2, 3), lazy=0.6)


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def random_mirrors(dut):
    """*Stimulus*: MIRROR of 1 to 9000 bytes at any alignment of its three places mixed with all other operations, messages among
    them, on all channels of both nodes, random delays, stalls, latencies. *Checking*: the golden model explains every access,
    frame, completion and both memories: one read, both copies, none here before its permission."""
    await run(dut, MirrorTest)


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def many_mirrors(dut):
    """*Stimulus*: only MIRRORs on all channels of both nodes at once, so that the hold FIFO is full all the time. *Checking*: as
    random_mirrors."""
    await run(dut, ManyTest)


# one side fails --------------------------------------------------------------------------------------------
@cocotb.test(timeout_time=400, timeout_unit="ms")
async def one_side_fails(dut):
    """*Stimulus*: MIRRORs of one frame and of many; the source, the copy here or the copy there fails at its beginning, in the
    middle, at its end, with SLVERR or DECERR; good ones behind. *Checking*: the code of the side that failed, LOCAL_BAD always,
    PEER_BAD unless the peer's copy is good; what is said to be good is good; the next ones end well."""
    s = await start(dut, most=2, latency=5)
    a, k = s.channel("A", 0), 0
    mtu = s.tb.params.link_mtu
    for what, kind in (("src", "r"), ("here", "w"), ("there", "w")):
        for size, places in ((60, (0, 40)), (mtu, (mtu - 8,)), (5 * mtu + 9, (0, 2 * mtu + 5, 5 * mtu + 1))):
            for place in places:
                k += 1
                resp, at = 2 + k % 2, 64 * (k % 7)
                side = s.side("B" if what == "there" else "A")
                region = s.regions["B" if what == "there" else "A"][0]
                area = {"src": region.src, "here": region.dst, "there": region.inbound}[what]
                side.mem.errors([(area.base + at + place, 4, resp, kind)])
                got = await a.run([s.mirror("A", 0, size, at=at, tag=k), s.mirror("A", 0, 300, at=12_000, tag=1)])
                side.mem.errors([])
                low = Status.READ_SLVERR if kind == "r" else Status.WRITE_SLVERR
                want = int(low) + resp - 2 | (PEER if what == "there" else 0)
                assert [e.status for e in got] == [want, 0], (what, size, place, [status_name(e.status) for e in got])
                assert got[0].status2 in ((BOTH, LOCAL) if what == "here" else (BOTH,)) and not got[1].status2, got[0].status2
                if size <= mtu and what == "here":
                    assert got[0].status2 == LOCAL, "one frame: the peer's copy was acknowledged"
                if not got[0].status2 & FAR:
                    assert (await same(s, "A", 0, size, at))[1]
                assert await same(s, "A", 0, 300, 12_000) == (True, True)
    await s.finish()


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def refused(dut):
    """*Stimulus*: MIRRORs of one frame and of very many that the peer refuses (key, range, right, binding), good ones of the same
    and of other channels around them. *Checking*: the code with bit 7, both copies bad, no byte of either; the others end well."""
    s = await start(dut, latency=5, delay=50)
    b = s.nodes["B"]
    region, gen = s.regions["B"][0], b.segments[0].gen
    end = region.segment_size
    others = [cocotb.start_soon(s.traffic(n, c, 12, mix=Mix(max_bytes=3000, no_cpl=0, mirrors=10)))
              for n in s.names for c in range(1, len(s.nodes["A"].channels))]
    work, want = [], []
    for size in (1, 1000, 5000, 30_000):
        for operand, code in ((gen << 40 ^ 1 << 40, Status.KEY_REVOKED), (gen << 40 | end - size + 1, Status.SEG_RANGE),
                              (30 << 52, Status.SEG_INVALID), (4095 << 52, Status.SEG_INVALID)):
            d = s.mirror("A", 0, size, at=0, here=0)
            d.operand = operand
            place = 40_000 + 704 * len(work)   # one of its own: what two alike do could not be told apart
            work += [d, s.mirror("A", 0, 700, at=place, here=place)]
            want += [(int(code) | PEER, BOTH), (0, 0)]
    before = await s.side("A").mem.read(s.regions["A"][0].dst.base, 30_000)
    got = await s.channel("A", 0).run(work, timeout_ns=2_000_000)
    assert [(e.status, e.status2) for e in got] == want, [(status_name(e.status), e.status2) for e in got]
    assert await s.side("A").mem.read(s.regions["A"][0].dst.base, 30_000) == before
    for job in others:
        assert not any(e.status for e in await job)
    await b.write("CHP", "BIND", 0, PEER_CH=5, PEER=0, VALID=1)
    got = await s.channel("A", 0).run([s.mirror("A", 0, n, at=0) for n in (50, 9000)])
    assert [(e.status, e.status2) for e in got] == [(Status.PEER_REFUSED | PEER, BOTH)] * 2
    await s.finish()


@cocotb.test(timeout_time=600, timeout_unit="ms")
async def revoked(dut):
    """*Stimulus*: long MIRRORs all the time; again and again the segment of their source, of the copy here or of the copy there gets a
    new key and a fence. *Checking*: after each acknowledgement nothing is read or written under the old key; KEY_REVOKED of the right
    side, LOCAL_BAD, or OK for what was through; new keys work."""
    s = await start(dut, most=1, latency=7, ring_log2=(4, 4))
    a, ends, silences = s.channel("A", 0), set(), []
    regions = {n: s.regions[n][0] for n in s.names}
    places = {"src": ("A", 20, regions["A"].src, "revoke_source"), "here": ("A", 21, regions["A"].dst, "revoke_destination"),
              "there": ("B", 22, regions["B"].inbound, "revoke")}
    for name, index, area, _ in places.values():
        await s.nodes[name].segment(index, base=area.base, size=area.size, channel=0)
    size, numbers = min(25_000, regions["A"].src.size // 3), {"A": 0, "B": 0}
    for turn in range(12):
        name, index, area, kind = places[("src", "here", "there")[turn % 3]]
        work = [s.mirror("A", 0, size), s.mirror("A", 0, size)]
        for k, d in enumerate(work):  # places of their own: what two alike do could not be told apart
            d.src, d.dst = s.nodes["A"].address(20, k * size), s.nodes["A"].address(21, k * (size + 5))
            d.operand = s.nodes["B"].address(22, k * (size + 3))
        await a.post(work)
        await s.tb.a.cycles(s.rng.randrange(20, 400_000 // s.tb.params.data_w))
        coverage.sample_disturbance(kind)
        numbers[name] += 1
        _, at = await revoke(s, name, index, numbers[name])
        got = await a.wait(2, timeout_ns=2_000_000)
        await s.side(name).cycles(SILENT_CYCLES)
        silences.append(Silence(name, area.base, area.size, at, now()))
        code = int(Status.KEY_REVOKED) | (PEER if name == "B" else 0)
        for e in got:
            assert e.status in (0, code) and e.status2 in ((0,) if not e.status else (LOCAL, BOTH)), (status_name(e.status), e.status2)
            assert not e.status & PEER or e.status2 == BOTH
            ends.add((kind, e.status))
    await s.finish()
    assert check_silence(s, silences) > 100
    assert {e for _, e in ends} >= {int(Status.KEY_REVOKED), int(Status.KEY_REVOKED) | PEER}, ends


# ends in the middle ----------------------------------------------------------------------------------------
@cocotb.test(timeout_time=400, timeout_unit="ms")
async def given_up(dut):
    """*Stimulus*: ABORT or RESET of the channel at many moments of MIRRORs of one frame and of several; the same of the peer's
    channel, which is not asked. *Checking*: DISABLED soon, nothing written afterwards on either side (model); OK, ABORTED with both
    bad or the one that is; the next life's MIRRORs are right."""
    s = await start(dut, most=1, latency=3, back_pressure=0)
    a, b, seen = s.channel("A", 0), s.channel("B", 0), set()
    for turn in range(16):
        size = (700, 9000)[turn // 2 % 2]
        await a.post([s.mirror("A", 0, size, at=0), s.mirror("A", 0, size, at=10_000)])
        await s.tb.a.cycles(20 + s.rng.randrange(60_000 // s.tb.params.data_w))
        cmd = (Cmd.ABORT, Cmd.RESET)[turn % 2]
        if turn % 8 > 5:
            await b.command(cmd)
            await b.until(State.DISABLED, timeout_ns=60_000)
            got = await a.wait(2)
            assert all(e.status == 0 for e in got), [status_name(e.status) for e in got]
            await b.enable()
        else:
            await a.command(cmd)
            await a.until(State.DISABLED, timeout_ns=60_000)
            got = await a.reap()
            assert all(e.status in (0, Status.ABORTED) for e in got), [status_name(e.status) for e in got]
            assert all(e.status2 == (BOTH if e.status else 0) for e in got), [e.status2 for e in got]
            await a.enable()
        seen |= {e.status for e in got}
        at = 20_000 + 2000 * turn
        got = await a.run([s.mirror("A", 0, 1500, at=at)])
        assert got[0].status == 0 and await same(s, "A", 0, 1500, at) == (True, True)
    assert Status.ABORTED in seen
    await s.finish()


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def link_lost(dut):
    """*Stimulus*: the link falls at many moments of MIRRORs, before their permission, behind it, in front of their OP_ACK; then a new
    epoch. *Checking*: OK, LINK_ERROR with MAY_HAVE_EXECUTED and both bad, or PEER_DOWN with both bad; nothing is written here after the
    completion (model); MIRRORs are right again."""
    s = await start(dut, most=2, latency=3, back_pressure=0)
    seen = set()
    for turn in range(12):
        for name in s.names:
            await s.channel(name, 0).post([s.mirror(name, 0, n, at=10_000 * k) for k, n in enumerate((700, 8000, 900))])
        await s.tb.a.cycles(10 + s.rng.randrange(1, 300_000 // s.tb.params.data_w))
        await s.link_down()
        for name in s.names:
            await settle(s.channel(name, 0))
            got = await s.channel(name, 0).reap()
            ok = {Status.OK: 0, Status.LINK_ERROR: BOTH | MAY, Status.PEER_DOWN: BOTH}
            assert all(e.status in ok and e.status2 == ok[e.status] for e in got), [(status_name(e.status), e.status2) for e in got]
            seen |= {e.status for e in got}
        await s.link_up(epoch=turn + 2)
        for name in s.names:
            got = await s.channel(name, 0).run([s.mirror(name, 0, 2500, at=30_000)])
            assert got[0].status == 0 and await same(s, name, 0, 2500, 30_000) == (True, True)
    assert {Status.OK, Status.LINK_ERROR} <= seen
    await s.finish()


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def frames_lost(dut):
    """*Stimulus*: OP_PERMIT, OP_ACK and data frames of MIRRORs are lost or spoiled on the wire. *Checking*: the link repairs it: all end
    well, both copies are right, none here too early (model)."""
    s = await start(dut, most=1, latency=5, link_stalls=False)
    s.recorder.fault(s.side("A"), "link_corrupt")
    coverage.sample_disturbance("link_corrupt")
    sizes = (40, 2500, 900, 5000, 1025)
    for turn, ftype in enumerate((0x23, 0x23, 0x20, 0x20, 0x15, 0x15)):
        for pipe in (s.tb.a2b, s.tb.b2a):
            if turn % 2:
                pipe.flip(2, beat=0, bit=60, ftype=ftype)
            else:
                pipe.lose(2, ftype=ftype)
        for name in s.names:
            work = [s.mirror(name, 0, n, at=5200 * i + turn) for i, n in enumerate(sizes)]
            got = await s.channel(name, 0).run(work, timeout_ns=1_500_000)
            assert not any(e.status for e in got), (turn, [status_name(e.status) for e in got])
            for i, n in enumerate(sizes):
                assert await same(s, name, 0, n, 5200 * i + turn) == (True, True)
    assert s.tb.a2b.get("st_faults") + s.tb.b2a.get("st_faults") >= 6, "the disturbances did not hit"
    await s.finish()


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def node_reset(dut):
    """*Stimulus*: the peer, then this node, is reset while MIRRORs of both are under way. *Checking*: LINK_ERROR or PEER_DOWN, or well, at
    the side that stays; afterwards both mirror again."""
    s = await start(dut, most=2, latency=5)
    for turn, name in enumerate("BAB"):
        stays = OTHER[name]
        for n in s.names:
            await s.channel(n, 0).post([s.mirror(n, 0, 6000, at=7000 * k) for k in range(3)])
        await s.tb.a.cycles(s.rng.randrange(20, 1200))
        coverage.sample_disturbance("node_reset")
        s.recorder.fault(s.side(name), "link_down")
        await s.side(name).reset()
        await s.tb.wait_link(False)
        for n in s.names:
            s.recorder.link_state(s.side(n), False)
        for ch in list(s.nodes[name].channels):
            await s.set_up_channel(name, ch)
        await settle(s.channel(stays, 0))
        got = await s.channel(stays, 0).reap()
        assert all(e.status in (0, Status.LINK_ERROR, Status.PEER_DOWN) for e in got), [status_name(e.status) for e in got]
        s.recorder.fault(s.side(name), "link_clean")
        await s.link_up(epoch=turn + 2)
        for n in s.names:
            got = await s.channel(n, 0).run([s.mirror(n, 0, 3000, at=30_000)])
            assert got[0].status == 0 and await same(s, n, 0, 3000, 30_000) == (True, True)
    await s.finish()


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def time_out(dut):
    """*Stimulus*: the peer's memory takes no write for longer than OP_TIMEOUT while MIRRORs wait for OP_ACK; other channels copy.
    *Checking*: OP_TIMEOUT or LINK_ERROR with MAY_HAVE_EXECUTED and both bad; the last frame here is not written (model); COPYs end
    well; later MIRRORs work."""
    s = await start(dut, most=2, latency=0, back_pressure=0)
    for side in s.tb.sides:
        s.recorder.fault(side, "link_corrupt")
    s.recorder.fault(s.side("B"), "mem_stall")
    cycles = s.tb.params.op_timeout_cycles
    s.side("B").mem.stall(0b10000)
    await s.channel("A", 0).post([s.mirror("A", 0, 400, at=0), s.mirror("A", 0, 4000, at=5000)])
    if s.tb.params.channels > 1:
        got = await s.channel("A", 1).run([s.copy("A", 1, 3000)])
        assert not got[0].status
    waited = 0
    while waited < 3 * cycles and len(s.channel("A", 0).seen) < 2:
        await s.tb.a.cycles(cycles // 8)
        waited += cycles // 8
        await s.channel("A", 0).reap()
    got = s.channel("A", 0).seen
    assert len(got) == 2, f"{len(got)} completions"
    for e in got:
        assert e.status in (Status.OP_TIMEOUT, Status.LINK_ERROR, Status.PEER_DOWN), status_name(e.status)
        assert e.status2 == (BOTH if e.status == Status.PEER_DOWN else BOTH | MAY), e.status2
    coverage.sample_disturbance("mem_stall")
    s.side("B").mem.stall(0)
    await Timer(20, "us")


@cocotb.test(timeout_time=100, timeout_unit="ms")
async def without(dut):
    """*Stimulus*: MIRRORs on nodes without them, other work behind and beside. *Checking*: BAD_OPCODE, no frame, no byte; the rest ends
    well."""
    s = await start(dut)
    for name in s.names:
        work = [s.mirror(name, 0, n, tag=n) for n in (40, 3000)] + [s.write(name, 0, 3000, tag=1, at=8192)]
        got = await s.channel(name, 0).run(work)
        assert [e.status for e in got] == [Status.BAD_OPCODE] * 2 + [0], [status_name(e.status) for e in got]
        assert not any(e.status for e in await s.traffic(name, 1, 20, mix=Mix(max_bytes=2000, no_cpl=0, mirrors=9)))
    await s.finish()


CASES = ["random_mirrors", "many_mirrors", "one_side_fails", "refused", "revoked", "given_up", "link_lost", "frames_lost", "node_reset",
         "time_out"]


def only(build: str, there: bool = True) -> None:
    if has_mirror(BUILDS[build]) != there:
        pytest.skip(f"{build} has {'no ' * there}MIRROR")


@pytest.mark.system
@pytest.mark.parametrize("build", SLICE)
@pytest.mark.parametrize("case", CASES)
def test_mirrored(case, build):
    only(build)
    run_sim("crl_tb_pair", __name__, BUILDS[build], SYSTEM_SOURCES, sim="verilator", testcase=case, public="top")


@pytest.mark.system
@pytest.mark.sweep
@pytest.mark.parametrize("build", ["64b-small", "128b-link64"])
@pytest.mark.parametrize("case", ["random_mirrors", "many_mirrors"])
def test_mirrored_builds(case, build):
    """The smallest buffers, and a link that is narrower than the memory."""
    only(build)
    run_sim("crl_tb_pair", __name__, BUILDS[build], SYSTEM_SOURCES, sim="verilator", testcase=case, public="top")


@pytest.mark.system
@pytest.mark.sweep    # a build of its own
def test_not_mirrored():
    """Where a build leaves MIRROR out."""
    build = next((b for b in BUILDS if b.endswith("no-mirror")), "64b-no-send")
    only(build, False)
    run_sim("crl_tb_pair", __name__, BUILDS[build], SYSTEM_SOURCES, sim="verilator", testcase="without", public="top")
