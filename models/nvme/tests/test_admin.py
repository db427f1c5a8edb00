# SPDX-License-Identifier: Apache-2.0
"""Admin commands: data structures, queues and their owners, features, logs, events."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.layout import NvmeAdminOp as A
from models.layout import NvmeAerErr, NvmeCqe, NvmeIoOp, NvmeSqe
from models.layout import NvmeStatus as S
from models.memory import Memory
from models.nvme.admin import FULL_GRANT, NO_GRANT, AdminAgent, QueueSetup
from models.nvme.features import Fid
from models.nvme.identify import ALL, OAES_ANA, Identity
from models.nvme.namespace import Ana
from models.nvme.prp import PRP_LIST, QUEUE, SINK, SOURCE
from models.nvme.tests.host import PAGE, Pair, doorbell, grant_bytes, io, namespaces, prps, system


def le(raw: bytes, offset: int, size: int) -> int:
    return int.from_bytes(raw[offset : offset + size], "little")


# Identify ---------------------------------------------------------------------------------------
def test_identify_controller() -> None:
    """Stimulus: Identify 01h of two controllers of one subsystem. Checking: each field that software relies on, by its
    offset in the standard; CNTLID differs, SUBNQN doesn't."""
    raws = []
    for cntlid in (1, 2):
        d = system(cntlid=cntlid, queues=16)
        assert d.cmd(A.IDENTIFY, cdw10=1).status == S.SUCCESS
        raws.append(d.data())
    one, two = raws
    assert le(one, 78, 2) == 1 and le(two, 78, 2) == 2
    assert one[768:1024] == two[768:1024] and one[768:].startswith(b"nqn.")
    assert one[76] == 0b1011, "CMIC: ports, controllers, ANA"
    assert 4096 << one[77] == 1 << 20, "MDTS"
    assert le(one, 80, 4) == 0x20000 and le(one, 92, 4) == OAES_ANA
    assert one[111] == 1 and one[258] == 3 and one[259] == 3 and one[262] == 15
    assert one[512] == 0x66 and one[513] == 0x44 and le(one, 516, 4) == 3
    assert le(one, 520, 2) == 0b1001_1101, "ONCS: Compare, DSM, Write Zeroes, SELECT, Verify"
    assert one[525] == 0b110, "VWC: none, Flush takes all namespaces"
    assert one[342] and one[343] == 0b0101_0011, "ANATT, ANACAP"
    assert le(one, 344, 4) == le(one, 348, 4) == le(one, 540, 4) == 3, "ANAGRPMAX, NANAGRPID, MNAN"
    assert le(one, 256, 2) == 0 and le(one, 536, 4) == 0, "OACS, SGLS"
    assert all(32 <= c < 127 for c in one[4:72])


def test_identify_namespace() -> None:
    """Stimulus: Identify 00h, 02h, 03h, 06h. Checking: sizes, format, NMIC, ANAGRPID, NGUID, lists; zeroes for an
    inactive one, errors for NSIDs that can't be."""
    d = system()
    for ns in d.ctl.namespaces[:2]:
        assert d.cmd(A.IDENTIFY, cdw10=0, nsid=ns.nsid).status == S.SUCCESS
        raw = d.data()
        assert le(raw, 0, 8) == le(raw, 8, 8) == le(raw, 16, 8) == ns.blocks
        lbads = raw[128 + 4 * (raw[26] & 0xF) + 2]
        assert raw[25] == 1 and lbads == ns.shift
        assert raw[30] == 1 and raw[33] == 0b1001 and le(raw, 92, 4) == ns.nsid
        assert raw[104:120] == ns.nguid and raw[120:128] == ns.eui64
        assert d.cmd(A.IDENTIFY, cdw10=3, nsid=ns.nsid).status == S.SUCCESS
        raw = d.data()
        assert raw[:20] == bytes([2, 16, 0, 0]) + ns.nguid
    assert d.cmd(A.IDENTIFY, cdw10=0, nsid=3).status == S.SUCCESS and not any(d.data())
    for nsid in (0, 4, ALL):
        assert d.cmd(A.IDENTIFY, cdw10=0, nsid=nsid).status == S.INVALID_NS
    for nsid in (0, 3, 4, ALL):
        assert d.cmd(A.IDENTIFY, cdw10=3, nsid=nsid).status == S.INVALID_NS
    assert d.cmd(A.IDENTIFY, cdw10=2, nsid=1).status == S.SUCCESS
    assert le(d.data(), 0, 4) == 2 and not any(d.data()[4:])
    assert d.cmd(A.IDENTIFY, cdw10=2, nsid=ALL).status == S.INVALID_NS
    assert d.cmd(A.IDENTIFY, cdw10=6, cdw11=0).status == S.SUCCESS and not any(d.data())
    for cns, csi in ((5, 0), (6, 2), (0x10, 0), (0xFF, 0)):
        bad = d.cmd(A.IDENTIFY, cdw10=cns, cdw11=csi << 24)
        assert bad.status == S.INVALID_FIELD and bad.dnr


