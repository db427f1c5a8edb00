# SPDX-License-Identifier: Apache-2.0
"""Unit tests of crl_nvme_mbox: registers, each GO, admin commands and answers. Rules: docs/blocks/nvme_admin.md; bench: nvme_mbox_bench.py."""

from __future__ import annotations

import itertools

import cocotb
import pytest
from cocotb.triggers import RisingEdge
from cocotbext.axi import AxiLiteBus, AxiLiteMaster

from models.gen.carillon_mbox import reg_addr
from models.nvme.mailbox_regs import PAGE_AT, REGS
from tb.lib.sim import run_sim
from tb.unit.dma_lib import expects_failure
from tb.unit.nvme_mbox_bench import Bench

ONES = 0xFFFFFFFF
STEADY = [n for n in REGS if n not in ("QSTATE",)]


async def bench(dut) -> Bench:
    return await Bench(dut).begin()


@cocotb.test()
async def every_register(dut):
    """Stimulus: each word below the page is read after reset, written with ones and noise by every set of strobes, and read; registers and
    holes alike, also at unaligned addresses. Checking: reset values; kept bits of strobed bytes; the rest reads as before; holes read 0; B and R
    in time; nothing comes out but what a GO asks for."""
    b = await bench(dut)
    for name in STEADY:
        for n in range(REGS[name].words):
            await b.expect(name, n)
        if not name[-1].isdigit() and name not in ("SQE", "EVENT"):
            assert reg_addr(name) == REGS[name].offset
    b.auto = False
    skip = {REGS[n].offset for n in ("DMA_GO", "STOP_GO", "CPL_GO", "QSTATE")}  # they have tests of their own
    holes = [a for a in range(0, 0x1000, 4) if a > 0x1AC or b.m.read(a) == 0]
    at = [a for a in range(0, 0x1B0, 4) if a not in skip] + b.rng.sample(holes, 40)
    b.rng.shuffle(at)
    for a in (x for x in at if x not in skip):
        for strb in [b.rng.randrange(1, 15), 15, 0, b.rng.randrange(1, 15)]:
            await b.write(a | b.rng.getrandbits(2), b.rng.choice((ONES, b.rng.getrandbits(32))), strb, lag=b.rng.choice(((0, 0), (0, 3), (3, 0))))
            await b.step(b.rng.choice((0, 0, 3)))
            await b.expect(a)
    for name in STEADY:
        for n in range(REGS[name].words):
            await b.expect(name, n)
    await b.begin()
    for name in STEADY:
        await b.expect(name)
    b.end(400)


@cocotb.test()
async def strobes(dut):
    """Stimulus: kept registers with all 16 sets of strobes, GO registers with all of them. Checking: bytes; a GO acts on byte 0 alone, the bytes
    without strobe count as 0."""
    b = await bench(dut)
    for name in [n for n in REGS if REGS[n].keeps and n != "LIFE"]:
        for strb in b.rng.sample(range(16), 5):
            await b.write(name, b.rng.getrandbits(32), strb)
            await b.expect(name)
    for name in ("GRANT_GO", "RANGE_GO", "NS_GO", "VECTOR_GO", "STOP_GO", "CFG_GO"):
        for strb in range(16):
            await b.write("CFG_QUEUE", b.rng.randint(0, b.queues) | b.rng.randint(0, b.queues) << 8)
            qid = b.rng.randint(1, b.queues)
            await b.write(name, b.rng.getrandbits(24) << 8 | (qid if name != "NS_GO" else 0x10), strb)
            await b.settle(6)
    assert all(b.counted[n] for n in ("gr", "rg", "ns", "vec", "cfg"))
    await b.quiet()
    b.end(100)


