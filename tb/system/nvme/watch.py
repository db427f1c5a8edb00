# SPDX-License-Identifier: Apache-2.0
"""The bus watcher: every access to memory has to be one that somebody was allowed to make, at that time, for that function.

    watch = Watch(bus_bytes)
    place = watch.allow(func, base, length, read=True)       # from now on
    watch.until(place, cqe)                                  # to the entry that says that it is over
    seen = watch.scan(log)                                   # accesses in the order of their addresses
    wrong = watch.judge(seen)                                # what nobody allowed

It knows what the kernel set up and what the well-behaved applications asked for, and nothing of how the hardware checks. A
place is memory with rights, a function and a span of time: the ranges of a grant from the command that creates the queue to the entry
of the one that deletes it, the data of a command from its doorbell to its entry. An access counts from its address to its response.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

NEVER = 1 << 62
PAGE = 4096


@dataclass(eq=False, slots=True)
class Place:
    """Memory that a function may read or write from `since` to `until` (ps)."""

    func: int
    base: int
    end: int
    read: bool
    write: bool
    since: int
    until: int = NEVER
    grain: int = 1  # what is written is so many bytes, or a multiple
    name: str = ""
    over: tuple[int, int] | None = None  # (completion queue's memory, CID) of the entry with which it is over

    def holds(self, a: Access) -> bool:
        if not (self.write if a.write else self.read) or a.end > self.until or a.t < self.since:
            return False
        return self.base <= a.lo and a.hi <= self.end and (a.hi - a.lo) % self.grain == 0 and (a.lo - self.base) % self.grain == 0


@dataclass(frozen=True, slots=True)
class Access:
    """A burst: time of its address and of its end; the bytes from `lo` to `hi`, of a write those with strobes, of a read whole beats."""

    t: int
    end: int
    write: bool
    func: int
    lo: int
    hi: int
    first: int = 0  # address of the burst
    data: bytes = b""  # from lo, where it was asked for

    def __str__(self) -> str:
        return f"function {self.func} {'writes' if self.write else 'reads'} {self.lo:#x} to {self.hi:#x} at {self.t} to {self.end} ps"


@dataclass
class Watch:
    """See above. `now` gives the time."""

    bus: int
    now: Callable[[], int]
    places: list[Place] = field(default_factory=list)
    queues: set[int] = field(default_factory=set)  # pages of queues: their data is kept

    def allow(self, func: int, base: int, length: int, *, read: bool = False, write: bool = False, since: int | None = None, grain: int = 1,
              name: str = "") -> Place:
        """Reads are allowed in whole beats."""
        end = base + length
        if read:
            base, end = base - base % self.bus, end + -end % self.bus
        place = Place(func, base, end, read, write, self.now() if since is None else since, grain=grain, name=name)
        self.places.append(place)
        return place

    def sq(self, func: int, base: int, size: int, name: str) -> Place:
        """The memory of a submission queue; `size`: entries less one."""
        self.queues |= {(base >> 12) + i for i in range((64 * size >> 12) + 1)}
        return self.allow(func, base, 64 * (size + 1), read=True, grain=64, name=f"{name} SQ")

    def cq(self, func: int, base: int, size: int, name: str) -> Place:
        """The memory of a completion queue."""
        self.queues |= {(base >> 12) + i for i in range((16 * size >> 12) + 1)}
        return self.allow(func, base, 16 * (size + 1), write=True, grain=16, name=f"{name} CQ")

    def until(self, places: Iterable[Place], cq: int, cid: int) -> None:
        """They are over with this entry in the completion queue at `cq`."""
        for place in places:
            place.over = cq, cid

    # ---- the log
    def scan(self, log: Path) -> list[Access]:
        return sorted(self._lines(log), key=lambda a: a.t)

    def _lines(self, log: Path) -> Iterator[Access]:
        beats: dict[str, list[str]] = {}
        bus = self.bus
        with log.open() as lines:
            for line in lines:
                f = line.split()
                if f[0] == "r":
                    beats.setdefault(f[1], []).append(f[3])
                elif f[0] == "R":
                    got = beats.pop(f[1])
                    addr, count = int(f[7], 16), int(f[8]) + 1
                    lo = addr - addr % bus
                    data = b"".join(bytes.fromhex(b)[::-1] for b in got) if addr >> 12 in self.queues else b""
                    if addr >> 12 in self.queues:  # entries lie in whole beats, or several in one: from the first that was asked for
                        data, lo = data[addr - lo :], addr
                    yield Access(int(f[2]), int(f[4]), False, int(f[6]), lo, addr - addr % bus + bus * count, addr, data)
                elif f[0] == "W":
                    addr, count = int(f[6], 16), int(f[7]) + 1
                    masks = [int(m, 16) for m in f[10 : 10 + 2 * count : 2]]
                    used = [i for i, m in enumerate(masks) if m]
                    if not used:
                        continue
                    low, high = masks[used[0]], masks[used[-1]]
                    start = addr - addr % bus
                    lo = start + bus * used[0] + (low & -low).bit_length() - 1
                    hi = start + bus * used[-1] + high.bit_length()
                    data = b""
                    if addr >> 12 in self.queues:
                        data = b"".join(bytes.fromhex(b.translate(_KNOWN))[::-1] for b in f[11 : 11 + 2 * count : 2])[lo - start : hi - start]
                    yield Access(int(f[1]), int(f[3]), True, int(f[5]), lo, hi, addr, data)

    # ---- the verdict
    def resolve(self, entries: dict[tuple[int, int], int]) -> None:
        """When the entries of (completion queue, CID) were written: the times of their addresses."""
        for place in self.places:
            if place.over is not None and place.until == NEVER:
                place.until = entries.get(place.over, NEVER)

    def judge(self, accesses: Iterable[Access]) -> list[str]:
        """Accesses that no place holds, in words."""
        coming = sorted(self.places, key=lambda p: p.since, reverse=True)
        active: dict[int, list[Place]] = {}
        wrong = []
        for count, a in enumerate(accesses):
            while coming and coming[-1].since <= a.t:
                place = coming.pop()
                active.setdefault(place.func, []).append(place)
            if count % 64 == 0:
                for func in active:
                    active[func] = [p for p in active[func] if p.until >= a.t]
            mine = active.get(a.func, ())
            for i, place in enumerate(mine):
                if place.holds(a):
                    if i > 4:  # it will be asked for again
                        mine[i], mine[i // 2] = mine[i // 2], place
                    break
            else:
                wrong.append(f"[bus] {a}{self._why(a)}")
        return wrong

    def _why(self, a: Access) -> str:
        """The nearest that would have held it, at another time or for another function."""
        for place in self.places:
            if replace(place, since=0, until=NEVER, func=a.func).holds(a):
                return f": that is {place.name} of function {place.func}, {place.since} to {place.until if place.until < NEVER else 'the end'}"
        return ": nobody's"


_KNOWN = str.maketrans("xXzZ", "0000")

__all__ = ["NEVER", "Access", "Place", "Watch"]
