# SPDX-License-Identifier: Apache-2.0
"""The cocotb side of the NVMe benches: as run_rows.py, on crl_tb_nvme."""

from __future__ import annotations

import json
import os
import random
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

import cocotb
from cocotb.triggers import First, Timer, ValueChange

from models.layout import NvmeCqe, NvmeIoOp, NvmeStatus
from models.nvme.features import Fid
from tb.bench import nvme_hops
from tb.bench.nvme_rows import alone, rate_bound, wait_bound
from tb.bench.watch import Watch
from tb.system.nvme.kernel import Pair, io
from tb.system.nvme.rig import HIGH, NS1, NoProgress
from tb.system.nvme.world import World

CPL_ID = 2  # of the entries' writes; in a node they go with its other data, as the last of a command's
NODE_ID = 1
SIZE = 127  # entries less one of each queue


class Stream:
    """A queue whose entries all stand in memory from the start; software only rings."""

    def __init__(self, w: World, q: Pair, op: NvmeIoOp, s: int, each: int) -> None:
        self.w, self.q, self.op, self.s = w, q, op, s
        self.blocks = s >> 9
        self.left, self.rung, self.seen = each, 0, 0  # commands to ring for, rung for, ended
        self.head_told = 0
        self.places: list[tuple[int, int]] = []  # (memory, first block) of each slot

    async def prepare(self, at: int, block: int, room: int) -> None:
        """Slot i uses memory at + i * S and blocks from block + i * S / 512, over `room` places."""
        raw = b""
        for i in range(self.q.size + 1):
            place = (at + (i % room) * self.s, block + (i % room) * self.blocks)
            self.places.append(place)
            raw += io(self.op, place[1], self.blocks, prp1=place[0], cid=i + 1).pack()
        await self.w.rig.mem.write(self.q.sq, raw)

    async def ring(self, depth: int) -> int:
        """As many as may be under way; the cycle of the doorbell."""
        more = min(self.left, depth - (self.rung - self.seen))
        if more <= 0:
            return 0
        self.left -= more
        self.rung += more
        self.q.tail = self.rung % (self.q.size + 1)
        return await self.w.kernel.ring(self.q)

    async def reap(self) -> int:
        """New entries; all have to be good."""
        q = self.q
        raw = await self.w.rig.mem.read(q.cq, (q.size + 1) * NvmeCqe.SIZE)
        count = 0
        while count <= q.size:
            e = NvmeCqe.unpack(raw[16 * q.head : 16 * q.head + 16])
            if e.phase != q.phase:
                break
            assert e.status == NvmeStatus.SUCCESS and e.sqid == q.qid, e
            q.head = (q.head + 1) % (q.size + 1)
            q.phase ^= q.head == 0
            count += 1
        self.seen += count
        return count

    async def free(self, least: int) -> None:
        """Tell the head, if that many entries are not told yet."""
        if self.seen - self.head_told >= least:
            self.head_told = self.seen
            await self.w.rig.wr32(self.w.kernel.doorbell(self.q.qid, True), self.q.head)


