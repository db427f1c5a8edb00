# SPDX-License-Identifier: Apache-2.0
"""What docs/blocks/nvme.md says of `crl_nvme_prp`: where the data of a command lies.

    ranges = [Range(base=0x10_0000, pages=16, rights=SOURCE | PRP_LIST)]
    done = walk(prp1, prp2, nbytes, ranges, SOURCE, read)

`read` gives the list entry at an address (a multiple of 8), or None for an error response. `done.pieces` is what was
given out before `done.status`; `done.reads` are the addresses of the list entries that it took, in order.
`may_read` says which entries a unit that reads ahead may read: an error of a data entry does not end a list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from models.layout import NvmeRange, NvmeRight, NvmeStatus

__all__ = [
    "ENTRY",
    "LIST_BURST_BYTES",
    "MEMORY",
    "PAGE",
    "PRP_LIST",
    "QUEUE",
    "RANGES",
    "SINK",
    "SOURCE",
    "TO_THE_END",
    "Piece",
    "Range",
    "Reader",
    "Walk",
    "bursts",
    "may_read",
    "permitted",
    "unpack_ranges",
    "walk",
]

PAGE = 4096
ENTRY = 8
RANGES = 8
LIST_BURST_BYTES = 128
TO_THE_END = 0xFFFF_FFFF
MEMORY = 1 << 64

SOURCE = 1 << NvmeRight.SOURCE
SINK = 1 << NvmeRight.SINK
PRP_LIST = 1 << NvmeRight.PRP_LIST
QUEUE = 1 << NvmeRight.QUEUE

Reader = Callable[[int], int | None]


@dataclass(frozen=True)
class Range:
    """Whole pages that a queue may use; the default: none. A base inside a page gives no right; TO_THE_END as number
    of pages reaches to the end of memory."""

    base: int = 0
    pages: int = 0
    rights: int = 0

    @classmethod
    def from_int(cls, word: int) -> Range:
        """From NVME_RANGE."""
        r = NvmeRange.from_int(word)
        return cls(r.base, r.pages, r.rights)

    def to_int(self) -> int:
        return NvmeRange(base=self.base, pages=self.pages, rights=self.rights).to_int()

    def holds(self, addr: int, length: int, right: int) -> bool:
        """[addr, addr + length) lies inside, and `right` is among the rights."""
        end = MEMORY if self.pages == TO_THE_END else self.base + self.pages * PAGE
        inside = self.base <= addr and addr + length <= end
        return inside and self.base % PAGE == 0 and self.rights & right == right


def unpack_ranges(raw: bytes) -> list[Range]:
    """The ranges that count of a whole NVME_GRANT (256 bytes)."""
    count = int.from_bytes(raw[28:32], "little")
    if count > RANGES:
        raise ValueError(f"a grant has {RANGES} ranges at most, not {count}")
    at = (32 + 16 * i for i in range(count))
    return [Range.from_int(int.from_bytes(raw[i : i + 16], "little")) for i in at]


def permitted(ranges: Sequence[Range], addr: int, length: int, right: int) -> bool:
    """One of the ranges holds all of it, with the right."""
    return any(r.holds(addr, length, right) for r in ranges)


@dataclass(frozen=True)
class Piece:
    """Memory in one page."""

    addr: int
    length: int


@dataclass(frozen=True)
class Walk:
    """The pieces that were given out, the list entries that were read, and how it ended."""

    pieces: tuple[Piece, ...]
    reads: tuple[int, ...]
    status: int

    @property
    def ok(self) -> bool:
        return self.status == NvmeStatus.SUCCESS


@dataclass(frozen=True)
class _Step:
    """A piece, or the read of a list entry (length 0). `fatal`: nothing can follow."""

    addr: int
    length: int = 0
    status: NvmeStatus = NvmeStatus.SUCCESS
    read: bool = False
    fatal: bool = False


def _piece(entry: int, length: int, granule: int, ranges: Sequence[Range], right: int) -> _Step:
    """A data entry: its form first, then the ranges. `granule`: what its offset is a multiple of."""
    status = NvmeStatus.SUCCESS
    if entry % granule:
        status = NvmeStatus.INVALID_PRP
    elif not permitted(ranges, entry, length, right):
        status = NvmeStatus.ACCESS_DENIED
    return _Step(entry, length, status)


def _steps(
    prp1: int, prp2: int, nbytes: int, ranges: Sequence[Range], right: int, read: Reader
) -> Iterator[_Step]:
    """All steps of a walk, in order, beyond errors of data entries."""
    first = min(nbytes, PAGE - prp1 % PAGE)
    yield _piece(prp1, first, 4, ranges, right)
    left = nbytes - first
    if left == 0:
        return
    if left <= PAGE:
        yield _piece(prp2, left, PAGE, ranges, right)
        return
    at, granule = prp2, ENTRY
    while True:  # a list, or the part of it that lies in one page
        if at % granule:
            yield _Step(at, 0, NvmeStatus.INVALID_PRP, fatal=True)
            return
        while True:
            if not permitted(ranges, at, ENTRY, PRP_LIST):
                yield _Step(at, 0, NvmeStatus.ACCESS_DENIED, fatal=True)
                return
            yield _Step(at, read=True)
            entry = read(at)
            at += ENTRY
            chain = at % PAGE == 0 and left > PAGE
            if entry is None:
                yield _Step(at - ENTRY, 0, NvmeStatus.DATA_TRANSFER, fatal=chain)
                if chain:
                    return
            if chain:
                break
            length = min(left, PAGE)
            if entry is not None:
                yield _piece(entry, length, PAGE, ranges, right)
            left -= length
            if left == 0:
                return
        at, granule = entry, PAGE


def walk(
    prp1: int, prp2: int, nbytes: int, ranges: Sequence[Range], right: int, read: Reader
) -> Walk:
    """Walk PRP1, PRP2 and lists; the first failing entry ends it."""
    if nbytes < 1:
        raise ValueError("a command without data has no PRPs")
    pieces: list[Piece] = []
    reads: list[int] = []
    for step in _steps(prp1, prp2, nbytes, ranges, right, read):
        if step.status != NvmeStatus.SUCCESS:
            return Walk(tuple(pieces), tuple(reads), step.status)
        if step.read:
            reads.append(step.addr)
        else:
            pieces.append(Piece(step.addr, step.length))
    return Walk(tuple(pieces), tuple(reads), NvmeStatus.SUCCESS)


def may_read(
    prp1: int, prp2: int, nbytes: int, ranges: Sequence[Range], right: int, read: Reader
) -> tuple[int, ...]:
    """The list entries that may be read, in order, whatever the data entries say."""
    steps = _steps(prp1, prp2, nbytes, ranges, right, read)
    return tuple(step.addr for step in steps if step.read)


def bursts(reads: Sequence[int], limit: int = LIST_BURST_BYTES) -> list[tuple[int, int]]:
    """Entries as bursts (address, bytes) that end at multiples of `limit` bytes, or with the need in a page."""
    out: list[tuple[int, int]] = []
    for addr in reads:
        if out and addr % limit and addr == sum(out[-1]):
            out[-1] = (out[-1][0], out[-1][1] + ENTRY)
        else:
            out.append((addr, ENTRY))
    return out
