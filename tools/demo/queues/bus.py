# SPDX-License-Identifier: Apache-2.0
"""The memory's log of the second act: who touched what, and how long each command took.

The log has every burst with the function it was made for; the namespaces are accessed for function 0, the controller. So what a
function reaches of the host is seen burst by burst, and of the blocks it is bookkeeping: what was read and written in A's
blocks has to be exactly what A asked for, and nothing in what belongs to nobody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from models.layout import NvmeCqe, NvmeSqe
from tb.lib.fastmem import Burst
from tools.demo.queues.plan import BLOCK, PAGE, PERIOD

KINDS = ("entry", "answer", "data", "data", "list")  # of an application's ranges, in their order


@dataclass
class Row:
    """Commands of one kind of one application. Latencies in cycles."""

    app: str
    op: str
    commands: int = 0
    bytes: int = 0
    cycles: int = 0  # from the first doorbell to the last entry; 0: it was not all it did
    from_doorbell: list[int] = field(default_factory=list)
    from_fetch: list[int] = field(default_factory=list)


@dataclass
class Attempt:
    """What an attempt has left in the log."""

    own: list[str]  # bursts in the culprit's own memory, by what lies there
    elsewhere: int


@dataclass
class Books:
    """All that the log says."""

    rows: list[Row]
    attempts: list[Attempt]
    complaints: list[str]
    bursts: int
    read: int  # bytes, in A's blocks
    written: int


def touched(b: Burst) -> tuple[int, int]:
    """First byte and number of bytes: of a read all that its beats bring, of a write what has a strobe."""
    first = b.addr - b.addr % b.beat_bytes
    if not b.write:
        return b.addr, first + b.beats * b.beat_bytes - b.addr
    low = (b.strb & -b.strb).bit_length() - 1
    return first + low, b.strb.bit_length() - low


def where(app: dict, first: int, count: int) -> str | None:
    """What of the application's memory this is; None: it leaves it."""
    for kind, (base, pages, _) in zip(KINDS, app["ranges"], strict=True):
        if base <= first and first + count <= base + pages * PAGE:
            return kind
    return None


def meets(app: dict, first: int, count: int) -> bool:
    return any(base < first + count and first < base + pages * PAGE for base, pages, _ in app["ranges"])


