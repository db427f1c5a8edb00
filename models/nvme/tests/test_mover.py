# SPDX-License-Identifier: Apache-2.0
"""Model of crl_nvme_move against a reference that goes byte by byte, and rule by rule."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.layout import NvmeStatus as S
from models.nvme.mover import PAGE, Access, Chunk, Kind, Mover, Need, commands, execute

FAILURES = {S.DATA_TRANSFER, S.READ_ERROR, S.WRITE_FAULT, S.COMPARE_FAILURE}


class Mem:
    """Bytes by address; what was never written is a hash of its address. `bad_*`: addresses that answer with an error."""

    def __init__(self, bad_read=(), bad_write=()) -> None:
        self.bytes: dict[int, int] = {}
        self.bad_read, self.bad_write = set(bad_read), set(bad_write)
        self.stores: list[tuple[int, bytes]] = []

    def byte(self, addr: int) -> int:
        return self.bytes.get(addr, (addr * 0x9E3779B1 >> 7 ^ addr >> 3) & 0xFF)

    def read(self, addr: int, length: int) -> bytes | None:
        if any(a in self.bad_read for a in range(addr, addr + length)):
            return None
        return bytes(self.byte(a) for a in range(addr, addr + length))

    def refuses(self, addr: int, length: int) -> bool:
        return any(a in self.bad_write for a in range(addr, addr + length))

    def write(self, addr: int, data: bytes) -> None:
        self.stores.append((addr, data))
        self.bytes.update(zip(range(addr, addr + len(data)), data, strict=True))


SRC, DST = 0x10_0000, 0x80_0000


@st.composite
def command(draw, tag: int = 0) -> list[Chunk]:
    """Up to 5 chunks, each with pages of its own."""
    count = draw(st.integers(1, 5))
    to_host = draw(st.booleans())
    out = []
    for n in range(count):
        last = n == count - 1
        length = draw(st.integers(0 if last else 1, 40))
        kind = draw(st.sampled_from(Kind))
        at = [draw(st.integers(0, PAGE - length - (length == 0))) for _ in range(2)]
        src, dst = SRC + n * PAGE + at[0], DST + n * PAGE + at[1]
        out.append(Chunk(kind, src, dst, length, 1, 2, to_host, tag, n == 0, last, draw(st.sampled_from([0, 0, 0x286, 0x13]))))
    return out


@st.composite
def memory(draw, chunks: list[Chunk]) -> Mem:
    """Errors at some bytes of what is accessed, or beside it; what is compared is equal, or not in one byte."""
    mem = Mem()
    for c in chunks:
        if c.kind == Kind.COMPARE:
            mem.bytes.update((c.dst + i, mem.byte(c.src + i)) for i in range(c.length))
            if c.length and draw(st.booleans()):
                mem.bytes[c.dst + draw(st.integers(0, c.length - 1))] ^= 1 << draw(st.integers(0, 7))
        for where, at in ((mem.bad_read, c.src), (mem.bad_read, c.dst), (mem.bad_write, c.dst)):
            if draw(st.integers(0, 5)) == 0:
                where.add(at + draw(st.integers(-1, c.length)))
    return mem


def by_bytes(chunks: list[Chunk], mem: Mem) -> tuple[int, dict[int, int]]:
    """(status, bytes that are written for sure): nothing but loops over bytes."""
    sure: dict[int, int] = {}
    wrong = 0
    for c in chunks:
        each = range(c.length)
        if c.kind != Kind.ZERO and any(c.src + i in mem.bad_read for i in each):
            from_host = c.kind == Kind.COMPARE or (c.kind == Kind.COPY and not c.to_host)
            return wrong or (0x004 if from_host else 0x281), sure
        if c.kind == Kind.COMPARE:
            if any(c.dst + i in mem.bad_read for i in each):
                return wrong or 0x281, sure
            if any(mem.byte(c.src + i) != mem.byte(c.dst + i) for i in each):
                wrong = wrong or 0x285
        if c.kind in (Kind.COPY, Kind.ZERO):
            for i in each:  # what a failing memory holds then does not matter here
                sure[c.dst + i] = mem.byte(c.src + i) if c.kind == Kind.COPY else 0
            if any(c.dst + i in mem.bad_write for i in each):
                wrong = wrong or (0x004 if c.kind == Kind.COPY and c.to_host else 0x280)
    return wrong or chunks[-1].status, sure


@given(st.data())
def test_against_bytes(data) -> None:
    """Stimulus: random commands and memories. Checking: status and memory as the reference says; nothing else is written."""
    chunks = data.draw(command())
    mem = data.draw(memory(chunks))
    out = execute(chunks, mem)
    status, sure = by_bytes(chunks, mem)
    assert out.status == status and (out.failed is not None) <= (status in FAILURES)
    before = dict(mem.bytes)
    out.apply(mem.write)
    assert mem.bytes == before | sure


@given(st.data())
def test_steps(data) -> None:
    """Stimulus: as before. Checking: accesses are those of the chunks, in order; up to the first bad read all MUST be; after it reads MAY be, writes
    never; no byte outside of the destinations changes."""
    chunks = data.draw(command())
    mem = data.draw(memory(chunks))
    out = execute(chunks, mem)
    want = [(n, a) for n, c in enumerate(chunks) for a in (*c.reads, *([c.write] if c.write else []))]
    assert [(s.chunk, s.access) for s in out.steps] == want
    bad = False
    for s in out.steps:
        if s.write:
            assert s.need is (Need.NEVER if bad else Need.MUST) and (s.data is None) == bad
            assert s.data is None or len(s.data) == s.access.length
        else:
            assert s.need is (Need.MAY if bad else Need.MUST)
        bad |= not s.write and s.data is None
    out.apply(mem.write)
    allowed = {a for s in out.writes if s.need is Need.MUST for a in range(s.access.addr, s.access.addr + s.access.length)}
    assert {a for at, d in mem.stores for a in range(at, at + len(d))} == allowed


@given(st.integers(0, 3 * PAGE), st.integers(0, 512), st.sampled_from([8, 16, 32, 64]))
def test_strobes(addr: int, length: int, lanes: int) -> None:
    """Checking: the strobes are those bytes and no other; no beat without one."""
    a = Access(addr, length, 0, False)
    strobes = a.strobes(lanes)
    assert len(strobes) == a.beats(lanes) and a.base(lanes) % lanes == 0 <= a.addr - a.base(lanes) < lanes
    seen = [a.base(lanes) + lanes * n + i for n, s in enumerate(strobes) for i in range(lanes) if s >> i & 1]
    assert seen == list(range(addr, addr + length))
    assert all(strobes) or not length


@given(st.data())
def test_commands_apart(data) -> None:
    """Stimulus: several commands in one stream, some fail. Checking: each ends as it would alone, in order; nothing is left."""
    many = [data.draw(command(tag)) for tag in range(3)]
    many = [[replace(c, src=c.src + (tag << 32), dst=c.dst + (tag << 32)) for c in cs] for tag, cs in enumerate(many)]
    mem = data.draw(memory([c for cs in many for c in cs]))
    want = [(tag, execute(cs, mem).status) for tag, cs in enumerate(many)]
    m = Mover(mem, mem.write)
    stream = [c for cs in many for c in cs]
    assert list(commands(stream)) == many
    for c in stream:
        assert (m.take(c) is not None) == c.last
    assert m.ended == want and m.idle


HOST_READ, NS_READ = S.DATA_TRANSFER, S.READ_ERROR


@pytest.mark.parametrize(
    ("kind", "to_host", "which", "status"),
    [
        (Kind.COPY, False, "src", HOST_READ),
        (Kind.COPY, True, "src", NS_READ),
        (Kind.COPY, False, "write", S.WRITE_FAULT),
        (Kind.COPY, True, "write", S.DATA_TRANSFER),
        (Kind.ZERO, False, "write", S.WRITE_FAULT),
        (Kind.ZERO, True, "write", S.WRITE_FAULT),
        (Kind.ZERO, False, "src", S.SUCCESS),
        (Kind.CHECK, False, "src", NS_READ),
        (Kind.CHECK, True, "src", NS_READ),
        (Kind.CHECK, False, "dst", S.SUCCESS),
        (Kind.CHECK, False, "write", S.SUCCESS),
        (Kind.COMPARE, False, "src", HOST_READ),
        (Kind.COMPARE, True, "src", HOST_READ),
        (Kind.COMPARE, False, "dst", NS_READ),
        (Kind.COMPARE, False, "differ", S.COMPARE_FAILURE),
        (Kind.COMPARE, False, "write", S.SUCCESS),
    ],
)
def test_table(kind: Kind, to_host: bool, which: str, status: int) -> None:
    """Checking: the contract's table of what each failure is called; another failure in a later chunk does not count."""
    c = Chunk(kind, SRC, DST, 16, 1, 2, to_host, 3, True, False)
    later = Chunk(Kind.ZERO, 0, DST + PAGE, 8, 0, 2, tag=3, last=True)
    mem = Mem()
    mem.bytes.update((DST + i, mem.byte(SRC + i)) for i in range(16))
    match which:
        case "src":
            mem.bad_read.add(SRC + 15)
        case "dst":
            mem.bad_read.add(DST + 15)
        case "write":
            mem.bad_write.add(DST + 15)
        case "differ":
            mem.bytes[DST + 15] ^= 1
    assert execute([c, later], mem).status == status
    mem.bad_write.add(later.dst)
    out = execute([c, later], mem)
    assert out.status == (status or S.WRITE_FAULT)
    if which == "src" and status:
        assert [s.need for s in out.writes][-1] is Need.NEVER


