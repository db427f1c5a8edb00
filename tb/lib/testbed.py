# SPDX-License-Identifier: Apache-2.0
"""The bench around one to three nodes: clocks, resets, memories, register players, link pipes.

    tb = Testbed(dut)
    await tb.start(period_a=10_000, period_b=7_300, period_l=6_100, seed=5)
    value = await tb.a.axil.read(reg_addr("NODE", "IDENT"))

The tops are `crl_tb_node` (one side, `a`), `crl_tb_pair` (`a` and `b`) and `crl_tb_trio` (`c` too, a link between
each two). `SYSTEM_SOURCES` are the test components, to be given to `run_sim(sources=...)`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cocotb.triggers import FallingEdge, First, RisingEdge, Timer
from cocotb.utils import get_sim_time

from models.gen.carillon_layout import PAGES, reg_addr, reg_field, reg_value
from tb.lib.axil_player import AxilPlayer
from tb.lib.fastmem import FastMemory
from tb.lib.sim import sim_parameters

SYSTEM_SOURCES = (
    "tb/components/crl_tb_mem.sv",
    "tb/components/crl_tb_axil.sv",
    "tb/components/crl_tb_linkpipe.sv",
    "tb/system/crl_tb_side.sv",
    "tb/system/crl_tb_node.sv",
    "tb/system/crl_tb_pair.sv",
)
TRIO_SOURCES = (*SYSTEM_SOURCES, "tb/system/crl_tb_trio.sv")

DEFAULTS: Mapping[str, int] = {
    "DATA_W": 64, "CHANNELS": 8, "PEERS": 1, "SEGMENTS": 32, "READS_IN_FLIGHT": 64,
    "WRITES_IN_FLIGHT": 64, "MAX_BURST_BYTES": 512, "OPS": 128, "LINK_MTU": 1024, "READ_EN": 1, "SEND_EN": 1,
    "FUNC_W": 8, "ID_W": 4, "STALL_MAX_CYCLES": 65536, "OP_TIMEOUT_CYCLES": 1048576,
    "KEEPALIVE_CYCLES": 4096,
}


def link_defaults(values: dict[str, int]) -> None:
    """What depends on the width of the link, as in crl_node."""
    values.setdefault("LINK_W", values["DATA_W"])
    wide = values["LINK_W"] > 128
    values.setdefault("RX_SHARED", 3 * values["LINK_W"] // 16 if wide else 24)
    values.setdefault("REPLAY_FRAMES", values["LINK_W"] // 4 if wide else 32)


STORE_W = {"crl_tb_node": 24, "crl_tb_pair": 23, "crl_tb_trio": 23}


class NoProgress(AssertionError):
    """Something that had to happen did not happen in time."""


@dataclass(frozen=True)
class Parameters:
    """Parameters of the nodes, defaults filled in."""

    values: Mapping[str, int]

    def __getattr__(self, name: str) -> int:
        try:
            return self.values[name.upper()]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def sends(self) -> bool:
        """The build has SEND: messages, and the registers of the receive ring."""
        return bool(self.send_en) and "RRING_BASE" in PAGES["CH"].regs

    @property
    def mirrors(self) -> bool:
        return bool(self.values.get("MIRROR_EN", 0))

    @classmethod
    def of_this_run(cls, top: str) -> Parameters:
        values = {**DEFAULTS, "STORE_W": STORE_W.get(top, 23), **sim_parameters()}
        if top == "crl_tb_trio":
            values["PEERS"] = sim_parameters().get("PEERS", 2)
        link_defaults(values)
        values.setdefault("ATOMIC_EN", values["READ_EN"])
        values.setdefault("MIRROR_EN", values["READ_EN"])
        values.setdefault("PREFETCH", max(64, 4 * values["CHANNELS"]))
        return cls(values)


class LinkPipe:
    """One direction of the link (`crl_tb_linkpipe`)."""

    def __init__(self, handle: Any) -> None:
        self.handle = handle
        self._toggled: dict[str, int] = {}

    def set(self, **settings: int) -> None:
        for key, value in settings.items():
            getattr(self.handle, f"cfg_{key}").value = value

    def get(self, name: str) -> int:
        return int(getattr(self.handle, name).value)

    def reseed(self, seed: int) -> None:
        """Start of the random faults and stalls: the same seed gives the same ones."""
        self.set(seed=seed & 0xFFFFFFFF or 1)
        self._toggle("cfg_reseed")

    def faults(self, *, ber: float = 0, burst: float = 0, burst_len: int = 32, drop: float = 0,
               dup: float = 0, swap: float = 0, swap_max: int = 4, swap_cycles: int = 200,
               trim: float = 0, join: float = 0, hold: float = 0, hold_max: int = 100) -> None:
        """Rates of random faults, all of them: what is not named is off. `ber` and `burst` a bit, `drop`,
        `dup`, `swap` (held back behind up to `swap_max` frames or for `swap_cycles`), `trim` (the tail
        is missing) and `join` (the end is missing) a frame, `hold` a cycle."""
        self.set(
            ber_bits=round(1 / ber) if ber else 0, burst_bits=round(1 / burst) if burst else 0,
            burst_len=burst_len, p_drop=_chance(drop), p_dup=_chance(dup), p_swap=_chance(swap),
            swap_max=swap_max, swap_cycles=swap_cycles, p_trim=_chance(trim), p_join=_chance(join),
            p_hold=_chance(hold), hold_max=hold_max,
        )

    def clean(self) -> None:
        """No faults, no stalls, no cut, no hold under way, and the chosen one forgotten."""
        self.faults()
        self.set(p_in=0, p_out=0, stall=0, cut=0, cut_in=0, fault_n=0, late=0)
        self.heal()

    def cut(self, after: int = 1, cycles: int = 0, *, pin: bool = True, late: int = 0) -> None:
        """Cut this direction `after` cycles from now, for `cycles` (0: until `heal`); `pin`: the receiver's
        link_up pin is low meanwhile, else there is only silence; `late`: the last whole frame before the cut comes once
        more, that many cycles after it began, at its end at the earliest."""
        self.set(cut_pin=int(pin), cut_len=cycles, late=late, cut_in=max(1, after))

    def heal(self) -> None:
        self._toggle("cfg_heal")

    def _toggle(self, name: str) -> None:
        self._toggled[name] = self._toggled.get(name, int(getattr(self.handle, name).value)) ^ 1
        getattr(self.handle, name).value = self._toggled[name]

    def flip(self, n: int = 1, *, beat: int = 0, bit: int = 3, ftype: int | None = None,
             ch: int | None = None) -> None:
        """Flip a bit of the n-th frame from now that has this type and source channel."""
        self._fault(0, n, beat, bit, ftype, ch)

    def lose(self, n: int = 1, *, ftype: int | None = None, ch: int | None = None) -> None:
        """Lose the n-th frame from now that has this type and source channel."""
        self._fault(1, n, 0, 0, ftype, ch)

    def double(self, n: int = 1, *, ftype: int | None = None, ch: int | None = None) -> None:
        """Send the n-th frame from now that has this type and source channel twice."""
        self._fault(2, n, 0, 0, ftype, ch)

    def hold_back(self, n: int = 1, *, ftype: int | None = None, ch: int | None = None) -> None:
        """The n-th frame from now that has this type and source channel comes behind later ones."""
        self._fault(3, n, 0, 0, ftype, ch)

    def _fault(self, kind: int, n: int, beat: int, bit: int, ftype: int | None, ch: int | None):
        self.set(
            fault_kind=kind, fault_n=n, fault_beat=beat, fault_bit=bit,
            fault_type=0x100 if ftype is None else ftype, fault_ch=0x100 if ch is None else ch,
        )


def _chance(p: float) -> int:
    """n/65536; a rate that is not 0 does not become 0."""
    return min(0xFFFF, max(1, round(p * 65536))) if p else 0


class Side:
    """One node with what surrounds it."""

    def __init__(self, top: Any, letter: str, params: Parameters, run_dir: str = ".") -> None:
        self.top = top
        self.letter = letter
        self.name = letter.upper()
        self.params = params
        self.handle = getattr(top, letter)
        self.clk = getattr(top, f"clk_{letter}")
        self.rst = getattr(top, f"rst_{letter}")
        self.link_rst = getattr(top, f"lrst_{letter}")
        self.link_up = getattr(top, f"link_up_{letter}")
        self.irq = getattr(top, f"irq_{letter}")
        self.mem = FastMemory(
            self.handle.mem, f"mem_{letter}", store_w=params.store_w, data_w=params.data_w,
            run_dir=run_dir,
        )
        self.axil = AxilPlayer(self.handle.axil, f"axil_{letter}", run_dir)
        self.period = 10_000  # ps
        self.resets: list[int] = []  # times, for the monitors

    @property
    def cycle(self) -> int:
        return int(self.handle.cycle.value)

    async def cycles(self, count: int) -> None:
        """Let that many cycles of this side's clock pass; costs one wake-up."""
        if count > 0:
            await Timer(count * self.period, "ps")

    async def reset(self, *, link: bool = True, hold_ns: int = 200) -> None:
        """Assert the resets of the node for a while; the link pins go down as well."""
        self.resets.append(int(get_sim_time("ps")))
        self.rst.value = 1
        if link:
            self.link_rst.value = 1
            self.link_up.value = 0
        await Timer(hold_ns, "ns")
        await FallingEdge(self.clk)
        self.rst.value = 0
        if link:
            await FallingEdge(self.top.clk_l)
            self.link_rst.value = 0
        await RisingEdge(self.clk)
        await RisingEdge(self.clk)

    async def completions(self, count: int, timeout_ns: float = 10_000_000) -> None:
        """Wait until `count` completion entries have their B since the counters were cleared."""
        mem = self.mem.handle
        mem.cfg_cpl_target.value = count
        if int(mem.st_cpl.value) >= count:
            return
        done = RisingEdge(mem.st_cpl_hit)
        limit = Timer(timeout_ns, "ns")
        if await First(done, limit) is limit:
            raise NoProgress(
                f"node {self.name}: {int(mem.st_cpl.value)} of {count} completions after "
                f"{timeout_ns:g} ns"
            )

    def check_rules(self) -> None:
        """No AXI rule was broken on this side."""
        mem, axil = self.mem, self.handle.axil
        broken = mem.get("viol_count")
        assert broken == 0, f"node {self.name}: {broken} AXI rules broken, last {mem.get('viol_code')}"
        assert int(axil.st_errors.value) == 0, f"node {self.name}: AXI-Lite rules broken"


