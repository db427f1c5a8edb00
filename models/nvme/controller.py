# SPDX-License-Identifier: Apache-2.0
"""The whole controller: registers, doorbells, arbitration, checks, commands, completions, from the models of the blocks.

    c = Controller(Identity(), namespaces, read, write)   # read(func, addr, n), write(func, addr, data)
    c.reg_write(0x14, (0x460001).to_bytes(4, "little"), func=0)
    c.run()                                                # until nothing is left to do
    c.take_events()

Nothing takes time. `actions` names everything that may happen next; whoever steps chooses, and each choice is one that
hardware may make: which of the fetched commands is executed, when entries are posted, how much a reset finds begun.
A command is executed as a whole. An error response is None of `read`, False of `write`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from models.layout import NvmeAerErr, NvmeCqe, NvmeGrant, NvmeRange, NvmeSqe
from models.layout import NvmeStatus as S
from models.nvme import arbiter, commands, cqe, ctrl, doorbells, prp
from models.nvme.admin import TO_THE_END, AdminAgent, QueueSetup
from models.nvme.check import Grant, check
from models.nvme.identify import Identity
from models.nvme.namespace import Namespace
from models.nvme.status import more, no_retry

Read = Callable[[int, int, int], bytes | None]
Write = Callable[[int, int, bytes], object]
Action = tuple[str, Callable[[], None]]


# Events ----------------------------------------------------------------------------------------
@dataclass(frozen=True)
class MemWrite:
    """A write to memory that was answered; `why` is data, admin or entry."""

    func: int
    addr: int
    data: bytes
    why: str


@dataclass(frozen=True)
class Completed:
    """An entry that is in memory."""

    cqid: int
    entry: NvmeCqe


@dataclass(frozen=True)
class Msi:
    """An interrupt is due; with coalescing several of them may become one."""

    vec: int


@dataclass(frozen=True)
class BadDoorbell:
    """A doorbell that was refused."""

    qid: int
    cq: bool
    code: NvmeAerErr
    func: int


@dataclass(frozen=True)
class ForeignAccess:
    """An access of a function to what isn't its own; dropped and counted."""

    func: int


@dataclass(frozen=True)
class Executed:
    """An I/O command was executed; `outcome` says what may be torn if it failed."""

    sqid: int
    sqe: NvmeSqe
    outcome: commands.Outcome


@dataclass(frozen=True)
class QueueFailed:
    """Memory refused a fetch or an entry: the queue stands still until it is deleted."""

    qid: int
    cq: bool


@dataclass(frozen=True)
class SubsystemReset:
    """NSSR took effect."""


Event = (
    MemWrite | Completed | Msi | BadDoorbell | ForeignAccess | Executed | QueueFailed | SubsystemReset
)


@dataclass
class SubmissionQueue:
    """What the fetch unit knows."""

    base: int = 0
    size: int = 1
    func: int = 0
    head: int = 0


@dataclass(eq=False)
class Fetched:
    """A command that has a completion slot, and was not executed yet. Two of them are never the same one."""

    sqid: int
    sqe: NvmeSqe


@dataclass
class _Host:
    """Memory, on behalf of a function, for one purpose."""

    owner: Controller
    func: int
    why: str

    def read(self, addr: int, length: int) -> bytes | None:
        return self.owner.mem_read(self.func, addr, length)

    def write(self, addr: int, data: bytes) -> bool:
        if self.owner.mem_write(self.func, addr, data) is False:
            return False
        self.owner.events.append(MemWrite(self.func, addr, bytes(data), self.why))
        return True

    def entry(self, addr: int) -> int | None:
        raw = self.read(addr, prp.ENTRY)
        return None if raw is None else int.from_bytes(raw, "little")


def _range(r: NvmeRange) -> prp.Range:
    return prp.Range(r.base, 1 << 52 if r.pages == TO_THE_END else r.pages, r.rights)


