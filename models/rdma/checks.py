# SPDX-License-Identifier: Apache-2.0
"""What docs/blocks/rdma.md promises, as checks over a trace, completions and memories.

Nothing here looks into how an operation was carried out: a trace has the accesses of the memory ports with
their moments, frames as they are accepted, and completions. Each check returns what is wrong, in words.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from models.lay import (
    AT_PEER,
    LOCAL_BAD,
    MAY_HAVE_EXECUTED,
    PEER_BAD,
    DescFlag,
    Op,
    Status,
    status_name,
)
from models.memory import Memory, merge_ranges, report
from models.ops import fill_bytes
from models.rdma.linear import Atomic, Effect, Store, explain
from models.rdma.parts import ATOMICS, RECEIVED, TO_TARGET, OpRun, Posted, Seen

NEVER = 1 << 200
# With these an operation has left both sides as they were.
UNTOUCHED = {
    int(s)
    for s in (Status.BAD_OPCODE, Status.BAD_FLAGS, Status.BAD_LENGTH, Status.OVERLAP, Status.PEER_DOWN)
} | {Status.BAD_EXT, Status.BAD_ALIGN, Status.RECEIVER_NOT_READY | AT_PEER, Status.RECV_TOO_SHORT | AT_PEER}


@dataclass
class Place:
    """Bytes [addr, addr + n) of a node that an operation may write."""

    node: str
    addr: int
    n: int


@dataclass
class Story:
    """Everything that the checks look at."""

    trace: list[Seen]
    begin: dict[str, Memory]  # memories before
    end: dict[str, Memory]
    peers: dict[tuple[str, int], tuple[str, int]]  # the channel at the other side
    address: dict[tuple[str, int], int]  # (node, segment) -> base
    buffers: dict[tuple[str, int], list[tuple[int, int, int]]]  # posted: (tag, address, length)
    cells: dict[str, list[int]] = field(default_factory=dict)
    rnr_count: int = 3
    completions: int = 4

    def __post_init__(self) -> None:
        self.ops = [e.op for e in self.trace if e.what == "begin" and e.op is not None]
        self.writes: dict[OpRun, list[Seen]] = defaultdict(list)
        self.retired: dict[OpRun, int] = {}
        for e in self.trace:
            if e.what == "write" and e.op is not None:
                self.writes[e.op].append(e)
            if (e.what == "posted" and e.info.kind == "descriptor") or e.what == "silent":
                self.retired.setdefault(e.op, e.t)

    # helpers -----------------------------------------------------------------------------------
    def where(self, node: str, address: int) -> int:
        return self.address[node, address >> 52] + (address & (1 << 40) - 1)

    def far(self, o: OpRun) -> tuple[str, int]:
        return self.peers[o.node, o.ch]

    def there(self, o: OpRun) -> list[Seen]:
        """Writes of an operation at its target."""
        return [e for e in self.writes[o] if e.access.kind in ("target", "atomic")]

    def here(self, o: OpRun) -> list[Seen]:
        return [e for e in self.writes[o] if e.access.kind not in ("target", "atomic")]

    def messages(self) -> Iterable[tuple[Seen, Posted]]:
        """Completions at receivers."""
        for e in self.trace:
            if e.what == "posted" and e.info.kind != "descriptor":
                yield e, e.info

    def places(self, o: OpRun) -> tuple[Place | None, Place | None]:
        """What it may write here, and at the target (but for SEND)."""
        d, far = o.desc, self.far(o)[0]
        here = there = None
        if o.op in (Op.COPY, Op.FILL, Op.READ, Op.MIRROR):
            here = Place(o.node, d.dst, d.length)
        if o.op in ATOMICS:
            here, there = Place(o.node, d.src, 8), Place(far, d.dst, 8)
        if o.op in (Op.WRITE, Op.WRITE_IMM):
            there = Place(far, d.dst, d.length)
        if o.op == Op.MIRROR:
            there = Place(far, d.operand, d.length)
        return here, there

    def payload(self, o: OpRun) -> bytes | None:
        """What it moves; sources don't change in these stories."""
        d = o.desc
        if o.op == Op.FILL:
            return fill_bytes(d.src, d.length)
        if o.op in ATOMICS:
            return None if o.old is None else o.old.to_bytes(8, "little")
        node = self.far(o)[0] if o.op == Op.READ else o.node
        if d.length and (node, d.src >> 52) not in self.address:
            return None
        return self.begin[node].read(self.where(node, d.src), d.length) if d.length else b""


