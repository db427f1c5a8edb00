# SPDX-License-Identifier: Apache-2.0
"""The verification plan names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLANS = sorted((ROOT / "docs" / "vplan").glob("*.md"))
NAME = r"`(\w+)`"


def sources() -> str:
    """All Python below the places where tests are."""
    files = [p for top in ("tb", "models", "tools", "fw", "syn") for p in (ROOT / top).rglob("*.py")]
    names = "\n".join(p.stem for p in files)
    return names + "\n" + "\n".join(p.read_text() for p in files if p != Path(__file__))


def named(text: str) -> tuple[set[str], set[str]]:
    """Tests, and the cases in brackets behind a test."""
    tests = {n for n in re.findall(NAME, text) if n.startswith("test_")}
    cases: set[str] = set()
    for group in re.findall(r"`test_\w+` \(((?:`\w+`(?:, )?)+)\)", text):
        cases |= set(re.findall(NAME, group))
    return tests, cases


def missing(text: str, code: str) -> list[str]:
    tests, cases = named(text)
    lines = set(re.findall(r"^(test_\w+)$", code, re.M))
    gone = [t for t in tests if t not in lines and not re.search(rf"def {t}\(", code)]
    return sorted(gone + [c for c in cases if not re.search(rf"\b{c}\b", code)])


@pytest.mark.parametrize("plan", PLANS, ids=lambda p: p.stem)
def test_plan_names_tests_that_exist(plan: Path) -> None:
    """Stimulus: each page of the plan. Checking: every test and case that it names is in the tree."""
    assert not missing(plan.read_text(), sources())


def test_a_missing_test_is_noticed() -> None:
    """Stimulus: a row with a test, a file and a case that don't exist. Checking: all three are named, others not."""
    row = "| x | `test_here` (`one`, `gone_case`), `test_gone`, `test_file` |"
    code = "test_file\ndef test_here(case):\n    ...\nasync def one(dut): ...\n"
    assert missing(row, code) == ["gone_case", "test_gone"]
