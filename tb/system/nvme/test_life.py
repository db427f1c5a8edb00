# SPDX-License-Identifier: Apache-2.0
"""Ends: controller reset, shutdown, deletion and abort in the middle of I/O; memory that answers with errors; full queues."""

from __future__ import annotations

import cocotb
import pytest

from models.layout import NvmeAdminOp, NvmeIoOp, NvmeSqe, NvmeStatus
from tb.lib.sim import run_sim
from tb.system.nvme.builds import BUILDS, SLICE
from tb.system.nvme.kernel import CC, CSTS, ENABLED, PAGE, Pages, Pair, io
from tb.system.nvme.rig import SOURCES
from tb.system.nvme.world import World

OK = NvmeStatus.SUCCESS
MOMENTS = (0, 15, 40, 70, 110, 150, 200, 280, 400, 700)


def scratch(w: World, count: int = 120) -> Pages:
    """Pages that nobody compares: for what ends half way."""
    pool = w.pages.carve(count)
    w.hidden |= set(pool.left)
    return pool


async def reads(w: World, q: Pair, pool: Pages, count: int, blocks: int = 16) -> list[NvmeSqe]:
    """Reads of blocks of their own into such pages, put and rung."""
    sqes = [await w.shape(NvmeIoOp.READ, 64 * i, blocks, pages_of=pool) for i in range(count)]
    await w.kernel.put(q, *sqes)
    await w.kernel.ring(q)
    return sqes


async def still(w: World, cycles: int = 500) -> None:
    """Nothing is written, nothing is read meanwhile."""
    before = [w.rig.mem.get(n) for n in ("st_ar", "st_aw", "st_wbeats", "st_rbeats")]
    await w.rig.cycles(cycles)
    assert before == [w.rig.mem.get(n) for n in ("st_ar", "st_aw", "st_wbeats", "st_rbeats")], "memory is still used"


@cocotb.test(timeout_time=300, timeout_unit="ms")
async def reset_in_io(dut):
    """*Stimulus*: CC.EN is cleared at ten moments while twelve reads of two queues are under way, and set again. *Checking*: RDY falls, from then on
    nothing is read or written; each command has at most one entry; after the next start I/O works and phases begin anew."""
    w = World(dut)
    await w.begin(latency=40)
    pool = scratch(w)
    for moment in MOMENTS:
        queues = [await w.create(n, 31, vec=n) for n in (1, 2)]
        w.hide(*queues)
        given = [await reads(w, q, pool, 6) for q in queues]
        await w.rig.cycles(moment)
        await w.kernel.disable()
        await still(w)
        for q, sqes in zip(queues, given, strict=True):
            done = await w.kernel.poll(q, ring=False)
            assert {c.cid for c in done} <= {s.cid for s in sqes} and len(done) == len({c.cid for c in done})
            assert all(c.status == OK for c in done)
            for s in sqes:
                pool.give(w.used.pop(id(s)))
        await w.kernel.enable()
    q = await w.create(1)
    await w.run(q, [await w.shape(NvmeIoOp.WRITE, 9, 4), await w.shape(NvmeIoOp.READ, 30, 4)])
    assert w.processor.seen["reset"] >= len(MOMENTS)
    await w.end(q, least=2)


@cocotb.test(timeout_time=200, timeout_unit="ms")
async def shutdown_in_io(dut):
    """*Stimulus*: SHN while reads are under way, at some moments; then reset and start. *Checking*: SHST becomes 2; every command that has an entry ended
    well; what was not fetched has none; memory is quiet then; the next life works."""
    w = World(dut)
    await w.begin(latency=40)
    full, pool = 0, scratch(w)
    for moment in MOMENTS[::2] + (3000,):
        q = await w.create(1, 31)
        w.hide(q)
        sqes = await reads(w, q, pool, 8)
        await w.rig.cycles(moment)
        await w.kernel.shut_down()
        await still(w)
        done = await w.kernel.poll(q, ring=False)
        assert all(c.status == OK for c in done) and len({c.cid for c in done}) == len(done)
        assert {c.cid for c in done} <= {s.cid for s in sqes}
        full += len(done) == 8
        for s in sqes:
            pool.give(w.used.pop(id(s)))
        await w.kernel.disable()
        assert await w.rig.rd32(CSTS) == 0
        await w.kernel.enable()
    assert full and w.processor.seen["shutdown"] == len(MOMENTS[::2]) + 1
    q = await w.create(1)
    await w.run(q, [await w.shape(NvmeIoOp.READ, 30, 4)])
    await w.end(q)


