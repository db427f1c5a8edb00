# SPDX-License-Identifier: Apache-2.0
"""Unit tests of crl_nvme_exec against models.nvme.executor. Rules: docs/blocks/nvme.md; bench: nvme_exec_bench.py, commands: nvme_exec_items.py."""

from __future__ import annotations

from collections import Counter

import cocotb
import pytest
from cocotb.triggers import RisingEdge

from models.layout import NvmeIoOp
from models.layout import NvmeStatus as S
from models.nvme.executor import bursts, no_retry
from models.nvme.mover import PAGE
from models.nvme.status import more
from tb.lib.sim import run_sim
from tb.unit.dma_lib import expects_failure
from tb.unit.nvme_exec_bench import KILL_GRACE, SEAMS, Bench, Item
from tb.unit.nvme_exec_items import COMPARE, DECERR, READ, SLVERR, SPANS, WALKED, WRITE
from tb.unit.stream import PROFILES

TO_C, TO_K, TO_Z = 2, 2, 2  # cycles: s_valid to c_valid, a piece to k_valid, e_valid to z_valid
AT_ONCE = 3  # a piece in the cycle after c_*, which was in that of s_*: no walker is so quick, and the command's own data is not there yet
COMMAND = 4  # cycles a command
SPARE = 4  # cycles of a long stream that begin and end may cost
DEALLOCATE = NvmeIoOp.DSM


async def bench(dut) -> Bench:
    b = Bench(dut)
    await b.clear()
    await b.step(b.queues + 2)
    return b


def quiet(b: Bench) -> None:
    """Everybody as quick as can be."""
    b.rate = dict.fromkeys(SEAMS, 1.0)
    b.hold.clear()
    b.e_lat, b.r_lat, b.dv_lat = (0, 3), (0, 3), (3, 3)


@cocotb.test()
async def each_opcode(dut):
    """Stimulus: each opcode alone, both block sizes, lengths of one block to some pages, PRP1 at any kind of offset, every place in the namespace's page;
    what the check refused. Checking: walker's orders, each chunk, status, DNR, MORE, SQHD, log event."""
    b = await bench(dut)
    for shift in (9, 12):
        size = 1 << shift
        for blocks in (1, 2, 3, 8, 17 if shift == 9 else 3):
            for op in WALKED:
                for offset in (0, 4, 2048, 4092, 4 * b.rng.randrange(1024)):
                    item = await b.run(b.io(op, blocks * size, shift=shift, offset=offset))
                    assert item.status == S.SUCCESS and sum(item.lengths) == blocks * size
            for op in SPANS:
                item = await b.run(b.span(op, blocks * size, shift=shift))
                assert item.status == S.SUCCESS and sum(item.lengths) == blocks * size
            item = await b.run(b.dsm([size * n for n in range(blocks)], shift=shift))
            assert item.status == S.SUCCESS and sum(item.lengths) == size * blocks * (blocks - 1) // 2
    assert (await b.run(b.flush())).status == S.SUCCESS
    for status in S:
        if status != S.SUCCESS:
            for dnr, more_ in ((0, 0), (1, 0), (0, 1), (1, 1)):
                assert (await b.run(b.refused(status, dnr=bool(dnr), more=bool(more_)))).status == status
    b.end(500)


@cocotb.test()
async def chunk_edges(dut):
    """Stimulus: every 512-byte place in the namespace's page x piece ends just before, at and behind multiples of the burst, one and two pages, Read, Write, Compare;
    Write Zeroes and Verify over page ends; the first and the last page of memory; the longest command and the longest span.
    Checking: chunks end exactly there."""
    b = await bench(dut)
    for place in range(0, PAGE, 512):
        for offset in (0, 4, 508, 512, 516, PAGE - 512, PAGE - 4):
            op = b.rng.choice(WALKED)
            b.send(b.io(op, b.rng.choice((512, 1024, PAGE)), place=place, offset=offset))
        for op in SPANS:
            b.send(b.span(op, b.rng.choice((512, 2048, PAGE, PAGE + 512)), place=place))
        b.send(b.dsm([512, PAGE, 1024], places=[place, place, PAGE - 512]))
        await b.drain()
    for addr in (0, (1 << 64) - PAGE, (1 << 64) - 512, (1 << 32) - 512):
        for op in (*WALKED, *SPANS):
            item = b.io(op, 512) if op in WALKED else b.span(op, 512)
            object.__setattr__(item.cmd, "addr", addr)
            b.send(item)
    await b.drain()
    for op in WALKED:
        b.send(b.io(op, 64 * PAGE, offset=4, shift=12))
    b.send(b.span(SPANS[0], 65 * PAGE), b.span(SPANS[1], 64 * PAGE, shift=12))
    await b.drain()
    assert set(b.ends) == {S.SUCCESS}
    b.end(400)


