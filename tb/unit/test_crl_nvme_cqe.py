# SPDX-License-Identifier: Apache-2.0
"""Unit tests of crl_nvme_cqe: completion entries. Rules: docs/blocks/nvme.md; bench and golden model: nvme_cqe_bench.py, models/nvme/cqe.py."""

from __future__ import annotations

import cocotb
import pytest
from cocotb.triggers import FallingEdge

from tb.lib.sim import run_sim
from tb.unit.nvme_cqe_bench import SOON, CqeBench

FIRST = 3  # cycles from s_valid to wb_valid


async def bench(dut, sizes=None, share=None, **knobs) -> CqeBench:
    """CQs 0, 1, .. of these sizes (less one); `share` is the CQ of each SQ, SQ n on CQ n without it."""
    b = await CqeBench(dut, **knobs).start()
    if sizes is not None:
        for cqid, size in zip(queues(b, len(sizes)), sizes, strict=False):
            await b.setup_cq(cqid, size=size, ien=b.rng.random() < 0.7)
        for sqid in queues(b, b.n if share else len(sizes)):
            await b.setup_sq(sqid, share(sqid) if share else sqid)
    return b


def queues(b: CqeBench, count: int) -> list[int]:
    """So many queues, the last one among them."""
    return [*range(min(count, b.n) - 1), b.n - 1]


async def traffic(b: CqeBench, cycles: int, *, ask=0.3, want=12, read=0.2, drop=0.1, back=0.05, hold=40) -> None:
    """Random life of many commands."""
    rng = b.rng
    sqs = [s for s, c in enumerate(b.m.cq_of) if c is not None]
    held: list[int] = []
    asked = None
    for _ in range(cycles):
        kw = {}
        if b.answer is not None:
            held += [asked] * b.answer
        if b.ask is None and b.now + 1 >= b.last_rs + 4 and len(held) < hold and rng.random() < ask:
            asked = rng.choice(sqs)
            kw["rs"] = (asked, rng.choice((1, 1, rng.randint(1, want), 128, 255)))
        elif held and b.now + 1 >= b.last_rb + 4 and rng.random() < back:
            sq = rng.choice(held)
            count = rng.randint(1, min(255, held.count(sq)))
            for _ in range(count):
                held.remove(sq)
            kw["rb"] = (sq, count)
        if held and len(b.todo) < 4:
            b.complete(held.pop(rng.randrange(len(held))), rng.random() < drop)
        if b.now + 1 >= b.last_rung + 3 and rng.random() < read:
            cqid = rng.choice(b.live)
            cq, side = b.m.cqs[cqid], b.side[cqid]
            there = side.written - cq.consumed
            if there > 0 and not cq.dead:
                kw["rung"] = (cqid, (cq.consumed + rng.choice((1, there, rng.randint(1, there)))) % cq.depth)
        await b.cycle(**kw)
    while b.ask is not None:
        await b.cycle()
    held += [asked] * (b.answer or 0)
    for sq in held:
        b.complete(sq, rng.random() < drop)
    await b.drain(60 * (len(held) + 40))


def check_room(b: CqeBench) -> None:
    """Nothing is reserved any more."""
    assert all(c.reserved == 0 for c in b.m.cqs)


@cocotb.test()
async def random_traffic(dut):
    """Stimulus: queues of 2 to 4096 entries; reservations of 1 to 255, completions in random order, drops, slots given back, a host that reads
    some or all; port and memory quick, slow, stalled for long, responses late. Checking: each entry, slot and phase; slots are granted as far as
    there is room; interrupts, tail, idle, unpark; at the end nothing is left."""
    for knobs in ({}, {"ready": 0.3, "b_lat": (0, 60)}, {"s": 0.2, "b_lat": (200, 300)}, {"ready": 0.7, "b_lat": (0, 0)}):
        b = await bench(dut, [1, 2, 6, 14, 255, 4095, 9, 3], **knobs)
        await traffic(b, 500)
        check_room(b)
        b.finish()
    dut._log.info("compared %d, sizes %s, irqs %d, unparks %d", b.compared, dict(b.sizes), b.irqs, b.unparks)


