# SPDX-License-Identifier: Apache-2.0
"""What the set-up in force makes of an operation, whose memories it uses, where its bytes lie."""

from __future__ import annotations

from models.explain.parts import Place
from models.lay import Op
from models.ops import Ctx, Far, Plan, check_descriptor, check_far
from models.pairstate import (
    FAR_FUTURE,
    ChanState,
    NodeState,
    OpState,
    Variant,
    index_add,
    index_remove,
)


class PairPlans:
    """Part of `Pair`."""

    def _ctx(self, n: NodeState, c: ChanState, up: bool) -> Ctx:
        far = None
        there = self._far.get((n.name, c.peer)) if c.bound else None
        if there is not None:
            fn = self._n[there[0]]
            if c.peer_ch < fn.params.channels:
                fc = fn.chans[c.peer_ch]
                bound = fc.bound and fc.peer == there[1] and fc.peer_ch == c.number
                far = Far(fn.table, c.peer_ch, there[1], bound)
        return Ctx(c.number, n.table, c.absolute, up and there is not None, far, n.params.ops)

    def _plans_now(self, op: OpState) -> list[Plan]:
        n = self._n[op.life.node]
        c = n.chans[op.life.ch]
        if not op.remote:
            return [check_descriptor(op.desc, self._ctx(n, c, False))]
        if op.desc.opcode == Op.CMP_SWAP:
            # Published with one doorbell, they are found together; else the engine may have looked in between.
            together = op.swap is not None and op.life.ops[op.n + 1].t_pub == op.t_pub
            ways = (True,) if together else (True, False) if op.swap is not None else (False,)
            up = n.link_up.get(c.peer) if c.bound else False
            ups = (True, False) if up is None else (up,)
            return [check_descriptor(op.desc, self._ctx(n, c, u), two) for u in ups for two in ways]
        up = n.link_up.get(c.peer) if c.bound else False
        ups = (True, False) if up is None else (up,)
        return [check_descriptor(op.desc, self._ctx(n, c, u)) for u in ups]

    def _plan(self, op: OpState, t: int) -> None:
        """Add what the set-up in force makes of an operation."""
        plans = self._plans_now(op)
        for v in op.variants:
            if v.plan not in plans:
                v.t_to = min(v.t_to, t)
        known = [v.plan for v in op.variants]
        n = self._n[op.life.node]
        for p in plans:
            if p in known:  # in force again
                op.variants[known.index(p)].t_to = FAR_FUTURE
                continue
            op.variants.append(Variant(p, t))
            self._index(op, p)
        if op.remote and n.chans[op.life.ch].peer in n.link_fault:
            op.disturbed = True
        far = check_far(op.desc, self._ctx(n, n.chans[op.life.ch], True).far) if op.remote else None
        if far is not None and not far.ok:
            op.far_codes.add(int(far.status))

    def _replan_all(self, t: int) -> None:
        for op in self._live_ops():
            self._plan(op, t)
        for n in self._n.values():
            for c in n.chans:
                if c.life is not None and c.life.open:
                    for b in c.life.buffers[c.life.received :]:
                        b.set_up(t, n.table, c.absolute)

    def _bound_to(self, op: OpState) -> tuple[int, int]:
        """Peer, and channel there, of an operation's channel."""
        c = self._n[op.life.node].chans[op.life.ch]
        return op.life.bound_to or (c.peer, c.peer_ch)

    def _far_node(self, op: OpState) -> NodeState | None:
        """The peer of a remote operation."""
        n = self._n[op.life.node]
        there = self._far.get((n.name, self._bound_to(op)[0])) if op.remote else None
        return self._n[there[0]] if there else None

    def _dst_node(self, op: OpState) -> NodeState | None:
        """Whose memory it writes."""
        if op.remote and not op.from_peer:
            return self._far_node(op)
        return self._n[op.life.node]

    def _src_node(self, op: OpState) -> NodeState | None:
        """Whose memory it reads."""
        return self._far_node(op) if op.from_peer else self._n[op.life.node]

    def _far_chan(self, op: OpState) -> ChanState | None:
        """The channel at the peer that a remote operation names."""
        n = self._far_node(op)
        there = self._bound_to(op)[1]
        return n.chans[there] if n is not None and there < n.params.channels else None

    def _far_users(self, op: OpState) -> set[int]:
        """On whose behalf the peer makes the accesses of a remote operation."""
        far = self._far_chan(op)
        return {far.acts_for} if far is not None else set()

    def _read_users(self, op: OpState) -> set[int]:
        return self._far_users(op) | op.far_users if op.from_peer else op.life.funcs

    def _write_users(self, n: NodeState, op: OpState) -> set[int]:
        return self._far_users(op) if op.remote and not op.from_peer else op.life.funcs

    def _index(self, op: OpState, p: Plan) -> None:
        if not p.length:
            return
        src, dst = self._src_node(op), self._dst_node(op)
        if p.src is not None and src is not None:
            index_add(src.src_index, op, p.src, p.src + p.length)
        if p.dst is not None and dst is not None:
            index_add(dst.dst_index, op, p.dst, p.dst + p.length)
        if p.here is not None:
            index_add(self._n[op.life.node].dst_index, op, p.here, p.here + p.length)

    def _unindex(self, op: OpState, keep_source: bool = False) -> None:
        for p in op.plans:
            if not p.length:
                continue
            for n in self._n.values():
                if p.src is not None and not keep_source:
                    index_remove(n.src_index, op, p.src, p.src + p.length)
                for at in (p.dst, p.here):
                    if at is not None:
                        index_remove(n.dst_index, op, at, at + p.length)

    def _mark_undefined(self, op: OpState) -> None:
        dst = self._dst_node(op)
        for p in op.plans:
            if p.ok and p.dst is not None and dst is not None:
                dst.undefined.append((p.dst, p.dst + p.length))
            if p.ok and p.here is not None:
                self._n[op.life.node].undefined.append((p.here, p.here + p.length))
        if op.buffer is not None and dst is not None:
            dst.undefined += [(a, a + op.data_len) for a in op.buffer.places(op.data_len)]

    def _key_is_dead(self, n: NodeState, op: OpState, address: int, t_end: int) -> bool:
        """The access uses a key of this node that was revoked, and that was acknowledged."""
        c = n.chans[op.life.ch] if n.name == op.life.node else self._far_chan(op) if op.sends else None
        return not (c is not None and c.absolute) and n.revoked(address, t_end)

    @staticmethod
    def _address_there(n: NodeState, p: Place) -> int:
        """The segment address under which a write is made."""
        d = p.op.desc
        if p.buffer is not None:
            return p.buffer.desc.dst
        if p.op.atomic:
            return d.src
        return d.operand if p.op.mirrors and not p.here else d.dst
