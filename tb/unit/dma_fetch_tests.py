# SPDX-License-Identifier: Apache-2.0
"""cocotb tests of crl_dma_fetch, against a model of rings, pool and memory."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace

import cocotb

from models.lay import Desc, DescFlag, Op
from models.ops import REMOTE, SUPPORTED, WITH_READ
from tb.unit.dma_lib import MESSAGES, CycleBench, expects_failure, first_chunk, refused

DONT_CARE = None


@dataclass
class Ring:
    base: int = 0
    log2: int = 2
    func: int = 0
    prod: int = 0  # what the hardware has accepted
    cons: int = 0  # what software knows to be free
    req: int = 0  # next to be requested
    popped: int = 0
    run: bool = False
    accept: bool = False
    slots: dict = field(default_factory=dict)  # index: Desc
    staged: deque = field(default_factory=deque)  # (Desc, bad)
    retire: deque = field(default_factory=deque)  # consumer indices to come
    held: int = 0  # requested and not popped
    hungry: int = 0  # cycles with work and nothing in hand
    fetched: int = 0

    @property
    def size(self) -> int:
        return 1 << self.log2


@dataclass
class Burst:
    ch: int
    descs: list
    beats: list  # data
    resps: list
    bad: list
    requested: int  # cycle
    ready: int  # cycle from which its first beat may come
    sent: int = 0
    done: bool = False


class Bench(CycleBench):
    idle = {
        n: 0
        for n in (
            "db_valid db_ch db_val cfg_we cfg_ch cfg_base cfg_log2 cfg_func "
            "mark_req ar_ready r_valid r_data r_resp r_last pk_ch pk_sel pk_en pop_valid pop_ch pop_undo "
            "rd_ch enough accept run n_enabled"
        ).split()
    }

    def __init__(self, dut) -> None:
        super().__init__(dut)
        p = self.p
        self.n, self.width, self.pool = p["CHANNELS"], p["DATA_W"] // 8, p["PREFETCH"]
        self.burst, self.mtu = p["MAX_BURST_BYTES"], p["LINK_MTU"]
        self.mbw = self.burst.bit_length() - 1
        self.supported = WITH_READ if p.get("READ_EN", 1) else SUPPORTED
        if p.get("SEND_EN", 1):
            self.supported |= set(MESSAGES)
        self.mirrors = bool(p.get("MIRROR_EN", p.get("READ_EN", 1)))
        self.rings = [Ring() for _ in range(self.n)]
        self.bursts: deque[Burst] = deque()  # handshaken, last beat not taken
        self.arriving: deque = deque()  # (burst, number of the descriptor) not yet staged
        self.ferr: deque = deque()  # (channel, response, cycle)
        self.request: Burst | None = None
        self.held_ar = None
        self.prev_pick = None
        self.undone = 0
        self.undo = False  # the pop of the last cycle is taken back
        self.popped: tuple[int, object] | None = None  # channel and descriptor of that pop
        self.db_err_next = None
        self.orders: deque[dict] = deque()  # cycles that a test wants: inputs by name
        self.mark = False
        self.marks = 0
        self.new_rings: deque = deque()  # they come with cfg_we
        self.enough = self.pool
        self.quiet = 0  # cycles in which held did not change
        self.counts = dict.fromkeys(("bad_db", "double_db", "wrap", "err", "ignored", "full"), 0)
        # rates
        self.db_rate, self.bad_rate, self.pick_rate = 0.15, 0.0, 0.8
        self.ar_rate, self.r_rate, self.err_rate = 0.7, 0.8, 0.0
        self.latency = (1, 20)
        self.kill_rate, self.again = 0.1, 0.3
        self.sabotage = None
        self.last_db = self.new_db = None
        self.judged = None

    # -- software -------------------------------------------------------------------------
    def desc(self) -> Desc:
        r = self.rng
        op = r.choice([Op.NOP, Op.COPY, Op.COPY, Op.FILL, Op.WRITE, Op.WRITE, Op.WRITE_IMM, Op.READ, Op.MIRROR, Op.SEND, 0x77])
        flags = r.choice([0, 0, r.getrandbits(4), r.getrandbits(8)])
        b = self.burst
        length = r.choice(
            [0, 1, r.randrange(1, 3 * b), b, b + 1, self.mtu, r.getrandbits(32), (1 << 32) - 1]
        )
        addr = lambda: r.getrandbits(64) & ~r.choice([0, 0xFFF, b - 1, 63])  # noqa: E731
        edge = lambda a: a if r.random() < 0.7 else a | (0xFFF - r.randrange(1, b))  # noqa: E731
        return Desc(int(op), flags, r.getrandbits(16), length, edge(addr()), edge(addr()), r.getrandbits(64))

    def enable(self, ch: int, log2: int, base: int | None = None) -> None:
        """Set the channel up (takes 5 cycles without a doorbell), then let it run."""
        size = 32 << log2
        if base is None:
            base = ((ch + 1) << 32) + self.rng.randrange(1 << 12) * max(4096, size)
            base += self.rng.randrange(max(1, 4096 // size)) * size if size < 4096 else 0
        r = Ring(base, log2, self.rng.getrandbits(self.p["FUNC_W"]), run=True, accept=True)
        self.rings[ch].run = self.rings[ch].accept = False
        self.new_rings.append((ch, r))
        self.orders.append(
            {
                "cfg_we": 1,
                "cfg_ch": ch,
                "cfg_base": base,
                "cfg_log2": log2,
                "cfg_func": r.func,
                "db_valid": 0,
            }
        )
        self.orders.extend({} for _ in range(4))  # the indices are cleared in free cycles

    def publish(self, ch: int) -> None:
        r = self.rings[ch]
        free = (r.cons - r.prod - 1) % r.size
        if not free:
            self.counts["full"] += 1
            return
        count = self.rng.choice([1, 1, min(2, free), self.rng.randint(1, free), free])
        for k in range(count):
            r.slots[(r.prod + k) % r.size] = self.desc()
        self.counts["wrap"] += r.prod + count >= r.size
        self.inp.update(db_valid=1, db_ch=ch, db_val=(r.prod + count) % r.size)

    def bad_doorbell(self, ch: int) -> None:
        r = self.rings[ch]
        val = self.rng.choice(
            [r.size, r.size + r.prod, 0x8000 | r.prod, (r.cons - 1) % 65536, (r.prod - 1) % r.size]
        )
        val = self.rng.choice([val, self.rng.getrandbits(16)])
        if not self.good(ch, val):
            self.inp.update(db_valid=1, db_ch=ch, db_val=val)

    def good(self, ch: int, val: int) -> bool:
        """Inside the ring, and from the producer on to one turn from what has not begun."""
        r = self.rings[ch]
        return val < r.size and (val - r.popped) % r.size >= (r.prod - r.popped) % r.size

    # -- a cycle --------------------------------------------------------------------------
    def drive(self) -> None:
        rng, i = self.rng, self.inp
        live = [c for c in range(self.n) if self.rings[c].run]
        if live and not self.orders and self.judged is None:  # one in two cycles at most
            if self.last_db is not None and rng.random() < self.again:
                self.publish(self.last_db)
                self.counts["double_db"] += i["db_valid"]
            elif rng.random() < self.db_rate:
                self.publish(rng.choice(live))
            elif rng.random() < self.bad_rate:
                self.bad_doorbell(rng.randrange(self.n))
        i["ar_ready"] = int(rng.random() < self.ar_rate)
        head = self.bursts[0] if self.bursts else None
        if head and self.now >= head.ready and (self.r_hold or rng.random() < self.r_rate):
            last = head.sent == len(head.beats) - 1
            i.update(r_valid=1, r_data=head.beats[head.sent], r_resp=head.resps[head.sent])
            i["r_last"] = int(last)
            self.r_hold = True
        # a pick at most every second cycle, its outcome in the next
        self.pick = None
        if self.prev_pick is None:
            # who has just been picked in vain is not picked again at once
            vain = self.popped[0] if self.undo and self.popped else None
            full = [c for c, r in enumerate(self.rings) if r.staged and r.run and c != vain]
            if full and rng.random() < self.pick_rate:
                self.pick = rng.choice(full)
                i.update(pk_en=1, pk_ch=self.pick)
        else:
            i.update(pop_valid=1, pop_ch=self.prev_pick)
        if self.undo:
            i["pop_undo"] = 1
        self.undo = self.prev_pick is not None and not (
            self.rings[self.prev_pick].run and rng.random() >= self.kill_rate
        )
        waiting = [c for c in range(self.n) if self.rings[c].retire]
        if waiting and rng.random() < 0.5:
            ch = rng.choice(waiting)
            self.rings[ch].cons = self.rings[ch].retire.popleft()
        i["rd_ch"] = rng.randrange(self.n)
        i["enough"] = self.enough
        i["accept"] = sum(r.accept << c for c, r in enumerate(self.rings))
        i["run"] = sum(r.run << c for c, r in enumerate(self.rings))
        i["n_enabled"] = sum(r.accept for r in self.rings)
        i["mark_req"] = int(self.mark)
        if self.orders:
            i.update(self.orders.popleft())
        i["pk_sel"] = 1 << i["pk_ch"]

    r_hold = False  # a read beat waits
    prev_k = 0
    same = None

    def check(self) -> None:
        i = self.inp
        changed = False
        # read-outs and flags show the model as it stood before this cycle's events
        assert self.get("rd_prod") == self.rings[i["rd_ch"]].prod
        empties = sum((not r.staged) << c for c, r in enumerate(self.rings))
        assert self.get("empty") == empties, f"empty {self.get('empty'):#x}, model {empties:#x}"
        # doorbell error: two cycles after
        error = self.get("db_err_ch") if self.get("db_err_valid") else None
        assert error == self.db_err_next, f"doorbell error {error}, expected {self.db_err_next}"
        self._requests(i)
        if self.width == 64:
            k = self.dut.f2_k.value
            self.prev_k = int(k) if k.is_resolvable else 0
        pend = sum((r.prod != r.req) << c for c, r in enumerate(self.rings))
        assert self.get("pend") == pend, f"pend {self.get('pend'):#b}, model {pend:#b}"
        self._software(i)
        # pick
        self._settle(bool(i["pop_undo"]))
        if self.prev_pick is not None:
            changed |= self._picked(self.prev_pick, i)
        elif i["pop_valid"]:
            self._pop(i["pop_ch"])
        if i["pk_en"]:
            assert not self.get("pk_empty")
        self.prev_pick = self.pick if i["pk_en"] else None
        self._arrivals(i)
        for c, r in enumerate(self.rings):
            r.hungry = r.hungry + 1 if r.run and r.prod != r.req and not r.held else 0
            assert r.hungry < 400, f"channel {c} has {r.prod - r.req} descriptors and gets none"
        self._plenty(i)
        if i["cfg_we"]:
            ch, ring = self.new_rings.popleft()
            self.rings[ch] = ring
        if self.get("mark_done"):
            assert self.mark, "marker without a request"
            for burst in [self.request, *self.bursts]:
                assert burst is None or burst.requested > self.mark_since, (
                    "marker before the data of a request that was made before it"
                )
            assert not any(b.requested <= self.mark_since for b, _ in self.arriving), (
                "marker before its descriptors were staged"
            )
            self.mark = False
            self.marks += 1

    def _plenty(self, i) -> None:
        held = sum(r.held for r in self.rings)
        same = (sum(r.fetched for r in self.rings), i["pop_valid"], self.enough)
        self.quiet = self.quiet + 1 if same == self.same and not i["pop_valid"] else 0
        self.same = same
        if self.quiet > 3:
            assert self.get("plenty") == (held >= self.enough)

    def _requests(self, i) -> None:
        """AR: legal, stable, in ring order, inside the pool's rules."""
        if not self.get("ar_valid"):
            assert self.held_ar is None, "AR withdrawn"
            return
        now = (self.get("ar_addr"), self.get("ar_len"), self.get("ar_user"))
        if self.held_ar is not None:
            assert now == self.held_ar, "AR changed while it waited"
        else:
            self._new_request(*now)
        self.held_ar = now
        if i["ar_ready"]:
            self.held_ar = None
            self.request.ready = self.now + self.rng.randint(*self.latency)
            self.bursts.append(self.request)
            self.request = None

    def _new_request(self, addr: int, length: int, user: int) -> None:
        ch = next(
            (
                c
                for c, r in enumerate(self.rings)
                if r.prod != r.req and r.base + 32 * r.req == addr
            ),
            None,
        )
        assert ch is not None, f"AR to {addr:#x}: no channel waits for a descriptor there"
        r = self.rings[ch]
        assert user == r.func, f"fetch of channel {ch} for function {user}, its owner is {r.func}"
        w = self.width
        first, end = addr - addr % w, addr - addr % w + (length + 1) * w
        assert first // 4096 == (end - 1) // 4096, "fetch across 4 KiB"
        assert (length + 1) * w <= 512 + (w if w > 32 else 0), "fetch longer than 16 descriptors"
        assert length < 32, "fetch of more than 32 beats"
        count = (end - addr) // 32
        avail = (r.prod - r.req) % r.size
        if w == 64:  # whether the upper half of the last beat counts is not seen at the port
            assert self.prev_k in (count, count - 1)
            count = self.prev_k
        assert 1 <= count <= avail, f"{count} descriptors fetched, {avail} are published"
        assert r.req + count <= r.size, "fetch past the end of the ring"
        burst = Burst(ch, [], [], [], [], self.now - 1, 0)
        error = None
        if self.rng.random() < self.err_rate:
            error = (self.rng.randrange(length + 1), self.rng.choice([2, 3]))
            self.counts["err"] += 1
        raw = bytearray(self.rng.randbytes(end - first))
        for k in range(count):
            desc = r.slots[(r.req + k) % r.size]
            at = addr - first + 32 * k
            raw[at : at + 32] = desc.pack()
            burst.descs.append(desc)
            bad = False
            if error is not None:
                needed, whole = (at + 23) // w, (at + 31) // w
                bad = True if error[0] <= needed else DONT_CARE if error[0] <= whole else False
            burst.bad.append(bad)
        if self.sabotage == "data":
            raw[addr - first + 16] ^= 1
        for k in range(length + 1):
            burst.beats.append(int.from_bytes(raw[k * w : (k + 1) * w], "little"))
            resp = self.rng.choice([0, 0, 0, 1])
            if error is not None and k == error[0]:
                resp = error[1]
            elif error is not None and k > error[0] and self.rng.random() < 0.3:
                resp = self.rng.choice([2, 3])
            burst.resps.append(resp)
        r.req = (r.req + count) % r.size
        r.held += count
        r.fetched += count
        held = sum(x.held for x in self.rings)
        reserve = sum(max(0, 2 - x.held) for x in self.rings if x is not r)
        assert held <= self.pool, "more requested than the pool holds"
        assert self.pool - held >= reserve or r.held <= 2, (
            f"channel {ch} holds {r.held}: {self.pool - held} entries are left for the others, "
            f"{reserve} belong to them"
        )
        self.request = burst
        self.arriving.extend((burst, k) for k in range(count))

    def _arrivals(self, i) -> None:
        if i["r_valid"] and self.get("r_ready"):
            burst = self.bursts[0]
            burst.sent += 1
            self.r_hold = False
            if burst.sent == len(burst.beats):
                burst.done = True
                self.bursts.popleft()
                worst = max(burst.resps)
                if worst > 1:
                    self.ferr.append((burst.ch, worst, self.now))
        if self.get("enq_valid"):
            assert self.arriving, "a descriptor out of nothing"
            burst, k = self.arriving.popleft()
            assert self.get("enq_ch") == burst.ch
            r = self.rings[burst.ch]
            r.staged.append((burst.descs[k], burst.bad[k]))
        if self.get("ferr_valid"):
            assert self.ferr, "fetch error without a bad response"
            ch, worst, _ = self.ferr.popleft()
            assert (self.get("ferr_ch"), self.get("ferr_dec")) == (ch, int(worst == 3))
        assert not self.ferr or self.now - self.ferr[0][2] < 40, "fetch error not reported"

    def _message(self, desc, got) -> None:
        """WRITE_IMM and SEND: in one frame, or a question without bytes."""
        if desc.length > self.mtu:
            want = (0, 0, 1)
        elif not desc.length:
            want = (0, 1, 1)
        else:
            chunk = first_chunk(desc, self.burst, self.mtu, self.supported)
            want = (chunk.n, int(chunk.n == desc.length), int(chunk.n == desc.length or chunk.n == self.mtu))
        assert got == (*want, 1, 0, 0), f"{desc}: {got}, must be {want}"
        assert int(self.dut.pool_oper.value[31:0]) == desc.operand & 0xFFFFFFFF, "the immediate"
        self.compared += 1

    def _mirror(self, desc, got) -> None:
        """MIRROR: cut as a WRITE, marked as message and READ."""
        chunk = first_chunk(desc, self.burst, self.mtu, self.supported)
        last = int(chunk.n == desc.length)
        assert got == (chunk.n, last, int(last or chunk.n == self.mtu), 1, 1, 0), f"{desc}: {got}"
        assert int(self.dut.pool_oper.value[63:0]) == desc.operand, "the peer's address"
        self.compared += 1

    def _picked(self, ch: int, i) -> bool:
        r = self.rings[ch]
        desc, bad = r.staged[0]
        told = replace(desc, dst=0) if desc.opcode == Op.SEND and Op.SEND in self.supported else desc  # it has no address
        word = int.from_bytes(told.pack()[:24], "little")
        info = self.get("pool_info")
        n = info & ((2 << self.mbw) - 1)
        last, frame_end, fence, remote, read, nodata, got_bad, msg = (
            info >> (self.mbw + 1 + k) & 1 for k in range(8)
        )
        if bad is not DONT_CARE:
            assert got_bad == bad, f"bad is {got_bad}, must be {bad}"
        if not got_bad:
            assert self.get("pool_data") == word, f"{self.get('pool_data'):#x} is not {word:#x}"
            assert self.get("pool_seg") == desc.src >> 52 & 31, "segment of the source"
            assert fence == (desc.flags >> DescFlag.FENCE & 1)
            message = desc.opcode in MESSAGES and not refused(desc.opcode, desc.flags, desc.length, self.supported)
            as_write = replace(desc, opcode=Op.WRITE)
            mirror = self.mirrors and desc.opcode == Op.MIRROR and not refused(Op.WRITE, desc.flags, desc.length, self.supported)
            assert msg == (message or mirror)
            if mirror:
                self._mirror(as_write, (n, last, frame_end, remote, read, nodata))
            if message:
                self._message(desc, (n, last, frame_end, remote, read, nodata))
        if not got_bad and not msg:
            chunk = first_chunk(desc, self.burst, self.mtu, self.supported)
            assert nodata == (chunk is None)
            assert remote == (desc.opcode in REMOTE and chunk is not None)
            assert read == (desc.opcode == Op.READ and chunk is not None)
            want = (
                (0, 1, 1)
                if chunk is None
                else (
                    chunk.n,
                    int(chunk.n == desc.length),
                    int(
                        chunk.frame_end
                        and (chunk.n == desc.length or remote and chunk.n == self.mtu)
                    ),
                )
            )
            assert n == want[0] and last == want[1], f"{desc}: {n, last}, must be {want}"
            if remote:
                assert frame_end == want[2]
            self.compared += 1
        if i["pop_valid"]:
            self._pop(i["pop_ch"])
        return bool(i["pop_valid"])

    def _pop(self, ch: int) -> None:
        self.popped = ch, self.rings[ch].staged.popleft()

    def _settle(self, undo: bool) -> None:
        """The pop of the last cycle is taken back, or has come to count."""
        if self.popped is None:
            return
        ch, staged = self.popped
        self.popped = None
        r = self.rings[ch]
        if undo:
            r.staged.appendleft(staged)
            self.undone += 1
            return
        r.held -= 1
        r.popped = (r.popped + 1) % r.size
        r.retire.append(r.popped)

    def _software(self, i) -> None:
        """A doorbell is judged as things stand in its cycle, and counts from two cycles later on."""
        self.db_err_next = None
        if self.judged is not None:
            ch, val, ok = self.judged
            if ok:
                self.rings[ch].prod = val
            else:
                self.db_err_next = ch
        self.judged, self.last_db = None, self.new_db
        self.new_db = None
        if i["db_valid"]:
            ch = i["db_ch"]
            if not self.rings[ch].accept:
                self.counts["ignored"] += 1
            else:
                ok = self.good(ch, i["db_val"])
                self.counts["bad_db"] += not ok
                self.judged = (ch, i["db_val"], ok)
                self.new_db = ch if ok else None

    # -- sequences ------------------------------------------------------------------------
    async def start(self, sizes: list[int]) -> None:
        await self.reset()
        self.check_on, check = False, self.check
        self.check = lambda: None
        await self.step(self.pool + 8)
        self.check = check
        for ch, log2 in enumerate(sizes):
            self.enable(ch, log2)
        await self.step(len(self.orders))

    async def drain(self) -> None:
        """No new work; everything published is fetched, picked, retired."""
        self.db_rate = self.bad_rate = self.again = 0.0
        self.pick_rate = self.ar_rate = self.r_rate = 1.0
        limit = 400 + 40 * sum((r.prod - r.popped) % r.size for r in self.rings)
        await self.until(
            lambda: all(r.prod == r.popped and not r.retire for r in self.rings), limit, "drain"
        )
        await self.step(5)
        assert not self.arriving and not self.bursts and not self.ferr

    async def mark_wait(self) -> None:
        self.mark, self.mark_since = True, self.now
        await self.until(lambda: not self.mark, 3000, "marker")

    def end(self, at_least: int) -> None:
        assert self.compared >= at_least, f"only {self.compared} descriptors were compared"


