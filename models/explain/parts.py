# SPDX-License-Identifier: Apache-2.0
"""Names that several parts of `Pair` use."""

from __future__ import annotations

from typing import TypeVar

from models.lay import AT_PEER, State, Status

Hit = TypeVar("Hit", bound=tuple)  # an operation first, then where it lies
TRANSIENT = {int(State.DRAINING), int(State.ABORTING), int(State.RESETTING)}
LIVING = {int(State.ACTIVE), int(State.PAUSED), int(State.DRAINING)}
SEG_CODES = {
    int(s)
    for s in (
        Status.SEG_INVALID,
        Status.KEY_REVOKED,
        Status.SEG_RANGE,
        Status.SEG_RIGHTS,
        Status.SEG_BINDING,
    )
}
NOT_READY = Status.RECEIVER_NOT_READY | AT_PEER
CPL_RUN = 8  # completion entries in a burst
LINK_ENDS = {int(Status.LINK_ERROR), int(Status.OP_TIMEOUT)}
