# SPDX-License-Identifier: Apache-2.0
"""What an I/O command does to memory and namespace, once `check` has said yes and `walk` where its data lies.

    outcome = execute(sqe, verdict, walked, namespace, grant, host)

A command ends at the first thing in the order of its data that goes wrong. Pieces before it have been moved; of a
namespace whole blocks only. `Outcome.torn` names what a unit that moves pieces in another order may have left otherwise:
the data of a command that failed is either old or new there, block by block or byte by byte.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from models.layout import NvmeDsm, NvmeIoOp, NvmeSqe, NvmeStatus
from models.nvme import prp
from models.nvme.check import Grant, Verdict, check_blocks
from models.nvme.namespace import Ana, Namespace
from models.nvme.status import more, no_retry

DSM_DEALLOCATE = 1 << 2  # CDW11, AD
NEEDS_RIGHT = {
    NvmeIoOp.WRITE: prp.SOURCE,
    NvmeIoOp.COMPARE: prp.SOURCE,
    NvmeIoOp.DSM: prp.SOURCE,
    NvmeIoOp.READ: prp.SINK,
}


class Host(Protocol):
    """Memory, on behalf of the function of the queue."""

    def read(self, addr: int, length: int) -> bytes | None:
        """None: an error response."""

    def write(self, addr: int, data: bytes) -> bool:
        """False: an error response."""


@dataclass
class Outcome:
    """How a command ended, and what it left."""

    status: int = NvmeStatus.SUCCESS
    dw0: int = 0
    blocks: list[tuple[int, int]] = field(default_factory=list)  # (first, count) that were changed
    torn_blocks: tuple[int, int] | None = None  # of a command that failed: old or new
    torn_memory: list[prp.Piece] = field(default_factory=list)

    @property
    def dnr(self) -> bool:
        return no_retry(self.status)

    @property
    def more(self) -> bool:
        return more(self.status)


def slba_of(sqe: NvmeSqe) -> int:
    return sqe.cdw11 << 32 | sqe.cdw10


def blocks_of(sqe: NvmeSqe) -> int:
    return (sqe.cdw12 & 0xFFFF) + 1


def _read(sqe: NvmeSqe, walked: prp.Walk, ns: Namespace, host: Host) -> Outcome:
    out = Outcome()
    at = slba_of(sqe) << ns.shift
    for piece in walked.pieces:
        data = ns.read_bytes(at, piece.length)
        if data is None:
            out.status = NvmeStatus.READ_ERROR
            break
        if host.write(piece.addr, data) is False:
            out.status = NvmeStatus.DATA_TRANSFER
            break
        at += piece.length
    else:
        out.status = walked.status
    if out.status != NvmeStatus.SUCCESS:
        out.torn_memory = list(walked.pieces)
    return out


def _write(sqe: NvmeSqe, walked: prp.Walk, ns: Namespace, host: Host) -> Outcome:
    out = Outcome()
    lba, data = slba_of(sqe), b""
    for piece in walked.pieces:
        got = host.read(piece.addr, piece.length)
        if got is None:
            out.status = NvmeStatus.DATA_TRANSFER
            break
        data += got
        whole = len(data) >> ns.shift
        out.status = ns.write(lba, data[: whole << ns.shift])
        if out.status != NvmeStatus.SUCCESS:
            break
        lba, data = lba + whole, data[whole << ns.shift :]
    else:
        out.status = walked.status
    if out.status == NvmeStatus.SUCCESS:
        out.blocks = [(slba_of(sqe), blocks_of(sqe))]
    else:
        out.torn_blocks = (slba_of(sqe), blocks_of(sqe))
    return out


def _compare(sqe: NvmeSqe, walked: prp.Walk, ns: Namespace, host: Host) -> Outcome:
    at = slba_of(sqe) << ns.shift
    for piece in walked.pieces:
        got = host.read(piece.addr, piece.length)
        if got is None:
            return Outcome(NvmeStatus.DATA_TRANSFER)
        want = ns.read_bytes(at, piece.length)
        if want is None:
            return Outcome(NvmeStatus.READ_ERROR)
        if got != want:
            return Outcome(NvmeStatus.COMPARE_FAILURE)
        at += piece.length
    return Outcome(walked.status)


def _write_zeroes(sqe: NvmeSqe, ns: Namespace) -> Outcome:
    where = (slba_of(sqe), blocks_of(sqe))
    status = ns.zero(*where)
    if status == NvmeStatus.SUCCESS:
        return Outcome(status, blocks=[where])
    return Outcome(status, torn_blocks=where)


def _dsm(sqe: NvmeSqe, walked: prp.Walk, ns: Namespace, grant: Grant, host: Host) -> Outcome:
    """Nothing is done before the whole list of ranges was read. Then each is checked and done, in order."""
    raw = b""
    for piece in walked.pieces:
        got = host.read(piece.addr, piece.length)
        if got is None:
            return Outcome(NvmeStatus.DATA_TRANSFER)
        raw += got
    if not walked.ok:
        return Outcome(walked.status)
    out = Outcome()
    view = ns.checked()
    for at in range(0, len(raw), NvmeDsm.SIZE):
        entry = NvmeDsm.unpack(raw[at : at + NvmeDsm.SIZE])
        out.status = check_blocks(entry.slba, entry.nlb, grant, view)
        if out.status == NvmeStatus.SUCCESS and sqe.cdw11 & DSM_DEALLOCATE:
            out.status = ns.zero(entry.slba, entry.nlb)
            if out.status == NvmeStatus.SUCCESS:
                out.blocks.append((entry.slba, entry.nlb))
            else:
                out.torn_blocks = (entry.slba, entry.nlb)
        if out.status != NvmeStatus.SUCCESS:
            break
    return out


def execute(
    sqe: NvmeSqe,
    verdict: Verdict,
    walked: prp.Walk | None,
    ns: Namespace,
    grant: Grant,
    host: Host,
) -> Outcome:
    """Carry a command out. `walked` is None for those without data."""
    if not verdict.ok:
        return Outcome(verdict.status)
    if ns.ana == Ana.CHANGE:
        return Outcome(NvmeStatus.ANA_TRANSITION)
    match sqe.opc:
        case NvmeIoOp.FLUSH:  # what was completed is in memory that keeps it
            return Outcome()
        case NvmeIoOp.READ:
            return _read(sqe, walked, ns, host)
        case NvmeIoOp.WRITE:
            return _write(sqe, walked, ns, host)
        case NvmeIoOp.COMPARE:
            return _compare(sqe, walked, ns, host)
        case NvmeIoOp.VERIFY:
            return Outcome(ns.readable(slba_of(sqe), blocks_of(sqe)))
        case NvmeIoOp.WRITE_ZEROES:
            return _write_zeroes(sqe, ns)
        case NvmeIoOp.DSM:
            return _dsm(sqe, walked, ns, grant, host)
    raise ValueError(f"opcode {sqe.opc:#x} was let through")
