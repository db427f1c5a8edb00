# SPDX-License-Identifier: Apache-2.0
"""cocotb tests of crl_dma_cpl; tb/unit/test_crl_dma_cpl.py says with which parameters they run."""

from __future__ import annotations

import random

import cocotb
from cocotb.triggers import FallingEdge

from models.gen import carillon_layout as layouts
from tb.lib.sim import sim_parameters
from tb.unit.cpl_bench import CplBench


def seed() -> int:
    return cocotb.RANDOM_SEED if hasattr(cocotb, "RANDOM_SEED") else random.randrange(1 << 32)


async def bench_with_rings(dut, log2s=None, **knobs) -> CplBench:
    p = sim_parameters()
    bench = CplBench(dut, p, seed(), **knobs)
    await bench.start()
    if log2s is None:
        log2s = [bench.rng.choice((2, 3, 4, 6, 9)) for _ in range(p["CHANNELS"])]
    for ring in bench.rings((log2s * p["CHANNELS"])[: p["CHANNELS"]]):
        await bench.configure(*ring)
    return bench


@cocotb.test()
async def random_traffic(dut):
    """Stimulus: random allocations, local and remote ends in random order, stale generations,
    back-pressure, response latency, doorbells good and bad, on rings of 4 to 512 entries.
    Checking: the model of cpl_bench, every entry and event; all drained at the end."""
    bench = await bench_with_rings(dut, consume=0.4, bad_cdb=0.05)
    for _ in range(2500):
        await bench.cycle()
    await bench.drain()
    dut._log.info("compared %d, bursts %s", bench.model.compared, bench.model.burst_sizes)
    assert bench.model.compared > 300


@cocotb.test()
async def messages_in_between(dut):
    """Stimulus: as random_traffic, and peers' messages that ask for slots, use them for entries and give some back; small
    rings, allocations as often as they may come.
    Checking: a slot is granted when there is one and only then, never one too many; entries of messages in their own bursts,
    with slot, phase and the index of what has retired; no operation lost or delayed for good; all drained."""
    log2s = [random.Random(3).choice((2, 2, 3, 5)) for _ in range(sim_parameters()["CHANNELS"])]
    bench = await bench_with_rings(dut, log2s, consume=0.5, bad_cdb=0.05, ask=0.3, alloc=0.8, end=0.7)
    for _ in range(2500):
        await bench.cycle()
    await bench.drain()
    m = bench.model
    dut._log.info("compared %d, messages %d, slots %s", m.compared, m.messages, m.answers)
    assert m.messages > 25 and min(m.answers.values()) > 3 and m.compared > m.messages + 100


@cocotb.test()
async def messages_when_suppressed(dut):
    """Stimulus: `suppress` of one channel rises while messages hold slots of it; later it is set up again.
    Checking: the slots come back without entries, and in its next life there are entries again."""
    bench = await bench_with_rings(dut, [3], consume=0.5, ask=0.5, nocpl=0.0, alloc=0.3, busy=1)
    for _ in range(300):
        await bench.cycle()
    bench.model.suppress[0] = True
    bench.set["suppress"] = 1
    for _ in range(300):
        await bench.cycle()
    before = bench.model.messages
    await bench.drain()
    for ring in bench.rings([3] * bench.model.channels):
        await bench.configure(*ring)
    bench.model.suppress[0] = False
    bench.set["suppress"] = 0
    bench.k.update(consume=0.5, end=0.5)
    for _ in range(300):
        await bench.cycle()
    await bench.drain()
    assert bench.model.messages > before > 5


@cocotb.test()
async def one_channel_wraps(dut):
    """Stimulus: one channel with the smallest ring, everything posted, consumer always behind.
    Checking: slots, phase over many wraps, never an unread entry overwritten."""
    bench = await bench_with_rings(dut, [2], nocpl=0.0, alloc=1.0, end=1.0, consume=0.6, b_lat=(0, 2))
    for _ in range(1500):
        await bench.cycle()
    await bench.drain()
    assert max(r.written for r in bench.model.rings) > 8


@cocotb.test()
async def merges_under_back_pressure(dut):
    """Stimulus: the write port takes nothing for a while, then everything; four channels at most,
    so that each has many entries.
    Checking: entries gathered meanwhile leave in bursts of up to 8."""
    bench = await bench_with_rings(
        dut, [8], alloc=1.0, end=1.0, nocpl=0.0, stale=0.0, consume=0.0, busy=4
    )
    for _ in range(4):
        bench.k["ready"] = 0.0
        for _ in range(60):
            await bench.cycle()
        bench.k["ready"] = 1.0
        for _ in range(60):
            await bench.cycle()
    await bench.drain()
    assert 8 in bench.model.burst_sizes, bench.model.burst_sizes


