# SPDX-License-Identifier: Apache-2.0
"""The cocotb side of the benches: runs the rows of one build, one after the other, checks all data.

Rows come in the file that CRL_BENCH_ROWS names; results go to rows.jsonl in the run's folder, a line as
soon as a row is done.
"""

from __future__ import annotations

import json
import os
import random
import time
import traceback
from pathlib import Path

import cocotb
from cocotb.triggers import Timer

from models.gen.carillon_layout import Cqe, Desc, Op, Status, reg_addr, status_name
from tb.bench.rows import BOUNDS, MAX_BURST, MIB, READS_IN_FLIGHT
from tb.bench.watch import Watch
from tb.lib.axil_player import Access
from tb.lib.driver import ChannelDriver, NodeDriver, RingPlace
from tb.lib.testbed import Testbed

RINGS = 0x0000_0000  # rings of channel c: 128 KiB each
RING_STEP = 0x2_0000
GUARD = 0x5A5A_5A5A_5A5A_5A5A
CPL_ID = 2
DATA_ID = 1


def stride_of(size: int, offset: int) -> int:
    """Distance between transfers: whole 64-byte units, so that alignment is the same for all."""
    return (size + offset + 63) // 64 * 64


SRC_SPAN = 2 * MIB


class Layout:
    """Places of a side's memory: rings first, then sources, then destinations. Sources repeat after
    SRC_SPAN; every destination is a place of its own."""

    def __init__(self, side, channels: int) -> None:
        self.src = RING_STEP * channels
        self.dst = self.src + SRC_SPAN
        self.end = side.mem.size


async def setup(side, channels: int, log2: int, *, weights=None, classes=None, peer=False, bind=None):
    """Owner, segment (all of memory, segment-relative), rings; enabled. `bind`: (peer, channel there) by channel."""
    node = NodeDriver(side)
    out: list[ChannelDriver] = []
    for c in range(channels):
        base = RINGS + c * RING_STEP
        await node.segment(c, base=0, size=side.mem.size, channel=c)
        cr = base + 32 * (1 << log2)
        cr = (cr + 4095) // 4096 * 4096
        driver = await node.channel(
            c, func=c + 1,
            dr=RingPlace(base, log2, node.address(c, base)),
            cr=RingPlace(cr, log2, node.address(c, cr)),
            weight=weights[c] if weights else 1,
            cls=classes[c] if classes else 0,
            peer=bind[c][0] if bind else 0,
            peer_ch=bind[c][1] if bind else c if peer else None,
        )
        await driver.enable()
        out.append(driver)
    return node, out


async def preload(driver: ChannelDriver, descs: list[Desc]) -> None:
    await driver.put(descs)


async def check_completions(driver: ChannelDriver, descs: list[Desc]) -> None:
    raw = await driver.node.mem.read(driver.cr.base, 16 * len(descs))
    for i, d in enumerate(descs):
        entry = Cqe.unpack(raw[16 * i : 16 * i + 16])
        assert entry.status == Status.OK, f"transfer {i}: {status_name(entry.status)}"
        assert entry.tag == d.tag and entry.phase == 1, f"completion {i}: {entry}"
        assert entry.bytes == d.length and entry.dring_cons == i + 1, f"completion {i}: {entry}"


def counters(side) -> dict[str, int]:
    return {k: side.mem.get(f"st_{k}") for k in
            ("ar", "aw", "rbeats", "wbeats", "r_wait", "w_gap", "rd_max", "wr_max", "cpl_bursts")}


def mark(side, name: str, ident: int) -> int:
    return side.mem.get(name) >> (64 * ident) & (1 << 64) - 1


