# SPDX-License-Identifier: Apache-2.0
"""What the tests of crl_nvme_ctrl share: a scoreboard that follows the golden model cycle by cycle, and a driver.

The contract says what happens, seldom in which cycle. So the scoreboard keeps every state that the controller may be in: where
two inputs meet in a cycle, both orders; where `quiet` is sampled, now or up to LAZY cycles later. A state that does not fit the
outputs is dropped; none left is a failure. Registers show a write in the next cycle, levels and events within GRACE cycles.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import astuple, dataclass, field, replace

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge

from models.nvme.ctrl import Controller, Event, Phase, get, put
from tb.lib.sim import sim_parameters
from tb.unit.stream import value

GRACE = 4  # cycles until levels and events follow
LAZY = 2  # cycles that `quiet` may be up before it is taken
INTMS, CC, CSTS, AQA, ASQ, ACQ = 1, 2, 3, 4, 5, 6
LOW, HIGH = 0x0F, 0xF0
LEVELS = ("asq", "acq", "asqs", "acqs", "wrr", "intm")


@dataclass(frozen=True)
class Inputs:
    """Inputs in a cycle."""

    write: tuple[int, int, int] | None = None  # word, data, strobes
    started: bool = False
    quiet: bool = False
    fatal: bool = False


@dataclass(frozen=True)
class Outputs:
    """Outputs in a cycle."""

    start: int
    ssr: int
    quiesce: int
    run: int
    levels: tuple[int, ...]  # LEVELS
    rd_word: int
    rd_data: int


@dataclass
class Candidate:
    """One state that the controller may be in."""

    model: Controller
    seen: list[tuple[int, Controller]]  # from which cycle on which state was visible
    owed: tuple[tuple[Event, int], ...] = ()  # events that have to come, and by when
    waited: int = 0  # cycles that `quiet` could have been taken
    subsystem: int = -100  # cycle of the latest subsystem reset

    def key(self) -> tuple:
        return (astuple(self.model), self.owed, self.waited, [(n, astuple(m)) for n, m in self.seen])


def levels_of(m: Controller) -> tuple[int, ...]:
    """The level outputs that registers make."""
    return tuple(int(getattr(m, name)) for name in LEVELS)


@dataclass
class Board:
    """The scoreboard: `cycle` is told what a cycle showed."""

    new: Callable[[], Controller]
    now: int = 0
    compared: int = 0
    starts: int = 0
    resets: int = 0
    kinds: set = field(default_factory=set)
    _alive: list[Candidate] = field(default_factory=list)
    _quiesced: bool = False

    def reset(self) -> None:
        """A reset in this cycle."""
        self.now += 1
        self._quiesced = False
        self._alive = [Candidate(m := self.new(), [(self.now, replace(m))])]

    @property
    def model(self) -> Controller:
        """The state, when it is certain."""
        models = {astuple(c.model): c.model for c in self._alive}
        assert len(models) == 1, f"{len(models)} states are possible"
        return next(iter(models.values()))

    def cycle(self, i: Inputs, o: Outputs) -> None:
        """One cycle: compare what it shows, then let its inputs act."""
        faults, alive = [], []
        for c in self._alive:
            wrong = self._fault(c, o)
            if wrong:
                faults.append(wrong)
            else:
                alive.append(c)
        assert alive, f"cycle {self.now}: " + "; or ".join(dict.fromkeys(faults))
        self.compared += 1
        self.starts += o.start
        self.resets += o.ssr
        sample = i.quiet and o.quiesce and self._quiesced
        self._quiesced = bool(o.quiesce)
        self.now += 1
        after = [c2 for c in alive for c2 in self._advance(c, i, bool(sample))]
        self._alive = list({repr(c.key()): c for c in after}.values()) if len(after) > 1 else after
        assert 0 < len(self._alive) < 200

    def end(self, at_least: int = 50) -> None:
        """Nothing owed, enough seen."""
        assert self.compared >= at_least, f"only {self.compared} cycles were compared"
        assert any(not c.owed for c in self._alive), "an event never came"

    # -----------------------------------------------------------------------------------------

    def _fault(self, c: Candidate, o: Outputs) -> str:
        """What does not fit; empty when all does. Takes off the events that came."""
        n = self.now
        recent = [m for k, (_, m) in enumerate(c.seen) if k + 1 == len(c.seen) or c.seen[k + 1][0] > n - GRACE]
        exact = recent if n - c.subsystem <= GRACE else recent[-1:]
        for event, came in ((Event.START, o.start), (Event.SSR, o.ssr)):
            if came:
                hit = next((e for e in c.owed if e[0] is event), None)
                if hit is None:
                    return f"{event.name} without reason"
                at = c.owed.index(hit)
                c.owed = c.owed[:at] + c.owed[at + 1 :]
        if any(due < n for _, due in c.owed):
            return f"{c.owed[0][0].name} did not come"
        if o.levels not in [levels_of(m) for m in exact]:
            return f"{LEVELS} are {o.levels}, not {levels_of(exact[-1])}"
        if o.run not in [int(m.run) for m in recent]:
            return f"run is {o.run}"
        if o.run and o.quiesce:
            return "run while quiesce"
        if o.quiesce not in [int(m.quiesce) for m in recent] and all(m.phase is not Phase.REFUSED for m in recent):
            return f"quiesce is {o.quiesce}"
        if o.rd_word != CSTS:
            if o.rd_data not in [m.read(o.rd_word) for m in exact]:
                return f"word {o.rd_word} reads {o.rd_data:#x}, not {exact[-1].read(o.rd_word):#x}"
            return ""
        names = ("RDY", "CFS", "SHST", "NSSRO")
        got = {name: get("CSTS", name, o.rd_data) for name in names}
        if put("CSTS", **got) != o.rd_data:
            return f"CSTS reads {o.rd_data:#x}"
        for name, bits in got.items():
            if bits not in [getattr(m, name.lower()) for m in recent]:
                return f"CSTS.{name} is {bits}, not {getattr(recent[-1], name.lower())}"
        if o.run and (got["RDY"], got["CFS"], got["SHST"]) != (1, 0, 0):
            return "run against CSTS"
        return ""

    def _advance(self, c: Candidate, i: Inputs, sample: bool) -> list[Candidate]:
        """What may become of a state by the inputs of the cycle that is over."""
        acts: list[str] = []
        if i.write is not None:
            acts.append("write")
        if i.started:
            acts.append("started")
        if i.fatal != c.model.fatal:
            acts.append("fatal")
        can = sample and c.model.ending and c.model.phase is not Phase.STARTING
        plans = [p for p in itertools.permutations([*acts, "quiet"])] if can else []
        if not can or c.waited < LAZY:
            plans += list(itertools.permutations(acts))
        if plans == [()]:
            return [self._grown(c, c.model, [], can)]
        return [self._run(c, i, plan, can) for plan in plans]

    def _run(self, c: Candidate, i: Inputs, plan: tuple[str, ...], can: bool) -> Candidate:
        m, events = replace(c.model), []
        for act in plan:
            if act == "write":
                events += m.write(*i.write)
            elif act == "started":
                events += m.started()
            elif act == "fatal":
                m.set_fatal(i.fatal)
            else:
                events += m.quiet()
        return self._grown(c, m, events, can and "quiet" not in plan)

    def _grown(self, c: Candidate, m: Controller, events: list[Event], waits: bool) -> Candidate:
        last = [k for k, (n, _) in enumerate(c.seen) if n <= self.now - GRACE - 1]
        seen = c.seen[last[-1] :] if last else list(c.seen)
        if seen[-1][1] != m:
            seen = [*seen, (self.now, replace(m))]
        owed = c.owed + tuple((e, self.now - 1 + GRACE) for e in events)
        subsystem = self.now if Event.SSR in events else c.subsystem
        return Candidate(m, seen, owed, c.waited + 1 if waits else 0, subsystem)


@dataclass
class World:
    """What surrounds the controller: it answers `start`, and `quiesce` after a while."""

    rng: random.Random
    start_delay: int | None = 3  # None: no answer until told
    quiet_delay: int | None = 3
    quiet_idle: float = 0.5  # how often `quiet` is up when it must not count
    fatal: bool = False
    _started_in: int | None = None
    _quiet_in: int | None = None
    _q_cycles: int = 0

    def step(self, start: int, quiesce: int) -> Inputs:
        """Inputs of a cycle, from the outputs of the cycle before."""
        if start:
            self._started_in = self.start_delay
        started = self._started_in == 0
        if self._started_in is not None:
            self._started_in = None if started else self._started_in - 1
        if not quiesce:
            self._q_cycles, self._quiet_in = 0, self.quiet_delay
            return Inputs(None, started, self.rng.random() < self.quiet_idle, self.fatal)
        # The first cycle of `quiesce` is over when it is seen here; `quiet` counts from the second on.
        self._q_cycles += 1
        if self._quiet_in:
            self._quiet_in -= 1
        return Inputs(None, started, self._quiet_in == 0, self.fatal)

    def answer(self) -> None:
        """`started` in the next cycle."""
        self._started_in = 0

    def calm(self) -> None:
        """`quiet` from the next cycle on."""
        self._quiet_in = 0

    def reset(self) -> None:
        self._started_in, self._quiet_in, self.fatal = None, self.quiet_delay, False


class Bench:
    """Drives after the rising edge, compares at the falling one."""

    def __init__(self, dut) -> None:
        self.dut = dut
        p = sim_parameters()
        self.to, self.dstrd = p["TO"], p["DSTRD"]
        self.rng = random.Random(cocotb.RANDOM_SEED)
        self.world = World(random.Random(self.rng.random()))
        self.board = Board(lambda: Controller(self.to, self.dstrd))
        self.out: Outputs | None = None
        self.words: tuple[int, ...] = (CSTS, CSTS, CSTS, *range(16))  # read in turn, at random

    async def start(self) -> None:
        """Clock and reset."""
        d = self.dut
        d.rst.value = 1
        d.wr.value = d.started.value = d.quiet.value = d.fatal.value = 0
        d.wr_word.value = d.wr_data.value = d.wr_strb.value = d.rd_word.value = 0
        cocotb.start_soon(Clock(d.clk, 10, unit="ns").start())
        await RisingEdge(d.clk)
        await self.reset()

    async def reset(self) -> None:
        """Two cycles of reset."""
        d = self.dut
        d.rst.value = 1
        d.wr.value = d.started.value = d.quiet.value = d.fatal.value = 0
        self.world.reset()
        for _ in range(2):
            await FallingEdge(d.clk)
            self.board.reset()
            await RisingEdge(d.clk)
        d.rst.value = 0
        self.out = None

    async def step(self, write: tuple[int, int, int] | None = None) -> Outputs:
        """One cycle."""
        d, out = self.dut, self.out
        i = self.world.step(out.start, out.quiesce) if out else Inputs(fatal=self.world.fatal)
        i = replace(i, write=write)
        d.started.value, d.quiet.value, d.fatal.value = int(i.started), int(i.quiet), int(i.fatal)
        d.wr.value = int(write is not None)
        rnd = self.rng.getrandbits
        word, data, strb = write if write is not None else (rnd(4), rnd(64), rnd(8))
        d.wr_word.value, d.wr_data.value, d.wr_strb.value = word, data, strb
        d.rd_word.value = self.rng.choice(self.words)
        await FallingEdge(d.clk)
        self.out = self._sample()
        self.board.cycle(i, self.out)
        await RisingEdge(d.clk)
        return self.out

    def _sample(self) -> Outputs:
        d = self.dut
        return Outputs(
            value(d.start),
            value(d.ssr),
            value(d.quiesce),
            value(d.run),
            tuple(value(getattr(d, name)) for name in LEVELS),
            value(d.rd_word),
            value(d.rd_data),
        )

    async def idle(self, cycles: int) -> None:
        for _ in range(cycles):
            await self.step()

    async def write(self, word: int, data: int, strb: int = 0xFF) -> None:
        await self.step((word, data, strb))

    async def cc(self, data: int) -> None:
        """CC as 32 bits."""
        await self.write(CC, data << 32, HIGH)

    async def read(self, word: int) -> int:
        """A register."""
        self.words, words = (word,), self.words
        out = await self.step()
        self.words = words
        return out.rd_data

    async def csts(self) -> tuple[int, ...]:
        """RDY, CFS, SHST, NSSRO."""
        word = await self.read(CSTS)
        return tuple(get("CSTS", name, word) for name in ("RDY", "CFS", "SHST", "NSSRO"))

    async def set_up(self, aqa: int = 0x001F001F) -> None:
        """AQA, ASQ, ACQ in halves, the low one first, as Linux does."""
        await self.write(AQA, aqa << 32, HIGH)
        for word in (ASQ, ACQ):
            base = self.rng.getrandbits(52) << 12
            await self.write(word, base, LOW)
            await self.write(word, base, HIGH)

    async def settle(self) -> None:
        """Time for whatever is under way."""
        await self.idle(GRACE + LAZY + 4 + (self.world.start_delay or 0) + 2 * (self.world.quiet_delay or 0))

    async def enable(self) -> None:
        """Bring the controller up."""
        await self.set_up()
        await self.cc(0x460000)
        await self.cc(0x460001)
        await self.settle()
        assert (await self.csts())[:3] == (1, 0, 0) and self.out.run
