# SPDX-License-Identifier: Apache-2.0
"""`make regress`: every scenario on every build, with many seeds, in parallel, resumable.

    python -m tb.regress                     everything, 3 seeds
    python -m tb.regress --seeds 20          more seeds
    python -m tb.regress --only random       scenarios whose name contains a word
    python -m tb.regress --only faults --faults 2000   the fault campaign, so many of its scenarios
    python -m tb.regress --only security --hostile 20000   the security campaign, so many hostile commands
    python -m tb.regress --only '[unit]'     the tests of modules, with the sets of parameters that make test leaves out
    python -m tb.regress --coverage          collect code coverage too (slower builds)
    python -m tb.regress --fresh             forget what earlier runs have done

A scenario is (module, cocotb test, build, seed). What has passed with the same sources is not run again,
so an interrupted regression goes on where it stopped. Results: build/regress/results.json; coverage over
all runs: build/coverage/results.json. `SEED=n make test K=...` replays one. The fault campaign runs CHUNK scenarios
in one simulation; a failed one is printed with the command that replays it alone. The security campaign runs ATTACKS hostile commands
in one simulation, each with a seed of its own.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tb.lib import depends
from tb.lib.sim import SimulationError, build_sim, run_sim
from tb.lib.testbed import SYSTEM_SOURCES as SOURCES
from tb.lib.testbed import TRIO_SOURCES
from tb.system import mutants
from tb.system.builds import BUILDS, FAULT_BUILDS, SLICE, TRIO_BUILDS, has_mirror, has_send
from tb.system.nvme import builds as nvme
from tb.system.nvme import mutants as holes
from tb.system.nvme.rig import SOURCES as NVME_SOURCES
from tools.paths import BUILD, ROOT, tool_env

OUT = BUILD / "regress"
STATE = OUT / "passed.json"  # what need not run again
COVERAGE = BUILD / "coverage"
TRAFFIC, ERRORS, LIFE = "tb.system.test_traffic", "tb.system.test_errors", "tb.system.test_life"
FAULTS, TRIO = "tb.system.test_faults", "tb.system.test_trio"
CHUNK = 100  # fault scenarios a simulation
ATTACKS = 2000  # hostile commands a simulation
UNIT = "unit"  # stands for the build of a module's test, which has parameters of its own
SEEDED = (
    (TRAFFIC, "random_traffic"), (TRAFFIC, "long_transfers"), (TRAFFIC, "small_rings"),
    (LIFE, "commands_at_random_moments"), (LIFE, "node_reset_in_flight"),
    (LIFE, "link_lost_in_flight"), (LIFE, "link_awaited"), (LIFE, "paused_across_epochs"),
    ("tb.system.test_revoke", "revoked_under_traffic"),
)
ATOMIC = tuple(("tb.system.test_atomic", test) for test in ("sums", "against_writes", "link_lost", "revoked"))
IMM = tuple(("tb.system.test_imm", test) for test in
            ("lengths", "receiver_late", "receiver_never", "given_up", "receiver_disabled", "link_lost", "answers_lost"))
THREE = ("crossed", "link_cut", "node_reset")
RANDOM_SEND = tuple(("tb.system.test_receivers", test) for test in ("random_messages", "many_messages"))
SEND = tuple(("tb.system.test_receivers", test) for test in
             ("late_and_never", "wrong_buffers", "paused_and_drained", "bad_receive_rings", "sender_given_up", "behind_given_up",
              "receiver_disabled", "link_lost", "answers_lost", "buffers_revoked", "node_reset"))
RANDOM_MIRROR = tuple(("tb.system.test_mirrored", test) for test in ("random_mirrors", "many_mirrors"))
MIRROR = tuple(("tb.system.test_mirrored", test) for test in
               ("one_side_fails", "refused", "revoked", "given_up", "link_lost", "frames_lost", "node_reset", "time_out"))
ONCE = (
    (TRAFFIC, "smoke"), (LIFE, "abort_stops_a_long_one"),
)
NVME = "tb.system.nvme.test_"
SECURITY = f"{NVME}security"
NVME_SEEDED = tuple((f"{NVME}{file}", test) for file, tests in {
    "random": ("random_io",), "first": ("every_command", "many_at_once"), "clients": ("both_work", "hostile", "teardown"),
    "life": ("reset_in_io", "shutdown_in_io", "delete_in_io", "abort", "memory_errors", "full_queues"), "linux": ("from_registers_to_io",),
}.items() for test in tests)
ERROR_CASES = (
    "operation_errors", "address_wrap", "channel_errors", "bad_rings_and_commands", "foreign_access",
    "link_disturbed", "peer_not_there", "operation_timeout", "memory_timeout",
)


@dataclass(frozen=True)
class Scenario:
    module: str
    test: str
    build: str
    seed: int
    count: int = 1  # scenarios that it runs, with the seeds that follow; of the security campaign commands, with this seed
    mutant: str = ""  # on a broken design: has to fail

    @property
    def name(self) -> str:
        more = f"+{self.count}" if self.count > 1 else ""
        return f"{self.module.rsplit('.', 1)[-1]}.{self.test}[{self.build}]#{self.seed}{more}{self.mutant and ' mutant ' + self.mutant}"

    @property
    def parameters(self) -> dict[str, int]:
        if self.build == UNIT:
            return {}
        if self.module.startswith(NVME):
            return nvme.ALL[self.build]
        return {FAULTS: FAULT_BUILDS, TRIO: TRIO_BUILDS}.get(self.module, BUILDS)[self.build]

    @property
    def top(self) -> str:
        return "crl_tb_nvme" if self.module.startswith(NVME) else "crl_tb_trio" if self.module == TRIO else "crl_tb_pair"

    @property
    def sources(self) -> tuple[str, ...]:
        return NVME_SOURCES if self.module.startswith(NVME) else TRIO_SOURCES if self.module == TRIO else SOURCES


def scenarios(seeds: int, faults: int, hostile: int) -> Iterator[Scenario]:
    for name, m in mutants.MUTANTS.items():
        yield Scenario(m.module, m.test, "64b-8ch", m.seed, 12 if m.test == "campaign" else 1, name)
    for name, hole in holes.HOLES.items():
        yield Scenario(SECURITY, "attacks", "64b", hole.seed, holes.HOSTILE, name)
    for build in BUILDS:
        for module, test in ONCE:
            yield Scenario(module, test, build, 1)
        for module, test in SEEDED:
            for seed in range(1, seeds + 1):
                yield Scenario(module, test, build, seed)
    for module, test in ATOMIC:
        for build, parameters in BUILDS.items():
            if parameters.get("ATOMIC_EN", parameters.get("READ_EN", 1)):
                for seed in range(1, seeds + 1):
                    yield Scenario(module, test, build, seed)
    for build in SLICE:
        for module, test in IMM:
            for seed in range(1, seeds + 1):
                yield Scenario(module, test, build, seed)
    for build in TRIO_BUILDS:
        for test in THREE:
            for seed in range(1, seeds + 1):
                yield Scenario(TRIO, test, build, seed)
    for there, anywhere, slices in ((has_send, RANDOM_SEND, SEND), (has_mirror, RANDOM_MIRROR, MIRROR)):
        for build, parameters in BUILDS.items():
            for module, test in (*anywhere, *(slices if build in SLICE else ())) if there(parameters) else ():
                for seed in range(1, seeds + 1):
                    yield Scenario(module, test, build, seed)
    for build in nvme.ALL:
        for module, test in NVME_SEEDED:
            for seed in range(1, seeds + 1):
                yield Scenario(module, test, build, seed)
    for build in ("64b-8ch", "512b-8ch", "128b-link64"):
        for test in ERROR_CASES:
            yield Scenario(ERRORS, test, build, 1)
    yield Scenario(LIFE, "scoreboard_fails", "64b-8ch", 1)
    for count, *arguments in ((seeds, "tb/unit"), (seeds, "-m", "sweep and not own_seed", "tb/system"),
                              (1, "-m", "sweep and own_seed", "tb/system"), (1, "-m", "sweep", "syn")):
        for name in pytest_names(*arguments):
            module, test = name.split("::", 1)
            yield Scenario(module.removesuffix(".py").replace("/", "."), test, UNIT, 1, count)
    for first in range(1, faults + 1, CHUNK):
        build = list(FAULT_BUILDS)[first // CHUNK % len(FAULT_BUILDS)]
        yield Scenario(FAULTS, "campaign", build, first, min(CHUNK, faults + 1 - first))
    for seed, first in enumerate(range(0, hostile, ATTACKS), 1):
        yield Scenario(SECURITY, "attacks", list(nvme.BUILDS)[seed % len(nvme.BUILDS)], seed, min(ATTACKS, hostile - first))


def pytest_names(*arguments: str) -> list[str]:
    """The tests as pytest names them: of modules with all sets of parameters, of systems and netlists what make test leaves out."""
    done = pytest("--collect-only", *arguments)
    names = [line for line in done.stdout.splitlines() if "::" in line]
    if done.returncode or not names:
        raise SystemExit(f"pytest finds no tests in {' '.join(arguments)}:\n{done.stdout[-2000:]}")
    return names


def pytest(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "0", *arguments], cwd=ROOT, env={**tool_env(), **variables},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )


def key_of(s: Scenario, coverage: bool) -> str:
    """Changes when anything that the result depends on changes, and with nothing else."""
    broken = repr({**mutants.MUTANTS, **holes.HOLES}[s.mutant]) if s.mutant else ""
    if s.build == UNIT:
        return depends.key_of(s.module, "", (), coverage)
    return depends.key_of(s.module, s.top, tuple(s.sources), s.build, repr(s.parameters), broken, coverage)


def carry_out(s: Scenario, coverage: bool) -> dict:
    started = time.monotonic()
    name = re.sub(r"[^\w.=-]+", "_", f"regress-{s.name}").strip("_")
    row = {"scenario": s.name, "module": s.module, "test": s.test, "build": s.build, "seed": s.seed,
           "scenarios": s.count}
    if s.build == UNIT:
        for seed in range(s.seed, s.seed + s.count):
            done = pytest(f"{s.module.replace('.', '/')}.py::{s.test}", SEED=str(seed))
            if done.returncode:
                break
        row.update(test=s.test.split("[")[0], status="fail" if done.returncode else "pass",
                   text=done.stdout[-3000:] if done.returncode else "", run="")
        row["seconds"] = round(time.monotonic() - started, 1)
        return row
    broken = holes if s.module == SECURITY else mutants
    log = BUILD / "runs/verilator" / name / "sim.log"
    log.unlink(missing_ok=True)
    env = {FAULTS: {"CRL_FAULTS": s.count, "CRL_FAULT_BUILD": s.build},
           SECURITY: {"CRL_HOSTILE": s.count, "CRL_BUILD": s.build}}.get(s.module, {})
    try:
        run = run_sim(
            s.top, s.module, s.parameters,
            [*broken.sources_of(s.mutant), *s.sources] if s.mutant else s.sources, sim="verilator", testcase=s.test,
            seed=s.seed, extra_env=env, rtl=not s.mutant, public="top", name=name, timeout=3600, coverage=coverage,
        )
        row.update(status="fail" if s.mutant else "pass", text="the mutant was not found",
                   sim_ns=int(run.sim_time_ns), run=str(run.run_dir.relative_to(ROOT)))
    except SimulationError as exc:
        text = str(exc)
        good = bool(s.mutant) and log.exists() and broken.found(s.mutant, log.read_text(errors="replace"))
        row.update(status="pass" if good else "fail", text=text[-3000:], run=str(log.parent.relative_to(ROOT)))
    row["seconds"] = round(time.monotonic() - started, 1)
    return row


def code_coverage(files: list[Path]) -> list[dict]:
    """Lines of the RTL, from Verilator's coverage.dat files."""
    hits: dict[str, dict[int, int]] = {}
    entry = re.compile(r"^C '(.*)' (\d+)$")
    for path in files:
        for line in path.read_text(errors="replace").splitlines():
            m = entry.match(line)
            if not m:
                continue
            fields = dict(
                f.split("\x02", 1) for f in m.group(1).split("\x01") if "\x02" in f
            )
            if not fields.get("page", "").startswith(("v_line", "v_branch")):
                continue
            name = fields.get("f", "")
            if "rtl/" not in name:
                continue
            name = name[name.rindex("rtl/") :]
            at = hits.setdefault(name, {})
            number = int(fields.get("l", "0"))
            at[number] = at.get(number, 0) + int(m.group(2))
    return [
        {"file": f, "lines": len(x), "lines_hit": sum(1 for n in x.values() if n)}
        for f, x in sorted(hits.items())
    ]