class Reader:
    """Goes through the log once."""

    def __init__(self, result: dict) -> None:
        self.result = result
        self.apps: list[dict] = result["apps"]
        self.fetched: dict[int, list[tuple[int, int]]] = {a["qid"]: [] for a in self.apps}  # (slot, time)
        self.posted: dict[tuple[int, int], list[int]] = {}  # (queue, CID): times
        self.attempts = [Attempt([], 0) for _ in result["tries"]]
        self.traffic: Counter = Counter()  # (whose blocks, "r" or "w"): bytes
        self.complaints: list[str] = []
        self.spaces = self._spaces()

    def _spaces(self) -> list[tuple[str, int, int]]:
        """(owner, first byte, bytes) of what has to be told apart; the rest of the namespaces belongs to nobody."""
        base = self.result["namespaces"][0][0]
        owned = [(a["name"], base + a["slba"] * BLOCK, a["nlb"] * BLOCK) for a in self.apps]
        return owned + [("nobody", at, count) for at, count in self.result["namespaces"]]

    def burst(self, b: Burst) -> None:
        first, count = touched(b)
        if count <= 0:
            return
        for owner, base, size in self.spaces:
            if base <= first < base + size:
                self.traffic[owner, "w" if b.write else "r"] += b.strb.bit_count() if b.write else count
                break
        for app in self.apps:
            if b.user == app["func"]:
                self._own(app, b, first, count)
            elif meets(app, first, count):
                self.complaints.append(f"{app['name']}'s memory at {first:#x} was {'written' if b.write else 'read'} for function {b.user}")

    def _own(self, app: dict, b: Burst, first: int, count: int) -> None:
        kind = where(app, first, count)
        if kind is None:
            self.complaints.append(f"{app['name']} {'wrote' if b.write else 'read'} {count} bytes at {first:#x}, outside its memory")
        elif kind == "entry":
            self.fetched[app["qid"]] += [((b.addr - app["sq"]) // NvmeSqe.SIZE + i, b.t_addr) for i in range(count // NvmeSqe.SIZE)]
        elif kind == "answer":
            self._posted(app, b)
        if app is self.apps[-1]:
            for t, seen in zip(self.result["tries"], self.attempts, strict=True):
                if t["begin"] <= b.t_addr <= t["end"]:
                    seen.own += [kind] if kind else []
                    seen.elsewhere += kind is None

    def _posted(self, app: dict, b: Burst) -> None:
        for i in range(0, len(b.data), NvmeCqe.SIZE):
            if b.strb >> i & 1:
                cqe = NvmeCqe.unpack(b.data[i : i + NvmeCqe.SIZE])
                self.posted.setdefault((app["qid"], cqe.cid), []).append(b.t_end)

    # ---- when all was read
    def close(self, bursts: int) -> Books:
        self._blocks()
        rows = self._rows()
        for t, seen in zip(self.result["tries"], self.attempts, strict=True):
            want = {"entry", "answer"} if t["entry"] else set()
            if not want <= set(seen.own) or not t["entry"] and seen.own:
                self.complaints.append(f"{t['what']}: on the bus {seen.own}, not {sorted(want)}")
        return Books(rows, self.attempts, self.complaints, bursts, self.traffic["A", "r"], self.traffic["A", "w"])

    def asked(self, app: str, op: str) -> int:
        return sum(c["blocks"] * BLOCK for c in self.result["commands"] if (c["app"], c["op"]) == (app, op) and c["honest"])

    def _blocks(self) -> None:
        for key, want in ((("A", "r"), self.asked("A", "READ")), (("A", "w"), self.asked("A", "WRITE")), (("B", "w"), self.asked("B", "WRITE")),
                          (("nobody", "r"), 0), (("nobody", "w"), 0)):
            got = self.traffic[key]
            if got != want:
                self.complaints.append(f"{got} bytes {'read' if key[1] == 'r' else 'written'} in the blocks of {key[0]}, not {want}")

    def _rows(self) -> list[Row]:
        rows: dict[tuple[str, str], Row] = {}
        spans: dict[tuple[str, str], list[int]] = {}
        for app in self.apps:
            mine = [c for c in self.result["commands"] if c["app"] == app["name"]]
            fetched = self.fetched[app["qid"]]
            if [slot for slot, _ in fetched] != [n % app["entries"] for n in range(len(mine))]:
                self.complaints.append(f"{app['name']} published {len(mine)} commands; {len(fetched)} entries were fetched, or not in their order")
                continue
            for c, (_, fetch) in zip(mine, fetched, strict=True):
                ends = self.posted.get((app["qid"], c["cid"]), [])
                if len(ends) != 1:
                    self.complaints.append(f"{app['name']}, command {c['cid']}: {len(ends)} completion entries")
                    continue
                if not c["honest"]:
                    continue
                key = c["app"], c["op"]
                row = rows.setdefault(key, Row(*key))
                rung = c["rung"] * PERIOD + PERIOD // 2
                row.commands += 1
                row.bytes += c["blocks"] * BLOCK
                row.from_doorbell.append((ends[0] - rung) // PERIOD)
                row.from_fetch.append((ends[0] - fetch) // PERIOD)
                span = spans.setdefault(key, [rung, ends[0]])
                span[0], span[1] = min(span[0], rung), max(span[1], ends[0])
        for key, row in rows.items():
            row.from_doorbell.sort()
            row.from_fetch.sort()
            if key[0] == "A":
                row.cycles = (spans[key][1] - spans[key][0]) // PERIOD
        return list(rows.values())


def read_books(bursts: Iterable[Burst] | Sequence[Burst], result: dict) -> Books:
    """What the log says of this run."""
    reader, count = Reader(result), 0
    for b in bursts:
        reader.burst(b)
        count += 1
    return reader.close(count)
