# SPDX-License-Identifier: Apache-2.0
"""SEND at crl_target: receive entries asked for and kept, buffers checked as local addresses, and how an entry ends."""

from __future__ import annotations

import random
from dataclasses import replace

import cocotb
import pytest

from models.gen.carillon_layout import FrameType, Status
from models.segments import R_LOCAL, R_READ, R_REMOTE, R_WRITE
from tb.lib.sim import run_sim
from tb.unit.target_bench import Rates, builds
from tb.unit.target_model import Buffer
from tb.unit.test_crl_target import RATES, bench_of, interleave

SEND = int(FrameType.SEND)
LENGTHS = (0, 1, 8, 64, 100, 511, 1024, 1500, 2600)


def send(bench, ch, length, **fields):
    """Its header's address means nothing; the peer's engine writes 0."""
    return bench.message(ch, length, **{"type": SEND, "segaddr": bench.rng.choice((0, bench.rng.getrandbits(64))), **fields})


def some(bench, count=10):
    """SENDs and WRITE_IMMs of one frame and of several, asked for or not, and WRITEs, mixed."""
    rng, out = bench.rng, []
    for _ in range(count):
        ch, kind = rng.randrange(bench.channels), rng.random()
        if kind < 0.6:
            out.append(send(bench, ch, rng.choice(LENGTHS), ask=rng.random() < 0.3))
        elif kind < 0.8:
            out.append(bench.message(ch, rng.choice(LENGTHS), ask=rng.random() < 0.3))
        else:
            out.append(bench.operation(ch))
    return interleave(rng, out)


@cocotb.test()
async def sends(dut):
    """Stimulus: SENDs, WRITE_IMMs and WRITEs of all channels mixed x idle and back-pressure x latency; receivers ready, now and then,
    never; buffers by segment and absolute, some too short; error responses. A message whose question was refused comes
    nevertheless. Checking: an entry is asked for only when all else is right; bytes where it says, for the channel's owner;
    entries in order behind all responses, with an error too; what is told of entries that will be used up; the answers."""
    bench = await bench_of(dut)
    for ready, errors in ((1.0, 0.0), (0.5, 0.0), (0.0, 0.0), (0.9, 0.1)):
        bench.p_ready, bench.error_rate = ready, errors
        for rates in RATES:
            await bench.run(some(bench, 14), rates)
            if ready == 1.0:   # surely one that does not fit
                ch = bench.rng.randrange(bench.channels)
                bench.buffers.append(bench.buffer(ch, 1500))
                await bench.run(send(bench, ch, 2600) + some(bench, 2), rates)
    seen = bench.model.seen
    assert {0, int(Status.RECEIVER_NOT_READY), int(Status.LINK_ERROR), int(Status.WRITE_SLVERR), int(Status.RECV_TOO_SHORT)} <= set(seen), seen


