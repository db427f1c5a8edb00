# SPDX-License-Identifier: Apache-2.0
"""What docs/blocks/nvme.md says of `crl_nvme_check`: is an I/O command sound, and is it granted to its queue?

`check` gives a `Verdict`: the first failing rule decides. `check_blocks` is the part that the ranges of a Dataset
Management need again when they are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from models.layout import NvmeGrant, NvmeIoOp, NvmeSqe, NvmeStatus

__all__ = [
    "ALL_NAMESPACES",
    "FLUSH_DSM",
    "GRANT_BYTES",
    "MDTS_BYTES",
    "TO_FROM_HOST",
    "Grant",
    "Namespace",
    "Verdict",
    "check",
    "check_blocks",
]

MDTS_BYTES = 1 << 20
ALL_NAMESPACES = 0xFFFF_FFFF
GRANT_BYTES = 32  # of NVME_GRANT; what follows are memory ranges
ADDR_MASK = (1 << 64) - 1

TO_FROM_HOST = frozenset({NvmeIoOp.READ, NvmeIoOp.WRITE, NvmeIoOp.COMPARE})
FLUSH_DSM = frozenset({NvmeIoOp.FLUSH, NvmeIoOp.DSM})  # name no blocks in the command
_OPCODES = frozenset(int(op) for op in NvmeIoOp)

# Command dword 12
_PRINFO = 0xF << 26
_DTYPE = 0xF << 20
# Command dword 11 of Dataset Management: what is neither a hint (1:0) nor AD (2)
_DSM_RESERVED = 0xFFFF_FFF8


@dataclass(frozen=True)
class Grant:
    """What a queue may do; the default: nothing."""

    func: int = 0
    nsid: int = 0  # 0: none, ALL_NAMESPACES: all
    slba: int = 0
    nlb: int = 0
    opcodes: int = 0  # a bit for each opcode
    owner: int = 0

    @classmethod
    def from_int(cls, word: int) -> Grant:
        """From NVME_GRANT, as many bits of it as there are."""
        g = NvmeGrant.from_int(word)
        return cls(g.func, g.nsid, g.slba, g.nlb, g.opcodes, g.owner)

    @classmethod
    def unpack(cls, raw: bytes) -> Grant:
        """From the first 32 bytes of NVME_GRANT, or all of them."""
        return cls.from_int(int.from_bytes(raw[:GRANT_BYTES], "little"))

    def to_int(self, ranges: int = 0) -> int:
        """The first 32 bytes of NVME_GRANT as a number; `ranges`: how many follow."""
        return NvmeGrant(
            owner=self.owner, func=self.func, nsid=self.nsid, slba=self.slba, nlb=self.nlb,
            opcodes=self.opcodes, ranges=ranges,
        ).to_int()  # fmt: skip


@dataclass(frozen=True)
class Namespace:
    """A namespace: its blocks, and where they are in the controller's memory."""

    valid: bool = False
    blocks: int = 0
    shift: int = 9  # log2 of the block: 9 or 12
    base: int = 0


@dataclass(frozen=True)
class Verdict:
    """Execute, or complete with a status. Fields below `op` count when `ok`."""

    status: int
    cid: int
    op: int
    addr: int = 0  # of the first block, in the controller's memory; not for Flush and DSM
    nbytes: int = 0  # data to or from the host
    span: int = 0  # bytes of the namespace that are touched
    prp1: int = 0
    prp2: int = 0
    func: int = 0
    nsi: int = 0  # index of the namespace

    @property
    def ok(self) -> bool:
        return self.status == NvmeStatus.SUCCESS

    @property
    def dnr(self) -> bool:
        """A repetition will fail, too: true for each refusal."""
        return not self.ok

    @property
    def more(self) -> bool:
        """The Error Information log has more about it."""
        return self.status == NvmeStatus.ACCESS_DENIED


def check_blocks(slba: int, count: int, grant: Grant, namespace: Namespace) -> NvmeStatus:
    """Blocks [slba, slba + count): inside the namespace, then inside the grant."""
    end = slba + count  # Python integers: at least the 65 bits that it takes
    if end > namespace.blocks:
        return NvmeStatus.LBA_RANGE
    if slba < grant.slba or end > grant.slba + grant.nlb:
        return NvmeStatus.ACCESS_DENIED
    return NvmeStatus.SUCCESS


def _namespace(sqe: NvmeSqe, grant: Grant, namespaces: Sequence[Namespace]) -> int | None:
    """The index of the command's namespace, or None when it is not there or not granted."""
    if sqe.nsid == ALL_NAMESPACES:
        allowed = sqe.opc == NvmeIoOp.FLUSH and grant.nsid == ALL_NAMESPACES
        return 0 if allowed else None
    if not 1 <= sqe.nsid <= len(namespaces) or not namespaces[sqe.nsid - 1].valid:
        return None
    if grant.nsid not in (sqe.nsid, ALL_NAMESPACES):
        return None
    return sqe.nsid - 1


def _fields(sqe: NvmeSqe, mdts: int, shift: int) -> bool:
    """The command's own dwords are sound (of a command that names blocks)."""
    if sqe.cdw12 & _PRINFO:
        return False
    if sqe.opc == NvmeIoOp.WRITE and sqe.cdw12 & _DTYPE:
        return False
    blocks = (sqe.cdw12 & 0xFFFF) + 1
    return sqe.opc not in TO_FROM_HOST or blocks << shift <= mdts


def check(
    sqe: NvmeSqe | bytes,
    grant: Grant,
    namespaces: Sequence[Namespace],
    mdts_bytes: int = MDTS_BYTES,
) -> Verdict:
    """Check an I/O command against the grant of its queue. `namespaces[i]` has NSID i + 1."""
    if not isinstance(sqe, NvmeSqe):
        sqe = NvmeSqe.unpack(sqe)

    def refuse(status: NvmeStatus) -> Verdict:
        return Verdict(status, sqe.cid, sqe.opc)

    if sqe.fuse or sqe.psdt:
        return refuse(NvmeStatus.INVALID_FIELD)
    if sqe.opc not in _OPCODES or not grant.opcodes >> sqe.opc & 1:
        return refuse(NvmeStatus.INVALID_OPCODE)
    nsi = _namespace(sqe, grant, namespaces)
    if nsi is None:
        return refuse(NvmeStatus.INVALID_NS)
    nbytes = span = addr = 0
    if sqe.opc == NvmeIoOp.DSM:
        if sqe.cdw11 & _DSM_RESERVED:
            return refuse(NvmeStatus.INVALID_FIELD)
        nbytes = 16 * ((sqe.cdw10 & 0xFF) + 1)
    elif sqe.opc != NvmeIoOp.FLUSH:
        ns = namespaces[nsi]
        if not _fields(sqe, mdts_bytes, ns.shift):
            return refuse(NvmeStatus.INVALID_FIELD)
        slba, blocks = sqe.cdw11 << 32 | sqe.cdw10, (sqe.cdw12 & 0xFFFF) + 1
        status = check_blocks(slba, blocks, grant, ns)
        if status != NvmeStatus.SUCCESS:
            return refuse(status)
        span = blocks << ns.shift
        nbytes = span if sqe.opc in TO_FROM_HOST else 0
        addr = ns.base + (slba << ns.shift) & ADDR_MASK
    return Verdict(
        NvmeStatus.SUCCESS, sqe.cid, sqe.opc, addr, nbytes, span,
        sqe.prp1, sqe.prp2, grant.func, nsi,
    )  # fmt: skip
