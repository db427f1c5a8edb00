# SPDX-License-Identifier: Apache-2.0
"""`Pair`: explains everything that monitors saw on two or more nodes, or says what is wrong.

It learns registers from register writes, descriptors from memory (and, if they differ, from the
fetch), derives what each operation may read, write and report, and holds every access and every
completion against that. See models/README.md for the interface.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from models import regmap
from models.atomics import OPEN_ENDS, AtomicAccess, fits
from models.blocks import (
    burst_faults,
    read_bursts,
    split_chunks,
    split_requests,
    touched_beats,
)
from models.channel import BAD, CHANNEL_ERRORS, STAY, TABLE
from models.events import (
    AxiRead,
    AxiWrite,
    CpuWrite,
    Event,
    Fault,
    IrqPin,
    LinkFrame,
    LinkState,
    NodeReset,
    RegRead,
    RegWrite,
    worst,
)
from models.lay import (
    AT_PEER,
    CQE,
    DESC,
    MAY_HAVE_EXECUTED,
    Cmd,
    Cqe,
    CqeKind,
    Desc,
    DescFlag,
    Op,
    State,
    Status,
    status_name,
)
from models.linkcheck import LinkChecker
from models.memory import OKAY, PAGE, SLVERR, DiffRun, Memory, merge_ranges, report, strobe_runs
from models.ops import Ctx, Far, Plan, check_descriptor, fill_bytes
from models.pairstate import (
    FAR_FUTURE,
    ChanState,
    Life,
    Mismatch,
    NodeParams,
    NodeState,
    OpState,
    PairError,
    PeerCount,
    PeerRead,
    RecentWrite,
    Variant,
    index_add,
    index_find,
    index_remove,
)
from models.ring import LOG2_MAX, LOG2_MIN, Ring
from models.segments import R_RING, User, check_absolute

__all__ = ["Mismatch", "NodeParams", "Pair", "PairError", "Report"]

RULES = (
    "unexplained-access",  # no operation, ring or vector permits it
    "late-access",  # it belongs to something that is already over
    "foreign-user",  # right address, wrong function on whose behalf
    "burst-shape",  # 4 KiB, length, holes in the strobes
    "wrong-data",  # bytes written are not those of the operation
    "double-write",  # a byte of an operation written twice
    "read-count",  # more or fewer beats read than the chunks of the operation have
    "read-data",  # memory returned what nobody stored
    "atomic",  # not one read and one write with nothing between, or not once
    "revoked",  # an access with a key whose revocation was acknowledged
    "fence",  # an access before the responses it has to wait for
    "early-completion",  # posted before the last response
    "wrong-completion",  # tag, status, count, order or phase
    "extra-completion",  # nothing stood behind it
    "missing-completion",  # skipped, or owed at the end
    "missing-write",  # good without completion, but not written
    "ring-overrun",  # a completion over one that was not consumed
    "fetch-order",  # not the next descriptor, or not a published one
    "wrong-state",  # STATUS shows a state that can't be
    "wrong-register",  # another register reads what can't be
    "early-disabled",  # quiet reported before it is quiet
    "interrupt",  # a message without cause, or before its completion
    "frame",  # on the wire: CRC, version, sequence
    "totals",  # beats or bytes in sum
    "nothing-compared",  # the run proves nothing
)

Hit = TypeVar("Hit", bound=tuple)  # an operation first, then where it lies
_TRANSIENT = {int(State.DRAINING), int(State.ABORTING), int(State.RESETTING)}
_LIVING = {int(State.ACTIVE), int(State.PAUSED), int(State.DRAINING)}
_SEG_CODES = {
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
_LINK_ENDS = {int(Status.LINK_ERROR), int(Status.OP_TIMEOUT)}


@dataclass
class Report:
    """What was compared."""

    completions: int = 0
    errors_seen: int = 0  # completions with an error status, all of them expected
    bytes_moved: int = 0
    reads: int = 0
    writes: int = 0
    fetches: int = 0
    descriptors: int = 0
    frames: int = 0
    interrupts: int = 0
    registers: int = 0
    revocations: int = 0  # acknowledged ones: no access with the old keys since
    allowances: int = 0
    mismatches: int = 0

    def __str__(self) -> str:
        return "  ".join(f"{k} {v}" for k, v in self.__dict__.items())


@dataclass(frozen=True)
class Allowance:
    """More than one outcome was legitimate; this one was seen."""

    t: int
    node: str
    rule: str
    text: str


@dataclass
class Pair:
    """The golden model of nodes that are linked."""

    nodes: dict[str, NodeParams]
    links: Sequence[tuple[tuple[str, int], tuple[str, int]]] = ()
    strict: bool = True
    check_reads: bool = True
    errors: list[Mismatch] = field(default_factory=list)
    allowances: list[Allowance] = field(default_factory=list)
    RULES = RULES

    def __post_init__(self) -> None:
        self._n = {name: NodeState(name, p, Memory(name)) for name, p in self.nodes.items()}
        self._far: dict[tuple[str, int], tuple[str, int]] = {}
        for a, b in self.links:
            self._far[a], self._far[b] = b, a
        self.report = Report()
        self.now = 0
        self._suspects: list[tuple[AxiRead, set[int]]] = []
        self._peer_counts: list[PeerCount] = []
        self._wires: dict[tuple[str, str], LinkChecker] = {}
        self._skipped: dict[tuple[str, int], int] = {}
        self._handlers: dict[type, Callable[[object], None]] = {
            RegWrite: self._reg_write,
            RegRead: self._reg_read,
            AxiRead: self._axi_read,
            AxiWrite: self._axi_write,
            CpuWrite: self._cpu_write,
            LinkState: self._link_state,
            LinkFrame: self._link_frame,
            IrqPin: self._irq_pin,
            Fault: self._fault,
            NodeReset: self._node_reset,
        }  # type: ignore[dict-item]

    # interface ---------------------------------------------------------------------------------
    def feed(self, event: Event) -> None:
        """Take one event; with `strict`, raise PairError at a mismatch."""
        before = len(self.errors)
        self._handlers[type(event)](event)
        if self.strict and len(self.errors) > before:
            raise PairError(self.errors[before:])

    def feed_all(self, events: Iterable[Event]) -> None:
        for e in events:
            self.feed(e)

    def mem(self, node: str) -> Memory:
        """The model's memory of a node. To write, feed CpuWrite."""
        return self._n[node].mem

    expected = mem

    def undefined(self, node: str) -> list[tuple[int, int]]:
        """Ranges that an error in mid-flight left undefined."""
        n = self._n[node]
        n.undefined = merge_ranges(n.undefined)
        return n.undefined

    def completions(self, node: str, ch: int) -> list[tuple[Cqe, Desc]]:
        """The completion stream of a channel, through all its lives."""
        return [
            (cqe, op.desc)
            for life in self._n[node].lives
            if life.ch == ch
            for cqe, op, _ in life.stream
        ]

    def atomics(self, node: str) -> list[tuple[OpState, AtomicAccess, set[int]]]:
        """Atomics of a node that ended well, what the peer's unit did for each, and the opcodes of other operations of that
        segment that were under way then: fetched, and not over."""
        ops = [op for life in self._n[node].lives for op in life.ops if op.remote and op.t_fetch is not None]
        out = []
        for op in ops:
            a, seg = op.claim, op.desc.dst >> 52
            if a is None:
                continue
            beside = {
                int(o.desc.opcode)
                for o in ops
                if o is not op and (o.desc.src if o.desc.opcode == Op.READ else o.desc.dst) >> 52 == seg
                and o.t_fetch < a.t_resp and (o.t_over is None or o.t_over > a.t_addr)
            }
            out.append((op, a, beside))
        return out

    def messages(self, node: str) -> list[OpState]:
        """Messages of a node that their receivers were told."""
        return [op for life in self._n[node].lives for op in life.ops if op.told is not None]

    def pending(self) -> list[OpState]:
        """Operations that must still come to an end."""
        out = []
        for n in self._n.values():
            for c in n.chans:
                life = c.life
                if life is None or not life.open or life.ending or life.t_stop is not None:
                    continue
                if c.states <= {int(State.PAUSED)} or c.states == {int(State.ERROR)}:
                    continue
                rest = life.ops[life.retired :]
                while rest and (rest[-1].absorbed or rest[-1].silent and rest[-1].looks_done):
                    rest.pop()
                out += rest
        return out

    def compare_memory(
        self, node: str, read: Callable[[int, int], bytes] | Memory
    ) -> list[DiffRun]:
        """Compare a bench's memory with the model's, but for undefined ranges; raises PairError."""
        diffs = self.mem(node).diff(read, ignore=self.undefined(node))
        if diffs:
            self._bad(self.now, node, "wrong-data", report(diffs, f"memory of {node}"))
            if self.strict:
                raise PairError(self.errors[-1:])
        return diffs

    def finish(self, require: int = 1) -> Report:
        """The end of a test: nothing owed, totals agree, and at least `require` completions
        compared."""
        before = len(self.errors)
        for read, places in self._suspects:
            at = min(places)
            self._bad(
                read.t_data,
                read.node,
                "read-data",
                f"read at {read.addr:#x}: byte {at} is {read.data[at]:#04x}, which nobody stored",
            )
        self._suspects = []
        for count in self._peer_counts:
            self._check_peer_count(count)
        self._peer_counts = []
        for n in self._n.values():
            for c in n.chans:
                if c.life is not None and c.life.open:
                    self._finish_silent(n, c, c.life)
        for n in self._n.values():
            for life in n.lives:
                for op in life.ops[life.fetched : life.retired]:
                    self._bad(self.now, n.name, "fetch-order", f"{op} ended, but was not fetched")
        self._check_told()
        for n in self._n.values():
            self._check_once(n)
        for op in self.pending():
            self._bad(
                self.now, op.life.node, "missing-completion", f"{op} never ended; {op.missing()}"
            )
        for n in self._n.values():
            self._check_totals(n)
        if self.report.completions < require:
            self._bad(
                self.now,
                "-",
                "nothing-compared",
                f"{self.report.completions} completions were compared, {require} are required",
            )
        self.report.allowances = len(self.allowances)
        self.report.mismatches = len(self.errors)
        if len(self.errors) > before and self.strict or self.errors:
            raise PairError(self.errors)
        return self.report

    # helpers -----------------------------------------------------------------------------------
    def _bad(self, t: int, node: str, rule: str, text: str) -> None:
        assert rule in RULES, rule
        self.errors.append(Mismatch(t, node, rule, text))

    def _allow(self, t: int, node: str, rule: str, text: str) -> None:
        self.allowances.append(Allowance(t, node, rule, text))

    def _live_ops(self) -> Iterable[OpState]:
        for n in self._n.values():
            for c in n.chans:
                if c.life is not None and c.life.open:
                    yield from c.life.ops[c.life.retired :]

    def _finish_silent(self, n: NodeState, c: ChanState, life: Life) -> None:
        """At the end: operations that ended well and report nothing are over."""
        while life.retired < life.published:
            op = life.ops[life.retired]
            if not (op.silent and op.looks_done):
                break
            self._retire(n, c, op, 0, self.now)

    # registers ---------------------------------------------------------------------------------
    def _reg_write(self, e: RegWrite) -> None:
        self.now = max(self.now, e.t)
        n = self._n[e.node]
        p = n.params
        where = regmap.decode(e.addr & ~7, p.channels, p.segments, p.peers)
        if not self._permitted(n, e.addr, e.func):
            n.foreign[e.func] = n.foreign.get(e.func, 0) + 1
            return
        if where is None or not where.name:
            return
        self.report.registers += 1
        i, name = where.index, where.name
        if where.guest:
            self._guest_write(n, n.chans[i], name, e)
        elif name in regmap.CH_REGS.values():
            self._chan_write(n, n.chans[i], name, e)
        elif name in regmap.SEG_REGS.values():
            staged = n.staged.setdefault(i, {})
            staged[name] = regmap.merge(staged.get(name, 0), e.data, e.strb)
            if name == "SEG_CTRL":
                n.commit_segment(i, e.t)
                self._replan_all(e.t)
        elif name == "PEER_CTRL":
            n.peer_ctrl[i] = regmap.merge(n.peer_ctrl.get(i, 0), e.data, e.strb)
            if not n.peer_ctrl[i] >> 63:
                n.link_up[i] = False
                self._disturb(n.name, i)
            elif n.link_up.get(i) is False:
                n.link_up[i] = None
            self._replan_all(e.t)
        elif name == "REVOKE" and e.strb & 3:
            n.revokes[regmap.merge(0, e.data, e.strb) & 0xFFFF] = e.t
        elif name in ("MSIX_ADDR", "MSIX_DATA"):
            v = n.msix.setdefault(i, {})
            v[name] = regmap.merge(v.get(name, 0), e.data, e.strb)

    def _permitted(self, n: NodeState, addr: int, func: int) -> bool:
        if func == 0:
            return True
        lo, step = regmap.GUEST_BASE, regmap.PAGE_BYTES
        if lo <= addr < lo + step * n.params.channels:
            return n.chans[(addr - lo) // step].may_use(func)
        return False

    def _chan_write(self, n: NodeState, c: ChanState, name: str, e: RegWrite) -> None:
        if name == "CH_OWNER":
            old = c.owner | int(c.owner_valid) << 63
            value = regmap.merge(old, e.data, e.strb)
            c.owner, c.owner_valid = value & 0xFFF, bool(value >> 63)
            if c.life is not None:
                c.life.funcs.add(c.acts_for)
        elif name == "CH_POLICY":
            c.policy = regmap.merge(c.policy, e.data, e.strb)
            self._replan_all(e.t)
        elif name == "CH_BIND":
            c.bind = regmap.merge(c.bind, e.data, e.strb)
            self._replan_all(e.t)

    def _guest_write(self, n: NodeState, c: ChanState, name: str, e: RegWrite) -> None:
        if name in regmap.RING_REGS:
            if c.states == {int(State.DISABLED)}:
                c.ring[name] = regmap.merge(c.ring.get(name, 0), e.data, e.strb)
            elif int(State.DISABLED) in c.states:
                # It may have been locked or not; the next ENABLE will tell by what it fetches.
                c.ring[name] = regmap.merge(c.ring.get(name, 0), e.data, e.strb)
        elif name == "CTRL" and e.strb & 1:
            self._command(n, c, e.data & 7, e.t)
        elif name == "DRING_PROD" and e.strb & 3:
            self._doorbell(n, c, regmap.merge(0, e.data, e.strb) & 0xFFFF, e.t)
        elif name == "CRING_CONS" and e.strb & 3:
            self._cons_doorbell(n, c, regmap.merge(0, e.data, e.strb) & 0xFFFF, e.t)

    def _command(self, n: NodeState, c: ChanState, cmd: int, t: int) -> None:
        if cmd not in Cmd._value2member_map_:
            c.errors.add(int(Status.BAD_COMMAND))
            return
        new: set[int] = set()
        for s in c.states:
            if s in (State.ABORTING, State.RESETTING):
                if cmd == Cmd.RESET:
                    new.add(int(State.RESETTING))
                elif cmd == Cmd.ABORT:
                    new.add(s)
                else:
                    c.errors.add(int(Status.BAD_COMMAND))
                    new.add(s)
                continue
            what = TABLE[(State(s), Cmd(cmd))]
            if what is BAD:
                c.errors.add(int(Status.BAD_COMMAND))
                new.add(s)
            elif what is STAY:
                new.add(s)
            elif cmd == Cmd.ENABLE:
                new.add(self._enable(n, c, t))
            else:
                if cmd == Cmd.PAUSE:
                    new.add(s)  # until its edge
                new.add(int(what))  # type: ignore[call-overload]
        if cmd == Cmd.RESET:
            c.errors.add(0)
            c.desc_count = c.err_count = c.rd_bytes = c.wr_bytes = 0
            c.loose_reads = c.loose_writes = False
            c.peer_reads = []
            c.exact = c.states == {int(State.DISABLED)}
        life = c.life
        if life is not None and life.open and life.t_start < t:
            if cmd == Cmd.ABORT and life.t_abort is None:
                life.t_abort = t
                c.exact = False
            elif cmd == Cmd.RESET and life.t_reset is None:
                life.t_reset = t
            elif cmd == Cmd.DRAIN and life.t_drain is None and new & {int(State.DRAINING)}:
                life.t_drain = t
        if new & _TRANSIENT:
            new.add(int(State.DISABLED))
        c.before, c.t_command = c.states, t
        c.states = new

    def _enable(self, n: NodeState, c: ChanState, t: int) -> int:
        """What ENABLE leads to in DISABLED; makes a new life."""
        rings = {}
        for key, entry in (("DRING", DESC.size), ("CRING", CQE.size)):
            log2 = c.ring.get(f"{key}_SIZE", 0) & 0xF
            base = c.ring.get(f"{key}_BASE", 0)
            if not LOG2_MIN <= log2 <= LOG2_MAX:
                c.errors.add(int(Status.BAD_RING))
                return int(State.DISABLED)
            length = entry << log2
            if c.absolute:
                got = check_absolute(base, length)
            else:
                got = n.table.check(base, length, User(c.number), R_RING)
            if not got.ok or got.addr % Ring.alignment(log2, entry):
                c.errors.add(int(Status.BAD_RING))
                return int(State.DISABLED)
            rings[key] = (got.addr, log2)
        if c.life is not None:
            self._close(c.life, t)
        c.life = Life(
            n.name,
            c.number,
            t,
            *rings["DRING"],
            *rings["CRING"],
            funcs={c.acts_for},
        )
        c.ever_enabled = True
        n.lives.append(c.life)
        return int(State.ACTIVE)

    def _doorbell(self, n: NodeState, c: ChanState, value: int, t: int) -> None:
        life = c.life
        if life is None or not life.open or not c.states & _LIVING:
            return
        if life.ending or life.t_drain is not None:
            return  # what is published after the command is not executed
        if value >= life.dsize:
            self._channel_error(c, Status.DOORBELL_RANGE, t)
            return
        advance = (value - life.published) % life.dsize
        if life.published + advance - life.retired > life.dsize - 1:
            # Too far, unless operations that are done but not yet reported free the slots.
            self._maybe_error(c, Status.DOORBELL_RANGE)
        k = life.published
        for i in range(k, k + advance):
            op = OpState(life, i, Desc.unpack(n.mem.read(life.desc_addr(i), DESC.size)), t)
            life.ops.append(op)
        for op in life.ops[max(0, k - 1) :]:
            if Op.CMP_SWAP in n.params.ops:  # else it is refused by itself
                self._pair_up(op)
            if op.n >= k or op.desc.opcode == Op.CMP_SWAP and op.n >= life.retired:
                self._plan(op, t)

    @staticmethod
    def _pair_up(op: OpState) -> None:
        """CMP_SWAP: does an EXT follow it?"""
        ops = op.life.ops
        if op.desc.opcode != Op.CMP_SWAP or op.absorbed or op.n + 1 >= len(ops) or op.swap is not None:
            return
        second = ops[op.n + 1]
        if second.desc.opcode == Op.EXT:
            op.swap, second.absorbed = second.desc.operand, True

    def _cons_doorbell(self, n: NodeState, c: ChanState, value: int, t: int) -> None:
        life = c.life
        if life is None or not life.open or not c.states & _LIVING:
            return
        old = life.cq_cons[-1][1]
        if value >= life.csize:
            self._channel_error(c, Status.DOORBELL_RANGE, t)
            return
        advance = (value - old) % life.csize
        if old + advance > life.cq_prod:
            # Software can see an entry in memory before its response comes back.
            self._maybe_error(c, Status.DOORBELL_RANGE)
        life.cq_cons.append((t, old + advance))
        if len(life.cq_cons) > 64:
            del life.cq_cons[:32]

    def _channel_error(self, c: ChanState, status: int, t: int) -> None:
        c.errors.add(int(status))
        c.states = c.states | {int(State.ERROR)}
        if c.life is not None:
            c.life.stop(t, status_name(int(status)))

    @staticmethod
    def _maybe_error(c: ChanState, status: int) -> None:
        """An error that may or may not have come up; STATUS will tell."""
        c.errors.add(int(status))
        c.states = c.states | {int(State.ERROR)}

    def _close(self, life: Life, t: int) -> None:
        if not life.open:
            return
        life.t_closed = t
        c = self._n[life.node].chans[life.ch]
        life.bound_to = (c.peer, c.peer_ch)  # a reset is about to forget it
        for op in [*life.leaving, *life.ops[life.retired :]]:
            if op.from_peer:
                op.far_users = frozenset(self._far_users(op))
        for op in life.leaving:
            self._unindex(op, keep_source=op.from_peer)  # what was asked for, the peer still reads
        for op in life.ops[life.retired :]:
            # Its first request may have been waiting at the peer: no read of it has been seen yet.
            self._unindex(op, keep_source=op.from_peer and (op.begun or op.t_fetch is not None))
            if op.from_peer:
                op.t_over = op.t_over or t
            if op.begun:
                self._mark_undefined(op)
                n = self._n[life.node]
                self._count_loosely(n, n.chans[life.ch], op)

    def _reg_read(self, e: RegRead) -> None:
        self.now = max(self.now, e.t)
        n = self._n[e.node]
        p = n.params
        if not self._permitted(n, e.addr, e.func):
            n.foreign[e.func] = n.foreign.get(e.func, 0) + 1
            if e.data != (1 << 64) - 1:
                self._bad(
                    e.t,
                    n.name,
                    "wrong-register",
                    f"foreign read of {e.addr:#x} by function {e.func} gave {e.data:#x}",
                )
            return
        where = regmap.decode(e.addr & ~7, p.channels, p.segments, p.peers)
        if where is None or not where.name:
            return
        self.report.registers += 1
        if where.name == "PEER_STATUS":
            up = bool(e.data & 1)
            if n.link_up.get(where.index) is None:
                n.link_up[where.index] = up
                self._replan_all(e.t)
        elif where.name == "REVOKE":
            asked = n.revokes.get(e.data >> 32 & 0xFFFF)
            if asked is not None and asked > n.acked_req:
                n.acked_req, n.acked_at = asked, e.t
                self.report.revocations += 1
        elif where.name == "FOREIGN_CNT":
            want = n.foreign.get(where.index, 0) & 0xFFFFFFFF
            if e.data != want:
                self._bad(
                    e.t,
                    n.name,
                    "wrong-register",
                    f"{e.data} foreign accesses of function {where.index}, {want} were made",
                )
        elif where.guest:
            self._guest_read(n, n.chans[where.index], where.name, e)

    def _guest_read(self, n: NodeState, c: ChanState, name: str, e: RegRead) -> None:
        life = c.life
        if name == "STATUS":
            self._status_read(n, c, e)
        elif name in regmap.RING_REGS:
            want = c.ring.get(name, 0)
            if name.endswith("_SIZE"):
                want &= 0xF
            if e.data != want and c.states == {int(State.DISABLED)}:
                self._bad(
                    e.t,
                    n.name,
                    "wrong-register",
                    f"ch{c.number} {name} {e.data:#x}, {want:#x} was written",
                )
        elif name == "CRING_PROD" and life is not None and life.open and not life.ending:
            ahead = (e.data - life.cq_cons[-1][1]) % life.csize
            if e.data >= life.csize or ahead > life.cq_prod - life.cq_cons[-1][1]:
                self._bad(
                    e.t,
                    n.name,
                    "wrong-register",
                    f"{life.where} CRING_PROD {e.data}, {life.cq_prod} entries have a response",
                )
        elif name == "DRING_CONS" and life is not None and life.open and not life.ending:
            if not any(m % life.dsize == e.data for m in range(life.retired, life.published + 1)):
                self._bad(
                    e.t,
                    n.name,
                    "wrong-register",
                    f"{life.where} DRING_CONS {e.data}, "
                    f"{life.retired} of {life.published} are retired",
                )
        elif name in ("CNT_DESC", "CNT_ERR", "CNT_RD_BYTES", "CNT_WR_BYTES"):
            self._counter_read(n, c, name, e)

    def _counter_read(self, n: NodeState, c: ChanState, name: str, e: RegRead) -> None:
        life = c.life
        idle = life is None or life.retired == life.published
        if not c.exact or not idle or any(op.remote for op in self._live_ops()):
            return
        want = {
            "CNT_DESC": c.desc_count,
            "CNT_ERR": c.err_count,
            "CNT_RD_BYTES": c.rd_bytes,
            "CNT_WR_BYTES": c.wr_bytes,
        }[name]
        loose = {"CNT_RD_BYTES": c.loose_reads, "CNT_WR_BYTES": c.loose_writes}.get(name, False)
        if loose and e.data >= want:
            return
        if name == "CNT_RD_BYTES":
            self._peer_counts.append(
                PeerCount(
                    n.name, c.number, e.t, e.data, want, c.peer_reads, len(c.peer_reads),
                    n.params.link_mtu,
                )
            )  # fmt: skip
            return
        if e.data != want:
            self._bad(
                e.t, n.name, "wrong-register", f"ch{c.number} {name} is {e.data}, {want} was seen"
            )

    def _check_peer_count(self, c: PeerCount) -> None:
        """What a peer has had read is counted when its request is begun, so exact but for one request, and for
        the bytes around it in the beats; without any the count is exact."""
        before = c.peer_reads[: c.seen]
        asked = [r for r in c.peer_reads if r.t_addr <= c.t]
        low = high = c.own
        if asked:
            low = max(low, low + sum(r.least for r in before) - c.slack)
            high += sum(r.most for r in asked) + c.slack
        if not low <= c.shown <= high:
            seen = f"{low}" if low == high else f"{low} to {high}"
            self._bad(
                c.t,
                c.node,
                "wrong-register",
                f"ch{c.number} CNT_RD_BYTES is {c.shown}, {seen} was seen",
            )

    def _status_read(self, n: NodeState, c: ChanState, e: RegRead) -> None:
        state, last = e.data & 0xF, e.data >> 8 & 0xFF
        busy = bool(e.data >> 4 & 1)
        life = c.life
        failed = self._may_have_failed(n, c)
        if last not in c.errors | failed:
            self._bad(
                e.t,
                n.name,
                "wrong-state",
                f"ch{c.number} shows LAST_ERROR {status_name(last)}, for no reason",
            )
        # While a command is under way, the state may still be the one before it.
        asked = e.t if e.t_addr is None else e.t_addr
        if state in c.before and (busy or asked <= c.t_command):
            return
        possible = c.states | ({int(State.ERROR)} if failed and c.states & _LIVING else set())
        if state not in possible:
            names = "/".join(State(s).name for s in sorted(possible))
            got = State(state).name if state in State._value2member_map_ else str(state)
            self._bad(e.t, n.name, "wrong-state", f"ch{c.number} shows {got}, can only be {names}")
            return
        if busy and state not in (State.ERROR, State.DISABLED):
            return
        if state == State.DISABLED and life is not None and life.open:
            self._check_quiet(n, c, life, e.t)
            if not life.ending:
                self._finish_silent(n, c, life)
            self._close(life, e.t)
        if state == State.ERROR and life is not None and life.open:
            life.stop(e.t, status_name(last))
        follow = {state}
        if state in _TRANSIENT:
            follow.add(int(State.DISABLED))
        if int(State.ERROR) in c.states and state in _LIVING:
            follow.add(int(State.ERROR))
        c.states = follow

    def _may_have_failed(self, n: NodeState, c: ChanState) -> set[int]:
        """Codes with which the channel may have stopped, its completion still on its way."""
        life = c.life
        out: set[int] = set()
        if n.fatal or n.mem_stall:
            out.add(int(Status.MEM_TIMEOUT))
        if life is None or not life.open or not (c.stop_on_error or life.t_reset is not None):
            return out
        if life.t_reset is not None:  # what ends without completion
            out.add(int(Status.ABORTED))
        for op in life.ops[life.retired : life.retired + 512]:
            out |= {int(p.status) for p in op.plans if not p.ok} | set(op.errors)
            if op.remote and op.disturbed:
                out |= {int(Status.LINK_ERROR), int(Status.OP_TIMEOUT), int(Status.PEER_DOWN)}
        return out

    def _check_quiet(self, n: NodeState, c: ChanState, life: Life, t: int) -> None:
        """DISABLED is visible: all that was owed must be over."""
        if life.t_drain is not None and not life.ending and life.t_stop is None:
            owed = [op for op in life.ops[life.retired :] if not op.absorbed and not (op.silent and op.looks_done)]
            if owed:
                self._bad(
                    t,
                    n.name,
                    "early-disabled",
                    f"{owed[0]} was published before the drain and is not over",
                )
        if life.last_drain_t >= t:
            self._bad(
                t, n.name, "early-disabled", f"{life.where} shows DISABLED, a response came after"
            )

    # plans -------------------------------------------------------------------------------------
    def _ctx(self, n: NodeState, c: ChanState, up: bool) -> Ctx:
        far = None
        there = self._far.get((n.name, c.peer)) if c.bound else None
        if there is not None:
            fn = self._n[there[0]]
            if c.peer_ch < fn.params.channels:
                fc = fn.chans[c.peer_ch]
                bound = fc.bound and fc.peer == there[1] and fc.peer_ch == c.number
                far = Far(fn.table, c.peer_ch, there[1], bound)
        return Ctx(c.number, n.table, c.absolute, up and there is not None, far, n.params.ops)

    def _plans_now(self, op: OpState) -> list[Plan]:
        n = self._n[op.life.node]
        c = n.chans[op.life.ch]
        if not op.remote:
            return [check_descriptor(op.desc, self._ctx(n, c, False))]
        if op.desc.opcode == Op.CMP_SWAP:
            # Published with one doorbell, they are found together; else the engine may have looked in between.
            together = op.swap is not None and op.life.ops[op.n + 1].t_pub == op.t_pub
            ways = (True,) if together else (True, False) if op.swap is not None else (False,)
            up = n.link_up.get(c.peer) if c.bound else False
            ups = (True, False) if up is None else (up,)
            return [check_descriptor(op.desc, self._ctx(n, c, u), two) for u in ups for two in ways]
        up = n.link_up.get(c.peer) if c.bound else False
        ups = (True, False) if up is None else (up,)
        return [check_descriptor(op.desc, self._ctx(n, c, u)) for u in ups]

    def _plan(self, op: OpState, t: int) -> None:
        """Add what the set-up in force makes of an operation."""
        plans = self._plans_now(op)
        for v in op.variants:
            if v.plan not in plans:
                v.t_to = min(v.t_to, t)
        known = [v.plan for v in op.variants]
        n = self._n[op.life.node]
        for p in plans:
            if p in known:  # in force again
                op.variants[known.index(p)].t_to = FAR_FUTURE
                continue
            op.variants.append(Variant(p, t))
            self._index(op, p)
        if op.remote and n.chans[op.life.ch].peer in n.link_fault:
            op.disturbed = True

    def _replan_all(self, t: int) -> None:
        for op in self._live_ops():
            self._plan(op, t)

    def _bound_to(self, op: OpState) -> tuple[int, int]:
        """Peer, and channel there, of an operation's channel."""
        c = self._n[op.life.node].chans[op.life.ch]
        return op.life.bound_to or (c.peer, c.peer_ch)

    def _far_node(self, op: OpState) -> NodeState | None:
        """The peer of a remote operation."""
        n = self._n[op.life.node]
        there = self._far.get((n.name, self._bound_to(op)[0])) if op.remote else None
        return self._n[there[0]] if there else None

    def _dst_node(self, op: OpState) -> NodeState | None:
        """Whose memory it writes."""
        if op.remote and not op.from_peer:
            return self._far_node(op)
        return self._n[op.life.node]

    def _src_node(self, op: OpState) -> NodeState | None:
        """Whose memory it reads."""
        return self._far_node(op) if op.from_peer else self._n[op.life.node]

    def _index(self, op: OpState, p: Plan) -> None:
        if not p.length:
            return
        src, dst = self._src_node(op), self._dst_node(op)
        if p.src is not None and src is not None:
            index_add(src.src_index, op, p.src, p.src + p.length)
        if p.dst is not None and dst is not None:
            index_add(dst.dst_index, op, p.dst, p.dst + p.length)

    def _unindex(self, op: OpState, keep_source: bool = False) -> None:
        for p in op.plans:
            if not p.length:
                continue
            for n in self._n.values():
                if p.src is not None and not keep_source:
                    index_remove(n.src_index, op, p.src, p.src + p.length)
                if p.dst is not None:
                    index_remove(n.dst_index, op, p.dst, p.dst + p.length)

    def _mark_undefined(self, op: OpState) -> None:
        dst = self._dst_node(op)
        for p in op.plans:
            if p.ok and p.dst is not None and dst is not None:
                dst.undefined.append((p.dst, p.dst + p.length))

    # reads -------------------------------------------------------------------------------------
    def _axi_read(self, e: AxiRead) -> None:
        self.now = max(self.now, e.t_data)
        n = self._n[e.node]
        self.report.reads += 1
        limit = PAGE if e.id == 0 else n.params.max_burst
        for fault in burst_faults(e.addr, e.beats, e.beat_bytes, limit):
            self._bad(e.t_addr, n.name, "burst-shape", f"read at {e.addr:#x}: {fault}")
        if len(e.data) != e.beats * e.beat_bytes:
            raise ValueError("AxiRead.data is not beats * beat_bytes long")
        resp = worst(e.resp)
        if resp == OKAY:
            self._check_read_data(n, e)
        if e.id == 0:
            self._fetch(n, e, resp)
        elif e.id == 2 + n.params.peers:
            self._atomic_read(n, e, resp)
        else:
            self._data_read(n, e, resp)

    def _check_read_data(self, n: NodeState, e: AxiRead) -> None:
        if not self.check_reads:
            return
        base = e.addr - e.addr % e.beat_bytes
        want = n.mem.read(base, len(e.data))
        if want == e.data:
            return
        places = {i for i, (w, d) in enumerate(zip(want, e.data, strict=True)) if w != d}
        for r in n.recent:
            if r.t_resp >= e.t_addr:
                self._clear_suspect(e, places, r.addr, r.old)
                self._clear_suspect(e, places, r.addr, r.new)
        if places:
            self._suspects.append((e, places))

    @staticmethod
    def _clear_suspect(e: AxiRead, places: set[int], addr: int, data: bytes) -> None:
        base = e.addr - e.addr % e.beat_bytes
        for i in list(places):
            k = base + i - addr
            if 0 <= k < len(data) and data[k] == e.data[i]:
                places.discard(i)

    def _fetch(self, n: NodeState, e: AxiRead, resp: int) -> None:
        self.report.fetches += 1
        base = e.addr - e.addr % e.beat_bytes
        end = base + len(e.data)
        owners = [
            life
            for c in n.chans
            if (life := c.life) is not None
            and life.dbase < end
            and base < life.dbase + life.dsize * DESC.size
        ]
        mine = [life for life in owners if e.user in life.funcs]
        if not mine:
            rule = "foreign-user" if owners else "unexplained-access"
            self._bad(
                e.t_addr, n.name, rule, f"descriptor fetch at {e.addr:#x} for function {e.user}"
            )
            return
        # With rings that overlap, take the one that expects this address.
        mine.sort(key=lambda x: not base <= x.desc_addr(x.fetched) < end)
        life = mine[0]
        if not life.open:
            if e.t_addr > (life.t_closed or 0):
                self._bad(
                    e.t_addr,
                    n.name,
                    "late-access",
                    f"{life.where}: fetch at {e.addr:#x} after it was disabled",
                )
            elif e.t_data > (life.t_closed or 0):
                self._bad(
                    e.t_data,
                    n.name,
                    "early-disabled",
                    f"{life.where}: fetch at {e.addr:#x} was outstanding when it showed DISABLED",
                )
            return
        life.last_drain_t = max(life.last_drain_t, e.t_data)
        first = life.fetched
        if self._covered_in_passing(life, first - 1, base, end, e.beat_bytes):
            first -= 1
        published = sum(1 for op in life.ops[first : first + life.dsize] if op.t_pub < e.t_addr)
        took = 0
        while took < published and base <= life.desc_addr(first + took):
            a = life.desc_addr(first + took)
            if a + DESC.size > end:
                break
            if resp == OKAY:
                self._fetched(n, life.ops[first + took], e, e.data[a - base : a - base + DESC.size])
            took += 1
        if took == 0:
            if life.ending or life.t_stop is not None:
                return  # prefetched in vain
            self._bad(
                e.t_addr,
                n.name,
                "fetch-order",
                f"{life.where}: fetch at {e.addr:#x}; next is descriptor {first} at "
                f"{life.desc_addr(first):#x}, {published} are published and not fetched",
            )
            return
        if resp != OKAY:
            status = Status.FETCH_SLVERR if resp == SLVERR else Status.FETCH_DECERR
            self._channel_error(n.chans[life.ch], status, e.t_data)
            return
        life.fetched = first + took

    @staticmethod
    def _covered_in_passing(life: Life, n: int, base: int, end: int, beat: int) -> bool:
        """Descriptor n came with the last beat of an earlier burst, unasked, and is fetched now."""
        if n < life.retired or beat <= DESC.size:
            return False
        a = life.desc_addr(n)
        op = life.ops[n]
        return a % beat != 0 and base <= a < end and (not op.begun or op.shared)

    def _fetched(self, n: NodeState, op: OpState, e: AxiRead, raw: bytes) -> None:
        op.t_fetch = e.t_addr
        self.report.descriptors += 1
        d = Desc.unpack(raw)
        if d != op.desc and op.n >= op.life.retired:
            self._allow(e.t_data, n.name, "descriptor-changed", f"{op} was fetched as ({d})")
            self._unindex(op)
            op.desc, op.variants = d, []
            self._plan(op, e.t_addr)
        early = [x for x in op.unproven if x[0] < e.t_addr]
        if early:  # no one knew then what it writes
            op.written = merge_ranges([x[1:3] for x in op.unproven if x[0] >= e.t_addr])
            op.begun = bool(op.written)
            for t, lo, hi, sole in early:
                if sole:
                    text = f"bytes {lo} to {hi} of {op}, which was not yet fetched"
                    self._bad(t, n.name, "unexplained-access", text)
        op.unproven = []
        self._unindex(op)
        op.variants = [v for v in op.variants if v.t_to > e.t_addr] or op.variants[-1:]
        for p in op.plans:
            self._index(op, p)

    def _data_read(self, n: NodeState, e: AxiRead, resp: int) -> None:
        base = e.addr - e.addr % e.beat_bytes
        end = base + len(e.data)
        hits = []
        foreign = None
        for op, s, x in index_find(n.src_index, base):
            if (
                s - s % e.beat_bytes <= base
                and end <= x + -x % e.beat_bytes
                and s < end
                and base < x
                and op.from_peer == (e.id > 1)
                and not op.atomic
            ):
                if e.user not in self._read_users(op):
                    foreign = op
                elif op.t_pub < e.t_addr:
                    hits.append((op, s, x))
        who = "a peer's " if e.id > 1 else ""
        what = f"{who}data read at {e.addr:#x}, {len(e.data)} bytes, function {e.user}"
        if not hits:
            if foreign is not None:
                self._bad(e.t_addr, n.name, "foreign-user", f"{what}: that is {foreign}")
            else:
                self._explain_stray_read(n, e, base, end, what)
            return
        hits = self._not_fenced_off(hits)
        if all(self._key_is_dead(n, op, op.desc.src, e.t_data) for op, _, _ in hits):
            self._bad(e.t_addr, n.name, "revoked", f"{what}: {hits[0][0]}")
        if e.id > 1:
            self._count_peer_read(n, e, [op for op, _, _ in hits])
        useful = 0
        live = [h for h in hits if h[0].t_over is None]
        may_leave = [self._may_leave(n, e, op) for op, _, _ in hits if op.t_over is not None]
        if not live and not any(may_leave):
            self._bad(e.t_addr, n.name, "late-access", f"{what}: {hits[0][0]} is over")
        for op, s, x in live:
            lo, hi = max(base, s), min(end, x)
            useful = max(useful, hi - lo)
            op.begun = True
            op.read_beats += e.beats
            if not op.from_peer:
                op.life.last_drain_t = max(op.life.last_drain_t, e.t_data)
            if len(hits) == 1:
                self._check_fence(op, e.t_addr)
            op.shared = op.shared or len(hits) > 1
            if resp != OKAY:
                status = int(Status.READ_SLVERR if resp == SLVERR else Status.READ_DECERR)
                status |= AT_PEER if op.from_peer else 0
                op.errors[status] = op.errors.get(status, False) or len(hits) == 1
                n.exact = False
            op.store(lo - s, e.data[lo - base : hi - base])
        n.read_beats += e.beats
        n.read_bytes += useful

    def _count_peer_read(self, n: NodeState, e: AxiRead, ops: list[OpState]) -> None:
        chans = {far.number for op in ops if (far := self._far_chan(op)) is not None}
        least = max(1, len(e.data) - 2 * (e.beat_bytes - 1)) if len(chans) == 1 else 0
        for number in chans:
            n.chans[number].peer_reads.append(PeerRead(e.t_addr, least, len(e.data)))

    def _may_leave(self, n: NodeState, e: AxiRead, op: OpState) -> bool:
        """It is over, but asked for this before that, or had it on its way to the port."""
        assert op.t_over is not None
        if op.from_peer:  # its requests were sent before it ended; each is answered
            op.late_bytes += len(e.data)
            if op.late_bytes <= n.params.late_bytes:
                return True
            self._unindex(op)
            return False
        op.life.last_drain_t = max(op.life.last_drain_t, e.t_data)
        op.late_reads += e.t_addr > op.t_over
        if op.late_reads <= n.params.ar_queue:
            return True
        self._unindex(op)
        return False

    def _explain_stray_read(self, n: NodeState, e: AxiRead, base: int, end: int, what: str) -> None:
        """A read that no operation of an open channel explains."""
        for life in n.lives[-2 * n.params.channels :]:
            for op in [*life.leaving, *life.ops[life.retired :]]:
                if life.open or e.user not in life.funcs:
                    continue
                if any(p.touches_src(base, end) for p in op.plans):
                    late = e.t_addr > (life.t_closed or 0)
                    rule, how = (
                        ("late-access", "requested after it was disabled")
                        if late
                        else ("early-disabled", "outstanding when it showed DISABLED")
                    )
                    self._bad(e.t_addr, n.name, rule, f"{what}: {op}, {how}")
                    return
        self._bad(e.t_addr, n.name, "unexplained-access", what)

    @staticmethod
    def _not_fenced_off(hits: list[Hit]) -> list[Hit]:
        """Where an access could belong to several operations: not to one that a fence still holds back."""
        if len(hits) < 2:
            return hits

        def held(op: OpState) -> bool:
            ops, lo = op.life.ops, op.life.retired
            fence = next((k for k in range(op.n, lo, -1) if ops[k].fenced), None)
            # What is refused is over without having written all.
            return fence is not None and any(o.must_run and not o.covered for o in ops[lo:fence])

        return [h for h in hits if not held(h[0])] or hits

    def _check_fence(self, op: OpState, t: int) -> None:
        if not op.fenced:
            return
        for o in op.life.ops[max(op.life.retired - 16, 0) : op.n]:
            if o.shared or o.errors or not o.must_run:
                continue
            if not o.covered and o.n >= op.life.retired:
                self._bad(t, op.life.node, "fence", f"{op} began; {o} before it: {o.missing()}")
            elif o.last_resp >= t:
                self._bad(t, op.life.node, "fence", f"{op} began before the last response of {o}")

    # writes ------------------------------------------------------------------------------------
    def _axi_write(self, e: AxiWrite) -> None:
        self.now = max(self.now, e.t_resp)
        n = self._n[e.node]
        self.report.writes += 1
        if len(e.data) != e.beats * e.beat_bytes:
            raise ValueError("AxiWrite.data is not beats * beat_bytes long")
        limit = n.params.max_burst + e.beat_bytes  # one beat more: the destination may lie askew
        if e.id == 2:  # MAX_BURST_BYTES is about data; a beat wider than an entry may be begun in its middle
            limit = CPL_RUN * CQE.size + (e.beat_bytes if e.beat_bytes > CQE.size else 0)
        for fault in burst_faults(e.addr, e.beats, e.beat_bytes, limit):
            self._bad(e.t_addr, n.name, "burst-shape", f"write at {e.addr:#x}: {fault}")
        if e.strb >> len(e.data):
            self._bad(
                e.t_addr, n.name, "burst-shape", f"write at {e.addr:#x}: strobes beyond the burst"
            )
        base = e.addr - e.addr % e.beat_bytes
        runs = strobe_runs(e.strb)
        if e.id == 2:
            self._completion_write(n, e, base, runs)
        elif e.id == 3:
            self._msix_write(n, e, base, runs)
        elif self._is_atomic_write(n, e, base, runs):
            self._atomic_write(n, e)
        else:
            self._data_write(n, e, base, runs)
        if e.resp == OKAY:
            self._store(n, e, base, runs)

    def _store(self, n: NodeState, e: AxiWrite, base: int, runs: list[tuple[int, int]]) -> None:
        """What has its response is in memory, so of writes that overlap the later response counts."""
        for s, x in runs:
            addr, new = base + s, e.data[s:x]
            w = RecentWrite(e.t_addr, e.t_data, e.t_resp, addr, n.mem.read(addr, x - s), new)
            n.mem.write(addr, new)
            n.recent.append(w)
            for read, places in self._suspects:
                if read.node == n.name and e.t_addr <= read.t_data:
                    self._clear_suspect(read, places, addr, new)
            self._suspects = [x for x in self._suspects if x[1]]

    def _data_write(
        self, n: NodeState, e: AxiWrite, base: int, runs: list[tuple[int, int]]
    ) -> None:
        remote = e.id == 1
        what = f"{'target' if remote else 'local'} write at {e.addr:#x}"
        if len(runs) != 1:
            self._bad(e.t_addr, n.name, "burst-shape", f"{what}: {len(runs)} runs of strobes")
            return
        lo, hi = base + runs[0][0], base + runs[0][1]
        data = e.data[runs[0][0] : runs[0][1]]
        if lo >= base + e.beat_bytes or hi <= base + len(e.data) - e.beat_bytes:
            self._bad(e.t_addr, n.name, "burst-shape", f"{what}: a whole beat without a strobe")
        hits: list[tuple[OpState, int]] = []
        foreign = None
        for op, s, x in index_find(n.dst_index, lo):
            if not (s <= lo and hi <= x) or op.remote != remote or op.t_pub >= e.t_addr:
                continue
            if e.user in self._write_users(n, op):
                hits.append((op, s))
            else:
                foreign = op
        if not hits:
            self._explain_stray(n, e, lo, hi, remote, foreign, what)
            return
        hits = self._not_fenced_off(hits)
        if all(self._key_is_dead(n, op, op.desc.src if op.atomic else op.desc.dst, e.t_resp) for op, _ in hits):
            self._bad(e.t_addr, n.name, "revoked", f"{what}: {hits[0][0]}")
        good = [(op, s) for op, s in hits if self._data_fits(op, lo - s, data)]
        if not good and self._may_be_late(n, e, lo, hi, remote, what):
            return
        if not good:
            self._bad(
                e.t_addr,
                n.name,
                "wrong-data",
                self._wrong_data(hits[0][0], lo - hits[0][1], lo, data),
            )
            return
        fresh = [
            (op, s) for op, s in good if not any(a < hi - s and lo - s < b for a, b in op.written)
        ]
        if not fresh:
            self._bad(e.t_addr, n.name, "double-write", f"{what}: bytes of {good[0][0]} again")
            return
        # Results of a channel's atomics come in ring order.
        turn = {id(op.life): op for op, _ in sorted(fresh, key=lambda h: -h[0].n) if op.atomic}
        fresh = [(op, s) for op, s in fresh if not op.atomic or turn[id(op.life)] is op]
        if len(fresh) > 1:
            self._allow(
                e.t_resp, n.name, "overlapping-operations", f"{what}: {len(fresh)} operations fit"
            )
        for op, s in fresh:
            op.begun = True
            op.shared = op.shared or len(fresh) > 1
            if len(fresh) == 1:
                self._check_fence(op, e.t_addr)
            op.written = merge_ranges([*op.written, (lo - s, hi - s)])
            if op.atomic:
                self._old_value(op, lo - s, data)
            if op.t_fetch is None:  # the end of its fetch will tell whether it can have been this one
                op.unproven.append((e.t_addr, lo - s, hi - s, len(fresh) == 1))
            op.last_resp = max(op.last_resp, e.t_resp)
            op.life.last_drain_t = max(op.life.last_drain_t, e.t_resp)
            if e.resp != OKAY:
                status = int(Status.WRITE_SLVERR if e.resp == SLVERR else Status.WRITE_DECERR)
                status |= AT_PEER if remote and not op.from_peer else 0
                op.errors[status] = op.errors.get(status, False) or len(fresh) == 1
                n.exact = False
                n.undefined.append((lo, hi))
        n.write_bytes += hi - lo

    def _key_is_dead(self, n: NodeState, op: OpState, address: int, t_end: int) -> bool:
        """The access uses a key of this node that was revoked, and that was acknowledged."""
        own = n.name == op.life.node
        return not (own and n.chans[op.life.ch].absolute) and n.revoked(address, t_end)

    def _write_users(self, n: NodeState, op: OpState) -> set[int]:
        return self._far_users(op) if op.remote and not op.from_peer else op.life.funcs

    def _read_users(self, op: OpState) -> set[int]:
        return self._far_users(op) | op.far_users if op.from_peer else op.life.funcs

    def _far_users(self, op: OpState) -> set[int]:
        """On whose behalf the peer makes the accesses of a remote operation."""
        far = self._far_chan(op)
        return {far.acts_for} if far is not None else set()

    def _far_chan(self, op: OpState) -> ChanState | None:
        """The channel at the peer that a remote operation names."""
        n = self._far_node(op)
        there = self._bound_to(op)[1]
        return n.chans[there] if n is not None and there < n.params.channels else None

    def _data_fits(self, op: OpState, pos: int, data: bytes) -> bool:
        if op.errors:
            return True  # content undefined
        if op.desc.opcode == Op.FILL:
            return fill_bytes(op.desc.src, len(data), pos) == data
        if op.atomic:
            return bool(self._accesses(op, pos, data))
        return op.has_source(pos, len(data)) and op.source_may_be(pos, data)

    def _wrong_data(self, op: OpState, pos: int, lo: int, data: bytes) -> str:
        if op.atomic:
            return f"{op}: {data.hex()} at {lo:#x} is no old value that the peer's unit has read for it"
        if op.desc.opcode == Op.FILL:
            want = fill_bytes(op.desc.src, len(data), pos)
        elif not op.has_source(pos, len(data)):
            return f"{op}: bytes {pos} to {pos + len(data)} written before they were read"
        else:
            assert op.got is not None
            want = bytes(op.got[pos : pos + len(data)])
        i = next(k for k in range(len(data)) if want[k] != data[k])
        return (
            f"{op}: byte {pos + i} at {lo + i:#x} is {data[i]:#04x}, must be {want[i]:#04x} "
            f"({sum(a != b for a, b in zip(want, data, strict=True))} of {len(data)} bytes differ)"
        )

    def _explain_stray(
        self,
        n: NodeState,
        e: AxiWrite,
        lo: int,
        hi: int,
        remote: bool,
        foreign: OpState | None,
        what: str,
    ) -> None:
        what = f"{what} [{lo:#x}, {hi:#x}) for function {e.user}"
        if self._may_be_late(n, e, lo, hi, remote, what):
            return
        over = self._over(n, lo, hi, remote)
        if foreign is not None:
            self._bad(e.t_addr, n.name, "foreign-user", f"{what}: that is {foreign}")
        elif over:
            self._bad(e.t_addr, n.name, "late-access", f"{what}: {over[-1][1]} is over")
        else:
            self._bad(e.t_addr, n.name, "unexplained-access", what)

    def _over(
        self, n: NodeState, lo: int, hi: int, remote: bool
    ) -> list[tuple[NodeState, OpState]]:
        """Operations that are over and wrote all of [lo, hi) here, with the node that began them."""
        return [
            (m, op)
            for m in self._n.values()
            for life in m.lives[-2 * m.params.channels :]
            for op in life.ops[max(0, life.retired - 64) : life.retired if life.open else None]
            if op.remote == remote and self._dst_node(op) is n
            if any(p.ok and p.covers_dst(lo, hi) for p in op.plans)
        ]

    def _may_be_late(
        self, n: NodeState, e: AxiWrite, lo: int, hi: int, remote: bool, what: str
    ) -> bool:
        """A write of an operation that was ended from outside; what it leaves is undefined."""
        for m, op in self._over(n, lo, hi, remote):
            if op.status == Status.PEER_DOWN:
                continue  # it did not begin
            if (op.disturbed and not op.from_peer) or m.fatal or m.mem_stall:
                self._allow(e.t_resp, n.name, "late-write", f"{what}: {op}")
            elif op.life.open or e.t_resp > (op.life.t_closed or 0):
                continue
            n.undefined.append((lo, hi))
            return True
        return False

    # completions -------------------------------------------------------------------------------
    def _completion_write(
        self, n: NodeState, e: AxiWrite, base: int, runs: list[tuple[int, int]]
    ) -> None:
        what = f"completion write at {e.addr:#x}"
        if len(runs) != 1 or (base + runs[0][0]) % CQE.size or (runs[0][1] - runs[0][0]) % CQE.size:
            self._bad(e.t_addr, n.name, "burst-shape", f"{what} is not whole entries")
            return
        lo, hi = base + runs[0][0], base + runs[0][1]
        # Where rings overlap, the one whose next slot this is.
        lives = [
            c.life
            for c in n.chans
            if c.life is not None and c.life.holds_cqe(lo) and c.life.holds_cqe(hi - 1)
        ]
        mine = [x for x in lives if e.user in x.funcs]
        if not mine:
            rule = "foreign-user" if lives else "unexplained-access"
            self._bad(e.t_addr, n.name, rule, f"{what} for function {e.user}")
            return
        mine.sort(key=lambda x: (not x.open, x.cbase + x.cq_prod % x.csize * CQE.size != lo))
        life = mine[0]
        if not life.open:
            self._bad(e.t_addr, n.name, "late-access", f"{what}: {life.where} is disabled")
            return
        if life.t_mute is not None and e.t_addr > life.t_mute:
            self._bad(
                e.t_addr, n.name, "extra-completion", f"{what} after a completion write failed"
            )
        life.last_drain_t = max(life.last_drain_t, e.t_resp)
        for a in range(lo, hi, CQE.size):
            self._completion(n, life, a, Cqe.unpack(e.data[a - base : a - base + CQE.size]), e)
        if e.resp != OKAY:
            life.t_mute = e.t_resp
            self._channel_error(n.chans[life.ch], Status.CPL_WRITE, e.t_resp)

    def _completion(self, n: NodeState, life: Life, addr: int, cqe: Cqe, e: AxiWrite) -> None:
        t = e.t_addr
        slot = life.cbase + life.cq_prod % life.csize * CQE.size
        phase = 1 ^ (life.cq_prod >> life.clog2 & 1)
        where = f"{life.where} completion {life.cq_prod} ({cqe})"
        if addr != slot:
            self._bad(
                t, n.name, "wrong-completion", f"{where} at {addr:#x}, the next slot is {slot:#x}"
            )
            return
        if cqe.phase != phase:
            self._bad(t, n.name, "wrong-completion", f"{where}: phase must be {phase}")
        if cqe.kind == CqeKind.IMMEDIATE:
            self._overrun(n, life, where, t)
            life.cq_prod += 1
            self._immediate(n, life, cqe, where, e)
            return
        if cqe.kind != CqeKind.DESCRIPTOR or cqe.immediate:
            self._bad(
                t,
                n.name,
                "wrong-completion",
                f"{where}: kind {cqe.kind}, immediate {cqe.immediate:#x}",
            )
        self._overrun(n, life, where, t)
        op = self._match(n, life, cqe, where, t)
        if op is None:
            return
        life.cq_prod += 1
        self._skip_silent(n, life, op, t)
        self._judge(n, life, op, cqe, where, t)
        life.stream.append((cqe, op, e.t_resp))
        self.report.completions += 1
        c = n.chans[life.ch]
        if op.desc.flag(DescFlag.IRQ) or cqe.status:
            c.irq_due.append(e.t_resp)
        self._retire(n, c, op, cqe.status, t, e.t_resp)

    def _overrun(self, n: NodeState, life: Life, where: str, t: int) -> None:
        if life.cq_prod + 1 - life.cons_at(t) > life.csize - 1:
            self._bad(
                t, n.name, "ring-overrun", f"{where}: {life.cons_at(t)} consumed of {life.cq_prod}"
            )

    def _senders(self, c: ChanState) -> Iterable[OpState]:
        """Operations of a peer that tell something to channel c, in their order."""
        for m in self._n.values():
            for life in m.lives[-2 * m.params.channels :]:
                for op in life.ops[max(0, life.retired - 256) :]:
                    if op.tells and op.remote and self._far_chan(op) is c:
                        yield op

    def _immediate(self, n: NodeState, life: Life, cqe: Cqe, where: str, e: AxiWrite) -> None:
        """An entry that tells of a peer's WRITE_IMM."""
        t = e.t_addr
        c = n.chans[life.ch]
        due = [
            op
            for op in self._senders(c)
            if op.told is None and op.may_run and op.t_pub < t and not self._without_effect(op)
            # What had ended before this life began was an earlier one's, which told nothing any more.
            and not (op.t_done is not None and op.t_done < life.t_start)
            and op.n > op.life.last_told
        ]
        self.report.completions += 1
        if not due:
            self._bad(t, n.name, "extra-completion", f"{where}: no WRITE_IMM is under way to it")
            return
        # What was lost with its link, given up or refused may never have been delivered; a refusal may be reported later than
        # the next message is told.
        op = next((o for o in due if self._tells(o, cqe)), None)
        if op is None:
            op = next((o for o in due if not (o.disturbed or o.status or o.life.ending)), due[-1])
        op.told = e.t_resp
        op.life.last_told = op.n
        want = (0, 0, 0, op.data_len, op.desc.operand & 0xFFFFFFFF)
        if (cqe.tag, cqe.status, cqe.status2, cqe.nbytes, cqe.immediate) != want:
            self._bad(
                t,
                n.name,
                "wrong-completion",
                f"{where}: immediate {cqe.immediate:#x}; next is {op}, operand {op.desc.operand:#x}",
            )
        # Writes that came after a reset of their initiator are not told apart any more, nor those of what was lost with its link.
        known = op.life.t_start > self._n[op.life.node].t_reset
        if known and not op.status and (not op.covered or op.last_resp >= t):
            self._bad(t, n.name, "early-completion", f"{where}: {op.missing()}; {op}")
        for o in op.life.ops[max(0, op.n - 64) : op.n] if known else ():
            if o.remote and not o.from_peer and not o.status and not o.shared and o.must_run and not self._may_be_refused(o):
                if not o.covered or o.last_resp >= t:
                    self._bad(t, n.name, "early-completion", f"{where}: {o} before it: {o.missing()}")
        if op.desc.flag(DescFlag.NOTIFY):
            c.irq_due.append(e.t_resp)

    @staticmethod
    def _may_be_refused(op: OpState) -> bool:
        """A message that nobody was told of, and that has not ended: its receiver may have said no. If it ends well after all,
        the entry is missed at the end."""
        return op.tells and op.told is None and op.t_done is None and not op.written

    @staticmethod
    def _tells(op: OpState, cqe: Cqe) -> bool:
        told = (op.data_len, op.desc.operand & 0xFFFFFFFF)
        return (cqe.nbytes, cqe.immediate) == told

    @staticmethod
    def _without_effect(op: OpState) -> bool:
        """It is over, and its status says that nothing was done."""
        refused = {int(p.status) for p in op.plans if not p.ok}
        return op.status in {*refused, NOT_READY, int(Status.PEER_DOWN)} - {0}

    def _check_told(self) -> None:
        """What ended well has an entry at its receiver."""
        for n in self._n.values():
            for life in n.lives:
                for op in life.ops[: life.retired]:
                    far, there = self._far_chan(op), self._far_node(op)
                    if not op.tells or op.status or op.told is not None or far is None:
                        continue
                    at = far.life
                    gone = at is None or at.t_start > op.last_resp > 0 or at.ending or not at.open
                    if gone or at.t_mute is not None or there.t_reset > op.t_pub:
                        continue
                    self._bad(
                        self.now, there.name, "missing-completion", f"{op} ended well, but told nothing"
                    )

    def _match(self, n: NodeState, life: Life, cqe: Cqe, where: str, t: int) -> OpState | None:
        """The operation that an entry speaks of: in order, but silent ones may be passed over."""
        k = life.retired
        if k >= life.published:
            self._bad(t, n.name, "extra-completion", f"{where}: no descriptor is under way")
            return None
        while k < life.published:
            op = life.ops[k]
            if self._cons_after(op, cqe.status) % life.dsize == cqe.dring_cons and op.desc.tag == cqe.tag:
                return op
            if not op.silent:
                break
            k += op.slots
        op = life.ops[min(k, life.published - 1)]
        want = f"tag={op.desc.tag:#x} cons={self._cons_after(op, cqe.status) % life.dsize}"
        later = next(
            (
                o
                for o in life.ops[k + 1 : k + 1 + life.dsize]
                if self._cons_after(o, cqe.status) % life.dsize == cqe.dring_cons and o.desc.tag == cqe.tag
                and not o.absorbed
            ),
            None,
        )
        past = any(
            x.dring_cons == cqe.dring_cons and x.tag == cqe.tag for x, _, _ in life.stream[-4:]
        )
        if later is not None:
            self._bad(
                t, n.name, "missing-completion", f"{where}: {op} has not completed; next is {want}"
            )
        elif past:
            self._bad(t, n.name, "extra-completion", f"{where} was posted before")
        else:
            self._bad(t, n.name, "wrong-completion", f"{where}: next is {want}")
        return later or (None if past else op)

    @staticmethod
    def _cons_after(op: OpState, status: int) -> int:
        """Consumer index, unbounded, behind an operation that ended so."""
        return op.n + (1 if status == Status.BAD_EXT else op.slots)

    def _skip_silent(self, n: NodeState, life: Life, op: OpState, t: int) -> None:
        """Operations without completion that lie before `op`: they ended well, so they must be
        done."""
        while life.retired < op.n:
            o = life.ops[life.retired]
            if not o.silent:
                life.retired += 1  # reported by _match
                continue
            if not o.covered or o.last_resp >= t:
                self._bad(t, n.name, "missing-write", f"{o} was passed over as good; {o.missing()}")
            elif o.errors and all(o.errors.values()) or not o.may_run:
                self._bad(
                    t, n.name, "missing-completion", f"{o} had an error, which always completes"
                )
            self._retire(n, n.chans[life.ch], o, 0, t)

    def _judge(self, n: NodeState, life: Life, op: OpState, cqe: Cqe, where: str, t: int) -> None:
        """Status, byte count and time of a completion."""
        refusals = {int(p.status) for p in op.plans if not p.ok}
        status = cqe.status

        def bad(rule: str, text: str) -> None:
            self._bad(t, n.name, rule, f"{where}: {text}; {op}")

        if status == Status.OK:
            if not op.may_run:
                bad("wrong-completion", f"must be {self._names(refusals)}")
            elif op.errors and any(op.errors.values()) and not op.shared:
                bad("wrong-completion", f"must be {self._names(op.errors)}")
            elif op.silent:
                bad("extra-completion", "asked for none when good")
            elif not op.covered:
                bad("early-completion", op.missing())
            elif op.last_resp >= t:
                bad("early-completion", f"the last write response came at {op.last_resp}")
            elif op.atomic and op.claim is None:
                bad("atomic", "it ended well, but nothing was done at the peer")
            if op.may_run and cqe.nbytes != op.data_len:
                bad("wrong-completion", f"{cqe.nbytes} bytes, {op.data_len} were moved")
            if cqe.status2:
                bad("wrong-completion", "second status must be 0")
            return
        if op.tells:
            refusals.add(NOT_READY)
        allowed = refusals | set(op.errors)
        far = self._far_chan(op)
        if op.tells and far is not None and any(x.ending for x in self._far_node(op).lives if x.ch == far.number):
            allowed.add(int(Status.ABORTED) | AT_PEER)  # the receiver was disabled in the middle
        if op.may_run and any(r & ~AT_PEER in _SEG_CODES and not r & AT_PEER for r in refusals):
            allowed.add(int(Status.KEY_REVOKED))  # it had been allowed, whatever the table says now
        if life.t_abort is not None and life.t_abort < t:
            allowed.add(int(Status.ABORTED))
        if op.remote and (op.disturbed or self._fatal_there(op)):
            allowed |= {
                int(Status.LINK_ERROR),
                int(Status.LINK_ERROR) | AT_PEER,
                int(Status.OP_TIMEOUT),
                int(Status.PEER_DOWN),
            }
        if n.fatal or n.mem_stall:
            allowed.add(int(Status.MEM_TIMEOUT))
        if status not in allowed:
            bad("wrong-completion", f"must be {self._names(allowed or {0})}")
            return
        plain = op.variants and (not op.may_run or status == NOT_READY) and status in refusals
        if plain:
            if cqe.nbytes:
                bad("wrong-completion", "a refused operation moves 0 bytes")
            if status == NOT_READY and (op.written or op.told is not None):
                bad("wrong-completion", "the receiver was not ready, but something is written")
        else:
            # After the loss of its link the peer may go on with what it has. A READ writes here.
            if op.last_resp >= t and (op.from_peer or status not in _LINK_ENDS):
                bad("early-completion", f"the last write response came at {op.last_resp}")
            if op.may_run:
                self._mark_undefined(op)
            n.exact = False
            n.chans[life.ch].exact = False
            self._allow(t, n.name, "error" if status in op.errors else "mid-flight", where)
        if status == Status.PEER_DOWN and op.written:
            bad("wrong-completion", "a part is written: must be LINK_ERROR")
        if op.atomic:
            self._judge_may(op, plain, status, cqe.status2, bad)
            return
        if op.from_peer and cqe.status2:
            bad("wrong-completion", "a READ changes nothing at the peer: second status must be 0")
        elif op.from_peer:
            return
        if status in _LINK_ENDS and not cqe.status2 & MAY_HAVE_EXECUTED:
            bad("wrong-completion", "MAY_HAVE_EXECUTED must be set")
        if status not in _LINK_ENDS and status not in {Status.LINK_ERROR | AT_PEER} and cqe.status2:
            bad("wrong-completion", "second status must be 0")

    def _fatal_there(self, op: OpState) -> bool:
        far = self._far_node(op)
        return far is not None and (far.fatal or far.mem_stall)

    @staticmethod
    def _names(codes: Iterable[int]) -> str:
        return " or ".join(status_name(int(c)) for c in sorted(codes))

    def _retire(
        self,
        n: NodeState,
        c: ChanState,
        op: OpState,
        status: int,
        t: int,
        t_resp: int | None = None,
    ) -> None:
        life = op.life
        life.retired = self._cons_after(op, status)
        if op.desc.opcode == Op.CMP_SWAP and status == Status.BAD_EXT and op.swap is not None:
            op.swap, life.ops[op.n + 1].absorbed = None, False  # it was not there when the engine looked
        op.status, op.t_done = status, t_resp
        # What was ended from outside may still have reads on their way: nobody gets their data.
        leaving = bool(status) and (op.remote or status == Status.MEM_TIMEOUT)
        if leaving:
            op.t_over = t_resp
            life.leaving.append(op)
        self._unindex(op, keep_source=leaving)
        c.desc_count += 1
        if status:
            c.err_count += 1
            c.errors.add(status)
            if c.stop_on_error and status != Status.ABORTED or status & ~AT_PEER in CHANNEL_ERRORS:
                self._channel_error(c, status, t)
        elif op.data_len:
            self.report.bytes_moved += op.data_len
            plan = next(p for p in op.plans if p.ok) if op.may_run else None
            dst = self._dst_node(op)
            if plan is not None and dst is not None:
                if op.from_peer:
                    self._count_requests(op, plan, t)
                elif plan.src is not None:
                    chunks = split_chunks(
                        plan.src,
                        plan.dst or 0,
                        op.data_len,
                        n.params.max_burst,
                        remote=op.remote,
                        link_mtu=n.params.link_mtu,
                    )
                    due = sum(b.beats for b in read_bursts(chunks, n.params.beat))
                    times = 1
                    again = op.read_beats == 2 * due or op.shared and op.read_beats > 2 * due
                    if op.tells and op.data_len <= n.params.link_mtu and again:
                        times = 2  # its receiver was not ready when it came in one frame
                    due *= times
                    if op.shared and times == 2:  # or they were for another one that lies in the same beats
                        times, c.loose_reads, n.exact = 1, True, False
                    n.due_read_beats += due
                    if not op.shared and len(op.variants) == 1 and op.read_beats != due:
                        self._bad(
                            t,
                            n.name,
                            "read-count",
                            f"{op}: {op.read_beats} beats read, {due} are due",
                        )
                    c.rd_bytes += op.data_len * times
                dst.due_write_bytes += op.data_len
                if op.remote and not op.from_peer:
                    far = self._far_chan(op)
                    if far is not None and op.last_resp > dst.t_reset:
                        far.wr_bytes += op.data_len
                else:
                    c.wr_bytes += op.data_len
        if status:
            self.report.errors_seen += 1
            if op.begun:
                self._count_loosely(n, c, op)
        if op.remote and op.desc.flag(DescFlag.NOTIFY) and not status and not op.tells:
            dst = self._dst_node(op)
            if dst is not None and c.peer_ch < dst.params.channels:
                dst.chans[c.peer_ch].irq_due.append(op.last_resp)
        op.forget()

    def _count_requests(self, op: OpState, plan: Plan, t: int) -> None:
        """What the peer must have read for a READ that ended well."""
        src = self._src_node(op)
        if src is None or plan.src is None or op.atomic:  # an atomic's accesses are counted as they are seen
            return
        due = sum(
            touched_beats(r.src, r.n, src.params.beat)
            for r in split_requests(plan.src, op.data_len, src.params.link_mtu)
        )
        src.due_read_beats += due
        if not op.shared and len(op.variants) == 1 and op.read_beats != due:
            self._bad(
                t, src.name, "read-count", f"{op}: {op.read_beats} beats read, {due} are due"
            )

    def _count_loosely(self, n: NodeState, c: ChanState, op: OpState) -> None:
        """It ended half-way: its bytes are in the counters as far as it came."""
        n.exact = False
        c.loose_reads = True
        if op.from_peer:
            c.loose_writes = True
            src = self._src_node(op)
            if src is not None:
                src.exact = False
            return
        dst = self._dst_node(op)
        if dst is None:
            return
        dst.exact = False
        inside = op.remote and c.peer_ch < dst.params.channels
        (dst.chans[c.peer_ch] if inside else c).loose_writes = True

    # atomics -----------------------------------------------------------------------------------
    def _atomic_read(self, n: NodeState, e: AxiRead, resp: int) -> None:
        what = f"atomic unit's read at {e.addr:#x} for function {e.user}"
        n.read_beats += e.beats
        n.due_read_beats += e.beats
        if n.atomic_open is not None:
            self._bad(e.t_addr, n.name, "atomic", f"{what}: {n.atomic_open} has not been written")
            n.atomic_open = None
        if e.beats != 1 or e.addr % 8:
            self._bad(e.t_addr, n.name, "burst-shape", f"{what}: {e.beats} beats")
            return
        there = [op for op, s, _ in index_find(n.src_index, e.addr) if op.atomic and s == e.addr and op.claim is None]
        mine = [op for op in there if e.user in self._read_users(op) and op.t_pub < e.t_addr and op.may_run]
        if not mine:
            self._bad(e.t_addr, n.name, "foreign-user" if there else "unexplained-access", what)
            return
        if all(self._key_is_dead(n, op, op.desc.dst, e.t_data) for op in mine):
            self._bad(e.t_addr, n.name, "revoked", f"{what}: {mine[0]}")
        if len(mine) == 1:
            self._check_fence(mine[0], e.t_addr)
        if resp != OKAY:
            status = int(Status.READ_SLVERR if resp == SLVERR else Status.READ_DECERR) | AT_PEER
            for op in mine:
                op.errors[status] = op.errors.get(status, False) or len(mine) == 1
            n.exact = False
            return
        at = e.addr % e.beat_bytes
        n.atomic_open = AtomicAccess(e.t_addr, e.t_data, e.addr, e.user, e.data[at : at + 8])

    @staticmethod
    def _is_atomic_write(n: NodeState, e: AxiWrite, base: int, runs: list[tuple[int, int]]) -> bool:
        a = n.atomic_open
        return (
            a is not None
            and e.id == 1
            and (e.addr, e.beats, e.user) == (a.addr, 1, a.user)
            and runs == [(a.addr - base, a.addr - base + 8)]
            and e.t_addr > a.t_read
        )

    def _atomic_write(self, n: NodeState, e: AxiWrite) -> None:
        a = n.atomic_open
        assert a is not None
        n.atomic_open = None
        n.write_bytes += 8
        n.due_write_bytes += 8
        at = e.addr % e.beat_bytes
        a.new, a.t_resp = e.data[at : at + 8], e.t_resp
        now = n.mem.read(a.addr, 8)
        if now != a.old:
            self._bad(e.t_addr, n.name, "atomic", f"{a}: somebody wrote {now.hex()} in between")
        mine = [
            op
            for op, s, _ in index_find(n.src_index, a.addr)
            if op.atomic and s == a.addr and op.claim is None and op.makes(a.old) == a.new
        ]
        if not mine:
            self._bad(e.t_addr, n.name, "atomic", f"{a}: no atomic that is under way makes that of it")
            return
        if e.resp == OKAY:
            n.atomics.append(a)
            return
        status = int(Status.WRITE_SLVERR if e.resp == SLVERR else Status.WRITE_DECERR) | AT_PEER
        for op in mine:
            op.errors[status] = op.errors.get(status, False) or len(mine) == 1
        n.exact = False
        n.undefined.append((a.addr, a.addr + 8))

    def _accesses(self, op: OpState, pos: int, data: bytes) -> list[AtomicAccess]:
        """What the peer's unit has done that op may have been, with these bytes as part of the old value."""
        there = self._src_node(op)
        if op.maybe is not None:
            pool = op.maybe
        else:
            pool = there.atomics if there is not None else []
        cells = {p.src for p in op.plans if p.ok}
        return [
            a for a in pool
            if fits(a, cells, op.t_pub, op.makes(a.old)) and a.old[pos : pos + len(data)] == data
        ]

    def _old_value(self, op: OpState, pos: int, data: bytes) -> None:
        """Bytes of the result were written; with all of them it is known which access it was."""
        op.maybe = self._accesses(op, pos, data)
        if not op.covered or not op.maybe:
            return
        latest = max(a.t_addr for a in op.maybe)
        op.claim = op.maybe[0]
        op.claim.claimed = True
        for o in op.life.ops[max(0, op.n - 64) : op.n]:
            if o.remote and not o.from_peer and not o.status and not o.shared and o.must_run and not self._may_be_refused(o):
                if not o.covered or o.last_resp >= latest:
                    self._bad(latest, op.life.node, "atomic", f"{op} was done before {o}: {o.missing()}")

    def _judge_may(self, op: OpState, plain: bool, status: int, status2: int, bad: Callable[[str, str], None]) -> None:
        """MAY_HAVE_EXECUTED: it was done at the peer and failed here, or nobody knows."""
        may = bool(status2 & MAY_HAVE_EXECUTED)
        known = status & AT_PEER and status != Status.LINK_ERROR | AT_PEER
        if status2 & ~MAY_HAVE_EXECUTED or may and (known or status not in OPEN_ENDS):
            bad("wrong-completion", f"second status {status2:#x}")
        if not may and status in OPEN_ENDS - {int(Status.KEY_REVOKED), int(Status.MEM_TIMEOUT)}:
            bad("wrong-completion", "MAY_HAVE_EXECUTED must be set")
        if not may and status == Status.KEY_REVOKED and not plain and op.written:
            bad("wrong-completion", "MAY_HAVE_EXECUTED must be set")

    def _check_once(self, n: NodeState) -> None:
        """Nothing was done for nobody, and nothing twice: what is not claimed belongs to one of those that ended otherwise."""
        free = [
            op
            for m in self._n.values()
            for life in m.lives
            for op in life.ops
            if op.atomic and op.claim is None and self._src_node(op) is n
            and (op.n >= life.retired or op.status in OPEN_ENDS or op.silent)
        ]
        for a in n.atomics:
            if a.claimed:
                continue
            op = next((o for o in free if o.t_pub < a.t_addr and o.makes(a.old) == a.new
                       and any(p.src == a.addr for p in o.plans)), None)
            if op is None:
                self._bad(a.t_addr, n.name, "atomic", f"{a} was done for nobody, or twice")
            else:
                free.remove(op)
                a.claimed = True

    # interrupts --------------------------------------------------------------------------------
    def _msix_write(
        self, n: NodeState, e: AxiWrite, base: int, runs: list[tuple[int, int]]
    ) -> None:
        if len(runs) != 1 or runs[0][1] - runs[0][0] != 4:
            self._bad(e.t_addr, n.name, "burst-shape", f"message at {e.addr:#x} is not 4 bytes")
            return
        lo = base + runs[0][0]
        data = int.from_bytes(e.data[runs[0][0] : runs[0][1]], "little")
        self.report.interrupts += 1
        found = [
            v
            for v, m in n.msix.items()
            if m.get("MSIX_ADDR", 0) == lo and m.get("MSIX_DATA", 0) & 0xFFFFFFFF == data
        ]
        if not found:
            self._bad(
                e.t_addr, n.name, "interrupt", f"no vector has address {lo:#x} and data {data:#x}"
            )
            return
        if any(v >= n.params.channels for v in found):
            return  # node events
        for v in found:
            if any(t < e.t_addr for t in n.chans[v].irq_due):
                n.chans[v].irq_due = [t for t in n.chans[v].irq_due if t >= e.t_addr]
                return
            if self._notify_due(n, v, e.t_addr):
                return
        self._bad(
            e.t_addr,
            n.name,
            "interrupt",
            f"message of vector {found[0]} without a completion before it",
        )

    def _notify_due(self, n: NodeState, ch: int, t: int) -> bool:
        """A remote write with NOTIFY is complete here, its own completion there still to come."""
        for op in self._live_ops():
            notify = op.remote and op.desc.flag(DescFlag.NOTIFY) and not op.tells
            if notify and self._dst_node(op) is n:
                there = self._bound_to(op)[1]
                if there == ch and op.covered and op.last_resp < t:
                    return True
        return False

    def _irq_pin(self, e: IrqPin) -> None:
        self.now = max(self.now, e.t)

    # the rest ----------------------------------------------------------------------------------
    def _cpu_write(self, e: CpuWrite) -> None:
        self.now = max(self.now, e.t)
        n = self._n[e.node]
        old = n.mem.read(e.addr, len(e.data))
        n.mem.write(e.addr, e.data)
        n.recent.append(RecentWrite(e.t, e.t, e.t, e.addr, old, e.data))
        for read, places in self._suspects:
            if read.node == n.name and e.t <= read.t_data:
                self._clear_suspect(read, places, e.addr, e.data)

    def _link_state(self, e: LinkState) -> None:
        self.now = max(self.now, e.t)
        n = self._n[e.node]
        was = n.link_up.get(e.peer)
        n.link_up[e.peer] = e.up
        if was and not e.up:
            self._disturb(e.node, e.peer)
        self._replan_all(e.t)

    def _disturb(self, node: str, peer: int) -> None:
        """Operations under way over this link, in either direction, may end by it."""
        there = self._far.get((node, peer))
        for op in self._live_ops():
            c = self._n[op.life.node].chans[op.life.ch]
            if op.remote and (op.life.node, c.peer) in ((node, peer), there):
                op.disturbed = True

    def _fault(self, e: Fault) -> None:
        self.now = max(self.now, e.t)
        n = self._n[e.node]
        if e.kind in ("link_corrupt", "link_down"):
            ends = [(e.node, e.peer)]
            there = self._far.get((e.node, e.peer))
            ends += [there] if there else []
            for name, p in ends:
                self._n[name].link_fault.add(p)
                self._n[name].exact = False
            self._disturb(e.node, e.peer)
            if there:
                self._wire(e.node, there[0]).disturbed()
        elif e.kind == "link_noise":
            there = self._far.get((e.node, e.peer))
            if there:
                self._wire(e.node, there[0]).disturbed()
        elif e.kind == "link_clean":
            n.link_fault.discard(e.peer)
            there = self._far.get((e.node, e.peer))
            if there:
                self._wire(e.node, there[0]).restart()
                self._n[there[0]].link_fault.discard(there[1])
        elif e.kind == "mem_stall":
            n.mem_stall, n.exact = True, False
        elif e.kind == "mem_clean":
            n.mem_stall = False
        elif e.kind == "fatal":
            n.fatal, n.exact = True, False
            for c in n.chans:
                self._channel_error(c, Status.MEM_TIMEOUT, e.t)
        else:
            raise ValueError(f"unknown fault {e.kind}")

    def _node_reset(self, e: NodeReset) -> None:
        self.now = max(self.now, e.t)
        n = self._n[e.node]
        for p in range(n.params.peers):
            self._disturb(e.node, p)
        for c in n.chans:
            if c.life is not None and c.life.open:
                self._close(c.life, e.t)
        n.reset()
        n.t_reset, n.exact = e.t, False
        self._replan_all(e.t)

    def _link_frame(self, e: LinkFrame) -> None:
        self.now = max(self.now, e.t)
        self.report.frames += 1
        link = self._wire(e.src, e.dst)
        before = len(link.faults)
        link.frame(e.src, e.t, e.raw)
        for fault in link.faults[before:]:
            self._bad(e.t, e.src, "frame", f"to {e.dst}: {fault.rule}: {fault.text}")

    def _wire(self, a: str, b: str) -> LinkChecker:
        key = (min(a, b), max(a, b))
        if key not in self._wires:
            p = self._n[a].params
            self._wires[key] = LinkChecker(
                *key, (p.link_w or p.data_w) // 8, p.link_mtu, p.rx_shared, may_skip=self._may_skip
            )
        return self._wires[key]

    def _may_skip(self, node: str, ch: int, n: int) -> bool:
        """Operations that are refused here have a number and no frame; each explains one gap."""
        if ch >= self._n[node].params.channels:
            return False
        refused = sum(
            op.remote and any(not p.ok and not p.status & AT_PEER for p in op.plans)
            for life in self._n[node].lives
            if life.ch == ch
            for op in life.ops
        )
        used = self._skipped.get((node, ch), 0) + n
        if used > refused:
            return False
        self._skipped[node, ch] = used
        return True

    def _check_totals(self, n: NodeState) -> None:
        if not n.exact or self.errors:
            return
        if any(op for op in self._live_ops()):
            return
        if any(
            life.ending or life.t_stop is not None for m in self._n.values() for life in m.lives
        ):
            return
        for what, seen, due in (
            ("read beats", n.read_beats, n.due_read_beats),
            ("bytes written", n.write_bytes, n.due_write_bytes),
        ):
            if seen != due:
                self._bad(self.now, n.name, "totals", f"{what}: {seen}, the operations need {due}")
