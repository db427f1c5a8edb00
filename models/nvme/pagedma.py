# SPDX-License-Identifier: Apache-2.0
"""The data page of the mailbox: what a transfer between it and host memory does.

    t = Transfer(addr=0x1FF8, nbytes=8, to_host=True)
    t.allowed                  # not over the end of the page, not empty
    t.bursts(64)               # what it asks of memory, in order
"""

from __future__ import annotations

from dataclasses import dataclass

PAGE = 4096
BURST = 512  # bursts end at multiples of it


@dataclass(frozen=True)
class Burst:
    """Bytes that are accessed together."""

    addr: int
    nbytes: int

    def base(self, lanes: int) -> int:
        """Address of its first beat."""
        return self.addr - self.addr % lanes

    def beats(self, lanes: int) -> int:
        return (self.addr % lanes + self.nbytes + lanes - 1) // lanes

    def strobes(self, lanes: int) -> list[int]:
        """A bit for each byte of each beat."""
        bits = (1 << self.nbytes) - 1 << self.addr % lanes
        return [bits >> lanes * n & (1 << lanes) - 1 for n in range(self.beats(lanes))]


@dataclass(frozen=True)
class Transfer:
    """One transfer."""

    addr: int
    nbytes: int
    to_host: bool

    @property
    def allowed(self) -> bool:
        return 0 < self.nbytes <= PAGE - self.addr % PAGE

    @property
    def first(self) -> int:
        """Its first byte in the page."""
        return self.addr % PAGE

    def bursts(self) -> list[Burst]:
        """None if it is not allowed."""
        out, at, end = [], self.addr, self.addr + self.nbytes
        while self.allowed and at < end:
            to = min(end, at - at % BURST + BURST)
            out.append(Burst(at, to - at))
            at = to
        return out
