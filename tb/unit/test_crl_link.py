# SPDX-License-Identifier: Apache-2.0
"""crl_link: two ends on unrelated clocks, good and bad wires."""

from __future__ import annotations

import cocotb
import pytest
from cocotb.triggers import RisingEdge

from models.frame import parse
from models.lay import FrameType, FrameVc
from tb.lib.sim import SimulationError, run_sim, simulators
from tb.unit.link_bench import FIRST, LAST, Bench

pytestmark = pytest.mark.unit
HARNESS = ["tb/unit/crl_link_pair.sv"]
BASE = {
    "DATA_W": 64,
    "LINK_W": 64,
    "CHANNELS": 4,
    "LINK_MTU": 256,
    "RX_SHARED": 4,
    "KEEPALIVE_CYCLES": 512,
    "READ_SLOTS": 4,
}
FAST = simulators()[-1]  # Verilator, unless SIM asks for Icarus: the long tests run once
ODD = (8000, 7300, 6100)  # clock periods of a, b and the link, ps


def run(sim, case, seed=None, **change):
    run_sim("crl_link_pair", __name__, {**BASE, **change}, HARNESS, sim, case, seed=seed,
            public=["crl_link_side", "crl_link_wire"])


class WireCheck:
    """Every frame on a wire, read by the golden model: CRC, length, padding, identity, numbers."""

    def __init__(self, bench: Bench, wire, src: int, dst: int) -> None:
        self.bench, self.wire, self.src, self.dst = bench, wire, src, dst
        self.frames = []
        cocotb.start_soon(self.run())

    async def run(self) -> None:
        w, raw = self.wire, bytearray()
        beat = self.bench.p["LINK_W"] // 8
        while True:
            await RisingEdge(w.clk)
            if str(w.s_tvalid.value) != "1" or not int(w.s_tready.value):
                continue
            raw += int(w.s_tdata.value).to_bytes(beat, "little")
            if int(w.s_tlast.value):
                frame = parse(bytes(raw), beat, self.bench.p["LINK_MTU"])
                assert (frame.src_node, frame.dst_node, frame.epoch) == (self.src, self.dst, 7)
                self.frames.append(frame)
                raw.clear()

    def end(self) -> None:
        """Without faults nothing is sent twice: numbers go up by one on each virtual channel."""
        for vc in (FrameVc.REQ, FrameVc.RSP):
            seqs = [f.link_seq for f in self.frames if f.vc == vc]
            assert seqs and seqs == [n & 0xFFFF for n in range(len(seqs))]


def no_errors(dut) -> None:
    for side in (dut.a, dut.b):
        assert [int(x.value) for x in (side.n_crc, side.n_bad, side.n_nak, side.n_down)] == [0] * 4


@cocotb.test()
async def random_frames(dut):
    """Stimulus: random frames both ways, random pauses everywhere.
    Checking: every frame and answer arrives once, in order, unchanged; the wires by the golden model."""
    b = Bench(dut, periods=ODD)
    checks = [WireCheck(b, dut.ab, 1, 2), WireCheck(b, dut.ba, 2, 1)]
    await b.start()
    await b.up()
    for phase in range(4):
        for n in (b.a, b.b):
            n.p_take, n.p_beat, n.p_rx, n.p_rxp, n.p_ack = (
                (1, 1, 1, 1, 1) if phase == 0 else [b.rng.choice((0.2, 0.6, 1)) for _ in range(5)]
            )
            n.p_fields = b.rng.choice((1, 0.5, 0.1))
            n.p_junk = b.rng.choice((0, 0.7))
            n.free_delay = b.rng.choice(((0, 0), (0, 50), (10, 300)))
            n.status = lambda r: r.op_seq % 3
        for w in b.wires:
            w.p_in.value = w.p_out.value = 0 if phase == 0 else b.rng.choice((0, 30, 128))
        some = 40 if b.p["LINK_MTU"] <= 256 else 16
        b.load(b.a, some)
        b.load(b.b, some)
        await b.drain()
    b.finish(at_least=60)
    no_errors(dut)
    for check in checks:
        check.end()


