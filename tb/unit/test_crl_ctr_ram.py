# SPDX-License-Identifier: Apache-2.0
"""Unit tests of the counters: crl_ctr_ram and its sources, as crl_ctr puts them together."""

from __future__ import annotations

import random

import cocotb
import pytest
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge

from tb.lib.sim import run_sim, sim_parameters
from tb.unit.stream import value

K_DESC, K_ERR, K_RD, K_WR, K_STALL = 0, 1, 2, 3, 4


class CtrBench:
    """Drives events of every source; a model counts them."""

    def __init__(self, dut) -> None:
        self.dut = dut
        p = sim_parameters()
        self.n, self.peers = p["CHANNELS"], p["PEERS"]
        self.cw = max(1, (self.n - 1).bit_length())
        self.slots = max(4, 1 << self.cw)
        self.rng = random.Random(cocotb.RANDOM_SEED)
        self.density = 0.3
        self.biggest = 4095
        self.count: dict[tuple[int, int, int], int] = {}
        self.stalls = 0  # level of all stall inputs
        self.stall_cycles = 0
        self.compared = 0
        self.hot: int | None = None  # channel that gets all events
        self.events = 0

    async def start(self) -> None:
        """Clock, reset, wait for the sweep."""
        d = self.dut
        for name in (
            *("ret_valid", "ret_ch", "ret_status", "rd_cnt_valid", "rd_cnt_ch", "rd_cnt_bytes"),
            *("wr_cnt_valid", "wr_cnt_ch", "wr_cnt_bytes", "stall", "peer_ev", "clr_valid"),
            *("clr_ch", "get", "get_peer", "get_row", "get_k"),
        ):
            getattr(d, name).value = 0
        d.rst.value = 1
        cocotb.start_soon(Clock(d.clk, 10, unit="ns").start())
        await self.reset()

    async def reset(self) -> None:
        """Reset and wait for the end of the sweep."""
        d = self.dut
        self.count.clear()
        for name in ("ret", "rd_cnt", "wr_cnt", "clr"):
            getattr(d, f"{name}_valid").value = 0
        d.peer_ev.value = 0
        d.get.value = 0
        d.rst.value = 1
        await RisingEdge(d.clk)
        await RisingEdge(d.clk)
        d.rst.value = 0
        while True:
            await FallingEdge(d.clk)
            if not value(d.init):
                break
        await RisingEdge(d.clk)

    def add(self, kind: int, row: int, k: int, amount: int = 1) -> None:
        """Count in the model."""
        key = (kind, row, k)
        self.count[key] = self.count.get(key, 0) + amount
        self.events += 1

    def channel(self, forbidden: int | None) -> int:
        """A random channel."""
        ch = self.rng.randrange(self.n) if self.hot is None else self.hot
        return (ch + 1) % self.n if ch == forbidden and self.n > 1 else ch

    async def step(self, busy: bool = True, forbidden: int | None = None) -> None:
        """One cycle of random events."""
        d, rng = self.dut, self.rng
        go = [busy and rng.random() < self.density for _ in range(3 + self.peers)]
        ch = [self.channel(forbidden) for _ in go]
        amount = [rng.choice([0, 1, self.biggest, rng.randrange(self.biggest + 1)]) for _ in go]
        if self.n == 1 and forbidden is not None:
            go = [False] * len(go)
        bad = rng.choice([0, 0, 1, 0x92])
        d.ret_valid.value, d.ret_ch.value, d.ret_status.value = go[0], ch[0], bad
        if go[0]:
            self.add(0, ch[0], K_DESC)
            if bad:
                self.add(0, ch[0], K_ERR)
        d.rd_cnt_valid.value, d.rd_cnt_ch.value, d.rd_cnt_bytes.value = go[1], ch[1], amount[1]
        if go[1]:
            self.add(0, ch[1], K_RD, amount[1])
        d.wr_cnt_valid.value = sum(g << i for i, g in enumerate(go[2:]))
        d.wr_cnt_ch.value = sum(c << i * self.cw for i, c in enumerate(ch[2:]))
        d.wr_cnt_bytes.value = sum(a << 12 * i for i, a in enumerate(amount[2:]))
        for g, c, a in zip(go[2:], ch[2:], amount[2:], strict=True):
            if g:
                self.add(0, c, K_WR, a)
        ev = 0
        for i in range(5 * self.peers):
            if busy and rng.random() < self.density:
                ev |= 1 << i
                self.add(1, i // 5, i % 5)
        d.peer_ev.value = ev
        await RisingEdge(d.clk)

    async def get(self, peer: int, row: int, k: int, busy: bool = False) -> int:
        """Read a counter, with events going on if wanted."""
        d = self.dut
        d.get.value, d.get_peer.value, d.get_row.value, d.get_k.value = 1, peer, row, k
        waited = 0
        while True:
            task = cocotb.start_soon(self.step(busy))
            await FallingEdge(d.clk)
            done = value(d.get_done)
            await task
            waited += 1
            assert waited < 40 + 2 * self.slots, "a read-out takes too long"
            if done:
                break
        d.get.value = 0
        task = cocotb.start_soon(self.step(busy))
        await FallingEdge(d.clk)
        got = value(d.count)
        await task
        return got

    async def check_all(self) -> None:
        """Every counter against the model, when no events come."""
        await self.step(False)
        for row in range(self.n):
            for k in range(4):
                got = await self.get(0, row, k)
                assert got == self.count.get((0, row, k), 0), f"channel {row}, counter {k}"
                self.compared += 1
        for row in range(self.peers):
            for k in range(5):
                got = await self.get(1, row, k)
                assert got == self.count.get((1, row, k), 0), f"peer {row}, counter {k}"
                self.compared += 1


async def bench(dut) -> CtrBench:
    b = CtrBench(dut)
    await b.start()
    return b


@cocotb.test()
async def exact(dut):
    """Stimulus: random events of all sources at several densities, spread and on one channel, for
    longer than the short counters take to wrap; reads in between, events going on.
    Checking: totals exact; a total never falls and never exceeds what was sent."""
    b = await bench(dut)
    last = b.n - 1
    for density, biggest, hot in ((0.3, 255, None), (0.9, 255, None), (0.9, 127, last)):
        b.density, b.biggest, b.hot = density, biggest, hot
        seen: dict[int, int] = {}
        for _ in range(8):
            for _ in range(250):
                await b.step()
            k = b.rng.randrange(4)
            before = b.count.get((0, b.n - 1, k), 0)
            got = await b.get(0, b.n - 1, k, busy=True)
            assert seen.get(k, 0) <= got <= b.count.get((0, b.n - 1, k), 0)
            if density < 0.5 and b.peers == 1:  # sources pause often enough for an exact answer, all at once
                assert got >= before
            seen[k] = got
        await b.check_all()
    assert b.events > 5000 and b.compared >= 3 * 4 * b.n


@cocotb.test()
async def clear(dut):
    """Stimulus: clears of random channels, several at once, while others count and while a read
    waits; the channels begin to count again when clr_busy has fallen.
    Checking: exactly the cleared channels start from 0, the others lose nothing."""
    b = await bench(dut)
    d = dut
    for _ in range(12):
        for _ in range(60):
            await b.step()
        ch = b.rng.randrange(b.n)
        # what had come before the clear is gone; nothing comes for the channel until it is done
        await b.step(False)
        await b.step(False)
        for k in range(10):
            b.count.pop((0, ch, k), None)
        d.clr_valid.value, d.clr_ch.value = 1, ch
        await b.step(True, forbidden=ch)
        d.clr_valid.value = 0
        cycles = 0
        while True:
            await FallingEdge(d.clk)
            busy = value(d.clr_busy)
            await b.step(True, forbidden=ch)
            cycles += 1
            assert cycles < 400 + 40 * b.slots
            if not busy:
                break
        if b.rng.random() < 0.5:
            await b.check_all()
    await b.check_all()
    assert b.compared >= 2 * (4 * b.n + 5 * b.peers)


@cocotb.test()
async def stalls(dut):
    """Stimulus: stall levels of random channels and causes, steady for a known time.
    Checking: each counter within two rounds of sampling of the true time, others zero."""
    b = await bench(dut)
    n, d = b.n, dut
    true = [0] * (6 * n)
    for _ in range(4):
        levels = b.rng.getrandbits(6 * n)
        time = b.rng.randrange(100, 1200)
        d.stall.value = levels
        for _ in range(time):
            await RisingEdge(d.clk)
        d.stall.value = 0
        for i in range(6 * n):
            if levels >> i & 1:
                true[i] += time
    for _ in range(2 * b.slots):
        await RisingEdge(d.clk)
    rows = range(n) if n <= 8 else b.rng.sample(range(n), 6)
    for ch in rows:
        for cause in range(6):
            got = await b.get(0, ch, K_STALL + cause)
            assert abs(got - true[6 * ch + cause]) <= 4 * 2 * b.slots
            assert got % b.slots == 0 and (got > 0) == (true[6 * ch + cause] > 0)
            b.compared += 1
    assert b.compared >= 6


@cocotb.test()
async def reset_in_flight(dut):
    """Stimulus: reset at random moments of counting, reading and clearing.
    Checking: everything is 0 afterwards and counts again exactly."""
    b = await bench(dut)
    for _ in range(6):
        for _ in range(b.rng.randrange(10, 80)):
            await b.step()
        if b.rng.random() < 0.5:
            dut.clr_valid.value, dut.clr_ch.value = 1, 0
            dut.get.value = 1
            for _ in range(b.rng.randrange(8)):
                await b.step()
        await b.reset()
        for _ in range(20):
            await b.step()
        await b.check_all()
    assert b.compared >= 6 * 4


@cocotb.test()
async def model_can_fail(dut):
    """Stimulus: one event that the model isn't told of.
    Checking: the comparison notices."""
    b = await bench(dut)
    for _ in range(20):
        await b.step()
    b.count[0, 0, K_RD] = b.count.get((0, 0, K_RD), 0) + 1
    try:
        await b.check_all()
    except AssertionError:
        return
    raise AssertionError("a wrong total went unnoticed")


@pytest.mark.unit
@pytest.mark.parametrize("channels, peers", [
    (1, 1), pytest.param(3, 2, marks=pytest.mark.sweep_icarus), (8, 1),
    pytest.param(64, 3, marks=pytest.mark.sweep_icarus),
])
def test_crl_ctr_ram(sim, channels, peers):
    """Stimulus and checking: see the cocotb tests above."""
    run_sim("crl_ctr", __name__, {"CHANNELS": channels, "PEERS": peers}, sim=sim)
