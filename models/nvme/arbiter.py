# SPDX-License-Identifier: Apache-2.0
"""NVMe arbitration (Base 2.0, 3.4.4.2): a reference scheduler, and the rules as checks over pins, cycle by cycle.

`Arbiter` has no time: one call, one decision. It is exact where nothing happens between a decision and what it rests on.
`ArbChecker` takes what was seen at the pins in each cycle and says which rule does not hold; where the contract leaves a few cycles
between an event and its effect, both outcomes pass, and no others.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum

NO_LIMIT = 7  # value of the burst feature
BURST_MAX = 128
OUT_MAX = 4  # grants out at a time
LATENCY = 6  # cycles from a ring to g_valid
SPACING = 4  # cycles between grants


class Cls(IntEnum):
    """Whose turn: admin, the classes of weighted round robin, or all I/O queues alike."""

    URGENT = 0
    HIGH = 1
    MEDIUM = 2
    LOW = 3
    ADMIN = 4
    ALL = 5


WEIGHTED = (Cls.HIGH, Cls.MEDIUM, Cls.LOW)


def burst_limit(ab: int) -> int:
    """Commands a grant may have at most."""
    return BURST_MAX if ab == NO_LIMIT else 1 << ab


def class_of(qid: int, prio: int, wrr: bool) -> Cls:
    """The group in which a queue takes turns."""
    if qid == 0:
        return Cls.ADMIN
    return Cls(prio) if wrr else Cls.ALL


@dataclass
class ArbConfig:
    """Arbitration feature and CC.AMS; weights are less one, as in the feature."""

    wrr: bool = False
    ab: int = 0
    hpw: int = 0
    mpw: int = 0
    lpw: int = 0

    @property
    def burst(self) -> int:
        return burst_limit(self.ab)

    def weight(self, cls: Cls) -> int:
        """Commands a class gets from one refill to the next."""
        return {Cls.HIGH: self.hpw, Cls.MEDIUM: self.mpw, Cls.LOW: self.lpw}[cls] + 1

    def full(self) -> tuple[int, int, int]:
        return self.hpw + 1, self.mpw + 1, self.lpw + 1


@dataclass(frozen=True)
class Grant:
    """Up to `limit` commands of a queue may be fetched."""

    qid: int
    limit: int
    cls: Cls


@dataclass
class SubQueue:
    """What the arbiter knows of a submission queue."""

    valid: bool = False
    prio: int = 0
    stopped: bool = False
    parked: bool = False
    commands: bool = False
    out: Grant | None = None
    unparked: bool = False  # since its grant

    @property
    def eligible(self) -> bool:
        return self.valid and self.commands and not (self.stopped or self.parked or self.out)


class Arbiter:
    """Reference scheduler. Round robin is in ascending order, behind the last one served."""

    def __init__(self, queues: int, cfg: ArbConfig | None = None) -> None:
        self.cfg = cfg or ArbConfig()
        self.run = True
        self.queues = [SubQueue() for _ in range(queues + 1)]
        self.last: dict[Cls, int] = {}
        self.last_cls = Cls.LOW
        self.credits = dict.fromkeys(WEIGHTED, 0)  # so the first decision refills
        self.refills = 0

    # ---- events

    def setup(self, qid: int, valid: bool = True, prio: int = 0) -> None:
        """Set-up bus, submission queue: everything about it is new. A grant of it must not be out."""
        self.withdraw(qid)
        self.queues[qid] = SubQueue(valid=valid, prio=prio)

    def ring(self, qid: int) -> None:
        self.queues[qid].commands |= self.queues[qid].valid

    def stop(self, qid: int, stop: bool = True) -> None:
        self.queues[qid].stopped = stop

    def unpark(self) -> None:
        for q in self.queues:
            q.parked = False
            q.unparked = q.out is not None

    # ---- decisions

    def cls(self, qid: int) -> Cls:
        return class_of(qid, self.queues[qid].prio, self.cfg.wrr)

    def eligible(self, cls: Cls) -> list[int]:
        return [i for i, q in enumerate(self.queues) if q.eligible and self.cls(i) == cls]

    def outstanding(self) -> int:
        return sum(q.out is not None for q in self.queues)

    def _next_in(self, cls: Cls) -> int:
        ready, last = self.eligible(cls), self.last.get(cls, -1)
        return min(ready, key=lambda i: (i <= last, i))

    def _weighted(self) -> Cls | None:
        asking = [c for c in WEIGHTED if self.eligible(c)]
        if not asking:
            return None
        if not any(self.credits[c] for c in asking):
            self.credits = {c: self.cfg.weight(c) for c in WEIGHTED}
            self.refills += 1
        return next(c for c in turn_after(self.last_cls) if c in asking and self.credits[c])

    def grant(self) -> Grant | None:
        """The next grant, or None. It is out until `done` or `withdraw`."""
        if not self.run or self.outstanding() >= OUT_MAX:
            return None
        for cls in (Cls.ADMIN, Cls.ALL, Cls.URGENT):
            if self.eligible(cls):
                return self._give(cls, self.cfg.burst)
        chosen = self._weighted()
        if chosen is None:
            return None
        limit = min(self.cfg.burst, self.credits[chosen])
        self.credits[chosen] -= limit
        self.last_cls = chosen
        return self._give(chosen, limit)

    def _give(self, cls: Cls, limit: int) -> Grant:
        qid = self._next_in(cls)
        self.last[cls] = qid
        q = self.queues[qid]
        q.out, q.commands, q.unparked = Grant(qid, limit, cls), False, False
        return q.out

    def done(self, qid: int, cnt: int, more: bool, park: bool = False) -> None:
        """The fetch is over. What rang or was unparked meanwhile counts."""
        q = self.queues[qid]
        if q.out is None:
            raise ValueError(f"no grant of queue {qid} is out")
        if not 0 <= cnt <= q.out.limit:
            raise ValueError(f"{cnt} commands of queue {qid}, {q.out.limit} granted")
        self._return(q.out, cnt)
        q.out = None
        q.commands |= more
        q.parked = park and not q.unparked

    def withdraw(self, qid: int) -> None:
        """A grant that was not taken is taken back: the queue still has its commands."""
        q = self.queues[qid]
        if q.out is not None:
            self._return(q.out, 0)
            q.out, q.commands = None, True

    def _return(self, grant: Grant, cnt: int) -> None:
        if grant.cls in WEIGHTED:
            left = self.credits[grant.cls] + grant.limit - cnt
            self.credits[grant.cls] = min(left, self.cfg.weight(grant.cls))


def turn_after(last: Cls) -> tuple[Cls, ...]:
    """Order in which the weighted classes are looked at."""
    at = WEIGHTED.index(last) + 1
    return WEIGHTED[at:] + WEIGHTED[:at]


# ---------------------------------------------------------------------------------------------
# Rules over pins.


@dataclass
class Pins:
    """One cycle as it was just before the clock edge."""

    run: bool = True
    cfg: tuple[int, bool, int] | None = None  # set-up of an SQ: qid, valid, prio
    rung: int | None = None
    stop: tuple[int, bool] | None = None
    unpark: bool = False
    offer: tuple[int, int] | None = None  # g_valid: qid, g_max
    ready: bool = False
    done: tuple[int, int, bool, bool] | None = None  # qid, cnt, more, park
    busy: tuple[int, bool] | None = None  # looked up: qid, answer


@dataclass(frozen=True)
class Violation:
    """A rule that does not hold, and when."""

    rule: str
    cycle: int
    text: str

    def __str__(self) -> str:
        return f"{self.rule} at cycle {self.cycle}: {self.text}"


@dataclass
class _Queue:
    valid: bool = False
    prio: int = 0
    stopped: bool = False
    parked: bool = False
    must: bool = False  # it has commands
    may: bool = False  # it may have some: a ring just before the grant showed
    limit: int = 0  # of the grant that is out
    out: bool = False  # from g_valid to d_valid
    unparked: bool = False
    rang: int = -100
    since: int = -1  # eligible without doubt since this cycle, -1: it is not
    left: int = -100  # cycle in which its last grant ended
    passed: dict[int, int] = field(default_factory=dict)  # grants of others of its class meanwhile

    @property
    def may_go(self) -> bool:
        return self.valid and (self.must or self.may) and not (self.stopped or self.parked or self.out)

    @property
    def must_go(self) -> bool:
        return self.valid and self.must and not (self.stopped or self.parked or self.out)


Credits = tuple[int, int, int]


class ArbChecker:
    """Call `step` once a cycle. `violations` collects what is wrong; with `strict` the first one raises.

    The configuration may change while `run` is 0 only; tell it by `configure`.
    """

    RULES = ("not-eligible", "unstable", "not-withdrawn", "too-many", "limit", "credits", "class-turn", "admin-first", "urgent-first",
             "round-robin", "latency", "busy", "no-grant")

    def __init__(self, queues: int, cfg: ArbConfig, *, strict: bool = False) -> None:
        self.n, self.cfg, self.strict = queues + 1, cfg, strict
        self.violations: list[Violation] = []
        self.grants = 0
        self.order: list[Grant] = []
        self.most_out = 0
        self.reset()

    def reset(self) -> None:
        """The block was reset."""
        self.q = [_Queue() for _ in range(self.n)]
        self.t = 0
        self.credits: set[tuple[Credits, int]] = {((0, 0, 0), 0)}  # possible ones, and how many of `backs` they contain
        self.backs: list[tuple[int, Cls, int]] = []  # cycle, class, what came back
        self.last_cls: set[Cls] = {Cls.LOW}
        self.offer: tuple[int, int] | None = None  # of the cycle before, not taken and not to fall
        self.gone: set[int] = set()  # queues whose offer has to be down now
        self.run_since = -1
        self.room_since = 0
        self.low = 0  # cycles in a row without g_valid, but those in which none could begin to show
        self.held = (False, False)  # a set-up or stop in the last two cycles
        self.changed = -100
        self.loose = False
        self.before: list[tuple[int, int]] = []  # cycle of a change, burst until then

    def configure(self, cfg: ArbConfig, *, live: bool = False) -> None:
        """New settings, between cycles, while `run` is 0 and no grant is out. With `live` at any time, but not `wrr`: from then on credits
        are not looked at."""
        self._settle(0)
        if cfg.wrr != self.cfg.wrr:
            self.last_cls = set(WEIGHTED)
        if live:
            self.loose, self.changed = True, self.t
            self.before.append((self.t, self.cfg.burst))
        self.cfg = cfg
        # What is left of the old credits counts on; a refill may have been decided with either weights.
        self.credits |= {(cfg.full(), 0)}
        for q in self.q:
            q.passed.clear()

    @property
    def bursts(self) -> set[int]:
        """What the burst may be now."""
        return {self.cfg.burst} | {burst for t, burst in self.before if self.t - t <= LATENCY}

    @property
    def out(self) -> int:
        return sum(q.out for q in self.q)

    def _fault(self, rule: str, text: str) -> None:
        v = Violation(rule, self.t, text)
        self.violations.append(v)
        if self.strict:
            raise AssertionError(str(v))

    def cls(self, qid: int) -> Cls:
        return class_of(qid, self.q[qid].prio, self.cfg.wrr)

    def _long(self, qid: int, cycles: int = LATENCY) -> bool:
        """Eligible for so long that no decision can have missed it."""
        since = self.q[qid].since
        return since >= 0 and self.t - since + 1 >= cycles

    # ---- one cycle

    def step(self, p: Pins) -> None:
        self.t += 1
        self._settle()
        for q in self.q:
            if not q.must_go:
                q.since = -1
                q.passed.clear()
            elif q.since < 0:
                q.since = self.t
        if self.out >= OUT_MAX:
            self.room_since = self.t + 1
        self._offered(p)
        self._busy(p)
        self._idle(p)
        taken = p.offer is not None and p.ready
        self._events(p, taken)
        self.run_since = self.run_since if p.run and self.run_since >= 0 else self.t if p.run else -1
        self.most_out = max(self.most_out, self.out)

    def _offered(self, p: Pins) -> None:
        before = self.offer
        if p.offer is None:
            if before is not None and p.run and not (p.stop == (before[0], True)) and not (p.cfg and p.cfg[0] == before[0]):
                self._fault("unstable", f"the grant of queue {before[0]} fell")
            if before is not None:
                self._undo(before[0])
            return
        qid, limit = p.offer
        if not 0 <= qid < self.n:
            self._fault("not-eligible", f"queue {qid} does not exist")
            return
        if before == p.offer:
            return
        if before is not None:
            if before[0] == qid:
                self._fault("unstable", f"g_max of queue {qid} went from {before[1]} to {limit}")
                return
            if p.run and not (p.stop == (before[0], True)) and not (p.cfg and p.cfg[0] == before[0]):
                self._fault("unstable", f"queue {before[0]} gave way to {qid}")
            self._undo(before[0])
        self._new_offer(qid, limit)

    def _new_offer(self, qid: int, limit: int) -> None:
        q = self.q[qid]
        if qid in self.gone or self.run_since < 0:
            self._fault("not-withdrawn", f"queue {qid} shows in the cycle after it was to fall")
        if not q.may_go:
            self._fault("not-eligible", f"queue {qid}: {q}")
        if self.out >= OUT_MAX:
            self._fault("too-many", f"queue {qid} is the fifth")
        cls = self.cls(qid)
        if cls is not Cls.ADMIN and self._long(0):
            self._fault("admin-first", f"queue {qid} before the admin queue")
        if cls in WEIGHTED:
            urgent = [i for i in range(1, self.n) if self.cls(i) is Cls.URGENT and self._long(i)]
            if urgent:
                self._fault("urgent-first", f"queue {qid} before urgent {urgent}")
            self._weighted(qid, cls, limit)
        elif limit not in self.bursts:
            self._fault("limit", f"queue {qid}: g_max {limit}, the burst is {self.cfg.burst}")
        for i, other in enumerate(self.q):
            if i != qid and i and qid and self.cls(i) is cls and self._long(i):
                other.passed[qid] = other.passed.get(qid, 0) + 1
                if other.passed[qid] > 1:
                    self._fault("round-robin", f"queue {qid} again, and {i} waits since cycle {other.since}")
        q.out, q.limit, q.unparked = True, limit, False
        # A ring just before may have been taken along by this grant, or count for the next.
        q.may, q.must = self.t - q.rang < LATENCY, False
        q.passed.clear()
        self.grants += 1
        self.order.append(Grant(qid, limit, cls))

    def _weighted(self, qid: int, cls: Cls, limit: int) -> None:
        if self.loose:
            if not 1 <= limit <= max(self.bursts):
                self._fault("limit", f"queue {qid}: g_max {limit}, the burst is {self.cfg.burst}")
            return
        me = cls - 1
        asking = {c for c in WEIGHTED if any(self.cls(i) is c and self._long(i) for i in range(1, self.n))}
        skipped = []
        for last in self.last_cls:
            order = turn_after(last)
            before = order[: order.index(cls)]
            skipped.append([c for c in before if c in asking and all(have[c - 1] for have, _ in self.credits)])
        if skipped and all(skipped):
            self._fault("class-turn", f"{cls.name} (queue {qid}) before {skipped[0]}, credits {self._text()}")
        after: set[tuple[Credits, int]] = set()
        for have, n in self.credits:
            # What came back a moment ago may have come too late for this decision.
            for m, held in [(i, h) for i in range(n, len(self.backs) + 1) for h in self._with_backs(have, n, i)]:
                options = []
                if held[me] or any(held[c - 1] for c in asking):
                    options.append(held)
                # A refill is due when no class that asks has credits left; who asks is known to a few cycles only.
                if not any(held[c - 1] for c in asking):
                    options.append(self.cfg.full())
                for now in options:
                    if now[me] and limit == min(self.cfg.burst, now[me]):
                        after |= self._taken_off(now, m, me, limit)
        if not after:
            self._fault("credits", f"queue {qid}, class {cls.name}: g_max {limit}, credits {self._text()}, asking {sorted(asking)}")
            after = {(self.cfg.full(), len(self.backs))}
        self.credits = after
        self.last_cls = {cls}

    def _taken_off(self, have: Credits, n: int, me: int, limit: int) -> set[tuple[Credits, int]]:
        """Credits after a grant that was decided with these. They go when it shows: what came back in between is cut to the weight before."""
        after = set()
        for m in range(n, len(self.backs) + 1):
            for held in self._with_backs(have, n, m):
                if held[me] >= limit:
                    left = list(held)
                    left[me] -= limit
                    after.add(((left[0], left[1], left[2]), m))
        return after

    def _text(self) -> str:
        return str(sorted(have for have, _ in self.credits))

    def _with_backs(self, have: Credits, begin: int, end: int) -> set[Credits]:
        """Credits after these of what comes back. Above the weight (it was changed) they may stay or be cut."""
        out = {have}
        for _, cls, count in self.backs[begin:end]:
            cap, before, out = self.cfg.weight(cls), out, set()
            for old in before:
                for value in {min(old[cls - 1] + count, cap), max(old[cls - 1], min(old[cls - 1] + count, cap))}:
                    now = list(old)
                    now[cls - 1] = value
                    out.add((now[0], now[1], now[2]))
        return out

    def _settle(self, age: int = LATENCY) -> None:
        """What came back long enough ago counts, whatever was decided meanwhile."""
        old = sum(self.t - t >= age for t, _, _ in self.backs)
        if not old:
            return
        settled = set()
        for have, n in self.credits:
            settled |= {(h, max(n, old) - old) for h in self._with_backs(have, n, old)}
        del self.backs[:old]
        self.credits = settled

    def _busy(self, p: Pins) -> None:
        if p.busy is None:
            return
        qid, busy = p.busy
        q = self.q[qid]
        if not busy and q.out and not (p.done and p.done[0] == qid):
            self._fault("busy", f"queue {qid} is granted, busy is down")
        quiet = not q.out and self.t - q.left > 2 and not q.may_go
        if busy and quiet:
            self._fault("busy", f"queue {qid} has no grant, busy is up")

    def _idle(self, p: Pins) -> None:
        # A grant begins a cycle before it shows; not in the cycle of a set-up or stop, nor in the next one.
        might = not any(self.held)
        self.low = 0 if p.offer is not None else self.low + might
        self.held = (self.held[1], p.cfg is not None or (p.stop is not None and p.stop[1]))
        run_long = self.run_since >= 0 and self.t - self.run_since >= LATENCY
        room_long = self.t - self.room_since + 1 >= LATENCY
        if might and self.low >= SPACING and run_long and room_long and self.t - self.changed > LATENCY:
            waiting = [i for i in range(self.n) if self._long(i)]
            if waiting:
                self._fault("latency", f"queues {waiting[:4]} wait, no grant for {self.low} cycles, {self.out} out")

    def _undo(self, qid: int) -> None:
        """An offer fell before it was taken."""
        q = self.q[qid]
        if q.out:
            cls = self.cls(qid)
            q.out, q.must, q.left = False, True, self.t
            self._credit(cls, q.limit)
            self.changed = self.t
            # Whether the turn counts is open.
            self.last_cls = set(WEIGHTED)
            for other in self.q:
                other.passed.clear()

    def _credit(self, cls: Cls, back: int) -> None:
        if cls in WEIGHTED and back:
            self.backs.append((self.t, cls, back))

    def _dropped(self) -> None:
        """A decision may have been dropped before it showed: the next one takes its time, and it may have refilled."""
        self.changed = self.t
        if self.cfg.wrr:
            self.credits |= {(self.cfg.full(), n) for _, n in self.credits}

    def _events(self, p: Pins, taken: bool) -> None:
        # What is on offer and not taken has to stay, or has to go.
        self.gone = set()
        falls = False
        self.offer = None
        if p.offer is not None and not taken:
            qid = p.offer[0]
            falls = not p.run or p.stop == (qid, True) or (p.cfg is not None and p.cfg[0] == qid)
            if falls:
                self.gone.add(qid)
                self._undo(qid)
            else:
                self.offer = p.offer
        if p.done is not None:
            qid, cnt, more, park = p.done
            q = self.q[qid]
            if not q.out or self.offer is not None and self.offer[0] == qid:
                raise ValueError(f"d_valid for queue {qid}, no grant was taken")
            self._credit(self.cls(qid), q.limit - cnt)
            q.out, q.left = False, self.t
            q.must |= more
            q.parked = park and not q.unparked and not p.unpark
        if p.unpark:
            for q in self.q:
                q.parked = False
                q.unparked |= q.out
        if p.rung is not None and self.q[p.rung].valid:
            q = self.q[p.rung]
            q.must, q.rang = True, self.t
        if p.stop is not None:
            self.q[p.stop[0]].stopped = p.stop[1]
            if p.stop[1]:
                self.gone.add(p.stop[0])
                self._dropped()
        if not p.run:
            self._dropped()
        if p.cfg is not None:
            qid, valid, prio = p.cfg
            if self.q[qid].out:
                raise ValueError(f"set-up of queue {qid}, whose grant was taken")
            self._dropped()
            self.q[qid] = _Queue(valid=valid, prio=prio, left=self.t)

    def finish(self) -> None:
        """End of a test: something was compared, nothing is wrong."""
        if not self.grants:
            self._fault("no-grant", "nothing was granted")
        if self.violations:
            raise AssertionError(f"{len(self.violations)} violations, first: {self.violations[0]}")


def shares(order: Iterable[Grant]) -> dict[Cls, int]:
    """Commands granted to each class."""
    total: dict[Cls, int] = {}
    for g in order:
        total[g.cls] = total.get(g.cls, 0) + g.limit
    return total
