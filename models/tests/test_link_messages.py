# SPDX-License-Identifier: Apache-2.0
"""The wire's rules for WRITE_IMM: questions, permissions, further attempts; each breach has its name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.frame import Frame
from models.lay import AT_PEER, FrameFlag, FrameType, Status
from models.linkcheck import check_all, flags

pytestmark = pytest.mark.model

MTU = 64
FIRST, LAST = flags(FrameFlag.FIRST), flags(FrameFlag.LAST)
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


def data(seq: int, offset: int, payload: bytes, total: int, mark: int) -> tuple[str, Frame]:
    return "A", Frame(FrameType.WRITE_IMM, flags=mark, src_ch=1, dst_ch=2, tag=5, op_seq=seq, segaddr=9, total_len=total,
                      offset=offset, operand0=77, payload=payload)


def answer(kind: int, seq: int, status: int = 0) -> tuple[str, Frame]:
    return "B", Frame(kind, src_ch=2, dst_ch=1, tag=5, op_seq=seq, status=status)


def story() -> list[tuple[str, Frame]]:
    """In one frame and refused; asked, and refused; asked, permitted, sent in two frames."""
    n = MTU + 1
    one = [data(0, 0, b"x" * 8, 8, FIRST | LAST), answer(FrameType.OP_NAK, 0, NOT_READY)]
    no = [data(1, 0, b"", 8, FIRST), answer(FrameType.OP_PERMIT, 1, NOT_READY)]
    yes = [data(2, 0, b"", n, FIRST), answer(FrameType.OP_PERMIT, 2)]
    rest = [data(2, 0, bytes(MTU), n, 0), data(2, MTU, b"z", n, LAST), answer(FrameType.OP_ACK, 2)]
    return [*one, *no, *yes, *rest]


def test_messages_pass() -> None:
    """Stimulus: attempts of all kinds; a message without bytes. Checking: no fault."""
    assert not wire(story())
    assert not wire([data(0, 0, b"", 0, FIRST | LAST), answer(FrameType.OP_ACK, 0)])


BREACHES = {
    "bytes unasked": (4, {"payload": bytes(MTU)}, "ask"),
    "another immediate": (6, {"operand0": 78}, "ask"),
    "permission for another tag": (5, {"tag": 6}, "response"),
    "permission to another channel": (5, {"dst_ch": 3}, "response"),
    "refused without bit 7": (3, {"status": int(Status.RECEIVER_NOT_READY)}, "response"),
    "skips": (7, {"offset": MTU + 1}, "offset"),
    "short in the middle": (6, {"payload": bytes(8)}, "short-frame"),
}


@pytest.mark.parametrize("name", BREACHES)
def test_message_breaches(name: str) -> None:
    """Stimulus: one field of one frame differs. Checking: its rule."""
    k, change, rule = BREACHES[name]
    frames = story()
    frames[k] = (frames[k][0], replace(frames[k][1], **change))
    assert rule in wire(frames)


def test_data_before_permission() -> None:
    """Stimulus: the permission is missing, comes late, or twice. Checking: named."""
    frames = story()
    assert "ask" in wire(frames[:5] + frames[6:])
    assert "ask" in wire(frames[:5] + [frames[6], frames[5]] + frames[7:])
    assert "response" in wire(frames[:6] + [frames[5]] + frames[6:])
    assert "unanswered" in wire(frames[:5])
