# SPDX-License-Identifier: Apache-2.0
"""Set-up of three nodes, each bound to both others, and the comparison with models/mesh.py.

    trio = Trio(dut)
    await trio.begin()
    await trio.round("A", 2, 30)       # random traffic on a channel, the model carries it out as well
    await trio.finish()                # memories are what the model says

Receive rings: `serve` starts the software at channels that get SENDs. Which entry a message takes follows from the rings as well: a
channel has one sender, whose SENDs take its entries in order. So the model may ask for an entry before it is posted (Ahead).

Of each node peer 0 is the next one, the last peer the one before it. Even channels are bound to the next node, odd ones to the
one before it: channel c to channel c ^ 1.
"""

from __future__ import annotations

import os
import random
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import cocotb
from cocotb.triggers import Lock

from models.gen.carillon_layout import CqeKind, Desc, Op, Status, status_name
from models.lay import Desc as ModelDesc
from models.memory import Memory
from models.mesh import Mesh
from models.ops import check_buffer, check_descriptor
from models.segments import Segment
from tb.lib.driver import NodeDriver
from tb.lib.testbed import Link, Testbed
from tb.system.channel_agent import settle
from tb.system.generator import Generator
from tb.system.harness import System, SystemConfig
from tb.system.items import Mix
from tb.system.places import regions, windows
from tb.system.poster import Poster

NAMES = "ABC"
PEER = 0x80


