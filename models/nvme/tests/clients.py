# SPDX-License-Identifier: Apache-2.0
"""Several clients and a hostile one use a controller together. A shadow memory and shadow namespaces, kept here with
what the clients meant and no model of hardware, must agree with the real ones byte for byte."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from models.layout import NvmeAdminOp, NvmeCqe, NvmeDsm, NvmeIoOp, NvmeSqe
from models.layout import NvmeStatus as S
from models.memory import Memory, report
from models.nvme.controller import Completed, Controller, Executed, MemWrite
from models.nvme.identify import ALL, Identity
from models.nvme.namespace import Namespace
from models.nvme.prp import PRP_LIST, QUEUE, SINK, SOURCE
from models.nvme.tests.host import CC, CSTS, ENABLED, NSSR, PAGE, Bus, Driver, Pair, grant_bytes, io

DATA_OPS = (NvmeIoOp.READ, NvmeIoOp.WRITE, NvmeIoOp.COMPARE)
DEPTH = 7  # entries less one
SQ, CQ, SQ2, LISTS, DATA, PAGES = 0, 1, 2, 4, 8, 28  # pages of an arena
SEEDS = st.integers(0, 1 << 32)


class Both:
    """What software stores goes to the memory and to its shadow."""

    def __init__(self, mem: Memory, shadow: Memory) -> None:
        self.mem, self.shadow = mem, shadow
        self.read = mem.read

    def write(self, addr: int, data: bytes) -> None:
        self.mem.write(addr, data)
        self.shadow.write(addr, data)


@dataclass
class Meant:
    """A command as its client means it."""

    op: NvmeIoOp
    nsid: int
    slba: int
    blocks: int
    pages: list[int]
    parts: list[tuple[int, int]]  # memory, in order
    status: int | None = None  # once executed
    posted: bool = False


@dataclass
class Client:
    """One owner with its arena, its blocks and its queues."""

    name: str
    owner: int
    func: int
    qids: tuple[int, ...]
    nsid: int
    first: int
    blocks: int
    base: int
    alive: bool = False
    pairs: list[Pair] = field(default_factory=list)
    meant: dict[tuple[int, int], Meant] = field(default_factory=dict)
    free: set[int] = field(default_factory=set)
    slots: set[int] = field(default_factory=set)
    cid: int = 0

    def page(self, n: int) -> int:
        return self.base + n * PAGE

    def begin(self) -> None:
        """New queues in an arena that nobody uses."""
        self.meant.clear()
        self.free = set(range(DATA, PAGES))
        first = Pair(self.qids[0], self.page(SQ), self.page(CQ), DEPTH, self.func)
        self.pairs = [first]
        for qid in self.qids[1:]:
            self.pairs.append(Pair(qid, self.page(SQ2), self.page(CQ), DEPTH, self.func, first.qid))

    def ranges(self) -> list[tuple[int, int, int]]:
        return [
            (self.page(SQ), 4, QUEUE),
            (self.page(LISTS), 1, PRP_LIST),
            (self.page(DATA), PAGES - DATA, SOURCE | SINK),
        ]

    @property
    def cq(self) -> tuple[int, int]:
        return self.page(CQ), (DEPTH + 1) * NvmeCqe.SIZE


class Hostile(Client):
    """Its grant has pages of each right."""

    def ranges(self) -> list[tuple[int, int, int]]:
        return [
            (self.page(SQ), 4, QUEUE),
            (self.page(LISTS), 1, PRP_LIST),
            (self.page(DATA), 8, SOURCE | SINK),
            (self.page(DATA + 8), 1, SOURCE),
            (self.page(DATA + 9), 1, SINK),
        ]


class Clients(RuleBasedStateMachine):
    """`make` is what is tested."""

    make = Controller

    def __init__(self) -> None:
        super().__init__()
        bus = Bus()
        self.mem, self.shadow = bus.mem, Memory("shadow")
        self.namespaces = [Namespace(1, 512, 9, 0x1000_0000), Namespace(2, 64, 12, 0x2000_0000)]
        self.flat = {n.nsid: bytearray(n.blocks << n.shift) for n in self.namespaces}
        me = Identity(queues=6, vectors=4)
        self.ctl = self.make(me, self.namespaces, bus.read, bus.write)
        self.d = Driver(self.ctl, Both(self.mem, self.shadow))
        arena = iter(range(0x100_0000, 0x900_0000, 0x100_0000))
        self.kernel = Client("kernel", 0, 0, (1,), 1, 0, 128, next(arena))
        self.shared = Client("shared", 7, 3, (2, 3), 1, 128, 128, next(arena))
        self.large = Client("large", 8, 4, (4,), 2, 8, 56, next(arena))
        self.hostile = Hostile("hostile", 9, 5, (5,), 1, 256, 64, next(arena))
        self.good = [self.kernel, self.shared, self.large]
        self.everybody = [*self.good, self.hostile]
        for c in self.everybody:  # nobody's memory is empty
            self.d.mem.write(c.base, random.Random(c.owner).randbytes(PAGES * PAGE))
        for n in self.namespaces:
            data = random.Random(n.nsid).randbytes(n.blocks << n.shift)
            n.write(0, data)
            self.flat[n.nsid][:] = data
        self.compared = 0
        self.count = 0
        self.bring_up()

    def rng(self, seed: int) -> random.Random:
        """Drawn seeds are often the same one."""
        self.count += 1
        return random.Random(f"{seed} {self.count}")

    # set-up -----------------------------------------------------------------------------------
    def bring_up(self) -> None:
        self.d.enable()
        assert self.d.ready
        self.d.try_do(self.d.admin, NvmeSqe(opc=NvmeAdminOp.ASYNC_EVENT, cid=0xF000))
        for c in self.everybody:
            self.create(c)

    def create(self, c: Client) -> None:
        c.begin()
        for q in c.pairs:
            if c.owner:
                raw = grant_bytes(c.owner, c.func, c.nsid, c.first, c.blocks, c.ranges())
                assert self.d.grant(q.qid, raw).status == S.SUCCESS
        self.d.create(c.pairs[0], vec=1)
        for q in c.pairs[1:]:
            assert self.d.create_sq(q).status == S.SUCCESS
        c.alive = True
        self.look()

    def gone(self, c: Client) -> None:
        """Its queues are no more; from now on nothing may be written for it."""
        self.look()
        c.alive = False
        c.meant.clear()

    # what was seen ----------------------------------------------------------------------------
    def client_of(self, qid: int) -> Client | None:
        return next((c for c in self.everybody if qid in c.qids), None)

    def look(self) -> None:
        """Events in their order, each with its effect on the shadows."""
        for e in self.ctl.take_events():
            if isinstance(e, MemWrite) and e.why == "entry":
                self.entry(e)
            elif isinstance(e, MemWrite) and e.why == "admin":
                assert self.d.buffer <= e.addr < self.d.buffer + 4 * PAGE
                self.shadow.write(e.addr, e.data)
            elif isinstance(e, MemWrite) and e.func == self.hostile.func:
                self.hostile_write(e)
            elif isinstance(e, Executed):
                self.executed(e)
            elif isinstance(e, Completed):
                c = self.client_of(e.entry.sqid)
                if c is not None and c is not self.hostile:
                    m = c.meant[e.entry.sqid, e.entry.cid]
                    assert not m.posted, "completed twice"
                    m.posted = True
                    if m.status is None:
                        assert e.entry.status == S.SQ_DELETED
                        m.status = S.SQ_DELETED
                    assert e.entry.status == m.status

    def entry(self, e: MemWrite) -> None:
        """Entries only in the completion queue of who rings it."""
        places = [(c.cq, c.func) for c in self.everybody if c.alive]
        places += [((self.d.admin.cq, PAGE), 0)]
        at, end = e.addr, e.addr + len(e.data)
        inside = [f for (base, n), f in places if base <= at and end <= base + n]
        assert inside == [e.func], f"an entry at {at:#x} for function {e.func}"
        self.shadow.write(at, e.data)

    def hostile_write(self, e: MemWrite) -> None:
        end = e.addr + len(e.data)
        right = [b for b, n, r in self.hostile.ranges() if r & SINK and b <= e.addr and end <= b + n * PAGE]
        assert self.hostile.alive and right, f"the hostile client wrote to {e.addr:#x}"
        self.shadow.write(e.addr, e.data)

    def executed(self, e: Executed) -> None:
        c = self.client_of(e.sqid)
        assert c is not None and c.alive, "a command of a queue that is gone"
        if c is self.hostile:  # in its own blocks it may do what it likes
            ns = self.namespaces[0]
            mine = slice(c.first << ns.shift, c.first + c.blocks << ns.shift)
            self.flat[1][mine] = ns.peek(c.first, c.blocks)
            return
        m = c.meant[e.sqid, e.sqe.cid]
        assert m.status is None, "executed twice"
        m.status = self.effect(m)
        assert e.outcome.status == m.status, f"{S(e.outcome.status).name}, not {S(m.status).name}: {m}"

    def effect(self, m: Meant) -> S:
        """What the client meant, on the shadows."""
        shift = self.namespaces[m.nsid - 1].shift
        flat = self.flat[m.nsid]
        here = slice(m.slba << shift, m.slba + m.blocks << shift)
        if m.op in (NvmeIoOp.WRITE, NvmeIoOp.COMPARE):
            data = b"".join(self.shadow.read(a, n) for a, n in m.parts)
            if m.op == NvmeIoOp.COMPARE:
                return S.SUCCESS if data == flat[here] else S.COMPARE_FAILURE
            flat[here] = data
        elif m.op == NvmeIoOp.READ:
            data = bytes(flat[here])
            for a, n in m.parts:
                self.shadow.write(a, data[:n])
                data = data[n:]
        elif m.op in (NvmeIoOp.WRITE_ZEROES, NvmeIoOp.DSM):
            flat[here] = bytes(m.blocks << shift)
        return S.SUCCESS

    # good clients -----------------------------------------------------------------------------
    @rule(who=st.integers(0, 2), number=st.integers(1, 4), ring=st.booleans(), seed=SEEDS)
    def submit(self, who: int, number: int, ring: bool, seed: int) -> None:
        rng = self.rng(seed)
        for _ in range(number):
            self.submit_one(self.good[who], rng, ring)

    def submit_one(self, c: Client, rng: random.Random, ring: bool) -> None:
        op, slba, blocks = rng.choice(list(NvmeIoOp)), rng.randrange(128), rng.randint(1, 32)
        offset, same = rng.choice([0, 0, 4, 512, 4092]), rng.random() < 0.5
        if not c.alive:
            return
        q = rng.choice(c.pairs)
        if sum(sqid == q.qid for sqid, _ in c.meant) >= DEPTH:
            return
        shift = self.namespaces[c.nsid - 1].shift
        slba = c.first + slba % c.blocks
        blocks = min(blocks if shift == 9 else 1 + blocks % 4, c.first + c.blocks - slba)
        nbytes = blocks << shift if op in DATA_OPS else NvmeDsm.SIZE if op == NvmeIoOp.DSM else 0
        count = -(-(offset + nbytes) // PAGE) if nbytes else 0
        if count > len(c.free):
            return
        c.cid += 1
        pages = sorted(c.free)[:count]
        rng.shuffle(pages)
        c.free -= set(pages)
        parts, left = [], nbytes
        for i, p in enumerate(pages):
            begin = offset if i == 0 else 0
            n = min(PAGE - begin, left)
            parts.append((c.page(p) + begin, n))
            left -= n
        flat = bytes(self.flat[c.nsid][slba << shift : slba + blocks << shift])
        if op == NvmeIoOp.DSM:
            data = NvmeDsm(0, blocks, slba).pack()
        else:
            data = flat if op == NvmeIoOp.COMPARE and same else rng.randbytes(nbytes)
        for a, n in parts if op != NvmeIoOp.READ else []:
            self.d.mem.write(a, data[:n])
            data = data[n:]
        sqe = io(op, slba, blocks, c.nsid, cid=c.cid)
        if op == NvmeIoOp.DSM:
            sqe.cdw10, sqe.cdw11, sqe.cdw12 = 0, 4, 0
        if parts:
            sqe.prp1 = parts[0][0]
        if count == 2:
            sqe.prp2 = parts[1][0]
        elif count > 2:
            sqe.prp2 = self.list_place(c)
            self.d.mem.write(sqe.prp2, b"".join(a.to_bytes(8, "little") for a, _ in parts[1:]))
        c.meant[q.qid, c.cid] = Meant(op, c.nsid, slba, blocks, pages, parts)
        self.d.put(q, sqe)
        if ring:
            self.d.ring(q)

    def list_place(self, c: Client) -> int:
        """A place for a list of up to 16 entries; there are more places than commands."""
        return c.page(LISTS) + c.cid % 32 * 128

    @rule(who=st.integers(0, 2))
    def poll(self, who: int) -> None:
        self.poll_one(self.good[who])

    def poll_one(self, c: Client) -> None:
        for e in self.d.poll(c.pairs[0]) if c.alive else []:
            m = c.meant.pop((e.sqid, e.cid))  # KeyError: completed twice
            assert m.posted and e.status == m.status
            c.free |= set(m.pages)
            self.compared += 1
        for q in c.pairs if c.alive else []:
            if q.rung != q.tail:
                self.d.ring(q)

    @rule(steps=st.integers(1, 30), seed=SEEDS)
    def work(self, steps: int, seed: int) -> None:
        pick = self.rng(seed).randrange
        for _ in range(steps):
            if self.ctl.step(pick) is None:
                break
            self.look()

    def work_all(self, seed: int) -> None:
        """To the end, in any order."""
        pick = self.rng(seed).randrange
        while self.ctl.step(pick) is not None:
            self.look()

    # the hostile one --------------------------------------------------------------------------
    def places(self) -> list[int]:
        """Addresses of interest: its own pages of each kind, everybody's, the admin queues."""
        own = [self.hostile.page(n) for n in (SQ, CQ, LISTS, DATA, DATA + 7, DATA + 8, DATA + 9, DATA + 10)]
        theirs = [c.page(n) for c in self.good for n in (SQ, CQ, LISTS, DATA)]
        return own * 3 + theirs + [self.d.admin.sq, self.d.admin.cq, 0, (1 << 64) - PAGE]

    @rule(number=st.integers(1, 6), seed=SEEDS)
    def hostile_commands(self, number: int, seed: int) -> None:
        rng = self.rng(seed)
        for _ in range(number):
            self.hostile_command(rng)

    def hostile_command(self, rng: random.Random) -> None:
        h = self.hostile
        if not h.alive:
            return
        q = h.pairs[0]
        if rng.random() < 0.8:  # most of the time it knows its own pointers
            self.d.poll(q)
            q.tail = self.ctl.bells.tail(q.qid)
        places = self.places()
        entries = rng.choices(places, k=32)
        self.d.mem.write(h.page(LISTS), b"".join(p.to_bytes(8, "little") for p in entries))
        lists = h.page(LISTS) + 8 * rng.randrange(32)
        op = rng.choice([*NvmeIoOp, *DATA_OPS, *DATA_OPS])
        slba, blocks, nsid = rng.randrange(256, 304), rng.choice([1, 1, 8, 9, 16, 17, 33]), 1
        blocks = min(blocks, 320 - slba)
        if rng.random() < 0.3:  # what the command itself says isn't allowed
            op = rng.choice([op, op, op, rng.randrange(256)])
            slba = rng.choice([slba, 319, 255, 320, 0, 128, 511, 1 << 63])
            blocks = rng.choice([blocks, 64, 65, 256])
            nsid = rng.choice([1, 1, 2, 0, 3, ALL])
        sqe = io(op, slba, blocks, nsid, cid=rng.randrange(4))
        sqe.prp1 = rng.choice(places) + rng.choice([0, 0, 0, 4, 2, 4092])
        sqe.prp2 = rng.choice([*places, lists, lists, lists])
        sqe.fuse, sqe.psdt = rng.choice([(0, 0)] * 40 + [(1, 2)])
        if op == NvmeIoOp.DSM:
            self.d.mem.write(h.page(DATA), NvmeDsm(0, rng.choice([1, 64, 65, 1 << 31]), slba).pack())
            sqe.prp1, sqe.cdw10, sqe.cdw11 = h.page(DATA), 0, 4
        if rng.random() < 0.03:
            sqe = NvmeSqe.unpack(rng.randbytes(64))
        self.d.put(q, sqe)
        if rng.random() < 0.8:
            self.d.ring(q)  # whether there is room or not
            for _ in range(rng.randrange(4)):
                self.ctl.step()

    @rule(number=st.integers(1, 6), seed=SEEDS)
    def hostile_stores(self, number: int, seed: int) -> None:
        """Any register and any doorbell, also of its own queue."""
        rng = self.rng(seed)
        for _ in range(number):
            bell, anywhere = 0x1000 + 0x800 * rng.randrange(15), 4 * rng.randrange(0x2000)
            addr = rng.choice([bell, bell, bell, anywhere, 0x14])
            size = rng.choice([4, 8]) if addr % 8 == 0 else 4
            self.ctl.reg_write(addr, rng.randrange(9).to_bytes(size, "little"), self.hostile.func)
            if addr < 0x1000:
                assert self.ctl.reg_read(addr, 4, self.hostile.func) == b"\xff" * 4

    # the kernel's doings ----------------------------------------------------------------------
    @rule(what=st.sampled_from(["hostile", "shared", "large", "disable", "subsystem", "shutdown"]), again=st.booleans(), seed=SEEDS)
    def disturb(self, what: str, again: bool, seed: int) -> None:
        """A client's end, or the controller's, with everything under way."""
        if what in ("hostile", "shared"):
            self.tear_down(self.hostile if what == "hostile" else self.shared)
        elif what == "large":
            self.delete(self.large)
        else:
            self.reset(what, seed)
        for c in self.everybody if again else []:
            if not c.alive:
                self.create(c)

    def tear_down(self, c: Client) -> None:
        """Nothing is owed to it, and nothing is written for it any more."""
        if c.alive:
            assert self.d.cmd(NvmeAdminOp.OWNER_TEARDOWN, cdw10=c.owner).status == S.SUCCESS
            self.gone(c)

    def delete(self, c: Client) -> None:
        """What was fetched is completed, one way or the other."""
        if c.alive:
            fetched = {f.sqe.cid for f in self.ctl.inflight if f.sqid == 4}
            assert self.d.cmd(NvmeAdminOp.DELETE_SQ, cdw10=4).status == S.SUCCESS
            self.look()
            assert all(c.meant[4, cid].posted for cid in fetched)
            assert self.d.cmd(NvmeAdminOp.DELETE_CQ, cdw10=4).status == S.SUCCESS
            self.gone(c)

    def reset(self, how: str, seed: int) -> None:
        """At any moment; nothing of before is seen after it."""
        if how == "shutdown":
            fetched = [(f.sqid, f.sqe.cid) for f in self.ctl.inflight if f.sqid not in (0, 5)]
            self.d.wr32(CC, ENABLED | 1 << 14)
            self.work_all(seed)
            assert self.d.rd32(CSTS) >> 2 & 3 == 2
            for sqid, cid in fetched:
                assert self.client_of(sqid).meant[sqid, cid].posted
        if how == "subsystem":
            self.d.wr32(NSSR, 0x4E56_4D65)
        else:
            self.d.wr32(CC, ENABLED & ~1)
        self.work_all(seed)
        assert not self.d.ready and not self.ctl.actions()
        for c in self.everybody:
            self.gone(c)
        self.bring_up()

    # what must hold ---------------------------------------------------------------------------
    @invariant()
    def shadows_agree(self) -> None:
        self.look()
        if self.mem._pages != self.shadow._pages:  # quick; a page that only one has may be zeroes
            diffs = self.shadow.diff(self.mem)
            assert not diffs, report(diffs)
        for n in self.namespaces:
            assert n.peek(0, n.blocks) == self.flat[n.nsid], f"namespace {n.nsid}"

    def teardown(self) -> None:
        """In the end nothing is owed."""
        for n in range(40):
            for c in self.good:
                self.poll_one(c)
            self.work_all(n)
            if not any(c.meant and c.alive for c in self.good):
                break
        self.shadows_agree()
        for c in self.good:
            assert not c.meant or not c.alive, f"{c.name}: {c.meant}"
        assert not [f for f in self.ctl.inflight if f.sqid != 5]
