# SPDX-License-Identifier: Apache-2.0
"""Builds of the system tests of the NVMe block."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

BUILDS: dict[str, dict[str, int]] = {
    "64b": {"DATA_W": 64, "QUEUES": 4},
    "512b": {"DATA_W": 512, "QUEUES": 4},
    "128b-small": {"DATA_W": 128, "QUEUES": 16, "OPS": 4, "FETCH_DEPTH": 8, "MAX_BURST_BYTES": 256, "DSTRD": 0},
}
# In a node: a vector a completion queue.
NODES: dict[str, dict[str, int]] = {
    "node-64b": {"NODE": 1, "DATA_W": 64, "QUEUES": 7, "VECTORS": 8},
    "node-512b": {"NODE": 1, "DATA_W": 512, "QUEUES": 7, "VECTORS": 8, "CHANNELS": 4},
    "node-128b-large": {"NODE": 1, "DATA_W": 128, "QUEUES": 128, "VECTORS": 129, "CHANNELS": 64},
}
ALL = BUILDS | NODES
SLICE = ("64b", "512b")


def in_nodes(cases: Iterable[str], *quick: str) -> list:
    """(case, build) of the nodes for pytest: those in `quick` on the narrow one in make test, the others in make regress."""
    return [pytest.param(c, b, marks=() if c in quick and b == "node-64b" else pytest.mark.sweep) for b in NODES for c in cases]
