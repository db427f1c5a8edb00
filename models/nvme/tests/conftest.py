# SPDX-License-Identifier: Apache-2.0
"""Hypothesis: the profiles of all model tests."""

from __future__ import annotations

from models.tests import conftest as _profiles  # noqa: F401
