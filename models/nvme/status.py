# SPDX-License-Identifier: Apache-2.0
"""Which status codes are worth a second try, and which have an entry in the Error Information log."""

from __future__ import annotations

from models.layout import NvmeStatus as S

# What may be different the next time: memory or media answered with an error, somebody ended it, or the namespace moves.
TRANSIENT = frozenset(
    {
        S.SUCCESS,
        S.DATA_TRANSFER,
        S.INTERNAL,
        S.ABORT_REQUESTED,
        S.SQ_DELETED,
        S.ABORT_LIMIT,
        S.WRITE_FAULT,
        S.READ_ERROR,
        S.ANA_TRANSITION,
    }
)


def no_retry(status: int) -> bool:
    """DNR of a completion with this status."""
    return status not in TRANSIENT


def more(status: int) -> bool:
    """MORE of a completion with this status."""
    return status == S.ACCESS_DENIED
