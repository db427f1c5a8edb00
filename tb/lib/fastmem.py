# SPDX-License-Identifier: Apache-2.0
"""Python's side of `crl_tb_mem`: settings, back door, faults, burst log.

    mem = FastMemory(dut.a.mem, "mem_a", store_w=23, data_w=64)
    await mem.windows([0x0, 0x4000_0000])
    await mem.write(0x1000, b"...")
    assert await mem.read(0x1000, 3) == b"..."

The back door takes no simulation time. Bulk data goes through a file in the run's folder, so moving
megabytes costs milliseconds. `writes` (a callback) is told of every store, for the monitors.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cocotb.triggers import Lock, ReadWrite, ValueChange

LOAD, DUMP, FILL, LOG_OPEN, LOG_CLOSE, CLEAR, SEED, LOG_FLUSH = range(1, 9)
SLVERR, DECERR = 2, 3
RESP_NAMES = {0: "OKAY", 1: "EXOKAY", 2: "SLVERR", 3: "DECERR"}


class MemoryMapError(IndexError):
    """An address outside the windows of the memory."""


@dataclass(frozen=True, slots=True)
class Burst:
    """A burst on AXI, from the memory's log. Times in ps."""

    write: bool
    t_addr: int
    t_data: int  # first read beat, last write beat
    t_end: int  # last read beat, or B
    id: int
    user: int
    addr: int
    beats: int
    beat_bytes: int
    resp: int | tuple[int, ...]
    data: bytes  # from addr aligned down to beat_bytes
    strb: int = 0  # bit i belongs to byte i of data

    @property
    def worst(self) -> int:
        return self.resp if isinstance(self.resp, int) else max(self.resp)


