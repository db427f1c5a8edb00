# SPDX-License-Identifier: Apache-2.0
"""`Pair` accepts what is legal, and notices each thing that is not."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import regmap
from models.events import AxiRead, AxiWrite, Event, RegRead, RegWrite
from models.lay import AT_PEER, Cmd, Cqe, Desc, DescFlag, Op, State, Status
from models.memory import DECERR, SLVERR
from models.pair import Pair, PairError
from models.tests.refsys import RefSystem, entries_of

pytestmark = pytest.mark.model


def judge(sys: RefSystem, events: list[Event] | None = None, strict: bool = False) -> Pair:
    pair = Pair(sys.params, sys.links, strict=strict)
    pair.feed_all(sys.trace() if events is None else events)
    return pair


def rules(pair: Pair) -> set[str]:
    with contextlib.suppress(PairError):
        pair.finish()
    return {e.rule for e in pair.errors}


@given(
    seed=st.integers(0, 1 << 30),
    channels=st.sampled_from([1, 2, 3]),
    data_w=st.sampled_from([64, 128, 256, 512]),
    dlog2=st.integers(2, 5),
    clog2=st.integers(2, 5),
    max_burst=st.sampled_from([128, 512]),
)
def test_legal_traffic_passes(
    seed: int, channels: int, data_w: int, dlog2: int, clog2: int, max_burst: int
) -> None:
    """Stimulus: random legal traces of two nodes.
    Checking: no mismatch, and memory equals the engine's."""
    sys = RefSystem(seed, channels, data_w, dlog2, clog2, max_burst)
    sys.random_traffic(12)
    pair = judge(sys, strict=True)
    rep = pair.finish()
    assert rep.completions == sum(len(c.posted) for n in sys.nodes.values() for c in n.chans)
    for name, node in sys.nodes.items():
        pair.compare_memory(name, node.mem)
        for c in node.chans:
            assert [x for x, _ in pair.completions(name, c.number)] == c.posted


def base(seed: int = 5, n: int = 10) -> RefSystem:
    sys = RefSystem(seed, channels=2, dlog2=4, clog2=4)
    sys.random_traffic(n)
    return sys


Mutation = Callable[[list[Event], random.Random], list[Event] | None]


def _pick(ev: list[Event], rng: random.Random, want: Callable[[Event], bool]) -> int:
    return rng.choice([i for i, e in enumerate(ev) if want(e)])


def _data_write(e: Event) -> bool:
    return isinstance(e, AxiWrite) and e.id in (0, 1)


def _cpl(e: Event) -> bool:
    return isinstance(e, AxiWrite) and e.id == 2


def _data_read(e: Event) -> bool:
    return isinstance(e, AxiRead) and e.id > 0  # 2: for a peer's READ


def wrong_byte(ev: list[Event], rng: random.Random) -> list[Event]:
    i = _pick(ev, rng, _data_write)
    w = ev[i]
    lanes = [k for k in range(len(w.data)) if w.strb >> k & 1]
    data = bytearray(w.data)
    data[rng.choice(lanes)] ^= 1 << rng.randrange(8)
    return [*ev[:i], replace(w, data=bytes(data)), *ev[i + 1 :]]


def missing_write(ev: list[Event], rng: random.Random) -> list[Event]:
    i = _pick(ev, rng, _data_write)
    return ev[:i] + ev[i + 1 :]


def repeated_write(ev: list[Event], rng: random.Random) -> list[Event]:
    i = _pick(ev, rng, _data_write)
    return [*ev[: i + 1], ev[i], *ev[i + 1 :]]


def missing_read(ev: list[Event], rng: random.Random) -> list[Event]:
    i = _pick(ev, rng, _data_read)
    return ev[:i] + ev[i + 1 :]


def missing_fetch(ev: list[Event], rng: random.Random) -> list[Event]:
    i = _pick(ev, rng, lambda e: isinstance(e, AxiRead) and e.id == 0)
    return ev[:i] + ev[i + 1 :]


