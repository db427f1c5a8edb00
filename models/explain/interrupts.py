# SPDX-License-Identifier: Apache-2.0
"""Messages of interrupts need a cause before them."""

from __future__ import annotations

from models.events import AxiWrite, IrqPin
from models.lay import DescFlag
from models.pairstate import NodeState


class PairInterrupts:
    """Part of `Pair`."""

    def _msix_write(
        self, n: NodeState, e: AxiWrite, base: int, runs: list[tuple[int, int]]
    ) -> None:
        if len(runs) != 1 or runs[0][1] - runs[0][0] != 4:
            self._bad(e.t_addr, n.name, "burst-shape", f"message at {e.addr:#x} is not 4 bytes")
            return
        lo = base + runs[0][0]
        data = int.from_bytes(e.data[runs[0][0] : runs[0][1]], "little")
        self.report.interrupts += 1
        found = [
            v
            for v, m in n.msix.items()
            if m.get("MSIX_ADDR", 0) == lo and m.get("MSIX_DATA", 0) & 0xFFFFFFFF == data
        ]
        if not found:
            self._bad(
                e.t_addr, n.name, "interrupt", f"no vector has address {lo:#x} and data {data:#x}"
            )
            return
        if any(v >= n.params.channels for v in found):
            return  # node events
        for v in found:
            if any(t < e.t_addr for t in n.chans[v].irq_due):
                n.chans[v].irq_due = [t for t in n.chans[v].irq_due if t >= e.t_addr]
                return
            if self._notify_due(n, v, e.t_addr):
                return
        self._bad(
            e.t_addr,
            n.name,
            "interrupt",
            f"message of vector {found[0]} without a completion before it",
        )

    def _notify_due(self, n: NodeState, ch: int, t: int) -> bool:
        """A remote write with NOTIFY is complete here, its own completion there still to come."""
        for op in self._live_ops():
            notify = op.remote and op.desc.flag(DescFlag.NOTIFY) and not op.tells
            if notify and self._dst_node(op) is n:
                there = self._bound_to(op)[1]
                if there == ch and op.covered_there and op.there_resp < t:
                    return True
        return False

    def _irq_pin(self, e: IrqPin) -> None:
        self.now = max(self.now, e.t)
