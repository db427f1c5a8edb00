# SPDX-License-Identifier: Apache-2.0
"""The way of one command through the NVMe block, hop by hop.

As tb/bench/hops.py, on crl_tb_nvme. `part` is what memory and the port take of a hop: latencies and beats. What is above it, all
hops together, is what the block takes.
"""

from __future__ import annotations

from math import ceil
from typing import Any

from tb.bench.hops import Hop

N = "g_alone.nvme."


def part(hop: Hop, c: dict[str, Any]) -> int:
    b = c["data_w"] // 8
    beats = {"": 0, "entry": ceil(64 / b), "data": ceil(c["s"] / b), "completion": ceil(16 / b) - 1}
    return (0 if hop.of == "" else c["latency"] + beats[hop.of]) + hop.part


HOPS = (
    Hop("doorbell, W handshake", "", ("axil_wvalid", "axil_wready")),
    Hop("rung", "", (N + "sq_rung",)),
    Hop("granted", "", (N + "g_valid", N + "g_ready")),
    Hop("entry wanted", "", (N + "f_ar_valid",)),
    Hop("entry, AR", "", (N + "f_ar_valid", N + "f_ar_ready")),
    Hop("entry, last R", "", (N + "f_r_valid", "r_last"), of="entry"),
    Hop("entry to the check", "", (N + "k_s_valid",)),
    Hop("judged", "", (N + "v_valid", N + "v_ready")),
    Hop("walk begins", "", (N + "c_valid", N + "c_ready")),
    Hop("piece", "", (N + "p_valid",)),
    Hop("chunk", "", (N + "k_valid",)),
    Hop("data, AR", "", (N + "m_ar_valid", N + "m_ar_ready")),
    Hop("data, last R", "", (N + "m_r_valid", "r_last"), of="data"),
    Hop("data to the write port", "", (N + "mw_valid",)),
    Hop("data, AW and W", "", ("awvalid", "awready", "awid=0")),
    Hop("data, B", "", ("bvalid", "bready", "bid=0"), of="data"),
    Hop("command over", "", (N + "e_valid",)),
    Hop("completion", "", (N + "z_valid", N + "z_ready")),
    Hop("entry to the write port", "", ("g_alone.cb_valid",)),
    Hop("entry, AW and W", "", ("awvalid", "awready", "awid=2")),
    Hop("entry, B", "", ("bvalid", "bready", "bid=2"), of="completion"),
)


def budget(c: dict[str, Any]) -> int:
    """What issue 4 allows a command alone: four latencies, the data twice, the entry, 24 cycles."""
    return sum(part(hop, c) for hop in HOPS) - part(HOPS[-1], c) + c["latency"] + 24
