# SPDX-License-Identifier: Apache-2.0
"""State that `Pair` keeps: nodes, channels, the lives of channels, and operations."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from models.atomics import AtomicAccess, outcome
from models.lay import AT_PEER, CQE, DESC, Cqe, Desc, DescFlag, Op, State
from models.memory import Memory, merge_ranges
from models.ops import ATOMICS, MESSAGES, REMOTE, SUPPORTED, Plan
from models.receive import USED_UP, Buffer
from models.segments import SIZE_MAX, Segment, SegmentTable

FAR_FUTURE = 1 << 200
PAGE_SHIFT = 12
BIG = 1 << 16  # longer operations are not indexed by page


@dataclass(frozen=True)
class NodeParams:
    """Build parameters of a node, as far as behaviour depends on them."""

    data_w: int = 64
    channels: int = 8
    segments: int = 32
    peers: int = 1
    max_burst: int = 512
    link_mtu: int = 1024
    link_w: int = 0  # 0: as data_w
    rx_shared: int = 24
    ar_queue: int = 16  # data reads that may wait in front of the memory port
    ops: frozenset[int] = SUPPORTED  # opcodes of this build
    late_bytes: int = 64 << 10  # a READ that ended by an error: what the peer may still read for it

    @property
    def beat(self) -> int:
        return self.data_w // 8


@dataclass(frozen=True)
class Mismatch:
    """Something that the model does not allow."""

    t: int
    node: str
    rule: str
    text: str

    def __str__(self) -> str:
        return f"[{self.rule}] t={self.t} node {self.node}: {self.text}"


class PairError(AssertionError):
    """Raised for a mismatch; the text holds all of them."""

    def __init__(self, errors: list[Mismatch]) -> None:
        super().__init__("\n".join(str(e) for e in errors[:20]))
        self.errors = errors


@dataclass
class Variant:
    """The checks' outcome under a set-up that was in force from t_from to t_to."""

    plan: Plan
    t_from: int
    t_to: int = FAR_FUTURE


