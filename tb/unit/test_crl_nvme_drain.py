# SPDX-License-Identifier: Apache-2.0
"""Unit tests of crl_nvme_drain in a small controller of random pace (models/nvme/drain.py). Rules: docs/blocks/nvme_admin.md."""

from __future__ import annotations

import cocotb
import pytest
from cocotb.triggers import FallingEdge, RisingEdge, Timer

from models.nvme.drain import At, Says, Sees, World
from models.nvme.mailbox_regs import What
from tb.lib.sim import run_sim
from tb.unit.dma_lib import CycleBench, expects_failure

LIMIT = 4000
LEVELS = ("f_stop", "drop_all", "z_hold", "p_stop", "dropping", "busy")
SOON = 4  # cycles from the last thing that was waited for to `done`


class Bench(CycleBench):
    """The drain, and the controller round it. `lie`: inputs that are shown as over though they aren't."""

    idle = dict.fromkeys("go what qid status drop g_busy f_idle pipe_empty x_busy x_idle c_idle p_idle m_idle".split(), 0)

    def __init__(self, dut) -> None:
        super().__init__(dut)
        self.queues = self.p["QUEUES"]
        self.world = World(self.queues, self.rng)
        self.next: dict[str, int] = {}
        self.lie: set[str] = set()
        self.asked = 0.0  # how often somebody else has the look-up ports: "busy" then
        self.fresh()

    def fresh(self) -> None:
        self.dones = 0
        self.stops: list[int] = []
        self.kills: list[tuple[int, int, int]] = []
        self.up: dict[str, int] = dict.fromkeys(LEVELS, 0)
        self.sees: Sees = self.world.sees()

    def drive(self) -> None:
        s, i = self.sees, self.inp
        i.update({n: int(getattr(s, n) or n in self.lie) for n in ("f_idle", "pipe_empty", "x_idle", "c_idle", "p_idle", "m_idle")})
        i.update(what=self.rng.getrandbits(2), qid=self.rng.randint(0, self.queues), status=self.rng.getrandbits(11), drop=self.rng.getrandbits(1))
        i.update(self.next)
        self.next = {}

    async def step(self, count: int = 1) -> None:
        """As in CycleBench; the look-ups are answered in the same cycle."""
        for _ in range(count):
            self.inp = dict(self.idle)
            self.drive()
            self._apply()
            await Timer(1, "ns")
            stolen = self.rng.random() < self.asked
            for port, where in (("g_busy", self.sees.g_busy), ("x_busy", self.sees.x_busy)):
                qid = self.get("g_busy_qid" if port == "g_busy" else "busy_qid")
                self.inp[port] = int((qid in where or stolen) and port not in self.lie)
            self._apply()
            await FallingEdge(self.dut.clk)
            self.check()
            self.now += 1
            await RisingEdge(self.dut.clk)

    def check(self) -> None:
        g = self.get
        for n in LEVELS:
            self.up[n] = g(n)
        stop = g("stop_qid") if g("stop_we") else None
        kill = g("kill_qid") if g("kill_we") else None
        if stop is not None:
            self.stops.append(stop)
        if kill is not None:
            self.kills.append((kill, g("kill_status"), g("kill_drop")))
        if g("done"):
            self.dones += 1
            self.at_done()
        says = Says(bool(g("f_stop")), bool(g("drop_all")), bool(g("z_hold")), bool(g("p_stop")), stop, kill, bool(g("kill_drop")))
        self.sees = self.world.step(says)

    def at_done(self) -> None:
        left = self.world.left(self.qid if self.what == What.QUEUE else None)
        # What may still be there of a queue: nothing. Entries that are over in this very cycle have left already.
        assert not left, f"done, and {[(c.qid, c.at.name) for c in left]} are left"
        reads = self.world.reads(self.qid if self.what == What.QUEUE else None)
        assert not reads, f"done, and lists of {reads} are read"
        self.compared += 1

    async def drain(self, what: int, qid: int | None = None, drop: int | None = None, limit: int = LIMIT) -> None:
        """One drain from `go` to its end, with what has to be said on the way."""
        self.what = what
        self.qid = self.rng.randint(0, self.queues) if qid is None else qid
        drop = self.rng.getrandbits(1) if drop is None else drop
        status = self.rng.getrandbits(11)
        before = self.dones
        self.stops, self.kills = [], []
        self.next = {"go": 1, "what": what, "qid": self.qid, "status": status, "drop": drop}
        await self.step()
        for n in range(limit):
            if self.dones > before:
                break
            await self.step()
            if self.dones == before and n >= 2:
                assert self.up["busy"], "busy fell before done"
                assert self.up["dropping"] == (what == What.RESET), "dropping"
                assert self.up["drop_all"] == (what == What.RESET), "drop_all"
        assert self.dones == before + 1, f"no end of {What(what).name}, in the controller are {[(c.qid, c.at.name) for c in self.world.left()]}"
        await self.step(SOON)
        assert self.dones == before + 1, "done twice"
        assert not any(self.up.values()), f"{self.up} after the end"
        if what == What.QUEUE:
            assert self.stops == [self.qid] and self.kills == [(self.qid, status, drop)], f"{self.stops}, {self.kills}"
        else:
            assert not self.stops and not self.kills

    def busy_world(self, **more) -> None:
        """Another controller at another pace."""
        r = self.rng
        self.world = World(self.queues, r, fresh=r.choice((0.1, 0.5, 0.9)), **more)
        self.world.pace = {a.name: r.choice((0.08, 0.3, 0.9, 1.0)) for a in At}
        self.sees = self.world.sees()

    async def some(self, what: int, slow: At | None = None, **kw) -> None:
        """A drain at a random moment; with `slow` most commands are there."""
        self.busy_world()
        if slow is not None:
            self.world.fresh, self.world.pace = 0.5, {a.name: 1.0 for a in At} | {slow.name: 0.03}
        await self.step(self.rng.randrange(80) if slow is None else 40)
        self.world.run = what == What.QUEUE
        await self.step(self.rng.randrange(3))
        there = sorted({c.qid for c in self.world.left()})
        if there and self.rng.random() < 0.8:  # mostly a queue that has something to drain
            kw.setdefault("qid", self.rng.choice(there))
        await self.drain(what, **kw)


