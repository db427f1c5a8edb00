# SPDX-License-Identifier: Apache-2.0
"""crl_target: frames of a peer, good and bad, against the reference; throughput by cycles."""

from __future__ import annotations

import os
import random
from dataclasses import replace

import cocotb
import pytest
from cocotb.triggers import ClockCycles

from models.gen.carillon_layout import FrameType, Status
from models.segments import R_READ, R_REMOTE, R_WRITE
from tb.lib.sim import run_sim
from tb.unit.target_bench import Bench, Rates, builds
from tb.unit.target_model import CANCEL, FIRST, LAST, Binding

RATES = [Rates(), Rates(hdr=0.2), Rates(payload=0.5), Rates(wb=0.4), Rates(rsp=0.1),
         Rates(0.6, 0.7, 0.6, 0.5, (1, 60))]

MORE = 4 if os.environ.get("CRL_FULL") else 1  # how much longer the random tests are


async def bench_of(dut) -> Bench:
    bench = Bench(dut, random.Random(cocotb.RANDOM_SEED))
    await bench.reset()
    bench.set_up()
    return bench


def interleave(rng, operations):
    """Frames of different channels mixed, those of a channel in order."""
    lanes = {}
    for frames in operations:
        lanes.setdefault(frames[0][0].dst_ch, []).extend(frames)
    out = []
    while lanes:
        ch = rng.choice(list(lanes))
        out.append(lanes[ch].pop(0))
        if not lanes[ch]:
            del lanes[ch]
    return out


@cocotb.test()
async def good(dut):
    """Stimulus: WRITEs of all channels mixed x idle and back-pressure x response latency.
    Checking: every write, answer, count, interrupt and slot; no gap within a burst; marks are over
    when all that was accepted before them has its response, and not much later (in every run here)."""
    bench = await bench_of(dut)
    for rates in RATES:
        frames = interleave(bench.rng, [bench.operation(bench.rng.randrange(bench.channels))
                                        for _ in range(8 * MORE)])
        await bench.run(frames, rates)
    assert set(bench.model.seen) == {0} and bench.fences > 10


@cocotb.test()
async def offsets(dut):
    """Stimulus: every destination offset in a beat x lengths round it, small frames.
    Checking: every byte."""
    bench = await bench_of(dut)
    frames = []
    for offset in range(min(bench.lanes, 16)):
        for length in (1, 2, bench.lanes - 1, bench.lanes, bench.lanes + 1, 2 * bench.lanes + 3):
            at = bench.max_burst - 2 * bench.lanes + offset
            frames += bench.operation(bench.rng.randrange(bench.channels), length, offset=at)
    await bench.run(frames, Rates())


def violations(bench):
    """One operation for each fault: (status, frames)."""
    rng, table = bench.rng, bench.table
    ch = rng.randrange(bench.channels)
    index = rng.choice([i for i in range(bench.segments) if table.get(i).channel == ch])
    seg = table.get(index)
    length = rng.choice([10, 600, 2500])
    good = bench.operation(ch, length, index, offset=0)

    def changed(**fields):
        """Every frame of the good operation with these fields."""
        return [(replace(f, **fields), d) for f, d in good]

    def entry(**fields):
        """The entry is wrong while the operation runs, then right again."""
        new = replace(seg, **fields)
        return [lambda: table.set(index, new), *good, lambda: table.set(index, seg)]

    word = good[0][0].segaddr
    end = seg.size - length + 1
    yield Status.SEG_INVALID, entry(valid=False)
    if bench.segments < 4096:
        yield Status.SEG_INVALID, changed(
            segaddr=word & (1 << 52) - 1 | rng.randrange(bench.segments, 4096) << 52)
    yield Status.KEY_REVOKED, changed(segaddr=word ^ 1 << rng.randrange(40, 52))
    yield Status.KEY_REVOKED, entry(gen=seg.gen ^ 1)
    yield Status.SEG_BINDING, entry(channel=ch ^ 0x80)
    yield Status.SEG_BINDING, entry(peer=(bench.peer + 1) % 15)
    yield Status.SEG_BINDING, entry(rights=R_WRITE)
    yield Status.SEG_RIGHTS, entry(rights=R_REMOTE | R_READ)
    yield Status.SEG_RANGE, changed(segaddr=table.address(index, end) if end < 1 << 40 else word,
                                    ) if end < 1 << 40 else entry(size=1)
    yield Status.SEG_RANGE, changed(segaddr=table.address(index, (1 << 40) - 1))
    yield Status.SEG_RANGE, entry(size=max(0, length - 1))
    good = changed(segaddr=table.address(index, 4090))
    yield Status.SEG_RANGE, entry(base=(1 << 64) - 4096, size=4096)
    good = bench.operation(ch, length, index, offset=0)
    yield Status.BAD_LENGTH, changed(total_len=length + 1)
    yield Status.BAD_LENGTH, [(replace(good[-1][0], flags=FIRST | LAST, offset=0, total_len=0,
                                       payload_len=0), b"")]
    other = [FrameType.NOTIFY, 0x60, 0x77] if bench.p.get("READ_EN", 1) else [
        FrameType.READ, FrameType.READ_DATA, FrameType.ATOMIC]
    if not bench.p.get("SEND_EN", 1):
        other.append(FrameType.SEND)
    yield Status.BAD_OPCODE, changed(type=int(rng.choice(other)))
    yield Status.PEER_REFUSED, changed(src_ch=good[0][0].src_ch ^ 1)
    if bench.channels < 256:
        yield Status.PEER_REFUSED, changed(dst_ch=rng.randrange(bench.channels, 256))
    for broken in (Binding(), Binding(True, bench.peer ^ 1, good[0][0].src_ch, 1)):
        whole = bench.bindings[ch]
        yield Status.PEER_REFUSED, [lambda b=broken: bench.bindings.update({ch: b}), *good,
                                    lambda w=whole: bench.bindings.update({ch: w})]


