# SPDX-License-Identifier: Apache-2.0
"""Private queues: two clients with grants of their own functions; one of them is hostile, and is refused at each check."""

from __future__ import annotations

import cocotb
import pytest
from cocotb.triggers import Combine

from models.layout import NvmeAdminOp, NvmeDsm, NvmeIoOp, NvmeSqe, NvmeStatus
from models.nvme.admin import OPCODES
from tb.lib.sim import run_sim
from tb.system.nvme.builds import BUILDS, SLICE
from tb.system.nvme.clients import Client
from tb.system.nvme.kernel import CC, CSTS, ENABLED, PAGE, io, name
from tb.system.nvme.rig import SOURCES
from tb.system.nvme.world import World

OK = NvmeStatus.SUCCESS
NO_COMPARE = OPCODES & ~(1 << NvmeIoOp.COMPARE)


async def two_clients(dut, **begin) -> tuple[World, Client, Client]:
    """A good one, owner 5 with function 3, and one of owner 6 with function 7 that may not compare."""
    w = World(dut)
    await w.begin(log=True, **begin)
    good, other = Client(w, 1, 5, 3, 1, 0, 256), Client(w, 2, 6, 7, 1, 512, 256, opcodes=NO_COMPARE)
    await good.set_up(vec=1)
    await other.set_up(vec=2)
    return w, good, other


async def nothing_outside(w: World, *clients: Client) -> int:
    """Every burst of a client's function lies in its ranges; how many there were."""
    await w.rig.mem.log_close()
    count = 0
    for burst in w.rig.mem.bursts():
        for c in clients:
            if burst.user == c.func:
                count += 1
                first = burst.addr if not burst.write else burst.addr - burst.addr % burst.beat_bytes
                for i in range(burst.beats * burst.beat_bytes) if burst.write else ():
                    if burst.strb >> i & 1:
                        assert c.may_touch(first + i, 1), f"function {c.func} writes {first + i:#x}"
                assert burst.write or c.may_touch(burst.addr, 1), f"function {c.func} reads {burst.addr:#x}"
    return count


@cocotb.test(timeout_time=200, timeout_unit="ms")
async def both_work(dut):
    """*Stimulus*: two clients of different functions read and write their blocks at the same time. *Checking*: by the models; every burst of a function lies
    in its ranges; the vectors of each."""
    w, a, b = await two_clients(dut, latency=8)
    await Combine(cocotb.start_soon(a.work(4)), cocotb.start_soon(b.work(4)))
    assert w.rig.irqs(1) and w.rig.irqs(2)
    await w.end(least=48)
    assert await nothing_outside(w, a, b) > 100


