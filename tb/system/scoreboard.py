# SPDX-License-Identifier: Apache-2.0
"""The golden model as a scoreboard: every access, completion and frame has to be explained by it."""

from __future__ import annotations

from collections.abc import Callable

from pyuvm import uvm_subscriber

from models.events import Event
from models.gen.carillon_layout import Op
from models.ops import SUPPORTED, WITH_ATOMIC, WITH_READ
from models.pair import NodeParams, Pair, Report
from tb.lib.testbed import Parameters


def make_pair(params: Parameters, both: bool = True) -> Pair:
    """The model of this build; collects mismatches instead of stopping at the first."""
    node = NodeParams(
        data_w=params.data_w, channels=params.channels, segments=params.segments, peers=params.peers,
        max_burst=params.max_burst_bytes, link_mtu=params.link_mtu, link_w=params.link_w,
        rx_shared=params.rx_shared,
        ops=(WITH_ATOMIC if params.atomic_en else WITH_READ if params.read_en else SUPPORTED)
        | {op for op, there in ((Op.WRITE_IMM, params.send_en), (Op.SEND, params.sends), (Op.MIRROR, params.mirrors)) if there},
    )
    if not both:
        return Pair(nodes={"A": node}, strict=False)
    return Pair(nodes={"A": node, "B": node}, links=[(("A", 0), ("B", 0))], strict=False)


class PairScoreboard(uvm_subscriber):
    """Feeds `models.Pair`; fails on a mismatch, on memory that differs, and on zero comparisons."""

    def build_phase(self) -> None:
        super().build_phase()
        self.pair: Pair = self.cdb_get("PAIR")
        self.memories: dict[str, Callable[[int, int], bytes]] = {}
        self.require = 1
        self.report_: Report | None = None
        self.tamper: Callable[[Event], list[Event]] | None = None  # tests of the scoreboard itself

    def write(self, event: Event) -> None:
        for e in self.tamper(event) if self.tamper else (event,):
            if len(self.pair.errors) < 50:
                self.pair.feed(e)

    def check_phase(self) -> None:
        for name, read in self.memories.items():
            if len(self.pair.errors) < 50:
                self.pair.compare_memory(name, read)
        self.report_ = self.pair.finish(self.require)
        self.logger.info("compared: %s", self.report_)