@cocotb.test()
async def longest(dut):
    """Stimulus: a Read of 1 MiB; Verify of 65536 blocks of 4096 bytes, killed on its way; a range of DSM of 2^32 - 1 blocks, killed too.
    Checking: chunk after chunk, and they end."""
    b = await bench(dut)
    item = await b.run(b.io(READ, 1 << 20, shift=12, offset=4))
    assert item.status == S.SUCCESS and sum(item.lengths) == 1 << 20
    for long in (b.span(NvmeIoOp.VERIFY, 1 << 28, shift=12, qid=1), b.dsm([0xFFFF_FFFF << 12], shift=12, qid=1), b.dsm([512, 0xFFFF_FFFF << 9], qid=1)):
        b.send(long)
        await b.step(600)
        assert len(long.chunks) > 400 and long.status is None
        b.kill(1)
        await b.drain(400)
        assert long.status == S.SQ_DELETED
        await b.set_up(1)
    b.end(2000)


@cocotb.test()
async def refused_pieces(dut):
    """Stimulus: Read, Write, Compare of up to five pieces at several offsets, both block sizes, each piece refused with each status; a good command behind.
    Checking: status with its DNR and MORE, log event; chunks of what is before it, of a Write whole blocks only."""
    b = await bench(dut)
    for op in WALKED:
        for shift in (9, 12):
            for offset in (0, 4, 512, 2048, PAGE - 4):
                pieces = 4 if offset else 3
                for refuse in range(pieces):
                    status = b.rng.choice((S.ACCESS_DENIED, S.INVALID_PRP, S.DATA_TRANSFER))
                    item = b.io(op, 3 * PAGE, shift=shift, offset=offset, refuse=refuse, status=status)
                    b.send(item, b.io(b.rng.choice(WALKED), 512), b.flush())
                    await b.drain()
                    assert item.status == status, item.note
                    moved = sum(item.lengths)
                    there = PAGE * refuse - offset if refuse else 0
                    assert moved == there if op != WRITE else moved % (1 << shift) == 0 and moved <= there
                    assert op != WRITE or there - moved < PAGE, f"{there - moved} bytes of good pieces were not written"
    b.end(600)


@cocotb.test()
async def whole_blocks(dut):
    """Stimulus: Writes of three blocks of 4096 bytes in four pieces which come 40 cycles apart; the last one good or refused.
    Checking: a chunk of a block comes only with its last piece (in the model); each block comes then."""
    b = await bench(dut)
    for offset in (4, 2048, PAGE - 4):
        for refuse in (None, 3):
            item = b.io(WRITE, 3 * PAGE, shift=12, offset=offset, refuse=refuse)
            b.send(item)
            for n in range(4):
                b.hold.discard("p")
                await b.until(lambda n=n, item=item: item.given > n or item.status is not None, 60, "piece to be taken")
                b.hold.add("p")
                await b.step(40)
                want = n * PAGE if n < 3 or not refuse else 2 * PAGE
                assert sum(item.lengths) == want, f"{sum(item.lengths)} bytes after piece {n}, {want} are whole blocks"
            quiet(b)
            await b.drain()
            assert item.status == (S.ACCESS_DENIED if refuse else S.SUCCESS)
    b.end(60)


@cocotb.test()
async def ends(dut):
    """Stimulus: each way with each status that the mover can give, and all statuses that walker and check may give.
    Checking: DNR and MORE of each; log events exactly with MORE, with the command's numbers."""
    b = await bench(dut)
    ends_ = (S.DATA_TRANSFER, S.READ_ERROR, S.WRITE_FAULT, S.COMPARE_FAILURE)
    for end in ends_:
        for op in WALKED:
            b.send(b.io(op, 1024, end=end))
        for op in SPANS:
            b.send(b.span(op, 1024, end=end))
        b.send(b.dsm([512, 512], end=end))
        await b.drain()
        assert b.ends[end] == 6
    for status in S:
        if status == S.SUCCESS:
            continue
        done = len(b.done)
        b.send(b.io(READ, 512, refuse=0, status=status), b.io(WRITE, 2 * PAGE, refuse=1, status=status))
        b.send(b.dsm([512, 512], fail=1, fail_status=status), b.dsm([512], ad=False, fail=0, fail_status=status))
        b.send(b.dsm([512] * 200, refuse=0, status=status))
        await b.drain()
        got = [i.status for i in b.done[done:]]
        assert got == [status] * 5, f"{status!r}: {got}"
        assert no_retry(status) or not more(status)
    b.end(250)


