# SPDX-License-Identifier: Apache-2.0
"""Unit tests of crl_nvme_check against models.nvme.check."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import replace

import cocotb
import pytest
from cocotb.triggers import RisingEdge

from models.layout import NvmeIoOp, NvmeSqe, NvmeStatus
from models.nvme.check import (
    ALL_NAMESPACES,
    FLUSH_DSM,
    Grant,
    Namespace,
    Verdict,
    check,
    check_blocks,
)
from tb.lib.sim import run_sim
from tb.unit.dma_lib import CycleBench, expects_failure
from tb.unit.stream import PROFILES

TOP = (1 << 64) - 1
ALL_OPS = 0xFFFF_FFFF
BLOCK_OPS = [op for op in NvmeIoOp if op not in FLUSH_DSM]
OUTPUTS = (
    "m_ok m_status m_dnr m_more m_qid m_cid m_op m_addr m_bytes m_span m_prp1 m_prp2 m_func m_nsi"
).split()
S = NvmeStatus
TO_DV, EVERY = 3, 4  # cycles from a range taken to its verdict; from range to range


def command(op=NvmeIoOp.READ, slba=0, blocks=1, nsid=1, flags=0, **kw) -> NvmeSqe:
    """A sound command on `blocks` blocks; `flags` are bits of CDW12."""
    fields = {"cid": 0xC1D, "prp1": 0x1234_5678_9ABC_D000, "prp2": 0x0FED_CBA9_8765_4000}
    fields |= {"cdw10": slba & 0xFFFF_FFFF, "cdw11": slba >> 32, "cdw12": blocks - 1 | flags}
    return NvmeSqe(opc=op, nsid=nsid, **fields | kw)


class Bench(CycleBench):
    """Commands in, verdicts out, tables beside them; the model's tables change with the RTL's."""

    idle = dict.fromkeys(
        (
            "gr_we gr_qid gr_entry ns_we ns_idx ns_valid ns_blocks ns_shift ns_base "
            "s_valid s_qid s_sqe m_ready ds_valid ds_qid ds_nsi ds_slba ds_nlb"
        ).split(),
        0,
    )

    def __init__(self, dut) -> None:
        super().__init__(dut)
        self.queues, self.n_ns = self.p["QUEUES"], self.p["NAMESPACES"]
        self.todo: deque[tuple[int, NvmeSqe, int]] = (
            deque()
        )  # to be offered, reserved bits with them
        self.writes: deque[tuple] = deque()  # of the tables, one a cycle
        self.owed: deque[tuple[int, Verdict, int, NvmeSqe]] = deque()
        self.seen: Counter = Counter()
        self.statuses: list[int] = []
        self.latencies: Counter = Counter()
        self.offered: tuple[int, NvmeSqe, int] | None = None
        self.held: dict[str, int] | None = None
        self.rate = {"s": 1.0, "m": 1.0, "w": 1.0, "ds": 1.0}
        self.ranges: deque[tuple[int, int, int, int]] = deque()  # queue, namespace, SLBA, NLB
        self.range_statuses: list[int] = []
        self.range_stalls = 0  # cycles in which a range was offered and not taken
        self.stalled = 0  # cycles in which a command was offered and not taken
        self.sabotage = ""
        self.forget()

    def forget(self) -> None:
        """The tables after a reset."""
        self.grants = [Grant()] * (self.queues + 1)
        self.namespaces = [Namespace()] * self.n_ns
        self.judging: deque[tuple[int, tuple, Namespace, int]] = deque()
        self.range: tuple[int, int, int, int] | None = None
        self.range_at = -EVERY

    async def clear(self) -> None:
        """Reset; the tables are cleared at once."""
        await self.reset()
        self.owed.clear()
        self.forget()
        self.held = self.offered = None

    def hit(self, name: str) -> bool:
        return self.rng.random() < self.rate[name]

    def free(self, write: tuple) -> bool:
        """Nobody who is under way uses what this write changes."""
        under_way = [(q, sqe) for q, _, _, sqe in self.owed]
        if self.offered is not None:
            under_way.append(self.offered[:2])
        ranges = [r for _, r, *_ in self.judging] + [self.range] * (self.range is not None)
        if any(r[write[0] == "ns"] == write[1] for r in ranges):
            return False
        if write[0] == "gr":
            return all(q != write[1] for q, _ in under_way)
        return all(sqe.nsid != write[1] + 1 for _, sqe in under_way)

    def drive(self) -> None:
        i, rng = self.inp, self.rng
        i["gr_qid"], i["gr_entry"] = rng.randrange(self.queues + 1), rng.getrandbits(256)
        i["ns_idx"], i["ns_valid"] = rng.randrange(self.n_ns), 1
        if self.writes and self.hit("w") and self.free(self.writes[0]):
            what, index, entry = self.writes.popleft()
            if what == "gr":
                i.update(gr_we=1, gr_qid=index, gr_entry=entry.to_int(rng.getrandbits(32)))
            else:
                i.update(ns_we=1, ns_idx=index, ns_valid=int(entry.valid))
                i.update(ns_blocks=entry.blocks, ns_shift=entry.shift, ns_base=entry.base)
            self.write = what, index, entry
        else:
            self.write = None
        if self.offered is None and self.todo and self.hit("s"):
            self.offered = self.todo.popleft()
        if self.offered is not None:
            qid, sqe, reserved = self.offered
            i.update(s_valid=1, s_qid=qid, s_sqe=sqe.to_int() | reserved)
        i["m_ready"] = int(self.hit("m"))
        self.drive_range()

    def drive_range(self) -> None:
        """A range on offer, or noise."""
        i, rng = self.inp, self.rng
        if self.range is None and self.ranges and self.now >= self.range_at + EVERY:
            if self.hit("ds"):
                self.range = self.ranges.popleft()
        noise = rng.randint(1, self.queues), rng.randrange(self.n_ns)
        noise += rng.getrandbits(64), rng.getrandbits(32)
        i["ds_valid"] = int(self.range is not None)
        i["ds_qid"], i["ds_nsi"], i["ds_slba"], i["ds_nlb"] = self.range or noise

    def check_range(self) -> None:
        """The verdict of a range comes when it is due, and at no other time."""
        valid = self.get("dv_valid") and self.sabotage != "dv_lost"
        if self.judging and self.now == self.judging[0][0]:
            assert valid, "no verdict of a range"
            _, (_, _, slba, nlb), ns, want = self.judging.popleft()
            got = {n: self.get(f"dv_{n}") ^ (self.sabotage == f"dv_{n}") for n in ("status", "addr", "span")}
            expected = {"status": want}
            if want == S.SUCCESS:
                expected["addr"] = ns.base + (slba << ns.shift) & TOP
                expected["span"] = nlb << ns.shift
            got = {name: got[name] for name in expected}
            assert got == expected, f"{got}, not {expected}: {slba:#x}, {nlb} blocks"
            self.range_statuses.append(want)
            self.compared += 1
        else:
            assert not valid, "a verdict of no range"
        if self.range is not None:
            if self.get("ds_ready"):
                qid, nsi, slba, nlb = self.range
                ns = self.namespaces[nsi]
                want = check_blocks(slba, nlb, self.grants[qid], ns)
                self.judging.append((self.now + TO_DV, self.range, ns, want))
                self.range, self.range_at = None, self.now
            else:
                self.range_stalls += 1

    def check(self) -> None:
        self.check_range()
        if self.get("m_valid"):
            out = {name: self.get(name) for name in OUTPUTS}
            assert self.held in (None, out), "the verdict changed while it waited"
            if self.held is None:
                assert self.owed, "a verdict for no command"
                self.latencies[self.now - self.owed[0][2]] += 1
            self.held = None if self.inp["m_ready"] else out
            if self.inp["m_ready"]:
                self.verdict(out)
        else:
            assert self.held is None, "the verdict was withdrawn"
        if self.offered is not None:
            if self.get("s_ready"):
                qid, sqe, _ = self.offered
                want = check(sqe, self.grants[qid], self.namespaces, self.p["MDTS_BYTES"])
                self.owed.append((qid, want, self.now, sqe))
                self.offered = None
            else:
                self.stalled += 1
        if self.write is not None:
            what, index, entry = self.write
            (self.grants if what == "gr" else self.namespaces)[index] = entry

    def verdict(self, out: dict[str, int]) -> None:
        """Compare a verdict with what is owed; only fields that count."""
        assert self.owed, "a verdict for no command"
        if self.sabotage in out:
            out[self.sabotage] ^= 1
        qid, want, _, sqe = self.owed.popleft()
        expected = {"m_ok": int(want.ok), "m_qid": qid, "m_cid": want.cid, "m_op": want.op}
        if want.ok:
            expected |= {"m_bytes": want.nbytes, "m_span": want.span, "m_nsi": want.nsi}
            expected |= {"m_prp1": want.prp1, "m_prp2": want.prp2}
            expected["m_func"] = want.func & ((1 << self.p["FUNC_W"]) - 1)
            if want.op in BLOCK_OPS:
                expected["m_addr"] = want.addr
        else:
            expected |= {"m_status": want.status, "m_dnr": int(want.dnr), "m_more": int(want.more)}
        got = {name: out[name] for name in expected}
        assert got == expected, f"{got}, not {expected}, for {sqe} under {self.grants[qid]}"
        self.seen[want.status, want.op if want.ok else None] += 1
        self.statuses.append(want.status)
        self.compared += 1

    def send(self, sqe: NvmeSqe, qid: int = 1) -> None:
        """Queue a command, with noise in the bits that nobody looks at."""
        noise = self.rng.getrandbits(4) << 10 | self.rng.getrandbits(128) << 64
        self.todo.append((qid, sqe, noise | self.rng.getrandbits(96) << 416))

    async def tables(self, *writes: tuple) -> None:
        """Write the tables: ("gr", queue, Grant) or ("ns", index, Namespace)."""
        self.writes += writes
        await self.until(lambda: not self.writes, 4000, "table writes")

    async def drain(self) -> None:
        def over() -> bool:
            if self.ranges or self.range is not None or self.judging:
                return False
            return not self.todo and self.offered is None and not self.owed

        await self.until(over, 40_000, "verdicts")

    async def statuses_of(self, *commands: NvmeSqe, qid: int = 1) -> list[int]:
        """Send commands and wait for what becomes of them; compared with the model on the way."""
        self.statuses.clear()
        for sqe in commands:
            self.send(sqe, qid)
        await self.drain()
        return list(self.statuses)

    async def ranges_of(self, *ranges: tuple[int, int], qid: int = 1, nsi: int = 0) -> list[int]:
        """Have ranges judged, (SLBA, NLB) each; compared with the model on the way."""
        self.range_statuses.clear()
        self.ranges += ((qid, nsi, slba, nlb) for slba, nlb in ranges)
        await self.drain()
        return list(self.range_statuses)

    def random_range(self, qid: int) -> tuple[int, int, int, int]:
        """Near an edge, as a rule."""
        rng, grant = self.rng, self.grants[qid]
        nsi = rng.choice([n for n, ns in enumerate(self.namespaces) if ns.valid])
        ns = self.namespaces[nsi]
        nlb = rng.choice([0, 0, 1, 2, 0xFFFF_FFFF, 1 << 31, rng.getrandbits(32), rng.getrandbits(8)])
        ends = (ns.blocks - nlb, grant.slba, grant.slba + grant.nlb - nlb)
        return qid, nsi, self.near(*ends, *ends, 0, TOP - nlb + 1, ns.blocks, grant.slba + grant.nlb), nlb

    def end(self, at_least: int) -> None:
        assert not self.owed and not self.todo
        assert self.compared >= at_least, f"only {self.compared} verdicts were compared"

    # ---- random tables and commands, most of them near an edge

    def near(self, *edges: int) -> int:
        """A number at an edge, or next to one, or any."""
        kind = self.rng.random()
        if kind < 0.15:
            return self.rng.getrandbits(64)
        return self.rng.choice(edges) + self.rng.choice([0, 0, 0, 1, -1]) & TOP

    def random_namespace(self) -> Namespace:
        rng = self.rng
        blocks = rng.choice([TOP, 1 << 63, 1 << 40, 1 << 20, 100_000, 65536, 1, 0, TOP - 5])
        valid, shift = rng.random() < 0.85, rng.choice([9, 12])
        return Namespace(valid, blocks, shift, rng.getrandbits(52) << 12)

    def random_grant(self) -> Grant:
        rng = self.rng
        nsid = rng.choice(
            [ALL_NAMESPACES] * 4 + [rng.randint(1, self.n_ns)] * 4 + [0, 17, self.n_ns + 1]
        )
        opcodes = rng.choice([ALL_OPS, ALL_OPS, 0x1327, rng.getrandbits(32), 0])
        size = rng.choice(self.namespaces).blocks
        slba = rng.choice([0, 0, 1, size // 2, TOP - 99, rng.getrandbits(64)])
        nlb = rng.choice(
            [TOP, 1 << 20, max(size - slba, 0), TOP - slba, TOP - slba + 1 & TOP, 1, 0]
        )
        return Grant(rng.getrandbits(16), nsid, slba, nlb, opcodes, rng.getrandbits(16))

    def random_command(self, qid: int) -> NvmeSqe:
        rng, grant = self.rng, self.grants[qid]
        nsid = grant.nsid if 1 <= grant.nsid <= self.n_ns else rng.randint(1, self.n_ns)
        ns = self.namespaces[nsid - 1]
        most = self.p["MDTS_BYTES"] >> ns.shift
        blocks = rng.choice([1, 1, 2, most, most, most + 1, 65536, rng.randint(1, 65536)])
        blocks = min(max(blocks, 1), 65536)
        ends = (ns.blocks - blocks, grant.slba, grant.slba + grant.nlb - blocks)
        slba = self.near(*ends, *ends, 0, TOP - blocks + 1, ns.blocks, grant.slba + grant.nlb)
        op = rng.choice(list(NvmeIoOp))
        # of the bits of CDW12 the ignored ones always, the others now and then
        flags = rng.getrandbits(16) << 16 & (0xC10F_0000 if op == NvmeIoOp.WRITE else 0xC3FF_0000)
        if rng.random() < 0.08:
            flags |= 1 << rng.randrange(16, 32)
        fields = {n: rng.getrandbits(64) for n in ("prp1", "prp2")} | {"cid": rng.getrandbits(16)}
        sqe = command(op, slba, blocks, nsid, flags, **fields)
        if op == NvmeIoOp.DSM:
            cdw11 = rng.choice([rng.getrandbits(3)] * 6 + [1 << rng.randrange(32)])
            sqe = replace(sqe, cdw10=rng.getrandbits(32), cdw11=cdw11)
        if rng.random() < 0.06:
            sqe = replace(
                sqe, nsid=rng.choice([0, self.n_ns, self.n_ns + 1, 1 << 31 | nsid, ALL_NAMESPACES])
            )
        if op == NvmeIoOp.FLUSH and rng.random() < 0.3:
            sqe = replace(sqe, nsid=ALL_NAMESPACES)
        if rng.random() < 0.05:
            sqe = replace(sqe, opc=rng.choice([rng.getrandbits(8), 1 << rng.randrange(5, 8) | op]))
        if rng.random() < 0.05:
            sqe = replace(sqe, **{rng.choice(["fuse", "psdt"]): rng.randint(1, 3)})
        return sqe


async def bench(dut) -> Bench:
    """A bench with all rights on namespaces of both block sizes."""
    b = Bench(dut)
    await b.clear()
    everything = Grant(3, ALL_NAMESPACES, 0, TOP, ALL_OPS)
    await b.tables(*(("gr", q, everything) for q in range(1, b.queues + 1)))
    for i in range(b.n_ns):
        await b.tables(("ns", i, Namespace(True, 1 << 50, 12 if i & 1 else 9, (i + 1) << 40)))
    return b


@cocotb.test()
async def random_traffic(dut):
    """Stimulus: commands near every edge for all queues, tables rewritten beside them, idle x stall.
    Checking: every verdict and every field of it; each status and each good opcode was seen."""
    b = await bench(dut)
    for idle, stall in PROFILES:
        b.rate.update(s=1 - idle, m=1 - stall, w=0.4)
        for i in range(b.n_ns):
            await b.tables(("ns", i, b.random_namespace()))
        for _ in range(4):
            some = b.rng.sample(range(1, b.queues + 1), min(b.queues, 5))
            await b.tables(*(("gr", q, b.random_grant()) for q in some))
            count = 70 if max(idle, stall) < 0.9 else 15
            for _ in range(count):
                qid = b.rng.choice(some) if b.rng.random() < 0.9 else b.rng.randint(1, b.queues)
                b.send(b.random_command(qid), qid)
            if b.queues > 5:  # a queue that is not in use, in the middle of the traffic
                rest = [q for q in range(1, b.queues + 1) if q not in some]
                b.writes += [("gr", q, b.random_grant()) for q in b.rng.sample(rest, 5)]
            await b.drain()
    b.end(1000)
    await b.until(lambda: not b.writes, 4000, "table writes")
    # what random tables may leave out is certain here
    b.rate.update(s=1.0, m=1.0, w=1.0)
    await b.tables(("ns", 0, Namespace(True, 1 << 30, 9, 0x5000)))
    await b.tables(("gr", 1, Grant(9, 1, 5, 1 << 29, ALL_OPS)))
    good = await b.statuses_of(*(command(op, 6 if op in BLOCK_OPS else 0, 2) for op in NvmeIoOp))
    assert good == [S.SUCCESS] * len(NvmeIoOp)
    seen = {status for status, _ in b.seen}
    want = {
        S.SUCCESS,
        S.INVALID_FIELD,
        S.INVALID_OPCODE,
        S.INVALID_NS,
        S.LBA_RANGE,
        S.ACCESS_DENIED,
    }
    assert seen == want, seen
    assert {op for status, op in b.seen if status == S.SUCCESS} == set(NvmeIoOp)


@cocotb.test()
async def every_bit(dut):
    """Stimulus: all opcodes; FUSE, PSDT; each bit of CDW12 above NLB and of DSM's CDW11; each NSID bit.
    Checking: the status that the contract gives."""
    b = await bench(dut)
    got = await b.statuses_of(*(replace(command(), opc=op) for op in range(256)))
    assert got == [S.SUCCESS if op in set(NvmeIoOp) else S.INVALID_OPCODE for op in range(256)]
    bad = [{"fuse": n} for n in (1, 2, 3)] + [{"psdt": n} for n in (1, 2, 3)]
    for op in NvmeIoOp:
        got = await b.statuses_of(*(replace(command(op), **f) for f in bad))
        assert got == [S.INVALID_FIELD] * 6
        got = await b.statuses_of(*(command(op, flags=1 << bit) for bit in range(16, 32)))
        for bit, status in enumerate(got, 16):
            refuse = op in BLOCK_OPS and 26 <= bit < 30 or op == NvmeIoOp.WRITE and 20 <= bit < 24
            assert status == (S.INVALID_FIELD if refuse else S.SUCCESS), (op, bit)
    dsm = command(NvmeIoOp.DSM)
    got = await b.statuses_of(*(replace(dsm, cdw11=1 << bit) for bit in range(32)))
    assert got == [S.SUCCESS] * 3 + [S.INVALID_FIELD] * 29
    got = await b.statuses_of(*(replace(dsm, cdw10=n | n << 16) for n in (0, 1, 127, 255)))
    assert got == [S.SUCCESS] * 4
    got = await b.statuses_of(*(command(nsid=1 ^ 1 << bit) for bit in range(32)))
    assert got == [
        S.SUCCESS if (1 ^ 1 << n) in range(1, b.n_ns + 1) else S.INVALID_NS for n in range(32)
    ]
    last = 1 << b.rng.choice(list(NvmeIoOp))
    await b.tables(("gr", 1, Grant(3, ALL_NAMESPACES, 0, TOP, last)))
    got = await b.statuses_of(*(replace(command(), opc=op) for op in NvmeIoOp))
    assert [s == S.SUCCESS for s in got] == [last == 1 << op for op in NvmeIoOp]
    b.end(450)


@cocotb.test()
async def namespaces(dut):
    """Stimulus: NSIDs of commands against those of grants, namespaces there and gone.
    Checking: INVALID_NS or not; FFFFFFFFh only for Flush, and only of all."""
    b = await bench(dut)
    n = b.n_ns
    nsids = sorted({0, 1, 2, n, n + 1, 16, 17, ALL_NAMESPACES - 1, ALL_NAMESPACES})
    for gone in (False, True):
        if gone:
            await b.tables(("ns", 0, Namespace(False, 1 << 50, 9, 0)))
        for granted in (*nsids, 0x8000_0001):
            await b.tables(("gr", 1, Grant(1, granted, 0, TOP, ALL_OPS)))
            for op in (NvmeIoOp.FLUSH, NvmeIoOp.READ, NvmeIoOp.DSM):
                sqes = [replace(command(op, nsid=nsid), cdw11=0) for nsid in nsids]
                for nsid, status in zip(nsids, await b.statuses_of(*sqes), strict=True):
                    good = 1 <= nsid <= n and granted in (nsid, ALL_NAMESPACES)
                    good = good and not (gone and nsid == 1)
                    if nsid == granted == ALL_NAMESPACES:
                        good = op == NvmeIoOp.FLUSH
                    assert (status == S.SUCCESS) == good and status in (S.SUCCESS, S.INVALID_NS)
    b.end(300)


@cocotb.test()
async def blocks_and_edges(dut):
    """Stimulus: lengths round MDTS for both block sizes; first and last blocks at both ends of namespace and
    grant, near 2^64.
    Checking: the status that the contract gives, and all fields against the model."""
    b = await bench(dut)
    for shift in (9, 12):
        await b.tables(("ns", 0, Namespace(True, 1 << 50, shift, 0x7000)))
        most = b.p["MDTS_BYTES"] >> shift
        for op in BLOCK_OPS:
            sizes = [1, most - 1, most, most + 1, 65535, 65536]
            got = await b.statuses_of(*(command(op, 77, max(n, 1)) for n in sizes))
            moves = op in (NvmeIoOp.READ, NvmeIoOp.WRITE, NvmeIoOp.COMPARE)
            assert got == [S.INVALID_FIELD if moves and n > most else S.SUCCESS for n in sizes]

        async def at(size, lo, n, *tries):
            await b.tables(("ns", 0, Namespace(True, size, shift, 0xFFFF_F000)))
            await b.tables(("gr", 1, Grant(1, 1, lo, n, ALL_OPS)))
            sqes = []
            for slba, count, _ in tries:
                ops = BLOCK_OPS if count <= most else (NvmeIoOp.VERIFY, NvmeIoOp.WRITE_ZEROES)
                sqes.append(command(b.rng.choice(ops), slba, count))
            got = await b.statuses_of(*sqes)
            assert got == [status for *_, status in tries], (size, lo, n)

        ok, end, no = S.SUCCESS, S.LBA_RANGE, S.ACCESS_DENIED
        await at(
            100,
            0,
            TOP,
            (0, 1, ok),
            (99, 1, ok),
            (100, 1, end),
            (98, 2, ok),
            (99, 2, end),
            (0, 101, end),
        )
        await at(
            100,
            10,
            20,
            (9, 1, no),
            (10, 20, ok),
            (10, 21, no),
            (29, 1, ok),
            (30, 1, no),
            (9, 2, no),
        )
        await at(100, 10, 90, (10, 90, ok), (10, 91, end), (99, 1, ok), (9, 91, no))
        await at(0, 0, TOP, (0, 1, end), (TOP, 1, end))
        await at(100, 0, 0, (0, 1, no), (100, 1, end))
        await at(100, 50, 0, (50, 1, no), (49, 1, no))
        # SLBA + NLB + 1 needs 65 bits: TOP + 1 blocks would be 2^64
        await at(TOP, 0, TOP, (TOP, 1, end), (TOP - 1, 1, ok), (TOP - 1, 2, end), (TOP, 65536, end))
        await at(TOP, 0, TOP, (TOP - 100, 100, ok), (TOP - 100, 101, end), (TOP - 100, 102, end))
        await at(1 << 20, 0, TOP, (TOP, 2, end), (TOP - 15, 17, end), (TOP - 15, 16, end))
        # the grant's end needs 65 bits: exactly 2^64, and beyond it
        await at(
            TOP, TOP - 9, 10, (TOP - 9, 9, ok), (TOP - 1, 1, ok), (TOP - 10, 1, no), (0, 1, no)
        )
        await at(TOP, TOP - 9, TOP, (TOP - 9, 9, ok), (5, 1, no), (TOP - 10, 10, no))
        await at(TOP, 1, TOP, (1, 1, ok), (0, 1, no), (TOP - 1, 1, ok))
        # carries out of the low half
        half = 1 << 32
        await at(half, half - 1, 2, (half - 1, 1, ok), (half - 2, 1, no), (half - 1, 2, end))
        await at(
            4 * half,
            half - 1,
            2,
            (half - 1, 2, ok),
            (half, 1, ok),
            (half, 2, no),
            (half + 1, 1, no),
        )
        await at(
            half + 5,
            0,
            TOP,
            (half + 4, 1, ok),
            (half + 4, 2, end),
            (half - 3, 8, ok),
            (half - 3, 9, end),
        )
    b.end(100)


@cocotb.test()
async def order_of_checks(dut):
    """Stimulus: a command with every fault, which are mended from the first on; then every pair of faults.
    Checking: the first one in the contract's order shows each time."""
    b = await bench(dut)
    await b.tables(("ns", 0, Namespace(True, 1 << 20, 9, 0)))
    most = b.p["MDTS_BYTES"] >> 9
    # each fault: status, change of the command, change of the grant
    faults = [
        (S.INVALID_FIELD, {"fuse": 1}, {}),
        (S.INVALID_FIELD, {"psdt": 2}, {}),
        (S.INVALID_OPCODE, {}, {"opcodes": ALL_OPS ^ 1 << NvmeIoOp.WRITE}),
        (S.INVALID_NS, {"nsid": 0}, {}),
        (S.INVALID_NS, {}, {"nsid": 2}),
        (S.INVALID_FIELD, {"cdw12": 1 << 29}, {}),
        (S.INVALID_FIELD, {"cdw12": 1 << 20}, {}),
        (S.INVALID_FIELD, {"cdw12": min(most, 65535)}, {}),
        (S.LBA_RANGE, {"cdw11": 1 << 31}, {}),
        (S.ACCESS_DENIED, {}, {"slba": 100}),
    ]
    rank = [0, 0, 1, 2, 2, 3, 3, 3, 4, 5]
    if most > 65535:
        del faults[7], rank[7]
    sound = command(NvmeIoOp.WRITE, 9, 1)
    full = Grant(1, 1, 0, TOP, ALL_OPS)
    for i, (status, change, grant) in enumerate(faults):
        for j in range(i, len(faults)):
            if j > i and (rank[j] == rank[i] or set(change) & set(faults[j][1])):
                continue
            await b.tables(("gr", 1, replace(full, **faults[j][2] | grant)))
            got = await b.statuses_of(replace(sound, **faults[j][1] | change))
            assert got == [status], (faults[i], faults[j])
    sqe, grant = sound, full
    for _, change, less in reversed(faults):
        sqe, grant = replace(sqe, **change), replace(grant, **less)
    await b.tables(("gr", 1, grant))
    assert await b.statuses_of(sqe) == [S.INVALID_FIELD]
    await b.tables(("gr", 1, full))
    assert await b.statuses_of(sound) == [S.SUCCESS]
    b.end(20)


