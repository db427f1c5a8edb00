# SPDX-License-Identifier: Apache-2.0
"""Software at a receiver that posts buffers for SENDs: soon, late, never, sometimes too short or in a segment that is not its own."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from models.gen.carillon_layout import Desc, Op
from tb.lib.driver import ChannelDriver
from tb.system.places import Region


@dataclass
class Posting:
    """How it behaves."""

    eager: float = 0.7  # chance that it fills the ring when it looks, else it posts one
    gap: int = 600  # cycles until it looks again, at most
    short: float = 0.05  # of buffers that are smaller than most
    bad: float = 0.03  # of buffers in a place that is refused
    never: bool = False
    exact: bool = False  # every buffer has all the bytes of its slot


class Poster:
    """Posts buffers of one channel. Each slot of the ring has a piece of the region's `recv` area, so no two that are posted
    share a byte."""

    def __init__(self, channel: ChannelDriver, region: Region, rng: random.Random, posting: Posting,
                 value: Callable[[int], int], bad: Callable[[], int]) -> None:
        """`value`: a byte's address as entries have it; `bad`: one that is refused, now and under any later key. An absolute one is
        the last byte of all, which takes a message of one byte."""
        self.channel, self.region, self.rng, self.posting = channel, region, rng, posting
        self.value, self.bad = value, bad
        self.stopped = False
        self.tag = rng.randrange(1 << 16)
        self.posted = 0

    @property
    def slot(self) -> int:
        """Bytes of a buffer, at most."""
        return self.region.recv.size // self.channel.rr.size

    def entry(self, k: int, size: int | None = None, at: int | None = None, **fields: int) -> Desc:
        """A good buffer for slot k of the ring; what an entry doesn't use is anything."""
        rng = self.rng
        at = rng.randrange(min(64, self.slot // 4)) if at is None else at
        size = self.slot - at if size is None else size
        self.tag = (self.tag + 1) & 0xFFFF
        base = self.region.recv.base + k % self.channel.rr.size * self.slot + at
        return Desc(**{"opcode": Op.RECV, "tag": self.tag, "length": size, "dst": self.value(base),
                       "src": rng.getrandbits(64), "operand": rng.getrandbits(64), **fields})

    def draw(self, k: int) -> Desc:
        rng, p = self.rng, self.posting
        if p.exact:
            return self.entry(k, at=0)
        d = self.entry(k)
        kind = rng.random()
        if kind < p.short:
            d.length = rng.choice((0, 1, 7, rng.randrange(max(1, d.length))))
        elif kind < p.short + p.bad:
            d.dst = self.bad()
        elif kind < 0.5:
            d.length -= rng.randrange(max(1, d.length // 4))
        return d

    async def post(self, count: int) -> list[Desc]:
        """So many more, or as many as the ring takes."""
        count = min(count, self.channel.recv_free)
        entries = [self.draw(self.channel.rprod + k) for k in range(count)]
        if entries:
            await self.channel.post_recv(entries)
            self.posted += count
        return entries

    async def run(self) -> None:
        """Until `stopped`, seen at its next look: to cancel it in mid-access would jam the players."""
        rng, p = self.rng, self.posting
        while not self.stopped:
            if not p.never:
                await self.post(self.channel.recv_free if rng.random() < p.eager else 1)
            await self.channel.node.side.cycles(rng.randrange(20, max(21, p.gap)))
