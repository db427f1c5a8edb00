# SPDX-License-Identifier: Apache-2.0
"""Unit tests of crl_nvme_zmux: completions and answers reach crl_nvme_cqe once each, in turn, and none while it is held."""

from __future__ import annotations

import cocotb
import pytest

from tb.lib.sim import run_sim
from tb.unit.dma_lib import CycleBench, expects_failure

W, QW = 70, 4


class Bench(CycleBench):
    """Two that offer (x: executor, a: mailbox, which may withdraw while held), one that takes."""

    idle = dict.fromkeys("hold x_valid x_data x_hd_qid a_valid a_data a_hd_qid m_ready".split(), 0)

    def __init__(self, dut) -> None:
        super().__init__(dut)
        self.ask = {"x": 0.5, "a": 0.3}
        self.ready, self.hold, self.withdraw = 0.7, 0.0, 0.0
        self.taken = {"x": 0, "a": 0}
        self.swap = False
        self.forget()

    def forget(self) -> None:
        self.up: dict[str, tuple[int, int] | None] = {"x": None, "a": None}
        self.waited = {"x": 0, "a": 0}
        self.stuck = 0

    async def clear(self) -> None:
        await self.reset()
        self.forget()

    def drive(self) -> None:
        i, rng = self.inp, self.rng
        i.update(hold=int(rng.random() < self.hold), m_ready=int(rng.random() < self.ready))
        if i["hold"] and rng.random() < self.withdraw:
            self.up["a"], self.waited["a"] = None, 0
        for k in "xa":
            if self.up[k] is None and rng.random() < self.ask[k]:
                self.up[k] = rng.getrandbits(W), rng.getrandbits(QW)
            data, qid = self.up[k] or (rng.getrandbits(W), rng.getrandbits(QW))
            i.update({f"{k}_valid": int(self.up[k] is not None), f"{k}_data": data, f"{k}_hd_qid": qid})

    def check(self) -> None:
        ready = {k: self.get(f"{k}_ready") and self.up[k] is not None for k in "xa"}
        shown = self.get("m_valid")
        assert not (shown and self.inp["hold"]), "handed over while held"
        went = [k for k in "xa" if ready[k]]
        assert len(went) == int(bool(shown and self.inp["m_ready"])), f"{went} are served"
        self.stuck = 0 if shown or self.inp["hold"] or not any(self.up.values()) else self.stuck + 1
        assert self.stuck <= 1, "nobody is shown"
        for k in went:
            other = "a" if k == "x" else "x"
            source = other if self.swap and self.up[other] else k
            assert (self.get("m_data"), self.get("hd_qid")) == self.up[source], f"not what {k} offered"
            self.up[k] = None
            self.taken[k] += 1
            self.waited[k] = 0
            self.waited[other] += self.up[other] is not None
            assert self.waited[other] <= 2, f"{other} waits for {self.waited[other]} others"
            self.compared += 1


@cocotb.test()
async def turns(dut):
    """Stimulus: both at all rates, with and without hold, answers withdrawn while held, resets. Checking: payload and SQ head's queue of who is served, one at a
    time, bounds, nothing while held."""
    b = Bench(dut)
    await b.clear()
    for x, a, ready, hold in ((1.0, 1.0, 1.0, 0.0), (1.0, 0.1, 1.0, 0.0), (0.1, 1.0, 0.5, 0.0), (0.7, 0.7, 0.7, 0.3), (0.0, 1.0, 1.0, 0.5), (1.0, 0.0, 1.0, 0.0)):
        b.ask, b.ready, b.hold, b.withdraw = {"x": x, "a": a}, ready, hold, 0.2 if hold else 0.0
        before = dict(b.taken)
        await b.step(200)
        if (x, a, hold) == (1.0, 0.0, 0.0):
            assert b.taken["x"] - before["x"] >= 199, "not one a cycle"
        await b.clear()
    assert min(b.taken.values()) > 100 and b.compared > 500


@cocotb.test()
async def the_bench_can_fail(dut):
    """Stimulus: the other one's payload expected. Checking: it is found."""
    b = Bench(dut)
    await b.clear()
    b.ask, b.swap = {"x": 1.0, "a": 1.0}, True
    await expects_failure(b.step(20))


@pytest.mark.unit
def test_crl_nvme_zmux(sim):
    """Stimulus and checking: see the cocotb tests above."""
    run_sim("crl_nvme_zmux", __name__, {"W": W, "QW": QW}, sim=sim)
