# SPDX-License-Identifier: Apache-2.0
"""The host library's NVMe halves: alone under sanitizers, and on the model of the controller."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fw.host.count import executed, in_file
from fw.tests.native import FW, INCLUDES, LIBRARY, STRICT, Port, compile_c
from fw.tests.nvme_app import ALL_OPS, BOTH, App, grant_for, shape
from fw.tests.nvme_host import (
    PAGE,
    Buf,
    Client,
    ClientOf,
    Err,
    Kernel,
    Machine,
    Pair,
    Range,
    library,
)
from models.layout import NvmeAerErr, NvmeIoOp
from models.layout import NvmeStatus as S
from models.nvme.controller import BadDoorbell, Executed

SANITIZE = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-O1")
INSIDE = "CRL_SANITIZED"  # set in the run under sanitizers
SEED = int(os.environ.get("CRL_SEED", "1"), 0)

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def lib(tmp_path_factory):
    options = SANITIZE if INSIDE in os.environ else ()
    return library(tmp_path_factory.mktemp("host"), *options)


# what is compiled ------------------------------------------------------------------------------
@pytest.mark.parametrize("source", [*LIBRARY, "examples/private_queue.c"])
@pytest.mark.parametrize("options", [("-O2",), ("-O0", "-DNDEBUG"), ("-O2", "-std=gnu17")])
def test_compiles(tmp_path, source, options):
    """*Stimulus*: each file of the library, with the header of real hardware and all warnings on. *Checking*: none."""
    compile_c([source], *INCLUDES, *STRICT, *options, "-c", "-o", str(tmp_path / "out.o"))


@pytest.mark.parametrize("header", sorted(p.name for p in (FW / "host").glob("*.h")))
def test_headers_stand_alone(tmp_path, header):
    """*Stimulus*: a file that includes one header, twice. *Checking*: no warning."""
    source = tmp_path / "only.c"
    source.write_text(f'#include "{header}"\n#include "{header}"\nint unused;\n')
    compile_c([str(source)], *INCLUDES, "-c", "-o", str(tmp_path / "out.o"))


def test_submission_is_short(tmp_path):
    """*Stimulus*: the user half compiled for this machine. *Checking*: the instructions of a command and its doorbell,
    as they stand in docs/host_library.md or fewer; the doorbell and an empty poll are a handful."""
    listed = in_file(tmp_path)
    assert listed["crl_nvme_read"] <= 120 and listed["crl_nvme_ring"] <= 20
    steps = executed(tmp_path)
    if not steps:
        pytest.skip("instructions can't be counted on this machine")
    assert steps["read, within a page"] + steps["ring"] <= 90
    assert steps["ring, nothing new"] <= 8 and steps["poll, nothing there"] <= 20


# the user half alone ---------------------------------------------------------------------------
@pytest.mark.parametrize("seed", [SEED, SEED + 1])
def test_rings(tmp_path, seed):
    """*Stimulus*: host_unit.c under the address and undefined-behaviour sanitizers: PRPs at all offsets and lengths,
    random traffic through queues of 2 to 4096 entries with a node that completes in any order, entries that lie,
    impossible arguments. *Checking*: every doorbell, entry, page and cookie; FULL exactly when it is; phases."""
    program = tmp_path / "host_unit"
    mmio = f"-I{FW / 'tests/mmio'}"
    sources = ["tests/host_unit.c", "host/crl_nvme.c"]
    compile_c(sources, mmio, *INCLUDES, *SANITIZE, "-o", str(program))
    done = subprocess.run([program, str(seed)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[0]) > 100_000


BREAKS = {
    "the tail never wraps": ("crl_nvme_queue.h", "        next = 0;", "        next = qp->sq_entries;"),
    "a full queue is not seen": ("crl_nvme_queue.h", " || next == qp->sq_head", ""),
    "phases never invert": ("crl_nvme.c", "qp->phase ^= 1;", ""),
    "no barrier": ("crl_nvme.c", "    crl_wmb(dev);", "    "),
    "an identifier is used again as it is": ("crl_nvme.c", "cid + CRL_NVME_SLOT_MASK + 1u", "cid"),
    "the last page is left out": ("crl_nvme.c", "i <= last; i++)\n            *list++ = buf", "i < last; i++)\n            *list++ = buf"),
    "an empty doorbell is rung": ("crl_nvme.c", "    if (qp->sq_rung == qp->sq_tail)", "    if (0)"),
    "free slots are not told from busy ones": ("crl_nvme_queue.h", "CRL_NVME_NONE 0xFFFE", "CRL_NVME_NONE 0xFFFF"),
}  # fmt: skip


@pytest.mark.sweep
@pytest.mark.parametrize("what", BREAKS)
def test_rings_can_fail(tmp_path, what):
    """*Stimulus*: as test_rings, with a fault in the library. *Checking*: it is found."""
    name, old, new = BREAKS[what]
    for path in [*(FW / "host").glob("crl_nvme*"), FW / "host/crl_err.h", FW / "tests/host_unit.c"]:
        text = path.read_text()
        if path.name == name:
            assert old in text
            text = text.replace(old, new)
        (tmp_path / path.name).write_text(text)
    program = tmp_path / "host_unit"
    sources = [str(tmp_path / "host_unit.c"), str(tmp_path / "crl_nvme.c")]
    includes = (f"-I{FW / 'tests/mmio'}", f"-I{FW / 'include'}", f"-I{tmp_path}")
    compile_c(sources, *includes, *SANITIZE, "-Wno-error", "-o", str(program))
    try:
        done = subprocess.run([program, "1"], capture_output=True, check=False, timeout=20)
        assert done.returncode != 0
    except subprocess.TimeoutExpired:
        pass  # completions that are never seen


# on the model ----------------------------------------------------------------------------------
def started(lib: ctypes.CDLL, seed: int = SEED, **options) -> Kernel:
    kernel = Kernel(Machine(lib, seed, **options))
    assert kernel.start() == Err.OK
    return kernel


@pytest.mark.parametrize("dstrd", [0, 3, 9])
@pytest.mark.parametrize("weighted", [False, True])
def test_starts_and_stops(lib, dstrd, weighted):
    """*Stimulus*: start, stop, start again, shutdown, and once more. *Checking*: what it learned of the controller; the
    registers; nothing of the node's outside the kernel's memory."""
    kernel = Kernel(Machine(lib, SEED, dstrd=dstrd), weighted=weighted)
    regs = kernel.m.controller.regs
    for end in (kernel.stop, kernel.shutdown, lambda: kernel.shutdown(abrupt=True)):
        assert kernel.start() == Err.OK and regs.run and regs.wrr == weighted
        head = kernel.head
        assert (head.pairs, head.max_bytes, head.cntlid, head.namespaces) == (8, 1 << 20, 1, 2)
        for ns in kernel.m.namespaces:
            err, info = kernel.namespace(ns.nsid)
            assert (err, info.blocks, info.block_shift) == (Err.OK, ns.blocks, ns.shift)
        err, _ = kernel.namespace(3)
        assert err == Err.STATUS and head.status == S.INVALID_NS
        assert end() == Err.OK and not regs.run and not regs.rdy
        assert kernel.namespace(1)[0] == Err.STATE and kernel.event()[0] == Err.STATE


def test_takes_over(lib):
    """*Stimulus*: another driver left the controller running, with queues; or shut down; or refused. *Checking*: it starts."""
    m = Machine(lib, SEED)
    other = Kernel(m)
    assert other.start() == Err.OK
    App(other, 1, 5, 1, 0, 64).work()
    m.revoke(other.mem)

    def configure(cc: int) -> None:
        m.controller.reg_write(0x14, cc.to_bytes(4, "little"))
        m.settle()

    kernel = Kernel(m)
    assert kernel.start() == Err.OK
    configure(0x464001)  # shut down by somebody
    assert kernel.start() == Err.OK
    configure(0)
    configure(0x463801)  # an arbitration that is not there: CFS
    assert m.controller.regs.cfs
    assert kernel.start() == Err.OK
    app = App(kernel, 1, 5, 1, 0, 64)
    for _ in range(5):
        app.work()
    app.finish()


@pytest.mark.parametrize("dstrd", [0, 9])
def test_private_queue(lib, dstrd):
    """*Stimulus*: examples/private_queue.c: the kernel gives a pair to function 5, which writes and reads; then without its
    doorbell page. *Checking*: success, the blocks, the data; a program that rings as another function gets nowhere."""
    kernel = started(lib, dstrd=dstrd)
    m, example = kernel.m, kernel.lib
    example.private_queue_bytes.restype = ctypes.c_uint64
    queues, data = m.take(example.private_queue_bytes() // PAGE, 5), m.take(4, 5)
    pair, failed = Pair(), ctypes.c_uint16()
    args = (ctypes.c_uint16(5), ctypes.byref(queues), ctypes.byref(data), ctypes.byref(pair))
    assert kernel.call("private_queue_give", *args) == Err.OK
    what = bytes(m.bytes_at(data.bus, 4 * PAGE))

    def use(func: int) -> Err:
        args = (ctypes.byref(pair), 0, ctypes.byref(data), ctypes.byref(failed))
        return Err(m.port(func).call(example.private_queue_use, *args))

    assert use(5) == Err.OK
    assert bytes(m.bytes_at(data.bus, 4 * PAGE)) == what == m.namespaces[0].peek(8, 32)
    assert kernel.delete(pair.qid) == kernel.call("private_queue_give", *args) == Err.OK
    assert use(6) == Err.TIMEOUT and m.controller.foreign[6] == 1
    m.bytes_at(data.bus, 4 * PAGE)[:] = bytes(4 * PAGE)
    assert m.namespaces[0].peek(8, 32) == what


@pytest.mark.parametrize("dstrd", [0, 9])
@pytest.mark.parametrize("seed", [SEED, SEED + 1])
def test_two_clients(lib, dstrd, seed):
    """*Stimulus*: two clients with a pair each, and the kernel with one: random commands of all kinds, buffers at any
    multiple of 4, contiguous or not, on namespaces of 512 and 4096 bytes. *Checking*: each status, every byte read, the
    namespaces at the end; the node never names a page for another function; each doorbell after a barrier, none refused."""
    kernel = started(lib, seed, dstrd=dstrd)
    apps = [
        App(kernel, 1, 5, 1, 256, 200, how={"sq": 5, "cq": 3, "commands": 7}),
        App(kernel, 2, 6, 2, 100, 60),
        App(kernel, 0, 0, 1, 1024, 128, how={"sq": 2, "cq": 64, "commands": 2, "most": 4096}),
    ]
    for _ in range(800):
        for app in apps:
            app.work()
        kernel.m.steps()
    for app in apps:
        app.finish()
    events = kernel.m.controller.take_events()
    assert not [e for e in events if isinstance(e, BadDoorbell)] and not kernel.m.controller.foreign
    ran = [e.sqe.opc for e in events if isinstance(e, Executed)]
    assert len(ran) == sum(a.compared for a in apps) > 600 and set(ran) == set(NvmeIoOp)
    assert kernel.event() == (Err.OK, None)
    for app in apps:
        assert kernel.delete(app.pair.qid) == Err.OK
        kernel.m.revoke(app.pair.mem)
    assert kernel.delete(apps[0].pair.qid) == Err.ARG
    assert kernel.shutdown() == Err.OK


def test_refuses_what_was_not_granted(lib):
    """*Stimulus*: a client names blocks, a namespace's end, memory and opcodes that it was not granted. *Checking*: the
    status of each; nothing of another function was touched."""
    kernel = started(lib)
    m = kernel.m
    a = App(kernel, 1, 5, 1, 256, 64)
    b = App(kernel, 2, 6, 1, 320, 64)
    mine, his = Buf(a.mem.bus, None), Buf(b.mem.bus, None)
    lists = Buf(a.pair.mem.bus + a.pair.lists_at, None)
    tries = [
        (lambda: a.client.data("read", 320, 1, mine, 1), S.ACCESS_DENIED),
        (lambda: a.client.data("read", 319, 2, mine, 1), S.ACCESS_DENIED),
        (lambda: a.client.data("write", 4095, 2, mine, 1), S.LBA_RANGE),
        (lambda: a.client.data("read", 256, 1, his, 1), S.ACCESS_DENIED),
        (lambda: a.client.data("write", 256, 1, his, 1), S.ACCESS_DENIED),
        (lambda: a.client.data("read", 256, 1, lists, 1), S.ACCESS_DENIED),
        (lambda: a.client.touch("write_zeroes", 0, 257, 1), S.ACCESS_DENIED),
        (lambda: a.client.data("read", 256, 1, mine, 1), S.SUCCESS),
    ]
    before = [n.peek(0, n.blocks) for n in m.namespaces]
    for attempt, status in tries:
        assert attempt() == Err.OK
        a.client.ring()
        assert a.client.wait(1) == [(1, status)]
    client = grant_for(3, 7, 1, 0, 16, m.take(1, 7), ops=1 << NvmeIoOp.READ)
    err, pair = kernel.create(client, shape())
    assert err == Err.OK
    c = Client(m, pair, 7)
    assert c.data("write", 0, 1, Buf(client.keep[0].base, None), 9) == Err.OK
    c.ring()
    assert c.wait(1) == [(9, S.INVALID_OPCODE)]
    assert [n.peek(0, n.blocks) for n in m.namespaces] == before


@pytest.mark.parametrize("seed", range(SEED, SEED + 4))
def test_kill_one_and_recover(lib, seed):
    """*Stimulus*: one of two clients dies with commands of two pairs put in, rung, fetched; the kernel tears it down while
    the other goes on; a new client gets its numbers. *Checking*: after the teardown no access to the dead one's memory, its
    doorbell does nothing; the others lose nothing; the new one finds clean queues."""
    kernel = started(lib, seed)
    m = kernel.m
    dead = [App(kernel, 1, 5, 1, 0, 64), App(kernel, 1, 5, 1, 64, 64)]
    other = App(kernel, 2, 6, 1, 256, 128)
    for _ in range(m.rng.randrange(1, 12)):
        for app in (*dead, other):
            app.work()
    for app in dead:
        for _ in range(8):
            app.submit()
        app.client.ring()
    other.submit()
    other.client.ring()
    assert kernel.teardown(1) == Err.OK
    for app in dead:
        m.revoke(app.mem)
        m.revoke(app.pair.mem)
        app.submit()
        app.client.ring()  # a ghost
    m.settle()
    for _ in range(20):
        other.work()
    new = App(kernel, 3, 9, 1, 0, 128)
    assert new.pair.qid == dead[0].pair.qid
    for _ in range(20):
        new.work()
        other.work()
    new.finish()
    other.finish()
    assert m.controller.foreign[5] <= 2 and kernel.teardown(0) == Err.ARG
    assert kernel.event() == (Err.OK, None)
    assert kernel.teardown(3) == kernel.teardown(3) == Err.OK  # nobody there: nothing to do


def test_events(lib):
    """*Stimulus*: doorbells outside the queue, ones that move nothing, of a queue that is not there, of another function;
    several before the kernel looks. *Checking*: each kind of refusal is told once, again when it happens after it was told;
    a foreign doorbell is no event; the pair still works."""
    kernel = started(lib)
    m, c = kernel.m, kernel.m.controller
    app = App(kernel, 1, 5, 1, 0, 64)

    def bell(qid: int, value: int, func: int) -> None:
        c.reg_write(0x1000 + 0x1000 * qid, value.to_bytes(4, "little"), func)

    value, register = NvmeAerErr.BAD_DB_VALUE, NvmeAerErr.BAD_DB_REGISTER
    for _ in range(2):
        bell(1, 99, 5)
        bell(1, 99, 5)
        bell(7, 1, 0)
        bell(1, 1, 6)
        m.settle()
        got = []
        for _ in range(6):
            err, event = kernel.event()
            assert err == Err.OK
            got += [event] if event else []
            m.settle()
        assert set(got) == {(0, register, 1), (0, value, 1)} and got.count((0, register, 1)) == 1
        assert got.count((0, value, 1)) <= 2  # the second came after the first was told
    assert c.foreign[6] == 2
    for _ in range(30):
        app.work()
    app.finish()


def test_reset_in_mid_flight(lib):
    """*Stimulus*: the controller is stopped with commands under way, and started; pairs are made anew. *Checking*: no access to
    memory after the stop; everything works."""
    kernel = started(lib)
    for _ in range(4):
        apps = [
            App(kernel, 1, 5, 1, 0, 64, pages=8, how={"most": 8192}),
            App(kernel, 2, 6, 2, 0, 64, pages=8, how={"most": 8192}),
        ]
        for _ in range(8):
            for app in apps:
                app.work()
        for app in apps:
            app.submit()
            app.client.ring()
        assert kernel.stop() == Err.OK
        for app in apps:
            kernel.m.revoke(app.mem)
            kernel.m.revoke(app.pair.mem)
        accesses = kernel.m.accesses
        kernel.m.settle()
        assert kernel.m.accesses == accesses and kernel.start() == Err.OK
    app = App(kernel, 1, 5, 1, 0, 64)
    for _ in range(10):
        app.work()
    app.finish()


def test_undoes_what_was_refused(lib):
    """*Stimulus*: pairs that the controller refuses at one step or another, and arguments that make no sense; then all numbers
    used up. *Checking*: the error and status; the number is free again and its queues work, for the kernel too."""
    kernel = started(lib)
    m = kernel.m
    mem = m.take(4, 5)
    good = grant_for(1, 5, 1, 0, 16, mem)
    refused = [
        (good, shape(interrupts=1, vector=2047), S.VECTOR_INVALID),
        (grant_for(1, 5, 9, 0, 16, mem), shape(), S.INVALID_NS),
        (grant_for(1, 5, 1, 0, 16, mem, ops=1 << 31), shape(), S.INVALID_FIELD),
        (grant_for(1, 0xFFFF, 1, 0, 16, mem), shape(), S.INVALID_FIELD),
    ]
    for client, how, status in refused:
        err, _ = kernel.create(client, how)
        assert (err, kernel.head.status) == (Err.STATUS, status)
    for owner, func in ((0, 0), (2, 6)):  # on the number of the first of those
        app = App(kernel, owner, func, 1, 0, 64)
        assert app.pair.qid == 1
        for _ in range(5):
            app.work()
        app.finish()
        assert kernel.delete(1) == Err.OK
    odd = Range(mem.bus + 8, 1, BOTH)
    sense = [
        grant_for(1, 5, 1, 0, 0, mem),
        ClientOf(1, 5, 1, 0, 1, ALL_OPS, (Range * 1)(odd), 1),
        ClientOf(1, 5, 1, 0, 1, ALL_OPS, (Range * 7)(), 7),
        ClientOf(1, 5, 1, 0, 1, ALL_OPS, None, 1),
    ]
    for client in sense:
        assert kernel.create(client, shape())[0] == Err.ARG
    big = shape(most=(1 << 20) + 1)
    assert kernel.create(good, big)[0] == Err.ARG
    for how in (shape(sq=1), shape(cq=4097), shape(commands=0), shape(most=0), shape(priority=4)):
        assert m.lib.crl_nvme_pair_bytes(ctypes.byref(how)) == 0
    for qid in range(1, 9):
        err, pair = kernel.create(good, shape())
        assert (err, pair.qid) == (Err.OK, qid)
    assert kernel.create(good, shape())[0] == Err.SPACE
    assert kernel.teardown(1) == Err.OK and kernel.create(good, shape())[0] == Err.OK


def test_gives_up(lib):
    """*Stimulus*: nothing there; a controller that never gets ready, one that dies while a command is under way, one that
    never answers. *Checking*: the error of each, in bounded time, and what is still allowed."""
    m = Machine(lib, SEED)
    ones = Port(lambda addr: (1 << 64) - 1, lambda *a: None, m.wmb, m.steps, lambda *a: None)
    kernel = Kernel(m)
    kernel.port, port = ones, kernel.port
    assert kernel.start() == Err.NODE
    kernel.port = port

    m.controller.agent.submit, submit = lambda sqe: None, m.controller.agent.submit
    assert kernel.start() == Err.TIMEOUT  # Identify is never answered
    assert not m.controller.regs.rdy
    m.controller.agent.submit = submit

    assert kernel.start() == Err.OK
    m.controller.fatal()
    assert kernel.namespace(1)[0] == Err.FATAL
    assert kernel.namespace(1)[0] == Err.STATE and kernel.event()[0] == Err.STATE
    assert kernel.start() == Err.OK

    m.controller.regs.quiet, quiet = lambda: [], m.controller.regs.quiet
    assert kernel.stop() == Err.TIMEOUT  # memory never answers
    m.controller.regs.quiet = quiet
    assert kernel.stop() == Err.OK

    m.controller.regs.started, ready = lambda: [], m.controller.regs.started
    assert kernel.start() == Err.TIMEOUT
    m.controller.regs.started = ready


@pytest.mark.skipif(INSIDE in os.environ, reason="this is the run under sanitizers")
def test_under_sanitizers():
    """*Stimulus*: the tests on the model, the library compiled with address and undefined-behaviour sanitizers, all of Python's
    memory from malloc. *Checking*: no finding."""
    compiler = ["cc", "-print-file-name=libasan.so"]
    asan = subprocess.run(compiler, capture_output=True, text=True, check=True).stdout.strip()
    if not Path(asan).is_absolute():
        pytest.skip("the compiler brings no address sanitizer")
    env = dict(os.environ, LD_PRELOAD=asan, ASAN_OPTIONS="detect_leaks=0", PYTHONMALLOC="malloc")
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", __file__]
    chosen = ["-k", "two_clients or kill_one or events or undoes or mid_flight"]
    done = subprocess.run(
        [*command, *chosen],
        env=env | {INSIDE: "1"},
        cwd=FW.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
