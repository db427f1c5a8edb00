# SPDX-License-Identifier: Apache-2.0
"""The one helper that builds and runs a simulation.

    from tb.lib.sim import run_sim

    def test_fifo(sim):                      # fixture `sim`: "icarus", then "verilator"
        run_sim("crl_fifo", __name__, parameters={"WIDTH": 8, "DEPTH": 16}, sim=sim)

* Sources come from `rtl/files.f`; of these and of the extra ones given, only what the top level
  reaches is compiled. The build is kept under `build/sim/<simulator>/<top>-<hash>`, the hash taken
  over the content of those sources, parameters, flags and tool version, so a second run compiles
  nothing. A lock per build lets parallel tests share it.
* Each run has a folder of its own under `build/runs/`, with `sim.log`, `results.xml`, `run.json`
  (how to repeat it) and waves if asked for.
* The seed is derived from the test's name unless `seed=` or the environment's `SEED` gives one
  (`SEED=random` draws a new one). It is printed, and stands in the error message.
* `netlist="gates"` (or `NETLIST=1`) runs the same tests on what Yosys makes of the RTL, to catch a
  miscompilation: gates and flip-flops, written back as Verilog. `netlist="words"` stops before
  words become gates and memories flip-flops: as quick as the RTL, and for any module.
* The run fails when a cocotb test fails, when no cocotb test ran, when the RTL reports an error
  (`assert`, `$error`, `$fatal`), or after `timeout` seconds of wall-clock time.

Inside a cocotb test, `sim_parameters()` gives the parameters that the design was built with.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from tools.paths import BUILD, ROOT, content_hash, rtl_sources, tool_env

SIMULATORS = ("icarus", "verilator")
FLOW_VERSION = 4  # raise it when this file changes what a build contains

_WORD = re.compile(r"\b[A-Za-z_]\w*\b")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"", re.S)
_DEFINES = re.compile(r"^\s*(?:module|package|interface|primitive)\s+(?:automatic\s+)?(\w+)", re.M)
_INCLUDE = re.compile(r'^\s*`include\s+"([^"]+)"', re.M)
_DELAY = re.compile(r"(?:^|[;)\s])#\s*(?:\d|\(?[A-Za-z_]\w*\s*\)?\s*[;a-z])|\bwait\s*\(|\bfork\b")
_TIME_ZERO = re.compile(r"^Ewait_(\d+) \.event/or (\w+), E_0x0;$", re.M)
_RTL_ERROR = re.compile(
    r"^(?:ERROR|FATAL|%Error|%Fatal)\b.*$|^\[\d+\] %(?:Error|Fatal)\b.*$|Assertion failed.*$", re.M
)


class SimulationError(AssertionError):
    """A simulation that could not be built, did not run, or failed; the text says which."""


@dataclass
class SimResult:
    """What a run left behind."""

    simulator: str
    toplevel: str
    seed: int
    run_dir: Path
    build_dir: Path
    tests: list[str] = field(default_factory=list)
    seconds: float = 0.0
    sim_time_ns: float = 0.0
    waves: Path | None = None

    @property
    def log(self) -> Path:
        return self.run_dir / "sim.log"


def simulators() -> tuple[str, ...]:
    """The simulators to use: both, or the one that the environment's `SIM` names."""
    chosen = os.environ.get("SIM", "").strip().lower()
    if chosen in ("", "all", "both"):
        return SIMULATORS
    if chosen not in SIMULATORS:
        raise SystemExit(f"SIM={chosen} is not known; use one of: {', '.join(SIMULATORS)}.")
    return (chosen,)


def default_simulator() -> str:
    """The simulator of a run that names none: `SIM`, or Icarus."""
    return simulators()[0]


def sim_parameters() -> dict[str, Any]:
    """Inside a cocotb test: the parameters given to `run_sim`."""
    return json.loads(os.environ.get("CRL_PARAMETERS", "{}"))


# ---------------------------------------------------------------------------------------------
# sources


@lru_cache(maxsize=512)
def _parse(path: Path, mtime_ns: int) -> tuple[frozenset[str], frozenset[str], tuple[str, ...]]:
    """(names a file defines, words it uses, files it includes)."""
    text = path.read_text(errors="replace")
    includes = tuple(_INCLUDE.findall(text))
    bare = _COMMENT.sub(" ", text)
    return frozenset(_DEFINES.findall(bare)), frozenset(_WORD.findall(bare)), includes


