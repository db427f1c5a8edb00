# SPDX-License-Identifier: Apache-2.0
"""Unit tests of crl_fifo_bram."""

import pytest

from tb.lib.sim import run_sim

CONFIGS = [(64, 32, 0, 0), (8, 4, 0, 0), (72, 4, 1, 0), (16, 64, 1, 0), (40, 16, 2, 0), (64, 16, 1, 1)]


@pytest.mark.parametrize("w,depth,outreg,bypass", CONFIGS)
def test_crl_fifo_bram(sim, w, depth, outreg, bypass):
    """Stimulus and checking: see tb/unit/fifo_tests.py."""
    parameters = {"W": w, "DEPTH": depth, "OUTREG": outreg, "BYPASS": bypass}
    run_sim("crl_fifo_bram", "tb.unit.fifo_tests", parameters=parameters, sim=sim)
