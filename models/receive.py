# SPDX-License-Identifier: Apache-2.0
"""The receive ring as a monitor sees it: published buffers, and what a message that comes for one may meet."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from models.lay import Desc, Op, Status
from models.ops import Plan, check_buffer
from models.segments import SegmentTable

if TYPE_CHECKING:
    from models.pairstate import Life, OpState

# An entry that was taken for a message ends with one of these, or well.
USED_UP = {
    int(s)
    for s in (
        Status.RECV_TOO_SHORT,
        Status.WRITE_SLVERR,
        Status.WRITE_DECERR,
        Status.SEG_INVALID,
        Status.KEY_REVOKED,
        Status.SEG_RANGE,
        Status.SEG_RIGHTS,
        Status.SEG_BINDING,
        Status.ADDR_WRAP,
        Status.BAD_OPCODE,
    )
}


@dataclass(frozen=True)
class SetUp:
    """What decides about a buffer's address, and since when it is in force."""

    t: int
    table: SegmentTable
    absolute: bool


@dataclass(eq=False)
class Buffer:
    """A published receive entry and what was seen of it."""

    life: Life
    n: int  # running number in its life
    desc: Desc
    t_pub: int
    set_ups: list[SetUp] = field(default_factory=list)  # all since it was published
    t_fetch: int | None = None
    holder: OpState | None = None  # the message that is on its way into it

    def set_up(self, t: int, table: SegmentTable, absolute: bool) -> None:
        if self.set_ups and (self.set_ups[-1].table, self.set_ups[-1].absolute) == (table, absolute):
            return
        self.set_ups.append(SetUp(t, table, absolute))

    def plans(self, length: int, since: int = -1) -> list[Plan]:
        """What the checks say of a message, under each set-up that was in force after `since`."""
        if self.desc.opcode != Op.RECV:
            return [Plan(Status.BAD_OPCODE)]
        out = []
        for k, s in enumerate(self.set_ups):
            if k + 1 < len(self.set_ups) and self.set_ups[k + 1].t <= since:
                continue
            p = check_buffer(self.desc, length, s.table, self.life.ch, s.absolute)
            if p not in out:
                out.append(p)
        return out

    def codes(self, length: int, since: int = -1) -> set[int]:
        return {int(p.status) for p in self.plans(length, since)}

    def places(self, length: int, since: int = -1) -> list[int]:
        """Where the message may lie."""
        return [p.dst for p in self.plans(length, since) if p.dst is not None]

    def __str__(self) -> str:
        d = self.desc
        return f"{self.life.where} buffer {self.n} (tag={d.tag:#x} len={d.length} dst={d.dst:#x})"


__all__ = ["USED_UP", "Buffer", "SetUp"]