class Ahead(Poster):
    """Draws entries in ring order, for the ring or for the model, whoever is first; the other one gets the same."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.drawn = 0
        self.to_post: deque[Desc] = deque()
        self.to_model: deque[Desc] = deque()

    def _one(self, mine: deque[Desc], other: deque[Desc]) -> Desc:
        if not mine:
            d = super().draw(self.drawn)
            self.drawn += 1
            mine.append(d)
            other.append(d)
        return mine.popleft()

    def draw(self, k: int) -> Desc:
        return self._one(self.to_post, self.to_model)

    def taken(self) -> Desc:
        """The entry that the next message takes."""
        return self._one(self.to_model, self.to_post)


@dataclass
class Receivers(Mesh):
    """The model with receive rings. `entry` gives the one that the next SEND to a channel takes; a message into it is told as
    (immediate, bytes, tag, status)."""

    entry: Callable[[str, int], Desc] | None = None

    def one(self, node: str, channel: int, d: ModelDesc, swap: int | None) -> tuple[int, int]:
        if d.opcode != Op.SEND:
            return super().one(node, channel, d, swap)
        ctx, b = self.context(node, channel), self.bound[node, channel]
        plan = check_descriptor(d, ctx)
        if not plan.ok:
            return int(plan.status), 0
        there, back = self.entry(b.far_node, b.far_channel), self.bound[b.far_node, b.far_channel]
        buffer = check_buffer(there, d.length, self.tables[b.far_node], b.far_channel, back.absolute)
        nbytes = d.length if buffer.ok else 0
        if nbytes:
            self.memories[b.far_node].write(buffer.dst, self.memories[node].read(plan.src, nbytes))
        told = self.messages.setdefault((b.far_node, b.far_channel), [])
        told.append((d.operand & 0xFFFF_FFFF, nbytes, there.tag, int(buffer.status)))
        return (int(buffer.status) | PEER if buffer.status != Status.OK else 0), nbytes


class Trio(System):
    """Three nodes; private places for every channel, so that the model needs no log of what happened when."""

    def __init__(self, dut: Any) -> None:
        self.seed = int(os.environ["CRL_SEED"])
        self.rng = random.Random(self.seed)
        self.tb = Testbed(dut)
        self.nodes, self.regions, self.consumers, self.rings = {}, {}, {}, {}
        self.rounds, self.posters, self._posting = 0, {}, {}
        self.config = SystemConfig()
        self.mesh = Receivers.of(NAMES)
        self.mesh.entry = lambda name, ch: self.posters[name, ch].taken()
        self.locks: dict[tuple[str, int], Lock] = {}  # of channels whose completions somebody takes
        self.compared, self.kinds = 0, Counter()

    # ------------------------------------------------------------------ who is where
    def far(self, name: str, ch: int) -> tuple[str, int]:
        step = 2 if ch % 2 else 1
        return NAMES[(NAMES.index(name) + step) % 3], ch ^ 1

    def peer(self, ch: int) -> int:
        """Index of the peer that a channel is bound to."""
        return self.tb.params.peers - 1 if ch % 2 else 0

    def links(self, *names: str) -> list[Link]:
        """The links that all of these nodes are at."""
        return [k for k in self.tb.links if {*names} <= {NAMES[k.near], NAMES[k.far]}]

    # ------------------------------------------------------------------ begin
    async def begin(self, config: SystemConfig | None = None) -> None:
        self.config = c = config or SystemConfig()
        rng, params = self.rng, self.tb.params
        use = c.channels or params.channels
        a, b, third, link = c.periods or tuple(rng.randrange(4000, 12000, 2) for _ in range(4))
        places = windows(1 << (params.store_w - 2))
        await self.tb.start(period_a=a, period_b=b, period_c=third, period_l=link, seed=self.seed & 0xFFFFFF,
                            windows=dict.fromkeys(NAMES, places))
        for side in self.tb.sides:
            level = rng.choice((0, 0, 40, 120)) if c.back_pressure is None else c.back_pressure
            side.mem.set(latency=rng.choice((0, 5, 20, 100)) if c.latency is None else c.latency, reorder=int(level > 0))
            side.mem.back_pressure(level)
            self.nodes[side.name] = NodeDriver(side)
            self.regions[side.name] = regions(params.channels, side.mem.size, places)
            await self.load_memory(side, use)
        for pipe in self.tb.pipes.values():
            pipe.clean()
            pipe.set(delay=rng.choice((1, 3, 10, 50)) if c.delay is None else c.delay,
                     p_in=rng.choice((0, 30)) if c.link_stalls else 0, p_out=rng.choice((0, 30)) if c.link_stalls else 0)
        await self.tb.link_setup()
        for name in NAMES:
            for ch in range(use):
                await self.set_up_channel(name, ch)
        for side in self.tb.sides:
            await self.copy_memory(side, self.mesh.memories[side.name])

    async def set_up_channel(self, name: str, ch: int, **policy: Any):
        far_name, far_ch = self.far(name, ch)
        policy.setdefault("peer", self.peer(ch))
        policy.setdefault("peer_ch", far_ch)
        policy.setdefault("seg_peer", policy["peer"])  # the segment is for that peer alone
        peer = policy["peer"]
        driver = await super().set_up_channel(name, ch, **policy)
        s = self.nodes[name].segments[ch]
        self.mesh.segment(name, ch, Segment(True, s.base, s.size, s.rights, ch, s.peer, s.gen))
        absolute = driver.dr.reg is None
        self.mesh.bind(name, ch, far_name, far_ch, peer, absolute=absolute)
        self.locks[name, ch] = Lock()
        if p := self.posters.get((name, ch)):
            # With absolute addresses nothing is refused that is not at the end of space, and that place is not the channel's own.
            posting = replace(p.posting, bad=0.0) if absolute else p.posting
            self.posters[name, ch] = Ahead(p.channel, p.region, p.rng, posting, p.value, p.bad)
        return driver

    async def copy_memory(self, side, memory: Memory) -> None:
        """The storage, at its addresses."""
        image = await side.mem.read_all()
        for at, base in zip(range(0, len(image), side.mem.window_bytes), windows(side.mem.window_bytes), strict=True):
            memory.write(base, image[at : at + side.mem.window_bytes])

    # ------------------------------------------------------------------ receivers
    async def serve(self, lanes: Iterable[tuple[str, int]], *work: Any) -> None:
        """While these works are done the software of these channels posts buffers, and takes messages when the channel has no
        work of its own that does."""
        lanes, over = list(lanes), []
        for name in NAMES:
            self.start_posters(name, [ch for n, ch in lanes if n == name])
        readers = [cocotb.start_soon(self._read(name, ch, over)) for name, ch in lanes]
        for run in [cocotb.start_soon(w) for w in work]:
            await run
        over.append(True)
        for reader in readers:
            await reader
        for name in NAMES:
            await self.stop_posters(name, [ch for n, ch in lanes if n == name])

    async def _read(self, name: str, ch: int, over: list[bool]) -> None:
        while not over:
            if not self.locks[name, ch].locked():
                async with self.locks[name, ch]:
                    assert not await self.channel(name, ch).reap(), "completions that nobody waits for"
            await self.side(name).cycles(60)

    # ------------------------------------------------------------------ traffic
    def generator(self, name: str, ch: int, mix: Mix | None = None, *, remote: bool = True) -> Generator:
        made = super().generator(name, ch, mix, remote=remote)
        made.keep_off_cells()
        return made

    async def work(self, name: str, ch: int, descs: list[Desc], *, timeout_ns: int = 3_000_000) -> list:
        """Carry descriptors out, here and in the model; completions have to be the model's."""
        want = self.mesh.carry_out(name, ch, [ModelDesc.unpack(d.pack()) for d in descs])
        async with self.locks[name, ch]:
            got = await self.channel(name, ch).run(descs, owed=len(want), timeout_ns=timeout_ns)
        self.kinds.update(Op(d.opcode) for d in descs)
        for g, w in zip(got, want, strict=True):
            assert (g.tag, g.status, g.bytes) == (w.tag, w.status, w.nbytes), (
                f"node {name} channel {ch} tag {g.tag:#x}: {status_name(g.status)}, {g.bytes} bytes; the model has tag {w.tag:#x}, "
                f"{status_name(w.status)}, {w.nbytes} bytes")
            self.compared += 1
        return got

    async def round(self, name: str, ch: int, count: int, mix: Mix | None = None) -> None:
        """Random traffic in parts, so that a place is not used again while its last use is under way."""
        gen = self.generator(name, ch, mix)
        room = min(self.regions[name][ch].dst.size, self.regions[name][ch].inbound.size) // 2
        while count > 0:
            batch, size = [], 0
            while count > 0 and size < room:
                slots = gen.slots()
                batch += slots
                size += slots[0].length + 4096
                count -= 1
            await self.work(name, ch, batch)
            await settle(self.channel(name, ch))  # the last ones may report nothing

    # ------------------------------------------------------------------ end
    async def check_messages(self, name: str, ch: int) -> None:
        """What the channel's software was told: all that the model says, once, in order."""
        channel = self.channel(name, ch)
        await channel.reap()
        got = [(e.immediate, e.bytes) + ((e.tag, e.status) if e.kind == CqeKind.RECEIVE else ()) for e in channel.messages]
        assert got == self.mesh.messages.get((name, ch), []), f"messages of node {name} channel {ch}"

    async def finish(self, require: int = 1) -> None:  # type: ignore[override]
        """Everything is over: memories and messages are the model's."""
        await self.quiet()
        for name, ch in self.locks:
            await self.check_messages(name, ch)
        actual = {n: Memory(n) for n in NAMES}
        for side in self.tb.sides:
            await self.copy_memory(side, actual[side.name])
            for region in self.regions[side.name]:  # rings are software's and the engine's, descriptors and entries
                place = region.rings
                for memory in (actual[side.name], self.mesh.memories[side.name]):
                    memory.write(place.base, bytes(place.size))
        bad = self.mesh.differences(actual)
        assert not bad, "; ".join(f"node {n}: {runs[0]} and {len(runs) - 1} more" for n, runs in bad.items())
        assert self.compared >= require, f"{self.compared} completions compared, {require} wanted"
        self.tb.check_rules()
        print(f"compared: {self.compared} completions, 3 memories", flush=True)


__all__ = ["NAMES", "Trio"]
