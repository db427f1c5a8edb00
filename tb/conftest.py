# SPDX-License-Identifier: Apache-2.0
"""pytest glue for the simulations: the `sim` fixture, and cocotb tests kept out of pytest's way."""

from __future__ import annotations

import pytest

from tb.lib.sim import simulators


def pytest_generate_tests(metafunc):
    """A test that asks for `sim` runs on every simulator, or on the one that SIM names."""
    if "sim" in metafunc.fixturenames:
        metafunc.parametrize("sim", simulators())


def pytest_pycollect_makeitem(collector, name, obj):
    """cocotb tests live in the same file as the pytest function that runs them; skip them here."""
    if type(obj).__module__.split(".")[0] == "cocotb" or hasattr(obj, "_cocotb_test"):
        return []
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """A set of parameters that is slow on Icarus is in the slice on Verilator only."""
    for item in items:
        if item.get_closest_marker("sweep_icarus") and item.callspec.params["sim"] == "icarus":
            item.add_marker("sweep")
