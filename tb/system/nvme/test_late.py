# SPDX-License-Identifier: Apache-2.0
"""What is still on its way when a queue ends: nothing, once the kernel was told so."""

from __future__ import annotations

import cocotb
import pytest

from models.layout import NvmeAdminOp, NvmeIoOp, NvmeStatus
from tb.lib.sim import run_sim
from tb.system.nvme.builds import BUILDS, SLICE
from tb.system.nvme.clients import Client
from tb.system.nvme.kernel import PAGE, io
from tb.system.nvme.rig import SOURCES, R
from tb.system.nvme.world import World

OK = NvmeStatus.SUCCESS


@cocotb.test(timeout_time=100, timeout_unit="ms")
async def list_of_a_refused_command(dut):
    """*Stimulus*: a command with a long list whose first entry is refused while the rest of the list is still being read: memory holds these
    beats back. Meanwhile its queue is deleted, or its owner torn down. *Checking*: the admin command does not end before the last beat has
    come; no read of the function comes after it; then the queue number works for the next owner."""
    w = World(dut)
    await w.begin(log=True)
    k, mem = w.kernel, w.rig.mem
    owed = 0
    for op in (NvmeAdminOp.DELETE_SQ, NvmeAdminOp.OWNER_TEARDOWN):
        c = Client(w, 2, 6, 7, 2, 0, 64)
        await c.set_up(vec=2)
        entries = [k.buffer] + [c.data + PAGE * (i % 24) for i in range(30)]
        await mem.write(c.lists, b"".join(e.to_bytes(8, "little") for e in entries))
        w.processor.slow = 3000
        seen = w.processor.seen["command"]
        ending = cocotb.start_soon(k.cmd(op, cdw10=2 if op == NvmeAdminOp.DELETE_SQ else c.owner))
        while w.processor.seen["command"] == seen:
            await w.rig.cycles(20)
        sqe = io(NvmeIoOp.WRITE, 0, 30, 2, prp1=c.data + 4, prp2=c.lists)  # the first block ends in the page that is refused
        await k.put(c.pair, sqe)
        lists = mem.get("st_ar") + 2  # the second burst: the first one of the list
        await k.ring(c.pair)
        while mem.get("st_ar") < lists:
            await w.rig.cycles(1)
        before = mem.get("st_rbeats")
        while mem.get("st_rbeats") == before:
            await w.rig.cycles(1)
        mem.stall(R)
        await w.rig.cycles(8000)
        assert mem.get("st_rd_out"), "nothing is owed any more: the stimulus missed"
        owed += mem.get("st_rd_out")
        assert not ending.done(), f"{op.name} has ended, and {mem.get('st_rd_out')} reads of the queue are owed"
        mem.stall(0)
        assert (await ending).status == OK
        assert not mem.get("st_rd_out")
        w.processor.slow = 0
        if op == NvmeAdminOp.DELETE_SQ:
            assert [e.status for e in await k.poll(c.pair)] == [NvmeStatus.ACCESS_DENIED]
            assert (await k.cmd(NvmeAdminOp.DELETE_CQ, cdw10=2)).status == OK
    w.expect.grants.clear()
    last = Client(w, 2, 8, 9, 1, 256, 256)
    await last.set_up(vec=2)
    await last.work(2)
    await w.end(least=12)
    assert owed


@pytest.mark.system
@pytest.mark.parametrize("build", SLICE)
def test_late(build):
    run_sim("crl_tb_nvme", __name__, BUILDS[build], SOURCES, sim="verilator", testcase="list_of_a_refused_command", public="top")