Faults = list[str]


def once_and_in_order(s: Story) -> Faults:
    """Every operation that began completes once; those of a channel begin and complete in ring order."""
    out = []
    ends: dict[OpRun, int] = defaultdict(int)
    last: dict[tuple[str, int, str], int] = {}
    for e in s.trace:
        done = e.what == "silent" or (e.what == "posted" and e.info.kind == "descriptor")
        if not done and e.what != "begin":
            continue
        assert e.op is not None
        ends[e.op] += done
        key = (e.node, e.ch, "end" if done else "begin")
        if last.get(key, -1) >= e.op.n:
            out.append(f"{e.op} {key[2]}s after #{last[key]}")
        last[key] = e.op.n
        if e.what == "silent" and e.op.status:
            out.append(f"{e.op} ended with {status_name(e.op.status)} in silence")
    out += [f"{o} completed {ends[o]} times" for o in s.ops if ends[o] > 1]
    return out


def all_over(s: Story) -> Faults:
    """Nothing hangs."""
    return [f"{o} never ended" for o in s.ops if o not in s.retired]


def fences(s: Story) -> Faults:
    """A fenced operation begins after every earlier end."""
    out = []
    by_channel: dict[tuple[str, int], list[OpRun]] = defaultdict(list)
    for o in s.ops:
        before = by_channel[o.node, o.ch]
        if o.desc.flag(DescFlag.FENCE):
            out += [
                f"{o} began at {o.t_begin}, {p} ended at {s.retired.get(p)}"
                for p in before
                if s.retired.get(p, NEVER) > o.t_begin
            ]
        before.append(o)
    return out


def each_byte_once(s: Story) -> Faults:
    """No operation writes a byte twice; none writes outside its ranges."""
    out = []
    for o in s.ops:
        here, there = s.places(o)
        for side, place in ((s.here(o), here), (s.there(o), there)):
            seen: list[tuple[int, int]] = []
            for e in side:
                a = e.access
                lo, hi = a.addr, a.addr + len(a.data)
                if any(x < hi and lo < y for x, y in seen):
                    out.append(f"{o}: bytes at {lo:#x} twice")
                seen.append((lo, hi))
                if place is None:
                    if not (o.op == Op.SEND and a.kind == "target"):
                        out.append(f"{o}: writes {lo:#x} of {a.node}, and may write nothing there")
                    continue
                base = s.where(place.node, place.addr)
                if a.node != place.node or lo < base or hi > base + place.n:
                    out.append(f"{o}: [{lo:#x}, {hi:#x}) of {a.node} is outside")
            if side and place is not None and not o.status and o in s.retired:
                total = sum(y - x for x, y in seen)
                if total != place.n:
                    out.append(f"{o}: ended well, {total} of {place.n} bytes written")
    return out


def nothing_after_the_end(s: Story) -> Faults:
    """No access of an operation after its completion, but at the target of a lost session."""
    out = []
    for o, t in s.retired.items():
        late = [e for e in s.here(o) if e.t >= t]
        if o.status != Status.LINK_ERROR:
            late += [e for e in s.there(o) if e.t >= t]
        out += [f"{o} ended at {t}, writes {e.access.addr:#x} at {e.t}" for e in late]
    return out


