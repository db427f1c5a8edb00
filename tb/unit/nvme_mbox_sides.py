# SPDX-License-Identifier: Apache-2.0
"""The neighbours of crl_nvme_mbox: fetch unit, slots, completions, arbiter, drain, start, interrupts. A part of nvme_mbox_bench.Bench."""

from __future__ import annotations

from collections import Counter, deque

from models.nvme.mailbox import Action, bad_doorbell, cq_failed, sq_failed, with_more
from models.nvme.pagedma import Transfer
from models.nvme.start import admin, cleared, cycles, what_counts

STOP_SOON = 8  # cycles until a stop is out, beside those in which another one goes out
LEVEL_SOON = 24  # until queue 0 is stopped, or may go on: a command takes 16 to come in
LAG = 3  # cycles until levels and interrupt follow


class Sides:
    """See above."""

    def fresh_sides(self) -> None:
        self.within = 8
        self.bad: dict[int, int] = {}  # responses of the next transfer
        self.held_aw = self.held_w = False
        self.commands: deque[int] = deque()  # to come
        self.offered: int | None = None
        self.taken_at: list[int] = []
        self.head = self.rng.getrandbits(12)
        self.heads: deque[int] = deque(maxlen=LAG + 2)
        self.slots = 0  # reserved, for the answer
        self.asked_slots = self.backs = self.answers = 0
        self.owed_backs = 0
        self.held_z: tuple | None = None
        self.answer_since = -100
        self.rb_wait = 0
        # arbiter: what it knows, what it should
        self.stopped: dict[int, int] = {}
        self.should: dict[int, int] = {}  # of I/O queues
        self.asked_0 = 0  # somebody asked to stop queue 0; that it failed or commands are held, the model knows
        self.stops: deque[tuple[int, int, int]] = deque()  # cycle, queue, value: asked for
        self.stop_log: list[tuple[int, int, int]] = []
        self.twice: Counter = Counter()
        self.stop_change = self.now
        self.was_stopped = False
        self.check_irq = True
        self.irqs: deque[bool] = deque([False], maxlen=16)
        self.write_at = -100
        self.held_until = self.dropped_at = -100
        self.pace = (1, 30)
        self.auto = True  # drain and abort are answered
        self.later: list[tuple[int, str, int]] = []
        self.starting: list | None = None
        self.start_since = 0
        self.held_back = False  # a GO may wait for the start
        self.dma_since = -1
        self.look_ups = False

    # ---- what comes in

    def drive_sides(self) -> None:
        i, rng = self.inp, self.rng
        if self.rng.random() < 0.2:
            self.head = (self.head + 1) % 4096
        self.heads.append(self.head)
        i["hd_head"] = self.head
        if self.offered is None and self.commands and self.hit("a"):
            self.offered = self.commands.popleft()
        i["a_valid"], i["a_sqe"] = int(self.offered is not None), self.offered if self.offered is not None else rng.getrandbits(512)
        i["z_ready"], i["rs2_ready"], i["rs2_got"] = int(self.hit("z")), int(self.hit("rs")), int(self.hit("got"))
        i["rb2_ready"] = int(self.hit("rb"))
        for name, width in (("bad_qid", 1), ("sqf_qid", 1), ("cqf_qid", 1), ("lg_cid", 16), ("lg_lba", 64), ("ab_found", 1), ("bad_func", 4)):
            i[name] = rng.getrandbits(width)
        for at, what, number in [x for x in self.later if x[0] <= self.now]:
            self.later.remove((at, what, number))
            if what == "d":
                self.pulse["d_done"] = 1
                self.m.drain_done()
            else:
                self.pulse.update(ab_done=1, ab_found=number)
                self.m.abort_done(number)

    def event(self, kind: str, qid: int, a: int = 0, b: int = 0, c: int = 0, d: int = 0) -> None:
        """Something is told in the next cycle. bad: CQ, code, function; lg: CID, status, NSID, LBA."""
        p = self.pulse
        if kind == "bad":
            p.update(bad_valid=1, bad_qid=qid, bad_cq=a, bad_code=b, bad_func=c)
        elif kind == "sqf":
            p.update(sqf_valid=1, sqf_qid=qid)
            if qid:
                self.ask_stop(qid, 1)
            self.stop_change = self.now
        elif kind == "cqf":
            p.update(cqf_valid=1, cqf_qid=qid)
        elif kind == "lg":
            p.update(lg_valid=1, lg_qid=qid, lg_cid=a, lg_status=b, lg_nsid=c, lg_lba=d)
        else:
            p.update(d_stop_we=1, d_stop_qid=qid)
            self.ask_stop(qid, 1)
            return
        make = {"bad": lambda: bad_doorbell(qid, a, b, c), "sqf": lambda: sq_failed(qid), "cqf": lambda: cq_failed(qid),
                "lg": lambda: with_more(qid, a, b, c, d)}
        self.m.event(make[kind](), self.now)

    def set_level(self, **levels: int) -> None:
        self.level.update(levels)
        if "dropping" in levels:
            self.m.drop(bool(levels["dropping"]))
            self.owed_backs = self.slots = 0
            self.dropped_at = self.now
        self.m.levels(quiesce=bool(self.level["quiesce"]), run=bool(self.level["run"]), shut=bool(self.level["shut"]))

    def start(self) -> None:
        r = self.rng
        self.level.update(asq=r.getrandbits(52) << 12, acq=r.getrandbits(52) << 12, asqs=r.randint(1, 4095), acqs=r.randint(1, 4095))
        self.pulse["start"] = 1
        self.m.begin()
        self.starting, self.start_since, self.held_back = [], self.now, True

    def ask_stop(self, qid: int, stop: int) -> None:
        """Of an I/O queue it goes out as it is; of queue 0 it is one of those that its level follows from."""
        self.stop_change = self.now
        if qid == 0:
            self.asked_0 = stop
            return
        self.stops.append((self.now, qid, stop))
        self.should[qid] = stop

    # ---- what is asked for

    def asked_side(self, x: Action) -> None:
        if x.name == "pop":
            self.owed_backs += 1
        elif x.name == "stop":
            self.ask_stop(*x.values)
        elif x.name == "answer":
            self.answer_since = self.now

    def transfer(self, x: Action) -> Transfer:
        t = Transfer(x.values[0], x.values[1], bool(x.values[2]))
        self.moving = (t, any(v > 1 for v in self.bad.values()))
        self.dma_since = self.now
        return t

    def came(self, x: Action) -> None:
        """It is out."""
        if x.name == "cfg" and not x.values[1] and x.values[2]:
            self.set_up(x.values[0])
        if x.name == "d" and self.auto:
            self.later.append((self.now + self.rng.randint(*self.pace), "d", 0))
        if x.name == "ab" and self.auto:
            self.later.append((self.now + self.rng.randint(*self.pace), "ab", self.rng.getrandbits(1)))

    def set_up(self, qid: int) -> None:
        """A submission queue, which is not stopped then."""
        self.stopped[qid] = 0
        self.stop_change = self.now
        if qid:
            self.should[qid] = 0
        else:
            self.asked_0 = 0

    def came_from_start(self, x: Action) -> bool:
        if self.starting is None or x.name not in ("cfg", "gr", "rg"):
            return False
        if not self.starting and any(o[1] == x for o in self.owed):
            return False  # it was there first
        self.starting.append(what_counts(x))
        want = admin(*(self.level[n] for n in ("asq", "asqs", "acq", "acqs")))
        assert self.starting[-1] in cleared(self.queues) or x in want, f"{x}, while the queues are cleared"
        if x == want[1]:
            assert self.starting[-2:] == want and set(self.starting[:-2]) == cleared(self.queues), "not all is cleared"
            assert self.now - self.start_since <= cycles(self.queues) + LAG, f"{self.now - self.start_since} cycles"
            self.starting = None
            self.came(x)
            self.m.cleared()
            self.held_until = self.now + 40
            self.compared += 1
        return True

    # ---- what goes out

    def check_sides(self) -> None:
        if self.held_back and self.starting is None and self.now > self.held_until:
            self.held_back = False
        if self.offered is not None and self.get("a_ready"):
            self.m.command(self.offered)
            self.taken_at.append(self.now)
            self.offered = None
        self._slots()
        self._completion()
        self._stop()
        self._dma()
        self.irqs.append(self.m.irq)
        self.write_at = self.now if self.writes or self.by_others else self.write_at
        recent = list(self.irqs)[-14 if self.now - self.write_at <= LAG else -LAG - 1 :]
        assert self.get("mbox_irq") in recent or not self.check_irq, f"mbox_irq is {self.get('mbox_irq')}, IRQ_STATUS {self.m.irq_status():#x}"

    def _recent(self) -> bool:
        return self.m.answer is not None or self.now - self.answer_since <= LAG

    def _slots(self) -> None:
        g, i = self.get, self.inp
        if g("rs2_valid"):
            assert g("rs2_qid") == 0 and self._recent(), "a slot is asked for without an answer"
            assert not self.slots, "a second slot for one answer"
            if i["rs2_ready"]:
                self.asked_slots += 1
                self.slots += i["rs2_got"] and not self.level["dropping"]
        if g("rb2_valid"):
            assert g("rb2_qid") == 0
            if i["rb2_ready"] and not self.level["dropping"]:
                self.owed_backs -= 1
                self.backs += 1
                assert self.owed_backs >= 0, "a slot is given back that nobody has"
        self.rb_wait = 0 if not self.owed_backs or not i["rb2_ready"] else self.rb_wait + 1
        assert self.rb_wait < 20, "the slot of a command that was taken does not come back"

    def _completion(self) -> None:
        g, i = self.get, self.inp
        if not g("z_valid"):
            assert self.held_z is None or self.level["dropping"], "z_valid fell"
            self.held_z = None
            return
        z = tuple(g(f"z_{n}") for n in ("cid", "status", "more", "dnr", "dw0"))
        assert self.held_z in (None, z), "the entry changed while it waited"
        self.held_z = z
        if self.level["dropping"]:
            self.held_z = None
            assert self.now - self.dropped_at <= LAG, "an entry while all is dropped"
            return
        assert self.slots == 1, "an entry without a slot"
        want = self.m.answer
        assert want is not None, f"an entry that nobody asked for: {z}"
        assert g("hd_qid") == 0 and g("z_qid") == 0 and not g("z_drop")
        z = tuple(v ^ (n == self.sabotage_z) for n, v in enumerate(z))
        assert z == want.values, f"entry {z}, expected {want}"
        if i["z_ready"]:
            assert g("z_sqhd") in self.heads, f"SQHD {g('z_sqhd')}, head is {self.head}"
            self.held_z = None
            self.slots = 0
            self.answers += 1
            self.answer_since = self.now
            self.m.answer_taken()
            self.compared += 1

    sabotage_z = -1

    def _stop(self) -> None:
        g = self.get
        if self.m.stopped != self.was_stopped or self.offered is not None:  # one that is being taken may count, or not yet
            self.was_stopped, self.stop_change = self.m.stopped, self.now
        if g("stop_we") and self.sabotage != "stop_lost":
            qid, stop = g("stop_qid"), g("stop") ^ (self.sabotage == "stop")
            self.stop_log = [*self.stop_log[-200:], (self.now, qid, stop)]
            mine = [s for s in self.stops if s[1:] == (qid, stop)]
            self.twice[qid, stop] += len(mine) - 1  # one for all of them will do
            assert self.twice[qid, stop] >= 0 or qid == 0, f"queue {qid} is told stop = {stop}, nobody asked for it"
            for s in mine:
                self.stops.remove(s)
            self.stopped[qid] = stop
            self.compared += 1
        for at, qid, stop in self.stops:
            others = sum(when >= at for when, _, _ in self.stop_log)  # one a cycle goes out
            assert self.now - at - others <= STOP_SOON + (10 if self.writes else 0), f"queue {qid}: stop = {stop} of cycle {at} does not come out"
        calm = self.now - self.stop_change
        if calm > LEVEL_SOON and not self.commands and self.offered is None:
            for qid, stop in self.should.items():
                assert self.stopped.get(qid, 0) == stop, f"queue {qid} has stop = {self.stopped.get(qid, 0)}, expected {stop}"
        if calm > LEVEL_SOON and self.starting is None:  # somewhere in a start it is deleted, and free
            assert self.stopped.get(0, 0) == int(self.m.stopped or self.asked_0), (
                f"queue 0 has stop = {self.stopped.get(0, 0)}, {len(self.m.commands)} commands are held, asked: {self.asked_0}; "
                f"{self.stop_log[-4:]}, now {self.now}, since {self.stop_change}")

    def _dma(self) -> None:
        """The transfer is over for the model when its last answer is in."""
        if self.m.moving and not self.host.owes and self.now > self.dma_since:
            t, error = self.moving
            if not t.to_host:
                self.m.page[t.first : t.first + t.nbytes] = self.host.page(t.addr)[t.first : t.first + t.nbytes]
            self.m.dma_done(error)

    def look_up(self) -> None:
        """Answer a look at the arbiter and at the executor, in the same cycle; noise at other times."""
        qid = self.get("q_qid")
        there = self.get("q_ask") and qid <= self.queues
        for pin, of in (("q_grant", self.m.grant_out), ("q_exec", self.m.executing)):
            self.inp[pin] = of[qid] if there else self.rng.getrandbits(1)

    def busy_sides(self) -> bool:
        return bool(self.m.answer or self.owed_backs or self.stops or self.later or self.m.moving or self.commands or self.offered is not None
                    or self.starting is not None or self.held_back)
