# SPDX-License-Identifier: Apache-2.0
"""BAR0 as the models need it: decode of an address, and values from fields.

Offsets come from the generated layout; names are short ones of the models' own.
"""

from __future__ import annotations

from dataclasses import dataclass

from models import layout as g

GUEST_BASE, PAGE_BYTES = g.BAR_CH_BASE, g.BAR_CH_STRIDE
MSIX_TABLE = g.BAR_MSIX_BASE
CH_BASE, CH_STEP = g.BAR_CHP_BASE, g.BAR_CHP_STRIDE
SEG_BASE, SEG_STEP = g.BAR_SEG_BASE, g.BAR_SEG_STRIDE
PEER_BASE, PEER_STEP = g.BAR_PEER_BASE, g.BAR_PEER_STRIDE
FOREIGN_CNT = g.BAR_FUNC_BASE

GUEST_REGS = {
    g.REG_CH_RRING_BASE: "RRING_BASE",
    g.REG_CH_RRING_SIZE: "RRING_SIZE",
    g.REG_CH_RRING_PROD: "RRING_PROD",
    g.REG_CH_RRING_CONS: "RRING_CONS",
    g.REG_CH_CTRL: "CTRL",
    g.REG_CH_STATUS: "STATUS",
    g.REG_CH_DRING_BASE: "DRING_BASE",
    g.REG_CH_DRING_SIZE: "DRING_SIZE",
    g.REG_CH_CRING_BASE: "CRING_BASE",
    g.REG_CH_CRING_SIZE: "CRING_SIZE",
    g.REG_CH_DRING_PROD: "DRING_PROD",
    g.REG_CH_DRING_CONS: "DRING_CONS",
    g.REG_CH_CRING_CONS: "CRING_CONS",
    g.REG_CH_CRING_PROD: "CRING_PROD",
    g.REG_CH_IRQ_STATUS: "IRQ_STATUS",
    g.REG_CH_IRQ_ENABLE: "IRQ_ENABLE",
    g.REG_CH_IRQ_COALESCE: "IRQ_COALESCE",
    g.REG_CH_CNT_DESC: "CNT_DESC",
    g.REG_CH_CNT_ERR: "CNT_ERR",
    g.REG_CH_CNT_RD_BYTES: "CNT_RD_BYTES",
    g.REG_CH_CNT_WR_BYTES: "CNT_WR_BYTES",
}
NODE_REGS = {
    g.BAR_NODE_BASE + g.REG_NODE_NUMBER: "NODE_NUMBER",
    g.BAR_NODE_BASE + g.REG_NODE_CTRL: "NODE_CTRL",
    g.BAR_NODE_BASE + g.REG_NODE_STATUS: "NODE_STATUS",
    g.BAR_NODE_BASE + g.REG_NODE_IRQ_SUMMARY: "IRQ_SUMMARY",
    g.BAR_NODE_BASE + g.REG_NODE_FOREIGN_LAST: "FOREIGN_LAST",
    g.BAR_NODE_BASE + g.REG_NODE_REVOKE: "REVOKE",
}
CH_REGS = {
    g.REG_CHP_OWNER: "CH_OWNER",
    g.REG_CHP_POLICY: "CH_POLICY",
    g.REG_CHP_RATE: "CH_RATE",
    g.REG_CHP_BIND: "CH_BIND",
    g.REG_CHP_RETRY: "CH_RETRY",
}
SEG_REGS = {g.REG_SEG_BASE: "SEG_BASE", g.REG_SEG_SIZE: "SEG_SIZE", g.REG_SEG_CTRL: "SEG_CTRL"}
PEER_REGS = {g.REG_PEER_CTRL: "PEER_CTRL", g.REG_PEER_STATUS: "PEER_STATUS"}

RING_REGS = frozenset(
    {"DRING_BASE", "DRING_SIZE", "CRING_BASE", "CRING_SIZE", "RRING_BASE", "RRING_SIZE"}
)


@dataclass(frozen=True)
class Where:
    """A decoded address: the register's name and the index of its channel, segment, peer or
    vector."""

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
    if FOREIGN_CNT <= addr < FOREIGN_CNT + g.BAR_FUNC_STRIDE * 4096:
        return Where("FOREIGN_CNT", (addr - FOREIGN_CNT) // g.BAR_FUNC_STRIDE)
    return None


def guest(ch: int, name: str) -> int:
    """Address of a guest page register."""
    off = next(o for o, n in GUEST_REGS.items() if n == name)
    return GUEST_BASE + ch * PAGE_BYTES + off


def node(name: str) -> int:
    """Address of a node register."""
    return next(a for a, n in NODE_REGS.items() if n == name)


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


# Register values from fields, for benches and tests --------------------------------------------
def ch_owner(func: int, tag: int = 0, valid: bool = True) -> int:
    return func | tag << 16 | int(valid) << 63


def ch_policy(
    cls: int = 0, mgmt: bool = False, absolute: bool = False, stop: bool = False, weight: int = 1
) -> int:
    return cls | int(mgmt) << 2 | int(absolute) << 3 | int(stop) << 4 | weight << 8


def ch_rate(rate: int, burst: int) -> int:
    return rate | burst << 16


def ch_bind(peer_ch: int, peer_index: int, valid: bool = True) -> int:
    return peer_ch | peer_index << 8 | int(valid) << 63


def seg_ctrl(
    rights: int, channel: int, peer_index: int = 15, gen: int = 0, valid: bool = True
) -> int:
    return rights | channel << 8 | peer_index << 16 | gen << 32 | int(valid) << 63


def peer_ctrl(node: int, epoch: int = 0, enable: bool = True) -> int:
    return node | epoch << 16 | int(enable) << 63