@cocotb.test()
async def buffers(dut):
    """Stimulus: a SEND of no byte, one frame and several, each into a buffer with one thing wrong: opcode, length, key, segment, rights,
    range, channel, beyond 2^64; and into one that is just right: at a segment's end, without the REMOTE right, up to 2^64; both at the
    end of the largest segment.
    Checking: the status, for the peer and in the entry, that ends; nothing written."""
    bench = await bench_of(dut)
    bench.p_ready = 1.0
    table, rng = bench.table, bench.rng
    for ch in range(min(bench.channels, 3)):
        mine = next(i for i in range(bench.segments) if table.get(i).channel == ch)
        # A segment that ends before 2^40: what is behind its end is an address. The largest one has its turn below.
        seg = replace(table.get(mine), size=rng.choice((5000, 8192, 70001, 1 << 20)))
        table.set(mine, seg)
        for size in (0, 1, 700, 2600):
            def wrong(size=size, ch=ch, mine=mine, seg=seg):
                good = bench.buffer(ch, max(size, 1), absolute=False)
                yield replace(good, bad=1)
                yield replace(good, length=max(size - 1, 0))
                yield replace(good, dst=good.dst ^ 1 << rng.randrange(40, 52))
                yield replace(good, dst=good.dst | 0xFF << 56)
                yield replace(good, dst=table.address(mine, seg.size - size + 1))
                yield replace(good, dst=table.address(mine, (1 << 40) - 1))
                yield Buffer((1 << 64) - max(size - 1, 1), max(size, 1), 0, 1)
                yield Buffer((1 << 64) - 1, size, 0, 1)

            def right(size=size, ch=ch, mine=mine, seg=seg):
                yield Buffer(table.address(mine, seg.size - size), size)
                yield Buffer((1 << 64) - size & (1 << 64) - 1, size, 0, 1)
                yield Buffer(rng.getrandbits(40), 0xFFFFFFFF, 0, 1)

            for b in (*wrong(), *right()):
                bench.buffers.append(b)
                await bench.run(send(bench, ch, size) + bench.operation(ch, 10), Rates(0.7, 0.7, 0.7, 0.7, (1, 9)))
            for rights, channel in ((R_WRITE | R_LOCAL, ch), (R_READ | R_LOCAL | R_REMOTE, ch), (R_WRITE | R_REMOTE, ch),
                                    (R_WRITE | R_LOCAL, bench.channels)):
                table.set(mine, replace(seg, rights=rights, channel=channel))
                bench.buffers.append(Buffer(table.address(mine, 0), 4096))
                await bench.run(send(bench, ch, size), Rates())
                table.set(mine, seg)
            table.set(mine, replace(seg, size=1 << 40))
            for at in ((1 << 40) - max(size, 1), (1 << 40) - max(size - 1, 1)):
                bench.buffers.append(Buffer(table.address(mine, at), 4096))
                await bench.run(send(bench, ch, size), Rates())
            table.set(mine, seg)
    s = Status
    want = {0, s.BAD_OPCODE, s.RECV_TOO_SHORT, s.KEY_REVOKED, s.SEG_INVALID, s.SEG_RANGE, s.SEG_RIGHTS, s.SEG_BINDING, s.ADDR_WRAP}
    assert {int(x) for x in want} <= set(bench.model.seen), bench.model.seen


@cocotb.test()
async def faults(dut):
    """Stimulus: a SEND with each field wrong; its frames after those of a WRITE_IMM and the reverse; frames longer than asked for; CANCEL in
    its middle and at once; one that is left behind; its segment revoked in its middle, with LAST or CANCEL to come.
    Checking: the status; no entry is asked for when anything else is wrong; one that was given is used up or comes back as it must."""
    bench = await bench_of(dut)
    bench.p_ready = 1.0
    rates = Rates(0.6, 0.7, 0.6, 0.5, (1, 20))
    for ch in range(min(bench.channels, 3)):
        for ask in (False, True):
            def change(k, ch=ch, ask=ask, **fields):
                frames = send(bench, ch, 900, ask=ask)
                frames[k] = (replace(frames[k][0], **fields), frames[k][1])
                return frames

            items = change(0, offset=8) + change(0, total_len=1 << 31)
            items += change(-1, type=int(FrameType.WRITE)) + change(-1, type=int(FrameType.WRITE_IMM)) + change(-1, op_seq=77)
            items += bench.operation(ch, 100)
            if ask:
                head, rest = send(bench, ch, 900, ask=True)[0], bench.operation(ch, 64)
                items += change(-1, total_len=1000) + [(replace(head[0], payload_len=8), bytes(8))] + rest
                imm = bench.message(ch, 900, ask=True)
                imm[-1] = (replace(imm[-1][0], type=SEND), imm[-1][1])
                frames = send(bench, ch, 3000)
                items += imm + frames[:2] + [bench.cancel(frames[1][0])]
                items += send(bench, ch, 2000)[:1] + [bench.cancel(replace(frames[1][0], op_seq=0))]
                for left in (bench.operation(ch, 1500), send(bench, ch, 64), bench.message(ch, 64)):
                    items += send(bench, ch, 700, ask=True)[:1] + left + send(bench, ch, 64)
            await bench.run(items, rates)
        # Revoked behind the second frame. A frame is not judged while the table changes.
        seg = {i: bench.table.get(i) for i in range(bench.segments)}
        for cancel in (False, True):
            bench.buffers.append(bench.buffer(ch, 4096, absolute=False))
            frames = send(bench, ch, 3000)

            async def part(items, ch=ch):
                await bench.run(items, rates)

            def revoke(seg=seg):
                for i, s in seg.items():
                    bench.table.set(i, replace(s, gen=s.gen + 1 & 0xFFF))

            tail = [bench.cancel(frames[-1][0])] if cancel else frames[-1:]
            await part([*frames[:2], revoke, *frames[2:-1], *tail])
            for i, s in seg.items():
                bench.table.set(i, s)
    assert {int(Status.LINK_ERROR), int(Status.BAD_LENGTH), int(Status.ABORTED), int(Status.KEY_REVOKED)} <= set(bench.model.seen), bench.model.seen


