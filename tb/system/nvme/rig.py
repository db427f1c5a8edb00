# SPDX-License-Identifier: Apache-2.0
"""`crl_tb_nvme` from Python: clock, reset, memory, the host's register accesses, the mailbox.

    rig = Rig(dut)
    await rig.start(latency=5)
    await rig.mem.write(HOST, data)
    await rig.wr32(CC, ENABLED)

Memory has four windows: two of the host (one of them above 4 GiB), one for each namespace.
"""

from __future__ import annotations

from typing import Any

from cocotb.triggers import FallingEdge, First, RisingEdge, Timer, ValueChange

from models.nvme.namespace import Namespace
from tb.lib.axil_player import Access, AxilPlayer
from tb.lib.fastmem import FastMemory
from tb.lib.sim import sim_parameters
from tb.lib.testbed import NoProgress

SOURCES = ("tb/components/crl_tb_mem.sv", "tb/components/crl_tb_axil.sv", "tb/system/nvme/crl_tb_nvme.sv")
DEFAULTS = {
    "DATA_W": 64, "QUEUES": 4, "NAMESPACES": 2, "FUNC_W": 8, "DSTRD": 9, "TO": 20, "VECTORS": 8, "OPS": 32,
    "FETCH_DEPTH": 16, "MAX_BURST_BYTES": 512, "MDTS_BYTES": 1 << 20, "STORE_W": 22, "NODE": 0, "CHANNELS": 2,
    "COALESCE_UNIT_CYCLES": 1000, "STALL_MAX_CYCLES": 65536,
}
HOST, HIGH, NS1, NS2 = 0x0, 0x12_4000_0000, 0x40_0000_0000, 0x80_0000_0000
AR, R, AW, W, B = 1, 2, 4, 8, 16  # channels that can be stalled


class Rig:
    """See above."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.p: dict[str, int] = {**DEFAULTS, **sim_parameters()}
        self.mem = FastMemory(dut.mem, "mem", store_w=self.p["STORE_W"], data_w=self.p["DATA_W"])
        self.regs, self.mbox = AxilPlayer(dut.regs, "regs"), AxilPlayer(dut.mbox, "mbox")
        self.period = 10_000  # ps
        self.window = self.mem.window_bytes

    async def start(self, *, seed: int = 1, latency: int = 0, log: bool = False) -> None:
        """Reset, empty namespaces, no stalls."""
        await Timer(4 * self.period, "ps")
        await self.mem.windows([HOST, HIGH, NS1, NS2])
        await self.mem.seed(seed)
        for player in (self.regs, self.mbox):
            player.reseed(seed)
        for base in (HOST, HIGH, NS1, NS2):
            await self.mem.fill(base, self.window)
        self.mem.set(latency=latency)
        if log:
            await self.mem.log_open()
        await self.reset()

    async def reset(self) -> None:
        self.dut.rst.value = 1
        await Timer(20 * self.period, "ps")
        await FallingEdge(self.dut.clk)
        self.dut.rst.value = 0
        await RisingEdge(self.dut.clk)

    def namespaces(self) -> list[Namespace]:
        """One of each block size, each as large as its window; more that are not there."""
        there = [
            Namespace(1, self.window >> 9, 9, NS1, nguid=bytes(range(1, 17)), eui64=bytes(range(1, 9))),
            Namespace(2, self.window >> 12, 12, NS2, nguid=bytes(range(2, 18))),
        ]
        return there + [Namespace(n, 0, valid=False) for n in range(3, self.p["NAMESPACES"] + 1)]

    @property
    def cycle(self) -> int:
        return int(self.dut.cycle.value)

    async def cycles(self, count: int) -> None:
        if count > 0:
            await Timer(count * self.period, "ps")

    # ---- the host's accesses
    async def wr32(self, addr: int, value: int, func: int = 0) -> int:
        """Returns the cycle of the W handshake."""
        return (await self.regs.play([Access.wr32(addr, value, func)]))[0].cycle

    async def rd64(self, addr: int, func: int = 0) -> int:
        return await self.regs.read(addr & ~7, func)

    async def rd32(self, addr: int, func: int = 0) -> int:
        word = (await self.regs.play([Access.rd(addr, func)]))[0].data
        return word >> 32 * (addr >> 2 & 1) & 0xFFFF_FFFF

    async def entry_or(self, cycles: int) -> None:
        """Until an entry reaches memory, or that many cycles."""
        await First(ValueChange(self.dut.st_posted), Timer(cycles * self.period, "ps"))

    def irqs(self, vec: int) -> int:
        return int(self.dut.st_irq[vec].value)

    def check_rules(self) -> None:
        broken = self.mem.get("viol_count")
        assert broken == 0, f"{broken} AXI rules broken, last {self.mem.get('viol_code')}"
        for player in (self.regs, self.mbox):
            assert int(player.handle.st_errors.value) == 0, f"AXI-Lite rules broken at {player.name}"


__all__ = ["AR", "AW", "B", "DEFAULTS", "HIGH", "HOST", "NS1", "NS2", "R", "SOURCES", "W", "NoProgress", "Rig"]
