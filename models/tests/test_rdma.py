# SPDX-License-Identifier: Apache-2.0
"""The executable specification of docs/blocks/rdma.md: what single operations do; random programs of two and
three nodes under every disturbance keep what the page promises; and the checks are not blind."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from types import MethodType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.lay import (
    AT_PEER,
    LOCAL_BAD,
    MAY_HAVE_EXECUTED,
    PEER_BAD,
    Desc,
    DescFlag,
    FrameType,
    Op,
    Status,
    segaddr,
)
from models.memory import SLVERR
from models.rdma.checks import Story, judge
from models.rdma.parts import Access, Chan, Frame, Node, OpRun, Placed, Rules
from models.rdma.program import (
    BUFFERS,
    CELLS,
    DST,
    INBOUND,
    RESULTS,
    SRC,
    Chaos,
    Program,
)
from models.rdma.world import World

pytestmark = pytest.mark.model
NOTIFY = 1 << DescFlag.NOTIFY
RNR = Status.RECEIVER_NOT_READY | AT_PEER


class Bench:
    """Two nodes, one channel each, driven step by step."""

    def __init__(self, channels: int = 1, receives: int = 0, **rules: int) -> None:
        chaos = Chaos(first_receives=receives)
        self.p = Program(3, "AB", channels, 0, chaos, Rules(**rules))
        self.w = self.p.world
        for n in self.w.nodes.values():
            for c in n.chans:
                c.ring.clear()
        self.a, self.b = self.w.nodes["A"], self.w.nodes["B"]

    def addr(self, node: str, kind: int, offset: int = 0, ch: int = 0, gen: int = 0) -> int:
        return segaddr(self.p.seg(ch, kind), gen, offset)

    def real(self, node: str, kind: int, offset: int = 0, ch: int = 0) -> int:
        return self.p.address[node, self.p.seg(ch, kind)] + offset

    def desc(self, op: int, n: int = 100, ch: int = 0, **fields: int) -> Desc:
        far = {Op.READ: self.addr("A", DST, 32, ch), Op.SEND: 0}.get(op, self.addr("B", INBOUND, 32, ch))
        src = self.addr("B" if op == Op.READ else "A", SRC, 5, ch)
        d = Desc(op, 0, 1, n, src, far, 0xABCD)
        if op == Op.MIRROR:
            d = replace(d, dst=self.addr("A", DST, 32, ch), operand=far)
        if op in (Op.FETCH_ADD, Op.CMP_SWAP):
            d = replace(d, length=8, src=self.addr("A", RESULTS, 3, ch), dst=self.addr("B", CELLS, 8, ch))
        return replace(d, **fields)

    def go(self, *descs: Desc, ch: int = 0, stop: Callable[[str], bool] | None = None) -> list[OpRun]:
        """Publish and run, always the first thing that is possible."""
        if descs:
            self.w.publish("A", ch, *descs)
        self.on(stop)
        return self.a.chans[ch].done

    def on(self, stop: Callable[[str], bool] | None = None, last: bool = False) -> bool:
        """Go on until nothing is possible, or `stop` says so of the step that was taken."""
        for _ in range(5000):
            name = self.w.step(-1 if last else 0)
            if name is None:
                return False
            if stop is not None and stop(name):
                return True
        raise AssertionError("no end")

    def seen(self, what: str, node: str | None = None) -> list:
        return [e for e in self.w.trace if e.what == what and node in (None, e.node)]

    def frames(self, node: str = "B") -> list[Frame]:
        return [e.info for e in self.seen("frame", node)]

    def story(self) -> Story:
        return self.p.story()

    def fine(self) -> None:
        assert not judge(self.story()), judge(self.story())


def ends(ops: list[OpRun]) -> list[int]:
    return [o.status for o in ops]


# single operations -----------------------------------------------------------------------------------
@pytest.mark.parametrize("n", [1, 63, 64, 65, 300])
@pytest.mark.parametrize("op", [Op.WRITE, Op.WRITE_IMM, Op.READ, Op.MIRROR, Op.SEND])
def test_bytes_arrive(op: int, n: int) -> None:
    """Stimulus: each operation that moves data. Checking: the bytes, on the sides that get them; completions there."""
    b = Bench(receives=1)
    b.w.post_recv("B", 0, 9, b.addr("B", BUFFERS, 4000), 400)
    b.b.chans[0].recv.popleft()
    assert ends(b.go(b.desc(op, n))) == [0]
    data = b.p.begin["B" if op == Op.READ else "A"].read(b.real("B" if op == Op.READ else "A", SRC, 5), n)
    near, far = b.a.mem.read(b.real("A", DST, 32), n), b.b.mem.read(b.real("B", INBOUND, 32), n)
    assert (near == data) == (op in (Op.READ, Op.MIRROR))
    assert (far == data) == (op in (Op.WRITE, Op.WRITE_IMM, Op.MIRROR))
    there = b.b.chans[0].posted
    if op == Op.SEND:
        assert b.b.mem.read(b.real("B", BUFFERS, 4000), n) == data
        assert [(p.kind, p.tag, p.nbytes, p.immediate) for p in there] == [("receive", 9, n, 0xABCD)]
    elif op == Op.WRITE_IMM:
        assert [(p.kind, p.tag, p.nbytes, p.immediate) for p in there] == [("immediate", 0, n, 0xABCD)]
    else:
        assert not there
    assert [p.nbytes for p in b.a.chans[0].posted] == [n]


@pytest.mark.parametrize("op", [Op.WRITE_IMM, Op.SEND])
def test_no_bytes_at_all(op: int) -> None:
    """Stimulus: n = 0 with addresses that mean nothing. Checking: delivered; they are not looked at."""
    b = Bench(receives=1)
    assert ends(b.go(b.desc(op, 0, src=1 << 63, dst=1 << 63))) == [0]
    assert [(p.nbytes, p.immediate) for p in b.b.chans[0].posted] == [(0, 0xABCD)]
    b.fine()


def test_fetch_add_and_compare_swap() -> None:
    """Stimulus: additions with wrap, swaps that match and that don't. Checking: old values here, new ones there."""
    b = Bench()
    cell = b.p.cells["B"][1]
    b.b.mem.write(cell, (5).to_bytes(8, "little"))
    b.p.begin["B"].write(cell, (5).to_bytes(8, "little"))
    minus = (1 << 64) - 6
    work = [b.desc(Op.FETCH_ADD, operand=minus, tag=1), b.desc(Op.CMP_SWAP, operand=7, tag=2),
            Desc(Op.EXT, operand=1), b.desc(Op.CMP_SWAP, operand=(1 << 64) - 1, tag=3), Desc(Op.EXT, operand=2)]
    done = b.go(*work)
    top = (1 << 64) - 1
    assert [(o.status, o.old) for o in done] == [(0, 5), (0, top), (0, top)]
    assert int.from_bytes(b.b.mem.read(cell, 8), "little") == 2
    assert int.from_bytes(b.a.mem.read(b.real("A", RESULTS, 3), 8), "little") == top


