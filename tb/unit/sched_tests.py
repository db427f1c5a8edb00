# SPDX-License-Identifier: Apache-2.0
"""cocotb tests of crl_dma_sched; tb/unit/test_crl_dma_sched.py says with which parameters they run.

What the scheduler did becomes a trace, and the properties of models/arb.py are checked on it.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterable
from dataclasses import replace

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly

from models.arb import (
    ChannelCfg,
    Grant,
    check_mgmt,
    check_one_percent,
    check_priority,
    check_rate,
    check_shares,
)
from tb.lib.sim import sim_parameters

INPUTS = (
    "elig", "pick_ready", "charge_valid", "charge_ch", "charge_bytes", "charge_none", "cfg_we", "cfg_ch",
    "cfg_class", "cfg_weight", "cfg_mgmt", "cfg_rate", "cfg_burst",
)


class SchedBench:
    """Stands for the issuer: takes picks, charges them, keeps the trace."""

    def __init__(self, dut) -> None:
        self.dut, self.p = dut, sim_parameters()
        self.rng = random.Random(getattr(cocotb, "RANDOM_SEED", 1))
        self.n, self.max_burst = self.p["CHANNELS"], self.p["MAX_BURST_BYTES"]
        self.frame = self.p["LINK_MTU"]
        # Icarus is slow with many channels (a millisecond for a cycle of 64): it does a part, Verilator all of it.
        self.slow = self.n > 2 and os.environ["CRL_SIM"] == "icarus"
        self.cfg = {c: ChannelCfg() for c in range(self.n)}
        self.trace: list[Grant] = []
        self.now = 0
        self.idle = 0  # cycles that took no pick and might have
        self.ready = 1.0
        self.elig = 0
        self.sizes = {c: (lambda r=self.rng, m=self.max_burst: r.randint(1, m)) for c in range(self.n)}
        self.frames: dict[int, int] = {}  # channel: bytes of its largest frame
        self._todo: list[tuple[int, int]] = []  # charges of the frame under way

    async def start(self) -> None:
        for name in INPUTS:
            getattr(self.dut, name).value = 0
        self.dut.rst.value = 1
        Clock(self.dut.clk, 10, "ns").start()
        await self.reset()

    async def reset(self) -> None:
        await FallingEdge(self.dut.clk)
        self.dut.charge_valid.value = 0
        self.dut.pick_ready.value = 0
        self.dut.rst.value = 1
        await FallingEdge(self.dut.clk)
        await FallingEdge(self.dut.clk)
        self.dut.rst.value = 0
        self.cfg = {c: ChannelCfg() for c in range(self.n)}
        self._todo.clear()

    async def configure(self, ch: int, **change) -> None:
        """Takes the place of a cycle without pick and charge."""
        d = self.dut
        self.cfg[ch] = replace(self.cfg[ch], **change)
        c = self.cfg[ch]
        while self._todo:
            await self.cycle()
        await FallingEdge(d.clk)
        self.now += 1
        d.charge_valid.value = d.pick_ready.value = 0
        d.cfg_we.value, d.cfg_ch.value, d.cfg_class.value = 1, ch, c.cls
        d.cfg_weight.value, d.cfg_mgmt.value = c.weight, c.mgmt
        d.cfg_rate.value, d.cfg_burst.value = c.rate, c.burst
        await FallingEdge(d.clk)
        self.now += 1
        d.cfg_we.value = 0
        await FallingEdge(d.clk)
        self.now += 1

    def _charge(self, ch: int, nbytes: int) -> None:
        """Nothing to charge is told by 0 bytes, or by charge_none beside any number."""
        d, rng = self.dut, self.rng
        none = nbytes == 0 and rng.random() < 0.5
        d.charge_valid.value, d.charge_ch.value = 1, ch
        d.charge_none.value, d.charge_bytes.value = none, rng.getrandbits(12) if none else nbytes

    async def cycle(self) -> None:
        d, rng = self.dut, self.rng
        await FallingEdge(d.clk)
        self.now += 1
        d.elig.value = self.elig
        d.charge_valid.value = 0
        if self._todo:
            ch, nbytes = self._todo.pop(0)
            if ch >= 0:
                self._charge(ch, nbytes)
            d.pick_ready.value = 0
            await ReadOnly()
            return
        ready = rng.random() < self.ready
        d.pick_ready.value = ready
        await ReadOnly()
        valid, ch = int(d.pick_valid.value), int(d.pick_ch.value)
        out_of_tokens = int(d.wait_rate.value) & self.elig
        self.idle += ready and not valid
        if valid:
            assert self.elig >> ch & 1, f"channel {ch} picked without work"
        if valid and ready:
            eligible = self.elig & ~out_of_tokens | 1 << ch
            if ch in self.frames:
                left, first = rng.choice((self.frames[ch], rng.randint(1, self.frames[ch]))), True
                while left:
                    nbytes = min(left, rng.choice((self.max_burst, rng.randint(1, self.max_burst))))
                    left -= nbytes
                    self._todo.append((ch, nbytes))
                    self.trace.append(Grant(self.now, ch, nbytes, eligible, first))
                    first = False
                    # Charges are two cycles apart; a pick may follow the last one at once.
                    self._todo += [(-1, 0)] * rng.choice((1, 1, 2, 4) if left else (0, 0, 1, 3))
            else:
                nbytes = self.sizes[ch]()
                self._todo.append((ch, nbytes))
                self.trace.append(Grant(self.now, ch, nbytes, eligible))

    def shares_hold(self, always: Iterable[int] | None = None) -> None:
        """The bound on shares, in every window of the trace."""
        chans = list(range(self.n) if always is None else always)
        trace = [g for g in self.trace if g.ch in chans]
        assert trace, "nothing was compared"
        must_hold(check_shares(trace, self.cfg, self.max_burst, chans, self.frames))

    async def run(self, cycles: int) -> None:
        for _ in range(cycles):
            await self.cycle()

    async def run_bytes(self, nbytes: int) -> None:
        total, done = 0, len(self.trace)
        for _ in range(nbytes):
            await self.cycle()
            while done < len(self.trace):
                total += self.trace[done].nbytes
                done += 1
            if total >= nbytes:
                return


def must_hold(bad) -> None:
    assert not bad, f"{len(bad)} violations, first: {bad[0]}"


@cocotb.test()
async def shares_in_every_window(dut):
    """Stimulus: all channels of one class always have work; random weights and sizes, full bursts
    from some, short ones from others; ready at random.
    Checking: the bound on shares in every window of the trace, exactly."""
    b = SchedBench(dut)
    await b.start()
    for turn in range(2 if b.slow else 3):
        for c in range(b.n):
            full = b.rng.random() < 0.5
            top = b.max_burst if full else b.rng.randint(1, b.max_burst)
            b.sizes[c] = (lambda t=top, f=full, r=b.rng: t if f else r.randint(1, t))
            await b.configure(c, weight=b.rng.choice((0, 1, 2, 3, 7, 60)[: 6 if turn else 4]), cls=turn)
        b.elig = (1 << b.n) - 1
        b.ready = 1.0 if turn else 0.7
        b.trace.clear()
        await b.run(3000 if b.slow else 4000)
        assert len(b.trace) > 1000
        b.shares_hold()
        must_hold(check_priority(b.trace, b.cfg, mgmt_gap=0))


@cocotb.test()
async def one_percent_at_a_mebibyte(dut):
    """Stimulus: all channels always have work, small weights, one size a channel.
    Checking: within 1% of B of the share in every window of B = 1 MiB (up to 8 channels)."""
    b = SchedBench(dut)
    await b.start()
    if b.n > 8 or b.slow:
        return
    for c in range(b.n):
        await b.configure(c, weight=1 + c % 4)
        b.sizes[c] = (lambda s=b.max_burst - 7 * c: s)
    b.elig = (1 << b.n) - 1
    await b.run_bytes(5 << 18)
    must_hold(check_one_percent(b.trace, b.cfg, range(b.n)))
    b.shares_hold()


@cocotb.test()
async def frames_keep_their_debt(dut):
    """Stimulus: every other channel, then all send frames of up to LINK_MTU for one pick, charged
    in chunks, with different and with equal weights; the next pick at once or later.
    Checking: the bound on shares, with the frame as the unit of those that send frames; a channel
    alone in its class isn't slowed by more than 2 cycles a round it owes."""
    b = SchedBench(dut)
    await b.start()
    for step, top in ((2, 3),) if b.slow else ((2, 3), (1, 3), (1, 1)):
        b.frames = dict.fromkeys(range(0, b.n, step), b.frame)
        for c in range(b.n):
            await b.configure(c, weight=1 + c % top)
        b.elig = (1 << b.n) - 1
        b.trace.clear()
        await b.run(3000 if b.slow else 5000)
        b.shares_hold()
    b.elig = 1
    await b.run(5)
    b.trace.clear()
    b.idle = 0
    while len(b.trace) < 60:
        await b.cycle()
    rounds = sum(g.nbytes for g in b.trace) // (b.cfg[0].w * b.max_burst)
    assert b.idle <= 2 * (rounds + b.frame // b.max_burst), f"{b.idle} cycles lost in {rounds} rounds"


@cocotb.test()
async def classes_and_management(dut):
    """Stimulus: random classes, work that comes and goes, up to 4 management channels.
    Checking: strict priority, and a management channel at least once in 32 picks."""
    b = SchedBench(dut)
    await b.start()
    for _ in range(2 if b.slow else 4):
        mgmt = set(b.rng.sample(range(b.n), min(b.n, b.rng.randint(1, 4))))
        for c in range(b.n):
            await b.configure(c, cls=b.rng.randrange(4), weight=b.rng.randint(1, 4), mgmt=c in mgmt)
        b.trace.clear()
        for _ in range(1200):
            if b.rng.random() < 0.1:
                b.elig ^= 1 << b.rng.randrange(b.n)
            if b.rng.random() < 0.02:
                b.elig = (1 << b.n) - 1
            await b.cycle()
        must_hold(check_mgmt(b.trace, b.cfg))
        must_hold(check_priority(b.trace, b.cfg, mgmt_gap=0))
        assert len(b.trace) > 100


@cocotb.test()
async def rates(dut):
    """Stimulus: token buckets on some channels of the highest class, work always there, others
    behind them.
    Checking: never more than bucket + rate·time + one burst; over many refills the rate to within
    a burst; a pick of a limited channel costs the others two cycles; no limit after the rate is
    taken away."""
    b = SchedBench(dut)
    await b.start()
    limited = list(range(0, b.n, 2))[:3]
    rates = {c: b.rng.choice((64, 333, 1000)) for c in limited}
    for c in limited:
        await b.configure(c, cls=3, rate=rates[c], burst=b.rng.choice((2048, 5000)))
    b.elig = (1 << b.n) - 1
    await b.run(4 * 256)
    b.trace.clear()
    start = b.now
    refills = 12 if b.slow else 100
    await b.run(refills * 256)
    for c in limited:
        got = sum(g.nbytes for g in b.trace if g.ch == c)
        want = rates[c] * (b.now - start) / 256
        assert abs(got - want) <= b.max_burst + rates[c], f"channel {c}: {got} bytes, {want}"
    must_hold(check_rate(b.trace, b.cfg, b.max_burst))
    cycles = sum(4 if g.ch in limited else 2 for g in b.trace)
    if b.n > len(limited):
        assert cycles > refills * 256 - 20, "picks were lost"
    c = limited[0]
    await b.configure(c, rate=0)
    await b.run(520)
    b.trace.clear()
    await b.run(200)
    assert sum(g.ch == c for g in b.trace) >= 90 // len(limited)


@cocotb.test()
async def operations_without_data(dut):
    """Stimulus: one channel that only has operations of 0 bytes, the others full bursts.
    Checking: it doesn't keep the class: the others are served between its turns."""
    b = SchedBench(dut)
    await b.start()
    for c in range(b.n):
        await b.configure(c, weight=2)
        b.sizes[c] = (lambda s=0 if c == 0 else b.max_burst: s)
    b.elig = (1 << b.n) - 1
    await b.run(1500)
    longest = run = 0
    for g in b.trace:
        run = run + 1 if g.ch == 0 else 0
        longest = max(longest, run)
    if b.n > 1:
        assert longest <= 2 * b.max_burst // 32 + 1, longest
        b.shares_hold(range(1, b.n))


@cocotb.test()
async def configuration_at_any_time(dut):
    """Stimulus: random configuration writes in any cycle of random traffic with frames, then quiet.
    Checking: only eligible channels are picked all the time; afterwards shares, classes and
    the management guarantee hold as if nothing had been before."""
    b = SchedBench(dut)
    await b.start()
    d = b.dut
    for _ in range(1000 if b.slow else 3000):
        b.elig ^= (1 << b.rng.randrange(b.n)) if b.rng.random() < 0.3 else 0
        b.frames = {0: b.frame} if b.rng.random() < 0.5 else {}
        await b.cycle()
        if b.rng.random() < 0.3:  # together with a pick or a charge
            await FallingEdge(d.clk)
            b.now += 1
            d.pick_ready.value = 0
            d.charge_valid.value = 0
            if b._todo and b._todo[0][0] >= 0:
                ch, nbytes = b._todo.pop(0)
                b._charge(ch, nbytes)
            d.cfg_we.value, d.cfg_ch.value = 1, b.rng.randrange(b.n)
            d.cfg_class.value, d.cfg_weight.value = b.rng.randrange(4), b.rng.randrange(256)
            d.cfg_mgmt.value, d.cfg_rate.value = b.rng.randrange(2), b.rng.choice((0, 0, 40, 65535))
            d.cfg_burst.value = b.rng.choice((0, 100, 65535))
            await ReadOnly()
            # The charge of a pick must not wait: the next falling edge takes the write away.
            await FallingEdge(d.clk)
            b.now += 1
            d.cfg_we.value = 0
            d.charge_valid.value = 0
    b.frames = {}
    for c in range(b.n):
        await b.configure(c, cls=1, weight=1 + c % 3, mgmt=False, rate=0, burst=0)
    b.elig = (1 << b.n) - 1
    await b.run(800)  # what limits there were are gone after a rotation
    b.trace.clear()
    await b.run(1000 if b.slow else 2000)
    b.shares_hold()
    must_hold(check_priority(b.trace, b.cfg))


@cocotb.test()
async def reset_at_any_time(dut):
    """Stimulus: reset in the middle of traffic, several times.
    Checking: afterwards all channels are equal again."""
    b = SchedBench(dut)
    await b.start()
    for _ in range(2 if b.slow else 4):
        for c in range(b.n):
            await b.configure(c, cls=b.rng.randrange(4), weight=b.rng.randint(1, 9), rate=10, burst=99)
        b.elig = (1 << b.n) - 1
        await b.run(b.rng.randint(5, 200))
        await b.reset()
        b.trace.clear()
        await b.run(300)
        b.shares_hold()


@cocotb.test()
async def checker_notices(dut):
    """Stimulus: traces with a wrong grant put in.
    Checking: each property fails on its own kind of fault, and an empty trace doesn't pass."""
    b = SchedBench(dut)
    await b.start()
    b.elig = (1 << b.n) - 1
    if b.n < 2:
        return
    for c in range(b.n):
        await b.configure(c, cls=1)
    await b.run(1000)
    good = list(b.trace)
    b.shares_hold()
    stolen = [replace(g, ch=0) if g.ch == 1 else g for g in good]
    assert check_shares(stolen, b.cfg, b.max_burst, range(b.n))
    assert check_priority([replace(g, eligible=g.eligible & ~(1 << g.ch)) for g in good[:3]], b.cfg)
    mgmt = {**b.cfg, 1: ChannelCfg(mgmt=True, cls=0)}
    assert check_mgmt([replace(g, ch=0) for g in good], mgmt)
    assert check_rate(good, {**b.cfg, 1: ChannelCfg(rate=1, burst=1)}, b.max_burst)
