# SPDX-License-Identifier: Apache-2.0
"""crl_link: two ends on unrelated clocks, good and bad wires."""

from __future__ import annotations

import cocotb
import pytest

from tb.lib.sim import run_sim
from tb.unit.link_bench import Bench

pytestmark = pytest.mark.unit
HARNESS = ["tb/unit/crl_link_pair.sv"]
BASE = {"DATA_W": 64, "LINK_W": 64, "CHANNELS": 4, "LINK_MTU": 256, "RX_SHARED": 4, "KEEPALIVE_CYCLES": 512}


@cocotb.test()
async def random_frames(dut):
    """Stimulus: random frames both ways, random pauses everywhere.
    Checking: every frame and every answer arrives once, in order, unchanged."""
    b = Bench(dut, periods=(8000, 7300, 6100))
    await b.start()
    await b.up()
    for phase in range(4):
        for n in (b.a, b.b):
            n.p_take, n.p_beat, n.p_rx, n.p_rxp, n.p_ack = (
                (1, 1, 1, 1, 1) if phase == 0 else [b.rng.choice((0.2, 0.6, 1)) for _ in range(5)]
            )
            n.late_txf = b.rng.choice((0, 0.5, 1))
            n.free_delay = b.rng.choice(((0, 0), (0, 50), (10, 300)))
            n.status = lambda r: r.op_seq % 3
        for w in b.wires:
            w.p_in.value = w.p_out.value = 0 if phase == 0 else b.rng.choice((0, 30, 128))
        b.load(b.a, 40)
        b.load(b.b, 40)
        await b.drain()
    b.finish(at_least=60)
    assert int(dut.a.n_crc.value) == int(dut.a.n_bad.value) == int(dut.a.n_nak.value) == 0
    assert int(dut.b.n_crc.value) == int(dut.b.n_bad.value) == int(dut.b.n_nak.value) == 0


def test_random_frames(sim):
    run_sim("crl_link_pair", __name__, BASE, HARNESS, sim, "random_frames")