def test_two_slots() -> None:
    """Stimulus: CMP_SWAP with its second slot missing, not published, of another kind; EXT alone.
    Checking: BAD_EXT and one slot; BAD_OPCODE; with both, one completion for two slots."""
    b = Bench()
    swap, ext = b.desc(Op.CMP_SWAP), Desc(Op.EXT, operand=1)
    assert ends(b.go(swap)) == [Status.BAD_EXT]
    assert ends(b.go(ext)) == [Status.BAD_EXT, Status.BAD_OPCODE]
    assert ends(b.go(swap, Desc(Op.NOP)))[2:] == [Status.BAD_EXT, 0]
    assert ends(b.go(swap, ext, Desc(Op.NOP)))[4:] == [0, 0]
    assert [p.tag for p in b.a.chans[0].posted][-2:] == [1, 0]


LOCAL = [
    (Op.FETCH_ADD, {"length": 4}, Status.BAD_LENGTH),
    (Op.FETCH_ADD, {"flags": NOTIFY}, Status.BAD_FLAGS),
    (Op.FETCH_ADD, {"dst": 12}, Status.BAD_ALIGN),
    (Op.FETCH_ADD, {"src": segaddr(SRC, 0, 0)}, Status.SEG_RIGHTS),
    (Op.READ, {"flags": NOTIFY}, Status.BAD_FLAGS),
    (Op.READ, {"dst": segaddr(SRC, 0, 0)}, Status.SEG_RIGHTS),
    (Op.MIRROR, {"length": 0}, Status.BAD_LENGTH),
    (Op.MIRROR, {"dst": segaddr(50, 0, 0)}, Status.SEG_INVALID),
    (Op.MIRROR, {"src": segaddr(SRC, 3, 0)}, Status.KEY_REVOKED),
    (Op.SEND, {"src": segaddr(DST, 0, 0)}, Status.SEG_RIGHTS),
    (Op.WRITE_IMM, {"src": segaddr(SRC, 0, (1 << 16) - 9)}, Status.SEG_RANGE),
    (Op.SEND, {"flags": 0x80}, Status.BAD_FLAGS),
    (0x0E, {}, Status.BAD_OPCODE),
]