def _facts(path: Path) -> tuple[frozenset[str], frozenset[str], tuple[str, ...]]:
    return _parse(path, path.stat().st_mtime_ns)


def reachable(toplevel: str | Iterable[str], sources: Sequence[Path]) -> list[Path]:
    """Those of `sources` that the top levels need, packages and all, in the order given."""
    tops = [toplevel] if isinstance(toplevel, str) else list(toplevel)
    owner: dict[str, Path] = {}
    for path in sources:
        for name in _facts(path)[0]:
            owner.setdefault(name, path)
    for top in tops:
        if top not in owner:
            raise SimulationError(
                f"No source defines a module '{top}'. Is its file listed in rtl/files.f, "
                "or given in sources=[...]?"
            )
    todo, seen = [owner[top] for top in tops], set()
    while todo:
        path = todo.pop()
        if path in seen:
            continue
        seen.add(path)
        todo += [owner[w] for w in _facts(path)[1] if w in owner and owner[w] not in seen]
    return [path for path in sources if path in seen]


def _included(paths: Iterable[Path], include_dirs: Sequence[Path]) -> list[Path]:
    """Every file that the sources `include`, for the hash."""
    found: list[Path] = []
    todo = list(paths)
    while todo:
        path = todo.pop()
        for name in _facts(path)[2]:
            for base in (path.parent, *include_dirs):
                hit = base / name
                if hit.exists() and hit not in found:
                    found.append(hit)
                    todo.append(hit)
                    break
    return found


def _as_path(path: str | Path) -> Path:
    full = Path(path) if Path(path).is_absolute() else ROOT / path
    if not full.exists():
        raise SimulationError(f"Source {path} does not exist (paths start at the project's root).")
    return full.resolve()


# ---------------------------------------------------------------------------------------------
# tools


@lru_cache(maxsize=1)
def _environment() -> dict[str, str]:
    """Put the launchers on PATH and the project on sys.path, once per process."""
    env = tool_env()
    os.environ["PATH"] = env["PATH"]
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    return env


@lru_cache(maxsize=4)
def tool_version(simulator: str) -> str:
    """One line that changes when the simulator or cocotb changes."""
    env = _environment()
    program = {"icarus": ["iverilog", "-V"], "verilator": ["verilator", "--version"]}[simulator]
    if shutil.which(program[0], path=env["PATH"]) is None:
        raise SimulationError(f"{program[0]} is not installed; `make doctor` says how to mend it.")
    done = subprocess.run(program, env=env, capture_output=True, text=True, check=False)
    line = (done.stdout or done.stderr).strip().splitlines()[:1]
    return f"{line} cocotb {metadata.version('cocotb')}"


@lru_cache(maxsize=1)
def has_fst() -> bool:
    """Verilator needs `lz4.h` and `zlib.h` to compile its FST writer."""
    from tools.setup import has_header

    return has_header("lz4.h") and has_header("zlib.h")


def _runner(simulator: str, limit: float, extra_env: Mapping[str, str], public: Any, top: str):
    """A `cocotb_tools` runner with a time limit, our environment, and quick Verilator builds."""
    from cocotb_tools.runner import Icarus, Verilator

    class Limited:
        def _set_env_test(self) -> None:
            super()._set_env_test()  # it lets os.environ win over extra_env: put ours back
            self.env.update(extra_env)

        def _execute_cmds(self, cmds, cwd, stdout=None) -> None:
            for cmd in cmds:
                _call(cmd, cwd, self.env, stdout, limit)

    class IcarusRunner(Limited, Icarus):
        pass

    class VerilatorRunner(Limited, Verilator):
        def _build_command(self):
            verilate, make = super()._build_command()
            if public != "all":
                verilate = [a for a in verilate if a != "--public-flat-rw"]
                control = Path(self.build_dir) / "public.vlt"
                modules = [top] if public == "top" else [top, *public]
                control.write_text(
                    "`verilator_config\n"
                    + "".join(f'public_flat_rw -module "{m}" -var "*"\n' for m in modules)
                )
                verilate.append(str(control))
            # -O2 takes twice as long as -O1 for models that then run no faster.
            make += ["OPT_FAST=-O1", "OPT_SLOW=-O0", "OPT_GLOBAL=-O2"]
            # PyPI's package was configured without a compiler and leaves these two empty.
            make += ["CFG_CXXFLAGS_PCH_I=-include", "CFG_CXXFLAGS_COROUTINES=-fcoroutines"]
            runtime = _verilator_runtime(verilate)
            reuse = [sys.executable, "-c", _COPY, str(runtime), str(self.build_dir)]
            keep = [sys.executable, "-c", _COPY, str(self.build_dir), str(runtime)]
            return [verilate, reuse, make, keep]

    return IcarusRunner() if simulator == "icarus" else VerilatorRunner()


