# SPDX-License-Identifier: Apache-2.0
"""Unit tests of crl_nvme_move against models.nvme.mover. Rules: docs/blocks/nvme.md; bench: nvme_move_bench.py."""

from __future__ import annotations

import cocotb
import pytest
from cocotb.triggers import RisingEdge

from models.layout import NvmeStatus as S
from models.nvme.mover import PAGE, Chunk, Kind
from tb.lib.sim import run_sim
from tb.unit.dma_lib import expects_failure
from tb.unit.nvme_move_bench import DECERR, SLVERR, Bench, Command
from tb.unit.stream import PROFILES

COPY, ZERO, CHECK, COMPARE = Kind
TO_AR, TO_WB, TO_END = 1, 6, 3  # cycles: k_valid to ar_valid, last R to wb_valid, last B to e_valid
TO_WB_LONG = 1  # of a chunk whose beats go ahead
LAZY = 16  # what has no bound in the contract has to come within this
SPARE = 6  # cycles of a long stream that begin and end may cost


async def bench(dut) -> Bench:
    b = Bench(dut)
    await b.clear()
    return b


def slow(bench: Bench, **rates: float) -> None:
    bench.rate = dict.fromkeys(("k", "ar", "r", "w", "b"), 1.0) | rates


@cocotb.test()
async def lengths(dut):
    """Stimulus: each kind, COPY both ways x lengths 0, 1, 4, round one and two beats, round the most x offsets 0, 4, the last byte of a beat, any;
    one chunk a command. Checking: bursts, beats, strobes, functions, status, memory with all that lies round it."""
    b = await bench(dut)
    for length in sorted({0, 1, 4, b.w - 1, b.w, b.w + 1, 2 * b.w, 2 * b.w + 1, b.limit - 1, b.limit}):
        for kind in (COPY, COPY, ZERO, CHECK, COMPARE):
            for src, dst in ((0, 0), (4, 0), (0, 4), (b.w - 1, 1), (None, None)):
                if length < 64 or src in (0, None):
                    b.send(b.chunk(kind, length, src, dst), note=f"{kind.name} {length} {src} {dst}")
        await b.settle()
    assert S.SUCCESS in b.seen and len(b.seen) > 1
    b.end(250)