def delivered_in_order(s: Story) -> Faults:
    """Completions at the receiver, notifications and atomics come after the data of earlier operations of
    their channel."""
    out = []
    newest: dict[tuple[str, int], int] = {}
    for e in s.trace:
        message = e.what == "posted" and e.info.kind != "descriptor"
        if not (message or e.what in ("notify", "atomic")) or e.op is None:
            continue
        o = e.op
        for p in s.ops:
            if (p.node, p.ch) == (o.node, o.ch) and p.n < o.n and p.op in TO_TARGET:
                late = [x for x in s.there(p) if x.t >= e.t]
                out += [f"{o}: {e.what} at {e.t}, {p} writes at {x.t}" for x in late]
        late = [x for x in s.there(o) if x.t >= e.t and e.what != "atomic"]
        out += [f"{o}: {e.what} at {e.t}, its own data at {x.t}" for x in late]
        if newest.get((o.node, o.ch), -1) > o.n:
            out.append(f"{o}: {e.what} after that of #{newest[o.node, o.ch]}")
        newest[o.node, o.ch] = o.n
    return out


def effects_once(s: Story) -> Faults:
    """An effect at the receiver happens once, and not for an operation that was refused."""
    out = []
    count: dict[OpRun, int] = defaultdict(int)
    for e in s.trace:
        good = e.what == "posted" and e.info.kind != "descriptor" and not e.info.status
        count[e.op] += bool(good) if e.op is not None else 0
    for o in s.ops:
        want = 1 if o.op in RECEIVED and not o.status and o in s.retired else None
        if count[o] > 1 or (want and count[o] != want):
            out.append(f"{o}: {count[o]} completions at the receiver")
        if count[o] and o.op not in RECEIVED:
            out.append(f"{o}: a completion at the receiver")
    atomics: dict[OpRun, int] = defaultdict(int)
    for e in s.trace:
        if e.what == "atomic" and e.op is not None:
            atomics[e.op] += 1
    for o in s.ops:
        if atomics[o] > 1 or (o.op in ATOMICS and not o.status and o in s.retired and not atomics[o]):
            out.append(f"{o}: executed {atomics[o]} times")
    return out


def truth_of_the_status(s: Story) -> Faults:
    """MAY_HAVE_EXECUTED where it is true and nowhere else; refused operations have no effect."""
    out = []
    told = {o: 0 for o in s.ops}
    for e, p in s.messages():
        if not p.status and e.op is not None:
            told[e.op] += 1
    for o in s.retired:
        effect = bool(s.there(o)) or told[o] > 0
        may = bool(o.status2 & MAY_HAVE_EXECUTED)
        name = status_name(o.status)
        if not o.status and o.status2:
            out.append(f"{o}: ended well with second status {o.status2}")
        if o.op == Op.READ and (may or s.there(o)):
            out.append(f"{o}: a READ changes nothing at the peer")
        if o.status in UNTOUCHED and (s.writes[o] or told[o] or may):
            out.append(f"{o}: {name}, but it had an effect, or may have had one")
        if o.status == Status.LINK_ERROR and o.op != Op.READ and not may:
            out.append(f"{o}: {name} without MAY_HAVE_EXECUTED")
        if o.op in ATOMICS and o.status and not may:
            wrote = o.status in (Status.WRITE_SLVERR | AT_PEER, Status.WRITE_DECERR | AT_PEER)
            if effect and not wrote:
                out.append(f"{o}: {name}, executed, without MAY_HAVE_EXECUTED")
        if may and o.status != Status.LINK_ERROR and o.op not in ATOMICS:
            out.append(f"{o}: {name} with MAY_HAVE_EXECUTED")
        if told[o] and o.status and not may:
            out.append(f"{o}: delivered, and ended with {name}")
    return out


