# SPDX-License-Identifier: Apache-2.0
"""The arbitration properties hold for a plain deficit round robin, and notice what breaks them."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.arb import (
    BurstSeen,
    ChannelCfg,
    Grant,
    _excess,
    check_bursts,
    check_mgmt,
    check_one_percent,
    check_priority,
    check_rate,
    check_shares,
    check_urgency,
    check_work_conserving,
    share_bound,
    simulate_drr,
)

pytestmark = pytest.mark.model

MB = 512
weights = st.lists(st.integers(1, 8), min_size=2, max_size=8)
sizes = st.lists(st.integers(1, MB), min_size=1, max_size=6)


@given(weights, st.data())
def test_drr_keeps_its_shares(ws: list[int], data: st.DataObject) -> None:
    """Stimulus: weights and chunk sizes. Checking: the bound of the design in every window."""
    cfg = {i: ChannelCfg(weight=w) for i, w in enumerate(ws)}
    chunk = {i: data.draw(sizes) for i in cfg}
    trace = simulate_drr(cfg, chunk, MB, 600)
    assert not check_shares(trace, cfg, MB)
    assert not check_shares(trace, cfg, MB, always=list(cfg))
    assert not check_priority(trace, cfg)


@given(weights, st.data())
def test_frames_keep_their_shares(ws: list[int], data: st.DataObject) -> None:
    """Stimulus: some channels send frames of several bursts, for one pick.
    Checking: the bound with the frame as the unit, also in windows that begin or end in a frame."""
    cfg = {i: ChannelCfg(weight=w) for i, w in enumerate(ws)}
    frames = {i: data.draw(st.integers(MB, 8 * MB)) for i in cfg if data.draw(st.booleans())}
    chunk = {
        i: data.draw(st.lists(st.integers(1, frames.get(i, MB)), min_size=1, max_size=6))
        for i in cfg
    }
    trace = [
        replace(g, nbytes=min(MB, g.nbytes - done), pick=done == 0)
        for g in simulate_drr(cfg, chunk, MB, 400)
        for done in range(0, g.nbytes, MB)
    ]
    assert not check_shares(trace, cfg, MB, frames=frames)


@given(weights)
def test_bound_of_the_design(ws: list[int]) -> None:
    """Stimulus: weights. Checking: without frames the bound is never above the design's."""
    cfg = {i: ChannelCfg(weight=w) for i, w in enumerate(ws)}
    for i, w in enumerate(ws):
        design = w * MB + MB * (1 + Fraction(len(ws) * w, sum(ws)))
        assert share_bound(i, list(cfg), cfg, MB) <= design


@pytest.mark.parametrize("unit", [MB, 2 * MB, 4 * MB])
def test_bound_is_reached(unit: int) -> None:
    """Stimulus: two channels; turns that end exactly, or a byte before with a whole unit on top.
    Checking: some window comes within 1% of the bound, so a smaller one would be wrong."""
    cfg = {0: ChannelCfg(), 1: ChannelCfg()}
    frames = dict.fromkeys(cfg, unit)
    rng = Random(1)
    worst = Fraction(0)
    for _ in range(20):
        chunk = {i: rng.choices((1, MB - 1, MB, unit), k=50) for i in cfg}
        trace = simulate_drr(cfg, chunk, MB, 2000)
        assert not check_shares(trace, cfg, MB, frames=frames)
        worst = max(worst, *(_excess(trace, i, [0, 1], cfg)[0] for i in cfg))
    assert worst > Fraction(99, 100) * share_bound(0, [0, 1], cfg, MB, frames)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, MB)), min_size=1, max_size=60), weights)
def test_excess_is_the_worst_window(items: list[tuple[int, int]], ws: list[int]) -> None:
    """Stimulus: any trace. Checking: the running computation equals all windows tried."""
    ws = (ws * 2)[:3]
    cfg = {i: ChannelCfg(weight=w) for i, w in enumerate(ws)}
    trace = [Grant(k, ch, n, 7) for k, (ch, n) in enumerate(items)]
    total = sum(ws)
    for i in cfg:
        worst = max(
            abs(
                total * sum(g.nbytes for g in trace[a:b] if g.ch == i)
                - ws[i] * sum(g.nbytes for g in trace[a:b])
            )
            for a in range(len(trace))
            for b in range(a, len(trace) + 1)
        )
        assert _excess(trace, i, [0, 1, 2], cfg)[0] * total == worst


