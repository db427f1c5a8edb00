# SPDX-License-Identifier: Apache-2.0
"""Area and speed on ECP5: Yosys `synth_ecp5`, nextpnr out of context, median of the seeds.

    python -m syn.run                                   all configurations of syn/configs.yaml
    python -m syn.run --config node-64-8ch              those whose name contains the text
    python -m syn.run --top crl_fifo --param DEPTH=64   any module, without a configuration
    python -m syn.run --area-only …                     no place and route, but what of it is known already

Area = LUT4 + 2·CCU2C + 6·DPR16X4, block RAM beside it. Writes `build/synth/results.json`; a
configuration whose sources, parameters and tools have not changed is taken from the cache.

Out of context means: no IO buffers and no global clock promotion, ports are left open. So the
frequency is that of the paths from register to register, as it was measured for the rivals.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from tb.lib.sim import SimulationError, reachable
from tools.paths import BUILD, ROOT, content_hash, rtl_sources, tool_env

HERE = Path(__file__).resolve().parent
OUT = BUILD / "synth"
FLOW_VERSION = 2


class SynthesisError(Exception):
    """A step that failed, or a configuration that can't be used; the text says why."""


@dataclass
class Config:
    """One top level with its parameters."""

    name: str
    top: str
    device: str
    nextpnr: list[str]
    freq: float
    seeds: list[int]
    parameters: dict[str, Any] = field(default_factory=dict)
    parts: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    main: bool = False

    @property
    def folder(self) -> Path:
        return OUT / self.name


def load(path: Path = HERE / "configs.yaml") -> list[Config]:
    text = yaml.safe_load(path.read_text())
    device = text["device"]
    configs = []
    for name, spec in text["configs"].items():
        odd = set(spec) - {"top", "parameters", "parts", "main", "sources", "seeds"}
        if odd:
            raise SynthesisError(f"{path.name}: {name} has unknown keys {', '.join(sorted(odd))}.")
        configs.append(
            Config(
                name=name,
                top=spec["top"],
                device=device["name"],
                nextpnr=list(device["nextpnr"]),
                freq=float(device["freq"]),
                seeds=list(spec.get("seeds", text["seeds"])),
                parameters=dict(spec.get("parameters", {})),
                parts=list(spec.get("parts", [])),
                sources=list(spec.get("sources", [])),
                main=bool(spec.get("main")),
            )
        )
    return configs


@lru_cache(maxsize=1)
def tools() -> dict[str, str]:
    """Versions, for the results and for the cache."""
    env = tool_env()
    found = {}
    for name in ("yosys", "nextpnr-ecp5"):
        done = subprocess.run(
            [name, "--version"], env=env, capture_output=True, text=True, check=False
        )
        line = (done.stdout + done.stderr).strip().splitlines()[-1:]
        hit = re.search(r"(?:Yosys|Version) ([\w.+-]+)", line[0]) if line else None
        found[name] = hit.group(1) if hit else "unknown"
    return found


