# SPDX-License-Identifier: Apache-2.0
"""Run a test again with waves, and open them in GTKWave ready to read.

    python -m tools.waves TEST          a pytest name or part of one; `make waves TEST=…`
    python -m tools.waves demo          the waves that the last demo wrote under build/demo
    python -m tools.waves demo-queues   those of its second act
    python -m tools.waves fifo.prove    the counterexample of a proof that failed
    python -m tools.waves x.fst         a file (beside it, if there, its run.json)
    python -m tools.waves TEST --no-open

Beside the waves goes `waves.gtkw`: one group for each bundle of the top level's ports and for each
instance, states and handshakes first, a colour by role, names instead of numbers for states,
opcodes and status codes. Where `tb/waves/<toplevel>.yaml` lists groups, these come first. A hand-made `tb/waves/<toplevel>.gtkw` is taken instead where there is
one. All paths are relative, so the folder can be copied to another machine.
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.paths import BUILD, ROOT, rtl_sources, tool_env
from tools.svrules import strip
from tools.wavegroups import add_story, story

WAVE_SUFFIXES = (".fst", ".vcd")
DEMOS = {"demo": "waves", "demo-queues": "waves-queues"}  # folders under build/demo
BIN, HEX, TRANSLATED, BLANK = 0x28, 0x22, 0x2000, 0x200
OPEN_GROUP, OPEN_END, CLOSED_GROUP, CLOSED_END = 0x800200, 0x1000200, 0xC00200, 0x1401200
RED, ORANGE, YELLOW, VIOLET = 1, 2, 3, 7
MAX_PER_GROUP = 80
MAX_DEPTH = 6


class WavesError(Exception):
    """Something the user has to change; the text says what."""


# ---------------------------------------------------------------------------------------------
# names for numbers, from the sources


@dataclass
class Module:
    """What the sources say about one module."""

    enums: dict[str, dict[int, str]] = field(default_factory=dict)  # signal -> value -> name
    instances: dict[str, str] = field(default_factory=dict)  # instance -> module
    constants: dict[str, int] = field(default_factory=dict)


_NUMBER = re.compile(r"(?:\d+)?'s?([bdhoBDHO])([0-9a-fA-F_]+)|(\d+)")


def number(text: str) -> int | None:
    """Value of a plain Verilog literal, else None."""
    hit = _NUMBER.fullmatch(text.strip())
    if not hit:
        return None
    if hit.group(3):
        return int(hit.group(3))
    base = {"b": 2, "o": 8, "d": 10, "h": 16}[hit.group(1).lower()]
    try:
        return int(hit.group(2).replace("_", ""), base)
    except ValueError:
        return None


def parse_sources(paths: Iterable[Path]) -> dict[str, Module]:
    """Enums, instances and constants of every module and package."""
    units: dict[str, tuple[Module, str]] = {}
    for path in paths:
        code = strip(path.read_text(errors="replace"))
        pattern = r"\b(module|package)\s+(?:automatic\s+)?(\w+)(.*?)\bend\1\b"
        for hit in re.finditer(pattern, code, re.S):
            units[hit.group(2)] = (Module(), hit.group(3))
    for module, body in units.values():
        _enums(module, body)
        _instances(module, body, units)
        for statement in re.findall(r"\blocalparam\b([^;]*);", body):
            for part in statement.split(","):
                hit = re.search(r"(\w+)\s*=\s*([^=]+)$", part)
                plain = number(hit.group(2)) if hit else None
                if plain is not None:
                    module.constants[hit.group(1)] = plain
    return {name: module for name, (module, _) in units.items()}


def _enums(module: Module, body: str) -> None:
    pattern = r"\b(typedef\s+)?enum\b[^{;]*\{([^}]*)\}\s*([\w\s,]+);"
    for typedef, members, names in re.findall(pattern, body):
        table: dict[int, str] = {}
        following = 0
        for member in filter(None, (m.strip() for m in members.split(","))):
            name, _, value = member.partition("=")
            given = number(value) if value.strip() else following
            if given is None:
                break
            table[given] = name.strip()
            following = given + 1
        signals = [n.strip() for n in names.split(",")]
        if typedef:
            pattern = rf"^\s*(?:output\s+|input\s+)?{signals[0]}\s+([\w\s,]+?)\s*[;=)]"
            found = re.findall(pattern, body, re.M)
            signals = [n.strip() for group in found for n in group.split(",")]
        module.enums.update({signal: table for signal in signals if signal})


def _instances(module: Module, body: str, units: Mapping[str, Any]) -> None:
    for hit in re.finditer(r"\b(\w+)\s*(#\s*\(|\s\w+\s*\()", body):
        if hit.group(1) not in units:
            continue
        position = hit.end(1)
        while body[position].isspace():
            position += 1
        if body[position] == "#":
            position = _closing(body, body.index("(", position)) + 1
        name = re.match(r"\s*(\w+)\s*(?:\[[^\]]*\]\s*)?\(", body[position:])
        if name:
            module.instances[name.group(1)] = hit.group(1)


def _closing(text: str, start: int) -> int:
    """Position of the parenthesis that closes the one at `start`."""
    depth = 0
    for position in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[position], 0)
        if depth == 0:
            return position
    return len(text) - 1


def value_names(modules: Mapping[str, Module], module: str | None, signal: str) -> dict[int, str]:
    """Names for a signal's values: its enum, or the constants that its name points to."""
    if module in modules and signal in modules[module].enums:
        return modules[module].enums[signal]
    plain = re.sub(r"^[sm]_|_[qd]$", "", signal)
    own = modules[module].constants if module in modules else {}
    shared = {k: v for m in modules.values() for k, v in m.constants.items() if m is not own}
    prefixes = {
        "ch_state": ("STATE_",),
        "state": ("ST_", "S_", "STATE_"),
        "opcode": ("OP_", "OPC_", "OPCODE_"),
        "op": ("OP_", "OPC_", "OPCODE_"),
        "status": ("STATUS_", "STS_"),
        "ftype": ("FRAME_TYPE_", "FT_", "FRAME_"),
        "frame_type": ("FRAME_TYPE_", "FT_", "FRAME_"),
    }
    for ending, wanted in prefixes.items():
        if plain == ending or plain.endswith("_" + ending):
            for pool in (own, shared) if ending != "state" else (own,):
                for prefix in wanted:
                    table = {
                        v: k[len(prefix) :]
                        for k, v in pool.items()
                        if k.startswith(prefix) and not k.endswith(("_W", "_LSB", "_BYTES"))
                    }
                    if len(table) > 1:
                        return table
    return {}