def repeated_fetch(ev: list[Event], rng: random.Random) -> list[Event] | None:
    """Not one beat that holds two descriptors: read twice, it may be a fetch of each."""
    some = [i for i, e in enumerate(ev)
            if isinstance(e, AxiRead) and e.id == 0 and (e.beats > 1 or e.beat_bytes < 64)]
    if not some:
        return None
    i = rng.choice(some)
    return [*ev[: i + 1], ev[i], *ev[i + 1 :]]


def repeated_read(ev: list[Event], rng: random.Random) -> list[Event]:
    i = _pick(ev, rng, _data_read)
    return [*ev[: i + 1], ev[i], *ev[i + 1 :]]


def strobe_beyond(ev: list[Event], rng: random.Random) -> list[Event] | None:
    """One more strobe after the last byte: a byte outside the destination, or of the next burst."""
    some = [i for i, e in enumerate(ev) if _data_write(e) and e.strb.bit_length() < len(e.data)]
    if not some:
        return None
    i = rng.choice(some)
    w = ev[i]
    return [*ev[:i], replace(w, strb=w.strb | 1 << w.strb.bit_length()), *ev[i + 1 :]]


def outside(ev: list[Event], rng: random.Random) -> list[Event]:
    i = _pick(ev, rng, _data_write)
    return [*ev[:i], replace(ev[i], addr=ev[i].addr ^ 1 << rng.randrange(20, 30)), *ev[i + 1 :]]


def read_outside(ev: list[Event], rng: random.Random) -> list[Event]:
    i = _pick(ev, rng, _data_read)
    return [*ev[:i], replace(ev[i], addr=ev[i].addr ^ 1 << rng.randrange(20, 30)), *ev[i + 1 :]]


def foreign(ev: list[Event], rng: random.Random) -> list[Event]:
    i = _pick(ev, rng, lambda e: isinstance(e, AxiWrite | AxiRead))
    return [*ev[:i], replace(ev[i], user=ev[i].user + 1), *ev[i + 1 :]]


def missing_cpl(ev: list[Event], rng: random.Random) -> list[Event]:
    i = _pick(ev, rng, _cpl)
    return ev[:i] + ev[i + 1 :]


def extra_cpl(ev: list[Event], rng: random.Random) -> list[Event]:
    i = _pick(ev, rng, _cpl)
    return [*ev[: i + 1], ev[i], *ev[i + 1 :]]


def _set_entries(w: AxiWrite, entries: list[Cqe]) -> AxiWrite:
    first = (w.strb & -w.strb).bit_length() - 1
    raw = b"".join(x.pack() for x in entries)
    return replace(w, data=w.data[:first] + raw + w.data[first + len(raw) :])


def swapped_cpl(ev: list[Event], rng: random.Random) -> list[Event] | None:
    some = [i for i, e in enumerate(ev) if _cpl(e) and len(entries_of(e)) > 1]
    if not some:
        return None
    i = rng.choice(some)
    entries = entries_of(ev[i])
    k = rng.randrange(len(entries) - 1)
    entries[k], entries[k + 1] = entries[k + 1], entries[k]
    return [*ev[:i], _set_entries(ev[i], entries), *ev[i + 1 :]]


def field_of_cpl(name: str, value: Callable[[int], int]) -> Mutation:
    def mutate(ev: list[Event], rng: random.Random) -> list[Event]:
        i = _pick(ev, rng, _cpl)
        entries = entries_of(ev[i])
        k = rng.randrange(len(entries))
        entries[k] = replace(entries[k], **{name: value(getattr(entries[k], name))})
        return [*ev[:i], _set_entries(ev[i], entries), *ev[i + 1 :]]

    mutate.__name__ = f"cpl_{name}"
    return mutate


