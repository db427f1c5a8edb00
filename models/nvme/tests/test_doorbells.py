# SPDX-License-Identifier: Apache-2.0
"""The doorbell model: against rings that are kept as lists of slots, and rule by rule."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.layout import NvmeAerErr
from models.nvme.doorbells import (
    CqRung,
    Doorbells,
    Foreign,
    Refused,
    SqRung,
    entries,
    place,
)

pytestmark = pytest.mark.model

REGISTER, VALUE = NvmeAerErr.BAD_DB_REGISTER, NvmeAerErr.BAD_DB_VALUE


class NaiveRing:
    """A ring as a list of slots, each of which is full or not; no arithmetic on pointers."""

    def __init__(self, slots: int) -> None:
        self.full = [False] * slots
        self.put_at = self.take_at = 0

    def next(self, at: int) -> int:
        return 0 if at + 1 == len(self.full) else at + 1

    def put(self) -> None:
        assert not self.full[self.put_at]
        self.full[self.put_at] = True
        self.put_at = self.next(self.put_at)

    def take(self) -> None:
        assert self.full[self.take_at]
        self.full[self.take_at] = False
        self.take_at = self.next(self.take_at)

    def may_put_to(self, end: int) -> bool:
        """Could entries be put one after the other until the pointer is at `end`, one slot staying free?"""
        at, free = self.put_at, self.full.count(False)
        if end >= len(self.full) or end == at:
            return False
        while at != end:
            free -= 1
            if self.full[at] or free == 0:
                return False
            at = self.next(at)
        return True

    def may_take_to(self, end: int) -> bool:
        """Could entries be taken until the pointer is at `end`?"""
        at = self.take_at
        if end >= len(self.full) or end == at:
            return False
        while at != end:
            if not self.full[at]:
                return False
            at = self.next(at)
            if at == self.take_at:
                return False
        return True


def make(
    queues: int = 2, dstrd: int = 0, sq_head: dict | None = None, cq_tail: dict | None = None
) -> Doorbells:
    heads, tails = sq_head or {}, cq_tail or {}
    return Doorbells(queues, dstrd, lambda q: heads.get(q, 0), lambda q: tails.get(q, 0))


def at(dstrd: int, qid: int, cq: bool) -> int:
    return 0x1000 + (2 * qid + cq) * (4 << dstrd)


def ring(db: Doorbells, qid: int, cq: bool, value: int, user: int = 0) -> list:
    addr = at(db.dstrd, qid, cq)
    half = addr >> 2 & 1
    return db.write(addr & ~7, value << 32 * half, 0xF << 4 * half, user)


@given(
    st.integers(1, 9),
    st.lists(
        st.tuples(st.sampled_from(["ring", "take"]), st.integers(0, 12)), min_size=1, max_size=60
    ),
)
def test_sq_against_slots(size: int, steps: list) -> None:
    """Stimulus: rings of all values, entries fetched in between.
    Checking: accepted exactly when a ring of slots can take the entries one by one."""
    naive, head = NaiveRing(size + 1), {1: 0}
    db = make(sq_head=head)
    db.configure(1, False, True, size, 0)
    for what, n in steps:
        if what == "ring":
            ok = naive.may_put_to(n)
            assert ring(db, 1, False, n) == [SqRung(1, n) if ok else Refused(1, False, VALUE, 0)]
            while ok and naive.put_at != n:
                naive.put()
        else:
            for _ in range(min(n, naive.full.count(True))):
                naive.take()
            head[1] = naive.take_at
        assert db.tail(1) == naive.put_at


@given(
    st.integers(1, 9),
    st.lists(
        st.tuples(st.sampled_from(["ring", "post"]), st.integers(0, 12)), min_size=1, max_size=60
    ),
)
def test_cq_against_slots(size: int, steps: list) -> None:
    """Stimulus: rings of all values, entries posted in between.
    Checking: accepted exactly when a ring of slots has the entries."""
    naive, tail = NaiveRing(size + 1), {2: 0}
    db = make(cq_tail=tail)
    db.configure(2, True, True, size, 0)
    for what, n in steps:
        if what == "ring":
            ok = naive.may_take_to(n)
            assert ring(db, 2, True, n) == [CqRung(2, n) if ok else Refused(2, True, VALUE, 0)]
            while ok and naive.take_at != n:
                naive.take()
        else:
            for _ in range(min(n, size - naive.full.count(True))):
                naive.put()
            tail[2] = naive.put_at
        assert db.head(2) == naive.take_at


@given(st.integers(0, 4095), st.integers(0, 4095), st.integers(1, 4095))
def test_entries(first: int, count: int, size: int) -> None:
    """Stimulus: any step in any ring. Checking: counted by walking."""
    first, count = first % (size + 1), count % (size + 1)
    end = first
    for _ in range(count % 50):
        end = 0 if end == size else end + 1
    assert entries(first, end, size) == count % 50


@given(st.integers(0, 9), st.integers(0, 0xFFFFC))
def test_place(dstrd: int, offset: int) -> None:
    """Stimulus: any offset. Checking: exactly those of the formula are places."""
    offset &= ~3
    span = 0x100000 - 0x1000
    found = place(offset, dstrd)
    if found is None:
        assert offset < 0x1000 or (offset - 0x1000) % (4 << dstrd)
    else:
        assert at(dstrd, *found) == offset and found[0] < span


@pytest.mark.parametrize("dstrd", range(10))
def test_halves_and_strobes(dstrd: int) -> None:
    """Stimulus: both halves of the doorbells of queue 1 with every strobe.
    Checking: a half counts with all its strobes, the lower first, and only at a doorbell's place."""
    for strb in range(256):
        for user in (0, 7):
            db = make(dstrd=dstrd, cq_tail={1: 4})
            db.configure(1, False, True, 7, 7)
            db.configure(1, True, True, 7, 7)
            got = db.write(at(dstrd, 1, False) | strb & 7, 0xABCD0003_12340005, strb, user)
            want = [SqRung(1, 5)] if strb & 0xF == 0xF else []
            if strb >> 4 == 0xF and dstrd == 0:
                want.append(CqRung(1, 3))
            assert got == want