# Copies the objects of Verilator's run-time library, which are the same for every model built
# with the same options; compiling them takes longer than most of our models do.
_COPY = """
import os, pathlib, shutil, sys
source, target = map(pathlib.Path, sys.argv[1:])
if source.is_dir():
    target.mkdir(parents=True, exist_ok=True)
    for path in source.glob("verilated*.o"):
        if not (target / path.name).exists():
            part = target / f".{path.name}.{os.getpid()}"
            shutil.copyfile(path, part)
            part.replace(target / path.name)
"""


def _verilator_runtime(verilate: Sequence[str]) -> Path:
    """Folder for the run-time objects that fit these options."""
    flags = [a for a in verilate if a.startswith(("--trace", "--timing", "--coverage", "--assert"))]
    flags += ["--savable"] if "--savable" in verilate else []
    key = hashlib.sha256(repr((sorted(flags), tool_version("verilator"))).encode()).hexdigest()
    return BUILD / "sim" / "verilator" / f"runtime-{key[:12]}"


def _call(cmd: Sequence[str], cwd: Path, env: Mapping[str, str], stdout: Any, limit: float) -> None:
    """Run a program; when it takes too long, end it with all its children."""
    with subprocess.Popen(
        cmd,
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.STDOUT if stdout is not None else None,
        start_new_session=True,
    ) as child:
        try:
            status = child.wait(timeout=limit)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"no end after {limit:g} s") from None
        finally:
            if child.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
                child.wait()
    if status != 0:
        raise RuntimeError(f"{Path(cmd[0]).name} ended with status {status}")


# ---------------------------------------------------------------------------------------------
# netlist


# What `synth -flatten` does before it maps to gates, without `alumacc`, whose cells Verilog can't
# say, and `share`, which takes minutes.
_WORDS = (
    "proc", "flatten", "check -assert", "opt_expr", "opt_clean", "opt -nodffe -nosdff", "fsm", "opt",
    "wreduce", "peepopt", "opt_clean", "opt", "memory -nomap", "opt -full", "opt_clean -purge",
)  # fmt: skip
NETLISTS = ("gates", "words")


def build_netlist(
    toplevel: str, parameters: Mapping[str, Any], needed: Sequence[Path], level: str = "gates"
) -> Path:
    """What Yosys makes of a module with these parameters, as a Verilog file.

    gates   all of `synth`; Icarus needs minutes to compile more than some 10 000 gates
    words   what it is before mapping: here misread expressions show
    """
    env = _environment()
    done = subprocess.run(["yosys", "-V"], env=env, capture_output=True, text=True, check=False)
    steps = [f"synth -flatten -top {toplevel}"]
    if level == "words":
        steps = [f"hierarchy -check -top {toplevel}", *_WORDS]
    key = content_hash(needed, sorted(parameters.items()), done.stdout, steps, "netlist 2")
    folder = BUILD / "sim" / "netlist"
    netlist = folder / f"{toplevel}-{key}.v"
    with _locked(netlist.with_suffix(".lock")):
        if netlist.exists():
            return netlist
        script = [f"read_verilog -sv -noassert -Irtl {' '.join(_rel(p) for p in needed)}"]
        if parameters:
            sets = " ".join(f"-set {k} {_literal(v, 'yosys')}" for k, v in parameters.items())
            script.append(f"chparam {sets} {toplevel}")
        part = netlist.with_suffix(".part.v")
        script += [*steps, f"rename -top {toplevel}"]
        script += [f"write_verilog -noattr {_rel(part)}"]
        (source := netlist.with_suffix(".ys")).write_text("\n".join(script) + "\n")
        log = netlist.with_suffix(".log")
        with log.open("w") as out:
            status = subprocess.run(
                ["yosys", "-q", "-s", _rel(source)],
                cwd=ROOT,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                check=False,
            ).returncode
        if status:
            raise SimulationError(f"Yosys could not synthesise {toplevel}:\n{_tail(log, 15)}")
        part.replace(netlist)
    return netlist


