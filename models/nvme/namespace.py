# SPDX-License-Identifier: Apache-2.0
"""A namespace: sparse blocks of 512 or 4096 bytes. What was never written, or was deallocated, reads as zeroes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from models.layout import NvmeStatus
from models.nvme import check


class Ana(IntEnum):
    """States of an ANA group that a controller here can be in."""

    OPTIMIZED = 0x1
    NON_OPTIMIZED = 0x2  # the peer owns it; commands are forwarded
    CHANGE = 0xF  # it changes hands


@dataclass
class Namespace:
    """`capacity`: how many blocks may be allocated at a time (None: all of them)."""

    nsid: int
    blocks: int
    shift: int = 9
    base: int = 0  # of the first block in the controller's memory
    valid: bool = True
    capacity: int | None = None
    nguid: bytes = bytes(16)
    eui64: bytes = bytes(8)
    ana_group: int = 0  # 0: as the NSID
    ana: Ana = Ana.OPTIMIZED
    bad_read: set[int] = field(default_factory=set)  # blocks whose memory answers with an error
    bad_write: set[int] = field(default_factory=set)
    _data: dict[int, bytes] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if self.shift not in (9, 12):
            raise ValueError("blocks have 512 or 4096 bytes")
        if self.base % 4096:
            raise ValueError("the first block begins a page")
        self.ana_group = self.ana_group or self.nsid

    @property
    def block_bytes(self) -> int:
        return 1 << self.shift

    @property
    def used(self) -> int:
        """Blocks that are allocated."""
        return len(self._data)

    def checked(self) -> check.Namespace:
        """What the command check has to know."""
        return check.Namespace(self.valid, self.blocks, self.shift, self.base)

    def _range(self, slba: int, count: int) -> range:
        if slba < 0 or count < 0 or slba + count > self.blocks:
            raise ValueError(f"blocks [{slba:#x}, +{count}) are not in the namespace")
        return range(slba, slba + count)

    def _hit(self, bad: set[int], slba: int, count: int) -> bool:
        """A bad block in the range, without a walk over a huge range."""
        if count < len(bad):
            return any(lba in bad for lba in self._range(slba, count))
        return any(slba <= lba < slba + count for lba in bad)

    # bytes ------------------------------------------------------------------------------------
    def readable(self, slba: int, count: int) -> NvmeStatus:
        self._range(slba, count)
        return NvmeStatus.READ_ERROR if self._hit(self.bad_read, slba, count) else NvmeStatus.SUCCESS

    def read_bytes(self, offset: int, length: int) -> bytes | None:
        """Bytes from a byte offset, or None when the memory of one of the blocks doesn't answer."""
        first, last = offset >> self.shift, (offset + length - 1) >> self.shift
        if self.readable(first, last - first + 1) != NvmeStatus.SUCCESS:
            return None
        return self.peek(first, last - first + 1)[offset - (first << self.shift) :][:length]

    def peek(self, slba: int, count: int = 1) -> bytes:
        """Blocks as they are, whatever the memory says."""
        zero = bytes(self.block_bytes)
        return b"".join(self._data.get(lba, zero) for lba in self._range(slba, count))

    def write(self, slba: int, data: bytes) -> NvmeStatus:
        """Whole blocks, in order, until one can't be written."""
        count, rest = divmod(len(data), self.block_bytes)
        if rest:
            raise ValueError("whole blocks only")
        for i, lba in enumerate(self._range(slba, count)):
            if lba in self.bad_write:
                return NvmeStatus.WRITE_FAULT
            room = self.capacity is None or lba in self._data or self.used < self.capacity
            if not room:
                return NvmeStatus.CAPACITY
            self._data[lba] = bytes(data[i << self.shift : (i + 1) << self.shift])
        return NvmeStatus.SUCCESS

    def zero(self, slba: int, count: int) -> NvmeStatus:
        """Zeroes, in order, until a block can't be written. They take no capacity."""
        end = slba + count
        self._range(slba, count)
        fault = min((b for b in self.bad_write if slba <= b < end), default=None)
        stop = end if fault is None else fault
        if stop - slba < len(self._data):
            for lba in range(slba, stop):
                self._data.pop(lba, None)
        else:
            for lba in [k for k in self._data if slba <= k < stop]:
                del self._data[lba]
        return NvmeStatus.SUCCESS if fault is None else NvmeStatus.WRITE_FAULT

    # comparison -------------------------------------------------------------------------------
    def allocated(self) -> Iterator[int]:
        return iter(sorted(self._data))

    def differs(self, read: Callable[[int, int], bytes]) -> list[int]:
        """Allocated blocks that the memory at `base` holds otherwise; `read(address, length)`."""
        return [
            lba
            for lba in self.allocated()
            if read(self.base + (lba << self.shift), self.block_bytes) != self._data[lba]
        ]
