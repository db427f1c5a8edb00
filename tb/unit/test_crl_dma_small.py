# SPDX-License-Identifier: Apache-2.0
"""Unit tests of the engine's small blocks: crl_ram_clr, crl_wr_clear, crl_irq_merge, crl_dma_segtab, crl_target_segtab,
crl_dma_considx, crl_dma_assemble."""

from __future__ import annotations

from collections import deque

import cocotb
import pytest

from models.lay import Op
from tb.lib.sim import run_sim
from tb.unit.dma_lib import CycleBench, expects_failure


class RamClr(CycleBench):
    idle = dict.fromkeys("clr caddr we waddr wdata raddr".split(), 0)

    def drive(self) -> None:
        r, depth = self.rng, self.p["DEPTH"]
        for name in ("caddr", "waddr", "raddr"):
            self.inp[name] = r.randrange(min(depth, 4)) if r.random() < 0.7 else r.randrange(depth)
        self.inp["clr"], self.inp["we"] = int(r.random() < 0.3), r.getrandbits(1)
        self.inp["wdata"] = r.getrandbits(self.p["W"])

    def check(self) -> None:
        i = self.inp
        got = self.get("rdata")
        assert got == self.words[i["raddr"]], f"{got:#x}, must be {self.words[i['raddr']]:#x}"
        self.compared += bool(got)
        if i["we"]:
            self.words[i["waddr"]] = i["wdata"] ^ self.wrong
        if i["clr"]:
            self.words[i["caddr"]] = 0  # the clear wins
            self.both += i["we"] and i["caddr"] == i["waddr"]

    wrong = both = 0


@cocotb.test()
async def ram_clr(dut):
    """Stimulus: random writes, clears and reads, a clear and a write of one word in one cycle;
    resets. Checking: every read against a shadow; the clear wins; after a reset all is zero. A
    shadow that is wrong fails."""
    bench = RamClr(dut)
    for _ in range(3):
        await bench.reset()
        bench.words = [0] * bench.p["DEPTH"]
        await bench.step(400)
    assert bench.compared > 100 and bench.both > 5
    bench.wrong = 1
    await expects_failure(bench.step(200))


class WrClear(CycleBench):
    """A RAM behind the port must end up as one that is cleared at once would."""

    idle = dict.fromkeys("clr caddr s_we s_waddr s_wdata".split(), 0)
    wrong = late = 0
    pending = None

    def drive(self) -> None:
        r, i, words = self.rng, self.inp, 1 << self.p["AW"]
        i["s_we"] = int(r.random() < 0.7)
        i["s_waddr"] = r.choice([a for a in range(words) if a != self.pending])
        i["s_wdata"] = r.getrandbits(self.p["W"])
        i["caddr"] = r.randrange(words)
        i["clr"] = int(r.random() < 0.3 and not (self.pending is not None and i["s_we"]))

    def check(self) -> None:
        i = self.inp
        if self.get("we"):
            self.ram[self.get("waddr")] = self.get("wdata") ^ self.wrong
        if i["s_we"]:
            self.words[i["s_waddr"]] = i["s_wdata"]
            self.late += self.pending is not None
        else:
            self.pending = None
        for addr, word in self.words.items():
            if addr != self.pending:
                assert self.ram.get(addr) == word, f"word {addr:#x}"
                self.compared += 1
        if i["clr"]:
            self.pending = i["caddr"]
            self.words[self.pending] = 0


@cocotb.test()
async def wr_clear(dut):
    """Stimulus: random writes and clears of other words, resets. Checking: writes come through in
    their cycle, a clear in the first cycle without one. A wrong bit fails."""
    bench = WrClear(dut)
    for _ in range(3):
        await bench.reset()
        bench.ram, bench.words, bench.pending = {}, {}, None
        await bench.step(300)
    assert bench.compared > 1000 and bench.late > 20
    bench.wrong = 1
    await expects_failure(bench.step(50))


