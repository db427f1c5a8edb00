# SPDX-License-Identifier: Apache-2.0
"""Completion queues of the NVMe model: slots, phase, bursts, errors."""

from __future__ import annotations

from collections import Counter, deque
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.gen.carillon_layout import NvmeCqe
from models.nvme.cqe import BURST_MAX, ENTRY, PAGE, CompletionQueues, HostQueue

pytestmark = pytest.mark.model


def one(size: int, **kw) -> CompletionQueues:
    """CQ 1 and SQs 1, 2 on it."""
    cqs = CompletionQueues(3)
    cqs.setup_cq(1, base=kw.pop("base", 0x7000), size=size, **kw)
    cqs.setup_sq(1, 1)
    cqs.setup_sq(2, 1)
    return cqs


@given(st.integers(1, 40), st.integers(0, 1 << 32))
def test_a_reader_by_phase(size: int, seed: int) -> None:
    """Stimulus: random reservations, completions, drops, give-backs, bursts cut at random, a reader that only looks at phases, over many
    wraps. Checking: the reader gets every entry once, in order; slots never run over; all that failed to get a slot is unparked."""
    rng = Random(seed)
    cqs = one(size)
    memory = bytearray(ENTRY * (size + 1))
    host = HostQueue(size)
    sent: deque[NvmeCqe] = deque()
    held: list[int] = []
    got, cid, parked, unparks = 0, 0, False, 0
    for _ in range(40 * (size + 1)):
        what = rng.randrange(6)
        cq = cqs.cqs[1]
        if what == 0:
            sq, want = rng.choice((1, 2)), rng.randint(1, size + 2)
            n = cqs.reserve(sq, want)
            assert n == want or n < want and cq.free == 0
            parked |= n < want
            held += [sq] * n
        elif what == 1 and held:
            sq = held.pop(rng.randrange(len(held)))
            drop = rng.random() < 0.1
            entry = cqs.complete(sq, cid=cid, sqhd=rng.randrange(4096), status=rng.randrange(2048), dnr=rng.randrange(2), dw0=cid, drop=drop)
            assert (entry is None) == drop
            if entry:
                assert (entry.data.sqid, entry.data.cid) == (sq, cid)
                sent.append(entry.data)
            cid = (cid + 1) & 0xFFFF
        elif what == 2 and held and rng.random() < 0.2:
            cqs.give_back(held.pop(), 1)
        elif what == 3:
            most = cqs.together(1)
            burst = cqs.burst(1, rng.randint(0, most)) if rng.random() < 0.5 else cqs.burst(1)
            if burst:
                at = burst.addr - cq.base
                memory[at:at + ENTRY * len(burst.entries)] = burst.pack()
                assert cqs.respond(burst).error is None
        elif what == 4:
            while (cqe := host.poll(lambda slot: bytes(memory[ENTRY * slot:ENTRY * slot + ENTRY]))) is not None:
                assert cqe == sent.popleft()
                got += 1
        elif what == 5:
            cqs.consume(1, host.head)
        cqs.check()
        if cqs.unparks > unparks:
            assert parked
            parked, unparks = False, cqs.unparks
        assert not (parked and cq.free)
    assert got


