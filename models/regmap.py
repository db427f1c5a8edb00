# SPDX-License-Identifier: Apache-2.0
"""BAR0 as the models need it: decode of an address, and fields. From docs/registers_spec.md.

Kept apart from the rest so that it can be checked against the generated register map in one place.
"""

from __future__ import annotations

from dataclasses import dataclass

GUEST_BASE, PAGE_BYTES = 0x100000, 0x1000
MSIX_TABLE, MSIX_PBA = 0x1E0000, 0x1E8000
PRIV_BASE, PRIV_END = 0x1F0000, 0x200000
CH_BASE, CH_STEP = 0x1F1000, 0x40
SEG_BASE, SEG_STEP = 0x1F2000, 0x20
PEER_BASE, PEER_STEP = 0x1F4000, 0x40
FOREIGN_CNT = 0x1F8000

GUEST_REGS = {
    0x000: "CTRL",
    0x008: "STATUS",
    0x010: "DRING_BASE",
    0x018: "DRING_SIZE",
    0x020: "CRING_BASE",
    0x028: "CRING_SIZE",
    0x040: "DRING_PROD",
    0x048: "DRING_CONS",
    0x050: "CRING_CONS",
    0x058: "CRING_PROD",
    0x080: "IRQ_STATUS",
    0x088: "IRQ_ENABLE",
    0x090: "IRQ_COALESCE",
    0x100: "CNT_DESC",
    0x108: "CNT_ERR",
    0x110: "CNT_RD_BYTES",
    0x118: "CNT_WR_BYTES",
}
NODE_REGS = {
    0x1F0018: "NODE_ID",
    0x1F0020: "NODE_CTRL",
    0x1F0028: "NODE_STATUS",
    0x1F0030: "IRQ_SUMMARY",
    0x1F0038: "FOREIGN_LAST",
}
CH_REGS = {0x00: "CH_OWNER", 0x08: "CH_POLICY", 0x10: "CH_RATE", 0x18: "CH_BIND"}
SEG_REGS = {0x00: "SEG_BASE", 0x08: "SEG_SIZE", 0x10: "SEG_CTRL"}
PEER_REGS = {0x00: "PEER_CTRL", 0x08: "PEER_STATUS"}

RING_REGS = frozenset({"DRING_BASE", "DRING_SIZE", "CRING_BASE", "CRING_SIZE"})


@dataclass(frozen=True)
class Where:
    """A decoded address: the register's name and the index of its channel, segment, peer or vector."""

    name: str
    index: int = 0
    guest: bool = False


def decode(addr: int, channels: int, segments: int, peers: int) -> Where | None:
    """The register at an 8-byte aligned address; None for reserved space."""
    if GUEST_BASE <= addr < GUEST_BASE + channels * PAGE_BYTES:
        ch, off = divmod(addr - GUEST_BASE, PAGE_BYTES)
        return Where(GUEST_REGS.get(off, ""), ch, True)
    if MSIX_TABLE <= addr < MSIX_TABLE + 16 * (channels + 1):
        v, off = divmod(addr - MSIX_TABLE, 16)
        return Where("MSIX_ADDR" if off == 0 else "MSIX_DATA", v)
    if addr in NODE_REGS:
        return Where(NODE_REGS[addr])
    for base, step, count, regs in (
        (CH_BASE, CH_STEP, channels, CH_REGS),
        (SEG_BASE, SEG_STEP, segments, SEG_REGS),
        (PEER_BASE, PEER_STEP, peers, PEER_REGS),
    ):
        if base <= addr < base + step * count:
            i, off = divmod(addr - base, step)
            return Where(regs[off], i) if off in regs else None
    if FOREIGN_CNT <= addr < FOREIGN_CNT + 8 * 4096:
        return Where("FOREIGN_CNT", (addr - FOREIGN_CNT) // 8)
    return None


def guest(ch: int, name: str) -> int:
    """Address of a guest page register."""
    off = next(o for o, n in GUEST_REGS.items() if n == name)
    return GUEST_BASE + ch * PAGE_BYTES + off


def chan(ch: int, name: str) -> int:
    """Address of a privileged channel register."""
    return CH_BASE + ch * CH_STEP + next(o for o, n in CH_REGS.items() if n == name)


def seg(index: int, name: str) -> int:
    """Address of a segment register."""
    return SEG_BASE + index * SEG_STEP + next(o for o, n in SEG_REGS.items() if n == name)


def peer(index: int, name: str) -> int:
    """Address of a peer register."""
    return PEER_BASE + index * PEER_STEP + next(o for o, n in PEER_REGS.items() if n == name)


def bits(value: int, high: int, low: int = -1) -> int:
    """value[high:low]."""
    low = high if low < 0 else low
    return value >> low & ((1 << (high - low + 1)) - 1)


def merge(old: int, new: int, strb: int) -> int:
    """A 64-bit register after a write with byte strobes."""
    for i in range(8):
        if strb >> i & 1:
            mask = 0xFF << 8 * i
            old = old & ~mask | new & mask
    return old


# Register values from fields, for benches and tests ------------------------------------------------
def ch_owner(func: int, tag: int = 0, valid: bool = True) -> int:
    return func | tag << 16 | int(valid) << 63


def ch_policy(cls: int = 0, mgmt: bool = False, absolute: bool = False, stop: bool = False,
              weight: int = 1) -> int:
    return cls | int(mgmt) << 2 | int(absolute) << 3 | int(stop) << 4 | weight << 8


def ch_rate(rate: int, burst: int) -> int:
    return rate | burst << 16


def ch_bind(peer_ch: int, peer_index: int, valid: bool = True) -> int:
    return peer_ch | peer_index << 8 | int(valid) << 63


def seg_ctrl(rights: int, channel: int, peer_index: int = 15, gen: int = 0, valid: bool = True) -> int:
    return rights | channel << 8 | peer_index << 16 | gen << 32 | int(valid) << 63


def peer_ctrl(node: int, epoch: int = 0, enable: bool = True) -> int:
    return node | epoch << 16 | int(enable) << 63