# ---------------------------------------------------------------------------------------------
# the save file


def colour(name: str) -> int:
    """A colour by role, the same in every block; 0 is GTKWave's own."""
    if re.search(r"(^|_)(clk|rst|reset)$", name):
        return VIOLET
    if re.search(r"err|fatal|fault|timeout|abort", name):
        return RED
    if re.search(r"state(_[qd])?$|opcode|status|(^|_)op$", name):
        return ORANGE
    if re.search(r"(valid|ready|last|first)(_[qd])?$", name):
        return YELLOW
    return 0


def rank(name: str) -> tuple[int, str]:
    """Order inside a group: clocks, states, errors, handshakes, then the rest by name."""
    order = {VIOLET: 0, ORANGE: 1, RED: 2, YELLOW: 3}
    stem = re.sub(r"_?(valid|ready|last|first)(_[qd])?$", "", name)
    return order.get(colour(name), 4), stem + name


def bundle(name: str) -> str:
    """The bundle that a top-level port belongs to: s_axil, m_axi ar, link …"""
    hit = re.match(r"((?:s|m)_axil?)_(aw|ar|w|r|b)", name)
    if hit:
        return f"{hit.group(1)} {hit.group(2).upper()}"
    hit = re.match(r"((?:s|m)_[a-z0-9]+(?:_link)?|link|mbox)_", name)
    return hit.group(1) if hit else "node"