async def place_transfers(rng, src_side, dst_side, n, size, src_off, dst_off, channels):
    """Sources with random bytes, destinations with a guard pattern; (src, dst, image of dst)."""
    src_l, dst_l = Layout(src_side, channels), Layout(dst_side, channels)
    s_step, d_step = stride_of(size, src_off), stride_of(size, dst_off)
    slots = min(n, SRC_SPAN // s_step)
    assert dst_l.dst + n * d_step <= dst_l.end, "memory full"
    data = rng.randbytes(slots * s_step)
    await src_side.mem.write(src_l.src, data)
    await dst_side.mem.fill(dst_l.dst, n * d_step, GUARD)
    image = bytearray(GUARD.to_bytes(8, "little") * (n * d_step // 8))
    pairs = []
    for i in range(n):
        s, d = i % slots * s_step + src_off, i * d_step + dst_off
        image[d : d + size] = data[s : s + size]
        pairs.append((src_l.src + s, dst_l.dst + d))
    return pairs, dst_l.dst, bytes(image)


def first_difference(got: bytes, want: bytes) -> int:
    return next(i for i, (x, y) in enumerate(zip(got, want, strict=True)) if x != y)


async def dma_copy(tb: Testbed, c: dict, rng) -> tuple[int, int, dict]:
    side, k = tb.a, c["channels"]
    side.mem.set(latency=0)
    log2 = max(2, (c["n"] // k + 1).bit_length())
    _, channels = await setup(side, k, log2)
    pairs, dst, image = await place_transfers(
        rng, side, side, c["n"], c["s"], c["src_off"], c["dst_off"], k
    )
    descs: list[list[Desc]] = [[] for _ in channels]
    for i, (s, d) in enumerate(pairs):
        ch = i % k
        descs[ch].append(Desc(opcode=Op.COPY, tag=i & 0xFFFF, length=c["s"], src=ch << 52 | s,
                              dst=ch << 52 | d))
    for driver, work in zip(channels, descs, strict=True):
        await preload(driver, work)
    side.mem.set(latency=c["latency"])
    await side.cycles(20)
    await side.mem.clear_counters()
    bells = [Access.wr(ch.reg("DRING_PROD"), ch.prod, ch.func) for ch in channels]
    results = await side.axil.play(bells)
    await side.completions(c["n"], timeout_ns=10 * (20 * BOUNDS["dma_copy"](c) + 20_000))
    cycles = mark(side, "mk_b", CPL_ID) - results[0].cycle
    extra = counters(side)
    for driver, work in zip(channels, descs, strict=True):
        await check_completions(driver, work)
    got = await side.mem.read(dst, len(image))
    assert got == image, f"data differs at {dst + first_difference(got, image):#x}"
    extra["utilisation"] = round(100 * c["n"] * c["s"] / (c["data_w"] // 8) / cycles, 1)
    return cycles, BOUNDS["dma_copy"](c), extra


async def dma_kick(tb: Testbed, c: dict, rng) -> tuple[int, int, dict]:
    side = tb.a
    side.mem.set(latency=0)
    _, channels = await setup(side, c["channels"], 4)
    pairs, dst, image = await place_transfers(rng, side, side, 8, 256, 0, 0, c["channels"])
    driver = channels[5]
    work = [Desc(opcode=Op.COPY, tag=i, length=256, src=5 << 52 | s, dst=5 << 52 | d)
            for i, (s, d) in enumerate(pairs)]
    side.mem.set(latency=c["latency"])
    await side.cycles(20)
    worst = 0
    for desc in work:  # one at a time, the engine idle before each
        await preload(driver, [desc])
        await side.mem.clear_counters()
        start = (await side.axil.write(driver.reg("DRING_PROD"), driver.prod, driver.func)).cycle
        await side.completions(1)
        worst = max(worst, mark(side, "mk_ar", DATA_ID) - start)
        await side.cycles(50)
    await check_completions(driver, work)
    assert await side.mem.read(dst, len(image)) == image, "data differs"
    return worst, BOUNDS["dma_kick"](c), {}


async def dma_remote(tb: Testbed, c: dict, rng) -> tuple[int, int, dict]:
    sides = tb.sides
    for side in sides:
        side.mem.set(latency=0)
    for pipe in (tb.a2b, tb.b2a):
        pipe.clean()
        pipe.set(delay=c["delay"])
    await tb.link_setup()
    log2 = (c["n"] + 1).bit_length()
    drivers = [(await setup(side, c["channels"], log2, peer=True))[1][0] for side in sides]
    senders = [0, 1][: c["directions"]]
    work, images = {}, {}
    for i in senders:
        here, there = (sides[1 - i], sides[i]) if c["op"] == "READ" else (sides[i], sides[1 - i])
        pairs, dst, image = await place_transfers(rng, here, there, c["n"], c["s"], 0, 0, c["channels"])
        # A MIRROR's other copy, behind what the peer writes here.
        second = pairs[-1][1] + stride_of(c["s"], 0) - dst if c["op"] == "MIRROR" else 0
        if second:
            assert dst + 2 * second <= here.mem.size, "memory full"
        work[i] = [Desc(opcode=Op[c["op"]], tag=k & 0xFFFF, length=c["s"], src=s, dst=d + second, operand=d if second else 0)
                   for k, (s, d) in enumerate(pairs)]
        if second:
            await here.mem.fill(dst + second, len(image), GUARD)
        images[i] = (dst, image)
        await preload(drivers[i], work[i])
    for side in sides:
        side.mem.set(latency=c["latency"])
    await tb.a.cycles(200)
    for side in sides:
        await side.mem.clear_counters()
    bells = [
        cocotb.start_soon(sides[i].axil.write(drivers[i].reg("DRING_PROD"), drivers[i].prod,
                                              drivers[i].func))
        for i in senders
    ]
    starts = [(await bell).cycle for bell in bells]
    limit = 10 * (20 * BOUNDS["dma_remote"](c) + 40_000)
    for i in senders:
        await sides[i].completions(c["n"], timeout_ns=limit)
    each = [mark(sides[i], "mk_b", CPL_ID) - s for i, s in zip(senders, starts, strict=True)]
    extra = {"a": counters(tb.a), "b": counters(tb.b), "each": each,
             "link_frames": tb.a2b.get("st_frames"), "link_beats": tb.a2b.get("st_beats")}
    for i in senders:
        await check_completions(drivers[i], work[i])
        dst, image = images[i]
        places = [(sides[i if c["op"] == "READ" else 1 - i], dst)]
        if c["op"] == "MIRROR":
            places.append((sides[i], dst + len(image)))
        for side, at in places:
            got = await side.mem.read(at, len(image))
            assert got == image, f"{side.name}: data differs at {at + first_difference(got, image):#x}"
    extra["utilisation"] = round(
        100 * c["n"] * c["s"] / (c["data_w"] // 8) / max(each), 1
    )
    return max(each), BOUNDS["dma_remote"](c), extra


async def dma_cross(tb: Testbed, c: dict, rng) -> tuple[int, int, dict]:
    """Channel 0 of each node to the next one, channel 1 to the one before it."""
    half, sides = c["n"] // 2, tb.sides
    for side in sides:
        side.mem.set(latency=0)
    for pipe in tb.pipes.values():
        pipe.clean()
        pipe.set(delay=c["delay"])
    await tb.link_setup()
    bind = ((0, 1), (tb.params.peers - 1, 0))
    drivers = [(await setup(side, 2, (half + 1).bit_length(), bind=bind))[1] for side in sides]
    step = stride_of(c["s"], 0)
    data, images = [], []
    for side in sides:
        place = Layout(side, 2)
        assert place.dst + c["n"] * step <= place.end, "memory full"
        data.append(rng.randbytes(SRC_SPAN // step * step))
        await side.mem.write(place.src, data[-1])
        await side.mem.fill(place.dst, c["n"] * step, GUARD)
        images.append(bytearray(GUARD.to_bytes(8, "little") * (c["n"] * step // 8)))
    place, slots, work = Layout(sides[0], 2), SRC_SPAN // step, {}
    for i in range(3):
        for ch in (0, 1):
            far, there = (i + (2 if ch else 1)) % 3, 1 - ch
            work[i, ch] = []
            for k in range(half):
                src, dst = (2 * k + ch) % slots * step, (2 * k + there) * step
                work[i, ch].append(Desc(opcode=Op.WRITE, tag=k, length=c["s"], src=ch << 52 | place.src + src,
                                        dst=there << 52 | place.dst + dst))
                images[far][dst : dst + c["s"]] = data[i][src : src + c["s"]]
            await preload(drivers[i][ch], work[i, ch])
    for side in sides:
        side.mem.set(latency=c["latency"])
    await tb.a.cycles(200)
    for side in sides:
        await side.mem.clear_counters()
    bells = [cocotb.start_soon(side.axil.play([Access.wr(d.reg("DRING_PROD"), d.prod, d.func) for d in both]))
             for side, both in zip(sides, drivers, strict=True)]
    starts = [(await bell)[0].cycle for bell in bells]
    for side in sides:
        await side.completions(c["n"], timeout_ns=10 * (20 * BOUNDS["dma_cross"](c) + 40_000))
    each = [mark(side, "mk_b", CPL_ID) - s for side, s in zip(sides, starts, strict=True)]
    for i, side in enumerate(sides):
        for ch in (0, 1):
            await check_completions(drivers[i][ch], work[i, ch])
        got = await side.mem.read(place.dst, len(images[i]))
        assert got == images[i], f"data differs at node {side.name} {place.dst + first_difference(got, bytes(images[i])):#x}"
    return max(each), BOUNDS["dma_cross"](c), {"each": each}


async def link_ber(tb: Testbed, c: dict, rng) -> tuple[int, int, dict]:
    """Software repeats what ends with LINK_ERROR or PEER_DOWN until all has arrived."""
    driver, _ = await _linked(tb, c, (c["n"] + 1).bit_length())
    pairs, dst, image = await place_transfers(rng, tb.a, tb.b, c["n"], c["s"], 0, 0, c["channels"])
    todo = [Desc(opcode=Op.WRITE, tag=i & 0xFFFF, length=c["s"], src=s, dst=d) for i, (s, d) in enumerate(pairs)]
    for pipe in (tb.a2b, tb.b2a):
        pipe.reseed(rng.getrandbits(32))
        pipe.faults(ber=c["ber"])
    before = [p.get("st_flips") for p in (tb.a2b, tb.b2a)], tb.a2b.get("st_beats")
    start, repeated = None, 0
    while todo:
        await tb.wait_link(timeout_us=5000)
        await tb.a.mem.clear_counters()
        await driver.put(todo)
        bell = await tb.a.axil.write(driver.reg("DRING_PROD"), driver.prod, driver.func)
        start = bell.cycle if start is None else start
        await tb.a.completions(len(todo), timeout_ns=10 * (200 * BOUNDS["link_ber"](c) + 40_000))
        end = mark(tb.a, "mk_b", CPL_ID)
        got = await driver.reap()
        assert [e.tag for e in got] == [d.tag for d in todo], "completions"
        lost = [d for d, e in zip(todo, got, strict=True) if e.status in (Status.LINK_ERROR, Status.PEER_DOWN)]
        assert len(lost) == sum(e.status != Status.OK for e in got), "another error"
        todo, repeated = lost, repeated + len(lost)
    assert await tb.b.mem.read(dst, len(image)) == image, "data differs"
    cycles = end - start
    flips = sum(p.get("st_flips") - b for p, b in zip((tb.a2b, tb.b2a), before[0], strict=True))
    for pipe in (tb.a2b, tb.b2a):
        pipe.clean()
    return cycles, BOUNDS["link_ber"](c), {
        "bit_errors": flips, "repeated": repeated, "link_beats": tb.a2b.get("st_beats") - before[1],
        "crc_errors": await NodeDriver(tb.b).read("PEER", "CRC_ERR"),
        "utilisation": round(100 * c["n"] * c["s"] / (c["data_w"] // 8) / cycles, 1)}


ADDEND = 0x0102_0304_0506_0708
PERF_DESC = {
    "WRITE": lambda i, s, d, n: Desc(opcode=Op.WRITE, tag=i & 0xFFFF, length=n, src=s, dst=d),
    "READ": lambda i, s, d, n: Desc(opcode=Op.READ, tag=i & 0xFFFF, length=n, src=s, dst=d),
    "WRITE_IMM": lambda i, s, d, n: Desc(opcode=Op.WRITE_IMM, tag=i & 0xFFFF, length=n, src=s, dst=d, operand=i),
    "FETCH_ADD": lambda i, s, d, n: Desc(opcode=Op.FETCH_ADD, tag=i & 0xFFFF, length=n, src=s, dst=d, operand=ADDEND),
}


async def _one_by_one(tb: Testbed, driver: ChannelDriver, work: list[Desc], watch: Watch | None = None) -> list[int]:
    """Each alone: doorbell's W handshake to the B of its completion, in cycles. `watch` sees the hops of the first."""
    side, out = tb.a, []
    for desc in work:
        await side.mem.clear_counters()
        await driver.put([desc])
        if watch and not out:
            watch.begin()
        start = (await side.axil.write(driver.reg("DRING_PROD"), driver.prod, driver.func)).cycle
        await side.completions(1)
        out.append(mark(side, "mk_b", CPL_ID) - start)
        if watch and len(out) == 1:
            watch.end()
        got = await driver.reap()
        assert [(e.tag, e.status, e.bytes) for e in got] == [(desc.tag, Status.OK, desc.length)], got
        await side.cycles(20)
    return out


async def _linked(tb: Testbed, c: dict, log2: int) -> list[ChannelDriver]:
    """Both sides set up, the link up; channel 0 of each."""
    for side in tb.sides:
        side.mem.set(latency=0)
    for pipe in (tb.a2b, tb.b2a):
        pipe.clean()
        pipe.set(delay=c["delay"])
    await tb.link_setup()
    drivers = [(await setup(side, 1, log2, peer=True))[1][0] for side in tb.sides]
    for side in tb.sides:
        side.mem.set(latency=c["latency"])
    await tb.a.cycles(200)
    return drivers


async def _one_cell(rng, here, there, n: int):
    """Results of n atomics on one cell, as place_transfers: (result, cell), where the results lie, what has to be there; the value
    that the cell has first, and last."""
    at, cell = Layout(here, 1).dst, Layout(there, 1).dst
    first = rng.getrandbits(64)
    await there.mem.write(cell, first.to_bytes(8, "little"))
    await here.mem.fill(at, 64 * n, GUARD)
    values = [(first + k * ADDEND) % (1 << 64) for k in range(n + 1)]
    image = b"".join(v.to_bytes(8, "little") + GUARD.to_bytes(8, "little") * 7 for v in values[:n])
    return [(at + 64 * k, cell) for k in range(n)], at, image, values[0], values[n]


async def perf(tb: Testbed, c: dict, rng) -> tuple[int, int, dict]:
    n, size = c["n"], c["s"]
    driver, far = await _linked(tb, c, max(3, (n + 1).bit_length()))
    if c["op"] == "FETCH_ADD":
        side = tb.a
        pairs, dst, image, first, last = await _one_cell(rng, tb.a, tb.b, n)
    else:
        here, side = (tb.b, tb.a) if c["op"] == "READ" else (tb.a, tb.b)
        pairs, dst, image = await place_transfers(rng, here, side, n, size, 0, 0, 1)
    make = PERF_DESC[c["op"]]

    async def check() -> None:
        assert await side.mem.read(dst, len(image)) == image, "data differs"
        if c["op"] == "FETCH_ADD":
            assert int.from_bytes(await tb.b.mem.read(pairs[0][1], 8), "little") == last, "the cell differs"
            await tb.b.mem.write(pairs[0][1], first.to_bytes(8, "little"))
        await side.mem.fill(dst, len(image), GUARD)
        if c["op"] == "WRITE_IMM":  # the receiver was told of each, once and in order
            await far.reap()
            assert [(e.immediate, e.bytes) for e in far.messages] == [(i, size) for i in range(n)], "messages"
            far.messages.clear()

    work = [make(i, s, d, size) for i, (s, d) in enumerate(pairs)]
    alone = sorted(await _one_by_one(tb, driver, work))
    await check()
    await tb.a.mem.clear_counters()
    await tb.a.mem.log_open()
    await driver.put(work)
    start = (await tb.a.axil.write(driver.reg("DRING_PROD"), driver.prod, driver.func)).cycle
    await tb.a.completions(n, timeout_ns=10 * (20 * BOUNDS["perf"](c) + 40_000))
    cycles = mark(tb.a, "mk_b", CPL_ID) - start
    await tb.a.mem.log_close()
    got = await driver.reap()
    assert [(e.tag, e.status) for e in got] == [(d.tag, Status.OK) for d in work], "completions"
    ends = [b.t_end // tb.a.period for b in tb.a.mem.bursts() if b.write and b.id == CPL_ID
            for _ in range(b.strb.bit_count() // 16)]
    await check()
    part = max(1, n // 8)
    peak = max(part * size / (ends[i + part] - ends[i]) for i in range(len(ends) - part) if ends[i + part] > ends[i])

    def at(p: float) -> int:
        return alone[min(n - 1, int(p * n))]

    return cycles, BOUNDS["perf"](c), {
        "iterations": n, "bw_peak": round(peak, 3), "bw_average": round(n * size / cycles, 3),
        "message_rate": round(n / cycles, 5),
        "latency": {"min": alone[0], "typical": at(0.5), "average": round(sum(alone) / n, 1), "99": at(0.99),
                    "99.9": at(0.999)},
    }


async def rtt(tb: Testbed, c: dict, rng) -> tuple[int, int, dict]:
    driver, _ = await _linked(tb, c, 5)
    pairs, dst, image = await place_transfers(rng, tb.a, tb.b, 16, c["s"], 0, 0, 1)
    work = [PERF_DESC[c["op"]](i, s, d, c["s"]) for i, (s, d) in enumerate(pairs)]
    watch = Watch(tb.dut, c)
    cycles = await _one_by_one(tb, driver, work, watch)
    assert await tb.b.mem.read(dst, len(image)) == image, "data differs"
    assert watch.hops[-1] == cycles[0], "the hops end elsewhere"
    return max(cycles), BOUNDS["rtt"](c), {"best": min(cycles), "above_the_parts": max(cycles) - BOUNDS["rtt"](c), "hops": watch.hops}


async def sim_speed(tb: Testbed, c: dict, rng) -> tuple[int, int, dict]:
    started, at = time.monotonic(), tb.a.cycle
    await dma_remote(tb, c, rng)
    seconds, simulated = time.monotonic() - started, tb.a.cycle - at
    return round(50_000 * seconds), simulated, {"unit": "cycles a second", "rate": round(simulated / seconds)}


async def dma_qos(tb: Testbed, c: dict, rng) -> tuple[int, int, dict]:
    if c["kind"] == "urgency":
        return await _urgency(tb, c, rng)
    side, weights, size = tb.a, c["weights"], c["s"]
    side.mem.set(latency=0)
    k = len(weights)
    layout = Layout(side, k)
    _, channels = await setup(side, k, 12, weights=weights)
    total = 4 * MIB  # bytes moved while all channels have work
    region = (layout.end - layout.dst) // k // 4096 * 4096
    data = rng.randbytes(64 * 1024)
    await side.mem.write(layout.src, data)
    counts = [min(4000, int(total * w / sum(weights) / size * 1.25) + 8) for w in weights]
    for ch, driver in enumerate(channels):
        work = [
            Desc(opcode=Op.COPY, tag=i & 0xFFFF, length=size,
                 src=ch << 52 | layout.src + i * size % len(data),
                 dst=ch << 52 | layout.dst + ch * region + i * size % (region // size * size))
            for i in range(counts[ch])
        ]
        await preload(driver, work)
    side.mem.set(latency=c["latency"])
    await side.mem.clear_counters()
    await side.mem.log_open()
    results = await side.axil.play(
        [Access.wr(ch.reg("DRING_PROD"), ch.prod, ch.func) for ch in channels]
    )
    limit = 10 * 40 * (total // (c["data_w"] // 8) + 20_000)
    await side.completions(sum(counts), timeout_ns=limit)
    await side.mem.log_close()
    start = results[0].cycle
    # Order of service: data reads, by the channel whose source addresses them; the user names the owner.
    served: list[tuple[int, int]] = []
    for burst in sorted((b for b in side.mem.bursts() if not b.write and b.id == DATA_ID),
                        key=lambda b: b.t_addr):
        served.append((burst.user - 1, burst.beats * burst.beat_bytes))
    owed = [n * size for n in counts]
    # All channels have work until the first one has been served entirely.
    left, busy = list(owed), []
    for ch, size_ in served:
        left[ch] -= size_
        busy.append((ch, size_))
        if left[ch] <= 0:
            break
    worst = worst_deviation(busy[k * 8 :], weights, MIB)
    bound = MIB // 100
    moved = sum(b for _, b in busy)
    assert moved > 2 * MIB, f"only {moved} bytes while all channels had work"
    return worst, bound, {"unit": "bytes", "window": MIB, "bytes": moved, "start": start,
                          "shares": [round(sum(b for c_, b in busy if c_ == i) / moved, 4)
                                     for i in range(k)]}


def worst_deviation(served: list[tuple[int, int]], weights, window: int) -> int:
    """Largest |bytes_i - w_i*window/sum(w)| over all windows of `window` bytes."""
    total_w = sum(weights)
    have = [0] * len(weights)
    worst, tail, inside = 0.0, 0, 0
    for ch, size in served:
        have[ch] += size
        inside += size
        while inside - served[tail][1] >= window:
            have[served[tail][0]] -= served[tail][1]
            inside -= served[tail][1]
            tail += 1
        if inside >= window:
            for i, w in enumerate(weights):
                worst = max(worst, abs(have[i] - w * inside / total_w))
    return int(worst)


async def _urgency(tb: Testbed, c: dict, rng) -> tuple[int, int, dict]:
    side, size = tb.a, c["s"]
    side.mem.set(latency=0)
    _, (bulk, urgent) = await setup(side, 2, 8, classes=[0, 3])
    layout = Layout(side, 2)
    message = rng.randbytes(size)
    assert layout.src + (1 << 18) <= layout.dst
    await side.mem.write(layout.src, rng.randbytes(1 << 16))
    await side.mem.write(layout.src + (1 << 17), message)

    async def send(i: int) -> int:
        at = layout.dst + (1 << 20) + i * 4096
        await urgent.put([Desc(opcode=Op.COPY, tag=i, length=size,
                               src=1 << 52 | layout.src + (1 << 17), dst=1 << 52 | at)])
        before = side.mem.get("st_cpl")
        t0 = (await side.axil.write(urgent.reg("DRING_PROD"), urgent.prod, urgent.func)).cycle
        slot = urgent.cr.base + 16 * i
        while Cqe.unpack(await side.mem.read(slot, 16)).phase != 1:
            await side.completions(before + 1)
            before = side.mem.get("st_cpl")
            if Cqe.unpack(await side.mem.read(slot, 16)).phase != 1:
                await side.cycles(1)
        assert await side.mem.read(at, size) == message
        return side.cycle - t0

    side.mem.set(latency=c["latency"], **({"ar_limit": c["accepts"]} if "accepts" in c else {}))
    await side.cycles(20)
    idle = max([await send(i) for i in range(4)])
    pieces = [Desc(opcode=Op.COPY, tag=i, length=1 << 16, src=layout.src, dst=layout.dst)
              for i in range(60)]
    await bulk.post(pieces)
    await side.cycles(2000)
    waits = []
    for i in range(4, 40):
        waits.append(await send(i))
        await side.cycles(rng.randrange(1, 400))
    flight = READS_IN_FLIGHT * MAX_BURST // (c["data_w"] // 8)
    assert not (await bulk.reap())[59:], "the bulk channel ran dry"
    return max(waits), idle + 2 * flight, {"idle": idle, "typical": sorted(waits)[len(waits) // 2]}


BENCHES = {"dma_copy": dma_copy, "dma_kick": dma_kick, "dma_remote": dma_remote, "dma_cross": dma_cross, "link_ber": link_ber, "perf": perf, "rtt": rtt,
           "dma_qos": dma_qos,
           "sim_speed": sim_speed}


@cocotb.test()
async def rows(dut):
    """*Stimulus*: the rows of CRL_BENCH_ROWS. *Checking*: every byte of every destination, guards
    included, every completion, AXI rules; a row that fails is reported as such and the next one runs."""
    todo = json.loads(Path(os.environ["CRL_BENCH_ROWS"]).read_text())
    seed = int(os.environ["CRL_SEED"])
    tb = Testbed(dut)
    failed = []
    with (Path(os.environ["CRL_RUN_DIR"]) / "rows.jsonl").open("w") as out:
        for entry in todo:
            rng = random.Random(f"{seed} {entry['name']}")
            started, at = time.monotonic(), tb.a.cycle
            for side in tb.sides:
                side.mem.quiet()
            await tb.start(seed=seed)
            result = {"bench": entry["bench"], "config": entry["config"]}
            try:
                cycles, bound, extra = await BENCHES[entry["bench"]](tb, entry["config"], rng)
                tb.check_rules()
                result.update(cycles=cycles, bound=bound, ratio=round(cycles / bound, 4), extra=extra)
            except Exception as exc:  # reported per row
                failed.append(entry["name"])
                result.update(cycles=None, bound=None, ratio=None,
                              extra={"error": f"{type(exc).__name__}: {exc}",
                                     "trace": traceback.format_exc(limit=-3)})
            seconds = time.monotonic() - started
            result["extra"]["seconds"] = round(seconds, 2)
            result["extra"]["cycles_per_second"] = int((tb.a.cycle - at) / max(seconds, 1e-3))
            print(json.dumps(result), file=out, flush=True)
            print(f"{entry['name']}: {result['cycles']} / {result['bound']} = {result['ratio']} "
                  f"{result['extra'].get('error', '')}", flush=True)
            await Timer(100, "ns")
    assert not failed, f"{len(failed)} rows failed: {failed[:5]}"


# `reg_addr` is part of this module's interface for notebooks that add rows.
__all__ = ["BENCHES", "reg_addr", "rows", "worst_deviation"]
