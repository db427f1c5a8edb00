# SPDX-License-Identifier: Apache-2.0
"""cocotb tests of crl_dma_issue: the bench plays fetch, scheduler, operation table, link and
segment table, and predicts every read request and chunk record from the models."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import cocotb
from cocotb.triggers import FallingEdge, RisingEdge, Timer

from models.blocks import burst_faults, split_chunks
from models.lay import Desc, DescFlag, Op, Status
from models.ops import ATOMICS, SUPPORTED, WITH_ATOMIC, WITH_READ, Ctx, Plan, check_local
from models.ops import REMOTE as REMOTE_OPS
from models.segments import (
    R_LOCAL,
    R_READ,
    R_RING,
    R_WRITE,
    Segment,
    SegmentTable,
    User,
    check_absolute,
)
from tb.unit.dma_lib import CycleBench, expects_failure, first_chunk

TOKEN, LOCAL, FILL, REMOTE, CANCEL, MIRROR, MIRROR_CANCEL = range(7)
REMOTE_ALL = REMOTE_OPS | {Op.MIRROR}
ENDS = (Status.ABORTED, Status.KEY_REVOKED, Status.PEER_DOWN)


@dataclass
class Operation:
    ch: int
    desc: Desc
    status: int
    chunks: list
    src: int
    dst: int
    tag: int = -1
    seq: int | None = None
    done: int = 0  # chunk records seen
    over: bool = False
    may_end: bool = False  # abort, failed read, revoked or lost peer
    t_lost: int | None = None  # its peer went down
    t_alloc: int = -1  # cycle in which it began (T2)
    ended: int | None = None  # status of a token or CANCEL
    announced: bool = False  # READ, MIRROR: told to the target
    oper: int = 0
    extra: set = field(default_factory=set)  # statuses of a refusal that are right as well


class Bench(CycleBench):
    idle = {
        n: 0
        for n in (
            "cc_we cc_ch cc_abs cc_bind cc_peer cc_peer_ch cc_func run hold ch_abort halt st_empty "
            "st_enq_valid st_enq_ch pool_data pool_info pool_seg pool_oper pool_two pool_half half cq_ok op_empty alloc_ready alloc_idx "
            "alloc_gen ctl_seg_req ctl_seg_addr ctl_seg_len ctl_seg_ch ctl_seg_abs seg_stop peer_up tx_ok "
            "rd_ok hold_ok give_up rd_room chunk_room fail_valid fail_ch fail_op ctl_pop held waiting due permitted gone"
        ).split()
    }

    def __init__(self, dut) -> None:
        super().__init__(dut)
        p, rng = self.p, self.rng
        self.n, self.peers, self.ops = p["CHANNELS"], p["PEERS"], p["OPS"]
        self.width, self.burst, self.mtu = p["DATA_W"] // 8, p["MAX_BURST_BYTES"], p["LINK_MTU"]
        self.supported = WITH_READ if p.get("READ_EN", 1) else SUPPORTED
        if p.get("ATOMIC_EN", 1):
            self.supported = WITH_ATOMIC
        if p.get("MIRROR_EN", p.get("READ_EN", 1)):
            self.supported |= {Op.MIRROR}
        self.mbw, self.ow = self.burst.bit_length() - 1, self.ops.bit_length() - 1
        off, mtw = self.width.bit_length() - 1, self.mtu.bit_length() - 1
        cw = max(1, (self.n - 1).bit_length())
        message = [("msg", 1), ("send", 1), ("imm", 32)] if p.get("SEND_EN", 1) else []
        self.fields = [
            *message, ("kind", 3), ("ch", cw), ("tag", 16), ("first", 1), ("last", 1), ("flush", 1),
            ("cont", 1), ("rd", 1), ("ffirst", 1), ("notify", 1), ("read", 1), ("soff", off),
            ("doff", off), ("n", self.mbw + 1), ("rbeats", self.mbw - off + 1), ("status", 8),
            ("flen", mtw + 1), ("peer", 2), ("peer_ch", 8), ("func", p["FUNC_W"]), ("seq", 16),
            ("x", 64), ("y", 64),
        ]  # fmt: skip
        self.table = SegmentTable(p["SEGMENTS"])
        for i in range(p["SEGMENTS"] - 1):
            rights = rng.choice([R_READ | R_WRITE | R_LOCAL] * 5 + [R_LOCAL | R_READ, R_WRITE])
            self.table.set(
                i,
                Segment(
                    True, rng.randrange(1, 9) << 12, rng.choice([0x3000, 0x1801, 1 << 33]),
                    rights | rng.choice([0, R_RING]), i % self.n, 15, rng.getrandbits(12),
                ),
            )  # fmt: skip
        self.abs = [c % 3 == 2 for c in range(self.n)]
        self.bind = [c != 1 or self.n < 3 for c in range(self.n)]
        self.peer = [c % self.peers for c in range(self.n)]
        self.peer_ch = [rng.getrandbits(8) for _ in range(self.n)]
        self.func = [rng.getrandbits(p["FUNC_W"]) for _ in range(self.n)]
        self.peer_up = (1 << self.peers) - 1
        self.run = self.give_up = (1 << self.n) - 1
        self.parked = [0] * self.n  # cycles in which what has not begun has to wait for the link
        self.hold = self.abort = self.halt = 0
        self.staged: list[deque] = [deque() for _ in range(self.n)]
        self.cur: list[Operation | None] = [None] * self.n
        self.live: dict[int, Operation] = {}  # index in the table: operation
        self.dying: list = []  # (cycle, index) entries that will be free again
        self.slots = [3] * self.n
        self.slot_back: list = []  # (cycle, channel)
        self.credit = [[2] * self.n for _ in range(self.peers)]
        self.credit_back: list = []
        self.rd_slots = [2] * self.peers  # receive slots for answers
        self.rd_back: list = []
        self.places = [2] * self.peers  # in the hold FIFO
        self.place_back: list = []
        self.reads: deque = deque()
        self.seqs: dict[int, int] = {}
        self.open_tag = None
        self.picked = None  # channel whose pool entry is shown in this cycle
        self.charge_due = False
        self.begin = None  # popped, to be allocated in this cycle
        self.tentative = None  # what it takes to judge that pop, or to take it back
        self.fails: deque = deque()
        self.table_write: Callable[[], None] | None = None  # waits for a cycle without a look-up
        self.ctl = None
        self.ctl_result = None
        self.ctl_rate = 0.0
        self.order: list[Operation] = []
        self.seconds: dict[Desc, bool] = {}  # a CMP_SWAP has its second slot
        self.halves: dict[Desc, int] = {}  # it comes in this cycle
        self.oper = 0
        self.counts = dict.fromkeys(
            "ops refused ended frames takes read_frames read_takes mirror_frames mirror_takes fences ctl chunks killed sending half".split(), 0
        )
        self.statuses: set = set()
        self.room = 0.9
        self.new_rate, self.fault_rate = 0.5, 0.15
        self.long_rate = 0.0  # operations of several chunks, whatever the frame's size
        self.sabotage = False
        self.limit = None
        self.calm = [0] * self.n
        self.lazy = 20
        self.pick_rate, self.stop_rate = 0.95, 0.02
        self.stays = 0  # cycles that the table keeps what has ended
        self.want: int | None = None  # the index that the next operation shall get, if it is free
        self.fail_at: tuple[int, int, int] | None = None  # cycle, channel, index

    # -- stimulus -------------------------------------------------------------------------
    def address(self, ch: int, fault: bool) -> int:
        rng = self.rng
        near = rng.choice(
            [0, rng.randrange(0x1800), 4096 - rng.randrange(1, 80), rng.randrange(64)]
        )
        if self.abs[ch]:
            if fault:
                return (1 << 64) - rng.randrange(1, 3000)
            return (rng.randrange(1, 6) << 12) + near
        mine = [i for i in range(self.p["SEGMENTS"]) if i % self.n == ch]
        index = rng.choice(mine if not fault else range(self.p["SEGMENTS"]))
        if fault:
            kind = rng.randrange(4)
            if kind == 0:
                return self.table.address(index, near) ^ 1 << rng.randrange(40, 52)
            if kind == 1:
                return self.table.address(index, 0x2F00 + rng.randrange(0x200))
            if kind == 2:
                return rng.getrandbits(64)
        return self.table.address(index, near)

    def desc(self, ch: int) -> Desc:
        rng = self.rng
        bad = lambda: rng.random() < self.fault_rate  # noqa: E731
        op = rng.choice([Op.NOP, Op.COPY, Op.COPY, Op.FILL, Op.WRITE, Op.WRITE, Op.READ, Op.FETCH_ADD, Op.CMP_SWAP, Op.MIRROR, Op.MIRROR])
        if op not in self.supported and not bad():
            op = Op.COPY
        if bad():
            op = rng.choice([Op.RECV, Op.EXT, 0xFE])
        flags = rng.choice([0, 0, 1 << DescFlag.IRQ, 1 << DescFlag.NO_CPL, 1 << DescFlag.FENCE])
        if op in (Op.WRITE, Op.MIRROR) or bad():
            flags |= rng.getrandbits(1) << DescFlag.NOTIFY
        if bad():
            flags |= 1 << rng.randrange(4, 8)
        length = rng.choice(
            [1, rng.randrange(1, 2 * self.width), rng.randrange(1, 4 * self.burst), self.burst,
             self.mtu, self.mtu + 1, rng.randrange(1, 3 * self.mtu)]
        )  # fmt: skip
        if rng.random() < self.long_rate:
            op, length = rng.choice([Op.COPY, Op.WRITE, Op.MIRROR if Op.MIRROR in self.supported else Op.WRITE]), rng.randrange(4 * self.burst, 8 * self.burst)
        if bad():
            length = rng.choice([0, 0xFFFFFFFF, 0x3000])
        src, dst = self.address(ch, bad()), self.address(ch, bad())
        if op in ATOMICS:
            length = 8 if not bad() else length
            dst = rng.getrandbits(64) & ~(0 if bad() else 7)
        if op in (Op.FILL, Op.READ):
            src = rng.getrandbits(64)
        if op == Op.MIRROR and bad():
            dst = src + rng.choice([-1, 1]) * rng.choice([0, length - 1, length, length + 1])   # around an overlap
            dst &= (1 << 64) - 1
        d = Desc(int(op), flags, rng.getrandbits(16), length, src, dst, rng.getrandbits(64))
        second = not bad()
        if length > 0x3000 and self.plan(d, ch).status == Status.OK:
            d = replace(d, length=0x3000)  # what is executed has an end
        self.seconds[d] = second
        return d

    def context(self, ch: int) -> Ctx:
        up = self.bind[ch] and bool(self.peer_up >> self.peer[ch] & 1)
        return Ctx(ch, self.table, self.abs[ch], up, ops=self.supported)

    def plan(self, d: Desc, ch: int, second: bool = True) -> Plan:
        """What becomes of an operation. A MIRROR is checked as a COPY that may notify; then its peer has to be there."""
        if d.opcode != Op.MIRROR or d.opcode not in self.supported:
            return check_local(d, self.context(ch), second)
        plan = check_local(replace(d, opcode=Op.COPY, flags=d.flags & ~(1 << DescFlag.NOTIFY)), self.context(ch))
        return plan if not plan.ok or self.context(ch).peer_up else Plan(Status.PEER_DOWN)

    def first(self, d: Desc):
        """The first chunk; a MIRROR is cut as a WRITE."""
        as_if = replace(d, opcode=Op.WRITE) if d.opcode == Op.MIRROR and d.opcode in self.supported else d
        return first_chunk(as_if, self.burst, self.mtu, self.supported)

    def info(self, d: Desc) -> int:
        chunk = self.first(d)
        mirror = bool(chunk) and d.opcode == Op.MIRROR
        n = chunk.n if chunk else 0
        last = not chunk or n == d.length
        remote = bool(chunk) and d.opcode in REMOTE_ALL
        fend = last or (remote and n == self.mtu)
        word = 0
        for bit in (mirror, 0, not chunk, mirror or (remote and d.opcode in (Op.READ, *ATOMICS)), remote, d.flags & 1, fend, last):
            word = word << 1 | int(bit)
        return word << (self.mbw + 1) | n

    def drive(self) -> None:
        rng, i = self.rng, self.inp
        for ch in range(self.n):
            if len(self.staged[ch]) < 4 and rng.random() < self.new_rate / self.n:
                if self.limit is None or self.limit > 0:
                    self.staged[ch].append(self.desc(ch))
                    if self.limit is not None:
                        self.limit -= 1
        i["half"] = sum(1 << c for c, s in enumerate(self.staged) if s and self.halves.get(s[0], -1) > self.now)
        i["st_empty"] = sum((not s) << c for c, s in enumerate(self.staged))
        for name in ("run", "hold", "halt", "peer_up", "give_up"):
            i[name] = getattr(self, name)
        i["ch_abort"] = self.abort
        if self.picked is not None and self.staged[self.picked]:
            d = self.staged[self.picked][0]
            # In the pool an atomic's addresses are exchanged.
            word = replace(d, src=d.dst, dst=d.src) if d.opcode in ATOMICS and d.opcode in self.supported else d
            i["pool_data"] = int.from_bytes(word.pack()[:24], "little")
            i["pool_info"] = self.info(d)
            i["pool_seg"] = d.src >> 52 & (self.p["SEGMENTS"] - 1)
            self.oper = rng.getrandbits(128)
            i["pool_oper"] = self.oper
            i["pool_two"] = int(self.seconds[d] and d.opcode == Op.CMP_SWAP and d.opcode in self.supported)
            waits = i["pool_two"] and self.halves.get(d, self.now + 1) > self.now
            if waits:
                self.halves.setdefault(d, self.now + rng.choice((0, 0, 0, 20)))
                waits = self.halves[d] > self.now
            i["pool_half"] = int(waits)
            self.counts["half"] += waits
        elif self.picked is not None:
            i["pool_data"], i["pool_info"] = rng.getrandbits(192), rng.getrandbits(self.mbw + 8)
            i["pool_info"] &= ~(1 << (self.mbw + 7))
        self.dying, due = self._due(self.dying)
        for index in due:
            self.live.pop(index)
        self.slot_back, due = self._due(self.slot_back)
        for ch in due:
            self.slots[ch] += 1
        self.credit_back, due = self._due(self.credit_back)
        for peer, ch in due:
            self.credit[peer][ch] += 1
        self.rd_back, due = self._due(self.rd_back)
        for peer in due:
            self.rd_slots[peer] += 1
        self.place_back, due = self._due(self.place_back)
        for peer in due:
            self.places[peer] += 1
        i["seg_stop"] = int(self.table_write is not None or rng.random() < self.stop_rate)
        i["rd_ok"] = sum((s > 0) << p for p, s in enumerate(self.rd_slots))
        i["hold_ok"] = sum((s > 0) << p for p, s in enumerate(self.places))
        busy = {op.ch for op in self.live.values()}
        i["op_empty"] = sum((c not in busy) << c for c in range(self.n))
        i["cq_ok"] = sum((self.slots[c] > 0) << c for c in range(self.n))
        free = [k for k in range(self.ops) if k not in self.live]
        i["alloc_ready"] = int(bool(free))
        if free:
            self.entry = (self.want if self.want in free else rng.choice(free), rng.getrandbits(16 - self.ow))
            i["alloc_idx"], i["alloc_gen"] = self.entry
        i["tx_ok"] = sum(
            (self.credit[p][c] > 0 and bool(self.peer_up >> p & 1)) << (p * self.n + c)
            for p in range(self.peers)
            for c in range(self.n)
        )
        i["rd_room"], i["chunk_room"] = int(rng.random() < self.room), int(rng.random() < self.room)
        if self.fails:
            ch, op = self.fails.popleft()
            i.update(fail_valid=1, fail_ch=ch, fail_op=op)
        if self.fail_at is not None and self.fail_at[0] == self.now:
            i.update(fail_valid=1, fail_ch=self.fail_at[1], fail_op=self.fail_at[2])
        if self.ctl is None and rng.random() < self.ctl_rate:
            ch = rng.randrange(self.n)
            length = rng.choice([32, 128, 0x1000, 0x2000, 0x20000])
            self.ctl = (self.address(ch, rng.random() < 0.3), length, ch, rng.random() < 0.3)
        if self.ctl is not None:
            a, length, ch, absolute = self.ctl
            i.update(ctl_seg_req=1, ctl_seg_addr=a, ctl_seg_len=length, ctl_seg_ch=ch)
            i["ctl_seg_abs"] = int(absolute)

    def _due(self, items):
        return [x for x in items if x[0] > self.now], [x[1] for x in items if x[0] <= self.now]

    async def step(self, count: int = 1) -> None:
        for _ in range(count):
            self.inp = dict(self.idle)
            self.drive()
            self._apply()
            await Timer(1, unit="ns")
            elig = self.get("elig")
            choice = [c for c in range(self.n) if elig >> c & 1]
            pick = self.rng.choice(choice) if choice and self.rng.random() < self.pick_rate else None
            self._handle("pick_valid").value = int(pick is not None)
            self._handle("pick_ch").value = pick or 0
            await FallingEdge(self.dut.clk)
            if pick is not None and self.get("pick_ready"):
                assert self.open_tag is None or self.frame_over(), "a pick inside a frame"
            self._handle("pk_empty").value = int(not self.staged[self.get("pk_ch")])
            index = self.get("seg_idx")
            entry = self.rng.getrandbits(124)
            if self.get("seg_re") or not self.inp["seg_stop"]:
                entry = self.table.get(index).pack()
            elif self.table_write is not None:
                self.table_write()
                self.table_write = None
            self.check()
            self.now += 1
            await RisingEdge(self.dut.clk)
            self._handle("seg_entry").value = entry  # synchronous look-up

    def frame_over(self) -> bool:
        return True  # told from the chunk records, which come later: see `_chunk`

    # -- checks ---------------------------------------------------------------------------
    def check(self) -> None:
        i = self.inp
        assert self.get("charge_valid") == self.charge_due, "charge not one cycle after the pick"
        if self.charge_due:
            assert self.get("charge_ch") == self.picked
        self.charge_due = bool(self.get("pk_en"))
        was_picked = self.picked
        self.picked = self.get("pk_ch") if self.charge_due else None
        if self.charge_due:
            assert i["rd_room"] and i["chunk_room"] and not i["halt"]
            assert not i["ctl_seg_req"] and not i["seg_stop"]
        if self.ctl_result is not None:
            want = self.ctl_result
            assert self.get("chk_ok") == want.ok, f"checker for control: {want}"
            if want.ok:
                assert self.get("chk_addr") == want.addr
            self.counts["ctl"] += 1
            self.ctl_result = None
        if self.get("ctl_seg_gnt"):
            a, length, ch, absolute = self.ctl
            self.ctl_result = (
                check_absolute(a, length)
                if absolute
                else self.table.check(a, length, User(ch), R_RING)
            )
            self.ctl = None
        sending = self.get("sending")
        for c, op in enumerate(self.cur):
            if sending >> c & 1:
                assert op is not None and op.desc.opcode in REMOTE_ALL, "what is not remote is sending"
                self.counts["sending"] += 1
        self._read(i)
        self._confirm()
        self._alloc(i)
        self._pop(i, was_picked)
        self._take(i)
        self._rop()
        if self.get("chunk_push"):
            self._chunk(self.get("chunk"))
        for c in range(self.n):
            quiet = i["hold"] >> c & 1 and not i["ch_abort"] >> c & 1
            self.calm[c] = self.calm[c] + 1 if quiet else 0
            parked = self.bind[c] and not (i["peer_up"] >> self.peer[c] | i["give_up"] >> c) & 1
            self.parked[c] = self.parked[c] + 1 if parked else 0

    def _pop(self, i, was_picked) -> None:
        if not self.get("pop_valid"):
            return
        ch = self.get("pop_ch")
        assert ch == was_picked and self.staged[ch], "pop of nothing"
        d = self.staged[ch].popleft()
        self.tentative = ch, d, i, self.cur[ch]
        plan = self.plan(d, ch, self.seconds[d])
        chunks = []
        remote = d.opcode in REMOTE_ALL
        if plan.ok and d.opcode != Op.NOP:
            chunks = split_chunks(
                0 if d.opcode in (Op.READ, *ATOMICS) else plan.src or 0, 0 if remote else plan.dst, d.length, self.burst,
                remote=remote, link_mtu=self.mtu,
            )  # fmt: skip
            assert sum(c.n for c in chunks) == d.length
        self.begin = Operation(ch, d, plan.status, chunks, plan.src or 0, plan.dst or d.dst, oper=self.oper)
        self.cur[ch] = self.begin

    def _confirm(self) -> None:
        """The pop of the last cycle is taken back, or is judged as things stood then."""
        assert self.tentative is not None or not self.get("pop_undo"), "nothing to take back"
        if self.tentative is None:
            return
        ch, d, i, before = self.tentative
        self.tentative = None
        if self.get("pop_undo"):
            self.begin = None
            self.cur[ch] = before
            self.staged[ch].appendleft(d)
            self.counts["killed"] += 1
            return
        assert not i["pool_half"], "a CMP_SWAP began before its second slot had come"
        assert i["run"] >> ch & 1, "an operation began on a channel that may not run"
        assert i["cq_ok"] >> ch & 1, "an operation began without a completion slot"
        assert i["alloc_ready"], "an operation began with a full table"
        assert (
            before is None
            or before.over
            or before.may_end  # its end is on the way
            or before.done >= len(before.chunks) - 1
        ), "an operation began inside another of its channel"
        if d.flags >> DescFlag.FENCE & 1:
            assert i["op_empty"] >> ch & 1, "a fenced operation did not wait"
            self.counts["fences"] += 1
        assert d.opcode not in REMOTE_ALL or self.parked[ch] <= 4, "an operation began that has to wait for its link"

    def _alloc(self, i) -> None:
        assert self.get("alloc_valid") == (self.begin is not None), "alloc not a cycle after pop"
        if self.begin is None:
            return
        op, self.begin = self.begin, None
        d = op.desc
        assert self.get("alloc_ch") == op.ch and self.get("alloc_tag") == d.tag
        assert self.get("alloc_irq") == d.flags >> DescFlag.IRQ & 1
        assert self.get("alloc_nocpl") == d.flags >> DescFlag.NO_CPL & 1
        remote = d.opcode in REMOTE_ALL and self.first(d) is not None
        assert self.get("alloc_remote") == remote
        assert self.get("alloc_read") == (remote and d.opcode in (Op.READ, *ATOMICS, Op.MIRROR))
        assert self.get("alloc_mirror") == (d.opcode == Op.MIRROR and d.opcode in self.supported)
        atomic = d.opcode in ATOMICS and d.opcode in self.supported
        assert self.get("alloc_two") == (atomic and d.opcode == Op.CMP_SWAP and self.seconds[d])
        assert self.get("alloc_atomic") == atomic
        if atomic:
            assert self.get("alloc_swap") == (d.opcode == Op.CMP_SWAP)
            assert self.get("alloc_oper") == op.oper, "operands"
        if remote and self.bind[op.ch]:
            assert self.get("alloc_peer") == self.peer[op.ch]
        if op.status == Status.OK:
            assert self.get("alloc_bytes") == (0 if d.opcode == Op.NOP else d.length)
        index, gen = self.entry
        op.tag = gen << self.ow | index
        op.t_alloc = self.now
        assert self.slots[op.ch] > 0
        self.slots[op.ch] -= 1
        self.live[index] = op
        self.order.append(op)
        self.counts["ops"] += 1

    def _read(self, i) -> None:
        if self.get("ar_push"):
            word = {n: self.get(f"ar_{n}") for n in ("addr", "len", "user", "ch", "bytes")}
            faults = burst_faults(word["addr"], word["len"] + 1, self.width, self.burst)
            assert not faults, faults
            self.reads.append(word)

    def _take(self, i) -> None:
        taken = self.get("tx_take")
        for p in range(self.peers):
            if taken >> p & 1:
                ch = self.get("tx_take_ch")
                assert self.credit[p][ch] > 0, f"frame of channel {ch} without a credit"
                self.credit[p][ch] -= 1
                self.counts["takes"] += 1
                if self.get("tx_take_rd"):
                    assert self.rd_slots[p] > 0, "a READ without a slot for its answer"
                    self.rd_slots[p] -= 1
                    self.counts["read_takes"] += 1
                    self.rd_back.append((self.now + self.rng.randint(3, 6 * self.lazy), p))
                if self.get("tx_take_hold"):
                    assert self.places[p] > 0, "a MIRROR without a place in the hold FIFO"
                    self.places[p] -= 1
                    self.counts["mirror_takes"] += 1
                    self.place_back.append((self.now + self.rng.randint(3, 6 * self.lazy), p))
                self.credit_back.append((self.now + self.rng.randint(3, 4 * self.lazy), (p, ch)))
        assert taken & (taken - 1) == 0

    def _rop(self) -> None:
        """A READ is announced once, when it is known to be good and before its first frame."""
        if not self.get("rop_valid"):
            return
        tag = self.get("rop_tag")
        op = next(o for o in self.live.values() if o.tag == tag)
        d = op.desc
        got = {n: self.get(f"rop_{n}") for n in ("peer", "ch", "func", "abs", "dst", "total")}
        assert d.opcode in (Op.READ, *ATOMICS, Op.MIRROR) and not op.done and not op.announced
        assert op.status == Status.OK or op.may_end
        assert got == {"peer": self.peer[op.ch], "ch": op.ch, "func": self.func[op.ch], "abs": int(self.abs[op.ch]),
                       "dst": d.src if d.opcode in ATOMICS else d.dst, "total": d.length}, f"{got} for {d}"
        assert self.get("rop_atomic") == (d.opcode in ATOMICS) and self.get("rop_mirror") == (d.opcode == Op.MIRROR)
        op.announced = True

    def _chunk(self, word: int) -> None:
        c = {}
        for name, width in reversed(self.fields):
            c[name] = word & ((1 << width) - 1)
            word >>= width
        assert word == 0
        if self.sabotage:
            c["n"] ^= 1
        op = next((o for o in self.live.values() if o.tag == c["tag"]), None)
        assert op is not None and not op.over, f"a chunk of operation {c['tag']:#x}, not under way"
        assert c["ch"] == op.ch and c["first"] == (op.done == 0)
        assert self.open_tag in (None, op.tag), "chunks of a frame are not back to back"
        assert self.calm[op.ch] < 100, "a chunk of a paused channel"
        if op.t_lost is not None and self.open_tag is None:
            assert self.now <= op.t_lost + 6, "a frame of an operation whose peer was lost"
        read = self.reads.popleft() if c["rd"] else None
        want = op.chunks[op.done] if op.done < len(op.chunks) else None
        d = op.desc
        self.counts["chunks"] += 1
        if want is None or c["kind"] in (TOKEN, CANCEL, MIRROR_CANCEL):
            self._end(op, c)
        else:
            self._data(op, c, want, read)
        op.done += 1
        self.compared += 1
        remote = c["kind"] in (REMOTE, CANCEL, MIRROR, MIRROR_CANCEL)
        self.open_tag = op.tag if remote and not c["flush"] else None
        self.counts["frames"] += remote and c["flush"]
        if remote:
            assert c["peer"] == self.peer[op.ch] and c["peer_ch"] == self.peer_ch[op.ch]
            x = d.src if d.opcode == Op.READ else op.oper & (1 << 64) - 1 if d.opcode == Op.MIRROR else d.dst
            assert c["x"] == x and c["y"] >> 32 == d.length
            assert c["read"] == (d.opcode in (Op.READ, *ATOMICS))
            assert op.announced == (d.opcode in (Op.READ, *ATOMICS, Op.MIRROR))
            self.counts["mirror_frames"] += d.opcode == Op.MIRROR and c["flush"]
            self.counts["read_frames"] += c["read"] and c["flush"]
            expected = self.seqs.get(op.ch, c["seq"]) if op.seq is None else op.seq
            if op.seq is None:
                assert (c["seq"] - expected) & 0xFFFF < 0x8000, "the operation sequence went backwards"
                self.seqs[op.ch] = (c["seq"] + 1) & 0xFFFF
            else:
                assert c["seq"] == expected, "the operation sequence changed inside an operation"
            op.seq = c["seq"]
        if c["last"]:
            op.over = True
            if op.t_lost is None:
                self._dies(op, self.now + self.rng.randint(2, self.lazy))

    def _dies(self, op: Operation, end: int) -> None:
        """The operation table ends it and reports it later."""
        end += self.stays
        self.dying.append((end, op.tag & (self.ops - 1)))
        self.slot_back.append((end + self.rng.randint(1, self.lazy), op.ch))

    def rise(self, peer: int) -> None:
        """A peer comes up, with all credits of a new session."""
        self.peer_up |= 1 << peer
        self.credit[peer] = [2] * self.n
        self.rd_slots[peer] = 2
        self.rd_back = [x for x in self.rd_back if x[1] != peer]
        self.credit_back = [x for x in self.credit_back if x[1][0] != peer]

    def fall(self, peer: int) -> list[Operation]:
        """A peer goes down: the table ends what was begun for it, sooner or later."""
        self.peer_up &= ~(1 << peer)
        if self.begin is not None:
            self.begin.may_end = True
        lost = []
        for op in self.live.values():
            if op.desc.opcode in REMOTE_ALL and self.peer[op.ch] == peer and not op.over:
                op.may_end, op.t_lost = True, self.now
                self._dies(op, self.now + self.rng.randint(80, 200))
                lost.append(op)
        return lost

    def _end(self, op: Operation, c: dict) -> None:
        """A token or a CANCEL: NOP, refusal, or an operation that is ended."""
        assert c["last"] and c["flush"]
        status = Status(c["status"])
        op.ended = int(status)
        self.statuses.add(int(status))
        if op.done == 0 and status not in (Status.ABORTED,):
            assert c["kind"] == TOKEN
            if op.may_end:
                return
            assert status == op.status, f"{op.desc}: {status.name}, must be {op.status}"
            assert not op.chunks
            self.counts["refused"] += status != Status.OK
        else:
            assert op.may_end and status in ENDS, f"{op.desc} ended with {status.name}"
            if op.desc.opcode in REMOTE_ALL:
                cancel = MIRROR_CANCEL if op.desc.opcode == Op.MIRROR else CANCEL
                assert c["kind"] == cancel, "an operation of which something was sent: CANCEL"
            else:
                assert c["kind"] == TOKEN
            self.counts["ended"] += 1

    def _data(self, op: Operation, c: dict, want, read) -> None:
        d = op.desc
        remote = d.opcode in REMOTE_ALL
        kind = {Op.COPY: LOCAL, Op.FILL: FILL, Op.WRITE: REMOTE, Op.MIRROR: MIRROR}.get(Op(d.opcode), REMOTE)
        reads = d.opcode in (Op.COPY, Op.WRITE, Op.MIRROR)
        frame_pos = want.pos % self.mtu if remote else 0
        soff = want.src % self.width
        doff = (frame_pos if remote else want.dst) % self.width
        starts = frame_pos == 0 if remote else want.first
        expected = {
            "kind": kind, "last": want.last, "flush": want.frame_end if remote else want.last,
            "cont": doff != 0 and not starts, "rd": reads, "soff": soff, "doff": doff,
            "n": want.n, "rbeats": -(-(soff + want.n) // self.width), "status": 0,
            "func": self.func[op.ch],
        }  # fmt: skip
        if remote:
            expected |= {
                "flen": frame_pos + want.n, "ffirst": want.pos < self.mtu,
                "notify": d.flags >> DescFlag.NOTIFY & 1,
                "y": d.length << 32 | (want.pos - frame_pos),
            }  # fmt: skip
        else:
            expected["x"] = want.dst
        if kind == FILL:
            expected["y"] = d.src
        got = {k: c[k] for k in expected}
        expected = {k: int(v) for k, v in expected.items()}
        assert got == expected, f"{d}, chunk {op.done}: {got} must be {expected}"
        if reads:
            assert read == {
                "addr": want.src, "len": c["rbeats"] - 1, "user": self.func[op.ch], "ch": op.ch,
                "bytes": want.n,
            }, f"{read} for {want}"  # fmt: skip

    # -- sequences ------------------------------------------------------------------------
    async def start(self) -> None:
        for name in ("pick_valid", "pick_ch", "pk_empty", "seg_entry"):
            self._handle(name).value = 0
        await self.reset()
        new, self.new_rate = self.new_rate, 0.0
        for ch in range(self.n):
            drive = self.drive

            def with_cfg(ch=ch, drive=drive):
                drive()
                self.inp.update(
                    cc_we=1, cc_ch=ch, cc_abs=int(self.abs[ch]), cc_bind=int(self.bind[ch]),
                    cc_peer=self.peer[ch], cc_peer_ch=self.peer_ch[ch], cc_func=self.func[ch],
                )  # fmt: skip

            self.drive = with_cfg
            await self.step()
            self.drive = drive
        self.new_rate = new

    def punctual(self) -> None:
        """Nothing is random that decides when: each pick comes as early as it can. Operations come one by one (begin_one)."""
        for i in range(self.p["SEGMENTS"] - 1):
            self.table.set(i, Segment(True, (i + 1) << 16, 1 << 33, R_READ | R_WRITE | R_LOCAL, i % self.n, 15, i))
        self.new_rate, self.lazy = 0.0, 4
        self.room, self.pick_rate, self.stop_rate = 1.0, 1.0, 0.0

    def stage_variety(self) -> None:
        """Channel 0, which has a peer and a segment with all rights: good READs and MIRRORs of one frame, and an overlap."""
        rng = self.rng
        wanted = [Op.READ] * 2 * (Op.READ in self.supported) + [Op.MIRROR] * 3 * (Op.MIRROR in self.supported)
        for k, op in enumerate(wanted):
            status = Status.OVERLAP if k == len(wanted) - 1 and op == Op.MIRROR else Status.OK
            plan = None
            while plan is None or plan.status != status:
                flags = rng.choice([0, 1 << DescFlag.IRQ, 1 << DescFlag.NO_CPL, 1 << DescFlag.FENCE])
                length = rng.choice([2, rng.randrange(2, 2 * self.width), rng.randrange(2, self.mtu), self.mtu])
                src, dst = (self.address(0, False) for _ in "sd")
                if status == Status.OVERLAP:
                    dst = src + rng.choice([-1, 1]) * rng.randrange(1, length)
                d = Desc(int(op), flags, rng.getrandbits(16), length, src, dst, rng.getrandbits(64))
                plan = self.plan(d, 0)
            self.seconds[d] = True
            self.staged[0].append(d)

    async def begin_one(self, ch: int, op: Op, length: int) -> Operation:
        """A good operation; returns in the cycle behind its T2."""
        plan = None
        while plan is None or not plan.ok:
            src, dst = (self.address(ch, False) & ~255 for _ in "sd")
            d = Desc(int(op), 0, self.rng.getrandbits(16), length, src, dst, self.rng.getrandbits(64))
            self.seconds[d] = True
            plan = self.plan(d, ch)
        self.staged[ch].append(d)
        known = len(self.order)
        await self.until(lambda: len(self.order) > known, 100, "an operation begins")
        assert self.order[-1].ch == ch and self.order[-1].status == Status.OK
        return self.order[-1]

    def failed(self, op: Operation) -> int:
        """How the port names it."""
        return op.tag if len(self._handle("fail_op")) == 16 else op.tag & (self.ops - 1)

    def busy(self, ch: int) -> bool:
        op = self.cur[ch]
        return bool(self.staged[ch]) or (op is not None and not op.over)

    def under_way(self) -> list[int]:
        """Channels whose operation has begun, and has chunks to go."""
        return [c for c, op in enumerate(self.cur) if op and not op.over and 0 < op.done < len(op.chunks) - 1]

    def midway(self) -> bool:
        """An operation of a channel that uses segments has begun, and has chunks to go."""
        return any(not self.abs[c] for c in self.under_way())

    async def drain(self, limit: int = 12000) -> None:
        self.new_rate = 0.0
        lazy, self.lazy = self.lazy, 4   # a long operation over small frames asks for a hundred credits
        await self.until(
            lambda: not any(self.busy(c) for c in range(self.n)) and not self.live, limit, "drain"
        )
        self.lazy = lazy
        await self.step(10)
        assert self.get("ip") == 0 and not self.reads and self.open_tag is None

    def end(self, at_least: int) -> None:
        assert self.compared >= at_least, f"only {self.compared} chunks were compared"


@cocotb.test()
async def operations(dut):
    """Stimulus: random descriptors of all channels, good and faulty, all alignments, over chunk,
    page and frame edges, good READs and MIRRORs and an overlap on purpose; read and chunk room, credits, completion
    slots come and go.
    Checking: every record and read request against the models; status codes in their order;
    fences, slots, credits; frames back to back; the checker's answers to the channel control."""
    bench = Bench(dut)
    bench.table.set(0, replace(bench.table.get(0), size=0x3000, rights=R_READ | R_WRITE | R_LOCAL))
    await bench.start()
    bench.ctl_rate = 0.02
    for room, lazy in ((1.0, 4), (0.7, 20), (0.95, 60)):
        bench.room, bench.lazy = room, lazy
        # A long WRITE over small frames may hold a channel for a whole phase: these come behind it.
        bench.stage_variety()
        await bench.step(1100)
    await bench.drain()
    bench.end(200)
    assert bench.counts["refused"] > 10 and bench.counts["fences"] > 3 and bench.counts["ctl"] > 5
    if Op.MIRROR in bench.supported:
        assert bench.counts["mirror_frames"] > 5 and Status.OVERLAP in bench.statuses
    if Op.READ in bench.supported:
        assert bench.counts["read_frames"] > 5
    assert bench.counts["read_takes"] == bench.counts["read_frames"]
    assert bench.counts["mirror_takes"] == bench.counts["mirror_frames"]
    assert bool(bench.counts["read_frames"]) == (Op.READ in bench.supported)
    assert bench.counts["takes"] == bench.counts["frames"] > 10 and bench.counts["sending"] > 10
    dut._log.info(f"{bench.counts} {sorted(bench.statuses)}")