def call(cmd: Sequence[str], log: Path, timeout: float = 7200) -> str:
    """Run a tool from the project's root; returns what it printed, raises with the tail."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as out:
        done = subprocess.run(
            cmd,
            cwd=ROOT,
            env=tool_env(),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            check=False,
        )
    text = log.read_text(errors="replace")
    if done.returncode:
        errors = [line for line in text.splitlines() if "ERROR" in line]
        tail = "\n".join(errors or text.splitlines()[-15:])
        raise SynthesisError(f"{cmd[0]} failed:\n{tail}\nlog: {os.path.relpath(log, ROOT)}")
    return text


def rel(path: Path) -> str:
    return os.path.relpath(path, ROOT)


# ---------------------------------------------------------------------------------------------
# Yosys


def sources_of(config: Config) -> list[Path]:
    given = [ROOT / name for name in config.sources]
    return reachable(config.top, [*(p for p in rtl_sources() if p not in given), *given])


def read_script(config: Config, sources: Sequence[Path]) -> list[str]:
    script = [f"read_verilog -sv -noassert -Irtl {' '.join(rel(p) for p in sources)}"]
    if config.parameters:
        sets = " ".join(f"-set {k} {_value(v)}" for k, v in config.parameters.items())
        script.append(f"chparam {sets} {config.top}")
    return script


def _value(value: Any) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)


def synthesise(config: Config, sources: Sequence[Path]) -> dict[str, int]:
    """Map the flattened design; returns its cells by type and leaves `netlist.json`."""
    folder = config.folder
    folder.mkdir(parents=True, exist_ok=True)
    script = [
        *read_script(config, sources),
        f"synth_ecp5 -top {config.top} -json {rel(folder / 'netlist.json')}",
        f"tee -q -o {rel(folder / 'stat.json')} stat -json",
    ]
    (folder / "yosys.ys").write_text("\n".join(script) + "\n")
    call(["yosys", "-q", "-s", rel(folder / "yosys.ys")], folder / "yosys.log")
    stat = json.loads((folder / "stat.json").read_text())
    return dict(stat["design"]["num_cells_by_type"])


def synthesise_parts(config: Config, sources: Sequence[Path]) -> dict[str, dict[str, int]]:
    """Map once more with the parts' hierarchy kept; returns the cells of each part."""
    known = {m for p in sources for m in re.findall(r"^\s*module\s+(\w+)", p.read_text(), re.M)}
    parts = [p for p in config.parts if p in known]
    if not parts:
        return {}
    folder = config.folder
    folder.mkdir(parents=True, exist_ok=True)
    script = [
        *read_script(config, sources),
        f"hierarchy -check -top {config.top}",
        *(
            f"setattr -mod -set keep_hierarchy 1 {pattern}"
            for part in parts
            for pattern in _module_patterns(part)
        ),
        f"synth_ecp5 -top {config.top}",
        f"rename -top {config.top}",
        f"tee -q -o {rel(folder / 'parts.json')} stat -json",
    ]
    (folder / "parts.ys").write_text("\n".join(script) + "\n")
    call(["yosys", "-q", "-s", rel(folder / "parts.ys")], folder / "parts.log")
    stat = json.loads((folder / "parts.json").read_text())
    return {part: _part_cells(stat["modules"], config.top, part) for part in parts}


def _module_patterns(part: str) -> list[str]:
    """Names that Yosys gives to a module and its parametrised copies."""
    return [part, rf"$paramod\{part}\*", rf"$paramod$*\{part}"]


def _part_cells(modules: Mapping[str, Any], top: str, part: str) -> dict[str, int]:
    """Cells of all instances of a part below `top`; parts inside it count for it as well."""
    by_plain = {name.lstrip("\\"): name for name in modules}

    def walk(name: str, times: int, inside: bool) -> None:
        inside = inside or _base_name(name) == part
        for kind, count in modules[name]["num_cells_by_type"].items():
            inner = by_plain.get(kind.lstrip("\\"))
            if inner is not None:
                walk(inner, times * count, inside)
            elif inside:
                total[kind] = total.get(kind, 0) + count * times

    total: dict[str, int] = {}
    walk(by_plain[top], 1, False)
    return total


def _base_name(name: str) -> str:
    """Module name without what Yosys adds for parameters."""
    plain = name.lstrip("\\")
    if plain.startswith("$paramod$"):
        return plain.rsplit("\\", 1)[-1]
    return plain.split("\\")[1] if plain.startswith("$paramod\\") else plain


def counts(cells: Mapping[str, int]) -> dict[str, int]:
    """The columns of the results, from cells by type."""
    row = {
        "lut4": cells.get("LUT4", 0),
        "ccu2c": cells.get("CCU2C", 0),
        "dpr16x4": cells.get("TRELLIS_DPR16X4", 0),
        "ff": cells.get("TRELLIS_FF", 0),
        "bram": cells.get("DP16KD", 0),
    }
    row["area"] = area(row)
    return row


def area(row: Mapping[str, int]) -> int:
    """LUT4 + 2·CCU2C + 6·DPR16X4: what the cells take in four-input tables."""
    return row["lut4"] + 2 * row["ccu2c"] + 6 * row["dpr16x4"]


