# SPDX-License-Identifier: Apache-2.0
"""The mailbox between hardware and the administrative processor: registers, admin commands, events, answers.

`Mailbox` has no time. The processor's accesses and what the hardware brings are calls, in order:

    m = Mailbox(queues=8, namespaces=2, func_w=8, mdts_bytes=1 << 20, held=32)
    m.command(sqe)                      # an entry of queue 0 was fetched
    m.read(REGS["STATUS"].offset)       # SQE
    m.write(REGS["SQE_POP"].offset, 1)  # -> [Action("pop", ())]: its slot goes back
    m.write(REGS["CPL_GO"].offset, cid << 16)  # -> [Action("answer", ...)]
    m.answer_taken()

`write` returns what the hardware has to do because of it, as `Action`s: name and values in the order of `FIELDS`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from models.nvme.mailbox_regs import (
    GO_QUEUE,
    LIFE_FATAL,
    LIFE_QUIET,
    PAGE_AT,
    REGS,
    IrqBit,
    Kind,
    What,
    at,
    merge,
)

EVENTS = 16
SATURATED = 0xFFFF
IDENTITY = 0x4D4C5243

FIELDS = {
    "cfg": ("qid", "cq", "valid", "size", "base", "func", "cqid", "prio", "vec", "ien"),
    "gr": ("qid", "entry"),
    "rg": ("qid", "idx", "entry"),
    "ns": ("idx", "valid", "blocks", "shift", "base"),
    "vec": ("idx", "off"),
    "stop": ("qid", "stop"),
    "d": ("what", "qid", "status", "drop"),
    "ab": ("qid", "cid"),
    "dma": ("addr", "bytes", "to_host"),
    "answer": ("cid", "status", "more", "dnr", "dw0"),
    "pop": (),
    "started": (),
}


@dataclass(frozen=True)
class Action:
    """Something that the hardware does."""

    name: str
    values: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'{k}={v:#x}' for k, v in zip(FIELDS[self.name], self.values, strict=True))})"


def act(name: str, **values: int) -> Action:
    return Action(name, tuple(int(values[k]) for k in FIELDS[name]))


@dataclass(frozen=True)
class Event:
    """An event that is held. What its kind doesn't have is None: nothing is said about it."""

    kind: Kind
    queue: int
    info: int | None = None
    func: int | None = None
    cid: int | None = None
    status: int | None = None
    nsid: int | None = None
    lba: int | None = None

    def key(self) -> tuple:
        """Two BAD_DOORBELL with the same key are one event."""
        return (self.queue, self.info)

    def words(self) -> list[tuple[int, int]]:
        """EVENT0..4: value, and which bits of it count."""

        def part(value: int | None, lsb: int, width: int) -> tuple[int, int]:
            return (0, 0) if value is None else (value << lsb, (1 << width) - 1 << lsb)

        def word(*parts: tuple[int, int]) -> tuple[int, int]:
            return sum(p[0] for p in parts), sum(p[1] for p in parts)

        high = None if self.lba is None else self.lba >> 32
        low = None if self.lba is None else self.lba & 0xFFFFFFFF
        return [
            word(part(int(self.kind), 0, 4), part(self.queue, 8, 8), part(self.info, 16, 8), part(self.func, 24, 8)),
            word(part(self.cid, 0, 16), part(self.status, 16, 11)),
            part(self.nsid, 0, 32),
            part(low, 0, 32),
            part(high, 0, 32),
        ]


