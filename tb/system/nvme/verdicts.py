# SPDX-License-Identifier: Apache-2.0
"""What the log says of the hostile application's commands, held against models/nvme, and how long those of the others took.

Each command that was fetched ends once, with a status that its fields allow: exactly that of the first check that refuses it. Where
lists lie in memory that the application itself may change meanwhile, any status that a list can give; never SUCCESS
for what is refused whatever a list says. CIDs are used again and again while in use, so it is enough that all entries of a CID can be
given to commands of it that allow them (a matching, kept by augmenting paths).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from models.layout import NvmeCqe, NvmeIoOp, NvmeSqe
from models.layout import NvmeStatus as S
from models.nvme import prp
from models.nvme.check import Grant, Verdict, check
from models.nvme.commands import NEEDS_RIGHT
from models.nvme.namespace import Namespace
from models.nvme.status import more, no_retry
from tb.system.nvme.watch import NEVER, Access, Place

LISTS_GIVE = frozenset({S.SUCCESS, S.INVALID_PRP, S.ACCESS_DENIED, S.DATA_TRANSFER})
RANGES_GIVE = frozenset({S.SUCCESS, S.LBA_RANGE, S.ACCESS_DENIED})


@dataclass(eq=False)
class Life:
    """A queue with its grant, from its creation to its end; times in ps, of entries of admin commands."""

    qid: int
    func: int
    sq: int
    cq: int  # memory of the completion queue that it posts in
    size: int
    cq_size: int
    grant: Grant
    ranges: list[prp.Range]
    anything: int  # a page with all rights, as an entry of a list
    since: int
    hole: tuple[int, int] = (0, 0)  # granted, without memory
    stopping: int = NEVER  # its deletion was asked for
    until: int = NEVER
    dropped: bool = False  # by OWNER_TEARDOWN: it owes nothing
    aborts: bool = False
    over: tuple[int, int] | None = None
    by_cid: dict[int, list[Command]] = field(default_factory=lambda: defaultdict(list))
    queue_places: list[Place] = field(default_factory=list)  # what the watcher lets pass until the submission queue is deleted,
    cq_places: list[Place] = field(default_factory=list)  # and until the completion queue is


@dataclass(eq=False)
class Command:
    """One that was fetched."""

    t: int
    life: Life
    raw: bytes
    sqe: NvmeSqe
    verdict: Verdict
    may: frozenset[int]
    index: int = 0  # in the order of the fetch, of all queues
    post: Post | None = None
    gone: int = NEVER  # no command of its CID was under way then

    @property
    def entry(self) -> int:
        """When its entry was written."""
        return self.post.t if self.post else NEVER

    @property
    def status(self) -> int:
        return self.post.status if self.post else -1


@dataclass(frozen=True, eq=False)
class Post:
    """An entry; `killed`: statuses that any command of its queue may have then."""

    t: int
    status: int
    killed: frozenset[int]

    def fits(self, c: Command) -> bool:
        return c.t <= self.t and (not c.life.qid or self.status in c.may or self.status in self.killed)


class Reader:
    """Lists that hold nothing but good entries; notes that it was asked."""

    def __init__(self, entry: int) -> None:
        self.entry, self.asked = entry, False

    def __call__(self, addr: int) -> int:
        self.asked = True
        return self.entry


def allowed(sqe: NvmeSqe, verdict: Verdict, life: Life) -> frozenset[int]:
    """Statuses that it may end with, if nobody kills it."""
    if not verdict.ok:
        return frozenset({verdict.status})
    if not verdict.nbytes:
        return frozenset({S.SUCCESS})
    lists = Reader(life.anything)
    walked = prp.walk(sqe.prp1, sqe.prp2, verdict.nbytes, life.ranges, NEEDS_RIGHT[sqe.opc], lists)
    out = {walked.status}
    if lists.asked:
        out |= LISTS_GIVE if walked.ok else LISTS_GIVE - {S.SUCCESS}
    low, high = life.hole
    if any(low <= p.addr < high for p in walked.pieces):
        out |= {S.DATA_TRANSFER}
        out -= {S.SUCCESS}
    if sqe.opc == NvmeIoOp.COMPARE and walked.pieces:
        out |= {S.COMPARE_FAILURE}
    if sqe.opc == NvmeIoOp.DSM and S.SUCCESS in out:
        out |= RANGES_GIVE
    return frozenset(out)


class Verdicts:
    """`lives` of all queues; `watched`: which of them are judged (of the others the models compared already)."""

    def __init__(self, lives: Sequence[Life], namespaces: Sequence[Namespace], mdts: int) -> None:
        self.lives, self.mdts = lives, mdts
        self.namespaces = [n.checked() for n in namespaces]
        self.by_sq: dict[int, list[Life]] = defaultdict(list)
        self.by_cq: dict[int, dict[int, list[Life]]] = defaultdict(lambda: defaultdict(list))
        for life in lives:
            life.by_cid.clear()
            self.by_sq[life.sq >> 12].append(life)
            self.by_cq[life.cq >> 12][life.qid].append(life)
        self.commands: list[Command] = []
        self.wrong: list[str] = []

    def entries(self, accesses: Iterable[Access]) -> dict[tuple[int, int], int]:
        """When each entry of (completion queue's memory, CID) was first written."""
        out: dict[tuple[int, int], int] = {}
        for a in accesses:
            if a.write and a.data and a.lo >> 12 in self.by_cq:
                for i in range(0, len(a.data) - 15, 16):
                    cid = int.from_bytes(a.data[i + 12 : i + 14], "little")
                    out.setdefault((a.lo & ~0xFFF, cid), a.t)
        return out

    @staticmethod
    def _at(lives: Sequence[Life], t: int) -> Life | None:
        return next((x for x in reversed(lives) if x.since <= t <= x.until), None)

    def follow(self, accesses: Iterable[Access], watched: set[int]) -> None:
        """All entries that were fetched and posted, in the order of time."""
        seen = [(a.end, 0, a) for a in accesses if not a.write and a.data and a.lo >> 12 in self.by_sq]
        seen += [(a.end, 1, a) for a in accesses if a.write and a.data and a.lo >> 12 in self.by_cq]
        for _, written, a in sorted(seen, key=lambda e: e[:2]):
            for at in range(0, len(a.data) - 15, 16 if written else 64):
                if written:
                    self._posted(a, NvmeCqe.unpack(a.data[at : at + 16]), watched)
                elif len(a.data) - at >= 64:
                    self._fetched(a, a.data[at : at + 64])
        for life in self.lives:
            left = [c for group in life.by_cid.values() for c in group if c.post is None]
            if life.qid in watched and life.until < NEVER and not life.dropped and left:
                self.wrong.append(f"[lost] queue {life.qid} is deleted at {life.until}, and {len(left)} commands have no entry: {left[0].sqe}")
            for group in life.by_cid.values():
                self._gone(group)

    @staticmethod
    def _gone(group: Sequence[Command]) -> None:
        """When none of them was under way any more, whoever of them an entry belonged to."""
        times = sorted([(c.t, 1) for c in group] + [(c.entry, -1) for c in group])
        idle, level = [], 0
        for t, step in times:
            level += step
            if not level:
                idle.append(t)
        for c in group:
            c.gone = next((t for t in idle if t >= c.t), NEVER)

    def _fetched(self, a: Access, raw: bytes) -> None:
        life = self._at(self.by_sq[a.lo >> 12], a.t)
        if life is None:
            return  # the watcher says so
        sqe = NvmeSqe.unpack(raw)
        if life.qid:
            verdict = check(sqe, life.grant, self.namespaces, self.mdts)
            may = allowed(sqe, verdict, life)
        else:
            verdict, may = Verdict(S.INVALID_OPCODE, sqe.cid, sqe.opc), frozenset()
        command = Command(a.end, life, raw, sqe, verdict, may, len(self.commands))
        self.commands.append(command)
        life.by_cid[sqe.cid].append(command)

    def _posted(self, a: Access, cqe: NvmeCqe, watched: set[int]) -> None:
        life = self._at(self.by_cq[a.lo >> 12].get(cqe.sqid, ()), a.t)
        if life is None:
            self.wrong.append(f"[entry] of queue {cqe.sqid}, which does not post there: {cqe}")
            return
        mine = life.by_cid[cqe.cid]
        killed = {S.SQ_DELETED} if a.end >= life.stopping else set()
        killed |= {S.ABORT_REQUESTED} if life.aborts else set()
        if not self._give(Post(a.end, cqe.status, frozenset(killed)), mine, set()) and cqe.sqid in watched:
            said = S(cqe.status).name if cqe.status in S._value2member_map_ else hex(cqe.status)
            could = [(sorted(S(s).name for s in c.may), str(c.sqe)) for c in mine if c.entry > life.since][-3:]
            self.wrong.append(f"[status] queue {cqe.sqid} CID {cqe.cid}: {said}, but {could or 'there is no such command'}")
        if cqe.sqid in watched and ((cqe.dnr, cqe.more) != (no_retry(cqe.status), more(cqe.status)) or cqe.dw0 or cqe.dw1):
            self.wrong.append(f"[entry] DNR, MORE, DW0 or DW1 of {cqe}")

    def _give(self, post: Post, group: Sequence[Command], seen: set[int]) -> bool:
        """To one that is free, or to one whose entry fits to another."""
        fit = [c for c in group if post.fits(c) and c.index not in seen]
        for c in sorted(fit, key=lambda c: (c.post is not None, len(c.may), c.index)):
            if c.index in seen:
                continue
            seen.add(c.index)
            if c.post is None or self._give(c.post, group, seen):
                c.post = post
                return True
        return False


__all__ = ["Command", "Life", "Verdicts"]
