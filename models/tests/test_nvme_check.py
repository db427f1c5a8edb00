# SPDX-License-Identifier: Apache-2.0
"""NVMe command check: each rule by itself, the order of the rules, and the edges of 65 bits."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.layout import NvmeGrant, NvmeIoOp, NvmeSqe, NvmeStatus
from models.nvme.check import ALL_NAMESPACES, Grant, Namespace, check, check_blocks

pytestmark = pytest.mark.model

ALL_OPS = 0xFFFF_FFFF
TOP = (1 << 64) - 1
BLOCKS = (NvmeIoOp.READ, NvmeIoOp.WRITE, NvmeIoOp.COMPARE, NvmeIoOp.VERIFY, NvmeIoOp.WRITE_ZEROES)

NAMESPACES = [
    Namespace(True, 1 << 40, 9, 0x1000_0000),
    Namespace(),
    Namespace(True, 1000, 12, 0x7000),
    Namespace(True, TOP, 9, 0),
]
GRANT = Grant(func=5, nsid=ALL_NAMESPACES, slba=0, nlb=TOP, opcodes=ALL_OPS)


def sqe(op: int = NvmeIoOp.READ, slba: int = 0, blocks: int = 1, nsid: int = 1, **kw) -> NvmeSqe:
    """A command on `blocks` blocks; `flags` are bits of CDW12."""
    flags = kw.pop("flags", 0)
    return NvmeSqe(
        opc=op, cid=0xC1D, nsid=nsid, prp1=0x1234_5000, prp2=0x9000,
        cdw10=slba & 0xFFFF_FFFF, cdw11=slba >> 32, cdw12=blocks - 1 | flags, **kw,
    )  # fmt: skip


def status(command: NvmeSqe, grant: Grant = GRANT, **kw) -> int:
    verdict = check(command, grant, NAMESPACES, **kw)
    assert verdict.cid == command.cid and verdict.op == command.opc
    assert verdict.ok == (verdict.status == NvmeStatus.SUCCESS) == (not verdict.dnr)
    assert verdict.more == (verdict.status == NvmeStatus.ACCESS_DENIED)
    return verdict.status


def test_good_commands() -> None:
    """Stimulus: each opcode. Checking: address, bytes, span, pointers, function, namespace."""
    for op in NvmeIoOp:
        done = check(sqe(op, 0x123, 16, nsid=3).pack(), GRANT, NAMESPACES)
        if op == NvmeIoOp.DSM:
            assert done.status == NvmeStatus.SUCCESS and done.nbytes == 16 * (0x23 + 1)
        else:
            assert done.ok
            moves = op in (NvmeIoOp.READ, NvmeIoOp.WRITE, NvmeIoOp.COMPARE)
            assert done.nbytes == (65536 if moves else 0)
        named = op in BLOCKS
        assert done.span == (65536 if named else 0)
        assert done.addr == (0x7000 + 0x123000 if named else 0)
        assert (done.prp1, done.prp2, done.func, done.nsi) == (0x1234_5000, 0x9000, 5, 2)


@pytest.mark.parametrize("op", NvmeIoOp)
def test_fields(op: NvmeIoOp) -> None:
    """Stimulus: FUSE, PSDT, each bit of CDW12 above NLB, of CDW11 of DSM.
    Checking: those that the contract names are refused, others ignored."""
    for bad in ({"fuse": 1}, {"fuse": 3}, {"psdt": 1}, {"psdt": 2}):
        assert status(replace(sqe(op), **bad)) == NvmeStatus.INVALID_FIELD
    for bit in range(16, 32):
        bad = 26 <= bit < 30 and op in BLOCKS or 20 <= bit < 24 and op == NvmeIoOp.WRITE
        want = NvmeStatus.INVALID_FIELD if bad else NvmeStatus.SUCCESS
        assert status(sqe(op, flags=1 << bit)) == want, bit
    if op == NvmeIoOp.DSM:
        for bit in range(32):
            want = NvmeStatus.SUCCESS if bit < 3 else NvmeStatus.INVALID_FIELD
            assert status(replace(sqe(op), cdw11=1 << bit)) == want


def test_opcodes() -> None:
    """Stimulus: all 256 opcodes, granted or not. Checking: only known and granted ones pass."""
    for op in range(256):
        known = op in set(NvmeIoOp)
        want = NvmeStatus.SUCCESS if known else NvmeStatus.INVALID_OPCODE
        assert status(replace(sqe(), opc=op)) == want
        if known:
            less = replace(GRANT, opcodes=ALL_OPS ^ 1 << op)
            assert status(replace(sqe(), opc=op), less) == NvmeStatus.INVALID_OPCODE
    assert status(sqe(), Grant()) == NvmeStatus.INVALID_OPCODE


def test_namespaces() -> None:
    """Stimulus: NSIDs of the command against NSIDs of the grant. Checking: the rule, and Flush of all."""
    for granted in (0, 1, 2, 3, 4, 5, ALL_NAMESPACES):
        for op in NvmeIoOp:
            for nsid in (0, 1, 2, 3, 4, 5, 6, 1 << 16 | 1, 1 << 31 | 1, TOP >> 32):
                good = nsid in (1, 3, 4) and granted in (nsid, ALL_NAMESPACES)
                if nsid == ALL_NAMESPACES:
                    good = op == NvmeIoOp.FLUSH and granted == ALL_NAMESPACES
                want = NvmeStatus.SUCCESS if good else NvmeStatus.INVALID_NS
                assert status(sqe(op, nsid=nsid), replace(GRANT, nsid=granted)) == want
    assert check(sqe(NvmeIoOp.FLUSH, nsid=ALL_NAMESPACES), GRANT, NAMESPACES).nsi == 0
    assert check(sqe(NvmeIoOp.FLUSH, nsid=ALL_NAMESPACES), GRANT, []).ok


@pytest.mark.parametrize("nsid, most", [(1, 2048), (3, 256)])
def test_mdts(nsid: int, most: int) -> None:
    """Stimulus: lengths round MDTS. Checking: refused where data moves, not for Verify, Write Zeroes."""
    wide = [Namespace(True, 1 << 40, ns.shift, ns.base) for ns in NAMESPACES]
    for op in BLOCKS:
        moves = op in (NvmeIoOp.READ, NvmeIoOp.WRITE, NvmeIoOp.COMPARE)
        for blocks in (1, most - 1, most, most + 1, 65535, 65536):
            done = check(sqe(op, blocks=blocks, nsid=nsid), GRANT, wide)
            assert done.ok == (not moves or blocks <= most)
            assert done.ok or done.status == NvmeStatus.INVALID_FIELD
            assert not done.ok or done.span == blocks << wide[nsid - 1].shift


@given(
    slba=st.integers(0, TOP) | st.integers(TOP - 70000, TOP),
    blocks=st.integers(1, 65536),
    size=st.integers(0, TOP) | st.integers(TOP - 70000, TOP),
    lo=st.integers(0, TOP) | st.integers(TOP - 70000, TOP),
    n=st.integers(0, TOP) | st.integers(0, 70000),
)
def test_blocks(slba: int, blocks: int, size: int, lo: int, n: int) -> None:
    """Stimulus: any numbers, and those near 2^64.
    Checking: against the first and the last block taken one by one."""
    got = check_blocks(slba, blocks, Grant(slba=lo, nlb=n), Namespace(True, size))
    last = slba + blocks - 1
    if not (0 <= slba < size and last < size):
        assert got == NvmeStatus.LBA_RANGE
    elif not all(0 <= b - lo < n for b in (slba, last)):
        assert got == NvmeStatus.ACCESS_DENIED
    else:
        assert got == NvmeStatus.SUCCESS


def test_order() -> None:
    """Stimulus: a command with every fault, which are taken away from the first on.
    Checking: each time the next one shows."""
    want = [
        (NvmeStatus.INVALID_FIELD, {"psdt": 0}, {}),
        (NvmeStatus.INVALID_OPCODE, {}, {"opcodes": ALL_OPS}),
        (NvmeStatus.INVALID_NS, {"nsid": 3}, {}),
        (NvmeStatus.INVALID_FIELD, {"cdw12": 65535}, {}),
        (NvmeStatus.INVALID_FIELD, {"cdw12": 255}, {}),
        (NvmeStatus.LBA_RANGE, {"cdw10": 744, "cdw11": 0}, {}),
        (NvmeStatus.ACCESS_DENIED, {}, {"nlb": 1000}),
    ]
    command = sqe(NvmeIoOp.WRITE, TOP, 65536, nsid=9, psdt=1, flags=0x2020_0000)
    grant = replace(GRANT, opcodes=0, nlb=0)
    for expected, fix, fix_grant in want:
        assert status(command, grant) == expected
        command, grant = replace(command, **fix), replace(grant, **fix_grant)
    assert status(command, grant) == NvmeStatus.SUCCESS


@given(st.integers(0, (1 << 256) - 1))
def test_grant_words(word: int) -> None:
    """Stimulus: any 32 bytes. Checking: they survive unpacking and packing (all bits are in use)."""
    grant = Grant.from_int(word)
    assert grant == Grant.unpack(word.to_bytes(32, "little") + bytes(224))
    assert grant.to_int(NvmeGrant.from_int(word).ranges) == word
