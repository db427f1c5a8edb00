# SPDX-License-Identifier: Apache-2.0
"""Software on the host: a kernel driver, and users with queues of their own.

    kernel = Kernel(rig)
    await kernel.enable()
    q = await kernel.create(kernel.pair(1, size=31))
    cqe = await kernel.do(q, io(NvmeIoOp.READ, slba=4, prp1=...))

The kernel half starts the controller and gives admin commands; the user half (`put`, `ring`, `poll`, `wait`) needs nothing but the
memory of a queue and its doorbell page.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from cocotb.triggers import Lock

from models.layout import NvmeAdminOp, NvmeCqe, NvmeGrant, NvmeIoOp, NvmeRange, NvmeSqe, NvmeStatus
from models.nvme.admin import OPCODES, RANGES
from models.nvme.identify import ALL
from tb.system.nvme.rig import HIGH, HOST, NoProgress, Rig

PAGE = 4096
CAP, CC, CSTS, NSSR, AQA, ASQ, ACQ = 0x00, 0x14, 0x1C, 0x20, 0x24, 0x28, 0x30
ENABLED = 0x460001
PATIENCE = 400_000  # cycles until something is taken for lost


@dataclass(eq=False)
class Pair:
    """A submission queue, and the completion queue of the same number, as their software sees them."""

    qid: int
    sq: int
    cq: int
    size: int  # entries less one, of both
    func: int = 0
    into: Pair | None = None  # pair whose completion queue is used instead
    tail: int = 0
    head: int = 0
    phase: int = 1
    sqhd: int = 0  # newest that was told
    ended: dict[int, NvmeCqe] = field(default_factory=dict)  # by CID, not asked for yet
    entries: list[NvmeCqe] = field(default_factory=list)  # all, in order
    users: dict[int, Pair] = field(default_factory=dict)  # who posts here
    lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self.home.users[self.qid] = self

    @property
    def home(self) -> Pair:
        """Whose completion queue it is."""
        return self.into or self

    @property
    def free(self) -> int:
        return self.size - (self.tail - self.sqhd) % (self.size + 1)


class Pages:
    """Pages of host memory, handed out and taken back; some lie above 4 GiB."""

    def __init__(self, rig: Rig, rng: random.Random | None = None) -> None:
        per = rig.window // PAGE
        self.left = [base + PAGE * i for base in (HOST, HIGH) for i in range(1 if base == HOST else 0, per)]
        if rng:
            rng.shuffle(self.left)

    def take(self, count: int = 1) -> list[int]:
        if count > len(self.left):
            raise MemoryError("no pages left")
        out, self.left = self.left[:count], self.left[count:]
        return out

    def run(self, count: int) -> int:
        """Pages in a row."""
        free = set(self.left)
        for page in sorted(free):
            run = [page + PAGE * i for i in range(count)]
            if free.issuperset(run):
                self.left = [p for p in self.left if p not in set(run)]
                return page
        raise MemoryError(f"no {count} pages in a row")

    def give(self, pages: Iterable[int]) -> None:
        self.left += pages

    def carve(self, count: int) -> Pages:
        """A pool of its own."""
        out = Pages.__new__(Pages)
        out.left = self.take(count)
        return out


def grant_bytes(owner: int, func: int, nsid: int, slba: int, nlb: int, ranges: Sequence[tuple[int, int, int]], opcodes: int = OPCODES) -> bytes:
    """NVME_GRANT; `ranges` of (base, pages, rights)."""
    g = NvmeGrant(owner, func, nsid, slba, nlb, opcodes, len(ranges)).pack()[:32]
    return (g + b"".join(NvmeRange(*r).pack() for r in ranges[:RANGES])).ljust(NvmeGrant.SIZE, b"\0")


def io(op: int, slba: int = 0, blocks: int = 1, nsid: int = 1, **fields: int) -> NvmeSqe:
    """A command that names blocks."""
    cdw12 = fields.pop("cdw12", 0) | blocks - 1
    return NvmeSqe(opc=op, nsid=nsid, cdw10=slba & 0xFFFF_FFFF, cdw11=slba >> 32, cdw12=cdw12, **fields)


def name(status: int) -> str:
    return NvmeStatus(status).name


class Kernel:
    """See above."""

    def __init__(self, rig: Rig, pages: Pages | None = None) -> None:
        self.rig, self.mem = rig, rig.mem
        self.pages = pages or Pages(rig)
        self.admin = Pair(0, self.pages.run(1), self.pages.run(1), 31)
        self.buffer = self.pages.run(2)  # data of admin commands
        self.cids = itertools.cycle(range(1, 0xF000))

    # ---- registers
    async def enable(self, cc: int = ENABLED, size: int | None = None) -> None:
        """As Linux: addresses as halves with the low one first, CC in two writes, RDY."""
        rig, old = self.rig, self.admin
        self.admin = a = Pair(0, old.sq, old.cq, old.size if size is None else size)
        for base in (a.sq, a.cq):
            await self.mem.fill(base, PAGE)
        await rig.wr32(AQA, a.size << 16 | a.size)
        for reg, base in ((ASQ, a.sq), (ACQ, a.cq)):
            await rig.wr32(reg, base & 0xFFFF_FFFF)
            await rig.wr32(reg + 4, base >> 32)
        await rig.wr32(CC, cc & ~1)
        await rig.wr32(CC, cc)
        await self.csts(1, 1)

    async def disable(self) -> None:
        await self.rig.wr32(CC, ENABLED & ~1)
        await self.csts(1, 0)

    async def shut_down(self) -> None:
        await self.rig.wr32(CC, ENABLED | 1 << 14)
        await self.csts(0xC, 2 << 2)

    async def csts(self, mask: int, value: int, limit: int = PATIENCE) -> int:
        """Until CSTS has this value."""
        for _ in range(limit // 50):
            got = await self.rig.rd32(CSTS)
            if got & mask == value:
                return got
            await self.rig.cycles(50)
        raise NoProgress(f"CSTS is {got:#x}, wanted {value:#x} of {mask:#x}")

    def doorbell(self, qid: int, cq: bool) -> int:
        return 0x1000 + (2 * qid + cq) * (4 << self.rig.p["DSTRD"])

    # ---- the user half
    async def put(self, q: Pair, *sqes: NvmeSqe) -> None:
        """Entries behind the tail, without a doorbell; CIDs are chosen where there is none."""
        for sqe in sqes:
            while not sqe.cid:
                sqe.cid = next(self.cids)
            await self.mem.write(q.sq + q.tail * NvmeSqe.SIZE, sqe.pack())
            q.tail = (q.tail + 1) % (q.size + 1)

    async def ring(self, q: Pair) -> int:
        return await self.rig.wr32(self.doorbell(q.qid, False), q.tail, q.func)

    async def poll(self, q: Pair, *, ring: bool = True) -> list[NvmeCqe]:
        """New entries of its completion queue, by phase; the head's doorbell is rung."""
        home = q.home
        async with home.lock:
            raw = await self.mem.read(home.cq, (home.size + 1) * NvmeCqe.SIZE)
            out = []
            while len(out) <= home.size:
                cqe = NvmeCqe.unpack(raw[home.head * NvmeCqe.SIZE :][: NvmeCqe.SIZE])
                if cqe.phase != home.phase:
                    break
                out.append(cqe)
                home.head += 1
                if home.head > home.size:
                    home.head, home.phase = 0, 1 - home.phase
            for cqe in out:
                assert cqe.sqid in home.users, f"an entry for queue {cqe.sqid} at {home.qid}: {cqe}"
                assert cqe.dw1 == 0 and cqe.crd == 0, cqe
                user = home.users[cqe.sqid]
                assert cqe.cid not in user.ended, f"queue {cqe.sqid}, CID {cqe.cid}: completed twice"
                assert (cqe.sqhd - user.sqhd) % (user.size + 1) <= (user.tail - user.sqhd) % (user.size + 1), f"SQ head goes back: {cqe}"
                user.sqhd = cqe.sqhd
                user.ended[cqe.cid] = cqe
                user.entries.append(cqe)
            if out and ring:
                await self.rig.wr32(self.doorbell(home.qid, True), home.head, home.func)
        return out

    async def wait(self, q: Pair, cids: Iterable[int], limit: int = PATIENCE) -> list[NvmeCqe]:
        """The entries of these commands."""
        cids = list(cids)
        since = self.rig.cycle
        while not all(c in q.ended for c in cids):
            if not await self.poll(q):
                if self.rig.cycle - since > limit:
                    raise NoProgress(f"queue {q.qid}: no entry for {[c for c in cids if c not in q.ended]} in {limit} cycles")
                await self.rig.entry_or(2000)
            else:
                since = self.rig.cycle
        return [q.ended.pop(c) for c in cids]

    async def run(self, q: Pair, sqes: Sequence[NvmeSqe]) -> list[NvmeCqe]:
        """All at once, one doorbell."""
        await self.put(q, *sqes)
        await self.ring(q)
        return await self.wait(q, [s.cid for s in sqes])

    async def do(self, q: Pair, sqe: NvmeSqe) -> NvmeCqe:
        return (await self.run(q, [sqe]))[0]

    async def good(self, q: Pair, *sqes: NvmeSqe) -> None:
        for cqe in await self.run(q, sqes):
            assert cqe.status == NvmeStatus.SUCCESS and not cqe.dnr and not cqe.more, f"{name(cqe.status)}: {cqe}"

    # ---- the kernel half
    async def cmd(self, op: int, **fields: int) -> NvmeCqe:
        """An admin command; its data is at `buffer` unless told."""
        fields.setdefault("prp1", self.buffer)
        fields.setdefault("prp2", (fields["prp1"] & ~0xFFF) + PAGE)
        return await self.do(self.admin, NvmeSqe(opc=op, **fields))

    async def data(self, length: int = PAGE, at: int | None = None) -> bytes:
        return await self.mem.read(self.buffer if at is None else at, length)

    def pair(self, qid: int, size: int = 31, func: int = 0, into: Pair | None = None) -> Pair:
        """Memory for both queues."""
        sq = self.pages.run(-(-(size + 1) * NvmeSqe.SIZE // PAGE))
        cq = self.pages.run(-(-(size + 1) * NvmeCqe.SIZE // PAGE)) if into is None else 0
        return Pair(qid, sq, cq, size, func, into)

    async def create_cq(self, q: Pair, vec: int = 0, ien: int = 1, **more: int) -> NvmeCqe:
        dw = {"cdw10": q.size << 16 | q.qid, "cdw11": vec << 16 | ien << 1 | 1, "prp1": q.cq}
        return await self.cmd(NvmeAdminOp.CREATE_CQ, **(dw | more))

    async def create_sq(self, q: Pair, prio: int = 0, **more: int) -> NvmeCqe:
        dw = {"cdw10": q.size << 16 | q.qid, "cdw11": q.home.qid << 16 | prio << 1 | 1, "prp1": q.sq}
        return await self.cmd(NvmeAdminOp.CREATE_SQ, **(dw | more))

    async def create(self, q: Pair, vec: int = 0, prio: int = 0) -> Pair:
        """Both queues of a pair, or its submission queue only."""
        if q.into is None:
            await self.mem.fill(q.cq, (q.size + 1) * NvmeCqe.SIZE)
            cqe = await self.create_cq(q, vec)
            assert cqe.status == NvmeStatus.SUCCESS, f"Create CQ {q.qid}: {name(cqe.status)}"
        cqe = await self.create_sq(q, prio)
        assert cqe.status == NvmeStatus.SUCCESS, f"Create SQ {q.qid}: {name(cqe.status)}"
        return q

    async def delete(self, q: Pair) -> None:
        for op in (NvmeAdminOp.DELETE_SQ, NvmeAdminOp.DELETE_CQ)[: 1 if q.into else 2]:
            cqe = await self.cmd(op, cdw10=q.qid)
            assert cqe.status == NvmeStatus.SUCCESS, f"{op.name} {q.qid}: {name(cqe.status)}"

    async def grant(self, qid: int, raw: bytes) -> NvmeCqe:
        await self.mem.write(self.buffer, raw)
        return await self.cmd(NvmeAdminOp.GRANT_SET, cdw10=qid)

    async def set_feature(self, fid: int, value: int, **more: int) -> NvmeCqe:
        return await self.cmd(NvmeAdminOp.SET_FEATURES, **({"cdw10": fid, "cdw11": value} | more))

    async def log_page(self, lid: int, length: int, *, nsid: int = ALL, **more: int) -> NvmeCqe:
        return await self.cmd(NvmeAdminOp.GET_LOG_PAGE, **({"cdw10": (length // 4 - 1) << 16 | lid, "nsid": nsid} | more))

    # ---- data
    async def prps(self, pages: Sequence[int], offset: int = 0, lists: Sequence[int] = ()) -> dict[str, int]:
        """PRP1 and PRP2 for data in these pages; `lists`: places for lists, each to the end of its page, chained."""
        prp1, rest = pages[0] + offset, list(pages[1:])
        if len(rest) <= 1:
            return {"prp1": prp1, "prp2": rest[0] if rest else 0}
        places = list(lists)
        prp2 = at = places.pop(0)
        while rest:
            room = (PAGE - at % PAGE) // 8
            last = len(rest) <= room
            chunk, rest = (rest, []) if last else (rest[: room - 1], rest[room - 1 :])
            after = [] if last else [places.pop(0)]
            await self.mem.write(at, b"".join(p.to_bytes(8, "little") for p in [*chunk, *after]))
            at = after[0] if after else at
        return {"prp1": prp1, "prp2": prp2}

    async def spread(self, pages: Sequence[int], offset: int, data: bytes) -> None:
        for page in pages:
            n = min(PAGE - offset, len(data))
            await self.mem.write(page + offset, data[:n])
            data, offset = data[n:], 0

    async def gather(self, pages: Sequence[int], offset: int, nbytes: int) -> bytes:
        out = b""
        for page in pages:
            n = min(PAGE - offset, nbytes - len(out))
            out += await self.mem.read(page + offset, n)
            offset = 0
        return out


__all__ = ["ACQ", "AQA", "ASQ", "CAP", "CC", "CSTS", "ENABLED", "NSSR", "PAGE", "Kernel", "NvmeIoOp", "Pages", "Pair", "grant_bytes", "io", "name"]
