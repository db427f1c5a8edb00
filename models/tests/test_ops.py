# SPDX-License-Identifier: Apache-2.0
"""Operations and the life of a channel."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.channel import CHANNEL_ERRORS, TABLE, Channel
from models.lay import AT_PEER, Cmd, Desc, DescFlag, Op, State, Status, segaddr
from models.memory import DECERR, SLVERR, Memory
from models.ops import SUPPORTED, WITH_READ, Ctx, Far, check_descriptor, execute, fill_bytes
from models.segments import R_LOCAL, R_READ, R_REMOTE, R_WRITE, Segment, SegmentTable

pytestmark = pytest.mark.model

SIZE = 0x8000
NEAR = SegmentTable(
    16,
    {
        1: Segment(True, 0x10000, SIZE, R_READ | R_WRITE | R_LOCAL, 3),
        2: Segment(True, 0x40000, SIZE, R_READ | R_WRITE | R_LOCAL, 3),
        3: Segment(True, 0x10000, SIZE, R_READ | R_LOCAL, 3),
        4: Segment(True, 0x10000, SIZE, R_READ | R_WRITE | R_LOCAL, 4),
    },
)
FAR = SegmentTable(16, {5: Segment(True, 0x90000, SIZE, R_WRITE | R_REMOTE, 6, 1, 2)})
CTX = Ctx(3, NEAR, False, True, Far(FAR, 6, 1))
COPY = Desc(Op.COPY, 0, 7, 100, segaddr(1, 0, 5), segaddr(2, 0, 9))
WRITE = Desc(Op.WRITE, 0, 7, 100, segaddr(1, 0, 5), segaddr(5, 2, 9))

LOCAL_FAULTS = [
    (Status.BAD_OPCODE, {"opcode": 0x30}),
    (Status.BAD_FLAGS, {"flags": 0x10}),
    (Status.BAD_LENGTH, {"length": 0}),
    (Status.SEG_INVALID, {"src": segaddr(9, 0, 0)}),
    (Status.KEY_REVOKED, {"dst": segaddr(2, 1, 0)}),
]


def test_good_ones_pass() -> None:
    """Stimulus: a good COPY and WRITE. Checking: OK and the addresses."""
    p = check_descriptor(COPY, CTX)
    assert (p.status, p.src, p.dst) == (Status.OK, 0x10005, 0x40009)
    p = check_descriptor(WRITE, CTX)
    assert (p.status, p.src, p.dst, p.remote) == (Status.OK, 0x10005, 0x90009, True)


@given(st.sets(st.integers(0, len(LOCAL_FAULTS) - 1)))
def test_first_fault_in_order(which: set[int]) -> None:
    """Stimulus: any set of faults in one descriptor. Checking: the first in the order."""
    d = COPY
    for i in which:
        d = replace(d, **LOCAL_FAULTS[i][1])
    want = LOCAL_FAULTS[min(which)][0] if which else Status.OK
    assert check_descriptor(d, CTX).status == want


@pytest.mark.parametrize("op", list(range(256)))
def test_opcodes(op: int) -> None:
    """Stimulus: all 256 opcodes. Checking: those of this version pass, the rest is BAD_OPCODE."""
    status = check_descriptor(replace(COPY, opcode=op), CTX).status
    assert (status != Status.BAD_OPCODE) == (op in SUPPORTED)
    status = check_descriptor(replace(COPY, opcode=op), replace(CTX, ops=WITH_READ)).status
    assert (status != Status.BAD_OPCODE) == (op in SUPPORTED or op == Op.READ)


@pytest.mark.parametrize("flag", range(8))
@pytest.mark.parametrize("op", sorted(SUPPORTED))
def test_flags(op: int, flag: int) -> None:
    """Stimulus: each flag on each opcode.
    Checking: reserved ones and a local NOTIFY are BAD_FLAGS."""
    d = replace(WRITE if op == Op.WRITE else COPY, opcode=op, flags=1 << flag)
    good = flag in (DescFlag.FENCE, DescFlag.IRQ, DescFlag.NO_CPL)
    good |= flag == DescFlag.NOTIFY and op == Op.WRITE
    assert (check_descriptor(d, CTX).status == Status.BAD_FLAGS) != good


@given(st.integers(0, SIZE), st.integers(0, SIZE), st.integers(1, SIZE))
def test_overlap(a: int, b: int, n: int) -> None:
    """Stimulus: COPY in one segment. Checking: OVERLAP exactly when ranges share a byte."""
    d = replace(COPY, length=n, src=segaddr(1, 0, a), dst=segaddr(1, 0, b))
    got = check_descriptor(d, CTX).status
    if a + n > SIZE or b + n > SIZE:
        assert got == Status.SEG_RANGE
    else:
        share = set(range(a, a + n)) & set(range(b, b + n)) if n < 64 else abs(a - b) < n
        assert got == (Status.OVERLAP if share else Status.OK)


def test_write_faults() -> None:
    """Stimulus: link down, source fault with link down, binding, far segment.
    Checking: codes, bit 7."""
    down = replace(CTX, peer_up=False)
    assert check_descriptor(WRITE, down).status == Status.PEER_DOWN
    bad_src = replace(WRITE, src=segaddr(4, 0, 0))
    assert check_descriptor(bad_src, down).status == Status.SEG_BINDING
    unbound = replace(CTX, far=Far(FAR, 6, 1, bound=False))
    assert check_descriptor(WRITE, unbound).status == Status.PEER_REFUSED | AT_PEER
    far = Far(SegmentTable(16, {}), 6, 1)
    assert check_descriptor(WRITE, replace(CTX, far=far)).status == Status.SEG_INVALID | AT_PEER
    assert (
        check_descriptor(replace(WRITE, dst=segaddr(5, 2, SIZE - 99)), CTX).status
        == Status.SEG_RANGE | AT_PEER
    )
    assert check_descriptor(replace(COPY, dst=segaddr(3, 0, 0)), CTX).status == Status.SEG_RIGHTS


def test_nop_ignores_everything() -> None:
    """Stimulus: NOP with wild fields. Checking: OK, 0 bytes."""
    d = Desc(Op.NOP, 0, 1, 0xFFFFFFFF, 2**64 - 1, 2**64 - 1, 5)
    r = execute(d, CTX, Memory())
    assert (r.status, r.nbytes) == (Status.OK, 0) and r.cqe is not None


@given(st.integers(0, 2**64 - 1), st.integers(0, 40), st.integers(1, 100))
def test_fill_bytes(pattern: int, pos: int, n: int) -> None:
    """Stimulus: any pattern and part. Checking: byte i is byte i mod 8 of the pattern."""
    unit = pattern.to_bytes(8, "little")
    assert fill_bytes(pattern, n, pos) == bytes(unit[(pos + i) % 8] for i in range(n))


@given(st.binary(min_size=1, max_size=300), st.integers(0, 200), st.integers(0, 200))
def test_execute_moves(data: bytes, so: int, do: int) -> None:
    """Stimulus: COPY, FILL and WRITE. Checking: exactly the destination changes; completion."""
    near, far = Memory(), Memory()
    near.write(0x10000 + so, data)
    n = len(data)
    before = near.copy()
    d = Desc(Op.COPY, 0, 9, n, segaddr(1, 0, so), segaddr(2, 0, do))
    r = execute(d, CTX, near, far, dring_cons=4)
    before.write(0x40000 + do, data)
    assert near == before
    assert r.cqe is not None and (r.cqe.tag, r.cqe.status, r.cqe.nbytes, r.cqe.dring_cons) == (
        9,
        0,
        n,
        4,
    )
    r = execute(replace(d, opcode=Op.WRITE, dst=segaddr(5, 2, do)), CTX, near, far)
    assert far.read(0x90000 + do, n) == data and near == before
    r = execute(replace(d, opcode=Op.FILL, src=0x0807060504030201), CTX, near, far)
    assert near.read(0x40000 + do, n) == fill_bytes(0x0807060504030201, n)
    assert execute(replace(d, flags=1 << DescFlag.NO_CPL), CTX, near, far).cqe is None
    bad = execute(replace(d, flags=1 << DescFlag.NO_CPL, length=0), CTX, near, far)
    assert bad.cqe is not None and bad.cqe.status == Status.BAD_LENGTH


@pytest.mark.parametrize(("resp", "low"), [(SLVERR, 0), (DECERR, 1)])
def test_execute_memory_errors(resp: int, low: int) -> None:
    """Stimulus: errors at source, destination, and far. Checking: codes; content undefined."""
    for op, where, want in (
        (COPY, "src", Status.READ_SLVERR + low),
        (COPY, "dst", Status.WRITE_SLVERR + low),
        (WRITE, "far", (Status.WRITE_SLVERR + low) | AT_PEER),
    ):
        near, far = Memory(), Memory()
        mem, at = {"src": (near, 0x10005), "dst": (near, 0x40009), "far": (far, 0x90009)}[where]
        mem.add_error(at + 99, at + 100, resp)
        r = execute(op, CTX, near, far)
        assert r.status == want and r.undefined


def test_absolute_channel() -> None:
    """Stimulus: ABS with ranges up to 2^64. Checking: ADDR_WRAP, source first."""
    ctx = Ctx(3, NEAR, absolute=True)
    top = (1 << 64) - 50
    assert check_descriptor(Desc(Op.COPY, 0, 0, 50, top, 0), ctx).ok
    assert check_descriptor(Desc(Op.COPY, 0, 0, 51, top, 0), ctx).status == Status.ADDR_WRAP
    assert check_descriptor(Desc(Op.FILL, 0, 0, 51, 1, top), ctx).status == Status.ADDR_WRAP


# life ---------------------------------------------------------------------------------------------
def test_table_is_complete() -> None:
    """Stimulus: the table. Checking: an entry for each command in each lasting state."""
    lasting = [s for s in State if s not in (State.ABORTING, State.RESETTING)]
    assert set(TABLE) == {(s, c) for s in lasting for c in Cmd}


def test_life_of_a_channel() -> None:
    """Stimulus: commands. Checking: states of section 4."""
    c = Channel(0)
    assert c.command(Cmd.PAUSE) == Status.BAD_COMMAND and c.state == State.DISABLED
    assert c.command(Cmd.ENABLE, ring_ok=False) == Status.BAD_RING and c.state == State.DISABLED
    assert c.command(Cmd.ENABLE) == 0 and c.state == State.ACTIVE and c.begins and c.locked
    assert c.command(Cmd.ENABLE) == Status.BAD_COMMAND
    assert c.command(Cmd.PAUSE) == 0 and c.busy and not c.begins
    c.settled()
    assert c.state == State.PAUSED and not c.busy
    assert c.command(Cmd.RESUME) == 0 and c.state == State.ACTIVE
    assert c.command(Cmd.DRAIN) == 0 and c.begins
    c.settled()
    assert c.state == State.DISABLED
    c.command(Cmd.ENABLE)
    c.retire(Status.SEG_RANGE)
    assert c.state == State.ACTIVE and c.counters.err == 1
    c.stop_on_error = True
    c.retire(Status.SEG_RANGE | AT_PEER)
    assert c.state == State.ERROR and c.last_error == Status.SEG_RANGE | AT_PEER
    assert c.command(Cmd.RESUME) == Status.BAD_COMMAND
    assert c.command(Cmd.RESET) == 0 and c.state == State.RESETTING
    assert c.command(Cmd.ENABLE) == Status.BAD_COMMAND
    c.settled()
    assert c.state == State.DISABLED and c.counters.desc == 0 and c.last_error == 0


@pytest.mark.parametrize("status", sorted(CHANNEL_ERRORS))
def test_channel_errors_stop(status: int) -> None:
    """Stimulus: each channel error. Checking: ERROR whatever the policy; the first is held."""
    c = Channel(0)
    c.command(Cmd.ENABLE)
    assert c.error(status) and c.state == State.ERROR
    c.error(Status.CPL_WRITE)
    assert c.last_error == status


@given(st.lists(st.sampled_from(list(Cmd)) | st.just("settle"), max_size=40))
def test_commands_never_leave_the_table(cmds: list[object]) -> None:
    """Stimulus: any sequence. Checking: a refused command changes nothing but LAST_ERROR."""
    c = Channel(0)
    for cmd in cmds:
        if cmd == "settle":
            c.settled()
            assert c.state not in (State.ABORTING, State.RESETTING, State.DRAINING)
            continue
        before = c.state
        if c.command(int(cmd)):  # type: ignore[call-overload]
            assert c.state == before and c.last_error == Status.BAD_COMMAND
        assert c.state in State._value2member_map_
