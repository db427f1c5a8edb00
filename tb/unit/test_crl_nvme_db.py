# SPDX-License-Identifier: Apache-2.0
"""Unit tests of crl_nvme_db: every rule for a doorbell, pointers of all sizes, halves and strobes, reset."""

from __future__ import annotations

import itertools
import random

import cocotb
import pytest
from cocotb.triggers import FallingEdge, RisingEdge

from models.layout import NvmeAerErr
from models.nvme.doorbells import CqRung, Doorbells, Event, Foreign, Refused, SqRung, entries
from tb.lib.sim import run_sim
from tb.unit.nvme_db_bench import LOOKED, LOWER, UPPER, Bench, Board, Cfg, Look, Write
from tb.unit.stream import value

REGISTER, VALUE = NvmeAerErr.BAD_DB_REGISTER, NvmeAerErr.BAD_DB_VALUE


async def bench(dut) -> Bench:
    b = Bench(dut)
    await b.start()
    return b


@cocotb.test()
async def order_of_checks(dut):
    """Stimulus: for the admin pair, the last pair and one in between: doorbells with one fault and with several.
    Checking: the outcome that each rule of the contract gives, written down here; nothing moves."""
    b = await bench(dut)
    qw = b.qn.bit_length() if b.qn & b.qn - 1 else b.qn.bit_length() - 1
    top = (0x100000 - 0x1000) // (8 << b.dstrd)
    one, two, three = (f & (1 << b.func_w) - 1 for f in (0x11, 0xF2, 0x7C))
    for qid in (q for q in {b.qn, b.qn + 1, 2 * b.qn, top - 1} if b.qn <= q < top):
        for cq in (False, True):
            assert await b.ring(qid, cq, 1) == [Refused(qid % (1 << qw), cq, REGISTER, 0)]
            assert await b.ring(qid, cq, 1, one) == [Foreign(one)]
    for qid in {0, b.queues, (b.queues + 1) // 2}:
        b.hot = [qid]
        for cq, owner, other in ((False, one, two), (True, two, one)):
            rung = CqRung if cq else SqRung
            # 1: not there, whatever else is wrong
            for val in (1, 0, 0xFFFF):
                assert await b.ring(qid, cq, val) == [Refused(qid, cq, REGISTER, 0)]
                assert await b.ring(qid, cq, val, owner) == [Foreign(owner)]
            await b.cfg(qid, cq, True, 3, owner)
            if cq:
                b.cq_tail[qid] = 2
            # 2: another function, whatever the value
            for user in (other, three):
                for val in (1, 0, 4, 0xFFFF):
                    assert await b.ring(qid, cq, val, user) == [Foreign(user)]
            for user in (owner, 0):
                # 3: above size, with bits 15:12 too
                for val in (4, 5, 0xFFF, 0x1001, 0x8000, 0xF001, 0xFFFF):
                    assert await b.ring(qid, cq, val, user) == [Refused(qid, cq, VALUE, user)]
                # 4: nothing moves
                assert await b.ring(qid, cq, b.board.queue(qid, cq).pointer, user) == [Refused(qid, cq, VALUE, user)]
                # bits 31:16 are ignored
                val = b.board.queue(qid, cq).pointer + 1
                assert await b.ring(qid, cq, 0xABCD0000 | val, user) == [rung(qid, val)]
            # 4: too many: an SQ has room for one more, a CQ for none
            if cq:
                assert await b.ring(qid, cq, 3) == [Refused(qid, cq, VALUE, 0)]
                b.cq_tail[qid] = 3
                assert await b.ring(qid, cq, 3) == [rung(qid, 3)]
                b.cq_tail[qid] = 2
                assert await b.ring(qid, cq, 3) == [Refused(qid, cq, VALUE, 0)]
                assert await b.ring(qid, cq, 2, owner) == [rung(qid, 2)]
            else:
                assert await b.ring(qid, cq, 0) == [Refused(qid, cq, VALUE, 0)]
                assert await b.ring(qid, cq, 3) == [rung(qid, 3)]
                for val in range(4):
                    assert await b.ring(qid, cq, val, owner) == [Refused(qid, cq, VALUE, owner)]
                b.sq_head[qid] = 2
                assert await b.ring(qid, cq, 2) == [Refused(qid, cq, VALUE, 0)]
                assert await b.ring(qid, cq, 1) == [rung(qid, 1)]
        # gone: the CQ is still there
        await b.cfg(qid, False, False, 3, one)
        assert await b.ring(qid, False, 1, one) == [Foreign(one)]
        assert await b.ring(qid, False, 1) == [Refused(qid, False, REGISTER, 0)]
        b.cq_tail[qid] = 3
        assert await b.ring(qid, True, 3, two) == [CqRung(qid, 3)]
        await b.cfg(qid, True, False)
    b.board.end()


@cocotb.test()
async def every_position(dut):
    """Stimulus: small rings: each position of the own pointer, each of the other one, each value and two above.
    Checking: scoreboard."""
    b = await bench(dut)
    qid = b.queues
    b.hot = [qid]
    for size in (1, 2, 4):
        for cq in (False, True):
            for own in range(size + 1):
                for other in range(size + 1):
                    for val in range(size + 3):
                        if b.board.queue(qid, cq).pointer or b.board.queue(qid, cq).size != size:
                            await b.cfg(qid, cq, True, size, 5)
                        if own:  # bring it there
                            b.sq_head[qid], b.cq_tail[qid] = 0, own
                            await b.ring(qid, cq, own, 0, wait=False)
                            await b.idle(LOWER)
                        b.sq_head[qid] = b.cq_tail[qid] = other
                        await b.ring(qid, cq, val, 5, wait=False)
                        await b.idle(UPPER if cq else LOWER)
    await b.idle(UPPER)
    b.board.end(400)


@cocotb.test()
async def halves_and_strobes(dut):
    """Stimulus: the word of the first pair's doorbells with every strobe; the words around doorbells; low address bits at random.
    Checking: scoreboard: whole halves at a doorbell's place count, the lower one first; nothing else happens."""
    b = await bench(dut)
    qid = min(1, b.queues)
    b.hot = [qid]
    for cq in (False, True):
        await b.cfg(qid, cq, True, 4095, 3)
    b.cq_tail[qid] = 4095
    for cq in (False, True) if b.dstrd else (False,):
        for strb in range(256):
            sq, head = b.board.model.tail(qid), b.board.model.head(qid)
            low = head if cq else sq
            data = (head if b.dstrd == 0 else low) + 1 << 32 | low + 1
            await b.write(b.place(qid, cq) & ~7 | b.rng.getrandbits(3), data, strb, 3)
            await b.idle(UPPER)  # the model knows what came of it
    await b.idle(UPPER)
    assert b.board.model.tail(qid) == 16 and b.board.model.head(qid) == 16
    places = [b.place(q, cq) + step for q in (0, qid, b.queues) for cq in (False, True) for step in (-8, 4, 8, 16, 2 << b.dstrd)]
    places += [0x1000, 0xFFFF8] + [b.rng.randrange(0x1000, 0x100000) for _ in range(120)]
    for addr in places:
        if 0x1000 <= addr < 0x100000:
            await b.write(addr, b.rng.getrandbits(64), b.rng.choice([0xFF, 0x0F, 0xF0]), b.rng.choice([0, 3]))
    await b.idle(UPPER)
    b.board.end(300)


@cocotb.test()
async def fastest(dut):
    """Stimulus: a write every third cycle, both doorbells of a pair in a word where they lie so, one queue and several.
    Checking: scoreboard; each ring sees the one before it."""
    b = await bench(dut)
    b.hot = [0, b.queues]
    for qid in b.hot:
        for cq in (False, True):
            await b.cfg(qid, cq, True, 4, 0)
    now = dict.fromkeys(((q, cq) for q in b.hot for cq in (False, True)), 0)
    for k in range(120):
        qid = b.hot[k // 40 % 2] if k < 80 else b.rng.choice(b.hot)
        ring = (False, True) if b.dstrd == 0 else (bool(k & 1),)
        data = 0
        for cq in ring:
            # the others' pointers allow one entry
            if cq:
                b.cq_tail[qid] = (now[qid, cq] + 1) % 5
            else:
                b.sq_head[qid] = (now[qid, cq] + 2) % 5
            now[qid, cq] = (now[qid, cq] + 1) % 5
            data |= now[qid, cq] << (32 * cq if b.dstrd == 0 else 0)
        await b.write(b.place(qid, ring[0]), data, 0xFF if b.dstrd == 0 else 0x0F)
    await b.idle(UPPER)
    rung = [e for e in b.board.seen if isinstance(e, (SqRung, CqRung))]
    assert len(rung) == len(b.board.seen) == (240 if b.dstrd == 0 else 120)
    b.board.end(100)


@cocotb.test()
async def set_up_and_rings_collide(dut):
    """Stimulus: a queue is set up anew (smaller), or deleted, in each cycle around a ring of it; other queues are set up at any time.
    Checking: early, the ring is one of the new queue; in the cycles before its event it vanishes; from its event on, it was one of the
    old queue. The pointer is what came of it."""
    b = await bench(dut)
    qid = b.queues
    b.hot = [qid]
    for cq in (False, True):
        latency = UPPER if b.place(qid, cq) & 4 else LOWER
        rung = CqRung if cq else SqRung
        for valid, user, val in itertools.product((True, False), (0, 2, 4), (1, 2, 6)):
            for delay in range(-3, 6):
                await b.cfg(qid, cq, True, 7, 2)
                b.cq_tail[qid] = 6
                await b.ring(qid, cq, 5)
                b.sq_head[qid] = 5
                b.board.forget()
                b.watch = False
                addr, got = b.place(qid, cq), []
                half = addr >> 2 & 1
                for cycle in range(-3, 9):
                    write = Write(addr, val << 32 * half, 0xF << 4 * half, user) if cycle == 0 else None
                    cfg = Cfg(qid, cq, valid, 2, 4) if cycle == delay else None
                    got += await b.step(write, cfg)
                    if cycle == delay:
                        b.sq_head[qid], b.cq_tail[qid] = 0, 1
                dut.t_qid.value = dut.h_qid.value = qid
                await FallingEdge(dut.clk)
                pointer = value(dut.h_head if cq else dut.t_tail) if valid else 0
                await RisingEdge(dut.clk)
                old = Foreign(user) if user == 4 else rung(qid, 6) if val == 6 else Refused(qid, cq, VALUE, user)
                if cq and val != 6:
                    old = Foreign(user) if user == 4 else Refused(qid, cq, VALUE, user)
                if not cq and user != 4:  # tail 5, head 5: 7 may be added
                    old = rung(qid, val)
                if not valid:
                    new = Foreign(user) if user else Refused(qid, cq, REGISTER, 0)
                elif user == 2:
                    new = Foreign(user)
                elif val == 6 or (cq and val == 2):
                    new = Refused(qid, cq, VALUE, user)
                else:
                    new = rung(qid, val)
                moved = val if isinstance(new, rung) else 0
                if delay < latency - LOOKED:
                    want = [[[new], moved]]
                elif delay == latency - LOOKED:  # the new queue, but what the others show is still the old one's
                    want = [[[new], moved], [[], 0]]
                    if valid and user != 2 and val != 6:
                        want += [[[rung(qid, val)], val], [[Refused(qid, cq, VALUE, user)], 0]]
                else:
                    want = [[[], 0]] if delay < latency else [[[old], 0]]
                assert [got, pointer] in want, f"cq {cq} {val} by {user}, set up {delay} cycles later: {got}, {pointer}, not {want}"
                b.watch = True
                b.board.model.configure(qid, cq, valid, 2, 4)
                b.board.queue(qid, cq).pointer = pointer
                b.board.seen += got
    for k in range(60):  # others
        if k % 10 == 0:
            for cq in (False, True):
                await b.cfg(qid, cq, True, 7, 2)
        other = b.rng.randrange(max(1, b.queues))
        delay = b.rng.randrange(6)
        cq = b.rng.random() < 0.5
        b.sq_head[qid], b.cq_tail[qid] = b.board.model.tail(qid), (b.board.model.head(qid) + 1) % 8
        await b.ring(qid, cq, (b.board.queue(qid, cq).pointer + 1) % 8, 2, wait=False)
        await b.idle(delay)
        await b.cfg(other, b.rng.random() < 0.5, b.rng.random() < 0.7, b.rng.randrange(1, 4096), b.rng.getrandbits(2))
        await b.idle(UPPER)
    b.board.end()


@cocotb.test()
async def reset_in_flight(dut):
    """Stimulus: reset in each cycle after rings. Checking: no event afterwards, no queue is there; set up, it works."""
    b = await bench(dut)
    qid = b.queues
    b.hot = [0, qid]
    for delay in range(0, 6):
        for q in b.hot:
            for cq in (False, True):
                await b.cfg(q, cq, True, 4095, 1)
            b.cq_tail[q] = 9
            await b.ring(q, False, 5, wait=False)
            await b.ring(q, True, 7, wait=False)
        await b.idle(delay)
        await b.reset()
        assert await b.idle(6) == []
        for q in b.hot:
            for cq in (False, True):
                assert await b.ring(q, cq, 1) == [Refused(q, cq, REGISTER, 0)]
                await b.cfg(q, cq, True, 3, 0)
        b.cq_tail[qid] = 1
        assert await b.ring(qid, False, 1) == [SqRung(qid, 1)] and await b.ring(qid, True, 1) == [CqRung(qid, 1)]
    b.board.end()


@cocotb.test()
async def inputs_while_busy(dut):
    """Stimulus: rings and set-ups in each cycle in which `busy` is up after a reset.
    Checking: nothing comes of them, then and later."""
    b = await bench(dut)
    b.hot = list(range(min(b.qn, 4))) + [b.queues]
    for turn in range(3):
        for q in b.hot:
            await b.cfg(q, False, True, 7, 0)
        await b.reset(wait=False)
        b.watch, events, cycle = False, [], 0
        while True:
            q = b.rng.choice(b.hot)
            ring = cycle % 3 == turn
            write = Write(b.place(q, False), b.rng.randrange(8), 0x0F, b.rng.choice([0, 0, 1]))
            dut.wr.value = int(ring)
            dut.wr_addr.value, dut.wr_data.value, dut.wr_strb.value, dut.wr_user.value = write
            dut.cfg_we.value = cycle & 1
            dut.cfg_qid.value, dut.cfg_cq.value, dut.cfg_valid.value, dut.cfg_size.value, dut.cfg_func.value = q, 0, 1, 7, 0
            await FallingEdge(dut.clk)
            busy = b.busy
            if not busy:
                dut.wr.value = dut.cfg_we.value = 0  # at the falling edge: this cycle's inputs would count
            events += b._sample()
            await RisingEdge(dut.clk)
            cycle += 1
            if not busy:
                break
        events += await b.idle(UPPER + 1)
        assert not events, f"{events} of a ring while busy"
        b.watch = True
        for q in dict.fromkeys(b.hot):
            assert await b.ring(q, False, 1) == [Refused(q, False, REGISTER, 0)], "set up while busy"
    b.board.end(10)


def some_value(rng: random.Random, size: int, pointer: int, limit: int) -> int:
    """A value to ring: sound ones, edges, out of range."""
    kind = rng.random()
    if kind < 0.6 and limit:
        step = rng.choice([1, limit, rng.randint(1, limit)])
        return (pointer + step) % (size + 1)
    edges = [pointer, (pointer + limit + 1) % (size + 1), size, size + 1, 0, 0xFFFF, pointer | 0x1000, rng.getrandbits(16)]
    return rng.choice(edges)


@cocotb.test()
async def anything(dut):
    """Stimulus: queues come and go with any size; rings at any distance, for all users, at all places, with all strobes; the heads and
    tails of others move at any time.
    Checking: scoreboard; each kind of outcome was met."""
    b = await bench(dut)
    rng, m = b.rng, b.board.model
    hot = sorted({0, b.queues, *(rng.randrange(b.qn) for _ in range(4))})
    b.hot = hot
    ring_at = dict.fromkeys(((q, cq) for q in range(b.qn) for cq in (False, True)), -99)
    funcs = [0, 1, (1 << b.func_w) - 1, rng.getrandbits(b.func_w)]
    for _ in range(3200):
        write = cfg = None
        if b.cycle - b.last_write >= 2 and rng.random() < 0.6:
            q, cq = rng.choice(hot), rng.random() < 0.5
            queue = b.board.queue(q, cq)
            size = queue.size or 1
            if cq:
                limit = entries(queue.pointer, b.cq_tail[q], size)
            else:
                limit = size - entries(b.sq_head[q], queue.pointer, size)
            data = some_value(rng, size, queue.pointer, limit) | rng.getrandbits(16) << 16
            addr = b.place(q, cq)
            half = addr >> 2 & 1
            data = data << 32 * half | rng.getrandbits(64) & 0xFFFFFFFF << 32 * (1 - half)
            strb = rng.choices([0xF << 4 * half, 0xFF, rng.getrandbits(8)], [6, 3, 1])[0]
            where = rng.random()
            if where < 0.05:
                addr = rng.randrange(0x1000, 0x100000)
            elif where < 0.08:
                addr = min(b.place(rng.randrange(b.qn, 4 * b.qn), cq), 0xFFFF8)
            user = rng.choices([0, queue.func, rng.choice(funcs)], [3, 5, 1])[0]
            write = Write(addr & ~7 | rng.getrandbits(3), data, strb, user)
            ring_at[q, False] = ring_at[q, True] = b.cycle
            if where < 0.08:  # it may have hit any queue
                ring_at = dict.fromkeys(ring_at, b.cycle)
        if b.cycle - b.last_cfg >= 1 and rng.random() < 0.06:
            q, cq = rng.choice(hot), rng.random() < 0.5
            if b.cycle - ring_at[q, cq] > UPPER:
                size = rng.choice([1, 2, 3, 7, 4095, rng.randrange(1, 4096)])
                cfg = Cfg(q, cq, rng.random() < 0.8, size, rng.choice(funcs))
        q = rng.choice(hot)
        if rng.random() < 0.3 and m.sqs[q].valid:
            used = entries(b.sq_head[q], m.tail(q), m.sqs[q].size)
            b.sq_head[q] = (b.sq_head[q] + rng.choice([used, rng.randint(0, used)])) % (m.sqs[q].size + 1)
        if rng.random() < 0.3 and m.cqs[q].valid:
            room = m.cqs[q].size - entries(m.head(q), b.cq_tail[q], m.cqs[q].size)
            b.cq_tail[q] = (b.cq_tail[q] + rng.choice([room, rng.randint(0, room)])) % (m.cqs[q].size + 1)
        await b.step(write, cfg)
    await b.idle(UPPER + 1)
    kinds = {(type(e).__name__, getattr(e, "cq", None), getattr(e, "code", None)) for e in b.board.seen}
    assert len(kinds) == 7, f"only {kinds} came"
    assert b.board.ignored > 50 and sum(isinstance(e, SqRung) for e in b.board.seen) > 100
    b.board.end(1000)


SETS = [(1, 4, 4), (16, 0, 8), (128, 9, 12)]


@pytest.mark.unit
@pytest.mark.parametrize("queues, dstrd, func_w", [
    SETS[0], SETS[1], pytest.param(*SETS[2], marks=pytest.mark.sweep_icarus),
    pytest.param(128, 0, 8, marks=pytest.mark.sweep),
])
def test_crl_nvme_db(sim, queues, dstrd, func_w):
    """Stimulus and checking: see the cocotb tests above."""
    run_sim("crl_nvme_db", __name__, {"QUEUES": queues, "DSTRD": dstrd, "FUNC_W": func_w}, sim=sim)


# The scoreboard, without a simulator.


def play(spoil=None) -> None:
    """Rings of a pair with DSTRD 0, as they should be but for `spoil`, which changes the list of (cycle, event)."""
    model = Doorbells(2, 0, lambda q: 0, lambda q: 3)
    board = Board(2, 0)
    others = ((0, 0, 0), (3, 3, 3))
    timed: list[tuple[int, Event]] = []
    writes = {}
    for k, (data, strb, user) in enumerate(
        [(2, 0x0F, 1), (2 << 32 | 3, 0xFF, 1), (9, 0x0F, 1), (5, 0x0F, 3), (7 << 32, 0xF0, 0), (1, 0x0E, 0), (4, 0x0F, 0)]
    ):
        writes[8 + 3 * k] = Write(0x1008, data, strb, user)
    for q in (model, board.model):
        q.configure(1, False, True, 7, 1)
        q.configure(1, True, True, 7, 1)
    for cycle, w in writes.items():
        for half, late in ((0x0F, LOWER), (0xF0, UPPER)):
            timed += [(cycle + late, e) for e in model.write(w.addr, w.data, w.strb & half, w.user)]
    tails = {}
    for cycle, event in timed:
        tails |= {cycle: event.tail} if isinstance(event, SqRung) else {}
    if spoil is not None:
        timed = spoil(timed)
    tail = 0
    for cycle in range(40):
        look = Look(1, tail, 1, board.model.head(1)) if cycle % 3 == 0 and spoil is not stuck else None
        if spoil is stuck:
            look = Look(1, 0, 1, board.model.head(1))
        board.cycle(writes.get(cycle), None, others, [e for n, e in timed if n == cycle], look)
        tail = tails.get(cycle, tail)
    board.end(5)


def stuck(timed):
    """The look-up port stays at 0."""
    return timed


def changed(kind, **fields):
    """The first event of a kind, with something changed."""

    def spoil(timed):
        k = next(k for k, (_, e) in enumerate(timed) if isinstance(e, kind))
        n, e = timed[k]
        return [*timed[:k], (n, type(e)(**(vars(e) | fields))), *timed[k + 1 :]]

    return spoil


def test_scoreboard_passes():
    """Stimulus: what should come, comes. Checking: no complaint."""
    play()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda t: t[1:], lambda t: t[:-1], lambda t: [*t, t[-1]], lambda t: [*t, (38, Foreign(1))],
        lambda t: [(n + 1, e) for n, e in t], lambda t: [(n - 1, e) for n, e in t], lambda t: [],
        changed(SqRung, tail=1), changed(SqRung, qid=2), changed(CqRung, head=1), changed(Refused, code=REGISTER),
        changed(Refused, func=0), changed(Refused, cq=True), changed(Foreign, func=1), stuck,
    ],
    ids=[
        "first lost", "last lost", "twice", "invented", "late", "early", "silent", "tail", "queue", "head", "code", "who", "which",
        "function", "stuck port",
    ],
)
def test_scoreboard_fails(spoil):
    """Stimulus: an event lost, doubled, invented, late, early or changed; a port that stands still. Checking: the scoreboard fails."""
    with pytest.raises(AssertionError):
        play(spoil)


def test_nothing_compared_fails():
    """Stimulus: nothing. Checking: the scoreboard fails."""
    with pytest.raises(AssertionError):
        Board(2, 0).end()
