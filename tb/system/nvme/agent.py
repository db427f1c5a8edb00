# SPDX-License-Identifier: Apache-2.0
"""An agent a queue: sequencer, driver that publishes batches and reaps what ended; and the sequence of random batches."""

from __future__ import annotations

import random

import cocotb
from pyuvm import uvm_agent, uvm_driver, uvm_sequence, uvm_sequence_item, uvm_sequencer

from models.layout import NvmeSqe
from tb.system.nvme.generator import Generator
from tb.system.nvme.kernel import PATIENCE, Pair
from tb.system.nvme.rig import NoProgress
from tb.system.nvme.world import World


class Batch(uvm_sequence_item):
    """Commands with one doorbell, `gap` cycles after the last item; `settle`: and then all have to end."""

    def __init__(self, name: str, sqes: list[NvmeSqe], gap: int = 0, settle: bool = False) -> None:
        super().__init__(name)
        self.sqes, self.gap, self.settle = sqes, gap, settle


class RandomBatches(uvm_sequence):
    """`count` commands in batches of random sizes and gaps."""

    def __init__(self, name: str, gen: Generator, rng: random.Random, count: int) -> None:
        super().__init__(name)
        self.gen, self.rng, self.count = gen, rng, count

    async def body(self) -> None:
        left = self.count
        while left > 0:
            sqes: list[NvmeSqe] = []
            for _ in range(min(left, self.rng.choice((1, 1, 2, 4, 8, 16)))):
                sqe = await self.gen.command()
                if sqe is None:
                    break
                sqes.append(sqe)
            left -= len(sqes)
            item = Batch("batch", sqes, self.rng.choice((0, 0, 30, 300)), settle=not sqes or self.rng.random() < 0.1)
            await self.start_item(item)
            await self.finish_item(item)


class QueueDriver(uvm_driver):
    """Publishes; frees what a command held when its entry is there."""

    def build_phase(self) -> None:
        self.world: World = self.cdb_get("WORLD")
        self.pair: Pair = self.cdb_get("PAIR")
        self.gen: Generator = self.cdb_get("GEN")
        self.out: dict[int, NvmeSqe] = {}
        self.ended = 0

    async def run_phase(self) -> None:
        while True:
            item: Batch = await self.seq_item_port.get_next_item()
            await self.carry_out(item)
            self.seq_item_port.item_done()

    async def carry_out(self, item: Batch) -> None:
        w, q = self.world, self.pair
        await w.rig.cycles(item.gap)
        for start in range(0, len(item.sqes), max(1, q.size - 1)):
            part = item.sqes[start : start + max(1, q.size - 1)]
            await self.room(len(part))
            for sqe in part:
                await w.kernel.put(q, sqe)
                self.out[sqe.cid] = sqe
            await w.kernel.ring(q)
            await self.reap()
        if item.settle:
            await self.settle()

    async def reap(self) -> None:
        await self.world.kernel.poll(self.pair)
        for cid in [c for c in self.out if c in self.pair.ended]:
            self.pair.ended.pop(cid)
            self.gen.free(self.out.pop(cid))
            self.ended += 1

    async def _until(self, what) -> None:
        since, before = self.world.rig.cycle, self.ended
        while not what():
            await self.reap()
            if what():
                return
            if self.ended != before:
                since, before = self.world.rig.cycle, self.ended
            if self.world.rig.cycle - since > PATIENCE:
                raise NoProgress(f"queue {self.pair.qid}: no entry for {sorted(self.out)}")
            await self.world.rig.entry_or(1000)

    async def room(self, count: int) -> None:
        await self._until(lambda: self.pair.free >= count)

    async def settle(self) -> None:
        await self._until(lambda: not self.out)


class QueueAgent(uvm_agent):
    """See above."""

    def build_phase(self) -> None:
        super().build_phase()
        self.seqr = uvm_sequencer("seqr", self)
        self.driver = QueueDriver("driver", self)

    def connect_phase(self) -> None:
        self.driver.seq_item_port.connect(self.seqr.seq_item_export)

    def traffic(self, rng: random.Random, count: int):
        return cocotb.start_soon(RandomBatches("traffic", self.driver.gen, rng, count).start(self.seqr))
