# SPDX-License-Identifier: Apache-2.0
"""Software's side of a node: set-up, rings, doorbells, commands, completions.

    node = NodeDriver(tb.a)
    await node.segment(0, base=0x10000, size=0x10000, rights=ALL_RIGHTS, channel=2)
    ch = await node.channel(2, func=5, dr=RingPlace(0x10000, 6), cr=RingPlace(0x11000, 6), seg=0)
    await ch.enable()
    await ch.post([Desc(opcode=Op.NOP, tag=7)])
    entries = await ch.wait(1)

It knows nothing of the RTL: registers through AXI4-Lite, rings through memory. It checks what a
driver checks (phase, order of consumer indices), and no more: verdicts are the scoreboard's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from cocotb.triggers import First, Timer, ValueChange

from models.gen.carillon_layout import (
    Cmd,
    Cqe,
    CqeKind,
    Desc,
    DescFlag,
    Op,
    SegRight,
    State,
    reg_addr,
    reg_field,
    reg_value,
)
from tb.lib.axil_player import Access
from tb.lib.testbed import NoProgress, Side

ALL_RIGHTS = sum(
    1 << r
    for r in (
        SegRight.READ, SegRight.WRITE, SegRight.RING, SegRight.ATOMIC, SegRight.LOCAL, SegRight.REMOTE,
    )
)
ANY_PEER = 15


def right_mask(*rights: SegRight) -> int:
    return sum(1 << r for r in rights)


def whole(descs: Sequence[Desc], room: int) -> int:
    """How many go with one doorbell: both slots of a CMP_SWAP, or none."""
    n = min(len(descs), room)
    if 0 < n < len(descs) and descs[n - 1].opcode == Op.CMP_SWAP and descs[n].opcode == Op.EXT:
        n -= 1
    return n


def seg_address(index: int, offset: int, gen: int = 0) -> int:
    """A segment-relative address."""
    return index << 52 | gen << 40 | offset


@dataclass
class RingPlace:
    """Where a ring lies in memory; the register value differs when it is segment-relative."""

    base: int
    log2: int
    reg: int | None = None

    @property
    def value(self) -> int:
        return self.base if self.reg is None else self.reg

    @property
    def size(self) -> int:
        return 1 << self.log2


@dataclass(frozen=True)
class Status:
    state: int
    busy: bool
    error: int


@dataclass
class SegmentEntry:
    base: int
    size: int
    rights: int
    channel: int
    peer: int = ANY_PEER
    gen: int = 0
    valid: bool = True


class NodeDriver:
    """Function 0's view of a node, and a factory of channels."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self.axil = side.axil
        self.mem = side.mem
        self.segments: dict[int, SegmentEntry] = {}
        self.channels: dict[int, ChannelDriver] = {}

    async def write(self, page: str, reg: str, index: int = 0, func: int = 0, **fields: int) -> None:
        await self.axil.write(reg_addr(page, reg, index), reg_value(page, reg, **fields), func)

    async def read(self, page: str, reg: str, index: int = 0, func: int = 0) -> int:
        return await self.axil.read(reg_addr(page, reg, index), func)

    async def field(self, page: str, reg: str, name: str, index: int = 0) -> int:
        return reg_field(page, reg, name, await self.read(page, reg, index))

    def segment_accesses(self, index: int, entry: SegmentEntry) -> list[Access]:
        self.segments[index] = entry
        return [
            Access.wr(reg_addr("SEG", "BASE", index), entry.base),
            Access.wr(reg_addr("SEG", "SIZE", index), entry.size),
            Access.wr(
                reg_addr("SEG", "CTRL", index),
                reg_value(
                    "SEG", "CTRL", RIGHTS=entry.rights, CHANNEL=entry.channel, PEER=entry.peer,
                    GEN=entry.gen, VALID=int(entry.valid),
                ),
            ),
        ]

    async def segment(self, index: int, *, base: int, size: int, rights: int = ALL_RIGHTS,
                      channel: int = 0, peer: int = ANY_PEER, gen: int = 0, valid: bool = True):
        """Write an entry of the segment table."""
        entry = SegmentEntry(base, size, rights, channel, peer, gen, valid)
        await self.axil.play(self.segment_accesses(index, entry))
        return entry

    def address(self, index: int, offset: int) -> int:
        """Segment-relative address with the entry's present key."""
        return seg_address(index, offset, self.segments[index].gen)

    async def channel(
        self,
        ch: int,
        *,
        dr: RingPlace,
        cr: RingPlace,
        func: int = 0,
        tag: int = 0,
        cls: int = 0,
        weight: int = 1,
        mgmt: bool = False,
        absolute: bool = False,
        stop_on_error: bool = False,
        rate: int = 0,
        burst: int = 0,
        peer_ch: int | None = None,
        peer: int = 0,
        irq: bool = False,
        rr: RingPlace | None = None,
    ) -> ChannelDriver:
        """Owner, policy, rate, binding, rings; the channel stays DISABLED. `rr`: its receive ring."""
        await self.axil.play([
            Access.wr(reg_addr("CHP", "OWNER", ch),
                      reg_value("CHP", "OWNER", FUNC=func, TAG=tag, VALID=1)),
            Access.wr(reg_addr("CHP", "POLICY", ch),
                      reg_value("CHP", "POLICY", CLASS=cls, MGMT=int(mgmt), ABS=int(absolute),
                                STOP_ON_ERROR=int(stop_on_error), WEIGHT=weight)),
            Access.wr(reg_addr("CHP", "RATE", ch),
                      reg_value("CHP", "RATE", RATE=rate, BURST=burst)),
            Access.wr(reg_addr("CHP", "BIND", ch),
                      reg_value("CHP", "BIND", PEER_CH=peer_ch or 0, PEER=peer,
                                VALID=int(peer_ch is not None))),
            Access.wr(reg_addr("CH", "DRING_BASE", ch), dr.value, func),
            Access.wr(reg_addr("CH", "DRING_SIZE", ch), dr.log2, func),
            Access.wr(reg_addr("CH", "CRING_BASE", ch), cr.value, func),
            Access.wr(reg_addr("CH", "CRING_SIZE", ch), cr.log2, func),
            Access.wr(reg_addr("CH", "IRQ_ENABLE", ch), int(irq), func),
        ])
        if rr is not None:
            await self.axil.play([
                Access.wr(reg_addr("CH", "RRING_BASE", ch), rr.value, func),
                Access.wr(reg_addr("CH", "RRING_SIZE", ch), rr.log2, func),
            ])
        driver = ChannelDriver(self, ch, func, dr, cr, rr=rr)
        self.channels[ch] = driver
        return driver