class SaveFile:
    """Collects the lines of a .gtkw file and the translation tables it needs."""

    def __init__(self, folder: Path, modules: Mapping[str, Module]) -> None:
        self.folder = folder
        self.modules = modules
        self.lines: list[str] = []
        self.tables: dict[tuple[tuple[int, str], ...], str] = {}

    def group(self, title: str, variables: Sequence[Any], module: str | None, opened: bool) -> None:
        self.begin(title, opened)
        chosen = sorted(variables, key=lambda v: rank(v.name))
        for variable in chosen[:MAX_PER_GROUP]:
            self.signal(variable, module)
        if len(chosen) > MAX_PER_GROUP:
            self.comment(f"{len(chosen) - MAX_PER_GROUP} more signals in the tree")
        self.end(title, opened)

    def begin(self, title: str, opened: bool) -> None:
        self.lines += [f"@{OPEN_GROUP if opened else CLOSED_GROUP:x}", f"-{title}"]

    def end(self, title: str, opened: bool) -> None:
        self.lines += [f"@{OPEN_END if opened else CLOSED_END:x}", f"-{title}"]

    def comment(self, text: str) -> None:
        self.lines += [f"@{BLANK:x}", f"-{text}"]

    def signal(self, variable: Any, module: str | None) -> None:
        bits = variable.bitwidth or 1
        flags = BIN if bits == 1 else HEX
        names = value_names(self.modules, module, variable.name) if bits > 1 else {}
        lines = []
        if names:
            flags |= TRANSLATED
            lines.append(f"^1 {self.table(names, bits)}")
        indices = "" if bits == 1 or "[" in variable.name else f"[{bits - 1}:0]"
        self.lines += [
            f"@{flags:x}",
            f"[color] {colour(variable.name)}",
            *lines,
            f"{variable.full_name}{indices}",
        ]

    def table(self, names: Mapping[int, str], bits: int) -> str:
        """File that GTKWave reads to show names instead of values; relative to the save file."""
        key = tuple(sorted((v, n) for v, n in names.items() if v < 1 << bits))
        name = self.tables.setdefault(key, f"names-{len(self.tables) + 1}.txt")
        width = (bits + 3) // 4
        text = "".join(f"{value:0{width}x} {label}\n" for value, label in key)
        (self.folder / name).write_text(text)
        return name

    def write(self, path: Path, waves: Path) -> None:
        recipe = self.folder / "run.json"
        start = json.loads(recipe.read_text()).get("start", 0) if recipe.exists() else 0
        head = [
            "[*] made by tools/waves.py; open it from its own folder",
            f'[dumpfile] "{waves.name}"',
            f'[savefile] "{path.name}"',
            f"[timestart] {start}",
            f"*-18.0 {start}" + " -1" * 26,  # some hundred cycles of 8 ns across the window
            "[size] 1600 900",
            "[pos] -1 -1",
            "[sst_width] 220",
            "[signals_width] 320",
            "[sst_expanded] 1",
        ]
        path.write_text("\n".join([*head, *self.lines, ""]))


def usable(variables: Iterable[Any]) -> list[Any]:
    """Signals worth a line: no parameters, no memories' words, no strings, each once."""
    kept = {}
    for v in variables:
        if v.is_real or v.is_string or (v.var_type or "").lower() in ("parameter", "integer"):
            continue
        if "[" in v.name or v.name.startswith(("_", "\\")) or not v.bitwidth:
            continue
        kept.setdefault(v.name, v)
    return list(kept.values())