@cocotb.test()
async def a_queue(dut):
    """Stimulus: drains of queues at random moments of controllers at any pace; others go on. Checking: nothing of the queue is left at
    `done`, one stop, one kill with its status, levels are down afterwards, the others get on."""
    b = Bench(dut)
    await b.reset()
    others = 0
    for turn in range(25):
        b.asked = (0.0, 0.3)[turn % 2]
        await b.some(What.QUEUE)
        before = sum(b.world.posted.values())
        await b.step(60)
        assert not b.world.left(b.qid)
        others += sum(b.world.posted.values()) > before
    assert others > 5 and b.compared == 25


@cocotb.test()
async def one_after_the_other(dut):
    """Stimulus: in one controller all queues are drained, one after the other, the first and the last twice. Checking: as above."""
    b = Bench(dut)
    await b.reset()
    b.busy_world()
    await b.step(40)
    for qid in [0, b.queues, *range(min(b.queues, 6) + 1), b.queues]:
        await b.drain(What.QUEUE, qid, limit=8000)
    assert b.compared == min(b.queues, 6) + 4


@cocotb.test()
async def all_of_them(dut):
    """Stimulus: resets and shutdowns at random moments. Checking: nothing at all is left; a reset drops, a shutdown executes and posts."""
    b = Bench(dut)
    await b.reset()
    for turn in range(24):
        what = (What.RESET, What.SHUTDOWN)[turn % 2]
        await b.some(what)
        assert not b.world.left()
        if what == What.SHUTDOWN:
            assert not b.world.thrown
    assert b.compared == 24


@cocotb.test()
async def nothing_to_wait_for(dut):
    """Stimulus: drains of an idle controller. Checking: they end soon."""
    b = Bench(dut)
    await b.reset()
    b.world.fresh = 0.0
    for what in (*What, *What):
        await b.drain(what, limit=60)
    assert b.compared == 6


@cocotb.test()
async def last_one_by_one(dut):
    """Stimulus: a single command at each place, all else quick; then places that are slow one at a time. Checking: each is waited for."""
    b = Bench(dut)
    await b.reset()
    for slow in At:
        for what in What:
            b.busy_world()
            b.world.fresh, b.world.pace = 0.3, {a.name: 1.0 for a in At} | {slow.name: 0.03}
            for _ in range(400):
                if b.world.count(slow):
                    break
                await b.step()
            b.world.fresh = 0.0
            b.world.run = what == What.QUEUE
            there = b.world.left()
            await b.drain(what, there[0].qid if there else 0, limit=12000)
    assert b.compared == 3 * len(At)


@cocotb.test()
async def reset_in_mid_flight(dut):
    """Stimulus: rst at random moments of drains. Checking: all levels are down, nothing is said, the next drain works."""
    b = Bench(dut)
    await b.reset()
    for turn in range(12):
        b.busy_world()
        await b.step(20)
        b.what, b.qid = turn % 3, 1
        b.world.run = b.what == What.QUEUE
        b.next = {"go": 1, "what": b.what, "qid": 1}
        await b.step(b.rng.randint(1, 25))
        if b.dones:
            b.dones = 0
        await b.reset(2)
        b.busy_world()
        b.stops, b.kills = [], []
        await b.step(20)
        assert not any(b.up.values()) and not b.stops and not b.kills and not b.dones
        await b.some(turn % 3)
        b.dones = 0
    assert b.compared >= 12


@cocotb.test()
async def scoreboard_fails(dut):
    """Stimulus: drains that are told that something is over though it isn't, one thing at a time. Checking: the bench fails."""
    b = Bench(dut)
    await b.reset()
    lies = [({"x_busy"}, At.WAIT, [What.QUEUE]), ({"pipe_empty", "x_busy"}, At.PIPE, [What.QUEUE]), ({"c_idle"}, At.ENTRY, list(What))]
    lies += [({"x_idle"}, At.WAIT, [What.RESET, What.SHUTDOWN]), ({"f_idle"}, At.READ, [What.RESET, What.SHUTDOWN])]
    for lie, slow, whats in lies:
        for what in whats:

            async def tries(what=what, lie=lie, slow=slow):
                for _ in range(25):
                    b.lie = lie
                    await b.some(what, slow)

            await expects_failure(tries())
            b.lie = set()
            await RisingEdge(dut.clk)
            await b.reset()
            b.fresh()
    await b.some(What.QUEUE)
    assert b.compared


@pytest.mark.unit
@pytest.mark.parametrize("queues", [8, pytest.param(1, marks=pytest.mark.sweep), pytest.param(128, marks=pytest.mark.sweep)])
def test_crl_nvme_drain(sim, queues):
    """Stimulus and checking: see the cocotb tests above."""
    run_sim("crl_nvme_drain", __name__, {"QUEUES": queues}, sim=sim)
