# SPDX-License-Identifier: Apache-2.0
"""Unit tests of crl_regs with the NVMe block's ports: its part of BAR0, refused accesses, its vectors, its pin."""

from __future__ import annotations

import cocotb
import pytest
from cocotb.triggers import FallingEdge, RisingEdge

from models.layout import reg_addr
from tb.lib.sim import run_sim, sim_parameters
from tb.unit import regs_nvme_side as nvme
from tb.unit.regs_bench import ONES, Bench
from tb.unit.stream import value
from tb.unit.test_crl_regs import CONFIGS, Messages, give, pin

FUNCS = (0, 1, 2, 3, 7)


async def bench(dut) -> Bench:
    b = Bench(dut, sim_parameters())
    await b.start()
    return b


@cocotb.test()
async def reads_and_writes(dut):
    """Stimulus: reads and writes all over the block's part by several functions, with waits on the bus; registers of others in between.
    Checking: each write is at the port once with address, function, data and strobes, at most every 4th cycle; each read gives the port's data, or all ones; counters."""
    b = await bench(dut)
    await give(b, 0, 3)
    for b.gap in (0.0, 0.5):
        for _ in range(150):
            addr, func = b.rng.randrange(nvme.TOP) & ~3, b.rng.choice(FUNCS)
            if b.rng.random() < 0.2:
                addr = b.rng.choice([reg_addr("CH", "IRQ_ENABLE", 0), reg_addr("SEG", "BASE", 1), 0, 0x1000, nvme.TOP - 4])
            if b.rng.random() < 0.5:
                await b.write(addr, b.rng.getrandbits(64), b.rng.choice([0xFF, 0x0F, 0xF0, b.rng.getrandbits(8)]), func)
            else:
                await b.read(addr, func)
    await b.check_events()
    for func in FUNCS:
        await b.read(reg_addr("FUNC", "FOREIGN_CNT", func))
    assert b.compared > 200 and sum(b.model.refused.values()) > 30


@cocotb.test()
async def throughput(dut):
    """Stimulus: AW, W and B always willing, 64 doorbells. Checking: one every 4 cycles."""
    b = await bench(dut)
    dut.s_axil_awaddr.value, dut.s_axil_awuser.value = 0x1000, 0
    dut.s_axil_wdata.value, dut.s_axil_wstrb.value = 7, 15
    for name in ("awvalid", "wvalid", "bready"):
        getattr(dut, f"s_axil_{name}").value = 1
    while len(b.nvme.at) < 64:
        await RisingEdge(dut.clk)
    assert b.nvme.at[63] - b.nvme.at[0] == nvme.APART * 63


