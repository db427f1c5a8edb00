# SPDX-License-Identifier: Apache-2.0
"""Monitor and scoreboard: what the memory's log shows of each queue is held against models/nvme.

The monitor knows where queues lie, and nothing of who drives them: a read in a submission queue is an entry that was fetched, a write in a
completion queue an entry that was posted, a back door write something that software did. In the order of time they go to the
scoreboard, which executes each fetched command on the models and expects its entry.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass

from cocotb.utils import get_sim_time
from pyuvm import uvm_analysis_port, uvm_monitor, uvm_subscriber

from models.layout import NvmeCqe, NvmeSqe, NvmeStatus
from models.nvme import commands
from tb.system.nvme import coverage
from tb.system.nvme.kernel import Pair
from tb.system.nvme.predict import Expect
from tb.system.nvme.world import World


@dataclass(frozen=True)
class Poke:
    """Software wrote host memory."""

    t: int
    addr: int
    data: bytes


@dataclass(frozen=True)
class Fetched:
    """A submission entry was read, from this slot."""

    t: int
    qid: int
    slot: int
    sqe: NvmeSqe
    user: int


@dataclass(frozen=True)
class Posted:
    """A completion entry was written, to this slot."""

    t: int
    qid: int
    slot: int
    cqe: NvmeCqe
    user: int


Seen = Poke | Fetched | Posted


class LogMonitor(uvm_monitor):
    """Publishes the log when the run is over. `PAIRS`: the queues."""

    def build_phase(self) -> None:
        self.ap = uvm_analysis_port("ap", self)
        self.world: World = self.cdb_get("WORLD")
        self.pairs: list[Pair] = self.cdb_get("PAIRS")
        self.pokes: list[Poke] = []
        self.world.rig.mem.writes = lambda addr, data: self.pokes.append(Poke(int(get_sim_time("ps")), addr, data))

    def _entries(self) -> list[Seen]:
        out: list[Seen] = []
        for b in self.world.rig.mem.bursts():
            first = b.addr - b.addr % b.beat_bytes
            for q in self.pairs:
                size = q.size + 1
                if not b.write and q.sq <= b.addr < q.sq + 64 * size:
                    skip = b.addr - first
                    raw = b.data[skip:]
                    out += [Fetched(b.t_end, q.qid, (b.addr - q.sq) // 64 + i, NvmeSqe.unpack(raw[64 * i : 64 * i + 64]), b.user) for i in range(len(raw) // 64)]
                if b.write and q.into is None and q.cq <= b.addr < q.cq + 16 * size:
                    for i in range(len(b.data) // 16):
                        if b.strb >> 16 * i & 0xFFFF:
                            assert b.strb >> 16 * i & 0xFFFF == 0xFFFF, "part of an entry"
                            out.append(Posted(b.t_end, q.qid, (first + 16 * i - q.cq) // 16, NvmeCqe.unpack(b.data[16 * i : 16 * i + 16]), b.user))
        return out

    def extract_phase(self) -> None:
        for event in sorted([*self.pokes, *self._entries()], key=lambda e: (e.t, isinstance(e, Posted), isinstance(e, Fetched))):
            self.ap.write(event)


class Scoreboard(uvm_subscriber):
    """Fails on an entry that the models do not give, on one that is missing or comes twice, on slots out of order, and if nothing was compared."""

    def build_phase(self) -> None:
        super().build_phase()
        self.world: World = self.cdb_get("WORLD")
        self.pairs = {q.qid: q for q in self.cdb_get("PAIRS")}
        self.expect: Expect = self.world.expect
        self.heads, self.tails = Counter(), Counter()
        self.waiting: dict[tuple[int, int], tuple[NvmeSqe, commands.Outcome]] = {}
        self.order: dict[int, deque[int]] = {q: deque() for q in self.pairs}
        self.told: dict[int, int] = {}
        self.compared = 0
        self.errors: list[str] = []
        self.require = 1
        self.tamper = None  # tests of the scoreboard itself: changes an event

    def write(self, event: Seen) -> None:
        event = self.tamper(event) if self.tamper else event
        try:
            if isinstance(event, Poke):
                self.expect.host.told(event.addr, event.data)
            elif isinstance(event, Fetched):
                self._fetched(event)
            else:
                self._posted(event)
        except AssertionError as exc:
            self.errors.append(str(exc))

    def _fetched(self, e: Fetched) -> None:
        q = self.pairs[e.qid]
        want = self.heads[e.qid] % (q.size + 1)
        assert e.slot == want, f"queue {e.qid}: entry {e.slot} was fetched, not {want}"
        assert e.user == q.func, f"queue {e.qid}: fetched for function {e.user}"
        self.heads[e.qid] += 1
        assert (e.qid, e.sqe.cid) not in self.waiting, f"queue {e.qid}: CID {e.sqe.cid} is under way"
        self.waiting[e.qid, e.sqe.cid] = e.sqe, self.expect.command(e.qid, e.sqe)
        self.order[e.qid].append(e.sqe.cid)

    def _posted(self, e: Posted) -> None:
        q, cqe = self.pairs[e.qid], e.cqe
        size = q.size + 1
        count = self.tails[e.qid]
        self.tails[e.qid] += 1
        assert e.slot == count % size, f"completion queue {e.qid}: entry {e.slot} was written, not {count % size}"
        assert cqe.phase == 1 - count // size % 2, f"completion queue {e.qid}: phase {cqe.phase} in slot {e.slot}"
        assert e.user == q.func
        assert (cqe.sqid, cqe.cid) in self.waiting, f"an entry of nobody: {cqe}"
        sqe, outcome = self.waiting.pop((cqe.sqid, cqe.cid))
        user = self.pairs[cqe.sqid]
        assert user.home.qid == e.qid, f"queue {cqe.sqid} posts in {e.qid}"
        self.expect.check(cqe, sqe, outcome)
        behind = (self.heads[cqe.sqid] - cqe.sqhd) % (user.size + 1)  # the head was told when the entry was made, so it may lie behind
        told = self.told.get(cqe.sqid, 0)
        assert (cqe.sqhd - told) % (user.size + 1) <= (self.heads[cqe.sqid] - told) % (user.size + 1), f"SQHD {cqe.sqhd}, {behind} behind"
        self.told[cqe.sqid] = cqe.sqhd
        order = self.order[cqe.sqid]
        in_order = order[0] == cqe.cid
        order.remove(cqe.cid)
        self.compared += 1
        coverage.sample(self.world, user, sqe, NvmeStatus(cqe.status), len(self.waiting) + 1, in_order)

    def check_phase(self) -> None:
        assert not self.errors, f"{len(self.errors)} mismatches, the first: {self.errors[0]}"
        assert not self.waiting, f"no entry for {sorted(self.waiting)}"
        assert self.compared >= self.require, f"{self.compared} entries compared, fewer than {self.require}"