@cocotb.test()
async def aborts(dut):
    """Stimulus: channels are aborted at random moments and with an operation under way, which loses a read instead now
    and then.
    Checking: what has begun ends with one token or CANCEL, soon; nothing begins; others go on."""
    bench = Bench(dut)
    bench.fault_rate, bench.long_rate = 0.0, 0.1
    await bench.start()
    for turn in range(30):
        await bench.step(bench.rng.randrange(5, 60))
        ch = bench.rng.randrange(bench.n)
        if turn % 4 > 1:
            await bench.until(lambda: bool(bench.under_way()), 1000, "an operation under way")
            ch = bench.rng.choice(bench.under_way())
        op = bench.cur[ch]
        if turn % 2 and op is not None and not op.over and op.tag >= 0:
            op.may_end = True
            bench.fails.append((ch, op.tag & (bench.ops - 1)))
            await bench.until(lambda op=op: op.over, 700, "end after a failed read")
            continue
        bench.run &= ~(1 << ch)
        await bench.step(6)  # what was picked before has come out
        if bench.cur[ch] is not None:
            bench.cur[ch].may_end = True
        bench.abort |= 1 << ch
        await bench.until(
            lambda ch=ch: bench.cur[ch] is None or bench.cur[ch].over, 700, "end after an abort"
        )
        await bench.step(10)
        assert not bench.get("ip") >> ch & 1
        bench.abort &= ~(1 << ch)
        bench.staged[ch].clear()
        bench.run |= 1 << ch
    await bench.drain()
    bench.end(50)
    assert bench.counts["ended"] > 3
    assert bench.counts["takes"] == bench.counts["frames"]