@cocotb.test()
async def the_latest_refused(dut):
    """Stimulus: refused writes, told one, two and three cycles later, and right behind each a read of FOREIGN_LAST or of the counter, a refused read, a refused write to a channel.
    Checking: exact counts, and the latest one."""
    b = await bench(dut)
    last, count = reg_addr("NODE", "FOREIGN_LAST"), 0
    for delay in (1, 2, 3):
        b.nvme.delays = (delay,)
        for k in range(24):
            func = b.rng.choice([1, 2, 3])
            await b.write(0x5000 + 8 * k, 0, 0xFF, func)  # nobody else's
            if k % 4 == 1:
                await b.write(reg_addr("CH", "CTRL", 0), 1, 0xFF, func ^ 3 or 3)
            elif k % 4 == 2:
                assert await b.read(0x6000 if func != 1 else 0x7000, func) == ONES
            elif k % 4 == 3:
                assert await b.read(reg_addr("CH", "STATUS", 0), func) == ONES
            for _ in range(k // 4):
                await RisingEdge(dut.clk)
            await b.read(last if k & 8 else reg_addr("FUNC", "FOREIGN_CNT", func))
            await b.read(last)
            count += 1
    for func in (1, 2, 3):
        await b.read(reg_addr("FUNC", "FOREIGN_CNT", func))
    assert count == 72 and b.compared >= 2 * count


@cocotb.test()
async def refused_side_by_side(dut):
    """Stimulus: refused and allowed writes and reads of both parts of BAR0 at the same time, and counters read beside them, at many rates.
    Checking: at the end every refused access was counted once, for its function; the latest is one of the two last."""
    b = await bench(dut)
    await give(b, 0, 3)
    refused = dict.fromkeys(FUNCS, 0)
    ends: dict[str, int] = {}
    places = (0x5000, 0x6008, reg_addr("CH", "IRQ_ENABLE", 0), reg_addr("SEG", "BASE", 0))

    def note(kind: str, func: int, addr: int) -> None:
        if not b.model.allowed(func, addr):
            refused[func] += 1
            ends[kind] = 1 << 63 | int(kind == "write") << 62 | func << 32 | addr

    async def writer(rng, chance: float) -> None:
        for _ in range(120):
            addr, func = rng.choice(places), rng.choice(FUNCS) if rng.random() < chance else 0
            await b.write(addr, rng.getrandbits(64), 0xFF, func)
            note("write", func, addr)

    async def reader(rng, chance: float) -> None:
        for _ in range(120):
            addr, func = rng.choice(places), rng.choice(FUNCS) if rng.random() < chance else 0
            if rng.random() < 0.2:
                addr, func = reg_addr("FUNC", "FOREIGN_CNT", rng.choice(FUNCS)), 0
            got = await b.read_raw(addr, func)
            assert b.model.allowed(func, addr) or got == ONES
            note("read", func, addr)

    for gap in (0.0, 0.2, 0.6):
        for chance in (1.0, 0.5):
            b.gap = gap
            tasks = [cocotb.start_soon(t(b.rng, chance)) for t in (writer, reader)]
            for task in tasks:
                await task
            await b.settle()
            assert await b.read_raw(reg_addr("NODE", "FOREIGN_LAST")) in ends.values()
            for func in FUNCS:
                got = await b.read_raw(reg_addr("FUNC", "FOREIGN_CNT", func))
                assert got == refused[func], f"function {func}: {got} refused accesses counted, there were {refused[func]}"
                b.compared += 1
    assert sum(refused.values()) > 500 and b.compared >= 30
    assert b.nvme.writes == b.model.nvme


@cocotb.test()
async def vectors(dut):
    """Stimulus: the table of all vectors; events of the block, one vector, all at once, masked and not, the function mask. Checking: table read back; messages with address, data, function 0, one
    each, none while masked; pending bits of every vector."""
    b = await bench(dut)
    nv, n = b.cfg.NVME_VECTORS, b.cfg.CHANNELS
    v = nv + n + 1
    inbox = Messages(dut)
    await give(b, 0, 5)
    for vec in range(v):
        await b.write(reg_addr("MSIX", "ADDR", vec), 0xFEE0_0000_0000 + 4 * vec)
        await b.write(reg_addr("MSIX", "DATA_CTRL", vec), 0xC0DE0000 + vec | 1 << 32)
    for vec in range(v):
        await b.read(reg_addr("MSIX", "ADDR", vec))
        await b.read(reg_addr("MSIX", "DATA_CTRL", vec))
    await b.write(reg_addr("NODE", "CTRL"), 2)

    async def fire(bits: int) -> None:
        dut.nv_fire.value = bits
        await RisingEdge(dut.clk)
        dut.nv_fire.value = 0

    async def pending() -> int:
        return sum([await b.read_raw(reg_addr("PBA", "PBA", 0, k)) << 64 * k for k in range(4)])

    every = (1 << nv) - 1
    await fire(every)
    await pin(b, 12 * v)
    assert not inbox.got and await pending() == every
    await b.write(reg_addr("CH", "IRQ_ENABLE", n - 1), 1)
    dut.irq_valid.value, dut.irq_ch.value = 1, n - 1
    await RisingEdge(dut.clk)
    dut.irq_valid.value = 0
    await b.write(reg_addr("NODE", "EVENT_ENABLE"), 4)
    await b.read_raw(0x6000, func=4)
    await pin(b, 2 * n + 20)
    assert await pending() == every | 1 << nv + n - 1 | 1 << v - 1
    for vec in range(v):
        await b.write(reg_addr("MSIX", "DATA_CTRL", vec), 0xC0DE0000 + vec)
    await pin(b, 20 * v)
    want = {(0xFEE0_0000_0000 + 4 * k, 5 if k == nv and n == 1 else 0, 0xC0DE0000 + k) for k in [*range(nv), nv + n - 1, v - 1]}
    assert len(inbox.got) == len(want) and set(inbox.got) == want and await pending() == 0
    inbox.got.clear()
    for vec in sorted({0, nv - 1, *b.rng.sample(range(nv), min(nv, 9))}):
        await fire(1 << vec)
        await pin(b, v // 8 + 16)
        assert inbox.got == [(0xFEE0_0000_0000 + 4 * vec, 0, 0xC0DE0000 + vec)]
        inbox.got.clear()
        b.compared += 1
    await b.write(reg_addr("NODE", "CTRL"), 6)
    await fire(1)
    await pin(b, v + 30)
    assert not inbox.got and await pending() == 1
    await b.write(reg_addr("NODE", "CTRL"), 0)
    await fire(every)
    assert await pending() == 1, "without MSI-X nothing becomes pending"
    await b.write(reg_addr("NODE", "CTRL"), 2)
    await pin(b, v + 30)
    assert inbox.got == [(0xFEE0_0000_0000, 0, 0xC0DE0000)]
    for _ in range(2):  # masked after a reset, whatever the table held
        await b.reset()
        await b.write(reg_addr("NODE", "CTRL"), 2)
        await fire(every)
        await pin(b, 4 * v)
        assert len(inbox.got) == 1 and await pending() == every
    for vec in range(v):
        await b.read(reg_addr("MSIX", "DATA_CTRL", vec))
    assert b.compared > 3 * v


@cocotb.test()
async def the_pin(dut):
    """Stimulus: the block's line with every setting of NODE.CTRL, a channel's interrupt beside it. Checking: the pin is up when the line is and MSI-X is not enabled; a channel's needs IRQ_ENABLE."""
    b = await bench(dut)
    await b.write(reg_addr("CH", "IRQ_ENABLE", 0), 1)
    for channel in (0, 1):
        if channel:
            dut.irq_valid.value, dut.irq_ch.value = 1, 0
            await RisingEdge(dut.clk)
            dut.irq_valid.value = 0
            await pin(b, 2 * b.cfg.CHANNELS + 20)
        for ctrl in range(8):
            await b.write(reg_addr("NODE", "CTRL"), ctrl)
            for line in (0, 1, 0):
                dut.nv_line.value = line
                assert await pin(b) == int((line and not ctrl & 2) or (channel and ctrl & 1)), f"channel {channel}, CTRL {ctrl}, line {line}"
                b.compared += 1
    assert b.compared == 48


@cocotb.test()
async def the_bench_can_fail(dut):
    """Stimulus: a refused write that the block says nothing of, one that it speaks of and nobody made, data that differ. Checking: each is noticed."""
    b = await bench(dut)
    count = reg_addr("FUNC", "FOREIGN_CNT", 2)
    noticed = 0
    for _ in range(2):
        try:
            await b.read(count)
        except AssertionError:
            noticed += 1
        b.model.refuse(2, 0x5000, True)
    b.model.refused[2] = 0
    dut.nv_foreign_func.value = 2
    await b.write(0x5000, 0, 0xFF, 2)
    b.model.nvme[-1] = (0x5000, 0, 1, 0xFF)
    try:
        await b.check_events()
    except AssertionError:
        noticed += 1
    await FallingEdge(dut.clk)
    assert value(dut.nv_wr) == 0 and noticed == 2


@pytest.mark.unit
@pytest.mark.parametrize("config", [
    "nvme", pytest.param("nvme3", marks=pytest.mark.sweep_icarus), pytest.param("nvme64", marks=pytest.mark.sweep),
    pytest.param("nvme1", marks=pytest.mark.sweep_icarus),
])
def test_crl_regs_nvme(sim, config):
    """Stimulus and checking: see the cocotb tests above."""
    run_sim("crl_regs", __name__, CONFIGS[config], sim=sim, timeout=1000)
