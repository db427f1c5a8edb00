# SPDX-License-Identifier: Apache-2.0
"""Two applications and a kernel at one NVMe block; one of the applications is hostile. What has to hold for the others, and how it is judged.

    scene = Scene(dut, 300)            # hostile commands
    await scene.run()
    report = await judge(scene)        # of tb.system.nvme.judge

While it runs, the well-behaved application and the kernel compare status and data of each command with models/nvme. Afterwards the log
of the memory is judged: by the watcher, by what the hostile commands may end with, by the latency bounds of the others'.
"""

from __future__ import annotations

import random
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import cocotb
from cocotb.triggers import Combine
from cocotb.utils import get_sim_time

from models.layout import NvmeAdminOp, NvmeCqe, NvmeIoOp, NvmeSqe, NvmeStatus
from models.nvme import commands, identify, prp
from models.nvme.check import Grant, check
from models.nvme.commands import NEEDS_RIGHT
from tb.system.nvme.attacks import CIDS
from tb.system.nvme.clients import Client
from tb.system.nvme.hostile import Hostile
from tb.system.nvme.kernel import PAGE, PATIENCE, Kernel, Pair, io
from tb.system.nvme.rig import NoProgress, Rig
from tb.system.nvme.timing import Timed
from tb.system.nvme.verdicts import Life
from tb.system.nvme.watch import Watch
from tb.system.nvme.world import World

GOOD, BAD = 3, 7  # functions
GOOD_QUEUE, BAD_QUEUES, KERNEL_QUEUE = 1, (2, 3), 4
EVENT_CID = 0xF001
OPS = (NvmeIoOp.READ, NvmeIoOp.READ, NvmeIoOp.WRITE, NvmeIoOp.WRITE, NvmeIoOp.COMPARE, NvmeIoOp.VERIFY, NvmeIoOp.WRITE_ZEROES)


class TimedKernel(Kernel):
    """Notes when each admin command was rung."""

    def __init__(self, rig: Rig, pages: Any) -> None:
        super().__init__(rig, pages)
        self.timed: list[Timed] = []
        self.quiet = True

    async def cmd(self, op: int, *, drains: int = 0, bursts: int = 1, **fields: int) -> NvmeCqe:
        fields.setdefault("prp1", self.buffer)
        fields.setdefault("prp2", (fields["prp1"] & ~0xFFF) + PAGE)
        sqe = NvmeSqe(opc=op, **fields)
        await self.put(self.admin, sqe)
        t = moment(await self.ring(self.admin), self.rig)
        self.timed.append(Timed(0, sqe.cid, t, NvmeAdminOp(op).name, bursts, drains, self.quiet))
        return (await self.wait(self.admin, [sqe.cid]))[0]


def moment(cycle: int, rig: Rig) -> int:
    """The time of a clock edge."""
    return cycle * rig.period + rig.period // 2


