# SPDX-License-Identifier: Apache-2.0
"""Fetch of submission entries: grants, reservations, bursts, what leaves and what is lost.

`Fetch` has no time. Calls are the events of the contract, in order:

    f.setup(1, base=0x1000, size=7, func=3)
    f.ring(1, tail=5)
    g = f.grant(1, g_max=8)              # crl_nvme_arb lets it fetch
    want = f.want(g)                     # slots to ask for
    f.reserve(g, got)                    # crl_nvme_cqe's answer
    while burst := f.next_burst(g):
        f.request(g)                     # the head moves
    done = f.finish(g)                   # d_cnt, d_more, d_park
    f.answer(ok=True, data=...)          # memory answers the oldest burst: entries are held, or lost
    entry = f.leave()                    # the oldest held entry leaves, its place is free again

`serve` does all of it for one grant.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

ENTRY = 64  # bytes
PAGE = 4096
BURST_MAX = 8  # entries
DEPTHS = (8, 16, 32, 64)  # what DEPTH may be
G_MAX = 128


@dataclass(frozen=True)
class Burst:
    """Adjacent entries that are read together."""

    qid: int
    first: int  # entries of the queue before it, since set-up
    count: int
    addr: int
    user: int

    @property
    def nbytes(self) -> int:
        return ENTRY * self.count

    def beats(self, data_w: int) -> int:
        return self.nbytes * 8 // data_w


@dataclass(frozen=True)
class Fetched:
    """An entry that was read; `index` counts the queue's entries since set-up."""

    qid: int
    index: int
    sqe: bytes


@dataclass(frozen=True)
class Lost:
    """A burst that could not be read: its slots are given back, and somebody is told."""

    qid: int
    count: int


@dataclass(frozen=True)
class Done:
    """Answer to a grant; `unused`: slots that are given back because of `stop`."""

    qid: int
    count: int
    more: bool
    park: bool
    unused: int = 0


@dataclass
class Queue:
    """A submission queue. Pointers count entries since set-up, without wrapping."""

    base: int = 0
    size: int = 0  # entries less one
    func: int = 0
    valid: bool = False
    tail: int = 0
    requested: int = 0  # the head of the doorbell check: what is fetched next
    answered: int = 0  # of these, memory has answered: the head that completions report

    @property
    def depth(self) -> int:
        return self.size + 1

    @property
    def head(self) -> int:
        return self.requested % self.depth

    @property
    def sqhd(self) -> int:
        return self.answered % self.depth

    @property
    def there(self) -> int:
        return self.tail - self.requested


@dataclass(eq=False)
class Grant:
    """A grant that is being served."""

    qid: int
    g_max: int
    want: int | None = None
    got: int | None = None
    count: int = 0  # entries requested

    @property
    def left(self) -> int:
        return (self.got or 0) - self.count

    @property
    def holds(self) -> int:
        """Places that it keeps for entries that are not requested yet."""
        if self.got is None:
            return self.want or 0
        return self.left


