# SPDX-License-Identifier: Apache-2.0
"""MIRROR: no byte of the copy here before the peer said so, and two bits that tell the truth about both copies."""

from __future__ import annotations

from collections.abc import Callable

from models.events import AxiWrite, LinkFrame
from models.frame import Frame
from models.lay import (
    AT_PEER,
    LOCAL_BAD,
    MAY_HAVE_EXECUTED,
    PEER_BAD,
    FrameType,
    Op,
    Status,
    status_name,
)
from models.pairstate import Life, NodeState, OpState

BOTH_BAD = LOCAL_BAD | PEER_BAD
UNKNOWN = {int(Status.LINK_ERROR), int(Status.LINK_ERROR) | AT_PEER, int(Status.OP_TIMEOUT)}


class PairMirror:
    """Part of `Pair`."""

    def _check_permission(self, n: NodeState, op: OpState, end: int, e: AxiWrite) -> None:
        """A write of the copy here, up to byte `end`: the last frame waits for OP_ACK, all others for OP_PERMIT."""
        there = self._far_node(op)
        if op.shared or there is None or there.t_reset > op.t_pub:
            return  # what the peer has is not known
        what = f"{op}: its copy here is written at {e.addr:#x}"
        mtu = n.params.link_mtu
        if end > (op.data_len - 1) // mtu * mtu:
            spoiled = [c for c, sure in op.errors.items() if c & AT_PEER and sure]
            if not op.covered_there or op.there_resp >= e.t_addr:
                self._bad(e.t_addr, n.name, "permission", f"{what}, the peer's is not complete: {op.missing()}")
            elif spoiled:
                self._bad(e.t_addr, n.name, "permission", f"{what}, the peer's failed: {status_name(spoiled[0])}")
        elif (there.name, n.name) in self._seen_frames:
            if op.refused_at is not None and op.refused_at < e.t_addr:
                self._bad(e.t_addr, n.name, "permission", f"{what}, the peer has refused it")
            elif not any(o.t_permit is not None and o.t_permit < e.t_addr for o in self._alike(op)):
                self._bad(e.t_addr, n.name, "permission", f"{what}, nobody has permitted it")

    def _mirror_frame(self, e: LinkFrame, f: Frame) -> None:
        """Which operation asks, and what it is told."""
        self._seen_frames.add((e.src, e.dst))
        if f.type == FrameType.MIRROR and f.first and not f.cancel:
            n = self._n[e.src]
            life = n.chans[f.src_ch].life if f.src_ch < n.params.channels else None
            before, seq = self._asking.get((e.src, f.tag), (None, None))
            if life is None or before is not None and before.life is life and seq == f.op_seq:
                return  # it comes again
            op = self._who_mirrors(life, f)
            if op is not None:
                op.on_wire = True
                self._asking[e.src, f.tag] = op, f.op_seq
        elif f.type == FrameType.OP_PERMIT:
            op, seq = self._asking.get((e.dst, f.tag), (None, None))
            if op is None or seq != f.op_seq:
                return
            if f.status and op.refused_at is None:
                op.refused_at = e.t
            elif not f.status and op.t_permit is None:
                op.t_permit = e.t

    @staticmethod
    def _who_mirrors(life: Life, f: Frame) -> OpState | None:
        """The oldest MIRROR of this life that has not been seen on the wire and is about this."""
        for op in life.ops[life.retired :]:
            if op.mirrors and op.may_run and not op.on_wire and (op.desc.operand, op.desc.length) == (f.segaddr, f.total_len):
                return op
        return None

    @staticmethod
    def _alike(op: OpState) -> list[OpState]:
        """MIRRORs of the same places, which frames don't tell apart; itself first."""
        place = op.desc.operand, op.desc.length
        near = op.life.ops[max(0, op.n - 16) : op.n + 16]
        return [op, *(o for o in near if o is not op and o.mirrors and (o.desc.operand, o.desc.length) == place)]

    def _judge_mirror(self, op: OpState, status: int, status2: int, t: int, bad: Callable[[str, str], None]) -> None:
        """Second status of a MIRROR that failed."""
        if status == Status.BAD_OPCODE and Op.MIRROR not in self._n[op.life.node].params.ops:
            if status2 not in (0, BOTH_BAD):
                bad("wrong-completion", f"second status {status2:#x}")
            return
        if status2 & ~(BOTH_BAD | MAY_HAVE_EXECUTED):
            bad("wrong-completion", f"second status {status2:#x}")
        if not status2 & LOCAL_BAD:
            bad("wrong-completion", "LOCAL_BAD is set with every error")
        spoiled = any(c & AT_PEER and sure for c, sure in op.errors.items())
        good = op.covered_there and op.there_resp < t and not spoiled
        if not status2 & PEER_BAD and (status & AT_PEER or status in UNKNOWN or not good):
            bad("wrong-completion", "PEER_BAD must be set: nothing says that the peer's copy is good")
        if bool(status2 & MAY_HAVE_EXECUTED) and status not in UNKNOWN:
            bad("wrong-completion", "MAY_HAVE_EXECUTED, though the peer has said how it ended")
        if not status2 & MAY_HAVE_EXECUTED and status in UNKNOWN - {int(Status.LINK_ERROR) | AT_PEER}:
            bad("wrong-completion", "MAY_HAVE_EXECUTED must be set")


__all__ = ["PairMirror"]
