# SPDX-License-Identifier: Apache-2.0
"""Unit tests of crl_sync_bit and crl_rst_sync."""

import random

import cocotb
import pytest
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, Timer

from tb.lib.sim import run_sim, sim_parameters
from tb.unit.stream import value


@cocotb.test()
async def sync_bit(dut):
    """Stimulus: a level that changes at random moments, between edges.
    Checking: q starts at INIT, and is d as it was two edges ago, every cycle."""
    rng = random.Random(cocotb.RANDOM_SEED)
    init = int(sim_parameters().get("INIT", 0))
    cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start(start_high=False))
    dut.d.value = init
    pipe = [init, init]
    await Timer(1, unit="ns")
    assert value(dut.q) == init
    checks = 0
    for _ in range(300):
        await FallingEdge(dut.clk)
        if checks:
            pipe = [level, pipe[0]]  # noqa: F821  (set in the previous turn)
            assert value(dut.q) == pipe[1]
        checks += 1
        await Timer(rng.randrange(1, 4), unit="ns")
        level = rng.getrandbits(1)
        dut.d.value = level
    assert checks == 300


@cocotb.test()
async def rst_sync(dut):
    """Stimulus: arst raised and dropped at random moments, also with the clock standing still.
    Checking: rst rises at once, and falls STAGES edges after the release, not sooner."""
    rng = random.Random(cocotb.RANDOM_SEED)
    stages = int(sim_parameters().get("STAGES", 2))
    dut.clk.value = 0
    dut.arst.value = 1
    await Timer(5, unit="ns")
    assert value(dut.rst) == 1, "asserts without a clock"

    async def edge():
        dut.clk.value = 1
        await Timer(5, unit="ns")
        dut.clk.value = 0
        await Timer(5, unit="ns")

    for _ in range(50):
        dut.arst.value = 0
        for _ in range(stages):
            assert value(dut.rst) == 1, "released too early"
            await edge()
        assert value(dut.rst) == 0, "not released"
        for _ in range(rng.randrange(4)):
            await edge()
            assert value(dut.rst) == 0
        dut.arst.value = 1
        await Timer(1, unit="ns")
        assert value(dut.rst) == 1, "must not wait for the clock"
        for _ in range(rng.randrange(3)):
            await edge()
            assert value(dut.rst) == 1


@pytest.mark.parametrize("init", [0, 1])
def test_crl_sync_bit(sim, init):
    """Stimulus and checking: see sync_bit."""
    run_sim("crl_sync_bit", __name__, {"INIT": init}, sim=sim, testcase="sync_bit")


@pytest.mark.parametrize("stages", [2, 4])
def test_crl_rst_sync(sim, stages):
    """Stimulus and checking: see rst_sync."""
    run_sim("crl_rst_sync", __name__, {"STAGES": stages}, sim=sim, testcase="rst_sync")
