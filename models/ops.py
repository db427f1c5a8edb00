# SPDX-License-Identifier: Apache-2.0
"""What an operation does: checks in their order, memory effect, status code, byte count."""

from __future__ import annotations

from dataclasses import dataclass, field

from models.lay import AT_PEER, Cqe, Desc, DescFlag, Op, Status
from models.memory import OKAY, SLVERR, Memory
from models.segments import R_ATOMIC, R_READ, R_WRITE, Checked, SegmentTable, User, check_absolute

SUPPORTED = frozenset({Op.NOP, Op.COPY, Op.FILL, Op.WRITE})
WITH_READ = SUPPORTED | {Op.READ}  # builds with READ_EN
ATOMICS = frozenset({Op.FETCH_ADD, Op.CMP_SWAP})
WITH_ATOMIC = WITH_READ | ATOMICS  # builds with ATOMIC_EN
MESSAGES = frozenset({Op.WRITE_IMM, Op.SEND})  # the receiver is told
MODELLED = WITH_ATOMIC | MESSAGES | {Op.MIRROR}
TO_PEER = frozenset({Op.WRITE, Op.MIRROR}) | MESSAGES  # payload goes there
REMOTE = TO_PEER | {Op.READ} | ATOMICS

_ANY = 1 << DescFlag.FENCE | 1 << DescFlag.IRQ | 1 << DescFlag.NO_CPL
_ALLOWED_FLAGS = {
    Op.NOP: _ANY,
    Op.COPY: _ANY,
    Op.FILL: _ANY,
    Op.WRITE: _ANY | 1 << DescFlag.NOTIFY,
    Op.READ: _ANY,
    Op.WRITE_IMM: _ANY | 1 << DescFlag.NOTIFY,
    Op.SEND: _ANY | 1 << DescFlag.NOTIFY,
    Op.MIRROR: _ANY | 1 << DescFlag.NOTIFY,
    Op.FETCH_ADD: _ANY,
    Op.CMP_SWAP: _ANY,
}


@dataclass(frozen=True)
class Far:
    """The far side of a bound channel, as its own node sees it."""

    table: SegmentTable
    channel: int  # the channel there
    peer: int  # the index under which that node knows us
    bound: bool = True  # it binds that channel to our channel


@dataclass(frozen=True)
class Ctx:
    """What the engine knows when it looks at a descriptor."""

    channel: int
    table: SegmentTable
    absolute: bool = False
    peer_up: bool = False  # a peer is bound and its link is up
    far: Far | None = None
    ops: frozenset[int] = SUPPORTED


@dataclass(frozen=True)
class Plan:
    """The outcome of the checks: a refusal, or the absolute ranges. For READ `src` is the peer's, for WRITE `dst`; for an atomic
    as for READ: `src` is the peer's cell, `dst` the place of the result. `here` is the local copy of a MIRROR. A SEND has no
    `dst`: it goes into the buffer that the receiver gives it."""

    status: int
    src: int | None = None
    dst: int | None = None
    length: int = 0
    remote: bool = False
    here: int | None = None

    @property
    def ok(self) -> bool:
        return self.status == Status.OK

    def touches_src(self, start: int, end: int) -> bool:
        """Some byte of [start, end) is read."""
        return self.src is not None and self.src < end and start < self.src + self.length

    def covers_dst(self, start: int, end: int) -> bool:
        """All of [start, end) is written."""
        return self.dst is not None and self.dst <= start and end <= self.dst + self.length

    def covers_here(self, start: int, end: int) -> bool:
        """All of [start, end) is in the local copy of a MIRROR."""
        return self.here is not None and self.here <= start and end <= self.here + self.length


def _local(ctx: Ctx, address: int, length: int, right: int) -> Checked:
    if ctx.absolute:
        return check_absolute(address, length)
    return ctx.table.check(address, length, User(ctx.channel), right)


def check_local(d: Desc, ctx: Ctx, two: bool = True) -> Plan:
    """All that the engine's own side checks, in the order of docs/architecture.md section 3. `two`: a CMP_SWAP has its second slot."""
    if d.opcode not in ctx.ops:
        return Plan(Status.BAD_OPCODE)
    if d.opcode == Op.CMP_SWAP and not two:
        return Plan(Status.BAD_EXT)
    if d.flags & ~_ALLOWED_FLAGS[d.opcode]:
        return Plan(Status.BAD_FLAGS)
    if d.opcode == Op.NOP:
        return Plan(Status.OK)
    if d.length == 0 and d.opcode not in MESSAGES:
        return Plan(Status.BAD_LENGTH)
    if d.opcode in ATOMICS:
        if d.length != 8:
            return Plan(Status.BAD_LENGTH)
        if d.dst % 8:
            return Plan(Status.BAD_ALIGN)
        c = _local(ctx, d.src, 8, R_WRITE)
        if not c.ok:
            return Plan(c.status)
        return Plan(Status.OK, None, c.addr, 8, True) if ctx.peer_up else Plan(Status.PEER_DOWN)
    remote = d.opcode in REMOTE
    src = dst = None
    if d.opcode not in (Op.FILL, Op.READ) and d.length:
        c = _local(ctx, d.src, d.length, R_READ)
        if not c.ok:
            return Plan(c.status)
        src = c.addr
    # The data read does not wait for the destination's check: a permitted source may have been read.
    readable = d.length if src is not None else 0
    if d.opcode not in (Op.WRITE, Op.WRITE_IMM, Op.SEND):
        c = _local(ctx, d.dst, d.length, R_WRITE)
        if not c.ok:
            return Plan(c.status, src, None, readable)
        dst = c.addr
    shared = src is not None and dst is not None and src < dst + d.length and dst < src + d.length
    if shared and d.opcode != Op.READ:
        return Plan(Status.OVERLAP, src, None, readable)
    if remote:
        if not ctx.peer_up:
            return Plan(Status.PEER_DOWN)
        if d.opcode == Op.MIRROR:
            return Plan(Status.OK, src, None, d.length, True, dst)
        return Plan(Status.OK, src, dst, d.length, True)
    return Plan(Status.OK, src, dst, d.length)


