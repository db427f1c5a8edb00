# SPDX-License-Identifier: Apache-2.0
"""Submission entries of the NVMe model: bursts, order, slots, errors, stop."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.layout import NvmeSqe
from models.nvme.fetch import BURST_MAX, DEPTHS, ENTRY, PAGE, Burst, Done, Fetch, Fetched, Lost

pytestmark = pytest.mark.model

BASE = 0x7000


def one(size: int, depth: int = 16, at: int = 0, base: int = BASE) -> Fetch:
    """SQ 1, empty, its pointers moved to entry `at`."""
    f = Fetch(3, depth)
    f.setup(1, base=base, size=size, func=5)
    q = f.sq[1]
    q.tail = q.requested = q.answered = at
    return f


@given(
    st.integers(1, 60), st.sampled_from(DEPTHS), st.integers(0, 1 << 32), st.booleans(), st.booleans()
)
def test_every_entry_once_in_order(size: int, depth: int, seed: int, errors: bool, stops: bool) -> None:
    """Stimulus: a host that writes numbered entries and reuses one when SQHD has passed it; grants, partial reservations, bursts, answers,
    departures in random order; error answers; stop. Checking: each entry leaves or is lost once, in order, with what the host wrote; slots
    asked for = entries that leave + given back; never more than DEPTH under way; d_more tells of the rest."""
    rng = Random(seed)
    f = one(size, depth)
    q = f.sq[1]
    memory: dict[int, bytes] = {}
    written = seen = reserved = back = left = 0
    g = None
    for _ in range(60 * (size + 1)):
        what = rng.randrange(8)
        if what == 0:
            room = size - (q.tail - q.answered)
            for _ in range(rng.randint(0, room)):
                memory[BASE + ENTRY * (written % q.depth)] = NvmeSqe(cid=written & 0xFFFF, cdw15=written).pack()
                written += 1
            f.ring(1, written % q.depth)
            assert q.tail == written
        elif what == 1 and g is None and not f.stop:
            g = f.grant(1, rng.choice((1, 3, 128)))
        elif what == 2 and g is not None and g.got is None and not f.stop:
            want = f.want(g)
            assert want == min(q.there, g.g_max, f.room)
            if want:
                got = rng.choice((0, want, rng.randint(0, want)))
                f.reserve(g, got)
                reserved += got
        elif what in (3, 4) and g is not None and g.left and not f.stop:
            f.request(g)
        elif what == 5 and g is not None:
            over = f.stop or (g.got is not None and not g.left) or not q.there
            if not over:
                with pytest.raises(ValueError, match="has entries to read"):
                    f.finish(g)
                continue
            d = f.finish(g)
            assert d.count == g.count and d.count + d.unused == (g.got or 0)
            assert d.more == (q.there > 0) or (f.stop and d.more)
            assert d.park == (g.got == 0)
            back += d.unused
            g = None
        elif what == 6 and f.flying:
            b = f.flying[0]
            bad = errors and rng.random() < 0.2
            data = b"".join(memory[b.addr + ENTRY * n] for n in range(b.count))
            lost = f.answer(ok=not bad, data=data)
            assert (lost is not None) == bad
            if lost:
                assert lost == Lost(1, b.count)
                back += b.count
        elif what == 7 and f.held:
            e = f.leave()
            sqe = NvmeSqe.unpack(e.sqe)
            assert sqe.cdw15 == e.index and e.index >= seen
            assert errors or e.index == seen
            seen, left = e.index + 1, left + 1
        if stops and rng.random() < 0.1:
            f.stop = not f.stop
        f.check()
    under_way = f.in_flight + (g.left if g else 0)
    assert reserved == left + back + under_way
    assert left or errors or reserved == 0 or under_way


@given(st.integers(1, 300), st.integers(0, 5000), st.integers(1, 64), st.integers(0, 3))
def test_bursts(size: int, at: int, count: int, page: int) -> None:
    """Stimulus: any queue, place and number of entries. Checking: the bursts cover these entries in order; each is cut exactly where the next
    entry lies in another page, in slot 0, or is the ninth."""
    f = one(size, 64, at, BASE + PAGE * page)
    q = f.sq[1]
    count = min(count, size)
    f.ring(1, (at + count) % q.depth)
    bursts: list[Burst] = []

    def read(b: Burst) -> bytes:
        bursts.append(b)
        return bytes(b.nbytes)

    done, out = f.serve(1, 128, read)
    assert done == Done(1, count, False, False)
    assert [e.index for e in out] == list(range(at, at + count))
    places = [b.addr + ENTRY * n for b in bursts for n in range(b.count)]
    assert places == [q.base + ENTRY * (n % q.depth) for n in range(at, at + count)]
    for b, nxt in zip(bursts, [*bursts[1:], None], strict=True):
        assert 1 <= b.count <= BURST_MAX and b.user == 5
        assert b.addr // PAGE == (b.addr + b.nbytes - 1) // PAGE
        assert b.addr + b.nbytes <= q.base + ENTRY * q.depth
        if nxt:
            reasons = (b.count == BURST_MAX, nxt.addr % PAGE == 0, nxt.addr == q.base)
            assert any(reasons)
    assert q.head == q.sqhd == (at + count) % q.depth


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("g_max", [1, 2, 7, 8, 9, 15, 16, 17, 63, 64, 65, 127, 128])
def test_how_many(depth: int, g_max: int) -> None:
    """Stimulus: more entries than anything allows. Checking: the smallest of entries, g_max and room is asked for; with no room nothing."""
    f = one(500, depth)
    f.ring(1, 300)
    g = f.grant(1, g_max)
    assert f.want(g) == min(g_max, depth)
    f.reserve(g, f.want(g))
    while f.next_burst(g):
        f.request(g)
    assert f.finish(g) == Done(1, min(g_max, depth), True, False)
    g = f.grant(1, g_max)
    assert f.want(g) == min(g_max, depth - min(g_max, depth))


def test_slots() -> None:
    """Stimulus: none, some, all slots; an empty queue. Checking: d_cnt, d_more, d_park."""
    f = one(20)
    assert f.serve(1, 8, lambda b: bytes(b.nbytes)) == (Done(1, 0, False, False), [])
    f.ring(1, 6)
    assert f.serve(1, 8, lambda b: bytes(b.nbytes), slots=0) == (Done(1, 0, True, True), [])
    done, out = f.serve(1, 8, lambda b: bytes(b.nbytes), slots=2)
    assert done == Done(1, 2, True, False) and len(out) == 2
    assert f.serve(1, 8, lambda b: None)[1] == [Lost(1, 4)]
    assert f.sq[1].head == f.sq[1].sqhd == 6 and f.idle


def test_heads() -> None:
    """Stimulus: a burst that is requested and not answered. Checking: the head for doorbells is past it, that for completions is not."""
    f = one(20)
    f.ring(1, 6)
    g = f.grant(1, 8)
    f.reserve(g, 6)
    f.request(g)
    assert (f.sq[1].head, f.sq[1].sqhd) == (6, 0)
    f.answer(ok=True, data=bytes(6 * ENTRY))
    assert (f.sq[1].head, f.sq[1].sqhd) == (6, 6)
    assert f.leave() == Fetched(1, 0, bytes(ENTRY))


@given(st.integers(0, 12), st.integers(0, 2))
def test_stop(slots: int, bursts: int) -> None:
    """Stimulus: stop after none, some or all bursts of a grant. Checking: what was requested counts, the rest of the slots goes back."""
    f = one(100, 16)
    f.ring(1, 30)
    g = f.grant(1, 12)
    f.reserve(g, slots)
    for _ in range(bursts):
        if f.next_burst(g):
            f.request(g)
    count = min(slots, 8 * bursts)
    f.stop = True
    if g.left:
        with pytest.raises(ValueError, match="stop"):
            f.request(g)
    assert f.finish(g) == Done(1, count, True, slots == 0, slots - count)
    while f.flying:
        f.answer(ok=True, data=bytes(f.flying[0].nbytes))
    while f.held:
        f.leave()
    assert f.idle and f.room == f.depth


def test_refusals() -> None:
    """Stimulus: what the neighbours never do. Checking: an error."""
    f = one(7)
    for bad in (
        lambda: Fetch(1, 12),
        lambda: f.setup(1, base=0x1010, size=7),
        lambda: f.setup(1, base=0x1000, size=4096),
        lambda: f.grant(1, 0),
        lambda: f.grant(1, 129),
        lambda: f.grant(2, 1),
        lambda: f.ring(2, 1),
    ):
        with pytest.raises(ValueError):
            bad()
    f.ring(1, 7)
    with pytest.raises(ValueError, match="entries more"):
        f.ring(1, 0)
    g = f.grant(1, 4)
    for want, got in ((5, 5), (0, 0), (4, 5)):
        with pytest.raises(ValueError):
            f.reserve(g, got, want)
    f.reserve(g, 4)
    f.request(g)
    with pytest.raises(ValueError, match="nothing is left"):
        f.request(g)
    for change in (lambda: f.setup(1, base=0, size=1), lambda: f.delete(1), lambda: f.grant(1, 1)):
        with pytest.raises(ValueError):
            change()
    with pytest.raises(ValueError, match="bytes"):
        f.answer(ok=True, data=b"")
    f.stop = True
    with pytest.raises(ValueError, match="stop"):
        f.setup(2, base=0, size=1)
        f.grant(2, 1)
