# SPDX-License-Identifier: Apache-2.0
"""MIRROR in `Pair`: two copies of one read, no byte here before the peer said so, two bits that tell the truth; each breach of
a legal stream is noticed."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.events import AxiRead, AxiWrite, Event, LinkFrame
from models.frame import parse
from models.lay import (
    AT_PEER,
    LOCAL_BAD,
    MAY_HAVE_EXECUTED,
    PEER_BAD,
    Desc,
    FrameType,
    Op,
    Status,
    segaddr,
)
from models.memory import SLVERR, Memory
from models.ops import MODELLED, check_descriptor, execute
from models.rdma.program import Chaos, Program
from models.tests.refsys import entries_of
from models.tests.test_ops import CTX, WRITE
from models.tests.test_pair_cases import with_entry
from models.tests.test_rdma import MODES
from models.tests.test_world import verdict
from models.tests.worldtrace import PARAMS, Teller, judge, program

pytestmark = pytest.mark.model
Stream = list[Event]


def some(seed: int, chaos: Chaos | None = None, hold_id: int = 0) -> tuple[Program, Teller, Stream]:
    """MIRRORs only, so that writes with ID 0 are copies here and those with ID 1 copies there."""
    p, told = program(seed, chaos, ops={Op.MIRROR: 1})
    told.hold_id = hold_id
    p.run()
    return p, told, told.tell()


def local_writes(ev: Stream) -> list[int]:
    return [k for k, e in enumerate(ev) if isinstance(e, AxiWrite) and e.id == 0]


def lane(e: AxiWrite) -> int:
    return (e.strb & -e.strb).bit_length() - 1


def put(ev: Stream, i: int, *new: Event) -> Stream:
    return [*ev[:i], *new, *ev[i + 1 :]]


# streams -----------------------------------------------------------------------------------------------
def lost(ev: Stream, i: int) -> Stream:
    return put(ev, i)


def twice(ev: Stream, i: int) -> Stream:
    return put(ev, i, ev[i], ev[i])


def another_byte(ev: Stream, i: int) -> Stream:
    e = ev[i]
    data = bytearray(e.data)
    data[lane(e)] ^= 1
    return put(ev, i, replace(e, data=bytes(data)))


def elsewhere(ev: Stream, i: int) -> Stream:
    return put(ev, i, replace(ev[i], addr=ev[i].addr + 0x8000))


def another_function(ev: Stream, i: int) -> Stream:
    return put(ev, i, replace(ev[i], user=ev[i].user ^ 3))


def before_its_permission(ev: Stream, i: int) -> Stream:
    """It is granted when the first frame has just left."""
    k = next(k for k, e in enumerate(ev) if isinstance(e, LinkFrame) and parse(e.raw, 8).type == FrameType.MIRROR)
    return put(ev, i, replace(ev[i], t_addr=ev[k].t, t_data=ev[k].t))


def unpermitted(ev: Stream, i: int) -> Stream:
    """Without the frames that permit."""
    return [e for e in ev if not (isinstance(e, LinkFrame) and parse(e.raw, 8).type == FrameType.OP_PERMIT)]


def peer_lost(ev: Stream, i: int) -> Stream:
    """One write of a peer's copy is missing."""
    k = next(k for k, e in enumerate(ev) if isinstance(e, AxiWrite) and e.id == 1)
    return put(ev, k)


def peer_late(ev: Stream, i: int) -> Stream:
    """The last write of the peer's copy has its response when the last one here has been granted."""
    k = max(k for k in range(i) if isinstance(ev[k], AxiWrite) and ev[k].id == 1 and ev[k].node != ev[i].node
            and ev[k].t_resp < ev[i].t_addr)
    return [*ev[:k], *ev[k + 1 : i], replace(ev[k], t_resp=ev[i].t_resp), *ev[i:]]


def read_twice(ev: Stream, i: int) -> Stream:
    k = next(k for k, e in enumerate(ev) if isinstance(e, AxiRead) and e.id == 1)
    return put(ev, k, ev[k], ev[k])