@pytest.mark.parametrize(("op", "change", "want"), LOCAL)
def test_refused_here(op: int, change: dict[str, int], want: int) -> None:
    """Stimulus: one local fault. Checking: its code; no frame, no access, no second status but MIRROR's bits."""
    b = Bench(receives=1)
    (o,) = b.go(b.desc(op, **change))
    assert (o.status, o.status2) == (want, LOCAL_BAD | PEER_BAD if op == Op.MIRROR else 0)
    assert not b.frames() and not b.seen("write")


def test_mirror_overlap_and_order_of_faults() -> None:
    """Stimulus: a MIRROR onto its own source, with the link up and down, and a bad source. Checking: what is found
    here comes before PEER_DOWN."""
    b = Bench()
    both = b.a.table.get(DST)
    b.a.table.set(DST, replace(both, base=b.a.table.get(SRC).base))
    d = b.desc(Op.MIRROR, dst=segaddr(DST, 0, 50))
    assert ends(b.go(d)) == [Status.OVERLAP]
    b.w.lose("A", "B")
    work = [d, replace(d, dst=segaddr(DST, 0, 5 + 100)), replace(d, src=segaddr(50, 0, 0))]
    assert ends(b.go(*work))[1:] == [Status.OVERLAP, Status.PEER_DOWN, Status.SEG_INVALID]


PEER = [
    (Op.WRITE_IMM, {"dst": segaddr(DST, 0, 0)}, Status.SEG_BINDING),
    (Op.MIRROR, {"operand": segaddr(SRC, 0, 0)}, Status.SEG_RIGHTS),
    (Op.MIRROR, {"operand": segaddr(INBOUND, 1, 0)}, Status.KEY_REVOKED),
    (Op.READ, {"src": segaddr(INBOUND, 0, 0)}, Status.SEG_RIGHTS),
    (Op.READ, {"src": segaddr(SRC, 0, (1 << 16) - 39)}, Status.SEG_RANGE),
    (Op.FETCH_ADD, {"dst": segaddr(INBOUND, 0, 0)}, Status.SEG_RIGHTS),
    (Op.FETCH_ADD, {"dst": segaddr(50, 0, 0)}, Status.SEG_INVALID),
]


@pytest.mark.parametrize("n", [40, 300])
@pytest.mark.parametrize(("op", "change", "want"), PEER)
def test_refused_there(op: int, change: dict[str, int], want: int, n: int) -> None:
    """Stimulus: one fault that the peer finds, operations of one and of several frames. Checking: its code with bit
    7; no byte on either side, with MIRROR too; no MAY_HAVE_EXECUTED."""
    b = Bench(receives=1)
    fields = {} if op == Op.FETCH_ADD else {"length": n}
    (o,) = b.go(b.desc(op, **{**fields, **change}))
    assert o.status == want | AT_PEER and not b.seen("write")
    assert o.status2 == (LOCAL_BAD | PEER_BAD if op == Op.MIRROR else 0)


def test_unbound_at_the_peer() -> None:
    """Stimulus: the peer binds another channel. Checking: PEER_REFUSED for each operation, nothing else."""
    for op in (Op.WRITE, Op.WRITE_IMM, Op.READ, Op.MIRROR, Op.SEND, Op.FETCH_ADD):
        b = Bench(receives=1)
        b.b.chans[0].peer_ch = 7
        assert ends(b.go(b.desc(op))) == [Status.PEER_REFUSED | AT_PEER] and not b.seen("write")