@cocotb.test()
async def lone_completion_is_quick(dut):
    """Stimulus: single operations on an idle block, local and remote, port ready.
    Checking: at most 6 cycles from the end to wb_valid."""
    bench = await bench_with_rings(dut, [6], alloc=0.0, end=0.0, nocpl=0.0, stale=0.0, ready=1.0)
    for turn in range(20):
        bench.k.update(alloc=1.0, remote=0.0 if turn % 2 else 1.0)
        await bench.cycle()
        bench.k["alloc"] = 0.0
        for _ in range(10):
            await bench.cycle(alloc=False)
        bench.k["end"] = 1.0
        while bench.open:
            await bench.cycle(alloc=False)
        bench.k["end"] = 0.0
        for _ in range(30):
            await bench.cycle(alloc=False)
        took = bench.log["wb"][-1][0] - bench.log["ldone" if turn % 2 else "rdone"][-1]
        assert 0 < took <= 6, f"{took} cycles from the end to wb_valid"
        bench.k["consume"] = 1.0
    await bench.drain()


@cocotb.test()
async def retires_at_full_rate(dut):
    """Stimulus: one channel, everything done before the port opens; then in steady state.
    Checking: one operation in 2 cycles with one channel, 2.5 with many,
    where a cycle goes to the choice of the next, and bursts may be short."""
    p = sim_parameters()
    bench = await bench_with_rings(
        dut, [9], alloc=1.0, end=1.0, nocpl=0.0, stale=0.0, remote=0.0, ready=1.0, b_lat=(5, 5),
        consume=0.5, order="fifo", error=0.0,
    )
    for _ in range(400):
        await bench.cycle()
    first = len(bench.log["ret"])
    for _ in range(400):
        await bench.cycle()
    rate = 400 / (len(bench.log["ret"]) - first)
    dut._log.info("%.2f cycles an operation, bursts %s", rate, bench.model.burst_sizes)
    assert rate <= (2.1 if p["CHANNELS"] == 1 else 2.5), f"{rate:.2f} cycles an operation"
    await bench.drain()


@cocotb.test()
async def nothing_posted_when_suppressed(dut):
    """Stimulus: `suppress` of one channel rises in the middle of traffic.
    Checking: that channel retires without entries, the others go on."""
    bench = await bench_with_rings(dut, [5])
    for _ in range(200):
        await bench.cycle()
    bench.model.suppress[0] = True
    bench.set["suppress"] = 1
    for _ in range(150):  # what was gathered goes out
        await bench.cycle()
    ring = bench.model.rings[0]
    written = ring.written
    for _ in range(300):
        await bench.cycle()
    assert ring.written == written
    await bench.drain()


@cocotb.test()
async def failed_write_stops_its_channel(dut):
    """Stimulus: error responses to completion writes.
    Checking: one error event a failed burst, no index, entry or interrupt behind it, channel by
    channel; after a new set-up the channel works again."""
    bench = await bench_with_rings(dut, [4], b_error=0.05)
    for cycle in range(15000):  # bursts are few when most are long
        await bench.cycle()
        if cycle > 1500 and any(r.dead for r in bench.model.rings):
            break
    assert any(r.dead for r in bench.model.rings)
    bench.k["b_error"] = 0.0
    await bench.drain()
    for ring in bench.rings([4] * bench.model.channels):
        await bench.configure(*ring)
    for _ in range(300):
        await bench.cycle()
    await bench.drain()


