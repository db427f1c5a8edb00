# SPDX-License-Identifier: Apache-2.0
"""What a driver that knows nothing of grants was seen to do, on the RTL: from the first register access to I/O, and again."""

from __future__ import annotations

import cocotb
import pytest

from models.layout import NvmeAdminOp, NvmeIoOp, NvmeSqe, NvmeStatus
from models.nvme import identify
from tb.lib.sim import run_sim
from tb.system.nvme.builds import BUILDS, SLICE
from tb.system.nvme.kernel import ASQ, CAP, CC, CSTS, PAGE, Pair
from tb.system.nvme.rig import SOURCES
from tb.system.nvme.world import World

OK = NvmeStatus.SUCCESS


async def probe(w: World) -> None:
    """CAP, VS; disabled first if it was left on; then enabled."""
    cap = await w.rig.rd64(CAP)
    assert cap & 0xFFFF >= 1 and cap >> 37 & 1 and cap >> 48 & 0xF == 0 and cap >> 32 & 0xF == w.rig.p["DSTRD"]
    assert await w.rig.rd32(8) >= 0x10300
    if await w.rig.rd32(CC) & 1:
        await w.kernel.disable()
    await w.kernel.enable()


async def identify_and_queues(w: World, wanted: int) -> list[Pair]:
    """Identify 01h, logs, queues, 00h to 03h, asynchronous events, queue pairs with their vectors; what it tries and must fail."""
    k = w.kernel
    odd = k.buffer + 0x204
    assert (await k.cmd(NvmeAdminOp.IDENTIFY, cdw10=1, prp1=odd, prp2=k.buffer + PAGE)).status == OK
    assert await k.data(PAGE, odd) == identify.controller(w.me, len(w.namespaces))
    for lid, length in ((0x02, 512), (0x0C, 16 + 36 * len(w.namespaces))):
        assert (await k.log_page(lid, length)).status == OK
    for cqe, status in (
        (await k.cmd(NvmeAdminOp.GET_LOG_PAGE, cdw10=127 << 16 | 5), NvmeStatus.LOG_INVALID),
        (await k.cmd(NvmeAdminOp.IDENTIFY, cdw10=0x1C), NvmeStatus.INVALID_FIELD),
        (await k.set_feature(0x0C, 0), NvmeStatus.INVALID_FIELD),
        (await k.cmd(0x7C), NvmeStatus.INVALID_OPCODE),
    ):
        assert cqe.status == status and cqe.dnr, cqe
    await w.rig.wr32(ASQ, 0xDEAD_0000)  # sticks only while disabled
    assert await w.rig.rd32(ASQ) == k.admin.sq & 0xFFFF_FFFF

    count = await k.set_feature(7, (wanted - 1) << 16 | wanted - 1)
    pairs = min(wanted, (count.dw0 & 0xFFFF) + 1, (count.dw0 >> 16) + 1)
    assert count.status == OK and pairs == min(wanted, w.rig.p["QUEUES"])
    queues = [await w.create(n, 63, vec=n) for n in range(1, pairs + 1)]
    w.hide(*queues)
    await k.put(k.admin, NvmeSqe(opc=NvmeAdminOp.ASYNC_EVENT, cid=0xF000))
    assert (await k.set_feature(0x0B, identify.OAES_ANA)).status == OK
    assert 0xF000 not in k.admin.ended
    assert (await k.cmd(NvmeAdminOp.IDENTIFY, cdw10=2)).status == OK
    active = await k.data(16)
    assert [int.from_bytes(active[i : i + 4], "little") for i in range(0, 16, 4)] == [1, 2, 0, 0]
    for ns in w.namespaces[:2]:
        for cns, want in ((3, identify.descriptors(ns)), (0, identify.namespace(ns))):
            assert (await k.cmd(NvmeAdminOp.IDENTIFY, cdw10=cns, nsid=ns.nsid)).status == OK
            assert await k.data(len(want)) == want
        assert (await k.cmd(NvmeAdminOp.IDENTIFY, cdw10=8, nsid=ns.nsid)).status == NvmeStatus.INVALID_FIELD
    return queues