# receiver not ready ------------------------------------------------------------------------------------
def test_not_ready_is_tried_again() -> None:
    """Stimulus: SENDs to an empty receive ring; a buffer comes after two attempts. Checking: delivered once, in
    order, later operations of the channel wait; each further attempt is one header."""
    b = Bench(rnr_count=5)
    work = [b.desc(Op.SEND, 50, tag=1), b.desc(Op.WRITE, 10, tag=2), b.desc(Op.SEND, 0, tag=3)]
    b.w.publish("A", 0, *work)
    while len(b.seen("not ready")) < 2:
        assert b.w.step(0)
    assert not b.seen("write") and b.a.chans[0].next == 1
    for _ in range(2):
        b.p.receive("B", 0)
    b.on()
    assert ends(b.a.chans[0].done) == [0, 0, 0]
    assert [(p.tag, p.nbytes) for p in b.b.chans[0].posted] == [(0, 50), (1, 0)]
    asks = [f for f in b.frames() if f.first and not f.last]
    assert len(asks) >= 2 and not any(f.data for f in asks)
    b.fine()


@pytest.mark.parametrize("n", [0, 50, 500])
@pytest.mark.parametrize("op", [Op.SEND, Op.WRITE_IMM])
def test_not_ready_is_bounded(op: int, n: int) -> None:
    """Stimulus: a receiver that is never ready: no buffer, or a full completion ring; another channel meanwhile.
    Checking: RECEIVER_NOT_READY after the attempts, no effect; the next descriptor is executed; the other channel
    has not waited for a step of it."""
    b = Bench(channels=2, rnr_count=2)
    if op == Op.WRITE_IMM:
        b.b.chans[0].reserved = b.w.rules.completions
    b.w.publish("A", 0, b.desc(op, n), b.desc(Op.WRITE, 9))
    b.w.publish("A", 1, *[b.desc(Op.WRITE, 200, 1, dst=b.addr("B", INBOUND, 300 * k, 1)) for k in range(6)])
    # Nothing of channel 0 but frames and answers moves: its time never comes.
    for _ in range(3000):
        steps = [s for s in b.w.steps() if s[0] != "again"]
        if not steps:
            break
        b.w.t += 1
        steps[0][1]()
    assert ends(b.a.chans[1].done) == [0] * 6 and not b.a.chans[0].done
    b.on()
    assert ends(b.a.chans[0].done) == [RNR, 0]
    assert len(b.seen("not ready")) == 3 and not b.b.chans[0].posted


def test_not_ready_and_commands() -> None:
    """Stimulus: ABORT, or the loss of the link, while a SEND waits for its next attempt. Checking: ABORTED, PEER_DOWN, at once
    and without MAY_HAVE_EXECUTED: nothing is under way."""
    for do, want in (("abort", Status.ABORTED), ("lose", Status.PEER_DOWN)):
        b = Bench()
        b.w.publish("A", 0, b.desc(Op.SEND, 50))
        while not b.a.chans[0].current or not b.a.chans[0].current.waits:
            assert b.w.step(0)
        o = b.a.chans[0].current
        b.w.abort("A", 0) if do == "abort" else b.w.lose("A", "B")
        assert (o.ended, o.status, o.status2) == (True, want, 0)


def test_a_message_too_long() -> None:
    """Stimulus: a message longer than the buffer, of one frame and of several; then one that fits. Checking: Status.RECV_TOO_SHORT
    on both sides, nothing written, the buffer used up; the next buffer is used by the next message."""
    for n in (60, 200):
        b = Bench()
        for tag, length in ((7, 10), (8, 400)):
            b.w.post_recv("B", 0, tag, b.addr("B", BUFFERS, 500 * tag), length)
        assert ends(b.go(b.desc(Op.SEND, n), b.desc(Op.SEND, n))) == [Status.RECV_TOO_SHORT | AT_PEER, 0]
        assert [(p.tag, p.status) for p in b.b.chans[0].posted] == [(7, Status.RECV_TOO_SHORT), (8, 0)]


