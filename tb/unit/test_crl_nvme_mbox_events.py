# SPDX-License-Identifier: Apache-2.0
"""Unit tests of crl_nvme_mbox: events, stops, drops, life of the controller, the data page, interrupts. Bench: nvme_mbox_bench.py."""

from __future__ import annotations

import cocotb
import pytest
from cocotb.triggers import ClockCycles, FallingEdge, RisingEdge

from models.nvme.mailbox import EVENTS, SATURATED
from models.nvme.mailbox_regs import PAGE_AT, Kind
from models.nvme.pagedma import PAGE
from tb.lib.sim import run_sim
from tb.unit.dma_lib import expects_failure
from tb.unit.nvme_mbox_bench import SLVERR, Bench
from tb.unit.test_crl_nvme_mbox import SIZES, build, sqe

KINDS = ("bad", "sqf", "cqf", "lg")


async def bench(dut) -> Bench:
    return await Bench(dut).begin()


def some(b: Bench, kind: str, qid: int | None = None) -> tuple:
    """A random event of a kind, for `b.event`."""
    r = b.rng.getrandbits
    qid = b.rng.randint(0, b.queues) if qid is None else qid
    more = {"bad": lambda: (r(1), r(1), r(b.p["FUNC_W"])), "lg": lambda: (r(16), r(11), r(32), r(64))}.get(kind, lambda: ())
    return (kind, qid, *more())


async def words(b: Bench) -> None:
    """The oldest event, all that is said of it."""
    for n, (_, mask) in enumerate(b.m.events[0].words() if b.m.events else [(0, 0)] * 5):
        await b.expect("EVENT", n, mask)


async def take_all(b: Bench) -> int:
    """All events, each compared; how many."""
    n = 0
    while b.m.events:
        await b.expect("STATUS")
        await words(b)
        await b.write("EVENT_POP", b.rng.getrandbits(32), b.rng.choice((1, 15)))
        n += 1
    await b.expect("STATUS")
    await b.expect("IRQ_STATUS")
    return n


async def refused(b: Bench, qids=None) -> None:
    """QBAD of these queues."""
    for qid in qids if qids is not None else range(b.queues + 1):
        await b.write("QSEL", qid)
        await b.expect("QBAD")


@cocotb.test()
async def one_by_one(dut):
    """Stimulus: an event of each kind, for several queues. Checking: its words, STATUS, IRQ_STATUS; taken, it is gone; a pop of none does nothing."""
    b = await bench(dut)
    await b.write("EVENT_POP", 1)
    for qid in {0, 1, b.queues}:
        for kind in KINDS:
            b.event(*some(b, kind, qid))
            await b.settle()
            await b.write("EVENT_POP", 1, 0xE)  # byte 0 is not written
            assert await take_all(b) == 1
            await b.write("EVENT_POP", 1)
    await b.quiet()
    await refused(b, {0, 1, b.queues})
    b.end(60)


@cocotb.test()
async def order_and_sixteen(dut):
    """Stimulus: bursts of all kinds, several in one cycle, of 1 to 40, among them doorbells like others; none taken meanwhile. Checking:
    those held in order, at most 16, the others counted; a BAD_DOORBELL that is held isn't held again; QBAD counts each."""
    b = await bench(dut)
    for count in (3, 15, 16, 17, 40, 25):
        told, last = 0, {"bad": -9, "sqf": -9, "cqf": -9, "lg": -9}
        few = b.rng.random() < 0.5
        while told < count:
            for kind in KINDS:
                ready = b.now % 3 < 2 if kind == "bad" else b.now - last[kind] >= 4
                if told < count and ready and b.rng.random() < 0.5:
                    e = some(b, kind, b.rng.randint(0, 1) if few and kind == "bad" else None)
                    b.event(*e)
                    last[kind] = b.now
                    told += 1
            await b.step()
        await b.settle(30)
        await b.expect("EVENTS_LOST")
        if b.rng.random() < 0.5:
            await b.write("EVENTS_LOST", b.rng.getrandbits(32))
            await b.expect("EVENTS_LOST")
        await take_all(b)
    await refused(b, sorted({0, 1, *range(min(b.queues, 12)), b.queues}))
    for qid in {0, b.queues}:
        await b.write("QSEL", qid)
        await b.write("QBAD", b.rng.getrandbits(32))
        await b.expect("QBAD")
    await refused(b, {0, 1, b.queues})
    b.end(150)