def told_early(ev: Stream, i: int) -> Stream:
    """The completion's address goes out before the response of what is written here."""
    k = next(k for k in range(i, len(ev)) if isinstance(ev[k], AxiWrite) and ev[k].id == 2 and ev[k].node == ev[i].node
             and ev[k].user == ev[i].user)
    return put(ev, i, replace(ev[i], t_resp=ev[k].t_addr + 1))


MUTATIONS: list[tuple[Callable[[Stream, int], Stream], set[str]]] = [
    (lost, {"early-completion", "missing-write", "missing-completion"}),
    (twice, {"double-write"}),
    (another_byte, {"wrong-data"}),
    (elsewhere, {"unexplained-access"}),
    (another_function, {"foreign-user", "unexplained-access"}),
    (before_its_permission, {"permission", "fence"}),
    (unpermitted, {"permission"}),
    (peer_lost, {"permission", "early-completion"}),
    (peer_late, {"permission", "early-completion"}),
    (read_twice, {"read-count", "totals"}),
    (told_early, {"early-completion", "missing-write"}),
]


@pytest.mark.parametrize(("mutate", "want"), MUTATIONS, ids=[m.__name__ for m, _ in MUTATIONS])
@pytest.mark.parametrize("seed", range(4))
def test_every_mutation_of_a_mirror_is_noticed(mutate, want: set[str], seed: int) -> None:
    """Stimulus: one thing broken about the copies of MIRRORs. Checking: its rule."""
    p, told, ev = some(seed)
    assert not verdict(judge(p, ev), told)
    i = random.Random(seed).choice(local_writes(ev)[3:])
    if mutate in (peer_late, told_early):  # the last write of an operation that is told
        i = max(local_writes(ev))
    found = verdict(judge(p, mutate(ev, i)), told)
    assert found & want, found


@pytest.mark.parametrize("hold_id", [0, 1])
def test_either_id_of_the_copy_here(hold_id: int) -> None:
    """Stimulus: the copy here is written as local data, or as what comes from a peer. Checking: both are accepted."""
    p, told, ev = some(9, hold_id=hold_id)
    assert not verdict(judge(p, ev), told)


@pytest.mark.parametrize("mode", ["wrong", "lost links", "revocation", "aborts"])
def test_second_status_tells_the_truth(mode: str) -> None:
    """Stimulus: MIRRORs that fail in every way; the bits of each second status are flipped. Checking: LOCAL_BAD may never be
    missing; PEER_BAD not but after OP_ACK; MAY_HAVE_EXECUTED exactly where nobody knows."""
    looked = 0
    for seed in range(12):
        p, told, ev = some(seed, MODES[mode])
        assert not verdict(judge(p, ev), told)
        for k, e in enumerate(ev):
            if not (isinstance(e, AxiWrite) and e.id == 2 and entries_of(e)[0].status):
                continue
            entry = entries_of(e)[0]
            looked += 1
            for bit in (LOCAL_BAD, MAY_HAVE_EXECUTED, 8, PEER_BAD if entry.status & AT_PEER else LOCAL_BAD):
                wrong = with_entry(e, status2=entry.status2 ^ bit)
                if entry.status == Status.LINK_ERROR | AT_PEER and bit == MAY_HAVE_EXECUTED or entry.tag == 0xE0D:
                    continue
                assert "wrong-completion" in verdict(judge(p, put(ev, k, wrong))), (entry, bit)
        if looked > 25:
            break
    assert looked > 3


def test_refused_mirrors_have_no_copy_here() -> None:
    """Stimulus: MIRRORs that the peer refuses; one writes here all the same. Checking: noticed."""
    for seed in range(30):
        p, told, ev = some(seed, Chaos(wrong=0.6))
        bad = [o for n in p.world.nodes.values() for c in n.chans for o in c.done
               if o.op == Op.MIRROR and o.status & AT_PEER and not o.desc.length > 60]
        if not bad:
            continue
        o = bad[0]
        at = p.address[o.node, o.desc.dst >> 52] + (o.desc.dst & (1 << 40) - 1)
        t = 10 * (o.t_begin + 40)
        i = next(k for k, e in enumerate(ev) if getattr(e, "t_resp", getattr(e, "t", 0)) > t)
        data = p.begin[o.node].read(at - at % 8, 8)
        stray = AxiWrite(o.node, t, t, t + 1, 0, at - at % 8, 1, 8, o.ch + 1, data, 1 << at % 8)
        assert {"unexplained-access", "permission", "late-access", "wrong-data"} & verdict(judge(p, [*ev[:i], stray, *ev[i:]]))
        return
    raise AssertionError("no MIRROR was refused")


