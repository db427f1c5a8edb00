# SPDX-License-Identifier: Apache-2.0
"""Set-up of three nodes, each bound to both others, and the comparison with models/mesh.py.

    trio = Trio(dut)
    await trio.begin()
    await trio.round("A", 2, 30)       # random traffic on a channel, the model carries it out as well
    await trio.finish()                # memories are what the model says

Of each node peer 0 is the next one, the last peer the one before it. Even channels are bound to the next node, odd ones to the
one before it: channel c to channel c ^ 1.
"""

from __future__ import annotations

import os
import random
from typing import Any

from models.gen.carillon_layout import CqeKind, Desc, status_name
from models.lay import Desc as ModelDesc
from models.memory import Memory
from models.mesh import Mesh
from models.segments import Segment
from tb.lib.driver import NodeDriver
from tb.lib.testbed import Link, Testbed
from tb.system.channel_agent import settle
from tb.system.generator import Generator
from tb.system.harness import System, SystemConfig
from tb.system.items import Mix
from tb.system.places import regions, windows

NAMES = "ABC"


class Trio(System):
    """Three nodes; private places for every channel, so that the model needs no log of what happened when."""

    def __init__(self, dut: Any) -> None:
        self.seed = int(os.environ["CRL_SEED"])
        self.rng = random.Random(self.seed)
        self.tb = Testbed(dut)
        self.nodes, self.regions, self.consumers, self.rings = {}, {}, {}, {}
        self.rounds, self.posters, self._posting = 0, {}, {}
        self.config = SystemConfig()
        self.mesh = Mesh.of(NAMES)
        self.compared = 0

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
        self.mesh.bind(name, ch, far_name, far_ch, peer, absolute=driver.dr.reg is None)
        return driver

    async def copy_memory(self, side, memory: Memory) -> None:
        """The storage, at its addresses."""
        image = await side.mem.read_all()
        for at, base in zip(range(0, len(image), side.mem.window_bytes), windows(side.mem.window_bytes), strict=True):
            memory.write(base, image[at : at + side.mem.window_bytes])

    # ------------------------------------------------------------------ traffic
    def generator(self, name: str, ch: int, mix: Mix | None = None, *, remote: bool = True) -> Generator:
        made = super().generator(name, ch, mix, remote=remote)
        made.keep_off_cells()
        return made

    async def work(self, name: str, ch: int, descs: list[Desc], *, timeout_ns: int = 3_000_000) -> list:
        """Carry descriptors out, here and in the model; completions have to be the model's."""
        want = self.mesh.carry_out(name, ch, [ModelDesc.unpack(d.pack()) for d in descs])
        got = await self.channel(name, ch).run(descs, owed=len(want), timeout_ns=timeout_ns)
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
    async def finish(self, require: int = 1) -> None:  # type: ignore[override]
        """Everything is over: memories and messages are the model's."""
        await self.quiet()
        for (name, ch), want in self.mesh.messages.items():
            channel = self.channel(name, ch)
            await channel.reap()
            assert all(e.kind == CqeKind.IMMEDIATE for e in channel.messages)
            assert [(e.immediate, e.bytes) for e in channel.messages] == want, f"messages of node {name} channel {ch}"
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