WIDTHS = [(64, 64), (512, 512), (64, 128), (128, 64), (512, 64), (256, 512)]


PAIRS = [*WIDTHS[:2], *(pytest.param(*w, marks=pytest.mark.sweep) for w in WIDTHS[2:])]


@pytest.mark.parametrize("data_w,link_w", PAIRS)
def test_random_frames(sim, data_w, link_w):
    run(sim, "random_frames", DATA_W=data_w, LINK_W=link_w)


@pytest.mark.parametrize("channels,shared,mtu", [pytest.param(1, 0, 64, marks=pytest.mark.sweep), (64, 16, 128), pytest.param(3, 1, 1024, marks=pytest.mark.sweep)])
def test_shapes(channels, shared, mtu):
    run("icarus", "random_frames", CHANNELS=channels, RX_SHARED=shared, LINK_MTU=mtu)


@cocotb.test()
async def reads(dut):
    """Stimulus: READ and WRITE frames both ways at once, every READ answered by the second client, some with a status and
    beats that are dropped; random pauses, slow slots.
    Checking: all arrive once and unchanged, each client's in order; never more answers asked for than there are slots; the
    wires by the golden model; everybody gets on."""
    b = Bench(dut, periods=ODD)
    checks = [WireCheck(b, dut.ab, 1, 2), WireCheck(b, dut.ba, 2, 1)]
    await b.start()
    await b.up()
    for phase in range(4):
        for n in (b.a, b.b):
            n.p_take, n.p_beat, n.p_rx, n.p_rxp, n.p_ack = (
                (1, 1, 1, 1, 1) if phase == 0 else [b.rng.choice((0.2, 0.6, 1)) for _ in range(5)]
            )
            n.free_delay = b.rng.choice(((0, 0), (0, 50), (10, 300)))
        b.load(b.a, 60, reads=0.5)
        b.load(b.b, 60, reads=(0.5, 0.0, 1.0, 0.9)[phase])
        await b.drain()
    b.finish(at_least=60)
    for n, name in ((b.a, "ba"), (b.b, "ab")):
        b.reads[name].end(40)
        assert n.max_reads == b.p["READ_SLOTS"] and not n.reads_out
    no_errors(dut)
    for wire in checks:
        seqs = [f.link_seq for f in wire.frames if f.vc == FrameVc.REQ or f.type == FrameType.READ_DATA]
        assert seqs == [n & 0xFFFF for n in range(len(seqs))]
        types = [f.type for f in wire.frames]
        assert types.count(FrameType.READ_DATA) and types.count(FrameType.WRITE)


@pytest.mark.parametrize("data_w,link_w", PAIRS)
def test_reads(sim, data_w, link_w):
    run(sim, "reads", DATA_W=data_w, LINK_W=link_w)


@pytest.mark.parametrize("data_w,link_w", [pytest.param(128, 64, marks=pytest.mark.sweep), (512, 64)])
def test_widths(data_w, link_w):
    """Links narrower than the node, which have gearboxes."""
    run("icarus", "reads", DATA_W=data_w, LINK_W=link_w)


@cocotb.test()
async def reads_noise(dut):
    """Stimulus: as reads, with bit flips on both wires. Checking: all arrive once, in order, and the link stays up."""
    b = Bench(dut, periods=ODD, delay=40)
    await b.start()
    await b.up()
    for w in b.wires:
        w.p_flip.value = 200
    for n in (b.a, b.b):
        b.load(n, 150, reads=0.4)
    await b.drain(300000)
    for w in b.wires:
        w.p_flip.value = 0
    assert all(board.compared > 30 for board in b.reads.values())
    assert int(dut.ab.n_faults.value) > 10 and int(dut.ba.n_faults.value) > 10
    assert int(dut.a.n_down.value) == int(dut.b.n_down.value) == 0


