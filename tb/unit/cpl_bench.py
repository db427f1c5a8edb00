# SPDX-License-Identifier: Apache-2.0
"""Bench of crl_dma_cpl: a model of operations and rings, and a driver that plays against it.

The model knows what was allocated and how each operation was ended, and checks everything that
comes out: bursts, entries, their order and phase, free slots, indices, interrupts, retire events.
"""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field

from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly

from models.gen import carillon_layout as layouts

OK = layouts.Status.OK
MAY = 1 << layouts.Status2.MAY_HAVE_EXECUTED
BAD = 1 << layouts.Status2.LOCAL_BAD | 1 << layouts.Status2.PEER_BAD
MESSAGES = ("rsv_valid", "rsv_ch", "back_valid", "back_ch", "msg_valid", "msg_ch", "msg_kind", "msg_tag", "msg_status",
            "msg_irq", "msg_bytes", "msg_imm", "msg_cons")
MESSAGES_IN = MESSAGES + ("sw_waits",)
EVENTS = ("alloc_valid", "ldone_valid", "cfg_we", "cdb_valid", "wb_b_valid")


@dataclass
class Op:
    ch: int
    tag: int
    irq: bool
    nocpl: bool
    remote: bool
    peer: int
    bytes: int
    cons: int
    idx: int
    gen: int
    born: int
    falls: int  # times its peer had gone down when it was allocated
    mirror: bool = False  # what ends badly here has both bits
    ended: tuple[int, int] | None = None  # status, status2
    ended_at: int = -1
    raced: bool = False
    posted: bool = False
    answered: bool = False  # its completion has a write response
    retired: bool = False


@dataclass
class Msg:
    """An entry for a peer's message, handed over."""

    kind: int
    tag: int
    status: int
    irq: bool
    bytes: int
    imm: int
    cons: int  # of the receive ring
    maybe: bool = False  # its channel posts nothing any more, or is about to
    posted: bool = True
    answered: bool = False

    @property
    def ended(self) -> tuple[int, int]:
        return OK, 0  # an interrupt is asked for by `irq` alone


@dataclass
class Ring:
    base: int = 0
    size: int = 0
    func: int = 0
    cons: int = 0
    ops: deque = field(default_factory=deque)  # allocated, not retired, in order
    wait_post: deque = field(default_factory=deque)  # of these: not posted yet
    written: int = 0  # entries posted since set-up
    answered: int = 0  # of these with a write response
    consumed: int = 0
    published: int = 0
    dead: bool = False
    dr_cons: int = 0
    ok_since: int = 0  # cq_ok was up, or could not be
    granted: int = 0  # slots reserved for messages, neither used nor given back
    msgs: deque = field(default_factory=deque)  # handed over, not posted
    last_cons: int = 0  # of the last entry that was posted

    @property
    def reserved(self) -> int:
        return len(self.wait_post) + self.granted + len(self.msgs)

    def space(self) -> bool:
        """A slot can be reserved for sure."""
        return bool(self.size) and self.reserved + self.written - self.consumed < self.size - 1

    def may_have_space(self, suppressed: bool) -> bool:
        """As `space`, but what ends without an entry may have given its slot back already."""
        held = [
            o for o in self.wait_post
            if not suppressed and not self.dead and not (o.nocpl and o.ended and o.ended[0] == OK)
        ]
        held += [None] * (self.granted + sum(not m.maybe for m in self.msgs))
        return bool(self.size) and len(held) + self.written - self.consumed < self.size - 1


@dataclass
class Burst:
    ch: int
    ops: list
    resp: int = 0


