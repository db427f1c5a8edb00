# SPDX-License-Identifier: Apache-2.0
"""`Pair` meets the executable specification: every story that it tells is accepted, in any interleaving and under every
disturbance, and a node that breaks a promise is noticed from its buses and wires alone."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.lay import Desc, DescFlag, Op, segaddr
from models.ops import MODELLED, Ctx, check_local
from models.pair import Pair, PairError
from models.rdma.admit import admit
from models.rdma.parts import ATOMICS, REMOTE_OPS
from models.rdma.program import WEIGHTS
from models.segments import R_LOCAL, R_READ, R_WRITE, Segment, SegmentTable
from models.tests.test_rdma import BROKEN, MODES, SENDS
from models.tests.worldtrace import Teller, judge, program

pytestmark = pytest.mark.model
MORE = {**WEIGHTS, Op.SEND: 10, Op.MIRROR: 10}


def verdict(pair: Pair, told: Teller | None = None) -> set[str]:
    """Rules that were broken, at the end."""
    with contextlib.suppress(PairError):
        pair.finish()
    for n in "AB" if told else ():
        with contextlib.suppress(PairError):
            pair.compare_memory(n, told.image(n))
    return {e.rule for e in pair.errors}


@pytest.mark.parametrize("mode", MODES)
@given(seed=st.integers(0, 1 << 30), hold_id=st.sampled_from([0, 1]), frames=st.booleans(), more=st.booleans())
def test_stories_are_accepted(mode: str, seed: int, hold_id: int, frames: bool, more: bool) -> None:
    """Stimulus: random programs of all operations, lost sessions, revocations, aborts, bad memory, bad descriptors, buffers that
    come late, never, are too short or bad; told as register accesses, bursts, frames. Checking: no mismatch, memories equal."""
    p, told = program(seed, MODES[mode], ops=MORE if more else dict(WEIGHTS))
    told.hold_id, told.frames = hold_id, frames
    p.run()
    pair = judge(p, told.tell())
    assert not verdict(pair, told), pair.errors[:5]


# What each broken node of `test_rdma` shows to `Pair`.
SHOWS = {
    "no lock": {"atomic"},
    "in flight not waited for": {"atomic"},
    "early answer": {"late-access", "early-completion"},
    "early delivery": {"early-completion"},
    "no hold": {"extra-completion", "missing-completion", "early-completion"},
    "no fence": {"fence"},
    "no MAY_HAVE_EXECUTED": {"wrong-completion"},
    "always MAY_HAVE_EXECUTED": {"wrong-completion"},
    "MIRROR before permission": {"permission"},
    "buffer too soon": {"early-completion", "unexplained-access"},
    "revoked too soon": {"revoked"},
    "atomics twice": {"atomic"},
    "messages twice": {"extra-completion"},
    "ring overrun": {"ring-overrun"},
    "address": {"unexplained-access"},
    "data": {"wrong-data"},
    "order of completions": {"missing-completion", "wrong-completion", "extra-completion"},
    "early completion": {"early-completion"},
    "early ABORTED": {"early-completion", "late-access"},
    "early DISABLED": {"early-disabled", "late-access", "unexplained-access"},
    "no answers": {"missing-completion"},
}


@pytest.mark.parametrize("name", SHOWS)
def test_a_broken_node_shows(name: str) -> None:
    """Stimulus: nodes that break one promise, told as monitors would see them. Checking: one of its rules within some seeds."""
    breaks, check, chaos = BROKEN[name]
    more = {"ops": SENDS} if check == "buffers_in_order" else {"ops": MORE} if name == "MIRROR before permission" else {}
    for seed in range(80):
        p, told = program(seed, chaos, length=12, **more)
        breaks(p.world)
        with contextlib.suppress(ValueError, AttributeError, KeyError, IndexError, StopIteration):
            p.run(6000)
        if SHOWS[name] & verdict(judge(p, told.tell())):
            return
    raise AssertionError(f"none of {SHOWS[name]}")


def test_every_message_and_mirror_is_met() -> None:
    """Stimulus: 40 programs. Checking: SEND and MIRROR end in all the ways that the stories have, so the above says something."""
    ends = set()
    for seed in range(40):
        p, _ = program(seed, replace(MODES["everything"], buffer_bytes=(64, 200, 200, 300, 10)), ops={Op.SEND: 1, Op.MIRROR: 1})
        p.run()
        ends |= {(o.op, o.status) for n in p.world.nodes.values() for c in n.chans for o in c.done}
    assert len({s for op, s in ends if op == Op.SEND}) >= 10 and len({s for op, s in ends if op == Op.MIRROR}) >= 8, ends


# the same checks, written twice ----------------------------------------------------------------------------
TABLE = SegmentTable(
    16,
    {
        1: Segment(True, 0x10000, 0x4000, R_READ | R_LOCAL, 3),
        2: Segment(True, 0x20000, 0x4000, R_WRITE | R_LOCAL, 3),
        3: Segment(True, 0x11000, 0x4000, R_WRITE | R_LOCAL, 3),
        4: Segment(True, 0x30000, 0x4000, R_READ | R_WRITE | R_LOCAL, 4),
    },
)
ADDRESS = st.builds(segaddr, st.integers(0, 5), st.sampled_from([0, 0, 0, 1]), st.sampled_from([0, 5, 0xFF0, 0x1000, 0x3FF8, 0x4000]))


@given(
    op=st.sampled_from([*REMOTE_OPS, Op.NOP, Op.COPY, Op.FILL, Op.EXT, 0x44]),
    flags=st.sampled_from([0, 0, 1 << DescFlag.NOTIFY, 1 << DescFlag.FENCE, 0x80]),
    length=st.sampled_from([0, 1, 8, 100, 0x1000, 0x4000]),
    src=ADDRESS,
    dst=ADDRESS,
    up=st.booleans(),
    ext=st.booleans(),
)
def test_local_checks_agree(op: int, flags: int, length: int, src: int, dst: int, up: bool, ext: bool) -> None:
    """Stimulus: any descriptor. Checking: the specification's admission and the model's checks name the same code and places."""
    d = Desc(op, flags, 1, length, src, dst, 0)
    one = admit(d, Desc(Op.EXT) if ext else None, TABLE, 3, up)
    two = check_local(d, Ctx(3, TABLE, False, up, None, MODELLED), ext)
    assert one.status == two.status
    if not one.status and op in (Op.SEND, Op.MIRROR) and length:
        assert (one.src, one.dst) == (two.src, two.here or 0)
    assert op not in ATOMICS or one.status or two.dst is not None