@dataclass
class Fetch:
    """All submission queues, and what is on its way."""

    queues: int
    depth: int = 16
    sq: list[Queue] = field(init=False)
    grants: dict[int, Grant] = field(default_factory=dict)
    flying: deque[Burst] = field(default_factory=deque)
    held: deque[Fetched] = field(default_factory=deque)
    stop: bool = False

    def __post_init__(self) -> None:
        if self.depth not in DEPTHS:
            raise ValueError(f"DEPTH is one of {DEPTHS}, not {self.depth}")
        self.sq = [Queue() for _ in range(self.queues + 1)]

    # ---- set-up and doorbells

    def setup(self, qid: int, *, base: int, size: int, func: int = 0) -> None:
        """The queue begins anew. Nothing of it may be under way."""
        if base % PAGE:
            raise ValueError(f"base {base:#x} is not page aligned")
        if not 1 <= size < 4096:
            raise ValueError(f"size {size} (less one)")
        self._clear(qid, Queue(base, size, func, valid=True))

    def delete(self, qid: int) -> None:
        self._clear(qid, Queue())

    def _clear(self, qid: int, new: Queue) -> None:
        if qid in self.grants or any(x.qid == qid for x in (*self.flying, *self.held)):
            raise ValueError(f"submission queue {qid} has something under way")
        self.sq[qid] = new

    def ring(self, qid: int, tail: int) -> None:
        """A checked doorbell: the pointer itself."""
        q = self.sq[qid]
        step = (tail - q.tail) % q.depth
        if not q.valid or step > q.size - q.there:
            raise ValueError(f"SQ {qid}: {step} entries more, {q.there} of {q.size} are there")
        q.tail += step

    # ---- a grant

    @property
    def idle(self) -> bool:
        return not (self.grants or self.flying or self.held)

    @property
    def in_flight(self) -> int:
        """Entries held or requested."""
        return len(self.held) + sum(b.count for b in self.flying)

    @property
    def room(self) -> int:
        return self.depth - self.in_flight - sum(g.holds for g in self.grants.values())

    def grant(self, qid: int, g_max: int) -> Grant:
        if not 1 <= g_max <= G_MAX:
            raise ValueError(f"g_max {g_max}")
        if qid in self.grants or not self.sq[qid].valid:
            raise ValueError(f"a grant of SQ {qid}: one is out, or it is not there")
        if self.stop:
            raise ValueError("a grant is taken while stop is up")
        g = self.grants[qid] = Grant(qid, g_max)
        return g

    def want(self, g: Grant) -> int:
        """Slots to ask for; 0: no entry is there, or no room yet (`room` tells)."""
        return max(0, min(self.sq[g.qid].there, g.g_max, self.room))

    def reserve(self, g: Grant, got: int, want: int | None = None) -> None:
        want = self.want(g) if want is None else want
        if not 1 <= want <= self.want(g):
            raise ValueError(f"SQ {g.qid}: {want} slots wanted, {self.want(g)} entries can be fetched")
        if not 0 <= got <= want:
            raise ValueError(f"{got} slots of {want}")
        g.want, g.got = want, got

    def next_burst(self, g: Grant) -> Burst | None:
        """To the end of the queue, of the page, of 512 bytes, or of the grant, whatever comes first."""
        q = self.sq[g.qid]
        if not g.left:
            return None
        addr = q.base + ENTRY * q.head
        to_page = (PAGE - addr % PAGE) // ENTRY
        return Burst(g.qid, q.requested, min(g.left, BURST_MAX, to_page, q.depth - q.head), addr, q.func)

    def request(self, g: Grant) -> Burst:
        burst = self.next_burst(g)
        if burst is None:
            raise ValueError(f"SQ {g.qid}: nothing is left to read")
        if self.stop:
            raise ValueError("a burst is begun while stop is up")
        g.count += burst.count
        self.sq[g.qid].requested += burst.count
        self.flying.append(burst)
        return burst

    def finish(self, g: Grant) -> Done:
        """The grant is used up, or ended by `stop`."""
        if not self.stop and (g.left or (g.got is None and self.sq[g.qid].there)):
            raise ValueError(f"SQ {g.qid}: the grant has entries to read")
        del self.grants[g.qid]
        ended = self.stop and (g.got is None or g.left > 0)
        more = self.sq[g.qid].there > 0 or ended
        return Done(g.qid, g.count, more, g.got == 0, g.left)

    # ---- memory and what leaves

    def answer(self, *, ok: bool, data: bytes = b"") -> Lost | None:
        """The last beat of the oldest burst has come."""
        burst = self.flying.popleft()
        self.sq[burst.qid].answered = burst.first + burst.count
        if not ok:
            return Lost(burst.qid, burst.count)
        if len(data) != burst.nbytes:
            raise ValueError(f"{len(data)} bytes for a burst of {burst.nbytes}")
        for n in range(burst.count):
            self.held.append(Fetched(burst.qid, burst.first + n, data[ENTRY * n : ENTRY * (n + 1)]))
        return None

    def leave(self) -> Fetched:
        return self.held.popleft()

    # ---- all at once

    def serve(
        self, qid: int, g_max: int, read: Callable[[Burst], bytes | None], slots: int = G_MAX
    ) -> tuple[Done, list[Fetched | Lost]]:
        """One grant from end to end; `read` gives a burst's bytes, None for an error response."""
        g = self.grant(qid, g_max)
        out: list[Fetched | Lost] = []
        want = self.want(g)
        if want:
            self.reserve(g, min(want, slots))
            while self.next_burst(g):
                data = read(self.request(g))
                lost = self.answer(ok=data is not None, data=data or b"")
                out += [lost] if lost else [self.leave() for _ in range(len(self.held))]
        return self.finish(g), out

    def check(self) -> None:
        """Invariants."""
        assert self.room >= 0
        for n, q in enumerate(self.sq):
            assert 0 <= q.answered <= q.requested <= q.tail, f"SQ {n}: {q}"
            assert q.tail - q.requested <= q.size, f"SQ {n}: {q}"
            flying = sum(b.count for b in self.flying if b.qid == n)
            assert q.requested - q.answered == flying, f"SQ {n}: {q}, {flying} are flying"
