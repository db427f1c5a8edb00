# SPDX-License-Identifier: Apache-2.0
"""Unit tests of crl_nvme_irq: no interrupt too few, none too many, none too late; the pin is up exactly while it has to be."""

from __future__ import annotations

import cocotb
import pytest

from tb.lib.sim import run_sim
from tb.unit.dma_lib import expects_failure
from tb.unit.nvme_irq_bench import (
    LINE_LAG,
    LONG,
    Bench,
    bench,
    consume,
    entries,
    last,
    queues,
    setting,
)


@cocotb.test()
async def at_once(dut):
    """Stimulus: single events and events in a row, with threshold 0, time 0, both, coalescing of the vector disabled, and of the admin queue, which has
    a vector of its own or shares one. Checking: an interrupt for each in the next cycle, of its vector alone."""
    b = await bench(dut)
    io, vec = last(b)
    await queues(b, (0, 0), (io, vec))
    for thr, time, off in ((0, 0, ()), (0, LONG, ()), (200, 0, ()), (200, LONG, (vec,))):
        await setting(b, thr, time, off)
        before = b.m.seen["direct"]
        for gap in (40, 5, 1):
            for _ in range(3):
                b.post(io, 1)
                await b.step(gap)
        await b.step(3)
        assert b.m.seen["direct"] == before + 9
    b.put(vec_we=1, vec_idx=vec, vec_off=0)
    await setting(b, 200, LONG)
    before = b.m.seen["direct"]
    for gap in (40, 1, 1, 40):
        b.post(0, 1)
        await b.step(gap)
    await b.step(3)
    assert b.m.seen["direct"] == before + 4
    b.post(io, 1)  # it waits: an admin entry of the same vector tells of it too
    await b.step(9)
    b.post(0, 1)
    await b.step(9)
    await setting(b, 200, 1)
    await b.drain()
    assert b.m.seen["count"] == 0 and b.m.seen["time"] == (vec != 0)


