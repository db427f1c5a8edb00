# SPDX-License-Identifier: Apache-2.0
"""What docs/blocks/nvme.md says of `crl_nvme_exec`: commands in, what may go to walker, mover and check next, how each command may end.

The model has no time. It is told what came (`take`, `piece`, `end`, `data`, `verdict`, `kill`, `abort`), and says what may be done next
(`may_walk`, `may_chunk`, `may_read`, `may_judge`, `may_end`); one that does it is told so, too (`walk`, `chunk`, `read`, `judge`, `complete`).
A test of the RTL looks whether what it sees was allowed; a test of the model does one of the things allowed at random, and looks
whether commands do what models.nvme.commands says of them.

A kill counts some cycles after it was seen: from `kill` on commands may end with its status, from `settle` on they must. `Broken`: the contract is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from models.layout import NvmeDsm, NvmeIoOp, NvmeSqe
from models.layout import NvmeStatus as S
from models.nvme.check import Verdict
from models.nvme.commands import DSM_DEALLOCATE, NEEDS_RIGHT
from models.nvme.mover import MAX_BURST_BYTES, PAGE, Chunk, Kind
from models.nvme.status import TRANSIENT, more

MASK = (1 << 64) - 1
ANY = -1  # a status that nobody will see


def no_retry(status: int) -> bool:
    """DNR of what ends here; ABORT_LIMIT is an admin command's affair."""
    return status not in TRANSIENT - {S.ABORT_LIMIT}


class Broken(AssertionError):
    """Something that the contract does not allow."""


def need(condition: object, why: str) -> None:
    if not condition:
        raise Broken(why)


class Way(Enum):
    """What a command goes through."""

    NONE = "none"  # it ends as it came
    PIECES = "pieces"  # walker, mover
    SPAN = "span"  # mover
    LIST = "list"  # walker, read client, check, mover


WAYS = {
    NvmeIoOp.FLUSH: Way.NONE, NvmeIoOp.READ: Way.PIECES, NvmeIoOp.WRITE: Way.PIECES, NvmeIoOp.COMPARE: Way.PIECES,
    NvmeIoOp.WRITE_ZEROES: Way.SPAN, NvmeIoOp.VERIFY: Way.SPAN, NvmeIoOp.DSM: Way.LIST,
}  # fmt: skip


@dataclass(frozen=True)
class Command:
    """What the port `s_*` says. `shift` (log2 of the block) is no signal: it is what the rule of whole blocks is about."""

    qid: int
    cid: int
    op: int
    ok: bool = True
    status: int = 0
    dnr: bool = False
    more: bool = False
    addr: int = 0
    nbytes: int = 0
    span: int = 0
    prp1: int = 0
    prp2: int = 0
    func: int = 0
    nsi: int = 0
    nsid: int = 0
    cdw10: int = 0
    cdw11: int = 0
    shift: int = 9

    @classmethod
    def of(cls, qid: int, sqe: NvmeSqe, v: Verdict, shift: int = 9) -> Command:
        return cls(
            qid, sqe.cid, sqe.opc, v.ok, v.status, v.dnr, v.more, v.addr, v.nbytes, v.span, v.prp1, v.prp2, v.func, v.nsi,
            sqe.nsid, sqe.cdw10, sqe.cdw11, shift,
        )  # fmt: skip

    @property
    def deallocates(self) -> bool:
        return bool(self.cdw11 & DSM_DEALLOCATE)

    @property
    def lba(self) -> int:
        """For the error log."""
        return self.cdw11 << 32 | self.cdw10

    @property
    def right(self) -> int:
        return NEEDS_RIGHT[NvmeIoOp(self.op)]

    def flags(self, status: int, own: bool) -> tuple[int, int]:
        """DNR and MORE of a completion; `own`: it ends as it came, refused."""
        return (int(self.dnr), int(self.more)) if own else (int(no_retry(status)), int(more(status)))


@dataclass(frozen=True)
class Piece:
    """What the port `p_*` says."""

    addr: int
    length: int
    last: bool = False
    error: bool = False
    status: int = 0


def bursts(pieces: Sequence[Piece], limit: int = MAX_BURST_BYTES) -> list[tuple[int, int]]:
    """The reads of a list of ranges, (address, bytes): they end with a piece, and at multiples of `limit`."""
    out = []
    for p in pieces:
        at, end = p.addr, p.addr + p.length
        while at < end:
            n = min(end - at, limit - at % limit)
            out.append((at, n))
            at += n
    return out