@dataclass(eq=False)
class OpState:
    """A published descriptor and what was seen of it."""

    life: Life
    n: int  # running number in its life
    desc: Desc
    t_pub: int
    t_fetch: int | None = None
    variants: list[Variant] = field(default_factory=list)
    got: bytearray | None = None
    have: list[tuple[int, int]] = field(default_factory=list)
    other_values: list[tuple[int, bytes]] = field(default_factory=list)
    written: list[tuple[int, int]] = field(default_factory=list)
    unproven: list[tuple[int, int, int, bool]] = field(default_factory=list)  # written before the fetch ended
    last_resp: int = -1
    here: list[tuple[int, int]] = field(default_factory=list)  # MIRROR: written of the copy here
    there_resp: int = -1  # last response of what was written at the peer
    on_wire: bool = False  # MIRROR: its first frame was seen
    t_permit: int | None = None  # and when the wire showed its permission
    refused_at: int | None = None  # or its refusal
    read_beats: int = 0
    errors: dict[int, bool] = field(default_factory=dict)  # status -> certain
    far_codes: set[int] = field(default_factory=set)  # what the peer's checks said, whatever was right here at that time
    begun: bool = False
    disturbed: bool = False  # the link was disturbed in its life
    shared: bool = False  # an access could belong to this or to another operation
    t_over: int | None = None  # its completion has its response
    status: int = 0  # of its completion
    t_done: int | None = None  # which had its response then
    late_reads: int = 0  # requested after t_over
    told: int | None = None  # message: when the receiver's entry had its response
    told_status: int = 0  # and what it said
    buffer: Buffer | None = None  # SEND: where it goes
    before_reset: set[int] = field(default_factory=set)  # SEND: what its receiver may have answered before its node was reset
    told_into: Buffer | None = None  # and the one of its receiver's entry
    late_bytes: int = 0  # READ: what the peer read for it after t_over
    swap: int | None = None  # CMP_SWAP: operand of its second slot, None: it has none
    absorbed: bool = False  # it is the second slot of the one before it
    maybe: list[AtomicAccess] | None = None  # atomic: accesses that the bytes of its result fit
    claim: AtomicAccess | None = None  # and which it was
    far_users: frozenset[int] = frozenset()  # READ: for whom the peer reads, as it was when its life ended

    @property
    def remote(self) -> bool:
        return self.desc.opcode in REMOTE

    @property
    def from_peer(self) -> bool:
        """Its source is the peer's, its destination is here. So it is with an atomic and its result."""
        return self.desc.opcode == Op.READ or self.atomic

    @property
    def atomic(self) -> bool:
        return self.desc.opcode in ATOMICS

    @property
    def slots(self) -> int:
        """Entries of the descriptor ring that it takes."""
        return 2 if self.desc.opcode == Op.CMP_SWAP and self.swap is not None else 1

    def makes(self, old: bytes) -> bytes | None:
        """The new value of an atomic."""
        if self.desc.opcode == Op.CMP_SWAP and self.swap is None:
            return None
        return outcome(self.desc.opcode, self.desc.operand, self.swap, old)

    @property
    def tells(self) -> bool:
        """It ends with an entry in the receiver's completion ring."""
        return self.desc.opcode in MESSAGES

    @property
    def sends(self) -> bool:
        """Its place at the peer is a buffer that the receiver gives it."""
        return self.desc.opcode == Op.SEND

    @property
    def gave_up(self) -> bool:
        """Of a SEND: whatever buffer it had is free for the next one."""
        if self.told is not None:
            return False
        if not self.status:
            return self.t_done is None and not self.life.open
        return not (self.status & AT_PEER and self.status & ~AT_PEER in USED_UP)

    @property
    def mirrors(self) -> bool:
        """It has a copy here beside that at the peer."""
        return self.desc.opcode == Op.MIRROR

    @property
    def plans(self) -> list[Plan]:
        return [v.plan for v in self.variants]

    @property
    def may_run(self) -> bool:
        return any(p.ok for p in self.plans)

    @property
    def must_run(self) -> bool:
        return all(p.ok for p in self.plans)

    @property
    def data_len(self) -> int:
        return 0 if self.desc.opcode == Op.NOP or self.absorbed else self.desc.length

    @property
    def covered(self) -> bool:
        """All is written; of a MIRROR both copies."""
        return self.covered_there and (not self.mirrors or self.here == [(0, self.data_len)])

    @property
    def covered_there(self) -> bool:
        """All is written but for the copy here of a MIRROR."""
        return self.data_len == 0 or self.written == [(0, self.data_len)]

    @property
    def silent(self) -> bool:
        """Posts nothing when it ends well."""
        return self.desc.flag(DescFlag.NO_CPL)

    @property
    def fenced(self) -> bool:
        """It waits for all before it. Flags of a second slot mean nothing."""
        return self.desc.flag(DescFlag.FENCE) and not self.absorbed

    @property
    def looks_done(self) -> bool:
        return self.must_run and self.covered and not self.errors

    def unwritten(self) -> int:
        return self.data_len - sum(e - s for s, e in self.written)

    def missing(self) -> str:
        text = f"{self.unwritten()} of {self.data_len} bytes not written"
        if self.mirrors:
            text += f", {self.data_len - sum(e - s for s, e in self.here)} of the copy here"
        return text

    def store(self, pos: int, data: bytes) -> None:
        """Source bytes that a read returned."""
        if self.got is None:
            self.got = bytearray(self.desc.length)
        for s, e in self.have:
            lo, hi = max(s, pos), min(e, pos + len(data))
            if lo < hi and self.got[lo:hi] != data[lo - pos : hi - pos]:
                self.other_values.append((lo, bytes(self.got[lo:hi])))
        self.got[pos : pos + len(data)] = data
        self.have = merge_ranges([*self.have, (pos, pos + len(data))])

    def has_source(self, pos: int, n: int) -> bool:
        return any(s <= pos and pos + n <= e for s, e in self.have)

    def source_may_be(self, pos: int, data: bytes) -> bool:
        """The bytes are what the reads returned, any of them where they differ."""
        if self.got is None:
            return False
        want = self.got[pos : pos + len(data)]
        if want == data:
            return True
        for i, (w, d) in enumerate(zip(want, data, strict=True)):
            if w != d and not any(
                p <= pos + i < p + len(v) and v[pos + i - p] == d for p, v in self.other_values
            ):
                return False
        return True

    def forget(self) -> None:
        """Drop what is not needed once it is retired."""
        self.got = None
        self.other_values = []

    def __str__(self) -> str:
        return f"{self.life.where} descriptor {self.n} ({self.desc})"