@cocotb.test()
async def failure_told_late(dut):
    """Stimulus: that an operation has failed (a read of it, or the peer's refusal of a MIRROR) is told in each cycle around the
    beginning of another one with several chunks (T2): of the one before it in the same channel or in another one, which have no
    chunks to come; of one of another channel, which has; and of the new one itself, from T3 on.
    Checking: what has not failed runs to its end, all of its chunks as the models say; what has, and has chunks to come, ends
    with ABORTED before its last chunk."""
    bench = Bench(dut)
    p, other = bench.p, bench.n - 1  # a bound channel; the same if there is only one
    bench.punctual()
    await bench.start()
    told: set = set()  # cycles behind T2, of one case and kind

    async def run(case: str, kind: Op, length: int, offset: int | None, ahead: int) -> int:
        """One beginning, with the failure so many cycles behind its T2, if the staging is 'ahead'. Returns what it was ahead."""
        first = None
        if case == "before" or case == "elsewhere":
            bench.stays = 30  # its index is nobody else's meanwhile
            first = await bench.begin_one(0 if case == "before" else other, bench.rng.choice([Op.COPY, Op.WRITE]), 8)
            await bench.until(lambda: first.over, 100, "the end of the first")
            await bench.step(4)  # its frame's reservation is over too
        elif case == "beside":
            first = await bench.begin_one(other, Op.COPY, length)
            await bench.until(lambda: first.done == 2, 100, "two chunks of the other channel")
        staged = bench.now
        if offset is not None and first is not None:
            first.may_end = case == "beside"
            bench.fail_at = (staged + ahead + offset, first.ch, bench.failed(first))
        op = await bench.begin_one(0, kind, length)
        bench.stays = 0
        if offset is not None and case == "itself":
            op.may_end = True
            bench.fail_at = (op.t_alloc + offset, 0, bench.failed(op))
        await bench.until(lambda: not bench.live and not bench.busy(0) and not bench.busy(other), 1000, "the end of all operations")
        await bench.until(lambda: not (bench.credit_back or bench.place_back or bench.slot_back), 100, "credits, places and slots")
        if offset is not None:
            failed = {"itself": op, "beside": first}.get(case)
            assert bench.fail_at[0] < bench.now
            told.add(bench.fail_at[0] - op.t_alloc)
            for o in {id(o): o for o in (op, first) if o is not None}.values():
                if o is failed:
                    assert o.ended == Status.ABORTED, f"{case}, {offset} cycles behind T2: {o.desc} has failed and went on"
                else:
                    assert o.ended is None and o.done == len(o.chunks), f"{case}, {offset} cycles behind T2: {o.desc} was stopped"
        bench.fail_at = None
        return op.t_alloc - staged

    length = max(5 * p["MAX_BURST_BYTES"], p["LINK_MTU"]) + 64
    kinds = [Op.COPY, Op.WRITE] + [Op.MIRROR] * (Op.MIRROR in bench.supported)
    for case, some in ("before", 3), ("elsewhere", 1), ("beside", 2), ("itself", 3):
        if case in ("elsewhere", "beside") and other == 0:
            continue
        # From the cycle before T0 on, to the cycle in which the next chunk may be picked.
        wanted = set(range(1, 9) if case == "itself" else range(-3, 8))
        for kind in kinds[:some]:
            told.clear()
            ahead = await run(case, kind, length, None, 0)
            for offset in sorted(wanted) * 2:
                if offset not in told:
                    ahead = await run(case, kind, length, offset, ahead)
            assert wanted <= told, f"{case}: never told {sorted(wanted - told)} cycles behind T2"
    bench.end(200)
    dut._log.info(f"{bench.now} cycles, {bench.counts}")