@cocotb.test()
async def pace(dut):
    """Stimulus: one command alone; 200 without a gap; a grant written in the cycle before its command.
    Checking: verdicts 3 cycles later, three in four cycles; the new grant counts."""
    b = await bench(dut)
    await b.statuses_of(command())
    assert set(b.latencies) == {3}, b.latencies
    b.stalled = 0
    await b.statuses_of(*(b.random_command(1) for _ in range(200)))
    assert b.stalled <= 200 // 3 and set(b.latencies) == {3}, (b.stalled, b.latencies)
    full = b.grants[1]
    for what in (
        Grant(),
        full,
        replace(full, opcodes=0),
        replace(full, nsid=2),
        replace(full, nlb=1),
        full,
    ):
        b.writes.append(("gr", 1, what))
        await b.step()
        assert not b.writes
        b.send(command(slba=1))
        await b.drain()
    base = b.namespaces[0]
    for what in (
        Namespace(),
        base,
        replace(base, blocks=1),
        replace(base, shift=12),
        replace(base, base=0),
    ):
        b.writes.append(("ns", 0, what))
        await b.step()
        assert not b.writes
        b.send(command(slba=1))
        await b.drain()
    b.end(212)


@cocotb.test()
async def each_queue_its_own(dut):
    """Stimulus: a different grant for each queue, commands of all queues in a row.
    Checking: the function, and that only the queue's own blocks pass."""
    b = await bench(dut)
    qs = range(1, b.queues + 1)
    await b.tables(*(("gr", q, Grant(q * 3 & 0xFF, 1, q * 10, 10, ALL_OPS)) for q in qs))
    for q in qs:
        b.send(command(slba=q * 10, blocks=10), q)
        b.send(command(slba=q * 10 - 1), q)
        b.send(command(slba=q * 10 + 10), q)
    b.statuses.clear()
    await b.drain()
    assert b.statuses == [S.SUCCESS, S.ACCESS_DENIED, S.ACCESS_DENIED] * b.queues