@cocotb.test()
async def certain_slots(dut):
    """Stimulus: queues of 5 to 40 entries, two SQs each; reservations of 1 to 7 and of more, 4 to 12 cycles apart, of the SQ that is looked at or of the
    other one; the host reads now and then. Checking: who is certain two cycles before gets all it wants; a fresh queue of 12 is certain, one of 11 not."""
    certain = 0
    for size in (5, 11, 12, 20, 40):
        b = await CqeBench(dut, b_lat=(0, 5)).start()
        cqid = queues(b, 1)[0]
        await b.setup_cq(cqid, size=size)
        await b.setup_sq(0, cqid)
        await b.setup_sq(b.n - 1, cqid)
        b.asker, b.wander = 0, 0.0
        await b.idle(2)
        assert int(dut.su_sure.value) == (size >= 12), f"{size} slots are free"
        for _ in range(60):
            await b.idle(b.rng.randrange(8))
            sqid = b.rng.choice((0, b.n - 1))
            for _ in range(await b.reserve(sqid, b.rng.choice((1, 1, 2, 7, 8, 30)))):
                b.complete(sqid, drop=b.rng.random() < 0.2)
            if b.rng.random() < 0.4:
                await b.drain(400)
                await b.consume(cqid)
        await b.drain(400)
        certain += b.certain
        b.finish()
    assert certain > 20, f"{certain} reservations were certain"


@cocotb.test()
async def many_queues_on_one(dut):
    """Stimulus: all SQs share one CQ of few entries, or two CQs; always more asked for than there is. Checking: as random_traffic; the sum of
    all reservations never exceeds the room; entries name their SQ and come in the order taken."""
    for sizes in ([7], [3, 20], [1]):
        cqs: list[int] = []
        b = await CqeBench(dut, b_lat=(0, 20)).start()
        cqs = queues(b, len(sizes))
        for cqid, size in zip(cqs, sizes, strict=False):
            await b.setup_cq(cqid, size=size)
        for sqid in range(min(b.n, 20)):
            await b.setup_sq(sqid, cqs[sqid % len(cqs)])
        await traffic(b, 400, ask=0.8, read=0.3)
        check_room(b)
        b.finish()
        assert b.unparks > 3


@cocotb.test()
async def phase_and_wraps(dut):
    """Stimulus: depths 2, 3, 16, 257: three passes and more; the host always behind. Checking: slot and phase of every entry."""
    b = await bench(dut)
    cqid, sqid = b.n - 1, 0
    for depth in (2, 3, 16, 257):
        await b.setup_cq(cqid, size=depth - 1)
        await b.setup_sq(sqid, cqid)
        while b.side[cqid].written < 3 * depth + 1:
            got = await b.reserve(sqid, b.rng.choice((1, 5, 16, 255)))
            for _ in range(got):
                b.complete(sqid)
            await b.idle(got * b.rng.randrange(3))
            await b.consume(cqid)
        await b.drain()
        check_room(b)
    b.finish()


@cocotb.test()
async def depth_4096(dut):
    """Stimulus: the largest queue, filled to the last slot, read, and on beyond the wrap. Checking: 4095 slots are granted and no more; pages,
    slots, phase; throughput: an entry in 2 cycles."""
    b = await bench(dut, b_lat=(3, 3))
    cqid, sqid = 0, b.n - 1
    await b.setup_cq(cqid, size=4095, base=0xFFFF_FFFF_FFFF_0000)
    await b.setup_sq(sqid, cqid)
    left = 4095
    while left:
        got = await b.reserve(sqid, 200)
        assert got == min(200, left)
        left -= got
    assert await b.reserve(sqid, 200) == 0
    begin = b.now
    for _ in range(4095):
        b.complete(sqid)
    while b.todo or b._owes():
        await b.cycle()
    took = b.now - begin
    dut._log.info("4095 entries in %d cycles, sizes %s", took, dict(b.sizes))
    assert took <= 2 * 4095 + 60, f"{took} cycles"
    assert await b.reserve(sqid, 1) == 0
    assert await b.consume(cqid, 300) == 300
    await b.idle(8)
    assert await b.reserve(sqid, 255) == 255
    for _ in range(255):
        b.complete(sqid)
    await b.drain()
    b.finish()