@cocotb.test()
async def faults(dut):
    """Stimulus: every violation among good operations. Checking: the status of each, no byte of
    it written, the others untouched."""
    bench = await bench_of(dut)
    for rates in (Rates(), RATES[-1])[:MORE]:
        for status, frames in list(violations(bench)):
            before = bench.model.seen.get(int(status), 0)
            await bench.run([*bench.operation(bench.rng.randrange(bench.channels)), *frames,
                             *bench.operation(bench.rng.randrange(bench.channels))], rates)
            assert bench.model.seen.get(int(status), 0) == before + 1, f"{status!r} did not happen"


@cocotb.test()
async def midway(dut):
    """Stimulus: a revocation between two frames of an operation; lost, repeated and exchanged
    frames, jumps of the sequence, a new operation while one is open; then good ones.
    Checking: nothing is written after the fault; the answer has its status."""
    bench = await bench_of(dut)
    rng = bench.rng
    for _ in range(2 * MORE):
        ch = rng.randrange(bench.channels)
        index = next(i for i in range(bench.segments) if bench.table.get(i).channel == ch
                     and bench.table.get(i).size >= 5000)
        a = bench.operation(ch, 4000, index)
        seg = bench.table.get(index)
        gen = [a[0], a[1], lambda s=seg, i=index: bench.table.set(i, replace(s, gen=s.gen ^ 3)),
               *a[2:], lambda s=seg, i=index: bench.table.set(i, s)]
        b = bench.operation(ch, 4000, index)
        lost = [b[0], b[2], b[3]]
        headless = bench.operation(ch, 4000, index)[1:]
        twice = bench.operation(ch, 2500, index)
        twice = [twice[0], twice[1], twice[1], twice[2]]
        swap = bench.operation(ch, 3000, index)
        swap = [swap[0], swap[2], swap[1]]
        jump = bench.operation(ch, 3000, index)
        jump = [jump[0], *((replace(f, op_seq=f.op_seq ^ 1), d) for f, d in jump[1:])]
        late = bench.operation(ch, 3000, index)
        late[0] = (replace(late[0][0], offset=8), late[0][1])
        open_end = bench.operation(ch, 3000, index)[:2]
        for frames in (gen, lost, headless, twice, swap, jump, late, open_end):
            await bench.run([*frames, *bench.operation(ch)], rng.choice(RATES))
    assert {int(Status.KEY_REVOKED), int(Status.LINK_ERROR), 0} <= set(bench.model.seen)


@cocotb.test()
async def cancels(dut):
    """Stimulus: CANCEL after none, some and all-but-one of the frames; after a fault; with slow
    responses. Checking: op-nak ABORTED or the fault, after the writes before it."""
    bench = await bench_of(dut)
    for rates in (Rates(), Rates(latency=(30, 60)), RATES[-1]):
        items = []
        for keep in (0, 1, 2, 3):
            ch = bench.rng.randrange(bench.channels)
            index = next(i for i in range(bench.segments) if bench.table.get(i).channel == ch)
            frames = bench.operation(ch, 4000, index)
            items += [*frames[:keep], bench.cancel(frames[0][0])]
        bad = bench.operation(0, 4000, next(i for i in range(bench.segments)
                                            if bench.table.get(i).channel == 0))
        bad = [(replace(f, type=0x16), d) for f, d in bad]
        items += [*bad[:2], bench.cancel(bad[0][0])]
        odd = bench.operation(0, 10)[0]
        items.append((replace(odd[0], flags=CANCEL | LAST), odd[1]))  # payload is dropped
        await bench.run(items, rates)
    assert bench.model.seen[int(Status.ABORTED)] == 15
    assert bench.model.seen[int(Status.BAD_OPCODE)] == 3