@cocotb.test()
async def failure_of_an_earlier_life(dut):
    """Stimulus: that a read of an operation has failed is told when the table has ended it (the sweeper does not wait for the read of
    a WRITE whose link is down), and its index belongs to the next operation of its channel. Checking: that one runs to its end."""
    bench = Bench(dut)
    bench.punctual()
    await bench.start()
    first = await bench.begin_one(0, Op.WRITE, 8)
    await bench.until(lambda: first.over and not bench.live, 200, "the end of the first in the table")
    bench.want = first.tag & (bench.ops - 1)
    op = await bench.begin_one(0, Op.COPY, 6 * bench.burst)
    assert op.tag != first.tag and (op.tag ^ first.tag) & (bench.ops - 1) == 0
    bench.fail_at = (bench.now + 10, 0, bench.failed(first))
    await bench.until(lambda: op.over, 400, "the end of the second")
    assert op.ended is None and op.done == len(op.chunks), "an operation was stopped that has not failed"


@cocotb.test()
async def pause_and_halt(dut):
    """Stimulus: channels are paused for a while; the node's fatal level stops everything.
    Checking: an open frame ends, then nothing of a paused channel is issued, and it goes on
    afterwards where it stopped; nothing is picked while halted."""
    bench = Bench(dut)
    bench.fault_rate = 0.0
    await bench.start()
    for _ in range(18):
        await bench.step(bench.rng.randrange(20, 100))
        ch = bench.rng.randrange(bench.n)
        bench.run &= ~(1 << ch)
        bench.hold |= 1 << ch
        await bench.step(200)
        bench.run |= 1 << ch
        bench.hold &= ~(1 << ch)
    bench.halt = 1
    await bench.step(8)
    before = bench.counts["chunks"]
    await bench.step(60)
    assert bench.counts["chunks"] == before
    bench.halt = 0
    await bench.drain()
    bench.end(50)


