# SPDX-License-Identifier: Apache-2.0
"""What must hold for the frames on a link, seen on the wire in both directions.

The checker stands in the middle and sees every frame as it was sent: what it has seen, the receiver
may know later, but never earlier. So 'sent without credit' or 'acknowledged before it was sent' can't
be false alarms.

A sender's session begins with an EPOCH frame that shows a new nonce: its numbers, credits and
operations begin again. What a frame acknowledges belongs to the session of the other side that its sender
has heard of. A frame that comes again (replay) must be what it was, and counts once. The upper half of a nonce
is the number of the sender's session; every frame but EPOCH carries the sum of both sides' numbers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from models.frame import Frame, FrameError, parse
from models.lay import AT_PEER, FrameFlag, FrameType, FrameVc

SEQ_MOD = 1 << 16
OP_SEQ_MOD = 1 << 16
SESSION_MOD = 1 << 16
ASKS = (FrameType.READ, FrameType.ATOMIC)  # answered by READ_DATA
REPLAY_FRAMES = 256  # a sender keeps fewer


MESSAGES = (FrameType.WRITE_IMM, FrameType.SEND)


@dataclass
class OpOnLink:
    """An operation whose frames are on the way, by (sender's channel)."""

    src_ch: int
    dst_ch: int
    op_seq: int
    tag: int
    segaddr: int
    total: int
    type: int
    offset: int = 0
    sent: bool = False  # its LAST frame, or a CANCEL
    refused: bool = False  # an op-nak, or a status in READ_DATA, came; the rest of its frames may or may not follow
    asked: deque[tuple[int, int]] = field(default_factory=deque)  # READ: (OFFSET, bytes) to come
    asks: bool = False  # it began with an ASK, or as a MIRROR of several frames, and that is not answered
    immediate: int = 0  # of a message, in all its frames


@dataclass
class Direction:
    """One sender's side, in its present session."""

    nonce: int | None = None
    heard: int | None = None  # the other side's nonce, as this one repeats it
    next_seq: dict[int, int] = field(default_factory=lambda: {1: 0, 2: 0})
    acked: int = 0  # ACK_REQ seen from the other side, running
    open_op: dict[int, OpOnLink] = field(default_factory=dict)
    waiting: dict[int, OpOnLink] = field(default_factory=dict)  # by tag
    last_op_seq: dict[int, int] = field(default_factory=dict)
    sent_ch: dict[int, int] = field(default_factory=dict)
    freed_ch: dict[int, int] = field(default_factory=dict)
    epoch: int | None = None
    frames: int = 0
    kept: dict[tuple[int, int], Frame] = field(default_factory=dict)  # by channel, LINK_SEQ


def session_of(nonce: int) -> int:
    """The number of a side's session, which goes up by one with each."""
    return nonce >> 16


@dataclass(frozen=True)
class FrameFault:
    """A rule that a frame broke."""

    src: str
    t: int
    rule: str
    text: str

    def __str__(self) -> str:
        return f"{self.rule} from {self.src} at {self.t}: {self.text}"


@dataclass
class LinkChecker:
    """One link between two nodes. `beat` is LINK_W / 8.

    `disturbed()` tells it that the bench lost or broke a frame: from then on frames may come again, and only
    what still holds is checked (form, CRC, replays, continuity inside an operation).
    """

    a: str
    b: str
    beat: int = 8
    mtu: int = 1024
    rx_shared: int = 24
    node_ids: dict[str, int] = field(default_factory=dict)
    faults: list[FrameFault] = field(default_factory=list)
    dirty: bool = False
    # (sender, channel, n): may n operations of it have ended without a frame, since the last time it was asked?
    may_skip: Callable[[str, int, int], bool] = lambda src, ch, n: False

    def __post_init__(self) -> None:
        self.way = {self.a: Direction(), self.b: Direction()}

    def other(self, name: str) -> str:
        return self.b if name == self.a else self.a

    def disturbed(self) -> None:
        self.dirty = True

    def restart(self) -> None:
        """The disturbance is over, and sequences, credits and operations begin again."""
        self.dirty = False
        self.way = {self.a: Direction(), self.b: Direction()}

    def frame(self, src: str, t: int, raw: bytes) -> Frame | None:
        """Take a frame that `src` sent; None when it is broken."""
        you = self.way[self.other(src)]

        def bad(rule: str, text: str) -> None:
            self.faults.append(FrameFault(src, t, rule, text))

        try:
            f = parse(raw, self.beat, self.mtu)
        except FrameError as err:
            bad(err.reason, str(err))
            return None
        if any(raw[64 + len(f.payload) :]):
            bad("padding", "bytes after the payload are not 0")
        if f.type == FrameType.EPOCH:
            self._session(src, f, bad)
        me = self.way[src]
        me.frames += 1
        self._session_number(f, me, bad)
        self._identity(src, f, me, bad)
        again = f.vc in me.next_seq and self._again(f, window(f), me, bad)
        if not self.dirty and me.heard == you.nonce:
            self._acks(f, you, bad)
        if again:
            return f
        if f.vc == FrameVc.REQ:
            self._request(src, f, me, bad)
        elif f.vc == FrameVc.RSP:
            self._response(f, you, bad)
        elif f.payload:
            bad("payload", f"{FrameType(f.type).name} carries {len(f.payload)} bytes")
        return f

    def _session(self, src: str, f: Frame, bad: Callback) -> None:
        """Operands of EPOCH: nonce, the peer's nonce, and whether that was heard."""
        nonce, old = f.operand0 & 0xFFFFFFFF, self.way[src].nonce
        if nonce != old:
            if old is not None and not 0 < (session_of(nonce) - session_of(old)) % SESSION_MOD < SESSION_MOD // 2:
                bad("nonce", f"session {session_of(nonce)} after {session_of(old)}")
            self.way[src] = Direction(nonce=nonce)
        if f.operand1 & 1:
            self.way[src].heard = f.operand0 >> 32

    def _session_number(self, f: Frame, me: Direction, bad: Callback) -> None:
        """SESSION, as far as the sender's EPOCH frames have told of the session."""
        if f.type == FrameType.EPOCH:
            want = 0
        elif me.nonce is None or me.heard is None:
            return
        else:
            want = (session_of(me.nonce) + session_of(me.heard)) % SESSION_MOD
        if f.session != want:
            bad("session", f"SESSION {f.session:#06x}, this one is {want:#06x}")

    def _again(self, f: Frame, win: int, me: Direction, bad: Callback) -> bool:
        """Whether a numbered frame was sent before; if not, the next number is counted."""
        want = me.next_seq[win]
        fixed = replace(
            f, ack_req=0, rsp_credit=0, credit_ch=0, credit_cnt=0, credit_valid=0, crc=None
        )
        if f.link_seq != want and not self.dirty:
            bad("link-seq", f"LINK_SEQ {f.link_seq} in window {win}, next is {want}")
        elif (want - f.link_seq - 1) % SEQ_MOD < REPLAY_FRAMES:
            before = me.kept.get((win, f.link_seq))
            if before is not None and before != fixed:
                bad("replay", f"LINK_SEQ {f.link_seq} in window {win} is not what it was")
            return True
        me.next_seq[win] = (f.link_seq + 1) % SEQ_MOD
        me.kept[win, f.link_seq] = fixed
        me.kept.pop((win, (f.link_seq - REPLAY_FRAMES) % SEQ_MOD), None)
        return False

    def _identity(self, src: str, f: Frame, me: Direction, bad: Callback) -> None:
        for name, value in ((src, f.src_node), (self.other(src), f.dst_node)):
            if name in self.node_ids and self.node_ids[name] != value:
                bad("node", f"node {value} where {name} is {self.node_ids[name]}")
        if me.epoch is not None and f.epoch != me.epoch and not self.dirty:
            bad("epoch", f"epoch {f.epoch}, was {me.epoch}")
        me.epoch = f.epoch

    def _acks(self, f: Frame, you: Direction, bad: Callback) -> None:
        """Link-ack and credits that this frame brings to the other side."""
        ahead = (f.ack_req - you.acked) % SEQ_MOD
        if ahead > (you.next_seq[1] - you.acked) % SEQ_MOD:
            bad("ack", f"ACK_REQ {f.ack_req}, sent was up to {you.next_seq[1]}")
        else:
            you.acked = f.ack_req
        if f.credit_valid:
            sent, freed = you.sent_ch.get(f.credit_ch, 0), you.freed_ch.get(f.credit_ch, 0)
            more = (f.credit_cnt - freed) % 256
            if freed + more > sent:
                bad("credit", f"{freed + more} slots of channel {f.credit_ch} freed, {sent} used")
            else:
                you.freed_ch[f.credit_ch] = freed + more

    def _begin(self, src: str, f: Frame, me: Direction, bad: Callback) -> OpOnLink:
        """The first frame of an operation."""
        op = me.open_op.get(f.src_ch)
        closed = op is None or op.refused and op.type != FrameType.MIRROR  # a refused MIRROR is open until its end is sent
        if not closed and not self.dirty and op.type not in ASKS:
            bad("operation", f"channel {f.src_ch}: operation {op.op_seq} was not finished")
        # A READ may stop asking for a reason that its own side has found: nothing stays open.
        if op is not None and op.type in ASKS and not op.asked:
            me.waiting.pop(op.tag, None)
        last = me.last_op_seq.get(f.src_ch)
        if last is not None and f.op_seq != (last + 1) % OP_SEQ_MOD and not self.dirty:
            skipped = (f.op_seq - last - 1) % OP_SEQ_MOD
            legal = f.op_seq < OP_SEQ_MOD and self.may_skip(src, f.src_ch, skipped)
        else:
            legal = True
        if not legal:
            bad("op-seq", f"channel {f.src_ch}: OP_SEQ {f.op_seq} after {last}")
        me.last_op_seq[f.src_ch] = f.op_seq
        op = OpOnLink(f.src_ch, f.dst_ch, f.op_seq, f.tag, f.segaddr, f.total_len, f.type, immediate=f.operand0)
        if f.tag in me.waiting and not self.dirty:
            bad("tag", f"tag {f.tag:#x} is in use")
        me.open_op[f.src_ch] = me.waiting[f.tag] = op
        return op

    def _request(self, src: str, f: Frame, me: Direction, bad: Callback) -> None:
        me.sent_ch[f.src_ch] = me.sent_ch.get(f.src_ch, 0) + 1
        if not self.dirty:
            held = {c: n - me.freed_ch.get(c, 0) for c, n in me.sent_ch.items()}
            shared = sum(max(0, n - 1) for n in held.values())
            if shared > self.rx_shared:
                bad(
                    "no-credit",
                    f"channel {f.src_ch}: {shared} shared slots, {self.rx_shared} exist",
                )
        op = me.open_op.get(f.src_ch)
        reads = f.type in ASKS
        if f.cancel:
            if f.payload:
                bad("cancel", "a CANCEL carries no payload")
            if f.first:  # broken off in its first frame; it is answered all the same
                op = self._begin(src, f, me, bad)
            me.open_op.pop(f.src_ch, None)
            if op is None and f.type in MESSAGES and f.tag not in me.waiting:
                # It crosses with the refusal of its ASK, and is answered too.
                me.waiting[f.tag] = OpOnLink(f.src_ch, f.dst_ch, f.op_seq, f.tag, f.segaddr, f.total_len, f.type, sent=True)
            if op is not None:
                op.sent = True
                if reads:
                    op.asked.append((f.offset, 0))
            return
        atomic = f.type == FrameType.ATOMIC
        if atomic and (f.payload or not f.first or not f.last):
            bad("atomic", f"an ATOMIC is one frame without payload; FIRST {f.first}, LAST {f.last}, {len(f.payload)} bytes")
        if reads and not atomic and (f.payload or not 0 < f.operand0 <= self.mtu):
            bad("read", f"a READ asks for {f.operand0} bytes, with {len(f.payload)} of payload")
        size = 8 if atomic else f.operand0 if reads else len(f.payload)
        if f.type == FrameType.SEND and f.segaddr:
            bad("send", f"channel {f.src_ch}: a SEND names no place, SEGADDR is {f.segaddr:#x}")
        if f.first and f.type in MESSAGES and not f.last:
            if f.payload or f.offset:
                bad("ask", f"channel {f.src_ch}: {len(f.payload)} bytes at {f.offset} come unasked")
            self._begin(src, f, me, bad).asks = True
            return
        if f.first:
            op = self._begin(src, f, me, bad)
            op.asks = f.type == FrameType.MIRROR and not f.last  # its data need not wait
        elif op is None:
            bad("operation", f"channel {f.src_ch}: a frame of no operation, OFFSET {f.offset}")
            return
        assert op is not None
        same = (op.dst_ch, op.op_seq, op.tag, op.segaddr, op.total, op.type)
        if same != (f.dst_ch, f.op_seq, f.tag, f.segaddr, f.total_len, f.type):
            bad("operation", f"channel {f.src_ch}: fields change inside operation {op.op_seq}")
        if op.type in MESSAGES and (op.asks or op.immediate != f.operand0):
            bad("ask", f"channel {f.src_ch}: data without permission, or immediate {f.operand0:#x}")
        if f.offset != op.offset:
            bad("offset", f"channel {f.src_ch}: OFFSET {f.offset}, next is {op.offset}")
        if reads:
            op.asked.append((f.offset, size))
        op.offset = f.offset + size
        full = op.offset == op.total
        if f.last != full:
            bad("last", f"channel {f.src_ch}: LAST is {f.last} at {op.offset} of {op.total}")
        if not f.last and size != self.mtu:
            bad("short-frame", f"channel {f.src_ch}: {size} bytes in mid-operation")
        if f.last:
            op.sent = True
            me.open_op.pop(f.src_ch, None)

    def _read_data(self, f: Frame, you: Direction, bad: Callback) -> None:
        """Each READ is answered once, in order, with what it asked for or with a status."""
        op = you.waiting.get(f.tag)
        if op is None or not op.asked:
            if not self.dirty:
                bad("response", f"READ_DATA for tag {f.tag:#x}, which asked for nothing")
            return
        offset, size = op.asked.popleft()
        same = (op.type in ASKS, op.src_ch, op.dst_ch, op.op_seq, op.segaddr, op.total, offset)
        if same != (True, f.dst_ch, f.src_ch, f.op_seq, f.segaddr, f.total_len, f.offset):
            bad("response", f"READ_DATA of tag {f.tag:#x} at {f.offset} is not what was asked for")
        if f.status:
            if f.payload or not f.status & AT_PEER:
                bad("response", f"READ_DATA with status {f.status:#x} and {len(f.payload)} bytes")
            op.refused = True
        elif len(f.payload) != size or not size:
            bad("response", f"READ_DATA brings {len(f.payload)} bytes, {size} were asked for")
        # It may go on asking, until its channel sends something else.
        if not op.asked and (op.sent or you.open_op.get(op.src_ch) is not op):
            you.waiting.pop(f.tag)

    def _response(self, f: Frame, you: Direction, bad: Callback) -> None:
        if f.type == FrameType.READ_DATA:
            self._read_data(f, you, bad)
        if f.type == FrameType.OP_PERMIT:
            self._permit(f, you, bad)
        if f.type not in (FrameType.OP_ACK, FrameType.OP_NAK):
            return
        op = you.waiting.pop(f.tag, None)
        if op is None:
            if not self.dirty:
                bad("response", f"{FrameType(f.type).name} for tag {f.tag:#x}, which does not wait")
            return
        if (f.dst_ch, f.op_seq) != (op.src_ch, op.op_seq):
            bad("response", f"tag {f.tag:#x} is operation {op.op_seq} of channel {op.src_ch}")
        if f.type == FrameType.OP_ACK:
            if op.type in ASKS:
                bad("response", f"tag {f.tag:#x} is a READ, which has no op-ack")
            if op.asks and op.type == FrameType.MIRROR:
                bad("early-ack", f"operation {op.op_seq} of channel {op.src_ch} has no OP_PERMIT yet")
            if op.refused:
                bad("response", f"an op-ack for operation {op.op_seq} of channel {op.src_ch}, which was refused")
            if not op.sent:
                bad("early-ack", f"operation {op.op_seq} of channel {op.src_ch} is not all sent")
            if f.status:
                bad("response", f"an op-ack with status {f.status:#x}")
        else:
            op.refused = True
            if not f.status:
                bad("response", "an op-nak with status OK")

    def _permit(self, f: Frame, you: Direction, bad: Callback) -> None:
        """The answer to an ASK, or to the first of a MIRROR's frames. A refusal is the only answer to an ASK; a MIRROR stays
        open until its last frame or a CANCEL is answered."""
        op = you.waiting.get(f.tag)
        if op is None or not op.asks:
            if not self.dirty:
                bad("response", f"OP_PERMIT for tag {f.tag:#x}, which does not ask")
            return
        op.asks = False
        if (f.dst_ch, f.op_seq) != (op.src_ch, op.op_seq) or f.payload or f.status and not f.status & AT_PEER:
            bad("response", f"OP_PERMIT of tag {f.tag:#x} with status {f.status:#x}")
        if f.status and op.type == FrameType.MIRROR:
            op.refused = True
        elif f.status:
            op.refused = True
            if not op.sent:  # else its CANCEL is under way
                you.waiting.pop(f.tag)
            if you.open_op.get(op.src_ch) is op:
                you.open_op.pop(op.src_ch)

    def finish(self) -> list[FrameFault]:
        """At the end: every operation was answered, every slot given back is known."""
        for name, d in self.way.items():
            for op in d.waiting.values():
                if not self.dirty and not (op.type in ASKS and not op.asked):
                    text = f"operation {op.op_seq} of channel {op.src_ch} was never answered"
                    self.faults.append(FrameFault(name, -1, "unanswered", text))
        return self.faults


def window(f: Frame) -> int:
    """Whose numbers a frame takes: READ_DATA, for which a slot was reserved, goes with the requests."""
    return int(FrameVc.REQ) if f.type == FrameType.READ_DATA else f.vc


class Callback:
    """(rule, text) -> None; here for the annotations only."""

    def __call__(self, rule: str, text: str) -> None: ...


def flags(*bits: FrameFlag) -> int:
    """A flags byte from bit numbers."""
    return sum(1 << b for b in bits)


def check_all(
    frames: Iterable[tuple[str, bytes]], a: str = "A", b: str = "B", **kw: object
) -> list[FrameFault]:
    """For benches that have a list: (sender, raw) in the order of the wire."""
    link = LinkChecker(a, b, **kw)  # type: ignore[arg-type]
    for t, (src, raw) in enumerate(frames):
        link.frame(src, t, raw)
    return link.finish()
