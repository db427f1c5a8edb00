# SPDX-License-Identifier: Apache-2.0
"""Unit tests of crl_dma_ctl."""

import pytest

from tb.lib.sim import run_sim


@pytest.mark.parametrize(("channels", "send_en"), [(1, 1), (4, 1), (7, 1), (4, 0)])
def test_crl_dma_ctl(sim, channels, send_en):
    """Stimulus and checking: see tb/unit/dma_ctl_tests.py."""
    parameters = {"CHANNELS": channels, "FUNC_W": 8, "SEND_EN": send_en}
    run_sim("crl_dma_ctl", "tb.unit.dma_ctl_tests", parameters=parameters, sim=sim)
