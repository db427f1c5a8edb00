# SPDX-License-Identifier: Apache-2.0
"""The mailbox, its register map, the data page, and what is written at the start."""

from __future__ import annotations

from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.gen import carillon_mbox as made
from models.nvme.mailbox import EVENTS, Mailbox, act, bad_doorbell, sq_failed, with_more
from models.nvme.mailbox_regs import PAGE_AT, REGS, IrqBit, Kind, What, at, merge
from models.nvme.pagedma import BURST, PAGE, Transfer
from models.nvme.start import admin, cleared, cycles

pytestmark = pytest.mark.model


def box(**more) -> Mailbox:
    return Mailbox(**{"queues": 8, "namespaces": 4, "func_w": 8, "mdts_bytes": 1 << 20} | more)


def adr(name: str) -> int:
    return REGS[name].offset


def test_map_is_the_contract():
    """Stimulus: none. Checking: offsets, kept bits and reset values are those that are made of rtl/regs/mailbox.rdl; no register more or less."""
    here = {REGS[n].offset + 4 * i: (REGS[n].mask, REGS[n].reset) for n in REGS for i in range(REGS[n].words)}
    there = {}
    for reg in made.REGS.values():
        rw = [f for f in reg.fields.values() if f.access == "rw"]
        mask = sum((1 << f.width) - 1 << f.lsb for f in rw)
        for i in range(reg.count):
            if reg.offset < PAGE_AT:
                there[reg.offset + i * reg.stride] = (mask, sum((f.reset or 0) << f.lsb for f in rw))
    assert here == there
    assert {k.name: k.value for k in Kind} == {k.name: k.value for k in made.Event0Kind}
    assert {k.name: k.value for k in What} == {k.name: k.value for k in made.DrainGoWhat}


@given(st.integers(0, 0x1FFF), st.integers(0, 0xFFFFFFFF), st.integers(0, 15))
@settings(max_examples=60, deadline=None)
def test_registers_keep_their_bytes(addr, data, strb):
    """Stimulus: a write anywhere. Checking: kept bits of strobed bytes stay, everything else reads as before; holes read 0."""
    m = box()
    before = {a: m.read(a) for a in range(0, 0x200, 4)}
    m.write(addr, data, strb)
    name, _ = at(addr & 0x1FFC)
    for a, old in before.items():
        n, _ = at(a)
        kept = m.mask(n) if n else 0
        want = merge(old, data, strb) & kept if n and n == name and kept else old
        if n not in ("DMA_RESULT", "IRQ_STATUS", "STATUS"):
            assert m.read(a) == want, f"{n} {a:#x}"
    if addr >= PAGE_AT:
        assert m.read(addr) == merge(0, data, strb)


@given(st.lists(st.one_of(st.tuples(st.integers(0, 8), st.booleans(), st.booleans()), st.just("pop")), max_size=120))
@settings(max_examples=60, deadline=None)
def test_doorbells_that_were_refused(steps):
    """Stimulus: doorbells and pops. Checking: one event a kind that is held, in order; all are counted."""
    m, want, count = box(), deque(), [0] * 9
    for s in steps:
        if s == "pop":
            m.write(adr("EVENT_POP"), 1)
            if want:
                want.popleft()
            continue
        qid, cq, code = s
        count[qid] += 1
        key = (qid, code | cq << 1)
        if key not in want and len(want) < EVENTS:
            want.append(key)
        m.event(bad_doorbell(qid, cq, code, 3))
    assert [(e.queue, e.info) for e in m.events] == list(want)
    for qid, n in enumerate(count):
        m.write(adr("QSEL"), qid)
        assert m.read(adr("QBAD")) == n
        m.write(adr("QBAD"), 0, 8)
        assert m.read(adr("QBAD")) == 0


def test_events():
    """Stimulus: more than 16 events. Checking: 16 are held in order, the others counted; words; queue 0's failure stops it."""
    m = box()
    for n in range(20):
        m.event(with_more(n % 9, n, 0x286, n + 1, n << 40 | 5))
    assert m.read(adr("EVENTS_LOST")) == 4 and m.status() & 1 << 4
    for n in range(16):
        assert m.read(adr("EVENT")) == 4 | n % 9 << 8
        assert m.read(adr("EVENT") + 4) == n | 0x286 << 16
        assert [m.read(adr("EVENT") + 4 * i) for i in (2, 3, 4)] == [n + 1, 5, n << 8]
        m.write(adr("EVENT_POP"), 0, 0xE)
        m.write(adr("EVENT_POP"), 0, 1)
    assert not m.status() & 1 << 4 and not m.irq_status() & 1 << IrqBit.EVENT
    m.write(adr("EVENTS_LOST"), 0)
    assert m.read(adr("EVENTS_LOST")) == 0 and not m.stopped
    m.event(sq_failed(0))
    assert m.stopped
    m.begin()
    assert not m.stopped