def test_a_bad_buffer() -> None:
    """Stimulus: buffers in a revoked segment, and where the memory fails. Checking: the code on both sides; used up."""
    b = Bench(receives=0)
    b.w.post_recv("B", 0, 1, b.addr("B", BUFFERS, 0, gen=1), 100)
    b.w.post_recv("B", 0, 2, b.addr("B", BUFFERS, 200), 100)
    b.b.mem.add_error(b.real("B", BUFFERS, 210), b.real("B", BUFFERS, 211), SLVERR)
    got = ends(b.go(b.desc(Op.SEND, 60), b.desc(Op.SEND, 60)))
    assert got == [Status.KEY_REVOKED | AT_PEER, Status.WRITE_SLVERR | AT_PEER]
    assert [(p.tag, p.status) for p in b.b.chans[0].posted] == [(1, Status.KEY_REVOKED), (2, Status.WRITE_SLVERR)]


def test_a_buffer_comes_back() -> None:
    """Stimulus: a SEND is given up in its middle, as its source fails; another one follows at once. Checking: no
    completion for the first; the same buffer takes the second, never before the first's writes are over."""
    for last in (False, True):
        b = Bench(rnr_count=9)
        b.w.post_recv("B", 0, 4, b.addr("B", BUFFERS), 400)
        b.p.buffers["B", 0] = [(4, b.addr("B", BUFFERS), 400)]
        b.a.mem.add_error(b.real("A", SRC, 140), b.real("A", SRC, 141), SLVERR)
        b.w.publish("A", 0, b.desc(Op.SEND, 300, tag=1), b.desc(Op.SEND, 60, tag=2))
        b.on(last=last)
        assert ends(b.a.chans[0].done) == [Status.READ_SLVERR, 0]
        assert [(p.tag, p.nbytes, p.status) for p in b.b.chans[0].posted] == [(4, 60, 0)]
        b.fine()


# MIRROR ------------------------------------------------------------------------------------------------
def test_mirror_reads_once_and_waits() -> None:
    """Stimulus: a MIRROR of several frames. Checking: the source is read once; nothing is written here before the
    peer's permission, the last frame only after the peer's copy is complete."""
    b = Bench()
    b.go(b.desc(Op.MIRROR, 300))
    reads = [e.info for e in b.seen("read", "A")]
    assert sum(n for _, n in reads) == 300 and len({a for a, _ in reads}) == len(reads)
    here = [e for e in b.seen("issue", "A")]
    there = [e.t for e in b.seen("write", "B")]
    assert b.seen("frame", "B")[0].t < here[0].t and max(there) < here[-1].t


@pytest.mark.parametrize("side", ["A", "B"])
def test_mirror_one_side_fails(side: str) -> None:
    """Stimulus: the memory of one copy fails. Checking: an error; the bits say which copy is good."""
    b = Bench()
    where = b.real(side, DST if side == "A" else INBOUND, 40)
    (b.a if side == "A" else b.b).mem.add_error(where, where + 1, SLVERR)
    (o,) = b.go(b.desc(Op.MIRROR, 50))
    want = (Status.WRITE_SLVERR, LOCAL_BAD) if side == "A" else (
        Status.WRITE_SLVERR | AT_PEER, LOCAL_BAD | PEER_BAD)
    assert (o.status, o.status2) == want
    b.fine()


def test_mirror_hold_is_bounded() -> None:
    """Stimulus: permission does not come (answers are held back). Checking: no more frames than the FIFO has places."""
    b = Bench(hold=3, depth=99)
    b.w.publish("A", 0, b.desc(Op.MIRROR, 64 * 9))
    for _ in range(500):
        steps = [s for s in b.w.steps() if s[0] != "rsp"]
        if not steps:
            break
        steps[0][1]()
    assert len(b.frames()) == 3 and not b.seen("write", "A")
    b.on()
    assert ends(b.a.chans[0].done) == [0]


