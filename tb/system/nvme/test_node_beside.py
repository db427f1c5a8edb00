# SPDX-License-Identifier: Apache-2.0
"""The NVMe block beside the rest of a node: who may touch what of BAR0, channels at work, a memory port that stops."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable

import cocotb
import pytest
from cocotb.triggers import Combine

from models.gen.carillon_layout import State, Status, reg_addr, reg_field, reg_value
from models.layout import NvmeIoOp as Op
from models.layout import NvmeStatus
from tb.lib.axil_player import Access
from tb.lib.fastmem import Burst
from tb.lib.sim import run_sim
from tb.system.nvme.builds import NODES, in_nodes
from tb.system.nvme.clients import Client
from tb.system.nvme.kernel import CC, CSTS, ENABLED, PAGE
from tb.system.nvme.node import Dma, traffic
from tb.system.nvme.processor import Processor
from tb.system.nvme.rig import SOURCES, B, R
from tb.system.nvme.test_life import reads, scratch
from tb.system.nvme.test_node import world

OK = NvmeStatus.SUCCESS
CPL_ID, MSIX_ID = 2, 3  # of writes on AXI: completions of channels, messages
ONES = (1 << 64) - 1
COPIES = int(os.environ.get("CRL_COPIES", "12"))


@cocotb.test(timeout_time=100, timeout_unit="ms")
async def refused(dut):
    """*Stimulus*: doorbells and registers of the block, places that are none, channels' pages and the node's, written and read by functions that own other
    queues, a channel, or nothing: one by one, then at random without pause between them; the owners ring at the same time.
    *Checking*: all ones; FUNC counters exactly, FOREIGN_LAST, NODE.EVENT.FOREIGN and its message; no pointer has moved, nothing is
    read or written in memory; owners' commands."""
    w = await world(dut)
    k, rig, m = w.kernel, w.rig, w.msix
    kernels = await w.create(1, 31, vec=1)
    client = Client(w, 2, 5, 7, 1, 256, 256)
    await client.set_up(vec=2)
    dma = Dma(w, 0, func=8)
    m.user[m.own] = dma.func
    await dma.set_up()
    db, last = k.doorbell, rig.p["QUEUES"]
    block = [(db(1, False), {0}), (db(1, True), {0}), (db(2, False), {0, 7}), (db(2, True), {0, 7}), (db(0, False), {0}), (db(3, False), {0}),
             (db(last, True), {0}), (db(last, True) + (8 << rig.p["DSTRD"]), {0}), (db(2, False) + 8, {0}), (0xFFFF8, {0}), (CC, {0}), (CSTS, {0}), (0x28, {0}), (0xFF8, {0})]
    others = [(reg_addr("CH", "DRING_PROD", 0), {0, 8}), (reg_addr("CH", "CTRL", 0), {0, 8}), (reg_addr("CH", "STATUS", 1), {0}),
              (reg_addr("NODE", "CTRL"), {0}), (reg_addr("MSIX", "ADDR", 2), {0}), (reg_addr("PBA", "PBA"), {0}), (reg_addr("FUNC", "FOREIGN_CNT", 9), {0})]
    places = block + others
    nowhere = {db(2, False) + 8, 0xFFFF8}  # no doorbell's place: a write does nothing, and does not count

    def counts(addr: int, write: bool) -> bool:
        return not write or addr not in nowhere

    count: Counter = Counter()
    await w.event("FOREIGN")
    assert not await w.event("FOREIGN")

    # One by one
    await rig.regs.write(reg_addr("NODE", "EVENT_ENABLE"), reg_value("NODE", "EVENT_ENABLE", FOREIGN=1))
    busy = [rig.mem.get(n) for n in ("st_ar", "st_rbeats")]
    for addr, may in places:
        for func in {7, 8, 9, 255} - may:
            for write in (True, False)[not counts(addr, True) :]:
                if write:
                    await rig.wr32(addr, 1, func)
                else:
                    assert await rig.rd32(addr, func) == 0xFFFF_FFFF, f"{addr:#x} can be read by {func}"
                count[func] += 1
                w.foreign += write and addr < 1 << 20
                assert await w.refusals(func) == count[func], f"{addr:#x}, function {func}, write {write}"
                seen = await w.last_refused()
                assert (seen[0] & ~7, *seen[1:]) == (addr & ~7, func, write), f"{seen}, not {addr:#x}, {func}, {write}"
                assert await w.event("FOREIGN")
        assert await m.arrived(m.node), "no message of the node"
    assert not await w.event("FOREIGN") and int(dut.st_foreign.value) == w.foreign > 0
    assert await rig.rd32(CC) == ENABLED and await rig.rd64(db(2, False), 7) == 0 and await rig.rd64(db(1, True)) == 0
    assert busy == [rig.mem.get(n) for n in ("st_ar", "st_rbeats")], "memory was read"

    # Without pause, while the owners work
    async def storm() -> None:
        for _ in range(20):
            accesses = []
            for _ in range(rng.randint(1, 60)):
                addr, may = rng.choice(rng.choice((block, block, others)))
                func = rng.choice(sorted({7, 8, 9, 255} - may))
                write = rng.random() < 0.7
                accesses.append(rng.choice((Access.wr, Access.wr32))(addr & ~7 if write else addr, rng.getrandbits(31), func) if write else Access.rd(addr, func))
                count[func] += counts(addr, write)
                w.foreign += write and addr < 1 << 20 and counts(addr, True)
            for access, result in zip(accesses, await rig.regs.play(accesses), strict=True):
                assert access.write or result.data == ONES, access
            latest = next((a for a in reversed(accesses) if counts(a.addr, a.write)), None)
            if latest and all(job.done() for job in owners):
                seen = await w.last_refused()
                assert (seen[0] & ~7, *seen[1:]) == (latest.addr & ~7, latest.func, latest.write)
            await rig.cycles(rng.choice((0, 5, 300)))

    rng = w.rng
    owners = [cocotb.start_soon(job) for job in (client.work(2), dma.work(4), traffic(w, kernels, 4, w.pages.carve(32)))]
    await Combine(*owners, cocotb.start_soon(storm()))
    for func in range(12):
        assert await w.refusals(func) == count[func], f"function {func}"
    assert await w.refusals(255) == count[255] and sum(count.values()) > 300
    assert w.processor.seen["BAD_DOORBELL"] == 0
    await dma.check(least=4)
    await w.end(kernels, client.pair, least=14)


