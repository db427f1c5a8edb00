# SPDX-License-Identifier: Apache-2.0
"""Model of crl_nvme_exec: with the models of mover and check round it, in any order of events, commands do what models.nvme.commands says."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.layout import NvmeDsm, NvmeIoOp
from models.layout import NvmeStatus as S
from models.nvme import commands, mover, prp
from models.nvme.check import ALL_NAMESPACES, Grant, check, check_blocks
from models.nvme.executor import ANY, Broken, Command, Executor, Op, Piece, Way, bursts, step
from models.nvme.mover import PAGE, Chunk, Kind
from models.nvme.namespace import Namespace
from models.nvme.tests.host import io

BASE, SHARE = 1 << 40, 32 * PAGE  # of the namespace; of it, and of host memory, what a command has to itself
KILL = S.SQ_DELETED
OPS = list(NvmeIoOp)


class Ram:
    """Bytes by address, of host and namespace; `bad_*`: addresses that answer with an error. For mover, commands and namespace."""

    def __init__(self, seed: int) -> None:
        self.seed, self.pages = seed, {}
        self.bad_read: set[int] = set()
        self.bad_write: set[int] = set()

    def copy(self) -> Ram:
        new = Ram(self.seed)
        new.pages = {n: bytearray(p) for n, p in self.pages.items()}
        new.bad_read, new.bad_write = set(self.bad_read), set(self.bad_write)
        return new

    def page(self, number: int) -> bytearray:
        if number not in self.pages:
            self.pages[number] = bytearray(random.Random(self.seed ^ number).randbytes(PAGE))
        return self.pages[number]

    def peek(self, addr: int, length: int) -> bytes:
        out = b""
        while length:
            n = min(length, PAGE - addr % PAGE)
            out += self.page(addr // PAGE)[addr % PAGE : addr % PAGE + n]
            addr, length = addr + n, length - n
        return out

    def poke(self, addr: int, data: bytes) -> None:
        while data:
            n = min(len(data), PAGE - addr % PAGE)
            self.page(addr // PAGE)[addr % PAGE : addr % PAGE + n] = data[:n]
            addr, data = addr + n, data[n:]

    def read(self, addr: int, length: int) -> bytes | None:
        return None if any(addr <= a < addr + length for a in self.bad_read) else self.peek(addr, length)

    def refuses(self, addr: int, length: int) -> bool:
        return any(addr <= a < addr + length for a in self.bad_write)

    def write(self, addr: int, data: bytes) -> bool:
        if self.refuses(addr, len(data)):
            return False
        self.poke(addr, data)
        return True


class Blocks(Namespace):
    """A namespace whose blocks are in the memory at its base."""

    ram: Ram

    def peek(self, slba: int, count: int = 1) -> bytes:
        return self.ram.peek(self.base + (slba << self.shift), count << self.shift)

    def read_bytes(self, offset: int, length: int) -> bytes | None:
        return self.ram.read(self.base + offset, length)

    def readable(self, slba: int, count: int) -> S:
        good = self.ram.read(self.base + (slba << self.shift), count << self.shift) is not None
        return S.SUCCESS if good else S.READ_ERROR

    def write(self, slba: int, data: bytes) -> S:
        size = self.block_bytes
        for n in range(0, len(data), size):
            if not self.ram.write(self.base + (slba << self.shift) + n, data[n : n + size]):
                return S.WRITE_FAULT
        return S.SUCCESS

    def zero(self, slba: int, count: int) -> S:
        return self.write(slba, bytes(count << self.shift))


@dataclass(eq=False)
class Case:
    """A command, where its data lies, and what the specification makes of it."""

    cmd: Command
    walk: prp.Walk
    host: int
    place: int  # its own part of the namespace
    want: commands.Outcome | None = None
    chunks: list[Chunk] = field(default_factory=list)
    op: Op | None = None
    status: int | None = None
    drop: bool = False


class World:
    """Some commands, and everything round an executor; each step is one of the things that may happen."""

    def __init__(self, seed: int, faults: float, count: int, ops: list[NvmeIoOp] = OPS) -> None:
        self.rng = rng = random.Random(seed)
        self.ram = Ram(seed)
        self.limit = rng.choice((256, 512, 4096))
        shift = rng.choice((9, 12))
        self.ns = Blocks(1, 1 << 20, shift, BASE)
        self.grant = Grant(5, ALL_NAMESPACES, 0, (1 << 20) - 7, 0xFFFF)
        self.ex = Executor(self.limit)
        self.cases = [self.case(n, rng.choice(ops), faults) for n in range(count)]
        self.before = self.ram.copy()
        self.after = self.ram.copy()
        ns = Blocks(1, 1 << 20, shift, BASE)
        ns.ram = self.after
        self.ns.ram = self.ram
        for c in self.cases:
            sqe, verdict = self.sqes[c.cmd.cid]
            c.want = commands.execute(sqe, verdict, self.finely(c), ns, self.grant, self.after)
        self.todo = list(self.cases)
        self.feed: list[tuple[Case, list[Piece]]] = []
        self.reads: list[tuple[Case, int, int]] = []
        self.judging: list[tuple[Case, NvmeDsm]] = []
        self.closing: list[Case] = []
        self.owner: dict[Op, Case] = {}
        self.counts: dict[str, int] = {}

    sqes: dict

    def case(self, n: int, opcode: NvmeIoOp, faults: float) -> Case:
        rng, ns, size = self.rng, self.ns, 1 << self.ns.shift
        self.__dict__.setdefault("sqes", {})
        host, place = (1 << 30) + 2 * n * SHARE, BASE + n * SHARE
        first = (place - BASE) // size
        slba = first + rng.randrange(8)
        blocks = rng.choice((1, 1, 2, 3, 8, rng.randint(1, 4 * PAGE // size)))
        sqe = io(opcode, slba, blocks, 1)
        sqe.cid = n
        listed = b""
        if opcode == NvmeIoOp.DSM:
            count = rng.choice((1, 2, 3, 40, 256))
            end = first + SHARE // size
            some = [NvmeDsm(0, k, rng.randint(first, end - k)) for k in rng.choices((0, 1, 2, 5), k=count)]
            if rng.random() < faults:
                some[rng.randrange(count)].slba = rng.choice((1 << 63, (1 << 20) - 7))
            listed = b"".join(d.pack() for d in some)
            sqe.cdw10, sqe.cdw11 = count - 1, rng.choice((0, 4, 4))
        verdict = check(sqe, self.grant, [ns.checked()])
        if rng.random() < faults / 4:
            verdict = replace(verdict, status=S.ACCESS_DENIED)
        cmd = Command.of(1 + n % 2, sqe, verdict, ns.shift)
        self.sqes[n] = sqe, verdict
        pieces = []
        left, offset, status = cmd.nbytes, 4 * rng.choice((0, 0, 1, 128, 1023, rng.randrange(1024))), S.SUCCESS
        while left:
            pieces.append(prp.Piece(host + 2 * len(pieces) * PAGE + offset, min(left, PAGE - offset)))
            left, offset = left - pieces[-1].length, 0
        if pieces and rng.random() < faults / 2:
            pieces, status = pieces[: rng.randrange(len(pieces))], rng.choice((S.ACCESS_DENIED, S.INVALID_PRP, S.DATA_TRANSFER))
        for p in pieces:
            if opcode == NvmeIoOp.DSM:
                self.ram.poke(p.addr, listed[: p.length])
                listed = listed[p.length :]
            elif opcode == NvmeIoOp.COMPARE:
                done = sum(q.length for q in pieces[: pieces.index(p)])
                self.ram.poke(p.addr, self.ram.peek(cmd.addr + done, p.length))
        if rng.random() < faults:  # one at most: which of two is first is the mover's affair
            where = rng.choice(("host", "namespace", "data"))
            if where == "host" and pieces:
                p = rng.choice(pieces)
                (self.ram.bad_read if rng.random() < 0.6 else self.ram.bad_write).add(p.addr + rng.randrange(p.length))
            elif where != "host":
                at = place + rng.randrange(SHARE) if opcode == NvmeIoOp.DSM else cmd.addr + rng.randrange(max(cmd.span, 1))
                if where == "data" and opcode == NvmeIoOp.COMPARE:
                    self.ram.poke(at, bytes([self.ram.peek(at, 1)[0] ^ 1]))
                else:
                    (self.ram.bad_read if rng.random() < 0.5 else self.ram.bad_write).add(at)
        return Case(cmd, prp.Walk(tuple(pieces), (), status), host, place)

    def finely(self, case: Case) -> prp.Walk:
        """Pieces that are no longer than a chunk, for the specification to go in the same steps."""
        out, at = [], case.cmd.addr
        for p in case.walk.pieces:
            done = 0
            while done < p.length:
                n = step(at, p.length - done, self.limit)
                out.append(prp.Piece(p.addr + done, n))
                at, done = at + n, done + n
        return replace(case.walk, pieces=tuple(out))

    # ---- steps

    def actions(self) -> list[Callable[[], None]]:
        ex, out = self.ex, []
        if self.todo:
            out.append(self.take)
        out += [lambda op=op: self.walk(op) for op in ex.may_walk()]
        if self.feed:
            out.append(self.piece)
        out += [lambda o=o, k=k: self.chunk(o, k) for o, k in ex.may_chunk()]
        if self.closing:
            out.append(self.end)
        out += [lambda r=r: self.read(*r) for r in ex.may_read()]
        if self.reads:
            out.append(self.data)
        out += [lambda j=j: self.judge(*j) for j in ex.may_judge()]
        if self.judging:
            out.append(self.verdict)
        out += [lambda op=op: self.complete(op) for op in ex.live if ex.may_end(op)]
        return out

    def step(self) -> bool:
        actions = self.actions()
        if actions:
            self.rng.choice(actions)()
        return bool(actions)

    def note(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    def take(self) -> None:
        case = self.todo.pop(0)
        case.op = self.ex.take(case.cmd)
        self.owner[case.op] = case

    def walk(self, op: Op) -> None:
        self.ex.walk(op)
        case = self.owner[op]
        pieces = [Piece(p.addr, p.length) for p in case.walk.pieces]
        if case.walk.ok:
            pieces[-1] = replace(pieces[-1], last=True)
        else:
            pieces.append(Piece(0, 0, True, True, case.walk.status))
        self.feed.append((case, pieces))

    def piece(self) -> None:
        case, pieces = self.feed[0]
        assert case.op is not None
        self.ex.piece(case.op, pieces.pop(0))
        if not pieces:
            self.feed.pop(0)

    def chunk(self, op: Op, k: Chunk) -> None:
        if k.last and k.status == ANY:
            k = replace(k, status=KILL)
        self.ex.chunk(op, k)
        self.note("chunk")
        case = self.owner[op]
        case.chunks.append(k)
        if k.last:
            self.closing.append(case)

    def end(self) -> None:
        case = self.closing.pop(0)
        out = mover.execute(case.chunks, self.ram, self.limit)
        out.apply(self.ram.write)
        assert case.op is not None
        self.ex.end(case.op, out.status)

    def read(self, op: Op, addr: int, length: int) -> None:
        self.ex.read(op, addr, length)
        self.reads.append((self.owner[op], addr, length))

    def data(self) -> None:
        case, addr, length = self.reads.pop(0)
        assert case.op is not None
        self.ex.data(case.op, self.ram.read(addr, length))

    def judge(self, op: Op, entry: NvmeDsm) -> None:
        self.ex.judge(op)
        self.judging.append((self.owner[op], entry))
        self.note("judge")

    def verdict(self) -> None:
        case, e = self.judging.pop(0)
        ns = self.ns.checked()
        assert case.op is not None
        self.ex.verdict(case.op, check_blocks(e.slba, e.nlb, self.grant, ns), ns.base + (e.slba << ns.shift), e.nlb << ns.shift)

    def complete(self, op: Op) -> None:
        case = self.owner[op]
        case.status = self.rng.choice(sorted(self.ex.may_end(op)))
        case.drop = op.drop_must or case.status == ANY or (op.drop and self.rng.random() < 0.5)
        self.ex.complete(op.cmd.qid, op.cmd.cid, case.status, case.drop)
        self.note("end")

    # ---- what has to be true at the end

    def finish(self) -> None:
        while self.step():
            pass
        assert not self.todo and not self.ex.ops and all(c.status is not None for c in self.cases)

    def torn(self, case: Case, touched: bool = True) -> set[int]:
        """Pages that may hold old bytes or new ones, of a command that failed."""
        some = {(case.place + n) // PAGE for n in range(0, SHARE, PAGE)}
        return some | {p.addr // PAGE for p in case.walk.pieces if case.cmd.op == NvmeIoOp.READ} if touched else set()

    def compare(self) -> None:
        """Memory is what the specification makes of it; of commands that failed old or new, byte by byte."""
        torn = {n for c in self.cases if c.status != S.SUCCESS for n in self.torn(c)}
        for number in self.ram.pages:
            got, want, old = self.ram.page(number), self.after.page(number), self.before.page(number)
            if number not in torn:
                assert got == want, f"page {number:#x}"
                continue
            new = self.new(number)
            for n in range(PAGE):
                assert got[n] in (old[n], want[n], new[n]), f"byte {number * PAGE + n:#x}"

    def new(self, number: int) -> bytes:
        """What a command that failed would have left if it had not."""
        for c in self.cases:
            out, at = bytearray(self.before.page(number)), c.cmd.addr
            if c.cmd.op == NvmeIoOp.READ:
                for p in c.walk.pieces:
                    if p.addr // PAGE == number:
                        out[p.addr % PAGE : p.addr % PAGE + p.length] = self.before.peek(at, p.length)
                        return bytes(out)
                    at += p.length
            if not c.place <= number * PAGE < c.place + SHARE:
                continue
            if c.cmd.op in (NvmeIoOp.DSM, NvmeIoOp.WRITE_ZEROES):
                return bytes(PAGE)
            if c.cmd.op == NvmeIoOp.WRITE:
                for p in c.walk.pieces:
                    for n, byte in enumerate(self.before.peek(p.addr, p.length)):
                        if (at + n) // PAGE == number:
                            out[(at + n) % PAGE] = byte
                    at += p.length
                return bytes(out)
        return bytes(self.before.page(number))


@given(st.integers(0, 1 << 32), st.sampled_from((0.0, 0.3, 1.0)), st.integers(1, 4))
def test_does_what_the_specification_says(seed: int, faults: float, count: int) -> None:
    """Stimulus: commands of all kinds, both block sizes, faults of walk, memory, ranges and data, in any order of events. Checking: the status that
    models.nvme.commands gives, and the same memory; of those that failed a mixture of old and new in their own place."""
    w = World(seed, faults, count)
    w.finish()
    for c in w.cases:
        assert c.want is not None
        # Of a block whose pieces are not all good nothing is read, so an error of its memory is not seen.
        unread = c.cmd.op == NvmeIoOp.WRITE and c.want.status == S.DATA_TRANSFER and c.status == c.walk.status != S.SUCCESS
        assert c.status == c.want.status or unread, f"{c.cmd}: {c.status:#x}, expected {c.want.status:#x}"
        own = w.ex.own(c.op, c.status)
        assert unread or c.cmd.flags(c.status, own) == (int(c.want.dnr), int(c.want.more))
    w.compare()


@given(st.integers(0, 1 << 32), st.booleans(), st.booleans())
def test_kills_and_aborts(seed: int, settle: bool, everything: bool) -> None:
    """Stimulus: a kill with or without drop, or drop_all, and an abort at random moments. Checking: each command ends once, with its own status or with that of
    who ended it; one that was aborted has touched nothing; the other queue's commands are not touched."""
    w = World(seed, 0.2, 4)
    rng = w.rng
    kill_at, abort_at, drop = rng.randrange(60), rng.randrange(60), bool(rng.getrandbits(1))
    for n in range(200):
        if n == kill_at:
            if everything:
                w.ex.drop_all(True)
            else:
                w.ex.kill(1, KILL, drop)
            if settle:
                w.ex.settle(None if everything else 1)
        if n == abort_at and w.ex.live:
            op = rng.choice(w.ex.live)
            w.ex.abort(op.cmd.qid, op.cmd.cid)
            w.step()
            found = op.abort.value in ("asked", "used") and not (op.done and op.abort.value == "asked")
            w.ex.aborted(found)
        if not w.step():
            break
    w.finish()
    for c in w.cases:
        assert c.want is not None and c.status is not None
        allowed = {c.want.status, c.walk.status or c.want.status, S.ABORT_REQUESTED}
        if everything or c.cmd.qid == 1:
            allowed |= {KILL, ANY}
        assert c.drop or c.status in allowed, f"{c.cmd}: {c.status:#x}"
        assert not c.drop or everything or (drop and c.cmd.qid == 1)
        if c.status == S.ABORT_REQUESTED:
            assert not any(k.length for k in c.chunks)
    w.compare()


