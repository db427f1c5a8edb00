# SPDX-License-Identifier: Apache-2.0
"""`Pair`: explains everything that monitors saw on two or more nodes, or says what is wrong.

It learns registers from register writes, descriptors from memory (and, if they differ, from the
fetch), derives what each operation may read, write and report, and holds every access and every
completion against that. See models/README.md for the interface.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from models.atomics import AtomicAccess
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
)
from models.explain.atomics import PairAtomics
from models.explain.completions import PairCompletions
from models.explain.interrupts import PairInterrupts
from models.explain.links import PairLinks
from models.explain.messages import PairMessages
from models.explain.mirror import PairMirror
from models.explain.plans import PairPlans
from models.explain.reads import PairReads
from models.explain.regs import PairRegs
from models.explain.writes import PairWrites
from models.lay import Cqe, Desc, Op, State
from models.linkcheck import LinkChecker
from models.memory import DiffRun, Memory, merge_ranges, report
from models.pairstate import (
    ChanState,
    Life,
    Mismatch,
    NodeParams,
    NodeState,
    OpState,
    PairError,
    PeerCount,
    RecentWrite,
)

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
    "permission",  # a byte of a MIRROR's copy here before the peer said so
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
class Pair(
    PairRegs,
    PairPlans,
    PairReads,
    PairWrites,
    PairCompletions,
    PairMessages,
    PairMirror,
    PairAtomics,
    PairInterrupts,
    PairLinks,
):
    """The golden model of nodes that are linked."""

    nodes: dict[str, NodeParams]
    links: Sequence[tuple[tuple[str, int], tuple[str, int]]] = ()
    strict: bool = True
    check_reads: bool = True
    periods: dict[str, int] = field(default_factory=dict)  # of the nodes' clocks, ps: without it LINK_WAIT is not timed
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
        self._seen_frames: set[tuple[str, str]] = set()  # from, to
        self._asking: dict[tuple[str, int], tuple[OpState, int]] = {}  # MIRROR by initiator and tag, with its OP_SEQ
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
