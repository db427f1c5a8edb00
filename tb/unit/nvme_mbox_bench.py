# SPDX-License-Identifier: Apache-2.0
"""Bench of crl_nvme_mbox: a processor on AXI4-Lite, and all neighbours; the golden model is models/nvme/mailbox.py.

`step` plays a cycle. The model sees a write when it is on offer, and what the neighbours bring in the cycle in which it comes; so values are
compared when things have settled (`settle`, `expect`), and what goes out whenever it does: each action once, in order, before B where the
contract says so, nothing that nobody asked for.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

from cocotb.triggers import FallingEdge, RisingEdge, Timer

from models.nvme.mailbox import FIELDS, Action, Mailbox, act
from models.nvme.mailbox_regs import PAGE_AT, REGS
from tb.unit.dma_lib import CycleBench
from tb.unit.nvme_mbox_sides import Sides
from tb.unit.nvme_page_bench import IDLE, HostPort

WITHIN = 8  # cycles to B or R
SOON = 8  # cycles until what is asked of a neighbour is out
BUSES = {"cfg": "cfg_we", "gr": "gr_we", "rg": "rg_we", "ns": "ns_we", "vec": "vec_we", "d": "d_go", "ab": "ab_valid", "started": "started"}
BEFORE_B = ("cfg", "gr", "rg", "ns", "vec")
AXIL = "awvalid awaddr wvalid wdata wstrb bready arvalid araddr rready".split()
SLVERR = 2


@dataclass(eq=False)
class Access:
    """One access of the processor. `lag`: cycles that AW and W come later."""

    addr: int
    data: int = 0
    strb: int = 0xF
    write: bool = True
    lag: tuple[int, int] = (0, 0)
    since: int = -1  # all of it is on offer
    aw: bool = False
    w: bool = False
    owed: list[Action] = field(default_factory=list)
    value: int = 0
    resp: int = -1
    took: int = -1


class Bench(Sides, CycleBench):
    """See above."""

    idle = IDLE | dict.fromkeys((
        "a_valid a_sqe z_ready hd_head rs2_ready rs2_got rb2_ready ab_done ab_found bad_valid bad_qid bad_cq bad_code bad_func sqf_valid sqf_qid "
        "cqf_valid cqf_qid lg_valid lg_qid lg_cid lg_status lg_nsid lg_lba start quiesce shut run asq acq asqs acqs d_done dropping d_stop_we "
        "d_stop_qid q_grant q_exec").split(), 0) | {f"s_axil_{n}": 0 for n in AXIL}

    def __init__(self, dut) -> None:
        super().__init__(dut)
        self.queues, self.lanes = self.p["QUEUES"], self.p["DATA_W"] // 8
        self.fetch = self.p.get("FETCH_DEPTH", 16)
        self.rate = {"aw": 1.0, "w": 1.0, "b": 1.0, "ar": 1.0, "r": 1.0, "z": 1.0, "rs": 1.0, "got": 1.0, "rb": 1.0, "a": 1.0}
        self.host = HostPort(self.lanes, self.rng)
        self.counted: Counter = Counter()
        self.by_others = False  # somebody else drives AXI
        self.sabotage = ""
        self.fresh()

    def fresh(self) -> None:
        """As after a reset."""
        self.m = Mailbox(self.queues, self.p["NAMESPACES"], self.p["FUNC_W"], self.p["MDTS_BYTES"], held=1 << 20)
        self.writes: deque[Access] = deque()
        self.reads: deque[Access] = deque()
        self.out: deque[tuple[int, Action]] = deque()  # came out, not asked for yet
        self.owed: deque[tuple[int, Action]] = deque()  # to come out, by when
        self.pulse: dict[str, int] = {}
        self.level = {"quiesce": 0, "shut": 0, "run": 0, "dropping": 0, "asq": 0, "acq": 0, "asqs": 0, "acqs": 0}
        self.host.forget()
        self.fresh_sides()

    async def begin(self, cycles: int = 3) -> Bench:
        await self.reset(cycles)
        self.fresh()
        await self.step(self.queues + 5)
        return self

    async def step(self, count: int = 1) -> None:
        """As in CycleBench; with `look_ups` they are answered in the same cycle."""
        for _ in range(count):
            if not self.look_ups:
                await super().step()
                continue
            self.inp = dict(self.idle)
            self.drive()
            self._apply()
            await Timer(1, "ns")
            self.look_up()
            self._apply()
            await FallingEdge(self.dut.clk)
            self.check()
            self.now += 1
            await RisingEdge(self.dut.clk)

    def hit(self, name: str) -> bool:
        rate = self.rate[name]
        return rate >= 1 or self.rng.random() < rate

    # ---- a cycle

    def drive(self) -> None:
        i = self.inp
        i.update(self.level)
        self.host.drive(i, self.now)
        self.drive_sides()
        if self.by_others:
            for n in AXIL:
                del i[f"s_axil_{n}"]
        else:
            self._drive_axil()
        i.update(self.pulse)
        self.pulse = {}

    def _drive_axil(self) -> None:
        i, rng = self.inp, self.rng
        i["s_axil_bready"], i["s_axil_rready"] = int(self.hit("b")), int(self.hit("r"))
        if self.writes:
            a = self.writes[0]
            if a.since < 0:
                a.lag = tuple(max(0, n - 1) for n in a.lag)
            i["s_axil_awvalid"] = int(not a.aw and (a.lag[0] == 0 or self.held_aw))
            i["s_axil_wvalid"] = int(not a.w and (a.lag[1] == 0 or self.held_w))
            i["s_axil_awaddr"] = a.addr if i["s_axil_awvalid"] else rng.getrandbits(13)
            i["s_axil_wdata"], i["s_axil_wstrb"] = (a.data, a.strb) if i["s_axil_wvalid"] else (rng.getrandbits(32), rng.getrandbits(4))
            self.held_aw, self.held_w = bool(i["s_axil_awvalid"]), bool(i["s_axil_wvalid"])
            if a.since < 0 and (a.aw or self.held_aw) and (a.w or self.held_w):
                a.since = self.now
                acts = self.m.write(a.addr, a.data, a.strb)
                a.resp = 0 if acts is not None else SLVERR
                self._asked(a, acts or [])
        if self.reads and not self.reads[0].aw:
            a = self.reads[0]
            a.lag = (max(0, a.lag[0] - 1), 0)
            if a.lag[0] == 0:
                i["s_axil_arvalid"], i["s_axil_araddr"] = 1, a.addr
                a.since = self.now if a.since < 0 else a.since

    def _asked(self, a: Access, acts: list[Action]) -> None:
        for x in acts:
            if x.name in BUSES:
                self.owed.append((self.now + WITHIN + SOON, x))
                a.owed.append(x)
            elif x.name == "dma":
                self.host.begin(self.transfer(x), self.m.page, self.bad)
                self.bad = {}
            else:
                self.asked_side(x)

    def check(self) -> None:
        self.host.check(self.inp, self.get, self.now)
        for name, pin in BUSES.items():
            if self.get(pin):
                values = {f: self.get("d_" + f if name == "d" else f"{name}_{f}") for f in FIELDS[name]}
                self._came(act(name, **values))
        if not self.by_others:
            self._check_axil()
        self.check_sides()
        for due, x in self.owed:
            assert self.now <= due or self.held_back, f"{x} did not come out"

    def _came(self, x: Action) -> None:
        if self.sabotage == f"{x.name}_lost":
            return
        if self.sabotage == x.name:
            x = Action(x.name, (x.values[0] ^ 1, *x.values[1:]))
        if self.came_from_start(x):
            return
        mine = next((o for o in self.owed if o[1].name == x.name), None)
        assert mine, f"{x}, and nobody asked for it"
        want = mine[1]
        same = x.values == want.values or (x.name == "cfg" and self._cut(want) == x)
        assert same, f"{x}, expected {want}"
        self.owed.remove(mine)
        for a in self.writes:
            if want in a.owed:
                a.owed.remove(want)
        self.counted[x.name] += 1
        self.compared += 1
        self.came(x)

    def _cut(self, x: Action) -> Action:
        """Of a CFG: as wide as the bus is."""
        v = dict(zip(FIELDS["cfg"], x.values, strict=True))
        qw, fw = self.queues.bit_length(), self.p["FUNC_W"]
        v["cqid"] &= (1 << qw) - 1
        v["func"] &= (1 << fw) - 1
        return act("cfg", **v)

    def _check_axil(self) -> None:
        g, i = self.get, self.inp
        if self.writes:
            a = self.writes[0]
            a.aw |= bool(i["s_axil_awvalid"] and g("s_axil_awready"))
            a.w |= bool(i["s_axil_wvalid"] and g("s_axil_wready"))
            if g("s_axil_bvalid"):
                assert a.since >= 0, "B before the write was all there"
                if a.took < 0:
                    a.took = self.now - a.since
                    assert a.took <= self.within or self.held_back, f"B after {a.took} cycles: {a}"
                    late = [x for x in a.owed if x.name in BEFORE_B]
                    assert not late, f"B before {late[0]}"
                    assert g("s_axil_bresp") == a.resp, f"B {g('s_axil_bresp')}, expected {a.resp}: {a}"
                if i["s_axil_bready"]:
                    assert a.aw and a.w
                    self.writes.popleft()
            assert a.since < 0 or a.took >= 0 or self.now - a.since <= self.within or self.held_back, f"no B: {a}"
        else:
            assert not g("s_axil_bvalid"), "a B that nobody waits for"
        if self.reads:
            a = self.reads[0]
            a.aw |= bool(i["s_axil_arvalid"] and g("s_axil_arready"))
            if g("s_axil_rvalid"):
                assert a.since >= 0, "R before AR"
                a.took = self.now - a.since if a.took < 0 else a.took
                assert a.took <= self.within, f"R after {a.took} cycles: {a}"
                if i["s_axil_rready"]:
                    a.resp = g("s_axil_rresp")
                    a.value = g("s_axil_rdata") if not a.resp else 0
                    self.reads.popleft()
            assert a.since < 0 or a.took >= 0 or self.now - a.since <= self.within, f"no R: {a}"
        else:
            assert not g("s_axil_rvalid"), "an R that nobody waits for"

    # ---- the processor

    async def write(self, name: str | int, data: int = 0, strb: int = 0xF, index: int = 0, lag: tuple[int, int] | None = None, wait: bool = True) -> Access:
        addr = name if isinstance(name, int) else REGS[name].offset + 4 * index
        a = Access(addr, data, strb, lag=lag or (0, 0))
        self.writes.append(a)
        while wait and a in self.writes:
            await self.step()
        return a

    async def read(self, name: str | int, index: int = 0) -> int:
        a = await self.look(name if isinstance(name, int) else REGS[name].offset + 4 * index)
        assert a.resp == 0, f"an error response: {a}"
        return a.value

    async def look(self, addr: int) -> Access:
        a = Access(addr, write=False)
        self.reads.append(a)
        while a in self.reads:
            await self.step()
        return a

    async def expect(self, name: str | int, index: int = 0, mask: int = 0xFFFFFFFF) -> int:
        """Read, and compare with the model. For when things have settled."""
        addr = name if isinstance(name, int) else REGS[name].offset + 4 * index
        want = self.m.read(addr)
        assert want is not None
        got = await self.read(addr)
        want ^= self.sabotage == "read"
        assert (got ^ want) & mask == 0, f"{name} {index or ''} reads {got:#x}, expected {want:#x}"
        self.compared += 1
        return got

    async def wide(self, name: str, value: int, words: int) -> None:
        for n in range(words):
            await self.write(f"{name}{n}", value >> 32 * n & 0xFFFFFFFF)

    async def settle(self, cycles: int = 12) -> None:
        await self.step(cycles)
        assert not self.out

    async def quiet(self, limit: int = 400) -> None:
        """Until nothing is owed any more."""
        await self.until(lambda: not (self.writes or self.reads or self.owed or self.busy_sides()), limit, "something is owed")
        await self.settle()

    def end(self, at_least: int) -> None:
        assert self.compared >= at_least, f"only {self.compared} comparisons"


__all__ = ["PAGE_AT", "SLVERR", "Access", "Bench"]
