# SPDX-License-Identifier: Apache-2.0
"""Random fault scenarios on two nodes: many short ones in one simulation, each replayable by its seed alone.

A scenario resets and sets up everything, loads the memories, lets random traffic run on all channels while the link
(or a node) suffers, heals, and has one WRITE a direction go well. Then the golden model judges: every access,
frame, completion and the memories. It is told when PEER_STATUS.UP fell and when a node was reset, and of nothing
else, so an operation may fail only if its link really went down. `gentle` scenarios must not bring it down, unless chance spoils
three frames in a row.

    seed   decides everything: kind, rates, clocks, delays, memories, descriptors, moments
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field

import cocotb
from cocotb.task import Task
from cocotb.triggers import Timer

from models.gen.carillon_layout import DescFlag, Op, State, Status, reg_addr, reg_field, status_name
from models.pair import PairError
from tb.lib.axil_player import Access
from tb.lib.driver import ChannelDriver, whole
from tb.lib.recorder import Recorder, now
from tb.lib.testbed import LinkPipe, NoProgress
from tb.system import coverage
from tb.system.harness import System, SystemConfig
from tb.system.items import Mix
from tb.system.poster import Posting

KINDS = {"noise": 4, "frames": 4, "bursts": 2, "stalls": 1, "cuts": 4, "resets": 3, "storm": 3, "mixed": 3, "rate": 2}
RUNNING = (State.ACTIVE, State.PAUSED, State.DRAINING)
LANE_WAITS = 1000
SILENT_RUN = 3  # so many keep-alives in a row have to be lost before the faster of two clocks finds the wire silent


@dataclass
class Outcome:
    """What one scenario was and showed."""

    seed: int
    kind: str
    text: str
    gentle: bool
    completions: int = 0
    failed_ops: int = 0
    downs: int = 0
    faults: int = 0
    cycles: int = 0
    seconds: float = 0.0
    trouble: str = ""
    ratio: float = 0.0


@dataclass
class Cut:
    after: int
    cycles: int
    pin: bool
    both: bool
    late: int = 0  # then the last frame before it comes again


@dataclass
class Scenario:
    """Drawn from a seed; nothing here is decided later."""

    seed: int
    kind: str = ""
    rates: dict[str, float] = field(default_factory=dict)
    cuts: list[Cut] = field(default_factory=list)
    resets: list[tuple[str, int, bool]] = field(default_factory=list)  # node, cycle, a new epoch
    gentle: bool = False
    early: bool = False  # faults before the link is up
    channels: int = 8
    count: int = 5  # descriptors a channel
    mix: Mix = field(default_factory=Mix)
    delay: int = 10
    stall: int = 0
    retry: tuple[int, int, int] = (0, 0, 0)  # CHP.RETRY: further attempts, time, LINK_WAIT
    posting: Posting = field(default_factory=Posting)  # of receive buffers

    @classmethod
    def draw(cls, seed: int, channels: int) -> Scenario:
        rng = random.Random(f"faults {seed}")
        s = cls(seed)
        s.kind = rng.choices(list(KINDS), list(KINDS.values()))[0]
        s.channels = rng.choice((1, 2, channels, channels, channels))
        s.channels = min(s.channels, channels)
        s.count = rng.choice((3, 6, 12)) * max(1, 4 // s.channels)
        s.mix = Mix(max_bytes=rng.choice((64, 600, 600, 2500)), no_cpl=rng.choice((0, 0.1)), max_gap=400, messages=rng.choice((0, 5)))
        s.retry = rng.choice((0, 1, 12)), rng.randrange(3), random.Random(f"link {seed}").choice((0, 0, 1, 4, 30))
        s._receivers(random.Random(f"receivers {seed}"))
        s.delay = rng.choice((1, 3, 10, 30, 60, 200))
        s.stall = rng.choice((0, 0, 0, 30, 100))
        getattr(s, f"_{s.kind}")(rng)
        return s

    def _receivers(self, rng: random.Random) -> None:
        """SEND and MIRROR, where the build has them; other draws don't depend on these."""
        self.mix.sends = rng.choice((0, 4, 8))
        self.mix.mirrors = rng.choice((0, 3, 10))
        self.posting = Posting(eager=rng.random(), gap=rng.choice((100, 600, 3000)), short=rng.choice((0, 0.1)), bad=rng.choice((0, 0.05)))

    def _noise(self, rng: random.Random) -> None:
        self.gentle = True
        self.rates = {"ber": 10 ** rng.uniform(-6.5, -5)}

    def _rate(self, rng: random.Random) -> None:
        self.gentle, self.stall = True, 0
        self.channels = 1
        self.rates = {"ber": rng.choice((1e-7, 1e-6, 5e-6, 1e-5))}

    def _frames(self, rng: random.Random) -> None:
        top = rng.choice((0.03, 0.03, 0.15))
        self.gentle = top <= 0.03
        names = rng.sample(("drop", "dup", "swap", "trim", "join"), rng.randint(1, 5))
        self.rates = {n: rng.uniform(0.3, 1) * top for n in names}
        self._swaps(rng)

    def _swaps(self, rng: random.Random) -> None:
        if "swap" in self.rates:
            self.rates.update(swap_max=rng.choice((1, 3, 12)), swap_cycles=rng.choice((20, 200, 1500)))

    def _bursts(self, rng: random.Random) -> None:
        self.rates = {"burst": 10 ** rng.uniform(-5.5, -4), "burst_len": rng.choice((4, 32, 200, 5000))}

    def _stalls(self, rng: random.Random) -> None:
        longest = rng.choice((50, 300, 4000))
        self.stall = rng.choice((60, 150, 220))
        self.gentle = longest <= 300 and self.stall < 200  # else a frame may take as long as silence may
        self.rates = {"hold": rng.choice((1e-4, 1e-3)), "hold_max": longest}

    def _cuts(self, rng: random.Random) -> None:
        self.count *= 2
        for _ in range(rng.randint(1, 3)):
            length = rng.choice((rng.randrange(1, 40), rng.randrange(40, 800), rng.randrange(800, 4000)))
            late = random.Random(f"late {self.seed} {len(self.cuts)}")  # other draws don't depend on it
            self.cuts.append(Cut(rng.randrange(1, 2500), length, rng.random() < 0.6, rng.random() < 0.6,
                                 late.choice((0, length + late.randrange(50, 3000)))))
        if rng.random() < 0.4:
            self.rates = {**self.rates, "ber": 10 ** rng.uniform(-6, -5)}

    def _resets(self, rng: random.Random) -> None:
        self.count *= 2
        for _ in range(rng.randint(1, 2)):
            self.resets.append((rng.choice("AB"), rng.randrange(1, 1500), rng.random() < 0.5))

    def _storm(self, rng: random.Random) -> None:
        self.rates = {"ber": 10 ** rng.uniform(-4, -3)}
        self.early = rng.random() < 0.3

    def _mixed(self, rng: random.Random) -> None:
        self.rates = {"ber": 10 ** rng.uniform(-7, -4)}
        for name in ("drop", "dup", "swap", "trim", "join"):
            if rng.random() < 0.5:
                self.rates[name] = rng.uniform(0, 0.05)
        self._swaps(rng)
        if rng.random() < 0.5:
            self.rates.update(burst=1e-5, burst_len=100)
        if rng.random() < 0.5:
            self._cuts(rng)
        if rng.random() < 0.3:
            self._resets(rng)
        self.early = rng.random() < 0.2

    def __str__(self) -> str:
        rates = " ".join(f"{k}={v:.2g}" for k, v in self.rates.items())
        cuts = " ".join(f"cut@{c.after}+{c.cycles}{'p' if c.pin else 's'}{2 if c.both else 1}{f'l{c.late}' if c.late else ''}" for c in self.cuts)
        resets = " ".join(f"reset {n}@{t}{'+epoch' if e else ''}" for n, t, e in self.resets)
        return f"{self.kind} {rates} {cuts} {resets} {self.channels}ch x{self.count} delay={self.delay}"