@cocotb.test()
async def range_edges(dut):
    """Stimulus: ranges of Dataset Management at both ends of namespace and grant, of no block, of 2^32 - 1, near 2^64,
    with carries out of the low half; both block sizes, each namespace.
    Checking: LBA_RANGE, then ACCESS_DENIED, else the address and the bytes."""
    b = await bench(dut)
    ok, end, no = S.SUCCESS, S.LBA_RANGE, S.ACCESS_DENIED
    most = 0xFFFF_FFFF

    for shift in (9, 12):
        for base in (0, 0xFFFF_F000, TOP - 4095):

            async def at(size, lo, n, *tries, base=base, shift=shift):
                nsi, qid = b.rng.randrange(b.n_ns), b.rng.randint(1, b.queues)
                await b.tables(("ns", nsi, Namespace(True, size, shift, base)))
                await b.tables(("gr", qid, Grant(1, nsi + 1, lo, n, ALL_OPS)))
                got = await b.ranges_of(*((slba, nlb) for slba, nlb, _ in tries), qid=qid, nsi=nsi)
                assert got == [status for *_, status in tries], (size, lo, n)

            await at(100, 0, TOP, (0, 0, ok), (0, 1, ok), (0, 100, ok), (0, 101, end), (99, 1, ok))
            await at(100, 0, TOP, (100, 0, ok), (100, 1, end), (101, 0, end), (TOP, 0, end))
            await at(100, 10, 20, (9, 1, no), (10, 20, ok), (10, 21, no), (29, 1, ok), (30, 1, no))
            await at(100, 10, 20, (9, 0, no), (10, 0, ok), (30, 0, ok), (31, 0, no), (9, 92, end))
            await at(0, 0, TOP, (0, 0, ok), (0, 1, end), (1, 0, end), (0, most, end))
            await at(100, 50, 0, (50, 0, ok), (50, 1, no), (49, 0, no), (51, 0, no))
            await at(TOP, 0, TOP, (TOP, 0, ok), (TOP, 1, end), (TOP - 1, 1, ok), (TOP - 1, 2, end))
            await at(TOP, 0, TOP, (TOP - most, most, ok), (TOP - most + 1, most, end))
            await at(1 << 20, 0, TOP, (TOP, 1, end), (TOP, 2, end), (TOP - most + 1, most, end))
            await at(TOP, TOP - 9, 10, (TOP - 9, 9, ok), (TOP - 10, 1, no), (0, 1, no), (0, 0, no))
            await at(TOP, TOP - 9, TOP, (TOP - 9, 9, ok), (5, 1, no), (TOP - 10, 10, no))
            half = 1 << 32
            await at(half, 0, TOP, (0, most, ok), (1, most, ok), (2, most, end), (half, 0, ok))
            await at(4 * half, half - 1, 2, (half - 1, 2, ok), (half, 1, ok), (half, 2, no))
            await at(4 * half, 7, most, (7, most, ok), (6, most, no), (8, most, no))
            await at(1 << 50, 0, TOP, (half + 4, 1 << 31, ok), (1 << 49, most, ok))
    b.end(300)


