# SPDX-License-Identifier: Apache-2.0
"""crl_resp: READ requests of a peer against a memory and a link that are slow, fast or faulty."""

from __future__ import annotations

import os
from collections import deque
from dataclasses import dataclass, replace

import cocotb
import pytest

from models.gen.carillon_layout import ST_AT_PEER, FrameFlag, Status
from tb.lib.sim import run_sim
from tb.unit.dma_lib import CycleBench, expects_failure
from tb.unit.target_model import Request

MORE = 4 if os.environ.get("CRL_FULL") else 1
FIELDS = "ch peer_ch op_seq tag segaddr total offset first last bytes status addr user".split()


@dataclass(frozen=True)
class Answer:
    """A READ_DATA frame at the link."""

    flags: int
    src_ch: int
    dst_ch: int
    op_seq: int
    tag: int
    segaddr: int
    total: int
    offset: int
    status: int
    data: bytes


def byte_at(addr: int) -> int:
    return (addr * 167 + (addr >> 8) * 59 + (addr >> 20)) & 0xFF


class Bench(CycleBench):
    idle = {
        **{f"rq_{n}": 0 for n in ("valid", *FIELDS)},
        **{n: 0 for n in "rf_ready ar_ready r_valid r_data r_resp r_last rdt_ok rdp_ready rdf_ready "
           "cnt_ready mark".split()},
    }

    def __init__(self, dut) -> None:
        super().__init__(dut)
        p = self.p
        self.w, self.slots = p["DATA_W"] // 8, p["SLOTS"]
        self.max_burst, self.channels = p["MAX_BURST_BYTES"], p["CHANNELS"]
        self.mtu = 2048 if self.max_burst == 256 else 1024
        self.error_rate = 0.0
        self.latency = (1, 4)
        self.rate = dict(rq=1.0, ar=1.0, r=1.0, ok=1.0, p=1.0, f=1.0, rf=1.0, cnt=1.0)
        self.tamper = lambda answer: answer
        self.fresh()

    def fresh(self) -> None:
        self.todo: deque[Request] = deque()
        self.bursts: deque = deque()      # that must come on AR: [addr, len, user, request]
        self.flying: deque = deque()      # (cycle, addr, beats left, request)
        self.answers: deque = deque()     # requests to be answered, in order
        self.frees: deque = deque()
        self.counts: deque = deque()
        self.errors: dict[int, int] = {}  # request -> worst response so far
        self.promised = self.used = 0     # frames with room taken; slots in use
        self.beats: list[int] = []
        self.held: dict[str, tuple] = {}
        self.gaps = 0                     # cycles of a frame under way without a beat
        self.seq = 0
        self.first_beat = self.last_beat = None

    def hit(self, name: str) -> bool:
        return self.rng.random() < self.rate[name]

    def request(self, size=None, addr=None, status=0) -> Request:
        rng = self.rng
        size = size or rng.choice([1, 2, self.w, 63, 64, 65, self.max_burst, self.mtu - 1, self.mtu,
                                   rng.randint(1, self.mtu)])
        if addr is None:
            addr = (rng.getrandbits(51) << 12) + rng.choice([0, rng.randrange(4096), 4096 - rng.randint(1, 64)])
        return Request(rng.randrange(self.channels), rng.getrandbits(8), rng.getrandbits(16), rng.getrandbits(16),
                       rng.getrandbits(64), rng.getrandbits(32), rng.getrandbits(32), rng.getrandbits(1),
                       rng.getrandbits(1), size, status, addr % (1 << 64), rng.getrandbits(8))

    def split(self, req: Request):
        addr, left = req.addr, req.bytes
        while left:
            n = min(left, self.max_burst - addr % self.max_burst)
            yield addr, n
            addr, left = addr + n, left - n

    def drive(self) -> None:
        i, rng = self.inp, self.rng
        self.asked = None
        if self.todo and self.used < self.slots and self.hit("rq"):
            req = self.asked = self.todo.popleft()
            i.update({f"rq_{n}": getattr(req, n) for n in FIELDS}, rq_valid=1)
        i["ar_ready"], i["rdp_ready"], i["rdf_ready"] = (int(self.hit(k)) for k in ("ar", "p", "f"))
        i["rf_ready"], i["cnt_ready"] = int(self.hit("rf")), int(self.hit("cnt"))
        i["rdt_ok"] = int(self.promised < 4 and self.hit("ok"))
        if self.flying and self.flying[0][0] <= self.now and self.hit("r"):
            _, addr, left, key = self.flying[0]
            resp = rng.choice([2, 3]) if rng.random() < self.error_rate else rng.choice([0, 1])
            self.errors[key] = max(self.errors[key], resp)
            base = addr // self.w * self.w
            data = sum(byte_at(base + n) << 8 * n for n in range(self.w))
            i.update(r_valid=1, r_data=data, r_resp=resp, r_last=int(left == 1))
            self.flying[0] = (self.flying[0][0], base + self.w, left - 1, key)
            if left == 1:
                self.flying.popleft()

    def stable(self, name: str, valid: str, ready: str, *fields: str) -> bool:
        """True if it is taken; what waits must not change."""
        now = tuple(self.get(f) for f in fields) if self.get(valid) else None
        assert name not in self.held or now == self.held[name], f"{name} changed while it waited"
        taken = now is not None and bool(self.inp[ready])
        if now is not None and not taken:
            self.held[name] = now
        else:
            self.held.pop(name, None)
        return taken

    def check(self) -> None:
        if self.asked:
            req, key = self.asked, self.seq
            self.seq += 1
            self.used += 1
            self.answers.append((req, key))
            self.errors[key] = 0
            if not req.status:
                self.counts.append((req.ch, req.bytes))
                self.bursts.extend((a, n, req.user, key) for a, n in self.split(req))
        if self.stable("ar", "ar_valid", "ar_ready", "ar_addr", "ar_len", "ar_user"):
            assert self.bursts, "a burst that nobody asked for"
            addr, n, user, key = self.bursts.popleft()
            got = (self.get("ar_addr"), self.get("ar_len"), self.get("ar_user"))
            beats = (addr % self.w + n + self.w - 1) // self.w
            assert got == (addr, beats - 1, user), f"burst {got}, expected {(addr, beats - 1, user)}"
            start = self.now + self.rng.randint(*self.latency)
            self.flying.append((start, addr, beats, key))
        if self.get("rdt_take"):
            assert self.inp["rdt_ok"], "a frame without room"
            self.promised += 1
        if self.stable("beat", "rdp_valid", "rdp_ready", "rdp_data"):
            assert self.promised, "a beat of a frame without room"
            assert "fields" not in self.held, "a beat before the frame before it is closed"
            self.beats.append(self.get("rdp_data"))
            self.first_beat = self.first_beat or self.now
            self.last_beat = self.now
        elif self.beats and not self.get("rdf_valid") and not self.get("rdp_valid"):
            self.gaps += 1
        if self.stable("fields", "rdf_valid", "rdf_ready", *("rdf_" + n for n in (
                "flags src_ch dst_ch op_seq tag segaddr total offset len status").split())):
            self._frame()
        if self.stable("slot", "rf_valid", "rf_ready", "rf_ch"):
            assert self.get("rf_ch") == self.frees.popleft(), "slot of another channel"
            self.used -= 1
        if self.stable("count", "cnt_valid", "cnt_ready", "cnt_ch", "cnt_bytes"):
            assert (self.get("cnt_ch"), self.get("cnt_bytes")) == self.counts.popleft(), "count"

    def _frame(self) -> None:
        req, key = self.answers.popleft()
        flags = req.first << FrameFlag.FIRST | req.last << FrameFlag.LAST
        status = req.status or {2: Status.READ_SLVERR, 3: Status.READ_DECERR}.get(self.errors[key], 0)
        data = b"" if status else bytes(byte_at(req.addr + n) for n in range(req.bytes))
        want = Answer(flags, req.ch, req.peer_ch, req.op_seq, req.tag, req.segaddr, req.total, req.offset,
                      status | ST_AT_PEER if status else 0, data)
        length = self.get("rdf_len")
        raw = b"".join(b.to_bytes(self.w, "little") for b in self.beats)
        if length:
            assert len(self.beats) == -(-length // self.w), "beats of the frame"
        got = self.tamper(Answer(*(self.get("rdf_" + n) for n in (
            "flags src_ch dst_ch op_seq tag segaddr total offset status").split()), raw[:length]))
        assert got == want, f"frame {got}, expected {want}"
        self.compared += 1
        self.promised -= 1
        self.beats = []
        self.frees.append(req.peer_ch)

    async def run(self, requests, limit=40000) -> int:
        start, self.first_beat = self.now, None
        self.todo.extend(requests)
        await self.until(lambda: not (self.todo or self.used), limit, "requests are not answered")
        await self.step(4)
        assert not self.bursts and not self.flying and not self.counts and not self.frees
        assert not self.get("pending") and not self.promised, "not at rest"
        return self.now - start


RATES = [{}, {"rq": 0.1}, {"ar": 0.2}, {"r": 0.4}, {"ok": 0.1}, {"p": 0.5}, {"f": 0.2}, {"rf": 0.05}, {"cnt": 0.05},
         dict(rq=0.7, ar=0.6, r=0.7, ok=0.5, p=0.7, f=0.6, rf=0.5, cnt=0.5)]


async def bench_of(dut) -> Bench:
    bench = Bench(dut)
    await bench.reset()
    return bench


@cocotb.test()
async def traffic(dut):
    """Stimulus: requests of any size and alignment, some refused, x rates of all neighbours x latency.
    Checking: bursts, frames, slots and counts, each once and in order; stable while they wait."""
    bench = await bench_of(dut)
    for rate in RATES:
        bench.rate.update({**dict.fromkeys(bench.rate, 1.0), **rate})
        bench.latency = bench.rng.choice([(1, 1), (1, 9), (40, 60)])
        await bench.run([bench.request(status=bench.rng.choice([0, 0, 0, Status.SEG_RANGE, Status.ABORTED]))
                         for _ in range(40 * MORE)])
    assert bench.compared == 40 * MORE * len(RATES)


@cocotb.test()
async def lanes(dut):
    """Stimulus: every first lane x lengths round a beat, at a burst's edge. Checking: every byte."""
    bench = await bench_of(dut)
    w = bench.w
    requests = [bench.request(n, 4096 * 5 + bench.max_burst - 2 * w + lane)
                for lane in range(w) for n in (1, w - 1, w, w + 1, 2 * w, 2 * w + 3)]
    await bench.run(requests[:: 1 if w <= 16 else 5])


@cocotb.test()
async def read_errors(dut):
    """Stimulus: error responses on beats at random, in first, middle and last bursts.
    Checking: the frame of the request has no payload and the worst status, no other one has."""
    bench = await bench_of(dut)
    bench.error_rate = 0.01
    for rate in (RATES[0], RATES[-1]):
        bench.rate.update({**dict.fromkeys(bench.rate, 1.0), **rate})
        await bench.run([bench.request() for _ in range(60 * MORE)])


@cocotb.test()
async def blocked(dut):
    """Stimulus: the link has no room at all while requests come, until every slot is used; then it has.
    Checking: requests are taken, memory is read no further than the buffer reaches, nothing is lost."""
    bench = await bench_of(dut)
    bench.rate["ok"] = 0.0
    bench.todo.extend(bench.request(bench.mtu) for _ in range(bench.slots))
    await bench.step(1500)
    assert not bench.todo and bench.used == bench.slots and not bench.compared
    asked = bench.slots * bench.mtu // bench.w
    left = sum((a % bench.w + n + bench.w - 1) // bench.w for a, n, _, _ in bench.bursts)
    assert asked - left <= 512 + bench.slots, "more beats asked for than the buffer holds"
    bench.rate["ok"] = 1.0
    await bench.run([])
    assert bench.compared == bench.slots


@cocotb.test()
async def throughput(dut):
    """Stimulus: whole and half frames back to back, latency 20. Checking: no gap in a frame; cycles a frame."""
    bench = await bench_of(dut)
    bench.latency = (20, 20)
    for size in (bench.mtu, bench.max_burst):
        count = 24
        bench.gaps = 0
        await bench.run([bench.request(size, (1 << 20) + n * 4096) for n in range(count)])
        cycles = bench.last_beat - bench.first_beat + 1
        dut._log.info("%d bytes: %.2f cycles a frame", size, cycles / count)
        assert bench.gaps == 0, "gaps within frames"
        assert cycles <= count * (size // bench.w + 2), f"{size} bytes: {cycles} cycles"


@cocotb.test()
async def latency(dut):
    """Stimulus: one request, everybody ready. Checking: cycles from the request to AR, and from its last beat to the first
    one to the link, as the block's header says."""
    bench = await bench_of(dut)
    await bench.run([bench.request(64, 4096)])  # the first one finds everything at rest, too
    bench.todo.append(bench.request(256, 8192))
    asked = ar = last = first = None
    for _ in range(200):
        now = bench.now
        had = bool(bench.todo)
        await bench.step()
        if had and not bench.todo:
            asked = now
        if ar is None and bench.flying and asked is not None:
            ar = now
        if ar is not None and not bench.flying and last is None:
            last = now
        if first is None and last is not None and bench.beats:
            first = now
    dut._log.info("request to AR %d, last beat to the link %d", ar - asked, first - last)
    assert (ar - asked, first - last) == (6, 5 if bench.w <= 16 else 7)
    await bench.run([])


@cocotb.test()
async def reset_midway(dut):
    """Stimulus: reset at random moments. Checking: afterwards everything works as new."""
    bench = await bench_of(dut)
    for _ in range(6 * MORE):
        bench.todo.extend(bench.request() for _ in range(20))
        await bench.step(bench.rng.randrange(1, 200))
        await bench.reset()
        bench.fresh()
    await bench.run([bench.request() for _ in range(10)])


@cocotb.test()
async def scoreboard_fails(dut):
    """Stimulus: a frame is changed on its way to the scoreboard. Checking: it fails each time."""
    bench = await bench_of(dut)
    for change in (lambda a: replace(a, tag=a.tag ^ 1), lambda a: replace(a, status=0x92),
                   lambda a: replace(a, data=bytes([a.data[0] ^ 1]) + a.data[1:]),
                   lambda a: replace(a, flags=a.flags ^ 2), lambda a: replace(a, offset=a.offset + 1)):
        bench.tamper = change
        await expects_failure(bench.run([bench.request(100)]))
        await bench.reset()
        bench.fresh()


CONFIGS = [
    {"DATA_W": 64, "CHANNELS": 8, "MAX_BURST_BYTES": 512, "SLOTS": 32},
    {"DATA_W": 512, "CHANNELS": 8, "MAX_BURST_BYTES": 512, "SLOTS": 32},
    {"DATA_W": 128, "CHANNELS": 1, "MAX_BURST_BYTES": 256, "SLOTS": 5},
]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: f"{c['DATA_W']}x{c['CHANNELS']}")
def test_crl_resp(sim, config):
    run_sim("crl_resp", __name__, config, sim=sim)
