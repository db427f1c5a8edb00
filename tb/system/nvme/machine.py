# SPDX-License-Identifier: Apache-2.0
"""The rig as programs see it that are written in C: memory, registers, and time that passes while they wait.

    m = Machine(World(dut), library(folder))      # in place of fw.tests.nvme_host.Machine, for Kernel, Client and App
    await m.begin()
    await m.run(kernel_program, client_program)   # each in a thread; they change places only where C calls the header's functions

Memory exists twice. A store of a program reaches the node at its crl_wmb; a load of what the node may be writing (crl_load16) looks
at the node's memory, and everything else that the node wrote is seen after crl_rmb. A client maps its own memory and one page of
registers, accesses of which carry its function; the kernel has the rest. `kill` stops a program in the middle: from then on none of
its accesses is made.
"""

from __future__ import annotations

import bisect
import ctypes
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import cocotb
from cocotb.task import bridge, resume
from cocotb.utils import get_sim_time

from fw.tests.native import Mem, Port
from tb.lib.fastmem import Burst
from tb.system.nvme.kernel import PAGE
from tb.system.nvme.rig import HIGH, HOST
from tb.system.nvme.world import World

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


class Machine:
    """See above."""

    def __init__(self, w: World, lib: ctypes.CDLL) -> None:
        self.w, self.rig, self.mem, self.lib = w, w.rig, w.rig.mem, lib
        self.rng, self.namespaces = w.rng, w.namespaces
        self.cpu = bytearray(2 * self.rig.window)
        self.pinned = (ctypes.c_uint8 * len(self.cpu)).from_buffer(self.cpu)
        self.seen = bytearray(self.cpu)  # what both sides agree on
        self.free = {HOST: 1, HIGH: 0}  # next page
        self.areas: list[Area] = []
        self.dead: set[int] = set()
        self.failures: list[Exception] = []
        self.stale = False  # for the test of the bench: loads see no more than the phase
        self.calls: Counter = Counter()

    async def begin(self, **how: int) -> None:
        """Hardware and processor; host memory holds anything, old phases of both kinds too."""
        await self.w.begin(enable=False, log=True, **how)
        for i, base in enumerate((HOST, HIGH)):
            data = self.rng.randbytes(self.rig.window)
            await self.mem.write(base, data)
            for copy in (self.cpu, self.seen):
                copy[i * self.rig.window : (i + 1) * self.rig.window] = data

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
        """Pages in a row, below or above 4 GiB."""
        base = self.rng.choice((HOST, HIGH))
        first = self.free[base]
        self.free[base] += pages
        assert self.free[base] * PAGE <= self.rig.window, "the machine has too little memory"
        at = first * PAGE + (self.rig.window if base == HIGH else 0)
        self.areas.append(Area(base + first * PAGE, at, pages * PAGE, func, now()))
        return Mem(ctypes.addressof(self.pinned) + at, base + first * PAGE, pages * PAGE)

    def revoke(self, mem: Mem) -> None:
        """From now on the node has no business there."""
        next(a for a in self.areas if a.bus == mem.bus).until = now()

    def bytes_at(self, bus: int, length: int) -> memoryview:
        a = next(a for a in self.areas if a.has(bus, length))
        return memoryview(self.cpu)[a.at + bus - a.bus :][:length]

    def blocks(self, nsid: int, slba: int, count: int) -> bytes:
        ns = self.namespaces[nsid - 1]
        return resume(self.mem.read)(ns.base + (slba << ns.shift), count << ns.shift)

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
        """`window`: the only page of registers that is mapped; with it the program maps all memory of its function that there is."""
        if window:
            for a in self.areas:
                a.mapped |= a.func == func
        p = Access(self, func, window)
        return Port(p.read, p.write, p.wmb, p.relax, p.write32, load=p.load, mb=p.mb, rmb=p.rmb)

    def kill(self, func: int) -> None:
        self.dead.add(func)

    def wait(self, cycles: int) -> None:
        if self.failures:
            raise Stopped
        resume(self.rig.cycles)(cycles)

    def steps(self) -> None:
        """A while, or until an entry comes."""
        if self.failures:
            raise Stopped
        resume(self.rig.entry_or)(self.rng.randrange(20, 200))

    # ---- at the end
    def bursts(self) -> Counter:
        """Those on the host's memory by function: each inside an area of this function while it was one."""
        count: Counter = Counter()
        ordered = sorted(self.areas, key=lambda a: a.bus)
        for b in self.mem.bursts():
            if any(n.base <= b.addr < n.base + self.rig.window for n in self.namespaces if n.valid):
                continue
            first, size = reach(b)
            i = bisect.bisect([a.bus for a in ordered], first) - 1
            a = ordered[i] if i >= 0 else None
            what = f"function {b.user} {'writes' if b.write else 'reads'} {first:#x} + {size:#x} at {b.t_addr} ps"
            assert a and a.has(first, size) and a.func == b.user, what
            assert a.since <= b.t_addr and (a.until is None or b.t_end <= a.until), f"{what}, which has gone"
            count[b.user] += 1
        return count

    async def end(self, least: int) -> None:
        """Memory outside the areas, all blocks, bus rules."""
        await self.mem.log_close()
        skip = {a.bus + at for a in self.areas for at in range(0, a.size, PAGE)}
        assert await self.w.expect.memories(skip) > 100
        self.rig.check_rules()
        assert int(self.rig.dut.st_foreign.value) == self.w.foreign
        count = self.bursts()
        assert sum(count.values()) >= least, count
        cocotb.log.info("bursts by function: %s; calls by function: %s", dict(count), dict(self.calls))


def reach(b: Burst) -> tuple[int, int]:
    """First byte and number of bytes that a burst touches."""
    first = b.addr - b.addr % b.beat_bytes
    if not b.write:
        return first, b.beats * b.beat_bytes
    low = (b.strb & -b.strb).bit_length() - 1
    return first + low, b.strb.bit_length() - low


class Access:
    """The header's functions for a program."""

    def __init__(self, m: Machine, func: int, window: int) -> None:
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
        return self._do("read", self.m.rig.regs.read, self.window + addr, self.func, dead=ONES)

    def write(self, addr: int, value: int) -> None:
        self.barrier = False
        self._do("write", self.m.rig.regs.write, self.window + addr, value, self.func)

    def write32(self, addr: int, value: int) -> None:
        assert self.barrier, "a doorbell without a barrier right before it"
        assert addr < PAGE or not self.window, f"{addr:#x} is not mapped"
        self.barrier = False
        self._do("write32", self.m.rig.wr32, self.window + addr, value, self.func)

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
        self._do("relax", self.m.rig.entry_or, 200)
