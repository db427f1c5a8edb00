# SPDX-License-Identifier: Apache-2.0
"""Pause, drain, abort, reset at random moments of random traffic; node resets; the scoreboard's own test."""

from __future__ import annotations

import random

import cocotb
import pytest
from cocotb.triggers import Combine, Timer

from models.events import AxiWrite
from models.gen.carillon_layout import Cmd, State, Status, status_name
from models.pair import PairError
from tb.lib.sim import run_sim
from tb.lib.testbed import SYSTEM_SOURCES
from tb.system import coverage
from tb.system.base_test import SystemTest, run
from tb.system.builds import BUILDS, SLICE
from tb.system.channel_agent import settle
from tb.system.harness import System, SystemConfig
from tb.system.items import Mix
from tb.system.poster import Posting

AFTER = {Cmd.DRAIN: State.DISABLED, Cmd.ABORT: State.DISABLED, Cmd.RESET: State.DISABLED,
         Cmd.PAUSE: State.PAUSED}


async def flood(system: System, name: str, ch: int, stop: list[bool]) -> None:
    """Publish random descriptors as long as the channel takes them."""
    gen = system.generator(name, ch)
    channel = system.channel(name, ch)
    while not stop[0]:
        if channel.free == 0:
            await channel.reap()
            await channel.learn()
        room = channel.free
        if room and not stop[0]:
            await channel.post(gen.batch(min(room, 4)))
        await channel.node.side.cycles(system.rng.randrange(20, 200))


@cocotb.test(timeout_time=900, timeout_unit="ms")
async def commands_at_random_moments(dut):
    """*Stimulus*: channels of both nodes work on random descriptors; at random moments one of them is
    paused and resumed, drained, aborted or reset, then enabled again. *Checking*: every command is over
    within its bound, the state is the one of the table, a new life works; after 'aborted' and 'reset'
    nothing more is written (model); other channels' operations all end well."""
    s = System(dut)
    use = min(4, s.tb.params.channels)
    await s.begin(SystemConfig(channels=use, mix=Mix(max_bytes=6000, no_cpl=0.05, sends=4), qos=False, posting=Posting(gap=1500),
                               ring_log2=(s.rng.choice((2, 4)), s.rng.choice((2, 4))),
                               latency=random.Random(s.seed).choice((0, 7, 40))))
    rng = s.rng
    stop = {key: [False] for key in s.consumers}
    jobs = {key: cocotb.start_soon(flood(s, *key, stop[key])) for key in s.consumers}
    s.start_posters()
    for _ in range(10):
        await s.tb.a.cycles(rng.randrange(5, 1500))
        name, ch = rng.choice(list(s.consumers))
        channel = s.channel(name, ch)
        cmd = rng.choice((Cmd.PAUSE, Cmd.DRAIN, Cmd.ABORT, Cmd.RESET))
        coverage.sample_disturbance(cmd.name.lower())
        await channel.command(cmd)
        if rng.random() < 0.5:
            shown = await channel.status()
            coverage.sample_state(State(shown.state).name)
        stop[name, ch][0] = True
        await jobs[name, ch]
        if cmd == Cmd.DRAIN:
            await reap_until(channel, AFTER[cmd])
        await channel.until(AFTER[cmd], timeout_ns=3_000_000)
        await channel.reap()
        await s.stop_posters(name, [ch])  # its indices begin anew with the next life
        if cmd == Cmd.PAUSE:
            await s.side(name).cycles(rng.randrange(400))
            if rng.random() < 0.5:
                await channel.reap()
                await channel.command(Cmd.RESUME)
                await channel.until(State.ACTIVE)
            else:
                await channel.command(Cmd.ABORT)
                await channel.until(State.DISABLED, timeout_ns=3_000_000)
                await channel.reap()
                await channel.enable()
        else:
            await channel.enable()
        stop[name, ch][0] = False
        jobs[name, ch] = cocotb.start_soon(flood(s, name, ch, stop[name, ch]))
        s.start_posters(name, [ch])
    for flag in stop.values():
        flag[0] = True
    await Combine(*jobs.values())
    await s.stop_posters()
    for node in s.nodes.values():
        for channel in node.channels.values():
            await finish_channel(channel)
    await s.finish()


