# SPDX-License-Identifier: Apache-2.0
"""Links, disturbances and resets."""

from __future__ import annotations

from models.events import Fault, LinkFrame, LinkState, NodeReset
from models.lay import AT_PEER, Status
from models.linkcheck import LinkChecker


class PairLinks:
    """Part of `Pair`."""

    def _link_state(self, e: LinkState) -> None:
        self.now = max(self.now, e.t)
        n = self._n[e.node]
        was = n.link_up.get(e.peer)
        n.link_is(e.peer, e.up, e.t)
        if was and not e.up:
            self._disturb(e.node, e.peer)
        self._replan_all(e.t)

    def _disturb(self, node: str, peer: int) -> None:
        """Operations under way over this link, in either direction, may end by it."""
        there = self._far.get((node, peer))
        for op in self._live_ops():
            c = self._n[op.life.node].chans[op.life.ch]
            if op.remote and (op.life.node, c.peer) in ((node, peer), there):
                op.disturbed = True

    def _fault(self, e: Fault) -> None:
        self.now = max(self.now, e.t)
        n = self._n[e.node]
        if e.kind in ("link_corrupt", "link_down"):
            ends = [(e.node, e.peer)]
            there = self._far.get((e.node, e.peer))
            ends += [there] if there else []
            for name, p in ends:
                self._n[name].link_fault.add(p)
                self._n[name].exact = False
            self._disturb(e.node, e.peer)
            if there:
                self._wire(e.node, there[0]).disturbed()
        elif e.kind == "link_noise":
            there = self._far.get((e.node, e.peer))
            if there:
                self._wire(e.node, there[0]).disturbed()
        elif e.kind == "link_clean":
            n.link_fault.discard(e.peer)
            there = self._far.get((e.node, e.peer))
            if there:
                self._wire(e.node, there[0]).restart()
                self._n[there[0]].link_fault.discard(there[1])
        elif e.kind == "mem_stall":
            n.mem_stall, n.exact = True, False
        elif e.kind == "mem_clean":
            n.mem_stall = False
        elif e.kind == "fatal":
            n.fatal, n.exact = True, False
            for c in n.chans:
                self._channel_error(c, Status.MEM_TIMEOUT, e.t)
        else:
            raise ValueError(f"unknown fault {e.kind}")

    def _node_reset(self, e: NodeReset) -> None:
        self.now = max(self.now, e.t)
        n = self._n[e.node]
        for p in range(n.params.peers):
            self._disturb(e.node, p)
        self._keep_answers(n)
        for c in n.chans:
            if c.life is not None and c.life.open:
                self._close(c.life, e.t)
        n.t_reset, n.exact = e.t, False
        n.reset()
        self._replan_all(e.t)

    def _link_frame(self, e: LinkFrame) -> None:
        self.now = max(self.now, e.t)
        self.report.frames += 1
        link = self._wire(e.src, e.dst)
        before = len(link.faults)
        f = link.frame(e.src, e.t, e.raw)
        if f is not None:
            self._mirror_frame(e, f)
        for fault in link.faults[before:]:
            self._bad(e.t, e.src, "frame", f"to {e.dst}: {fault.rule}: {fault.text}")

    def _wire(self, a: str, b: str) -> LinkChecker:
        key = (min(a, b), max(a, b))
        if key not in self._wires:
            p = self._n[a].params
            self._wires[key] = LinkChecker(
                *key, (p.link_w or p.data_w) // 8, p.link_mtu, p.rx_shared, may_skip=self._may_skip
            )
        return self._wires[key]

    def _may_skip(self, node: str, ch: int, n: int) -> bool:
        """Operations that are refused here have a number and no frame; each explains one gap."""
        if ch >= self._n[node].params.channels:
            return False
        refused = sum(
            op.remote and any(not p.ok and not p.status & AT_PEER for p in op.plans)
            for life in self._n[node].lives
            if life.ch == ch
            for op in life.ops
        )
        used = self._skipped.get((node, ch), 0) + n
        if used > refused:
            return False
        self._skipped[node, ch] = used
        return True
