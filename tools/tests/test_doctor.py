# SPDX-License-Identifier: Apache-2.0
"""The doctor finds what is there, and says how to mend what isn't."""

import re
from pathlib import Path

import pytest

from tools import doctor, setup

pytestmark = pytest.mark.tools


def test_this_machine_is_fit(capsys):
    """The tests run here, so every required thing is here."""
    assert doctor.main() == 0, capsys.readouterr().out
    said = capsys.readouterr().out
    assert "Icarus Verilog" in said and "Everything that is required is here" in said


@pytest.mark.parametrize("name", ["iverilog", "verilator", "yosys", "nextpnr-ecp5"])
def test_missing_tool(monkeypatch, name):
    """Without the program: a failure with something to do."""
    real = doctor.output
    monkeypatch.setattr(doctor, "output", lambda *c, **k: None if c[0] == name else real(*c, **k))
    failed = [f for f in doctor.diagnose() if f.status == doctor.FAIL]
    assert len(failed) == 1 and failed[0].mend
    assert doctor.report(failed) == 1


@pytest.mark.parametrize(
    "check, text",
    [
        (doctor.icarus, "Icarus Verilog version 10.3 (stable)"),
        (doctor.yosys, "Yosys 0.23 (git sha1 7ce5011c24b)"),
    ],
)
def test_too_old(monkeypatch, check, text):
    monkeypatch.setattr(doctor, "output", lambda *c, **k: text)
    finding = check()
    assert finding.status == doctor.FAIL and "too old" in finding.found and finding.mend


def test_static_python(monkeypatch):
    import find_libpython

    monkeypatch.setattr(find_libpython, "find_libpython", lambda: None)
    assert doctor.libpython().status == doctor.FAIL


def test_wrong_package_version(monkeypatch):
    monkeypatch.setattr(doctor.metadata, "version", lambda name: "0.0.1")
    finding = doctor.packages()
    assert finding.status == doctor.FAIL and "instead of" in finding.found


def test_headers_are_optional(monkeypatch):
    monkeypatch.setattr(doctor, "has_header", lambda name: name != "lz4.h")
    finding = doctor.fst_headers()
    assert finding.status == doctor.WARN and "liblz4-dev" in finding.mend


def test_full_disk(monkeypatch):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda p: type("U", (), {"free": 1e8})())
    assert doctor.disk().status == doctor.FAIL


def test_a_check_that_breaks_is_reported(monkeypatch):
    def broken():
        raise OSError("no such device")

    monkeypatch.setattr(doctor, "CHECKS", (broken,))
    assert doctor.diagnose()[0].status == doctor.FAIL


def test_no_root_says_one_command(monkeypatch, capsys):
    """Neither root nor sudo: one command to run, and a failure."""
    monkeypatch.setattr(setup, "missing_packages", lambda: (["iverilog"], ["liblz4-dev"]))
    monkeypatch.setattr(setup, "apt_prefix", lambda: None)
    assert setup.install_packages() == 1
    said = capsys.readouterr().err
    assert "sudo apt-get update && sudo apt-get install -y iverilog liblz4-dev" in said


def test_every_package_is_pinned_by_hash():
    """requirements.lock pins what requirements.in asks for, with hashes."""
    root = Path(__file__).parents[2]
    lock = (root / "requirements.lock").read_text()
    pinned = {n.lower().replace("_", "-") for n in re.findall(r"^([\w.-]+)==", lock, re.M)}
    wanted = {
        re.split(r"[<>=~!]", line)[0].strip().lower().replace("_", "-")
        for line in (root / "requirements.in").read_text().splitlines()
        if line.strip() and not line.startswith("#")
    }
    assert wanted <= pinned
    assert len(re.findall(r"==\S+ \\\n\s+--hash=sha256:", lock)) == len(pinned)
