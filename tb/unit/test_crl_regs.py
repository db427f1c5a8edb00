# SPDX-License-Identifier: Apache-2.0
"""Unit tests of crl_regs: every register, every kind of access, from the register description."""

from __future__ import annotations

import cocotb
import pytest
from cocotb.triggers import FallingEdge, RisingEdge
from cocotbext.axi import AxiLiteBus, AxiLiteMaster

from models.layout import REG_CH_DRING_PROD, Cmd, reg_addr, reg_value
from tb.lib.sim import run_sim, sim_parameters
from tb.unit.regs_bench import ONES, Bench, decode, engine_status
from tb.unit.stream import value


async def bench(dut) -> Bench:
    """A bench out of reset."""
    b = Bench(dut, sim_parameters())
    await b.start()
    return b


async def give(b: Bench, channel: int, func: int) -> None:
    """Make a function the owner of a channel."""
    owner = reg_value("CHP", "OWNER", FUNC=func, TAG=0x1234, VALID=1)
    await b.write(reg_addr("CHP", "OWNER", channel), owner)


@cocotb.test()
async def reset_values(dut):
    """Stimulus: after reset, read every register, and reserved space round each page.
    Checking: reset value from the description, status from the engine, zero elsewhere."""
    b = await bench(dut)
    status = 0
    for addr, page, index, reg, _ in b.registers(sample=4):
        got = await b.read(addr)
        engine = engine_status(index)
        if (page, reg) == ("CH", "STATUS"):
            want = engine["st_state"] | engine["st_busy"] << 4 | engine["st_error"] << 8
            assert got == want | index << 16
            status += 1
        for name, part in (
            ("DRING_PROD", "st_dr_prod"),
            ("DRING_CONS", "st_dr_cons"),
            ("CRING_PROD", "st_cq_prod"),
            ("CRING_CONS", "st_cq_cons"),
            ("RRING_PROD", "st_rr_prod"),
            ("RRING_CONS", "st_rr_cons"),
        ):
            if (page, reg) == ("CH", name):
                assert got == engine[part]
                status += 1
    cfg = b.cfg
    reserved = [
        *(0x0, 0xFFFF8, 0x100070, 0x100F00, 0x1E0000 + 16 * cfg.copies("MSIX"), 0x1E8020, 0x1F0050),
        *(0x1F1020, 0x1F1000 + 64 * cfg.CHANNELS, 0x1F2018, 0x1F2000 + 32 * cfg.SEGMENTS),
        *(0x1F4038, 0x1F4000 + 64 * cfg.PEERS, 0x1F5000, 0x1F8000 + (8 << cfg.FUNC_W), 0x1FFFF8),
        0x100000 + 0x1000 * cfg.CHANNELS,
    ]
    for addr in reserved:
        if addr < 1 << 21 and decode(cfg, addr) is None:
            await b.write(addr, ONES)
            await b.read(addr)
            await b.read(addr, func=0)
    assert status >= 5 and b.compared > 50


@cocotb.test()
async def read_write_bits(dut):
    """Stimulus: every register that can be written gets random values with random strobes; between
    them, and at the end, registers are read.
    Checking: writable bits and only those hold the value, nothing else changes, every event."""
    b = await bench(dut)
    writable = [r for r in b.registers(sample=3) if r[4].mask("rw", "wo", "w1c")]
    b.rng.shuffle(writable)
    for addr, *_ in writable * 2:
        data = b.rng.choice([0, ONES, b.rng.getrandbits(64)])
        strb = b.rng.choice([0xFF, 0x0F, 0xF0, b.rng.getrandbits(8)])
        await b.write(addr + b.rng.choice([0, 4]), data, strb)
        await b.read(addr)
        await b.read(b.rng.choice(writable)[0])
    for addr, *_ in writable:
        await b.read(addr)
    await b.check_events()
    assert b.compared > 3 * len(writable)


