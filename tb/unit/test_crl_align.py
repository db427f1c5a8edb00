# SPDX-License-Identifier: Apache-2.0
"""crl_align: every offset and length, chunks, channels, back-pressure, throughput by cycles."""

from __future__ import annotations

import os
import random
from dataclasses import replace

import cocotb
import pytest
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge

from tb.lib.sim import run_sim, sim_parameters
from tb.unit.align_model import AlignScoreboard, Beat, Command


class Bench:
    """Drives commands and source beats, feeds the scoreboard from the output."""

    def __init__(self, dut, rng):
        self.dut, self.rng = dut, rng
        self.lanes = sim_parameters()["DATA_W"] // 8
        self.channels = sim_parameters()["CHANNELS"]
        self.score = AlignScoreboard(self.lanes)
        self.spoil = None  # changes what the scoreboard sees

    async def reset(self):
        d = self.dut
        Clock(d.clk, 10, "ns").start()
        for name in ("c_valid", "i_valid", "o_ready", "c_src_off", "c_dst_off", "c_bytes",
                     "c_cont", "c_flush", "c_ch", "c_tag", "i_data"):
            getattr(d, name).value = 0
        d.rst.value = 1
        await ClockCycles(d.clk, 3)
        d.rst.value = 0

    def sample(self) -> Beat:
        d = self.dut
        none = bool(d.o_none.value)
        return Beat(
            none, not none and bool(d.o_first.value), bool(d.o_last.value),
            int(d.o_data.value), int(d.o_strb.value), int(d.o_tag.value),
        )

    async def run(self, commands, c_rate=1.0, i_rate=1.0, o_rate=1.0, stop_after=None) -> int:
        """Runs the commands; returns the cycles from the first input to the last output."""
        d, rng = self.dut, self.rng
        todo = list(commands)
        beats = [b for c in todo for b in c.source(self.lanes, rng)]
        for cmd in todo:
            self.score.command(cmd)
        c_at = i_at = cycle = idle = 0
        first_in = last_out = None
        c_on = i_on = False
        while self.score.expected:
            if not c_on and c_at < len(todo) and rng.random() < c_rate:
                cmd, c_on = todo[c_at], True
                d.c_src_off.value, d.c_dst_off.value = cmd.src_off, cmd.dst_off
                d.c_bytes.value, d.c_tag.value = len(cmd.payload), cmd.tag
                d.c_cont.value, d.c_flush.value, d.c_ch.value = cmd.cont, cmd.flush, cmd.ch
            if not i_on and i_at < len(beats) and rng.random() < i_rate:
                i_on = True
                d.i_data.value = beats[i_at]
            d.c_valid.value, d.i_valid.value = c_on, i_on
            d.o_ready.value = rng.random() < o_rate
            await RisingEdge(d.clk)
            cycle += 1
            idle += 1
            if c_on and d.c_ready.value:
                c_on, c_at, idle = False, c_at + 1, 0
                first_in = cycle if first_in is None else first_in
            if i_on and d.i_ready.value:
                i_on, i_at, idle = False, i_at + 1, 0
            if d.o_valid.value and d.o_ready.value:
                got = self.sample()
                self.score.output(self.spoil(got) if self.spoil else got)
                last_out, idle = cycle, 0
            assert idle < 200, "nothing moves"
            if stop_after and cycle >= stop_after:
                break
        d.c_valid.value = d.i_valid.value = 0
        if stop_after is None:
            assert (c_at, i_at) == (len(todo), len(beats)), "commands or source beats are left"
        return (last_out or 0) - (first_in or 0)


def operations(rng, lanes, channels, count, limit):
    """Operations of random channels, cut into chunks, the chunks of channels mixed."""
    live, tag, made = {}, 0, 0
    while made < count or live:
        ch = rng.choice(list(live)) if live and (made >= count or rng.random() < 0.6) else (
            rng.randrange(channels))
        if ch not in live:
            if rng.random() < 0.15:
                yield Command(rng.randrange(lanes), rng.randrange(lanes), b"", rng.random() < 0.5,
                              rng.random() < 0.5, ch, tag)
                tag, made = (tag + 1) % 256, made + 1
                continue
            length = rng.choice([1, 2, lanes - 1, lanes, lanes + 1, rng.randrange(1, limit)])
            live[ch] = [rng.randbytes(length), rng.randrange(lanes), rng.randrange(lanes), False]
            made += 1
        left, src, dst, cont = live[ch]
        size = min(2048, rng.choice([len(left), lanes - src, rng.randrange(1, len(left) + 1),
                                     rng.randrange(1, 2 * lanes)]), len(left))
        flush = size == len(left)
        yield Command(src, dst, left[:size], cont, flush, ch, tag)
        tag = (tag + 1) % 256
        if flush:
            del live[ch]
        else:
            src = rng.choice([0, (src + size) % lanes, rng.randrange(lanes)])
            live[ch] = [left[size:], src, (dst + size) % lanes, True]


