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
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from typing import Any

from tb.system.nvme.rig import SOURCES

TOP, MODULE = "crl_tb_nvme", "tb.bench.run_nvme"
BUILD = {"QUEUES": 16, "STORE_W": 23}
__all__ = ["BOUNDS", "MODULE", "SOURCES", "TOP", "rows"]


def alone(c: dict[str, Any]) -> int:
    b = c["data_w"] // 8
    return 4 * c["latency"] + ceil(64 / b) + ceil(c["s"] / b) + ceil(16 / b) + 4


def rate_bound(c: dict[str, Any]) -> int:
    b, n = c["data_w"] // 8, c["n"]
    read, write = n * (64 / b + ceil(c["s"] / b)), n * (ceil(c["s"] / b) + 16 / b)
    return ceil(max(read, write, n / (c["queues"] * c["depth"]) * alone(c))) + 4 * c["latency"]


BOUNDS = {"nvme_rate": rate_bound, "nvme_latency": alone}


def rows(row: Any) -> Iterator[Any]:
    """`row` is the class of rows.py."""
    for data_w in (128, 512):
        parameters = {"DATA_W": data_w, **BUILD}
        for latency in (20, 100):
            for op in ("READ", "WRITE"):
                for s in (512, 4096):
                    config = {"data_w": data_w, "op": op, "s": s, "latency": latency}
                    yield row("nvme_latency", config, TOP, parameters, quick=op == "READ" and latency == 20)
                    for queues in (1, 16):
                        for depth in (1, 4, 16, 64):
                            n = min(960, max(64, 12 * depth * queues))
                            yield row("nvme_rate", config | {"n": n, "depth": depth, "queues": queues}, TOP, parameters,
                                      quick=op == "READ" and latency == 20 and queues == 1 and depth in (16, 64))
