# SPDX-License-Identifier: Apache-2.0
"""crl_mem_watch: fatal exactly after STALL_MAX_CYCLES without progress, by side, until reset."""

from __future__ import annotations

import random

import cocotb
import pytest
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge

from tb.lib.sim import run_sim, sim_parameters


class Model:
    """Two counters of cycles in a row that owe something and get nothing."""

    def __init__(self, limit):
        self.limit, self.counts, self.cause = limit, [0, 0], 0

    def cycle(self, pending, progress):
        over = 0
        for side in range(2):
            stuck = pending[side] and not progress[side]
            self.counts[side] = self.counts[side] + 1 if stuck else 0
            if self.counts[side] == self.limit:
                over |= 1 << side
                self.counts[side] = 0
        self.cause = self.cause or over


async def reset(dut):
    """Ends at a falling edge, as every step does."""
    dut.rst.value = 1
    await RisingEdge(dut.clk)
    await FallingEdge(dut.clk)
    dut.rst.value = 0


async def start(dut):
    Clock(dut.clk, 10, "ns").start()
    for name in ("rd_pending", "rd_progress", "wr_pending", "wr_progress"):
        getattr(dut, name).value = 0
    await reset(dut)
    return Model(sim_parameters()["STALL_MAX_CYCLES"])


async def step(dut, model, pending, progress):
    dut.rd_pending.value, dut.wr_pending.value = pending
    dut.rd_progress.value, dut.wr_progress.value = progress
    await RisingEdge(dut.clk)
    model.cycle(pending, progress)
    await FallingEdge(dut.clk)
    got = (bool(dut.fatal.value), int(dut.cause.value))
    assert got == (model.cause != 0, model.cause), f"{got}, expected cause {model.cause}"
    return got


@cocotb.test()
async def exact(dut):
    """Stimulus: a stall of one cycle less than the limit, then progress, then a whole one, on
    each side and both at once. Checking: fatal in the cycle after, the cause, until reset."""
    model = await start(dut)
    limit = model.limit
    for sides in ((1, 0), (0, 1), (1, 1)):
        for _ in range(limit - 1):
            await step(dut, model, sides, (0, 0))
        await step(dut, model, sides, sides)
        assert not model.cause
        for _ in range(limit):
            await step(dut, model, sides, (0, 0))
        assert model.cause == sides[0] | sides[1] << 1
        for _ in range(2 * limit):
            await step(dut, model, (1, 1), (0, 0))
        await reset(dut)
        model.cause, model.counts = 0, [0, 0]


@cocotb.test()
async def at_random(dut):
    """Stimulus: pending and progress at random, seldom progress. Checking: fatal and cause in
    every cycle; both causes and quiet stretches happen."""
    rng = random.Random(cocotb.RANDOM_SEED)
    model = await start(dut)
    causes = set()
    for _ in range(60):
        rate = rng.choice([0.05, 0.2, 0.6])
        for _ in range(rng.randrange(5, 60)):
            await step(dut, model, (rng.random() < 0.9, rng.random() < 0.9),
                       (rng.random() < rate, rng.random() < rate))
        causes.add(model.cause)
        await reset(dut)
        model.cause, model.counts = 0, [0, 0]
    assert {0, 1, 2} <= causes


@cocotb.test()
async def checker_fails(dut):
    """Stimulus: a model with a limit that is one off. Checking: the comparison fails."""
    model = await start(dut)
    model.limit += 1
    with pytest.raises(AssertionError):
        for _ in range(model.limit):
            await step(dut, model, (1, 0), (0, 0))


@pytest.mark.parametrize("cycles", [2, 9, 16])
def test_crl_mem_watch(sim, cycles):
    run_sim("crl_mem_watch", __name__, {"STALL_MAX_CYCLES": cycles}, sim=sim,
            testcase=["exact", "checker_fails"] if cycles == 2 else None)
