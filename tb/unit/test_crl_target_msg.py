# SPDX-License-Identifier: Apache-2.0
"""WRITE_IMM at crl_target: questions, slots of receivers, entries behind the responses; crl_recv behind it in pieces."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import replace

import cocotb
import pytest
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

from models.gen.carillon_layout import FrameType, Status
from tb.lib.sim import run_sim, sim_parameters
from tb.unit.target_bench import Rates, builds
from tb.unit.test_crl_target import RATES, bench_of, interleave

LENGTHS = (0, 1, 8, 64, 100, 511, 1024, 1500, 2600)


def some(bench, count=10):
    """Messages of one frame and of several, asked for or not, and WRITEs, mixed."""
    rng, out = bench.rng, []
    for _ in range(count):
        ch = rng.randrange(bench.channels)
        if rng.random() < 0.7:
            out.append(bench.message(ch, rng.choice(LENGTHS), ask=rng.random() < 0.3))
        else:
            out.append(bench.operation(ch))
    return interleave(rng, out)


@cocotb.test()
async def messages(dut):
    """Stimulus: messages and WRITEs of all channels mixed x idle and back-pressure x latency; receivers ready, now and then, never;
    error responses. A message whose question was refused comes nevertheless. Checking: OP_PERMIT at once, with its receive slot;
    slots asked for only when all else is right; entries in order, behind all responses, none for what failed; answers, writes,
    counts, receive slots; NOTIFY by the entry alone."""
    bench = await bench_of(dut)
    for ready, errors in ((1.0, 0.0), (0.5, 0.0), (0.0, 0.0), (0.9, 0.1)):
        bench.p_ready, bench.error_rate = ready, errors
        for rates in RATES:
            await bench.run(some(bench), rates)
    seen = bench.model.seen
    assert {0, int(Status.RECEIVER_NOT_READY), int(Status.LINK_ERROR), int(Status.WRITE_SLVERR)} <= set(seen), seen


@cocotb.test()
async def faults(dut):
    """Stimulus: a message in one frame and with a question, with each field wrong: address, length, number; frames of another kind in
    its middle; CANCEL in its middle and at once; one that is left behind. Checking: the status, no slot asked for when
    anything else is wrong, a slot that was given comes back, nothing is written."""
    bench = await bench_of(dut)
    bench.p_ready = 1.0
    for ch in range(min(bench.channels, 3)):
        for ask in (False, True):
            def change(k, ch=ch, ask=ask, **fields):
                frames = bench.message(ch, 900, ask=ask)
                frames[k] = (replace(frames[k][0], **fields), frames[k][1])
                return frames

            good = bench.message(ch, 900, ask=ask)[0][0]
            items = change(0, segaddr=good.segaddr ^ 1 << 41) + change(0, offset=8) + change(0, total_len=1 << 31)
            items += change(-1, type=int(FrameType.WRITE)) + change(-1, op_seq=77) + bench.operation(ch, 100)
            if ask:
                frames = bench.message(ch, 3000)
                items += frames[:2] + [bench.cancel(frames[1][0])] + frames[:0]
                items += bench.message(ch, 700, ask=True)[:1]                 # left behind, by a WRITE
                items += bench.operation(ch, 1500)
                items += bench.message(ch, 700, ask=True)[:1]                 # and by a message
                items += bench.message(ch, 64) + bench.message(ch, 64)
            items += bench.message(ch, 200, type=0x7E)[:1]
            await bench.run(items, Rates(0.6, 0.7, 0.6, 0.5, (1, 20)))
    assert {int(Status.LINK_ERROR), int(Status.BAD_OPCODE), int(Status.ABORTED)} <= set(bench.model.seen), bench.model.seen


@cocotb.test()
async def slots_come_back(dut):
    """Stimulus: messages that were permitted, of all channels; then one channel dies, or the link is lost, and the rest of the frames
    comes. Checking: the slots of those channels, and no others, come back; what follows of a dead channel's is
    refused with ABORTED; in a new session a message is taken again."""
    bench = await bench_of(dut)
    bench.p_ready, bench.unordered = 1.0, True
    for turn in range(6):
        use = random.Random(turn).sample(range(bench.channels), min(bench.channels, 4))
        opened = [bench.message(ch, 2000) for ch in use]
        items = [x for frames in opened for x in frames[:2]]
        lost = turn % 2 == 1
        victims = use if lost else use[:1]

        def die(victims=victims, lost=lost):
            if lost:
                dut.link_up.value = 0
            else:
                dut.dead.value = 1 << victims[0]
            for ch in victims:
                bench.model.give_back(ch, lost)
            bench.wait = True

        def live():
            dut.link_up.value, dut.dead.value = 1, 0

        items += [die]
        if not lost:
            items += [x for frames in opened for x in frames[2:]]
        items += [live, *bench.message(use[0], 300, ask=True), *bench.message(use[-1], 64)]
        await bench.run(items, Rates(0.7, 0.8, 0.6, 0.5, (1, 20)))
    assert int(Status.ABORTED) in bench.model.seen


@cocotb.test()
async def scoreboard_notices(dut):
    """Stimulus: messages, with one field of what comes out spoiled. Checking: the bench fails each time."""
    bench = await bench_of(dut)
    bench.p_ready = 1.0
    for what in ("imm", "bytes", "irq"):
        def tamper(kind, value, what=what):
            return replace(value, **{what: getattr(value, what) ^ 1}) if kind == "slot" else value

        bench.tamper = tamper
        with pytest.raises(AssertionError, match="slot"):
            await bench.run(some(bench, 12), Rates())
        bench.tamper = lambda kind, value: value
        await bench.reset(clock=False)
        bench.fresh()


@cocotb.test()
async def reset_in_mid_flight(dut):
    """Stimulus: reset while messages are open, questions unanswered and entries owed. Checking: all works from the start."""
    bench = await bench_of(dut)
    for cycles in (30, 77, 140):
        await bench.run(some(bench, 12), Rates(rsp=0.2), stop_after=cycles)
        await bench.reset(clock=False)
        bench.fresh()
        await bench.run(some(bench, 6), Rates())


CONFIGS = [
    {"DATA_W": 64, "CHANNELS": 8, "PEERS": 1, "PEER": 0, "SEGMENTS": 32},
    {"DATA_W": 512, "CHANNELS": 3, "PEERS": 3, "PEER": 2, "SEGMENTS": 32, "READ_EN": 0},
]


@builds(CONFIGS, {64: pytest.mark.sweep_icarus})
def test_crl_target_msg(sim, config):
    run_sim("crl_target", __name__, config, sim=sim,
            testcase="messages,faults,slots_come_back,scoreboard_notices,reset_in_mid_flight")


# crl_recv ----------------------------------------------------------------------------------------------------------------------
@cocotb.test()
async def recv(dut):
    """Stimulus: requests for slots and uses of slots of several peers at once, channels ready or not, slots there or not, neighbours
    that take their time; reset in the middle. Checking: each request one answer, refused without a look if the channel is not
    ready; each use once, with its fields, as an entry or back; `inbound` is up while a slot of the channel is held, and falls."""
    p, rng = sim_parameters(), random.Random(cocotb.RANDOM_SEED)
    n, peers = p["CHANNELS"], p["PEERS"]
    cw = max(1, (n - 1).bit_length())
    Clock(dut.clk, 10, "ns").start(start_high=False)
    for turn in range(3):
        for name in ("accept", "q_valid", "q_ch", "x_valid", "x_back", "x_ch", "x_irq", "x_bytes", "x_imm", "rsv_done", "rsv_ok",
                     "back_ready", "msg_ready", "q_send", "x_send", "x_status", "sure_valid", "sure_ch", "cc_we", "cfg_we", "db_valid",
                     "ar_ready", "r_valid", "r_last", "rd_ch"):
            getattr(dut, name).value = 0
        dut.rst.value = 1
        for _ in range(3):
            await FallingEdge(dut.clk)
        dut.rst.value = 0
        held: deque = deque()               # channels of slots
        ask: list = [None] * peers
        use: list = [None] * peers
        accept, ready, counts = 0, {}, [0, 0, 0]
        answers: deque = deque(maxlen=4)    # what the ring said: cycle, channel, slot
        for cycle in range(3000):
            await FallingEdge(dut.clk)
            # what came
            done, taken = int(dut.q_done.value), int(dut.x_ready.value)
            for q in range(peers):
                if done >> q & 1:
                    ch = ask[q]
                    good = bool(int(dut.q_ok.value))
                    assert good == any(cycle - t <= 2 and (c, ok) == (ch, True) for t, c, ok in answers), "not what the ring said"
                    counts[good] += 1
                    if good:
                        held.append(ch)
                    ask[q] = None
                if taken >> q & 1:
                    assert use[q] is not None
                    if not use[q][-1]:  # what goes back to one channel from two peers looks the same
                        twin = next((u for u in use if u and u[:2] == [use[q][0], True] and u[-1]), None)
                        assert use[q][1] and twin, "taken, but not handed over"
                        twin[-1] = False
                    use[q] = None
                    counts[2] += 1
            inbound = int(dut.inbound.value)
            busy = set(held) | {u[0] for u in use if u}
            for c in range(n):
                if c in busy:
                    ready[c] = cycle
                    assert inbound >> c & 1, f"channel {c} holds a slot"
                elif c not in ask:
                    assert not inbound >> c & 1 or cycle - ready.get(c, cycle) < 6, f"channel {c} holds none"
                else:
                    ready[c] = cycle
            # neighbours
            dut.rsv_done.value = 0
            if int(dut.rsv_valid.value) and rng.random() < 0.3 and not ready.get("told"):
                ch, ok = int(dut.rsv_ch.value), rng.random() < 0.7
                dut.rsv_done.value, dut.rsv_ok.value = 1, int(ok)
                answers.append((cycle, ch, ok))
                ready["told"] = True
            elif not int(dut.rsv_valid.value):
                ready["told"] = False
            dut.msg_ready.value = dut.back_ready.value = 0
            for kind in ("msg", "back"):
                if int(getattr(dut, f"{kind}_valid").value) and rng.random() < 0.4:
                    ch = int(getattr(dut, f"{kind}_ch").value)
                    match = [u for u in use if u and u[0] == ch and u[1] == (kind == "back") and not u[-1]]
                    if kind == "msg":
                        got = (int(dut.msg_irq.value), int(dut.msg_bytes.value), int(dut.msg_imm.value))
                        match = [u for u in match if tuple(u[2:5]) == got]
                    if match:
                        getattr(dut, f"{kind}_ready").value = 1
                        match[0][-1] = True
                    else:
                        assert any(u and u[-1] for u in use), f"{kind} of channel {ch} that no peer has"
            # stimulus
            accept = accept ^ (1 << rng.randrange(n)) if rng.random() < 0.05 else accept
            dut.accept.value = accept
            for q in range(peers):
                if ask[q] is None and rng.random() < 0.2 and len(held) < 8 and cycle < 2800:
                    ask[q] = rng.randrange(n)
                if use[q] is None and held and rng.random() < 0.3:
                    use[q] = [held.popleft(), rng.random() < 0.4, rng.getrandbits(1), rng.getrandbits(32), rng.getrandbits(32), False]
            dut.q_valid.value = sum((a is not None) << q for q, a in enumerate(ask))
            dut.q_ch.value = sum((a or 0) << cw * q for q, a in enumerate(ask))
            dut.x_valid.value = sum((u is not None) << q for q, u in enumerate(use))
            dut.x_back.value = sum((u[1] if u else 0) << q for q, u in enumerate(use))
            dut.x_ch.value = sum((u[0] if u else 0) << cw * q for q, u in enumerate(use))
            dut.x_irq.value = sum((u[2] if u else 0) << q for q, u in enumerate(use))
            dut.x_bytes.value = sum((u[3] if u else 0) << 32 * q for q, u in enumerate(use))
            dut.x_imm.value = sum((u[4] if u else 0) << 32 * q for q, u in enumerate(use))
            if turn < 2 and cycle == 400 + 37 * turn:
                break
        else:
            assert not held and not any(use) and not int(dut.inbound.value), "slots are left"
            assert min(counts) > 30, counts


@pytest.mark.parametrize("channels,peers", [(8, 1), (3, 3), (64, 2)])
def test_crl_recv_slots(sim, channels, peers):
    run_sim("crl_recv", __name__, {"CHANNELS": channels, "PEERS": peers}, sim=sim, testcase="recv")
