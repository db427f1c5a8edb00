# SPDX-License-Identifier: Apache-2.0
"""What the tests of crl_nvme_db share: a scoreboard over the golden model, and a driver with the pointers that others keep.

The model says what a write means. It is asked when the outcome is due: two cycles after the write, for the upper half three, with
the SQ heads and CQ tails of two cycles before.
"""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge

from models.layout import NvmeAerErr
from models.nvme.doorbells import CqRung, Doorbells, Event, Foreign, Queue, Refused, SqRung, place
from tb.lib.sim import sim_parameters
from tb.unit.stream import value

LOWER, UPPER = 2, 3  # latencies
LOOKED = 2  # cycles before the event in which the others' pointers are looked at
CFG_CYCLES = 2  # until the look-up ports need to show what the set-up bus did


class Write(NamedTuple):
    """A write to the doorbell pages."""

    addr: int
    data: int
    strb: int
    user: int


class Cfg(NamedTuple):
    """An event of the set-up bus."""

    qid: int
    cq: bool
    valid: bool = True
    size: int = 1
    func: int = 0


class Look(NamedTuple):
    """What the look-up ports showed."""

    t_qid: int
    t_tail: int
    h_qid: int
    h_head: int


@dataclass
class Board:
    """The scoreboard: `cycle` is told what each cycle showed."""

    queues: int
    dstrd: int
    now: int = 0
    compared: int = 0
    ignored: int = 0  # halves of which nothing had to come
    seen: list[Event] = field(default_factory=list)
    model: Doorbells = field(init=False)
    _others: deque = field(default_factory=lambda: deque(maxlen=UPPER + 1))
    _view: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())
    _due: list[tuple[int, Write]] = field(default_factory=list)
    _set_up: dict[tuple[int, bool], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.model = Doorbells(self.queues, self.dstrd, lambda q: self._view[0][q], lambda q: self._view[1][q])

    def forget(self) -> None:
        """What is under way is not compared."""
        self._due.clear()

    def reset(self) -> None:
        """No queue is there any more, and nothing is under way."""
        self.forget()
        self.model.reset()

    def queue(self, qid: int, cq: bool) -> Queue:
        return (self.model.cqs if cq else self.model.sqs)[qid]

    def cycle(
        self, write: Write | None, cfg: Cfg | None, others: tuple, events: list[Event], look: Look | None = None
    ) -> None:
        """`others`: SQ heads, CQ tails of this cycle; `events`: what came in it."""
        self._others.append(others)
        due = [w for n, w in self._due if n == self.now]
        before = look and (self.model.tail(look.t_qid), self.model.head(look.h_qid))
        assert due or not events, f"cycle {self.now}: {events} without reason"
        for w in due:
            self._compare(w, events)
        if look is not None and before is not None:
            self._pointer(look.t_qid, False, look.t_tail, before[0])
            self._pointer(look.h_qid, True, look.h_head, before[1])
        self._due = [d for d in self._due if d[0] > self.now]
        if write is not None:
            self._due.append((self.now + LOWER, write._replace(strb=write.strb & 0x0F)))
            self._due.append((self.now + UPPER, write._replace(strb=write.strb & 0xF0)))
        if cfg is not None:
            self.model.configure(*cfg)
            self._set_up[cfg.qid, cfg.cq] = self.now
        self.now += 1

    def _compare(self, w: Write, events: list[Event]) -> None:
        """What came of half a write against what must come of it."""
        self._view = self._others[-1 - LOOKED]
        outcome = self.model.write(*w)
        assert events == outcome, f"cycle {self.now}: {events} came of {w}, not {outcome}"
        self.seen += events
        self.compared += 1
        self.ignored += not events

    def _pointer(self, qid: int, cq: bool, got: int, before: int) -> None:
        """A look-up port: the pointer, old or new while a write is under way."""
        queue = self.queue(qid, cq)
        if not queue.valid or self.now - self._set_up.get((qid, cq), -9) <= CFG_CYCLES:
            return
        allowed = {before, queue.pointer}
        for _, w in self._due:
            for half in (0, 1):
                if place((w.addr & ~7) + 4 * half, self.dstrd) == (qid, cq):
                    allowed.add(w.data >> 32 * half & 0xFFFF)
        assert got in allowed, f"cycle {self.now}: {'CQ' if cq else 'SQ'} {qid} stands at {got}, not {allowed}"
        self.compared += len(allowed) == 1

    def end(self, at_least: int = 20) -> None:
        """Nothing under way, enough compared."""
        assert not self._due, "the last writes were not waited for"
        assert self.compared >= at_least and self.seen, f"only {self.compared} comparisons"


class Bench:
    """Drives after the rising edge, compares at the falling one."""

    def __init__(self, dut) -> None:
        self.dut = dut
        p = sim_parameters()
        self.queues, self.dstrd, self.func_w = p["QUEUES"], p["DSTRD"], p["FUNC_W"]
        self.qn = self.queues + 1
        self.rng = random.Random(cocotb.RANDOM_SEED)
        self.board = Board(self.queues, self.dstrd)
        self.sq_head = [0] * self.qn
        self.cq_tail = [0] * self.qn
        self.watch = True  # False: the scoreboard is not told
        self.last_write = self.last_cfg = -9
        self.cycle = 0
        self.events: list[Event] = []  # of the latest cycle
        self.hot: list[int] = [0, self.qn - 1]  # queues that the look-up ports look at

    async def start(self) -> None:
        """Clock and reset."""
        d = self.dut
        d.rst.value = 1
        d.wr.value = d.cfg_we.value = 0
        for name in ("wr_addr", "wr_user", "wr_data", "wr_strb", "t_qid", "h_qid", "lk_sq_head", "lk_cq_tail"):
            getattr(d, name).value = 0
        for name in ("qid", "cq", "valid", "size", "base", "func", "cqid", "prio", "vec", "ien"):
            if hasattr(d, f"cfg_{name}"):
                getattr(d, f"cfg_{name}").value = 0
        cocotb.start_soon(Clock(d.clk, 10, unit="ns").start())
        await RisingEdge(d.clk)
        await self.reset()

    async def reset(self, wait: bool = True) -> int:
        """Two cycles of reset, then until the tables are cleared; returns how long that took."""
        d = self.dut
        d.wr.value = d.cfg_we.value = 0
        d.rst.value = 1
        for _ in range(2):
            await RisingEdge(d.clk)
        d.rst.value = 0
        self.board.reset()
        self.sq_head = [0] * self.qn
        self.cq_tail = [0] * self.qn
        cycles = 0
        while wait:
            await FallingEdge(d.clk)
            busy = self.busy
            await RisingEdge(d.clk)
            if not busy:
                break
            cycles += 1
            assert cycles <= self.qn, "busy for too long"
        return cycles

    @property
    def busy(self) -> int:
        """Tables are being cleared; without the port it takes no time."""
        return value(self.dut.busy) if hasattr(self.dut, "busy") else 0

    async def step(self, write: Write | None = None, cfg: Cfg | None = None) -> list[Event]:
        """One cycle; what is not driven is noise."""
        d, rnd = self.dut, self.rng.getrandbits
        d.wr.value, d.cfg_we.value = int(write is not None), int(cfg is not None)
        w = write or Write(rnd(20), rnd(64), rnd(8), rnd(self.func_w))
        d.wr_addr.value, d.wr_data.value, d.wr_strb.value, d.wr_user.value = w
        c = cfg or Cfg(self.rng.randrange(self.qn), rnd(1), rnd(1), rnd(12), rnd(self.func_w))
        d.cfg_qid.value, d.cfg_cq.value, d.cfg_valid.value = c.qid, int(c.cq), int(c.valid)
        d.cfg_size.value, d.cfg_func.value = c.size, c.func
        d.t_qid.value, d.h_qid.value = self.rng.choice(self.hot), self.rng.choice(self.hot)
        await FallingEdge(d.clk)
        if d.lk_qid.value.is_resolvable and (q := value(d.lk_qid)) < self.qn:
            d.lk_sq_head.value, d.lk_cq_tail.value = self.sq_head[q], self.cq_tail[q]
        else:
            d.lk_sq_head.value, d.lk_cq_tail.value = rnd(12), rnd(12)
        self.events = self._sample()
        if self.watch:
            look = Look(value(d.t_qid), self._number(d.t_tail), value(d.h_qid), self._number(d.h_head))
            self.board.cycle(write, cfg, (tuple(self.sq_head), tuple(self.cq_tail)), self.events, look)
        await RisingEdge(d.clk)
        self.cycle += 1
        if write is not None:
            self.last_write = self.cycle
        if cfg is not None:
            self.last_cfg = self.cycle
            (self.cq_tail if cfg.cq else self.sq_head)[cfg.qid] = 0
        return self.events

    @staticmethod
    def _number(signal) -> int:
        return value(signal) if signal.value.is_resolvable else -1

    soon = -1  # so_qid of the last cycle

    def _sample(self) -> list[Event]:
        """The events of this cycle."""
        d, events = self.dut, []
        if value(d.sq_rung):
            events.append(SqRung(value(d.sq_qid), value(d.sq_tail)))
            assert self.soon == value(d.sq_qid), f"queue {value(d.sq_qid)} is rung, so_qid said {self.soon}"
        self.soon = self._number(d.so_qid)
        if value(d.cq_rung):
            events.append(CqRung(value(d.cq_qid), value(d.cq_head)))
        if value(d.bad_valid):
            code = NvmeAerErr(value(d.bad_code))
            events.append(Refused(value(d.bad_qid), bool(value(d.bad_cq)), code, value(d.bad_func)))
        if value(d.foreign_valid):
            events.append(Foreign(value(d.foreign_func)))
        return events

    async def idle(self, cycles: int) -> list[Event]:
        """Cycles without input; the events of all."""
        events = []
        for _ in range(cycles):
            events += await self.step()
        return events

    async def cfg(self, qid: int, cq: bool, valid: bool = True, size: int = 1, func: int = 0) -> None:
        """Set a queue up; the bus takes an event every second cycle."""
        if self.cycle - self.last_cfg < 1:
            await self.step()
        await self.step(cfg=Cfg(qid, cq, valid, size, func))

    async def write(self, addr: int, data: int, strb: int, user: int = 0) -> None:
        """A write, as early as the contract allows."""
        while self.cycle - self.last_write < 2:
            await self.step()
        await self.step(Write(addr, data, strb, user))

    def place(self, qid: int, cq: bool) -> int:
        """Address of a doorbell."""
        return 0x1000 + (2 * qid + cq) * (4 << self.dstrd)

    async def ring(self, qid: int, cq: bool, val: int, user: int = 0, wait: bool = True) -> list[Event]:
        """One doorbell as a 32-bit access; what came of it."""
        addr = self.place(qid, cq)
        half = addr >> 2 & 1
        data = self.rng.getrandbits(64) & ~(0xFFFFFFFF << 32 * half) | val << 32 * half
        await self.write(addr, data, 0xF << 4 * half, user)
        return await self.idle(UPPER) if wait else []

    def owner(self, qid: int, cq: bool) -> int:
        return self.board.queue(qid, cq).func