class IrqMerge(CycleBench):
    idle = dict.fromkeys("set ev_valid ev_ch".split(), 0)

    def drive(self) -> None:
        r, n, s = self.rng, self.p["CHANNELS"], self.p["SRCS"]
        cw = max(1, (n - 1).bit_length())
        i = self.inp
        if r.random() < self.rate:
            i["set"] = r.getrandbits(n) & r.getrandbits(n)
            i["ev_valid"] = r.getrandbits(s)
        i["ev_ch"] = sum(r.randrange(n) << (k * cw) for k in range(s))
        self.events = i["set"]
        for k in range(s):
            if i["ev_valid"] >> k & 1:
                self.events |= 1 << (i["ev_ch"] >> (k * cw) & ((1 << cw) - 1))

    rate = 0.3
    owed: dict = {}
    wrong = False

    def check(self) -> None:
        if self.get("irq_valid"):
            ch = self.get("irq_ch")
            if self.wrong:
                ch ^= 1
            assert ch in self.owed, f"interrupt of channel {ch} without an event"
            del self.owed[ch]
            self.compared += 1
        else:
            assert not self.owed, "an event waits and nothing is handed on"
        for ch, since in self.owed.items():
            assert self.now - since <= self.p["CHANNELS"], f"channel {ch} waits for too long"
        for ch in range(self.p["CHANNELS"]):
            if self.events >> ch & 1:
                self.owed.setdefault(ch, self.now)


@cocotb.test()
async def irq_merge(dut):
    """Stimulus: events by bit and by number, alone and all at once. Checking: each event is
    followed by an interrupt of its channel within CHANNELS cycles, none without an event. A wrong
    channel fails."""
    bench = IrqMerge(dut)
    await bench.reset()
    bench.owed = {}
    for rate in (0.1, 0.5, 1.0):
        bench.rate = rate
        await bench.step(300)
    bench.rate = 0
    await bench.step(bench.p["CHANNELS"] + 2)
    assert not bench.owed and bench.compared > 50
    if bench.p["CHANNELS"] > 1:
        bench.wrong, bench.rate = True, 0.2
        await expects_failure(bench.step(200))


class EngineSegTab(CycleBench):
    """A write waits for a cycle without a look-up, and asks for one."""

    idle = dict.fromkeys("we widx wentry re ridx".split(), 0)
    wrong = 0
    waits = 0
    due: tuple[int, int] | None = None      # what was looked up, and what must come
    write: tuple[int, int] | None = None    # that waits

    def drive(self) -> None:
        r, n, i = self.rng, self.p["SEGMENTS"], self.inp
        i["we"] = int(self.write is None and r.random() < 0.4)
        if i["we"]:
            self.write = r.randrange(n), r.getrandbits(124)
        i["widx"], i["wentry"] = self.write or (r.randrange(n), r.getrandbits(124))
        i["re"], i["ridx"] = int(r.random() < self.rate), r.randrange(n)

    def check(self) -> None:
        i = self.inp
        stop = self.write is not None
        assert self.get("stop") == stop
        if self.due is not None:
            index, entry = self.due
            word = self.dut.rentry.value
            assert int(word[123]) == entry >> 123, f"valid of {index}"
            if word[123]:
                assert int(word) == entry ^ self.wrong, f"entry {index}"
                self.compared += 1
        self.due = (i["ridx"], self.table.get(i["ridx"], 0)) if i["re"] or not stop else None
        if stop and not i["re"]:
            self.table[self.write[0]] = self.write[1]
            self.waits += not i["we"]
            self.write = None


@cocotb.test()
async def engine_table(dut):
    """Stimulus: random writes and look-ups, few and many, resets. Checking: every entry against a
    shadow; a write waits while there are look-ups and says so; none valid after a reset. A shadow
    that is wrong fails."""
    bench = EngineSegTab(dut)
    for rate in (0.2, 0.9, 0.6):
        await bench.reset()
        bench.table, bench.write, bench.due, bench.rate = {}, None, None, rate
        await bench.step(600)
    assert bench.compared > 100 and bench.waits > 20
    bench.wrong = 1
    await expects_failure(bench.step(300))


class SegTab(CycleBench):
    idle = dict.fromkeys("we widx wentry ridx".split(), 0)
    wrong = 0

    def drive(self) -> None:
        r, n = self.rng, self.p["SEGMENTS"]
        self.sw = (n - 1).bit_length()
        self.idx = [r.randrange(n) for _ in range(self.p["PORTS"])]
        self.inp.update(we=r.getrandbits(1), widx=r.randrange(n), wentry=r.getrandbits(124))
        self.inp["ridx"] = sum(k << (p * self.sw) for p, k in enumerate(self.idx))

    def check(self) -> None:
        word = self.dut.rentry.value
        for p, index in enumerate(self.idx):
            valid = int(word[124 * p + 123])
            assert valid == (self.table.get(index, 0) >> 123), f"valid of {index}"
            if valid:
                got = int(word[124 * p + 123 : 124 * p])
                assert got == self.table[index] ^ self.wrong
                self.compared += 1
        if self.inp["we"]:
            self.table[self.inp["widx"]] = self.inp["wentry"]