def step(addr: int, left: int, limit: int) -> int:
    """Bytes of the chunk that begins at this address of the namespace."""
    return min(left, limit - addr % limit, PAGE - addr % PAGE)


class Abort(Enum):
    NO = "no"
    ASKED = "asked"  # the answer is not there
    USED = "used"  # it ended with ABORT_REQUESTED, and the answer is not there
    FOUND = "found"


@dataclass(eq=False)
class Op:
    """A command that is here."""

    cmd: Command
    way: Way
    natural: int = 0  # Way.NONE: what it ends with
    kills: set[int] = field(default_factory=set)
    must: bool = False  # it has to end with one of `kills`
    born: bool = False  # it was killed when it came
    known: int | None = None  # it had failed before it had to
    drop: bool = False  # its completion may be dropped
    drop_must: bool = False
    abort: Abort = Abort.NO
    walked: bool = False
    pieces: list[Piece] = field(default_factory=list)
    over: bool = False  # its last piece was given
    begun: bool = False
    chunks: int = 0  # offered
    cut: int = 0  # bytes of them; of a DSM: of range `rng`
    closed: bool = False  # the last chunk was offered
    ended: int | None = None  # what the mover says
    done: bool = False
    asked: int = 0  # bursts of the list
    got: list[bytes | None] = field(default_factory=list)
    judged: int = 0
    verdicts: list[tuple[int, int, int]] = field(default_factory=list)
    rng: int = 0

    def __str__(self) -> str:
        c = self.cmd
        return f"command {c.cid:#x} of queue {c.qid}, opcode {c.op}, {c.nbytes or c.span} bytes at {c.addr:#x}, {self.chunks} chunks, {self.cut} bytes cut"

    @property
    def good(self) -> list[Piece]:
        return [p for p in self.pieces if not p.error]

    @property
    def there(self) -> int:
        """Bytes whose place is known."""
        return sum(p.length for p in self.good)

    @property
    def error(self) -> int | None:
        return self.pieces[-1].status if self.pieces and self.pieces[-1].error else None

    @property
    def may_leave(self) -> bool:
        """It need not go the way of the others any more."""
        return bool(self.kills) or self.abort is not Abort.NO

    # ---- the list of ranges

    @property
    def listed(self) -> bool:
        """All of the list is there, and good."""
        whole = self.over and self.error is None
        return whole and None not in self.got and sum(len(g or b"") for g in self.got) == self.cmd.nbytes

    @property
    def ranges(self) -> list[NvmeDsm]:
        raw = b"".join(g or b"" for g in self.got)
        return [NvmeDsm.unpack(raw[n : n + 16]) for n in range(0, len(raw) - 15, 16)]

    def result(self, limit: int) -> int | None:
        """What a DSM ends with, once that is sure; the first thing in the order of its data."""
        if None in self.got:
            return S.DATA_TRANSFER
        if self.error is not None and len(self.got) == len(bursts(self.good, limit)):
            return self.error
        if self.verdicts and self.verdicts[-1][0] != S.SUCCESS:
            return self.verdicts[-1][0]
        return S.SUCCESS if self.listed and len(self.verdicts) == self.cmd.nbytes // 16 else None

    @property
    def zeroes(self) -> list[tuple[int, int]]:
        """(address, bytes) of what was judged, and has to be zeroed."""
        good = [(addr, span) for status, addr, span in self.verdicts if status == S.SUCCESS]
        return good if self.cmd.deallocates else []


def meant(k: Chunk) -> tuple:
    """What counts of a chunk; not its tag."""
    end = (k.first, k.last, int(k.status) if k.last else None)
    if not k.length:
        return (0, end)
    src = None if k.kind == Kind.ZERO else (k.src, k.src_func)
    dst = None if k.kind == Kind.CHECK else (k.dst, k.dst_func)
    return (k.length, end, k.kind, src, dst, k.to_host if k.kind == Kind.COPY else None)


def fits(seen: Chunk, option: Chunk) -> bool:
    if option.last and option.status == ANY:
        option = replace(option, status=seen.status)
    return meant(seen) == meant(option)


