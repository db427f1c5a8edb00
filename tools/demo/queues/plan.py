# SPDX-License-Identifier: Apache-2.0
"""Who shares the namespace in the second act, and how the file is cut into commands.

Nothing here knows of a simulator. A's blocks take a part of the file; B's blocks lie behind them, with a gap of nobody's.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from tools.demo.plan import draw

KIB = 1 << 10
PARAMETERS = {"DATA_W": 128, "QUEUES": 4}
PERIOD = 10_000  # ps, the clock of the rig in tb/system/nvme
MEM_LATENCY = 20  # cycles
BLOCK, PAGE = 512, 4096
PART = 768 * KIB  # of the file
MOST = 32  # blocks a command
SLOT_PAGES = 5  # memory of a command: 32 blocks at any offset in a page
QUEUE_SIZE = 31  # entries less one, of both queues of an application
HONEST = 4  # commands of B at a time, between attempts


@dataclass(frozen=True)
class Place:
    """What the kernel gives an application: a queue pair, an owner tag, a function, blocks of namespace 1. `slots`: commands under way."""

    name: str
    qid: int
    owner: int
    func: int
    slba: int
    nlb: int
    slots: int


A = Place("A", 1, 5, 3, 64, PART // BLOCK, 8)
B = Place("B", 2, 6, 7, A.slba + A.nlb + 64, 256, 6)
NSID, OTHER_NSID = 1, 2


def blocks_of(size: int) -> int:
    """Blocks that this many bytes take."""
    return -(-size // BLOCK)


def cut(blocks: int, rng: random.Random) -> list[tuple[int, int]]:
    """(first, count) of commands that cover each block once, of 1 to MOST blocks, in a random order."""
    out, at = [], 0
    while at < blocks:
        count = min(draw(rng, 1, MOST), blocks - at)
        out.append((at, count))
        at += count
    rng.shuffle(out)
    return out
