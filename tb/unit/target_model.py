# SPDX-License-Identifier: Apache-2.0
"""Reference of crl_target: what each frame does to memory, and what is answered."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from models.gen.carillon_layout import ST_AT_PEER, Frame, FrameFlag, FrameType, Status
from models.segments import R_WRITE, SegmentTable, User

FIRST, LAST = 1 << FrameFlag.FIRST, 1 << FrameFlag.LAST
NOTIFY, CANCEL = 1 << FrameFlag.NOTIFY, 1 << FrameFlag.CANCEL


@dataclass(frozen=True)
class Binding:
    """Of a channel here: the peer, its channel, and the function that owns this channel."""

    ok: bool = False
    peer: int = 0
    peer_ch: int = 0
    func: int = 0


@dataclass(frozen=True)
class Answer:
    src_ch: int
    dst_ch: int
    op_seq: int
    tag: int
    status: int
    status2: int


@dataclass(frozen=True)
class Write:
    """One burst: what must be seen at the write client."""

    addr: int
    data: bytes
    user: int
    resp: int


@dataclass
class Context:
    open: bool = False
    op_seq: int = 0
    next: int = 0
    status: int = 0
    error: int = 0


@dataclass
class TargetModel:
    """Takes frames in order; `resp` decides the response of every burst."""

    peer: int
    channels: int
    max_burst: int
    mtu: int
    table: SegmentTable
    bindings: dict[int, Binding]
    resp: object
    contexts: dict[int, Context] = field(default_factory=dict)
    writes: deque = field(default_factory=deque)
    answers: deque = field(default_factory=deque)
    irqs: deque = field(default_factory=deque)
    counts: deque = field(default_factory=deque)
    slots: deque = field(default_factory=deque)
    seen: dict = field(default_factory=dict)      # status -> how often

    def check(self, frame: Frame, ctx: Context, goes_on: bool) -> int:
        end = frame.offset + frame.payload_len
        if goes_on and ctx.status:
            return ctx.status
        if frame.flags & CANCEL:
            return Status.ABORTED
        if frame.type != FrameType.WRITE:
            return Status.BAD_OPCODE
        if frame.offset != (0 if frame.flags & FIRST else ctx.next if goes_on else None):
            return Status.LINK_ERROR
        if not 0 < frame.payload_len <= self.mtu or end > frame.total_len:
            return Status.BAD_LENGTH
        if bool(frame.flags & LAST) != (end == frame.total_len):
            return Status.BAD_LENGTH
        return self.table.check(frame.segaddr, frame.total_len,
                                User(frame.dst_ch, self.peer), R_WRITE).status

    def frame(self, frame: Frame, payload: bytes) -> None:
        binding = self.bindings.get(frame.dst_ch, Binding())
        known = (frame.dst_ch < self.channels and binding.ok and binding.peer == self.peer
                 and binding.peer_ch == frame.src_ch)
        ctx = self.contexts.setdefault(frame.dst_ch, Context()) if known else Context()
        goes_on = ctx.open and not frame.flags & FIRST and ctx.op_seq == frame.op_seq
        status = self.check(frame, ctx, goes_on) if known else Status.PEER_REFUSED
        if not goes_on:
            ctx.error = 0
        if status == Status.OK:
            addr = self.table.check(frame.segaddr, frame.total_len, User(frame.dst_ch, self.peer),
                                    R_WRITE).addr + frame.offset
            self.counts.append((frame.dst_ch, len(payload)))
            while payload:
                size = min(len(payload), self.max_burst - addr % self.max_burst)
                resp = self.resp()
                self.writes.append(Write(addr, payload[:size], binding.func, resp))
                if resp & 2 and not ctx.error:
                    ctx.error = resp
                addr, payload = addr + size, payload[size:]
        ends = bool(frame.flags & (LAST | CANCEL))
        ctx.open, ctx.op_seq, ctx.status = not ends, frame.op_seq, status
        ctx.next = frame.offset + frame.payload_len
        self.slots.append(frame.src_ch)
        if ends:
            code = status
            if not code and ctx.error:
                code = Status.WRITE_SLVERR if ctx.error == 2 else Status.WRITE_DECERR
            if not code and frame.flags & NOTIFY:
                self.irqs.append(frame.dst_ch)
            self.seen[int(code)] = self.seen.get(int(code), 0) + 1
            self.answers.append(Answer(frame.dst_ch, frame.src_ch, frame.op_seq, frame.tag,
                                       code | ST_AT_PEER if code else 0,
                                       int(code == Status.LINK_ERROR)))