@cocotb.test()
async def ranges_beside_commands(dut):
    """Stimulus: random commands and ranges of all queues, tables rewritten beside them, idle x stall; verdicts of
    commands not taken for long.
    Checking: verdicts of both; those of ranges after 3 cycles whatever `m_ready` is; no command is lost."""
    b = await bench(dut)
    seen: Counter = Counter()
    for idle, stall in [*PROFILES, (0.0, 1.0)]:
        b.rate.update(s=1 - idle, m=1 - stall, w=0.4, ds=b.rng.choice((1.0, 1.0, 0.3)))
        for i in range(b.n_ns):
            ns = b.random_namespace()  # the first one is there, for ranges
            await b.tables(("ns", i, replace(ns, valid=ns.valid or i == 0)))
        some = b.rng.sample(range(1, b.queues + 1), min(b.queues, 3))
        await b.tables(*(("gr", q, b.random_grant()) for q in some))
        for _ in range(40 if max(idle, stall) < 0.9 else 15):
            q = b.rng.choice(some)
            b.send(b.random_command(q), q)
            b.ranges.append(b.random_range(b.rng.choice(some)))
        if stall == 1:
            await b.step(200)
            assert not b.ranges and b.todo, "ranges wait for commands"
            b.rate["m"] = 1.0
        await b.drain()
        seen.update(b.range_statuses)
        b.range_statuses.clear()
    assert set(seen) == {S.SUCCESS, S.LBA_RANGE, S.ACCESS_DENIED}, seen
    # A range every 4th cycle: commands lose one cycle for each, at most.
    b.rate.update(s=1.0, m=1.0, ds=1.0)
    b.stalled = b.range_stalls = 0
    for _ in range(200):
        b.send(b.random_command(1))
    b.ranges += [b.random_range(1) for _ in range(100)]
    began = b.now
    await b.until(lambda: not b.todo and not b.owed, 1000, "verdicts")
    taken = (b.now - began) // EVERY + 1
    assert b.stalled <= taken and b.range_stalls <= 1, (b.stalled, taken, b.range_stalls)
    await b.drain()
    b.end(700)


