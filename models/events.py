# SPDX-License-Identifier: Apache-2.0
"""What monitors saw. One unit of time for all nodes; see models/README.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Resp = int | Sequence[int]


def worst(resp: Resp) -> int:
    """The first response that is not OKAY, else 0."""
    if isinstance(resp, int):
        return resp
    return next((r for r in resp if r not in (0, 1)), 0)


@dataclass(frozen=True, slots=True)
class RegWrite:
    """A write on s_axil."""

    node: str
    t: int
    func: int
    addr: int
    data: int
    strb: int = 0xFF


@dataclass(frozen=True, slots=True)
class RegRead:
    """A read on s_axil."""

    node: str
    t: int
    func: int
    addr: int
    data: int
    t_addr: int | None = None


@dataclass(frozen=True, slots=True)
class AxiRead:
    """A read burst on m_axi, over with its last beat."""

    node: str
    t_addr: int
    t_data: int
    id: int
    addr: int
    beats: int
    beat_bytes: int
    user: int
    data: bytes
    resp: Resp = 0


@dataclass(frozen=True, slots=True)
class AxiWrite:
    """A write burst on m_axi, over with its response."""

    node: str
    t_addr: int
    t_data: int
    t_resp: int
    id: int
    addr: int
    beats: int
    beat_bytes: int
    user: int
    data: bytes
    strb: int
    resp: int = 0


@dataclass(frozen=True, slots=True)
class CpuWrite:
    """Software stored into memory."""

    node: str
    t: int
    addr: int
    data: bytes


@dataclass(frozen=True, slots=True)
class LinkState:
    """The link to a peer came up or went down."""

    node: str
    t: int
    peer: int
    up: bool


@dataclass(frozen=True, slots=True)
class LinkFrame:
    """A whole frame on the wire."""

    src: str
    dst: str
    t: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class IrqPin:
    """The pin interrupt changed."""

    node: str
    t: int
    level: int


@dataclass(frozen=True, slots=True)
class Fault:
    """The bench disturbs: link_noise, link_corrupt, link_down, mem_stall, fatal."""

    node: str
    t: int
    kind: str
    peer: int = 0


@dataclass(frozen=True, slots=True)
class NodeReset:
    """rst of a node was asserted."""

    node: str
    t: int


Event = (
    RegWrite
    | RegRead
    | AxiRead
    | AxiWrite
    | CpuWrite
    | LinkState
    | LinkFrame
    | IrqPin
    | Fault
    | NodeReset
)