def test_without_mirror() -> None:
    """Stimulus: a MIRROR on nodes without it. Checking: BAD_OPCODE, with either no second status or both copies bad."""
    p, _, ev = some(2)
    without = replace(PARAMS, ops=MODELLED - {Op.MIRROR})
    assert {"unexplained-access", "wrong-completion"} & verdict(judge(p, ev, without))


# the plain functions ---------------------------------------------------------------------------------------
MIRROR = replace(WRITE, opcode=Op.MIRROR, dst=segaddr(2, 0, 9), operand=WRITE.dst)
BOTH = replace(CTX, ops=MODELLED)
FAULTS = [
    (Status.BAD_FLAGS, {"flags": 0x10}),
    (Status.BAD_LENGTH, {"length": 0}),
    (Status.SEG_INVALID, {"src": segaddr(9, 0, 0)}),
    (Status.KEY_REVOKED, {"dst": segaddr(2, 1, 0)}),
    (Status.SEG_RANGE | AT_PEER, {"operand": segaddr(5, 2, 0x7FFF)}),
]


@given(st.sets(st.integers(0, len(FAULTS) - 1)))
def test_first_fault_of_a_mirror(which: set[int]) -> None:
    """Stimulus: any set of faults. Checking: the first of the order; what is found here comes before what the peer finds."""
    d = MIRROR
    for i in which:
        d = replace(d, **FAULTS[i][1])
    want = FAULTS[min(which)][0] if which else Status.OK
    assert check_descriptor(d, BOTH).status == want
    if not which:
        p = check_descriptor(d, BOTH)
        assert (p.src, p.here, p.dst, p.remote) == (0x10005, 0x40009, 0x90009, True)


def test_mirror_onto_itself_and_without_a_peer() -> None:
    """Stimulus: SRC and DST share a byte or touch; the link is down. Checking: OVERLAP before PEER_DOWN; neighbours are fine."""
    down = replace(BOTH, peer_up=False)
    d = replace(MIRROR, src=segaddr(1, 0, 100), dst=segaddr(1, 0, 199))
    assert check_descriptor(d, BOTH).status == check_descriptor(d, down).status == Status.OVERLAP
    apart = replace(d, dst=segaddr(1, 0, 200))
    assert check_descriptor(apart, BOTH).ok and check_descriptor(apart, down).status == Status.PEER_DOWN


@given(data=st.binary(min_size=1, max_size=300), a=st.integers(0, 99), b=st.integers(0, 99))
def test_execute_mirror(data: bytes, a: int, b: int) -> None:
    """Stimulus: MIRROR of any bytes; memory errors on each side. Checking: both copies, or the code of the side that failed."""
    near, far = Memory(), Memory()
    near.write(0x10005, data)
    d = Desc(Op.MIRROR, 0, 7, len(data), segaddr(1, 0, 5), segaddr(2, 0, a), segaddr(5, 2, b))
    r = execute(d, BOTH, near, far)
    assert r.status == 0 and r.nbytes == len(data) and len(r.written) == 2
    assert near.read(0x40000 + a, len(data)) == far.read(0x90000 + b, len(data)) == data
    far.add_error(0x90000 + b, 0x90001 + b, SLVERR)
    assert execute(d, BOTH, near, far).status == Status.WRITE_SLVERR | AT_PEER
    near.add_error(0x40000 + a, 0x40001 + a, SLVERR)
    assert execute(d, BOTH, near, Memory()).status == Status.WRITE_SLVERR
