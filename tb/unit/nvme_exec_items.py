# SPDX-License-Identifier: Apache-2.0
"""Commands for the bench of crl_nvme_exec, each with what walker, mover, list memory and check will say of it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from models.layout import NvmeDsm, NvmeIoOp
from models.layout import NvmeStatus as S
from models.nvme.executor import Command, Op, Piece
from models.nvme.mover import PAGE, Chunk

SLVERR, DECERR = 2, 3
READ, WRITE, COMPARE = NvmeIoOp.READ, NvmeIoOp.WRITE, NvmeIoOp.COMPARE
WALKED = (READ, WRITE, COMPARE)
SPANS = (NvmeIoOp.WRITE_ZEROES, NvmeIoOp.VERIFY)


@dataclass(eq=False)
class Item:
    """A command, and what was seen of it."""

    cmd: Command
    pieces: list[Piece] = field(default_factory=list)
    end: int | None = None  # what the mover says, if it had something to move
    listed: bytes = b""
    bad: dict[int, tuple[int, int]] = field(default_factory=dict)  # burst of the list: beat, response
    verdicts: list[tuple[int, int, int]] = field(default_factory=list)
    noise: dict[str, int] = field(default_factory=dict)  # of the port, where it does not count
    note: str = ""
    op: Op | None = None
    tag: int | None = None
    given: int = 0  # pieces taken
    chunks: list[Chunk] = field(default_factory=list)
    failed: bool = False
    burst_failed: bool = False
    status: int | None = None
    drop: bool = False
    at: dict[str, int] = field(default_factory=dict)  # cycles

    @property
    def port(self) -> dict[str, int]:
        c = self.cmd
        every = {"ok": int(c.ok), "status": c.status, "dnr": int(c.dnr), "more": int(c.more), "qid": c.qid, "cid": c.cid, "op": c.op}
        every |= {"addr": c.addr, "bytes": c.nbytes, "span": c.span, "prp1": c.prp1, "prp2": c.prp2, "func": c.func, "nsi": c.nsi}
        return every | {"nsid": c.nsid, "cdw10": c.cdw10, "cdw11": c.cdw11} | self.noise

    def bytes_at(self, addr: int, length: int, rng: random.Random) -> bytes:
        """Of the list, noise round it."""
        out = bytearray(rng.randbytes(length))
        begin = 0
        for p in self.pieces:
            if p.error:
                continue
            lo, hi = max(addr, p.addr), min(addr + length, p.addr + p.length)
            if lo < hi:
                out[lo - addr : hi - addr] = self.listed[begin + lo - p.addr : begin + hi - p.addr]
            begin += p.length
        return bytes(out)

    def responses(self, burst: int, beats: int) -> list[int]:
        """Of the beats of a burst of the list."""
        out = [0] * beats
        if burst in self.bad:
            beat, resp = self.bad[burst]
            out[min(beat, beats - 1)] = resp
        return out

    @property
    def lengths(self) -> list[int]:
        return [k.length for k in self.chunks]


class Maker:
    """Makes commands; a part of the bench."""

    rng: random.Random
    queues: int
    n_ns: int
    func_w: int

    def _command(self, op: int, qid: int | None, **fields) -> Command:
        rng = self.rng
        given = {"prp1": rng.getrandbits(64), "prp2": rng.getrandbits(64), "func": rng.getrandbits(self.func_w), "nsi": rng.randrange(self.n_ns)}
        given |= {n: rng.getrandbits(32) for n in ("nsid", "cdw10", "cdw11")}
        given |= {"dnr": bool(rng.getrandbits(1)), "more": bool(rng.getrandbits(1)), "status": rng.getrandbits(11), "cid": self._cid()}
        return Command(rng.randint(1, self.queues) if qid is None else qid, op=op, **(given | fields))

    def _cid(self) -> int:
        """Each is used once in a long time."""
        self.cids = getattr(self, "cids", 0) + 1
        return self.cids * 0x9E37 & 0xFFFF

    def page(self) -> int:
        return self.rng.getrandbits(52) << 12

    def layout(self, nbytes: int, offset: int, refuse: int | None = None, status: int = S.ACCESS_DENIED) -> list[Piece]:
        """Pieces as a walk gives them; `refuse`: the number of the one that is refused."""
        out: list[Piece] = []
        left = nbytes
        while left:
            n = min(left, PAGE - offset)
            if len(out) == refuse:
                return [*out, Piece(0, 0, True, True, status)]
            out.append(Piece(self.page() + offset, n, n == left))
            left, offset = left - n, 0
        return out

    def io(self, op: int, nbytes: int = 512, *, qid: int | None = None, shift: int = 9, place: int | None = None, offset: int = 0,
           refuse: int | None = None, status: int = S.ACCESS_DENIED, end: int | None = None, **fields) -> Item:
        """Read, Write, Compare. `place`: in its page of the namespace; `offset`: of PRP1 in its page."""
        rng = self.rng
        if place is None:
            place = rng.randrange(8) * 512 if shift == 9 else 0
        c = self._command(op, qid, addr=self.page() + place, nbytes=nbytes, span=nbytes, shift=shift, **fields)
        return Item(c, self.layout(nbytes, offset, refuse, status), end, note=f"{op} {nbytes} at {place} offset {offset}")

    def span(self, op: int, span: int = 512, *, qid: int | None = None, shift: int = 9, place: int | None = None, end: int | None = None, **fields) -> Item:
        """Write Zeroes, Verify."""
        if place is None:
            place = self.rng.randrange(8) * 512 if shift == 9 else 0
        return Item(self._command(op, qid, addr=self.page() + place, span=span, shift=shift, **fields), end=end)

    def flush(self, qid: int | None = None, **fields) -> Item:
        return Item(self._command(NvmeIoOp.FLUSH, qid, **fields), noise={"addr": self.rng.getrandbits(64)})

    def refused(self, status: int, qid: int | None = None, *, dnr: bool = True, more: bool | None = None, op: int | None = None) -> Item:
        """What the check has refused; nothing else of it counts."""
        more = status == S.ACCESS_DENIED if more is None else more
        op = self.rng.getrandbits(8) if op is None else op
        noise = {n: self.rng.getrandbits(32) for n in ("bytes", "span", "addr")}
        return Item(self._command(op, qid, ok=False, status=status, dnr=dnr, more=more), noise=noise)

    def dsm(self, spans: list[int], *, qid: int | None = None, ad: bool = True, offset: int = 0, shift: int = 9, fail: int | None = None,
            fail_status: int = S.LBA_RANGE, refuse: int | None = None, status: int = S.ACCESS_DENIED, bad: dict | None = None, end: int | None = None,
            places: list[int] | None = None) -> Item:
        """Dataset Management of ranges of so many bytes; range `fail` is refused, piece `refuse`, beat `bad[burst]` is an error."""
        rng = self.rng
        hints = rng.getrandbits(2) | 4 * ad
        c = self._command(NvmeIoOp.DSM, qid, nbytes=16 * len(spans), cdw11=hints, cdw10=len(spans) - 1 | rng.getrandbits(24) << 8, shift=shift)
        verdicts, listed = [], b""
        for n, span in enumerate(spans):
            place = places[n] if places else rng.randrange(8) * 512 if shift == 9 else 0
            verdicts.append((fail_status if n == fail else S.SUCCESS, self.page() + place, span))
            listed += NvmeDsm(rng.getrandbits(32), span >> shift, rng.getrandbits(64)).pack()
        pieces = self.layout(16 * len(spans), offset, refuse, status)
        return Item(c, pieces, end, listed, bad or {}, verdicts, note=f"DSM of {len(spans)}")

    def any_item(self, errors: float = 0.2, qid: int | None = None, most: int = 3 * PAGE) -> Item:
        """A command of any kind."""
        rng = self.rng
        shift = rng.choice((9, 12))
        size = 1 << shift
        nbytes = size * rng.choice((1, 1, 1, 2, 3, rng.randint(1, max(1, most // size))))
        bad = rng.random() < errors
        kind = rng.random()
        ends = (S.DATA_TRANSFER, S.READ_ERROR, S.WRITE_FAULT, S.COMPARE_FAILURE)
        if kind < 0.5:
            offset = rng.choice((0, 0, 4, 512, 2048, 4092, 4 * rng.randrange(1024)))
            pieces = (nbytes + offset + PAGE - 1) // PAGE
            refuse = rng.randrange(pieces) if bad and rng.random() < 0.5 else None
            status = rng.choice((S.ACCESS_DENIED, S.INVALID_PRP, S.DATA_TRANSFER))
            end = rng.choice(ends) if bad and refuse is None else None
            return self.io(rng.choice(WALKED), nbytes, qid=qid, shift=shift, offset=offset, refuse=refuse, status=status, end=end)
        if kind < 0.65:
            return self.span(rng.choice(SPANS), nbytes, qid=qid, shift=shift, end=rng.choice(ends) if bad else None)
        if kind < 0.75:
            return self.flush(qid)
        if kind < 0.85:
            return self.refused(rng.choice((S.ACCESS_DENIED, S.INVALID_FIELD, S.LBA_RANGE, S.INVALID_NS)), qid)
        spans = [size * k for k in rng.choices((0, 1, 1, 2, 5), k=rng.choice((1, 1, 2, 3, 20)))]
        offset = rng.choice((0, 4, 8, 2048, 4080, 4092, 4 * rng.randrange(1024)))
        fail = rng.randrange(len(spans)) if bad and rng.random() < 0.4 else None
        item = self.dsm(spans, qid=qid, ad=rng.random() < 0.7, offset=offset, shift=shift, fail=fail, fail_status=rng.choice((S.LBA_RANGE, S.ACCESS_DENIED)))
        if bad and fail is None:
            if rng.random() < 0.5:
                item.bad = {0: (rng.randrange(4), rng.choice((SLVERR, DECERR)))}
            else:
                item.pieces = [*item.pieces[:-1], Piece(0, 0, True, True, S.ACCESS_DENIED)]
        return item
