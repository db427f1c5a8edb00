# SPDX-License-Identifier: Apache-2.0
"""The whole controller: who may touch what, memory that answers with errors, queues that are full, every kind of end."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from models.layout import NvmeAdminOp as A
from models.layout import NvmeAerErr, NvmeCqe, NvmeIoOp, NvmeSqe
from models.layout import NvmeStatus as S
from models.nvme.controller import (
    BadDoorbell,
    Completed,
    Controller,
    Executed,
    ForeignAccess,
    MemWrite,
    Msi,
    QueueFailed,
    SubsystemReset,
)
from models.nvme.features import Fid
from models.nvme.identify import Identity
from models.nvme.prp import QUEUE, SINK, SOURCE
from models.nvme.tests.host import (
    ASQ,
    CC,
    CSTS,
    ENABLED,
    NSSR,
    Bus,
    Driver,
    Pair,
    doorbell,
    grant_bytes,
    io,
    namespaces,
    system,
)

SQ, CQ, DATA = 0x20_0000, 0x21_0000, 0x800_0000
SHUTDOWN = ENABLED | 1 << 14


def pair(d: Driver, qid: int = 1, size: int = 7, **fields: int) -> Pair:
    return d.create(Pair(qid, SQ + 0x10_0000 * qid, CQ + 0x10_0000 * qid, size, **fields))


# registers --------------------------------------------------------------------------------------
def test_registers_are_function_0s() -> None:
    """Stimulus: reads and writes of function 3, of 4 and 8 bytes, to registers and to doorbells that are not its own.
    Checking: all ones, no effect, each counted; function 0 reads what it wrote."""
    d = system()
    before = [d.ctl.reg_read(a, 8) for a in range(0, 0x78, 8)]
    for a in range(0, 0x78, 8):
        assert d.ctl.reg_read(a, 8, 3) == b"\xff" * 8
        d.ctl.reg_write(a, bytes(8), 3)
        d.ctl.reg_write(a + 4, bytes(4), 3)
    assert d.ctl.foreign[3] == 45
    assert [d.ctl.reg_read(a, 8) for a in range(0, 0x78, 8)] == before
    assert d.ctl.reg_read(0x1000) == bytes(4) and d.ctl.reg_read(0x100) == bytes(4)
    for bad in (b"", bytes(9)):
        with pytest.raises(ValueError):
            d.ctl.reg_write(0, bad)
    with pytest.raises(ValueError):
        d.ctl.reg_write(4, bytes(8))


def test_own_doorbell_page() -> None:
    """Stimulus: the owner and another function read and ring a private queue's doorbells. Checking: the owner's count, the
    other's are refused and counted; function 0 may."""
    d = system()
    ranges = [(SQ, 2, QUEUE), (DATA, 1, SOURCE | SINK)]
    d.grant(4, grant_bytes(5, 3, 1, 0, 8, ranges))
    q = d.create(Pair(4, SQ, SQ + 0x1000, 7, func=3))
    assert d.ctl.reg_read(doorbell(4, False), 4, 3) == bytes(4)
    assert d.ctl.reg_read(doorbell(4, True), 4, 7) == b"\xff" * 4
    assert d.ctl.reg_read(doorbell(100, False), 4, 3) == b"\xff" * 4
    d.ctl.take_events()
    assert d.do(q, io(NvmeIoOp.WRITE, prp1=DATA)).status == S.SUCCESS
    users = {e.func for e in d.ctl.take_events() if isinstance(e, MemWrite)}
    assert users == {3}
    d.put(q, io(NvmeIoOp.WRITE, prp1=DATA, cid=5))
    d.wr32(doorbell(4, False), q.tail, 7)
    assert ForeignAccess(7) in d.ctl.take_events() and d.ctl.step() is None
    d.wr32(doorbell(4, False), q.tail, 0)
    d.ctl.run()
    assert [c.cid for c in d.poll(q)] == [5]