@cocotb.test(timeout_time=100, timeout_unit="ms")
async def own_pages(dut):
    """*Stimulus*: clients of functions 3 and 255 and the kernel, each through its own doorbells in BAR0, at the same time. *Checking*: data, statuses,
    their messages for function 0, each burst of a client's function inside its ranges; nothing is refused; no register of the node changed."""
    w = await world(dut, latency=8)
    own = [Client(w, 2, 6, 3, 1, 512, 256), Client(w, 5, 7, 255, 1, 1024, 256)]
    for c in own:
        await c.set_up(vec=c.qid)
    kernels = await w.create(1, 31, vec=1)
    await Combine(*(cocotb.start_soon(c.work(3)) for c in own), cocotb.start_soon(traffic(w, kernels, 6, w.pages.carve(32))))
    for c in own:
        for cq in (False, True):
            assert await w.rig.rd64(w.kernel.doorbell(c.qid, cq), c.func) == 0
        assert await w.refusals(c.func) == 0
    assert not await w.event("FOREIGN")
    await w.rig.cycles(2000)
    await w.rig.mem.log_close()
    log = list(w.rig.mem.bursts())
    w.msix.judge(log, {0: [w.kernel.admin], 1: [kernels]} | {c.qid: [c.pair] for c in own}, least=30)
    assert whose(log, {c.func: granted(c) for c in own}) > 100
    await w.end(kernels, *(c.pair for c in own), least=36)


def granted(client: Client) -> set[int]:
    """Pages of its ranges."""
    return {base + PAGE * i for base, count, *_ in client.ranges for i in range(count)}


