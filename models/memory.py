# SPDX-License-Identifier: Apache-2.0
"""Sparse memory with guard bytes, access log and error regions, and an allocator for tests."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

PAGE = 4096
OKAY, EXOKAY, SLVERR, DECERR = 0, 1, 2, 3


@dataclass(frozen=True)
class Access:
    """One logged access."""

    who: str
    addr: int
    length: int
    write: bool
    func: int = 0


@dataclass(frozen=True)
class ErrorRegion:
    """Addresses that answer with an error."""

    start: int
    end: int
    resp: int
    on_read: bool = True
    on_write: bool = True


@dataclass(frozen=True)
class DiffRun:
    """A run of bytes that differ."""

    addr: int
    expected: bytes
    actual: bytes

    def __str__(self) -> str:
        n = len(self.expected)
        exp, act = self.expected[:16].hex(" "), self.actual[:16].hex(" ")
        more = " …" if n > 16 else ""
        return f"{self.addr:#014x} +{n}: expected {exp}{more}, is {act}{more}"


def merge_ranges(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Sorted, disjoint [start, end) ranges."""
    out: list[tuple[int, int]] = []
    for start, end in sorted(r for r in ranges if r[0] < r[1]):
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((start, end))
    return out


@dataclass
class Memory:
    """A 64-bit byte space; what was never written reads as `fill`."""

    name: str = "mem"
    fill: int = 0
    log_accesses: bool = False
    log: list[Access] = field(default_factory=list)
    errors: list[ErrorRegion] = field(default_factory=list)
    guards: list[tuple[int, int, bytes]] = field(default_factory=list)
    _pages: dict[int, bytearray] = field(default_factory=dict, repr=False)

    # data -------------------------------------------------------------------------------------
    def _page(self, number: int) -> bytearray:
        page = self._pages.get(number)
        if page is None:
            page = self._pages[number] = bytearray([self.fill]) * PAGE
        return page

    @staticmethod
    def _check(addr: int, length: int) -> None:
        if addr < 0 or length < 0 or addr + length > 1 << 64:
            raise ValueError(f"[{addr:#x}, +{length}) is not in the 64-bit space")

    def read(self, addr: int, length: int, who: str = "test", func: int = 0) -> bytes:
        self._check(addr, length)
        if self.log_accesses:
            self.log.append(Access(who, addr, length, False, func))
        out = bytearray()
        pos = addr
        while pos < addr + length:
            number, off = divmod(pos, PAGE)
            n = min(PAGE - off, addr + length - pos)
            page = self._pages.get(number)
            out += page[off : off + n] if page is not None else bytes([self.fill]) * n
            pos += n
        return bytes(out)

    def write(
        self, addr: int, data: bytes, strb: int | None = None, who: str = "test", func: int = 0
    ) -> None:
        """Write; bit i of strb (if given) enables byte i."""
        self._check(addr, len(data))
        if self.log_accesses:
            self.log.append(Access(who, addr, len(data), True, func))
        if strb is not None and strb != (1 << len(data)) - 1:
            for start, end in strobe_runs(strb):
                self._store(addr + start, data[start:end])
            return
        self._store(addr, data)

    def _store(self, addr: int, data: bytes) -> None:
        pos = 0
        while pos < len(data):
            number, off = divmod(addr + pos, PAGE)
            n = min(PAGE - off, len(data) - pos)
            self._page(number)[off : off + n] = data[pos : pos + n]
            pos += n

    # errors -----------------------------------------------------------------------------------
    def add_error(
        self,
        start: int,
        end: int,
        resp: int = SLVERR,
        *,
        on_read: bool = True,
        on_write: bool = True,
    ) -> None:
        self.errors.append(ErrorRegion(start, end, resp, on_read, on_write))

    def response(self, addr: int, length: int, write: bool) -> int:
        """The worst AXI response of an access (DECERR over SLVERR over OKAY)."""
        worst = OKAY
        for r in self.errors:
            hit = addr < r.end and r.start < addr + length
            if hit and (r.on_write if write else r.on_read):
                worst = max(worst, r.resp)
        return worst

    # guards -----------------------------------------------------------------------------------
    def guard(self, start: int, end: int, seed: int = 0, margin: int = 64) -> None:
        """Put recognisable bytes before and after [start, end)."""
        rng = random.Random(start ^ seed)
        for g0, g1 in ((max(0, start - margin), start), (end, min(end + margin, 1 << 64))):
            pattern = rng.randbytes(g1 - g0)
            self._store(g0, pattern)
            self.guards.append((g0, g1, pattern))

    def check_guards(self, read: Callable[[int, int], bytes] | None = None) -> list[DiffRun]:
        """Guard bytes that were overwritten, here or in the memory behind `read`."""
        out: list[DiffRun] = []
        for start, end, pattern in self.guards:
            out += diff_bytes(start, pattern, (read or self.read)(start, end - start))
        return out

    # comparison -------------------------------------------------------------------------------
    def touched(self) -> list[tuple[int, int]]:
        """Ranges of pages that exist."""
        return merge_ranges((n * PAGE, (n + 1) * PAGE) for n in self._pages)

    def copy(self, name: str | None = None) -> Memory:
        other = Memory(name or self.name, self.fill)
        other._pages = {n: bytearray(p) for n, p in self._pages.items()}
        other.errors = list(self.errors)
        other.guards = list(self.guards)
        return other

    def diff(
        self,
        actual: Memory | Callable[[int, int], bytes],
        ignore: Iterable[tuple[int, int]] = (),
        limit: int = 64,
    ) -> list[DiffRun]:
        """Runs where `actual` is not what this memory holds, but for the ranges in `ignore`.

        Pages that only one of two Memory objects has are compared too.
        """
        skip = merge_ranges(ignore)
        numbers = set(self._pages)
        if isinstance(actual, Memory):
            numbers |= set(actual._pages)
            read: Callable[[int, int], bytes] = actual.read
        else:
            read = actual
        out: list[DiffRun] = []
        for number in sorted(numbers):
            base = number * PAGE
            want, got = self.read(base, PAGE), bytes(read(base, PAGE))
            if want == got:
                continue
            for run in diff_bytes(base, want, got):
                out += _cut(run, skip)
                if len(out) >= limit:
                    return out[:limit]
        return out

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Memory) and not self.diff(other, limit=1)

    __hash__ = None  # type: ignore[assignment]


