# SPDX-License-Identifier: Apache-2.0
"""A slice of `make synth`: one small module through Yosys and nextpnr, and the counting rules."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from syn import run as synth

pytestmark = pytest.mark.synth


def test_small_module_maps_and_routes():
    """A 16-deep FIFO is distributed RAM, needs no block RAM, and closes 150 MHz easily."""
    config = next(c for c in synth.load() if c.name == "fifo-64x16")
    config.seeds = [1]
    with ThreadPoolExecutor(1) as pool:
        row = synth.run_config(config, pool, pnr=True, force=False)
    assert row["bram"] == 0 and row["dpr16x4"] == 16
    assert 0 < row["area"] == row["lut4"] + 2 * row["ccu2c"] + 6 * row["dpr16x4"]
    assert row["fmax_mhz"] > 150
    assert {"config", "device", "lut4", "ccu2c", "dpr16x4", "ff", "bram", "fmax_mhz"} <= set(row)
    json.dumps(row)


def test_parts_are_counted_in_place():
    """Each instance counts, nested and parametrised ones too; other cells don't."""
    modules = {
        "\\top": {"num_cells_by_type": {"LUT4": 5, "$paramod\\crl_b\\W=s32'1": 2, "crl_a": 1}},
        "\\crl_a": {"num_cells_by_type": {"TRELLIS_FF": 7, "$paramod$0123\\crl_b": 3}},
        "$paramod\\crl_b\\W=s32'1": {"num_cells_by_type": {"LUT4": 10}},
        "$paramod$0123\\crl_b": {"num_cells_by_type": {"LUT4": 100, "CCU2C": 1}},
    }
    assert synth._part_cells(modules, "top", "crl_b") == {"LUT4": 320, "CCU2C": 3}
    assert synth._part_cells(modules, "top", "crl_a") == {"TRELLIS_FF": 7, "LUT4": 300, "CCU2C": 3}


def test_area_formula_and_clock_choice():
    assert synth.area({"lut4": 5209, "ccu2c": 782, "dpr16x4": 529}) == 9947  # axisgdma
    assert synth.node_clock({"clk": 120.0, "link_clk": 90.0}) == "clk"
    assert synth.node_clock({"m_clk": 120.0, "s_clk": 90.0}) == "s_clk"
    assert synth.median_fmax([{"clk": 1.0}, {"clk": 3.0}, {"clk": 2.0}]) == {"clk": 2.0}


@pytest.mark.parametrize("args", [["--config", "nothing-like-it"], ["--top", "crl_not_there"]])
def test_bad_input_is_one_sentence(args, capsys):
    assert synth.main(args) == 1
    said = capsys.readouterr().err
    assert "No configuration matches" in said or "No source defines" in said


def test_netlist_hash(tmp_path):
    """Lines of the source don't count, anything else does."""

    def told(line: int, cell: str, seed: int = 1) -> str:
        attributes = {"src": f"a.sv:{line}", "module_src": f"a.sv:{line}", "keep": "1"}
        path = tmp_path / "netlist.json"
        path.write_text(
            json.dumps(
                {"modules": {"a": {"cells": {"u": {"type": cell, "attributes": attributes}}}}}
            )
        )
        return synth.netlist_hash(path, seed)

    assert told(1, "LUT4") == told(2, "LUT4")
    assert len({told(1, "LUT4"), told(1, "CCU2C"), told(1, "LUT4", 2)}) == 3
