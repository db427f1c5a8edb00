# SPDX-License-Identifier: Apache-2.0
"""crl_target: MIRRORs of the peer, and released frames of own ones."""

from __future__ import annotations

from dataclasses import replace

import cocotb
import pytest
from cocotb.triggers import ClockCycles

from models.gen.carillon_layout import FrameType, Status
from models.segments import R_LOCAL, R_READ
from tb.lib.sim import run_sim
from tb.unit.target_bench import Rates, builds
from tb.unit.target_model import LAST, Kill
from tb.unit.test_crl_target import RATES, interleave
from tb.unit.test_crl_target_read import Reader, bench_of, mixed

MIRROR = {"type": int(FrameType.MIRROR)}


class Holder(Reader):
    """Own MIRRORs: what begins them, and their frames from the hold FIFO."""

    def begin(self, length=None, absolute=None, index=None):
        return replace(super().begin(length, absolute, index), mirror=1)

    def answers(self, own):
        return [(*item, True) for item in super().answers(own)]

    def failed(self, own, status, at=0):
        frame, *_ = self.answers(own)[0]
        return (replace(frame, offset=at, payload_len=0, status=status), b"", True)


@cocotb.test()
async def peers(dut):
    """Stimulus: MIRRORs, WRITEs and messages of all channels mixed; MIRRORs that are refused at the first frame, in the middle, by the binding; cancelled
    ones; error responses x idle and back-pressure x latency. Checking: OP_PERMIT for the first of several frames, once, with the verdict, while writes
    wait for their responses; a refused one stays refused and is answered at LAST or CANCEL; writes, counts, slots, NOTIFY. Without MIRROR_EN: BAD_OPCODE at
    once."""
    bench = await bench_of(dut)
    rng = bench.rng
    for turn, rates in enumerate((*RATES, *RATES)):
        bench.error_rate = 0.1 if turn % 3 == 2 else 0.0
        ops = []
        for _ in range(9):
            ch = rng.randrange(bench.channels)
            kind = rng.randrange(8)
            frames = bench.operation(ch, **(MIRROR if kind < 7 else {}), length=rng.choice((1, 60, 1024, 1025, 2500, 4000)))
            if kind == 1:
                frames = [(replace(f, segaddr=f.segaddr ^ 1 << 45), d) for f, d in frames]
            elif kind == 2 and len(frames) > 1:
                frames[-1] = (replace(frames[-1][0], offset=7), frames[-1][1])
            elif kind == 3 and len(frames) > 1:
                frames[-1] = bench.cancel(frames[0][0])
            elif kind == 4:
                frames = [(replace(f, src_ch=f.src_ch ^ 1), d) for f, d in frames]
            elif kind == 5 and bench.p.get("SEND_EN", 1):
                frames = bench.message(ch, rng.choice((0, 9, 1500)))
            elif kind == 6 and len(frames) > 1:
                frames = [(replace(f, segaddr=f.segaddr ^ 1 << 45), d) for f, d in frames[:1]] + [bench.cancel(frames[0][0])]
            ops.append(frames)
        await bench.run(interleave(rng, ops), rates)
    without = not bench.p.get("MIRROR_EN", 1)
    assert {int(Status.BAD_OPCODE)} <= set(bench.model.seen) if without else {0, int(Status.ABORTED), int(Status.KEY_REVOKED)} <= set(bench.model.seen)


