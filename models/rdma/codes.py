# SPDX-License-Identifier: Apache-2.0
"""Codes of docs/blocks/rdma.md section 11 that the layouts don't have yet; they move there with their RTL."""

from __future__ import annotations

RECV = 0x0E  # opcode of a receive ring's entry

BAD_EXT = 0x06
BAD_ALIGN = 0x07
RECEIVER_NOT_READY = 0x34
RECV_TOO_SHORT = 0x35

LOCAL_BAD = 1 << 1  # STATUS2, beside MAY_HAVE_EXECUTED
PEER_BAD = 1 << 2
