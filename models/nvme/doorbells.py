# SPDX-License-Identifier: Apache-2.0
"""Golden model of crl_nvme_db: what a write to the doorbell pages does.

The unit keeps the SQ tails and the CQ heads. The SQ heads and the CQ tails belong to others, who are asked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from models.layout import NvmeAerErr

FIRST, END = 0x1000, 0x100000


@dataclass(frozen=True)
class SqRung:
    """New tail of a submission queue."""

    qid: int
    tail: int


@dataclass(frozen=True)
class CqRung:
    """New head of a completion queue."""

    qid: int
    head: int


@dataclass(frozen=True)
class Refused:
    """A doorbell that was refused; `qid` is what the port can show of the number."""

    qid: int
    cq: bool
    code: NvmeAerErr
    func: int


@dataclass(frozen=True)
class Foreign:
    """A doorbell that another function than 0 and the owner rang."""

    func: int


Event = SqRung | CqRung | Refused | Foreign


@dataclass
class Queue:
    """What is known of one queue; `pointer` is the tail of an SQ, the head of a CQ."""

    valid: bool = False
    size: int = 0
    func: int = 0
    pointer: int = 0


def entries(first: int, end: int, size: int) -> int:
    """Entries from `first` up to, not with, `end` in a ring of `size` + 1."""
    return (end - first) % (size + 1)


def place(offset: int, dstrd: int) -> tuple[int, bool] | None:
    """(queue, is it a CQ) of the doorbell at an offset into BAR0 that is a multiple of 4, if one lies there."""
    number, rest = divmod(offset - FIRST, 4 << dstrd)
    if not FIRST <= offset < END or rest:
        return None
    return number >> 1, bool(number & 1)


@dataclass
class Doorbells:
    """The doorbells of `queues` I/O queue pairs and the admin pair.

    sq_head, cq_tail   the pointers that others keep, by queue number
    """

    queues: int
    dstrd: int
    sq_head: Callable[[int], int]
    cq_tail: Callable[[int], int]
    sqs: list[Queue] = field(init=False)
    cqs: list[Queue] = field(init=False)

    def __post_init__(self) -> None:
        self.reset()

    @property
    def qn(self) -> int:
        """Queue pairs, the admin pair among them."""
        return self.queues + 1

    @property
    def qw(self) -> int:
        """Bits of a queue number."""
        return (self.qn - 1).bit_length()

    def reset(self) -> None:
        """No queue is there."""
        self.sqs = [Queue() for _ in range(self.qn)]
        self.cqs = [Queue() for _ in range(self.qn)]

    def configure(self, qid: int, cq: bool, valid: bool, size: int = 1, func: int = 0) -> None:
        """The set-up bus: create or delete a queue; its pointer is 0 then."""
        (self.cqs if cq else self.sqs)[qid] = Queue(valid, size, func)

    def tail(self, qid: int) -> int:
        """SQ tail."""
        return self.sqs[qid].pointer

    def head(self, qid: int) -> int:
        """CQ head."""
        return self.cqs[qid].pointer

    def write(self, addr: int, data: int, strb: int, user: int) -> list[Event]:
        """A write of a 64-bit word: what comes of it, the lower half first."""
        events: list[Event] = []
        for half in (0, 1):
            where = place((addr & ~7) + 4 * half, self.dstrd)
            if where is not None and strb >> 4 * half & 0xF == 0xF:
                events.append(self.ring(*where, data >> 32 * half & 0xFFFF, user))
        return events

    def ring(self, qid: int, cq: bool, value: int, user: int) -> Event:
        """One doorbell with its value."""
        q = (self.cqs if cq else self.sqs)[qid] if qid < self.qn else Queue()

        def refused(code: NvmeAerErr) -> Refused:
            return Refused(qid & (1 << self.qw) - 1, cq, code, user)

        if not q.valid:
            return Foreign(user) if user else refused(NvmeAerErr.BAD_DB_REGISTER)
        if user not in (0, q.func):
            return Foreign(user)
        if value > q.size:
            return refused(NvmeAerErr.BAD_DB_VALUE)
        if cq:
            limit = entries(q.pointer, self.cq_tail(qid), q.size)
        else:
            limit = q.size - entries(self.sq_head(qid), q.pointer, q.size)
        if not 0 < entries(q.pointer, value, q.size) <= limit:
            return refused(NvmeAerErr.BAD_DB_VALUE)
        q.pointer = value
        return CqRung(qid, value) if cq else SqRung(qid, value)
