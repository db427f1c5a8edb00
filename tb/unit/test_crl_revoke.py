# SPDX-License-Identifier: Apache-2.0
"""crl_mark and crl_revoke: acknowledged when, and as soon as, all that was there before is over."""

from __future__ import annotations

import random
from collections import deque

import cocotb
import pytest
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge

from tb.lib.sim import run_sim, sim_parameters


async def reset(dut, names):
    Clock(dut.clk, 10, "ns").start()
    for name in names:
        getattr(dut, name).value = 0
    dut.rst.value = 1
    for _ in range(2):
        await RisingEdge(dut.clk)
    await FallingEdge(dut.clk)
    dut.rst.value = 0


@cocotb.test()
async def queue(dut):
    """*Stimulus*: entries come and go at random rates, from starving to always full, marks at random moments, also
    one before the last is over. *Checking*: 'over' is high exactly when no entry that was in at the
    mark, or came in that cycle, is still there."""
    rng = random.Random(cocotb.RANDOM_SEED)
    most = (1 << sim_parameters()["W"]) - 1
    await reset(dut, ("mark", "held", "enter", "leave"))
    inside: deque[int] = deque()
    number, marked, seen = 0, 0, {True: 0, False: 0}
    for _ in range(40):
        come, go, ask = rng.choice((0.1, 0.5, 0.9, 1.0)), rng.choice((0.1, 0.5, 0.9, 1.0)), rng.choice((0.02, 0.2))
        for _ in range(rng.randrange(20, 150)):
            leave = bool(inside) and rng.random() < go
            enter = (len(inside) < most or leave) and rng.random() < come
            mark = rng.random() < ask
            dut.held.value = len(inside)
            dut.enter.value, dut.leave.value, dut.mark.value = enter, leave, mark
            await RisingEdge(dut.clk)
            if leave:
                inside.popleft()
            if enter:
                inside.append(number)
                number += 1
            if mark:
                marked = number
            await FallingEdge(dut.clk)
            want = not inside or inside[0] >= marked
            assert bool(dut.over.value) == want, f"over {dut.over.value}, in there {list(inside)}, mark at {marked}"
            seen[want] += 1
    assert min(seen.values()) > 200, seen


@cocotb.test()
async def fence(dut):
    """*Stimulus*: requests at random moments, also while a fence is under way; every queue answers its mark after
    a time of its own, or is over at once. *Checking*: an acknowledged number was the latest one when its
    mark was sent, SETTLE_CYCLES or more before it; it shows after the last queue, within 4 cycles; the last
    request is acknowledged in the end; never more than one fence more than needed."""
    rng = random.Random(cocotb.RANDOM_SEED)
    p = sim_parameters()
    settle = p["SETTLE_CYCLES"]
    queues = p["N"]
    await reset(dut, ("req", "seq", "over"))
    dut.over.value = (1 << queues) - 1
    left = [0] * queues
    seq = acked = 0
    asked_at = {0: 0}
    covered = None      # number that the mark under way covers
    over_at = 0
    fences = requests = 0
    idle = 0
    for cycle in range(1, 6000):
        req = rng.random() < (0.02 if cycle < 5000 else 0) or (cycle % 997 < 3 and cycle < 5000)
        if req:
            seq = (seq + 1) & 0xFFFF
            dut.seq.value = seq
            asked_at[seq] = cycle
            requests += 1
        dut.req.value = req
        await RisingEdge(dut.clk)
        if dut.mark.value:
            assert covered is None, "a mark before the last one is over"
            covered = max(k for k, t in asked_at.items() if t + settle <= cycle)
            left = [rng.choice((0, 0, 1, 3, 30)) for _ in range(queues)]
            fences += 1
            over_at = cycle
        else:
            left = [max(0, n - 1) for n in left]
        await FallingEdge(dut.clk)
        # One cycle after the mark the queues show what is left.
        dut.over.value = sum((n == 0) << k for k, n in enumerate(left))
        if any(left):
            over_at = cycle
        ack = int(dut.ack.value)
        if ack != acked:
            assert covered is not None and not any(left), "acknowledged too early"
            assert acked < ack <= covered, f"{ack} acknowledged, {covered} is covered"
            assert cycle - over_at <= 4, f"acknowledged {cycle - over_at} cycles late"
            acked, covered = ack, None
        idle = 0 if acked != seq else idle + 1
    assert acked == seq and idle > 500
    assert requests > 60 and 20 < fences <= requests


@pytest.mark.parametrize("width", [1, 3, 8])
def test_crl_mark(sim, width):
    run_sim("crl_mark", __name__, {"W": width}, sim=sim, testcase="queue")


@pytest.mark.parametrize("queues", [3, 5])
def test_crl_revoke(sim, queues):
    run_sim("crl_revoke", __name__, {"N": queues, "SETTLE_CYCLES": 16}, sim=sim, testcase="fence")
