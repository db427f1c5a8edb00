# SPDX-License-Identifier: Apache-2.0
"""Unit tests of crl_nvme_arb: whose command is fetched next. Rules: docs/blocks/nvme.md; the checker is models/nvme/arbiter.py."""

from __future__ import annotations

from collections import Counter

import cocotb
import pytest

from models.nvme.arbiter import LATENCY, OUT_MAX, SPACING, ArbConfig, Arbiter, Cls, burst_limit
from tb.lib.sim import run_sim
from tb.unit.nvme_arb_bench import ArbBench


async def bench(dut, cfg: ArbConfig | None = None, prio=None) -> ArbBench:
    """Started, and all queues set up; `prio` is a number, or a function of the queue."""
    b = await ArbBench(dut, cfg).start()
    if prio is not None:
        for qid in range(b.n):
            await b.setup(qid, prio(qid) if callable(prio) else prio)
            await b.cycle()
    return b


def some(b: ArbBench, k: int = 6) -> list[int]:
    """A few queues, first and last among them."""
    return sorted({0, 1, b.n - 1, *b.rng.sample(range(b.n), min(k, b.n))})


def full(qid: int, limit: int):
    """A fetch that takes all it may and leaves more."""
    return 2, limit, True, False


async def traffic(b: ArbBench, cycles: int, *, load=0.5, delay=8, park=0.1, stops=0.02, pauses=0.005, setups=0.01, live=0.0) -> None:
    """Random events, for the checker to judge."""
    rng = b.rng

    def serve(qid, limit):
        parks = rng.random() < park
        cnt = rng.choice((0, 1, limit, limit, limit, rng.randint(0, limit)))
        return rng.randint(1, delay), cnt, parks or rng.random() < 0.6, parks

    b.serve = serve
    down = 0
    hot = some(b, 5)
    for n in range(cycles):
        if n % 300 == 0:
            hot = some(b, rng.choice((1, 5, b.n)))
        down = down - 1 if down > 0 else rng.randrange(1, 12) if rng.random() < pauses else 0
        b.run = down == 0
        seen = await b.look()
        kw = {}
        ready = rng.random() < b.ready
        if rng.random() < setups:
            # Not what is taken, nor what is taken just now; often what is on offer.
            qid = seen[0] if seen and rng.random() < 0.5 else rng.randrange(b.n)
            if qid not in b.out:
                ready = ready and not (seen and seen[0] == qid)
                kw["cfg"] = (qid, rng.random() < 0.85, rng.randrange(4))
        elif rng.random() < setups:
            kw["cq_cfg"] = rng.randrange(b.n)
        mine = kw["cfg"][0] if "cfg" in kw else None
        if rng.random() < load:
            qid = rng.choice(hot)
            if b.check.q[qid].valid and qid != mine:
                kw["rung"] = qid
        if rng.random() < stops:
            qid = seen[0] if seen and rng.random() < 0.5 else rng.choice(hot)
            if qid != mine:
                kw["stop"] = (qid, rng.random() < 0.4)
        kw["unpark"] = rng.random() < 0.05
        if rng.random() < live:
            c = b.cfg
            b.live(ArbConfig(c.wrr, rng.randrange(8), rng.randrange(256), rng.randrange(256), rng.randrange(256)))
        await b.cycle(ready=ready, **kw)


@cocotb.test()
async def random_round_robin(dut):
    """Stimulus: random rings, services, parks, stops, set-ups of SQs and CQs, pauses of run; grants taken at once and with back-pressure;
    bursts changed in between, with run down. Checking: all rules of the checker, each cycle; at the end nothing is left."""
    b = await bench(dut, ArbConfig(ab=b_ab(dut)), lambda q: q % 4)
    for turn, ready in enumerate((1.0, 0.3)):
        b.ready = ready
        await traffic(b, 700, load=(0.9, 0.2)[turn])
        await settle(b)
        await b.configure(ArbConfig(ab=b.rng.randrange(8)))
    await traffic(b, 300, delay=1, stops=0, pauses=0, setups=0, park=0)
    await b.finish()
    assert b.check.grants > 100


