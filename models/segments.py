# SPDX-License-Identifier: Apache-2.0
"""The segment table and its check, with the order of faults of docs/architecture.md section 3."""

from __future__ import annotations

from dataclasses import dataclass, field

from models.lay import SegRight, Status, segaddr, split_segaddr

ANY_PEER = 15
BASE_UNIT = 4096
GEN_MAX = 0xFFF
SIZE_MAX = 1 << 40

R_READ = 1 << SegRight.READ
R_WRITE = 1 << SegRight.WRITE
R_RING = 1 << SegRight.RING
R_ATOMIC = 1 << SegRight.ATOMIC
R_LOCAL = 1 << SegRight.LOCAL
R_REMOTE = 1 << SegRight.REMOTE


@dataclass(frozen=True)
class Segment:
    """One entry; `base` in bytes, a multiple of 4 KiB."""

    valid: bool = False
    base: int = 0
    size: int = 0
    rights: int = 0
    channel: int = 0
    peer: int = ANY_PEER
    gen: int = 0

    def pack(self) -> int:
        """As in the seam `seg_entry` (base at the LSB)."""
        word = 0
        lsb = 0
        for value, width in (
            (self.base >> 12, 52),
            (self.size, 41),
            (self.peer, 4),
            (self.channel, 8),
            (self.rights, 6),
            (self.gen, 12),
            (int(self.valid), 1),
        ):
            if not 0 <= value < 1 << width:
                raise ValueError(f"{value:#x} does not fit {width} bits")
            word |= value << lsb
            lsb += width
        return word

    @classmethod
    def unpack(cls, word: int) -> Segment:
        def take(width: int) -> int:
            nonlocal word
            value = word & ((1 << width) - 1)
            word >>= width
            return value

        base, size, peer, channel = take(52) << 12, take(41), take(4), take(8)
        rights, gen, valid = take(6), take(12), take(1)
        return cls(bool(valid), base, size, rights, channel, peer, gen)


@dataclass(frozen=True)
class User:
    """Who asks: a local channel, or a peer on behalf of a local channel."""

    channel: int
    peer: int | None = None  # None: the local channel itself


@dataclass(frozen=True)
class Checked:
    """The outcome: a fault, or the absolute address."""

    status: int
    addr: int = 0

    @property
    def ok(self) -> bool:
        return self.status == Status.OK


@dataclass
class SegmentTable:
    """The table of one node."""

    entries: int = 32
    table: dict[int, Segment] = field(default_factory=dict)

    def set(self, index: int, segment: Segment) -> None:
        if not 0 <= index < self.entries:
            raise ValueError(f"segment {index} is not in a table of {self.entries}")
        self.table[index] = segment

    def get(self, index: int) -> Segment:
        return self.table.get(index, Segment())

    def address(self, index: int, offset: int = 0) -> int:
        """A segment address with the generation that is in force."""
        return segaddr(index, self.get(index).gen, offset)

    def check(self, address: int, length: int, user: User, rights: int) -> Checked:
        """Check [address, address + length); `rights` are the bits needed (READ, WRITE, RING …)."""
        index, gen, offset = split_segaddr(address)
        if index >= self.entries or not self.get(index).valid:
            return Checked(Status.SEG_INVALID)
        seg = self.get(index)
        if gen != seg.gen:
            return Checked(Status.KEY_REVOKED)
        side = R_LOCAL if user.peer is None else R_REMOTE
        bound = seg.channel == user.channel and bool(seg.rights & side)
        if user.peer is not None:
            bound = bound and seg.peer in (ANY_PEER, user.peer)
        if not bound:
            return Checked(Status.SEG_BINDING)
        if seg.rights & rights != rights:
            return Checked(Status.SEG_RIGHTS)
        if offset + length > seg.size:  # Python integers: more than the 65 bits that it takes
            return Checked(Status.SEG_RANGE)
        if seg.base + offset + length > 1 << 64:
            return Checked(Status.SEG_RANGE)
        return Checked(Status.OK, seg.base + offset)

    def revoke(self, index: int) -> bool:
        """A new key generation; False when the index is retired because it would wrap."""
        seg = self.get(index)
        if seg.gen == GEN_MAX:
            self.table[index] = Segment(gen=GEN_MAX)
            return False
        self.table[index] = Segment(
            seg.valid, seg.base, seg.size, seg.rights, seg.channel, seg.peer, seg.gen + 1
        )
        return True


def check_absolute(address: int, length: int) -> Checked:
    """An absolute local range: it may not run past 2^64."""
    if address + length > 1 << 64:
        return Checked(Status.ADDR_WRAP)
    return Checked(Status.OK, address)
