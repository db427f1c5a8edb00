# SPDX-License-Identifier: Apache-2.0
"""Frames of the link: header first, then the payload, zero padded to whole beats.

The CRC-32C runs over the padded payload and then over the header with its CRC field 0, so that a
transmitter can compute it while the payload streams past.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from models.crc import crc32c
from models.lay import FRAME, FrameFlag, FrameType, FrameVc

HEADER_BYTES = FRAME.size
VERSION = 1

_REQ_TYPES = frozenset(
    {
        FrameType.WRITE,
        FrameType.WRITE_IMM,
        FrameType.READ,
        FrameType.MIRROR,
        FrameType.SEND,
        FrameType.ATOMIC,
        FrameType.NOTIFY,
    }
)
_RSP_TYPES = frozenset({FrameType.OP_ACK, FrameType.OP_NAK, FrameType.READ_DATA, FrameType.OP_PERMIT})


def vc_of(frame_type: int) -> int:
    """The virtual channel to which a frame type belongs."""
    if frame_type in _REQ_TYPES:
        return int(FrameVc.REQ)
    if frame_type in _RSP_TYPES:
        return int(FrameVc.RSP)
    return int(FrameVc.NONE)


class FrameError(ValueError):
    """A frame that a receiver must drop; `reason` is one word."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(frozen=True)
class Frame:
    """One frame. Names are those of the layout in lower case; `crc` None means: compute it."""

    type: int
    vc: int = -1
    version: int = VERSION
    flags: int = 0
    status: int = 0
    src_node: int = 0
    dst_node: int = 0
    src_ch: int = 0
    dst_ch: int = 0
    epoch: int = 0
    link_seq: int = 0
    op_seq: int = 0
    session: int = 0
    tag: int = 0
    status2: int = 0
    ack_req: int = 0
    segaddr: int = 0
    total_len: int = 0
    offset: int = 0
    operand0: int = 0
    operand1: int = 0
    credit_ch: int = 0
    credit_cnt: int = 0
    rsp_credit: int = 0
    credit_valid: int = 0
    payload: bytes = b""
    crc: int | None = None

    def flag(self, bit: int) -> bool:
        return bool(self.flags >> bit & 1)

    @property
    def first(self) -> bool:
        return self.flag(FrameFlag.FIRST)

    @property
    def last(self) -> bool:
        return self.flag(FrameFlag.LAST)

    @property
    def cancel(self) -> bool:
        return self.flag(FrameFlag.CANCEL)

    def _header(self, crc: int) -> bytes:
        values = {
            f.name.upper(): getattr(self, f.name)
            for f in fields(self)
            if f.name not in ("payload", "crc", "vc")
        }
        values["VC"] = vc_of(self.type) if self.vc < 0 else self.vc
        return FRAME.pack(**values, PAYLOAD_LEN=len(self.payload), CRC=crc)

    def padded(self, beat_bytes: int) -> bytes:
        return self.payload + bytes(-len(self.payload) % beat_bytes)

    def good_crc(self, beat_bytes: int) -> int:
        """The CRC that this frame should carry on a link of `beat_bytes`."""
        return crc32c(self._header(0), crc32c(self.padded(beat_bytes)))

    def build(self, beat_bytes: int) -> bytes:
        """The frame as it stands on the wire: a whole number of beats."""
        crc = self.good_crc(beat_bytes) if self.crc is None else self.crc
        raw = self._header(crc) + self.padded(beat_bytes)
        return raw + bytes(-len(raw) % beat_bytes)

    def beats(self, beat_bytes: int) -> list[bytes]:
        raw = self.build(beat_bytes)
        return [raw[i : i + beat_bytes] for i in range(0, len(raw), beat_bytes)]


def wire_beats(payload_len: int, beat_bytes: int) -> int:
    """Beats of a frame on the wire."""
    return -(-HEADER_BYTES // beat_bytes) + -(-payload_len // beat_bytes)


def parse(raw: bytes, beat_bytes: int, mtu: int = 1 << 15, verify: bool = True) -> Frame:
    """Parse what came over the wire; FrameError when a receiver must drop it."""
    if len(raw) < HEADER_BYTES:
        raise FrameError("short", f"{len(raw)} bytes are less than a header")
    f = FRAME.unpack(raw[:HEADER_BYTES])
    length = f["PAYLOAD_LEN"]
    frame = Frame(
        **{k.lower(): v for k, v in f.items() if k not in ("PAYLOAD_LEN", "CRC_OK_RSVD")},
        payload=raw[HEADER_BYTES : HEADER_BYTES + length],
    )
    if not verify:
        return frame
    if len(raw) % beat_bytes:
        raise FrameError("beats", f"{len(raw)} bytes are not whole beats of {beat_bytes}")
    body = raw[HEADER_BYTES:]
    # The CRC covers all that arrived, reserved bits and beats behind the payload too.
    at, width = (x // 8 for x in FRAME.fields["CRC"])
    header = raw[:at] + bytes(width) + raw[at + width : HEADER_BYTES]
    if crc32c(header, crc32c(body)) != f["CRC"]:
        raise FrameError("crc", "bad CRC")
    if len(body) != len(frame.padded(beat_bytes)):
        raise FrameError("length", f"PAYLOAD_LEN {length}, but {len(body)} bytes of payload beats")
    if length > mtu:
        raise FrameError("mtu", f"payload of {length} bytes, LINK_MTU is {mtu}")
    if frame.version != VERSION:
        raise FrameError("version", f"version {frame.version}")
    if frame.vc != vc_of(frame.type):
        raise FrameError("vc", f"type {frame.type:#x} on virtual channel {frame.vc}")
    return frame


def split_write(template: Frame, payload: bytes, mtu: int) -> list[Frame]:
    """The frames of one remote write, in order; FIRST and LAST set, OFFSET running."""
    out = []
    total = len(payload)
    for off in range(0, max(total, 1), mtu):
        piece = payload[off : off + mtu]
        flags = template.flags
        flags |= (1 << FrameFlag.FIRST) if off == 0 else 0
        flags |= (1 << FrameFlag.LAST) if off + len(piece) >= total else 0
        out.append(replace(template, flags=flags, offset=off, total_len=total, payload=piece))
    return out
