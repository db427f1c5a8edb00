# SPDX-License-Identifier: Apache-2.0
"""SEND with receive rings under the golden model: receivers whose software is prompt, late, absent or wrong, and the ends of
both sides in the middle of messages.

Beside the model, each test looks at what software sees: which buffer took which message, in order, and that none is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import cocotb
import pytest
from cocotb.triggers import Timer

from models.gen.carillon_layout import (
    Cmd,
    Cqe,
    CqeKind,
    Desc,
    DescFlag,
    Op,
    SegRight,
    State,
    Status,
    Status2,
    status_name,
)
from tb.lib.driver import right_mask
from tb.lib.recorder import now
from tb.lib.sim import run_sim
from tb.lib.testbed import SYSTEM_SOURCES
from tb.system import coverage
from tb.system.base_test import SystemTest, run
from tb.system.builds import BUILDS, SLICE
from tb.system.channel_agent import settle
from tb.system.harness import System, SystemConfig
from tb.system.items import Mix
from tb.system.poster import Posting
from tb.system.test_imm import Reader
from tb.system.test_revoke import SILENT_CYCLES, Silence, check_silence, revoke

PEER = 0x80
NOT_READY, TOO_SHORT = int(Status.RECEIVER_NOT_READY) | PEER, int(Status.RECV_TOO_SHORT) | PEER
MAY = 1 << Status2.MAY_HAVE_EXECUTED
OTHER = {"A": "B", "B": "A"}
EXACT = Posting(exact=True)


async def start(dut, **config) -> System:
    s = System(dut)
    use = min(config.pop("most", 4), s.tb.params.channels)
    await s.begin(SystemConfig(**{"channels": use, "absolute": 0.0, "ring_log2": (5, 5), "qos": False, "posting": EXACT, **config}))
    return s


async def told(s: System, name: str, ch: int, count: int, timeout_ns: int = 400_000) -> list[Cqe]:
    """The first `count` messages that a channel has been told of. Nobody else may reap it meanwhile."""
    c = s.channel(name, ch)
    for _ in range(timeout_ns // 500):
        await c.reap()
        if len(c.messages) >= count:
            return c.messages
        await Timer(500, "ns")
    raise AssertionError(f"{len(c.messages)} of {count} messages")


def fits(entries: Sequence[Desc], messages: Sequence[Cqe], sent: Sequence[Desc]) -> None:
    """Each message took the next buffer and says so."""
    assert len(messages) == len(sent), f"{len(messages)} of {len(sent)} messages"
    for b, e, d in zip(entries, messages, sent, strict=False):
        assert (e.kind, e.tag, e.status, e.bytes, e.immediate) == (
            CqeKind.RECEIVE, b.tag, 0, d.length, d.operand & 0xFFFFFFFF), (b, e, d)


async def holds(s: System, name: str, ch: int, entry: Desc, d: Desc) -> bool:
    """The buffer of `entry` at the peer has the bytes of a SEND of s.send(name, ch, ...)."""
    far = OTHER[name]
    at = s.regions[far][ch].base + (entry.dst & (1 << 40) - 1)
    src = s.regions[name][ch].base + (d.src & (1 << 40) - 1)
    return not d.length or await s.side(far).mem.read(at, d.length) == await s.side(name).mem.read(src, d.length)


async def all_buffers(s: System, name: str, ch: int, at: int) -> None:
    """Every slot of the receiver's ring takes a message, and the one behind them finds none: nothing is lost of ring and slots."""
    far = s.channel(OTHER[name], ch)
    await far.reap()
    before = len(far.messages)
    await s.channel(name, ch).retry(0, 0)
    size = s.posters[OTHER[name], ch].slot // 2
    room = far.recv_free
    await s.posters[OTHER[name], ch].post(room)
    held = (far.rprod - far.rcons) % far.rr.size
    assert held == far.rr.size - 1
    await s.side(OTHER[name]).cycles(80)
    reap = Reader(s, OTHER[name], ch)
    got = await s.channel(name, ch).run([s.send(name, ch, min(size, 40), imm=k, at=at + 64 * k) for k in range(held + 1)])
    assert [e.status for e in got] == [0] * held + [NOT_READY], f"buffers or slots are lost: {[status_name(e.status) for e in got]}"
    await reap.end()
    for _ in range(50):  # a sender is told when its entry has a place, which is before it is in memory
        await far.reap()
        if len(far.messages) >= before + held:
            break
        await s.side(OTHER[name]).cycles(40)
    assert len(far.messages) == before + held


# random traffic --------------------------------------------------------------------------------------------
class MessagesTest(SystemTest):
    """SENDs among all other operations."""

    COUNT = 30

    def config(self):
        return SystemConfig(mix=Mix(max_bytes=6000, sends=8, messages=3), retry=(12, 1), posting=Posting(gap=1500))


