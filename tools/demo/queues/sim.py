# SPDX-License-Identifier: Apache-2.0
"""The second act inside the simulation: a kernel, application A that moves the file, application B that works and misbehaves.

A writes its part of the file to its blocks, in commands of any size and order, and reads them back, cut in another way. Meanwhile
B writes and reads blocks of its own, and in between makes its attempts, spread over A's work. Measurements are not taken here: the memory's
log has every burst.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
from dataclasses import asdict
from pathlib import Path

import cocotb
from cocotb.triggers import gather

from models.layout import NvmeIoOp
from tb.lib.recorder import now
from tb.system.nvme.rig import NS1, NS2
from tb.system.nvme.world import World
from tools.demo.queues import plan
from tools.demo.queues.apps import App
from tools.demo.queues.plan import BLOCK, HONEST, MEM_LATENCY
from tools.demo.queues.tries import DENIED, Culprit, Done

ERROR_LOG = 1
LOG_ENTRIES = 16


class Act:
    """See above."""

    def __init__(self, dut, job: dict) -> None:
        self.seed, self.short = job["seed"], job["short"]
        self.part = Path(job["file"]).read_bytes()[: job["size"]]
        self.out = Path(os.environ["CRL_RUN_DIR"])
        self.w = World(dut)
        self.moved = 0  # blocks that A has written or read
        self.over = False
        self.tries: list[Done] = []
        self.differing = 0  # of B's blocks
        self.phases: dict[str, tuple[int, int]] = {}
        self.attempts = 0

    async def run(self) -> dict:
        w = self.w
        await w.begin(latency=MEM_LATENCY, log=True)
        self.a, self.b = App(w, plan.A, self.seed), App(w, plan.B, self.seed)
        for app in (self.a, self.b):
            await app.set_up()
        back, _ = await gather(self.good(), self.bad())
        result = await self.books(back)
        (self.out / "result.json").write_text(json.dumps(result))
        return result

    async def good(self) -> bytes:
        """Application A: what it has read back."""
        blocks = plan.blocks_of(len(self.part))
        total = 2 * blocks

        def done(count: int) -> None:
            self.moved += count
            self.tell(self.moved / total)

        image, back = bytearray(self.part.ljust(blocks * BLOCK, b"\0")), bytearray(blocks * BLOCK)
        rng = random.Random(self.seed)
        for op, data in ((NvmeIoOp.WRITE, image), (NvmeIoOp.READ, back)):
            begin = now()
            await self.a.carry_out(op, plan.cut(blocks, rng), data, done)
            self.phases[op.name] = begin, now()
        self.over = True
        return bytes(back)

    async def bad(self) -> None:
        """Application B: an attempt each time that A has got further by as much, honest work before every third and while there is time."""
        culprit = Culprit(self.w, self.a, self.b)
        attempts = await culprit.attempts(self.short)
        share = 2 * plan.blocks_of(len(self.part)) / len(attempts)
        for n, attempt in enumerate(attempts):
            if n % 3 == 0:
                await self.honest()
            while not self.over and self.moved < n * share:
                await self.honest()
            self.tries.append(await culprit.carry_out(attempt))
            self.attempts += 1
        await self.honest()

    async def honest(self) -> None:
        """Some of B's blocks, written and read back."""
        b = self.b
        counts = [b.rng.choice((1, 2, 4, 8)) for _ in range(HONEST // 2)]
        first = b.rng.randrange(b.place.nlb - sum(counts))
        pieces = [(first + sum(counts[:i]), n) for i, n in enumerate(counts)]
        image = bytearray(b.place.nlb * BLOCK)
        span = slice(first * BLOCK, (first + sum(counts)) * BLOCK)
        image[span] = b.rng.randbytes(sum(counts) * BLOCK)
        back = bytearray(len(image))
        await b.carry_out(NvmeIoOp.WRITE, pieces, image)
        await b.carry_out(NvmeIoOp.READ, pieces, back)
        self.differing += back[span] != image[span]

    async def books(self, back: bytes) -> dict:
        """What the report needs, and the models' last word: all of memory."""
        w, a, b = self.w, self.a, self.b
        complaints = a.complaints + b.complaints
        pages = 0
        log = await self.error_log()
        try:
            pages = await w.expect.memories(w.hide(a.pair, b.pair))
            w.rig.check_rules()
        except AssertionError as exc:
            complaints.append(str(exc))
        end = now()
        await w.rig.mem.log_close()
        part = back[: len(self.part)]
        return {
            "size": len(self.part), "sha256_sent": hashlib.sha256(self.part).hexdigest(), "sha256_back": hashlib.sha256(part).hexdigest(),
            "differing": self.differing, "commands": [asdict(c) for c in a.commands + b.commands], "tries": [t.facts() for t in self.tries],
            "apps": [self.facts(app) for app in (a, b)], "phases": self.phases, "end_ps": end, "complaints": complaints,
            "explained": sum(w.expect.seen.values()), "compared": pages, "log_queues": log,
            "denied": sum(t.got == DENIED for t in self.tries), "told": w.processor.seen["COMMAND"],
            "namespaces": [[base, ns.blocks << ns.shift] for ns, base in zip(w.namespaces, (NS1, NS2), strict=False)],
        }

    async def error_log(self) -> list[int]:
        """The kernel reads its error log when the processor has taken the last event: queues in it."""
        k = self.w.kernel
        await self.w.rig.cycles(4000)
        await k.log_page(ERROR_LOG, 64 * LOG_ENTRIES)
        raw = await k.data(64 * LOG_ENTRIES)
        return sorted({int.from_bytes(raw[i + 8 : i + 10], "little") for i in range(0, len(raw), 64) if any(raw[i : i + 64])})

    @staticmethod
    def facts(app: App) -> dict:
        p, q = app.place, app.pair
        return {"name": p.name, "qid": p.qid, "func": p.func, "slba": p.slba, "nlb": p.nlb, "sq": q.sq, "cq": q.cq, "entries": q.size + 1,
                "ranges": app.ranges}

    def tell(self, part: float) -> None:
        """For the progress bar."""
        path = self.out / "progress.part"
        path.write_text(json.dumps({"part": part, "us": now() / 1e6, "attempts": self.attempts}))
        path.replace(self.out / "progress.json")


@cocotb.test()
async def share_namespace(dut) -> None:
    """*Stimulus*: two applications with queues of their own share a namespace, one of them misbehaves. *Checking*: each entry by models/nvme, all of
    memory; what is wrong stands in the result, for the report to show."""
    await Act(dut, json.loads(Path(os.environ["CRL_DEMO"]).read_text())).run()
