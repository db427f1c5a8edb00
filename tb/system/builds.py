# SPDX-License-Identifier: Apache-2.0
"""The builds of the system tests. `make test` takes SLICE, pairwise over width and channels.

Time-outs are short, so that a test can wait for them; nothing else depends on them. Tests that don't
need a parameter of their own share these builds.
"""

from __future__ import annotations

SHORT = {"STALL_MAX_CYCLES": 8192, "OP_TIMEOUT_CYCLES": 32768, "KEEPALIVE_CYCLES": 1024}

BUILDS: dict[str, dict[str, int]] = {
    "64b-8ch": {"DATA_W": 64, "CHANNELS": 8, **SHORT},
    "512b-1ch": {"DATA_W": 512, "CHANNELS": 1, **SHORT},
    "128b-2ch": {"DATA_W": 128, "CHANNELS": 2, **SHORT},
    "256b-8ch": {"DATA_W": 256, "CHANNELS": 8, **SHORT},
    "64b-64ch": {"DATA_W": 64, "CHANNELS": 64, "SEGMENTS": 128, **SHORT},
    "512b-8ch": {"DATA_W": 512, "CHANNELS": 8, **SHORT},
    "128b-link64": {"DATA_W": 128, "LINK_W": 64, "CHANNELS": 8, **SHORT},
    "64b-small": {"DATA_W": 64, "CHANNELS": 8, "READS_IN_FLIGHT": 8, "WRITES_IN_FLIGHT": 2, "OPS": 8,
                  "MAX_BURST_BYTES": 64, "LINK_MTU": 256, "RX_SHARED": 2, "READ_SLOTS": 2, **SHORT},
    "64b-no-read": {"DATA_W": 64, "CHANNELS": 4, "READ_EN": 0, "MIRROR_EN": 0, **SHORT},
    "64b-no-atomic": {"DATA_W": 64, "CHANNELS": 4, "ATOMIC_EN": 0, **SHORT},
    "64b-no-send": {"DATA_W": 64, "CHANNELS": 4, "SEND_EN": 0, **SHORT},
    "64b-no-mirror": {"DATA_W": 64, "CHANNELS": 4, "MIRROR_EN": 0, **SHORT},
}
SLICE = ("64b-8ch", "512b-1ch")

# The fault campaign: small memories and short time-outs, so that a scenario is short.
QUICK = {"STALL_MAX_CYCLES": 8192, "OP_TIMEOUT_CYCLES": 32768, "KEEPALIVE_CYCLES": 512, "STORE_W": 19}
FAULT_BUILDS: dict[str, dict[str, int]] = {
    "64b-8ch": {"DATA_W": 64, "CHANNELS": 8, **QUICK},
    "512b-4ch": {"DATA_W": 512, "CHANNELS": 4, **QUICK},
    "128b-link64": {"DATA_W": 128, "LINK_W": 64, "CHANNELS": 8, **QUICK},
    "64b-small": {"DATA_W": 64, "CHANNELS": 8, "READS_IN_FLIGHT": 8, "WRITES_IN_FLIGHT": 2, "OPS": 8,
                  "MAX_BURST_BYTES": 64, "LINK_MTU": 256, "RX_SHARED": 2, **QUICK},
}

# Three nodes. The second build has a third peer that is not connected, so the last index is in use.
TRIO_BUILDS: dict[str, dict[str, int]] = {
    "64b-4ch": {"DATA_W": 64, "CHANNELS": 4, "STORE_W": 21, **SHORT},
    "256b-3peers": {"DATA_W": 256, "CHANNELS": 8, "PEERS": 3, "STORE_W": 21, **SHORT},
}


def has_send(parameters: dict[str, int]) -> bool:
    """Messages, and registers of the receive ring."""
    return bool(parameters.get("SEND_EN", 1))


def has_mirror(parameters: dict[str, int]) -> bool:
    """It takes READ's ways."""
    return bool(parameters.get("MIRROR_EN", parameters.get("READ_EN", 1)))
