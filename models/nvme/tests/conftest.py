# SPDX-License-Identifier: Apache-2.0
"""Hypothesis as in all tests of the models."""

from models.tests import conftest  # noqa: F401  (registers and loads the profile)
