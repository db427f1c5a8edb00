# SPDX-License-Identifier: Apache-2.0
"""crl_target: READ requests of the peer, and the answers to own READs, good, late and wrong."""

from __future__ import annotations

import random
from dataclasses import replace

import cocotb
import pytest
from cocotb.triggers import ClockCycles

from models.gen.carillon_layout import Frame, FrameType, Status
from models.segments import R_ATOMIC, R_LOCAL, R_READ, R_REMOTE, R_WRITE
from tb.lib.sim import run_sim
from tb.unit.target_bench import Bench, Rates, builds
from tb.unit.target_model import CANCEL, FIRST, LAST, Kill, Own
from tb.unit.test_crl_target import RATES, interleave


async def bench_of(dut) -> Bench:
    """Segments may be read and written by peers and by this node."""
    bench = Bench(dut, random.Random(cocotb.RANDOM_SEED))
    await bench.reset()
    await ClockCycles(dut.clk, 140)  # the table of own READs is being cleared
    bench.set_up()
    for i in range(bench.segments):
        bench.table.set(i, replace(bench.table.get(i), rights=R_READ | R_WRITE | R_LOCAL | R_REMOTE))
    return bench


def asks(bench, ch, length=None):
    """The requests of a READ, as the peer's engine makes them."""
    out = []
    for frame, data in bench.operation(ch, length):
        out.append((replace(frame, type=int(FrameType.READ), flags=frame.flags & (FIRST | LAST), payload_len=0,
                            operand0=len(data)), b""))
    return out


class Reader:
    """Own READs: what begins them, and the frames that answer."""

    def __init__(self, bench) -> None:
        self.bench, self.gen = bench, 0

    def begin(self, length=None, absolute=None, index=None) -> Own:
        b, rng = self.bench, self.bench.rng
        ch = rng.randrange(b.channels)
        length = length or rng.choice([1, 7, 64, 511, 1024, 1025, 2500, 4000])
        if absolute or (absolute is None and rng.random() < 0.3):
            absolute, dst = 1, (rng.getrandbits(51) << 12) + rng.randrange(4096)
        else:
            absolute = 0
            i = rng.choice([k for k in range(b.segments) if b.table.get(k).channel == ch and b.table.get(k).size >= 5000])
            dst = b.table.address(i, rng.randrange(b.table.get(i).size - length + 1))
        self.gen = (self.gen + 1) % 512
        tag = self.gen << 7 | (rng.randrange(128) if index is None else index)
        return Own(tag, ch, rng.randrange(256), absolute, dst % (1 << 64), length)

    def answers(self, own: Own):
        b = self.bench
        out = []
        for at in range(0, own.total, b.mtu):
            size = min(b.mtu, own.total - at)
            flags = (FIRST if at == 0 else 0) | (LAST if at + size == own.total else 0)
            out.append((Frame(type=int(FrameType.READ_DATA), flags=flags, src_ch=b.rng.randrange(256),
                              dst_ch=b.rng.randrange(256), op_seq=b.rng.getrandbits(16), tag=own.tag,
                              segaddr=b.rng.getrandbits(64), total_len=own.total, offset=at, payload_len=size),
                        b.rng.randbytes(size)))
        return out

    def failed(self, own: Own, status: int, at: int = 0):
        frame, _ = self.answers(own)[0]
        return (replace(frame, offset=at, payload_len=0, status=status), b"")


def mixed(bench, streams):
    """Streams mixed, each in its order; what begins an operation comes before its frames."""
    out, left = [], [list(s) for s in streams if s]
    while left:
        s = bench.rng.choice(left)
        out.append(s.pop(0))
        left = [s for s in left if s]
    return out