# ---------------------------------------------------------------------------------------------
# build


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def build_sim(
    toplevel: str,
    *,
    parameters: Mapping[str, Any] | None = None,
    sources: Iterable[str | Path] = (),
    sim: str | None = None,
    defines: Mapping[str, Any] | None = None,
    waves: bool = False,
    public: str | Sequence[str] = "top",
    coverage: bool = False,
    timing: bool | None = None,
    build_args: Sequence[str] = (),
    rtl: bool = True,
    netlist: bool | str = False,
    timeout: float = 1800,
) -> Path:
    """Compile (or find) the design; returns the build folder. `run_sim` calls this."""
    simulator = _checked(sim)
    _environment()
    parameters = dict(parameters or {})
    defines = dict(defines or {})
    given = [_as_path(s) for s in sources]
    listed = [p for p in (rtl_sources() if rtl else ()) if p not in given]
    needed = reachable(toplevel, [*listed, *given])
    if netlist:
        level = "gates" if netlist is True else str(netlist)
        needed, parameters = [build_netlist(toplevel, parameters, needed, level)], {}
    include_dirs = [ROOT / "rtl", *sorted({p.parent for p in given})]
    flags = _flags(simulator, needed, waves, coverage, timing) + list(build_args)
    key = content_hash(
        [*needed, *_included(needed, include_dirs)],
        sorted(parameters.items()),
        sorted(defines.items()),
        flags,
        waves,
        public if isinstance(public, str) else sorted(public),
        tool_version(simulator),
        FLOW_VERSION,
    )
    build_dir = BUILD / "sim" / simulator / f"{toplevel}-{key}"
    marker = build_dir / ".built"
    if marker.exists():
        return build_dir
    with _locked(build_dir.with_suffix(".lock")):
        if marker.exists():
            return build_dir
        shutil.rmtree(build_dir, ignore_errors=True)
        build_dir.mkdir(parents=True)
        log = build_dir / "build.log"
        runner = _runner(simulator, timeout, {}, public, toplevel)
        jobs = os.environ.setdefault("MAX_PARALLEL_BUILD_JOBS", "2")
        wanted_waves = os.environ.pop("WAVES", None)
        try:
            runner.build(
                sources=list(needed),
                includes=include_dirs,
                hdl_toplevel=toplevel,
                parameters={k: _literal(v, simulator) for k, v in parameters.items()},
                defines={k: _literal(v, simulator) for k, v in defines.items()},
                build_args=flags,
                build_dir=build_dir,
                always=True,
                waves=waves,
                timescale=("1ns", "1ps"),
                log_file=log,
            )
        except (RuntimeError, TimeoutError, SystemExit) as exc:
            raise SimulationError(
                f"{simulator} could not build {toplevel}"
                f"{_as_text(parameters)} ({exc}; jobs {jobs}):\n{_tail(log, 40)}\n"
                f"log: {_rel(log)}"
            ) from None
        finally:
            if wanted_waves is not None:
                os.environ["WAVES"] = wanted_waves
        if simulator == "icarus":
            _separate_time_zero(build_dir / "sim.vvp")
        (build_dir / "sources.txt").write_text("".join(f"{_rel(p)}\n" for p in needed))
        marker.touch()
    return build_dir


def _separate_time_zero(program: Path) -> None:
    """Mend what Icarus 11 makes of `always_comb`.

    Each block waits for 'its inputs, or time 0' (E_0x0). Its loader chains the listeners of an event
    through the listener, which has one link for both its events, so a change of one block's inputs
    also starts blocks that only wait for time 0 (steveicarus/iverilog#508). Most runs only take twice
    as long; but when such a block pulses an input of another one, as 'default, then one bit' does, they
    may start each other for ever. With an event in between, each has one listener and nothing to chain.
    """
    if "version 11." not in tool_version("icarus"):
        return
    apart = r"Tinput_\1 .event/or \2;\nTzero_\1 .event/or E_0x0;\nEwait_\1 .event/or Tinput_\1, Tzero_\1;"
    program.write_text(_TIME_ZERO.sub(apart, program.read_text()))


