# SPDX-License-Identifier: Apache-2.0
"""Compiles C of fw/ for this machine and calls it, its registers served by Python.

lib = build("examples/first_copy.c", tmp_path)          # with tests/mmio/carillon_mmio.h
port = Port(read, write, wmb, relax)
port.call(lib.first_copy, ctypes.byref(area), ctypes.byref(failed))
"""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

FW = Path(__file__).resolve().parents[1]
FLAGS = ("-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-O2")


class Area(ctypes.Structure):
    """struct crl_area."""

    _fields_ = [("cpu", ctypes.c_void_p), ("bus", ctypes.c_uint64)]


class Port(ctypes.Structure):
    """struct crl_dev of tests/mmio. What its functions raise comes out of `call`, since C can't hand it on."""

    READ = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_uint32)
    WRITE = ctypes.CFUNCTYPE(None, ctypes.c_uint32, ctypes.c_uint64)
    EVENT = ctypes.CFUNCTYPE(None)
    _fields_ = [("read", READ), ("write", WRITE), ("wmb", EVENT), ("relax", EVENT)]

    def __init__(
        self,
        read: Callable[[int], int],
        write: Callable[[int, int], None],
        wmb: Callable[[], None],
        relax: Callable[[], None],
    ) -> None:
        self.failures: list[Exception] = []
        super().__init__(
            self.READ(self._guard(read)),
            self.WRITE(self._guard(write)),
            self.EVENT(self._guard(wmb)),
            self.EVENT(self._guard(relax)),
        )

    def _guard(self, func: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(*args: int) -> Any:
            try:
                return func(*args)
            except Exception as error:
                self.failures.append(error)
                return 0

        return guarded

    def call(self, func: Callable[..., int], *args: Any) -> int:
        result = func(ctypes.byref(self), *args)
        if self.failures:
            raise self.failures[0]
        return result


def compile_c(source: str, *options: str) -> None:
    """Fails with what the compiler says."""
    command = ["cc", *FLAGS, *options, str(FW / source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"


def build(source: str, folder: Path, *options: str) -> ctypes.CDLL:
    """A library whose register accesses are calls."""
    target = folder / (Path(source).stem + ".so")
    includes = (f"-I{FW / 'tests/mmio'}", f"-I{FW / 'include'}")
    compile_c(source, "-shared", "-fPIC", *includes, *options, "-o", str(target))
    return ctypes.CDLL(str(target))
