# SPDX-License-Identifier: Apache-2.0
"""The way of one WRITE through both nodes, hop by hop, and what of each hop no design can leave out.

A hop is a place in the design; the operation is there in the first cycle, from the hop before it on, in which all signals of its list
are high (`=`: have this value). Cycles are those of the sender's clock from the doorbell's W handshake; all clocks are alike in this bench.

`part` is what no design can leave out between the hop before and this one. A path with the same ends and nothing in it but these parts has
a register where data enters and leaves a node, a crossing to the link's clock and one from it for each direction, and the beats
of the frames; the sum is the bound of the bench. What is above it is checks, the CRC, alignment, tables and buffers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

LINK = "node.g_peer[0].u_peer.u_link."
TARGET = "node.g_peer[0].u_peer.u_target."
DMA = "node.u_dma."

CROSSING = 3   # written, and two flip-flops of the other clock


@dataclass(frozen=True)
class Hop:
    name: str
    side: str
    signals: tuple[str, ...]
    part: int = 0
    of: str = ""         # what comes to the part, see `unit`


def unit(name: str, c: dict[str, Any]) -> int:
    """Cycles of what depends on the set-up."""
    beat = c["data_w"] // 8
    return {"": 0, "latency": c["latency"], "delay": c["delay"], "header": max(1, 64 // beat),
            "descriptor": max(1, 32 // beat), "entry": max(1, 16 // beat)}[name]


def part(hop: Hop, c: dict[str, Any]) -> int:
    return hop.part + unit(hop.of, c)


def _axi(channel: str, ident: int) -> tuple[str, ...]:
    return f"{channel}valid", f"{channel}ready", f"{channel}id={ident}"


def _pin(end: str, *more: str) -> tuple[str, ...]:
    return tuple(f"{end}_axis_link_t{x}" for x in ("valid", "ready", *more))


HOPS = (
    Hop("doorbell, W handshake", "a", ("axil_wvalid", "axil_wready")),
    Hop("at the engine", "a", (DMA + "db_valid",), 1),
    Hop("descriptor, AR", "a", _axi("ar", 0), 3),
    Hop("descriptor, first R", "a", _axi("r", 0), 1, "latency"),
    Hop("descriptor, last R", "a", (*_axi("r", 0), "rlast"), -1, "descriptor"),
    Hop("picked (T0)", "a", (DMA + "u_issue.pk_en",)),
    Hop("source checked (T3)", "a", (DMA + "u_issue.ar_push",), 3),
    Hop("data, AR", "a", _axi("ar", 1), 1),
    Hop("data, R", "a", _axi("r", 1), 1, "latency"),
    Hop("chunk meets its data", "a", (DMA + "u_move.h_go",)),
    Hop("out of the aligner", "a", (DMA + "u_move.a_valid",)),
    Hop("payload to the link", "a", (LINK + "txp_valid", LINK + "txp_ready")),
    Hop("fields to the link", "a", (LINK + "txf_valid", LINK + "txf_ready")),
    Hop("stored", "a", (LINK + "req_push",)),
    Hop("chosen", "a", (LINK + "did_req",)),
    Hop("first beat into the FIFO", "a", (LINK + "o_valid", LINK + "o_ready"), 1),
    Hop("first beat at the pin", "a", _pin("m"), CROSSING),
    Hop("last beat at the pin", "a", _pin("m", "last"), 0, "header"),
    Hop("last beat at the peer's pin", "b", _pin("s", "last"), 0, "delay"),
    Hop("out of the FIFO", "b", (LINK + "i_valid", LINK + "i_last"), CROSSING),
    Hop("CRC and fields good", "b", (LINK + "req_accept",)),
    Hop("header at the target", "b", (TARGET + "rx_valid", TARGET + "rx_ready")),
    Hop("judged", "b", (TARGET + "f_valid", TARGET + "f_ready")),
    Hop("to the write port", "b", (TARGET + "wb_valid", TARGET + "wb_ready")),
    Hop("far write, AW", "b", _axi("aw", 1), 1),
    Hop("far write, B", "b", _axi("b", 1), 1, "latency"),
    Hop("answer to the link", "b", (LINK + "rsp_valid", LINK + "rsp_ready")),
    Hop("chosen", "b", (LINK + "did_rsp",)),
    Hop("first beat into the FIFO", "b", (LINK + "o_valid", LINK + "o_ready"), 1),
    Hop("first beat at the pin", "b", _pin("m"), CROSSING),
    Hop("last beat at the pin", "b", _pin("m", "last"), -1, "header"),
    Hop("last beat at the sender's pin", "a", _pin("s", "last"), 0, "delay"),
    Hop("out of the FIFO", "a", (LINK + "i_valid", LINK + "i_last"), CROSSING),
    Hop("CRC and fields good", "a", (LINK + "rsp_accept",)),
    Hop("op-ack out of the link", "a", (LINK + "ack_valid", LINK + "ack_ready")),
    Hop("at the engine", "a", (DMA + "ack_valid", DMA + "ack_ready")),
    Hop("retirement looks", "a", (DMA + "u_cpl.rt_re",)),
    Hop("to the write port", "a", (DMA + "u_cpl.wb_valid", DMA + "u_cpl.wb_ready")),
    Hop("completion, AW and W", "a", _axi("aw", 2), 1),
    Hop("completion, last W", "a", ("wvalid", "wready", "wlast"), -1, "entry"),
    Hop("completion, B", "a", _axi("b", 2), 1, "latency"),
)


def bound(c: dict[str, Any]) -> int:
    return sum(part(hop, c) for hop in HOPS)


def rows(c: dict[str, Any], cycles: list[int | None], places: Sequence[Hop] = HOPS,
         part: Callable[[Hop, dict[str, Any]], int] = part) -> list[list[object]]:
    """Hop, cycle, since the one before, its part, above it."""
    out: list[list[object]] = []
    last = owed = 0
    for hop, now in zip(places, cycles, strict=True):
        owed += part(hop, c)
        if now is None:      # not seen: what is owed goes to the next one
            continue
        since = now - last
        side = {"a": "sender: ", "b": "peer: "}.get(hop.side, "")
        out.append([side + hop.name, now, since, owed, since - owed])
        last, owed = now, 0
    return out
