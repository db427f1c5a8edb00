# SPDX-License-Identifier: Apache-2.0
"""Unit tests of crl_async_fifo."""

import random

import cocotb
import pytest
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge, Timer

from tb.lib.sim import run_sim, sim_parameters
from tb.unit.stream import PROFILES, Scoreboard, Sink, Source, drain, value


class Bench:
    def __init__(self, dut) -> None:
        p = sim_parameters()
        self.dut, self.width, self.depth = dut, p["W"], p["DEPTH"]
        self.rng = random.Random(cocotb.RANDOM_SEED)
        cocotb.start_soon(self._clock(dut.s_clk, *self.periods()[0:2]))
        cocotb.start_soon(self._clock(dut.m_clk, *self.periods()[2:4]))
        dut.s_rst.value = dut.m_rst.value = 1
        self.board = Scoreboard()
        rng = self.rng
        self.source = Source(
            dut.s_clk, dut.s_rst, dut.s_valid, dut.s_ready, dut.s_data, rng=rng
        )
        self.sink = Sink(dut.m_clk, dut.m_rst, dut.m_valid, dut.m_ready, dut.m_data, rng=rng)
        self.lossy = False  # a reset is under way: beats may be missing, but nothing else
        self.source.on_beat.append(self.board.sent)
        self.sink.on_beat.append(self._received)

    def _received(self, beat: int) -> None:
        while self.lossy and self.board.expected and self.board.expected[0] != beat:
            self.board.expected.popleft()
        self.board.received(beat)

    @staticmethod
    def periods() -> tuple[int, int, int, int]:
        """Period and phase of both clocks, in ps."""
        import os

        return tuple(int(x) for x in os.environ["CLOCKS"].split(","))

    @staticmethod
    async def _clock(signal, period: int, phase: int) -> None:
        signal.value = 0
        await Timer(max(phase, 2), unit="ps")
        await Clock(signal, period, unit="ps").start()

    async def pulse(self, side: str, cycles: int) -> None:
        """Reset one side for some of its cycles."""
        clk, rst = getattr(self.dut, f"{side}_clk"), getattr(self.dut, f"{side}_rst")
        await RisingEdge(clk)
        rst.value = 1
        for _ in range(cycles):
            await RisingEdge(clk)
        rst.value = 0

    async def settle(self) -> None:
        """Until the reset handshake is over on both sides."""
        for _ in range(200):
            await FallingEdge(self.dut.s_clk)
            if not value(self.dut.s_hold) and not value(self.dut.m_hold):
                break
        else:
            raise AssertionError("the FIFO never came out of reset")

    async def both(self) -> None:
        for _ in range(3):
            await RisingEdge(self.dut.s_clk)
            await RisingEdge(self.dut.m_clk)
        self.dut.s_rst.value = self.dut.m_rst.value = 0
        await self.settle()

    def beats(self, count: int) -> list[int]:
        return [self.rng.getrandbits(self.width) for _ in range(count)]


@cocotb.test()
async def traffic(dut):
    """Stimulus: random beats under nine mixes of idle source and stalling sink.
    Checking: scoreboard; valid and data hold while stalled (monitors)."""
    bench = Bench(dut)
    await bench.both()
    for idle, stall in PROFILES:
        bench.source.idle, bench.sink.stall = idle, stall
        bench.source.todo.extend(bench.beats(120))
        await drain(bench.source, bench.sink, bench.board)
    bench.board.end(at_least=120 * len(PROFILES))


@cocotb.test()
async def fills_to_depth(dut):
    """Stimulus: the sink stands still.
    Checking: exactly DEPTH beats go in, and all come out."""
    bench = Bench(dut)
    await bench.both()
    for _ in range(3):
        bench.sink.stall = 1.0
        bench.source.todo.extend(bench.beats(bench.depth + 3))
        for _ in range(3 * bench.depth + 40):
            await RisingEdge(dut.s_clk)
            await RisingEdge(dut.m_clk)
        await FallingEdge(dut.s_clk)
        assert len(bench.board.expected) == bench.depth
        bench.sink.stall = 0.0
        await drain(bench.source, bench.sink, bench.board)
    bench.board.end(at_least=3 * bench.depth)


@cocotb.test()
async def full_speed(dut):
    """Stimulus: no idle cycle, no stall, DEPTH of 16 or more.
    Checking: 300 beats take no longer than 300 cycles of the slower clock and a few."""
    bench = Bench(dut)
    await bench.both()
    bench.source.todo.extend(bench.beats(300))
    start = cocotb.utils.get_sim_time("ps")
    await drain(bench.source, bench.sink, bench.board)
    elapsed = cocotb.utils.get_sim_time("ps") - start
    slower = max(bench.periods()[0], bench.periods()[2])
    if bench.depth >= 16:
        assert elapsed <= (300 + 12) * slower
    bench.board.end(at_least=300)


@cocotb.test()
async def reset_of_one_side(dut):
    """Stimulus: resets of one or both sides, 1 to 6 cycles, at random and unrelated moments of
    random traffic, also a second one before the first has taken effect.
    Checking: afterwards the FIFO is empty, and what goes in then comes out, whole and in order;
    in between only beats that were stored come out, in order."""
    bench = Bench(dut)
    await bench.both()
    rng = bench.rng
    for _ in range(60):
        bench.source.idle, bench.sink.stall = rng.choice(PROFILES)
        bench.source.todo.extend(bench.beats(40))
        for _ in range(rng.randrange(1, 60)):
            await RisingEdge(dut.s_clk)
        pulses, bench.lossy, bench.sink.strict = [], True, False
        for side in rng.choice(["s", "m", "sm", "ms", "ss", "mm", "sms"]):
            pulses.append(cocotb.start_soon(bench.pulse(side, rng.randrange(1, 7))))
            for _ in range(rng.randrange(12)):
                await RisingEdge(getattr(dut, f"{rng.choice('sm')}_clk"))
        bench.source.stop()
        for pulse in pulses:
            await pulse
        bench.source.stop()
        dut.s_rst.value = dut.m_rst.value = 0
        # what the source still offers is held back until the handshake is over
        while not bench.source.done:
            await RisingEdge(dut.s_clk)
        for _ in range(20):
            await RisingEdge(dut.s_clk)
            await RisingEdge(dut.m_clk)
        await bench.settle()
        bench.sink.stall = 0.0
        for _ in range(2 * bench.depth + 30):
            await RisingEdge(dut.m_clk)
        await FallingEdge(dut.m_clk)
        assert not value(dut.m_valid), "something is left"
        bench.board.flush()
        bench.lossy, bench.sink.strict = False, True
        bench.source.todo.extend(bench.beats(2 * bench.depth))
        await drain(bench.source, bench.sink, bench.board)
    bench.board.end(at_least=60 * 2 * bench.depth)


CLOCKS = {
    "equal": (8000, 0, 8000, 3300),
    "slow-fast": (13300, 100, 5000, 0),
    "fast-slow": (4700, 0, 17900, 900),
    "close": (8000, 0, 8060, 0),
}


@pytest.mark.parametrize(
    "clocks,w,depth",
    [("equal", 8, 16), ("slow-fast", 65, 4), ("fast-slow", 8, 16), ("close", 65, 4)],
)
def test_crl_async_fifo(sim, clocks, w, depth):
    """Stimulus and checking: see the cocotb tests of this file."""
    env = {"CLOCKS": ",".join(str(x) for x in CLOCKS[clocks])}
    run_sim("crl_async_fifo", __name__, {"W": w, "DEPTH": depth}, sim=sim, extra_env=env)
