# SPDX-License-Identifier: Apache-2.0
"""What the user gave: a file and a seed, or a sentence about what is wrong with them."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

MIB = 1 << 20
SMALLEST, LARGEST = 2 * MIB, 8 * MIB  # of the default file
LIMIT = 64 * MIB  # some minutes of simulation
DEFAULT_SEED = 2024


class InputError(Exception):
    """Something the user has to change; the text says what."""


def candidates() -> Iterator[Path]:
    """Files of some MiB that a machine which can run this project has."""
    yield Path(sys.executable).resolve()
    try:
        import find_libpython

        found = find_libpython.find_libpython()
        if found:
            yield Path(found).resolve()
    except ImportError:
        pass
    for name in ("git", "gdb", "bash", "perl"):
        path = shutil.which(name)
        if path:
            yield Path(path).resolve()
    if shutil.which("gcc"):
        done = subprocess.run(["gcc", "-print-prog-name=cc1"], capture_output=True, text=True, check=False)
        yield Path(done.stdout.strip())


def default_file() -> Path:
    """The first candidate of 2 to 8 MiB, else the first that can be read at all."""
    there = [p for p in candidates() if p.is_file() and os.access(p, os.R_OK)]
    fitting = [p for p in there if SMALLEST <= p.stat().st_size <= LARGEST]
    small = [p for p in there if 0 < p.stat().st_size <= LIMIT]
    for path in fitting + small:
        return path
    raise InputError("No file of some MiB was found on this machine; name one: make demo FILE=path")


def checked_file(text: str | None) -> Path:
    """The file to move."""
    if not text:
        return default_file()
    path = Path(text).expanduser()
    if not path.exists():
        raise InputError(f"FILE={text} does not exist; give the path of a file: make demo FILE=path")
    if path.is_dir():
        raise InputError(f"FILE={text} is a folder; give one file, for example one from inside it.")
    if not path.is_file():
        raise InputError(f"FILE={text} is not a regular file; copy its content into one and give that.")
    if not os.access(path, os.R_OK):
        raise InputError(f"FILE={text} can't be read by you; change its rights or give another file.")
    size = path.stat().st_size
    if size == 0:
        raise InputError(f"FILE={text} is empty, so there is nothing to move; give a file with content.")
    if size > LIMIT:
        raise InputError(
            f"FILE={text} has {size / MIB:.0f} MiB, and simulating that takes too long; give one of at "
            f"most {LIMIT // MIB} MiB, such as its beginning: head -c {LIMIT // MIB}M"
        )
    try:
        with path.open("rb") as file:
            file.read(1)
    except OSError as exc:
        raise InputError(f"FILE={text} can't be read ({exc.strerror}); give another file.") from None
    return path.resolve()


def checked_seed(text: str | None) -> int:
    """The seed: a number, 'random', or nothing."""
    text = (text or "").strip()
    if not text:
        return DEFAULT_SEED
    if text == "random":
        return random.SystemRandom().randrange(1, 1 << 31)
    try:
        seed = int(text, 0)
    except ValueError:
        raise InputError(f"SEED={text} is not a number; say for example SEED=7, or SEED=random.") from None
    if not 0 <= seed < 1 << 31:
        raise InputError(f"SEED={text} is out of range; give a number from 0 to {(1 << 31) - 1}.")
    return seed