def check_far(d: Desc, far: Far | None) -> Plan:
    """What the peer checks before the first byte; its faults carry bit 7."""
    if far is None or not far.bound:
        return Plan(Status.PEER_REFUSED | AT_PEER)
    if not d.length or d.opcode == Op.SEND:  # a message: no address to look at
        return Plan(Status.OK, None, None, 0, True)
    reads = d.opcode == Op.READ
    address = d.src if reads else d.operand if d.opcode == Op.MIRROR else d.dst
    right = R_ATOMIC if d.opcode in ATOMICS else R_READ if reads else R_WRITE
    user = User(far.channel, far.peer)
    c = far.table.check(address, d.length, user, right)
    if not c.ok:
        return Plan(c.status | AT_PEER)
    reads = reads or d.opcode in ATOMICS
    return Plan(Status.OK, *((c.addr, None) if reads else (None, c.addr)), d.length, True)


def check_buffer(entry: Desc, length: int, table: SegmentTable, channel: int, absolute: bool = False) -> Plan:
    """A message of so many bytes into a receive entry: what the receiver's side says, without bit 7. Nothing is looked at for
    a message without bytes."""
    if length > entry.length:
        return Plan(Status.RECV_TOO_SHORT)
    if not length:
        return Plan(Status.OK)
    c = _local(Ctx(channel, table, absolute), entry.dst, length, R_WRITE)
    return Plan(Status.OK, None, c.addr, length) if c.ok else Plan(c.status)


def check_descriptor(d: Desc, ctx: Ctx, two: bool = True) -> Plan:
    """Both sides' checks."""
    plan = check_local(d, ctx, two)
    if not plan.ok or not plan.remote:
        return plan
    far = check_far(d, ctx.far)
    if d.opcode == Op.READ or d.opcode in ATOMICS:
        return Plan(far.status, far.src, plan.dst if far.ok else None, d.length if far.ok else 0, True)
    if not far.ok:  # the source is read nevertheless: frames are on their way before the answer
        return Plan(far.status, plan.src, None, d.length, True)
    return Plan(Status.OK, plan.src, far.dst, d.length, True, plan.here)


def fill_bytes(pattern: int, length: int, pos: int = 0) -> bytes:
    """Bytes [pos, pos + length) of a FILL: the pattern repeats from the destination's first
    byte."""
    unit = pattern.to_bytes(8, "little")
    skew = pos % 8
    return (unit * (length // 8 + 2))[skew : skew + length]


@dataclass
class Result:
    """What `execute` did."""

    status: int
    nbytes: int
    cqe: Cqe | None
    plan: Plan
    read: list[tuple[int, int]] = field(default_factory=list)
    written: list[tuple[int, int]] = field(default_factory=list)
    undefined: bool = False  # the destination's content is not defined


def execute(
    d: Desc,
    ctx: Ctx,
    near_mem: Memory,
    far_mem: Memory | None = None,
    dring_cons: int = 0,
    phase: int = 1,
    recv: Desc | None = None,
) -> Result:
    """Run one descriptor on whole memories. Error regions of the memories answer with their
    codes. `recv`: the entry at the head of the receiver's ring, for SEND."""
    plan = check_descriptor(d, ctx)
    if plan.ok and d.opcode == Op.SEND:
        if recv is None:
            plan = Plan(Status.RECEIVER_NOT_READY | AT_PEER)
        else:
            assert ctx.far is not None
            there = check_buffer(recv, d.length, ctx.far.table, ctx.far.channel)
            status = Status.OK if there.ok else there.status | AT_PEER
            plan = Plan(status, plan.src, there.dst, plan.length, True)
    status, nbytes, undefined = plan.status, 0, False
    read: list[tuple[int, int]] = []
    written: list[tuple[int, int]] = []
    copies = [(x, x + plan.length) for x in (plan.dst, plan.here) if plan.ok and x is not None]
    if copies:
        if plan.remote and far_mem is None:
            raise ValueError("a remote operation needs the far memory")
        source = far_mem if plan.remote and d.opcode == Op.READ else near_mem
        targets = [far_mem if plan.remote and d.opcode != Op.READ else near_mem, near_mem]
        data = fill_bytes(d.src, d.length)
        if plan.src is not None:
            read.append((plan.src, plan.src + d.length))
            data = source.read(plan.src, d.length, who=f"ch{ctx.channel}")
            resp = source.response(plan.src, d.length, write=False)
            if resp != OKAY:
                status = Status.READ_SLVERR if resp == SLVERR else Status.READ_DECERR
                status |= AT_PEER if source is far_mem else 0
        for target, (start, end) in zip(targets, copies, strict=False):
            resp = target.response(start, end - start, write=True)
            if status == Status.OK and resp != OKAY:
                status = Status.WRITE_SLVERR if resp == SLVERR else Status.WRITE_DECERR
                status |= AT_PEER if target is far_mem else 0
            if status == Status.OK:
                target.write(start, data, who=f"ch{ctx.channel}")
            written.append((start, end))
        undefined = status != Status.OK
    if status == Status.OK:
        nbytes = plan.length
    cqe: Cqe | None = Cqe(
        tag=d.tag, status=int(status), dring_cons=dring_cons, nbytes=nbytes, phase=phase
    )
    if status == Status.OK and d.flag(DescFlag.NO_CPL):
        cqe = None
    return Result(int(status), nbytes, cqe, plan, read, written, undefined)