def test_bad_doorbells() -> None:
    """Stimulus: function 0 rings a queue that is not there, values out of range, that move nothing, that go too far.
    Checking: the code of each, counted by queue; commands go on."""
    d = system()
    q = pair(d)
    for addr, value, code in (
        (doorbell(2, False), 1, NvmeAerErr.BAD_DB_REGISTER),
        (doorbell(200, True), 1, NvmeAerErr.BAD_DB_REGISTER),
        (doorbell(1, False), 8, NvmeAerErr.BAD_DB_VALUE),
        (doorbell(1, False), 0, NvmeAerErr.BAD_DB_VALUE),
        (doorbell(1, True), 1, NvmeAerErr.BAD_DB_VALUE),
    ):
        d.ctl.take_events()
        d.wr32(addr, value)
        seen = [e.code for e in d.ctl.take_events() if isinstance(e, BadDoorbell)]
        assert seen == [code], hex(addr)
    assert d.ctl.bad_doorbells[1] == 3
    assert d.do(q, io(NvmeIoOp.READ, prp1=DATA)).status == S.SUCCESS


@pytest.mark.parametrize("dstrd", [0, 3, 9])
def test_doorbell_stride(dstrd: int) -> None:
    """Stimulus: a controller with this stride, commands on three queues. Checking: CAP tells it, each completes."""
    bus = Bus()
    d = Driver(Controller(Identity(), namespaces(), bus.read, bus.write, dstrd=dstrd), bus.mem)
    d.enable()
    assert d.rd32(4) & 0xF == dstrd
    for qid in (1, 2, 8):
        assert d.do(pair(d, qid), io(NvmeIoOp.READ, prp1=DATA)).status == S.SUCCESS


# flow -------------------------------------------------------------------------------------------
def test_full_completion_queue() -> None:
    """Stimulus: two SQs share a CQ that nobody reads; then it is read. Checking: no more entries than it holds, other queues go
    on, the rest comes, each command once."""
    d = system()
    q = pair(d, 1, 3)
    more = Pair(2, SQ + 0x20_0000, q.cq, 3, cqid=1)
    assert d.create_sq(more).status == S.SUCCESS
    other = pair(d, 3)
    cids = iter(range(1, 100))
    for sq in (q, more):
        for _ in range(3):
            d.put(sq, io(NvmeIoOp.READ, prp1=DATA, cid=next(cids)))
        d.ring(sq)
    d.ctl.take_events()
    d.ctl.run()
    assert sum(isinstance(e, Completed) for e in d.ctl.take_events()) == 3
    assert d.do(other, io(NvmeIoOp.READ, prp1=DATA)).status == S.SUCCESS
    got = []
    for _ in range(6):
        got += [c.cid for c in d.poll(q, limit=1)]
        d.ctl.run()
    assert sorted(got) == list(range(1, 7)) and not d.poll(q)


def test_deep_queue_wraps() -> None:
    """Stimulus: a queue of 4096 entries, 5000 commands, in batches. Checking: every CID once, SQHD, phases on each
    pass."""
    d = system()
    q = d.create(Pair(1, 0x100_0000, 0x200_0000, 4095))
    rng, sent, got = random.Random(3), 0, []
    while sent < 5000:
        for _ in range(rng.randint(1, 1000)):
            d.put(q, NvmeSqe(opc=NvmeIoOp.FLUSH, nsid=1, cid=sent & 0xFFFF))
            sent += 1
        d.ring(q)
        d.ctl.run()
        entries = d.poll(q)
        assert entries[-1].sqhd == q.tail
        got += [c.cid for c in entries]
        d.ctl.events.clear()
    assert got == list(range(sent))


def test_interrupts() -> None:
    """Stimulus: queues with and without interrupts, on several vectors. Checking: an interrupt after the entries that it
    announces, none for the queue without."""
    d = system()
    queues = []
    for qid, (vec, ien) in enumerate(((3, 1), (5, 0)), 1):
        q = Pair(qid, SQ + 0x10_0000 * qid, CQ + 0x10_0000 * qid, 7)
        assert d.create_cq(q, vec=vec, ien=ien).status == S.SUCCESS
        assert d.create_sq(q).status == S.SUCCESS
        queues.append(q)
    d.ctl.take_events()
    for q in queues:
        assert d.do(q, io(NvmeIoOp.READ, prp1=DATA)).status == S.SUCCESS
    events = d.ctl.take_events()
    kinds = [type(e).__name__ for e in events if not isinstance(e, MemWrite)]
    assert kinds == ["Executed", "Completed", "Msi", "Executed", "Completed"]
    assert [e.vec for e in events if isinstance(e, Msi)] == [3]


