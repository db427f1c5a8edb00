# SPDX-License-Identifier: Apache-2.0
"""Rows of the NVMe block.

nvme_rate     n commands of S bytes over Q queues, as many as `depth` of each queue under way: whoever has an entry rings for the next one. B bytes a
              beat, all data in whole pages or parts of one, so there are no lists.
                  Read:  R = N*(64/B + ceil(S/B))   W = N*(ceil(S/B) + 16/B)     Write: the same
                  one command alone = 4*L + 64/B + ceil(S/B) + 16/B + 4
                  bound = max(R, W, N/(Q*depth) * one command alone) + 4*L
              Measured from the W handshake of the first doorbell to the B of the last entry. The host takes no time but its doorbells'.
nvme_latency  Reads and Writes one after the other, everything idle: doorbell's W handshake to the B of the entry, the worst of 16.
                  bound = 4*L + 64/B + ceil(S/B) + 16/B + 4
              The 4*L, which can't overlap: entry read, data read, data written, entry written; a beat's own cycle each. extra.beyond: cycles - 4*L.
              limit: 4*L + 2*ceil(S/B) + 64/B + 24, as nvme_hops' bound.
nvme_wait     `waiting` commands of S bytes stand in one queue, rung for at once. Meanwhile one Read of another queue after the other:
              doorbell's W handshake to the interrupt event of the entry, the worst of them all.
                  bound = (OPS + FETCH_DEPTH + 3 + 2^ab) * beats of a command on the busier channel + nvme_latency's limit + 4
                          + 2 * 32 * beats of a data burst
              In front of it stands at most what executor, fetch unit and check hold and the rest of the grant under way (128 commands for
              ab 7, no limit), whatever `waiting` is. At the write port 32 data bursts may go before its entry, and 32 before the
              burst of entries in front of that one (crl_axi_wr_arb).
nvme_hops     The same, one command, hop by hop (tb/bench/nvme_hops.py).
                  bound = 4*L + 2*ceil(S/B) + 64/B + 24
              Runs on Icarus, which shows the hops.
nvme_node     nvme_latency's Read of 512 bytes (depth 1) and nvme_rate's Reads of 4096 through the ports of a node with 8 channels: what its arbiters
              cost. Same bounds; no limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from typing import Any

from tb.bench import nvme_hops
from tb.system.nvme.rig import DEFAULTS, SOURCES

TOP, MODULE = "crl_tb_nvme", "tb.bench.run_nvme"
BUILD = {"QUEUES": 16, "STORE_W": 23}
__all__ = ["BOUNDS", "MODULE", "SOURCES", "TOP", "rows"]


def alone(c: dict[str, Any]) -> int:
    b = c["data_w"] // 8
    return 4 * c["latency"] + ceil(64 / b) + ceil(c["s"] / b) + ceil(16 / b) + 4


def beats(c: dict[str, Any]) -> tuple[int, int]:
    """That one command reads and writes."""
    b = c["data_w"] // 8
    return ceil(64 / b) + ceil(c["s"] / b), ceil(c["s"] / b) + ceil(16 / b)


def wait_bound(c: dict[str, Any]) -> int:
    burst = 1 << c["ab"] if c["ab"] < 7 else 128
    entries = 2 * 32 * min(c["s"], DEFAULTS["MAX_BURST_BYTES"]) // (c["data_w"] // 8)
    return (DEFAULTS["OPS"] + DEFAULTS["FETCH_DEPTH"] + 3 + burst) * max(beats(c)) + nvme_hops.budget(c) + 4 + entries


def rate_limit(c: dict[str, Any]) -> float | None:
    """4 KiB: 95 % of the port from depth 16 on. 512 bytes at 512 bits: 12 cycles a command from depth 64 on."""
    if c["s"] == 4096 and c["depth"] >= 16:
        return round(1 / 0.95, 4)
    if c["s"] == 512 and c["data_w"] == 512 and c["depth"] >= 64 and c["op"] == "READ":
        return round((12 * c["n"] + 4 * c["latency"]) / rate_bound(c), 4)
    return None


def rate_bound(c: dict[str, Any]) -> int:
    b, n = c["data_w"] // 8, c["n"]
    read, write = n * (64 / b + ceil(c["s"] / b)), n * (ceil(c["s"] / b) + 16 / b)
    return ceil(max(read, write, n / (c["queues"] * c["depth"]) * alone(c))) + 4 * c["latency"]


def node_bound(c: dict[str, Any]) -> int:
    return alone(c) if c["depth"] == 1 else rate_bound(c)


BOUNDS = {"nvme_node": node_bound, "nvme_rate": rate_bound, "nvme_latency": alone, "nvme_hops": nvme_hops.budget, "nvme_wait": wait_bound}


def rows(row: Any) -> Iterator[Any]:
    """`row` is the class of rows.py."""
    for data_w in (128, 512):
        parameters = {"DATA_W": data_w, **BUILD}
        yield row("nvme_hops", {"data_w": data_w, "op": "READ", "s": 512, "latency": 20}, TOP, parameters | {"STORE_W": 20}, limit=1.0, quick=True,
                  sim="icarus")
        for s, n, depth in ((512, 16, 1), (4096, 192, 16)):
            yield row("nvme_node", {"data_w": data_w, "op": "READ", "s": s, "latency": 20, "n": n, "depth": depth, "queues": 1}, TOP,
                      {"DATA_W": data_w, "NODE": 1, "CHANNELS": 8, "QUEUES": 7, "VECTORS": 8, "STORE_W": 23})
        for latency in (20, 100):
            for op in ("READ", "WRITE"):
                for s in (512, 4096):
                    config = {"data_w": data_w, "op": op, "s": s, "latency": latency}
                    yield row("nvme_latency", config, TOP, parameters, round(nvme_hops.budget(config) / alone(config), 4), quick=op == "READ" and latency == 20)
                    for queues in (1, 16):
                        for depth in (1, 4, 16, 64):
                            n = min(960, max(64, 12 * depth * queues))
                            full = config | {"n": n, "depth": depth, "queues": queues}
                            yield row("nvme_rate", full, TOP, parameters, rate_limit(full), quick=op == "READ" and latency == 20 and queues == 1 and depth in (16, 64))
            for s in (512, 4096):
                for ab in (0, 2, 7):
                    yield row("nvme_wait", {"data_w": data_w, "op": "READ", "s": s, "latency": latency, "waiting": 1000, "ab": ab}, TOP, parameters,
                              limit=1.0, quick=s == 512 and latency == 20 and ab == 2)
