# SPDX-License-Identifier: Apache-2.0
"""Unit tests of crl_ram_lut and crl_ram_bram."""

import random

import cocotb
import pytest
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge, Timer

from tb.lib.sim import run_sim, sim_parameters
from tb.unit.stream import value


@cocotb.test()
async def ram_lut(dut):
    """Stimulus: random writes and reads, the same word in the same cycle included.
    Checking: each read against a shadow memory; a write shows from the next cycle on."""
    rng = random.Random(cocotb.RANDOM_SEED)
    w, depth = sim_parameters()["W"], sim_parameters()["DEPTH"]
    cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start())
    shadow: dict[int, int] = {}
    compared = collisions = 0
    dut.we.value = 0
    pending = None
    for _ in range(1500):
        await RisingEdge(dut.clk)
        if pending:
            shadow[pending[0]] = pending[1]
        waddr, raddr = rng.randrange(depth), rng.randrange(depth)
        data, we = rng.getrandbits(w), rng.getrandbits(1)
        dut.we.value, dut.waddr.value = we, waddr
        dut.wdata.value, dut.raddr.value = data, raddr
        pending = (waddr, data) if we else None
        await FallingEdge(dut.clk)
        if raddr in shadow:
            assert value(dut.rdata) == shadow[raddr]
            compared += 1
            collisions += we and waddr == raddr
    assert compared > 100 and collisions > 5


@cocotb.test()
async def ram_bram(dut):
    """Stimulus: random writes with random byte enables, reads with random enable.
    Checking: against a shadow memory; rdata holds while re is low; a word read while it is
    written is not looked at, but is right when read again."""
    rng = random.Random(cocotb.RANDOM_SEED)
    p = sim_parameters()
    w, depth, lanes = p["W"], p["DEPTH"], (p["W"] // 8 if p["BYTE_EN"] else 1)
    lane_w = w // lanes
    cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start())
    shadow: dict[int, int] = {}
    expected = None
    compared = held = 0

    def drive(we, waddr, data, re, raddr):
        dut.we.value, dut.waddr.value, dut.wdata.value = we, waddr, data
        dut.re.value, dut.raddr.value = re, raddr

    drive(0, 0, 0, 0, 0)
    for address in range(depth):
        await RisingEdge(dut.clk)
        shadow[address] = rng.getrandbits(w)
        drive((1 << lanes) - 1, address, shadow[address], 0, 0)
    for _ in range(2000):
        await RisingEdge(dut.clk)
        # a few addresses only, so that collisions and re-reads are frequent
        waddr, raddr = rng.randrange(min(depth, 8)), rng.randrange(min(depth, 8))
        we = rng.getrandbits(lanes) if rng.getrandbits(1) else 0
        re, data = rng.getrandbits(1), rng.getrandbits(w)
        drive(we, waddr, data, re, raddr)
        await FallingEdge(dut.clk)
        if expected is not None:
            assert value(dut.rdata) == expected
            compared += 1
            held += not re
        if re:
            expected = None if we and waddr == raddr else shadow[raddr]
        word = shadow[waddr]
        for lane in range(lanes):
            if we >> lane & 1:
                mask = ((1 << lane_w) - 1) << (lane * lane_w)
                word = (word & ~mask) | (data & mask)
        shadow[waddr] = word
    assert compared > 500 and held > 100
    await Timer(1, unit="ns")


@pytest.mark.parametrize("w,depth", [(8, 16), (1, 1), (20, 1), (7, 2), (33, 50)])
def test_crl_ram_lut(sim, w, depth):
    """Stimulus and checking: see ram_lut."""
    run_sim("crl_ram_lut", __name__, {"W": w, "DEPTH": depth}, sim=sim, testcase="ram_lut")


@pytest.mark.parametrize("w,depth,byte_en", [(64, 512, 0), (64, 16, 1), (13, 20, 0), (8, 2, 1)])
def test_crl_ram_bram(sim, w, depth, byte_en):
    """Stimulus and checking: see ram_bram."""
    parameters = {"W": w, "DEPTH": depth, "BYTE_EN": byte_en}
    run_sim("crl_ram_bram", __name__, parameters, sim=sim, testcase="ram_bram")
