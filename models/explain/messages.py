# SPDX-License-Identifier: Apache-2.0
"""What a receiver is told of a peer's messages: once, in order, behind the data, and of a SEND in the next buffer."""

from __future__ import annotations

from collections.abc import Iterable

from models.events import AxiRead, AxiWrite
from models.explain.parts import LIVING, NOT_READY, Place
from models.lay import AT_PEER, DESC, Cqe, CqeKind, Desc, DescFlag, Status, status_name
from models.memory import OKAY, SLVERR
from models.pairstate import ChanState, Life, NodeState, OpState
from models.receive import USED_UP, Buffer


class PairMessages:
    """Part of `Pair`."""

    def _senders(self, c: ChanState) -> Iterable[OpState]:
        """Operations of a peer that tell something to channel c, in their order."""
        for m in self._n.values():
            for life in m.newest_lives:
                for op in life.ops[max(0, life.retired - 256) :]:
                    if op.tells and op.remote and self._far_chan(op) is c:
                        yield op

    def _due(self, c: ChanState, life: Life, t: int) -> list[OpState]:
        """Messages that channel c may be told of next."""
        untold = [
            op
            for op in self._senders(c)
            if op.told is None and op.may_run and op.t_pub < t and not self._without_effect(op)
            # What had ended before this life began was an earlier one's, which told nothing any more.
            and not (op.t_done is not None and op.t_done < life.t_start)
        ]
        return [op for op in untold if op.n > op.life.last_told]

    # the receive ring --------------------------------------------------------------------------
    def _recv_doorbell(self, n: NodeState, c: ChanState, value: int, t: int) -> None:
        life = c.life
        if life is None or not life.open or not c.states & LIVING or life.ending or life.t_drain is not None:
            return
        if value >= life.rsize:
            self._channel_error(c, Status.DOORBELL_RANGE, t)
            return
        known = len(life.buffers)
        advance = (value - known) % life.rsize
        if known + advance - life.received > life.rsize - 1:
            # Too far, unless buffers that are used up but not yet reported free the slots.
            self._maybe_error(c, Status.DOORBELL_RANGE)
        for k in range(known, known + advance):
            b = Buffer(life, k, Desc.unpack(n.mem.read(life.recv_addr(k), DESC.size)), t)
            b.set_up(t, n.table, c.absolute)
            life.buffers.append(b)

    def _buffers_fetched(self, n: NodeState, life: Life, e: AxiRead, resp: int, base: int, end: int) -> None:
        """Entries of the receive ring may be read more than once, but only published ones."""
        took = 0
        for b in life.buffers[life.received :]:
            at = life.recv_addr(b.n)
            if not (base <= at and at + DESC.size <= end) or b.t_pub >= e.t_addr:
                continue
            took += 1
            d = Desc.unpack(e.data[at - base : at - base + DESC.size])
            if resp == OKAY and b.t_fetch is None:
                b.t_fetch = e.t_addr
                if d != b.desc:
                    self._allow(e.t_data, n.name, "descriptor-changed", f"{b} was fetched as ({d})")
                    b.desc = d
        if took and resp != OKAY:
            status = Status.FETCH_SLVERR if resp == SLVERR else Status.FETCH_DECERR
            self._channel_error(n.chans[life.ch], status, e.t_data)
        if not took and not life.ending and life.t_stop is None:
            text = f"{life.where}: fetch at {e.addr:#x}; {life.received} of {len(life.buffers)} receive entries are used up"
            self._bad(e.t_addr, n.name, "fetch-order", text)

    # bytes of a SEND ---------------------------------------------------------------------------
    def _buffer_places(self, n: NodeState, e: AxiWrite, lo: int, hi: int, data: bytes) -> list[Place]:
        """SENDs that may write [lo, hi) here, each into the buffer that is its own or may become it."""
        out = []
        for c in n.chans:
            life = c.life
            if life is None or not life.open or len(life.buffers) <= life.received or e.user not in life.funcs:
                continue
            sends = None
            for b in self._buffers_at(life, lo, hi):
                if sends is None:
                    sends = [op for op in self._due(c, life, e.t_addr) if op.sends]
                for k, op in enumerate(sends):
                    if not self._may_take(sends, k, b):
                        continue
                    for s in b.places(op.data_len, op.t_pub):
                        if s <= lo and hi <= s + op.data_len and (op.t_over is None or op.got is not None):
                            out.append(Place(op, s, buffer=b))
        return out

    @staticmethod
    def _buffers_at(life: Life, lo: int, hi: int) -> list[Buffer]:
        """Posted buffers that hold [lo, hi)."""
        return [
            b
            for b in life.buffers[life.received : life.received + 256]
            if any(s <= lo and hi <= s + b.desc.length for s in b.places(min(1, b.desc.length)))
        ]

    @staticmethod
    def _may_take(sends: list[OpState], k: int, b: Buffer) -> bool:
        """Messages take buffers in their order; one that was given up leaves its own."""
        op = sends[k]
        if op.buffer is not None:
            return op.buffer is b
        if b.holder is not None and not b.holder.gave_up:
            return False
        before = [o.buffer.n for o in sends[:k] if o.buffer is not None and not o.gave_up]
        after = [o.buffer.n for o in sends[k + 1 :] if o.buffer is not None and not o.gave_up]
        return b.n - b.life.received <= k and b.n > max(before, default=-1) and b.n < min(after, default=b.n + 1)

    @staticmethod
    def _took(op: OpState, b: Buffer, e: AxiWrite) -> None:
        op.buffer, b.holder = b, op
        b.life.last_drain_t = max(b.life.last_drain_t, e.t_resp)

    def _late_for_buffer(self, n: NodeState, e: AxiWrite, lo: int, hi: int, what: str) -> bool:
        """A write of a SEND whose link was lost, before its buffer comes back."""
        for c in n.chans:
            life = c.life
            if life is None or not life.open or e.user not in life.funcs or not self._buffers_at(life, lo, hi):
                continue
            lost = [op for op in self._senders(c) if op.sends and op.told is None and op.disturbed]
            if lost:
                self._allow(e.t_resp, n.name, "late-write", f"{what}: {lost[0]}")
                n.undefined.append((lo, hi))
                life.last_drain_t = max(life.last_drain_t, e.t_resp)
                return True
        return False

    def _explain_buffer(self, n: NodeState, e: AxiWrite, lo: int, hi: int, what: str) -> bool:
        """A write into a buffer that no message which is under way explains."""
        for life in n.newest_lives:
            if not life.buffers:
                continue
            for b in life.buffers[-256:]:
                if not any(s <= lo and hi <= s + b.desc.length for s in b.places(min(1, b.desc.length))):
                    continue
                early = e.t_addr < (life.t_closed or 0)
                if e.user not in life.funcs:
                    self._bad(e.t_addr, n.name, "foreign-user", f"{what}: {b}")
                elif not life.open:
                    self._bad(e.t_addr, n.name, "early-disabled" if early else "late-access", f"{what}: {b}")
                elif b.n < life.received:
                    self._bad(e.t_addr, n.name, "late-access", f"{what}: {b} is used up")
                else:
                    self._bad(e.t_addr, n.name, "unexplained-access", f"{what}: no message is under way for {b}")
                return True
        return False

    # what the receiver is told -----------------------------------------------------------------
    def _message(self, n: NodeState, life: Life, cqe: Cqe, where: str, e: AxiWrite) -> None:
        """An entry that tells of a peer's WRITE_IMM or SEND."""
        t, c = e.t_addr, n.chans[life.ch]
        self.report.completions += 1
        received = cqe.kind == CqeKind.RECEIVE
        b = None
        if received:
            if life.received >= len(life.buffers):
                self._bad(t, n.name, "extra-completion", f"{where}: no receive entry is published")
                return
            b = life.buffers[life.received]
            life.received += 1
            if b.t_fetch is None or b.t_fetch >= t:
                self._bad(t, n.name, "fetch-order", f"{where}: {b} was not fetched")
        due = self._due(c, life, t)
        if not due:
            self._bad(t, n.name, "extra-completion", f"{where}: no message is under way to it")
            return
        # What was lost with its link, given up or refused may never have been delivered.
        op = next((o for o in due if self._tells(o, cqe, b)), None)
        if op is None:
            op = next((o for o in due if not (o.disturbed or o.status or o.life.ending)), due[-1])
        op.told, op.told_status, op.told_into = e.t_resp, cqe.status, b
        op.life.last_told = op.n
        if not self._tells(op, cqe, b):
            text = f"{where}: kind {cqe.kind}, immediate {cqe.immediate:#x}; next is {op}, operand {op.desc.operand:#x}"
            self._bad(t, n.name, "wrong-completion", text)
        if b is not None:
            self._judge_buffer(n, op, b, cqe, where, t)
        elif (cqe.tag, cqe.status, cqe.status2) != (0, 0, 0):
            self._bad(t, n.name, "wrong-completion", f"{where}: an entry of kind IMMEDIATE tells of nothing else")
        self._judge_order(n, op, where, t)
        if op.desc.flag(DescFlag.NOTIFY) or cqe.status:
            c.irq_due.append(e.t_resp)

    def _judge_order(self, n: NodeState, op: OpState, where: str, t: int) -> None:
        """It comes behind its own data and all earlier data of its channel."""
        # Writes that came after a reset of their initiator are not told apart any more, nor those of what was lost with its link.
        known = op.life.t_start > self._n[op.life.node].t_reset
        if known and not op.status and not op.told_status and (not op.covered or op.last_resp >= t):
            self._bad(t, n.name, "early-completion", f"{where}: {op.missing()}; {op}")
        for o in op.life.ops[max(0, op.n - 64) : op.n] if known else ():
            if o.remote and not o.from_peer and not o.status and not o.shared and o.must_run and not o.errors and not self._may_be_refused(o):
                if not o.covered_there or o.there_resp >= t:
                    self._bad(t, n.name, "early-completion", f"{where}: {o} before it: {o.missing()}")

    @staticmethod
    def _may_be_refused(op: OpState) -> bool:
        """A message that nobody was told of, and that has not ended: its receiver may have said no."""
        return op.tells and op.told is None and op.t_done is None and not op.written or bool(op.told_status)

    def _judge_buffer(self, n: NodeState, op: OpState, b: Buffer, cqe: Cqe, where: str, t: int) -> None:
        """The fields of an entry of kind RECEIVE that come from its buffer."""
        life = b.life
        if (cqe.tag, cqe.dring_cons, cqe.status2) != (b.desc.tag, life.received % life.rsize, 0):
            self._bad(t, n.name, "wrong-completion", f"{where}: {b}, then RRING_CONS is {life.received % life.rsize}")
        if op.buffer is not None and op.buffer is not b and not op.gave_up:
            self._bad(t, n.name, "wrong-completion", f"{where}: {op} went into {op.buffer}, not into {b}")
        failed = {c & ~AT_PEER for c, sure in op.errors.items() if c & AT_PEER}
        certain = {c & ~AT_PEER for c, sure in op.errors.items() if c & AT_PEER and sure}
        codes = b.codes(op.data_len, op.t_pub)
        allowed = codes | failed if op.sends else {0}
        if certain and not op.shared:
            allowed.discard(0)
        if cqe.status not in allowed:
            names = " or ".join(status_name(c) for c in sorted(allowed))
            self._bad(t, n.name, "wrong-completion", f"{where}: must be {names}; {op}, {b}")
        if cqe.status == Status.RECV_TOO_SHORT and op.written:
            self._bad(t, n.name, "wrong-completion", f"{where}: too short, but something is written; {op}")
        if op.status and not op.disturbed and op.status & AT_PEER and op.status != cqe.status | AT_PEER:
            self._bad(t, n.name, "wrong-completion", f"{where}: its sender was told {status_name(op.status)}")

    @staticmethod
    def _tells(op: OpState, cqe: Cqe, b: Buffer | None) -> bool:
        """The entry may speak of this message."""
        sizes = (op.data_len, 0) if cqe.status else (op.data_len,)
        mine = op.desc.operand & 0xFFFFFFFF == cqe.immediate and cqe.nbytes in sizes
        # Its sender knows of another end.
        other = bool(op.status) and op.status & AT_PEER and not op.disturbed and cqe.status | AT_PEER != op.status
        return mine and op.sends == (b is not None) and not other

    def _receiver_codes(self, op: OpState) -> set[int]:
        """What the receiver of a message may answer beside 'done'."""
        if not op.tells:
            return set()
        out = {NOT_READY} | op.before_reset
        c = self._far_chan(op)
        if c is None:
            return out
        if any(x.ending for x in self._far_node(op).lives if x.ch == c.number):
            out.add(int(Status.ABORTED) | AT_PEER)  # the receiver was disabled in the middle
        if op.sends and op.told is not None:
            out |= {op.told_status | AT_PEER} if op.told_status else set()
        elif op.sends and c.life is not None:
            ahead = sum(1 for o in self._due(c, c.life, op.t_pub + 1) if o.sends and o.life is op.life and o.n < op.n)
            for b in c.life.buffers[c.life.received : c.life.received + ahead + 1]:
                out |= {code | AT_PEER for code in b.codes(op.data_len, op.t_pub) if code}
        return out

    def _keep_answers(self, n: NodeState) -> None:
        """A node is about to forget its receive rings, and an answer that it gave may be on its way to a SEND."""
        for op in self._live_ops():
            if op.sends and op.remote and op.t_fetch is not None and self._far_node(op) is n:
                op.before_reset |= self._receiver_codes(op)

    @staticmethod
    def _without_effect(op: OpState) -> bool:
        """It is over, and its status says that nothing was done."""
        refused = {int(p.status) for p in op.plans if not p.ok}
        return op.status in {*refused, NOT_READY, int(Status.PEER_DOWN)} - {0}

    def _check_told(self) -> None:
        """What ended well has an entry at its receiver; what used a buffer up, too."""
        for n in self._n.values():
            for life in n.lives:
                for op in life.ops[: life.retired]:
                    far, there = self._far_chan(op), self._far_node(op)
                    used = op.sends and op.status & AT_PEER and op.status & ~AT_PEER in USED_UP
                    used = used and not self._without_effect(op) and not op.disturbed
                    if not op.tells or op.status and not used or op.told is not None or far is None:
                        continue
                    at = far.life
                    over = op.last_resp if op.last_resp > 0 else op.t_done or op.t_pub
                    gone = at is None or at.t_start > over or at.ending or not at.open
                    if gone or at.t_mute is not None or there.t_reset > op.t_pub:
                        continue
                    how = "ended well" if not op.status else f"used a buffer up ({status_name(op.status)})"
                    self._bad(self.now, there.name, "missing-completion", f"{op} {how}, but told nothing")