@dataclass(eq=False)
class Life:
    """A channel from an ENABLE to its end."""

    node: str
    ch: int
    t_start: int
    dbase: int
    dlog2: int
    cbase: int
    clog2: int
    funcs: set[int]
    rbase: int = 0
    rlog2: int = 0  # 0: it has no receive ring
    buffers: list[Buffer] = field(default_factory=list)
    received: int = 0  # buffers that were used up
    ops: list[OpState] = field(default_factory=list)
    fetched: int = 0
    retired: int = 0
    cq_prod: int = 0
    cq_cons: list[tuple[int, int]] = field(default_factory=lambda: [(-1, 0)])
    t_abort: int | None = None
    t_reset: int | None = None
    t_drain: int | None = None
    t_stop: int | None = None  # something that may stop it (an error) was seen
    why_stop: str = ""
    t_mute: int | None = None  # a completion write failed: nothing is posted from then on
    t_closed: int | None = None
    leaving: list[OpState] = field(default_factory=list)  # over, but may still read
    stream: list[tuple[Cqe, OpState, int]] = field(default_factory=list)  # entry, operation, its B
    last_drain_t: int = -1  # latest end of an access that belongs to it
    last_told: int = -1  # its newest message that the receiver was told of
    bound_to: tuple[int, int] | None = None  # peer and its channel, as they were when it ended

    @property
    def where(self) -> str:
        return f"{self.node}.ch{self.ch}"

    @property
    def dsize(self) -> int:
        return 1 << self.dlog2

    @property
    def csize(self) -> int:
        return 1 << self.clog2

    @property
    def rsize(self) -> int:
        return 1 << self.rlog2 if self.rlog2 else 0

    @property
    def published(self) -> int:
        return len(self.ops)

    @property
    def open(self) -> bool:
        return self.t_closed is None

    @property
    def ending(self) -> bool:
        return self.t_abort is not None or self.t_reset is not None

    def desc_addr(self, n: int) -> int:
        return self.dbase + n % self.dsize * DESC.size

    def holds_desc(self, addr: int) -> bool:
        return self.dbase <= addr < self.dbase + self.dsize * DESC.size

    def recv_addr(self, n: int) -> int:
        return self.rbase + n % self.rsize * DESC.size

    def holds_recv(self, start: int, end: int) -> bool:
        """Some byte of [start, end) is in the receive ring."""
        return self.rbase < end and start < self.rbase + self.rsize * DESC.size

    def holds_cqe(self, addr: int) -> bool:
        return self.cbase <= addr < self.cbase + self.csize * CQE.size

    def cons_at(self, t: int) -> int:
        """Completions that software had consumed when t was reached."""
        return max(n for when, n in self.cq_cons if when <= t)

    def stop(self, t: int, why: str) -> None:
        if self.t_stop is None:
            self.t_stop, self.why_stop = t, why


@dataclass(frozen=True)
class PeerRead:
    """A burst of the memory port that was read for a peer."""

    t_addr: int
    least: int  # bytes that it must have been about
    most: int


@dataclass(frozen=True)
class PeerCount:
    """CNT_RD_BYTES as it was read, to be judged when all bursts that were asked for by then have been seen."""

    node: str
    number: int
    t: int
    shown: int
    own: int  # bytes of the channel's own operations
    peer_reads: list[PeerRead]
    seen: int  # of them at that time
    slack: int  # a request is counted when it is begun


