# SPDX-License-Identifier: Apache-2.0
"""Random traffic on two nodes, judged by the golden model."""

import cocotb
import pytest

from tb.lib.sim import run_sim
from tb.lib.testbed import SYSTEM_SOURCES
from tb.system.base_test import SystemTest, run
from tb.system.builds import BUILDS, SLICE
from tb.system.harness import System, SystemConfig
from tb.system.items import Mix


@cocotb.test(timeout_time=50, timeout_unit="ms")
async def smoke(dut):
    """*Stimulus*: a COPY and a WRITE a node on channel 0, one after the other, idle memory.
    *Checking*: both end well on both nodes; the model explains every access and the memories."""
    system = System(dut)
    await system.begin(SystemConfig(channels=1, latency=0, back_pressure=0, absolute=0, qos=False))
    for name in system.names:
        ch = system.channel(name, 0)
        got = await ch.run([system.copy(name, 0, tag=1), system.write(name, 0, tag=2)])
        assert [(e.tag, e.status) for e in got] == [(1, 0), (2, 0)], got
    report = await system.finish(require=4)
    assert report.completions == 4


@cocotb.test(timeout_time=50, timeout_unit="ms")
async def smoke_read(dut):
    """*Stimulus*: READs of 1 to 5000 bytes a node on channel 0, one after the other, idle memory.
    *Checking*: all end well on both nodes; the model explains every access, frame and the memories."""
    system = System(dut)
    await system.begin(SystemConfig(channels=1, latency=0, back_pressure=0, absolute=0, qos=False))
    for name in system.names:
        ch = system.channel(name, 0)
        sizes = (1, 8, 64, 511, 1024, 1025, 5000)
        got = await ch.run([system.read(name, 0, n, tag=i, at=8192 * i + i) for i, n in enumerate(sizes)])
        assert [(e.tag, e.status) for e in got] == [(i, 0) for i in range(len(sizes))], got
    report = await system.finish(require=14)
    assert report.completions == 14


class RandomTest(SystemTest):
    """Moderate sizes on all channels at once."""

    COUNT = 25

    def config(self):
        return SystemConfig(mix=Mix(max_bytes=8192))


class LongTest(SystemTest):
    """Up to 64 KiB, few descriptors."""

    COUNT = 8

    def config(self):
        return SystemConfig(mix=Mix(max_bytes=1 << 16), latency=5)


class SmallRingsTest(SystemTest):
    """Rings of four entries, wrapped many times, late consumers."""

    COUNT = 60

    def config(self):
        return SystemConfig(ring_log2=(2, 2), lazy=0.7, mix=Mix(max_bytes=600))


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def random_traffic(dut):
    """*Stimulus*: constrained random NOP, COPY, FILL, WRITE, READ on every channel of both nodes, random
    rings, classes, rates, latencies, stalls, unrelated clocks. *Checking*: the golden model explains
    every access, completion and frame; memories are as it says, guard pages included."""
    await run(dut, RandomTest)


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def long_transfers(dut):
    """*Stimulus*: operations up to 64 KiB on all channels. *Checking*: as random_traffic."""
    await run(dut, LongTest)


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def small_rings(dut):
    """*Stimulus*: rings of four entries that wrap all the time, consumers that sleep, so completion rings
    fill. *Checking*: as random_traffic: a full ring stalls its own channel and loses nothing."""
    await run(dut, SmallRingsTest)


@pytest.mark.system
@pytest.mark.parametrize("build", SLICE)
@pytest.mark.parametrize("case", ["smoke", "smoke_read", "random_traffic", "long_transfers", "small_rings"])
def test_traffic(case, build):
    run_sim("crl_tb_pair", __name__, BUILDS[build], SYSTEM_SOURCES, sim="verilator", testcase=case,
            public="top")


@pytest.mark.system
@pytest.mark.parametrize("case,seed", [
    ("long_transfers", 4),  # OP_TIMEOUT for a WRITE that others kept waiting
    ("long_transfers", 5),  # OP_TIMEOUT for a WRITE that was under way
])
def test_traffic_seeds(case, seed):
    """Runs that once found something."""
    run_sim("crl_tb_pair", __name__, BUILDS["64b-8ch"], SYSTEM_SOURCES, sim="verilator", testcase=case,
            public="top", seed=seed)
