# SPDX-License-Identifier: Apache-2.0
"""SEND and the receive ring in `Pair`: entries in ring order, filled with the message and nothing else, told once and truly;
each breach of a legal stream is noticed."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import regmap
from models.events import AxiRead, AxiWrite, Event, NodeReset, RegRead, RegWrite
from models.lay import AT_PEER, DESC, CqeKind, Desc, Op, Status, segaddr
from models.memory import SLVERR, Memory
from models.ops import MODELLED, check_buffer, execute
from models.pair import Pair
from models.rdma.program import Chaos, Program
from models.segments import R_LOCAL, R_WRITE, Segment, SegmentTable
from models.tests.refsys import entries_of
from models.tests.test_ops import CTX, WRITE
from models.tests.test_pair_cases import with_entry
from models.tests.test_world import verdict
from models.tests.worldtrace import PARAMS, RING_BASE, RRING, Teller, judge, program

pytestmark = pytest.mark.model
NOT_READY = Status.RECEIVER_NOT_READY | AT_PEER
TOO_SHORT = Status.RECV_TOO_SHORT | AT_PEER
ALWAYS = Chaos(first_receives=12, buffer_bytes=(300,))
Stream = list[Event]


def some(seed: int, chaos: Chaos = ALWAYS, **ops: int) -> tuple[Program, Teller, Stream]:
    """SENDs and WRITEs; buffers for all of them."""
    p, told = program(seed, chaos, ops={Op.SEND: 4, Op.WRITE: 1, Op.MIRROR: 1})
    p.run()
    return p, told, told.tell()


def is_receive(e: Event) -> bool:
    return isinstance(e, AxiWrite) and e.id == 2 and entries_of(e)[0].kind == CqeKind.RECEIVE


def receives(ev: Stream, test: Callable[[AxiWrite], bool] = lambda e: True) -> list[int]:
    return [k for k, e in enumerate(ev) if is_receive(e) and test(e)]


def fetch_of_buffer(e: Event) -> bool:
    return isinstance(e, AxiRead) and e.id == 0 and (e.addr - RING_BASE) % 0x1_0000 >= RRING


def message_write(ev: Stream, i: int, told: Teller) -> int:
    """The last data write into the buffer that receive entry i tells of."""
    e = ev[i]
    tag = entries_of(e)[0].tag
    ch = e.user - 1
    _, addr, size = next(b for b in told.program.buffers[e.node, ch] if b[0] == tag)
    base = told.program.address[e.node, addr >> 52] + (addr & (1 << 40) - 1)
    hits = [k for k, w in enumerate(ev[:i]) if isinstance(w, AxiWrite) and w.id == 1 and w.node == e.node
            and base - 8 < w.addr < base + size]
    return hits[-1]


# streams -----------------------------------------------------------------------------------------------
def missing(ev: Stream, i: int, told: Teller) -> Stream:
    return ev[:i] + ev[i + 1 :]


def twice(ev: Stream, i: int, told: Teller) -> Stream:
    return [*ev[: i + 1], ev[i], *ev[i + 1 :]]


def changed(**change: int):
    def mutate(ev: Stream, i: int, told: Teller) -> Stream:
        old = entries_of(ev[i])[0]
        return [*ev[:i], with_entry(ev[i], **{k: getattr(old, k) ^ v for k, v in change.items()}), *ev[i + 1 :]]

    mutate.__name__ = "_".join(change)
    return mutate


def early(ev: Stream, i: int, told: Teller) -> Stream:
    """Its last data has its response after the entry's address."""
    k = message_write(ev, i, told)
    return [*ev[:k], replace(ev[k], t_resp=ev[i].t_addr + 1), *ev[k + 1 :]]


def lost_data(ev: Stream, i: int, told: Teller) -> Stream:
    k = message_write(ev, i, told)
    return ev[:k] + ev[k + 1 :]


def data_twice(ev: Stream, i: int, told: Teller) -> Stream:
    k = message_write(ev, i, told)
    return [*ev[: k + 1], ev[k], *ev[k + 1 :]]


def another_byte(ev: Stream, i: int, told: Teller) -> Stream:
    k = message_write(ev, i, told)
    w = ev[k]
    at = (w.strb & -w.strb).bit_length() - 1
    data = w.data[:at] + bytes([w.data[at] ^ 4]) + w.data[at + 1 :]
    return [*ev[:k], replace(w, data=data), *ev[k + 1 :]]


def another_buffer(ev: Stream, i: int, told: Teller) -> Stream:
    """Behind the entry, into what is not its own."""
    k = message_write(ev, i, told)
    return [*ev[:k], replace(ev[k], addr=ev[k].addr + 0x4000), *ev[k + 1 :]]


