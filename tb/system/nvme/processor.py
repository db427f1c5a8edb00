# SPDX-License-Identifier: Apache-2.0
"""The administrative processor: `AdminAgent` behind the mailbox's registers, as firmware would be.

    processor = Processor(rig, namespaces, Identity(queues=4))
    processor.begin()              # a task that serves interrupts until the end of the test

The agent's commands are ordinary calls, so each runs in a thread; what it asks of the hardware (`QueueSetup`, pages of host
memory) comes back as coroutines that take simulation time. Nothing else of the processor runs meanwhile, as on a small CPU.
"""

from __future__ import annotations

import struct
from collections import Counter, deque
from collections.abc import Sequence

import cocotb
from cocotb.task import bridge, resume
from cocotb.triggers import RisingEdge

from models.gen.carillon_mbox import REGS, DrainGoWhat, Event0Kind, reg_addr, reg_field, reg_value
from models.layout import NvmeAerErr, NvmeCqe, NvmeGrant, NvmeRange, NvmeSqe
from models.layout import NvmeStatus as S
from models.nvme.admin import RANGES, AdminAgent, QueueSetup, SetupError
from models.nvme.identify import Identity
from models.nvme.namespace import Namespace
from tb.lib.axil_player import Access
from tb.system.nvme.rig import Rig

PAGE = 4096
SERVED = ("SQE", "EVENT", "CPL", "START", "QUIESCE")
LIMIT = 20_000  # reads of STATUS until something that was asked has to be over


