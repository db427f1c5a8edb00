# SPDX-License-Identifier: Apache-2.0
"""Compiles C of fw/ for this machine and calls it, its registers served by Python.

lib = build("first_copy", ["examples/first_copy.c", *LIBRARY], tmp_path)  # with tests/mmio/carillon_mmio.h
port = Port(read, write, wmb, relax)
port.call(lib.first_copy, ctypes.byref(area), ctypes.byref(failed))
"""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

FW = Path(__file__).resolve().parents[1]
FLAGS = ("-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror", "-O2")
STRICT = ("-Wconversion", "-Wcast-align", "-Wstrict-prototypes", "-Wmissing-prototypes")
INCLUDES = (f"-I{FW / 'include'}", f"-I{FW / 'host'}")
LIBRARY = ("host/crl_chan.c", "host/crl_nvme.c", "host/crl_nvme_ctrl.c")


class Mem(ctypes.Structure):
    """struct crl_mem."""

    _fields_ = [("cpu", ctypes.c_void_p), ("bus", ctypes.c_uint64), ("bytes", ctypes.c_uint64)]


class Port(ctypes.Structure):
    """struct crl_dev of tests/mmio. What its functions raise comes out of `call`, since C can't hand it on."""

    READ = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_uint32)
    WRITE = ctypes.CFUNCTYPE(None, ctypes.c_uint32, ctypes.c_uint64)
    WRITE32 = ctypes.CFUNCTYPE(None, ctypes.c_uint32, ctypes.c_uint32)
    EVENT = ctypes.CFUNCTYPE(None)
    LOAD = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_void_p, ctypes.c_uint32)
    _fields_ = [
        ("read", READ),
        ("write", WRITE),
        ("wmb", EVENT),
        ("relax", EVENT),
        ("write32", WRITE32),
        ("load", LOAD),
        ("mb", EVENT),
        ("rmb", EVENT),
    ]

    def __init__(
        self,
        read: Callable[[int], int],
        write: Callable[[int, int], None],
        wmb: Callable[[], None],
        relax: Callable[[], None],
        write32: Callable[[int, int], None] | None = None,
        *,
        load: Callable[[int, int], int] | None = None,
        mb: Callable[[], None] | None = None,
        rmb: Callable[[], None] | None = None,
    ) -> None:
        self.failures: list[Exception] = []
        super().__init__(
            self.READ(self._guard(read)),
            self.WRITE(self._guard(write)),
            self.EVENT(self._guard(wmb)),
            self.EVENT(self._guard(relax)),
            self.WRITE32(self._guard(write32 or self._none)),
            self.LOAD(self._guard(load)) if load else self.LOAD(),
            self.EVENT(self._guard(mb)) if mb else self.EVENT(),
            self.EVENT(self._guard(rmb)) if rmb else self.EVENT(),
        )

    @staticmethod
    def _none(addr: int, value: int) -> None:
        raise AssertionError(f"a 32-bit write of {value:#x} to {addr:#x}")

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


def compile_c(sources: Sequence[str], *options: str) -> None:
    """Fails with what the compiler says."""
    command = ["cc", *FLAGS, *options, *(str(FW / source) for source in sources)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"


def build(name: str, sources: Sequence[str], folder: Path, *options: str) -> ctypes.CDLL:
    """A library whose register accesses are calls."""
    target = folder / f"{name}.so"
    includes = (f"-I{FW / 'tests/mmio'}", *INCLUDES)
    compile_c(sources, "-shared", "-fPIC", *includes, *options, "-o", str(target))
    return ctypes.CDLL(str(target))