def test_order_of_checks() -> None:
    """Stimulus: doorbells with several faults. Checking: the first rule decides, nothing moves."""
    db = make(cq_tail={1: 2})
    for qid in (1, 2, 3, 4, 1000):
        for cq in (False, True):
            assert ring(db, qid, cq, 0xFFFF) == [Refused(qid & 3, cq, REGISTER, 0)]
            assert ring(db, qid, cq, 1, 9) == [Foreign(9)]
    db.configure(1, False, True, 3, 5)
    assert ring(db, 1, True, 1) == [Refused(1, True, REGISTER, 0)], "the SQ is there, not the CQ"
    db.configure(1, True, True, 3, 6)
    for cq, owner, other in ((False, 5, 6), (True, 6, 5)):
        assert ring(db, 1, cq, 0xFFFF, other) == [Foreign(other)]
        assert ring(db, 1, cq, 4, owner) == [Refused(1, cq, VALUE, owner)]
        assert ring(db, 1, cq, 0x8001, 0) == [Refused(1, cq, VALUE, 0)]
        assert ring(db, 1, cq, 0, 0) == [Refused(1, cq, VALUE, 0)]
        assert ring(db, 1, cq, 0x10001, owner) == [CqRung(1, 1) if cq else SqRung(1, 1)], (
            "bits 31:16 are ignored"
        )
    assert (db.tail(1), db.head(1)) == (1, 1)
    db.configure(1, False, True, 3, 5)
    assert (db.tail(1), db.head(1)) == (0, 1)
    db.configure(1, True, False)
    assert ring(db, 1, True, 1, 6) == [Foreign(6)]


def test_numbers_of_queues() -> None:
    """Stimulus: 1, 16 and 128 queues. Checking: what a refusal shows of a number that is too large."""
    for queues, qw in ((1, 1), (16, 5), (128, 8)):
        db = make(queues)
        assert db.qw == qw
        last = db.queues
        db.configure(last, False, True, 1, 0)
        assert ring(db, last, False, 1) == [SqRung(last, 1)]
        assert ring(db, last + 1, False, 1) == [
            Refused(last + 1 & (1 << qw) - 1, False, REGISTER, 0)
        ]
        db.reset()
        assert ring(db, last, False, 1) == [Refused(last, False, REGISTER, 0)]
