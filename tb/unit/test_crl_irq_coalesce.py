# SPDX-License-Identifier: Apache-2.0
"""Unit tests of crl_irq_coalesce: interrupts by count and by time."""

from __future__ import annotations

import random

import cocotb
import pytest
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge

from tb.lib.sim import run_sim, sim_parameters
from tb.unit.stream import value


class Bench:
    """Drives events, records interrupts."""

    def __init__(self, dut) -> None:
        self.dut = dut
        p = sim_parameters()
        self.n, self.srcs, self.amt_w = p["CHANNELS"], p["SRCS"], p.get("AMT_W", 1)
        self.cw = max(1, (self.n - 1).bit_length())
        self.slots = max(4, 1 << self.cw)
        self.slack = self.slots + 6  # cycles from a cause to its interrupt
        self.wait_slack = self.slack + (self.slots if self.slots > 64 else 0)  # a unit of time is less than a round
        self.rng = random.Random(cocotb.RANDOM_SEED)
        self.cycle = 0
        self.fired: list[tuple[int, int]] = []  # cycle, channel
        self.events: list[tuple[int, int]] = []  # cycle, channel

    async def start(self) -> None:
        """Clock, reset, sweep."""
        d = self.dut
        for name in ("ev_valid", "ev_ch", "cfg_we", "cfg_ch", "cfg_data"):
            getattr(d, name).value = 0
        d.ev_amt.value = self.amounts([1] * self.srcs)
        d.rst.value, d.init.value = 1, 1
        cocotb.start_soon(Clock(d.clk, 10, unit="ns").start())
        cocotb.start_soon(self._monitor())
        await self.reset()

    async def reset(self) -> None:
        """Reset, and an init phase as long as the register block's."""
        d = self.dut
        d.ev_valid.value, d.cfg_we.value = 0, 0
        d.rst.value, d.init.value = 1, 1
        await self.wait(2)
        d.rst.value = 0
        for ch in range(self.n):
            await self.configure(ch, 0, 0)
        await self.wait(3 * self.slots + 8)
        d.init.value = 0
        self.fired.clear()
        self.events.clear()

    async def _monitor(self) -> None:
        while True:
            await FallingEdge(self.dut.clk)
            self.cycle += 1
            if not value(self.dut.rst) and value(self.dut.fire):
                self.fired.append((self.cycle, value(self.dut.fire_ch)))

    async def wait(self, cycles: int) -> None:
        """Let time pass."""
        for _ in range(cycles):
            await RisingEdge(self.dut.clk)

    async def configure(self, ch: int, count: int, time: int, we: int = 0xF) -> None:
        """Write IRQ_COALESCE of a channel."""
        d = self.dut
        d.cfg_we.value, d.cfg_ch.value, d.cfg_data.value = we, ch, count | time << 16
        await RisingEdge(d.clk)
        d.cfg_we.value = 0

    def amounts(self, each: list[int]) -> int:
        """`ev_amt`, one a source."""
        return sum(a << i * self.amt_w for i, a in enumerate(each))

    async def event(self, *channels: int, amounts: list[int] | None = None) -> None:
        """One event a source, in one cycle."""
        d = self.dut
        d.ev_amt.value = self.amounts(amounts or [1] * len(channels)) if self.amt_w > 1 else (1 << self.srcs) - 1
        d.ev_valid.value = (1 << len(channels)) - 1
        d.ev_ch.value = sum(c << i * self.cw for i, c in enumerate(channels))
        await RisingEdge(d.clk)
        d.ev_valid.value = 0
        self.events += [(self.cycle, c) for c in channels]

    def count(self, ch: int) -> int:
        """Interrupts of a channel so far."""
        return sum(c == ch for _, c in self.fired)


async def bench(dut) -> Bench:
    b = Bench(dut)
    await b.start()
    return b


@cocotb.test()
async def each(dut):
    """Stimulus: events far apart, with the reset setting, COUNT 1, and TIME 0 with a large COUNT.
    Checking: one interrupt for each, of that channel, soon."""
    b = await bench(dut)
    for ch in range(b.n):
        for count, time in ((0, 0), (1, 9), (200, 0)):
            await b.configure(ch, count, time)
            await b.event(ch)
            at = b.cycle
            await b.wait(b.slack)
            assert [c for _, c in b.fired] == [ch]
            assert b.fired[0][0] <= at + b.slack
            b.fired.clear()


@cocotb.test()
async def by_count(dut):
    """Stimulus: COUNT 2, 5 and 255 with a very long TIME; events one by one, from all sources at
    once, and in a row without a gap; other channels with settings of their own.
    Checking: no interrupt below COUNT, one when it is reached, counting starts again."""
    b = await bench(dut)
    ch, other = 0, b.n - 1
    for count in (2, 5, 255):
        await b.configure(ch, count, 60000)
        if other != ch:
            await b.configure(other, 3, 60000)
        for _ in range(2):
            for _ in range(count - 1):
                await b.event(ch)
            if other != ch:
                await b.event(other)
            await b.wait(b.slack)
            assert not b.fired, f"fired below COUNT {count}"
            await b.event(ch)
            await b.wait(b.slack)
            assert [c for _, c in b.fired] == [ch]
            b.fired.clear()
        if other != ch:
            await b.event(other)
            await b.wait(b.slack)
            assert [c for _, c in b.fired] == [other]
            b.fired.clear()
    await b.configure(ch, 2 * b.srcs, 60000)
    await b.event(*[ch] * b.srcs)
    await b.wait(b.slack)
    assert not b.fired
    await b.event(*[ch] * b.srcs)
    await b.wait(b.slack)
    assert [c for _, c in b.fired] == [ch]


