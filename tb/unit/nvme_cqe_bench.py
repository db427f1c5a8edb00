# SPDX-License-Identifier: Apache-2.0
"""Bench of crl_nvme_cqe: fetch units that reserve, execution that completes, memory, host; the golden model is models/nvme/cqe.py.

Pins change at the falling edge and are sampled when all has settled. The model has no time, so where an event needs some cycles to count
(room in a queue, an error), what was true in between passes as well, for `LAG` cycles.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly

from models.gen.carillon_layout import NvmeCqe
from models.nvme.cqe import ENTRY, Burst, CompletionQueues, Entry
from tb.lib.sim import sim_parameters

LAG = 6  # cycles until an event counts
SOON = 16  # cycles until what has to come is there
RS_LATENCY = 3
SURE = 7  # slots that su_sure promises
EVENTS = ("cfg_we", "rs_valid", "rb_valid", "rs2_valid", "rb2_valid", "s_valid", "cq_rung", "wb_b_valid", "wb_ready")
INPUTS = ("cfg_qid", "cfg_cq", "cfg_valid", "cfg_size", "cfg_base", "cfg_func", "cfg_cqid", "cfg_prio", "cfg_vec", "cfg_ien", "rs_qid",
          "rs_want", "rb_qid", "rb_cnt", "rs2_qid", "rb2_qid", "s_qid", "s_cid", "s_sqhd", "s_status", "s_dnr", "s_more", "s_dw0", "s_drop",
          "lk_qid", "su_qid", "cq_qid", "cq_head", "wb_b_resp")

_clocks: list = []


@dataclass
class Done:
    """A completion for the s port."""

    qid: int
    cid: int = 0
    sqhd: int = 0
    status: int = 0
    dnr: int = 0
    more: int = 0
    dw0: int = 0
    drop: int = 0


@dataclass
class Ask:
    """A reservation under way."""

    qid: int
    want: int
    at: int
    least: int  # room that was there for sure
    most: int = 0
    sure: bool = False  # it gets what it wants


@dataclass
class Side:
    """What the bench knows of a completion queue beside the model."""

    dropped: deque = field(default_factory=deque)  # (entries taken before it, cycle or -1): slots of completions that post nothing
    taken: int = 0  # entries taken since set-up
    written: int = 0  # of these, out of the port
    died: int = -1  # cycle of the bad response
    ghosts: deque = field(default_factory=deque)  # entries that may have left before the error was known
    errors: int = 0  # bad responses, and events about them
    told: int = 0
    refused: int = -1  # cycle of the request that got nothing and was not followed by unpark
    room_since: int = -1


class CqeBench:
    """`cycle` plays one cycle. Completions in `todo` are offered one after the other."""

    def __init__(self, dut, **knobs) -> None:
        p = sim_parameters()
        self.dut = dut
        self.queues, self.n = p["QUEUES"], p["QUEUES"] + 1
        self.lanes = p["DATA_W"] // 8
        self.func_w = p.get("FUNC_W", 8)
        self.depth = p.get("DEPTH", 16)
        self.beats_held = p.get("BEATS", max(8, 4096 // p["DATA_W"]))
        self.rng = random.Random(cocotb.RANDOM_SEED)
        self.hold_b = False  # no responses
        self.k = {"s": 1.0, "ready": 1.0, "b_lat": (0, 6), "b_error": 0.0} | knobs
        self.now = 0
        self.pins: dict[str, int] = {}
        self.has = {name for name in (*EVENTS, *INPUTS, "busy") if hasattr(dut, name)}
        self.tamper: Callable[[tuple], tuple | None] = lambda beat: beat
        self.sizes: Counter = Counter()
        self.lengths: list[int] = []
        self.compared = self.irqs = self.errors = self.unparks = self.certain = 0
        self.longest = 0  # cycles from when nothing is owed any more to idle
        self.looks = random.Random(cocotb.RANDOM_SEED)
        self.log: dict[str, list[int]] = {"s": [], "wb": [], "last": [], "b": [], "irq": [], "err": [], "unpark": []}
        self._fresh()

    def _fresh(self) -> None:
        self.m = CompletionQueues(self.queues)
        self.side = [Side() for _ in range(self.n)]
        self.live: list[int] = []  # completion queues that are there
        self.todo: deque[Done] = deque()
        self.offered: Done | None = None
        self.ask: Ask | None = None
        self.answer: int | None = None
        self.beats: list[tuple[int, int]] = []
        self.head: tuple[int, int, int] = (0, 0, 0)
        self.shown = 0
        self.held_beat: tuple | None = None
        self.b_due: deque[tuple[int, int, Burst]] = deque()
        self.irq_due: deque[tuple[tuple[int, int, int, int], int, bool]] = deque()  # (vector, CQ, entries, tail), cycle, may be missing
        self.quiet_since = self.roomy = self.now
        self.last_rs = self.last_rb = self.last_rung = self.last_cfg = -10
        self.asker, self.wander = 0, 0.1  # SQ whose certainty is looked at; chance that it changes
        self.sure: deque[int | None] = deque([None] * 3, maxlen=3)  # completion queues with slots for certain, of the last cycles

    # ---- life

    def put(self, name: str, value: int) -> None:
        if self.pins.get(name) != value and name in self.has:
            self.pins[name] = value
            getattr(self.dut, name).value = value

    async def start(self) -> CqeBench:
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

    async def reset(self, cycles: int = 2) -> None:
        d = self.dut
        await FallingEdge(d.clk)
        for name in EVENTS:
            self.put(name, 0)
        d.rst.value = 1
        for _ in range(cycles):
            await FallingEdge(d.clk)
        assert not int(d.wb_valid.value) and not int(d.irq_valid.value) and not int(d.err_valid.value)
        d.rst.value = 0
        for n in range(self.n + 4):
            await FallingEdge(d.clk)
            assert not int(d.wb_valid.value)
            if n and "busy" in self.has and not int(d.busy.value):
                break
        else:
            assert "busy" not in self.has, "busy stays up"
        self._fresh()

    async def setup_cq(self, cqid: int, *, size: int, base: int | None = None, func: int | None = None, vec: int | None = None,
                       ien: bool = True) -> None:
        """A completion queue, page aligned, apart from the others."""
        rng = self.rng
        base = (rng.getrandbits(32) << 32 | cqid << 17) if base is None else base
        func = rng.getrandbits(self.func_w) if func is None else func
        vec = rng.getrandbits(8) if vec is None else vec
        await self.cycle(cfg={"qid": cqid, "cq": 1, "valid": 1, "size": size, "base": base, "func": func, "vec": vec, "ien": int(ien)})
        self.m.setup_cq(cqid, base=base, size=size, func=func, vec=vec, ien=ien)
        self.side[cqid] = Side()
        self.live = sorted({*self.live, cqid})
        await self.cycle()

    async def delete_cq(self, cqid: int) -> None:
        await self.cycle(cfg={"qid": cqid, "cq": 1, "valid": 0})
        self.m.delete_cq(cqid)
        self.live.remove(cqid)
        await self.cycle()

    async def setup_sq(self, sqid: int, cqid: int) -> None:
        await self.cycle(cfg={"qid": sqid, "cq": 0, "valid": 1, "cqid": cqid, "size": self.rng.getrandbits(12), "base": self.rng.getrandbits(64)})
        self.m.setup_sq(sqid, cqid)
        await self.cycle()

    # ---- one cycle

    async def cycle(self, *, rs=None, rb=None, rung=None, cfg=None, ready=None, resp=None) -> None:
        """rs: (SQ, want), rb: (SQ, count), rung: (CQ, head); `answer` is what a reservation got, when it is known."""
        d, rng, m = self.dut, self.rng, self.m
        await FallingEdge(d.clk)
        self.now += 1
        if cfg is not None:
            for name in ("qid", "cq", "valid", "size", "base", "func", "cqid", "vec", "ien", "prio"):
                self.put(f"cfg_{name}", cfg.get(name, 0))
        self.put("cfg_we", int(cfg is not None))
        self.put("rs_valid", int(rs is not None))
        if rs:
            assert self.now >= self.last_rs + 4 and self.ask is None
            self.last_rs = self.now
            self.put("rs_qid", rs[0])
            self.put("rs_want", rs[1])
        self.put("rb_valid", int(rb is not None))
        if rb:
            assert self.now >= self.last_rb + 4 and not rs
            self.last_rb = self.now
            self.put("rb_qid", rb[0])
            self.put("rb_cnt", rb[1])
        self.put("cq_rung", int(rung is not None))
        if rung:
            assert self.now >= self.last_rung + 3
            self.last_rung = self.now
            self.put("cq_qid", rung[0])
            self.put("cq_head", rung[1])
        if self.offered is None and self.todo and rng.random() < self.k["s"]:
            self.offered = self.todo.popleft()
            for name in ("qid", "cid", "sqhd", "status", "dnr", "more", "dw0", "drop"):
                self.put(f"s_{name}", getattr(self.offered, name))
            self.log["s"].append(self.now)
        self.put("s_valid", int(self.offered is not None))
        self.put("wb_ready", int(rng.random() < self.k["ready"] if ready is None else ready))
        answered = None
        if self.b_due and self.b_due[0][0] <= self.now and not self.hold_b:
            _, code, burst = self.b_due.popleft()
            answered = (burst, code if resp is None else resp)
            self.put("wb_b_resp", answered[1])
        self.put("wb_b_valid", int(answered is not None))
        look = rng.choice(self.live) if self.live and rng.random() < 0.7 else rng.randrange(self.n)
        self.put("lk_qid", look)
        asker = self.asker = self.looks.randrange(self.n) if self.looks.random() < self.wander else self.asker
        self.put("su_qid", asker)
        self.drive_second()
        owed = self._owes()
        await ReadOnly()
        self.check_second()
        self._check_idle(owed)
        self._tail(look)
        sure = int(d.su_sure.value) if d.su_sure.value.is_resolvable else 0
        self.sure.append(m.cq_of[asker] if sure else None)
        if cfg is not None:
            self.sure.extend([None] * 3)
        # Requests are judged by what was before; what comes back in this cycle may count already.
        if rs:
            self._ask(*rs)
        self.answer = None
        if rb:
            m.give_back(*rb)
        if rung:
            m.consume(*rung)
        if answered:
            self._respond(*answered)
        if self.offered is not None and int(d.s_ready.value):
            self._taken(self.offered)
            self.offered = None
        self._port()
        self._events()
        if self.ask is not None:
            self._answer()
        self._unparked()

    async def idle(self, cycles: int, **kw) -> None:
        for _ in range(cycles):
            await self.cycle(**kw)

    # ---- the second way to reserve, see nvme_cqe2_bench.py

    def drive_second(self) -> None: ...

    def check_second(self) -> None: ...

    def slack(self) -> int:
        """Cycles that rs_done may be late."""
        return 0

    # ---- checks

    def _owes(self) -> bool:
        return bool(self.m.owed) or any(self.m.cqs[i].waiting for i in self.live) or bool(self.beats)

    def _check_idle(self, owed: bool) -> None:
        idle = int(self.dut.idle.value)
        if owed:
            assert not idle, "idle is up, and something waits or a response is owed"
            self.quiet_since = self.now + 1
        if self.offered is not None:
            self.quiet_since = self.now + 1
        if not idle:
            self.longest = max(self.longest, self.now - self.quiet_since)
            assert self.now - self.quiet_since < SOON + self.away(), "idle does not come up"

    def away(self) -> int:
        """Cycles in which what waits of a stopped queue goes away: entries that have no beat yet one in two cycles, beats one a cycle."""
        return 2 * self.depth + self.beats_held if any(cq.dead for cq in self.m.cqs) else 0

    def _tail(self, cqid: int) -> None:
        cq, side = self.m.cqs[cqid], self.side[cqid]
        if not cq.valid or cq.dead:
            return
        tail = int(self.dut.lk_tail.value)
        least = side.written
        assert (tail - least) % cq.depth <= side.taken - least, \
            f"CQ {cqid}: tail {tail}; {least} entries were written, {side.taken} taken, depth {cq.depth}"

    def _late(self, cqid: int) -> int:
        """Slots of completions without an entry that may not count yet; reads and what is given back count at once."""
        side = self.side[cqid]
        while side.dropped:
            before, at = side.dropped[0]
            if at < 0 and side.written >= before:
                side.dropped[0] = (before, self.now)
            if side.dropped[0][1] < 0 or side.dropped[0][1] + LAG >= self.now:
                break
            side.dropped.popleft()
        return len(side.dropped)

    def room(self, cqid: int) -> tuple[int, int]:
        """Free slots: for sure, and at most."""
        cq = self.m.cqs[cqid]
        return max(0, cq.free - self._late(cqid)), cq.free

    def _ask(self, sqid: int, want: int) -> None:
        cqid = self.m.cq_of[sqid]
        least = 0 if cqid is None else self.room(cqid)[0]
        sure = cqid is not None and self.sure[0] == cqid and want <= SURE
        self.ask = Ask(sqid, want, self.now, least, sure=sure)

    def _answer(self) -> None:
        d, a = self.dut, self.ask
        done = int(d.rs_done.value)
        if self.now < a.at + RS_LATENCY:
            assert not done, "rs_done is early"
            return
        if not done:
            assert self.now < a.at + RS_LATENCY + self.slack(), f"no rs_done {self.now - a.at} cycles after rs_valid"
            return
        got = int(d.rs_got.value)
        self.ask, self.answer = None, got
        cqid = self.m.cq_of[a.qid]
        if cqid is None or not self.m.cqs[cqid].valid:
            assert got == 0, f"{got} slots of a queue that is not there"
            return
        cq = self.m.cqs[cqid]
        assert got <= a.want
        if a.sure:
            self.certain += 1
            assert got == a.want, f"{got} of {a.want} slots, and all were certain"
        if cq.dead:
            cq.reserved += got
            return
        most = cq.free
        assert min(a.want, a.least) <= got <= min(a.want, most), \
            f"SQ {a.qid}, CQ {cqid}: {got} slots of {a.want} wanted, {a.least} to {most} are free; {cq.reserved} reserved, " \
            f"{cq.unread} unread, size {cq.size}"
        cq.reserved += got
        self.compared += 1
        side = self.side[cqid]
        if got == 0 and a.want and not any(a.at <= u <= self.now for u in self.log["unpark"][-3:]):
            side.refused = a.at

    def _unparked(self) -> None:
        if any(self.m.cqs[i].free or self.m.cqs[i].dead for i in self.live):
            self.roomy = self.now
        if int(self.dut.unpark.value):
            self.unparks += 1
            self.log["unpark"].append(self.now)
            assert self.now - self.roomy <= LAG, "unpark, and no queue has room"
            for i in self.live:
                self.side[i].refused = -1
        for cqid in self.live:
            s = self.side[cqid]
            if s.refused < 0:
                s.room_since = -1
                continue
            if self.m.cqs[cqid].dead or not self.room(cqid)[0]:
                s.room_since = -1
                continue
            s.room_since = self.now if s.room_since < 0 else s.room_since
            assert self.now - s.room_since < SOON, f"CQ {cqid} has room since cycle {s.room_since}, a request got nothing, no unpark comes"

    def _taken(self, done: Done) -> None:
        cqid = self.m.cq_of[done.qid]
        cq, side = self.m.cqs[cqid], self.side[cqid]
        entry = self.m.complete(done.qid, cid=done.cid, sqhd=done.sqhd, status=done.status, dnr=done.dnr, more=done.more, dw0=done.dw0,
                                drop=bool(done.drop))
        self.m.check()
        if entry is not None:
            side.taken += 1
        elif done.drop or cq.dead:
            side.dropped.append((side.taken, -1))

    def _port(self) -> None:
        d = self.dut
        if not int(d.wb_valid.value):
            assert self.held_beat is None, "wb_valid fell while stalled"
            return
        first, last = int(d.wb_first.value), int(d.wb_last.value)
        beat = (first, last, *((int(d.wb_addr.value), int(d.wb_len.value), int(d.wb_user.value)) if first else (0, 0, 0)),
                int(d.wb_data.value), int(d.wb_strb.value))
        assert self.held_beat in (None, beat), "changed while stalled"
        if first and self.held_beat is None:
            self.log["wb"].append(self.now)
            self.shown = self.now
        self.held_beat = beat
        if not int(d.wb_ready.value):
            return
        self.held_beat = None
        seen = self.tamper(beat)
        if seen is None:
            return
        first, last, addr, length, user, data, strb = seen
        assert bool(first) == (not self.beats), "wb_first at the wrong beat"
        if first:
            self.head = (addr, length, user)
        self.beats.append((data, strb))
        if last:
            self.log["last"].append(self.now)
            beats, self.beats = self.beats, []
            assert len(beats) == self.head[1] + 1, "the length differs from the beats"
            self._burst(beats)

    def _burst(self, beats: list[tuple[int, int]]) -> None:
        addr, _, user = self.head
        at = addr & -self.lanes
        assert addr % min(self.lanes, ENTRY) == 0
        halves: list[tuple[int, int]] = []  # address, 8 bytes
        for n, (data, strb) in enumerate(beats):
            for lane in range(self.lanes // 8):
                part = strb >> 8 * lane & 0xFF
                assert part in (0, 0xFF), "half a lane"
                if part:
                    halves.append((at + self.lanes * n + 8 * lane, data >> 64 * lane & (1 << 64) - 1))
        assert halves and len(halves) % 2 == 0 and halves[0][0] % ENTRY == 0, "half an entry"
        start = halves[0][0]
        assert [a for a, _ in halves] == [start + 8 * i for i in range(len(halves))], "entries are not adjacent"
        assert start >= addr and start // 4096 == halves[-1][0] // 4096, "across a page"
        got = [NvmeCqe.from_int(halves[i][1] | halves[i + 1][1] << 64) for i in range(0, len(halves), 2)]
        raw = [halves[i][1] | halves[i + 1][1] << 64 for i in range(0, len(halves), 2)]
        cqid = next((i for i in self.live if self.m.cqs[i].base <= start < self.m.cqs[i].base + ENTRY * self.m.cqs[i].depth), None)
        assert cqid is not None, f"an entry outside of every queue: {start:#x}"
        cq, side = self.m.cqs[cqid], self.side[cqid]
        assert user == cq.func, f"user {user:#x}, expected {cq.func:#x}"
        self.sizes[len(got)] += 1
        self.lengths.append(len(got))
        if cq.dead:
            assert self.shown <= side.died + LAG, f"CQ {cqid} posts after its error"
            want = [side.ghosts.popleft() for _ in range(min(len(got), len(side.ghosts)))]
            burst = Burst(cqid, tuple(want), cq.func, cq.life)
            self.m.owed.append(burst)
        else:
            assert len(got) <= len(cq.waiting), f"CQ {cqid}: {len(got)} entries, {len(cq.waiting)} wait: {got}"
            burst = self.m.burst(cqid, len(got))
            want = list(burst.entries)
        self._compare(cqid, start, raw, got, want)
        side.written += len(got)
        lo, hi = self.k["b_lat"]
        due = self.now + 1 + self.rng.randint(lo, hi)
        code = self.rng.choice((2, 3)) if self.rng.random() < self.k["b_error"] else 0
        self.b_due.append((max(due, self.b_due[-1][0] if self.b_due else 0), code, burst))

    def _compare(self, cqid: int, start: int, raw: list[int], got: list[NvmeCqe], want: list[Entry]) -> None:
        assert len(got) == len(want), f"CQ {cqid}: {got}, expected {want}"
        for n, (word, cqe, entry) in enumerate(zip(raw, got, want, strict=True)):
            assert start + ENTRY * n == entry.addr, f"CQ {cqid}: at {start + ENTRY * n:#x}, expected slot {entry.slot} at {entry.addr:#x}"
            assert word == entry.data.to_int(), f"CQ {cqid} slot {entry.slot}: {cqe}, expected {entry.data}"
            self.compared += 1

    def _respond(self, burst: Burst, code: int) -> None:
        cqid = burst.cqid
        cq, side = self.m.cqs[cqid], self.side[cqid]
        was_dead, waiting = cq.dead, list(cq.waiting)
        self.log["b"].append(self.now)
        answer = self.m.respond(burst, code)
        if answer.error is not None:
            side.errors += 1
            if not was_dead:
                side.died = self.now
                side.ghosts = deque(waiting)
        elif cq.ien:
            last = burst.entries[-1].slot
            self.irq_due.append(((cq.vec, cqid, len(burst.entries), (last + 1) % cq.depth), self.now, was_dead))

    def _events(self) -> None:
        d = self.dut
        if int(d.irq_valid.value):
            got = tuple(int(getattr(d, f"irq_{name}").value) for name in ("vec", "qid", "cnt", "tail"))
            self.log["irq"].append(self.now)
            while self.irq_due and self.irq_due[0][2] and self.irq_due[0][0] != got:
                self.irq_due.popleft()
            assert self.irq_due, f"an interrupt {got} that no response asked for"
            want, _, _ = self.irq_due.popleft()
            assert got == want, f"interrupt (vector, queue, entries, tail) {got}, expected {want}"
            self.irqs += 1
        while self.irq_due and self.now - self.irq_due[0][1] > SOON:
            want, at, optional = self.irq_due.popleft()
            assert optional, f"no interrupt {want} after the response in cycle {at}"
        if int(d.err_valid.value):
            qid = int(d.err_qid.value)
            self.log["err"].append(self.now)
            side = self.side[qid]
            side.told += 1
            self.errors += 1
            assert side.told <= side.errors, f"an error of CQ {qid} that was none"
        for i in self.live:
            side = self.side[i]
            assert side.died < 0 or side.told or self.now - side.died <= SOON, f"no err_valid for CQ {i}"

    # ---- helpers of tests

    def head_len(self) -> int:
        """wb_len of the burst on offer."""
        return self.held_beat[3] if self.held_beat else -1

    async def reserve(self, sqid: int, want: int) -> int:
        """Reserve and wait for the answer."""
        while self.now + 1 < self.last_rs + 4 or self.ask is not None:
            await self.cycle()
        await self.cycle(rs=(sqid, want))
        while self.answer is None:
            await self.cycle()
        return self.answer

    def complete(self, sqid: int, drop: bool = False) -> Done:
        """Random contents."""
        r = self.rng.getrandbits
        done = Done(sqid, r(16), r(12), r(11), r(1), r(1), r(32), int(drop))
        self.todo.append(done)
        return done

    async def consume(self, cqid: int, count: int | None = None) -> int:
        """The host reads what was written."""
        cq, side = self.m.cqs[cqid], self.side[cqid]
        there = side.written - cq.consumed
        count = there if count is None else min(count, there)
        if count:
            while self.now + 1 < self.last_rung + 3:
                await self.cycle()
            await self.cycle(rung=(cqid, (cq.consumed + count) % cq.depth))
        return count

    async def drain(self, cycles: int = 2000) -> None:
        """Until nothing waits."""
        for _ in range(cycles):
            if not (self.todo or self.offered or self._owes() or self.b_due):
                break
            await self.cycle()
        assert not self.todo and not self.offered and not self._owes(), "something does not get out"
        await self.idle(SOON + self.away() + 4)
        assert not self.irq_due and int(self.dut.idle.value)

    def finish(self) -> None:
        assert self.compared, "nothing was compared"