def collect(rows: list[dict]) -> list[dict]:
    from tb.system.coverage import merge

    runs = [ROOT / r["run"] for r in rows if r.get("run")]
    functional = merge([p for r in runs if (p := r / "coverage.json").exists()])
    code = code_coverage([p for r in runs if (p := r / "coverage.dat").exists()])
    COVERAGE.mkdir(parents=True, exist_ok=True)
    (COVERAGE / "results.json").write_text(json.dumps(functional + code, indent=1) + "\n")
    return functional + code


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tb.regress", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--faults", type=int, default=10_000, help="scenarios of the fault campaign")
    parser.add_argument("--hostile", type=int, default=100_000, help="hostile commands of the security campaign")
    parser.add_argument("--only", action="append", default=[], help="part of a scenario's name")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--coverage", action="store_true", help="code coverage too")
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--list", action="store_true")
    args = parser.parse_args(argv)
    console = Console()
    todo = [s for s in scenarios(args.seeds, args.faults, args.hostile) if all(w in s.name for w in args.only)]
    if args.list:
        print("\n".join(s.name for s in todo))
        return 0
    if not todo:
        print(f"No scenario matches {args.only}; `--list` shows all of them.", file=sys.stderr)
        return 2
    OUT.mkdir(parents=True, exist_ok=True)
    keys = {s.name: key_of(s, args.coverage) for s in todo}
    done: dict[str, dict] = {}
    if STATE.exists() and not args.fresh:
        done = {f"{r['scenario']} {r['key']}": r for r in json.loads(STATE.read_text())}
    rows = {s.name: done[k] for s in todo if (k := f"{s.name} {keys[s.name]}") in done}
    rest = [s for s in todo if s.name not in rows]
    console.print(f"{len(todo)} runs of {sum(s.count for s in todo)} scenarios, {len(rows)} of them done before")
    for s in {s.top + str(s.parameters): s for s in rest if not s.mutant and s.build != UNIT}.values():
        console.print(f"building {s.top} {s.build}", markup=False)
        try:
            build_sim(s.top, parameters=s.parameters, sources=s.sources, sim="verilator",
                      public="top", coverage=args.coverage)
        except SimulationError as exc:
            console.print(f"[red]{s.build} does not build[/]\n{exc}", markup=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar, ThreadPoolExecutor(args.jobs) as pool:
        task = bar.add_task("scenarios", total=len(rest))
        running = [pool.submit(carry_out, s, args.coverage) for s in rest]
        for future in as_completed(running):
            row = future.result()
            rows[row["scenario"]] = row
            row["key"] = keys[row["scenario"]]
            if row["status"] == "pass":
                done[f"{row['scenario']} {row['key']}"] = row
                STATE.write_text(json.dumps(list(done.values())) + "\n")
            bar.advance(task)
            if row["status"] != "pass":
                bar.console.print(f"[red]fail[/] {row['scenario']}")
    ordered = [rows[s.name] for s in todo]
    (OUT / "results.json").write_text(json.dumps(ordered, indent=1) + "\n")
    coverage = collect(ordered)
    show(ordered, coverage, console)
    return 1 if any(r["status"] != "pass" for r in ordered) else 0


def show(rows: list[dict], coverage: list[dict], console: Console) -> None:
    table = Table(title="regression", title_justify="left")
    builds = list(dict.fromkeys(r["build"] for r in rows))
    table.add_column("test")
    for build in builds:
        table.add_column(build, justify="right")
    for test in dict.fromkeys(r["test"] for r in rows):
        cells = []
        for build in builds:
            mine = [r for r in rows if r["test"] == test and r["build"] == build]
            good = sum(r["status"] == "pass" for r in mine)
            cells.append(f"[{'green' if good == len(mine) else 'red'}]{good}/{len(mine)}" if mine else "")
        table.add_row(test, *cells)
    console.print(table)
    good = sum(r.get("scenarios", 1) for r in rows if r["status"] == "pass")
    console.print(f"{sum(r.get('scenarios', 1) for r in rows)} scenarios, {good} in runs that passed")
    points = Table(title="functional coverage", title_justify="left")
    for head in ("point", "hit", "bins", "missing"):
        points.add_column(head, justify="right" if head in ("hit", "bins") else "left", overflow="fold")
    for row in coverage:
        if "point" in row:
            points.add_row(row["point"], str(row["hit"]), str(row["bins"]), ", ".join(row["missing"][:8]))
    console.print(points)
    lines = [r for r in coverage if "file" in r]
    if lines:
        total, hit = sum(r["lines"] for r in lines), sum(r["lines_hit"] for r in lines)
        console.print(f"code coverage: {hit} of {total} lines ({100 * hit / max(total, 1):.1f}%)")
    for row in rows:
        if row["status"] != "pass":
            first = next((x for x in row["text"].splitlines() if "FAILED" in x), row["text"][:200])
            console.print(f"[red]{row['scenario']}[/] {first}", markup=True)
    console.print("results: build/regress/results.json, build/coverage/results.json")


if __name__ == "__main__":
    sys.exit(main())
