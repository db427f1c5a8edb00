# SPDX-License-Identifier: Apache-2.0
"""The model of several nodes: effects, refusals, messages, and what it calls a difference."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.lay import AT_PEER, Desc, DescFlag, Op, Status
from models.memory import Memory
from models.mesh import Mesh
from models.segments import R_ATOMIC, R_LOCAL, R_READ, R_REMOTE, R_WRITE, Segment

ALL = R_READ | R_WRITE | R_ATOMIC | R_LOCAL | R_REMOTE
SIZE = 1 << 16


def ring() -> Mesh:
    """Three nodes; channel 0 to the next one, channel 1 to the one before; segment c is channel c's."""
    m = Mesh.of("ABC")
    for i, n in enumerate("ABC"):
        for ch in (0, 1):
            m.segment(n, ch, Segment(True, 0x10_0000 * (ch + 1), SIZE, ALL, ch, ch, 5))
            m.bind(n, ch, "ABC"[(i + (2 if ch else 1)) % 3], 1 - ch, ch)
        m.memories[n].write(0x10_0000, bytes((i + 1) * 16 + k % 16 for k in range(256)))
        m.memories[n].write(0x20_0000, bytes((i + 1) * 16 + k % 16 for k in range(256)))
    return m


def at(m: Mesh, node: str, ch: int, offset: int) -> int:
    return m.tables[node].address(ch, offset)


@given(st.sampled_from("ABC"), st.integers(0, 1), st.integers(1, 200), st.integers(0, 50), st.integers(0, 3000))
def test_a_write_reaches_the_bound_node_alone(node, ch, size, src, dst):
    m = ring()
    before = {n: x.copy() for n, x in m.memories.items()}
    b = m.bound[node, ch]
    d = Desc(Op.WRITE, tag=7, length=size, src=at(m, node, ch, src), dst=at(m, b.far_node, b.far_channel, 4096 + dst))
    (cqe,) = m.carry_out(node, ch, [d])
    assert (cqe.status, cqe.nbytes, cqe.tag) == (Status.OK, size, 7)
    data = m.memories[node].read(0x10_0000 * (ch + 1) + src, size)
    before[b.far_node].write(0x10_0000 * (b.far_channel + 1) + 4096 + dst, data)
    assert not m.differences(before)


def test_read_and_quiet_completions():
    m = ring()
    read = Desc(Op.READ, tag=1, length=64, src=at(m, "B", 1, 8), dst=at(m, "A", 0, 4096))
    quiet = Desc(Op.COPY, flags=1 << DescFlag.NO_CPL, tag=2, length=8, src=at(m, "A", 0, 0), dst=at(m, "A", 0, 8192))
    assert [c.tag for c in m.carry_out("A", 0, [read, quiet])] == [1]
    assert m.memories["A"].read(0x10_1000, 64) == m.memories["B"].read(0x20_0008, 64)
    assert m.memories["A"].read(0x10_2000, 8) == m.memories["A"].read(0x10_0000, 8)


def test_atomics_take_two_slots_when_they_swap():
    m = ring()
    m.memories["B"].write(0x20_0100, (41).to_bytes(8, "little"))
    cell = at(m, "B", 1, 0x100)
    work = [
        Desc(Op.FETCH_ADD, tag=1, length=8, src=at(m, "A", 0, 0x800), dst=cell, operand=1),
        Desc(Op.CMP_SWAP, tag=2, length=8, src=at(m, "A", 0, 0x808), dst=cell, operand=42),
        Desc(Op.EXT, operand=99),
        Desc(Op.CMP_SWAP, tag=3, length=8, src=at(m, "A", 0, 0x810), dst=cell, operand=42),
        Desc(Op.EXT, operand=7),
    ]
    assert [(c.tag, c.status, c.nbytes) for c in m.carry_out("A", 0, work)] == [(t, 0, 8) for t in (1, 2, 3)]
    got = m.memories["A"].read(0x10_0800, 24)
    assert [int.from_bytes(got[i : i + 8], "little") for i in (0, 8, 16)] == [41, 42, 99]
    assert int.from_bytes(m.memories["B"].read(0x20_0100, 8), "little") == 99


def test_messages_are_told_in_order():
    m = ring()
    work = [Desc(Op.WRITE_IMM, tag=i, length=n, src=at(m, "A", 0, 0), dst=at(m, "B", 1, 4096), operand=0xF_0000_0000 | i)
            for i, n in enumerate((0, 16))]
    assert [(c.status, c.nbytes) for c in m.carry_out("A", 0, work)] == [(0, 0), (0, 16)]
    assert m.messages == {("B", 1): [(0, 0), (1, 16)]}


@pytest.mark.parametrize(
    ("spoil", "status"),
    [
        ("link", Status.PEER_DOWN),
        ("binding", Status.PEER_REFUSED | AT_PEER),
        ("peer", Status.SEG_BINDING | AT_PEER),
        ("rights", Status.SEG_RIGHTS | AT_PEER),
        ("key", Status.KEY_REVOKED | AT_PEER),
        ("range", Status.SEG_RANGE | AT_PEER),
    ],
)
@pytest.mark.parametrize("op", [Op.WRITE, Op.READ, Op.FETCH_ADD, Op.WRITE_IMM])
def test_what_is_refused_touches_nothing(spoil, status, op):
    m = ring()
    seg = m.tables["B"].get(1)
    far = at(m, "B", 1, SIZE - 4 if spoil == "range" and op != Op.FETCH_ADD else SIZE if spoil == "range" else 64)
    if spoil == "link":
        m.down.add(frozenset("AB"))
    elif spoil == "binding":
        m.bind("B", 1, "C", 0, 1)
    elif spoil == "peer":
        m.segment("B", 1, Segment(True, seg.base, seg.size, seg.rights, 1, 0, seg.gen))
    elif spoil == "rights":
        m.segment("B", 1, Segment(True, seg.base, seg.size, R_LOCAL | R_REMOTE, 1, seg.peer, seg.gen))
    elif spoil == "key":
        m.tables["B"].revoke(1)
    near = at(m, "A", 0, 4096)
    src, dst = (far, near) if op == Op.READ else (near, far)
    before = {n: x.copy() for n, x in m.memories.items()}
    (cqe,) = m.carry_out("A", 0, [Desc(op, tag=1, length=8, src=src, dst=dst)])
    assert (cqe.status, cqe.nbytes) == (status, 0)
    assert not m.differences(before) and not m.messages


def test_a_difference_is_found():
    m = ring()
    other = {n: x.copy() for n, x in m.memories.items()}
    other["C"].write(0x10_0003, b"\0")
    assert list(m.differences(other)) == ["C"]
    assert not m.differences({n: Memory(n) if n not in m.memories else m.memories[n] for n in "ABC"})
