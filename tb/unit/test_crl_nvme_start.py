# SPDX-License-Identifier: Apache-2.0
"""Unit tests of crl_nvme_start: all queues cleared, the admin queues set up. Rules: docs/blocks/nvme_admin.md; golden model: models/nvme/start.py."""

from __future__ import annotations

from collections.abc import Callable

import cocotb
import pytest
from cocotb.triggers import RisingEdge

from models.nvme.mailbox import FIELDS, Action, act
from models.nvme.start import admin, cleared, cycles, what_counts
from tb.lib.sim import run_sim
from tb.unit.dma_lib import CycleBench, expects_failure


class Bench(CycleBench):
    """What is on the buses, and when."""

    idle = dict.fromkeys("start asq acq asqs acqs".split(), 0)

    def __init__(self, dut) -> None:
        super().__init__(dut)
        self.queues = self.p["QUEUES"]
        self.seen: list[tuple[int, Action]] = []
        self.dones: list[int] = []
        self.next: dict[str, int] = {}
        self.levels = {"asq": 0, "acq": 0, "asqs": 0, "acqs": 0}
        self.last_cfg = -2
        self.tamper: Callable[[Action], Action | None] = lambda a: a

    def drive(self) -> None:
        self.inp.update(self.levels)
        self.inp.update(self.next)
        self.next = {}

    def check(self) -> None:
        for bus in ("cfg", "gr", "rg"):
            if self.get(f"{bus}_we"):
                values = {f: 0 if f == "entry" else self.get(f"{bus}_{f}") for f in FIELDS[bus]}
                seen = self.tamper(act(bus, **values))
                if seen is not None:
                    self.seen.append((self.now, seen))
                if bus == "cfg":
                    assert self.now >= self.last_cfg + 2, "set-ups in consecutive cycles"
                    self.last_cfg = self.now
        if self.get("done"):
            self.dones.append(self.now)

    async def run(self) -> None:
        """One start from its event to its end."""
        r = self.rng
        self.levels = {"asq": r.getrandbits(52) << 12, "acq": r.getrandbits(52) << 12, "asqs": r.randint(1, 4095), "acqs": r.randint(1, 4095)}
        await self.step(r.randrange(3))
        self.seen, self.dones = [], []
        begin = self.now
        self.next = {"start": 1}
        await self.step()
        await self.until(lambda: bool(self.dones), cycles(self.queues) + 4, "no end")
        took = self.dones[0] - begin
        assert took <= cycles(self.queues), f"{took} cycles, at most {cycles(self.queues)}"
        await self.step(20)
        assert len(self.dones) == 1 and not self.get("busy")
        assert all(at <= self.dones[0] for at, _ in self.seen), "a write after the end"
        got = [what_counts(a) for _, a in self.seen]
        want = admin(self.levels["asq"], self.levels["asqs"], self.levels["acq"], self.levels["acqs"])
        setups = [a for a in got if isinstance(a, Action) and a.name == "cfg"]
        assert setups == want, f"{[str(a) for a in setups]}, expected {[str(a) for a in want]}"
        rest = [a for a in got if a not in setups]
        missing = cleared(self.queues) - set(rest)
        assert not missing, f"not cleared: {sorted(map(str, missing))[:5]}"
        assert set(rest) <= cleared(self.queues), f"what is it for: {set(rest) - cleared(self.queues)}"
        # No queue is cleared once it is set up.
        assert not any(a in (("cfg", 0, 0, 0), ("cfg", 0, 1, 0)) for a in got[got.index(want[0]) :]), "cleared after it was set up"
        self.compared += len(got)


@cocotb.test()
async def every_queue(dut):
    """Stimulus: starts, with admin queues of any size and place. Checking: each table entry cleared, then CQ 0 and SQ 0 as they should be,
    in the time there is; `busy` from the next cycle to the end, nothing without a start."""
    b = Bench(dut)
    await b.reset()
    await b.step(30)
    assert not b.seen and not b.dones
    for _ in range(3):
        await b.run()
    assert b.compared >= 3 * (11 * (b.queues + 1) + 2)


@cocotb.test()
async def busy_is_up(dut):
    """Stimulus: one start. Checking: `busy` from the cycle after it until all is written."""
    b = Bench(dut)
    await b.reset()
    await b.step(3)
    assert not b.get("busy")
    b.levels = {"asq": 1 << 12, "acq": 2 << 12, "asqs": 3, "acqs": 4}
    b.next = {"start": 1}
    await b.step()
    n = 0
    while not b.dones:
        writes = len(b.seen)
        await b.step()
        # sampled in `step`; a write needs busy, or is the last one
        n += 1
        assert b.get("busy") or b.dones or len(b.seen) == writes
        assert n <= cycles(b.queues)
    assert n > 8 * b.queues


@cocotb.test()
async def reset_in_mid_flight(dut):
    """Stimulus: resets at random moments. Checking: silence after each, then a start does all of it."""
    b = Bench(dut)
    await b.reset()
    for _ in range(5):
        b.next = {"start": 1}
        await b.step(b.rng.randint(1, 9 * b.queues))
        await b.reset(b.rng.randint(1, 3))
        b.seen, b.dones = [], []
        await b.step(30)
        assert not b.seen and not b.dones and not b.get("busy")
    await b.run()
    assert b.compared


@cocotb.test()
async def scoreboard_fails(dut):
    """Stimulus: a good start of which one write is lost or changed on the way to the bench. Checking: it fails."""
    b = Bench(dut)
    await b.reset()
    last = b.queues

    def lost(a):
        return None if a.name == "rg" and a.values[:2] == (last, 7) else a

    def no_grant_cleared(a):
        return None if a.name == "gr" and a.values[0] == last else a

    def valid(a):
        return Action(a.name, (*a.values[:2], 1, *a.values[3:])) if a.name == "cfg" and a.values[:2] == (last, 1) else a

    def size(a):
        return Action(a.name, (*a.values[:3], a.values[3] ^ 1, *a.values[4:])) if a.name == "cfg" and a.values[2] else a

    for tamper in (lost, no_grant_cleared, valid, size):
        b.tamper = tamper
        await expects_failure(b.run())
        await RisingEdge(dut.clk)
        await b.reset()
    b.tamper = lambda a: a
    await b.run()


@pytest.mark.unit
@pytest.mark.parametrize("queues", [8, 1, pytest.param(128, marks=pytest.mark.sweep_icarus), pytest.param(5, marks=pytest.mark.sweep)])
def test_crl_nvme_start(sim, queues):
    """Stimulus and checking: see the cocotb tests above."""
    run_sim("crl_nvme_start", __name__, {"QUEUES": queues, "FUNC_W": 8}, sim=sim)