def test_thin_namespace() -> None:
    """Stimulus: a namespace with less capacity than blocks, written. Checking: NCAP, NUSE, NSFEAT."""
    d = system()
    d.ctl.namespaces[0].capacity = 5
    d.ctl.namespaces[0].write(0, bytes(1024))
    assert d.cmd(A.IDENTIFY, cdw10=0, nsid=1).status == S.SUCCESS
    raw = d.data()
    assert (le(raw, 0, 8), le(raw, 8, 8), le(raw, 16, 8), raw[24]) == (4096, 5, 2, 1)


# data of admin commands -------------------------------------------------------------------------
@given(offset=st.integers(0, 1023).map(lambda n: 4 * n), count=st.integers(1, 3), at=st.sampled_from([0, 8, 4080]))
def test_admin_data_anywhere(offset: int, count: int, at: int) -> None:
    """Stimulus: Get Log Page into buffers at any offset, of one page to a list, that chains if it begins at the end of
    a page. Checking: the bytes are there, the pages round it untouched."""
    d = system()
    for n in range(3):
        d.ctl.agent.log_error(n, n, S.SUCCESS)
    length = 4096 * count
    pages = [0x40_0000 + 0x2000 * n for n in range(count + 1)]
    where = prps(d.mem, pages, offset, length, [0x60_0000 + at, 0x61_0000])
    if -(-(offset + length) // PAGE) == 2:
        where["prp2"] = pages[1]
    before = d.mem.copy()
    assert d.log_page(1, length, **where).status == S.SUCCESS
    got, left = b"", length
    for page in pages:
        begin = offset if page == pages[0] else 0
        n = min(PAGE - begin, left)
        got += d.mem.read(page + begin, n)
        left -= n
        before.write(page + begin, d.mem.read(page + begin, n))
    assert [le(got, 64 * n, 8) for n in range(4)] == [3, 2, 1, 0] and not any(got[64 * 16 :])
    for run in before.diff(d.mem):
        assert 0x1_0000 <= run.addr < 0x1_2000, run


# queues -----------------------------------------------------------------------------------------
def test_create_cq_refusals() -> None:
    """Stimulus: Create CQ with each fault. Checking: its code with DNR, nothing is created; the good one works."""
    d = system(queues=4, vectors=5)
    q = Pair(2, 0x20_0000, 0x21_0000, 63)
    for fault, status in (
        ({"cdw10": 63 << 16}, S.QID_INVALID),
        ({"cdw10": 63 << 16 | 5}, S.QID_INVALID),
        ({"cdw10": 2}, S.QSIZE_INVALID),
        ({"cdw10": 4096 << 16 | 2}, S.QSIZE_INVALID),
        ({"cdw11": 1 << 16 | 2}, S.INVALID_FIELD),
        ({"prp1": q.cq + 0x10}, S.INVALID_PRP),
        ({"cdw11": 5 << 16 | 3}, S.VECTOR_INVALID),
    ):
        bad = d.create_cq(q, **fault)
        assert (bad.status, bad.dnr) == (status, 1), fault
        assert not d.ctl.agent.cqs
    assert d.create_cq(q, vec=5, ien=0).status == S.SUCCESS, "a vector that is not used"
    assert d.create_cq(q).status == S.QID_INVALID, "in use"
    assert d.create_cq(Pair(4, q.sq, q.cq, 4095)).status == S.SUCCESS


def test_create_sq_refusals() -> None:
    """Stimulus: Create SQ with each fault. Checking: its code with DNR; the good one works."""
    d = system(queues=4)
    q = Pair(2, 0x20_0000, 0x21_0000, 63)
    assert d.create_sq(q).status == S.CQ_INVALID
    assert d.create_cq(q).status == S.SUCCESS
    for fault, status in (
        ({"cdw10": 63 << 16}, S.QID_INVALID),
        ({"cdw10": 63 << 16 | 5}, S.QID_INVALID),
        ({"cdw10": 2}, S.QSIZE_INVALID),
        ({"cdw10": 4096 << 16 | 2}, S.QSIZE_INVALID),
        ({"cdw11": 0 << 16 | 1}, S.CQ_INVALID),
        ({"cdw11": 3 << 16 | 1}, S.CQ_INVALID),
        ({"cdw11": 2 << 16}, S.INVALID_FIELD),
        ({"prp1": q.sq + 0x40}, S.INVALID_PRP),
    ):
        bad = d.create_sq(q, **fault)
        assert (bad.status, bad.dnr) == (status, 1), fault
    assert d.create_sq(q).status == S.SUCCESS
    assert d.create_sq(q).status == S.QID_INVALID


def test_delete_queues() -> None:
    """Stimulus: deletion in the wrong order, of queues that aren't there, twice. Checking: codes; the numbers can be
    used again."""
    d = system()
    q = d.create(Pair(1, 0x20_0000, 0x21_0000, 7))
    more = Pair(2, 0x22_0000, q.cq, 7, cqid=1)
    assert d.create_sq(more).status == S.SUCCESS
    assert d.cmd(A.DELETE_CQ, cdw10=1).status == S.DELETE_SQ_FIRST
    for qid in (0, 3, 9, 0xFFFF):
        assert d.cmd(A.DELETE_SQ, cdw10=qid).status == S.QID_INVALID
        assert d.cmd(A.DELETE_CQ, cdw10=qid).status == S.QID_INVALID
    assert d.cmd(A.DELETE_SQ, cdw10=1).status == S.SUCCESS
    assert d.cmd(A.DELETE_CQ, cdw10=1).status == S.DELETE_SQ_FIRST
    assert d.cmd(A.DELETE_SQ, cdw10=2).status == S.SUCCESS
    assert d.cmd(A.DELETE_SQ, cdw10=2).status == S.QID_INVALID
    assert d.cmd(A.DELETE_CQ, cdw10=1).status == S.SUCCESS
    q = d.create(Pair(1, 0x20_0000, 0x21_0000, 7))
    assert d.do(q, io(NvmeIoOp.READ, prp1=0x3_0000)).status == S.SUCCESS


def test_number_of_queues() -> None:
    """Stimulus: Set Features 07h with few, many and FFFFh, before and after a queue exists. Checking: what is allocated,
    the limit on queue numbers, SEQUENCE_ERROR after; all are back after a reset."""
    d = system(queues=8)
    assert d.set_feature(7, 0xFFFF).status == S.INVALID_FIELD
    assert d.set_feature(7, 99 << 16 | 99).dw0 == 7 << 16 | 7
    assert d.set_feature(7, 1 << 16 | 2).dw0 == 1 << 16 | 2
    assert d.get_feature(7).dw0 == 1 << 16 | 2
    assert d.create_cq(Pair(3, 0x20_0000, 0x21_0000, 7)).status == S.QID_INVALID
    d.create(Pair(2, 0x20_0000, 0x21_0000, 7))
    assert d.set_feature(7, 0).status == S.SEQUENCE_ERROR
    d.disable()
    d.enable()
    assert d.get_feature(7).dw0 == 7 << 16 | 7


# grants -----------------------------------------------------------------------------------------
QMEM, DMEM = 0x20_0000, 0x40_0000


def private(owner: int = 5, func: int = 3) -> bytes:
    ranges = [(QMEM, 2, QUEUE), (DMEM, 4, SOURCE | SINK | PRP_LIST)]
    return grant_bytes(owner, func, 1, 100, 50, ranges)


def test_grant_set() -> None:
    """Stimulus: GRANT_SET, then the queues, outside and inside their memory. Checking: ACCESS_DENIED with MORE and a
    log entry; the queue belongs to the function of the grant; a later GRANT_SET is out of sequence."""
    d = system()
    assert d.grant(3, private()).status == S.SUCCESS
    bad = d.create_cq(Pair(3, QMEM, DMEM, 7))
    assert (bad.status, bad.dnr, bad.more) == (S.ACCESS_DENIED, 1, 1)
    assert d.create_cq(Pair(3, QMEM, QMEM + PAGE, 511)).status == S.ACCESS_DENIED, "too long"
    assert d.ctl.agent.error_count == 2
    q = d.create(Pair(3, QMEM, QMEM + PAGE, 7, func=3))
    assert d.grant(3, private()).status == S.SEQUENCE_ERROR
    assert d.do(q, io(NvmeIoOp.WRITE, 100, prp1=DMEM)).status == S.SUCCESS
    assert d.do(q, io(NvmeIoOp.WRITE, 99, prp1=DMEM)).status == S.ACCESS_DENIED
    assert not d.ctl.foreign
    d.wr32(doorbell(3, False), 0, 4)
    assert d.ctl.foreign == {4: 1} and not d.ctl.bad_doorbells


def test_grant_set_refusals() -> None:
    """Stimulus: grants with each fault. Checking: codes; none is kept, so the queue is the kernel's."""
    d = system(func_w=8)
    good = private()

    def patched(offset: int, value: int, size: int = 4) -> bytes:
        return good[:offset] + value.to_bytes(size, "little") + good[offset + size :]

    for qid, raw, status in (
        (0, good, S.QID_INVALID),
        (9, good, S.QID_INVALID),
        (3, patched(28, 9), S.INVALID_FIELD),
        (3, patched(24, 1 << 3), S.INVALID_FIELD),
        (3, patched(2, 256, 2), S.INVALID_FIELD),
        (3, patched(4, 4), S.INVALID_NS),
        (3, patched(32, QMEM + 8, 8), S.INVALID_FIELD),
        (3, patched(32, (1 << 64) - 4096, 8), S.INVALID_FIELD),
        (3, patched(44, 0x10, 1), S.INVALID_FIELD),
    ):
        bad = d.grant(qid, raw)
        assert (bad.status, bad.dnr) == (status, 1), (qid, status)
    d.create(Pair(3, 0x30_0000, 0x30_1000, 7))
    assert d.ctl.agent.grants[3] == FULL_GRANT


def test_owner_rule() -> None:
    """Stimulus: SQs of one owner, another and the kernel for a CQ. Checking: only its own owner's joins."""
    d = system()
    assert d.grant(3, private(5)).status == S.SUCCESS
    assert d.grant(4, private(5)).status == S.SUCCESS
    assert d.grant(5, private(6)).status == S.SUCCESS
    assert d.create_cq(Pair(3, QMEM, QMEM, 7)).status == S.SUCCESS
    assert d.create_cq(Pair(1, 0x30_0000, 0x30_1000, 7)).status == S.SUCCESS
    assert d.create_sq(Pair(5, QMEM + PAGE, QMEM, 7, cqid=3)).status == S.CQ_INVALID
    assert d.create_sq(Pair(2, QMEM + PAGE, QMEM, 7, cqid=3)).status == S.CQ_INVALID
    assert d.create_sq(Pair(4, QMEM + PAGE, QMEM, 7, cqid=1)).status == S.CQ_INVALID
    assert d.create_sq(Pair(4, QMEM + PAGE, QMEM, 7, cqid=3)).status == S.SUCCESS


def test_grant_ends_with_its_queues() -> None:
    """Stimulus: queues with a grant are deleted, one after the other. Checking: the grant lasts as long as one of them."""
    d = system()
    d.grant(3, private())
    d.create(Pair(3, QMEM, QMEM + PAGE, 7, func=3))
    assert d.cmd(A.DELETE_SQ, cdw10=3).status == S.SUCCESS
    assert d.ctl.grants[3].owner == 5
    assert d.cmd(A.DELETE_CQ, cdw10=3).status == S.SUCCESS
    assert d.ctl.grants[3].nsid == 0 and not d.ctl.ranges[3] and 3 not in d.ctl.agent.grants


def test_owner_teardown() -> None:
    """Stimulus: two clients and the kernel with commands that were fetched, and a grant without a queue; teardown of
    one client. Checking: its queues and grants are gone, nothing is posted to it any more, its doorbells are
    BAD_DB_REGISTER for function 0, the others' commands complete."""
    d = system()
    d.grant(3, private(5))
    d.grant(6, private(5))
    mine = d.create(Pair(3, QMEM, QMEM + PAGE, 7, func=3))
    other = d.create(Pair(1, 0x30_0000, 0x30_1000, 7))
    assert d.cmd(A.OWNER_TEARDOWN, cdw10=0).status == S.INVALID_FIELD, "the kernel is no client"
    for q in (mine, other):
        d.put(q, io(NvmeIoOp.WRITE, 100, prp1=DMEM, cid=77))
        d.put(q, io(NvmeIoOp.WRITE, 101, prp1=DMEM, cid=78))
        d.ring(q)
    while len(d.ctl.inflight) < 4:
        assert d.ctl.step() == "fetch"
    one = next(f for f in d.ctl.inflight if f.sqid == 3)
    d.ctl._execute(one)  # its entry waits, the other one was not begun
    before = d.mem.read(mine.cq, PAGE)
    assert d.ctl.agent.submit(NvmeSqe(opc=A.OWNER_TEARDOWN, cdw10=5, cid=9)).status == S.SUCCESS
    d.ctl.run()
    assert d.mem.read(mine.cq, PAGE) == before
    assert set(d.ctl.agent.sqs) == {1} == set(d.ctl.agent.grants)
    d.ring(mine)
    assert d.ctl.foreign[3] == 1
    d.wr32(doorbell(3, True), 0)
    assert d.ctl.bad_doorbells == {3: 1}
    assert [c.cid for c in d.poll(other)] == [77, 78]
    assert d.cmd(A.OWNER_TEARDOWN, cdw10=5).status == S.SUCCESS, "nothing left is no error"


# features ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "fid, value, back",
    [
        (Fid.ARBITRATION, 0x0302_0107, 0x0302_0107),
        (Fid.POWER, 0, 0),
        (Fid.TEMPERATURE, 300, 300),
        (Fid.TEMPERATURE, 1 << 20 | 290, 290),
        (Fid.ERROR_RECOVERY, 5, 5),
        (Fid.COALESCING, 0x0A03, 0x0A03),
        (Fid.VECTOR, 1 << 16 | 2, 1 << 16 | 2),
        (Fid.ASYNC_EVENT, OAES_ANA | 1 << 8 | 3, OAES_ANA | 3),
        (Fid.KEEP_ALIVE, 1500, 2000),
    ],
)
def test_features(fid: Fid, value: int, back: int) -> None:
    """Stimulus: Set, Get current, default, saved, what is supported; SAVE; a controller reset. Checking: the value,
    what is kept of it, that it can't be saved, and the default after the reset."""
    d = system()
    key = {"cdw11": value, "nsid": 1}
    default = d.get_feature(fid, **key)
    assert d.set_feature(fid, value, nsid=1).status == S.SUCCESS
    assert d.get_feature(fid, **key).dw0 == back
    for select in (1, 2):
        assert d.get_feature(fid | select << 8, **key).dw0 == default.dw0
    assert d.get_feature(fid | 3 << 8, **key).dw0 & 0b101 == 0b100, "changeable, not saveable"
    assert d.get_feature(fid | 4 << 8, **key).status == S.INVALID_FIELD
    assert d.set_feature(1 << 31 | fid, value, nsid=1).status == S.NOT_SAVEABLE
    d.disable()
    d.enable()
    assert d.get_feature(fid, **key).dw0 == default.dw0