class ManyTest(SystemTest):
    """Hardly anything but messages, small rings, receivers that are late."""

    COUNT = 50

    def config(self):
        return SystemConfig(mix=Mix(max_bytes=2500, sends=30, messages=10), retry=(3, 1), ring_log2=(2, 3), recv_log2=(2, 3), lazy=0.6,
                            posting=Posting(eager=0.3, gap=4000, short=0.15, bad=0.1))


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def random_messages(dut):
    """*Stimulus*: SEND and WRITE_IMM mixed with all other operations on all channels of both nodes, receivers that post buffers at random,
    some too short, some in a segment that refuses. *Checking*: the golden model explains every access, frame, completion, both
    memories."""
    await run(dut, MessagesTest)


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def many_messages(dut):
    """*Stimulus*: almost only messages, rings of four and eight, late receivers. *Checking*: as random_messages."""
    await run(dut, ManyTest)


# receivers -------------------------------------------------------------------------------------------------
@cocotb.test(timeout_time=400, timeout_unit="ms")
async def late_and_never(dut):
    """*Stimulus*: SENDs of all sizes to a receiver that posts late, to one that never does, and to prompt ones on other channels of
    both nodes. *Checking*: late: all come, in order, each in the next buffer; never: RECEIVER_NOT_READY for each, the WRITEs
    between them end well; prompt ones don't notice."""
    s = await start(dut, latency=5)
    chans = len(s.nodes["A"].channels)
    slot = s.posters["B", 0].slot
    sizes = [0, 1, min(900, slot), slot, 40, slot // 2, 8, slot - 1]
    late, never = 0, min(1, chans - 1)
    await s.channel("A", late).retry(255, 3)
    work = [s.send("A", late, n, imm=i + 1, at=5000 * i, tag=i) for i, n in enumerate(sizes)]
    job = cocotb.start_soon(s.channel("A", late).run(work, timeout_ns=4_000_000))
    others, readers = [], []
    if chans > 1:
        await s.channel("A", never).retry(2, 1)
        lost = [d for i in range(4) for d in (s.send("A", never, sizes[i], imm=i, at=99 * i), s.write("A", never, 50, at=100 * i))]
        hopeless = cocotb.start_soon(s.channel("A", never).run(lost, timeout_ns=3_000_000))
    for name in s.names:
        for ch in range(2 + (name == "B"), chans, 2):  # one way a channel: its other end only reads
            s.start_posters(OTHER[name], [ch])
            readers.append(Reader(s, OTHER[name], ch))
            await s.channel(name, ch).retry(255, 0)
            some = [s.send(name, ch, 77 + i, imm=i, at=200 * i) for i in range(12)]
            others.append((name, ch, some, cocotb.start_soon(s.channel(name, ch).run(some, timeout_ns=3_000_000))))
    for *_, other in others:
        assert not any(e.status for e in await other)
    for r in readers:
        await r.end()
    await s.stop_posters()
    for name, ch, some, _ in others:
        assert [e.immediate for e in await told(s, OTHER[name], ch, len(some))] == list(range(len(some)))
    if chans > 1:
        got = await hopeless
        assert [e.status for e in got] == [NOT_READY, 0] * 4, [status_name(e.status) for e in got]
    assert not job.done() and not s.channel("B", late).messages
    entries, reader = [], Reader(s, "B", late)
    while len(entries) < len(sizes):
        entries += await s.posters["B", late].post(1)
        await s.side("B").cycles(s.rng.randrange(50, 1500))
    got = await job
    assert not any(e.status for e in got), [status_name(e.status) for e in got]
    await reader.end()
    messages = await told(s, "B", late, len(sizes))
    fits(entries, messages, work)
    assert await holds(s, "A", late, entries[-1], work[-1])
    await s.finish()


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def wrong_buffers(dut):
    """*Stimulus*: entries that are no RECV, buffers that are too short by one or by much, without bytes, of a revoked key, of another channel, without WRITE, that
    end behind their segment, whose memory fails at the beginning or later; messages of one frame and several, with and without
    NOTIFY; good buffers between them. *Checking*: the code at both sides, with bit 7 for the sender; the buffer is used up; a message
    that is shorter than a range that reaches too far is fine; nothing is written by what is refused."""
    s = await start(dut, most=2, recv_log2=(4, 4))
    poster, node, region = s.posters["B", 0], s.nodes["B"], s.regions["B"][0]
    slot = poster.slot
    long = min(slot, 2500)
    gen, end = node.segments[0].gen, region.segment_size
    await node.segment(20, base=region.recv.base, size=1 << 16, rights=right_mask(SegRight.READ, SegRight.LOCAL), channel=0)
    read_only = s.nodes["B"].address(20, 0)
    cases = [
        ({"length": 39}, 40, Status.RECV_TOO_SHORT), ({"length": 0}, 1, Status.RECV_TOO_SHORT),
        ({"length": long - 1}, long, Status.RECV_TOO_SHORT), ({"length": 0}, 0, Status.OK),
        ({"dst": poster.bad()}, 40, Status.KEY_REVOKED), ({"dst": poster.bad()}, long, Status.KEY_REVOKED),
        ({"dst": poster.bad()}, 0, Status.OK), ({"dst": 21 << 52}, 40, Status.SEG_INVALID), ({"dst": read_only}, long, Status.SEG_RIGHTS),
        ({"dst": gen << 40 | end - 100, "length": 5000}, 100, Status.OK), ({"dst": gen << 40 | end - 100, "length": 5000}, 101, Status.SEG_RANGE),
        ({}, 300, Status.OK), ({"opcode": Op.WRITE}, 40, Status.BAD_OPCODE), ({"opcode": 0}, 2500, Status.BAD_OPCODE),
    ]
    if s.tb.params.channels > 1:
        cases.append(({"dst": node.address(1, s.regions["B"][1].offset(s.regions["B"][1].dst.base))}, 40, Status.SEG_BINDING))
    s.rng.shuffle(cases)
    await s.channel("A", 0).retry(255, 0)
    for turn in range(2):
        for k, (fault, size, code) in enumerate(cases):
            before = len(s.channel("B", 0).messages)
            entry = poster.entry(s.channel("B", 0).rprod, at=0, **fault)
            await s.channel("B", 0).post_recv([entry])
            d = s.send("A", 0, size, imm=k, at=3000 * k, flags=(turn << DescFlag.NOTIFY))
            got = await s.channel("A", 0).run([d])
            assert got[0].status == (int(code) | PEER if code else 0) and not got[0].status2, (fault, size, status_name(got[0].status))
            e = (await told(s, "B", 0, before + 1))[-1]
            assert (e.kind, e.tag, e.status, e.status2) == (CqeKind.RECEIVE, entry.tag, int(code), 0), (fault, size, e)
    for at, resp in ((0, 2), (700, 3), (slot // 2, 2)):
        entry = poster.entry(s.channel("B", 0).rprod, at=0)
        base = region.base + (entry.dst & (1 << 40) - 1)
        s.side("B").mem.errors([(base + at, 8, resp, "w")])
        before = len(s.channel("B", 0).messages)
        await s.channel("B", 0).post_recv([entry])
        got = await s.channel("A", 0).run([s.send("A", 0, slot, imm=at), s.write("A", 0, 64)])
        want = int(Status.WRITE_SLVERR if resp == 2 else Status.WRITE_DECERR)
        assert [e.status for e in got] == [want | PEER, 0], [status_name(e.status) for e in got]
        e = (await told(s, "B", 0, before + 1))[-1]
        assert (e.tag, e.status) == (entry.tag, want)
        s.side("B").mem.errors([])
    await all_buffers(s, "A", 0, 20_000)
    await s.finish()


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def end_of_space(dut):
    """*Stimulus*: buffers with absolute addresses shortly before 2^64; messages of one frame and several that end at the last byte of all, before
    it, or would go on behind it. *Checking*: ADDR_WRAP for the last ones only, at both sides; each is in its place, nothing
    else is written."""
    s = await start(dut, most=1, absolute=1.0, recv_log2=(4, 4))
    poster, mem, top = s.posters["B", 0], s.side("B").mem, 1 << 64
    long = min(poster.slot, 2500)
    page = bytearray(s.rng.randbytes(4096))
    await mem.write(top - 4096, bytes(page))
    cases = [(1, 0), (1, 1), (1, 2), (2, 1), (2, 2), (2, 3), (64, 64), (64, 65), (65, 64), (long, long), (long, long + 1), (long, long - 1),
             (1, long), (4096, 40)]
    s.rng.shuffle(cases)
    await s.channel("A", 0).retry(255, 0)
    for k, (room, size) in enumerate(cases):
        entry = poster.entry(s.channel("B", 0).rprod, dst=top - room, length=5000)
        await s.channel("B", 0).post_recv([entry])
        d = s.send("A", 0, size, imm=k, at=3000 * k)
        got = await s.channel("A", 0).run([d])
        code = int(Status.ADDR_WRAP) if size > room else 0
        assert got[0].status == (code and code | PEER), (room, size, status_name(got[0].status))
        e = (await told(s, "B", 0, k + 1))[-1]
        assert (e.kind, e.tag, e.status) == (CqeKind.RECEIVE, entry.tag, code), (room, size, e)
        if not code:
            page[4096 - room : 4096 - room + size] = await s.side("A").mem.read(d.src, size) if size else b""
        assert await mem.read(top - 4096, 4096) == bytes(page), (room, size)
    await s.finish()


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def paused_and_drained(dut):
    """*Stimulus*: SENDs to a channel that is PAUSED, DRAINING with its own work, DISABLED, in ERROR, enabled again; its completion
    ring full. *Checking*: PAUSED receives; the others are not ready; the new life has a receive ring from its beginning."""
    s = await start(dut, channels=1, ring_log2=(4, 2), latency=0, back_pressure=0, delay=1)
    a, b, poster = s.channel("A", 0), s.channel("B", 0), s.posters["B", 0]
    await a.retry(0, 0)

    async def one(want: int) -> None:
        got = await a.run([s.send("A", 0, 60, imm=7, at=s.rng.randrange(9000))])
        assert got[0].status == want, (status_name(got[0].status), status_name(want))
        await b.reap()

    await poster.post(3)
    await s.side("B").cycles(60)
    await one(0)
    await b.command(Cmd.PAUSE)
    await b.until(State.PAUSED)
    await one(0)
    await b.command(Cmd.RESUME)
    await b.until(State.ACTIVE)
    await one(0)
    await one(NOT_READY)  # none is left
    b.auto_consume = False
    await poster.post(3)
    await s.side("B").cycles(60)
    await a.run([s.send("A", 0, 9, imm=k, at=100 * k) for k in range(3)])
    await poster.post(b.recv_free)
    await s.side("B").cycles(60)
    await one(NOT_READY)  # a buffer is there, no completion slot
    b.auto_consume = True
    await b.reap()
    await b.consume()
    await s.side("B").cycles(60)
    await b.command(Cmd.DRAIN)
    await b.until(State.DISABLED)
    await one(NOT_READY)
    await b.enable()
    await one(NOT_READY)  # what was posted in the last life is gone
    await poster.post(1)
    await s.side("B").cycles(60)
    await one(0)
    await b.ring(b.dr.size)  # DOORBELL_RANGE
    await b.until(State.ERROR)
    await one(NOT_READY)
    await b.command(Cmd.RESET)
    await b.until(State.DISABLED)
    await b.enable()
    await all_buffers(s, "A", 0, 20_000)
    await s.finish()


@cocotb.test(timeout_time=200, timeout_unit="ms")
async def bad_receive_rings(dut):
    """*Stimulus*: enables with a bad size, alignment or segment of the receive ring, with none; doorbells beyond the ring and too far;
    a ring whose memory fails. *Checking*: BAD_RING; without a ring not ready; DOORBELL_RANGE, FETCH_SLVERR, FETCH_DECERR and ERROR; RESET
    heals."""
    s = await start(dut, channels=1, recv_log2=(3, 3))
    a, b, node = s.channel("A", 0), s.channel("B", 0), s.nodes["B"]
    await a.retry(0, 0)
    await b.command(Cmd.ABORT)
    await b.until(State.DISABLED)
    gen = node.segments[0].gen
    bad = [("RRING_SIZE", 1), ("RRING_SIZE", 13), ("RRING_SIZE", 15), ("RRING_BASE", b.rr.value + 32), ("RRING_BASE", 21 << 52),
           ("RRING_BASE", b.rr.value ^ 1 << 40), ("RRING_BASE", gen << 40 | s.regions["B"][0].segment_size)]
    for reg, value in bad:
        for name, fine in (("RRING_BASE", b.rr.value), ("RRING_SIZE", b.rr.log2)):
            await node.axil.write(b.reg(name), value if name == reg else fine, b.func)
        await b.command(Cmd.ENABLE)
        await Timer(1000, "ns")
        status = await b.status()
        assert status.state == State.DISABLED and status.error == Status.BAD_RING, (reg, hex(value), status)
    await node.axil.write(b.reg("RRING_BASE"), 21 << 52, b.func)
    await node.axil.write(b.reg("RRING_SIZE"), 0, b.func)
    await b.enable()
    got = await a.run([s.send("A", 0, 20), s.write_imm("A", 0, 20, imm=3)])
    assert [e.status for e in got] == [NOT_READY, 0], "no receive ring, but a completion ring"
    for value in (8, 0x8001):
        await b.command(Cmd.RESET)
        await b.until(State.DISABLED)
        await node.axil.write(b.reg("RRING_BASE"), b.rr.value, b.func)
        await node.axil.write(b.reg("RRING_SIZE"), b.rr.log2, b.func)
        await b.enable()
        await node.axil.write(b.reg("RRING_PROD"), value, b.func)
        status = await b.until(State.ERROR)
        assert status.error == Status.DOORBELL_RANGE, status
    for resp, code in ((2, Status.FETCH_SLVERR), (3, Status.FETCH_DECERR)):
        await b.command(Cmd.RESET)
        await b.until(State.DISABLED)
        await b.enable()
        s.side("B").mem.errors([(b.rr.base, 32 << b.rr.log2, resp, "r")])
        await s.posters["B", 0].post(1)
        status = await b.until(State.ERROR)
        assert status.error == code, status
        s.side("B").mem.errors([])
    await b.command(Cmd.RESET)
    await b.until(State.DISABLED)
    await b.enable()
    await all_buffers(s, "A", 0, 20_000)
    await s.finish()


# ends in the middle ----------------------------------------------------------------------------------------
@cocotb.test(timeout_time=400, timeout_unit="ms")
async def sender_given_up(dut):
    """*Stimulus*: ABORT or RESET of the sender at many moments of a SEND of one frame or of several, with buffers or without; a source
    that fails in the middle. *Checking*: DISABLED soon; OK, ABORTED, or nothing after RESET; the buffer of what was given up takes the next
    message; all buffers and slots are there each time."""
    s = await start(dut, channels=1, ring_log2=(4, 4), recv_log2=(2, 2), latency=2, back_pressure=0)
    a, b, seen = s.channel("A", 0), s.channel("B", 0), set()
    slot = s.posters["B", 0].slot
    for turn in range(16):
        waits = turn % 4 == 3
        await a.retry(255, 255 if waits else 0)
        if not waits:
            await s.posters["B", 0].post(b.recv_free)
        if turn % 5 == 4:
            s.side("A").mem.errors([(s.regions["A"][0].src.base + slot // 2, 8, 2, "r")])
            got = await a.run([s.send("A", 0, slot, imm=turn, at=0)]) if not waits else []
            assert all(e.status == Status.READ_SLVERR for e in got)
            s.side("A").mem.errors([])
        await a.post([s.send("A", 0, (min(500, slot), slot)[turn // 2 % 2], imm=turn)])
        await s.tb.a.cycles(40 + 23 * s.rng.randrange(turn + 1))
        cmd = (Cmd.ABORT, Cmd.RESET)[turn % 2]
        await a.command(cmd)
        await a.until(State.DISABLED, timeout_ns=60_000)
        got = await a.reap()
        assert all(e.status in (0, Status.ABORTED) and not e.status2 for e in got), [status_name(e.status) for e in got]
        seen |= {e.status for e in got}
        assert len(got) == 1 or cmd == Cmd.RESET
        await a.enable()
        await s.tb.a.cycles(600)
        await all_buffers(s, "A", 0, 20_050 + 200 * turn)
    assert Status.ABORTED in seen
    await s.finish()


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def behind_given_up(dut):
    """*Stimulus*: SENDs whose source fails at a swept place, so that they end with CANCEL, and right behind them in the same doorbell one to
    three more, of one frame or several, a WRITE_IMM between them; the receiver's memory answers soon or late, so the CANCEL is over
    or not when the next one asks for an entry, and that may ask once or often. Then ABORT or RESET at a swept cycle, and the next
    SEND as soon as software can. *Checking*: what is given up tells its sender so, and the receiver nothing; what follows ends well, or
    not ready if it may ask only once, which happens; each message in the next entry, its bytes in that entry's buffer, RRING_CONS
    counts exactly those; all buffers and slots are there at the end."""
    s = await start(dut, channels=1, ring_log2=(4, 4), recv_log2=(2, 2), latency=0, back_pressure=0, delay=1, link_stalls=False)
    a, b, poster, mem = s.channel("A", 0), s.channel("B", 0), s.posters["B", 0], s.side("B").mem
    long, far_off = min(poster.slot, 6000), 40_000
    source = s.regions["A"][0].src.base + far_off
    entries, count, seen, ready = [], 0, set(), 0

    async def fill_up(latency: int) -> None:
        """Every buffer is posted and its entry fetched; then the memory is as slow as this."""
        mem.set(latency=0)
        entries.extend(await poster.post(b.recv_free))
        await s.side("B").cycles(100)
        mem.set(latency=latency)

    async def exact(sent: Sequence[Desc]) -> None:
        """These, and nothing else, took the next entries; to be asked before other buffers are posted."""
        nonlocal count
        await told(s, "B", 0, count + len(sent))
        await s.side("B").cycles(100)
        await b.reap()
        fresh = b.messages[count:]
        count = len(b.messages)
        assert [e.immediate for e in fresh] == [d.operand for d in sent], "the messages are not those that were sent"
        sends = [d for d in sent if d.opcode == Op.SEND]
        fits(entries[: len(sends)], [e for e in fresh if e.kind == CqeKind.RECEIVE], sends)
        good = [await holds(s, "A", 0, x, d) for x, d in zip(entries, sends, strict=False)]
        assert all(good), f"what lies in the buffers is not what was sent: {good}"
        del entries[: len(sends)]
        cons = await s.nodes["B"].axil.read(b.reg("RRING_CONS"), b.func)
        assert cons == b.rcons and (b.rprod - cons) % b.rr.size == len(entries), f"RRING_CONS is {cons}, {len(entries)} buffers are left"

    # What follows those that fail: sizes of SENDs; None: a WRITE_IMM; -1: one more that fails.
    follow = ([60], [long], [60, long, 60], [-1, 200], [None, 60], [long, -1, 60], [0, 8])
    for turn in range(28):
        often = turn % 3 == 2
        await a.retry(255 if often else 0, 0)
        await fill_up((300, 0, 100, 30)[turn % 4])
        s.side("A").mem.errors([(source + s.rng.randrange(long), 1, 2, "r")])
        plan = [-1, *follow[turn % len(follow)]]
        work = []
        for k, size in enumerate(plan):
            imm = 16 * turn + k + 1
            if size is None:
                work.append(s.write_imm("A", 0, 300, imm=imm, at=3000))
            else:
                work.append(s.send("A", 0, long if size < 0 else size, imm=imm, at=far_off if size < 0 else 10_000 * (k % 3)))
        reader = Reader(s, "B", 0)
        got = await a.run(work)
        await reader.end()
        for k, (size, e) in enumerate(zip(plan, got, strict=True)):
            may = {int(Status.READ_SLVERR) if size == -1 else 0} | ({NOT_READY} if k and not often and size is not None else set())
            assert e.status in may and not e.status2, (turn, k, plan, [status_name(e.status) for e in got])
        ready += sum(e.status == 0 for e in got)
        seen |= {e.status for e in got}
        await exact([d for d, e in zip(work, got, strict=True) if e.status == 0])
    assert NOT_READY in seen and ready > 20, f"no SEND met a CANCEL, or none came behind one: {[status_name(e) for e in seen]}"
    s.side("A").mem.errors([])
    ends = set()
    for turn in range(18):
        await a.retry(255, 0)
        await fill_up((300, 0, 30)[turn % 3])
        first = s.send("A", 0, long, imm=1000 + turn, at=far_off)
        await a.post([first])
        await s.tb.a.cycles(30 + 1500 * turn // 18 * 64 // s.tb.params.data_w)
        cmd = (Cmd.ABORT, Cmd.RESET)[turn % 2]
        await a.command(cmd)
        await a.until(State.DISABLED, timeout_ns=60_000, step_ns=20)
        got = await a.reap()
        assert all(e.status in (0, Status.ABORTED) and not e.status2 for e in got), [status_name(e.status) for e in got]
        ends |= {e.status for e in got}
        await a.enable()
        after = [s.send("A", 0, (60, long)[turn // 2 % 2], imm=2000 + turn, at=100)]
        reader = Reader(s, "B", 0)
        assert [e.status for e in await a.run(after)] == [0]
        await reader.end()
        await told(s, "B", 0, count + 1)
        # RESET leaves no completion: whether it was done before, the receiver knows.
        done = got[0].status == 0 if got else b.messages[count].immediate == first.operand
        await exact([first, *after] if done else after)
    assert Status.ABORTED in ends, "no SEND was given up"
    mem.set(latency=0)
    await all_buffers(s, "A", 0, 20_000)
    await s.finish()


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def receiver_disabled(dut):
    """*Stimulus*: ABORT, RESET or DRAIN of the receiver's channel at many moments of SENDs of several frames, then ENABLE. *Checking*:
    DISABLED soon; OK, ABORTED or RECEIVER_NOT_READY with bit 7; nothing more is written into its buffers (model); no entry in the next
    life but for what is sent in it."""
    s = await start(dut, channels=1, ring_log2=(4, 4), recv_log2=(2, 2), latency=2, back_pressure=0)
    a, b, seen = s.channel("A", 0), s.channel("B", 0), set()
    slot = s.posters["B", 0].slot
    for turn in range(15):
        await a.retry(0, 0)
        await s.posters["B", 0].post(2)
        await s.side("B").cycles(50)
        await a.post([s.send("A", 0, slot, imm=turn), s.send("A", 0, slot, imm=turn, at=slot)])
        await s.tb.a.cycles(60 + s.rng.randrange(1, 100_000 // s.tb.params.data_w))
        await b.command((Cmd.ABORT, Cmd.RESET, Cmd.DRAIN)[turn % 3])
        await b.until(State.DISABLED, timeout_ns=100_000)
        got = await a.wait(2)
        assert all(e.status in (0, Status.ABORTED | PEER, NOT_READY) for e in got), [status_name(e.status) for e in got]
        seen |= {e.status for e in got}
        await b.reap()
        await b.enable()
        await all_buffers(s, "A", 0, 20_050 + 200 * turn)
    assert {0, NOT_READY} <= seen, seen
    await s.finish()


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def link_lost(dut):
    """*Stimulus*: the link falls while a SEND waits for another attempt, and at many moments of others; then a new epoch. *Checking*:
    PEER_DOWN without MAY_HAVE_EXECUTED for what waits; OK, LINK_ERROR with it or PEER_DOWN else; no buffer is lost, none is used
    twice."""
    s = await start(dut, channels=1, ring_log2=(4, 4), recv_log2=(2, 2), latency=2, back_pressure=0)
    a, b = s.channel("A", 0), s.channel("B", 0)
    slot = s.posters["B", 0].slot
    for turn in range(9):
        waits = turn % 3 == 0
        await a.retry(255, 255 if waits else 0)
        if not waits:
            await s.posters["B", 0].post(b.recv_free)
        work = [s.send("A", 0, (min(700, slot), slot)[turn % 2], imm=turn), s.send("A", 0, 90, imm=turn, at=9000)]
        await a.post(work[: 1 if waits else 2])
        await s.tb.a.cycles(900 if waits else 50 + s.rng.randrange(1, 100_000 // s.tb.params.data_w))
        await s.link_down()
        await settle(a)
        got = await a.reap()
        await s.link_up(epoch=turn + 2)
        for e in got:
            assert e.status in ((Status.PEER_DOWN,) if waits else (0, Status.LINK_ERROR, Status.PEER_DOWN)), status_name(e.status)
            assert e.status2 == (MAY if e.status == Status.LINK_ERROR else 0)
        await s.tb.a.cycles(400)
        await all_buffers(s, "A", 0, 20_050 + 200 * turn)
    await s.finish()


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def answers_lost(dut):
    """*Stimulus*: OP_PERMIT, OP_ACK, questions and data frames of SENDs are lost or spoiled on the wire, receivers are prompt or late.
    *Checking*: all end well, each message is in one buffer, once and in order, every byte is right."""
    s = await start(dut, channels=1, ring_log2=(4, 4), recv_log2=(3, 3), latency=5, link_stalls=False)
    s.recorder.fault(s.side("A"), "link_corrupt")
    coverage.sample_disturbance("link_corrupt")
    slot = s.posters["B", 0].slot
    sizes = [n for n in (40, 2500, 0, 900, 5000) if n <= slot]
    for name in s.names:
        await s.channel(name, 0).retry(255, 0)
    for turn, ftype in enumerate((0x23, 0x20, 0x23, 0x20, 0x14, 0x14)):
        for pipe in (s.tb.a2b, s.tb.b2a):
            if turn % 2:
                pipe.flip(2, beat=0, bit=60, ftype=ftype)
            else:
                pipe.lose(2, ftype=ftype)
        for name in s.names:
            far = OTHER[name]
            reap = Reader(s, far, 0)
            work = [s.send(name, 0, size, imm=16 * turn + i, at=5100 * i) for i, size in enumerate(sizes)]
            job = cocotb.start_soon(s.channel(name, 0).run(work, timeout_ns=1_500_000))
            entries = []
            while len(entries) < len(work):
                entries += await s.posters[far, 0].post(len(work) - len(entries))
                await s.side(far).cycles(s.rng.randrange(1, 900))
            got = await job
            assert not any(e.status for e in got), (turn, [status_name(e.status) for e in got])
            await reap.end()
            messages = await told(s, far, 0, (turn + 1) * len(sizes))
            fits(entries, messages[-len(work):], work)
            assert all([await holds(s, name, 0, b, d) for b, d in zip(entries, work, strict=True)])
    assert s.tb.a2b.get("st_faults") + s.tb.b2a.get("st_faults") >= 8, "the disturbances did not hit"
    await s.finish()


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def buffers_revoked(dut):
    """*Stimulus*: messages of several frames come all the time; again and again the segment of the receiver's buffers gets a new key and a
    fence, while buffers with the old one are posted. *Checking*: after the acknowledgement nothing is written into them; those
    messages end with KEY_REVOKED at both sides; with new buffers all is well."""
    s = await start(dut, channels=1, ring_log2=(4, 4), recv_log2=(3, 3), latency=7)
    a, b, node, region = s.channel("A", 0), s.channel("B", 0), s.nodes["B"], s.regions["B"][0]
    poster = s.posters["B", 0]
    await node.segment(20, base=region.recv.base, size=region.recv.size, channel=0)
    poster.value = lambda x: node.address(20, x - region.recv.base)
    poster.bad = lambda: 21 << 52
    await a.retry(255, 0)
    silences, ends = [], set()
    for turn in range(6):
        reader = Reader(s, "B", 0)
        await poster.post(b.recv_free)
        await s.side("B").cycles(60)
        work = [s.send("A", 0, poster.slot - 64, imm=i, at=100 * i) for i in range(b.rr.size - 1)]
        job = cocotb.start_soon(a.run(work, timeout_ns=1_500_000))
        await s.tb.a.cycles(s.rng.randrange(50, 60_000 // s.tb.params.data_w * 4))
        coverage.sample_disturbance("revoke_destination")
        _, at = await revoke(s, "B", 20, turn + 1)
        got = await job
        ends |= {e.status for e in got}
        await s.side("B").cycles(SILENT_CYCLES)
        silences.append(Silence("B", region.recv.base, region.recv.size, at, now()))
        assert all(e.status in (0, Status.KEY_REVOKED | PEER) for e in got), [status_name(e.status) for e in got]
        await reader.end()
        messages = await told(s, "B", 0, (turn + 1) * len(work))
        assert [e.status for e in messages[-len(work):]] == [e.status & ~PEER for e in got]
    await s.finish()
    assert check_silence(s, silences) > 20
    assert Status.KEY_REVOKED | PEER in ends


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def node_reset(dut):
    """*Stimulus*: one node is reset while messages go both ways, then set up again. *Checking*: the other side's end with LINK_ERROR or
    PEER_DOWN, or well; afterwards all buffers of both sides work."""
    s = await start(dut, most=2, ring_log2=(4, 4), recv_log2=(2, 2))
    epoch = 1
    for turn, name in enumerate("ABA"):
        readers = [Reader(s, n, c.ch) for n in s.names for c in s.nodes[n].channels.values()]
        s.start_posters()
        for n in s.names:
            for c in s.nodes[n].channels.values():
                await c.retry(3, 0)
                await c.post([s.send(n, c.ch, 1 + s.rng.randrange(s.posters[OTHER[n], c.ch].slot - 64), imm=k, at=300 * k) for k in range(4)])
        await s.tb.a.cycles(s.rng.randrange(50, 1500))
        coverage.sample_disturbance("node_reset")
        s.recorder.fault(s.side(name), "link_down")
        await s.side(name).reset()
        for r in readers:
            await r.end()
        await s.stop_posters()
        await s.tb.wait_link(False)
        for n in s.names:
            s.recorder.link_state(s.side(n), False)
        for ch in list(s.nodes[name].channels):
            await s.set_up_channel(name, ch)
        for c in s.nodes[OTHER[name]].channels.values():
            await settle(c)
            await c.reap()
            assert all(e.status in (0, NOT_READY, Status.LINK_ERROR, Status.PEER_DOWN) for e in c.seen), c.seen
        epoch += 1
        s.recorder.fault(s.side(name), "link_clean")
        await s.link_up(epoch=epoch)
        for n in s.names:
            for ch in s.nodes[n].channels:
                await all_buffers(s, n, ch, 20_000 + 200 * turn)
    await s.finish()


CASES = ["random_messages", "many_messages", "late_and_never", "wrong_buffers", "end_of_space", "paused_and_drained", "bad_receive_rings", "sender_given_up",
         "behind_given_up", "receiver_disabled", "link_lost", "answers_lost", "buffers_revoked", "node_reset"]


LONG = ("node_reset", "512b-1ch")  # make regress has it


@pytest.mark.system
@pytest.mark.parametrize("case,build", [pair for pair in product(CASES, SLICE) if pair != LONG])
def test_receivers(case, build):
    run_sim("crl_tb_pair", __name__, BUILDS[build], SYSTEM_SOURCES, sim="verilator", testcase=case, public="top")


@pytest.mark.system
@pytest.mark.sweep
@pytest.mark.parametrize("build", ["64b-small", "128b-link64"])
@pytest.mark.parametrize("case", ["random_messages", "many_messages"])
def test_receivers_builds(case, build):
    """The smallest buffers, and a link that is narrower than the memory."""
    run_sim("crl_tb_pair", __name__, BUILDS[build], SYSTEM_SOURCES, sim="verilator", testcase=case, public="top")


@pytest.mark.system
@pytest.mark.parametrize("case,seed", [
    ("many_messages", 1),  # a late completion led the software's consumer index back, and a doorbell too far
])
def test_receivers_seeds(case, seed):
    """Runs that once found something."""
    run_sim("crl_tb_pair", __name__, BUILDS["64b-8ch"], SYSTEM_SOURCES, sim="verilator", testcase=case, public="top", seed=seed)
