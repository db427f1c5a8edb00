# SPDX-License-Identifier: Apache-2.0
"""Programs in C, beside a simulation: memory, registers, and time that passes while they wait.

    m = Programs(tb.a.mem, tb.a.axil, pause, rng, [0x0, 0x4000_0000])
    await m.begin()                        # memory holds anything
    await m.run(kernel, client)            # each in a thread; they change places only where C calls the header's functions

fw/tests/mmio/carillon_mmio.h makes each function of the header a call; `port` gives what is called. Memory exists twice. A
store of a program reaches the node at its crl_wmb; a load of what the node may be writing (crl_load8, crl_load16) looks at the node's
memory, and everything else that the node wrote is seen after crl_rmb. A client maps its own memory and a part of the
registers, accesses of which carry its function; function 0 has the rest. `kill` stops a program in the middle: from then on none of its
accesses is made.
"""

from __future__ import annotations

import ctypes
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import cocotb
from cocotb.task import bridge, resume
from cocotb.utils import get_sim_time

from fw.tests.native import Mem, Port
from tb.lib.axil_player import Access, AxilPlayer
from tb.lib.fastmem import FastMemory

PAGE = 4096
LINE = 64  # bytes that a store makes visible together
ONES = (1 << 64) - 1


def now() -> int:
    return round(get_sim_time("ps"))


class Stopped(Exception):
    """Another program has failed."""


@dataclass(eq=False)
class Area:
    """Memory that was handed out, and who may use it when."""

    bus: int
    at: int  # place in the programs' memory
    size: int
    func: int
    since: int
    until: int | None = None
    mapped: bool = False  # by its function; until then it is the kernel's

    def has(self, addr: int, size: int) -> bool:
        return self.bus <= addr and addr + size <= self.bus + self.size


class Programs:
    """See above. `pause` lets some time pass, of up to that many cycles; `bases`: windows of `mem` that are handed out."""

    def __init__(self, mem: FastMemory, regs: AxilPlayer, pause: Callable[[int], Awaitable[Any]], rng: random.Random,
                 bases: Sequence[int]) -> None:
        self.mem, self.regs, self.pause, self.rng = mem, regs, pause, rng
        self.window = mem.window_bytes
        self.cpu = bytearray(len(bases) * self.window)
        self.pinned = (ctypes.c_uint8 * len(self.cpu)).from_buffer(self.cpu)
        self.seen = bytearray(self.cpu)  # what both sides agree on
        self.bases = list(bases)
        self.free = [1] * len(bases)  # next page of each
        self.areas: list[Area] = []
        self.dead: set[int] = set()
        self.failures: list[Exception] = []
        self.stale = False  # for the test of the bench: loads see no more than the phase
        self.bells: set[int] = set()  # 64-bit registers that need a barrier before them
        self.calls: Counter = Counter()

    async def begin(self) -> None:
        """Memory holds anything, old phases of both kinds too."""
        for i, base in enumerate(self.bases):
            data = self.rng.randbytes(self.window)
            await self.mem.write(base, data)
            for copy in (self.cpu, self.seen):
                copy[i * self.window : (i + 1) * self.window] = data

    async def run(self, *programs: Callable[[], Any]) -> None:
        """Until all have ended; the first failure of any ends the others too."""
        for task in [cocotb.start_soon(bridge(self._program)(p)) for p in programs]:
            await task
        if self.failures:
            raise self.failures[0]

    def _program(self, body: Callable[[], Any]) -> None:
        try:
            body()
        except Exception as error:
            self.failures.append(error)

    # ---- memory
    def take(self, pages: int, func: int) -> Mem:
        """Pages in a row, in any window."""
        i = self.rng.randrange(len(self.bases))
        first = self.free[i]
        self.free[i] += pages
        assert self.free[i] * PAGE <= self.window, "the machine has too little memory"
        bus, at = self.bases[i] + first * PAGE, i * self.window + first * PAGE
        self.areas.append(Area(bus, at, pages * PAGE, func, now()))
        return Mem(ctypes.addressof(self.pinned) + at, bus, pages * PAGE)

    def revoke(self, mem: Mem) -> None:
        """From now on the node has no business there."""
        next(a for a in self.areas if a.bus == mem.bus).until = now()

    def bytes_at(self, bus: int, length: int) -> memoryview:
        a = next(a for a in self.areas if a.has(bus, length))
        return memoryview(self.cpu)[a.at + bus - a.bus :][:length]

    def _visible(self, func: int) -> Iterator[Area]:
        """What a program of this function has mapped."""
        for a in self.areas:
            if a.until is None and (a.func == func if a.mapped else func == 0):
                yield a

    async def push(self, func: int) -> None:
        """Stores so far, line by line."""
        for a in list(self._visible(func)):
            start = None
            for at in range(a.at, a.at + a.size + LINE, LINE):
                same = at == a.at + a.size or self.cpu[at : at + LINE] == self.seen[at : at + LINE]
                if not same and start is None:
                    start = at
                elif same and start is not None:
                    data = bytes(self.cpu[start:at])
                    self.seen[start:at] = data
                    await self.mem.write(a.bus + start - a.at, data)
                    start = None

    async def pull(self, func: int) -> None:
        """What the node has written; the program's own stores, that nobody else sees yet, stay as they are."""
        for a in [] if self.stale else list(self._visible(func)):
            data = await self.mem.read(a.bus, a.size)
            for i in range(0, a.size, LINE):
                here = slice(a.at + i, a.at + i + LINE)
                new, old = data[i : i + LINE], self.seen[here]
                if new == old:
                    continue
                if self.cpu[here] == old:
                    self.cpu[here] = new
                else:
                    own = [c != s for c, s in zip(self.cpu[here], old, strict=True)]
                    clash = [i for i, (n, s) in enumerate(zip(new, old, strict=True)) if own[i] and n != s]
                    assert not clash, f"program and node both write {a.bus + here.start - a.at:#x} + {clash}"
                    self.cpu[here] = bytes(c if mine else n for c, n, mine in zip(self.cpu[here], new, own, strict=True))
                self.seen[here] = new

    # ---- what programs see
    def port(self, func: int, window: int = 0) -> Port:
        """`window`: the only page of registers that is mapped; with it, or for a client, the program maps all memory of its function
        that there is."""
        if window or func:
            for a in self.areas:
                a.mapped |= a.func == func
        h = Header(self, func, window)
        return Port(h.read, h.write, h.wmb, h.relax, h.write32, load=h.load, mb=h.mb, rmb=h.rmb)

    def kill(self, func: int) -> None:
        self.dead.add(func)

    def call(self, what: Callable[..., Awaitable[Any]], *args: Any) -> Any:
        """A coroutine function, from a program."""
        if self.failures:
            raise Stopped
        return resume(what)(*args)

    def steps(self) -> None:
        """A while, or until an entry comes."""
        self.call(self.pause, self.rng.randrange(20, 200))


