# SPDX-License-Identifier: Apache-2.0
"""State of the executable specification: descriptors, operations, frames, accesses, and what can be seen."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from models.lay import Desc, DescFlag, FrameType, Op
from models.memory import Memory
from models.segments import SegmentTable

TO_TARGET = (Op.WRITE, Op.WRITE_IMM, Op.SEND, Op.MIRROR)  # payload goes there
ATOMICS = (Op.FETCH_ADD, Op.CMP_SWAP)
RECEIVED = (Op.WRITE_IMM, Op.SEND)  # need a receiver
REMOTE_OPS = (*TO_TARGET, *ATOMICS, Op.READ)
FRAME_OF = {
    Op.WRITE: FrameType.WRITE,
    Op.WRITE_IMM: FrameType.WRITE_IMM,
    Op.SEND: FrameType.SEND,
    Op.MIRROR: FrameType.MIRROR,
    Op.READ: FrameType.READ,
    Op.FETCH_ADD: FrameType.ATOMIC,
    Op.CMP_SWAP: FrameType.ATOMIC,
}


@dataclass(frozen=True)
class Rules:
    """Build and set-up of all nodes."""

    mtu: int = 64
    burst: int = 32
    depth: int = 4  # requests of a channel under way
    hold: int = 4  # frames in the hold FIFO of a peer
    rnr_count: int = 3
    completions: int = 4  # slots of a completion ring


@dataclass(eq=False)
class Access:
    """A write that has been checked: queued, then granted, then done."""

    node: str
    addr: int
    data: bytes
    op: OpRun | None
    key: tuple[int, int] | None  # (segment, generation) it was checked under
    kind: str  # 'local', 'target', 'read', 'hold', 'result', 'atomic'
    after: object = None  # whom to tell
    t_grant: int = -1
    t_done: int = -1


@dataclass(eq=False)
class OpRun:
    """A descriptor from its beginning to its completion."""

    node: str
    ch: int
    n: int  # running number of the channel
    desc: Desc
    ext: int | None = None
    tag: int = 0
    seq: int = 0
    sent: int = 0  # bytes for which frames (or local bursts) were made
    frames: int = 0  # handed to the link
    asked: bool = False  # an ASK is out, or was permitted
    permitted: bool = False
    attempts: int = 0
    waits: bool = False  # for the time of another attempt
    acked: bool = False
    peer_good: bool = False  # MIRROR: the peer's copy is complete
    cancelled: bool = False
    all_sent: bool = False
    owed: int = 0  # READ_DATA to come
    got: int = 0  # bytes that READ_DATA brought
    writes: int = 0  # accesses here without response
    held: int = 0  # frames in the hold FIFO
    end: int | None = None  # status found, what is under way still counts
    ended: bool = False
    status: int = 0
    status2: int = 0
    old: int | None = None  # atomics: the value that was returned
    t_begin: int = -1

    @property
    def op(self) -> int:
        return self.desc.opcode

    @property
    def fence(self) -> bool:
        return self.desc.flag(DescFlag.FENCE)

    def __str__(self) -> str:
        return f"{self.node}.ch{self.ch} #{self.n} ({self.desc})"


@dataclass(frozen=True)
class Frame:
    """A frame above the link; `op` is there for reports, no rule looks at it."""

    type: int
    ch: int  # of the sender
    to: int  # of the receiver
    tag: int
    seq: int
    op: OpRun | None
    first: bool = False
    last: bool = False
    cancel: bool = False
    notify: bool = False
    addr: int = 0
    total: int = 0
    offset: int = 0
    data: bytes = b""
    ask: int = 0  # READ: bytes
    operand0: int = 0
    operand1: int | None = None
    status: int = 0
    status2: int = 0


@dataclass
class Context:
    """The open operation of a channel at the target."""

    tag: int
    seq: int
    type: int
    total: int
    next: int = 0
    fault: int = 0
    recv: RecvEntry | None = None
    slot: bool = False  # a completion slot is reserved


@dataclass(eq=False)
class RecvEntry:
    """A posted receive buffer."""

    tag: int
    addr: int
    length: int
    busy: bool = False  # a message is on its way into it
    returning: bool = False  # its message was given up, its writes may be under way


@dataclass(eq=False)
class Placed:
    """A frame in the target's ring."""

    frame: Frame
    peer: str
    writes: int = 0
    status: int = 0
    status2: int = 0
    error: int = 0
    answer: bool = False
    ctx: Context | None = None
    dead: bool = False  # its session is over: no answer
    read: list[bytes] = field(default_factory=list)


@dataclass(eq=False)
class Held:
    """A frame in the hold FIFO of a MIRROR."""

    op: OpRun
    pos: int
    data: bytes
    last: bool


@dataclass(frozen=True)
class Posted:
    """A completion entry as software sees it."""

    t: int
    kind: str  # 'descriptor', 'immediate', 'receive'
    tag: int
    status: int
    status2: int = 0
    nbytes: int = 0
    immediate: int = 0
    op: OpRun | None = None  # for reports and checks, not for rules


@dataclass(eq=False)
class Chan:
    """A channel of a node, bound to one of a peer."""

    number: int
    peer: str
    peer_ch: int
    active: bool = True
    aborting: bool = False
    ring: list[Desc] = field(default_factory=list)  # published
    next: int = 0
    seq: int = 0
    ops: deque[OpRun] = field(default_factory=deque)  # begun, not retired
    current: OpRun | None = None  # has frames to come
    reserved: int = 0
    unread: int = 0
    posted: list[Posted] = field(default_factory=list)
    recv: deque[RecvEntry] = field(default_factory=deque)
    done: list[OpRun] = field(default_factory=list)
    irqs: list[tuple[int, OpRun]] = field(default_factory=list)


@dataclass(eq=False)
class Node:
    """A node: memory, table, channels, and per peer what the target and the responder hold."""

    name: str
    mem: Memory
    table: SegmentTable = field(default_factory=lambda: SegmentTable(64))
    chans: list[Chan] = field(default_factory=list)
    ring: dict[str, deque[Placed]] = field(default_factory=dict)
    contexts: dict[tuple[str, int], Context] = field(default_factory=dict)
    responder: dict[str, deque[Placed]] = field(default_factory=dict)
    hold: dict[str, deque[Held]] = field(default_factory=dict)
    queued: list[Access] = field(default_factory=list)
    granted: list[Access] = field(default_factory=list)
    lock: Placed | None = None
    lock_addr: int = -1
    lock_waits: set[Access] = field(default_factory=set)
    lock_read: bool = False
    revoking: list[tuple[tuple[int, int], set[Access]]] = field(default_factory=list)


@dataclass
class Session:
    """The link between two nodes while it is up; frames keep their order in each direction."""

    up: bool = True
    req: dict[str, deque[Frame]] = field(default_factory=dict)  # by sender
    rsp: dict[str, deque[Frame]] = field(default_factory=dict)
    number: int = 0


@dataclass(frozen=True)
class Seen:
    """A trace event: what a monitor could tell."""

    t: int
    what: str
    node: str
    ch: int = -1
    op: OpRun | None = None
    access: Access | None = None
    info: object = None