@dataclass
class Mailbox:
    """See above. `held`: commands that find room."""

    queues: int
    namespaces: int
    func_w: int
    mdts_bytes: int
    held: int = 32
    value: dict[str, int] = field(default_factory=dict)  # of registers that keep what is written
    page: bytearray = field(default_factory=lambda: bytearray(4096))
    commands: deque[int] = field(default_factory=deque)
    events: deque[Event] = field(default_factory=deque)
    lost: int = 0
    fresh_at: int | None = None  # the cycle of the last event;
    fresh: int = 0  # held of those that came in it,
    fresh_bad: bool = False  # a doorbell among them
    answer: Action | None = None
    sticky: int = 0  # of IRQ_STATUS
    draining: bool = False
    aborting: bool = False
    moving: bool = False  # the data page
    abort_found: int = 0
    dma_error: int = 0
    setting_up: bool = False
    start: bool = False  # STATUS.START
    quiesce: bool = False
    run: bool = False
    shut: bool = False
    failed: bool = False  # an entry of queue 0 could not be read
    dropping: bool = False

    def __post_init__(self) -> None:
        self.refused = [0] * (self.queues + 1)
        self.grant_out = [0] * (self.queues + 1)
        self.executing = [0] * (self.queues + 1)
        self.value = {n: r.reset for n, r in REGS.items() if r.keeps}

    # ---- the processor

    def read(self, addr: int) -> int | None:
        """A word; None while the answer is an error (the page, while it is moved)."""
        addr &= 0x1FFC
        if addr >= PAGE_AT:
            return None if self.moving else int.from_bytes(self.page[addr - PAGE_AT :][:4], "little")
        name, index = at(addr)
        if name is None or not REGS[name].readable:
            return 0
        if name in self.value:
            return self.value[name]
        if name == "SQE":
            return self.commands[0] >> 32 * index & 0xFFFFFFFF if self.commands else 0
        if name == "EVENT":
            return self.events[0].words()[index][0] if self.events else 0
        return {
            "ID": lambda: IDENTITY,
            "CAPS": self._caps,
            "STATUS": self.status,
            "IRQ_STATUS": self.irq_status,
            "EVENTS_LOST": lambda: self.lost,
            "ABORT_RESULT": lambda: self.abort_found,
            "DMA_RESULT": lambda: self.dma_error,
            "QSTATE": lambda: self._of_queue(self.grant_out) | self._of_queue(self.executing) << 1,
            "QBAD": lambda: self._of_queue(self.refused),
        }[name]()

    def write(self, addr: int, data: int, strb: int = 0xF) -> list[Action] | None:
        """What follows from a write; None if it is refused."""
        addr &= 0x1FFC
        if addr >= PAGE_AT:
            if self.moving:
                return None
            word = int.from_bytes(self.page[addr - PAGE_AT :][:4], "little")
            self.page[addr - PAGE_AT : addr - PAGE_AT + 4] = merge(word, data, strb).to_bytes(4, "little")
            return []
        name, index = at(addr)
        if name is None or not strb:
            return []
        reg = REGS[name]
        if reg.keeps:
            self.value[name] = merge(self.value[name], data, strb) & self.mask(name)
        data = merge(0, data, strb)
        if reg.go and not strb & 1:
            return []
        if not self._there(name, data):
            return []
        do = getattr(self, f"_go_{name.lower()}", None)
        return do(data) if do else []

    def _there(self, name: str, data: int) -> bool:
        """The queues that it names."""
        q = self.value["CFG_QUEUE"]
        if name == "CFG_GO":
            return q & 0xFF <= self.queues and (data & 3 != 1 or q >> 8 & 0xFF <= self.queues)
        return name not in GO_QUEUE or data & 0xFF <= self.queues

    def mask(self, name: str) -> int:
        """Bits that keep what is written, now."""
        return LIFE_FATAL if name == "LIFE" and not self.quiesce else REGS[name].mask

    def _caps(self) -> int:
        return self.queues | self.namespaces << 8 | self.func_w << 16 | (self.mdts_bytes.bit_length() - 1) << 20

    def status(self) -> int:
        bits = (self.commands, self.answer, self.moving, self.draining, self.events, self.aborting, self.start, self.quiesce, self.run,
                self.setting_up, self.shut)
        return sum(1 << n for n, bit in enumerate(bits) if bit)

    def irq_status(self) -> int:
        return self.sticky | bool(self.commands) << IrqBit.SQE | bool(self.events) << IrqBit.EVENT

    @property
    def irq(self) -> bool:
        return bool(self.irq_status() & self.value["IRQ_ENABLE"])

    def _of_queue(self, of: list[int]) -> int:
        qid = self.value["QSEL"]
        return of[qid] if qid <= self.queues else 0

    def wide(self, name: str, words: int) -> int:
        """Registers name0, name1, .. side by side."""
        return sum(self.value[f"{name}{n}"] << 32 * n for n in range(words))

    # ---- writes that do something; `data` has zeroes where there is no strobe

    def _go_irq_status(self, data: int) -> list[Action]:
        self.sticky &= ~data
        return []

    def _go_life(self, data: int) -> list[Action]:
        started = self.start and data & 1
        if started:
            self.start = False
        return [act("started")] if started else []

    def _go_events_lost(self, data: int) -> list[Action]:
        self.lost = 0
        return []

    def _go_sqe_pop(self, data: int) -> list[Action]:
        if not self.commands:
            return []
        self.commands.popleft()
        return [act("pop")]

    def _go_cpl_go(self, data: int) -> list[Action]:
        if self.answer:
            return []
        new = act("answer", cid=data >> 16, status=data & 0x7FF, more=data >> 11 & 1, dnr=data >> 12 & 1, dw0=self.value["CPL_DW0"])
        self.answer = new
        return [new]

    def _go_event_pop(self, data: int) -> list[Action]:
        if self.events:
            self.events.popleft()
        return []

    def _go_cfg_go(self, data: int) -> list[Action]:
        q, s = self.value["CFG_QUEUE"], self.value["CFG_SIZE"]
        if q & 0xFF == 0 and not data >> 1 & 1:
            self.failed = False
        return [act("cfg", qid=q & 0xFF, cq=data >> 1 & 1, valid=data & 1, size=s & 0xFFF, base=self.wide("CFG_BASE", 2), func=s >> 16,
                    cqid=q >> 8 & 0xFF, prio=q >> 16 & 3, vec=q >> 24, ien=q >> 18 & 1)]

    def _go_grant_go(self, data: int) -> list[Action]:
        return [act("gr", qid=data & 0xFF, entry=self.wide("GRANT", 8))]

    def _go_range_go(self, data: int) -> list[Action]:
        return [act("rg", qid=data & 0xFF, idx=data >> 8 & 7, entry=self.wide("RANGE", 4))]

    def _go_ns_go(self, data: int) -> list[Action]:
        if data & 15 >= self.namespaces:
            return []
        return [act("ns", idx=data & 15, valid=data >> 4 & 1, blocks=self.wide("NS_BLOCKS", 2), shift=data >> 8 & 15,
                    base=self.wide("NS_BASE", 2))]

    def _go_vector_go(self, data: int) -> list[Action]:
        return [act("vec", idx=data & 0xFF, off=data >> 8 & 1)]

    def _go_stop_go(self, data: int) -> list[Action]:
        return [act("stop", qid=data & 0xFF, stop=data >> 8 & 1)]

    def _go_drain_go(self, data: int) -> list[Action]:
        if self.draining:
            return []
        self.draining = True
        return [act("d", what=data >> 20 & 3, qid=data & 0xFF, status=data >> 8 & 0x7FF, drop=data >> 19 & 1)]

    def _go_abort_go(self, data: int) -> list[Action]:
        if self.aborting:
            return []
        self.aborting = True
        return [act("ab", qid=data & 0xFF, cid=data >> 16)]

    def _go_dma_go(self, data: int) -> list[Action]:
        if self.moving:
            return []
        addr, nbytes = self.wide("DMA_ADDR", 2), data & 0x1FFF
        if not 0 < nbytes <= 4096 - addr % 4096:
            self.dma_done(True)
            return []
        self.moving = True
        return [act("dma", addr=addr, bytes=nbytes, to_host=data >> 16 & 1)]

    def _go_qbad(self, data: int) -> list[Action]:
        if self.value["QSEL"] <= self.queues:
            self.refused[self.value["QSEL"]] = 0
        return []

    # ---- the hardware

    def command(self, sqe: int) -> bool:
        """An admin command comes; False: no room, it has to wait."""
        if self.dropping:
            return True
        if len(self.commands) == self.held:
            return False
        self.commands.append(sqe)
        return True

    @property
    def stopped(self) -> bool:
        """Queue 0 may not be granted."""
        return bool(self.commands) or self.failed

    def event(self, event: Event, now: int | None = None) -> bool:
        """Returns whether it is held now. Of those with the same `now` (they come in one cycle) a doorbell is the oldest, and the first to be lost."""
        bad = event.kind == Kind.BAD_DOORBELL
        if now is None or now != self.fresh_at:
            self.fresh_at, self.fresh, self.fresh_bad = now, 0, False
        if bad:
            if event.queue <= self.queues:
                self.refused[event.queue] = min(self.refused[event.queue] + 1, SATURATED)
            if any(e.kind == Kind.BAD_DOORBELL and e.key() == event.key() for e in self.events):
                return False
        if event.kind == Kind.SQ_FAILED and event.queue == 0:
            self.failed = True
        if len(self.events) == EVENTS:
            self.lost = min(self.lost + 1, SATURATED)
            if bad or not self.fresh_bad:
                return False
            del self.events[len(self.events) - self.fresh]
            self.fresh, self.fresh_bad = self.fresh - 1, False
        self.events.insert(len(self.events) - (self.fresh if bad else 0), event)
        self.fresh, self.fresh_bad = self.fresh + 1, self.fresh_bad or bad
        return True

    def answer_taken(self) -> None:
        self.answer = None
        self.sticky |= 1 << IrqBit.CPL

    def drain_done(self) -> None:
        self.draining = False
        self.sticky |= 1 << IrqBit.DRAIN

    def abort_done(self, found: int) -> None:
        self.aborting, self.abort_found = False, found
        self.sticky |= 1 << IrqBit.ABORT

    def dma_done(self, error: bool) -> None:
        self.moving, self.dma_error = False, int(error)
        self.sticky |= 1 << IrqBit.DMA

    def begin(self) -> None:
        """`start`: the queues are cleared from now on."""
        self.setting_up = True
        self.failed = False

    def cleared(self) -> None:
        """The admin queues are set up, STARTED is awaited."""
        self.setting_up, self.start = False, True
        self.sticky |= 1 << IrqBit.START

    def levels(self, *, quiesce: bool | None = None, run: bool | None = None, shut: bool | None = None) -> None:
        if quiesce is not None:
            if quiesce and not self.quiesce:
                self.sticky |= 1 << IrqBit.QUIESCE
            if self.quiesce and not quiesce:
                self.value["LIFE"] &= ~LIFE_QUIET
            self.quiesce = quiesce
        if run is not None:
            self.run = run
        if shut is not None:
            self.shut = shut

    def drop(self, dropping: bool) -> None:
        """A drain of all that drops begins, or is over. What is held is thrown away."""
        self.dropping = dropping
        self.commands.clear()
        self.answer = None


def bad_doorbell(queue: int, cq: int, code: int, func: int) -> Event:
    return Event(Kind.BAD_DOORBELL, queue, info=code | cq << 1, func=func)


def sq_failed(queue: int) -> Event:
    return Event(Kind.SQ_FAILED, queue)


def cq_failed(queue: int) -> Event:
    return Event(Kind.CQ_FAILED, queue)


def with_more(queue: int, cid: int, status: int, nsid: int, lba: int) -> Event:
    """A completion with MORE."""
    return Event(Kind.COMMAND, queue, cid=cid, status=status, nsid=nsid, lba=lba)


__all__ = ["Action", "Event", "Mailbox", "What", "act", "bad_doorbell", "cq_failed", "sq_failed", "with_more"]
