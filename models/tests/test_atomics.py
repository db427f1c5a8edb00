# SPDX-License-Identifier: Apache-2.0
"""FETCH_ADD and CMP_SWAP in `Pair`: one read and one write at the peer, once, nothing between."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.atomics import outcome
from models.events import AxiRead, AxiWrite, Event, Fault
from models.lay import MAY_HAVE_EXECUTED, DescFlag, Op, Status
from models.ops import WITH_ATOMIC
from models.tests.refsys import RefChannel, RefSystem
from models.tests.test_pair_cases import is_cpl, judge, passes, rules, with_entry

pytestmark = pytest.mark.model
UNIT = 3  # AXI ID of the unit's reads


def system(seed: int = 5, **kw: int) -> tuple[RefSystem, RefChannel, int]:
    """One channel a node; a cell at the peer, with a number in it."""
    sys = RefSystem(seed, ops=WITH_ATOMIC, **{"channels": 1, **kw})
    c = sys.nodes["A"].chans[0]
    cell = sys.far(c).inbound.alloc(8, align=64, offset=8 * sys.rng.randrange(8))
    sys.cpu(sys.far(c).node, c.t, cell, (1000).to_bytes(8, "little"))
    return sys, c, cell


def one(seed: int = 5, swap: int | None = None, **kw: int) -> tuple[RefSystem, list[Event], int, int]:
    """A single atomic; where its read and its write at the peer stand in the trace."""
    sys, c, cell = system(seed, **kw)
    sys.submit(c, sys.atomic(c, cell, 7 if swap is None else 1000, swap, 1))
    ev = sys.trace()
    r = next(i for i, e in enumerate(ev) if isinstance(e, AxiRead) and e.id == UNIT)
    w = next(i for i, e in enumerate(ev) if isinstance(e, AxiWrite) and e.node == "B" and e.addr == ev[r].addr)
    return sys, ev, r, w


def again(ev: list[Event], r: int, w: int, new: int, late: int = 0) -> list[Event]:
    """The unit does it a second time, on what it left there."""
    t = ev[w].t_resp + late
    at = ev[r].addr % ev[r].beat_bytes
    read = replace(ev[r], t_addr=t + 1, t_data=t + 2, data=ev[w].data)
    data = bytearray(ev[w].data)
    data[at : at + 8] = new.to_bytes(8, "little")
    return [read, replace(ev[w], t_addr=t + 3, t_data=t + 4, t_resp=t + 5, data=bytes(data))]


@given(seed=st.integers(0, 1 << 30), data_w=st.sampled_from([64, 128, 512]))
def test_atomics_pass(seed: int, data_w: int) -> None:
    """Stimulus: FETCH_ADD, CMP_SWAP that match or not, WRITEs of the same cell. Checking: no mismatch, memories equal."""
    sys, c, cell = system(seed, data_w=data_w)
    work = []
    for k in range(20):
        add, kind = sys.rng.choice([0, 1, 7, (1 << 64) - 1]), sys.rng.random()
        if kind < 0.2:
            work.append(replace(sys.write(c, 8, 1 << DescFlag.FENCE, k), dst=c.far_addr(sys.far(c), cell)))
        else:
            work += sys.atomic(c, cell, add, None if kind < 0.7 else sys.rng.randrange(4), k)
    sys.submit(c, work)
    pair = judge(sys)
    passes(pair, 20)
    for name, node in sys.nodes.items():
        pair.compare_memory(name, node.mem)


@pytest.mark.parametrize("swap", [None, 5, 1000])
@pytest.mark.parametrize("data_w", [64, 512])
def test_done_twice(swap: int | None, data_w: int) -> None:
    """Stimulus: the peer does it a second time, before or after its completion. Checking: both are noticed."""
    sys, ev, r, w = one(swap=swap, data_w=data_w)
    passes(judge(sys, ev), 1)
    new = 1014 if swap is None else int.from_bytes(outcome(Op.CMP_SWAP, 1000, swap, swap.to_bytes(8, "little")), "little")
    assert rules(judge(sys, [*ev[: w + 1], *again(ev, r, w, new), *ev[w + 1 :]])) == {"atomic"}
    assert "unexplained-access" in rules(judge(sys, [*ev, *again(ev, r, w, new, 1000)]))


def test_not_done() -> None:
    """Stimulus: a good end without the accesses at the peer. Checking: noticed."""
    sys, ev, r, w = one()
    assert rules(judge(sys, [e for i, e in enumerate(ev) if i not in (r, w)]))
    assert rules(judge(sys, [e for i, e in enumerate(ev) if i != w]))


def test_wrong_values() -> None:
    """Stimulus: another new value; another result. Checking: noticed."""
    sys, ev, r, w = one()
    at = ev[w].addr % 8
    data = bytearray(ev[w].data)
    data[at] ^= 1
    assert "atomic" in rules(judge(sys, [*ev[:w], replace(ev[w], data=bytes(data)), *ev[w + 1 :]]))
    k = next(i for i, e in enumerate(ev) if isinstance(e, AxiWrite) and e.node == "A" and e.id == 1)
    result = bytes(b ^ 1 for b in ev[k].data)
    assert rules(judge(sys, [*ev[:k], replace(ev[k], data=result), *ev[k + 1 :]]))


@pytest.mark.parametrize("seed", range(8))
def test_results_at_one_place(seed: int) -> None:
    """Stimulus: atomics that read the same value, with their results at the same address. Checking: no mismatch."""
    sys, c, cell = system(seed, dlog2=4)
    first = sys.atomic(c, cell, 0, None, 1)[0]
    sys.submit(c, [replace(first, tag=k) for k in range(6)])
    passes(judge(sys), 6)


def test_write_in_between() -> None:
    """Stimulus: a WRITE of the cell, before the atomic or between its read and its write. Checking: the second is noticed."""
    sys, c, cell = system()
    sys.submit(c, [replace(sys.write(c, 8, 0, 1), dst=c.far_addr(sys.far(c), cell)), *sys.atomic(c, cell, 7, None, 2)])
    ev = sys.trace()
    passes(judge(sys, ev), 2)
    there = [i for i, e in enumerate(ev) if isinstance(e, AxiWrite) and e.node == "B" and e.addr == cell]
    r = next(i for i, e in enumerate(ev) if isinstance(e, AxiRead) and e.id == UNIT)
    first, t = ev[there[0]], ev[r].t_data
    read = replace(ev[r], data=(1000).to_bytes(8, "little"))
    write = replace(ev[there[1]], data=(1007).to_bytes(8, "little"))
    moved = [*ev[: there[0]], *ev[there[0] + 1 : r], read, replace(first, t_addr=t, t_data=t, t_resp=t), *ev[r + 1 : there[1]], write,
             *ev[there[1] + 1 :]]
    assert "atomic" in rules(judge(sys, moved))


def test_lost_with_the_link_it_may_be_done_once() -> None:
    """Stimulus: LINK_ERROR, done at the peer or not, or twice; without MAY_HAVE_EXECUTED. Checking: the first two pass."""
    sys, ev, r, w = one()
    k = next(i for i, e in enumerate(ev) if is_cpl(e))
    lost = with_entry(ev[k], status=int(Status.LINK_ERROR), status2=MAY_HAVE_EXECUTED, nbytes=0)
    down = Fault("A", ev[r].t_addr, "link_down", 0)
    before, done = ev[:r], [ev[r], ev[w]]
    passes(judge(sys, [*before, down, lost]), 1)
    passes(judge(sys, [*before, down, *done, lost]), 1)
    assert "atomic" in rules(judge(sys, [*before, down, *done, *again(ev, r, w, 1014), lost]))
    assert "wrong-completion" in rules(judge(sys, [*before, down, *done, with_entry(lost, status2=0)]))
