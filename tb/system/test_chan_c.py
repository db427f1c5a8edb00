# SPDX-License-Identifier: Apache-2.0
"""The host library's driver of DMA channels, compiled, on two nodes: one program of it at each end of the link."""

from __future__ import annotations

import ctypes
import random
from ctypes import c_uint8, c_uint16, c_uint32, c_uint64, c_void_p
from pathlib import Path

import cocotb
import pytest
from cocotb.triggers import First, Timer, ValueChange

from fw.tests.nvme_host import CHAN, Caps, Err, Owner, Rings, Seg, library, opaque
from models.gen.carillon_layout import Cqe, CqeKind, Desc, Op, SegRight, State, Status, reg_addr
from tb.lib.programs import PAGE, Programs
from tb.lib.sim import run_sim
from tb.lib.testbed import SYSTEM_SOURCES, Side, Testbed
from tb.system.builds import BUILDS

RINGS, SRC, DST, IN = range(4)  # segments
GEN, LOG2 = 7, (4, 3)  # key; descriptor and completion ring
RIGHTS = {
    RINGS: (SegRight.RING, SegRight.LOCAL),
    SRC: (SegRight.READ, SegRight.LOCAL, SegRight.REMOTE),
    DST: (SegRight.WRITE, SegRight.LOCAL),
    IN: (SegRight.WRITE, SegRight.REMOTE),
}
SINK = ctypes.CFUNCTYPE(None, c_void_p, ctypes.POINTER(c_uint8 * Cqe.SIZE))


