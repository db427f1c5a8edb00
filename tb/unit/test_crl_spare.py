# SPDX-License-Identifier: Apache-2.0
"""Unit tests of crl_spare."""

import pytest

from tb.lib.sim import run_sim


@pytest.mark.parametrize("w", [1, 65])
def test_crl_spare(sim, w):
    """Stimulus and checking: see tb/unit/stream_tests.py."""
    run_sim("crl_spare", "tb.unit.stream_tests", parameters={"W": w}, sim=sim)