def _flags(
    simulator: str, needed: Sequence[Path], waves: bool, coverage: bool, timing: bool | None
) -> list[str]:
    if simulator == "icarus":
        return ["-g2012", "-Wall", "-Wno-timescale", "-Wno-sensitivity-entire-array"]
    if timing is None:
        timing = any(_DELAY.search(_COMMENT.sub(" ", p.read_text())) for p in needed)
    flags = ["-O3", "--x-assign", "unique", "--x-initial", "unique", "--assert", "-Wno-fatal"]
    flags += ["-Wno-lint", "-Wno-style", "-Wno-TIMESCALEMOD"]
    flags += ["--timing"] if timing else ["--no-timing"]
    if waves:
        flags += ["--trace-fst" if has_fst() else "--trace-vcd", "--trace-structs"]
    if coverage:
        flags += ["--coverage-line", "--coverage-toggle", "--coverage-user"]
    return flags


def _literal(value: Any, simulator: str) -> str:
    """Python value as Verilog literal: wide numbers sized, strings quoted, booleans 0 or 1."""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int) and (value > 0x7FFFFFFF or value < -0x80000000):
        width = 64 if value.bit_length() <= 64 else value.bit_length()
        return f"{width}'h{value:x}"
    if isinstance(value, str) and simulator == "icarus" and "'" not in value:
        return f'"{value}"'
    if isinstance(value, str) and "'" not in value:
        return f'"{value}"'
    return str(value)


# ---------------------------------------------------------------------------------------------
# run


def run_sim(
    toplevel: str,
    test_module: str,
    parameters: Mapping[str, Any] | None = None,
    sources: Iterable[str | Path] = (),
    sim: str | None = None,
    testcase: str | Sequence[str] | None = None,
    seed: int | None = None,
    extra_env: Mapping[str, Any] | None = None,
    waves: bool | None = None,
    timeout: float = 600,
    *,
    record: bool = True,
    name: str | None = None,
    defines: Mapping[str, Any] | None = None,
    plusargs: Sequence[str] = (),
    public: str | Sequence[str] | None = None,
    coverage: bool | None = None,
    timing: bool | None = None,
    build_args: Sequence[str] = (),
    rtl: bool = True,
    netlist: bool | str | None = None,
    allow_rtl_errors: bool = False,
    check: bool = True,
) -> SimResult:
    """Build if needed, run the cocotb tests of `test_module` on `toplevel`, raise on failure.

    toplevel     module to simulate, from `rtl/files.f` or from `sources`
    test_module  `__name__` or `__file__` of the module that holds the cocotb tests
    parameters   of the top level; the test reads them back with `sim_parameters()`
    sources      extra SystemVerilog files (test components), from the project's root
    sim          "icarus" or "verilator"; default: the environment's `SIM`, else Icarus
    testcase     name(s) of the cocotb tests to run; default: all of the module
    seed         replays a run; default: `SEED`, else derived from the test's name
    extra_env    environment variables for the test
    waves        True records every signal; default: the environment's `WAVES`
    record       False runs a build that has waves without recording them (Verilator)
    timeout      seconds of wall-clock time for the run (the build has a limit of its own)
    name         name of the run folder; default: made from the pytest test
    public       Verilator: "top" for a test that sees the signals of the top level only, a list of
                 more modules whose signals it needs, or "all" (three times slower to build);
                 default: "all" with waves, else "top"
    coverage     Verilator: collect code coverage into `coverage.dat`; default: `COVERAGE`
    timing       Verilator: --timing; default: when a source has delays
    netlist      "gates" (or True) or "words" simulates the synthesised netlist (no inner signals, no
                 parameters to read); default: the environment's `NETLIST`, for tops of the RTL
    rtl          False leaves `rtl/files.f` out (then `sources` is everything)
    allow_rtl_errors   for tests that make the RTL's own assertions fire
    check        False returns the result of a failed run instead of raising
    """
    __tracebackhide__ = True
    simulator = _checked(sim)
    _environment()
    parameters = dict(parameters or {})
    waves = _flag("WAVES") if waves is None else waves
    public = ("all" if waves else "top") if public is None else public
    coverage = (_flag("COVERAGE") and simulator == "verilator") if coverage is None else coverage
    if netlist is None:
        netlist = rtl and any(p.stem == toplevel for p in rtl_sources()) and _netlist()
    module = _module_name(test_module)
    env = {k: str(v) for k, v in (extra_env or {}).items()}
    label = name or _label(toplevel, module, testcase, parameters, env, simulator)
    seed = _seed(seed, label)

    build_dir = build_sim(
        toplevel,
        parameters=parameters,
        sources=sources,
        sim=simulator,
        defines=defines,
        waves=waves,
        public=public,
        coverage=coverage,
        timing=timing,
        build_args=build_args,
        rtl=rtl,
        netlist=netlist,
    )

    run_dir = BUILD / "runs" / simulator / label
    shutil.rmtree(run_dir, ignore_errors=True)
    run_dir.mkdir(parents=True)
    result = SimResult(simulator, toplevel, seed, run_dir, build_dir)
    print(f"run {_rel(run_dir)} on {simulator}, SEED={seed}", flush=True)

    recording = waves and record
    env.update({"CRL_PARAMETERS": json.dumps(parameters), "CRL_RUN_DIR": str(run_dir)})
    env.update({"CRL_SIM": simulator, "CRL_SEED": str(seed)})
    args = list(plusargs)
    if simulator == "verilator":
        args += ["+verilator+rand+reset+2", f"+verilator+seed+{seed % 0x7FFFFFFF or 1}"]
        result.waves = run_dir / ("dump.fst" if has_fst() else "dump.vcd") if recording else None
    elif waves:
        result.waves = run_dir / "dump.fst"
        args.append(f"+dumpfile_path={result.waves}")
    _write_recipe(result, module, parameters, testcase)

    runner = _runner(simulator, timeout, env, public, toplevel)
    started = time.monotonic()
    trouble = ""
    wanted_waves = os.environ.pop("WAVES", None)
    pytest_test = os.environ.pop("PYTEST_CURRENT_TEST", None)  # the runner would exit by itself
    try:
        runner.sources = _built_sources(build_dir)
        runner.test(
            test_module=module,
            hdl_toplevel=toplevel,
            hdl_toplevel_lang="verilog",
            testcase=testcase,
            seed=seed,
            plusargs=args,
            waves=recording or (waves and simulator == "icarus"),
            build_dir=build_dir,
            test_dir=run_dir,
            results_xml=str(run_dir / "results.xml"),
            timescale=("1ns", "1ps"),
            log_file=result.log,
        )
    except TimeoutError as exc:
        trouble = f"the simulation had {exc}"
    except (RuntimeError, SystemExit) as exc:
        trouble = f"the simulator stopped ({exc})"
    finally:
        if wanted_waves is not None:
            os.environ["WAVES"] = wanted_waves
        if pytest_test is not None:
            os.environ["PYTEST_CURRENT_TEST"] = pytest_test
    result.seconds = time.monotonic() - started

    failed = _read_results(result)
    if not trouble and not failed and not result.tests:
        trouble = "no cocotb test ran"
        if testcase:
            trouble += f": none is called {testcase!r}"
    errors = [] if allow_rtl_errors else _rtl_errors(result.log)
    if check and (trouble or failed or errors):
        raise SimulationError(_explain(result, module, trouble, failed, errors))
    return result