class Header:
    """The header's functions for a program."""

    def __init__(self, m: Programs, func: int, window: int) -> None:
        self.m, self.func, self.window = m, func, window
        self.barrier = False

    def _do(self, name: str, call: Callable[..., Any], *args: Any, dead: int = 0) -> int:
        if self.m.failures:
            raise Stopped
        if self.func in self.m.dead:
            return dead
        self.m.calls[self.func, name] += 1
        result = resume(call)(*args)
        return result if isinstance(result, int) else 0

    def read(self, addr: int) -> int:
        return self._do("read", self.m.regs.read, self.window + addr, self.func, dead=ONES)

    def write(self, addr: int, value: int) -> None:
        assert self.barrier or addr not in self.m.bells, "a doorbell without a barrier right before it"
        self.barrier = False
        self._do("write", self.m.regs.write, self.window + addr, value, self.func)

    def write32(self, addr: int, value: int) -> None:
        assert self.barrier, "a doorbell without a barrier right before it"
        assert addr < PAGE or not self.window, f"{addr:#x} is not mapped"
        self.barrier = False
        self._do("write32", self.m.regs.play, [Access.wr32(self.window + addr, value, self.func)])

    def load(self, where: int, size: int) -> int:
        at = where - ctypes.addressof(self.m.pinned)
        own = int.from_bytes(self.m.cpu[at : at + size], "little")
        return self._do("load", partial(self._load, at, size), dead=own)

    async def _load(self, at: int, size: int) -> int:
        a = next(a for a in self.m._visible(self.func) if a.at <= at < a.at + a.size)
        return int.from_bytes(await self.m.mem.read(a.bus + at - a.at, size), "little")

    def wmb(self) -> None:
        self.barrier = True
        self._do("wmb", self.m.push, self.func)

    def mb(self) -> None:
        self.barrier = True

    def rmb(self) -> None:
        self._do("rmb", self.m.pull, self.func)

    def relax(self) -> None:
        self._do("relax", self.m.pause, 200)