def early_cpl(ev: list[Event], rng: random.Random) -> list[Event] | None:
    """The response of a data write comes after the completion that announces it went out."""
    sys_writes = [i for i, e in enumerate(ev) if _data_write(e)]
    rng.shuffle(sys_writes)
    for i in sys_writes:
        w = ev[i]
        later = [e for e in ev[i + 1 :] if _cpl(e)]
        if not later:
            continue
        # far enough to lie behind its own completion
        slow = replace(w, t_resp=later[-1].t_resp + 1)
        return [*ev[:i], slow, *ev[i + 1 :]]
    return None


def late_data(ev: list[Event], rng: random.Random) -> list[Event]:
    """The whole write happens after everything else."""
    i = _pick(ev, rng, _data_write)
    end = max(e.t_resp for e in ev if isinstance(e, AxiWrite))
    w = replace(ev[i], t_addr=end + 1, t_data=end + 2, t_resp=end + 3)
    return [*ev[:i], *ev[i + 1 :], w]


def wrong_channel_doorbell(ev: list[Event], rng: random.Random) -> list[Event]:
    """The doorbell was never rung: everything that follows has no reason."""
    bells = {regmap.guest(ch, "DRING_PROD") for ch in range(4)}
    i = _pick(ev, rng, lambda e: isinstance(e, RegWrite) and e.addr in bells)
    return ev[:i] + ev[i + 1 :]


def crossing(ev: list[Event], rng: random.Random) -> list[Event]:
    i = _pick(ev, rng, _data_read)
    r = ev[i]
    more = (4096 - r.addr % 4096) // r.beat_bytes + 1
    return [*ev[:i], replace(r, beats=more, data=bytes(more * r.beat_bytes)), *ev[i + 1 :]]


MUTATIONS: list[Mutation] = [
    wrong_byte,
    missing_write,
    repeated_write,
    missing_read,
    repeated_read,
    missing_fetch,
    repeated_fetch,
    strobe_beyond,
    outside,
    read_outside,
    foreign,
    missing_cpl,
    extra_cpl,
    swapped_cpl,
    field_of_cpl("tag", lambda v: v ^ 1),
    field_of_cpl("status", lambda v: v ^ 0x21),
    field_of_cpl("phase", lambda v: v ^ 1),
    field_of_cpl("dring_cons", lambda v: v ^ 1),
    field_of_cpl("nbytes", lambda v: v + 1),
    field_of_cpl("status2", lambda v: v ^ 1),
    field_of_cpl("kind", lambda v: v ^ 2),
    early_cpl,
    late_data,
    wrong_channel_doorbell,
    crossing,
]


@pytest.mark.parametrize("mutate", MUTATIONS, ids=lambda m: m.__name__)
@pytest.mark.parametrize("seed", range(4))
def test_every_mutation_is_noticed(mutate: Mutation, seed: int) -> None:
    """Stimulus: a legal trace with one thing broken. Checking: at least one mismatch."""
    sys = base(seed)
    broken = mutate(sys.trace(), random.Random(seed))
    if broken is None:
        pytest.skip("the trace has no place for it")
    assert rules(judge(sys, broken)), mutate.__name__


def test_nothing_compared_is_a_failure() -> None:
    """Stimulus: none. Checking: finish() refuses."""
    sys = RefSystem(1)
    assert rules(judge(sys)) == {"nothing-compared"}


def test_strict_raises_at_once() -> None:
    """Stimulus: a wrong byte.
    Checking: feed() raises, and the text names address and descriptor."""
    sys = base(3)
    with pytest.raises(PairError, match="wrong-data"):
        judge(sys, wrong_byte(sys.trace(), random.Random(1)), strict=True)


def _one(op: str = "copy", n: int = 300, seed: int = 9, **kw: int) -> tuple[RefSystem, Desc]:
    sys = RefSystem(seed, channels=1, **kw)
    c = sys.nodes["A"].chans[0]
    d = getattr(sys, op)(c, n, 0, 0x55)
    return sys, d


