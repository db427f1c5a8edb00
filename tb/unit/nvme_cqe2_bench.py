# SPDX-License-Identifier: Apache-2.0
"""Bench of crl_nvme_cqe with both ways to reserve: beside CqeBench somebody who wants one slot at a time (rs2_*) and gives some back (rb2_*)."""

from __future__ import annotations

from collections import deque

from tb.unit.nvme_cqe_bench import LAG, CqeBench

WITHIN = 64  # cycles until the second way is served
LATE = 4  # cycles that the first way's answer may come later when both meet


class TwoWays(CqeBench):
    """`want2`: SQs for which a slot is wanted; `back2`: those whose slot is given back. `held2` has what was got."""

    def _fresh(self) -> None:
        super()._fresh()
        self.want2: deque[int] = deque()
        self.back2: deque[int] = deque()
        self.held2: list[int] = []
        self.asking = self.giving = None
        self.asked_at = self.gave_at = self.second_at = -100
        self.room2: deque[dict[int, int]] = deque(maxlen=LAG + LATE)
        self.got2, self.none2 = getattr(self, "got2", 0), getattr(self, "none2", 0)
        self.worst = getattr(self, "worst", 0)
        self.met = getattr(self, "met", 0)
        self.lie2 = ""

    def drive_second(self) -> None:
        if self.asking is None and self.want2:
            self.asking, self.asked_at = self.want2.popleft(), self.now
        if self.giving is None and self.back2:
            self.giving, self.gave_at = self.back2.popleft(), self.now
        self.put("rs2_valid", int(self.asking is not None))
        self.put("rs2_qid", self.asking if self.asking is not None else self.rng.randrange(self.n))
        self.put("rb2_valid", int(self.giving is not None))
        self.put("rb2_qid", self.giving if self.giving is not None else self.rng.randrange(self.n))
        if self.asking is not None or self.giving is not None:
            self.second_at = self.now
        sure = {}
        for cqid in self.live:
            pending = self.ask.want if self.ask is not None and self.m.cq_of[self.ask.qid] == cqid else 0
            sure[cqid] = self.room(cqid)[0] - pending
        self.room2.append(sure)

    def check_second(self) -> None:
        d = self.dut
        if self.asking is not None:
            self.worst = max(self.worst, self.now - self.asked_at)
            assert self.now - self.asked_at <= WITHIN, "the second way is not served"
            if int(d.rs2_ready.value):
                self._second_got(self.asking, int(d.rs2_got.value) ^ (self.lie2 == "got"))
                self.asking = None
        if self.giving is not None:
            self.worst = max(self.worst, self.now - self.gave_at)
            assert self.now - self.gave_at <= WITHIN, "the second way does not take a slot back"
            if int(d.rb2_ready.value):
                self.m.give_back(self.giving, 1)
                self.side[self.m.cq_of[self.giving]].dropped.append((0, self.now))  # some cycles until it counts
                self.giving = None

    def _second_got(self, sqid: int, got: int) -> None:
        cqid = self.m.cq_of[sqid]
        if cqid is None or not self.m.cqs[cqid].valid:
            assert not got, "a slot of a queue that is not there"
            return
        cq = self.m.cqs[cqid]
        if not cq.dead:
            assert got <= cq.free, f"a slot of CQ {cqid}, {cq.reserved} reserved, {cq.unread} unread, size {cq.size}"
            sure = min(r.get(cqid, 0) for r in self.room2)
            assert got or sure < 1, f"no slot of CQ {cqid}, {sure} are free"
        self.compared += 1
        self.got2 += got
        self.none2 += not got
        cq.reserved += got
        self.held2 += [sqid] * got
        if self.ask is not None and self.m.cq_of[self.ask.qid] == cqid:
            self.ask.least = max(0, self.ask.least - got)
            self.met += 1

    def slack(self) -> int:
        return LATE if self.ask is not None and self.second_at >= self.ask.at - LATE else 0
