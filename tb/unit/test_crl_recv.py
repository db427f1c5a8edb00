# SPDX-License-Identifier: Apache-2.0
"""crl_recv with its crl_recv_ring: the bench plays software, memory, targets, completion rings and the engine's control."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import cocotb
import pytest

from models.lay import CqeKind, Desc, Op, Status
from tb.lib.sim import run_sim
from tb.unit.dma_lib import CycleBench, expects_failure

AHEAD = 4
SLOW = 60  # cycles within which something that nobody holds up has to happen


@dataclass
class Message:
    send: bool
    index: int = 0        # of its receive entry, counted from the set-up
    end: str = ""         # 'post' or 'back', when it is known
    status: int = 0
    irq: int = 0
    bytes: int = 0
    imm: int = 0
    home: bool = False    # its entry is back in the ring, its slot is still on the way


@dataclass
class Channel:
    base: int = 0
    log2: int = 0
    accept: bool = False
    entries: dict[int, Desc] = field(default_factory=dict)   # by count
    prod: int = 0
    taken: int = 0
    cons: int = 0
    asked: int = 0
    arrived: list[int] = field(default_factory=list)         # cycle of each entry's last beat
    messages: deque = field(default_factory=deque)           # in ring order
    bad: bool = False                                        # a fetch failed
    idle_since: int = 0                                      # nothing to ask for, or the last request
    passed: int = 0                                          # requests of others since then
    busy: int = 0                                            # last cycle in which it must be inbound
    err_due: deque = field(default_factory=deque)            # cycles of bad doorbells
    since: int = 0                                           # nothing of it is under way

    @property
    def size(self) -> int:
        return 1 << self.log2

    @property
    def open(self) -> bool:
        return any(m.send and m.end != "post" and not m.home for m in self.messages)


@dataclass
class Question:
    ch: int
    send: bool
    since: int
    excuse: bool = False      # it may be told that the receiver is not ready
    ready: bool = False       # it may be told that it is
    sure: bool = False        # an entry is at hand
    slot: bool | None = None  # what came of the reservation


class Bench(CycleBench):
    idle = dict.fromkeys(
        ("accept cc_we cc_ch cc_abs cfg_we cfg_ch cfg_base cfg_log2 cfg_func db_valid db_ch db_val rd_ch ar_ready r_valid r_data "
         "r_resp r_last q_valid q_ch q_send sure_valid sure_ch x_valid x_back x_send x_ch x_status x_irq x_bytes x_imm rsv_done "
         "rsv_ok back_ready msg_ready").split(), 0)

    def __init__(self, dut) -> None:
        super().__init__(dut)
        p = self.p
        self.n, self.peers, self.width, self.func_w = p["CHANNELS"], p["PEERS"], p["DATA_W"] // 8, p["FUNC_W"]
        self.cw = max(1, (self.n - 1).bit_length())
        # rates
        self.db_rate, self.bad_rate, self.q_rate, self.end_rate = 0.05, 0.0, 0.2, 0.1
        self.ready, self.latency, self.r_rate, self.slot_rate = 0.8, (1, 30), 0.8, 0.9
        self.err_rate, self.life_rate, self.odd_rate, self.back_rate = 0.0, 0.0, 0.1, 0.3
        self.tamper = lambda name, value: value
        self.counts: dict[str, int] = {}
        self.fresh()

    def fresh(self) -> None:
        self.channels = [Channel() for _ in range(self.n)]
        self.abs = [0] * self.n
        self.func = [0] * self.n
        # Channel 0 begins with a ring: there are SENDs with one channel, too.
        self.setup = deque((kind, c) for c in range(self.n) for kind in ("cc", "cfg" if c else "ring"))
        self.dying: dict[int, int] = {}       # channel: since when
        self.rising: dict[int, int] = {}      # and from when on it is active
        self.asking: list[Question | None] = [None] * self.peers
        self.showing: list[tuple[int, Message] | None] = [None] * self.peers
        self.rsv: tuple[int, int] | None = None
        self.reads: deque = deque()
        self.beats: deque = deque()
        self.shown_ar = None
        self.last_db = -9
        self.hold_back = 0                    # slots do not go back before
        self.ferrs: deque = deque()
        self.told: list[tuple[int, int]] = []  # sure events to come: (peer, channel)
        self.stopping = False

    def count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    # -- stimulus -------------------------------------------------------------------------
    def new_ring(self, c: int, sizes: tuple[int, ...] = (2, 2, 3, 4, 7, 8, 12, 0)) -> None:
        """Set-up of a channel that is disabled: the next cycle clears its indices."""
        rng, old = self.rng, self.channels[c]
        assert not old.messages
        log2 = rng.choice(sizes)
        align = min(32 << log2, 4096)
        base = rng.getrandbits(52) * 4096 + (rng.randrange(4096 // align) * align if log2 else 0)
        new = Channel(base & (1 << 64) - 1, log2, False, idle_since=self.now, busy=self.now, since=self.now)
        self.channels[c] = new
        self.rising[c] = self.now + 3
        self.func[c] = rng.getrandbits(self.func_w)
        self.inp.update(cfg_we=1, cfg_ch=c, cfg_base=new.base, cfg_log2=log2, cfg_func=self.func[c])

    def drive(self) -> None:
        rng, i = self.rng, self.inp
        if self.setup:
            kind, c = self.setup.popleft()
            if kind == "cc":
                self.abs[c] = rng.getrandbits(1)
                i.update(cc_we=1, cc_ch=c, cc_abs=self.abs[c])
            elif kind == "ring":
                self.new_ring(c, (2, 2, 3, 4, 7, 8, 12))
            else:
                self.new_ring(c)
        for c in [c for c, at in self.rising.items() if at <= self.now]:
            self.channels[c].accept = bool(self.rising.pop(c))
        i["accept"] = sum(ch.accept << c for c, ch in enumerate(self.channels))
        i["rd_ch"] = self.now % self.n
        self._doorbell()
        self._life()
        self._memory()
        self._targets()
        i["msg_ready"], i["back_ready"] = int(rng.random() < self.ready), int(rng.random() < self.ready and self.now >= self.hold_back)
        if self.rsv and self.rsv[0] <= self.now:
            i["rsv_done"], i["rsv_ok"] = 1, int(rng.random() < self.slot_rate)

    def _doorbell(self) -> None:
        rng = self.rng
        if self.stopping or self.setup or self.now - self.last_db < 2 or rng.random() > self.db_rate * self.n:
            return
        c = rng.randrange(self.n)
        ch = self.channels[c]
        if not ch.log2 and rng.random() < 0.9:
            return
        value, good = ch.prod, True
        if rng.random() < self.bad_rate or not ch.log2:
            kind = rng.randrange(3)
            value = rng.randrange(ch.size, 1 << 16)
            if kind == 0 and ch.taken < ch.prod:
                value = (ch.prod - 1) % ch.size
            good = False
        else:
            room = ch.size - 1 - (ch.prod - ch.cons)
            new = rng.randrange(room + 1) if rng.random() < 0.3 else min(room, rng.randrange(3))
            value = ch.prod + new
        self.inp.update(db_valid=1, db_ch=c, db_val=value % ch.size if good else value)
        self.last_db = self.now
        if not ch.accept:
            self.count("ignored")
        elif good:
            while ch.prod < value:
                op = Op.RECV if rng.random() >= self.odd_rate else rng.choice((Op.SEND, 0, 0xFF))
                length = rng.choice((0, 1, 4096, rng.getrandbits(32), (1 << 32) - 1))
                ch.entries[ch.prod] = Desc(int(op), rng.getrandbits(8), rng.getrandbits(16), length, rng.getrandbits(64),
                                           rng.getrandbits(64), rng.getrandbits(64))
                ch.prod += 1
        else:
            ch.err_due.append(self.now)
            self.count("bad doorbell")

    def _life(self) -> None:
        """Channels pause their acceptance, or are disabled and set up anew."""
        rng = self.rng
        for c, ch in enumerate(self.channels):
            if ch.bad and c not in self.dying and not any(f[0] == c for f in self.ferrs):
                self.dying[c] = self.now
            elif rng.random() < self.life_rate and ch.accept and not self.setup and not self.stopping:
                self.dying[c] = self.now
            if c in self.dying:
                ch.accept = False
        for c in list(self.dying):
            ch = self.channels[c]
            quiet = not ch.messages and self.now > max(ch.busy, self.dying[c]) + 6 and not any(q and q.ch == c for q in self.asking)
            if quiet and not self.setup and not self.quiet_inbound(c):
                del self.dying[c]
                self.setup += [("cc", c), ("cfg", c)]
                self.count("lives")

    def quiet_inbound(self, c: int) -> bool:
        return bool(self.get("inbound") >> c & 1)

    def _memory(self) -> None:
        rng, i = self.rng, self.inp
        i["ar_ready"] = int(rng.random() < self.ready)
        i["r_data"], i["r_resp"] = rng.getrandbits(8 * self.width), 0
        if not self.beats and self.reads and self.reads[0][0] <= self.now:
            _, c, number, addr = self.reads.popleft()
            raw = self.channels[c].entries[number].pack()
            beats = max(1, 32 // self.width)
            bad = rng.choice((2, 3)) if rng.random() < self.err_rate else 0
            which = rng.randrange(beats)
            for k in range(beats):
                line = bytearray(rng.randbytes(self.width))
                at = addr % self.width if beats == 1 else 0
                part = raw[k * self.width : (k + 1) * self.width] if beats > 1 else raw
                line[at : at + len(part)] = part
                self.beats.append((c, int.from_bytes(line, "little"), bad if k == which else 0, k == beats - 1, bad))
        if self.beats and rng.random() < self.r_rate:
            c, data, resp, last, worst = self.beats.popleft()
            i.update(r_valid=1, r_data=data, r_resp=resp, r_last=int(last))
            if last:
                ch = self.channels[c]
                ch.arrived.append(self.now)
                ch.busy = self.now
                if worst:
                    ch.bad = True
                    self.ferrs.append((c, int(worst == 3), self.now))

    def _targets(self) -> None:
        rng, i = self.rng, self.inp
        for p in range(self.peers):
            mine = [c for c in range(self.n) if c % self.peers == p]
            if not mine:
                continue
            q = self.asking[p]
            homes = [c for c in mine if any(m.home for m in self.channels[c].messages)]
            early = bool(homes) and self.now < self.hold_back
            c = rng.choice(homes if early else mine)
            if q is None and not self.setup and not self.stopping and rng.random() < self.q_rate and len(self.channels[c].messages) < 6:
                q = self.asking[p] = Question(c, early or rng.random() < 0.7, self.now)
            if q:
                i["q_valid"] |= 1 << p
                i["q_ch"] |= q.ch << p * self.cw
                i["q_send"] |= q.send << p
            for c in mine:
                ch = self.channels[c]
                for k, m in enumerate(ch.messages):
                    if m.end or rng.random() > self.end_rate:
                        continue
                    last = k == len(ch.messages) - 1 or not any(x.send for x in list(ch.messages)[k + 1 :])
                    m.end = "back" if rng.random() < self.back_rate and (not m.send or last) else "post"
                    m.irq, m.bytes, m.imm = rng.getrandbits(1), rng.getrandbits(32), rng.getrandbits(32)
                    m.status = int(rng.choice((0, 0, Status.RECV_TOO_SHORT, Status.WRITE_SLVERR))) if m.send and m.end == "post" else 0
                    if m.send and m.end == "post":
                        self.told.append((p, c))
            sure = next((t for t in self.told if t[0] == p), None)
            if sure:
                self.told.remove(sure)
                i["sure_valid"] |= 1 << p
                i["sure_ch"] |= sure[1] << p * self.cw
            if self.showing[p] is None and rng.random() < 0.5:
                heads = [c for c in mine if self.channels[c].messages and self.channels[c].messages[0].end and (p, c) not in self.told]
                if heads:
                    c = rng.choice(heads)
                    m = self.channels[c].messages[0]
                    self.showing[p] = (c, m)
                    if m.send and m.end == "back" and rng.random() < 0.5:   # long enough for the next SEND to take its entry
                        self.hold_back = self.now + rng.randint(60, 100)
            if self.showing[p]:
                c, m = self.showing[p]
                i["x_valid"] |= 1 << p
                i["x_ch"] |= c << p * self.cw
                i["x_back"] |= int(m.end == "back") << p
                i["x_send"] |= int(m.send) << p
                i["x_status"] |= (m.status if m.send else rng.getrandbits(8)) << 8 * p
                i["x_irq"] |= m.irq << p
                i["x_bytes"] |= m.bytes << 32 * p
                i["x_imm"] |= m.imm << 32 * p

    # -- checks ---------------------------------------------------------------------------
    def check(self) -> None:
        self._fetches()
        self._errors()
        self._questions()
        self._ends()
        inbound = self.get("inbound")
        for c, ch in enumerate(self.channels):
            if ch.messages or len(ch.arrived) < ch.asked:
                ch.busy = self.now
                assert inbound >> c & 1 or self.now - ch.since < 4, f"channel {c} is not quiet"
            else:
                ch.since = self.now
            if self.now > ch.busy + 12 and not any(q and q.ch == c for q in self.asking):
                assert not inbound >> c & 1, f"channel {c} is quiet"

    def _fetches(self) -> None:
        i = self.inp
        if not self.get("ar_valid"):
            assert self.shown_ar is None, "a request was withdrawn"
        else:
            got = (self.get("ar_addr"), self.get("ar_len"), self.get("ar_user"))
            assert self.shown_ar in (None, got), "a request changed while it was shown"
            if self.shown_ar is None:
                c = next((c for c, ch in enumerate(self.channels) if ch.log2 and self.wants(c) == got[0]), None)
                assert c is not None, f"nobody's next entry: {got[0]:#x}"
                ch = self.channels[c]
                assert got[1:] == (max(1, 32 // self.width) - 1, self.func[c])
                used = bool(ch.messages and ch.messages[0].send and ch.messages[0].end == "post" and any(
                    s and s[1] is ch.messages[0] for s in self.showing))   # perhaps its place is free
                assert ch.asked < min(ch.prod, ch.cons + AHEAD + used), "an entry that is not published, or has no room"
                self.owner, number = c, ch.asked
                ch.asked += 1
                ch.idle_since, ch.passed = self.now, 0
                for other in self.channels:
                    other.passed += other is not ch
                self.number = number
                self.compared += 1
            self.shown_ar = got
            if i["ar_ready"]:
                due = max(self.now + self.rng.randint(*self.latency), self.reads[-1][0] if self.reads else 0)
                self.reads.append((due, self.owner, self.number, got[0]))
                self.shown_ar = None
        assert bool(self.get("pending")) or not (self.reads or self.beats)
        for ch in self.channels:
            due = ch.accept and not ch.bad and ch.asked < min(ch.prod, ch.cons + AHEAD)
            if not due:
                ch.idle_since, ch.passed = self.now, 0
            limit = SLOW + 12 * self.n + 8 * (self.latency[1] + 12)
            assert self.now - ch.idle_since < limit / min(self.ready, self.r_rate), "an entry is not fetched"
            assert ch.passed < self.n + 4, "an entry is not fetched in its turn"

    def wants(self, c: int) -> int:
        ch = self.channels[c]
        return (ch.base + 32 * (ch.asked % ch.size)) & (1 << 64) - 1

    def _errors(self) -> None:
        if self.get("db_err_valid"):
            ch = self.channels[self.get("db_err_ch")]
            assert ch.err_due, "a good doorbell is refused"
            ch.err_due.popleft()
        for ch in self.channels:
            assert not ch.err_due or self.now - ch.err_due[0] < 10, "a bad doorbell is not told"
        if self.get("ferr_valid"):
            c, dec, _ = self.ferrs.popleft()
            assert (self.get("ferr_ch"), self.get("ferr_dec")) == (c, dec)
            self.count("fetch errors")
        assert not self.ferrs or self.now - self.ferrs[0][2] < 30 + 4 * self.n, "a fetch error is not told"

    def _questions(self) -> None:
        i = self.inp
        done = self.get("q_done")
        if self.rsv and i["rsv_done"]:
            for q in self.asking:
                if q and q.ch == self.rsv[1] and q.slot is None and self.at_slot == id(q):
                    q.slot = bool(i["rsv_ok"])
            self.rsv = None
        elif self.rsv is None and self.get("rsv_valid"):
            c = self.get("rsv_ch")
            who = [q for q in self.asking if q and q.ch == c and q.slot is None]
            assert who, "a slot that nobody needs"
            self.at_slot = id(who[0])
            self.rsv = (self.now + self.rng.randint(1, 12), c)
        for p, q in enumerate(self.asking):
            if q is None:
                assert not done >> p & 1, "an answer that nobody waits for"
                continue
            ch = self.channels[q.ch]
            ch.busy = self.now
            sure = sum(t <= q.since - 14 - 2 * self.n for t in ch.arrived) > ch.taken and not ch.bad
            if not ch.accept or (q.send and ch.open) or (q.send and not sure):
                q.excuse = True
            if ch.accept or self.now - q.since < 2:
                q.ready = True
            if not done >> p & 1:
                assert self.now - q.since < 60 * self.peers + 40 * self.n, "no answer"
                continue
            ok = self.tamper("ok", self.get("q_ok"))
            self.asking[p] = None
            self.count(f"{'send' if q.send else 'imm'} {ok}")
            self.compared += 1
            if not ok:
                assert q.excuse or q.slot is False, f"not ready, but it is: {q}"
                continue
            assert q.ready and q.slot, f"ready, but it is not: {q}"
            m = Message(q.send)
            if q.send:
                assert not ch.open, "two SENDs are open"
                if any(x.home for x in ch.messages):
                    self.count("early send")
                    self.hold_back = 0
                assert ch.taken < len(ch.arrived), "an entry that is not here"
                e = ch.entries[ch.taken]
                got = (self.get("q_dst"), self.get("q_len"), self.get("q_bad"), self.get("q_abs"))
                assert got == (e.dst, e.length, int(e.opcode != Op.RECV), self.abs[q.ch]), f"{got}, not {e}"
                m.index = ch.taken
                ch.taken += 1
            ch.messages.append(m)

    def _ends(self) -> None:
        i = self.inp
        if self.get("back_valid"):   # an entry is back before its slot: the next SEND may take it
            ch = self.channels[self.get("back_ch")]
            m = ch.messages[0]
            if m.send and not m.home:
                m.home = True
                ch.taken -= 1
                assert ch.taken == m.index
        for what in ("msg", "back"):
            if not (self.get(f"{what}_valid") and i[f"{what}_ready"]):
                continue
            c = self.get(f"{what}_ch")
            ch = self.channels[c]
            assert any(s and s[0] == c for s in self.showing), "what has not ended"
            m = ch.messages[0]
            assert (m.end == "back") == (what == "back"), m
            if what == "msg":
                names = ("kind", "tag", "status", "irq", "bytes", "imm", *(("cons",) if m.send else ()))
                got = tuple(self.tamper(n, self.get(f"msg_{n}")) for n in names)
                want = (CqeKind.IMMEDIATE, 0, 0, m.irq, m.bytes, m.imm)
                if m.send:
                    want = (CqeKind.RECEIVE, ch.entries[m.index].tag, m.status, m.irq or int(m.status != 0), 0 if m.status else m.bytes, m.imm,
                            (m.index + 1) % ch.size)
                assert got == want, f"entry {got}, expected {want}"
                self.compared += 1
            self.count(f"{what} {'send' if m.send else 'imm'}")
        ready = self.get("x_ready")
        for p, s in enumerate(self.showing):
            if not ready >> p & 1:
                continue
            assert s is not None
            c, m = s
            ch = self.channels[c]
            assert ch.messages.popleft() is m
            self.showing[p] = None
            if m.send and m.end == "post":
                assert m.index == ch.cons
                del ch.entries[ch.cons]
                ch.cons += 1
            elif m.send:
                assert m.home, "its entry is not back"

    # -- ends -----------------------------------------------------------------------------
    def at_rest(self) -> bool:
        return not (any(self.asking) or any(ch.messages for ch in self.channels) or self.setup or self.dying or self.rising or self.told
                    or any(len(ch.arrived) < min(ch.prod, ch.cons + AHEAD) for ch in self.channels))

    async def finish(self) -> None:
        self.stopping, self.end_rate = True, 0.3
        await self.until(self.at_rest, 6000, "the end")
        await self.step(30 + self.n)
        for _ in range(self.n):
            await self.step()
            ch = self.channels[self.inp["rd_ch"]]
            if ch.log2:
                assert (self.get("rd_prod"), self.get("rd_cons")) == (ch.prod % ch.size, ch.cons % ch.size)
                self.compared += 1
        self.stopping, self.end_rate = False, 0.1

    async def start(self) -> None:
        await self.reset()
        await self.step(2 * self.n + 6)


RATES = [  # ready, memory's latency, beats, doorbells, questions
    (1.0, (1, 2), 1.0, 0.3, 1.0), (0.8, (1, 30), 0.8, 0.05, 0.3), (0.2, (20, 90), 0.3, 0.1, 0.5), (1.0, (100, 100), 1.0, 0.3, 0.5),
]


@cocotb.test()
async def traffic(dut):
    """Stimulus: entries posted, messages begun and ended, or given up, on all channels and peers x idle and back-pressure x latency;
    slots refused; entries that are no RECV; SENDs that take an entry that is back while its slot is on the way. Checking: each entry
    is fetched once, in order, in its channel's turn, four ahead and no more; it is given to one message, or to the next one when it
    comes back; no second SEND while one is open; what is ready is not refused; fields of the entry and of the completion; indices;
    who is quiet."""
    bench = Bench(dut)
    await bench.start()
    for bench.ready, bench.latency, bench.r_rate, bench.db_rate, bench.q_rate in RATES:
        for bench.slot_rate, bench.back_rate in ((1.0, 0.0), (0.8, 0.5)):
            await bench.step(600)
        await bench.finish()
    for what in ("send 1", "send 0", "imm 1", "imm 0", "msg send", "msg imm", "back send", "back imm", "early send"):
        assert bench.counts.get(what, 0) > 3, bench.counts


@cocotb.test()
async def lives(dut):
    """Stimulus: channels are disabled at any time, with messages open and entries under way, and get new rings of all sizes, or none.
    Checking: nothing is fetched for them then, the old life's entries are gone, all is as above in the new one."""
    bench = Bench(dut)
    bench.life_rate, bench.db_rate = 0.004, 0.2
    await bench.start()
    for bench.ready, bench.latency, bench.r_rate, _, bench.q_rate in RATES:
        await bench.step(1200)
    await bench.finish()
    assert bench.counts["lives"] > 3 and bench.counts["send 1"] > 10, bench.counts