@cocotb.test()
async def entries_come_back(dut):
    """Stimulus: SENDs that were permitted, of all channels; then one channel dies, or the link is lost, and the rest of the frames comes.
    Checking: the entries of those channels, and no others, come back; what follows of a dead channel's is refused with ABORTED;
    in a new session a SEND is taken again."""
    bench = await bench_of(dut)
    bench.p_ready, bench.unordered = 1.0, True
    for turn in range(6):
        use = random.Random(turn).sample(range(bench.channels), min(bench.channels, 4))
        bench.buffers.extend(bench.buffer(ch, 4096) for ch in use)
        opened = [send(bench, ch, 2000) for ch in use]
        items = [x for frames in opened for x in frames[:2]]
        lost = turn % 2 == 1
        victims = use if lost else use[:1]

        def die(victims=victims, lost=lost):
            if lost:
                dut.link_up.value = 0
            else:
                dut.dead.value = 1 << victims[0]
            for ch in victims:
                bench.model.give_back(ch, lost)
            bench.wait = True

        def live():
            dut.link_up.value, dut.dead.value = 1, 0

        items += [die]
        if not lost:
            items += [x for frames in opened for x in frames[2:]]
        items += [live, *send(bench, use[0], 300, ask=True), *send(bench, use[-1], 64)]
        await bench.run(items, Rates(0.7, 0.8, 0.6, 0.5, (1, 20)))
    assert int(Status.ABORTED) in bench.model.seen


@cocotb.test()
async def scoreboard_notices(dut):
    """Stimulus: SENDs, with one field of what comes out spoiled. Checking: the bench fails each time."""
    bench = await bench_of(dut)
    bench.p_ready = 1.0
    for what in ("imm", "bytes", "irq", "send", "status"):
        def tamper(kind, value, what=what):
            return replace(value, **{what: getattr(value, what) ^ 1}) if kind == "slot" else value

        bench.tamper = tamper
        with pytest.raises(AssertionError, match="slot"):
            await bench.run(some(bench, 12), Rates())
        bench.tamper = lambda kind, value: value
        await bench.reset(clock=False)
        bench.fresh()


@cocotb.test()
async def reset_in_mid_flight(dut):
    """Stimulus: reset while SENDs are open, questions unanswered and entries owed. Checking: all works from the start."""
    bench = await bench_of(dut)
    for cycles in (30, 77, 140):
        await bench.run(some(bench, 12), Rates(rsp=0.2), stop_after=cycles)
        await bench.reset(clock=False)
        bench.fresh()
        await bench.run(some(bench, 6), Rates())


CONFIGS = [
    {"DATA_W": 64, "CHANNELS": 8, "PEERS": 1, "PEER": 0, "SEGMENTS": 32},
    {"DATA_W": 512, "CHANNELS": 3, "PEERS": 3, "PEER": 2, "SEGMENTS": 32, "READ_EN": 0},
    {"DATA_W": 128, "CHANNELS": 1, "PEERS": 2, "PEER": 1, "SEGMENTS": 5, "MAX_BURST_BYTES": 256},
]


@builds(CONFIGS, {64: pytest.mark.sweep_icarus, 512: pytest.mark.sweep})
def test_crl_target_send(sim, config):
    run_sim("crl_target", __name__, config, sim=sim,
            testcase="sends,buffers,faults,entries_come_back,scoreboard_notices,reset_in_mid_flight")
