# SPDX-License-Identifier: Apache-2.0
"""Bench of crl_nvme_fetch: arbiter, doorbells, completion slots, memory and a taker of entries; the golden model is models/nvme/fetch.py.

Inputs change after a rising edge, `t_tail` follows `t_qid` in the same cycle, all is sampled at the falling edge. The model has no time:
where an event needs some cycles to count (room that became free, a new tail), what was true in the last `LAG` cycles passes as well.
Memory changes all the time if `scribble` says so: what is expected of an entry is what the beats of its one read had.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from cocotb.triggers import FallingEdge, RisingEdge, Timer

from models.nvme.fetch import ENTRY, Burst, Fetch, Grant
from tb.unit.dma_lib import CycleBench

LAG = 4  # cycles until an event counts
SOON = 20  # cycles until what has to come is there
RS_LATENCY = 3
SURE = 7  # so many slots may be certain
APART = 4  # cycles between two reservations, or two returns
OKAY, EXOKAY, SLVERR, DECERR = range(4)
LIMIT = 60_000
GRANTS = 4  # that are out at a time


@dataclass(eq=False)
class Served:
    """A grant that was taken, as the bench sees it."""

    g: Grant
    at: int  # cycle in which g_valid came up
    tail: int  # of the queue, then
    head: int
    room: list[int]  # least and most that there was while it waited
    want: int | None = None
    asked: int = -1
    returned: int = 0  # unused slots that were given back before d_valid
    stopped: bool = False
    sure: bool = False  # it was certain to get what it wants


@dataclass(eq=False)
class Read:
    """A burst on its way."""

    b: Burst
    after: int  # cycle of the first beat, at least
    bad: dict[int, int]  # beat: response
    beats: list[int] = field(default_factory=list)
    error: bool = False


@dataclass
class Side:
    """What the bench knows of a queue beside the model."""

    pushed: deque = field(default_factory=deque)  # what the host wrote, not read yet
    tails: list = field(default_factory=lambda: [(-100, 0)])  # (cycle, tail)
    left: int = 0  # entries that left or are lost, since set-up
    left_at: deque = field(default_factory=deque)  # (cycle, left)
    sqhd: int = 0  # largest hd_head seen, without wrapping
    owed: int = 0  # slots to be given back
    lost: int = 0  # of these, of failed bursts
    errors: int = 0  # err_valid to come
    changed: int = -100  # cycle of the last set-up
    got: int = 0  # slots reserved
    back: int = 0  # slots given back
    out: int = 0  # entries that left


class FetchBench(CycleBench):
    """See above; `rate`: how often each side does something when it could."""

    idle = dict.fromkeys(
        "cfg_we cfg_cq cfg_qid cfg_valid cfg_size cfg_base cfg_func g_valid g_qid g_max su_sure rs_done rs_got ar_ready r_valid r_data r_resp r_last "
        "m_ready stop".split(), 0)

    def __init__(self, dut, **rate) -> None:
        super().__init__(dut)
        self.queues, self.n = self.p["QUEUES"], self.p["QUEUES"] + 1
        self.w, self.depth = self.p["DATA_W"] // 8, self.p["DEPTH"]
        self.has_busy = hasattr(dut, "busy")
        self.extra = [n for n in ("cfg_cqid", "cfg_prio", "cfg_vec", "cfg_ien") if hasattr(dut, n)]
        if not hasattr(dut, "cfg_valid"):  # it takes what it needs
            self.idle = {n: v for n, v in self.idle.items() if n != "cfg_valid"}
        self.rate = {"m": 1.0, "ar": 1.0, "r": 1.0, "g": 1.0, "sure": 0.5, "withdraw": 0.0, "error": 0.0, "scribble": 0.0} | rate
        self.latency = (0, 3)
        self.slots: Callable[[int, int], int] = lambda qid, want: want  # policy: how many slots are granted
        self.bad_beats: Callable[[Burst, int], dict[int, int]] = lambda b, beats: {}
        self.tamper: dict[str, Callable[[int], int]] = {}
        self.obedient = True  # the host writes an entry again only after SQHD
        self.scribbled = False
        self.stop = 0
        self.cfg: dict[str, int] | None = None
        self.mem: dict[int, int] = {}
        self.seen: Counter = Counter()
        self.cuts: Counter = Counter()
        self.log: dict[str, list[int]] = {k: [] for k in ("g", "grant", "rs", "ar", "r", "m", "d", "err", "rb")}
        self.done: list[tuple] = []
        self.forget()

    def forget(self) -> None:
        """What a reset clears, here and there."""
        self.m = Fetch(self.queues, self.depth)
        self.side = [Side() for _ in range(self.n)]
        self.live: list[int] = []
        self.todo: deque[tuple[int, int]] = deque()  # grants to come: queue, g_max
        self.offer: tuple[int, int] | None = None
        self.offered_at = 0
        self.offer_tail = 0
        self.serving: list[Served] = []
        self.asking: Served | None = None
        self.reads: deque[Read] = deque()
        self.arriving: Read | None = None
        self.freed: deque[tuple[int, int]] = deque()  # (cycle, places) that became free
        self.held_ar = self.held_m = None
        self.last_rs = self.last_rb = self.last_cfg = -10
        self.stopped = 0  # cycles since `stop` is up
        self.calm = 0
        self.waits = 0
        self.orphans: list[Served] = []  # ended by stop before their slots were known
        self.was_owed = False
        self.sure: deque[int] = deque([0] * 3, maxlen=3)  # su_sure of the last cycles

    async def start(self) -> FetchBench:
        await self.clear()
        return self

    async def clear(self, cycles: int = 3) -> None:
        """Reset, and the tables' clearing."""
        self.stop = 0
        await self.reset(cycles)
        self.forget()
        for name in self.extra:
            self._handle(name).value = 0
        for name in ("lk_qid", "hd_qid", "t_tail"):
            self._handle(name).value = 0
        for n in range(self.n + 4):
            await FallingEdge(self.dut.clk)
            for name in ("m_valid", "ar_valid", "rs_valid", "rb_valid", "d_valid", "err_valid"):
                assert not int(getattr(self.dut, name).value), f"{name} after reset"
            await RisingEdge(self.dut.clk)
            if n and self.has_busy and not int(self.dut.busy.value):
                break
        self.now += self.n + 10

    def get(self, name: str) -> int:
        v = super().get(name)
        f = self.tamper.get(name)
        return f(v) if f else v

    def hit(self, name: str) -> bool:
        r = self.rate[name]
        return r >= 1.0 or (r > 0.0 and self.rng.random() < r)

    # ---- a cycle

    async def step(self, count: int = 1) -> None:
        for _ in range(count):
            self.inp = dict(self.idle)
            self.drive()
            self._apply()
            await Timer(1, unit="ns")
            t = self._handle("t_qid").value
            qid = int(t) if t.is_resolvable else 0
            self._certain()
            self._put("t_tail", self.m.sq[qid].tail % self.m.sq[qid].depth if qid < self.n else 0)
            await FallingEdge(self.dut.clk)
            self.check()
            self.now += 1
            await RisingEdge(self.dut.clk)

    def _certain(self) -> None:
        """Are a few slots certain for who is looked up? Only if the policy would give them."""
        v = self._handle("su_qid").value
        sure = int(v.is_resolvable and int(v) < self.n and self.slots(int(v), SURE) >= SURE and self.hit("sure"))
        self._put("su_sure", sure)
        self.sure.append(sure)

    def _put(self, name: str, number: int) -> None:
        if self._driven.get(name) != number:
            self._handle(name).value = number
            self._driven[name] = number

    def drive(self) -> None:
        i, rng = self.inp, self.rng
        if self.cfg is not None:
            i.update({n: v for n, v in self.cfg.items() if n in self.idle}, cfg_we=1)
            self.last_cfg = self.now
        i["stop"] = self.stop
        i["m_ready"], i["ar_ready"] = int(self.hit("m")), int(self.hit("ar"))
        i["r_resp"] = rng.getrandbits(2)
        i["rs_got"] = rng.getrandbits(8)
        i["g_qid"], i["g_max"] = rng.randrange(self.n), rng.randint(1, 128)
        if self.offer is not None and self.rate["withdraw"] and self.hit("withdraw"):
            self.todo.append(self.offer)
            self.offer = None
            self.seen["withdrawn"] += 1
        elif self.offer is None and self.todo and len(self.serving) < GRANTS and not self.stop and self.hit("g"):
            qid = self.todo[0][0]
            if qid not in self.m.grants:
                self.offer, self.offered_at = self.todo.popleft(), self.now
                self.offer_tail = self.m.sq[qid].tail
                self.log["g"].append(self.now)
        if self.offer is not None:
            i.update(g_valid=1, g_qid=self.offer[0], g_max=self.offer[1])
        self.got = None
        if self.asking is not None and self.now == self.asking.asked + RS_LATENCY:
            s = self.asking
            self.got = s.want if s.sure else max(0, min(s.want, self.slots(s.g.qid, s.want)))
            i.update(rs_done=1, rs_got=self.got)
        self._beat(i)
        oldest = self.serving[0].g.qid if self.serving else None
        if oldest is not None and rng.random() < 0.6:
            self.look = oldest
        else:
            self.look = rng.choice(self.live) if self.live and rng.random() < 0.9 else rng.randrange(self.n)
        self.look2 = self.look if rng.random() < 0.3 else rng.choice(self.live) if self.live else rng.randrange(self.n)
        i["lk_qid"], i["hd_qid"] = self.look, self.look2

    def _beat(self, i: dict[str, int]) -> None:
        """The next beat of the oldest burst."""
        self.arriving = None
        if not self.reads or self.now < self.reads[0].after or not self.hit("r"):
            return
        rd = self.reads[0]
        n = len(rd.beats)
        addr = rd.b.addr + n * self.w
        word = self._mem(addr - addr % ENTRY) >> 8 * (addr % ENTRY) & (1 << 8 * self.w) - 1
        resp = rd.bad.get(n, OKAY)
        last = (n + 1) * self.w == rd.b.nbytes
        i.update(r_valid=1, r_data=word, r_resp=resp, r_last=int(last))
        rd.beats.append(word)
        rd.error |= resp >= SLVERR
        self.arriving = rd
        if self.rate["scribble"] and self.hit("scribble"):
            self.scribbled = True
            for at in (addr - addr % ENTRY, rd.b.addr):
                self.mem[at] = self.rng.getrandbits(512)

    def _mem(self, addr: int) -> int:
        if addr not in self.mem:
            self.mem[addr] = self.rng.getrandbits(512)
        return self.mem[addr]

    # ---- checks

    def check(self) -> None:
        before = self.was_owed
        if self.stop:
            for s in self.serving:
                s.stopped = True
        if self.arriving is not None and len(self.arriving.beats) * self.w == self.arriving.b.nbytes:
            self._answered(self.arriving)
        if self.cfg is not None:
            self._configured()
        self._grant()
        if self.got is not None:
            self._reserved()
        self._ask()
        self._ar()
        self._give_back()
        self._leave()
        self._error()
        self._done()
        self._heads()
        owed = bool(self.serving or self.reads or self.m.in_flight or self.asking or self.held_ar or self.held_m)
        owed |= any(self.side[q].owed or self.side[q].errors for q in self.live)
        idle = self.get("idle")
        if owed and before:
            assert not idle, "idle is up, and something is held, outstanding, or to be told"
        self.calm = 0 if owed or before or self.offer is not None else self.calm + 1
        assert idle or self.calm < SOON, "idle does not come up"
        self.was_owed = owed
        for s in self.serving:
            if s.want is None:
                lo, hi = self._room()
                s.room = [min(s.room[0], lo), max(s.room[1], hi)]
        self.stopped = self.stopped + 1 if self.stop else 0

    def _room(self) -> tuple[int, int]:
        """Places: those free for some cycles, all."""
        while self.freed and self.freed[0][0] + LAG < self.now:
            self.freed.popleft()
        kept = sum(o.want for o in self.orphans)
        hi = self.m.room - kept
        asking = self.asking.want if self.asking and self.asking.g.got is None and self.asking not in self.orphans else 0
        hi -= asking
        return hi - sum(n for _, n in self.freed) - sum(self.side[q].lost for q in self.live), hi

    def _free(self, count: int) -> None:
        if count:
            self.freed.append((self.now, count))

    def _answered(self, rd: Read) -> None:
        """The last beat of a burst: its entries are due, or lost."""
        assert self.reads.popleft() is rd
        self.log["r"].append(self.now)
        raw = b"".join(w.to_bytes(self.w, "little") for w in rd.beats)
        q, side = self.m.sq[rd.b.qid], self.side[rd.b.qid]
        lost = self.m.answer(ok=not rd.error, data=b"" if rd.error else raw)
        for n in range(rd.b.count):
            wrote = side.pushed.popleft()
            if self.obedient and not self.scribbled:
                assert wrote.to_bytes(64, "little") == raw[ENTRY * n:ENTRY * (n + 1)], "the bench's memory is wrong"
        if lost:
            self.seen["lost"] += lost.count
            side.owed += lost.count
            side.lost += lost.count
            side.errors += 1
            side.left = max(side.left, rd.b.first + rd.b.count)
        assert q.answered == rd.b.first + rd.b.count

    def _configured(self) -> None:
        c = self.cfg
        self.cfg = None
        if c["cfg_cq"]:
            return
        qid = c["cfg_qid"]
        if c["cfg_valid"]:
            self.m.setup(qid, base=c["cfg_base"], size=c["cfg_size"], func=c["cfg_func"])
            self.live = sorted({*self.live, qid})
        else:
            self.m.delete(qid)
            self.live = [q for q in self.live if q != qid]
        self.side[qid] = Side(changed=self.now)

    def _grant(self) -> None:
        if self.offer is None or not self.get("g_ready"):
            return
        qid, g_max = self.offer
        assert not (self.stop and self.stopped), "a grant is taken while stop is up"
        self.offer = None
        stop, self.m.stop = self.m.stop, False
        g = self.m.grant(qid, g_max)
        self.m.stop = stop
        self.serving.append(Served(g, self.offered_at, self.offer_tail, self.m.sq[qid].requested, list(self._room()), stopped=bool(self.stop)))
        self.log["grant"].append(self.now)

    def _ask(self) -> None:
        if not self.get("rs_valid"):
            return
        qid, want = self.get("rs_qid"), self.get("rs_want")
        assert self.now - self.last_rs >= APART, "rs_valid too early after the last"
        assert self.asking is None
        self.last_rs = self.now
        self.log["rs"].append(self.now)
        s = next((s for s in self.serving if s.g.qid == qid), None)
        assert s is not None and s.want is None, f"slots for SQ {qid} that has no grant, or asked already"
        q = self.m.sq[qid]
        lo, hi = self._room()
        room = max(1, min(s.room[0], lo)), max(s.room[1], hi)
        least = min(max(1, s.tail - q.requested), s.g.g_max, room[0])
        most = min(q.there, s.g.g_max, room[1])
        assert least <= want <= most, f"SQ {qid}: {want} slots wanted, {least} to {most} expected (there {q.there}, g_max {s.g.g_max}, room {room})"
        s.want, s.asked, self.asking = want, self.now, s
        if self.sure[0] and want <= SURE:
            s.sure = True
            self.m.reserve(s.g, want, want)
        self.seen["limited by " + ("room" if want < min(q.there, s.g.g_max) else "g_max" if want < q.there else "entries")] += 1

    def _reserved(self) -> None:
        s, self.asking = self.asking, None
        self.side[s.g.qid].got += self.got
        if s.sure:
            self.seen["slots: certain"] += 1
            return
        self._free(s.want - self.got)
        self.seen["slots: " + ("none" if not self.got else "some" if self.got < s.want else "all")] += 1
        if s in self.orphans:
            self.orphans.remove(s)
            self.side[s.g.qid].owed += self.got
            return
        self.m.reserve(s.g, self.got, s.want)

    def _ar(self) -> None:
        if not self.get("ar_valid"):
            assert self.held_ar is None, "AR withdrawn"
            return
        ar = tuple(self.get(f"ar_{n}") for n in ("addr", "len", "user"))
        assert self.held_ar is None or self.held_ar[0] == ar, "AR changed while it waited"
        if self.held_ar is None:
            assert not self.stop or self.stopped <= 1, "a burst was begun after `stop`"
            self.held_ar = (ar, self._burst(*ar))
        if self.inp["ar_ready"]:
            b = self.held_ar[1]
            beats = b.beats(8 * self.w)
            bad = self.bad_beats(b, beats)
            if not bad and self.rate["error"] and self.hit("error"):
                bad = {self.rng.choice((0, beats - 1, self.rng.randrange(beats))): self.rng.choice((SLVERR, DECERR)) for _ in range(2)}
            self.reads.append(Read(b, self.now + 1 + self.rng.randint(*self.latency), bad))
            self.held_ar = None

    def _burst(self, addr: int, length: int, user: int) -> Burst:
        self.log["ar"].append(self.now)
        found = [(s, b) for s in self.serving if (b := self.m.next_burst(s.g)) and b.addr == addr]
        assert found, f"a read at {addr:#x}; " + (
            ", ".join(f"SQ {s.g.qid}: {b.addr:#x}, {b.count} entries" for s in self.serving if (b := self.m.next_burst(s.g))) or
            "nothing is to be read")
        s, want = found[0]
        beats = want.beats(8 * self.w)
        assert length == beats - 1, f"SQ {s.g.qid} at {addr:#x}: {length + 1} beats, {beats} expected ({want.count} entries)"
        assert user == want.user, f"SQ {s.g.qid}: user {user:#x}, expected {want.user:#x}"
        q = self.m.sq[s.g.qid]
        end = want.first + want.count
        cut = "grant" if want.count == s.g.left else "queue" if end % q.depth == 0 else "bytes" if want.count == 8 else "page"
        self.cuts[cut] += 1
        stop, self.m.stop = self.m.stop, False
        b = self.m.request(s.g)
        self.m.stop = stop
        assert s.g.count + s.returned <= s.g.got, "entries are read whose slots were given back"
        assert self.m.in_flight <= self.depth, f"{self.m.in_flight} entries held or requested"
        self.seen["most in flight"] = max(self.seen["most in flight"], self.m.in_flight)
        self.seen["most queues"] = max(self.seen["most queues"], len({x.qid for x in self.m.flying}))
        return b

    def _give_back(self) -> None:
        if not self.get("rb_valid"):
            return
        qid, count = self.get("rb_qid"), self.get("rb_cnt")
        assert not self.get("rs_valid"), "rb_valid in the cycle of rs_valid"
        assert self.now - self.last_rb >= APART, "rb_valid too early after the last"
        self.last_rb = self.now
        self.log["rb"].append(self.now)
        side = self.side[qid]
        side.back += count
        assert count, "no slots are given back"
        part = min(count, side.owed)
        side.owed -= part
        gone = min(part, side.lost)
        side.lost -= gone
        self._free(gone)
        count -= part
        if count:
            s = next((s for s in self.serving if s.g.qid == qid and s.stopped and s.g.got), None)
            assert s is not None, f"SQ {qid}: {count} slots too many are given back"
            s.returned += count
            assert s.g.count + s.returned <= s.g.got, f"SQ {qid}: more slots are given back than it has"

    def _leave(self) -> None:
        if not self.get("m_valid"):
            assert self.held_m is None, "the entry was withdrawn"
            return
        m = self.get("m_qid"), self.get("m_sqe")
        assert self.held_m in (None, m), "the entry changed while it waited"
        if self.held_m is None:
            assert self.m.held, f"an entry of SQ {m[0]} that was not read, or left already"
            want = self.m.held[0]
            assert m[0] == want.qid, f"an entry of SQ {m[0]}, expected SQ {want.qid} entry {want.index}"
            assert m[1].to_bytes(64, "little") == want.sqe, f"SQ {want.qid} entry {want.index}: {m[1]:#x}, expected {want.sqe.hex()}"
            self.compared += 1
        self.held_m = m
        if not self.inp["m_ready"]:
            return
        self.held_m = None
        e = self.m.leave()
        self.log["m"].append(self.now)
        self._free(1)
        side = self.side[e.qid]
        side.left = max(side.left, e.index + 1)
        side.out += 1
        side.left_at.append((self.now, e.index + 1))

    def _error(self) -> None:
        if not self.get("err_valid"):
            return
        qid = self.get("err_qid")
        self.log["err"].append(self.now)
        self.side[qid].errors -= 1
        assert self.side[qid].errors >= 0, f"an error of SQ {qid} that was none"

    def _done(self) -> None:
        if not self.get("d_valid"):
            return
        qid, cnt, more, park = (self.get(f"d_{n}") for n in ("qid", "cnt", "more", "park"))
        self.log["d"].append(self.now)
        s = next((s for s in self.serving if s.g.qid == qid), None)
        assert s is not None, f"d_valid of SQ {qid}, which has no grant"
        g, q, side = s.g, self.m.sq[qid], self.side[qid]
        what = f"SQ {qid}: d_cnt {cnt}, d_more {more}, d_park {park}; requested {g.count}, want {s.want}, got {g.got}, there {q.there}"
        assert cnt == g.count, what
        left = self._tail(side, self.now - 1) > q.requested  # in the cycle before
        if g.got is None and s.want is None and not s.stopped:
            assert s.tail == s.head and not cnt, f"entries are there; {what}"
        if not s.stopped:
            assert s.want is None or (g.got is not None and g.left == 0), f"the grant is not used up; {what}"
            assert park == (g.got == 0), what
        else:
            assert not park or g.got == 0, what
            self.seen["ended by stop"] += 1
        assert bool(more) == left, what
        self.serving.remove(s)
        stop, self.m.stop = self.m.stop, self.m.stop or s.stopped
        if g.got is None and s.want is None:
            self.m.stop = True  # a tail that moved lately
        unused = self.m.finish(g).unused - s.returned
        self.m.stop = stop
        if g.got is None and s.want is not None:
            self.orphans.append(s)
        self._free(unused + s.returned)
        side.owed += unused
        self.seen[f"d more {more} park {park}"] += 1
        self.done.append((qid, cnt, more, park))
        self.compared += 1

    def _tail(self, side: Side, cycle: int) -> int:
        """The tail as it was in a cycle of late."""
        while len(side.tails) > 1 and side.tails[1][0] <= cycle:
            side.tails.pop(0)
        return side.tails[0][1]

    def _heads(self) -> None:
        qid = self.look
        q, side = self.m.sq[qid], self.side[qid]
        if self.now - side.changed > 2:
            head = self.get("lk_head")
            s = next((s for s in self.serving if s.g.qid == qid), None)
            if not q.valid:
                assert head == 0, f"SQ {qid} is not there; its head is {head}"
            elif s is None:
                assert head == q.head, f"SQ {qid}: lk_head {head}, expected {q.head}"
            else:
                ahead, most = (head - s.head) % q.depth, s.g.got or 0
                assert ahead <= min(most, q.size), f"SQ {qid}: lk_head {head}, was {s.head % q.depth}, {most} entries are granted"
        qid = self.look2
        q, side = self.m.sq[qid], self.side[qid]
        if self.now - side.changed > 2:
            head = self.get("hd_head")
            while side.left_at and side.left_at[0][0] < self.now:
                side.sqhd = max(side.sqhd, side.left_at.popleft()[1])
            if not any(r.b.qid == qid for r in self.reads) and not self.m.held and not self.held_ar and self.calm > LAG:
                side.sqhd = q.answered
            ahead = (head - side.sqhd) % q.depth
            assert ahead <= q.answered - side.sqhd, \
                f"SQ {qid}: hd_head {head}; {side.sqhd % q.depth} at least, memory answered to {q.sqhd}, requested is to {q.head}"
            side.sqhd += ahead

    # ---- what tests use

    async def setup(self, qid: int, size: int, *, base: int | None = None, func: int | None = None, valid: int = 1, cq: int = 0) -> None:
        """A queue, page aligned, apart from the others."""
        rng = self.rng
        while self.now - self.last_cfg < 2:
            await self.step()
        base = rng.getrandbits(38) << 26 | qid << 18 if base is None else base
        func = rng.getrandbits(self.p["FUNC_W"]) if func is None else func
        self.cfg = {"cfg_qid": qid, "cfg_cq": cq, "cfg_valid": valid, "cfg_size": size, "cfg_base": base, "cfg_func": func}
        await self.step()

    async def make(self, *sizes: int) -> list[int]:
        """Queues of these sizes (less one): 0, 1, .., and the last there is."""
        qids = [*range(min(len(sizes), self.n) - 1), self.n - 1]
        for qid, size in zip(qids, sizes, strict=False):
            await self.setup(qid, size)
        await self.step(4)
        return qids

    def free(self, qid: int) -> int:
        """Entries that the host may add."""
        q = self.m.sq[qid]
        return q.size - (q.tail - (self.side[qid].left if self.obedient else q.requested))

    def push(self, qid: int, count: int) -> int:
        """The host writes commands and rings."""
        q, side = self.m.sq[qid], self.side[qid]
        count = min(count, self.free(qid))
        for n in range(count):
            word = self.rng.getrandbits(512)
            self.mem[q.base + ENTRY * ((q.tail + n) % q.depth)] = word
            side.pushed.append(word)
        if count:
            self.m.ring(qid, (q.tail + count) % q.depth)
            side.tails.append((self.now, q.tail))
        return count

    def send(self, qid: int, g_max: int) -> None:
        self.todo.append((qid, g_max))

    async def run(self, qid: int, g_max: int) -> tuple:
        """One grant, to its d_valid."""
        assert not self.todo and not self.offer and not self.serving
        self.send(qid, g_max)
        await self.until(lambda: not (self.todo or self.offer or self.serving), 4000, "d_valid")
        return self.done[-1]

    def quiet(self) -> bool:
        return not (self.todo or self.offer or self.serving or self.reads or self.m.in_flight or self.held_ar or self.asking)

    async def settle(self, limit: int = LIMIT) -> None:
        """Until nothing is under way; then all that is owed was told."""
        await self.until(self.quiet, limit, "grants, reads, entries")
        owed = sum(self.side[q].owed + self.side[q].errors for q in self.live)
        await self.until(lambda: not any(self.side[q].owed or self.side[q].errors for q in self.live), 8 * owed + SOON, "slots or errors")
        await self.step(SOON + 2)
        self.m.check()
        for q in self.live:
            side = self.side[q]
            assert side.got == side.back + side.out, f"SQ {q}: {side.got} slots, {side.back} given back, {side.out} entries left"
        assert self.m.idle and self.m.room == self.depth

    async def empty(self, qid: int, g_max: int = 128) -> None:
        """Grants until the queue has nothing left."""
        while self.m.sq[qid].there:
            await self.run(qid, g_max)

    def end(self, at_least: int = 1) -> None:
        assert self.quiet(), "something is under way"
        assert self.compared >= at_least, f"only {self.compared} were compared"
