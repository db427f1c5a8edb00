# SPDX-License-Identifier: Apache-2.0
"""The NVMe block in a node: the node's registers, its MSI-X table and messages, its channels beside the block's queues.

    w = NodeWorld(dut)
    await w.begin(log=True, enable=False)
    await w.msix.set_up()
    await w.kernel.enable()
    ...
    await w.rig.mem.log_close()
    w.msix.judge(w.rig.mem.bursts(), {1: [pair]}, least=10)
"""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from cocotb.triggers import First, Timer, ValueChange

from models.gen.carillon_layout import Desc, DescFlag, Op, reg_addr, reg_field, reg_value
from models.layout import NvmeIoOp, NvmeSqe
from tb.lib.driver import ChannelDriver, NodeDriver, RingPlace
from tb.lib.fastmem import Burst
from tb.system.nvme.kernel import PAGE, Pages, Pair
from tb.system.nvme.rig import NoProgress, Rig
from tb.system.nvme.world import World


class Surroundings:
    """What the channels' driver wants of the side of a bench."""

    def __init__(self, rig: Rig) -> None:
        self.rig, self.axil, self.mem, self.name = rig, rig.regs, rig.mem, "node"

    async def cycles(self, count: int) -> None:
        await self.rig.cycles(count)


@dataclass(frozen=True)
class Posted:
    """A burst of entries: when its response was there, how many."""

    t: int
    count: int


