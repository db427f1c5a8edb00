# SPDX-License-Identifier: Apache-2.0
"""Unit tests of crl_nvme_prp against models.nvme.prp."""

from __future__ import annotations

from collections import Counter

import cocotb
import pytest
from cocotb.triggers import RisingEdge

from models.layout import NvmeStatus
from models.nvme.prp import PAGE, PRP_LIST, QUEUE, RANGES, SINK, SOURCE, TO_THE_END, Piece, Range
from tb.lib.sim import run_sim
from tb.unit.dma_lib import expects_failure
from tb.unit.nvme_prp_bench import DECERR, MDTS, SLVERR, TOP, Bench
from tb.unit.stream import PROFILES

S = NvmeStatus
ALL = SOURCE | SINK | PRP_LIST
DATA = Range(1 << 40, 1 << 20, SOURCE | SINK)
LISTS = Range(1 << 50, 1 << 20, PRP_LIST)


async def bench(dut) -> Bench:
    """A bench; queue 1 has one range for data and one for lists."""
    b = Bench(dut)
    await b.clear()
    await b.set_ranges(1, DATA, LISTS)
    return b


@cocotb.test()
async def lengths_and_offsets(dut):
    """Stimulus: PRP1 at each kind of offset x lengths round every page edge x lists that begin at the start, in
    the middle, at the end of their page; PRP2 is noise when nothing is left.
    Checking: every piece, every list entry read once."""
    b = await bench(dut)
    offsets = [0, 4, 2048, 4088, 4092, 4 * b.rng.randrange(1024)]
    for offset in offsets:
        room = PAGE - offset
        lengths = [1, 3, room - 1, room, room + 1, room + PAGE - 1, room + PAGE, room + PAGE + 1]
        lengths += [room + 2 * PAGE, room + 9 * PAGE + 5, b.rng.randint(1, 20 * PAGE)]
        for nbytes in lengths:
            for list_at in b.rng.sample([0, 8, 56, 64, 120, 128, 2048, 4072, 4080, 4088], 2):
                b.make(1, offset, max(nbytes, 1), list_at, b.rng.choice([SOURCE, SINK]))
        await b.drain()
    # the most that there can be: 256 entries and a chain
    for offset, list_at in ((0, 0), (4092, 2048), (4, 2056), (8, 4088), (2048, 4080)):
        c, where = b.make(1, offset, MDTS, list_at)
        await b.drain()
        assert c.want.ok and c.given == 256 + (offset > 0) and c.read == len(where)
    assert set(b.seen) == {S.SUCCESS}
    b.end(2 * 11 * len(offsets))