@cocotb.test()
async def full_and_unpark(dut):
    """Stimulus: a CQ whose slots are all reserved or unread; requests; then room: by a read, by slots given back, by a drop, each in every cycle
    from before the request to after its answer. Checking: nothing, or what is there, is granted; when a request got nothing and there is room
    afterwards, unpark comes, after the request; while it is full, none comes."""
    b = await bench(dut, b_lat=(1, 4))
    cqid, sqid, other = 0, b.n - 1, 1
    for size in (1, 5):
        await b.setup_cq(cqid, size=size)
        await b.setup_sq(sqid, cqid)
        await b.setup_sq(other, cqid)
        for how in ("read", "back", "drop"):
            for when in range(-3, 9) if size == 1 else (-1, 1, 4):
                assert await b.reserve(other, 9) == size
                keep = size if how == "back" else 1 if how == "drop" else 0
                for _ in range(size - keep if how != "drop" else 0):
                    b.complete(other)
                await b.drain()
                await b.idle(4)
                told = b.unparks
                assert await b.reserve(sqid, 3) == 0
                await b.idle(12)
                assert b.unparks == told, "unpark of a full queue"
                got = None
                for n in range(-4, 12):
                    kw = {}
                    if n == 0:
                        kw["rs"] = (sqid, 3)
                    if n == when and how == "read":
                        kw["rung"] = (cqid, (b.m.cqs[cqid].consumed + 1) % (size + 1))
                    if n == when and how == "back" and n != 0:
                        kw["rb"] = (other, 1)
                    if n == when and how == "drop":
                        b.complete(other, drop=True)
                    await b.cycle(**kw)
                    got = b.answer if b.answer is not None else got
                assert got in (0, 1)
                await b.idle(SOON + 4)
                await b.drain()
                if how == "back" and when == 0:
                    await b.cycle(rb=(other, 1))
                assert how == "back" and when == 0 or b.unparks > told, "no unpark"
                if not got:
                    await b.idle(8)
                    got = await b.reserve(sqid, 1)
                    assert got == 1
                for _ in range(got):
                    b.complete(sqid)
                for _ in range(b.m.queue(other).reserved - len(b.todo)):
                    b.complete(other, drop=True)
                await b.drain()
                await b.consume(cqid)
                await b.idle(8)
    b.finish()


@cocotb.test()
async def slots_come_back(dut):
    """Stimulus: all slots reserved by several requests, given back in parts, dropped, posted and read. Checking: after each the room is exactly
    what the model says, asked for with more than there is."""
    b = await bench(dut)
    cqid, sqids = b.n - 1, [0, b.n - 1]
    for size in (1, 2, 30, 100):
        await b.setup_cq(cqid, size=size)
        for sqid in sqids:
            await b.setup_sq(sqid, cqid)
        mine = {s: 0 for s in sqids}
        for _ in range(60):
            sqid = b.rng.choice(sqids)
            what = b.rng.randrange(5)
            if what == 0:
                await b.idle(10)
                free = b.m.cqs[cqid].free
                want = b.rng.choice((1, size, size + 1, 255))
                got = await b.reserve(sqid, want)
                assert got == min(want, free), f"{got} of {want}, free {free}"
                mine[sqid] += got
            elif what == 1 and mine[sqid]:
                count = b.rng.randint(1, min(mine[sqid], 255))
                while b.now + 1 < b.last_rb + 4:
                    await b.cycle()
                await b.cycle(rb=(sqid, count))
                mine[sqid] -= count
            elif what in (2, 3) and mine[sqid]:
                for _ in range(b.rng.randint(1, mine[sqid])):
                    b.complete(sqid, drop=what == 2)
                    mine[sqid] -= 1
                await b.drain()
            elif what == 4:
                await b.consume(cqid, b.rng.choice((1, None)))
        for sqid in sqids:
            for _ in range(mine[sqid]):
                b.complete(sqid, drop=True)
        await b.drain()
        check_room(b)
    # Of a queue that is not there, nothing is granted.
    await b.reset()
    await b.setup_sq(sqids[0], cqid)
    assert await b.reserve(sqids[0], 5) == 0
    b.finish()


