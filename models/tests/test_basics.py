# SPDX-License-Identifier: Apache-2.0
"""CRC, frames, memory, segments, rings: each against its definition."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models import layout, regmap
from models.crc import crc32c, crc32c_bitwise
from models.frame import (
    HEADER_BYTES,
    Frame,
    FrameError,
    parse,
    split_write,
    vc_of,
    wire_beats,
)
from models.lay import Cqe, Desc, FrameFlag, FrameType, Op, Status, segaddr, split_segaddr
from models.memory import (
    DECERR,
    OKAY,
    PAGE,
    SLVERR,
    Allocator,
    Memory,
    OutOfMemory,
    merge_ranges,
    report,
    strobe_runs,
)
from models.ring import CplRing, DescRing, RingError, fetch_bursts
from models.segments import (
    ANY_PEER,
    GEN_MAX,
    R_LOCAL,
    R_READ,
    R_REMOTE,
    R_WRITE,
    Segment,
    SegmentTable,
    User,
    check_absolute,
)

pytestmark = pytest.mark.model

# RFC 3720, B.4
ISCSI_READ = bytes.fromhex(
    "01c00000000000000000000000000000140000000000040000000014000000182800000000000000020000"
    "0000000000"
)
VECTORS = [
    (bytes(32), 0x8A9136AA),
    (b"\xff" * 32, 0x62A8AB43),
    (bytes(range(32)), 0x46DD794E),
    (bytes(reversed(range(32))), 0x113FDB5C),
    (ISCSI_READ, 0xD9963A56),
    (b"123456789", 0xE3069283),
]


# CRC ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("data", "want"), VECTORS)
def test_crc_vectors(data: bytes, want: int) -> None:
    """Stimulus: the vectors of RFC 3720. Checking: their values."""
    assert crc32c(data) == want


@given(a=st.binary(max_size=200), b=st.binary(max_size=200))
def test_crc_goes_on_and_equals_the_definition(a: bytes, b: bytes) -> None:
    """Stimulus: any bytes in two parts. Checking: chaining, and bit-by-bit CRC."""
    assert crc32c(b, crc32c(a)) == crc32c(a + b) == crc32c_bitwise(a + b)


# frames -------------------------------------------------------------------------------------------
frames = st.builds(
    Frame,
    type=st.sampled_from(list(FrameType)),
    flags=st.integers(0, 31),
    src_ch=st.integers(0, 255),
    dst_ch=st.integers(0, 255),
    epoch=st.integers(0, 0xFFFF),
    link_seq=st.integers(0, 0xFFFF),
    op_seq=st.integers(0, 0xFFFF),
    session=st.integers(0, 0xFFFF),
    tag=st.integers(0, 0xFFFF),
    segaddr=st.integers(0, (1 << 64) - 1),
    total_len=st.integers(0, 0xFFFFFFFF),
    operand0=st.integers(0, (1 << 64) - 1),
    payload=st.binary(max_size=300),
)
BEATS = st.sampled_from([8, 16, 32, 64])


@given(frame=frames, beat=BEATS)
def test_frame_round_trip(frame: Frame, beat: int) -> None:
    """Stimulus: any frame, all link widths. Checking: it parses to itself; whole beats."""
    raw = frame.build(beat)
    assert len(raw) == wire_beats(len(frame.payload), beat) * beat
    back = parse(raw, beat)
    assert replace(back, crc=None) == replace(frame, vc=vc_of(frame.type))
    assert back.crc == frame.good_crc(beat)


@given(frame=frames, beat=BEATS, bit=st.integers(0, 1 << 20))
@example(frame=Frame(FrameType.IDLE), beat=8, bit=473)  # reserved
def test_frame_any_flipped_bit_is_noticed(frame: Frame, beat: int, bit: int) -> None:
    """Stimulus: one bit flipped. Checking: the frame is dropped."""
    raw = bytearray(frame.build(beat))
    bit %= 8 * len(raw)
    raw[bit // 8] ^= 1 << bit % 8
    with pytest.raises(FrameError):
        parse(bytes(raw), beat)


@given(frame=frames, beat=BEATS)
def test_frame_lost_or_extra_beats_are_noticed(frame: Frame, beat: int) -> None:
    """Stimulus: the last beat lost, or one of zeros more. Checking: the frame is dropped."""
    raw = frame.build(beat)
    for broken in (raw[:-beat], raw + bytes(beat)):
        with pytest.raises(FrameError):
            parse(broken, beat)


def test_frame_reasons() -> None:
    """Stimulus: good CRC over bad fields. Checking: the reason."""
    good = Frame(FrameType.WRITE, payload=bytes(100))
    for bad, reason in (
        (replace(good, version=2), "version"),
        (replace(good, vc=2), "vc"),
        (replace(good, payload=bytes(2000)), "mtu"),
    ):
        with pytest.raises(FrameError) as err:
            parse(bad.build(8), 8, mtu=1024)
        assert err.value.reason == reason


@given(payload=st.binary(min_size=1, max_size=5000), mtu=st.sampled_from([512, 1024]))
def test_split_write(payload: bytes, mtu: int) -> None:
    """Stimulus: any payload. Checking: frames join to it; FIRST, LAST and OFFSET."""
    out = split_write(Frame(FrameType.WRITE), payload, mtu)
    assert b"".join(f.payload for f in out) == payload
    assert [f.first for f in out] == [True] + [False] * (len(out) - 1)
    assert [f.last for f in out] == [False] * (len(out) - 1) + [True]
    assert all(f.total_len == len(payload) for f in out)
    assert [f.offset for f in out] == [i * mtu for i in range(len(out))]
    assert not out[0].flag(FrameFlag.CANCEL)
    assert HEADER_BYTES == 64


# layouts ------------------------------------------------------------------------------------------
@given(raw=st.binary(min_size=32, max_size=32))
def test_descriptor_round_trip(raw: bytes) -> None:
    """Stimulus: any 32 bytes.
    Checking: unpack and pack give them back, and agree with the layout."""
    d = Desc.unpack(raw)
    assert d.pack() == raw == layout.Desc.unpack(raw).pack()


@given(tag=st.integers(0, 0xFFFF), status=st.integers(0, 255), n=st.integers(0, 0xFFFFFFFF))
def test_completion_round_trip(tag: int, status: int, n: int) -> None:
    """Stimulus: field values. Checking: they come back, 16 bytes."""
    c = Cqe(tag, status, nbytes=n)
    assert Cqe.unpack(c.pack()) == c
    assert len(c.pack()) == 16


@given(i=st.integers(0, 4095), g=st.integers(0, 4095), o=st.integers(0, (1 << 40) - 1))
def test_segment_address_round_trip(i: int, g: int, o: int) -> None:
    """Stimulus: fields. Checking: index 63:52, generation 51:40, offset 39:0."""
    a = segaddr(i, g, o)
    assert split_segaddr(a) == (i, g, o)
    assert a == i << 52 | g << 40 | o


def test_register_addresses() -> None:
    """Stimulus: the addresses of docs/registers_spec.md. Checking: the model's map has them."""
    assert regmap.guest(3, "DRING_PROD") == 0x103040
    assert regmap.chan(2, "CH_BIND") == 0x1F1098
    assert regmap.seg(5, "SEG_CTRL") == 0x1F20B0
    assert regmap.peer(1, "PEER_CTRL") == 0x1F4040
    for addr, name in ((0x103040, "DRING_PROD"), (0x1F1098, "CH_BIND"), (0x1F20B0, "SEG_CTRL")):
        where = regmap.decode(addr, 8, 32, 2)
        assert where is not None and where.name == name
    assert regmap.decode(0x108000, 8, 32, 2) is None
    assert regmap.seg_ctrl(0x31, 4, 2, 7) == layout.reg_value(
        "SEG", "CTRL", RIGHTS=0x31, CHANNEL=4, PEER=2, GEN=7, VALID=1
    )
    assert regmap.ch_policy(2, True, True, True, 9) == layout.reg_value(
        "CHP", "POLICY", CLASS=2, MGMT=1, ABS=1, STOP_ON_ERROR=1, WEIGHT=9
    )
    assert regmap.ch_owner(5, 6) == layout.reg_value("CHP", "OWNER", FUNC=5, TAG=6, VALID=1)
    assert regmap.ch_bind(7, 2) == layout.reg_value("CHP", "BIND", PEER_CH=7, PEER=2, VALID=1)
    assert regmap.ch_rate(7, 9) == layout.reg_value("CHP", "RATE", RATE=7, BURST=9)
    assert regmap.peer_ctrl(3, 4) == layout.reg_value("PEER", "CTRL", NODE=3, EPOCH=4, ENABLE=1)


