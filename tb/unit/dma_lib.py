# SPDX-License-Identifier: Apache-2.0
"""What the unit benches of the engine share: a cycle-driven bench and the predicted first chunk.

A bench drives its inputs after a rising edge and looks at everything at the falling edge. One
coroutine does both, so a failed check of the bench ends the test that steps it, and a test can
ask for that failure.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import cocotb
import pytest
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge

from models.blocks import split_chunks
from models.lay import DescFlag, Op
from models.ops import ATOMICS, REMOTE, SUPPORTED
from tb.lib.sim import sim_parameters
from tb.unit.stream import value

MESSAGES = (Op.WRITE_IMM, Op.SEND)

__all__ = ["MESSAGES", "CycleBench", "expects_failure", "first_chunk", "refused", "value"]


def refused(opcode: int, flags: int, length: int, ops=SUPPORTED) -> bool:
    """The descriptor is refused for what it says itself, whatever the addresses are."""
    if opcode not in ops or flags >> 4:
        return True
    if flags >> DescFlag.NOTIFY & 1 and opcode not in (Op.WRITE, *MESSAGES):
        return True
    if opcode in ATOMICS:
        return length != 8
    return opcode not in (Op.NOP, *MESSAGES) and length == 0


def first_chunk(desc, max_burst: int, link_mtu: int, ops=SUPPORTED):
    """The first chunk that moves data, or None when there is none."""
    if desc.opcode == Op.NOP or refused(desc.opcode, desc.flags, desc.length, ops):
        return None
    src = 0 if desc.opcode in (Op.FILL, Op.READ, *ATOMICS) else desc.src
    length = min(desc.length, 2 * link_mtu)  # the first chunk does not depend on the rest
    return split_chunks(
        src, desc.dst, length, max_burst, remote=desc.opcode in (*REMOTE, Op.SEND), link_mtu=link_mtu
    )[0]


class CycleBench:
    """Clock, reset, seeded random numbers, and a step a cycle: `drive`, then `check`."""

    idle: dict[str, int] = {}  # inputs that are set to these values in each cycle, unless driven

    def __init__(self, dut) -> None:
        self.dut, self.p = dut, sim_parameters()
        self.rng = random.Random(cocotb.RANDOM_SEED)
        self.now = 0
        self.compared = 0
        self.inp: dict[str, int] = {}
        self._handles = {}
        self._driven: dict[str, int] = {}
        # `reset` comes before the first edge: the RTL's assertions hold from reset on.
        cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start(start_high=False))

    def _handle(self, name: str):
        if name not in self._handles:
            self._handles[name] = getattr(self.dut, name)
        return self._handles[name]

    def get(self, name: str) -> int:
        return value(self._handle(name))

    async def reset(self, cycles: int = 3) -> None:
        self.inp = dict(self.idle)
        self._driven = {}
        self._apply()
        self.dut.rst.value = 1
        for _ in range(cycles):
            await RisingEdge(self.dut.clk)
        self.dut.rst.value = 0

    def _apply(self) -> None:
        for name, number in self.inp.items():
            if self._driven.get(name) != number:
                self._handle(name).value = number
                self._driven[name] = number

    def drive(self) -> None:
        """Fill `self.inp` for this cycle."""

    def check(self) -> None:
        """Look at the outputs of this cycle, and update the model for the next one."""

    async def step(self, count: int = 1) -> None:
        for _ in range(count):
            self.inp = dict(self.idle)
            self.drive()
            self._apply()
            await FallingEdge(self.dut.clk)
            self.check()
            self.now += 1
            await RisingEdge(self.dut.clk)

    async def until(self, what: Callable[[], bool], limit: int, why: str) -> None:
        for _ in range(limit):
            if what():
                return
            await self.step()
        raise AssertionError(f"{why}: not within {limit} cycles")


async def expects_failure(coroutine) -> None:
    """The coroutine has to end with a failed check."""
    with pytest.raises(AssertionError):
        await coroutine
