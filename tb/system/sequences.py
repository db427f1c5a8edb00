# SPDX-License-Identifier: Apache-2.0
"""Sequences for a channel."""

from __future__ import annotations

import random

from pyuvm import uvm_sequence

from models.gen.carillon_layout import Cmd, Desc
from tb.system.generator import Generator
from tb.system.items import ChannelItem, Timing


class RandomTraffic(uvm_sequence):
    """`count` random descriptors in batches with random gaps."""

    def __init__(self, name: str, gen: Generator, rng: random.Random, count: int) -> None:
        super().__init__(name)
        self.gen, self.rng, self.count = gen, rng, count

    async def body(self) -> None:
        left = self.count
        while left > 0:
            batch = self.gen.batch(left)
            left -= len(batch)
            gap = self.rng.randrange(self.gen.mix.max_gap) if self.rng.random() < 0.4 else 0
            item = ChannelItem("batch", batch, timing=Timing(gap))
            await self.start_item(item)
            await self.finish_item(item)


class Given(uvm_sequence):
    """These descriptors, in one batch."""

    def __init__(self, name: str, descs: list[Desc], *, settle: bool = False) -> None:
        super().__init__(name)
        self.descs, self.settle = descs, settle

    async def body(self) -> None:
        item = ChannelItem("given", self.descs, timing=Timing(settle=self.settle))
        await self.start_item(item)
        await self.finish_item(item)


class Command(uvm_sequence):
    """A command to the channel after a gap."""

    def __init__(self, name: str, cmd: Cmd, gap: int = 0) -> None:
        super().__init__(name)
        self.cmd, self.gap = cmd, gap

    async def body(self) -> None:
        item = ChannelItem("command", cmd=self.cmd, timing=Timing(self.gap))
        await self.start_item(item)
        await self.finish_item(item)
