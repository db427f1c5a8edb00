# SPDX-License-Identifier: Apache-2.0
"""Unit tests of crl_nvme_wrmux: whole bursts of both clients reach the port as they are, in turn; responses go to whose they are."""

from __future__ import annotations

from collections import deque

import cocotb
import pytest

from tb.lib.sim import run_sim
from tb.unit.dma_lib import CycleBench, expects_failure

FUNC_W = 8
FIELDS = (("first", 1), ("last", 1), ("addr", 64), ("len", 8), ("user", FUNC_W), ("data", 0), ("strb", 0))


class Bench(CycleBench):
    """Two clients with bursts, a port with responses in order. `ask[i]`: how often client i begins a burst; `gap`: how often it pauses in one."""

    idle = dict.fromkeys([f"s_{n}" for n, _ in FIELDS] + ["s_valid", "s_soon", "m_ready", "m_b_valid"], 0)

    def __init__(self, dut) -> None:
        super().__init__(dut)
        self.w, self.bursts = self.p["DATA_W"], self.p["BURSTS"]
        self.width = {n: w or (self.w if n == "data" else self.w // 8) for n, w in FIELDS}
        self.ask, self.gap = [1.0, 1.0], 0.0
        self.rate = {"w": 1.0, "b": 1.0}
        self.longest = 4
        self.most = self.misroute = 0
        self.forget()

    def forget(self) -> None:
        self.todo: list[deque[dict]] = [deque(), deque()]  # beats left of the burst of each
        self.up = [False, False]  # it shows one
        self.owed: deque[int] = deque()
        self.within: int | None = None
        self.shown: dict | None = None
        self.waited = [0, 0]
        self.taken = [0, 0]  # bursts
        self.beats = 0

    async def clear(self) -> None:
        await self.reset()
        self.forget()

    def _burst(self) -> deque[dict]:
        n, rng = self.rng.randint(1, self.longest), self.rng
        beats = [{f: rng.getrandbits(w) for f, w in self.width.items()} for _ in range(n)]
        for k, beat in enumerate(beats):
            beat.update(first=int(k == 0), last=int(k == n - 1), len=n - 1)
        return deque(beats)

    def drive(self) -> None:
        i, rng = self.inp, self.rng
        words = dict.fromkeys(self.width, 0)
        for k in (0, 1):
            if not self.todo[k] and rng.random() < self.ask[k]:
                self.todo[k] = self._burst()
            self.up[k] = self.up[k] or bool(self.todo[k]) and rng.random() >= self.gap
            beat = self.todo[k][0] if self.up[k] else {f: rng.getrandbits(w) for f, w in self.width.items()}
            for f, w in self.width.items():
                words[f] |= beat[f] << w * k
        i.update({f"s_{f}": v for f, v in words.items()})
        i.update(s_valid=self.up[0] | self.up[1] << 1, s_soon=rng.getrandbits(2))
        i["m_ready"] = int(rng.random() < self.rate["w"])
        i["m_b_valid"] = int(bool(self.owed) and rng.random() < self.rate["b"])

    def check(self) -> None:
        assert self.get("m_soon") == (self.inp["s_soon"] != 0)
        if self.get("idle"):
            assert not self.owed and self.within is None, "idle with a burst under way"
        else:
            assert self.owed or self.within is not None, "not idle"
        b = self.get("s_b_valid")
        if self.inp["m_b_valid"]:
            whose = self.owed.popleft() ^ self.misroute
            assert b == 1 << whose, f"a response of client {whose} goes to {b:b}"
            self.compared += 1
        else:
            assert b == 0, "a response of nobody"
        shown = {f: self.get(f"m_{f}") for f in self.width} if self.get("m_valid") else None
        assert self.shown is None or shown == self.shown, "what was shown did not stay"
        went = [k for k in (0, 1) if self.up[k] and self.get("s_ready") >> k & 1]
        if shown is None or not self.inp["m_ready"]:
            assert not went, f"client {went} is served, and the port took nothing"
            self.shown = shown
            return
        self.shown = None
        assert len(went) == 1, f"clients {went} are served"
        k = went[0]
        assert shown == self.todo[k][0], f"not the beat of client {k}"
        assert self.within in (None, k), "a burst inside another one"
        self.compared += 1
        self.beats += 1
        self.todo[k].popleft()
        self.up[k] = False
        if shown["first"]:
            self.owed.append(k)
            self.taken[k] += 1
            self.most = max(self.most, len(self.owed))
            assert len(self.owed) <= self.bursts, "more bursts than there is room for"
            self.waited[k] = 0
            self.waited[1 - k] += int(self.up[1 - k])
            assert self.waited[1 - k] <= 1, f"client {1 - k} waits for more than one burst"
        self.within = None if shown["last"] else k

    async def drain(self) -> None:
        self.ask, self.gap, self.rate = [0.0, 0.0], 0.0, {"w": 1.0, "b": 1.0}
        await self.until(lambda: not self.owed and not any(self.todo), 4000, "the end")

    def end(self, least: int = 1) -> None:
        assert self.compared >= least, f"{self.compared} comparisons, fewer than {least}"


@cocotb.test()
async def rates(dut):
    """Stimulus: both clients x rates of asking, pauses in bursts, rates of W and B, 1 to 4 beats. Checking: beats as they were, bursts whole,
    what is shown stays, responses by whose they are, each waits for one burst of the other at most, idle."""
    b = Bench(dut)
    await b.clear()
    for ask in ((1.0, 1.0), (0.2, 0.2), (1.0, 0.05), (0.05, 1.0)):
        for w, r, gap in ((1.0, 1.0, 0.0), (0.4, 1.0, 0.0), (1.0, 0.2, 0.0), (0.5, 0.5, 0.5)):
            b.ask, b.gap, b.rate = list(ask), gap, {"w": w, "b": r}
            await b.step(150)
    await b.drain()
    assert min(b.taken) > 50, b.taken
    b.end(1000)


@cocotb.test()
async def no_gaps(dut):
    """Stimulus: the mover has always a burst; then the page DMA too; then it alone. Checking: a beat a cycle for the first two; the third loses no
    more than a cycle a burst."""
    b = Bench(dut)
    await b.clear()
    for ask, least in (([1.0, 0.0], 100), ([1.0, 1.0], 99), ([0.0, 1.0], 60)):
        b.ask = ask
        before = b.beats
        await b.step(100)
        assert b.beats - before >= least, f"{b.beats - before} beats, {ask}"
    await b.drain()
    b.end(200)


@cocotb.test()
async def full(dut):
    """Stimulus: no responses until there is no room, then some. Checking: BURSTS are outstanding, no more, and nothing is withdrawn."""
    b = Bench(dut)
    await b.clear()
    b.rate["b"] = 0.0
    await b.step(6 * b.bursts + 20)
    assert b.most == len(b.owed) == b.bursts, (b.most, b.bursts)
    b.rate = {"w": 0.7, "b": 0.5}
    await b.step(200)
    await b.drain()
    b.end(b.bursts)


@cocotb.test()
async def reset_under_way(dut):
    """Stimulus: resets inside bursts and with responses owed. Checking: nothing of before shows."""
    b = Bench(dut)
    for _ in range(20):
        await b.clear()
        b.rate = {"w": 0.5, "b": 0.3}
        await b.step(b.rng.randrange(3, 30))
    await b.drain()
    b.end(50)


@cocotb.test()
async def the_bench_can_fail(dut):
    """Stimulus: a response expected at the other client; no comparison. Checking: both are found."""
    b = Bench(dut)
    await b.clear()
    b.misroute = 1
    await expects_failure(b.step(30))
    await b.clear()
    b.misroute = b.compared = 0
    with pytest.raises(AssertionError, match="comparisons"):
        b.end()
    await b.step(30)
    b.end()


@pytest.mark.unit
@pytest.mark.parametrize("data_w, bursts", [(64, 64), pytest.param(512, 2, marks=pytest.mark.sweep), pytest.param(128, 16, marks=pytest.mark.sweep)])
def test_crl_nvme_wrmux(sim, data_w, bursts):
    """Stimulus and checking: see the cocotb tests above."""
    run_sim("crl_nvme_wrmux", __name__, {"DATA_W": data_w, "BURSTS": bursts, "FUNC_W": FUNC_W}, sim=sim)
