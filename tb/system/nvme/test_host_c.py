# SPDX-License-Identifier: Apache-2.0
"""The host library, compiled, on the RTL: fw/host as it is, its kernel half in one thread, a client of its user half in each other."""

from __future__ import annotations

import ctypes
from ctypes import c_uint32
from pathlib import Path

import cocotb
import pytest

from fw.tests.nvme_app import App
from fw.tests.nvme_host import PAGE, Buf, Err, Kernel, library
from models.layout import NvmeAerErr, NvmeStatus
from models.nvme import identify
from tb.lib.sim import run_sim
from tb.system.nvme.builds import BUILDS, NODES, in_nodes
from tb.system.nvme.kernel import CC, CSTS
from tb.system.nvme.machine import Machine
from tb.system.nvme.rig import SOURCES
from tb.system.nvme.world import World

OK = NvmeStatus.SUCCESS
SMALL = {"sq": 8, "cq": 8, "commands": 7, "most": 8192}
DEEP = {"sq": 5, "cq": 4, "commands": 12, "most": 16384}  # more commands than entries; the completion queue wraps first


async def machine(dut, **how: int) -> Machine:
    m = Machine(World(dut), library(Path.cwd()))
    await m.begin(**how)
    return m


def started(m: Machine) -> Kernel:
    kernel = Kernel(m)
    assert kernel.start() == Err.OK
    return kernel


def app(kernel: Kernel, owner: int, func: int, nsid: int, slba: int, nlb: int, how: dict[str, int] = SMALL) -> App:
    """A client whose memory the node may not touch before, nor after `gone`."""
    return App(kernel, owner, func, nsid, slba, nlb, pages=12, how=how)


def gone(a: App) -> None:
    a.m.revoke(a.mem)
    a.m.revoke(a.pair.mem)


def at_work(a: App, least: int) -> None:
    """Until so many of its commands have been compared, and then the rest."""
    goal = a.compared + least
    for _ in range(100 * least):
        if a.compared >= goal:
            break
        a.work()
        a.m.steps()
    a.finish()
    assert a.compared >= goal, f"{a.compared} commands compared, fewer than {goal}"