def write_gtkw(waves: Path, toplevel: str | None, sources: Sequence[Path]) -> Path:
    """Make `waves.gtkw` beside the waves."""
    import pywellen

    folder = waves.parent
    path = folder / "waves.gtkw"
    hand_made = ROOT / "tb" / "waves" / f"{toplevel}.gtkw"
    if toplevel and hand_made.exists():
        text = hand_made.read_text()
        text = re.sub(r"^\[dumpfile\].*$", f'[dumpfile] "{waves.name}"', text, flags=re.M)
        path.write_text(re.sub(r"^\[savefile\].*$", f'[savefile] "{path.name}"', text, flags=re.M))
        for table in hand_made.parent.glob("*.txt"):
            shutil.copy(table, folder)
        return path
    wave = pywellen.Waveform(str(waves))
    modules = parse_sources(sources)
    save = SaveFile(folder, modules)
    scopes = [s for s in wave.scopes() if s.name not in ("$rootio", "cocotb_iverilog_dump")]
    chosen = [s for s in scopes if s.name == toplevel] or scopes
    if not chosen:
        raise WavesError(f"{os.path.relpath(waves, ROOT)} holds no signals: the test ended early.")
    for scope in chosen:
        if told := story(toplevel):
            add_story(save, scope, toplevel, told)
        _top(save, scope, toplevel or scope.name)
    save.write(path, waves)
    return path


def _top(save: SaveFile, scope: Any, module: str) -> None:
    groups: dict[str, list[Any]] = {}
    for variable in usable(scope.vars()):
        groups.setdefault(bundle(variable.name), []).append(variable)
    for title in sorted(groups, key=lambda t: (t != "node", t)):
        save.group(
            f"{scope.name}: {title}" if title != "node" else scope.name,
            groups[title],
            module,
            opened=True,
        )
    for inner in sorted(scope.scopes(), key=lambda s: s.name):
        _instance(save, inner, module, 1)


def _instance(save: SaveFile, scope: Any, parent: str | None, depth: int) -> None:
    """A closed group for an instance; named generate blocks stay with the module around them."""
    known = save.modules.get(parent or "")
    module = known.instances.get(scope.name.split("[")[0], parent) if known else None
    variables = usable(scope.vars())
    inner = sorted(scope.scopes(), key=lambda s: s.name) if depth < MAX_DEPTH else []
    if not variables and not inner:
        return
    kind = f" ({module})" if module and module != parent else ""
    title = f"{scope.name}{kind}"
    save.begin(title, opened=False)
    for variable in sorted(variables, key=lambda v: rank(v.name))[:MAX_PER_GROUP]:
        save.signal(variable, module)
    for child in inner:
        _instance(save, child, module, depth + 1)
    save.end(title, opened=False)


# ---------------------------------------------------------------------------------------------
# finding and running


def collect(test: str) -> list[str]:
    """Node ids of the tests whose name contains the text."""
    args = [sys.executable, "-m", "pytest", "--collect-only", "-q", "--no-header", "tb"]
    if "::" in test or test.endswith(".py"):
        args[-1] = test
    done = subprocess.run(
        args, cwd=ROOT, env=tool_env(), capture_output=True, text=True, check=False
    )
    nodes = [line for line in done.stdout.splitlines() if "::" in line and not line[0].isspace()]
    nodes = [n for n in nodes if n.startswith("tb/") and not n.startswith("tb/formal/")]
    if "::" in test or test.endswith(".py"):
        return nodes
    exact = [n for n in nodes if n.split("::")[-1] == test]
    return exact or [n for n in nodes if test.lower() in n.lower()]


def _similar(test: str) -> str:
    """Names that the user may have meant."""
    names = {re.split(r"::|\[", node)[1] for node in collect("test_")}
    near = difflib.get_close_matches(test, names, 3, 0.5)
    return " Perhaps: " + ", ".join(near) if near else " `pytest --collect-only -q` lists them."