@cocotb.test(timeout_time=200, timeout_unit="ms")
async def delete_in_io(dut):
    """*Stimulus*: Delete SQ while eight reads of it are under way, beside another queue at work, at ten moments. *Checking*: each that was fetched has one entry,
    SUCCESS or SQ_DELETED, before Delete SQ's; nothing is written for it any more; the other queue's data."""
    w = World(dut)
    await w.begin(latency=40)
    other = await w.create(2, 31, vec=2)
    w.hide(other)
    statuses: set[int] = set()
    pool = scratch(w)
    for moment in MOMENTS:
        q = await w.create(1, 31)
        w.hide(q)
        sqes = await reads(w, q, pool, 8)
        await w.rig.cycles(moment)
        beside = [await w.shape(NvmeIoOp.WRITE, 1000 + 4 * i, 4) for i in range(3)]
        want = [w.expect.command(2, s) for s in beside]
        await w.kernel.put(other, *beside)
        await w.kernel.ring(other)
        assert (await w.kernel.cmd(NvmeAdminOp.DELETE_SQ, cdw10=1)).status == OK
        done = await w.kernel.poll(q)
        assert len({c.cid for c in done}) == len(done) and {c.cid for c in done} <= {s.cid for s in sqes}
        assert {c.status for c in done} <= {OK, NvmeStatus.SQ_DELETED}, done
        statuses |= {c.status for c in done}
        await w.rig.cycles(300)
        assert not await w.kernel.poll(q), "an entry after Delete SQ's"
        for cqe, s, o in zip(await w.kernel.wait(other, [s.cid for s in beside]), beside, want, strict=True):
            w.expect.check(cqe, s, o)
        assert (await w.kernel.cmd(NvmeAdminOp.DELETE_CQ, cdw10=1)).status == OK
        for s in sqes:
            pool.give(w.used.pop(id(s)))
    assert OK in statuses
    await w.end(other, least=30)


@cocotb.test(timeout_time=100, timeout_unit="ms")
async def abort(dut):
    """*Stimulus*: Abort of the last of many commands, of one that is over, of one that never was, of an event request. *Checking*: one entry for each; DW0 says
    whether it was found; ABORT_REQUESTED for those."""
    w = World(dut)
    await w.begin(latency=60)
    k = w.kernel
    q = await w.create(1, 31)
    found, pool = 0, scratch(w, 180)
    for _ in range(6):
        sqes = await reads(w, q, pool, 16, 64)
        cqe = await k.cmd(NvmeAdminOp.ABORT, cdw10=sqes[-1].cid << 16 | 1)
        assert cqe.status == OK
        done = await k.wait(q, [s.cid for s in sqes])
        assert [c.status for c in done[:-1]] == [OK] * 15
        assert done[-1].status == (OK if cqe.dw0 & 1 else NvmeStatus.ABORT_REQUESTED), (cqe, done[-1])
        found += not cqe.dw0 & 1
        for s in sqes:
            pool.give(w.used.pop(id(s)))
        assert (await k.cmd(NvmeAdminOp.ABORT, cdw10=sqes[0].cid << 16 | 1)).dw0 & 1
    await k.put(k.admin, NvmeSqe(opc=NvmeAdminOp.ASYNC_EVENT, cid=0xF002))
    assert (await k.cmd(NvmeAdminOp.ABORT, cdw10=0xF002 << 16)).dw0 == 0
    assert (await k.wait(k.admin, [0xF002]))[0].status == NvmeStatus.ABORT_REQUESTED
    await w.run(q, [await w.shape(NvmeIoOp.READ, 1, 1)])
    cocotb.log.info("%d of 6 aborts found their command", found)
    await w.end(q)


