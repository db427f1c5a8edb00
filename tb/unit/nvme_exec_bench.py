# SPDX-License-Identifier: Apache-2.0
"""Bench of crl_nvme_exec: commands in; walker, mover, check, list memory and completion queue round it; every offer on every port is checked.

What is allowed comes from models.nvme.executor. Inputs change after a rising edge, `hd_head` follows `hd_qid` in the same cycle, all is sampled at the
falling edge. An event of this cycle (a piece on offer, an end, a kill) counts for the model before the outputs of the cycle are looked at.
"""

from __future__ import annotations

from collections import Counter, deque

from cocotb.triggers import FallingEdge, RisingEdge, Timer

from models.layout import NvmeStatus as S
from models.nvme.executor import Abort, Executor, Op, Way, fits
from models.nvme.mover import Chunk, Kind
from tb.unit.dma_lib import CycleBench
from tb.unit.nvme_exec_items import Item, Maker

LIMIT = 30_000
KILL_GRACE = 3  # cycles after its event in which a kill may not count yet
SOON = 8  # cycles until `idle` is up
LOG = 2  # cycles from a completion to its log event
JUDGE = 4  # cycles from range to range
SEAMS = ("s", "c", "p", "k", "e", "ds", "ar", "r", "z")
S_PORT = "ok status dnr more qid cid op addr bytes span prp1 prp2 func nsi nsid cdw10 cdw11".split()
C_PORT = "qid func prp1 prp2 bytes right tag".split()
K_PORT = "kind src dst len src_func dst_func to_host tag first last status".split()
Z_PORT = "qid cid status dnr more dw0".split()