def test_unfair_is_noticed() -> None:
    """Stimulus: one of two gets nothing for long. Checking: 'share'."""
    cfg = {0: ChannelCfg(), 1: ChannelCfg()}
    bad = [Grant(i, 0, MB, 3) for i in range(8)]
    assert check_shares(bad, cfg, MB)[0].rule == "share"
    # alone it may have everything
    assert not check_shares([replace(g, eligible=1) for g in bad], cfg, MB)
    assert share_bound(0, [0, 1], cfg, MB) == MB + Fraction(MB, 2)


def test_one_percent() -> None:
    """Stimulus: fair and unfair mebibytes. Checking: only the unfair one is named."""
    cfg = {0: ChannelCfg(weight=1), 1: ChannelCfg(weight=3)}
    fair = simulate_drr(cfg, {0: [MB], 1: [MB]}, MB, 6000)
    assert not check_one_percent(fair, cfg, [0, 1])
    unfair = [replace(g, nbytes=g.nbytes - 64 * (g.ch == 1)) for g in fair]
    assert check_one_percent(unfair, cfg, [0, 1])


def test_priority() -> None:
    """Stimulus: a lower class picked while a higher waits.
    Checking: noticed, but for management."""
    cfg = {0: ChannelCfg(cls=0), 1: ChannelCfg(cls=3), 2: ChannelCfg(cls=0, mgmt=True)}
    assert check_priority([Grant(0, 0, 64, 0b011)], cfg)
    assert not check_priority([Grant(0, 1, 64, 0b011)], cfg)
    assert not check_priority([Grant(0, 1, 64, 0b111), Grant(1, 2, 64, 0b110)], cfg)
    assert check_priority([Grant(0, 1, 64, 0b111), Grant(1, 2, 64, 0b110)], cfg, mgmt_gap=16)
    assert check_priority([Grant(0, 0, 64, 0b010)], cfg)[0].rule == "eligible"


def test_mgmt() -> None:
    """Stimulus: management passed over 31 and 32 times. Checking: 32 is too many."""
    cfg = {0: ChannelCfg(cls=3), 1: ChannelCfg(mgmt=True)}
    ok = [Grant(i, 0, 64, 3) for i in range(31)] + [Grant(31, 1, 64, 3)]
    assert not check_mgmt(ok * 3, cfg)
    assert check_mgmt([Grant(i, 0, 64, 3) for i in range(32)], cfg)


@given(st.integers(64, 2000), st.integers(0, 4000), st.lists(st.integers(1, MB), min_size=1))
def test_rate(rate: int, burst: int, chunks: list[int]) -> None:
    """Stimulus: a token bucket that lets a chunk go while it holds something.
    Checking: passes; double fails."""
    cfg = {0: ChannelCfg(rate=rate, burst=burst)}
    trace = []
    tokens, cycle = 256 * burst, 0
    for n in (chunks * 40)[:400]:
        while tokens <= 0:
            cycle += 1
            tokens = min(256 * burst, tokens + rate) if burst else tokens + rate
        trace.append(Grant(cycle, 0, n, 1))
        tokens -= 256 * n
    assert not check_rate(trace, cfg, MB)
    flood = [Grant(i, 0, MB, 1) for i in range(200)]
    assert check_rate(flood, cfg, MB)


def test_urgency() -> None:
    """Stimulus: waiting bytes below and above a bound. Checking: only above is named."""
    trace = [Grant(0, 0, MB, 3), Grant(1, 0, MB, 3), Grant(2, 1, 64, 3)]
    assert not check_urgency(trace, 1, 2 * MB)
    assert check_urgency(trace, 1, 2 * MB - 1)
    assert not check_urgency([replace(g, eligible=1) for g in trace[:2]] + trace[2:], 1, 0)


def test_work_conserving() -> None:
    """Stimulus: idle cycles with work. Checking: limit."""
    idle = [(c, 1) for c in range(5)]
    assert not check_work_conserving([], idle, 5)
    assert check_work_conserving([], idle, 4)
    assert not check_work_conserving([], [(c, c % 2) for c in range(9)], 1)


def test_bursts() -> None:
    """Stimulus: bursts. Checking: edges, lengths, sums; writes may touch one beat more."""
    good = [BurstSeen(0, 0xFC0, 8), BurstSeen(1, 0x1000, 64)]
    assert not check_bursts(good, 8, MB, 72)
    assert check_bursts(good, 8, MB, 73)[0].rule == "burst-sum"
    assert check_bursts([BurstSeen(0, 0xFC0, 9)], 8, MB)
    assert check_bursts([BurstSeen(0, 0, 65)], 8, MB)
    assert not check_bursts([BurstSeen(0, 0, 65, write=True)], 8, MB)
    assert check_bursts([BurstSeen(0, 0, 66, write=True)], 8, MB)
