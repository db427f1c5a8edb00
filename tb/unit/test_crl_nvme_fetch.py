# SPDX-License-Identifier: Apache-2.0
"""Unit tests of crl_nvme_fetch: submission entries. Rules: docs/blocks/nvme.md; bench: nvme_fetch_bench.py, golden model: models/nvme/fetch.py."""

from __future__ import annotations

import os
from collections import Counter

import cocotb
import pytest
from cocotb.triggers import RisingEdge

from tb.lib.sim import SimulationError, run_sim
from tb.unit.dma_lib import expects_failure
from tb.unit.nvme_fetch_bench import DECERR, EXOKAY, SLVERR, SOON, FetchBench

FIRST = 9  # cycles from g_valid to ar_valid
PER_GRANT = 10  # cycles from one grant with one entry to the next
LONG = bool(os.environ.get("CRL_FETCH_LONG"))  # a sweep: more of the same

PROFILES = (
    {"ar": 1.0, "r": 1.0, "m": 1.0},
    {"ar": 0.3, "r": 0.5, "m": 0.5, "g": 0.5, "withdraw": 0.2},
    {"ar": 0.7, "r": 0.9, "m": 0.15, "withdraw": 0.4},
    {"ar": 1.0, "r": 0.3, "m": 0.9},
)


async def bench(dut, *sizes: int, **rate) -> FetchBench:
    b = await FetchBench(dut, **rate).start()
    b.latency = (0, 3)
    if sizes:
        await b.make(*sizes)
    return b


def slow(b: FetchBench, few: int, many: int) -> int:
    """As many as the width allows in the time: an entry takes 8 beats at 64 bits, one at 512."""
    return many if b.w == 64 else few if b.w == 8 and not LONG else many


async def traffic(b: FetchBench, cycles: int, *, push=0.15, grant=0.2, cap=None, stops=0.0) -> None:
    """Random life: doorbells, grants of queues with and without entries, slots in part or none."""
    rng = b.rng
    cap = cap or (lambda: rng.choice((1, 2, 8, 128, rng.randint(1, 128))))
    for _ in range(cycles):
        if rng.random() < push:
            q = rng.choice(b.live)
            b.push(q, rng.choice((1, 1, 3, rng.randint(1, 30))))
        if len(b.todo) < 3 and rng.random() < grant:
            b.send(rng.choice(b.live), cap())
        if stops and rng.random() < (0.15 if b.stop else stops):
            b.stop ^= 1
        await b.step()
    b.stop = 0
    b.rate.update(withdraw=0.0, g=1.0)
    await b.settle()


def some_slots(b: FetchBench):
    """Slots in part, none, all."""
    return lambda qid, want: b.rng.choice((want, want, 0, b.rng.randint(0, want), want - 1))


@cocotb.test()
async def random_traffic(dut):
    """Stimulus: queues of 2 to 4096 entries, doorbells, grants of 1 to 128 in any order, also of empty queues and withdrawn before they are
    taken; slots in part or none; memory that is quick, slow, with gaps, that scribbles over entries once they were read; a taker that stalls.
    Checking: every burst, entry, head, slot and answer; at the end each entry left once, all slots are accounted for."""
    for n, profile in enumerate(PROFILES):
        b = await bench(dut, **profile)
        await b.make(*((14, 69) if b.n == 2 else (1, 2, 6, 14, 255, 4095, 69, 3)))
        b.slots, b.obedient = some_slots(b), n % 2 == 0
        b.rate["scribble"] = 0.3 if n % 2 else 0.0
        b.latency = ((0, 3), (0, 0), (5, 40), (100, 110))[n]
        for _ in range(5):  # until chance has had each kind
            await traffic(b, slow(b, 400, 700))
            if all(b.seen["slots: " + what] for what in ("none", "some", "all")):
                break
        b.end(40)
        dut._log.info("compared %d, cuts %s, %s", b.compared, dict(b.cuts), dict(b.seen))
        for what in ("none", "some", "all"):
            assert b.seen["slots: " + what], f"slots: {what}: never happened"