class CplModel:
    """Expectations. Every method is called with what was seen at the pins in one cycle."""

    def __init__(self, p: dict) -> None:
        self.channels = p["CHANNELS"]
        self.peers = p.get("PEERS", 1)
        self.beat = p["DATA_W"] // 8
        self.timeout = p["OP_TIMEOUT_CYCLES"]
        self.ops_max = p["OPS"]
        self.rings = [Ring() for _ in range(self.channels)]
        self.table: dict[int, Op] = {}  # by idx
        self.uses: dict[int, deque] = {}
        self.bursts: deque[Burst] = deque()  # handed over, no response yet
        self.irqs: deque = deque()
        self.errors: deque = deque()
        self.suppress = [False] * self.channels
        self.muted = [False] * self.channels  # `suppress` was up at some time
        self.falls = [0] * self.peers
        self.sent = [-1] * self.channels  # when it could send the last time
        self.fatal = False
        self.now = 0
        self.compared = 0
        self.burst_sizes: dict[int, int] = {}
        self.messages = 0
        self.answers = {False: 0, True: 0}
        self._beats: list = []

    # ---- stimulus

    def configure(self, ch: int, base: int, log2: int, func: int) -> None:
        assert not self.rings[ch].ops
        self.rings[ch] = Ring(base=base, size=1 << log2, func=func, ok_since=self.now)

    def alloc(self, op: Op) -> None:
        other = self.table.get(op.idx)  # an entry is free again once its operation has ended
        swept = other and (self.fatal or other.remote and (
            self.falls[other.peer] > other.falls or self.now - other.born > self.timeout))
        assert not other or other.ended or swept, f"entry {op.idx} is in use: {other}"
        before = self.uses.setdefault(op.idx, deque(maxlen=15))
        assert op.gen not in before, f"generation {op.gen} of entry {op.idx} came again too soon"
        before.append(op.gen)
        ring = self.rings[op.ch]
        assert ring.may_have_space(self.suppress[op.ch]), "the bench may not allocate here"
        self.table[op.idx] = op
        ring.ops.append(op)
        ring.wait_post.append(op)

    def end(self, idx: int, gen: int, status: int, status2: int, peer: int | None) -> None:
        op = self.table.get(idx)
        if op is None or op.gen != gen or op.ended is not None:
            return
        if peer is not None and (not op.remote or op.peer != peer):
            return
        if op.mirror and peer is None and status != OK:
            status2 |= BAD
        op.ended, op.ended_at = (status, status2), self.now
        # The sweeper may have been there before.
        op.raced = self.fatal or op.remote and (
            self.falls[op.peer] > op.falls or self.now - op.born > self.timeout
        )

    def consumer(self, ch: int, value: int) -> bool:
        """Doorbell; returns whether it is in range."""
        ring = self.rings[ch]
        if not ring.size or value >= ring.size:
            return False
        step = (value - ring.consumed) % ring.size
        # Software may see an entry before its response has come; what is still reserved it can't.
        if step > ring.written + ring.reserved - ring.consumed:
            return False
        ring.consumed += step
        return True

    # ---- what the design may do

    def _swept(self, op: Op, status: int, status2: int) -> None:
        """An operation that nobody ended: only the sweeper can have done it."""
        bad = BAD if op.mirror else 0
        if self.fatal and status == layouts.Status.MEM_TIMEOUT:
            assert status2 == (MAY if op.remote else 0) | bad
        elif status == layouts.Status.LINK_ERROR:
            assert op.remote and self.falls[op.peer] > op.falls, f"{op}: its link was not lost"
            assert status2 == MAY | bad
        else:
            assert op.remote and status == layouts.Status.OP_TIMEOUT, f"{op} ends with {status:#x}"
            since = max(op.born, self.sent[op.ch])
            assert self.now - since > self.timeout, f"{op} timed out too early"
            assert status2 == MAY | bad
        op.ended, op.ended_at = (status, status2), self.now

    def _skip(self, ring: Ring, tag: int) -> None:
        """Drop what has retired without an entry from the head of the line."""
        while ring.wait_post:
            op = ring.wait_post[0]
            if op.ended and op.ended[0] == OK and op.nocpl and not (op.raced and op.tag == tag):
                ring.last_cons = ring.wait_post.popleft().cons
            else:
                break

    def beat_seen(self, first, last, addr, length, user, data, strb) -> None:
        if first:
            assert not self._beats, "a burst began inside a burst"
            self._head = (addr, length, user)
        else:
            assert self._beats, "a burst without a first beat"
        self._beats.append((data, strb))
        if not last:
            return
        addr, length, user = self._head
        assert len(self._beats) == length + 1, "the length differs from the beats"
        assert addr % self.beat == 0
        entries = []
        for n, (data, strb) in enumerate(self._beats):
            if self.beat == 8:
                assert strb == 0xFF
                if n % 2:
                    entries.append((addr + 8 * (n - 1), self._beats[n - 1][0] | data << 64))
                continue
            for lane in range(self.beat // 16):
                part = strb >> (16 * lane) & 0xFFFF
                assert part in (0, 0xFFFF), "half an entry"
                if part:
                    entries.append((addr + self.beat * n + 16 * lane, data >> (128 * lane) & (1 << 128) - 1))
        self._beats = []
        self._burst(entries, user)

    def _burst(self, entries, user) -> None:
        assert 1 <= len(entries) <= 8
        self.burst_sizes[len(entries)] = self.burst_sizes.get(len(entries), 0) + 1
        at = entries[0][0]
        assert at >> 12 == (entries[-1][0] + 15) >> 12, "across 4 KiB"
        ch = next(
            (c for c, r in enumerate(self.rings) if r.size and r.base <= at < r.base + 16 * r.size), None
        )
        assert ch is not None, f"an entry outside of every ring: {at:#x}"
        ring = self.rings[ch]
        assert user == ring.func
        ops = []
        for n, (where, entry) in enumerate(entries):
            assert where == at + 16 * n, "entries are not adjacent"
            slot = ring.written % ring.size
            assert where == ring.base + 16 * slot, f"slot {(where - ring.base) // 16}, expected {slot}"
            assert ring.written - ring.consumed < ring.size - 1, "an unread entry was overwritten"
            status, status2 = entry >> 16 & 0xFF, entry >> 48 & 0xFFFF
            if entry >> 24 & 0xF != layouts.CqeKind.DESCRIPTOR:
                assert len(entries) == 1, "a message's entry is a burst of its own"
                ops.append(self._message(ch, ring, entry))
                continue
            # Of what is unresolved at the head of the line only the sweeper's ends remain.
            self._skip(ring, entry & 0xFFFF)
            assert ring.wait_post, "an entry that no operation stands behind"
            op = ring.wait_post.popleft()
            if op.ended is None or op.raced and op.ended != (status, status2):
                self._swept(op, status, status2)
            assert not (op.nocpl and op.ended[0] == OK)
            want = (
                op.tag
                | op.ended[0] << 16
                | layouts.CqeKind.DESCRIPTOR << 24
                | (1 - (ring.written // ring.size) % 2) << 31
                | op.cons << 32
                | op.ended[1] << 48
                | (op.bytes if op.ended[0] == OK else 0) << 64
            )
            assert entry == want, f"channel {ch} slot {slot}: {entry:032x}, expected {want:032x} {op}"
            ring.written += 1
            ring.last_cons = op.cons
            op.posted = True
            ops.append(op)
            self.compared += 1
        self.bursts.append(Burst(ch, ops))

    def _message(self, ch: int, ring: Ring, entry: int) -> Msg:
        while ring.msgs and ring.msgs[0].maybe and entry >> 96 != ring.msgs[0].imm:
            ring.msgs.popleft()
        assert ring.msgs, f"channel {ch}: an entry that no message stands behind"
        m = ring.msgs.popleft()
        # What ended in silence may have retired already.
        cons = [ring.last_cons]
        for op in ring.wait_post:
            if not (op.ended and (op.ended[0] == OK and op.nocpl or self.muted[ch])):
                break
            cons.append(op.cons)
        if m.kind == layouts.CqeKind.RECEIVE:
            cons = [m.cons]
        assert entry >> 32 & 0xFFFF in cons, f"channel {ch}: index {entry >> 32 & 0xFFFF}, expected one of {cons}"
        want = (m.tag | m.status << 16 | m.kind << 24 | (1 - (ring.written // ring.size) % 2) << 31
                | m.bytes << 64 | m.imm << 96)
        assert entry & ~(0xFFFF << 32) == want, f"channel {ch}: {entry:032x}, expected {want:032x}"
        ring.written += 1
        self.messages += 1
        self.compared += 1
        return m

    def granted(self, ch: int, good: bool, room: bool, full: bool) -> None:
        """A request was answered; `room`, `full`: what was seen of the ring since it was made."""
        if good:
            assert room, f"channel {ch}: a message gets a slot that is not there"
            self.rings[ch].granted += 1
        else:
            assert full, f"channel {ch}: a message gets no slot, and there is one"
        self.answers[good] += 1

    def told(self, ch: int, msg: Msg) -> None:
        ring = self.rings[ch]
        ring.granted -= 1
        msg.maybe = self.suppress[ch] or ring.dead
        ring.msgs.append(msg)

    def response(self, resp: int) -> None:
        burst = self.bursts.popleft()
        ring = self.rings[burst.ch]
        for op in burst.ops:
            op.answered = True
        good = resp < 2 and not ring.dead
        if good:
            ring.answered += len(burst.ops)
            if any(op.irq or op.ended[0] != OK for op in burst.ops):
                self.irqs.append((burst.ch, ring.answered % ring.size))
        if resp >= 2:
            self.errors.append((burst.ch, resp))
            ring.dead = True

    def retired(self, ch, status, nbytes, cons) -> None:
        ring = self.rings[ch]
        assert ring.ops, "retired without an operation"
        op = ring.ops.popleft()
        if op.ended is None or op.raced and not op.posted and op.ended[0] != status:
            may = (MAY if op.remote else 0) | (BAD if op.mirror else 0)
            self._swept(op, status, may)
        silent = op.nocpl and op.ended[0] == OK
        if op.posted:
            assert op.answered, "retired before the write response"
        else:
            assert silent or self.suppress[ch] or ring.dead, f"{op} retired without an entry"
            if op in ring.wait_post:
                ring.wait_post.remove(op)
                ring.last_cons = op.cons
        assert (status, cons) == (op.ended[0], op.cons), f"{op}: retired with {status:#x}, {cons}"
        assert nbytes == (op.bytes if op.ended[0] == OK else 0)
        op.retired = True
        ring.dr_cons = op.cons
        if self.table.get(op.idx) is op:
            del self.table[op.idx]
        self.compared += 1

    def irq(self, ch, prod) -> None:
        assert self.irqs, f"an interrupt of channel {ch} that nothing asked for"
        want, _ = self.irqs.popleft()
        assert ch == want

    def error(self, ch, resp) -> None:
        assert self.errors and self.errors.popleft() == (ch, resp)

    def finish(self) -> None:
        for ch, ring in enumerate(self.rings):
            assert not ring.ops, f"channel {ch}: {len(ring.ops)} operations left, first {ring.ops[0]}"
            assert not ring.granted and all(m.maybe for m in ring.msgs), f"channel {ch}: messages left"
        assert not self.bursts and not self.irqs and not self.errors
        assert self.compared, "nothing was compared"


class CplBench:
    """Plays one cycle after the other. `knobs` are probabilities per cycle and the like."""

    def __init__(self, dut, p: dict, seed: int, **knobs) -> None:
        self.dut, self.p, self.rng = dut, p, random.Random(seed)
        self.model = CplModel(p)
        self.k = dict(
            alloc=0.5, end=0.5, remote=0.3, nocpl=0.2, irq=0.3, error=0.1, stale=0.1, ready=0.8,
            b_lat=(0, 12), b_error=0.0, consume=0.2, bad_cdb=0.0, order="random", lose=0.0,
            busy=self.model.channels,  # so many channels are given operations
            ask=0.0,  # slots for messages
        )
        self.k.update(knobs)
        self.open: list[Op] = []  # not ended, to be ended by the bench
        self.remote_q: list[deque] = [deque() for _ in range(self.model.peers)]
        self.b_queue: deque = deque()
        self.cdb_expected: deque = deque()
        self.tag = 0
        self.peer_up = (1 << self.model.peers) - 1
        self.old_tags: deque = deque(maxlen=64)
        self.set: dict[str, int] = {}  # pins to drive in the next cycle
        self.asked: list | None = None  # a slot for a message: channel, seen room, seen full
        self.held: list[int] = []  # channels of slots that messages hold
        self.msg: tuple[int, Msg] | None = None
        self.back: int | None = None
        self.tamper = None  # a function that may alter a seen beat, for tests of the checker
        self.log: dict[str, list] = {"wb": [], "alloc": [], "ldone": [], "ret": [], "rdone": []}

    async def start(self) -> None:
        d = self.dut
        for name in (*EVENTS, "alloc_ch", "alloc_tag", "alloc_irq", "alloc_nocpl", "alloc_remote", "alloc_read", "alloc_mirror",
                     "alloc_peer", "alloc_bytes", "alloc_cons", "ldone_idx", "ldone_gen",
                     "ldone_status", "rdone_valid", "rdone_tag", "rdone_status", "rdone_status2",
                     "fatal", "sending", "suppress", "cfg_ch", "cfg_base", "cfg_log2", "cfg_func", "cdb_ch",
                     "cdb_val", "wb_ready", "wb_b_resp", "rd_ch", *MESSAGES_IN):
            getattr(d, name).value = 0
        d.peer_up.value = self.peer_up
        d.rst.value = 1  # before the first edge: the RTL's assertions hold from reset on
        Clock(d.clk, 10, "ns").start(start_high=False)
        await self.reset()

    async def reset(self) -> None:
        d = self.dut
        await FallingEdge(d.clk)
        for name in (*EVENTS, "rdone_valid", "wb_ready", "rsv_valid", "back_valid", "msg_valid"):
            getattr(d, name).value = 0
        d.rst.value = 1
        for _ in range(3):
            await FallingEdge(d.clk)
        d.rst.value = 0
        for _ in range(2 * self.p["OPS"] + 16):
            await FallingEdge(d.clk)
            if int(d.alloc_ready.value):
                return
        raise AssertionError("alloc_ready does not come up after reset")

    async def configure(self, ch: int, base: int, log2: int, func: int) -> None:
        d = self.dut
        await FallingEdge(d.clk)
        d.wb_ready.value = 0
        for name in EVENTS:
            getattr(d, name).value = 0
        d.rdone_valid.value = d.rsv_valid.value = d.back_valid.value = d.msg_valid.value = 0
        d.cfg_we.value, d.cfg_ch.value, d.cfg_base.value = 1, ch, base
        d.cfg_log2.value, d.cfg_func.value = log2, func
        await FallingEdge(d.clk)
        d.cfg_we.value = 0
        self.model.configure(ch, base, log2, func)
        for _ in range(2 * self.model.channels + 8):
            await FallingEdge(d.clk)

    def rings(self, log2s) -> list[tuple[int, int, int, int]]:
        """(ch, base, log2, func) for disjoint rings, at awkward places."""
        out, at = [], 0x1_0000_0000 - 0x2000
        for ch, log2 in enumerate(log2s):
            align = min(16 << log2, 4096)
            at = -(-at // align) * align
            out.append((ch, at, log2, self.rng.randrange(256)))
            at += 16 << log2
        return out

    # ---- one cycle

    async def cycle(self, alloc=True) -> None:
        d, m, k, rng = self.dut, self.model, self.k, self.rng
        await FallingEdge(d.clk)
        m.now += 1
        m.muted = [a or b for a, b in zip(m.muted, m.suppress, strict=True)]
        for name, value in self.set.items():
            getattr(d, name).value = value
        self.set.clear()
        # allocate
        ready, ok = int(d.alloc_ready.value), int(d.cq_ok.value)
        self._check_ok(ok)
        chosen = None
        if alloc and ready and rng.random() < k["alloc"]:
            fit = [c for c in range(min(k["busy"], m.channels)) if ok >> c & 1 and m.rings[c].size]
            if fit:
                chosen = rng.choice(fit)
        d.alloc_valid.value = chosen is not None
        if chosen is not None:
            self._alloc(chosen)
        # local end, at most one
        d.ldone_valid.value = 0
        choice = [n for n, o in enumerate(self.open) if o.born < m.now]
        if choice and rng.random() < k["end"]:
            if k["order"] != "fifo":
                choice = choice[-1:] if k["order"] == "lifo" else [rng.choice(choice)]
            op = self.open.pop(choice[0])
            if op.remote:
                if rng.random() >= k["lose"]:
                    self.remote_q[op.peer].append((op.gen << (self.ow) | op.idx, self._status(remote=True), rng.randrange(1 << 16)))
            else:
                self._ldone(op.idx, op.gen, self._status())
        elif self.old_tags and rng.random() < k["stale"]:
            tag = rng.choice(self.old_tags)
            if rng.random() < 0.5:
                self._ldone(tag & (1 << self.ow) - 1, tag >> self.ow, 0x20)
            else:
                self.remote_q[rng.randrange(m.peers)].append((tag, 0x30, 1))
        self._remote()
        self._doorbell()
        self._messages(alloc)
        # responses
        d.wb_b_valid.value = 0
        if self.b_queue and self.b_queue[0][0] <= m.now:
            _, resp = self.b_queue.popleft()
            d.wb_b_valid.value, d.wb_b_resp.value = 1, resp
            m.response(resp)
        d.wb_ready.value = rng.random() < k["ready"]
        rd = rng.randrange(m.channels)
        d.rd_ch.value = rd
        await ReadOnly()
        self._sample(rd)

    @property
    def ow(self) -> int:
        return self.p["OPS"].bit_length() - 1

    def _status(self, remote=False) -> int:
        if self.rng.random() >= self.k["error"]:
            return OK
        return self.rng.choice((0x92, 0x30) if remote else (0x12, 0x20, 0x23, 0x40))

    def _alloc(self, ch: int) -> None:
        d, m, k, rng = self.dut, self.model, self.k, self.rng
        self.tag = (self.tag + 1) & 0xFFFF
        peer = rng.randrange(m.peers)
        op = Op(ch, self.tag, rng.random() < k["irq"], rng.random() < k["nocpl"],
                rng.random() < k["remote"], peer, rng.randrange(1 << 32), rng.randrange(4096),
                int(d.alloc_idx.value), int(d.alloc_gen.value), m.now, m.falls[peer],
                bool(self.p.get("MIRROR_EN", 1)) and rng.random() < 0.3)
        m.alloc(op)
        self.open.append(op)
        self.old_tags.append((op.gen - 1) % (1 << 16 - self.ow) << self.ow | op.idx)
        self.log["alloc"].append(m.now)
        d.alloc_ch.value, d.alloc_tag.value, d.alloc_irq.value = op.ch, op.tag, op.irq
        d.alloc_nocpl.value, d.alloc_remote.value, d.alloc_peer.value = op.nocpl, op.remote, op.peer
        d.alloc_bytes.value, d.alloc_cons.value, d.alloc_mirror.value = op.bytes, op.cons, op.mirror

    def _ldone(self, idx: int, gen: int, status: int) -> None:
        d = self.dut
        d.ldone_valid.value, d.ldone_idx.value, d.ldone_gen.value = 1, idx, gen
        d.ldone_status.value = status
        self.model.end(idx, gen, status, 0, None)
        self.log["ldone"].append(self.model.now)

    def _remote(self) -> None:
        valid = tag = status = status2 = 0
        for p, queue in enumerate(self.remote_q):
            if queue:
                t, s, s2 = queue[0]
                valid |= 1 << p
                tag |= t << 16 * p
                status |= s << 8 * p
                status2 |= s2 << 16 * p
        d = self.dut
        d.rdone_valid.value, d.rdone_tag.value = valid, tag
        d.rdone_status.value, d.rdone_status2.value = status, status2
        self._r_valid = valid

    def _messages(self, more: bool) -> None:
        """Ask for slots, use them or give them back, one of each at a time."""
        d, m, k, rng = self.dut, self.model, self.k, self.rng
        usable = [c for c, r in enumerate(m.rings) if r.size and not r.dead and not m.suppress[c]]
        if self.asked is None and more and usable and rng.random() < k["ask"]:
            self.asked = [rng.choice(usable), False, False]
        if self.asked:
            d.rsv_ch.value = self.asked[0]
            ring = m.rings[self.asked[0]]
            self.asked[1] |= ring.may_have_space(m.suppress[self.asked[0]])
            self.asked[2] |= not ring.space()
        d.rsv_valid.value = self.asked is not None
        if self.held and rng.random() < k["end"]:
            if self.back is None and rng.random() < 0.3:
                self.back = self.held.pop(rng.randrange(len(self.held)))
                d.back_ch.value = self.back
            elif self.msg is None:
                ch = self.held.pop(rng.randrange(len(self.held)))
                bad = rng.random() < k["error"]
                msg = Msg(rng.choice((2, 3)), rng.getrandbits(16), 0x35 if bad else OK, rng.random() < k["irq"],
                          rng.getrandbits(32), rng.getrandbits(32), rng.getrandbits(12))
                self.msg = (ch, msg)
                d.msg_ch.value, d.msg_kind.value, d.msg_tag.value = ch, msg.kind, msg.tag
                d.msg_status.value, d.msg_irq.value = msg.status, msg.irq
                d.msg_bytes.value, d.msg_imm.value, d.msg_cons.value = msg.bytes, msg.imm, msg.cons
        d.msg_valid.value, d.back_valid.value = self.msg is not None, self.back is not None

    def _sample_messages(self) -> None:
        d, m = self.dut, self.model
        if int(d.rsv_done.value):
            assert self.asked is not None, "an answer without a request"
            ch, room, full = self.asked
            self.asked = None
            m.granted(ch, bool(int(d.rsv_ok.value)), room, full)
            if int(d.rsv_ok.value):
                self.held.append(ch)
        if self.msg and int(d.msg_ready.value):
            m.told(*self.msg)
            self.msg = None
        if self.back is not None and int(d.back_ready.value):
            m.rings[self.back].granted -= 1
            self.back = None

    def _doorbell(self) -> None:
        d, m, k, rng = self.dut, self.model, self.k, self.rng
        d.cdb_valid.value = 0
        if rng.random() < k["consume"]:
            ch = rng.randrange(m.channels)
            ring = m.rings[ch]
            if not ring.size:
                return
            # What has left for memory, answered or not.
            waiting = ring.written - ring.consumed
            value = (ring.consumed + rng.randint(0, waiting)) % ring.size
            self._ring_doorbell(ch, value)
        elif rng.random() < k["bad_cdb"]:
            ch = rng.randrange(m.channels)
            ring = m.rings[ch]
            if not ring.size:
                return
            far = ring.written + ring.reserved - ring.consumed
            if rng.random() < 0.5:
                value = rng.randrange(ring.size, 1 << 16)
            elif far + 1 < ring.size:  # nothing that is under way reaches so far
                value = (ring.consumed + rng.randint(far + 1, ring.size - 1)) % ring.size
            else:
                return
            self._ring_doorbell(ch, value)

    def _ring_doorbell(self, ch: int, value: int) -> None:
        d, m = self.dut, self.model
        d.cdb_valid.value, d.cdb_ch.value, d.cdb_val.value = 1, ch, value
        self.cdb_expected.append((m.now + 2, ch, m.consumer(ch, value)))

    def _check_ok(self, ok: int) -> None:
        m = self.model
        for c, ring in enumerate(m.rings):
            if ok >> c & 1:
                assert ring.may_have_space(m.suppress[c]), f"cq_ok of channel {c} without a slot"
            if ok >> c & 1 or not ring.space():
                ring.ok_since = m.now
            late = m.now - ring.ok_since > 60 + 12 * m.channels
            assert not late, f"channel {c} has slots, cq_ok stays down: {ring}"

    def _sample(self, rd: int) -> None:
        d, m, rng = self.dut, self.model, self.rng
        taken = int(d.rdone_ready.value) & self._r_valid
        for p in range(m.peers):
            if taken >> p & 1:
                t, s, s2 = self.remote_q[p].popleft()
                m.end(t & (1 << self.ow) - 1, t >> self.ow, s, s2, p)
                self.log["rdone"].append(m.now)
        self._sample_messages()
        if int(d.wb_valid.value):
            seen = (int(d.wb_first.value), int(d.wb_last.value), int(d.wb_addr.value),
                    int(d.wb_len.value), int(d.wb_user.value), int(d.wb_data.value), int(d.wb_strb.value))
            if not seen[0]:
                seen = (*seen[:2], 0, 0, 0, *seen[5:])
            stalled = getattr(self, "_stalled", None)
            assert stalled is None or stalled == seen, "changed while stalled"
            self._stalled = seen
            if not self.log["wb"] or seen[0] and self.log["wb"][-1][1]:
                self.log["wb"].append([m.now, False])
            if int(d.wb_ready.value):
                self._stalled = None
                if seen[1]:
                    self.log["wb"][-1][1] = True
                    lo, hi = self.k["b_lat"]
                    ready = m.now + 1 + rng.randint(lo, hi)
                    resp = rng.choice((2, 3)) if rng.random() < self.k["b_error"] else 0
                    self.b_queue.append((ready, resp))
                if self.tamper:
                    seen = self.tamper(seen)
                if seen:
                    m.beat_seen(*seen)
        else:
            assert getattr(self, "_stalled", None) is None, "valid fell while stalled"
        if int(d.ret_valid.value):
            self.log["ret"].append(m.now)
            m.retired(int(d.ret_ch.value), int(d.ret_status.value), int(d.ret_bytes.value), int(d.ret_cons.value))
        if int(d.irq_valid.value):
            m.irq(int(d.irq_ch.value), None)
        if int(d.cq_err_valid.value):
            m.error(int(d.cq_err_ch.value), int(d.cq_err_resp.value))
        if int(d.cdb_err_valid.value):
            assert self.cdb_expected and self.cdb_expected[0][0] <= m.now
        while self.cdb_expected and self.cdb_expected[0][0] <= m.now:
            _, ch, good = self.cdb_expected.popleft()
            err = int(d.cdb_err_valid.value) and int(d.cdb_err_ch.value) == ch
            assert bool(err) == (not good), f"doorbell of channel {ch}: in range {good}, error {err}"
        ring = m.rings[rd]
        prod = int(d.rd_cq_prod.value)
        if ring.size:
            ring.published += (prod - ring.published) % ring.size  # at least so many since the last look
            assert ring.published <= ring.answered, "producer ran ahead of the responses"
        empty = int(d.op_empty.value)
        for c, r in enumerate(m.rings):
            if empty >> c & 1:
                assert not [o for o in r.ops if o.born < m.now], f"op_empty of channel {c} is early"

    async def drain(self, cycles=6000) -> None:
        """Stop allocating, end everything, wait until all has retired."""
        self.k.update(end=1.0, ready=max(self.k["ready"], 0.5))
        for _ in range(cycles):
            await self.cycle(alloc=False)
            owed = self.asked or self.held or self.msg or self.back is not None
            owed = owed or any(r.ops or any(not m.maybe for m in r.msgs) for r in self.model.rings)
            if not owed and not self.model.bursts:
                break
        self.k.update(consume=0.0, bad_cdb=0.0)
        for _ in range(20):
            await self.cycle(alloc=False)
        self.model.finish()
        d, m = self.dut, self.model
        assert int(d.op_empty.value) == (1 << m.channels) - 1
        for c, ring in enumerate(m.rings):
            await FallingEdge(d.clk)
            d.rd_ch.value = c
            await ReadOnly()
            if ring.size and not ring.dead:
                assert int(d.rd_cq_prod.value) == ring.answered % ring.size
                assert int(d.rd_cq_cons.value) == ring.consumed % ring.size
                assert int(d.rd_dr_cons.value) == ring.dr_cons
