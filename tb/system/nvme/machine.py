# SPDX-License-Identifier: Apache-2.0
"""The rig as programs see it that are written in C, and what their memory may be used for.

    m = Machine(World(dut), library(folder))      # in place of fw.tests.nvme_host.Machine, for Kernel, Client and App
    await m.begin()
    await m.run(kernel_program, client_program)   # tb/lib/programs.py
    await m.end(least=200)
"""

from __future__ import annotations

import bisect
import ctypes
from collections import Counter

import cocotb
from cocotb.task import resume

from tb.lib.fastmem import Burst
from tb.lib.programs import PAGE, Programs
from tb.system.nvme.rig import HIGH, HOST
from tb.system.nvme.world import World


class Machine(Programs):
    """See above."""

    def __init__(self, w: World, lib: ctypes.CDLL) -> None:
        super().__init__(w.rig.mem, w.rig.regs, w.rig.entry_or, w.rng, [HOST, HIGH])
        self.w, self.rig, self.lib = w, w.rig, lib
        self.namespaces = w.namespaces

    async def begin(self, **how: int) -> None:
        """Hardware and processor too."""
        await self.w.begin(enable=False, log=True, **how)
        await super().begin()

    def blocks(self, nsid: int, slba: int, count: int) -> bytes:
        ns = self.namespaces[nsid - 1]
        return resume(self.mem.read)(ns.base + (slba << ns.shift), count << ns.shift)

    def wait(self, cycles: int) -> None:
        self.call(self.rig.cycles, cycles)

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