# the loss of a session ------------------------------------------------------------------------------------
@pytest.mark.parametrize("op", [Op.WRITE, Op.WRITE_IMM, Op.READ, Op.MIRROR, Op.SEND, Op.FETCH_ADD])
def test_lost_at_every_moment(op: int) -> None:
    """Stimulus: the session ends after k steps of an operation, for each k. Checking: OK, LINK_ERROR (with
    MAY_HAVE_EXECUTED, but for READ) or PEER_DOWN (then without effect); after it is up again the next one works."""
    met = set()
    for k in range(60):
        b = Bench(receives=3)
        b.w.publish("A", 0, b.desc(op, 100) if op != Op.FETCH_ADD else b.desc(op))
        for _ in range(k):
            if b.w.step(k) is None:
                break
        b.w.lose("A", "B")
        b.on()
        b.w.restore("A", "B")
        (o,) = b.a.chans[0].done
        met.add(o.status)
        if o.status == Status.LINK_ERROR:
            assert bool(o.status2 & MAY_HAVE_EXECUTED) == (op != Op.READ)
        else:
            assert o.status in (0, Status.PEER_DOWN) and not o.status2 & MAY_HAVE_EXECUTED
        follow = b.desc(Op.SEND, 20, src=b.addr("A", SRC, 0))
        assert ends(b.go(follow))[1:] == [0]
        b.fine()
    assert met == {0, Status.LINK_ERROR, Status.PEER_DOWN}


# random programs --------------------------------------------------------------------------------------
MODES = {
    "calm": Chaos(),
    "wrong": Chaos(wrong=0.2, errors=0.3),
    "no receivers": Chaos(receives=0.005, first_receives=0),
    "lost links": Chaos(lose=0.01),
    "revocation": Chaos(revoke=0.02),
    "aborts": Chaos(abort=0.01),
    "everything": Chaos(lose=0.004, revoke=0.004, abort=0.004, wrong=0.1, errors=0.1),
}


@pytest.mark.parametrize("mode", MODES)
@given(seed=st.integers(0, 1 << 30), names=st.sampled_from(["AB", "AB", "ABC"]), channels=st.integers(1, 2))
def test_programs(mode: str, seed: int, names: str, channels: int) -> None:
    """Stimulus: random programs of all operations on all channels of two or three nodes, steps in a random order, with
    lost sessions, revocations, aborts, bad memory, bad descriptors. Checking: everything that the page promises
    (`models.rdma.checks`), and nothing hangs."""
    p = Program(seed, names, channels, chaos=MODES[mode])
    story = p.run()
    assert not judge(story)
    for n in p.world.nodes.values():
        for c in n.chans:
            assert not c.active or (c.next == len(c.ring) and not c.ops), f"{n.name}.ch{c.number} hangs"


@given(seed=st.integers(0, 1 << 30))
def test_calm_programs_end_well(seed: int) -> None:
    """Stimulus: programs without disturbance, buffers for every message. Checking: all operations end well."""
    chaos = Chaos(first_receives=10, buffer_bytes=(300,))
    p = Program(seed, chaos=chaos, rules=Rules(rnr_count=200, completions=8))
    story = p.run()
    assert not judge(story) and all(o.status == 0 for o in story.retired)


# the checks are not blind -------------------------------------------------------------------------------
def no_lock(w: World) -> None:
    w.locked = lambda n, a: False  # type: ignore[method-assign]


def no_wait_for_flight(w: World) -> None:
    lock = w.lock

    def now(self: World, n: Node, p: Placed) -> None:
        lock(n, p)
        n.lock_waits = set()

    w.lock = MethodType(now, w)  # type: ignore[method-assign]


def answers_early(w: World) -> None:
    """The ring does not wait for responses."""
    steps = w.target_steps

    def soon(self: World, n: Node, peer: str):
        ring = n.ring[peer]
        if ring and ring[0].writes and ring[0].frame.type != FrameType.ATOMIC:
            return [("leave", lambda: self.leave(n, ring.popleft()))]
        return steps(n, peer)

    w.target_steps = MethodType(soon, w)  # type: ignore[method-assign]