@cocotb.test()
async def foreign_access(dut):
    """Stimulus: on every page, writes and reads by a function that doesn't own it, by the owner of
    another channel, by a former owner; then by the owner.
    Checking: dropped, all ones, OKAY, counted for that function, the latest one kept, no event."""
    b = await bench(dut)
    top = (1 << b.cfg.FUNC_W) - 1
    n = b.cfg.CHANNELS
    await give(b, 0, 1)
    if n > 1:
        await give(b, n - 1, top)
    owned = {0: 1, n - 1: top if n > 1 else 1}
    for addr, page, index, _, _ in b.registers(sample=3):
        func = b.rng.choice([f for f in (1, 2, top) if page != "CH" or owned.get(index) != f])
        await b.write(addr, b.rng.getrandbits(64), func=func)
        assert await b.read(addr, func=func) == ONES
        await b.read(reg_addr("NODE", "FOREIGN_LAST"))
        await b.read(addr)
    assert await b.read(0x1000, func=2) == ONES, "reserved space belongs to function 0"
    for func in (0, 1, 2, top):
        await b.read(reg_addr("FUNC", "FOREIGN_CNT", func))
    await b.write(reg_addr("CH", "IRQ_ENABLE", 0), 1, func=1)
    assert await b.read(reg_addr("CH", "IRQ_ENABLE", 0), func=1) == 1
    await give(b, 0, 3)
    assert await b.read(reg_addr("CH", "IRQ_ENABLE", 0), func=1) == ONES
    assert await b.read(reg_addr("CH", "IRQ_ENABLE", 0), func=3) == 1
    await b.write(reg_addr("CHP", "OWNER", 0), 3)  # not VALID: function 0 only
    assert await b.read(reg_addr("CH", "IRQ_ENABLE", 0), func=3) == ONES
    await b.check_events()
    assert b.compared > 100


@cocotb.test()
async def doorbell_timing(dut):
    """Stimulus: doorbells and commands with the address before, with and after the data, all
    strobes, by the owner and by others.
    Checking: the event exactly one cycle after the W handshake, its value, and none when neither
    of the two low bytes is strobed or the requester may not; AW and W both waiting: 3 cycles."""
    b = await bench(dut)
    last = b.cfg.CHANNELS - 1
    await give(b, last, 5)
    await b.check_events()
    events = 0
    for reg in ("DRING_PROD", "CRING_CONS", "RRING_PROD", "CTRL"):
        for gap in (0.0, 0.6):
            b.gap = gap
            for strb in (0xFF, 0x0F, 0xF0, 0x01, 0x02, 0x03, 0xFC, 0x00):
                for func in (0, 5, 6):
                    await b.write(reg_addr("CH", reg, last), b.rng.getrandbits(64), strb, func)
                    await FallingEdge(dut.clk)
                    await FallingEdge(dut.clk)
                    assert len(b.seen) == len(b.model.events)
                    for event, at in zip(b.seen, b.at, strict=True):
                        assert event == b.model.events.popleft()
                        assert at == b.w_cycle + 1
                        events += 1
                    b.seen.clear()
                    b.at.clear()
                    await RisingEdge(dut.clk)
    assert events == 2 * 2 * (5 + 5 + 5 + 4)


@cocotb.test()
async def throughput(dut):
    """Stimulus: AW, W and B always willing, 64 doorbells.
    Checking: one every 2 cycles."""
    b = await bench(dut)
    dut.s_axil_awaddr.value = reg_addr("CH", "DRING_PROD", 0)
    dut.s_axil_awuser.value = 0
    dut.s_axil_wdata.value, dut.s_axil_wstrb.value = 7, 3
    for name in ("awvalid", "wvalid", "bready"):
        getattr(dut, f"s_axil_{name}").value = 1
    while len(b.seen) < 64:
        await RisingEdge(dut.clk)
    at = list(b.at)
    assert at[63] - at[0] == 2 * 63