@cocotb.test()
async def by_amount(dut):
    """Stimulus: several events at once (with AMT_W 4, else one at a time), random amounts from all sources, to one below COUNT and then past it. Checking: none below COUNT,
    one when it is reached or passed; what is beyond belongs to that interrupt."""
    b = await bench(dut)
    top = (1 << b.amt_w) - 1
    for ch in {0, b.n - 1}:
        for count in (2, 16, 17, 100, 255):
            await b.configure(ch, count, 60000)
            for _ in range(2):
                left = count - 1
                while left:
                    each = []
                    for _ in range(b.rng.randrange(1, b.srcs + 1)):
                        if left:
                            each.append(b.rng.randint(1, min(top, left)))
                            left -= each[-1]
                    await b.event(*[ch] * len(each), amounts=each)
                await b.wait(b.slack)
                assert not b.fired, f"fired below COUNT {count}"
                await b.event(*[ch] * b.srcs, amounts=[b.rng.randint(1, top) for _ in range(b.srcs)])
                await b.wait(2 * b.slack)
                assert [c for _, c in b.fired] == [ch]
                b.fired.clear()
            await b.configure(ch, 0, 0)
            await b.wait(2 * b.slack)
            assert not b.fired, "entries of an interrupt gave another one"


@cocotb.test()
async def by_time(dut):
    """Stimulus: fewer events than COUNT with TIME 1 to 6.
    Checking: one interrupt, not before TIME units and at most one unit and a round later; the time
    runs from the first event; an interrupt by count starts a new time."""
    b = await bench(dut)
    for time in (1, 2, 6):
        for ch in {0, b.n - 1}:
            await b.configure(ch, 4, time)
            await b.wait(b.rng.randrange(64))
            await b.event(ch)
            at = b.cycle
            await b.wait(20)
            await b.event(ch)
            await b.wait(64 * (time + 2) + b.wait_slack)
            assert [c for _, c in b.fired] == [ch]
            late = b.fired[0][0] - at
            assert 64 * time <= late <= 64 * (time + 1) + b.wait_slack, f"TIME {time}: {late} cycles"
            b.fired.clear()
            # by count, then the remainder by time
            for _ in range(5):
                await b.event(ch)
            await b.wait(64 * (time + 2) + b.wait_slack)
            assert 1 <= b.count(ch) <= 2, "five events: together, or four and one"
            b.fired.clear()


@cocotb.test()
async def nothing_lost(dut):
    """Stimulus: random settings that change under way, random events, bursts of them.
    Checking: no interrupt without an event since the last one; after the longest time every
    channel's last event was followed by an interrupt; never more than one interrupt an event."""
    b = await bench(dut)
    late = 5 * 64 + b.wait_slack
    for _ in range(3):
        for _ in range(b.n):
            await b.configure(b.rng.randrange(b.n), b.rng.choice([0, 1, 2, 7]), b.rng.randrange(4))
        for _ in range(400):
            if b.rng.random() < 0.4:
                many = b.rng.randrange(1, b.srcs + 1)
                await b.event(*[b.rng.randrange(b.n) for _ in range(many)], amounts=[b.rng.randint(1, 2**b.amt_w - 1) for _ in range(many)])
            elif b.rng.random() < 0.05:
                we = b.rng.randrange(16)
                await b.configure(b.rng.randrange(b.n), b.rng.randrange(5), b.rng.randrange(4), we)
            else:
                await b.wait(1)
        await b.wait(late)
    compared = 0
    for ch in range(b.n):
        events = [t for t, c in b.events if c == ch]
        fired = [t for t, c in b.fired if c == ch]
        assert len(fired) <= len(events)
        if events:
            assert fired and fired[-1] > events[-1], f"channel {ch}: the last event is lost"
        last = 0
        for t in fired:
            assert any(last - b.slack <= e < t for e in events), "an interrupt from nowhere"
            last = t
            compared += 1
    assert compared > 10


@cocotb.test()
async def reset_in_flight(dut):
    """Stimulus: reset with events pending in every phase of a round.
    Checking: no interrupt from before the reset; settings are back to each."""
    b = await bench(dut)
    for delay in range(2 * b.slots + 4 if b.n <= 8 else 10):
        await b.configure(0, 200, 1)
        await b.event(0)
        await b.wait(delay)
        await b.reset()
        await b.wait(3 * 64 + b.wait_slack)
        assert not b.fired
        await b.event(0)
        await b.wait(b.slack)
        assert b.count(0) == 1
        b.fired.clear()


@pytest.mark.unit
@pytest.mark.parametrize("channels, srcs, amt_w", [
    (1, 2, 1), (3, 3, 1), (8, 2, 1), (64, 4, 1), (17, 1, 4), pytest.param(129, 1, 4, marks=pytest.mark.sweep_icarus),
])
def test_crl_irq_coalesce(sim, channels, srcs, amt_w):
    """Stimulus and checking: see the cocotb tests above."""
    run_sim("crl_irq_coalesce", __name__, {"CHANNELS": channels, "SRCS": srcs, "AMT_W": amt_w}, sim=sim)