def _checked(sim: str | None) -> str:
    simulator = (sim or default_simulator()).lower()
    if simulator not in SIMULATORS:
        raise SimulationError(f"sim={sim!r} is not known; use one of: {', '.join(SIMULATORS)}.")
    return simulator


def _flag(variable: str) -> bool:
    return os.environ.get(variable, "").lower() not in ("", "0", "no", "false")


def _netlist() -> str | bool:
    """The level of netlist that the environment's `NETLIST` asks for."""
    level = os.environ.get("NETLIST", "").lower() if _flag("NETLIST") else ""
    return level if level in NETLISTS else bool(level)


def _module_name(test_module: str) -> str:
    """Dotted name of a module given by its name or by its file."""
    if not test_module.endswith(".py"):
        return test_module
    rel = os.path.relpath(Path(test_module).resolve(), ROOT)
    return rel[:-3].replace(os.sep, ".")


def _label(
    toplevel: str,
    module: str,
    testcase: Any,
    parameters: Mapping[str, Any],
    env: Mapping[str, str],
    simulator: str,
) -> str:
    """Name of the run: the pytest test it belongs to, and a hash that tells its runs apart."""
    current = os.environ.get("PYTEST_CURRENT_TEST", "").rsplit(" ", 1)[0]
    readable = (
        f"{Path(current.split('::')[0]).stem}-{current.split('::')[-1]}"
        if current
        else (f"{module.rsplit('.', 1)[-1]}-{toplevel}")
    )
    readable = re.sub(r"[^\w.=-]+", "_", readable).strip("_")[:90]
    what = repr(
        (current, toplevel, module, testcase, sorted(parameters.items()), sorted(env.items()))
    )
    # the simulator is not part of the hash: the same test has the same seed on both
    return f"{readable}-{hashlib.sha256(what.replace(simulator, '').encode()).hexdigest()[:6]}"


