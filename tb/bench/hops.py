# SPDX-License-Identifier: Apache-2.0
"""The way of one WRITE through both nodes, hop by hop: `python -m tb.bench --sim icarus --only rtt`.

A hop is a place in the design and the cycle in which the operation is there: all signals of its list are high. It is looked for from the
hop before it on, so the list is a path, not a set. Icarus shows every signal; Verilator's builds show the top level only, and the rows
then have no hops. Times are in cycles of the sender's clock (all clocks are alike in this bench), from the doorbell's W handshake.
"""

from __future__ import annotations

from dataclasses import dataclass

import cocotb
from cocotb.triggers import FallingEdge

LINK = "node.g_peer[0].u_link."
DMA = "node.u_dma."


@dataclass(frozen=True)
class Hop:
    name: str
    side: str
    signals: tuple[str, ...]     # `!` in front: low
    of_design: bool = True       # 0: the memory or the link took this time


def _axi(channel: str, ident: int | None = None) -> tuple[str, ...]:
    pair = (f"{channel}valid", f"{channel}ready")
    ids = {"ar": "arid", "aw": "awid", "r": "rid", "b": "bid"}
    return pair if ident is None else (*pair, f"{ids[channel]}={ident}")


HOPS = [
    Hop("doorbell, W handshake", "a", ("axil_wvalid", "axil_wready")),
    Hop("doorbell at the engine", "a", (DMA + "db_valid",)),
    Hop("descriptor, AR", "a", _axi("ar", 0)),
    Hop("descriptor, first R", "a", _axi("r", 0), of_design=False),
    Hop("descriptor, last R", "a", (*_axi("r", 0), "rlast")),
    Hop("staged", "a", (DMA + "u_fetch.enq_valid",)),
    Hop("picked (T0)", "a", (DMA + "u_issue.pk_en",)),
    Hop("read request (T3)", "a", (DMA + "u_issue.ar_push",)),
    Hop("data, AR", "a", _axi("ar", 1)),
    Hop("data, R", "a", _axi("r", 1), of_design=False),
    Hop("in the read buffer", "a", (DMA + "u_read.d_valid",)),
    Hop("chunk and data meet", "a", (DMA + "u_move.h_go",)),
    Hop("out of the aligner", "a", (DMA + "u_move.a_valid",)),
    Hop("payload to the link", "a", (LINK + "txp_valid", LINK + "txp_ready")),
    Hop("fields to the link", "a", (LINK + "txf_valid", LINK + "txf_ready")),
    Hop("frame complete", "a", (LINK + "req_push",)),
    Hop("chosen", "a", (LINK + "did_req",)),
    Hop("first beat into the FIFO", "a", (LINK + "o_valid", LINK + "o_ready")),
    Hop("first beat, sender's pin", "a", ("m_axis_link_tvalid", "m_axis_link_tready")),
    Hop("last beat, sender's pin", "a", ("m_axis_link_tvalid", "m_axis_link_tready", "m_axis_link_tlast")),
    Hop("last beat, receiver's pin", "b", ("s_axis_link_tvalid", "s_axis_link_tready", "s_axis_link_tlast"), of_design=False),
    Hop("last beat out of the FIFO", "b", (LINK + "i_valid", LINK + "i_last")),
    Hop("checked", "b", (LINK + "req_accept",)),
    Hop("header shown", "b", (LINK + "rx_valid",)),
    Hop("judged", "b", ("node.g_peer[0].u_target.f_valid", "node.g_peer[0].u_target.f_ready")),
    Hop("write burst begins", "b", ("node.g_peer[0].u_target.wb_valid", "node.g_peer[0].u_target.wb_ready")),
    Hop("far write, AW", "b", _axi("aw", 1)),
    Hop("far write, W", "b", _axi("w")),
    Hop("far write, B", "b", _axi("b", 1), of_design=False),
    Hop("answer to the link", "b", (LINK + "rsp_valid", LINK + "rsp_ready")),
    Hop("chosen", "b", (LINK + "did_rsp",)),
    Hop("first beat into the FIFO", "b", (LINK + "o_valid", LINK + "o_ready")),
    Hop("first beat, peer's pin", "b", ("m_axis_link_tvalid", "m_axis_link_tready")),
    Hop("last beat, peer's pin", "b", ("m_axis_link_tvalid", "m_axis_link_tready", "m_axis_link_tlast")),
    Hop("last beat, receiver's pin", "a", ("s_axis_link_tvalid", "s_axis_link_tready", "s_axis_link_tlast"), of_design=False),
    Hop("last beat out of the FIFO", "a", (LINK + "i_valid", LINK + "i_last")),
    Hop("checked", "a", (LINK + "rsp_accept",)),
    Hop("op-ack out of the link", "a", (LINK + "ack_valid", LINK + "ack_ready")),
    Hop("at the operation table", "a", (DMA + "ack_valid", DMA + "ack_ready")),
    Hop("retirement looks", "a", (DMA + "u_cpl.rt_re",)),
    Hop("entry", "a", (DMA + "u_cpl.e_valid_q",)),
    Hop("write burst begins", "a", (DMA + "u_cpl.wb_valid", DMA + "u_cpl.wb_ready")),
    Hop("completion, AW", "a", _axi("aw", 2)),
    Hop("completion, last W", "a", (*_axi("w"), "wlast")),
    Hop("completion, B", "a", _axi("b", 2), of_design=False),
]


class Watch:
    """Notes the cycles in which each hop is passed, from `begin` on."""

    def __init__(self, dut) -> None:
        self.seen: list[list[int]] = [[] for _ in HOPS]
        self.hops: list[int | None] = []
        self.task = None
        self.dut = dut
        self.probes = [[self._probe(getattr(dut, hop.side), s) for s in hop.signals] for hop in HOPS]

    @staticmethod
    def _probe(side, text: str):
        """(handle, value that it has to have)"""
        name, _, number = text.partition("=")
        handle = side
        for part in name.split("."):
            part, _, index = part.partition("[")
            handle = getattr(handle, part)
            if index:
                handle = handle[int(index[:-1])]
        return handle, int(number) if number else 1

    @classmethod
    def possible(cls, dut) -> bool:
        try:
            cls(dut)
        except AttributeError:
            return False
        return True

    def begin(self) -> None:
        self.seen = [[] for _ in HOPS]
        self.task = cocotb.start_soon(self._run())

    async def _run(self) -> None:
        while True:
            await FallingEdge(self.dut.clk_a)     # everything is settled
            now = int(self.dut.a.cycle.value)
            for seen, probes in zip(self.seen, self.probes, strict=True):
                if all(h.value.is_resolvable and int(h.value) == want for h, want in probes):
                    seen.append(now)

    def end(self) -> None:
        """`hops`: the cycle of each, from the first one on; None if it was not passed."""
        self.task.cancel()
        out: list[int | None] = []
        last = None
        for seen in self.seen:
            here = next((c for c in seen if last is None or c >= last), None)
            out.append(here)
            last = here if here is not None else last
        first = out[0]
        self.hops = [None if c is None else c - first for c in out]
