# SPDX-License-Identifier: Apache-2.0
"""The host library's driver of a DMA channel, on a fake node. On the RTL it runs in test_first_copy."""

from __future__ import annotations

import ctypes
import random
from ctypes import c_uint8, c_uint16, c_uint32, c_void_p

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fw.tests.fake_node import FakeNode
from fw.tests.native import Port
from fw.tests.nvme_host import CHAN, Caps, Err, Owner, Rings, Seg, library, opaque
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
    reg_addr,
)

BUS = 0x10_0000
RINGS, DATA, GEN = 0, 1, 7  # segments and their key
RING_BYTES, DATA_BYTES = 0x6000, 0x2000
DOORBELLS = {reg_addr("CH", r) for r in ("DRING_PROD", "RRING_PROD", "CRING_CONS")}
RIGHTS = {
    RINGS: 1 << SegRight.RING | 1 << SegRight.LOCAL,
    DATA: 1 << SegRight.READ | 1 << SegRight.WRITE | 1 << SegRight.LOCAL,
}
SINK = ctypes.CFUNCTYPE(None, c_void_p, ctypes.POINTER(c_uint8 * Cqe.SIZE))

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def lib(tmp_path_factory):
    return library(tmp_path_factory.mktemp("chan"))


class Channel:
    """Channel 0 of a fake node, with the library on it."""

    def __init__(self, lib: ctypes.CDLL, log2: tuple[int, int, int], seed: int, **node) -> None:
        self.lib, self.log2, self.rng = lib, log2, random.Random(seed)
        self.area = bytearray(self.rng.randbytes(RING_BYTES + DATA_BYTES))
        self.pinned = (c_uint8 * len(self.area)).from_buffer(self.area)
        self.node = FakeNode(self.area, BUS, **{"lazy": True, **node})
        self.barrier = False
        self.ch = opaque(lib, CHAN)
        self.port = Port(self.node.read, self.write, self.wmb, self.steps)
        self.seen: list[Cqe] = []
        self.sink = SINK(lambda _, entry: self.seen.append(Cqe.unpack(bytes(entry.contents))))

    def wmb(self) -> None:
        self.barrier = True

    def write(self, addr: int, value: int) -> None:
        if addr in DOORBELLS:
            assert self.barrier, "a doorbell without a barrier right before it"
        self.barrier = False
        self.node.write(addr, value)

    def steps(self) -> None:
        for _ in range(self.rng.randrange(3)):
            self.node.step()

    def function0(self, name: str, *args) -> Err:
        return Err(self.port.call(getattr(self.lib, name), *args))

    def call(self, name: str, *args) -> Err:
        return Err(self.port.call(getattr(self.lib, name), ctypes.byref(self.ch), *args))

    def address(self, seg: int, offset: int) -> int:
        return self.lib.crl_seg_address(seg, GEN, ctypes.c_uint64(offset))

    def set_up(self) -> None:
        caps = Caps()
        assert self.function0("crl_node_identify", ctypes.byref(caps)) == Err.OK
        assert (caps.channels, caps.peers, caps.segments) == (1, 1, 2)
        owner = Owner(client=True, func=5, tag=2, cls=1, weight=9)
        assert self.function0("crl_chan_own", 0, ctypes.byref(owner)) == Err.OK
        for index, base, size in ((RINGS, 0, RING_BYTES), (DATA, RING_BYTES, DATA_BYTES)):
            seg = Seg(BUS + base, size, RIGHTS[index], 0, 0, GEN)
            assert self.function0("crl_seg_set", index, ctypes.byref(seg)) == Err.OK

    def start(self) -> Err:
        places = [ctypes.addressof(self.pinned) + at for at in (0, 0x2000, 0x4000)]
        rings = Rings(*places, *(self.address(RINGS, at) for at in (0, 0x2000, 0x4000)), *self.log2)
        return self.call("crl_chan_start", 0, ctypes.byref(rings))

    def post(self, descs: list[Desc]) -> Err:
        raw = b"".join(d.pack() for d in descs)
        return self.call("crl_chan_post", c_void_p(self.keep(raw)), len(descs))

    def keep(self, raw: bytes) -> int:
        self.kept = ctypes.create_string_buffer(raw, len(raw))
        return ctypes.addressof(self.kept)

    def ring(self) -> None:
        self.port.call(self.lib.crl_chan_ring, ctypes.byref(self.ch))

    def reap(self, most: int) -> list[Cqe]:
        entries, count = (c_uint8 * (Cqe.SIZE * most))(), c_uint32()
        args = (entries, c_uint32(most), ctypes.byref(count))
        self.port.call(self.lib.crl_chan_reap, ctypes.byref(self.ch), *args)
        raw = bytes(entries)
        return [Cqe.unpack(raw[i * Cqe.SIZE :][: Cqe.SIZE]) for i in range(count.value)]

    def fill(self, tag: int) -> Desc:
        """Its own 8 bytes of the data get its tag."""
        to = self.address(DATA, tag % (DATA_BYTES // 8) * 8)
        return Desc(opcode=Op.FILL, tag=tag, length=8, src=tag * 0x1_0001, dst=to)

    def filled(self, tag: int) -> bool:
        at = RING_BYTES + tag % (DATA_BYTES // 8) * 8
        return bytes(self.area[at : at + 8]) == (tag * 0x1_0001).to_bytes(8, "little")


def ready(lib, log2=(3, 3, 2), seed=1, **node) -> Channel:
    ch = Channel(lib, log2, seed, **node)
    ch.set_up()
    assert ch.start() == Err.OK
    return ch


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 1 << 30),
    desc=st.integers(2, 6),
    cpl=st.integers(2, 6),
    total=st.integers(1, 300),
)
def test_rings(lib, seed, desc, cpl, total):
    """*Stimulus*: descriptors posted several at a time, more than fit; doorbells and looks at the completions in any order;
    rings of different sizes that wrap; messages between them; then a drain. *Checking*: FULL exactly when it is; each
    completion once and in order, its data written; doorbells after a barrier and in range."""
    ch = ready(lib, (desc, cpl, 2), seed)
    rng, size = ch.rng, 1 << desc
    sent = done = cons = rung = bufs = got = 0
    rounds = 0
    while done < total:
        rounds += 1
        assert rounds < 100_000
        kind = rng.randrange(5)
        if kind == 0:
            n = min(rng.randrange(1, size), total - sent)
            fits = n <= size - 1 - (sent - cons)
            assert ch.post([ch.fill(sent + i) for i in range(n)]) == (Err.OK if fits else Err.FULL)
            sent += n if fits else 0
        elif kind == 1:
            full = bufs - got == 3
            to = ctypes.c_uint64(ch.address(DATA, 0x1F00))
            assert ch.call("crl_chan_post_recv", c_uint16(bufs), to, 256) == (
                Err.FULL if full else Err.OK
            )
            bufs += not full
        elif kind == 2:
            ch.ring()
            rung = sent
        elif kind == 3:
            ch.steps()
            if rng.randrange(3) == 0:
                ch.node.deliver(bytes(rng.randrange(9)))
        else:
            for e in ch.reap(rng.randrange(1, 5)):
                if e.kind == CqeKind.RECEIVE:
                    assert e.tag == got & 0xFFFF
                    got += 1
                else:
                    assert (e.tag, e.status, e.bytes) == (done, Status.OK, 8) and done < rung
                    assert ch.filled(done)
                    done += 1
                    cons = done
    assert done == total and ch.node.begun == total
    args = (ch.sink, None, 1000)
    assert ch.call("crl_chan_drain", *args) == Err.OK and ch.node.state == State.DISABLED


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("cpl", [2, 5])
def test_drain(lib, cpl, seed):
    """*Stimulus*: a full ring is drained, through a completion ring that is smaller. *Checking*: all of it is executed and
    told, in order; then the channel is DISABLED and starts again."""
    ch = ready(lib, (5, cpl, 2), seed)
    for _ in range(2):
        assert ch.post([ch.fill(i) for i in range(31)]) == Err.OK
        ch.ring()
        ch.steps()
        ch.seen.clear()
        assert ch.call("crl_chan_drain", ch.sink, None, 1000) == Err.OK
        assert [e.tag for e in ch.seen] == list(range(31)) and all(map(ch.filled, range(31)))
        assert ch.node.state == State.DISABLED and ch.start() == Err.OK


def test_drain_that_does_not_end(lib):
    """*Stimulus*: a drain whose time is over before the work is; it is called again; then aborted. *Checking*: TIMEOUT and one
    command; in the end DISABLED."""
    ch = ready(lib)
    ch.node.step = lambda: False
    assert ch.post([ch.fill(0)]) == Err.OK
    ch.ring()
    for _ in range(2):
        assert ch.call("crl_chan_drain", ch.sink, None, 3) == Err.TIMEOUT
    assert ch.node.commands.count(Cmd.DRAIN) == 1
    del ch.node.step
    assert ch.call("crl_chan_abort", ch.sink, None, 1000, None) == Err.OK
    assert ch.node.state == State.DISABLED


@pytest.mark.parametrize("seed", range(6))
def test_abort(lib, seed):
    """*Stimulus*: ABORT after some of the descriptors. *Checking*: what had begun is told, the index of the first that did not;
    nothing after it was executed; posted again after a start, all is done."""
    ch = ready(lib, (5, 5, 2), seed)
    assert ch.post([ch.fill(i) for i in range(1, 31)]) == Err.OK
    ch.ring()
    for _ in range(seed * 3):
        ch.node.step()
    begun = c_uint16()
    assert ch.call("crl_chan_abort", ch.sink, None, 1000, ctypes.byref(begun)) == Err.OK
    assert [e.tag for e in ch.seen] == list(
        range(1, begun.value + 1)
    ) and begun.value == seed * 3 + 1
    assert [e.status for e in ch.seen[-1:]] == [Status.ABORTED]
    assert [ch.filled(i) for i in range(1, 31)] == [i <= seed * 3 for i in range(1, 31)]
    assert ch.start() == Err.OK
    assert ch.post([ch.fill(i) for i in range(begun.value, 31)]) == Err.OK
    ch.ring()
    assert ch.call("crl_chan_drain", None, None, 1000) == Err.OK
    assert all(map(ch.filled, range(1, 31)))


def test_reset_and_errors(lib):
    """*Stimulus*: a reset in the middle of the work; descriptors with errors; impossible rings and posts; a segment that is
    ended; a node that never acknowledges. *Checking*: the error of each; after the reset indices and phase fit again."""
    ch = ready(lib, statuses={1: Status.READ_SLVERR})
    assert ch.post([ch.fill(i) for i in range(3)]) == Err.OK
    ch.ring()
    while ch.node.step():
        pass
    assert [e.status for e in ch.reap(8)] == [Status.OK, Status.READ_SLVERR, Status.OK]
    assert ch.post([ch.fill(0)] * 8) == Err.ARG and ch.post([ch.fill(0)] * 7) == Err.OK
    assert ch.post([ch.fill(0)]) == Err.FULL
    ch.ring()
    ch.node.step()
    assert ch.call("crl_chan_reset", 1000) == Err.OK and ch.node.state == State.DISABLED
    ch.node.statuses = {}
    assert ch.start() == Err.OK and ch.reap(8) == []
    assert ch.post([ch.fill(9)]) == Err.OK
    ch.ring()
    ch.node.step()
    assert [e.tag for e in ch.reap(8)] == [9]

    ch.log2 = (1, 3, 0)
    assert ch.start() == Err.ARG
    ch.log2 = (3, 13, 0)
    assert ch.start() == Err.ARG
    ch.log2 = (3, 3, 0)
    assert ch.start() == Err.OK
    assert ch.call("crl_chan_post_recv", c_uint16(0), ctypes.c_uint64(0), 8) == Err.ARG
    error = c_uint8()
    assert (
        ch.port.call(ch.lib.crl_chan_state, ctypes.byref(ch.ch), ctypes.byref(error))
        == State.ACTIVE
    )

    both = (c_uint32 * 2)(RINGS, DATA)
    assert ch.function0("crl_seg_revoke", both, 2, 1000) == Err.OK
    assert ch.node.place(ch.address(DATA, 0), 8) is None
    ch.node.deaf = True
    assert ch.function0("crl_seg_revoke", both, 2, 3) == Err.TIMEOUT


def test_no_completion_when_good(lib):
    """*Stimulus*: descriptors that post nothing, then one that does. *Checking*: its index frees them all."""
    ch = ready(lib)
    quiet = [ch.fill(i) for i in range(6)]
    for desc in quiet:
        desc.flags = 1 << DescFlag.NO_CPL
    assert ch.post([*quiet, ch.fill(6)]) == Err.OK and ch.post([ch.fill(7)]) == Err.FULL
    ch.ring()
    while ch.node.step():
        pass
    assert [e.tag for e in ch.reap(8)] == [6] and ch.post([ch.fill(i) for i in range(7)]) == Err.OK
