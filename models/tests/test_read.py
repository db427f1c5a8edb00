# SPDX-License-Identifier: Apache-2.0
"""READ: its checks, what `Pair` accepts of it on both memory ports, and its frames on the link."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import regmap
from models.blocks import axi_bursts, split_requests, touched_beats
from models.events import AxiRead, AxiWrite, Event, Fault, LinkState, RegRead, RegWrite
from models.frame import Frame
from models.lay import (
    AT_PEER,
    MAY_HAVE_EXECUTED,
    Cmd,
    Desc,
    DescFlag,
    FrameFlag,
    FrameType,
    Op,
    State,
    Status,
    segaddr,
)
from models.linkcheck import check_all, flags
from models.memory import DECERR, SLVERR, Memory
from models.ops import WITH_READ, Ctx, Far, check_descriptor, execute
from models.segments import R_LOCAL, R_READ, R_REMOTE, R_WRITE, Segment, SegmentTable
from models.tests.refsys import RefChannel, RefSystem
from models.tests.test_pair import MUTATIONS, Mutation
from models.tests.test_pair_cases import (
    ctrl,
    end,
    first,
    is_cpl,
    judge,
    passes,
    rules,
    status,
    with_entry,
)

pytestmark = pytest.mark.model

SIZE = 0x8000
NEAR = SegmentTable(
    16,
    {
        1: Segment(True, 0x10000, SIZE, R_WRITE | R_LOCAL, 3),
        2: Segment(True, 0x40000, SIZE, R_READ | R_LOCAL, 3),
        3: Segment(True, 0x40000, SIZE, R_WRITE | R_REMOTE, 3),
    },
)
FAR = SegmentTable(
    16,
    {
        5: Segment(True, 0x90000, SIZE, R_READ | R_REMOTE, 6, 1, 2),
        6: Segment(True, 0x90000, SIZE, R_WRITE | R_REMOTE, 6, 1, 2),
        7: Segment(True, 0x90000, SIZE, R_READ | R_LOCAL, 6, 1, 2),
        8: Segment(True, 0x90000, SIZE, R_READ | R_REMOTE, 6, 2, 2),
    },
)
CTX = Ctx(3, NEAR, False, True, Far(FAR, 6, 1), WITH_READ)
READ = Desc(Op.READ, 0, 7, 3000, segaddr(5, 2, 9), segaddr(1, 0, 5))

# In their order: what is found here, the link, what the peer finds.
FAULTS: list[tuple[int, dict[str, object], dict[str, object]]] = [
    (Status.BAD_OPCODE, {"opcode": 0x30}, {}),
    (Status.BAD_FLAGS, {"flags": 1 << DescFlag.NOTIFY}, {}),
    (Status.BAD_LENGTH, {"length": 0}, {}),
    (Status.SEG_RIGHTS, {"dst": segaddr(2, 0, 0)}, {}),
    (Status.PEER_DOWN, {}, {"peer_up": False}),
    (Status.PEER_REFUSED | AT_PEER, {}, {"far": Far(FAR, 6, 1, bound=False)}),
    (Status.SEG_RANGE | AT_PEER, {"src": segaddr(5, 2, SIZE - 2999)}, {}),
]


def test_a_good_one_passes() -> None:
    """Stimulus: a good READ, alone and run. Checking: addresses; the bytes move from the peer."""
    p = check_descriptor(READ, CTX)
    assert (p.status, p.src, p.dst, p.length, p.remote) == (0, 0x90009, 0x10005, 3000, True)
    near, far = Memory("near"), Memory("far")
    data = random.Random(1).randbytes(3000)
    far.write(0x90009, data)
    before = far.copy()
    r = execute(READ, CTX, near, far)
    assert (r.status, r.nbytes, near.read(0x10005, 3000)) == (0, 3000, data) and far == before


@given(st.sets(st.integers(0, len(FAULTS) - 1)))
def test_first_fault_of_a_read(which: set[int]) -> None:
    """Stimulus: any set of faults in one READ. Checking: the first in the order."""
    d, ctx = READ, CTX
    for i in sorted(which, reverse=True):
        d, ctx = replace(d, **FAULTS[i][1]), replace(ctx, **FAULTS[i][2])
    want = FAULTS[min(which)][0] if which else 0
    assert check_descriptor(d, ctx).status == want


@pytest.mark.parametrize(
    ("change", "want"),
    [
        ({"dst": segaddr(3, 0, 0)}, Status.SEG_BINDING),  # for the peer's frames only
        ({"dst": segaddr(1, 1, 0)}, Status.KEY_REVOKED),
        ({"dst": segaddr(9, 0, 0)}, Status.SEG_INVALID),
        ({"dst": segaddr(1, 0, SIZE - 2999)}, Status.SEG_RANGE),
        ({"src": segaddr(5, 3, 0)}, Status.KEY_REVOKED | AT_PEER),
        ({"src": segaddr(4, 2, 0)}, Status.SEG_INVALID | AT_PEER),
        ({"src": segaddr(6, 2, 0)}, Status.SEG_RIGHTS | AT_PEER),
        ({"src": segaddr(7, 2, 0)}, Status.SEG_BINDING | AT_PEER),  # for its own channel only
        ({"src": segaddr(8, 2, 0)}, Status.SEG_BINDING | AT_PEER),  # for another peer
    ],
)
def test_read_segments(change: dict[str, int], want: int) -> None:
    """Stimulus: one segment fault on either side. Checking: its code, bit 7 for the peer's; no byte moves."""
    d = replace(READ, **change)
    near, far = Memory("near"), Memory("far")
    r = execute(d, CTX, near, far)
    assert r.status == want and not r.read and not r.written and near == Memory() == far


