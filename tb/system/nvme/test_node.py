# SPDX-License-Identifier: Apache-2.0
"""Interrupts of the NVMe block in a node: messages, masks, coalescing, the pin; by accesses to BAR0 and the memory port's log."""

from __future__ import annotations

import cocotb
import pytest
from cocotb.triggers import Combine
from cocotb.utils import get_sim_time

from models.layout import NvmeAdminOp, NvmeSqe, NvmeStatus
from models.layout import NvmeIoOp as Op
from models.nvme.features import Fid
from tb.lib.sim import run_sim
from tb.system.nvme.builds import NODES, in_nodes
from tb.system.nvme.kernel import CC, PAGE, Pair
from tb.system.nvme.node import Dma, NodeWorld, changed, posted, traffic, without
from tb.system.nvme.rig import SOURCES

OK = NvmeStatus.SUCCESS
INTMS, INTMC = 0x0C, 0x10
PROMPT = 120  # cycles, at the longest from an entry to its message in a node that does nothing else
SLACK = 3000  # cycles after a mask was written in which a message that was on its way may still be shown: 32 bursts of data may go before it


def now() -> int:
    return int(get_sim_time("ps"))


def late(w: NodeWorld) -> int:
    """The same with coalescing, which goes round the vectors."""
    return PROMPT + 2 * max(4, 1 << (w.rig.p["VECTORS"] - 1).bit_length()) + 8


async def world(dut, *, messages: bool = True, **begin: int) -> NodeWorld:
    """A node whose MSI-X is set up before the controller starts; no queues yet."""
    w = NodeWorld(dut)
    await w.begin(enable=False, log=True, **begin)
    if messages:
        await w.msix.set_up()
    await w.kernel.enable()
    return w


async def read(w: NodeWorld, *queues: Pair) -> None:
    """A Read on each."""
    for q in queues:
        await w.run(q, [await w.shape(Op.READ, w.rng.randrange(2000), 1)])


async def judged(w: NodeWorld, queues: dict[int, list[Pair]], least: int) -> dict[int, tuple[int, int]]:
    await w.rig.cycles(2000)
    await w.rig.mem.log_close()
    return w.msix.judge(w.rig.mem.bursts(), {0: [w.kernel.admin]} | queues, least)


@cocotb.test(timeout_time=100, timeout_unit="ms")
async def messages(dut):
    """*Stimulus*: each I/O queue has a vector of its own, the admin queue vector 0; single commands; a vector masked, then all of them by the function
    mask, while entries come; channel 0 copies. *Checking*: one message for each lone entry, behind its B, for function 0, soon; none
    while masked, but a pending bit, and the message once it is unmasked; the channel's vector lies behind the block's and is its owner's."""
    w = await world(dut, latency=3)
    m, last = w.msix, w.rig.p["QUEUES"]
    queues = {v: [await w.create(q, 15, vec=v)] for q, v in ((1, 1), (2, 2), (3, 3), (4, last - 1), (last, last))}
    ahead = {v: 0 for v in queues}
    await w.rig.cycles(300)
    for _ in range(3):
        for v, (q,) in queues.items():
            await read(w, q)
            await w.rig.cycles(PROMPT)
            assert await m.arrived(v), f"no message of vector {v} after {PROMPT} cycles"
            ahead[v] += 1
    for v in (2, last):
        await m.mask(v)
        since = now()
        for other in queues:
            await read(w, *queues[other])
            ahead[other] += other != v
        await w.rig.cycles(PROMPT)
        assert await m.pending() == {v}
        assert [o for o in queues if await m.arrived(o)] == [o for o in queues if o != v]
        m.masked.append((v, since, now()))
        await m.mask(v, 0)
        await m.until(v, PROMPT)
        ahead[v] += 1
        assert not await m.pending()
    await m.ctrl(MSIX_ENABLE=1, MSIX_FUNCTION_MASK=1)
    since = now()
    await read(w, *queues[1], *queues[3], *queues[3])
    assert (await w.kernel.cmd(NvmeAdminOp.KEEP_ALIVE)).status == OK
    await w.rig.cycles(PROMPT)
    assert await m.pending() == {0, 1, 3}
    m.masked += [(v, since, now()) for v in queues]
    await m.ctrl(MSIX_ENABLE=1)
    await w.rig.cycles(PROMPT)
    assert not await m.pending() and await m.arrived(1) and await m.arrived(3)
    ahead[1] += 1
    ahead[3] += 1  # one for both entries

    dma = Dma(w, 0, func=6)
    m.user[m.own] = dma.func
    await dma.set_up()
    for _ in range(4):
        await dma.work(1, 1)
        await m.until(m.own)
        await read(w, *queues[1])
        ahead[1] += 1
    await dma.check(least=4)
    seen = await judged(w, queues, least=30)
    assert {v: seen[v][1] for v in queues} == ahead
    assert seen[0][0] >= 10 and seen[0][1] >= seen[0][0] - 1, f"admin queue: {seen[0]}"
    await w.end(*(q for v in queues.values() for q in v), least=25)


