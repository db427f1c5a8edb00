# SPDX-License-Identifier: Apache-2.0
"""Hypothesis: no deadlines (machines differ), the same examples in every run; HYPOTHESIS_PROFILE=deep for many more
and other ones each time."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow], "print_blob": True}
settings.register_profile("quick", max_examples=40, derandomize=True, **_COMMON)
settings.register_profile("deep", max_examples=1000, **_COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