def another_function(ev: Stream, i: int, told: Teller) -> Stream:
    k = message_write(ev, i, told)
    return [*ev[:k], replace(ev[k], user=ev[k].user ^ 3), *ev[k + 1 :]]


def after_the_entry(ev: Stream, i: int, told: Teller) -> Stream:
    """The same bytes once more when it is told."""
    k = message_write(ev, i, told)
    again = replace(ev[k], t_addr=ev[i].t_resp + 1, t_data=ev[i].t_resp + 1, t_resp=ev[i].t_resp + 2)
    return [*ev[: i + 1], again, *ev[i + 1 :]]


def never_fetched(ev: Stream, i: int, told: Teller) -> Stream:
    """No read of the receive ring of this channel."""
    e = ev[i]
    return [x for x in ev if not (fetch_of_buffer(x) and (x.node, x.user) == (e.node, e.user))]


def never_published(ev: Stream, i: int, told: Teller) -> Stream:
    e = ev[i]
    where = regmap.guest(e.user - 1, "RRING_PROD")
    return [x for x in ev if not (isinstance(x, RegWrite) and (x.node, x.addr) == (e.node, where))]


def wrong_consumer(ev: Stream, i: int, told: Teller) -> Stream:
    """RRING_CONS stands at what is long used up, or was never published."""
    e = ev[i]
    where = regmap.guest(e.user - 1, "RRING_CONS")
    return [*ev[: i + 1], RegRead(e.node, e.t_resp, e.user, where, 50 if told.program.seed % 2 else 0), *ev[i + 1 :]]


MUTATIONS = [
    (missing, set()),
    (twice, set()),
    (changed(immediate=1), {"wrong-completion"}),
    (changed(nbytes=1), {"wrong-completion"}),
    (changed(tag=1), {"wrong-completion"}),
    (changed(status=0x35), {"wrong-completion"}),
    (changed(status2=1), {"wrong-completion"}),
    (changed(dring_cons=1), {"wrong-completion"}),
    (changed(phase=1), {"wrong-completion"}),
    (changed(kind=1), {"wrong-completion", "extra-completion"}),
    (changed(kind=3), {"wrong-completion", "extra-completion"}),
    (early, {"early-completion"}),
    (lost_data, {"early-completion"}),
    (data_twice, {"double-write"}),
    (another_byte, {"wrong-data"}),
    (another_buffer, {"unexplained-access", "wrong-data"}),
    (another_function, {"foreign-user", "unexplained-access"}),
    (after_the_entry, {"late-access"}),
    (never_fetched, {"fetch-order"}),
    (never_published, {"extra-completion", "fetch-order", "unexplained-access"}),
    (wrong_consumer, {"wrong-register"}),
]


