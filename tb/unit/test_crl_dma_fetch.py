# SPDX-License-Identifier: Apache-2.0
"""Unit tests of crl_dma_fetch."""

import pytest

from tb.lib.sim import run_sim

SIZES = [
    (64, 4, 64, 512, 1024),
    pytest.param(128, 8, 32, 512, 512, marks=pytest.mark.sweep_icarus),
    pytest.param(256, 1, 16, 1024, 4096, marks=pytest.mark.sweep_icarus),
    (512, 3, 64, 256, 256),
]


@pytest.mark.parametrize("data_w,channels,prefetch,burst,mtu", SIZES)
def test_crl_dma_fetch(sim, data_w, channels, prefetch, burst, mtu):
    """Stimulus and checking: see tb/unit/dma_fetch_tests.py."""
    parameters = {"DATA_W": data_w, "CHANNELS": channels, "PREFETCH": prefetch}
    parameters |= {"FUNC_W": 8, "MAX_BURST_BYTES": burst, "LINK_MTU": mtu, "READ_EN": int(channels != 3)}
    run_sim("crl_dma_fetch", "tb.unit.dma_fetch_tests", parameters=parameters, sim=sim)