@cocotb.test()
async def chains(dut):
    """Stimulus: lists with every small number of places up to the end of their page, and those round the bursts and
    the largest ones; as many data pages as places, one more, two more.
    Checking: the last place is data when it is the last page, a chain otherwise; also a chain to its own page."""
    b = await bench(dut)
    for places in (1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 18, 31, 32, 33, 255, 256):
        for more in (0, 1, 2):
            left = places + more
            if not 2 <= left <= 256:
                continue
            nbytes = left * PAGE + (PAGE - 8 if left < 256 else 0)
            c, where = b.make(1, 8, nbytes, PAGE - 8 * places)
            await b.drain()
            assert c.want.ok and c.given == left + 1
            assert c.read == len(where) == left + (more > 0), "exactly one chain, or none"
    for places in (1, 2, 8, 9, 100):
        c, where = b.make(1, 0, (places + 20) * PAGE, PAGE - 8 * places)
        b.memory[where[places - 1]] = (
            where[0] // PAGE * PAGE
        )  # data entries of that page are read as far as set
        for n in range(30):
            b.memory.setdefault(where[0] // PAGE * PAGE + 8 * n, DATA.base + n * PAGE)
        await b.drain()
        assert c.want.ok and c.given == places + 20
    b.end(40)


@cocotb.test()
async def form_of_entries(dut):
    """Stimulus: each low bit of PRP1, PRP2 as entry, PRP2 as list, of data entries and of chains.
    Checking: INVALID_PRP exactly where an offset is wrong, after the pieces before it."""
    b = await bench(dut)

    async def one(bit, allowed, pieces, make):
        c = make(bit)
        await b.drain()
        if bit in allowed:
            assert c.want.status != S.INVALID_PRP, (bit, c)
        else:
            assert (c.want.status, c.given) == (S.INVALID_PRP, pieces), (bit, c)

    def prp1(bit):
        c, _ = b.make(1, 0, 8)
        c.prp1 |= 1 << bit
        return c

    def entry(bit):
        c, _ = b.make(1, 4, PAGE)
        c.prp2 |= 1 << bit
        return c

    def first_list(bit):
        c, where = b.make(1, 4, 2 * PAGE)
        c.prp2 |= 1 << bit
        if bit >= 3:
            b.describe([b.memory[a] for a in where], c.prp2, b.fresh(b.ranges[1]))
        return c

    def data_entry(bit):
        c, where = b.make(1, 4, 6 * PAGE)
        b.memory[where[3]] |= 1 << bit
        return c

    def chain(bit):
        c, where = b.make(1, 4, 6 * PAGE, PAGE - 24)
        b.memory[where[2]] |= 1 << bit
        return c

    for bit in range(12):
        await one(bit, range(2, 12), 0, prp1)
        await one(bit, (), 1, entry)
        await one(bit, range(3, 12), 1, first_list)
        await one(bit, (), 4, data_entry)
        await one(bit, (), 3, chain)
    b.end(60)


@cocotb.test()
async def edges_of_ranges(dut):
    """Stimulus: pieces and lists at the first and last page of ranges and next to them, 2^64, sizes 0,
    2^32 - 2 and FFFFFFFFh, a carry out of bit 31; rights one by one; overlapping and adjacent ranges.
    Checking: ACCESS_DENIED exactly outside; every range of the table counts."""
    b = await bench(dut)
    no, ok = S.ACCESS_DENIED, S.SUCCESS

    async def at(ranges, *tries, right=SOURCE):
        await b.set_ranges(1, *ranges)
        for addr, nbytes, status in tries:
            want = await b.run(addr, b.rng.getrandbits(64), nbytes, right=right)
            assert want.status == status, (ranges, hex(addr), nbytes)

    base = 0x1_2345_6000
    one = Range(base, 1, SOURCE)
    await at(
        [one], (base, PAGE, ok), (base - 4, 4, no), (base + PAGE, 1, no), (base + PAGE - 4, 4, ok)
    )
    await at([one], (base, 1, no), right=SINK)
    await at([Range(base, 1, ALL ^ SOURCE | QUEUE)], (base, 1, no))
    await at([Range(base, 1, 0), Range(base, 1, SOURCE)], (base, 1, ok))
    await at([Range(base, 0, SOURCE)], (base, 1, no), (base - PAGE, 1, no), (base + PAGE, 1, no))
    await at(
        [Range(base, 3, SINK), Range(base + PAGE, 1, SOURCE)], (base, 1, no), (base + PAGE, 1, ok)
    )
    top = TOP - PAGE
    await at(
        [Range(top, 1, SOURCE)], (top, PAGE, ok), (TOP - 4, 4, ok), (top - 4, 4, no), (0, 4, no)
    )
    await at([Range(top, 2, SOURCE)], (top, PAGE, ok), (0, 4, no), (PAGE, 4, no))
    await at([Range(top, 0, SOURCE)], (top, PAGE, no), (TOP - 4, 4, no))
    await at([Range(TOP - 3 * PAGE, 2, SOURCE)], (TOP - 2 * PAGE, PAGE, ok), (top, 4, no))
    most = TO_THE_END - 1
    await at(
        [Range(0, most, SOURCE)], (0, 4, ok), ((most - 1) * PAGE, PAGE, ok), (most * PAGE, 4, no)
    )
    await at([Range(0, most, SOURCE)], (1 << 63, 4, no), (1 << 44, 4, no), (TOP - 4, 4, no))
    await at(
        [Range(TOP - most * PAGE, most, SOURCE)], (top, PAGE, ok), (TOP - most * PAGE - 4, 4, no)
    )
    await at([Range(1 << 63, most, SOURCE)], (1 << 63, 4, ok), (0, 4, no), ((1 << 63) - 4, 4, no))
    # one page more is no number of pages: to the end of memory
    for base_ in (0, base, 1 << 63, top):
        tries = [(base_, PAGE, ok), (base_ + PAGE - 4, 4, ok), (top, PAGE, ok), (TOP - 4, 4, ok)]
        tries += [
            (a, 4, ok if a >= base_ else no) for a in (0, base - 4, 1 << 44, (1 << 63) - 4, top - 4)
        ]
        tries += [((base_ + TO_THE_END * PAGE) % TOP, 4, no if base_ == top else ok)]
        await at([Range(base_, TO_THE_END, SOURCE)], *tries)
        await at([Range(base_, TO_THE_END, SOURCE)], (top, 4, no), right=SINK)
        await at([Range(base_ | 8, TO_THE_END, SOURCE)], (top, 4, no))
    low = 0xFFFF_F000
    await at(
        [Range(low, 2, SOURCE)], (low, 4, ok), (1 << 32, 4, ok), (1 << 32 | PAGE, 4, no), (0, 4, no)
    )
    for bit in range(12, 64):  # every bit of the address is compared
        await at([Range(0, 1, SOURCE)] if bit == 12 else [], (1 << bit, 4, no))
    await at([Range(0, 1, SOURCE)], *((1 << bit, 4, no) for bit in range(12, 64)))
    for index in range(RANGES):
        some = [
            Range(base + n * 8 * PAGE, 2, SOURCE if n == index else SINK) for n in range(RANGES)
        ]
        await at(
            some, *((r.base + PAGE, PAGE, ok if n == index else no) for n, r in enumerate(some))
        )
    for bit in range(12):  # a base inside a page
        bad = Range(base | 1 << bit, 4, SOURCE)
        await at(
            [bad, Range(0x5000, 1, SOURCE)], (base, 4, no), (base + PAGE, 4, no), (0x5000, 4, ok)
        )
    # lists: the first, a later burst's page, a chained one
    for lists in (Range(1 << 50, 1, PRP_LIST), Range(top, 1, PRP_LIST)):
        await b.set_ranges(1, DATA, lists)
        for list_at, pages in ((0, 9), (4088, 3), (4080, 3), (4072, 4), (4064, 5)):
            b.pages.clear()
            b.owner.clear()
            prp2 = lists.base + list_at
            entries = [DATA.base + n * PAGE for n in range(pages - 1)]
            b.describe(entries, prp2, lists.base + PAGE & TOP - 1)
            want = await b.run(DATA.base, prp2, pages * PAGE)
            assert want.status == (no if list_at + 8 * (pages - 1) > PAGE else ok), (list_at, pages)
        ars = b.ars
        for place in (lists.base - PAGE, lists.base + PAGE & TOP - 1, DATA.base):
            want = await b.run(DATA.base, place, 3 * PAGE)
            assert (want.status, len(want.pieces)) == (no, 1)
        assert b.ars == ars, "a list was read outside the ranges"
    b.end(200)


@cocotb.test()
async def queues_apart(dut):
    """Stimulus: each queue has a page of its own; its own, and other queues' pages.
    Checking: no queue reaches what another one has."""
    b = await bench(dut)
    qs = sorted({1, b.queues, *b.rng.sample(range(1, b.queues + 1), min(b.queues, 10))})
    for q in qs:
        await b.set_ranges(q, Range((1 << 30) + q * PAGE, 1, SINK))
    for q in qs:
        want = await b.run((1 << 30) + q * PAGE, 0, PAGE, q, SINK)
        assert want.ok
        for other in {q - 1, q + 1, b.rng.choice(qs)} - {q}:
            want = await b.run((1 << 30) + other * PAGE, 0, PAGE, q, SINK)
            assert want.status == S.ACCESS_DENIED
    b.end(2 * len(qs))


@cocotb.test()
async def ranges_kept(dut):
    """Stimulus: commands of few queues in a row, needing either right, on pages that are written into and taken out of their ranges in
    between, one range or all of them, also those of a queue that has no command; a write while the next command is on offer.
    Checking: what was written last decides; a command of the queue of the one before has its first piece after 2 cycles if no range was
    written since, or of a queue that was told before."""
    b = await bench(dut)
    b.latency, b.tell = (0, 0), "no"
    page, rng = 1 << 35, b.rng
    qs = sorted({1, b.queues})
    quick = 0
    for _ in range(150):
        if rng.random() < 0.3:
            q, index = rng.choice(qs), rng.randrange(RANGES)
            entry = Range(page, 1, rng.choice((0, SOURCE, SINK, SOURCE | SINK))) if rng.random() < 0.7 else Range(page + PAGE, 1, ALL)
            b.writes.append((q, index, entry))
            if rng.random() < 0.5:
                await b.until(lambda: not b.writes, 100, "a write")
        q = rng.choice(qs) if rng.random() < 0.3 else b.done[-1].qid if b.done else 1
        known = bool(b.done) and b.done[-1].qid == q and not b.writes and b.wrote < b.done[-1].taken_at
        c = b.send(page, 0, rng.randint(1, PAGE), q, rng.choice((SOURCE, SINK)))
        await b.drain()
        if known:
            quick += 1
            late = 0 if c.want.ok else 1  # an error does not go past the FIFO
            assert c.at[0] - c.taken_at == 2 + late, f"{c.at[0] - c.taken_at} cycles to the first piece"
        await b.step(rng.randrange(3))
    # Told beforehand, with time to copy them.
    b.tell = "yes"
    for n in range(20):
        q = qs[n % len(qs)]
        b.rate["c"] = 0.0
        c = b.send(page, 0, PAGE, q, SINK)
        if n % 3 == 2:
            b.writes.append((qs[(n + 1) % len(qs)], 0, Range(page, 1, ALL)))  # they are copied again
        await b.step(8)
        b.rate["c"] = 1.0
        await b.drain()
        assert c.at[0] - c.taken_at == (2 if c.want.ok else 3), f"told, and {c.at[0] - c.taken_at} cycles to the first piece"
    b.tell = ""
    assert quick > 20 and min(b.seen[S.SUCCESS], b.seen[S.ACCESS_DENIED]) > 10, (quick, b.seen)
    b.end(170)


@cocotb.test()
async def bus_errors(dut):
    """Stimulus: SLVERR and DECERR on each beat of lists of three bursts, with good commands right behind; on a
    chain; on an entry that is bad itself; behind a bad entry.
    Checking: DATA_TRANSFER after the pieces before it; what follows is not disturbed."""
    b = await bench(dut)
    for resp in (SLVERR, DECERR):
        beats = 36 * 8 // b.w + 1
        for beat in range(beats):
            if resp == DECERR and beat not in (0, 1, beats - 2) and b.rng.random() < 0.7:
                continue
            c, where = b.make(1, 0, 37 * PAGE, 128 + 8 * b.rng.choice([0, 3]))
            at = where[0] - where[0] % b.w + beat * b.w
            if at > where[-1]:
                continue
            b.bad[at] = resp
            nxt, _ = b.make(1, 0, 4 * PAGE)
            await b.drain()
            assert c.want.status == S.DATA_TRANSFER and nxt.want.ok
            assert c.given == 1 + sum(a < at for a in where)
    for resp in (SLVERR, DECERR):
        c, where = b.make(1, 0, 9 * PAGE, PAGE - 32)
        b.bad[where[3] - where[3] % b.w] = resp
        await b.drain()
        assert c.want.status == S.DATA_TRANSFER
        c, where = b.make(1, 0, 9 * PAGE, PAGE - 32)
        b.bad[where[4]] = resp
        await b.drain()
        assert (c.want.status, c.given) == (S.DATA_TRANSFER, 4)
    c, where = b.make(1, 0, 9 * PAGE)
    b.memory[where[0]] |= 8
    b.bad[where[0] - where[0] % b.w] = SLVERR
    c2, where = b.make(1, 0, 30 * PAGE)
    b.memory[where[0]] |= 8
    b.bad[where[8]] = SLVERR
    await b.drain()
    assert (c.want.status, c2.want.status) == (S.DATA_TRANSFER, S.INVALID_PRP)
    b.end(20)


@cocotb.test()
async def random_traffic(dut):
    """Stimulus: commands of several queues, a third with a fault, ranges of all kinds rewritten meanwhile; idle x
    back-pressure on every side, memory latency; `stop` now and then.
    Checking: all pieces, reads, statuses; each kind of fault was seen."""
    b = await bench(dut)
    kinds: Counter = Counter()
    for idle, stall in PROFILES:
        b.rate.update(
            c=1 - idle, p=1 - stall, ar=1 - stall, r=1 - b.rng.choice([0, idle, stall]), w=0.3
        )
        b.latency = b.rng.choice([(0, 0), (0, 5), (10, 40)])
        some = b.rng.sample(range(1, b.queues + 1), min(b.queues, 3))
        for q in some:
            await b.set_ranges(q, *b.random_ranges())
        slow = max(idle, stall) > 0.8
        for n in range(12 if slow else 45):
            q = b.rng.choice(some)
            offset = b.rng.choice([0, 0, 4, 4092, 4 * b.rng.randrange(1024)])
            some_pages, many = b.rng.randint(1, 6 * PAGE), b.rng.randint(1, 60 * PAGE)
            nbytes = b.rng.choice([1, 512, PAGE, 2 * PAGE, 3 * PAGE, some_pages, some_pages, many])
            if n == 5 and not slow:
                nbytes = MDTS
            list_at = b.rng.choice([0, 8, 256, 4088, 4080, 4000, 8 * b.rng.randrange(512)])
            c, where = b.make(q, offset, nbytes, list_at, b.rng.choice([SOURCE, SINK]))
            if b.rng.random() < 0.35:
                kinds[b.spoil(c, where)] += 1
        if b.queues > 3:
            rest = [q for q in range(1, b.queues + 1) if q not in some]
            b.writes += [
                (b.rng.choice(rest), b.rng.randrange(RANGES), Range(5 << 12, 3, 7))
                for _ in range(6)
            ]
        while b.todo or b.live or b.offered is not None:
            await b.step(b.rng.randint(20, 120))
            if b.rng.random() < 0.2:
                b.stop = 1
                await b.step(b.rng.randint(1, 30))
                b.stop = 0
    b.end(200)
    assert {S.SUCCESS, S.INVALID_PRP, S.ACCESS_DENIED, S.DATA_TRANSFER} == set(b.seen)
    assert len(kinds) >= 8, kinds
    assert b.ars > 100


@cocotb.test()
async def stop_and_idle(dut):
    """Stimulus: `stop` at each cycle of the way of two list commands, with a slow AR port and slow beats.
    Checking: no read is begun any more, `idle` comes when the beats are in, all goes on afterwards."""
    b = await bench(dut)
    for delay in range(0, 60, 4):
        b.rate.update(ar=b.rng.choice([1.0, 0.2]), r=b.rng.choice([1.0, 0.2]))
        for _ in range(2):
            b.make(1, 8, b.rng.choice([20, 50]) * PAGE, 4088 - 8 * b.rng.randrange(40))
        await b.step(delay)
        b.stop = 1
        await b.step(2)
        ars = b.ars
        await b.until(lambda: not b.bursts and b.held_ar is None and b.get("idle"), 400, "idle")
        await b.step(30)
        assert b.get("idle") and b.ars == ars
        b.stop = 0
        await b.drain()
    b.end(30)


@cocotb.test()
async def pace(dut):
    """Stimulus: commands of one piece; a list of 256 entries from a fast memory; a command whose piece is not
    taken, with a command with a list behind it.
    Checking: first piece within RANGES + 4 cycles, 2 from the second command on; a piece every 2 cycles inside a burst; the next walk begins."""
    b = await bench(dut)
    b.latency, b.tell = (0, 0), "no"
    for n in range(8):
        c, _ = b.make(1, 0, PAGE)
        await b.drain()
        assert c.at[0] - c.offered_at <= (2 if n else RANGES + 4), (
            f"{c.at[0] - c.offered_at} cycles to the first piece"
        )
        await b.step(3)
    ars = b.ars
    c, _ = b.make(1, 0, MDTS)
    await b.drain()
    gaps = [y - x for x, y in zip(c.at, c.at[1:], strict=False)]
    slow = sum(gap > 2 for gap in gaps)
    dut._log.info(
        "256 pieces in %d cycles, %d bursts, gaps %s",
        c.at[-1] - c.at[0],
        b.ars - ars,
        Counter(gaps),
    )
    assert slow <= b.ars - ars, Counter(gaps)
    first, _ = b.make(1, 0, PAGE)
    second, _ = b.make(1, 0, 9 * PAGE)
    b.rate["p"] = 0.0
    await b.step(80)
    assert not first.at
    assert second.want is not None, "the next command is not taken while a piece waits"
    assert second.read, "the next command's walk does not begin while a piece waits"
    b.rate["p"] = 1.0
    await b.drain()
    b.end(11)


@cocotb.test()
async def reset_in_flight(dut):
    """Stimulus: reset amid traffic, with reads outstanding, pieces waiting; a command in the first cycle after it.
    Checking: no piece of an old command, no right left in any queue, then all works anew."""
    b = await bench(dut)
    for n in range(8):
        for _ in range(5):
            b.make(1, 4, b.rng.choice([1, 3, 30]) * PAGE, 8 * b.rng.randrange(512))
        b.rate.update(p=b.rng.choice([0, 0.5, 1.0]), ar=b.rng.choice([0, 0.5, 1.0]))
        await b.step(b.rng.randint(1, 90))
        b.todo.clear()
        b.writes.clear()
        await b.reset(b.rng.randint(1, 3))
        b.forget()
        b.rate.update(p=1.0, ar=1.0)
        qs = range(1, b.queues + 1) if n == 0 else {1, b.queues, b.rng.randint(1, b.queues)}
        for q in qs:
            want = await b.run(DATA.base, 0, PAGE, q)
            assert want.status == S.ACCESS_DENIED, f"queue {q} has rights after a reset"
        # one range is written: the others are not what they were
        b.writes.append((1, 7, Range(0x7000, 1, SOURCE)))
        c = b.send(0x7000, 0, PAGE)
        for place in (DATA.base, LISTS.base):
            b.send(place, 0, PAGE)
        await b.drain()
        assert c.want.ok and b.done[-1].want.status == b.done[-2].want.status == S.ACCESS_DENIED
        await b.set_ranges(1, DATA, LISTS)
        c, _ = b.make(1, 4, 20 * PAGE)
        await b.drain()
        assert c.want.ok
    b.end(16)


@cocotb.test()
async def scoreboard_fails(dut):
    """Stimulus: a piece moved by 4 bytes, a status with a bit turned, a read moved by an entry; no commands.
    Checking: the bench notices each."""
    b = await bench(dut)
    for sabotage in ("piece", "status", "ar"):
        c, where = b.make(1, 0, 4 * PAGE)
        if sabotage == "status":
            b.memory[where[1]] |= 8
        b.sabotage = sabotage
        await expects_failure(b.drain())
        b.sabotage = ""
        await RisingEdge(dut.clk)
        b.todo.clear()
        await b.clear()
        await b.set_ranges(1, DATA, LISTS)
    want = await b.run(DATA.base, 0, 100)
    assert want.pieces == (Piece(DATA.base, 100),)
    b.compared = 0
    with pytest.raises(AssertionError):
        b.end(1)


def build(queues: int, data_w: int) -> dict[str, int]:
    return {"QUEUES": queues, "DATA_W": data_w, "FUNC_W": 8, "RANGES": RANGES}


@pytest.mark.unit
@pytest.mark.parametrize(
    "queues, data_w",
    [
        pytest.param(1, 64, marks=pytest.mark.sweep),
        (16, 64),
        pytest.param(128, 512, marks=pytest.mark.sweep_icarus),
    ],
)
def test_crl_nvme_prp(sim, queues, data_w):
    """Stimulus and checking: see the cocotb tests above."""
    run_sim("crl_nvme_prp", __name__, build(queues, data_w), sim=sim)