@cocotb.test()
async def target_table(dut):
    """Stimulus: random writes, reads at all ports, resets. Checking: every entry against a shadow;
    none valid after a reset. A shadow that is wrong fails."""
    bench = SegTab(dut)
    for _ in range(3):
        await bench.reset()
        bench.table = {}
        await bench.step(300)
    assert bench.compared > 100
    bench.wrong = 1
    await expects_failure(bench.step(300))


class ConsIdx(CycleBench):
    idle = dict.fromkeys("cfg_we cfg_ch cfg_log2 alloc_valid alloc_ch alloc_two".split(), 0)
    wrong = 0

    def drive(self) -> None:
        r, n = self.rng, self.p["CHANNELS"]
        i = self.inp
        i["alloc_ch"] = r.randrange(n)
        if i["alloc_ch"] not in self.rings or r.random() < 0.01:
            i.update(cfg_we=1, cfg_ch=i["alloc_ch"], cfg_log2=r.choice([2, 2, 3, 5, 12]))
        else:
            i["alloc_valid"] = int(r.random() < 0.8)
            i["alloc_two"] = int(r.random() < 0.2)

    def check(self) -> None:
        i = self.inp
        if i["cfg_we"]:
            self.rings[i["cfg_ch"]] = [0, 1 << i["cfg_log2"]]
        elif i["alloc_valid"]:
            ring = self.rings[i["alloc_ch"]]
            self.wraps += ring[0] + 1 + i["alloc_two"] >= ring[1]
            ring[0] = (ring[0] + 1 + i["alloc_two"]) % ring[1]
            assert self.get("alloc_cons") == ring[0] ^ self.wrong
            self.compared += 1

    wraps = 0


@cocotb.test()
async def considx(dut):
    """Stimulus: operations that begin, rings of 4 to 4096 entries set up anew at times. Checking:
    the index after each, modulo the ring. A model that is wrong fails."""
    bench = ConsIdx(dut)
    await bench.reset()
    bench.rings = {}
    await bench.step(1200)
    assert bench.compared > 500 and bench.wraps > 20
    bench.wrong = 1
    await expects_failure(bench.step(50))


LATE = (Op.FETCH_ADD, Op.CMP_SWAP, Op.EXT, Op.WRITE_IMM, Op.MIRROR)  # the engine wants their operands