@cocotb.test()
async def revoked(dut):
    """Stimulus: segments are revoked, at random moments and while an operation has chunks to go.
    Checking: chunks before it are right; the operation ends with KEY_REVOKED, by CANCEL when
    something was sent; nothing is read through a revoked segment."""
    bench = Bench(dut)
    bench.fault_rate, bench.long_rate = 0.0, 0.1

    def revoke():
        for op in [o for o in bench.cur if o is not None]:
            op.may_end = True
        if bench.begin is not None:
            bench.begin.may_end = True
        for index in range(bench.p["SEGMENTS"] - 1):
            seg = bench.table.get(index)
            if seg.valid and seg.gen < 0xFFF and bench.rng.random() < 0.5:
                bench.table.revoke(index)

    await bench.start()
    for turn in range(50):
        await bench.step(bench.rng.randrange(10, 60))
        if turn % 2:
            await bench.until(bench.midway, 1000, "an operation under way")
        bench.table_write = revoke
        await bench.until(lambda: bench.table_write is None, 8, "a cycle without a look-up")
    await bench.drain()
    bench.end(50)
    assert Status.KEY_REVOKED in bench.statuses and bench.counts["ended"] > 2
    assert bench.counts["takes"] == bench.counts["frames"]


@cocotb.test()
async def peer_down(dut):
    """Stimulus: no peer is up; then some are, with no operation under way in between.
    Checking: WRITE is refused with PEER_DOWN, after the faults of its source; the others go on."""
    bench = Bench(dut)
    await bench.start()
    for up in (0, (1 << bench.peers) - 1, 0):
        bench.peer_up = up
        bench.limit = 40
        bench.new_rate = 0.5
        await bench.until(lambda: bench.limit == 0, 4000, "operations")
        await bench.drain()
    bench.end(60)
    assert Status.PEER_DOWN in bench.statuses


