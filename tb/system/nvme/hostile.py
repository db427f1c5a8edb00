# SPDX-License-Identifier: Apache-2.0
"""A hostile application: two submission queues that share a completion queue, memory, blocks; and everything that it can think of.

    bad = Hostile(w, watch, func=7)
    await bad.live()               # the kernel gives it a grant and queues, other ones each time
    cocotb.start_soon(bad.run())   # until bad.done
    await bad.die("teardown")      # while it goes on

Its doorbells are sound as long as it wants to be served ("run"); then ("wild") they may be anything at all, until the kernel ends
that life. Beside them go accesses to registers and to everybody's doorbells, in every state.
"""

from __future__ import annotations

import random
from collections import Counter

from cocotb.triggers import Lock

from models.layout import NvmeAdminOp, NvmeStatus
from models.nvme.admin import OPCODES
from models.nvme.check import Grant
from models.nvme.prp import PRP_LIST, QUEUE, SINK, SOURCE, unpack_ranges
from tb.lib.axil_player import Access
from tb.system.nvme.attacks import Attacks, Targets, Turf
from tb.system.nvme.kernel import PAGE, PATIENCE, grant_bytes
from tb.system.nvme.rig import NoProgress
from tb.system.nvme.verdicts import Life
from tb.system.nvme.watch import Watch
from tb.system.nvme.world import World

OWNER = 6
HOLE = 0x55_0000_0000
ONES = (1 << 64) - 1
DATA = ((8, SOURCE | SINK), (2, 0), (3, PRP_LIST), (2, SOURCE | SINK | PRP_LIST))  # pages and rights: data, second, lists, every
SECOND = (SOURCE, SINK, SOURCE | PRP_LIST, SINK | PRP_LIST, PRP_LIST, SOURCE | SINK | PRP_LIST)
NOISE = ("register", "register, partly", "doorbell of another", "admin doorbell", "doorbell of nobody", "not a doorbell's place", "misaligned",
         "half a doorbell", "both halves", "another function", "read", "own, too high", "own, moves nothing")


