# SPDX-License-Identifier: Apache-2.0
"""Each status code is raised by the whole controller, from a command in a queue to the entry that software reads."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from models.layout import NvmeAdminOp as A
from models.layout import NvmeCqe, NvmeIoOp, NvmeSqe
from models.layout import NvmeStatus as S
from models.nvme.admin import QueueSetup, SetupError
from models.nvme.features import Fid
from models.nvme.namespace import Ana
from models.nvme.prp import QUEUE, SOURCE
from models.nvme.status import TRANSIENT
from models.nvme.tests.host import Driver, Pair, grant_bytes, io, system

SQ, CQ, DATA = 0x20_0000, 0x21_0000, 0x40_0000
Scenario = Callable[[Driver, Pair], NvmeCqe]


def read(d: Driver, q: Pair, **fields: int) -> NvmeCqe:
    return d.do(q, io(NvmeIoOp.READ, **({"prp1": DATA} | fields)))


def write(d: Driver, q: Pair, **fields: int) -> NvmeCqe:
    return d.do(q, io(NvmeIoOp.WRITE, **({"prp1": DATA} | fields)))


def cid_conflict(d: Driver, q: Pair) -> NvmeCqe:
    d.try_do(d.admin, NvmeSqe(opc=A.ASYNC_EVENT, cid=500))
    return d.do(d.admin, NvmeSqe(opc=A.KEEP_ALIVE, cid=500))


def data_transfer(d: Driver, q: Pair) -> NvmeCqe:
    d.mem.add_error(DATA, DATA + 8)
    return read(d, q)


def internal(d: Driver, q: Pair) -> NvmeCqe:
    def broken(*_: object) -> None:
        raise SetupError("set-up does not answer")

    d.ctl.arbitration = broken  # type: ignore[method-assign]
    return d.set_feature(Fid.ARBITRATION, 0)


def abort_requested(d: Driver, q: Pair) -> NvmeCqe:
    d.try_do(d.admin, NvmeSqe(opc=A.ASYNC_EVENT, cid=500))
    d.cmd(A.ABORT, cdw10=500 << 16)
    return d.stray[0]


def sq_deleted(d: Driver, q: Pair) -> NvmeCqe:
    d.put(q, io(NvmeIoOp.READ, prp1=DATA, cid=9))
    d.ring(q)
    assert d.ctl.step() == "fetch"
    d.ctl.agent.submit(NvmeSqe(opc=A.DELETE_SQ, cdw10=q.qid))
    return d.poll(q)[0]


def capacity(d: Driver, q: Pair) -> NvmeCqe:
    d.ctl.namespaces[0].capacity = 0
    return write(d, q)


def aer_limit(d: Driver, q: Pair) -> NvmeCqe:
    for cid in range(500, 504):
        assert d.try_do(d.admin, NvmeSqe(opc=A.ASYNC_EVENT, cid=cid)) is None
    return d.cmd(A.ASYNC_EVENT)


def abort_limit(d: Driver, q: Pair) -> NvmeCqe:
    d.ctl.abort = lambda sqid, cid: None  # type: ignore[method-assign]
    for cid in range(500, 504):
        assert d.try_do(d.admin, NvmeSqe(opc=A.ABORT, cdw10=7 << 16 | q.qid, cid=cid)) is None
    return d.cmd(A.ABORT, cdw10=7 << 16 | q.qid)


def bad_write(d: Driver, q: Pair) -> NvmeCqe:
    d.ctl.namespaces[0].bad_write = {0}
    return write(d, q)


def bad_read(d: Driver, q: Pair) -> NvmeCqe:
    d.ctl.namespaces[0].bad_read = {0}
    return read(d, q)


def compare_failure(d: Driver, q: Pair) -> NvmeCqe:
    d.mem.write(DATA, b"x")
    return d.do(q, io(NvmeIoOp.COMPARE, prp1=DATA))


def access_denied(d: Driver, q: Pair) -> NvmeCqe:
    ranges = [(0x30_0000, 2, QUEUE), (DATA, 1, SOURCE)]
    d.grant(4, grant_bytes(1, 2, 1, 0, 8, ranges))
    p = d.create(Pair(4, 0x30_0000, 0x30_1000, 7, func=2))
    return d.do(p, io(NvmeIoOp.READ, prp1=DATA))  # it may be read, not written


def ana_transition(d: Driver, q: Pair) -> NvmeCqe:
    d.ctl.agent.ana_change(1, Ana.CHANGE)
    return read(d, q)


SCENARIOS: dict[S, Scenario] = {
    S.SUCCESS: read,
    S.INVALID_OPCODE: lambda d, q: d.do(q, io(0x03, prp1=DATA)),
    S.INVALID_FIELD: lambda d, q: read(d, q, psdt=1),
    S.CID_CONFLICT: cid_conflict,
    S.DATA_TRANSFER: data_transfer,
    S.INTERNAL: internal,
    S.ABORT_REQUESTED: abort_requested,
    S.SQ_DELETED: sq_deleted,
    S.INVALID_NS: lambda d, q: read(d, q, nsid=3),
    S.SEQUENCE_ERROR: lambda d, q: d.set_feature(Fid.QUEUES, 0),
    S.INVALID_PRP: lambda d, q: read(d, q, prp1=DATA + 2),
    S.LBA_RANGE: lambda d, q: read(d, q, slba=4096),
    S.CAPACITY: capacity,
    S.CQ_INVALID: lambda d, q: d.create_sq(Pair(2, SQ, CQ, 7)),
    S.QID_INVALID: lambda d, q: d.cmd(A.DELETE_SQ, cdw10=2),
    S.QSIZE_INVALID: lambda d, q: d.create_cq(Pair(2, SQ, CQ, 0)),
    S.ABORT_LIMIT: abort_limit,
    S.AER_LIMIT: aer_limit,
    S.VECTOR_INVALID: lambda d, q: d.create_cq(Pair(2, SQ, CQ, 7), vec=99),
    S.LOG_INVALID: lambda d, q: d.log_page(0x80, 512),
    S.DELETE_SQ_FIRST: lambda d, q: d.cmd(A.DELETE_CQ, cdw10=1),
    S.NOT_SAVEABLE: lambda d, q: d.set_feature(1 << 31 | Fid.COALESCING, 0),
    S.NOT_CHANGEABLE: lambda d, q: d.set_feature(Fid.ATOMICITY, 1),
    S.WRITE_FAULT: bad_write,
    S.READ_ERROR: bad_read,
    S.COMPARE_FAILURE: compare_failure,
    S.ACCESS_DENIED: access_denied,
    S.ANA_TRANSITION: ana_transition,
}


@pytest.mark.parametrize("status", list(S), ids=lambda s: s.name)
def test_status(status: S) -> None:
    """Stimulus: for each code what raises it. Checking: the code in the entry, DNR, MORE with ACCESS_DENIED alone and
    then a log entry; the controller goes on, the queue's next command completes."""
    d = system()
    q = d.create(Pair(1, SQ, CQ, 7))
    cqe = SCENARIOS[status](d, q)
    assert S(cqe.status) == status
    assert bool(cqe.dnr) == (status not in TRANSIENT)
    assert bool(cqe.more) == (status == S.ACCESS_DENIED) == bool(d.ctl.agent.error_count)
    assert d.ready and d.cmd(A.KEEP_ALIVE).status == S.SUCCESS
    if status != S.SQ_DELETED:
        assert d.do(q, NvmeSqe(opc=NvmeIoOp.VERIFY, nsid=2)).status == S.SUCCESS


def test_setup_has_no_defaults_for_queues() -> None:
    """Checking: an interface that forgets a call fails, it doesn't pretend."""
    setup = QueueSetup()
    for call in (
        lambda: setup.create_cq(1, 1, 0, 0, 0, True),
        lambda: setup.create_sq(1, 1, 0, 0, 1, 0),
        lambda: setup.delete_cq(1),
        lambda: setup.delete_sq(1),
        lambda: setup.grant_set(1, None, ()),  # type: ignore[arg-type]
        lambda: setup.teardown((), ()),
    ):
        with pytest.raises(NotImplementedError):
            call()
    assert setup.abort(1, 1) is False