def test_reads_noise():
    run(FAST, "reads_noise")


@cocotb.test()
async def saturated(dut):
    """Stimulus: both clients of a always have frames, the window is full (long delay). Checking: neither starves: in any
    stretch of frames on the wire each has a share."""
    b = Bench(dut, delay=400)
    check = WireCheck(b, dut.ab, 1, 2)
    await b.start()
    await b.up()
    for _ in range(120):
        b.a.send(b.a.make(b.rng.randrange(4), 64))
        b.b.send(b.b.make(b.rng.randrange(4), 0, type=int(FrameType.READ), arg=64, dst_ch=b.rng.randrange(4)))
    b.a.p_take = 1.0
    await b.drain(200000)
    kinds = [f.type for f in check.frames if f.type in (FrameType.READ_DATA, FrameType.WRITE)]
    assert kinds.count(FrameType.READ_DATA) == kinds.count(FrameType.WRITE) == 120
    first = [kinds.index(FrameType.READ_DATA), kinds.index(FrameType.WRITE)]
    busy = kinds[max(first) : max(first) + 100]
    assert min(busy.count(FrameType.READ_DATA), busy.count(FrameType.WRITE)) >= 15


def test_saturated():
    run(FAST, "saturated", CHANNELS=4, RX_SHARED=40, READ_SLOTS=40)


@cocotb.test()
async def no_reads_there(dut):
    """Stimulus: b has no READ (READ_SLOTS 0) and answers READ by OP_NAK; more of them than a has slots.
    Checking: a needs no slot for them, all are answered."""
    b = Bench(dut, periods=ODD)
    await b.start()
    await b.up()
    b.b.answer_reads = False
    b.b.status = lambda r: 0x81 if r.type == FrameType.READ else 0
    for _ in range(20):
        b.a.send(b.a.make(b.rng.randrange(4), 0, type=int(FrameType.READ), arg=64))
    await b.drain()
    b.reqs["ab"].end(20)
    assert b.rsps["ba"].compared == 20


def test_no_reads_there():
    run(FAST, "no_reads_there", READ_SLOTS_B=0)


@cocotb.test()
async def faults(dut):
    """Stimulus: one fault after the other on frames of every type: bit flips (header, payload, CRC,
    bursts), loss, cut short, end missing, sent twice, a hole in tkeep, a beat too many.
    Checking: all the same everything arrives once, in order, unchanged; the fault was counted."""
    b = Bench(dut, periods=ODD, delay=20)
    await b.start()
    await b.up()
    w = b.p["LINK_W"]
    one = 1 << b.rng.randrange(w)
    burst = (0xFFFFFFFF << b.rng.randrange(w - 32)) & ((1 << w) - 1)
    plans = [(1, beat, one) for beat in (0, 1, 2, 5, 7, 9, 30)] + [(1, 8, burst), (1, 3, burst)]
    plans += [(k, beat, 1) for k in (2, 3, 4, 5, 6, 7) for beat in (0, 2, 9)]
    types = (FrameType.WRITE, FrameType.OP_ACK, FrameType.IDLE)
    hit = 0
    for n, (kind, beat, mask) in enumerate(plans):
        wire = b.wires[n % 2]
        wire.fault_beat.value = beat
        wire.fault_mask.value = mask
        wire.fault_skip.value = b.rng.randrange(4)
        wire.fault_type.value = int(types[n % 3])
        wire.fault.value = kind
        b.load(b.a, 12)
        b.load(b.b, 12)
        await b.drain(20000)
        if int(wire.fault.value) == 0:
            hit += 1
        wire.fault.value = 0
    b.finish(at_least=12 * len(plans) - 1)
    assert hit >= len(plans) * 2 // 3
    seen = sum(int(x.value) for s in (dut.a, dut.b) for x in (s.n_crc, s.n_bad))
    assert seen >= hit // 2, "faults must be counted"
    assert int(dut.a.n_nak.value) + int(dut.b.n_nak.value) > 0
    assert int(dut.a.n_down.value) == int(dut.b.n_down.value) == 0


