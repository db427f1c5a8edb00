# SPDX-License-Identifier: Apache-2.0
"""Descriptor and completion rings: indices modulo the size, capacity size - 1, phase on
completions."""

from __future__ import annotations

from dataclasses import dataclass

from models.lay import CQE, DESC, Cqe, Desc
from models.memory import PAGE, Memory

LOG2_MIN, LOG2_MAX = 2, 12


class RingError(ValueError):
    """Software used a ring wrongly."""


@dataclass
class Ring:
    """Indices of a ring; `base` is absolute."""

    base: int
    log2: int
    entry: int
    prod: int = 0
    cons: int = 0

    def __post_init__(self) -> None:
        if not LOG2_MIN <= self.log2 <= LOG2_MAX:
            raise RingError(f"ring of 2^{self.log2} entries")
        if self.base % self.alignment(self.log2, self.entry):
            raise RingError(f"base {self.base:#x} is not aligned for {self.bytes} bytes")

    @staticmethod
    def alignment(log2: int, entry: int) -> int:
        return min(entry << log2, PAGE)

    @property
    def size(self) -> int:
        return 1 << self.log2

    @property
    def bytes(self) -> int:
        return self.size * self.entry

    @property
    def used(self) -> int:
        return (self.prod - self.cons) % self.size

    @property
    def free(self) -> int:
        return self.size - 1 - self.used

    def addr(self, index: int) -> int:
        return self.base + index % self.size * self.entry

    def index_of(self, addr: int) -> int | None:
        """Index of the entry at an address, None when it is not the start of one."""
        off = addr - self.base
        if not 0 <= off < self.bytes or off % self.entry:
            return None
        return off // self.entry

    def doorbell_ok(self, value: int) -> bool:
        """A producer value that advances by no more than the free entries."""
        return value < self.size and (value - self.prod) % self.size <= self.free

    def cons_doorbell_ok(self, value: int) -> bool:
        """A consumer value between the consumer and the producer index."""
        return value < self.size and (value - self.cons) % self.size <= self.used


@dataclass
class DescRing(Ring):
    """Software produces descriptors, hardware consumes them."""

    entry: int = DESC.size

    def post(self, mem: Memory, *descs: Desc) -> int:
        """Write descriptors; the value for the producer doorbell."""
        if len(descs) > self.free:
            raise RingError(f"{len(descs)} descriptors, {self.free} free entries")
        for d in descs:
            mem.write(self.addr(self.prod), d.pack(), who="software")
            self.prod = (self.prod + 1) % self.size
        return self.prod

    def take(self, mem: Memory) -> Desc:
        """The hardware's side: fetch the next descriptor."""
        if not self.used:
            raise RingError("no descriptor is published")
        d = Desc.unpack(mem.read(self.addr(self.cons), DESC.size, who="engine"))
        self.cons = (self.cons + 1) % self.size
        return d


@dataclass
class CplRing(Ring):
    """Hardware produces completions, software consumes them by the phase bit."""

    entry: int = CQE.size
    phase: int = 1  # of the next entry to be produced
    soft_phase: int = 1  # of the next entry that software looks for

    def put(self, mem: Memory, cqe: Cqe) -> int:
        """The hardware's side: post one entry, its phase set here; its index."""
        if not self.free:
            raise RingError("the completion ring is full")
        index = self.prod
        entry = Cqe(**{**cqe.__dict__, "phase": self.phase})
        mem.write(self.addr(index), entry.pack(), who="engine")
        self.prod = (index + 1) % self.size
        if self.prod == 0:
            self.phase ^= 1
        return index

    def poll(self, mem: Memory) -> Cqe | None:
        """Software: the next completion, or None while its phase is the old one."""
        cqe = Cqe.unpack(mem.read(self.addr(self.cons), CQE.size, who="software"))
        if cqe.phase != self.soft_phase:
            return None
        self.cons = (self.cons + 1) % self.size
        if self.cons == 0:
            self.soft_phase ^= 1
        return cqe


def fetch_bursts(
    ring: Ring, first: int, count: int, max_bytes: int = PAGE
) -> list[tuple[int, int]]:
    """(address, entries) of the bursts for `count` entries: never across 4 KiB or the ring's
    end."""
    out = []
    while count:
        addr = ring.addr(first)
        room = min(PAGE - addr % PAGE, ring.base + ring.bytes - addr, max_bytes) // ring.entry
        n = min(count, room)
        out.append((addr, n))
        first = (first + n) % ring.size
        count -= n
    return out