@cocotb.test()
async def taken_while_they_come(dut):
    """Stimulus: numbered COMMAND events and others come without an end while they are taken. Checking: numbers ascend in each kind, what is missing is
    in EVENTS_LOST, no event twice; QBAD is exact."""
    b = await bench(dut)
    got: dict[int, list[int]] = {}
    rate = 0.0
    sent = {"lg": 0, "sqf": 0, "bad": 0}
    running = True

    def feed() -> None:
        if running and b.now % 4 == 0 and b.rng.random() < rate and sent["lg"] < 60000:
            b.event("lg", 1, sent["lg"], 0, 0, 0)
            sent["lg"] += 1
        if running and b.now % 4 == 1 and b.rng.random() < rate / 4:
            b.event("sqf", 1)
            sent["sqf"] += 1
        if running and b.now % 3 < 2 and b.rng.random() < rate / 4:
            b.event("bad", 1, 0, b.rng.getrandbits(1), 0)
            sent["bad"] += 1

    old, b.drive_sides = b.drive_sides, lambda: (feed(), old())
    for share in (0.05, 0.3, 0.9):
        rate = share
        for _ in range(40):
            if await b.read("STATUS") & 16:
                e0, e1 = await b.read("EVENT"), await b.read("EVENT", 1)
                got.setdefault(e0 & 15, []).append(e1 & 0xFFFF)
                await b.write("EVENT_POP", 1)
            await b.step(b.rng.choice((0, 0, 3)))
    running = False
    b.drive_sides = old
    await b.step(30)
    while await b.read("STATUS") & 16:
        e0, e1 = await b.read("EVENT"), await b.read("EVENT", 1)
        got.setdefault(e0 & 15, []).append(e1 & 0xFFFF)
        await b.write("EVENT_POP", 1)
    seen = got[Kind.COMMAND]
    lost = await b.read("EVENTS_LOST")
    assert seen == sorted(set(seen)), f"out of order, or twice: {seen}"
    bads = len(got.get(Kind.BAD_DOORBELL, []))
    missing = sent["lg"] - len(seen) + sent["sqf"] - len(got.get(Kind.SQ_FAILED, []))
    assert missing <= lost <= missing + sent["bad"] - bads and lost > 0, f"{missing} are missing, {lost} lost"
    await b.write("QSEL", 1)
    assert await b.read("QBAD") == sent["bad"] > 10 and bads <= sent["bad"]
    assert len(seen) > 30