def test_faults():
    run(FAST, "faults")


@pytest.mark.parametrize("width", [512])
def test_faults_wide(width):
    run("icarus", "faults", DATA_W=width, LINK_W=width)


@cocotb.test()
async def noise(dut):
    """Stimulus: random bit flips on both wires, about one frame in ten, REQ and RSP both ways.
    Checking: everything arrives once, in order, unchanged, and the link stays up."""
    b = Bench(dut, periods=ODD, delay=40)
    await b.start()
    await b.up()
    for w in b.wires:
        w.p_flip.value = 200
    for n in (b.a, b.b):
        b.load(n, 150)
    await b.drain(300000)
    for w in b.wires:
        w.p_flip.value = 0
    b.finish(at_least=50)
    assert int(dut.ab.n_faults.value) > 10 and int(dut.ba.n_faults.value) > 10
    assert int(dut.a.n_down.value) == int(dut.b.n_down.value) == 0


def test_noise():
    run(FAST, "noise")


@cocotb.test()
async def credits(dut):
    """Stimulus: channel 1 never frees its slots, then all channels are slow; more frames than credits.
    Checking: the others flow; a channel holds at most its own and the shared slots, all together no more
    than there are; what was held arrives in the end."""
    b = Bench(dut, periods=ODD)
    await b.start()
    await b.up()
    shared, channels = b.p["RX_SHARED"], b.p["CHANNELS"]
    b.b.slow = {1}
    for _ in range(3 * shared):
        b.a.send(b.a.make(1, 16))
    for c in range(channels):
        if c != 1:
            for _ in range(10):
                b.a.send(b.a.make(c, 16))
    others = lambda: all(not b.a.queue[c] for c in range(channels) if c != 1)  # noqa: E731
    await b.until(others, 20000, "the other channels flow")
    await b.cycles(500)
    assert b.b.held[1] == shared + 1, "one of its own and all the shared ones"
    assert len(b.a.queue[1]) == 3 * shared - (shared + 1)
    assert int(dut.a.tx_ok.value) == (1 << channels) - 1 & ~2, (
        "each other channel has its own credit"
    )
    b.b.slow = set(range(channels))
    for c in range(channels):
        for _ in range(shared + 4):
            b.a.send(b.a.make(c, 16))
    await b.cycles(3000)
    assert int(dut.a.tx_ok.value) == 0
    assert sum(b.b.held.values()) == channels + shared
    b.b.slow = set()
    await b.drain()
    assert max(b.b.max_held.values()) <= shared + 1
    b.reqs["ab"].end(30)
    await b.cycles(1500)
    assert int(dut.a.tx_ok.value) == (1 << channels) - 1, "all credits are back"
    no_errors(dut)


def test_credits(sim):
    run(sim, "credits")


@cocotb.test()
async def freed_early(dut):
    """Stimulus: payload leaves slowly, frames without payload behind it are freed at once; more frames than slots, on all channels.
    Checking: a credit comes back when a slot is empty, not before: every frame finds room, none is sent twice."""
    b = Bench(dut, periods=ODD)
    checks = [WireCheck(b, dut.ab, 1, 2), WireCheck(b, dut.ba, 2, 1)]
    await b.start()
    await b.up()
    b.a.p_take = 1.0
    for node in (b.a, b.b):
        node.early, node.p_rxp = True, 0.1
        for n in range(30 * b.p["CHANNELS"]):
            node.send(node.make(n % b.p["CHANNELS"], b.rng.choice((0, 0, b.p["LINK_MTU"])), flags=FIRST))
    await b.drain(30000)
    b.reqs["ab"].end(100)
    b.reqs["ba"].end(100)
    assert min(b.a.max_early, b.b.max_early) >= 1, "none was early"
    no_errors(dut)
    for check in checks:
        seqs = [f.link_seq for f in check.frames if f.vc == FrameVc.REQ]
        assert seqs == list(range(len(seqs)))


