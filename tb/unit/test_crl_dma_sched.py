# SPDX-License-Identifier: Apache-2.0
"""Unit tests of crl_dma_sched."""

import pytest

from tb.lib.sim import run_sim


@pytest.mark.parametrize(
    "channels,burst,mtu",
    [
        (1, 512, 1024),
        (2, 64, 2048),
        pytest.param(3, 512, 1024, marks=pytest.mark.sweep_icarus),
        (8, 512, 1024),
        pytest.param(64, 2048, 2048, marks=pytest.mark.sweep_icarus),
    ],
)
def test_crl_dma_sched(sim, channels, burst, mtu):
    """Stimulus and checking: see tb/unit/sched_tests.py."""
    parameters = {"CHANNELS": channels, "MAX_BURST_BYTES": burst, "LINK_MTU": mtu}
    run_sim("crl_dma_sched", "tb.unit.sched_tests", parameters=parameters, sim=sim)
