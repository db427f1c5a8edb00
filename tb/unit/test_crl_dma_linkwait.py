# SPDX-License-Identifier: Apache-2.0
"""crl_dma_linkwait: how long what has not begun waits for its link."""

from __future__ import annotations

import random

import cocotb
import pytest
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

from tb.lib.sim import run_sim, sim_parameters

UNIT = 1024
FOREVER = 0xFFFF


class Bench:
    def __init__(self, dut) -> None:
        p = sim_parameters()
        self.dut, self.rng = dut, random.Random(cocotb.RANDOM_SEED)
        self.n, self.peers = p["CHANNELS"], p["PEERS"]
        self.counts = dict.fromkeys("early late rose forever unbound zero".split(), 0)

    async def cycle(self, count: int = 1) -> None:
        for _ in range(count):
            await FallingEdge(self.dut.clk)
            self.now += 1

    async def begin(self) -> None:
        """Reset, then the sweep: all channels without a peer, no waiting."""
        d = self.dut
        self.now = 0
        await FallingEdge(d.clk)
        d.rst.value = 1
        d.peer_up.value = d.wait_we.value = d.cc_we.value = 0
        await self.cycle(3)
        d.rst.value = 0
        self.fell = [self.now] * self.peers   # None: it is up
        self.wait, self.bind = [0] * self.n, [None] * self.n
        for c in range(self.n):
            await self.setup(c, 0, None)

    async def setup(self, c: int, wait: int, peer: int | None, strb: int = 3) -> None:
        d = self.dut
        d.wait_we.value, d.wait_ch.value, d.wait_data.value = strb, c, wait
        d.cc_we.value, d.cc_ch.value, d.cc_bind.value, d.cc_peer.value = 1, c, int(peer is not None), peer or 0
        mask = (0xFF if strb & 1 else 0) | (0xFF00 if strb & 2 else 0)
        self.wait[c] = self.wait[c] & ~mask | wait & mask
        self.bind[c] = peer
        await self.cycle()
        d.wait_we.value = d.cc_we.value = 0
        d.wait_data.value, d.cc_peer.value = self.rng.getrandbits(16), self.rng.randrange(4)

    def link(self, peer: int, up: bool) -> None:
        if up == (self.fell[peer] is None):
            return
        self.fell[peer] = None if up else self.now
        self.dut.peer_up.value = sum((f is None) << p for p, f in enumerate(self.fell))

    def check(self, changed: dict[int, int]) -> None:
        """`changed`: cycle in which a channel was set up anew."""
        got = int(self.dut.give_up.value)
        slack = self.n + 3
        for c in range(self.n):
            bit = got >> c & 1
            peer = self.bind[c]
            if self.now - changed[c] <= slack:
                continue
            if peer is None or self.wait[c] == 0:
                assert bit, f"channel {c} waits, peer {peer}, LINK_WAIT {self.wait[c]}"
                self.counts["unbound" if peer is None else "zero"] += 1
                continue
            fell = self.fell[peer]
            if fell is None:
                if self.now - self.rose.get(peer, 0) > slack:
                    assert not bit, f"channel {c} gives up a link that is up"
                    self.counts["rose"] += 1
                continue
            down, limit = self.now - fell, UNIT * self.wait[c]
            if self.wait[c] == FOREVER or down < limit:
                # What was so before the link's last rise may be seen a while longer.
                if down > slack:
                    assert not bit, f"channel {c} gives up after {down} of {limit} cycles"
                    self.counts["forever" if self.wait[c] == FOREVER else "early"] += 1
            elif down > limit + UNIT + slack:
                assert bit, f"channel {c} waits after {down} of {limit} cycles"
                self.counts["late"] += 1

    async def run(self, cycles: int) -> None:
        """Every channel has just been set up."""
        rng = self.rng
        changed = dict.fromkeys(range(self.n), self.now)
        self.rose: dict[int, int] = {}
        for _ in range(cycles):
            if rng.random() < 1 / 3000:
                c = rng.randrange(self.n)
                await self.setup(
                    c, rng.choice([0, 1, 2, 3, 5, 0x100, FOREVER, 1 | rng.getrandbits(8) << 8]),
                    rng.choice([None, *range(self.peers), *range(self.peers)]), rng.choice([1, 2, 3, 3]))
                changed[c] = self.now
            if rng.random() < 1 / 4000:
                p = rng.randrange(self.peers)
                self.link(p, self.fell[p] is not None)
                if self.fell[p] is None:
                    self.rose[p] = self.now
                    if rng.random() < 0.3:   # a short time only
                        await self.cycle(rng.randrange(1, 4))
                        self.link(p, False)
            await self.cycle()
            self.check(changed)


@cocotb.test()
async def waiting(dut):
    """Stimulus: links rise and fall, for a long time or for a few cycles; LINK_WAIT and peers of channels change, byte by byte.
    Checking: a channel gives up never before LINK_WAIT · 1024 cycles after the fall and at most 1024 + CHANNELS + 3 later; at once with
    0, never with FFFFh; always without a peer; reset begins anew."""
    Clock(dut.clk, 10, "ns").start(start_high=False)
    bench = Bench(dut)
    for _ in range(3):
        await bench.begin()
        for c in range(bench.n):
            await bench.setup(c, (1, 2, 3, FOREVER)[c % 4], bench.rng.randrange(bench.peers))
        await bench.run(15_000)
        # Each of them for certain; the draw may leave some out.
        for wait, peer, up in ((1, 0, True), (0, 0, False), (FOREVER, 0, False), (1, None, False), (1, 0, False)):
            bench.link(0, up)
            await bench.setup(0, wait, peer)
            await bench.run(3 * UNIT)
    assert min(bench.counts.values()) > 100, bench.counts


@cocotb.test()
async def a_link_of_long_ago(dut):
    """Stimulus: a link is down longer than the counter counts. Checking: FFFFh goes on waiting, FFFEh has given up."""
    Clock(dut.clk, 10, "ns").start(start_high=False)
    bench = Bench(dut)
    await bench.begin()
    dut.tick_q.value = UNIT - 2
    dut.down_q.value = sum(0xFFFE << 16 * p for p in range(bench.peers))
    await bench.setup(0, FOREVER, 0)
    if bench.n > 1:
        await bench.setup(1, 0xFFFE, 0)
    await bench.cycle(3 * UNIT + bench.n)
    assert int(dut.give_up.value) & 3 == (2 if bench.n > 1 else 0)


@pytest.mark.parametrize("channels,peers", [(1, 1), (8, 1), (3, 3), (64, 2)])
def test_crl_dma_linkwait(sim, channels, peers):
    run_sim("crl_dma_linkwait", __name__, {"CHANNELS": channels, "PEERS": peers}, sim=sim)
