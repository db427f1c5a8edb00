# SPDX-License-Identifier: Apache-2.0
"""PRP walk: descriptions made from pages by a builder of its own, and hostile ones."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.layout import NvmeStatus
from models.nvme.prp import (
    PAGE,
    PRP_LIST,
    QUEUE,
    SINK,
    SOURCE,
    Piece,
    Range,
    bursts,
    may_read,
    permitted,
    unpack_ranges,
    walk,
)

pytestmark = pytest.mark.model

TOP = 1 << 64
ALL = [
    Range(0, 0xFFFF_FFFF, SOURCE | SINK | PRP_LIST),
    Range(TOP - (1 << 40), 1 << 28, SOURCE | PRP_LIST),
]


def build(pages: list[int], offset: int, nbytes: int, slots: list[int]):
    """(PRP1, PRP2, list memory) for data in `pages`. `slots`: addresses of lists, one for each page that
    a list takes; the first may begin anywhere in its page."""
    prp1 = pages[0] + offset
    rest = pages[1:]
    memory: dict[int, int] = {}
    if not rest:
        return prp1, 0xDEAD_BEEF_F00D, memory
    if len(rest) == 1:
        return prp1, rest[0], memory
    addresses = iter(slots)
    at = next(addresses)
    prp2 = at
    for i, page in enumerate(rest):
        if at % PAGE == PAGE - 8 and i != len(rest) - 1:
            memory[at] = at = next(addresses)
        memory[at] = page
        at += 8
    return prp1, prp2, memory


@given(
    first=st.integers(0, PAGE // 4 - 1).map(lambda x: 4 * x),
    nbytes=st.integers(1, 3 * PAGE) | st.integers(1, 1 << 20) | st.just(1 << 20),
    skip=st.integers(0, 511) | st.integers(500, 511),
    seed=st.integers(0, 1 << 30),
)
def test_walk_back(first: int, nbytes: int, skip: int, seed: int) -> None:
    """Stimulus: data in random pages, lists that begin at any place of a page.
    Checking: the pieces are the pages, every list entry is read once, bursts keep their bounds."""
    rng = Random(seed)
    count = (first + nbytes + PAGE - 1) // PAGE
    pages = [rng.randrange(1 << 31) * PAGE for _ in range(count)]
    if rng.random() < 0.2:
        pages[-1] = TOP - PAGE
    slots = [rng.randrange(1 << 31) * PAGE for _ in range(3)]
    slots[0] += 8 * skip
    prp1, prp2, memory = build(pages, first, nbytes, slots)
    done = walk(prp1, prp2, nbytes, ALL, SOURCE, lambda a: memory[a])
    assert done.ok
    want, left, at = [], nbytes, first
    for page in pages:
        n = min(left, PAGE - at)
        want.append(Piece(page + at, n))
        left, at = left - n, 0
    assert left == 0 and list(done.pieces) == want
    assert list(done.reads) == list(memory)
    assert may_read(prp1, prp2, nbytes, ALL, SOURCE, lambda a: memory[a]) == done.reads
    again = []
    for addr, n in bursts(done.reads):
        assert addr // 128 == (addr + n - 1) // 128
        again += range(addr, addr + n, 8)
    assert again == list(done.reads)


def test_last_entry_of_a_page() -> None:
    """Stimulus: a list whose last place in its page is the last page of data, or one before it.
    Checking: data, or a chain."""
    for skip in (0, 1, 255, 256, 300, 509, 510, 511):
        places = 512 - skip
        for extra in (0, 1):
            left = places + extra  # pages after the first
            if left < 2:
                continue
            memory = {0x8000 + 8 * (skip + i): 0x10_0000 + PAGE * i for i in range(places)}
            memory.update({0x10_0000 + PAGE * (places - 1) + 8 * i: 0x90_0000 for i in range(2)})
            done = walk(
                0x5000, 0x8000 + 8 * skip, PAGE * (left + 1), ALL, SINK, lambda a: memory[a]
            )
            assert done.ok and len(done.pieces) == left + 1
            assert (done.pieces[-1].addr == 0x90_0000) == bool(extra)
            assert len(done.reads) == places + 2 * extra


@given(st.randoms(use_true_random=False))
def test_hostile(rng: Random) -> None:
    """Stimulus: random entries, some of them loops, random ranges, error responses.
    Checking: the walk ends; every piece and every list entry is in a range with its right; no piece
    crosses a page; pieces and data add up when it is good; what is read is what may be read."""
    pool = [rng.randrange(64) * PAGE for _ in range(8)] + [TOP - PAGE, TOP - 2 * PAGE]
    ranges = [
        Range(rng.choice(pool), rng.choice([0, 1, 4, 0xFFFF_FFFF]), rng.choice([0, 3, 4, 7, 7, 7]))
        for _ in range(8)
    ]
    memory: dict[int, int | None] = {}

    def read(addr: int) -> int | None:
        if addr not in memory:
            entry = rng.choice(pool)
            if rng.random() < 0.005:
                entry = rng.choice([entry + 4, entry + 2048, rng.randrange(TOP), None])
            memory[addr] = entry
        return memory[addr]

    right = rng.choice([SOURCE, SINK])
    nbytes = rng.choice([rng.randint(1, 1 << 20), rng.randint(1, 3 * PAGE), 5 << 20])
    prp1 = rng.choice(pool) + rng.choice([0, 4 * rng.randrange(1024), rng.randrange(PAGE)])
    prp2 = rng.choice(pool) + rng.choice([0, PAGE - 8, 8 * rng.randrange(512), rng.randrange(PAGE)])
    done = walk(prp1, prp2, nbytes, ranges, right, read)
    for p in done.pieces:
        assert permitted(ranges, p.addr, p.length, right)
        assert p.addr // PAGE == (p.addr + p.length - 1) // PAGE and p.addr + p.length <= TOP
    assert all(permitted(ranges, a, 8, PRP_LIST) and a % 8 == 0 for a in done.reads)
    total = sum(p.length for p in done.pieces)
    assert total == nbytes if done.ok else total < nbytes
    ahead = may_read(prp1, prp2, nbytes, ranges, right, read)
    assert ahead[: len(done.reads)] == done.reads
    if done.status == NvmeStatus.DATA_TRANSFER:
        assert memory[done.reads[-1]] is None


def one(prp1=0x4000, prp2=0x9000, nbytes=PAGE, ranges=tuple(ALL), right=SOURCE, entries=()):
    """A walk over a short list at 0x9000."""
    memory = {0x9000 + 8 * i: e for i, e in enumerate(entries)}
    return walk(prp1, prp2, nbytes, ranges, right, memory.get)


def test_single_rules() -> None:
    """Stimulus: one fault at a time. Checking: its status, and the pieces before it."""
    assert one(0x4002).status == NvmeStatus.INVALID_PRP
    assert one(0x4FFC, nbytes=4).pieces == (Piece(0x4FFC, 4),)
    assert one(0x4000, 0x9004).ok, "PRP2 is not looked at"
    assert one(0x4004, 0x9008).status == NvmeStatus.INVALID_PRP, "an entry"
    assert one(0x4004, 0x9000).pieces == (Piece(0x4004, 4092), Piece(0x9000, 4))
    assert one(0x4004, 0x9000, 2 * PAGE).status == NvmeStatus.DATA_TRANSFER, "a list"
    assert one(0x4000, 0x9004, 3 * PAGE).status == NvmeStatus.INVALID_PRP, "a list at a bad place"
    bad = one(0x4000, nbytes=4 * PAGE, entries=[0x1000, 0x2008, 0x3000])
    assert (bad.status, len(bad.pieces)) == (NvmeStatus.INVALID_PRP, 2)
    none = one(0x4000, nbytes=4 * PAGE, entries=[0x1000])
    assert (none.status, len(none.pieces), len(none.reads)) == (NvmeStatus.DATA_TRANSFER, 2, 2)
    chain = walk(0, 0x9FF8, 4 * PAGE, ALL, SOURCE, {0x9FF8: 0xA008}.get)
    assert (chain.status, len(chain.pieces), chain.reads) == (NvmeStatus.INVALID_PRP, 1, (0x9FF8,))


def test_rights() -> None:
    """Stimulus: ranges without one right, by one page too short, joined of two, at the end of memory.
    Checking: ACCESS_DENIED, and nothing is read where lists may not be."""
    lists = Range(0x9000, 1, PRP_LIST)
    data = Range(0x1000, 4, SOURCE)
    args = {"nbytes": 3 * PAGE, "entries": [0x1000, 0x2000]}
    assert one(ranges=(lists, data), **args).ok
    assert one(ranges=(lists, data), right=SINK, **args).status == NvmeStatus.ACCESS_DENIED
    no_list = one(ranges=(Range(0x9000, 1, SOURCE | SINK | QUEUE), data), **args)
    assert (no_list.status, len(no_list.pieces), no_list.reads) == (NvmeStatus.ACCESS_DENIED, 1, ())
    short = one(ranges=(lists, Range(0x2000, 3, SOURCE)), **args)
    assert (short.status, len(short.pieces)) == (NvmeStatus.ACCESS_DENIED, 1)
    assert one(ranges=(lists, Range(0x1000, 1, SOURCE), Range(0x2000, 3, SOURCE)), **args).ok
    top = Range(TOP - PAGE, 1, SOURCE)
    assert one(TOP - PAGE, ranges=(top,)).ok
    assert one(TOP - 4, nbytes=4, ranges=(top,)).ok
    assert (
        one(0, nbytes=4, ranges=(Range(TOP - PAGE, 2, SOURCE),)).status == NvmeStatus.ACCESS_DENIED
    )
    assert (
        one(TOP - PAGE, ranges=(Range(TOP - PAGE, 0, SOURCE),)).status == NvmeStatus.ACCESS_DENIED
    )


def test_to_the_end() -> None:
    """Stimulus: PAGES FFFFFFFFh and one less, from 0 and from above it. Checking: to the end of memory, or not; never
    below the base."""
    for base in (0, 0x7000, 1 << 63, TOP - PAGE):
        full, less = Range(base, 0xFFFF_FFFF, SOURCE), Range(base, 0xFFFF_FFFE, SOURCE)
        for addr in (
            base,
            base + PAGE - 4,
            TOP - 4,
            TOP - PAGE,
            1 << 63,
            base + 0xFFFF_FFFE * PAGE,
        ):
            length = min(4, TOP - addr)
            if addr < TOP:
                assert full.holds(addr, length, SOURCE) == (addr >= base)
                assert less.holds(addr, length, SOURCE) == (0 <= addr - base < 0xFFFF_FFFE * PAGE)
        assert not full.holds(base - 4, 4, SOURCE) and not full.holds(TOP - 4, 8, SOURCE)
        assert full.holds(base, TOP - base, SOURCE) and not full.holds(base, 4, SINK)
    assert not Range(0x7008, 0xFFFF_FFFF, SOURCE).holds(1 << 63, 4, SOURCE)


def test_base_inside_a_page() -> None:
    """Stimulus: a range whose base has one of the low bits. Checking: it gives no right."""
    for bit in range(12):
        bad = Range(0x4000 | 1 << bit, 8, SOURCE)
        for addr in (0x4000, 0x4000 + (1 << bit) // 4 * 4, 0x5000):
            assert one(addr, nbytes=4, ranges=(bad,)).status == NvmeStatus.ACCESS_DENIED
        assert one(0x5000, nbytes=4, ranges=(bad, Range(0x5000, 1, SOURCE))).ok


def test_form_before_ranges() -> None:
    """Stimulus: an entry with a bad offset outside all ranges. Checking: INVALID_PRP, as its form is first."""
    for prp1 in (0x4001, 0x4002, 0x4003):
        assert one(prp1, nbytes=1, ranges=()).status == NvmeStatus.INVALID_PRP
    assert one(0x4000, nbytes=1, ranges=()).status == NvmeStatus.ACCESS_DENIED
    assert (
        one(0x4000, 0x9004, 2 * PAGE, ranges=(Range(0x4000, 1, SOURCE),)).status
        == NvmeStatus.INVALID_PRP
    )


def test_ranges_of_a_grant() -> None:
    """Stimulus: NVME_GRANT with three ranges that count. Checking: these and no others."""
    three = [Range(i << 12, i, 7) for i in (1, 2, 3)]
    raw = bytearray(256)
    raw[28] = 3
    for i, r in enumerate([*three, Range(0, 9, 7)]):
        raw[32 + 16 * i : 48 + 16 * i] = r.to_int().to_bytes(16, "little")
    assert unpack_ranges(bytes(raw)) == three
    raw[28] = 9
    with pytest.raises(ValueError):
        unpack_ranges(bytes(raw))