@cocotb.test(timeout_time=100, timeout_unit="ms")
async def memory_errors(dut):
    """*Stimulus*: error responses for data of the host read and written, for a list, for blocks read and written, beside good commands; then for entries of a
    submission queue, and of a completion queue. *Checking*: DATA_TRANSFER, READ_ERROR, WRITE_FAULT; the queue that failed stands still alone, with an event."""
    w = World(dut)
    await w.begin(latency=5)
    q = await w.create(1, 31)
    host, ns = w.expect.host, w.namespaces[0]
    page = w.pages.take(4)
    mem = w.rig.mem
    await mem.write(page[3], b"".join(p.to_bytes(8, "little") for p in page[:3]))

    def bad(addr: int, size: int, kind: str) -> None:
        mem.errors([(addr, size, 2, kind)])
        host.bad = [(addr, size, kind)]

    for kind, op, status in (("r", NvmeIoOp.WRITE, NvmeStatus.DATA_TRANSFER), ("w", NvmeIoOp.READ, NvmeStatus.DATA_TRANSFER),
                             ("r", NvmeIoOp.COMPARE, NvmeStatus.DATA_TRANSFER)):
        bad(page[0], PAGE, kind)
        got = await w.run(q, [io(op, 40, 2, prp1=page[0]), await w.shape(NvmeIoOp.READ, 60, 3)])
        assert got[0].status == status and not got[0].dnr and got[1].status == OK
    bad(page[3], PAGE, "r")
    got = await w.run(q, [io(NvmeIoOp.READ, 40, 24, prp1=page[0], prp2=page[3]), await w.shape(NvmeIoOp.READ, 60, 3)])
    assert got[0].status == NvmeStatus.DATA_TRANSFER and got[1].status == OK
    host.bad = []
    at = ns.base + 200 * 512
    mem.errors([(at, 512, 2, "rw")])
    ns.bad_read, ns.bad_write = {200}, {200}
    for op, status in ((NvmeIoOp.READ, NvmeStatus.READ_ERROR), (NvmeIoOp.WRITE, NvmeStatus.WRITE_FAULT), (NvmeIoOp.VERIFY, NvmeStatus.READ_ERROR),
                       (NvmeIoOp.WRITE_ZEROES, NvmeStatus.WRITE_FAULT), (NvmeIoOp.COMPARE, NvmeStatus.READ_ERROR)):
        got = await w.run(q, [await w.shape(op, 200, 1), await w.shape(NvmeIoOp.READ, 60, 3)])
        assert got[0].status == status and got[1].status == OK, (op, got)
    ns.bad_read, ns.bad_write = set(), set()

    # the queues themselves
    two = await w.create(2, 15)
    w.hide(q, two)
    mem.errors([(two.sq, PAGE, 2, "r")])
    await w.kernel.put(two, NvmeSqe(opc=NvmeIoOp.FLUSH, nsid=1))
    await w.kernel.ring(two)
    await w.run(q, [await w.shape(NvmeIoOp.READ, 60, 3)])
    for _ in range(100):
        if w.processor.seen["SQ_FAILED"]:
            break
        await w.rig.cycles(50)
    assert w.processor.seen["SQ_FAILED"] == 1 and not await w.kernel.poll(two)
    mem.errors([])
    await w.kernel.delete(two)
    two = await w.create(2, 15)
    w.hide(two)
    mem.errors([(two.cq, PAGE, 2, "w")])
    await w.kernel.put(two, NvmeSqe(opc=NvmeIoOp.FLUSH, nsid=1))
    await w.kernel.ring(two)
    for _ in range(100):
        if w.processor.seen["CQ_FAILED"]:
            break
        await w.rig.cycles(50)
    assert w.processor.seen["CQ_FAILED"] == 1
    mem.errors([])
    await w.run(q, [await w.shape(NvmeIoOp.READ, 60, 3)])
    await w.kernel.delete(two)
    two = await w.create(2, 15)
    await w.run(two, [await w.shape(NvmeIoOp.READ, 61, 3)])
    await w.end(q, two, least=20)


@cocotb.test(timeout_time=100, timeout_unit="ms")
async def fatal(dut):
    """*Stimulus*: error responses for entries of the admin submission queue; then a reset without them. *Checking*: CSTS.CFS; it is gone after the reset,
    and the controller works."""
    w = World(dut)
    await w.begin()
    w.rig.mem.errors([(w.kernel.admin.sq, PAGE, 2, "r")])
    await w.kernel.put(w.kernel.admin, NvmeSqe(opc=NvmeAdminOp.KEEP_ALIVE))
    await w.kernel.ring(w.kernel.admin)
    await w.kernel.csts(2, 2)
    w.rig.mem.errors([])
    await w.rig.wr32(CC, ENABLED & ~1)
    await w.kernel.csts(3, 0)
    await w.kernel.enable()
    q = await w.create(1)
    await w.run(q, [await w.shape(NvmeIoOp.READ, 61, 3)])
    await w.end(q)


@cocotb.test(timeout_time=100, timeout_unit="ms")
async def full_queues(dut):
    """*Stimulus*: a completion queue of four entries that nobody empties for a while, behind a submission queue of 32, beside another queue. *Checking*: no entry is
    overwritten; nobody else waits; all commands end once it is emptied; pointers wrap many times."""
    w = World(dut)
    await w.begin(latency=3)
    k = w.kernel
    small = k.pair(1, 31)
    small.size = 3
    await w.rig.mem.fill(small.cq, PAGE)
    cqe = await k.create_cq(small, 1)
    assert cqe.status == OK
    deep = k.pair(2, 31, into=small)
    deep = await k.create(deep)
    other = await w.create(3, 31)
    for _ in range(4):
        sqes = [await w.shape(NvmeIoOp.READ, 8 * i, 2) for i in range(31)]
        want = [w.expect.command(2, s) for s in sqes]
        await k.put(deep, *sqes)
        await k.ring(deep)
        await w.rig.cycles(1500)
        await w.run(other, [await w.shape(NvmeIoOp.READ, 5, 1)])
        for c, s, o in zip(await k.wait(deep, [s.cid for s in sqes]), sqes, want, strict=True):
            w.expect.check(c, s, o)
            w.pages.give(w.used.pop(id(s)))
    await w.end(small, deep, other, least=128)


CASES = ["reset_in_io", "shutdown_in_io", "delete_in_io", "abort", "memory_errors", "fatal", "full_queues"]


@pytest.mark.system
@pytest.mark.parametrize("build", SLICE)
@pytest.mark.parametrize("case", CASES)
def test_life(case, build):
    run_sim("crl_tb_nvme", __name__, BUILDS[build], SOURCES, sim="verilator", testcase=case, public="top")
