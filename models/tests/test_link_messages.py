# SPDX-License-Identifier: Apache-2.0
"""The wire's rules for WRITE_IMM, SEND and MIRROR: questions, permissions, further attempts; each breach has its name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.frame import Frame
from models.lay import AT_PEER, FrameFlag, FrameType, Status
from models.linkcheck import check_all, flags

pytestmark = pytest.mark.model

MTU = 64
FIRST, LAST = flags(FrameFlag.FIRST), flags(FrameFlag.LAST)
CANCEL = flags(FrameFlag.CANCEL)
ABORTED = int(Status.ABORTED) | AT_PEER
NOT_READY = int(Status.RECEIVER_NOT_READY) | AT_PEER


def wire(frames: list[tuple[str, Frame]]) -> set[str]:
    """Numbers are filled in; the rules that were broken."""
    seq = {(n, vc): 0 for n in "AB" for vc in (1, 2)}
    out = []
    for src, f in frames:
        vc = 1 if f.type < FrameType.OP_ACK else 2
        out.append((src, replace(f, link_seq=seq[src, vc]).build(8)))
        seq[src, vc] += 1
    return {x.rule for x in check_all(out, beat=8, mtu=MTU)}


def data(seq: int, offset: int, payload: bytes, total: int, mark: int, kind: int = FrameType.WRITE_IMM) -> tuple[str, Frame]:
    return "A", Frame(kind, flags=mark, src_ch=1, dst_ch=2, tag=5, op_seq=seq, segaddr=0 if kind == FrameType.SEND else 9,
                      total_len=total, offset=offset, operand0=0 if kind == FrameType.MIRROR else 77, payload=payload)


def answer(kind: int, seq: int, status: int = 0) -> tuple[str, Frame]:
    return "B", Frame(kind, src_ch=2, dst_ch=1, tag=5, op_seq=seq, status=status)


KINDS = [FrameType.WRITE_IMM, FrameType.SEND]


def story(kind: int = FrameType.WRITE_IMM) -> list[tuple[str, Frame]]:
    """In one frame and refused; asked, and refused; asked, permitted, sent in two frames."""
    n = MTU + 1
    one = [data(0, 0, b"x" * 8, 8, FIRST | LAST, kind), answer(FrameType.OP_NAK, 0, NOT_READY)]
    no = [data(1, 0, b"", 8, FIRST, kind), answer(FrameType.OP_PERMIT, 1, NOT_READY)]
    yes = [data(2, 0, b"", n, FIRST, kind), answer(FrameType.OP_PERMIT, 2)]
    rest = [data(2, 0, bytes(MTU), n, 0, kind), data(2, MTU, b"z", n, LAST, kind), answer(FrameType.OP_ACK, 2)]
    return [*one, *no, *yes, *rest]


@pytest.mark.parametrize("kind", KINDS)
def test_messages_pass(kind: int) -> None:
    """Stimulus: attempts of all kinds; a message without bytes; a CANCEL that crosses with the refusal of its ASK. Checking: no fault."""
    assert not wire(story(kind))
    assert not wire([data(0, 0, b"", 0, FIRST | LAST, kind), answer(FrameType.OP_ACK, 0)])
    asks, no = data(0, 0, b"", 99, FIRST, kind), answer(FrameType.OP_PERMIT, 0, NOT_READY)
    stop, over = data(0, 0, b"", 99, CANCEL, kind), answer(FrameType.OP_NAK, 0, ABORTED)
    assert not wire([asks, stop, no, over]) and not wire([asks, no, stop, over])
    assert "unanswered" in wire([asks, stop, no]) and "unanswered" in wire([asks, no, stop])


BREACHES = {
    "bytes unasked": (4, {"payload": bytes(MTU)}, "ask"),
    "another immediate": (6, {"operand0": 78}, "ask"),
    "permission for another tag": (5, {"tag": 6}, "response"),
    "permission to another channel": (5, {"dst_ch": 3}, "response"),
    "refused without bit 7": (3, {"status": int(Status.RECEIVER_NOT_READY)}, "response"),
    "skips": (7, {"offset": MTU + 1}, "offset"),
    "short in the middle": (6, {"payload": bytes(8)}, "short-frame"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", BREACHES)
def test_message_breaches(name: str, kind: int) -> None:
    """Stimulus: one field of one frame differs. Checking: its rule."""
    k, change, rule = BREACHES[name]
    frames = story(kind)
    frames[k] = (frames[k][0], replace(frames[k][1], **change))
    assert rule in wire(frames)


@pytest.mark.parametrize("kind", KINDS)
def test_data_before_permission(kind: int) -> None:
    """Stimulus: the permission is missing, comes late, or twice. Checking: named."""
    frames = story(kind)
    assert "ask" in wire(frames[:5] + frames[6:])
    assert "ask" in wire(frames[:5] + [frames[6], frames[5]] + frames[7:])
    assert "response" in wire(frames[:6] + [frames[5]] + frames[6:])
    assert "unanswered" in wire(frames[:5])


@pytest.mark.parametrize("k", [0, 4, 6, 7])
def test_a_send_names_no_place(k: int) -> None:
    """Stimulus: one frame of a SEND with an address. Checking: named."""
    frames = story(FrameType.SEND)
    src, f = frames[k]
    frames[k] = src, replace(f, segaddr=9)
    assert "send" in wire(frames)


# MIRROR --------------------------------------------------------------------------------------------------
def mirror(seq: int, offset: int, payload: bytes, total: int, mark: int) -> tuple[str, Frame]:
    return data(seq, offset, payload, total, mark, FrameType.MIRROR)


def mirrored(wait: int = 2) -> list[tuple[str, Frame]]:
    """One frame; then three of one MIRROR, the permission behind the first `wait` of them; a next one."""
    n = 2 * MTU + 5
    frames = [mirror(1, 0, bytes(MTU), n, FIRST), mirror(1, MTU, bytes(MTU), n, 0), mirror(1, 2 * MTU, bytes(5), n, LAST)]
    frames.insert(wait, answer(FrameType.OP_PERMIT, 1))
    one = [mirror(0, 0, b"x" * 8, 8, FIRST | LAST), answer(FrameType.OP_ACK, 0)]
    return [*one, *frames, answer(FrameType.OP_ACK, 1), mirror(2, 0, b"y", 1, FIRST | LAST), answer(FrameType.OP_NAK, 2, ABORTED)]


def refused(*rest: tuple[str, Frame]) -> list[tuple[str, Frame]]:
    n = 9 * MTU
    no = answer(FrameType.OP_PERMIT, 0, int(Status.SEG_RANGE) | AT_PEER)
    return [mirror(0, 0, bytes(MTU), n, FIRST), mirror(0, MTU, bytes(MTU), n, 0), no, *rest]


STOP = mirror(0, 2 * MTU, b"", 9 * MTU, CANCEL)
NAK = answer(FrameType.OP_NAK, 0, int(Status.SEG_RANGE) | AT_PEER)


def test_mirrors_pass() -> None:
    """Stimulus: the permission after one, two or all frames; refused, stopped at once or a frame later. Checking: no fault."""
    for wait in (1, 2, 3):
        assert not wire(mirrored(wait))
    more = mirror(0, 2 * MTU, bytes(MTU), 9 * MTU, 0)
    stop = mirror(0, 3 * MTU, b"", 9 * MTU, CANCEL)
    assert not wire(refused(STOP, NAK)) and not wire(refused(more, stop, NAK))


def test_mirror_breaches() -> None:
    """Stimulus: op-ack without or before the permission, two permissions, one for a single frame; a refused one that is
    acknowledged, not ended, or not answered. Checking: named."""
    good = mirrored()
    k = next(i for i, (_, f) in enumerate(good) if f.type == FrameType.OP_PERMIT)
    assert "early-ack" in wire(good[:k] + good[k + 1 :])
    assert "response" in wire(good[: k + 1] + good[k:])
    assert "response" in wire([good[0], answer(FrameType.OP_PERMIT, 0), *good[1:]])
    assert "response" in wire(refused(STOP, answer(FrameType.OP_ACK, 0)))
    other = "A", replace(mirror(1, 0, b"y", 1, FIRST | LAST)[1], tag=6)
    assert "operation" in wire(refused(other))
    assert "unanswered" in wire(refused(STOP)) and "unanswered" in wire(refused())
    assert "early-ack" in wire([*good[:2], good[2], answer(FrameType.OP_PERMIT, 1), answer(FrameType.OP_ACK, 1)])
    broken = [(s, replace(f, offset=f.offset + 8) if f.offset == MTU else f) for s, f in good]
    assert "offset" in wire(broken)
