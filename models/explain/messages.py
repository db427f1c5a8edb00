# SPDX-License-Identifier: Apache-2.0
"""What a receiver is told of a peer's messages: once, in order, behind the data."""

from __future__ import annotations

from collections.abc import Iterable

from models.events import AxiWrite
from models.explain.parts import NOT_READY
from models.lay import Cqe, DescFlag, Status
from models.pairstate import ChanState, Life, NodeState, OpState


class PairMessages:
    """Part of `Pair`."""

    def _senders(self, c: ChanState) -> Iterable[OpState]:
        """Operations of a peer that tell something to channel c, in their order."""
        for m in self._n.values():
            for life in m.lives[-2 * m.params.channels :]:
                for op in life.ops[max(0, life.retired - 256) :]:
                    if op.tells and op.remote and self._far_chan(op) is c:
                        yield op

    def _immediate(self, n: NodeState, life: Life, cqe: Cqe, where: str, e: AxiWrite) -> None:
        """An entry that tells of a peer's WRITE_IMM."""
        t = e.t_addr
        c = n.chans[life.ch]
        due = [
            op
            for op in self._senders(c)
            if op.told is None and op.may_run and op.t_pub < t and not self._without_effect(op)
            # What had ended before this life began was an earlier one's, which told nothing any more.
            and not (op.t_done is not None and op.t_done < life.t_start)
        ]
        self.report.completions += 1
        if not due:
            self._bad(t, n.name, "extra-completion", f"{where}: no WRITE_IMM is under way to it")
            return
        # What was lost with its link, or given up, may never have been delivered.
        op = next((o for o in due if self._tells(o, cqe) or not (o.disturbed or o.status or o.life.ending)), due[-1])
        op.told = e.t_resp
        want = (0, 0, 0, op.data_len, op.desc.operand & 0xFFFFFFFF)
        if (cqe.tag, cqe.status, cqe.status2, cqe.nbytes, cqe.immediate) != want:
            self._bad(
                t,
                n.name,
                "wrong-completion",
                f"{where}: immediate {cqe.immediate:#x}; next is {op}, operand {op.desc.operand:#x}",
            )
        # Writes that came after a reset of their initiator are not told apart any more, nor those of what was lost with its link.
        known = op.life.t_start > self._n[op.life.node].t_reset
        if known and not op.status and (not op.covered or op.last_resp >= t):
            self._bad(t, n.name, "early-completion", f"{where}: {op.missing()}; {op}")
        for o in op.life.ops[max(0, op.n - 64) : op.n] if known else ():
            if o.remote and not o.from_peer and not o.status and not o.shared and o.must_run:
                if not o.covered or o.last_resp >= t:
                    self._bad(t, n.name, "early-completion", f"{where}: {o} before it: {o.missing()}")
        if op.desc.flag(DescFlag.NOTIFY):
            c.irq_due.append(e.t_resp)

    @staticmethod
    def _tells(op: OpState, cqe: Cqe) -> bool:
        told = (op.data_len, op.desc.operand & 0xFFFFFFFF)
        return (cqe.nbytes, cqe.immediate) == told

    @staticmethod
    def _without_effect(op: OpState) -> bool:
        """It is over, and its status says that nothing was done."""
        refused = {int(p.status) for p in op.plans if not p.ok}
        return op.status in {*refused, NOT_READY, int(Status.PEER_DOWN)} - {0}

    def _check_told(self) -> None:
        """What ended well has an entry at its receiver."""
        for n in self._n.values():
            for life in n.lives:
                for op in life.ops[: life.retired]:
                    far, there = self._far_chan(op), self._far_node(op)
                    if not op.tells or op.status or op.told is not None or far is None:
                        continue
                    at = far.life
                    gone = at is None or at.t_start > op.last_resp > 0 or at.ending or not at.open
                    if gone or at.t_mute is not None or there.t_reset > op.t_pub:
                        continue
                    self._bad(
                        self.now, there.name, "missing-completion", f"{op} ended well, but told nothing"
                    )
