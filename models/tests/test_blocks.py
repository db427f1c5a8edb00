# SPDX-License-Identifier: Apache-2.0
"""Chunks, bursts, realignment and completion bursts, against their definitions."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.blocks import (
    AlignCmd,
    Aligner,
    align_commands,
    axi_bursts,
    burst_faults,
    pack_completions,
    read_bursts,
    realign,
    split_chunks,
    to_beats,
    touched_beats,
    write_bursts,
)
from models.lay import Cqe
from models.memory import PAGE, Memory
from models.ring import CplRing

pytestmark = pytest.mark.model

BEATS = st.sampled_from([8, 16, 32, 64])
ADDR = st.integers(0, 3 * PAGE) | st.integers(PAGE - 70, PAGE + 5)
LEN = st.integers(1, 5000) | st.sampled_from([1, 7, 8, 63, 64, 65, 511, 512, 513, 4095, 4096, 4097])


@given(ADDR, ADDR, LEN, st.sampled_from([128, 256, 512]), st.booleans())
def test_chunks(src: int, dst: int, n: int, mb: int, remote: bool) -> None:
    """Stimulus: any operation. Checking: chunks cover it once, in order, inside their limits."""
    out = split_chunks(src, dst, n, mb, remote=remote, link_mtu=1024)
    assert sum(c.n for c in out) == n
    pos = 0
    for c in out:
        assert c.pos == pos and c.src == src + pos and c.dst == dst + pos
        assert 1 <= c.n <= mb
        assert c.src // mb == (c.src + c.n - 1) // mb
        if remote:
            assert pos // 1024 == (pos + c.n - 1) // 1024
            assert c.frame_end == (c.last or (pos + c.n) % 1024 == 0)
        else:
            assert c.dst // PAGE == (c.dst + c.n - 1) // PAGE
        pos += c.n
    assert out[0].first and out[-1].last
    # as few as the limits allow: each chunk ends at a limit
    for c in out[:-1]:
        end = c.pos + c.n
        at_limit = (src + end) % mb == 0
        at_limit |= end % 1024 == 0 if remote else (dst + end) % PAGE == 0
        assert at_limit


@given(ADDR, ADDR, LEN, st.sampled_from([128, 512]), BEATS)
def test_bursts_of_a_copy(src: int, dst: int, n: int, mb: int, beat: int) -> None:
    """Stimulus: any copy. Checking: legal bursts; each destination beat written once."""
    chunks = split_chunks(src, dst, n, mb)
    for b in read_bursts(chunks, beat):
        assert not burst_faults(b.addr, b.beats, beat, mb)
    writes = write_bursts(chunks, beat)
    for b in writes:
        assert not burst_faults(b.addr, b.beats, beat, mb + beat)
    assert [(b.start, b.end) for b in writes][0][0] == dst
    assert writes[-1].end == dst + n
    assert all(a.end == b.start for a, b in zip(writes, writes[1:], strict=False))
    assert sum(b.beats for b in writes) == touched_beats(dst, n, beat)


@given(ADDR, LEN, st.sampled_from([64, 512, 4096]), BEATS)
def test_axi_bursts(start: int, n: int, mb: int, beat: int) -> None:
    """Stimulus: any range. Checking: joined and legal."""
    out = axi_bursts(start, n, max(mb, beat), beat)
    assert out[0].start == start and out[-1].end == start + n
    assert all(a.end == b.start for a, b in zip(out, out[1:], strict=False))
    for b in out:
        assert not burst_faults(b.addr, b.beats, beat, max(mb, beat))


def test_burst_faults() -> None:
    """Stimulus: illegal bursts. Checking: each is named."""
    assert burst_faults(4096 - 8, 2, 8, 512)
    assert burst_faults(0, 0, 8, 512)
    assert burst_faults(0, 257, 8, 1 << 20)
    assert burst_faults(0, 65, 8, 512)
    assert burst_faults((1 << 64) - 8, 2, 8, 512)
    assert not burst_faults(4096 - 8, 1, 8, 512)


@given(st.binary(min_size=1, max_size=300), ADDR, BEATS)
def test_to_beats(data: bytes, addr: int, beat: int) -> None:
    """Stimulus: any write. Checking: applying its beats to memory is the write."""
    a, b = Memory(fill=0x5A), Memory(fill=0x5A)
    a.write(addr, data)
    base = addr - addr % beat
    for i, (word, strb) in enumerate(to_beats(addr, data, beat)):
        b.write(base + i * beat, word, strb)
    assert a == b


@given(st.binary(min_size=1, max_size=700), st.integers(0, 63), st.integers(0, 63), BEATS)
def test_realign_one_chunk(data: bytes, so: int, do: int, beat: int) -> None:
    """Stimulus: any bytes and lanes. Checking: beats equal those of a plain write."""
    so, do = so % beat, do % beat
    out = realign(data, so, do, beat)
    assert [(o.masked(), o.strb) for o in out] == to_beats(do, data, beat)
    assert [o.first for o in out] == [i == 0 for i in range(len(out))]
    assert [o.last for o in out] == [i == len(out) - 1 for i in range(len(out))]


@given(ADDR, ADDR, LEN, st.sampled_from([128, 512]), BEATS, st.booleans(), st.integers(0, 1 << 30))
def test_realign_an_operation(
    src: int, dst: int, n: int, mb: int, beat: int, remote: bool, seed: int
) -> None:
    """Stimulus: an operation as the commands of its chunks.
    Checking: memory (or the frames) as one move."""
    data = random.Random(seed).randbytes(n)
    mem = Memory()
    mem.write(src, data)
    al = Aligner(beat)
    out = Memory(fill=0xAA)
    frames: list[bytes] = []
    part = b""
    chunks = split_chunks(src, dst, n, mb, remote=remote)
    pos = dst - dst % beat
    for c, cmd in zip(chunks, align_commands(chunks, beat, remote=remote), strict=True):
        beats = [
            mem.read(c.src - c.src % beat + i * beat, beat) for i in range(al.input_beats(cmd))
        ]
        for o in al.run(cmd, beats):
            if o.none:
                continue
            if remote:
                part += bytes(b for i, b in enumerate(o.data) if o.strb >> i & 1)
            else:
                out.write(pos, o.data, o.strb)
                pos += beat
        if remote and c.frame_end:
            frames.append(part)
            part = b""
    if remote:
        assert frames == [data[i : i + 1024] for i in range(0, n, 1024)]
    else:
        want = Memory(fill=0xAA)
        want.write(dst, data)
        assert want.read(dst - 64 if dst >= 64 else 0, n + 128) == out.read(
            dst - 64 if dst >= 64 else 0, n + 128
        )
    assert not al.carry


def test_aligner_keeps_channels_apart() -> None:
    """Stimulus: two channels' carries at once. Checking: neither sees the other's bytes."""
    al = Aligner(8)
    assert al.run(AlignCmd(0, 0, 3, flush=False, ch=0), [b"abcXXXXX"])[0].none
    assert al.run(AlignCmd(0, 1, 2, flush=False, ch=1), [b"pqXXXXXX"])[0].none
    (o,) = al.run(AlignCmd(3, 3, 5, cont=True, ch=0), [b"abcdefgh"])
    assert (o.data, o.strb) == (b"abcdefgh", 0xFF)
    (o,) = al.run(AlignCmd(0, 3, 2, cont=True, ch=1), [b"rsXXXXXX"])
    assert (o.masked(), o.strb) == (b"\0pqrs\0\0\0", 0x1E)
    with pytest.raises(ValueError, match="source beats"):
        al.run(AlignCmd(0, 0, 9), [b"abcdefgh"])


@given(st.integers(2, 9), st.integers(0, 600), st.integers(1, 40))
def test_pack_completions(log2: int, start: int, n: int) -> None:
    """Stimulus: entries ready together. Checking: order, phases, 8 at most, no edge, ring end."""
    ring = CplRing(0x20000 if log2 > 8 else 0x20000 + 4096 - (16 << log2), log2)
    ring.prod = ring.cons = start % ring.size
    n = min(n, ring.free)
    out = pack_completions(ring, [Cqe(i) for i in range(n)])
    entries = [(b.addr + 16 * i, e) for b in out for i, e in enumerate(b.entries)]
    assert [e.tag for _, e in entries] == list(range(n))
    for k, (addr, e) in enumerate(entries):
        i = start % ring.size + k
        assert addr == ring.addr(i)
        assert e.phase == (1 if i < ring.size else 0)
    for b in out:
        assert len(b.entries) <= 8
        assert b.addr // PAGE == (b.addr + len(b.data) - 1) // PAGE
        assert b.addr + len(b.data) <= ring.base + ring.bytes