@cocotb.test()
async def reset_in_flight(dut):
    """Stimulus: reset amid stalled traffic; commands and table writes in the first cycle after it.
    Checking: no verdict of an old command, no command lost, no rights left for any queue."""
    b = await bench(dut)
    for stall in (1.0, 0.5, 0.0):
        b.rate.update(m=1 - stall)
        for _ in range(20):
            b.send(command(), b.rng.randint(1, b.queues))
            b.ranges.append((b.rng.randint(1, b.queues), 0, 0, 1))
        await b.step(b.rng.randint(4, 12))
        await b.reset(b.rng.randint(1, 3))
        b.owed.clear()
        b.todo.clear()
        b.ranges.clear()
        b.held = b.offered = None
        b.forget()
        b.rate.update(m=1.0)
        if stall != 0.5:
            b.statuses.clear()
            for q in list(range(1, b.queues + 1)) * 2:
                b.send(command(), q)
            await b.drain()
            assert b.statuses == [S.INVALID_OPCODE] * 2 * b.queues
        await b.tables(
            *(("gr", q, Grant(1, ALL_NAMESPACES, 0, TOP, ALL_OPS)) for q in range(1, b.queues + 1))
        )
        assert await b.statuses_of(command(), command(NvmeIoOp.FLUSH)) == [S.INVALID_NS] * 2
        await b.tables(("ns", 0, Namespace(True, 50, 9, 0)))
        assert await b.statuses_of(command()) == [S.SUCCESS]
        assert await b.ranges_of((0, 50), (1, 50)) == [S.SUCCESS, S.LBA_RANGE]
    b.end(9)