def test_write_before_later_read() -> None:
    """Checking: a write that fails comes before the read of the next chunk, though that is known earlier; and the other way round in one chunk."""
    a = Chunk(Kind.COPY, SRC, DST, 8, first=True)
    b = Chunk(Kind.COPY, SRC + PAGE, DST + PAGE, 8, last=True)
    assert execute([a, b], Mem({b.src}, {a.dst})).status == S.WRITE_FAULT
    assert execute([a, b], Mem({a.src, b.src}, {a.dst})).status == S.DATA_TRANSFER
    assert execute([a, b], Mem({b.src}, {b.dst})).status == S.DATA_TRANSFER


def test_refuses_nonsense() -> None:
    """Checking: what the block's user must not do is an error."""
    good = Chunk(Kind.COPY, SRC, DST, 8, first=True, last=True)
    for bad in (
        replace(good, length=513),
        replace(good, src=SRC + PAGE - 7),
        replace(good, dst=DST + PAGE - 1),
        replace(good, first=False),
        replace(good, last=False),
    ):
        with pytest.raises(ValueError):
            execute([bad], Mem())
    with pytest.raises(ValueError):
        Mover(Mem(), print).take(replace(good, length=0, last=False))
    with pytest.raises(ValueError):
        Mover(Mem(), print, ops=4).take(replace(good, tag=4))
    m = Mover(Mem(), print)
    m.take(replace(good, last=False))
    with pytest.raises(ValueError):
        m.take(good)
    with pytest.raises(ValueError):
        list(commands([replace(good, last=False)]))
    # Of what is not used, nothing is asked.
    zero = Chunk(Kind.ZERO, SRC + PAGE - 1, DST, 8, first=True, last=True)
    none = Chunk(Kind.COPY, SRC + PAGE - 1, DST + PAGE - 1, 0, first=True, last=True, status=S.ACCESS_DENIED)
    assert execute([zero], Mem()).status == S.SUCCESS
    out = execute([none], Mem())
    assert out.status == S.ACCESS_DENIED and not out.steps