def test_urgent_first() -> None:
    """Stimulus: weighted round robin; commands in queues of each class, before anything is fetched. Checking: urgent ones
    are fetched first, all in the end."""
    d = system(start=False)
    d.enable(ENABLED | 1 << 11)
    assert d.ctl.arb.cfg.wrr
    d.set_feature(Fid.ARBITRATION, 0)
    queues = []
    for qid, prio in ((1, 3), (2, 1), (3, 0)):
        q = Pair(qid, SQ + 0x10_0000 * qid, CQ + 0x10_0000 * qid, 7)
        assert d.create_cq(q).status == S.SUCCESS and d.create_sq(q, prio=prio).status == S.SUCCESS
        queues.append(q)
    for q in queues:
        for _ in range(3):
            d.put(q, io(NvmeIoOp.READ, prp1=DATA, cid=q.qid))
        d.ring(q)
    d.ctl.take_events()
    d.ctl.run()
    order = [e.sqid for e in d.ctl.take_events() if isinstance(e, Executed)]
    assert order[:3] == [3, 3, 3] and sorted(order) == [1] * 3 + [2] * 3 + [3] * 3


# memory that fails ------------------------------------------------------------------------------
def test_fetch_error() -> None:
    """Stimulus: the second entry of a queue can't be read; then one of the admin queue. Checking: what was before it
    completes, the queue stands still and others go on until it is created anew; the admin queue's is fatal."""
    d = system()
    q, other = pair(d, 1), pair(d, 2)
    for cid in (1, 2, 3):
        d.put(q, io(NvmeIoOp.READ, prp1=DATA, cid=cid))
    d.mem.add_error(q.sq + 64, q.sq + 128)
    d.ctl.take_events()
    d.ring(q)
    d.ctl.run()
    assert [c.cid for c in d.poll(q)] == [1]
    assert QueueFailed(1, False) in d.ctl.take_events()
    assert d.do(other, io(NvmeIoOp.READ, prp1=DATA)).status == S.SUCCESS
    assert d.ctl.agent.error_count == 1
    for op in (A.DELETE_SQ, A.DELETE_CQ):
        assert d.cmd(op, cdw10=1).status == S.SUCCESS
    d.mem.errors.clear()
    assert d.do(pair(d, 1), io(NvmeIoOp.READ, prp1=DATA)).status == S.SUCCESS
    d.mem.add_error(d.admin.sq, d.admin.sq + 4096)
    assert d.try_do(d.admin, NvmeSqe(opc=A.KEEP_ALIVE)) is None
    assert d.rd32(CSTS) & 3 == 3
    d.mem.errors.clear()
    d.disable()
    assert d.rd32(CSTS) == 0
    d.enable()
    assert d.cmd(A.KEEP_ALIVE).status == S.SUCCESS


def test_entry_error() -> None:
    """Stimulus: an entry of a queue can't be written; then one of the admin queue. Checking: that queue posts nothing more,
    others go on; the admin queue's is fatal."""
    d = system()
    q, other = pair(d, 1), pair(d, 2)
    d.mem.add_error(q.cq, q.cq + 16)
    d.ctl.take_events()
    for cid in range(1, 4):
        assert d.try_do(q, io(NvmeIoOp.READ, prp1=DATA, cid=cid)) is None
    events = d.ctl.take_events()
    assert QueueFailed(1, True) in events and not [e for e in events if isinstance(e, Completed)]
    assert d.do(other, io(NvmeIoOp.READ, prp1=DATA)).status == S.SUCCESS
    d.mem.add_error(d.admin.cq, d.admin.cq + 4096)
    assert d.try_do(d.admin, NvmeSqe(opc=A.KEEP_ALIVE)) is None
    assert d.rd32(CSTS) & 3 == 3


# ends -------------------------------------------------------------------------------------------
def busy(d: Driver, queues: list[Pair]) -> None:
    """Commands in every queue, the admin queue too."""
    d.put(d.admin, NvmeSqe(opc=A.ASYNC_EVENT, cid=0x700))
    d.ring(d.admin)
    for q in queues:
        for cid in range(1, 6):
            op = (NvmeIoOp.WRITE, NvmeIoOp.READ)[cid % 2]
            d.put(q, io(op, q.qid * 16, 8, cid=cid, prp1=DATA + 0x1000 * q.qid))
        d.ring(q)


