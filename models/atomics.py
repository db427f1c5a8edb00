# SPDX-License-Identifier: Apache-2.0
"""FETCH_ADD and CMP_SWAP as a peer's memory port shows them: one read, one write, nothing between.

Who an access belongs to shows when the old value arrives at the initiator: what two atomics on one cell, by one
function, with the same old and the same new value do is the same, so any of them may claim it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from models.lay import AT_PEER, Op, Status

MASK = (1 << 64) - 1
# Ends after which nobody knows whether it was done at the peer.
OPEN_ENDS = frozenset(
    {
        int(Status.LINK_ERROR),
        int(Status.LINK_ERROR) | AT_PEER,
        int(Status.OP_TIMEOUT),
        int(Status.KEY_REVOKED),
        int(Status.WRITE_SLVERR),
        int(Status.WRITE_DECERR),
        int(Status.MEM_TIMEOUT),
    }
)


@dataclass(eq=False)
class AtomicAccess:
    """What the unit did for one atomic."""

    t_addr: int
    t_read: int
    addr: int
    user: int
    old: bytes
    new: bytes = b""
    t_resp: int = -1
    claimed: bool = False

    def __str__(self) -> str:
        return f"atomic at {self.addr:#x}: {self.old.hex()} -> {self.new.hex() or '-'}"


def outcome(opcode: int, operand: int, swap: int | None, old: bytes) -> bytes:
    """What an atomic makes of the old value."""
    was = int.from_bytes(old, "little")
    if opcode == Op.FETCH_ADD:
        new = was + operand & MASK
    else:
        assert swap is not None
        new = swap if was == operand else was
    return new.to_bytes(8, "little")


def fits(a: AtomicAccess, addrs: Iterable[int], t_pub: int, new: bytes | None) -> bool:
    """The access may be that of an operation on one of these addresses, which makes `new` of the old value."""
    return not a.claimed and a.addr in addrs and t_pub < a.t_addr and a.new == new
