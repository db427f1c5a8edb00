# SPDX-License-Identifier: Apache-2.0
"""Completion queues: slots that are reserved, entries with their phase, bursts, responses.

`CompletionQueues` has no time. Calls are the events of the contract, in order:

    cqs.setup_cq(1, base=0x1000, size=7, vec=3)
    cqs.setup_sq(5, cqid=1)
    got = cqs.reserve(5, 4)              # commands of SQ 5 may be fetched: so many
    cqs.complete(5, cid=1, sqhd=2)       # one of them is over: an entry waits
    burst = cqs.burst(1)                 # what leaves together
    cqs.respond(burst)                   # -> an interrupt, or an error
    cqs.consume(1, head)                 # the host has read up to here: room again
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from models.gen.carillon_layout import NvmeCqe

ENTRY = 16  # bytes
BURST_MAX = 8  # entries
PAGE = 4096
OKAY_BELOW = 2  # OKAY, EXOKAY


@dataclass(frozen=True)
class Entry:
    """An entry and where it lies."""

    cqid: int
    slot: int
    addr: int
    data: NvmeCqe

    def pack(self) -> bytes:
        return self.data.pack()


@dataclass(frozen=True)
class Burst:
    """Adjacent entries of one queue that are written together."""

    cqid: int
    entries: tuple[Entry, ...]
    user: int
    life: int  # which life of the queue: set-ups are counted

    @property
    def addr(self) -> int:
        return self.entries[0].addr

    def pack(self) -> bytes:
        return b"".join(e.pack() for e in self.entries)


@dataclass(frozen=True)
class Answer:
    """What a response leads to."""

    irq: int | None = None  # vector
    error: int | None = None  # completion queue that failed


@dataclass
class CompletionQueue:
    """One queue. Tail counts entries without wrapping; the pointer is `tail % depth`."""

    base: int = 0
    size: int = 0  # entries less one
    func: int = 0
    vec: int = 0
    ien: bool = False
    valid: bool = False
    life: int = 0
    posted: int = 0  # entries made since set-up
    offered: int = 0  # of these, in a burst
    consumed: int = 0
    reserved: int = 0
    dead: bool = False
    waiting: deque[Entry] = field(default_factory=deque)
    short: bool = False  # somebody asked for more than there was, and waits

    @property
    def depth(self) -> int:
        return self.size + 1

    @property
    def tail(self) -> int:
        """As the doorbells see it: what was offered to the port."""
        return self.offered % self.depth

    @property
    def head(self) -> int:
        return self.consumed % self.depth

    @property
    def unread(self) -> int:
        return self.posted - self.consumed

    @property
    def free(self) -> int:
        return max(0, self.size - self.reserved - self.unread) if self.valid else 0

    def phase(self, n: int) -> int:
        """Phase of the n-th entry since set-up."""
        return 1 - n // self.depth % 2


class CompletionQueues:
    """All completion queues, and which submission queue uses which."""

    def __init__(self, queues: int) -> None:
        self.cqs = [CompletionQueue() for _ in range(queues + 1)]
        self.cq_of: list[int | None] = [None] * (queues + 1)
        self.owed: deque[Burst] = deque()  # without a response
        self.unparks = 0
        self.compared = 0

    # ---- set-up

    def setup_cq(self, cqid: int, *, base: int, size: int, func: int = 0, vec: int = 0, ien: bool = True) -> None:
        """The queue begins anew. Nothing of it may be under way."""
        if base % PAGE:
            raise ValueError(f"base {base:#x} is not page aligned")
        if not 1 <= size < PAGE:
            raise ValueError(f"size {size} (less one)")
        self._clear(cqid, CompletionQueue(base, size, func, vec, ien, valid=True))

    def delete_cq(self, cqid: int) -> None:
        self._clear(cqid, CompletionQueue())

    def _clear(self, cqid: int, new: CompletionQueue) -> None:
        old = self.cqs[cqid]
        if old.waiting or any(b.cqid == cqid and b.life == old.life for b in self.owed):
            raise ValueError(f"completion queue {cqid} has something under way")
        new.life = old.life + 1
        self.cqs[cqid] = new

    def setup_sq(self, sqid: int, cqid: int) -> None:
        self.cq_of[sqid] = cqid

    def delete_sq(self, sqid: int) -> None:
        self.cq_of[sqid] = None

    def queue(self, sqid: int) -> CompletionQueue:
        """Completion queue of a submission queue."""
        cqid = self.cq_of[sqid]
        if cqid is None:
            raise ValueError(f"submission queue {sqid} is not there")
        return self.cqs[cqid]

    # ---- slots

    def reserve(self, sqid: int, want: int) -> int:
        """How many slots the commands of an SQ get, 0 to `want`."""
        cq = self.queue(sqid)
        got = min(want, cq.free)
        cq.reserved += got
        cq.short |= got < want
        return got

    def give_back(self, sqid: int, count: int) -> bool:
        """Slots that are not used after all; returns whether that unparks."""
        cq = self.queue(sqid)
        if count > cq.reserved:
            raise ValueError(f"SQ {sqid} gives back {count} slots, {cq.reserved} are reserved")
        cq.reserved -= count
        return self._room(cq)

    def _room(self, cq: CompletionQueue) -> bool:
        if not (cq.short and cq.free):
            return False
        cq.short = False
        self.unparks += 1
        return True

    # ---- entries

    def complete(self, sqid: int, *, cid: int, sqhd: int = 0, status: int = 0, dnr: int = 0, more: int = 0, dw0: int = 0,
                 drop: bool = False) -> Entry | None:
        """A command is over. Returns its entry, which waits now; None if there is none."""
        cq = self.queue(sqid)
        if not cq.reserved:
            raise ValueError(f"a completion of SQ {sqid} without a slot")
        cq.reserved -= 1
        if drop or cq.dead:
            self._room(cq)
            return None
        slot = cq.posted % cq.depth
        cqe = NvmeCqe(dw0=dw0, sqhd=sqhd, sqid=sqid, cid=cid, phase=cq.phase(cq.posted), status=status, more=more, dnr=dnr)
        entry = Entry(self.cq_of[sqid], slot, cq.base + ENTRY * slot, cqe)  # type: ignore[arg-type]
        cq.posted += 1
        cq.waiting.append(entry)
        if cq.unread + cq.reserved > cq.size:
            raise ValueError(f"CQ {entry.cqid}: {cq.unread} unread and {cq.reserved} reserved, size {cq.size}")
        return entry

    def together(self, cqid: int) -> int:
        """How many of the entries that wait may leave as one burst."""
        cq = self.cqs[cqid]
        if not cq.waiting:
            return 0
        first = cq.waiting[0]
        to_page = (PAGE - first.addr % PAGE) // ENTRY
        return min(len(cq.waiting), BURST_MAX, to_page, cq.depth - first.slot)

    def burst(self, cqid: int, count: int | None = None) -> Burst | None:
        """Takes the next burst of a queue: all that may go together, or the first `count` of them."""
        cq = self.cqs[cqid]
        most = self.together(cqid)
        count = most if count is None else count
        if not 0 <= count <= most:
            raise ValueError(f"CQ {cqid}: a burst of {count} entries, {most} may go together")
        if not count:
            return None
        out = Burst(cqid, tuple(cq.waiting.popleft() for _ in range(count)), cq.func, cq.life)
        cq.offered += count
        self.owed.append(out)
        return out

    def respond(self, burst: Burst, resp: int = 0) -> Answer:
        """The memory's answer. After an error the queue is silent until it is set up again."""
        self.owed.remove(burst)
        cq = self.cqs[burst.cqid]
        if resp >= OKAY_BELOW:
            cq.dead = True
            cq.posted -= len(cq.waiting)  # what waits is dropped
            cq.waiting.clear()
            return Answer(error=burst.cqid)
        return Answer(irq=cq.vec if cq.ien and not cq.dead else None)

    def consume(self, cqid: int, head: int) -> bool:
        """A checked doorbell: entries up to `head` were read. Returns whether that unparks."""
        cq = self.cqs[cqid]
        step = (head - cq.consumed) % cq.depth
        if step > cq.offered - cq.consumed:
            raise ValueError(f"CQ {cqid}: head {head} is beyond tail {cq.tail}")
        cq.consumed += step
        return self._room(cq)

    # ---- what holds always

    @property
    def idle(self) -> bool:
        return not self.owed and not any(cq.waiting for cq in self.cqs)

    def check(self) -> None:
        """Invariants."""
        for n, cq in enumerate(self.cqs):
            if not cq.valid:
                continue
            assert 0 <= cq.consumed <= cq.offered <= cq.posted, f"CQ {n}: {cq}"
            assert cq.posted - cq.offered == len(cq.waiting), f"CQ {n}: {cq}"
            assert cq.reserved + cq.unread <= cq.size, f"CQ {n}: {cq.reserved} reserved, {cq.unread} unread, size {cq.size}"


@dataclass
class HostQueue:
    """The reader's side: takes entries by their phase alone, as a driver does."""

    size: int
    head: int = 0
    phase: int = 1

    def poll(self, read) -> NvmeCqe | None:
        """The next entry if it is new. `read(slot)` returns its 16 bytes."""
        cqe = NvmeCqe.unpack(read(self.head))
        if cqe.phase != self.phase:
            return None
        self.head += 1
        if self.head > self.size:
            self.head, self.phase = 0, 1 - self.phase
        return cqe