class Processor(QueueSetup):
    """See above."""

    def __init__(self, rig: Rig, namespaces: Sequence[Namespace], me: Identity) -> None:
        self.rig, self.namespaces, self.me = rig, namespaces, me
        self.agent = AdminAgent(me, namespaces, self, self._read, self._write)
        self.out: deque[NvmeCqe] = deque()
        self.seen: Counter = Counter()  # events by kind, starts, ends, commands
        self.fatal = 0
        self.slow = 0  # cycles it takes its time for each command

    # ---- registers
    async def put(self, *writes: tuple) -> None:
        """(name, value) or (name, value, index), in order."""
        await self.rig.mbox.play([Access.wr(reg_addr(w[0], *w[2:]), w[1], strb=0xF) for w in writes], results=False)

    async def get(self, name: str, index: int = 0) -> int:
        return await self.rig.mbox.read(reg_addr(name, index)) & 0xFFFF_FFFF

    async def words(self, name: str, count: int, first: int = 0) -> list[int]:
        got = await self.rig.mbox.play([Access.rd(reg_addr(name, first + i)) for i in range(count)])
        return [r.data & 0xFFFF_FFFF for r in got]

    async def until_clear(self, field: str) -> None:
        for _ in range(LIMIT):
            if not reg_field("STATUS", field, await self.get("STATUS")):
                return
        raise SetupError(f"{field} stays up")

    # ---- life
    def begin(self) -> None:
        self.task = cocotb.start_soon(self.run())

    async def run(self) -> None:
        enable = sum(1 << REGS["IRQ_STATUS"].fields[name].lsb for name in SERVED)
        await self.put(("IRQ_ENABLE", enable))
        while True:
            if not int(self.rig.dut.mbox_irq.value):
                await RisingEdge(self.rig.dut.mbox_irq)
            await self.serve()

    async def serve(self) -> None:
        """One round: what ends first, then answers, an event, a command: who makes events without end delays commands, and does not keep them out."""
        irq = await self.get("IRQ_STATUS")
        up = {name for name in SERVED if reg_field("IRQ_STATUS", name, irq)}
        sticky = up & {"START", "QUIESCE", "CPL"}
        if sticky:
            await self.put(("IRQ_STATUS", sum(1 << REGS["IRQ_STATUS"].fields[n].lsb for n in sticky)))
        if "START" in up:
            await self.started()
        if "QUIESCE" in up:
            await self.quiesce()
            return
        await self.answer()
        if "EVENT" in up:
            await self.event()
        if "SQE" in up:
            await self.command()
        await self.answer()

    async def started(self) -> None:
        """The queues are cleared: defaults, namespaces, go."""
        self.seen["start"] += 1
        self.agent.reset()
        self.out.clear()
        self.fatal = 0
        for i, ns in enumerate(self.namespaces):
            await self.put(
                ("NS_BLOCKS", ns.blocks & 0xFFFF_FFFF, 0), ("NS_BLOCKS", ns.blocks >> 32, 1),
                ("NS_BASE", ns.base & 0xFFFF_FFFF, 0), ("NS_BASE", ns.base >> 32, 1),
                ("NS_GO", reg_value("NS_GO", INDEX=i, VALID=int(ns.valid), SHIFT=ns.shift)),
            )
        await self.put(*(("VECTOR_GO", reg_value("VECTOR_GO", VECTOR=v)) for v in range(self.me.vectors)))  # hardware keeps them
        await self.put(("ARB", self.me.rab), ("COALESCE", 0), ("ANA_CHANGE", 0), ("LIFE", reg_value("LIFE", STARTED=1)))

    async def quiesce(self) -> None:
        """Bring everything to its end: a shutdown executes what was fetched, a reset drops it."""
        status = await self.get("STATUS")
        shut = "SHUT" in REGS["STATUS"].fields and reg_field("STATUS", "SHUT", status)
        self.seen["shutdown" if shut else "reset"] += 1
        if reg_field("STATUS", "START", status):  # left while it started
            await self.put(("LIFE", reg_value("LIFE", STARTED=1)))
        if shut:
            await self.drain(DrainGoWhat.SHUTDOWN)
            while reg_field("STATUS", "SQE", await self.get("STATUS")):
                await self.command()
                await self.answer()
            while self.out and not reg_field("IRQ_STATUS", "QUIESCE", await self.get("IRQ_STATUS")):
                await self.answer()
        else:
            self.out.clear()
            await self.drain(DrainGoWhat.RESET)
            self.agent.reset()
            self.fatal = 0
        await self.put(("LIFE", reg_value("LIFE", QUIET=1, FATAL=self.fatal)))

    # ---- commands, answers, events
    async def command(self) -> None:
        raw = struct.pack("<16I", *await self.words("SQE", 16))
        await self.put(("SQE_POP", 1))
        self.seen["command"] += 1
        await self.rig.cycles(self.slow)
        answer = await bridge(self.agent.submit)(NvmeSqe.unpack(raw))
        self.out += self.agent.take()
        if answer is not None:
            self.out.append(answer)

    async def answer(self) -> None:
        """The oldest answer, if the last one is gone."""
        self.out += self.agent.take()
        if self.out and not reg_field("STATUS", "CPL_BUSY", await self.get("STATUS")):
            e = self.out.popleft()
            await self.put(("CPL_DW0", e.dw0), ("CPL_GO", reg_value("CPL_GO", CID=e.cid, STATUS=e.status, MORE=e.more, DNR=e.dnr)))

    async def event(self) -> None:
        words = [await self.get(f"EVENT{i}") for i in range(5)]
        await self.put(("EVENT_POP", 1))
        f = {n: reg_field("EVENT0", n, words[0]) for n in ("KIND", "QUEUE", "INFO", "FUNC")}
        kind = Event0Kind(f["KIND"])
        self.seen[kind.name] += 1
        if kind == Event0Kind.BAD_DOORBELL:
            self.agent.bad_doorbell(f["QUEUE"], NvmeAerErr(f["INFO"] & 1))
        elif kind == Event0Kind.COMMAND:
            cid, status = reg_field("EVENT1", "CID", words[1]), reg_field("EVENT1", "STATUS", words[1])
            self.agent.io_failed(f["QUEUE"], cid, status, words[2], words[3] | words[4] << 32)
        else:
            self.agent.log_error(f["QUEUE"], 0xFFFF, S.DATA_TRANSFER)
            if f["QUEUE"] == 0:
                await self.fail()

    async def fail(self) -> None:
        self.fatal = 1
        await self.put(("LIFE", reg_value("LIFE", FATAL=1)))

    async def ana(self, mask: int) -> None:
        """Namespaces that change hands, a bit each."""
        await self.put(("ANA_CHANGE", mask))

    # ---- what takes time
    async def drain(self, what: DrainGoWhat, qid: int = 0, status: int = S.SQ_DELETED, drop: int = 0) -> None:
        await self.put(("DRAIN_GO", reg_value("DRAIN_GO", QUEUE=qid, STATUS=status, DROP=drop, WHAT=what)))
        await self.until_clear("DRAIN_BUSY")

    async def _dma(self, addr: int, length: int, to_host: int) -> bool:
        await self.put(("DMA_ADDR", addr & 0xFFFF_FFFF, 0), ("DMA_ADDR", addr >> 32, 1),
                       ("DMA_GO", reg_value("DMA_GO", BYTES=length, TO_HOST=to_host)))
        await self.until_clear("DMA_BUSY")
        return not await self.get("DMA_RESULT")

    async def _from_host(self, addr: int, length: int) -> bytes | None:
        if not await self._dma(addr, length, 0):
            return None
        at = addr % PAGE
        first, last = at // 4, (at + length - 1) // 4
        got = await self.words("PAGE", last - first + 1, first)
        return struct.pack(f"<{len(got)}I", *got)[at % 4 : at % 4 + length]

    async def _to_host(self, addr: int, data: bytes) -> bool:
        at = addr % PAGE
        padded = bytes(at % 4) + data + bytes(-(at + len(data)) % 4)
        words = struct.unpack(f"<{len(padded) // 4}I", padded)
        await self.put(*(("PAGE", w, at // 4 + i) for i, w in enumerate(words)))
        return await self._dma(addr, len(data), 1)

    async def _cfg(self, qid: int, cq: int, valid: int, size: int = 0, base: int = 0, func: int = 0, cqid: int = 0, prio: int = 0,
                   vec: int = 0, ien: int = 0) -> None:
        await self.put(
            ("CFG_QUEUE", reg_value("CFG_QUEUE", QUEUE=qid, CQID=cqid, PRIO=prio, IEN=int(ien), VECTOR=vec)),
            ("CFG_SIZE", reg_value("CFG_SIZE", SIZE=size, FUNC=func)),
            ("CFG_BASE", base & 0xFFFF_FFFF, 0), ("CFG_BASE", base >> 32, 1),
            ("CFG_GO", reg_value("CFG_GO", VALID=valid, CQ=cq)),
        )

    async def _grant(self, qid: int, grant: NvmeGrant, ranges: Sequence[NvmeRange]) -> None:
        word = grant.to_int()
        await self.put(*(("GRANT", word >> 32 * i & 0xFFFF_FFFF, i) for i in range(8)), ("GRANT_GO", qid))
        for n in range(RANGES):
            word = ranges[n].to_int() if n < len(ranges) else 0
            await self.put(*(("RANGE", word >> 32 * i & 0xFFFF_FFFF, i) for i in range(4)),
                           ("RANGE_GO", reg_value("RANGE_GO", QUEUE=qid, INDEX=n)))

    async def _delete(self, sqids: Sequence[int], cqids: Sequence[int], drop: int) -> None:
        for qid in sqids:
            await self.drain(DrainGoWhat.QUEUE, qid, S.SQ_DELETED, drop)
            await self._cfg(qid, 0, 0)
        for qid in cqids:
            await self._cfg(qid, 1, 0)

    async def _abort(self, sqid: int, cid: int) -> bool:
        await self.put(("ABORT_GO", reg_value("ABORT_GO", QUEUE=sqid, CID=cid)))
        await self.until_clear("ABORT_BUSY")
        return bool(await self.get("ABORT_RESULT"))

    # ---- what the agent calls, in its thread
    def _read(self, addr: int, length: int) -> bytes | None:
        return resume(self._from_host)(addr, length)

    def _write(self, addr: int, data: bytes) -> bool:
        return resume(self._to_host)(addr, data)

    def create_cq(self, qid: int, size: int, base: int, func: int, vec: int, ien: bool) -> None:
        resume(self._cfg)(qid, 1, 1, size, base, func, vec=vec, ien=ien)

    def create_sq(self, qid: int, size: int, base: int, func: int, cqid: int, prio: int) -> None:
        resume(self._cfg)(qid, 0, 1, size, base, func, cqid, prio)

    def delete_cq(self, qid: int) -> None:
        resume(self._delete)((), (qid,), 0)

    def delete_sq(self, qid: int) -> None:
        resume(self._delete)((qid,), (), 0)

    def teardown(self, sqids: Sequence[int], cqids: Sequence[int]) -> None:
        resume(self._delete)(sqids, cqids, 1)

    def grant_set(self, qid: int, grant: NvmeGrant, ranges: Sequence[NvmeRange]) -> None:
        resume(self._grant)(qid, grant, ranges)

    def arbitration(self, ab: int, hpw: int, mpw: int, lpw: int) -> None:
        resume(self.put)(("ARB", reg_value("ARB", AB=ab, HPW=hpw, MPW=mpw, LPW=lpw)))

    def coalesce(self, threshold: int, time_100us: int) -> None:
        resume(self.put)(("COALESCE", reg_value("COALESCE", THRESHOLD=threshold, TIME=time_100us)))

    def vector(self, vec: int, coalesce: bool) -> None:
        resume(self.put)(("VECTOR_GO", reg_value("VECTOR_GO", VECTOR=vec, OFF=int(not coalesce))))

    def abort(self, sqid: int, cid: int) -> bool:
        return resume(self._abort)(sqid, cid)
