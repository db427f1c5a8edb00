# SPDX-License-Identifier: Apache-2.0
"""The link's rules hold for a legal exchange, and each breach has its name."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.frame import Frame, split_write
from models.lay import AT_PEER, FrameFlag, FrameType, Status
from models.linkcheck import LinkChecker, check_all, flags

pytestmark = pytest.mark.model

MTU, SHARED = 256, 4


class Exchange:
    """Two ends that keep the rules; frames as (sender, Frame) in the order of the wire."""

    def __init__(self, seed: int, channels: int = 3) -> None:
        self.rng = random.Random(seed)
        self.frames: list[tuple[str, Frame]] = []
        self.seq = {(n, v): 0 for n in "AB" for v in (1, 2)}
        self.op_seq: dict[tuple[str, int], int] = {}
        self.sent: dict[tuple[str, int], int] = {}
        self.freed: dict[tuple[str, int], int] = {}
        self.tag = 0
        self.channels = channels

    def send(self, src: str, f: Frame) -> None:
        far = "B" if src == "A" else "A"
        vc = 1 if f.type == FrameType.WRITE else 2 if f.type >= FrameType.OP_ACK else 0
        ch = self.rng.randrange(self.channels)
        seq = self.seq[src, vc] if vc else 0
        f = replace(
            f,
            link_seq=seq,
            src_node=ord(src),
            dst_node=ord(far),
            epoch=3,
            ack_req=self.seq[far, 1],
            credit_ch=ch,
            credit_cnt=self.freed.get((far, ch), 0) % 256,
            credit_valid=1,
        )
        if vc:
            self.seq[src, vc] = (seq + 1) % (1 << 16)
        if vc == 1:
            self.sent[src, f.src_ch] = self.sent.get((src, f.src_ch), 0) + 1
        self.frames.append((src, f))

    def run(self, ops: int) -> list[tuple[str, Frame]]:
        for _ in range(ops):
            src = self.rng.choice("AB")
            far = "B" if src == "A" else "A"
            ch = self.rng.randrange(self.channels)
            k = self.op_seq.get((src, ch), 0)
            self.op_seq[src, ch] = k + 1
            self.tag += 1
            n = self.rng.choice([1, MTU - 1, MTU, MTU + 1, 3 * MTU, self.rng.randint(1, 700)])
            head = Frame(
                FrameType.WRITE, src_ch=ch, dst_ch=ch + 1, op_seq=k, tag=self.tag, segaddr=77 * n
            )
            for f in split_write(head, self.rng.randbytes(n), MTU):
                self.send(src, f)
                self.freed[src, ch] = self.freed.get((src, ch), 0) + 1
                if self.rng.random() < 0.7:  # credits come back in time
                    for c in range(self.channels):
                        idle = Frame(FrameType.IDLE)
                        self.send(far, idle)
                        self.frames[-1] = (
                            far,
                            replace(
                                self.frames[-1][1],
                                credit_ch=c,
                                credit_cnt=self.freed.get((src, c), 0) % 256,
                            ),
                        )
            nak = self.rng.random() < 0.2
            self.send(
                far,
                Frame(
                    FrameType.OP_NAK if nak else FrameType.OP_ACK,
                    src_ch=ch + 1,
                    dst_ch=ch,
                    op_seq=k,
                    tag=self.tag,
                    status=(Status.SEG_RANGE | AT_PEER) if nak else 0,
                ),
            )
        return self.frames


def judge(frames: list[tuple[str, Frame]], shared: int = 1000) -> set[str]:
    raw = [(s, f.build(8)) for s, f in frames]
    return {x.rule for x in check_all(raw, beat=8, mtu=MTU, rx_shared=shared)}


@given(seed=st.integers(0, 1 << 30), ops=st.integers(1, 30))
def test_legal_exchange(seed: int, ops: int) -> None:
    """Stimulus: writes both ways with acks and credits. Checking: no fault."""
    assert not judge(Exchange(seed).run(ops))


Breach = Callable[[list[tuple[str, Frame]]], list[tuple[str, Frame]]]


def at(kind: int, which: int, **change: object) -> Breach:
    """Change fields of the n-th frame of a type."""

    def breach(frames: list[tuple[str, Frame]]) -> list[tuple[str, Frame]]:
        i = [k for k, (_, f) in enumerate(frames) if f.type == kind][which]
        new = {n: (v(frames[i][1]) if callable(v) else v) for n, v in change.items()}
        return [*frames[:i], (frames[i][0], replace(frames[i][1], **new)), *frames[i + 1 :]]

    return breach


def drop(kind: int, which: int) -> Breach:
    def breach(frames: list[tuple[str, Frame]]) -> list[tuple[str, Frame]]:
        i = [k for k, (_, f) in enumerate(frames) if f.type == kind][which]
        return frames[:i] + frames[i + 1 :]

    return breach


W, ACK = FrameType.WRITE, FrameType.OP_ACK
BREACHES: dict[str, tuple[str, Breach]] = {
    "sequence": ("link-seq", at(W, 3, link_seq=lambda f: f.link_seq + 1)),
    "lost request": ("link-seq", drop(W, 2)),
    "epoch": ("epoch", at(W, 3, epoch=4)),
    "ack of unsent": ("ack", at(ACK, 0, ack_req=9999)),
    "credit of unused": ("credit", at(ACK, 0, credit_ch=2, credit_cnt=200)),
    "offset": ("offset", at(W, 2, offset=lambda f: f.offset + 1)),
    "total": ("last", at(W, 0, total_len=lambda f: f.total_len + 1)),
    "last": ("last", at(W, 1, flags=lambda f: f.flags ^ flags(FrameFlag.LAST))),
    "first": ("operation", at(W, 0, flags=lambda f: f.flags & ~flags(FrameFlag.FIRST))),
    "operation number inside": ("operation", at(W, -1, op_seq=lambda f: f.op_seq + 5)),
    "answer twice": ("response", at(ACK, 1, tag=1)),
    "no answer": ("unanswered", drop(ACK, -1)),
    "ack with status": ("response", at(ACK, 0, status=5)),
    "payload on idle": ("payload", at(FrameType.IDLE, 0, payload=b"x")),
    "version": ("version", at(W, 0, version=2)),
}


@pytest.mark.parametrize("name", BREACHES)
def test_breaches(name: str) -> None:
    """Stimulus: a legal exchange with one breach. Checking: its rule is among those named."""
    rule, breach = BREACHES[name]
    ex = Exchange(11)
    ex.rng = random.Random(3)
    frames = ex.run(12)
    assert not judge(frames)
    assert rule in judge(breach(frames)), judge(breach(frames))


def test_credits_run_out() -> None:
    """Stimulus: frames without credits coming back.
    Checking: 1 + shared pass, one more does not."""
    frames = []
    for k in range(SHARED + 2):
        one = Frame(
            W, src_ch=0, op_seq=k, tag=k, link_seq=k, flags=flags(FrameFlag.FIRST, FrameFlag.LAST)
        )
        frames.append(("A", replace(one, payload=b"x", total_len=1)))
    assert "no-credit" not in judge(frames[:-1], SHARED)
    assert "no-credit" in judge(frames, SHARED)
    other = replace(frames[-1][1], src_ch=1, op_seq=0)  # its own reserved slot
    assert "no-credit" not in judge([*frames[:-1], ("A", other)], SHARED)


def test_numbers_of_refused_operations() -> None:
    """Stimulus: operation 0, then 3. Checking: passes when two may have ended without a frame."""
    one = flags(FrameFlag.FIRST, FrameFlag.LAST)
    a = Frame(W, tag=1, flags=one, payload=b"x", total_len=1)
    frames = [("A", a), ("A", replace(a, tag=2, op_seq=3, link_seq=1))]
    raw = [(s, f.build(8)) for s, f in frames]
    for most in (1, 2):
        asked = []
        found = check_all(raw, beat=8, mtu=MTU, may_skip=lambda *x, m=most, to=asked: to.append(x) or x[2] <= m)
        assert ("op-seq" in {x.rule for x in found}) == (most < 2)
        assert asked == [("A", 0, 2)]


def test_operation_numbers() -> None:
    """Stimulus: operation 0, then 2, of one channel.
    Checking: 'op-seq'; another channel is free."""
    one = flags(FrameFlag.FIRST, FrameFlag.LAST)
    a = Frame(W, tag=1, flags=one, payload=b"x", total_len=1)
    b = replace(a, tag=2, op_seq=2, link_seq=1)
    assert "op-seq" in judge([("A", a), ("A", b)])
    assert "op-seq" not in judge([("A", a), ("A", replace(b, op_seq=1))])
    assert "op-seq" not in judge([("A", a), ("A", replace(b, src_ch=4))])


def test_refused_in_the_middle() -> None:
    """Stimulus: an op-nak after the first of two frames. Checking: both ways to go on pass."""
    a, b = split_write(Frame(W, tag=1), bytes(MTU + 1), MTU)
    nak = Frame(FrameType.OP_NAK, tag=1, status=int(Status.SEG_RANGE) | AT_PEER, ack_req=1)
    one = flags(FrameFlag.FIRST, FrameFlag.LAST)
    after = Frame(W, tag=2, op_seq=1, flags=one, payload=b"x", total_len=1, link_seq=1)
    ok = {"unanswered"}  # the second operation has no answer here
    assert judge([("A", a), ("B", nak), ("A", after)]) <= ok
    rest = replace(b, link_seq=1)
    assert judge([("A", a), ("B", nak), ("A", rest), ("A", replace(after, link_seq=2))]) <= ok
    assert "operation" in judge([("A", a), ("A", after)])


def test_early_ack_and_cancel() -> None:
    """Stimulus: an op-ack before LAST; a CANCEL in mid-operation answered by op-nak."""
    a, b = split_write(Frame(W, tag=1), bytes(MTU + 1), MTU)
    b = replace(b, link_seq=1)
    ack = Frame(ACK, tag=1, ack_req=1)
    nak = Frame(FrameType.OP_NAK, tag=1, status=int(Status.ABORTED) | AT_PEER, ack_req=1)
    cancel = replace(b, flags=flags(FrameFlag.CANCEL), payload=b"")
    assert "early-ack" in judge([("A", a), ("B", ack), ("A", b)])
    assert not judge([("A", a), ("A", cancel), ("B", nak)])
    assert "cancel" in judge([("A", a), ("A", replace(cancel, payload=b"x")), ("B", nak)])


def test_cancelled_in_the_first_frame() -> None:
    """Stimulus: an operation whose only frame is a CANCEL with FIRST (its second chunk was refused), then its op-nak.
    Checking: passes; without the op-nak 'unanswered', without FIRST the op-nak is one too many."""
    cancel = Frame(W, tag=1, flags=flags(FrameFlag.FIRST, FrameFlag.LAST, FrameFlag.CANCEL), total_len=21)
    nak = Frame(FrameType.OP_NAK, tag=1, status=int(Status.ABORTED) | AT_PEER, ack_req=1)
    assert not judge([("A", cancel), ("B", nak)])
    assert judge([("A", cancel)]) == {"unanswered"}
    assert "response" in judge([("A", replace(cancel, flags=flags(FrameFlag.CANCEL))), ("B", nak)])


def test_disturbed_and_restart() -> None:
    """Stimulus: a lost frame that is announced.
    Checking: no false alarm; after restart strict again."""
    frames = Exchange(5).run(8)
    link = LinkChecker("A", "B", beat=8, mtu=MTU, rx_shared=1000, node_ids={"A": 65, "B": 66})
    for k, (src, f) in enumerate(frames):
        if k == 4:
            link.disturbed()
            continue
        link.frame(src, k, f.build(8))
    assert {x.rule for x in link.finish()} <= {"offset", "operation"}
    link.faults.clear()
    link.restart()
    link.frame("A", 99, replace(frames[0][1], src_node=9).build(8))
    assert "node" in {x.rule for x in link.faults}


def test_replay() -> None:
    """Stimulus: after a loss the frames of an operation come again, with newer acknowledgements.
    Checking: they count once, but have to be what they were; without a loss nothing comes again."""
    frames = split_write(Frame(W, tag=1), bytes(3 * MTU), MTU)
    sent = [replace(f, link_seq=k) for k, f in enumerate(frames)]
    again = [replace(f, ack_req=1, credit_valid=1) for f in sent[1:]]
    ack = Frame(ACK, tag=1, ack_req=3)

    def seen(frames: list[tuple[str, Frame]], loss: bool = True) -> set[str]:
        link = LinkChecker("A", "B", beat=8, mtu=MTU)
        if loss:
            link.disturbed()
        for k, (src, f) in enumerate(frames):
            link.frame(src, k, f.build(8))
        return {x.rule for x in link.finish()}

    story = [("A", f) for f in (*sent[:2], *again[:1], sent[2], *again)]
    assert not seen([*story, ("B", ack), ("B", ack)])
    assert "link-seq" in seen([*story, ("B", ack)], loss=False)
    assert seen([*story, ("A", replace(again[0], payload=bytes(MTU - 1) + b"x"))]) == {"replay"}
    assert seen([*story, ("A", replace(again[0], tag=2))]) == {"replay"}


def epoch(nonce: int, heard: int | None = None) -> Frame:
    known = 0 if heard is None else heard
    return Frame(FrameType.EPOCH, operand0=known << 32 | nonce, operand1=int(heard is not None))


def test_sessions() -> None:
    """Stimulus: two sessions; late acknowledgements of the first.
    Checking: numbers begin again, nothing of the first goes on."""
    one = flags(FrameFlag.FIRST, FrameFlag.LAST)
    w = Frame(W, tag=1, flags=one, payload=b"x", total_len=1, session=2)
    v = replace(w, session=4)
    first = [("A", epoch(0x10005)), ("B", epoch(0x10006, 0x10005)), ("A", epoch(0x10005, 0x10006)), ("A", w)]
    acked = ("B", Frame(ACK, tag=1, ack_req=1, session=2))
    idle = ("B", Frame(FrameType.IDLE, ack_req=1, link_seq=1, session=2))
    second = [("A", epoch(0x20005)), idle, ("B", epoch(0x20001, 0x20005)), ("A", epoch(0x20005, 0x20001))]
    now = ("B", replace(acked[1], session=4))
    assert not judge([*first, acked, *second, ("A", v), now])
    assert "link-seq" in judge([*first, acked, *second, ("A", replace(v, link_seq=1))])
    assert judge([*first, acked, *second, ("B", replace(idle[1], session=4))]) == {"ack"}
    a, b = split_write(Frame(W, tag=1), bytes(MTU + 1), MTU)
    assert "operation" in judge([*first[:3], ("A", replace(a, session=2)), *second, ("A", replace(b, session=4))])
    # each frame says in which session it was sent, and an EPOCH frame nothing of the kind
    assert "session" in judge([*first, acked, *second, ("A", w)])
    assert "session" in judge([*first, acked, *second, idle])
    assert judge([("A", replace(epoch(0x10005), session=1))]) == {"session"}
    assert judge([("A", epoch(0x20005)), ("A", epoch(0x20006))]) == {"nonce"}
    assert judge([("A", epoch(0x20005)), ("A", epoch(0x10006))]) == {"nonce"}
    assert not judge([("A", epoch(0xFFFF0005)), ("A", epoch(0x00010006))])


def test_operation_numbers_wrap() -> None:
    """Stimulus: operation 65535, then 0. Checking: they follow each other."""
    one = flags(FrameFlag.FIRST, FrameFlag.LAST)
    a = Frame(W, tag=1, flags=one, payload=b"x", total_len=1, op_seq=65535)
    assert judge([("A", a), ("A", replace(a, op_seq=0, link_seq=1, tag=2))]) == {"unanswered"}