@pytest.mark.parametrize("op", ["copy", "write", "read"])
@pytest.mark.parametrize("write", [False, True])
@pytest.mark.parametrize("resp", [SLVERR, DECERR])
def test_memory_errors_have_their_codes(op: str, write: bool, resp: int) -> None:
    """Stimulus: an error response in mid-flight. Checking: its code passes, any other does not."""
    sys, d = _one(op)
    c = sys.nodes["A"].chans[0]
    plan = sys.plan(c, d)
    far = op == ("write" if write else "read")
    where = sys.nodes["B" if far else "A"].mem
    at = plan.dst if write else plan.src
    where.add_error(at + 100, at + 101, resp, on_read=not write, on_write=write)
    sys.submit(c, [d, Desc(Op.NOP, tag=1)])
    want = {
        (False, SLVERR): Status.READ_SLVERR,
        (False, DECERR): Status.READ_DECERR,
        (True, SLVERR): Status.WRITE_SLVERR,
        (True, DECERR): Status.WRITE_DECERR,
    }[write, resp] | (AT_PEER if far else 0)
    assert c.posted[0].status == want
    judge(sys, strict=True).finish()
    ev = sys.trace()
    i = next(k for k, e in enumerate(ev) if _cpl(e))
    for other in (0, want ^ 1, want ^ AT_PEER):
        entries = entries_of(ev[i])
        entries[0] = replace(entries[0], status=other)
        assert rules(judge(sys, [*ev[:i], _set_entries(ev[i], entries), *ev[i + 1 :]]))


def test_segment_rewritten_in_mid_flight_allows_both() -> None:
    """Stimulus: the key is revoked between doorbell and completion.
    Checking: OK and KEY_REVOKED pass."""
    for status in (0, int(Status.KEY_REVOKED)):
        sys, d = _one("copy")
        c = sys.nodes["A"].chans[0]
        sys.submit(c, [d])
        ev = sys.trace()
        i = next(k for k, e in enumerate(ev) if isinstance(e, AxiRead) and e.id == 1)
        seg = sys.nodes["A"].table.get(c.seg(1))
        t = ev[i].t_data
        revoke = RegWrite(
            "A",
            t,
            0,
            regmap.seg(c.seg(1), "SEG_CTRL"),
            regmap.seg_ctrl(seg.rights, seg.channel, seg.peer, seg.gen + 1),
        )
        ev = [*ev[: i + 1], revoke, *ev[i + 1 :]]
        k = next(k for k, e in enumerate(ev) if _cpl(e))
        e0 = replace(entries_of(ev[k])[0], status=status, nbytes=0 if status else d.length)
        ev[k] = _set_entries(ev[k], [e0])
        judge(sys, ev, strict=True).finish()
    ev[k] = _set_entries(ev[k], [replace(e0, status=int(Status.SEG_RIGHTS))])
    assert "wrong-completion" in rules(judge(sys, ev))


def test_revoked_before_the_fetch_is_refused() -> None:
    """Stimulus: revocation before the fetch. Checking: OK no longer passes."""
    sys, d = _one("copy")
    c = sys.nodes["A"].chans[0]
    sys.submit(c, [d])
    ev = sys.trace()
    i = next(k for k, e in enumerate(ev) if isinstance(e, AxiRead) and e.id == 0)
    seg = sys.nodes["A"].table.get(c.seg(1))
    revoke = RegWrite(
        "A",
        ev[i].t_addr - 1,
        0,
        regmap.seg(c.seg(1), "SEG_CTRL"),
        regmap.seg_ctrl(seg.rights, seg.channel, seg.peer, seg.gen + 1),
    )
    assert rules(judge(sys, [*ev[:i], revoke, *ev[i:]]))


def _status(state: int, error: int = 0, busy: int = 0) -> int:
    return state | busy << 4 | error << 8