def mirrors(s: Story) -> Faults:
    """Both bits tell the truth; no local byte before the permission."""
    out = []
    taken: dict[OpRun, int] = {}
    for e in s.trace:
        if e.what == "frame" and e.op is not None and e.info.first:
            taken.setdefault(e.op, e.t)
    for o in s.retired:
        if o.op != Op.MIRROR:
            continue
        here, there = s.places(o)
        data = s.payload(o) if o.status not in UNTOUCHED and here else None
        for bit, place, side in ((LOCAL_BAD, here, s.here(o)), (PEER_BAD, there, s.there(o))):
            if o.status2 & bit or data is None:
                continue
            written = b"".join(e.access.data for e in sorted(side, key=lambda e: e.access.addr))
            if written != data:
                out.append(f"{o}: the copy at {place} is said to be good")
        early = [e for e in s.here(o) if e.access.t_grant <= taken.get(o, NEVER)]
        out += [f"{o}: written here at {e.t}, before the peer had seen it" for e in early]
        if o.status & AT_PEER and not s.there(o) and s.here(o):
            out.append(f"{o}: {status_name(o.status)}, but written here")
    return out


def revocations(s: Story) -> Faults:
    """After its acknowledgement nothing is written that was allowed by the old key."""
    out = []
    dead: set[tuple[str, tuple[int, int]]] = set()
    for e in s.trace:
        if e.what == "revoked":
            dead.add((e.node, e.info))
        elif e.what == "write" and (e.node, e.access.key) in dead:
            out.append(f"{e.op}: {e.access.addr:#x} written at {e.t} with key {e.access.key}")
    return out


def quiet_when_disabled(s: Story) -> Faults:
    """From 'disabled' to the next life nothing is written here by the channel, or for it by messages."""
    out = []
    off: set[tuple[str, int]] = set()
    for e in s.trace:
        if e.what == "disabled":
            off.add((e.node, e.ch))
        elif e.what == "enabled":
            off.discard((e.node, e.ch))
        elif e.what == "write" and e.op is not None:
            there = e.access.kind in ("target", "atomic")
            if there and e.op.op != Op.SEND:
                continue  # what a peer writes by address does not depend on the channel's state
            if (s.far(e.op) if there else (e.op.node, e.op.ch)) in off:
                out.append(f"{e.op}: written at {e.t}, channel {e.ch} of {e.node} is disabled")
    return out


def rings(s: Story) -> Faults:
    """No completion over one that was not read."""
    out = []
    unread: dict[tuple[str, int], int] = defaultdict(int)
    for e in s.trace:
        if e.what == "posted":
            unread[e.node, e.ch] += 1
            if unread[e.node, e.ch] > s.completions:
                out.append(f"{e.op}: no slot for its completion at {e.t}")
        elif e.what == "consumed":
            unread[e.node, e.ch] = 0
    return out


def bounded_attempts(s: Story) -> Faults:
    """'Receiver not ready' is tried again, but not for ever, and nothing of the channel overtakes it."""
    out = []
    firsts: dict[OpRun, int] = defaultdict(int)
    for e in s.trace:
        if e.what == "frame" and e.op is not None and e.info.first and e.op.op in RECEIVED:
            firsts[e.op] += 1
    for o, k in firsts.items():
        if k > s.rnr_count + 1:
            out.append(f"{o}: {k} attempts")
        if o.status == Status.RECEIVER_NOT_READY | AT_PEER and k != s.rnr_count + 1:
            out.append(f"{o}: given up after {k} attempts")
    return out