async def read_and_write(w: World, q: Pair) -> None:
    """Every shape of data: inside a page, two pages, lists from mid-page, chains; both block sizes."""
    for nsid, sizes in ((1, (1, 8, 17, 300)), (2, (1, 2, 9, 40))):
        for blocks in sizes:
            slba = w.rng.randrange(w.namespaces[nsid - 1].blocks - blocks)
            put = await w.shape(NvmeIoOp.WRITE, slba, blocks, nsid)
            await w.run(q, [put])
            w.pages.give([])
            await w.run(q, [await w.shape(NvmeIoOp.READ, slba, blocks, nsid, fill=False)])
    await w.run(q, [NvmeSqe(opc=NvmeIoOp.FLUSH, nsid=1)])


@cocotb.test(timeout_time=300, timeout_unit="ms")
async def from_registers_to_io(dut):
    """*Stimulus*: probe, admin commands with those that must fail cleanly, queue pairs, reads and writes of all shapes, deletion, shutdown;
    all of it twice. *Checking*: bytes of structures, memories and namespaces, every status, one vector a queue, CSTS, nothing refused."""
    w = World(dut)
    await w.begin(latency=5, enable=False)
    for _ in range(2):
        await probe(w)
        queues = await identify_and_queues(w, 3)
        before = [w.rig.irqs(q.qid) for q in queues]
        for q in queues[:2]:
            await read_and_write(w, q)
        assert [w.rig.irqs(q.qid) - n for q, n in zip(queues, before, strict=True)] == [17, 17, 0]
        for q in queues:
            assert (await w.kernel.cmd(NvmeAdminOp.DELETE_SQ, cdw10=q.qid)).status == OK
        for q in queues:
            assert (await w.kernel.cmd(NvmeAdminOp.DELETE_CQ, cdw10=q.qid)).status == OK
        await w.kernel.shut_down()
        assert w.processor.seen["BAD_DOORBELL"] == 0
    await w.kernel.disable()
    assert await w.rig.rd32(CSTS) == 0
    await w.end(least=68)


@cocotb.test(timeout_time=100, timeout_unit="ms")
async def firmware_first(dut):
    """*Stimulus*: a large admin completion queue, one pair of two entries, one read, then a driver that disables and starts anew. *Checking*: it finds a
    clean controller: queue numbers free, phases begin with 1; data."""
    w = World(dut)
    await w.begin(enable=False)
    await w.kernel.enable(size=63)
    q = await w.create(1, 1)
    await w.run(q, [await w.shape(NvmeIoOp.READ, 0, 1)])
    w.hide(q)
    w.kernel.admin.size = 31
    await probe(w)
    again = (await identify_and_queues(w, 1))[0]
    await read_and_write(w, again)
    await w.end(again, least=18)


@cocotb.test(timeout_time=100, timeout_unit="ms")
async def one_block_reads(dut):
    """*Stimulus*: 60 reads of one block at once, some of other queues. *Checking*: data, statuses."""
    w = World(dut)
    await w.begin(latency=10)
    queues = [await w.create(n, 63, vec=n) for n in (1, 2)]
    for q in queues:
        await w.run(q, [await w.shape(NvmeIoOp.READ, w.rng.randrange(2000), 1, offset=512 * w.rng.randrange(8)) for _ in range(60)])
    await w.end(*queues, least=120)


@pytest.mark.system
@pytest.mark.parametrize("build", SLICE)
@pytest.mark.parametrize("case", ["from_registers_to_io", "firmware_first", "one_block_reads"])
def test_linux(case, build):
    run_sim("crl_tb_nvme", __name__, BUILDS[build], SOURCES, sim="verilator", testcase=case, public="top")


