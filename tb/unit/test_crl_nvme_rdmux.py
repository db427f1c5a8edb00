# SPDX-License-Identifier: Apache-2.0
"""Unit tests of crl_nvme_rdmux: every read reaches the port once, as it was asked, in bounded time; every beat reaches who asked."""

from __future__ import annotations

from collections import deque

import cocotb
import pytest

from tb.lib.sim import run_sim
from tb.unit.dma_lib import CycleBench, expects_failure

FUNC_W = 8


class Bench(CycleBench):
    """Clients that ask and keep asking, a port that answers in order. `rate`: how often each acts when it could; `ask[i]`: of client i."""

    idle = dict.fromkeys(("s_ar_valid", "s_ar_soon", "s_ar_addr", "s_ar_len", "s_ar_user", "m_ar_ready", "m_r_valid", "m_r_last"), 0)

    def __init__(self, dut) -> None:
        super().__init__(dut)
        self.n, self.bursts = self.p["N"], self.p["BURSTS"]
        self.ask = [1.0] * self.n
        self.rate = {"ar": 1.0, "r": 1.0}
        self.tell = 0.5  # how often a client says beforehand that it comes
        self.longest = 3
        self.most = self.misroute = self.at_once = 0
        self.forget()

    def forget(self) -> None:
        self.offered: list[tuple[int, int, int] | None] = [None] * self.n
        self.said: set[int] = set()  # who comes in the next cycle
        self.first: int | None = None  # who has said so, and nobody else had anything then
        self.waited = [0] * self.n  # bursts of others that went while it waited
        self.since = [0] * self.n  # cycles in which the port took nothing, while it waited and the port was free
        self.owed: deque[list[int]] = deque()  # [client, beats left]
        self.shown: tuple | None = None
        self.taken = [0] * self.n
        self.beats = [0] * self.n

    async def clear(self) -> None:
        await self.reset()
        self.forget()

    def drive(self) -> None:
        i, rng = self.inp, self.rng
        valid = addr = length = user = 0
        came, self.said = self.said, set()
        for k in range(self.n):
            comes = k in came
            if self.offered[k] is None and not comes and rng.random() < self.ask[k]:
                comes = k == 0 or rng.random() >= self.tell
                if not comes:
                    self.said.add(k)
            if comes:
                self.offered[k] = (rng.getrandbits(64), rng.randrange(self.longest), rng.getrandbits(FUNC_W))
            what = self.offered[k] or (rng.getrandbits(64), rng.getrandbits(8), rng.getrandbits(FUNC_W))
            valid |= int(self.offered[k] is not None) << k
            addr |= what[0] << 64 * k
            length |= what[1] << 8 * k
            user |= what[2] << FUNC_W * k
        i.update(s_ar_valid=valid, s_ar_soon=sum(1 << k for k in self.said), s_ar_addr=addr, s_ar_len=length, s_ar_user=user)
        i["m_ar_ready"] = int(rng.random() < self.rate["ar"])
        i["m_r_last"] = rng.getrandbits(1)
        if self.owed and rng.random() < self.rate["r"]:
            i.update(m_r_valid=1, m_r_last=int(self.owed[0][1] == 1))

    def check(self) -> None:
        had_room = len(self.owed) < self.bursts  # what ends in this cycle makes room in the next one
        self._r()
        shown = (self.get("m_ar_addr"), self.get("m_ar_len"), self.get("m_ar_user")) if self.get("m_ar_valid") else None
        assert self.shown is None or shown == self.shown, "what was shown did not stay"
        ready = self.get("s_ar_ready")
        went = [k for k in range(self.n) if self.offered[k] is not None and ready >> k & 1]
        if self.first is not None and had_room:
            assert shown == self.offered[self.first], f"client {self.first} has said that it comes, and waits"
            self.at_once += 1
        self.first = next(iter(self.said)) if len(self.said) == 1 and not any(self.offered) else None
        assert len(went) <= 1, f"clients {went} are served at once"
        if shown is not None and self.inp["m_ar_ready"]:
            assert went, "a burst of nobody"
            k = went[0]
            assert shown == self.offered[k], f"not what client {k} asked"
            self.compared += 1
            self.owed.append([k, shown[1] + 1])
            self.offered[k] = None
            self.taken[k] += 1
            self._waits(k)
            self.shown = None
        else:
            assert not went, f"client {went} is served, and the port took nothing"
            self.shown = shown
            room = len(self.owed) < self.bursts
            for k in range(self.n):
                self.since[k] = self.since[k] + 1 if self.offered[k] is not None and shown is None and room else 0
                assert self.since[k] <= 1, f"client {k} waits for an idle port"
        self.most = max(self.most, len(self.owed))
        assert len(self.owed) <= self.bursts, "more bursts than there is room for"

    def _waits(self, k: int) -> None:
        """How many others went meanwhile."""
        self.waited[k] = 0
        self.since = [0] * self.n
        for j in range(self.n):
            if self.offered[j] is not None:
                self.waited[j] += 1
                bound = 1 if j == 0 else 2 * (self.n - 1) - 1
                assert self.waited[j] <= bound, f"client {j} waits for {self.waited[j]} bursts"

    def _r(self) -> None:
        valid = self.get("s_r_valid")
        if not self.inp["m_r_valid"]:
            assert valid == 0, "a beat of nobody"
            assert self.get("idle") == (not self.owed), "idle is wrong"
            return
        k = (self.owed[0][0] + self.misroute) % self.n
        assert valid == 1 << k, f"a beat of client {k} goes to {valid:b}"
        self.compared += 1
        self.beats[k] += 1
        self.owed[0][1] -= 1
        if self.owed[0][1] == 0:
            self.owed.popleft()

    async def drain(self) -> None:
        ask, self.ask = self.ask, [0.0] * self.n
        self.rate = {"ar": 1.0, "r": 1.0}
        await self.until(lambda: not self.owed and not any(self.offered) and not self.said, 4000, "the end")
        self.ask = ask

    def end(self, least: int = 1) -> None:
        assert self.compared >= least, f"{self.compared} comparisons, fewer than {least}"


