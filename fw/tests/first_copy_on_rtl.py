# SPDX-License-Identifier: Apache-2.0
"""The cocotb side of test_first_copy: the compiled example drives the node in the simulation."""

from __future__ import annotations

from pathlib import Path

import cocotb
from cocotb.task import bridge, resume

from fw.tests.first_copy import Example, compiled
from fw.tests.native import Port
from models.gen.carillon_layout import reg_addr
from tb.lib.testbed import Testbed

GUARD = b"\x5a" * 64


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def first_copy(dut):
    """*Stimulus*: fw/examples/first_copy.c as it is, on a memory with latency. *Checking*: it reports success; every
    byte of the destination; nothing written behind it; AXI rules; each descriptor retired once, without error."""
    tb = Testbed(dut)
    await tb.start(seed=1)
    side = tb.a
    side.mem.set(latency=20)
    example = Example(compiled(Path.cwd()))
    size = len(example.area)
    seen = bytearray(example.area)  # what processor and memory agree on
    await side.mem.write(example.BUS, bytes(seen) + GUARD)

    async def push() -> None:
        for at in range(0, size, 8):
            word = bytes(example.area[at : at + 8])
            if word != seen[at : at + 8]:
                await side.mem.write(example.BUS + at, word)
                seen[at : at + 8] = word

    async def pull() -> None:
        assert example.area == seen, "waits with stores that no barrier covers"
        await side.cycles(20)
        seen[:] = example.area[:] = await side.mem.read(example.BUS, size)

    port = Port(resume(side.axil.read), resume(side.axil.write), resume(push), resume(pull))
    assert await bridge(example.run)(port) == example.OK, f"status {example.failed.value:#x}"
    await pull()
    example.check()
    assert await side.mem.read(example.BUS + size, len(GUARD)) == GUARD
    assert await side.axil.read(reg_addr("CH", "CNT_DESC")) == example.PIECES + 1
    assert await side.axil.read(reg_addr("CH", "CNT_ERR")) == 0
    tb.check_rules()