@cocotb.test()
async def lone_entry(dut):
    """Stimulus: single completions on an idle block, at any slot. Checking: at most 5 cycles from s_valid to wb_valid, a burst of one; its
    interrupt only after the response, also when that takes long; tail counts it from then on."""
    b = await bench(dut, [6, 6, 6], b_lat=(0, 0))
    late = 0
    for n in range(24):
        sqid = b.rng.choice(b.live)
        b.k["b_lat"] = (n * 3, n * 3)
        while await b.reserve(sqid, 1) == 0:
            await b.consume(sqid)
        await b.idle(b.rng.randrange(5))
        b.complete(sqid)
        before = len(b.log["wb"]), len(b.log["irq"])
        await b.drain()
        took = b.log["wb"][-1] - b.log["s"][-1]
        late = max(late, took)
        assert len(b.log["wb"]) == before[0] + 1 and took <= FIRST, f"{took} cycles"
        if b.m.cqs[sqid].ien:
            assert len(b.log["irq"]) == before[1] + 1 and b.log["irq"][-1] >= b.log["b"][-1]
        else:
            assert len(b.log["irq"]) == before[1]
    dut._log.info("s_valid to wb_valid: %d cycles", late)
    assert 1 in b.sizes and set(b.sizes) == {1}
    b.finish()


@cocotb.test()
async def bursts(dut):
    """Stimulus: the port is held until 16 entries of a queue wait, at every place before the end of a page and of the queue; then it is opened.
    Checking: all 16 are taken while nothing leaves; then bursts of up to 8, cut at the page, at the end of the queue and nowhere else; one
    interrupt each; the tail does not run ahead of what is on offer."""
    b = await bench(dut, b_lat=(5, 20))
    cqid, sqid = b.n - 1, 0
    for size, places in ((299, (243, 247, 248, 249, 255, 256, 283, 292)), (19, (0, 5, 8, 12, 19))):
        for place in places:
            await b.setup_cq(cqid, size=size)
            await b.setup_sq(sqid, cqid)
            while b.side[cqid].taken < place:
                got = await b.reserve(sqid, min(255, place - b.side[cqid].taken))
                for _ in range(got):
                    b.complete(sqid)
                while b.todo or b._owes():
                    await b.cycle()
                await b.consume(cqid)
            assert b.side[cqid].written == place
            await b.idle(8)
            assert await b.reserve(sqid, 16) == 16
            for _ in range(16):
                b.complete(sqid)
            before = dict(b.sizes), b.irqs, len(b.log["b"])
            await b.idle(60, ready=False)
            assert not b.todo and b.offered is None, "16 entries don't find a place"
            await tail_is(b, cqid, place)
            b.sizes.clear()
            await b.drain()
            # The first burst was on offer before the others waited; after that each is as long as can be.
            slots, at, sizes = size + 1, place, dict(b.sizes)
            lengths = []
            for n in b_lengths(b):
                lengths.append(n)
            first = lengths[0]
            at, left = place + first, 16 - first
            for n in lengths[1:]:
                most = min(8, left, 256 - at % slots % 256, slots - at % slots)
                assert n == most, f"from slot {place}: bursts {lengths}, {most} could go from slot {at % slots}"
                at, left = at + n, left - n
            assert left == 0 and sizes
            assert b.irqs - before[1] == len(b.log["b"]) - before[2] == len(lengths)
    b.finish()


def b_lengths(b: CqeBench) -> list[int]:
    """Lengths of the bursts of the last drain, in order."""
    return b.lengths[-sum(b.sizes.values()):]