class Assemble(CycleBench):
    idle = dict.fromkeys("r_valid r_data r_resp r_last b_odd b_odd_end".split(), 0)

    def __init__(self, dut) -> None:
        super().__init__(dut)
        self.w = self.p["DATA_W"] // 8
        self.heads: deque = deque()  # (odd, odd_end, worst) of bursts not done
        self.beats: deque = deque()
        self.descs: deque = deque()  # (data, bad)
        self.idle_rate, self.error_rate, self.bad, self.wrong = 0.2, 0.2, 0, 0
        self.offered = False

    def burst(self) -> None:
        r, w = self.rng, self.w
        count = r.choice([1, 2, r.randint(1, 16)])
        odd = w == 64 and r.getrandbits(1)
        lead = 32 if odd else 0
        raw = r.randbytes(lead + 32 * count)
        raw += r.randbytes(-len(raw) % w)
        beats = len(raw) // w
        resps = [r.choice([0, 0, 1]) for _ in range(beats)]
        if r.random() < self.error_rate:
            for k in range(r.randrange(beats), beats):
                resps[k] = r.choice([resps[k], 2, 3])
        for k in range(count):
            at = lead + 32 * k
            if r.random() < 0.4:  # those whose operand is wanted
                raw = raw[:at] + bytes([r.choice(LATE)]) + raw[at + 1 :]
            late = raw[at] in LATE
            sure = max(resps[: (at + (31 if late else 23)) // w + 1]) > 1
            oper = int.from_bytes(raw[at + 24 : at + 32], "little") if late else None
            self.descs.append((int.from_bytes(raw[at : at + 24], "little"), sure, oper))
            self.bad += sure
        for k in range(beats):
            word = int.from_bytes(raw[k * w : (k + 1) * w], "little")
            self.beats.append((word, resps[k], int(k == beats - 1)))
        self.heads.append((int(odd), int(w == 64 and (lead // 32 + count) % 2), max(resps)))

    def drive(self) -> None:
        if not self.beats:
            self.burst()
        if self.offered or self.rng.random() >= self.idle_rate:
            data, resp, last = self.beats[0]
            self.inp.update(r_valid=1, r_data=data, r_resp=resp, r_last=last)
            self.offered = True
        if self.heads:
            self.inp["b_odd"], self.inp["b_odd_end"] = self.heads[0][:2]

    def check(self) -> None:
        if self.get("d_valid"):
            assert self.descs, "a descriptor out of nothing"
            data, bad, oper = self.descs.popleft()
            assert self.get("d_bad") == bad, "bad from the error on, and only from there"
            assert bad or self.get("d_data") == data ^ self.wrong
            assert bad or oper is None or self.get("d_oper") == oper
            self.compared += 1
        if self.get("b_done"):
            worst = self.heads.popleft()[2]
            assert self.get("b_resp") == worst
        if self.inp["r_valid"] and self.get("r_ready"):
            self.beats.popleft()
            self.offered = False


@cocotb.test()
async def assemble(dut):
    """Stimulus: bursts of 1 to 16 descriptors, at 512 bits from odd starts and with odd ends, idle
    cycles, error responses at random beats. Checking: every descriptor, in order, bad from the
    error on; worst response at the end of each burst; resets. A wrong bit fails."""
    bench = Assemble(dut)
    for idle in (0.0, 0.3, 0.9):
        bench.idle_rate = idle
        bench.heads.clear(), bench.beats.clear(), bench.descs.clear()
        bench.offered = False
        await bench.reset()
        await bench.step(500)
    assert bench.compared > 150 and bench.bad > 5
    bench.wrong, bench.error_rate, bench.idle_rate = 1, 0, 0
    await expects_failure(bench.step(300))


def run(sim, top: str, case: str, **parameters) -> None:
    run_sim(top, __name__, parameters=parameters, sim=sim, testcase=case)


@pytest.mark.parametrize("w,depth", [(8, 16), (12, 1), (3, 7)])
def test_crl_ram_clr(sim, w, depth):
    """Stimulus and checking: see ram_clr."""
    run(sim, "crl_ram_clr", "ram_clr", W=w, DEPTH=depth)


@pytest.mark.parametrize("w,aw", [(12, 3), (1, 1), (8, 6)])
def test_crl_wr_clear(sim, w, aw):
    """Stimulus and checking: see wr_clear."""
    run(sim, "crl_wr_clear", "wr_clear", W=w, AW=aw)


@pytest.mark.parametrize("channels,sources", [(8, 2), (1, 1), (5, 3)])
def test_crl_irq_merge(sim, channels, sources):
    """Stimulus and checking: see irq_merge."""
    run(sim, "crl_irq_merge", "irq_merge", CHANNELS=channels, SRCS=sources)


@pytest.mark.parametrize("segments,ports", [(32, 1), (8, 3)])
def test_crl_target_segtab(sim, segments, ports):
    """Stimulus and checking: see target_table."""
    run(sim, "crl_target_segtab", "target_table", SEGMENTS=segments, PORTS=ports)


@pytest.mark.parametrize("segments", [32, 128, 5])
def test_crl_dma_segtab(sim, segments):
    """Stimulus and checking: see engine_table."""
    run(sim, "crl_dma_segtab", "engine_table", SEGMENTS=segments)


@pytest.mark.parametrize("channels", [1, 8])
def test_crl_dma_considx(sim, channels):
    """Stimulus and checking: see considx."""
    run(sim, "crl_dma_considx", "considx", CHANNELS=channels)


@pytest.mark.parametrize("data_w", [64, 128, 256, 512])
def test_crl_dma_assemble(sim, data_w):
    """Stimulus and checking: see assemble."""
    run(sim, "crl_dma_assemble", "assemble", DATA_W=data_w)