@cocotb.test()
async def scoreboard_fails(dut):
    """Stimulus: each output that counts with a bit turned; no commands at all.
    Checking: the scoreboard notices."""
    b = await bench(dut)
    await b.statuses_of(command())
    for name in OUTPUTS:
        good = name not in ("m_status", "m_dnr", "m_more")
        b.sabotage = name
        await expects_failure(b.statuses_of(command(nsid=1 if good else 0)))
        await RisingEdge(dut.clk)  # the end of the step that failed
        b.sabotage = ""
        await b.drain()
    for name in ("status", "addr", "span", "lost"):
        b.sabotage = f"dv_{name}"
        await expects_failure(b.ranges_of((1, 1)))
        await RisingEdge(dut.clk)
        b.sabotage = ""
        b.judging.clear()
        b.range = None
        await b.step(EVERY)
    assert await b.ranges_of((1, 1)) == [S.SUCCESS]
    b.compared = 0
    with pytest.raises(AssertionError):
        b.end(1)


SMALL = {"QUEUES": 1, "NAMESPACES": 1, "FUNC_W": 8, "MDTS_BYTES": 1 << 20}
MIDDLE = {"QUEUES": 16, "NAMESPACES": 4, "FUNC_W": 8, "MDTS_BYTES": 1 << 17}
LARGE = {"QUEUES": 128, "NAMESPACES": 16, "FUNC_W": 8, "MDTS_BYTES": 1 << 20}


@pytest.mark.unit
@pytest.mark.parametrize(
    "parameters",
    [
        pytest.param(SMALL, marks=pytest.mark.sweep, id="small"),
        pytest.param(MIDDLE, id="middle"),
        pytest.param(LARGE, marks=pytest.mark.sweep_icarus, id="large"),
    ],
)
def test_crl_nvme_check(sim, parameters):
    """Stimulus and checking: see the cocotb tests above."""
    run_sim("crl_nvme_check", __name__, parameters, sim=sim)