@cocotb.test()
async def read_latency(dut):
    """Stimulus: single reads by function 0 and by a guest, of RAM, node and status registers.
    Checking: AR handshake to R valid 4 and 7 cycles, as documented; refused ones no longer."""
    b = await bench(dut)
    await give(b, 0, 3)
    await b.settle()  # a read would wait for the walk over the channel's registers
    for page, reg in (("CH", "DRING_BASE"), ("NODE", "CTRL"), ("CH", "STATUS"), ("SEG", "BASE")):
        for func in (0, 3, 2):
            dut.s_axil_araddr.value = reg_addr(page, reg, 0)
            dut.s_axil_aruser.value = func
            dut.s_axil_arvalid.value, dut.s_axil_rready.value = 1, 1
            await RisingEdge(dut.clk)
            dut.s_axil_arvalid.value = 0
            cycles = 1
            while True:
                await FallingEdge(dut.clk)
                if value(dut.s_axil_rvalid):
                    break
                await RisingEdge(dut.clk)
                cycles += 1
            await RisingEdge(dut.clk)
            dut.s_axil_rready.value = 0
            if func == 0 or (func == 3 and page == "CH"):
                assert cycles == (4 if func == 0 else 7), f"{page}.{reg} by {func}: {cycles}"
            else:
                assert cycles <= 8
            b.compared += 1
    assert b.compared >= 12


@cocotb.test()
async def no_cross_page_effect(dut):
    """Stimulus: thousands of random writes and reads by random functions all over BAR0, with waits
    in all five bus channels; ring set-up of some channels locked.
    Checking: every read and every event against the model; at the end every register."""
    b = await bench(dut)
    for channel in range(b.cfg.CHANNELS):
        await give(b, channel, b.rng.choice([1, 2, 3]))
    await b.check_events()
    b.gap = 0.3
    every = [r[0] for r in b.registers(sample=4)]
    pages = [r[0] for r in b.registers(sample=4) if r[1] == "CH"]
    for step in range(600):
        if step % 100 == 0:
            await b.settle()
            b.model.locked = b.rng.getrandbits(b.cfg.CHANNELS)
            dut.ch_locked.value = b.model.locked
        where = b.rng.choice([*b.rng.sample(every, 4), *b.rng.sample(pages, 8)])
        where += b.rng.choice([0, 0, 4])
        if b.rng.random() < 0.02:
            where = b.rng.randrange(1 << 21)
        info = decode(b.cfg, where)
        owner = info is not None and info.reg == "OWNER"
        func = b.rng.choice([0, 0, 1, 2, 3])
        if b.rng.random() < 0.7 and not owner:
            strb = b.rng.choice([0xFF, 0xFF, 0x0F, 0xF0, b.rng.getrandbits(8)])
            await b.write(where, b.rng.getrandbits(64), strb, func)
        else:
            await b.read(where, func)
    await b.check_events()
    b.gap = 0
    for addr, *_ in b.registers(sample=4):
        await b.read(addr)
    assert b.compared > 200


@cocotb.test()
async def segments(dut):
    """Stimulus: segment entries at and round the limits of base and size, and random ones.
    Checking: the entry that leaves; VALID reads back only for possible ranges."""
    b = await bench(dut)
    page = 1 << 12
    cases = [(0, 1), (0, 1 << 40), (0, (1 << 40) + 1), (0, (1 << 41) - 1), (0, 0)]
    cases += [(2**64 - page, s) for s in (1, page - 1, page, page + 1, 2 * page)]
    cases += [(2**64 - 2**40, s) for s in (2**40 - 1, 2**40)]
    cases += [(2**64 - 2**40 + page, 2**40 - page + d) for d in (-1, 0, 1)]
    cases += [(2**64 - 2**41, 2**40), (2**64 - 2**30, 2**30 + 1), (2**64 - 2**30, 2**30)]
    for _ in range(20):
        cases.append((b.rng.getrandbits(64), b.rng.getrandbits(b.rng.randrange(1, 42))))
    valid = 0
    for base, size in cases:
        index = b.rng.randrange(b.cfg.SEGMENTS)
        ctrl = b.rng.getrandbits(63) | 1 << 63
        await b.write(reg_addr("SEG", "BASE", index), base)
        await b.write(reg_addr("SEG", "SIZE", index), size)
        await b.write(reg_addr("SEG", "CTRL", index), ctrl)
        await b.settle()
        got = await b.read(reg_addr("SEG", "CTRL", index))
        assert got >> 63 == (size <= 1 << 40 and (base & ~0xFFF) + size <= 1 << 64)
        valid += got >> 63
    assert 5 < valid < len(cases) - 5
    await b.check_events()