async def streams(w: World, c: dict, each: int, sizes: Sequence[int] = ()) -> list[Stream]:
    """Queues, data in memory and namespace; every stream has places of its own, fewer with many queues."""
    op = NvmeIoOp[c["op"]]
    count = len(sizes) or c.get("queues", 1)
    data = w.rng.randbytes(w.rig.window)
    await w.rig.mem.write(NS1 if op == NvmeIoOp.READ else HIGH, data)
    await w.rig.mem.fill(HIGH if op == NvmeIoOp.READ else NS1, w.rig.window)
    room = min(SIZE + 1, w.rig.window // count // c["s"])
    out = []
    for i in range(count):
        s = Stream(w, await w.create(i + 1, sizes[i] if sizes else SIZE, vec=1 + i % 7), op, c["s"], each)
        await s.prepare(HIGH + i * room * c["s"], i * room * (c["s"] >> 9), room)
        out.append(s)
    return out


async def check_data(w: World, todo: list[Stream]) -> None:
    memory, blocks = await w.rig.mem.read(HIGH, w.rig.window), await w.rig.mem.read(NS1, w.rig.window)
    compared = 0
    for s in todo:
        for at, block in s.places[: min(s.rung, s.q.size + 1)]:
            a, b = memory[at - HIGH :][: s.s], blocks[block << 9 :][: s.s]
            assert a == b and any(a), f"queue {s.q.qid}: block {block} and memory {at:#x} differ"
            compared += 1
    assert compared


async def go(w: World, todo: list[Stream], depth: int) -> int:
    """Until all have ended; cycles from the first doorbell to the last B."""
    mem, posted = w.rig.mem, w.rig.dut.st_posted
    await mem.clear_counters()
    start = 0
    for s in todo:
        at = await s.ring(depth)
        start = start or at
    quiet = 0
    while any(s.seen < s.rung or s.left for s in todo):
        before = int(posted.value)
        got = 0
        for s in todo:
            if await s.reap():
                got += 1
                await s.ring(depth)
                await s.free(48)
        if not got and int(posted.value) == before:
            await w.rig.entry_or(5000)
            quiet += 1
            if quiet > 5000:
                raise NoProgress("no entries")
    end = mem.get("mk_b") >> 64 * (NODE_ID if w.rig.p["NODE"] else CPL_ID) & (1 << 64) - 1
    for s in todo:
        await s.free(1)
    return end - start


async def nvme_rate(w: World, c: dict) -> tuple[int, int, dict]:
    todo = await streams(w, c, c["n"] // c["queues"])
    await w.rig.cycles(200)
    cycles = await go(w, todo, c["depth"])
    extra = {"cycles_per_command": round(cycles / c["n"], 2), "r_wait": w.rig.mem.get("st_r_wait"), "w_gap": w.rig.mem.get("st_w_gap"),
             "payload": round(100 * c["n"] * c["s"] / (c["data_w"] // 8) / cycles, 1)}
    await check_data(w, todo)
    return cycles, rate_bound(c), extra


async def nvme_latency(w: World, c: dict) -> tuple[int, int, dict]:
    stream = (await streams(w, c, 0))[0]
    took = []
    for _ in range(16):
        await w.rig.cycles(300)
        stream.left = 1
        took.append(await go(w, [stream], 1))
    await check_data(w, [stream])
    return max(took), alone(c), {"beyond": max(took) - 4 * c["latency"], "typical": sorted(took)[8]}


async def nvme_wait(w: World, c: dict) -> tuple[int, int, dict]:
    await w.kernel.set_feature(Fid.ARBITRATION, c["ab"])
    crowd, lone = await streams(w, c, 0, (c["waiting"] + 23, SIZE))
    event = w.rig.dut.st_irq[2]  # of lone's vector
    crowd.left = c["waiting"]
    await w.rig.cycles(200)
    await crowd.ring(c["waiting"])
    took = []
    while True:
        await w.rig.cycles(w.rng.randrange(1, 200))
        lone.left = 1
        seen = int(event.value)
        start = await lone.ring(1)
        if int(event.value) == seen:
            await First(ValueChange(event), Timer(wait_bound(c) * 20 * w.rig.period, "ps"))
        at = w.rig.cycle
        assert await lone.reap() == 1, "no entry"
        if await crowd.reap() == 0:  # nobody waits any more
            break
        took.append(at - start)
        await lone.free(48)
    assert crowd.seen == crowd.rung and len(took) >= 3, f"{crowd.seen} of {crowd.rung}, {len(took)} measured"
    await check_data(w, [crowd, lone])
    return max(took), wait_bound(c), {"measured": len(took), "typical": sorted(took)[len(took) // 2]}


async def nvme_node(w: World, c: dict) -> tuple[int, int, dict]:
    return await (nvme_latency if c["depth"] == 1 else nvme_rate)(w, c)


async def hops(w: World, c: dict) -> tuple[int, int, dict]:
    dut = w.rig.dut
    stream = (await streams(w, c, 0))[0]
    watch = Watch(dut, c, nvme_hops.HOPS, nvme_hops.part, dut.clk, dut.cycle)
    for n in range(4):
        await w.rig.cycles(300)
        stream.left = 1
        if n == 3:
            watch.begin()
        cycles = await go(w, [stream], 1)
    watch.end()
    await check_data(w, [stream])
    assert watch.hops[-1] == cycles, f"the hops end elsewhere: {watch.hops}, not {cycles}"
    return cycles, nvme_hops.budget(c), {"above_the_parts": cycles - nvme_hops.budget(c) + 24, "hops": watch.hops}


BENCHES = {"nvme_rate": nvme_rate, "nvme_latency": nvme_latency, "nvme_wait": nvme_wait, "nvme_hops": hops, "nvme_node": nvme_node}


@cocotb.test()
async def rows(dut):
    """*Stimulus*: the rows of CRL_BENCH_ROWS. *Checking*: data of all places, statuses, AXI rules; a row that fails is reported as such and
    the next one runs."""
    todo = json.loads(Path(os.environ["CRL_BENCH_ROWS"]).read_text())
    failed = []
    w = None
    with (Path(os.environ["CRL_RUN_DIR"]) / "rows.jsonl").open("w") as out:
        for entry in todo:
            if w:
                w.processor.task.cancel()
            w = World(dut)
            w.rng = random.Random(f"{os.environ['CRL_SEED']} {entry['name']}")
            started, at = time.monotonic(), w.rig.cycle
            result = {"bench": entry["bench"], "config": entry["config"]}
            try:
                w.rig.mem.quiet()
                await w.begin(latency=entry["config"]["latency"], fill=False)
                cycles, bound, extra = await BENCHES[entry["bench"]](w, entry["config"])
                w.rig.check_rules()
                result.update(cycles=cycles, bound=bound, ratio=round(cycles / bound, 4), extra=extra)
            except Exception as exc:  # reported per row
                failed.append(entry["name"])
                result.update(cycles=None, bound=None, ratio=None,
                              extra={"error": f"{type(exc).__name__}: {exc}", "trace": traceback.format_exc(limit=-3)})
            seconds = time.monotonic() - started
            result["extra"]["seconds"] = round(seconds, 2)
            result["extra"]["cycles_per_second"] = int((w.rig.cycle - at) / max(seconds, 1e-3))
            print(json.dumps(result), file=out, flush=True)
            print(f"{entry['name']}: {result['cycles']} / {result['bound']} = {result['ratio']} {result['extra']}", flush=True)
            await Timer(100, "ns")
    assert not failed, f"{len(failed)} rows failed: {failed[:5]}"
