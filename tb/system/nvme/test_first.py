# SPDX-License-Identifier: Apache-2.0
"""The NVMe block end to end: each I/O command, alone and many at once, against the models."""

from __future__ import annotations

import cocotb
import pytest

from models.layout import NvmeAdminOp, NvmeDsm, NvmeIoOp, NvmeSqe, NvmeStatus
from models.nvme.identify import controller
from tb.lib.sim import run_sim
from tb.system.nvme.builds import ALL, SLICE
from tb.system.nvme.kernel import CSTS, io
from tb.system.nvme.rig import SOURCES
from tb.system.nvme.world import World

OK = NvmeStatus.SUCCESS


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def first_command(dut):
    """*Stimulus*: enable, Identify, a queue pair, a Write and a Read of one block, disable. *Checking*: data of all three, statuses, CSTS,
    interrupts, memories."""
    w = World(dut)
    await w.begin()
    k = w.kernel
    cqe = await k.cmd(NvmeAdminOp.IDENTIFY, cdw10=1)
    assert cqe.status == OK and await k.data() == controller(w.me, len(w.namespaces))
    q = await w.create(1, vec=1)
    for op in (NvmeIoOp.WRITE, NvmeIoOp.READ, NvmeIoOp.FLUSH):
        sqe = await w.shape(op, 5, 1, offset=0) if op != NvmeIoOp.FLUSH else NvmeSqe(opc=op, nsid=1)
        assert (await w.run(q, [sqe]))[0].status == OK
    assert w.rig.irqs(1) == 3
    await w.end(q, least=3)
    await k.disable()
    assert await w.rig.rd32(CSTS) == 0


@cocotb.test(timeout_time=100, timeout_unit="ms")
async def every_command(dut):
    """*Stimulus*: Read, Write, Compare (equal and not), Verify, Write Zeroes, Flush, Dataset Management with and without AD, of 1 to 40 blocks
    of both namespaces at any offset in a page, one after the other; latency and back-pressure. *Checking*: statuses and all memories by the models."""
    w = World(dut)
    await w.begin(latency=7, back_pressure=40)
    q = await w.create(2, vec=2)
    rng = w.rng
    for nsid, most in ((1, 40), (2, 6)):
        for op in (NvmeIoOp.WRITE, NvmeIoOp.READ, NvmeIoOp.COMPARE, NvmeIoOp.VERIFY, NvmeIoOp.WRITE_ZEROES):
            for blocks in (1, rng.randint(2, most)):
                slba = rng.randrange(w.namespaces[nsid - 1].blocks - blocks)
                await w.run(q, [await w.shape(op, slba, blocks, nsid)])
        sqe = await w.shape(NvmeIoOp.WRITE, 3, 2, nsid)
        await w.run(q, [sqe])
        again = NvmeSqe.unpack(sqe.pack())
        again.opc, again.cid = NvmeIoOp.COMPARE, 0
        assert (await w.run(q, [again]))[0].status == OK
        for ad in (0, 4):
            await w.run(q, [await ranges(w, nsid, [(1, 3), (9, 1), (20, 0), (30, 7)], ad)])
        await w.run(q, [NvmeSqe(opc=NvmeIoOp.FLUSH, nsid=nsid)])
    await w.run(q, [NvmeSqe(opc=NvmeIoOp.FLUSH, nsid=0xFFFF_FFFF)])
    assert {op for op, _ in w.expect.seen} == set(NvmeIoOp)
    assert (NvmeIoOp.COMPARE, NvmeStatus.COMPARE_FAILURE) in w.expect.seen
    await w.end(q, least=25)


async def ranges(w: World, nsid: int, parts: list[tuple[int, int]], ad: int) -> NvmeSqe:
    """Dataset Management; its list lies anywhere in a page."""
    page = w.pages.take(1)[0] + 16 * w.rng.randrange(64)
    await w.rig.mem.write(page, b"".join(NvmeDsm(nlb=n, slba=s).pack() for s, n in parts))
    return NvmeSqe(opc=NvmeIoOp.DSM, nsid=nsid, prp1=page, cdw10=len(parts) - 1, cdw11=ad)


@cocotb.test(timeout_time=200, timeout_unit="ms")
async def many_at_once(dut):
    """*Stimulus*: batches of 24 commands of all kinds that don't touch each other's blocks, on two queues of which one posts into the other's completion
    queue; latency, jitter, back-pressure. *Checking*: by the models."""
    w = World(dut)
    await w.begin(latency=20, back_pressure=20)
    w.rig.mem.set(jitter=15)
    a = await w.create(1, vec=1)
    b = await w.kernel.create(w.kernel.pair(3, 31, into=a))
    for _ in range(2):
        for q in (a, b):
            sqes = []
            for i in range(24):
                op = w.rng.choice((NvmeIoOp.WRITE, NvmeIoOp.READ, NvmeIoOp.READ, NvmeIoOp.VERIFY, NvmeIoOp.WRITE_ZEROES, NvmeIoOp.FLUSH))
                nsid = w.rng.choice((1, 1, 2))
                sqes.append(await w.shape(op, 8 * i, w.rng.randint(1, 8), nsid) if op != NvmeIoOp.FLUSH else NvmeSqe(opc=op, nsid=1))
            await w.run(q, sqes)
    await w.end(a, b, least=96)


@cocotb.test(timeout_time=50, timeout_unit="ms")
async def refused(dut):
    """*Stimulus*: commands that fail at each check of crl_nvme_check and at each of the walker's, beside good ones. *Checking*: statuses, DNR, MORE,
    no byte moved, by the models."""
    w = World(dut)
    await w.begin()
    q = await w.create(1)
    last = w.namespaces[0].blocks
    page = w.pages.take(1)[0]
    sqes = [
        io(NvmeIoOp.READ, 0, 1, fuse=1), io(NvmeIoOp.READ, 0, 1, psdt=1), NvmeSqe(opc=0x7F, nsid=1), NvmeSqe(opc=0x03, nsid=1),
        io(NvmeIoOp.READ, 0, 1, nsid=0), io(NvmeIoOp.READ, 0, 1, nsid=9), io(NvmeIoOp.WRITE, 0, 1, cdw12=1 << 26),
        io(NvmeIoOp.WRITE, 0, 1, cdw12=1 << 20), io(NvmeIoOp.READ, last, 1), io(NvmeIoOp.READ, last - 1, 2),
        io(NvmeIoOp.READ, (1 << 64) - 1, 2), io(NvmeIoOp.READ, 0, 2049), NvmeSqe(opc=NvmeIoOp.DSM, nsid=1, prp1=page, cdw11=8),
        io(NvmeIoOp.READ, 0, 1, prp1=page + 2), io(NvmeIoOp.READ, 0, 9, prp1=page, prp2=page + 8), io(NvmeIoOp.READ, 0, 24, prp1=page, prp2=page + 4),
        await w.shape(NvmeIoOp.READ, 1, 1), await ranges(w, 1, [(0, 1), (last, 1)], 4),
    ]
    await w.run(q, sqes)
    assert len({status for _, status in w.expect.seen}) >= 5, w.expect.seen
    await w.end(q, least=len(sqes))


@pytest.mark.system
@pytest.mark.parametrize(("case", "build"), [*((c, b) for b in SLICE for c in ("first_command", "every_command", "many_at_once", "refused")),
                                             ("every_command", "node-64b")])
def test_first(case, build):
    run_sim("crl_tb_nvme", __name__, ALL[build], SOURCES, sim="verilator", testcase=case, public="top")
