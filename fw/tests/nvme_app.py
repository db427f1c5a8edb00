# SPDX-License-Identifier: Apache-2.0
"""An application on the host library, and what it expects of its blocks and data. On the model, and in a simulation."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, field

from fw.tests.native import Mem
from fw.tests.nvme_host import PAGE, Buf, Client, ClientOf, Err, Kernel, Range, Shape
from models.layout import NvmeDsm, NvmeIoOp, NvmeRight
from models.layout import NvmeStatus as S

ALL_OPS = sum(1 << op for op in NvmeIoOp)
BOTH = 1 << NvmeRight.SOURCE | 1 << NvmeRight.SINK


def shape(sq: int = 16, cq: int = 16, commands: int = 16, most: int = 32768, **more: int):
    return Shape(sq_entries=sq, cq_entries=cq, commands=commands, max_bytes=most, **more)


def grant_for(owner: int, func: int, nsid: int, slba: int, nlb: int, mem: Mem, ops: int = ALL_OPS):
    ranges = (Range * 1)(Range(mem.bus, mem.bytes // PAGE, BOTH))
    client = ClientOf(owner, func, nsid, slba, nlb, ops, ranges, 1)
    client.keep = ranges
    return client


@dataclass
class App:
    """A client with data and a range of blocks, and what it expects of them."""

    kernel: Kernel
    owner: int
    func: int
    nsid: int
    slba: int
    nlb: int
    pages: int = 24
    how: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        m = self.m = self.kernel.m
        self.mem = m.take(self.pages, self.func)
        self.ns = m.namespaces[self.nsid - 1]
        grant = grant_for(self.owner, self.func, self.nsid, self.slba, self.nlb, self.mem)
        err, self.pair = self.kernel.create(grant, shape(**self.how))
        assert err == Err.OK, err
        self.client = Client(m, self.pair, self.func)
        self.busy: dict[int, tuple] = {}  # cookie: what is under way
        self.expect = bytearray(m.blocks(self.nsid, self.slba, self.nlb))
        self.compared = 0
        self.cookie = 0

    def buf(self, length: int) -> Buf | None:
        """A place in the data that no command uses; contiguous or page by page, at any multiple of 4."""
        rng = self.m.rng
        first = rng.randrange(self.pages - length // PAGE - 1)
        offset = rng.choice((0, 4 * rng.randrange(PAGE // 4)))
        count = (offset + length + PAGE - 1) // PAGE
        pages = range(first, first + count)
        if any(set(pages) & set(b[3]) for b in self.busy.values()):
            return None
        buf = Buf(self.mem.bus + first * PAGE + offset, None)
        if rng.randrange(2):
            order = rng.sample(pages, count)
            buf.keep = (ctypes.c_uint64 * count)(*(self.mem.bus + p * PAGE for p in order))
            buf.pages = buf.keep
            buf.order = order
        else:
            buf.order = list(pages)
        return buf

    def places(self, buf: Buf, length: int):
        """(address, bytes) of its pieces."""
        at = buf.bus % PAGE
        for page in buf.order:
            n = min(PAGE - at, length)
            yield self.mem.bus + page * PAGE + at, n
            length -= n
            at = 0

    def load(self, buf: Buf, length: int) -> bytes:
        return b"".join(bytes(self.m.bytes_at(a, n)) for a, n in self.places(buf, length))

    def store(self, buf: Buf, data: bytes) -> None:
        at = 0
        for a, n in self.places(buf, len(data)):
            self.m.bytes_at(a, n)[:] = data[at : at + n]
            at += n

    def submit(self) -> Err | None:
        """One random command on blocks and memory that no other one uses."""
        rng, bs = self.m.rng, self.ns.block_bytes
        blocks = rng.choice((1, 1, 1, 2, rng.randrange(1, self.pair.max_bytes // bs + 1)))
        blocks = min(blocks, self.nlb)
        at = rng.randrange(self.nlb - blocks + 1)
        kind = rng.choice(("read", "write", "compare", "write_zeroes", "verify", "flush", "dsm"))
        if any(at < b[1] + b[2] and b[1] < at + blocks for b in self.busy.values()):
            return None
        length = 16 if kind == "dsm" else blocks * bs
        buf = self.buf(length)
        if buf is None:
            return None
        self.cookie += 1
        slba, c = self.slba + at, self.client
        want, old = S.SUCCESS, bytes(self.expect[at * bs : (at + blocks) * bs])
        new = old
        if kind == "read":
            err = c.data(kind, slba, blocks, buf, self.cookie)
        elif kind == "write":
            new = rng.randbytes(length)
            self.store(buf, new)
            err = c.data(kind, slba, blocks, buf, self.cookie)
        elif kind == "compare":
            data = bytearray(new)
            if rng.randrange(2):
                data[rng.randrange(length)] ^= 1
                want = S.COMPARE_FAILURE
            self.store(buf, data)
            err = c.data(kind, slba, blocks, buf, self.cookie)
        elif kind == "dsm":
            self.store(buf, NvmeDsm(nlb=blocks, slba=slba).pack())
            new = bytes(blocks * bs)
            err = c.dsm(buf, 1, 1 << 2, self.cookie)
        elif kind == "flush":
            err = c.flush(self.cookie)
        else:
            new = bytes(length) if kind == "write_zeroes" else new
            err = c.touch(kind, slba, blocks, self.cookie)
        if err == Err.OK:
            self.expect[at * bs : (at + blocks) * bs] = new
            self.busy[self.cookie] = (kind, at, blocks, buf.order, buf, want, new, old)
        return err

    def reap(self) -> None:
        for cookie, status in self.client.poll(self.m.rng.randrange(1, 9)):
            kind, at, blocks, _, buf, want, new, _ = self.busy.pop(cookie)
            assert status == want, f"{kind}: {S(status).name}"
            if kind == "read":
                assert self.load(buf, blocks * self.ns.block_bytes) == new
            self.compared += 1

    def work(self) -> None:
        """A few commands, a doorbell, completions."""
        for _ in range(self.m.rng.randrange(6)):
            if self.submit() == Err.FULL:
                break
        if self.m.rng.randrange(3):
            self.client.ring()
        self.reap()

    def finish(self) -> None:
        self.client.ring()
        for _ in range(20000):
            if not self.busy:
                break
            self.m.steps()
            self.reap()
        assert not self.busy and self.m.blocks(self.nsid, self.slba, self.nlb) == self.expect
        assert self.compared > 0

    def bury(self) -> int:
        """It ended in the middle: each block of a command under way is as it was or as it would be, all others are right. How
        many blocks were new."""
        bs, done = self.ns.block_bytes, 0
        now = self.m.blocks(self.nsid, self.slba, self.nlb)
        for kind, at, blocks, _, _, _, new, old in self.busy.values():
            for i in range(blocks):
                here = slice((at + i) * bs, (at + i + 1) * bs)
                part = slice(i * bs, (i + 1) * bs)
                torn = now[here] not in (old[part], new[part])
                assert not torn, f"{kind}: block {self.slba + at + i} is torn"
                done += old[part] != new[part] and now[here] == new[part]
                self.expect[here] = now[here]
        assert now == self.expect
        return done
