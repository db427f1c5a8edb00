# SPDX-License-Identifier: Apache-2.0
"""What the bench of crl_regs has in place of the NVMe block: data for reads, who may do what, and when a write is refused."""

from __future__ import annotations

import random
from collections import deque

from cocotb.triggers import FallingEdge, RisingEdge

from tb.unit.stream import value

TOP = 0x100000  # of the block's part of BAR0
APART = 4  # cycles from a write to the next


def foreign(func: int, addr: int) -> bool:
    """Made up: each 4 KiB belongs to function 0, and to one of 1 to 4 or to nobody else."""
    return func != 0 and (addr >> 12) % 5 != func


def word(addr: int) -> int:
    """Made-up contents."""
    return random.Random(f"nvme {addr >> 3}").getrandbits(64)


class NvmeSide:
    """Answers in the cycle in which it is asked; refuses writes one to three cycles later."""

    def __init__(self, dut, seed: int) -> None:
        self.dut, self.rng = dut, random.Random(seed)
        self.delays = (1, 2, 3)
        self.writes: deque[tuple[int, int, int, int]] = deque()  # address, function, data, strobes
        self.at: list[int] = []

    async def run(self) -> None:
        d, now, last = self.dut, 0, -APART
        due: dict[int, int] = {}
        while True:
            await RisingEdge(d.clk)
            now += 1
            func = due.pop(now, None)
            d.nv_foreign_valid.value = int(func is not None)
            d.nv_foreign_func.value = self.rng.getrandbits(len(d.nv_foreign_func)) if func is None else func
            await FallingEdge(d.clk)
            if value(d.rst):
                due.clear()
                continue
            if d.nv_rd_addr.value.is_resolvable and d.nv_rd_user.value.is_resolvable:
                addr = value(d.nv_rd_addr)
                d.nv_rd_data.value = word(addr)
                d.nv_rd_foreign.value = int(foreign(value(d.nv_rd_user), addr))
            if value(d.nv_wr):
                assert now >= last + APART, f"a write {now - last} cycles after another"
                last = now
                what = tuple(value(getattr(d, f"nv_wr_{n}")) for n in ("addr", "user", "data", "strb"))
                self.writes.append(what)
                self.at.append(now)
                if foreign(what[1], what[0]):
                    due[now + self.rng.choice(self.delays)] = what[1]