@cocotb.test()
async def random_errors(dut):
    """Stimulus: random traffic with random SLVERR and DECERR. Checking: as in random_traffic; no entry of a failed burst leaves, err_valid once a
    burst, slots come back."""
    for profile in PROFILES[:2] if not LONG else PROFILES:
        b = await bench(dut, 9, 30, 12, 130, error=0.15, **profile)
        b.slots, b.obedient = some_slots(b), False
        for _ in range(5):
            await traffic(b, slow(b, 400, 600))
            if b.seen["lost"] > 4 and len(b.log["err"]) > 2:
                break
        assert b.seen["lost"] > 4 and len(b.log["err"]) > 2
        b.end(40)


@cocotb.test()
async def wraps(dut):
    """Stimulus: depths 2, 3, 5, 8, 9, 64, 65 (and 4096 where the width makes it short), more than two passes; the queue full each time, grants of
    all sizes. Checking: slots, order and contents of every entry."""
    b = await bench(dut)
    qid, total = b.n - 1, 0
    for depth in (2, 3, 5, 8, 9, *slow(b, (), (64, 65))):
        await b.setup(qid, depth - 1)
        await b.step(4)
        while b.m.sq[qid].requested < 2 * depth + 1:
            b.push(qid, depth - 1 if b.rng.random() < 0.6 else b.rng.randint(1, depth))
            await b.run(qid, b.rng.choice((1, 3, 128)))
        await b.empty(qid)
        await b.settle()
        total += b.m.sq[qid].requested
    b.end(total)


@cocotb.test()
async def depth_4096(dut):
    """Stimulus: the largest queue, always as full as can be, past its end; grants of 128. Checking: as in wraps; 4095 entries are there at the
    first grant."""
    b = await bench(dut)
    if b.w < 64 and not LONG:
        dut._log.info("left to the wide build and the sweep")
        return
    qid = 0
    await b.setup(qid, 4095, base=(1 << 64) - 4096 * 64, func=1)
    await b.step(4)
    assert b.push(qid, 4095) == 4095
    while b.m.sq[qid].requested < 4096 + 70:
        while b.side[qid].left < 4000 and b.m.sq[qid].requested > b.side[qid].left + 200:
            await b.step()
        if len(b.todo) < 1 and qid not in b.m.grants and b.offer is None:
            b.push(qid, 4095)
            b.send(qid, 128)
        await b.step()
    await b.settle()
    assert b.m.sq[qid].requested >= 4096 + 70
    b.end(4096)


@cocotb.test()
async def burst_edges(dut):
    """Stimulus: a queue of 130 entries (three pages, two in the last), head at every entry around the ends of pages and of the queue, then 1 to 16
    entries. Checking: bursts are cut at the page, at the end of the queue, after 8 entries, and nowhere else; every cut was seen."""
    b = await bench(dut, 129, 1)
    qid = b.live[0]
    for at in slow(b, (55, 57, 122), (48, 54, 55, 56, 57, 59, 63, 64, 112, 119, 120, 121, 125, 127, 128, 129)):
        for count in (1, 2, 7, 8, 9, 15, 16) if LONG else b.rng.sample((2, 7, 8, 9, 10, 15, 16), 2):
            await b.setup(qid, 129)
            await b.step(4)
            b.latency = (0, 0)
            while (left := at - b.m.sq[qid].requested) > 0:
                b.push(qid, at - b.m.sq[qid].tail)
                await b.run(qid, min(left, 128))
                await b.until(lambda: b.m.in_flight == 0, 3000, "entries")
            await b.settle()
            b.push(qid, count)
            cnt = (await b.run(qid, 128))[1]
            assert cnt == min(count, b.depth)
            await b.empty(qid)
            await b.settle()
    dut._log.info("cuts %s", dict(b.cuts))
    # With no room for more than a burst's entries the grant cuts there.
    assert all(b.cuts[c] for c in ("grant", "queue", "page") + (("bytes",) if b.depth > 8 else ())), b.cuts
    b.end(100)