@given(old=st.integers(0, 2**64 - 1), new=st.integers(0, 2**64 - 1), strb=st.integers(0, 255))
def test_strobes(old: int, new: int, strb: int) -> None:
    """Stimulus: any strobes. Checking: byte by byte."""
    got = regmap.merge(old, new, strb).to_bytes(8, "little")
    for i, b in enumerate(got):
        assert b == (new if strb >> i & 1 else old).to_bytes(8, "little")[i]


# memory -------------------------------------------------------------------------------------------
@given(
    ops=st.lists(
        st.tuples(st.integers(0, 3 * PAGE), st.binary(min_size=1, max_size=5000)), max_size=8
    )
)
def test_memory_is_a_byte_array(ops: list[tuple[int, bytes]]) -> None:
    """Stimulus: writes across pages. Checking: a flat array holds the same."""
    mem, flat = Memory(), bytearray(5 * PAGE)
    for addr, data in ops:
        mem.write(addr, data)
        flat[addr : addr + len(data)] = data
    assert mem.read(0, len(flat)) == flat
    other = mem.copy()
    assert other == mem
    if ops:
        addr, data = ops[-1]
        other.write(addr, bytes([data[0] ^ 1]))
        diffs = mem.diff(other)
        assert [(d.addr, len(d.expected)) for d in diffs] == [(addr, 1)]
        assert hex(addr)[2:] in report(diffs)
        assert not mem.diff(other, ignore=[(addr, addr + 1)])


