# SPDX-License-Identifier: Apache-2.0
"""An application in the simulation: it writes commands into its own submission queue and rings its own doorbell page.

The kernel is asked once, in `set_up`. Each command's outcome is held against models/nvme when its entry comes; what differs is told in
`complaints`, so that the demonstration can show it.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from models.layout import NvmeIoOp, NvmeSqe, NvmeStatus
from models.nvme.prp import PRP_LIST, QUEUE, SINK, SOURCE
from tb.system.nvme.kernel import PATIENCE, grant_bytes, io
from tb.system.nvme.rig import NoProgress
from tb.system.nvme.world import World
from tools.demo.queues.plan import BLOCK, NSID, PAGE, QUEUE_SIZE, SLOT_PAGES, Place

GRANTED = sum(1 << op for op in NvmeIoOp if op != NvmeIoOp.COMPARE)
OLD = 0xE7E6_E5E4_E3E2_E1E0  # what a Read finds where its data go


@dataclass
class Command:
    """One that was published; `rung` is the cycle of its doorbell."""

    app: str
    op: str
    cid: int
    slba: int
    blocks: int
    honest: bool
    rung: int = 0
    status: int = -1


class App:
    """See above. Memory: both queues, data (a slot a command, and a spare one), a page that may only be read, lists."""

    def __init__(self, w: World, place: Place, seed: int) -> None:
        self.w, self.place = w, place
        self.rng = random.Random(f"{seed}{place.name}")
        k = w.kernel
        pages = (place.slots + 1) * SLOT_PAGES
        self.data, self.source, self.lists = k.pages.run(pages), k.pages.run(1), k.pages.run(1)
        self.spare = self.data + place.slots * SLOT_PAGES * PAGE
        self.pair = k.pair(place.qid, QUEUE_SIZE, place.func)
        self.ranges = [
            (self.pair.sq, -(-(QUEUE_SIZE + 1) * NvmeSqe.SIZE // PAGE), QUEUE), (self.pair.cq, 1, QUEUE),
            (self.data, pages, SOURCE | SINK), (self.source, 1, SOURCE), (self.lists, 1, PRP_LIST),
        ]
        self.raw = grant_bytes(place.owner, place.func, NSID, place.slba, place.nlb, self.ranges, GRANTED)
        self.commands: list[Command] = []  # as published
        self.complaints: list[str] = []

    async def set_up(self) -> None:
        """What the kernel half does: a grant, then both queues. The vector is the queue's number."""
        k, p = self.w.kernel, self.place
        cqe = await k.grant(p.qid, self.raw)
        assert cqe.status == NvmeStatus.SUCCESS, NvmeStatus(cqe.status).name
        self.w.expect.grant(p.qid, self.raw)
        await k.create(self.pair, p.qid)
        self.w.hide(self.pair)

    def note(self, sqe: NvmeSqe, honest: bool = True) -> Command:
        """Put into the books, behind `put`: now it has a CID."""
        name = NvmeIoOp(sqe.opc).name if sqe.opc in NvmeIoOp._value2member_map_ else f"{sqe.opc:02X}h"
        self.commands.append(Command(self.place.name, name, sqe.cid, sqe.cdw10 | sqe.cdw11 << 32, (sqe.cdw12 & 0xFFFF) + 1, honest))
        return self.commands[-1]

    def explain(self, cqe, sqe: NvmeSqe, outcome) -> None:
        """As the model says?"""
        try:
            self.w.expect.check(cqe, sqe, outcome)
        except AssertionError as exc:
            self.complaints.append(f"{self.place.name}: {exc}"[:200])

    async def carry_out(self, op: NvmeIoOp, pieces: list[tuple[int, int]], image: bytearray, done: Callable[[int], None] = lambda blocks: None) -> None:
        """All pieces, as many at a time as there are slots: Write takes its blocks from `image`, Read puts them there."""
        w, k, q = self.w, self.w.kernel, self.pair
        waiting, free = deque(pieces), deque(range(self.place.slots))
        out: dict[int, tuple] = {}
        since = w.rig.cycle
        while waiting or out:
            fresh: list[Command] = []
            while waiting and free and q.free:
                (first, count), slot = waiting.popleft(), free.popleft()
                sqe, at = await self._prepare(op, first, count, slot, image)
                outcome = w.expect.command(q.qid, sqe)
                await k.put(q, sqe)
                fresh.append(self.note(sqe))
                out[sqe.cid] = sqe, outcome, fresh[-1], first, slot, at
            if fresh:
                rung = await k.ring(q)
                for command in fresh:
                    command.rung = rung
            await k.poll(q)
            for cid in [c for c in out if c in q.ended]:
                sqe, outcome, command, first, slot, at = out.pop(cid)
                cqe = q.ended.pop(cid)
                command.status = cqe.status
                self.explain(cqe, sqe, outcome)
                if op == NvmeIoOp.READ and cqe.status == NvmeStatus.SUCCESS:
                    image[first * BLOCK : (first + command.blocks) * BLOCK] = await w.rig.mem.read(at, command.blocks * BLOCK)
                free.append(slot)
                done(command.blocks)
                since = w.rig.cycle
            if w.rig.cycle - since > PATIENCE:
                raise NoProgress(f"application {self.place.name}: no entry for {len(out)} commands")
            if not (waiting and free and q.free):
                await w.rig.entry_or(400)

    async def _prepare(self, op: NvmeIoOp, first: int, count: int, slot: int, image: bytearray) -> tuple[NvmeSqe, int]:
        """The command, and where its data lie: at a multiple of 64 bytes in the first page of its slot."""
        k, base = self.w.kernel, self.data + SLOT_PAGES * PAGE * slot
        offset, nbytes = 64 * self.rng.randrange(PAGE // 64), count * BLOCK
        pages = [base + PAGE * i for i in range(-(-(offset + nbytes) // PAGE))]
        where = await k.prps(pages, offset, [self.lists + 64 * slot])
        if op == NvmeIoOp.WRITE:
            await k.mem.write(base + offset, bytes(image[first * BLOCK :][:nbytes]))
        else:
            await k.mem.fill(base, SLOT_PAGES * PAGE, OLD)
        return io(op, self.place.slba + first, count, NSID, **where), base + offset
