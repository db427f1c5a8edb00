# SPDX-License-Identifier: Apache-2.0
"""A client of the NVMe block: an application with a queue pair, memory and blocks of its own, and no more rights than these."""

from __future__ import annotations

import random

from models.layout import NvmeIoOp, NvmeSqe, NvmeStatus
from models.nvme.admin import OPCODES
from models.nvme.prp import PRP_LIST, QUEUE, SINK, SOURCE
from tb.system.nvme.kernel import PAGE, Pair, grant_bytes, io
from tb.system.nvme.world import World

DATA_PAGES = 24


class Client:
    """Owner tag, function, blocks [slba, slba + nlb) of a namespace; memory: queues, data both ways, data that may only be read, lists."""

    def __init__(self, w: World, qid: int, owner: int, func: int, nsid: int, slba: int, nlb: int, *, size: int = 31, opcodes: int = OPCODES) -> None:
        self.w, self.qid, self.owner, self.func = w, qid, owner, func
        self.nsid, self.slba, self.nlb, self.opcodes = nsid, slba, nlb, opcodes
        self.rng = random.Random(w.rng.getrandbits(32))
        k = w.kernel
        self.data, self.source, self.lists = k.pages.run(DATA_PAGES), k.pages.run(2), k.pages.run(1)
        self.pair: Pair = k.pair(qid, size, func)
        sq_pages = -(-(size + 1) * 64 // PAGE)
        self.ranges = [
            (self.pair.sq, sq_pages, QUEUE), (self.pair.cq, 1, QUEUE), (self.data, DATA_PAGES, SOURCE | SINK),
            (self.source, 2, SOURCE), (self.lists, 1, PRP_LIST),
        ]
        self.raw = grant_bytes(owner, func, nsid, slba, nlb, self.ranges, opcodes)

    async def set_up(self, vec: int = 0) -> Pair:
        cqe = await self.w.kernel.grant(self.qid, self.raw)
        assert cqe.status == NvmeStatus.SUCCESS, NvmeStatus(cqe.status).name
        self.w.expect.grant(self.qid, self.raw)
        await self.w.kernel.create(self.pair, vec)
        self.w.hide(self.pair)
        return self.pair

    def may_touch(self, addr: int, length: int) -> bool:
        return any(base <= addr and addr + length <= base + pages * PAGE for base, pages, _ in self.ranges)

    async def command(self, op: int, place: int, blocks: int) -> NvmeSqe:
        """One that is allowed: `place` of the client's memory (in pages, of up to 4) and blocks, as many as fit there."""
        w = self.w
        slba = self.slba + place * 16 % max(1, self.nlb - blocks)
        nbytes = blocks << w.namespaces[self.nsid - 1].shift
        base = self.data + PAGE * (4 * place % DATA_PAGES)
        pages = [base + PAGE * i for i in range(-(-nbytes // PAGE))]
        lists = [self.lists + 64 * place] if len(pages) > 2 else []
        where = await w.kernel.prps(pages, 0, lists)
        return io(op, slba, blocks, self.nsid, **where)

    async def work(self, rounds: int, each: int = 6) -> None:
        """Batches of Reads and Writes, each of the places once."""
        for _ in range(rounds):
            sqes = [
                await self.command(self.rng.choice((NvmeIoOp.READ, NvmeIoOp.WRITE)), i, self.rng.choice((1, 3, 8, 16) if self.nsid == 1 else (1, 2)))
                for i in range(each)
            ]
            await self.w.run(self.pair, sqes)