@cocotb.test()
async def write_errors(dut):
    """Stimulus: error responses at random, several in an operation, faults among them.
    Checking: the first error is answered, with its operation and no other."""
    bench = await bench_of(dut)
    bench.error_rate = 0.2
    for rates in RATES:
        items = [bench.operation(bench.rng.randrange(bench.channels)) for _ in range(6 * MORE)]
        bad = [(replace(f, type=0x20), d) for f, d in bench.operation(0)]
        await bench.run(interleave(bench.rng, [*items, bad]), rates)
    assert {int(Status.WRITE_SLVERR), int(Status.WRITE_DECERR), 0} <= set(bench.model.seen)


@cocotb.test()
async def answers_blocked(dut):
    """Stimulus: rsp_ready stays low while frames with and without fault arrive.
    Checking: frames are taken and written until every slot is in use; then all ends well."""
    bench = await bench_of(dut)
    slots = bench.channels + 16
    items = []
    for n in range(2 * slots):
        frame = bench.operation(n % bench.channels, 8)
        items += [(replace(f, type=0x77), d) for f, d in frame] if n % 5 == 0 else frame
    rest = list(items)
    held = await bench.run(rest, Rates(latency=(1, 2)), hold_rsp=True)
    assert held == slots, f"{held} of {slots} slots"
    assert not bench.model.writes, "frames wait for the answers"


@cocotb.test()
async def throughput(dut):
    """Stimulus: frames of 1024 and 64 bytes back to back, aligned and not. Checking: cycles."""
    bench = await bench_of(dut)
    index = next(i for i in range(bench.segments) if bench.table.get(i).size >= 70000)
    ch = bench.table.get(index).channel
    lanes = bench.lanes
    for size, offset in ((1024, 0), (1024, 3), (64, 0), (64, 5)):
        frames = [f for n in range(12)
                  for f in bench.operation(ch, size, index, offset + 1024 * n)]
        cycles = await bench.run(frames, Rates(), slots=10000)
        beats = -(-(size + offset % lanes) // lanes)
        each = max(beats, 3)
        dut._log.info("%d bytes at %d: %.2f cycles a frame", size, offset, cycles / 12)
        assert cycles <= 12 * each + 8, f"{size} bytes: {cycles} cycles"


@cocotb.test()
async def reset_midway(dut):
    """Stimulus: reset at random moments. Checking: afterwards everything works as new."""
    bench = await bench_of(dut)
    for _ in range(10 * MORE):
        frames = interleave(bench.rng, [bench.operation(bench.rng.randrange(bench.channels))
                                        for _ in range(6)])
        await bench.run(frames, bench.rng.choice(RATES), stop_after=bench.rng.randrange(1, 150))
        await bench.reset(clock=False)
        assert not dut.busy.value and not dut.wb_valid.value and not dut.rsp_valid.value
        bench.fresh()
    await bench.run(bench.operation(0), Rates())


@cocotb.test()
async def scoreboard_fails(dut):
    """Stimulus: an answer, or a write, is changed on its way to the scoreboard.
    Checking: it fails each time."""
    bench = await bench_of(dut)
    for kind, change in (
        ("answer", lambda a: replace(a, status=a.status ^ 0x90)),
        ("answer", lambda a: replace(a, tag=a.tag ^ 1)),
        ("answer", lambda a: replace(a, op_seq=a.op_seq ^ 1)),
        ("write", lambda w: replace(w, addr=w.addr + 1)),
        ("write", lambda w: replace(w, data=w.data[:-1] + bytes([w.data[-1] ^ 1]))),
        ("write", lambda w: replace(w, user=w.user ^ 1)),
    ):
        bench.tamper = lambda k, v, kind=kind, change=change: change(v) if k == kind else v
        with pytest.raises(AssertionError):
            await bench.run(bench.operation(0, 100), Rates())
        await bench.reset(clock=False)
        bench.fresh()
    bench.compared = 0
    with pytest.raises(AssertionError, match="nothing was compared"):
        bench.finish()
    await ClockCycles(dut.clk, 1)


CONFIGS = [
    {"DATA_W": 64, "CHANNELS": 8, "PEERS": 1, "PEER": 0, "SEGMENTS": 32},
    {"DATA_W": 512, "CHANNELS": 8, "PEERS": 3, "PEER": 2, "SEGMENTS": 32},
    {"DATA_W": 128, "CHANNELS": 1, "PEERS": 2, "PEER": 1, "SEGMENTS": 5, "MAX_BURST_BYTES": 256, "READ_EN": 0,
     "ATOMIC_EN": 0},
]


@builds(CONFIGS, {128: pytest.mark.sweep_icarus, 512: pytest.mark.sweep_icarus})
def test_crl_target(sim, config):
    run_sim("crl_target", __name__, config, sim=sim)