@cocotb.test()
async def ring_read_out(dut):
    """Stimulus: ring set-up written for all channels, then read by the engine's port in random
    order; writes while locked.
    Checking: the value two cycles after rc_ch and rc_sel; a locked channel keeps its set-up."""
    b = await bench(dut)
    regs = ("DRING_BASE", "DRING_SIZE", "CRING_BASE", "CRING_SIZE", None, None, "RRING_BASE", "RRING_SIZE")
    sels = [i for i, reg in enumerate(regs) if reg]
    n = b.cfg.CHANNELS
    for channel in range(n):
        for reg in filter(None, regs):
            await b.write(reg_addr("CH", reg, channel), b.rng.getrandbits(64))
    b.model.locked = b.rng.getrandbits(n) | 1
    dut.ch_locked.value = b.model.locked
    for channel in range(n):
        for reg in filter(None, regs):
            await b.write(reg_addr("CH", reg, channel), b.rng.getrandbits(64))
            await b.read(reg_addr("CH", reg, channel))
    asked = []
    for _ in range(200):
        channel, sel = b.rng.randrange(n), b.rng.choice(sels)
        dut.rc_ch.value, dut.rc_sel.value = channel, sel
        asked.append(b.model.peek("CH", channel, regs[sel]))
        await FallingEdge(dut.clk)
        if len(asked) > 2:
            assert value(dut.rc_data) == asked[-3]
            b.compared += 1
        await RisingEdge(dut.clk)
    assert b.compared > 198


@cocotb.test()
async def reset_in_flight(dut):
    """Stimulus: reset at every cycle of a write, of a configuration walk and of a read, held for
    one cycle and more.
    Checking: the bus is silent, then everything has its reset value and the sweep is complete."""
    b = await bench(dut)
    delays = range(14) if b.cfg.CHANNELS <= 8 else (1, 3, 4, 6, 9)  # the sweep is longer
    for delay in delays:
        dut.s_axil_awaddr.value = reg_addr(
            "SEG" if delay & 1 else "CHP", "CTRL" if delay & 1 else "POLICY", 0
        )
        dut.s_axil_awuser.value = 0
        dut.s_axil_wdata.value, dut.s_axil_wstrb.value = ONES, 0xFF
        dut.s_axil_araddr.value = reg_addr("CH", "CNT_DESC", 0)
        for name in ("awvalid", "wvalid", "arvalid"):
            getattr(dut, f"s_axil_{name}").value = 1
        for _ in range(delay):
            await RisingEdge(dut.clk)
        for name in ("awvalid", "wvalid", "arvalid"):
            getattr(dut, f"s_axil_{name}").value = 0
        b.seen.clear()
        await b.reset(cycles=1 + delay % 3)
        await FallingEdge(dut.clk)
        assert not value(dut.s_axil_bvalid) and not value(dut.s_axil_rvalid)
        await RisingEdge(dut.clk)
        for page, reg in (("CHP", "POLICY"), ("SEG", "CTRL"), ("CH", "CNT_DESC")):
            await b.read(reg_addr(page, reg, 0))
    # twice in a row, the second one in the sweep of the first
    await b.reset(wait=False)
    for _ in range(40):
        await RisingEdge(dut.clk)
    b.seen.clear()
    await b.reset(cycles=1)
    await b.read(reg_addr("CHP", "POLICY", 0))
    assert b.compared >= 3 * len(delays)


