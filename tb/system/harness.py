# SPDX-License-Identifier: Apache-2.0
"""Set-up of two nodes for a system test, and its end: everything over, logs closed, model asked.

    sys = System(dut, seed)
    await sys.begin(SystemConfig(channels=4))
    ...                                      # traffic through sys.channel("A", 2)
    report = await sys.finish()              # raises when the model disagrees

pyuvm tests use the same object (see base_test.py); short directed tests use it directly.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cocotb
from cocotb.task import Task
from cocotb.triggers import Timer

from models.gen.carillon_layout import Cmd, Desc, Op, State, Status, reg_addr, reg_field, reg_value
from models.pair import Pair, Report
from tb.lib.driver import ALL_RIGHTS, ANY_PEER, ChannelDriver, NodeDriver, RingPlace, seg_address
from tb.lib.recorder import Recorder, now
from tb.lib.testbed import NoProgress, Side, Testbed
from tb.system import coverage
from tb.system.channel_agent import Consumer, settle
from tb.system.generator import Generator
from tb.system.items import Mix
from tb.system.places import PAGE, Region, largest_rings, recv_place, regions, ring_places, windows
from tb.system.poster import Poster, Posting
from tb.system.scoreboard import make_pair


@dataclass
class SystemConfig:
    """What a test chooses; None: drawn from the seed."""

    channels: int | None = None  # channels in use a node; default: all
    ring_log2: tuple[int, int] | None = None
    absolute: float = 0.2  # chance that a channel is function 0's and uses absolute addresses
    latency: int | None = None
    back_pressure: int | None = None
    delay: int | None = None
    link: bool = True
    link_stalls: bool = True
    mix: Mix = field(default_factory=Mix)
    stop_on_error: bool = False
    retry: tuple[int, ...] | None = None  # CHP.RETRY: further attempts of messages, and their time; LINK_WAIT
    recv_log2: tuple[int, int] = (2, 4)  # of receive rings, where the build has them
    posting: Posting = field(default_factory=Posting)  # how their software posts buffers, once `start_posters` is called
    lazy: float = 0.3
    periods: tuple[int, int, int] | None = None
    frames: bool = True  # check the wire as well
    qos: bool = True  # random classes, weights and rates
    replay: bool = False  # the run depends on the seed alone, not on what was simulated before


class System:
    """Two nodes, set up for traffic in both directions."""

    def __init__(self, dut: Any, seed: int | None = None) -> None:
        self.seed = int(os.environ["CRL_SEED"]) if seed is None else seed
        self.rng = random.Random(self.seed)
        self.tb = Testbed(dut)
        self.recorder = Recorder(self.tb)
        self.pair: Pair = make_pair(self.tb.params, self.tb.pair)
        self.nodes: dict[str, NodeDriver] = {}
        self.regions: dict[str, list[Region]] = {}
        self.consumers: dict[tuple[str, int], Consumer] = {}
        self.config = SystemConfig()
        self.rings: dict[tuple[str, int], int] = {}
        self.rounds = 0  # channels that were set up
        self.posters: dict[tuple[str, int], Poster] = {}
        self._posting: dict[tuple[str, int], Task] = {}

    # ------------------------------------------------------------------ handles
    def side(self, name: str) -> Side:
        return next(side for side in self.tb.sides if side.name == name)

    def far(self, name: str, ch: int) -> tuple[str, int]:
        """The node and the channel that a channel is bound to."""
        return "B" if name == "A" else "A", ch

    def channel(self, name: str, ch: int) -> ChannelDriver:
        return self.nodes[name].channels[ch]

    @property
    def names(self) -> list[str]:
        return [side.name for side in self.tb.sides]

    # ------------------------------------------------------------------ begin
    async def begin(self, config: SystemConfig | None = None) -> None:
        """Clocks, resets, memories, link, segments, channels; all channels ACTIVE."""
        self.config = c = config or SystemConfig()
        rng, params = self.rng, self.tb.params
        use = c.channels or params.channels
        periods = c.periods or tuple(rng.randrange(4000, 12000, 2) for _ in range(3))
        for side in self.tb.sides:
            side.mem.quiet()
        places = windows(1 << (params.store_w - 2))
        await self.tb.start(
            period_a=periods[0], period_b=periods[1], period_l=periods[2], seed=self.seed & 0xFFFFFF,
            windows={name: places for name in self.names}, replay=c.replay,
        )
        self.pair.periods = {side.name: side.period for side in self.tb.sides}
        await self.recorder.open()
        for side in self.tb.sides:
            latency = rng.choice((0, 1, 5, 20, 100)) if c.latency is None else c.latency
            level = rng.choice((0, 0, 40, 120)) if c.back_pressure is None else c.back_pressure
            side.mem.set(latency=latency, jitter=rng.choice((0, 7)) if level else 0,
                         reorder=int(level > 0))
            side.mem.back_pressure(level)
            if level:
                coverage.sample_disturbance("back_pressure")
            side.axil.set(p_gap=rng.choice((0, 60)), p_ready=rng.choice((0, 60)))
            self.nodes[side.name] = NodeDriver(side)
            self.regions[side.name] = regions(params.channels, side.mem.size, places)
            await self.load_memory(side, use)
        if self.tb.pair:
            for pipe in self.tb.pipes.values():
                pipe.set(delay=rng.choice((1, 3, 10, 50)) if c.delay is None else c.delay,
                         p_in=rng.choice((0, 30)) if c.link_stalls else 0,
                         p_out=rng.choice((0, 30)) if c.link_stalls else 0)
            if c.link:
                await self.link_up()
        for name in self.names:
            for ch in range(use):
                await self.set_up_channel(name, ch)

    async def load_memory(self, side: Side, use: int) -> None:
        """Random sources, a pattern in all other places, told to the model."""
        # The last byte of all takes a message of one byte (Poster.bad), whether a channel has that window or not.
        await side.mem.fill((1 << 64) - PAGE, PAGE, 0xE7E6_E5E4_E3E2_E1E0)
        for ch, region in enumerate(self.regions[side.name]):
            if ch >= use:
                break
            rest = region.src.end
            await side.mem.fill(region.base, region.src.base - region.base, 0)
            await side.mem.write(region.src.base, self.rng.randbytes(region.src.size))
            await side.mem.fill(rest, region.base + region.size - rest, 0xE7E6_E5E4_E3E2_E1E0)

    async def link_down(self) -> None:
        """Cut the link, told as a fault; both ends have seen it when this returns."""
        for name in self.names:
            self.recorder.fault(self.side(name), "link_down")
        self.tb.link(False)
        await self.tb.wait_link(False)
        for name in self.names:
            self.recorder.link_state(self.side(name), False)

    async def link_up(self, *, epoch: int = 1) -> None:
        await self.tb.link_setup(epoch=epoch)
        for side in self.tb.sides:
            self.recorder.link_state(side, True)

    async def set_up_channel(self, name: str, ch: int, *, enable: bool = True, **policy: Any):
        """Segment, owner, policy, binding, rings."""
        rng, node, region = self.rng, self.nodes[name], self.regions[name][ch]
        c = self.config
        self.rounds += 1
        most = largest_rings(region)
        d_log2, c_log2 = c.ring_log2 or (rng.randint(2, most), rng.randint(2, most))
        d_log2, c_log2 = min(d_log2, most), min(c_log2, most)
        self.rings[name, ch] = d_log2
        dr, cr = ring_places(region, d_log2, c_log2)
        absolute = policy.pop("absolute", rng.random() < c.absolute)
        func = policy.pop("func", 0 if absolute else 1 + rng.randrange((1 << self.tb.params.func_w) - 1))
        gen = rng.randrange(16)
        await node.segment(ch, base=region.base, size=region.segment_size, rights=ALL_RIGHTS,
                           channel=ch, gen=gen, peer=policy.pop("seg_peer", ANY_PEER))

        def value(addr: int) -> int | None:
            return None if absolute else node.address(ch, region.offset(addr))

        mine = random.Random(f"receive {self.seed} {name} {ch} {self.rounds}")  # other draws are as without
        place = recv_place(region, d_log2, c_log2, mine.randint(*c.recv_log2)) if self.tb.params.sends else None
        rr = RingPlace(*place, value(place[0])) if place else None

        if c.qos:
            policy.setdefault("cls", rng.choice((0, 0, 1, 2, 3)))
            policy.setdefault("weight", rng.choice((0, 1, 2, 7, 255)))
            policy.setdefault("mgmt", ch == 0)
            if rng.random() < 0.15:
                policy.setdefault("rate", rng.randrange(64, 2000))
                policy.setdefault("burst", rng.randrange(512, 8192))
        policy.setdefault("stop_on_error", c.stop_on_error)
        driver = await node.channel(
            ch, dr=RingPlace(dr, d_log2, value(dr)), cr=RingPlace(cr, c_log2, value(cr)),
            func=func, absolute=absolute, rr=rr,
            peer_ch=policy.pop("peer_ch", ch if self.tb.pair else None), **policy,
        )
        if c.retry:
            await driver.retry(*c.retry)
        self.consumers[name, ch] = Consumer(driver, random.Random(rng.getrandbits(32)), c.lazy)
        if rr:
            self.posters[name, ch] = Poster(
                driver, region, mine, c.posting, lambda a: a if absolute else node.address(ch, region.offset(a)),
                lambda: (1 << 64) - 1 if absolute else seg_address(ch, region.offset(region.recv.base), node.segments[ch].gen - 1 & 0xFFF))
        if enable:
            await driver.enable()
        return driver

    # ------------------------------------------------------------------ receive buffers
    def start_posters(self, names: str = "AB", chans: list[int] | None = None) -> None:
        """From now on the software of these channels posts receive buffers."""
        for key, poster in self.posters.items():
            if key[0] in names and (chans is None or key[1] in chans) and key not in self._posting:
                poster.stopped = False
                self._posting[key] = cocotb.start_soon(poster.run())

    async def stop_posters(self, names: str = "AB", chans: list[int] | None = None) -> None:
        """No more buffers; those that are posted stay."""
        keys = [k for k in self._posting if k[0] in names and (chans is None or k[1] in chans)]
        for key in keys:
            self.posters[key].stopped = True
        for key in keys:
            await self._posting.pop(key)

    def generator(self, name: str, ch: int, mix: Mix | None = None, *, remote: bool = True) -> Generator:
        """Random descriptors for a channel with the addresses that are good now."""
        node = self.nodes[name]
        far_name, far_ch = self.far(name, ch)
        far = self.regions[far_name][far_ch] if self.tb.pair and remote and self.config.link else None
        absolute = node.channels[ch].dr.reg is None
        far_seg = self.nodes[far_name].segments.get(far_ch) if far else None
        return Generator(
            random.Random(self.rng.getrandbits(32)), self.regions[name][ch], far,
            self.mix(mix), segment=None if absolute else ch,
            gen=node.segments[ch].gen, far_segment=far_ch, far_gen=far_seg.gen if far_seg else 0,
            buffer=self.posters[far_name, far_ch].slot // 2 if (far_name, far_ch) in self.posters else 0,
        )

    # ------------------------------------------------------------------ simple traffic, without pyuvm
    async def traffic(self, name: str, ch: int, count: int, *, mix: Mix | None = None) -> list:
        """`count` random descriptors on one channel; its completions."""
        gen = self.generator(name, ch, mix)
        return await self.channel(name, ch).run([d for _ in range(count) for d in gen.slots()],
                                                timeout_ns=3_000_000)

    def copy(self, name: str, ch: int, size: int = 256, *, tag: int = 0, flags: int = 0,
             at: int = 0) -> Desc:
        """A COPY that is in order."""
        g = self.generator(name, ch, remote=False)
        region = self.regions[name][ch]
        return Desc(opcode=Op.COPY, tag=tag, flags=flags, length=size, src=g.local(region.src.base + at),
                    dst=g.local(region.dst.base + at))

    def write(self, name: str, ch: int, size: int = 256, *, tag: int = 0, flags: int = 0,
              at: int = 0) -> Desc:
        """A WRITE that is in order."""
        g = self.generator(name, ch)
        region = self.regions[name][ch]
        far_name, far_ch = self.far(name, ch)
        far, node = self.regions[far_name][far_ch], self.nodes[far_name]
        return Desc(opcode=Op.WRITE, tag=tag, flags=flags, length=size,
                    src=g.local(region.src.base + at),
                    dst=node.address(far_ch, far.offset(far.inbound.base + at)))

    def write_imm(self, name: str, ch: int, size: int = 256, imm: int = 0, **kw: int) -> Desc:
        """A WRITE_IMM that is in order."""
        d = self.write(name, ch, size, **kw)
        d.opcode, d.operand = int(Op.WRITE_IMM), imm
        return d

    def send(self, name: str, ch: int, size: int = 256, imm: int = 0, **kw: int) -> Desc:
        """A SEND; nobody looks at its DST."""
        d = self.write(name, ch, size, **kw)
        d.opcode, d.operand, d.dst = int(Op.SEND), imm, 0
        return d

    def mirror(self, name: str, ch: int, size: int = 256, *, here: int | None = None, **kw: int) -> Desc:
        """A MIRROR; `here`: where its copy lies in the destination area, if not as at the peer."""
        d = self.write(name, ch, size, **kw)
        g, at = self.generator(name, ch), kw.get("at", 0) if here is None else here
        d.opcode, d.operand, d.dst = int(Op.MIRROR), d.dst, g.local(self.regions[name][ch].dst.base + at)
        return d

    def read(self, name: str, ch: int, size: int = 256, *, tag: int = 0, flags: int = 0,
             at: int = 0) -> Desc:
        """A READ that is in order."""
        g = self.generator(name, ch)
        region = self.regions[name][ch]
        far_name, far_ch = self.far(name, ch)
        far, node = self.regions[far_name][far_ch], self.nodes[far_name]
        return Desc(opcode=Op.READ, tag=tag, flags=flags, length=size,
                    src=node.address(far_ch, far.offset(far.src.base + at)), dst=g.local(region.dst.base + at))

    @property
    def movers(self) -> tuple:
        """WRITE and READ, as far as the build has them."""
        return (self.write, self.read) if self.tb.params.read_en else (self.write, self.write)

    def atomic(self, name: str, ch: int, operand: int, swap: int | None = None, *, cell: int = 0, tag: int = 0, flags: int = 0,
               at: int = 0) -> list[Desc]:
        """A FETCH_ADD, or a CMP_SWAP in two slots, on an 8-byte cell of the peer's inbound area."""
        g = self.generator(name, ch)
        far_name, far_ch = self.far(name, ch)
        far, node = self.regions[far_name][far_ch], self.nodes[far_name]
        d = Desc(opcode=Op.FETCH_ADD if swap is None else Op.CMP_SWAP, tag=tag, flags=flags, length=8, operand=operand,
                 src=g.local(self.regions[name][ch].dst.base + at),
                 dst=node.address(far_ch, far.offset(far.inbound.base + 8 * cell)))
        return [d] if swap is None else [d, Desc(opcode=Op.EXT, operand=swap)]

    def mix(self, mix: Mix | None = None) -> Mix:
        """This one, or the configured one; what the build has not is left out."""
        mix = mix or self.config.mix
        if not self.tb.params.atomic_en:
            mix = replace(mix, atomics=0.0)
        if not self.tb.params.send_en:
            mix = replace(mix, messages=0.0)
        if not self.tb.params.sends:
            mix = replace(mix, sends=0.0)
        if not self.tb.params.mirrors:
            mix = replace(mix, mirrors=0.0)
        return mix if self.tb.params.read_en else replace(mix, reads=0.0)

    async def acknowledged(self, name: str, number: int) -> None:
        """Ask until everything that was checked by the old keys is over."""
        axil, where = self.nodes[name].axil, reg_addr("NODE", "REVOKE")
        await axil.write(where, reg_value("NODE", "REVOKE", SEQ=number))
        for _ in range(3000):
            if reg_field("NODE", "REVOKE", "ACK", await axil.read(where)) == number:
                return
        raise AssertionError(f"node {name}: revocation {number} is not acknowledged")

    # ------------------------------------------------------------------ end
    async def settle(self, timeout_ns: int = 3_000_000) -> None:
        """Every channel's published descriptors are over."""
        for node in self.nodes.values():
            for channel in node.channels.values():
                await settle(channel, timeout_ns=timeout_ns)

    async def quiet(self, timeout_ns: int = 1_000_000) -> None:
        """Nothing is outstanding on any memory port for a while."""
        waited = still = 0
        while still < 4:
            busy = any(s.mem.get("st_rd_out") or s.mem.get("st_wr_out") for s in self.tb.sides)
            still = 0 if busy else still + 1
            if waited > timeout_ns:
                raise NoProgress("memory ports are still busy")
            await Timer(500, "ns")
            waited += 500

    async def states(self) -> dict[tuple[str, int], int]:
        """Read every channel's STATUS, into the log and the coverage."""
        out = {}
        for name, node in self.nodes.items():
            for ch, channel in node.channels.items():
                status = await channel.status()
                out[name, ch] = status.state
                coverage.sample_state(State(status.state).name)
                if status.error in Status._value2member_map_:
                    coverage.sample_channel_error(Status(status.error).name)
        return out

    async def close(self) -> None:
        """Settle, take the last completions, read counters, close the logs, fetch the memories."""
        await self.settle()
        await self.quiet()
        self.recorder.quiet_since = now()
        for node in self.nodes.values():
            for channel in node.channels.values():
                await channel.reap()
        await self.states()
        for node in self.nodes.values():
            for channel in node.channels.values():
                for reg in ("DRING_CONS", "CRING_PROD", "CNT_DESC", "CNT_ERR", "CNT_RD_BYTES",
                            "CNT_WR_BYTES", *(("RRING_CONS",) if channel.rr else ())):
                    await node.axil.read(reg_addr("CH", reg, channel.ch), channel.func)
        await self.recorder.close()
        self.images = {s.name: await s.mem.read_all() for s in self.tb.sides}

    def reader(self, name: str):
        """Memory of a node at the end, for the comparison."""
        side, image = self.side(name), self.images[name]

        def read(addr: int, size: int) -> bytes:
            try:
                at = side.mem.offset(addr, size)
            except IndexError:
                return self.pair.expected(name).read(addr, size)  # outside the windows: nothing there
            return image[at : at + size]

        return read

    async def finish(self, require: int = 1) -> Report:
        """End of a test without pyuvm: ask the model."""
        await self.close()
        for event in self.recorder.events(self.config.frames):
            if len(self.pair.errors) < 50:
                self.pair.feed(event)
        for name in self.names:
            if len(self.pair.errors) < 50:
                self.pair.compare_memory(name, self.reader(name))
        report = self.pair.finish(require)
        self.tb.check_rules()
        self.sample()
        print(f"compared: {report}", flush=True)
        return report

    def sample(self) -> None:
        """Coverage of this run, into a file of its own."""
        params = self.tb.params
        coverage.sample_pair(self.pair, params.channels, params.data_w, self.rings)
        run = Path(os.environ["CRL_RUN_DIR"])
        coverage.dump(run / "coverage.json")


__all__ = ["Cmd", "System", "SystemConfig"]