class Scene:
    """See above."""

    def __init__(self, dut: Any, count: int) -> None:
        self.w = w = World(dut)
        self.count = count
        self.rng = random.Random(w.rng.getrandbits(32))
        w.kernel = TimedKernel(w.rig, w.pages)
        self.latency, self.pressure = self.rng.choice((0, 5, 20, 50)), self.rng.choice((0, 0, 0, 40))
        self.watch = Watch(w.rig.p["DATA_W"] // 8, lambda: int(get_sim_time("ps")))
        self.lives: list[Life] = []
        self.timed: list[Timed] = []
        self.done = False
        self.failures: list[Exception] = []  # of those at work: a hole may break their rings before the judge has spoken
        self._read = self._count = 0  # of the log

    # ---- set-up
    async def begin(self) -> None:
        w, k, watch = self.w, self.w.kernel, self.watch
        w.rig.entry_or = lambda cycles: w.rig.cycles(min(cycles, 300))  # not at every entry of anybody
        await w.begin(latency=self.latency, back_pressure=self.pressure, log=True)
        for base in (k.buffer, k.buffer + PAGE):
            watch.allow(0, base, PAGE, read=True, write=True, name="data of admin commands")
        self._queue(k.admin, 0)
        self.good = Client(w, GOOD_QUEUE, 5, GOOD, 1, 0, 256)
        await self.good.set_up(vec=1)
        self._queue(self.good.pair, 1)
        self.mine = KernelClient(w, KERNEL_QUEUE, 0, 0, 2, 0, 128)
        await self.mine.set_up(vec=3)
        self._queue(self.mine.pair, 1)
        others = [self.good.data, self.good.data + PAGE, self.good.source, self.good.lists, self.good.pair.sq, self.good.pair.cq,
                  k.admin.sq, k.admin.cq, k.buffer, self.mine.data, self.mine.pair.sq, self.mine.pair.cq, *k.pages.left[:3]]
        self.bad = Hostile(w, watch, BAD, 512, 40, BAD_QUEUES, others)
        w.expect.torn.append(commands.Outcome(torn_blocks=(512, 40)))
        w.hide(self.good.pair, self.mine.pair)

    def _queue(self, q: Pair, ranges: int) -> None:
        self.watch.sq(q.func, q.sq, q.size, f"queue {q.qid}")
        self.watch.cq(q.func, q.cq, q.size, f"queue {q.qid}")
        grant, places = self.w.expect.grants.get(q.qid, self.w.expect.full) if q.qid else (Grant(), [])
        self.lives.append(Life(q.qid, q.func, q.sq, q.cq, q.size, q.size, grant, places, 0, 0))

    async def fetched(self) -> int:
        """Hostile commands that the log has up to here."""
        mem = self.w.rig.mem
        await mem.log_flush()
        with Path(f"{mem.name}_log.txt").open() as log:
            log.seek(self._read)
            for line in iter(log.readline, ""):
                if not line.endswith("\n"):
                    break
                self._read = log.tell()
                if line[0] == "R":
                    f = line.split(None, 10)
                    if int(f[7], 16) & ~0xFFF in self.bad.sq:
                        self._count += -(-(int(f[8]) + 1) * self.watch.bus // 64)
        return self._count

    # ---- who is at work
    async def run(self) -> None:
        await self.begin()
        await self._alone()
        await self.bad.live()
        work = [self._application(self.good, 500), self._application(self.mine, 2500), self.bad.run()]
        tasks = [cocotb.start_soon(self._guarded(w)) for w in work]
        await self._guarded(self._kernel())
        self.done = self.bad.done = True
        await Combine(*tasks)
        await self.w.rig.mem.log_close()

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as exc:
            self.failures.append(exc)

    async def _alone(self) -> None:
        """Each admin command with nobody else there: how long it takes."""
        k = self.w.kernel
        for how in ("delete", "teardown"):
            await self.bad.live()
            await self.bad.die(how)
            for step in self._errands():
                await step()
        k.quiet = False

    async def _application(self, c: Client, pause: int) -> None:
        """Batches of commands, each compared; what the watcher lets pass for them."""
        w, k, rng = self.w, self.w.kernel, random.Random(self.w.rng.getrandbits(32))
        shift = w.namespaces[c.nsid - 1].shift
        while not self.done:
            sqes = []
            for i in range(rng.randint(1, 6)):
                op, blocks = rng.choice(OPS), rng.choice((1, 3, 8, 16) if shift == 9 else (1, 2))
                sqes.append(await c.command(op, i, blocks) if op in NEEDS_RIGHT else io(op, c.slba + i * 16, blocks, c.nsid))
            want = [w.expect.command(c.qid, s) for s in sqes]
            await k.put(c.pair, *sqes)
            t = moment(await k.ring(c.pair), w.rig)
            for at, sqe in enumerate(sqes):
                self.timed.append(Timed(c.qid, sqe.cid, t, "application" if c.func else "kernel I/O", 0, 0, at=at))
                self._footprint(c, sqe, t)
            since = w.rig.cycle
            while not all(s.cid in c.pair.ended for s in sqes):
                await w.rig.cycles(rng.choice((100, 300)))
                await k.poll(c.pair)
                if w.rig.cycle - since > PATIENCE:
                    raise NoProgress(f"[stuck] queue {c.qid}: no entry for {[s.cid for s in sqes if s.cid not in c.pair.ended]}")
            for sqe, outcome in zip(sqes, want, strict=True):
                w.expect.check(c.pair.ended.pop(sqe.cid), sqe, outcome)
            await w.rig.cycles(rng.randrange(pause))

    def _footprint(self, c: Client, sqe: NvmeSqe, t: int) -> None:
        """What this command may touch, from its doorbell to its entry."""
        w, watch = self.w, self.watch
        grant, ranges = w.expect.grants.get(c.qid, w.expect.full)
        v = check(sqe, grant, [n.checked() for n in w.namespaces], w.rig.p["MDTS_BYTES"])
        name = f"data of queue {c.qid} CID {sqe.cid}"
        places = [watch.allow(0, v.addr, v.span, read=sqe.opc not in (NvmeIoOp.WRITE, NvmeIoOp.WRITE_ZEROES),
                              write=sqe.opc in (NvmeIoOp.WRITE, NvmeIoOp.WRITE_ZEROES), since=t, name=name)]
        if v.nbytes:
            walked = prp.walk(sqe.prp1, sqe.prp2, v.nbytes, ranges, NEEDS_RIGHT[sqe.opc], w.expect.host.entry)
            for p in walked.pieces:
                places.append(watch.allow(c.func, p.addr, p.length, read=sqe.opc != NvmeIoOp.READ, write=sqe.opc == NvmeIoOp.READ, since=t, name=name))
            places += [watch.allow(c.func, at, n, read=True, since=t, name=name) for at, n in prp.bursts(walked.reads)]
        watch.until(places, c.pair.cq, sqe.cid)

    def _errands(self) -> list[Any]:
        """Admin commands that have nothing to do with the hostile application; their answers are compared."""
        w, k = self.w, self.w.kernel

        async def controller() -> None:
            assert (await k.cmd(NvmeAdminOp.IDENTIFY, cdw10=1, bursts=9)).status == NvmeStatus.SUCCESS
            assert await k.data() == identify.controller(w.me, len(w.namespaces)), "[data] Identify"

        async def namespace() -> None:
            assert (await k.cmd(NvmeAdminOp.IDENTIFY, nsid=1, bursts=9)).status == NvmeStatus.SUCCESS
            assert await k.data() == identify.namespace(w.namespaces[0]), "[data] Identify"

        async def features() -> None:
            cqe = await k.cmd(NvmeAdminOp.GET_FEATURES, cdw10=7)
            assert cqe.status == NvmeStatus.SUCCESS and cqe.dw0 == (w.me.queues - 1) * 0x10001, cqe

        async def log() -> None:
            assert (await k.cmd(NvmeAdminOp.GET_LOG_PAGE, cdw10=(1024 // 4 - 1) << 16 | 1, nsid=identify.ALL, bursts=9)).status == NvmeStatus.SUCCESS

        async def abort() -> None:
            for life in self.bad.alive:
                life.aborts = True
            qid = self.rng.choice(BAD_QUEUES)
            cqe = await k.cmd(NvmeAdminOp.ABORT, cdw10=self.rng.randrange(1, CIDS + 1) << 16 | qid)
            assert cqe.status == NvmeStatus.SUCCESS, cqe

        return [controller, namespace, features, log, abort]

    async def _kernel(self) -> None:
        """Errands, and the ends and beginnings of the hostile application's queues."""
        w, k, bad, rng = self.w, self.w.kernel, self.bad, self.rng
        await k.put(k.admin, NvmeSqe(opc=NvmeAdminOp.ASYNC_EVENT, cid=EVENT_CID))
        await k.ring(k.admin)
        told, ends = 0, ["teardown", "wrong order", "delete"]
        while not self.failures and (await self.fetched() < self.count or len(bad.lives) < 12):
            end = bad.ended + rng.choice((5, 40, 120, 200, 300))
            while bad.ended < end and not self.failures:
                await rng.choice(self._errands())()
                if EVENT_CID in k.admin.ended:
                    event = k.admin.ended.pop(EVENT_CID)
                    assert event.dw0 & 0xFF00FF == 0x010000, f"{event.dw0:#x}"
                    told += 1
                    await self._errands()[3]()
                    await k.put(k.admin, NvmeSqe(opc=NvmeAdminOp.ASYNC_EVENT, cid=EVENT_CID))
                    await k.ring(k.admin)
                await w.rig.cycles(rng.choice((100, 1000, 3000)))
            bad.state = "wild"
            await w.rig.cycles(rng.choice((0, 100, 400, 1000)))
            how = ends.pop() if ends else rng.choice(("teardown", "teardown", "delete", "wrong order"))
            await bad.die(how)
            await bad.live()
        assert told or self.failures, "no event told of a refused doorbell"


class KernelClient(Client):
    """The kernel's own I/O queue: no grant is set for it, so it has all rights."""

    async def set_up(self, vec: int = 0) -> Pair:
        await self.w.kernel.create(self.pair, vec)
        return self.pair


__all__ = ["BAD", "BAD_QUEUES", "GOOD", "GOOD_QUEUE", "KERNEL_QUEUE", "Scene"]