@cocotb.test(timeout_time=200, timeout_unit="ms")
async def masks_at_any_moment(dut):
    """*Stimulus*: random I/O on four queues, of which two share a vector, and on a channel; a fifth one whose host looks at it only when a message has come;
    meanwhile vectors are masked and unmasked at random, also all of them, and the fifth one's all the time; latency, jitter, back-pressure.
    *Checking*: no entry without a message behind it, no message without entries, none of a vector that is masked; the fifth queue never waits in vain."""
    w = await world(dut, latency=cocotb.RANDOM_SEED % 3 * 11, back_pressure=20)
    m, rng = w.msix, w.rng
    w.rig.mem.set(jitter=15)
    pairs = [await w.create(n, 15, vec=min(n, 3)) for n in (1, 2, 3, 4)]
    driven = await w.create(5, 15, vec=4)
    queues = {1: pairs[:1], 2: pairs[1:2], 3: pairs[2:], 4: [driven]}
    dma = Dma(w, 0, func=6)
    m.user[m.own] = dma.func
    await dma.set_up()
    over = False

    async def toggle() -> None:
        count = 0
        while not over or count < 20:
            v, count = rng.choice((0, 1, 2, 3, m.own, None)), count + 1
            await (m.ctrl(MSIX_ENABLE=1, MSIX_FUNCTION_MASK=1) if v is None else m.mask(v))
            since = now() + SLACK * w.rig.period
            await w.rig.cycles(rng.choice((0, 1, 7, rng.randrange(300), 2 * SLACK)))
            if now() > since:
                m.masked += [(each, since, now()) for each in (range(m.own) if v is None else [v])]
            await (m.ctrl(MSIX_ENABLE=1) if v is None else m.mask(v, 0))
            await w.rig.cycles(rng.choice((0, 3, rng.randrange(200))))

    async def interrupts() -> None:
        for _ in range(60):
            sqe = NvmeSqe(opc=Op.FLUSH, nsid=1)
            await w.kernel.put(driven, sqe)
            await w.kernel.ring(driven)
            await m.until(4, 10 * SLACK)
            assert [c.cid for c in await w.kernel.poll(driven)] == [sqe.cid], "no entry behind the message"

    async def shake() -> None:
        while not over:
            for on in (1, 0):
                await m.mask(4, on)
                await w.rig.cycles(rng.randrange(60))

    shaking = cocotb.start_soon(shake())
    masks = cocotb.start_soon(toggle())
    pools = [w.pages.carve(32) for _ in pairs]
    jobs = [cocotb.start_soon(traffic(w, q, 12, pool)) for q, pool in zip(pairs, pools, strict=True)]
    await Combine(*jobs, cocotb.start_soon(dma.work(12)), cocotb.start_soon(interrupts()))
    over = True
    await Combine(masks, shaking)
    await dma.check(least=12)
    seen = await judged(w, queues, least=60)
    cocotb.log.info("bursts of entries and messages by vector: %s; %d times surely masked", seen, len(m.masked))
    assert m.masked and any(told < done for done, told in seen.values())
    await w.end(*pairs, driven, least=60)