async def tail_is(b: CqeBench, cqid: int, written: int) -> None:
    """Only what is on offer counts as tail: not what waits behind it."""
    offered = 8 if b.lanes > 8 else (b.head_len() + 1) // 2
    for _ in range(40):
        await b.cycle(ready=False)
        if b.pins["lk_qid"] == cqid:
            tail = int(b.dut.lk_tail.value)
            ahead = (tail - written) % b.m.cqs[cqid].depth
            assert ahead <= offered, f"tail is {ahead} entries ahead, {offered} at most are on offer"


@cocotb.test()
async def throughput(dut):
    """Stimulus: a steady stream of completions: one queue, two that alternate, several at random; port always ready.
    Checking: an entry in 2 cycles."""
    for count in (1, 2, 5):
        b = await bench(dut, [1000] * count, b_lat=(4, 9))
        for q in b.live:
            assert await b.reserve(q, 255) == 255
        order = [b.live[n % 2 if count == 2 else b.rng.randrange(len(b.live))] if count > 1 else b.live[0] for n in range(200)]
        for q in order:
            b.complete(q)
        first = b.now
        while b.todo or b.offered or any(c.waiting for c in b.m.cqs):
            await b.cycle()
        took = b.now - first
        dut._log.info("%d queues: 200 entries in %d cycles, sizes %s", count, took, dict(b.sizes))
        assert took <= 2 * 200 + 30, f"{count} queues: {took} cycles"
        await b.drain()


@cocotb.test()
async def responses_late(dut):
    """Stimulus: no response for a long time while entries of all queues come; then one response in each cycle. Checking: no interrupt before its
    response, one for each burst, in order; idle stays down; nothing is lost."""
    b = await bench(dut, [40, 63, 17, 5], b_lat=(0, 0))
    for hold in (300, 600):
        b.hold_b = True
        for q in b.live:
            got = await b.reserve(q, 30)
            for _ in range(got):
                b.complete(q)
        b.rng.shuffle(b.todo)
        irqs, bursts_before = b.irqs, len(b.log["b"])
        await b.idle(hold)
        assert b.irqs == irqs and len(b.log["b"]) == bursts_before and b.m.owed
        b.hold_b = False
        await b.drain(6000)
        for q in b.live:
            await b.consume(q)
        await b.idle(8)
    check_room(b)
    b.finish()


@cocotb.test()
async def write_errors(dut):
    """Stimulus: error responses (SLVERR, DECERR) for one queue among several, with bursts of it outstanding, entries waiting, the port stalled;
    completions and reservations go on. Checking: err_valid with its CQ, soon and not more often than errors; then nothing of it is posted, no
    interrupt that nobody asked for; its completions are taken; others are not disturbed; set up anew it begins with a first pass."""
    for ready in (1.0, 0.3):
        b = await bench(dut, [9, 30, 12], b_lat=(2, 12), ready=ready)
        victim, *others = b.live if b.rng.random() < 0.5 else b.live[::-1]
        for _ in range(5):
            got = {q: await b.reserve(q, 9) for q in b.live}
            assert all(got.values())
            for q, n in got.items():
                for _ in range(n):
                    b.complete(q)
            b.rng.shuffle(b.todo)
            code = b.rng.choice((2, 3))
            hit = False
            for _ in range(800):
                burst = b.b_due[0][2] if b.b_due and b.b_due[0][0] <= b.now + 1 else None
                bad = burst is not None and burst.cqid == victim and (not hit or b.rng.random() < 0.3)
                hit |= bad
                await b.cycle(resp=code if bad else None)
                if hit and not b.todo and not b.offered and not b._owes():
                    break
            assert hit and b.m.cqs[victim].dead
            await b.idle(SOON + 4)
            errors = b.errors
            assert errors
            # Silence, and its slots come back.
            b.side[victim].ghosts.clear()
            got = await b.reserve(victim, 3)
            for _ in range(got):
                b.complete(victim)
            n = len(b.log["wb"]), b.irqs
            await b.drain()
            assert (len(b.log["wb"]), b.irqs) == n and b.errors == errors
            for q in others:
                assert await b.reserve(q, 1) == 1 or b.m.cqs[q].free == 0 or (await b.consume(q)) >= 0
            for q in others:
                for _ in range(b.m.cqs[q].reserved):
                    b.complete(q)
            await b.drain()
            for q in b.live:
                if q != victim:
                    await b.consume(q)
            assert b.m.cqs[victim].reserved == 0
            await b.setup_cq(victim, size=b.rng.choice((9, 11)))
            got = await b.reserve(victim, 9)
            assert got == 9
            for _ in range(got):
                b.complete(victim)
            await b.drain()
            assert b.side[victim].written == 9
            await b.consume(victim)
            await b.idle(8)
        b.finish()