@pytest.mark.parametrize("shift", [9, 12])
@pytest.mark.parametrize("offset", [0, 4, 512, 2048, 4092])
def test_whole_blocks(shift: int, offset: int) -> None:
    """Stimulus: a Write of whole pages at an offset whose pieces come one by one, refused after each number of them. Checking: chunks go as far as whole blocks are
    known, never into one of which a piece is missing."""
    size = 1 << shift
    cmd = Command(1, 1, NvmeIoOp.WRITE, addr=BASE, nbytes=3 * PAGE, span=3 * PAGE, shift=shift)
    sizes = [PAGE - offset, PAGE, PAGE, offset][: 3 + (offset > 0)]
    for refused in range(len(sizes) + 1):
        ex = Executor()
        op = ex.take(cmd)
        ex.walk(op)
        there = 0
        for n, length in enumerate(sizes[:refused]):
            ex.piece(op, Piece((1 << 30) + 2 * n * PAGE + (offset if n == 0 else 0), length, n == len(sizes) - 1))
            there += length
            while op.cut < there and (chunk := ex._next(op)) is not None:
                ex.chunk(op, chunk)
            assert op.cut == there // size * size
        if refused < len(sizes):
            ex.piece(op, Piece(0, 0, True, True, S.ACCESS_DENIED))
            assert [k.length for _, k in ex.may_chunk()] == [0]
            assert op.cut % size == 0
        assert op.closed == (refused == len(sizes))