class FastMemory:
    """One `crl_tb_mem`."""

    def __init__(
        self, handle: Any, name: str, *, store_w: int, data_w: int, run_dir: Path | str = "."
    ) -> None:
        self.handle = handle
        self.name = name
        self.data_w = data_w
        self.size = 1 << store_w
        self.window_bytes = self.size // 4
        self.run_dir = Path(run_dir)
        self.bases: list[int] = [0]
        self.writes: Callable[[int, bytes], None] | None = None
        self._lock = Lock()
        self._log = self.run_dir / f"{name}_log.txt"
        self._in = self.run_dir / f"{name}_in.bin"

    # ------------------------------------------------------------------ settings
    def set(self, **settings: int) -> None:
        """`set(latency=20, p_r=64)` writes cfg_latency and cfg_p_r; takes effect in this time step."""
        for key, value in settings.items():
            getattr(self.handle, f"cfg_{key}").value = value

    def get(self, name: str) -> int:
        """A counter or mark by its full name, for example `st_rbeats`."""
        return int(getattr(self.handle, name).value)

    async def windows(self, bases: Sequence[int]) -> None:
        """Where the four quarters of the storage appear; the rest of the space answers DECERR."""
        if not 1 <= len(bases) <= 4 or any(b % self.window_bytes for b in bases):
            raise MemoryMapError(
                f"give one to four window bases, multiples of {self.window_bytes:#x}"
            )
        self.bases = list(bases)
        packed = sum(b << (64 * i) for i, b in enumerate(bases))
        self.set(windows=packed, win_on=(1 << len(bases)) - 1)
        await ReadWrite()

    async def flat(self, base: int = 0) -> None:
        """All of the storage in one piece."""
        await self.windows([base + i * self.window_bytes for i in range(4)])

    def quiet(self) -> None:
        """No latency, no stalls, no faults: what a fresh simulation has."""
        self.back_pressure(0)
        self.errors([])
        self.nth()
        self.set(latency=0, jitter=0, reorder=0, stall=0, expect_viol=0, cpl_target=0)

    def errors(self, ranges: Sequence[tuple[int, int, int, str]]) -> None:
        """Up to four (address, bytes, resp, "r" | "w" | "rw"); replaces those set before."""
        base = last = resp = rd = wr = 0
        for i, (addr, size, code, kind) in enumerate(ranges):
            base |= addr << (64 * i)
            last |= (addr + size - 1) << (64 * i)
            resp |= code << (2 * i)
            rd |= ("r" in kind) << i
            wr |= ("w" in kind) << i
        self.set(err_base=base, err_last=last, err_resp=resp, err_rd=rd, err_wr=wr)

    def nth(self, *, read: int = 0, write: int = 0, ids: int = 0xFFFF, resp: int = SLVERR) -> None:
        """The n-th burst from now (1: the next) of these IDs answers with an error."""
        self.set(nth_rd=read, nth_wr=write, nth_ids=ids, nth_resp=resp)

    def stall(self, mask: int) -> None:
        """Total stall of AR, R, AW, W, B: bits 0 to 4."""
        self.set(stall=mask)

    def back_pressure(self, level: int) -> None:
        """The same chance n/256 of a stall cycle on every channel."""
        self.set(p_ar=level, p_r=level, p_aw=level, p_w=level, p_b=level)

    # ------------------------------------------------------------------ back door
    def offset(self, addr: int, size: int = 1) -> int:
        """Place in the storage of a byte address."""
        for i, base in enumerate(self.bases):
            if base <= addr < base + self.window_bytes:
                off = i * self.window_bytes + addr - base
                end = addr + size
                if end > base + self.window_bytes and not (
                    i + 1 < len(self.bases) and self.bases[i + 1] == base + self.window_bytes
                    and end <= self.bases[-1] + self.window_bytes
                ):
                    raise MemoryMapError(f"{addr:#x} + {size:#x} leaves the window at {base:#x}")
                return off
        raise MemoryMapError(f"{self.name} has nothing at {addr:#x}")

    async def _do(self, op: int, word: int = 0, count: int = 0, data: int = 0) -> None:
        h = self.handle
        h.bd_op.value = op
        h.bd_addr.value = word
        h.bd_count.value = count
        h.bd_data.value = data
        h.bd_go.value = 0 if int(h.bd_done.value) else 1
        await ValueChange(h.bd_done)

    async def _words(self, word: int, count: int) -> bytes:
        await self._do(DUMP, word, count)
        with (self.run_dir / f"{self.name}_out.bin").open("rb") as file:  # it may be longer than this dump
            data = file.read(8 * count)
        if len(data) != 8 * count:
            raise OSError(f"{self.name}: the dump has {len(data)} bytes, not {8 * count}")
        return data

    async def _store(self, word: int, data: bytes) -> None:
        words = array("Q", data)
        words.byteswap()
        with self._in.open("r+b" if self._in.exists() else "wb") as file:  # truncating is slow
            file.write(words.tobytes())
        await self._do(LOAD, word, len(words))

    async def read(self, addr: int, size: int) -> bytes:
        """What the storage holds now: writes whose response is not yet shown are not in it."""
        if size == 0:
            return b""
        off = self.offset(addr, size)
        first, last = off // 8, (off + size - 1) // 8
        async with self._lock:
            data = await self._words(first, last - first + 1)
        return data[off % 8 : off % 8 + size]

    async def read_all(self) -> bytes:
        """The whole storage, windows one after the other."""
        async with self._lock:
            return await self._words(0, self.size // 8)

    async def write(self, addr: int, data: bytes, *, tell: bool = True) -> None:
        """Store bytes."""
        if not data:
            return
        off = self.offset(addr, len(data))
        first, last = off // 8, (off + len(data) - 1) // 8
        async with self._lock:
            if off % 8 or len(data) % 8:
                head = await self._words(first, 1)
                tail = await self._words(last, 1)
                data_ = head[: off % 8] + data + tail[(off + len(data) - 1) % 8 + 1 :]
            else:
                data_ = data
            await self._store(first, data_)
        if tell and self.writes is not None:
            self.writes(addr, bytes(data))

    async def fill(self, addr: int, size: int, pattern: int = 0) -> None:
        """Fill whole 8-byte words; quick."""
        off = self.offset(addr, size)
        if off % 8 or size % 8:
            raise ValueError("fill takes whole 8-byte words")
        async with self._lock:
            await self._do(FILL, off // 8, size // 8, pattern)
        if self.writes is not None:
            self.writes(addr, pattern.to_bytes(8, "little") * (size // 8))

    async def clear_counters(self) -> None:
        async with self._lock:
            await self._do(CLEAR)

    async def seed(self, seed: int) -> None:
        """Start of the random patterns."""
        self.set(seed=seed & 0xFFFFFFFF or 1)
        await ReadWrite()
        async with self._lock:
            await self._do(SEED)

    # ------------------------------------------------------------------ log
    async def log_open(self) -> None:
        self._log.unlink(missing_ok=True)  # truncating is slow
        async with self._lock:
            await self._do(LOG_OPEN)

    async def log_flush(self) -> None:
        async with self._lock:
            await self._do(LOG_FLUSH)

    async def log_close(self) -> None:
        async with self._lock:
            await self._do(LOG_CLOSE)

    def bursts(self) -> Iterator[Burst]:
        """The bursts of the log, in the order in which they ended."""
        yield from parse_log(self._log, self.data_w // 8)


def parse_log(path: Path, bus_bytes: int) -> Iterator[Burst]:
    """Read a burst log. An unknown value in read data or in a strobed lane is an error."""
    beats: dict[str, list[tuple[int, bytes]]] = {}
    with path.open() as log:
        for number, line in enumerate(log, 1):
            f = line.split()
            try:
                if f[0] == "r":
                    beats.setdefault(f[1], []).append((int(f[2]), bytes.fromhex(f[3])[::-1]))
                elif f[0] == "R":
                    t_addr, t_first, t_end, ident, user = map(int, f[2:7])
                    length, size = int(f[8]) + 1, 1 << int(f[9])
                    got = beats.pop(f[1], [])[-length:]  # a reset may have cut an earlier one
                    if len(got) != length:
                        raise ValueError(f"{len(got)} beats of {length}")
                    resp = tuple(r for r, _ in got)
                    addr = int(f[7], 16)
                    yield Burst(
                        False, t_addr, t_first, t_end, ident, user, addr, length, size,
                        0 if not any(resp) else resp,
                        _lanes([d for _, d in got], addr, size, bus_bytes),
                    )
                elif f[0] == "W":
                    t_addr, t_data, t_end, ident, user = map(int, f[1:6])
                    addr, length, size, resp = int(f[6], 16), int(f[7]) + 1, 1 << int(f[8]), int(f[9])
                    data, strb = b"", 0
                    for i in range(length):
                        mask = int(f[10 + 2 * i], 16)
                        text = f[11 + 2 * i]
                        if "x" in text or "X" in text or "z" in text:
                            text = _mask_unknown(text, mask)
                        strb |= mask << (len(data))
                        data += bytes.fromhex(text)[::-1]
                    yield Burst(
                        True, t_addr, t_data, t_end, ident, user, addr, length, size, resp, data, strb
                    )
            except (ValueError, IndexError) as exc:
                raise ValueError(f"{path.name}:{number}: {exc}: {line[:120]!r}") from None


def _lanes(beats: list[bytes], addr: int, size: int, bus: int) -> bytes:
    """The bytes that each beat of a burst carries; for full-width bursts all of them."""
    if size == bus:
        return b"".join(beats)
    base = addr - addr % size
    out = b""
    for i, beat in enumerate(beats):
        at = (base + i * size) % bus
        out += beat[at : at + size]
    return out


def _mask_unknown(text: str, mask: int) -> str:
    """Unknown digits are allowed in lanes that are not strobed."""
    out = []
    lanes = len(text) // 2
    for i in range(lanes):
        pair = text[2 * i : 2 * i + 2]
        if any(c in "xXzZ" for c in pair):
            if mask >> (lanes - 1 - i) & 1:
                raise ValueError("unknown value in a strobed lane")
            pair = "00"
        out.append(pair)
    return "".join(out)
