# SPDX-License-Identifier: Apache-2.0
"""Reference of crl_target: what each frame does to memory, and what is answered."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from models.gen.carillon_layout import ST_AT_PEER, Frame, FrameFlag, FrameType, Status, Status2
from models.segments import R_ATOMIC, R_READ, R_WRITE, SegmentTable, User

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
class Slot:
    """What becomes of a completion slot: an entry with these fields, or it goes back."""

    ch: int
    back: int
    irq: int = 0
    bytes: int = 0
    imm: int = 0
    send: int = 0      # it has a receive entry
    status: int = 0    # of a SEND


@dataclass(frozen=True)
class Buffer:
    """What a receive entry says."""

    dst: int
    length: int
    bad: int = 0       # its opcode is not RECV
    abs: int = 0


@dataclass(frozen=True)
class Grant:
    """A receiver is asked for, and is ready or not."""

    ch: int
    send: int
    ok: int
    buffer: Buffer | None = None


@dataclass(frozen=True)
class Write:
    """One burst: what must be seen at the write client."""

    addr: int
    data: bytes
    user: int
    resp: int


@dataclass(frozen=True)
class Request:
    """A READ request and its verdict, at the responder."""

    ch: int
    peer_ch: int
    op_seq: int
    tag: int
    segaddr: int
    total: int
    offset: int
    first: int
    last: int
    bytes: int
    status: int
    addr: int
    user: int


@dataclass(frozen=True)
class Own:
    """A READ of this node begins, or a MIRROR, whose bytes come from the hold FIFO."""

    tag: int
    ch: int
    func: int
    abs: int
    dst: int
    total: int
    mirror: int = 0

    def bits(self, status: int, given: bool) -> int:
        """Second status of an end; `given`: it was told, not found here."""
        if not self.mirror or not status:
            return 0
        may = given and status & 0x7F in (Status.LINK_ERROR, Status.OP_TIMEOUT)
        return 1 << Status2.LOCAL_BAD | given << Status2.PEER_BAD | may << Status2.MAY_HAVE_EXECUTED


@dataclass(frozen=True)
class Kill:
    """The engine wants it to end."""

    tag: int
    status: int


@dataclass
class Progress:
    own: Own
    next: int = 0
    over: bool = False
    error: int = 0
    bad: bool = False   # MIRROR: a part was refused here


@dataclass
class Context:
    open: bool = False
    op_seq: int = 0
    next: int = 0
    status: int = 0
    error: int = 0
    slot: bool = False
    buffer: Buffer | None = None  # of a SEND
    seen: bool = False


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
    ops: int = 128
    read_en: bool = True
    atomic_en: bool = True
    send_en: bool = True
    mirror_en: bool = True
    ready: object = None       # whether a receiver has a slot for the next message
    buffer: object = None      # the next receive entry of a channel
    contexts: dict[int, Context] = field(default_factory=dict)
    writes: deque = field(default_factory=deque)
    answers: deque = field(default_factory=deque)
    irqs: deque = field(default_factory=deque)
    counts: deque = field(default_factory=deque)
    slots: deque = field(default_factory=deque)   # (-1,): of a READ_DATA
    requests: deque = field(default_factory=deque)
    rdones: deque = field(default_factory=deque)
    grants: deque = field(default_factory=deque)  # as they will be asked for
    sures: deque = field(default_factory=deque)   # channels of SENDs whose receive entry will be used up
    buffers: list = field(default_factory=list)   # that were ever given out
    permits: deque = field(default_factory=deque)
    used: deque = field(default_factory=deque)
    loose: bool = False        # slots of ASKs come back in an order of their own
    own: dict[int, Progress] = field(default_factory=dict)
    seen: dict = field(default_factory=dict)      # status -> how often

    def check(self, frame: Frame, ctx: Context, goes_on: bool) -> int:
        reads = self.read_en and frame.type == FrameType.READ
        msg = self.message(frame)
        send = msg and frame.type == FrameType.SEND
        atomic = self.asks(frame) and not reads
        size = 8 if atomic else frame.operand0 & 0xFFFFFFFF if reads else frame.payload_len
        end = frame.offset + size
        if goes_on and ctx.status:
            return ctx.status
        if frame.flags & CANCEL:
            return Status.ABORTED
        if frame.type != FrameType.WRITE and not (self.mirror_en and frame.type == FrameType.MIRROR) and not reads and not msg and not (atomic and self.atomic_en):
            return Status.BAD_OPCODE
        if frame.offset != (0 if frame.flags & FIRST else ctx.next if goes_on else None):
            return Status.LINK_ERROR
        if goes_on and not reads and (ctx.slot != msg or msg and bool(ctx.buffer) != send):
            return Status.LINK_ERROR
        if msg and self.questions(frame):
            if size:
                return Status.BAD_LENGTH
            return self.segment(frame) if frame.total_len and not send else Status.OK
        if msg and not frame.total_len and not size and frame.flags & LAST:
            return self.fits(frame, ctx) if send and goes_on else Status.OK
        if not 0 < size <= self.mtu or end > frame.total_len:
            return Status.BAD_LENGTH
        if bool(frame.flags & LAST) != (end == frame.total_len):
            return Status.BAD_LENGTH
        if atomic and not (frame.flags & FIRST and frame.flags & LAST):
            return Status.BAD_LENGTH
        if atomic and frame.segaddr % 8:
            return Status.BAD_ALIGN
        if send:
            return self.fits(frame, ctx) if goes_on else Status.OK
        return self.table.check(frame.segaddr, frame.total_len, User(frame.dst_ch, self.peer),
                                R_READ if reads else R_ATOMIC if atomic else R_WRITE).status

    def message(self, frame: Frame) -> bool:
        return self.send_en and frame.type in (FrameType.WRITE_IMM, FrameType.SEND)

    def fits(self, frame: Frame, ctx: Context) -> int:
        """A SEND's receive entry, and the buffer over the message's length, as a local address."""
        b = ctx.buffer
        if b.bad:
            return Status.BAD_OPCODE
        if frame.total_len > b.length:
            return Status.RECV_TOO_SHORT
        if not frame.total_len:
            return Status.OK
        if b.abs:
            return Status.ADDR_WRAP if b.dst + frame.total_len > 1 << 64 else Status.OK
        return self.table.check(b.dst, frame.total_len, User(frame.dst_ch), R_WRITE).status

    def place(self, frame: Frame, ctx: Context) -> int:
        """Absolute address of the first byte."""
        b = ctx.buffer
        if frame.type == FrameType.SEND and b:
            return (b.dst if b.abs else self.table.check(b.dst, frame.total_len, User(frame.dst_ch), R_WRITE).addr) + frame.offset
        return self.table.check(frame.segaddr, frame.total_len, User(frame.dst_ch, self.peer), R_WRITE).addr + frame.offset

    def asks(self, frame: Frame) -> bool:
        """It is answered by READ_DATA."""
        return self.read_en and frame.type in (FrameType.READ, FrameType.ATOMIC)

    def segment(self, frame: Frame) -> int:
        return self.table.check(frame.segaddr, frame.total_len, User(frame.dst_ch, self.peer), R_WRITE).status

    def questions(self, frame: Frame) -> bool:
        return bool(frame.flags & FIRST and not frame.flags & (LAST | CANCEL)) and (frame.type in (
            FrameType.WRITE_IMM, FrameType.SEND) or (frame.type == FrameType.MIRROR and not self.mirror_en))

    def give_back(self, ch: int, lost: bool) -> None:
        """Its channel dies, or the link is lost: an open message is refused, or forgotten."""
        ctx = self.contexts.get(ch)
        if ctx and ctx.slot:
            self.used.append(Slot(ch, 1, send=int(bool(ctx.buffer))))
            ctx.buffer = None
            ctx.slot, ctx.status = False, ctx.status or int(Status.ABORTED)
            ctx.open = not lost

    def event(self, item: Own | Kill) -> None:
        if isinstance(item, Own):
            self.own[item.tag % self.ops] = Progress(item)
            return
        p = self.own.get(item.tag % self.ops)
        if p and p.own.tag == item.tag and not p.over:
            p.over = True
            self.rdones.append((item.tag, item.status, p.own.bits(item.status, True)))

    def owns(self, at: int) -> bool:
        for p in self.own.values():
            base = p.own.dst
            if not p.own.abs:
                seg = self.table.table.get(base >> 52)
                if seg is None:
                    continue
                base = seg.base + (base & (1 << 40) - 1)
            if base <= at < base + p.own.total:
                return True
        for b in self.buffers:
            base = b.dst
            if not b.abs:
                base = self.table.get(base >> 52).base + (base & (1 << 40) - 1) if base >> 52 < len(self.table.table) else -1
            if 0 <= base <= at < base + b.length:
                return True
        return False

    def write(self, addr: int, payload: bytes, func: int, error: int) -> int:
        """Bursts of a payload; the first error so far."""
        while payload:
            size = min(len(payload), self.max_burst - addr % self.max_burst)
            resp = self.resp()
            self.writes.append(Write(addr, payload[:size], func, resp))
            if resp & 2 and not error:
                error = resp
            addr, payload = addr + size, payload[size:]
        return error

    def data(self, frame: Frame, payload: bytes, held: bool) -> None:
        """READ_DATA, of the link or of the hold FIFO."""
        if not held:
            self.slots.append((-1,))
        p = self.own.get(frame.tag % self.ops)
        if not p or p.own.tag != frame.tag or p.over or bool(p.own.mirror) != held:
            return
        if frame.status:
            p.over = True
            self.rdones.append((frame.tag, frame.status, p.own.bits(frame.status, True)))
            return
        end = frame.offset + frame.payload_len
        if frame.offset != p.next or not 0 < frame.payload_len <= self.mtu or end > p.own.total:
            return
        if p.own.abs and not p.bad:
            addr = p.own.dst + frame.offset
        else:
            base = p.own.dst & (1 << 40) - 1
            found = self.table.check(p.own.dst + frame.offset, p.own.total - frame.offset, User(p.own.ch), R_WRITE)
            if p.bad or not found.ok or base + frame.offset >= 1 << 40:
                # A MIRROR goes on to its last frame.
                p.bad, p.next, p.over = True, end, not held or end == p.own.total
                if p.over:
                    self.rdones.append((frame.tag, int(Status.KEY_REVOKED), p.own.bits(Status.KEY_REVOKED, False)))
                return
            addr = found.addr
        self.counts.append((p.own.ch, len(payload)))
        p.error = self.write(addr, payload, p.own.func, p.error)
        p.next = end
        if end == p.own.total:
            p.over = True
            code = {0: 0, 2: int(Status.WRITE_SLVERR), 3: int(Status.WRITE_DECERR)}[p.error]
            self.rdones.append((frame.tag, code, p.own.bits(code, False)))

    def frame(self, frame: Frame, payload: bytes, held: bool = False) -> None:
        if frame.type == FrameType.READ_DATA and self.read_en:
            self.data(frame, payload, held)
            return
        binding = self.bindings.get(frame.dst_ch, Binding())
        known = (frame.dst_ch < self.channels and binding.ok and binding.peer == self.peer
                 and binding.peer_ch == frame.src_ch)
        ctx = self.contexts.setdefault(frame.dst_ch, Context()) if known else Context()
        goes_on = ctx.open and not frame.flags & FIRST and ctx.op_seq == frame.op_seq
        # What comes of an operation that has its answer already, as one without MIRROR gives it at once.
        answered = (known and ctx.seen and not ctx.open and not frame.flags & FIRST and ctx.op_seq == frame.op_seq
                    and bool(frame.flags & CANCEL))
        ctx.seen = True
        status = self.check(frame, ctx, goes_on) if known else Status.PEER_REFUSED
        if not goes_on:
            ctx.error = 0
        msg = self.message(frame)
        send = msg and frame.type == FrameType.SEND
        stale = ctx.slot and bool(frame.flags & FIRST)  # left behind: goes back with this frame
        if msg and frame.flags & FIRST and status == Status.OK:
            if stale:
                status = Status.RECEIVER_NOT_READY
            else:
                good = self.ready()
                ctx.buffer = self.buffer(frame.dst_ch) if send and good else None
                self.grants.append(Grant(frame.dst_ch, int(send), int(good), ctx.buffer))
                status, ctx.slot = (Status.OK, True) if good else (Status.RECEIVER_NOT_READY, False)
                if ctx.buffer:
                    self.buffers.append(ctx.buffer)
                    status = self.fits(frame, ctx)
        if self.asks(frame):
            self.request(frame, status, binding)
        elif status == Status.OK and payload:
            self.counts.append((frame.dst_ch, len(payload)))
            ctx.error = self.write(self.place(frame, ctx), payload, binding.func, ctx.error)
        ends = bool(frame.flags & (LAST | CANCEL))
        asks = msg and self.questions(frame)
        if not msg and self.questions(frame):
            ends = True  # a peer without messages, or without MIRROR, says no at once
        if self.mirror_en and frame.type == FrameType.MIRROR and frame.flags & FIRST and not frame.flags & (LAST | CANCEL):
            self.permits.append(Answer(frame.dst_ch, frame.src_ch, frame.op_seq, frame.tag, status | ST_AT_PEER if status else 0, 0))
        code = status
        if not code and ctx.error:
            code = Status.WRITE_SLVERR if ctx.error == 2 else Status.WRITE_DECERR
        reads = self.asks(frame)
        if ctx.slot and not reads and (stale or ends or asks and status):
            post = msg and bool(frame.flags & LAST) and not frame.flags & CANCEL and not code
            had = int(bool(ctx.buffer))
            if send and had:  # what fails ends its entry, but for what the peer gave up
                post = not stale and not frame.flags & CANCEL and status not in (Status.LINK_ERROR, Status.ABORTED)
            if post and had:
                self.sures.append(frame.dst_ch)
            self.used.append(Slot(frame.dst_ch, 0, int(bool(frame.flags & NOTIFY)), frame.total_len, frame.operand0 & 0xFFFFFFFF, had,
                                  int(code) if had else 0)
                             if post else Slot(frame.dst_ch, 1, send=had))
            ctx.slot, ctx.buffer = False, None
        if asks:
            self.loose = True
            ctx.open, ctx.op_seq, ctx.status, ctx.next = not status, frame.op_seq, status, 0
            self.slots.append(frame.src_ch)
            self.seen[int(status)] = self.seen.get(int(status), 0) + 1
            self.permits.append(Answer(frame.dst_ch, frame.src_ch, frame.op_seq, frame.tag, status | ST_AT_PEER if status else 0, 0))
            return
        ctx.open, ctx.op_seq, ctx.status = not ends, frame.op_seq, status
        ctx.next = frame.offset + (frame.operand0 if reads else frame.payload_len)
        if reads:
            return  # the responder gives the slot back
        self.slots.append(frame.src_ch)
        if ends and not answered:
            if not code and frame.flags & NOTIFY and not msg:
                self.irqs.append(frame.dst_ch)
            self.seen[int(code)] = self.seen.get(int(code), 0) + 1
            self.answers.append(Answer(frame.dst_ch, frame.src_ch, frame.op_seq, frame.tag,
                                       code | ST_AT_PEER if code else 0,
                                       int(code == Status.LINK_ERROR)))

    def request(self, frame: Frame, status: int, binding: Binding) -> None:
        addr = 0
        if status == Status.OK:
            addr = self.table.check(frame.segaddr, frame.total_len, User(frame.dst_ch, self.peer), R_READ).addr + frame.offset
        self.seen[int(status)] = self.seen.get(int(status), 0) + 1
        self.requests.append(Request(
            frame.dst_ch, frame.src_ch, frame.op_seq, frame.tag, frame.segaddr, frame.total_len, frame.offset,
            int(bool(frame.flags & FIRST)), int(bool(frame.flags & LAST)), frame.operand0 & 0xFFF, int(status), addr,
            binding.func))