@cocotb.test()
async def by_count(dut):
    """Stimulus: thresholds 1 to 255 with a long time, entries one by one and in bursts, of one and of several queues of the vector; other vectors' entries in between.
    Checking: none below the threshold, one in its time when it is reached; counting starts again; 255 needs 255 entries."""
    b = await bench(dut)
    io, vec = last(b)
    await queues(b, (io, vec), (1, vec))
    other = vec - 1
    if other > 0 and b.n > 3:
        await queues(b, (2, other))
    for thr in (1, 2, 7, 100, 254, 255):
        await setting(b, thr, LONG)
        need = min(thr + 1, 255)
        for most in (1, 8):
            before = b.m.fires["count", vec]
            await entries(b, io, need // 2, most)
            if other > 0 and b.n > 3:
                await entries(b, 2, min(thr, 20))
            await entries(b, 1, need - 1 - need // 2, most)
            await b.step(b.m.lag + 4)
            assert b.m.fires["count", vec] == before, f"below {need}"
            await entries(b, 1, 1)
            await b.step(b.m.lag + 4)
            assert b.m.fires["count", vec] == before + 1
        if other > 0 and b.n > 3:
            await setting(b, 0, 0)
            await b.drain()
    assert b.m.seen["time"] == 0 and b.m.fires["count", vec] >= 12


@cocotb.test()
async def by_time(dut):
    """Stimulus: fewer entries than the threshold, times 1 to 6; a second one in between; an interrupt by count before. Checking: one interrupt, not before its time from the
    first entry, and not late; after one by count the time starts with the next entry."""
    b = await bench(dut)
    io, vec = last(b)
    await queues(b, (io, vec))
    for time in (1, 2, 6):
        await setting(b, 3, time)
        for pause in (0, 13, b.m.unit // 2, b.m.unit - 1):
            before = b.m.seen["time"]
            await b.step(1 + b.rng.randrange(b.m.unit))
            b.post(io, 1)
            await b.step(1 + pause)
            b.post(io, 2)
            await b.drain()
            assert b.m.seen["time"] == before + 1
        b.post(io, 5)
        await b.step(b.m.lag)
        b.post(io, 1)
        await b.drain()
    assert b.m.seen["count"] == 3 and b.m.seen["time"] == 15


@cocotb.test()
async def changed_settings(dut):
    """Stimulus: entries wait; then the threshold is lowered to their number, below it, to 0; the time likewise; coalescing of the vector is disabled; settings are raised,
    and changed again and again. Checking: what waits gets its interrupt as the latest setting says."""
    b = await bench(dut)
    io, vec = last(b)
    await queues(b, (io, vec))
    for thr, time in ((9, LONG), (4, LONG), (0, LONG), (50, 0), (50, 1), (0, 0)):
        await setting(b, 100, LONG)
        await entries(b, io, 10)
        await b.step(b.rng.randrange(2 * b.m.lag))
        assert b.m.v[vec].events
        await setting(b, thr, time)
        await b.drain()
    await setting(b, 100, LONG)
    await entries(b, io, 10)
    await setting(b, 100, LONG, (vec,))
    await b.drain()
    b.put(vec_we=1, vec_idx=vec, vec_off=0)
    await setting(b, 3, LONG)
    await entries(b, io, 3)
    await setting(b, 20, LONG)
    await entries(b, io, 10)
    await b.step(b.m.lag + 5)
    assert b.m.v[vec].events, "raised in time"
    for time in [b.rng.choice([2, 3, LONG]) for _ in range(20)] + [2]:  # no change puts it off for ever
        b.hold.update(coal_thr=b.rng.randrange(20, 200), coal_time=time)
        await b.step(b.rng.randrange(b.m.unit))
    await b.drain()
    assert b.m.seen["direct"] == 0


@cocotb.test()
async def no_such_vector(dut):
    """Stimulus: queues with vectors from VECTORS on, those that look like others in their low bits among them; feature 09h of such vectors. Checking: no interrupt, no effect on others."""
    b = await bench(dut)
    io, vec = last(b)
    await setting(b, 1, 1)
    n = b.m.vectors
    for bad in sorted({n, min(255, n + 1), 1 << (n - 1).bit_length() & 255 or 255, 128 if n <= 128 else 255, 255}):
        if bad < n:
            continue
        await queues(b, (io, bad))
        b.put(vec_we=1, vec_idx=bad, vec_off=1)
        await b.step()
        await entries(b, io, 20)
        await b.step(3 * b.m.unit + b.m.lag)
        await consume(b, io)
        await queues(b, (io, vec))
        await entries(b, io, 2)  # coalescing is as it was
        await b.step(b.m.lag)
        await consume(b, io)
    assert b.m.seen["no vector"] > 5 and b.m.seen["count"] + b.m.seen["time"] > 2


@cocotb.test()
async def the_pin(dut):
    """Stimulus: one and several queues of vector 0, coalesced or not; doorbells one by one, past what is known to be in memory, round the end of a queue of 2; a queue of another vector, one without
    interrupts; mask; controller reset; a queue that is set up anew, moved to another vector, or deleted, also in its doorbell's cycle. Checking: see the model; the pin's state is also named here."""
    b = await bench(dut)
    await queues(b, (0, 0))

    async def is_up(want: int) -> None:
        await b.step(LINE_LAG + 3)
        assert b.get("line") == want

    await is_up(0)
    for step in range(1, 20):  # entries of one queue, round the end
        b.setup(0, 0, size=2)
        await b.step(2)
        for k in range(step):
            b.post(0, 1)
            await is_up(1)
            await consume(b, 0)
            await is_up(0)
            assert b.m.queues[0].consumed == k + 1
    await queues(b, (0, 0), (1, 0))
    b.post(0, 3)
    await b.step(3)
    b.post(1, 2)
    await is_up(1)
    await consume(b, 0)
    await is_up(1)
    b.ring(1, 1)
    await is_up(1)
    for masked in (1, 0):
        b.hold["masked"] = masked
        await is_up(not masked)
    await consume(b, 1)
    await is_up(0)
    # seen, and consumed, before the response
    for early in range(1, 4):
        b.post(1, 1, latency=9)
        b.post(1, 1, latency=9 + 2 * early)
        b.post(1, 1, latency=30)
        b.ring(1, b.m.queues[1].posted - 1)
        await b.step(9 + 2 * early)
        await is_up(0)
        await b.step(30)
        await is_up(1)
        await consume(b, 1)
        await is_up(0)
    # not without its interrupt
    await setting(b, 3, LONG)
    await entries(b, 1, 3)
    await is_up(0)
    await entries(b, 1, 1)
    await b.step(b.m.lag)
    await is_up(1)
    await consume(b, 1)
    await entries(b, 1, 2)
    await consume(b, 1)
    await entries(b, 1, 2)  # interrupt for what is gone, and for what waits
    await b.step(b.m.lag)
    await is_up(1)
    await consume(b, 1)
    await is_up(0)
    await setting(b, 0, 0)
    # other vectors, no interrupts
    if b.m.vectors > 1:
        b.setup(1, 1)
        await b.step(2)
        await entries(b, 1, 3)
        await is_up(0)
    b.setup(1, 0, ien=0)
    await b.step(2)
    await entries(b, 1, 3)
    await is_up(0)
    # what a set-up does to a queue that waits
    for vec, ien, valid in ((0, 1, 1), (0, 0, 1), (0, 1, 0), (b.m.vectors - 1, 1, 1), (255, 1, 1)):
        for rung in (0, 1):
            await queues(b, (1, 0))
            await entries(b, 1, 2)
            await is_up(1)
            b.setup(1, vec, ien, valid=valid)
            if rung:
                b.ring(1, 1)
            await is_up(0)
            if (vec, ien, valid) != (0, 1, 1):
                b.setup(1, 0)
                await b.step(2)
            await entries(b, 1, 1)  # to where the head of the past was
            await is_up(1)
            await consume(b, 1)
            await is_up(0)
    # set-up of a submission queue, and of another queue
    await queues(b, (1, 0))
    await entries(b, 1, 2)
    b.put(cfg_we=1, cfg_cq=0, cfg_qid=1, cfg_valid=1)
    await b.step(2)
    b.setup(0, 0)
    await is_up(1)
    # controller reset, a doorbell of the past behind it
    b.hold["clr"] = 1
    await is_up(0)
    b.hold["clr"] = 0
    await is_up(0)
    b.put(cq_rung=1, cq_qid=1, cq_head=1)
    await is_up(0)
    await queues(b, (0, 0))
    b.post(0, 1)
    await is_up(1)
    await consume(b, 0)
    await is_up(0)
    assert b.m.seen["up"] > 100 and b.m.seen["down"] > 100 and b.m.seen["waiting"] > 20


RANDOM = [  # settings, rates
    ([(0, 0)], {"post": 0.3, "ring": 0.3}),
    ([(3, 2), (7, 3)], {"post": 0.4, "ring": 0.3}),
    ([(3, 2), (0, 1), (200, 1), (1, 1), (255, 0), (20, 3)], {"post": 0.2, "ring": 0.1, "off": 0.02, "level": 0.02}),
    ([(2, 1), (5, 2), (0, 0)], {"post": 0.3, "ring": 0.3, "off": 0.005, "level": 0.003, "mask": 0.02, "setup": 0.03}),
    ([(1, 1), (0, 0)], {"post": 0.05, "ring": 0.33, "level": 0.003, "mask": 0.05}),
    ([(60, 1), (255, 2)], {"post": 1.0, "ring": 0.3, "level": 0.002}),
]


async def some_queues(b: Bench) -> None:
    """The first ones crowd on vector 0, others have vectors of their own."""
    for qid in b.rng.sample(range(b.n), min(b.n, 24)):
        vec = 0 if qid < 2 else b.rng.choice([0, qid % b.m.vectors, b.rng.randrange(b.m.vectors)])
        b.setup(qid, vec, size=b.rng.choice([1, 2, 15, 100]))
        await b.step(2)


@cocotb.test()
async def anything(dut):
    """Stimulus: entries, responses, doorbells, settings, mask, set-ups and controller resets at random, at many rates. Checking: every interrupt and every cycle of the pin; at the
    end no entry without an interrupt."""
    b = await bench(dut)
    for choices, rates in RANDOM:
        for latency in ((1, 1), (1, 8), (20, 60)):
            b.latency, b.choices = latency, choices
            b.hold["coal_thr"], b.hold["coal_time"] = choices[0]
            b.hold["masked"] = 0
            await some_queues(b)
            b.rate.update(dict.fromkeys(b.rate, 0.0) | rates)
            await b.step(500)
            await b.drain()
            b.rate.update(dict.fromkeys(b.rate, 0.0))
            b.hold["clr"] = int(b.rng.random() < 0.5)
            await b.step(1 + b.rng.randrange(6))
            b.hold["clr"] = 0
            await b.step(2)
    s = b.m.seen
    assert min(s["direct"], s["count"] + s["time"]) > 30, dict(s)
    assert min(s["up"], s["down"], s["masked"]) > 20 and s["waiting"] > 5, dict(s)


@cocotb.test()
async def reset_in_flight(dut):
    """Stimulus: controller reset and reset at any moment. Checking: of what waits, the pin shows nothing after a controller reset; after a reset no interrupt of the past, and settings of vectors are as at the beginning."""
    b = await bench(dut)
    for round_ in range(12):
        b.latency, b.choices = (1, 8), [(5, 1), (2, 1), (0, 0)]
        b.hold["coal_thr"], b.hold["coal_time"] = b.choices[round_ % 3]
        await some_queues(b)
        b.rate.update(post=0.4, ring=0.2, off=0.05)
        await b.step(60 + b.rng.randrange(b.m.lag + b.m.unit))
        if round_ % 2:
            b.hold["clr"] = 1
            await b.step(1 + b.rng.randrange(40))
            b.rate.update(post=0.0, ring=0.0)  # from here on a queue is set up before it has entries
            await b.step(3 * b.latency[1])
            b.hold["clr"] = 0
            await b.step(20)
        b.rate.update(post=0.0, ring=0.0, off=0.0)
        await b.clear(settle=False)
        if round_ % 3 == 0:  # no vector waits yet
            b.hold["coal_thr"], b.hold["coal_time"] = 20, LONG
            await some_queues(b)
            b.rate["post"] = 0.5
            await b.step(40)
            b.rate["post"] = 0.0
            await b.step(10)
        await b.step(2 * b.m.unit + 2 * b.m.lag)
    await b.clear()
    await setting(b, 3, LONG)
    io, vec = last(b)
    await queues(b, (io, vec))
    await entries(b, io, 3)
    await b.step(b.m.lag)
    assert b.m.v[vec].events, "coalescing is enabled after a reset"
    await setting(b, 0, 0)
    await b.drain()
    assert b.compared > 500 and b.m.seen["direct"] > 5


@cocotb.test()
async def the_bench_can_fail(dut):
    """Stimulus: an event, a doorbell, a mask, a setting that only the model or only the block knows. Checking: each is found."""
    faults = {
        "lost": {"irq_valid": 0},
        "late": {"coal_thr": 0, "coal_time": 0},
        "vector": {"irq_vec": 255},
        "doorbell": {"cq_rung": 0},
        "mask": {"masked": 1},
        "reset": {"clr": 1},
    }
    for name, fault in faults.items():
        b = await bench(dut)
        await queues(b, (0, 0), (1, 0))
        if name == "late":
            await setting(b, 30, LONG)
        real = b.m.cycle
        await entries(b, 1, 1)
        if name != "late":
            await consume(b, 1)

        def broken(fire, line, i, real=real, fault=fault):
            real(fire, line, {**i, **fault})

        b.m.cycle = broken
        async def more(b=b):
            for _ in range(3):
                b.post(1, 1)
                await b.step(8)
                b.put(cq_rung=1, cq_qid=1, cq_head=b.m.queues[1].posted)
                await b.step(8)
            await b.step(2 * b.m.lag)

        await expects_failure(more())


@pytest.mark.unit
@pytest.mark.parametrize("queues, vectors, unit", [
    (16, 17, 64), (1, 2, 640),
    *(pytest.param(*p, marks=pytest.mark.sweep_icarus) for p in ((1, 1, 64), (16, 3, 65), (128, 129, 640))),
])
def test_crl_nvme_irq(sim, queues, vectors, unit):
    """Stimulus and checking: see the cocotb tests above."""
    run_sim("crl_nvme_irq", __name__, {"QUEUES": queues, "VECTORS": vectors, "COALESCE_UNIT_CYCLES": unit}, sim=sim)
