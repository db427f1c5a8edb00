# SPDX-License-Identifier: Apache-2.0
"""One channel's active agent: sequencer, driver that publishes, consumer that reaps."""

from __future__ import annotations

import random

import cocotb
from cocotb.triggers import Event, First, Timer, ValueChange
from pyuvm import uvm_agent, uvm_driver, uvm_sequencer

from models.gen.carillon_layout import Cqe, Op, State
from tb.lib.driver import ChannelDriver, whole
from tb.lib.testbed import NoProgress
from tb.system.items import ChannelItem


class Consumer:
    """Reaps a channel's completions: soon, late or in lumps, as its seed says."""

    def __init__(self, channel: ChannelDriver, rng: random.Random, lazy: float = 0.3) -> None:
        self.channel, self.rng, self.lazy = channel, rng, lazy
        self.progress = Event()
        self.entries: list[Cqe] = []
        self.stopped = False

    async def run(self) -> None:
        mem = self.channel.node.mem.handle
        side = self.channel.node.side
        while not self.stopped:
            before = int(mem.st_cpl_bursts.value)
            got = await self.channel.reap()
            if got:
                self.entries += got
                self.progress.set()
                self.progress.clear()
            elif int(mem.st_cpl_bursts.value) == before:
                await First(ValueChange(mem.st_cpl_bursts), Timer(20_000, "ns"))
            if self.rng.random() < self.lazy:
                await side.cycles(self.rng.randrange(1, 600))


class PublishDriver(uvm_driver):
    """Publishes batches when the ring has room; gives commands."""

    def build_phase(self) -> None:
        self.channel: ChannelDriver = self.cdb_get("CHANNEL")
        self.consumer: Consumer = self.cdb_get("CONSUMER")

    async def run_phase(self) -> None:
        while True:
            item: ChannelItem = await self.seq_item_port.get_next_item()
            await self.carry_out(item)
            self.seq_item_port.item_done()

    async def carry_out(self, item: ChannelItem) -> None:
        side = self.channel.node.side
        if item.timing.gap:
            await side.cycles(item.timing.gap)
        todo = list(item.descs)
        while todo:
            room = await self.room(2 if todo[0].opcode == Op.CMP_SWAP else 1)
            if not room:
                return  # the channel stopped
            room = whole(todo, room)
            await self.channel.post(todo[:room])
            del todo[:room]
        if item.cmd is not None:
            await self.channel.command(item.cmd)
        if item.timing.settle:
            await settle(self.channel)

    async def room(self, least: int = 1, timeout_ns: int = 3_000_000) -> int:
        """Free slots; completions tell the consumer index, else the register does."""
        waited = 0
        while self.channel.free < least:
            woken = Timer(2_000, "ns")
            if await First(self.consumer.progress.wait(), woken) is woken:
                waited += 2_000
                await learn_consumer(self.channel)
                if (await self.channel.status()).state not in (
                    State.ACTIVE, State.PAUSED, State.DRAINING
                ):
                    return 0
                if waited > timeout_ns:
                    raise NoProgress(f"channel {self.channel.ch}: ring full for {timeout_ns} ns")
        return self.channel.free


async def learn_consumer(channel: ChannelDriver) -> int:
    """Consumer index from the register: needed when descriptors report nothing. The driver takes it over unless a completion that
    it has not read would lead it back, or one that it has read meanwhile knows better."""
    place = channel.cq_cons, channel.phase
    value = await channel.node.axil.read(channel.reg("DRING_CONS"), channel.func) % channel.dr.size
    if not await channel.unread() and (channel.cq_cons, channel.phase) == place:
        channel.cons = value
    return value


async def settle(channel: ChannelDriver, *, timeout_ns: int = 3_000_000) -> None:
    """Wait until every published descriptor is over, or the channel is not running."""
    waited = 0
    while await learn_consumer(channel) != channel.prod:
        status = await channel.status()
        if status.state not in (State.ACTIVE, State.DRAINING) and not status.busy:
            return
        if waited > timeout_ns:
            raise NoProgress(
                f"node {channel.node.side.name} channel {channel.ch}: consumer {channel.cons}, producer "
                f"{channel.prod} after {timeout_ns} ns; {status}"
            )
        await Timer(1_000, "ns")
        waited += 1_000


class ChannelAgent(uvm_agent):
    """Sequencer, driver and consumer of one channel."""

    def build_phase(self) -> None:
        super().build_phase()
        self.channel: ChannelDriver = self.cdb_get("CHANNEL")
        self.consumer: Consumer = self.cdb_get("CONSUMER")
        self.seqr = uvm_sequencer("seqr", self)
        self.driver = PublishDriver("driver", self)

    def connect_phase(self) -> None:
        self.driver.seq_item_port.connect(self.seqr.seq_item_export)

    def start_of_simulation_phase(self) -> None:
        self.task = None

    def start_consumer(self) -> None:
        self.task = cocotb.start_soon(self.consumer.run())

    async def stop_consumer(self) -> None:
        """Take what is left, then end."""
        self.consumer.stopped = True
        if self.task is not None:
            await self.task
        self.consumer.entries += await self.channel.reap()