@dataclass
class Executor:
    """See above. `ops`: those that are here, or are owed pieces, in the order they came."""

    limit: int = MAX_BURST_BYTES
    ops: list[Op] = field(default_factory=list)
    killed: dict[int, tuple[int, bool]] = field(default_factory=dict)  # queue: status, drop
    dropping: bool = False
    run: Op | None = None  # whose chunks are being given
    asked: tuple[Op | None, bool] | None = None  # an abort: for whom, and whether it has to be found

    # ---- commands

    def take(self, cmd: Command, ana: bool = False, settled: bool = True) -> Op:
        """`settled`: what was killed was killed some cycles ago."""
        need(self.find(cmd.qid, cmd.cid) is None, "the test uses a CID twice")
        if not cmd.ok:
            op = Op(cmd, Way.NONE, cmd.status)
        elif ana:
            op = Op(cmd, Way.NONE, S.ANA_TRANSITION)
        else:
            op = Op(cmd, WAYS[NvmeIoOp(cmd.op)])
        kill = self.killed.get(cmd.qid)
        if kill is not None:
            op.kills.add(kill[0])
            op.must = op.born = settled
            op.drop, op.drop_must = kill[1], kill[1] and settled
        if self.dropping:
            op.kills.add(ANY)
            op.must, op.born = op.must or settled, op.born or settled
            op.drop, op.drop_must = True, settled
        self.ops.append(op)
        return op

    @property
    def live(self) -> list[Op]:
        return [op for op in self.ops if not op.done]

    def find(self, qid: int, cid: int) -> Op | None:
        return next((op for op in self.live if (op.cmd.qid, op.cmd.cid) == (qid, cid)), None)

    def _forget(self) -> None:
        self.ops = [op for op in self.ops if not op.done or (op.walked and not op.over)]

    # ---- walker

    def may_walk(self) -> Iterator[Op]:
        for op in self.live:
            if op.way in (Way.PIECES, Way.LIST) and not op.walked and not op.closed:
                yield op
                if not op.may_leave:
                    return

    def walk(self, op: Op) -> None:
        need(any(op is o for o in self.may_walk()), f"the walker gets {op} out of turn")
        op.walked = True

    def piece(self, op: Op, piece: Piece) -> None:
        assert op.walked and not op.over
        op.pieces.append(piece)
        op.over = piece.last
        self._forget()

    # ---- chunks

    def _next(self, op: Op) -> Chunk | None:
        """The next chunk that moves data, as far as what has come allows it."""
        c = op.cmd
        first = not op.chunks
        if op.way is Way.SPAN:
            if op.cut == c.span:
                return None
            at = c.addr + op.cut & MASK
            n = step(at, c.span - op.cut, self.limit)
            last = op.cut + n == c.span
            kind = Kind.CHECK if c.op == NvmeIoOp.VERIFY else Kind.ZERO
            return Chunk(kind, at, at, n, 0, 0, False, 0, first, last)
        if op.way is Way.LIST:
            zeroes = op.zeroes
            n = op.rng
            while n < len(zeroes) and not zeroes[n][1]:
                n += 1
            if n == len(zeroes):
                return None
            addr, span = zeroes[n]
            at = addr + (op.cut if n == op.rng else 0) & MASK
            return Chunk(Kind.ZERO, 0, at, step(at, span - (op.cut if n == op.rng else 0), self.limit), 0, 0, False, 0, first)
        begin = 0
        for p in op.good:
            if op.cut < begin + p.length:
                break
            begin += p.length
        else:
            return None
        at, host = c.addr + op.cut & MASK, p.addr + op.cut - begin
        n = step(at, begin + p.length - op.cut, self.limit)
        if c.op == NvmeIoOp.WRITE and ((op.cut >> c.shift) + 1) << c.shift > op.there:
            return None
        last = op.cut + n == c.nbytes
        if c.op == NvmeIoOp.READ:
            return Chunk(Kind.COPY, at, host, n, 0, c.func, True, 0, first, last)
        kind = Kind.COPY if c.op == NvmeIoOp.WRITE else Kind.COMPARE
        return Chunk(kind, host, at, n, c.func, 0, False, 0, first, last)

    def _inside(self, op: Op) -> bool:
        """Within a block of a Write: to go on to its end is better than to leave a part of it."""
        return op.cmd.op == NvmeIoOp.WRITE and op.cut % (1 << op.cmd.shift) != 0

    def _torn(self, op: Op) -> bool:
        """A page of the namespace, or a block in it, is written in part: who is killed goes on to its end."""
        if op.cmd.op not in (NvmeIoOp.WRITE, NvmeIoOp.WRITE_ZEROES, NvmeIoOp.DSM) or not op.cut:
            return False
        addr = op.zeroes[op.rng][0] if op.way is Way.LIST else op.cmd.addr
        return (addr + op.cut) % PAGE != 0

    def options(self, op: Op) -> Iterator[Chunk]:
        """The chunks that an operation may offer now."""
        first = not op.chunks
        close = Chunk(first=first, last=True)
        torn = self._torn(op)
        if op.kills and not torn:
            yield from (replace(close, status=status) for status in op.kills)
            failed = op.result(self.limit) if op.way is Way.LIST else None
            if failed not in (None, S.SUCCESS):
                yield replace(close, status=failed)  # a range had failed; those before it stay as they are
        if op.abort is not Abort.NO and not op.begun:
            yield replace(close, status=S.ABORT_REQUESTED)
        if op.must and not op.begun and op.known is not None:
            yield replace(close, status=op.known)
        if op.abort is Abort.FOUND or (op.must and not op.begun):
            return
        chunk = self._next(op)
        if chunk is not None and (not op.must or torn):
            yield chunk
            over = op.way is Way.LIST and op.result(self.limit) == S.SUCCESS
            if over and self._advanced(op, chunk.length)[0] == len(op.zeroes):
                yield replace(chunk, last=True)
        if op.way is Way.LIST and chunk is None:
            result = op.result(self.limit)
            if result is not None:
                yield replace(close, status=result)
        if op.way is Way.PIECES and op.error is not None and (chunk is None or op.cmd.op == NvmeIoOp.WRITE and not self._inside(op)):
            yield replace(close, status=op.error)

    def _advanced(self, op: Op, length: int) -> tuple[int, int]:
        """The range, and the place in it, after a chunk; past ranges of no bytes."""
        zeroes = op.zeroes
        n, at = op.rng, op.cut
        while not zeroes[n][1]:
            n += 1
        at += length
        while n < len(zeroes) and at >= zeroes[n][1]:
            n, at = n + 1, 0
        return n, at

    def may_chunk(self) -> Iterator[tuple[Op, Chunk]]:
        """Each with its operation. Chunks go in the order commands came; a DSM may be overtaken, and is one run then."""
        if self.run is not None:
            yield from ((self.run, k) for k in self.options(self.run))
            return
        blocked = False
        for op in self.live:
            if op.way is Way.NONE or op.closed or (blocked and op.way is not Way.LIST):
                continue
            yield from ((op, k) for k in self.options(op))
            blocked |= op.way is not Way.LIST and not op.may_leave

    def chunk(self, op: Op, k: Chunk) -> None:
        """A chunk is offered."""
        need(any(o is op and fits(k, option) for o, option in self.may_chunk()), f"{k} is not what comes next of {op}")
        op.chunks += 1
        if k.length or k.status != S.ABORT_REQUESTED or op.abort is Abort.NO:
            self._begin(op)
        elif op.abort is Abort.ASKED:
            op.abort = Abort.USED
        if op.way is Way.LIST and k.length:
            op.rng, op.cut = self._advanced(op, k.length)
        else:
            op.cut += k.length
        op.closed = k.last
        self.run = None if k.last else op

    def _begin(self, op: Op) -> None:
        op.begun = True
        if op.abort is Abort.ASKED:
            op.abort = Abort.NO

    def end(self, op: Op, status: int) -> None:
        """The mover says so."""
        assert op.closed and op.ended is None
        op.ended = status

    # ---- lists of ranges

    def may_read(self) -> Iterator[tuple[Op, int, int]]:
        """One DSM at a time. After an error nobody needs the rest."""
        for op in self.live:
            if op.way is not Way.LIST or op.closed:
                continue
            todo = bursts(op.good, self.limit)
            held = op.abort is Abort.FOUND or (op.must and not op.begun)
            if op.asked < len(todo) and not held:
                yield (op, *todo[op.asked])
            over = op.result(self.limit) is not None and self._next(op) is None
            if not op.may_leave and not over:
                return

    def read(self, op: Op, addr: int, length: int) -> None:
        need((op, addr, length) in list(self.may_read()), f"[{addr:#x}, +{length}) is not what is read next for {op}")
        op.asked += 1
        self._begin(op)

    def data(self, op: Op, data: bytes | None) -> None:
        """The answer of a read; None: an error."""
        op.got.append(data)

    def may_judge(self) -> Iterator[tuple[Op, NvmeDsm]]:
        for op in self.live:
            ready = op.way is Way.LIST and op.listed and op.judged == len(op.verdicts) and not op.closed
            if ready and op.judged < op.cmd.nbytes // 16 and op.result(self.limit) is None:
                yield op, op.ranges[op.judged]

    def judge(self, op: Op) -> None:
        need(any(o is op for o, _ in self.may_judge()), f"no range is to be judged of {op}")
        op.judged += 1

    def verdict(self, op: Op, status: int, addr: int, span: int) -> None:
        op.verdicts.append((status, addr, span))

    # ---- ends

    def may_end(self, op: Op) -> set[int]:
        """The statuses that its completion may have now; none: it may not end."""
        if op.closed:
            return set() if op.ended is None else {op.ended}
        if op.chunks:
            return set()
        out = set(op.kills)
        if op.abort is not Abort.NO and not op.begun:
            out.add(S.ABORT_REQUESTED)
        if op.way is Way.NONE:
            if not op.born and op.abort is not Abort.FOUND:
                out.add(op.natural)
        elif op.way is Way.LIST and op.begun or op.error is not None and op.way is Way.LIST:
            held = op.abort is Abort.FOUND or (op.must and not op.begun and op.known is None)
            result = op.result(self.limit)
            if result is not None and self._next(op) is None and not held:
                out.add(result)
        return out

    def complete(self, qid: int, cid: int, status: int, drop: bool) -> Op:
        """A completion is offered. Of one that is dropped the status does not count."""
        op = self.find(qid, cid)
        need(op is not None, f"a completion of command {cid:#x} of queue {qid}, which is not here")
        assert op is not None
        may = self.may_end(op)
        need(may, f"it ends too early: {op}")
        need(drop or status in may or ANY in may, f"status {status:#x}, not one of {sorted(may)}: {op}")
        need(op.drop or not drop, f"dropped: {op}")
        need(drop or not op.drop_must, f"not dropped: {op}")
        if op.abort is Abort.ASKED and status == S.ABORT_REQUESTED and not op.kills:
            op.abort = Abort.USED
        op.done = True
        self._forget()
        return op

    def own(self, op: Op, status: int) -> bool:
        """A completion with this status says what the check said."""
        return not op.cmd.ok and status == op.natural and not (op.born and status not in op.kills)

    # ---- from outside

    def kill(self, qid: int, status: int, drop: bool) -> None:
        self.killed[qid] = status, drop
        for op in self.live:
            if op.cmd.qid == qid:
                op.kills.add(status)
                op.drop |= drop

    def settle(self, qid: int | None = None) -> None:
        """The kill of a queue (None: of all of them, `drop_all`) has come through."""
        for op in self.live:
            if op.cmd.qid == qid or qid is None:
                if not op.must:
                    op.known = op.error
                op.must = bool(op.kills)
                op.drop_must = op.drop

    def set_up(self, qid: int) -> None:
        self.killed.pop(qid, None)

    def drop_all(self, level: bool) -> None:
        """Those that were here meanwhile may end either way when it has fallen."""
        self.dropping = level
        for op in self.live:
            if level:
                op.kills.add(ANY)
                op.drop = True
            elif op.cmd.qid not in self.killed:
                op.must = op.born = op.drop_must = False

    def abort(self, qid: int, cid: int) -> None:
        assert self.asked is None
        op = self.find(qid, cid)
        if op is not None and not op.begun and op.abort is Abort.NO and not op.closed:
            op.abort = Abort.ASKED
            sure = op.way is not Way.NONE and not op.kills
            self.asked = op, sure
        else:
            self.asked = None if op is None else op, False

    def aborted(self, found: bool) -> None:
        """The answer. Who was killed may have been found or not."""
        assert self.asked is not None
        op, sure = self.asked
        self.asked = None
        if op is None:
            need(not found, "a command that is not here was found")
            return
        if op.kills:
            op.abort = Abort.NO if not found else op.abort
            return
        if found:
            need(op.abort is not Abort.NO, f"found, but it had begun: {op}")
            need(op.abort is Abort.USED or not op.done, f"found, but it was over: {op}")
            op.abort = Abort.FOUND
        else:
            need(op.abort is not Abort.USED, f"ended, but not found: {op}")
            need(not sure or op.abort is not Abort.ASKED or op.done, f"not found, but it is here and has not begun: {op}")
            op.abort = Abort.NO
