# SPDX-License-Identifier: Apache-2.0
"""Build, run and read one demonstration; the command line and the tests both use it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tb.lib.sim import SimResult, build_sim, run_sim
from tb.lib.testbed import DEFAULTS, SYSTEM_SOURCES, Parameters, link_defaults
from tools.demo.measure import Figures, measure, read_events
from tools.demo.verdict import Verdict, judge
from tools.paths import BUILD

TOP = "crl_tb_pair"
OUT = BUILD / "demo"


@dataclass
class Outcome:
    """A demonstration that has run."""

    sim: SimResult
    result: dict[str, Any]
    figures: Figures
    verdict: Verdict
    params: Parameters


def parameters_of(given: Mapping[str, int]) -> Parameters:
    values = {**DEFAULTS, "STORE_W": 23, **given}
    link_defaults(values)
    values.setdefault("PREFETCH", max(64, 4 * values["CHANNELS"]))
    return Parameters(values)


def build(parameters: Mapping[str, int], waves: bool) -> Path:
    return build_sim(TOP, parameters=parameters, sources=SYSTEM_SOURCES, sim="verilator", waves=waves,
                     public="top")


def simulate(
    file: Path, seed: int, parameters: Mapping[str, int], *, name: str, waves: bool,
    record: bool = False, cut: bool = True, limit: int | None = None, window: int | None = None, timeout: float = 3600,
    progress: Callable[[dict], None] = lambda p: None,
) -> tuple[SimResult, dict]:
    """One run; `limit` takes only the first bytes of the file, `window` moves fewer bytes at a time than
    the memory holds, `record` writes the waves, `cut` cuts the link once."""
    job = {"file": str(file.resolve()), "seed": seed, "slice": limit, "window": window, "cut": cut}
    return play(
        TOP, "tools.demo.traffic", dict(parameters), job, sources=SYSTEM_SOURCES, testcase="move_file", seed=seed, name=name,
        waves=waves, record=record, timeout=timeout, progress=progress,
    )


def play(
    top: str, module: str, parameters: dict[str, int], job: dict[str, Any], *, name: str,
    progress: Callable[[dict], None] = lambda p: None, **how: Any,
) -> tuple[SimResult, dict]:
    """Run `module` on `top` and follow its progress; the run, and the result that it wrote."""
    OUT.mkdir(parents=True, exist_ok=True)
    path = OUT / f"{name}.json"
    path.write_text(json.dumps(job))
    box: dict[str, Any] = {}

    def work() -> None:
        try:
            box["sim"] = run_sim(top, module, parameters, sim="verilator", name=name, public="top", extra_env={"CRL_DEMO": path}, **how)
        except BaseException as exc:  # handed to the caller's thread
            box["error"] = exc

    thread = threading.Thread(target=work, daemon=True)
    state = BUILD / "runs" / "verilator" / name / "progress.json"
    state.unlink(missing_ok=True)
    thread.start()
    while thread.is_alive():
        thread.join(0.2)
        try:
            progress(json.loads(state.read_text()))
        except (OSError, ValueError):
            time.sleep(0.05)
    if "error" in box:
        raise box["error"]
    sim: SimResult = box["sim"]
    return sim, json.loads((sim.run_dir / "result.json").read_text())


def demonstrate(
    file: Path, seed: int, parameters: Mapping[str, int], *, name: str, waves: bool = True,
    window: int | None = None, progress: Callable[[dict], None] = lambda p: None,
    checking: Callable[[int, int], None] = lambda n, of: None,
) -> Outcome:
    """Run, measure, and ask the model."""
    sim, result = simulate(file, seed, parameters, name=name, waves=waves, window=window, progress=progress)
    params = parameters_of(parameters)
    beat = params.data_w // 8
    events = read_events(sim.run_dir, result, beat)
    figures = measure(events, result, beat)
    verdict = judge(events, params, sim.run_dir, lambda n: checking(n, len(events)))
    return Outcome(sim, result, figures, verdict, params)
