# SPDX-License-Identifier: Apache-2.0
"""The side whose memory it is: checks, ring of frames, receivers, responder, atomics."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from models.lay import AT_PEER, FrameType, Status
from models.memory import OKAY, SLVERR
from models.rdma.parts import Access, Chan, Context, Frame, Node, Placed, Posted
from models.segments import R_ATOMIC, R_READ, R_WRITE, User

if TYPE_CHECKING:
    from models.rdma.world import Step

RECEIVED_FRAMES = (FrameType.SEND, FrameType.WRITE_IMM)


class Target:
    """The other half of `World`."""

    # arrival -----------------------------------------------------------------------------------
    def bound(self, n: Node, peer: str, f: Frame) -> Chan | None:
        if f.to >= len(n.chans):
            return None
        c = n.chans[f.to]
        return c if (c.peer, c.peer_ch) == (peer, f.ch) else None

    def receive(self, node: str, peer: str, f: Frame) -> None:
        """A frame has been accepted by the link."""
        n = self.nodes[node]
        c = self.bound(n, peer, f)
        p = Placed(f, peer)
        self.see("frame", node, f.to, op=f.op, info=f)
        if f.type == FrameType.READ:
            p.status = self.check(n, c, peer, f, f.offset, R_READ) if c else Status.PEER_REFUSED
            n.responder[peer].append(p)
            return
        n.ring[peer].append(p)
        if f.type == FrameType.ATOMIC:
            p.status = self.check(n, c, peer, f, 0, R_ATOMIC) if c else Status.PEER_REFUSED
            p.answer = True
            return
        self.place(n, c, peer, f, p)
        if f.first and not f.last and not f.cancel and f.type != FrameType.WRITE:
            self.permit(n, peer, f, p)

    def check(self, n: Node, c: Chan, peer: str, f: Frame, pos: int, right: int) -> int:
        """The segment, over what is left of the operation."""
        k = n.table.check(f.addr + pos, f.total - pos, User(c.number, 0), right)
        return int(k.status)

    def place(self, n: Node, c: Chan | None, peer: str, f: Frame, p: Placed) -> None:
        """Context of the channel, verdict, write."""
        where = (peer, f.ch)
        p.answer = f.last or f.cancel
        if c is None:
            p.status = int(Status.PEER_REFUSED)
            return
        ctx = n.contexts.get(where)
        if f.cancel:
            p.ctx = n.contexts.pop(where, None)
            p.status = (p.ctx.fault if p.ctx else 0) or int(Status.ABORTED)
            if p.ctx and p.ctx.recv:
                p.ctx.recv.returning = True
            return
        if f.first:
            ctx = n.contexts[where] = Context(f.tag, f.seq, f.type, f.total)
        if ctx is None or ctx.seq != f.seq or (ctx.next != f.offset and not ctx.fault):
            p.status, p.status2 = int(Status.LINK_ERROR), 1
            return
        p.ctx = ctx
        if not ctx.fault:
            ctx.fault = self.verdict(n, c, peer, f, ctx)
        if not ctx.fault and f.data:
            self.write_there(n, c, f, ctx, p)
        ctx.next = f.offset + len(f.data)
        if f.last:
            del n.contexts[where]

    def verdict(self, n: Node, c: Chan, peer: str, f: Frame, ctx: Context) -> int:
        if f.type != FrameType.SEND and f.total:
            status = self.check(n, c, peer, f, f.offset, R_WRITE)
            if status:
                return status
        if f.type not in RECEIVED_FRAMES:
            return 0
        if f.first:
            if not self.take_receiver(c, f, ctx):
                return Status.RECEIVER_NOT_READY
            if ctx.recv and f.total > ctx.recv.length:
                return Status.RECV_TOO_SHORT
        if ctx.recv and f.total:
            at = ctx.recv.addr + f.offset
            return int(n.table.check(at, f.total - f.offset, User(c.number), R_WRITE).status)
        return 0

    def take_receiver(self, c: Chan, f: Frame, ctx: Context) -> bool:
        """A completion slot, and for SEND the next buffer."""
        if not c.active or not self.room(c):
            return False
        if f.type == FrameType.SEND:
            entry = next((r for r in c.recv if not r.busy), None)
            if entry is None or any(r.returning for r in c.recv):
                return False
            entry.busy, ctx.recv = True, entry
        c.reserved += 1
        ctx.slot = True
        return True

    def write_there(self, n: Node, c: Chan, f: Frame, ctx: Context, p: Placed) -> None:
        if ctx.recv:
            base, user = ctx.recv.addr, User(c.number)
        else:
            base, user = f.addr, User(c.number, 0)
        at = n.table.check(base + f.offset, len(f.data), user, R_WRITE)
        key = (base >> 52, base >> 40 & 0xFFF)
        step = self.rules.burst
        for k in range(0, len(f.data), step):
            p.writes += 1
            a = Access(n.name, at.addr + k, f.data[k : k + step], f.op, key, "target", p)
            self.queue(n, a)

    def permit(self, n: Node, peer: str, f: Frame, p: Placed) -> None:
        """Answer at once; a refused SEND or WRITE_IMM is over."""
        status = p.status or (p.ctx.fault if p.ctx else 0)
        if status and f.type in RECEIVED_FRAMES:
            n.contexts.pop((peer, f.ch), None)
            if p.ctx and p.ctx.slot:
                p.answer = True  # its entry is used up when it is its turn
                p.dead = True
        self.respond(n, p, FrameType.OP_PERMIT, status)

    def respond(self, n: Node, p: Placed, kind: int, status: int, data: bytes = b"") -> None:
        s = self.session(n.name, p.peer)
        if not s.up:
            return
        f = replace(
            p.frame,
            type=int(kind),
            ch=p.frame.to,
            to=p.frame.ch,
            data=data,
            status=status | AT_PEER if status else 0,
            status2=p.status2,
        )
        s.rsp[n.name].append(f)

    # steps -------------------------------------------------------------------------------------
    def target_steps(self, n: Node, peer: str) -> list[Step]:
        out: list[Step] = []
        ring = n.ring[peer]
        if ring and not ring[0].writes:
            p = ring[0]
            if p.frame.type == FrameType.ATOMIC and not p.status and not p.read:
                if n.lock is None:
                    out.append(("lock", lambda: self.lock(n, p)))
                elif n.lock is p and not n.lock_read and not n.lock_waits:
                    out.append(("atomic", lambda: self.atomic(n, p)))
            else:
                out.append(("leave", lambda: self.leave(n, ring.popleft())))
        if n.responder[peer]:
            out.append(("respond", lambda: self.respond_read(n, peer)))
        return out

    def target_done(self, n: Node, a: Access, error: int) -> None:
        p = a.after
        assert isinstance(p, Placed)
        p.writes -= 1
        if a.kind == "atomic":
            n.lock = None
            p.status = error
        elif error and p.ctx and not p.ctx.fault:
            p.ctx.fault = error
        elif error:
            p.error = error

    # ring --------------------------------------------------------------------------------------
    def leave(self, n: Node, p: Placed) -> None:
        """All that came before it has its responses."""
        f = p.frame
        if not p.answer:
            return
        if f.type == FrameType.ATOMIC:
            self.respond_if(n, p, FrameType.READ_DATA, p.status, b"".join(p.read))
            return
        status = p.status or (p.ctx.fault if p.ctx else 0)
        if p.ctx and p.ctx.slot:
            self.deliver(n, n.chans[f.to], p, status)
        if not status and f.notify and f.type not in RECEIVED_FRAMES:
            n.chans[f.to].irqs.append((self.t, f.op))
            self.see("notify", n.name, f.to, op=f.op)
        self.respond_if(n, p, FrameType.OP_NAK if status else FrameType.OP_ACK, status)

    def respond_if(
        self, n: Node, p: Placed, kind: int, status: int, data: bytes = b""
    ) -> None:
        if not p.dead:
            self.respond(n, p, kind, status, b"" if status else data)

    def deliver(self, n: Node, c: Chan, p: Placed, status: int) -> None:
        """The completion at the receiver; or its slot and entry go back."""
        ctx, f = p.ctx, p.frame
        assert ctx is not None
        ctx.slot = False
        spoiled = bool(ctx.recv) and not f.cancel and status not in (0, int(Status.LINK_ERROR))
        if status and not spoiled:
            c.reserved -= 1
            if ctx.recv:
                ctx.recv.busy = ctx.recv.returning = False
            return
        if ctx.recv:
            c.recv.remove(ctx.recv)
        tag = ctx.recv.tag if ctx.recv else 0
        kind = "receive" if ctx.recv else "immediate"
        nbytes = 0 if status else f.total
        self.post(n, c, Posted(self.t, kind, tag, status, 0, nbytes, f.operand0, f.op))
        if not status and f.notify:
            c.irqs.append((self.t, f.op))
            self.see("notify", n.name, f.to, op=f.op)

    def inbound(self, n: Node, c: Chan) -> bool:
        """Writes of peers' messages to this channel are under way."""
        return any(
            a.kind in ("target", "atomic")
            and isinstance(a.after, Placed)
            and a.after.frame.to == c.number
            for a in (*n.queued, *n.granted)
        )

    def abort_inbound(self, n: Node, c: Chan) -> None:
        """Messages that are not complete lose their receiver."""
        for (peer, ch), ctx in n.contexts.items():
            if (peer, ch) == (c.peer, c.peer_ch) and ctx.slot:
                ctx.fault = ctx.fault or int(Status.ABORTED)
                ctx.slot, ctx.recv = False, None
                c.reserved -= 1

    def forget_peer(self, n: Node, peer: str) -> None:
        """The session is over: what is complete here ends without answer, the rest is forgotten."""
        for p in n.ring[peer]:
            p.dead = True
            if p.frame.type == FrameType.ATOMIC and n.lock is not p:
                p.status = p.status or int(Status.LINK_ERROR)
        keep = [p for p in n.responder[peer] if p.read]
        n.responder[peer].clear()
        n.responder[peer].extend(keep)
        for (who, ch), ctx in list(n.contexts.items()):
            if who != peer:
                continue
            del n.contexts[who, ch]
            if ctx.slot:
                # As if a CANCEL had come: the entry goes back behind what was written for it.
                c = next(x for x in n.chans if (x.peer, x.peer_ch) == (peer, ch))
                if ctx.recv:
                    ctx.recv.returning = True
                cancel = Frame(ctx.type, ch, c.number, ctx.tag, ctx.seq, None, cancel=True)
                n.ring[peer].append(
                    Placed(cancel, peer, status=int(Status.ABORTED), answer=True, ctx=ctx, dead=True)
                )

    # responder ---------------------------------------------------------------------------------
    def respond_read(self, n: Node, peer: str) -> None:
        """The next burst of the oldest request, or its answer."""
        p = n.responder[peer][0]
        f = p.frame
        got = sum(map(len, p.read))
        if p.status or got == f.ask:
            n.responder[peer].popleft()
            for _, waits in n.revoking:
                waits.discard(p)
            self.respond(n, p, FrameType.READ_DATA, p.status, b"" if p.status else b"".join(p.read))
            return
        size = min(self.rules.burst, f.ask - got)
        at = n.table.get(f.addr >> 52).base + (f.addr & (1 << 40) - 1) + f.offset + got
        self.see("read", n.name, f.to, op=f.op, info=(at, size))
        resp = n.mem.response(at, size, write=False)
        if resp != OKAY:
            p.status = int(Status.READ_SLVERR if resp == SLVERR else Status.READ_DECERR)
        p.read.append(n.mem.read(at, size))

    # atomics -----------------------------------------------------------------------------------
    def lock(self, n: Node, p: Placed) -> None:
        f = p.frame
        c = n.chans[f.to]
        k = n.table.check(f.addr, 8, User(c.number, 0), R_ATOMIC)
        if not k.ok:
            p.status = int(k.status)
            return
        n.lock, n.lock_addr, n.lock_read = p, k.addr, False
        n.lock_waits = set(n.granted)

    def atomic(self, n: Node, p: Placed) -> None:
        """Read, change, write; the write's response unlocks."""
        f = p.frame
        n.lock_read = True
        self.see("atomic", n.name, f.to, op=f.op)
        resp = n.mem.response(n.lock_addr, 8, write=False)
        if resp != OKAY:
            p.status = int(Status.READ_SLVERR if resp == SLVERR else Status.READ_DECERR)
            n.lock = None
            for _, waits in n.revoking:
                waits.discard(p)
            return
        old = n.mem.read(n.lock_addr, 8)
        value = int.from_bytes(old, "little")
        if f.operand1 is None:
            new = (value + f.operand0) & (1 << 64) - 1
        else:
            new = f.operand1 if value == f.operand0 else value
        p.read.append(old)
        p.writes += 1
        key = (f.addr >> 52, f.addr >> 40 & 0xFFF)
        a = Access(n.name, n.lock_addr, new.to_bytes(8, "little"), f.op, key, "atomic", p)
        for _, waits in n.revoking:
            if p in waits:
                waits.discard(p)
                waits.add(a)
        a.t_grant = self.t
        n.granted.append(a)
        self.see("issue", n.name, access=a, op=a.op)