class Lane:
    """Software of one channel: publishes what it is given as the ring allows, reaps now and then."""

    def __init__(self, system: System, channel: ChannelDriver, rng: random.Random, batches: list) -> None:
        self.system, self.channel, self.rng, self.batches = system, channel, rng, batches
        self.stopped = False

    async def run(self) -> None:
        side, ch = self.channel.node.side, self.channel
        waits = 0
        for batch, gap in self.batches:
            await side.cycles(gap)
            todo = list(batch)
            while todo and not self.stopped:
                room = whole(todo, ch.free)
                if room:
                    await ch.post(todo[:room])
                    del todo[:room]
                    waits = 0
                else:
                    await side.cycles(self.rng.randrange(50, 400))
                    await ch.reap()
                    await ch.learn()  # descriptors that report nothing free their slots too
                    waits += 1
                    if waits > LANE_WAITS:
                        raise NoProgress(f"node {side.name} channel {ch.ch}: ring full, at {ch.cons} of {ch.prod}")


class FaultRun:
    """One scenario on the hardware."""

    def __init__(self, dut, plan: Scenario) -> None:
        self.dut, self.plan = dut, plan
        self.system = System(dut, plan.seed)
        self.system.recorder = Recorder(self.system.tb, watch_links=True)
        self.lanes: dict[tuple[str, int], tuple[Lane, Task]] = {}
        self.epoch = 1
        tb = self.system.tb
        self.pipes: list[LinkPipe] = [tb.a2b, tb.b2a]

    # ------------------------------------------------------------------ life
    async def run(self) -> Outcome:
        plan, s = self.plan, self.system
        out = Outcome(plan.seed, plan.kind, str(plan), plan.gentle)
        started = time.monotonic()
        tb = s.tb
        cycle, before = tb.a.cycle, self._counts()
        try:
            await self._begin()
            down = sum(side.handle.st_downs.value.to_unsigned() for side in tb.sides)
            for pipe in self.pipes:
                pipe.handle.st_run.value = 0
            if plan.kind == "rate":
                out.ratio = await self._measure()
            else:
                await self._suffer()
            out.downs = sum(side.handle.st_downs.value.to_unsigned() for side in tb.sides) - down
            run = max(pipe.get("st_run") for pipe in self.pipes)
            if plan.gentle and out.downs and run < SILENT_RUN:
                raise AssertionError(f"the link went down {out.downs} times, but no more than {run} frames in a row were spoiled")
            await self._heal(out.downs)
            report = await self._judge()
            out.completions, out.failed_ops = report.completions, report.errors_seen
        except (AssertionError, PairError, NoProgress) as exc:
            out.trouble = f"{type(exc).__name__}: {exc}"
        try:
            await self._stop_lanes("AB")
            await self.system.stop_posters()
        except (AssertionError, NoProgress) as exc:
            out.trouble = out.trouble or f"{type(exc).__name__}: {exc}"
        after = self._counts()
        out.faults = after[0] - before[0]
        if after[1] != before[1] and not out.trouble:
            out.trouble = "AXI or stream rules were broken"
        out.cycles, out.seconds = tb.a.cycle - cycle, time.monotonic() - started
        return out

    def _counts(self) -> tuple[int, int]:
        tb = self.system.tb
        faults = sum(p.get("st_faults") for p in self.pipes)
        broken = sum(p.get("st_errors") for p in self.pipes)
        broken += sum(s.mem.get("viol_count") + int(s.axil.handle.st_errors.value) for s in tb.sides)
        return faults, broken

    async def _begin(self) -> None:
        plan, s = self.plan, self.system
        for pipe in self.pipes:
            pipe.clean()
        straight = plan.kind == "rate"
        rng = random.Random(f"clocks {plan.seed}")  # keep-alives are counted in own cycles: at most 1 : 2
        periods = tuple(rng.randrange(5000, 10000, 2) for _ in range(3))
        await s.begin(SystemConfig(
            channels=plan.channels, mix=plan.mix, link=False, link_stalls=False, delay=plan.delay,
            ring_log2=(7, 7) if straight else (random.Random(plan.seed).randint(2, 5),) * 2,
            latency=5 if straight else None, back_pressure=0 if straight else None, qos=not straight,
            retry=plan.retry, posting=plan.posting, recv_log2=(2, 2), absolute=0 if straight else 0.2, periods=(10000,) * 3 if straight else periods, replay=True,
        ))
        s.config.link = True  # it comes up below; the generators need to know of the far side
        for pipe in self.pipes:
            pipe.set(p_in=plan.stall, p_out=plan.stall)
        for side in s.tb.sides:
            s.recorder.fault(side, "link_noise")
        if plan.early:
            self._faults()
        await self._link_up()

    def _faults(self) -> None:
        for pipe in self.pipes:
            pipe.faults(**self.plan.rates)

    async def _link_up(self) -> None:
        await self.system.tb.link_setup(epoch=self.epoch, timeout_us=2000)

    # ------------------------------------------------------------------ traffic and trouble
    def _traffic(self, name: str, ch: int, count: int) -> None:
        s = self.system
        gen = s.generator(name, ch)
        rng = random.Random(s.rng.getrandbits(32))
        batches = []
        left = count
        while left > 0:
            batch = gen.batch(left)
            left -= len(batch)
            batches.append((batch, rng.randrange(400) if rng.random() < 0.5 else 0))
        last = next(d for d in reversed(batches[-1][0]) if d.opcode != Op.EXT)
        last.flags &= ~(1 << DescFlag.NO_CPL)  # a completion closes the list
        lane = Lane(s, s.channel(name, ch), rng, batches)
        self.lanes[name, ch] = lane, cocotb.start_soon(lane.run())

    async def _stop_lanes(self, names: str) -> None:
        """They end at their next look; to cancel them in mid-access would jam the players."""
        for key in [k for k in self.lanes if k[0] in names]:
            lane, task = self.lanes.pop(key)
            lane.stopped = True
            await task

    async def _suffer(self) -> None:
        plan, s = self.plan, self.system
        self._faults()
        for cut in plan.cuts:
            pipe = s.rng.choice(self.pipes)
            for p in self.pipes if cut.both else (pipe,):
                p.cut(cut.after, cut.cycles, pin=cut.pin, late=cut.late)  # the last one of several counts
        for name in s.names:
            for ch in s.nodes[name].channels:
                self._traffic(name, ch, plan.count)
        if plan.mix.sends:
            s.start_posters()
        for name, after, epoch in plan.resets:
            await s.side(name).cycles(after)
            await self._reset(name, epoch)
        for _, task in self.lanes.values():
            await task
        await self._over()
        await s.stop_posters()

    async def _reset(self, name: str, new_epoch: bool) -> None:
        """A node is reset, set up again, and its channels get new work."""
        s = self.system
        coverage.sample_disturbance("node_reset")
        await s.side(name).reset()
        await self._stop_lanes(name)
        await s.stop_posters(name)
        self.epoch += new_epoch
        await Timer(s.rng.randrange(200, 6000), "ns")
        for ch in list(s.nodes[name].channels):
            await s.set_up_channel(name, ch)
        await self._link_up()
        for ch in s.nodes[name].channels:
            self._traffic(name, ch, max(1, self.plan.count // 2))
        if self.plan.mix.sends:
            s.start_posters(name)

    async def _over(self, limit_us: int = 1500) -> None:
        """Until everything published is over; all channels are looked at with one list of accesses."""
        s = self.system
        waited = 0
        while True:
            open_ = []
            for node in s.nodes.values():
                channels = list(node.channels.values())
                since = [c.freed for c in channels]
                got = await node.axil.play(
                    [Access.rd(c.reg(r), c.func) for c in channels for r in ("DRING_CONS", "STATUS")])
                for i, c in enumerate(channels):
                    index = got[2 * i].data % c.dr.size
                    c.learned(index, since[i])
                    state = reg_field("CH", "STATUS", "STATE", got[2 * i + 1].data)
                    if state not in RUNNING:
                        raise AssertionError(f"node {node.side.name} channel {c.ch} is {State(state).name}")
                    if index != c.prod:
                        open_.append(c)
            if not open_:
                return
            if waited > limit_us:
                raise NoProgress(f"after {limit_us} us: " + ", ".join(
                    f"{c.node.side.name}{c.ch} at {c.cons} of {c.prod}" for c in open_))
            for c in open_:
                if c.cr.size - 1 - (c.cq_cons % c.cr.size) < 4:
                    await c.reap()
            if waited % 8 == 0:  # entries of peers' messages come to all of them
                for node in s.nodes.values():
                    for c in node.channels.values():
                        await c.reap()
            await Timer(4, "us")
            waited += 4

    async def _heal(self, downs: int) -> None:
        """The wire is good again: the link comes up, and a WRITE each way goes well."""
        s = self.system
        for pipe in self.pipes:
            pipe.clean()
        if not self.plan.gentle or downs:  # silence that began under the faults may still be the third missed keep-alive
            await s.tb.a.cycles(2 * 3 * s.tb.params.keepalive_cycles)
        await s.tb.wait_link(timeout_us=2000)
        for name in s.names:
            ch = s.rng.choice(list(s.nodes[name].channels))
            await s.channel(name, ch).reap()
            got = await s.channel(name, ch).run([s.write(name, ch, s.rng.randrange(1, 300))])
            if [e.status for e in got] != [Status.OK]:
                raise AssertionError(f"node {name} channel {ch} after the fault: {[status_name(e.status) for e in got]}")

    async def _measure(self) -> float:
        """Both sides WRITE as fast as they can; the time may grow by what the errors explain."""
        plan, s = self.plan, self.system
        size, n = 1024, 16
        self._faults()
        sides = s.tb.sides
        work = {side.name: [s.write(side.name, 0, size, tag=i, at=i * size) for i in range(n)] for side in sides}
        hits = [p.get("st_flips") for p in self.pipes]
        for side in sides:
            await side.mem.clear_counters()
            await s.channel(side.name, 0).put(work[side.name])
        start = now()
        for side in sides:
            await s.channel(side.name, 0).ring()
        for side in sides:
            await side.completions(n)
        cycles = (now() - start) / 10_000
        hits = [p.get("st_flips") - h for p, h in zip(self.pipes, hits, strict=True)]
        p = s.tb.params
        beat = min(p.link_w, p.data_w) // 8
        frame = (64 + size) / beat
        ideal = n * (frame + 64 / beat) + 2 * plan.delay + 2 * frame + 200
        if p.link_mtu < size or p.rx_shared < 8:
            return cycles / ideal  # such small buffers can't fill the link
        again = sum(hits) * (2 * plan.delay + 4 * frame + p.keepalive_cycles / 2 + 100)
        if cycles > 1.1 * ideal + again:
            raise AssertionError(f"{cycles:.0f} cycles for {n} WRITEs each way, {ideal:.0f} and {hits} errors allow "
                                 f"{1.1 * ideal + again:.0f}")
        return cycles / ideal

    # ------------------------------------------------------------------ verdict
    async def _judge(self):
        s = self.system
        await s.quiet()
        s.recorder.quiet_since = now()
        for node in s.nodes.values():
            for c in node.channels.values():
                await c.reap()
            regs = ("STATUS", "DRING_CONS", "CRING_PROD", "CNT_DESC", "CNT_ERR", "CNT_RD_BYTES", "CNT_WR_BYTES")
            await node.axil.play([Access.rd(reg_addr("CH", r, c.ch), c.func)
                                  for c in node.channels.values() for r in regs])
        await s.recorder.close()
        s.images = {side.name: await side.mem.read_all() for side in s.tb.sides}
        self.events = s.recorder.events(True)
        return verdict(s, self.events)


def verdict(s: System, events: list):
    """The golden model's: raises PairError."""
    for event in events:
        if len(s.pair.errors) >= 20:
            break
        s.pair.feed(event)
    for name in s.names:
        if len(s.pair.errors) < 20:
            s.pair.compare_memory(name, s.reader(name))
    return s.pair.finish(1)


__all__ = ["KINDS", "FaultRun", "Outcome", "Scenario", "verdict"]
