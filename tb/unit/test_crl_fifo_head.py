# SPDX-License-Identifier: Apache-2.0
"""Unit tests of crl_fifo_head: those of every FIFO, and beats that are taken past it."""

from __future__ import annotations

import random

import cocotb
import pytest
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge

from tb.lib.sim import run_sim, sim_parameters
from tb.unit.fifo_tests import (  # noqa: F401  (cocotb finds them here)
    fill_and_level,
    full_speed,
    latency,
    ready_is_independent,
    reset_in_flight,
    traffic,
)
from tb.unit.stream import PROFILES, value


@cocotb.test()
async def past(dut):
    """Stimulus: random beats, of which some are said to be taken past the FIFO, also while it is full, empty, or has a head only; nine mixes of idle and
    stalling; resets between. Checking: every cycle the head, m_valid, m_none, s_ready and the level against a queue that never stores those."""
    rng = random.Random(cocotb.RANDOM_SEED)
    depth, width = int(sim_parameters()["DEPTH"]), int(sim_parameters()["W"])
    cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start())
    compared = gone = 0
    for idle, stall in PROFILES:
        dut.rst.value = 1
        for _ in range(2):
            await RisingEdge(dut.clk)
        dut.rst.value = 0
        held: list[int] = []
        for _ in range(300):
            beat = rng.getrandbits(width)
            offer, taken, past_it = rng.random() >= idle, rng.random() >= stall, rng.random() < 0.5
            dut.s_valid.value, dut.s_data.value = int(offer), beat
            dut.s_past.value, dut.m_ready.value = int(past_it), int(taken)
            await FallingEdge(dut.clk)
            assert value(dut.level) == len(held) and value(dut.s_ready) == (len(held) < depth)
            assert value(dut.m_valid) == bool(held) and value(dut.m_none) == (not held)
            if held:
                assert value(dut.m_data) == held[0], "the head is not the oldest beat"
                compared += 1
            store = offer and not past_it and len(held) < depth
            gone += offer and past_it
            if held and taken:
                held.pop(0)
            if store:
                held.append(beat)
            await RisingEdge(dut.clk)
    assert compared > 600 and gone > 300, (compared, gone)


@pytest.mark.parametrize("w,depth", [(8, 2), (72, 16)])
def test_crl_fifo_head(sim, w, depth):
    """Stimulus and checking: see above and tb/unit/fifo_tests.py."""
    run_sim("crl_fifo_head", __name__, parameters={"W": w, "DEPTH": depth}, sim=sim)
