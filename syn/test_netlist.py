# SPDX-License-Identifier: Apache-2.0
"""The synthesised netlist of core modules passes the same cocotb tests as their RTL.

`make test NETLIST=1 K=…` does the same for any module test.
"""

import pytest

from tb.lib.sim import run_sim

pytestmark = pytest.mark.synth

CORE = [
    ("crl_fifo", "tb.unit.fifo_tests", {"W": 8, "DEPTH": 16, "OUTREG": 0}),
    ("crl_fifo", "tb.unit.fifo_tests", {"W": 33, "DEPTH": 8, "OUTREG": 1}),
    ("crl_skid", "tb.unit.stream_tests", {"W": 8}),
    ("crl_rr_arb", "tb.unit.test_crl_rr_arb", {"N": 5}),
    ("crl_mlist", "tb.unit.test_crl_mlist", {"Q": 4, "N": 16, "W": 8}),
    ("crl_seg_check", "tb.unit.test_crl_seg_check", {}),
    ("crl_align", "tb.unit.test_crl_align", {"DATA_W": 64, "TAG_W": 8, "CHANNELS": 8}),
]


@pytest.mark.parametrize(
    "top, module, parameters", CORE, ids=lambda v: v if isinstance(v, str) else ""
)
def test_netlist(top, module, parameters):
    """Stimulus and checking: those of the module's own tests."""
    case = "chunks" if top == "crl_align" else None  # gates are slow: one test of the longest
    run_sim(top, module, parameters=parameters, sim="icarus", netlist=True, testcase=case)
