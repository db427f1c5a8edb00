# SPDX-License-Identifier: Apache-2.0
"""Everything that can be found without running the design; any finding fails.

    python -m tools.lint            all checks
    python -m tools.lint --quick    without the large configurations of the node

* Verilator `-Wall` and Icarus on every module with its default parameters, Verilator also on
  `crl_node` at 64 and 512 bits with 1, 8 and 64 channels. Waivers: `tools/waivers.yaml`.
* Yosys `read_verilog -sv`, `hierarchy -check`, `proc`, `check` on the same.
* The language subset and the layout of RTL files (`tools/svrules.py`).
* SPDX headers everywhere, ruff on Python.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from tb.lib.sim import _facts, reachable, tool_version
from tools import svrules
from tools.paths import BUILD, ROOT, content_hash, rtl_sources, tool_env

WAIVERS = ROOT / "tools" / "waivers.yaml"
NODE = "crl_node"
NODE_CONFIGS = [
    {"DATA_W": width, "LINK_W": width, "CHANNELS": channels}
    for width in (64, 512)
    for channels in (1, 8, 64)
] + [{"ATOMIC_EN": 0}, {"READ_EN": 0, "ATOMIC_EN": 0}, {"SEND_EN": 0}, {"MIRROR_EN": 0},
     {"READ_EN": 0, "ATOMIC_EN": 0, "SEND_EN": 0}, {"NVME_EN": 0}, {"QUEUES": 128, "PEERS": 3},
     {"NVME_EN": 0, "READ_EN": 0, "ATOMIC_EN": 0, "SEND_EN": 0}]
SPDX_SUFFIXES = {
    ".sv",
    ".svh",
    ".v",
    ".py",
    ".c",
    ".h",
    ".S",
    ".sh",
    ".rdl",
    ".yaml",
    ".yml",
    ".toml",
    ".mk",
    ".lpf",
    ".ys",
    ".tcl",
}
SPDX_EXEMPT = {"REUSE.toml"}


@dataclass(frozen=True)
class Finding:
    """One thing to mend."""

    check: str
    where: str
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.rule}: {self.message}"


def call(cmd: Sequence[str]) -> tuple[int, str]:
    done = subprocess.run(
        cmd,
        cwd=ROOT,
        env=tool_env(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        timeout=1200,
    )
    return done.returncode, done.stdout


def cached_call(
    cmd: Sequence[str], sources: Sequence[Path], listed: bool = True
) -> tuple[int, str]:
    """As `call`, with the sources appended; not done again while sources and tools are the same."""
    key = content_hash(sources, list(cmd), versions())
    kept = BUILD / "lint" / "cache" / f"{key}.json"
    if kept.exists():
        status, text = json.loads(kept.read_text())
        return status, text
    status, text = call([*cmd, *(rel(p) for p in sources)] if listed else cmd)
    kept.parent.mkdir(parents=True, exist_ok=True)
    part = kept.with_suffix(f".{os.getpid()}")
    part.write_text(json.dumps([status, text]))
    part.replace(kept)
    return status, text


@lru_cache(maxsize=1)
def versions() -> tuple[str, ...]:
    yosys_version = call(["yosys", "-V"])[1]
    return tool_version("icarus"), tool_version("verilator"), yosys_version


def rel(path: Path | str) -> str:
    return os.path.relpath(path, ROOT)


def modules() -> list[str]:
    """Every module of rtl/files.f, packages left out."""
    names = []
    for path in rtl_sources():
        code = svrules.strip(path.read_text())
        names += re.findall(r"^\s*module\s+(?:automatic\s+)?(\w+)", code, re.M)
    return names


def configurations(quick: bool) -> list[tuple[str, dict[str, Any]]]:
    """(top, parameters): every module as it is, and the node in its extreme shapes."""
    found: list[tuple[str, dict[str, Any]]] = [(name, {}) for name in modules()]
    if NODE in modules() and not quick:
        found += [(NODE, config) for config in NODE_CONFIGS]
    return found


def label(top: str, parameters: Mapping[str, Any]) -> str:
    return top + "".join(f" {k}={v}" for k, v in parameters.items())


# ---------------------------------------------------------------------------------------------
# Verilator

_MESSAGE = re.compile(r"^%(Warning|Error)(?:-(\w+))?: (?:([^:\s]+):(\d+):(?:\d+:)? )?(.*)$", re.M)


class Waivers:
    """The accepted warnings, and which of them were needed."""

    def __init__(self, path: Path = WAIVERS) -> None:
        self.path = path
        self.entries = (yaml.safe_load(path.read_text()) or {}).get("waivers") or []
        self.used: set[int] = set()

    def problems(self) -> list[Finding]:
        found = []
        for entry in self.entries:
            missing = {"rule", "signal", "file", "reason"} - set(entry)
            if missing:
                found.append(
                    Finding(
                        "waivers",
                        rel(self.path),
                        "incomplete",
                        f"{entry} lacks {', '.join(sorted(missing))}",
                    )
                )
        return found

    def unused(self) -> list[Finding]:
        return [
            Finding(
                "waivers",
                rel(self.path),
                "unused",
                f"{e.get('rule')} on {e.get('signal')} in {e.get('file')} matches nothing",
            )
            for number, e in enumerate(self.entries)
            if number not in self.used
        ]

    def accepts(self, rule: str, file: str, message: str) -> bool:
        names = re.findall(r"'([^']+)'", message)
        for number, entry in enumerate(self.entries):
            if entry.get("rule") != rule or not fnmatch.fnmatch(file, str(entry.get("file"))):
                continue
            if any(fnmatch.fnmatch(name, str(entry.get("signal"))) for name in names):
                self.used.add(number)
                return True
        return False


def verilator(top: str, parameters: Mapping[str, Any], waivers: Waivers) -> list[Finding]:
    sets = [f"-G{k}={v}" for k, v in parameters.items()]
    status, text = cached_call(
        ["verilator", "--lint-only", "-Wall", "-Irtl", "--top-module", top, *sets],
        reachable(top, rtl_sources()),
    )
    found = []
    for kind, rule, file, line, message in _MESSAGE.findall(text):
        if message.startswith("Exiting due to"):
            continue
        file = rel(file) if file else top
        if rule and waivers.accepts(rule, file, message):
            continue
        found.append(
            Finding(
                "verilator",
                f"{file}:{line}" if line else file,
                rule or kind,
                f"{message} [{label(top, parameters)}]",
            )
        )
    if status and not _MESSAGE.search(text):
        found.append(Finding("verilator", top, "crash", text[-400:]))
    return found


# ---------------------------------------------------------------------------------------------
# Icarus and Yosys


# Not faults: Icarus re-evaluates a block more often than it must, and asserts aren't synthesisable.
_ICARUS_NOTE = re.compile(
    r"sensitiv|timescale|sorry: constant selects|System task \(\$\w+\) cannot be synthesized"
)


def icarus(tops: Sequence[str]) -> list[Finding]:
    """All modules in one call, each a top level with its default parameters."""
    sources = reachable(tops, rtl_sources())
    roots = [word for top in tops for word in ("-s", top)]
    options = ["-g2012", "-Wall", "-Wno-timescale", "-t", "null", "-Irtl"]
    status, text = cached_call(["iverilog", *options, *roots], sources)
    found = [
        Finding("icarus", "rtl", "message", line)
        for line in text.splitlines()
        if line.strip() and not _ICARUS_NOTE.search(line)
    ]
    if status and not found:
        found.append(Finding("icarus", "rtl", "status", f"iverilog ended with status {status}"))
    return found


def yosys(tops: Sequence[str], parameters: Mapping[str, Any]) -> list[Finding]:
    """One configuration of one top level, or all modules with their default parameters."""
    sources = reachable(tops, rtl_sources())
    named = label(tops[0], parameters) if len(tops) == 1 else "rtl"
    script = [f"read_verilog -sv -Irtl {' '.join(rel(p) for p in sources)}"]
    if parameters:
        sets = " ".join(f"-set {k} {v}" for k, v in parameters.items())
        script.append(f"chparam {sets} {tops[0]}")
    script.append("hierarchy -check" + (f" -top {tops[0]}" if len(tops) == 1 else ""))
    script += ["proc -noopt", "check -assert"]
    status, text = cached_call(["yosys", "-q", "-p", "; ".join(script)], sources, listed=False)
    found = []
    for line in text.splitlines():
        if re.match(r"(Warning|ERROR):", line) or re.match(r"\S+:\d+: (Warning|ERROR)", line):
            found.append(Finding("yosys", named, "message", line.strip()))
    if status and not found:
        found.append(Finding("yosys", named, "status", text[-400:]))
    return found


# ---------------------------------------------------------------------------------------------
# text


def house_rules() -> list[Finding]:
    found = []
    for path in rtl_sources():
        if path.parent.name == "gen":  # written by tools.regs, with waivers of its own
            continue
        for line, rule, message in svrules.check_text(path.read_text(), path.name):
            found.append(Finding("house rules", f"{rel(path)}:{line}", rule, message))
    listed = set(rtl_sources())
    for path in sorted((ROOT / "rtl").rglob("*.sv")):
        if path.resolve() not in listed:
            found.append(Finding("house rules", rel(path), "not-listed", "not in rtl/files.f"))
    owners: dict[str, Path] = {}
    for path in rtl_sources():
        for name in _facts(path)[0]:
            if name in owners:
                found.append(
                    Finding(
                        "house rules",
                        rel(path),
                        "twice",
                        f"{name} also stands in {rel(owners[name])}",
                    )
                )
            owners[name] = path
    return found


def tracked_files() -> list[Path]:
    status, text = call(["git", "ls-files", "-z"])
    if status:
        return []
    return [ROOT / name for name in text.split("\0") if name and (ROOT / name).is_file()]


def spdx() -> list[Finding]:
    found = []
    for path in tracked_files():
        if path.name in SPDX_EXEMPT or (
            path.suffix not in SPDX_SUFFIXES and path.name != "Makefile"
        ):
            continue
        head = path.read_text(errors="replace")[:600]
        if head and "SPDX-License-Identifier: Apache-2.0" not in head:
            found.append(Finding("spdx", rel(path), "spdx", "no SPDX-License-Identifier header"))
    return found


def ruff() -> list[Finding]:
    files = [rel(p) for p in tracked_files() if p.suffix == ".py"]
    if not files:
        return []
    status, text = call(["ruff", "check", "--output-format", "json", "--quiet", *files])
    try:
        rows = json.loads(text or "[]")
    except json.JSONDecodeError:
        return [Finding("ruff", "ruff", f"status {status}", text[-400:])]
    return [
        Finding(
            "ruff", f"{rel(r['filename'])}:{r['location']['row']}", str(r["code"]), r["message"]
        )
        for r in rows
    ]


# ---------------------------------------------------------------------------------------------


def run(quick: bool = False) -> dict[str, list[Finding]]:
    """All checks; findings by check."""
    waivers = Waivers()
    shapes = configurations(quick)
    plain = [top for top, p in shapes if not p]
    jobs: list[tuple[str, Callable[[], list[Finding]]]] = [
        ("house rules", house_rules),
        ("spdx", spdx),
        ("ruff", ruff),
        *(("verilator", lambda t=t, p=p: verilator(t, p, waivers)) for t, p in shapes),
        ("icarus", lambda: icarus(plain)),
        ("yosys", lambda: yosys(plain, {})),
        *(("yosys", lambda t=t, p=p: yosys([t], p)) for t, p in shapes if p),
    ]
    found: dict[str, list[Finding]] = {name: [] for name, _ in jobs}
    with ThreadPoolExecutor(2) as pool:
        for (name, _), findings in zip(jobs, pool.map(lambda job: job[1](), jobs), strict=True):
            found[name] += [f for f in findings if f not in found[name]]
    found["waivers"] = waivers.problems() + waivers.unused()
    return found


def main(argv: list[str] | None = None) -> int:
    from rich.console import Console
    from rich.table import Table

    parser = argparse.ArgumentParser(prog="python -m tools.lint")
    parser.add_argument("--quick", action="store_true", help="leave the large nodes out")
    args = parser.parse_args(argv)
    console = Console()
    with console.status("linting"):
        found = run(args.quick)
    seen: set[str] = set()
    for finding in [f for findings in found.values() for f in findings]:
        # the same warning from several tops or configurations is shown once
        plain = re.sub(r" \[[^\]]*\]$", "", str(finding))
        if plain not in seen:
            seen.add(plain)
            print(finding)
    table = Table(title="Lint")
    table.add_column("check")
    table.add_column("findings", justify="right")
    for name, findings in found.items():
        table.add_row(name, f"[red]{len(findings)}[/]" if findings else "[green]0[/]")
    console.print(table)
    out = BUILD / "lint" / "results.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    rows = [asdict(f) for findings in found.values() for f in findings]
    out.write_text(json.dumps(rows, indent=1) + "\n")
    if rows:
        print(f"{len(seen)} things to mend; all of them in {rel(out)}", file=sys.stderr)
    return 1 if rows else 0


if __name__ == "__main__":
    sys.exit(main())