def test_features_refused() -> None:
    """Stimulus: values and identifiers that aren't supported. Checking: codes with DNR; Write Atomicity can't be changed."""
    d = system(vectors=3)
    for fid, value, status in (
        (Fid.POWER, 1, S.INVALID_FIELD),
        (Fid.TEMPERATURE, 1 << 16 | 300, S.INVALID_FIELD),
        (Fid.TEMPERATURE, 2 << 20 | 300, S.INVALID_FIELD),
        (Fid.ERROR_RECOVERY, 1 << 16, S.INVALID_FIELD),
        (Fid.VECTOR, 3, S.INVALID_FIELD),
        (Fid.ATOMICITY, 1, S.NOT_CHANGEABLE),
        (0x06, 0, S.INVALID_FIELD),
        (0x10, 0, S.INVALID_FIELD),
        (0xC0, 0, S.INVALID_FIELD),
    ):
        bad = d.set_feature(fid, value, nsid=1)
        assert (bad.status, bad.dnr) == (status, 1), hex(fid)
    assert d.set_feature(Fid.ERROR_RECOVERY, 1, nsid=9).status == S.INVALID_NS
    assert d.set_feature(Fid.ERROR_RECOVERY, 9, nsid=ALL).status == S.SUCCESS
    assert d.get_feature(Fid.ERROR_RECOVERY, nsid=2).dw0 == 9
    assert d.get_feature(Fid.ERROR_RECOVERY, nsid=ALL).status == S.INVALID_NS
    assert d.get_feature(Fid.ATOMICITY).status == S.SUCCESS
    assert d.get_feature(0x06).status == S.INVALID_FIELD


