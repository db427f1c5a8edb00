# SPDX-License-Identifier: Apache-2.0
"""`Pair` in the corners: ambiguity, life of a channel, channel errors, link, interrupts."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest

from models import regmap
from models.events import (
    AxiRead,
    AxiWrite,
    CpuWrite,
    Event,
    Fault,
    LinkFrame,
    LinkState,
    NodeReset,
    RegRead,
    RegWrite,
)
from models.frame import Frame
from models.lay import (
    AT_PEER,
    MAY_HAVE_EXECUTED,
    Cmd,
    Cqe,
    Desc,
    DescFlag,
    FrameFlag,
    FrameType,
    Op,
    State,
    Status,
)
from models.memory import SLVERR
from models.pair import Pair, PairError
from models.tests.refsys import RefChannel, RefSystem, entries_of

pytestmark = pytest.mark.model


def judge(sys: RefSystem, events: list[Event] | None = None) -> Pair:
    pair = Pair(sys.params, sys.links, strict=False)
    pair.feed_all(sys.trace() if events is None else events)
    return pair


def rules(pair: Pair, require: int = 0) -> set[str]:
    with contextlib.suppress(PairError):
        pair.finish(require)
    return {e.rule for e in pair.errors}


def passes(pair: Pair, require: int = 0) -> None:
    pair.finish(require)


def is_cpl(e: Event) -> bool:
    return isinstance(e, AxiWrite) and e.id == 2


def first(events: list[Event], kind: type, **want: object) -> int:
    return next(
        i
        for i, e in enumerate(events)
        if isinstance(e, kind) and all(getattr(e, k) == v for k, v in want.items())
    )


def status(c: RefChannel, t: int, state: int, error: int = 0, busy: int = 0) -> RegRead:
    addr = regmap.guest(c.number, "STATUS")
    return RegRead(c.node.name, t, c.func, addr, state | busy << 4 | error << 8)


def ctrl(c: RefChannel, t: int, cmd: int) -> RegWrite:
    return RegWrite(c.node.name, t, c.func, regmap.guest(c.number, "CTRL"), int(cmd))


def end(events: list[Event]) -> int:
    return max(getattr(e, "t_resp", getattr(e, "t", 0)) for e in events) + 1


def with_entry(w: AxiWrite, **fields: int) -> AxiWrite:
    """The first entry of a completion write changed."""
    at = (w.strb & -w.strb).bit_length() - 1
    entry = replace(entries_of(w)[0], **fields)
    return replace(w, data=w.data[:at] + entry.pack() + w.data[at + 16 :])


# ambiguity ---------------------------------------------------------------------------------------
def test_same_source_for_two_operations() -> None:
    """Stimulus: two channels' operations of different lengths read one buffer at once.
    Checking: accepted, whichever is served first."""
    for seed in range(20):
        sys = RefSystem(seed, channels=1, max_burst=128)
        c = sys.nodes["A"].chans[0]
        long = sys.copy(c, 900, 0, 1)
        short = replace(sys.copy(c, 300, 0, 2), src=long.src)
        sys.submit(c, [long, short, Desc(Op.NOP, tag=3)])
        passes(judge(sys), 3)


def test_overlapping_destinations() -> None:
    """Stimulus: two unfenced FILLs of the same range.
    Checking: both values pass, a third does not."""
    sys = RefSystem(3, channels=1)
    c = sys.nodes["A"].chans[0]
    a = sys.fill(c, 100, 0, 1)
    b = replace(a, src=a.src ^ 0xFF, tag=2)
    sys.submit(c, [a, b, Desc(Op.NOP, tag=3)])
    passes(judge(sys), 3)
    ev = sys.trace()
    i = first(ev, AxiWrite, id=0)
    bad = replace(ev[i], data=bytes(len(ev[i].data)))
    assert "wrong-data" in rules(judge(sys, [*ev[:i], bad, *ev[i + 1 :]]))


def test_source_changed_in_between() -> None:
    """Stimulus: the source is rewritten after the read. Checking: what the read returned counts."""
    sys = RefSystem(4, channels=1)
    c = sys.nodes["A"].chans[0]
    d = sys.copy(c, 64, 0, 1)
    sys.submit(c, [d])
    ev = sys.trace()
    i = first(ev, AxiRead, id=1)
    src = sys.plan(c, d).src
    assert src is not None
    change = CpuWrite("A", ev[i].t_data, src, bytes(64))
    passes(judge(sys, [*ev[: i + 1], change, *ev[i + 1 :]]), 1)


def test_descriptor_changed_after_the_doorbell() -> None:
    """Stimulus: software rewrites a published descriptor before the fetch.
    Checking: the fetched one counts, and is noted."""
    sys = RefSystem(4, channels=1)
    c = sys.nodes["A"].chans[0]
    d = sys.copy(c, 64, 0, 1)
    sys.submit(c, [d])
    ev = sys.trace()
    i = first(ev, RegWrite, addr=regmap.guest(0, "DRING_PROD"))
    at = first(ev, CpuWrite, addr=c.ring_base)
    wrong = replace(ev[at], data=Desc(Op.NOP, tag=9).pack())
    good = replace(ev[at], t=ev[i].t)
    pair = judge(sys, [*ev[:at], wrong, *ev[at + 1 : i + 1], good, *ev[i + 1 :]])
    passes(pair, 1)
    assert any(a.rule == "descriptor-changed" for a in pair.allowances)


# life of a channel -------------------------------------------------------------------------------
def test_drain_and_second_life() -> None:
    """Stimulus: work, DRAIN, DISABLED, ENABLE, work. Checking: indices and phase start anew."""
    sys = RefSystem(6, channels=1, dlog2=2, clog2=2)
    c = sys.nodes["A"].chans[0]
    sys.submit(c, [sys.copy(c, 20, 0, k) for k in range(5)])
    t = c.t + 50
    sys.emit(t, ctrl(c, t, Cmd.DRAIN))
    sys.emit(t + 1, status(c, t + 1, State.DISABLED))
    c.dring.prod = c.dring.cons = c.cring.prod = c.cring.cons = 0
    c.cring.phase = c.cring.soft_phase = 1
    # Old entries have phase 1, too: software clears the ring before it enables.
    sys.cpu(c.node, t + 2, c.cring.base, bytes(c.cring.bytes))
    sys.enable(c, t + 2)
    c.t = t + 3
    sys.submit(c, [sys.copy(c, 20, 0, 0x100 + k) for k in range(5)])
    pair = judge(sys)
    passes(pair, 10)
    assert [x.tag for x, _ in pair.completions("A", 0)] == [*range(5), *range(0x100, 0x105)]


def test_drain_is_not_over_before_its_work() -> None:
    """Stimulus: DISABLED shown after DRAIN, a descriptor outstanding.
    Checking: 'early-disabled'."""
    sys = RefSystem(6, channels=1)
    c = sys.nodes["A"].chans[0]
    sys.submit(c, [sys.copy(c, 20, 0, 1)])
    ev = sys.trace()
    k = next(i for i, e in enumerate(ev) if is_cpl(e))
    t = ev[k].t_addr - 1
    early = [*ev[:k], ctrl(c, t, Cmd.DRAIN), status(c, t, State.DISABLED)]
    assert "early-disabled" in rules(judge(sys, early))
    late = [*ev[:k], ctrl(c, t, Cmd.DRAIN), status(c, t, State.DRAINING), ev[k]]
    passes(judge(sys, [*late, status(c, end(ev), State.DISABLED)]), 1)


def test_drained_work_without_completion_counts() -> None:
    """Stimulus: DRAIN behind a good descriptor that reports nothing. Checking: it is counted."""
    sys = RefSystem(6, channels=1)
    c = sys.nodes["A"].chans[0]
    sys.submit(c, [sys.copy(c, 20, 0, 1), sys.copy(c, 20, 1 << DescFlag.NO_CPL, 2)])
    ev = sys.trace()
    t = end(ev)
    ev += [ctrl(c, t, Cmd.DRAIN), status(c, t + 1, State.DISABLED)]
    count = RegRead("A", t + 2, c.func, regmap.guest(0, "CNT_DESC"), 2)
    passes(judge(sys, [*ev, count]), 1)
    assert "wrong-register" in rules(judge(sys, [*ev, replace(count, data=1)]))


def test_published_after_drain_is_not_executed() -> None:
    """Stimulus: DRAIN, then a doorbell whose descriptor is executed. Checking: refused."""
    sys = RefSystem(6, channels=1)
    c = sys.nodes["A"].chans[0]
    sys.submit(c, [sys.copy(c, 20, 0, 1)])
    ev = sys.trace()
    i = first(ev, RegWrite, addr=regmap.guest(0, "DRING_PROD"))
    assert rules(judge(sys, [*ev[:i], ctrl(c, ev[i].t, Cmd.DRAIN), *ev[i:]]))


def test_paused_work_may_wait() -> None:
    """Stimulus: a doorbell while PAUSED, no work done. Checking: not owed; after RESUME it is."""
    sys = RefSystem(6, channels=1)
    c = sys.nodes["A"].chans[0]
    sys.cpu(c.node, c.t, c.ring_base, sys.copy(c, 20, 0, 1).pack())
    ev = sys.trace()
    ring = RegWrite("A", c.t, c.func, regmap.guest(0, "DRING_PROD"), 1)
    paused = [*ev, ctrl(c, c.t, Cmd.PAUSE), status(c, c.t + 1, State.PAUSED), ring]
    pair = judge(sys, paused)
    assert not pair.pending()
    passes(pair)
    pair = judge(sys, [*paused, ctrl(c, c.t + 5, Cmd.RESUME)])
    assert len(pair.pending()) == 1
    assert rules(pair) == {"missing-completion"}


def test_bad_ring() -> None:
    """Stimulus: a set-up with a bad size. Checking: DISABLED with BAD_RING, ACTIVE is wrong."""
    sys = RefSystem(6, channels=1)
    c = sys.nodes["A"].chans[0]
    reset = [ctrl(c, 50, Cmd.RESET), status(c, 51, State.DISABLED)]
    for reg, value in (
        ("DRING_SIZE", 1),
        ("CRING_SIZE", 13),
        ("DRING_BASE", c.node.table.address(c.seg(0), 32)),
        ("CRING_BASE", c.node.table.address(c.seg(1), 0)),  # no ring right
        ("DRING_BASE", c.node.table.address(c.seg(0), (1 << 20) - 32)),
    ):
        bad = RegWrite("A", 52, c.func, regmap.guest(0, reg), value)
        ev = [*sys.trace(), *reset, bad, ctrl(c, 53, Cmd.ENABLE)]
        passes(judge(sys, [*ev, status(c, 54, State.DISABLED, Status.BAD_RING)]))
        assert "wrong-state" in rules(judge(sys, [*ev, status(c, 54, State.ACTIVE)]))
        good = RegWrite(
            "A",
            55,
            c.func,
            regmap.guest(0, reg),
            {
                "DRING_SIZE": 3,
                "CRING_SIZE": 3,
                "DRING_BASE": c.node.table.address(c.seg(0), 0),
                "CRING_BASE": c.node.table.address(c.seg(0), 1 << 19),
            }[reg],
        )
        again = [*ev, good, ctrl(c, 56, Cmd.ENABLE), status(c, 57, State.ACTIVE, Status.BAD_RING)]
        passes(judge(sys, again))


def test_node_reset_makes_all_new() -> None:
    """Stimulus: rst in mid-flight, and a late write.
    Checking: nothing owed; the late write is named."""
    sys = RefSystem(6, channels=1)
    c = sys.nodes["A"].chans[0]
    sys.submit(c, [sys.copy(c, 900, 0, 1)])
    ev = sys.trace()
    k = first(ev, AxiWrite, id=0)
    cut = [*ev[:k], NodeReset("A", ev[k].t_addr)]
    passes(judge(sys, cut))
    late = replace(ev[k], t_addr=end(ev), t_data=end(ev) + 1, t_resp=end(ev) + 2)
    assert rules(judge(sys, [*cut, late])) == {"late-access"}


# channel errors ----------------------------------------------------------------------------------
def test_doorbell_outside_the_ring() -> None:
    """Stimulus: a producer doorbell of the ring's size.
    Checking: ERROR may show, work is not owed."""
    sys = RefSystem(6, channels=1, dlog2=3)
    c = sys.nodes["A"].chans[0]
    bell = RegWrite("A", 60, c.func, regmap.guest(0, "DRING_PROD"), 8)
    ev = [*sys.trace(), bell]
    passes(judge(sys, [*ev, status(c, 61, State.ERROR, Status.DOORBELL_RANGE)]))
    wrong = status(c, 61, State.ERROR, Status.BAD_RING)
    assert "wrong-state" in rules(judge(sys, [*ev, wrong]))
    fine = replace(bell, data=0)
    assert "wrong-state" in rules(
        judge(sys, [*sys.trace(), fine, status(c, 61, State.ERROR, Status.DOORBELL_RANGE)])
    )


def test_fetch_error_stops_the_channel() -> None:
    """Stimulus: SLVERR on a fetch. Checking: nothing after it is owed; its code in STATUS."""
    sys = RefSystem(6, channels=1)
    c = sys.nodes["A"].chans[0]
    sys.submit(c, [sys.copy(c, 20, 0, 1)])
    ev = sys.trace()
    k = first(ev, AxiRead, id=0)
    cut = [*ev[:k], replace(ev[k], resp=SLVERR)]
    read = status(c, end(ev), State.ERROR, Status.FETCH_SLVERR)
    passes(judge(sys, [*cut, read]))
    assert "missing-completion" in rules(judge(sys, ev[: k + 1]))


def test_completion_write_error_mutes_the_channel() -> None:
    """Stimulus: SLVERR on a completion write, then another completion.
    Checking: that one is extra."""
    sys = RefSystem(6, channels=1)
    c = sys.nodes["A"].chans[0]
    for k in range(2):
        sys.submit(c, [sys.copy(c, 20, 0, k)])
    ev = sys.trace()
    i, j = (k for k, e in enumerate(ev) if is_cpl(e))
    broken = [*ev[:i], replace(ev[i], resp=SLVERR), *ev[i + 1 :]]
    assert "extra-completion" in rules(judge(sys, broken))
    passes(judge(sys, [*broken[:j], status(c, end(ev), State.ERROR, Status.CPL_WRITE)]))


# link --------------------------------------------------------------------------------------------
def _write() -> tuple[RefSystem, RefChannel, list[Event], int]:
    sys = RefSystem(8, channels=1)
    c = sys.nodes["A"].chans[0]
    sys.submit(c, [sys.write(c, 2000, 0, 1)])
    ev = sys.trace()
    return sys, c, ev, next(k for k, e in enumerate(ev) if is_cpl(e))


def test_link_lost_in_mid_flight() -> None:
    """Stimulus: the link falls during a WRITE. Checking: LINK_ERROR with MAY_HAVE_EXECUTED only."""
    sys, _, ev, k = _write()
    n = first(ev, AxiWrite, id=1)
    fail = with_entry(ev[k], status=int(Status.LINK_ERROR), status2=MAY_HAVE_EXECUTED, nbytes=0)
    down = Fault("A", ev[n].t_resp, "link_down", 0)
    ev2 = [*ev[: n + 1], down, fail]
    pair = judge(sys, ev2)
    passes(pair, 1)
    assert pair.undefined("B")
    assert "wrong-completion" in rules(judge(sys, [*ev[: n + 1], fail]))  # nobody disturbed it
    silent = with_entry(fail, status2=0)
    assert "wrong-completion" in rules(judge(sys, [*ev[: n + 1], down, silent]))
    # what was on its way may still land; content undefined there
    passes(judge(sys, [*ev2, *[e for e in ev[n + 1 :] if isinstance(e, AxiWrite) and e.id == 1]]))


def test_nothing_of_peer_down_is_written() -> None:
    """Stimulus: PEER_DOWN for a WRITE of which a burst is written, before or after its completion.
    Checking: not accepted: it says that nothing was begun."""
    sys, _, ev, k = _write()
    n = first(ev, AxiWrite, id=1)
    down = Fault("A", ev[n].t_resp, "link_down", 0)
    states = [LinkState(x, ev[n].t_resp, 0, False) for x in "AB"]
    refused = with_entry(ev[k], status=int(Status.PEER_DOWN), nbytes=0)
    assert "wrong-completion" in rules(judge(sys, [*ev[: n + 1], down, *states, refused]))
    late = replace(ev[n], t_resp=refused.t_resp + 1)
    assert "late-access" in rules(judge(sys, [*ev[:n], down, *states, refused, late]))


def test_reads_of_what_the_link_ended() -> None:
    """Stimulus: a WRITE ends with LINK_ERROR while a read of it is under way; then ABORT.
    Checking: the read passes until DISABLED shows; then it is early or late; without end it is late."""
    sys, c, ev, k = _write()
    n = first(ev, AxiRead, id=1)
    fail = with_entry(ev[k], status=int(Status.LINK_ERROR), status2=MAY_HAVE_EXECUTED, nbytes=0)
    lost = [*ev[:n], Fault("A", ev[n].t_addr, "link_down", 0), fail]
    t = fail.t_resp + 1
    off = [ctrl(c, t, Cmd.ABORT), status(c, t + 1, State.DISABLED)]
    under_way = replace(ev[n], t_data=t + 9)
    fresh = replace(under_way, t_addr=t + 2)
    passes(judge(sys, [*lost, replace(ev[n], t_data=t), *off]), 1)
    passes(judge(sys, [*lost, fresh]), 1)
    assert rules(judge(sys, [*lost, *[fresh] * (sys.params["A"].ar_queue + 1)])) == {"late-access"}
    assert rules(judge(sys, [*lost, *off, under_way])) == {"early-disabled"}
    assert rules(judge(sys, [*lost, *off, fresh])) == {"late-access"}


def test_counters_of_a_node_that_was_reset() -> None:
    """Stimulus: the peer is reset between the last write of a WRITE and its completion here.
    Checking: its counter starts at 0; what was written before does not count."""
    sys, _, ev, k = _write()
    far = sys.nodes["B"].chans[0]
    count = RegRead("B", end(ev), 0, regmap.guest(far.number, "CNT_WR_BYTES"), 0)
    reset = NodeReset("B", ev[k].t_resp)
    passes(judge(sys, [*ev[:k], reset, ev[k], count]), 1)
    assert "wrong-register" in rules(judge(sys, [*ev[:k], reset, ev[k], replace(count, data=2000)]))


def test_peer_down() -> None:
    """Stimulus: the link is down before the doorbell. Checking: PEER_DOWN and nothing else."""
    sys, _, ev, k = _write()
    i = first(ev, RegWrite, addr=regmap.guest(0, "DRING_PROD"))
    j = first(ev, AxiRead, id=1)
    before = [*ev[:i], LinkState("A", ev[i].t - 1, 0, False), *ev[i:j]]
    refused = with_entry(ev[k], status=int(Status.PEER_DOWN), nbytes=0)
    passes(judge(sys, [*before, refused]), 1)
    assert rules(judge(sys, [*before, with_entry(refused, status=0, nbytes=2000)]))
    assert rules(judge(sys, [*ev[:j], refused]))


def test_waiting_for_the_link() -> None:
    """Stimulus: the link is down before the doorbell and LINK_WAIT is 2, 3, 3 just before the end, or without limit.
    Checking: PEER_DOWN only if it was down for LINK_WAIT units."""
    sys, _, ev, k = _write()
    i = first(ev, RegWrite, addr=regmap.guest(0, "DRING_PROD"))
    j = first(ev, AxiRead, id=1)
    period = 10
    t = ev[i].t
    where = regmap.chan(0, "CH_RETRY")

    def outcome(units: int, since: int, fell: int, end: int) -> set[str]:
        head = [e for e in ev[:i] if e.t < t]
        before = sorted([*head, LinkState("A", 0, 0, True), RegWrite("A", since, 0, where, units << 16),
                         LinkState("A", fell, 0, False)], key=lambda e: e.t)
        refused = replace(with_entry(ev[k], status=int(Status.PEER_DOWN), nbytes=0), t_addr=end - 1, t_resp=end)
        pair = Pair(sys.params, sys.links, strict=False, periods={"A": period, "B": period})
        pair.feed_all([*before, *ev[i:j], refused])
        return rules(pair)

    fell = t - 1
    assert outcome(2, 0, fell, fell + 2 * 1024 * period + 1) == set()
    assert outcome(3, 0, fell, fell + 2 * 1024 * period + 1) == {"wrong-completion"}
    assert outcome(0xFFFF, 0, fell, fell + 2 * 1024 * period + 1) == {"wrong-completion"}
    assert outcome(0, 0, fell, t + 1000) == set()


def test_link_that_came_back() -> None:
    """Stimulus: the link falls and returns between the doorbell and the fetch. Checking: the WRITE may end
    well; LINK_ERROR it may not without a fall after that, and not because of noise."""
    sys, _, ev, k = _write()
    i = first(ev, RegWrite, addr=regmap.guest(0, "DRING_PROD"))
    t = ev[i].t
    up = [LinkState("A", 0, 0, True), LinkState("B", 0, 0, True)]
    gone = [LinkState("A", t, 0, False), LinkState("A", t, 0, True)]
    passes(judge(sys, [*up, *ev[: i + 1], *gone, *ev[i + 1 :]]), 1)
    noise = Fault("A", t, "link_noise", 0)
    passes(judge(sys, [*up, noise, *ev]), 1)
    fail = with_entry(ev[k], status=int(Status.LINK_ERROR), status2=MAY_HAVE_EXECUTED, nbytes=0)
    assert rules(judge(sys, [*up, noise, *ev[:k], fail])) == {"wrong-completion"}


def test_nothing_is_written_before_its_fetch() -> None:
    """Stimulus: a byte that fits a published WRITE is written before the WRITE's descriptor was read.
    Checking: it is not taken for it."""
    sys, _, ev, _ = _write()
    n = first(ev, AxiWrite, id=1)
    f = first(ev, AxiRead, id=0)
    early = replace(ev[n], t_addr=ev[f].t_addr - 1, t_data=ev[f].t_addr - 1, t_resp=ev[f].t_addr - 1)
    assert "unexplained-access" in rules(judge(sys, [*ev[:f], early, *ev[f:]]))


def test_peer_refuses_an_unbound_channel() -> None:
    """Stimulus: the far channel is bound elsewhere. Checking: PEER_REFUSED from the peer."""
    sys, _, ev, k = _write()
    bind = regmap.chan(0, "CH_BIND")
    i = first(ev, RegWrite, node="B", addr=bind)
    j = first(ev, AxiWrite, id=1)
    other = [*ev[:i], replace(ev[i], data=regmap.ch_bind(5, 0)), *ev[i + 1 : j]]
    want = int(Status.PEER_REFUSED) | AT_PEER
    passes(judge(sys, [*other, with_entry(ev[k], status=want, nbytes=0)]), 1)
    assert "unexplained-access" in rules(judge(sys, [*other, ev[j]]))
    assert "wrong-completion" in rules(
        judge(sys, [*other, with_entry(ev[k], status=want & 0x7F, nbytes=0)])
    )


def test_frames_are_checked() -> None:
    """Stimulus: frames with a bad CRC and a jump of LINK_SEQ. Checking: 'frame'."""
    sys = RefSystem(1)
    one = 1 << FrameFlag.FIRST | 1 << FrameFlag.LAST
    base = Frame(FrameType.WRITE, flags=one, payload=bytes(9), total_len=9)
    good = [
        LinkFrame("A", "B", k, replace(base, link_seq=k, op_seq=k, tag=k).build(8))
        for k in range(3)
    ]
    passes(judge(sys, [*sys.trace(), *good]))
    assert "frame" in rules(judge(sys, [*sys.trace(), good[0], good[2]]))
    raw = bytearray(good[0].raw)
    raw[3] ^= 1
    broken = replace(good[0], raw=bytes(raw))
    assert "frame" in rules(judge(sys, [*sys.trace(), broken]))


# interrupts --------------------------------------------------------------------------------------
def test_msix() -> None:
    """Stimulus: messages after, before and without completions. Checking: only 'after' passes."""
    sys = RefSystem(9, channels=1)
    c = sys.nodes["A"].chans[0]
    sys.reg(c.node, 3, regmap.MSIX_TABLE, 0xFEE00004)
    sys.reg(c.node, 3, regmap.MSIX_TABLE + 8, 0x41)
    sys.submit(c, [sys.copy(c, 20, 1 << DescFlag.IRQ, 1)])
    ev = sys.trace()
    t = end(ev)
    data = bytes(4) + (0x41).to_bytes(4, "little")
    msg = AxiWrite("A", t, t + 1, t + 2, 3, 0xFEE00000, 1, 8, 0, data, 0xF0)
    passes(judge(sys, [*ev, msg]), 1)
    assert "interrupt" in rules(judge(sys, [*ev, msg, replace(msg, t_addr=t + 9, t_resp=t + 11)]))
    cpl = next(e for e in ev if is_cpl(e))
    assert "interrupt" in rules(judge(sys, [*ev, replace(msg, t_addr=cpl.t_resp - 1)]))
    assert "interrupt" in rules(judge(sys, [*ev, replace(msg, data=bytes(8))]))
    assert "burst-shape" in rules(judge(sys, [*ev, replace(msg, strb=0xFF)]))


def test_completion_bursts_are_not_data_bursts() -> None:
    """Stimulus: completions of NOPs in one burst of 1 to 9 entries, MAX_BURST_BYTES 64.
    Checking: up to 8 pass, more than a data burst has bytes; 9 do not."""
    for n in range(1, 10):
        sys = RefSystem(n, channels=1, max_burst=64, clog2=5, dlog2=5)
        c = sys.nodes["A"].chans[0]
        sys.submit(c, [Desc(Op.NOP, tag=k) for k in range(n)])
        ev = sys.trace()
        cpl = [e for e in ev if is_cpl(e)]
        raw = b"".join(x.pack() for e in cpl for x in entries_of(e))
        beat = cpl[0].beat_bytes
        one = replace(cpl[-1], addr=cpl[0].addr, beats=len(raw) // beat, data=raw, strb=(1 << len(raw)) - 1)
        report = judge(sys, [e for e in ev if not is_cpl(e)] + [one])
        assert rules(report) == (set() if n <= 8 else {"burst-shape"}), n


def test_notify_there() -> None:
    """Stimulus: WRITE with NOTIFY, a message at the peer. Checking: it needs the last response."""
    sys = RefSystem(9, channels=1)
    c = sys.nodes["A"].chans[0]
    b = sys.nodes["B"]
    sys.reg(b, 3, regmap.MSIX_TABLE, 0xFEE00000)
    sys.reg(b, 3, regmap.MSIX_TABLE + 8, 0x7)
    sys.submit(c, [sys.write(c, 200, 1 << DescFlag.NOTIFY, 1)])
    ev = sys.trace()
    last = max((e for e in ev if isinstance(e, AxiWrite) and e.id == 1), key=lambda e: e.t_resp)
    k = ev.index(last)
    t = last.t_resp + 1
    msg = AxiWrite("B", t, t, t, 3, 0xFEE00000, 1, 8, 0, bytes([7]) + bytes(7), 0x0F)
    passes(judge(sys, [*ev[: k + 1], msg, *ev[k + 1 :]]), 1)
    early = replace(msg, t_addr=last.t_resp, t_data=last.t_resp, t_resp=last.t_resp)
    assert "interrupt" in rules(judge(sys, [*ev[:k], early, *ev[k:]]))


# doing without -----------------------------------------------------------------------------------
def test_undefined_ranges_are_not_compared() -> None:
    """Stimulus: an error in mid-flight, a memory that differs there.
    Checking: passes there only."""
    sys = RefSystem(9, channels=1)
    c = sys.nodes["A"].chans[0]
    d = sys.copy(c, 900, 0, 1)
    plan = sys.plan(c, d)
    assert plan.dst is not None
    c.node.mem.add_error(plan.dst + 600, plan.dst + 601, SLVERR, on_read=False)
    sys.submit(c, [d])
    pair = judge(sys)
    passes(pair, 1)
    c.node.mem.write(plan.dst + 700, b"?")
    pair.compare_memory("A", c.node.mem)
    c.node.mem.write(plan.dst + 900, b"?")
    assert pair.compare_memory("A", c.node.mem)


def test_completion_entries_helper() -> None:
    """Stimulus: a completion in the upper half of a wide beat. Checking: found there."""
    raw = Cqe(5).pack()
    w = AxiWrite("A", 0, 1, 2, 2, 0, 1, 32, 0, bytes(16) + raw, 0xFFFF0000)
    assert entries_of(w) == [Cqe(5)]
    assert entries_of(with_entry(w, tag=6)) == [Cqe(6)]


def test_status_while_a_command_is_under_way() -> None:
    """Stimulus: STATUS reads around a command. Checking: the old state passes with BUSY, or when it
    was asked for before the command."""
    sys = RefSystem(6, channels=1)
    c = sys.nodes["A"].chans[0]
    ev = [*sys.trace(), ctrl(c, 60, Cmd.RESET)]
    passes(judge(sys, [*ev, status(c, 61, State.ACTIVE, busy=1)]))
    passes(judge(sys, [*ev, replace(status(c, 61, State.ACTIVE), t_addr=59)]))
    assert "wrong-state" in rules(judge(sys, [*ev, status(c, 61, State.ACTIVE)]))
    passes(judge(sys, [*ev, status(c, 61, State.RESETTING, busy=1)]))
    passes(judge(sys, [*ev, status(c, 61, State.DISABLED)]))


def test_error_state_may_show_before_its_completion() -> None:
    """Stimulus: STOP_ON_ERROR; STATUS is read between the error and its completion.
    Checking: ERROR with the code passes, ERROR with another does not."""
    sys = RefSystem(2, channels=1, dlog2=4, stop=True)
    c = sys.nodes["A"].chans[0]
    sys.submit(c, [Desc(0x99, tag=1)])
    ev = sys.trace()
    k = next(i for i, e in enumerate(ev) if is_cpl(e))
    t = ev[k].t_addr - 1
    for code, ok in ((Status.BAD_OPCODE, True), (Status.BAD_FLAGS, False)):
        got = rules(judge(sys, [*ev[:k], status(c, t, State.ERROR, code), ev[k]]))
        assert ("wrong-state" not in got) == ok


def test_fetch_outstanding_when_disabled_shows() -> None:
    """Stimulus: RESET, DISABLED, then the end of a fetch. Checking: 'early-disabled'."""
    sys = RefSystem(6, channels=1)
    c = sys.nodes["A"].chans[0]
    sys.submit(c, [sys.copy(c, 20, 0, 1)])
    ev = sys.trace()
    k = first(ev, AxiRead, id=0)
    t = ev[k].t_data - 1
    quiet = [ctrl(c, t - 1, Cmd.RESET), status(c, t, State.DISABLED)]
    assert rules(judge(sys, [*ev[:k], *quiet, ev[k]])) == {"early-disabled"}


# revocation --------------------------------------------------------------------------------------
def _revoked_story(op: str, at: str) -> tuple[RefSystem, list[Event], list[Event], list[Event]]:
    """A trace; the change of the key on node `at` with its request; the events that touch its memory after the
    first of them (each a millisecond later); and all before."""
    sys = RefSystem(8, channels=1, max_burst=128)
    c = sys.nodes["A"].chans[0]
    sys.submit(c, [getattr(sys, op)(c, 2500, 0, 1)])
    ev = sys.trace()
    reads = {"write": "A", "read": "B", "copy": None}[op] == at
    kind, number = (AxiRead, 2 if op == "read" else 1) if reads else (AxiWrite, 0 if op == "copy" else 1)
    touch = [e for e in ev if isinstance(e, kind) and e.node == at and e.id == number]
    k = ev.index(touch[0])
    node, seg = sys.nodes[at], (2 if at == "B" else 1)
    old = node.table.get(seg)
    t = end(ev)
    change = [
        RegWrite(at, t, 0, regmap.seg(seg, "SEG_CTRL"),
                 regmap.seg_ctrl(old.rights, old.channel, old.peer, old.gen + 1, True)),
        RegWrite(at, t + 1, 0, regmap.node("REVOKE"), 5, 3),
    ]
    late = [
        replace(e, t_addr=t + 1000, t_data=t + 1001, **({} if reads else {"t_resp": t + 1002}))
        for e in touch[1:]
    ]
    rest = [e for e in ev[: k + 1] if e not in touch[1:]]
    return sys, rest, change, late


@pytest.mark.parametrize(("op", "at"), [("copy", "A"), ("write", "A"), ("write", "B"), ("read", "A"), ("read", "B")])
def test_acknowledged_revocation(op: str, at: str) -> None:
    """Stimulus: a key is revoked in the middle of an operation, on the side of its source or of its destination; another burst of
    it comes before, or after, the acknowledgement was read. Checking: before: accepted; after: 'revoked'; an
    acknowledgement of another number does not count; the old key granted again is no breach."""
    sys, rest, change, late = _revoked_story(op, at)
    t = change[-1].t

    def ack(number: int) -> RegRead:
        return RegRead(at, t + 10, 0, regmap.node("REVOKE"), number << 32 | 5)

    one = late[:1]
    if op == "read" and at == "A":  # what is written must have been read
        one = []
        ev = sys.trace()
        got = [e for e in ev if isinstance(e, AxiRead) and e.id == 2]
        rest = [*rest, *[e for e in got if e not in rest]]
        one = late[:1]
    if op == "write" and at == "B" or op == "copy":
        ev = sys.trace()
        rest = [*rest, *[e for e in ev if isinstance(e, AxiRead) and e.id == 1 and e not in rest]]
    for between, want in (([], False), ([ack(4)], False), ([ack(5)], True)):
        found = rules(judge(sys, [*rest, *change, *between, *one]))
        assert ("revoked" in found) == want, (between, found)
    again = replace(change[0], t=t + 20, data=change[0].data - (1 << 32))
    assert "revoked" not in rules(judge(sys, [*rest, *change, ack(5), again, *one]))
