# SPDX-License-Identifier: Apache-2.0
"""The Makefile: help is complete, and bad input gives one sentence and a status that isn't 0."""

import re
import subprocess

import pytest

from tools.paths import ROOT, tool_env

pytestmark = pytest.mark.tools
TARGETS = "setup doctor demo test lint regs regs-check waves bench formal synth regress docs clean"


def make(*args):
    """Run make as a person would, without this test run's own variables."""
    env = {
        k: v
        for k, v in tool_env().items()
        if k not in ("SIM", "SEED", "SEEDS", "TEST", "K", "FILE", "JOBS", "WAVES", "MAKEFLAGS")
        and not k.startswith("PYTEST")
    }
    return subprocess.run(
        ["make", *args], cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=300
    )


def test_help_lists_targets_and_variables():
    said = make("help").stdout
    listed = set(re.findall(r"^  ([a-z-]+)  ", said, re.M))
    assert set(TARGETS.split()) <= listed
    declared = set(re.findall(r"^([A-Z]+) \?=", (ROOT / "Makefile").read_text(), re.M))
    assert declared == set(re.findall(r"^  ([A-Z]+)  ", said, re.M))


def test_plain_make_is_help():
    assert make().stdout == make("help").stdout


@pytest.mark.parametrize(
    "args, says",
    [
        (["test", "SIM=modelsim"], "SIM=modelsim is not known"),
        (["test", "SIM=icarus verilator"], "SIM takes one simulator"),
        (["test", "SEED=twelve"], "neither a number nor 'random'"),
        (["test", "JOBS=0"], "not a positive number"),
        (["regress", "SEEDS=many"], "not a positive number"),
        (["waves", "TEST=build/none.fst"], "does not exist"),
        (["formal", "K=no_such_proof"], "No proof matches"),
        (["synth", "CONFIG=no_such_config"], "No configuration matches"),
        (["setup", "PYTHON=python-that-is-not-there"], "not installed"),
    ],
    ids=lambda v: "_".join(v) if isinstance(v, list) else "",
)
def test_bad_input(args, says):
    if args[0] == "setup":  # only an installation that is not there yet asks for Python
        args = [*args, "STAMP=.venv/.never"]
    done = make(*args)
    assert done.returncode != 0
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    sentences = [line for line in done.stderr.splitlines() if line and "***" not in line]
    assert len(sentences) <= 1