@cocotb.test()
async def goes(dut):
    """Stimulus: each GO with noise in its registers, for every queue up to 16 and the last ones, for numbers that are not there, one after the other.
    Checking: what comes out, once, before B for those on the buses; nothing for queues that are not there."""
    b = await bench(dut)
    b.pace = (60, 80)
    qids = sorted({*range(min(b.queues, 9) + 1), b.queues, b.queues + 1, 255, 1 << b.queues.bit_length() & 255})
    r = b.rng
    for qid in qids:
        for v in ("GRANT", "RANGE", "NS_BLOCKS", "NS_BASE", "CFG_BASE"):
            await b.wide(v, r.getrandbits(256), {"GRANT": 8, "RANGE": 4}.get(v, 2))
        cqid = r.randint(0, b.queues)
        await b.write("CFG_QUEUE", qid | cqid << 8 | r.getrandbits(3) << 16 | r.getrandbits(8) << 24)
        await b.write("CFG_SIZE", r.getrandbits(32))
        jobs = [("CFG_GO", n) for n in range(4)] + [("GRANT_GO", qid), ("RANGE_GO", qid | r.randrange(8) << 8)]
        jobs += [("NS_GO", r.randrange(b.p["NAMESPACES"]) | r.getrandbits(1) << 4 | r.choice((9, 12)) << 8), ("VECTOR_GO", r.getrandbits(9))]
        jobs += [("DRAIN_GO", qid | r.getrandbits(12) << 8 | r.randrange(3) << 20), ("ABORT_GO", qid | r.getrandbits(16) << 16)]
        r.shuffle(jobs)
        for name, data in jobs:
            await b.write(name, data)
            await b.step(r.choice((0, 0, 1, 5)))
            if name in ("DRAIN_GO", "ABORT_GO"):
                await b.settle()  # it is not answered before `pace`
                await b.expect("STATUS")
                await b.write(name, data ^ 1 << 16)  # ignored while busy, or a second one
                await b.quiet()
                await b.expect("ABORT_RESULT")
                await b.expect("IRQ_STATUS")
                await b.write("IRQ_STATUS", 1 << r.randrange(8))
                await b.expect("IRQ_STATUS")
    await b.quiet()
    assert all(b.counted[n] >= 6 for n in ("cfg", "gr", "rg", "ns", "vec", "d", "ab")) or b.queues < 6
    b.end(25 + 8 * len(qids))


@cocotb.test()
async def axil(dut):
    """Stimulus: writes and reads at once, AW and W apart either way, B and R taken late, all kinds of registers. Checking: every answer, once;
    values of registers that keep them."""
    b = await bench(dut)
    names = [n for n in REGS if REGS[n].keeps and n not in ("LIFE", "IRQ_ENABLE")]
    b.within = 16
    for rates in ((1.0, 1.0), (0.3, 0.3), (0.05, 0.5), (0.5, 0.05)):
        b.rate["b"], b.rate["r"] = rates
        for _ in range(60):
            name, other = b.rng.sample(names, 2)
            await b.write(name, b.rng.getrandbits(32), b.rng.getrandbits(4), lag=(b.rng.randrange(6), b.rng.randrange(6)), wait=False)
            await b.expect(other)
            await b.until(lambda: not b.writes, 400, "no B")
            await b.expect(name)
    b.end(400)


@cocotb.test()
async def with_cocotbext(dut):
    """Stimulus: cocotbext-axi's master, which pipelines, with pauses on each channel: words and parts of words, registers, the page, GOs.
    Checking: what is read back; each GO comes out."""
    b = await bench(dut)
    b.by_others = True
    master = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), dut.clk, dut.rst)
    rng = b.rng

    def pauses(share: float):
        return itertools.chain.from_iterable([rng.random() < share] for _ in itertools.count())

    w, r = master.write_if, master.read_if
    for n, channel in enumerate((w.aw_channel, w.w_channel, w.b_channel, r.ar_channel, r.r_channel)):
        channel.set_pause_generator(pauses((0.5, 0.3, 0.6, 0.2, 0.5)[n]))
    running = True

    async def run():
        while running:
            await b.step()

    task = cocotb.start_soon(run())
    grant = rng.randbytes(32)
    await master.write(REGS["GRANT0"].offset, grant)
    assert (await master.read(REGS["GRANT0"].offset, 32)).data == grant
    page = bytearray(rng.randbytes(256))
    await master.write(PAGE_AT + 512, bytes(page))
    for _ in range(20):
        at, n = rng.randrange(250), rng.randint(1, 6)
        data = rng.randbytes(n)
        page[at : at + n] = data
        await master.write(PAGE_AT + 512 + at, data)
        at, n = rng.randrange(250), rng.randint(1, 6)
        assert (await master.read(PAGE_AT + 512 + at, n)).data == page[at : at + n]
    assert (await master.read(PAGE_AT + 512, 256)).data == page
    assert (await master.read(0, 4)).data == b"CRLM"
    for n in range(8):
        b.m.value[f"GRANT{n}"] = int.from_bytes(grant[4 * n : 4 * n + 4], "little")
    for qid in range(min(b.queues, 5) + 1):
        for x in b.m.write(REGS["GRANT_GO"].offset, qid):
            b.owed.append((b.now + 60, x))
        await master.write(REGS["GRANT_GO"].offset, bytes([qid, 0, 0, 0]))
        assert not b.owed, "B before the grant"
        b.compared += 1
    running = False
    await task
    b.end(2)