@cocotb.test()
async def requests(dut):
    """Stimulus: READs and WRITEs of all channels mixed; READs that are too long, in the middle of nothing, beyond the
    segment, without the right, cancelled, with payload.
    Checking: every verdict and address at the responder; WRITEs are not held up; slots."""
    bench = await bench_of(dut)
    rng = bench.rng
    for rates in RATES:
        ops = [asks(bench, c) if rng.random() < 0.5 else bench.operation(c)
               for c in (rng.randrange(bench.channels) for _ in range(8))]
        bad = asks(bench, 0, 2500)
        kind = rng.randrange(6)
        if kind == 0:
            bad = [(replace(f, operand0=f.operand0 + (1 << 16)), d) for f, d in bad]
        elif kind == 1:
            bad = bad[1:]
        elif kind == 2:
            bad = [(replace(f, segaddr=f.segaddr ^ 1 << 45), d) for f, d in bad]
        elif kind == 3:
            bad = [(replace(f, payload_len=3), b"abc") for f, d in bad]
        elif kind == 4:
            bad = [bad[0], (replace(bad[1][0], flags=CANCEL), b"")]
        else:
            bad = [(replace(f, operand0=0), d) for f, d in bad]
        await bench.run(interleave(rng, [*ops, bad]), rates)
    index = next(i for i in range(bench.segments) if bench.table.get(i).channel == 0)
    seg = bench.table.get(index)
    frames = bench.operation(0, 100, index)
    frames = [(replace(f, type=int(FrameType.READ), payload_len=0, operand0=len(d)), b"") for f, d in frames]
    await bench.run([lambda: bench.table.set(index, replace(seg, rights=R_WRITE | R_REMOTE)), *frames,
                     lambda: bench.table.set(index, seg)], Rates())
    assert {0, int(Status.SEG_RIGHTS)} <= set(bench.model.seen)


@cocotb.test()
async def atomics_refused(dut):
    """Stimulus: ATOMICs that are not to be carried out, among WRITEs and READs: where no multiple of 8 is, of another length, in pieces, at an
    offset, beyond the segment, without the right, with an old key, from elsewhere. Checking: the status of each, by an
    answer of the responder; a build without atomics says BAD_OPCODE."""
    bench = await bench_of(dut)
    without = not bench.p.get("ATOMIC_EN", 1)
    index = next(i for i in range(bench.segments) if bench.table.get(i).channel == 0)
    plain = bench.table.get(index)
    seg = replace(plain, size=5000, rights=plain.rights | R_ATOMIC)
    d = bench.operation(0, 8, index, 16)[0][0]
    d = replace(d, type=int(FrameType.ATOMIC), flags=FIRST | LAST, payload_len=0, operand0=bench.rng.getrandbits(64),
                segaddr=bench.table.address(index, 16))
    cases = [
        (Status.BAD_ALIGN, {"segaddr": d.segaddr + 4}, {}), (Status.BAD_ALIGN, {"segaddr": d.segaddr + 1}, {"gen": seg.gen ^ 1}),
        (Status.BAD_LENGTH, {"total_len": 9}, {}), (Status.BAD_LENGTH, {"total_len": 4, "segaddr": d.segaddr + 4}, {}),
        (Status.BAD_LENGTH, {"total_len": 16, "flags": FIRST}, {}), (Status.LINK_ERROR, {"offset": 8, "total_len": 16}, {}),
        (Status.LINK_ERROR, {"flags": LAST}, {}), (Status.SEG_RANGE, {"segaddr": bench.table.address(index, 5000)}, {}),
        (Status.SEG_RIGHTS, {}, {"rights": plain.rights}), (Status.KEY_REVOKED, {}, {"gen": seg.gen ^ 1}),
        (Status.SEG_INVALID, {}, {"valid": False}), (Status.PEER_REFUSED, {"src_ch": d.src_ch ^ 1}, {}),
    ]
    for rates in RATES:
        for status, fields, change in cases:
            want = int(Status.BAD_OPCODE if without and status != Status.PEER_REFUSED else status)
            before = bench.model.seen.get(want, 0)
            await bench.run([lambda c=change: bench.table.set(index, replace(seg, **c)), (replace(d, **fields), b""),
                             lambda: bench.table.set(index, plain), *bench.operation(0), *asks(bench, 0)], rates)
            assert bench.model.seen.get(want, 0) == before + 1, f"{status!r} did not happen"


