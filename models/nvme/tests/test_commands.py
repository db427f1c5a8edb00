# SPDX-License-Identifier: Apache-2.0
"""What I/O commands do to memory and namespace, alone."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.layout import NvmeDsm, NvmeIoOp
from models.layout import NvmeStatus as S
from models.memory import Memory
from models.nvme import commands, prp
from models.nvme.check import ALL_NAMESPACES, Grant, Verdict, check
from models.nvme.namespace import Ana, Namespace
from models.nvme.prp import Piece, Walk
from models.nvme.tests.host import Bus, io

ALL_OF_IT = Grant(0, ALL_NAMESPACES, 0, (1 << 64) - 1, 0xFFFF)


class Host:
    """Memory with errors, as one function sees it."""

    def __init__(self) -> None:
        self.bus = Bus()
        self.mem: Memory = self.bus.mem

    def read(self, addr: int, length: int) -> bytes | None:
        return self.bus.read(0, addr, length)

    def write(self, addr: int, data: bytes) -> bool:
        return self.bus.write(0, addr, data)


def run(
    op: NvmeIoOp, ns: Namespace, host: Host, slba: int = 0, blocks: int = 1, end: S = S.SUCCESS,
    count: int | None = None, at: int = 0x10_0000, grant: Grant = ALL_OF_IT, **fields: int,
) -> commands.Outcome:  # fmt: skip
    """A command whose data lies in whole pages from `at`, every second one; the walk ends with `end` after `count`."""
    sqe = io(op, slba, blocks, ns.nsid, **fields)
    verdict = check(sqe, grant, [ns.checked()])
    sizes = [min(4096, verdict.nbytes - n) for n in range(0, verdict.nbytes, 4096)]
    pieces = [Piece(at + 0x2000 * i, n) for i, n in enumerate(sizes)]
    return commands.execute(sqe, verdict, Walk(tuple(pieces[:count]), (), end), ns, grant, host)


def fill(ns: Namespace, seed: int = 1) -> bytes:
    data = random.Random(seed).randbytes(ns.blocks << ns.shift)
    assert ns.write(0, data) == S.SUCCESS
    return data


@pytest.mark.parametrize("shift", [9, 12])
def test_read_write_compare(shift: int) -> None:
    """Stimulus: Write, Read and Compare of several pages, then one byte changed in each place. Checking: bytes on both
    sides, Compare finds each difference and changes nothing."""
    ns, host = Namespace(1, 64, shift), Host()
    blocks = 3 * 4096 >> shift
    data = random.Random(2).randbytes(3 * 4096)
    for n in range(3):
        host.mem.write(0x10_0000 + 0x2000 * n, data[4096 * n :][:4096])
    done = run(NvmeIoOp.WRITE, ns, host, 2, blocks)
    assert done.status == S.SUCCESS and done.blocks == [(2, blocks)] and done.torn_blocks is None
    assert ns.peek(2, blocks) == data and not any(ns.peek(0, 2)) and not any(ns.peek(2 + blocks))
    assert run(NvmeIoOp.READ, ns, host, 2, blocks, at=0x20_0000).status == S.SUCCESS
    assert host.mem.read(0x20_2000, 4096) == data[4096:8192]
    assert run(NvmeIoOp.COMPARE, ns, host, 2, blocks).status == S.SUCCESS
    for place in (0, 4095, 4096, 8191, 12287):
        at = 0x10_0000 + place // 4096 * 0x2000 + place % 4096
        host.mem.write(at, bytes([data[place] ^ 1]))
        bad = run(NvmeIoOp.COMPARE, ns, host, 2, blocks)
        assert bad.status == S.COMPARE_FAILURE and bad.dnr and not bad.more
        host.mem.write(at, data[place : place + 1])
    assert ns.peek(2, blocks) == data


def test_zeroes_verify_flush() -> None:
    """Stimulus: Write Zeroes with and without DEAC, Verify, Flush. Checking: zeroes in those blocks alone."""
    ns, host = Namespace(1, 64), Host()
    data = fill(ns)
    assert run(NvmeIoOp.WRITE_ZEROES, ns, host, 3, 4).blocks == [(3, 4)]
    assert run(NvmeIoOp.WRITE_ZEROES, ns, host, 9, 2, cdw12=1 << 25).status == S.SUCCESS
    want = bytearray(data)
    want[3 * 512 : 7 * 512] = bytes(4 * 512)
    want[9 * 512 : 11 * 512] = bytes(2 * 512)
    for op in (NvmeIoOp.VERIFY, NvmeIoOp.FLUSH):
        assert run(op, ns, host, 0, 64).status == S.SUCCESS
    assert ns.peek(0, 64) == want
    assert ns.used == 58


def ranges(host: Host, *listed: tuple[int, int], at: int = 0x10_0000) -> dict[str, int]:
    host.mem.write(at, b"".join(NvmeDsm(0, n, slba).pack() for slba, n in listed))
    return {"cdw10": len(listed) - 1, "cdw11": 4}


def dsm(ns: Namespace, host: Host, grant: Grant = ALL_OF_IT, **fields: int) -> commands.Outcome:
    sqe = io(NvmeIoOp.DSM, 0, 1, 1)
    sqe.cdw10, sqe.cdw11 = fields["cdw10"], fields["cdw11"]
    verdict = check(sqe, grant, [ns.checked()])
    piece = Piece(0x10_0000, verdict.nbytes)
    return commands.execute(sqe, verdict, Walk((piece,), (), S.SUCCESS), ns, grant, host)


def test_dataset_management() -> None:
    """Stimulus: ranges, empty ones, ones beyond the namespace and beyond the grant, in each place of the list; without
    AD. Checking: those before the bad one are zeroes, others untouched; the code."""
    ns, host = Namespace(1, 64), Host()
    data = fill(ns)
    assert dsm(ns, host, **ranges(host, (0, 2), (60, 0), (64, 0), (62, 2))).status == S.SUCCESS
    assert ns.peek(0, 64) == bytes(1024) + data[1024 : 62 * 512] + bytes(1024)
    grant = Grant(0, 1, 8, 16, 0xFFFF)
    for place in range(3):
        for bad, code in (((60, 5), S.LBA_RANGE), ((23, 2), S.ACCESS_DENIED), ((7, 1), S.ACCESS_DENIED), ((2**64 - 1, 2), S.LBA_RANGE)):
            fill(ns)
            listed = [(8, 1), (12, 2), (23, 1)]
            listed[place] = bad
            done = dsm(ns, host, grant, **ranges(host, *listed))
            assert done.status == code and done.blocks == listed[:place]
            want = bytearray(data)
            for slba, n in listed[:place]:
                want[slba * 512 : (slba + n) * 512] = bytes(n * 512)
            assert ns.peek(0, 64) == want
    fill(ns)
    assert dsm(ns, host, **(ranges(host, (0, 4)) | {"cdw11": 3})).status == S.SUCCESS
    assert ns.peek(0, 64) == data, "hints alone change nothing"
    assert dsm(ns, host, grant, **(ranges(host, (0, 4)) | {"cdw11": 0})).status == S.ACCESS_DENIED


@given(st.integers(0, 4), st.sampled_from([S.ACCESS_DENIED, S.INVALID_PRP, S.DATA_TRANSFER]), st.sampled_from([9, 12]))
def test_a_walk_that_ends_early(count: int, end: S, shift: int) -> None:
    """Stimulus: the walk gives some pieces and an error. Checking: that status; pieces before it have been moved and
    nothing else; what may be torn is named; Compare and DSM change nothing."""
    ns, host = Namespace(1, 64, shift), Host()
    old = fill(ns)
    blocks = 5 * 4096 >> shift
    for n in range(5):
        host.mem.write(0x10_0000 + 0x2000 * n, bytes([n + 1]) * 4096)
    done = run(NvmeIoOp.WRITE, ns, host, 1, blocks, end, count)
    assert done.status == end and done.torn_blocks == (1, blocks) and done.more == (end == S.ACCESS_DENIED)
    new = b"".join(bytes([n + 1]) * 4096 for n in range(count))
    begin = 1 << shift
    assert ns.peek(0, 64) == old[:begin] + new + old[begin + len(new) :]
    before = host.mem.copy()
    done = run(NvmeIoOp.READ, ns, host, 1, blocks, end, count, at=0x20_0000)
    assert done.status == end and len(done.torn_memory) == count
    moved = ns.peek(0, 64)[begin:]
    for n in range(count):
        before.write(0x20_0000 + 0x2000 * n, moved[4096 * n :][:4096])
    assert not before.diff(host.mem)
    assert run(NvmeIoOp.COMPARE, ns, host, 1, blocks, end, count).status == end


def test_errors_of_memory_and_media() -> None:
    """Stimulus: host memory and blocks that answer with errors. Checking: DATA_TRANSFER, READ_ERROR, WRITE_FAULT, which of
    them may be tried again, and that the first in the order of the data decides."""
    ns, host = Namespace(1, 64), Host()
    data = fill(ns)
    host.mem.add_error(0x10_2000, 0x10_2004)
    for op in (NvmeIoOp.READ, NvmeIoOp.WRITE):
        bad = run(op, ns, host, 0, 24)
        assert bad.status == S.DATA_TRANSFER and not bad.dnr
        host.mem.write(0x10_0000, bytes(4096))  # the piece that Read had moved
    assert ns.peek(0, 64) == bytes(4096) + data[4096:], "the piece before it"
    host.mem.write(0x10_0000, ns.peek(0, 8))
    assert run(NvmeIoOp.COMPARE, ns, host, 0, 24).status == S.DATA_TRANSFER
    ns.bad_read = {20}
    ns.bad_write = {21}
    at = 0x30_0000
    assert run(NvmeIoOp.READ, ns, host, 0, 24, at=at).status == S.READ_ERROR
    assert run(NvmeIoOp.VERIFY, ns, host, 0, 20).status == S.SUCCESS
    assert run(NvmeIoOp.VERIFY, ns, host, 0, 21).status == S.READ_ERROR
    bad = run(NvmeIoOp.WRITE, ns, host, 16, 8, at=at)
    assert bad.status == S.WRITE_FAULT and not bad.dnr and bad.torn_blocks == (16, 8)
    assert not any(ns.peek(16, 5)) and any(ns.peek(21, 3))
    fill_rest = ns.peek(22, 2)
    assert run(NvmeIoOp.WRITE_ZEROES, ns, host, 16, 8).status == S.WRITE_FAULT
    assert ns.peek(22, 2) == fill_rest
    assert dsm(ns, host, **ranges(host, (20, 4), at=0x10_0000)).status == S.WRITE_FAULT
    host.mem.write(at, ns.peek(16, 4))
    assert run(NvmeIoOp.COMPARE, ns, host, 16, 8, at=at).status == S.READ_ERROR, "before the difference in block 21"


def test_capacity_and_ana() -> None:
    """Stimulus: more blocks than the capacity; a namespace that changes hands. Checking: CAPACITY, overwriting goes on,
    deallocation gives room; ANA_TRANSITION without DNR, nothing is done, a refused command keeps its own status."""
    ns, host = Namespace(1, 64, capacity=3), Host()
    assert run(NvmeIoOp.WRITE, ns, host, 0, 3).status == S.SUCCESS
    assert run(NvmeIoOp.WRITE, ns, host, 1, 2).status == S.SUCCESS
    bad = run(NvmeIoOp.WRITE, ns, host, 2, 2)
    assert bad.status == S.CAPACITY and bad.dnr
    assert run(NvmeIoOp.WRITE_ZEROES, ns, host, 0, 1).status == S.SUCCESS
    assert run(NvmeIoOp.WRITE, ns, host, 2, 2).status == S.SUCCESS
    ns.ana = Ana.CHANGE
    for op in (NvmeIoOp.READ, NvmeIoOp.WRITE_ZEROES, NvmeIoOp.FLUSH):
        bad = run(op, ns, host)
        assert bad.status == S.ANA_TRANSITION and not bad.dnr
    assert run(NvmeIoOp.READ, ns, host, 64).status == S.LBA_RANGE
    ns.ana = Ana.NON_OPTIMIZED
    assert run(NvmeIoOp.READ, ns, host).status == S.SUCCESS


def test_an_opcode_that_was_let_through() -> None:
    """Stimulus: a verdict for an opcode that is none. Checking: the model says so."""
    with pytest.raises(ValueError):
        commands.execute(io(0x7F), Verdict(S.SUCCESS, 0, 0x7F), None, Namespace(1, 1), ALL_OF_IT, Host())


# namespace --------------------------------------------------------------------------------------
@given(st.lists(st.tuples(st.sampled_from("wzr"), st.integers(0, 15), st.integers(1, 16)), max_size=20), st.sampled_from([9, 12]))
def test_namespace_is_an_array(steps: list[tuple[str, int, int]], shift: int) -> None:
    """Stimulus: writes, zeroes, reads of any ranges. Checking: equal to a byte array; `differs` finds what memory has
    otherwise."""
    ns = Namespace(1, 16, shift, base=0x10_0000)
    flat = bytearray(16 << shift)
    for i, (what, slba, count) in enumerate(steps):
        count = min(count, 16 - slba)
        here = slice(slba << shift, slba + count << shift)
        if what == "w":
            data = bytes([i + 1]) * (count << shift)
            ns.write(slba, data)
            flat[here] = data
        elif what == "z":
            ns.zero(slba, count)
            flat[here] = bytes(count << shift)
        assert ns.peek(slba, count) == flat[here]
    assert ns.peek(0, 16) == flat
    mem = Memory()
    mem.write(0x10_0000, bytes(flat))
    assert not ns.differs(mem.read)
    for lba in list(ns.allocated())[:1]:
        mem.write(0x10_0000 + (lba << shift), bytes([flat[lba << shift] ^ 1]))
        assert ns.differs(mem.read) == [lba]


def test_namespace_huge() -> None:
    """Stimulus: 2^63 blocks; all of them deallocated; ranges outside. Checking: no walk over them; ValueError."""
    ns = Namespace(1, 1 << 63)
    ns.write((1 << 63) - 1, bytes([7]) * 512)
    assert ns.used == 1 and ns.read_bytes(((1 << 63) - 1) * 512 + 5, 3) == b"\7\7\7"
    assert ns.readable(0, 1 << 63) == S.SUCCESS
    assert ns.zero(0, 1 << 63) == S.SUCCESS and ns.used == 0
    for bad in (lambda: ns.write(1 << 63, bytes(512)), lambda: ns.write(0, bytes(511)), lambda: ns.peek(-1)):
        with pytest.raises(ValueError):
            bad()
    for bad in ({"shift": 10}, {"base": 512}):
        with pytest.raises(ValueError):
            Namespace(1, 1, **bad)


RIGHTS_OF = {NvmeIoOp.WRITE: prp.SOURCE, NvmeIoOp.READ: prp.SINK, NvmeIoOp.COMPARE: prp.SOURCE, NvmeIoOp.DSM: prp.SOURCE}


def test_rights() -> None:
    """Checking: which right each command with data needs."""
    assert commands.NEEDS_RIGHT == RIGHTS_OF