@cocotb.test()
async def all_thrown_away(dut):
    """Stimulus: a burst leaves, then the port stalls until no completion is taken any more; the burst's response is an error, and the port goes
    on. Checking: what is on offer leaves, the rest doesn't; idle comes up when all of it can be gone; its slots are free again."""
    for count in (40, 100):
        b = await bench(dut, [200], b_lat=(0, 0))
        sqid = b.n - 1
        assert await b.reserve(sqid, count) == count
        b.hold_b = True
        b.complete(sqid)
        while not b.log["last"]:
            await b.cycle()
        b.k["ready"] = 0.0
        for _ in range(count - 1):
            b.complete(sqid)
        await b.idle(3 * count)
        b.hold_b = False
        await b.cycle(resp=2)
        assert b.m.cqs[sqid].dead
        b.k["ready"] = 1.0
        await b.drain()
        assert len(b.log["last"]) == 2 and b.longest > SOON, f"idle after {b.longest} cycles"
        check_room(b)
        dut._log.info("idle after %d cycles, %d would do", b.longest, SOON + b.away())
        b.finish()


@cocotb.test()
async def random_errors(dut):
    """Stimulus: random traffic with random error responses. Checking: as in write_errors, whatever meets."""
    for _ in range(3):
        b = await bench(dut, [9, 30, 12, 60], b_lat=(0, 30), b_error=0.04, ready=b_ready(dut))
        await traffic(b, 500, ask=0.5)
        b.finish()


def b_ready(dut) -> float:
    return (1.0, 0.5, 0.2)[cocotb.RANDOM_SEED % 3]


@cocotb.test()
async def set_up_anew(dut):
    """Stimulus: a queue with unread entries, in its second pass, is set up with another place, size, function and vector; an SQ is moved to
    another CQ; a queue is deleted. Checking: slot 0, phase 1, all slots free, new place, function, vector; tail 0; nothing of what was."""
    b = await bench(dut)
    a, c = 0, b.n - 1
    sq = 1
    for size in (3, 7, 64):
        await b.setup_cq(a, size=size)
        await b.setup_cq(c, size=5)
        await b.setup_sq(sq, a)
        for _ in range(size + 3):
            if not b.m.cqs[a].free:
                await b.consume(a, 2)
                await b.idle(8)
            assert await b.reserve(sq, 1) == 1
            b.complete(sq)
            await b.drain()
        await b.setup_sq(sq, c)
        assert await b.reserve(sq, 255) == 5
        for _ in range(5):
            b.complete(sq)
        await b.drain()
        assert b.side[c].written == 5
        await b.setup_cq(a, size=2 * size)
        await b.setup_sq(sq, a)
        assert await b.reserve(sq, 255) == 2 * size
        for _ in range(2 * size):
            b.complete(sq)
        await b.drain()
        assert b.side[a].written == 2 * size
        # The set-up of an SQ with the number of a CQ leaves the CQ alone.
        await b.setup_sq(a, c)
        await b.setup_sq(sq, a)
        assert await b.reserve(sq, 1) == 0
        await b.consume(a)
        await b.idle(8)
        assert await b.reserve(sq, 255) == 2 * size
        for _ in range(2 * size):
            b.complete(sq, drop=True)
        await b.drain()
        await b.delete_cq(a)
    b.finish()