@dataclass
class ChanState:
    """Registers of a channel and its present life."""

    number: int
    owner: int = 0
    owner_valid: bool = False
    policy: int = 0
    bind: int = 0
    ring: dict[str, int] = field(default_factory=dict)
    states: set[int] = field(default_factory=lambda: {int(State.DISABLED)})
    before: set[int] = field(default_factory=lambda: {int(State.DISABLED)})
    retry: int = 0
    link_waits: list[tuple[int, int]] = field(default_factory=lambda: [(-1, 0)])  # LINK_WAIT, and since when
    cut_short: tuple[int, int] = (-1, 0)  # a fall of the link, and how many ends with PEER_DOWN it excused
    t_command: int = -1  # when `states` last changed by a command; `before` held until then
    errors: set[int] = field(default_factory=lambda: {0})
    life: Life | None = None
    desc_count: int = 0
    err_count: int = 0
    loose_reads: bool = False  # a refused operation has read its source: not counted exactly
    peer_reads: list[PeerRead] = field(default_factory=list)  # counted here too, also for READs that were given up
    loose_writes: bool = False  # an operation that failed half-way wrote a part
    rd_bytes: int = 0
    wr_bytes: int = 0
    exact: bool = True  # counters follow from what was seen
    irq_due: list[int] = field(default_factory=list)  # when causes came up
    ever_enabled: bool = False

    @property
    def absolute(self) -> bool:
        return bool(self.policy >> 3 & 1)

    @property
    def stop_on_error(self) -> bool:
        return bool(self.policy >> 4 & 1)

    @property
    def bound(self) -> bool:
        return bool(self.bind >> 63)

    @property
    def peer(self) -> int:
        return self.bind >> 8 & 3

    @property
    def peer_ch(self) -> int:
        return self.bind & 0xFF

    @property
    def acts_for(self) -> int:
        """FUNCTION_ID on whose behalf memory is accessed."""
        return self.owner if self.owner_valid else 0

    def may_use(self, func: int) -> bool:
        return func == 0 or (self.owner_valid and func == self.owner)


@dataclass
class RecentWrite:
    """A write that may still race with reads and with other writes."""

    t_addr: int
    t_data: int
    t_resp: int
    addr: int
    old: bytes
    new: bytes


