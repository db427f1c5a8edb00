# SPDX-License-Identifier: Apache-2.0
"""All of a system test of the NVMe block: hardware, administrative processor, host, what is expected."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import cocotb

from models.layout import NvmeCqe, NvmeIoOp, NvmeSqe
from models.nvme.identify import Identity
from tb.system.nvme.kernel import PAGE, Kernel, Pages, Pair, io
from tb.system.nvme.predict import Expect
from tb.system.nvme.processor import Processor
from tb.system.nvme.rig import NS1, NS2, Rig


class World:
    """`World(dut)`, then `await world.begin()`."""

    def __init__(self, dut: Any) -> None:
        self.rig = Rig(dut)
        self.rng = random.Random(cocotb.RANDOM_SEED)
        p = self.rig.p
        log2 = (p["MDTS_BYTES"] // PAGE).bit_length() - 1
        self.me = Identity(queues=p["QUEUES"], vectors=p["VECTORS"], func_w=p["FUNC_W"], mdts_log2=log2)
        self.namespaces = self.rig.namespaces()
        self.processor = Processor(self.rig, self.namespaces, self.me)
        self.pages = Pages(self.rig, self.rng)
        self.kernel = Kernel(self.rig, self.pages)
        self.expect = Expect(self.rig, self.namespaces)
        self.used: dict[int, list[int]] = {}  # pages of a command that was shaped, by the object's id
        self.foreign = 0  # writes that have to be refused as foreign
        self.hidden: set[int] = set()  # pages that nobody compares: completion queues, data of admin commands

    async def begin(self, *, latency: int = 0, back_pressure: int = 0, fill: bool = True, enable: bool = True, log: bool = False) -> None:
        await self.rig.start(seed=self.rng.getrandbits(31), latency=latency, log=log)
        self.rig.mem.back_pressure(back_pressure)
        self.processor.begin()
        if fill:
            await self.fill()
        if enable:
            await self.kernel.enable()

    async def fill(self) -> None:
        """Random blocks in both namespaces, in memory and model."""
        for ns, base in zip(self.namespaces, (NS1, NS2), strict=False):
            data = self.rng.randbytes(ns.blocks << ns.shift)
            await self.rig.mem.write(base, data)
            ns.write(0, data)

    async def create(self, qid: int, size: int = 31, **more: int) -> Pair:
        return await self.kernel.create(self.kernel.pair(qid, size), **more)

    async def shape(self, op: int, slba: int, blocks: int, nsid: int = 1, *, offset: int | None = None, fill: bool = True,
                    pages_of: Pages | None = None) -> NvmeSqe:
        """A command with data in scattered pages, lists where it takes them; its pages are filled with random bytes first. `pages_of`:
        where they come from, if not from all there are."""
        pool = pages_of or self.pages
        rng, nbytes = self.rng, blocks << self.namespaces[nsid - 1].shift
        offset = rng.randrange(0, PAGE, 4) if offset is None else offset
        pages = pool.take(-(-(offset + nbytes) // PAGE))
        lists = pool.take(1 + len(pages) // 500) if len(pages) > 2 else []
        if lists:
            lists[0] += rng.choice((0, 8 * rng.randrange(512), 8 * (512 - min(512, len(pages) - 1)), PAGE - 8))
            if len(pages) - 1 > (PAGE - lists[0] % PAGE) // 8:
                lists += pool.take(1)
        where = await self.kernel.prps(pages, offset, lists)
        if fill:
            await self.kernel.spread(pages, offset, rng.randbytes(nbytes))
        sqe = io(op, slba, blocks, nsid, **where)
        self.used[id(sqe)] = [p & ~(PAGE - 1) for p in pages + lists]
        return sqe

    async def run(self, q: Pair, sqes: Sequence[NvmeSqe]) -> list[NvmeCqe]:
        """All at once; each as the model says."""
        want = [self.expect.command(q.qid, s) for s in sqes]
        got = await self.kernel.run(q, sqes)
        for cqe, sqe, outcome in zip(got, sqes, want, strict=True):
            self.expect.check(cqe, sqe, outcome)
            self.pages.give(self.used.pop(id(sqe), []))
        return got

    def hide(self, *pairs: Pair) -> set[int]:
        """Pages that are not compared."""
        k = self.kernel
        for q in (k.admin, *pairs):
            self.hidden |= {q.home.cq + PAGE * i for i in range(-(-(q.home.size + 1) * 16 // PAGE))}
        self.hidden |= {k.buffer, k.buffer + PAGE}
        return self.hidden

    async def end(self, *pairs: Pair, least: int = 1) -> None:
        """Memories, rules, something was compared."""
        await self.expect.memories(self.hide(*pairs))
        self.rig.check_rules()
        assert sum(self.expect.seen.values()) >= least, f"{sum(self.expect.seen.values())} commands compared, fewer than {least}"
        foreign = int(self.rig.dut.st_foreign.value)
        assert foreign == self.foreign, f"{foreign} foreign writes, not {self.foreign}"


__all__ = ["NvmeIoOp", "World"]