@cocotb.test()
async def traffic(dut):
    """Stimulus: all channels, ring sizes 4 to 256, doorbells at random and in consecutive cycles,
    read port idle and stalled by turns, picks that are taken or given back.
    Checking: doorbells, requests, order, content, first-chunk info, flags, pool shares; nothing
    published is forgotten."""
    bench = Bench(dut)
    await bench.start([2 + c % 7 for c in range(bench.n)])
    for ar, r, pick in [(1, 1, 1), (0.2, 1, 1), (1, 0.3, 1), (1, 1, 0.1), (0.7, 0.8, 0.6)]:
        bench.ar_rate, bench.r_rate, bench.pick_rate = ar, r, pick
        bench.enough = bench.rng.choice([0, 2, bench.pool // 2, bench.pool])
        await bench.step(400)
    await bench.drain()
    bench.end(150)
    assert bench.counts["wrap"] and bench.counts["double_db"] and bench.undone


@cocotb.test()
async def doorbell_in_mid_fetch(dut):
    """Stimulus: two doorbells of one channel, the second 2 to 10 cycles after the first.
    Checking: all descriptors come; `pend` follows every cycle."""
    bench = Bench(dut)
    await bench.start([6] + [4] * (bench.n - 1))
    bench.db_rate = bench.again = 0
    for gap in [*range(2, 11)] * 2:
        for ch in {0, bench.n - 1}:
            for wait in (0, gap - 1):
                ring = bench.rings[ch]
                await bench.step(wait)
                ring.slots[ring.prod] = bench.desc()
                bench.orders.append(
                    {"db_valid": 1, "db_ch": ch, "db_val": (ring.prod + 1) % ring.size}
                )
                await bench.step()
            await bench.step(60)
    await bench.drain()
    bench.end(30)


@cocotb.test()
async def bad_doorbells(dut):
    """Stimulus: doorbells outside the ring, backwards, with high bits, between good ones; to
    channels that accept none.
    Checking: exactly the refused ones are told, two cycles later, and change nothing."""
    bench = Bench(dut)
    await bench.start([2 + (3 * c) % 5 for c in range(bench.n)])
    bench.bad_rate, bench.latency = 0.3, (1, 60)
    await bench.step(700)
    deaf = bench.n - 1
    bench.rings[deaf].accept = False
    await bench.step(200)
    bench.rings[deaf].accept = True
    await bench.drain()
    bench.end(20)
    assert bench.counts["bad_db"] > 20


@cocotb.test()
async def big_ring(dut):
    """Stimulus: a ring of 4096 that is filled in strides and goes round once, others of 4 beside it.
    Checking: as in traffic."""
    bench = Bench(dut)
    if bench.n != 8:
        return  # long; one set of parameters is enough
    await bench.start([12] + [2] * (bench.n - 1))
    bench.ar_rate = bench.r_rate = bench.pick_rate = 1.0
    bench.kill_rate, bench.latency = 0.0, (1, 3)
    bench.db_rate = bench.again = 0.0  # every doorbell is the test's
    plain = bench.desc()
    ring = bench.rings[0]
    ring.slots = {k: plain for k in range(4096)}
    for val in (4000, 4095, 10):
        await bench.until(lambda: not ring.retire and ring.prod == ring.popped, 40000, "ring")
        for k in (*range(8), *range(4080, 4096)):
            ring.slots[k] = bench.desc()
        bench.orders.append({"db_valid": 1, "db_ch": 0, "db_val": val})
        for ch in range(1, bench.n):
            other = bench.rings[ch]
            other.slots[other.prod] = bench.desc()
            db_val = (other.prod + 1) % other.size
            bench.orders.extend(({}, {"db_valid": 1, "db_ch": ch, "db_val": db_val}))
        await bench.step(len(bench.orders) + 4)
    await bench.drain()
    bench.end(4096)
    assert ring.fetched == 4096 + 10
    assert all(other.fetched == 3 for other in bench.rings[1:])


@cocotb.test()
async def errors(dut):
    """Stimulus: error responses at random beats of the bursts.
    Checking: one error event a burst with its worst response; descriptors from there on are bad,
    earlier ones are not."""
    bench = Bench(dut)
    await bench.start([4 + c % 3 for c in range(bench.n)])
    bench.err_rate = 0.4
    await bench.step(1200)
    await bench.drain()
    bench.end(20)
    assert bench.counts["err"] > 10


@cocotb.test()
async def pool_shares(dut):
    """Stimulus: one channel takes all it can get and nothing is picked, then the others ask.
    Checking: two entries are left for each other channel, at every request; each gets two."""
    bench = Bench(dut)
    await bench.start([8] + [3] * (bench.n - 1))
    bench.pick_rate, bench.db_rate = 0.0, 0.0
    ring = bench.rings[0]
    ring.slots = {k: bench.desc() for k in range(256)}
    bench.orders.append({"db_valid": 1, "db_ch": 0, "db_val": 255})
    await bench.step(800)
    assert ring.held >= 2
    for ch in range(1, bench.n):
        other = bench.rings[ch]
        other.slots = {k: bench.desc() for k in range(8)}
        bench.orders.append({"db_valid": 1, "db_ch": ch, "db_val": 7})
    await bench.step(100 + 60 * bench.n)
    for ch, r in enumerate(bench.rings):
        assert r.held >= 2, f"channel {ch} holds {r.held} while channel 0 holds {ring.held}"
    bench.pick_rate = 1.0
    await bench.drain()
    bench.end(255)


@cocotb.test()
async def marker_and_restart(dut):
    """Stimulus: in the middle of traffic a channel is stopped, the marker asked for, what is
    staged flushed, the ring set up anew.
    Checking: after the marker nothing of the channel arrives; the new ring starts at index 0; the
    others go on."""
    bench = Bench(dut)
    await bench.start([2 + (c * 5) % 6 for c in range(bench.n)])
    bench.latency = (1, 80)
    for turn in range(8):
        await bench.step(bench.rng.randrange(1, 120))
        ch = bench.rng.randrange(bench.n)
        r = bench.rings[ch]
        r.run = r.accept = False
        await bench.step(2)
        await bench.mark_wait()
        before = (r.fetched, len(r.staged))
        await bench.step(bench.rng.randrange(1, 30))
        assert (r.fetched, len(r.staged)) == before, "something arrived after the marker"
        while r.staged:
            await bench.until(lambda: bench.prev_pick is None and not bench.undo, 9, "pick")
            bench.orders.append({"pk_en": 0, "pop_valid": 1, "pop_ch": ch, "pk_ch": 0})
            await bench.step()
        r.retire.clear()
        bench.enable(ch, 2 + turn % 4)
        await bench.step(len(bench.orders))
    await bench.drain()
    bench.end(5)
    assert bench.marks == 8


@cocotb.test()
async def scoreboard_fails(dut):
    """Stimulus: memory returns one wrong bit.
    Checking: the bench fails; and one that has compared nothing fails too."""
    bench = Bench(dut)
    await bench.start([4] * bench.n)
    await expects_failure(_nothing(bench))
    bench.sabotage = "data"
    await expects_failure(bench.step(2000))


async def _nothing(bench: Bench) -> None:
    bench.end(1)