@pytest.mark.parametrize("data_w,link_w", [(64, 64), pytest.param(512, 512, marks=pytest.mark.sweep)])
def test_freed_early(sim, data_w, link_w):
    # No slots for READ_DATA: all that there are have their credits in use.
    run(sim, "freed_early", DATA_W=data_w, LINK_W=link_w, READ_SLOTS=0)


@cocotb.test()
async def lost_credit(dut):
    """Stimulus: IDLE frames that bring credits back are lost or spoiled, nothing else is sent.
    Checking: the counts are repeated, all credits come back."""
    b = Bench(dut, periods=ODD)
    await b.start()
    await b.up()
    for kind in (1, 2):
        for _ in range(3):
            dut.ba.fault_type.value = int(FrameType.IDLE)
            dut.ba.fault.value = kind
            for c in range(b.p["CHANNELS"]):
                for _ in range(3):
                    b.a.send(b.a.make(c, 8, flags=0))
            await b.until(b.a.idle, 20000, "sent")
            limit = b.p["KEEPALIVE_CYCLES"] * (b.p["CHANNELS"] + 3)
            full = (1 << b.p["CHANNELS"]) - 1
            await b.until(lambda: not b.reqs["ab"].expected, 2000, "received")
            free = dut.a.dut.u_credit_tx
            await b.until(
                lambda: int(free.pool_q.value) == 0 and int(free.none_q.value) == full,
                limit,
                "credits",
            )
    b.reqs["ab"].end(60)


def test_lost_credit():
    run("icarus", "lost_credit")


@cocotb.test()
async def restarts(dut):
    """Stimulus: in mid-flight, again and again: reset of one node, of one link side, of both at once,
    pin low, disabled, another epoch, wires cut for longer than the time-out.
    Checking: the other side never hangs; nothing comes twice, late or changed; traffic flows again."""
    b = Bench(dut, periods=ODD, delay=10)
    await b.start()
    sides = (dut.a, dut.b)
    both = 0
    for n in range(18):
        await b.up(8000)
        b.load(b.a, 30, reads=0.3)
        b.load(b.b, 30, reads=0.3)
        await b.cycles(b.rng.randrange(20, 1500))
        b.lossy(True)
        side = b.rng.randrange(2)
        kind = n % 6
        if kind in (0, 1):
            pins = [(dut.rst_a, dut.rst_b), (dut.link_rst_a, dut.link_rst_b)][kind]
            pins = pins if b.rng.random() < 0.25 else (pins[side],)
            for pin in pins:
                pin.value = 1
            await b.cycles(b.rng.choice((2, 5, 50, 3000)))
            for pin in pins:
                pin.value = 0
        elif kind == 2:
            pin = (dut.up_a, dut.up_b)[side]
            pin.value = 0
            await b.cycles(b.rng.choice((4, 40, 3000)))
            pin.value = 1
        elif kind == 3:
            sides[side].cfg_enable.value = 0
            await b.cycles(b.rng.choice((4, 40, 3000)))
            sides[side].cfg_enable.value = 1
        elif kind == 4:
            sides[side].cfg_epoch.value = 100 + n
            await b.cycles(b.rng.choice((10, 3000)))
            sides[1 - side].cfg_epoch.value = 100 + n
        else:
            for w in b.wires if n % 2 else b.wires[:1]:
                w.cut.value = 1
            down = lambda: not (int(dut.a.up.value) and int(dut.b.up.value))  # noqa: E731
            await b.until(down, 8000, "a cut wire is noticed")
            for w in b.wires:
                w.cut.value = 0
        await b.cycles(2200)
        await b.up(10000)
        for node in (b.a, b.b):
            for q in node.queue:
                q.clear()
        await b.until(lambda: b.a.idle() and b.b.idle(), 20000, "what was begun is taken")
        await b.cycles(800)
        b.forget()
        b.lossy(False)
        both += 1
        assert b.is_up()
        b.load(b.a, 15, reads=0.3)
        b.load(b.b, 15, reads=0.3)
        await b.drain(30000)
    b.finish(at_least=100)
    assert both == 18