def no_hold(w: World) -> None:
    """A SEND that waits for its time lets others go first."""
    again = w.not_ready

    def soon(self: World, n: Node, c: Chan, o: OpRun) -> None:
        again(n, c, o)
        if o.waits and c.next < len(c.ring):
            c.current = None
            later.append((c, o))

    later: list[tuple[Chan, OpRun]] = []
    steps = w.channel_steps

    def more(self: World, n: Node, c: Chan):
        out = steps(n, c)
        for k in [x for x in later if x[0] is c and c.current is None]:
            def back(k=k) -> None:
                later.remove(k)
                k[0].current = k[1]

            out.append(("back", back))
        return out

    w.not_ready = MethodType(soon, w)  # type: ignore[method-assign]
    w.channel_steps = MethodType(more, w)  # type: ignore[method-assign]


def no_fence(w: World) -> None:
    def may(self: World, c: Chan) -> bool:
        return c.active and c.current is None and c.next < len(c.ring) and self.room(c)

    w.may_begin = MethodType(may, w)  # type: ignore[method-assign]


def for_ever(w: World) -> None:
    again = w.not_ready

    def soon(self: World, n: Node, c: Chan, o: OpRun) -> None:
        o.attempts = min(o.attempts, 1)
        again(n, c, o)

    w.not_ready = MethodType(soon, w)  # type: ignore[method-assign]


def says_too_little(w: World) -> None:
    over = w.over
    w.over = lambda c, o, status, status2: over(c, o, status, 0)  # type: ignore[method-assign]


def says_too_much(w: World) -> None:
    over = w.over
    w.over = lambda c, o, st_, st2: over(  # type: ignore[method-assign]
        c, o, st_, st2 | (MAY_HAVE_EXECUTED if st_ else 0)
    )


def mirror_first(w: World) -> None:
    w.may_release = lambda h: True  # type: ignore[method-assign]


def buffer_at_once(w: World) -> None:
    """A buffer whose message was given up is used again before that message's writes are over."""
    place = w.place

    def soon(self: World, n: Node, c: Chan | None, peer: str, f: Frame, p: Placed) -> None:
        place(n, c, peer, f, p)
        if f.cancel and p.ctx and p.ctx.recv:
            p.ctx.recv.busy = p.ctx.recv.returning = False
            p.ctx.slot, p.ctx.recv = False, None
            c.reserved -= 1

    w.place = MethodType(soon, w)  # type: ignore[method-assign]


def revoked_at_once(w: World) -> None:
    revoke = w.revoke

    def now(self: World, node: str, index: int) -> None:
        revoke(node, index)
        self.nodes[node].revoking[-1][1].clear()

    w.revoke = MethodType(now, w)  # type: ignore[method-assign]


def atomics_twice(w: World) -> None:
    receive = w.receive

    def both(self: World, node: str, peer: str, f: Frame) -> None:
        receive(node, peer, f)
        if f.type == FrameType.ATOMIC:
            receive(node, peer, f)

    w.receive = MethodType(both, w)  # type: ignore[method-assign]


def no_room(w: World) -> None:
    w.room = lambda c: True  # type: ignore[method-assign]


def one_byte_off(w: World) -> None:
    queue = w.queue

    def off(self: World, n: Node, a: Access) -> None:
        a.addr += 1
        queue(n, a)

    w.queue = MethodType(off, w)  # type: ignore[method-assign]


def another_byte(w: World) -> None:
    queue = w.queue

    def off(self: World, n: Node, a: Access) -> None:
        a.data = bytes([a.data[0] ^ 1]) + a.data[1:]
        queue(n, a)

    w.queue = MethodType(off, w)  # type: ignore[method-assign]


def newest_first(w: World) -> None:
    steps = w.channel_steps

    def wrong(self: World, n: Node, c: Chan):
        if len(c.ops) > 1 and c.ops[1].ended:
            c.ops.rotate(-1)
        return steps(n, c)

    w.channel_steps = MethodType(wrong, w)  # type: ignore[method-assign]


def ends_early(w: World) -> None:
    """An operation is over though its local writes have no responses."""
    steps = w.channel_steps

    def soon(self: World, n: Node, c: Chan):
        for o in c.ops:
            if o.writes and o.all_sent and not o.ended and not o.owed and not o.held:
                self.over(c, o, 0, 0)
        return steps(n, c)

    w.channel_steps = MethodType(soon, w)  # type: ignore[method-assign]


