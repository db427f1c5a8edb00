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
    """Of a module test with several sets of parameters each set is in the slice on one simulator, in turns, beginning with
    Verilator; the sweep has both. A set that is slow on Icarus (sweep_icarus) is in the slice on Verilator."""
    sets: dict[str, list[str]] = {}
    for item in items:
        if "sim" in getattr(item, "fixturenames", ()) and not item.get_closest_marker("sweep"):
            mine = sets.setdefault(_function(item), [])
            if _set_of(item) not in mine:
                mine.append(_set_of(item))
    for item in items:
        mine = sets.get(_function(item), [])
        if "sim" not in getattr(item, "fixturenames", ()) or _set_of(item) not in mine:
            continue
        slow = item.get_closest_marker("sweep_icarus")
        turn = "verilator" if slow or mine.index(_set_of(item)) % 2 == 0 else "icarus"
        shared = len(mine) > 1 and len(simulators()) > 1
        if (slow or shared) and item.callspec.params["sim"] != turn:
            item.add_marker("sweep")


def _function(item) -> str:
    return item.nodeid.split("[")[0]


def _set_of(item) -> str:
    return item.callspec.id.replace(item.callspec.params["sim"], "", 1)