@cocotb.test()
async def answers(dut):
    """Stimulus: own READs of all sizes and alignments, segment and absolute destinations, their answers mixed with each
    other and with WRITEs; write errors. Checking: every byte, count, end, with the first write error of its own operation."""
    bench = await bench_of(dut)
    reader = Reader(bench)
    for turn, rates in enumerate(RATES):
        bench.error_rate = 0.1 if turn % 2 else 0.0
        streams = [bench.operation(c) for c in range(min(bench.channels, 3))]
        used = random.Random(turn).sample(range(128), 6)
        by_ch: dict[int, list] = {}
        for index in used:
            own = reader.begin(index=index)
            by_ch.setdefault(own.ch, []).extend([own, *reader.answers(own)])
        await bench.run(mixed(bench, [*streams, *by_ch.values()]), rates)


@cocotb.test()
async def begins_among_answers(dut):
    """Stimulus: own READs begin every second cycle, as fast as the engine can, while answers to others come without a pause, so
    that the target's table is looked up and written all the time. Checking: none is lost: later each has its bytes and its end."""
    bench = await bench_of(dut)
    reader = Reader(bench)
    for turn in range(8):
        used = random.Random(turn).sample(range(128), 48)
        before = [reader.begin(bench.rng.choice((1, 8, 64)), index=i) for i in used[:24]]
        beside = [reader.begin(bench.rng.choice((1, 8, 64)), index=i) for i in used[24:]]
        answers = [x for own in before for x in reader.answers(own)]
        await bench.run([*before, lambda some=beside: bench.beside.extend(some), *answers], Rates())
        assert not bench.beside, "READs that did not begin"
        await bench.run([x for own in beside for x in reader.answers(own)], Rates())


@cocotb.test()
async def wrong_answers(dut):
    """Stimulus: answers to nothing, of an older generation, out of order, twice, too long, empty, after the end; with a
    status in the middle. Checking: nothing of them is written, slots come back, the end comes once."""
    bench = await bench_of(dut)
    reader, rng = Reader(bench), bench.rng
    for turn in range(6):
        rates = rng.choice(RATES)
        own = reader.begin(3500)
        good = reader.answers(own)
        nobody = reader.answers(replace(own, tag=own.tag ^ 0x40))
        old = [(replace(f, tag=f.tag ^ 1 << 9), d) for f, d in good]
        long = [(replace(good[1][0], payload_len=bench.mtu), good[1][1])]
        empty = [(replace(good[1][0], payload_len=0), b"")]
        items = [own, *nobody, *old, good[1], good[0], good[0], *empty, good[2], *long]
        if turn % 2:
            items += [reader.failed(own, 0x92, 2048), *good[2:]]
        else:
            items += [*good[2:], *good, reader.failed(own, 0x91)]
        await bench.run(items, rates)
        again = reader.begin(600, index=own.tag % 128)
        await bench.run([again, *good, *reader.answers(again)], rates)


@cocotb.test()
async def kills(dut):
    """Stimulus: the engine asks for the end of a READ before, between and after its frames, while writes wait for their
    responses; of one that is over or was never there. Checking: the end comes once, after the responses of what was written;
    frames that follow are dropped."""
    bench = await bench_of(dut)
    reader = Reader(bench)
    for rates in (Rates(), Rates(latency=(30, 80)), RATES[-1]):
        for keep in range(5):
            own = reader.begin(3500)
            good = reader.answers(own)
            kill = Kill(own.tag, int(Status.LINK_ERROR))
            await bench.run([own, *good[:keep], kill, *good[keep:], Kill(own.tag ^ 0x4000, 0x33), kill], rates)


