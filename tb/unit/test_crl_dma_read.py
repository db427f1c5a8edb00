# SPDX-License-Identifier: Apache-2.0
"""Unit tests of crl_dma_read: AR arbiter and read buffer."""

from __future__ import annotations

from collections import deque

import cocotb
import pytest

from tb.lib.sim import run_sim
from tb.unit.dma_lib import CycleBench, expects_failure


class Bench(CycleBench):
    idle = {
        n: 0
        for n in (
            "f_ar_valid f_ar_addr f_ar_len f_ar_user f_plenty f_r_ready ar_push ar_addr ar_len "
            "ar_user d_ready e_ready m_axi_arready m_axi_rid m_axi_rdata m_axi_rresp m_axi_rlast "
            "m_axi_rvalid mark_req"
        ).split()
    }

    def __init__(self, dut) -> None:
        super().__init__(dut)
        p = self.p
        self.w = p["DATA_W"] // 8
        self.max_beats = p["MAX_BURST_BYTES"] // self.w
        self.pushed: deque = deque()  # data requests, not on AR yet
        self.asked: deque = deque()  # descriptor request that waits
        self.bursts = {0: deque(), 1: deque()}  # handshaken, beats to come
        self.beats: deque = deque()  # data beats to come out
        self.resps: deque = deque()  # worst response of each data burst to come out
        self.f_beats: deque = deque()
        self.on_r = None  # (id, data, resp, last) offered
        self.held_ar = None
        self.passed = False  # a data burst went before the fetch that waits
        self.room_age = 99  # cycles since rd_room was up
        self.pushes = 0  # since then
        self.level = self.flying = 0
        self.max_level = self.max_flying = 0
        self.data_ars = self.fetch_ars = 0
        self.rate = {"push": 0.9, "fetch": 0.3, "ar": 0.8, "r": 0.9, "d": 0.9, "e": 0.9, "f": 0.9}
        self.errors = 0.2
        self.plenty = 0
        self.sabotage = False
        self.calm = 0
        self.rose = 0
        self.marked = None  # data bursts that were pushed before the mark and are not in
        self.marks = self.was_marked = 0

    def hit(self, name: str) -> bool:
        return self.rng.random() < self.rate[name]

    def drive(self) -> None:
        i, rng, w = self.inp, self.rng, self.w
        # a push in two cycles at most, and up to 3 in the 4 cycles after rd_room fell
        may = not self._driven.get("ar_push") and self.room_age <= 4
        if may and (self.room_age == 0 or self.pushes < 3) and self.hit("push"):
            beats = rng.choice([1, self.max_beats, rng.randint(1, self.max_beats)])
            page = rng.randrange(1 << 50) << 12
            addr = page + rng.randrange(0, (4096 - beats * w) // w + 1) * w + rng.randrange(w)
            i.update(ar_push=1, ar_addr=addr, ar_len=beats - 1, ar_user=rng.getrandbits(8))
        if not self.asked and len(self.bursts[0]) < 32 and self.hit("fetch"):
            beats = rng.randint(1, 16)
            addr = (rng.randrange(1 << 50) << 12) + rng.randrange(4) * 512
            self.asked.append((addr, beats - 1, rng.getrandbits(8)))
        if self.asked:
            a, n, u = self.asked[0]
            i.update(f_ar_valid=1, f_ar_addr=a, f_ar_len=n, f_ar_user=u)
        i["f_plenty"] = self.plenty if self.plenty < 2 else rng.getrandbits(1)
        i["f_r_ready"], i["d_ready"], i["e_ready"] = (int(self.hit(k)) for k in "fde")
        i["m_axi_arready"] = int(self.hit("ar"))
        i["mark_req"] = self.was_marked ^ int(rng.random() < 0.05)
        if self.on_r is None and self.hit("r"):
            ids = [k for k in (0, 1) if self.bursts[k]]
            if ids:
                key = rng.choice(ids)  # different IDs may interleave
                left = self.bursts[key][0]
                resp = rng.choice([2, 3]) if rng.random() < self.errors / 4 else rng.choice([0, 1])
                left[0] -= 1
                left[1] = max(left[1], resp)
                self.on_r = (key, rng.getrandbits(8 * w), resp, int(left[0] == 0))
        if self.on_r is not None:
            key, data, resp, last = self.on_r
            i.update(m_axi_rvalid=1, m_axi_rid=key, m_axi_rdata=data)
            i.update(m_axi_rresp=resp, m_axi_rlast=last)

    def check(self) -> None:
        i = self.inp
        if self.marked is not None:
            # A mark is set in the cycle after it was asked for.
            over = self.marked == 0 and not self.rose
            assert self.get("mark_over") == over, "reads before the mark"
        rise = self.rose = i["mark_req"] and not self.was_marked
        self.was_marked = i["mark_req"]
        if i["ar_push"]:
            self.pushed.append((i["ar_addr"], i["ar_len"], i["ar_user"]))
            self.level += i["ar_len"] + 1
            self.flying += 1
            self.pushes += 1
        self._ar(i)
        flying = self.flying
        self._r(i)
        if rise:
            self.marked, self.marks = self.flying, self.marks + 1
        elif self.marked:
            self.marked -= flying - self.flying
        if self.get("d_valid"):
            if i["d_ready"]:
                data = self.get("d_data") ^ int(self.sabotage)
                assert self.beats and data == self.beats.popleft(), "wrong read beat"
                self.level -= 1
                self.compared += 1
        if self.get("e_valid") and i["e_ready"]:
            assert self.resps, "a burst that is not in"
            assert self.get("e_resp") == self.resps.popleft(), "wrong response of a burst"
            self.compared += 1
        self.max_level = max(self.max_level, self.level)
        self.max_flying = max(self.max_flying, self.flying)
        assert self.level <= self.p["BUF_BEATS"], "more beats promised than the buffer holds"
        assert self.flying <= self.p["READS_IN_FLIGHT"], "too many bursts under way"
        if self.get("rd_room"):
            self.room_age, self.pushes = 0, 0
        else:
            self.room_age += 1
        owed = self.flying or self.bursts[0] or self.held_ar
        owed = owed or self.asked or self.on_r is not None
        self.calm = 0 if owed else self.calm + 1
        if self.calm > 2:
            assert not self.get("pending"), "nothing is owed"
        if self.bursts[0] or self.bursts[1]:
            assert self.get("pending"), "pending hides what is owed"

    def _ar(self, i) -> None:
        if not self.get("m_axi_arvalid"):
            assert self.held_ar is None, "AR withdrawn"
            return
        names = "id addr len size burst cache prot user".split()
        ar = {k: self.get(f"m_axi_ar{k}") for k in names}
        assert self.held_ar in (None, ar), "AR changed while it waited"
        assert 1 << ar["size"] == self.w and ar["burst"] == 1
        assert ar["id"] in (0, 1)
        queue = self.pushed if ar["id"] else self.asked
        assert queue and (ar["addr"], ar["len"], ar["user"]) == queue[0], "not what was asked for"
        first = ar["addr"] - ar["addr"] % self.w
        assert first // 4096 == (first + (ar["len"] + 1) * self.w - 1) // 4096
        if self.held_ar is None and self.asked and len(self.pushed) > 1:
            # both were there a cycle ago already: f_plenty decides, and one burst may pass a fetch
            want = int(i["f_plenty"] and not self.passed)
            assert ar["id"] == want, "descriptors first until there are enough, or one burst went first"
        self.held_ar = None if i["m_axi_arready"] else ar
        if i["m_axi_arready"]:
            self.passed = bool(ar["id"] and i["f_ar_valid"])
            queue.popleft()
            self.bursts[ar["id"]].append([ar["len"] + 1, 0])
            self.data_ars += ar["id"]
            self.fetch_ars += not ar["id"]

    def _r(self, i) -> None:
        if self.get("f_r_valid") and i["f_r_ready"]:
            assert self.on_r is not None and self.on_r[0] == 0
            got = (self.get("f_r_data"), self.get("f_r_resp"), self.get("f_r_last"))
            assert got == self.on_r[1:], "descriptor beat"
            self.compared += 1
        if self.on_r is None or not self.get("m_axi_rready"):
            assert self.on_r is None or self.on_r[0] == 0, "a data beat waits: it had no room"
            return
        key, data, _, last = self.on_r
        assert key or i["f_r_ready"]
        if key:
            self.beats.append(data)
        if last:
            burst = self.bursts[key].popleft()
            if key:
                self.resps.append(burst[1])
                self.flying -= 1
        self.on_r = None

    async def drain(self) -> None:
        self.rate |= {"push": 0, "fetch": 0, "ar": 1, "r": 1, "d": 1, "e": 1, "f": 1}
        await self.until(
            lambda: not (
                self.pushed or self.asked or self.bursts[0] or self.bursts[1] or self.beats
                or self.resps or self.on_r
            ),
            6000,
            "drain",
        )  # fmt: skip
        await self.step(4)
        assert not self.get("d_valid") and not self.get("e_valid") and self.get("rd_room")

    def end(self, at_least: int) -> None:
        assert self.compared >= at_least


@cocotb.test()
async def traffic(dut):
    """Stimulus: data and descriptor requests at random, the port, the buffer's reader and the
    descriptor side stalled by turns, IDs interleaved, error responses.
    Checking: AR legal and stable, each side in its order; beats in order; worst response a burst;
    data beats are never held up; beats promised never exceed the buffer; `pending`, `mark_over`."""
    bench = Bench(dut)
    await bench.reset()
    for change in (
        {},
        {"d": 0.05},
        {"d": 0.9, "ar": 0.1},
        {"ar": 0.9, "r": 0.1},
        {"r": 1, "f": 0.2},
    ):
        bench.rate |= change
        bench.plenty = bench.rng.randrange(3)
        await bench.step(max(350, 16 * bench.max_beats))
    await bench.drain()
    bench.end(300)
    assert bench.data_ars > 30 and bench.fetch_ars > 30 and bench.marks > 10


@cocotb.test()
async def room(dut):
    """Stimulus: requests as fast as rd_room allows, and 3 more after it fell; nothing is read out,
    then no response comes; several times over.
    Checking: the buffer's bound is kept and nearly reached; so is READS_IN_FLIGHT."""
    bench = Bench(dut)
    await bench.reset()
    # Room is told while the request on the way and three more would fit.
    promised = bench.p["BUF_BEATS"] - 4 * (bench.max_beats + 1)
    for _ in range(4):
        bench.max_level = bench.max_flying = 0
        bench.rate |= {"push": 1, "fetch": 0, "d": 0, "e": 1, "ar": 1, "r": 1}
        await bench.step(3 * bench.p["BUF_BEATS"])
        assert bench.max_level > promised
        await bench.drain()
        bench.rate |= {"push": 1, "d": 1, "r": 0}
        await bench.step(300)
        assert bench.max_flying >= min(
            bench.p["READS_IN_FLIGHT"] - 3, promised // bench.max_beats + 1
        )
        await bench.drain()
    bench.end(100)


@cocotb.test()
async def look_ahead(dut):
    """Stimulus: descriptor fetches alone, answered after a fixed time.
    Checking: f_enough grows with the measured latency as documented, and never passes the pool."""
    bench = Bench(dut)
    await bench.reset()
    bench.rate |= {"push": 0, "fetch": 0, "ar": 1, "f": 1}
    for latency in (3, 40, 90):
        bench.rate["r"] = 0
        bench.asked.append((0x1000, 3, 1))
        await bench.until(lambda: bool(bench.bursts[0]), 10, "AR")
        await bench.step(latency)
        bench.rate["r"] = 1
        await bench.until(lambda: not bench.bursts[0] and bench.on_r is None, 30, "R")
        await bench.step(3)
        want = -(-(latency + 8) * bench.w // 32) + 2
        got = bench.get("f_enough")
        slack = -(-3 * bench.w // 32)
        assert min(want, bench.p["PREFETCH"]) <= got + slack, f"{got} for a latency of {latency}"
        assert got <= min(want + slack, bench.p["PREFETCH"])
    bench.end(3)


@cocotb.test()
async def scoreboard_fails(dut):
    """Stimulus: a wrong bit in each beat.
    Checking: the bench fails; and one that has compared nothing fails too."""
    bench = Bench(dut)
    await bench.reset()
    with pytest.raises(AssertionError):
        bench.end(1)
    bench.sabotage = True
    await expects_failure(bench.step(500))


@pytest.mark.parametrize(
    "data_w,burst,buf,flight", [(64, 512, 512, 64), (512, 512, 64, 8), (128, 64, 64, 16)]
)
def test_crl_dma_read(sim, data_w, burst, buf, flight):
    """Stimulus and checking: see the cocotb tests of this file."""
    parameters = {"DATA_W": data_w, "FUNC_W": 8, "ID_W": 4, "PREFETCH": 64}
    parameters |= {"MAX_BURST_BYTES": burst, "READS_IN_FLIGHT": flight, "BUF_BEATS": buf}
    run_sim("crl_dma_read", __name__, parameters=parameters, sim=sim)