@cocotb.test()
async def errors(dut):
    """Stimulus: doorbells outside the ring and backwards, doorbells of a channel without a ring; error responses; new set-ups.
    Checking: told for that channel, nothing changes; after a failed fetch no entry is given out; others go on."""
    bench = Bench(dut)
    bench.bad_rate, bench.err_rate, bench.db_rate, bench.life_rate = 0.2, 0.2, 0.2, 0.004
    await bench.start()
    for _ in range(40):
        await bench.step(400)
        if bench.counts.get("fetch errors", 0) > 3 and bench.counts.get("bad doorbell", 0) > 10:
            break
    else:
        raise AssertionError(bench.counts)
    bench.err_rate = 0.0
    await bench.finish()


@cocotb.test()
async def reset_in_mid_flight(dut):
    """Stimulus: reset while entries are fetched and messages are open. Checking: all works from the start."""
    bench = Bench(dut)
    await bench.start()
    for cycles in (40, 133, 250):
        bench.db_rate = 0.3
        await bench.step(cycles)
        bench.fresh()
        await bench.start()
        await bench.step(300)
    await bench.finish()


@cocotb.test()
async def scoreboard_notices(dut):
    """Stimulus: traffic, with one output spoiled. Checking: the bench fails each time."""
    bench = Bench(dut)
    for what in ("ok", "kind", "tag", "status", "bytes", "imm", "cons", "irq"):
        bench.fresh()
        bench.db_rate = 0.3
        await bench.start()
        bench.tamper = lambda name, value, what=what: value ^ (name == what)
        await expects_failure(bench.step(3000))
        bench.tamper = lambda name, value: value


CONFIGS = [
    {"DATA_W": 64, "CHANNELS": 8, "PEERS": 1, "FUNC_W": 8}, {"DATA_W": 128, "CHANNELS": 3, "PEERS": 3, "FUNC_W": 8},
    {"DATA_W": 256, "CHANNELS": 1, "PEERS": 1, "FUNC_W": 5}, {"DATA_W": 512, "CHANNELS": 16, "PEERS": 2, "FUNC_W": 12},
]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: f"{c['DATA_W']}x{c['CHANNELS']}")
def test_crl_recv(sim, config):
    run_sim("crl_recv", __name__, config, sim=sim)