def test_arbitration_reaches_the_arbiter() -> None:
    """Stimulus: Set Features 01h. Checking: burst and weights of the arbiter."""
    d = system()
    assert d.ctl.arb.cfg.ab == 3, "RAB"
    d.set_feature(Fid.ARBITRATION, 0x0302_0105)
    cfg = d.ctl.arb.cfg
    assert (cfg.ab, cfg.hpw, cfg.mpw, cfg.lpw) == (5, 3, 2, 1)


def test_keep_alive() -> None:
    """Stimulus: a Keep Alive time, commands in time, then silence. Checking: the controller goes on, then CFS; a reset
    brings it back."""
    d = system()
    now = 0
    d.ctl.agent.now_ms = lambda: now
    assert d.set_feature(Fid.KEEP_ALIVE, 2000).status == S.SUCCESS
    for now in (1500, 3500, 5500):
        assert d.cmd(A.KEEP_ALIVE).status == S.SUCCESS
    now = 7501
    d.ctl.run()
    assert d.rd32(0x1C) & 3 == 3
    d.disable()
    d.enable()
    assert d.rd32(0x1C) & 3 == 1


# logs and events --------------------------------------------------------------------------------
def test_log_pages() -> None:
    """Stimulus: each log page, parts of it, what is unknown. Checking: content by offset, zeroes behind the end, codes."""
    d = system()
    for n in range(20):
        d.ctl.agent.io_failed(4, n, S.ACCESS_DENIED, 1, 1000 + n)
    assert d.log_page(1, 64 * 16).status == S.SUCCESS
    first = d.data(64)
    assert (le(first, 0, 8), le(first, 8, 2), le(first, 10, 2)) == (20, 4, 19)
    assert le(first, 12, 2) >> 1 & 0x7FF == S.ACCESS_DENIED and le(first, 12, 2) >> 14 == 3
    assert le(first, 16, 8) == 1019 and le(first, 24, 4) == 1
    assert le(d.data(64, d.buffer + 64 * 15), 0, 8) == 5, "the oldest of sixteen"
    assert d.log_page(1, 8, cdw12=64).status == S.SUCCESS
    assert le(d.data(), 0, 8) == 19
    assert d.log_page(2, 512).status == S.SUCCESS
    assert le(d.data(), 176, 16) == 20 and 273 < le(d.data(), 1, 2) < 343
    assert d.log_page(3, 512).status == S.SUCCESS
    assert d.data()[0] == 1 and d.data()[8:11] == b"0.1"
    for lid in (0x00, 0x04, 0x05, 0x0D, 0xC0):
        assert d.log_page(lid, 512).status == S.LOG_INVALID
    assert d.log_page(2, 512, cdw12=2).status == S.INVALID_FIELD
    assert d.log_page(2, 512, cdw12=516).status == S.INVALID_FIELD
    assert d.log_page(2, 512, nsid=1).status == S.INVALID_FIELD
    assert d.cmd(A.GET_LOG_PAGE, cdw10=2, cdw11=0x4, nsid=ALL).status == S.INVALID_FIELD, "beyond MDTS"


