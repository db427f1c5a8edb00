# SPDX-License-Identifier: Apache-2.0
"""Registers of the mailbox as the model needs them: where they lie, which bits keep what is written, which do something.

Written from docs/blocks/nvme_admin.md; the tests compare it with what is made of rtl/regs/mailbox.rdl.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

PAGE_AT = 0x1000
ONES = 0xFFFFFFFF


class Kind(IntEnum):
    """Of an event."""

    BAD_DOORBELL = 1
    SQ_FAILED = 2
    CQ_FAILED = 3
    COMMAND = 4


class What(IntEnum):
    """Of a drain."""

    QUEUE = 0
    RESET = 1
    SHUTDOWN = 2


class IrqBit(IntEnum):
    SQE = 0
    EVENT = 1
    CPL = 2
    DMA = 3
    DRAIN = 4
    ABORT = 5
    START = 6
    QUIESCE = 7


LIFE_STARTED, LIFE_QUIET, LIFE_FATAL = 1, 2, 4
LEVELS = 1 << IrqBit.SQE | 1 << IrqBit.EVENT


class StatusBit(IntEnum):
    SQE = 0
    CPL_BUSY = 1
    DMA_BUSY = 2
    DRAIN_BUSY = 3
    EVENT = 4
    ABORT_BUSY = 5
    START = 6
    QUIESCE = 7
    RUN = 8
    SETUP_BUSY = 9
    SHUT = 10


@dataclass(frozen=True)
class Reg:
    """A register. `mask`: the bits that keep what is written."""

    offset: int
    mask: int = 0
    go: bool = False  # acts on a write of byte 0
    readable: bool = True
    reset: int = 0
    words: int = 1

    @property
    def keeps(self) -> bool:
        return self.mask != 0


def _go(offset: int) -> Reg:
    return Reg(offset, go=True, readable=False)


def _words(name: str, offset: int, count: int) -> dict[str, Reg]:
    """Words that keep what is written, one after the other."""
    return {f"{name}{n}": Reg(offset + 4 * n, ONES) for n in range(count)}


REGS: dict[str, Reg] = {
    "ID": Reg(0x000),
    "CAPS": Reg(0x004),
    "STATUS": Reg(0x008),
    "IRQ_STATUS": Reg(0x00C),
    "IRQ_ENABLE": Reg(0x010, 0xFF),
    "LIFE": Reg(0x014, LIFE_QUIET | LIFE_FATAL),
    "EVENTS_LOST": Reg(0x018),
    "SQE": Reg(0x040, words=16),
    "SQE_POP": _go(0x080),
    "CPL_DW0": Reg(0x084, ONES),
    "CPL_GO": _go(0x088),
    "EVENT": Reg(0x0A0, words=5),
    "EVENT_POP": _go(0x0B4),
    "CFG_QUEUE": Reg(0x0C0, 0xFF07FFFF),
    "CFG_SIZE": Reg(0x0C4, 0xFFFF0FFF),
    **_words("CFG_BASE", 0x0C8, 2),
    "CFG_GO": _go(0x0D0),
    **_words("GRANT", 0x100, 8),
    "GRANT_GO": _go(0x120),
    **_words("RANGE", 0x130, 4),
    "RANGE_GO": _go(0x140),
    **_words("NS_BLOCKS", 0x150, 2),
    **_words("NS_BASE", 0x158, 2),
    "NS_GO": _go(0x160),
    "ANA_CHANGE": Reg(0x164, 0xFFFF),
    "ARB": Reg(0x170, 0xFFFFFF07),
    "COALESCE": Reg(0x174, 0xFFFF),
    "VECTOR_GO": _go(0x178),
    "STOP_GO": _go(0x180),
    "DRAIN_GO": _go(0x184),
    "ABORT_GO": _go(0x188),
    "ABORT_RESULT": Reg(0x18C),
    **_words("DMA_ADDR", 0x190, 2),
    "DMA_GO": _go(0x198),
    "DMA_RESULT": Reg(0x19C),
    "QSEL": Reg(0x1A0, 0xFF),
    "QSTATE": Reg(0x1A4),
    "QBAD": Reg(0x1A8),
}

# Writes that name a queue: ignored if it is not there. Its number is in byte 0, or in CFG_QUEUE.
GO_QUEUE = frozenset({"CFG_GO", "GRANT_GO", "RANGE_GO", "STOP_GO", "DRAIN_GO", "ABORT_GO"})

_AT = {r.offset + 4 * n: (name, n) for name, r in REGS.items() for n in range(r.words)}


def at(addr: int) -> tuple[str | None, int]:
    """The register at an address and the word of it; None for a hole."""
    return _AT.get(addr & 0xFFC, (None, 0)) if addr < PAGE_AT else (None, 0)


def merge(old: int, new: int, strb: int) -> int:
    """Bytes with a strobe of `new`, the others of `old`."""
    mask = sum(0xFF << 8 * i for i in range(4) if strb >> i & 1)
    return old & ~mask & ONES | new & mask