# ---------------------------------------------------------------------------------------------
# nextpnr


def place_and_route(config: Config, seed: int, force: bool = False) -> dict[str, float]:
    """Frequency of each clock in MHz for one seed. What the netlist gave before is taken from the cache."""
    folder = config.folder
    report = folder / f"report-{seed}.json"
    options = [
        *config.nextpnr,
        "--out-of-context",
        "--timing-allow-fail",
        "--freq",
        f"{config.freq:g}",
        "--seed",
        str(seed),
    ]
    known = (
        OUT
        / "cache"
        / f"report-{netlist_hash(folder / 'netlist.json', options, tools()['nextpnr-ecp5'])}.json"
    )
    report.unlink(missing_ok=True)
    if known.exists() and not force:
        shutil.copyfile(known, report)
    else:
        files = ["--json", rel(folder / "netlist.json"), "--report", rel(report)]
        call(["nextpnr-ecp5", *options, *files, "--quiet"], folder / f"nextpnr-{seed}.log")
        known.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(report, known)
    fmax = json.loads(report.read_text()).get("fmax", {})
    return {_clock_name(k): round(v["achieved"], 1) for k, v in fmax.items()}


def netlist_hash(netlist: Path, *extra: object) -> str:
    """Of cells, nets and their names, but not of the lines that they come from: comments and assertions change those."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: plain(v) for k, v in value.items() if not k.endswith("src")}
        return [plain(v) for v in value] if isinstance(value, list) else value

    text = json.dumps([plain(json.loads(netlist.read_text())), *map(repr, extra)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _clock_name(net: str) -> str:
    return re.sub(r"^\$glbnet\$|\$TRELLIS_IO.*$", "", net)


def node_clock(clocks: Mapping[str, float]) -> str | None:
    """The clock that counts: `clk`; link clocks are listed beside it."""
    if "clk" in clocks:
        return "clk"
    plain = [name for name in clocks if "link" not in name]
    return min(plain or clocks, key=clocks.get, default=None)


def median_fmax(runs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    names = sorted({name for run in runs for name in run})
    return {n: round(statistics.median([run[n] for run in runs if n in run]), 1) for n in names}


def critical_path(config: Config, clock: str | None) -> list[str]:
    """Source and sink of the worst path, so that a reader knows where to look."""
    path = config.folder / f"report-{config.seeds[0]}.json"
    if clock is None or not path.exists():
        return []
    for entry in json.loads(path.read_text()).get("critical_paths", []):
        if entry["path"] and all(entry[end].split()[-1] == clock for end in ("from", "to")):
            first, last = entry["path"][0], entry["path"][-1]
            return [first["from"]["cell"], last["to"]["cell"]]
    return []


# ---------------------------------------------------------------------------------------------


def run_config(config: Config, pool: ThreadPoolExecutor, pnr: bool, force: bool) -> dict[str, Any]:
    """One row of the results."""
    try:
        sources = sources_of(config)
    except SimulationError as exc:
        raise SynthesisError(f"{config.name}: {exc}") from None

    def place(pnr: bool) -> Path:
        return (
            OUT
            / "cache"
            / f"{content_hash(sources, config.__dict__, tools(), pnr, FLOW_VERSION)}.json"
        )

    cached = place(pnr)
    # Who asks for areas only takes a frequency too where it is known already.
    for known in (place(True), cached):
        if known.exists() and not force:
            return json.loads(known.read_text())
    started = time.monotonic()
    whole = pool.submit(synthesise, config, sources)
    parts = pool.submit(synthesise_parts, config, sources)
    row: dict[str, Any] = {"config": config.name, "device": config.device}
    try:
        row.update(counts(whole.result()))
    except SynthesisError:
        parts.cancel()
        raise
    row["fmax_mhz"] = None
    if pnr:
        runs = list(pool.map(lambda seed: place_and_route(config, seed, force), config.seeds))
        clocks = median_fmax(runs)
        clock = node_clock(clocks)
        row["fmax_mhz"] = clocks.get(clock) if clock else None
        row["clocks"] = clocks
        row["fmax_seeds"] = [run.get(clock) for run in runs]
        row["critical_path"] = critical_path(config, clock)
    row["parts"] = {name: counts(cells) for name, cells in parts.result().items()}
    row["parameters"] = config.parameters
    row["top"] = config.top
    row["tools"] = tools()
    row["seconds"] = round(time.monotonic() - started, 1)
    cached.parent.mkdir(parents=True, exist_ok=True)
    cached.write_text(json.dumps(row))
    return row


def print_table(rows: Sequence[Mapping[str, Any]], rivals: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="ECP5, speed grade 8, out of context; area = LUT4 + 2·CCU2C + 6·DPR16X4")
    for name in ("", "area", "LUT4", "CCU2C", "DPR16X4", "FF", "BRAM", "MHz"):
        table.add_column(name, justify="right" if name else "left")

    def add(name: str, row: Mapping[str, Any], style: str | None = None) -> None:
        fmax = row.get("fmax_mhz")
        table.add_row(
            name,
            *(str(row[k]) for k in ("area", "lut4", "ccu2c", "dpr16x4", "ff", "bram")),
            "" if fmax is None else f"{fmax:.0f}",
            style=style,
        )

    for row in rows:
        add(row["config"], row, "bold")
        for name, part in row["parts"].items():
            add(f"  of which {name}", part)
    if rivals:
        table.add_section()
        for row in yaml.safe_load((HERE / "rivals.yaml").read_text())["rivals"]:
            add(row["name"], {**row, "area": area(row)}, "dim")
    Console(width=None if sys.stdout.isatty() else 120).print(table)


def _parameter(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"'{text}' should look like NAME=VALUE")
    return name, int(value, 0) if re.fullmatch(r"(0x[0-9a-fA-F]+|\d+)", value) else value


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m syn.run")
    parser.add_argument("--config", default="", metavar="TEXT", help="names that contain TEXT, or one of several with commas between")
    parser.add_argument("--top", help="a module instead of the configurations")
    parser.add_argument("--param", action="append", default=[], type=_parameter, metavar="N=V")
    parser.add_argument("--part", action="append", default=[], metavar="MODULE")
    parser.add_argument("--seeds", type=int, help="number of place-and-route seeds")
    parser.add_argument("--area-only", action="store_true", help="no place and route")
    parser.add_argument("--force", action="store_true", help="don't use cached results")
    parser.add_argument("-j", type=int, default=min(2, os.cpu_count() or 1), help="in parallel")
    args = parser.parse_args(argv)
    try:
        configs = load()
        if args.top:
            like = configs[0]
            name = "-".join([args.top, *(f"{k}{v}" for k, v in args.param)])
            configs = [
                Config(
                    name,
                    args.top,
                    like.device,
                    like.nextpnr,
                    like.freq,
                    like.seeds,
                    dict(args.param),
                    args.part,
                )
            ]
        else:
            configs = [c for c in configs if any(text in c.name for text in args.config.split(','))]
        if not configs:
            names = ", ".join(c.name for c in load())
            raise SynthesisError(f"No configuration matches '{args.config}'. There are: {names}.")
        rows = []
        with ThreadPoolExecutor(args.j) as pool:
            for config in configs:
                if args.seeds:
                    config.seeds = list(range(1, args.seeds + 1))
                print(f"{config.name}: {config.top} {config.parameters}", flush=True)
                rows.append(run_config(config, pool, not args.area_only, args.force))
    except SynthesisError as exc:
        print(exc, file=sys.stderr)
        return 1
    print_table(rows, rivals=not args.top)
    for row in rows:
        if row.get("critical_path"):
            print(
                f"{row['config']}: slowest from {row['critical_path'][0]}"
                f" to {row['critical_path'][-1]}; seeds {row['fmax_seeds']} MHz"
            )
    if not args.top:
        OUT.mkdir(parents=True, exist_ok=True)
        path = OUT / "results.json"
        path.write_text(json.dumps(rows, indent=1) + "\n")
        print(rel(path))
    return 0


if __name__ == "__main__":
    sys.exit(main())