def test_commands_and_answers():
    """Stimulus: commands, pops, answers, a drop. Checking: order, room, one answer at a time, nothing after the drop."""
    m = box(held=3)
    assert [m.command(n << 32 | n) for n in range(1, 5)] == [True, True, True, False] and m.stopped
    assert (m.read(adr("SQE")), m.read(adr("SQE") + 4), m.read(adr("SQE") + 60)) == (1, 1, 0)
    assert m.write(adr("SQE_POP"), 0) == [act("pop")] and m.read(adr("SQE")) == 2
    m.write(adr("CPL_DW0"), 77)
    want = act("answer", cid=9, status=0x102, more=1, dnr=1, dw0=77)
    assert m.write(adr("CPL_GO"), 9 << 16 | 3 << 11 | 0x102) == [want] and m.write(adr("CPL_GO"), 0) == []
    m.drop(True)
    assert m.command(5) and not m.stopped and m.status() & 3 == 0
    m.drop(False)
    assert m.write(adr("SQE_POP"), 0) == []


def test_goes():
    """Stimulus: each GO, with queues that are there and not, bytes without strobe. Checking: what follows, once."""
    m = box()
    for name in ("GRANT_GO", "RANGE_GO", "STOP_GO", "ABORT_GO", "DRAIN_GO"):
        assert m.write(adr(name), 9) == [] and m.write(adr(name), 8, 0xE) == [] and len(m.write(adr(name), 8)) == 1
    assert m.write(adr("DRAIN_GO"), 1) == [] and m.write(adr("ABORT_GO"), 1) == []
    m.abort_done(1)
    assert m.read(adr("ABORT_RESULT")) == 1 and m.irq_status() == 1 << IrqBit.ABORT
    assert m.write(adr("STOP_GO"), 0x103, 1) == [act("stop", qid=3, stop=0)]
    m.write(adr("CFG_QUEUE"), 9 << 8 | 8)
    assert m.write(adr("CFG_GO"), 1) == [] and len(m.write(adr("CFG_GO"), 0)) == 1 and len(m.write(adr("CFG_GO"), 3)) == 1
    m.write(adr("DMA_ADDR0"), 4095)
    assert m.write(adr("DMA_GO"), 2) == [] and m.read(adr("DMA_RESULT")) == 1 and m.read(PAGE_AT) == 0
    assert len(m.write(adr("DMA_GO"), 1)) == 1 and m.read(PAGE_AT) is None and m.write(PAGE_AT, 1) is None


def test_life():
    """Stimulus: start, STARTED too early and in time, QUIET, quiesce. Checking: STATUS, LIFE, IRQ_STATUS."""
    m = box()
    assert m.write(adr("LIFE"), 1) == [] and m.write(adr("LIFE"), 6) == [] and m.read(adr("LIFE")) == 4
    m.levels(quiesce=True)
    m.write(adr("LIFE"), 2)
    assert m.read(adr("LIFE")) == 2 and m.irq_status() == 1 << IrqBit.QUIESCE
    m.begin()
    assert m.write(adr("LIFE"), 1) == []
    m.levels(quiesce=False)
    m.cleared()
    assert m.read(adr("LIFE")) == 0 and m.write(adr("LIFE"), 1) == [act("started")] and m.write(adr("LIFE"), 1) == []


@given(st.integers(0, (1 << 64) - 1), st.integers(0, 8191), st.booleans(), st.sampled_from((8, 16, 32, 64)))
@settings(max_examples=60, deadline=None)
def test_transfers(addr, nbytes, to_host, lanes):
    """Stimulus: any transfer. Checking: its bursts are its bytes, in order, none across 512 bytes; a strobe a byte."""
    t = Transfer(addr, nbytes, to_host)
    assert t.allowed == (0 < nbytes and addr % PAGE + nbytes <= PAGE)
    got = [a for b in t.bursts() for a in range(b.addr, b.addr + b.nbytes)]
    assert got == (list(range(addr, addr + nbytes)) if t.allowed else [])
    for b in t.bursts():
        assert b.addr // BURST == (b.addr + b.nbytes - 1) // BURST
        bits = [b.base(lanes) + lanes * n + i for n, s in enumerate(b.strobes(lanes)) for i in range(lanes) if s >> i & 1]
        assert bits == list(range(b.addr, b.addr + b.nbytes)) and len(b.strobes(lanes)) == b.beats(lanes)


@pytest.mark.parametrize("queues", [1, 8, 128])
def test_start(queues):
    """Stimulus: none. Checking: so many writes fit into the time that there is, also with a set-up every second cycle."""
    writes = cleared(queues)
    assert len(writes) == (queues + 1) * (2 + 1 + 8) and len(admin(0x1000, 3, 0x2000, 4)) == 2
    assert cycles(queues) >= 8 * (queues + 1) + 4


def test_of_one_cycle_a_doorbell_is_the_oldest_and_the_first_to_be_lost():
    """Stimulus: a doorbell and a command in one cycle, told in either order, to a queue with room for both, for one, for none. Checking: who is held, and where."""
    bell, command = bad_doorbell(2, 0, 0, 3), with_more(3, 99, 0x286, 1, 0)
    for room, held in ((2, [bell, command]), (1, [command]), (0, [])):
        for both in ((bell, command), (command, bell)):
            m = box()
            for n in range(EVENTS - room):
                assert m.event(with_more(1, n, 0x286, 1, 0), n)
            for e in both:
                m.event(e, EVENTS)
            assert list(m.events)[EVENTS - room :] == held and m.lost == 2 - room and m.refused[2] == 1
            assert [e.cid for e in list(m.events)[: EVENTS - room]] == list(range(EVENTS - room))
