# SPDX-License-Identifier: Apache-2.0
"""cocotb tests on `data/toggle.sv`; `test_sim.py` runs them, some of them in order to fail."""

import os
import random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge

from tb.lib.sim import sim_parameters


async def start(dut):
    Clock(dut.clk, 10, "ns").start()
    dut.rst.value = 1
    await ClockCycles(dut.clk, 3)
    dut.rst.value = 0
    await RisingEdge(dut.clk)


@cocotb.test()
async def counts(dut):
    """Stimulus: none. Checking: the counter counts, and has the width asked for."""
    await start(dut)
    first = int(dut.count.value)
    await ClockCycles(dut.clk, 5)
    assert int(dut.count.value) == first + 5
    assert len(dut.count) == sim_parameters()["W"]
    print("drawn", random.randrange(1 << 30), flush=True)


@cocotb.test(skip="only_if" not in os.environ.get("TOGGLE", "only_if"))
async def fails(dut):
    """Fails always."""
    await start(dut)
    assert int(dut.count.value) == 99, "the counter is not 99"


@cocotb.test()
async def asserts(dut):
    """Runs until the RTL's own assertion fires."""
    await start(dut)
    await ClockCycles(dut.clk, 20)


@cocotb.test()
async def hangs(dut):
    """Never ends."""
    Clock(dut.clk, 10, "ns").start()
    while True:
        await ClockCycles(dut.clk, 1000)


@cocotb.test()
async def shines(dut):
    """For `data/lamp.sv`: long enough for every state."""
    await start(dut)
    await ClockCycles(dut.clk, 150)
    assert dut.m_valid.value == 1


@cocotb.test()
async def pulses(dut):
    """For `data/pulse.sv`: every value of its input, in all orders of two."""
    dut.sel.value = 0
    await start(dut)
    for sel in (0, 1, 2, 3, 0, 2, 1, 3, 2, 0, 3, 1, 0):
        dut.sel.value = sel
        await RisingEdge(dut.clk)
        assert dut.hot.value == 1 << sel and dut.cold.value == 15 & ~(1 << sel)
    await RisingEdge(dut.clk)
    assert dut.count.value == 3
