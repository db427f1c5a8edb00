# SPDX-License-Identifier: Apache-2.0
"""Names that several parts of `Pair` use."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from models.lay import AT_PEER, State, Status

if TYPE_CHECKING:
    from models.pairstate import OpState
    from models.receive import Buffer

Hit = TypeVar("Hit", bound=tuple)  # an operation first, then where it lies


class Place(NamedTuple):
    """Where an operation may write: its first byte there, whether it is the copy here of a MIRROR, and the buffer of a SEND."""

    op: OpState
    start: int
    here: bool = False
    buffer: Buffer | None = None

    @property
    def written(self) -> list[tuple[int, int]]:
        return self.op.here if self.here else self.op.written


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
TOO_SHORT = Status.RECV_TOO_SHORT | AT_PEER
CPL_RUN = 8  # completion entries in a burst
LINK_ENDS = {int(Status.LINK_ERROR), int(Status.OP_TIMEOUT)}