@cocotb.test()
async def without_memory(dut):
    """Stimulus: walker, mover, list memory and check take and give nothing, OPS - 1 commands wait for them; refused commands, Flush and those of a namespace that
    changes hands come. Checking: these end; the others when the memory is there again; ANA is looked at when a command is taken."""
    b = await bench(dut)
    for held in ({"c"}, {"p"}, {"k"}, {"e"}, {"c", "p", "k", "e", "ar", "r", "ds"}):
        b.hold |= held
        stuck = [b.any_item(0) for _ in range(3 * b.n_ops)]
        stuck = [i for i in stuck if i.pieces or i.cmd.span and i.cmd.ok][: b.n_ops - 1]
        b.send(*stuck)
        await b.step(6 * b.n_ops + 20)
        done = len(b.done)
        for n in range(12):
            item = await_one(b, (b.flush(), b.refused(S.ACCESS_DENIED), b.io(READ), b.dsm([512]))[n % 4], n % 4 >= 2)
            await b.until(lambda item=item: item.status is not None, 40, "a command without memory to end")
            assert item.status == (S.SUCCESS, S.ACCESS_DENIED, S.ANA_TRANSITION, S.ANA_TRANSITION)[n % 4]
            b.ana = 0
        assert len(b.done) >= done + 12
        quiet(b)
        await b.drain()
    # A level for each namespace.
    for nsi in range(b.n_ns):
        b.ana = 1 << nsi
        items = [b.io(READ, nsi=n) for n in range(b.n_ns)] + [b.flush(nsi=n) for n in range(b.n_ns)] + [b.refused(S.INVALID_FIELD)]
        b.send(*items)
        await b.drain()
        want = [S.ANA_TRANSITION if n == nsi else S.SUCCESS for n in range(b.n_ns)]
        assert [i.status for i in items] == want + want + [S.INVALID_FIELD]
        assert not items[nsi].chunks and not b.m.ops
    b.ana = 0
    b.end(70)


def await_one(b: Bench, item: Item, ana: bool) -> Item:
    b.ana = (1 << b.n_ns) - 1 if ana else 0
    return b.send(item)


@cocotb.test()
async def lists(dut):
    """Stimulus: DSM of 1 to 256 ranges, list at offsets round beats, bursts and the page's end, with and without AD, ranges of no blocks, of one, over pages.
    Checking: each burst of the list, each range judged once and in order, its blocks zeroed, none without AD."""
    b = await bench(dut)
    offsets = (0, 4, 8, 12, 16, b.w - 4, b.w, 504, 512 - 16, 512, 2048, PAGE - 16, PAGE - 8, PAGE - 4)
    for count in (1, 2, 3, 31, 32, 33, 256):
        for offset in offsets if count < 30 else b.rng.sample(offsets, 3 if count < 200 else 2):
            ad = count < 3 or b.rng.random() < 0.6
            spans = [512 * n for n in b.rng.choices((0, 1, 1, 2, 9), k=count)]
            item = b.dsm(spans, ad=ad, offset=offset)
            b.send(item)
            await b.drain()
            assert item.status == S.SUCCESS and sum(item.lengths) == (sum(spans) if ad else 0)
            assert item.op.judged == count and item.op.asked == len(bursts(item.pieces, b.limit))
    for spans in ([0], [0, 0, 0], [0, 512, 0], [512, 0, 0]):
        for ad in (False, True):
            assert (await b.run(b.dsm(spans, ad=ad))).status == S.SUCCESS
    b.end(800)


