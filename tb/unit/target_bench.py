# SPDX-License-Identifier: Apache-2.0
"""Link side, look-ups, memory and scoreboard around crl_target, one cycle at a time."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

import pytest
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge, Timer

from models.gen.carillon_layout import Frame, FrameType
from models.segments import R_LOCAL, R_REMOTE, R_WRITE, Segment, SegmentTable
from tb.lib.sim import sim_parameters
from tb.unit.target_model import (
    CANCEL,
    FIRST,
    LAST,
    NOTIFY,
    Answer,
    Binding,
    Buffer,
    Kill,
    Own,
    Request,
    Slot,
    TargetModel,
    Write,
)


def builds(configs, marks):
    """Decorator of a test that takes `config`: the builds of crl_target, with a mark for those of a width. Without MIRROR their name says so."""
    return pytest.mark.parametrize("config", [pytest.param(c, marks=marks.get(c["DATA_W"], ())) for c in configs],
                                   ids=lambda c: f"{c['DATA_W']}x{c['CHANNELS']}{'' if c.get('MIRROR_EN', 1) else '-without'}")


@dataclass
class Rates:
    """Chances in a cycle, and the cycles until a write response."""

    hdr: float = 1.0
    payload: float = 1.0
    wb: float = 1.0
    rsp: float = 1.0
    latency: tuple[int, int] = (1, 4)
    mark: float = 0.1       # fences
    ready: float = 0.8      # of receivers


class Bench:
    """Runs frames through the design. Everything that comes out is compared with the model."""

    def __init__(self, dut, rng):
        p = sim_parameters()
        self.dut, self.rng, self.p = dut, rng, p
        self.lanes, self.channels = p["DATA_W"] // 8, p["CHANNELS"]
        self.peer, self.segments = p.get("PEER", 0), p["SEGMENTS"]
        self.max_burst, self.mtu = p.get("MAX_BURST_BYTES", 512), p.get("LINK_MTU", 1024)
        self.table = SegmentTable(self.segments)
        self.bindings: dict[int, Binding] = {}
        self.beside: deque = deque()   # own operations that begin every second cycle beside everything else
        self.error_rate = 0.0
        self.p_ready = 0.8
        self.wait = False       # frames wait until the slots that are due have come back
        self.unordered = False  # those of several channels come back in any order
        self.compared = self.fences = 0
        self.tamper = lambda kind, value: value
        self.buffers: deque = deque()  # receive entries that a test wants next
        self.fresh()

    def fresh(self):
        self.model = TargetModel(self.peer, self.channels, self.max_burst, self.mtu, self.table,
                                 self.bindings, self.response, self.p.get("OPS", 128),
                                 bool(self.p.get("READ_EN", 1)), bool(self.p.get("ATOMIC_EN", 1)),
                                 bool(self.p.get("SEND_EN", 1)), bool(self.p.get("MIRROR_EN", self.p.get("READ_EN", 1))), lambda: self.rng.random() < self.p_ready,
                                 self.next_buffer)

    def next_buffer(self, ch):
        """A receive entry: mostly right and large enough."""
        if self.buffers:
            return self.buffers.popleft()
        return self.buffer(ch, self.rng.choice([4096, 4096, 4096, 1500]))

    def buffer(self, ch, length, absolute=None, **fields):
        rng = self.rng
        if rng.random() < 0.3 if absolute is None else absolute:
            return Buffer(**{"dst": rng.getrandbits(48), "length": length, "abs": 1, **fields})
        index = rng.choice([i for i in range(self.segments) if self.table.get(i).channel == ch])
        size = self.table.get(index).size
        at = rng.choice([0, size - length, rng.randrange(size - length + 1)])
        return Buffer(**{"dst": self.table.address(index, at), "length": length, **fields})

    def response(self):
        return self.rng.choice([2, 3]) if self.rng.random() < self.error_rate else 0

    async def reset(self, clock=True):
        d = self.dut
        for name in ("rop_valid", "rop_tag", "rop_ch", "rop_func", "rop_abs", "rop_dst", "rop_total", "rop_atomic", "rop_mirror", "rx_held", "aq_room", "at_done", "kill_valid",
                     "kill_tag", "kill_status", "rdone_ready", "rf_valid", "rf_ch", "mark", "rx_valid", "rx_hdr", "rxp_valid", "rxp_data", "rxp_last", "rsp_ready",
                     "bind_ok", "bind_peer", "bind_peer_ch", "bind_func", "seg_entry", "wb_ready",
                     "wb_b_valid", "wb_b_resp", "mark", "dead", "q_done", "q_ok", "q_dst", "q_len", "q_bad", "q_abs", "x_ready"):
            getattr(d, name).value = 0
        d.link_up.value = 1
        d.aq_room.value = d.rst.value = 1  # before the first edge: the RTL's assertions hold from reset on
        if clock:
            Clock(d.clk, 10, "ns").start(start_high=False)
        await ClockCycles(d.clk, 3)
        d.rst.value = 0

    def set_up(self):
        """Every channel is bound and has a segment; the others are for violations."""
        rng = self.rng
        for ch in range(self.channels):
            self.bindings[ch] = Binding(True, self.peer, (ch * 7 + 3) % 256, rng.randrange(256))
        for i in range(self.segments):
            self.table.set(i, Segment(
                True, rng.getrandbits(48) << 12, rng.choice([5000, 8192, 70001, 1 << 20, 1 << 40]),
                R_WRITE | R_REMOTE | R_LOCAL, i % self.channels, rng.choice([self.peer, 15]),
                rng.randrange(4096)))

    def operation(self, ch, length=None, index=None, offset=None, **fields):
        """The frames of a WRITE, as the peer's engine makes them."""
        rng = self.rng
        index = index if index is not None else rng.choice(
            [i for i in range(self.segments) if self.table.get(i).channel == ch])
        size = self.table.get(index).size
        length = length or rng.choice([1, 7, 8, 64, 100, 511, 512, 513, 1024, 1500, 4000])
        length = min(length, size)
        if offset is None:
            offset = rng.choice([0, size - length, rng.randrange(size - length + 1)])
        op = dict(type=int(FrameType.WRITE), src_ch=self.bindings[ch].peer_ch, dst_ch=ch,
                  op_seq=rng.getrandbits(16), tag=rng.getrandbits(16),
                  segaddr=self.table.address(index, offset), total_len=length)
        op.update(fields)
        notify = NOTIFY if rng.random() < 0.5 else 0
        frames = []
        for at in range(0, length, self.mtu):
            size = min(self.mtu, length - at)
            flags = (FIRST if at == 0 else 0) | (LAST if at + size == length else 0) | notify
            frames.append((Frame(**{**op, "flags": flags, "payload_len": size, "offset": at}),
                           rng.randbytes(size)))
        return frames

    def message(self, ch, length, ask=None, **fields):
        """The frames of a WRITE_IMM: at once, or behind a question."""
        fields = {"type": int(FrameType.WRITE_IMM), "operand0": self.rng.getrandbits(32), **fields}
        if not length:
            frame = self.operation(ch, 1, **fields)[0][0]
            frames = [(replace(frame, total_len=0, payload_len=0), b"")]
        else:
            frames = self.operation(ch, length, **fields)
        if ask or len(frames) > 1:
            first = frames[0][0]
            head = replace(first, flags=first.flags & ~LAST | FIRST, payload_len=0)
            frames = [(head, b"")] + [(replace(f, flags=f.flags & ~FIRST), data) for f, data in frames]
        return frames

    @staticmethod
    def cancel(frame: Frame):
        return (Frame(type=int(FrameType.WRITE), flags=CANCEL, src_ch=frame.src_ch,
                      dst_ch=frame.dst_ch, op_seq=frame.op_seq, tag=frame.tag,
                      segaddr=frame.segaddr, total_len=frame.total_len), b"")

    async def run(self, items, rates: Rates, slots=None, stop_after=None, hold_rsp=False):
        """items: (frame, payload), or a callable that changes tables when nothing is under way.

        Returns the cycles from the first header to the last write beat."""
        d, rng, m = self.dut, self.rng, self.model
        slots = slots or self.channels + 16
        todo = deque(items)
        payload: deque = deque()    # (beat, last)
        held = 0                    # slots in use
        places = 0                  # frames of the hold FIFO under way
        hdr_on = pay_on = False
        bursts: deque = deque()     # responses: (cycle, resp, bytes)
        given = answered = 0        # bytes accepted, bytes with a response
        fence, late, marked = 0, 0, False  # bytes that a mark waits for
        beats: list = []
        now: dict = {}
        rsp_held = rdone_held = None
        q_wait = x_wait = -1        # cycles until a slot is granted, or taken
        owed: list = []             # READ requests whose slot the responder gives back
        rf_on = False
        cycle, idle, started, finished = 0, 0, None, None
        began = -2
        while True:
            if not hdr_on and todo and callable(todo[0]) and not held and not places and not d.busy.value and not m.used:
                todo.popleft()()
                continue
            self.wait = self.wait and bool(m.used)
            d.rop_valid.value = d.kill_valid.value = 0
            d.q_done.value = d.x_ready.value = 0
            if q_wait == 0:
                grant = m.grants.popleft()
                d.q_done.value, d.q_ok.value = 1, grant.ok
                b = grant.buffer or Buffer(rng.getrandbits(64), rng.getrandbits(32), rng.getrandbits(1), rng.getrandbits(1))
                d.q_dst.value, d.q_len.value, d.q_bad.value, d.q_abs.value = b.dst, b.length, b.bad, b.abs
            q_wait -= q_wait >= 0
            if x_wait == 0:
                d.x_ready.value = 1
            x_wait -= x_wait >= 0
            if self.beside and cycle >= began + 2:
                began = cycle
                self.event(self.beside.popleft())
            if not hdr_on and todo and isinstance(todo[0], (Own, Kill)):
                if cycle >= began + 2 or isinstance(todo[0], Kill):   # own operations begin two cycles apart or more
                    began = cycle if isinstance(todo[0], Own) else began
                    self.event(todo.popleft())
            elif not hdr_on and todo and not callable(todo[0]) and held < slots and places < 12 and not self.wait and (
                    rng.random() < rates.hdr):
                frame, data, *mirror = todo[0]
                hdr_on = True
                held += not mirror
                places += bool(mirror)
                d.rx_held.value = int(bool(mirror))
                d.rx_hdr.value = frame.to_int() | rng.getrandbits(32) << 480
                m.frame(frame, data, bool(mirror))
                for at in range(0, len(data), self.lanes):
                    beat = data[at : at + self.lanes].ljust(self.lanes, b"\0")
                    payload.append((int.from_bytes(beat, "little"), at + self.lanes >= len(data)))
            if not pay_on and payload and rng.random() < rates.payload:
                pay_on = True
                d.rxp_data.value, d.rxp_last.value = payload[0]
            d.rx_valid.value, d.rxp_valid.value = hdr_on, pay_on
            d.wb_ready.value = rng.random() < rates.wb
            d.rdone_ready.value = rng.random() < rates.rsp
            if not rf_on and owed and rng.random() < 0.2:
                rf_on = True
                d.rf_ch.value = owed[0]
            d.rf_valid.value = rf_on
            d.rsp_ready.value = not hold_rsp and rng.random() < rates.rsp
            d.wb_b_valid.value = bool(bursts) and bursts[0][0] <= cycle
            d.wb_b_resp.value = bursts[0][1] if bursts else 0
            mark = rng.random() < rates.mark
            d.mark.value = mark
            event_b = bool(bursts) and bursts[0][0] <= cycle
            await Timer(1, "ns")
            if not d.rst.value:
                found = self.bindings.get(int(d.bind_ch.value) if d.bind_ch.value.is_resolvable
                                          else 0, Binding())
                d.bind_ok.value, d.bind_peer.value = found.ok, found.peer
                d.bind_peer_ch.value, d.bind_func.value = found.peer_ch, found.func
                if d.seg_idx.value.is_resolvable:
                    d.seg_entry.value = self.table.get(int(d.seg_idx.value)).pack()
            await RisingEdge(d.clk)
            cycle += 1
            idle += 1
            if d.q_valid.value and q_wait < 0 and not d.q_done.value:
                assert m.grants and m.grants[0].ch == int(d.q_ch.value), "a slot that no message needs"
                assert m.grants[0].send == int(d.q_send.value), "a receive entry"
                q_wait = rng.randrange(6)
            if d.sure_valid.value:
                assert m.sures and m.sures.popleft() == int(d.sure_ch.value), "sure of a receive entry"
            if d.x_valid.value and d.x_ready.value:
                self.slot(d, m)
                idle = 0
            elif d.x_valid.value and x_wait < 0:
                x_wait = rng.randrange(6)
            if hdr_on and d.rx_ready.value:
                hdr_on, idle = False, 0
                todo.popleft()
                started = started or cycle
            if pay_on and d.rxp_ready.value:
                pay_on, idle = False, 0
                payload.popleft()
            if marked and d.mark_over.value:
                assert answered >= fence, f"over, but only {answered} of {fence} bytes have a response"
                self.fences += 1
                marked = False
            elif marked and answered >= fence:
                late += 1
                assert late < min(slots, 64) + 8, "everything before the mark is over, and it is not seen"
            if event_b:
                answered += bursts.popleft()[2]
                idle = 0
            if d.wb_valid.value and d.wb_ready.value:
                idle, finished = 0, cycle
                if d.wb_first.value:
                    assert not beats, "a burst begins within another one"
                    now = dict(addr=int(d.wb_addr.value), length=int(d.wb_len.value),
                               user=int(d.wb_user.value))
                assert bool(d.wb_first.value) == (not beats), "first"
                beats.append((int(d.wb_data.value), int(d.wb_strb.value)))
                if d.wb_last.value:
                    resp = self.burst(now, beats)
                    when = cycle + rng.randint(*rates.latency)
                    when = max(when, bursts[-1][0] + 1 if bursts else 0)
                    bursts.append((when, resp, sum(strb.bit_count() for _, strb in beats)))
                    beats = []
            elif rates.payload == 1.0 and rates.hdr == 1.0 and beats:
                assert d.wb_valid.value or not payload, "a gap within a burst"
            if d.cnt_in_valid.value:
                want = m.counts.popleft()
                assert (int(d.cnt_in_ch.value), int(d.cnt_in_bytes.value)) == want, "count"
                given += want[1]
            if mark:
                fence, late, marked = given, 0, True
            if d.irq_valid.value:
                want = m.irqs.popleft()
                assert int(d.irq_ch.value) == want, "interrupt of another channel"
            if d.rsp_valid.value:
                got = Answer(*(int(getattr(d, f"rsp_{n}").value) for n in (
                    "src_ch", "dst_ch", "op_seq", "tag", "status", "status2")))
                assert rsp_held in (None, got), "an answer changed while it was stalled"
                rsp_held = got
                if d.rsp_ready.value:
                    rsp_held, idle = None, 0
                    want = (m.permits if d.rsp_permit.value else m.answers).popleft()
                    got = self.tamper("answer", got)
                    assert got == want, f"answer {got}, expected {want}"
                    self.compared += 1
            else:
                assert rsp_held is None, "an answer was withdrawn"
            assert not d.aq_valid.value, "an ATOMIC has passed"
            if d.rq_valid.value:
                got = Request(*(int(getattr(d, f"rq_{n}").value) for n in (
                    "ch", "peer_ch", "op_seq", "tag", "segaddr", "total", "offset", "first", "last", "bytes",
                    "status", "addr", "user")))
                want = m.requests.popleft()
                if want.status:  # then these mean nothing
                    got = replace(got, addr=want.addr, bytes=want.bytes, user=want.user)
                got = self.tamper("request", got)
                assert got == want, f"request {got}, expected {want}"
                self.compared += 1
                owed.append(got.peer_ch)
            if d.rdone_valid.value:
                got = (int(d.rdone_tag.value), int(d.rdone_status.value))
                assert rdone_held in (None, got), "an end changed while it was stalled"
                rdone_held = got
                if d.rdone_ready.value:
                    rdone_held, idle = None, 0
                    assert m.rdones, f"an end that is not due: {got}"
                    want = m.rdones.popleft()
                    got = (*self.tamper("rdone", got), int(d.rdone_status2.value))
                    assert got == want, f"end {got}, expected {want}"
                    self.compared += 1
            else:
                assert rdone_held is None, "an end was withdrawn"
            if d.held_free.value:
                assert places, "a place of the hold FIFO comes back that was not taken"
                places -= 1
                idle = 0
            if d.slot_free.value:
                key = (-1,) if d.slot_free_rd.value else int(d.slot_free_ch.value)
                if rf_on and d.rf_ready.value:
                    rf_on = False
                    assert key == owed.pop(0), "slot of another channel"
                elif m.loose:
                    m.slots.remove(key)
                else:
                    assert key == m.slots.popleft(), "slot of another channel"
                held -= 1
                idle = 0
            if stop_after is not None and cycle >= stop_after:
                return cycle
            if not (todo or payload or held or places or beats or bursts or m.used):
                break
            if hold_rsp and idle > 60:
                return held
            assert idle < 400, "nothing moves"
        for _ in range(3):
            await RisingEdge(d.clk)
            assert not (d.wb_valid.value or d.rsp_valid.value or d.busy.value), "not at rest"
        self.finish()
        return (finished or 0) - (started or 0)

    def burst(self, now, beats):
        """Check a burst; returns the response that the model chose for it."""
        lanes = self.lanes
        assert len(beats) == now["length"] + 1, "beats of the burst"
        base = now["addr"] // lanes * lanes
        line = now["addr"] // self.max_burst
        assert (base + len(beats) * lanes - 1) // self.max_burst == line, "crosses an edge"
        raw = bytearray()
        first = None
        for n, (data, strb) in enumerate(beats):
            for lane in range(lanes):
                if strb >> lane & 1:
                    at = base + n * lanes + lane
                    first = at if first is None else first
                    assert at == first + len(raw), "strobes with a hole"
                    raw.append(data >> 8 * lane & 0xFF)
                    self.inside(at)
                else:
                    assert not data >> 8 * lane & 0xFF, "a lane without strobe is not 0"
        assert self.model.writes, "a write that nothing asked for"
        want = self.model.writes.popleft()
        got = self.tamper("write", Write(first, bytes(raw), now["user"], want.resp))
        assert got == want, f"write {got}, expected {want}"
        assert now["addr"] == want.addr, "address of the burst"
        self.compared += 1
        return want.resp

    def slot(self, d, m):
        """A completion slot is used or goes back: after all writes of its operation."""
        send = int(d.x_send.value)
        got = Slot(int(d.x_ch.value), int(d.x_back.value), send=send)
        if not got.back:
            got = Slot(got.ch, 0, int(d.x_irq.value), int(d.x_bytes.value), int(d.x_imm.value), send, int(d.x_status.value) * send)
        if self.unordered and got in m.used:
            m.used.remove(got)
            m.used.appendleft(got)
        want = m.used.popleft()
        got = self.tamper("slot", got)
        assert got == want, f"slot {got}, expected {want}"
        self.compared += 1

    def event(self, item):
        """An own READ begins, or is to end."""
        d = self.dut
        self.model.event(item)
        if isinstance(item, Own):
            d.rop_valid.value = 1
            for name in ("tag", "ch", "func", "abs", "dst", "total", "mirror"):
                getattr(d, f"rop_{name}").value = getattr(item, name)
        else:
            d.kill_valid.value, d.kill_tag.value, d.kill_status.value = 1, item.tag, item.status

    def inside(self, at):
        """Whatever the model says: every byte lies in a segment that peers may write, or in an own READ's destination."""
        if self.model.owns(at):
            return
        assert any(s.valid and s.rights & R_WRITE and s.rights & R_REMOTE
                   and s.base <= at < s.base + s.size for s in self.table.table.values())

    def finish(self):
        m = self.model
        for what in ("grants", "sures", "permits", "used", "requests", "rdones", "writes", "answers", "irqs", "counts", "slots"):
            assert not getattr(m, what), f"{what} are missing: {getattr(m, what)}"
        assert self.compared, "nothing was compared"
