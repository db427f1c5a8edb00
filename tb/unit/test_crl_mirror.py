# SPDX-License-Identifier: Apache-2.0
"""The hold FIFO of MIRROR: crl_mirror_tab (what the peer says), crl_mirror_hold (frames), crl_mirror_join (into the target), and
crl_mirror, all three together."""

from __future__ import annotations

from collections import deque

import cocotb
import pytest
from cocotb.triggers import FallingEdge, RisingEdge, Timer

from models.gen.carillon_layout import Frame, FrameFlag, FrameType, Status
from tb.lib.sim import run_sim
from tb.unit.dma_lib import CycleBench, expects_failure

WAITS, PERMITTED, REFUSED, ACKED, ENDED, KILLED = range(6)
DATA = {"m_ch": 8, "m_permit": 1, "m_tag": 16, "m_status": 8, "m_status2": 16}


class Tab(CycleBench):
    idle = dict.fromkeys("rop_valid rop_tag kill_valid kill_tag kill_status s_valid s_ch s_permit s_tag s_status s_status2 m_ready fail_ready "
                         "look look_tag".split(), 0)

    def begin(self, rate: float, ready: float) -> None:
        self.rate, self.ready, self.wrong = rate, ready, 0
        self.ow = self.p["OPS"].bit_length() - 1
        self.table: dict[int, list] = {}   # index: [generation, verdict, status, cycle of the last change, (cycle, verdict) that changed, life before, birth]
        self.offer = None
        self.out: deque = deque()
        self.fails: deque = deque()
        self.kills: deque = deque()        # due at the target
        self.last_rop = self.last_kill = -9
        self.looked = self.before = None   # tag and cycle of the look of the last cycle, of the one before
        self.held = None
        self.seen: set = set()
        self.now = 0
        self.ready_at = self.p["OPS"] + 3

    def tag(self) -> int:
        """Mostly of an operation that is there, sometimes of an older one or of none."""
        r = self.rng
        if self.table and r.random() < 0.8:
            idx = r.choice(list(self.table))
            gen = self.table[idx][0] ^ (r.random() < 0.1)
            return gen << self.ow | idx
        return r.getrandbits(16)

    def drive(self) -> None:
        r, i = self.rng, self.inp
        if self.now < self.ready_at:
            return
        # An index is used again in another life only.
        if self.now - self.last_rop >= 2 and r.random() < self.rate * 0.4:
            idx = r.randrange(self.p["OPS"])
            gen = (self.table[idx][0] + 1 if idx in self.table else r.getrandbits(16)) % (1 << (16 - self.ow))
            if idx != (self.offer["s_tag"] if self.offer else -1) & self.p["OPS"] - 1 and self.now - self.last_kill > 5:
                i.update(rop_valid=1, rop_tag=gen << self.ow | idx)
        if not i["rop_valid"] and self.now - self.last_kill >= 3 and self.now - self.last_rop > 5 and r.random() < self.rate * 0.2:
            i.update(kill_valid=1, kill_tag=self.tag(), kill_status=r.choice((Status.LINK_ERROR, Status.OP_TIMEOUT)))
        if self.offer is None and r.random() < self.rate:
            permit = r.getrandbits(1)
            self.offer = {"s_ch": r.randrange(self.p["CHANNELS"] + 1), "s_permit": permit, "s_tag": self.tag(),
                          "s_status": r.choice((0, 0x93, 0xB2)), "s_status2": r.getrandbits(16)}
        if self.offer:
            i.update(s_valid=1, **self.offer)
        i["m_ready"], i["fail_ready"] = int(r.random() < self.ready), int(r.random() < self.ready)
        self.want_look = self.tag() if r.random() < 0.5 else None

    async def step(self, count: int = 1) -> None:
        for _ in range(count):
            self.inp, self.want_look = dict(self.idle), None
            self.drive()
            if self.looked:
                self.inp["look_tag"] = self.looked[0]
            self._apply()
            await Timer(1, unit="ns")
            if self.want_look is not None and not self.looked and self.get("look_ok"):   # a look needs leave
                self.inp.update(look=1, look_tag=self.want_look)
                self._apply()
            await FallingEdge(self.dut.clk)
            self.check()
            self.now += 1
            await RisingEdge(self.dut.clk)

    def change(self, idx: int, verdict: int, status: int = 0) -> None:
        entry = self.table[idx]
        entry[4] = [x for x in entry[4] if x[0] >= self.now - 6] + [(self.now, entry[1])]
        entry[1], entry[2], entry[3] = verdict, status, self.now

    def check(self) -> None:
        i, g, mask = self.inp, self.get, self.p["OPS"] - 1
        if self.before:
            tag, at = self.before
            entry = self.table.get(tag & mask)
            may = {KILLED}
            if entry and entry[0] == tag >> self.ow:
                may = {entry[1]} | {v for when, v in entry[4] if when >= at - 4}   # a change that has just been made
            elif entry and entry[5] and entry[5][0] == tag >> self.ow and entry[6] >= at - 4:
                may |= {entry[5][1], *(v for when, v in entry[5][4] if when >= at - 4)}   # its life has just ended
            got = g("verdict")
            assert got in may, f"verdict {got} of {tag:#x}, not {may}"
            if got == ENDED and entry[:2] == [tag >> self.ow, ENDED]:
                assert g("verdict_status") == entry[2] ^ self.wrong
            self.seen.add(got)
            self.compared += 1
        self.before = self.looked
        self.looked = (i["look_tag"], self.now) if i["look"] else None

        out = {n: g(n) for n in DATA} if g("m_valid") else None
        assert self.held in (None, out), "an answer changed while it was stalled"
        self.held = out if out and not i["m_ready"] else None
        if out and i["m_ready"]:
            assert self.out, "an answer out of nothing, or a MIRROR's"
            want = self.out.popleft()
            assert {n: want[n.replace("m_", "s_")] for n in DATA} == out
            self.compared += 1
        if g("fail_valid") and i["fail_ready"]:
            assert (g("fail_ch"), g("fail_op")) == self.fails.popleft()
            self.compared += 1
        if g("tkill_valid"):
            assert self.kills, "a kill out of nothing"
            assert (g("tkill_tag"), g("tkill_status")) == self.kills.popleft()
        # An answer goes before a kill of its cycle.
        if i["s_valid"] and g("s_ready"):
            self.answer(self.offer)
            self.offer = None
        if i["kill_valid"]:
            self.last_kill = self.now
            idx, gen = i["kill_tag"] & mask, i["kill_tag"] >> self.ow
            entry = self.table.get(idx)
            mine = entry is not None and entry[0] == gen
            self.kills.append((i["kill_tag"], i["kill_status"]))
            if mine:
                self.change(idx, KILLED)
        if i["rop_valid"]:
            self.last_rop = self.now
            idx, gen = i["rop_tag"] & mask, i["rop_tag"] >> self.ow
            old = self.table.get(idx)
            assert not old or old[0] != gen
            self.table[idx] = [gen, WAITS, 0, self.now, [(self.now, KILLED)], old and old[:5], self.now]

    def answer(self, a: dict) -> None:
        idx, gen = a["s_tag"] & self.p["OPS"] - 1, a["s_tag"] >> self.ow
        entry = self.table.get(idx)
        if entry is None or entry[0] != gen:
            self.out.append(a)
            return
        was, good = entry[1], a["s_status"] == 0
        if was in (ACKED, ENDED, KILLED) or (a["s_permit"] and was != WAITS):
            return
        now = (PERMITTED if good else REFUSED) if a["s_permit"] else ACKED if good else ENDED
        self.change(idx, now, a["s_status"])
        if not good and was != REFUSED and a["s_ch"] < self.p["CHANNELS"]:
            self.fails.append((a["s_ch"], a["s_tag"]))


