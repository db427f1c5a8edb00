# SPDX-License-Identifier: Apache-2.0
"""From the monitors' logs to figures: who moved how much, when, and how long each operation took.

All times are simulated. An operation's latency is taken twice: from the doorbell that published it, and
from its first read of memory, both to the write response of its completion.
"""

from __future__ import annotations

import pickle
from collections import defaultdict, deque
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

from models.events import AxiRead, AxiWrite, Event, LinkFrame, RegWrite
from models.gen.carillon_layout import Cqe, FrameType, FrameVc, reg_addr
from tb.lib.axil_player import AxilPlayer
from tb.lib.fastmem import parse_log
from tb.lib.recorder import Recorder
from tools.demo.plan import (
    CHANNELS,
    CRING_STEP,
    CRINGS,
    FILE_AT,
    OUTBOX,
    PERIOD_A,
    PERIOD_B,
    PERIOD_L,
    Channel,
)

BINS = 160
ID_DATA, ID_TARGET, ID_CPL = 1, 1, 2  # AXI IDs, docs/architecture.md
PERIOD = {"A": PERIOD_A, "B": PERIOD_B}


@dataclass
class Operation:
    """One descriptor, from its doorbell to its completion. Times in ps."""

    bytes: int
    act: int
    doorbell: int
    start: int  # first read of its data
    end: int


@dataclass
class ChannelFigures:
    """One sending channel."""

    channel: Channel
    node: str
    ops: list[Operation] = field(default_factory=list)
    bytes: int = 0
    link_beats: int = 0
    doorbells: int = 0
    lost: int = 0  # operations that the link's loss ended; each was repeated
    replays: int = 0  # frames that were sent again
    bins: list[int] = field(default_factory=list)  # bytes written at the far side in each slice of time

    @property
    def busy_ps(self) -> int:
        return self.ops[-1].end - self.ops[0].doorbell if self.ops else 0

    def latencies(self, since: str = "start") -> list[int]:
        """In ps, sorted."""
        return sorted(op.end - getattr(op, since) for op in self.ops)


@dataclass
class Figures:
    """Everything that the report shows."""

    channels: list[ChannelFigures]
    t0: int
    t1: int
    ports: dict[str, float]  # name: part of the cycles in which it moved data
    link: dict[str, float]
    beats: dict[str, int]
    shares: list[tuple[Channel, float, float]]  # channel, part of the bytes, part of the weights
    shares_us: float
    frames: int
    events: int
    replays: dict[str, int]  # frames sent again, by way

    @property
    def ps(self) -> int:
        return self.t1 - self.t0

    @property
    def data_bytes(self) -> int:
        return sum(c.bytes for c in self.channels if not c.channel.mgmt)


def percentile(values: list[int], part: float) -> int:
    """Nearest rank, of sorted values."""
    return values[min(len(values) - 1, int(part * len(values)))] if values else 0


def read_events(run_dir: Path, result: dict, beat_bytes: int) -> list[Event]:
    """The logs of a run, in the order of time."""
    sides = []
    for letter in "ab":
        name = letter.upper()
        axil = SimpleNamespace(_log=run_dir / f"axil_{letter}_log.txt", name=f"axil_{letter}")
        log = run_dir / f"mem_{letter}_log.txt"
        sides.append(SimpleNamespace(
            name=name, letter=letter, resets=result["resets"][name],
            axil=SimpleNamespace(accesses=lambda a=axil: AxilPlayer.accesses(a)),
            mem=SimpleNamespace(bursts=lambda p=log: parse_log(p, beat_bytes)),
        ))
    recorder = Recorder.__new__(Recorder)
    recorder.tb = SimpleNamespace(sides=sides, pair=True)
    recorder.run_dir, recorder.watch_links = run_dir, True
    recorder._told = pickle.loads((run_dir / "told.pickle").read_bytes())
    return recorder.events()


