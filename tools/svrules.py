# SPDX-License-Identifier: Apache-2.0
"""House rules for RTL that need no parser: the language subset, one module a file, the header.

The subset is what Icarus 11 and 12, Verilator and Yosys all take and agree on. Each rule has the
reason beside it; `check_text` returns findings as (line, rule, message).
"""

from __future__ import annotations

import re
from pathlib import Path

MAX_LINES = 800  # aim for 300
PREFIX = "crl_"

Finding = tuple[int, str, str]

# rule -> (pattern on code without comments and strings, what to do instead)
SUBSET: dict[str, tuple[str, str]] = {
    "struct": (r"\b(?:struct|union)\b", "Yosys miscompiles arrays of them; use packed vectors"),
    "interface": (r"\b(?:interface|modport|endinterface)\b", "Icarus and Yosys reject interfaces"),
    "parameter-type": (r"\b(?:parameter|localparam)\s+type\b", "Icarus 11 and Yosys reject it"),
    "int-unsigned-parameter": (
        r"\b(?:parameter|localparam)\s+int\s+unsigned\b",
        "Icarus 11 rejects it; use `parameter int`",
    ),
    "array-parameter": (
        r"\b(?:parameter|localparam)\b[^;,()=]*\b\w+\s*\[[^\]]*\]\s*=",
        "no tool but Verilator takes it; pack it into one vector",
    ),
    "unpacked-array-port": (
        r"\b(?:input|output|inout)\b[^;,()]*?\b\w+\s*\[[^\]]*\]\s*(?:[,)]|$)",
        "Yosys rejects it; use a packed array",
    ),
    "import": (r"\bimport\b", "Yosys rejects it inside modules; write pkg::NAME"),
    "return": (r"\breturn\b", "Yosys rejects it; assign the function's name"),
    "break": (r"\b(?:break|continue)\b", "Icarus and Yosys reject it; use a flag"),
    "foreach": (r"\bforeach\b", "Yosys rejects it; use for"),
    "inside": (r"\binside\b", "Icarus and Yosys reject it; use casez or comparisons"),
    "streaming": (r"\{\s*(?:<<|>>)", "Icarus and Yosys reject streaming operators"),
    "bind": (r"\bbind\b", "Icarus rejects it"),
    "labelled-assert": (
        r"\b\w+\s*:\s*(?:assert|assume|cover)\b",
        "Icarus rejects labels on assertions",
    ),
    "clocked-assert": (
        r"\b(?:assert|assume|cover)\s+(?:property|final)\b|\b(?:assert|assume)\s*#",
        "Icarus and Yosys reject it; use an immediate assert in always_ff",
    ),
    "assert-else": (
        r"\bassert\s*\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)\s*else\b",
        "Yosys rejects assert … else",
    ),
    "wildcard-equality": (r"==\?|!=\?", "Yosys rejects it; use casez"),
    "let": (r"^\s*let\b", "Icarus and Yosys reject let"),
    "timeunit": (r"^\s*time(?:unit|precision)\b", "Yosys rejects it"),
    "unique-if": (r"\b(?:unique0?|priority)\s+if\b", "Icarus rejects it"),
    "signed-cast": (r"\b(?:signed|unsigned)\s*'\s*\(", "Icarus 11 rejects it; use $signed()"),
    "negated-cast": (
        r"~\s*\w+\s*'\s*\(",
        "Yosys negates the width, not the value, and says nothing; name the value, or write the bits",
    ),
    "automatic-local": (
        r"^\s*automatic\b",
        "Icarus and older Yosys reject automatic variables in always_comb; use a named block",
    ),
    "wildcard-port": (r"\.\*", "a connection that is not written can't be checked"),
}
_COMPILED = {rule: (re.compile(p, re.M), why) for rule, (p, why) in SUBSET.items()}
_STRIP = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"", re.S)


def strip(text: str) -> str:
    """Blank out comments and strings, keeping the line numbers."""
    return _STRIP.sub(lambda m: re.sub(r"[^\n]", " ", m.group(0)), text)


def check_text(text: str, name: str) -> list[Finding]:
    """Findings in one source; `name` is its file name."""
    found: list[Finding] = []
    code = strip(text)

    def at(position: int) -> int:
        return code.count("\n", 0, position) + 1

    for rule, (pattern, why) in _COMPILED.items():
        for hit in pattern.finditer(code):
            found.append((at(hit.start()), rule, f"'{' '.join(hit.group(0).split())[:40]}': {why}"))
    found += _pragmas(text)
    found += _package_enums(code, at)
    found += _layout(text, code, name)
    return sorted(found)


def _pragmas(text: str) -> list[Finding]:
    """Waivers belong to tools/waivers.yaml, where they carry signal and reason."""
    return [
        (
            text.count("\n", 0, hit.start()) + 1,
            "lint-pragma",
            "waive in tools/waivers.yaml, with rule, signal and reason",
        )
        for hit in re.finditer(r"verilator\s+(?:lint_(?:off|on|save)|tracing_off)", text)
    ]


def _package_enums(code: str, at) -> list[Finding]:
    """Enums in packages crash Icarus 11; enum values in `?:` are rejected."""
    found = []
    for package in re.finditer(r"\bpackage\b.*?\bendpackage\b", code, re.S):
        for hit in re.finditer(r"\benum\b", package.group(0)):
            found.append(
                (
                    at(package.start() + hit.start()),
                    "package-enum",
                    "Icarus 11 crashes on enums in packages; use localparams",
                )
            )
    types = set(re.findall(r"\btypedef\s+enum\b[^;]*?\}\s*(\w+)\s*;", code, re.S))
    names: set[str] = set()
    for kind in types:
        for hit in re.finditer(rf"^\s*{kind}\s+([\w\s,]+);", code, re.M):
            names |= {n.strip() for n in hit.group(1).split(",")}
    for name in names:
        for hit in re.finditer(rf"\b{name}\s*(?:<=|=)[^=;][^;]*\?[^;]*:[^;]*;", code):
            found.append((at(hit.start()), "enum-ternary", "Icarus rejects it; use if and else"))
    return found


def _layout(text: str, code: str, name: str) -> list[Finding]:
    found: list[Finding] = []
    head = "\n".join(text.splitlines()[:5])
    if "SPDX-License-Identifier: Apache-2.0" not in head:
        found.append((1, "spdx", "the first lines need 'SPDX-License-Identifier: Apache-2.0'"))
    units = re.findall(r"^\s*(module|package)\s+(?:automatic\s+)?(\w+)", code, re.M)
    stem = Path(name).stem
    if len(units) != 1:
        found.append((1, "one-module-per-file", f"{len(units)} modules or packages in one file"))
    for _, unit in units[:1]:
        if unit != stem:
            found.append((1, "file-name", f"{unit} stands in {name}"))
        if not unit.startswith(PREFIX):
            found.append((1, "prefix", f"{unit} doesn't begin with {PREFIX}"))
    if any(kind == "module" for kind, _ in units) and "`default_nettype none" not in text:
        found.append((1, "default-nettype", "`default_nettype none is missing"))
    lines = text.count("\n")
    if lines > MAX_LINES:
        found.append(
            (lines, "length", f"{lines} lines; split it (aim for 300, at most {MAX_LINES})")
        )
    return found
