# SPDX-License-Identifier: Apache-2.0
"""Unit tests of crl_dma_issue."""

import pytest

from tb.lib.sim import run_sim

SIZES = [
    (64, 4, 1, 512, 1024, 1),
    pytest.param(128, 3, 2, 128, 128, 1, marks=pytest.mark.sweep_icarus),
    (512, 1, 1, 256, 1024, 1),
    pytest.param(64, 4, 1, 512, 1024, 0, marks=pytest.mark.sweep_icarus),
]


@pytest.mark.parametrize("data_w,channels,peers,burst,mtu,read", SIZES)
def test_crl_dma_issue(sim, data_w, channels, peers, burst, mtu, read):
    """Stimulus and checking: see tb/unit/dma_issue_tests.py."""
    parameters = {"DATA_W": data_w, "CHANNELS": channels, "PEERS": peers, "SEGMENTS": 16}
    parameters |= {"OPS": 16, "FUNC_W": 8, "MAX_BURST_BYTES": burst, "LINK_MTU": mtu, "READ_EN": read, "ATOMIC_EN": read}
    run_sim("crl_dma_issue", "tb.unit.dma_issue_tests", parameters=parameters, sim=sim)