def knows(a: App) -> None:
    """What its blocks hold, for the comparison at the end."""
    a.ns.write(a.slba, bytes(a.expect))


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def two_clients(dut):
    """*Stimulus*: crl_nvme_start, Identify, three pairs with grants; two clients of functions of their own and the kernel give random commands of all kinds on
    both namespaces at the same time, while the kernel asks for events; what was not granted; a doorbell out of range; pairs deleted, shutdown.
    *Checking*: Identify's bytes; each status, every byte read; each burst lies in memory of its function, mapped at that time; a barrier before each doorbell; the
    event of the bad one and no other; all blocks, all other memory."""
    m = await machine(dut, latency=8)
    made: list[App] = []

    def set_up() -> None:
        kernel = started(m)
        cns = ctypes.c_int(1), c_uint32(0)
        assert kernel.call("crl_nvme_identify", *cns) == Err.OK
        assert bytes(m.bytes_at(kernel.mem.bus + 2 * PAGE, PAGE)) == identify.controller(m.w.me, len(m.namespaces))
        for ns in m.namespaces:
            err, found = kernel.namespace(ns.nsid)
            assert (err, found.blocks, found.block_shift) == (Err.OK, ns.blocks, ns.shift)
        made.extend([app(kernel, 1, 5, 1, 256, 200), app(kernel, 2, 6, 2, 100, 60, DEEP), app(kernel, 0, 0, 1, 1024, 128)])

    def events() -> None:
        for _ in range(6):
            m.wait(1500)
            assert made[0].kernel.event() == (Err.OK, None)

    def refusals() -> None:
        a, b, kernel = *made[:2], made[0].kernel
        tries = [
            ("read", 255, 2, a.mem.bus, NvmeStatus.ACCESS_DENIED),
            ("write", 2047, 2, a.mem.bus, NvmeStatus.LBA_RANGE),
            ("read", 256, 1, b.mem.bus, NvmeStatus.ACCESS_DENIED),
            ("write", 256, 1, kernel.mem.bus, NvmeStatus.ACCESS_DENIED),
            ("read", 256, 1, a.pair.mem.bus + a.pair.lists_at, NvmeStatus.ACCESS_DENIED),
        ]
        for name, slba, blocks, bus, status in tries:
            assert a.client.data(name, slba, blocks, Buf(bus, None), 1) == Err.OK
            a.client.ring()
            assert a.client.wait(1) == [(1, status)]
        a.client.port.wmb()
        a.client.port.write32(a.pair.sq_doorbell % PAGE, 99)
        found = None
        while found is None:
            m.steps()
            err, found = kernel.event()
            assert err == Err.OK
        assert found == (0, NvmeAerErr.BAD_DB_VALUE, 1)
        for each in made:
            assert kernel.delete(each.pair.qid) == Err.OK
            gone(each)
        assert kernel.shutdown() == Err.OK

    await m.run(set_up)
    await m.run(*[lambda a=a: at_work(a, 16) for a in made], events)
    await m.run(refusals)
    assert await m.rig.rd32(CSTS) == 0 and await m.rig.rd32(CC) & 1 == 0
    assert m.w.processor.seen["BAD_DOORBELL"] == 1
    for a in made:
        knows(a)
    await m.end(least=200)


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def kill_one(dut):
    """*Stimulus*: a client with two pairs is killed with commands put in, rung, fetched, or half moved, at several moments; the kernel tears its owner down while
    another client goes on; a ghost rings; a new client of the same function gets new pairs. *Checking*: no burst for it after crl_nvme_owner_teardown has
    returned; its blocks are old or new; the other one loses nothing; the new one's commands; the ghost is counted as foreign."""
    m = await machine(dut, latency=30)
    moments = [m.rng.randrange(400) for _ in range(3)]
    state: dict[str, bool] = {}
    torn, lost = 0, 0

    def set_up() -> tuple[Kernel, App]:
        kernel = started(m)
        state["kernel"], state["other"] = kernel, app(kernel, 2, 6, 2, 100, 60)

    def victims() -> None:
        kernel = state["kernel"]
        state["victims"] = [app(kernel, 1, 5, 1, 0, 128), app(kernel, 1, 5, 2, 0, 32)]
        for a in state["victims"]:
            at_work(a, 2)

    def doomed() -> None:
        while 5 not in m.dead:
            for a in state["victims"]:
                a.work()
            m.steps()

    def survivor() -> None:
        while not state["over"]:
            state["other"].work()
            m.steps()
        state["other"].finish()

    def reaper(moment: int) -> None:
        nonlocal torn, lost
        dead, kernel = state["victims"], state["kernel"]
        while sum(len(a.busy) for a in dead) < 5:
            m.wait(25)
        m.wait(moment)
        m.kill(5)
        assert kernel.teardown(1) == Err.OK
        for a in dead:
            gone(a)
            lost += len(a.busy)
            torn += a.bury()
        m.wait(500)
        for a in dead:
            a.bury()  # nothing has changed since
            knows(a)
        m.w.foreign += 1
        state["over"] = True

    async def ghost() -> None:
        await m.rig.wr32(m.w.kernel.doorbell(state["victims"][0].pair.qid, False), 1, 5)

    await m.run(set_up)
    for moment in moments:
        await m.run(victims)
        state["over"] = False
        before = state["other"].compared
        await m.run(survivor, doomed, lambda moment=moment: reaper(moment))
        await ghost()
        assert state["other"].compared > before
        m.dead.discard(5)
    assert lost > 0
    cocotb.log.info("%d commands of the dead under way, %d of their blocks written", lost, torn)

    def again() -> None:
        victims()
        assert {a.pair.qid for a in state["victims"]} == {2, 3}
        for a in state["victims"]:
            at_work(a, 6)
        assert state["kernel"].event() == (Err.OK, None)
        assert state["kernel"].shutdown() == Err.OK

    await m.run(again)
    for a in (*state["victims"], state["other"]):
        assert a.compared > 0
        knows(a)
    await m.end(least=200)


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def reset_and_recover(dut):
    """*Stimulus*: crl_nvme_stop with commands of two clients under way, at several moments; crl_nvme_start, new pairs, I/O. *Checking*: no burst on host memory
    after it has returned, blocks are old or new, everything works again with numbers and phases from the start."""
    m = await machine(dut, latency=30)
    moments = [m.rng.randrange(400) for _ in range(3)]
    state: dict[str, list[App]] = {}

    def clients(kernel: Kernel) -> list[App]:
        made = [app(kernel, 1, 5, 1, 0, 128), app(kernel, 2, 6, 2, 100, 60)]
        assert [a.pair.qid for a in made] == [1, 2]
        return made

    def lives() -> None:
        kernel = started(m)
        for moment in moments:
            made = clients(kernel)
            for _ in range(3):
                for a in made:
                    a.work()
            for a in made:
                while not a.busy:
                    a.submit()
                a.client.ring()
            m.wait(moment)
            assert kernel.stop() == Err.OK
            for a in made:
                gone(a)
                a.bury()
            reads = m.mem.get("st_ar"), m.mem.get("st_aw")
            m.wait(300)
            assert reads == (m.mem.get("st_ar"), m.mem.get("st_aw")), "memory is still used"
            for a in made:
                knows(a)
            assert kernel.start() == Err.OK
        state["last"] = clients(kernel)

    await m.run(lives)
    await m.run(*[lambda a=a: at_work(a, 6) for a in state["last"]])
    assert m.w.processor.seen["reset"] >= len(moments)
    for a in state["last"]:
        knows(a)
    await m.end(least=100)


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def bench_can_fail(dut):
    """*Stimulus*: a client whose crl_rmb does nothing: it sees phases, but neither the rest of an entry nor data. *Checking*: the library or the comparison of data
    finds out."""
    m = await machine(dut)

    def program() -> None:
        a = app(started(m), 1, 5, 1, 0, 128)
        m.stale = True
        at_work(a, 4)

    with pytest.raises(AssertionError):
        await m.run(program)


CASES = ["two_clients", "kill_one", "reset_and_recover", "bench_can_fail"]
RUNS = [
    pytest.param("64b", marks=pytest.mark.sweep_icarus),
    pytest.param("512b", marks=pytest.mark.sweep),
    pytest.param("128b-small", marks=pytest.mark.sweep),
]


@pytest.mark.system
@pytest.mark.parametrize("build", RUNS)
@pytest.mark.parametrize("case", CASES)
def test_host_c(case, build, sim):
    run_sim("crl_tb_nvme", __name__, BUILDS[build], SOURCES, sim=sim, testcase=case, public="top")


@pytest.mark.system
@pytest.mark.parametrize(("case", "build"), in_nodes(CASES))
def test_host_c_in_node(case, build):
    run_sim("crl_tb_nvme", __name__, NODES[build], SOURCES, sim="verilator", testcase=case, public="top")
