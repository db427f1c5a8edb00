# SPDX-License-Identifier: Apache-2.0
"""Software, as far as tests need it: memory, queues in it, a kernel driver that speaks through registers alone."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

from models.layout import (
    NVME_RIGHT_MASK,
    NvmeAdminOp,
    NvmeCqe,
    NvmeGrant,
    NvmeIoOp,
    NvmeRange,
    NvmeSqe,
    NvmeStatus,
)
from models.memory import Memory
from models.nvme.admin import OPCODES, RANGES
from models.nvme.controller import Controller
from models.nvme.identify import ALL, Identity
from models.nvme.namespace import Namespace

PAGE = 4096
CC, CSTS, NSSR, AQA, ASQ, ACQ = 0x14, 0x1C, 0x20, 0x24, 0x28, 0x30
ENABLED = 0x460001


class Bus:
    """Memory that can answer with errors; counts what each function did."""

    def __init__(self) -> None:
        self.mem = Memory()

    def read(self, func: int, addr: int, length: int) -> bytes | None:
        if self.mem.response(addr, length, False):
            return None
        return self.mem.read(addr, length, func=func)

    def write(self, func: int, addr: int, data: bytes) -> bool:
        if self.mem.response(addr, len(data), True):
            return False
        self.mem.write(addr, data, func=func)
        return True


@dataclass
class Pair:
    """A submission queue and the completion queue that belongs to it, as their software sees them."""

    qid: int
    sq: int
    cq: int
    size: int  # entries less one, of both
    func: int = 0
    cqid: int | None = None  # if it is not the one of this pair
    tail: int = 0
    head: int = 0
    phase: int = 1
    rung: int = 0

    def __post_init__(self) -> None:
        self.cqid = self.qid if self.cqid is None else self.cqid


def doorbell(qid: int, cq: bool, dstrd: int = 9) -> int:
    return 0x1000 + (2 * qid + cq) * (4 << dstrd)


@dataclass
class Driver:
    """Uses a controller as a kernel does, one command at a time."""

    ctl: Controller
    mem: Memory
    admin: Pair = field(default_factory=lambda: Pair(0, 0x1_0000, 0x1_1000, 31))
    cids: itertools.count = field(default_factory=itertools.count)
    stray: list[NvmeCqe] = field(default_factory=list)  # entries that were not waited for
    buffer: int = 0x2_0000  # 4 pages

    # registers
    def wr32(self, addr: int, value: int, func: int = 0) -> None:
        self.ctl.reg_write(addr, value.to_bytes(4, "little"), func)

    def rd32(self, addr: int, func: int = 0) -> int:
        return int.from_bytes(self.ctl.reg_read(addr, 4, func), "little")

    def wr64(self, addr: int, value: int) -> None:
        self.wr32(addr, value & 0xFFFF_FFFF)
        self.wr32(addr + 4, value >> 32)

    @property
    def ready(self) -> bool:
        return bool(self.rd32(CSTS) & 1)

    def enable(self, cc: int = ENABLED) -> None:
        a = self.admin
        for base in (a.sq, a.cq):
            self.mem.write(base, bytes(PAGE))
        self.admin = Pair(0, a.sq, a.cq, a.size)
        self.wr32(AQA, a.size << 16 | a.size)
        self.wr64(ASQ, a.sq)
        self.wr64(ACQ, a.cq)
        self.wr32(CC, cc & ~1)
        self.wr32(CC, cc)
        self.ctl.run()

    def disable(self) -> None:
        self.wr32(CC, ENABLED & ~1)
        self.ctl.run()

    # queues
    def put(self, q: Pair, sqe: NvmeSqe) -> None:
        """An entry behind the tail, without a doorbell."""
        self.mem.write(q.sq + q.tail * NvmeSqe.SIZE, sqe.pack())
        q.tail = (q.tail + 1) % (q.size + 1)

    def ring(self, q: Pair) -> None:
        self.wr32(doorbell(q.qid, False, self.ctl.regs.dstrd), q.tail, q.func)
        q.rung = q.tail

    def poll(self, q: Pair, limit: int = 1 << 16) -> list[NvmeCqe]:
        """New entries, by phase; the head's doorbell is rung."""
        out = []
        while len(out) < limit:
            cqe = NvmeCqe.unpack(self.mem.read(q.cq + q.head * NvmeCqe.SIZE, NvmeCqe.SIZE))
            if cqe.phase != q.phase:
                break
            out.append(cqe)
            q.head += 1
            if q.head > q.size:
                q.head, q.phase = 0, 1 - q.phase
        if out:
            self.wr32(doorbell(q.cqid, True, self.ctl.regs.dstrd), q.head, q.func)
        return out

    def do(self, q: Pair, sqe: NvmeSqe) -> NvmeCqe:
        """One command to its end."""
        cqe = self.try_do(q, sqe)
        assert cqe is not None, "no completion"
        return cqe

    def try_do(self, q: Pair, sqe: NvmeSqe) -> NvmeCqe | None:
        if not sqe.cid:
            sqe.cid = 1 + next(self.cids) % 0x8000
        self.put(q, sqe)
        self.ring(q)
        self.ctl.run()
        mine = None
        for cqe in self.poll(q):
            if cqe.cid == sqe.cid and cqe.sqid == q.qid:
                assert mine is None, "completed twice"
                mine = cqe
            else:
                self.stray.append(cqe)
        self.ctl.run()
        return mine

    def cmd(self, op: int, **fields: int) -> NvmeCqe:
        """An admin command; its data is at `buffer` unless told."""
        fields.setdefault("prp1", self.buffer)
        fields.setdefault("prp2", (fields["prp1"] & ~0xFFF) + PAGE)
        return self.do(self.admin, NvmeSqe(opc=op, **fields))

    def data(self, length: int = PAGE, at: int | None = None) -> bytes:
        return self.mem.read(self.buffer if at is None else at, length)

    # admin
    def create_cq(self, q: Pair, vec: int = 0, ien: int = 1, **more: int) -> NvmeCqe:
        dw = {"cdw10": q.size << 16 | q.qid, "cdw11": vec << 16 | ien << 1 | 1, "prp1": q.cq}
        return self.cmd(NvmeAdminOp.CREATE_CQ, **(dw | more))

    def create_sq(self, q: Pair, prio: int = 0, **more: int) -> NvmeCqe:
        dw = {"cdw10": q.size << 16 | q.qid, "cdw11": q.cqid << 16 | prio << 1 | 1, "prp1": q.sq}
        return self.cmd(NvmeAdminOp.CREATE_SQ, **(dw | more))

    def create(self, q: Pair, vec: int = 0) -> Pair:
        """Both queues of a pair."""
        self.mem.write(q.cq, bytes((q.size + 1) * NvmeCqe.SIZE))
        for cqe in (self.create_cq(q, vec), self.create_sq(q)):
            assert cqe.status == NvmeStatus.SUCCESS, NvmeStatus(cqe.status).name
        return q

    def grant(self, qid: int, raw: bytes) -> NvmeCqe:
        self.mem.write(self.buffer, raw)
        return self.cmd(NvmeAdminOp.GRANT_SET, cdw10=qid)

    def set_feature(self, fid: int, value: int, **more: int) -> NvmeCqe:
        return self.cmd(NvmeAdminOp.SET_FEATURES, **({"cdw10": fid, "cdw11": value} | more))

    def get_feature(self, fid: int, **more: int) -> NvmeCqe:
        return self.cmd(NvmeAdminOp.GET_FEATURES, **({"cdw10": fid} | more))

    def log_page(self, lid: int, length: int, *, keep: int = 0, nsid: int = ALL, **more: int) -> NvmeCqe:
        dw = {"cdw10": (length // 4 - 1) << 16 | keep << 15 | lid, "nsid": nsid}
        return self.cmd(NvmeAdminOp.GET_LOG_PAGE, **(dw | more))


def grant_bytes(
    owner: int, func: int, nsid: int, slba: int, nlb: int,
    ranges: Sequence[tuple[int, int, int]], opcodes: int = OPCODES,
) -> bytes:  # fmt: skip
    """NVME_GRANT; `ranges` of (base, pages, rights)."""
    g = NvmeGrant(owner, func, nsid, slba, nlb, opcodes, len(ranges)).pack()[:32]
    listed = b"".join(NvmeRange(*r).pack() for r in ranges[:RANGES])
    return (g + listed).ljust(NvmeGrant.SIZE, b"\0")


def io(op: NvmeIoOp, slba: int = 0, blocks: int = 1, nsid: int = 1, **fields: int) -> NvmeSqe:
    """A command that names blocks."""
    fields.setdefault("cdw12", 0)
    fields["cdw12"] |= blocks - 1
    return NvmeSqe(opc=op, nsid=nsid, cdw10=slba & 0xFFFF_FFFF, cdw11=slba >> 32, **fields)


def prps(mem: Memory, pages: Sequence[int], offset: int = 0, nbytes: int = 0, lists: Sequence[int] = ()) -> dict[str, int]:
    """PRP1 and PRP2 for data in these pages; `lists`: places for lists, each to the end of its page, chained."""
    prp1, rest = pages[0] + offset, list(pages[1:])
    if len(rest) <= 1:
        return {"prp1": prp1, "prp2": rest[0] if rest else 0}
    places = list(lists)
    prp2 = at = places.pop(0)
    while rest:
        room = (PAGE - at % PAGE) // 8
        if len(rest) <= room:
            mem.write(at, b"".join(p.to_bytes(8, "little") for p in rest))
            break
        chunk, rest = rest[: room - 1], rest[room - 1 :]
        following = places.pop(0)
        mem.write(at, b"".join(p.to_bytes(8, "little") for p in [*chunk, following]))
        at = following
    return {"prp1": prp1, "prp2": prp2}


def namespaces() -> list[Namespace]:
    """One of each block size, and one that isn't there."""
    return [
        Namespace(1, 4096, 9, 0x1000_0000, nguid=bytes(range(1, 17)), eui64=bytes(range(1, 9))),
        Namespace(2, 1024, 12, 0x2000_0000, nguid=bytes(range(2, 18))),
        Namespace(3, 0, 9, valid=False),
    ]


def system(start: bool = True, **identity: int) -> Driver:
    """A controller with its driver; enabled unless told."""
    bus = Bus()
    ctl = Controller(Identity(**identity), namespaces(), bus.read, bus.write)
    driver = Driver(ctl, bus.mem)
    if start:
        driver.enable()
        assert driver.ready
    return driver


RIGHTS = NVME_RIGHT_MASK
