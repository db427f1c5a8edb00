# SPDX-License-Identifier: Apache-2.0
"""Bench of crl_nvme_arb: drives one cycle after the other, plays the fetch units, feeds `models.nvme.arbiter.ArbChecker`.

Pins change at the falling edge and are sampled when all has settled; that is what the next rising edge sees.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly, Timer

from models.nvme.arbiter import ArbChecker, ArbConfig, Pins
from tb.lib.sim import sim_parameters

EVENTS = ("cfg_we", "sq_rung", "stop_we", "unpark", "d_valid", "g_ready")
INPUTS = ("cfg_qid", "cfg_cq", "cfg_valid", "cfg_size", "cfg_base", "cfg_func", "cfg_cqid", "cfg_prio", "cfg_vec", "cfg_ien", "so_qid", "sq_qid",
          "stop_qid", "stop", "d_qid", "d_cnt", "d_more", "d_park", "g_busy_qid", "run", "wrr", "ab", "hpw", "mpw", "lpw")

_clocks: list = []


@dataclass
class Out:
    """A grant that was taken."""

    qid: int
    limit: int
    at: int  # cycle of the handshake
    due: int = 0


class ArbBench:
    """`cycle` plays one cycle with the events that it is given. What is granted is put into `out`; the test says when each is done,
    or `serve` does it: (queue, g_max) -> (delay of at least 1, taken, more, park)."""

    def __init__(self, dut, cfg: ArbConfig | None = None) -> None:
        self.dut = dut
        self.queues = sim_parameters()["QUEUES"]
        self.n = self.queues + 1
        self.rng = random.Random(cocotb.RANDOM_SEED)
        self.cfg = cfg or ArbConfig()
        self.check = ArbChecker(self.queues, self.cfg, strict=True)
        self.out: dict[int, Out] = {}
        self.serve: Callable[[int, int], tuple[int, int, bool, bool]] | None = None
        self.answers: dict[int, tuple[int, bool, bool]] = {}
        self.now = 0
        self.ready = 1.0  # chance
        self.hint = 0.8  # chance that so_qid is right
        self.hints = random.Random(cocotb.RANDOM_SEED)
        self.run = True
        self.offer: tuple[int, int] | None = None  # as the last cycle saw it
        self.taken: tuple[int, int] | None = None
        self.tamper: Callable[[Pins], None] = lambda p: None
        self.pins: dict[str, int] = {}
        self.recent: deque[Pins] = deque(maxlen=40)  # shown when a rule is broken
        self.has = {name for name in (*EVENTS, *INPUTS, "busy") if hasattr(dut, name)}

    def put(self, name: str, value: int) -> None:
        if self.pins.get(name) != value and name in self.has:
            self.pins[name] = value
            getattr(self.dut, name).value = value

    async def start(self) -> ArbBench:
        while _clocks:  # of an earlier bench of the same test
            if not (task := _clocks.pop()).done():
                await FallingEdge(self.dut.clk)
                task.cancel()
        for name in (*EVENTS, *INPUTS):
            self.put(name, 0)
        self.dut.rst.value = 1
        _clocks.append(Clock(self.dut.clk, 10, "ns").start(start_high=False))
        await self.reset()
        return self

    def _settings(self) -> None:
        c = self.cfg
        for name, v in (("wrr", c.wrr), ("ab", c.ab), ("hpw", c.hpw), ("mpw", c.mpw), ("lpw", c.lpw), ("run", self.run)):
            self.put(name, int(v))

    async def reset(self, cycles: int = 2) -> None:
        d = self.dut
        await FallingEdge(d.clk)
        for name in EVENTS:
            self.put(name, 0)
        d.rst.value = 1
        for _ in range(cycles):
            await FallingEdge(d.clk)
        assert not int(d.g_valid.value), "a grant in reset"
        self._settings()
        d.rst.value = 0
        # Whoever has no `busy` is ready at the latest when the tables may be.
        for n in range(self.n + 4):
            await FallingEdge(d.clk)
            assert not int(d.g_valid.value), "a grant before anything was set up"
            if n and "busy" in self.has and not int(d.busy.value):
                break
        else:
            assert "busy" not in self.has, "busy stays up"
        self.out.clear()
        self.answers.clear()
        self.check.reset()
        self.offer = None

    async def configure(self, cfg: ArbConfig) -> None:
        """New settings the proper way: nothing out, `run` low."""
        assert not self.out
        run, self.run = self.run, False
        for _ in range(3):
            await self.cycle()
        self.cfg = cfg
        self.check.configure(cfg)
        await self.cycle()
        self.run = run

    def live(self, cfg: ArbConfig) -> None:
        """New burst and weights under way."""
        assert cfg.wrr == self.cfg.wrr
        self.cfg = cfg
        self.check.configure(cfg, live=True)

    async def setup(self, qid: int, prio: int = 0, valid: bool = True) -> None:
        await self.cycle(cfg=(qid, valid, prio))

    async def look(self) -> tuple[int, int] | None:
        """Go on to the next cycle and look at the grant before deciding on the inputs: `cycle` continues from here."""
        await FallingEdge(self.dut.clk)
        self._looked = True
        d = self.dut
        return (int(d.g_qid.value), int(d.g_max.value)) if int(d.g_valid.value) else None

    _looked = False

    async def cycle(self, *, rung=None, stop=None, unpark=False, cfg=None, cq_cfg=None, done=None, ready=None, stray=None) -> None:
        """One cycle. done: (queue, taken, more, park); stray: the same for a queue without a grant; cfg: (queue, valid, prio) of an SQ;
        cq_cfg: a queue, set up as a CQ."""
        d, rng = self.dut, self.rng
        if not self._looked:
            if self.now:  # still before the edge that ends the cycle before
                await Timer(1, "ns")
                self.put("so_qid", rung if rung is not None and self.hints.random() < self.hint else self.hints.randrange(self.n))
            await FallingEdge(d.clk)
        self._looked = False
        self.now += 1
        if done is None and self.serve:
            for o in self.out.values():  # taken when there was no `serve`
                if o.qid not in self.answers:
                    delay, *answer = self.serve(o.qid, o.limit)
                    o.due, self.answers[o.qid] = self.now + delay - 1, tuple(answer)
            due = [o for o in self.out.values() if o.due <= self.now]
            if due:
                o = min(due, key=lambda o: o.due)
                done = (o.qid, *self.answers[o.qid])
        self._settings()
        self.put("sq_rung", int(rung is not None))
        if rung is not None:
            self.put("sq_qid", rung)
        self.put("stop_we", int(stop is not None))
        if stop is not None:
            self.put("stop_qid", stop[0])
            self.put("stop", int(stop[1]))
        self.put("unpark", int(unpark))
        self.put("cfg_we", int(cfg is not None or cq_cfg is not None))
        if cfg is not None or cq_cfg is not None:
            qid, valid, prio = cfg or (cq_cfg, rng.randrange(2), rng.randrange(4))
            self.put("cfg_cq", int(cfg is None))
            self.put("cfg_qid", qid)
            self.put("cfg_valid", int(valid))
            self.put("cfg_prio", prio)
            for name, bits in (("cfg_size", 12), ("cfg_base", 64), ("cfg_vec", 8), ("cfg_ien", 1)):
                self.put(name, rng.getrandbits(bits))
        end = done or stray
        self.put("d_valid", int(end is not None))
        if end is not None:
            for name, v in zip(("d_qid", "d_cnt", "d_more", "d_park"), end, strict=True):
                self.put(name, int(v))
        ready = rng.random() < self.ready if ready is None else ready
        self.put("g_ready", int(ready))
        who = rng.choice(list(self.out)) if self.out and rng.random() < 0.5 else rng.randrange(self.n)
        self.put("g_busy_qid", who)
        await ReadOnly()
        p = Pins(run=self.run, cfg=cfg, rung=rung, stop=stop, unpark=unpark, ready=bool(ready), done=done)
        if int(d.g_valid.value):
            p.offer = (int(d.g_qid.value), int(d.g_max.value))
        p.busy = (who, bool(int(d.g_busy.value)))
        self.offer = p.offer
        self.taken = p.offer if p.offer and ready else None
        self.tamper(p)
        if done is not None:
            del self.out[done[0]]
            self.answers.pop(done[0], None)
        if self.taken:
            qid, limit = self.taken
            self.out[qid] = Out(qid, limit, self.now)
            if self.serve:
                delay, *answer = self.serve(qid, limit)
                self.out[qid].due = self.now + max(1, delay)
                self.answers[qid] = tuple(answer)
        self.recent.append(p)
        try:
            self.check.step(p)
        except AssertionError:
            for n, old in enumerate(self.recent, self.check.t - len(self.recent) + 1):
                d._log.info("%d: %s", n, " ".join(f"{k}={v}" for k, v in vars(old).items() if v not in (None, False)))
            raise

    async def idle(self, cycles: int, **kw) -> None:
        for _ in range(cycles):
            await self.cycle(**kw)

    async def granted(self, qid: int | None = None, cycles: int = 60) -> tuple[int, int]:
        """Wait until a grant (of this queue) is taken."""
        for _ in range(cycles):
            await self.cycle()
            if self.taken and qid in (None, self.taken[0]):
                return self.taken
        raise AssertionError(f"no grant of queue {qid} in {cycles} cycles")

    async def finish(self) -> None:
        """Everything that has commands is served, then the checker's verdict."""
        self.run, self.ready = True, 1.0
        self.serve = lambda qid, limit: (1, 1, False, False)
        for o in self.out.values():
            o.due = self.now + 1
            self.answers[o.qid] = (0, False, False)
        for qid in range(self.n):
            if self.check.q[qid].stopped:
                await self.cycle(stop=(qid, False))
        await self.cycle(unpark=True)
        for _ in range(20 * self.n + 40):
            await self.cycle()
            if not self.out and not any(q.must_go or q.out for q in self.check.q):
                break
        assert not any(q.must_go for q in self.check.q), "queues with commands are left"
        await self.idle(10)
        self.check.finish()
