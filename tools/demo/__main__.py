# SPDX-License-Identifier: Apache-2.0
"""`make demo`: move a real file from controller A's memory to controller B's, then share a namespace; and check it.

    python -m tools.demo [--file PATH] [--seed N] [--no-waves]

Exit status 0 when every check holds, 1 when one fails, 2 for input that can't be used.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import os
import shlex
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from tools.demo.inputs import MIB, InputError, checked_file, checked_seed
from tools.paths import ROOT

WAVE_BYTES = 24 * 1024  # of the file, in the short run that records waves
QUEUE_WAVE_BYTES = 8 * 1024  # the same, of the second act


class _Parser(argparse.ArgumentParser):
    def error(self, message: str):
        print(f"{message}; say: python -m tools.demo --file PATH --seed NUMBER", file=sys.stderr)
        raise SystemExit(2)


def main(argv: list[str] | None = None) -> int:
    parser = _Parser(prog="python -m tools.demo", description="Move a file between two controllers.")
    parser.add_argument("--file", default=os.environ.get("FILE", ""), help="file to move (default: $FILE, or a program)")
    parser.add_argument("--seed", default=os.environ.get("SEED", ""), help="number (default: $SEED, or 2024)")
    parser.add_argument("--no-waves", action="store_true", help="leave the short run with waves out")
    args = parser.parse_args(argv)
    console = Console(file=sys.__stdout__, soft_wrap=False, width=None if sys.__stdout__.isatty() else 158)
    try:
        file, seed = checked_file(args.file), checked_seed(args.seed)
    except InputError as exc:
        print(exc, file=sys.stderr)
        return 2
    from tb.lib.sim import SimulationError

    with contextlib.redirect_stdout(io.StringIO()):
        try:
            return show(file, seed, not args.no_waves, console)
        except SimulationError as exc:
            console.print("[bold red]The demonstration failed.")
            console.print(str(exc), markup=False, highlight=False)
            return 1


def show(file: Path, seed: int, waves: bool, console: Console) -> int:
    """The whole demonstration."""
    from tools.demo import report
    from tools.demo.plan import CHANNELS, PARAMETERS, window_bytes
    from tools.demo.queues import plan, run
    from tools.demo.queues import report as queues
    from tools.demo.run import OUT, build, demonstrate

    started = time.monotonic()
    size = file.stat().st_size
    paths: list[Path] = []
    window = window_bytes(PARAMETERS["STORE_W"])
    console.print(
        f"[bold]Carillon[/]: {file} ({size:,} bytes, {size / MIB:.1f} MiB) from controller A's memory to "
        f"controller B's,\nby remote WRITE over {len(CHANNELS) - 1} channels, with management messages both ways; "
        f"seed {seed}", highlight=False,
    )
    if size > window:
        console.print(
            f"The memories hold {window / MIB:.1f} MiB of it at a time: it goes in {-(-size // window)} windows. "
            "Figures and the golden model cover the first; SHA-256 covers all of it."
        )
    with Progress(
        TextColumn("{task.description:32}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(), console=console,
    ) as bars:
        stage = _Stage(bars, console)
        stage.next("simulation model", None, "Verilator, kept for the next time")
        build(PARAMETERS, waves)
        with run.building(plan.PARAMETERS, waves) as built:
            stage.next("moving", size)
            outcome = demonstrate(
                file, seed, PARAMETERS, name="demo", waves=waves,
                progress=lambda p: stage.moved(p), checking=lambda n, of: stage.checked(n, of),
            )
            if waves:
                stage.next("waves of a short run", None)
                paths.append(record_waves(file, seed, OUT))
            stage.next("second act: simulation model", None, "built beside the first act")
            built()
        stage.next("two applications", 1)
        shared = run.share(file, seed, plan.PARAMETERS, name="demo-queues", waves=waves, progress=lambda p: stage.shared(p))
        if waves:
            stage.next("waves of a short run", None)
            paths.append(record_queue_waves(file, seed, OUT))
        stage.end()
    sent = hashlib.sha256(file.read_bytes()).hexdigest()
    checks = verdicts(outcome, sent, window < size)
    good = all(ok for ok, _ in checks) and shared.ok
    seconds = time.monotonic() - started
    shown = _relative(file)
    facts: dict[str, Any] = {
        "ok": good, "file": shown, "size": size, "seed": seed, "sha256": sent, "windows": outcome.result["windows"],
        "simulator": "Verilator", "seconds": round(seconds, 1),
        "command": f"make demo FILE={shlex.quote(shown)} SEED={seed}",
    }
    notes = ["Waves of a short run: make waves; of the second act: make waves TEST=demo-queues"] if paths else []
    path = report.write(outcome, OUT, facts, checks, notes, shared)
    report.terminal(outcome, console)
    _tell(console, checks, outcome.verdict.complaints)
    console.print()
    queues.terminal(shared, console)
    _tell(console, shared.checks(), shared.complaints)
    console.print(f"report: {_relative(path)}   picture: {_relative(OUT / 'throughput.svg')}   {seconds:.0f} s", highlight=False)
    for wave, command in zip(paths, ("make waves", "make waves TEST=demo-queues"), strict=False):
        console.print(f"waves:  {_relative(wave)}   open them with: {command}", highlight=False)
    console.print("[bold green]The file arrived, B got nothing that it has no right to; every check holds." if good
                  else "[bold red]A check failed.")
    return 0 if good else 1


def _tell(console: Console, checks: list[tuple[bool, str]], complaints: list[str]) -> None:
    for ok, text in checks:
        console.print(("[green]ok  [/] " if ok else "[bold red]FAIL[/] ") + text, highlight=False)
    for text in complaints[:10]:
        console.print(f"     {text}", markup=False, highlight=False)


def record_waves(file: Path, seed: int, out: Path) -> Path:
    """A short run of the same build, with every signal recorded; the view begins with the first doorbell."""
    from tools.demo.measure import measure, read_events
    from tools.demo.plan import PARAMETERS
    from tools.demo.run import simulate

    sim, result = simulate(file, seed, PARAMETERS, name="demo-waves", waves=True, record=True, cut=False,
                      limit=min(WAVE_BYTES, file.stat().st_size))
    beat = PARAMETERS["DATA_W"] // 8
    return keep_waves(sim, out / "waves", measure(read_events(sim.run_dir, result, beat), result, beat).t0)


def record_queue_waves(file: Path, seed: int, out: Path) -> Path:
    """The same of the second act: some of B's attempts; the view begins when A does."""
    from tools.demo.queues import plan, run

    shared = run.share(file, seed, plan.PARAMETERS, name="demo-queues-waves", waves=True, record=True, short=True, limit=QUEUE_WAVE_BYTES)
    return keep_waves(shared.sim, out / "waves-queues", shared.result["phases"]["WRITE"][0])


