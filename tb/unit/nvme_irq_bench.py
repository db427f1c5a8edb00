# SPDX-License-Identifier: Apache-2.0
"""Bench of crl_nvme_irq: a host and a completion unit with queues, and what interrupts and pin may and must do.

The model has no pipeline. Of each vector it keeps the events since its last interrupt; an interrupt needs a reason among them, and reasons have
deadlines. Where a setting has changed lately, the old and the new one are both good. What waits is counted from the last
interrupt that the count or the time made; one at once does not begin it anew. Of the pin it keeps what waits in each queue; what is so
throughout `LINE_LAG` cycles must show, what shows must have been so in one of them.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

from tb.unit.dma_lib import CycleBench

LINE_LAG = 3
PIPE = 5  # cycles before an interrupt whose entries it may not know yet
TIME_LAG = 128
BUNCH = 64  # entries that may come close together; on average one in two cycles
NEVER = -(10**9)
LONG = 255  # a time that no test waits for


@dataclass
class Queue:
    """A completion queue: what was posted, what of it is known to be in memory, what was consumed, all counted from its set-up."""

    valid: bool = False
    vec: int = 0
    ien: bool = False
    depth: int = 2
    posted: int = 0
    known: int = 0
    consumed: int = 0

    @property
    def waits(self) -> bool:
        return self.valid and self.ien and self.vec == 0 and self.known > self.consumed


@dataclass
class Vector:
    """Events since the last interrupt, and when that was."""

    events: list[tuple[int, int]] = field(default_factory=list)  # cycle, entries
    counted: list[tuple[int, int]] = field(default_factory=list)  # those that may count, also what interrupts at once have told of
    last: int = NEVER
    due: int | None = None  # the interrupt of a direct event
    either: int | None = None  # of an event that may be one
    reached: int | None = None  # cycle since which the entries are enough


@dataclass(frozen=True)
class Setting:
    """Of one vector."""

    thr: int = 0
    time: int = 0
    off: int = 0

    @property
    def direct(self) -> bool:
        return bool(self.off) or not self.thr or not self.time

    @property
    def need(self) -> int:
        return 1 if self.direct else min(self.thr + 1, 255)


class IrqModel:
    """Judges `fire` and `line`, cycle by cycle: `cycle` gets the outputs and the inputs of one cycle."""

    def __init__(self, queues: int, vectors: int, unit: int) -> None:
        self.vectors, self.unit = vectors, unit
        self.slots = max(4, 1 << max(0, vectors - 1).bit_length())
        self.lag = 2 * self.slots + 8
        self.queues = [Queue() for _ in range(queues + 1)]
        self.seen: Counter = Counter()
        self.fires: Counter = Counter()  # by reason and vector
        self.compared = 0
        self.reset()

    def reset(self) -> None:
        for q in self.queues:
            q.__init__()
        self.v: dict[int, Vector] = {}
        self.now = 0
        self.level = (0, 0)
        self.levels: deque = deque([(NEVER, 0, 0)])
        self.off: dict[int, list[tuple[int, int]]] = {}
        self.latch = False
        self.shown: deque[tuple[bool, bool, bool]] = deque([(False, True, True)] * (LINE_LAG + 1), maxlen=LINE_LAG + 1)

    # --- settings

    def settings(self, vec: int) -> list[Setting]:
        """Those that may count in this cycle."""
        since = self.now - self.lag
        while len(self.levels) > 1 and self.levels[1][0] <= since:
            self.levels.popleft()
        offs = self.off.get(vec, [(NEVER, 0)])
        while len(offs) > 1 and offs[1][0] <= since:
            offs.pop(0)
        return [Setting(thr, time, off) for _, thr, time in self.levels for _, off in offs]

    def present(self, vec: int) -> tuple[Setting, int]:
        """The latest one, and the cycle from which on it has to count."""
        offs = self.off.get(vec, [(NEVER, 0)])
        at, thr, time = self.levels[-1]
        return Setting(thr, time, offs[-1][1]), max(at, offs[-1][0]) + self.lag

    # --- a cycle

    def cycle(self, fire: int, line: int, i: dict[str, int]) -> None:
        """Outputs first: they come of earlier cycles' inputs."""
        if (i["coal_thr"], i["coal_time"]) != self.level:
            self.level = i["coal_thr"], i["coal_time"]
            self.levels.append((self.now, *self.level))
        assert fire >> self.vectors == 0
        rest = fire
        while rest:
            vec = (rest & -rest).bit_length() - 1
            rest &= rest - 1
            self.fired(vec)
        for vec, v in self.v.items():
            if v.events:
                self.deadlines(vec, v)
        self.pin(fire & 1, line, i)
        self.inputs(i)
        self.now += 1

    def fired(self, vec: int) -> None:
        v = self.v.setdefault(vec, Vector())
        assert v.events, f"cycle {self.now}: an interrupt of vector {vec}, and no event since its last one in cycle {v.last}"
        total = sum(n for _, n in v.counted)
        age = self.now - v.counted[0][0] if v.counted else 0
        if self.now in (v.due, v.either):
            why = "direct"
        else:
            assert v.counted
            some = self.settings(vec)
            if any(total >= s.need for s in some):
                why = "count"
            elif any(age >= s.time * self.unit for s in some):
                why = "time"
            else:
                raise AssertionError(f"cycle {self.now}: vector {vec} interrupts for {total} entries, {age} cycles after the first, with {some}")
        self.seen[why] += 1
        self.fires[why, vec] += 1
        self.compared += 1
        kept = [e for e in v.counted if why == "direct" or e[0] >= self.now - PIPE]
        self.v[vec] = Vector(counted=kept, last=self.now)

    def deadlines(self, vec: int, v: Vector) -> None:
        assert v.due is None or self.now < v.due, f"cycle {self.now}: vector {vec} owes an interrupt at once"
        s, counts = self.present(vec)
        total = sum(n for _, n in v.events)
        if total < s.need:
            v.reached = None
        elif v.reached is None:
            v.reached = self.now
        if v.reached is not None:
            late = max(v.reached - 1, counts) + self.lag
            assert self.now <= late, f"cycle {self.now}: no interrupt of vector {vec} for {total} entries since cycle {v.reached - 1}, with {s}"
        late = max(v.events[0][0] + s.time * self.unit, counts) + self.lag + TIME_LAG
        assert self.now <= late, f"cycle {self.now}: no interrupt of vector {vec} for an entry of cycle {v.events[0][0]}, with {s}"

    def pin(self, fired: int, line: int, i: dict[str, int]) -> None:
        waits = any(q.waits for q in self.queues)
        self.latch = waits and (self.latch or bool(fired))
        self.shown.append((self.latch, not i["masked"], not i["clr"]))
        if all(map(all, self.shown)):
            assert line, f"cycle {self.now}: the pin is down, entries wait and have had their interrupt"
            self.seen["up"] += 1
        elif not all(map(any, zip(*self.shown, strict=True))):  # each counts within its time
            assert not line, f"cycle {self.now}: the pin is up; entries wait: {waits}, since an interrupt: {self.latch}, masked: {i['masked']}"
            self.seen["waiting" if waits and not i["masked"] else "masked" if self.latch else "down"] += 1
        self.compared += 1

    def inputs(self, i: dict[str, int]) -> None:
        if i["irq_valid"]:
            self.event(i["irq_qid"], i["irq_vec"], i["irq_cnt"])
            self.queues[i["irq_qid"]].known += i["irq_cnt"]
        if i["cq_rung"]:
            q = self.queues[i["cq_qid"]]
            if q.valid:
                q.consumed += (i["cq_head"] - q.consumed) % q.depth
        if i["cfg_we"] and i["cfg_cq"]:
            self.queues[i["cfg_qid"]].__init__(bool(i["cfg_valid"]), i["cfg_vec"], bool(i["cfg_ien"]), i["cfg_size"] + 1)
        if i["vec_we"]:
            self.off.setdefault(i["vec_idx"], [(NEVER, 0)]).append((self.now, i["vec_off"]))
        if i["clr"]:
            for q in self.queues:
                q.valid = False

    def event(self, qid: int, vec: int, cnt: int) -> None:
        if vec >= self.vectors:
            self.seen["no vector"] += 1
            return
        v = self.v.setdefault(vec, Vector())
        v.events.append((self.now, cnt))
        some = [s.direct for s in self.settings(vec)]
        if qid == 0 or all(some) or self.now < 4 * self.slots:
            v.due = self.now + 1
        else:
            v.counted.append((self.now, cnt))
            if any(some):
                v.either = self.now + 1
        self.seen["admin" if qid == 0 else "event"] += 1


