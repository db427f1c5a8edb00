# SPDX-License-Identifier: Apache-2.0
"""Unit tests of crl_nvme_cqe: the second way to reserve and to give back slots. Rules: docs/blocks/nvme_admin.md; bench: nvme_cqe2_bench.py."""

from __future__ import annotations

import cocotb
import pytest
from cocotb.triggers import FallingEdge

from tb.lib.sim import run_sim
from tb.unit.nvme_cqe2_bench import LATE, TwoWays
from tb.unit.nvme_cqe_bench import RS_LATENCY, SOON


async def bench(dut, sizes, share=None, **knobs) -> TwoWays:
    b = await TwoWays(dut, **knobs).start()
    count = min(len(sizes), b.n)
    cqids = [*range(count - 1), b.n - 1]
    for cqid, size in zip(cqids, sizes, strict=False):
        await b.setup_cq(cqid, size=size)
    for sqid in range(b.n) if share else cqids:
        await b.setup_sq(sqid, cqids[0] if share else sqid)
    return b


async def served(b: TwoWays, limit: int = 200) -> None:
    """Until the second way has nothing to do."""
    for _ in range(limit):
        if not (b.want2 or b.back2 or b.asking is not None or b.giving is not None):
            return
        await b.cycle()
    raise AssertionError("the second way is not served")


async def traffic(b: TwoWays, cycles: int, *, ask: float, second: float, read: float = 0.2, want: int = 4) -> None:
    """Both ways at random; what is held is completed, dropped, or given back by the way it came."""
    rng = b.rng
    sqs = [s for s, c in enumerate(b.m.cq_of) if c is not None]
    held: list[int] = []
    asked = None
    for _ in range(cycles):
        kw = {}
        if b.answer is not None:
            held += [asked] * b.answer
        if b.ask is None and b.now + 1 >= b.last_rs + 4 and len(held) < 40 and rng.random() < ask:
            asked = rng.choice(sqs)
            kw["rs"] = (asked, rng.choice((1, want, rng.randint(1, 255))))
        elif held and b.now + 1 >= b.last_rb + 4 and rng.random() < ask / 2:
            sq = rng.choice(held)
            held.remove(sq)
            kw["rb"] = (sq, 1)
        if len(b.want2) < 2 and len(b.held2) < 10 and rng.random() < second:
            b.want2.append(rng.choice(sqs))
        if b.held2 and rng.random() < second:
            sq = b.held2.pop(rng.randrange(len(b.held2)))
            if rng.random() < 0.5:
                b.back2.append(sq)
            else:
                b.complete(sq, rng.random() < 0.3)
        if held and len(b.todo) < 4:
            b.complete(held.pop(rng.randrange(len(held))), rng.random() < 0.3)
        if b.now + 1 >= b.last_rung + 3 and rng.random() < read:
            cqid = rng.choice(b.live)
            cq, side = b.m.cqs[cqid], b.side[cqid]
            there = side.written - cq.consumed
            if there > 0 and not cq.dead:
                kw["rung"] = (cqid, (cq.consumed + rng.randint(1, there)) % cq.depth)
        await b.cycle(**kw)
    while b.ask is not None:
        await b.cycle()
    held += [asked] * (b.answer or 0)
    b.want2.clear()
    await served(b)
    b.back2.extend(b.held2[::2])
    held += b.held2[1::2]
    b.held2.clear()
    for sq in held:
        b.complete(sq)
    await served(b, 3000)
    await b.drain(60 * (len(held) + 40))
    assert all(c.reserved == 0 for c in b.m.cqs), "slots are still reserved"


@cocotb.test()
async def alone(dut):
    """Stimulus: the second way alone: all slots of queues of several sizes, one more, given back, taken again, completed. Checking: exactly so many; entries; room after
    what is given back, unpark for a request of the first way that got nothing."""
    b = await bench(dut, [1, 5, 16], b_lat=(1, 3))
    for cqid in b.live:
        size = b.m.cqs[cqid].size
        b.want2.extend([cqid] * (size + 1))
        await served(b, 400)
        assert len(b.held2) == size and b.none2
        assert await b.reserve(cqid, 9) == 0
        told = b.unparks
        b.back2.append(b.held2.pop())
        await served(b)
        await b.idle(SOON + 4)
        assert b.unparks > told, "no unpark"
        b.want2.append(cqid)
        await served(b)
        assert len(b.held2) == size
        for _ in range(size):
            b.complete(b.held2.pop())
        await b.drain()
        await b.consume(cqid)
        await b.idle(8)
        assert await b.reserve(cqid, 255) == size
        for _ in range(size):
            b.complete(cqid, drop=True)
        await b.drain()
    b.finish()


@cocotb.test()
async def both(dut):
    """Stimulus: both ways at random on queues of few and many entries, of their own and one for all. Checking: as the first way's tests: never more than there
    is, entries, unpark; the second way is served; all slots come back."""
    for sizes, share in (([1, 2, 6, 100, 9], None), ([4], True), ([30], True)):
        for ask, second in ((0.3, 0.1), (0.9, 0.5), (0.1, 0.9)):
            b = await bench(dut, sizes, share, b_lat=(0, 20), ready=b_ready(ask))
            await traffic(b, 300, ask=ask, second=second)
            assert b.got2 and b.none2 + b.got2 > 10
            b.finish()
    dut._log.info("served within %d cycles, %d got, %d not", b.worst, b.got2, b.none2)


def b_ready(ask: float) -> float:
    return 1.0 if ask < 0.5 else 0.5


