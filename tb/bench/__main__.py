# SPDX-License-Identifier: Apache-2.0
"""`make bench`: run the measurements, write build/bench/results.json, print them beside the rivals'.

    python -m tb.bench                      everything
    python -m tb.bench --quick              a few rows of each kind
    python -m tb.bench --only dma_copy      kinds or parts of row names (`s=64,latency=20`)
    python -m tb.bench --sim icarus         slower, same cycles

It is a benchmark, not a test: a missed limit is shown and does not change the exit status; a row that
does not finish, or whose data differs, does. `bound` is explained in tb/bench/rows.py (`--explain`).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tb.bench import hops, nvme_rows, plot
from tb.bench import rows as R
from tb.lib.sim import SimulationError, build_sim, run_sim
from tb.lib.testbed import TRIO_SOURCES as SOURCES
from tools.paths import BUILD

OUT = BUILD / "bench" / "results.json"


def select(only: Iterable[str], quick: bool) -> list[R.Row]:
    """Rows that match every word: the bench's name or `key=value` of its config."""
    chosen = [r for r in R.all_rows() if r.quick or not quick]
    words = [w for part in only for w in part.split(",") if w]
    kinds = [w for w in words if "=" not in w]
    pairs = [w.split("=", 1) for w in words if "=" in w]
    return [
        r for r in chosen
        if (not kinds or r.bench in kinds)
        and all(k in r.config and str(r.config[k]) == v for k, v in pairs)
    ]


def groups(rows: list[R.Row], sim: str) -> dict[tuple, list[R.Row]]:
    """Rows that share a build."""
    out: dict[tuple, list[R.Row]] = {}
    for row in rows:
        out.setdefault((row.top, tuple(sorted(row.parameters.items())), row.sim or sim), []).append(row)
    return out


def bench_of(top: str) -> tuple[str, tuple[str, ...]]:
    """Which module runs the rows of this top level, and its sources."""
    return (nvme_rows.MODULE, nvme_rows.SOURCES) if top == nvme_rows.TOP else ("tb.bench.run_rows", SOURCES)


def run_group(key: tuple, part: int, rows: list[R.Row], seed: int) -> list[dict]:
    top, parameters, sim = key
    text = "-".join(f"{k}={v}" for k, v in parameters)
    name = f"bench-{top}-{text}-{part}"
    folder = BUILD / "bench" / sim
    folder.mkdir(parents=True, exist_ok=True)
    plan = folder / f"{name}.json"
    plan.write_text(json.dumps([{"name": r.name, "bench": r.bench, "config": r.config} for r in rows]))
    module, sources = bench_of(top)
    run = run_sim(
        top, module, dict(parameters), sources=sources, sim=sim, name=name, seed=seed,
        extra_env={"CRL_BENCH_ROWS": plan}, public="top", timeout=7200, check=False,
    )
    path = run.run_dir / "rows.jsonl"
    got = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    for row in rows[len(got) :]:
        tail = run.log.read_text(errors="replace")[-600:] if run.log.exists() else "no log"
        got.append({"bench": row.bench, "config": row.config, "cycles": None, "bound": None,
                    "ratio": None, "extra": {"error": f"the simulation ended: {tail}"}})
    return got


def verdict(row: R.Row, result: dict) -> str:
    if result["ratio"] is None:
        return "[bold red]failed"
    if row.limit is None:
        return ""
    ok = result["ratio"] <= row.limit + 5e-5
    return f"[green]≤ {row.limit:.3g}" if ok else f"[red]> {row.limit:.3g}"


def show(rows: list[R.Row], results: list[dict], console: Console) -> None:
    by_kind: dict[str, list[tuple[R.Row, dict]]] = {}
    for row, result in zip(rows, results, strict=True):
        by_kind.setdefault(row.bench, []).append((row, result))
    for kind, entries in by_kind.items():
        keys = list(dict.fromkeys(k for row, _ in entries for k in row.config))
        table = Table(title=kind, title_justify="left")
        for key in keys:
            table.add_column(key, justify="right")
        for head in ("cycles", "bound", "ratio", "limit"):
            table.add_column(head, justify="right")
        rivals = {"dma_copy": R.RIVAL_UTILISATION, "dma_kick": R.RIVAL_KICK}.get(kind, {})
        if kind in ("dma_copy", "dma_remote", "link_ber"):
            table.add_column("payload %", justify="right", style="bold")
        for rival in rivals:
            table.add_column(rival, justify="right", style="dim")
        for row, result in entries:
            c = row.config
            cells = [str(c.get(k, "")) for k in keys]
            cells += [str(result["cycles"]), str(result["bound"]), str(result["ratio"]),
                      verdict(row, result)]
            if kind in ("dma_copy", "dma_remote", "link_ber"):
                cells.append(str(result["extra"].get("utilisation", "")))
            for figures in rivals.values():
                cells.append(_rival(kind, c, figures))
            table.add_row(*cells)
        console.print(table)
        for row, result in entries:
            if hop_cycles := result["extra"].get("hops"):
                console.print(hop_table(row, hop_cycles))
    missed = [r for r, x in zip(rows, results, strict=True)
              if x["ratio"] is not None and r.limit and x["ratio"] > r.limit + 5e-5]
    failed = [(r, x) for r, x in zip(rows, results, strict=True) if x["ratio"] is None]
    console.print(
        f"{len(rows)} rows: {len(rows) - len(missed) - len(failed)} within their limit or without one, "
        f"{len(missed)} above it, {len(failed)} failed. Payload % of rivals: the same memory model, "
        "64 bits, 1000 transfers."
    )
    for row, result in failed:
        console.print(f"[red]failed[/] {row.name}: {result['extra'].get('error', '')}", markup=True)