@given(st.integers(1, 4095), st.integers(0, 9000))
def test_bursts_end_where_they_must(size: int, before: int) -> None:
    """Stimulus: a queue of any depth, entries up to any place, then 20 that wait. Checking: bursts of up to 8, adjacent, within the page and
    the pass; phase inverts with each pass."""
    cqs = one(size, base=0xFFFF_FFFF_0000_0000)
    for n in range(before):
        assert cqs.reserve(1, 1) == 1
        cqs.complete(1, cid=n & 0xFFFF)
        burst = cqs.burst(1)
        assert burst and len(burst.entries) == 1
        cqs.respond(burst)
        cqs.consume(1, (n + 1) % (size + 1))
    for n in range(cqs.reserve(1, 20)):
        cqs.complete(1, cid=n)
    n = before
    while burst := cqs.burst(1):
        cqs.respond(burst)
        count = len(burst.entries)
        last = burst.entries[-1]
        assert count <= BURST_MAX and burst.addr // PAGE == last.addr // PAGE
        assert [e.slot for e in burst.entries] == [(n + i) % (size + 1) for i in range(count)]
        assert last.slot == burst.entries[0].slot + count - 1
        assert {e.data.phase for e in burst.entries} == {1 - n // (size + 1) % 2}
        n += count
        assert count == BURST_MAX or not cqs.cqs[1].waiting or (last.addr + ENTRY) % PAGE == 0 or last.slot == size
    assert n == before + min(20, size)


def test_depth_two() -> None:
    """Stimulus: the smallest queue. Checking: one slot; full until it is read; phases 1, 1, 0, 0, 1."""
    cqs = one(1)
    phases = []
    for n in range(5):
        assert cqs.reserve(1, 3) == 1
        assert cqs.reserve(2, 1) == 0
        entry = cqs.complete(1, cid=n)
        assert entry
        phases.append(entry.data.phase)
        cqs.respond(cqs.burst(1))
        assert cqs.reserve(1, 1) == 0
        assert cqs.consume(1, (n + 1) % 2)
    assert phases == [1, 1, 0, 0, 1]


def test_the_bits_of_an_entry() -> None:
    """Stimulus: one completion. Checking: its 16 bytes, written down by hand from the specification."""
    cqs = one(7)
    cqs.reserve(2, 1)
    entry = cqs.complete(2, cid=0x1234, sqhd=0x567, status=0x286, dnr=1, more=1, dw0=0x89ABCDEF)
    assert entry
    dw3 = 0x1234 | 1 << 16 | 0x286 << 17 | 1 << 30 | 1 << 31
    assert entry.pack() == b"\xef\xcd\xab\x89" + bytes(4) + b"\x67\x05\x02\x00" + dw3.to_bytes(4, "little")


def test_errors_silence_a_queue() -> None:
    """Stimulus: a write error with another burst owed and entries waiting; completions afterwards; set-up anew.
    Checking: one error, no interrupt any more, nothing posted, slots come back; then a new first pass."""
    cqs = one(9, vec=5)
    assert cqs.reserve(1, 9) == 9
    cqs.complete(1, cid=0)
    first = cqs.burst(1)
    cqs.complete(1, cid=1)
    second = cqs.burst(1)
    cqs.complete(1, cid=2)
    assert cqs.respond(first, 2).error == 1
    assert cqs.together(1) == 0
    answer = cqs.respond(second)
    assert answer.irq is None and answer.error is None
    for n in range(6):
        assert cqs.complete(1, cid=3 + n) is None
    assert cqs.idle and cqs.cqs[1].reserved == 0
    cqs.setup_cq(1, base=0, size=1, vec=6)
    assert cqs.reserve(1, 9) == 1
    entry = cqs.complete(1, cid=1)
    assert entry and (entry.addr, entry.data.phase) == (0, 1)
    assert cqs.respond(cqs.burst(1)).irq == 6


def test_interrupts() -> None:
    """Stimulus: queues with and without interrupts. Checking: one a burst, with the vector, after OKAY only."""
    seen: Counter = Counter()
    for ien in (False, True):
        cqs = one(8, ien=ien, vec=200)
        cqs.reserve(1, 5)
        for n in range(5):
            cqs.complete(1, cid=n)
        seen[ien, cqs.respond(cqs.burst(1)).irq] += 1
    assert seen == {(False, None): 1, (True, 200): 1}


def test_misuse_is_told() -> None:
    """Stimulus: calls that the contract rules out. Checking: they are refused."""
    cqs = one(3)
    with pytest.raises(ValueError, match="without a slot"):
        cqs.complete(1, cid=0)
    with pytest.raises(ValueError, match="gives back"):
        cqs.give_back(1, 1)
    with pytest.raises(ValueError, match="beyond"):
        cqs.consume(1, 1)
    with pytest.raises(ValueError, match="not there"):
        cqs.reserve(3, 1)
    with pytest.raises(ValueError, match="aligned"):
        cqs.setup_cq(1, base=16, size=3)
    cqs.reserve(1, 1)
    cqs.complete(1, cid=0)
    with pytest.raises(ValueError, match="under way"):
        cqs.setup_cq(1, base=0, size=3)
    with pytest.raises(ValueError, match="may go together"):
        cqs.burst(1, 2)
