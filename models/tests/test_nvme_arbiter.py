# SPDX-License-Identifier: Apache-2.0
"""The reference scheduler keeps the rules of NVMe arbitration, and the checker notices what breaks them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.nvme.arbiter import (
    ArbChecker,
    ArbConfig,
    Arbiter,
    Cls,
    Grant,
    Pins,
    burst_limit,
    shares,
)

pytestmark = pytest.mark.model

configs = st.builds(ArbConfig, wrr=st.booleans(), ab=st.integers(0, 7), hpw=st.integers(0, 255), mpw=st.integers(0, 255), lpw=st.integers(0, 255))


def filled(cfg: ArbConfig, prios: list[int]) -> Arbiter:
    """Queues 1.. with these classes, all with commands."""
    arb = Arbiter(len(prios), cfg)
    for i, prio in enumerate(prios, 1):
        arb.setup(i, prio=prio)
        arb.ring(i)
    return arb


def serve(arb: Arbiter, cnt: int | None = None, more: bool = True) -> Grant:
    """One grant from beginning to end."""
    g = arb.grant()
    assert g is not None
    arb.done(g.qid, g.limit if cnt is None else cnt, more)
    return g


@pytest.mark.parametrize("ab", range(8))
def test_burst(ab: int) -> None:
    """Stimulus: the burst feature. Checking: 2 to its power, 7 means no limit, which is 128 here."""
    assert burst_limit(ab) == [1, 2, 4, 8, 16, 32, 64, 128][ab]
    assert serve(filled(ArbConfig(ab=ab), [0])).limit == burst_limit(ab)


@given(configs, st.lists(st.integers(0, 3), min_size=1, max_size=12))
def test_admin_goes_first(cfg: ArbConfig, prios: list[int]) -> None:
    """Stimulus: the admin queue has commands at all times. Checking: nobody else is served; without it somebody is."""
    arb = filled(cfg, prios)
    arb.setup(0)
    arb.ring(0)
    assert [serve(arb).qid for _ in range(5)] == [0] * 5
    serve(arb, more=False)
    assert serve(arb).qid != 0


@given(st.integers(0, 7), st.lists(st.integers(0, 3), min_size=1, max_size=12))
def test_round_robin(ab: int, prios: list[int]) -> None:
    """Stimulus: plain round robin, all eligible. Checking: each once a round, whatever its class."""
    arb = filled(ArbConfig(ab=ab), prios)
    n = len(prios)
    order = [serve(arb).qid for _ in range(3 * n)]
    assert order == list(range(1, n + 1)) * 3


@given(configs, st.lists(st.integers(0, 3), min_size=1, max_size=12))
def test_urgent_before_weighted(cfg: ArbConfig, prios: list[int]) -> None:
    """Stimulus: queues of all classes. Checking: as long as an urgent one is eligible, only these are served, in turns."""
    cfg.wrr = True
    arb = filled(cfg, prios)
    urgent = [i for i, p in enumerate(prios, 1) if p == Cls.URGENT]
    got = [serve(arb).qid for _ in range(2 * len(urgent))]
    assert got == urgent * 2


@given(st.integers(0, 7), st.tuples(*[st.integers(0, 255)] * 3), st.tuples(*[st.integers(1, 3)] * 3))
def test_weights_are_kept(ab: int, w: tuple[int, int, int], many: tuple[int, int, int]) -> None:
    """Stimulus: all three classes always eligible, queues that take all they may. Checking: from refill to refill each class gets weight + 1
    commands, in grants of at most the burst; inside a class the queues take turns."""
    cfg = ArbConfig(True, ab, *w)
    prios = [c for c, m in zip((1, 2, 3), many, strict=True) for _ in range(m)]
    arb = filled(cfg, prios)
    order: list[Grant] = []
    rounds = 3
    while arb.refills <= rounds:
        order.append(serve(arb))
    order.pop()  # it began the next round
    assert shares(order) == {Cls(c): rounds * (w[c - 1] + 1) for c in (1, 2, 3)}
    assert all(1 <= g.limit <= cfg.burst for g in order)
    for c in (1, 2, 3):
        counts = Counter(g.qid for g in order if g.cls == c)
        assert max(counts.values()) - min(counts[i] for i, p in enumerate(prios, 1) if p == c) <= 1


def test_weights_by_hand() -> None:
    """Stimulus: burst 4, weights 6, 2, 1. Checking: the order that one writes down by hand."""
    arb = filled(ArbConfig(True, 2, 5, 1, 0), [1, 2, 3])
    got = [(g.qid, g.limit) for g in (serve(arb) for _ in range(8))]
    assert got == [(1, 4), (2, 2), (3, 1), (1, 2), (2, 2), (3, 1), (1, 4), (1, 2)]


def test_only_what_was_taken_counts() -> None:
    """Stimulus: one class, credits 4, burst 8, fetches that take one command, or none. Checking: 4, 3, 2, 1, and again 4."""
    arb = filled(ArbConfig(True, 3, 3, 3, 3), [1])
    assert [serve(arb, 1).limit for _ in range(5)] == [4, 3, 2, 1, 4]
    assert [serve(arb, 0).limit for _ in range(3)] == [3, 3, 3]


def test_two_grants_of_a_class_do_not_overspend() -> None:
    """Stimulus: two queues of a class, both granted at once. Checking: the second gets what the first leaves; what comes back counts."""
    arb = filled(ArbConfig(True, 3, 9, 0, 0), [1, 1])
    a, b = arb.grant(), arb.grant()
    assert a and b and (a.limit, b.limit) == (8, 2)
    arb.done(a.qid, 3, True)
    assert (g := arb.grant()) and g.limit == 5


def test_events_at_close_quarters() -> None:
    """Stimulus: rings and unparks while the grant is out, stop, set-up. Checking: nothing is lost, nobody goes who may not."""
    arb = filled(ArbConfig(), [0])
    g = arb.grant()
    assert g and arb.grant() is None
    arb.ring(1)
    arb.done(1, 1, more=False)
    assert serve(arb, more=False).qid == 1
    assert arb.grant() is None
    arb.ring(1)
    assert arb.grant()
    arb.unpark()
    arb.done(1, 0, more=True, park=True)
    assert arb.grant(), "the unpark came before the park"
    arb.done(1, 0, more=True, park=True)
    assert arb.grant() is None
    arb.unpark()
    arb.stop(1)
    assert arb.grant() is None
    arb.stop(1, False)
    assert arb.grant()
    arb.withdraw(1)
    assert arb.grant()
    arb.setup(1)
    assert arb.grant() is None
    arb.ring(1)
    arb.run = False
    assert arb.grant() is None
    arb.setup(1, valid=False)
    arb.run = True
    arb.ring(1)
    assert arb.grant() is None


@given(st.integers(0, 1 << 32))
def test_four_at_a_time(seed: int) -> None:
    """Stimulus: random service. Checking: at most four grants out, of different queues, and four when there is enough to do."""
    rng = Random(seed)
    arb = filled(ArbConfig(wrr=bool(rng.getrandbits(1)), ab=rng.randrange(8)), [rng.randrange(4) for _ in range(6)])
    out: list[Grant] = []
    most = 0
    for _ in range(100):
        if rng.random() < 0.7:
            g = arb.grant()
            assert (g is None) == (len(out) == 4)
            if g:
                assert g.qid not in [o.qid for o in out]
                out.append(g)
        elif out:
            g = out.pop(rng.randrange(len(out)))
            arb.done(g.qid, rng.randint(0, g.limit), True)
        most = max(most, len(out))
    assert most == 4


# ---------------------------------------------------------------------------------------------
# The checker, over an arbiter with registers.


class Timed:
    """The reference scheduler with cycles: a decision every `pause` cycles, shown a cycle later."""

    def __init__(self, arb: Arbiter, pause: int = 1) -> None:
        self.arb, self.pause, self.wait = arb, pause, 0
        self.offer: Grant | None = None

    def edge(self, p: Pins) -> None:
        """What a clock edge does with the pins of the cycle."""
        arb = self.arb
        taken = self.offer is not None and p.ready
        offer = self.offer
        if p.done:
            arb.done(*p.done)
        if p.rung is not None:
            arb.ring(p.rung)
        if p.unpark:
            # In the cycle of a d_valid it counts for it as well.
            arb.unpark()
        arb.run = p.run
        if p.stop:
            arb.stop(*p.stop)
        if offer and not taken and (not p.run or p.stop == (offer.qid, True) or p.cfg and p.cfg[0] == offer.qid):
            arb.withdraw(offer.qid)
            self.offer = None
        if p.cfg:
            arb.setup(*p.cfg)
        if taken:
            self.offer = None
        self.wait = max(0, self.wait - 1)
        if self.offer is None and not self.wait:
            self.offer = arb.grant()
            self.wait = self.pause if self.offer else 0


def play(seed: int, cfg: ArbConfig, arb: Arbiter | None = None, cycles: int = 250, spoil: Callable[[Pins], None] = lambda p: None,
         pause: int = 1, queues: int = 6) -> ArbChecker:
    """Random traffic through `Timed`, into the checker."""
    rng = Random(seed)
    arb = arb or Arbiter(queues, cfg)
    dut, check = Timed(arb, pause), ArbChecker(queues, cfg)
    out: list[list[int]] = []  # cycles to go, queue, g_max
    run, there = 0, set()
    load, ready = rng.choice((0.05, 0.3, 0.9)), rng.choice((0.3, 1.0))
    for n in range(cycles):
        p = Pins(run=run == 0)
        run = max(0, run - 1)
        if rng.random() < 0.01:
            run = rng.randrange(1, 9)
        if dut.offer:
            p.offer, p.ready = (dut.offer.qid, dut.offer.limit), rng.random() < ready
        for o in out:
            o[0] -= 1
        if out and min(out)[0] <= 0:
            out.sort()
            _, qid, limit = out.pop(0)
            park = rng.random() < 0.1
            p.done = (qid, rng.choice((0, 1, limit, limit, rng.randint(0, limit))), park or rng.random() < 0.5, park)
        busy = {o[1] for o in out} | ({p.done[0]} if p.done else set())
        free = [i for i in range(queues + 1) if i not in busy]
        if n <= queues:
            p.cfg = (n, True, rng.randrange(4))
        elif rng.random() < 0.02 and free:
            qid = rng.choice(free)
            if not (p.offer and p.offer[0] == qid and p.ready):
                p.cfg = (qid, rng.random() < 0.8, rng.randrange(4))
        if rng.random() < load and there:
            p.rung = rng.choice(sorted(there))
            if p.cfg and p.cfg[0] == p.rung:
                p.rung = None
        if p.cfg:
            (there.add if p.cfg[1] else there.discard)(p.cfg[0])
        if rng.random() < 0.03:
            qid = rng.randrange(queues + 1)
            if not (p.cfg and p.cfg[0] == qid):
                p.stop = (qid, rng.random() < 0.3)
        p.unpark = rng.random() < 0.1 and not (p.done and p.done[3])
        who = rng.randrange(queues + 1)
        p.busy = (who, arb.queues[who].out is not None)
        if p.offer and p.ready:
            out.append([rng.randint(1, 12), *p.offer])
        spoil(p)
        check.step(p)
        dut.edge(p)
    return check


@given(st.integers(0, 1 << 32), configs, st.integers(1, 3))
def test_checker_accepts_the_scheduler(seed: int, cfg: ArbConfig, pause: int) -> None:
    """Stimulus: random traffic, set-ups, stops, pauses of run, through the scheduler. Checking: no rule is broken, there are grants."""
    check = play(seed, cfg, pause=pause)
    assert not check.violations, check.violations[0]
    check.finish()


def broken(name: str) -> type[Arbiter]:
    """An arbiter with one mistake."""

    class Broken(Arbiter):
        def eligible(self, cls: Cls) -> list[int]:
            if name == "admin" and cls is Cls.ADMIN and any(q.eligible for q in self.queues[1:]):
                return []
            if name == "urgent" and cls is Cls.URGENT and any(self.eligible(c) for c in (Cls.HIGH, Cls.MEDIUM, Cls.LOW)):
                return []
            return super().eligible(cls)

        def _next_in(self, cls: Cls) -> int:
            return min(self.eligible(cls)) if name == "fixed order" else super()._next_in(cls)

        def stop(self, qid: int, stop: bool = True) -> None:
            if name != "stop ignored":
                super().stop(qid, stop)

        def done(self, qid: int, cnt: int, more: bool, park: bool = False) -> None:
            if name == "ring lost":
                self.queues[qid].commands = False
            if name == "cnt ignored":
                self._return = lambda g, c: None  # type: ignore[method-assign]
            super().done(qid, cnt, more, park and name != "park ignored")

        def outstanding(self) -> int:
            n = super().outstanding()
            return {"no bound": 0, "two only": 2 * n}.get(name, n)

        def grant(self) -> Grant | None:
            g = super().grant()
            if g and name == "overspend" and g.cls in self.credits:
                self.credits[g.cls] += g.limit // 2
            return g

    return Broken


@pytest.mark.parametrize(("name", "rules"), [
    ("admin", {"admin-first"}),
    ("urgent", {"urgent-first"}),
    ("fixed order", {"round-robin"}),
    ("stop ignored", {"not-eligible", "not-withdrawn"}),
    ("park ignored", {"not-eligible"}),
    ("ring lost", {"latency"}),
    ("no bound", {"too-many"}),
    ("two only", {"latency"}),
    ("cnt ignored", {"credits", "class-turn"}),
    ("overspend", {"credits", "class-turn"}),
])
def test_checker_notices(name: str, rules: set[str]) -> None:
    """Stimulus: schedulers with one mistake each. Checking: the rule that it breaks is named."""
    seen: set[str] = set()
    for seed in range(12):
        cfg = ArbConfig(name not in ("fixed order",), 3, 9, 6, 5)
        seen |= {v.rule for v in play(seed, cfg, broken(name)(6, cfg), 600).violations}
    assert seen & rules, seen


def test_checker_notices_pins() -> None:
    """Stimulus: pins that don't fit: another g_max, a grant that falls, a busy that is wrong. Checking: they are named."""
    def g_max(p: Pins) -> None:
        if p.offer:
            p.offer = (p.offer[0], p.offer[1] + 1)

    turn = iter(range(1 << 30))

    def falls(p: Pins) -> None:
        if p.offer and not p.ready and next(turn) % 3 == 2:
            p.offer = None

    def idle(p: Pins) -> None:
        if p.busy:
            p.busy = (p.busy[0], False)

    def busy(p: Pins) -> None:
        if p.busy:
            p.busy = (p.busy[0], True)

    for spoil, rule in ((g_max, "limit"), (falls, "unstable"), (idle, "busy"), (busy, "busy")):
        seen: set[str] = set()
        for seed in range(10):
            try:
                check = play(seed, ArbConfig(), spoil=spoil)
            except ValueError:
                continue
            seen |= {v.rule for v in check.violations}
        assert rule in seen, (rule, seen)
    with pytest.raises(AssertionError, match="no-grant"):
        ArbChecker(2, ArbConfig()).finish()
    with pytest.raises(AssertionError, match="not-eligible"):
        check = ArbChecker(2, ArbConfig(), strict=True)
        check.step(Pins())
        check.step(Pins(offer=(1, 1)))