@dataclass
class NodeState:
    """One node as its registers and its bus show it."""

    name: str
    params: NodeParams
    mem: Memory
    table: SegmentTable = field(init=False)
    staged: dict[int, dict[str, int]] = field(default_factory=dict)
    chans: list[ChanState] = field(init=False)
    peer_ctrl: dict[int, int] = field(default_factory=dict)
    link_up: dict[int, bool | None] = field(default_factory=dict)
    link_downs: dict[int, list[tuple[int, int | None]]] = field(default_factory=dict)  # when a link fell and rose again
    link_fault: set[int] = field(default_factory=set)
    fatal: bool = False
    mem_stall: bool = False
    msix: dict[int, dict[str, int]] = field(default_factory=dict)
    foreign: dict[int, int] = field(default_factory=dict)
    lives: list[Life] = field(default_factory=list)  # all, the newest last
    src_index: dict[int, list[tuple[OpState, int, int]]] = field(default_factory=dict)
    dst_index: dict[int, list[tuple[OpState, int, int]]] = field(default_factory=dict)
    undefined: list[tuple[int, int]] = field(default_factory=list)
    dead_keys: dict[tuple[int, int], int] = field(default_factory=dict)  # and since when
    revokes: dict[int, int] = field(default_factory=dict)  # REVOKE.SEQ and when it was written
    acked_req: int = -1  # when the newest acknowledged request was written
    acked_at: int = -1  # when its acknowledgement was read
    t_reset: int = -1
    recent: deque[RecentWrite] = field(default_factory=lambda: deque(maxlen=256))
    atomics: list[AtomicAccess] = field(default_factory=list)  # done, by the unit of this node
    atomic_open: AtomicAccess | None = None  # it has read
    read_bytes: int = 0
    due_read_beats: int = 0
    read_beats: int = 0
    write_bytes: int = 0
    due_write_bytes: int = 0
    exact: bool = True

    def __post_init__(self) -> None:
        self.reset()

    @property
    def newest_lives(self) -> list[Life]:
        """Lives that accesses may still belong to, in their order: the last ones, two a channel on average, and what each channel has now."""
        first = len(self.lives) - 2 * self.params.channels
        return [life for k, life in enumerate(self.lives) if k >= first or life is self.chans[life.ch].life]

    def link_is(self, peer: int, up: bool, t: int) -> None:
        """A link is seen up or down."""
        downs = self.link_downs.setdefault(peer, [])
        fell, rose = downs[-1] if downs else (t, t)
        if up and rose is None:
            downs[-1] = (fell, t)
        elif not up and rose is not None:
            downs.append((t, None))
        self.link_up[peer] = up

    def reset(self) -> None:
        """What rst clears; memory and statistics stay."""
        self.table = SegmentTable(self.params.segments)
        self.chans = [ChanState(c) for c in range(self.params.channels)]
        self.staged.clear()
        self.peer_ctrl.clear()
        self.link_up = dict.fromkeys(range(self.params.peers))
        self.link_downs = {p: [(max(self.t_reset, 0), None)] for p in range(self.params.peers)}
        self.link_fault.clear()
        self.msix.clear()
        self.foreign.clear()
        self.fatal = self.mem_stall = False
        self.dead_keys.clear()
        self.revokes.clear()
        self.acked_req = self.acked_at = -1
        self.atomic_open = None

    def commit_segment(self, index: int, t: int) -> None:
        old = self.table.get(index)
        s = self.staged.get(index, {})
        ctrl = s.get("SEG_CTRL", 0)
        base, size = s.get("SEG_BASE", 0) & ~0xFFF, s.get("SEG_SIZE", 0) & ((1 << 41) - 1)
        table = SegmentTable(self.table.entries, dict(self.table.table))
        table.set(
            index,
            Segment(
                valid=bool(ctrl >> 63) and size <= SIZE_MAX and base + size <= 1 << 64,
                base=base,
                size=size,
                rights=ctrl & 0x3F,
                channel=ctrl >> 8 & 0xFF,
                peer=ctrl >> 16 & 0xF,
                gen=ctrl >> 32 & 0xFFF,
            ),
        )
        self.table = table
        if old.valid:
            self.dead_keys[index, old.gen] = t
        if table.get(index).valid:
            self.dead_keys.pop((index, table.get(index).gen), None)

    def revoked(self, address: int, t_end: int) -> bool:
        """Nothing with this key may be under way any more: its revocation was acknowledged before."""
        dead = self.dead_keys.get((address >> 52, address >> 40 & 0xFFF))
        return dead is not None and dead <= self.acked_req and self.acked_at < t_end


def index_add(
    index: dict[int, list[tuple[OpState, int, int]]], op: OpState, start: int, end: int
) -> None:
    for key in _keys(start, end):
        index.setdefault(key, []).append((op, start, end))


def index_remove(
    index: dict[int, list[tuple[OpState, int, int]]], op: OpState, start: int, end: int
) -> None:
    for key in _keys(start, end):
        bucket = index.get(key, [])
        bucket[:] = [x for x in bucket if x[0] is not op]
        if not bucket:
            index.pop(key, None)


def index_find(
    index: dict[int, list[tuple[OpState, int, int]]], addr: int
) -> list[tuple[OpState, int, int]]:
    """Entries that may cover addr; an access never crosses a page."""
    return [*index.get(addr >> PAGE_SHIFT, ()), *index.get(-1, ())]


def _keys(start: int, end: int) -> range | tuple[int, ...]:
    if end - start > BIG:
        return (-1,)
    return range(start >> PAGE_SHIFT, (end - 1 >> PAGE_SHIFT) + 1)
