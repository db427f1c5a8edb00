# SPDX-License-Identifier: Apache-2.0
"""`make waves`: groups, colours, names for numbers, relative paths, and sentences for bad input."""

import shutil
import subprocess

import pytest

from tb.lib.sim import run_sim
from tools import waves
from tools.paths import ROOT

pytestmark = pytest.mark.tools
DATA = "tools/tests/data"


@pytest.fixture
def saved(sim):
    """A recorded run and its save file."""
    result = run_sim(
        "lamp",
        "tools.tests.toggle_cocotb",
        sources=[f"{DATA}/lamp.sv", f"{DATA}/toggle.sv"],
        rtl=False,
        sim=sim,
        testcase="shines",
        waves=True,
    )
    sources = [ROOT / DATA / "lamp.sv", ROOT / DATA / "toggle.sv"]
    return result, waves.write_gtkw(result.waves, "lamp", sources)


def test_save_file(saved):
    """Groups, colours and state names are there, and no path leaves the folder."""
    result, path = saved
    text = path.read_text()
    assert f'[dumpfile] "{result.waves.name}"' in text and str(ROOT) not in text
    assert "-u_toggle (toggle)" in text and "lamp.u_toggle.count_q[7:0]" in text
    assert f"[color] {waves.ORANGE}\n^1 names-" in text
    tables = {f.read_text() for f in path.parent.glob("names-*.txt")}
    assert "0 DARK\n2 GLOW\n3 BRIGHT\n" in tables
    assert "00 WAIT\n01 SHINE\n" in tables


def test_gtkwave_reads_it(saved):
    """GTKWave itself accepts the save file, where it is installed."""
    result, path = saved
    if not (shutil.which("gtkwave") and shutil.which("xvfb-run")):
        pytest.skip("needs gtkwave and xvfb-run")
    script = path.parent / "quit.tcl"
    script.write_text(
        "set f [open seen.txt w]\nputs $f [gtkwave::getTotalNumTraces]\nclose $f\n"
        "gtkwave::/File/Quit\n"
    )
    subprocess.run(
        ["xvfb-run", "-a", "gtkwave", result.waves.name, path.name, "-S", script.name],
        cwd=path.parent,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert int((path.parent / "seen.txt").read_text()) > 10


@pytest.mark.parametrize(
    "what, says",
    [
        ("", "Which test?"),
        ("build/not_there.fst", "does not exist"),
        ("test_no_such_thing_at_all", "No simulation test is called"),
    ],
)
def test_bad_input_is_one_sentence(what, says, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(waves, "BUILD", tmp_path)  # no demo has run
    assert waves.main([what, "--no-open"]) == 2
    assert says in capsys.readouterr().err


def test_numbers():
    assert waves.number("8'h2_0") == 32 and waves.number("'d7") == 7 and waves.number("12") == 12
    assert waves.number("W'(3)") is None


def test_nothing_to_show(tmp_path, monkeypatch, capsys):
    """Stimulus: no test named, before and after a demo. Checking: one sentence, status 2; then the demo's waves."""
    monkeypatch.setattr(waves, "BUILD", tmp_path)
    assert waves.main(["--no-open"]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("Which test?") and len(said.err.splitlines()) == 1 and not said.out
    recorded = tmp_path / "demo" / "waves" / "demo.fst"
    recorded.parent.mkdir(parents=True)
    recorded.touch()
    assert waves.locate("")[0] == recorded
    with pytest.raises(waves.WavesError, match="no waves yet"):
        waves.locate("demo-queues")
    second = tmp_path / "demo" / "waves-queues" / "demo.fst"
    second.parent.mkdir()
    second.touch()
    assert waves.locate("demo-queues")[0] == second and waves.locate("demo")[0] == recorded
