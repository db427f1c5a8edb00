# SPDX-License-Identifier: Apache-2.0
"""Two link ends (crl_link_pair.sv): node models on both sides, a scoreboard a direction."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge, Timer

from models.lay import FRAME, FrameFlag, FrameType, FrameVc
from tb.lib.sim import sim_parameters

FIRST, LAST = 1 << FrameFlag.FIRST, 1 << FrameFlag.LAST
REQ_FIELDS = ("type", "flags", "src_ch", "dst_ch", "op_seq", "tag", "segaddr", "total", "offset")
HDR_NAME = {"total": "TOTAL_LEN"}


@dataclass(frozen=True)
class Req:
    """A REQ frame as the node hands it over."""

    type: int
    flags: int
    src_ch: int
    dst_ch: int
    op_seq: int
    tag: int
    segaddr: int
    total: int
    offset: int
    payload: bytes
    arg: int = 0  # READ: bytes asked; READ_DATA: status; WRITE_IMM: immediate


@dataclass(frozen=True)
class Rsp:
    """An op-ack: what the answering node says and what the other one must hear."""

    src_ch: int
    dst_ch: int
    op_seq: int
    tag: int
    status: int
    status2: int
    permit: int = 0


@dataclass
class Scoreboard:
    """In order, once, unchanged. While `lossy`, items may be missing, but nothing else."""

    name: str
    expected: deque = field(default_factory=deque)
    compared: int = 0
    skipped: int = 0
    lossy: bool = False

    def sent(self, item) -> None:
        self.expected.append(item)

    def received(self, item) -> None:
        if self.lossy:
            while self.expected and self.expected[0] != item:
                self.expected.popleft()
                self.skipped += 1
        assert self.expected, f"{self.name}: {item} was not sent, or came twice"
        want = self.expected.popleft()
        assert item == want, f"{self.name}: got {item}, wanted {want}"
        self.compared += 1

    def end(self, at_least: int = 1) -> None:
        assert not self.expected, (
            f"{self.name}: {len(self.expected)} missing, first {self.expected[0]}"
        )
        assert self.compared >= at_least, f"{self.name}: only {self.compared} compared"


class Node:
    """The node at one end: sends queued frames, takes what comes, answers, frees slots."""

    def __init__(self, name, side, clk, rng, to_peer, from_peer, rsp_out, rsp_in) -> None:
        p = sim_parameters()
        self.name, self.s, self.clk, self.rng = name, side, clk, rng
        self.bytes = p["DATA_W"] // 8
        self.channels, self.mtu = p["CHANNELS"], p["LINK_MTU"]
        self.queue = [deque() for _ in range(self.channels)]
        self.to_peer, self.from_peer = to_peer, from_peer
        self.rsp_out, self.rsp_in = rsp_out, rsp_in
        self.p_take = self.p_beat = self.p_rx = self.p_rxp = self.p_ack = 1.0
        self.p_fields = 1.0  # chance that fields are shown, a cycle
        self.p_junk = 0.0  # chance that a frame closed with length 0 has had beats all the same
        self.free_delay = (0, 0)
        self.early = False  # a frame without payload or answer is freed with its header, whatever payload is ahead
        self.max_early = 0
        self.slow: set[int] = set()  # channels whose slots are not freed
        self.max_open = 6
        self.answer = True
        self.status = lambda req: 0
        self.taken: list[Req] = []
        self.reads_out = self.max_reads = 0  # receive slots reserved for answers
        self.rd_sent = self.rd_heard = None  # scoreboards of READ_DATA: to the peer, from it
        self.cycle = self.op = 0
        self.held: dict[int, int] = {c: 0 for c in range(self.channels)}
        self.max_held: dict[int, int] = dict(self.held)
        self._clear()

    def _clear(self) -> None:
        self.open: deque[Req] = deque()
        self.cur: Req | None = None
        self.idx = 0
        self.p_busy = self.f_busy = False
        self.f_next: Req | None = None  # fields to show next
        self.wait = 0
        self.hdrs: deque = deque()
        self.partial = bytearray()
        self.rsps: deque = deque()
        self.rsp_busy = False
        self.frees: list = []
        self.acked = 0
        self.rd_queue: deque[Req] = deque()  # READ_DATA to be sent
        self.rd_cur: Req | None = None
        self.rd_beats: deque[int] = deque()
        self.rd_p = self.rd_f = self.rd_taken = False
        self.reads_out = 0

    # ---- stimulus
    def make(self, ch: int, size: int, flags: int = FIRST | LAST, **more) -> Req:
        self.op += 1
        r = self.rng
        values = dict(
            type=int(FrameType.WRITE), flags=flags, src_ch=ch, dst_ch=r.randrange(256),
            op_seq=self.op, tag=r.getrandbits(16), segaddr=r.getrandbits(64), total=r.getrandbits(32),
            offset=r.getrandbits(32), payload=r.randbytes(size), arg=r.getrandbits(32),
        )  # fmt: skip
        values.update(more)
        return Req(**values)

    def send(self, req: Req) -> None:
        self.queue[req.src_ch].append(req)

    def idle(self) -> bool:
        return not (any(self.queue) or self.open or self.cur or self.f_next or self.f_busy
                    or self.rd_queue or self.rd_cur)  # fmt: skip

    # ---- one cycle
    async def run(self) -> None:
        s = self.s
        while True:
            await RisingEdge(self.clk)
            self.cycle += 1
            if self.in_reset():
                self.quiet_pins()
                self._clear()
                continue
            self._transmit(s)
            self._read_data(s)
            self._receive(s)
            self._answers(s)

    def in_reset(self) -> bool:
        return False

    def quiet_pins(self) -> None:
        s = self.s
        for pin in (s.tx_take, s.txp_valid, s.txf_valid, s.rsp_valid, s.rx_ready, s.rxp_ready,
                    s.slot_free, s.ack_ready, s.rdt_take, s.rdt_want, s.rdp_valid, s.rdf_valid):  # fmt: skip
            pin.value = 0

    def _transmit(self, s) -> None:
        rng = self.rng
        # a take, three cycles apart: what is driven now is seen at the next edge
        self.wait = max(0, self.wait - 1)
        s.tx_take.value = 0
        if self.wait == 0 and len(self.open) < self.max_open and any(self.queue):
            ok = int(s.tx_ok.value)
            slot = int(s.rd_ok.value)
            ready = [c for c in range(self.channels) if self.queue[c] and ok >> c & 1
                     and (slot or self.queue[c][0].type != FrameType.READ)]  # fmt: skip
            if ready and rng.random() < self.p_take:
                c = rng.choice(ready)
                req = self.queue[c].popleft()
                s.tx_take.value = 1
                s.tx_take_ch.value = c
                self.wait = 3
                self.open.append(req)
                self.taken.append(req)
                self.to_peer.sent(req)
                s.tx_take_rd.value = int(req.type == FrameType.READ)
                self.reads_out += req.type == FrameType.READ
                self.max_reads = max(self.max_reads, self.reads_out)
        # payload
        if self.p_busy and int(s.txp_ready.value):
            self.p_busy = False
            self.idx += self.bytes
            if self.idx >= self.size:
                self.f_next = self.cur
                self.cur = None
        if self.f_busy and int(s.txf_ready.value):
            self.f_busy = False
        # Beats and fields are never shown together.
        if self.cur is None and self.open and self.f_next is None and not self.f_busy:
            req = self.open.popleft()
            if req.payload or rng.random() < self.p_junk:
                self.cur, self.idx = req, 0
                self.size = len(req.payload) or rng.randint(1, self.mtu)
            else:
                self.f_next = req
        if self.cur is not None and not self.p_busy and rng.random() < self.p_beat:
            chunk = self.cur.payload[self.idx : self.idx + self.bytes]
            if len(chunk) < self.bytes:  # rubbish behind the end must not get out
                chunk += rng.randbytes(self.bytes - len(chunk))
            s.txp_data.value = int.from_bytes(chunk, "little")
            self.p_busy = True
        s.txp_valid.value = int(self.p_busy)
        if not self.f_busy and self.f_next is not None and rng.random() < self.p_fields:
            f, self.f_next = self.f_next, None
            for name in REQ_FIELDS:
                getattr(s, f"txf_{name}").value = getattr(f, name)
            s.txf_len.value = len(f.payload)
            s.txf_arg.value = f.arg
            self.f_busy = True
        s.txf_valid.value = int(self.f_busy)

    def _receive(self, s) -> None:
        rng = self.rng
        if self.rx_on and int(s.rx_valid.value):
            h = FRAME.unpack(int(s.rx_hdr.value).to_bytes(64, "little"))
            ch = h["SRC_CH"]
            if h["TYPE"] != FrameType.READ_DATA:
                self.held[ch] += 1
                self.max_held[ch] = max(self.max_held[ch], self.held[ch])
            self.hdrs.append(h)
            if h["PAYLOAD_LEN"] == 0 and len(self.hdrs) == 1:
                self._complete(self.hdrs.popleft(), b"")
            elif self.early and h["PAYLOAD_LEN"] == 0 and h["TYPE"] == FrameType.WRITE and not h["FLAGS"] & LAST:
                h["EARLY"] = True
                self.frees.append((self.cycle + self.rng.randint(*self.free_delay), ch))
                self.max_early = max(self.max_early, sum("EARLY" in one for one in self.hdrs))
        if self.rxp_on and int(s.rxp_valid.value):
            data = s.rxp_data.value
            self.partial += int(data).to_bytes(self.bytes, "little")
            self.in_last = int(s.rxp_last.value)
            self._match()
        elif self.partial:
            self._match()
        while self.hdrs and self.hdrs[0]["PAYLOAD_LEN"] == 0:
            self._complete(self.hdrs.popleft(), b"")
        self.rx_on = rng.random() < self.p_rx and len(self.hdrs) < 2
        self.rxp_on = rng.random() < self.p_rxp
        s.rx_ready.value = int(self.rx_on)
        s.rxp_ready.value = int(self.rxp_on)
        # slots
        s.slot_free.value = 0
        due = [f for f in self.frees if f[0] <= self.cycle and f[1] not in self.slow]
        if due:
            one = rng.choice(due)
            self.frees.remove(one)
            s.slot_free.value = 1
            s.slot_free_ch.value = one[1]
            s.slot_free_rd.value = int(len(one) == 3)
            if len(one) == 3:
                self.reads_out -= 1
            else:
                self.held[one[1]] -= 1

    answer_reads = True

    def _read_data(self, s) -> None:
        """The second client: whole frames, a beat a cycle unless p_beat says otherwise."""
        s.rdt_take.value = 0
        if self.rd_p and int(s.rdp_ready.value):
            self.rd_beats.popleft()
            self.rd_p = False
        if self.rd_f and int(s.rdf_ready.value):
            self.rd_sent.sent(self.rd_cur)
            self.frees.append((self.cycle, self.rd_cur.dst_ch))
            self.rd_cur, self.rd_f, self.rd_taken = None, False, False
        if self.rd_cur is None and self.rd_queue:
            self.rd_cur = self.rd_queue.popleft()
            beats = range(0, len(self.rd_cur.payload), self.bytes)
            self.rd_beats.extend(
                int.from_bytes(self.rd_cur.payload[i : i + self.bytes].ljust(self.bytes, b"?"), "little")
                for i in beats)
            if not self.rd_cur.payload and self.rng.random() < 0.5:  # a frame that failed had beats
                self.rd_beats.extend(self.rng.getrandbits(8) for _ in range(self.rng.randint(1, self.mtu // self.bytes)))
        s.rdt_want.value = int(self.rd_cur is not None and not self.rd_taken)
        if self.rd_cur is not None and not self.rd_taken and int(s.rdt_ok.value):
            self.rd_taken = True
            s.rdt_take.value = 1
        elif self.rd_taken and self.rd_beats and not self.rd_p:
            self.rd_p = self.rng.random() < self.p_beat
            if self.rd_p:
                s.rdp_data.value = self.rd_beats[0]
        elif self.rd_taken and not self.rd_beats and not self.rd_f:
            for name in REQ_FIELDS[1:]:
                getattr(s, f"rdf_{name}").value = getattr(self.rd_cur, name)
            s.rdf_len.value, s.rdf_status.value = len(self.rd_cur.payload), self.rd_cur.arg
            self.rd_f = True
        s.rdp_valid.value, s.rdf_valid.value = int(self.rd_p), int(self.rd_f)

    rx_on = rxp_on = False
    in_last = 0

    def _match(self) -> None:
        if not self.hdrs:
            return  # payload may be offered before its header is taken
        need = -(-self.hdrs[0]["PAYLOAD_LEN"] // self.bytes) * self.bytes
        if len(self.partial) < need:
            assert not self.in_last, (
                f"{self.name}: rxp_last after {len(self.partial)} of {need} bytes"
            )
            return
        assert self.in_last, f"{self.name}: no rxp_last after {need} bytes"
        h = self.hdrs.popleft()
        body = bytes(self.partial)
        self.partial.clear()
        self.in_last = 0
        assert not any(body[h["PAYLOAD_LEN"] :]), f"{self.name}: padding is not zero"
        self._complete(h, body[: h["PAYLOAD_LEN"]])

    def _complete(self, h: dict, payload: bytes) -> None:
        arg = h["STATUS"] if h["TYPE"] == FrameType.READ_DATA else h["OPERAND0"]
        req = Req(*(h[HDR_NAME.get(name, name.upper())] for name in REQ_FIELDS), payload=payload, arg=arg)
        when = self.cycle + self.rng.randint(*self.free_delay)
        if req.type == FrameType.READ_DATA:
            assert h["VC"] == FrameVc.RSP
            self.rd_heard.received(req)
            self.frees.append((when, req.src_ch, "read"))
            return
        self.from_peer.received(req)
        if req.type == FrameType.READ and self.answer_reads:
            bad = self.rng.random() < 0.2
            self.rd_queue.append(Req(
                int(FrameType.READ_DATA), req.flags, req.dst_ch, req.src_ch, req.op_seq, req.tag, req.segaddr,
                req.total, req.offset, b"" if bad else self.rng.randbytes(req.arg), 0x92 if bad else 0))
            return
        if self.answer and req.flags & LAST:
            status = self.status(req)
            self.rsps.append(
                (Rsp(req.dst_ch, req.src_ch, req.op_seq, req.tag, status, status & 1, req.op_seq >> 1 & 1), when)
            )
        elif "EARLY" not in h:
            self.frees.append((when, req.src_ch))

    def _answers(self, s) -> None:
        rng = self.rng
        if self.rsp_busy and int(s.rsp_ready.value):
            rsp, _ = self.rsps.popleft()
            self.rsp_busy = False
            self.frees.append((self.cycle, rsp.dst_ch))
        if not self.rsp_busy and self.rsps and self.rsps[0][1] <= self.cycle:
            rsp = self.rsps[0][0]
            for name in ("src_ch", "dst_ch", "op_seq", "tag", "status", "status2", "permit"):
                getattr(s, f"rsp_{name}").value = getattr(rsp, name)
            self.rsp_out.sent((rsp.tag, rsp.dst_ch, rsp.status, rsp.status2, rsp.permit))
            self.rsp_busy = True
        s.rsp_valid.value = int(self.rsp_busy)
        if self.ack_on and int(s.ack_valid.value):
            self.acked += 1
            self.rsp_in.received(
                tuple(
                    int(getattr(s, f"ack_{n}").value)
                    for n in ("tag", "src_ch", "status", "status2", "permit")
                )
            )
        self.ack_low = 0 if self.ack_on else self.ack_low + 1
        self.ack_on = self.ack_low >= 3 or rng.random() < self.p_ack
        s.ack_ready.value = int(self.ack_on)

    ack_on = False
    size = 0
    ack_low = 0
    late = False


class Bench:
    """Clocks, both nodes, both wires."""

    def __init__(self, dut, periods=(8000, 8000, 8000), delay: int = 3) -> None:
        self.dut = dut
        self.p = sim_parameters()
        self.rng = random.Random(cocotb.RANDOM_SEED)
        for signal, period in zip((dut.clk_a, dut.clk_b, dut.link_clk), periods, strict=True):
            cocotb.start_soon(self._clock(signal, period))
        self.reqs = {"ab": Scoreboard("REQ a to b"), "ba": Scoreboard("REQ b to a")}
        self.rsps = {"ab": Scoreboard("RSP a to b"), "ba": Scoreboard("RSP b to a")}
        self.a = Node("a", dut.a, dut.clk_a, self.rng, self.reqs["ab"], self.reqs["ba"],
                      self.rsps["ab"], self.rsps["ba"])  # fmt: skip
        self.b = Node("b", dut.b, dut.clk_b, self.rng, self.reqs["ba"], self.reqs["ab"],
                      self.rsps["ba"], self.rsps["ab"])  # fmt: skip
        self.reads = {"ab": Scoreboard("READ_DATA a to b"), "ba": Scoreboard("READ_DATA b to a")}
        self.a.rd_sent = self.b.rd_heard = self.reads["ab"]
        self.b.rd_sent = self.a.rd_heard = self.reads["ba"]
        self.wires = (dut.ab, dut.ba)
        for wire in self.wires:
            wire.delay.value = delay
            wire.seed.value = self.rng.getrandbits(32)
        for side, me, other in ((dut.a, 1, 2), (dut.b, 2, 1)):
            side.cfg_node.value = me
            side.cfg_peer_node.value = other
            side.cfg_epoch.value = 7

    async def _clock(self, signal, period: int) -> None:
        signal.value = 0
        await Timer(self.rng.randrange(2, period), unit="ps")
        await Clock(signal, period, unit="ps").start()

    async def start(self) -> None:
        d = self.dut
        for rst in (d.rst_a, d.rst_b, d.link_rst_a, d.link_rst_b):
            rst.value = 1
        self.a.quiet_pins()
        self.b.quiet_pins()
        await self.cycles(10)
        for rst in (d.rst_a, d.rst_b, d.link_rst_a, d.link_rst_b):
            rst.value = 0
        for side in (d.a, d.b):
            side.cfg_enable.value = 1
        d.up_a.value = d.up_b.value = 1
        self.a.in_reset = lambda: bool(int(d.rst_a.value))
        self.b.in_reset = lambda: bool(int(d.rst_b.value))
        cocotb.start_soon(self.a.run())
        cocotb.start_soon(self.b.run())

    async def cycles(self, n: int) -> None:
        for _ in range(n):
            await RisingEdge(self.dut.link_clk)

    async def until(self, condition, limit: int, what: str) -> int:
        for n in range(limit):
            await RisingEdge(self.dut.link_clk)
            if condition():
                return n
        raise AssertionError(f"not within {limit} link cycles: {what}\n{self.state()}")

    def state(self) -> str:
        lines = []
        for node in (self.a, self.b):
            s = node.s
            lines.append(
                f"{node.name}: up {s.up.value} tx_ok {s.tx_ok.value} queued {sum(map(len, node.queue))} "
                f"open {len(node.open)} held {node.held} crc {s.n_crc.value} bad {s.n_bad.value} "
                f"nak {s.n_nak.value} down {s.n_down.value}"
            )
        lines += [
            f"{b.name}: {len(b.expected)} under way, {b.compared} done" for b in self.boards()
        ]
        return "\n".join(lines)

    def boards(self):
        return [*self.reqs.values(), *self.rsps.values(), *self.reads.values()]

    def is_up(self) -> bool:
        d = self.dut
        return str(d.a.up.value) == "1" and str(d.b.up.value) == "1"

    async def up(self, limit: int = 4000) -> int:
        return await self.until(self.is_up, limit, "both ends up")

    def settled(self) -> bool:
        nodes = (self.a, self.b)
        return all(n.idle() and not n.rsps and not n.frees for n in nodes) and not any(
            b.expected for b in self.boards()
        )

    async def drain(self, limit: int = 60000) -> None:
        await self.until(self.settled, limit, "all frames and answers delivered")

    def lossy(self, on: bool) -> None:
        for board in self.boards():
            board.lossy = on

    def forget(self) -> None:
        """After a disturbance: what is still under way is lost."""
        for board in self.boards():
            board.skipped += len(board.expected)
            board.expected.clear()

    def finish(self, at_least: int = 1) -> None:
        for name in ("ab", "ba"):
            self.reqs[name].end(at_least)
            self.rsps[name].end(max(1, at_least // 4))

    def load(self, node: Node, frames: int, sizes=None, reads: float = 0.0) -> None:
        """Random frames on random channels; operations of one to three frames, some of them READ."""
        rng = self.rng
        mtu = self.p["LINK_MTU"]
        sizes = sizes or (0, 1, 7, 8, 9, 63, 64, 65, mtu - 1, mtu)
        left = [0] * node.channels
        for i in range(frames):
            c = rng.randrange(node.channels)
            flags = 0
            if left[c] == 0:
                flags |= FIRST
                left[c] = rng.randint(1, 3)
            left[c] -= 1
            if left[c] == 0 or i >= frames - node.channels:
                flags |= LAST
                left[c] = 0
            size = min(mtu, rng.choice(sizes) if rng.random() < 0.5 else rng.randint(0, mtu))
            if rng.random() < reads:
                node.send(node.make(c, 0, flags, type=int(FrameType.READ), arg=size or 1,
                                    dst_ch=rng.randrange(node.channels)))
            else:
                node.send(node.make(c, size, flags))