@cocotb.test()
async def counters_and_clear(dut):
    """Stimulus: events of all counters for one channel; a clear together with a command.
    Checking: exact totals; the command comes out only when the clear is done; then from zero."""
    b = await bench(dut)
    n, cw, last = b.cfg.CHANNELS, b.cfg.CW, b.cfg.CHANNELS - 1
    sources = 1 + b.cfg.PEERS
    names = ("ret", "rd_cnt")
    for _ in range(2):
        total = dict.fromkeys(("CNT_DESC", "CNT_ERR", "CNT_RD_BYTES", "CNT_WR_BYTES"), 0)
        for name in names:
            getattr(dut, f"{name}_ch").value = last
        dut.wr_cnt_ch.value = sum(last << i * cw for i in range(sources))
        for _ in range(50):
            amounts = [b.rng.randrange(4096) for _ in range(1 + sources)]
            bad = b.rng.randrange(2)
            for name in names:
                getattr(dut, f"{name}_valid").value = 1
            dut.wr_cnt_valid.value = (1 << sources) - 1
            dut.ret_status.value = bad * 0x12
            dut.rd_cnt_bytes.value = amounts[0]
            dut.wr_cnt_bytes.value = sum(a << 12 * i for i, a in enumerate(amounts[1:]))
            await RisingEdge(dut.clk)
            for name in (*names, "wr_cnt"):
                getattr(dut, f"{name}_valid").value = 0
            await RisingEdge(dut.clk)
            total["CNT_DESC"] += 1
            total["CNT_ERR"] += bad
            total["CNT_RD_BYTES"] += amounts[0]
            total["CNT_WR_BYTES"] += sum(amounts[1:])
        for reg, want in total.items():
            got = await b.read_raw(reg_addr("CH", reg, last))
            assert got == want, f"{reg}: {got} instead of {want}"
            other = await b.read_raw(reg_addr("CH", reg, 0))
            assert other == (want if n == 1 else 0)
            b.compared += 1
        dut.clr_valid.value, dut.clr_ch.value = 1, last
        await RisingEdge(dut.clk)
        dut.clr_valid.value = 0
        await b.write(reg_addr("CH", "CTRL", last), Cmd.ENABLE)
        waited = b.w_latency
        for reg in total:
            assert await b.read_raw(reg_addr("CH", reg, last)) == 0
        assert 8 < waited < 30 + 8 * max(4, n), f"the command came after {waited} cycles"
    await b.check_events()
    assert b.compared >= 8


class Messages:
    """Takes MSI-X writes: (address, user, word)."""

    def __init__(self, dut) -> None:
        self.dut, self.got = dut, []
        cocotb.start_soon(self._run())

    async def _run(self) -> None:
        d = self.dut
        d.m_wb_ready.value = 1
        while True:
            await FallingEdge(d.clk)
            if not value(d.rst) and value(d.m_wb_valid):
                addr, lanes = value(d.m_wb_addr), len(d.m_wb_strb)
                assert value(d.m_wb_strb) == 0xF << addr % lanes
                word = value(d.m_wb_data) >> 8 * (addr % lanes) & 0xFFFFFFFF
                self.got.append((addr, value(d.m_wb_user), word))


async def pin(b: Bench, cycles: int = 4) -> int:
    """The pin, a few cycles later."""
    for _ in range(cycles):
        await RisingEdge(b.dut.clk)
    await FallingEdge(b.dut.clk)
    level = value(b.dut.irq)
    await RisingEdge(b.dut.clk)
    return level


