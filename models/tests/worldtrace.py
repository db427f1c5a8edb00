# SPDX-License-Identifier: Apache-2.0
"""What monitors would see of a `models.rdma` program: the same story as events for `Pair`, frames and registers included.

The executable specification takes its steps in any order, so `Pair` meets every legal interleaving; and whatever
breaks a promise of the specification, has to be noticed here too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MethodType

from models import regmap
from models.blocks import axi_bursts, read_bursts, split_chunks, to_beats, touched_beats
from models.events import (
    AxiRead,
    AxiWrite,
    CpuWrite,
    Event,
    Fault,
    LinkFrame,
    LinkState,
    RegRead,
    RegWrite,
)
from models.frame import Frame as WireFrame
from models.lay import CQE, DESC, Cmd, Cqe, CqeKind, Desc, FrameFlag, FrameType, Op, State, Status
from models.memory import OKAY, Memory
from models.ops import MODELLED
from models.pair import NodeParams, Pair
from models.rdma.parts import Access, Frame, Node, OpRun, Placed, Posted, Rules, Seen
from models.rdma.program import Chaos, Program
from models.ring import Ring
from models.segments import R_LOCAL, R_RING, Segment

RULES = Rules(burst=64, completions=3)  # one burst a frame; a ring of four entries
DLOG2, CLOG2, RLOG2 = 6, 2, 6
RING_SEG, RING_BASE, RING_STEP = 40, 0x40_0000_0000, 0x1_0000
CRING, RRING = 0x4000, 0x8000
BEAT = 8
KINDS = {"immediate": CqeKind.IMMEDIATE, "receive": CqeKind.RECEIVE, "descriptor": CqeKind.DESCRIPTOR}
PARAMS = NodeParams(64, 2, 64, 1, 512, RULES.mtu, rx_shared=1 << 20, ops=MODELLED)


@dataclass
class RingView:
    """What software knows of a channel in its present life."""

    posted: int = 0
    buffers: int = 0
    received: int = 0


@dataclass
class Teller:
    """Turns the trace of a program into events. Attach before `run`."""

    program: Program
    frames: bool = True
    hold_id: int = 1  # of the writes of a MIRROR's copy here
    events: list[tuple[int, int, Event]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.world = self.program.world
        self.shadow = {n: m.copy() for n, m in self.program.begin.items()}
        self.granted: dict[Access, int] = {}
        self.read_whole: set[OpRun] = set()
        self.views: dict[tuple[str, int], RingView] = {k: RingView() for k in self.program.peers}
        self.revokes: dict[str, list[tuple[tuple[int, int], bool]]] = {n: [] for n in self.world.nodes}
        self.table = {n: dict(x.table.table) for n, x in self.world.nodes.items()}
        self.seq: dict[tuple[str, int], int] = {}
        self._watch()

    # the wire ----------------------------------------------------------------------------------
    def _watch(self) -> None:
        """Frames as they are handed to the link, in both directions."""
        w = self.world
        put, respond = w.put, w.respond

        def put_seen(self, n: Node, c, o: OpRun, **fields: object) -> None:
            put(n, c, o, **fields)
            self.see("wire", n.name, c.number, info=self.session(n.name, c.peer).req[n.name][-1])

        def respond_seen(self, n: Node, p: Placed, *more: object) -> None:
            queue = self.session(n.name, p.peer).rsp[n.name]
            before = len(queue)
            respond(n, p, *more)
            if len(queue) > before:
                self.see("wire", n.name, info=queue[-1])

        w.put = MethodType(put_seen, w)  # type: ignore[method-assign]
        w.respond = MethodType(respond_seen, w)  # type: ignore[method-assign]

    def wire(self, src: str, f: Frame) -> bytes:
        marks = {FrameFlag.FIRST: f.first, FrameFlag.LAST: f.last, FrameFlag.CANCEL: f.cancel, FrameFlag.NOTIFY: f.notify,
                 FrameFlag.SWAP: f.operand1 is not None}
        rsp = f.type in (FrameType.OP_ACK, FrameType.OP_NAK, FrameType.OP_PERMIT, FrameType.READ_DATA)
        window = 2 if rsp and f.type != FrameType.READ_DATA else 1
        seq = self.seq.get((src, window), 0)
        self.seq[src, window] = seq + 1
        return WireFrame(
            f.type,
            flags=0 if rsp else sum(on << bit for bit, on in marks.items()),
            status=f.status,
            src_ch=f.ch,
            dst_ch=f.to,
            tag=f.tag & 0xFFFF,
            op_seq=f.seq,
            link_seq=seq & 0xFFFF,
            segaddr=f.addr,
            total_len=f.total,
            offset=f.offset,
            operand0=f.ask or f.operand0,
            operand1=f.operand1 or 0,
            payload=f.data,
        ).build(BEAT)

    # events ------------------------------------------------------------------------------------
    def emit(self, t: int, e: Event) -> None:
        self.events.append((t, len(self.events), e))

    def reg(self, node: str, t: int, addr: int, value: int, func: int = 0) -> None:
        self.emit(t, RegWrite(node, t, func, addr, value))

    def cpu(self, node: str, t: int, addr: int, data: bytes) -> None:
        self.shadow[node].write(addr, data)
        self.emit(t, CpuWrite(node, t, addr, data))

    def read(self, node: str, t: int, ident: int, start: int, size: int, user: int) -> None:
        mem = self.shadow[node]
        resp = self.world.nodes[node].mem.response(start, size, write=False)
        for b in axi_bursts(start, size, 512, BEAT):
            data = mem.read(b.addr, b.beats * BEAT)
            self.emit(t + 1, AxiRead(node, t, t + 1, ident, b.addr, b.beats, BEAT, user, data, resp))

    def write(self, node: str, t: int, t_resp: int, ident: int, start: int, data: bytes, user: int, resp: int = OKAY) -> None:
        for b in axi_bursts(start, len(data), 512, BEAT):
            part = data[b.start - start : b.end - start]
            beats = to_beats(b.start, part, BEAT)
            strb = sum(s << i * BEAT for i, (_, s) in enumerate(beats))
            raw = b"".join(d for d, _ in beats)
            self.emit(t_resp, AxiWrite(node, t, t, t_resp, ident, b.addr, len(beats), BEAT, user, raw, strb, resp))
        if resp == OKAY:
            self.shadow[node].write(start, data)

    def user(self, ch: int) -> int:
        return ch + 1

    # set-up ------------------------------------------------------------------------------------
    def ring(self, ch: int, part: int) -> int:
        return RING_BASE + ch * RING_STEP + part

    def segment(self, node: str, t: int, index: int, s: Segment) -> None:
        for name, value in (("SEG_BASE", s.base), ("SEG_SIZE", s.size),
                            ("SEG_CTRL", regmap.seg_ctrl(s.rights, s.channel, s.peer, s.gen, s.valid))):
            self.reg(node, t, regmap.seg(index, name), value)

    def enable(self, node: str, ch: int, t: int) -> None:
        at = Segment(True, RING_BASE, 2 * RING_STEP, R_RING | R_LOCAL, ch)
        self.segment(node, t, RING_SEG + ch, at)
        for name, part, log2 in (("DRING", 0, DLOG2), ("CRING", CRING, CLOG2), ("RRING", RRING, RLOG2)):
            place = (RING_SEG + ch) << 52 | ch * RING_STEP + part
            self.reg(node, t, regmap.guest(ch, f"{name}_BASE"), place, self.user(ch))
            self.reg(node, t, regmap.guest(ch, f"{name}_SIZE"), log2, self.user(ch))
        self.reg(node, t, regmap.guest(ch, "CTRL"), int(Cmd.ENABLE), self.user(ch))
        self.views[node, ch] = RingView()

    def set_up(self) -> None:
        for node, begin in self.program.begin.items():
            for start, end in begin.touched():
                self.emit(0, CpuWrite(node, 0, start, begin.read(start, end - start)))
            self.emit(1, LinkState(node, 1, 0, True))
            self.reg(node, 1, regmap.peer(0, "PEER_CTRL"), regmap.peer_ctrl(1))
            for index, s in self.first_table[node].items():
                self.segment(node, 1, index, s)
        for node, ch in self.program.peers:
            self.reg(node, 2, regmap.chan(ch, "CH_OWNER"), regmap.ch_owner(self.user(ch)))
            self.reg(node, 2, regmap.chan(ch, "CH_POLICY"), regmap.ch_policy())
            self.reg(node, 2, regmap.chan(ch, "CH_BIND"), regmap.ch_bind(self.program.peers[node, ch][1], 0))
            self.enable(node, ch, 3)
            descs = self.world.nodes[node].chans[ch].ring
            raw = b"".join(d.pack() for d in descs)
            assert len(descs) < 1 << DLOG2
            self.cpu(node, 4, self.ring(ch, 0), raw)
            self.reg(node, 5, regmap.guest(ch, "DRING_PROD"), len(descs), self.user(ch))
            self.read(node, 6, 0, self.ring(ch, 0), len(raw), self.user(ch))

    def image(self, node: str) -> Memory:
        """The world's memory, with the rings as software and engine have written them."""
        out = self.world.nodes[node].mem.copy()
        size = 4 * RING_STEP
        out.write(RING_BASE, self.shadow[node].read(RING_BASE, size))
        return out

    # the story ---------------------------------------------------------------------------------
    def tell(self) -> list[Event]:
        self.first_table = self.table
        self.set_up()
        for k, e in enumerate(self.world.trace):
            t = 10 * (k + 2)
            handler = getattr(self, "on_" + e.what.replace(" ", "_"), None)
            if handler is not None:
                handler(e, t)
        return [e for _, _, e in sorted(self.events, key=lambda x: x[:2])]

    def on_wire(self, e: Seen, t: int) -> None:
        if self.frames:
            other = "B" if e.node == "A" else "A"
            self.emit(t, LinkFrame(e.node, other, t, self.wire(e.node, e.info)))

    def on_buffer(self, e: Seen, t: int) -> None:
        tag, addr, length = e.info
        v = self.views[e.node, e.ch]
        at = self.ring(e.ch, RRING) + v.buffers % (1 << RLOG2) * DESC.size
        self.cpu(e.node, t, at, Desc(Op.RECV, 0, tag, length, 0, addr).pack())
        v.buffers += 1
        self.reg(e.node, t + 1, regmap.guest(e.ch, "RRING_PROD"), v.buffers % (1 << RLOG2), self.user(e.ch))
        self.read(e.node, t + 2, 0, at, DESC.size, self.user(e.ch))

    def on_read(self, e: Seen, t: int) -> None:
        o, (addr, size) = e.op, e.info
        if o.op == Op.COPY:
            if o in self.read_whole:
                return
            self.read_whole.add(o)
            src = addr
            for b in read_bursts(split_chunks(src, o.desc.dst & (1 << 40) - 1, o.desc.length, 512), BEAT):
                self.read(e.node, t, 1, b.start, b.end - b.start, self.user(e.ch))
            return
        self.read(e.node, t, 1 if o.node == e.node else 2, addr, size, self.user(e.ch))

    def on_issue(self, e: Seen, t: int) -> None:
        self.granted[e.access] = t

    def on_write(self, e: Seen, t: int) -> None:
        a = e.access
        there = a.kind in ("target", "atomic")
        ident = {"local": 0, "hold": self.hold_id}.get(a.kind, 1)
        ch = a.after.frame.to if there else a.op.ch
        resp = self.world.nodes[a.node].mem.response(a.addr, len(a.data), write=True)
        self.write(e.node, self.granted[a] + 2, t, ident, a.addr, a.data, self.user(ch), resp)

    def on_atomic(self, e: Seen, t: int) -> None:
        d = e.op.desc
        cell = self.program.address[e.node, d.dst >> 52] + (d.dst & (1 << 40) - 1)
        assert touched_beats(cell, 8, BEAT) == 1
        self.read(e.node, t, 3, cell, 8, self.user(e.ch))

    def on_posted(self, e: Seen, t: int) -> None:
        p: Posted = e.info
        v = self.views[e.node, e.ch]
        cons = 0
        if p.kind == "receive":
            v.received += 1
            cons = v.received % (1 << RLOG2)
        elif p.kind == "descriptor":
            two = p.op.op == Op.CMP_SWAP and p.status != Status.BAD_EXT
            cons = (p.op.n + 1 + two) % (1 << DLOG2)
        at = self.ring(e.ch, CRING) + v.posted % (1 << CLOG2) * CQE.size
        phase = 1 ^ (v.posted >> CLOG2 & 1)
        v.posted += 1
        entry = Cqe(p.tag, int(p.status), int(KINDS[p.kind]), phase, cons, p.status2, p.nbytes, p.immediate)
        self.write(e.node, t, t + 1, 2, at, entry.pack(), self.user(e.ch))

    def on_consumed(self, e: Seen, t: int) -> None:
        value = self.views[e.node, e.ch].posted % (1 << CLOG2)
        self.reg(e.node, t, regmap.guest(e.ch, "CRING_CONS"), value, self.user(e.ch))

    def on_revoke(self, e: Seen, t: int) -> None:
        index, gen = e.info
        old = self.table[e.node][index]
        new = Segment(old.valid, old.base, old.size, old.rights, old.channel, old.peer, gen + 1)
        self.table = {**self.table, e.node: {**self.table[e.node], index: new}}
        self.segment(e.node, t, index, new)
        self.revokes[e.node].append((e.info, False))
        self.reg(e.node, t + 1, regmap.node("REVOKE"), len(self.revokes[e.node]))

    def on_revoked(self, e: Seen, t: int) -> None:
        """ACK shows the newest request before which all are over."""
        asked = self.revokes[e.node]
        asked[asked.index((e.info, False))] = (e.info, True)
        over = next((i for i, (_, done) in enumerate(asked) if not done), len(asked))
        if over:
            self.emit(t, RegRead(e.node, t, 0, regmap.node("REVOKE"), over | over << 32))

    def on_lost(self, e: Seen, t: int) -> None:
        self.emit(t, Fault("A", t, "link_down", 0))
        for node in "AB":
            self.emit(t, LinkState(node, t, 0, False))

    def on_up(self, e: Seen, t: int) -> None:
        self.emit(t, Fault("A", t, "link_clean", 0))
        self.seq.clear()
        for node in "AB":
            self.emit(t, LinkState(node, t, 0, True))

    def on_abort(self, e: Seen, t: int) -> None:
        self.reg(e.node, t, regmap.guest(e.ch, "CTRL"), int(Cmd.ABORT), self.user(e.ch))

    def on_disabled(self, e: Seen, t: int) -> None:
        where = regmap.guest(e.ch, "STATUS")
        self.emit(t + 2, RegRead(e.node, t + 2, self.user(e.ch), where, int(State.DISABLED), t + 2))

    def on_enabled(self, e: Seen, t: int) -> None:
        self.enable(e.node, e.ch, t)


def program(seed: int, chaos: Chaos | None = None, **more: object) -> tuple[Program, Teller]:
    """A random program of two nodes, watched."""
    more = {"channels": 2, **more}
    p = Program(seed, "AB", chaos=chaos or Chaos(), rules=RULES, **more)  # type: ignore[arg-type]
    return p, Teller(p)


def judge(p: Program, events: list[Event], params: NodeParams = PARAMS) -> Pair:
    pair = Pair({n: params for n in "AB"}, [(("A", 0), ("B", 0))], strict=False)
    for e in events:
        pair.feed(e)
        if len(pair.errors) > 20:
            break
    return pair


assert Ring.alignment(DLOG2, DESC.size) <= CRING
