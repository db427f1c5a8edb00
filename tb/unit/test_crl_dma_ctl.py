# SPDX-License-Identifier: Apache-2.0
"""Unit tests of crl_dma_ctl."""

import pytest

from tb.lib.sim import run_sim


@pytest.mark.parametrize("channels", [1, 4, 7])
def test_crl_dma_ctl(sim, channels):
    """Stimulus and checking: see tb/unit/dma_ctl_tests.py."""
    parameters = {"CHANNELS": channels, "FUNC_W": 8}
    run_sim("crl_dma_ctl", "tb.unit.dma_ctl_tests", parameters=parameters, sim=sim)
