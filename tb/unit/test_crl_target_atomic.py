# SPDX-License-Identifier: Apache-2.0
"""crl_target_atomic: atomics in their order to the unit and back, each answered once, with the place that it had."""

from __future__ import annotations

from collections import deque

import cocotb
import pytest

from models.lay import AT_PEER, FrameFlag, Status
from tb.lib.sim import run_sim
from tb.unit.dma_lib import CycleBench, expects_failure

ENDS = (0, 0, 0, int(Status.KEY_REVOKED), int(Status.READ_SLVERR), int(Status.LINK_ERROR))
FLAGS = 1 << FrameFlag.FIRST | 1 << FrameFlag.LAST


class Bench(CycleBench):
    idle = dict.fromkeys("aq_valid aq_ch aq_peer_ch aq_op_seq aq_tag aq_segaddr aq_user aq_oper aq_swap at_head u_done u_status "
                         "u_old rdt_ok rdp_ready rdf_ready rf_ready".split(), 0)

    def __init__(self, dut) -> None:
        super().__init__(dut)
        self.come = self.go = self.link = 1.0
        self.wrong = 0
        self.begin()

    def begin(self) -> None:
        self.waiting: deque = deque()   # passed the check, not done
        self.due: deque = deque()       # done: (request, status, old)
        self.slots: deque = deque()
        self.taken = self.beat = False
        self.pause = 3
        self.head = False
        self.full = 0

    def drive(self) -> None:
        r, i = self.rng, self.inp
        i["at_head"] = int(self.head and bool(self.waiting))
        if self.pause == 0 and self.room and r.random() < self.come:
            bits = {"ch": 8, "peer_ch": 8, "op_seq": 16, "tag": 16, "segaddr": 64, "user": 8, "oper": 128, "swap": 1}
            self.new = {f"aq_{k}": r.getrandbits(w) for k, w in bits.items()}
            i.update(aq_valid=1, **self.new)
            self.pause = 3
        self.pause = max(0, self.pause - 1)
        if i["at_head"] and r.random() < self.go:
            i.update(u_done=1, u_status=r.choice(ENDS), u_old=r.getrandbits(64))
        for name in ("rdt_ok", "rdp_ready", "rdf_ready", "rf_ready"):
            i[name] = int(r.random() < self.link)

    def check(self) -> None:
        g, i = self.get, self.inp
        assert g("u_valid") == i["at_head"] and g("at_done") == i["u_done"]
        if i["at_head"]:
            want = self.waiting[0]
            for k in ("segaddr", "ch", "user", "oper", "swap"):
                assert g(f"u_{k}") == want[f"aq_{k}"] ^ (self.wrong if k == "oper" else 0), k
        assert g("rdt_take") == (g("rdt_want") and i["rdt_ok"])
        if g("rdt_take"):
            assert self.due and not self.taken, "room is taken for nothing"
            self.taken, self.beat = True, self.due[0][1] == 0
        if g("rdp_valid"):
            assert self.taken and self.beat, "a beat without room, or of one that failed"
            assert g("rdp_data") == self.due[0][2]
            self.beat = not i["rdp_ready"]
        if g("rdf_valid"):
            assert self.taken and not self.beat and not self.slots, "fields before their beat"
            ask, status, _ = self.due[0]
            got = {k: g(f"rdf_{k}") for k in ("src_ch", "dst_ch", "op_seq", "tag", "segaddr", "total", "offset", "len", "status", "flags")}
            assert got == {
                "src_ch": ask["aq_ch"], "dst_ch": ask["aq_peer_ch"], "op_seq": ask["aq_op_seq"], "tag": ask["aq_tag"],
                "segaddr": ask["aq_segaddr"], "total": 8, "offset": 0, "len": 0 if status else 8,
                "status": status | AT_PEER if status else 0, "flags": FLAGS,
            }
            if i["rdf_ready"]:
                self.slots.append(ask["aq_peer_ch"])
                self.due.popleft()
                self.taken = False
                self.compared += 1
        if g("rf_valid") and i["rf_ready"]:
            assert self.slots.popleft() == g("rf_ch")
        if i["u_done"]:
            self.due.append((self.waiting.popleft(), i["u_status"], i["u_old"]))
        if i["aq_valid"]:
            self.waiting.append(self.new)
        self.room = g("aq_room")
        self.full += not self.room
        assert len(self.waiting) + len(self.due) <= self.p["DEPTH"], "more than there are places for"
        self.head = bool(self.waiting) and self.rng.random() < 0.7

    room = 0


async def bench_of(dut) -> Bench:
    bench = Bench(dut)
    await bench.reset()
    return bench


@cocotb.test()
async def random_traffic(dut):
    """*Stimulus*: atomics as fast as the check gives them, or seldom; a unit and a link that are fast, slow or stuck for long; results
    good and bad. *Checking*: order and fields to the unit, the answer's beat, fields and length, slots, never more than DEPTH."""
    bench = await bench_of(dut)
    for come in (1.0, 0.2):
        for go in (1.0, 0.1):
            for link in (1.0, 0.4, 0.05):
                bench.come, bench.go, bench.link = come, go, link
                await bench.step(300)
    assert bench.compared > 200 and bench.full > 20


@cocotb.test()
async def unit_never_waits_for_the_link(dut):
    """*Stimulus*: the link takes nothing. *Checking*: all places are used, all of them are carried out, then no further one is let in."""
    bench = await bench_of(dut)
    bench.link = 0
    await bench.step(200)
    assert len(bench.due) == bench.p["DEPTH"] and not bench.waiting and not bench.room
    bench.link = 1.0
    await bench.step(100)
    assert bench.compared > bench.p["DEPTH"]


@cocotb.test()
async def reset_midway(dut):
    """*Stimulus*: resets at random moments. *Checking*: nothing of before comes out, and it works as new."""
    bench = await bench_of(dut)
    for _ in range(20):
        bench.link = bench.rng.choice((0.2, 1.0))
        await bench.step(bench.rng.randrange(1, 40))
        bench.begin()
        bench.room = 0
        await bench.reset()
    bench.link = 1.0
    await bench.step(200)
    assert bench.compared > 20


@cocotb.test()
async def scoreboard_fails(dut):
    """*Stimulus*: a wrong operand in the model. *Checking*: the bench fails."""
    bench = await bench_of(dut)
    bench.wrong = 1
    await expects_failure(bench.step(100))


@pytest.mark.parametrize(("data_w", "depth"), [(64, 8), (512, 2)])
def test_crl_target_atomic(sim, data_w, depth):
    run_sim("crl_target_atomic", __name__, sim=sim, parameters={"DATA_W": data_w, "FUNC_W": 8, "DEPTH": depth})