def disable(d: Driver) -> None:
    d.wr32(CC, ENABLED & ~1)


def shutdown(d: Driver) -> None:
    d.wr32(CC, SHUTDOWN)


def subsystem(d: Driver) -> None:
    d.wr32(NSSR, 0x4E56_4D65)


def at_every_step(end: Callable[[Driver], None]) -> int:
    """Run a busy controller to each of its steps, then end it; what is after it is checked by the caller's loop."""
    for stop in range(1000):
        d = system()
        queues = [pair(d, 1), pair(d, 2)]
        busy(d, queues)
        pick = random.Random(stop).randrange
        if any(d.ctl.step(pick) is None for _ in range(stop)):
            return stop
        d.ctl.take_events()
        begun = [(f.sqid, f.sqe.cid) for f in d.ctl.inflight]
        end(d)
        d.ctl.run(pick)
        events = d.ctl.take_events()
        posted = [(e.entry.sqid, e.entry.cid) for e in events if isinstance(e, Completed)]
        if end is shutdown:
            assert d.rd32(CSTS) == 0b1001
            assert set(posted) >= {b for b in begun if b[0]}, "what was fetched is completed"
        else:
            assert d.rd32(CSTS) == (1 << 4 if end is subsystem else 0) and not posted
            assert (end is subsystem) == (SubsystemReset() in events)
        before = d.mem.copy()
        for q in (d.admin, *queues):
            d.ring(q)
        d.ctl.run()
        assert not before.diff(d.mem), "written after the end"
        if end is shutdown:
            disable(d)
        else:
            d.wr32(CSTS, 1 << 4)
        d.enable()
        assert d.rd32(CSTS) == 1
        q = pair(d, 1)
        assert d.do(q, io(NvmeIoOp.READ, prp1=DATA)).status == S.SUCCESS
        assert not d.stray
    raise AssertionError("it never came to rest")


@pytest.mark.parametrize("end", [disable, shutdown, subsystem], ids=lambda f: f.__name__)
def test_an_end_at_every_step(end: Callable[[Driver], None]) -> None:
    """Stimulus: a busy controller is disabled, shut down or reset after each number of steps, in random order, then enabled
    again. Checking: registers; a reset posts nothing more, a shutdown completes what was fetched; nothing is written
    after it, whoever rings; the new life is clean."""
    assert at_every_step(end) > 10


def test_end_and_begin_in_one_go() -> None:
    """Stimulus: EN is cleared and set again before RDY is 0. Checking: it starts anew, with new admin queues."""
    d = system()
    pair(d, 1)
    disable(d)
    d.wr32(ASQ, 0x66_0000)
    d.wr32(CC, ENABLED)
    assert d.rd32(CSTS) == 1, "the reset is not over"
    d.ctl.run()
    assert d.rd32(CSTS) == 1 and not d.ctl.agent.sqs
    assert d.ctl.sqs[0].base == 0x66_0000 and not d.ctl.bells.sqs[1].valid


def test_refused_enable() -> None:
    """Stimulus: CC with a page size that isn't there. Checking: CFS, RDY stays 0; after a reset it starts."""
    d = system(start=False)
    d.enable(ENABLED | 1 << 7)
    assert d.rd32(CSTS) == 2
    d.disable()
    d.enable()
    assert d.rd32(CSTS) == 1


def test_aborted_requests_do_not_survive() -> None:
    """Stimulus: held requests and an event, then a reset. Checking: no entry for them in the new life."""
    d = system()
    d.try_do(d.admin, NvmeSqe(opc=A.ASYNC_EVENT, cid=0x700))
    d.disable()
    d.enable()
    d.wr32(doorbell(4, False), 1)
    d.ctl.run()
    assert not d.poll(d.admin)
    assert NvmeCqe.unpack(d.mem.read(d.admin.cq, 16)).phase == 0


def test_too_many_steps() -> None:
    """Checking: `run` gives up when it doesn't come to rest."""
    d = system()
    busy(d, [pair(d, 1)])
    with pytest.raises(RuntimeError):
        d.ctl.run(limit=2)
