# SPDX-License-Identifier: Apache-2.0
"""The demonstration inside the simulation: software of both controllers.

Software touches memory and registers, nothing else: every TICK_NS it looks at its completion rings, refills
the descriptor rings, and rings each doorbell once for all new descriptors of a channel. Measurements are
not taken here: the monitors of memories, register ports and link pipes write logs.
"""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import random
import shutil
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

import cocotb
from cocotb.triggers import Timer

from models.gen.carillon_layout import (
    Cqe,
    Desc,
    Op,
    SegRight,
    Status,
    reg_addr,
    reg_field,
    reg_value,
)
from tb.lib.axil_player import Access
from tb.lib.driver import NodeDriver, RingPlace, right_mask, seg_address
from tb.lib.recorder import Recorder, now
from tb.lib.testbed import NoProgress, Testbed
from tools.demo.plan import (
    BIT_ERRORS,
    BOX_BYTES,
    BROKEN_FRAME,
    BYTES_A_CYCLE_OF_LINK,
    CHANNELS,
    CRING_STEP,
    CRINGS,
    CUT_CYCLES,
    DRING_STEP,
    DRINGS,
    DST_SKEW,
    FILE_AT,
    GUARD,
    INBOX,
    LINK_DELAY,
    MEM_LATENCY,
    MESSAGE_BYTES,
    MESSAGE_EVERY_NS,
    MGMT,
    OUTBOX,
    PERIOD_A,
    PERIOD_B,
    PERIOD_L,
    TICK_NS,
    Channel,
    Piece,
    make_plan,
    message,
    window_bytes,
)

PAGE = 4096
SEG_SOURCE, SEG_DRING, SEG_CRING, SEG_INBOUND = 0, 8, 16, 24  # + channel
GUARD_PATTERN = 0xE7E6_E5E4_E3E2_E1E0
STUCK_NS = 400_000  # without a single completion
LINK_GONE = (Status.LINK_ERROR, Status.PEER_DOWN)  # to be repeated when the link is up again
PEER_COUNTERS = ("CRC_ERR", "NAK", "BAD_FRAME", "FRAMES_TX", "FRAMES_RX")
COUNTERS = ("CNT_DESC", "CNT_ERR", "CNT_RD_BYTES", "CNT_STALL_CQ", "CNT_STALL_LINK", "CNT_STALL_RATE",
            "CNT_STALL_ARB", "CNT_STALL_MEM", "CNT_STALL_FETCH")


class DemoError(AssertionError):
    """The hardware did something that it must not do."""


@dataclass
class Lane:
    """Software's view of one sending channel."""

    channel: Channel
    driver: object
    waiting: deque[tuple[Desc, Piece | None]] = field(default_factory=deque)
    under_way: deque[tuple[Desc, Piece | None]] = field(default_factory=deque)
    published: list[tuple[int, int, int]] = field(default_factory=list)  # offset, bytes, act
    tag: int = 0
    done_bytes: int = 0
    done_ops: int = 0
    next_ns: float = 0  # pacing in act 2

    @property
    def idle(self) -> bool:
        return not self.waiting and not self.under_way


