# SPDX-License-Identifier: Apache-2.0
"""What a result depends on: enough, and not everything."""

import pytest

from tb.lib import depends
from tools.paths import ROOT


def names(module):
    return {str(p.relative_to(ROOT)) for p in depends.python_of(module)}


def test_imports_are_followed():
    """Stimulus: a system test. Checking: its helpers, their models and the generated constants; nothing of another block."""
    found = names("tb.system.test_life")
    assert {"tb/system/test_life.py", "tb/lib/sim.py", "models/layout.py"} <= found
    assert not any("nvme" in name for name in found if not name.startswith("models/")), sorted(
        found
    )


def test_tests_that_are_named_count():
    """Stimulus: a module that tells cocotb where its tests are. Checking: that file is found; what is no module is said."""
    assert {"tb/unit/test_crl_fifo.py", "tb/unit/fifo_tests.py"} <= names("tb.unit.test_crl_fifo")
    with pytest.raises(ValueError, match="no module of the project"):
        depends.python_of("json")


def test_design_and_extras_count():
    """Stimulus: keys of one test with several tops and extras. Checking: each of them has its own key, the same one has the same."""
    module = "tb.unit.test_crl_fifo"
    keys = {
        depends.key_of(module, top, (), extra)
        for top in ("crl_fifo", "crl_skid")
        for extra in ("", "seed")
    }
    assert len(keys) == 4
    assert depends.key_of(module, "crl_fifo", (), "seed") in keys
    assert depends.key_of(module) not in keys
