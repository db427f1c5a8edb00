# SPDX-License-Identifier: Apache-2.0
"""The build-and-run helper: it passes, fails, caches, replays and limits as it says."""

import re

import pytest

from tb.lib.sim import SimulationError, build_sim, run_sim

pytestmark = pytest.mark.tools
DUT = "tools/tests/data/toggle.sv"
MODULE = "tools.tests.toggle_cocotb"


def run(sim, case, **kwargs):
    kwargs.setdefault("parameters", {"W": 8, "LIMIT": 200})
    return run_sim("toggle", MODULE, sources=[DUT], rtl=False, sim=sim, testcase=case, **kwargs)


def test_passes_and_builds_once(sim):
    first = run(sim, "counts")
    stamp = (first.build_dir / ".built").stat().st_mtime_ns
    again = run(sim, "counts")
    assert again.build_dir == first.build_dir
    assert (again.build_dir / ".built").stat().st_mtime_ns == stamp
    assert len(first.tests) == 1 and first.sim_time_ns > 0


def test_parameters_are_another_build(sim):
    assert build_sim("toggle", sources=[DUT], rtl=False, sim=sim, parameters={"W": 9}) != build_sim(
        "toggle", sources=[DUT], rtl=False, sim=sim, parameters={"W": 8, "LIMIT": 200}
    )


def test_seed_replays(sim):
    def drawn(seed):
        log = run(sim, "counts", seed=seed).log.read_text()
        return re.search(r"drawn (\d+)", log).group(1)

    assert drawn(5) == drawn(5) != drawn(6)


def test_failure_says_what_and_how_to_repeat(sim):
    with pytest.raises(SimulationError, match="the counter is not 99") as info:
        run(sim, "fails")
    assert "SEED=" in str(info.value) and "make waves" in str(info.value)


def test_no_cocotb_test_is_a_failure(sim):
    with pytest.raises(SimulationError, match="no cocotb test ran"):
        run(sim, "not_there")


def test_rtl_assertion_is_a_failure(sim):
    with pytest.raises(SimulationError):
        run(sim, "asserts", parameters={"W": 8, "LIMIT": 10})
    run(sim, "asserts")


def test_hang_is_ended(sim):
    with pytest.raises(SimulationError, match="no end after"):
        run(sim, "hangs", timeout=3, parameters={"W": 32, "LIMIT": 0x7FFFFFFF})


def test_blocks_that_pulse_each_other_end(sim):
    """Icarus 11 would loop for ever; see tb/lib/sim.py."""
    run_sim("pulse", MODULE, sources=["tools/tests/data/pulse.sv"], rtl=False, sim=sim, testcase="pulses",
            timeout=20)


def test_waves(sim):
    result = run(sim, "counts", waves=True)
    assert result.waves.stat().st_size > 100


def test_public_top_only(sim):
    run(sim, "counts", public="top")


def test_unknown_top(sim):
    with pytest.raises(SimulationError, match="No source defines"):
        run_sim("nothing", MODULE, sources=[DUT], rtl=False, sim=sim)


def test_broken_source(sim, tmp_path):
    bad = tmp_path / "bad.sv"
    bad.write_text("module bad(input wire a);\n  garbage garbage\nendmodule\n")
    with pytest.raises(SimulationError, match="could not build bad"):
        run_sim("bad", MODULE, sources=[bad], rtl=False, sim=sim)
