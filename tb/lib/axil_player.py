# SPDX-License-Identifier: Apache-2.0
"""Python's side of `crl_tb_axil`: register accesses, one wake-up a list.

    axil = AxilPlayer(dut.a.axil, "axil_a")
    await axil.write(0x1F0018, 3)
    value = await axil.read(0x1F0000)
    results = await axil.play([Access.wr(0x100040, 7), Access.wr(0x101040, 7)])
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cocotb.triggers import Lock, Timer, ValueChange, with_timeout

LIST_MAX = 512
OKAY = 0


@dataclass(frozen=True, slots=True)
class Access:
    """One access; 64 bits wide unless the strobes say otherwise."""

    write: bool
    addr: int
    data: int = 0
    func: int = 0
    strb: int = 0xFF

    @classmethod
    def wr(cls, addr: int, data: int, func: int = 0, strb: int = 0xFF) -> Access:
        return cls(True, addr, data, func, strb)

    @classmethod
    def rd(cls, addr: int, func: int = 0) -> Access:
        return cls(False, addr, 0, func)

    @classmethod
    def wr32(cls, addr: int, data: int, func: int = 0) -> Access:
        """A 32-bit write: the half of the 64-bit lane that the address names."""
        shift = 32 * (addr >> 2 & 1)
        return cls(True, addr, data << shift, func, 0x0F << (shift // 8))

    def pack(self) -> int:
        return (
            int(self.write) << 120 | (self.func & 0xFFFF) << 104 | self.strb << 96
            | self.addr << 64 | self.data
        )


@dataclass(frozen=True, slots=True)
class Result:
    """What came back; `cycle` is that of the W or AR handshake."""

    data: int
    resp: int
    cycle: int


@dataclass(frozen=True, slots=True)
class Logged:
    """A line of the monitor's log; times in ps."""

    write: bool
    t: int
    t_resp: int
    addr: int
    func: int
    strb: int
    data: int
    resp: int


class AxilError(AssertionError):
    """A response that is not OKAY, or none at all."""


class AxilPlayer:
    """One `crl_tb_axil`."""

    def __init__(self, handle: Any, name: str, run_dir: Path | str = ".") -> None:
        self.handle = handle
        self.name = name
        self._lock = Lock()
        self._log = Path(run_dir) / f"{name}_log.txt"
        self.limit_ns = 1_000_000
        self._reseed = int(handle.cfg_reseed.value)

    def set(self, **settings: int) -> None:
        for key, value in settings.items():
            getattr(self.handle, f"cfg_{key}").value = value

    def reseed(self, seed: int) -> None:
        """Start of the random gaps."""
        self._reseed ^= 1
        self.set(seed=seed & 0xFFFFFFFF, reseed=self._reseed)

    async def play(self, accesses: Sequence[Access], *, results: bool = True) -> list[Result]:
        """Run the accesses in order; every response has to be OKAY."""
        h = self.handle
        out: list[Result] = []
        for start in range(0, len(accesses), LIST_MAX):
            part = accesses[start : start + LIST_MAX]
            async with self._lock:
                for i, access in enumerate(part):
                    h.prog[i].value = access.pack()
                h.cmd_count.value = len(part)
                h.cmd_go.value = 0 if int(h.rsp_done.value) else 1
                try:
                    await with_timeout(ValueChange(h.rsp_done), self.limit_ns, "ns")
                except TimeoutError:
                    raise AxilError(
                        f"{self.name}: no response within {self.limit_ns} ns, first access {part[0]}"
                    ) from None
                wanted = range(len(part)) if results else range(len(part) - 1, len(part))
                for i in wanted:
                    word = int(h.res[i].value)
                    result = Result(word & (1 << 64) - 1, word >> 128, word >> 64 & (1 << 64) - 1)
                    if result.resp != OKAY:
                        raise AxilError(f"{self.name}: response {result.resp} to {part[i]}")
                    out.append(result)
        return out

    async def write(self, addr: int, data: int, func: int = 0, strb: int = 0xFF) -> Result:
        return (await self.play([Access.wr(addr, data, func, strb)]))[0]

    async def read(self, addr: int, func: int = 0) -> int:
        return (await self.play([Access.rd(addr, func)]))[0].data

    async def log_open(self) -> None:
        self.set(log=1)
        await Timer(1, "ns")

    async def log_close(self, period_ns: int = 20) -> None:
        """The file is complete after an edge of the clock."""
        self.set(log=0)
        await Timer(period_ns * 2, "ns")

    def accesses(self) -> Iterator[Logged]:
        """The monitor's log, in the order of the responses."""
        with self._log.open() as log:
            for line in log:
                f = line.split()
                if any("x" in x or "X" in x for x in f[3:7]):
                    raise ValueError(f"{self.name}: unknown value on the bus: {line!r}")
                yield Logged(
                    f[0] == "W", int(f[1]), int(f[2]), int(f[3], 16), int(f[4], 16),
                    int(f[5], 16), int(f[6], 16), int(f[7]),
                )
