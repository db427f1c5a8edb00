# SPDX-License-Identifier: Apache-2.0
"""The house rules find what they are for, leave good code alone, and the project keeps them."""

import pytest

from tools import lint, svrules

pytestmark = pytest.mark.tools

GOOD = """// SPDX-License-Identifier: Apache-2.0
// A struct, an interface and a `return` in a comment are no findings.
`default_nettype none
module crl_good #(
    parameter int W = 8,
    parameter logic [3:0] INIT = 4'd0
) (
    input  wire logic clk,
    input  wire logic [W-1:0] a,
    input  wire logic [3:0][W-1:0] lanes,
    output logic [W-1:0] b,
    output logic [1:0] s
);
  localparam logic [31:0] TABLE = 32'h1;
  typedef enum logic [1:0] {IDLE, RUN} state_t;
  state_t state;
  logic [W-1:0] mem [0:15];
  always_ff @(posedge clk) begin
    if (a[0]) state <= RUN;
    else state <= IDLE;
    mem[a[3:0]] <= lanes[a[1:0]];
    assert (a != '1);
  end
  assign b = mem[INIT];
  assign s = state;
  initial if (W < 4) $fatal(1, "W is struct, return and import");
endmodule
`default_nettype wire
"""

BAD = {
    "struct": "typedef struct packed {logic a;} t;",
    "negated-cast": "assign t = s & ~2'(1);",
    "interface": "axi_if.modport x();",
    "parameter-type": "localparam type T = logic;",
    "int-unsigned-parameter": "localparam int unsigned X = 3;",
    "array-parameter": "localparam int X [2] = '{1, 2};",
    "import": "import crl_pkg::*;",
    "return": "function automatic logic f(input logic a); return a; endfunction",
    "break": "always_comb for (int i = 0; i < 2; i++) if (a[i]) break;",
    "foreach": "always_comb foreach (a[i]) b[i] = a[i];",
    "inside": "assign b = a inside {1, 2};",
    "streaming": "assign b = {<<{a}};",
    "bind": "bind crl_good crl_check c();",
    "labelled-assert": "always_ff @(posedge clk) my_label: assert (a);",
    "clocked-assert": "assert property (@(posedge clk) a);",
    "assert-else": 'always_ff @(posedge clk) assert (f(a, (b))) else $error("x");',
    "wildcard-equality": "assign b = a ==? 4'b1x;",
    "unique-if": "always_comb unique if (a) b = 1; else b = 0;",
    "wildcard-port": "crl_x u (.*);",
    "enum-ternary": "always_comb state = a[0] ? RUN : IDLE;",
    "lint-pragma": "// verilator lint_off WIDTH",
}


def rules(text, name="crl_good.sv"):
    return {rule for _, rule, _ in svrules.check_text(text, name)}


def test_good_code_has_no_findings():
    assert svrules.check_text(GOOD, "crl_good.sv") == []


@pytest.mark.parametrize("rule", BAD)
def test_rule_is_found(rule):
    assert rule in rules(GOOD.replace("assign s = state;", f"assign s = state;\n  {BAD[rule]}"))


def test_unpacked_array_port():
    text = GOOD.replace("output logic [1:0] s", "output logic [1:0] s [0:3]")
    assert "unpacked-array-port" in rules(text)


@pytest.mark.parametrize(
    "rule, text, name",
    [
        ("spdx", GOOD.replace("SPDX", "XDPS"), "crl_good.sv"),
        ("file-name", GOOD, "crl_other.sv"),
        ("prefix", GOOD.replace("crl_good", "good"), "good.sv"),
        ("one-module-per-file", GOOD + "module crl_b; endmodule\n", "crl_good.sv"),
        ("default-nettype", GOOD.replace("`default_nettype none", ""), "crl_good.sv"),
        ("length", GOOD + "\n" * 900, "crl_good.sv"),
        ("package-enum", "package crl_good; typedef enum logic {A} e; endpackage", "crl_good.sv"),
    ],
)
def test_layout(rule, text, name):
    assert rule in rules(text, name)


def test_waivers_need_everything_and_must_be_used(tmp_path):
    path = tmp_path / "waivers.yaml"
    path.write_text(
        "waivers:\n- {rule: A, signal: x, file: f.sv}\n"
        "- {rule: UNUSEDSIGNAL, signal: 's_*', file: 'rtl/*', reason: because}\n"
    )
    waivers = lint.Waivers(path)
    assert [f.rule for f in waivers.problems()] == ["incomplete"]
    assert waivers.accepts("UNUSEDSIGNAL", "rtl/a.sv", "Signal is not used: 's_prot'")
    assert not waivers.accepts("UNUSEDSIGNAL", "rtl/a.sv", "Signal is not used: 'm_prot'")
    assert len(waivers.unused()) == 1


@pytest.fixture(scope="module")
def findings():
    return lint.run(quick=True)


@pytest.mark.parametrize(
    "check", ["house rules", "spdx", "ruff", "verilator", "icarus", "yosys", "waivers"]
)
def test_project_is_clean(findings, check):
    assert not findings.get(check), "\n".join(str(f) for f in findings[check])