@cocotb.test()
async def how_many(dut):
    """Stimulus: single grants of 1 to 128 on an idle block, more and fewer entries there than that and than DEPTH.
    Checking: exactly the smallest of the three is asked for, and read; d_more when some are left."""
    b = await bench(dut, 4095, 4095)
    qid = b.live[-1]
    for g_max in (1, 2, 7, 8, 9, 15, 16, 17, 63, 64, 65, 127, 128):
        for there in sorted({1, g_max, g_max + 1, b.depth, b.depth + 1}) if b.w > 8 else (g_max, b.depth + 1):
            b.push(qid, max(0, there - b.m.sq[qid].there))
            there = b.m.sq[qid].there
            done = await b.run(qid, g_max)
            want = min(there, g_max, b.depth)
            assert done == (qid, want, int(there > want), 0)
            await b.settle()
    b.end(60)


@cocotb.test()
async def slots(dut):
    """Stimulus: 0, 1, .., all of the slots wanted; then again. Checking: as many entries are read; none: d_cnt 0, d_park, nothing is read, the head
    stays; some: d_more, no d_park."""
    b = await bench(dut, 40, 40)
    for qid in b.live:
        for got in range(9):
            b.push(qid, 8)
            there = b.m.sq[qid].there
            ars = len(b.log["ar"])
            b.slots = lambda q, want, got=got: got
            assert await b.run(qid, 8) == (qid, got, int(there > got), int(got == 0))
            assert len(b.log["ar"]) > ars or not got
            await b.settle()
        b.slots = lambda q, want: want
        await b.empty(qid)
        await b.settle()
        b.slots = lambda q, want: 0
        b.push(qid, 3)
        for _ in range(4):
            assert await b.run(qid, 128) == (qid, 0, 1, 1)
        b.slots = lambda q, want: want
        assert await b.run(qid, 128) == (qid, 3, 0, 0)
        await b.settle()
    b.end(40)


@cocotb.test()
async def nothing_there(dut):
    """Stimulus: grants of empty queues, alone and among others; a doorbell in each cycle around the grant.
    Checking: d_cnt 0, d_more 0, no slots asked for; what comes early enough is fetched, what comes later is told by d_more or not at all, and
    fetched by the next grant."""
    b = await bench(dut, 9, 9, 9)
    qid = b.live[0]
    for _ in range(3):
        asked = len(b.log["rs"])
        assert await b.run(qid, 5) == (qid, 0, 0, 0)
        assert len(b.log["rs"]) == asked
    for when in range(14):
        b.send(qid, 4)
        for n in range(14):
            if n == when:
                b.push(qid, 1)
            await b.step()
        await b.settle()
        if b.m.sq[qid].there:
            assert await b.run(qid, 4) == (qid, 1, 0, 0)
            await b.settle()
    for _ in range(6):
        b.push(b.live[1], 2)
        for q in b.live:
            b.send(q, 1)
        await b.settle()
    assert b.m.sq[qid].requested == 14
    b.end(30)


@cocotb.test()
async def more(dut):
    """Stimulus: a grant whose read waits for AR; the tail moves meanwhile, early or late. Checking: d_more says what is left when d_valid comes,
    not what was there when the grant was taken; the head has moved by d_cnt."""
    b = await bench(dut, 20, 20)
    qid = b.live[-1]
    for wait in (10, 12, 17, 40):
        b.push(qid, 3)
        b.rate["ar"] = 0.0
        b.send(qid, 8)
        await b.step(wait)
        assert b.m.grants and b.held_ar is not None, "no read within 10 cycles"
        late = not b.log["d"] or b.done[-1][0:1] != (qid,) or bool(b.m.grants)
        b.push(qid, 2)
        await b.step(10)
        b.rate["ar"] = 1.0
        await b.settle()
        assert late
        assert b.done[-1] == (qid, 3, 1, 0)
        await b.empty(qid)
        assert b.done[-1] == (qid, 2, 0, 0)
        await b.settle()
    b.end(16)