def keep_waves(sim: Any, folder: Path, start: int) -> Path:
    """A folder that has all that GTKWave needs."""
    import json

    from tools import waves

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    target = folder / f"demo{sim.waves.suffix}"
    shutil.move(sim.waves, target)
    recipe = json.loads((sim.run_dir / "run.json").read_text())
    recipe["start"] = start
    (folder / "run.json").write_text(json.dumps(recipe, indent=1) + "\n")
    listed = [ROOT / line for line in (sim.build_dir / "sources.txt").read_text().splitlines()]
    waves.write_gtkw(target, sim.toplevel, listed)
    return target


def verdicts(o: Any, sent: str, windows: bool) -> list[tuple[bool, str]]:
    """What was checked, in words."""
    r, v = o.result, o.verdict
    part = " of the first window" if windows else ""
    link = sum(n for n in o.figures.replays.values())
    peers, repeated = r["peers"], sum(r["repeated"].values())
    crc, nak = (sum(peers[n][k] for n in "AB") for k in ("CRC_ERR", "NAK"))
    return [
        (r["sha256_at_b"] == sent, f"SHA-256 in B's memory {r['sha256_at_b']}"),
        (r["same"], "byte for byte the same, and the bytes around it untouched"),
        (v.ok, f"golden model: {v.report.completions:,} completions, {v.report.reads + v.report.writes + v.report.fetches:,} "
               f"bursts, {v.report.frames:,} frames{part}, both memories; {v.report.mismatches} mismatches"),
        (crc > 0 and link > 0 and (repeated > 0 or not r["faults"]["cuts"]),
         f"a bad link: {r['faults']['bits']} wrong bits, {crc} CRC errors, {nak} NAKs, {link:,} frames replayed; "
         f"cut {'once' if r['faults']['cuts'] else 'never'}: {repeated} operations ended by it and repeated"),
        (sum(r["messages"]) > 0, f"{r['messages'][0]} messages to B and {r['messages'][1]} to A, each as it was sent"),
    ]


class _Stage:
    """One bar at a time; a plain line for each where there is no terminal."""

    def __init__(self, bars: Progress, console: Console) -> None:
        self.bars, self.console = bars, console
        self.task: Any = None
        self.model = False

    def next(self, text: str, total: float | None, note: str = "") -> None:
        self.end()
        if not self.console.is_terminal:
            self.console.print(f"… {text}", highlight=False)
        self.task = self.bars.add_task(text, total=total, note=note)

    def end(self) -> None:
        if self.task is not None:
            total = self.bars.tasks[self.task].total or 1
            self.bars.update(self.task, total=total, completed=total)
            self.bars.stop_task(self.task)

    def moved(self, p: dict) -> None:
        self.bars.update(self.task, completed=p["sent"],
                         note=f"{p['us']:.0f} µs simulated, {sum(p['messages'])} messages")

    def shared(self, p: dict) -> None:
        self.bars.update(self.task, completed=p["part"], note=f"{p['us']:.0f} µs simulated, {p['attempts']} attempts")

    def checked(self, n: int, of: int) -> None:
        if not self.model:
            self.model = True
            self.next("golden model", of, f"{of:,} events")
        self.bars.update(self.task, completed=n)


def _relative(path: Path) -> str:
    return os.path.relpath(path, ROOT) if path.is_relative_to(ROOT) else str(path)


if __name__ == "__main__":
    sys.exit(main())
