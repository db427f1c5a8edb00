# SPDX-License-Identifier: Apache-2.0
"""The search for an order of atomics and writes, against trying all orders."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.events import AxiRead, AxiWrite
from models.rdma.linear import Atomic, Effect, Exchange, Store, explain, linearise, on_the_bus

pytestmark = pytest.mark.model

times = st.tuples(st.integers(0, 9), st.integers(0, 6)).map(lambda x: (x[0], x[0] + x[1]))
small = st.integers(0, 3)


@st.composite
def effects(draw: st.DrawFn) -> list[Effect]:
    out: list[Effect] = []
    for k in range(draw(st.integers(0, 5))):
        t0, t1 = draw(times)
        sure = draw(st.booleans()) or draw(st.booleans())
        if draw(st.booleans()):
            at = draw(st.sampled_from([0, 0, 1]))
            out.append(Store(t0, t1, at, bytes([draw(small)]), sure, f"s{k}"))
        else:
            swap = draw(st.none() | small)
            old = draw(st.none() | st.integers(0, 4))
            out.append(Atomic(t0, t1, draw(small), swap, old, sure, f"a{k}"))
    return out


def by_trying(initial: int, todo: list[Effect], final: int | None) -> bool:
    """All subsets with what is sure, in all orders that the intervals allow."""
    loose = [i for i, e in enumerate(todo) if not e.sure]
    for k in range(len(loose) + 1):
        for out in itertools.combinations(loose, k):
            some = [e for i, e in enumerate(todo) if i not in out]
            for order in itertools.permutations(some):
                if any(b.t1 < a.t0 for a, b in itertools.combinations(order, 2)):
                    continue
                value: int | None = initial
                for e in order:
                    value = e.apply(value)
                    if value is None:
                        break
                if value is not None and final in (None, value):
                    return True
    return False


@given(small, effects(), st.none() | st.integers(0, 0x103))
def test_search_equals_trying(initial: int, todo: list[Effect], final: int | None) -> None:
    """Stimulus: a few effects with overlapping intervals, some of which may not have happened.
    Checking: found exactly when trying all finds one; what is found is an order of them."""
    got = linearise(initial, todo, final)
    assert (got is not None) == by_trying(initial, todo, final)
    if got is not None:
        value: int | None = initial
        for a, b in itertools.combinations(got, 2):
            assert b.t1 >= a.t0
        for e in got:
            value = e.apply(value)
            assert value is not None
        assert final in (None, value) and {e for e in todo if e.sure} <= set(got)


def test_lost_update_is_noticed() -> None:
    """Stimulus: two additions that both returned 5; a write between read and write of an atomic, gone.
    Checking: no order; one after the other has one."""
    a, b = Atomic(0, 9, 1, None, 5), Atomic(3, 12, 1, None, 5)
    assert "no order" in (explain(5, [a, b], 6) or "")
    assert explain(5, [a, Atomic(3, 12, 1, None, 6)], 7) is None
    w = Store(2, 4, 0, bytes(8))
    assert explain(5, [Atomic(0, 9, 1, None, 5), w], 6) and not explain(5, [a, w], 0)
    assert not explain(5, [Atomic(0, 9, 1, None, 0), w], 1)


def test_compare_and_swap() -> None:
    """Stimulus: one that matches, one that does not, and what nobody was told. Checking: values and order."""
    hit, miss = Atomic(0, 1, 5, 9, 5), Atomic(2, 3, 5, 7, 9)
    assert linearise(5, [miss, hit], 9) == [hit, miss]
    assert linearise(5, [hit, miss], 7) is None
    lost = Atomic(0, 99, 9, 1, None, sure=False)
    assert linearise(5, [hit, lost], 9) == [hit] and linearise(5, [hit, lost], 1) == [hit, lost]


def test_addition_wraps() -> None:
    """Stimulus: -1, and 2^64 - 1 + 1. Checking: modulo 2^64."""
    assert not explain(0, [Atomic(0, 1, (1 << 64) - 1, None, 0)], (1 << 64) - 1)
    assert not explain((1 << 64) - 1, [Atomic(0, 1, 1, None, (1 << 64) - 1)], 0)


@pytest.mark.parametrize("beat", [8, 32])
def test_from_the_memory_port(beat: int) -> None:
    """Stimulus: bursts of a port: an atomic unit's read and write of a cell, an engine's write of a part of it before,
    between and after, writes elsewhere, a failed one. Checking: between read and write there is no order, unless it may have
    come before the read or after the write; others don't count."""
    cell, unit = 0x1010, (7, 6)
    base = cell - cell % beat

    def read(t: int, value: int) -> AxiRead:
        data = bytes(cell - base) + value.to_bytes(8, "little") + bytes(beat - 8 - (cell - base))
        return AxiRead("B", t, t + 5, unit[0], cell, 1, beat, 3, data)

    def write(t: int, at: int, raw: bytes, ident: int = 0, resp: int = 0, t_resp: int | None = None) -> AxiWrite:
        first = at - base
        data = bytes(first) + raw + bytes(-(first + len(raw)) % beat)
        strb = ((1 << len(raw)) - 1) << first
        return AxiWrite("B", t, t + 1, t_resp or t + 4, ident, at, len(data) // beat, beat, 3, data, strb, resp)

    rmw = [read(100, 5), write(110, cell, (6).to_bytes(8, "little"), unit[1])]

    def fault(*more: AxiWrite, end: int = 6) -> str | None:
        return explain(5, on_the_bus("B", cell, [rmw[0], *more, rmw[1]], unit), end)

    assert on_the_bus("B", cell, rmw, unit) == [Exchange(100, 114, 5, 6, name="atomic unit")]
    assert fault() is None and fault(end=5)
    seven = bytes([7])
    within = write(106, cell, seven, t_resp=109)
    assert fault(within) and fault(within, end=7) is None  # it may count as after the atomic: then 7 stays
    assert fault(write(50, cell, seven)) and fault(write(50, cell, bytes([5]))) is None
    assert fault(write(106, cell, seven, resp=2)) is None
    assert fault(write(106, cell + 8, seven)) is None