@given(data=st.binary(min_size=1, max_size=64), strb=st.integers(0, (1 << 64) - 1))
def test_memory_strobes(data: bytes, strb: int) -> None:
    """Stimulus: any strobe mask. Checking: only the enabled bytes change."""
    strb &= (1 << len(data)) - 1
    mem = Memory(fill=0xEE)
    mem.write(100, data, strb)
    want = bytes(b if strb >> i & 1 else 0xEE for i, b in enumerate(data))
    assert mem.read(100, len(data)) == want
    runs = strobe_runs(strb)
    assert sum(((1 << e) - (1 << s)) for s, e in runs) == strb


def test_memory_guards_errors_and_log() -> None:
    """Stimulus: a write into a guard; error regions. Checking: reported; worst response; log."""
    mem = Memory(log_accesses=True)
    mem.guard(0x1000, 0x1100)
    assert not mem.check_guards()
    mem.write(0x1100, b"\0\1\2\3", who="engine", func=3)
    assert mem.log[-1].who == "engine" and mem.log[-1].func == 3 and mem.log[-1].write
    assert mem.check_guards()[0].addr in range(0x1100, 0x1104)
    mem.add_error(0x2000, 0x2010, SLVERR)
    mem.add_error(0x2008, 0x2010, DECERR, on_read=False)
    assert mem.response(0x1FF0, 16, write=False) == OKAY
    assert mem.response(0x1FF0, 17, write=False) == SLVERR
    assert mem.response(0x2000, 16, write=True) == DECERR
    assert mem.response(0x2000, 16, write=False) == SLVERR
    with pytest.raises(ValueError, match="64-bit"):
        mem.read((1 << 64) - 1, 2)