def test_chunks_at_edges() -> None:
    """Checking: each chunk ends at a multiple of the limit in the namespace, at the end of a piece or of a page, whichever comes first; together they are all of it."""
    for limit in (64, 256, 512, 4096):
        for addr in (0, 512, 3584, PAGE - 512, (1 << 64) - PAGE):
            for offset in (0, 4, 508, 512, 4092):
                cmd = Command(1, 1, NvmeIoOp.READ, addr=addr, nbytes=PAGE, span=PAGE)
                ex = Executor(limit)
                op = ex.take(cmd)
                ex.walk(op)
                cuts = set()
                for p in (Piece(5 * PAGE + offset, PAGE - offset, offset == 0), Piece(9 * PAGE, offset, True))[: 1 + (offset > 0)]:
                    ex.piece(op, p)
                    cuts.add(op.there)
                cuts |= {n for n in range(1, PAGE + 1) if (addr + n) % limit == 0 or (addr + n) % PAGE == 0}
                seen = []
                while not op.closed:
                    (_, k), *_ = ex.may_chunk()
                    ex.chunk(op, k)
                    seen.append(op.cut)
                assert seen == sorted(cuts)


def test_bursts_of_the_list() -> None:
    """Checking: reads of a list end with its pieces and at multiples of the limit, and are all of it."""
    for addr, length in ((0x1000, 4096), (0x1004, 4092), (0x11FC, 16), (0x13F0, 32), (0x1FFC, 4)):
        for limit in (256, 512, 4096):
            got = bursts([Piece(addr, length)], limit)
            assert got[0][0] == addr and sum(n for _, n in got) == length
            assert all(a + n == b for (a, n), (b, _) in zip(got, got[1:], strict=False))
            assert all((a + n) % limit == 0 for a, n in got[:-1]) and all(a // limit == (a + n - 1) // limit for a, n in got)


def test_refuses_what_is_wrong() -> None:
    """Stimulus: chunks, walks, reads, completions and answers that break one rule each. Checking: `Broken`; with the rule kept it is not."""

    def fresh() -> tuple[Executor, list[Op]]:
        ex = Executor()
        ops = [ex.take(Command(1, n, op, addr=BASE + n * PAGE, nbytes=1024 * (op == NvmeIoOp.READ), span=1024, func=3))
               for n, op in enumerate((NvmeIoOp.READ, NvmeIoOp.READ, NvmeIoOp.WRITE_ZEROES, NvmeIoOp.FLUSH))]
        return ex, ops

    good = Chunk(Kind.COPY, BASE, 0x5000, 512, 0, 3, True, first=True)
    for bad in (
        replace(good, kind=Kind.ZERO), replace(good, src=BASE + 512), replace(good, dst=0x5004), replace(good, length=256), replace(good, src_func=3),
        replace(good, dst_func=0), replace(good, to_host=False), replace(good, first=False), replace(good, last=True), replace(good, length=0, last=True),
    ):  # fmt: skip
        ex, ops = fresh()
        ex.walk(ops[0])
        ex.piece(ops[0], Piece(0x5000, 1024, True))
        with pytest.raises(Broken):
            ex.chunk(ops[0], bad)
        ex.chunk(ops[0], good)
    ex, ops = fresh()
    with pytest.raises(Broken, match="turn"):
        ex.walk(ops[1])
    zero = Chunk(Kind.ZERO, 0, BASE + 2 * PAGE, 512, first=True)
    with pytest.raises(Broken):  # before those that came earlier
        ex.chunk(ops[2], zero)
    for status, drop in ((S.SUCCESS, True), (S.INTERNAL, False)):
        with pytest.raises(Broken):
            ex.complete(1, 3, status, drop)
    with pytest.raises(Broken):
        ex.complete(1, 0, S.SUCCESS, False)
    with pytest.raises(Broken):
        ex.complete(2, 3, S.SUCCESS, False)
    ex.complete(1, 3, S.SUCCESS, False)
    # An abort that lies.
    ex.abort(1, 1)
    with pytest.raises(Broken, match="not found"):
        ex.aborted(False)
    ex.abort(1, 99)
    with pytest.raises(Broken, match="not here"):
        ex.aborted(True)
    # A kill that is not kept.
    ex, ops = fresh()
    ex.walk(ops[0])
    ex.piece(ops[0], Piece(0x5000, 1024, True))
    ex.kill(1, KILL, True)
    ex.settle(1)
    with pytest.raises(Broken):
        ex.chunk(ops[0], good)
    with pytest.raises(Broken, match="not dropped"):
        ex.complete(1, 0, KILL, False)
    ex.complete(1, 0, KILL, True)
    assert ops[0].way is Way.PIECES and ops[0].done


def _one_less(ex: Executor, op: Op) -> Chunk | None:
    """The last chunk but one is the last one."""
    k = Executor._next(ex, op)
    return k and replace(k, last=k.last or (op.way is not Way.LIST and op.cut + 2 * k.length >= op.cmd.span))


def _elsewhere(ex: Executor, op: Op) -> Chunk | None:
    k = Executor._next(ex, op)
    return k and replace(k, dst=k.dst ^ 1 << 9) if k and k.length <= 512 else k


def _no_wait(ex: Executor, op: Op) -> Chunk | None:
    """A Write that does not wait for all pieces of a block."""
    op.cmd = replace(op.cmd, shift=2)
    return Executor._next(ex, op)


class _LateStatus(Op):
    def result(self, limit: int) -> int | None:
        return None if Op.result(self, limit) is None else S.SUCCESS


@pytest.mark.parametrize("broken", [_one_less, _elsewhere, _no_wait, _LateStatus])
def test_is_not_blind(monkeypatch: pytest.MonkeyPatch, broken) -> None:
    """Stimulus: executors that end early, write elsewhere, do not wait for whole blocks, forget errors of a list of ranges. Checking: a difference is found."""
    found = 0
    for seed in range(60):
        w = World(seed, 1.0 if broken in (_no_wait, _LateStatus) else 0.0, 3, [NvmeIoOp.WRITE] if broken is _no_wait else OPS)
        if broken is _LateStatus:
            monkeypatch.setattr("models.nvme.executor.Op", _LateStatus)
        else:
            monkeypatch.setattr(w.ex, "_next", broken.__get__(w.ex))
        try:
            w.finish()
            for c in w.cases:
                assert c.want is not None and c.op is not None
                assert c.want.status == c.status or c.want.status == S.DATA_TRANSFER
                if c.cmd.op == NvmeIoOp.WRITE:
                    assert c.status == S.SUCCESS or sum(k.length for k in c.chunks) % w.ns.block_bytes == 0 or c.status != c.walk.status
            w.compare()
        except (AssertionError, ValueError):
            found += 1
    assert found >= 3, f"found in {found} of 60 runs"
