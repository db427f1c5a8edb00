# SPDX-License-Identifier: Apache-2.0
"""SEND on two nodes: bytes in posted receive buffers, both completions, an empty ring, buffers that are too short or wrong, and ends.

Every test checks by itself what arrives: bytes, entries in order, receive indices, and that nothing else of the receiver's memory changes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cocotb
import pytest
from cocotb.triggers import Timer

from models.gen.carillon_layout import (
    Cmd,
    Cqe,
    CqeKind,
    Desc,
    DescFlag,
    Op,
    SegRight,
    State,
    Status,
    Status2,
    status_name,
)
from tb.lib.driver import ALL_RIGHTS, right_mask
from tb.lib.sim import run_sim
from tb.lib.testbed import SYSTEM_SOURCES
from tb.system.builds import BUILDS, SLICE
from tb.system.channel_agent import settle
from tb.system.harness import System, SystemConfig
from tb.system.items import Mix

PEER = 0x80
NOT_READY = int(Status.RECEIVER_NOT_READY) | PEER
MAY = 1 << Status2.MAY_HAVE_EXECUTED
OTHER = {"A": "B", "B": "A"}
GUARD = 64  # bytes between buffers


@dataclass
class Buffer:
    """A posted one: place, size, and what software knows it by."""

    tag: int
    base: int
    size: int
    opcode: int = int(Op.RECV)


@dataclass
class Receiver:
    """Software that owns a channel's receive ring."""

    system: System
    name: str
    ch: int
    log2: int = 5
    prod: int = 0
    posted: list[Buffer] = field(default_factory=list)
    at: int = 0     # of the next buffer, in the destination area
    image: bytes = b""

    @property
    def node(self):
        return self.system.nodes[self.name]

    @property
    def channel(self):
        return self.system.channel(self.name, self.ch)

    @property
    def region(self):
        return self.system.regions[self.name][self.ch]

    @property
    def ring(self) -> int:
        """Behind the two other rings."""
        c = self.channel
        return (c.cr.base + (16 << c.cr.log2) + 4095) // 4096 * 4096

    def value(self, addr: int) -> int:
        """An address as the channel's registers and entries have it."""
        if self.channel.dr.reg is None:
            return addr
        return self.node.address(self.ch, self.region.offset(addr))

    async def set_up(self, log2: int | None = None) -> None:
        """A channel that is DISABLED gets its receive ring, and is enabled."""
        self.log2 = self.log2 if log2 is None else log2
        c = self.channel
        await self.node.axil.write(c.reg("RRING_BASE"), self.value(self.ring), c.func)
        await self.node.axil.write(c.reg("RRING_SIZE"), self.log2, c.func)
        await self.enable()

    async def enable(self) -> None:
        self.prod = 0
        self.posted.clear()
        await self.channel.enable()

    async def put(self, *sizes: int, opcode: int = int(Op.RECV), **where: int) -> list[Buffer]:
        """Write entries, not yet published."""
        out = []
        for size in sizes:
            base = where.get("base")
            if base is None:
                base = self.region.dst.base + self.at
                self.at += size + GUARD
                assert self.at <= self.region.dst.size, "no room for buffers"
                base = self.value(base)
            b = Buffer(self.system.rng.getrandbits(16), base, size, opcode)
            d = Desc(opcode=opcode, tag=b.tag, length=size, dst=base, src=self.system.rng.getrandbits(64),
                     operand=self.system.rng.getrandbits(64))
            await self.system.side(self.name).mem.write(self.ring + 32 * self.prod, d.pack())
            self.prod = (self.prod + 1) % (1 << self.log2)
            out.append(b)
        self.posted += out
        return out

    async def doorbell(self, value: int | None = None) -> None:
        c = self.channel
        await self.node.axil.write(c.reg("RRING_PROD"), self.prod if value is None else value, c.func)

    async def post(self, *sizes: int, **kw: int) -> list[Buffer]:
        out = await self.put(*sizes, **kw)
        await self.doorbell()
        return out

    async def indices(self) -> tuple[int, int]:
        c = self.channel
        return tuple([await self.node.axil.read(c.reg(r), c.func) for r in ("RRING_PROD", "RRING_CONS")])

    async def remember(self) -> None:
        """What the destination area holds now: `check` compares with it."""
        self.image = await self.system.side(self.name).mem.read(self.region.dst.base, self.region.dst.size)

    def fill(self, b: Buffer, data: bytes) -> None:
        """These bytes are due in it."""
        at = (self.region.base + (b.base & (1 << 40) - 1) if self.channel.dr.reg is not None else b.base) - self.region.dst.base
        self.image = self.image[:at] + data + self.image[at + len(data):]

    async def check(self) -> None:
        got = await self.system.side(self.name).mem.read(self.region.dst.base, self.region.dst.size)
        if got != self.image:
            at = next(i for i, (x, y) in enumerate(zip(got, self.image, strict=True)) if x != y)
            raise AssertionError(f"node {self.name} channel {self.ch}: byte {at} of the buffers' area: {got[at]:02x}, not {self.image[at]:02x}")


