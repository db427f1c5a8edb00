# SPDX-License-Identifier: Apache-2.0
"""crl_dma_hold: messages that wait for an answer, for another attempt, or are over."""

from __future__ import annotations

import random

import cocotb
import pytest
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly

from models.gen.carillon_layout import Status
from tb.lib.sim import run_sim, sim_parameters

RNR = int(Status.RECEIVER_NOT_READY) | 0x80
GIVEN_UP = int(Status.ABORTED) | 0x80
INPUTS = ("retry_we retry_ch retry_data set set_first set_ch set_tag set_peer t1_valid t1_ch t1_over drop drop_ch sw_ch sw_idx "
          "s_valid s_ch s_permit s_tag s_status s_status2 m_ready").split()


class Message:
    """What a channel has on its way."""

    def __init__(self, tag: int, peer: int) -> None:
        self.tag, self.peer = tag, peer
        self.tries = 0
        self.state = "held"
        self.since = 0


class Bench:
    """Plays the issue pipeline and the links; a model of each channel's message beside it."""

    def __init__(self, dut) -> None:
        p = sim_parameters()
        self.dut, self.rng = dut, random.Random(cocotb.RANDOM_SEED)
        self.n, self.peers, self.ops = p["CHANNELS"], p["PEERS"], p["OPS"]
        self.policy = [(0, 0)] * self.n
        self.tag = 0

    async def reset(self) -> None:
        d = self.dut
        await FallingEdge(d.clk)
        for name in INPUTS:
            getattr(d, name).value = 0
        d.rst.value = 1
        for _ in range(3):
            await FallingEdge(d.clk)
        d.rst.value = 0
        self.msgs: list[Message | None] = [None] * self.n
        self.links: list[list] = [[] for _ in range(self.peers)]  # answers on their way: channel, permit, tag, status, status2
        self.shown: list = [None] * self.peers
        self.expected: list = []    # (peer, tag, status, status2) that have to reach the table, in order of a peer
        self.seen = dict.fromkeys("held again permitted over given_up dropped foreign plain".split(), 0)
        self.t1 = None
        for ch in range(self.n):
            d.retry_we.value, d.retry_ch.value = 3, ch
            d.retry_data.value = self.policy[ch][0] | self.policy[ch][1] << 8
            await FallingEdge(d.clk)
        d.retry_we.value = 0

    def answer(self, ch: int, m: Message, first: bool) -> None:
        """The peer's answer to a frame, or a stranger's with a wrong tag or from a wrong peer before it."""
        rng = self.rng
        if rng.random() < 0.2:
            peer = (m.peer + 1) % self.peers
            tag = m.tag if peer != m.peer else m.tag ^ 0x8000
            self.links[peer].append((rng.choice([ch, ch, 200]), 0, tag, int(Status.OK), 0))
        status = rng.choice([0, 0, RNR, RNR, RNR, int(Status.SEG_RANGE) | 0x80])
        permit = int(not first or rng.random() < 0.7)
        self.links[m.peer].append((ch, permit, m.tag, status, rng.getrandbits(2) if status not in (0, RNR) else 0))

    def take(self, peer: int, word, now: int) -> None:
        """An answer is judged."""
        ch, permit, tag, status, status2 = word
        m = self.msgs[ch] if ch < self.n else None
        if m is None or m.state != "held" or m.tag != tag or m.peer != peer:
            if permit and not status:
                self.seen["dropped"] += 1
            else:
                self.expected.append((peer, tag, GIVEN_UP if status == RNR else status, status2))
                self.seen["given_up" if status == RNR else "foreign"] += 1
            return
        if status == RNR and m.tries != self.policy[ch][0]:
            m.tries += 1
            m.state, m.since = "waiting", now
            self.seen["again"] += 1
        elif permit and not status:
            m.state = "permitted"
            self.seen["permitted"] += 1
        else:
            m.state = "gone"
            self.expected.append((peer, tag, status, status2))
            self.seen["over"] += 1

    async def run(self, cycles: int) -> None:
        d, rng, n = self.dut, self.rng, self.n
        judged: list = []     # answers taken, which the next cycle without a pick of the channel judges
        for now in range(cycles):
            await FallingEdge(d.clk)
            # state as of registers
            for name in ("held", "waiting", "permitted", "gone"):
                got = int(getattr(d, name).value)
                want = sum((m is not None and m.state == name) << c for c, m in enumerate(self.msgs))
                assert got == want, f"cycle {now}: {name} is {got:b}, must be {want:b}"
            due = int(d.due.value)
            for c, m in enumerate(self.msgs):
                if due >> c & 1 and m is not None and m.state == "waiting":
                    wait = now - m.since
                    assert wait >= 256 * self.policy[c][1], f"channel {c} is due after {wait} cycles"
                elif m is not None and m.state == "waiting":
                    assert now - m.since <= 256 * (self.policy[c][1] + 1) + 2 * n + 8, f"channel {c} is never due"
            # the pipeline: a pick at most every second cycle
            for name in ("set", "t1_valid", "t1_over", "drop"):
                getattr(d, name).value = 0
            picked, self.t1 = self.t1, None
            if picked is None and rng.random() < 0.5:
                busy = [k for k, m in enumerate(self.msgs) if m is not None]
                self.t1 = c = rng.choice(busy) if busy and rng.random() < 0.7 else rng.randrange(n)
                m = self.msgs[c]
                over = m is not None and (m.state == "gone" or rng.random() < (0.1 if m.state != "permitted" else 0.5))
                d.t1_valid.value, d.t1_ch.value, d.t1_over.value = 1, c, int(over)
                over_ch = c if over else None
            else:
                over_ch = None
            new = [c for c, m in enumerate(self.msgs) if m is None and c not in (self.t1, picked)]
            again = [c for c, m in enumerate(self.msgs) if m and m.state == "waiting" and due >> c & 1 and c not in (self.t1, picked)]
            made = None
            if again and rng.random() < 0.3:
                c = rng.choice(again)
                if rng.random() < 0.1:
                    d.drop.value, d.drop_ch.value = 1, c
                    made = (c, None)
                else:
                    made = (c, self.msgs[c])
                    d.set.value, d.set_first.value, d.set_ch.value = 1, 0, c
                    d.set_tag.value, d.set_peer.value = made[1].tag, made[1].peer
            elif new and rng.random() < 0.1:
                c = rng.choice(new)
                self.tag = (self.tag + 1) & 0x7FFF
                made = (c, Message(self.tag, rng.randrange(self.peers)))
                d.set.value, d.set_first.value, d.set_ch.value = 1, 1, c
                d.set_tag.value, d.set_peer.value = made[1].tag, made[1].peer
            # links and table
            for p in range(self.peers):
                if self.shown[p] is None and self.links[p] and rng.random() < 0.5:
                    self.shown[p] = self.links[p].pop(0)
            words = [w or (0, 0, 0, 0, 0) for w in self.shown]
            d.s_valid.value = sum((w is not None) << p for p, w in enumerate(self.shown))
            for k, (name, width) in enumerate((("ch", 8), ("permit", 1), ("tag", 16), ("status", 8), ("status2", 16))):
                getattr(d, f"s_{name}").value = sum(w[k] << width * p for p, w in enumerate(words))
            ready = rng.getrandbits(self.peers) if rng.random() < 0.7 else 0
            d.m_ready.value = ready
            sw = rng.randrange(n)
            m = self.msgs[sw]
            index = m.tag % self.ops if m and rng.random() < 0.7 else rng.randrange(self.ops)
            d.sw_ch.value, d.sw_idx.value = sw, index
            await ReadOnly()
            want = m is not None and m.state == "waiting" and m.tag % self.ops == index
            assert bool(int(d.sw_waits.value)) == want, "what the sweeper is told"
            for peer, word in list(judged):
                if self.t1 is None or self.t1 != word[0]:
                    judged.remove((peer, word))
                    self.take(peer, word, now)
            taken = int(d.s_ready.value)
            for p in range(self.peers):
                if taken >> p & 1 and self.shown[p] is not None:
                    ch, permit, _, status, _ = self.shown[p]
                    low = ch % (1 << max(1, (n - 1).bit_length()))  # a channel that a stranger made up may look like one
                    m = self.msgs[low] if low < n else None
                    if not permit and not status and (m is None or m.state != "held"):
                        self.take(p, self.shown[p], now)  # nothing of the channel can change: it goes on without being judged
                        self.seen["plain"] += 1
                    else:
                        judged.append((p, self.shown[p]))
                    self.shown[p] = None
            valid = int(d.m_valid.value)
            assert valid & valid - 1 == 0
            if valid:
                got = (valid.bit_length() - 1, int(d.m_tag.value), int(d.m_status.value), int(d.m_status2.value))
                assert self.expected and got == self.expected[0], f"{got}, expected {self.expected[:1]}"
                if valid & ready:
                    self.expected.pop(0)
            # what the next edge makes of it
            if over_ch is not None:
                self.msgs[over_ch] = None
            if made is not None:
                c, m = made
                first = self.msgs[c] is None
                self.msgs[c] = m
                if m is not None:
                    m.state = "held"
                    self.seen["held"] += 1
                    self.answer(c, m, first)


