# SPDX-License-Identifier: Apache-2.0
"""A small behavioural engine that makes legal traces, to test `Pair` with and to break on purpose.

Each channel runs on a clock of its own; the events of all are sorted by the time at which they
were over.
Buffers are disjoint, so that time plays no role in the values.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

from models import regmap
from models.atomics import outcome
from models.blocks import (
    axi_bursts,
    pack_completions,
    split_chunks,
    split_requests,
    to_beats,
    touched_beats,
)
from models.events import AxiRead, AxiWrite, CpuWrite, Event, LinkState, RegWrite
from models.lay import AT_PEER, CQE, DESC, Cmd, Cqe, CqeKind, Desc, DescFlag, Op, Status
from models.memory import OKAY, PAGE, SLVERR, Allocator, Memory
from models.ops import ATOMICS, WITH_READ, Ctx, Far, Plan, check_descriptor, fill_bytes
from models.pairstate import NodeParams
from models.ring import CplRing, DescRing, fetch_bursts
from models.segments import (
    R_ATOMIC,
    R_LOCAL,
    R_READ,
    R_REMOTE,
    R_RING,
    R_WRITE,
    Segment,
    SegmentTable,
)

SEG_BYTES = 1 << 20


@dataclass
class RefChannel:
    """A channel of a node: three segments of its own (ring, data, inbound)."""

    node: RefNode
    number: int
    func: int
    dlog2: int
    clog2: int
    stop: bool = False
    t: int = 0
    pending: list[Desc] = field(default_factory=list)
    posted: list[Cqe] = field(default_factory=list)

    def __post_init__(self) -> None:
        base = (1 + self.number) * 4 * SEG_BYTES
        self.ring_base, self.data_base, self.in_base = base, base + SEG_BYTES, base + 2 * SEG_BYTES
        self.dring = DescRing(self.ring_base, self.dlog2)
        self.cring = CplRing(self.ring_base + SEG_BYTES // 2, self.clog2)
        self.data = Allocator(self.data_base, self.data_base + SEG_BYTES, gap=70)
        self.inbound = Allocator(self.in_base, self.in_base + SEG_BYTES, gap=70)
        self.last_resp = self.floor = 0

    def seg(self, kind: int) -> int:
        """Segment index: 0 ring, 1 data, 2 inbound."""
        return self.number * 3 + kind

    def local(self, addr: int) -> int:
        return self.node.table.address(self.seg(1), addr - self.data_base)

    def far_addr(self, far: RefChannel, addr: int) -> int:
        return far.node.table.address(far.seg(2), addr - far.in_base)


@dataclass
class RefNode:
    name: str
    number: int
    params: NodeParams
    mem: Memory
    table: SegmentTable = field(init=False)
    chans: list[RefChannel] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.table = SegmentTable(self.params.segments)


class RefSystem:
    """Two nodes A and B; channel c of A is bound to channel c of B."""

    def __init__(
        self,
        seed: int = 0,
        channels: int = 2,
        data_w: int = 64,
        dlog2: int = 3,
        clog2: int = 3,
        max_burst: int = 512,
        mtu: int = 1024,
        stop: bool = False,
        ops: frozenset[int] = WITH_READ,
    ) -> None:
        self.rng = random.Random(seed)
        p = NodeParams(data_w, channels, max(8, 3 * channels), 1, max_burst, mtu, ops=ops)
        self.params = {"A": p, "B": p}
        self.links = [(("A", 0), ("B", 0))]
        self.nodes = {n: RefNode(n, i, p, Memory(n)) for i, n in enumerate("AB")}
        self.events: list[tuple[int, int, Event]] = []
        for node in self.nodes.values():
            for c in range(channels):
                node.chans.append(
                    RefChannel(node, c, func=c + 1, dlog2=dlog2, clog2=clog2, stop=stop)
                )
        self._setup()

    # events ------------------------------------------------------------------------------------
    def emit(self, t: int, e: Event) -> None:
        self.events.append((t, len(self.events), e))

    def trace(self) -> list[Event]:
        return [e for _, _, e in sorted(self.events, key=lambda x: x[:2])]

    def reg(self, node: RefNode, t: int, addr: int, data: int, func: int = 0) -> None:
        self.emit(t, RegWrite(node.name, t, func, addr, data))

    def cpu(self, node: RefNode, t: int, addr: int, data: bytes) -> None:
        node.mem.write(addr, data)
        self.emit(t, CpuWrite(node.name, t, addr, data))

    # set-up ------------------------------------------------------------------------------------
    def _setup(self) -> None:
        for t, node in enumerate(self.nodes.values(), 1):
            self.reg(node, t, regmap.peer(0, "PEER_CTRL"), regmap.peer_ctrl(1 - node.number))
            self.emit(t, LinkState(node.name, t, 0, True))
            for c in node.chans:
                self.set_segment(
                    node,
                    t,
                    c.seg(0),
                    Segment(True, c.ring_base, SEG_BYTES, R_RING | R_LOCAL, c.number),
                )
                self.set_segment(
                    node,
                    t,
                    c.seg(1),
                    Segment(True, c.data_base, SEG_BYTES, R_READ | R_WRITE | R_LOCAL, c.number),
                )
                self.set_segment(
                    node,
                    t,
                    c.seg(2),
                    Segment(
                        True,
                        c.in_base,
                        SEG_BYTES,
                        R_READ | R_WRITE | R_ATOMIC | R_REMOTE | R_LOCAL,
                        c.number,
                        0,
                    ),
                )
                self.reg(node, t, regmap.chan(c.number, "CH_OWNER"), regmap.ch_owner(c.func))
                self.reg(node, t, regmap.chan(c.number, "CH_POLICY"), regmap.ch_policy(stop=c.stop))
                self.reg(node, t, regmap.chan(c.number, "CH_BIND"), regmap.ch_bind(c.number, 0))
                self.enable(c, t)
                c.t = t + 10

    def set_segment(self, node: RefNode, t: int, index: int, s: Segment) -> None:
        node.table.set(index, s)
        self.reg(node, t, regmap.seg(index, "SEG_BASE"), s.base)
        self.reg(node, t, regmap.seg(index, "SEG_SIZE"), s.size)
        self.reg(
            node,
            t,
            regmap.seg(index, "SEG_CTRL"),
            regmap.seg_ctrl(s.rights, s.channel, s.peer, s.gen, s.valid),
        )

    def enable(self, c: RefChannel, t: int) -> None:
        for name, value in (
            ("DRING_BASE", c.node.table.address(c.seg(0), 0)),
            ("DRING_SIZE", c.dlog2),
            ("CRING_BASE", c.node.table.address(c.seg(0), SEG_BYTES // 2)),
            ("CRING_SIZE", c.clog2),
            ("CTRL", int(Cmd.ENABLE)),
        ):
            self.reg(c.node, t, regmap.guest(c.number, name), value, c.func)

    # software ----------------------------------------------------------------------------------
    def far(self, c: RefChannel) -> RefChannel:
        return self.nodes["B" if c.node.name == "A" else "A"].chans[c.number]

    def copy(self, c: RefChannel, n: int, flags: int = 0, tag: int = 0, **kw: int) -> Desc:
        src = c.data.alloc(n, **kw)
        dst = c.data.alloc(n, align=64, offset=self.rng.randrange(64))
        self.cpu(c.node, c.t, src, self.rng.randbytes(n))
        return Desc(Op.COPY, flags, tag, n, c.local(src), c.local(dst))

    def fill(self, c: RefChannel, n: int, flags: int = 0, tag: int = 0) -> Desc:
        dst = c.data.alloc(n, align=64, offset=self.rng.randrange(64))
        return Desc(Op.FILL, flags, tag, n, self.rng.getrandbits(64), c.local(dst))

    def write(self, c: RefChannel, n: int, flags: int = 0, tag: int = 0) -> Desc:
        far = self.far(c)
        src, dst = c.data.alloc(n), far.inbound.alloc(n, align=64, offset=self.rng.randrange(64))
        self.cpu(c.node, c.t, src, self.rng.randbytes(n))
        return Desc(Op.WRITE, flags, tag, n, c.local(src), c.far_addr(far, dst))

    def read(self, c: RefChannel, n: int, flags: int = 0, tag: int = 0) -> Desc:
        far = self.far(c)
        src, dst = far.inbound.alloc(n), c.data.alloc(n, align=64, offset=self.rng.randrange(64))
        self.cpu(far.node, c.t, src, self.rng.randbytes(n))
        return Desc(Op.READ, flags, tag, n, c.far_addr(far, src), c.local(dst))

    def write_imm(self, c: RefChannel, n: int, flags: int = 0, tag: int = 0) -> Desc:
        d = self.write(c, max(n, 1), flags, tag)
        addr = {} if n else {"src": self.rng.getrandbits(64), "dst": self.rng.getrandbits(64)}
        return replace(
            d, opcode=Op.WRITE_IMM, length=n, operand=self.rng.getrandbits(64), **addr
        )

    def atomic(self, c: RefChannel, cell: int, add: int, swap: int | None = None, tag: int = 0) -> list[Desc]:
        """Slots of a FETCH_ADD, or of a CMP_SWAP; `cell` lies in the peer's memory."""
        op = Op.FETCH_ADD if swap is None else Op.CMP_SWAP
        result = c.data.alloc(8, align=64, offset=self.rng.randrange(64))
        d = Desc(op, 0, tag, 8, c.local(result), c.far_addr(self.far(c), cell), add)
        return [d] if swap is None else [d, Desc(Op.EXT, operand=swap)]

    def submit(self, c: RefChannel, descs: list[Desc]) -> None:
        """Publish and run, as many at a time as the ring takes."""
        todo = list(descs)
        while todo:
            k = min(len(todo), self.rng.randint(1, c.dring.size - 1), c.dring.free)
            if todo[k - 1].opcode == Op.CMP_SWAP:  # both slots with one doorbell
                k += 1 if k < c.dring.free else -1
            batch, todo = todo[:k], todo[k:]
            for d in batch:
                self.cpu(c.node, c.t, c.dring.addr(c.dring.prod), d.pack())
                c.dring.prod = (c.dring.prod + 1) % c.dring.size
            c.t += 1
            self.reg(c.node, c.t, regmap.guest(c.number, "DRING_PROD"), c.dring.prod, c.func)
            self.run(c)

    # engine ------------------------------------------------------------------------------------
    def lat(self) -> int:
        return self.rng.randint(1, 30)

    def axi_read(
        self, node: RefNode, t: int, ident: int, start: int, n: int, user: int
    ) -> tuple[int, bytes, int]:
        """(time of the last beat, the bytes, the response)."""
        beat = node.params.beat
        base = start - start % beat
        beats = touched_beats(start, n, beat)
        data = node.mem.read(base, beats * beat)
        resp = node.mem.response(start, n, write=False)
        end = t + self.lat()
        self.emit(end, AxiRead(node.name, t, end, ident, base, beats, beat, user, data, resp))
        return end, data[start - base : start - base + n], resp

    def axi_write(
        self, node: RefNode, t: int, ident: int, start: int, data: bytes, user: int
    ) -> tuple[int, int]:
        """(time of the response, the response)."""
        beat = node.params.beat
        beats = to_beats(start, data, beat)
        resp = node.mem.response(start, len(data), write=True)
        if resp == OKAY:
            node.mem.write(start, data)
        t_data = t + len(beats)
        t_resp = t_data + self.lat()
        strb = sum(s << i * beat for i, (_, s) in enumerate(beats))
        self.emit(
            t_resp,
            AxiWrite(
                node.name,
                t,
                t_data,
                t_resp,
                ident,
                start - start % beat,
                len(beats),
                beat,
                user,
                b"".join(d for d, _ in beats),
                strb,
                resp,
            ),
        )
        return t_resp, resp

    def plan(self, c: RefChannel, d: Desc) -> Plan:
        far = self.far(c)
        return check_descriptor(
            d,
            Ctx(
                c.number,
                c.node.table,
                False,
                True,
                Far(far.node.table, far.number, 0),
                c.node.params.ops,
            ),
        )

    def run(self, c: RefChannel) -> None:
        """Fetch and execute all that is published."""
        node = c.node
        for addr, n in fetch_bursts(c.dring, c.dring.cons, c.dring.used, 256):
            # A beat may be wider than a descriptor: the burst covers its neighbour too.
            end, _, _ = self.axi_read(node, c.t + 1, 0, addr, n * DESC.size, c.func)
            c.t = end + 1
        ready: list[tuple[Cqe, int]] = []
        while c.dring.used:
            d = c.dring.take(node.mem)
            if d.flag(DescFlag.FENCE):  # earlier completions have been written
                self.post(c, ready)
                ready = []
                c.t = max(c.t, c.floor)
            ext = c.dring.take(node.mem) if d.opcode == Op.CMP_SWAP else None
            cqe, done = self.execute(c, d, ext)
            c.floor = done = max(done, c.floor)  # in order, silent ones too
            if cqe.status or not d.flag(DescFlag.NO_CPL):
                ready.append((cqe, done))
            if self.rng.random() < 0.4:
                self.post(c, ready)
                ready = []
            if c.stop and cqe.status:
                c.dring.cons = c.dring.prod
                break
        self.post(c, ready)

    def execute(self, c: RefChannel, d: Desc, ext: Desc | None = None) -> tuple[Cqe, int]:
        plan = self.plan(c, d)
        status, nbytes, t = int(plan.status), 0, c.t
        done = t
        if d.flag(DescFlag.FENCE):
            t = max(t, c.last_resp + 1)
        if plan.ok and d.opcode == Op.WRITE_IMM:
            done = self.tell(c, d, plan, t)
            nbytes = plan.length
        elif plan.ok and d.opcode in ATOMICS:
            done = self.atomically(c, d, ext.operand if ext else None, plan, t)
            nbytes = plan.length
        elif plan.ok and plan.length:
            status, done = (self.fetch if d.opcode == Op.READ else self.move)(c, d, plan, t)
            nbytes = plan.length if not status else 0
        c.t = t + 1
        return Cqe(d.tag, status, dring_cons=c.dring.cons, nbytes=nbytes), done

    def move(self, c: RefChannel, d: Desc, plan: Plan, t: int) -> tuple[int, int]:
        p = c.node.params
        assert plan.dst is not None
        chunks = split_chunks(
            plan.src or 0,
            plan.dst,
            plan.length,
            p.max_burst,
            remote=plan.remote,
            link_mtu=p.link_mtu,
        )
        far = self.far(c)
        where, user, ident = (far.node, far.func, 1) if plan.remote else (c.node, c.func, 0)
        held, held_at, status = b"", plan.dst, 0
        done = ready = t
        for k in chunks:
            t += 1
            if plan.src is None:
                data, at = fill_bytes(d.src, k.n, k.pos), t
            else:
                at, data, resp = self.axi_read(c.node, t, 1, k.src, k.n, c.func)
                if resp and not status:
                    status = int(Status.READ_SLVERR if resp == SLVERR else Status.READ_DECERR)
            if status:
                done = max(done, at)
                continue
            held += data
            ready = max(ready, at)
            end = held_at + len(held)
            stop = end if k.last or k.frame_end and plan.remote else end - end % p.beat
            while held and held_at < stop:
                room = min(stop - held_at, PAGE - held_at % PAGE, p.max_burst)
                resp_t, resp = self.axi_write(where, ready + 1, ident, held_at, held[:room], user)
                c.last_resp = max(c.last_resp, resp_t)
                done = max(done, resp_t)
                if resp and not status:
                    status = int(Status.WRITE_SLVERR if resp == SLVERR else Status.WRITE_DECERR)
                    status |= AT_PEER if plan.remote else 0
                held, held_at = held[room:], held_at + room
        return status, done

    def fetch(self, c: RefChannel, d: Desc, plan: Plan, t: int) -> tuple[int, int]:
        """A READ: requests of LINK_MTU, answered in order, each written as a whole frame."""
        p, far = c.node.params, self.far(c)
        assert plan.src is not None and plan.dst is not None
        done = t
        status = 0
        for r in split_requests(plan.src, plan.length, p.link_mtu):
            t += 1
            data, at, bad = b"", t, 0
            for b in axi_bursts(r.src, r.n, p.max_burst, p.beat):
                n = b.end - b.start
                end, got, resp = self.axi_read(far.node, t, 2, b.start, n, far.func)
                at = max(at, end)
                data += got
                bad = bad or resp
            if bad and not status:
                status = int(Status.READ_SLVERR if bad == SLVERR else Status.READ_DECERR) | AT_PEER
            if status:
                done = max(done, at)
                continue
            for b in axi_bursts(plan.dst + r.pos, r.n, p.max_burst, p.beat):
                part = data[b.start - plan.dst - r.pos : b.end - plan.dst - r.pos]
                resp_t, resp = self.axi_write(c.node, at + 1, 1, b.start, part, c.func)
                done, c.last_resp = max(done, resp_t), max(c.last_resp, resp_t)
                if resp and not status:
                    status = int(Status.WRITE_SLVERR if resp == SLVERR else Status.WRITE_DECERR)
        return status, done

    def atomically(self, c: RefChannel, d: Desc, swap: int | None, plan: Plan, t: int) -> int:
        """An atomic that ends well: behind all earlier data of its channel. One channel a node, so the unit has one at a time."""
        far = self.far(c)
        mem, beat, cell = far.node.mem, c.node.params.beat, plan.src
        assert cell is not None and plan.dst is not None
        base = cell - cell % beat
        t = max(t, c.last_resp + 1)
        end = t + self.lat()
        self.emit(end, AxiRead(far.node.name, t, end, 2 + c.node.params.peers, cell, 1, beat, far.func, mem.read(base, beat), OKAY))
        old = mem.read(cell, 8)
        mem.write(cell, outcome(d.opcode, d.operand, swap, old))
        at, resp = end + 1, end + 1 + self.lat()
        self.emit(resp, AxiWrite(far.node.name, at, at + 1, resp, 1, cell, 1, beat, far.func, mem.read(base, beat),
                                 0xFF << cell - base, OKAY))
        done = resp
        for b in axi_bursts(plan.dst, 8, c.node.params.max_burst, beat):
            done, _ = self.axi_write(c.node, done + 1, 1, b.start, old[b.start - plan.dst : b.end - plan.dst], c.func)
        c.last_resp = max(c.last_resp, done)
        return done

    def tell(self, c: RefChannel, d: Desc, plan: Plan, t: int) -> int:
        """A WRITE_IMM that ends well: behind all earlier data of its channel, an entry at the receiver."""
        far = self.far(c)
        done = self.move(c, d, plan, t)[1] if plan.length else t
        c.last_resp = max(c.last_resp, done)
        entry = Cqe(0, kind=int(CqeKind.IMMEDIATE), nbytes=d.length, immediate=d.operand & 0xFFFFFFFF)
        far.t = max(far.t, c.last_resp)
        self.post(far, [(entry, c.last_resp)])
        return done

    def post(self, c: RefChannel, ready: list[tuple[Cqe, int]]) -> None:
        while ready:
            if not c.cring.free:
                self.consume(c)
            k = min(len(ready), c.cring.free, self.rng.randint(1, 8))
            now, ready = ready[:k], ready[k:]
            c.t = max(c.t, *(d for _, d in now)) + 1
            for b in pack_completions(c.cring, [e for e, _ in now]):
                self.resp_t, _ = self.axi_write(c.node, c.t, 2, b.addr, b.data, c.func)
                c.t = self.resp_t + 1
                c.posted += b.entries

    def consume(self, c: RefChannel) -> None:
        """Software takes all completions."""
        while c.cring.poll(c.node.mem) is not None:
            pass
        self.reg(c.node, c.t, regmap.guest(c.number, "CRING_CONS"), c.cring.cons, c.func)
        c.t += 1

    def random_desc(self, c: RefChannel, tag: int, max_len: int = 3000) -> Desc:
        rng = self.rng
        n = rng.choice([1, 2, 7, 8, 9, 63, 64, 65, 511, 512, 513, rng.randint(1, max_len)])
        flags = rng.choice([0, 0, 0, 1 << DescFlag.FENCE, 1 << DescFlag.IRQ, 1 << DescFlag.NO_CPL])
        kind = rng.random()
        if kind < 0.1:
            return Desc(Op.NOP, flags, tag, rng.randrange(1 << 32))
        if kind < 0.4:
            return self.copy(c, n, flags, tag)
        if kind < 0.6:
            return self.fill(c, n, flags, tag)
        if kind < 0.75:
            return self.write(c, n, flags, tag)
        if kind < 0.9 and Op.READ in c.node.params.ops:
            return self.read(c, n, flags, tag)
        good = self.copy(c, n, flags, tag)
        return Desc(
            **{
                **good.__dict__,
                **rng.choice(
                    [
                        {"opcode": 0x77},
                        {"opcode": int(Op.READ)},
                        {"opcode": int(Op.SEND)},
                        {"flags": 0x80},
                        {"length": 0},
                        {"flags": 1 << DescFlag.NOTIFY},
                        {"src": good.src ^ 1 << 40},
                        {"dst": good.dst | 0xFFF << 52},
                        {"dst": good.src},
                        {"length": SEG_BYTES + 1},
                        {"opcode": int(Op.WRITE)},
                    ]
                ),
            }
        )

    def random_traffic(self, descs: int, max_len: int = 3000) -> None:
        for node in self.nodes.values():
            for c in node.chans:
                some = [
                    self.random_desc(c, self.rng.randrange(1 << 16), max_len) for _ in range(descs)
                ]
                self.submit(
                    c, [*some, Desc(Op.NOP, 0, 0xE0D)]
                )  # the last one reports for all before


def entries_of(e: AxiWrite) -> list[Cqe]:
    """The completion entries of a completion write."""
    first = (e.strb & -e.strb).bit_length() - 1
    n = bin(e.strb).count("1")
    return [Cqe.unpack(e.data[i : i + CQE.size]) for i in range(first, first + n, CQE.size)]
