# SPDX-License-Identifier: Apache-2.0
"""Clients, AXI4 slave, rules and scoreboard around crl_axi_wr, one cycle at a time."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge

from tb.lib.sim import sim_parameters


@dataclass
class Burst:
    """One write burst of a client."""

    client: int
    addr: int
    user: int
    beats: list[tuple[int, int]]  # data, strobes
    resp: int = 0

    @property
    def length(self) -> int:
        return len(self.beats) - 1


@dataclass
class Slave:
    """What the memory does: chances of ready in a cycle, cycles until B."""

    aw_rate: float = 1.0
    w_rate: float = 1.0
    b_rate: float = 1.0
    latency: tuple[int, int] = (0, 0)


@dataclass
class Scoreboard:
    """AW, W and B against what the clients handed over."""

    aw: deque = field(default_factory=deque)   # bursts whose AW is due
    w: deque = field(default_factory=deque)    # (burst, beat number) due on W
    b: dict = field(default_factory=dict)      # client -> bursts that wait for B
    compared: int = 0

    def taken(self, burst: Burst, beat: int) -> None:
        if beat == 0:
            self.aw.append(burst)
            self.b.setdefault(burst.client, deque()).append(burst)
        self.w.append((burst, beat))

    def seen_aw(self, addr, length, user, axi_id, ids) -> Burst:
        assert self.aw, "an AW that no client asked for"
        burst = self.aw.popleft()
        want = (burst.addr, burst.length, burst.user, ids[burst.client])
        assert (addr, length, user, axi_id) == want, f"AW {addr:#x} {length} {user} {axi_id}"
        self.compared += 1
        return burst

    def seen_w(self, data, strb, last) -> Burst:
        assert self.w, "a W beat that no client sent"
        burst, beat = self.w.popleft()
        assert (data, strb) == burst.beats[beat], "W data or strobes"
        assert last == (beat == burst.length), "WLAST at the wrong beat"
        self.compared += 1
        return burst

    def seen_b(self, client, resp) -> Burst:
        assert self.b.get(client), f"a response for client {client} that waits for none"
        burst = self.b[client].popleft()
        assert resp == burst.resp, "the response of another burst"
        self.compared += 1
        return burst

    def finish(self) -> None:
        assert not self.aw and not self.w and not any(self.b.values()), "something is missing"
        assert self.compared, "nothing was compared"


class Bench:
    """Runs bursts of all clients through the design and checks every rule in every cycle."""

    def __init__(self, dut, rng):
        p = sim_parameters()
        self.dut, self.rng = dut, rng
        self.width, self.func_w = p["DATA_W"], p.get("FUNC_W", 8)
        self.n_data, self.limit = p["N_DATA"], p["WRITES_IN_FLIGHT"]
        self.lanes, self.n = self.width // 8, p["N_DATA"] + 2
        self.ids = [0] + [1] * (self.n_data - 1) + [2, 3]
        self.score = Scoreboard()
        self.tamper = lambda kind, value: value
        self.stray_b = False
        self.bubbles = 0
        self.order: list[int] = []   # clients in the order of their bursts
        self.most = 0                # most bursts outstanding
        self.locking = 0.0           # chance of a lock in a cycle
        self.locker = p.get("LOCKER", self.n_data - 1)
        self.locks = self.held_back = 0

    async def reset(self):
        d = self.dut
        Clock(d.clk, 10, "ns").start()
        for name in ("s_valid", "s_soon", "s_first", "s_last", "s_addr", "s_len", "s_user", "s_data",
                     "s_strb", "m_axi_awready", "m_axi_wready", "m_axi_bid", "m_axi_bresp",
                     "m_axi_bvalid", "lock", "lock_addr"):
            getattr(d, name).value = 0
        d.rst.value = 1
        await ClockCycles(d.clk, 3)
        d.rst.value = 0

    def burst(self, client, beats=None, resp=None) -> Burst:
        rng = self.rng
        room = min(256, 4096 // self.lanes)
        beats = beats or rng.choice([1, 1, 2, 3, 8, rng.randrange(1, 20)])
        beats = min(beats, room)
        line = rng.randrange(room - beats + 1)
        addr = (rng.getrandbits(52) << 12) | line * self.lanes
        data = [(rng.getrandbits(self.width), rng.getrandbits(self.lanes)) for _ in range(beats)]
        if resp is None:
            resp = rng.choice([0, 0, 0, 2, 3])
        return Burst(client, addr, rng.randrange(1 << self.func_w), data, resp)

    async def run(self, queues, slave: Slave, rate=1.0, gap=0.0, stop_after=None):
        """queues: a list of bursts for each client; gap: chance of a pause inside a burst."""
        d, rng, n = self.dut, self.rng, self.n
        queues = [deque(q) for q in queues]
        now = [None] * n            # (burst, beat) on offer
        pos = [0] * n
        aw_seen, w_done, w_open = deque(), 0, []
        ready_b = {i: deque() for i in range(4)}  # (cycle, burst)
        b_now = None
        aw_held = w_held = None
        aw_on = w_on = False
        aw_shown = w_first = 0
        waited = [0] * n
        outstanding, cycle, idle, taken = 0, 0, 0, 0
        awaiting = [0, 0]           # data bursts while completions / MSI-X wait
        lock, before, since, keep = None, set(), 0, 0
        while True:
            for i in range(n):
                if now[i] is None and queues[i] and (
                        (pos[i] and rng.random() >= gap) or (not pos[i] and rng.random() < rate)):
                    now[i] = (queues[i][0], pos[i])
            valid = first = last = addr = length = user = data = strb = 0
            for i, offer in enumerate(now):
                if offer is None:
                    user |= rng.getrandbits(self.func_w) << i * self.func_w  # must not matter
                    data |= rng.getrandbits(self.width) << i * self.width
                    continue
                b, k = offer
                valid |= 1 << i
                first |= (k == 0) << i
                last |= (k == b.length) << i
                if k == 0:
                    addr |= b.addr << 64 * i
                    length |= b.length << 8 * i
                    user |= b.user << self.func_w * i
                data |= b.beats[k][0] << self.width * i
                strb |= b.beats[k][1] << self.lanes * i
            d.s_valid.value, d.s_first.value, d.s_last.value = valid, first, last
            d.s_addr.value, d.s_len.value, d.s_user.value = addr, length, user
            d.s_data.value, d.s_strb.value = data, strb
            d.s_soon.value = rng.getrandbits(n)  # a hint: true or not, it must do no harm
            d.m_axi_awready.value = rng.random() < slave.aw_rate
            d.m_axi_wready.value = rng.random() < slave.w_rate
            if b_now is None and rng.random() < slave.b_rate:
                ids = [i for i in range(4) if ready_b[i] and ready_b[i][0][0] <= cycle]
                if ids:
                    b_now = rng.choice(ids)
            stray = b_now is None and self.stray_b and outstanding == 0
            d.m_axi_bvalid.value = b_now is not None or stray
            d.m_axi_bid.value = b_now if b_now is not None else rng.randrange(16)
            d.m_axi_bresp.value = ready_b[b_now][0][1].resp if b_now is not None else 2

            if lock is None and not d.lock.value and rng.random() < self.locking:  # it is low for a cycle at least
                waiting = [q[0] for i, q in enumerate(queues) if q and i != self.locker]
                if waiting:
                    b = rng.choice(waiting)
                    lock = b.addr + rng.randrange(b.length + 1) * self.lanes + 8 * rng.randrange(self.lanes // 8)
                    if rng.random() < 0.3:
                        lock ^= 8 * self.lanes  # a neighbour
                    since, keep, before = cycle, rng.randrange(0, 30), None
                    self.locks += 1
            d.lock.value = lock is not None
            d.lock_addr.value = (lock if lock is not None else rng.getrandbits(64)) >> 3

            await RisingEdge(d.clk)
            cycle += 1
            idle += 1
            s_ready = int(d.s_ready.value)
            if d.lock_over.value:
                assert lock is not None and before is not None, "no lock is asked for, or it can't work yet"
                owed = {id(b) for q in self.score.b.values() for b in q}
                assert not before & owed, "a burst that was granted before the lock has no response"
                keep -= 1
            # AW
            if d.m_axi_awvalid.value:
                got = (int(d.m_axi_awaddr.value), int(d.m_axi_awlen.value),
                       int(d.m_axi_awuser.value), int(d.m_axi_awid.value))
                assert aw_held in (None, got), "AW changed while it was stalled"
                if not aw_on:
                    aw_shown += 1
                aw_on, aw_held = True, got
                assert got[0] % 4096 + (got[1] + 1) * self.lanes <= 4096, "AW crosses 4 KiB"
                assert (int(d.m_axi_awburst.value), int(d.m_axi_awcache.value)) == (1, 3)
                assert 1 << int(d.m_axi_awsize.value) == self.lanes
                if d.m_axi_awready.value:
                    burst = self.score.seen_aw(*self.tamper("aw", got), self.ids)
                    aw_seen.append(burst)
                    aw_on, aw_held, idle = False, None, 0
            else:
                assert not aw_on, "AWVALID fell without AWREADY"
            # W
            if d.m_axi_wvalid.value:
                got = (int(d.m_axi_wdata.value), int(d.m_axi_wstrb.value),
                       bool(d.m_axi_wlast.value))
                assert w_held in (None, got), "W changed while it was stalled"
                if not w_on and not w_open:
                    w_first += 1
                    w_open = [1]
                assert aw_shown >= w_first, "W data came before their AW"
                w_on, w_held = True, got
                if d.m_axi_wready.value:
                    self.score.seen_w(*self.tamper("w", got))
                    if got[2]:
                        w_done += 1
                        w_open = []
                    w_on, w_held, idle = False, None, 0
            else:
                assert not w_on, "WVALID fell without WREADY"
            # B
            assert d.m_axi_bready.value
            events = int(d.b_valid.value)
            if b_now is not None:
                burst = ready_b[b_now].popleft()[1]
                assert events == 1 << burst.client, f"B event {events:b} for {burst.client}"
                self.score.seen_b(burst.client, self.tamper("b", int(d.b_resp.value)))
                b_now, outstanding, idle = None, outstanding - 1, 0
            else:
                assert events == 0, "a B event without a response"
            while aw_seen and w_done:
                burst = aw_seen.popleft()
                w_done -= 1
                when = cycle + rng.randint(*slave.latency)
                ready_b[self.ids[burst.client]].append((when, burst))
            # clients
            took = s_ready & valid
            assert took & (took - 1) == 0, "two clients at once"
            if not took and any(w >= 1 and valid >> i & 1 for i, w in enumerate(waited)):
                self.bubbles += 1
            for i in range(n):
                waited[i] = waited[i] + 1 if valid >> i & 1 and not took >> i & 1 else 0
                if not took >> i & 1:
                    continue
                b, k = now[i]
                self.score.taken(b, k)
                taken += 1
                now[i] = None
                pos[i] = k + 1
                if k == 0:
                    hit = lock is not None and b.addr <= lock // self.lanes * self.lanes <= b.addr + b.length * self.lanes
                    assert not (hit and before is not None and i != self.locker), "a burst that touches what is locked"
                    outstanding += 1
                    self.most = max(self.most, outstanding)
                    assert outstanding <= self.limit, "too many bursts outstanding"
                    self.order.append(i)
                    for j in range(2):
                        if i < self.n_data and valid >> self.n_data + j & 1:
                            awaiting[j] += 1
                            assert awaiting[j] <= 32 or self.locking, "completions or MSI-X wait too long"
                        elif i == self.n_data + j:
                            awaiting[j] = 0
                if k == b.length:
                    queues[i].popleft()
                    pos[i] = 0
                idle = 0
            if lock is not None and before is None:
                before = {id(b) for q in self.score.b.values() for b in q}
            if lock is not None:
                self.held_back += any(o is not None and o[1] == 0 and i != self.locker and not took >> i & 1
                                      and o[0].addr <= lock <= o[0].addr + o[0].length * self.lanes for i, o in enumerate(now))
                if (keep <= 0 and d.lock_over.value) or cycle > since + 300:
                    assert cycle <= since + 300, "the lock never works"
                    lock = None
            owed = outstanding > 0
            assert bool(d.pending.value) or not owed or took, "pending is low"
            if not any(queues) and not outstanding:
                break
            if stop_after is not None and cycle >= stop_after:
                return cycle
            assert idle < 500, "nothing moves"
        d.s_valid.value = d.m_axi_bvalid.value = d.lock.value = 0
        await RisingEdge(d.clk)
        await RisingEdge(d.clk)
        assert not d.pending.value
        return cycle