@dataclass(frozen=True)
class Link:
    """A link between two sides: places in `Testbed.sides`, and the peer index that each has of the other."""

    near: int
    near_peer: int
    far: int
    far_peer: int

    @property
    def ends(self) -> tuple[tuple[int, int, int], ...]:
        """(side, its peer index, the other side), from each end."""
        return (self.near, self.near_peer, self.far), (self.far, self.far_peer, self.near)


class Testbed:
    """Clocks, resets, and one to three sides."""

    __test__ = False  # not a pytest class

    def __init__(self, dut: Any, run_dir: str = ".") -> None:
        self.dut = dut
        self.params = Parameters.of_this_run(dut._name)
        self.sides: list[Side] = []
        for letter in "abc":
            if hasattr(dut, f"rst_{letter}"):
                side = Side(dut, letter, self.params, run_dir)
                self.sides.append(side)
                setattr(self, letter, side)
        self.pair = len(self.sides) > 1
        n = len(self.sides)
        self.links = [Link(i, 0, (i + 1) % n, self.params.peers - 1) for i in range(n)] if n > 2 else \
            [Link(0, 0, 1, 0)] if n == 2 else []
        self.pipes: dict[str, LinkPipe] = {}  # by name: a2b carries from a to b
        for link in self.links:
            for near, _, far in link.ends:
                name = f"{self.sides[near].letter}2{self.sides[far].letter}"
                self.pipes[name] = LinkPipe(getattr(dut, name))
                setattr(self, name, self.pipes[name])

    async def start(
        self,
        *,
        period_a: int = 10_000,
        period_b: int = 10_000,
        period_c: int = 10_000,
        period_l: int = 10_000,
        seed: int = 1,
        log: bool = False,
        windows: Mapping[str, Sequence[int]] | None = None,
        replay: bool = False,
    ) -> None:
        """Set the clocks (periods in ps, even), reset everything, seed the random patterns."""
        self.dut.period_l.value = period_l
        for side, period in zip(self.sides, (period_a, period_b, period_c), strict=False):
            getattr(self.dut, f"period_{side.letter}").value = side.period = period
        longest = max(period_l, *(side.period for side in self.sides))
        if replay and self.pair:
            await self._align(longest)
        await Timer(longest * 4, "ps")
        for i, side in enumerate(self.sides):
            if windows and side.name in windows:
                await side.mem.windows(windows[side.name])
            else:
                await side.mem.flat()
            await side.mem.seed(seed * 7919 + i + 1)
            if replay:
                side.axil.reseed(seed * 17 + i)
            if log:
                await side.mem.log_open()
                await side.axil.log_open()
        if replay and self.pair:
            for i, pipe in enumerate(self.pipes.values()):
                pipe.reseed(seed * 31 + i)
        await self.reset_all()

    async def _align(self, longest: int) -> None:
        """Stop the clocks and start them together."""
        self.dut.run.value = 0
        await Timer(longest * 4, "ps")
        self.dut.run.value = 1

    async def reset_all(self) -> None:
        for side in self.sides:
            side.rst.value = side.link_rst.value = 1
            side.link_up.value = 0
            side.resets.append(int(get_sim_time("ps")))
        await Timer(200, "ns")
        await FallingEdge(self.dut.clk_l)
        for side in self.sides:
            side.link_rst.value = 0
        for side in self.sides:
            await FallingEdge(side.clk)
            side.rst.value = 0
        await Timer(100, "ns")

    def link(self, up: bool) -> None:
        """The PHY's pins."""
        for side in self.sides:
            side.link_up.value = int(up)

    async def link_setup(self, *, epoch: int = 1, nodes: Sequence[int] = (1, 2, 3),
                         timeout_us: int = 500) -> None:
        """Node numbers, peer tables, pins; waits for PEER_STATUS.UP at all ends."""
        for side, number in zip(self.sides, nodes, strict=False):
            await side.axil.write(reg_addr("NODE", "NUMBER"), number)
        for link in self.links:
            for near, peer, far in link.ends:
                await self.sides[near].axil.write(
                    reg_addr("PEER", "CTRL", peer),
                    reg_value("PEER", "CTRL", NODE=nodes[far], EPOCH=epoch, ENABLE=1),
                )
        self.link(True)
        await self.wait_link(timeout_us=timeout_us)

    async def wait_link(self, up: bool = True, *, links: Sequence[Link] | None = None, timeout_us: int = 500,
                        step_ns: int = 500) -> None:
        ends = [end for link in links or self.links for end in link.ends]
        for _ in range(timeout_us * 1000 // step_ns):
            seen = [
                reg_field("PEER", "STATUS", "UP", await self.sides[near].axil.read(reg_addr("PEER", "STATUS", peer)))
                for near, peer, _ in ends
            ]
            if all(bool(x) == up for x in seen):
                return
            await Timer(step_ns, "ns")
        raise NoProgress(f"link {'up' if up else 'down'}: seen {seen} after {timeout_us} us")

    def check_rules(self) -> None:
        for side in self.sides:
            side.check_rules()
        for name, pipe in self.pipes.items():
            assert pipe.get("st_errors") == 0, f"link {name}: AXI-Stream rules broken"