@cocotb.test()
async def several_in_flight(dut):
    """Stimulus: memory that does not answer, grants of several queues, a taker that takes nothing. Checking: DEPTH entries are requested, of
    several queues, and no more; when memory answers all are held; a grant waits for room, and gets one place when one entry leaves; order."""
    b = await bench(dut, 99, 99, 99, 99)
    qs = b.live
    per = b.depth // len(qs)
    for _ in range(2):
        b.rate.update(r=0.0, m=0.0)
        for q in qs:
            b.push(q, per + 3)
            b.send(q, per)
        await b.step(20 * len(qs) + 20)
        assert sum(r.b.count for r in b.reads) == b.depth == b.m.in_flight, f"{b.m.in_flight} entries requested"
        assert {r.b.qid for r in b.reads} == set(qs) and not b.serving
        asked = len(b.log["rs"])
        b.send(qs[0], 8)
        await b.step(60)
        assert len(b.log["rs"]) == asked, "slots are asked for without room"
        b.rate["r"] = 1.0
        await b.step(8 * b.depth * (8 if b.w == 8 else 1) + 40)
        assert len(b.m.held) == b.depth and not b.reads
        assert len(b.log["rs"]) == asked
        left = len(b.log["m"])
        b.rate["m"] = 1.0
        await b.until(lambda: len(b.log["m"]) > left, 10, "an entry")
        b.rate["m"] = 0.0
        await b.step(SOON)
        assert len(b.log["rs"]) == asked + 1 and b.m.in_flight == b.depth, "one place is not used"
        b.rate["m"] = 1.0
        for q in qs:
            while b.m.sq[q].there:
                b.send(q, 128)
                await b.settle()
    b.end(2 * b.depth)