@cocotb.test()
async def interrupts(dut):
    """Stimulus: completion and notify events of the last channel, node events, enables and masks in
    all orders.
    Checking: status bits, pin, MSI-X message with address, data and the channel's function."""
    b = await bench(dut)
    n, last = b.cfg.CHANNELS, b.cfg.CHANNELS - 1
    first = b.cfg.NVME_VECTORS  # vector of channel 0
    wait = max(4, n) + (first + n) // 8 + 40
    inbox = Messages(dut)
    status, enable = reg_addr("CH", "IRQ_STATUS", last), reg_addr("CH", "IRQ_ENABLE", last)

    async def event(source: int) -> None:
        dut.irq_valid.value, dut.irq_ch.value = 1 << source, last << source * b.cfg.CW
        await RisingEdge(dut.clk)
        dut.irq_valid.value = 0
        for _ in range(wait):
            await RisingEdge(dut.clk)

    for vec in range(n + 1):
        await b.write(reg_addr("MSIX", "ADDR", first + vec), 0xFEE0_0000_0000 + 4 * vec)
        await b.write(reg_addr("MSIX", "DATA_CTRL", first + vec), 0xC0DE0000 + vec)
    await give(b, last, 5)
    # pending without enable: no pin; pin with both enables; write 1 to clear
    await event(0)
    assert await b.read_raw(status) == 1 and await pin(b) == 0
    assert await b.read_raw(reg_addr("NODE", "IRQ_SUMMARY")) == 1 << last
    await b.write(enable, 1, func=5)
    assert await pin(b) == 0
    await b.write(reg_addr("NODE", "CTRL"), 1)
    assert await pin(b) == 1
    await b.write(status, 0)
    assert await pin(b) == 1
    await b.write(status, 1, strb=0xFE)
    assert await pin(b) == 1
    await b.write(status, 1)
    assert await b.read_raw(status) == 0 and await pin(b) == 0
    assert not inbox.got, "MSI-X is not enabled"
    # messages: by event, by enabling what is pending; function mask
    message = (0xFEE0_0000_0000 + 4 * last, 5, 0xC0DE0000 + last)
    await b.write(reg_addr("NODE", "CTRL"), 3)
    for source in range(1 + b.cfg.PEERS):
        await event(source)
        assert inbox.got == [message]
        assert await b.read_raw(status) == 1 and await pin(b) == 1
        await b.write(status, 1)
        inbox.got.clear()
        b.compared += 1
    await b.write(enable, 0)
    await event(0)
    assert not inbox.got
    await b.write(enable, 1)
    await pin(b, wait)
    assert inbox.got == [message]
    inbox.got.clear()
    await b.write(status, 1)
    await b.write(reg_addr("NODE", "CTRL"), 7)
    await event(1)
    assert not inbox.got
    word, bit = divmod(first + last, 64)
    assert await b.read_raw(reg_addr("PBA", "PBA", 0, word)) == 1 << bit
    await b.write(reg_addr("NODE", "CTRL"), 3)
    await pin(b, wait)
    assert inbox.got == [message]
    assert await b.read_raw(reg_addr("PBA", "PBA", 0, word)) == 0
    await b.write(status, 1)
    inbox.got.clear()
    # node events
    node = (0xFEE0_0000_0000 + 4 * n, 0, 0xC0DE0000 + n)
    await b.write(reg_addr("NODE", "EVENT"), 0xF)
    for bit, cause in ((2, "foreign"), (1, "peer"), (3, "msix"), (0, "fatal")):
        await b.write(reg_addr("NODE", "EVENT_ENABLE"), 1 << bit)
        assert await pin(b) == 0
        if cause == "foreign":
            await b.read_raw(reg_addr("NODE", "IDENT"), func=9)
        elif cause == "peer":
            dut.peer_up.value = 1
        elif cause == "msix":
            dut.m_wb_b_valid.value, dut.m_wb_b_resp.value = 1, 2
            await RisingEdge(dut.clk)
            dut.m_wb_b_valid.value = 0
        else:
            dut.fatal.value = 1
        await pin(b, wait)
        assert inbox.got == [node], cause
        assert await b.read_raw(reg_addr("NODE", "EVENT")) == 1 << bit and await pin(b) == 1
        await b.write(reg_addr("NODE", "EVENT"), 1 << bit)
        assert await pin(b) == (cause == "fatal"), "the fatal state holds the pin"
        inbox.got.clear()
        b.compared += 1
    assert await b.read_raw(reg_addr("PEER", "STATUS", 0)) == 1
    assert await b.read_raw(reg_addr("NODE", "STATUS")) & 1
    assert b.compared >= 6