def aborted_at_once(w: World) -> None:
    """ABORTED is told before the peer has answered CANCEL."""
    give_up = w.give_up

    def now(self: World, n: Node, c: Chan, o: OpRun) -> None:
        give_up(n, c, o)
        if o.end == Status.ABORTED and not o.ended:
            self.over(c, o, o.end, 0)

    w.give_up = MethodType(now, w)  # type: ignore[method-assign]


def disabled_at_once(w: World) -> None:
    abort = w.abort

    def now(self: World, node: str, ch: int) -> None:
        c = self.nodes[node].chans[ch]
        was = c.active
        abort(node, ch)
        if was:
            self.disabled(self.nodes[node], c)

    w.abort = MethodType(now, w)  # type: ignore[method-assign]


def no_answer(w: World) -> None:
    respond = w.respond

    def silent(self: World, n: Node, p: Placed, kind: int, *more: object) -> None:
        if kind not in (FrameType.READ_DATA, FrameType.OP_PERMIT):
            respond(n, p, kind, *more)

    w.respond = MethodType(silent, w)  # type: ignore[method-assign]


def message_twice(w: World) -> None:
    deliver = w.deliver

    def both(self: World, n: Node, c: Chan, p: Placed, status: int) -> None:
        deliver(n, c, p, status)
        if not status and p.frame.type == FrameType.WRITE_IMM:
            c.reserved += 1
            p.ctx.slot = True
            deliver(n, c, p, status)

    w.deliver = MethodType(both, w)  # type: ignore[method-assign]


SENDS = {Op.SEND: 3, Op.WRITE_IMM: 1}
BROKEN: dict[str, tuple[Callable[[World], None], str, Chaos]] = {
    "no lock": (no_lock, "cells", Chaos()),
    "in flight not waited for": (no_wait_for_flight, "cells", Chaos()),
    "early answer": (answers_early, "nothing_after_the_end", Chaos()),
    "early delivery": (answers_early, "delivered_in_order", Chaos()),
    "no hold": (no_hold, "delivered_in_order", Chaos(first_receives=0)),
    "no fence": (no_fence, "fences", Chaos()),
    "tries for ever": (for_ever, "bounded_attempts", Chaos(first_receives=0, receives=0.002)),
    "no MAY_HAVE_EXECUTED": (says_too_little, "truth_of_the_status", MODES["lost links"]),
    "always MAY_HAVE_EXECUTED": (says_too_much, "truth_of_the_status", MODES["wrong"]),
    "MIRROR before permission": (mirror_first, "mirrors", MODES["wrong"]),
    "buffer too soon": (buffer_at_once, "buffers_in_order", Chaos(errors=0.9, first_receives=6)),
    "revoked too soon": (revoked_at_once, "revocations", MODES["revocation"]),
    "atomics twice": (atomics_twice, "effects_once", Chaos()),
    "messages twice": (message_twice, "effects_once", Chaos()),
    "ring overrun": (no_room, "rings", Chaos()),
    "address": (one_byte_off, "each_byte_once", Chaos()),
    "data": (another_byte, "memories", Chaos()),
    "order of completions": (newest_first, "once_and_in_order", Chaos()),
    "early completion": (ends_early, "nothing_after_the_end", Chaos()),
    "early ABORTED": (aborted_at_once, "nothing_after_the_end", Chaos(abort=0.05)),
    "early DISABLED": (disabled_at_once, "quiet_when_disabled", MODES["aborts"]),
    "no answers": (no_answer, "all_over", Chaos()),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_node_is_noticed(name: str) -> None:
    """Stimulus: nodes that break one promise. Checking: its check says so within some seeds."""
    breaks, check, chaos = BROKEN[name]
    for seed in range(80):
        more = {"ops": SENDS} if check in ("buffers_in_order", "bounded_attempts") else {}
        p = Program(seed, "AB", 2, length=12, chaos=chaos, **more)
        breaks(p.world)
        with contextlib.suppress(ValueError, AttributeError, KeyError, IndexError, StopIteration):
            p.run(6000)
        if check in judge(p.story()):
            return
    raise AssertionError(f"{check} sees nothing")
