# SPDX-License-Identifier: Apache-2.0
"""The golden model's verdict on what the monitors saw."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from models.events import Event
from models.pair import NodeParams, Pair, PairError, Report
from tb.lib.testbed import Parameters


@dataclass
class Verdict:
    """What the model says."""

    ok: bool
    report: Report
    events: int
    seconds: float
    complaints: list[str]


def judge(
    events: list[Event], params: Parameters, run_dir: Path, tick: Callable[[int], None] = lambda n: None
) -> Verdict:
    """Feed every event, compare both memories with the model's, and close the books."""
    node = NodeParams(
        data_w=params.data_w, channels=params.channels, segments=params.segments, peers=params.peers,
        max_burst=params.max_burst_bytes, link_mtu=params.link_mtu, link_w=params.link_w,
        rx_shared=params.rx_shared,
    )
    pair = Pair(nodes={"A": node, "B": node}, links=[(("A", 0), ("B", 0))], strict=False)
    started = time.monotonic()
    complaints: list[str] = []
    for n, event in enumerate(events):
        pair.feed(event)
        if len(pair.errors) >= 20:
            break
        if n % 512 == 0:
            tick(n)
    else:
        for name in "AB":
            image = (run_dir / f"mem_{name.lower()}_image.bin").read_bytes()
            pair.compare_memory(name, lambda a, n, image=image: image[a : a + n])
        try:
            pair.finish()
        except PairError:
            pass
    complaints = [str(e) for e in pair.errors]
    tick(len(events))
    return Verdict(not complaints, pair.report, len(events), time.monotonic() - started, complaints)
