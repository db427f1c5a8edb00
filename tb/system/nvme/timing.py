# SPDX-License-Identifier: Apache-2.0
"""How long commands took, held against the bounds of tb/system/nvme/bounds.py."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from models.layout import NvmeIoOp
from tb.system.nvme.bounds import Costs
from tb.system.nvme.verdicts import Command
from tb.system.nvme.watch import NEVER


@dataclass(frozen=True)
class Timed:
    """A command whose latency counts: rung at `t` (ps)."""

    qid: int
    cid: int
    t: int
    kind: str
    bursts: int = 0  # of the mailbox's page
    drains: int = 0  # queues that it brings to their end
    quiet: bool = False  # nobody else was there
    at: int = 0  # place among the commands of its doorbell


WRITERS = (NvmeIoOp.READ, NvmeIoOp.WRITE, NvmeIoOp.WRITE_ZEROES, NvmeIoOp.DSM)


class Timing:
    """`worst`: by kind (latency over bound, cycles, bound in cycles, commands that were ahead)."""

    def __init__(self, commands: Sequence[Command], costs: Costs, period: int) -> None:
        self.commands, self.costs, self.period = commands, costs, period
        self.cost = [costs.command(c.sqe, c.verdict, 4096 if c.sqe.nsid == 2 else 512) for c in commands]
        self.bursts = sorted({c.entry for c in commands if c.entry < NEVER})
        self.worst: dict[str, tuple[float, int, int, int]] = {}
        self.alone: dict[str, int] = {}
        self.compared = 0
        self.wrong: list[str] = []

    def judge(self, timed: Sequence[Timed]) -> None:
        mine: dict[tuple[int, int], list[Command]] = defaultdict(list)
        for c in self.commands:
            mine[c.life.qid, c.sqe.cid].append(c)
        work = []
        for x in timed:
            found = next((c for c in mine[x.qid, x.cid] if c.t > x.t), None)
            if found is None or found.entry == NEVER:
                self.wrong.append(f"[late] {x} has no entry")
            else:
                work.append((x, found))
        for x, c in work:
            if x.quiet:
                self.alone[x.kind] = max(self.alone.get(x.kind, 0), self._cycles(x, c))
        before: list[Command] = []  # fetched, and without an entry when the last one was rung
        taken = 0
        for x, c in sorted(work, key=lambda w: w[0].t):
            while taken <= c.index:
                before.append(self.commands[taken])
                taken += 1
            before = [b for b in before if min(b.gone, b.life.until) >= x.t]
            if not x.quiet:
                self._one(x, c, [b for b in before if b.index <= c.index])

    def _cycles(self, x: Timed, c: Command) -> int:
        return (c.entry - x.t) // self.period

    def _one(self, x: Timed, c: Command, ahead: list[Command]) -> None:
        k, cycles = self.costs, self._cycles(x, c)
        bound = sum(self.cost[a.index] for a in ahead) + self._behind(x, c)
        others = [a for a in ahead if a.life.qid not in (x.qid, 0) and a.entry >= x.t]
        if x.qid:
            bound += k.own + x.at * (k.latency + 64)
            most = k.held + k.before * (x.at + 1)
            if len(others) > most:
                self.wrong.append(f"[turn] {x}: {len(others)} commands of others were ahead of it, more than {most}")
        else:
            if x.kind not in self.alone:
                self.wrong.append(f"[late] {x.kind} was not tried alone")
                return
            bound += k.admin(self.alone[x.kind], x.bursts)
            if x.drains:
                bound += x.drains * self._held_at_most(c.index, c.entry)
        self.compared += 1
        ratio = cycles / bound
        if ratio > self.worst.get(x.kind, (0.0,))[0]:
            self.worst[x.kind] = ratio, cycles, bound, len(others)
        if ratio > 1:
            self.wrong.append(f"[late] {x}: {cycles} cycles, more than {bound}; {len(others)} commands of others ahead")

    def _behind(self, x: Timed, c: Command) -> int:
        """Data of commands fetched later that may be written before its entry."""
        work, entries = 0, self.costs.entries(bisect_right(self.bursts, c.entry) - bisect_left(self.bursts, x.t))
        for other in self.commands[c.index + 1 :]:
            if other.t > c.entry or work > entries:
                break
            work += self.cost[other.index] if other.verdict.ok and other.sqe.opc in WRITERS else 0
        return min(work, entries)

    def _held_at_most(self, first: int, t: int) -> int:
        """The most work that can have been in flight at one time between this command's fetch and t."""
        last, held = first, self.costs.held
        while last + 1 < len(self.commands) and self.commands[last + 1].t <= t:
            last += 1
        return max(sum(self.cost[max(0, i - held) : i + 1]) for i in range(first, last + 1))


__all__ = ["Timed", "Timing"]
