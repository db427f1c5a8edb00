# SPDX-License-Identifier: Apache-2.0
"""Unit tests of crl_nvme_page: who may see and write what, against models.nvme.doorbells and the rules of docs/blocks/nvme_admin.md."""

from __future__ import annotations

from collections import Counter

import cocotb
import pytest

from models.nvme.doorbells import place
from tb.lib.sim import run_sim
from tb.unit.dma_lib import CycleBench, expects_failure

ONES = (1 << 64) - 1


class Bench(CycleBench):
    """Writes at most every third cycle, reads and set-ups at random; every answer checked."""

    idle = dict.fromkeys(
        "wr wr_addr wr_user rd_addr rd_user cfg_we cfg_qid cfg_cq cfg_valid cfg_func ctrl_rd_data db_foreign_valid db_foreign_func".split(), 0
    )

    def __init__(self, dut) -> None:
        super().__init__(dut)
        self.qn, self.dstrd = self.p["QUEUES"] + 1, self.p["DSTRD"]
        self.wide = 1 << self.p["FUNC_W"]
        self.seen: Counter = Counter()
        self.wrong = 0
        self.forget()

    def forget(self) -> None:
        self.owner: dict[tuple[int, bool], int] = {}
        self.late: int | None = None  # who was refused a cycle ago
        self.since = 3

    async def clear(self) -> None:
        await self.reset()
        self.forget()

    def addr(self) -> int:
        """Registers, doorbells of each queue, beside them, anywhere."""
        rng, step = self.rng, 4 << self.dstrd
        bell = 0x1000 + rng.randrange(2 * self.qn + 2) * step
        return rng.choice((8 * rng.randrange(16), rng.randrange(0x1000), bell, bell, bell + rng.randrange(8), rng.randrange(1 << 20))) & 0xFFFFF

    def user(self) -> int:
        return self.rng.choice((0, 0, *self.owner.values(), self.rng.randrange(self.wide)))

    def drive(self) -> None:
        i, rng = self.inp, self.rng
        i.update(rd_addr=self.addr(), rd_user=self.user(), wr_addr=self.addr(), wr_user=self.user(), ctrl_rd_data=rng.getrandbits(64))
        self.since += 1
        if self.since >= 3 and rng.random() < 0.5:
            i["wr"], self.since = 1, 0
        i["db_foreign_func"] = rng.randrange(self.wide)
        i["db_foreign_valid"] = int(self.late is None and rng.random() < 0.2)
        if rng.random() < 0.2:
            i.update(cfg_we=1, cfg_qid=rng.randrange(self.qn), cfg_cq=rng.getrandbits(1), cfg_valid=int(rng.random() < 0.8), cfg_func=rng.randrange(self.wide))

    def check(self) -> None:
        i = self.inp
        low = i["wr_addr"] < 0x1000
        assert self.get("db_wr") == (i["wr"] and not low), "db_wr"
        assert self.get("ctrl_wr") == (i["wr"] and i["wr_addr"] < 0x80 and i["wr_user"] == 0), "ctrl_wr"
        told = self.get("wr_foreign_func") if self.get("wr_foreign_valid") else None
        want = self.late if self.late is not None else i["db_foreign_func"] if i["db_foreign_valid"] else None
        assert told == want, f"foreign write of {told}, not {want}"
        self.late = i["wr_user"] if i["wr"] and low and i["wr_user"] else None
        self._read()
        if i["cfg_we"]:
            key = i["cfg_qid"], bool(i["cfg_cq"])
            self.owner.pop(key, None)
            if i["cfg_valid"]:
                self.owner[key] = i["cfg_func"]
        self.compared += 1

    def _read(self) -> None:
        i = self.inp
        addr, user = i["rd_addr"], i["rd_user"]
        where = place(addr & ~3, self.dstrd)
        mine = user == 0 or where is not None and self.owner.get(where) == user
        want = (i["ctrl_rd_data"] if addr < 0x80 else 0) if mine else ONES
        if self.wrong:
            want ^= 1
        assert self.get("rd_foreign") == (not mine), f"{addr:#x} read by {user}"
        assert self.get("rd_data") == want, f"{addr:#x} reads {self.get('rd_data'):#x}"
        self.seen["own" if user and mine else "foreign" if user else "kernel", addr < 0x1000, where is not None] += 1


@cocotb.test()
async def rights(dut):
    """Stimulus: reads, writes and set-ups at random, of function 0, of owners and others; registers, doorbells, beside them, above the last one.
    Checking: data, all ones, foreign, which block gets a write; each in its cycle."""
    b = Bench(dut)
    await b.clear()
    await b.step(6000)
    for who in (("own", False, True), ("foreign", False, True), ("foreign", True, False), ("foreign", False, False), ("kernel", True, False), ("kernel", False, True)):
        assert b.seen[who] > 10 or who == ("foreign", False, False) and b.dstrd == 0, (who, b.seen)
    await b.clear()
    await b.step(300)
    assert b.compared == 6300


@cocotb.test()
async def the_bench_can_fail(dut):
    """Stimulus: another value expected. Checking: it is found."""
    b = Bench(dut)
    await b.clear()
    b.wrong = 1
    await expects_failure(b.step(5))


@pytest.mark.unit
@pytest.mark.parametrize("queues, dstrd", [(4, 9), (16, 0), pytest.param(128, 4, marks=pytest.mark.sweep), pytest.param(1, 9, marks=pytest.mark.sweep)])
def test_crl_nvme_page(sim, queues, dstrd):
    """Stimulus and checking: see the cocotb tests above."""
    run_sim("crl_nvme_page", __name__, {"QUEUES": queues, "DSTRD": dstrd, "FUNC_W": 4}, sim=sim)
