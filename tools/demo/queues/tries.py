# SPDX-License-Identifier: Apache-2.0
"""What the misbehaving application tries, and what the hardware has to answer to each.

`attempts` lists them; `Culprit.carry_out` does one and says what came back. Three kinds of answer: a status in the completion entry, a
doorbell value that is refused and told to the kernel by an event, an access that is dropped and counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from models.layout import NvmeAdminOp, NvmeAerErr, NvmeDsm, NvmeIoOp, NvmeSqe, NvmeStatus
from models.nvme.identify import ALL
from tb.lib.recorder import now
from tb.system.nvme.kernel import CC, NSSR, io
from tb.system.nvme.rig import NoProgress
from tb.system.nvme.world import World
from tools.demo.queues.apps import App
from tools.demo.queues.plan import NSID, OTHER_NSID, PAGE

DENIED, DROPPED, ONES = NvmeStatus.ACCESS_DENIED.name, "dropped, counted", "all ones, counted"
VALUE = NvmeAerErr.BAD_DB_VALUE.name
SETTLE = 24  # cycles after an access until everything that could follow from it has begun
WAIT = 40_000  # cycles for the kernel's event


@dataclass
class Try:
    """One attempt. `sqe`, or an access to `addr`: "write", "read", or "value" (its own doorbell)."""

    what: str
    want: str
    sqe: NvmeSqe | None = None
    access: str = ""
    addr: int = 0
    value: int = 0
    short: bool = False  # also in the short run with waves


@dataclass
class Done:
    """What came of it; times in ps."""

    what: str
    want: str
    got: str
    begin: int
    end: int
    entry: bool  # it was a command, so its entry is fetched and answered

    def facts(self) -> dict:
        return asdict(self)


def commands(a: App, b: App, admin: int) -> list[Try]:
    """Commands in B's own queue. `admin`: the kernel's submission queue."""
    own, end, theirs = b.place.slba, b.place.slba + b.place.nlb, a.place.slba
    read, write = NvmeIoOp.READ, NvmeIoOp.WRITE
    return [
        Try("Read of A's blocks", DENIED, io(read, theirs, 8, prp1=b.spare), short=True),
        Try("Write to A's blocks", DENIED, io(write, theirs, 8, prp1=b.spare), short=True),
        Try("Write Zeroes over all of A's blocks", DENIED, io(NvmeIoOp.WRITE_ZEROES, theirs, a.place.nlb)),
        Try("Dataset Management: deallocate A's blocks", DENIED, NvmeSqe(opc=NvmeIoOp.DSM, nsid=NSID, prp1=b.source, cdw11=4)),
        Try("Write of its last block and the one behind", DENIED, io(write, end - 1, 2, prp1=b.spare)),
        Try("Read of another namespace", "INVALID_NS", io(read, 0, 1, OTHER_NSID, prp1=b.spare), short=True),
        Try("Flush of all namespaces", "INVALID_NS", NvmeSqe(opc=NvmeIoOp.FLUSH, nsid=ALL)),
        Try("Compare, an opcode not granted", "INVALID_OPCODE", io(NvmeIoOp.COMPARE, own, 1, prp1=b.spare), short=True),
        Try("An opcode that does not exist", "INVALID_OPCODE", io(0x7F, own, 1, prp1=b.spare)),
        Try("Write from A's memory into its own blocks", DENIED, io(write, own, 8, prp1=a.data), short=True),
        Try("Read into A's memory", DENIED, io(read, own, 8, prp1=a.data)),
        Try("Read whose second page is A's memory", DENIED, io(read, own, 16, prp1=b.spare, prp2=a.data)),
        Try("Read into A's completion queue", DENIED, io(read, own, 1, prp1=a.pair.cq)),
        Try("Read into the kernel's admin queue", DENIED, io(read, own, 1, prp1=admin)),
        Try("Read into its own page that may only be read", DENIED, io(read, own, 1, prp1=b.source)),
        Try("PRP list in A's memory", DENIED, io(read, own, 40, prp1=b.spare, prp2=a.lists)),
        Try("Own PRP list whose last entry is A's page", DENIED, io(read, own, 40, prp1=b.spare, prp2=b.lists + 2048), short=True),
    ]


def accesses(w: World, a: App, b: App) -> list[Try]:
    """Registers and doorbells. Its queue is empty when these come."""
    bell = w.kernel.doorbell
    sq, cq = bell(b.place.qid, False), bell(b.place.qid, True)
    return [
        Try("Doorbell of A's submission queue", DROPPED, access="write", addr=bell(a.place.qid, False), value=1, short=True),
        Try("Doorbell of A's completion queue", DROPPED, access="write", addr=bell(a.place.qid, True), value=1),
        Try("Doorbell of the admin queue", DROPPED, access="write", addr=bell(0, False), value=1),
        Try("Doorbell of a queue that does not exist", DROPPED, access="write", addr=bell(w.rig.p["QUEUES"], False), value=1),
        Try("Own doorbell, beyond the queue's end", VALUE, access="value", addr=sq, value=b.pair.size + 1, short=True),
        Try("Own doorbell, the same tail again", VALUE, access="value", addr=sq, value=-1),
        Try("Own doorbell, entries never posted", VALUE, access="value", addr=cq, value=-2),
        Try("Register CC := 0, to disable the controller", DROPPED, access="write", addr=CC, value=0, short=True),
        Try("Register NSSR, to reset the subsystem", DROPPED, access="write", addr=NSSR, value=0x4E56_4D65),
        Try("Reading the registers (CAP)", ONES, access="read", addr=0, short=True),
    ]


class Culprit:
    """B on its bad days."""

    def __init__(self, w: World, a: App, b: App) -> None:
        self.w, self.a, self.b = w, a, b

    async def attempts(self, short: bool) -> Sequence[Try]:
        w, a, b = self.w, self.a, self.b
        bad_list = [b.spare + PAGE * i for i in range(1, 4)] + [a.data]
        await w.rig.mem.write(b.lists + 2048, b"".join(p.to_bytes(8, "little") for p in bad_list))
        await w.rig.mem.write(b.source, NvmeDsm(nlb=8, slba=a.place.slba).pack())
        every = commands(a, b, w.kernel.admin.sq) + accesses(w, a, b)
        return [t for t in every if t.short or not short]

    async def carry_out(self, t: Try) -> Done:
        begin = now()
        if t.sqe is not None:
            got = await self._command(t.sqe)
        elif t.access == "value":
            got = await self._value(t)
        else:
            got = await self._access(t)
        return Done(t.what, t.want, got, begin, now(), t.sqe is not None)

    async def _command(self, sqe: NvmeSqe) -> str:
        k, b = self.w.kernel, self.b
        outcome = self.w.expect.command(b.place.qid, sqe)
        await k.put(b.pair, sqe)
        command = b.note(sqe, honest=False)
        command.rung = await k.ring(b.pair)
        cqe = (await k.wait(b.pair, [sqe.cid]))[0]
        command.status = cqe.status
        b.explain(cqe, sqe, outcome)
        known = cqe.status in NvmeStatus._value2member_map_
        return NvmeStatus(cqe.status).name if known else f"status {cqe.status:03X}h"

    async def _access(self, t: Try) -> str:
        """Dropped and counted, once; what was to be changed reads as before."""
        rig, func = self.w.rig, self.b.place.func
        read = t.access == "read"
        counter = rig.dut.st_foreign_rd if read else rig.dut.st_foreign
        before = int(counter.value)
        if read:
            told = "all ones" if await rig.rd64(t.addr, func) == (1 << 64) - 1 else "read"
        else:
            kept = await rig.rd32(t.addr)
            await rig.wr32(t.addr, t.value, func)
            await rig.cycles(SETTLE)
            told = "dropped" if await rig.rd32(t.addr) == kept else "written"
        await rig.cycles(SETTLE)
        count = int(counter.value) - before
        return f"{told}, {'counted' if count == 1 else f'counted {count} times'}"

    async def _value(self, t: Try) -> str:
        """The kernel waits for an event; reading the error log lets the next one through."""
        w, k, q = self.w, self.w.kernel, self.b.pair
        value = {-1: q.tail, -2: (q.head + 1) % (q.size + 1)}.get(t.value, t.value)
        waiting = NvmeSqe(opc=NvmeAdminOp.ASYNC_EVENT)
        await k.put(k.admin, waiting)
        await k.ring(k.admin)
        await w.rig.wr32(t.addr, value, q.func)
        try:
            event = (await k.wait(k.admin, [waiting.cid], limit=WAIT))[0]
        except NoProgress:
            return "taken"
        await k.log_page(1, 64)
        code = event.dw0 >> 8 & 0xFF
        return NvmeAerErr(code).name if event.dw0 & 7 == 0 and code in NvmeAerErr._value2member_map_ else f"event {event.dw0:06X}h"