@cocotb.test()
async def peer_awaited(dut):
    """Stimulus: no peer is up and no channel may give up; then the peers come up, or the channels give up one after another, with
    pauses in between. Checking: no remote operation begins before, while local ones of channels that have no remote one in front
    do, and a channel without a peer ends with PEER_DOWN; then all of them do, well or with PEER_DOWN."""
    bench = Bench(dut)
    bench.fault_rate = 0.0
    await bench.start()
    unbound = sum((not b) << c for c, b in enumerate(bench.bind))   # crl_dma_linkwait never lets them wait
    waited = 0
    for turn in range(12):
        bench.peer_up = 0
        bench.give_up = unbound
        bench.new_rate, bench.limit = 0.5, 40
        # A pop may be taken back when its place has been filled again: then there are five.
        await bench.until(lambda: bench.limit == 0 or all(len(s) >= 4 for s in bench.staged), 4000, "operations")
        bench.limit = 0
        await bench.step(300)
        fronts = [s[0].opcode if s else None for s in bench.staged]
        for c, front in enumerate(fronts):
            assert front is None or (front in REMOTE_ALL and bench.bind[c]), f"channel {c} waits with {front!r} in front"
        waited += sum(f is not None for f in fronts)
        begun = bench.counts["ops"]
        await bench.step(200)
        assert bench.counts["ops"] == begun
        if turn % 3 == 0:
            for peer in range(bench.peers):
                bench.rise(peer)
        elif turn % 3 == 1:
            for c in range(bench.n):
                bench.give_up |= 1 << c
                await bench.step(bench.rng.randrange(30))
        else:  # a pause in between, then both
            bench.run = 0
            await bench.step(20)
            bench.give_up = unbound | bench.rng.getrandbits(bench.n)
            bench.run = (1 << bench.n) - 1
            await bench.step(100)
            assert all(not s or s[0].opcode in REMOTE_ALL for s in bench.staged)
            bench.give_up = (1 << bench.n) - 1
        await bench.drain()
    bench.end(60)
    assert waited >= 10 and {Status.OK, Status.PEER_DOWN} <= bench.statuses


