# SPDX-License-Identifier: Apache-2.0
"""Reference functions for block tests: chunks, bursts, realignment, completion bursts.

Everything works on byte addresses and whole beats of `beat` bytes. Nothing here knows about time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from models.lay import CQE, Cqe
from models.memory import PAGE
from models.ring import CplRing

AXI_MAX_BEATS = 256


# chunks -------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Chunk:
    """A unit of arbitration: bytes [pos, pos + n) of its operation."""

    pos: int
    n: int
    src: int
    dst: int
    first: bool
    last: bool
    frame_end: bool  # remote: this chunk closes a frame (for local ones: same as last)


def split_chunks(
    src: int,
    dst: int,
    length: int,
    max_burst: int = 512,
    *,
    remote: bool = False,
    link_mtu: int = 1024,
) -> list[Chunk]:
    """The chunks of an operation; FILL passes src=0 (its virtual source)."""
    out = []
    pos = 0
    while pos < length:
        n = min(length - pos, max_burst - (src + pos) % max_burst)
        n = min(n, link_mtu - pos % link_mtu if remote else PAGE - (dst + pos) % PAGE)
        last = pos + n == length
        frame_end = last or (remote and (pos + n) % link_mtu == 0)
        out.append(Chunk(pos, n, src + pos, dst + pos, pos == 0, last, frame_end))
        pos += n
    return out


@dataclass(frozen=True)
class Request:
    """What one READ frame asks for: bytes [pos, pos + n) of its operation, at `src` of the peer."""

    pos: int
    n: int
    src: int


def split_requests(src: int, length: int, link_mtu: int = 1024) -> list[Request]:
    """The requests of a READ: LINK_MTU bytes each, the last one what is left."""
    return [
        Request(pos, min(link_mtu, length - pos), src + pos) for pos in range(0, length, link_mtu)
    ]


@dataclass(frozen=True)
class Burst:
    """An INCR burst of full-width beats. `start` and `end` are the bytes it is about."""

    start: int
    end: int
    beat: int

    @property
    def addr(self) -> int:
        return self.start - self.start % self.beat

    @property
    def beats(self) -> int:
        return -(-self.end // self.beat) - self.start // self.beat


def touched_beats(start: int, length: int, beat: int) -> int:
    """Beats that [start, start + length) touches."""
    return -(-(start + length) // beat) - start // beat if length else 0


def read_bursts(chunks: Iterable[Chunk], beat: int) -> list[Burst]:
    """One read burst a chunk."""
    return [Burst(c.src, c.src + c.n, beat) for c in chunks]


def write_bursts(chunks: Iterable[Chunk], beat: int) -> list[Burst]:
    """Local write bursts of an operation: whole destination beats until the last chunk.

    What is left over after the last whole beat is carried into the next chunk, so each
    destination beat
    is written once. A chunk that completes no beat makes no burst.
    """
    out = []
    held = None
    for c in chunks:
        start = c.dst if held is None else held
        end = c.dst + c.n
        stop = end if c.last else end - end % beat
        if stop > start:
            out.append(Burst(start, stop, beat))
            held = None if stop == end else stop
        else:
            held = start
    return out


def axi_bursts(start: int, length: int, max_burst: int, beat: int) -> list[Burst]:
    """Any legal minimal split of a range: aligned to max_burst, never across 4 KiB or 256 beats."""
    out = []
    unit = min(max_burst, PAGE, AXI_MAX_BEATS * beat)
    pos, end = start, start + length
    while pos < end:
        stop = min(end, pos - pos % unit + unit)
        out.append(Burst(pos, stop, beat))
        pos = stop
    return out


def burst_faults(addr: int, beats: int, beat: int, max_bytes: int) -> list[str]:
    """What is wrong with a burst, in words; an empty list when it is legal."""
    faults = []
    first = addr - addr % beat
    if not 1 <= beats <= AXI_MAX_BEATS:
        faults.append(f"{beats} beats")
    end = first + beats * beat
    if end > 1 << 64:
        faults.append("runs past 2^64")
    if first // PAGE != (end - 1) // PAGE:
        faults.append(f"crosses 4 KiB: [{first:#x}, {end:#x})")
    if beats * beat > max_bytes:
        faults.append(f"{beats * beat} bytes of beats, at most {max_bytes} are allowed")
    return faults


def to_beats(addr: int, data: bytes, beat: int) -> list[tuple[bytes, int]]:
    """(data, strobes) of the beats of a write at addr; bytes without strobe are zero."""
    lead = addr % beat
    padded = bytes(lead) + data
    padded += bytes(-len(padded) % beat)
    strb = ((1 << len(data)) - 1) << lead
    mask = (1 << beat) - 1
    return [(padded[i : i + beat], strb >> i & mask) for i in range(0, len(padded), beat)]


# realignment --------------------------------------------------------------------------------------
@dataclass(frozen=True)
class AlignCmd:
    """A command of crl_align; field names as on its port."""

    src_off: int
    dst_off: int
    nbytes: int
    cont: bool = False
    flush: bool = True
    ch: int = 0
    tag: int = 0


@dataclass(frozen=True)
class OutBeat:
    """An output beat; `none` marks the answer of a command that yields no beat."""

    data: bytes
    strb: int
    first: bool
    last: bool
    tag: int
    none: bool = False

    def masked(self) -> bytes:
        """Data with the bytes that have no strobe zeroed, for comparisons."""
        return bytes(b if self.strb >> i & 1 else 0 for i, b in enumerate(self.data))


@dataclass
class Aligner:
    """The behaviour of crl_align, a command at a time, with a carry for each channel."""

    beat: int
    carry: dict[int, dict[int, int]] = field(default_factory=dict)

    def input_beats(self, cmd: AlignCmd) -> int:
        return touched_beats(cmd.src_off, cmd.nbytes, self.beat)

    def run(self, cmd: AlignCmd, beats: list[bytes]) -> list[OutBeat]:
        """Output of one command for its source beats."""
        if len(beats) != self.input_beats(cmd):
            raise ValueError(f"{len(beats)} source beats, {self.input_beats(cmd)} are needed")
        data = b"".join(beats)[cmd.src_off : cmd.src_off + cmd.nbytes]
        lanes: dict[int, int] = dict(self.carry.pop(cmd.ch, {})) if cmd.cont else {}
        self.carry.pop(cmd.ch, None)
        if cmd.cont and lanes and max(lanes) + 1 != cmd.dst_off:
            raise ValueError("the carry does not end where the chunk begins")
        lanes.update({cmd.dst_off + i: b for i, b in enumerate(data)})
        end = cmd.dst_off + cmd.nbytes
        stop = end if cmd.flush else end - end % self.beat
        out: list[OutBeat] = []
        for base in range(0, stop, self.beat):
            here = {
                a - base: v for a, v in lanes.items() if base <= a < min(base + self.beat, stop)
            }
            word = bytes(here.get(i, 0) for i in range(self.beat))
            strb = sum(1 << i for i in here)
            out.append(OutBeat(word, strb, base == 0, base + self.beat >= stop, cmd.tag))
        if stop < end:
            self.carry[cmd.ch] = {a - max(stop, 0): v for a, v in lanes.items() if a >= stop}
        return out or [OutBeat(bytes(self.beat), 0, True, True, cmd.tag, none=True)]


def realign(src: bytes, src_off: int, dst_off: int, beat: int) -> list[OutBeat]:
    """One chunk alone: bytes `src` that begin at lane src_off go out beginning at lane dst_off."""
    whole = bytes(src_off) + src
    whole += bytes(-len(whole) % beat)
    beats = [whole[i : i + beat] for i in range(0, len(whole), beat)]
    return Aligner(beat).run(AlignCmd(src_off, dst_off, len(src)), beats)


def align_commands(
    chunks: Iterable[Chunk], beat: int, *, remote: bool, ch: int = 0
) -> Iterator[AlignCmd]:
    """Commands that move an operation: to its destination, or (remote) into frames from lane 0.

    With `cont` the command's destination lane is where the carry ends.
    """
    cont = False
    frame_pos = 0
    for c in chunks:
        dst = frame_pos if remote else c.dst
        flush = c.frame_end if remote else c.last
        end = dst % beat + c.n
        yield AlignCmd(c.src % beat, dst % beat, c.n, cont, flush, ch)
        frame_pos = 0 if c.frame_end else frame_pos + c.n
        cont = not flush and end % beat != 0


# completions --------------------------------------------------------------------------------------
MERGE_MAX = 8


@dataclass(frozen=True)
class CplBurst:
    """Completions that leave together."""

    addr: int
    entries: tuple[Cqe, ...]

    @property
    def data(self) -> bytes:
        return b"".join(e.pack() for e in self.entries)


def pack_completions(
    ring: CplRing, entries: Iterable[Cqe], merge_max: int = MERGE_MAX
) -> list[CplBurst]:
    """The longest merges for entries that are ready together, from the ring's producer index on.

    Phases are set here, the ring's producer and phase advance.
    """
    out: list[CplBurst] = []
    run: list[Cqe] = []
    addr = ring.addr(ring.prod)
    for e in entries:
        here = ring.addr(ring.prod)
        if run and (
            len(run) == merge_max or here != addr + len(run) * CQE.size or here % PAGE == 0
        ):
            out.append(CplBurst(addr, tuple(run)))
            run = []
        if not run:
            addr = here
        if not ring.free:
            raise ValueError("the completion ring is full")
        run.append(Cqe(**{**e.__dict__, "phase": ring.phase}))
        ring.prod = (ring.prod + 1) % ring.size
        if ring.prod == 0:
            ring.phase ^= 1
    if run:
        out.append(CplBurst(addr, tuple(run)))
    return out
