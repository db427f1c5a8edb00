# SPDX-License-Identifier: Apache-2.0
"""fw/examples/first_copy.c, compiled, with its memory."""

from __future__ import annotations

import ctypes
import random
from pathlib import Path

from fw.tests.native import LIBRARY, Mem, Port, build


def compiled(folder: Path) -> ctypes.CDLL:
    return build("first_copy", ["examples/first_copy.c", *LIBRARY], folder, "-DCRL_SPINS=5000u")


class Example:
    """Places and results as in first_copy.h; the area is a bytearray."""

    OK, NODE, STATE, TIMEOUT, STATUS = range(5)  # the first of enum crl_err
    SRC, DST, COUNT = 0x1000, 0x2000, 0x1000
    BUS = 0x10000
    PIECES = 10

    def __init__(self, lib: ctypes.CDLL) -> None:
        self.lib = lib
        self.data = random.Random(1).randbytes(self.COUNT)
        # Old completion entries of every phase.
        self.area = bytearray(b"\x00\xff" * (self.SRC // 2) + self.data + b"\xee" * self.COUNT)
        self.pinned = (ctypes.c_uint8 * len(self.area)).from_buffer(self.area)
        self.failed = ctypes.c_uint8(0)

    def run(self, port: Port) -> int:
        area = Mem(ctypes.addressof(self.pinned), self.BUS, len(self.area))
        return port.call(self.lib.first_copy, ctypes.byref(area), ctypes.byref(self.failed))

    def check(self) -> None:
        """The destination is a copy, the source untouched."""
        assert self.area[self.SRC : self.DST] == self.data
        assert self.area[self.DST :] == self.data
