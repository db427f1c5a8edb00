# SPDX-License-Identifier: Apache-2.0
"""FETCH_ADD and CMP_SWAP on two nodes: sums, a lock, errors of each kind, against writes of the same bytes, lost links.

Atomics are in the random traffic of all other tests as well; what is done there is judged by the model alone.
"""

from __future__ import annotations

import cocotb
import pytest
from cocotb.triggers import Combine, Timer

from models.gen.carillon_layout import Desc, DescFlag, Op, SegRight, Status, Status2, status_name
from tb.lib.driver import ALL_RIGHTS, right_mask
from tb.lib.fastmem import DECERR, SLVERR
from tb.lib.sim import run_sim
from tb.lib.testbed import SYSTEM_SOURCES
from tb.system import coverage
from tb.system.builds import BUILDS, SLICE
from tb.system.harness import System, SystemConfig

PEER = 0x80
MAY = 1 << Status2.MAY_HAVE_EXECUTED
EXTRA = 20  # segment
COMMON = 24  # segments, one a channel, over one cell
OTHER = {"A": "B", "B": "A"}
FENCE = 1 << DescFlag.FENCE


def change(d: Desc, **fields) -> Desc:
    return Desc(**{**d.__dict__, **fields})


async def start(dut, **config) -> System:
    s = System(dut)
    use = min(4, s.tb.params.channels)
    await s.begin(SystemConfig(**{"channels": use, "absolute": 0.0, "ring_log2": (4, 4), "qos": False, **config}))
    return s


async def cell(s: System, name: str, ch: int, k: int = 0) -> int:
    """What lies in a cell of the peer of `name`."""
    base = s.regions[OTHER[name]][ch].inbound.base
    return int.from_bytes(await s.side(OTHER[name]).mem.read(base + 8 * k, 8), "little")


async def old(s: System, name: str, ch: int, at: int = 0) -> int:
    """A result."""
    return int.from_bytes(await s.side(name).mem.read(s.regions[name][ch].dst.base + at, 8), "little")


async def common(s: System) -> dict[str, int]:
    """One cell at each node that all channels of the other one may use: the guard of a region between areas."""
    at = {}
    for name in s.names:
        base = s.regions[name][0].inbound.base
        at[name] = base
        for ch in s.nodes[name].channels:
            await s.nodes[name].segment(COMMON + ch, base=base, size=64, rights=ALL_RIGHTS, channel=ch)
    return at