@cocotb.test(timeout_time=100, timeout_unit="ms")
async def coalesced(dut):
    """*Stimulus*: feature 08h: four entries or two units of time; feature 09h: not for vector 2. Single commands on vectors 1 and 2 and admin commands,
    batches, less than four entries and then nothing; other settings; 08h off; controller reset. *Checking*: a message for each four entries, at the
    fourth; the rest when time is over; each entry of vector 2 and of the admin queue has its own, also later each of vector 1."""
    w = await world(dut)
    k, m = w.kernel, w.msix
    unit = w.rig.p["COALESCE_UNIT_CYCLES"]
    q1, q2 = [await w.create(n, 15, vec=n) for n in (1, 2)]
    assert (await k.set_feature(Fid.VECTOR, 2 | 1 << 16)).status == OK
    for thr, time in ((4, 20), (2, 9)):
        assert (await k.set_feature(Fid.COALESCING, time << 8 | thr - 1)).status == OK
        await w.rig.cycles(late(w))
        for n in range(1, 2 * thr + 1):
            await read(w, q1, q2)
            await w.rig.cycles(late(w))
            assert await m.arrived(2)
            assert await m.arrived(1) == (n % thr == 0), f"entry {n} of {thr}"
        first = 0
        for _ in range(1, thr):
            await m.arrived(0)
            await read(w, q1)
            assert (await k.cmd(NvmeAdminOp.KEEP_ALIVE)).status == OK
            first = first or w.rig.cycle
            await w.rig.cycles(late(w))
            assert await m.arrived(0), "an entry of the admin queue has to wait"
        assert w.rig.cycle - first < (time - 2) * unit, "the stimulus takes too long"
        await w.rig.cycles(first + (time - 1) * unit - w.rig.cycle)
        assert not await m.arrived(1)
        await m.until(1, unit + 2 * late(w))
        assert first + (time - 1) * unit < w.rig.cycle
    # Many at once: bursts count with all their entries.
    pool = w.pages.carve(32)
    await traffic(w, q1, 12, pool)
    await w.rig.cycles(10 * unit)
    assert (await k.set_feature(Fid.COALESCING, 0)).status == OK
    await m.arrived(1)
    await w.rig.cycles(late(w))
    await read(w, q1)
    await w.rig.cycles(late(w))
    assert await m.arrived(1), "08h is off"
    seen = await judged(w, {1: [q1], 2: [q2]}, least=30)
    entries = sum(p.count for p in posted(w.rig.mem.bursts(), [q1]))
    assert seen[1][1] < seen[1][0] <= entries and seen[2][1] == seen[2][0] == 12, seen
    assert seen[0][1] == seen[0][0], f"admin queue: {seen[0]}"
    await w.end(q1, q2, least=30)


@cocotb.test(timeout_time=100, timeout_unit="ms")
async def settings_end_with_reset(dut):
    """*Stimulus*: coalescing is on, for vector 1 disabled; entries of vector 2 wait to be announced; controller reset, start, the same features without 09h.
    *Checking*: vector 1 is coalesced now, as Get Features says; the time-out of the old life does no harm."""
    w = await world(dut)
    k, m = w.kernel, w.msix
    setting = 3 << 8 | 200 << 0
    for life in range(2):
        if life == 0:
            assert (await k.set_feature(Fid.VECTOR, 1 | 1 << 16)).status == OK
        q1, q2 = [await w.create(n, 15, vec=n) for n in (1, 2)]
        assert (await k.set_feature(Fid.COALESCING, setting)).status == OK
        cqe = await k.cmd(NvmeAdminOp.GET_FEATURES, cdw10=int(Fid.VECTOR), cdw11=1)
        assert cqe.status == OK and cqe.dw0 == 1 | (life == 0) << 16, f"{cqe.dw0:#x}"
        await m.arrived(1)
        await m.arrived(2)
        await w.rig.cycles(late(w))
        await read(w, q1, q2)
        await w.rig.cycles(late(w))
        assert await m.arrived(1) == (life == 0), f"life {life}: vector 1"
        assert not await m.arrived(2)
        if life == 0:
            w.hide(q1, q2)
            await k.disable()
            await w.rig.cycles(4 * w.rig.p["COALESCE_UNIT_CYCLES"])
            await k.enable()
    await m.until(1, 4 * w.rig.p["COALESCE_UNIT_CYCLES"])
    await w.end(q1, q2, least=4)


