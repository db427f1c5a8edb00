# SPDX-License-Identifier: Apache-2.0
"""The link model of the system tests: each fault comes at its rate, none without one, and a seed replays them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import cocotb
import pytest
from cocotb.triggers import Timer

from tb.lib.sim import run_sim
from tb.lib.testbed import LinkPipe

pytestmark = pytest.mark.unit
COUNTERS = ("flips", "bursts", "drops", "dups", "swaps", "trims", "joins", "cuts", "lates", "holds")
CLOCK_NS = 10


@dataclass
class Seen:
    """What one run of frames showed, from the two logs alone."""

    sent: list[str]
    got: list[str]

    @property
    def missing(self) -> int:
        return len(set(self.sent) - set(self.got))

    @property
    def doubled(self) -> int:
        return len(self.got) - len(set(self.got))

    @property
    def displaced(self) -> int:
        """Frames that arrive after one that was sent later."""
        place = {f: i for i, f in enumerate(self.sent)}
        order = [place[f] for f in dict.fromkeys(self.got) if f in place]
        top, late = -1, 0
        for at in order:
            late += at < top
            top = max(top, at)
        return late

    def bits(self) -> list[int]:
        """Positions of flipped bits, when nothing but bits is changed; over the whole run."""
        assert [len(f) for f in self.sent] == [len(f) for f in self.got]
        out, base = [], 0
        for a, b in zip(self.sent, self.got, strict=True):
            for x, y in zip(a.split(), b.split(), strict=True):
                if x != y:
                    delta = int(x, 16) ^ int(y, 16)
                    out += [base + i for i in range(4 * len(x)) if delta >> i & 1]
                base += 4 * len(x)
        return out


class Bench:
    def __init__(self, dut) -> None:
        self.dut, self.pipe = dut, LinkPipe(dut.pipe)
        self.total = 0

    async def start(self, delay: int = 5) -> None:
        self.dut.rst.value = 1
        self.dut.go.value = 0
        self.dut.p_ready.value = 0
        self.pipe.clean()
        await Timer(100, "ns")
        self.dut.rst.value = 0
        self.total = int(self.dut.sent.value)
        self.pipe.set(delay=delay)
        self.pipe.reseed(int(os.environ["CRL_SEED"]))
        await Timer(100, "ns")

    async def frames(self, count: int, *, settle: int = 2000) -> Seen:
        """Send frames, wait until nothing comes any more."""
        d = self.dut
        d.log.value = 1
        self.pipe.set(log=1)
        await Timer(50, "ns")
        self.total += count
        d.want.value = self.total
        d.go.value = 1
        while int(d.sent.value) < self.total:
            await Timer(count, "ns")
        await Timer(settle * CLOCK_NS, "ns")
        d.log.value = 0
        self.pipe.set(log=0)
        await Timer(50, "ns")
        return Seen(*([" ".join(line.split()[:-1]) for line in Path(name).read_text().splitlines()]
                      for name in ("pipe_log.txt", "out_log.txt")))

    def counts(self) -> dict[str, int]:
        return {name: self.pipe.get(f"st_{name}") for name in COUNTERS}


def about(seen: int, want: float) -> bool:
    """Within five standard deviations of a Poisson count."""
    return abs(seen - want) <= 5 * max(want, 1) ** 0.5


@cocotb.test()
async def clean(dut):
    """Stimulus: frames with stalls at both ends, all rates 0. Checking: what arrives is what was sent, no
    counter moves, a beat takes the delay that was set."""
    b = Bench(dut)
    for delay, stall in ((1, 0), (40, 0), (7, 60), (300, 90)):
        await b.start(delay)
        b.pipe.set(p_in=stall, p_out=stall)
        dut.p_ready.value = stall
        seen = await b.frames(150)
        assert seen.sent == seen.got and len(seen.sent) == 150
        if not stall:
            assert int(dut.at_got.value) - int(dut.at_sent.value) == delay
    assert not any(b.counts().values()) and not b.pipe.get("st_errors") and int(dut.link_up.value)


@cocotb.test()
async def rates(dut):
    """Stimulus: 1,500 frames with each random fault alone. Checking: the damage that the log of the far end
    shows, and the counter, are what the rate says."""
    b = Bench(dut)
    n = 1500
    for name, rate in (("drop", 0.1), ("dup", 0.1), ("swap", 0.05), ("trim", 0.1), ("join", 0.1),
                       ("ber", 1e-4), ("burst", 2e-5)):
        await b.start()
        before = b.counts()
        b.pipe.faults(**{name: rate})
        if name == "burst":
            b.pipe.set(burst_len=24)
        seen = await b.frames(n)
        b.pipe.faults()
        after = b.counts()
        moved = {k: after[k] - before[k] for k in COUNTERS if after[k] != before[k]}
        bits = sum(4 * len(x) for f in seen.sent for x in f.split())
        print(name, rate, "counted", moved, "seen: missing", seen.missing, "doubled", seen.doubled, "displaced",
              seen.displaced, flush=True)
        key = {"ber": "flips"}.get(name, name + "s")
        assert list(moved) == [key], f"{name}: {moved}"
        hits = moved[key]
        assert about(hits, rate * (bits if name in ("ber", "burst") else n)), f"{name}: {hits} hits"
        if name == "drop":
            assert seen.missing == hits and not seen.doubled and not seen.displaced
        elif name == "dup":
            assert seen.doubled == hits and not seen.missing
            assert all(seen.got[i] == seen.got[i - 1] for i in range(1, len(seen.got))
                       if seen.got[i] in seen.got[:i])
        elif name == "swap":
            assert not seen.missing and not seen.doubled and abs(seen.displaced - hits) <= 1
        elif name == "trim":
            short = [g for g in seen.got if g not in set(seen.sent)]
            assert len(short) == hits == seen.missing
            assert all(any(s.startswith(g) for s in seen.sent) for g in short)
        elif name == "join":
            assert " ".join(seen.sent).startswith(" ".join(seen.got))
            assert len(seen.sent) - len(seen.got) in (hits, hits + 1)
        elif name == "ber":
            assert len(seen.bits()) == hits
        elif name == "burst":
            places = seen.bits()
            groups = [[places[0]]]
            for at in places[1:]:
                if at - groups[-1][0] < 24:
                    groups[-1].append(at)
                else:
                    groups.append([at])
            assert abs(len(groups) - hits) <= 1 + hits // 10
            assert all(g[-1] - g[0] < 24 for g in groups) and max(map(len, groups)) > 3


@cocotb.test()
async def tiny_rates(dut):
    """Stimulus: a bit error rate of 1e-9, then 1e-5. Checking: none in some 10 Mbit, then about as many as due."""
    b = Bench(dut)
    await b.start()
    b.pipe.faults(ber=1e-9)
    before = b.counts()["flips"]
    seen = await b.frames(1000)
    assert len(seen.bits()) == b.counts()["flips"] - before <= 1
    b.pipe.faults(ber=1e-5)
    before = b.counts()["flips"]
    seen = await b.frames(6000)
    bits = sum(4 * len(x) for f in seen.sent for x in f.split())
    hits = b.counts()["flips"] - before
    assert len(seen.bits()) == hits and about(hits, bits * 1e-5), hits


@cocotb.test()
async def chosen(dut):
    """Stimulus: one chosen frame is flipped, lost, doubled, held back. Checking: that one, and no other."""
    b = Bench(dut)
    await b.start()
    for kind in ("flip", "lose", "double", "hold_back"):
        getattr(b.pipe, kind)(5)
        seen = await b.frames(12)
        fifth = seen.sent[4]
        if kind == "flip":
            assert len(seen.bits()) == 1 and seen.got[4] != fifth
            assert seen.got[:4] + seen.got[5:] == seen.sent[:4] + seen.sent[5:]
        elif kind == "lose":
            assert seen.got == seen.sent[:4] + seen.sent[5:]
        elif kind == "double":
            assert seen.got == [*seen.sent[:5], fifth, *seen.sent[5:]]
        else:
            at = seen.got.index(fifth)
            assert 5 <= at <= 8 and sorted(seen.got) == sorted(seen.sent)
            assert [f for f in seen.got if f != fifth] == [f for f in seen.sent if f != fifth]
    b.pipe.hold_back(12)  # the last one: nothing comes behind it, the time-out releases it
    seen = await b.frames(12)
    assert seen.got == seen.sent


@cocotb.test()
async def cuts_and_holds(dut):
    """Stimulus: cuts of a programmed length with the pin low or high, one without end, healed; holds. Checking: the
    beats of that time are lost and no others, the pin tells or does not, holds lose nothing, and end with the faults."""
    b = Bench(dut)
    for pin in (True, False):
        await b.start()
        b.pipe.cut(500, 300, pin=pin)
        cocotb.start_soon(watch(b, pins := []))
        seen = await b.frames(100)
        lost = sum(f.count(" ") + 1 for f in seen.sent) - sum(f.count(" ") + 1 for f in seen.got)
        assert 250 <= lost <= 300, lost
        assert (min(pins) == 0) == pin
        whole = [f for f in seen.got if f in seen.sent]
        assert len(whole) == len(set(whole)) and len(seen.got) - len(whole) <= 1
    await b.start()
    b.pipe.cut(500, 100, late=700)
    seen = await b.frames(100)
    late = [f for f in set(seen.got) if seen.got.count(f) == 2]
    assert b.pipe.get("st_lates") == len(late) == 1, "the last one before the cut comes again"
    first = seen.got.index(late[0])
    assert seen.got.index(late[0], first + 1) > first + 3 and seen.sent[seen.sent.index(late[0]) + 1] not in seen.got
    b.pipe.clean()
    b.pipe.cut(1, 0)
    seen = await b.frames(20)
    assert not seen.got and not int(dut.link_up.value)
    b.pipe.heal()
    seen = await b.frames(20)
    assert seen.got == seen.sent and int(dut.link_up.value)
    start = int(dut.cycle.value)
    seen = await b.frames(300)
    plain = int(dut.at_got.value) - start
    b.pipe.faults(hold=0.01, hold_max=100)
    start = int(dut.cycle.value)
    seen = await b.frames(300)
    slow = int(dut.at_got.value) - start
    assert seen.got == seen.sent and b.counts()["holds"] > 20
    assert slow > 1.2 * plain, (slow, plain)
    b.pipe.faults(hold=0.9, hold_max=60000)
    await Timer(10, "us")
    b.pipe.clean()
    start = int(dut.cycle.value)
    seen = await b.frames(20)
    assert seen.got == seen.sent and int(dut.at_got.value) - start < plain, "a hold goes on"


async def watch(b: Bench, pins: list[int]) -> None:
    for _ in range(1000):
        pins.append(int(b.dut.link_up.value))
        await Timer(20, "ns")


@cocotb.test()
async def replay(dut):
    """Stimulus: the same frames and all faults with the same seed twice, then with another. Checking: the same
    damage, then another."""
    b = Bench(dut)
    outs = []
    for seed in (5, 5, 6):
        await b.start()
        b.pipe.reseed(seed)
        dut.rnd.value = 77
        dut.sent.value = b.total = 0
        b.pipe.faults(ber=1e-4, burst=1e-5, drop=0.03, dup=0.03, swap=0.03, trim=0.03, join=0.03, hold=0.001)
        outs.append(await b.frames(200))
        b.pipe.clean()
        await Timer(1, "us")
    assert outs[0].got == outs[1].got, "the same seed"
    assert outs[0].got != outs[2].got, "another seed"


@pytest.mark.parametrize("width", [64, 512])
def test_link_model(width):
    run_sim("crl_tb_pipe_bench", __name__, {"LINK_W": width},
            ["tb/components/crl_tb_linkpipe.sv", "tb/unit/crl_tb_pipe_bench.sv"], sim="verilator", public="top")