@given(st.integers(0, 1 << 20), st.integers(1, 20000), st.sampled_from([256, 1024, 4096]))
def test_requests(src: int, length: int, mtu: int) -> None:
    """Stimulus: any READ. Checking: its requests cover it once, in order, as few as can be."""
    reqs = split_requests(src, length, mtu)
    assert len(reqs) == -(-length // mtu)
    pos = 0
    for r in reqs:
        assert (r.pos, r.src) == (pos, src + pos) and 0 < r.n <= mtu
        assert r.n == mtu or r is reqs[-1]
        pos += r.n
    assert pos == length


@given(
    st.integers(0, 1 << 20),
    st.integers(1, 4096),
    st.sampled_from([8, 16, 32, 64]),
    st.sampled_from([128, 256, 512]),
)
def test_requests_read_each_beat_once(src: int, n: int, beat: int, burst: int) -> None:
    """Stimulus: a request. Checking: cut at multiples of MAX_BURST_BYTES, it reads no beat twice."""
    assert sum(b.beats for b in axi_bursts(src, n, burst, beat)) == touched_beats(src, n, beat)


# Pair ----------------------------------------------------------------------------------------------
def reads(
    seed: int = 5, n: int = 6, **kw: int
) -> RefSystem:
    """READs of random sizes on both nodes, with a NOP behind."""
    sys = RefSystem(seed, **{"channels": 2, "dlog2": 4, "clog2": 4, **kw})
    for node in sys.nodes.values():
        for c in node.chans:
            some = [sys.read(c, sys.rng.choice([1, 8, 63, 512, 1024, 1025, 2500]), 0, k) for k in range(n)]
            sys.submit(c, [*some, Desc(Op.NOP, 0, 0xE0D)])
    return sys


@given(
    seed=st.integers(0, 1 << 30),
    data_w=st.sampled_from([64, 128, 256, 512]),
    max_burst=st.sampled_from([128, 512]),
    mtu=st.sampled_from([512, 1024, 2048]),
)
def test_reads_pass(seed: int, data_w: int, max_burst: int, mtu: int) -> None:
    """Stimulus: READs both ways at once. Checking: no mismatch, memories equal the engine's."""
    sys = reads(seed, data_w=data_w, max_burst=max_burst, mtu=mtu)
    pair = judge(sys)
    passes(pair, 28)
    for name, node in sys.nodes.items():
        pair.compare_memory(name, node.mem)
    assert not pair.allowances


@pytest.mark.parametrize("mutate", MUTATIONS, ids=lambda m: m.__name__)
@pytest.mark.parametrize("seed", range(3))
def test_every_mutation_of_a_read_is_noticed(mutate: Mutation, seed: int) -> None:
    """Stimulus: a trace of READs with one thing broken. Checking: at least one mismatch."""
    sys = reads(seed)
    broken = mutate(sys.trace(), random.Random(seed))
    if broken is None:
        pytest.skip("the trace has no place for it")
    assert rules(judge(sys, broken), 1), mutate.__name__


def one(n: int = 2500, flags: int = 0, **kw: int) -> tuple[RefSystem, RefChannel, list[Event], int]:
    """A READ of A; its completion is the last event."""
    sys = RefSystem(8, **{"channels": 1, **kw})
    c = sys.nodes["A"].chans[0]
    sys.submit(c, [sys.read(c, n, flags, 1)])
    ev = sys.trace()
    return sys, c, ev, next(k for k, e in enumerate(ev) if is_cpl(e))


def test_read_builds_without_it() -> None:
    """Stimulus: a READ, on builds without READ. Checking: BAD_OPCODE passes, accesses don't."""
    sys, _, ev, k = one()
    plain = {n: replace(p, ops=WITH_READ - {Op.READ}) for n, p in sys.params.items()}
    sys.params = plain
    j = first(ev, AxiRead, id=2)
    passes(judge(sys, [*ev[:j], with_entry(ev[k], status=int(Status.BAD_OPCODE), nbytes=0)]), 1)
    assert {"unexplained-access", "wrong-completion"} <= rules(judge(sys, ev))


def test_read_ports_and_functions() -> None:
    """Stimulus: the peer's reads as this node's own (ID 1), its writes as its engine's (ID 0), or for the
    function of the other side. Checking: each is noticed."""
    sys, c, ev, _ = one()
    far = sys.far(c)
    sys.reg(far.node, 0, regmap.chan(0, "CH_OWNER"), regmap.ch_owner(0x22))
    far.func = 0x22
    ev = [
        replace(e, data=regmap.ch_owner(0x22))
        if isinstance(e, RegWrite) and (e.node, e.addr) == ("B", regmap.chan(0, "CH_OWNER"))
        else replace(e, user=0x22)
        if isinstance(e, AxiRead) and e.id == 2
        else e
        for e in ev
    ]
    passes(judge(sys, ev), 1)
    i, j = first(ev, AxiRead, id=2), first(ev, AxiWrite, id=1)
    for k, change, want in (
        (i, {"id": 1}, "unexplained-access"),
        (j, {"id": 0}, "unexplained-access"),
        (i, {"user": c.func}, "foreign-user"),
        (j, {"user": 0x22}, "foreign-user"),
    ):
        assert want in rules(judge(sys, [*ev[:k], replace(ev[k], **change), *ev[k + 1 :]])), change


def test_read_written_before_it_was_read() -> None:
    """Stimulus: a frame is written here before the peer's read of it is over. Checking: wrong-data."""
    _sys, _, ev, _ = one(100)
    i, j = first(ev, AxiRead, id=2), first(ev, AxiWrite, id=1)
    swapped = [*ev[:i], ev[j], ev[i], *ev[j + 1 :]]
    assert "wrong-data" in rules(judge(_sys, swapped))


def test_fenced_read() -> None:
    """Stimulus: a WRITE, then a fenced READ of the same bytes. Checking: the peer's read has to wait for the
    WRITE's last response; then it returns the new bytes."""
    bell = regmap.guest(0, "DRING_PROD")
    for seed in range(20):  # until one doorbell publishes both
        sys = RefSystem(seed, channels=1)
        c = sys.nodes["A"].chans[0]
        w = sys.write(c, 600, 0, 1)
        dst = c.data.alloc(600)
        sys.submit(c, [w, Desc(Op.READ, 1 << DescFlag.FENCE, 2, 600, w.dst, c.local(dst))])
        if sum(isinstance(e, RegWrite) and e.addr == bell for e in sys.trace()) == 1:
            break
    src = sys.plan(c, w).src
    assert c.node.mem.read(dst, 600) == c.node.mem.read(src, 600)
    passes(judge(sys), 2)
    ev = sys.trace()
    i = first(ev, AxiRead, id=2)
    early = replace(ev[i], t_addr=ev[first(ev, AxiWrite, id=1)].t_resp - 1)
    assert "fence" in rules(judge(sys, [*ev[:i], early, *ev[i + 1 :]]))


@pytest.mark.parametrize("seed", range(8))
def test_fenced_ones_of_the_same_bytes(seed: int) -> None:
    """Stimulus: operations with the same source and destination, each behind a fence, published at once; the first fails
    half-way. Checking: each access is that of the one that may run."""
    sys = RefSystem(seed, channels=1, max_burst=128, dlog2=4)
    c = sys.nodes["A"].chans[0]
    for make in (sys.read, sys.copy):
        d = make(c, 2500, 1 << DescFlag.FENCE, 1)
        if make == sys.read:
            far = sys.nodes["B"].mem
            at = sys.plan(c, d).src + 1500
            far.add_error(at, at + 1, SLVERR, on_write=False)
            off = replace(d, src=d.src + 1501, dst=d.dst + 1501, length=900, tag=3)
        else:
            off = replace(d, tag=3)
        sys.submit(c, [d, replace(d, tag=2), off, Desc(Op.NOP, tag=4)])
    pair = judge(sys)
    passes(pair, 8)
    assert not [a for a in pair.allowances if a.rule == "overlapping-operations"]


def test_read_revoked_here() -> None:
    """Stimulus: the destination's segment is revoked, or withdrawn, after the first frame was written.
    Checking: KEY_REVOKED in both cases, as it had been granted; OK too; another code does not pass; what is
    written after the completion is late."""
    for change in ({"gen": 9}, {"valid": False}):
        sys, c, ev, k = one()
        j = first(ev, AxiWrite, id=1)
        seg = replace(sys.nodes["A"].table.get(c.seg(1)), **change)
        t = ev[j].t_resp
        set_ = RegWrite(
            "A",
            t,
            0,
            regmap.seg(c.seg(1), "SEG_CTRL"),
            regmap.seg_ctrl(seg.rights, seg.channel, seg.peer, seg.gen, seg.valid),
        )
        passes(judge(sys, [*ev[: j + 1], set_, *ev[j + 1 :]]), 1)
        end_ = with_entry(ev[k], status=int(Status.KEY_REVOKED), nbytes=0)
        pair = judge(sys, [*ev[: j + 1], set_, end_])
        passes(pair, 1)
        assert pair.undefined("A") and not pair.undefined("B")
        for bad in (Status.KEY_REVOKED | AT_PEER, Status.SEG_RANGE):
            wrong = with_entry(end_, status=int(bad))
            assert "wrong-completion" in rules(judge(sys, [*ev[: j + 1], set_, wrong]))
        late = replace(ev[first(ev, AxiWrite, id=1)], t_addr=end_.t_resp + 1, t_resp=end_.t_resp + 9)
        assert rules(judge(sys, [*ev[:j], set_, end_, late]))


def test_read_revoked_at_the_peer() -> None:
    """Stimulus: the source's segment is revoked while requests are under way. Checking: KEY_REVOKED with bit 7;
    the peer may read what it was asked for before; a good end without its reads does not pass."""
    sys, c, ev, k = one()
    i = first(ev, AxiRead, id=2)
    far = sys.far(c)
    seg = far.node.table.get(far.seg(2))
    set_ = RegWrite(
        "B",
        ev[i].t_data,
        0,
        regmap.seg(far.seg(2), "SEG_CTRL"),
        regmap.seg_ctrl(seg.rights, seg.channel, seg.peer, seg.gen + 1, True),
    )
    revoked = with_entry(ev[k], status=int(Status.KEY_REVOKED) | AT_PEER, nbytes=0)
    passes(judge(sys, [*ev[: i + 1], set_, revoked]), 1)
    assert "wrong-completion" in rules(judge(sys, [*ev[: i + 1], set_, with_entry(revoked, status=0x11)]))
    assert "early-completion" in rules(judge(sys, [*ev[: i + 1], set_, ev[k]]))


@pytest.mark.parametrize("code", [Status.LINK_ERROR, Status.OP_TIMEOUT])
def test_read_lost_with_the_link(code: int) -> None:
    """Stimulus: the link falls during a READ. Checking: the code passes, never with MAY_HAVE_EXECUTED: a READ
    changes nothing at the peer. The destination is undefined here. The peer may still read, nothing is
    written here any more."""
    sys, _, ev, k = one()
    j = first(ev, AxiWrite, id=1)
    fail = with_entry(ev[k], status=int(code), nbytes=0)
    down = Fault("A", ev[j].t_resp, "link_down", 0)
    lost = [*ev[: j + 1], down, fail]
    pair = judge(sys, lost)
    passes(pair, 1)
    assert pair.undefined("A") and not pair.undefined("B")
    said = with_entry(fail, status2=MAY_HAVE_EXECUTED)
    assert "wrong-completion" in rules(judge(sys, [*ev[: j + 1], down, said]))
    t = fail.t_resp
    more = [
        replace(e, t_addr=t + 1, t_data=t + 2)
        for e in ev[j + 1 :]
        if isinstance(e, AxiRead) and e.id == 2
    ]
    passes(judge(sys, [*lost, *more]), 1)
    write = [e for e in ev[j + 1 :] if isinstance(e, AxiWrite) and e.id == 1][0]
    assert "late-access" in rules(judge(sys, [*lost, replace(write, t_addr=t + 1, t_resp=t + 5)]))
    assert "early-completion" in rules(
        judge(sys, [*ev[: j + 1], down, replace(write, t_resp=fail.t_addr + 1), fail])
    )


def test_reads_after_the_end_are_bounded() -> None:
    """Stimulus: a READ ended by an error, its source read again and again. Checking: late at last; at once when it
    ended well."""
    sys, _, ev, k = one()
    j = first(ev, AxiRead, id=2)
    t = ev[k].t_resp
    late = replace(ev[j], t_addr=t + 1, t_data=t + 2)
    assert rules(judge(sys, [*ev, late])) & {"late-access", "unexplained-access"}
    fail = with_entry(ev[k], status=int(Status.LINK_ERROR), nbytes=0)
    lost = [*ev[: j + 1], Fault("A", t - 99, "link_down", 0), fail]
    many = sys.params["A"].late_bytes // len(late.data) + 1
    assert "late-access" in rules(judge(sys, [*lost, *[late] * many]))


@pytest.mark.parametrize("given_up", [False, True])
def test_read_bytes_are_counted_at_the_peer(given_up: bool) -> None:
    """Stimulus: the peer's CNT_RD_BYTES after a READ of 5000 bytes that ends well, or that was given up when all was
    read. Checking: that many pass, give or take a request; fewer, more, and bytes that A counts for it do not."""
    sys, c, ev, k = one(5000)
    if given_up:
        fail = with_entry(ev[k], status=int(Status.LINK_ERROR | MAY_HAVE_EXECUTED), nbytes=0)
        down = Fault("A", ev[k].t_resp - 99, "link_down", 0)
        ev = [e for e in ev[:k] if not (isinstance(e, AxiWrite) and e.node == "A")]
        ev = [*ev, down, fail]
    mtu, far = sys.params["B"].link_mtu, sys.nodes["B"].chans[0]
    for value in (0, 5000 - 2 * mtu, 5000, 5000 + 3 * mtu):
        read = RegRead("B", 10**6, far.func, regmap.guest(0, "CNT_RD_BYTES"), value)
        assert ("wrong-register" in rules(judge(sys, [*ev, read]))) == (value != 5000), value
    for value in (0, 1):
        read = RegRead("A", 10**6, c.func, regmap.guest(0, "CNT_RD_BYTES"), value)
        found = rules(judge(sys, [*ev, read]))
        assert given_up or ("wrong-register" in found) == (value != 0)


def test_read_peer_down_and_refused() -> None:
    """Stimulus: the link is down before the doorbell; the peer binds another channel. Checking: PEER_DOWN,
    PEER_REFUSED with bit 7, no access on either side."""
    sys, _, ev, k = one()
    i = first(ev, RegWrite, addr=regmap.guest(0, "DRING_PROD"))
    j = first(ev, AxiRead, id=2)
    before = [*ev[:i], LinkState("A", ev[i].t - 1, 0, False), *ev[i:j]]
    refused = with_entry(ev[k], status=int(Status.PEER_DOWN), nbytes=0)
    passes(judge(sys, [*before, refused]), 1)
    assert "unexplained-access" in rules(judge(sys, [*before, ev[j]]))
    b = first(ev, RegWrite, node="B", addr=regmap.chan(0, "CH_BIND"))
    other = [*ev[:b], replace(ev[b], data=regmap.ch_bind(5, 0)), *ev[b + 1 : j]]
    want = int(Status.PEER_REFUSED) | AT_PEER
    passes(judge(sys, [*other, with_entry(ev[k], status=want, nbytes=0)]), 1)
    assert "unexplained-access" in rules(judge(sys, [*other, ev[j]]))


def test_read_aborted() -> None:
    """Stimulus: ABORT in mid-READ. Checking: ABORTED passes once its writes have their responses; a write
    after DISABLED does not; RESET posts nothing."""
    sys, c, ev, k = one()
    j = first(ev, AxiWrite, id=1)
    t = ev[j].t_resp
    aborted = with_entry(ev[k], status=int(Status.ABORTED), nbytes=0)
    off = status(c, aborted.t_resp + 2, State.DISABLED)
    story = [*ev[: j + 1], ctrl(c, t, Cmd.ABORT), aborted, off]
    pair = judge(sys, story)
    passes(pair, 1)
    assert pair.undefined("A")
    write = [e for e in ev[j + 1 :] if isinstance(e, AxiWrite) and e.id == 1][0]
    late = replace(write, t_addr=off.t + 1, t_data=off.t + 2, t_resp=off.t + 3)
    assert rules(judge(sys, [*story, late])) & {"late-access", "unexplained-access"}
    silent = [*ev[: j + 1], ctrl(c, t, Cmd.RESET), status(c, end(ev), State.DISABLED)]
    passes(judge(sys, silent))
    # What had been asked for, the peer reads though the channel is disabled here.
    more = [
        replace(e, t_addr=off.t + 1, t_data=off.t + 2)
        for e in ev[j + 1 :]
        if isinstance(e, AxiRead) and e.id == 2
    ]
    passes(judge(sys, [*story, *more]), 1)
    passes(judge(sys, [*silent, *more]))


@pytest.mark.parametrize("resp", [SLVERR, DECERR])
def test_read_error_leaves_the_rest_unwritten(resp: int) -> None:
    """Stimulus: the peer's memory fails at the first request; later requests are under way. Checking: they are read there,
    even after the completion; not a byte is written here."""
    sys = RefSystem(8, channels=1)
    c = sys.nodes["A"].chans[0]
    d = sys.read(c, 2500, 0, 1)
    src = sys.plan(c, d).src
    sys.nodes["B"].mem.add_error(src, src + 1, resp, on_write=False)
    sys.submit(c, [d])
    ev = sys.trace()
    assert not [e for e in ev if isinstance(e, AxiWrite) and e.id == 1]
    passes(judge(sys), 1)
    k = next(i for i, e in enumerate(ev) if is_cpl(e))
    moved = [e for e in ev if isinstance(e, AxiRead) and e.id == 2 and e.resp == 0]
    assert moved
    t = ev[k].t_resp
    late = [replace(e, t_addr=t + 1, t_data=t + 2) for e in moved]
    passes(judge(sys, [*[e for e in ev if e not in moved], *late]), 1)


# link ----------------------------------------------------------------------------------------------
MTU = 256


def story(n: int = 2 * MTU + 5, bad: int | None = None) -> list[tuple[str, Frame]]:
    """A READ of n bytes in requests, and their answers; `bad`: the one that is answered by a status."""
    out: list[tuple[str, Frame]] = []
    answers = []
    reqs = split_requests(0, n, MTU)
    for k, r in enumerate(reqs):
        fl = flags(*[FrameFlag.FIRST] * (k == 0), *[FrameFlag.LAST] * (k == len(reqs) - 1))
        ask = Frame(
            FrameType.READ,
            flags=fl,
            src_ch=1,
            dst_ch=2,
            tag=9,
            op_seq=4,
            segaddr=77,
            total_len=n,
            offset=r.pos,
            operand0=r.n,
            link_seq=k,
        )
        out.append(("A", ask))
        data = replace(
            ask, type=FrameType.READ_DATA, src_ch=2, dst_ch=1, operand0=0, payload=bytes(r.n)
        )
        if k == bad:
            data = replace(data, payload=b"", status=int(Status.READ_SLVERR) | AT_PEER)
        answers.append(("B", data))
    return out + answers


def wire(frames: list[tuple[str, Frame]]) -> set[str]:
    return {x.rule for x in check_all([(s, f.build(8)) for s, f in frames], beat=8, mtu=MTU)}


@pytest.mark.parametrize("n", [1, MTU, MTU + 1, 5 * MTU])
@pytest.mark.parametrize("bad", [None, 0])
def test_read_frames(n: int, bad: int | None) -> None:
    """Stimulus: requests and answers, all good or one with a status. Checking: no fault; READ_DATA counts in
    the window of the requests, an op-ack in its own."""
    frames = story(n, bad)
    assert not wire(frames)
    k = len(frames) // 2
    one_ = flags(FrameFlag.FIRST, FrameFlag.LAST)
    w = Frame(FrameType.WRITE, flags=one_, tag=3, payload=b"x", total_len=1, link_seq=k)
    ack = Frame(FrameType.OP_ACK, tag=3)
    assert not wire([*frames, ("A", w), ("B", ack)])
    assert "link-seq" in wire([*frames, ("A", w), ("B", replace(ack, link_seq=k))])


BREACHES = {
    "asks for nothing": (0, {"operand0": 0}, "read"),
    "asks for too much": (0, {"operand0": MTU + 1}, "read"),
    "payload": (0, {"payload": b"x"}, "read"),
    "short in the middle": (1, {"operand0": MTU - 1}, "short-frame"),
    "skips": (1, {"offset": MTU + 1}, "offset"),
    "last too early": (1, {"flags": flags(FrameFlag.LAST)}, "last"),
    "answer too short": (3, {"payload": bytes(MTU - 1)}, "response"),
    "answer of another": (4, {"offset": 0}, "response"),
    "answer with status and data": (3, {"status": 0x91}, "response"),
    "status without bit 7": (3, {"status": 0x11, "payload": b""}, "response"),
    "answer to another channel": (3, {"dst_ch": 3}, "response"),
    "unknown tag": (3, {"tag": 8}, "response"),
    "own numbers": (3, {"link_seq": 7}, "link-seq"),
}


@pytest.mark.parametrize("name", BREACHES)
def test_read_frame_breaches(name: str) -> None:
    """Stimulus: a legal READ with one breach. Checking: its rule is named."""
    i, change, rule = BREACHES[name]
    frames = story()
    frames[i] = (frames[i][0], replace(frames[i][1], **change))
    assert rule in wire(frames)


def test_read_answers_are_owed() -> None:
    """Stimulus: an answer is missing, comes twice, or is an op-ack. Checking: noticed. A CANCEL is answered too."""
    frames = story()
    assert "unanswered" in wire(frames[:-1])
    other = replace(frames[0][1], tag=10, op_seq=5, link_seq=1, flags=flags(FrameFlag.FIRST, FrameFlag.LAST), total_len=9, operand0=9)
    assert wire([frames[0], ("A", other)]) == {"unanswered"}  # it stops for a reason of its own; each request is answered
    refused = replace(frames[3][1], payload=b"", status=int(Status.KEY_REVOKED) | AT_PEER)
    given_up = [frames[0], ("B", refused)]
    assert not wire(given_up) and wire([*given_up, ("A", other)]) == {"unanswered"}
    more = replace(refused, offset=MTU, link_seq=1)  # a request that was on its way
    assert not wire([*given_up, frames[1], ("B", more)])
    assert wire([*given_up, frames[1]]) == {"unanswered"}
    twice = replace(frames[-1][1], link_seq=3)
    assert "response" in wire([*frames, ("B", twice)])
    ack = Frame(FrameType.OP_ACK, tag=9, src_ch=2, dst_ch=1, op_seq=4)
    assert "response" in wire([*frames[:3], ("B", ack)])
    cancel = replace(frames[1][1], flags=flags(FrameFlag.CANCEL), operand0=0)
    ended = replace(
        frames[4][1], flags=0, payload=b"", status=int(Status.ABORTED) | AT_PEER, link_seq=1
    )
    assert not wire([frames[0], ("A", cancel), frames[3], ("B", ended)])
    assert "unanswered" in wire([frames[0], ("A", cancel), frames[3]])
