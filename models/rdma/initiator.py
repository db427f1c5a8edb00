# SPDX-License-Identifier: Apache-2.0
"""The side with the descriptor: beginning, frames, answers, ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.lay import (
    AT_PEER,
    LOCAL_BAD,
    MAY_HAVE_EXECUTED,
    PEER_BAD,
    DescFlag,
    FrameType,
    Op,
    Status,
)
from models.memory import OKAY, SLVERR
from models.ops import fill_bytes
from models.rdma.admit import admit
from models.rdma.parts import (
    ATOMICS,
    FRAME_OF,
    RECEIVED,
    REMOTE_OPS,
    TO_TARGET,
    Access,
    Chan,
    Frame,
    Held,
    Node,
    OpRun,
)
from models.segments import R_READ, R_WRITE, User

if TYPE_CHECKING:
    from models.rdma.world import Step

LOCAL = (Op.NOP, Op.COPY, Op.FILL)
RNR = Status.RECEIVER_NOT_READY | AT_PEER


class Initiator:
    """Half of `World`."""

    # steps -------------------------------------------------------------------------------------
    def channel_steps(self, n: Node, c: Chan) -> list[Step]:
        out: list[Step] = []
        if self.may_begin(c):
            out.append(("begin", lambda: self.begin(n, c)))
        o = c.current
        if o is not None and o.waits:
            out.append(("again", lambda: self.again(o)))
        elif o is not None and self.may_send(n, c, o):
            out.append(("send", lambda: self.send(n, c, o)))
        if c.ops and c.ops[0].ended:
            out.append(("retire", lambda: self.retire(n, c)))
        if c.unread:
            out.append(("consume", lambda: self.consume(n, c)))
        if c.aborting and not c.ops and not c.reserved and not self.inbound(n, c):
            out.append(("disabled", lambda: self.disabled(n, c)))
        if (h := n.hold[c.peer]) and h[0].op.ch == c.number and self.may_release(h[0]):
            out.append(("release", lambda: self.release(n, h.popleft())))
        return out

    def may_begin(self, c: Chan) -> bool:
        if not c.active or c.current is not None or c.next >= len(c.ring) or not self.room(c):
            return False
        return not (c.ring[c.next].flag(DescFlag.FENCE) and c.ops)

    def begin(self, n: Node, c: Chan) -> None:
        d = c.ring[c.next]
        ext = c.ring[c.next + 1] if c.next + 1 < len(c.ring) else None
        up = self.session(n.name, c.peer).up
        got = admit(d, ext, n.table, c.number, up)
        two = d.opcode == Op.CMP_SWAP and ext is not None and ext.opcode == Op.EXT
        o = OpRun(n.name, c.number, c.next, d, ext.operand if two and ext else None)
        c.next += 2 if two else 1
        o.tag, o.t_begin = next(self.tags), self.t
        c.reserved += 1
        c.ops.append(o)
        self.see("begin", n.name, c.number, op=o)
        if got.status or d.opcode == Op.NOP:
            o.ended, o.status = True, int(got.status)
            if d.opcode == Op.MIRROR and got.status:
                o.status2 = LOCAL_BAD | PEER_BAD
            return
        self.live[n.name, o.tag] = o
        c.current = o

    # frames ------------------------------------------------------------------------------------
    def may_send(self, n: Node, c: Chan, o: OpRun) -> bool:
        if o.op in LOCAL:
            return True
        s = self.session(n.name, c.peer)
        if not s.up or sum(f.ch == c.number for f in s.req[n.name]) >= self.rules.depth:
            return False
        if o.all_sent:  # a message of one frame: its answer is due
            return False
        if o.end is not None:
            return not o.cancelled
        if o.op == Op.MIRROR:
            return len(n.hold[c.peer]) < self.rules.hold
        if o.op in RECEIVED:
            return not o.asked or o.permitted
        return True

    def send(self, n: Node, c: Chan, o: OpRun) -> None:
        """The next frame, or the next local burst."""
        if o.end is not None:
            self.give_up(n, c, o)
        elif o.op in LOCAL:
            self.local_burst(n, c, o)
        elif o.op in ATOMICS:
            swap = o.ext if o.op == Op.CMP_SWAP else None
            self.put(n, c, o, first=True, last=True, operand0=o.desc.operand, operand1=swap)
            o.owed, o.all_sent, c.current = 1, True, None
        elif o.op == Op.READ:
            self.request(n, c, o)
        elif o.op in RECEIVED and not o.permitted and (o.attempts or o.desc.length > self.rules.mtu):
            o.asked = True
            self.put(n, c, o, first=True)  # ASK
        else:
            self.data_frame(n, c, o)

    def put(self, n: Node, c: Chan, o: OpRun, *, first: bool, **fields: object) -> None:
        """One frame on REQ."""
        if first:
            c.seq += 1
            o.seq = c.seq
        d = o.desc
        addr = {Op.MIRROR: d.operand, Op.READ: d.src, Op.SEND: 0}.get(Op(o.op), d.dst)
        fields.setdefault("operand0", o.desc.operand & 0xFFFFFFFF if o.op in RECEIVED else 0)
        f = Frame(
            int(FRAME_OF[Op(o.op)]),
            c.number,
            c.peer_ch,
            o.tag,
            o.seq,
            o,
            first,
            addr=addr,
            total=o.desc.length,
            notify=o.desc.flag(DescFlag.NOTIFY),
            **fields,  # type: ignore[arg-type]
        )
        o.frames += 1
        self.session(n.name, c.peer).req[n.name].append(f)

    def source(self, n: Node, c: Chan, o: OpRun, size: int) -> bytes | None:
        """The next bytes of a local source; None: the operation has to end."""
        if not size:
            return b""
        at = n.table.check(o.desc.src + o.sent, o.desc.length - o.sent, User(c.number), R_READ)
        if not at.ok:
            o.end = int(Status.KEY_REVOKED)
            return None
        self.see("read", n.name, c.number, op=o, info=(at.addr, size))
        resp = n.mem.response(at.addr, size, write=False)
        if resp != OKAY:
            o.end = int(Status.READ_SLVERR if resp == SLVERR else Status.READ_DECERR)
            return None
        return n.mem.read(at.addr, size)

    def data_frame(self, n: Node, c: Chan, o: OpRun) -> None:
        total, mtu = o.desc.length, self.rules.mtu
        size = min(mtu, total - o.sent)
        data = self.source(n, c, o, size)
        if data is None:
            self.give_up(n, c, o)
            return
        last = o.sent + size == total
        first = o.sent == 0 and not o.permitted
        if o.op == Op.MIRROR:
            first = o.sent == 0
            o.held += 1
            n.hold[c.peer].append(Held(o, o.sent, data, last))
        self.put(n, c, o, first=first, last=last, offset=o.sent, data=data)
        o.sent += size
        if o.op in RECEIVED and first:  # alone: the channel is held until its answer
            o.asked = True
        elif last:
            c.current = None
        o.all_sent = last

    def request(self, n: Node, c: Chan, o: OpRun) -> None:
        size = min(self.rules.mtu, o.desc.length - o.sent)
        last = o.sent + size == o.desc.length
        self.put(n, c, o, first=o.sent == 0, last=last, offset=o.sent, ask=size)
        o.sent += size
        o.owed += 1
        if last:
            o.all_sent, c.current = True, None

    def local_burst(self, n: Node, c: Chan, o: OpRun) -> None:
        d = o.desc
        size = min(self.rules.burst, d.length - o.sent)
        if d.opcode == Op.FILL:
            data: bytes | None = fill_bytes(d.src, size, o.sent)
        else:
            data = self.source(n, c, o, size)
        if data is not None:
            self.write_here(n, c, o, d.dst, o.sent, data, "local")
        o.sent += size
        if o.end is not None or o.sent == d.length:
            o.all_sent, c.current = True, None
            self.settle(n, o)

    def write_here(
        self, n: Node, c: Chan, o: OpRun, base: int, pos: int, data: bytes, kind: str
    ) -> None:
        """A local write of an operation, checked over what is left of it."""
        at = n.table.check(base + pos, o.desc.length - pos, User(c.number), R_WRITE)
        if not at.ok:
            o.end = o.end or int(Status.KEY_REVOKED)
            return
        o.writes += 1
        key = (base >> 52, base >> 40 & 0xFFF)
        self.queue(n, Access(n.name, at.addr, data, o, key, kind))

    def local_done(self, n: Node, a: Access, error: int) -> None:
        o = a.op
        assert o is not None
        o.writes -= 1
        if error:
            o.end = o.end or error
        self.settle(n, o)

    def give_up(self, n: Node, c: Chan, o: OpRun) -> None:
        """It has an end, but frames to come."""
        c.current = None
        if o.op == Op.READ or not o.frames or o.waits:
            o.all_sent = o.acked = True
        else:
            o.cancelled = True
            self.put(n, c, o, first=False, cancel=True)
        self.settle(n, o)

    # the hold FIFO of MIRROR -------------------------------------------------------------------
    def may_release(self, h: Held) -> bool:
        o = h.op
        if o.end is not None or o.acked:
            return True
        return o.permitted and not h.last

    def release(self, n: Node, h: Held) -> None:
        """Written here, or passed as a token without bytes."""
        o = h.op
        o.held -= 1
        if o.end is None:
            self.write_here(n, n.chans[o.ch], o, o.desc.dst, h.pos, h.data, "hold")
        self.settle(n, o)

    # answers -----------------------------------------------------------------------------------
    def answer(self, node: str, f: Frame) -> None:
        n = self.nodes[node]
        o = self.live.get((node, f.tag))
        if o is None or o.ended:
            return
        c = n.chans[o.ch]
        if f.type == FrameType.READ_DATA:
            self.read_data(n, c, o, f)
        elif f.status == RNR and o.op in RECEIVED and not o.cancelled:
            self.not_ready(n, c, o)
        elif f.type not in (FrameType.OP_ACK, FrameType.OP_NAK):  # OP_PERMIT
            if not f.status:
                o.permitted = True
            elif o.op == Op.MIRROR:
                o.end = o.end or f.status
            elif not o.cancelled:
                self.over(c, o, f.status, 0)
        else:
            o.acked = True
            o.peer_good = not f.status
            if f.status and not (o.end and f.status == Status.ABORTED | AT_PEER):
                o.status2 |= f.status2
                o.end = o.end or f.status
            if c.current is o:
                c.current = None
        self.settle(n, o)

    def read_data(self, n: Node, c: Chan, o: OpRun, f: Frame) -> None:
        o.owed -= 1
        atomic = o.op in ATOMICS
        if f.status:
            o.end = o.end or f.status
        elif atomic:
            o.old = int.from_bytes(f.data, "little")
            self.write_here(n, c, o, o.desc.src, 0, f.data, "result")
        elif o.end is None:
            self.write_here(n, c, o, o.desc.dst, f.offset, f.data, "read")
            o.got += len(f.data)

    def not_ready(self, n: Node, c: Chan, o: OpRun) -> None:
        o.attempts += 1
        o.asked = o.permitted = o.all_sent = False
        o.sent = 0
        self.see("not ready", n.name, c.number, op=o)
        if o.end is not None or not c.active:
            self.over(c, o, o.end or Status.ABORTED, 0)
        elif o.attempts > self.rules.rnr_count:
            self.over(c, o, RNR, 0)
        else:
            o.waits = True

    def again(self, o: OpRun) -> None:
        """The time between two attempts is over."""
        o.waits = False

    # ends --------------------------------------------------------------------------------------
    def over(self, c: Chan, o: OpRun, status: int, status2: int) -> None:
        o.ended, o.status, o.status2 = True, int(status), status2
        if c.current is o:
            c.current = None

    def settle(self, n: Node, o: OpRun) -> None:
        """Ends an operation when nothing of it is under way any more."""
        if o.ended or o.writes or o.owed or o.held:
            return
        if o.op in TO_TARGET:
            if not o.acked:
                return
        elif not o.all_sent:
            return
        status, status2 = o.end or 0, o.status2
        if o.op in ATOMICS and status and not status & AT_PEER and o.frames:
            status2 |= MAY_HAVE_EXECUTED
        if o.op == Op.MIRROR and status:
            status2 |= LOCAL_BAD if o.peer_good else LOCAL_BAD | PEER_BAD
        self.over(n.chans[o.ch], o, status, status2 if status else 0)

    def lose_ops(self, n: Node, peer: str) -> None:
        """The session with `peer` has ended."""
        for c in n.chans:
            for o in c.ops if c.peer == peer else ():
                if o.ended or o.op not in REMOTE_OPS:
                    continue
                answered = o.acked if o.op in TO_TARGET else o.all_sent and not o.owed
                if answered:
                    continue
                if not o.frames or o.waits:
                    o.end = o.end or int(Status.PEER_DOWN)
                else:
                    o.end = int(Status.LINK_ERROR)
                    o.status2 |= 0 if o.op == Op.READ else MAY_HAVE_EXECUTED
                o.acked = o.all_sent = True
                o.owed, o.waits = 0, False
                if c.current is o:
                    c.current = None
                self.settle(n, o)

    def abort(self, node: str, ch: int) -> None:
        """ABORT: what has frames to come ends with ABORTED, what is not begun is not executed."""
        n, c = self.nodes[node], self.nodes[node].chans[ch]
        if not c.active:
            return
        c.active, c.aborting = False, True
        self.see("abort", node, ch)
        self.abort_inbound(n, c)
        o = c.current
        if o is not None and o.end is None and not o.all_sent:
            o.end = int(Status.ABORTED)
            if o.op in LOCAL:
                o.all_sent, c.current = True, None
                self.settle(n, o)
            elif o.waits or not o.frames:
                self.over(c, o, int(Status.ABORTED), LOCAL_BAD | PEER_BAD if o.op == Op.MIRROR else 0)

    def disabled(self, n: Node, c: Chan) -> None:
        c.aborting = False
        c.recv.clear()
        self.see("disabled", n.name, c.number)

    def enable(self, node: str, ch: int) -> None:
        """A new life; what was published and not begun is gone."""
        c = self.nodes[node].chans[ch]
        if not c.active and not c.aborting:
            c.active = True
            c.next = len(c.ring)
            self.see("enabled", node, ch)

