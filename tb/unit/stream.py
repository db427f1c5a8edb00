# SPDX-License-Identifier: Apache-2.0
"""Valid/ready streams for unit tests: a source, a sink, their monitors and a scoreboard.

Signals change after a rising edge and are sampled at the falling edge, when everything has
settled; what is sampled there is what the next rising edge sees, on every simulator.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable

import cocotb
from cocotb.triggers import FallingEdge, RisingEdge

PROFILES = [(idle, stall) for idle in (0.0, 0.5, 0.9) for stall in (0.0, 0.5, 0.9)]


def value(signal) -> int:
    """The signal as a number; an unknown bit is an error."""
    return int(signal.value)


class Scoreboard:
    """What goes in must come out, in order and once."""

    def __init__(self) -> None:
        self.expected: deque[int] = deque()
        self.compared = 0

    def sent(self, beat: int) -> None:
        self.expected.append(beat)

    def received(self, beat: int) -> None:
        assert self.expected, f"beat {beat:#x} came out, but nothing is stored"
        want = self.expected.popleft()
        assert beat == want, f"beat {beat:#x} came out, {want:#x} was expected"
        self.compared += 1

    def flush(self) -> None:
        """A reset: what is stored is gone."""
        self.expected.clear()

    def end(self, at_least: int = 1) -> None:
        assert not self.expected, f"{len(self.expected)} beats never came out"
        assert self.compared >= at_least, f"only {self.compared} beats were compared"


class Stream:
    """One side of a stream: signals, and what the last falling edge saw on them."""

    def __init__(self, clk, rst, valid, ready, data) -> None:
        self.clk, self.rst, self.valid, self.ready, self.data = clk, rst, valid, ready, data
        self.fire = False
        self.on_beat: list[Callable[[int], None]] = []
        self.fired = 0
        self.cycles = 0
        self.strict = True  # False: a beat may be withdrawn (the far side is in reset)
        self._held: int | None = None
        cocotb.start_soon(self._monitor())

    async def _monitor(self) -> None:
        while True:
            await FallingEdge(self.clk)
            self.cycles += 1
            if value(self.rst):
                self.fire, self._held = False, None
                continue
            valid, ready = value(self.valid), value(self.ready)
            beat = value(self.data) if valid else 0
            if self._held is not None and self.strict:
                assert valid, "valid fell before the beat was taken"
                assert beat == self._held, "data changed before the beat was taken"
            self._held = beat if valid and not ready else None
            self.fire = bool(valid and ready)
            if self.fire:
                self.fired += 1
                for listener in self.on_beat:
                    listener(beat)


class Source(Stream):
    """Drives valid and data. `todo` holds the beats that wait for their turn."""

    def __init__(self, *args, rng: random.Random) -> None:
        super().__init__(*args)
        self.rng, self.idle = rng, 0.0
        self.todo: deque[int] = deque()
        self.valid.value = 0
        self.data.value = 0
        self._active = False
        cocotb.start_soon(self._drive())

    async def _drive(self) -> None:
        while True:
            await RisingEdge(self.clk)
            if value(self.rst):
                self._active, self.valid.value = False, 0
                continue
            if self.fire:
                self._active = False
            if not self._active and self.todo and self.rng.random() >= self.idle:
                self.data.value = self.todo.popleft()
                self._active = True
            self.valid.value = int(self._active)

    def stop(self) -> None:
        """Forget what is waiting; to be called while the reset is asserted."""
        self.todo.clear()

    @property
    def done(self) -> bool:
        return not self.todo and not self._active


class Sink(Stream):
    """Drives ready."""

    def __init__(self, *args, rng: random.Random) -> None:
        super().__init__(*args)
        self.rng, self.stall = rng, 0.0
        self.ready.value = 0
        cocotb.start_soon(self._drive())

    async def _drive(self) -> None:
        while True:
            await RisingEdge(self.clk)
            self.ready.value = int(self.rng.random() >= self.stall)


async def drain(source: Source, sink: Sink, board: Scoreboard, limit: int = 100_000) -> None:
    """Wait until everything that was given to the source has come out."""
    for _ in range(limit):
        if source.done and not board.expected:
            return
        await RisingEdge(sink.clk)
    raise AssertionError(f"nothing moves: {len(board.expected)} beats are stuck")
