# SPDX-License-Identifier: Apache-2.0
"""What is written into the tables of the controller after CC.EN, before it takes commands.

    writes = cleared(queues=8)          # each of them, in any order
    then = admin(asq, asqs, acq, acqs)  # after all of those, in this order
"""

from __future__ import annotations

from functools import lru_cache

from models.nvme.mailbox import Action, act

RANGES = 8
COUNTS = {"cfg": ("qid", "cq", "valid"), "gr": ("qid", "entry"), "rg": ("qid", "idx", "entry")}  # the rest of a clearing write does not


def cycles(queues: int) -> int:
    """From `start` to the end of it, at most."""
    return 10 * (queues + 1) + 16


def what_counts(a: Action) -> Action | tuple:
    """Of a set-up that makes a queue vanish only its number counts."""
    if a.name == "cfg" and not a.values[2]:
        return (a.name, *a.values[:3])
    return a


@lru_cache(maxsize=4)
def cleared(queues: int) -> frozenset:
    """No queue is there, nobody has any right."""
    out: set = set()
    for qid in range(queues + 1):
        out |= {("cfg", qid, cq, 0) for cq in (0, 1)}
        out.add(act("gr", qid=qid, entry=0))
        out |= {act("rg", qid=qid, idx=n, entry=0) for n in range(RANGES)}
    return frozenset(out)


def admin(asq: int, asqs: int, acq: int, acqs: int) -> list[Action]:
    """The admin queues: CQ 0, then SQ 0."""
    common = {"qid": 0, "valid": 1, "func": 0, "cqid": 0, "prio": 0, "vec": 0, "ien": 1}
    return [act("cfg", cq=1, size=acqs, base=acq, **common), act("cfg", cq=0, size=asqs, base=asq, **common)]
