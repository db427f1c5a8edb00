# SPDX-License-Identifier: Apache-2.0
"""crl_axi_wr: AXI4 rules, order, routing of responses, arbitration, no bubbles."""

from __future__ import annotations

import random

import cocotb
import pytest
from cocotb.triggers import ClockCycles

from tb.lib.sim import run_sim
from tb.unit.axi_wr_bench import Bench, Scoreboard, Slave


async def bench_of(dut) -> Bench:
    bench = Bench(dut, random.Random(cocotb.RANDOM_SEED))
    await bench.reset()
    return bench


def traffic(bench, count, **kwargs):
    return [[bench.burst(i, **kwargs) for _ in range(count)] for i in range(bench.n)]


@cocotb.test()
async def random_traffic(dut):
    """Stimulus: all clients at random x back-pressure on AW, W and B x latency x errors; pauses
    inside bursts. Checking: AXI4 rules, payload, order, routing, bound on what is outstanding."""
    bench = await bench_of(dut)
    for rate, gap, slave in [
        (1.0, 0.0, Slave()),
        (0.2, 0.0, Slave(latency=(0, 30))),
        (1.0, 0.0, Slave(0.3, 1.0, 1.0, (0, 5))),
        (1.0, 0.0, Slave(1.0, 0.3, 1.0, (0, 5))),
        (1.0, 0.0, Slave(1.0, 1.0, 0.1, (0, 50))),
        (0.5, 0.3, Slave(0.5, 0.5, 0.5, (0, 40))),
    ]:
        await bench.run(traffic(bench, 25), slave, rate, gap)
    bench.score.finish()


@cocotb.test()
async def no_bubbles(dut):
    """Stimulus: all clients have always work, the memory is always ready; one-beat bursts, long
    bursts, mixed; then a single client with one-beat bursts. Checking: a beat every cycle."""
    bench = await bench_of(dut)
    for beats in (1, 2, None):
        await bench.run(traffic(bench, 40, beats=beats), Slave())
        assert bench.bubbles == 0, f"{bench.bubbles} bubbles"
    for client in range(bench.n):
        queues = [[] for _ in range(bench.n)]
        queues[client] = [bench.burst(client, beats=1) for _ in range(100)]
        cycles = await bench.run(queues, Slave())
        assert cycles <= 100 + 5, f"{cycles} cycles for 100 beats"
    await bench.run(traffic(bench, 60), Slave(), rate=0.3)
    assert bench.bubbles == 0, f"{bench.bubbles} bubbles"
    bench.score.finish()


@cocotb.test()
async def data_first(dut):
    """Stimulus: data, completions and MSI-X that always wait. Checking: the data clients share
    evenly, the others get a burst after at most 32 data bursts (checked by the bench too)."""
    bench = await bench_of(dut)
    await bench.run(traffic(bench, 200, beats=1, resp=0), Slave(), stop_after=180)
    order = bench.order
    data = [c for c in order if c < bench.n_data]
    for client in range(bench.n_data):
        assert abs(data.count(client) - len(data) / bench.n_data) <= 2
    assert len(data) >= 0.75 * len(order)
    for client in (bench.n_data, bench.n_data + 1):
        assert order.count(client) >= len(order) // 40


@cocotb.test()
async def bound(dut):
    """Stimulus: responses that stay away. Checking: exactly WRITES_IN_FLIGHT bursts go out, then
    nothing; pending stays high, progress low."""
    bench = await bench_of(dut)
    await bench.run(traffic(bench, bench.limit, beats=1), Slave(b_rate=0.0), stop_after=300)
    assert bench.most == bench.limit
    assert dut.pending.value and not dut.progress.value


@cocotb.test()
async def stray_responses(dut):
    """Stimulus: responses that nobody waits for, with any ID. Checking: no event, no harm."""
    bench = await bench_of(dut)
    bench.stray_b = True
    await bench.run(traffic(bench, 15), Slave(latency=(0, 3)), rate=0.05)
    bench.score.finish()


@cocotb.test()
async def lock(dut):
    """Stimulus: locks on bytes that a waiting burst touches, on its first, last or a middle beat, and beside it; all clients at random x
    back-pressure x latency; responses of the IDs pass each other. Checking: from the lock on no burst but the locker's that touches
    them begins; 'over' comes, and not before all that was granted has its response; everything gets through in the end."""
    bench = await bench_of(dut)
    bench.locking = 0.1
    for rate, gap, slave in [
        (1.0, 0.0, Slave()),
        (0.3, 0.0, Slave(latency=(0, 30))),
        (1.0, 0.0, Slave(0.3, 0.5, 0.3, (0, 20))),
        (0.7, 0.3, Slave(0.5, 0.5, 0.5, (0, 40))),
    ]:
        await bench.run(traffic(bench, 30), slave, rate, gap)
    bench.score.finish()
    assert bench.locks > 20 and bench.held_back > 20, (bench.locks, bench.held_back)


@cocotb.test()
async def reset_midway(dut):
    """Stimulus: reset at random moments. Checking: afterwards everything works as new."""
    bench = await bench_of(dut)
    for _ in range(15):
        await bench.run(traffic(bench, 20), Slave(0.7, 0.7, 0.7, (0, 9)),
                        stop_after=bench.rng.randrange(1, 80))
        dut.s_valid.value = dut.m_axi_bvalid.value = 0
        dut.rst.value = 1
        await ClockCycles(dut.clk, 2)
        assert not dut.m_axi_awvalid.value and not dut.m_axi_wvalid.value
        assert not dut.pending.value
        dut.rst.value = 0
        bench.score = Scoreboard()
    await bench.run(traffic(bench, 20), Slave(0.7, 0.7, 0.7, (0, 9)))
    bench.score.finish()


@cocotb.test()
async def scoreboard_fails(dut):
    """Stimulus: one field is changed between design and scoreboard. Checking: it fails."""
    bench = await bench_of(dut)
    changes = [
        ("aw", lambda v: (v[0] ^ 8, *v[1:])),
        ("aw", lambda v: (*v[:2], v[2] ^ 1, v[3])),
        ("aw", lambda v: (*v[:3], v[3] ^ 1)),
        ("w", lambda v: (v[0] ^ 1, *v[1:])),
        ("w", lambda v: (v[0], v[1] ^ 1, v[2])),
        ("w", lambda v: (*v[:2], not v[2])),
        ("b", lambda v: v ^ 2),
    ]
    for kind, change in changes:
        bench.tamper = lambda k, v, kind=kind, change=change: change(v) if k == kind else v
        with pytest.raises(AssertionError):
            await bench.run(traffic(bench, 3), Slave())
        dut.s_valid.value = dut.m_axi_bvalid.value = 0
        dut.rst.value = 1
        await ClockCycles(dut.clk, 2)
        dut.rst.value = 0
        bench.score = Scoreboard()
    with pytest.raises(AssertionError, match="nothing was compared"):
        Scoreboard().finish()


@pytest.mark.parametrize(("data_w", "n_data", "limit"), [(64, 2, 64), (512, 4, 16), pytest.param(128, 1, 5, marks=pytest.mark.sweep_icarus)])
def test_crl_axi_wr(sim, data_w, n_data, limit):
    run_sim("crl_axi_wr", __name__, sim=sim, parameters={
        "DATA_W": data_w, "N_DATA": n_data, "WRITES_IN_FLIGHT": limit, "FUNC_W": 8, "ID_W": 4, "LOCK_EN": 1, "LOCKER": n_data - 1})