@cocotb.test()
async def model_can_fail(dut):
    """Stimulus: a register value and an event that the model isn't told of.
    Checking: both comparisons notice."""
    b = await bench(dut)
    addr = reg_addr("SEG", "BASE", 1)
    await b.write(addr, 0x5000)
    b.model.held["SEG", 1, "BASE"] = 0x6000
    noticed = 0
    try:
        await b.read(addr)
    except AssertionError:
        noticed += 1
    b.model.events.append(("db", 0, 1))
    try:
        await b.check_events()
    except AssertionError:
        noticed += 1
    assert noticed == 2


@cocotb.test()
async def with_cocotbext(dut):
    """Stimulus: cocotbext-axi's AXI4-Lite master writes and reads, both sides at once.
    Checking: values read back; 32-bit accesses."""
    b = await bench(dut)
    master = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), dut.clk, dut.rst)
    dut.s_axil_awuser.value = 0
    dut.s_axil_aruser.value = 0
    for index in range(min(8, b.cfg.SEGMENTS)):
        data = b.rng.getrandbits(64) & ~0xFFF
        addr = reg_addr("SEG", "BASE", index)
        await master.write(addr, data.to_bytes(8, "little"))
        reply = await master.read(addr, 8)
        assert int.from_bytes(reply.data, "little") == data
        await master.write(addr + 4, bytes([1, 2, 3, 4]))
        reply = await master.read(addr, 8)
        assert int.from_bytes(reply.data, "little") == data & 0xFFFFFFFF | 0x04030201 << 32
        b.compared += 2
    assert b.compared >= 4 and REG_CH_DRING_PROD == 0x40


CONFIGS = {
    "8ch": {"CHANNELS": 8},
    "1ch": {"CHANNELS": 1, "SEGMENTS": 2, "FUNC_W": 4},
    "64ch": {"CHANNELS": 64, "PEERS": 3, "SEGMENTS": 128, "DATA_W": 512, "LINK_W": 512},
    "3ch": {"CHANNELS": 3, "PEERS": 2, "SEGMENTS": 20, "FUNC_W": 10, "DATA_W": 128},
    "nvme": {"CHANNELS": 8, "NVME_VECTORS": 17, "NVME_QUEUES": 16},
    "nvme3": {"CHANNELS": 3, "SEGMENTS": 128, "NVME_VECTORS": 2, "NVME_QUEUES": 1},
    "nvme64": {"CHANNELS": 64, "PEERS": 3, "NVME_VECTORS": 129, "NVME_QUEUES": 128, "DATA_W": 512},
    "nvme1": {"CHANNELS": 1, "SEGMENTS": 2, "NVME_VECTORS": 129, "NVME_QUEUES": 128},
}


# What 64 channels could change; all of it runs on Verilator, which is ten times as fast.
LARGE = ["reset_values", "foreign_access", "doorbell_timing", "interrupts", "counters_and_clear"]


@pytest.mark.unit
@pytest.mark.parametrize("config", [
    "8ch", "1ch", pytest.param("64ch", marks=pytest.mark.sweep), pytest.param("3ch", marks=pytest.mark.sweep_icarus),
    pytest.param("nvme", marks=pytest.mark.sweep_icarus), pytest.param("nvme3", marks=pytest.mark.sweep), pytest.param("nvme64", marks=pytest.mark.sweep),
])
def test_crl_regs(sim, config):
    """Stimulus and checking: see the cocotb tests above; 1, 3, 8 and 64 channels."""
    some = LARGE if (sim, config) in (("icarus", "64ch"), ("icarus", "nvme64")) else None
    run_sim("crl_regs", __name__, CONFIGS[config], sim=sim, testcase=some, timeout=1000)
