# SPDX-License-Identifier: Apache-2.0
"""WRITE_IMM in `Pair`: the entry at the receiver comes once, in order, behind the data."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.events import AxiRead, AxiWrite, Event, Fault
from models.lay import AT_PEER, MAY_HAVE_EXECUTED, Cqe, CqeKind, Desc, DescFlag, Op, Status
from models.memory import Memory
from models.ops import MODELLED, execute
from models.tests.refsys import RefChannel, RefSystem, entries_of
from models.tests.test_ops import CTX, WRITE
from models.tests.test_pair_cases import first, is_cpl, judge, passes, rules, with_entry

pytestmark = pytest.mark.model
NOT_READY = Status.RECEIVER_NOT_READY | AT_PEER


def some(seed: int = 5, **kw: int) -> RefSystem:
    """WRITE_IMM and WRITE mixed, both ways; a NOP behind."""
    sys = RefSystem(seed, ops=MODELLED, **{"channels": 2, "dlog2": 4, "clog2": 3, **kw})
    for node in sys.nodes.values():
        for c in node.chans:
            work = [
                (sys.write_imm if sys.rng.random() < 0.7 else sys.write)(
                    c, sys.rng.choice([1, 9, 512, 1500]), sys.rng.choice([0, 0, 1 << DescFlag.NOTIFY]), k
                )
                for k in range(8)
            ]
            work.insert(3, sys.write_imm(c, 0, 0, 99))
            sys.submit(c, [*work, Desc(Op.NOP, 0, 0xE0D)])
    return sys


def is_imm(e: Event) -> bool:
    return is_cpl(e) and entries_of(e)[0].kind == CqeKind.IMMEDIATE


@given(seed=st.integers(0, 1 << 30), data_w=st.sampled_from([64, 128, 512]), clog2=st.integers(2, 5))
def test_immediates_pass(seed: int, data_w: int, clog2: int) -> None:
    """Stimulus: WRITE_IMM and WRITE both ways, small completion rings. Checking: no mismatch, memories equal."""
    sys = some(seed, data_w=data_w, clog2=clog2)
    pair = judge(sys)
    passes(pair, 40)
    for name, node in sys.nodes.items():
        pair.compare_memory(name, node.mem)


def missing(ev: list[Event], i: int) -> list[Event]:
    return ev[:i] + ev[i + 1 :]


def twice(ev: list[Event], i: int) -> list[Event]:
    return [*ev[: i + 1], ev[i], *ev[i + 1 :]]


def field(**change: int):
    def mutate(ev: list[Event], i: int) -> list[Event]:
        old = entries_of(ev[i])[0]
        new = {k: getattr(old, k) ^ v for k, v in change.items()}
        return [*ev[:i], with_entry(ev[i], **new), *ev[i + 1 :]]

    mutate.__name__ = "_".join(change)
    return mutate


def early(ev: list[Event], i: int) -> list[Event]:
    """The first data write of its channel has its response after the entry's address."""
    e = ev[i]
    k = min(
        k
        for k, w in enumerate(ev[:i])
        if isinstance(w, AxiWrite) and (w.id, w.node, w.user) == (1, e.node, e.user)
    )
    return [*ev[:k], replace(ev[k], t_resp=e.t_addr + 1), *ev[k + 1 :]]


MUTATIONS = [missing, twice, early, field(immediate=1), field(nbytes=1), field(tag=1), field(status=0x20),
             field(phase=1), field(kind=3)]


@pytest.mark.parametrize("mutate", MUTATIONS, ids=lambda m: m.__name__)
@pytest.mark.parametrize("seed", range(4))
def test_every_mutation_of_an_immediate_is_noticed(mutate, seed: int) -> None:
    """Stimulus: one thing broken about an entry at the receiver. Checking: a mismatch."""
    sys = some(seed)
    ev = sys.trace()
    i = random.Random(seed).choice([k for k, e in enumerate(ev) if is_imm(e)])
    assert rules(judge(sys, mutate(ev, i)))


