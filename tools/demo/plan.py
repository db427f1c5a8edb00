# SPDX-License-Identifier: Apache-2.0
"""What the demonstration does: channels, places in memory, and who carries which piece of the file.

Nothing here knows of a simulator. A plan follows from the file's size and the seed alone.

The file lies in one piece in A's memory and is dealt out in regions. Act 1: the weighted channels all have
work all the time. Act 2: they come and go, and the bulk channel, one class below, takes what they leave.
The management channel runs through both acts. The channel with a rate limit has work from the start, but its class
is below that of the weighted ones, so it is served in act 2. At its rate it moves 3.7% of what the link can; it gets
so little that it ends before bulk does, or the link would stand almost idle until it is done.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

KIB, MIB = 1 << 10, 1 << 20


@dataclass(frozen=True)
class Channel:
    """One channel of the demonstration."""

    ch: int
    name: str
    what: str  # for people: sizes of its operations
    cls: int  # 3 is the highest
    weight: int
    low: int  # bytes an operation, at least ..
    high: int  # .. and at most
    ring_log2: int
    act1: float = 0.0  # part of the file that it carries in act 1
    act2: float = 0.0
    pace: float = 0.0  # act 2: part of the link that it asks for; 0: all the time
    mgmt: bool = False
    rate: int = 0  # bytes in 256 cycles
    burst: int = 0

    @property
    def func(self) -> int:
        """FUNCTION_ID of its owner: every channel belongs to another guest."""
        return self.ch + 1

    @property
    def carries_file(self) -> bool:
        return self.act1 + self.act2 > 0


WEIGHTED = 0.40  # of the file, in act 1
CHANNELS: tuple[Channel, ...] = (
    Channel(0, "management", "64 B messages, both ways", 3, 1, 64, 64, 4, mgmt=True),
    Channel(1, "stripes", "16 KiB", 2, 8, 16 * KIB, 16 * KIB, 4, WEIGHTED * 8 / 15, 0.05, 0.10),
    Channel(2, "pages", "4 KiB", 2, 4, 4 * KIB, 4 * KIB, 5, WEIGHTED * 4 / 15, 0.05, 0.10),
    Channel(3, "objects", "1 B to 8 KiB, any length", 2, 2, 1, 8 * KIB, 5, WEIGHTED * 2 / 15, 0.05, 0.10),
    Channel(4, "log", "64 B to 1 KiB, any length", 2, 1, 64, 1 * KIB, 6, WEIGHTED * 1 / 15, 0.03, 0.06),
    Channel(5, "scrub", "2 KiB, rate limit", 1, 1, 2 * KIB, 2 * KIB, 3, 0.015, 0.0, rate=128, burst=4096),
    Channel(6, "bulk", "64 KiB, takes what is left", 0, 1, 64 * KIB, 64 * KIB, 3, 0.0, 0.0),
)
BULK = 6
MGMT = 0
BY_NUMBER = {c.ch: c for c in CHANNELS}

# clocks in ps, all unrelated; link delay in link cycles, memory latency in memory cycles
PERIOD_A, PERIOD_B, PERIOD_L = 8000, 8308, 8888
LINK_DELAY = 20
MEM_LATENCY = 20
BIT_ERRORS = 1e-6  # of the link, both ways
BROKEN_FRAME = 40  # this one from A to B gets a wrong bit, so that a short run has one too
CUT_CYCLES = 1500  # of the link, once half of the first window has arrived
PARAMETERS = {"DATA_W": 128, "CHANNELS": 8, "STORE_W": 24}
MESSAGE_BYTES = 64
MESSAGE_EVERY_NS = 12_000
TICK_NS = 2_000  # how often the software looks at its completion rings

# places, the same in both memories
DRINGS, DRING_STEP = 0x10000, 0x4000
CRINGS, CRING_STEP = 0x40000, 0x1000
OUTBOX, INBOX, BOX_BYTES = 0x60000, 0x70000, 0x4000
FILE_AT = 0x100000
GUARD = 4 * KIB
DST_SKEW = 3  # B's copy is not aligned as A's is
BYTES_A_CYCLE_OF_LINK = 16


def window_bytes(store_w: int) -> int:
    """Bytes of the file that are in memory at a time."""
    return (1 << store_w) - FILE_AT - 3 * GUARD


@dataclass(frozen=True)
class Piece:
    """One WRITE: these bytes of the window."""

    offset: int
    length: int
    act: int


@dataclass
class Plan:
    """Pieces of each channel, in the order in which they are published."""

    size: int
    pieces: dict[int, list[Piece]] = field(default_factory=dict)

    @property
    def operations(self) -> int:
        return sum(map(len, self.pieces.values()))


def make_plan(size: int, seed: int) -> Plan:
    """Deal out `size` bytes: each byte belongs to exactly one piece."""
    rng = random.Random(seed)
    plan = Plan(size, {c.ch: [] for c in CHANNELS})
    at = 0
    for act in (1, 2):
        for c in CHANNELS:
            part = int(size * (c.act1 if act == 1 else c.act2))
            at = _cut(plan, rng, c, at, part, act)
    _cut(plan, rng, BY_NUMBER[BULK], at, size - at, 2)
    return plan


def _cut(plan: Plan, rng: random.Random, c: Channel, at: int, part: int, act: int) -> int:
    """`part` bytes from `at`, in operations of the channel's sizes."""
    end = at + part
    while at < end:
        n = c.low if c.low == c.high else draw(rng, c.low, c.high)
        n = min(n, end - at)
        plan.pieces[c.ch].append(Piece(at, n, act))
        at += n
    return end


def draw(rng: random.Random, low: int, high: int) -> int:
    """A length; as many between 64 and 128 as between 4096 and 8192."""
    return max(low, min(high, round(low * (high / low) ** rng.random())))


def message(sender: str, number: int, seed: int) -> bytes:
    """A management message: who, which, and a body that only this one has."""
    body = random.Random(f"{sender}{number}{seed}").randbytes(MESSAGE_BYTES - 16)
    return sender.encode().ljust(8, b".") + number.to_bytes(8, "little") + body
