# SPDX-License-Identifier: Apache-2.0
"""Bench of crl_nvme_move: chunks in, a memory behind the read and the write client, every burst, every beat and every end checked.

What is expected comes from models.nvme.mover, when a command is made. Pages are filled at random; sources lie in even pages, destinations
that are written in odd ones. `settle` compares all pages that were touched, whole: what lies round a destination has not changed.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from models.nvme.mover import PAGE, Access, Chunk, Kind, Need, Outcome, Step, execute
from tb.unit.dma_lib import CycleBench

SLVERR, DECERR = 2, 3
LIMIT = 30_000
SOON = 2  # cycles until `idle` is up, that of `e_valid` among them
PAGES = 1 << 52


class Memory:
    """Pages as they are and as they should be; beats that answer with an error. For the model: `read` and `refuses`."""

    def __init__(self, lanes: int, rng: random.Random) -> None:
        self.lanes, self.rng = lanes, rng
        self.clear()

    def clear(self) -> None:
        self.now: dict[int, bytearray] = {}
        self.want: dict[int, bytearray] = {}
        self.bad_read: dict[int, int] = {}
        self.bad_write: dict[int, int] = {}

    def page(self, addr: int) -> bytearray:
        number = addr // PAGE
        if number not in self.now:
            self.now[number] = bytearray(self.rng.randbytes(PAGE))
            self.want[number] = self.now[number].copy()
        return self.now[number]

    def raw(self, addr: int, length: int) -> bytes:
        page = self.page(addr)
        return bytes(page[addr % PAGE : addr % PAGE + length])

    def poke(self, addr: int, data: bytes) -> None:
        """The test sets bytes."""
        self.page(addr)
        for pages in (self.now, self.want):
            pages[addr // PAGE][addr % PAGE : addr % PAGE + len(data)] = data

    def store(self, addr: int, data: bytes) -> None:
        """The model writes, unless the memory refuses."""
        if not self.refuses(addr, len(data)):
            self.page(addr)
            self.want[addr // PAGE][addr % PAGE : addr % PAGE + len(data)] = data

    def _beats(self, addr: int, length: int) -> range:
        return range(addr - addr % self.lanes, addr + length, self.lanes)

    def read(self, addr: int, length: int) -> bytes | None:
        if self.bad_read and any(b in self.bad_read for b in self._beats(addr, length)):
            return None
        return self.raw(addr, length)

    def response(self, addr: int, length: int) -> int:
        return max((self.bad_write.get(b, 0) for b in self._beats(addr, length)), default=0)

    def refuses(self, addr: int, length: int) -> bool:
        return bool(self.bad_write) and self.response(addr, length) > 0


@dataclass(eq=False)
class Command:
    """A command and what was seen of it."""

    chunks: list[Chunk]
    want: Outcome
    note: str = ""
    tag: int = -1
    given: int = 0  # chunks taken
    reads: Counter = field(default_factory=Counter)  # by chunk: reads asked, that have not come as a whole
    holds: Counter = field(default_factory=Counter)  # by chunk: beats read, or on their way, that nobody has used
    owed: int = 0  # bursts written, without a response
    writing: bool = False
    failed: bool = False  # a read came with an error
    seen: set[int] = field(default_factory=set)  # chunks that were written
    at: dict[str, int] = field(default_factory=dict)  # cycles: first of "k", "ar", "wb"; last of "r", "b"; "e"
    status: int = -1

    def __str__(self) -> str:
        return f"command {self.note} tag {self.tag}: {self.chunks if len(self.chunks) < 4 else len(self.chunks)}"


@dataclass(eq=False)
class Read:
    """A burst on its way."""

    cmd: Command
    step: Step
    addr: int
    left: int
    after: int


class Bench(CycleBench):
    """See above. `rate`: how often each side does something when it could."""

    idle = dict.fromkeys(
        (
            "k_valid k_kind k_src k_dst k_len k_src_func k_dst_func k_to_host k_tag k_first k_last k_status "
            "ar_ready r_valid r_data r_resp r_last r_any wb_ready wb_b_valid wb_b_resp"
        ).split(),
        0,
    )

    def __init__(self, dut) -> None:
        super().__init__(dut)
        self.w = self.p["DATA_W"] // 8
        self.ops, self.limit = self.p["OPS"], self.p.get("MAX_BURST_BYTES", 512)
        self.in_flight = self.p.get("CHUNKS", 32)
        self.buf, self.func_w = self.p.get("BUF_BEATS", 256), self.p["FUNC_W"]
        self.mem = Memory(self.w, self.rng)
        self.rate = dict.fromkeys(("k", "ar", "r", "w", "b"), 1.0)
        self.r_lat, self.b_lat = (0, 3), (0, 3)
        self.hold_r = self.hold_b = False
        self.pause_before = 0  # chunks are held back from this one of a command on
        self.seen: Counter = Counter()
        self.done: list[Command] = []
        self.r_at: list[int] = []
        self.wb_at: list[int] = []
        self.most_asked = self.most_held = 0
        self.sabotage = ""
        self.todo: deque[Command] = deque()
        self.forget()

    def forget(self) -> None:
        """What a reset clears, here and there."""
        self.todo.clear()
        self.mem.clear()
        self.feeding: Command | None = None
        self.offered: Chunk | None = None
        self.live: deque[Command] = deque()
        self.tags = set(range(self.ops))
        self.asks: deque[tuple[Command, Step]] = deque()
        self.puts: deque[tuple[Command, Step]] = deque()
        self.bursts: deque[Read] = deque()
        self.b_due: deque[tuple[int, int, Command]] = deque()
        self.held_ar = self.held_wb = None
        self.writing: tuple[Command, Step, int] | None = None
        self.asked = self.held = 0  # beats: not come; not come or not written
        self.calm = self.flying = 0

    async def clear(self, cycles: int = 3) -> None:
        await self.reset(cycles)
        self.forget()

    def hit(self, name: str) -> bool:
        rate = self.rate[name]
        return rate >= 1 or self.rng.random() < rate

    # ---- a cycle

    def drive(self) -> None:
        i, rng = self.inp, self.rng
        self._drive_k()
        i["ar_ready"], i["wb_ready"] = int(self.hit("ar")), int(self.hit("w"))
        self.owed_before = self._owes()
        i["r_data"], i["r_resp"], i["r_last"] = rng.getrandbits(8 * self.w), rng.getrandbits(2), rng.getrandbits(1)
        i["wb_b_resp"] = rng.getrandbits(2)
        if self.bursts and not self.hold_r and self.now >= self.bursts[0].after and self.hit("r"):
            self._drive_r(self.bursts[0])
        if self.b_due and not self.hold_b and self.now >= self.b_due[0][0] and self.hit("b"):
            _, resp, cmd = self.b_due.popleft()
            i.update(wb_b_valid=1, wb_b_resp=resp)
            cmd.owed -= 1
            self.flying -= 1
            cmd.at["b"] = self.now

    def _drive_k(self) -> None:
        i, rng = self.inp, self.rng
        if self.offered is None and self.hit("k"):
            if self.feeding is None and self.todo and self.tags:
                self.feeding = self.todo.popleft()
                self.feeding.tag = rng.choice(sorted(self.tags))
                self.tags.remove(self.feeding.tag)
            c = self.feeding
            if c is not None and not (self.pause_before and c.given >= self.pause_before):
                self.offered = replace(c.chunks[c.given], tag=c.tag)
                c.at.setdefault("k", self.now)
        k = self.offered
        if k is None:  # noise
            i.update(k_kind=rng.getrandbits(2), k_src=rng.getrandbits(64), k_len=rng.getrandbits(9), k_last=rng.getrandbits(1))
            i.update(k_tag=rng.randrange(self.ops), k_first=rng.getrandbits(1), k_status=rng.getrandbits(11))
            return
        i.update(k_valid=1, k_kind=int(k.kind), k_src=k.src, k_dst=k.dst, k_len=k.length, k_src_func=k.src_func, k_dst_func=k.dst_func)
        i.update(k_to_host=int(k.to_host), k_tag=k.tag, k_first=int(k.first), k_last=int(k.last), k_status=int(k.status))

    def _drive_r(self, b: Read) -> None:
        resp = self.mem.bad_read.get(b.addr, 0)
        data = int.from_bytes(self.mem.raw(b.addr, self.w), "little")
        self.inp.update(r_valid=1, r_any=1, r_data=data, r_resp=resp, r_last=int(b.left == 1))
        self.r_at.append(self.now)
        b.addr += self.w
        b.left -= 1
        self.asked -= 1
        b.cmd.failed |= resp > 1
        if b.left == 0:
            self.bursts.popleft()
            b.cmd.reads[b.step.chunk] -= 1
            b.cmd.at["r"] = self.now
            c = b.cmd.chunks[b.step.chunk]
            over = not b.cmd.reads[b.step.chunk] and (c.kind != Kind.COMPARE or b.step.access == c.destination)
            if over and (c.kind != Kind.COPY or any(s.chunk == b.step.chunk and s.need is Need.NEVER for s in b.cmd.want.writes)):
                self._release(b.cmd, b.step.chunk)

    def _release(self, c: Command, number: int) -> None:
        self.held -= c.holds.pop(number, 0)

    def check(self) -> None:
        k = self.offered
        if k is not None and self.get("k_ready"):
            self._take(k)
            self.offered = None
        self._ar()
        self._wb()
        self._end()
        self._idle()

    def _take(self, k: Chunk) -> None:
        c = self.feeding
        assert c is not None
        number = c.given
        if number == 0:
            self.live.append(c)
        c.given += 1
        for step in c.want.steps:
            if step.chunk == number and step.need is not Need.NEVER:
                (self.puts if step.write else self.asks).append((c, step))
                self.flying += step.write
        assert self.flying <= self.in_flight, f"{self.flying} chunks with a write are in flight"
        if k.last:
            self.feeding = None

    def _owes(self) -> bool:
        """Something was taken and is not over."""
        if self.bursts or self.b_due or self.held_ar or self.held_wb or self.writing:
            return True
        if any(c.given == len(c.chunks) for c in self.live):
            return True
        return any(s.need is Need.MUST for q in (self.asks, self.puts) for _, s in q)

    def _idle(self) -> None:
        idle = self.get("idle")
        if self.owed_before and self._owes():
            assert not idle, "idle is up, and something is held or outstanding"
        self.calm = 0 if self.live or self.offered is not None else self.calm + 1
        assert idle or self.calm < SOON, "idle does not come up"

    def _next(self, queue: deque, addr: int, what: str) -> tuple[Command, Step]:
        """The access that this address belongs to: the next one of those that have to come."""
        while queue:
            c, step = queue.popleft()
            if addr == (step.access.base(self.w) if step.write else step.access.addr):
                return c, step
            assert step.need is Need.MAY and c.failed, f"{what} at {addr:#x}, expected {step} of {c}"
        raise AssertionError(f"{what} at {addr:#x} that no chunk asks for: {[str(c) for c in self.live]}")

    # ---- read client

    def _ar(self) -> None:
        if not self.get("ar_valid"):
            assert self.held_ar is None, "AR withdrawn"
            return
        ar = tuple(self.get(f"ar_{n}") for n in ("addr", "len", "user"))
        new = self.held_ar is None
        if new:
            if self.sabotage.startswith("ar"):
                n = ("ar_addr", "ar_len", "ar_user").index(self.sabotage)
                ar = tuple(v + (64 if n == 0 else 1) * (m == n) for m, v in enumerate(ar))
            c, step = self._next(self.asks, ar[0], "a read")
            self._check_ar(c, step, ar)
            self.ask = c, step
        else:
            assert self.held_ar == ar or self.sabotage, "AR changed while it waited"
        self.held_ar = ar
        if self.inp["ar_ready"]:
            self.held_ar = None
            c, step = self.ask
            beats = step.access.beats(self.w)
            self.asked += beats
            self.held += beats
            c.holds[step.chunk] += beats
            self.most_asked, self.most_held = max(self.most_asked, self.asked), max(self.most_held, self.held)
            assert self.asked <= self.buf, f"{self.asked} beats are outstanding, there is room for {self.buf}"
            c.reads[step.chunk] += 1
            after = self.now + 1 + self.rng.randint(*self.r_lat)
            self.bursts.append(Read(c, step, step.access.base(self.w), beats, after))

    def _check_ar(self, c: Command, step: Step, ar: tuple) -> None:
        a: Access = step.access
        assert ar[1] + 1 == a.beats(self.w), f"read of {ar[1] + 1} beats, expected {a}"
        assert ar[2] == a.user, f"read for function {ar[2]}, expected {a}"
        assert c in self.live, "a read of a command that is over"
        c.at.setdefault("ar", self.now)
        self.compared += 1

    # ---- write client

    def _wb(self) -> None:
        d = self.get
        if not d("wb_valid"):
            assert self.held_wb is None, "wb_valid fell while it waited"
            assert self.writing is None, "a gap in a burst: not all beats were at hand"
            return
        first, last = d("wb_first"), d("wb_last")
        beat = (first, last, d("wb_addr") if first else 0, d("wb_len") if first else 0, d("wb_user") if first else 0)
        beat += (d("wb_data"), d("wb_strb"))
        assert self.held_wb in (None, beat), "a beat changed while it waited"
        new, self.held_wb = self.held_wb is None, beat
        seen = self._spoil(beat)
        if seen is None:
            self.held_wb = None if self.inp["wb_ready"] else beat
            return
        first, last, addr, length, user, data, strb = seen
        if new:
            assert first == (self.writing is None), "wb_first at the wrong beat"
            if first:
                c, step = self._next(self.puts, addr, "a write")
                self.writing = c, step, 0
                self._check_burst(c, step, length, user)
        if self.inp["wb_ready"]:
            self.held_wb = None
            self._beat(last, data, strb)

    def _spoil(self, beat: tuple) -> tuple | None:
        """The stream as a broken design would make it."""
        names = ("first", "last", "addr", "len", "user", "data", "strb")
        s = self.sabotage
        if not s.startswith("wb_"):
            return beat
        if s == "wb_lost":
            return None
        v = dict(zip(names, beat, strict=True))
        strb = v["strb"]
        lowest = (strb & -strb).bit_length() - 1
        change = {"wb_first": ("first", 1), "wb_last": ("last", 1), "wb_addr": ("addr", self.w), "wb_len": ("len", 1), "wb_user": ("user", 1),
                  "wb_data": ("data", 1 << 8 * lowest), "wb_less": ("strb", 1 << lowest), "wb_more": ("strb", (strb + 1) & ~strb)}
        name, bits = change[s]
        v[name] ^= bits
        return tuple(v[n] for n in names)

    def _check_burst(self, c: Command, step: Step, length: int, user: int) -> None:
        a = step.access
        what = f"{step} of {c}"
        assert length + 1 == a.beats(self.w), f"a burst of {length + 1} beats: {what}"
        assert user == a.user, f"function {user}: {what}"
        assert c in self.live and not any(s.chunk == step.chunk and not s.write for q in (self.asks,) for cc, s in q if cc is c)
        assert not c.reads[step.chunk], f"offered before all its beats have come: {what}"
        assert step.data is not None
        place = a.addr % self.w
        padded = bytes(place) + step.data + bytes(-(place + a.length) % self.w)
        self.beats = [int.from_bytes(padded[n : n + self.w], "little") for n in range(0, len(padded), self.w)]
        self.strobes = a.strobes(self.w)
        c.at.setdefault("wb", self.now)

    def _beat(self, last: int, data: int, strb: int) -> None:
        assert self.writing is not None
        c, step, n = self.writing
        what = f"beat {n} of {step} of {c}"
        assert strb == self.strobes[n], f"strobes {strb:#x}, expected {self.strobes[n]:#x}: {what}"
        mask = int.from_bytes(bytes(0xFF * (strb >> i & 1) for i in range(self.w)), "little")
        assert data & mask == self.beats[n], f"data {data & mask:#x}, expected {self.beats[n]:#x}: {what}"
        assert last == (n == len(self.beats) - 1), f"wb_last is {last}: {what}"
        self.wb_at.append(self.now)
        self.compared += 1
        a = step.access
        resp = self.mem.response(a.addr, a.length)
        if not resp:
            at, page = a.base(self.w) + self.w * n, self.mem.page(a.addr)
            for lane in range(self.w):
                if strb >> lane & 1:
                    page[(at + lane) % PAGE] = data >> 8 * lane & 0xFF
        self.writing = c, step, n + 1
        if last:
            self.writing = None
            c.seen.add(step.chunk)
            c.owed += 1
            self._release(c, step.chunk)
            after = self.now + 1 + self.rng.randint(*self.b_lat)
            self.b_due.append((after, resp, c))

    # ---- ends

    def _end(self) -> None:
        if not self.get("e_valid") or self.sabotage == "e_lost":
            return
        tag, status = self.get("e_tag"), self.get("e_status")
        if self.sabotage == "e_tag":
            tag ^= 1
        if self.sabotage == "e_status":
            status ^= 1
        assert self.live, f"the end of a command {tag} that is not there"
        c = self.live.popleft()
        assert tag == c.tag, f"tag {tag} ends, next is {c}"
        assert c.given == len(c.chunks), f"ended before its last chunk: {c}"
        assert not any(c.reads.values()), f"ended before its reads have come: {c}"
        assert not c.owed and not (self.writing and self.writing[0] is c), f"ended before the responses of its writes: {c}"
        assert not (self.held_ar and self.ask[0] is c), f"ended with a read on offer: {c}"
        for queue in (self.asks, self.puts):
            left = [s for cc, s in queue if cc is c and s.need is Need.MUST]
            assert not left, f"ended without {left[0]}: {c}"
            keep = [(cc, s) for cc, s in queue if cc is not c]
            queue.clear()
            queue.extend(keep)
        assert status == c.want.status, f"status {status:#x}, expected {c.want.status:#x}: {c}"
        for number in list(c.holds):
            self._release(c, number)
        c.status, c.at["e"] = status, self.now
        c.want.apply(self.mem.store)
        self.tags.add(tag)
        self.seen[status] += 1
        self.done.append(c)
        self.compared += 1

    # ---- what tests use

    def chunk(self, kind: Kind, length: int, src: int | None = None, dst: int | None = None, to_host: bool | None = None, *,
              src_page: int | None = None, dst_page: int | None = None, equal: bool = True) -> Chunk:
        """A chunk with pages of its own, at these offsets in them or at any. What is compared is made equal, noise round it."""
        rng = self.rng

        def offset(given: int | None) -> int:
            return given if given is not None else rng.randrange(PAGE - length + 1) % PAGE

        host = bool(rng.getrandbits(1)) if to_host is None else to_host
        s = (rng.getrandbits(51) << 1 if src_page is None else src_page) * PAGE + offset(src)
        if kind == Kind.COMPARE and dst_page is None:
            dst_page = rng.getrandbits(51) << 1
        d = (rng.getrandbits(51) << 1 | 1 if dst_page is None else dst_page) * PAGE + offset(dst)
        c = Chunk(kind, s, d, length, rng.getrandbits(self.func_w), rng.getrandbits(self.func_w), host)
        if kind == Kind.COMPARE and length and equal:
            self.mem.poke(d, self.mem.raw(s, length))
        return c

    def differ(self, c: Chunk, place: int) -> None:
        """One bit of one byte."""
        at = c.dst + place
        self.mem.poke(at, bytes([self.mem.raw(at, 1)[0] ^ 1 << self.rng.randrange(8)]))

    def bad_read(self, a: Access, beat: int, resp: int | None = None) -> None:
        self.mem.bad_read[a.base(self.w) + beat * self.w] = resp or self.rng.choice((SLVERR, DECERR))

    def bad_write(self, a: Access, resp: int | None = None) -> None:
        self.mem.bad_write[a.base(self.w)] = resp or self.rng.choice((SLVERR, DECERR))

    def send(self, *chunks: Chunk, status: int | None = None, note: str = "") -> Command:
        """A command; errors and contents of memory have to be set before. Between its chunks, `k_status` is noise."""
        count = len(chunks)
        end = self.rng.choice((0, 0, 0x286, self.rng.getrandbits(11))) if status is None else status
        made = [replace(c, first=n == 0, last=n == count - 1, status=end if n == count - 1 else self.rng.getrandbits(11))
                for n, c in enumerate(chunks)]
        cmd = Command(made, execute(made, self.mem, self.limit), note)
        self.todo.append(cmd)
        return cmd

    def busy(self) -> bool:
        return bool(self.todo or self.feeding or self.live or self.bursts or self.b_due)

    async def drain(self, limit: int = LIMIT) -> None:
        await self.until(lambda: not self.busy(), limit, f"commands to end, {self.live[0] if self.live else self.feeding}")

    async def settle(self) -> None:
        """All is over; memory is as it should be, round the destinations too."""
        await self.drain()
        await self.step(SOON)
        self.compare_memory()
        self.mem.clear()

    def compare_memory(self) -> None:
        assert not self.asked and not self.held, f"{self.asked} and {self.held} beats are unaccounted for"
        for number, page in self.mem.now.items():
            want = self.mem.want[number]
            if page != want:
                at = next(n for n in range(PAGE) if page[n] != want[n])
                raise AssertionError(f"memory at {number * PAGE + at:#x} is {page[at]:#x}, expected {want[at]:#x}")
            self.compared += 1

    def end(self, at_least: int = 1) -> None:
        assert not self.busy()
        assert self.compared and self.compared >= at_least, f"only {self.compared} comparisons"

    def statuses(self, commands: Iterable[Command]) -> list[int]:
        return [c.status for c in commands]