def send(s: System, name: str, ch: int, size: int, imm: int = 0, at: int = 0, **kw: int) -> Desc:
    """A SEND; its unused address is anything."""
    d = s.copy(name, ch, size, at=at, **kw)
    d.opcode, d.operand, d.dst = int(Op.SEND), imm, s.rng.getrandbits(64)
    return d


async def source(s: System, name: str, ch: int, at: int, size: int) -> bytes:
    return await s.side(name).mem.read(s.regions[name][ch].src.base + at, size) if size else b""


async def start(dut, log2: int = 5, **config) -> System:
    s = System(dut)
    use = min(4, s.tb.params.channels)
    await s.begin(SystemConfig(**{"channels": use, "absolute": 0.0, "ring_log2": (5, 5), "qos": False, **config}))
    s.receivers = {}
    for name in s.names:
        for ch in range(len(s.nodes[name].channels)):
            r = s.receivers[name, ch] = Receiver(s, name, ch)
            await r.channel.command(Cmd.ABORT)
            await r.channel.until(State.DISABLED)
            await r.set_up(log2)
            await r.remember()
    return s


async def told(s: System, name: str, ch: int, count: int, timeout_ns: int = 400_000) -> list[Cqe]:
    """The first `count` messages of a channel."""
    c = s.channel(name, ch)
    for _ in range(timeout_ns // 500):
        await c.reap()
        if len(c.messages) >= count:
            return c.messages
        await Timer(500, "ns")
    raise AssertionError(f"{len(c.messages)} of {count} messages; {await c.status()}")


def matches(e: Cqe, b: Buffer, index: int, log2: int, imm: int, size: int, status: int = 0) -> None:
    want = (CqeKind.RECEIVE, b.tag, status, 0 if status else size, imm, (index + 1) % (1 << log2), 0)
    got = (e.kind, e.tag, e.status, e.bytes, e.immediate, e.dring_cons, e.status2)
    assert got == want, (got, want)


async def over(s: System, *which: Receiver) -> None:
    """Everything has ended; the buffers' areas, of these or of all, hold what is due and nothing else."""
    await s.close()
    for r in which or s.receivers.values():
        await r.check()
    s.tb.check_rules()


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def lengths(dut):
    """*Stimulus*: SEND of no byte, one, around a beat, a burst, LINK_MTU and its multiples, into buffers of just that size and
    larger, at any alignment, WRITEs and WRITE_IMMs in between, both nodes at once. *Checking*: bytes, tags, immediates,
    counts and indices at the receiver in order; completions of the sender; no other byte."""
    s = await start(dut, channels=1, ring_log2=(6, 6), absolute=float(dut.CHANNELS.value == 1), retry=(255, 0))
    p, jobs = s.tb.params, []
    mtu, beat = p.link_mtu, p.data_w // 8
    sizes = [0, 1, beat, p.max_burst_bytes + 1, mtu - 1, mtu, mtu + 1, 2 * mtu, 3 * mtu + 5]
    for name in s.names:
        far, work, at, due = s.receivers[OTHER[name], 0], [], 0, []
        order = s.rng.sample(sizes, len(sizes))
        buffers = await far.post(*(n + s.rng.choice((0, 0, 1, 300)) for n in order))
        for i, size in enumerate(order):
            work += [send(s, name, 0, size, imm=0x1000 + i, at=at, flags=(i % 3 == 0) << DescFlag.NOTIFY),
                     s.write(name, 0, 77, at=at + size), s.write_imm(name, 0, 9, imm=0x2000 + i, at=at + size + 80)]
            far.fill(buffers[i], await source(s, name, 0, at, size))
            due += [(buffers[i], i, 0x1000 + i, size)]
            at += size + 100
        jobs.append((name, due, cocotb.start_soon(s.channel(name, 0).run(work, timeout_ns=3_000_000))))
    for name, due, job in jobs:
        got = await job
        assert not any(e.status for e in got), [status_name(e.status) for e in got]
        far = s.receivers[OTHER[name], 0]
        messages = await told(s, OTHER[name], 0, 2 * len(due))
        for (b, i, imm, size), e in zip(due, messages[::2], strict=True):
            matches(e, b, i, far.log2, imm, size)
        assert [(e.kind, e.immediate, e.bytes) for e in messages[1::2]] == [
            (CqeKind.IMMEDIATE, 0x2000 + i, 9) for i in range(len(due))]
        assert await far.indices() == (far.prod, far.prod)
    await over(s)


async def others_work(s: System, count: int = 10) -> list:
    return [cocotb.start_soon(s.traffic(n, c, count, mix=Mix(max_bytes=2000, no_cpl=0))) for n in s.names
            for c in range(1, len(s.nodes["A"].channels))]


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def receiver_late(dut):
    """*Stimulus*: more SENDs of all sizes than there are receive buffers, none at first, then one, then more than the ring's rest; WRITEs
    and a fence between them; a message slot short now and then; the other channels work. *Checking*: what has no buffer waits and
    comes later, once and in order; WRITE_IMM needs no buffer; the other channels end well meanwhile."""
    s = await start(dut, log2=2, latency=5)
    far, n = s.receivers["B", 0], 9
    await s.channel("A", 0).retry(255, 1)
    sizes = [(900, 0, 2500, 40)[i % 4] for i in range(n)]
    got = await s.channel("A", 0).run([s.write_imm("A", 0, 8, imm=5)])
    assert [e.status for e in got] == [0] and (await told(s, "B", 0, 1))[0].kind == CqeKind.IMMEDIATE
    work = []
    for i, size in enumerate(sizes):
        work += [send(s, "A", 0, size, imm=100 + i, at=3000 * i, flags=(i == 4) << DescFlag.FENCE), s.write("A", 0, 99, at=3000 * i + 2700)]
    mine = cocotb.start_soon(s.channel("A", 0).run(work, timeout_ns=3_000_000))
    for job in await others_work(s):
        assert not any(e.status for e in await job)
    await s.side("B").cycles(3000)
    await s.channel("B", 0).reap()
    assert len(s.channel("B", 0).messages) == 1 and not mine.done()
    posted = 0
    while posted < n:
        used = (await far.indices())[1]
        room = 3 - (far.prod - used) % 4
        more = min(room, n - posted, 1 if not posted else 3)
        if more:
            for b, i in zip(await far.post(*(sizes[posted + k] + (posted + k) % 3 for k in range(more))), range(posted, posted + more), strict=True):
                far.fill(b, await source(s, "A", 0, 3000 * i, sizes[i]))
            posted += more
        await s.channel("B", 0).reap()
        await s.side("B").cycles(s.rng.randrange(2000))
    got = await mine
    assert not any(e.status for e in got), [status_name(e.status) for e in got]
    messages = (await told(s, "B", 0, 1 + n))[1:]
    for i, (b, e) in enumerate(zip(far.posted, messages, strict=True)):
        matches(e, b, i, 2, 100 + i, sizes[i])
    await over(s, far)


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def receiver_never(dut):
    """*Stimulus*: SENDs to a channel without a receive ring, with an empty one, and with one that is used up; no, one and three further
    attempts; WRITEs behind. *Checking*: RECEIVER_NOT_READY with bit 7, no second status, nothing written, no entry; the channel goes on."""
    s = await start(dut, latency=0, back_pressure=0, delay=1, link_stalls=False)
    a, far = s.channel("A", 0), s.receivers["B", 0]
    for ring in ("none", "empty", "used"):
        await far.channel.command(Cmd.ABORT)
        await far.channel.until(State.DISABLED)
        await far.set_up(0 if ring == "none" else 2)
        far.channel.messages.clear()
        if ring == "used":
            await a.retry(255, 0)
            for i, b in enumerate(await far.post(30, 40, 50)):
                assert [e.status for e in await a.run([send(s, "A", 0, b.size, at=i)])] == [0]
                far.fill(b, await source(s, "A", 0, i, b.size))
        for size in (0, 700, 5000):
            for count, time in ((0, 0), (1, 1), (3, 0)):
                await a.retry(count, time)
                got = await a.run([send(s, "A", 0, size, at=64, imm=7), s.write("A", 0, 64, at=20_000)])
                assert [e.status for e in got] == [NOT_READY, 0] and not got[0].status2, [status_name(e.status) for e in got]
        await s.channel("B", 0).reap()
        assert len(s.channel("B", 0).messages) == 3 * (ring == "used")
    await over(s)


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def refused(dut):
    """*Stimulus*: SENDs of no byte, one frame and several into buffers that are too short, of another opcode, of an old key, without the right
    WRITE, without LOCAL, of another channel, not inside the segment, or whose memory answers with an error; good ones between.
    *Checking*: the status with bit 7 at the sender, the same without it in the receiver's entry, which is used up, with no bytes
    counted; nothing written but by the good ones and, where memory failed, inside the buffer."""
    s = await start(dut)
    a, far = s.channel("A", 0), s.receivers["B", 0]
    await a.retry(255, 0)
    node, region, spare = far.node, far.region, s.tb.params.channels + 1
    place = region.dst.base + region.dst.size // 2

    async def segment(rights=ALL_RIGHTS, channel=0, size=8192, gen=3):
        await node.segment(spare, base=place & ~4095, size=size, rights=rights, channel=channel, gen=gen)
        return node.address(spare, 0)

    used = 0

    async def good() -> None:
        nonlocal used
        size = s.rng.choice((1, 200, 2100))
        (b,) = await far.post(size)
        assert [e.status for e in await a.run([send(s, "A", 0, size, imm=used, at=used)])] == [0]
        far.fill(b, await source(s, "A", 0, used, size))
        matches((await told(s, "B", 0, used + 1))[used], b, used, far.log2, used, size)
        used += 1

    local = right_mask(SegRight.READ, SegRight.WRITE, SegRight.REMOTE)
    for size in (0, 700, 3000):
        cases = [({"opcode": int(Op.SEND)}, Status.BAD_OPCODE, size), ({"opcode": 0}, Status.BAD_OPCODE, size)]
        if size:
            cases += [({}, Status.RECV_TOO_SHORT, size - 1), ({}, Status.RECV_TOO_SHORT, 0),
                      ({"base": await segment() ^ 1 << 41}, Status.KEY_REVOKED, size), ({"base": 0xFE << 52}, Status.SEG_INVALID, size),
                      ({"base": await segment() + 8192 - size + 1}, Status.SEG_RANGE, size)]
        for where, status, room in cases:
            (b,) = await far.post(room, **where)
            got = await a.run([send(s, "A", 0, size, imm=used, flags=1 << DescFlag.NOTIFY), s.write("A", 0, 10)])
            assert [e.status for e in got] == [status | PEER, 0], (size, status_name(status), [status_name(e.status) for e in got])
            matches((await told(s, "B", 0, used + 1))[used], b, used, far.log2, used, 0, int(status))
            used += 1
            await good()
        for rights, channel, status in ((right_mask(SegRight.READ, SegRight.LOCAL), 0, Status.SEG_RIGHTS), (local, 0, Status.SEG_BINDING),
                                        (ALL_RIGHTS, 1, Status.SEG_BINDING)):
            if size:
                (b,) = await far.post(size, base=await segment(rights, channel))
                got = await a.run([send(s, "A", 0, size, imm=used)])
                assert [e.status for e in got] == [status | PEER], (size, status_name(status), [status_name(e.status) for e in got])
                matches((await told(s, "B", 0, used + 1))[used], b, used, far.log2, used, 0, int(status))
                used += 1
        await good()
    for resp, status in ((2, Status.WRITE_SLVERR), (3, Status.WRITE_DECERR)):
        (b,) = await far.post(2500)
        at = region.base + (b.base & (1 << 40) - 1)
        s.side("B").mem.errors([(at + 1400, 1, resp, "w")])
        got = await a.run([send(s, "A", 0, 2500, imm=used)])
        s.side("B").mem.errors([])
        assert [e.status for e in got] == [status | PEER], [status_name(e.status) for e in got]
        matches((await told(s, "B", 0, used + 1))[used], b, used, far.log2, used, 0, int(status))
        far.fill(b, await s.side("B").mem.read(at, 2500))    # anything, inside
        used += 1
        await good()
    await over(s)


async def next_one(s: System, far: Receiver, turn: int) -> None:
    """What is sent now takes the entry at the head."""
    head = (await far.indices())[1]
    assert len([e for e in far.channel.messages if e.kind == CqeKind.RECEIVE]) == head
    b = far.posted[head]
    await s.channel("A", 0).retry(255, 0)
    got = await s.channel("A", 0).run([send(s, "A", 0, 300, imm=1000 + turn, at=turn)])
    assert [e.status for e in got] == [0], [status_name(e.status) for e in got]
    matches((await told(s, "B", 0, head + 1))[head], b, head, far.log2, 1000 + turn, 300)
    far.fill(b, await source(s, "A", 0, turn, 300))


async def use_up(s: System, far: Receiver, turn: int) -> None:
    """All that is posted, one at least."""
    await next_one(s, far, turn)
    while len(set(await far.indices())) > 1:
        await next_one(s, far, turn)


async def undefined(s: System, far: Receiver, entries: list[Buffer]) -> None:
    """What these buffers hold now is as good as anything."""
    for b in entries:
        far.fill(b, await s.side("B").mem.read(far.region.base + (b.base & (1 << 40) - 1), b.size))


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def given_up(dut):
    """*Stimulus*: ABORT or RESET of the sender at many moments of a SEND of one frame or of several, with a buffer or without.
    *Checking*: DISABLED soon; OK, ABORTED, or nothing after RESET; each time the entry is used up, with its completion, or is the next
    one's; nothing outside of it is written."""
    s = await start(dut, channels=1, log2=6, ring_log2=(4, 6), latency=2, back_pressure=0)
    a, far, seen, kept = s.channel("A", 0), s.receivers["B", 0], set(), 0
    for turn in range(16):
        await a.retry(255, 255 if turn % 4 == 3 else 0)
        if turn % 4 != 3:
            await far.post(7000, 7000)
        before = (await far.indices())[1]
        await a.post([send(s, "A", 0, (500, 7000)[turn // 2 % 2], imm=turn)])
        await s.tb.a.cycles(40 + 23 * s.rng.randrange(turn + 1))
        cmd = (Cmd.ABORT, Cmd.RESET)[turn % 2]
        await a.command(cmd)
        await a.until(State.DISABLED, timeout_ns=60_000)
        got = await a.reap()
        assert all(e.status in (0, Status.ABORTED) and not e.status2 for e in got), [status_name(e.status) for e in got]
        seen |= {e.status for e in got}
        assert len(got) == 1 or cmd == Cmd.RESET
        await a.enable()
        await s.tb.a.cycles(900)
        await s.channel("B", 0).reap()
        kept += (await far.indices())[1] == before
        await undefined(s, far, far.posted[before : before + 1])
        if turn % 4 == 3:
            await far.post(400)
        await use_up(s, far, turn)
    assert Status.ABORTED in seen and kept > 3
    await over(s)


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def receiver_disabled(dut):
    """*Stimulus*: DRAIN, ABORT or RESET of the receiver's channel at many moments of long SENDs to it, then ENABLE with new buffers.
    *Checking*: DISABLED soon; OK, ABORTED or RECEIVER_NOT_READY with bit 7 at the sender; no entry in the next life but for what is sent in
    it, from the ring's first entry on; what the old life fetched is gone."""
    s = await start(dut, channels=1, ring_log2=(4, 5), latency=2, back_pressure=0)
    a, b, far, seen = s.channel("A", 0), s.channel("B", 0), s.receivers["B", 0], set()
    far.at = 0
    for turn in range(12):
        far.at = 20000 * (turn % 3)
        await far.post(7100, 9000)
        await undefined(s, far, far.posted)
        await a.retry(0, 0)
        await s.tb.b.cycles(200)
        await a.post([send(s, "A", 0, 7000, imm=turn), send(s, "A", 0, 9000, imm=turn, at=8000)])
        await s.tb.a.cycles(60 + s.rng.randrange(1, 150_000 // s.tb.params.data_w))
        old = list(far.posted)
        await b.command((Cmd.ABORT, Cmd.RESET, Cmd.DRAIN)[turn % 3])
        await b.until(State.DISABLED, timeout_ns=150_000)
        got = await a.wait(2)
        assert all(e.status in (0, Status.ABORTED | PEER, NOT_READY) for e in got), [status_name(e.status) for e in got]
        seen |= {e.status for e in got}
        await undefined(s, far, old)
        await b.reap()
        b.messages.clear()
        await far.enable()
        assert await far.indices() == (0, 0)
        await far.post(310, 320, 330)
        for k in range(3):
            await next_one(s, far, 10 * turn + k)
        b.messages.clear()
        far.posted.clear()
        await b.command(Cmd.RESET)
        await b.until(State.DISABLED)
        await far.enable()
    assert {Status.ABORTED | PEER, NOT_READY} <= seen, seen
    await over(s)


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def link_lost(dut):
    """*Stimulus*: the link falls while a SEND waits for another attempt, and at many moments of others; then a new epoch.
    *Checking*: PEER_DOWN without MAY_HAVE_EXECUTED for what waits; OK, LINK_ERROR with it or PEER_DOWN else; the receive entry is used up or the
    next one's; SENDs come through again."""
    s = await start(dut, channels=1, log2=6, ring_log2=(4, 5), latency=2, back_pressure=0)
    a, far = s.channel("A", 0), s.receivers["B", 0]
    for turn in range(8):
        waits = turn % 4 == 0
        await a.retry(255, 255 if waits else 0)
        if not waits:
            await far.post(7000, 7000)
            await s.tb.b.cycles(100)
        before = (await far.indices())[1]
        await a.post([send(s, "A", 0, (700, 6000)[turn % 2], imm=turn)])
        await s.tb.a.cycles(900 if waits else 50 + s.rng.randrange(1, 100_000 // s.tb.params.data_w))
        await s.link_down()
        await settle(a)
        got = await a.reap()
        await s.link_up(epoch=turn + 2)
        for e in got:
            assert e.status in ((Status.PEER_DOWN,) if waits else (0, Status.LINK_ERROR, Status.PEER_DOWN)), status_name(e.status)
            assert e.status2 == (MAY if e.status == Status.LINK_ERROR else 0)
        await s.tb.a.cycles(300)
        await undefined(s, far, far.posted[before : before + 1])
        await s.channel("B", 0).reap()
        if waits:
            await far.post(400)
        await use_up(s, far, turn)
    await over(s)


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def rings(dut):
    """*Stimulus*: ENABLE with receive rings of each wrong kind; doorbells outside the ring and backwards; an error response to the fetch of an
    entry; writes to the set-up while the channel is active. *Checking*: BAD_RING, DOORBELL_RANGE, FETCH_SLVERR and FETCH_DECERR of
    that channel alone; a good set-up works afterwards; what is locked stays."""
    s = await start(dut, channels=min(2, int(dut.CHANNELS.value)))
    far = s.receivers["B", 0]
    c = far.channel

    async def disabled() -> None:
        await c.command(Cmd.RESET)
        await c.until(State.DISABLED)

    async def works() -> None:
        await far.set_up(3)
        c.messages.clear()
        await s.channel("A", 0).retry(255, 0)
        (b,) = await far.post(100)
        assert [e.status for e in await s.channel("A", 0).run([send(s, "A", 0, 100)])] == [0]
        far.fill(b, await source(s, "A", 0, 0, 100))
        matches((await told(s, "B", 0, 1))[0], b, 0, 3, 0, 100)
        for reg, value in (("RRING_BASE", 0x1000), ("RRING_SIZE", 5)):
            was = await far.node.axil.read(c.reg(reg), c.func)
            await far.node.axil.write(c.reg(reg), value, c.func)
            assert await far.node.axil.read(c.reg(reg), c.func) == was

    good = far.value(far.ring)
    for base, log2 in ((good, 1), (good, 13), (good, 15), (good + 64, 3), (good ^ 1 << 40, 3), (0xFE << 52, 3),
                       (far.value(far.region.base) + far.region.segment_size - 4096, 8)):
        await disabled()
        await far.node.axil.write(c.reg("RRING_BASE"), base, c.func)
        await far.node.axil.write(c.reg("RRING_SIZE"), log2, c.func)
        await c.command(Cmd.ENABLE)
        status = await c.until(State.DISABLED)
        assert status.error == Status.BAD_RING, (hex(base), log2, status_name(status.error))
    await works()
    for value in (8, 0xFFFF, None, 4096):
        if value is None:      # behind what is published
            await far.post(5, 5)
            value = far.prod - 1
        await far.doorbell(value)
        status = await c.until(State.ERROR)
        assert status.error == Status.DOORBELL_RANGE
        await disabled()
        await works()
    for resp, code in ((2, Status.FETCH_SLVERR), (3, Status.FETCH_DECERR)):
        s.side("B").mem.errors([(far.ring + 32 * far.prod, 32, resp, "r")])
        await far.post(50)
        status = await c.until(State.ERROR)
        assert status.error == code, status_name(status.error)
        s.side("B").mem.errors([])
        await disabled()
        await works()
    if len(s.nodes["A"].channels) > 1:
        assert not any(e.status for e in await s.traffic("A", 1, 10, mix=Mix(max_bytes=2000, no_cpl=0)))
        assert (await s.channel("B", 1).status()).state == State.ACTIVE
    await over(s, far)


@cocotb.test(timeout_time=100, timeout_unit="ms")
async def without(dut):
    """*Stimulus*: SEND of several lengths on nodes without messages, other work behind; the receive ring's registers. *Checking*: BAD_OPCODE, no
    frame and no entry; the rest ends well; the registers are not there."""
    s = System(dut)
    await s.begin(SystemConfig(channels=2, absolute=0.0, ring_log2=(5, 5), qos=False))
    for name in s.names:
        c = s.channel(name, 0)
        got = await c.run([send(s, name, 0, n, imm=n) for n in (0, 40, 3000)] + [s.write(name, 0, 3000, at=8192)])
        assert [e.status for e in got] == [Status.BAD_OPCODE] * 3 + [0], [status_name(e.status) for e in got]
        for reg in ("RRING_BASE", "RRING_SIZE", "RRING_PROD"):
            await s.nodes[name].axil.write(c.reg(reg), 2, c.func)
            assert await s.nodes[name].axil.read(c.reg(reg), c.func) == 0
        assert (await c.status()).state == State.ACTIVE
    await s.close()
    s.tb.check_rules()
    assert not any(s.channel(name, 0).messages for name in s.names)


CASES = ["lengths", "receiver_late", "receiver_never", "refused", "given_up", "receiver_disabled", "link_lost", "rings"]


@pytest.mark.system
@pytest.mark.sweep    # test_receivers does most of it, with the golden model
@pytest.mark.parametrize("build", SLICE)
@pytest.mark.parametrize("case", CASES)
def test_send(case, build):
    run_sim("crl_tb_pair", __name__, BUILDS[build], SYSTEM_SOURCES, sim="verilator", testcase=case, public="top")


@pytest.mark.system
@pytest.mark.sweep
@pytest.mark.parametrize(("build", "case"), [("64b-no-send", "without"), ("64b-no-read", "lengths")])
def test_send_parts(build, case):
    """A node without messages, and one without READ."""
    run_sim("crl_tb_pair", __name__, BUILDS[build], SYSTEM_SOURCES, sim="verilator", testcase=case, public="top")