def test_ana_log() -> None:
    """Stimulus: changes of ANA states, the log with and without namespaces. Checking: groups, counts, states."""
    d = system()
    d.ctl.agent.ana_change(2, Ana.CHANGE)
    d.ctl.agent.ana_change(2, Ana.NON_OPTIMIZED)
    assert d.log_page(0x0C, 16 + 2 * 36).status == S.SUCCESS
    raw = d.data()
    assert (le(raw, 0, 8), le(raw, 8, 2)) == (2, 2)
    one, two = raw[16:52], raw[52:88]
    assert (le(one, 0, 4), le(one, 4, 4), le(one, 8, 8), one[16], le(one, 32, 4)) == (1, 1, 0, 1, 1)
    assert (le(two, 0, 4), le(two, 4, 4), le(two, 8, 8), two[16], le(two, 32, 4)) == (2, 1, 2, 2, 2)
    assert d.log_page(0x0C, 16 + 2 * 32, cdw10=(80 // 4 - 1) << 16 | 1 << 8 | 0x0C).status == S.SUCCESS
    raw = d.data()
    assert (le(raw, 16, 4), le(raw, 20, 4), le(raw, 48, 4)) == (1, 0, 2)


def test_asynchronous_events() -> None:
    """Stimulus: requests up to the limit and one more, bad doorbells and an ANA change, read logs. Checking: one entry an
    event, its type masked until its log was read without RAE, the same event told once, AER_LIMIT."""
    d = system()
    for cid in range(0x100, 0x104):
        assert d.try_do(d.admin, NvmeSqe(opc=A.ASYNC_EVENT, cid=cid)) is None
    assert d.do(d.admin, NvmeSqe(opc=A.ASYNC_EVENT, cid=0x104)).status == S.AER_LIMIT
    assert d.do(d.admin, NvmeSqe(opc=A.KEEP_ALIVE, cid=0x100)).status == S.CID_CONFLICT
    d.wr32(doorbell(5, False), 1)
    d.wr32(doorbell(0, False), 32)
    d.wr32(doorbell(0, False), 33)
    d.ctl.run()
    told = d.poll(d.admin)
    assert [(c.cid, c.dw0) for c in told] == [(0x100, 0x01 << 16 | NvmeAerErr.BAD_DB_REGISTER << 8)]
    d.ctl.agent.ana_change(1, Ana.CHANGE)
    d.ctl.run()
    assert not d.poll(d.admin), "not enabled"
    d.set_feature(Fid.ASYNC_EVENT, OAES_ANA)
    d.ctl.agent.ana_change(1, Ana.OPTIMIZED)
    d.ctl.run()
    assert [(c.cid, c.dw0) for c in d.poll(d.admin)] == [(0x101, 0x0C_03_02)]
    d.log_page(1, 64, keep=1)
    assert not d.stray
    d.log_page(1, 64)
    assert [(c.cid, c.dw0) for c in d.stray] == [(0x102, 0x01 << 16 | NvmeAerErr.BAD_DB_VALUE << 8)]
    d.stray.clear()
    d.log_page(1, 64)
    assert not d.stray
    d.ctl.agent.ana_change(1, Ana.OPTIMIZED)
    d.ctl.run()
    assert not d.poll(d.admin), "masked"
    d.log_page(0x0C, 16)
    assert [(c.cid, c.dw0) for c in d.stray] == [(0x103, 0x0C_03_02)]


def test_events_before_their_request() -> None:
    """Stimulus: an event, then the request; a small admin completion queue. Checking: told at once; held requests take
    no completion slots."""
    d = system(start=False)
    d.admin = Pair(0, 0x1_0000, 0x1_1000, 1)
    d.enable()
    d.wr32(doorbell(1, False), 1)
    got = d.do(d.admin, NvmeSqe(opc=A.ASYNC_EVENT, cid=5))
    assert got.dw0 == 0x01_00_00
    for cid in range(6, 10):
        assert d.try_do(d.admin, NvmeSqe(opc=A.ASYNC_EVENT, cid=cid)) is None
    assert d.cmd(A.KEEP_ALIVE).status == S.SUCCESS


def test_abort() -> None:
    """Stimulus: Abort of a held request, of a fetched command, of what isn't there; more Aborts under way than the
    limit. Checking: both entries, the aborted one first; DW0 tells; ABORT_LIMIT; a reset forgets."""
    d = system()
    q = d.create(Pair(1, 0x20_0000, 0x21_0000, 7))
    assert d.try_do(d.admin, NvmeSqe(opc=A.ASYNC_EVENT, cid=0x200)) is None
    done = d.cmd(A.ABORT, cdw10=0x200 << 16)
    assert (done.status, done.dw0) == (S.SUCCESS, 0)
    assert [(c.cid, c.status, c.dnr) for c in d.stray] == [(0x200, S.ABORT_REQUESTED, 0)]
    for target in (0x200 << 16, 5 << 16 | 1, 5 << 16 | 9):
        assert d.cmd(A.ABORT, cdw10=target).dw0 == 1
    d.put(q, io(NvmeIoOp.READ, cid=0x55, prp1=0x3_0000))
    d.ring(q)
    assert d.ctl.step() == "fetch"
    d.put(d.admin, NvmeSqe(opc=A.ABORT, cdw10=0x55 << 16 | 1, cid=0x300))
    d.ring(d.admin)
    assert d.ctl.step() == "fetch"
    d.ctl.actions()[1][1]()
    d.ctl.run()
    assert [(c.cid, c.status) for c in d.poll(q)] == [(0x55, S.ABORT_REQUESTED)]
    assert [(c.cid, c.dw0) for c in d.poll(d.admin)] == [(0x300, 0)]


class Slow(QueueSetup):
    """An abort takes its time."""

    def create_cq(self, *a: object) -> None: ...
    def create_sq(self, *a: object) -> None: ...
    def grant_set(self, *a: object) -> None:
        self.last = a

    def abort(self, sqid: int, cid: int) -> bool | None:
        return None


def stand_alone() -> tuple[AdminAgent, Slow]:
    mem, setup = Memory(), Slow()
    return AdminAgent(Identity(), namespaces(), setup, mem.read, mem.write), setup


def test_agent_stands_alone() -> None:
    """Stimulus: the agent with a memory and a set-up that only notes, as behind a mailbox. Checking: it answers; aborts
    whose end isn't known are held, up to the limit, and end when told."""
    agent, setup = stand_alone()
    assert agent.submit(NvmeSqe(opc=A.IDENTIFY, cdw10=1, prp1=0x1000).pack()) == NvmeCqe()
    make = {"cdw10": 7 << 16 | 1, "prp1": 0x1000}
    assert agent.submit(NvmeSqe(opc=A.CREATE_CQ, cdw11=1, **make)).status == S.SUCCESS
    assert setup.last == (1, *FULL_GRANT)
    assert agent.submit(NvmeSqe(opc=A.CREATE_SQ, cdw11=1 << 16 | 1, **make)).status == S.SUCCESS
    for cid in range(10, 14):
        assert agent.submit(NvmeSqe(opc=A.ABORT, cdw10=9 << 16 | 1, cid=cid)) is None
    assert agent.submit(NvmeSqe(opc=A.ABORT, cdw10=9 << 16 | 1, cid=14)).status == S.ABORT_LIMIT
    agent.abort_done(1, 9, False)
    assert [(c.cid, c.dw0) for c in agent.take()] == [(c, 1) for c in range(10, 14)]
    assert agent.submit(NvmeSqe(opc=A.ABORT, cdw10=9 << 16 | 1, cid=15)) is None
    agent.reset()
    agent.abort_done(1, 9, True)
    assert not agent.take() and not agent.sqs
    assert NO_GRANT[0].opcodes == 0


@given(st.binary(min_size=64, max_size=64), st.sampled_from([*A, 0x7F, 0xC0]))
def test_agent_takes_anything(raw: bytes, op: int) -> None:
    """Stimulus: any bytes as an admin command, with each opcode. Checking: one answer with its CID or a held command;
    unknown opcodes, FUSE and PSDT are refused with DNR."""
    agent, _ = stand_alone()
    sqe = NvmeSqe.unpack(bytes([op]) + raw[1:])
    answer = agent.submit(sqe)
    if answer is None:
        assert op in (A.ASYNC_EVENT, A.ABORT)
        return
    assert answer.cid == sqe.cid and S(answer.status) is not None
    if op not in set(A):
        assert (answer.status, answer.dnr) == (S.INVALID_OPCODE, 1)
    elif sqe.fuse or sqe.psdt:
        assert (answer.status, answer.dnr) == (S.INVALID_FIELD, 1)