async def reap_until(channel, state: State, timeout_ns: int = 20_000_000) -> None:
    """A drain needs room for its completions: keep reaping."""
    waited = 0
    while (await channel.status()).state != state and waited < timeout_ns:
        await channel.reap()
        await Timer(2_000, "ns")
        waited += 2_000


async def finish_channel(channel) -> None:
    """Reap until all that was published is over."""
    while await channel.learn() != channel.prod:
        await channel.reap()
        await Timer(1_000, "ns")
        status = await channel.status()
        if status.state not in (State.ACTIVE, State.DRAINING):
            return
    await settle(channel)


@cocotb.test(timeout_time=200, timeout_unit="ms")
async def abort_stops_a_long_one(dut):
    """*Stimulus*: a COPY, a WRITE and, if the build has it, a READ of 60 KiB, with others behind; ABORT in the middle. *Checking*: the
    one that runs ends with ABORTED (or well), those behind have no completion, DRING_CONS tells where it
    stopped; the next life works."""
    s = System(dut)
    await s.begin(SystemConfig(channels=min(2, s.tb.params.channels), absolute=0, latency=20,
                               back_pressure=0, ring_log2=(5, 5), qos=False))
    for kind in ("copy", "write", "read")[: 2 + s.tb.params.read_en]:
        ch = s.channel("A", 0)
        size = min(60_000, s.regions["A"][0].dst.size - 64)
        make = {"copy": s.copy, "write": s.write, "read": s.read}[kind]
        first = ch.prod
        await ch.post([make("A", 0, size, tag=1), make("A", 0, 100, tag=2), make("A", 0, 100, tag=3)])
        await s.tb.a.cycles(600)
        await ch.command(Cmd.ABORT)
        await ch.until(State.DISABLED, timeout_ns=5_000_000)
        got = await ch.reap()
        print(kind, [status_name(e.status) for e in got], flush=True)
        assert got and got[0].tag == 1 and got[0].status in (Status.ABORTED, Status.OK), got
        assert got[0].status == Status.ABORTED, "600 cycles in, 60 KiB can't be over"
        cons = await ch.learn()
        assert cons == (first + len(got)) % ch.dr.size, (cons, first, got)
        coverage.sample_disturbance("abort")
        await ch.enable()
        assert [e.status for e in await ch.run([s.copy("A", 0, 100)])] == [0]
    await s.finish()


@cocotb.test(timeout_time=300, timeout_unit="ms")
async def node_reset_in_flight(dut):
    """*Stimulus*: traffic both ways; A (or B) is reset at a random moment, its link pins drop; then set-up again
    with a new epoch. *Checking*: the other node's operations all end (well, LINK_ERROR, PEER_DOWN), its local
    ones well; nothing of the old life is written afterwards; both work again."""
    s = System(dut)
    await s.begin(SystemConfig(channels=min(2, s.tb.params.channels), ring_log2=(5, 5), qos=False,
                               mix=Mix(max_bytes=3000, no_cpl=0)))
    for turn in range(3):
        dead, alive = s.rng.sample(s.names, 2)
        for name in s.names:
            for ch in s.nodes[name].channels:
                gen = s.generator(name, ch)
                await s.channel(name, ch).post(gen.batch(15, all_of_it=True))
        await s.tb.a.cycles(s.rng.randrange(50, 3000))
        for name in s.names:
            s.recorder.fault(s.side(name), "link_down")
        s.tb.link(False)
        await s.side(dead).reset()
        coverage.sample_disturbance("node_reset")
        await s.tb.wait_link(False, timeout_us=2000)
        for name in s.names:
            s.recorder.link_state(s.side(name), False)
        for ch, channel in s.nodes[alive].channels.items():
            await settle(channel)
            for e in await channel.reap():
                assert e.status in (0, Status.LINK_ERROR, Status.PEER_DOWN, Status.OP_TIMEOUT), (
                    ch, status_name(e.status))
        await s.link_up(epoch=turn + 2)
        for ch in list(s.nodes[dead].channels):
            await s.set_up_channel(dead, ch)
        for ch in list(s.nodes[alive].channels):
            channel = s.channel(alive, ch)
            far = s.nodes[dead].address(ch, s.regions[dead][ch].offset(s.regions[dead][ch].inbound.base))
            d = s.write(alive, ch, 500)
            d.dst = far
            assert [e.status for e in await channel.run([d])] == [0]
        for ch in s.nodes[dead].channels:
            got = await s.channel(dead, ch).run([s.copy(dead, ch, 700), s.write(dead, ch, 700)])
            assert [e.status for e in got] == [0, 0]
    await s.finish()