def _seed(given: int | None, label: str) -> int:
    if given is not None:
        return int(given)
    asked = os.environ.get("SEED", "").strip()
    if asked == "random":
        return random.SystemRandom().randrange(1, 1 << 31)
    if asked:
        try:
            return int(asked, 0)
        except ValueError:
            raise SimulationError(f"SEED={asked} is neither a number nor 'random'.") from None
    return int(hashlib.sha256(re.sub(r"icarus|verilator", "", label).encode()).hexdigest()[:7], 16)


def _built_sources(build_dir: Path) -> list[Path]:
    return [ROOT / line for line in (build_dir / "sources.txt").read_text().splitlines()]


def _write_recipe(result: SimResult, module: str, parameters: Mapping[str, Any], case: Any) -> None:
    """`run.json`: what `make waves` and a person need to repeat this run."""
    current = os.environ.get("PYTEST_CURRENT_TEST", "").rsplit(" ", 1)[0]
    recipe = {
        "toplevel": result.toplevel,
        "simulator": result.simulator,
        "module": module,
        "testcase": case,
        "parameters": dict(parameters),
        "seed": result.seed,
        "pytest": current,
        "build_dir": _rel(result.build_dir),
        "waves": result.waves.name if result.waves else None,
    }
    (result.run_dir / "run.json").write_text(json.dumps(recipe, indent=1) + "\n")


def _read_results(result: SimResult) -> list[str]:
    """Fill in the tests that ran; returns those that failed, with their message."""
    path = result.run_dir / "results.xml"
    if not path.exists():
        return []
    failed: list[str] = []
    try:
        cases = list(ElementTree.parse(path).getroot().iter("testcase"))
    except ElementTree.ParseError:
        return ["results.xml can't be read"]
    for case in cases:
        if case.find("skipped") is not None:
            continue
        name = case.get("name", "?")
        result.tests.append(name)
        facts = {p.get("name"): p.get("value") for p in case.iter("property")}
        result.sim_time_ns += float(facts.get("sim_time_duration") or 0)
        bad = case.find("failure")
        bad = case.find("error") if bad is None else bad
        if bad is not None:
            text = bad.get("error_msg") or bad.get("message") or (bad.text or "").strip()
            kind = bad.get("error_type") or bad.get("type") or ""
            failed.append(f"{name}: {kind} {text}".strip())
    return failed


def _rtl_errors(log: Path) -> list[str]:
    if not log.exists():
        return []
    return [m.group(0).strip() for m in _RTL_ERROR.finditer(log.read_text(errors="replace"))][:10]


def _explain(
    result: SimResult, module: str, trouble: str, failed: Sequence[str], errors: Sequence[str]
) -> str:
    lines = [f"{result.toplevel} with {module} on {result.simulator}:"]
    lines += [f"  {trouble}"] if trouble else []
    lines += [f"  FAILED {text}" for text in failed]
    lines += [f"  RTL: {text}" for text in errors]
    if not failed:
        lines.append(_tail(result.log, 25))
    elif len(failed) == 1:
        lines.append(_traceback(result.log))
    current = os.environ.get("PYTEST_CURRENT_TEST", "").rsplit(" ", 1)[0]
    if current:
        key = current.split("::")[-1]
        lines.append(f"again:  make test K={shlex.quote(key)} SEED={result.seed}")
        lines.append(f"waves:  make waves TEST={shlex.quote(key)} SEED={result.seed}")
    lines.append(f"log:    {_rel(result.log)}   seed: {result.seed}")
    return "\n".join(lines)


def _traceback(log: Path) -> str:
    """The lines of the log around the first Python traceback."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    for number, line in enumerate(lines):
        if "Traceback (most recent call last)" in line:
            return "\n".join(text[-200:] for text in lines[number : number + 40])
    return "\n".join(lines[-25:])


def _tail(log: Path, count: int) -> str:
    lines = log.read_text(errors="replace").splitlines() if log.exists() else ["(no log)"]
    return "\n".join(lines[-count:])


def _as_text(parameters: Mapping[str, Any]) -> str:
    return f" {dict(parameters)}" if parameters else ""


def _rel(path: Path) -> str:
    return os.path.relpath(path, ROOT)