class Messages:
    """MSI-X of the whole node: table, masks, pending bits, and what has to be seen of it on the memory port."""

    def __init__(self, w: NodeWorld) -> None:
        self.w = w
        pages = w.pages.take(2)
        w.hidden |= set(pages)
        p = w.rig.p
        self.own = p["QUEUES"] + 1  # the block's vectors, the first ones
        self.node = self.own + p["CHANNELS"]
        self.addr = [pages[v % 2] + 20 * v for v in range(self.node + 1)]  # every 4-byte lane
        self.data = [w.rng.getrandbits(32) | 1 for _ in self.addr]
        self.user = [0] * len(self.addr)
        self.masked: list[tuple[int, int, int]] = []  # vector, from and until when it was surely masked, in ps

    async def set_up(self, **ctrl: int) -> None:
        """Table entries, nothing masked, then MSIX_ENABLE."""
        for v, (addr, data) in enumerate(zip(self.addr, self.data, strict=True)):
            await self.w.rig.regs.write(reg_addr("MSIX", "ADDR", v), addr)
            await self.w.rig.regs.write(reg_addr("MSIX", "DATA_CTRL", v), data)
        await self.ctrl(MSIX_ENABLE=1, **ctrl)

    async def ctrl(self, **fields: int) -> None:
        await self.w.driver.write("NODE", "CTRL", **fields)

    async def mask(self, v: int, on: int = 1) -> None:
        await self.w.rig.wr32(reg_addr("MSIX", "DATA_CTRL", v) + 4, on)

    async def pending(self) -> set[int]:
        words = [await self.w.rig.regs.read(reg_addr("PBA", "PBA") + 8 * i) for i in range(self.node // 64 + 1)]
        return {64 * i + v for i, word in enumerate(words) for v in range(64) if word >> v & 1}

    async def arrived(self, v: int) -> bool:
        """Its data is in memory; it is taken away."""
        got = int.from_bytes(await self.w.rig.mem.read(self.addr[v], 4), "little")
        assert got in (0, self.data[v]), f"vector {v}: {got:#x} in memory, not {self.data[v]:#x}"
        await self.w.rig.mem.write(self.addr[v], bytes(4))
        return got != 0

    async def until(self, v: int, limit: int = 4000) -> None:
        """As an interrupt handler waits."""
        for _ in range(limit // 20):
            if await self.arrived(v):
                return
            await self.w.rig.cycles(20)
        raise NoProgress(f"no message of vector {v} in {limit} cycles")

    # ---- what was seen
    def told(self, bursts: Iterable[Burst]) -> dict[int, list[int]]:
        """Times at which the messages of each vector were shown; each is a single write of four bytes for its function."""
        places = dict(zip(self.addr, range(len(self.addr)), strict=True))
        pages = {a & ~(PAGE - 1) for a in self.addr}
        out: dict[int, list[int]] = {v: [] for v in range(len(self.addr))}
        for b in bursts:
            if not b.write or b.addr & ~(PAGE - 1) not in pages:
                continue
            assert b.addr in places, f"a write at {b.addr:#x}, where no vector points"
            v, at = places[b.addr], b.addr % b.beat_bytes
            assert (b.beats, b.strb) == (1, 0xF << at), f"vector {v}: {b.beats} beats, strobes {b.strb:#x}"
            assert int.from_bytes(b.data[at : at + 4], "little") == self.data[v], f"vector {v}: data {b.data[at : at + 4].hex()}"
            assert b.user == self.user[v], f"vector {v}: for function {b.user}, not {self.user[v]}"
            out[v].append(b.t_addr)
        return out

    def judge(self, bursts: Iterable[Burst], queues: Mapping[int, Sequence[Pair]], least: int) -> dict[int, tuple[int, int]]:
        """Each burst of entries is followed by a message of its vector, no message is without a burst of its own before it, none was shown
        while it was masked, vectors of no queue are silent. `queues`: by vector. Bursts and messages, by vector."""
        bursts = list(bursts)
        told = self.told(bursts)
        for v in range(self.own):
            assert v in queues or not told[v], f"vector {v} belongs to no queue, and has {len(told[v])} messages"
        for v, begin, end in self.masked:
            late = [t for t in told[v] if begin < t < end]
            assert not late, f"vector {v}: a message at {late[0]} ps, masked from {begin} to {end} ps"
        out, compared = {}, 0
        for v, pairs in queues.items():
            done = [p.t for p in posted(bursts, pairs)]
            for i, t in enumerate(told[v]):
                assert bisect_left(done, t) > i, f"vector {v}: message {i} at {t} ps, {bisect_left(done, t)} bursts of entries before it"
            for t in done:
                assert told[v] and told[v][-1] > t, f"vector {v}: nothing announced the entries of {t} ps"
            out[v] = len(done), len(told[v])
            compared += len(done)
        assert compared >= least, f"{compared} bursts of entries compared, fewer than {least}"
        return out


def posted(bursts: Iterable[Burst], pairs: Sequence[Pair]) -> list[Posted]:
    """Bursts of entries in these completion queues."""
    out = []
    for b in bursts:
        for q in pairs:
            if b.write and q.cq <= b.addr < q.cq + 16 * (q.size + 1):
                out.append(Posted(b.t_end, b.strb.bit_count() // 16))
    return sorted(out, key=lambda p: p.t)


class Dma:
    """A channel of the node that copies and fills memory of its own, and what that has to hold. `func`: whose it is."""

    PAGES, RINGS = 8, 6  # of data, half of them the source; log2 of the entries of the rings

    def __init__(self, w: NodeWorld, ch: int, func: int) -> None:
        self.w, self.ch, self.func = w, ch, func
        self.rng = random.Random(w.rng.getrandbits(32))
        self.rings, self.base = w.pages.run(1), w.pages.run(self.PAGES)
        w.hidden |= self.places()
        self.half = PAGE * self.PAGES // 2
        self.want = bytearray(2 * self.half)
        self.compared = 0
        self.driver: ChannelDriver

    async def set_up(self, irq: bool = True) -> None:
        w = self.w
        self.want[:] = self.rng.randbytes(len(self.want))
        await w.rig.mem.write(self.base, bytes(self.want))
        self.driver = await w.driver.channel(
            self.ch, dr=RingPlace(self.rings, self.RINGS), cr=RingPlace(self.rings + PAGE // 2, self.RINGS), func=self.func, absolute=True, irq=irq)
        await self.driver.enable()

    def batch(self, count: int) -> list[Desc]:
        """Copies and fills of places apart from each other; what they have to do is done in `want`."""
        out, part = [], self.half // count
        flags = 1 << DescFlag.IRQ
        for i in range(count):
            length = self.rng.choice((self.rng.randint(1, 64), self.rng.randint(1, part)))
            at = self.half + part * i + self.rng.randint(0, part - length)
            if self.rng.random() < 0.3:
                pattern = self.rng.getrandbits(64)
                d = Desc(opcode=Op.FILL, flags=flags, tag=i, length=length, src=pattern, dst=self.base + at)
                data = (pattern.to_bytes(8, "little") * (length // 8 + 1))[:length]
            else:
                src = self.rng.randint(0, self.half - length)
                d = Desc(opcode=Op.COPY, flags=flags, tag=i, length=length, src=self.base + src, dst=self.base + at)
                data = bytes(self.want[src : src + length])
            self.want[at : at + length] = data
            out.append(d)
        return out

    async def work(self, batches: int, most: int = 12) -> None:
        """One batch after the other; each descriptor has to end well."""
        for _ in range(batches):
            descs = self.batch(self.rng.randint(1, most))
            got = await self.driver.run(descs)
            assert sorted(e.tag for e in got) == list(range(len(descs))) and not any(e.status for e in got), got
            self.compared += len(got)
            await self.w.rig.cycles(self.rng.choice((0, 0, 100, 700)))

    async def check(self, least: int) -> None:
        got = await self.w.rig.mem.read(self.base, len(self.want))
        bad = next((i for i, (a, b) in enumerate(zip(got, self.want, strict=True)) if a != b), None)
        assert bad is None, f"channel {self.ch}: byte {bad:#x} is {got[bad]:#x}, not {self.want[bad]:#x}"
        assert self.compared >= least, f"channel {self.ch}: {self.compared} descriptors, fewer than {least}"

    def places(self) -> set[int]:
        return {self.rings, *(self.base + PAGE * i for i in range(self.PAGES))}


class NodeWorld(World):
    """All of a system test of a node with the NVMe block."""

    def __init__(self, dut) -> None:
        super().__init__(dut)
        assert self.rig.p["NODE"], "this is no build of a node"
        self.driver = NodeDriver(Surroundings(self.rig))
        self.msix = Messages(self)

    async def refusals(self, func: int) -> int:
        return await self.driver.read("FUNC", "FOREIGN_CNT", func)

    async def last_refused(self) -> tuple[int, int, int]:
        """Address, function, whether it was a write."""
        word = await self.driver.read("NODE", "FOREIGN_LAST")
        get = {n: reg_field("NODE", "FOREIGN_LAST", n, word) for n in ("ADDR", "FUNC", "WRITE", "VALID")}
        assert get["VALID"], "nothing was refused yet"
        return get["ADDR"], get["FUNC"], get["WRITE"]

    async def event(self, name: str) -> int:
        """An event of the node; it is cleared."""
        seen = await self.driver.field("NODE", "EVENT", name)
        await self.rig.regs.write(reg_addr("NODE", "EVENT"), reg_value("NODE", "EVENT", **{name: 1}))
        return seen

    async def pin(self, level: int, limit: int) -> int:
        """Until `irq` is so; how many cycles that took."""
        irq, since = self.rig.dut.irq, self.rig.cycle
        late = Timer(limit * self.rig.period, "ps")
        while int(irq.value) != level:
            if await First(ValueChange(irq), late) is late:
                raise NoProgress(f"irq is not {level} within {limit} cycles")
        return self.rig.cycle - since

    async def steady(self, level: int, cycles: int = 200) -> None:
        """`irq` stays so."""
        assert int(self.rig.dut.irq.value) == level, f"irq is not {level}"
        late = Timer(cycles * self.rig.period, "ps")
        if await First(ValueChange(self.rig.dut.irq), late) is not late:
            raise AssertionError(f"irq does not stay {level}")


async def traffic(w: NodeWorld, q: Pair, rounds: int, pages: Pages) -> None:
    """Random batches on blocks of its own."""
    first = 256 * (q.qid - 1)
    for _ in range(rounds):
        ops = [w.rng.choice((NvmeIoOp.READ, NvmeIoOp.READ, NvmeIoOp.WRITE, NvmeIoOp.VERIFY, NvmeIoOp.WRITE_ZEROES, NvmeIoOp.FLUSH)) for _ in range(w.rng.choice((1, 1, 3, 8)))]
        sqes = [await w.shape(op, first + 32 * i + w.rng.randrange(16), w.rng.randint(1, 16), pages_of=pages) if op != NvmeIoOp.FLUSH
                else NvmeSqe(opc=op, nsid=1) for i, op in enumerate(ops)]
        want = [w.expect.command(q.qid, s) for s in sqes]
        for cqe, sqe, outcome in zip(await w.kernel.run(q, sqes), sqes, want, strict=True):
            w.expect.check(cqe, sqe, outcome)
            pages.give(w.used.pop(id(sqe), []))
        await w.rig.cycles(w.rng.choice((0, 0, 50, 400)))


def without(bursts: Sequence[Burst], index: int) -> list[Burst]:
    return [*bursts[:index], *bursts[index + 1 :]]


def changed(bursts: Sequence[Burst], index: int, **fields) -> list[Burst]:
    return [*bursts[:index], replace(bursts[index], **fields), *bursts[index + 1 :]]


__all__ = ["Dma", "Messages", "NodeWorld", "Posted", "Surroundings", "changed", "posted", "traffic", "without"]
