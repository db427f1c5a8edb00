# SPDX-License-Identifier: Apache-2.0
"""The fast memory of the system tests keeps the promises that benches and scoreboards rest on."""

import logging
import os
import random

import cocotb
import pytest
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge
from cocotbext.axi import AxiBus, AxiMaster, AxiResp

from tb.lib.fastmem import DECERR, SLVERR, FastMemory
from tb.lib.sim import run_sim, sim_parameters

STORE_W = 18
QUARTER = 1 << (STORE_W - 2)


async def start(dut, *, bases=(0,), log=False):
    """Clock, cycle counter, reset; returns (memory, master)."""
    Clock(dut.clk, 10, "ns").start()

    async def count():
        n = 0
        while True:
            await RisingEdge(dut.clk)
            n += 1
            dut.cycle.value = n

    dut.cycle.value = 0
    cocotb.start_soon(count())
    dut.s_axi_aruser.value = 5
    dut.s_axi_awuser.value = 6
    dut.rst.value = 1
    logging.getLogger(f"cocotb.{dut._name}.s_axi").setLevel(logging.WARNING)
    master = AxiMaster(AxiBus.from_prefix(dut, "s_axi"), dut.clk, dut.rst)
    mem = FastMemory(dut, "mem", store_w=STORE_W, data_w=sim_parameters()["DATA_W"])
    mem.quiet()
    await ClockCycles(dut.clk, 4)
    await mem.windows(bases)
    await mem.clear_counters()
    await mem.seed(int(os.environ["CRL_SEED"]))
    if log:
        await mem.log_open()
    dut.rst.value = 0
    await ClockCycles(dut.clk, 4)
    return mem, master