@cocotb.test()
async def lists_that_fail(dut):
    """Stimulus: a range that is refused: first, middle, last; SLVERR and DECERR on each burst of a list of two pieces, and a piece refused, before and behind
    it; good commands behind. Checking: the first in the order of the list decides; ranges before it are done, those behind it are not judged."""
    b = await bench(dut)
    for ad in (False, True):
        for count in (1, 5, 40):
            for fail in sorted({0, count // 2, count - 1}):
                status = b.rng.choice((S.LBA_RANGE, S.ACCESS_DENIED))
                item = b.dsm([512] * count, ad=ad, fail=fail, fail_status=status, offset=4 * b.rng.randrange(1024))
                b.send(item, b.io(READ), b.dsm([512]))
                await b.drain()
                assert item.status == status and sum(item.lengths) == (512 * fail if ad else 0) and item.op.judged == fail + 1
    for offset in (0, 2048, PAGE - 100):
        good = b.dsm([512] * 256, offset=offset)
        many = len(bursts(good.pieces, b.limit))
        for burst in range(many):
            for resp in (SLVERR, DECERR):
                bad = {burst: (b.rng.choice((0, 1, 99)), resp)}
                item = b.dsm([512] * 256, offset=offset, bad=bad)
                b.send(item, b.flush(), b.dsm([512], ad=False))
                await b.drain()
                assert item.status == S.DATA_TRANSFER and not any(item.lengths) and not item.op.judged
    for burst in (None, 0, 3):
        item = b.dsm([512] * 256, offset=2048, refuse=1, bad={burst: (0, SLVERR)} if burst is not None else {})
        b.r_lat = (40, 40) if burst is not None else (0, 0)
        assert (await b.run(item)).status == (S.ACCESS_DENIED if burst is None else S.DATA_TRANSFER)
        assert not any(item.lengths) and not item.op.judged
    quiet(b)
    assert (await b.run(b.dsm([512], refuse=0))).status == S.ACCESS_DENIED
    b.end(100)


@cocotb.test()
async def lists_beside_others(dut):
    """Stimulus: a DSM whose list, or whose judgement, does not come for long, with other commands and a second DSM behind. Checking: the others are done
    meanwhile (not those behind the second DSM, whose pieces wait); its chunks are one run (in the model); both end."""
    b = await bench(dut)
    for held in ("r", "ar", "ds"):
        b.hold.add(held)
        slow = b.dsm([512, 0, 1024])
        others = [b.any_item(0.2) for _ in range(20)]
        others = [i for i in others if i.cmd.op != DEALLOCATE or not i.cmd.ok]
        done = len(b.done)
        b.send(slow, *others, b.dsm([512, 512]))
        await b.step(800)
        assert slow.status is None and all(i.status is not None for i in others) and len(b.done) == done + len(others)
        quiet(b)
        await b.drain()
        assert slow.status == S.SUCCESS
    b.end(60)


@cocotb.test()
async def kill_at_any_moment(dut):
    """Stimulus: commands of two queues, or of all, and a kill with or without drop in each cycle of their way, seams slow or not; more commands after it; the
    other queue's go on; then the queue is set up. Checking: those begun end early, the others with the kill's status, those that come later too; with drop
    nothing of it is posted; after the set-up (of the SQ, not of a CQ) all is as before."""
    b = await bench(dut)
    statuses: Counter = Counter()
    killed, other = 1, b.queues
    for n in range(60):
        quiet(b)
        drop = n & 1
        if n % 3 == 1:
            b.rate.update(k=0.4, p=0.5, z=0.5)
        if n % 3 == 2:
            b.rate.update(e=0.2, r=0.3, ds=0.5, z=0.2)
        mine = [b.any_item(0.1, killed) for _ in range(5)]
        theirs = [b.any_item(0.1, other) for _ in range(3)] if other != killed else []
        mixed = mine + theirs
        b.rng.shuffle(mixed)
        b.send(*mixed)
        await b.step(n if n < 40 else b.rng.randrange(250))
        b.kill(killed, b.rng.choice((S.SQ_DELETED, S.ABORT_REQUESTED, S.INTERNAL, S.ACCESS_DENIED)), drop)
        await b.step(KILL_GRACE + 1)
        late = [b.any_item(0.1, killed) for _ in range(2)]
        b.send(*late)
        await b.drain()
        assert all(i.drop for i in late) if drop else all(not i.drop for i in mine + late)
        assert all(not i.drop and i.status not in (S.SQ_DELETED, S.INTERNAL) for i in theirs)
        statuses.update(i.status for i in late if not i.drop)
        if n % 4 == 0:
            await b.set_up(killed, 1)  # its CQ: nothing changes
            item = await b.run(b.any_item(0, killed))
            assert item.drop == bool(drop) and (drop or item.op.kills == {item.status})
        await b.set_up(killed)
        item = await b.run(b.io(READ, 512, qid=killed))
        assert item.status == S.SUCCESS and not item.drop
    assert set(statuses) == {S.SQ_DELETED, S.ABORT_REQUESTED, S.INTERNAL, S.ACCESS_DENIED}
    assert b.drops > 30
    b.end(400)


@cocotb.test()
async def killed_on_its_way(dut):
    """Stimulus: a long Read, Write, Compare, Write Zeroes, Verify and DSM, killed amid their chunks and amid their pieces, while chunks are not taken or
    pieces do not come; one more kill that drops. Checking: no more chunks but to the end of a page that is being written, `k_last` without bytes and the kill's status; pieces that come are thrown away; a mover's
    error before it counts; if all chunks were given it ends as it does."""
    b = await bench(dut)
    for op in (*WALKED, *SPANS, DEALLOCATE):
        for held in ("k", "p", ""):
            for end in (None, S.DATA_TRANSFER):
                item = (
                    b.io(op, 12 * PAGE, qid=1, offset=4, end=end) if op in WALKED
                    else b.span(op, 12 * PAGE, qid=1, end=end) if op in SPANS else b.dsm([9 * PAGE, PAGE], qid=1, end=end)
                )  # fmt: skip
                b.send(item)
                await b.until(lambda item=item: len(item.chunks) >= 9, 300, "chunks")
                if held:
                    b.hold.add(held)
                    await b.step(30)
                b.kill(1)
                await b.step(KILL_GRACE + 1)
                many = len(item.chunks)
                await b.step(20)
                assert len(item.chunks) <= many + PAGE // b.limit, "chunks go on"
                b.hold.clear()
                await b.drain()
                assert item.status == (end or S.SQ_DELETED) and item.lengths[-1] == 0
                await b.set_up(1)
    for drop in (0, 1):  # all chunks are given: too late
        item = b.io(WRITE, PAGE, qid=1)
        b.hold.add("e")
        b.send(item)
        await b.until(lambda item=item: any(k.last for k in item.chunks), 200, "its last chunk")
        b.kill(1, S.SQ_DELETED, drop)
        await b.step(10)
        b.hold.clear()
        await b.drain()
        assert item.drop if drop else item.status == S.SUCCESS
        await b.set_up(1)
    for held in ("p", "ar", "r", "ds"):  # a DSM before its chunks: only `begun` tells whether its list may still be read
        for drop in (0, 1):
            item = b.dsm([512, 512, 0] * 30, qid=1, offset=2048)
            b.hold.add(held)
            b.send(item)
            await b.step(60)
            b.kill(1, S.SQ_DELETED, drop)
            await b.step(20)
            b.hold.clear()
            await b.drain()
            assert item.drop == bool(drop) and (drop or item.status == S.SQ_DELETED) and not any(item.lengths)
            await b.set_up(1)
            assert (await b.run(b.dsm([512], qid=1))).status == S.SUCCESS
    # All queues, one every 4th cycle, each with a status of its own.
    b.hold.add("c")
    items = [b.io(READ, 512, qid=q) for q in range(1, b.queues + 1)]
    b.send(*items)
    await b.step(10)
    for q in range(1, b.queues + 1):
        b.kill(q, 0x700 + q)
    await b.step(4 * b.queues + 10)
    b.hold.clear()
    await b.drain()
    assert [i.status for i in items] == [0x700 + q for q in range(1, b.queues + 1)]
    for q in range(1, b.queues + 1):
        await b.set_up(q)
    # Killed again, and dropped, while the first kill's completions wait.
    b.hold.add("z")
    items = [b.io(READ, 512, qid=1) for _ in range(3)]
    b.kill(1)
    b.send(*items)
    await b.step(60)
    b.kill(1, S.SQ_DELETED, 1)
    await b.step(10)
    b.hold.clear()
    await b.drain()
    assert all(i.drop for i in items)
    b.end(300)


@cocotb.test()
async def drop_everything(dut):
    """Stimulus: drop_all goes up at random moments amid traffic of all queues and slow seams, more commands come; it falls when all is idle; once it falls
    earlier. Checking: nothing is posted any more, all comes to an end; then all is as before, a queue that was killed by itself is killed still."""
    b = await bench(dut)
    for n in range(25):
        quiet(b)
        b.rate.update({s: b.rng.choice((0.3, 1.0)) for s in SEAMS if s != "s"})
        b.send(*(b.any_item(0.2) for _ in range(8)))
        if n % 5 == 4:
            b.kill(1, S.SQ_DELETED)
        await b.step(b.rng.randrange(120) if n > 5 else n)
        b.drop_all = 1
        b.send(*(b.any_item(0.2) for _ in range(3)))
        if n % 6 == 5:
            await b.step(b.rng.randrange(1, 20))
            b.drop_all = 0
        await b.drain()
        assert n % 6 == 5 or all(i.drop for i in b.done[-3:])
        b.drop_all = 0
        await b.step(KILL_GRACE + 1)
        item = await b.run(b.io(READ, 512, qid=1))
        assert item.status == (S.SQ_DELETED if n % 5 == 4 else S.SUCCESS) and not item.drop
        await b.set_up(1)
    assert b.drops > 75
    b.end(150)


@cocotb.test()
async def aborts(dut):
    """Stimulus: aborts of commands that wait, that have begun, that are over, that never were; of another queue's with the same CID; of each of OPS commands; at
    any moment amid traffic. Checking: found exactly if it had not begun, and then it ends with ABORT_REQUESTED without a chunk; answer in time."""
    b = await bench(dut)
    for held in ("c", "p", "k"):
        b.hold.add(held)
        kinds = [b.io(READ, 512), b.span(SPANS[0], 512), b.dsm([512]), b.io(WRITE, PAGE), b.io(COMPARE, 512)]
        items = [kinds[n % 5] if n < 5 else b.io(READ, 512) for n in range(b.n_ops)]
        b.send(*items)
        await b.step(5 * b.n_ops + 30)
        found = b.found[1]
        waiting = [i for i in items if i.op is not None and not i.op.begun and i.status is None]
        assert len(waiting) >= b.n_ops - 2
        for i in b.rng.sample(waiting, min(len(waiting), 10)):
            b.abort(i)
        for i in items:
            if i not in waiting:
                b.abort(i)
        b.asks.append((1, 0xDEAD))
        await b.until(lambda: not b.asks and b.ab_at is None, 40 * b.n_ops + 400, "answers")
        assert b.found[1] - found == min(len(waiting), 10)
        quiet(b)
        await b.drain()
        assert sum(i.status == S.ABORT_REQUESTED for i in items) == min(len(waiting), 10)
    # The same CID in two queues.
    if b.queues > 1:
        b.hold.add("c")
        x, y = b.io(READ, 512, qid=1), b.io(READ, 512, qid=2)
        object.__setattr__(y.cmd, "cid", x.cmd.cid)
        b.send(x, y)
        await b.step(20)
        b.abort(y)
        await b.step(4 * b.n_ops + 10)
        quiet(b)
        await b.drain()
        assert (x.status, y.status) == (S.SUCCESS, S.ABORT_REQUESTED)
    b.found.clear()
    for n in range(80):
        quiet(b)
        b.rate.update({s: b.rng.choice((0.3, 1.0, 1.0)) for s in SEAMS})
        items = [b.any_item(0.1, most=PAGE) for _ in range(5)]
        b.send(*items)
        await b.step(b.rng.randrange(60))
        for i in b.rng.sample(items, 2):
            b.abort(i)
        if n % 7 == 0:
            await b.step(b.rng.randrange(8))
            b.kill(items[0].cmd.qid, S.SQ_DELETED, b.rng.getrandbits(1))
        await b.drain()
        if n % 7 == 0:
            await b.set_up(items[0].cmd.qid)
    assert b.found[0] > 15 and b.found[1] > 15, b.found
    b.end(400)


@cocotb.test()
async def random_traffic(dut):
    """Stimulus: commands of every kind and with every fault; each seam idle or stalled in all nine ways, one seam at a time and all together, latencies short and long;
    ANA now and then. Checking: everything that the bench knows; every kind of end was seen."""
    b = await bench(dut)
    for idle, stall in PROFILES:
        for slow in ("all", *b.rng.sample(SEAMS, 2)):
            quiet(b)
            some = SEAMS if slow == "all" else (slow,)
            b.rate.update({s: 1 - (idle if s in ("s", "p", "e", "r") else stall) for s in some})
            b.e_lat, b.r_lat = b.rng.choice(((0, 0), (0, 9), (60, 80))), b.rng.choice(((0, 0), (0, 9), (40, 60)))
            b.dv_lat = b.rng.choice(((3, 3), (3, 3), (3, 9)))
            count = 16 if slow != "all" or max(idle, stall) < 0.9 else 5
            b.send(*(b.any_item(0.3, most=2 * PAGE) for _ in range(count)))
            await b.step(b.rng.randrange(100))
            b.ana = b.rng.choice((0, 0, b.rng.getrandbits(b.n_ns)))
            await b.drain()
            b.ana = 0
    dut._log.info("ends %s", {hex(k): v for k, v in b.ends.items()})
    want = {S.SUCCESS, S.DATA_TRANSFER, S.ACCESS_DENIED, S.INVALID_PRP, S.LBA_RANGE, S.READ_ERROR, S.WRITE_FAULT, S.COMPARE_FAILURE}
    assert set(b.ends) >= want, want - set(b.ends)
    b.end(1000)


@cocotb.test()
async def full(dut):
    """Stimulus: more commands than there is place for, while ends, completions or pieces do not come. Checking: nothing is lost; all indices are used again; busy and
    idle tell the truth (in the bench)."""
    b = await bench(dut)
    for held in ("e", "z", "p", "k"):
        b.hold.add(held)
        b.send(*(b.any_item(0.2, most=PAGE) for _ in range(2 * b.n_ops + 20)))
        await b.step(8 * b.n_ops + 100)
        assert b.todo, "it takes more than it has place for"
        quiet(b)
        await b.drain()
    assert len(b.tags) == b.n_ops, f"indices {sorted(b.tags)}"
    b.end(8 * b.n_ops)


@cocotb.test()
async def latency(dut):
    """Stimulus: single commands on an idle block, pieces at once or some cycles later. Checking: s_valid to c_valid, a piece to k_valid, e_valid to z_valid, at
    most 2 cycles each; 3 for a piece quicker than a walker's."""
    b = await bench(dut)
    worst = dict.fromkeys(("c", "k at once", "k", "z"), 0)
    for n in range(36):
        op = WALKED[n % 3]
        late = n // 3 % 2
        b.hold = {"p"} if late else set()
        item = b.send(b.io(op, b.rng.choice((512, PAGE)), shift=9, place=0, qid=b.rng.randint(1, b.queues)))
        await b.step(12)
        b.hold.clear()
        await b.drain()
        at = item.at
        worst["c"] = max(worst["c"], at["c0"] - at["s"])
        name = "k" if late else "k at once"
        worst[name] = max(worst[name], at["k0"] - at["p0"])
        worst["z"] = max(worst["z"], at["z"] - at["e"])
        await b.step(b.rng.choice((0, 1, 7)))
    dut._log.info("cycles: %s", worst)
    assert worst["c"] <= TO_C and worst["k"] <= TO_K and worst["z"] <= TO_Z and worst["k at once"] <= AT_ONCE, worst
    b.end(90)


@cocotb.test()
async def throughput(dut):
    """Stimulus: many commands of one chunk; of whole pages, aligned; Read, Write, Compare, Write Zeroes, Verify; many that need no memory.
    Checking: a command every 4 cycles; chunks of a command back to back, a cycle between commands at most."""
    b = await bench(dut)
    b.e_lat, b.walkers = (0, 0), 8

    async def go(items: list[Item]) -> int:
        b.k_at.clear()
        begin = b.now
        b.send(*items)
        await b.drain()
        return b.k_at[-1] - b.k_at[0] + 1 if b.k_at else b.now - begin

    slow = []
    many = min(4 * b.n_ops, 60)
    for op in (*WALKED, *SPANS, NvmeIoOp.FLUSH):
        items = [b.io(op, 512) if op in WALKED else b.span(op, 512) if op in SPANS else b.flush() for _ in range(many)]
        cycles = await go(items)
        dut._log.info("%s: %d commands of one chunk in %d cycles", op.name, many, cycles)
        if cycles > COMMAND * many + SPARE and b.n_ops > 4:
            slow.append((op.name, "commands", cycles, many))
    for op in (*WALKED, *SPANS):
        for pages, count in ((1, 12), (4, 6), (16, 2)):
            size = pages * PAGE
            items = [b.io(op, size, place=0) if op in WALKED else b.span(op, size, place=0) for _ in range(count)]
            cycles = await go(items)
            chunks = count * size // b.limit
            dut._log.info("%s: %d commands of %d pages, %d chunks in %d cycles", op.name, count, pages, chunks, cycles)
            if cycles > chunks + count + SPARE and b.n_ops > 4:  # between commands a cycle may pass
                slow.append((op.name, f"chunks of {pages} pages", cycles, chunks))
    assert not slow, slow
    b.end()


@cocotb.test()
async def reset_in_mid_flight(dut):
    """Stimulus: reset at random moments under traffic, kills and aborts. Checking: nothing of what was comes out; no queue is killed any more; everything works as new."""
    b = await bench(dut)
    for n in range(20):
        quiet(b)
        b.rate.update({s: b.rng.choice((0.3, 1.0)) for s in SEAMS})
        b.send(*(b.any_item(0.3) for _ in range(12)))
        if n % 2:
            b.kill(b.rng.randint(1, b.queues), S.SQ_DELETED, 1)
        await b.step(b.rng.randrange(1, 200))
        if n % 3 == 0:
            b.asks.append((1, 1))
            await b.step(b.rng.randrange(3))
        await b.clear(b.rng.randrange(1, 4))
        quiet(b)
        await b.step(b.rng.choice((0, 0, 25)))
        done = len(b.done)
        b.send(*(b.io(op, PAGE, offset=4) for op in WALKED), b.span(SPANS[0], 512), b.flush(), b.dsm([512, 512]))
        b.send(*(b.io(READ, 512, qid=q) for q in range(1, b.queues + 1)))
        await b.drain()
        assert all(i.status == S.SUCCESS and not i.drop for i in b.done[done:]) and len(b.done) == done + 6 + b.queues
    b.end(200)


@cocotb.test()
async def scoreboard_fails(dut):
    """Stimulus: good traffic of which one thing is changed or lost on the way to the bench, or nothing at all. Checking: the bench fails; with nothing
    changed it does not."""
    b = await bench(dut)
    broken = [f"c_{n}" for n in ("qid", "func", "prp1", "prp2", "bytes", "right", "tag", "lost")]
    broken += [f"k_{n}" for n in ("kind", "src", "dst", "len", "src_func", "dst_func", "to_host", "tag", "first", "last", "status", "lost")]
    broken += [f"z_{n}" for n in ("qid", "cid", "status", "dnr", "more", "dw0", "sqhd", "drop", "lost")]
    broken += [f"lg_{n}" for n in ("qid", "cid", "status", "nsid", "lba", "lost")]
    broken += ["ar_addr", "ar_len", "ar_user", "ar_lost", "ds_qid", "ds_nsi", "ds_slba", "ds_nlb", "ds_lost", "busy", "ab_found"]

    def traffic() -> None:
        b.send(b.io(READ, 1024, offset=4), b.io(COMPARE, 512, refuse=0), b.dsm([512, 0]), b.refused(S.ACCESS_DENIED))

    for what in broken:
        await b.clear()
        await b.step(b.queues + 2)
        quiet(b)
        traffic()
        if what == "ab_found":
            b.asks.append((1, 0xDEAD))
        b.sabotage = what
        if what == "ar_addr":
            b.sabotage = ""
            b._port = shifted(b, b._port)
        await expects_failure(b.drain(400))
        b.sabotage = ""
        b.__dict__.pop("_port", None)
        await RisingEdge(dut.clk)
    await b.clear()
    await b.step(b.queues + 2)
    b.compared = 0
    with pytest.raises(AssertionError, match="comparisons"):
        b.end()
    traffic()
    await b.drain()
    b.end()


def shifted(b: Bench, port):
    """`ar_addr` a beat further; inside its beat it does not count."""

    def view(name, fields):
        got = port(name, fields)
        return got if got is None or name != "ar" else (got[0] + b.w, *got[1:])

    return view


def build(data_w: int, ops: int, queues: int, **more_: int) -> dict:
    return {"DATA_W": data_w, "OPS": ops, "QUEUES": queues, "FUNC_W": 8, "NAMESPACES": 4} | more_


@pytest.mark.unit
@pytest.mark.parametrize(
    "data_w, ops, queues, more",
    [
        (64, 32, 16, {}),
        pytest.param(512, 4, 1, {"NAMESPACES": 1}, marks=pytest.mark.sweep_icarus),
        pytest.param(128, 4, 16, {}, marks=pytest.mark.sweep),
        pytest.param(256, 32, 1, {"NAMESPACES": 16, "MAX_BURST_BYTES": 256}, marks=pytest.mark.sweep),
    ],
    ids=lambda v: "-".join(f"{k.lower()}{n}" for k, n in v.items()) if isinstance(v, dict) else None,
)
def test_crl_nvme_exec(sim, data_w, ops, queues, more):
    """Stimulus and checking: see the cocotb tests above."""
    run_sim("crl_nvme_exec", __name__, build(data_w, ops, queues, **more), sim=sim)
