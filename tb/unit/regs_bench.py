# SPDX-License-Identifier: Apache-2.0
"""What the tests of the register block share: bus driver, event monitor, reference model."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge

from models.layout import PAGES, RegInfo, Segent
from tb.unit import regs_nvme_side as nvme
from tb.unit.stream import value

SERVED = {name: page for name, page in PAGES.items() if name != "NVME"}  # that page is the NVMe block's

ONES = (1 << 64) - 1


@dataclass
class Config:
    """Parameters of the node that registers depend on."""

    CHANNELS: int = 8
    PEERS: int = 1
    SEGMENTS: int = 32
    FUNC_W: int = 8
    DATA_W: int = 64
    LINK_W: int = 64
    PREFETCH: int = 64
    OPS: int = 128
    MAX_BURST_BYTES: int = 512
    LINK_MTU: int = 1024
    RX_SHARED: int = 24
    NVME_VECTORS: int = 0
    NVME_QUEUES: int = 0

    @property
    def CW(self) -> int:
        """Bits of a channel number."""
        return max(1, (self.CHANNELS - 1).bit_length())

    def copies(self, page: str) -> int:
        """How many copies of a page exist."""
        limits = {
            "CH": self.CHANNELS,
            "CHP": self.CHANNELS,
            "MSIX": self.NVME_VECTORS + self.CHANNELS + 1,
            "SEG": self.SEGMENTS,
            "PEER": self.PEERS,
            "FUNC": 1 << self.FUNC_W,
        }
        return limits.get(page, 1)


@dataclass
class Where:
    """A decoded address."""

    page: str
    index: int
    reg: str
    copy: int
    info: RegInfo


def decode(cfg: Config, addr: int) -> Where | None:
    """The register at an address, None for reserved space."""
    addr &= ~7
    for name, page in SERVED.items():
        index, offset = divmod(addr - page.base, page.stride)
        if not 0 <= index < cfg.copies(name):
            continue
        for reg, info in page.regs.items():
            copy, rest = divmod(offset - info.offset, info.stride)
            if rest == 0 and 0 <= copy < info.count:
                return Where(name, index, reg, copy, info)
    return None


def byte_mask(strb: int) -> int:
    """Bit mask of strobed bytes."""
    return sum(0xFF << 8 * i for i in range(8) if strb >> i & 1)


@dataclass
class Model:
    """What the registers hold and which events a write makes; from the register description."""

    cfg: Config
    locked: int = 0
    held: dict[tuple[str, int, str], int] = field(default_factory=dict)
    refused: dict[int, int] = field(default_factory=dict)
    last: int = 0
    events: deque = field(default_factory=deque)
    nvme: deque = field(default_factory=deque)  # writes for the NVMe block
    foreign_event: bool = False
    rev_ack: int = 0x5A17  # what the stub acknowledges

    def peek(self, page: str, index: int, reg: str) -> int:
        """Held value of a register, reset value if it was never written."""
        return self.held.get((page, index, reg), PAGES[page].regs[reg].reset)

    def fields(self, page: str, index: int, reg: str) -> dict[str, int]:
        """The fields of a held value."""
        word = self.peek(page, index, reg)
        info = PAGES[page].regs[reg].fields
        return {n: word >> f.lsb & (1 << f.width) - 1 for n, f in info.items()}

    def in_nvme(self, addr: int) -> bool:
        """Whether it lies in the NVMe block's part."""
        return self.cfg.NVME_VECTORS > 0 and addr < nvme.TOP

    def allowed(self, func: int, addr: int) -> bool:
        """Whether a function may access an address."""
        if func == 0:
            return True
        if self.in_nvme(addr):
            return not nvme.foreign(func, addr)
        index, rest = divmod(addr - PAGES["CH"].base, PAGES["CH"].stride)
        if addr < PAGES["CH"].base or index >= self.cfg.CHANNELS or rest < 0:
            return False
        owner = self.fields("CHP", index, "OWNER")
        return bool(owner["VALID"]) and owner["FUNC"] == func

    def refuse(self, func: int, addr: int, write: bool) -> None:
        """Count a refused access."""
        self.refused[func] = self.refused.get(func, 0) + 1
        self.last = 1 << 63 | int(write) << 62 | func << 32 | addr & 0x1FFFFF
        self.foreign_event = True

    def write(self, func: int, addr: int, data: int, strb: int) -> None:
        """Apply a write; the events that it must make go to `events`."""
        if self.in_nvme(addr):
            self.nvme.append((addr, func, data, strb))
        if not self.allowed(func, addr):
            self.refuse(func, addr, True)
            return
        where = decode(self.cfg, addr)
        if where is None:
            return
        key = (where.page, where.index, where.reg)
        if where.info.doorbell:
            if strb & 3:
                kind = {"DRING_PROD": "db", "CRING_CONS": "cdb", "RRING_PROD": "rdb"}[where.reg]
                self.events.append((kind, where.index, data & byte_mask(strb) & 0xFFFF))
            return
        if key[0] == "CH" and where.reg == "CTRL":
            if strb & 1:
                self.events.append(("cmd", where.index, data & 7))
            return
        if where.info.locked and self.locked >> where.index & 1:
            return
        mask = where.info.mask("rw")
        if where.page == "CHP" and where.reg == "OWNER":
            mask &= ~0xFFF | (1 << self.cfg.FUNC_W) - 1
        if not mask:
            return
        bits = mask & byte_mask(strb)
        self.held[key] = self.peek(*key) & ~bits | data & bits
        if key[::2] == ("NODE", "REVOKE") and strb & 3:
            self.events.append(("rev", 0, self.held[key]))
        if where.page == "CHP" and where.reg == "RETRY":
            if strb & 15:
                self.events.append(("retry", where.index, strb & 15, data & byte_mask(strb & 15)))
        elif where.page == "CHP":
            self.events.append(("cc", where.index, self.channel(where.index)))
        if where.page == "SEG" and where.reg == "CTRL":
            entry = self.segment(where.index)
            if not entry.valid:
                self.held[key] &= ~(1 << 63)
            self.events.append(("seg", where.index, entry.to_int()))

    def channel(self, index: int) -> tuple[int, ...]:
        """The values that leave with cc_we."""
        owner = self.fields("CHP", index, "OWNER")
        policy = self.fields("CHP", index, "POLICY")
        rate = self.fields("CHP", index, "RATE")
        bind = self.fields("CHP", index, "BIND")
        return (
            owner["FUNC"] if owner["VALID"] else 0,
            policy["CLASS"],
            policy["WEIGHT"],
            policy["MGMT"],
            rate["RATE"],
            rate["BURST"],
            policy["ABS"],
            policy["STOP_ON_ERROR"],
            bind["VALID"],
            bind["PEER"],
            bind["PEER_CH"],
        )

    def segment(self, index: int) -> Segent:
        """The entry that leaves with seg_we."""
        base = self.peek("SEG", index, "BASE")
        size = self.peek("SEG", index, "SIZE")
        ctrl = self.fields("SEG", index, "CTRL")
        possible = size <= 1 << 40 and base + size <= 1 << 64
        return Segent(
            base=base >> 12,
            size=size,
            peer=ctrl["PEER"],
            channel=ctrl["CHANNEL"],
            rights=ctrl["RIGHTS"],
            gen=ctrl["GEN"],
            valid=int(ctrl["VALID"] and possible),
        )

    def read(self, func: int, addr: int) -> int | None:
        """What a read gives; None when the engine or time decides."""
        if not self.allowed(func, addr):
            self.refuse(func, addr, False)
            return ONES
        if self.in_nvme(addr):
            return nvme.word(addr)
        where = decode(self.cfg, addr)
        if where is None:
            return 0
        name = (where.page, where.reg)
        cfg = self.cfg
        if name == ("NODE", "CAPS0"):
            return (
                cfg.CHANNELS
                | cfg.PEERS << 8
                | cfg.SEGMENTS << 12
                | (cfg.DATA_W // 8).bit_length() - 1 << 24
                | (cfg.LINK_W // 8).bit_length() - 1 << 28
                | cfg.PREFETCH << 32
                | cfg.OPS << 48
            )
        if name == ("NODE", "CAPS1"):
            return cfg.MAX_BURST_BYTES | cfg.LINK_MTU << 16 | cfg.FUNC_W << 32 | cfg.RX_SHARED << 40 | cfg.NVME_QUEUES << 48 | cfg.NVME_VECTORS << 56
        if name == ("NODE", "REVOKE"):
            return self.peek("NODE", 0, "REVOKE") | self.rev_ack << 32
        if name == ("NODE", "FOREIGN_LAST"):
            return self.last
        if name == ("FUNC", "FOREIGN_CNT"):
            return self.refused.get(where.index, 0)
        if name == ("NODE", "EVENT"):
            return self.peek("NODE", 0, "EVENT") | 4 * self.foreign_event
        if where.page == "CH" and (where.reg == "STATUS" or where.reg.endswith(("PROD", "CONS"))):
            return None
        if where.info.mask("wo"):
            return 0
        return self.peek(where.page, where.index, where.reg)


def engine_status(ch: int) -> dict[str, int]:
    """Made-up status of a channel, as the engine stub shows it."""
    rng = random.Random(f"status {ch}")
    return {
        "st_state": rng.randrange(7),
        "st_error": rng.randrange(128),
        "st_busy": rng.randrange(2),
        "st_dr_prod": rng.randrange(4096),
        "st_dr_cons": rng.randrange(4096),
        "st_cq_prod": rng.randrange(4096),
        "st_cq_cons": rng.randrange(4096),
        "st_rr_prod": rng.randrange(4096),
        "st_rr_cons": rng.randrange(4096),
    }


class Bench:
    """Clock, reset, stubs, bus driver and event monitor round crl_regs."""

    INPUTS = (
        *("s_axil_awvalid", "s_axil_awaddr", "s_axil_awuser", "s_axil_wvalid", "s_axil_wdata"),
        *("s_axil_wstrb", "s_axil_bready", "s_axil_arvalid", "s_axil_araddr", "s_axil_aruser"),
        *("s_axil_rready", "rc_ch", "rc_sel", "ch_locked", "peer_up", "peer_ev", "st_state"),
        *("st_error", "st_busy", "st_dr_prod", "st_dr_cons", "st_cq_prod", "st_cq_cons", "st_rr_prod", "st_rr_cons"),
        *("irq_valid", "irq_ch", "m_wb_ready", "m_wb_b_valid", "m_wb_b_resp", "ret_valid"),
        *("ret_ch", "ret_status", "rd_cnt_valid", "rd_cnt_ch", "rd_cnt_bytes", "wr_cnt_valid"),
        *("wr_cnt_ch", "wr_cnt_bytes", "stall", "clr_valid", "clr_ch", "fatal"),
        *("nv_rd_data", "nv_rd_foreign", "nv_foreign_valid", "nv_foreign_func", "nv_fire", "nv_line"),
    )

    def __init__(self, dut, parameters: dict) -> None:
        self.dut = dut
        self.swept = False  # the sweep after reset is over
        self.cfg = Config(**parameters)
        self.model = Model(self.cfg)
        self.nvme = nvme.NvmeSide(dut, cocotb.RANDOM_SEED)
        self.rng = random.Random(cocotb.RANDOM_SEED)
        self.cycle = 0
        self.seen: deque = deque()  # events of the block: (kind, channel, value)
        self.at: deque = deque()  # the cycles in which they came
        self.compared = 0
        self.gap = 0.0  # chance of holding back a valid or a ready, per cycle
        self.w_cycle = 0  # cycle of the latest W handshake
        self.r_latency = 0
        self.w_latency = 0

    async def start(self) -> None:
        """Start clock and background tasks, reset, wait for the sweep."""
        for name in self.INPUTS:
            getattr(self.dut, name).value = 0
        self.dut.rev_ack.value = self.model.rev_ack
        self.dut.rst.value = 1
        cocotb.start_soon(Clock(self.dut.clk, 10, unit="ns").start())
        cocotb.start_soon(self._monitor())
        cocotb.start_soon(self._engine())
        if self.cfg.NVME_VECTORS:
            cocotb.start_soon(self.nvme.run())
        await self.reset()

    async def reset(self, cycles: int = 3, wait: bool = True) -> None:
        """Reset; the model forgets everything, and the sweep's events are checked."""
        self.dut.rst.value = 1
        for _ in range(cycles):
            await RisingEdge(self.dut.clk)
        self.model = Model(self.cfg, locked=self.model.locked)
        self.seen.clear()
        self.at.clear()
        self.nvme.writes.clear()
        self.dut.rst.value = 0
        if wait:
            await self.ready()

    async def ready(self) -> None:
        """Wait for the sweep after reset; check what it sent."""
        while True:
            await FallingEdge(self.dut.clk)
            if value(self.dut.s_axil_awready):
                break
        none = (0,) * 11
        want = sorted(
            [("cc", c, none) for c in range(self.cfg.CHANNELS)]
            + [("seg", s, 0) for s in range(self.cfg.SEGMENTS)]
        )
        assert sorted(self.seen) == want
        self.swept = True
        self.seen.clear()
        self.at.clear()
        await RisingEdge(self.dut.clk)

    async def _engine(self) -> None:
        """Answer st_ch one cycle later."""
        while True:
            await RisingEdge(self.dut.clk)
            ch = self.dut.st_ch.value
            status = engine_status(int(ch) if ch.is_resolvable else 0)
            for name, number in status.items():
                getattr(self.dut, name).value = number

    async def _monitor(self) -> None:
        """Collect events, one list in the order of cycles."""
        dut, cfg = self.dut, self.cfg
        while True:
            await FallingEdge(dut.clk)
            self.cycle += 1
            if int(dut.rst.value):
                self.swept = False
                continue
            if value(dut.s_axil_wvalid) and value(dut.s_axil_wready):
                self.w_cycle = self.cycle
            assert self.cfg.NVME_VECTORS or not value(dut.nv_wr)
            found = []
            if value(dut.db_valid):
                found.append(("db", value(dut.db_ch), value(dut.db_val)))
            if value(dut.cdb_valid):
                found.append(("cdb", value(dut.cdb_ch), value(dut.cdb_val)))
            if value(dut.rdb_valid):
                found.append(("rdb", value(dut.db_ch), value(dut.db_val)))
            if value(dut.cmd_valid):
                found.append(("cmd", value(dut.cmd_ch), value(dut.cmd)))
            if value(dut.cc_we):
                names = ("func", "class", "weight", "mgmt", "rate", "burst", "abs", "stop", "bind")
                got = [value(getattr(dut, f"cc_{n}")) for n in (*names, "peer", "peer_ch")]
                found.append(("cc", value(dut.cc_ch), tuple(got)))
            if value(dut.retry_we) and self.swept:  # the sweep clears it too
                we = value(dut.retry_we)
                found.append(("retry", value(dut.retry_ch), we, value(dut.retry_data) & byte_mask(we)))
            if value(dut.rev_req):
                found.append(("rev", 0, value(dut.rev_seq)))
            if value(dut.seg_we):
                found.append(("seg", value(dut.seg_idx), value(dut.seg_entry)))
            for event in found:
                assert event[0] == "seg" or event[1] < cfg.CHANNELS
                self.seen.append(event)
                self.at.append(self.cycle)

    def _later(self) -> bool:
        return self.rng.random() < self.gap

    async def _send(self, prefix: str, ready: str, values: dict[str, int]) -> None:
        """Offer one beat on AW, W or AR until it is taken."""
        dut = self.dut
        while self._later():
            await RisingEdge(dut.clk)
        for name, number in values.items():
            getattr(dut, name).value = number
        getattr(dut, f"{prefix}valid").value = 1
        while True:
            await FallingEdge(dut.clk)
            taken = value(getattr(dut, ready))
            await RisingEdge(dut.clk)
            if taken:
                break
        getattr(dut, f"{prefix}valid").value = 0

    async def _take(self, prefix: str, payload: str) -> int:
        """Accept one beat on B or R; check that it is stable while it waits."""
        dut, held = self.dut, None
        ready, valid = getattr(dut, f"{prefix}ready"), getattr(dut, f"{prefix}valid")
        while True:
            go = not self._later()
            ready.value = int(go)
            await FallingEdge(dut.clk)
            here = value(valid)
            got = value(getattr(dut, payload)) if here else None
            assert held is None or got == held, "response withdrawn or changed"
            await RisingEdge(dut.clk)
            if here and go:
                ready.value = 0
                return got
            held = got

    async def write(self, addr: int, data: int, strb: int = 0xFF, func: int = 0) -> None:
        """One write, address and data in any order; the model follows."""
        begun = self.cycle
        aw = {"s_axil_awaddr": addr, "s_axil_awuser": func}
        w = {"s_axil_wdata": data, "s_axil_wstrb": strb}
        tasks = [
            cocotb.start_soon(self._send("s_axil_aw", "s_axil_awready", aw)),
            cocotb.start_soon(self._send("s_axil_w", "s_axil_wready", w)),
        ]
        resp = await self._take("s_axil_b", "s_axil_bresp")
        for task in tasks:
            await task
        assert resp == 0
        self.w_latency = self.cycle - begun
        self.model.write(func, addr, data, strb)

    async def read_raw(self, addr: int, func: int = 0) -> int:
        """One read, not compared."""
        begun = self.cycle
        ar = {"s_axil_araddr": addr, "s_axil_aruser": func}
        task = cocotb.start_soon(self._send("s_axil_ar", "s_axil_arready", ar))
        got = await self._take("s_axil_r", "s_axil_rdata")
        await task
        self.r_latency = self.cycle - begun
        return got

    async def read(self, addr: int, func: int = 0) -> int:
        """One read, compared with the model when that knows the answer."""
        got = await self.read_raw(addr, func)
        want = self.model.read(func, addr)
        if want is not None:
            assert got == want, f"{addr:#x} by {func}: {got:#x}, expected {want:#x}"
            self.compared += 1
        return got

    def registers(self, sample: int | None = None):
        """Every register: (address, page, index, name, info); at most `sample` copies of a page."""
        for page, info in SERVED.items():
            copies = list(range(self.cfg.copies(page)))
            if sample is not None and len(copies) > sample:
                copies = sorted({0, copies[-1], *self.rng.sample(copies, sample - 2)})
            for index in copies:
                for reg, what in info.regs.items():
                    for copy in range(what.count):
                        yield info.addr(reg, index, copy), page, index, reg, what

    async def settle(self, cycles: int = 12) -> None:
        """Let the events of the last writes come out."""
        for _ in range(cycles):
            await RisingEdge(self.dut.clk)

    async def check_events(self) -> None:
        """All events seen so far are those of the model, in order."""
        await self.settle()
        got, want = list(self.seen), list(self.model.events)
        # Configuration events come some cycles later than doorbells: two orders.
        for kinds in (("db", "cdb", "cmd"), ("cc", "seg"), ("retry",)):
            a = [e for e in got if e[0] in kinds]
            b = [e for e in want if e[0] in kinds]
            assert a == b, f"{kinds}: {a[-4:]} instead of {b[-4:]}"
        assert self.nvme.writes == self.model.nvme
        self.compared += len(want) + len(self.nvme.writes)
        self.nvme.writes.clear()
        self.model.nvme.clear()
        self.seen.clear()
        self.at.clear()
        self.model.events.clear()
