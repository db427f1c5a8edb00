# SPDX-License-Identifier: Apache-2.0
"""Is there an order of writes and atomics on one 8-byte cell that explains what was seen?

Each effect happens at one moment of its interval [t0, t1]: for a write burst from its address to its
response, for an atomic from the address of its read to the response of its write. Two effects whose intervals
don't overlap happen in that order. What an atomic returned must be the value just before it. An effect that
may not have happened (its operation was lost) may be left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from models.events import AxiRead, AxiWrite
from models.memory import strobe_runs

CELL = 8
MASK = (1 << 64) - 1


@dataclass(frozen=True)
class Store:
    """Bytes [at, at + len(data)) of the cell are written."""

    t0: int
    t1: int
    at: int
    data: bytes
    sure: bool = True  # False: it may not have happened
    name: str = ""

    def apply(self, value: int) -> int | None:
        raw = bytearray(value.to_bytes(CELL, "little"))
        raw[self.at : self.at + len(self.data)] = self.data
        return int.from_bytes(raw, "little")


@dataclass(frozen=True)
class Atomic:
    """FETCH_ADD, or CMP_SWAP if `swap` is given; `old` None: nobody was told."""

    t0: int
    t1: int
    operand: int  # addend or compare
    swap: int | None = None
    old: int | None = None
    sure: bool = True
    name: str = ""

    def apply(self, value: int) -> int | None:
        """The value after it; None: it can't have returned what it did."""
        if self.old is not None and self.old != value:
            return None
        if self.swap is None:
            return (value + self.operand) & MASK
        return self.swap if value == self.operand else value


@dataclass(frozen=True)
class Exchange:
    """An atomic as the memory port shows it: `old` was read, `new` written."""

    t0: int
    t1: int
    old: int
    new: int
    sure: bool = True
    name: str = ""

    def apply(self, value: int) -> int | None:
        return self.new if value == self.old else None


Effect = Store | Atomic | Exchange


def on_the_bus(
    node: str, cell: int, events: Iterable[object], unit: tuple[int, int]
) -> list[Effect]:
    """What a memory port's monitor saw of a cell: every write burst that touches it, whoever made it; reads of AR
    ID `unit[0]` with the write of AW ID `unit[1]` that follows are the atomic unit's."""
    out: list[Effect] = []
    reads: list[AxiRead] = []
    for e in events:
        if isinstance(e, AxiRead) and (e.node, e.id) == (node, unit[0]):
            reads.append(e)
        if not isinstance(e, AxiWrite) or e.node != node or e.resp:
            continue
        base = e.addr - e.addr % e.beat_bytes
        for lo, hi in strobe_runs(e.strb):
            a, b = max(base + lo, cell), min(base + hi, cell + CELL)
            if a >= b:
                continue
            data = e.data[a - base : b - base]
            mine = [r for r in reads if r.t_data <= e.t_addr] if e.id == unit[1] else []
            if not mine:
                out.append(Store(e.t_addr, e.t_resp, a - cell, data, name=f"ID {e.id}"))
                continue
            r = mine[-1]
            at = cell - (r.addr - r.addr % r.beat_bytes)
            old = int.from_bytes(r.data[at : at + CELL], "little")
            new = int.from_bytes(data, "little")
            out.append(Exchange(r.t_addr, e.t_resp, old, new, name="atomic unit"))
    return out


def linearise(
    initial: int, effects: Iterable[Effect], final: int | None = None
) -> list[Effect] | None:
    """An order that explains all, without those left out; None if there is none."""
    todo = sorted(effects, key=lambda e: (e.t0, e.t1))
    dead: set[tuple[frozenset[int], int]] = set()

    def search(left: frozenset[int], value: int) -> list[int] | None:
        if not any(todo[i].sure for i in left) and (final is None or value == final):
            return []
        if (left, value) in dead:
            return None
        first_end = min((todo[i].t1 for i in left if todo[i].sure), default=1 << 200)
        for i in sorted(left):
            e = todo[i]
            if e.t0 > first_end:
                break  # something sure ended before it began
            after = e.apply(value)
            if after is not None:
                # What may not have happened, and ended before this began, did not.
                late = {j for j in left if not todo[j].sure and todo[j].t1 < e.t0}
                rest = search(left - {i} - late, after)
                if rest is not None:
                    return [i, *rest]
            if not e.sure:  # it did not happen
                rest = search(left - {i}, value)
                if rest is not None:
                    return rest
        dead.add((left, value))
        return None

    order = search(frozenset(range(len(todo))), initial)
    return None if order is None else [todo[i] for i in order]


def explain(initial: int, effects: Sequence[Effect], final: int | None = None) -> str | None:
    """None if it can be explained, else a sentence for a report."""
    if linearise(initial, effects, final) is not None:
        return None
    rows = "; ".join(
        f"[{e.t0}, {e.t1}] {e.name or type(e).__name__}"
        + (f" returned {e.old:#x}" if not isinstance(e, Store) and e.old is not None else "")
        for e in sorted(effects, key=lambda e: e.t0)
    )
    end = "" if final is None else f", ends with {final:#x}"
    return f"no order explains the cell: begins with {initial:#x}{end}; {rows}"
