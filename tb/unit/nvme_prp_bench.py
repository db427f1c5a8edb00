# SPDX-License-Identifier: Apache-2.0
"""Bench of crl_nvme_prp: commands in, a memory with lists behind the read client, every piece and every read checked.

Lists of different commands lie in different pages, so a read says whose it is. What is expected comes from
models.nvme.prp; that no piece and no read lies outside the queue's ranges is checked once more by itself.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from dataclasses import dataclass, field

from models.nvme.prp import (
    LIST_BURST_BYTES,
    PAGE,
    PRP_LIST,
    RANGES,
    SINK,
    SOURCE,
    Piece,
    Range,
    Walk,
    may_read,
    permitted,
    walk,
)
from tb.unit.dma_lib import CycleBench

TOP = 1 << 64
MDTS = 1 << 20
SLVERR, DECERR = 2, 3
LIMIT = 60_000


@dataclass(eq=False)
class Command:
    """A command, and what is to be seen of it once it is taken."""

    qid: int
    prp1: int
    prp2: int
    nbytes: int
    right: int
    func: int
    tag: int
    note: str = ""
    want: Walk | None = None
    ahead: tuple[int, ...] = ()  # entries that may be read
    read: int = 0  # how many of them were
    given: int = 0  # pieces that came out
    offered_at: int = 0
    taken_at: int = 0
    at: list[int] = field(default_factory=list)  # cycles of its pieces


class Bench(CycleBench):
    """See above. `rate`: how often each side does something when it could."""

    idle = dict.fromkeys(
        (
            "rg_we rg_qid rg_idx rg_entry c_valid c_qid c_func c_prp1 c_prp2 c_bytes c_right c_tag "
            "p_ready ar_ready r_valid r_data r_resp r_last stop nx_valid nx_qid"
        ).split(),
        0,
    )

    def __init__(self, dut) -> None:
        super().__init__(dut)
        self.queues, self.w = self.p["QUEUES"], self.p["DATA_W"] // 8
        self.memory: dict[int, int] = {}
        self.bad: dict[int, int] = {}  # address of a beat: its response
        self.todo: deque[Command] = deque()
        self.writes: deque[tuple[int, int, Range]] = deque()
        self.offered: Command | None = None
        self.live: deque[Command] = deque()
        self.owner: dict[int, Command] = {}  # page of a list: whose it is
        self.pages: set[int] = set()  # pages that lists have used
        self.bursts: deque[list] = deque()  # [address of the next beat, beats left, not before]
        self.held_ar = self.held_p = None
        self.write: tuple[int, int, Range] | None = None
        self.stop = 0
        self.stopped = 0  # cycles since `stop` went up
        self.latency = (0, 3)
        self.rate = {"c": 1.0, "p": 1.0, "ar": 1.0, "r": 1.0, "w": 1.0}
        self.seen: Counter = Counter()
        self.ars = 0
        self.ar_at: list[int] = []
        self.done: list[Command] = []
        self.calm = 0
        self.sabotage = ""
        self.wrote = 0  # cycle of the last write
        self.tell = ""  # whose command comes next: anything, nothing (no), or the truth (yes)
        self.tells = random.Random(self.queues)
        self.forget()

    def forget(self) -> None:
        """What a reset clears, here and there."""
        self.ranges = [[Range()] * RANGES for _ in range(self.queues + 1)]
        self.live.clear()
        self.bursts.clear()
        self.offered = self.held_ar = self.held_p = self.write = None
        self.calm = 0

    async def clear(self) -> None:
        """Reset; the tables are cleared at once."""
        await self.reset()
        self.forget()

    def hit(self, name: str) -> bool:
        return self.rng.random() < self.rate[name]

    # ---- memory as the read client sees it

    def entry(self, addr: int) -> int:
        """The quadword at an address; what nobody wrote is random, but stays."""
        if addr not in self.memory:
            self.memory[addr] = self.rng.getrandbits(64)
        return self.memory[addr]

    def reader(self, addr: int) -> int | None:
        """For the model: None when its beat has an error response."""
        return None if addr - addr % self.w in self.bad else self.entry(addr)

    # ---- a cycle

    def drive(self) -> None:
        i, rng = self.inp, self.rng
        i["rg_qid"], i["rg_idx"] = rng.randrange(self.queues + 1), rng.randrange(RANGES)
        self.write = None
        if self.writes and self.hit("w"):
            qid, index, entry = self.writes[0]
            if all(c.qid != qid for c in self.live):
                self.write = self.writes.popleft()
                i.update(rg_we=1, rg_qid=qid, rg_idx=index)
                i["rg_entry"] = entry.to_int() | rng.getrandbits(24) << 104
        if self.offered is None and self.todo and self.hit("c"):
            self.offered = self.todo.popleft()
            self.offered.offered_at = self.now
        c = self.offered
        if c is not None:
            i.update(c_valid=1, c_qid=c.qid, c_func=c.func, c_prp1=c.prp1, c_prp2=c.prp2)
            i.update(c_bytes=c.nbytes, c_right=c.right, c_tag=c.tag)
        i["p_ready"], i["ar_ready"] = int(self.hit("p")), int(self.hit("ar"))
        i["stop"] = self.stop
        coming = self.offered or (self.todo[0] if self.todo else None)
        i["nx_qid"] = coming.qid if self.tell == "yes" and coming else self.tells.randrange(self.queues + 1)
        i["nx_valid"] = int(coming is not None) if self.tell else self.tells.getrandbits(1)
        if self.tell == "no":
            i["nx_valid"] = 0
        i["r_data"], i["r_resp"], i["r_last"] = (
            rng.getrandbits(64),
            rng.getrandbits(2),
            rng.getrandbits(1),
        )
        if self.bursts and self.now >= self.bursts[0][2] and self.hit("r"):
            burst = self.bursts[0]
            beat = burst[0]
            data = sum(self.entry(beat + 8 * n) << 64 * n for n in range(self.w // 8))
            i.update(
                r_valid=1, r_data=data, r_resp=self.bad.get(beat, 0), r_last=int(burst[1] == 1)
            )
            burst[0] += self.w
            burst[1] -= 1
            if burst[1] == 0:
                self.bursts.popleft()

    def check(self) -> None:
        self._ar()
        self._piece()
        c = self.offered
        if c is not None and self.get("c_ready"):
            assert self.write is None, "a command is taken in the cycle of rg_we"
            self._take(c)
            self.offered = None
        if self.write is not None:
            self.wrote = self.now
            qid, index, entry = self.write
            self.ranges[qid] = [*self.ranges[qid][:index], entry, *self.ranges[qid][index + 1 :]]
        self._idle()
        self.stopped = self.stopped + 1 if self.stop else 0

    def _idle(self) -> None:
        """`idle` never hides a read, and comes when nothing is owed."""
        owed = bool(self.bursts) or self.held_ar is not None or bool(self.inp.get("r_valid"))
        idle = self.get("idle")
        if self.bursts or self.held_ar is not None:
            assert not idle, "idle while a list read is outstanding"
        self.calm = 0 if owed or self.live or self.offered is not None else self.calm + 1
        if self.calm > 8:
            assert idle, "nothing is outstanding, but not idle"

    def _take(self, c: Command) -> None:
        args = c.prp1, c.prp2, c.nbytes, self.ranges[c.qid], c.right, self.reader
        c.want, c.ahead, c.taken_at = walk(*args), may_read(*args), self.now
        for addr in c.ahead:
            self.owner[addr // PAGE] = c
        self.live.append(c)

    def _ar(self) -> None:
        if not self.get("ar_valid"):
            assert self.held_ar is None, "AR withdrawn"
            return
        ar = tuple(self.get(f"ar_{n}") for n in ("addr", "len", "user"))
        if self.sabotage == "ar":
            ar = (ar[0] + 8, *ar[1:])
        assert self.held_ar in (None, ar), "AR changed while it waited"
        if self.held_ar is None:
            assert self.stopped <= 1, "a list read was begun after `stop`"
            self._new_ar(*ar)
        self.held_ar = ar
        if self.inp["ar_ready"]:
            self.held_ar = None
            first = ar[0] - ar[0] % self.w
            self.bursts.append([first, ar[1] + 1, self.now + self.rng.randint(*self.latency) + 1])

    def _new_ar(self, addr: int, length: int, user: int) -> None:
        """A burst of a list: inside the rights, of this command, the next entries of its need."""
        c = self.owner.get(addr // PAGE)
        assert c is not None, f"a read at {addr:#x}, where no list of a command is"
        what = f"{addr:#x} of command {c.note or c.tag}"
        first = addr - addr % self.w
        end = first + (length + 1) * self.w
        assert addr % 8 == 0 and first // PAGE == (end - 1) // PAGE, (
            f"burst crosses its page: {what}"
        )
        assert permitted(self.ranges[c.qid], addr, 8, PRP_LIST), f"outside the ranges: {what}"
        assert user == c.func, f"wrong function: {what}"
        assert c in self.live, f"a read for a command that is over: {what}"
        assert c.read < len(c.ahead) and addr == c.ahead[c.read], f"not the next entry: {what}"
        count = 1  # entries that it takes: a wide last beat may hold more than it may take
        while c.read + count < len(c.ahead) and c.ahead[c.read + count] == addr + 8 * count < end:
            if (addr + 8 * count) % LIST_BURST_BYTES == 0:
                break
            count += 1
        last = addr + 8 * (count - 1)
        assert end - self.w <= last, f"a beat that holds no entry that is needed: {what}"
        c.read += count
        over = c.read == len(c.ahead)
        full = (last + 8) % LIST_BURST_BYTES == 0
        assert over or full, f"a burst that ends too early: {what}"
        self.ars += 1
        self.ar_at.append(self.now)

    def _piece(self) -> None:
        if not self.get("p_valid"):
            assert self.held_p is None, "the piece was withdrawn"
            return
        p = tuple(self.get(f"p_{n}") for n in ("addr", "len", "last", "tag", "error", "status"))
        assert self.held_p in (None, p), "the piece changed while it waited"
        if self.held_p is None:
            assert self.live, "a piece for no command"
            self._new_piece(self.live[0], *p)
        self.held_p = p
        if self.inp["p_ready"]:
            self.held_p = None
            c = self.live[0]
            c.at.append(self.now)
            if p[2]:
                self.live.popleft()
                self.done.append(c)
                self.seen[c.want.status] += 1
                self.compared += 1

    def _new_piece(self, c: Command, addr, length, last, tag, error, status) -> None:
        if self.sabotage == "piece":
            addr ^= 4
        if self.sabotage == "status":
            status ^= 1
        what = f"piece {c.given} of command {c.note or c.tag}, {c}"
        want = c.want
        assert tag == c.tag, what
        if error:
            assert last, f"an error that is not the last: {what}"
            assert c.given == len(want.pieces) and not want.ok, (
                f"error {status:#x} too early: {what}"
            )
            assert status == want.status, f"status {status:#x}: {what}"
        else:
            assert permitted(self.ranges[c.qid], addr, length, c.right), (
                f"outside the ranges: {what}"
            )
            assert 0 < length <= PAGE - addr % PAGE, f"length {length}: {what}"
            assert c.given < len(want.pieces), f"one too many, at {addr:#x}: {what}"
            assert Piece(addr, length) == want.pieces[c.given], f"{addr:#x}+{length}: {what}"
            c.given += 1
            assert last == (want.ok and c.given == len(want.pieces)), f"last is {last}: {what}"
        if last:
            assert c.read >= len(want.reads), f"entries that were not read: {what}"

    # ---- what tests use

    async def set_ranges(self, qid: int, *ranges: Range) -> None:
        """Give a queue these ranges, and no others."""
        entries = [*ranges, *[Range()] * (RANGES - len(ranges))]
        self.writes += ((qid, index, entry) for index, entry in enumerate(entries))
        await self.until(lambda: not self.writes, LIMIT, "table writes")
        await self.step()

    def send(
        self, prp1: int, prp2: int, nbytes: int, qid: int = 1, right: int = SOURCE, **kw
    ) -> Command:
        rng = self.rng
        tag, func = rng.getrandbits(8), rng.getrandbits(self.p["FUNC_W"])
        c = Command(qid, prp1, prp2, nbytes, right, func, tag, **kw)
        self.todo.append(c)
        return c

    async def drain(self) -> None:
        def over() -> bool:
            return not self.todo and self.offered is None and not self.live

        await self.until(over, LIMIT, "pieces")

    async def run(self, *args, **kw) -> Walk:
        """One command, to its end."""
        c = self.send(*args, **kw)
        await self.drain()
        assert c in self.done
        return c.want

    def end(self, at_least: int) -> None:
        assert not self.live and not self.todo
        assert self.compared >= at_least, f"only {self.compared} commands were compared"

    def page_in(self, ranges: list[Range], right: int) -> int | None:
        """A page that a queue may use with this right."""
        fit = [r for r in ranges if r.rights & right == right and r.pages]
        if not fit:
            return None
        r = self.rng.choice(fit)
        n = self.rng.choice([0, r.pages - 1, self.rng.randrange(r.pages)])
        return r.base + n * PAGE & TOP - 1

    def fresh(self, ranges: list[Range]) -> int:
        """A page for a list that no list has used; in a range with the right, if there is one."""
        fit = [r for r in ranges if r.rights & PRP_LIST and r.pages]
        while True:
            page = self.rng.getrandbits(52) << 12
            if fit:
                r = self.rng.choice(fit)
                page = r.base + self.rng.randrange(r.pages) * PAGE
            if page // PAGE not in self.pages and page + PAGE <= TOP:
                self.pages.add(page // PAGE)
                return page

    def describe(self, pages: list[int], at: int, chain: int) -> list[int]:
        """Lay a list of pages out from `at`, over into page `chain`; the addresses of its entries."""
        where = []
        for n, page in enumerate(pages):
            if at % PAGE == PAGE - 8 and n != len(pages) - 1:
                self.memory[at] = chain
                where.append(at)
                at = chain
            self.memory[at] = page
            where.append(at)
            at += 8
        return where

    def make(
        self,
        qid: int,
        offset: int,
        nbytes: int,
        list_at: int = 0,
        right: int = SOURCE,
        data=None,
        note="",
    ) -> tuple[Command, list[int]]:
        """A sound command with data anywhere in the queue's ranges: the command, where its list entries are.
        `data` (a function without arguments) gives pages other than those."""
        ranges = self.ranges[qid]
        count = (offset + nbytes + PAGE - 1) // PAGE
        data = data or (lambda: self.page_in(ranges, right))
        pages = [data() for _ in range(count)]
        pages = [self.rng.getrandbits(52) << 12 if p is None else p for p in pages]
        where: list[int] = []
        prp2 = self.rng.getrandbits(64)  # not looked at
        if count == 2:
            prp2 = pages[1]
        elif count > 2:
            prp2 = self.fresh(ranges) + list_at
            where = self.describe(pages[1:], prp2, self.fresh(ranges))
        c = self.send(pages[0] + offset, prp2, nbytes, qid, right, note=note)
        return c, where

    # ---- random ranges and faults

    def random_ranges(self) -> list[Range]:
        """Ranges of all kinds; data and lists have a place in any case."""
        rng = self.rng

        def base() -> int:
            return rng.getrandbits(rng.choice([20, 30, 38])) << 12

        both = rng.random() < 0.5
        out = [Range(base(), 1 << 20, 7 if both else SOURCE | SINK)]
        if not both:
            out.append(Range(base() | 1 << 60, rng.choice([1 << 18, 0xFFFF_FFFF]), PRP_LIST))
        pages = rng.randint(1, 64)
        out.append(
            Range(
                TOP - pages * PAGE,
                rng.choice([pages, pages, pages + 1, 0xFFFF_FFFF]),
                SOURCE | SINK,
            )
        )
        while len(out) < rng.choice([3, 6, 8]):
            rights = rng.choice([SOURCE, SINK, SOURCE | SINK, 8, 0, SOURCE])
            out.append(Range(base() | 1 << 61, rng.choice([0, 1, 1, 2, 5]), rights))
        out += [Range(rng.choice(out).base, 1, 0) for _ in range(RANGES - len(out))]
        rng.shuffle(out)
        return out

    def outside(self, ranges: list[Range], right: int) -> int:
        """A page where the right is missing, preferably next to a range or in one of other rights."""
        rng = self.rng
        for _ in range(30):
            r = rng.choice(ranges)
            step = rng.choice([-1, 0, r.pages, r.pages, rng.getrandbits(40)])
            page = r.base + step * PAGE & TOP - 1
            if not permitted(ranges, page, PAGE, right) and not permitted(
                ranges, page, 8, PRP_LIST
            ):
                return page
        page = rng.getrandbits(52) << 12
        return page if not permitted(ranges, page, 8, right) else self.outside(ranges, right)

    def spoil(self, c: Command, where: list[int]) -> str:
        """Put one fault into a command of `make`."""
        rng, memory, ranges = self.rng, self.memory, self.ranges[c.qid]
        chain = next((a for a, b in zip(where, where[1:], strict=False) if b != a + 8), None)
        data = [a for a in where if a != chain]
        kinds = ["prp1 low", "prp1 out"]
        if not where and c.prp1 % PAGE + c.nbytes > PAGE:
            kinds += ["prp2 offset", "prp2 out"]
        if where:
            kinds += ["list low", "list out", "entry offset", "entry out", "bus", "bus"]
        if chain is not None:
            kinds += ["chain low", "chain out", "chain loop", "chain bus"]
        kind = rng.choice(kinds)
        some = rng.choice([data[0], data[-1], rng.choice(data)]) if data else 0
        if kind == "prp1 low":
            c.prp1 |= rng.randint(1, 3)
        elif kind == "prp1 out":
            c.prp1 = self.outside(ranges, c.right) + c.prp1 % PAGE
        elif kind == "prp2 offset":
            c.prp2 |= 1 << rng.randrange(12)
        elif kind == "prp2 out":
            c.prp2 = self.outside(ranges, c.right)
        elif kind == "list low":
            c.prp2 |= 1 << rng.randrange(3)
        elif kind == "list out":
            c.prp2 = self.outside(ranges, PRP_LIST) + c.prp2 % PAGE
        elif kind == "entry offset":
            memory[some] |= 1 << rng.randrange(12)
        elif kind == "entry out":
            memory[some] = self.outside(ranges, c.right)
        elif kind == "chain low":
            memory[chain] |= 1 << rng.randrange(12)
        elif kind == "chain out":
            memory[chain] = self.outside(ranges, PRP_LIST)
        elif kind == "chain loop":
            memory[chain] = chain - chain % PAGE
        else:
            at = (
                chain
                if kind == "chain bus"
                else rng.choice([where[0], where[-1], rng.choice(where)])
            )
            self.bad[at - at % self.w] = rng.choice([SLVERR, DECERR])
        c.note = kind
        return kind