class Controller:
    """Driver software of one controller."""

    def __init__(self, demo: Demo, side, far) -> None:
        self.demo, self.side, self.far = demo, side, far
        self.node = NodeDriver(side)
        self.lanes: dict[int, Lane] = {}
        self.rng = random.Random(f"{demo.seed}{side.name}")
        self.messages = 0
        self.next_message = 0.0
        self.repeat: list[tuple[Lane, Desc, Piece | None]] = []  # what the loss of the link ended
        self.repeated = 0

    @property
    def idle(self) -> bool:
        return not self.repeat and all(lane.idle for lane in self.lanes.values())

    async def set_up(self) -> None:
        node = self.node
        for c in CHANNELS:
            outgoing = (OUTBOX, BOX_BYTES) if c.mgmt else (FILE_AT, self.demo.window)
            incoming = (INBOX, BOX_BYTES) if c.mgmt else (FILE_AT, self.demo.window + DST_SKEW)
            rings = right_mask(SegRight.RING, SegRight.LOCAL)
            places = (
                (SEG_SOURCE, *outgoing, right_mask(SegRight.READ, SegRight.LOCAL)),
                (SEG_DRING, DRINGS + c.ch * DRING_STEP, DRING_STEP, rings),
                (SEG_CRING, CRINGS + c.ch * CRING_STEP, CRING_STEP, rings),
                (SEG_INBOUND, *incoming, right_mask(SegRight.WRITE, SegRight.REMOTE)),
            )
            for first, base, size, rights in places:
                await node.segment(first + c.ch, base=base, size=size, rights=rights, channel=c.ch)
            dr = RingPlace(DRINGS + c.ch * DRING_STEP, c.ring_log2, seg_address(SEG_DRING + c.ch, 0))
            cr = RingPlace(CRINGS + c.ch * CRING_STEP, c.ring_log2, seg_address(SEG_CRING + c.ch, 0))
            driver = await node.channel(
                c.ch, dr=dr, cr=cr, func=c.func, cls=c.cls, weight=c.weight, mgmt=c.mgmt,
                rate=c.rate, burst=c.burst, peer_ch=c.ch,
            )
            if c.mgmt or self.side.name == "A":
                await driver.enable()
                self.lanes[c.ch] = Lane(c, driver)
        self.last_ring = CRINGS + max(self.lanes) * CRING_STEP

    def add(self, lane: Lane, piece: Piece) -> None:
        ch = lane.channel.ch
        lane.tag = (lane.tag + 1) & 0xFFFF
        lane.waiting.append((
            Desc(opcode=Op.WRITE, tag=lane.tag, length=piece.length,
                 src=seg_address(SEG_SOURCE + ch, piece.offset),
                 dst=seg_address(SEG_INBOUND + ch, piece.offset + DST_SKEW)),
            piece,
        ))

    async def link_is_up(self) -> bool:
        return bool(reg_field("PEER", "STATUS", "UP", await self.node.read("PEER", "STATUS")))

    def again(self) -> None:
        """What the loss of the link ended goes first, in its order: these WRITEs may be done twice."""
        for lane, desc, piece in reversed(self.repeat):
            lane.waiting.appendleft((desc, piece))
        self.repeated += len(self.repeat)
        self.repeat.clear()

    async def tick(self) -> int:
        """Reap, refill, ring; number of operations that ended."""
        raw = await self.side.mem.read(CRINGS, self.last_ring + CRING_STEP - CRINGS)
        accesses: list[Access] = []
        ended = 0
        for ch, lane in self.lanes.items():
            entries = self._fresh(lane.driver, raw[ch * CRING_STEP :])
            for entry in entries:
                await self._end(lane, entry)
            if entries:
                ended += len(entries)
                d = lane.driver
                accesses.append(Access.wr(d.reg("CRING_CONS"), d.cq_cons, d.func))
        for lane in self.lanes.values() if not self.demo.link_lost else ():
            if lane.channel.mgmt:
                await self._talk(lane)
            batch = self._batch(lane)
            if batch:
                d = lane.driver
                await d.put([desc for desc, _ in batch])
                lane.under_way.extend(batch)
                lane.published += [
                    (x.src & (1 << 40) - 1, x.length, p.act if p else 0) for x, p in batch
                ]
                accesses.append(Access.wr(d.reg("DRING_PROD"), d.prod, d.func))
        if accesses:
            await self.side.axil.play(accesses, results=False)
        return ended

    def _fresh(self, d, raw: bytes) -> list[Cqe]:
        """New entries of a completion ring; the phase bit tells."""
        got = []
        while len(got) < d.cr.size:
            entry = Cqe.unpack(raw[16 * d.cq_cons : 16 * d.cq_cons + 16])
            if entry.phase != d.phase:
                break
            got.append(entry)
            d.tells(entry.dring_cons)
            d.cq_cons += 1
            if d.cq_cons == d.cr.size:
                d.cq_cons, d.phase = 0, d.phase ^ 1
        return got

    async def _end(self, lane: Lane, entry: Cqe) -> None:
        where = f"node {self.side.name}, channel {lane.channel.ch} ({lane.channel.name})"
        if not lane.under_way:
            raise DemoError(f"{where}: a completion for nothing: {entry}")
        desc, piece = lane.under_way.popleft()
        if entry.status in LINK_GONE and entry.tag == desc.tag:
            self.repeat.append((lane, desc, piece))
            self.demo.link_lost = True
            return
        if entry.status != Status.OK or entry.tag != desc.tag or entry.bytes != desc.length:
            raise DemoError(f"{where}: {entry} for {desc}")
        lane.done_ops += 1
        lane.done_bytes += desc.length
        if piece is None:  # a message: the receiver looks at it
            slot = desc.operand % (BOX_BYTES // MESSAGE_BYTES)
            got = await self.far.mem.read(INBOX + slot * MESSAGE_BYTES, MESSAGE_BYTES)
            if got != message(self.side.name, desc.operand, self.demo.seed):
                raise DemoError(f"{where}: message {desc.operand} arrived damaged: {got.hex()}")

    async def _talk(self, lane: Lane) -> None:
        """A management message now and then."""
        t = now() / 1000
        if t < self.next_message or self.demo.closing or len(lane.waiting) + len(lane.under_way) > 8:
            return
        self.next_message = t + self.rng.uniform(0.5, 1.5) * MESSAGE_EVERY_NS
        at = self.messages % (BOX_BYTES // MESSAGE_BYTES) * MESSAGE_BYTES
        await self.side.mem.write(OUTBOX + at, message(self.side.name, self.messages, self.demo.seed))
        lane.tag = (lane.tag + 1) & 0xFFFF
        # WRITE ignores the operand; software keeps its message number there
        lane.waiting.append((
            Desc(opcode=Op.WRITE, tag=lane.tag, length=MESSAGE_BYTES,
                 src=seg_address(SEG_SOURCE + MGMT, at), dst=seg_address(SEG_INBOUND + MGMT, at),
                 operand=self.messages),
            None,
        ))
        self.messages += 1

    def _batch(self, lane: Lane) -> list[tuple[Desc, Piece | None]]:
        """What to publish now: as much as the ring takes, or what the pace allows in act 2."""
        room = lane.driver.free
        pace = lane.channel.pace
        t = now() / 1000
        batch: list[tuple[Desc, Piece | None]] = []
        while lane.waiting and len(batch) < room:
            piece = lane.waiting[0][1]
            if pace and piece is not None and piece.act == 2:
                if (lane.under_way or batch) and lane.next_ns == 0 or t < lane.next_ns:
                    break
                share = pace * BYTES_A_CYCLE_OF_LINK * 1000 / PERIOD_L  # bytes a ns
                burst = 0.0
                while lane.waiting and len(batch) < room and burst < 64 * 1024 * pace * 10:
                    batch.append(lane.waiting.popleft())
                    burst += batch[-1][0].length
                lane.next_ns = t + burst / share * self.rng.uniform(0.6, 1.4)
                break
            batch.append(lane.waiting.popleft())
        return batch


class Demo:
    """One run: windows of the file, one after the other."""

    def __init__(self, dut) -> None:
        job = json.loads(Path(os.environ["CRL_DEMO"]).read_text())
        self.path, self.seed, self.slice = Path(job["file"]), job["seed"], job.get("slice")
        self.out = Path(os.environ["CRL_RUN_DIR"])
        self.tb = Testbed(dut)
        self.window = min(window_bytes(self.tb.params.store_w), job.get("window") or 1 << 62)
        self.recorder = Recorder(self.tb, watch_links=True)
        self.closing = False
        self.link_lost = False
        self.cut_at: int | None = 0 if job.get("cut", True) else None  # bytes after which the link is cut
        self.epoch, self.cuts = 1, 0
        self.a = Controller(self, self.tb.a, self.tb.b)
        self.b = Controller(self, self.tb.b, self.tb.a)
        self.sent = 0
        self.size = self.slice or self.path.stat().st_size

    async def begin(self) -> None:
        tb = self.tb
        await tb.start(period_a=PERIOD_A, period_b=PERIOD_B, period_l=PERIOD_L, seed=self.seed & 0xFFFFFF)
        await self.recorder.open()
        for side in tb.sides:
            side.mem.quiet()
            side.mem.set(latency=MEM_LATENCY)
            await side.mem.fill(0, FILE_AT)
        for pipe in (tb.a2b, tb.b2a):
            pipe.set(delay=LINK_DELAY)
            pipe.reseed(self.seed)
            pipe.faults(ber=BIT_ERRORS)
        tb.a2b.flip(BROKEN_FRAME, beat=5, bit=9)
        for side in tb.sides:
            self.recorder.fault(side, "link_noise")
        await tb.link_setup(epoch=self.epoch)
        await self.a.set_up()
        await self.b.set_up()

    async def window_of(self, number: int, data: bytes) -> dict:
        """Move one window; what was measured in it."""
        tb, a = self.tb, self.a
        span = (len(data) + DST_SKEW + PAGE - 1) // PAGE * PAGE
        await tb.a.mem.fill(FILE_AT, span)
        await tb.a.mem.write(FILE_AT, data)
        await tb.b.mem.fill(FILE_AT - GUARD, span + 2 * GUARD, GUARD_PATTERN)
        plan = make_plan(len(data), self.seed + number)
        for ch, pieces in plan.pieces.items():
            for piece in pieces:
                a.add(a.lanes[ch], piece)
        for side in tb.sides:
            await side.mem.clear_counters()
        for lane in a.lanes.values():
            lane.next_ns = 0
        self.closing = False
        if self.cut_at is not None and number == 0:
            self.cut_at = len(data) // 2
        await self.run_dry()
        got = await tb.b.mem.read(FILE_AT - GUARD, span + 2 * GUARD)
        guard = GUARD_PATTERN.to_bytes(8, "little") * (GUARD // 8 + 1)
        body = got[GUARD + DST_SKEW : GUARD + DST_SKEW + len(data)]
        tail = got[GUARD + DST_SKEW + len(data) :]
        pattern = (guard * 2)[(DST_SKEW + len(data)) % 8 :][: len(tail)]
        if got[: GUARD + DST_SKEW] != guard[: GUARD + DST_SKEW] or tail != pattern:
            raise DemoError("bytes beside the file were overwritten in B's memory")
        return {"bytes": len(data), "same": body == data, "body": body}

    async def run_dry(self) -> None:
        """Until all pieces are over, and then the last messages."""
        a, b = self.a, self.b
        data = [x for x in a.lanes.values() if not x.channel.mgmt]
        last, ticks = now(), 0
        while True:
            ended = await a.tick() + await b.tick()
            if self.cut_at and sum(x.done_bytes for x in data) >= self.cut_at:
                self.cut_at = None
                self.cuts += 1
                for pipe in (self.tb.a2b, self.tb.b2a):
                    pipe.cut(cycles=CUT_CYCLES)
            if self.link_lost and not any(x.under_way for c in (a, b) for x in c.lanes.values()):
                await self.reconnect()
                last = now()
            if ended:
                last = now()
            elif now() - last > STUCK_NS * 1000 and not (a.idle and b.idle):
                waiting = {c.channel.name: len(c.under_way) for c in a.lanes.values()}
                raise NoProgress(f"no completion for {STUCK_NS // 1000} us: {waiting}")
            self.closing = all(x.idle for x in data)
            ticks += 1
            if ticks % 8 == 0 or self.closing:
                self.sent = sum(x.done_bytes for x in data)
                self.tell("moving")
            if self.closing and a.idle and b.idle:
                return
            await Timer(TICK_NS, "ns")

    async def reconnect(self) -> None:
        """In order: everything of before has ended; a new epoch on both ends; up; then it is repeated."""
        while not (await self.a.link_is_up() and await self.b.link_is_up()):
            await Timer(TICK_NS, "ns")  # the cable is still out
        self.epoch += 1
        for controller, far in ((self.a, 2), (self.b, 1)):
            await controller.side.axil.write(
                reg_addr("PEER", "CTRL"), reg_value("PEER", "CTRL", NODE=far, EPOCH=self.epoch, ENABLE=1))
        await self.tb.wait_link()
        self.link_lost = False
        self.a.again()
        self.b.again()

    def tell(self, phase: str) -> None:
        """For the progress bar."""
        lanes = {x.channel.ch: x.done_bytes for x in self.a.lanes.values()}
        text = json.dumps({"phase": phase, "sent": self.sent, "size": self.size, "channels": lanes,
                           "us": now() / 1e6, "messages": [self.a.messages, self.b.messages]})
        part = self.out / "progress.part"
        part.write_text(text)
        part.replace(self.out / "progress.json")

    async def counters(self) -> dict:
        """What the nodes themselves counted."""
        found: dict = {}
        for name, controller in (("A", self.a), ("B", self.b)):
            for c in CHANNELS:
                page = {r: await controller.node.read("CH", r, c.ch, c.func) for r in COUNTERS}
                found.setdefault(name, {})[c.ch] = page
        return found

    async def images(self) -> None:
        """Both memories as they are, for the golden model."""
        for side in self.tb.sides:
            await side.mem.read_all()
            shutil.move(self.out / f"{side.mem.name}_out.bin", self.out / f"{side.mem.name}_image.bin")

    async def quiet(self) -> None:
        for _ in range(1000):
            if not any(s.mem.get("st_rd_out") or s.mem.get("st_wr_out") for s in self.tb.sides):
                break
            await Timer(200, "ns")
        await Timer(2, "us")

    async def run(self) -> dict:
        await self.begin()
        digest, same, windows, result = hashlib.sha256(), True, 0, {}
        with self.path.open("rb") as file:
            left = self.size
            while left:
                data = file.read(min(left, self.window))
                if not data:
                    break
                part = await self.window_of(windows, data)
                digest.update(part["body"])
                same = same and part["same"]
                left -= len(data)
                if windows == 0:
                    await self.quiet()
                    result = await self.first_window(len(data))
                windows += 1
        self.tell("checking")
        self.tb.check_rules()
        result |= {"sha256_at_b": digest.hexdigest(), "same": same, "windows": windows}
        return result

    async def first_window(self, size: int) -> dict:
        """Logs, counters and memories of what the report and the model look at."""
        tb = self.tb
        counters = await self.counters()
        ports = {
            s.name: {k: s.mem.get(k) for k in ("st_rbeats", "st_wbeats", "st_r_wait", "st_w_gap", "st_ar",
                                               "st_aw", "st_rd_max", "st_wr_max", "st_cpl",
                                               "st_cpl_bursts")}
            for s in tb.sides
        }
        events = self.recorder
        await events.close()
        await self.images()
        (self.out / "told.pickle").write_bytes(pickle.dumps(events._told))
        events._told.clear()
        for side in tb.sides:
            side.mem.writes = None
        return {
            "window": size, "counters": counters, "ports": ports, "end_ps": now(),
            "resets": {s.name: s.resets for s in tb.sides},
            "published": {n: {ch: x.published for ch, x in c.lanes.items()}
                          for n, c in (("A", self.a), ("B", self.b))},
            "messages": [self.a.messages, self.b.messages],
            "peers": {n: {r: await c.node.read("PEER", r) for r in PEER_COUNTERS}
                      for n, c in (("A", self.a), ("B", self.b))},
            "faults": {"bits": sum(p.get("st_flips") for p in (tb.a2b, tb.b2a)), "cuts": self.cuts},
            "repeated": {"A": self.a.repeated, "B": self.b.repeated},
        }


@cocotb.test()
async def move_file(dut) -> None:
    """Stimulus: the file, dealt out over the channels, and messages both ways.
    Checking: bytes and guards at B, every completion, every message, AXI rules; the logs feed the rest.
    """
    demo = Demo(dut)
    result = await demo.run()
    (demo.out / "result.json").write_text(json.dumps(result))
    if not result["same"]:
        raise DemoError("the bytes in B's memory differ from the file")
