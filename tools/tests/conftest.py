# SPDX-License-Identifier: Apache-2.0
"""The tooling's tests use the same `sim` fixture as the test benches."""

from tb.conftest import pytest_generate_tests, pytest_pycollect_makeitem  # noqa: F401