@cocotb.test()
async def revoked_here(dut):
    """Stimulus: the destination's segment loses its key, its right, LOCAL or its length between two frames.
    Checking: KEY_REVOKED, nothing more is written; absolute destinations don't mind."""
    bench = await bench_of(dut)
    reader = Reader(bench)
    for change in ({"gen": 7}, {"rights": R_READ | R_LOCAL}, {"rights": R_WRITE | R_READ | R_REMOTE}, {"size": 4096},
                   {"valid": False}):
        own = reader.begin(4000, absolute=0)
        index = own.dst >> 52
        seg = bench.table.get(index)
        good = reader.answers(own)
        await bench.run([own, good[0], lambda i=index, s=seg, c=change: bench.table.set(i, replace(s, **c)), *good[1:],
                         lambda i=index, s=seg: bench.table.set(i, s)], Rates())
        whole = reader.begin(3000, absolute=1)
        await bench.run([whole, *reader.answers(whole)], Rates())


def errors(bench, on):
    """From here on all writes fail, or none; nothing is under way then."""
    return lambda: setattr(bench, "error_rate", 1.0 if on else 0.0)


async def overtaken(dut, fails: int) -> None:
    """The answer to an operation of one frame comes between the frames of a READ of its channel; the write of one frame fails."""
    bench = await bench_of(dut)
    reader = Reader(bench)
    own = reader.begin(2500, absolute=1, index=0)
    short = replace(reader.begin(8, absolute=1, index=1), ch=own.ch)
    a, b = reader.answers(own), reader.answers(short)
    await bench.run([own, short, errors(bench, fails == 0), a[0], errors(bench, fails == 1), *b, errors(bench, False), *a[1:]], Rates())


@cocotb.test()
async def overtaken_after_an_error(dut):
    """Stimulus: a READ whose first write has failed is overtaken by the answer to an atomic of its channel, which waits for no READ.
    Checking: the READ ends with its write error."""
    await overtaken(dut, 0)


@cocotb.test()
async def overtaken_with_an_error(dut):
    """Stimulus: it is the atomic's write that fails. Checking: the READ ends well."""
    await overtaken(dut, 1)


@cocotb.test()
async def killed_beside(dut):
    """Stimulus: the engine asks for the end of another READ of the channel between the frames of a READ whose first write has failed, as
    a WRITE's first frame is at the input. Checking: that one ends with its write error."""
    bench = await bench_of(dut)
    reader = Reader(bench)
    own = reader.begin(2500, absolute=1, index=0)
    other = replace(reader.begin(2500, absolute=1, index=1), ch=own.ch)
    a = reader.answers(own)
    await bench.run([own, other, errors(bench, True), a[0], errors(bench, False), Kill(other.tag, int(Status.OP_TIMEOUT)),
                     *bench.operation(0, 8), *a[1:]], Rates())


@cocotb.test()
async def scoreboard_fails(dut):
    """Stimulus: a request or an end is changed on its way to the scoreboard. Checking: it fails each time."""
    bench = await bench_of(dut)
    reader = Reader(bench)
    for kind, change in (("request", lambda r: replace(r, addr=r.addr + 1)), ("request", lambda r: replace(r, status=5)),
                         ("rdone", lambda e: (e[0], e[1] ^ 1)), ("rdone", lambda e: (e[0] ^ 1, e[1]))):
        bench.tamper = lambda k, v, kind=kind, change=change: change(v) if k == kind else v
        own = reader.begin(100)
        with pytest.raises(AssertionError):
            await bench.run([own, *reader.answers(own), *asks(bench, 0, 100)], Rates())
        await bench.reset(clock=False)
        await ClockCycles(dut.clk, 140)
        bench.fresh()


CONFIGS = [
    {"DATA_W": 64, "CHANNELS": 8, "PEERS": 1, "PEER": 0, "SEGMENTS": 32},
    {"DATA_W": 512, "CHANNELS": 8, "PEERS": 3, "PEER": 2, "SEGMENTS": 32},
    {"DATA_W": 128, "CHANNELS": 4, "PEERS": 1, "PEER": 0, "SEGMENTS": 32, "ATOMIC_EN": 0},
]


@builds(CONFIGS, {64: pytest.mark.sweep, 512: pytest.mark.sweep_icarus})
def test_crl_target_read(sim, config):
    run_sim("crl_target", __name__, config, sim=sim)