def sqe(b: Bench) -> int:
    return b.rng.getrandbits(512)


async def read_command(b: Bench) -> None:
    """The words of the oldest one, in any order."""
    for n in b.rng.sample(range(16), 16):
        await b.expect("SQE", n)


@cocotb.test()
async def commands(dut):
    """Stimulus: bursts of admin commands, to all that there is room for, and more; taken in order, also while others come. Checking: the
    words of each; 16 cycles to take one while there is room; none is lost; queue 0 is stopped while one is held; each pop gives a slot back, one
    without a command doesn't."""
    b = await bench(dut)
    room = 2 * b.fetch
    await b.write("SQE_POP", 1)
    for count in (1, 2, room, room + 3):
        b.commands.extend(sqe(b) for _ in range(count))
        b.taken_at = []
        begin = b.now
        await b.until(lambda: len(b.taken_at) >= min(count, room), 40 * count + 40, "they are not taken")
        assert b.now - begin <= 18 * min(count, room) + 16, f"{b.now - begin} cycles for {count} commands"
        await b.step(30)
        await b.expect("STATUS")
        await b.expect("IRQ_STATUS")
        for n in range(count):
            b.rate["rb"] = b.rng.choice((1.0, 0.2))
            if n < 3 or n % 7 == 0 or n >= count - 2:
                await read_command(b)
            else:
                await b.expect("SQE", b.rng.randrange(16))
            backs = b.backs
            await b.write("SQE_POP", b.rng.getrandbits(32), b.rng.choice((1, 15)))
            await b.until(lambda: b.backs == backs + 1, 200, "no slot comes back")
            await b.step(b.rng.choice((0, 20)))
            if b.m.commands:
                await b.until(lambda: b.offered is None or len(b.m.commands) >= room, 60, "a command waits though there is room")
            await b.step(20)
        assert not b.m.commands
        await b.settle(30)
        await b.expect("STATUS")
        await b.write("SQE_POP", 1)
        await b.settle()
    b.end(200)


@cocotb.test()
async def commands_and_pops_at_once(dut):
    """Stimulus: commands come at random while words are read and popped one upon the other, slots taken back late. Checking: words, count of slots."""
    b = await bench(dut)
    b.rate.update(a=0.02, rb=0.05)
    b.commands.extend(sqe(b) for _ in range(30))
    pops = 0
    while pops < 30:
        if await b.read("STATUS") & 1:
            for n in b.rng.sample(range(16), 3):
                await b.expect("SQE", n)
            await b.write("SQE_POP", 0)
            pops += 1
            if len(b.m.commands) and b.rng.random() < 0.5 and await b.read("STATUS") & 1:
                await b.write("SQE_POP", 0)
                pops += 1
    await b.quiet(3000)
    assert b.backs == 30
    b.end(60)


@cocotb.test()
async def answers(dut):
    """Stimulus: answers with and without slots, the port slow; a second one while the first waits; the head moving. Checking: each entry once,
    as asked, with a slot; SQHD is the head; CPL_BUSY, CPL; the second is ignored; the next one's DW0 doesn't count for the first."""
    b = await bench(dut)
    for n in range(30):
        b.rate.update(z=b.rng.choice((1.0, 0.1)), rs=b.rng.choice((1.0, 0.1)), got=b.rng.choice((1.0, 0.1)))
        hold = n % 3 == 0
        if hold:
            b.rate.update(rs=1.0, got=0.0) if n % 2 else b.rate.update(z=0.0)
        await b.write("CPL_DW0", b.rng.getrandbits(32))
        await b.write("CPL_GO", b.rng.getrandbits(32) if n % 7 else 0)
        if hold:
            await b.settle(30)
            await b.expect("STATUS")
            await b.write("CPL_DW0", b.rng.getrandbits(32))
            await b.write("CPL_GO", b.rng.getrandbits(32))
            await b.settle(30)
            assert b.m.answer is not None
            b.rate.update(z=1.0, rs=1.0, got=1.0)
        await b.quiet(3000)
        assert b.answers == n + 1
        await b.expect("STATUS")
        await b.expect("IRQ_STATUS")
        await b.write("IRQ_STATUS", 4 * (n % 2))
    b.end(90)