@dataclass
class ChannelDriver:
    """A client that owns a channel."""

    node: NodeDriver
    ch: int
    func: int
    dr: RingPlace
    cr: RingPlace
    prod: int = 0  # next slot of the descriptor ring
    cons: int = 0  # consumer index that the last completion told
    cq_cons: int = 0
    phase: int = 1
    seen: list[Cqe] = field(default_factory=list)
    messages: list[Cqe] = field(default_factory=list)  # entries for peers' messages
    auto_consume: bool = True
    rr: RingPlace | None = None  # receive ring
    rprod: int = 0  # its next slot
    rcons: int = 0  # and consumer index, as the last message told

    def reg(self, name: str) -> int:
        return reg_addr("CH", name, self.ch)

    @property
    def used(self) -> int:
        return (self.prod - self.cons) % self.dr.size

    @property
    def free(self) -> int:
        return self.dr.size - 1 - self.used

    async def command(self, cmd: Cmd) -> None:
        await self.node.axil.write(self.reg("CTRL"), int(cmd), self.func)

    async def status(self) -> Status:
        word = await self.node.axil.read(self.reg("STATUS"), self.func)
        return Status(
            reg_field("CH", "STATUS", "STATE", word),
            bool(reg_field("CH", "STATUS", "BUSY", word)),
            reg_field("CH", "STATUS", "LAST_ERROR", word),
        )

    async def until(self, *states: State, timeout_ns: int = 2_000_000, step_ns: int = 200) -> Status:
        """Poll STATUS until it is not busy and in one of the states."""
        for _ in range(timeout_ns // step_ns):
            status = await self.status()
            if not status.busy and status.state in states:
                return status
            await Timer(step_ns, "ns")
        raise NoProgress(
            f"node {self.node.side.name} channel {self.ch}: {status} after {timeout_ns} ns, wanted "
            f"{[s.name for s in states]}"
        )

    def rewind(self) -> None:
        """Indices as after an enable."""
        self.prod = self.cons = self.cq_cons = self.rprod = self.rcons = 0
        self.phase = 1

    async def enable(self, *, clear: bool = True) -> None:
        """Clear the completion ring (no entry may carry the first pass's phase), then enable."""
        self.rewind()
        if clear:
            await self.node.mem.fill(self.cr.base, 16 * self.cr.size)
        await self.command(Cmd.ENABLE)
        await self.until(State.ACTIVE)

    async def put(self, descs: Sequence[Desc]) -> int:
        """Write descriptors into the ring, not yet published; the new producer index."""
        if len(descs) > self.free:
            raise ValueError(f"channel {self.ch}: {len(descs)} descriptors, {self.free} free slots")
        at = 0
        while at < len(descs):
            run = min(len(descs) - at, self.dr.size - self.prod)
            raw = b"".join(d.pack() for d in descs[at : at + run])
            await self.node.mem.write(self.dr.base + 32 * self.prod, raw)
            self.prod = (self.prod + run) % self.dr.size
            at += run
        return self.prod

    async def ring(self, value: int | None = None) -> None:
        """Doorbell."""
        index = self.prod if value is None else value
        await self.node.axil.write(self.reg("DRING_PROD"), index, self.func)

    async def post(self, descs: Sequence[Desc]) -> None:
        await self.put(descs)
        await self.ring()

    @property
    def recv_free(self) -> int:
        """Receive buffers that can be posted."""
        return self.rr.size - 1 - (self.rprod - self.rcons) % self.rr.size if self.rr else 0

    async def put_recv(self, entries: Sequence[Desc]) -> int:
        """Write entries of the receive ring, not yet published; the new producer index."""
        if len(entries) > self.recv_free:
            raise ValueError(f"channel {self.ch}: {len(entries)} receive buffers, {self.recv_free} free slots")
        for d in entries:
            await self.node.mem.write(self.rr.base + 32 * self.rprod, d.pack())
            self.rprod = (self.rprod + 1) % self.rr.size
        return self.rprod

    async def post_recv(self, entries: Sequence[Desc]) -> None:
        """Post receive buffers with one doorbell."""
        await self.put_recv(entries)
        await self.node.axil.write(self.reg("RRING_PROD"), self.rprod, self.func)

    async def reap(self) -> list[Cqe]:
        """Take the completions that are there; tells the engine unless auto_consume is off. Entries for peers' messages are
        put aside."""
        got: list[Cqe] = []
        taken = 0
        while taken < self.cr.size:
            run = min(16, self.cr.size - self.cq_cons)
            raw = await self.node.mem.read(self.cr.base + 16 * self.cq_cons, 16 * run)
            fresh = 0
            for i in range(run):
                entry = Cqe.unpack(raw[16 * i : 16 * i + 16])
                if entry.phase != self.phase:
                    break
                fresh += 1
                (got if entry.kind == CqeKind.DESCRIPTOR else self.messages).append(entry)
                if entry.kind == CqeKind.RECEIVE:
                    self.rcons = entry.dring_cons
                else:
                    self.cons = entry.dring_cons % self.dr.size
            taken += fresh
            self.cq_cons += fresh
            if self.cq_cons == self.cr.size:
                self.cq_cons = 0
                self.phase ^= 1
            if fresh < run:
                break
        self.seen += got
        if taken and self.auto_consume:
            await self.consume()
        return got

    async def unread(self) -> bool:
        """A completion is there that was not taken."""
        return Cqe.unpack(await self.node.mem.read(self.cr.base + 16 * self.cq_cons, 16)).phase == self.phase

    async def retry(self, count: int, time: int) -> None:
        """CHP.RETRY, by function 0."""
        await self.node.write("CHP", "RETRY", self.ch, RNR_COUNT=count, RNR_TIME=time)

    async def consume(self) -> None:
        await self.node.axil.write(self.reg("CRING_CONS"), self.cq_cons, self.func)

    async def wait(self, count: int, *, timeout_ns: int = 400_000) -> list[Cqe]:
        """Reap until `count` completions have come."""
        got: list[Cqe] = []
        limit = Timer(timeout_ns, "ns")
        watch = self.node.mem.handle.st_cpl_bursts
        while True:
            before = int(watch.value)
            got += await self.reap()
            if len(got) >= count:
                return got
            if int(watch.value) != before:
                continue  # more came while the consumer index was written
            if await First(ValueChange(watch), limit) is limit:
                got += await self.reap()
                if len(got) >= count:
                    return got
                raise NoProgress(
                    f"node {self.node.side.name} channel {self.ch}: {len(got)} of {count} "
                    f"completions after {timeout_ns} ns; {await self.status()}"
                )

    async def run(
        self, descs: Iterable[Desc], *, owed: int | None = None, timeout_ns: int = 400_000
    ) -> list[Cqe]:
        """Post any number of descriptors as the ring allows, and wait for all completions; `owed`: how
        many, if errors make descriptors report that would not."""
        todo = list(descs)
        if owed is None:
            owed = sum(1 for d in todo if not d.flags >> DescFlag.NO_CPL & 1 and d.opcode != Op.EXT)
        got: list[Cqe] = []
        while todo or len(got) < owed:
            batch = todo[: whole(todo, self.free)]
            if batch:
                await self.post(batch)
                del todo[: len(batch)]
            if len(got) < owed:
                got += await self.wait(1, timeout_ns=timeout_ns)
        return got
