# SPDX-License-Identifier: Apache-2.0
"""crl_dma_pair with crl_dma_elig: a CMP_SWAP at the head of its channel that is to wait for its second slot, and what ends the waiting."""

from __future__ import annotations

import cocotb

from models.lay import Op
from tb.lib.sim import run_sim
from tb.unit.dma_lib import CycleBench


class Bench(CycleBench):
    """A pick of channel 0 whenever it may have one; what is not half leaves the pool then."""

    idle = dict.fromkeys("d_valid d_ch d_idx d_op st_empty pk_en pk_idx pk_ch".split(), 0)

    def __init__(self, dut) -> None:
        super().__init__(dut)
        self.pool: list[int] = []
        self.arrives: int | None = None
        self.number = self.begun = self.kills = 0
        self.picks = True
        self.picked = False

    def drive(self) -> None:
        i = self.inp
        i["st_empty"] = 0b10 | (not self.pool)
        if self.arrives is not None:
            i.update(d_valid=1, d_idx=self.number, d_op=self.arrives)
        # As crl_dma_turn: a pick at most every second cycle.
        if self.picks and self.pool and not self.picked and self.eligible:
            i.update(pk_en=1, pk_idx=self.pool[0])

    eligible = False

    def check(self) -> None:
        if self.picked:
            assert self.get("t1_valid")
            if self.get("t1_half"):
                self.kills += 1
            else:
                self.pool.pop(0)
                self.begun += 1
            self.compared += 1
        self.picked = bool(self.inp["pk_en"])
        if self.inp["d_valid"]:
            if not self.get("absorb"):
                self.pool.append(self.number)
            self.number = (self.number + 1) % 16
            self.arrives = None

    async def step(self, count: int = 1) -> None:
        for _ in range(count):
            await super().step()
            # What elig says in the next cycle, when the pick is made.
            await cocotb.triggers.Timer(1, "ns")
            self.eligible = bool(self.get("elig") & 1)


async def arrivals(dut, second: Op):
    """For each distance between the arrivals: the first CMP_SWAP begins soon after the second descriptor has come."""
    bench = Bench(dut)
    for gap in range(1, 9):
        bench.pool, bench.picked, bench.arrives, bench.eligible = [], False, None, False
        await bench.reset()
        kills = bench.kills
        bench.arrives = int(Op.CMP_SWAP)
        await bench.step(gap)
        begun = bench.begun
        bench.arrives = int(second)
        await bench.step(1)
        await bench.until(lambda begun=begun: bench.begun > begun, 12, f"a CMP_SWAP begins that {second.name} has followed after {gap} cycles")
        if gap >= 4:
            assert bench.kills > kills, "it was not picked before"
    assert bench.compared > 8


@cocotb.test()
async def a_second_slot(dut):
    """Stimulus: an EXT comes 1 to 8 cycles behind its CMP_SWAP, which is picked as early as can be. Checking: it begins within 12 cycles."""
    await arrivals(dut, Op.EXT)


@cocotb.test()
async def something_else(dut):
    """Stimulus: a NOP comes instead. Checking: the CMP_SWAP begins within 12 cycles (to be refused)."""
    await arrivals(dut, Op.NOP)


@cocotb.test()
async def another_one(dut):
    """Stimulus: another CMP_SWAP comes instead, which waits itself. Checking: the first one begins within 12 cycles: the descriptor that the
    other waits for may have no place in the pool before."""
    await arrivals(dut, Op.CMP_SWAP)


def test_crl_dma_half(sim):
    run_sim("crl_tb_half", __name__, {"CHANNELS": 2, "PREFETCH": 16}, ["tb/unit/crl_tb_half.sv"], sim=sim)