@cocotb.test()
async def errors(dut):
    """Stimulus: SLVERR and DECERR on the first, a middle, the last beat, on several, of bursts of 1 to 8 entries between good ones of this and
    another queue; EXOKAY. Checking: none of the burst leaves, all others do; err_valid once, all its slots back, the head past it; EXOKAY is
    no error; a later grant goes on behind."""
    b = await bench(dut, 63, 63)
    a, c = b.live
    for code in (SLVERR, DECERR):
        for count in slow(b, (1, 8), (1, 2, 5, 8)):
            for place in ("first", "middle", "last", "all"):
                def bad(burst, beats, place=place, code=code, hit=[0]):  # noqa: B006
                    if burst.qid != a:
                        return {}
                    hit[0] += 1
                    if hit[0] != 2:
                        return {n: EXOKAY for n in range(0, beats, 2)}
                    return {"first": {0: code}, "middle": {beats // 2: code}, "last": {beats - 1: code},
                            "all": dict.fromkeys(range(beats), code)}[place]

                bad.__defaults__[2][0] = 0
                b.bad_beats = bad
                told, lost, before = len(b.log["err"]), b.seen["lost"], b.m.sq[a].requested
                b.rate["m"] = b.rng.choice((0.2, 1.0))
                for _ in range(3):
                    b.push(a, count)
                    b.push(c, 2)
                    while b.m.sq[a].there or b.m.sq[c].there:  # a grant takes what DEPTH has room for
                        for q, n in ((a, count), (c, 2)):
                            await b.until(lambda q=q: q not in b.m.grants and not b.todo, 2000, "grant")
                            b.send(q, n)
                        await b.until(lambda: not (b.todo or b.offer or b.serving), 2000, "grants")
                await b.settle()
                cuts = b.m.sq[a].requested - before
                assert cuts == 3 * count and b.seen["lost"] > lost
                assert len(b.log["err"]) == told + 1
    b.end(60)


@cocotb.test()
async def many_errors(dut):
    """Stimulus: DEPTH bursts of one entry of several queues, all of them fail, at full speed. Checking: as many err_valid, all slots back; then good
    entries."""
    b = await bench(dut, 99, 99, 99, 99)
    for rate in (1.0, 0.2):
        b.rate["m"] = rate
        b.bad_beats = lambda burst, beats: {beats - 1: SLVERR}
        b.latency = (30, 30)
        told = len(b.log["err"])
        for n in range(2 * b.depth):
            q = b.live[n % len(b.live)]
            b.push(q, 1)
            b.send(q, 1)
        await b.settle()
        assert len(b.log["err"]) == told + 2 * b.depth
        b.bad_beats = lambda burst, beats: {}
        for q in b.live:
            b.push(q, 5)
            b.send(q, 8)
        await b.settle()
    b.end(2 * b.depth)


@cocotb.test()
async def stop_anywhere(dut):
    """Stimulus: a grant of 12 entries, stop in each cycle from before it is offered to after its end; AR quick or slow, slots all or some; another
    grant behind. Checking: no grant taken, no burst begun; the grant ends with what was requested, d_more, unused slots come back; what is held
    leaves; idle; afterwards the rest is fetched, each entry once."""
    b = await bench(dut, 40, 40)
    a, c = b.live
    ended = Counter()
    for when in range(-1, slow(b, 22, 26)):
        b.rate["ar"] = (1.0, 0.2, 1.0)[when % 3]
        b.rate["m"] = (1.0, 0.3)[when % 2]
        b.slots = some_slots(b) if when % 5 == 4 else lambda q, want: want
        for q in (a, c):
            b.push(q, 12)
            b.send(q, 12)
        for _ in range(when):
            await b.step()
        b.stop = 1
        told = len(b.done)
        await b.step(2)
        ars = len(b.log["ar"])
        await b.until(lambda: not (b.serving or b.reads or b.m.in_flight or b.held_ar or b.asking), 2000, "the end of a grant under stop")
        await b.step(SOON + 4)
        assert b.get("idle") and len(b.log["ar"]) == ars
        ended.update(d[1:] for d in b.done[told:])
        await b.step(40)
        b.stop = 0
        b.slots = lambda q, want: want
        await b.settle()
        for q in (a, c):
            await b.empty(q)
        await b.settle()
    dut._log.info("d_cnt, d_more, d_park under stop: %s", dict(ended))
    assert any(cnt == 0 for cnt, _, _ in ended) and any(0 < cnt < 12 for cnt, _, _ in ended)
    assert all(b.m.sq[q].requested == b.m.sq[q].tail for q in (a, c))
    b.end(100)


@cocotb.test()
async def stop_at_random(dut):
    """Stimulus: random traffic with stop up for short and long, errors, stalls. Checking: as in random_traffic and stop_anywhere."""
    for profile in (PROFILES[0], PROFILES[1]):
        b = await bench(dut, 9, 30, 12, 130, error=0.05, **profile)
        b.slots, b.obedient = some_slots(b), False
        await traffic(b, slow(b, 500, 800), stops=0.03)
        assert b.seen["ended by stop"]
        b.end(40)


@cocotb.test()
async def stop_while_waiting(dut):
    """Stimulus: a grant waits for room (nothing is taken from m), stop comes; nothing is taken for long. Checking: the grant ends all the same,
    with d_cnt 0, d_more 1; held entries leave under stop; idle is down until then."""
    b = await bench(dut, 99, 99)
    a, c = b.live
    b.rate["m"] = 0.0
    b.push(a, b.depth)
    b.push(c, 5)
    await b.run(a, 128)
    b.send(c, 5)
    await b.step(200 if b.w > 8 else 8 * 8 * b.depth // 4)
    b.stop = 1
    await b.step(SOON)
    assert not b.serving, "the grant that waits for room does not end"
    assert b.offer is not None or b.done[-1] == (c, 0, 1, 0)
    await b.step(60)
    assert not b.get("idle")
    b.rate["m"] = 0.5
    await b.until(lambda: not b.m.in_flight, 3000, "held entries under stop")
    await b.step(SOON)
    assert b.get("idle")
    b.stop = 0
    await b.settle()
    await b.empty(c)
    await b.settle()
    assert b.side[c].out == 5
    b.end(b.depth + 5)


@cocotb.test()
async def set_up_anew(dut):
    """Stimulus: a queue in its second pass is set up with another place, size, function; it is deleted; a completion queue of the same number is
    set up; other queues go on meanwhile. Checking: heads are 0 and entries come from the new place with the new function; others are left
    alone; a completion queue's set-up changes nothing."""
    b = await bench(dut, 4, 30)
    a, c = b.live
    for size in (4, 1, 77, 4):
        await b.setup(a, size)
        await b.step(4)
        for _ in range(2 if size < 70 else 0):
            b.push(a, size)
            b.push(c, 7)
            b.send(a, 128)
            b.send(c, 3)
            await b.settle()
        before = b.m.sq[c].head
        b.push(a, 1)
        await b.run(a, 1)
        await b.settle()
        await b.setup(a, 2000, cq=1)
        await b.setup(a, 3, cq=1, valid=0)
        b.push(a, 1)
        await b.run(a, 1)
        await b.settle()
        # while the other queue is busy
        b.push(c, 9)
        b.send(c, 9)
        await b.step(b.rng.randrange(14))
        await b.setup(a, size + 3)
        await b.settle()
        assert before <= b.m.sq[c].requested
        b.push(a, 4)
        await b.run(a, 128)
        await b.settle()
        await b.setup(a, size, valid=0)
        await b.step(30)
        await b.empty(c)
        await b.settle()
    # many at once, then each by itself
    qs = b.rng.sample(range(b.n), min(b.n, 12))
    for q in qs:
        await b.setup(q, b.rng.randint(2, 9))
    await b.step(4)
    for q in qs:
        b.push(q, 2)
        b.send(q, b.rng.choice((1, 2, 128)))
    await b.settle()
    b.end(40)


@cocotb.test()
async def every_queue(dut):
    """Stimulus: all queues, each with two entries, granted in random order. Checking: as in random_traffic: place, function, head of each."""
    b = await bench(dut)
    qs = list(range(b.n)) if LONG or b.w == 64 else b.rng.sample(range(b.n), min(b.n, 20))
    for q in qs:
        await b.setup(q, b.rng.choice((1, 2, 3, 4095)))
    await b.step(4)
    b.rng.shuffle(qs)
    for q in qs:
        b.push(q, 2)
        b.send(q, 1)
    await b.settle()
    for q in qs:
        b.send(q, 128)
    await b.settle()
    assert all(b.m.sq[q].there == 0 or b.m.sq[q].size == 1 for q in qs)
    b.end(len(qs))


@cocotb.test()
async def stalled_for_long(dut):
    """Stimulus: m takes nothing for long, then single entries; AR takes nothing for long; R pauses inside a burst; each while grants go on coming.
    Checking: nothing changes while it waits, nothing is lost, all comes in order afterwards."""
    for what in ("m", "ar", "r"):
        b = await bench(dut, 99, 30, 12)
        for q in b.live:
            b.push(q, 30)
        for rate in (0.0, 0.03, 1.0):
            b.rate[what] = rate
            for q in b.live:
                b.send(q, 5)
            await b.step(250 if rate < 1 else 1)
        await b.settle()
        for q in b.live:
            await b.empty(q)
        await b.settle()
        b.end(30)


@cocotb.test()
async def overwritten(dut):
    """Stimulus: the host writes over each entry right after its read, beat for beat; also before it leaves. Checking: what leaves is what the beats
    of the one read had; no second read."""
    b = await bench(dut, 20, 5, scribble=1.0)
    for _ in range(5):
        for q in b.live:
            b.push(q, 5)
            b.send(q, 128)
        b.rate["m"] = b.rng.choice((0.1, 1.0))
        await b.settle()
    assert b.scribbled
    b.end(20)


@cocotb.test()
async def heads(dut):
    """Stimulus: entries requested while memory does not answer, then beat after beat. Checking: lk_head is past them at d_valid; hd_head only when
    the last beat of their burst has come; neither goes back."""
    b = await bench(dut, 20, 4)
    q = b.live[0]
    for n in range(4):
        b.rate["r"] = 0.0
        b.push(q, 7)
        await b.run(q, 128)
        b.live = [q]
        for _ in range(30):
            await b.step()
            assert b.look != q or b.get("lk_head") == b.m.sq[q].head
            assert b.look2 != q or b.get("hd_head") == 7 * n % 21, "hd_head counts what memory has not answered"
        b.rate["r"] = 0.3
        await b.settle()
        for _ in range(10):
            await b.step()
            assert b.look2 != q or b.get("hd_head") == b.m.sq[q].head
    b.end(28)


@cocotb.test()
async def reset_in_mid_flight(dut):
    """Stimulus: reset at random moments under traffic: grants served, reads on their way, entries held, errors. Checking: nothing comes out after
    it, heads are 0, all works as new."""
    b = await bench(dut)
    for n in range(10 if b.w == 64 else 6):
        await b.make(9, 30)
        b.rate.update(ar=b.rng.choice((0.3, 1.0)), m=b.rng.choice((0.0, 0.5, 1.0)), r=b.rng.choice((0.2, 1.0)), error=0.2)
        b.obedient = False
        for _ in range(b.rng.randrange(90)):
            q = b.rng.choice(b.live)
            if b.rng.random() < 0.2:
                b.push(q, 5)
            if b.rng.random() < 0.3 and len(b.todo) < 3:
                b.send(q, 9)
            await b.step()
        await b.clear(b.rng.randint(1, 3))
        b.rate.update(ar=1.0, m=1.0, r=1.0, error=0.0)
        b.obedient, b.scribbled = True, False
        await b.step(30)
        await b.setup(b.n - 1, 5 + n)
        await b.step(4)
        b.push(b.n - 1, 5)
        assert await b.run(b.n - 1, 8) == (b.n - 1, 5, 0, 0)
        await b.settle()
        await b.clear(1)
    b.end(30)


@cocotb.test()
async def latency(dut):
    """Stimulus: single grants on an idle block, any queue and place. Checking: g_valid to ar_valid at most 9 cycles."""
    b = await bench(dut, 40, 3, 4095)
    worst = 0
    for _ in range(15):
        q = b.rng.choice(b.live)
        b.push(q, b.rng.randint(1, 3))
        await b.step(b.rng.randrange(4))
        g, ar = len(b.log["g"]), len(b.log["ar"])
        assert (await b.run(q, b.rng.choice((1, 128))))[1]
        worst = max(worst, b.log["ar"][ar] - b.log["g"][g])
        await b.settle()
    dut._log.info("g_valid to ar_valid: %d cycles", worst)
    assert worst <= FIRST, f"{worst} cycles"
    b.end(15)


@cocotb.test()
async def throughput(dut):
    """Stimulus: grants of 8 entries of two queues in turn, without a pause; then of one entry each of four; everything always ready, memory quick.
    Checking: R has no gaps worth mentioning: at 512 bits an entry a cycle (with 32 places or more); one grant in 10 cycles at least."""
    b = await bench(dut, 4095, 4095, 4095, 4095)
    b.latency = (0, 0)
    total, beats = slow(b, 20, 60), 512 // (8 * b.w)
    for q in b.live:
        b.push(q, 8 * total)
    for n in range(total):
        b.send(b.live[n % 2 * (len(b.live) - 1)], 8)
    await b.settle()
    counts = Counter(d[1] for d in b.done)
    took = b.log["m"][-1] - b.log["ar"][0]
    entries = len(b.log["m"])
    dut._log.info("%d entries in %d cycles, DEPTH %d, d_cnt %s", entries, took, b.depth, dict(counts))
    if b.depth >= 32 or beats > 1:
        assert took <= entries * beats * 21 // 20 + 40, f"{entries} entries in {took} cycles"
    first = len(b.log["grant"])
    for q in range(0, 80):
        b.send(b.live[q % len(b.live)], 1)
    await b.settle()
    grants = b.log["grant"][first:]
    took = grants[-1] - grants[0]
    dut._log.info("%d grants of one entry in %d cycles", len(grants), took)
    assert took <= PER_GRANT * (len(grants) - 1) + 4, f"{took} cycles"
    b.end(80)


@cocotb.test()
async def scoreboard_fails(dut):
    """Stimulus: good traffic of which one thing is changed, lost or doubled on the way to the model; or none at all.
    Checking: the bench fails each time."""
    b = await bench(dut, 20, 20)
    said = {}

    def once(name):
        """The first time the signal is up it is not seen."""
        def f(v):
            if v and not said.get(name):
                said[name] = 1
                return 0
            return v
        return f

    def stuck(name):
        """Seen once more after it was seen."""
        def f(v):
            last, said[name] = said.get(name, 0), v
            return v or last
        return f

    changes = [
        {"m_sqe": lambda v: v ^ 1 << 300}, {"m_qid": lambda v: v ^ 1}, {"m_valid": lambda v: 0}, {"m_valid": stuck("m_valid")},
        {"ar_addr": lambda v: v + 64}, {"ar_len": lambda v: v + 1}, {"ar_user": lambda v: v ^ 1}, {"ar_valid": lambda v: 0},
        {"rs_want": lambda v: v + 1}, {"rs_want": lambda v: v - 1}, {"rs_qid": lambda v: v ^ 1},
        {"d_cnt": lambda v: v + 1}, {"d_more": lambda v: 1 - v}, {"d_park": lambda v: 1 - v}, {"d_qid": lambda v: v ^ 1},
        {"d_valid": lambda v: 0}, {"d_valid": stuck("d_valid")},
        {"rb_valid": lambda v: 0}, {"rb_cnt": lambda v: v + 1}, {"rb_cnt": lambda v: v - 1}, {"rb_valid": lambda v: 1},
        {"err_valid": once("err")}, {"err_valid": stuck("err_valid")}, {"lk_head": lambda v: v + 1}, {"hd_head": lambda v: v + 1},
        {"idle": lambda v: 1}, {"idle": lambda v: 0},
    ]
    for tamper in changes:
        b.tamper = tamper
        said.clear()
        b.bad_beats = lambda burst, beats: {0: SLVERR} if burst.first == 3 else {}

        async def play():
            for _ in range(3):
                b.push(b.live[0], 3)
                b.send(b.live[0], 3)
                await b.settle(300)
        try:
            await expects_failure(play())
        except BaseException as e:
            raise AssertionError(f"{list(tamper)} is not noticed: {changes.index(tamper)}") from e
        b.tamper = {}
        await RisingEdge(dut.clk)
        await b.clear(1)
        await b.make(20, 20)
    b.bad_beats = lambda burst, beats: {}
    b.compared = 0
    with pytest.raises(AssertionError, match="only 0 were compared"):
        b.end()


def build(data_w: int, queues: int, depth: int) -> dict[str, int]:
    return {"DATA_W": data_w, "QUEUES": queues, "FUNC_W": 8, "DEPTH": depth}


@pytest.mark.unit
@pytest.mark.parametrize(("data_w", "queues", "depth"), [
    (64, 16, 16),
    pytest.param(512, 128, 64, marks=pytest.mark.sweep_icarus),
    pytest.param(512, 1, 8, marks=pytest.mark.sweep),
    pytest.param(256, 16, 32, marks=pytest.mark.sweep),
    pytest.param(128, 128, 16, marks=pytest.mark.sweep),
])
def test_crl_nvme_fetch(sim, data_w, queues, depth):
    """Stimulus and checking: see the cocotb tests above."""
    run_sim("crl_nvme_fetch", __name__, build(data_w, queues, depth), sim=sim)


@pytest.mark.unit
@pytest.mark.sweep
def test_crl_nvme_fetch_long():
    """Stimulus and checking: the cocotb tests above, more of each, at 64 bits: 4096 entries, all places, all queues."""
    run_sim("crl_nvme_fetch", __name__, build(64, 128, 16), sim="verilator", extra_env={"CRL_FETCH_LONG": 1})


@pytest.mark.unit
@pytest.mark.sweep
@pytest.mark.parametrize("depth", [4, 12, 128])
def test_bad_depth_is_refused(depth):
    """Stimulus: DEPTH below 8, no power of two, above 64. Checking: a sentence that names it."""
    with pytest.raises(SimulationError, match="DEPTH"):
        run_sim("crl_nvme_fetch", __name__, build(64, 1, depth), sim="icarus", testcase="latency")
