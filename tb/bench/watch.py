# SPDX-License-Identifier: Apache-2.0
"""Notes when an operation passes the hops of tb/bench/hops.py or nvme_hops.py. Needs a simulator that shows inner signals: Icarus."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import cocotb
from cocotb.triggers import FallingEdge

from tb.bench import hops
from tb.bench.hops import Hop


class Watch:
    """`hops`: the cycle of each, from the first one on; None if it was not passed."""

    def __init__(self, dut, config: dict[str, Any], places: Sequence[Hop] = hops.HOPS,
                 part: Callable[[Hop, dict[str, Any]], int] = hops.part, clk=None, cycle=None) -> None:
        self.clk = dut.clk_a if clk is None else clk
        self.cycle = dut.a.cycle if cycle is None else cycle
        self.parts = [part(hop, config) for hop in places]
        self.hops: list[int | None] = []
        self.probes = [[self._probe(getattr(dut, hop.side) if hop.side else dut, s) for s in hop.signals] for hop in places]

    @staticmethod
    def _probe(side, text: str):
        """(handle, value that it has to have)"""
        name, _, number = text.partition("=")
        handle = side
        for step in name.split("."):
            step, _, index = step.partition("[")
            handle = getattr(handle, step)
            if index:
                handle = handle[int(index[:-1])]
        return handle, int(number) if number else 1

    def begin(self) -> None:
        self.seen: list[list[int]] = [[] for _ in self.probes]
        self.task = cocotb.start_soon(self._run())

    async def _run(self) -> None:
        while True:
            await FallingEdge(self.clk)     # everything has settled
            now = int(self.cycle.value)
            for seen, probes in zip(self.seen, self.probes, strict=True):
                if all(h.value.is_resolvable and int(h.value) == want for h, want in probes):
                    seen.append(now)

    def end(self) -> None:
        self.task.cancel()
        # No sooner than what no design can leave out: other frames pass the pins while this one is on its way.
        self.hops, last = [], 0
        for part, seen in zip(self.parts, self.seen, strict=True):
            last += max(0, part)
            here = next((c for c in seen if c >= last), None)
            self.hops.append(here if here is None else here - self.seen[0][0])
            last = last if here is None else here
