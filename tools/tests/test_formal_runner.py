# SPDX-License-Identifier: Apache-2.0
"""The formal runner: what holds passes, what doesn't fails with a trace, and results are kept."""

from pathlib import Path

import pytest

from tb.formal import run as formal

pytestmark = pytest.mark.formal
DATA = Path(__file__).parent / "data" / "formal"
PROOFS = {p.name: p for p in formal.discover(DATA)}


@pytest.mark.parametrize("name", ["wrap.prove", "wrap.cover", "wrap.wide", "wrap.broken"])
def test_holds(name):
    row = formal.run_proof(PROOFS[name], force=True)
    assert row["status"] == "pass", row
    again = formal.run_proof(PROOFS[name])
    assert again.get("cached") and again["seconds"] == row["seconds"]


def test_counterexample_is_shown():
    row = formal.run_proof(PROOFS["wrap.wrong"])
    assert row["status"] == "fail"
    assert "fv_wrap.sv" in row["message"] and "trace" in row["message"]


def test_unreached_cover_fails():
    row = formal.run_proof(PROOFS["wrap.unreached"])
    assert row["status"] == "fail" and "nreached" in row["message"]


def test_parameters_reach_the_proof():
    assert "chparam -set LAST 200 fv_wrap" in PROOFS["wrap.wide"].sby([])


@pytest.mark.parametrize(
    "text, says",
    [
        ("tasks: {prove: {dept: 3}}", "unknown key dept"),
        ("tasks: {a: {kind: x}}", "kind is 'x'"),
        ("top: t", "tasks"),
        ("files: [no.sv]\ntasks: {prove: }", "does not exist"),
        ("tasks: [", "not valid YAML"),
    ],
)
def test_bad_description(tmp_path, text, says):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(formal.ProofError, match=says):
        formal.load(path)