@cocotb.test()
async def random_messages(dut):
    """Stimulus: messages of all channels, answered by ready, not ready or refused, by strangers, after they were given up; picks that
    give them up in the very cycle of the answer; table and links stall; several policies; reset in the middle. Checking: the state
    of each channel in each cycle; what reaches the table; attempts and the time between them; what the sweeper is told."""
    Clock(dut.clk, 10, "ns").start(start_high=False)
    bench = Bench(dut)
    total: dict[str, int] = {}
    for policy in ((0, 0), (3, 0), (255, 1), (2, 2)):
        bench.policy = [policy if c % 2 else (policy[0], 0) for c in range(bench.n)]
        await bench.reset()
        await bench.run(2500)
        for k, v in bench.seen.items():
            total[k] = total.get(k, 0) + v
    # An answer after its message was given up needs a pick between the two, which is rare.
    rare = total.pop("dropped"), total.pop("given_up")
    assert min(total.values()) > 5 and min(rare) > 0, f"{rare} dropped and given up, {total}"


@pytest.mark.parametrize("channels,peers", [(8, 1), (3, 3), (64, 2)])
def test_crl_dma_hold(sim, channels, peers):
    run_sim("crl_dma_hold", __name__, {"CHANNELS": channels, "PEERS": peers, "OPS": 32}, sim=sim)