def test_abort_allows_aborted_then_silence() -> None:
    """Stimulus: ABORT before the completion.
    Checking: ABORTED or OK pass; nothing may follow DISABLED."""
    sys, d = _one("write", 2000)
    c = sys.nodes["A"].chans[0]
    sys.submit(c, [d])
    ev = sys.trace()
    k = next(k for k, e in enumerate(ev) if _cpl(e))
    last_write = ev[k - 1]
    abort = RegWrite("A", last_write.t_resp - 1, c.func, regmap.guest(0, "CTRL"), int(Cmd.ABORT))
    e0 = replace(entries_of(ev[k])[0], status=int(Status.ABORTED), nbytes=0)
    aborted = [*ev[: k - 1], abort, ev[k - 1], _set_entries(ev[k], [e0])]
    done = RegRead(
        "A", ev[k].t_resp + 5, c.func, regmap.guest(0, "STATUS"), _status(State.DISABLED)
    )
    pair = judge(sys, [*aborted, done], strict=True)
    pair.finish()
    assert pair.undefined("B")
    # without the abort, ABORTED is wrong
    assert "wrong-completion" in rules(judge(sys, [*ev[:k], _set_entries(ev[k], [e0])]))
    # a write after DISABLED was visible
    t = done.t + 10
    late = replace(last_write, t_addr=t, t_data=t + 1, t_resp=t + 2)
    assert "late-access" in rules(judge(sys, [*aborted, done, late]))
    # DISABLED visible while a response is outstanding
    soon = replace(done, t=last_write.t_resp - 1)
    got = rules(judge(sys, [*ev[: k - 1], abort, soon, ev[k - 1]]))
    assert got & {"late-access", "early-disabled", "unexplained-access"}, got


def test_reset_posts_nothing() -> None:
    """Stimulus: RESET in mid-flight, DISABLED seen, then a completion. Checking: it is refused."""
    sys, d = _one("copy")
    c = sys.nodes["A"].chans[0]
    sys.submit(c, [d])
    ev = sys.trace()
    k = next(k for k, e in enumerate(ev) if _cpl(e))
    t = ev[k].t_addr
    reset = RegWrite("A", t - 2, c.func, regmap.guest(0, "CTRL"), int(Cmd.RESET))
    seen = RegRead("A", t - 1, c.func, regmap.guest(0, "STATUS"), _status(State.DISABLED))
    assert "late-access" in rules(judge(sys, [*ev[:k], reset, seen, ev[k]]))


def test_wrong_state_is_noticed() -> None:
    """Stimulus: STATUS reads. Checking: ACTIVE passes after ENABLE, PAUSED and an error do not."""
    sys, d = _one("copy")
    c = sys.nodes["A"].chans[0]
    sys.submit(c, [d])
    ev = sys.trace()
    t = ev[-1].t_resp + 1
    for value, ok in (
        (_status(State.ACTIVE), True),
        (_status(State.PAUSED), False),
        (_status(State.DISABLED), False),
        (_status(State.ACTIVE, Status.BAD_RING), False),
    ):
        read = RegRead("A", t, c.func, regmap.guest(0, "STATUS"), value)
        assert ("wrong-state" not in rules(judge(sys, [*ev, read]))) == ok


def test_foreign_access_is_dropped_and_counted() -> None:
    """Stimulus: function 7 rings channel 0's doorbell.
    Checking: no effect; reads all ones; FOREIGN_CNT 2."""
    sys, d = _one("copy")
    c = sys.nodes["A"].chans[0]
    sys.submit(c, [d])
    t = 10**6
    ring = RegWrite("A", t, 7, regmap.guest(0, "DRING_PROD"), 3)
    ones = (1 << 64) - 1
    ev = [*sys.trace(), ring, RegRead("A", t, 7, regmap.guest(0, "STATUS"), ones)]
    count = regmap.FOREIGN_CNT + 8 * 7
    judge(sys, [*ev, RegRead("A", t, 0, count, 2)], strict=True).finish()
    assert "wrong-register" in rules(judge(sys, [*ev, RegRead("A", t, 0, count, 1)]))
    assert "wrong-register" in rules(
        judge(sys, [*ev, RegRead("A", t, 7, regmap.guest(0, "STATUS"), 1)])
    )