def whose(log: Iterable[Burst], pages: dict[int, set[int]]) -> int:
    """Each burst of one of these functions lies in its pages, and all bursts there are its; how many there were."""
    count, owner = 0, {p: f for f, each in pages.items() for p in each}
    for b in log:
        page = b.addr & ~(PAGE - 1)
        if b.user in pages or page in owner:
            assert owner.get(page) == b.user, f"function {b.user} {'writes' if b.write else 'reads'} {b.addr:#x}, which is {owner.get(page)}'s"
            count += 1
    return count


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def beside_dma(dut):
    """*Stimulus*: random I/O of the kernel's queues and of a client's; two channels copy and fill memory of their own through their rings, with interrupts;
    random latency, jitter, back-pressure. *Checking*: statuses, blocks, host memory, the channels' memory byte by byte; the functions of all bursts;
    a message for each completion of both; AXI rules."""
    w = await world(dut, latency=cocotb.RANDOM_SEED % 4 * 7, back_pressure=cocotb.RANDOM_SEED % 3 * 25)
    m = w.msix
    w.rig.mem.set(jitter=15)
    pairs = [await w.create(n, (31, 15, 9)[n - 1], vec=n) for n in (1, 2, 3)]
    client = Client(w, 6, 5, 3, 1, 1536, 256)
    await client.set_up(vec=6)
    dmas = [Dma(w, ch, func=5 + ch) for ch in (0, 1)]
    for d in dmas:
        m.user[m.own + d.ch] = d.func
        await d.set_up()
    before = [int(w.rig.mem.get(n)) for n in ("st_ar", "st_aw")]
    jobs = [cocotb.start_soon(traffic(w, q, 10, w.pages.carve(32))) for q in pairs] + [cocotb.start_soon(d.work(COPIES)) for d in dmas]
    await Combine(*jobs, cocotb.start_soon(client.work(4)))
    assert [int(w.rig.mem.get(n)) for n in ("st_ar", "st_aw")] > before
    for d in dmas:
        await d.check(least=COPIES)
    await w.rig.cycles(4000)
    await w.rig.mem.log_close()
    log = list(w.rig.mem.bursts())
    m.judge(log, {0: [w.kernel.admin], 6: [client.pair]} | {q.qid: [q] for q in pairs}, least=60)
    told = m.told(log)
    for d in dmas:
        done = [b.t_end for b in log if b.write and b.id == CPL_ID and d.rings <= b.addr < d.rings + PAGE]
        assert done and 0 < len(told[m.own + d.ch]) <= len(done) and told[m.own + d.ch][-1] > done[-1], f"channel {d.ch}: messages"
    theirs = {d.func: d.places() for d in dmas} | {client.func: granted(client)}
    assert whose((b for b in log if b.id != MSIX_ID), theirs) > 200
    await w.end(*pairs, client.pair, least=60)


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def memory_stops(dut):
    """*Stimulus*: the memory port stops in the middle of Reads and copies, read data only, responses only, everything; it comes back; reset of the node, start of
    the controller. *Checking*: NODE.STATUS.FATAL, CSTS.CFS and the event, not before STALL_MAX_CYCLES; the registers answer meanwhile; the channel is
    in ERROR; after the reset no bit of it is left, I/O, copies and messages work."""
    w = await world(dut, latency=10)
    stall_max = w.rig.p["STALL_MAX_CYCLES"]
    pool, lives = scratch(w, 150), 0
    for mask in (R, B, 0b11111, 0):
        if mask != R:
            w.msix.masked.clear()
            await w.msix.set_up()
            await w.kernel.enable()
        q = await w.create(1, 15, vec=1)
        w.hide(q)
        dma = Dma(w, 0, func=6)
        await dma.set_up()
        await w.run(q, [await w.shape(Op.WRITE, 7, 5), await w.shape(Op.READ, 30, 4)])
        await dma.work(2)
        await dma.check(least=2)
        await w.msix.until(1)
        lives += 1
        assert not await w.driver.field("NODE", "STATUS", "FATAL") and await w.rig.rd32(CSTS) == 1
        if not mask:
            break
        sqes = await reads(w, q, pool, 8)
        await dma.driver.post(dma.batch(4))
        await w.rig.cycles(w.rng.randrange(100))
        w.rig.mem.stall(mask)
        await w.rig.cycles(stall_max - 2000)
        assert not await w.driver.field("NODE", "STATUS", "FATAL") and not await w.rig.rd32(CSTS) & 2
        await w.rig.cycles(10_000)  # what is accepted without responses, 64 bursts, is progress
        status = await w.driver.read("NODE", "STATUS")
        assert reg_field("NODE", "STATUS", "FATAL", status) and reg_field("NODE", "STATUS", "FATAL_CAUSE", status) == Status.MEM_TIMEOUT, f"{status:#x}"
        assert await w.rig.rd32(CSTS) & 2, "CSTS.CFS"
        assert await w.event("FATAL")
        w.rig.mem.stall(0)
        await w.rig.cycles(2000)
        shown = await dma.driver.status()
        assert shown.state == State.ERROR and shown.error == Status.MEM_TIMEOUT, shown
        assert await w.rig.rd32(CSTS) & 2, "CSTS.CFS goes away without a reset"
        done = await w.kernel.poll(q)
        assert {c.cid for c in done} <= {s.cid for s in sqes} and all(c.status == OK for c in done), done
        for s in sqes:
            pool.give(w.used.pop(id(s)))
        w.processor.task.cancel()
        await w.rig.reset()
        w.processor = Processor(w.rig, w.namespaces, w.me)
        w.processor.begin()
        assert await w.rig.rd32(CSTS) == 0 and await w.rig.rd32(CC) == 0
    assert lives == 4
    await w.end(q, least=8)


CASES = ["refused", "own_pages", "beside_dma", "memory_stops"]


@pytest.mark.system
@pytest.mark.parametrize(("case", "build"), in_nodes(CASES, "refused", "beside_dma"))
def test_node_beside(case, build):
    run_sim("crl_tb_nvme", __name__, NODES[build], SOURCES, sim="verilator", testcase=case, public="top")