@cocotb.test()
async def counters_saturate(dut):
    """Stimulus: more than 65535 refused doorbells and lost events. Checking: FFFFh, and no further; cleared, they count again. In the sweep only."""
    if dut is None or Bench(dut).p["NAMESPACES"] != 16:
        return
    b = await bench(dut)
    qid = b.rng.choice((0, b.queues))
    dut.bad_qid.value = qid  # the bench leaves noise there
    for _ in range(SATURATED // 2 + 20):
        dut.bad_valid.value = dut.lg_valid.value = 1
        await ClockCycles(dut.clk, 2)
        dut.bad_valid.value = dut.lg_valid.value = 0
        await ClockCycles(dut.clk, 1)
    b.m.refused[qid] = b.m.lost = SATURATED
    await b.expect("EVENTS_LOST")
    await refused(b, {0, 1, b.queues})
    await b.write("EVENTS_LOST", 0)
    await b.write("QSEL", qid)
    await b.write("QBAD", 0)
    await b.expect("EVENTS_LOST")
    await b.expect("QBAD")
    b.event(*some(b, "bad", qid))
    await b.settle()
    await b.expect("QBAD")


@cocotb.test()
async def stops(dut):
    """Stimulus: STOP_GO, failed queues, the drain and queue 0's level, each alone and all in one cycle or a few cycles apart; failures in consecutive
    cycles. Checking: every one of them is out soon; what the arbiter knows at the end is what it should."""
    b = await bench(dut)
    r = b.rng
    for stop in (1, 0, 1):
        for qid in {1, b.queues}:
            await b.write("STOP_GO", qid | stop << 8)
            await b.settle()
    for apart in range(-4, 12):
        qids = [r.randint(1, b.queues) for _ in range(4)]
        await b.write("STOP_GO", qids[0] | 256, wait=False)
        if apart % 2:
            b.commands.append(sqe(b))
        for n in range(16):
            if n == apart + 4 or n == apart + 5 and apart % 3 == 0:
                b.event("d", qids[1])
            if apart + 4 <= n < apart + 4 + r.randint(1, 4):
                b.event("sqf", r.randint(1, b.queues))
            await b.step()
        await b.quiet()
        await b.settle(40)
        if b.m.commands:
            await b.write("SQE_POP", 1)
        await b.quiet()
        await b.settle(40)
        await b.write("STOP_GO", r.choice(qids) | r.getrandbits(1) << 8)
        await b.quiet()
    # Every queue fails, one upon the other; quicker than the fetch unit can say it (every 4th cycle).
    for qid in range(1, b.queues + 1):
        b.event("sqf", qid)
        if qid % 6 == 0:
            b.event("d", r.randint(1, b.queues))
        await b.step(2)
    await b.quiet()
    await b.settle(40)
    # Set up anew a queue is not stopped.
    await b.write("CFG_QUEUE", b.queues)
    await b.write("CFG_GO", 1)
    await b.settle(40)
    b.end(40)


async def set_up_0(b):
    """Submission queue 0, by the processor."""
    await b.write("CFG_QUEUE", 0)
    await b.write("CFG_GO", 1)


async def start_again(b):
    """All queues are cleared, queue 0 is set up."""
    b.start()
    await b.until(lambda: b.starting is None, 12 * b.queues + 60, "no end")


@cocotb.test()
async def queue_0_fails(dut):
    """Stimulus: an entry of queue 0 that can't be read, with commands held, before and after. Checking: it stays stopped when the last command is
    taken, until it is set up anew: then it isn't, unless a command is held."""
    b = await bench(dut)
    for held in (0, 2):
        for how in ("go", "start"):
            b.commands.extend(sqe(b) for _ in range(held))
            await b.settle(40)
            b.event("sqf", 0)
            await b.settle(40)
            assert b.stopped[0]
            for _ in range(held):
                await b.write("SQE_POP", 1)
            await b.settle(40)
            assert b.stopped[0] == 1
            await (set_up_0(b) if how == "go" else start_again(b))
            await b.settle(40)
            assert not b.stopped.get(0)
            b.commands.append(sqe(b))
            await b.settle(40)
            assert b.stopped[0]
            await b.write("SQE_POP", 1)
            await b.settle(40)
    b.end(8)


@cocotb.test()
async def queue_0_asked(dut):
    """Stimulus: the processor, or the drain, stops queue 0; commands are held before, meanwhile and when the processor lets it go; a failure beside it.
    Checking: it is stopped as long as it was asked for, or a command is held, or it failed; set up anew it is free of both."""
    b = await bench(dut)
    for who in ("go", "d"):
        for held in (0, 1):
            for last in ("go", "set up", "start"):
                b.commands.extend(sqe(b) for _ in range(held))
                await b.settle(40)
                assert b.stopped.get(0, 0) == held
                if who == "go":
                    await b.write("STOP_GO", 0 | 1 << 8)
                else:
                    b.event("d", 0)
                await b.settle(40)
                assert b.stopped[0] == 1
                b.commands.append(sqe(b))
                await b.settle(40)
                for _ in range(held + 1):
                    await b.write("SQE_POP", 1)
                await b.settle(40)
                assert b.stopped[0] == 1  # it was asked for
                if last == "go":
                    b.commands.append(sqe(b))
                    await b.settle(40)
                    await b.write("STOP_GO", 0)
                    await b.settle(40)
                    assert b.stopped[0] == 1  # a command is held
                    await b.write("SQE_POP", 1)
                elif last == "set up":
                    b.event("sqf", 0)
                    await b.settle(40)
                    await b.write("STOP_GO", 0)
                    await b.settle(40)
                    assert b.stopped[0] == 1  # it failed
                    await set_up_0(b)
                else:
                    await start_again(b)
                await b.settle(40)
                assert b.stopped[0] == 0
    b.end(8)


@cocotb.test()
async def drops(dut):
    """Stimulus: `dropping` at any moment: commands held, half taken, still coming; slots on their way back; an answer before its slot, with it, on offer.
    Checking: nothing is held or asked for afterwards, nothing of it comes out, no slot is asked for or given back; new ones work."""
    b = await bench(dut)
    for turn in range(30):
        b.rate.update(rs=b.rng.choice((1.0, 0.1)), got=b.rng.choice((1.0, 0.0)), z=b.rng.choice((1.0, 0.0)), rb=b.rng.choice((1.0, 0.02)))
        b.commands.extend(sqe(b) for _ in range(b.rng.randrange(5)))
        await b.step(b.rng.randrange(70))
        if b.m.commands and turn % 2:
            await b.write("SQE_POP", 1)
        if turn % 3:
            await b.write("CPL_GO", b.rng.getrandbits(32))
        await b.step(b.rng.randrange(20))
        b.set_level(dropping=1)
        b.commands.extend(sqe(b) for _ in range(turn % 4 == 1))
        await b.step(b.rng.randint(30, 60))
        assert not b.commands and b.offered is None, "a command is not taken while all is dropped"
        await b.expect("STATUS")
        b.set_level(dropping=0)
        b.rate.update(rs=1.0, got=1.0, z=1.0, rb=1.0)
        answers, backs = b.answers, b.backs
        await b.settle(90)
        assert (b.answers, b.backs) == (answers, backs)
        await b.expect("STATUS")
        b.commands.append(sqe(b))
        await b.write("CPL_GO", 3 << 16)
        await b.settle(40)
        for n in range(16):
            await b.expect("SQE", n)
        await b.write("SQE_POP", 1)
        await b.quiet()
        assert (b.answers, b.backs) == (answers + 1, backs + 1)
    b.end(500)


@cocotb.test()
async def life(dut):
    """Stimulus: quiesce, run, QUIET, FATAL, start, STARTED too early, in time, twice. Checking: STATUS, LIFE, the ports, one `started`, what is cleared
    and set up; QUIET falls with QUIESCE and doesn't stick without it."""
    b = await bench(dut)
    for turn in range(4):
        b.set_level(run=0)
        await b.write("LIFE", 2)
        await b.expect("LIFE")
        b.set_level(quiesce=1, shut=turn // 2)
        await b.settle()
        await b.expect("STATUS")
        await b.expect("IRQ_STATUS")
        await b.write("IRQ_STATUS", 0xFF)
        fatal = turn % 2
        await b.write("LIFE", 3 | fatal << 2)
        await b.settle()
        assert (b.get("quiet"), b.get("fatal")) == (1, fatal)
        await b.expect("LIFE")
        b.set_level(quiesce=0, shut=0)
        b.start()
        await b.step(4)
        await b.expect("LIFE")
        await b.write("LIFE", 1 | fatal << 2)
        await b.step(2)
        await b.expect("STATUS") if b.queues > 4 else None
        await b.until(lambda: b.starting is None, 12 * b.queues + 60, "the queues are not cleared")
        await b.settle(16)
        assert b.get("quiet") == 0
        await b.expect("STATUS")
        await b.expect("IRQ_STATUS")
        await b.write("LIFE", 0)
        await b.write("LIFE", 1, 0xE)
        await b.expect("STATUS")
        await b.write("LIFE", 1)
        await b.quiet()
        assert b.counted["started"] == turn + 1
        await b.write("LIFE", 1)
        b.set_level(run=1)
        await b.settle()
        await b.expect("STATUS")
        await b.write("IRQ_STATUS", 0x40)
        await b.expect("IRQ_STATUS")
    b.end(40)


@cocotb.test()
async def go_while_queues_are_cleared(dut):
    """Stimulus: CFG_GO, GRANT_GO, RANGE_GO from before `start` to after its end. Checking: each takes effect once, before it or after it, before B; other
    registers are answered meanwhile."""
    b = await bench(dut)
    turns = range(0, 36, 1 if b.queues < 20 else 5)
    for n in turns:
        name, data = (("CFG_GO", 1), ("GRANT_GO", b.queues), ("RANGE_GO", b.queues | 0x300))[n % 3]
        await b.write("CFG_QUEUE", b.queues | 1 << 18)
        await b.wide("GRANT", b.rng.getrandbits(256) | 1, 8)
        await b.wide("RANGE", b.rng.getrandbits(128) | 1, 4)
        wait = max(0, n // 3 - 4) ** 2 * (b.queues + 1) // 8
        if n < 12:
            await b.write(name, data, wait=False)
            await b.step(n // 3)
            b.start()
            await b.step()
        else:
            b.start()
            await b.step(1 + wait)
            await b.write(name, data, wait=False)
        if n % 4 == 0 and b.starting is not None:
            await b.expect("ID")
        await b.quiet(14 * b.queues + 200)
    assert sum(b.counted[n] for n in ("cfg", "gr", "rg")) == len(turns)
    b.end(2 * len(turns))


@cocotb.test()
async def data_page(dut):
    """Stimulus: the processor's bytes, transfers both ways, with errors, that are not allowed; accesses and a second GO meanwhile. Checking: bytes; SLVERR
    and no effect; DMA_BUSY, DMA_RESULT, DMA."""
    b = await bench(dut)
    at = b.rng.randrange(880) * 4
    for word in range(at - at % 64, at + 464, 4):  # whole beats: what nobody wrote is unknown
        await b.write(PAGE_AT + word, b.rng.getrandbits(32))
    for _ in range(20):
        word = at + 4 * b.rng.randrange(100)
        await b.write(PAGE_AT + word, b.rng.getrandbits(32), b.rng.getrandbits(4))
        await b.expect(PAGE_AT + word)
    for n in range(14):
        to_host = n % 2
        host = b.rng.getrandbits(52) << 12 | at + b.rng.randrange(40)
        size = b.rng.randint(1, 360)
        bad = n % 7 in (4, 5)
        b.bad = {0: b.rng.choice((2, 3))} if bad else {}
        b.host.rate["r"] = b.host.rate["b"] = 0.0 if n % 3 == 0 else 1.0
        await b.wide("DMA_ADDR", host, 2)
        await b.write("DMA_GO", size | to_host << 16)
        if n % 3 == 0:  # nothing comes to an end
            await b.step(30)
            await b.expect("STATUS")
            for addr in (PAGE_AT + at, PAGE_AT + 4092):
                assert (await b.look(addr)).resp == SLVERR
                await b.write(addr, 0)  # compared there
            await b.write("DMA_GO", 4)
            await b.expect("IRQ_STATUS")
            b.host.rate["r"] = b.host.rate["b"] = 1.0
        await b.quiet(1500)
        await b.expect("STATUS")
        await b.expect("DMA_RESULT")
        assert b.m.dma_error == bad
        await b.expect("IRQ_STATUS")
        await b.write("IRQ_STATUS", 8)
        await b.expect("IRQ_STATUS")
        if bad and not to_host:  # of what did not come nothing is said
            for word in range(at, at + 400, 4):
                await b.write(PAGE_AT + word, b.rng.getrandbits(32))
        for word in b.rng.sample(range(at, at + 400, 4), 30):
            await b.expect(PAGE_AT + word)
    for size in (0, PAGE - at % PAGE + 1, 8191):
        await b.wide("DMA_ADDR", at, 2)
        await b.write("DMA_GO", size | 1 << 16)
        await b.settle(20)
        await b.expect("DMA_RESULT")
        await b.expect("STATUS")
        await b.expect("IRQ_STATUS")
        await b.write("IRQ_STATUS", 8)
    b.end(400)


@cocotb.test()
async def anything(dut):
    """Stimulus: commands, answers, events, stops, aborts, drains, transfers, set-ups and starts all at once, in random order, everybody slow at random.
    Checking: all that comes out, at any time; every access in time; when all is over registers, held commands and events are as they should be."""
    b = await bench(dut)
    r = b.rng
    for word in range(0, 4096, 256):
        await b.write(PAGE_AT + word, r.getrandbits(32))
    for _ in range(6):
        b.rate.update({n: r.choice((1.0, 0.5, 0.1)) for n in ("z", "rs", "got", "rb", "a", "b", "r")})
        b.host.rate.update({n: r.choice((1.0, 0.3)) for n in ("ar", "r", "w", "b")})
        for _ in range(40):
            qid = r.randint(1, b.queues)
            what = r.randrange(12)
            if what == 0:
                room = 2 * b.fetch - len(b.m.commands) - len(b.commands) - (b.offered is not None)  # nobody takes one while all is waited for
                b.commands.extend(sqe(b) for _ in range(min(room, r.randint(1, 3))))
            elif what == 1 and b.m.commands and await b.read("STATUS") & 1:
                await b.write("SQE_POP", 1)
            elif what == 2 and b.m.answer is None:
                await b.write("CPL_DW0", r.getrandbits(32))
                await b.write("CPL_GO", r.getrandbits(32))
            elif what == 3 and len(b.m.events) < EVENTS:
                b.event(*some(b, r.choice(KINDS), qid))
                await b.step(r.choice((1, 4)))
            elif what == 4:
                await b.write("STOP_GO", qid | r.getrandbits(1) << 8)
                await b.step(8)
            elif what == 5 and not b.m.aborting:
                await b.write("ABORT_GO", qid | r.getrandbits(16) << 16)
            elif what == 6 and not b.m.draining:
                await b.write("DRAIN_GO", qid | r.getrandbits(12) << 8)
            elif what == 7 and not b.m.moving:
                await b.wide("DMA_ADDR", r.getrandbits(50) << 13 | r.randrange(2048), 2)
                await b.write("DMA_GO", r.randint(1, 2048))
            elif what == 8:
                await b.write("CFG_QUEUE", qid | qid << 8)
                await b.write("CFG_GO", r.getrandbits(2))
            elif what == 9 and b.starting is None and r.random() < 0.3 and not b.m.commands and b.offered is None and not b.commands:
                b.start()
            elif what == 10:
                b.event("d", qid)
                await b.step()
            else:
                await b.expect(r.choice(("QSEL", "CPL_DW0", "CFG_QUEUE", "ID", "CAPS")))
            await b.step(r.choice((0, 0, 1, 5, 20)))
        b.rate.update(dict.fromkeys(b.rate, 1.0))
        await b.quiet(3000)
        await b.settle(40)
        await b.expect("IRQ_STATUS")
        await b.write("IRQ_STATUS", 0xFF)
        await take_all(b)
        while b.m.commands:
            for n in r.sample(range(16), 4):
                await b.expect("SQE", n)
            await b.write("SQE_POP", 1)
            await b.quiet()
        await b.expect("STATUS")
    await refused(b, {1, b.queues})
    b.end(150)


@cocotb.test()
async def interrupts(dut):
    """Stimulus: each source with its bit enabled and not, cleared by other bits and its own, its event in each cycle round the write that clears it.
    Checking: IRQ_STATUS, mbox_irq at any time; no event is lost to a write."""
    b = await bench(dut)
    b.auto = False
    for enable in (0, 0xFF, 0x3C, 0x81):
        await b.write("IRQ_ENABLE", enable)
        await b.write("ABORT_GO", 1)
        await b.write("DRAIN_GO", 1)
        await b.write("CPL_GO", 1)
        b.set_level(quiesce=1)
        b.event("lg", 0, 0, 0, 0, 0)
        b.commands.append(sqe(b))
        await b.settle(40)
        b.later += [(b.now, "d", 0), (b.now, "ab", 1)]
        await b.settle()
        for n in range(8):
            await b.expect("IRQ_STATUS")
            await b.write("IRQ_STATUS", 1 << n)
            await b.settle(6)
        await b.expect("IRQ_STATUS")
        await b.write("SQE_POP", 1)
        await b.write("EVENT_POP", 1)
        b.set_level(quiesce=0)
        await b.settle()
        await b.expect("IRQ_STATUS")
    await b.write("IRQ_ENABLE", 1 << 5)
    kept = 0
    b.check_irq = False  # which of the two was first is the mailbox's affair
    for when in range(14):
        await b.write("ABORT_GO", 1)
        await b.settle(20)
        assert not b.get("mbox_irq")
        a = await b.write("IRQ_STATUS", 1 << 5, wait=False)
        up = 0
        for n in range(26):
            if n == when:
                b.later.append((b.now, "ab", 1))
            await b.step()
            up |= b.get("mbox_irq")
        assert a not in b.writes and up, f"an abort that is over {when} cycles after the write did not show"
        sticky = await b.read("IRQ_STATUS") >> 5 & 1
        assert sticky >= kept, "cleared by a write that came before it"
        kept = sticky
        b.m.sticky = sticky << 5
        await b.write("IRQ_STATUS", 1 << 5)
        await b.settle()
    assert kept
    b.end(30)


@cocotb.test()
async def levels_and_looks(dut):
    """Stimulus: noise in the registers whose bits are ports; grants out and commands in execution, queue by queue. Checking: the ports; QSTATE of the queue
    that is selected, 0 of one that is not there."""
    b = await bench(dut)
    for _ in range(10):
        for name in ("ANA_CHANGE", "ARB", "COALESCE"):
            await b.write(name, b.rng.getrandbits(32), b.rng.choice((15, b.rng.getrandbits(4))))
        await b.settle()
        arb, coal = b.m.value["ARB"], b.m.value["COALESCE"]
        assert b.get("ana_change") == b.m.value["ANA_CHANGE"] & (1 << b.p["NAMESPACES"]) - 1
        assert [b.get(f"arb_{n}") for n in ("ab", "hpw", "mpw", "lpw")] == [arb & 7, *(arb >> n & 255 for n in (8, 16, 24))]
        assert [b.get("coal_thr"), b.get("coal_time")] == [coal & 255, coal >> 8]
        b.compared += 1
    b.look_ups = True
    for _ in range(30):
        for of in (b.m.grant_out, b.m.executing):
            of[:] = [b.rng.getrandbits(1) for _ in of]
        await b.write("QSEL", b.rng.choice((0, b.queues, b.queues + 1, 255, b.rng.randint(0, b.queues))))
        await b.step(3)
        await b.expect("QSTATE")
    b.end(40)


@cocotb.test()
async def scoreboard_fails(dut):
    """Stimulus: events, stops, a transfer, a start of which the bench expects something else. Checking: it fails."""
    b = await bench(dut)

    async def wrong_event():
        b.event("lg", 1, 2, 3, 4, 5)
        b.m.events[0] = b.m.events[0].__class__(Kind.COMMAND, 1, cid=2, status=3, nsid=4, lba=6)
        await b.settle()
        await take_all(b)

    async def one_more():
        for n in range(EVENTS + 1):
            b.event("lg", 1, n, 0, 0, 0)
            await b.step(4)
        b.m.lost += 1
        await b.expect("EVENTS_LOST")

    async def a_stop_too_much():
        b.pulse.update(sqf_valid=1, sqf_qid=1)  # the bench is not told
        await b.settle()

    for wrong in (wrong_event, one_more, a_stop_too_much):
        await expects_failure(wrong())
        await RisingEdge(dut.clk)
        await b.begin()
    b.event("lg", 1, 2, 3, 4, 5)
    await b.settle()
    assert await take_all(b) == 1
    await FallingEdge(dut.clk)
    b.end(5)


@pytest.mark.unit
@pytest.mark.parametrize("data_w, queues, more", SIZES)
def test_crl_nvme_mbox_events(sim, data_w, queues, more):
    """Stimulus and checking: see the cocotb tests above."""
    run_sim("crl_nvme_mbox", __name__, build(data_w, queues, **more), sim=sim)