def buffers_in_order(s: Story) -> Faults:
    """Messages fill the posted buffers in their order, and hold what was sent."""
    out = []
    waiting: dict[tuple[str, int], deque[tuple[int, int, int]]] = defaultdict(deque)
    for e in s.trace:
        key = (e.node, e.ch)
        if e.what == "buffer":
            waiting[key].append(e.info)
        elif e.what == "disabled":
            waiting[key].clear()
        if e.what != "posted" or e.info.kind == "descriptor":
            continue
        o, p = e.op, e.info
        assert o is not None
        if (p.immediate, p.kind) != (o.desc.operand & 0xFFFFFFFF, "receive" if o.op == Op.SEND else "immediate"):
            out.append(f"{o}: {p}")
        if not p.status and p.nbytes != o.desc.length:
            out.append(f"{o}: {p.nbytes} bytes told")
        if p.kind != "receive":
            continue
        if not waiting[key] or waiting[key][0][0] != p.tag:
            out.append(f"{o}: receive completion of buffer {p.tag}, not of {list(waiting[key])[:1]}")
            continue
        k, address, length = waiting[key].popleft()
        base = s.where(e.node, address)
        for w in s.there(o):
            if not base <= w.access.addr or w.access.addr + len(w.access.data) > base + length:
                out.append(f"{o}: {w.access.addr:#x} is not in buffer {k}")
        if not p.status:
            got = s.end[e.node].read(base, o.desc.length) if o.desc.length else b""
            if got != s.payload(o):
                out.append(f"{o}: buffer {k} does not hold the message")
    return out


def memories(s: Story) -> Faults:
    """Good operations have moved their bytes; what nobody named is as it was."""
    out = []
    want = {n: m.copy() for n, m in s.begin.items()}
    free: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for n, cells in s.cells.items():
        free[n] += [(c, c + 8) for c in cells]
    for (n, _), posted in s.buffers.items():
        free[n] += [(s.where(n, a), s.where(n, a) + k) for _, a, k in posted]
    for o in s.ops:
        if o.status in UNTOUCHED or o.op == Op.NOP:
            continue
        for place in s.places(o):
            if place is None or (place.node, place.addr >> 52) not in s.address:
                continue
            base = s.where(place.node, place.addr)
            data = None if o.status else s.payload(o)
            if o.status or o not in s.retired:
                if s.writes[o]:
                    free[place.node].append((base, base + place.n))
            elif data is not None and not any(c <= base < c + 8 for c in s.cells.get(place.node, ())):
                want[place.node].write(base, data)
    for n, m in want.items():
        diffs = m.diff(s.end[n], ignore=merge_ranges(free[n]))
        if diffs:
            out.append(report(diffs, n))
    return out


def cells(s: Story) -> Faults:
    """Atomics and writes of each cell have an order that explains everything."""
    out = []
    for node, places in s.cells.items():
        for cell in places:
            effects = cell_effects(s, node, cell)
            first = int.from_bytes(s.begin[node].read(cell, 8), "little")
            last = int.from_bytes(s.end[node].read(cell, 8), "little")
            fault = explain(first, effects, last)
            if fault:
                out.append(f"{node} {cell:#x}: {fault}")
    return out


def cell_effects(s: Story, node: str, cell: int) -> list[Effect]:
    """What touched a cell, with its interval: a write from its grant to its response; an atomic from its read."""
    out: list[Effect] = []
    read_at = {e.op: e.t for e in s.trace if e.what == "atomic"}
    for o in s.ops:
        for e in s.writes[o]:
            a = e.access
            lo, hi = max(a.addr, cell), min(a.addr + len(a.data), cell + 8)
            if a.node != node or lo >= hi:
                continue
            if a.kind == "atomic":
                swap = o.ext if o.op == Op.CMP_SWAP else None
                old = o.old if not o.status else None
                out.append(Atomic(read_at[o], e.t, o.desc.operand, swap, old, name=str(o)))
            else:
                data = a.data[lo - a.addr : hi - a.addr]
                out.append(Store(a.t_grant, e.t, lo - cell, data, name=str(o)))
    return out


CHECKS = (
    once_and_in_order,
    fences,
    each_byte_once,
    nothing_after_the_end,
    delivered_in_order,
    effects_once,
    truth_of_the_status,
    mirrors,
    revocations,
    quiet_when_disabled,
    rings,
    bounded_attempts,
    buffers_in_order,
    memories,
    cells,
)


def judge(s: Story, over: bool = True) -> dict[str, Faults]:
    """All checks; those that found something."""
    found = {c.__name__: c(s) for c in (*CHECKS, *((all_over,) if over else ()))}
    return {k: v for k, v in found.items() if v}