@cocotb.test()
async def stalled_for_long(dut):
    """Stimulus: the port takes nothing for 300 cycles while more comes than there is place for; then it is opened, or ready for single cycles.
    Checking: s_ready falls and nothing is lost; reservations and reads are answered meanwhile."""
    b = await bench(dut, [200, 200, 3])
    x, y = b.live[0], b.live[1]
    for rate in (1.0, 0.05):
        for q in (x, y):
            assert await b.reserve(q, 40) == 40
        for _ in range(40):
            b.complete(x)
            b.complete(y)
        b.rng.shuffle(b.todo)
        b.k["ready"] = 0.0
        await b.idle(150)
        assert b.offered is not None and len(b.todo) <= 80 - b.depth
        assert await b.reserve(b.live[-1], 1) == 1
        b.complete(b.live[-1])
        await b.idle(150)
        b.k["ready"] = rate
        await b.drain(6000)
        for q in b.live:
            await b.consume(q)
        b.k["ready"] = 1.0
        await b.idle(8)
    b.finish()


@cocotb.test()
async def reset_in_mid_flight(dut):
    """Stimulus: reset at random moments under traffic. Checking: nothing comes out after it, no slot is left of what was, all works as new."""
    b = await bench(dut)
    for _ in range(8):
        for q in (0, b.n - 1):
            await b.setup_cq(q, size=20)
            await b.setup_sq(q, q)
        b.k.update(b_lat=(0, 20), ready=0.5)
        for q in (0, b.n - 1):
            assert await b.reserve(q, 30) == 20
            for _ in range(15):
                b.complete(q)
        b.rng.shuffle(b.todo)
        await b.idle(b.rng.randrange(80))
        await b.reset(b.rng.randrange(1, 4))
        await b.idle(20)
        await b.setup_sq(0, 0)
        assert await b.reserve(0, 3) == 0
        await b.setup_cq(0, size=4)
        got = await b.reserve(0, 30)
        assert got == 4
        for _ in range(got):
            b.complete(0)
        await b.drain()
        assert b.side[0].written == 4
    b.finish()


@cocotb.test()
async def scoreboard_fails(dut):
    """Stimulus: good traffic of which one thing is changed, lost or doubled on the way to the model, or nothing at all.
    Checking: the bench fails."""
    def change(**fields):
        names = ("first", "last", "addr", "length", "user", "data", "strb")

        def tamper(beat):
            new = dict(zip(names, beat, strict=True))
            for k, f in fields.items():
                new[k] = f(new[k])
            return tuple(new[k] for k in names)
        return tamper

    def lost(beat):
        return None

    changes = [change(addr=lambda v: v + 4096), change(user=lambda v: v ^ 1), change(length=lambda v: v + 1),
               change(data=lambda v: v ^ 1 << 10), change(strb=lambda v: v & v >> 1), change(last=lambda v: 1 - v), lost]
    for tamper in changes:
        b = await bench(dut, [5], b_lat=(1, 1))
        b.tamper = tamper
        q = b.live[0]
        with pytest.raises(AssertionError):
            assert await b.reserve(q, 2) == 2
            b.complete(q)
            await b.drain(60)
        await FallingEdge(dut.clk)
        dut.rst.value = 1
    b = await bench(dut, [5])
    with pytest.raises(AssertionError, match="nothing was compared"):
        b.finish()


@pytest.mark.unit
@pytest.mark.parametrize(("data_w", "queues"), [
    (64, 5),
    pytest.param(512, 128, marks=pytest.mark.sweep_icarus),
    pytest.param(128, 1, marks=pytest.mark.sweep),
    pytest.param(256, 16, marks=pytest.mark.sweep),
])
def test_crl_nvme_cqe(sim, data_w, queues):
    """Stimulus and checking: see the cocotb tests above."""
    run_sim("crl_nvme_cqe", __name__, {"DATA_W": data_w, "QUEUES": queues, "FUNC_W": 8}, sim=sim)