class Node:
    """A node, function 0 and the owner of channel 0; each operation has a place of `slot` bytes of its own, in DST here or IN at
    the peer."""

    def __init__(self, side: Side, lib: ctypes.CDLL, rng: random.Random, func: int, slot: int, places: int) -> None:
        self.side, self.lib, self.rng, self.func, self.slot = side, lib, rng, func, slot
        self.pages = {RINGS: 3, SRC: 1, DST: slot * places // PAGE, IN: slot * places // PAGE}
        self.m = Programs(side.mem, side.axil, self.pause, rng, [0])
        self.m.bells = {reg_addr("CH", r) for r in ("DRING_PROD", "RRING_PROD", "CRING_CONS")}
        self.root = self.m.port(0)
        self.ch = opaque(lib, CHAN)
        self.seen: list[Cqe] = []
        self.sink = SINK(lambda _, entry: self.seen.append(Cqe.unpack(bytes(entry.contents))))
        self.sent: dict[int, tuple[Desc, bytes]] = {}  # by tag, which is the number of the place
        self.compared = 0

    async def pause(self, cycles: int) -> None:
        await First(ValueChange(self.side.mem.handle.st_cpl_bursts), Timer(cycles * self.side.period, "ps"))

    def function0(self, name: str, *args) -> Err:
        return Err(self.root.call(getattr(self.lib, name), *args))

    def call(self, name: str, *args) -> Err:
        return Err(self.port.call(getattr(self.lib, name), ctypes.byref(self.ch), *args))

    def address(self, seg: int, offset: int) -> int:
        return self.lib.crl_seg_address(seg, GEN, c_uint64(offset))

    def at(self, seg: int, offset: int, size: int) -> bytes:
        """As the program sees it."""
        where = self.areas[seg].cpu + offset
        return ctypes.string_at(where, size)

    # ---- set-up
    def own(self, peer: Node) -> None:
        self.peer = peer
        caps = Caps()
        assert self.function0("crl_node_identify", ctypes.byref(caps)) == Err.OK
        assert (caps.channels, caps.peers) == (self.side.params.channels, 1)
        owner = Owner(client=True, func=self.func, tag=2, cls=1, weight=9, bound=True, peer=0, peer_channel=0)
        assert self.function0("crl_chan_own", 0, ctypes.byref(owner)) == Err.OK
        self.areas = {seg: self.m.take(pages, self.func) for seg, pages in self.pages.items()}
        for seg, rights in RIGHTS.items():
            mem = self.areas[seg]
            entry = Seg(mem.bus, mem.bytes, sum(1 << r for r in rights), 0, 0, GEN)
            assert self.function0("crl_seg_set", seg, ctypes.byref(entry)) == Err.OK
        self.port = self.m.port(self.func)
        self.before = {seg: self.at(seg, 0, self.areas[seg].bytes) for seg in (SRC, DST, IN)}

    def start(self) -> None:
        places = [self.areas[RINGS].cpu + PAGE * i for i in range(3)]
        rings = Rings(*places, *(self.address(RINGS, PAGE * i) for i in range(3)), *LOG2, 2)
        assert self.call("crl_chan_start", 0, ctypes.byref(rings)) == Err.OK

    # ---- the work
    def desc(self, tag: int) -> Desc:
        """A random operation for place `tag`."""
        op = self.rng.choice((Op.COPY, Op.FILL, Op.WRITE, Op.READ))
        size = self.rng.randrange(self.slot // 2, self.slot + 1)
        start = self.rng.randrange(PAGE - size)
        pattern = self.rng.getrandbits(64)
        src = pattern if op == Op.FILL else (self.peer if op == Op.READ else self).address(SRC, start)
        if op == Op.FILL:
            data = (pattern.to_bytes(8, "little") * (size // 8 + 1))[:size]
        else:
            data = (self.peer if op == Op.READ else self).before[SRC][start : start + size]
        dst = self.peer.address(IN, tag * self.slot) if op == Op.WRITE else self.address(DST, tag * self.slot)
        d = Desc(opcode=op, tag=tag, length=size, src=src, dst=dst)
        self.sent[tag] = d, data
        return d

    def post(self, descs: list[Desc]) -> Err:
        raw = b"".join(d.pack() for d in descs)
        keep = ctypes.create_string_buffer(raw, len(raw))
        return self.call("crl_chan_post", keep, len(descs))

    def ring(self) -> None:
        self.port.call(self.lib.crl_chan_ring, ctypes.byref(self.ch))

    def reap(self, most: int = 4) -> list[Cqe]:
        entries, count = (c_uint8 * (Cqe.SIZE * most))(), c_uint32()
        self.port.call(self.lib.crl_chan_reap, ctypes.byref(self.ch), entries, c_uint32(most), ctypes.byref(count))
        raw = bytes(entries)
        return [Cqe.unpack(raw[i * Cqe.SIZE :][: Cqe.SIZE]) for i in range(count.value)]

    def check(self, e: Cqe) -> None:
        """One that ended well: its data, and none beside it; at the peer when it looks (`arrived`)."""
        d, data = self.sent[e.tag]
        assert (e.kind, e.status, e.bytes) == (CqeKind.DESCRIPTOR, Status.OK, d.length), e
        if d.opcode != Op.WRITE:
            old = self.before[DST][e.tag * self.slot : (e.tag + 1) * self.slot]
            assert self.at(DST, e.tag * self.slot, self.slot) == data + old[len(data) :], f"place {e.tag}: {d}"
        self.compared += 1

    async def arrived(self, done: set[int]) -> None:
        """What these operations left in both nodes' memories, and that others left nothing."""
        for node, seg, ops in ((self, DST, (Op.COPY, Op.FILL, Op.READ)), (self.peer, IN, (Op.WRITE,))):
            want = bytearray(node.before[seg])
            for tag in done:
                d, data = self.sent[tag]
                if d.opcode in ops:
                    want[tag * self.slot : tag * self.slot + len(data)] = data
            assert await node.side.mem.read(node.areas[seg].bus, len(want)) == want


async def nodes(dut, slot: int, places: int) -> tuple[Testbed, Node, Node]:
    tb = Testbed(dut)
    rng = random.Random(cocotb.RANDOM_SEED)
    await tb.start(seed=rng.getrandbits(30), period_b=7_300)
    for side in tb.sides:
        side.mem.set(latency=20)
    await tb.link_setup()
    lib = library(Path.cwd())
    a, b = Node(tb.a, lib, rng, 5, slot, places), Node(tb.b, lib, rng, 6, slot, places)
    for node in (a, b):
        await node.m.begin()

    def set_up() -> None:
        a.own(b)

    def set_up_too() -> None:
        b.own(a)

    await a.m.run(set_up)
    await b.m.run(set_up_too)
    return tb, a, b


@cocotb.test(timeout_time=100, timeout_unit="ms")
async def both_ends(dut):
    """*Stimulus*: at each node a channel's owner posts COPY, FILL, WRITE and READ, several a doorbell, through rings that wrap, then drains. *Checking*: each
    completion once and in order; every byte of the destinations, those at the peer too, and around them; FULL exactly when it is; a barrier before each
    doorbell."""
    tb, *both = await nodes(dut, 256, 64)

    def traffic(node: Node) -> None:
        node.start()
        sent = done = cons = 0
        while done < 40:
            n = node.rng.randrange(1, 6)
            if sent + n <= 46:
                fits = n <= (1 << LOG2[0]) - 1 - (sent - cons)
                made = [node.desc(sent + i) for i in range(n)]
                assert node.post(made) == (Err.OK if fits else Err.FULL)
                sent += n if fits else 0
            if node.rng.randrange(2) or sent + n > 46:
                node.ring()
            node.m.steps()
            for e in node.reap():
                assert e.tag == done
                node.check(e)
                done += 1
                cons += (e.dring_cons - cons) % (1 << LOG2[0])
        node.ring()
        assert node.call("crl_chan_drain", node.sink, None, 1000) == Err.OK
        assert [e.tag for e in node.seen] == list(range(done, sent))
        for e in node.seen:
            node.check(e)
        assert node.call("crl_chan_state", None) == State.DISABLED
        node.total = sent

    tasks = [cocotb.start_soon(node.m.run(lambda node=node: traffic(node))) for node in both]
    for task in tasks:
        await task
    for node in both:
        assert node.compared == node.total >= 40
        await node.arrived(set(range(node.total)))
        assert {d.opcode for d, _ in node.sent.values()} == {Op.COPY, Op.FILL, Op.WRITE, Op.READ}
    tb.check_rules()


@cocotb.test(timeout_time=100, timeout_unit="ms")
async def abort_and_revoke(dut):
    """*Stimulus*: crl_chan_abort at several moments with a ring full of operations; what had not begun, or was aborted, is posted again after a start; a reset in
    the middle; then the peer revokes the segment that is written to. *Checking*: a completion for each that began, OK or ABORTED; nothing of the others; all data in
    the end; after crl_seg_revoke not a byte changes, and WRITE is refused."""
    tb, a, b = await nodes(dut, 2048, 32)
    moments = [a.rng.randrange(10, 64_000 // tb.params.data_w) for _ in range(4)]
    fits = (1 << LOG2[0]) - 1
    done: set[int] = set()
    aborted = 0

    def stopped(left: list[int], moment: int) -> list[int]:
        nonlocal aborted
        a.start()
        a.seen.clear()
        assert a.post([a.sent[t][0] for t in left[:fits]]) == Err.OK
        a.ring()
        a.m.call(a.side.cycles, moment)
        begun = c_uint16()
        assert a.call("crl_chan_abort", a.sink, None, 1000, ctypes.byref(begun)) == Err.OK
        assert [e.tag for e in a.seen] == left[: begun.value]
        for e in a.seen:
            assert e.status in (Status.OK, Status.ABORTED), e
            if e.status == Status.OK:
                a.check(e)
                done.add(e.tag)
            aborted += e.status == Status.ABORTED
        return [t for t in left if t not in done]

    def work() -> None:
        left = list(range(30))  # at most 7 a life can have begun: nobody reads the completions
        for t in left:
            a.desc(t)
        for moment in moments:
            left = stopped(left, moment)
        a.start()
        assert a.post([a.sent[t][0] for t in left[:fits]]) == Err.OK
        a.ring()
        a.m.call(a.side.cycles, 100)
        assert a.call("crl_chan_reset", 1000) == Err.OK  # forgotten: all of it again
        while left:
            a.start()
            a.seen.clear()
            assert a.post([a.sent[t][0] for t in left[:fits]]) == Err.OK
            a.ring()
            assert a.call("crl_chan_drain", a.sink, None, 1000) == Err.OK
            assert [e.tag for e in a.seen] == left[:fits]
            for e in a.seen:
                a.check(e)
                done.add(e.tag)
            left = left[fits:]

    await a.m.run(work)
    assert done == set(range(30)) and a.compared == 30
    cocotb.log.info("%d completions with ABORTED", aborted)
    assert aborted > 0
    await a.arrived(done)

    def revoke() -> None:
        assert b.function0("crl_seg_revoke", (c_uint32 * 1)(IN), 1, 1000) == Err.OK

    def write() -> None:
        a.start()
        a.seen.clear()
        here, there = a.address(SRC, 0), b.address(IN, 31 * a.slot)
        assert a.post([Desc(opcode=Op.WRITE, tag=t, length=a.slot, src=here, dst=there) for t in range(4)]) == Err.OK
        a.ring()
        assert a.call("crl_chan_drain", a.sink, None, 1000) == Err.OK
        assert len(a.seen) == 4 and all(e.status & 0x7F == Status.SEG_INVALID for e in a.seen), a.seen

    await b.m.run(revoke)
    await a.m.run(write)
    await a.arrived(done)
    tb.check_rules()


CASES = ["both_ends", "abort_and_revoke"]
RUNS = [
    pytest.param("64b-8ch", marks=pytest.mark.sweep_icarus),
    pytest.param("512b-1ch", marks=pytest.mark.sweep),
]


@pytest.mark.system
@pytest.mark.parametrize("build", RUNS)
@pytest.mark.parametrize("case", CASES)
def test_chan_c(case, build, sim):
    run_sim("crl_tb_pair", __name__, BUILDS[build], SYSTEM_SOURCES, sim=sim, testcase=case, public="top")
