# SPDX-License-Identifier: Apache-2.0
"""A small controller round crl_nvme_drain: commands that go from a grant to their entry, at random paces.

It follows what docs/blocks/nvme.md says of each neighbour, and no more, so a drain that takes one of them for over too early leaves a
command behind. `World.step` is a cycle: what the drain says of it goes in, what it can see of the next one comes out.

    w = World(queues=4, rng=random.Random(1))
    seen = w.step(Says(f_stop=True))
    w.left(qid)      # commands of a queue, wherever they are
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from enum import IntEnum

from models.nvme.mailbox_regs import What

STOP_LAG = 4  # cycles, at most, until a stop is with the arbiter: it goes through the mailbox


class At(IntEnum):
    """Where a command is."""

    GRANT = 0  # not fetched, but nobody can stop it any more
    READ = 1  # crl_nvme_fetch: requested, or held
    PIPE = 2  # between fetch and exec
    WAIT = 3  # exec: has not begun
    LIST = 4  # exec: its list of pages is read, or will be
    DATA = 5  # exec: the mover works for it
    OVER = 6  # exec: its completion waits
    ENTRY = 7  # crl_nvme_cqe: until the response of its entry


EXEC = (At.WAIT, At.LIST, At.DATA, At.OVER)


@dataclass(frozen=True)
class Says:
    """Outputs of the drain in a cycle."""

    f_stop: bool = False
    drop_all: bool = False
    z_hold: bool = False
    p_stop: bool = False
    stop: int | None = None  # queue of stop_we
    kill: int | None = None  # queue of kill_we
    kill_drop: bool = False


@dataclass(frozen=True)
class Sees:
    """Inputs of the drain in a cycle. `g_busy`, `x_busy`: the queues for which they are up."""

    g_busy: frozenset[int]
    f_idle: bool
    pipe_empty: bool
    x_busy: frozenset[int]
    x_idle: bool
    c_idle: bool
    p_idle: bool
    m_idle: bool


@dataclass(eq=False)
class Cmd:
    """A command."""

    qid: int
    at: At = At.GRANT
    taken: bool = False  # GRANT: the fetch unit serves it
    dropped: bool = False
    reading: bool = False  # a list read owes beats


@dataclass
class World:
    """See above. `pace`: how often each stage moves when it could, by its name."""

    queues: int
    rng: random.Random
    run: bool = True
    fresh: float = 0.5  # how often a queue is granted
    pace: dict[str, float] = field(default_factory=lambda: {a.name: 0.5 for a in At})
    stop_lag: tuple[int, int] = (0, STOP_LAG)
    depth: dict[At, int] = field(default_factory=lambda: {At.READ: 16, At.PIPE: 4, At.WAIT: 8, At.ENTRY: 16})

    def __post_init__(self) -> None:
        self.cmds: list[Cmd] = []
        self.stopped: set[int] = set()
        self.stops: list[list[int]] = []  # on their way: cycles left, queue
        self.killed: dict[int, bool] = {}
        self.ahead: list[int] = []  # queues of refused commands, the rest of whose list is still read
        self.posted: Counter = Counter()  # entries that were written, by queue
        self.thrown: Counter = Counter()

    def hit(self, at: At) -> bool:
        return self.rng.random() < self.pace[at.name]

    def count(self, *where: At) -> int:
        return sum(c.at in where for c in self.cmds)

    def left(self, qid: int | None = None) -> list[Cmd]:
        return [c for c in self.cmds if qid in (None, c.qid)]

    def reads(self, qid: int | None = None) -> list[int]:
        """Queues for which a list is read, though its command is over."""
        return [q for q in self.ahead if qid in (None, q)]

    def sees(self) -> Sees:
        here = {c.at for c in self.cmds}
        return Sees(
            g_busy=frozenset(c.qid for c in self.cmds if c.at is At.GRANT),
            f_idle=At.READ not in here and not any(c.taken for c in self.cmds if c.at is At.GRANT),
            pipe_empty=At.PIPE not in here,
            x_busy=frozenset(c.qid for c in self.cmds if c.at in EXEC),
            x_idle=here.isdisjoint(EXEC),
            c_idle=At.ENTRY not in here,
            p_idle=not any(c.reading for c in self.cmds) and not self.ahead,
            m_idle=At.DATA not in here,
        )

    def step(self, says: Says) -> Sees:
        """One cycle. The youngest stages move last, so that a command moves one stage at most."""
        self.ahead = [q for q in self.ahead if not self.hit(At.LIST) or self.rng.random() < 0.8]  # it may be long
        for c in sorted(self.cmds, key=lambda c: -c.at):
            self._move(c, says)
        if says.stop is not None:
            self.stops.append([self.rng.randint(*self.stop_lag), says.stop])
        self.stopped |= {q for left, q in self.stops if left == 0}
        self.stops = [[left - 1, q] for left, q in self.stops if left]
        if says.kill is not None:
            self.killed[says.kill] = says.kill_drop
        grants = {c.qid for c in self.cmds if c.at is At.GRANT}
        if self.run and len(grants) < 4 and self.rng.random() < self.fresh:
            free = [q for q in range(self.queues + 1) if q not in self.stopped and q not in grants]
            if free:
                qid = self.rng.choice(free)
                self.cmds += [Cmd(qid) for _ in range(self.rng.choice((1, 1, 2, 4)))]
        return self.sees()

    def _move(self, c: Cmd, says: Says) -> None:
        drops = says.drop_all or self.killed.get(c.qid, False)
        ended = says.drop_all or c.qid in self.killed  # what has not begun
        if c.at in EXEC and drops:
            c.dropped = True
        if c.at is At.LIST:
            # The walker keeps its order: a command whose list may not be read waits, whoever wants it to end.
            if c.reading and self.rng.random() < 0.3:  # refused
                self.ahead.append(c.qid)
                c.reading = False
                self._to(c, At.OVER)
            elif c.reading:
                c.reading = not self.hit(At.LIST)
            elif self.rng.random() < 0.5:
                self._to(c, At.DATA)
            elif not says.p_stop:
                c.reading = self.hit(At.LIST)
            return
        if c.at is At.GRANT and not c.taken and (not self.run or c.qid in self.stopped):
            self.cmds.remove(c)
            return
        if not self.hit(c.at):
            return
        if c.at is At.GRANT:
            # With `stop` a grant is not taken, and one that is served ends with what was requested.
            if not says.f_stop:
                if c.taken:
                    self._to(c, At.READ)
                c.taken = True
            elif c.taken:
                self.cmds.remove(c)
        elif c.at is At.READ:
            self._to(c, At.PIPE)
        elif c.at is At.PIPE:
            self._to(c, At.WAIT)
        elif c.at is At.WAIT:
            self._to(c, At.OVER if ended else self.rng.choice((At.LIST, At.DATA, At.OVER)))
        elif c.at is At.DATA:
            self._to(c, At.OVER)
        elif c.at is At.OVER:
            if c.dropped and not says.z_hold:
                self.thrown[c.qid] += 1
                self.cmds.remove(c)
            elif not says.z_hold:
                self._to(c, At.ENTRY)
        elif c.at is At.ENTRY:
            self.posted[c.qid] += 1
            self.cmds.remove(c)

    def _to(self, c: Cmd, at: At) -> None:
        if self.count(at) < self.depth.get(at, 64):
            c.at = at


@dataclass
class Drain:
    """How crl_nvme_drain goes about it: a generator of what it says, sent what it sees."""

    what: int
    qid: int
    drop: bool
    without: str = ""  # a wait that is left out, to show that it matters

    def run(self):
        if self.what == What.QUEUE:
            yield from self._queue()
        else:
            yield from self._all(self.what == What.RESET)

    def _until(self, name: str, over, **says):
        """Says this until that is over; a look at least."""
        sees = yield Says(**says)
        while name != self.without and not over(sees):
            sees = yield Says(**says)

    def _queue(self):
        yield Says(stop=self.qid)
        yield from self._until("g_busy", lambda s: self.qid not in s.g_busy)
        yield Says(kill=self.qid, kill_drop=self.drop)
        yield from self._until("fetched", lambda s: s.f_idle and s.pipe_empty, f_stop=True)
        yield from self._until("x_busy", lambda s: self.qid not in s.x_busy)
        yield from self._until("p_idle", lambda s: s.p_idle, p_stop=True)
        yield from self._until("c_idle", lambda s: s.c_idle, z_hold=True)

    def _all(self, drop_all: bool):
        says = {"f_stop": True, "drop_all": drop_all}
        yield from self._until("fetched", lambda s: s.f_idle and s.pipe_empty, **says)
        yield from self._until("x_idle", lambda s: s.x_idle, **says)
        yield from self._until("c_idle", lambda s: s.x_idle and s.p_idle and s.m_idle and s.c_idle, p_stop=True, z_hold=True, **says)