@cocotb.test(timeout_time=200, timeout_unit="ms")
async def hostile(dut):
    """*Stimulus*: beside a client at work another one tries: registers, doorbells of others, impossible doorbell values, opcodes, namespaces and blocks
    that it was not granted, memory outside its ranges as data, as list, as target where it may only read, as list of Dataset Management.
    *Checking*: each has its status or counter; error log and asynchronous event; the good client's data; not a burst outside the ranges."""
    w, good, bad = await two_clients(dut, latency=4)
    k, q = w.kernel, bad.pair
    work = cocotb.start_soon(good.work(5))
    await k.put(k.admin, NvmeSqe(opc=NvmeAdminOp.ASYNC_EVENT, cid=0xF001))
    await k.ring(k.admin)

    # registers and doorbells
    assert await w.rig.rd64(0, bad.func) == (1 << 64) - 1
    for addr in (CC, CSTS, 0x24, 0xFF8, k.doorbell(1, False), k.doorbell(1, True), k.doorbell(0, False)):
        await w.rig.wr32(addr, 0 if addr < 0x1000 else 1, bad.func)
        w.foreign += 1
        assert await w.rig.rd32(addr, bad.func) == 0xFFFF_FFFF
    assert await w.rig.rd32(CC) == ENABLED and await w.rig.rd32(k.doorbell(2, False), bad.func) == 0
    assert int(dut.st_foreign.value) == w.foreign

    # commands
    theirs, span = good.data, w.namespaces[0].blocks
    mine = bad.data
    await w.rig.mem.write(bad.lists, b"".join((mine + PAGE * i).to_bytes(8, "little") for i in range(3)) + theirs.to_bytes(8, "little"))
    await w.rig.mem.write(bad.source, NvmeDsm(nlb=1, slba=512).pack() + NvmeDsm(nlb=1, slba=100).pack())
    tries = [
        (io(NvmeIoOp.COMPARE, 512, 1, prp1=mine), NvmeStatus.INVALID_OPCODE),
        (io(NvmeIoOp.READ, 1, 1, 2, prp1=mine), NvmeStatus.INVALID_NS),
        (io(NvmeIoOp.READ, 511, 1, prp1=mine), NvmeStatus.ACCESS_DENIED),
        (io(NvmeIoOp.WRITE, 767, 2, prp1=mine), NvmeStatus.ACCESS_DENIED),
        (io(NvmeIoOp.WRITE_ZEROES, 0, 1), NvmeStatus.ACCESS_DENIED),
        (io(NvmeIoOp.READ, span - 1, 2, prp1=mine), NvmeStatus.LBA_RANGE),
        (io(NvmeIoOp.READ, 512, 1, prp1=theirs), NvmeStatus.ACCESS_DENIED),
        (io(NvmeIoOp.WRITE, 512, 1, prp1=theirs), NvmeStatus.ACCESS_DENIED),
        (io(NvmeIoOp.READ, 512, 1, prp1=bad.source), NvmeStatus.ACCESS_DENIED),  # may only be read
        (io(NvmeIoOp.READ, 512, 16, prp1=mine, prp2=theirs), NvmeStatus.ACCESS_DENIED),
        (io(NvmeIoOp.READ, 512, 40, prp1=mine, prp2=mine + PAGE), NvmeStatus.ACCESS_DENIED),  # a list where none may be
        (io(NvmeIoOp.READ, 512, 40, prp1=mine, prp2=bad.lists), NvmeStatus.ACCESS_DENIED),  # its last entry
        (NvmeSqe(opc=NvmeIoOp.DSM, nsid=1, prp1=bad.source, cdw10=1, cdw11=4), NvmeStatus.ACCESS_DENIED),
        (NvmeSqe(opc=NvmeIoOp.DSM, nsid=1, prp1=theirs, cdw11=4), NvmeStatus.ACCESS_DENIED),
        (NvmeSqe(opc=NvmeIoOp.FLUSH, nsid=0xFFFF_FFFF), NvmeStatus.INVALID_NS),
        (io(NvmeIoOp.READ, 512, 8, prp1=mine), OK),
    ]
    for sqe, status in tries:
        cqe = (await w.run(q, [sqe]))[0]
        assert cqe.status == status, f"{name(cqe.status)}, not {name(status)}: {sqe}"
    denied = sum(status == NvmeStatus.ACCESS_DENIED for _, status in tries)

    # doorbell values
    for value in (q.size + 1, 0xFFFF, q.tail):
        await w.rig.wr32(k.doorbell(2, False), value, bad.func)
    await w.rig.wr32(k.doorbell(2, True), (q.head + 1) % (q.size + 1), bad.func)
    event = (await k.wait(k.admin, [0xF001]))[0]
    assert event.dw0 == 0x01_01_00, f"{event.dw0:#x}"
    await work
    for _ in range(100):
        if w.processor.seen["BAD_DOORBELL"] >= 2:
            break
        await w.rig.cycles(100)
    assert w.processor.seen["BAD_DOORBELL"] >= 2 and w.processor.seen["COMMAND"] == denied, w.processor.seen
    assert (await k.log_page(1, 64 * 16)).status == OK
    log = await k.data(64 * 16)
    entries = [log[i : i + 64] for i in range(0, len(log), 64)]
    assert {int.from_bytes(e[8:10], "little") for e in entries if any(e)} == {2}, "entries of other queues"

    # a queue of another owner's
    cqe = await k.create_sq(k.pair(3, 7, into=good.pair))
    assert cqe.status == NvmeStatus.CQ_INVALID
    await w.end(least=30 + len(tries))
    assert await nothing_outside(w, good, bad) > 100


@cocotb.test(timeout_time=300, timeout_unit="ms")
async def teardown(dut):
    """*Stimulus*: the owner of a queue is torn down while its commands are under way, at ten moments, beside another client at work; then its queue number is
    used anew. *Checking*: nothing of it reaches memory after the teardown's completion, nobody else is touched, the new queue works."""
    w, good, bad = await two_clients(dut, latency=30)
    k = w.kernel
    for delay in (0, 30, 60, 90, 120, 160, 220, 300, 500, 900):
        work = cocotb.start_soon(good.work(1))
        sqes = [await bad.command(NvmeIoOp.READ, i, 16) for i in range(6)]
        await k.put(bad.pair, *sqes)
        await k.ring(bad.pair)
        await w.rig.cycles(delay)
        cqe = await k.cmd(NvmeAdminOp.OWNER_TEARDOWN, cdw10=bad.owner)
        assert cqe.status == OK
        await work
        pages = [bad.data, bad.pair.cq]
        before = [await w.rig.mem.read(p, PAGE) for p in pages]
        w.expect.host.told(bad.data, b"".join([await w.rig.mem.read(bad.data + PAGE * i, PAGE) for i in range(24)]))
        await w.rig.cycles(400)
        assert before == [await w.rig.mem.read(p, PAGE) for p in pages], "written after the teardown"
        await w.rig.wr32(k.doorbell(2, False), 1, bad.func)  # it is not theirs any more
        w.foreign += 1
        bad.pair = type(bad.pair)(2, bad.pair.sq, bad.pair.cq, bad.pair.size, bad.func)
        await bad.set_up(vec=2)
        await bad.work(1)
    await w.end(least=120)
    assert await nothing_outside(w, good, bad) > 100


@pytest.mark.system
@pytest.mark.parametrize("build", SLICE)
@pytest.mark.parametrize("case", ["both_work", "hostile", "teardown"])
def test_clients(case, build):
    run_sim("crl_tb_nvme", __name__, BUILDS[build], SOURCES, sim="verilator", testcase=case, public="top")