def strobe_runs(strb: int) -> list[tuple[int, int]]:
    """Runs [start, end) of ones in a strobe mask."""
    out = []
    pos = 0
    while strb:
        zeros = (strb & -strb).bit_length() - 1
        strb >>= zeros
        pos += zeros
        ones = (~strb & (strb + 1)).bit_length() - 1
        out.append((pos, pos + ones))
        strb >>= ones
        pos += ones
    return out


def diff_bytes(addr: int, want: bytes, got: bytes) -> list[DiffRun]:
    """Runs of bytes that differ."""
    out = []
    start = None
    for i, (w, g) in enumerate(zip(want, got, strict=True)):
        if w != g and start is None:
            start = i
        elif w == g and start is not None:
            out.append(DiffRun(addr + start, want[start:i], got[start:i]))
            start = None
    if start is not None:
        out.append(DiffRun(addr + start, want[start:], got[start:]))
    return out


def _cut(run: DiffRun, skip: list[tuple[int, int]]) -> list[DiffRun]:
    pieces = [(run.addr, run.addr + len(run.expected))]
    for s0, s1 in skip:
        pieces = [p for a, b in pieces for p in ((a, min(b, s0)), (max(a, s1), b)) if p[0] < p[1]]
    return [
        DiffRun(
            a, run.expected[a - run.addr : b - run.addr], run.actual[a - run.addr : b - run.addr]
        )
        for a, b in pieces
    ]


def report(diffs: list[DiffRun], name: str = "memory") -> str:
    """A few lines for people."""
    if not diffs:
        return f"{name}: as expected"
    total = sum(len(d.expected) for d in diffs)
    lines = [f"{name}: {total} bytes differ in {len(diffs)} runs"]
    return "\n".join(lines + [f"  {d}" for d in diffs[:12]])


class OutOfMemory(ValueError):
    """The allocator has no room left for the request."""


@dataclass
class Allocator:
    """Hands out disjoint regions of [base, end) with guard space between them."""

    base: int
    end: int
    gap: int = 64
    regions: list[tuple[int, int]] = field(default_factory=list)
    _next: int = field(init=False)

    def __post_init__(self) -> None:
        self._next = self.base

    def alloc(
        self, size: int, align: int = 1, offset: int = 0, before_edge: int | None = None
    ) -> int:
        """An address with addr % align == offset.

        `before_edge` = n puts the start n bytes below a 4 KiB edge (n = 0: on it).
        """
        start = self._next + self.gap
        if before_edge is not None:
            align, offset = PAGE, -before_edge % PAGE
        start += (offset - start) % align
        if start + size + self.gap > self.end:
            raise OutOfMemory(f"{size} bytes do not fit below {self.end:#x}")
        self._next = start + size
        self.regions.append((start, start + size))
        return start