@cocotb.test()
async def reset_in_mid_flight(dut):
    """Stimulus: reset while commands come, answers and accesses are under way. Checking: registers as after the first one, nothing comes out, all works."""
    b = await bench(dut)
    for _ in range(6):
        b.commands.extend(sqe(b) for _ in range(4))
        b.rate.update(got=0.0)
        await b.write("CPL_GO", 5)
        await b.write("IRQ_ENABLE", ONES)
        await b.write("DRAIN_GO", 0)
        for _ in range(5):
            b.event("lg", 1, 2, 3, 4, 5)
            await b.step(2)
        await b.write("QSEL", 1, wait=False)
        await b.step(b.rng.randrange(50))
        await b.begin(b.rng.randrange(1, 4))
        b.rate.update(got=1.0)
        await b.step(30)
        for name in b.rng.sample(STEADY, 12):
            await b.expect(name)
        b.commands.append(sqe(b))
        await b.step(30)
        await read_command(b)
        await b.write("SQE_POP", 1)
        await b.write("CPL_GO", 7)
        await b.quiet()
        assert b.answers == 1 and b.backs == 1
    b.end(100)


@cocotb.test()
async def scoreboard_fails(dut):
    """Stimulus: good accesses of which the bench sees one thing changed or lost. Checking: it fails; unchanged they pass."""
    b = await bench(dut)

    async def all_of_it():
        await b.write("CFG_QUEUE", 1 << 8 | 1)
        for name in ("CFG_GO", "GRANT_GO", "RANGE_GO", "NS_GO", "VECTOR_GO", "STOP_GO", "ABORT_GO", "DRAIN_GO"):
            await b.write(name, 1 if name != "NS_GO" else 0x10)
        b.event("sqf", 1)
        await b.write("CPL_GO", 1 << 16)
        await b.expect("CFG_QUEUE")
        await b.quiet()

    for what in ("cfg", "gr", "rg", "ns", "vec", "d", "ab", "cfg_lost", "gr_lost", "d_lost", "ab_lost", "stop", "stop_lost", "read"):
        b.sabotage = what
        await expects_failure(all_of_it())
        b.sabotage = ""
        await RisingEdge(dut.clk)
        await b.begin()
    for n in range(5):
        b.sabotage_z = n
        await expects_failure(all_of_it())
        b.sabotage_z = -1
        await RisingEdge(dut.clk)
        await b.begin()
    b.compared = 0
    with pytest.raises(AssertionError, match="comparisons"):
        b.end(1)
    await all_of_it()
    b.end(10)


def build(data_w: int, queues: int, **more: int) -> dict:
    return {"DATA_W": data_w, "QUEUES": queues, "NAMESPACES": 4, "FUNC_W": 8, "FETCH_DEPTH": 8, "MDTS_BYTES": 1 << 20} | more


SIZES = [
    (64, 8, {}),
    pytest.param(128, 1, {"NAMESPACES": 1, "FETCH_DEPTH": 16}, marks=pytest.mark.sweep),
    pytest.param(256, 5, {"NAMESPACES": 16, "FUNC_W": 4}, marks=pytest.mark.sweep),
    pytest.param(512, 128, {"FETCH_DEPTH": 64}, marks=pytest.mark.sweep),
]


@pytest.mark.unit
@pytest.mark.parametrize("data_w, queues, more", SIZES)
def test_crl_nvme_mbox(sim, data_w, queues, more):
    """Stimulus and checking: see the cocotb tests above."""
    run_sim("crl_nvme_mbox", __name__, build(data_w, queues, **more), sim=sim)