@cocotb.test()
async def sweep(dut):
    """Stimulus: one command each for source x destination x length 1 to 3B (64 and 128 bits: all;
    wider: edges and a random slice), without back-pressure. Checking: every beat; the cycles are
    those of the steps, to the cycle."""
    rng = random.Random(cocotb.RANDOM_SEED)
    bench = Bench(dut, rng)
    await bench.reset()
    lanes = bench.lanes
    cases = [(s, t, n) for s in range(lanes) for t in range(lanes) for n in range(1, 3 * lanes + 1)]
    full = lanes == 8 or os.environ.get("CRL_FULL")
    if not full:
        edges = {0, 1, lanes - 1}
        keep = [c for c in cases if c[0] in edges and c[1] in edges and
                (c[2] % lanes) in (0, 1, 2, lanes - 1)]
        cases = keep + rng.sample(cases, 500)
    rng.shuffle(cases)
    commands = [Command(s, t, rng.randbytes(n), False, True, rng.randrange(bench.channels), i % 256)
                for i, (s, t, n) in enumerate(cases)]
    cycles = await bench.run(commands)
    bench.score.finish()
    steps = bench.score.model.steps(commands)
    latency = 1 if lanes <= 16 else 3
    dut._log.info("%d commands, %d steps, %d cycles", len(commands), steps, cycles)
    assert cycles == steps + latency, f"{cycles} cycles for {steps} steps"


@cocotb.test()
async def short_aligned(dut):
    """Stimulus: aligned one-beat commands and tokens back to back. Checking: one a cycle."""
    rng = random.Random(cocotb.RANDOM_SEED)
    bench = Bench(dut, rng)
    await bench.reset()
    commands = [Command(0, 0, rng.randbytes(rng.choice([bench.lanes, 0, 5])), False, True,
                        rng.randrange(bench.channels), i % 256) for i in range(300)]
    cycles = await bench.run(commands)
    bench.score.finish()
    assert cycles == 300 + (1 if bench.lanes <= 16 else 3)


@cocotb.test()
async def chunks(dut):
    """Stimulus: operations in random chunks, eight channels mixed, idle x back-pressure, tokens.
    Checking: every beat, strobe, tag; order; nothing lost."""
    rng = random.Random(cocotb.RANDOM_SEED)
    bench = Bench(dut, rng)
    await bench.reset()
    for c_rate, i_rate, o_rate in [(1, 1, 1), (0.3, 1, 1), (1, 0.4, 1), (1, 1, 0.4),
                                   (0.5, 0.6, 0.5)]:
        commands = list(operations(rng, bench.lanes, bench.channels, 150, 6 * bench.lanes))
        cycles = await bench.run(commands, c_rate, i_rate, o_rate)
        if c_rate == i_rate == o_rate == 1:
            assert cycles <= bench.score.model.steps(commands) + 3
    bench.score.finish()


@cocotb.test()
async def long_commands(dut):
    """Stimulus: commands of up to 2048 bytes. Checking: every beat, cycles."""
    rng = random.Random(cocotb.RANDOM_SEED)
    bench = Bench(dut, rng)
    await bench.reset()
    lanes = bench.lanes
    commands = [Command(rng.randrange(lanes), rng.randrange(lanes),
                        rng.randbytes(rng.choice([2048, 2047, rng.randrange(1, 2049)])), False,
                        True, rng.randrange(bench.channels), i) for i in range(20)]
    cycles = await bench.run(commands)
    bench.score.finish()
    assert cycles <= bench.score.model.steps(commands) + 3


@cocotb.test()
async def reset_midway(dut):
    """Stimulus: reset at random moments of random traffic. Checking: what comes before and after
    is right, nothing of the old commands appears."""
    rng = random.Random(cocotb.RANDOM_SEED)
    bench = Bench(dut, rng)
    await bench.reset()
    compared = 0
    for _ in range(30):
        commands = list(operations(rng, bench.lanes, bench.channels, 20, 4 * bench.lanes))
        await bench.run(commands, 0.8, 0.8, 0.8, stop_after=rng.randrange(1, 60))
        dut.rst.value = 1
        await ClockCycles(dut.clk, rng.choice([1, 2]))
        dut.rst.value = 0
        compared += bench.score.compared
        bench.score = AlignScoreboard(bench.lanes)
    await bench.run(list(operations(rng, bench.lanes, bench.channels, 40, 4 * bench.lanes)))
    bench.score.finish()
    assert compared > 100


@cocotb.test()
async def scoreboard_fails(dut):
    """Stimulus: one output beat is changed on its way to the scoreboard, or dropped.
    Checking: the scoreboard fails each time."""
    rng = random.Random(cocotb.RANDOM_SEED)
    bench = Bench(dut, rng)
    await bench.reset()
    spoilers = [
        lambda b: replace(b, data=b.data ^ 1 << rng.randrange(8 * bench.lanes)),
        lambda b: replace(b, strb=b.strb ^ 1),
        lambda b: replace(b, tag=b.tag ^ 1),
        lambda b: replace(b, last=not b.last),
    ]
    for spoil in spoilers:
        bench.spoil = spoil
        with pytest.raises(AssertionError):
            await bench.run([Command(0, 3, bytes(range(40)), False, True, 1, 7)])
        bench.dut.rst.value = 1
        await ClockCycles(dut.clk, 2)
        bench.dut.rst.value = 0
        bench.score = AlignScoreboard(bench.lanes)
    with pytest.raises(AssertionError, match="nothing was compared"):
        AlignScoreboard(bench.lanes).finish()


@pytest.mark.parametrize("data_w", [
    64, pytest.param(128, marks=pytest.mark.sweep_icarus), pytest.param(256, marks=pytest.mark.sweep_icarus), 512,
])
def test_crl_align(sim, data_w):
    run_sim("crl_align", __name__, {"DATA_W": data_w, "TAG_W": 8, "CHANNELS": 8}, sim=sim)


def test_crl_align_one_channel(sim):
    """The carry of a single channel is a register."""
    run_sim("crl_align", __name__, {"DATA_W": 64, "TAG_W": 8, "CHANNELS": 1}, sim=sim,
            testcase=["chunks", "long_commands"])