def shared(s: System, name: str, ch: int, d: Desc) -> Desc:
    """The same atomic on the common cell."""
    return change(d, dst=s.nodes[OTHER[name]].address(COMMON + ch, 0))


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def sums(dut):
    """*Stimulus*: all channels of both nodes add to one cell of the other node at once, plain and fenced, results at odd addresses.
    *Checking*: the sum; every old value once: the results, sorted by what the cell was, form one chain; the model."""
    s = await start(dut)
    at = await common(s)
    first = {n: int.from_bytes(await s.side(OTHER[n]).mem.read(at[OTHER[n]], 8), "little") for n in s.names}
    jobs, adds = [], {}
    for name in s.names:
        for ch in s.nodes[name].channels:
            work = []
            for k in range(12):
                add = s.rng.choice((1, 5, s.rng.getrandbits(64) | 1))
                place = 4093 if k == 7 else 64 * k + k % 9
                adds[name, ch, k] = add, place
                d = s.atomic(name, ch, add, tag=k, flags=FENCE if k % 5 == 4 else 0, at=place)[0]
                work.append(shared(s, name, ch, d))
            jobs.append(cocotb.start_soon(s.channel(name, ch).run(work)))
    for job in jobs:
        got = await job
        assert not any(e.status or e.bytes != 8 for e in got), [status_name(e.status) for e in got]
    for name in s.names:
        steps = {}
        for (n, ch, _), (add, place) in adds.items():
            if n == name:
                value = await old(s, name, ch, place)
                assert value not in steps, "an old value was seen twice"
                steps[value] = (value + add) % (1 << 64)
        value = first[name]
        for _ in range(len(steps)):
            value = steps.pop(value)  # a chain: each began where one other ended
        end = int.from_bytes(await s.side(OTHER[name]).mem.read(at[OTHER[name]], 8), "little")
        assert value == end and not steps
    await s.finish()


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def lock(dut):
    """*Stimulus*: channels of both nodes take a lock at the peer by CMP_SWAP, read a counter beside it, write it back one higher by
    WRITE, and give the lock back by a fenced WRITE. Pairs of slots on both sides of the ring's end. *Checking*: the counter."""
    s = await start(dut, ring_log2=(2, 2), latency=5)
    at = await common(s)
    rounds = 3
    for name in s.names:
        await s.side(name).mem.write(at[name], bytes(64))

    async def worker(name, ch):
        c, region, node = s.channel(name, ch), s.regions[name][ch], s.nodes[OTHER[name]]
        far = s.side(name).mem
        g = s.generator(name, ch)
        there = lambda k: node.address(COMMON + ch, 8 * k)  # noqa: E731
        for _ in range(rounds):
            while True:
                take = s.atomic(name, ch, 0, ch + 1)
                got = await c.run([shared(s, name, ch, take[0]), take[1]])
                assert [e.status for e in got] == [0]
                if await old(s, name, ch) == 0:
                    break
            read = Desc(opcode=Op.READ, length=8, src=there(1), dst=g.local(region.dst.base + 64))
            assert [e.status for e in await c.run([read])] == [0]
            value = await old(s, name, ch, 64)
            await far.write(region.src.base, (value + 1).to_bytes(8, "little") + bytes(8))
            give = [Desc(opcode=Op.WRITE, length=8, src=g.local(region.src.base), dst=there(1)),
                    Desc(opcode=Op.WRITE, flags=FENCE, length=8, src=g.local(region.src.base + 8), dst=there(0))]
            assert [e.status for e in await c.run(give)] == [0, 0]

    jobs = [cocotb.start_soon(worker(n, c)) for n in s.names for c in list(s.nodes[n].channels)[:2]]
    await Combine(*jobs)
    for name in s.names:
        raw = await s.side(name).mem.read(at[name], 16)
        users = len(list(s.nodes[OTHER[name]].channels)[:2])
        assert raw[:8] == bytes(8) and int.from_bytes(raw[8:], "little") == rounds * users
    await s.finish()


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def against_writes(dut):
    """*Stimulus*: atomics on a few cells while WRITEs of the same channel and others, and COPYs of the target itself, cover the same bytes;
    slow memory with reordering. *Checking*: the model: nothing is written between the read and the write of an atomic, what is
    read is what memory held, earlier WRITEs of the channel come before; memories."""
    s = await start(dut, latency=20, back_pressure=40)
    jobs = []
    for name in s.names:
        for ch in s.nodes[name].channels:
            work = []
            here = s.generator(name, ch, remote=False).local(s.regions[name][ch].inbound.base)
            for k in range(14):
                if k % 3 == 2:  # the target itself, on the cells that its peer's channel uses
                    work.append(change(s.copy(name, ch, 24, tag=k), dst=here + 8 * (k % 2)))
                size, off = s.rng.choice((8, 40, 600)), s.rng.choice((0, 3, 8))
                w = s.write(name, ch, size, tag=k)  # each with bytes of its own, so that it is known whose they are
                work.append(change(w, src=w.src + 700 * k, dst=w.dst + off))
                work += s.atomic(name, ch, s.rng.randrange(5), None if k % 2 else 7, cell=k % 3, at=64 * k)
            jobs.append(cocotb.start_soon(s.channel(name, ch).run(work)))
    for job in jobs:
        got = await job
        assert not any(e.status for e in got), [status_name(e.status) for e in got]
    await s.finish()


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def errors(dut):
    """*Stimulus*: each fault of an atomic that the contract names: in the descriptor, the second slot, the segments here and there, the
    memories, between good ones. *Checking*: status, second status, consumer index; what was not done is untouched."""
    s = await start(dut, channels=1, latency=1, back_pressure=0)
    ch = s.channel("A", 0)
    add, pair = s.atomic("A", 0, 3, cell=0), s.atomic("A", 0, 1, 2, cell=1)
    node = s.nodes["B"]
    await node.segment(20, base=s.regions["B"][0].inbound.base, size=4096, channel=0,
                       rights=right_mask(SegRight.READ, SegRight.WRITE, SegRight.REMOTE))
    cases = [([pair[0], change(add[0], opcode=Op.NOP)], Status.BAD_EXT), ([pair[1]], Status.BAD_OPCODE)]
    for first, *ext in (add, pair):
        cases.append(([first, *ext], 0))
        for want, fields in (
            (Status.BAD_LENGTH, {"length": 4}), (Status.BAD_LENGTH, {"length": 0}), (Status.BAD_ALIGN, {"dst": first.dst + 4}),
            (Status.BAD_FLAGS, {"flags": 1 << DescFlag.NOTIFY}), (Status.BAD_FLAGS, {"flags": 0x40}),
            (Status.KEY_REVOKED, {"src": first.src ^ 1 << 40}), (Status.SEG_INVALID, {"src": 31 << 52}),
            (Status.SEG_RIGHTS | PEER, {"dst": node.address(20, 0)}), (Status.KEY_REVOKED | PEER, {"dst": first.dst ^ 1 << 40}),
            (Status.SEG_RANGE | PEER, {"dst": first.dst | 1 << 39}),
        ):
            cases.append(([change(first, **fields), *ext], want))
        cases.append(([first, *ext], 0))
    for k, (work, want) in enumerate(cases):
        before = [await cell(s, "A", 0, i) for i in (0, 1)]
        cons = ch.prod
        got = await ch.run(work, owed=2 if want == Status.BAD_EXT else 1)
        assert got[0].status == want, (k, status_name(got[0].status), status_name(want))
        assert got[0].status2 == 0
        slots = 1 if want == Status.BAD_EXT else len(work)
        assert got[0].dring_cons == (cons + slots) % ch.dr.size, (k, got[0].dring_cons)
        if want:
            assert [await cell(s, "A", 0, i) for i in (0, 1)] == before, k
    assert [e.status for e in await ch.run([pair[0]])] == [Status.BAD_EXT], "its second slot is not published"
    await s.finish()


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def memory_errors(dut):
    """*Stimulus*: SLVERR and DECERR at the peer's read, at its write, and at the write of the result. *Checking*: the code, bit 7 from the
    peer; after a failed read the cell is untouched; a failed result has MAY_HAVE_EXECUTED, and the cell was changed."""
    s = await start(dut, channels=1, latency=1, back_pressure=0)
    ch = s.channel("A", 0)
    far, here = s.regions["B"][0].inbound.base, s.regions["A"][0].dst.base
    cases = [(swap, resp, *at) for swap in (None, 1) for at in (("r", "B"), ("w", "B"), ("w", "A")) for resp in (SLVERR, DECERR)]
    for i, (swap, resp, kind, where) in enumerate(cases):
        k = i % 6
        s.side("B").mem.errors([(far + 8 * k, 1, resp, kind)] if where == "B" else [])
        s.side("A").mem.errors([(here + 64 * k, 1, resp, kind)] if where == "A" else [])
        before = await cell(s, "A", 0, k)
        operand = 7 if swap is None else before
        got = await ch.run(s.atomic("A", 0, operand, swap, cell=k, at=64 * k))
        code = ("READ_" if kind == "r" else "WRITE_") + ("SLVERR" if resp == SLVERR else "DECERR")
        want = Status[code] | (PEER if where == "B" else 0)
        assert (got[0].status, got[0].status2) == (want, MAY if where == "A" else 0), (status_name(got[0].status), got[0].status2)
        after = await cell(s, "A", 0, k)
        if kind == "r":
            assert after == before
        elif where == "A":
            assert after == ((before + 7) % (1 << 64) if swap is None else swap)
    s.side("A").mem.errors([])
    s.side("B").mem.errors([])
    assert [e.status for e in await ch.run(s.atomic("A", 0, 1, cell=7))] == [0]
    await s.finish()


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def time_out(dut):
    """*Stimulus*: a long COPY of the peer itself has read bursts under way, and its memory returns a beat now and then; atomics of either kind wait
    behind them for longer than OP_TIMEOUT_CYCLES. *Checking*: OP_TIMEOUT with MAY_HAVE_EXECUTED; the COPY ends well; atomics work
    again; none was done twice (model)."""
    s = await start(dut, channels=2, latency=5, back_pressure=0)
    ch, far = s.channel("A", 0), s.side("B")
    s.recorder.fault(far, "mem_stall")
    coverage.sample_disturbance("mem_stall")
    long = cocotb.start_soon(s.channel("B", 1).run([s.copy("B", 1, 30_000)], timeout_ns=9_000_000))
    await far.cycles(300)
    far.mem.stall(0b00010)
    await ch.post([*s.atomic("A", 0, 1, cell=0), *s.atomic("A", 0, 1, 2, cell=1, at=64)])
    got = []
    for _ in range(3 * s.tb.params.op_timeout_cycles // 6000):  # never long enough to be fatal
        await far.cycles(6000)
        got += await ch.reap()
        if len(got) == 2:
            break
        far.mem.stall(0)
        await far.cycles(1)
        far.mem.stall(0b00010)
    far.mem.stall(0)
    assert [(e.status, e.status2) for e in got] == [(Status.OP_TIMEOUT, MAY)] * 2, [status_name(e.status) for e in got]
    assert [e.status for e in await long] == [0]
    s.recorder.fault(far, "mem_clean")
    assert [e.status for e in await ch.run(s.atomic("A", 0, 1, 5, cell=3))] == [0]
    await s.finish()


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def link_lost(dut):
    """*Stimulus*: channels of both nodes add 1 to a cell each, and compare and swap another; the link's pins drop at a random moment, in every
    other turn while one memory returns nothing; after that a new epoch. *Checking*: OK, LINK_ERROR with MAY_HAVE_EXECUTED, or
    PEER_DOWN without; the cell counts every OK once, each LINK_ERROR at most once, PEER_DOWN never; the same by the model."""
    s = await start(dut, latency=20, ring_log2=(5, 5))
    use, rng, seen = min(2, s.tb.params.channels), s.rng, set()
    lanes = [s.channel(n, c) for n in s.names for c in range(use)]
    value = {(n, c): await cell(s, n, c) for n in s.names for c in range(use)}
    for turn in range(10):
        posted = {}
        for lane in lanes:
            name = lane.node.side.name
            posted[name, lane.ch] = work = []
            for k in range(9):  # a fenced one keeps those behind it from being sent
                work += s.atomic(name, lane.ch, 1, tag=0, flags=FENCE if k % 4 == 2 else 0, at=64 * k)
                work += s.atomic(name, lane.ch, rng.randrange(3), rng.randrange(3), cell=1, tag=1, at=64 * k + 32) if k % 2 else []
            await lane.post(work)
        await s.tb.a.cycles(rng.randrange(50, 1500))
        deaf = s.side(rng.choice(s.names))
        if turn % 2:
            deaf.mem.stall(0b00010)
            await deaf.cycles(rng.randrange(200))
        await s.link_down()
        await Timer(1, "us")
        deaf.mem.stall(0)
        await s.settle()
        done, maybe = dict.fromkeys(value, 0), dict.fromkeys(value, 0)
        for lane in lanes:
            key = lane.node.side.name, lane.ch
            for e in await lane.reap():
                assert e.status in (0, Status.LINK_ERROR, Status.PEER_DOWN), status_name(e.status)
                assert e.status2 == (MAY if e.status == Status.LINK_ERROR else 0)
                seen.add(e.status)
                if e.tag == 0:
                    done[key] += not e.status
                    maybe[key] += e.status == Status.LINK_ERROR
        await s.link_up(epoch=turn + 2)
        for lane in lanes:
            key = lane.node.side.name, lane.ch
            # Its result has a place of its own: what was lost may have written any of the others.
            assert [e.status for e in await lane.run(s.atomic(*key, 1, at=4000))] == [0]
            added = (await cell(s, *key) - value[key] - 1) % (1 << 64)
            assert done[key] <= added <= done[key] + maybe[key], f"[atomic] {key}: {added} added, {done[key]} to {done[key] + maybe[key]} ended"
            value[key] += added + 1
    coverage.sample_disturbance("link_down")
    assert {Status.OK, Status.LINK_ERROR, Status.PEER_DOWN} <= seen
    await s.finish()


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def revoked(dut):
    """*Stimulus*: a run of FETCH_ADD; in the middle the segment of the results here, or that of the cell at the peer, gets a new key, and asks
    for the acknowledgement; other channels go on. *Checking*: KEY_REVOKED, from the peer without second status; the cell counts every OK, and
    each KEY_REVOKED with MAY_HAVE_EXECUTED, and no other; after the acknowledgement nothing changes that only the old key
    allowed; with the new key it works."""
    s = await start(dut, latency=30)
    ch, rng, seen = s.channel("A", 0), s.rng, set()
    far, here = s.regions["B"][0].inbound.base, s.regions["A"][0].dst.base
    others = [c for c in s.nodes["A"].channels if c]
    for turn in range(16):
        where = "AB"[turn % 2]
        for name, base, size in (("A", here, 4096), ("B", far, 64)):
            await s.nodes[name].segment(EXTRA, base=base, size=size, channel=0, gen=2 * turn + 1, rights=ALL_RIGHTS)
        keyed = lambda k: change(s.atomic("A", 0, 1, tag=k)[0], src=s.nodes["A"].address(EXTRA, 64 * k),  # noqa: E731
                                 dst=s.nodes["B"].address(EXTRA, 0))
        jobs = [cocotb.start_soon(s.channel("A", c).run([d for k in range(3) for d in s.atomic("A", c, k, at=64 * k)])) for c in others]
        before = await cell(s, "A", 0)
        await ch.post([keyed(k) for k in range(8)])
        await s.tb.a.cycles(rng.randrange(20, 900) if turn % 8 < 6 else rng.randrange(1500, 6000))
        entry = s.nodes[where].segments[EXTRA]
        await s.nodes[where].segment(EXTRA, base=entry.base, size=entry.size, channel=0, gen=2 * turn + 2, rights=ALL_RIGHTS)
        coverage.sample_disturbance("revoke_source" if where == "B" else "revoke_destination")
        await s.acknowledged(where, turn + 1)
        at_ack = await cell(s, "A", 0), await s.side("A").mem.read(here, 8 * 64)
        got = await ch.wait(8)
        added, results = await cell(s, "A", 0), await s.side("A").mem.read(here, 8 * 64)
        assert (added if where == "B" else results) == at_ack["AB".index(where) ^ 1], "changed after the acknowledgement"
        due = 0
        for e in got:
            assert e.status in (0, Status.KEY_REVOKED | (PEER if where == "B" else 0)), status_name(e.status)
            assert e.status2 in ((0, MAY) if e.status == Status.KEY_REVOKED else (0,)), e.status2
            due += not e.status or bool(e.status2)
            seen.add((e.status, e.status2))
        assert (added - before) % (1 << 64) == due
        for job in jobs:
            assert not any(e.status for e in await job)
        assert [e.status for e in await ch.run([keyed(0)])] == [0]
    # In the smallest build too little is under way for one that is done there and revoked here.
    done_there = {(Status.KEY_REVOKED, MAY)} if s.tb.params.ops > 8 else set()
    assert {(0, 0), (Status.KEY_REVOKED | PEER, 0)} | done_there <= seen, seen
    report = await s.finish()
    assert report.revocations == 16, report


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def without(dut):
    """*Stimulus*: a build without atomics: FETCH_ADD, both slots of a CMP_SWAP, WRITE, READ, random traffic behind. *Checking*: BAD_OPCODE for each
    slot, with a completion of its own; the cells are untouched; the others work."""
    s = await start(dut, channels=2)
    for name in s.names:
        ch = s.channel(name, 0)
        before = [await cell(s, name, 0, k) for k in (0, 1)]
        work = [*s.atomic(name, 0, 3, tag=1), *s.atomic(name, 0, before[1], 2, cell=1, tag=2), s.write(name, 0, 100, tag=3, at=4096),
                s.read(name, 0, 100, tag=4)]
        got = await ch.run(work, owed=5)
        bad = Status.BAD_OPCODE
        assert [(e.tag, e.status, e.status2) for e in got] == [(1, bad, 0), (2, bad, 0), (0, bad, 0), (3, 0, 0), (4, 0, 0)]
        assert [e.dring_cons for e in got] == [1, 2, 3, 4, 5]
        assert [await cell(s, name, 0, k) for k in (0, 1)] == before
        work = [d for _ in range(4) for d in s.generator(name, 1).batch(10)]
        assert not any(d.opcode in (Op.FETCH_ADD, Op.CMP_SWAP) for d in work)
        work.append(s.read(name, 1, 9, tag=9))
        await s.channel(name, 1).run(work, owed=1 + sum(not d.flags >> DescFlag.NO_CPL & 1 for d in work[:-1]))
    await s.finish()


@pytest.mark.system
@pytest.mark.parametrize("build", SLICE)
@pytest.mark.parametrize("case", ["sums", "against_writes", "link_lost", "revoked"])
def test_atomic(case, build):
    run_sim("crl_tb_pair", __name__, BUILDS[build], SYSTEM_SOURCES, sim="verilator", testcase=case, public="top")


@pytest.mark.system
@pytest.mark.parametrize("case", ["lock", "errors", "memory_errors", "time_out"])
def test_atomic_ends(case):
    run_sim("crl_tb_pair", __name__, BUILDS["64b-8ch"], SYSTEM_SOURCES, sim="verilator", testcase=case, public="top")


@pytest.mark.system
@pytest.mark.sweep
def test_no_atomic():
    run_sim("crl_tb_pair", __name__, BUILDS["64b-no-atomic"], SYSTEM_SOURCES, sim="verilator", testcase="without", public="top")
