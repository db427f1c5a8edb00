# SPDX-License-Identifier: Apache-2.0
"""crl_atomic: each atomic is one read and one write of its 8 bytes under the lock, judged by the model's arithmetic."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cocotb
import pytest
from cocotb.triggers import FallingEdge, ReadOnly, RisingEdge

from models.atomics import outcome
from models.lay import Op, Status
from models.segments import R_ATOMIC, R_READ, R_REMOTE, R_WRITE, Segment, SegmentTable, User
from tb.lib.sim import run_sim
from tb.unit.dma_lib import CycleBench, expects_failure

CELLS = 4
ERRORS = {2: ("READ_SLVERR", "WRITE_SLVERR"), 3: ("READ_DECERR", "WRITE_DECERR")}


@dataclass(frozen=True)
class Ask:
    """What one peer wants."""

    seg: int
    ch: int
    user: int
    oper: int
    swap: int


class Bench(CycleBench):
    idle = dict.fromkeys(
        "u_valid u_segaddr u_ch u_user u_oper u_swap peer_up seg_entry lock_over ar_ready r_valid r_data r_resp "
        "wb_ready wb_b_valid wb_b_resp".split(), 0)

    def __init__(self, dut) -> None:
        super().__init__(dut)
        p, rng = self.p, self.rng
        self.peers, self.width, self.segs = p["PEERS"], p["DATA_W"] // 8, p["SEGMENTS"]
        self.table = SegmentTable(self.segs)
        for i in range(self.segs):
            rights = R_REMOTE | rng.choice([R_ATOMIC, R_ATOMIC, R_ATOMIC | R_READ | R_WRITE, R_READ | R_WRITE])
            self.table.set(i, Segment(True, rng.randrange(1, 1 << 30) << 12, rng.choice([64, 4096, 1 << 33]), rights,
                                      rng.randrange(4), rng.choice([15, rng.randrange(self.peers)]), rng.getrandbits(12)))
        self.mem: dict[int, int] = {}
        self.asks: list[Ask | None] = [None] * self.peers
        self.rate = self.ready = 1.0
        self.error = 0.0
        self.up = (1 << self.peers) - 1
        self.state = "idle"   # of the one that is under way: idle, locked, read, write
        self.who = self.over_in = self.r_in = self.b_in = -1
        self.counts: dict[str, int] = {}
        self.wrong = 0
        self.b_resp = 0
        self.served: list[int] = []

    def ask(self) -> Ask:
        rng = self.rng
        i = rng.randrange(self.segs)
        s = self.table.get(i)
        gen = s.gen ^ (rng.random() < 0.1)
        seg = i << 52 | gen << 40 | 8 * rng.choice([rng.randrange(CELLS), rng.randrange(CELLS), s.size // 8])
        ch = s.channel if rng.random() < 0.9 else s.channel ^ 1
        oper = rng.choice([0, 1, rng.randrange(4), rng.getrandbits(64)]) | rng.choice([0, 2, rng.getrandbits(64)]) << 64
        return Ask(seg, ch, rng.getrandbits(8), oper, rng.getrandbits(1))

    def at(self, addr: int) -> int:
        return self.mem.setdefault(addr, self.rng.choice([0, 1, 2, (1 << 64) - 1]))

    def drive(self) -> None:
        rng, i = self.rng, self.inp
        for p in range(self.peers):
            if self.asks[p] is None and rng.random() < self.rate:
                self.asks[p] = self.ask()
            a = self.asks[p] or Ask(rng.getrandbits(64), rng.getrandbits(8), rng.getrandbits(8), rng.getrandbits(128), 0)
            i["u_valid"] |= (self.asks[p] is not None) << p
            i["u_segaddr"] |= a.seg << 64 * p
            i["u_ch"] |= a.ch << 8 * p
            i["u_user"] |= a.user << 8 * p
            i["u_oper"] |= a.oper << 128 * p
            i["u_swap"] |= a.swap << p
        i["peer_up"] = self.up
        i["lock_over"] = int(self.over_in == 0)
        i["ar_ready"], i["wb_ready"] = int(rng.random() < self.ready), int(rng.random() < self.ready)
        i["r_data"], i["r_resp"] = rng.getrandbits(8 * self.width), 0
        if self.r_in == 0:
            lane = self.addr % self.width
            mask = (1 << 64) - 1 << 8 * lane
            self.r_resp = rng.choice([2, 3]) if rng.random() < self.error else rng.choice([0, 1])
            i.update(r_valid=1, r_resp=self.r_resp, r_data=i["r_data"] & ~mask | self.old << 8 * lane)
        if self.b_in == 0:
            self.b_resp = rng.choice([2, 3]) if rng.random() < self.error else 0
            i.update(wb_b_valid=1, wb_b_resp=self.b_resp)
        for name in ("over_in", "r_in", "b_in"):
            setattr(self, name, max(-1, getattr(self, name) - 1))

    async def step(self, count: int = 1) -> None:
        """The segment table answers in the same cycle, so it is looked up between drive and check."""
        for _ in range(count):
            self.inp = dict(self.idle)
            self.drive()
            self.inp.pop("seg_entry")
            self._apply()
            await ReadOnly()
            word = self._handle("seg_idx").value
            word = int(word) if word.is_resolvable else 0
            await FallingEdge(self.dut.clk)
            self._handle("seg_entry").value = self.entry(word)
            await ReadOnly()
            self.check()
            self.now += 1
            await RisingEdge(self.dut.clk)

    def entry(self, index: int) -> int:
        s = self.table.get(index)
        return (s.valid << 123 | s.gen << 111 | s.rights << 105 | s.channel << 97 | s.peer << 93 | s.size << 52 | s.base >> 12)

    def count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    def check(self) -> None:
        g, i = self.get, self.inp
        if g("lock") and self.state == "idle":
            # Which of them it is shows with the address; ends tell.
            self.addr = g("lock_addr") << 3
            self.old, self.state, self.new = self.at(self.addr), "locked", None
            self.over_in = self.rng.choice([0, 1, 12])
            self.passed = False
        if i["lock_over"]:
            self.passed = True
        assert g("lock") == (self.state != "idle"), "the lock"
        if g("ar_valid"):
            assert self.state == "locked" and self.passed, "read before what was granted had its responses"
            assert g("ar_addr") == self.addr
            self.user = g("ar_user")
            if i["ar_ready"]:
                self.state, self.r_in = "read", self.rng.choice([0, 1, 9])
        if i["r_valid"]:
            self.state = "failed" if self.r_resp & 2 else "write"
        if g("wb_valid"):
            assert self.state == "write" and g("wb_addr") == self.addr and g("wb_user") == self.user
            lane = self.addr % self.width
            assert g("wb_strb") == 0xFF << lane
            self.new = g("wb_data") >> 8 * lane & (1 << 64) - 1
            if i["wb_ready"]:
                self.state, self.b_in = "owed", self.rng.choice([0, 3, 15])
        if i["wb_b_valid"]:
            self.state = "done"
        if g("u_done"):
            self.end(g("u_done"))

    def end(self, done: int) -> None:
        p = done.bit_length() - 1
        assert done == 1 << p and self.asks[p] is not None, "the end of nothing"
        a, self.asks[p] = self.asks[p], None
        self.served.append(p)
        status = self.get("u_status")
        check = self.table.check(a.seg, 8, User(a.ch, p), R_ATOMIC)
        if not self.up >> p & 1:
            want = Status.LINK_ERROR
        elif not check.ok:
            want = check.status
        else:
            assert self.state in ("done", "failed"), f"it ended when it was {self.state}"
            assert (self.addr, self.user) == (check.addr, a.user), "another cell, or for somebody else"
            want = Status.OK
            if self.state == "failed":
                want = Status[ERRORS[self.r_resp][0]]
            else:
                made = outcome(Op.CMP_SWAP if a.swap else Op.FETCH_ADD, a.oper & (1 << 64) - 1, a.oper >> 64,
                               self.old.to_bytes(8, "little"))
                assert self.new == int.from_bytes(made, "little"), f"{self.old:#x} became {self.new:#x}"
                if self.b_resp & 2:
                    want = Status[ERRORS[self.b_resp][1]]
                else:
                    self.mem[self.addr] = self.new
                    assert self.get("u_old") ^ self.wrong == self.old, "the old value"
        if want not in (Status.OK, *(Status[n] for names in ERRORS.values() for n in names)):
            assert self.state == "idle", "a refused one locks nothing"
        assert status == want, f"{Status(status).name}, must be {Status(want).name}"
        self.count(Status(want).name)
        self.compared += 1
        self.state = "idle"


async def bench_of(dut) -> Bench:
    bench = Bench(dut)
    await bench.reset()
    return bench


@cocotb.test()
async def random_atomics(dut):
    """*Stimulus*: FETCH_ADD and CMP_SWAP of all peers on a few cells; good and wrong segments; memory and lock fast and slow; idle
    peers; error responses; links that are down. *Checking*: order lock, read, write, unlock; address, user, strobes; new and
    old value; status; nothing is locked, read or written for what is refused."""
    bench = await bench_of(dut)
    for rate in (1.0, 0.3, 0.05):
        for ready in (1.0, 0.5, 0.1):
            bench.rate, bench.ready = rate, ready
            bench.error = 0.15 if ready == 0.5 else 0.0
            await bench.step(1500)
            bench.up = bench.rng.getrandbits(bench.peers) if rate == 0.3 else bench.up
            if rate == 0.3:   # changes only between atomics
                bench.up = (1 << bench.peers) - 1
    names = {"OK", "READ_SLVERR", "WRITE_DECERR", "KEY_REVOKED", "SEG_RIGHTS", "SEG_BINDING", "SEG_RANGE"}
    assert names <= set(bench.counts), bench.counts
    assert bench.counts["OK"] > 60
    assert set(bench.served) == set(range(bench.peers))


@cocotb.test()
async def peers_take_turns(dut):
    """*Stimulus*: all peers always want something. *Checking*: none is served twice before each has been."""
    bench = await bench_of(dut)
    await bench.step(900)
    n = bench.peers
    for k in range(0, len(bench.served) - n, n):
        assert len(set(bench.served[k : k + n])) == n, bench.served
    assert len(bench.served) > 30


@cocotb.test()
async def link_down(dut):
    """*Stimulus*: atomics while the links are down. *Checking*: LINK_ERROR, no lock, no access."""
    bench = await bench_of(dut)
    bench.up = 0
    await bench.step(300)
    assert set(bench.counts) == {"LINK_ERROR"} and bench.counts["LINK_ERROR"] > 20
    bench.up = (1 << bench.peers) - 1
    bench.asks = [None] * bench.peers


@cocotb.test()
async def revoked_while_it_waits(dut):
    """*Stimulus*: the entry changes its generation while the atomic is on its way to the unit. *Checking*: KEY_REVOKED, nothing is touched."""
    bench = await bench_of(dut)
    index = next(i for i in range(bench.segs) if bench.table.get(i).rights & R_ATOMIC)
    s = bench.table.get(index)
    bench.rate = 0
    bench.asks[0] = Ask(index << 52 | s.gen << 40, s.channel, 5, 1, 0)
    bench.table.set(index, replace(s, gen=s.gen ^ 3, peer=15))
    await bench.step(30)
    assert bench.counts == {"KEY_REVOKED": 1}


@cocotb.test()
async def latency(dut):
    """*Stimulus*: one atomic, everything ready at once. *Checking*: the cycles that the header of the module gives."""
    bench = await bench_of(dut)
    index = next(i for i in range(bench.segs) if bench.table.get(i).rights & R_ATOMIC)
    s = replace(bench.table.get(index), peer=15)
    bench.table.set(index, s)
    bench.rate = 0
    await bench.step(3)
    bench.rng.choice = lambda seq: seq[0]
    bench.asks[0] = Ask(index << 52 | s.gen << 40, s.channel, 5, 1, 0)
    seen = {}
    for k in range(40):
        await bench.step()
        for name in ("lock", "ar_valid", "wb_valid", "u_done"):
            if bench.get(name) and name not in seen:
                seen[name] = k
    assert seen["lock"] == 4 and seen["ar_valid"] - seen["lock"] <= 3 and seen["u_done"] <= 14, seen


@cocotb.test()
async def reset_midway(dut):
    """*Stimulus*: resets at random moments. *Checking*: no lock and no access after them, and it works as new."""
    bench = await bench_of(dut)
    for _ in range(20):
        await bench.step(bench.rng.randrange(1, 25))
        bench.asks = [None] * bench.peers
        bench.state, bench.over_in, bench.r_in, bench.b_in = "idle", -1, -1, -1
        await bench.reset()
        assert not bench.get("lock") and not bench.get("ar_valid") and not bench.get("wb_valid")
    await bench.step(600)
    assert bench.counts.get("OK", 0) > 5


@cocotb.test()
async def scoreboard_fails(dut):
    """*Stimulus*: a wrong bit in the old value. *Checking*: the bench fails."""
    bench = await bench_of(dut)
    bench.wrong = 1
    await expects_failure(bench.step(400))


@pytest.mark.parametrize(("data_w", "peers"), [(64, 1), (512, 3), (128, 2)])
def test_crl_atomic(sim, data_w, peers):
    run_sim("crl_atomic", __name__, sim=sim, parameters={"DATA_W": data_w, "PEERS": peers, "SEGMENTS": 8, "FUNC_W": 8})
