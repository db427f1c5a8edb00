# SPDX-License-Identifier: Apache-2.0
"""Host memory behind the read and the write client of the mailbox's data page; every burst and beat is checked. For a CycleBench.

What is expected comes from models.nvme.pagedma. `sabotage` changes what the bench sees, to show that it notices.
"""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field

from models.nvme.pagedma import PAGE, Burst, Transfer

ERRORS = (2, 3)
IDLE = dict.fromkeys("ar_ready r_valid r_data r_resp r_last wb_ready wb_b_valid wb_b_resp".split(), 0)
SABOTAGE = ("ar_addr", "ar_len", "ar_user", "wb_addr", "wb_len", "wb_user", "wb_data", "wb_less", "wb_more", "wb_last", "wb_lost")


@dataclass
class HostPort:
    """See above. `rate`: how often each side does something when it could."""

    lanes: int
    rng: random.Random
    rate: dict[str, float] = field(default_factory=lambda: dict.fromkeys(("ar", "r", "w", "b"), 1.0))
    lat: tuple[int, int] = (0, 3)
    sabotage: str = ""

    def __post_init__(self) -> None:
        self.pages: dict[int, bytearray] = {}
        self.compared = self.reads = self.writes = 0
        self.forget()

    def forget(self) -> None:
        """What a reset clears."""
        self.expect: deque[Burst] = deque()
        self.transfer: Transfer | None = None
        self.beats: deque[tuple[int, int, int, int]] = deque()  # cycle, address, response, last
        self.b_due: deque[tuple[int, int]] = deque()
        self.writing: tuple[Burst, int] | None = None
        self.held_ar = self.held_wb = None
        self.bad: dict[int, int] = {}  # response of the beat (read) or burst (write) with this number
        self.beat = self.number = 0

    def page(self, addr: int) -> bytearray:
        return self.pages.setdefault(addr // PAGE, bytearray(self.rng.randbytes(PAGE)))

    def begin(self, t: Transfer, source: bytes | bytearray, bad: dict[int, int] | None = None) -> None:
        """This is about to be done; `source` is the data page, as it is."""
        self.expect, self.transfer, self.source = deque(t.bursts()), t, bytes(source)
        self.bad, self.beat, self.number = dict(bad or {}), 0, 0
        self.page(t.addr)

    @property
    def owes(self) -> bool:
        return bool(self.expect or self.beats or self.b_due or self.writing)

    def hit(self, name: str) -> bool:
        return self.rate[name] >= 1 or self.rng.random() < self.rate[name]

    def drive(self, i: dict[str, int], now: int) -> None:
        rng = self.rng
        i["ar_ready"], i["wb_ready"] = int(self.hit("ar")), int(self.hit("w"))
        i["r_data"], i["r_resp"], i["r_last"], i["wb_b_resp"] = rng.getrandbits(8 * self.lanes), rng.getrandbits(2), rng.getrandbits(1), rng.getrandbits(2)
        if self.beats and self.beats[0][0] <= now and self.hit("r"):
            _, at, resp, last = self.beats.popleft()
            page = self.page(at)
            i.update(r_valid=1, r_data=int.from_bytes(page[at % PAGE :][: self.lanes], "little"), r_resp=resp, r_last=last)
        if self.b_due and self.b_due[0][0] <= now and self.hit("b"):
            i.update(wb_b_valid=1, wb_b_resp=self.b_due.popleft()[1])

    def check(self, i: dict[str, int], get, now: int) -> None:
        self._ar(i, get, now)
        self._wb(i, get, now)

    def _next(self, what: str, to_host: bool, seen: tuple[int, int, int]) -> Burst:
        assert self.expect and self.transfer and self.transfer.to_host == to_host, f"{what} {seen} that nobody asked for"
        b = self.expect.popleft()
        addr, length, user = seen
        assert addr == (b.base(self.lanes) if to_host else b.addr), f"{what} at {addr:#x}, expected {b}"
        assert length + 1 == b.beats(self.lanes), f"{what} of {length + 1} beats, expected {b}"
        assert user == 0, f"{what} for function {user}"
        self.compared += 1
        return b

    def _ar(self, i: dict[str, int], get, now: int) -> None:
        if not get("ar_valid"):
            assert self.held_ar is None, "AR withdrawn"
            return
        ar = tuple(get(f"ar_{n}") + (self.sabotage == f"ar_{n}") for n in ("addr", "len", "user"))
        assert self.held_ar in (None, ar), "AR changed while it waited"
        self.held_ar = ar
        if not i["ar_ready"]:
            return
        self.held_ar = None
        b = self._next("a read", False, ar)
        self.reads += 1
        after = now + 1 + self.rng.randint(*self.lat)
        for n in range(b.beats(self.lanes)):
            self.beats.append((after, b.base(self.lanes) + n * self.lanes, self.bad.get(self.beat, 0), int(n == b.beats(self.lanes) - 1)))
            self.beat += 1

    def _wb(self, i: dict[str, int], get, now: int) -> None:
        if not get("wb_valid"):
            assert self.held_wb is None, "wb_valid fell while it waited"
            return
        first = get("wb_first")
        beat = (first, get("wb_last"), get("wb_data"), get("wb_strb"), *(get(f"wb_{n}") if first else 0 for n in ("addr", "len", "user")))
        assert self.held_wb in (None, beat), "a beat changed while it waited"
        self.held_wb = beat
        if not i["wb_ready"]:
            return
        self.held_wb = None
        if self.sabotage == "wb_lost":
            return
        first, last, data, strb, addr, length, user = beat
        low = (strb & -strb).bit_length() - 1
        s = self.sabotage
        addr, length, user, last = addr ^ self.lanes * (s == "wb_addr"), length + (s == "wb_len"), user + (s == "wb_user"), last ^ (s == "wb_last")
        data ^= (s == "wb_data") << 8 * low
        strb ^= (s == "wb_less") << low | (s == "wb_more") * ((strb + 1) & ~strb)
        assert bool(first) == (self.writing is None), "wb_first at the wrong beat"
        if first:
            self.writing = self._next("a write", True, (addr, length, user)), 0
        assert self.writing
        b, n = self.writing
        assert strb == b.strobes(self.lanes)[n], f"strobes {strb:#x} of beat {n} of {b}"
        at, page = b.base(self.lanes) + n * self.lanes, self.page(b.addr)
        for lane in range(self.lanes):
            if strb >> lane & 1:
                byte = data >> 8 * lane & 0xFF
                assert byte == self.source[(at + lane) % PAGE], f"byte {(at + lane) % PAGE:#x} of the page is {byte:#x}"
                page[(at + lane) % PAGE] = byte
        assert last == (n == b.beats(self.lanes) - 1), f"wb_last is {last}: beat {n} of {b}"
        self.writing = None if last else (b, n + 1)
        if last:
            self.writes += 1
            self.b_due.append((now + 1 + self.rng.randint(*self.lat), self.bad.get(self.number, 0)))
            self.number += 1
