# SPDX-License-Identifier: Apache-2.0
"""The quick proofs, and the rules that every proof's description keeps."""

import pytest

from tb.formal.run import discover, run_proof

pytestmark = pytest.mark.formal
PROOFS = discover()


@pytest.mark.parametrize("proof", [p for p in PROOFS if p.quick], ids=lambda p: p.name)
def test_proof(proof):
    """A quick proof holds."""
    row = run_proof(proof)
    assert row["status"] == "pass", row.get("message")


def test_every_proof_has_a_witness():
    """A description without a cover task could hold for nothing."""
    stems = {p.name.split(".")[0] for p in PROOFS}
    witnessed = {p.name.split(".")[0] for p in PROOFS if p.kind == "cover"}
    assert stems == witnessed, f"no cover task in: {', '.join(sorted(stems - witnessed))}"
