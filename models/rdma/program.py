# SPDX-License-Identifier: Apache-2.0
"""Random programs for `World`, and somebody who chooses what happens next, disturbances included."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from models.lay import Desc, DescFlag, Op, segaddr
from models.memory import DECERR, SLVERR, Allocator
from models.rdma.checks import Story
from models.rdma.parts import Rules
from models.rdma.world import World
from models.segments import R_ATOMIC, R_LOCAL, R_READ, R_REMOTE, R_WRITE, Segment

SEG = 1 << 16  # bytes of a segment
SRC, DST, INBOUND, BUFFERS, RESULTS, CELLS, KINDS = range(7)
RIGHTS = {
    SRC: R_READ | R_LOCAL | R_REMOTE,
    DST: R_WRITE | R_LOCAL,
    INBOUND: R_WRITE | R_REMOTE,
    BUFFERS: R_WRITE | R_LOCAL,
    RESULTS: R_WRITE | R_LOCAL,
    CELLS: R_ATOMIC | R_WRITE | R_REMOTE | R_LOCAL,
}
N_CELLS = 3
WEIGHTS = {
    Op.NOP: 1,
    Op.COPY: 2,
    Op.FILL: 1,
    Op.WRITE: 5,
    Op.WRITE_IMM: 4,
    Op.READ: 5,
    Op.MIRROR: 4,
    Op.SEND: 5,
    Op.FETCH_ADD: 4,
    Op.CMP_SWAP: 3,
}


@dataclass
class Chaos:
    """Chances a step of what software and the world do."""

    lose: float = 0.0
    revoke: float = 0.0
    abort: float = 0.0
    errors: float = 0.0  # of a segment that has bad memory
    wrong: float = 0.0  # of a descriptor that has something wrong
    receives: float = 0.05  # a buffer is posted
    first_receives: int = 2
    buffer_bytes: tuple[int, ...] = (64, 200, 200, 300, 10)


@dataclass
class Program:
    """A world with descriptors, and its story at the end."""

    seed: int
    names: str = "AB"
    channels: int = 2  # between each two nodes
    length: int = 8  # descriptors a channel
    chaos: Chaos = field(default_factory=Chaos)
    rules: Rules = field(default_factory=Rules)
    ops: dict[int, int] = field(default_factory=lambda: dict(WEIGHTS))

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.world = w = World(self.names, self.rules)
        self.peers: dict[tuple[str, int], tuple[str, int]] = {}
        self.address: dict[tuple[str, int], int] = {}
        self.buffers: dict[tuple[str, int], list[tuple[int, int, int]]] = {}
        self.alloc: dict[tuple[str, int], Allocator] = {}
        self.cells = {n: [0x10_0000_0000 + 8 * k for k in range(N_CELLS)] for n in self.names}
        for i, a in enumerate(self.names):
            for b in self.names[i + 1 :]:
                for _ in range(self.channels):
                    ka, kb = len(w.nodes[a].chans), len(w.nodes[b].chans)
                    w.bind(a, ka, b, kb)
                    self.peers[a, ka], self.peers[b, kb] = (b, kb), (a, ka)
        for name, ch in self.peers:
            self.set_up(name, ch)
        for key in self.peers:
            for _ in range(self.chaos.first_receives):
                self.receive(*key)
        for key in self.peers:
            self.world.publish(*key, *self.descriptors(*key))
        self.begin = {n: x.mem.copy() for n, x in w.nodes.items()}

    def seg(self, ch: int, kind: int) -> int:
        return ch * KINDS + kind

    def set_up(self, name: str, ch: int) -> None:
        n = self.world.nodes[name]
        for kind, rights in RIGHTS.items():
            k = self.seg(ch, kind)
            base = self.cells[name][0] if kind == CELLS else (k + 1) * 2 * SEG
            n.table.set(k, Segment(True, base, 8 * N_CELLS if kind == CELLS else SEG, rights, ch))
            self.address[name, k] = base
            self.alloc[name, k] = Allocator(base, base + SEG, gap=16)
            if kind == SRC:
                n.mem.write(base, self.rng.randbytes(SEG))
            if kind != CELLS and self.rng.random() < self.chaos.errors:
                for _ in range(4 if kind == SRC else 1):
                    bad = base + self.rng.randrange(600)
                    resp = self.rng.choice((SLVERR, DECERR))
                    n.mem.add_error(bad, bad + 8, resp)
        if ch == 0:
            for c in self.cells[name]:
                n.mem.write(c, self.rng.randrange(4).to_bytes(8, "little"))

    # descriptors -------------------------------------------------------------------------------
    def place(self, name: str, ch: int, kind: int, size: int) -> int:
        """A fresh segment address."""
        k = self.seg(ch, kind)
        addr = self.alloc[name, k].alloc(max(size, 1), align=8 if kind == CELLS else 1)
        return segaddr(k, 0, addr - self.address[name, k])

    def source(self, ch: int, size: int) -> int:
        return segaddr(self.seg(ch, SRC), 0, self.rng.randrange(min(800, SEG - size)))

    def cell(self, ch: int) -> int:
        return segaddr(self.seg(ch, CELLS), 0, 8 * self.rng.randrange(N_CELLS))

    def receive(self, name: str, ch: int) -> None:
        """Software posts a buffer."""
        posted = self.buffers.setdefault((name, ch), [])
        length = self.rng.choice(self.chaos.buffer_bytes)
        tag = len(posted)
        address = self.place(name, ch, BUFFERS, length)
        posted.append((tag, address, length))
        self.world.post_recv(name, ch, tag, address, length)

    def descriptors(self, name: str, ch: int) -> list[Desc]:
        out: list[Desc] = []
        for k in range(self.length):
            out += self.one(name, ch, k)
        return [*out, Desc(Op.NOP, 1 << DescFlag.FENCE, 0xE0D)]

    def one(self, name: str, ch: int, tag: int) -> list[Desc]:
        rng = self.rng
        far, far_ch = self.peers[name, ch]
        op = rng.choices(list(self.ops), list(self.ops.values()))[0]
        mtu = self.rules.mtu
        n = rng.choice((1, 7, 8, mtu - 1, mtu, mtu + 1, rng.randint(1, 3 * mtu)))
        flags = 0
        if rng.random() < 0.4:
            flags |= (rng.random() < 0.4) << DescFlag.FENCE | (rng.random() < 0.3) << DescFlag.NO_CPL
            if op in (Op.WRITE, Op.WRITE_IMM, Op.SEND, Op.MIRROR):
                flags |= (rng.random() < 0.5) << DescFlag.NOTIFY
        src = dst = operand = 0
        if op in (Op.WRITE_IMM, Op.SEND):
            n, operand = rng.choice((n, 0)), rng.getrandbits(32)
        if op in (Op.COPY, Op.WRITE, Op.WRITE_IMM, Op.SEND, Op.MIRROR):
            src = self.source(ch, n)
        if op in (Op.COPY, Op.FILL, Op.MIRROR, Op.READ):
            dst = self.place(name, ch, DST, n)
        if op == Op.FILL:
            src = rng.getrandbits(64)
            if rng.random() < 0.4:  # into a cell of this node, in competition with atomics
                n, dst = 8, self.cell(ch)
        if op in (Op.WRITE, Op.WRITE_IMM):
            dst = self.place(far, far_ch, INBOUND, n)
            if rng.random() < 0.3 and op == Op.WRITE:
                n = rng.randint(1, 8)
                dst, src = self.cell(far_ch), self.source(ch, n)
        if op == Op.READ:
            src = segaddr(self.seg(far_ch, SRC), 0, rng.randrange(800))
        if op == Op.MIRROR:
            operand = self.place(far, far_ch, INBOUND, n)
        if op in (Op.FETCH_ADD, Op.CMP_SWAP):
            n, src, dst = 8, self.place(name, ch, RESULTS, 8), self.cell(far_ch)
            operand = rng.choice((1, 2, 3, (1 << 64) - 1, rng.randrange(8)))
        d = Desc(op, flags, tag, n, src, dst, operand)
        if rng.random() < self.chaos.wrong:
            d = self.spoil(d)
        ext = [Desc(Op.EXT, operand=rng.randrange(6))] if d.opcode == Op.CMP_SWAP else []
        if ext and rng.random() < self.chaos.wrong:
            ext = []
        return [d, *ext]

    def spoil(self, d: Desc) -> Desc:
        """Something wrong with it, found here or at the peer."""
        fields = dict(d.__dict__)
        what = self.rng.choice(("src", "dst", "operand", "length", "flags", "opcode", "gen", "far"))
        if what == "gen":
            fields["src" if self.rng.random() < 0.5 else "dst"] ^= 1 << 40
        elif what == "length":
            fields["length"] = self.rng.choice((0, 1 << 20, 9))
        elif what == "flags":
            fields["flags"] = 0x40
        elif what == "opcode":
            fields["opcode"] = self.rng.choice((0x55, int(Op.EXT)))
        elif what == "far":
            fields["dst"] = segaddr(60, 0, 8)
        else:
            fields[what] ^= self.rng.choice((1 << 59, 1 << 15, 1, 1 << 60))
        return Desc(**fields)

    # running -----------------------------------------------------------------------------------
    def disturb(self) -> None:
        """What may happen between two steps."""
        rng, w, c = self.rng, self.world, self.chaos
        if rng.random() < c.lose:
            a, b = rng.sample(self.names, 2)
            w.lose(a, b)
        if rng.random() < 0.05:
            a, b = rng.sample(self.names, 2)
            w.restore(a, b)
        if rng.random() < c.revoke:
            name, ch = rng.choice(list(self.peers))
            w.revoke(name, self.seg(ch, rng.choice((SRC, DST, INBOUND, BUFFERS, RESULTS, CELLS))))
        if rng.random() < c.abort:
            w.abort(*rng.choice(list(self.peers)))
        if rng.random() < 0.02:
            w.enable(*rng.choice(list(self.peers)))
        if rng.random() < c.receives:
            key = rng.choice(list(self.peers))
            if len(self.buffers.get(key, ())) < 40 and w.nodes[key[0]].chans[key[1]].active:
                self.receive(*key)

    def run(self, limit: int = 30_000) -> Story:
        """Until nothing can happen any more; then links are mended and it goes on to the end."""
        w, calm = self.world, 0
        lazy = self.rng.random() < 0.3  # some choices are starved for long
        for _ in range(limit):
            if self.rng.random() < 0.5 and not calm:
                self.disturb()
            steps = w.steps()
            if not steps or (not calm and w.t > limit // 3):
                calm += 1
                for i, a in enumerate(self.names):
                    for b in self.names[i + 1 :]:
                        w.restore(a, b)
                if not steps and calm > 2 and not w.steps():
                    break
                continue
            k = self.rng.randrange(len(steps))
            if lazy:
                k = min(k, self.rng.randrange(len(steps)))
            w.t += 1
            steps[k][1]()
        return self.story()

    def story(self) -> Story:
        end = {n: x.mem for n, x in self.world.nodes.items()}
        return Story(
            self.world.trace,
            self.begin,
            end,
            self.peers,
            self.address,
            self.buffers,
            self.cells,
            self.rules.rnr_count,
            self.rules.completions,
        )