class Bench(CycleBench):
    """Posts, answers, rings and settings at random rates, or as a test puts them into `plan`."""

    names = ("clr cfg_we cfg_qid cfg_cq cfg_valid cfg_vec cfg_ien irq_valid irq_vec irq_qid irq_cnt irq_tail cq_rung cq_qid cq_head coal_thr "
             "coal_time vec_we vec_idx vec_off masked")
    idle = dict.fromkeys(names.split(), 0)
    levels = ("coal_thr", "coal_time", "masked", "clr")

    def __init__(self, dut) -> None:
        super().__init__(dut)
        self.n = self.p["QUEUES"] + 1
        self.m = IrqModel(self.p["QUEUES"], self.p["VECTORS"], self.p["COALESCE_UNIT_CYCLES"])
        self.hold = dict.fromkeys(self.levels, 0)
        self.rate = dict.fromkeys(("post", "ring", "setup", "off", "mask", "level"), 0.0)
        self.latency = (1, 8)
        self.choices = [(0, 0)]  # settings
        self.forget()

    def forget(self) -> None:
        self.flight: deque[tuple[int, int, int, int]] = deque()  # cycle of the response, queue, entries, tail
        self.plan: dict[str, int] = {}
        self.last_ring = self.last_cfg = NEVER
        self.tokens = float(BUNCH)

    async def clear(self, settle: bool = True) -> None:
        """Reset; whatever was under way is gone."""
        await self.reset()
        self.m.reset()
        self.forget()
        self.hold = dict.fromkeys(self.levels, 0)
        await self.step(4 * self.m.slots if settle else 0)

    # --- what happens

    def put(self, **pins: int) -> None:
        """Pins of the next cycle."""
        self.plan.update(pins)

    def setup(self, qid: int, vec: int, ien: int = 1, size: int = 15, valid: int = 1) -> None:
        """On the set-up bus in the next cycle."""
        self.put(cfg_we=1, cfg_cq=1, cfg_qid=qid, cfg_valid=valid, cfg_vec=vec, cfg_ien=ien, cfg_size=size)

    def post(self, qid: int, count: int, latency: int = 1) -> None:
        """Entries leave for memory; their response comes `latency` cycles later, behind earlier ones."""
        q = self.m.queues[qid]
        assert q.posted - q.consumed + count < q.depth and q.posted % q.depth + count <= q.depth
        q.posted += count
        at = self.now + latency - 1
        self.flight.append((max(at, self.flight[-1][0] if self.flight else at), qid, count, q.posted % q.depth))

    def ring(self, qid: int, upto: int) -> None:
        """The host's head: so many entries consumed since the set-up."""
        q = self.m.queues[qid]
        assert q.consumed < upto <= q.posted
        self.put(cq_rung=1, cq_qid=qid, cq_head=upto % q.depth)

    def drive(self) -> None:
        rng, now = self.rng, self.now
        r = {name: rng.random() < chance for name, chance in self.rate.items()}
        if r["setup"] and now >= self.last_cfg + 2 and not self.plan.get("cfg_we") and not self.hold["clr"]:
            self._setup_one()
        if r["post"]:
            self._post_one()
        if r["ring"] and now >= self.last_ring + 3 and "cq_rung" not in self.plan:
            self._ring_one()
        if r["off"]:
            self.put(vec_we=1, vec_idx=rng.choice([rng.randrange(self.m.vectors), rng.randrange(256)]), vec_off=rng.randrange(2))
        if r["mask"]:
            self.hold["masked"] ^= 1
        if r["level"]:
            self.hold["coal_thr"], self.hold["coal_time"] = rng.choice(self.choices)
        self.tokens = min(float(BUNCH), self.tokens + 0.5)
        noise = {name: rng.getrandbits(8) for name in ("irq_vec", "cfg_vec", "vec_idx")} | {"irq_cnt": 1, "irq_tail": rng.getrandbits(12)}
        self.inp.update(noise)
        if self.flight and self.flight[0][0] <= now:
            _, qid, count, tail = self.flight.popleft()
            q = self.m.queues[qid]
            if q.ien:
                self.inp.update(irq_valid=1, irq_vec=q.vec, irq_qid=qid, irq_cnt=count, irq_tail=tail)
        self.inp.update(self.hold)
        self.inp.update(self.plan)
        self.plan = {}
        self.size = self.inp.pop("cfg_size", 0)
        self.last_ring = now if self.inp["cq_rung"] else self.last_ring
        self.last_cfg = now if self.inp["cfg_we"] else self.last_cfg

    def _some(self, queues: list[int]) -> int | None:
        """Few queues get most of what happens."""
        return self.rng.choice(queues[:4] if self.rng.random() < 0.7 else queues) if queues else None

    def _setup_one(self) -> None:
        rng = self.rng
        qid = rng.randrange(self.n)
        busy = {q for _, q, _, _ in self.flight}
        if qid in busy:
            return
        vec = 0 if qid == 0 else rng.choice([0, rng.randrange(self.m.vectors), rng.randrange(256)])
        self.setup(qid, vec, int(rng.random() < 0.9), rng.choice([1, 2, 3, 15, 4095]), int(rng.random() < 0.9))

    def _post_one(self) -> None:
        qid = self._some([i for i, q in enumerate(self.m.queues) if q.valid and q.posted - q.consumed < q.depth - 1])
        if qid is None or self.plan.get("cfg_we") and self.plan["cfg_qid"] == qid:
            return
        q = self.m.queues[qid]
        most = min(8, q.depth - 1 - (q.posted - q.consumed), q.depth - q.posted % q.depth, int(self.tokens))
        if most > 0:
            count = self.rng.randint(1, most)
            self.tokens -= count
            self.post(qid, count, self.rng.randint(*self.latency))

    def _ring_one(self) -> None:
        qid = self._some([i for i, q in enumerate(self.m.queues) if q.valid and q.posted > q.consumed])
        if qid is not None:
            q = self.m.queues[qid]
            known, most = max(q.known, q.consumed + 1), min(q.posted, q.known + q.depth - 1)
            if most > q.consumed:
                self.ring(qid, self.rng.choice([most, known, self.rng.randint(q.consumed + 1, most)]))

    def check(self) -> None:
        self.m.cycle(self.get("fire"), self.get("line"), {**self.inp, "cfg_size": self.size})
        self.compared = self.m.compared

    async def drain(self) -> None:
        """Until every event has its interrupt."""
        keep, self.rate = self.rate, dict.fromkeys(self.rate, 0.0)
        await self.step(1)
        limit = self.hold["coal_time"] * self.m.unit + 3 * self.m.lag + TIME_LAG + 50
        await self.until(lambda: not self.flight and not any(v.events for v in self.m.v.values()), limit, "an event without an interrupt")
        self.rate = keep