def hop_table(row: R.Row, cycles: list[int | None]) -> Table:
    table = Table(title=f"hops of {row.name}", title_justify="left")
    for head in ("hop", "cycle", "since", "part", "above"):
        table.add_column(head, justify="left" if head == "hop" else "right")
    for cells in hops.rows(row.config, cycles):
        table.add_row(*(str(c) if c or i in (0, 1) else "" for i, c in enumerate(cells)))
    return table


def _rival(kind: str, c: dict, figures: dict) -> str:
    if kind == "dma_kick":
        return str(figures.get(c["latency"], "")) if c["data_w"] == 64 else ""
    if c["data_w"] != 64 or c["n"] != 1000 or c["src_off"] or c["dst_off"] or c["channels"] != 1:
        return ""
    return str(figures.get(c["latency"], {}).get(c["s"], ""))


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tb.bench", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", default=[], help="bench names and key=value, comma separated")
    parser.add_argument("--quick", action="store_true", help="a few rows of each kind")
    parser.add_argument("--sim", default="verilator", choices=("verilator", "icarus"))
    parser.add_argument("--jobs", type=int, default=2, help="simulations at a time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--list", action="store_true", help="only list the rows")
    parser.add_argument("--explain", action="store_true", help="the formulas of the bounds")
    args = parser.parse_args(argv)
    console = Console(width=None if sys.stdout.isatty() else 160)
    if args.explain:
        print(R.__doc__, nvme_rows.__doc__, sep="\n")
        return 0
    rows = select(args.only, args.quick)
    if not rows:
        print(f"No row matches {args.only}; `--list` shows all of them.", file=sys.stderr)
        return 2
    if args.list:
        for row in rows:
            print(row.name)
        return 0
    results: dict[str, dict] = {}
    jobs = []
    for key, members in groups(rows, args.sim).items():
        parts = max(1, min(args.jobs, len(members) // 8))
        jobs += [(key, i, members[i::parts]) for i in range(parts)]
    try:
        for top, parameters, sim in groups(rows, args.sim):
            console.print(f"building {top} {dict(parameters)} for {sim}")
            build_sim(top, parameters=dict(parameters), sources=bench_of(top)[1], sim=sim, public="top")
    except SimulationError as exc:
        print(exc, file=sys.stderr)
        return 1
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar, ThreadPoolExecutor(args.jobs) as pool:
        task = bar.add_task("rows", total=len(rows))
        running = {pool.submit(run_group, k, i, m, args.seed): m for k, i, m in jobs}
        for done in as_completed(running):
            members = running[done]
            for row, result in zip(members, done.result(), strict=True):
                results[row.name] = result
            bar.advance(task, len(members))
    ordered = [results[r.name] for r in rows]
    for row, result in zip(rows, ordered, strict=True):
        result["extra"]["limit"] = row.limit
    save(OUT, ordered, whole=not args.only and not args.quick)
    show(rows, ordered, console)
    page = plot.write(json.loads(OUT.read_text()), OUT.with_name("report.html"))
    if page:
        console.print(f"plot: {page.relative_to(BUILD.parent)}")
    console.print(f"results: {OUT.relative_to(BUILD.parent)}")
    return 1 if any(r["ratio"] is None for r in ordered) else 0


def save(path: Path, fresh: list[dict], *, whole: bool) -> None:
    """Write the results; a partial run replaces its own rows and keeps the others."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kept: list[dict] = []
    if path.exists() and not whole:
        try:
            known = [(r["bench"], r["config"]) for r in fresh]
            kept = [r for r in json.loads(path.read_text()) if (r["bench"], r["config"]) not in known]
        except (ValueError, KeyError, TypeError):
            kept = []
    path.write_text(json.dumps(kept + fresh, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
