# SPDX-License-Identifier: Apache-2.0
"""What is checked before a descriptor may do anything, on its own side: docs/blocks/rdma.md section 3."""

from __future__ import annotations

from dataclasses import dataclass

from models.lay import Desc, DescFlag, Op, Status
from models.ops import WITH_READ, Ctx, check_local
from models.rdma.parts import ATOMICS, REMOTE_OPS
from models.segments import R_READ, R_WRITE, SegmentTable, User

_ANY = 1 << DescFlag.FENCE | 1 << DescFlag.IRQ | 1 << DescFlag.NO_CPL
_NOTIFY = (Op.WRITE, Op.WRITE_IMM, Op.SEND, Op.MIRROR)


@dataclass(frozen=True)
class Admitted:
    """The outcome: a status, else local addresses."""

    status: int
    src: int = 0
    dst: int = 0


def admit(d: Desc, ext: Desc | None, table: SegmentTable, ch: int, up: bool) -> Admitted:
    """`ext`: the next published slot, if there is one. `up`: the channel's peer can be reached."""
    if d.opcode in WITH_READ:
        plan = check_local(d, Ctx(ch, table, False, up, None, WITH_READ))
        return Admitted(plan.status, plan.src or 0, plan.dst or 0)
    if d.opcode not in REMOTE_OPS:
        return Admitted(Status.BAD_OPCODE)
    if d.opcode == Op.CMP_SWAP and (ext is None or ext.opcode != Op.EXT):
        return Admitted(Status.BAD_EXT)
    if d.flags & ~(_ANY | (1 << DescFlag.NOTIFY if d.opcode in _NOTIFY else 0)):
        return Admitted(Status.BAD_FLAGS)
    if d.opcode in ATOMICS and d.length != 8 or d.opcode == Op.MIRROR and not d.length:
        return Admitted(Status.BAD_LENGTH)
    if d.opcode in ATOMICS and d.dst % 8:
        return Admitted(Status.BAD_ALIGN)
    src = dst = 0
    if d.length:
        c = table.check(
            d.src, d.length, User(ch), R_WRITE if d.opcode in ATOMICS else R_READ
        )
        if not c.ok:
            return Admitted(c.status)
        src = c.addr
    if d.opcode == Op.MIRROR:
        c = table.check(d.dst, d.length, User(ch), R_WRITE)
        if not c.ok:
            return Admitted(c.status)
        dst = c.addr
        if src < dst + d.length and dst < src + d.length:
            return Admitted(Status.OVERLAP)
    return Admitted(Status.OK if up else Status.PEER_DOWN, src, dst)