@pytest.mark.parametrize(("mutate", "want"), MUTATIONS, ids=[f"{k}-{m.__name__}" for k, (m, _) in enumerate(MUTATIONS)])
@pytest.mark.parametrize("seed", range(4))
def test_every_mutation_of_a_receive_is_noticed(mutate, want: set[str], seed: int) -> None:
    """Stimulus: one thing broken about a message in its receiver's buffer, its entry, or its ring. Checking: its rule."""
    p, told, ev = some(seed)
    assert not verdict(judge(p, ev), told)
    good = [k for k in receives(ev, lambda e: entries_of(e)[0].nbytes > 0) if k > len(ev) // 3]
    i = random.Random(seed).choice(good)
    found = verdict(judge(p, mutate(ev, i, told)))
    assert found & want if want else found, found


def test_swapped_entries_are_noticed() -> None:
    """Stimulus: two entries of one ring change places, each in the other's slot. Checking: noticed."""
    p, told, ev = some(5)
    a, b = [k for k in receives(ev) if (ev[k].node, ev[k].user) == ("A", 1)][:2]
    one, two = entries_of(ev[a])[0], entries_of(ev[b])[0]
    ev[a] = with_entry(ev[a], immediate=two.immediate, nbytes=two.nbytes)
    ev[b] = with_entry(ev[b], immediate=one.immediate, nbytes=one.nbytes)
    assert {"wrong-completion", "early-completion"} & verdict(judge(p, ev), told)


@pytest.mark.parametrize("seed", [0, 1, 3])
def test_the_end_here_agrees_with_the_end_there(seed: int) -> None:
    """Stimulus: messages too long for their buffers, or for buffers with bad memory; either side's code is changed, the receiver's
    entry is lost. Checking: noticed."""
    chaos = Chaos(first_receives=12, buffer_bytes=(10, 300), errors=0.7)
    p, told, ev = some(seed, chaos)
    assert not verdict(judge(p, ev), told)
    bad = receives(ev, lambda e: entries_of(e)[0].status != 0)
    assert bad
    for i in bad:
        e = entries_of(ev[i])[0]
        for wrong in (0, Status.SEG_RANGE, Status.RECV_TOO_SHORT if e.status != Status.RECV_TOO_SHORT else Status.WRITE_DECERR):
            assert verdict(judge(p, [*ev[:i], with_entry(ev[i], status=int(wrong)), *ev[i + 1 :]]))
        assert verdict(judge(p, ev[:i] + ev[i + 1 :]))
        here = next(k for k in range(i, len(ev)) if isinstance(ev[k], AxiWrite) and ev[k].id == 2
                    and entries_of(ev[k])[0].status == e.status | AT_PEER)
        assert verdict(judge(p, [*ev[:here], with_entry(ev[here], status=0), *ev[here + 1 :]]))


def told_after_reset(p: Program, ev: Stream, i: int, here: int, **entry: int) -> set[str]:
    """All before receive entry i; then its node is reset, and entry `here` comes at its sender."""
    cut = [*ev[:i], NodeReset(ev[i].node, ev[i].t_addr), with_entry(ev[here], **entry)]
    return {e.rule for e in judge(p, cut).errors}


def entry_of_sender(ev: Stream, i: int) -> int:
    """The next entry in the ring of the channel that receive entry i is bound to."""
    return next(k for k in range(i, len(ev)) if isinstance(ev[k], AxiWrite) and ev[k].id == 2
                and ev[k].node != ev[i].node and ev[k].user == ev[i].user)


def is_end_of_send(p: Program, e: AxiWrite) -> bool:
    cqe = entries_of(e)[0]
    return cqe.kind == CqeKind.DESCRIPTOR and p.world.nodes[e.node].chans[e.user - 1].ring[cqe.dring_cons - 1].opcode == Op.SEND


@pytest.mark.parametrize("seed", [0, 4, 8])
def test_an_answer_outlives_a_reset_of_the_receiver(seed: int) -> None:
    """Stimulus: a message is too long for its buffer; the receiver's node answers, and is reset before its own entry is written and
    the answer has arrived. The same where all buffers are long enough. Checking: the refusal passes, as one without effect; other codes,
    and a refusal for which there was no such buffer, do not."""
    p, _, ev = some(seed, Chaos(first_receives=12, buffer_bytes=(10, 300)))
    short = receives(ev, lambda e: entries_of(e)[0].status == Status.RECV_TOO_SHORT)
    i, k = next((i, k) for i in short if entries_of(ev[k := entry_of_sender(ev, i)])[0].status == TOO_SHORT)
    assert not told_after_reset(p, ev, i, k)
    for wrong in ({"status": Status.SEG_RANGE | AT_PEER}, {"nbytes": 1}, {"status2": 1}):
        assert "wrong-completion" in told_after_reset(p, ev, i, k, **wrong)
    p, _, ev = some(seed)
    i, k = next((i, k) for i in receives(ev) if is_end_of_send(p, ev[k := entry_of_sender(ev, i)]))
    assert "wrong-completion" in told_after_reset(p, ev, i, k, status=TOO_SHORT, nbytes=0)


@pytest.mark.parametrize("seed", range(4))
def test_a_life_outlasts_many_of_another_channel(seed: int) -> None:
    """Messages belong to the life of their channel that is under way, however many lives another channel of its node has had since."""
    p, told, ev = some(seed)
    pair = Pair({n: PARAMS for n in "AB"}, [(("A", 0), ("B", 0))], strict=False)
    for k, e in enumerate(ev):
        pair.feed(e)
        if k == len(ev) // 3:
            for n in pair._n.values():
                old = next(life for life in n.lives if life.ch == 1)
                n.lives += [replace(old, ops=[], buffers=[], stream=[], t_closed=e.t) for _ in range(3 * PARAMS.channels)]
    assert verdict(pair, told) == set()
    assert any(op.sends and op.told is not None for n in pair._n.values() for life in n.lives for op in life.ops)


def test_not_ready_leaves_no_trace() -> None:
    """Stimulus: no buffer is ever posted. Checking: RECEIVER_NOT_READY passes; a success does not."""
    p, told, ev = some(4, Chaos(first_receives=0, receives=0.0))
    assert not verdict(judge(p, ev), told)
    refused = [k for k, e in enumerate(ev) if isinstance(e, AxiWrite) and e.id == 2 and entries_of(e)[0].status == NOT_READY]
    assert refused
    k = refused[0]
    sent = {d.tag: d.length for d in p.world.nodes[ev[k].node].chans[ev[k].user - 1].ring}
    good = with_entry(ev[k], status=0, nbytes=sent[entries_of(ev[k])[0].tag])
    assert {"early-completion", "missing-completion"} & verdict(judge(p, [*ev[:k], good, *ev[k + 1 :]]))
    assert not receives(ev)


def test_rings_of_a_build_without() -> None:
    """Stimulus: the same registers on nodes without SEND. Checking: their messages are BAD_OPCODE; the stream with SENDs is not
    accepted."""
    p, told, ev = some(3)
    without = replace(PARAMS, ops=MODELLED - {Op.SEND})
    assert {"unexplained-access", "wrong-completion"} & verdict(judge(p, ev, without))


def test_a_bad_receive_ring() -> None:
    """Stimulus: the receive ring's size is 1 or 13, or its place is no ring. Checking: BAD_RING, the channel stays DISABLED, so all
    that it does is unexplained; size 0 is no ring: its messages find no buffer."""
    p, told, ev = some(3)
    size, base = regmap.guest(0, "RRING_SIZE"), regmap.guest(0, "RRING_BASE")

    def with_value(addr: int, value: int) -> set[str]:
        return verdict(judge(p, [replace(e, data=value) if isinstance(e, RegWrite) and (e.node, e.addr) == ("A", addr) else e for e in ev]))

    for addr, value in ((size, 1), (size, 13), (base, segaddr(0, 0, 0x100)), (base, 1 << 51)):
        assert "unexplained-access" in with_value(addr, value), hex(value)
    assert with_value(size, 0)


# the plain functions ---------------------------------------------------------------------------------------
BUFFERS = SegmentTable(8, {5: Segment(True, 0x90000, 0x1000, R_WRITE | R_LOCAL, 6, 15, 2)})


@given(size=st.integers(0, 0x2000), length=st.integers(0, 0x2000), at=st.integers(0, 0x1000), gen=st.sampled_from([2, 2, 3]))
def test_buffer_checks_in_order(size: int, length: int, at: int, gen: int) -> None:
    """Stimulus: messages and buffers of any size and place. Checking: too short first, then the segment over the message, not over
    the buffer; without bytes the place is not looked at."""
    got = check_buffer(Desc(Op.RECV, 0, 1, size, 0, segaddr(5, gen, at)), length, BUFFERS, 6)
    if length > size:
        assert got.status == Status.RECV_TOO_SHORT
    elif not length:
        assert got.ok and got.dst is None
    elif gen != 2:
        assert got.status == Status.KEY_REVOKED
    else:
        assert (got.status, got.dst) == ((Status.OK, 0x90000 + at) if at + length <= 0x1000 else (Status.SEG_RANGE, None))


@given(data=st.binary(max_size=200), size=st.integers(0, 200), at=st.integers(0, 64), there=st.booleans())
def test_execute_send(data: bytes, size: int, at: int, there: bool) -> None:
    """Stimulus: SEND of any length, with and without a buffer. Checking: bytes in the buffer or nowhere; codes."""
    near, far = Memory(), Memory()
    near.write(0x10005, data)
    before = far.copy()
    ctx = replace(CTX, ops=MODELLED, far=replace(CTX.far, table=BUFFERS))
    recv = Desc(Op.RECV, 0, 1, size, 0, segaddr(5, 2, at)) if there else None
    r = execute(replace(WRITE, opcode=Op.SEND, length=len(data)), ctx, near, far, recv=recv)
    if not there:
        assert r.status == NOT_READY and far == before
    elif len(data) > size:
        assert r.status == TOO_SHORT and far == before and r.nbytes == 0
    else:
        assert (r.status, r.nbytes) == (0, len(data)) and far.read(0x90000 + at, len(data)) == data
    far.add_error(0x90000, 0x91000, SLVERR)
    if there and 0 < len(data) <= size:
        again = execute(replace(WRITE, opcode=Op.SEND, length=len(data)), ctx, near, far, recv=recv)
        assert again.status == Status.WRITE_SLVERR | AT_PEER and again.undefined


def test_send_needs_a_peer() -> None:
    """Stimulus: SEND with the link down, unbound at the peer, wrong flags. Checking: PEER_DOWN, PEER_REFUSED, BAD_FLAGS."""
    d = replace(WRITE, opcode=Op.SEND)
    ctx = replace(CTX, ops=MODELLED)
    assert execute(d, replace(ctx, peer_up=False), Memory(), Memory()).status == Status.PEER_DOWN
    unbound = replace(ctx, far=replace(CTX.far, bound=False))
    assert execute(d, unbound, Memory(), Memory()).status == Status.PEER_REFUSED | AT_PEER
    assert execute(replace(d, flags=0x10), ctx, Memory(), Memory()).status == Status.BAD_FLAGS
    assert DESC.size == 32  # a receive entry is as long as a descriptor
