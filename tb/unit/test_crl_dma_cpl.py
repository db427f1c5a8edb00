# SPDX-License-Identifier: Apache-2.0
"""Unit tests of crl_dma_cpl."""

import pytest

from tb.lib.sim import run_sim

CONFIGS = [
    # CHANNELS, OPS, PEERS, DATA_W
    (8, 128, 1, 64),
    (1, 16, 1, 512),
    pytest.param(2, 32, 3, 128, marks=pytest.mark.sweep_icarus),
    pytest.param(64, 128, 2, 256, marks=pytest.mark.sweep),
    pytest.param(8, 128, 1, 512, marks=pytest.mark.sweep_icarus),
]


@pytest.mark.parametrize("channels,ops,peers,data_w", CONFIGS)
def test_crl_dma_cpl(sim, channels, ops, peers, data_w):
    """Stimulus and checking: see tb/unit/cpl_tests.py."""
    parameters = {
        "CHANNELS": channels, "OPS": ops, "PEERS": peers, "DATA_W": data_w, "OP_TIMEOUT_CYCLES": 2048,
    }
    run_sim("crl_dma_cpl", "tb.unit.cpl_tests", parameters=parameters, sim=sim)