@cocotb.test()
async def however_busy(dut):
    """Stimulus: the first way reserves and gives back as often as it may, completions are dropped all the time; the second way always wants something.
    Checking: it is served in time; rs_done is never more than 4 cycles late."""
    b = await bench(dut, [4000, 200])
    x, y = b.live[0], b.live[-1]
    late = 0
    held = 0
    for n in range(800):
        kw = {}
        if b.answer is not None:
            held += b.answer
            late = max(late, b.now - b.last_rs - RS_LATENCY)
        if b.ask is None and b.now + 1 >= b.last_rs + 4 and held < 3000:
            kw["rs"] = (x, 8)
        elif held > 8 and b.now + 1 >= b.last_rb + 4 and n % 3:
            kw["rb"] = (x, 2)
            held -= 2
        if held > 4 and len(b.todo) < 2:
            b.complete(x, drop=n % 4 > 0)
            held -= 1
        if len(b.want2) < 2 and len(b.held2) < 20:
            b.want2.append(y if n % 3 else x)
        if b.held2 and len(b.back2) < 2:
            b.back2.append(b.held2.pop())
        await b.cycle(**kw)
        if b.side[x].written - b.m.cqs[x].consumed > 100:
            await b.consume(x)
    dut._log.info("served within %d cycles, rs_done %d late, %d slots, both at once %d times", b.worst, late, b.got2, b.met)
    assert b.got2 > 40 and late <= LATE


@cocotb.test()
async def at_every_distance(dut):
    """Stimulus: one slot is free, both ways want it; one slot comes back by rb2 while the first way asks; the two from 12 cycles apart to the other way round. Checking:
    one of them gets it, never both; it is not lost."""
    b = await bench(dut, [1], True)
    x, other = 0, b.n - 1
    for way in ("want", "back"):
        for apart in range(-12, 13):
            await b.idle(20)
            if way == "back":
                b.want2.append(x)
                await served(b)
                assert b.held2.pop() == x
            first, last = max(0, apart), max(0, -apart)
            answer = None
            for n in range(30):
                if n == last:
                    (b.want2 if way == "want" else b.back2).append(x)
                await b.cycle(**({"rs": (other, 1)} if n == first else {}))
                answer = b.answer if b.answer is not None else answer
            await served(b)
            assert answer is not None and answer + len(b.held2) == 1 or way == "back", f"{apart} apart: {answer} and {len(b.held2)}"
            for sq in b.held2 + [other] * answer:
                b.complete(sq, drop=True)
            b.held2.clear()
            await b.drain()
            assert b.m.cqs[0].reserved == 0
    await b.idle(20)
    assert await b.reserve(other, 3) == 1
    assert b.compared > 50


@cocotb.test()
async def queues_that_are_not_there(dut):
    """Stimulus: the second way asks for queues that are not set up, gone, or set up anew. Checking: no slot; then as many as there are."""
    b = await bench(dut, [3])
    sq = b.live[0]
    await b.setup_sq(1, b.n - 1 if sq == 0 else 0)
    before = b.got2
    b.want2.extend([1, 1])
    await served(b) if b.m.cq_of[1] != sq else b.want2.clear()
    assert b.got2 == before
    for size in (2, 5):
        await b.setup_cq(sq, size=size)
        await b.setup_sq(sq, sq)
        b.want2.extend([sq] * 7)
        await served(b, 400)
        assert len(b.held2) == size
        for _ in range(size):
            b.complete(b.held2.pop())
        await b.drain()
        await b.consume(sq)
        await b.idle(8)
    b.finish()


@cocotb.test()
async def reset_in_mid_flight(dut):
    """Stimulus: reset while both ways ask. Checking: nothing is left of it."""
    b = await bench(dut, [9])
    for _ in range(6):
        sq = b.n - 1
        await b.setup_cq(sq, size=4)
        await b.setup_sq(sq, sq)
        b.want2.extend([sq] * 8)
        await b.cycle(rs=(sq, 2))
        await b.idle(b.rng.randrange(12))
        await b.reset(2)
        await b.setup_cq(sq, size=4)
        await b.setup_sq(sq, sq)
        b.want2.extend([sq] * 5)
        await served(b, 400)
        assert len(b.held2) == 4
        for _ in range(4):
            b.complete(b.held2.pop())
        await b.drain()
        await b.reset(1)
    b.finish()


@cocotb.test()
async def scoreboard_fails(dut):
    """Stimulus: a slot that was got is said not to be, and the other way round. Checking: the bench fails."""
    b = await bench(dut, [3])
    await b.idle(20)
    b.lie2 = "got"
    b.want2.append(b.live[0])
    with pytest.raises(AssertionError, match="no slot"):
        await served(b)
    await FallingEdge(dut.clk)
    dut.rst.value = 1
    b = await bench(dut, [1])
    b.want2.extend([b.live[0]])
    await served(b)
    b.lie2 = "got"
    b.want2.append(b.live[0])
    with pytest.raises(AssertionError, match="a slot of"):
        await served(b)


@pytest.mark.unit
@pytest.mark.parametrize(("data_w", "queues"), [(64, 5), pytest.param(512, 128, marks=pytest.mark.sweep), pytest.param(128, 1, marks=pytest.mark.sweep)])
def test_crl_nvme_cqe2(sim, data_w, queues):
    """Stimulus and checking: see the cocotb tests above."""
    run_sim("crl_nvme_cqe", __name__, {"DATA_W": data_w, "QUEUES": queues, "FUNC_W": 8}, sim=sim)
