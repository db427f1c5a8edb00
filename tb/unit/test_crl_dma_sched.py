# SPDX-License-Identifier: Apache-2.0
"""Unit tests of crl_dma_sched."""

import pytest

from tb.lib.sim import run_sim


@pytest.mark.parametrize("channels,burst", [(1, 512), (2, 64), (3, 512), (8, 512), (64, 2048)])
def test_crl_dma_sched(sim, channels, burst):
    """Stimulus and checking: see tb/unit/sched_tests.py."""
    parameters = {"CHANNELS": channels, "MAX_BURST_BYTES": burst}
    run_sim("crl_dma_sched", "tb.unit.sched_tests", parameters=parameters, sim=sim)