@cocotb.test(timeout_time=100, timeout_unit="ms")
async def pin(dut):
    """*Stimulus*: MSI-X is off; queues 1 and 2 with vector 0, 3 with vector 3, the admin queue; entries consumed one by one; INTMS and INTMC; MSIX_ENABLE on and
    off; coalescing. *Checking*: irq rises after an entry of vector 0 only, stays up until the last one of all its queues is consumed, and then falls; hidden
    by the mask and by MSIX_ENABLE; NODE.CTRL.IRQ_ENABLE is never set."""
    w = await world(dut, messages=False, latency=2)
    k, rig = w.kernel, w.rig
    queues = [await w.create(n, 15, vec=3 * (n == 3)) for n in (1, 2, 3)]
    one, two, other = queues
    compared = 0

    async def entries(q: Pair, count: int) -> None:
        """So many entries are in memory; nothing is consumed."""
        nonlocal compared
        before = int(rig.dut.st_posted.value)
        for _ in range(count):
            await k.put(q, NvmeSqe(opc=Op.FLUSH, nsid=1))
            await k.ring(q)
            await rig.cycles(150)
        assert int(rig.dut.st_posted.value) == before + count
        compared += count

    async def consume(q: Pair, count: int) -> None:
        q.head = (q.head + count) % (q.size + 1)
        await rig.wr32(k.doorbell(q.qid, True), q.head, q.func)

    await w.pin(0, 12)
    await entries(other, 2)
    await w.steady(0)
    await consume(other, 1)  # the other one stays, and is nothing to the pin
    for q in (one, two, one):
        await k.put(q, NvmeSqe(opc=Op.FLUSH, nsid=1))
        await k.ring(q)
        before = int(rig.dut.st_posted.value)
        await w.pin(1, 300)
        assert int(rig.dut.st_posted.value) == before + 1, "before its entry has its response"
        await consume(q, 1)
        assert await w.pin(0, 12) > 0
        compared += 1
    await entries(one, 3)
    await entries(two, 1)
    for q, count in ((one, 1), (two, 1), (one, 1)):
        await consume(q, count)
        await w.steady(1)
    await consume(one, 1)
    await w.pin(0, 12)
    await w.steady(0)
    # The mask, before and behind the entry; other bits do nothing.
    await rig.wr32(INTMS, ~1 & 0xFFFF_FFFF)
    await entries(one, 1)
    await w.steady(1)
    await rig.wr32(INTMS, 1)
    await w.pin(0, 12)
    await entries(one, 1)
    await w.steady(0)
    assert await rig.rd32(INTMC) == 0xFFFF_FFFF
    await rig.wr32(INTMC, 0xFFFF_FFFF)
    await w.pin(1, 12)
    await rig.wr32(INTMS, 1)
    await consume(one, 2)
    await rig.wr32(INTMC, 1)
    await w.steady(0)
    # MSI-X instead
    await entries(two, 1)
    await w.steady(1)
    await w.msix.ctrl(MSIX_ENABLE=1)
    await w.pin(0, 12)
    await entries(two, 1)
    await w.steady(0)
    await w.msix.ctrl(MSIX_ENABLE=0)
    await w.pin(1, 12)
    await consume(two, 2)
    await w.pin(0, 12)
    # The admin queue
    await k.put(k.admin, NvmeSqe(opc=NvmeAdminOp.KEEP_ALIVE))
    await k.ring(k.admin)
    await w.pin(1, 3000)
    assert len(await k.poll(k.admin)) == 1
    await w.pin(0, 12)
    # Coalesced: the pin comes with the interrupt, not with the entry.
    assert (await k.set_feature(Fid.COALESCING, 30 << 8 | 2)).status == OK
    await w.pin(0, 12)
    await rig.cycles(late(w))
    await entries(two, 2)
    await w.steady(0, late(w))
    await entries(two, 1)
    await w.pin(1, late(w))
    await w.steady(1)
    await consume(two, 3)
    assert (await k.set_feature(Fid.COALESCING, 0)).status == OK
    await w.pin(0, 12)
    # A reset takes away what nobody will consume any more.
    await entries(one, 2)
    await w.steady(1)
    await rig.wr32(CC, 0x460000)
    await k.csts(1, 0)
    await w.steady(0)
    await k.enable()
    last = await w.create(1, 15)
    await rig.cycles(12)  # the admin queue's last entry was consumed just now: the pin may come up for a moment
    await w.steady(0)
    await read(w, last)
    await w.pin(0, 12)
    assert compared >= 12 and not await w.driver.field("NODE", "CTRL", "IRQ_ENABLE")
    await w.end(*queues, last, least=1)


