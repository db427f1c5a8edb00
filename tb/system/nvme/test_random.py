# SPDX-License-Identifier: Apache-2.0
"""Constrained random I/O of several queues at once, kernel's and users', judged by models/nvme; and that the judge finds what is wrong."""

from __future__ import annotations

import dataclasses
import os
import random
from pathlib import Path

import cocotb
import pytest
from cocotb.triggers import Combine
from pyuvm import ConfigDB, uvm_env, uvm_root, uvm_test

from models.layout import NvmeIoOp
from tb.lib.sim import run_sim
from tb.system.nvme import coverage
from tb.system.nvme.agent import QueueAgent
from tb.system.nvme.builds import BUILDS, SLICE
from tb.system.nvme.generator import Generator, Room
from tb.system.nvme.kernel import PAGE, Pair, grant_bytes
from tb.system.nvme.observe import LogMonitor, Posted, Scoreboard
from tb.system.nvme.rig import SOURCES
from tb.system.nvme.world import World

SLOTS = 8  # of 64 blocks, a queue
DATA_PAGES = 40


class Env(uvm_env):
    """An agent a queue, the log monitor, the scoreboard."""

    def build_phase(self) -> None:
        pairs: list[Pair] = self.cdb_get("PAIRS")
        gens: dict[int, Generator] = self.cdb_get("GENS")
        self.agents = []
        for q in pairs:
            ConfigDB().set(self, f"queue{q.qid}*", "PAIR", q)
            ConfigDB().set(self, f"queue{q.qid}*", "GEN", gens[q.qid])
            self.agents.append(QueueAgent(f"queue{q.qid}", self))
        self.monitor = LogMonitor("monitor", self)
        self.scoreboard = Scoreboard("scoreboard", self)

    def connect_phase(self) -> None:
        self.monitor.ap.connect(self.scoreboard.analysis_export)


class RandomTest(uvm_test):
    """All agents at once."""

    COUNT = 60
    TAMPER = None

    def build_phase(self) -> None:
        self.world: World = ConfigDB().get(None, "", "WORLD")
        self.env = Env("env", self)

    async def run_phase(self) -> None:
        self.raise_objection()
        w = self.world
        await Combine(*(a.traffic(random.Random(w.rng.getrandbits(32)), self.COUNT) for a in self.env.agents))
        for a in self.env.agents:
            await a.driver.settle()
        await w.rig.mem.log_close()
        self.env.scoreboard.require = len(self.env.agents) * self.COUNT // 2
        self.env.scoreboard.tamper = self.TAMPER
        self.drop_objection()

    def report_phase(self) -> None:
        self.world.rig.check_rules()
        coverage.dump(Path(os.environ["CRL_RUN_DIR"]) / "coverage.json")


def wrong_status(event):
    """The first entry of a good command says something else."""
    if isinstance(event, Posted) and event.cqe.status == 0 and event.slot == 2:
        return dataclasses.replace(event, cqe=dataclasses.replace(event.cqe, status=6))
    return event


class TamperedTest(RandomTest):
    """An entry is changed on its way to the scoreboard."""

    COUNT = 20
    TAMPER = staticmethod(wrong_status)


async def prepare(dut, **begin) -> tuple[World, list[Pair]]:
    """Kernel's queues 1 and 2, of which 2 posts into 1's; user's queue 3 (function 4)."""
    w = World(dut)
    w.rig.mem.set(jitter=w.rng.choice((0, 7, 31)))
    await w.begin(latency=w.rng.choice((0, 3, 20, 60)), back_pressure=w.rng.choice((0, 0, 30, 90)), log=True, **begin)
    k, gens, pairs = w.kernel, {}, []
    foreign = k.pages.take(1)[0]
    into = None
    for qid in (1, 2, 3):
        user = qid == 3
        q = k.pair(qid, w.rng.choice((3, 15, 31, 63)) if qid != 1 else 63, func=4 if user else 0, into=into if qid == 2 else None)
        run = k.pages.run(DATA_PAGES)
        room = Room(SLOTS, 512 * (qid - 1), 64 * (qid - 1), [run + PAGE * i for i in range(DATA_PAGES)], foreign if user else 0)
        w.rng.shuffle(room.pages)
        if user:
            room.nsids, room.outside = (1,), 5
            sq_pages = -(-(q.size + 1) * 64 // PAGE)
            raw = grant_bytes(9, 4, 1, room.first, 64 * SLOTS, [(q.sq, sq_pages, 8), (q.cq, 1, 8), (run, DATA_PAGES, 7)])
            assert (await k.grant(qid, raw)).status == 0
            w.expect.grant(qid, raw)
        into = into or q
        await k.create(q, vec=qid)
        gens[qid] = Generator(w, random.Random(w.rng.getrandbits(32)), room)
        pairs.append(q)
    w.hide(*pairs)
    # From here on the monitor tells what memory held.
    for base in w.expect.host.parts:
        w.expect.host.told(base, await w.rig.mem.read(base, w.rig.window))
    ConfigDB().set(None, "*", "WORLD", w)
    ConfigDB().set(None, "*", "PAIRS", pairs)
    ConfigDB().set(None, "*", "GENS", gens)
    return w, pairs


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def random_io(dut):
    """*Stimulus*: random commands of all kinds, some wrong in every way, from three queues of different depth, of which two share a completion queue and one
    is a user's with a grant; random latency, jitter, stalls, gaps. *Checking*: every entry fetched and posted in order, each with what models/nvme
    says; all memories at the end."""
    w, pairs = await prepare(dut)
    await uvm_root().run_test(RandomTest, keep_set={ConfigDB})
    assert sum(w.expect.seen.values()) >= 90 and {op for op, _ in w.expect.seen} >= set(NvmeIoOp), w.expect.seen
    await w.expect.memories(w.hide(*pairs))


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def scoreboard_can_fail(dut):
    """*Stimulus*: as random_io, but one entry has another status when the scoreboard sees it. *Checking*: it says so."""
    await prepare(dut)
    with pytest.raises(AssertionError, match="mismatches"):
        await uvm_root().run_test(TamperedTest, keep_set={ConfigDB})


@pytest.mark.system
@pytest.mark.parametrize("build", SLICE)
@pytest.mark.parametrize("case", ["random_io", "scoreboard_can_fail"])
def test_random(case, build):
    run_sim("crl_tb_nvme", __name__, BUILDS[build], SOURCES, sim="verilator", testcase=case, public="top")
