# SPDX-License-Identifier: Apache-2.0
"""What drivers that know nothing of grants were seen to do, from the first register access to I/O."""

from __future__ import annotations

import random

from models.layout import NvmeAdminOp, NvmeCqe, NvmeIoOp, NvmeSqe, NvmeStatus
from models.nvme.controller import Completed, Msi
from models.nvme.tests.host import (
    ACQ,
    AQA,
    ASQ,
    CC,
    CSTS,
    ENABLED,
    PAGE,
    Driver,
    Pair,
    io,
    prps,
    system,
)

VS, CAP = 0x08, 0x00
OK = NvmeStatus.SUCCESS


def bring_up(d: Driver, size: int = 31, sq: int = 0x1_0000, cq: int = 0x1_1000) -> None:
    """Disable, addresses as halves with the low one first, CC in two writes, poll RDY."""
    cap = d.rd32(CAP) | d.rd32(CAP + 4) << 32
    assert cap & 0xFFFF >= 1 and cap >> 37 & 1 and cap >> 48 & 0xF == 0
    if d.rd32(CC) & 1:
        d.wr32(CC, d.rd32(CC) & ~1)
    d.ctl.run()
    assert not d.ready
    d.mem.write(cq, bytes((size + 1) * NvmeCqe.SIZE))
    d.admin = Pair(0, sq, cq, size)
    d.wr32(AQA, size << 16 | size)
    for reg, base in ((ASQ, sq), (ACQ, cq)):
        d.wr32(reg, base & 0xFFFF_FFFF)
        d.wr32(reg + 4, base >> 32)
    d.wr32(CC, ENABLED & ~1)
    d.wr32(CC, ENABLED)
    d.ctl.run()
    assert d.ready


def identify_and_queues(d: Driver, wanted: int) -> list[Pair]:
    """Identify 01h, queues, 00h to 03h, asynchronous events, queue pairs with their vectors."""
    odd = d.buffer + 0x204  # buffers of the driver begin anywhere
    assert d.cmd(NvmeAdminOp.IDENTIFY, cdw10=1, prp1=odd, prp2=d.buffer + PAGE).status == OK
    ctrl = d.data(PAGE, odd)
    oaes, oncs = int.from_bytes(ctrl[92:96], "little"), int.from_bytes(ctrl[520:522], "little")
    assert oncs & 1 << 3 and ctrl[512] == 0x66 and ctrl[513] == 0x44
    for lid, length in ((0x02, 512), (0x0C, 16 + 3 * 36)):
        assert d.log_page(lid, length).status == OK
    bad = d.cmd(NvmeAdminOp.GET_LOG_PAGE, cdw10=127 << 16 | 5)  # commands supported and effects
    assert bad.status == NvmeStatus.LOG_INVALID and bad.dnr
    bad = d.cmd(NvmeAdminOp.IDENTIFY, cdw10=0x1C)  # a data structure it may try
    assert bad.status == NvmeStatus.INVALID_FIELD and bad.dnr
    bad = d.set_feature(0x0C, 0)  # power states of its own
    assert bad.status == NvmeStatus.INVALID_FIELD and bad.dnr
    unknown = d.cmd(0x7C)  # shadow doorbells
    assert unknown.status == NvmeStatus.INVALID_OPCODE and unknown.dnr
    assert d.cmd(NvmeAdminOp.IDENTIFY, cdw10=6).status == OK
    d.wr32(ASQ, 0xDEAD_0000)  # sticks only while disabled
    assert d.rd32(ASQ) == d.admin.sq

    count = d.set_feature(7, (wanted - 1) << 16 | wanted - 1)
    assert count.status == OK
    pairs = min(wanted, (count.dw0 & 0xFFFF) + 1, (count.dw0 >> 16) + 1)
    queues = [Pair(n, 0x10_0000 * n, 0x10_0000 * n + 0x8_0000, 1023) for n in range(1, pairs + 1)]
    for n, q in enumerate(queues, 1):
        d.create(q, vec=n)

    assert oaes
    for _ in range(1):
        d.put(d.admin, NvmeSqe(opc=NvmeAdminOp.ASYNC_EVENT, cid=0xF000))
    assert d.set_feature(0x0B, oaes).status == OK
    assert not d.stray
    assert d.cmd(NvmeAdminOp.IDENTIFY, cdw10=2).status == OK
    active = [int.from_bytes(d.data()[i : i + 4], "little") for i in range(0, 16, 4)]
    assert active == [1, 2, 0, 0]
    for nsid in (1, 2):
        assert d.cmd(NvmeAdminOp.IDENTIFY, cdw10=3, nsid=nsid).status == OK
        assert d.cmd(NvmeAdminOp.IDENTIFY, cdw10=8, nsid=nsid).status == NvmeStatus.INVALID_FIELD
        assert d.cmd(NvmeAdminOp.IDENTIFY, cdw10=0, nsid=nsid).status == OK
    return queues


