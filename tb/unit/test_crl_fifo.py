# SPDX-License-Identifier: Apache-2.0
"""Unit tests of crl_fifo."""

import pytest

from tb.lib.sim import run_sim

CONFIGS = [(8, 16, 0), (1, 2, 0), (72, 4, 1), (33, 64, 1)]


@pytest.mark.parametrize("w,depth,outreg", CONFIGS)
def test_crl_fifo(sim, w, depth, outreg):
    """Stimulus and checking: see tb/unit/fifo_tests.py."""
    parameters = {"W": w, "DEPTH": depth, "OUTREG": outreg}
    run_sim("crl_fifo", "tb.unit.fifo_tests", parameters=parameters, sim=sim)