class Controller(QueueSetup):
    """`namespaces[i]` has NSID i + 1."""

    def __init__(
        self,
        me: Identity,
        namespaces: Sequence[Namespace],
        read: Read,
        write: Write,
        *,
        dstrd: int = 9,
        to: int = 20,
        now_ms: Callable[[], int] = lambda: 0,
    ) -> None:
        self.me, self.namespaces = me, namespaces
        self.mem_read, self.mem_write = read, write
        self.regs = ctrl.Controller(to, dstrd)
        self.events: list[Event] = []
        self.foreign: Counter[int] = Counter()
        self.bad_doorbells: Counter[int] = Counter()  # by queue
        admin = _Host(self, 0, "admin")
        self.agent = AdminAgent(me, namespaces, self, admin.read, admin.write, now_ms)
        self._clear()

    def _clear(self) -> None:
        """No queue is there."""
        queues = self.me.queues
        self.cpl = cqe.CompletionQueues(queues)
        self.bells = doorbells.Doorbells(
            queues, self.regs.dstrd, lambda q: self.sqs[q].head, lambda q: self.cpl.cqs[q].tail
        )
        self.arb = arbiter.Arbiter(queues)
        self.sqs = [SubmissionQueue() for _ in range(queues + 1)]
        self.grants = [Grant() for _ in range(queues + 1)]
        self.ranges: list[list[prp.Range]] = [[] for _ in range(queues + 1)]
        self.inflight: list[Fetched] = []
        self.admin_out: list[NvmeCqe] = []  # entries of the admin queue that wait for a slot
        self.agent.reset()

    def take_events(self) -> list[Event]:
        out, self.events = self.events, []
        return out

    # registers --------------------------------------------------------------------------------
    def reg_write(self, addr: int, data: bytes, func: int = 0) -> None:
        """An access of 1 to 8 bytes that doesn't cross a multiple of 8."""
        lane = addr & 7
        if not 1 <= len(data) <= 8 - lane:
            raise ValueError("an access lies in 8 aligned bytes")
        word = int.from_bytes(data, "little") << 8 * lane
        strb = ((1 << len(data)) - 1) << lane
        if addr >= doorbells.FIRST:
            for event in self.bells.write(addr & ~7, word, strb, func):
                self._rung(event)
        elif func:
            self._foreign(func)
        elif addr < 0x80:
            self._react(self.regs.write(addr >> 3, word, strb))

    def reg_read(self, addr: int, length: int = 4, func: int = 0) -> bytes:
        """What is refused reads all ones; doorbells read 0."""
        if func and not self._owns(addr, func):
            self._foreign(func)
            return b"\xff" * length
        word = self.regs.read(addr >> 3) if addr < 0x80 else 0
        return word.to_bytes(8, "little")[addr & 7 :][:length]

    def _owns(self, addr: int, func: int) -> bool:
        where = doorbells.place(addr & ~3, self.regs.dstrd)
        if where is None or where[0] > self.me.queues:
            return False
        q = (self.bells.cqs if where[1] else self.bells.sqs)[where[0]]
        return q.valid and q.func == func

    def _foreign(self, func: int) -> None:
        self.foreign[func] += 1
        self.events.append(ForeignAccess(func))

    def _rung(self, event: doorbells.Event) -> None:
        match event:
            case doorbells.SqRung(qid, _):
                self.arb.ring(qid)
            case doorbells.CqRung(qid, head):
                if self.cpl.consume(qid, head):
                    self.arb.unpark()
            case doorbells.Foreign(func):
                self._foreign(func)
            case doorbells.Refused(qid, cq, code, func):
                self.bad_doorbells[qid] += 1
                self.events.append(BadDoorbell(qid, cq, code, func))
                self.agent.bad_doorbell(qid, code)

    # life -------------------------------------------------------------------------------------
    def _react(self, asked: Sequence[ctrl.Event]) -> None:
        for event in asked:
            if event is ctrl.Event.SSR:
                self.events.append(SubsystemReset())
                continue
            self._clear()
            self.arb.cfg.wrr, self.arb.cfg.ab = self.regs.wrr, self.me.rab
            self.create_cq(0, self.regs.acqs, self.regs.acq, 0, 0, True)
            self.create_sq(0, self.regs.asqs, self.regs.asq, 0, 0, 0)
            self._react(self.regs.started())

    def fatal(self) -> None:
        """The controller can't go on: CSTS.CFS, until it is reset."""
        self.regs.set_fatal(True)
        self.regs.set_fatal(False)

    def _quiet(self) -> None:
        """The end that was waited for. A reset drops what was not executed and what was not posted."""
        if self.regs.resetting or self.regs.subsystem:
            self.inflight.clear()
            self.admin_out.clear()
            for cq in self.cpl.cqs:
                cq.waiting.clear()
            self.agent.reset()
        self._react(self.regs.quiet())

    # what may happen --------------------------------------------------------------------------
    def actions(self) -> list[Action]:
        """Everything that may be next, the plainest order first."""
        regs = self.regs
        if regs.run and self.agent.expired():
            self.fatal()
        self.arb.run = regs.run
        reset = regs.resetting or regs.subsystem
        alive = regs.phase is ctrl.Phase.ON and not reset and not regs.cfs
        working = alive and (regs.run or regs.shst == ctrl.BUSY)
        out: list[Action] = []
        if regs.run and any(q.eligible for q in self.arb.queues):
            out.append(("fetch", self._fetch))
        if working or reset:
            out += [("execute", lambda f=f: self._execute(f)) for f in self.inflight]
        if working:
            if self.agent.out or self.admin_out and self.cpl.cqs[0].free:
                out.append(("answer", self._answer))
            waiting = [n for n, cq in enumerate(self.cpl.cqs) if cq.waiting]
            out += [("post", lambda n=n: self._post(n)) for n in waiting]
        if reset or regs.ending and not out:
            out.insert(0, ("quiet", self._quiet))
        return out

    def step(self, pick: Callable[[int], int] = lambda n: 0) -> str | None:
        """One action; `pick(n)` chooses one of n. None: nothing is left to do."""
        actions = self.actions()
        if not actions:
            return None
        name, do = actions[pick(len(actions))]
        do()
        return name

    def run(self, pick: Callable[[int], int] = lambda n: 0, limit: int = 1_000_000) -> int:
        """Steps until nothing is left to do; how many."""
        for n in range(limit):
            if self.step(pick) is None:
                return n
        raise RuntimeError(f"not idle after {limit} steps")

    # commands ---------------------------------------------------------------------------------
    def _fetch(self) -> None:
        grant = self.arb.grant()
        assert grant is not None
        qid, sq = grant.qid, self.sqs[grant.qid]
        there = doorbells.entries(sq.head, self.bells.tail(qid), sq.size)
        want = min(grant.limit, there)
        got = self.cpl.reserve(qid, want)
        taken = 0
        for _ in range(got):
            raw = self.mem_read(sq.func, sq.base + sq.head * NvmeSqe.SIZE, NvmeSqe.SIZE)
            if raw is None:
                if self.cpl.give_back(qid, got - taken):
                    self.arb.unpark()
                self.arb.stop(qid)
                self._failed(qid, False)
                break
            self.inflight.append(Fetched(qid, NvmeSqe.unpack(raw)))
            sq.head = (sq.head + 1) % (sq.size + 1)
            taken += 1
        self.arb.done(qid, taken, there > taken, got < want)

    def _failed(self, qid: int, cq: bool) -> None:
        self.events.append(QueueFailed(qid, cq))
        self.agent.log_error(qid, 0xFFFF, S.DATA_TRANSFER)
        if qid == 0:
            self.fatal()

    def _execute(self, f: Fetched) -> None:
        self.inflight.remove(f)
        if f.sqid == 0:
            self._admin(f)
        else:
            self._io(f)

    def _admin(self, f: Fetched) -> None:
        """A command that is held gives its slot back: it would block those that come after it."""
        answer = self.agent.submit(f.sqe)
        if self.cpl.give_back(0, 1):
            self.arb.unpark()
        self.admin_out += self.agent.take()
        if answer is not None:
            self.admin_out.append(answer)
        self._answer()

    def _answer(self) -> None:
        """Answers of the agent, as far as the admin completion queue has room."""
        self.admin_out += self.agent.take()
        while self.admin_out and self.cpl.reserve(0, 1):
            e = self.admin_out.pop(0)
            self._complete(0, e.cid, e.status, e.dw0)

    def _io(self, f: Fetched) -> None:
        sqe, qid = f.sqe, f.sqid
        grant = self.grants[qid]
        views = [n.checked() for n in self.namespaces]
        verdict = check(sqe, grant, views, self.me.mdts_bytes)
        host = _Host(self, grant.func, "data")
        walked = None
        ns = self.namespaces[verdict.nsi]
        if verdict.ok and verdict.nbytes:
            right = commands.NEEDS_RIGHT[sqe.opc]
            walked = prp.walk(
                sqe.prp1, sqe.prp2, verdict.nbytes, self.ranges[qid], right, host.entry
            )
        outcome = commands.execute(sqe, verdict, walked, ns, grant, host)
        self.events.append(Executed(qid, sqe, outcome))
        if outcome.more:
            lba = commands.slba_of(sqe)
            self.agent.io_failed(qid, sqe.cid, outcome.status, sqe.nsid, lba)
        self._complete(qid, sqe.cid, outcome.status, outcome.dw0)

    def _complete(self, sqid: int, cid: int, status: int, dw0: int = 0) -> None:
        self.cpl.complete(
            sqid, cid=cid, sqhd=self.sqs[sqid].head, status=status, dw0=dw0,
            dnr=int(no_retry(status)), more=int(more(status)),
        )  # fmt: skip

    def _post(self, cqid: int) -> None:
        """A burst of entries, then its interrupt."""
        burst = self.cpl.burst(cqid)
        if burst is None:
            return
        host = _Host(self, burst.user, "entry")
        good = host.write(burst.addr, burst.pack())
        answer = self.cpl.respond(burst, 0 if good else 2)
        if not good:
            self._failed(cqid, True)
            return
        self.events += [Completed(cqid, e.data) for e in burst.entries]
        if answer.irq is not None:
            self.events.append(Msi(answer.irq))

    # set-up, for the agent --------------------------------------------------------------------
    def create_cq(self, qid: int, size: int, base: int, func: int, vec: int, ien: bool) -> None:
        self.cpl.setup_cq(qid, base=base, size=size, func=func, vec=vec, ien=ien)
        self.bells.configure(qid, True, True, size, func)

    def create_sq(self, qid: int, size: int, base: int, func: int, cqid: int, prio: int) -> None:
        self.sqs[qid] = SubmissionQueue(base, size, func)
        self.cpl.setup_sq(qid, cqid)
        self.bells.configure(qid, False, True, size, func)
        self.arb.setup(qid, True, prio)

    def delete_sq(self, qid: int) -> None:
        self.arb.setup(qid, False)
        self.bells.configure(qid, False, False)
        for f in [f for f in self.inflight if f.sqid == qid]:
            self.inflight.remove(f)
            self._complete(qid, f.sqe.cid, S.SQ_DELETED)
        cqid = self.cpl.cq_of[qid]
        while self.cpl.cqs[cqid].waiting:
            self._post(cqid)
        self.cpl.delete_sq(qid)

    def delete_cq(self, qid: int) -> None:
        while self.cpl.cqs[qid].waiting:
            self._post(qid)
        self.cpl.delete_cq(qid)
        self.bells.configure(qid, True, False)

    def teardown(self, sqids: Sequence[int], cqids: Sequence[int]) -> None:
        for qid in sqids:
            self.arb.setup(qid, False)
            self.bells.configure(qid, False, False)
            for f in [f for f in self.inflight if f.sqid == qid]:
                self.inflight.remove(f)
                self.cpl.complete(qid, cid=f.sqe.cid, drop=True)
            self.cpl.delete_sq(qid)
        for qid in cqids:
            self.cpl.cqs[qid].waiting.clear()
            self.cpl.delete_cq(qid)
            self.bells.configure(qid, True, False)

    def grant_set(self, qid: int, grant: NvmeGrant, ranges: Sequence[NvmeRange]) -> None:
        g = grant
        self.grants[qid] = Grant(g.func, g.nsid, g.slba, g.nlb, g.opcodes, g.owner)
        self.ranges[qid] = [_range(r) for r in ranges]

    def arbitration(self, ab: int, hpw: int, mpw: int, lpw: int) -> None:
        cfg = self.arb.cfg
        cfg.ab, cfg.hpw, cfg.mpw, cfg.lpw = ab, hpw, mpw, lpw

    def abort(self, sqid: int, cid: int) -> bool | None:
        for f in self.inflight:
            if f.sqid == sqid and f.sqe.cid == cid:
                self.inflight.remove(f)
                self._complete(sqid, cid, S.ABORT_REQUESTED)
                return True
        return False