class Hostile:
    """Blocks [slba, slba + nlb) of namespace 1; `others`: pages that are none of its business."""

    def __init__(self, w: World, watch: Watch, func: int, slba: int, nlb: int, qids: tuple[int, int], others: list[int]) -> None:
        self.w, self.watch, self.func, self.qids = w, watch, func, list(qids)
        self.rng = random.Random(w.rng.getrandbits(32))
        take = w.kernel.pages.run
        self.runs = [[base + PAGE * i for i in range(count)] for count, _ in DATA for base in [take(count)]]
        self.sq, self.cq = [take(1), take(1)], take(1)
        self.area = slba, nlb
        self.turf = Turf(slba, nlb, *self.runs, [HOLE + PAGE * i for i in range(4)], [*self.sq, self.cq])
        ns = w.namespaces[0]
        self.targets = Targets(others, [n.base for n in w.namespaces if n.valid], [0, 1, slba - 8, slba + nlb, slba + nlb + 8, 255], ns.blocks)
        self.attacks = Attacks(self.rng, self.turf, self.targets)
        self.lives: list[Life] = []
        self.deaths: list[tuple[str, Life]] = []
        self.kind_of: dict[bytes, str] = {}
        self.noise: Counter = Counter()
        self.state, self.done = "quiet", False
        self.lock = Lock()
        self.ended = 0  # entries that it saw
        self.foreign = 0  # writes that have to be counted as foreign, at least
        w.hidden |= {*self.runs[0], *self.runs[3], self.cq}

    # ---- the kernel's side
    async def live(self) -> None:
        """Grants, one completion queue, two submission queues: of other numbers, depths and rights than last time."""
        w, k, rng = self.w, self.w.kernel, self.rng
        rng.shuffle(self.qids)
        a, b = self.qids
        sizes = [rng.choice((3, 15, 63, 63)), rng.choice((1, 7, 31, 63))]
        cq_size = rng.choice((15, 63, 63, 255))
        cut = rng.choice((0, 0, 0, 8))
        slba, nlb = self.area[0] + cut, self.area[1] - cut - rng.choice((0, 0, 0, 1, 17))
        opcodes = OPCODES if rng.random() < 0.5 else OPCODES & ~(1 << rng.choice((0, 1, 2, 5, 8, 9, 12)))
        second = rng.choice(SECOND)
        self.turf.slba, self.turf.nlb = slba, nlb
        if second & SINK:
            w.hidden |= set(self.runs[1])
        since = self.watch.now()
        await w.rig.mem.fill(self.cq, PAGE)
        self.alive = []
        for qid, sq, size in zip((a, b), self.sq, sizes, strict=True):
            ranges = [(run[0], len(run), rights or second) for run, (_, rights) in zip(self.runs, DATA, strict=True)]
            ranges += [(HOLE, 4, SOURCE | SINK | PRP_LIST), (sq, 1, QUEUE), (self.cq, 1, QUEUE)]
            raw = grant_bytes(OWNER, self.func, 1, slba, nlb, ranges, opcodes)
            assert (await k.grant(qid, raw)).status == 0
            life = Life(qid, self.func, sq, self.cq, size, cq_size, Grant.unpack(raw), unpack_ranges(raw), self.runs[3][0], since, (HOLE, HOLE + 4 * PAGE))
            self._allow(life, own_cq=qid == a)
            self.alive.append(life)
        for cqe in (
            await k.cmd(NvmeAdminOp.CREATE_CQ, cdw10=cq_size << 16 | a, cdw11=2 << 16 | 3, prp1=self.cq),
            *[await k.cmd(NvmeAdminOp.CREATE_SQ, cdw10=s.size << 16 | s.qid, cdw11=a << 16 | rng.randrange(4) << 1 | 1, prp1=s.sq) for s in self.alive],
        ):
            assert cqe.status == NvmeStatus.SUCCESS, cqe
        self.lives += self.alive
        async with self.lock:
            self.tails, self.heads = [0, 0], [0, 0]  # heads: as the entries tell
            self.cq_head, self.phase, self.cq_size = 0, 1, cq_size
            self.since = w.rig.cycle
            self.state = "run"

    def _allow(self, life: Life, own_cq: bool) -> None:
        """What the watcher lets pass, from here to the life's end."""
        watch, name = self.watch, f"hostile {len(self.lives) + len(self.alive)}"
        if own_cq:
            life.cq_places.append(watch.cq(self.func, life.cq, life.cq_size, name))
        places = [watch.sq(self.func, life.sq, life.size, name)]
        places += [watch.allow(self.func, r.base, r.pages * PAGE, read=bool(r.rights & (SOURCE | PRP_LIST)), write=bool(r.rights & SINK), name=name)
                   for r in life.ranges if r.rights & ~QUEUE]
        ns, can = self.w.namespaces[0], life.grant.opcodes
        places.append(watch.allow(0, ns.base + (life.grant.slba << ns.shift), life.grant.nlb << ns.shift, read=bool(can & 0x1024),
                                  write=bool(can & 0x302), name=f"{name}'s blocks"))
        life.queue_places = places

    async def die(self, how: str) -> None:
        """OWNER_TEARDOWN, or Delete of each queue."""
        w, k, home = self.w, self.w.kernel, self.w.kernel.admin.cq
        a, b = self.alive
        now = self.watch.now()
        self.deaths += [(how, a), (how, b)]
        if how == "teardown":
            a.stopping = b.stopping = now
            cqe = await k.cmd(NvmeAdminOp.OWNER_TEARDOWN, cdw10=OWNER, drains=2)
            assert cqe.status == NvmeStatus.SUCCESS, cqe
            for life in (a, b):
                life.over, life.dropped = (home, cqe.cid), True
                self.watch.until(life.queue_places + life.cq_places, *life.over)
        else:
            if how == "wrong order":
                cqe = await k.cmd(NvmeAdminOp.DELETE_CQ, cdw10=a.qid)
                assert cqe.status == NvmeStatus.DELETE_SQ_FIRST, cqe
            for life in (b, a):
                life.stopping = self.watch.now()
                cqe = await k.cmd(NvmeAdminOp.DELETE_SQ, cdw10=life.qid, drains=1)
                assert cqe.status == NvmeStatus.SUCCESS, cqe
                life.over = home, cqe.cid
                self.watch.until(life.queue_places, *life.over)
            cqe = await k.cmd(NvmeAdminOp.DELETE_CQ, cdw10=a.qid)
            assert cqe.status == NvmeStatus.SUCCESS, cqe
            self.watch.until(a.cq_places, home, cqe.cid)
        self.state = "dead"
        await w.rig.cycles(self.rng.choice((0, 200, 600)))
        async with self.lock:
            self.state = "quiet"

    # ---- its own side
    async def run(self) -> None:
        while not self.done:
            async with self.lock:
                state = self.state
                if state in ("run", "wild"):
                    await self._round(state == "wild")
                else:
                    await self.play(self._noises(3) + (self._wild(4) if state == "dead" else []))
            await self.w.rig.cycles(self.rng.choice((20, 60, 150, 400)))

    async def _round(self, wild: bool) -> None:
        """New commands, doorbells, entries."""
        rng, mem = self.rng, self.w.rig.mem
        doorbells = self._noises(rng.randrange(4))
        for n, life in enumerate(self.alive):
            free = life.size - (self.tails[n] - self.heads[n]) % (life.size + 1)
            count = life.size + 1 if wild else rng.randint(0, min(free, 24))
            if not count:
                continue
            raws = []
            for _ in range(count):
                kind, sqe = self.attacks.draw()
                raws.append(sqe.pack())
                self.kind_of[raws[-1]] = kind
            at = self.tails[n]
            first = min(count, life.size + 1 - at)
            await mem.write(life.sq + 64 * at, b"".join(raws[:first]))
            if count > first:
                await mem.write(life.sq, b"".join(raws[first:]))
            if not wild:
                half = rng.randint(1, count)
                for step in (half, count - half):
                    if step:
                        self.tails[n] = (self.tails[n] + step) % (life.size + 1)
                        doorbells.append(("own", self._db(life.qid, False, self.tails[n])))
        for addr, data in self._merged():
            await mem.write(addr, data)
        if wild:
            doorbells += self._wild(12)
        else:
            doorbells += self._useless()
        await self.play(doorbells)
        if not wild:
            await self._reap()

    def _merged(self) -> list[tuple[int, bytes]]:
        """What the commands want in memory, page by page, the newest last."""
        pages: dict[int, dict[int, bytes]] = {}
        for addr, data in self.attacks.writes:
            pages.setdefault(addr & ~(PAGE - 1), {})[addr] = data
        self.attacks.writes.clear()
        return [item for writes in pages.values() for item in writes.items()]

    async def _reap(self) -> None:
        """New entries; the head's doorbell, for all of them, some, or none."""
        rng, rig, new = self.rng, self.w.rig, 0
        raw = await rig.mem.read(self.cq, (self.cq_size + 1) * 16)
        most = rng.choice((256, 256, 256, rng.randrange(8)))
        while new <= min(self.cq_size, most - 1):
            at = (self.cq_head + new) % (self.cq_size + 1)
            phase = self.phase ^ (self.cq_head + new > self.cq_size)
            word = raw[16 * at : 16 * at + 16]
            if word[14] & 1 != phase:
                break
            sqid, sqhd = int.from_bytes(word[10:12], "little"), int.from_bytes(word[8:10], "little")
            n = [x.qid for x in self.alive].index(sqid)
            behind = (self.tails[n] - self.heads[n]) % (self.alive[n].size + 1)
            assert (sqhd - self.heads[n]) % (self.alive[n].size + 1) <= behind, f"[entry] SQHD {sqhd} of queue {sqid} goes back"
            self.heads[n] = sqhd
            new += 1
        if new or most < 256:
            self.since = rig.cycle
        elif self.tails != self.heads and rig.cycle - self.since > PATIENCE:
            raise NoProgress(f"[stuck] hostile queues: tails {self.tails}, heads {self.heads}")
        if new:
            self.ended += new
            self.cq_head += new
            if self.cq_head > self.cq_size:
                self.cq_head, self.phase = self.cq_head - self.cq_size - 1, 1 - self.phase
            await rig.regs.play([self._db(self.alive[0].qid, True, self.cq_head)])

    # ---- accesses
    def _db(self, qid: int, cq: bool, value: int, func: int | None = None) -> Access:
        return Access.wr32(self.w.kernel.doorbell(qid, cq), value, self.func if func is None else func)

    def _useless(self) -> list[tuple[str, Access]]:
        """Doorbells of its own with values that can't be right."""
        rng, out = self.rng, []
        if rng.random() < 0.3:
            n = rng.randrange(2)
            high = rng.choice((self.alive[n].size + 1, 0xFFFF, 0x1000 | self.tails[n], 0x8000))
            out.append(("own, too high", self._db(self.alive[n].qid, False, high)))
        if rng.random() < 0.3:
            n = rng.randrange(2)
            out.append(("own, moves nothing", self._db(self.alive[n].qid, False, self.tails[n])))
        if rng.random() < 0.03:  # more events than the processor can take
            out += [("own, too high", self._db(life.qid, False, life.size + 1)) for life in self.alive] * 40
        return out

    def _wild(self, count: int) -> list[tuple[str, Access]]:
        """Anything at its own doorbells."""
        rng = self.rng
        return [("own, wild", self._db(rng.choice(self.qids), rng.random() < 0.4, rng.choice((rng.randrange(64), rng.randrange(64), rng.getrandbits(32)))))
                for _ in range(count)]

    def _noises(self, count: int) -> list[tuple[str, Access]]:
        return [self._noise(self.rng.choice(NOISE[:-2])) for _ in range(count)]

    def _noise(self, kind: str) -> tuple[str, Access]:
        """An access that must change nothing."""
        rng, k, func = self.rng, self.w.kernel, self.func
        value = rng.choice((0, 1, 2, rng.randrange(64), rng.getrandbits(32)))
        theirs = rng.choice([q for q in range(1, self.w.rig.p["QUEUES"] + 1) if q not in self.qids])
        if kind == "register":
            return kind, Access.wr(8 * rng.randrange(16), rng.getrandbits(64), func, rng.choice((0xFF, 0x0F, 0xF0)))
        if kind == "register, partly":
            return kind, Access.wr(rng.randrange(0x1000), rng.getrandbits(64), func, rng.randrange(1, 256))
        if kind == "doorbell of another":
            return kind, self._db(theirs, rng.random() < 0.5, value)
        if kind == "admin doorbell":
            return kind, self._db(0, rng.random() < 0.5, value)
        if kind == "doorbell of nobody":
            return kind, self._db(rng.randint(self.w.rig.p["QUEUES"] + 1, 127), rng.random() < 0.5, value)
        if kind == "another function":
            return kind, self._db(rng.choice([*self.qids, theirs]), rng.random() < 0.5, value, rng.choice([f for f in range(1, 16) if f not in (func, 3)]))
        if kind == "read":
            return kind, Access.rd(rng.choice((8 * rng.randrange(512), k.doorbell(theirs, False), k.doorbell(0, True), 0x1000 + 8 * rng.randrange(0x1FE00))), func)
        mine = {k.doorbell(q, cq) & ~7 for q in self.qids for cq in (False, True)}
        while True:  # whatever the address and strobes: no doorbell of its own, whole
            addr = rng.choice((0x1000 + rng.randrange(0x1000 * 8), rng.randrange(0x1000, 1 << 20), k.doorbell(theirs, rng.random() < 0.5) + rng.randrange(8)))
            strb = {"half a doorbell": rng.choice((1, 3, 7, 0x30, 0xE0, 0x3C, 0)), "both halves": 0xFF, "misaligned": rng.choice((0x0F, 0xF0, 0x1E))}.get(
                kind, rng.choice((0x0F, 0xF0, 0xFF)))
            if kind == "half a doorbell" and rng.random() < 0.5:
                addr = rng.choice(sorted(mine))  # its own, of which it is nothing
            elif addr & ~7 in mine:
                continue
            return kind, Access.wr(addr, value | value << 32, func, strb)

    async def play(self, accesses: list[tuple[str, Access]]) -> None:
        """All of them; reads show nothing."""
        if not accesses:
            return
        mine = {self.w.kernel.doorbell(q, cq) & ~7 for q in self.qids for cq in (False, True)}
        results = await self.w.rig.regs.play([a for _, a in accesses])
        for (kind, a), result in zip(accesses, results, strict=True):
            self.noise[kind] += 1
            self.foreign += kind in ("register", "register, partly", "doorbell of another", "admin doorbell", "doorbell of nobody", "another function")
            assert a.write or result.data == ONES or a.addr & ~7 in mine, f"[read] function {a.func} reads {result.data:#x} at {a.addr:#x}"


__all__ = ["NOISE", "Hostile"]