def b_ab(dut) -> int:
    return cocotb.RANDOM_SEED % 8


async def settle(b: ArbBench) -> None:
    """Until no grant is out."""
    b.run = False
    for _ in range(40):
        await b.cycle()
        if not b.out:
            break
    b.run = True


@cocotb.test()
async def random_weighted(dut):
    """Stimulus: as random_round_robin, with weighted round robin, queues of all classes, small and large weights.
    Checking: all rules, credits of the classes among them."""
    b = await bench(dut, ArbConfig(True, 2, 5, 2, 0), lambda q: (q * 7 + q // 4) % 4)
    for turn in range(4):
        b.ready = (1.0, 0.3, 1.0, 0.6)[turn]
        await traffic(b, 400, load=(0.9, 0.5, 0.1, 0.9)[turn])
        await settle(b)
        w = [b.rng.choice((0, 1, 7, 255, b.rng.randrange(256))) for _ in range(3)]
        await b.configure(ArbConfig(True, b.rng.randrange(8), *w))
    await b.finish()
    assert b.check.grants > 100


@cocotb.test()
async def settings_under_way(dut):
    """Stimulus: burst and weights change while commands are granted. Checking: the rules that remain: g_max is the old or the new burst at
    most, nothing is lost, order and latency."""
    for wrr in (False, True):
        b = await bench(dut, ArbConfig(wrr, 3, 3, 3, 3), lambda q: q % 4)
        await traffic(b, 400, live=0.05)
        await b.finish()


@cocotb.test()
async def lone_ring(dut):
    """Stimulus: one queue rings, every class, every burst, an idle block. Checking: a grant in the next cycle, or within 6 cycles if its class
    has a weight; g_max is the burst (or the credits, if these are fewer); then, with nothing more, no other grant. Rings of queues that are not there: none."""
    b = await bench(dut)
    b.hint = 1.0
    late = 0
    for wrr in (False, True):
        for ab in range(8):
            await b.configure(ArbConfig(wrr, ab, 99, 4, 0))
            for qid in some(b, 2):
                prio = b.rng.randrange(4)
                await b.setup(qid, prio)
                await b.idle(3, ready=False)
                await b.cycle(rung=qid)
                at = b.now
                got = await b.granted(qid)
                late = max(late, b.now - at)
                light = not wrr or not qid or not prio
                assert b.now - at == 1 if light else b.now - at <= LATENCY, f"{b.now - at} cycles, {'no' if light else 'a'} weight"
                weight = {1: 100, 2: 5, 3: 1}.get(prio, 128) if wrr and qid else 128
                assert got == (qid, min(burst_limit(ab), weight)) or wrr and prio in (1, 2, 3)
                await b.idle(b.rng.randrange(3))
                await b.cycle(done=(qid, got[1], False, False))
                await b.idle(12)
                await b.setup(qid, valid=False)
                await b.cycle()
                await b.cycle(rung=qid)
                await b.idle(10)
                assert not b.offer
                await b.setup(qid)
                await b.idle(10)
                assert not b.offer, "a ring from before the set-up"
    dut._log.info("ring to g_valid: %d cycles", late)
    await b.finish()


@cocotb.test()
async def rate_and_four_out(dut):
    """Stimulus: all queues have commands; fetches that never end, then quick ones. Checking: four grants of different queues are out, no
    fifth (with fewer queues: all); the next one when one is done; a grant every 4 cycles at least."""
    b = await bench(dut, ArbConfig(ab=2), 0)
    for qid in range(b.n):
        await b.cycle(rung=qid)
    want = min(OUT_MAX, b.n)
    await b.idle(6 * LATENCY)
    assert len(b.out) == want, f"{len(b.out)} grants are out"
    for _ in range(10):
        qid = b.rng.choice(list(b.out))
        await b.cycle(done=(qid, 4, qid == 0 or b.rng.random() < 0.5, False))
        await b.idle(2 * LATENCY)
        assert len(b.out) == min(want, sum(q.must_go or q.out for q in b.check.q))
    for qid in list(b.out):
        await b.cycle(done=(qid, 4, True, False))
    b.serve = lambda qid, limit: (1, limit, qid != 0, False)
    await b.idle(20)
    for qid in range(1, b.n):
        await b.cycle(rung=qid)
    first, at = b.check.grants, b.now
    await b.idle(200)
    made = b.check.grants - first
    dut._log.info("%d grants in %d cycles", made, b.now - at)
    if b.queues > 8:
        assert made >= (b.now - at) // SPACING
    await b.finish()


@cocotb.test()
async def admin_first(dut):
    """Stimulus: all queues always have commands, the admin queue too, then rings of it at any time, grants with back-pressure.
    Checking: while it is eligible nobody else is granted (the checker), g_max is the burst whatever the weights; its rings are served soon."""
    b = await bench(dut, ArbConfig(True, 4, 1, 1, 1), lambda q: q % 4)
    b.serve = full
    for qid in range(b.n):
        await b.cycle(rung=qid)
    await b.idle(60)
    assert Counter(g.cls for g in b.check.order)[Cls.ADMIN] >= 5
    assert {g.limit for g in b.check.order if g.qid == 0} == {16}
    b.serve = lambda qid, limit: (2, limit, qid != 0, False)
    for _ in range(30):
        b.ready = b.rng.choice((1.0, 0.2))
        await b.idle(b.rng.randrange(20))
        await b.cycle(rung=0)
        others = 0
        for _ in range(200):
            await b.cycle()
            if b.taken:
                if b.taken[0] == 0:
                    break
                others += 1
        assert others <= 2 + LATENCY // 2, f"{others} others were granted first"
    await b.finish()


@cocotb.test()
async def everyone_in_turn(dut):
    """Stimulus: plain round robin, all I/O queues always have commands, slow and quick services. Checking: of n grants in a row each queue has
    one (more than four queues: those that are out are eligible again before their turn)."""
    b = await bench(dut, ArbConfig(), lambda q: q % 4)
    b.serve = full
    for qid in range(1, b.n):
        await b.cycle(rung=qid)
    n = b.queues
    await b.idle(4 * SPACING)
    first = len(b.check.order)
    while len(b.check.order) < first + 3 * n:
        await b.cycle()
    order = [g.qid for g in b.check.order[first:]]
    if n > 8:
        for k in range(2 * n):
            assert len(set(order[k:k + n])) == n, f"{order[k:k + n]}"
    else:
        assert set(order) == set(range(1, b.n))
    b.serve = lambda qid, limit: (b.rng.randint(1, 30), limit, True, False)
    await b.idle(500)
    await b.finish()


@cocotb.test()
async def weights_when_all_ask(dut):
    """Stimulus: weighted round robin, every class always has eligible queues, which take all they may; bursts 0 to 7 and weights from 1 to 256.
    Checking: class and g_max of each grant are those of the reference scheduler; inside a class each queue in turn."""
    b = await bench(dut)
    if b.queues < 16:
        return
    prios = {q: 1 + q % 3 for q in range(1, b.n)}
    for ab, w in ((0, (2, 1, 0)), (1, (5, 3, 1)), (2, (5, 1, 0)), (3, (20, 20, 20)), (4, (255, 0, 100)), (5, (63, 31, 7)), (7, (255, 127, 31))):
        cfg = ArbConfig(True, ab, *w)
        await b.reset()
        await b.configure(cfg)
        ref = Arbiter(b.queues, cfg)
        b.run = False
        for qid, prio in prios.items():
            await b.setup(qid, prio)
            await b.cycle(rung=qid)
            ref.setup(qid, prio=prio)
            ref.ring(qid)
        b.run = True
        b.serve = full
        first = len(b.check.order)
        total = sum(-(-(x + 1) // (1 << min(ab, 7))) for x in w)
        while len(b.check.order) < first + min(2 * total + 8, 100):
            await b.cycle()
        b.check.order.pop()
        for n, g in enumerate(b.check.order[first:]):
            want = ref.grant()
            ref.done(want.qid, want.limit, True)
            assert (g.cls, g.limit) == (want.cls, want.limit), f"grant {n}, {cfg}: {g}, expected {want}"
        for cls in (1, 2, 3):
            mine = [g.qid for g in b.check.order[first:] if g.cls == cls]
            n = sum(p == cls for p in prios.values())
            assert all(len(set(mine[k:k + n])) == n for k in range(len(mine) - n + 1))
        b.run = False
        while b.out:
            await b.cycle()
        b.run = True
    await b.finish()


@cocotb.test()
async def credits_one_by_one(dut):
    """Stimulus: weighted round robin, one queue at a time has commands, of any class; fetches take all, some or none.
    Checking: every grant is exactly that of the reference scheduler: what is taken counts, refills come when they are due and only then."""
    b = await bench(dut)
    for ab, w in ((3, (3, 9, 0)), (1, (5, 2, 7)), (7, (200, 100, 50))):
        cfg = ArbConfig(True, ab, *w)
        await b.reset()
        await b.configure(cfg)
        ref = Arbiter(b.queues, cfg)
        for qid in range(1, b.n):
            await b.setup(qid, qid % 4)
            await b.cycle()
            ref.setup(qid, prio=qid % 4)
        for _ in range(60):
            qid = b.rng.randrange(1, b.n)
            ref.ring(qid)
            await b.cycle(rung=qid)
            want = ref.grant()
            got = await b.granted()
            assert got == (want.qid, want.limit), f"{cfg}: {got}, expected {want}"
            cnt = b.rng.choice((0, 1, want.limit, want.limit))
            ref.done(qid, cnt, False)
            await b.idle(b.rng.randrange(4))
            await b.cycle(done=(qid, cnt, False, False))
            await b.idle(b.rng.choice((0, 1, 9)))
    await b.finish()


@cocotb.test()
async def credits_back_at_any_moment(dut):
    """Stimulus: a class of weight 4; two grants of it are out, and what one did not take comes back in each cycle from before the ring of a
    third queue to after its grant; the class has credits left, or needs a refill. Checking: the third grant, and a fourth one later: what comes
    back counts before the choice, is cut to the weight between choice and grant (or lost in the refill), or counts after it; nothing else."""
    b = await bench(dut)
    if b.queues < 4:
        return
    await b.configure(ArbConfig(True, 2, 3, 0, 0))
    for left, outcomes in ((3, ((4, 4), (3, 1), (3, 2))), (0, ((2, 4), (4, 4), (4, 2)))):
        seen = set()
        for when in range(LATENCY + 8):
            await b.reset()
            for qid in range(1, 5):
                await b.setup(qid, Cls.HIGH)
                await b.cycle()
            for qid in (1, 2):
                await b.cycle(rung=qid)
                assert await b.granted(qid) == (qid, 4)
            await b.cycle(done=(1, 4 - left, False, False))
            await b.idle(LATENCY + 2)
            shown = None
            for n in range(LATENCY + 10):
                await b.cycle(rung=3 if n == 4 else None, done=(2, 2, False, False) if n == when else None)
                shown = n if b.taken else shown
            third = b.out[3].limit
            await b.cycle(rung=4)
            got = third, (await b.granted(4))[1]
            assert got in outcomes, f"{left} left, back in cycle {when}, grant in {shown}: {got}"
            if when >= shown:
                assert got == outcomes[2], f"{left} left, back in cycle {when}, grant in {shown}: {got}"
            seen.add(got)
        assert seen == set(outcomes), f"{left} left: only {sorted(seen)}"
    await b.finish()


@cocotb.test()
async def weights_lowered(dut):
    """Stimulus: a class with most of its 256 credits left gets a weight of 2; what a grant did not take comes back in each cycle from before the ring of
    the next queue to after its grant; then grants of which all is taken. Checking: all rules; credits never come from below zero."""
    b = await bench(dut)
    if b.queues < 4:
        return
    for when in range(LATENCY + 8):
        await b.reset()
        await b.configure(ArbConfig(True, 6, 0, 255, 0))
        for qid in range(1, 5):
            await b.setup(qid, Cls.MEDIUM)
            await b.cycle()
        await b.cycle(rung=1)
        assert await b.granted(1) == (1, 64)
        await b.cycle(done=(1, 64, False, False))
        await b.idle(LATENCY + 2)
        await b.configure(ArbConfig(True, 6, 0, 1, 0))
        await b.cycle(rung=2)
        assert await b.granted(2) == (2, 64)
        for n in range(LATENCY + 10):
            await b.cycle(rung=3 if n == 4 else None, done=(2, 1, False, False) if n == when else None)
        await b.cycle(done=(3, 64, False, False))
        await b.idle(LATENCY + 2)
        for n in range(12):
            qid = 1 + n % 4
            await b.cycle(rung=qid)
            limit = (await b.granted(qid))[1]
            await b.cycle(done=(qid, limit, False, False))
            await b.idle(LATENCY + 2)
        assert limit == 2, f"back in cycle {when}: a grant of {limit}, the weight is 2"
    await b.finish()


@cocotb.test()
async def ring_at_any_moment(dut):
    """Stimulus: a second ring of the queue in each cycle from before its grant shows to after its d_valid, which says there is nothing more.
    Checking: from the cycle of g_valid on it leads to another grant, within 6 cycles of what comes last."""
    b = await bench(dut, ArbConfig(ab=1), 1)
    for wrr in (False, True):
        await b.configure(ArbConfig(wrr, 1, 9, 9, 9))
        for qid in {0, b.n - 1}:
            for stall in (0, 3):
                for service in (1, 2, 5):
                    for when in range(LATENCY + stall + service + 4):
                        await ring_once(b, qid, stall, service, when)
    await b.finish()


async def ring_once(b: ArbBench, qid: int, stall: int, service: int, when: int) -> None:
    await b.cycle(rung=qid)
    shown = taken = done = None
    rung = -1
    for n in range(40):
        seen = await b.look()
        if seen and shown is None:
            shown = n
        ready = shown is not None and n >= shown + stall
        end = (qid, 1, False, False) if taken is not None and n == taken + service else None
        if end:
            done = n
        if n == when:
            rung = n
        await b.cycle(ready=ready, done=end, rung=qid if n == when else None)
        if b.taken:
            taken = n if taken is None else taken
            if done is not None and n > done:
                break
        if done is not None and n >= max(done, when) + LATENCY + 2:
            break
    again = qid in b.out
    if rung >= shown:
        assert again, f"ring in cycle {rung}, g_valid in {shown}, d_valid in {done}: lost"
    if again:
        await b.cycle(done=(qid, 1, False, False))
    await b.idle(4)


@cocotb.test()
async def park_and_unpark(dut):
    """Stimulus: d_park, with unpark in each cycle around d_valid, from the grant on; rings of the parked queue.
    Checking: an unpark from the cycle of g_valid on wakes it, also in the cycle of d_valid; without one it stays, whatever rings; other queues
    go on; set-up anew ends the parking."""
    b = await bench(dut, ArbConfig(), 0)
    qid, other = b.n - 1, 0
    for when in range(-4, 5):
        await b.cycle(rung=qid)
        await b.granted(qid)
        woke = False
        for n in range(-3, 5):
            if when == n:
                woke = True
            await b.cycle(done=(qid, 0, True, True) if n == 0 else None, unpark=n == when, rung=qid if n == 2 and not woke else None)
        await b.idle(2 * LATENCY)
        assert (qid in b.out) == woke, f"unpark {when} cycles after d_valid"
        if not woke:
            await b.cycle(rung=other)
            await b.granted(other)
            await b.cycle(done=(other, 1, False, False))
            await b.idle(10)
            await b.cycle(unpark=True)
            await b.granted(qid)
        await b.cycle(done=(qid, 1, False, False))
        await b.idle(8)
        assert qid not in b.out
    await b.cycle(rung=qid)
    await b.granted(qid)
    await b.cycle(done=(qid, 0, True, True))
    await b.idle(8)
    await b.setup(qid)
    await b.idle(8)
    await b.cycle(rung=qid)
    await b.granted(qid, LATENCY + 1)
    await b.cycle(done=(qid, 1, False, False))
    # All at once.
    for q in range(b.n):
        await b.cycle(rung=q)
    b.serve = lambda qid, limit: (1, 0, True, True)
    await b.idle(6 * b.n + 20)
    assert not b.out and sum(q.parked for q in b.check.q) == b.n
    b.serve = lambda qid, limit: (1, limit, False, False)
    before = b.check.grants
    await b.cycle(unpark=True)
    await b.idle(6 * b.n + 20)
    assert b.check.grants == before + b.n
    await b.finish()


@cocotb.test()
async def stray_done(dut):
    """Stimulus: d_valid of queues that have no grant out, idle or with a ring, with d_more and d_park; four grants out before and after.
    Checking: nothing comes of it: no grant, no parking, no fifth grant, no credits."""
    b = await bench(dut, ArbConfig(True, 3, 5, 5, 5), lambda q: 1 + q % 3)
    qid = b.n - 1
    for _ in range(3):
        await b.cycle(stray=(qid, 0, True, False))
        await b.idle(LATENCY + 2)
        assert not b.offer
        await b.cycle(stray=(qid, 0, True, True))
        await b.cycle(rung=qid)
        got = await b.granted(qid, LATENCY + 1)
        await b.cycle(done=(qid, got[1], False, False))
    for q in range(b.n):
        await b.cycle(rung=q)
    await b.idle(4 * LATENCY)
    for q in some(b):
        if q not in b.out:
            await b.cycle(stray=(q, 0, False, False))
            await b.cycle()
    await b.idle(2 * LATENCY)
    assert len(b.out) == min(b.n, OUT_MAX)
    await b.finish()


@cocotb.test()
async def stop_at_any_moment(dut):
    """Stimulus: a stop in each cycle after the ring: before the grant, when it shows, while it waits, in the cycle of the handshake, later.
    Checking: what was taken stays granted until d_valid; else g_valid is down in the next cycle and stays so; a ring meanwhile does not help;
    after stop = 0 it goes on with what it had. g_busy is down then, so that nothing can come any more."""
    b = await bench(dut, ArbConfig(ab=3), 2)
    for qid in {0, b.n - 1}:
        for stall in (0, 1, 4, 99):
            for when in range(LATENCY + 6):
                await b.cycle(rung=qid)
                shown = None
                for n in range(LATENCY + 8):
                    seen = await b.look()
                    shown = n if seen and shown is None else shown
                    await b.cycle(stop=(qid, True) if n == when else None, ready=shown is not None and n >= shown + stall,
                                  rung=qid if n == when + 2 else None)
                taken = qid in b.out
                if taken:
                    await b.cycle(done=(qid, 1, True, False))
                await b.idle(LATENCY)
                assert not b.offer
                await b.cycle(stop=(qid, False))
                await b.granted(qid, LATENCY + 1)
                await b.cycle(done=(qid, 1, False, False))
                await b.idle(3)
    # Others are not touched; those that are stopped are passed over.
    b.serve = full
    stopped = [q for q in some(b) if q % 2]
    for q in stopped:
        await b.cycle(stop=(q, True))
    for q in range(b.n):
        await b.cycle(rung=q)
    before = len(b.check.order)
    b.serve = lambda qid, limit: (2, limit, False, False)
    await b.idle(6 * b.n)
    assert Counter(g.qid for g in b.check.order[before:]) == Counter(q for q in range(b.n) if q not in stopped)
    await b.finish()


@cocotb.test()
async def set_up_while_granted(dut):
    """Stimulus: the queue is set up anew (or is gone) in each cycle after its ring, before the grant is taken; then it rings again, with
    another class. Checking: g_valid falls, no d_valid is needed, its old ring, stop and parking count no more; the new class does."""
    b = await bench(dut, ArbConfig(True, 3, 200, 200, 200), 3)
    qid, rival = b.n - 1, 1
    for valid in (True, False):
        for when in range(LATENCY + 4):
            await b.cycle(rung=qid, ready=False)
            for n in range(LATENCY + 4):
                await b.cycle(ready=False, cfg=(qid, valid, 0) if n == when else None)
            await b.idle(2 * LATENCY)
            assert qid not in b.out and not b.offer
            if not valid:
                await b.setup(qid, 0)
            await b.cycle()
            if rival != qid:
                # Urgent now: it goes before one that is not. The port is held until both wait.
                await b.setup(rival, 3)
                b.run = False
                await b.cycle(rung=rival)
                await b.cycle(rung=qid)
                await b.idle(LATENCY)
                b.run = True
                got = await b.granted()
                assert got == (qid, 8), got
                await b.granted(rival)
                await b.cycle(done=(rival, 1, False, False))
            else:
                await b.cycle(rung=qid)
                await b.granted(qid)
            await b.cycle(done=(qid, 1, False, False))
            await b.idle(2)
            await b.cycle(stop=(qid, True))
            await b.setup(qid, 3)
            await b.cycle()
    # The set-up of a completion queue changes nothing.
    await b.cycle(rung=qid, ready=False)
    for _ in range(8):
        await b.cycle(ready=False, cq_cfg=qid)
        await b.cycle(ready=False)
    assert b.offer and b.offer[0] == qid
    await b.finish()


@cocotb.test()
async def run_falls_at_any_moment(dut):
    """Stimulus: run falls in each cycle after a ring, for one cycle or more, the grant taken or not. Checking: no grant while it is down,
    taken ones stay; when it is up again, all goes on with what there was."""
    b = await bench(dut, ArbConfig(), 0)
    for qid in {0, b.n - 1}:
        for stall in (0, 2, 99):
            for length in (1, 2, 7):
                for when in range(LATENCY + 3):
                    await b.cycle(rung=qid)
                    shown = None
                    for n in range(LATENCY + 4 + length):
                        seen = await b.look()
                        shown = n if seen and shown is None else shown
                        b.run = not when <= n < when + length
                        await b.cycle(ready=shown is not None and n >= shown + stall)
                    b.run = True
                    if qid not in b.out:
                        await b.granted(qid, LATENCY + 3)
                    await b.cycle(done=(qid, 1, False, False))
    await b.finish()


@cocotb.test()
async def reset_in_mid_flight(dut):
    """Stimulus: reset under full traffic. Checking: no grant until queues are set up and ring, whatever was before; then all works."""
    b = await bench(dut, ArbConfig(True, 2, 3, 2, 1), lambda q: q % 4)
    for _ in range(4):
        await traffic(b, b.rng.randrange(60, 160), load=0.9, setups=0)
        b.run = True
        await b.reset(b.rng.randrange(1, 4))
        b.serve = None
        for qid in some(b):
            await b.cycle(rung=qid, unpark=True)
        await b.idle(12)
        assert not b.offer
        for qid in range(b.n):
            await b.setup(qid, qid % 4)
            await b.cycle()
        await b.idle(8)
        assert not b.offer, "a ring from before the set-up"
    await traffic(b, 200)
    await b.finish()


@cocotb.test()
async def checker_fails(dut):
    """Stimulus: good traffic, of which one thing is changed between pins and checker, and none at all. Checking: the checker fails."""
    def more(p):
        if p.offer:
            p.offer = (p.offer[0], p.offer[1] + 1)

    def other(p):
        if p.offer:
            p.offer = ((p.offer[0] + 1) % 2, p.offer[1])

    def silent(p):
        if p.busy:
            p.busy = (p.busy[0], False)

    def gone(p):
        p.offer = None

    for change in (more, other, silent, gone):
        b = await bench(dut, ArbConfig(), 0)
        b.serve = full
        b.tamper = change
        with pytest.raises((AssertionError, ValueError)):  # ValueError: the end of a grant that was not seen
            for _ in range(100):
                await b.cycle(rung=b.n - 1)
        await b.look()
        b.dut.rst.value = 1
    b = await bench(dut, ArbConfig(), 0)
    with pytest.raises(AssertionError, match="nothing was granted"):
        b.check.finish()


@pytest.mark.unit
@pytest.mark.parametrize("queues", [pytest.param(1, marks=pytest.mark.sweep), 16, pytest.param(128, marks=pytest.mark.sweep_icarus)])
def test_crl_nvme_arb(sim, queues):
    """Stimulus and checking: see the cocotb tests above."""
    run_sim("crl_nvme_arb", __name__, {"QUEUES": queues}, sim=sim)
