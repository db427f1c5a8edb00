# SPDX-License-Identifier: Apache-2.0
"""Where things are, and the environment in which every tool runs.

Everything starts from `ROOT`, the folder that holds the Makefile, so that no path in the project is
absolute and the checks can be started from any folder.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import sys
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
VENV = ROOT / ".venv"
VENV_BIN = VENV / "bin"
FILES_F = ROOT / "rtl" / "files.f"


def native_path() -> str:
    """PATH without the virtual environment: what the machine itself offers."""
    own = {str(VENV_BIN), str(Path(sys.executable).parent)}
    return os.pathsep.join(p for p in os.environ.get("PATH", "").split(os.pathsep) if p not in own)


def which_native(name: str) -> str | None:
    """Path of a program of the machine, or None; launchers in `.venv/bin` don't count."""
    return shutil.which(name, path=native_path())


def tool_env(extra: dict[str, str] | None = None) -> dict[str, str]:
    """Environment for sub-processes: launchers on PATH, project on PYTHONPATH, solver found."""
    env = dict(os.environ)
    env["PATH"] = f"{VENV_BIN}{os.pathsep}{native_path()}"
    inherited = [p for p in env.get("PYTHONPATH", "").split(os.pathsep) if p and p != str(ROOT)]
    env["PYTHONPATH"] = os.pathsep.join([str(ROOT), *inherited])
    env.pop("VERILATOR_ROOT", None)  # the launcher sets the one that belongs to its binary
    if extra:
        env.update(extra)
    return env


def package_dir(package: str) -> Path | None:
    """Folder of an installed Python package, without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))


def content_hash(paths: Iterable[Path], *extra: object) -> str:
    """Sixteen hex digits over the names and bytes of files, and over anything else given."""
    digest = hashlib.sha256()
    for path in sorted({Path(p).resolve() for p in paths}):
        rel = os.path.relpath(path, ROOT)
        digest.update(f"{rel}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    for item in extra:
        digest.update(repr(item).encode() + b"\0")
    return digest.hexdigest()[:16]


@lru_cache(maxsize=1)
def rtl_sources() -> tuple[Path, ...]:
    """The one source list, `rtl/files.f`, in order: packages first, then modules."""
    return tuple(read_filelist(FILES_F))


def read_filelist(path: Path) -> list[Path]:
    """Read a `.f` file: one path a line, relative to the file, `#` and `//` start comments.

    `-f other.f` includes another list.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path.relative_to(ROOT)} is missing: it lists the RTL sources.")
    sources: list[Path] = []
    for raw in path.read_text().splitlines():
        line = raw.split("#")[0].split("//")[0].strip()
        if not line:
            continue
        if line.startswith("-f "):
            sources += read_filelist(_resolve(path, line[3:].strip()))
        elif line.startswith(("+incdir+", "+define+")):
            raise ValueError(f"{path.name}: '{line}' is not supported; list plain source files.")
        else:
            sources.append(_resolve(path, line))
    return list(dict.fromkeys(sources))


def _resolve(filelist: Path, name: str) -> Path:
    """A listed name is relative to the list's folder or to the project's root."""
    for base in (filelist.parent, ROOT):
        if (base / name).exists():
            return (base / name).resolve()
    raise FileNotFoundError(f"{filelist.relative_to(ROOT)} lists '{name}', which does not exist.")
