# SPDX-License-Identifier: Apache-2.0
"""crl_dma_pair: a CMP_SWAP and the slot behind it, however they arrive."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import cocotb
import pytest

from models.lay import Op
from tb.lib.sim import run_sim
from tb.unit.dma_lib import CycleBench, expects_failure


@dataclass(eq=False)
class Entry:
    """In the pool."""

    idx: int
    op: int
    waits: bool = False        # for its second slot
    swap: int | None = None


class Bench(CycleBench):
    idle = dict.fromkeys("cfg_we cfg_ch d_valid d_ch d_idx d_op d_oper d_bad d_alone pk_en pk_idx pk_ch".split(), 0)

    def __init__(self, dut) -> None:
        super().__init__(dut)
        self.n, self.size = self.p["CHANNELS"], self.p["PREFETCH"]
        self.begin()
        self.rate, self.pick_rate, self.wrong = 0.5, 0.5, 0
        self.counts = dict.fromkeys("two one half alone other again anew".split(), 0)

    def begin(self) -> None:
        self.staged = [deque() for _ in range(self.n)]
        self.dead = [False] * self.n       # behind an error: executes nothing more
        self.free = list(range(self.size))
        self.open = [None] * self.n
        self.again = 0   # channels in which one that waits has just taken another's place: they show nothing for a cycle
        self.picked: tuple[Entry, bool] | None = None

    def drive(self) -> None:
        r, i = self.rng, self.inp
        if self.free and r.random() < self.rate:
            ch = r.randrange(self.n)
            op = r.choice([Op.CMP_SWAP, Op.CMP_SWAP, Op.EXT, Op.EXT, Op.FETCH_ADD, Op.NOP])
            self.dead[ch] = self.dead[ch] or r.random() < 0.002
            i.update(d_valid=1, d_ch=ch, d_idx=self.free[0], d_op=int(op), d_oper=r.getrandbits(64), d_bad=int(self.dead[ch]),
                     d_alone=int(r.random() < 0.1))
        ch = r.randrange(self.n)
        if self.dead[ch] and r.random() < 0.1:   # the channel begins anew
            i.update(cfg_we=1, cfg_ch=ch)
            if i["d_valid"] and i["d_ch"] == ch:
                i["d_valid"] = 0
        ch = r.randrange(self.n)
        if self.staged[ch] and self.picked is None and r.random() < self.pick_rate:  # every second cycle at most
            i.update(pk_en=1, pk_idx=self.staged[ch][0].idx, pk_ch=ch)

    def check(self) -> None:
        i, g = self.inp, self.get
        if self.picked:
            e, waited = self.picked
            self.picked = None
            if not self.dead[self.pick_ch]:
                # What came in the very cycle of the pick may have ended its waiting without giving it a second slot.
                settled = waited and not e.waits and e.swap is None
                assert settled or g("half") == waited, "whether it waits"
                half = g("half")
                self.counts["half"] += half
                if not half:
                    assert g("two") == (e.swap is not None), f"{Op(e.op).name}: slots"
                    if e.swap is not None:
                        assert g("swap") == e.swap ^ self.wrong
                    self.counts["two" if e.swap is not None else "one"] += 1
                    if e in self.staged[self.pick_ch]:
                        self.staged[self.pick_ch].remove(e)
                        self.free.append(e.idx)
                    self.compared += 1
        assert g("open") == sum((e is not None) << c for c, e in enumerate(self.open)) & ~self.again
        self.again = 0
        if i["pk_en"]:
            e = self.staged[i["pk_ch"]][0]
            self.picked, self.pick_ch = (e, e.waits), i["pk_ch"]
        if i["d_valid"]:
            self.arrive(i)
        if i["cfg_we"]:
            ch = i["cfg_ch"]
            self.free += [e.idx for e in self.staged[ch]]
            self.staged[ch].clear()
            self.open[ch] = None
            self.dead[ch] = False
            self.counts["anew"] += 1
            if self.picked and self.pick_ch == ch:
                self.picked = None

    def arrive(self, i) -> None:
        ch = i["d_ch"]
        first = self.open[ch]
        absorb = first is not None and not i["d_bad"] and i["d_op"] == Op.EXT
        assert self.get("absorb") == absorb
        if first is not None and not i["d_bad"]:
            first.waits, self.open[ch] = False, None
            if absorb:
                first.swap = i["d_oper"]
                return
            self.counts["other"] += 1
        e = Entry(self.free.pop(0), i["d_op"])
        if e.op == Op.CMP_SWAP and not i["d_bad"]:
            self.counts["alone"] += i["d_alone"]
            if not i["d_alone"]:
                e.waits, self.open[ch] = True, e
                self.again = (first is not None) << ch
                self.counts["again"] += first is not None
        self.staged[ch].append(e)


@cocotb.test()
async def random_arrivals(dut):
    """*Stimulus*: CMP_SWAP, EXT and others of all channels in any order, with and without a published successor, fast and slow, picked at
    any moment, also in the very cycle in which the second slot comes; error responses; channels that begin anew. *Checking*:
    what goes into the pool, who waits, who has two slots, the operand. A wrong bit fails."""
    bench = Bench(dut)
    await bench.reset()
    for rate in (1.0, 0.4, 0.1):
        for pick in (1.0, 0.4):
            bench.rate, bench.pick_rate = rate, pick
            await bench.step(600)
    assert min(bench.counts.values()) > 0 and bench.counts["two"] > 50, bench.counts
    for _ in range(5):
        bench.begin()
        await bench.reset()
        await bench.step(100)
    bench.wrong = 1
    await expects_failure(bench.step(400))


@pytest.mark.parametrize(("channels", "prefetch"), [(8, 64), (1, 16), (3, 16)])
def test_crl_dma_pair(sim, channels, prefetch):
    run_sim("crl_dma_pair", __name__, sim=sim, parameters={"CHANNELS": channels, "PREFETCH": prefetch})