def test_restarts():
    run(FAST, "restarts")


@cocotb.test()
async def late_frames(dut):
    """Stimulus: frames of one session stay in the wire, and come in the next one, in which the same numbers are expected: before
    its first frames, among them, or while it is agreed upon; EPOCH frames too. Each side begins anew, for each reason, or both.
    Checking: each is dropped; those that come to a side that is up are counted as bad frames, none as a bad CRC; of the old
    session nothing is shown, acknowledged or given back, and of the new one nothing is missing."""
    b = Bench(dut, periods=ODD, delay=10)
    await b.start()
    total = 0
    for n in range(12):
        await b.up(8000)
        when = ("before", "among", "down", "all types")[n % 4]
        for w in b.wires:
            w.keep.value = 2 if when == "all types" else 1
        for node in (b.a, b.b):
            b.load(node, 8, sizes=(0, 1, 8, 64))
        await b.until(lambda: min(int(w.n_kept.value) for w in b.wires) >= 3, 3000, "frames that stay")
        b.lossy(True)
        pins = ((dut.up_a, dut.up_b), (dut.a.cfg_enable, dut.b.cfg_enable), ())[n // 4]
        pins = pins if b.rng.random() < 0.3 else pins[(n & 1) :][:1]
        for pin in pins:
            pin.value = 0
        down = lambda: not int(dut.a.up.value) and not int(dut.b.up.value)  # noqa: E731
        if when == "down" or not pins:
            await b.until(down, 8000, "down")
        if pins:  # else a new session begins by itself, whose frames must not stay
            await b.cycles(b.rng.choice((4, 40, 400)))
        for w in b.wires:
            w.keep.value = 0
        await b.cycles(1)  # one may begin at this edge
        seen = [int(s.n_bad.value) for s in (dut.b, dut.a)]
        kept = [int(w.n_kept.value) for w in b.wires]
        for w in b.wires:
            w.late.value = int(when == "down")
        if when == "down":
            if not pins:
                pins = (dut.up_a, dut.up_b)
                for pin in pins:
                    pin.value = 0
            await b.cycles(900)
            assert seen == [int(s.n_bad.value) for s in (dut.b, dut.a)], "nobody is up"
        for pin in pins:
            pin.value = 1
        await b.up(10000)
        for node in (b.a, b.b):
            for q in node.queue:
                q.clear()
        await b.until(lambda: b.a.idle() and b.b.idle(), 20000, "what was begun is taken")
        await b.cycles(800)
        b.forget()
        b.lossy(False)
        falls = int(dut.a.n_down.value), int(dut.b.n_down.value)
        if when == "among":
            b.load(b.a, 20)
            b.load(b.b, 20)
        for w in b.wires:
            w.late.value = 1
        await b.cycles(1500)
        for w in b.wires:
            assert int(w.n_kept.value) == 0
            w.late.value = 0
        if when in ("before", "among"):
            assert [x + y for x, y in zip(seen, kept, strict=True)] == [int(s.n_bad.value) for s in (dut.b, dut.a)]
            assert falls == (int(dut.a.n_down.value), int(dut.b.n_down.value))
        total += sum(kept)
        await b.up(10000)
        b.load(b.a, 15)
        b.load(b.b, 15)
        await b.drain(30000)
    b.finish(at_least=100)
    assert total >= 100 and int(dut.a.n_crc.value) == int(dut.b.n_crc.value) == 0


@pytest.mark.sweep_icarus
@pytest.mark.parametrize("width", [64, pytest.param(512, marks=pytest.mark.sweep)])
def test_late_frames(sim, width):
    run(sim, "late_frames", DATA_W=width, LINK_W=width)


@cocotb.test()
async def bounded(dut):
    """Stimulus: every WRITE frame from a is spoiled, for good.
    Checking: the link goes down in bounded time after a bounded number of replays."""
    b = Bench(dut, periods=(8000, 8000, 8000))
    await b.start()
    await b.up()
    keep = b.p["KEEPALIVE_CYCLES"]

    async def spoil():
        while True:
            await RisingEdge(dut.link_clk)
            dut.ab.fault_type.value = int(FrameType.WRITE)
            dut.ab.fault_beat.value = 9
            dut.ab.fault.value = 1

    job = cocotb.start_soon(spoil())
    b.a.send(b.a.make(0, 64))
    b.lossy(True)
    await b.until(lambda: int(dut.a.n_down.value) > 0, 5 * keep, "down")
    assert 2 <= int(dut.ab.n_type[int(FrameType.WRITE)].value) <= 10
    job.cancel()
    await b.cycles(100)
    dut.ab.fault.value = 0
    await b.up(8 * keep)
    b.forget()
    b.lossy(False)
    b.a.send(b.a.make(0, 64))
    await b.drain()
    b.reqs["ab"].end(1)


def test_bounded():
    run(FAST, "bounded")


@cocotb.test()
async def quiet_link(dut):
    """Stimulus: no traffic for a long time; then a's idea of the peer's number is wrong; other parameters.
    Checking: the link stays up with a frame every half keep-alive time; then it goes down and stays down; and comes back."""
    b = Bench(dut, periods=ODD)
    await b.start()
    await b.up()
    keep = b.p["KEEPALIVE_CYCLES"]
    await b.cycles(300)
    before = int(dut.ab.n_frames.value), int(dut.ba.n_frames.value)
    await b.cycles(20 * keep)
    assert b.is_up()
    for old, w in zip(before, b.wires, strict=True):
        assert 20 <= int(w.n_frames.value) - old <= 44
    dut.a.cfg_peer_node.value = 9
    await b.until(lambda: not int(dut.a.up.value) and not int(dut.b.up.value), 6 * keep, "down")
    await b.cycles(4 * keep)
    assert not int(dut.a.up.value) and not int(dut.b.up.value)
    assert int(dut.a.n_bad.value) > 0 and int(dut.b.n_bad.value) > 0
    assert int(dut.a.tx_ok.value) == 0
    dut.a.cfg_peer_node.value = 2
    await b.up()
    b.load(b.a, 5)
    await b.drain()
    b.reqs["ab"].end(5)


def test_quiet_link():
    run(FAST, "quiet_link")


@cocotb.test()
async def throughput(dut):
    """Stimulus: frames of 1024 and 512 bytes both ways at once, every one a whole operation, both delays.
    Checking: from the first beat of the first WRITE to the last of the last, cycles over beats of WRITE
    and OP_ACK frames are at most 1.03 on each wire."""
    b = Bench(dut)
    await b.start()
    await b.up()
    for size in (1024, 512):
        for delay in (10, 200):
            for n in (b.a, b.b):
                n.max_open = 16 if b.p["LINK_W"] < 512 else 32
                n.p_take = n.p_beat = n.p_rx = n.p_rxp = n.p_ack = 1.0
                n.free_delay = (4, 4)
            for w in b.wires:
                w.delay.value = delay
            await b.cycles(900)
            for w in b.wires:
                w.first.value = w.useful.value = 0
            start = [int(w.n_frames.value) for w in b.wires]
            count = 60 if b.p["LINK_W"] < 512 else 300  # several round trips
            for n in (b.a, b.b):
                for _ in range(count):
                    n.send(n.make(b.rng.randrange(n.channels), size))
            for key in ("ab", "ba"):
                b.reqs[key].compared = b.rsps[key].compared = 0
            await b.until(
                lambda: all(r.compared == count for r in b.reqs.values()), 30000, "received"
            )
            for w, old, name in zip(b.wires, start, ("ab", "ba"), strict=True):
                cycles, bound = int(w.span.value), int(w.useful_span.value)
                extra = int(w.n_frames.value) - old - 2 * count
                dut._log.info(
                    f"throughput {name} size {size} delay {delay}: {cycles} cycles, bound {bound}, "
                    f"ratio {cycles / bound:.4f}, other frames {extra}"
                )
                assert bound >= count * (512 + 8 * size) // b.p["LINK_W"]
                assert cycles / bound <= 1.03
            await b.drain()
    b.finish(at_least=count)
    no_errors(dut)


@cocotb.test()
async def taken_ahead(dut):
    """Stimulus: a wire that hardly takes anything; frames of 64 bytes, or of LINK_MTU, as many as may be reserved.
    Checking: of the long ones 5 and the one that is being sent; of the short ones as many as there are credits, so
    that a run of them covers the time until the next long one has been read."""
    b = Bench(dut)
    await b.start()
    await b.up()
    a, wire = b.a, b.wires[0]
    a.max_open = 64
    a.p_take = a.p_beat = 1.0
    for size, least, most in ((b.p["LINK_MTU"], 5, 6), (64, 28, 32)):
        wire.p_in.value = 255
        await b.cycles(400)  # what is inside the wire's FIFOs does not count
        before = len(a.taken)
        for k in range(60):
            a.send(a.make(k % a.channels, size))
        await b.cycles(1500)
        ahead = len(a.taken) - before
        dut._log.info(f"{size} bytes: {ahead} frames reserved")
        assert least <= ahead <= most + 1, ahead
        wire.p_in.value = 0
        await b.drain()
    for k in range(60):
        b.b.send(b.b.make(k % b.b.channels, 64))
    await b.drain()
    b.finish(at_least=60)


def test_taken_ahead():
    run("icarus", "taken_ahead", CHANNELS=8, LINK_MTU=1024, RX_SHARED=24, KEEPALIVE_CYCLES=65536)


def test_throughput():
    run(FAST, "throughput", CHANNELS=8, LINK_MTU=1024, RX_SHARED=16, KEEPALIVE_CYCLES=4096)


@pytest.mark.parametrize("width,shared,replay", [(256, 48, 64), pytest.param(512, 96, 128, marks=pytest.mark.sweep)])
def test_throughput_wide(width, shared, replay):
    """The defaults of wide links."""
    run(FAST, "throughput", DATA_W=width, LINK_W=width, CHANNELS=8, LINK_MTU=1024, RX_SHARED=shared,
        REPLAY_FRAMES=replay, KEEPALIVE_CYCLES=4096)


@pytest.mark.parametrize("shared,replay", [(125, 256), pytest.param(0, 8, marks=pytest.mark.sweep)])
def test_largest_and_smallest_buffers(shared, replay):
    """The limits that crl_link states."""
    run("icarus", "random_frames", RX_SHARED=shared, REPLAY_FRAMES=replay)


@pytest.mark.parametrize("change", [{"RX_SHARED": 126}, {"REPLAY_FRAMES": 48}, {"REPLAY_FRAMES": 512}, {"REPLAY_FRAMES": 4}],
                         ids=lambda c: "-".join(f"{k}={v}" for k, v in c.items()))
def test_bad_buffers_are_refused(change):
    """Stimulus: sizes beyond the limits. Checking: a sentence that names the parameter."""
    with pytest.raises(SimulationError, match=next(iter(change))):
        run("icarus", "random_frames", **change)


def test_flags_are_used():
    """Stimulus: none. Checking: the bench's operations have a first and a last frame."""
    assert FIRST | LAST == 3
