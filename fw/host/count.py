# SPDX-License-Identifier: Apache-2.0
"""How many instructions a command costs: the user half, compiled with -O2 for this machine.

    python -m fw.host.count

Two tables: instructions of each function as they stand in the object file (objdump), and instructions executed, calls
and returns included, counted by single steps (count.c; x86-64 Linux that permits ptrace, else left out).
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

HOST = Path(__file__).resolve().parent
INCLUDES = (f"-I{HOST.parent / 'include'}", f"-I{HOST}")
FLAGS = ("-std=c11", "-Wall", "-Wextra", "-Werror", "-O2", *INCLUDES)


def run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def compiled(folder: Path) -> Path:
    target = folder / "crl_nvme.o"
    run("cc", *FLAGS, "-c", str(HOST / "crl_nvme.c"), "-o", str(target))
    return target


def in_file(folder: Path) -> dict[str, int]:
    """Instructions of each function, padding left out."""
    counts: dict[str, int] = {}
    name = ""
    for line in run("objdump", "-d", "--no-show-raw-insn", str(compiled(folder))).splitlines():
        if start := re.match(r"[0-9a-f]+ <(.+)>:", line):
            name = start[1]
            counts[name] = 0
        elif (step := re.match(r"\s+[0-9a-f]+:\t(.*)", line)) and not re.match(
            r"nop|cs nop|data16|xchg +%ax,%ax", step[1]
        ):
            counts[name] += 1
    return counts


def executed(folder: Path) -> dict[str, int]:
    """Instructions executed in each case; empty where they can't be counted."""
    program = folder / "count"
    try:
        source, library = str(HOST / "count.c"), str(compiled(folder))
        run("cc", *FLAGS, "-no-pie", source, library, "-o", str(program))
        names = set(in_file(folder))
        places = [line.split() for line in run("nm", "-S", str(program)).splitlines()]
        code = [(int(p[0], 16), int(p[1], 16)) for p in places if len(p) == 4 and p[3] in names]
        first, end = min(at for at, _ in code), max(at + size for at, size in code)
        lines = run(str(program), f"{first:x}", f"{end:x}").splitlines()
    except subprocess.CalledProcessError:
        return {}
    return {case: int(count) for case, count in (line.split("\t") for line in lines)}


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        tables = {
            "in the object file": in_file(Path(name)),
            "executed": executed(Path(name)),
        }
    for title, table in tables.items():
        print(f"instructions {title}" + ("" if table else ": can't be counted here"))
        for what, count in table.items():
            print(f"  {what:28} {count:4}")


if __name__ == "__main__":
    main()