def test_counters_agree() -> None:
    """Stimulus: traffic, then counter reads. Checking: the right values pass, others do not."""
    sys, d = _one("copy", 300)
    c = sys.nodes["A"].chans[0]
    sys.submit(c, [d, Desc(0x66, tag=3)])
    ev = sys.trace()
    for name, want in (
        ("CNT_DESC", 2),
        ("CNT_ERR", 1),
        ("CNT_RD_BYTES", 300),
        ("CNT_WR_BYTES", 300),
    ):
        for value in (want, want + 1):
            read = RegRead("A", 10**6, c.func, regmap.guest(0, name), value)
            assert ("wrong-register" in rules(judge(sys, [*ev, read]))) == (value != want)


def test_fence_is_checked() -> None:
    """Stimulus: a fenced COPY that begins before an earlier response. Checking: 'fence'."""
    sys = RefSystem(4, channels=1)
    c = sys.nodes["A"].chans[0]
    a, b = sys.copy(c, 200, 0, 1), sys.copy(c, 200, 1 << DescFlag.FENCE, 2)
    sys.submit(c, [a, b])
    judge(sys, strict=True).finish()
    ev = sys.trace()
    second = sys.plan(c, b)
    k = next(k for k, e in enumerate(ev) if _data_read(e) and e.addr >= second.src - 8)
    before = [e for e in ev[:k] if _data_write(e)]
    early = replace(ev[k], t_addr=before[-1].t_resp)
    assert "fence" in rules(judge(sys, [*ev[:k], early, *ev[k + 1 :]]))


def test_completion_ring_overrun() -> None:
    """Stimulus: completions with the consumer doorbells removed. Checking: 'ring-overrun'."""
    sys = RefSystem(2, channels=1, dlog2=5, clog2=2)
    c = sys.nodes["A"].chans[0]
    sys.submit(c, [sys.copy(c, 9, 0, k) for k in range(4)])
    judge(sys, strict=True).finish()
    ev = [
        e
        for e in sys.trace()
        if not (isinstance(e, RegWrite) and e.addr == regmap.guest(0, "CRING_CONS"))
    ]
    assert "ring-overrun" in rules(judge(sys, ev))


def test_stop_on_error_leaves_the_rest() -> None:
    """Stimulus: STOP_ON_ERROR and a bad descriptor. Checking: what follows may stay undone."""
    sys = RefSystem(2, channels=1, dlog2=4, stop=True)
    c = sys.nodes["A"].chans[0]
    sys.submit(c, [Desc(0x99, tag=1)] + [sys.copy(c, 9, 0, k) for k in range(3)])
    judge(sys, strict=True).finish()
    sys2 = RefSystem(2, channels=1, dlog2=4, stop=False)
    c2 = sys2.nodes["A"].chans[0]
    sys2.submit(c2, [Desc(0x99, tag=1)] + [sys2.copy(c2, 9, 0, k) for k in range(3)])
    ev = sys2.trace()
    k = max(i for i, e in enumerate(ev) if _cpl(e))
    assert rules(judge(sys2, ev[:k]))


@given(seed=st.integers(0, 1 << 30), which=st.sampled_from(MUTATIONS))
def test_mutations_at_random(seed: int, which: Mutation) -> None:
    """Stimulus: random trace, random mutation. Checking: noticed."""
    sys = RefSystem(
        seed, channels=2, data_w=random.Random(seed).choice([64, 128, 256, 512]), dlog2=4, clog2=4
    )
    sys.random_traffic(6, max_len=600)
    ev = sys.trace()
    if not any(_data_write(e) for e in ev) or not any(_data_read(e) for e in ev):
        return
    broken = which(ev, random.Random(seed))
    assert broken is None or rules(judge(sys, broken)), which.__name__
