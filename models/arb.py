# SPDX-License-Identifier: Apache-2.0
"""Arbitration and bursts as properties over traces (design, section 7).

A trace is a list of `Grant` in the order of time. `eligible` is the set of channels that had
work and tokens when the pick was made, as a bit mask. Chunks that follow in the same frame come
without a pick.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from models.blocks import burst_faults

MGMT_PICKS = 32


@dataclass(frozen=True)
class ChannelCfg:
    """Arbitration set-up of a channel."""

    cls: int = 0
    weight: int = 1
    mgmt: bool = False
    rate: int = 0  # bytes per 256 cycles, 0: no limit
    burst: int = 0  # bytes

    @property
    def w(self) -> int:
        return max(1, self.weight)


@dataclass(frozen=True)
class Grant:
    """Bytes granted to a channel."""

    cycle: int
    ch: int
    nbytes: int
    eligible: int
    pick: bool = True


@dataclass(frozen=True)
class Violation:
    """A property that does not hold, and where."""

    rule: str
    cycle: int
    text: str

    def __str__(self) -> str:
        return f"{self.rule} at cycle {self.cycle}: {self.text}"


def share_bound(
    i: int,
    channels: Sequence[int],
    cfg: dict[int, ChannelCfg],
    max_burst: int,
    frames: Mapping[int, int] | None = None,
) -> Fraction:
    """(1 − w_i/Σw)·(quantum_i + U_i) + w_i/Σw · Σ_{j≠i} U_j, with quantum_i = w_i·MAX_BURST.

    U_j is what channel j gets for one pick at most: a burst, or the frame that `frames` names, whose
    chunks follow each other without a pick. It is charged after the fact, so debts are below U_j;
    the number of turns that two channels had in a window differs by one quantum of each at most.
    With bursts alone (U = MAX_BURST) this is at most the quantum_i + MAX_BURST·(1 + n·w_i/Σw) of
    the design. Derived in docs/blocks/sched.md.
    """
    unit = {c: max(max_burst, (frames or {}).get(c, 0)) for c in channels}
    share = Fraction(cfg[i].w, sum(cfg[c].w for c in channels))
    others = sum(unit.values()) - unit[i]
    return (1 - share) * (cfg[i].w * max_burst + unit[i]) + share * others


def _excess(
    trace: Sequence[Grant], i: int, channels: Sequence[int], cfg: dict[int, ChannelCfg]
) -> tuple[Fraction, int]:
    """Largest |bytes_i - w_i·B/Σw| over every window of the trace, and where it ends."""
    total = sum(cfg[c].w for c in channels)
    w = cfg[i].w
    # scaled by total so that integers do: D = total·bytes_i - w·B
    d = low = high = 0
    worst, where = 0, trace[0].cycle if trace else 0
    for g in trace:
        d += total * g.nbytes * (g.ch == i) - w * g.nbytes
        if d - low > worst or high - d > worst:
            worst, where = max(worst, d - low, high - d), g.cycle
        low, high = min(low, d), max(high, d)
    return Fraction(worst, total), where


def check_shares(
    trace: Sequence[Grant],
    cfg: dict[int, ChannelCfg],
    max_burst: int,
    always: Sequence[int] | None = None,
    frames: Mapping[int, int] | None = None,
) -> list[Violation]:
    """The bound on shares, in every window in which the same channels of a class always have work.

    With `always` (channels known to be backlogged throughout) the whole trace is one such stretch.
    `frames`: the largest frame of the channels that send frames.
    """
    out = []
    for chans, stretch in _stretches(trace, cfg, always):
        if len(chans) < 2:
            continue
        for i in chans:
            bound = share_bound(i, chans, cfg, max_burst, frames)
            worst, where = _excess(stretch, i, chans, cfg)
            if worst > bound:
                out.append(
                    Violation(
                        "share",
                        where,
                        f"channel {i} is {float(worst):.0f} bytes off, bound {float(bound):.0f}",
                    )
                )
    return out


def _stretches(
    trace: Sequence[Grant], cfg: dict[int, ChannelCfg], always: Sequence[int] | None
) -> list[tuple[list[int], list[Grant]]]:
    if always is not None:
        chans = list(always)
        return [(chans, [g for g in trace if g.ch in chans])]
    out: list[tuple[list[int], list[Grant]]] = []
    for cls in sorted({c.cls for c in cfg.values()}):
        members = [i for i, c in cfg.items() if c.cls == cls]
        mask = sum(1 << i for i in members)
        run: list[Grant] = []
        current = 0
        for g in trace:
            if not g.pick and g.ch in members:
                run.append(g)
                continue
            if not g.pick:
                continue
            if g.eligible & mask != current:
                if run:
                    out.append(([i for i in members if current >> i & 1], run))
                current, run = g.eligible & mask, []
            if g.ch in members:
                run.append(g)
        if run:
            out.append(([i for i in members if current >> i & 1], run))
    return out


def check_one_percent(
    trace: Sequence[Grant], cfg: dict[int, ChannelCfg], always: Sequence[int], window: int = 1 << 20
) -> list[Violation]:
    """Within 1% of B of the share in windows of B = 1 MiB, for channels that always have work."""
    grants = [g for g in trace if g.ch in always]
    total = sum(cfg[c].w for c in always)
    out = []
    held = dict.fromkeys(always, 0)
    tail = size = 0
    for g in grants:
        held[g.ch] += g.nbytes
        size += g.nbytes
        while size - grants[tail].nbytes >= window:
            held[grants[tail].ch] -= grants[tail].nbytes
            size -= grants[tail].nbytes
            tail += 1
        if size < window:
            continue
        for c in always:
            off = abs(held[c] * total - cfg[c].w * size)
            if off * 100 > size * total:
                out.append(
                    Violation("one-percent", g.cycle, f"channel {c}: {held[c]} of {size} bytes")
                )
                return out
    return out


def check_priority(
    trace: Sequence[Grant], cfg: dict[int, ChannelCfg], mgmt_gap: int = 1
) -> list[Violation]:
    """A pick goes to the highest class that is eligible; only the management channel may pass it.

    `mgmt_gap`: the management channel passes a higher class only after so many picks without it.
    """
    out = []
    since = dict.fromkeys(cfg, 0)
    for g in trace:
        if not g.pick:
            continue
        if not g.eligible >> g.ch & 1:
            out.append(Violation("eligible", g.cycle, f"channel {g.ch} had nothing to send"))
        top = max((c.cls for i, c in cfg.items() if g.eligible >> i & 1), default=0)
        mine = cfg[g.ch]
        if mine.cls < top and not (mine.mgmt and since[g.ch] >= mgmt_gap):
            out.append(
                Violation(
                    "priority", g.cycle, f"channel {g.ch} of class {mine.cls}, class {top} waits"
                )
            )
        for i in cfg:
            since[i] = 0 if i == g.ch or not g.eligible >> i & 1 else since[i] + 1
    return out


def check_mgmt(
    trace: Sequence[Grant], cfg: dict[int, ChannelCfg], picks: int = MGMT_PICKS
) -> list[Violation]:
    """A management channel that stays eligible is served at least once in every `picks` picks."""
    out = []
    waited = {i: 0 for i, c in cfg.items() if c.mgmt}
    for g in trace:
        if not g.pick:
            continue
        for i in waited:
            waited[i] = 0 if g.ch == i or not g.eligible >> i & 1 else waited[i] + 1
            if waited[i] >= picks:
                out.append(
                    Violation("mgmt", g.cycle, f"channel {i} was passed over {waited[i]} times")
                )
                waited[i] = 0
    return out


def check_rate(
    trace: Sequence[Grant], cfg: dict[int, ChannelCfg], max_burst: int, overshoot: int | None = None
) -> list[Violation]:
    """In every window of C cycles a channel gets at most burst + rate·C/256 + one overshoot.

    A channel is eligible while its bucket holds more than nothing, so the last grant may
    overshoot: by a burst,
    or by a frame (`overshoot`) for remote operations. The bucket holds at least one burst.
    """
    out = []
    for i, c in cfg.items():
        if not c.rate:
            continue
        bound = 256 * (c.burst + (max_burst if overshoot is None else overshoot) + c.rate)
        cum = 0
        low: int | None = None
        for g in trace:
            if g.ch != i:
                continue
            before = 256 * cum - c.rate * g.cycle
            low = before if low is None else min(low, before)
            cum += g.nbytes
            if 256 * cum - c.rate * g.cycle - low > bound:
                out.append(
                    Violation("rate", g.cycle, f"channel {i} exceeds {c.rate} bytes per 256 cycles")
                )
                break
    return out


def check_urgency(trace: Sequence[Grant], ch: int, bound_bytes: int) -> list[Violation]:
    """From the pick at which `ch` is first seen eligible to its own, at most bound_bytes go to
    others."""
    out = []
    others = 0
    waiting = False
    for g in trace:
        if g.pick:
            waiting = bool(g.eligible >> ch & 1)
        if g.ch == ch:
            others, waiting = 0, False
        elif waiting:
            others += g.nbytes
            if others > bound_bytes:
                out.append(Violation("urgency", g.cycle, f"channel {ch} waited for {others} bytes"))
                others = 0
        else:
            others = 0
    return out


def check_work_conserving(
    trace: Sequence[Grant], idle: Sequence[tuple[int, int]], limit: int
) -> list[Violation]:
    """`idle`: (cycle, eligible) of cycles without a pick; at most `limit` in a row with
    somebody eligible."""
    picks = {g.cycle for g in trace if g.pick}
    out = []
    run = 0
    previous: int | None = None
    for cycle, eligible in idle:
        follows = previous is not None and cycle == previous + 1
        run = (run + 1 if follows else 1) if eligible and cycle not in picks else 0
        previous = cycle
        if run > limit:
            out.append(
                Violation("work-conserving", cycle, f"idle for {run} cycles with work waiting")
            )
            run = 0
    return out


@dataclass(frozen=True)
class BurstSeen:
    """A burst on the bus."""

    cycle: int
    addr: int
    beats: int
    write: bool = False


def check_bursts(
    bursts: Sequence[BurstSeen], beat: int, max_burst: int, total_beats: int | None = None
) -> list[Violation]:
    """Never across 4 KiB, no longer than allowed, and in sum what is due.

    A write burst may have one beat more than MAX_BURST_BYTES: a chunk whose source is aligned
    and whose
    destination is not, touches it.
    """
    out = []
    for b in bursts:
        limit = max_burst + (beat if b.write else 0)
        out += [
            Violation("burst", b.cycle, f"at {b.addr:#x}: {f}")
            for f in burst_faults(b.addr, b.beats, beat, limit)
        ]
    if total_beats is not None and sum(b.beats for b in bursts) != total_beats:
        out.append(
            Violation(
                "burst-sum",
                bursts[-1].cycle if bursts else 0,
                f"{sum(b.beats for b in bursts)} beats, {total_beats} are due",
            )
        )
    return out


def simulate_drr(
    cfg: dict[int, ChannelCfg], chunk: dict[int, list[int]], max_burst: int, grants: int
) -> list[Grant]:
    """A plain deficit round robin over backlogged channels, for testing the properties themselves.

    `chunk[i]`: the sizes that channel i sends, over and over. The deficit is charged after the
    fact and
    a debt is kept; the turn passes when the deficit is used up.
    """
    order = sorted(cfg)
    top = max(c.cls for c in cfg.values())
    order = [i for i in order if cfg[i].cls == top]
    deficit = dict.fromkeys(order, 0)
    nth = dict.fromkeys(order, 0)
    eligible = sum(1 << i for i in cfg)
    out: list[Grant] = []
    cycle = 0
    while len(out) < grants:
        for i in order:
            deficit[i] += cfg[i].w * max_burst
            while deficit[i] > 0 and len(out) < grants:
                n = chunk[i][nth[i] % len(chunk[i])]
                nth[i] += 1
                out.append(Grant(cycle, i, n, eligible))
                cycle += max(1, n // 8)
                deficit[i] -= n
    return out
