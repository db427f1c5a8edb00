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
TOO_SHORT = int(Status.RECV_TOO_SHORT)
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


async def over(s: System) -> None:
    """Everything has ended; the buffers' areas hold what is due and nothing else."""
    await s.close()
    for r in s.receivers.values():
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


CASES = ["lengths"]


@pytest.mark.system
@pytest.mark.parametrize("build", SLICE)
@pytest.mark.parametrize("case", CASES)
def test_send(case, build):
    run_sim("crl_tb_pair", __name__, BUILDS[build], SYSTEM_SOURCES, sim="verilator", testcase=case, public="top")