class Raw:
    """Channels driven by hand, for timing and for rules that a good master never breaks."""

    def __init__(self, dut):
        self.d = dut
        for ch in ("aw", "ar"):
            for name, value in (("id", 0), ("addr", 0), ("len", 0), ("burst", 1), ("user", 0),
                                ("valid", 0)):
                getattr(dut, f"s_axi_{ch}{name}").value = value
            getattr(dut, f"s_axi_{ch}size").value = (sim_parameters()["DATA_W"] // 8).bit_length() - 1
        dut.s_axi_wvalid.value = dut.s_axi_wlast.value = dut.s_axi_wdata.value = 0
        dut.s_axi_wstrb.value = (1 << sim_parameters()["DATA_W"] // 8) - 1
        dut.s_axi_rready.value = dut.s_axi_bready.value = 1

    async def begin(self):
        """Clock and reset without a master."""
        Clock(self.d.clk, 10, "ns").start()
        self.n = 0

        async def count():
            while True:
                await RisingEdge(self.d.clk)
                self.n += 1
                self.d.cycle.value = self.n

        self.d.cycle.value = 0
        cocotb.start_soon(count())
        self.d.rst.value = 1
        await ClockCycles(self.d.clk, 3)
        self.d.rst.value = 0
        self.mem = FastMemory(self.d, "mem", store_w=STORE_W, data_w=sim_parameters()["DATA_W"])
        self.mem.quiet()
        await self.mem.flat()
        await ClockCycles(self.d.clk, 3)
        return self.mem


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def data_and_patterns(dut):
    """*Stimulus*: writes and reads of random length and alignment, with and without stall cycles,
    latency and reordering. *Checking*: reads and the back door agree with a mirror of the storage,
    guard bytes included; no AXI rule is broken."""
    rng = random.Random(int(os.environ["CRL_SEED"]))
    mem, master = await start(dut, bases=(0, 0x4000_0000, 0xFFFF_FFFF_FFFF_0000))
    for level, latency, reorder in ((0, 0, 0), (0, 20, 0), (90, 3, 1), (200, 7, 1)):
        mem.back_pressure(level)
        mem.set(latency=latency, jitter=7 if reorder else 0, reorder=reorder)
        for _ in range(12):
            base = rng.choice(mem.bases)
            size = rng.choice([1, 3, 8, 63, 64, 65, 300, rng.randrange(1, 2000)])
            at = base + rng.randrange(64, QUARTER - 4200)
            before = await mem.read(at - 64, size + 128)
            data = rng.randbytes(size)
            await master.write(at, data)
            assert await mem.read(at - 64, size + 128) == before[:64] + data + before[64 + size :]
            assert (await master.read(at, size)).data == data
            assert (await master.read(at - 5, 11)).data == (before[:64] + data + before[64 + size :])[59:70]
    await ClockCycles(dut.clk, 2)
    assert mem.get("viol_count") == 0
    assert mem.get("st_rd_out") == mem.get("st_wr_out") == 0


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def end_of_space(dut):
    """*Stimulus*: writes and reads up to the last byte of the 64-bit space. *Checking*: no rule is broken, the bytes are there."""
    last = (1 << 64) - QUARTER
    mem, master = await start(dut, bases=(0, last))
    rng = random.Random(int(os.environ["CRL_SEED"]))
    for size in (1, 2, 8, 63, 64, 65, 300):
        at = (1 << 64) - size
        before = await mem.read(at - 64, 64)
        data = rng.randbytes(size)
        assert (await master.write(at, data)).resp == AxiResp.OKAY
        assert await mem.read(at - 64, size + 64) == before + data
        assert (await master.read(at, size)).data == data
    await ClockCycles(dut.clk, 2)
    assert mem.get("viol_count") == 0


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def back_door(dut):
    """*Stimulus*: back-door writes, fills and reads at odd places. *Checking*: a mirror; the AXI side
    sees the same bytes; nothing around them changes."""
    rng = random.Random(int(os.environ["CRL_SEED"]))
    mem, master = await start(dut)
    mirror = bytearray(await mem.read(0, 4096))
    for _ in range(20):
        size = rng.randrange(1, 200)
        at = rng.randrange(0, 4096 - size)
        data = rng.randbytes(size)
        await mem.write(at, data)
        mirror[at : at + size] = data
    await mem.fill(64, 128, 0x0807060504030201)
    mirror[64:192] = bytes(range(1, 9)) * 16
    assert await mem.read(0, 4096) == bytes(mirror)
    assert (await master.read(1, 4000)).data == bytes(mirror[1:4001])


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def errors(dut):
    """*Stimulus*: accesses outside the windows, in error ranges, and the n-th burst of an ID.
    *Checking*: the response asked for; a refused write leaves the storage alone."""
    mem, master = await start(dut)
    assert (await master.read(0x10_0000_0000, 8)).resp == AxiResp.DECERR
    assert (await master.write(0x10_0000_0000, bytes(8))).resp == AxiResp.DECERR
    mem.errors([(0x1000, 1, SLVERR, "r"), (0x2001, 1, DECERR, "w")])
    assert (await master.read(0x1000, 1)).resp == AxiResp.SLVERR
    assert (await master.write(0x1000, b"x")).resp == AxiResp.OKAY
    before = await mem.read(0x2000, 64)
    assert (await master.write(0x2000, bytes(64))).resp == AxiResp.DECERR
    assert await mem.read(0x2000, 64) == before
    assert (await master.write(0x2002, b"yz")).resp == AxiResp.OKAY  # other lanes of the same beat
    mem.errors([])
    mem.nth(read=2, ids=0b0010, resp=DECERR)
    for ident, resp in ((0, 0), (1, 0), (0, 0), (1, 3), (1, 0)):
        assert (await master.read(0x3000, 8, arid=ident)).resp == AxiResp(resp)
    mem.nth(write=1, resp=SLVERR)
    assert (await master.write(0x3000, bytes(8))).resp == AxiResp.SLVERR
    assert mem.get("viol_count") == 0


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def latency_is_exact(dut):
    """*Stimulus*: one burst at a time, driven by hand. *Checking*: AR handshake to first R beat and
    last W beat to B take L + 1 cycles; the storage changes only when the response shows."""
    raw = Raw(dut)
    mem = await raw.begin()
    for latency in (0, 1, 20, 100):
        mem.set(latency=latency)
        dut.s_axi_araddr.value, dut.s_axi_arlen.value, dut.s_axi_arvalid.value = 0x100, 3, 1
        await RisingEdge(dut.clk)  # handshake, arready idles high
        t_ar = raw.n
        dut.s_axi_arvalid.value = 0
        beats = []
        while len(beats) < 4:
            await RisingEdge(dut.clk)
            if dut.s_axi_rvalid.value == 1:
                beats.append(raw.n)
        assert beats == [t_ar + 1 + latency + i for i in range(4)], (latency, t_ar, beats)
        old = await mem.read(0x200, 8)
        new = (latency + 1).to_bytes(8, "little")
        dut.s_axi_awaddr.value, dut.s_axi_awlen.value, dut.s_axi_awvalid.value = 0x200, 0, 1
        dut.s_axi_wdata.value = int.from_bytes(new, "little")
        dut.s_axi_wvalid.value = dut.s_axi_wlast.value = 1
        await RisingEdge(dut.clk)
        t_w = raw.n
        dut.s_axi_awvalid.value = dut.s_axi_wvalid.value = 0
        while True:
            await RisingEdge(dut.clk)
            if dut.s_axi_bvalid.value == 1:
                break
            if latency > 2 and raw.n == t_w + 2:
                assert await mem.read(0x200, 8) == old
        assert raw.n == t_w + 1 + latency
        assert await mem.read(0x200, 8) == new
        await ClockCycles(dut.clk, 3)


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def stall_holds_everything(dut):
    """*Stimulus*: total stalls of each channel while bursts are under way. *Checking*: nothing moves
    during a stall, everything ends after it, data right."""
    mem, master = await start(dut)
    for mask in (0b00001, 0b00010, 0b00100, 0b01000, 0b10000, 0b11111):
        data = bytes((mask + i) & 0xFF for i in range(600))
        mem.stall(mask)
        await ClockCycles(dut.clk, 3)
        job = cocotb.start_soon(master.write(0x400, data))
        other = cocotb.start_soon(master.read(0x4000, 600))
        await ClockCycles(dut.clk, 400)
        assert job.done() == (mask & 0b11100 == 0) and other.done() == (mask & 0b00011 == 0)
        mem.stall(0)
        await job
        await other
        assert await mem.read(0x400, 600) == data
    assert mem.get("viol_count") == 0


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def rules_are_checked(dut):
    """*Stimulus*: every rule broken on purpose. *Checking*: each is found and named."""
    raw = Raw(dut)
    mem = await raw.begin()
    mem.set(expect_viol=1)
    width = sim_parameters()["DATA_W"] // 8

    async def expect(code):
        await ClockCycles(dut.clk, 6)
        assert mem.get("viol_code") == code, (code, mem.get("viol_code"))

    async def address(ch, **fields):
        for key, value in {"addr": 0, "len": 0, "burst": 1, **fields}.items():
            getattr(dut, f"s_axi_{ch}{key}").value = value
        getattr(dut, f"s_axi_{ch}valid").value = 1
        await RisingEdge(dut.clk)
        getattr(dut, f"s_axi_{ch}valid").value = 0

    await address("ar", addr=0x1000 - width, len=1)
    await expect(1)
    await address("ar", burst=2)
    await expect(2)
    await address("ar", size=7)
    await expect(3)
    dut.s_axi_arsize.value = width.bit_length() - 1
    dut.s_axi_wlast.value = 0  # WLAST missing on a one-beat burst
    dut.s_axi_wvalid.value = 1
    await address("aw")
    dut.s_axi_wvalid.value = 0
    await expect(4)
    mem.stall(0b00001)
    await ClockCycles(dut.clk, 2)
    dut.s_axi_araddr.value, dut.s_axi_arvalid.value = 0, 1
    await ClockCycles(dut.clk, 2)
    dut.s_axi_araddr.value = 64
    await expect(5)
    dut.s_axi_arvalid.value = 0
    await expect(6)
    mem.stall(0)
    dut.s_axi_wlast.value = 1
    dut.s_axi_wvalid.value = 1
    await address("aw", addr=1)  # strobes below the start address
    dut.s_axi_wvalid.value = 0
    await expect(7)
    assert mem.get("viol_count") >= 7
    dut.s_axi_awsize.value = 2  # four bytes, the last ones of all: in order; those before them with the same strobes: not
    dut.s_axi_wstrb.value = 0xF << width - 4
    for at, found in (((1 << 64) - 4, 0), ((1 << 64) - 8, 1)):
        before = mem.get("viol_count")
        dut.s_axi_wvalid.value = 1
        await address("aw", addr=at)
        dut.s_axi_wvalid.value = 0
        await expect(7)
        assert mem.get("viol_count") == before + found, hex(at)


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def log_tells_all(dut):
    """*Stimulus*: random traffic with the log on. *Checking*: replaying the log's writes gives the
    storage, its reads carry the storage's bytes, users and counters agree."""
    rng = random.Random(int(os.environ["CRL_SEED"]))
    mem, master = await start(dut, log=True)
    mirror = bytearray(await mem.read(0, QUARTER))
    mem.set(latency=5)
    for _ in range(25):
        size = rng.randrange(1, 900)
        at = rng.randrange(0, QUARTER - size)
        if rng.random() < 0.5:
            await master.write(at, rng.randbytes(size))
        else:
            await master.read(at, size)
    await mem.log_close()
    seen = {True: 0, False: 0}
    beats = {True: 0, False: 0}
    for burst in mem.bursts():
        seen[burst.write] += 1
        beats[burst.write] += burst.beats
        base = burst.addr - burst.addr % burst.beat_bytes
        assert burst.t_addr < burst.t_end and burst.resp == 0
        if burst.write:
            for i, byte in enumerate(burst.data):
                if burst.strb >> i & 1:
                    mirror[base + i] = byte
        else:
            assert burst.data == bytes(mirror[base : base + len(burst.data)])
    assert await mem.read(0, QUARTER) == bytes(mirror)
    assert seen == {True: mem.get("st_aw"), False: mem.get("st_ar")} and min(seen.values()) > 5
    assert beats == {True: mem.get("st_wbeats"), False: mem.get("st_rbeats")}


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def log_tells_what_a_reset_cut(dut):
    """*Stimulus*: writes, one at a time, whose response nobody takes; a reset before it is shown, in the first cycle
    in which it is, some cycles later. *Checking*: the log has the burst if, and only if, the storage has it, once,
    ended when it was shown; a write after the reset is as ever."""
    raw = Raw(dut)
    mem = await raw.begin()
    await mem.log_open()
    mem.set(latency=6)
    kept = []

    async def write(at, value):
        dut.s_axi_awaddr.value, dut.s_axi_awlen.value, dut.s_axi_awvalid.value = at, 0, 1
        dut.s_axi_wdata.value = value
        dut.s_axi_wvalid.value = dut.s_axi_wlast.value = 1
        await RisingEdge(dut.clk)  # both handshakes, ready idles high
        dut.s_axi_awvalid.value = dut.s_axi_wvalid.value = 0

    for i, wait in enumerate((1, 4, 6, 7, 12)):
        dut.s_axi_bready.value = 0
        at = 0x200 + 64 * i
        old, new = await mem.read(at, 8), (i + 1).to_bytes(8, "little")
        await write(at, i + 1)
        for _ in range(wait):
            await RisingEdge(dut.clk)
        dut.rst.value = 1
        await ClockCycles(dut.clk, 3)
        assert await mem.read(at, 8) == (new if wait >= 6 else old), wait
        kept += [at] * (wait >= 6)
        dut.rst.value = 0
        dut.s_axi_bready.value = 1
        await ClockCycles(dut.clk, 3)
    await write(0x1000, 99)
    await ClockCycles(dut.clk, 12)
    await mem.log_close()
    cut = list(mem.bursts())
    assert [b.addr for b in cut] == [*kept, 0x1000]
    assert [b.data[0] for b in cut] == [3, 4, 5, 99]
    assert [(b.t_end - b.t_data) // 10_000 for b in cut] == [6, 6, 6, 7]
    assert mem.get("viol_count") == 0


@pytest.mark.unit
@pytest.mark.parametrize("data_w", [64, 512])
def test_crl_tb_mem(sim, data_w):
    run_sim(
        "crl_tb_mem", __name__, {"DATA_W": data_w, "STORE_W": STORE_W}, sim=sim,
        sources=["tb/components/crl_tb_mem.sv"], rtl=False, public="top",
    )