class _Lane:
    """Collects what belongs to one sending channel."""

    def __init__(self, figures: ChannelFigures, published: list[list[int]], beat: int) -> None:
        self.figures, self.beat = figures, beat
        base = OUTBOX if figures.channel.mgmt else FILE_AT
        self.ops = [Operation(n, act, 0, 0, 0) for _, n, act in published]
        self.first: dict[int, deque[int]] = defaultdict(deque)  # source beat -> operations
        self.place = [(base + offset) // beat for offset, _, _ in published]
        for i, place in enumerate(self.place):
            self.first[place].append(i)
        self.rung = self.ended = 0

    def doorbell(self, t: int, index: int) -> None:
        size = 1 << self.figures.channel.ring_log2
        count = (index - self.rung) % size
        for op in self.ops[self.rung : self.rung + count]:
            op.doorbell = t
        self.rung += count
        self.figures.doorbells += 1

    def read(self, t: int, addr: int) -> None:
        waiting = self.first.get(addr // self.beat)
        if waiting and waiting[0] < self.rung:
            self.ops[waiting.popleft()].start = t

    def completions(self, t: int, data: bytes) -> None:
        for at in range(0, len(data) - 15, 16):
            entry = Cqe.unpack(data[at : at + 16])
            op = self.ops[self.ended]
            self.ended += 1
            if entry.status:  # the link's loss ended it; it comes again later
                places = self.first[self.place[self.ended - 1]]
                if self.ended - 1 in places:
                    places.remove(self.ended - 1)
                self.figures.lost += 1
                continue
            assert entry.bytes == op.bytes, "a completion does not fit the order of the descriptors"
            op.end = t
            self.figures.ops.append(op)
            self.figures.bytes += op.bytes


def measure(events: list[Event], result: dict, beat: int) -> Figures:
    """Walk through the events once, then sum up."""
    lanes: dict[tuple[str, int], _Lane] = {}
    for node, published in result["published"].items():
        for ch, ops in published.items():
            c = next(x for x in CHANNELS if x.ch == int(ch))
            lanes[node, c.ch] = _Lane(ChannelFigures(c, node), ops, beat)
    bell = {reg_addr("CH", "DRING_PROD", c.ch): c.ch for c in CHANNELS}
    arrivals: list[tuple[int, str, int, int]] = []
    frames = 0
    beats = {"A to B": 0, "B to A": 0}
    replays = dict.fromkeys(beats, 0)
    seen: dict[str, set[tuple[int, bytes]]] = {"A": set(), "B": set()}
    for e in events:
        if isinstance(e, RegWrite):
            ch = bell.get(e.addr)
            if ch is not None:
                lanes[e.node, ch].doorbell(e.t, e.data & 0xFFFF)
        elif isinstance(e, AxiRead):
            if e.id == ID_DATA and (e.node, e.user - 1) in lanes:
                lanes[e.node, e.user - 1].read(e.t_addr, e.addr)
        elif isinstance(e, AxiWrite):
            if e.id == ID_CPL:
                ch = (e.addr - CRINGS) // CRING_STEP
                skip = e.addr % beat
                lanes[e.node, ch].completions(e.t_resp, _strobed(e, skip))
            elif e.id == ID_TARGET:
                arrivals.append((e.t_resp, e.node, e.user - 1, e.strb.bit_count()))
        elif isinstance(e, LinkFrame):
            frames += 1
            n = -(-len(e.raw) // beat)
            beats[f"{e.src} to {e.dst}"] += n
            lane = lanes.get((e.src, e.raw[6]))
            if lane is not None and len(e.raw) > 64:
                lane.figures.link_beats += n
            vc, number = e.raw[0] >> 4, e.raw[10:12]
            if e.raw[1] == FrameType.EPOCH:
                seen[e.src].clear()  # numbers begin anew
            elif vc and (vc, number) in seen[e.src]:
                replays[f"{e.src} to {e.dst}"] += 1
                if lane is not None and vc == FrameVc.REQ:
                    lane.figures.replays += 1
            elif vc:
                seen[e.src].add((vc, number))
    figures = [lane.figures for lane in lanes.values()]
    t0 = min(op.doorbell for f in figures for op in f.ops)
    t1 = max(op.end for f in figures for op in f.ops)
    step = (t1 - t0) / BINS
    for f in figures:
        f.bins = [0] * BINS
    far = {"A": "B", "B": "A"}
    for t, node, ch, n in arrivals:
        lane = lanes.get((far[node], ch))
        if lane is not None and t0 <= t <= t1:
            lane.figures.bins[min(BINS - 1, int((t - t0) / step))] += n
    shares, shares_us = _shares(figures, arrivals, t0)
    ports = {}
    for node, counted in result["ports"].items():
        cycles = (t1 - t0) / PERIOD[node]
        ports[f"{node} read"] = counted["st_rbeats"] / cycles
        ports[f"{node} write"] = counted["st_wbeats"] / cycles
    link = {k: n * PERIOD_L / (t1 - t0) for k, n in beats.items()}
    return Figures(figures, t0, t1, ports, link, beats, shares, shares_us, frames, len(events),
                   replays)


def _strobed(e: AxiWrite, skip: int) -> bytes:
    """The bytes that a completion burst really writes."""
    first = (e.strb & -e.strb).bit_length() - 1
    return e.data[first : first + e.strb.bit_count()]


def _shares(figures, arrivals, t0):
    """Bytes of the weighted channels while all of them had work."""
    weighted = [f for f in figures if f.channel.act1 and not f.channel.rate]
    last = [max((op.end for op in f.ops if op.act == 1), default=0) for f in weighted]
    if not weighted or not min(last):
        return [], 0.0
    begin, end = t0 + (min(last) - t0) // 10, t0 + (min(last) - t0) * 9 // 10
    got = {f.channel.ch: 0 for f in weighted}
    for t, node, ch, n in arrivals:
        if node == "B" and ch in got and begin <= t < end:
            got[ch] += n
    total, weights = sum(got.values()) or 1, sum(f.channel.weight for f in weighted)
    return [
        (f.channel, got[f.channel.ch] / total, f.channel.weight / weights) for f in weighted
    ], (end - begin) / 1e6