# --- what tests share


async def bench(dut) -> Bench:
    b = Bench(dut)
    await b.clear()
    return b


async def queues(b: Bench, *setups: tuple[int, int], size: int = 4095) -> None:
    """Queues with (number, vector)."""
    for qid, vec in setups:
        b.setup(qid, vec, size=size)
        await b.step(2)


async def setting(b: Bench, thr: int, time: int, off: tuple[int, ...] = ()) -> None:
    """A new setting, until it counts."""
    b.hold.update(coal_thr=thr, coal_time=time)
    for vec in off:
        b.put(vec_we=1, vec_idx=vec, vec_off=1)
        await b.step()
    await b.step(b.m.lag + 1)


async def entries(b: Bench, qid: int, count: int, most: int = 8) -> None:
    """So many, in bursts, as fast as completions come."""
    while count:
        q = b.m.queues[qid]
        n = min(count, most, q.depth - q.posted % q.depth)
        b.post(qid, n)
        await b.step(max(2 * n, 1))
        count -= n


async def consume(b: Bench, qid: int) -> None:
    """All that was posted."""
    b.ring(qid, b.m.queues[qid].posted)
    await b.step(3)


def last(b: Bench) -> tuple[int, int]:
    """The last I/O queue, and the last vector."""
    return b.n - 1, b.m.vectors - 1
