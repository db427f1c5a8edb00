# SPDX-License-Identifier: Apache-2.0
"""Unit tests of crl_rr_arb."""

import random

import cocotb
import pytest
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge

from tb.lib.sim import run_sim, sim_parameters
from tb.unit.stream import value


@cocotb.test()
async def against_model(dut):
    """Stimulus: random requests of varied density, random ack, resets in mid-flight.
    Checking: winner, index and valid against a plain search, every cycle."""
    rng = random.Random(cocotb.RANDOM_SEED)
    n = sim_parameters()["N"]
    cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start())
    dut.rst.value, dut.req.value, dut.ack.value = 1, 0, 0
    await RisingEdge(dut.clk)
    await RisingEdge(dut.clk)
    first, granted, none = 0, 0, 0
    for cycle in range(3000):
        density = (0.05, 0.5, 1.0)[cycle // 100 % 3]
        req = sum((rng.random() < density) << i for i in range(n))
        ack, rst = rng.getrandbits(1), rng.random() < 0.01
        dut.rst.value, dut.req.value, dut.ack.value = int(rst), req, ack
        await FallingEdge(dut.clk)
        order = [(first + i) % n for i in range(n)]
        winner = next((i for i in order if req >> i & 1), None)
        assert value(dut.gnt_valid) == (winner is not None)
        assert value(dut.gnt) == (0 if winner is None else 1 << winner)
        if winner is None:
            none += 1
        else:
            granted += 1
            assert value(dut.gnt_idx) == winner
        if rst:
            first = 0
        elif ack and winner is not None:
            first = (winner + 1) % n
        await RisingEdge(dut.clk)
    assert granted > 500 and none > 0


@cocotb.test()
async def fairness(dut):
    """Stimulus: everyone asks all the time, then one among random others.
    Checking: equal shares; the one waits for at most N - 1 grants to others."""
    rng = random.Random(cocotb.RANDOM_SEED)
    n = sim_parameters()["N"]
    cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start())
    dut.rst.value, dut.req.value, dut.ack.value = 1, 0, 1
    await RisingEdge(dut.clk)
    await RisingEdge(dut.clk)
    dut.rst.value, dut.req.value = 0, (1 << n) - 1
    counts = [0] * n
    for _ in range(10 * n):
        await FallingEdge(dut.clk)
        counts[value(dut.gnt_idx)] += 1
        await RisingEdge(dut.clk)
    assert counts == [10] * n
    for _ in range(20):
        one = rng.randrange(n)
        others = 0
        while True:
            dut.req.value = rng.getrandbits(n) | 1 << one
            await FallingEdge(dut.clk)
            got = value(dut.gnt_idx) == one
            await RisingEdge(dut.clk)
            if got:
                break
            others += 1
            assert others <= n - 1


@pytest.mark.parametrize("n", [1, 2, 5, 8, 64])
def test_crl_rr_arb(sim, n):
    """Stimulus and checking: see against_model and fairness."""
    run_sim("crl_rr_arb", __name__, {"N": n}, sim=sim)
