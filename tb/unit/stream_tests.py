# SPDX-License-Identifier: Apache-2.0
"""cocotb tests that every single-clock stream module of rtl/common must pass."""

from __future__ import annotations

import random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge

from tb.lib.sim import sim_parameters
from tb.unit.stream import PROFILES, Scoreboard, Sink, Source, drain, value


class Bench:
    def __init__(self, dut) -> None:
        self.dut = dut
        self.rng = random.Random(cocotb.RANDOM_SEED)
        self.width = int(sim_parameters()["W"])
        cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start())
        dut.rst.value = 1
        if hasattr(dut, "s_past"):
            dut.s_past.value = 0  # every beat is to be stored
        self.board = Scoreboard()
        self.source = Source(dut.clk, dut.rst, dut.s_valid, dut.s_ready, dut.s_data, rng=self.rng)
        self.sink = Sink(dut.clk, dut.rst, dut.m_valid, dut.m_ready, dut.m_data, rng=self.rng)
        # the source's monitor sees a beat before the sink's in the cycle it falls through
        self.source.on_beat.append(self.board.sent)
        self.sink.on_beat.append(self.board.received)

    async def reset(self, cycles: int = 3) -> None:
        await RisingEdge(self.dut.clk)
        self.dut.rst.value = 1
        self.source.stop()
        for _ in range(cycles):
            await RisingEdge(self.dut.clk)
        self.board.flush()
        self.source.stop()
        self.dut.rst.value = 0
        await RisingEdge(self.dut.clk)

    def beats(self, count: int) -> list[int]:
        return [self.rng.getrandbits(self.width) for _ in range(count)]


@cocotb.test()
async def traffic(dut):
    """Stimulus: random beats under nine mixes of idle source and stalling sink.
    Checking: scoreboard; valid and data hold while stalled (monitors)."""
    bench = Bench(dut)
    await bench.reset()
    for idle, stall in PROFILES:
        bench.source.idle, bench.sink.stall = idle, stall
        bench.source.todo.extend(bench.beats(120))
        await drain(bench.source, bench.sink, bench.board)
    bench.board.end(at_least=120 * len(PROFILES))


@cocotb.test()
async def full_speed(dut):
    """Stimulus: a source that is never idle, a sink that never stalls.
    Checking: once the first beat is out, one leaves in every cycle (OUTREG 2: every second)."""
    pace = 2 if sim_parameters().get("OUTREG") == 2 else 1
    bench = Bench(dut)
    await bench.reset()
    bench.source.todo.extend(bench.beats(200))
    while not bench.sink.fired:
        await FallingEdge(dut.clk)
    first_cycle, first_count = bench.sink.cycles, bench.sink.fired
    await drain(bench.source, bench.sink, bench.board)
    await RisingEdge(dut.clk)
    moved = bench.sink.fired - first_count
    assert moved == 199
    assert bench.sink.cycles - first_cycle <= pace * moved + 2
    bench.board.end(at_least=200)


@cocotb.test()
async def ready_is_independent(dut):
    """Stimulus: m_ready toggled within a cycle, empty and half full.
    Checking: s_ready doesn't follow."""
    bench = Bench(dut)
    await bench.reset()
    bench.sink.stall = 1.0
    seen = 0
    for _ in range(24):
        bench.source.todo.extend(bench.beats(1))
        await FallingEdge(dut.clk)
        before = value(dut.s_ready)
        dut.m_ready.value = 1
        await cocotb.triggers.Timer(1, unit="ns")
        assert value(dut.s_ready) == before
        dut.m_ready.value = 0
        await cocotb.triggers.Timer(1, unit="ns")
        seen += 1
    assert seen == 24


@cocotb.test()
async def reset_in_flight(dut):
    """Stimulus: a reset of 1 to 3 cycles at random moments of random traffic, 40 times.
    Checking: nothing from before the reset comes out; traffic afterwards is whole."""
    bench = Bench(dut)
    await bench.reset()
    for _ in range(40):
        bench.source.idle, bench.sink.stall = bench.rng.choice(PROFILES)
        bench.source.todo.extend(bench.beats(60))
        for _ in range(bench.rng.randrange(1, 70)):
            await RisingEdge(dut.clk)
        await bench.reset(bench.rng.randrange(1, 4))
        await FallingEdge(dut.clk)
        assert not value(dut.m_valid), "valid after reset"
        assert value(dut.s_ready), "not ready after reset"
        if hasattr(dut, "level"):
            assert value(dut.level) == 0
    bench.source.idle = bench.sink.stall = 0.0
    bench.source.todo.extend(bench.beats(50))
    await drain(bench.source, bench.sink, bench.board)
    bench.board.end(at_least=50)