@cocotb.test()
async def peer_lost(dut):
    """Stimulus: a peer goes down for a short or a long time while operations are under way, also of
    a paused channel.
    Checking: an open frame ends; then nothing of an operation that had begun is sent, not when the
    peer is back either, and no token ends it: that is for the operation table; what follows is right."""
    bench = Bench(dut)
    bench.fault_rate = 0.0
    await bench.start()

    def sending() -> list[int]:
        ops = enumerate(bench.cur)
        return [c for c, o in ops if o and o.desc.opcode in REMOTE_ALL and o.done and not o.over]

    lost = 0
    for turn in range(40):
        await bench.step(bench.rng.randrange(10, 80))
        await bench.until(sending, 2000, "a WRITE under way")
        ch = sending()[0]
        if turn % 3 == 0:
            bench.run &= ~(1 << ch)
            bench.hold |= 1 << ch
            await bench.step(bench.rng.randrange(40))
        ops = bench.fall(bench.peer[ch])
        lost += len(ops)
        await bench.step(bench.rng.choice([20, 30, 100]))
        bench.room = 0  # nothing is between its pick and its check when the peer is back
        await bench.step(8)
        bench.rise(bench.peer[ch])
        bench.room = 0.9
        await bench.step(60)
        await bench.until(
            lambda ops=ops: not any(bench.cur[o.ch] is o and bench.get("ip") >> o.ch & 1 for o in ops),
            200, "the end of all that the peer's loss ended",
        )  # fmt: skip
        for op in ops:
            op.over = True
        bench.run |= 1 << ch
        bench.hold &= ~(1 << ch)
    await bench.drain()
    bench.end(100)
    assert lost > 20 and bench.counts["takes"] == bench.counts["frames"]


@cocotb.test()
async def scoreboard_fails(dut):
    """Stimulus: a record that is off by one byte.
    Checking: the bench fails; and one that has compared nothing fails too."""
    bench = Bench(dut)
    await bench.start()
    await expects_failure(_nothing(bench))
    bench.sabotage = True
    await expects_failure(bench.step(1000))


async def _nothing(bench: Bench) -> None:
    bench.end(1)