class Bench(CycleBench, Maker):
    """See above. `rate`: how often each side does something when it could; `hold`: the sides that do nothing at all."""

    idle = dict.fromkeys(
        [f"s_{n}" for n in ["valid", *S_PORT]]
        + (
            "cfg_we cfg_qid cfg_cq ana_change c_ready p_valid p_addr p_len p_last p_tag p_error p_status k_ready e_valid e_tag e_status "
            "ds_ready dv_valid dv_status dv_addr dv_span ar_ready r_valid r_data r_resp r_last z_ready kill_we kill_qid kill_status kill_drop "
            "drop_all ab_valid ab_qid ab_cid busy_qid hd_head"
        ).split(),
        0,
    )

    def __init__(self, dut) -> None:
        super().__init__(dut)
        p = self.p
        self.w, self.queues, self.n_ops, self.n_ns = p["DATA_W"] // 8, p["QUEUES"], p["OPS"], p["NAMESPACES"]
        self.func_w, self.limit = p["FUNC_W"], p.get("MAX_BURST_BYTES", 512)
        self.rate = dict.fromkeys(SEAMS, 1.0)
        self.hold: set[str] = set()
        self.e_lat, self.r_lat, self.dv_lat = (0, 3), (0, 3), (3, 3)
        self.walkers = 3  # commands that the walker holds
        self.ana = 0
        self.ends: Counter = Counter()
        self.drops = 0
        self.found: Counter = Counter()
        self.done: list[Item] = []
        self.sabotage = ""
        self.todo: deque[Item] = deque()
        self.heads = [0] * (self.queues + 1)
        self.forget()

    def forget(self) -> None:
        """What a reset clears, here and there."""
        self.m = Executor(self.limit)
        self.todo.clear()
        self.items: dict[Op, Item] = {}
        self.tags: dict[int, Item] = {}
        self.offered: Item | None = None
        self.walk: deque[Item] = deque()
        self.piece_up = False
        self.closing: deque[tuple[int, Item, int]] = deque()
        self.reads: deque[list] = deque()
        self.judging: deque[tuple[int, Item, int]] = deque()
        self.held: dict[str, tuple | None] = dict.fromkeys(("c", "k", "ar", "ds", "z"))
        self.k_now: Chunk | None = None
        self.lg: deque[tuple] = deque()
        self.cfgs: deque[tuple[int, int]] = deque()
        self.kills: deque[tuple[int, int, int]] = deque()
        self.kill_at = -9
        self.settles: deque[tuple[int, int | None]] = deque()
        self.killed_at: dict[int, int] = {}
        self.drop_all = self.dropping = 0
        self.drop_at = -9
        self.asks: deque[tuple[int, int]] = deque()
        self.ab_at: int | None = None
        self.ds_at = -JUDGE
        self.out_at = [-9] * (self.queues + 1)
        self.k_at: list[int] = []
        self.calm = 0

    async def clear(self, cycles: int = 3) -> None:
        await self.reset(cycles)
        self.forget()

    def hit(self, name: str) -> bool:
        if name in self.hold:
            return False
        rate = self.rate[name]
        return rate >= 1 or self.rng.random() < rate

    async def step(self, count: int = 1) -> None:
        for _ in range(count):
            self.inp = dict(self.idle)
            self.drive()
            self._apply()
            await Timer(1, unit="ns")
            q = self._handle("hd_qid").value
            self.head = self.heads[int(q)] if q.is_resolvable and int(q) <= self.queues else self.rng.getrandbits(12)
            self._handle("hd_head").value = self.head
            await FallingEdge(self.dut.clk)
            self.check()
            self.now += 1
            await RisingEdge(self.dut.clk)

    # ---- inputs

    def drive(self) -> None:
        i, rng = self.inp, self.rng
        while self.settles and self.settles[0][0] <= self.now:
            self.m.settle(self.settles.popleft()[1])
        i["ana_change"] = self.ana
        i["busy_qid"] = rng.randint(1, self.queues)
        for name in ("c", "k", "ds", "ar", "z"):
            i[f"{name}_ready"] = int(self.hit(name))
        if len(self.walk) >= self.walkers:
            i["c_ready"] = 0
        if rng.random() < 0.3:
            self.heads[rng.randint(1, self.queues)] = rng.getrandbits(12)
        self._drive_s()
        self._drive_p()
        self._drive_e()
        self._drive_dv()
        self._drive_r()
        self._drive_events()

    def _drive_s(self) -> None:
        i, rng = self.inp, self.rng
        if self.offered is None and self.todo and self.hit("s"):
            self.offered = self.todo.popleft()
            self.offered.at["s"] = self.now
        if self.offered is not None:
            i.update({f"s_{n}": v for n, v in self.offered.port.items()}, s_valid=1)
        else:
            i.update(s_ok=1, s_qid=rng.randint(1, self.queues), s_cid=rng.getrandbits(16), s_op=rng.getrandbits(4), s_bytes=512, s_addr=rng.getrandbits(64))

    def _drive_p(self) -> None:
        i, rng = self.inp, self.rng
        i.update(p_addr=rng.getrandbits(64), p_len=rng.getrandbits(13), p_last=rng.getrandbits(1), p_tag=rng.randrange(self.n_ops))
        i.update(p_error=rng.getrandbits(1), p_status=rng.getrandbits(11))
        item = self.walk[0] if self.walk else None
        if item is None or (not self.piece_up and not (self.hit("p") and self.now > item.at["c"])):
            return
        p = item.pieces[item.given]
        if not self.piece_up:
            self.piece_up = True
            item.at["p"] = self.now
            item.at.setdefault("p0", self.now)
            self.m.piece(item.op, p)
        status = p.status if p.error else rng.getrandbits(11)
        i.update(p_valid=1, p_tag=item.tag, p_last=int(p.last), p_error=int(p.error), p_status=status)
        if not p.error:
            i.update(p_addr=p.addr, p_len=p.length)

    def _drive_e(self) -> None:
        i, rng = self.inp, self.rng
        i.update(e_tag=rng.randrange(self.n_ops), e_status=rng.getrandbits(11))
        if self.closing and self.now >= self.closing[0][0] and self.hit("e"):
            _, item, status = self.closing.popleft()
            self.m.end(item.op, status)
            item.at["e"] = self.now
            i.update(e_valid=1, e_tag=item.tag, e_status=status)

    def _drive_dv(self) -> None:
        i, rng = self.inp, self.rng
        i.update(dv_status=rng.getrandbits(11), dv_addr=rng.getrandbits(64), dv_span=rng.getrandbits(44))
        if self.judging and self.now >= self.judging[0][0]:
            _, item, n = self.judging.popleft()
            status, addr, span = item.verdicts[n]
            self.m.verdict(item.op, status, addr, span)
            i.update(dv_valid=1, dv_status=status)
            if status == S.SUCCESS:
                i.update(dv_addr=addr, dv_span=span)

    def _drive_r(self) -> None:
        i, rng = self.inp, self.rng
        i.update(r_data=rng.getrandbits(8 * self.w), r_resp=rng.getrandbits(2), r_last=rng.getrandbits(1))
        if not self.reads or self.now < self.reads[0][-1] or not self.hit("r"):
            return
        burst = self.reads[0]
        item, addr, length, at, left, errors, _ = burst
        resp = errors.pop(0)
        data = int.from_bytes(item.bytes_at(at, self.w, rng), "little")
        i.update(r_valid=1, r_data=data, r_resp=resp, r_last=int(left == 1))
        burst[3], burst[4] = at + self.w, left - 1
        item.failed |= resp > 1
        item.burst_failed |= resp > 1
        if left == 1:
            self.reads.popleft()
            self.m.data(item.op, None if item.burst_failed else item.bytes_at(addr, length, rng))
            item.burst_failed = False
            item.at["r"] = self.now

    def _drive_events(self) -> None:
        i, rng, m = self.inp, self.rng, self.m
        i.update(kill_qid=rng.randint(1, self.queues), kill_status=rng.getrandbits(11), kill_drop=rng.getrandbits(1))
        i.update(cfg_qid=rng.randint(1, self.queues), cfg_cq=rng.getrandbits(1), ab_qid=rng.randint(1, self.queues), ab_cid=rng.getrandbits(16))
        if self.cfgs:
            qid, cq = self.cfgs.popleft()
            i.update(cfg_we=1, cfg_qid=qid, cfg_cq=cq)
            if not cq:
                m.set_up(qid)
                self.killed_at.pop(qid, None)
        if self.kills and self.now >= self.kill_at + 4:
            qid, status, drop = self.kills.popleft()
            i.update(kill_we=1, kill_qid=qid, kill_status=status, kill_drop=drop)
            m.kill(qid, status, bool(drop))
            self.kill_at = self.killed_at[qid] = self.now
            self.settles.append((self.now + KILL_GRACE, qid))
        i["drop_all"] = self.drop_all
        if self.drop_all != self.dropping:
            self.dropping, self.drop_at = self.drop_all, self.now
            self.settles = deque(s for s in self.settles if s[1] is not None)
            m.drop_all(bool(self.drop_all))
            if self.drop_all:
                self.settles.append((self.now + KILL_GRACE, None))
        if self.asks and self.ab_at is None:
            qid, cid = self.asks.popleft()
            i.update(ab_valid=1, ab_qid=qid, ab_cid=cid)
            m.abort(qid, cid)
            self.ab_at = self.now

    # ---- outputs

    def check(self) -> None:
        self._busy()
        self._idle()
        if self.offered is not None and self.get("s_ready"):
            self._take(self.offered)
            self.offered = None
        self._walker()
        self._ar()
        self._chunk()
        self._range()
        self._abort()
        self._completion()
        self._log()

    def _take(self, item: Item) -> None:
        qid = item.cmd.qid
        ana = bool(self.ana >> item.cmd.nsi & 1)
        since = self.now - self.killed_at.get(qid, self.now)
        if self.dropping:
            since = max(since, self.now - self.drop_at)
        op = self.m.take(item.cmd, ana, since >= KILL_GRACE)
        if not self.dropping and self.now - self.drop_at < KILL_GRACE and self.drop_at >= 0:
            op.kills.add(-1)
            op.drop = True
        item.op = op
        item.at["taken"] = self.now
        self.items[op] = item

    def _stable(self, name: str, now: tuple | None) -> bool:
        """Valid, and new."""
        if now is None:
            assert self.held[name] is None, f"{name}_valid fell while it waited"
            return False
        new = self.held[name] is None
        assert new or self.held[name] == now, f"{name}_* changed while it waited: {self.held[name]}, {now}"
        self.held[name] = None if self.inp[f"{name}_ready"] else now
        return new

    def _port(self, name: str, fields: list[str]) -> tuple | None:
        if not self.get(f"{name}_valid"):
            return None
        got = self._fields() if name == "k" else {n: self.get(f"{name}_{n}") for n in fields}
        if self.sabotage.startswith(f"{name}_"):
            what = self.sabotage[len(name) + 1 :]
            if what == "lost":
                return None
            if what in got:
                got[what] ^= 1
        return tuple(got.values())

    def _fields(self) -> dict[str, int]:
        """Of a chunk; 0 for those that do not count."""
        got = dict.fromkeys(K_PORT, 0)
        names = ["len", "tag", "first", "last"]
        if self.get("k_last"):
            names.append("status")
        if self.get("k_len"):
            kind = Kind(self.get("k_kind"))
            names.append("kind")
            names += ["src", "src_func"] * (kind != Kind.ZERO) + ["dst", "dst_func"] * (kind != Kind.CHECK) + ["to_host"] * (kind == Kind.COPY)
        return got | {n: self.get(f"k_{n}") for n in names}

    def _tag(self, item: Item, tag: int) -> None:
        """The index of a command is nobody else's, as long as walker or mover know of it."""
        assert tag < self.n_ops, f"index {tag}"
        other = self.tags.get(tag)
        assert other is item or self._free(tag), f"index {tag} of {item.op} is that of {other and other.op}, too"
        self.tags[tag] = item
        item.tag = tag

    def _free(self, tag: int) -> bool:
        other = self.tags.get(tag)
        if other is None:
            return True
        op = other.op
        return (op.done or op.ended is not None) and (not op.walked or op.over)

    def _walker(self) -> None:
        c = self._port("c", C_PORT)
        new = self._stable("c", c)
        if c is None:
            return
        if new:
            qid, func, prp1, prp2, nbytes, right, tag = c
            may = list(self.m.may_walk())
            it = [self.items[op] for op in may if (op.cmd.qid, op.cmd.prp1, op.cmd.prp2) == (qid, prp1, prp2)]
            assert it, f"the walker gets a command of queue {qid}, PRP1 {prp1:#x}; next is {[str(o) for o in may]}"
            cmd = it[0].cmd
            assert (func, nbytes, right) == (cmd.func, cmd.nbytes, cmd.right), f"{c}: {it[0].op}"
            self._tag(it[0], tag)
            self.m.walk(it[0].op)
            self.walking = it[0]
            it[0].at["c0"] = self.now
            self.compared += 1
        if self.inp["c_ready"]:
            self.walking.at["c"] = self.now
            self.walk.append(self.walking)
            self.walking.given = 0

    def _pieces(self) -> None:
        if self.inp["p_valid"] and self.get("p_ready"):
            item = self.walk[0]
            item.given += 1
            self.piece_up = False
            if item.given == len(item.pieces):
                self.walk.popleft()

    def _chunk(self) -> None:
        self._pieces()
        got = self._port("k", K_PORT)
        new = self._stable("k", got)
        if got is None:
            return
        kind, src, dst, length, src_func, dst_func, to_host, tag, first, last, status = got
        k = Chunk(Kind(kind), src, dst, length, src_func, dst_func, bool(to_host), tag, bool(first), bool(last), status)
        if new:
            self.k_op = self._whose(k)
            self.m.chunk(self.k_op, k)
            item = self.items[self.k_op]
            self._tag(item, tag)
            item.chunks.append(k)
            item.at.setdefault("k0", self.now)
            item.at["k"] = self.now
            self.compared += 1
        if self.inp["k_ready"]:
            self.k_at.append(self.now)
            if k.last:
                item = self.items[self.k_op]
                moved = any(c.length for c in item.chunks)
                status = item.end if moved and item.end is not None else k.status
                self.closing.append((self.now + 1 + self.rng.randint(*self.e_lat), item, status))

    def _whose(self, k: Chunk) -> Op:
        may = list(self.m.may_chunk())
        for op, option in may:
            item = self.items[op]
            if fits(k, option) and item.tag in (None, k.tag):
                other = self.tags.get(k.tag)
                if item.tag is not None or other is None or self._free(k.tag):
                    return op
        raise AssertionError(f"{k}\nis not one of\n" + "\n".join(f"{o} of {op}, index {self.items[op].tag}" for op, o in may))

    def _ar(self) -> None:
        ar = self._port("ar", ["addr", "len", "user"])
        new = self._stable("ar", ar)
        if ar is None:
            return
        addr, count, user = ar
        if new:
            for op, at, length in self.m.may_read():
                base = at - at % self.w
                beats = (at + length - base + self.w - 1) // self.w
                if addr - addr % self.w == base and count + 1 == beats and user == op.cmd.func:
                    self.m.read(op, at, length)
                    item = self.items[op]
                    errors = item.responses(op.asked - 1, beats)
                    self.read = [item, at, length, base, beats, errors]
                    item.at.setdefault("ar", self.now)
                    self.compared += 1
                    break
            else:
                raise AssertionError(f"a read of {count + 1} beats at {addr:#x} for {user}: {[(str(o), hex(a), n) for o, a, n in self.m.may_read()]}")
        if self.inp["ar_ready"]:
            self.reads.append([*self.read, self.now + 1 + self.rng.randint(*self.r_lat)])

    def _range(self) -> None:
        ds = self._port("ds", ["qid", "nsi", "slba", "nlb"])
        new = self._stable("ds", ds)
        if ds is None:
            return
        if new:
            may = list(self.m.may_judge())
            for op, entry in may:
                if ds == (op.cmd.qid, op.cmd.nsi, entry.slba, entry.nlb):
                    self.ds_op = op
                    break
            else:
                raise AssertionError(f"{ds} is to be judged, not one of {[(str(o), e) for o, e in may]}")
            self.m.judge(self.ds_op)
            self.compared += 1
        if self.inp["ds_ready"]:
            assert self.now - self.ds_at >= JUDGE, f"two ranges in {self.now - self.ds_at} cycles"
            self.ds_at = self.now
            self.judging.append((self.now + self.rng.randint(*self.dv_lat), self.items[self.ds_op], self.ds_op.judged - 1))

    def _abort(self) -> None:
        done = self.get("ab_done")
        if self.ab_at is None:
            assert not done, "ab_done without a request"
            return
        if done:
            found = self.get("ab_found") ^ (self.sabotage == "ab_found")
            self.m.aborted(bool(found))
            self.found[found] += 1
            self.ab_at = None
        else:
            assert self.now - self.ab_at < 4 * self.n_ops + 8, "no answer to an abort"

    def _completion(self) -> None:
        z = self._port("z", Z_PORT)
        self._stable("z", z)
        if z is None or not self.inp["z_ready"]:
            return
        qid, cid, status, dnr, more, dw0 = z
        drop = bool(self.get("z_drop") ^ (self.sabotage == "z_drop"))
        op = self.m.complete(qid, cid, status, drop)
        item = self.items[op]
        item.status, item.drop, item.at["z"] = status, drop, self.now
        if not drop:
            own = self.m.own(op, status)
            assert (dnr, more) == op.cmd.flags(status, own), f"DNR {dnr}, MORE {more} with status {status:#x}: {op}"
            sqhd = self.get("z_sqhd") ^ (self.sabotage == "z_sqhd")
            assert sqhd == self.heads[qid], f"SQHD {sqhd:#x}, the head is {self.heads[qid]:#x}: {op}"
            assert dw0 == 0, f"DW0 {dw0:#x}"
            self.ends[status] += 1
            if more:
                self.lg.append((qid, cid, status, op.cmd.nsid, op.cmd.lba, self.now))
        self.drops += drop
        self.out_at[qid] = self.now
        self.done.append(item)
        self.compared += 1

    def _log(self) -> None:
        lg = self._port("lg", ["qid", "cid", "status", "nsid", "lba"])
        if lg is not None:
            assert self.lg, f"a log event {lg}, and nothing to log"
            want = self.lg.popleft()
            assert lg == want[:-1], f"log event {lg}, expected {want}"
            self.compared += 1
        assert not self.lg or self.now - self.lg[0][-1] < LOG, f"no log event for {self.lg[0]}"

    def _busy(self) -> None:
        qid = self.inp["busy_qid"]
        busy = self.get("busy") ^ (self.sabotage == "busy")
        if any(op.cmd.qid == qid for op in self.m.live):
            assert busy, f"commands of queue {qid} are here, and busy is down"
        elif self.out_at[qid] < self.now - 1:
            assert not busy, f"no command of queue {qid} is here, and busy is up"

    def _owes(self) -> bool:
        """Of the cycles before this one."""
        return bool(self.m.live or self.walk or self.reads or self.judging or self.closing or any(self.held.values()))

    def _idle(self) -> None:
        idle = self.get("idle")
        owes = self._owes()
        driven = self.inp["e_valid"] or self.inp["dv_valid"] or self.inp["r_valid"]
        if owes:
            assert not idle, "idle is up, and something is here"
        self.calm = 0 if owes or driven or self.offered is not None else self.calm + 1
        assert idle or self.calm < SOON, "idle does not come up"

    # ---- what tests use

    def send(self, *items: Item) -> Item:
        self.todo += items
        return items[-1]

    def kill(self, qid: int, status: int = S.SQ_DELETED, drop: int = 0) -> None:
        self.kills.append((qid, status, drop))

    def abort(self, item: Item) -> None:
        self.asks.append((item.cmd.qid, item.cmd.cid))

    async def set_up(self, qid: int, cq: int = 0) -> None:
        self.cfgs.append((qid, cq))
        await self.step(2)

    def over(self) -> bool:
        return not (self.todo or self.offered or self._owes() or self.lg or self.kills or self.asks or self.ab_at is not None)

    async def drain(self, limit: int = LIMIT) -> None:
        await self.until(self.over, limit, f"commands to end, {[str(o) for o in self.m.live[:3]]}")
        await self.step(2)

    async def run(self, item: Item) -> Item:
        """Alone."""
        self.send(item)
        await self.drain()
        assert item.status is not None
        return item

    def end(self, at_least: int = 1) -> None:
        assert self.over()
        assert self.compared and self.compared >= at_least, f"only {self.compared} comparisons"


__all__ = ["KILL_GRACE", "SEAMS", "Abort", "Bench", "Item", "Way"]