@cocotb.test()
async def tab(dut):
    """Stimulus: MIRRORs begin, answers of all kinds to them, to older lives of their entries and to others, kills, looks, neighbours at all
    rates, a reset in the middle. Checking: which answers go on, what the engine and the target are told, each verdict; all in order.
    A wrong status fails."""
    bench = Tab(dut)
    for rate, ready in ((0.3, 1.0), (0.9, 0.3), (1.0, 1.0)):
        await bench.reset()
        bench.begin(rate, ready)
        await bench.step(2500)
        assert bench.seen == {WAITS, PERMITTED, REFUSED, ACKED, ENDED, KILLED}, bench.seen
    assert bench.compared > 1500
    bench.wrong = 1
    await expects_failure(bench.step(600))


class HoldBench(CycleBench):
    """One frame an operation, all with different tags: so a look tells which frame is at the head."""

    idle = dict.fromkeys("take p_valid p_data f_valid f_tag f_offset f_len f_last look_ok verdict verdict_status h_ready hp_ready held_free".split(), 0)

    def begin(self, feed: float, ready: float) -> None:
        self.feed, self.ready, self.wrong, self.takes = feed, ready, 0, True
        self.b, self.mtu = self.p["DATA_W"] // 8, self.p.get("LINK_MTU", 1024)
        self.taken = 0                        # places reserved for frames that have not begun
        self.coming: dict | None = None
        self.frames: deque = deque()          # complete, in order
        self.tag = 0
        self.verdict = [WAITS, 0]             # of the head
        self.fate: str | None = None          # of the head, if it may go
        self.shown: list = [None, None]       # verdicts that answer looks, two cycles later
        self.beats: deque = deque()           # (data, last) due
        self.out = 0                          # at the target
        self.counts = dict.fromkeys("data token none full".split(), 0)
        self.h_held = self.p_held = None

    def new_frame(self) -> dict:
        r = self.rng
        n = r.choice((1, self.b, self.b + 1, r.randrange(1, 200), self.mtu))
        data = [r.getrandbits(8 * self.b) for _ in range(-(-n // self.b))]
        self.tag = (self.tag + r.randrange(1, 99)) & 0xFFFF
        if r.random() < 0.15:   # given up: some of its beats, or none
            n, data = 0, data[: r.randrange(len(data) + 1)]
        return {"tag": self.tag, "offset": r.getrandbits(32), "len": n, "last": int(not n or r.getrandbits(1)), "data": data, "sent": 0}

    def drive(self) -> None:
        r, i = self.rng, self.inp
        if self.coming is None and self.taken and r.random() < self.feed:
            self.coming = self.new_frame()
        elif self.coming and r.random() < self.feed:
            c = self.coming
            if c["sent"] < len(c["data"]):
                i.update(p_valid=1, p_data=c["data"][c["sent"]])
            else:
                i.update(f_valid=1, f_tag=c["tag"], f_offset=c["offset"], f_len=c["len"], f_last=c["last"])
        i["look_ok"] = int(r.random() < 0.8)
        i["verdict"], i["verdict_status"] = self.shown[0] or (r.randrange(6), r.getrandbits(8))
        self.shown = [self.shown[1], None]
        i["h_ready"], i["hp_ready"] = int(r.random() < self.ready), int(r.random() < self.ready)
        i["held_free"] = int(self.out > 0 and r.random() < self.ready * 0.5)

    async def step(self, count: int = 1) -> None:
        for _ in range(count):
            self.inp = dict(self.idle)
            self.drive()
            self._apply()
            await Timer(1, unit="ns")
            if self.takes and self.get("ok") and self.rng.random() < self.feed:   # a place must be there
                self.inp["take"] = 1
                self._apply()
            await FallingEdge(self.dut.clk)
            self.check()
            self.now += 1
            await RisingEdge(self.dut.clk)

    def leave(self) -> None:
        """The head has gone."""
        self.counts[self.fate] += 1
        self.frames.popleft()
        self.verdict, self.fate = [WAITS, 0], None

    def check(self) -> None:
        i, g, r = self.inp, self.get, self.rng
        self.counts["full"] += not g("ok")
        h = (g("h_tag"), g("h_offset"), g("h_len"), g("h_status")) if g("h_valid") else None
        assert self.h_held in (None, h), "a header changed"
        if h and not self.h_held:
            assert self.fate in ("data", "token"), f"a header, but {self.fate}"
            f, (verdict, status) = self.frames[0], self.verdict
            token = (f["tag"], f["offset"], 0, status if verdict == ENDED else Status.ABORTED | 0x80)
            assert h == (token if self.fate == "token" else (f["tag"], f["offset"], f["len"], 0)), f"header {h}"
            if self.fate == "data":
                self.beats += [(d, int(k == len(f["data"]) - 1)) for k, d in enumerate(f["data"])]
            self.compared += 1
            self.out += 1
            self.leave()
        self.h_held = h if h and not i["h_ready"] else None
        p = (g("hp_data"), g("hp_last")) if g("hp_valid") else None
        assert self.p_held in (None, p), "a beat changed"
        self.p_held = p if p and not i["hp_ready"] else None
        if p and i["hp_ready"]:
            data, last = self.beats.popleft()
            assert p == (data ^ self.wrong, last)
            self.compared += 1
        self.out -= i["held_free"]
        assert 0 <= self.out <= self.p["HELD"], "frames at the target"
        self.taken += i["take"]
        if i["p_valid"]:
            self.coming["sent"] += 1
        if i["f_valid"]:
            self.frames.append(self.coming)
            self.coming, self.taken = None, self.taken - 1
        if g("look"):
            assert i["look_ok"]
            tag = g("look_tag")
            if tag != self.frames[0]["tag"]:
                assert self.fate == "none", "the head left without a header"
                self.leave()
                assert tag == self.frames[0]["tag"]
            self.judge(r)
            self.shown[1] = tuple(self.verdict)

    def judge(self, r) -> None:
        """What the peer says now, and what becomes of the head."""
        f, v = self.frames[0], self.verdict
        if v[0] == WAITS and r.random() < 0.4:
            v[:] = r.choice((PERMITTED, REFUSED, ACKED, ENDED, KILLED)), r.choice((0x92, 0xC0))
        elif v[0] in (PERMITTED, REFUSED) and r.random() < 0.2 and self.fate is None:
            v[:] = r.choice((ACKED, ENDED)) if v[0] == PERMITTED else ENDED, 0x91
        if v[0] == KILLED or (v[0] in (REFUSED, ENDED) and not f["last"]):
            self.fate = "none"
        elif v[0] == ENDED or (v[0] == ACKED and not f["len"]):
            self.fate = "token"
        elif v[0] == ACKED or (v[0] == PERMITTED and not f["last"]):
            self.fate = "data"


@cocotb.test()
async def hold(dut):
    """Stimulus: frames of all lengths, some given up in the middle, verdicts of all kinds at any time, all neighbours at all rates, a reset in the
    middle. Checking: each header and beat that has to come, in order, none else; places and frames at the target never exceed their numbers; all comes to
    an end. A wrong bit fails."""
    bench = HoldBench(dut)
    for feed, ready in ((0.7, 1.0), (1.0, 0.3), (1.0, 1.0), (0.2, 0.6)):
        await bench.reset()
        bench.begin(feed, ready)
        await bench.step(4000)
        assert min(bench.counts[k] for k in ("data", "token", "none")) > 3, bench.counts
        if feed < 1:   # the others end in the middle
            bench.takes, bench.feed, bench.ready = False, 1.0, 1.0
            await bench.until(lambda: not (bench.taken or bench.coming or len(bench.frames) > (bench.fate == "none") or bench.beats or bench.out),
                              40000, "not empty")
            await bench.step(2 * bench.mtu // bench.b)
            for _ in range(bench.p["FRAMES"]):
                assert bench.get("ok"), "a place is lost"
                bench.inp = dict(bench.idle, take=1)
                bench._apply()
                await FallingEdge(dut.clk)
                await RisingEdge(dut.clk)
            bench.inp = dict(bench.idle)
            bench._apply()
            await FallingEdge(dut.clk)
            assert not bench.get("ok"), "a place too many"
        assert bench.counts["full"] or feed < 1
    assert bench.compared > 1000
    await bench.reset()
    bench.begin(1.0, 1.0)
    bench.wrong = 1
    await expects_failure(bench.step(3000))


class Join(CycleBench):
    idle = dict.fromkeys("l_valid l_hdr lp_valid lp_data lp_last h_valid h_tag h_offset h_len h_status hp_valid hp_data hp_last m_ready mp_ready".split(), 0)

    def begin(self, rates: tuple[float, float], ready: float) -> None:
        self.rates, self.ready, self.wrong = dict(zip("lh", rates, strict=True)), ready, 0
        self.b = self.p["DATA_W"] // 8
        self.offer: dict[str, Frame | None] = {"l": None, "h": None}
        self.pay: dict[str, deque] = {"l": deque(), "h": deque()}   # beats of frames taken or shown
        self.order: deque = deque()                                 # beats due
        self.passed = {"l": 0, "h": 0}
        self.counts = {"l": 0, "h": 0}
        self.held = self.p_held = None

    def drive(self) -> None:
        r, i = self.rng, self.inp
        for s in "lh":
            if self.offer[s] is None and r.random() < self.rates[s]:
                n = r.choice((0, 1, self.b, r.randrange(1, 300)))
                f = Frame(type=int(FrameType.WRITE) if s == "l" else int(FrameType.READ_DATA), tag=r.getrandbits(16), offset=r.getrandbits(32), payload_len=n,
                          status=r.getrandbits(8), flags=1 << FrameFlag.FIRST, dst_ch=3, total_len=r.getrandbits(32))
                self.offer[s] = f
                beats = -(-n // self.b)
                self.pay[s] += [(r.getrandbits(8 * self.b), int(k == beats - 1)) for k in range(beats)]
        if self.offer["l"]:
            i.update(l_valid=1, l_hdr=self.offer["l"].to_int())
        if self.offer["h"]:
            f = self.offer["h"]
            i.update(h_valid=1, h_tag=f.tag, h_offset=f.offset, h_len=f.payload_len, h_status=f.status)
        for s in "lh":
            if self.pay[s]:
                i.update({f"{s}p_valid": 1, f"{s}p_data": self.pay[s][0][0], f"{s}p_last": self.pay[s][0][1]})
        i["m_ready"], i["mp_ready"] = int(r.random() < self.ready), int(r.random() < self.ready)

    def check(self) -> None:
        i, g = self.inp, self.get
        source = "h" if g("m_held") else "l"
        shown = None
        if g("m_valid"):
            shown = (source, g("m_hdr"))
            f, got = self.offer[source], Frame.from_int(g("m_hdr"))
            assert f is not None, "a frame out of nothing"
            names = ("type", "tag", "offset", "payload_len", "status")
            assert [getattr(got, n) for n in names] == [getattr(f, n) for n in names]
            assert source == "h" or g("m_hdr") == f.to_int()
        assert self.held in (None, shown), "a frame changed while it was stalled"
        self.held = shown if shown and not i["m_ready"] else None
        took = [s for s in "lh" if i[f"{s}_valid"] and g(f"{s}_ready")]
        assert took == ([source] if shown and i["m_ready"] else [])
        for s in took:
            beats = -(-self.offer[s].payload_len // self.b)
            self.order += [s] * beats
            self.offer[s] = None
            self.counts[s] += 1
            other = "l" if s == "h" else "h"
            self.passed[other] = self.passed[other] + 1 if self.offer[other] else 0
            self.passed[s] = 0
            assert self.passed[other] <= 2, "the other source is left behind"
        p = (g("mp_data"), g("mp_last")) if g("mp_valid") else None
        assert self.p_held in (None, p), "a beat changed while it was stalled"
        self.p_held = p if p and not i["mp_ready"] else None
        if p and i["mp_ready"]:
            assert self.inside.popleft() == (p[0] ^ self.wrong, p[1])
            self.compared += 1
        for s in "lh":
            if i[f"{s}p_valid"] and g(f"{s}p_ready"):
                assert self.order and self.order.popleft() == s, "not this source's turn"
                self.inside.append(self.pay[s].popleft())

    inside: deque = deque()


@cocotb.test()
async def join(dut):
    """Stimulus: frames with and without payload from both sources at all rates, back-pressure on headers and payload, a reset in the middle.
    Checking: headers as they were, those of the hold FIFO as READ_DATA; payload in the order of the headers; neither source is left behind. A wrong bit
    fails."""
    bench = Join(dut)
    for rates, ready in (((0.3, 0.3), 1.0), ((1.0, 1.0), 0.4), ((1.0, 0.05), 1.0), ((0.0, 1.0), 1.0), ((1.0, 0.0), 1.0)):
        await bench.reset()
        bench.begin(rates, ready)
        bench.inside = deque()
        await bench.step(1500)
        assert all(bench.counts[s] > 5 for s, rate in zip("lh", rates, strict=True) if rate), bench.counts
    assert bench.compared > 2000
    bench.wrong = 1
    await expects_failure(bench.step(100))


class Whole(CycleBench):
    idle = dict.fromkeys("take rop_valid rop_tag kill_valid kill_tag kill_status txp_valid txp_ready txp_mirror txp_data txf_valid txf_ready txf_type "
                         "txf_flags txf_tag txf_offset txf_len fail_ready s_valid s_ch s_permit s_tag s_status s_status2 m_ready l_valid l_hdr lp_valid lp_data "
                         "lp_last rx_ready rxp_ready held_free".split(), 0)

    def begin(self) -> None:
        self.script: deque = deque()
        self.got: list[tuple[Frame, list[int]]] = []
        self.beats: list[int] = []
        self.first_at = self.last_at = None

    def drive(self) -> None:
        self.inp.update(rx_ready=1, rxp_ready=1, m_ready=1, fail_ready=1, txp_ready=1, txf_ready=1)
        if self.script:
            self.inp.update(self.script.popleft())

    def check(self) -> None:
        g = self.get
        if g("rx_valid"):
            assert g("rx_held")
            self.got.append((Frame.from_int(g("rx_hdr")), []))
        if g("rxp_valid"):
            self.first_at = self.now if self.first_at is None else self.first_at
            self.last_at = self.now
            self.beats.append(g("rxp_data"))


@cocotb.test()
async def whole(dut):
    """Stimulus: frames of one operation and of several on their way to the link, and WRITEs between them; permission, then acknowledgement. Checking:
    frames of MIRROR come out as READ_DATA with the same bytes, all but the last after the permission, the last one after the acknowledgement; beats come
    one a cycle; nothing else comes."""
    b = Whole(dut)
    await b.reset()
    b.begin()
    await b.step(b.p["OPS"] + 4)
    words, n = b.p.get("LINK_MTU", 1024) // (b.p["DATA_W"] // 8), 6
    data = [[b.rng.getrandbits(b.p["DATA_W"]) for _ in range(words)] for _ in range(n)]
    b.script.append({"rop_valid": 1, "rop_tag": 0x105})
    for k in range(n):
        b.script.append({"take": 1})
        b.script += [{"txp_valid": 1, "txp_mirror": 1, "txp_data": d} for d in data[k]]
        flags = (k == 0) << FrameFlag.FIRST | (k == n - 1) << FrameFlag.LAST
        b.script.append({"txf_valid": 1, "txf_type": int(FrameType.MIRROR), "txf_flags": flags, "txf_tag": 0x105, "txf_offset": k * 1024, "txf_len": 1024})
        b.script += [{"txp_valid": 1, "txp_data": 7}, {"txf_valid": 1, "txf_type": int(FrameType.WRITE), "txf_flags": 3, "txf_len": 8}]
    await b.until(lambda: not b.script, 2000, "the frames")
    await b.step(20)
    assert not b.got, "released without a permission"
    b.script.append({"s_valid": 1, "s_permit": 1, "s_tag": 0x105})
    await b.until(lambda: len(b.beats) == (n - 1) * words, n * words + 60, "released frames")
    await b.step(20)
    assert b.last_at - b.first_at <= (n - 1) * words + 2, f"{b.last_at - b.first_at} cycles for {(n - 1) * words} beats"
    assert len(b.got) == n - 1, "the last one waits for the acknowledgement"
    b.script.append({"s_valid": 1, "s_tag": 0x105})
    await b.until(lambda: len(b.beats) == n * words, words + 30, "the last frame")
    assert [(f.type, f.tag, f.offset, f.payload_len, f.status) for f, _ in b.got] == [(FrameType.READ_DATA, 0x105, k * 1024, 1024, 0) for k in range(n)]
    assert b.beats == [d for frame in data for d in frame]


@pytest.mark.parametrize(("channels", "ops"), [(1, 8), (5, 128)])
def test_crl_mirror_tab(sim, channels, ops):
    """Stimulus and checking: see tab."""
    run_sim("crl_mirror_tab", __name__, {"CHANNELS": channels, "OPS": ops}, sim=sim, testcase="tab")


@pytest.mark.parametrize(("data_w", "frames", "held"), [(64, 8, 12), (128, 4, 3), (512, 32, 12)])
def test_crl_mirror_hold(sim, data_w, frames, held):
    """Stimulus and checking: see hold."""
    run_sim("crl_mirror_hold", __name__, {"DATA_W": data_w, "FRAMES": frames, "HELD": held}, sim=sim, testcase="hold")


@pytest.mark.parametrize("data_w", [64, 512])
def test_crl_mirror_join(sim, data_w):
    """Stimulus and checking: see join."""
    run_sim("crl_mirror_join", __name__, {"DATA_W": data_w}, sim=sim, testcase="join")


@pytest.mark.parametrize("data_w", [64, 256])
def test_crl_mirror(sim, data_w):
    """Stimulus and checking: see whole."""
    run_sim("crl_mirror", __name__, {"DATA_W": data_w, "CHANNELS": 8, "OPS": 128}, sim=sim, testcase="whole")