@cocotb.test()
async def rates(dut):
    """Stimulus: all clients x rates of asking, of AR and of R, lengths of 1 to 4 beats. Checking: payload, order, one at a time, what is shown
    stays, who said that he comes goes at once if nobody else does, beats by who asked, bounds on waiting, idle."""
    b = Bench(dut)
    await b.clear()
    for ask in (1.0, 0.5, 0.1):
        for ar, r in ((1.0, 1.0), (0.3, 1.0), (1.0, 0.3), (0.5, 0.5)):
            b.ask, b.rate = [ask] * b.n, {"ar": ar, "r": r}
            await b.step(200)
    b.ask, b.rate = [0.2 / b.n] * b.n, {"ar": 1.0, "r": 1.0}
    await b.step(1000)  # seldom two at a time
    await b.drain()
    assert min(b.taken) > 20 and min(b.beats) > 20, (b.taken, b.beats)
    assert b.at_once > 10, f"{b.at_once} went at once"
    b.end(1000)


@cocotb.test()
async def mover_alone(dut):
    """Stimulus: the mover asks in each cycle, nobody else; then all others too. Checking: an AR a cycle; beside others every second one."""
    b = Bench(dut)
    await b.clear()
    b.longest, b.tell, b.ask = 1, 0.0, [1.0] + [0.0] * (b.n - 1)
    await b.step(100)
    assert b.taken[0] == 100, f"{b.taken[0]} bursts in 100 cycles"
    b.ask = [1.0] * b.n
    before = list(b.taken)
    await b.step(100)
    assert b.taken[0] - before[0] >= 49 and sum(b.taken) - sum(before) >= 99, b.taken
    others = [b.taken[k] - before[k] for k in range(1, b.n)]
    assert max(others) - min(others) <= 1, f"not in turn: {others}"
    await b.drain()
    b.end(200)


@cocotb.test()
async def full(dut):
    """Stimulus: the port takes bursts and gives no beats, until there is no room; then it does. Checking: BURSTS are outstanding, no more."""
    b = Bench(dut)
    await b.clear()
    b.rate = {"ar": 1.0, "r": 0.0}
    await b.step(3 * b.bursts + 10)
    assert b.most == len(b.owed) == b.bursts, (b.most, b.bursts)
    b.rate = {"ar": 1.0, "r": 0.7}
    await b.step(300)
    await b.drain()
    b.end(b.bursts)


@cocotb.test()
async def reset_under_way(dut):
    """Stimulus: resets with bursts shown and owed. Checking: nothing of before shows."""
    b = Bench(dut)
    for _ in range(20):
        await b.clear()
        b.rate = {"ar": 0.5, "r": 0.5}
        await b.step(b.rng.randrange(3, 30))
    await b.drain()
    b.end(50)


@cocotb.test()
async def the_bench_can_fail(dut):
    """Stimulus: a beat expected at another client; nothing at all. Checking: both are found."""
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
@pytest.mark.parametrize("n, bursts", [(5, 64), pytest.param(2, 2, marks=pytest.mark.sweep), pytest.param(8, 16, marks=pytest.mark.sweep)])
def test_crl_nvme_rdmux(sim, n, bursts):
    """Stimulus and checking: see the cocotb tests above."""
    run_sim("crl_nvme_rdmux", __name__, {"N": n, "BURSTS": bursts, "FUNC_W": FUNC_W}, sim=sim)
