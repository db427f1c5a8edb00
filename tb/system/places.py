# SPDX-License-Identifier: Apache-2.0
"""Where everything lies in the memories of the system tests, and which segments say so.

The storage is cut into one region a channel. A region holds the rings, a source area, a destination
area for local operations, an area for the peer's writes, and a guard page that nobody may touch. Segment c
covers region c without the guard page. The windows put regions at awkward places of the 64-bit space.
"""

from __future__ import annotations

from dataclasses import dataclass

PAGE = 4096


@dataclass(frozen=True)
class Area:
    base: int
    size: int

    @property
    def end(self) -> int:
        return self.base + self.size


@dataclass(frozen=True)
class Region:
    """The memory of one channel."""

    base: int
    size: int
    rings: Area
    src: Area
    dst: Area
    inbound: Area
    guard: Area

    @property
    def segment_size(self) -> int:
        return self.size - PAGE

    def offset(self, addr: int) -> int:
        return addr - self.base

    @property
    def recv(self) -> Area:
        """The last quarter of what is the peer's to write, for receive buffers; where SENDs come, other operations keep out."""
        part = self.inbound.size // 4 // PAGE * PAGE or PAGE
        return Area(self.inbound.end - part, part)

    @property
    def beside_recv(self) -> Area:
        return Area(self.inbound.base, self.inbound.size - self.recv.size)


def windows(window_bytes: int) -> list[int]:
    """Four windows: 0, both sides of 4 GiB, and the last one before 2^64."""
    return [0, (1 << 32) - window_bytes, 1 << 32, (1 << 64) - window_bytes]


def regions(channels: int, store_bytes: int, bases: list[int]) -> list[Region]:
    """Cut the storage; a region never leaves its window."""
    window = store_bytes // 4
    size = min(window, store_bytes // max(4, 1 << (channels - 1).bit_length()))
    out = []
    for c in range(channels):
        place = c * size
        base = bases[place // window] + place % window
        usable = size - PAGE
        rings = min(usable // 4 // PAGE * PAGE, 64 * PAGE)
        part = (usable - rings) // 3 // PAGE * PAGE
        src = base + rings
        out.append(Region(
            base, size, Area(base, rings), Area(src, part), Area(src + part, part),
            Area(src + 2 * part, part), Area(base + size - PAGE, PAGE),
        ))
    return out


def ring_places(region: Region, dr_log2: int, cr_log2: int) -> tuple[int, int]:
    """Bases of the descriptor and the completion ring; both aligned as the hardware wants."""
    dr = region.rings.base
    dr_bytes = 32 << dr_log2
    cr = (dr + dr_bytes + PAGE - 1) // PAGE * PAGE
    if cr + (16 << cr_log2) > region.rings.end:
        raise ValueError(f"rings of 2^{dr_log2} and 2^{cr_log2} do not fit {region.rings.size} bytes")
    return dr, cr


def largest_rings(region: Region) -> int:
    """log2 of the largest size that both rings can have."""
    for log2 in range(12, 1, -1):
        try:
            ring_places(region, log2, log2)
        except ValueError:
            continue
        return log2
    raise ValueError("no room for rings")


def recv_place(region: Region, dr_log2: int, cr_log2: int, log2: int) -> tuple[int, int] | None:
    """Base and log2 of a receive ring of at most this size behind the two others; None: there is no room."""
    _, cr = ring_places(region, dr_log2, cr_log2)
    base = (cr + (16 << cr_log2) + PAGE - 1) // PAGE * PAGE
    while log2 >= 2 and base + (32 << log2) > region.rings.end:
        log2 -= 1
    return (base, log2) if log2 >= 2 else None