def read_and_write(d: Driver, q: Pair, rng: random.Random) -> int:
    """Every shape of data: inside a page, two pages, lists from mid-page, chains; both block sizes."""
    for nsid, shift, most in ((1, 9, 2048), (2, 12, 256)):
        for blocks in (1, 2, 8, 9, 17, most):
            nbytes = blocks << shift
            offset = rng.randrange(0, PAGE, 4)
            pages = [0x4000_0000 + PAGE * i for i in rng.sample(range(1024), -(-(offset + nbytes) // PAGE))]
            lists = [0x5000_0000 + 256 * rng.randrange(15, 16), 0x5000_1000, 0x5000_2000]
            slba = rng.randrange(0, (4096 if nsid == 1 else 1024) - blocks)
            where = prps(d.mem, pages, offset, nbytes, lists)
            data = rng.randbytes(nbytes)
            spread(d, pages, offset, data)
            assert d.do(q, io(NvmeIoOp.WRITE, slba, blocks, nsid, **where)).status == OK
            assert d.ctl.namespaces[nsid - 1].peek(slba, blocks) == data
            spread(d, pages, offset, bytes(nbytes))
            assert d.do(q, io(NvmeIoOp.READ, slba, blocks, nsid, **where)).status == OK
            assert gather(d, pages, offset, nbytes) == data
    return 12


def spread(d: Driver, pages: list[int], offset: int, data: bytes) -> None:
    for page in pages:
        n = min(PAGE - offset, len(data))
        d.mem.write(page + offset, data[:n])
        data, offset = data[n:], 0


def gather(d: Driver, pages: list[int], offset: int, nbytes: int) -> bytes:
    out = b""
    for page in pages:
        n = min(PAGE - offset, nbytes - len(out))
        out += d.mem.read(page + offset, n)
        offset = 0
    return out


def shut_down(d: Driver) -> None:
    d.wr32(CC, 0x464001)
    d.ctl.run()
    assert d.rd32(CSTS) >> 2 & 3 == 2


def test_linux_from_registers_to_io() -> None:
    """Stimulus: probe, admin commands with those that must fail cleanly, four queue pairs, reads and writes of all
    shapes, deletion, shutdown, and all of it once more. Checking: bytes in memory and namespace, every status, one
    vector a queue, nothing refused."""
    d = system(start=False)
    rng = random.Random(1)
    for _ in range(2):
        bring_up(d)
        queues = identify_and_queues(d, 4)
        d.ctl.take_events()
        done = sum(read_and_write(d, q, rng) for q in queues[:2])
        assert done == 24
        events = d.ctl.take_events()
        assert {e.vec for e in events if isinstance(e, Msi)} == {1, 2}
        assert sum(isinstance(e, Completed) for e in events) == 2 * done
        assert d.do(queues[2], NvmeSqe(opc=NvmeIoOp.FLUSH, nsid=1)).status == OK
        for q in queues:
            assert d.cmd(NvmeAdminOp.DELETE_SQ, cdw10=q.qid).status == OK
        for q in queues:
            assert d.cmd(NvmeAdminOp.DELETE_CQ, cdw10=q.qid).status == OK
        shut_down(d)
        assert not d.ctl.bad_doorbells and not d.ctl.foreign
        d.stray.clear()


def test_firmware_uses_it_first() -> None:
    """Stimulus: a large admin completion queue, one pair, one read, then a driver that disables and starts anew.
    Checking: the driver finds a clean controller, its queue numbers free and its phases begin with 1."""
    d = system(start=False)
    bring_up(d, 255, 0x70_0000, 0x78_0000)
    q = d.create(Pair(1, 0x20_0000, 0x20_1000, 1))
    assert d.do(q, io(NvmeIoOp.READ, 0, 1, prp1=0x3_0000)).status == OK
    bring_up(d)
    again = identify_and_queues(d, 1)[0]
    assert read_and_write(d, again, random.Random(2)) == 12
