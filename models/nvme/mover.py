# SPDX-License-Identifier: Apache-2.0
"""What docs/blocks/nvme.md says of `crl_nvme_move`: chunks in, which accesses may be seen, what they do to memory, how a command ends.

    out = execute(chunks, memory)        # the chunks of one command
    out.status                           # what `e_status` says
    for step in out.steps:               # in the order of the chunks, reads before the write
        step.need                        # MUST be seen, MAY be seen, NEVER
    out.apply(memory.write)              # memory afterwards

`memory` answers reads with bytes, or None for an error response, and says whether a write would be refused. The model has no time:
reads that come after one with an error, in the order of the chunks, may be on their way already, so they MAY be seen. What was read
with an error is not written, nor is what comes after it in its command. Writes that are refused and bytes that differ stop nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import Protocol

from models.layout import NvmeStatus

PAGE = 4096
TOP = 1 << 64
MAX_BURST_BYTES = 512


class Kind(IntEnum):
    """`k_kind`."""

    COPY = 0
    ZERO = 1
    CHECK = 2
    COMPARE = 3


class Need(Enum):
    """Whether an access has to be seen. Reads MUST or MAY be, writes MUST or NEVER."""

    MUST = "must"
    MAY = "may"
    NEVER = "never"


class Memory(Protocol):
    """All of memory, host's and namespace's; nothing is changed by asking."""

    def read(self, addr: int, length: int) -> bytes | None:
        """None: a beat of it comes with an error response."""

    def refuses(self, addr: int, length: int) -> bool:
        """A write is answered with an error response."""


@dataclass(frozen=True)
class Access:
    """A burst of the read or the write client; `host`: in host memory, not the namespace."""

    addr: int
    length: int
    user: int
    host: bool

    def base(self, lanes: int) -> int:
        """Address of the first beat, `lanes` bytes wide."""
        return self.addr - self.addr % lanes

    def beats(self, lanes: int) -> int:
        return (self.addr % lanes + self.length + lanes - 1) // lanes

    def strobes(self, lanes: int) -> list[int]:
        """Of each beat: the bytes that are meant."""
        every = ((1 << self.length) - 1) << self.addr % lanes
        return [every >> lanes * n & (1 << lanes) - 1 for n in range(self.beats(lanes))]

    @property
    def failed_read(self) -> NvmeStatus:
        return NvmeStatus.DATA_TRANSFER if self.host else NvmeStatus.READ_ERROR

    @property
    def failed_write(self) -> NvmeStatus:
        return NvmeStatus.DATA_TRANSFER if self.host else NvmeStatus.WRITE_FAULT


@dataclass(frozen=True)
class Chunk:
    """What the port `k_*` says."""

    kind: Kind = Kind.COPY
    src: int = 0
    dst: int = 0
    length: int = 0
    src_func: int = 0
    dst_func: int = 0
    to_host: bool = False
    tag: int = 0
    first: bool = False
    last: bool = False
    status: int = NvmeStatus.SUCCESS

    @property
    def source(self) -> Access:
        """COMPARE reads host memory, CHECK the namespace; a COPY to the host the namespace, one from it host memory."""
        host = self.kind == Kind.COMPARE or (self.kind == Kind.COPY and not self.to_host)
        return Access(self.src, self.length, self.src_func, host)

    @property
    def destination(self) -> Access:
        return Access(self.dst, self.length, self.dst_func, self.kind == Kind.COPY and self.to_host)

    @property
    def reads(self) -> tuple[Access, ...]:
        """In this order."""
        if not self.length or self.kind == Kind.ZERO:
            return ()
        return (self.source, self.destination) if self.kind == Kind.COMPARE else (self.source,)

    @property
    def write(self) -> Access | None:
        return self.destination if self.length and self.kind in (Kind.COPY, Kind.ZERO) else None

    def check(self, limit: int = MAX_BURST_BYTES) -> None:
        """What the user of the block has to keep."""
        if not 0 <= self.length <= limit:
            raise ValueError(f"{self.length} bytes in a chunk")
        if not self.length and not self.last:
            raise ValueError("a chunk of no bytes that ends nothing")
        for a in (*self.reads, *((self.write,) if self.write else ())):
            if not 0 <= a.addr < TOP or a.addr % PAGE + a.length > PAGE:
                raise ValueError(f"[{a.addr:#x}, +{a.length}) crosses a page")


@dataclass(frozen=True)
class Step:
    """An access of chunk number `chunk`. `data`: what is read or written, as far as that is known."""

    chunk: int
    access: Access
    write: bool
    need: Need
    data: bytes | None = None


@dataclass(frozen=True)
class Outcome:
    """How a command ends, and all that may be seen of it; `failed`: the step that went wrong first."""

    tag: int
    status: int
    steps: tuple[Step, ...]
    failed: int | None = None  # number of the chunk

    @property
    def reads(self) -> list[Step]:
        return [s for s in self.steps if not s.write]

    @property
    def writes(self) -> list[Step]:
        return [s for s in self.steps if s.write]

    def apply(self, write: Callable[[int, bytes], object]) -> None:
        """All writes, in order."""
        for step in self.writes:
            if step.need is Need.MUST:
                assert step.data is not None
                write(step.access.addr, step.data)


def execute(chunks: Sequence[Chunk], memory: Memory, limit: int = MAX_BURST_BYTES) -> Outcome:
    """One command. The status is the first thing that goes wrong in the order of the chunks, reads before the write of a chunk."""
    if not chunks or [c.last for c in chunks] != [False] * (len(chunks) - 1) + [True]:
        raise ValueError("the last chunk, and no other, ends a command")
    if [c.first for c in chunks] != [True] + [False] * (len(chunks) - 1):
        raise ValueError("the first chunk, and no other, begins a command")
    if len({c.tag for c in chunks}) != 1:
        raise ValueError("chunks of two commands")
    steps: list[Step] = []
    status: int = NvmeStatus.SUCCESS
    failed: int | None = None
    poisoned = False  # something was read with an error

    def fail(code: NvmeStatus, number: int) -> None:
        nonlocal status, failed
        if failed is None:
            status, failed = code, number

    for number, chunk in enumerate(chunks):
        chunk.check(limit)
        got: list[bytes | None] = []
        for access in chunk.reads:
            need = Need.MAY if poisoned else Need.MUST
            data = memory.read(access.addr, access.length)
            steps.append(Step(number, access, False, need, data))
            got.append(data)
            if data is None:
                fail(access.failed_read, number)
                poisoned = True
        if chunk.kind == Kind.COMPARE and None not in got and len(set(got)) > 1:
            fail(NvmeStatus.COMPARE_FAILURE, number)
        access = chunk.write
        if access is not None:
            data = bytes(access.length) if chunk.kind == Kind.ZERO else got[0]
            if poisoned:
                steps.append(Step(number, access, True, Need.NEVER))
                continue
            steps.append(Step(number, access, True, Need.MUST, data))
            if memory.refuses(access.addr, access.length):
                fail(access.failed_write, number)
    if failed is None:
        status = chunks[-1].status
    return Outcome(chunks[0].tag, status, tuple(steps), failed)


def commands(chunks: Iterable[Chunk]) -> Iterator[list[Chunk]]:
    """A stream of chunks, cut where commands end."""
    now: list[Chunk] = []
    for chunk in chunks:
        now.append(chunk)
        if chunk.last:
            yield now
            now = []
    if now:
        raise ValueError("the stream ends within a command")


@dataclass
class Mover:
    """The block as a whole: takes chunks, keeps the rules between commands. Memory changes when a command is over."""

    memory: Memory
    store: Callable[[int, bytes], object]
    ops: int = 32
    limit: int = MAX_BURST_BYTES
    ended: list[tuple[int, int]] = field(default_factory=list)  # tag and status, in the order of `e_valid`
    _chunks: list[Chunk] = field(default_factory=list)

    def take(self, chunk: Chunk) -> Outcome | None:
        """A chunk; the outcome of its command when it is the last one."""
        chunk.check(self.limit)
        if not 0 <= chunk.tag < self.ops:
            raise ValueError(f"tag {chunk.tag}")
        if chunk.first == bool(self._chunks):
            raise ValueError("chunks of two commands mix")
        self._chunks.append(chunk)
        if not chunk.last:
            return None
        chunks, self._chunks = self._chunks, []
        out = execute(chunks, self.memory, self.limit)
        out.apply(self.store)
        self.ended.append((out.tag, out.status))
        return out

    @property
    def idle(self) -> bool:
        return not self._chunks