def one(n: int = 1500) -> tuple[RefSystem, RefChannel, list[Event], int, int]:
    """A WRITE_IMM of A; its entry at B and its completion here."""
    sys = RefSystem(8, channels=1, ops=MODELLED)
    c = sys.nodes["A"].chans[0]
    sys.submit(c, [sys.write_imm(c, n, 0, 1)])
    ev = sys.trace()
    return sys, c, ev, next(k for k, e in enumerate(ev) if is_imm(e)), next(
        k for k, e in enumerate(ev) if is_cpl(e) and not is_imm(e))


def test_entry_and_completion_in_either_order() -> None:
    """Stimulus: the receiver's entry before, or after, the completion here; never. Checking: both pass, 'never' does not."""
    sys, _, ev, i, k = one()
    told, done = ev[i], ev[k]
    rest = [e for e in ev if e not in (told, done)]
    passes(judge(sys, [*rest, told, done]), 2)
    passes(judge(sys, [*rest, done, replace(told, t_addr=told.t_addr + 99, t_resp=told.t_resp + 99)]), 2)
    assert "missing-completion" in rules(judge(sys, [*rest, done]))


def test_receiver_not_ready_has_no_effect() -> None:
    """Stimulus: RECEIVER_NOT_READY, alone, with a part written, with an entry at the receiver. Checking: only the first passes."""
    sys, _, ev, i, k = one()
    j = first(ev, AxiWrite, id=1)
    refused = with_entry(ev[k], status=NOT_READY, nbytes=0)
    reads = [e for e in ev[j:] if isinstance(e, AxiRead)]
    passes(judge(sys, [*ev[:j], *reads, refused]), 1)
    assert "wrong-completion" in rules(judge(sys, [*ev[: j + 1], *reads, refused]))
    all_but = [e for e in ev if e is not ev[k]]
    assert "wrong-completion" in rules(judge(sys, [*all_but, refused]))
    late = replace(ev[i], t_addr=refused.t_resp + 5, t_resp=refused.t_resp + 9)
    assert "extra-completion" in rules(judge(sys, [*ev[:j], *reads, refused, late]))


def test_lost_with_the_link_it_may_have_told() -> None:
    """Stimulus: LINK_ERROR with MAY_HAVE_EXECUTED; the entry at the receiver comes, or does not. Checking: both pass; twice does not."""
    sys, _, ev, i, k = one()
    lost = with_entry(ev[k], status=int(Status.LINK_ERROR), status2=MAY_HAVE_EXECUTED, nbytes=0)
    down = Fault("A", ev[i].t_addr, "link_down", 0)
    rest = [e for e in ev if e not in (ev[i], ev[k])]
    passes(judge(sys, [*rest, down, lost]), 1)
    passes(judge(sys, [*rest, down, ev[i], lost]), 2)
    assert rules(judge(sys, [*rest, down, ev[i], ev[i], lost]))


def test_without_bytes() -> None:
    """Stimulus: n = 0 with wild addresses, alone. Checking: OK, nothing read or written."""
    d = replace(WRITE, opcode=Op.WRITE_IMM, length=0, src=1 << 63, dst=1 << 63)
    r = execute(d, replace(CTX, ops=MODELLED), Memory(), Memory())
    assert (r.status, r.nbytes, r.read, r.written) == (0, 0, [], [])
    down = execute(d, replace(CTX, ops=MODELLED, peer_up=False), Memory(), Memory())
    assert down.status == Status.PEER_DOWN


def test_nobody_sent_it() -> None:
    """Stimulus: an entry of kind IMMEDIATE without a WRITE_IMM. Checking: 'extra-completion'."""
    sys = RefSystem(8, channels=1, ops=MODELLED)
    c = sys.nodes["B"].chans[0]
    sys.submit(c, [Desc(Op.NOP, tag=1)])
    sys.post(c, [(Cqe(0, kind=int(CqeKind.IMMEDIATE), immediate=5), 0)])
    assert "extra-completion" in rules(judge(sys))