@given(
    st.lists(
        st.tuples(
            st.integers(1, 5000), st.sampled_from([1, 8, 64, 4096]), st.none() | st.integers(0, 100)
        ),
        min_size=1,
        max_size=20,
    )
)
def test_allocator(wants: list[tuple[int, int, int | None]]) -> None:
    """Stimulus: sizes, alignments, distances from 4 KiB edges. Checking: held, and disjoint."""
    a = Allocator(0x1000, 0x100000, gap=64)
    for size, align, edge in wants:
        offset = size % align
        at = a.alloc(size, align, offset, edge)
        assert at % align == offset if edge is None else (at + edge) % PAGE == 0
    spans = sorted(a.regions)
    assert all(x[1] + 64 <= y[0] for x, y in zip(spans, spans[1:], strict=False))
    with pytest.raises(OutOfMemory):
        a.alloc(0x100000)


def test_merge_ranges() -> None:
    """Stimulus: touching, nested, empty ranges. Checking: joined."""
    assert merge_ranges([(5, 9), (1, 3), (3, 4), (6, 7), (8, 8)]) == [(1, 4), (5, 9)]


# segments -----------------------------------------------------------------------------------------
GOOD = Segment(True, 0x10000, 0x2345, R_READ | R_WRITE | R_LOCAL | R_REMOTE, 3, 1, 9)
FAULTS = {  # each breaks one check; in their order
    Status.SEG_INVALID: lambda s: replace(s, valid=False),
    Status.KEY_REVOKED: lambda s: replace(s, gen=s.gen + 1),
    Status.SEG_BINDING: lambda s: replace(s, channel=4),
    Status.SEG_RIGHTS: lambda s: replace(s, rights=s.rights & ~R_WRITE),
    Status.SEG_RANGE: lambda s: replace(s, size=10),
}


@given(st.sets(st.sampled_from(list(FAULTS))), st.booleans())
def test_segment_faults_in_order(broken: set[Status], remote: bool) -> None:
    """Stimulus: any set of faults at once. Checking: the first in the order is reported."""
    seg = GOOD
    for f in broken:
        seg = FAULTS[f](seg)
    table = SegmentTable(8, {2: seg})
    got = table.check(segaddr(2, 9, 5), 100, User(3, 1 if remote else None), R_WRITE)
    want = next((f for f in FAULTS if f in broken), Status.OK)
    assert got.status == want
    if got.ok:
        assert got.addr == 0x10005


@given(off=st.integers(0, 0x2400), n=st.integers(0, 0x2400))
def test_segment_range(off: int, n: int) -> None:
    """Stimulus: offsets and lengths about the end. Checking: offset + length <= size."""
    got = SegmentTable(8, {2: GOOD}).check(segaddr(2, 9, off), n, User(3), R_READ)
    assert got.ok == (off + n <= 0x2345)


def test_segment_binding_rules() -> None:
    """Stimulus: sides and peers. Checking: LOCAL, REMOTE, peer 15."""
    a = segaddr(2, 9, 0)

    def status(seg: Segment, user: User) -> int:
        return SegmentTable(8, {2: seg}).check(a, 1, user, R_READ).status

    local = replace(GOOD, rights=R_READ | R_LOCAL)
    remote = replace(GOOD, rights=R_READ | R_REMOTE)
    assert status(local, User(3)) == Status.OK
    assert status(local, User(3, 1)) == Status.SEG_BINDING
    assert status(remote, User(3)) == Status.SEG_BINDING
    assert status(remote, User(3, 1)) == Status.OK
    assert status(remote, User(3, 2)) == Status.SEG_BINDING
    assert status(replace(remote, peer=ANY_PEER), User(3, 2)) == Status.OK
    assert SegmentTable(2, {}).check(segaddr(7, 0, 0), 1, User(0), 0).status == Status.SEG_INVALID


def test_segment_revoke_and_retire() -> None:
    """Stimulus: revocations to the end of the generations. Checking: retired, not wrapped."""
    t = SegmentTable(4, {0: replace(GOOD, gen=GEN_MAX - 1)})
    assert t.revoke(0) and t.get(0).valid and t.get(0).gen == GEN_MAX
    assert not t.revoke(0) and not t.get(0).valid
    with pytest.raises(ValueError, match="table"):
        t.set(4, GOOD)