@cocotb.test(timeout_time=100, timeout_unit="ms")
async def judge_can_fail(dut):
    """*Stimulus*: some Reads on two vectors; then what the log shows is changed: a message is lost, comes twice, too early, from another vector's, with other
    data, strobes, function; masked at that time; nothing at all. *Checking*: the judge says so each time, and nothing of what was seen."""
    w = await world(dut)
    m = w.msix
    queues = {v: [await w.create(v, 15, vec=v)] for v in (1, 2)} | {0: [w.kernel.admin]}
    for _ in range(4):
        await read(w, *queues[1], *queues[2])
        await w.rig.cycles(PROMPT)
    await judged(w, queues, least=8)
    log = list(w.rig.mem.bursts())
    at = [i for i, b in enumerate(log) if b.write and b.addr == m.addr[1]]
    last, b = at[-1], log[at[-1]]
    entry = next(i for i, e in enumerate(log) if e.write and e.addr // PAGE == queues[1][0].cq // PAGE)
    wrong = {
        "nothing announced": without(log, last), "bursts of entries before it": [*log, b], "of entries before": changed(log, at[0], t_addr=log[entry].t_end),
        "data": changed(log, last, data=bytes(len(b.data))), "strobes": changed(log, last, strb=0xFF),
        "for function": changed(log, last, user=1), "no vector points": changed(log, last, addr=b.addr + 4), "compared, fewer": [],
        "belongs to no queue": changed(log, last, addr=m.addr[5], strb=0xF << m.addr[5] % b.beat_bytes),
    }
    for text, bursts in wrong.items():
        if text == "belongs to no queue":
            m.data[5] = m.data[1]
            shift = m.addr[5] % b.beat_bytes
            bursts[last] = changed([bursts[last]], 0, data=bytes(shift) + m.data[1].to_bytes(4, "little") + bytes(b.beat_bytes))[0]
        with pytest.raises(AssertionError, match=text):
            m.judge(bursts, queues, least=8)
    m.masked.append((1, b.t_addr - 1, b.t_addr + 1))
    with pytest.raises(AssertionError, match="masked from"):
        m.judge(log, queues, least=8)
    await w.end(queues[1][0], queues[2][0], least=8)


CASES = ["messages", "masks_at_any_moment", "coalesced", "settings_end_with_reset", "pin", "judge_can_fail"]


@pytest.mark.system
@pytest.mark.parametrize(("case", "build"), in_nodes(CASES, "messages", "pin"))
def test_node(case, build):
    run_sim("crl_tb_nvme", __name__, NODES[build], SOURCES, sim="verilator", testcase=case, public="top")