def record(test: str) -> tuple[Path, dict[str, Any]]:
    """Run one test with waves; returns the wave file and the run's recipe."""
    os.environ.setdefault("SIM", "")
    if not os.environ["SIM"]:
        os.environ["SIM"] = "verilator" if "verilator" in test else "icarus"
    nodes = collect(test)
    if not nodes:
        raise WavesError(f"No simulation test is called '{test}'.{_similar(test)}")
    if len(nodes) > 1:
        print(f"{len(nodes)} tests match '{test}'; taking {nodes[0]}. The others:")
        print("\n".join(f"  {node}" for node in nodes[1:11]))
    if "CRL_RECORDING" in os.environ:
        raise WavesError("A recording can't start another one.")
    started = time.time()
    env = tool_env({"WAVES": "1", "CRL_RECORDING": "1"})
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", nodes[0]],
        cwd=ROOT,
        env=env,
        check=False,
    )
    runs = []
    for recipe in (BUILD / "runs").glob("*/*/run.json"):
        if recipe.stat().st_mtime >= started - 1:
            facts = json.loads(recipe.read_text())
            waves = recipe.parent / (facts["waves"] or "-")
            if waves.exists():
                runs.append((recipe.stat().st_mtime, waves, facts))
    if not runs:
        raise WavesError(
            f"{nodes[0]} ran no simulation (status {done.returncode}), "
            "so there are no waves to show."
        )
    runs.sort(key=lambda run: run[0])
    if len(runs) > 1:
        print("The test ran several simulations; showing the last. All of them:")
        print("\n".join(f"  {os.path.relpath(run[1], ROOT)}" for run in runs))
    return runs[-1][1], runs[-1][2]


def locate(what: str) -> tuple[Path, dict[str, Any]]:
    """The waves that the argument means, recorded now if need be."""
    if not what:
        if not list((BUILD / "demo" / "waves").glob("demo.*")):
            raise WavesError(
                "Which test? Say for example: make waves TEST=test_fifo. After `make demo`, "
                "`make waves` shows the demo."
            )
        what = "demo"
    path = Path(what) if Path(what).is_absolute() else ROOT / what
    if what in DEMOS:
        found = [p for s in WAVE_SUFFIXES for p in (BUILD / "demo" / DEMOS[what]).glob(f"*{s}")]
        if not found:
            raise WavesError("The demo has written no waves yet; run `make demo` first.")
        path = max(found, key=lambda p: p.stat().st_mtime)
    elif (BUILD / "formal" / what / "work").is_dir():
        traces = sorted((BUILD / "formal" / what / "work").glob("engine_*/trace*.vcd"))
        if not traces:
            raise WavesError(f"The proof {what} left no trace: it holds, or did not run.")
        path = traces[0]
    elif path.suffix not in WAVE_SUFFIXES:
        return record(what)
    elif not path.exists():
        raise WavesError(f"{what} does not exist.")
    recipe = path.parent / "run.json"
    return path.resolve(), json.loads(recipe.read_text()) if recipe.exists() else {}


def sources_of(facts: Mapping[str, Any]) -> list[Path]:
    """Sources of the build that made the waves, else all of the RTL."""
    listed = ROOT / str(facts.get("build_dir", "-")) / "sources.txt"
    if listed.exists():
        return [ROOT / line for line in listed.read_text().splitlines() if (ROOT / line).exists()]
    return list(rtl_sources())


def show(waves: Path, save: Path, may_open: bool) -> None:
    """Open GTKWave, or say how to."""
    folder = os.path.relpath(save.parent, ROOT)
    command = f"cd {folder} && gtkwave {waves.name} {save.name}"
    print(f"waves: {os.path.relpath(waves, ROOT)}")
    print(f"view:  {command}")
    if not may_open:
        return
    if shutil.which("gtkwave") is None:
        print(
            "GTKWave is not installed (sudo apt-get install -y gtkwave); "
            "other viewers open the file too."
        )
    elif sys.platform != "darwin" and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        print("There is no display here; copy the folder to a machine that has one.")
    else:
        subprocess.Popen(
            ["gtkwave", waves.name, save.name],
            cwd=save.parent,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.waves")
    parser.add_argument("test", nargs="?", default="", help="test, 'demo', or a wave file")
    parser.add_argument("--no-open", action="store_true", help="write the files only")
    args = parser.parse_args(argv)
    try:
        waves, facts = locate(args.test.strip())
        save = write_gtkw(waves, facts.get("toplevel"), sources_of(facts))
    except WavesError as exc:
        print(exc, file=sys.stderr)
        return 2
    show(waves, save, not args.no_open)
    return 0


if __name__ == "__main__":
    sys.exit(main())
