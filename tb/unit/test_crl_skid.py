# SPDX-License-Identifier: Apache-2.0
"""Unit tests of crl_skid."""

import pytest

from tb.lib.sim import run_sim


@pytest.mark.parametrize("w", [1, 8, 80])
def test_crl_skid(sim, w):
    """Stimulus and checking: see tb/unit/stream_tests.py."""
    run_sim("crl_skid", "tb.unit.stream_tests", parameters={"W": w}, sim=sim)
