# SPDX-License-Identifier: Apache-2.0
"""cocotb tests of the single-clock FIFOs, beyond those of every stream module."""

from __future__ import annotations

import cocotb
from cocotb.triggers import FallingEdge, RisingEdge

from tb.lib.sim import sim_parameters
from tb.unit.stream import PROFILES, drain, value
from tb.unit.stream_tests import (  # noqa: F401  (cocotb finds them here)
    Bench,
    full_speed,
    ready_is_independent,
    reset_in_flight,
    traffic,
)


@cocotb.test()
async def fill_and_level(dut):
    """Stimulus: fill with the sink stalled, empty, then random traffic.
    Checking: exactly DEPTH beats fit; level equals what the monitors counted, every cycle."""
    bench = Bench(dut)
    depth = int(sim_parameters()["DEPTH"])
    await bench.reset()
    checks = 0

    async def watch():
        nonlocal checks
        while True:
            before = len(bench.board.expected)
            await FallingEdge(dut.clk)
            assert value(dut.level) == before
            checks += 1
            await RisingEdge(dut.clk)

    cocotb.start_soon(watch())
    for _ in range(3):
        bench.sink.stall = 1.0
        bench.source.idle = 0.0
        bench.source.todo.extend(bench.beats(depth + 5))
        for _ in range(depth + 12):
            await RisingEdge(dut.clk)
        await FallingEdge(dut.clk)
        assert len(bench.board.expected) == depth
        assert not value(dut.s_ready)
        bench.sink.stall = 0.0
        await drain(bench.source, bench.sink, bench.board)
    for idle, stall in PROFILES:
        bench.source.idle, bench.sink.stall = idle, stall
        bench.source.todo.extend(bench.beats(40))
        await drain(bench.source, bench.sink, bench.board)
    assert checks > depth
    bench.board.end(at_least=3 * depth)


@cocotb.test()
async def latency(dut):
    """Stimulus: single beats into an empty FIFO.
    Checking: valid comes after the documented number of cycles."""
    bench = Bench(dut)
    await bench.reset()
    want = 1 + min(1, int(sim_parameters().get("OUTREG", 0)))
    if "bram" in dut._name:
        want += 1
    if int(sim_parameters().get("BYPASS", 0)):
        want = 1
    for _ in range(5):
        bench.source.todo.extend(bench.beats(1))
        while not bench.source.fire:
            await FallingEdge(dut.clk)
            await RisingEdge(dut.clk)
        cycles = 0
        while True:
            cycles += 1
            await FallingEdge(dut.clk)
            if value(dut.m_valid):
                break
        assert cycles == want, f"latency {cycles}, documented {want}"
        await drain(bench.source, bench.sink, bench.board)
        await RisingEdge(dut.clk)
    bench.board.end(at_least=5)