@given(
    st.integers(0, (1 << 52) - 1), st.integers(0, 1 << 40), st.integers(0, 63), st.integers(0, 4095)
)
def test_segment_pack(base: int, size: int, rights: int, gen: int) -> None:
    """Stimulus: fields. Checking: as the generated layout of the seam."""
    s = Segment(True, base << 12, size, rights, 5, 2, gen)
    assert Segment.unpack(s.pack()) == s
    e = layout.Segent(base=base, size=size, peer=2, channel=5, rights=rights, gen=gen, valid=1)
    assert e.to_int() == s.pack()


def test_absolute_wrap() -> None:
    """Stimulus: ranges at 2^64. Checking: ADDR_WRAP only past it."""
    assert check_absolute((1 << 64) - 8, 8).ok
    assert check_absolute((1 << 64) - 8, 9).status == Status.ADDR_WRAP


# rings --------------------------------------------------------------------------------------------
@given(log2=st.integers(2, 6), steps=st.lists(st.integers(1, 9), max_size=40))
def test_descriptor_ring(log2: int, steps: list[int]) -> None:
    """Stimulus: posts and takes in any rhythm. Checking: order, capacity, wrap."""
    mem, ring = Memory(), DescRing(0x4000, log2)
    tag = want = 0
    for k, n in enumerate(steps):
        n = min(n, ring.free)
        ring.post(mem, *(Desc(Op.NOP, tag=(tag + i) & 0xFFFF) for i in range(n)))
        tag += n
        for _ in range(ring.used if k % 3 else ring.used // 2):
            assert ring.take(mem).tag == want & 0xFFFF
            want += 1
    assert ring.used == tag - want
    ring.post(mem, *[Desc(0)] * ring.free)
    assert ring.used == ring.size - 1
    with pytest.raises(RingError):
        ring.post(mem, Desc(0))


@given(log2=st.integers(2, 5), steps=st.lists(st.integers(0, 9), max_size=40))
def test_completion_ring_phase(log2: int, steps: list[int]) -> None:
    """Stimulus: puts and polls. Checking: software sees each entry once, never a stale one."""
    mem, ring = Memory(), CplRing(0x8000, log2)
    sent = seen = 0
    for n in steps:
        for _ in range(min(n, ring.free)):
            ring.put(mem, Cqe(sent & 0xFFFF))
            sent += 1
        while (c := ring.poll(mem)) is not None:
            assert c.tag == seen & 0xFFFF
            seen += 1
        assert seen == sent


def test_ring_set_up_rules() -> None:
    """Stimulus: bad sizes and bases. Checking: refused; doorbell ranges."""
    for log2 in (1, 13):
        with pytest.raises(RingError):
            DescRing(0, log2)
    with pytest.raises(RingError):
        DescRing(0x40, 2)
    with pytest.raises(RingError):
        DescRing(0x800, 12)
    r = DescRing(0x80, 2)
    assert r.doorbell_ok(3) and not r.doorbell_ok(4)
    r.prod, r.cons = 3, 1
    assert r.doorbell_ok(0) and not r.doorbell_ok(1)
    assert r.cons_doorbell_ok(3) and not r.cons_doorbell_ok(0)
    assert r.index_of(0x80 + 64) == 2 and r.index_of(0x80 + 65) is None


@given(log2=st.integers(2, 12), first=st.integers(0, 4095), n=st.integers(1, 300))
def test_fetch_bursts(log2: int, first: int, n: int) -> None:
    """Stimulus: any part of a ring.
    Checking: entries in order; no 4 KiB edge, no ring end inside."""
    ring = DescRing(0x10000, log2)
    first, n = first % ring.size, min(n, ring.size - 1)
    out = fetch_bursts(ring, first, n)
    addrs = [a + 32 * i for a, k in out for i in range(k)]
    assert addrs == [ring.addr(first + i) for i in range(n)]
    for a, k in out:
        assert a // PAGE == (a + 32 * k - 1) // PAGE
        assert a + 32 * k <= ring.base + ring.bytes
