# SPDX-License-Identifier: Apache-2.0
"""crl_ack_join and crl_cnt_join: several sources into one, nothing lost, nobody left behind."""

from __future__ import annotations

from collections import deque

import cocotb
import pytest

from tb.lib.sim import run_sim
from tb.unit.dma_lib import CycleBench, expects_failure


class Acks(CycleBench):
    idle = dict.fromkeys("a_valid a_data b_valid b_data m_ready".split(), 0)

    def begin(self, rate: float, ready: float) -> None:
        self.rate, self.ready, self.wrong = rate, ready, 0
        self.queue = {"a": deque(), "b": deque()}   # offered
        self.taken: deque = deque()                 # to come out
        self.age = {"a": 0, "b": 0}                 # others taken while it waits
        self.held = None

    def drive(self) -> None:
        for s, queue in self.queue.items():
            if not queue and self.rng.random() < self.rate:
                queue.append(self.rng.getrandbits(40))
            self.inp[f"{s}_valid"], self.inp[f"{s}_data"] = int(bool(queue)), queue[0] if queue else 0
        self.inp["m_ready"] = int(self.rng.random() < self.ready)

    def check(self) -> None:
        took = [s for s in "ab" if self.inp[f"{s}_valid"] and self.get(f"{s}_ready")]
        assert len(took) <= 1
        for s in took:  # what comes from a may leave in the same cycle
            self.taken.append(self.queue[s].popleft())
        out = self.get("m_data") if self.get("m_valid") else None
        assert self.held in (None, out), "it changed while it waited"
        self.held = out if out is not None and not self.inp["m_ready"] else None
        if out is not None and self.inp["m_ready"]:
            assert out ^ self.wrong == self.taken.popleft(), "not what was taken"
            self.compared += 1
        for s in "ab":
            self.age[s] = self.age[s] + len(took) if self.queue[s] and s not in took else 0
            assert self.age[s] <= 1, f"{s} was passed twice"


@cocotb.test()
async def acks(dut):
    """Stimulus: both sources and the sink at all rates. Checking: all come out once, in the order in which they were taken;
    a source that waits is passed by one of the other at most. A wrong bit fails."""
    bench = Acks(dut)
    for rate, ready in ((0.2, 1.0), (1.0, 0.3), (1.0, 1.0)):
        await bench.reset()
        bench.begin(rate, ready)
        await bench.step(600)
    assert bench.compared > 400
    bench.wrong = 1
    await expects_failure(bench.step(30))


class Counts(CycleBench):
    idle = dict.fromkeys("ev_valid ev_data s_valid s_hi s_lo".split(), 0)

    def begin(self) -> None:
        self.n = self.p["N"]
        self.hi = self.p["W"] - 12
        self.wait: list = [None] * self.n
        self.due: deque = deque()
        self.evs = self.wrong = 0

    def drive(self) -> None:
        rng, i = self.rng, self.inp
        # The engine has an event in two cycles at most.
        i["ev_valid"] = int(not self._driven.get("ev_valid") and rng.random() < 0.8)
        i["ev_data"] = rng.getrandbits(self.p["W"])
        for k in range(self.n):
            if self.wait[k] is None and rng.random() < 0.3:
                self.wait[k] = (rng.getrandbits(self.hi), rng.getrandbits(12))
            if self.wait[k]:
                i["s_valid"] |= 1 << k
                i["s_hi"] |= self.wait[k][0] << k * self.hi
                i["s_lo"] |= self.wait[k][1] << k * 12

    def check(self) -> None:
        assert self.get("m_valid") == bool(self.due)
        if self.due:
            assert self.get("m_data") ^ self.wrong == self.due.popleft()
            self.compared += 1
        if self.inp["ev_valid"]:
            self.due.append(self.inp["ev_data"])
        taken = [k for k in range(self.n) if self.wait[k] and self.get("s_ready") >> k & 1]
        assert len(taken) == int(any(self.wait) and not self.inp["ev_valid"])
        for k in taken:
            self.due.append(self.wait[k][0] << 12 | self.wait[k][1])
            self.wait[k] = None


@cocotb.test()
async def counts(dut):
    """Stimulus: events every second cycle, other sources at random. Checking: each is shown once, a cycle later. A wrong
    bit fails."""
    bench = Counts(dut)
    bench.begin()
    await bench.reset()
    await bench.step(800)
    assert bench.compared > 300
    bench.wrong = 1
    await expects_failure(bench.step(30))


def test_crl_ack_join(sim):
    """Stimulus and checking: see acks."""
    run_sim("crl_ack_join", __name__, {"W": 40}, sim=sim, testcase="acks")


@pytest.mark.parametrize("n", [1, 3])
def test_crl_cnt_join(sim, n):
    """Stimulus and checking: see counts."""
    run_sim("crl_cnt_join", __name__, {"W": 15, "N": n}, sim=sim, testcase="counts")