@cocotb.test(timeout_time=300, timeout_unit="ms")
async def link_lost_in_flight(dut):
    """*Stimulus*: long WRITEs and READs both ways; the link's pins drop at a random moment, on one side in every other
    turn while its memory returns no read data; the channels are aborted, drained or reset at once; then a new
    epoch. *Checking*: PEER_DOWN only for what did not begin, else LINK_ERROR with MAY_HAVE_EXECUTED; DISABLED
    is not shown before the last read is back (model); a new life works."""
    s = System(dut)
    use = min(2, s.tb.params.channels)
    await s.begin(SystemConfig(channels=use, absolute=0, ring_log2=(4, 4), qos=False))
    rng, seen = s.rng, set()
    lanes = [s.channel(name, ch) for name in s.names for ch in range(use)]
    step = min(9001, s.regions["A"][0].inbound.size // 5)
    for turn in range(8):
        for name in s.names:
            for ch in range(use):
                await s.channel(name, ch).post(
                    [rng.choice(s.movers)(name, ch, rng.randrange(1, step - 1), at=step * i) for i in range(5)])
        await s.tb.a.cycles(rng.randrange(50, 50 + 250_000 // s.tb.params.data_w))
        deaf = s.side(rng.choice(s.names))
        if turn % 2:
            deaf.mem.stall(0b00010)
            await deaf.cycles(rng.randrange(200))
        await s.link_down()
        await Timer(2, "us")
        cmd = rng.choice((Cmd.ABORT, Cmd.DRAIN, Cmd.RESET))
        for channel in lanes:
            await channel.command(cmd)
        await Timer(1, "us")
        for channel in lanes:
            await channel.status()
        deaf.mem.stall(0)
        for channel in lanes:
            await channel.until(State.DISABLED)
            for e in await channel.reap():
                assert e.status in (0, Status.LINK_ERROR, Status.PEER_DOWN, Status.ABORTED), (
                    status_name(e.status))
                seen.add(e.status)
        await s.link_up(epoch=turn + 2)
        for channel in lanes:
            await channel.enable()
            got = await channel.run([s.write(channel.node.side.name, channel.ch, 500)])
            assert [e.status for e in got] == [0]
    coverage.sample_disturbance("link_down")
    assert Status.LINK_ERROR in seen
    await s.finish()


async def _waiters(s: System, waits: list[int]) -> list:
    """The link falls; then a remote operation and a COPY behind it on channels of node A with these LINK_WAITs; what came at once."""
    lanes = [s.channel("A", ch) for ch in range(len(waits))]
    for lane, wait in zip(lanes, waits, strict=True):
        await lane.retry(0, 0, wait)
        lane.seen.clear()
    await s.link_down()
    for lane in lanes:
        await lane.post([s.rng.choice(s.movers)("A", lane.ch, 300), s.copy("A", lane.ch, 200)])
    return lanes


@cocotb.test(timeout_time=300, timeout_unit="ms")
async def link_awaited(dut):
    """*Stimulus*: remote operations, and local ones behind them, on channels that wait for their link for no time, 3 or 40 units or
    for ever; the link comes back, or the channel is aborted, paused and resumed, reset, or given less time.
    *Checking*: nothing ends before its time, nothing overtakes; PEER_DOWN within a unit of it; behind a link that has been down for
    longer at once; all else is executed when the link is back; a channel that waits delays no other."""
    s = System(dut)
    use = min(4, s.tb.params.channels)
    await s.begin(SystemConfig(channels=use, absolute=0, ring_log2=(4, 4), qos=False, latency=5, back_pressure=0))
    down, ok, forever = int(Status.PEER_DOWN), 0, 0xFFFF
    cycles = s.tb.a.cycles

    async def statuses(lane) -> list[int]:
        await lane.reap()
        return [e.status for e in lane.seen]

    epoch = 2
    for turn in range(7):
        waits = [0, 3, 40, forever] if use == 4 else [(forever, 3, forever, forever, forever, 40, forever)[turn]] * use
        lanes = await _waiters(s, waits)
        await cycles(1500)
        for lane, wait in zip(lanes, waits, strict=True):
            assert await statuses(lane) == ([] if wait else [down, ok]), f"LINK_WAIT {wait}: {lane.seen}"
        await cycles(3200)   # the link needs some time to be seen as down
        for lane, wait in zip(lanes, waits, strict=True):
            assert await statuses(lane) == ([] if wait > 3 else [down, ok]), f"LINK_WAIT {wait}: {lane.seen}"
            if wait == 3:   # the link has been down for longer
                got = await lane.run([s.write("A", lane.ch, 100), s.copy("A", lane.ch, 100)], timeout_ns=10_000)
                assert [e.status for e in got] == [down, ok]
                lane.seen.clear()
        left = [lane for lane, wait in zip(lanes, waits, strict=True) if wait > 3]
        if turn == 1:
            for lane in left:
                await lane.command(Cmd.ABORT)
                await lane.until(State.DISABLED)
                assert await statuses(lane) == []
                await lane.enable()
        elif turn == 2:
            for lane in left:
                await lane.command(Cmd.PAUSE)
                await lane.until(State.PAUSED)
        elif turn == 3:
            for lane in left:
                await lane.command(Cmd.RESET)
                await lane.until(State.DISABLED)
                await lane.enable()
        elif turn == 4:
            for lane in left:
                await lane.retry(0, 0, 1)
            await cycles(600)
            for lane in left:
                assert await statuses(lane) == [down, ok], lane.seen
        elif turn == 5:
            await cycles(40 * 1024)
            for lane, wait in zip(lanes, waits, strict=True):
                if wait == 40:
                    assert await statuses(lane) == [down, ok], lane.seen
        await s.link_up(epoch=epoch)
        epoch += 1
        if turn == 2:
            await cycles(400)
            for lane in left:
                assert await statuses(lane) == [], lane.seen
                await lane.command(Cmd.RESUME)
        for lane in lanes:
            await settle(lane)
        for lane, wait in zip(lanes, waits, strict=True):
            waited = turn in (0, 2, 6) and wait > 3 or turn == 5 and wait == forever
            if waited:
                assert await statuses(lane) == [ok, ok], lane.seen
        for lane in lanes:
            got = await lane.run([s.write("A", lane.ch, 100)])
            assert [e.status for e in got] == [ok]
    await s.finish()


@cocotb.test(timeout_time=300, timeout_unit="ms")
async def paused_across_epochs(dut):
    """*Stimulus*: a channel is paused in the middle of WRITEs and READs; the link is lost and comes up with a new epoch;
    RESUME. *Checking*: what had begun ends with LINK_ERROR, and no frame of it is sent in the new session (wire
    checker); what had not begun is executed."""
    s = System(dut)
    await s.begin(SystemConfig(channels=1, absolute=0, ring_log2=(4, 4), qos=False))
    seen, step = set(), min(9001, s.regions["A"][0].inbound.size // 4)
    for turn in range(8):
        name = s.rng.choice(s.names)
        channel = s.channel(name, 0)
        await channel.post([s.rng.choice(s.movers)(name, 0, s.rng.randrange(4000, step - 1), at=step * i)
                            for i in range(4)])
        await s.tb.a.cycles(s.rng.randrange(100, 100 + 100_000 // s.tb.params.data_w))
        await channel.command(Cmd.PAUSE)
        await channel.until(State.PAUSED)
        await s.link_down()
        await s.link_up(epoch=turn + 2)
        await channel.command(Cmd.RESUME)
        await settle(channel)
        got = [e.status for e in await channel.reap()]
        assert set(got) <= {0, Status.LINK_ERROR}, [status_name(x) for x in got]
        seen.update(got)
        assert [e.status for e in await channel.run([s.write(name, 0, 500)])] == [0]
    coverage.sample_disturbance("pause")
    assert Status.LINK_ERROR in seen
    await s.finish()


@cocotb.test(timeout_time=300, timeout_unit="ms")
async def paused_for_long(dut):
    """*Stimulus*: a channel is paused in the middle of a WRITE for longer than OP_TIMEOUT_CYCLES; another WRITE takes
    that long because its channel has a low rate. *Checking*: both end well: the peer was never late."""
    s = System(dut)
    await s.begin(SystemConfig(channels=1, absolute=0, ring_log2=(4, 4), qos=False, latency=5, back_pressure=0))
    limit = s.tb.params.op_timeout_cycles
    slow, other = s.channel("A", 0), s.channel("B", 0)
    await s.nodes["A"].write("CHP", "RATE", 0, RATE=64, BURST=512)
    await slow.post([s.write("A", 0, limit // 256 * 64 * 2)])
    await other.post([s.write("B", 0, 12_000), s.write("B", 0, 300, at=12_000)])
    await s.tb.b.cycles(200)
    await other.command(Cmd.PAUSE)
    await other.until(State.PAUSED)
    await s.tb.b.cycles(limit * 3 // 2)
    await other.command(Cmd.RESUME)
    assert [e.status for e in await other.wait(2)] == [0, 0]
    assert [e.status for e in await slow.wait(1, timeout_ns=3_000_000)] == [0]
    await s.finish()


class BrokenStream(SystemTest):
    """The scoreboard's own test: the stream of events is tampered with, so it has to fail."""

    COUNT = 6
    KIND = "none"

    def config(self):
        return SystemConfig(channels=1, latency=0, back_pressure=0, mix=Mix(max_bytes=500, no_cpl=0))

    def end_of_elaboration_phase(self) -> None:
        self.done = False
        self.env.scoreboard.tamper = self.tamper

    def tamper(self, event):
        if self.done or self.KIND == "none":
            return [event]
        if self.KIND == "nothing":
            return []
        if isinstance(event, AxiWrite) and event.id == (2 if "completion" in self.KIND else 0):
            self.done = True
            if self.KIND.startswith("lost"):
                return []
            data = bytearray(event.data)
            first = (event.strb & -event.strb).bit_length() - 1
            data[first] ^= 1
            return [AxiWrite(**{f: getattr(event, f) for f in event.__slots__ if f != "data"},
                             data=bytes(data))]
        return [event]


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def scoreboard_fails(dut):
    """*Stimulus*: good traffic, but the scoreboard is shown no events, or a stream with a lost or changed data
    write or completion. *Checking*: it fails each time, and passes with the true stream."""
    for kind in ("none", "nothing", "lost write", "changed write", "lost completion", "changed completion"):
        BrokenStream.KIND = kind
        failed = False
        try:
            await run(dut, BrokenStream)
        except (PairError, AssertionError) as exc:
            failed = True
            print(kind, "->", str(exc).splitlines()[0][:160], flush=True)
        assert failed == (kind != "none"), f"{kind}: the scoreboard {'failed' if failed else 'passed'}"


@pytest.mark.system
@pytest.mark.parametrize("build", SLICE)
@pytest.mark.parametrize("case", ["commands_at_random_moments", "abort_stops_a_long_one",
                                  "node_reset_in_flight", "link_lost_in_flight", "link_awaited",
                                  "paused_across_epochs", "paused_for_long"])
def test_life(case, build):
    run_sim("crl_tb_pair", __name__, BUILDS[build], SYSTEM_SOURCES, sim="verilator", testcase=case,
            public="top")


@pytest.mark.system
@pytest.mark.parametrize("case,build,seed", [
    ("link_lost_in_flight", "64b-8ch", 1),  # a write error of an older operation for one whose link was lost
    ("link_lost_in_flight", "64b-8ch", 2),  # DISABLED before the last read was asked for
    ("commands_at_random_moments", "64b-8ch", 4),  # model: a drained operation without completion counts
    pytest.param("commands_at_random_moments", "512b-8ch", 1, marks=[pytest.mark.sweep, pytest.mark.own_seed]),  # what was published after a DRAIN was executed
    pytest.param("commands_at_random_moments", "64b-no-atomic", 2, marks=[pytest.mark.sweep, pytest.mark.own_seed]),  # model: a life that outlasted many others
    ("paused_across_epochs", "64b-8ch", 2),  # an operation went on in the next session; its last frame spoiled
])
def test_life_seeds(case, build, seed):
    """Runs that once found something."""
    run_sim("crl_tb_pair", __name__, BUILDS[build], SYSTEM_SOURCES, sim="verilator", testcase=case,
            public="top", seed=seed)


@pytest.mark.system
def test_scoreboard_fails():
    run_sim("crl_tb_pair", __name__, BUILDS["64b-8ch"], SYSTEM_SOURCES, sim="verilator",
            testcase="scoreboard_fails", public="top")