@cocotb.test()
async def offsets(dut):
    """Stimulus: COPY and COMPARE with every source offset x every destination offset at 64 bits, random pairs and all equal ones beyond; lengths
    that end in, at and after the beat; ZERO at every offset. Checking: as in lengths."""
    b = await bench(dut)
    pairs = [(s, d) for s in range(b.w) for d in range(b.w)]
    if b.w > 8:
        pairs = b.rng.sample(pairs, 100) + [(s, s) for s in range(0, b.w, 7)]
    for n, (s, d) in enumerate(pairs):
        page = b.w * b.rng.randrange(PAGE // b.w - 6)
        sizes = (1, b.w - max(s, d), b.w + 1, b.rng.randint(2, 3 * b.w))
        for length in sizes if b.w == 8 else b.rng.sample(sizes, 2):
            b.send(b.chunk(COPY, length, page + s, page + d, n % 2 == 1), note=f"{s} to {d}, {length} bytes")
        b.send(b.chunk(COMPARE, b.rng.choice(sizes), page + s, page + d))
    for d in range(b.w):
        b.send(b.chunk(ZERO, b.w - d, dst=d), b.chunk(ZERO, b.rng.randint(1, 3 * b.w), dst=b.w + d))
    await b.settle()
    b.end(3 * len(pairs))


@cocotb.test()
async def page_edges(dut):
    """Stimulus: chunks that begin a page, end it, or fill what is left of it, in any page, in the first and in the last one of memory; several next to each
    other, cut inside a beat. Checking: as in lengths; no burst leaves its page, neighbours keep their bytes."""
    b = await bench(dut)
    pages = (0, (1 << 52) - 2, None)
    for length in (1, 4, b.w, b.w + 3, b.limit):
        for kind in Kind:
            for src, dst in ((0, PAGE - length), (PAGE - length, 0), (PAGE - length, PAGE - length)):
                at = b.rng.choice(pages)
                even = kind == COMPARE
                b.send(b.chunk(kind, length, src, dst, src_page=at, dst_page=None if at is None else at + 1 - even,
                               equal=not (even and at is not None)))
        await b.settle()
    for _ in range(4):
        src, dst = b.rng.randrange(1000), b.rng.randrange(1000)
        pages2 = b.rng.getrandbits(51) << 1
        chunks: list[Chunk] = []
        for n in range(8):
            length = b.rng.choice((1, 3, b.w - 1, b.w + 1, b.rng.randint(1, min(300, b.limit))))
            chunks.append(b.chunk((COPY, ZERO)[n % 3 == 2], length, src, dst, True, src_page=pages2, dst_page=pages2 + 1))
            src, dst = src + length, dst + length
        b.send(*chunks)
    await b.settle()
    b.end(60)


@cocotb.test()
async def compare_bytes(dut):
    """Stimulus: equal data but one bit of one byte: each byte of a chunk, with several offsets of both sides; the first and the last one, and those at the
    edges of beats, of full chunks; a byte before and after them differs always. Checking: COMPARE_FAILURE for each, and success without it."""
    b = await bench(dut)
    pairs = [(0, 0), (1, 0), (0, b.w - 1), (b.w - 1, 1), (b.rng.randrange(b.w), b.rng.randrange(b.w))]
    bad: list[Command] = []
    for s, d in pairs:
        length = 2 * b.w + 3
        places = range(length) if b.w == 8 else sorted({*b.rng.sample(range(length), 30), 0, length - 1, b.w - d - 1, b.w - d, 2 * b.w - s})
        for place in places:
            c = b.chunk(COMPARE, length, b.w + s, b.w + d)
            b.differ(c, place)
            bad.append(b.send(c, note=f"{s} {d}, byte {place} of {length} differs"))
    edges = {0, 1, b.w - 1, b.w, b.limit // 2, b.limit - b.w - 1, b.limit - b.w, b.limit - 2, b.limit - 1}
    for place in sorted(edges):
        c = b.chunk(COMPARE, b.limit)
        b.differ(c, place)
        bad.append(b.send(c))
    for length in (1, b.w, b.limit):  # what lies beside does not count
        for s, d in pairs:
            c = b.chunk(COMPARE, length, b.w + s, b.w + d)
            b.differ(c, -1)
            b.differ(c, length)
            b.send(c, status=0)
    await b.settle()
    assert all(c.status == S.COMPARE_FAILURE for c in bad) and b.seen[S.COMPARE_FAILURE] == len(bad) >= 100
    # In one chunk of several; what is different later, or can't be read, does not matter then.
    for where in range(4):
        cs = [b.chunk(COMPARE, b.rng.randint(2, b.limit)) for _ in range(4)]
        b.differ(cs[where], b.rng.randrange(cs[where].length))
        for later in cs[where + 1 :]:
            b.bad_read(b.rng.choice((later.source, later.destination)), 0)
        assert b.send(*cs).want.status == S.COMPARE_FAILURE
    await b.settle()
    b.end(100)


def places(count: int) -> list[int]:
    """First, middle and last one."""
    return sorted({0, count // 2, count - 1})


@cocotb.test()
async def read_errors(dut):
    """Stimulus: SLVERR and DECERR on the first, middle, last beat of each kind of read (COPY both ways, CHECK, both of COMPARE), in the first, middle, last
    chunk of a command of three; a good command behind. Checking: status; what was read with an error is not written, nor are later chunks; earlier ones are;
    the next command is not touched."""
    b = await bench(dut)
    sides = [(COPY, False, "source"), (COPY, True, "source"), (CHECK, False, "source"), (COMPARE, False, "source"), (COMPARE, True, "destination")]
    for kind, to_host, side in sides:
        resps = (SLVERR, DECERR) if b.w == 8 else (b.rng.choice((SLVERR, DECERR)),)
        for resp in resps:
            for where in range(3):
                for beat in places(3):
                    chunks = [b.chunk(kind, b.rng.randint(2 * b.w + 1, 3 * b.w), b.w, b.w, to_host) for _ in range(3)]
                    access = getattr(chunks[where], side)
                    b.bad_read(access, min(beat, access.beats(b.w) - 1), resp)
                    c = b.send(*chunks, note=f"{kind.name} {side}, chunk {where}, beat {beat}")
                    host = side == "source" and (kind == COMPARE or kind == COPY and not to_host)
                    assert c.want.status == (S.DATA_TRANSFER if host else S.READ_ERROR)
                    b.send(b.chunk(b.rng.choice(list(Kind)), b.rng.randint(1, 20)), status=0)
        await b.settle()
    # The longest chunks.
    for beat in places(b.limit // b.w):
        chunks = [b.chunk(COPY, b.limit, 0, b.rng.choice((0, 1)), False), b.chunk(ZERO, 9)]
        b.bad_read(chunks[0].source, beat)
        b.send(*chunks)
        b.send(b.chunk(COPY, b.limit))
    await b.settle()
    assert b.seen[S.READ_ERROR] >= 27 and b.seen[S.DATA_TRANSFER] >= 18
    b.end(60)


@cocotb.test()
async def write_errors(dut):
    """Stimulus: SLVERR and DECERR for the first, middle, last write of a command of three, COPY both ways and ZERO, responses at once or late; a good
    command behind. Checking: status; earlier chunks are written; the next command is not touched."""
    b = await bench(dut)
    for lat in ((0, 0), (30, 60)):
        b.b_lat = lat
        for kind, to_host in ((COPY, False), (COPY, True), (ZERO, False), (ZERO, True)):
            for resp in (SLVERR, DECERR):
                for where in range(3):
                    chunks = [b.chunk(kind, b.rng.randint(1, 3 * b.w), to_host=to_host) for _ in range(3)]
                    b.bad_write(chunks[where].destination, resp)
                    c = b.send(*chunks, note=f"{kind.name}, chunk {where}")
                    assert c.want.status == (S.DATA_TRANSFER if kind == COPY and to_host else S.WRITE_FAULT)
                    b.send(b.chunk(b.rng.choice(list(Kind)), b.rng.randint(1, 20)), status=0)
        await b.settle()
    assert b.seen[S.WRITE_FAULT] == 36 and b.seen[S.DATA_TRANSFER] == 12
    b.end(96)


@cocotb.test()
async def first_error_wins(dut):
    """Stimulus: two and more errors in one command: a write that is refused late before a read that fails early, a read and the write of one chunk, both
    reads of a COMPARE, a difference and an error of the same or the next chunk, an error and `k_status`; then any of them at random.
    Checking: the status of the first one in the order of the chunks; whatever is known earlier."""
    b = await bench(dut)
    for lat in ((0, 0), (40, 40)):
        b.b_lat = lat
        for to_host in (False, True):
            x, y, z = (b.chunk(COPY, 5 * b.w, to_host=to_host) for _ in range(3))
            b.bad_write(x.destination)
            b.bad_read(y.source, 0)
            b.bad_write(z.destination)
            b.send(x, y, z, note="write, then read")
            x, y = (b.chunk(COPY, 2 * b.w, to_host=to_host) for _ in range(2))
            b.bad_read(x.source, 1)
            b.bad_write(x.destination)
            b.bad_write(y.destination)
            b.send(x, y, note="read, then its own write")
            x, y = b.chunk(ZERO, 7), b.chunk(COPY, 9, to_host=to_host)
            b.bad_write(x.destination)
            b.bad_write(y.destination)
            b.send(x, y, note="ZERO, then COPY")
            x, y = b.chunk(CHECK, 9), b.chunk(ZERO, 9)
            b.bad_read(x.source, 0)
            b.bad_write(y.destination)
            b.send(x, y, note="CHECK, then ZERO")
            x, y = b.chunk(ZERO, 9), b.chunk(CHECK, 9)
            b.bad_write(x.destination)
            b.bad_read(y.source, 0)
            b.send(x, y, note="ZERO, then CHECK")
        x = b.chunk(COMPARE, 3 * b.w)
        b.bad_read(x.source, 2)
        b.bad_read(x.destination, 0)
        b.send(x, note="both reads")
        for side in ("source", "destination"):
            x, y = b.chunk(COMPARE, 2 * b.w, 0, 0), b.chunk(COMPARE, 2 * b.w)
            b.differ(x, 0)
            b.bad_read(getattr(x, side), 1)
            b.differ(y, 0)
            b.send(x, y, note="difference and error in one chunk")
        x, y = b.chunk(COMPARE, 9), b.chunk(COMPARE, 9)
        b.differ(x, 8)
        b.bad_read(y.source, 0)
        b.send(x, y, note="difference, then error")
        x = b.chunk(COPY, 9, to_host=True)
        b.bad_write(x.destination)
        b.send(x, b.chunk(COPY, 0), status=S.ACCESS_DENIED, note="error, then an end with a status")
        await b.settle()
    for rates in ({}, {"r": 0.5, "w": 0.4}, {"k": 0.3, "b": 0.1}):
        slow(b, **rates)
        b.b_lat = (0, 40)
        for _ in range(40):
            random_command(b, 0.25)
        await b.settle()
    assert len(set(b.seen) & {S.SUCCESS, S.DATA_TRANSFER, S.READ_ERROR, S.WRITE_FAULT, S.COMPARE_FAILURE}) == 5
    b.end(100)


def random_command(b: Bench, errors: float = 0.0, chunks: int = 5, most: int | None = None) -> Command:
    """One of any kind, kinds mixed now and then; each chunk may fail with this chance."""
    rng = b.rng
    most = most or rng.choice((6, 3 * b.w, 3 * b.w, b.limit))
    mixed, kind, host = rng.random() < 0.15, rng.choice((COPY, COPY, ZERO, CHECK, COMPARE)), bool(rng.getrandbits(1))
    out = []
    for _ in range(rng.randint(0, chunks)):
        if mixed:
            kind = rng.choice((COPY, ZERO, CHECK))
        length = rng.choice((rng.randint(1, most), min(b.w, most), most))
        c = b.chunk(kind, length, to_host=host)
        if rng.random() < errors:
            what = rng.randrange(3)
            if what == 0 and kind == COMPARE:
                b.differ(c, rng.randrange(length))
            elif what == 1 and c.write:
                b.bad_write(c.write)
            elif c.reads:
                a = rng.choice(c.reads)
                b.bad_read(a, rng.choice(places(a.beats(b.w))))
        out.append(c)
    if not out or rng.random() < 0.2:
        out.append(b.chunk(rng.choice(list(Kind)), 0))
    return b.send(*out)


@cocotb.test()
async def random_traffic(dut):
    """Stimulus: random commands, kinds, lengths, offsets and errors; chunks, reads, gaps in R, write port and responses quick and slow in all nine ways, latencies
    from none to long. Checking: everything that the bench knows; all kinds of end were seen."""
    b = await bench(dut)
    for idle, stall in PROFILES:
        slow(b, k=1 - idle, ar=1 - stall, r=1 - b.rng.choice((0, idle, stall)), w=1 - stall, b=1 - b.rng.choice((0, idle, stall)))
        b.r_lat, b.b_lat = b.rng.choice(((0, 0), (0, 9), (40, 60))), b.rng.choice(((0, 0), (0, 9), (60, 90)))
        for _ in range(12 if stall < 0.9 and idle < 0.9 else 5):
            random_command(b, b.rng.choice((0, 0.2)), most=None if stall < 0.9 else 6 * b.w)
        await b.settle()
    dut._log.info("ends %s", {hex(k): v for k, v in b.seen.items()})
    b.end(150)


@cocotb.test()
async def status_and_empty_chunks(dut):
    """Stimulus: commands of one empty chunk, and empty chunks that end longer ones, with any status; many of them back to back; no memory at all.
    Checking: they end with that status, in order, after what is before them; nothing is read or written for them."""
    b = await bench(dut)
    sent = [b.send(b.chunk(b.rng.choice(list(Kind)), 0), status=n) for n in (0, 1, 0x7FF, 0x286, 4, 0x400)]
    await b.settle()
    assert b.statuses(sent) == [0, 1, 0x7FF, 0x286, 4, 0x400] and not b.r_at and not b.wb_at
    for c in sent[1:]:
        assert c.at["e"] - c.at["k"] <= LAZY
    for n in range(40):
        cs = [b.chunk(kind, b.rng.randint(1, 2 * b.w)) for kind in b.rng.choices(list(Kind)[:3], k=n % 3)]
        b.send(*cs, b.chunk(COPY, 0), status=b.rng.getrandbits(11))
    await b.settle()
    b.end(46)


@cocotb.test()
async def order_of_ends(dut):
    """Stimulus: commands of all kinds in flight while no response, or no read, comes for 150 cycles; what needs neither stands behind. Then all comes
    at once. Checking: none ends before its last response, none overtakes, all tags are used; idle stays down."""
    b = await bench(dut)
    for hold in ("b", "r"):
        for first in (b.chunk(COPY, b.w), b.chunk(ZERO, 3) if hold == "b" else b.chunk(CHECK, 3)):
            b.hold_b, b.hold_r = hold == "b", hold == "r"
            b.send(first)
            for n in range(2 * b.ops if b.ops < 20 else 24):
                kind = list(Kind)[n % 4]
                b.send(b.chunk(kind, 0 if n % 5 == 0 else b.rng.randint(1, 2 * b.w)))
            before = len(b.done)
            await b.step(150)
            assert len(b.done) == before and len(b.live) >= min(b.ops, 8)
            b.hold_b = b.hold_r = False
            await b.settle()
    # A command whose chunks do not come does not keep those before it.
    b.pause_before = 2
    early = [b.send(b.chunk(kind, b.w)) for kind in Kind]
    late = b.send(*(b.chunk(COPY, b.w + 1) for _ in range(4)))
    await b.step(120)
    assert all(c.status >= 0 for c in early) and late.status < 0 and late.given == 2 and late.seen == {0, 1}
    b.pause_before = 0
    await b.settle()
    b.end(50)


@cocotb.test()
async def room(dut):
    """Stimulus: more chunks than there is place for; the write port takes nothing for long while reads come at once; then it takes single beats. Reads that
    do not come for long. Checking: reads stop in time, never more beats outstanding than BUF_BEATS; all data arrive."""
    b = await bench(dut)
    b.r_lat = (0, 0)
    most = b.limit // b.w + 2
    for rates, length in (({"w": 0.0}, b.limit), ({"w": 0.0}, b.w + 1)):
        slow(b, **rates)
        for n in range(max(2 * b.buf * b.w // b.limit, 12)):
            b.send(b.chunk(COPY, length, 1, 2), *([b.chunk(COPY, length - 1)] if n % 2 else []))
        b.send(b.chunk(COMPARE, b.limit))
        await b.step(2 * b.buf + 150)
        count = len(b.r_at)
        await b.step(60)
        assert len(b.r_at) == count, "reads go on, and nothing is written"
        assert b.held <= b.buf + 2 * most, f"{b.held} beats are held"
        slow(b, w=0.6)
        await b.step(200)
        slow(b)
        await b.settle()
    held = b.most_held
    b.hold_r = True
    for n in range(max(2 * b.buf * b.w // b.limit, 12)):
        b.send(b.chunk((COPY, CHECK, COMPARE)[n % 3], b.limit, 1, 2))
    await b.step(3 * b.buf // 2)
    assert b.asked > b.buf - 2 * most or len(b.live) >= b.ops, f"only {b.asked} beats are asked for"
    b.hold_r = False
    await b.settle()
    dut._log.info("most beats asked %d, held %d of %d", b.most_asked, held, b.buf)
    b.end(200)


@cocotb.test()
async def long_command(dut):
    """Stimulus: one command of 150 short chunks while no response comes for long, with an error in the middle or at the end; then the next one.
    Checking: it waits without loss, ends once, with the right status."""
    b = await bench(dut)
    for where in (None, 70, 149):
        chunks = [b.chunk((COPY, COPY, ZERO)[n % 3], b.rng.randint(1, 9), to_host=False) for n in range(150)]
        if where is not None:
            b.bad_write(chunks[where].destination)
        b.send(*chunks, status=0)
        random_command(b)
        b.hold_b = True
        await b.step(100)
        assert len(b.live) == 1 or b.feeding is None
        b.hold_b = False
        await b.settle()
    assert b.seen[S.WRITE_FAULT] == 2
    b.end(300)


@cocotb.test()
async def reset_in_mid_flight(dut):
    """Stimulus: reset at random moments under traffic with errors. Checking: nothing of what was comes out; everything works as new, also tags that had failed."""
    b = await bench(dut)
    for _ in range(10):
        b.r_lat, b.b_lat = (0, 20), (0, 20)
        slow(b, w=0.6, r=0.8)
        for _ in range(30):
            random_command(b, 0.4)
        await b.step(b.rng.randrange(1, 150))
        await b.clear(b.rng.randrange(1, 4))
        slow(b)
        await b.step(b.rng.choice((0, 25)))
        for kind in Kind:
            b.send(b.chunk(kind, b.rng.randint(1, 2 * b.w)), status=0)
        await b.settle()
        assert all(c.status == 0 for c in b.done[-4:])
    b.end(40)


@cocotb.test()
async def latency(dut):
    """Stimulus: single commands on an idle block, aligned or not, memory without latency. Checking: k_valid to ar_valid at most 1 cycle, last R of a COPY to
    wb_valid 6, or 1 if it is long enough to go ahead, last B to e_valid 3; what is not bounded comes within a burst's beats and some cycles."""
    b = await bench(dut)
    b.r_lat = b.b_lat = (0, 0)
    worst = dict.fromkeys(("ar", "wb", "wb long", "end", "zero", "check", "compare"), 0)
    ahead = 7 if b.w > 16 else 5
    for n in range(12):
        for kind in Kind:
            c = b.send(b.chunk(kind, (1, b.w, b.w + 1, b.limit)[n % 4]))
            await b.drain()
            await b.step(b.rng.choice((1, 10)) if n else 10)
            at = c.at
            if kind != ZERO:
                worst["ar"] = max(worst["ar"], at["ar"] - at["k"])
            if kind == COPY:
                k = c.chunks[0]
                name = "wb long" if min(k.source.beats(b.w), k.destination.beats(b.w)) >= ahead else "wb"
                worst[name] = max(worst[name], at["wb"] - at["r"])
            if kind in (COPY, ZERO):
                worst["end"] = max(worst["end"], at["e"] - at["b"])
            if kind != COPY:
                worst[kind.name.lower()] = max(worst[kind.name.lower()], at["wb"] - at["k"] if kind == ZERO else at["e"] - at["r"])
    dut._log.info("cycles: %s", worst)
    assert worst["ar"] <= TO_AR and worst["wb"] <= TO_WB and worst["wb long"] <= TO_WB_LONG and worst["end"] <= TO_END, worst
    assert max(worst["zero"], worst["check"], worst["compare"]) <= b.limit // b.w + LAZY, worst
    await b.settle()
    b.end(90)


def span(at: list[int]) -> int:
    return at[-1] - at[0] + 1


async def stream(b: Bench, chunks: list[Chunk], group: int = 8) -> tuple[int, int]:
    """Cycles from the first to the last beat: of reads, of writes."""
    b.r_at.clear()
    b.wb_at.clear()
    for n in range(0, len(chunks), group):
        b.send(*chunks[n : n + group])
    await b.settle()
    return span(b.r_at) if b.r_at else 0, span(b.wb_at) if b.wb_at else 0


@cocotb.test()
async def throughput(dut):
    """Stimulus: many chunks of each kind back to back, of the most bytes, of some and of one beat, aligned; at 64 bits also unaligned; a memory with some cycles
    of latency that takes everything. Checking: a beat a cycle on both ports; unaligned one cycle more a chunk at most."""
    b = await bench(dut)
    b.r_lat = b.b_lat = (2, 2)
    slack = SPARE
    for length, count in ((b.limit, 8 if b.w == 8 else 40), (4 * b.w, 60), (b.w, 100)):
        beats = count * (length // b.w)
        for kind in Kind:
            chunks = [b.chunk(kind, length, b.w * b.rng.randrange((PAGE - length) // b.w), b.w * b.rng.randrange((PAGE - length) // b.w))
                      for _ in range(count)]
            r, w = await stream(b, chunks)
            dut._log.info("%s, %d chunks of %d bytes, %d beats: read %d, write %d cycles", kind.name, count, length, beats, r, w)
            assert r <= beats * (2 if kind == COMPARE else 1) + slack, f"{kind.name} {length}: {r} cycles to read {beats} beats"
            assert w <= beats + slack, f"{kind.name} {length}: {w} cycles to write {beats} beats"
    for length, count in ((b.limit, 8 if b.w == 8 else 30), (4 * b.w, 50), (b.w, 80)):
        for kind in (COPY, COMPARE):
            chunks = [b.chunk(kind, length, b.rng.randrange(PAGE - length), b.rng.randrange(PAGE - length)) for _ in range(count)]
            r, w = await stream(b, chunks)
            s, d = sum(c.source.beats(b.w) for c in chunks), sum(c.destination.beats(b.w) for c in chunks)
            need = count + (s + d if kind == COMPARE else sum(max(c.source.beats(b.w), c.destination.beats(b.w)) for c in chunks))
            dut._log.info("%s, %d unaligned chunks of %d bytes, %d and %d beats: read %d, write %d cycles", kind.name, count, length, s, d, r, w)
            assert b.w > 8 or max(r, w) <= need + slack, f"{kind.name} {length}: {r} and {w} cycles, at most {need}"
    # Commands of one chunk cost nothing more.
    chunks = [b.chunk(COPY, 4 * b.w, 0, 0) for _ in range(60)]
    r, w = await stream(b, chunks, 1)
    dut._log.info("60 commands of 4 beats: read %d, write %d cycles", r, w)
    assert max(r, w) <= 240 + slack or b.ops < 16
    b.end()


@cocotb.test()
async def bursts_without_a_gap(dut):
    """Stimulus: COPYs of one to nine beats, shifted either way or not at all, alone and behind others; read beats at full rate, with gaps, or only the last
    one late, and a write port that is quick or slow. Checking: once a burst begins on the write port, its beats follow without a gap."""
    b = await bench(dut)
    for rates in ({}, {"r": 0.8}, {"r": 0.5}, {"r": 0.8, "w": 0.6}, {"w": 0.3}):
        b.r_lat = (0, 0) if rates else (0, 6)
        slow(b, **rates)
        for n in range(80):
            beats = n % 9 + 1
            src, dst = b.rng.randrange(b.w), b.rng.randrange(b.w)
            length = max(1, beats * b.w - b.rng.choice((0, src, dst, src + dst, b.rng.randrange(2 * b.w))))
            b.send(b.chunk(COPY, min(length, b.limit), src, dst), status=0)
            if n % 4 == 0:
                await b.drain()
        await b.settle()
    b.end(400)


@cocotb.test()
async def read_ahead(dut):
    """Stimulus: a chunk alone, then many that are only read, from memories of several latencies; a latency that grows amid them. Checking: a beat
    a cycle all the same, with no more beats outstanding than latency, 16 more and two bursts; with a memory that is slow of a sudden, one latency lost."""
    b = await bench(dut)
    slow(b)
    burst = -(-b.limit // b.w)

    def many() -> list[Chunk]:
        return [b.chunk(CHECK, b.limit, b.limit * b.rng.randrange(PAGE // b.limit)) for _ in range(2000 // burst)]

    for latency in (3, 40, 100, 10):
        b.r_lat = (latency, latency)
        b.send(b.chunk(CHECK, b.w, 0))
        await b.settle()
        b.most_asked = 0
        chunks = many()
        r, _ = await stream(b, chunks)
        dut._log.info("latency %d: %d beats in %d cycles, %d outstanding at most", latency, len(chunks) * burst, r, b.most_asked)
        most = min(b.buf, latency + 16 + 3 + 2 * burst)
        assert b.most_asked <= most, f"latency {latency}: {b.most_asked} beats are outstanding, at most {most}"
        if b.buf > latency + 2 * burst and b.in_flight * burst > latency + 2 * burst:
            assert r <= len(chunks) * burst + SPARE, f"latency {latency}: {r} cycles for {len(chunks) * burst} beats"
    b.r_lat = (10, 10)
    b.r_at.clear()
    chunks = many()
    for n in range(0, len(chunks), 8):
        b.send(*chunks[n : n + 8])
    await b.step(300)
    b.r_lat = (90, 90)
    await b.settle()
    if b.buf > 90 + 2 * burst and b.in_flight * burst > 90 + 2 * burst:
        assert span(b.r_at) <= len(chunks) * burst + 2 * 90, f"{span(b.r_at)} cycles for {len(chunks) * burst} beats"
    b.end(100)


@cocotb.test()
async def scoreboard_fails(dut):
    """Stimulus: good traffic of which one thing is changed or lost on the way to the bench, or nothing at all. Checking: the bench fails."""
    b = await bench(dut)
    broken = ["ar_addr", "ar_len", "ar_user", "e_tag", "e_status", "e_lost"]
    broken += [f"wb_{n}" for n in ("first", "last", "addr", "len", "user", "data", "less", "more", "lost")]
    for what in broken:
        await b.clear()
        b.send(b.chunk(COPY, 3 * b.w, 1, 1), b.chunk(ZERO, 2 * b.w + 3, dst=2))
        b.sabotage = what
        await expects_failure(b.drain(300))
        b.sabotage = ""
        await RisingEdge(dut.clk)
    await b.clear()
    c = b.chunk(COPY, 20)
    b.send(c)
    await b.drain()
    b.mem.now[c.dst // PAGE][(c.dst - 1) % PAGE] ^= 1  # a guard byte
    await expects_failure(b.settle())
    await b.clear()
    b.compared = 0
    with pytest.raises(AssertionError, match="comparisons"):
        b.end()
    # With everything left as it is, the same traffic passes.
    b.send(b.chunk(COPY, 3 * b.w, 1, 1), b.chunk(ZERO, 2 * b.w + 3, dst=2))
    await b.settle()
    b.end()


def build(data_w: int, ops: int, **more: int) -> dict:
    return {"DATA_W": data_w, "OPS": ops, "FUNC_W": 8} | more


@pytest.mark.unit
@pytest.mark.parametrize(
    "data_w, ops, more",
    [
        (64, 32, {}),
        pytest.param(512, 4, {}, marks=pytest.mark.sweep_icarus),
        pytest.param(128, 16, {"BUF_BEATS": 128, "CHUNKS": 16}, marks=pytest.mark.sweep),
        pytest.param(64, 256, {"MAX_BURST_BYTES": 256}, marks=pytest.mark.sweep),
    ],
    ids=lambda v: "-".join(f"{k.lower()}{n}" for k, n in v.items()) if isinstance(v, dict) else None,
)
def test_crl_nvme_move(sim, data_w, ops, more):
    """Stimulus and checking: see the cocotb tests above."""
    run_sim("crl_nvme_move", __name__, build(data_w, ops, **more), sim=sim)