@cocotb.test()
async def own(dut):
    """Stimulus: released frames of MIRRORs of all sizes and alignments, mixed with answers to READs of the same channels and with frames of peers; write
    errors; ends with a status of the peer, kills at any place; the destination is revoked between two frames and comes back; READ_DATA with
    the tag of a MIRROR, frames of the hold FIFO with that of a READ, of older and of no operations. Checking: every byte, count, end; the first write
    error of its own operation; both bits; refused in the middle: dropped to the end, and ended there; places come back."""
    bench = await bench_of(dut)
    if not bench.p.get("MIRROR_EN", 1):
        return
    holder, reader, rng = Holder(bench), Reader(bench), bench.rng
    for turn, rates in enumerate((*RATES, *RATES)):
        bench.error_rate = 0.1 if turn % 2 else 0.0
        streams = [bench.operation(c) for c in range(min(bench.channels, 3))]
        by_ch: dict = {}
        for k, index in enumerate(rng.sample(range(128), 8)):
            who = (holder, reader)[k % 2]
            mine = who.begin(index=index)
            frames = who.answers(mine)
            if k == 4:
                frames = [*frames[:-1], who.failed(mine, 0x93, frames[-1][0].offset)]
            if k == 6:
                frames.insert(rng.randrange(len(frames) + 1), Kill(mine.tag, int(Status.OP_TIMEOUT)))
            by_ch.setdefault((k % 2, mine.ch), []).extend([mine, *frames])
        await bench.run(mixed(bench, [*streams, *by_ch.values()]), rates)
    for turn in range(4):
        rates = rng.choice(RATES)
        one, two = holder.begin(3500), reader.begin(2500)
        if one.tag % 128 == two.tag % 128:
            continue
        good, other = holder.answers(one), reader.answers(two)
        wrong = [item[:2] for item in good] + [(*item, True) for item in other]
        wrong += [(replace(f, tag=f.tag ^ 1 << 9), d, True) for f, d, _ in good] + [(replace(f, tag=f.tag ^ 0x40), d, True) for f, d, _ in good]
        cut = turn % len(wrong)
        await bench.run([one, two, *wrong[:cut], good[0], other[0], *wrong[cut:], *good[1:], *other[1:], *good, *wrong], rates)
    for change in ({"gen": 7}, {"rights": R_READ | R_LOCAL}, {"size": 4096}, {"valid": False}):
        for errors in (0.0, 0.3):
            bench.error_rate = errors
            mine = holder.begin(4000, absolute=0)
            index, good = mine.dst >> 52, holder.answers(mine)
            seg = bench.table.get(index)
            items = [mine, good[0], lambda i=index, s=seg, c=change: bench.table.set(i, replace(s, **c)), good[1],
                     lambda i=index, s=seg: bench.table.set(i, s), *good[2:]]
            await bench.run(items, Rates())
    bench.error_rate = 0.0
    whole = holder.begin(3000, absolute=1)
    await bench.run([whole, *holder.answers(whole)], Rates())


@cocotb.test()
async def reset_in_mid_flight(dut):
    """Stimulus: a reset while released frames and a peer's MIRROR are under way. Checking: everything works afterwards."""
    bench = await bench_of(dut)
    holder = Holder(bench)
    for _ in range(4):
        if bench.p.get("MIRROR_EN", 1):
            mine = holder.begin(3500)
            items = mixed(bench, [[mine, *holder.answers(mine)], bench.operation(0, 3000, **MIRROR)])
            await bench.run(items, Rates(), stop_after=bench.rng.randrange(30, 300))
            await bench.reset(clock=False)
            await ClockCycles(dut.clk, 140)
            bench.fresh()
            mine = holder.begin(3500)
            await bench.run(mixed(bench, [[mine, *holder.answers(mine)], bench.operation(0, 3000, **MIRROR)]), Rates())
        assert bench.operation(0, 3000)[-1][0].flags & LAST


@cocotb.test()
async def scoreboard_fails(dut):
    """Stimulus: an end, a permission or a write is changed on its way to the scoreboard. Checking: it fails each time."""
    bench = await bench_of(dut)
    if not bench.p.get("MIRROR_EN", 1):
        return
    holder = Holder(bench)
    for kind, change in (("rdone", lambda e: (e[0], e[1] ^ 1)), ("answer", lambda a: replace(a, status=a.status ^ 0x81)),
                         ("write", lambda w: replace(w, user=w.user ^ 1))):
        bench.tamper = lambda k, v, kind=kind, change=change: change(v) if k == kind else v
        mine = holder.begin(100)
        with pytest.raises(AssertionError):
            await bench.run([mine, *holder.answers(mine), *bench.operation(0, 3000, **MIRROR)], Rates())
        await bench.reset(clock=False)
        await ClockCycles(dut.clk, 140)
        bench.fresh()


CONFIGS = [
    {"DATA_W": 64, "CHANNELS": 8, "PEERS": 1, "PEER": 0, "SEGMENTS": 32},
    {"DATA_W": 512, "CHANNELS": 8, "PEERS": 3, "PEER": 2, "SEGMENTS": 32},
    {"DATA_W": 128, "CHANNELS": 4, "PEERS": 1, "PEER": 0, "SEGMENTS": 32, "SEND_EN": 0},
    {"DATA_W": 64, "CHANNELS": 4, "PEERS": 1, "PEER": 0, "SEGMENTS": 32, "MIRROR_EN": 0},
]


@builds(CONFIGS, {64: pytest.mark.sweep_icarus, 512: pytest.mark.sweep_icarus})
def test_crl_target_mirror(sim, config):
    """Stimulus and checking: see peers, own, reset_in_mid_flight."""
    run_sim("crl_target", __name__, config, sim=sim)