@cocotb.test()
async def remote_operations_time_out(dut):
    """Stimulus: remote operations of which a third is never answered; late answers come after the
    entry was freed.
    Checking: OP_TIMEOUT and MAY_HAVE_EXECUTED, not too early, within 1.25 times the limit."""
    p = sim_parameters()
    bench = await bench_with_rings(dut, [9], remote=0.5, lose=0.3, alloc=0.1, consume=0.3)
    limit = p["OP_TIMEOUT_CYCLES"]
    for _ in range(3):
        for _ in range(400):
            await bench.cycle()
        for _ in range(limit * 5 // 4 + 200):
            await bench.cycle(alloc=False)
        assert not any(r.ops for r in bench.model.rings), "an operation was forgotten"
    await bench.drain()


@cocotb.test()
async def time_waits_for_what_can_send(dut):
    """Stimulus: remote operations that nobody answers; the first channel says now and then, for a cycle, that it
    could send; then it no longer does.
    Checking: its operations live on for three times the limit, the others' time out; in the end its own do."""
    p = sim_parameters()
    bench = await bench_with_rings(dut, [9], remote=1.0, lose=1.0, alloc=0.2, consume=0.3)
    limit, first = p["OP_TIMEOUT_CYCLES"], bench.model.rings[0]

    async def cycle(n: int, **more) -> None:
        bench.set["sending"] = int(n % 64 == 0)
        if n % 64 == 0:
            bench.model.sent[0] = bench.model.now + 1
        await bench.cycle(**more)

    n = 0
    while len(first.ops) < 3:  # with many channels that takes longer than the limit
        await cycle(n)
        n += 1
    for n in range(3 * limit):
        await cycle(n, alloc=False)
    assert len(first.ops) >= 3 and not any(o.ended for o in first.ops)
    assert not any(r.ops for r in bench.model.rings[1:])
    bench.set["sending"] = 0
    for _ in range(limit * 5 // 4 + 8 * p["OPS"]):
        await bench.cycle(alloc=False)
    assert not first.ops, "an operation was forgotten"
    await bench.drain()


@cocotb.test()
async def peer_goes_down(dut):
    """Stimulus: peer_up falls, shortly or for long, with operations in flight.
    Checking: its remote operations end with LINK_ERROR + MAY_HAVE_EXECUTED (or as they were
    answered), no local one does, none allocated after the fall does."""
    p = sim_parameters()
    bench = await bench_with_rings(dut, [9], remote=0.6, end=0.1, lose=0.5, alloc=0.5, consume=0.4)
    for turn in range(8):
        for _ in range(120):
            await bench.cycle()
        peer = bench.rng.randrange(bench.model.peers)
        bench.peer_up &= ~(1 << peer)
        bench.set["peer_up"] = bench.peer_up
        bench.model.falls[peer] += 1
        for _ in range(1 if turn % 2 else 40):
            await bench.cycle(alloc=False)
        bench.peer_up |= 1 << peer
        bench.set["peer_up"] = bench.peer_up
        await bench.cycle(alloc=False)
    for peer in range(bench.model.peers):
        bench.set["peer_up"] = 0
        bench.model.falls[peer] += 1
    for _ in range(40 * p["OPS"]):  # the local ones ahead of them end in one cycle of ten
        await bench.cycle(alloc=False)
    assert not [o for r in bench.model.rings for o in r.ops if o.remote and o.ended is None]
    await bench.drain()


@cocotb.test()
async def fatal_ends_everything(dut):
    """Stimulus: `fatal` in the middle of traffic.
    Checking: every operation ends, with MEM_TIMEOUT unless it had ended."""
    bench = await bench_with_rings(dut, [8], end=0.05, stale=0.0)
    for _ in range(200):
        await bench.cycle()
    bench.model.fatal = True
    bench.set["fatal"] = 1
    bench.open.clear()
    for _ in range(12 * sim_parameters()["OPS"] + 200):
        await bench.cycle(alloc=False)
    await bench.drain()


@cocotb.test()
async def reset_in_mid_flight(dut):
    """Stimulus: reset at random moments of traffic, several times, twice in a row too.
    Checking: a fresh start each time, nothing of before comes out."""
    bench = None
    for turn in range(5):
        knobs = dict(consume=0.4)
        if bench is None:
            bench = await bench_with_rings(dut, [3], **knobs)
        else:
            fresh = CplBench(dut, bench.p, bench.rng.randrange(1 << 32), **knobs)
            await fresh.reset()
            if turn % 2:
                await fresh.reset()
            bench = fresh
            for ring in bench.rings([3] * bench.model.channels):
                await bench.configure(*ring)
        for _ in range(bench.rng.randint(50, 400)):
            await bench.cycle()
    await bench.drain()


async def expect_failure(dut, bench, text) -> None:
    try:
        for _ in range(800):
            await bench.cycle()
        await bench.drain()
    except AssertionError as exc:
        dut._log.info("noticed: %s", exc)
        return
    raise AssertionError(f"the checker did not notice: {text}")


@cocotb.test()
async def checker_notices(dut):
    """Stimulus: the seen stream is altered: a bit of an entry, its user, a strobe, a moved burst.
    Checking: the scoreboard fails each time, and also when nothing was compared."""
    # In a wide beat the entry is where the strobes are, which need not be the lowest lane.
    first_byte = lambda strb: (strb & -strb).bit_length() - 1  # noqa: E731
    changes = {
        "a flipped tag bit": lambda s: (*s[:5], s[5] ^ 1 << 8 * first_byte(s[6]), s[6]),
        "a wrong user": lambda s: (*s[:4], s[4] ^ 1, *s[5:]),
        "a missing strobe": lambda s: (*s[:6], s[6] & ~(1 << first_byte(s[6]))),
        "a moved burst": lambda s: (*s[:2], s[2] ^ 64, *s[3:]),
    }
    bench = None
    for text, change in changes.items():
        bench = await bench_with_rings(dut, [5]) if bench is None else bench
        fresh = CplBench(dut, bench.p, bench.rng.randrange(1 << 32))
        await fresh.reset()
        for ring in fresh.rings([5] * fresh.model.channels):
            await fresh.configure(*ring)
        count = [0]

        def tamper(seen, change=change, count=count):
            count[0] += seen[0]
            return change(seen) if count[0] == 4 and seen[0] else seen

        fresh.tamper = tamper
        await expect_failure(dut, fresh, text)
        await FallingEdge(dut.clk)
    idle = CplBench(dut, bench.p, 1)
    try:
        idle.model.finish()
    except AssertionError:
        return
    raise AssertionError("an empty comparison passed")


assert layouts.Status.OK == 0
