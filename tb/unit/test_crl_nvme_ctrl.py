# SPDX-License-Identifier: Apache-2.0
"""Unit tests of crl_nvme_ctrl: registers, and enable, disable, shutdown, subsystem reset at any moment."""

from __future__ import annotations

import random

import cocotb
import pytest

from models.nvme.ctrl import NSSR_CODE, Controller, Event, get, put
from tb.lib.sim import run_sim
from tb.unit.nvme_ctrl_bench import (
    ACQ,
    AQA,
    ASQ,
    CC,
    CSTS,
    GRACE,
    HIGH,
    INTMS,
    LOW,
    Bench,
    Board,
    Inputs,
    Outputs,
    World,
    levels_of,
)

ONES = (1 << 64) - 1


async def bench(dut) -> Bench:
    b = Bench(dut)
    await b.start()
    return b


async def until_start(b: Bench) -> None:
    """Wait for `start`."""
    for _ in range(GRACE):
        if (await b.step()).start:
            return
    raise AssertionError("no start")


@cocotb.test()
async def linux(dut):
    """Stimulus: what Linux writes from probe to shutdown, twice; 32-bit halves, low first.
    Checking: the values that it reads and waits for, `start`, `quiesce`, `run`, the queues' registers."""
    b = await bench(dut)
    for turn in range(2):
        cap = await b.read(0)
        assert cap == 0xFFF | 1 << 16 | 1 << 17 | b.to << 24 | b.dstrd << 32 | 1 << 36 | 1 << 37 | 1 << 59
        assert (await b.read(INTMS), await b.read(13)) == (0x20000, b.to)
        assert b.out.quiesce and not b.out.run
        await b.cc(0x460000)
        await b.write(AQA, 0x001F001F << 32, HIGH)
        await b.write(ASQ, 0x89ABC000, LOW)
        await b.write(ASQ, 0x01234567 << 32, HIGH)
        await b.write(ACQ, 0xFEDCB000, LOW)
        await b.write(ACQ, 0x76543210 << 32, HIGH)
        await b.cc(0x460001)
        await until_start(b)
        assert b.out.levels == (0x0123_4567_89AB_C000, 0x7654_3210_FEDC_B000, 31, 31, 0, 0)
        assert await b.csts() == (0, 0, 0, 0)
        await b.settle()
        assert await b.csts() == (1, 0, 0, 0) and b.out.run and not b.out.quiesce
        assert await b.read(CC) == 0x460001 << 32
        b.world.quiet_delay = 20
        await b.step()
        await b.cc(0x464001)
        await b.idle(GRACE)
        assert await b.csts() == (1, 0, 1, 0) and b.out.quiesce and not b.out.run
        await b.settle()
        assert await b.csts() == (1, 0, 2, 0) and not b.out.run
        b.world.quiet_delay = 3
        await b.cc(0x460000)
        await b.settle()
        assert await b.csts() == (0, 0, 0, 0)
        assert b.board.starts == turn + 1
    b.board.end()


@cocotb.test()
async def every_register(dut):
    """Stimulus: every word with every single strobe and random ones, before EN, all ones among the data.
    Checking: all words after each write: what sticks, what reads 0; reset brings all back."""
    b = await bench(dut)
    b.words = tuple(range(16))
    strobes = [0xFF, LOW, HIGH, *(1 << i for i in range(8))]
    for _ in range(3):
        for word in range(16):
            for strb in b.rng.sample(strobes, 6) + [b.rng.getrandbits(8)]:
                data = b.rng.choice([ONES, 0, b.rng.getrandbits(64)])
                if word == CC:
                    data &= ~(1 << 32)
                await b.write(word, data, strb)
                await b.idle(2)
        for word in range(16):
            await b.read(word)
        await b.reset()
        for word in range(16):
            assert await b.read(word) == Controller(b.to, b.dstrd).read(word)
    b.board.end()


@cocotb.test()
async def mask(dut):
    """Stimulus: INTMS and INTMC by bytes, INTMC together with CC; EN cleared.
    Checking: the mask in both registers and on the port; a reset by EN clears it."""
    b = await bench(dut)
    await b.write(INTMS, 0xFFFFFFFF << 32 | 0xFFFFFFFF, 0x3F)
    assert await b.read(INTMS) == 0xFFFF << 32 | 0x20000 and await b.read(CC) == 0xFFFF
    await b.write(CC, 0x0F0F, 0x0E)
    assert await b.read(CC) == 0xF0FF and b.out.levels[5] == 0xF0FF
    await b.set_up()
    await b.write(CC, 0x460001 << 32 | 0xFF)
    await b.settle()
    assert await b.csts() == (1, 0, 0, 0) and await b.read(CC) == 0x460001 << 32 | 0xF000
    await b.cc(0)
    await b.settle()
    assert await b.read(CC) == 0x460000 << 32
    b.board.end()


@cocotb.test()
async def enable_supported_or_not(dut):
    """Stimulus: EN with each set-up that is not supported, and with those that are; CC by bytes.
    Checking: `start` and RDY, or CFS without them; EN = 0 brings CFS down; `wrr`."""
    b = await bench(dut)
    await b.set_up()
    cases = [
        (0x460001, 0x00010001, 1),
        (0x460801, 0x0FFF0FFF, 1),
        (0x000001, 0x00010FFF, 1),
        (0x461001, 0x00010001, 0),
        (0x463801, 0x00010001, 0),
        (0x460081, 0x00010001, 0),
        (0x460401, 0x00010001, 0),
        (0x460011, 0x00010001, 0),
        (0x460041, 0x00010001, 0),
        (0x460001, 0x00000001, 0),
        (0x460001, 0x00010000, 0),
        (0x460001, 0xF000F001, 0),
        (0x460001, 0x00010001, 1),
    ]
    starts = 0
    for cc, aqa, ok in cases:
        await b.write(AQA, aqa << 32, HIGH)
        if b.rng.random() < 0.5:
            await b.cc(cc & ~1)
            await b.write(CC, 1 << 32, 0x10 if cc & 0xFE == 0 else HIGH)
            if cc & 0xFE:  # CC was overwritten as a whole: the set-up is that of this write
                ok = int(aqa & 0xFFF and aqa >> 16 & 0xFFF)
        else:
            await b.cc(cc)
        await b.settle()
        starts += ok
        assert await b.csts() == (ok, 1 - ok, 0, 0), f"CC {cc:#x} AQA {aqa:#x}"
        assert b.out.run == ok and b.board.starts == starts
        await b.cc(0)
        await b.settle()
        assert await b.csts() == (0, 0, 0, 0)
    b.board.end()


@cocotb.test()
async def locked_while_enabled(dut):
    """Stimulus: AQA, ASQ, ACQ, all of CC while `start` waits, ready, shutting down, and with the write that clears EN.
    Checking: only EN and SHN move; once EN = 0, also while RDY is 1, they stick again."""
    b = await bench(dut)
    b.world.quiet_delay = b.world.start_delay = 12
    await b.set_up()
    await b.cc(0x460001)
    for _ in range(2):
        for word in (AQA, ASQ, ACQ):
            await b.write(word, b.rng.getrandbits(64) & ~0xFFFFFFFF | 1)
        await b.cc(0xFF3FF1)
        await b.settle()
    assert (await b.read(CC)) >> 32 == 0x460001 and await b.csts() == (1, 0, 0, 0)
    await b.cc(0xFFFFFFFF)
    assert (await b.read(CC)) >> 32 == 0x46C001
    await b.settle()
    assert await b.csts() == (1, 0, 0, 0), "SHN = 3 does nothing"
    await b.cc(0xFF3FF0)
    assert (await b.read(CC)) >> 32 == 0x460000
    await b.write(ASQ, 0x1234_5678_9ABC_DEF0)
    await b.cc(0x583FF0)
    assert await b.csts() == (1, 0, 0, 0), "EN = 0, and RDY is still up"
    assert b.out.levels[0] == 0x1234_5678_9ABC_D000 and (await b.read(CC)) >> 32 == 0x583FF0
    await b.settle()
    b.board.end()


@cocotb.test()
async def quiet_counts_late(dut):
    """Stimulus: `quiet` up until quiesce and in its first cycle, then down for long; `started` never without `start`.
    Checking: RDY stays up until `quiet` comes again, in reset by EN, shutdown, subsystem reset."""
    b = await bench(dut)
    for what in ("en", "shn", "nssr"):
        await b.enable()
        b.world.quiet_idle, b.world.quiet_delay = 1.0, None
        await b.idle(3)
        if what == "nssr":
            await b.write(AQA, NSSR_CODE, LOW)
        else:
            await b.cc(0x460000 if what == "en" else 0x464001)
        await b.idle(25)
        assert (await b.csts())[0] == 1 and (await b.csts())[2] == (what == "shn") and not b.board.resets
        assert b.out.quiesce
        b.world.calm()
        await b.idle(GRACE + 3)
        assert await b.csts() == {"en": (0, 0, 0, 0), "shn": (1, 0, 2, 0), "nssr": (0, 0, 0, 1)}[what]
        b.world.quiet_delay = 3
        if what == "shn":
            await b.cc(0)
            await b.settle()
    assert b.board.resets == 1
    b.board.end()


@cocotb.test()
async def disable_while_start_waits(dut):
    """Stimulus: EN cleared in each cycle between EN and past `started`, set again at every distance after that, `quiet` up.
    Checking: the scoreboard (a revoked start never shows RDY); in the end one `start` a life, and it runs."""
    b = await bench(dut)
    await b.set_up()
    for clear in range(0, 8):
        for again in (0, 1, 2, 3, 5, 9, None):
            b.world.start_delay, b.world.quiet_delay = 3, b.rng.choice([0, 1, 4])
            await b.cc(0x460001)
            await b.idle(clear)
            await b.cc(0x460000)
            if again is None:
                await b.settle()
                assert await b.csts() == (0, 0, 0, 0) and b.out.quiesce
                continue
            await b.idle(again)
            await b.cc(0x460001)
            await b.settle()
            await b.settle()
            assert await b.csts() == (1, 0, 0, 0) and b.out.run
            await b.cc(0)
            await b.settle()
    b.board.end()
    # an answer that is long in coming: nothing else happens until it is there
    b.world.start_delay, b.world.quiet_delay, before = None, 0, b.board.starts
    await b.cc(0x460001)
    await b.idle(6)
    await b.cc(0)
    await b.idle(10)
    await b.cc(1)
    await b.idle(20)
    assert b.board.starts == before + 1 and await b.csts() == (0, 0, 0, 0)
    b.world.start_delay = 2
    b.world.answer()
    await b.settle()
    assert b.board.starts == before + 2 and await b.csts() == (1, 0, 0, 0)


@cocotb.test()
async def shutdown(dut):
    """Stimulus: SHN 1, 2, 3 while off, with the write that sets EN, while `start` waits, ready, refused, twice; SHN taken back;
    EN cleared while it is under way and when it is complete, with SHN left in CC.
    Checking: SHST, RDY, `run`; a reset by EN and a start bring it back."""
    b = await bench(dut)
    await b.set_up()
    for shn in (0x4000, 0x8000):
        await b.cc(0xC000)
        await b.settle()
        assert await b.csts() == (0, 0, 0, 0)
        await b.cc(shn)
        await b.idle(GRACE)
        assert await b.csts() == (0, 0, 2, 0)
        await b.cc(0x460001)  # a start clears SHST
        await b.settle()
        assert await b.csts() == (1, 0, 0, 0) and b.out.run
        b.world.quiet_delay = 15
        await b.step()
        await b.cc(0x460001 | shn)
        await b.idle(GRACE)
        assert await b.csts() == (1, 0, 1, 0)
        await b.cc(0x460001)  # taken back: goes on all the same
        await b.settle()
        assert await b.csts() == (1, 0, 2, 0) and not b.out.run
        await b.cc(0x464001)
        await b.settle()
        assert await b.csts() == (1, 0, 2, 0)
        await b.cc(0x460000)
        await b.settle()
        assert await b.csts() == (0, 0, 0, 0)
        b.world.start_delay = 10
        await b.cc(0x460001 | shn)  # with the write that sets EN
        await b.idle(GRACE + 1)
        assert await b.csts() == (0, 0, 1, 0)
        await b.settle()
        assert await b.csts() == (1, 0, 2, 0)
        await b.cc(0x460000)
        await b.settle()
        await b.cc(0x460001)
        await b.idle(GRACE)
        await b.cc(0x460001 | shn)  # while start waits
        await b.settle()
        assert await b.csts() == (1, 0, 2, 0)
        await b.cc(0x460000)
        await b.settle()
        await b.cc(0x460001)
        await b.settle()
        await b.cc(0x460001 | shn)
        await b.idle(5)
        await b.cc(0x460000)  # a reset by EN in the middle
        await b.settle()
        assert await b.csts() == (0, 0, 0, 0)
        await b.cc(0x460081)
        await b.settle()
        assert await b.csts() == (0, 1, 0, 0)
        await b.cc(0x460081 | shn)  # a controller that refused to start
        await b.settle()
        assert await b.csts() == (0, 1, 2, 0)
        await b.cc(0x460000 | shn)  # SHN left as it is
        await b.settle()
        assert await b.csts() == (0, 0, 2, 0)
        b.world.quiet_delay = b.world.start_delay = 3
        await b.cc(0x460001)
        await b.settle()
        assert await b.csts() == (1, 0, 0, 0) and b.out.run
        await b.cc(0x460000)
        await b.settle()
    b.board.end()


@cocotb.test()
async def subsystem_reset(dut):
    """Stimulus: NSSR whole, by bytes, wrong by a bit, together with AQA; off, while `start` waits, ready, in shutdown and in a reset
    by EN; registers written until it is over.
    Checking: `ssr` once each; all registers as after power-on but NSSRO, which a written 1 clears."""
    b = await bench(dut)
    await b.enable()
    for bit in b.rng.sample(range(32), 8):
        await b.write(AQA, NSSR_CODE ^ 1 << bit, b.rng.choice([LOW, 0xFF]))
    for strb in (0x07, 0x0E, 0x0D, HIGH):
        await b.write(AQA, NSSR_CODE << 32 | NSSR_CODE, strb)
    for strb in (1, 2, 4, 8):
        await b.write(AQA, NSSR_CODE, strb)
    await b.settle()
    assert b.out.run and not b.board.resets
    states = ("off", "ready", "waits", "shutdown", "shut", "reset", "refused", "again")
    for count, state in enumerate(states, 1):
        b.world.start_delay, b.world.quiet_delay = 3, 3
        if (await b.csts())[0] == 0:
            await b.enable() if state != "off" else await b.set_up()
        await b.write(INTMS, ONES)
        if state in ("off", "waits", "refused"):
            await b.cc(0)
            await b.settle()
        b.world.start_delay, b.world.quiet_delay = 12, 12
        if state == "waits":
            await b.cc(0x460001)
            await b.idle(5)
        if state in ("shutdown", "shut"):
            await b.idle(1)
            await b.cc(0x464001)
            await b.idle(5 if state == "shutdown" else 30)
        if state == "reset":
            await b.cc(0)
        if state == "refused":
            await b.cc(0x81)
        await b.write(AQA, 0x123_0123 << 32 | NSSR_CODE, b.rng.choice([LOW, 0xFF]))
        if state in ("ready", "waits", "again"):
            for word, data in ((CC, 0), (AQA, ONES), (ASQ, ONES), (CC, 0x460001 << 32), (AQA, NSSR_CODE)):
                await b.write(word, data)
        await b.settle()
        assert b.board.resets == count, f"{state}: {b.board.resets} of {count}"
        for word in range(16):
            assert await b.read(word) == Controller(b.to, b.dstrd, nssro=1).read(word)
        assert b.out.quiesce and not b.out.run
        await b.write(CSTS, 1 << 36, 0xEF)
        assert await b.csts() == (0, 0, 0, 1)
        if b.rng.random() < 0.5 or state == "again":
            await b.write(CSTS, 1 << 36, 0x10)
            assert await b.csts() == (0, 0, 0, 0)
        else:
            await b.write(CSTS, ONES, 0xFF)
            assert await b.csts() == (0, 0, 0, 0)
    await b.enable()
    b.board.end()


@cocotb.test()
async def nssro_outlives_reset(dut):
    """Stimulus: subsystem reset, enable, disable. Checking: NSSRO stays."""
    b = await bench(dut)
    await b.write(AQA, NSSR_CODE, LOW)
    await b.settle()
    await b.set_up()
    for cc, want in ((0x460001, (1, 0, 0, 1)), (0x460000, (0, 0, 0, 1))):
        await b.cc(cc)
        await b.settle()
        assert await b.csts() == want
    b.board.end()


@cocotb.test()
async def fatal(dut):
    """Stimulus: `fatal` off, while `start` waits, ready, in shutdown; for one cycle and for long; resets under it and after it.
    Checking: CFS, `run`, until a reset by EN or NSSR with `fatal` down."""
    b = await bench(dut)
    for state in ("off", "waits", "ready", "shutdown"):
        for cycles in (1, 60):
            for way in ("en", "nssr"):
                await b.set_up()
                b.world.start_delay = b.world.quiet_delay = 3
                if state != "off":
                    await b.cc(0x460001)
                    await b.idle(2 if state == "waits" else 14)
                if state == "shutdown":
                    await b.cc(0x464001)
                b.world.fatal = True
                await b.idle(cycles)
                b.world.fatal = cycles > 1
                await b.settle()
                assert (await b.csts())[:2] == (int(state != "off"), 1) and not b.out.run
                for last in (False, True):
                    if last:
                        b.world.fatal = False
                        await b.settle()
                        assert (await b.csts())[1], "CFS stays until a reset"
                        if cycles > 1 and way == "en":
                            await b.cc(0x460001)
                            await b.settle()
                            assert (await b.csts())[:2] == (1, 1) and not b.out.run
                    if way == "nssr":
                        await b.write(AQA, NSSR_CODE, LOW)
                    else:
                        if not b.board.model.en:
                            await b.cc(0x460001)
                        await b.cc(0x460000)
                    await b.settle()
                    await b.settle()
                    assert (await b.csts())[:3] == (0, int(b.world.fatal), 0)
                    if cycles == 1:
                        break
    await b.enable()
    b.board.end()


@cocotb.test()
async def reset_in_flight(dut):
    """Stimulus: reset in each cycle of a start, a reset by EN, a shutdown and a subsystem reset.
    Checking: all as after power-on, no late event; it starts again."""
    b = await bench(dut)
    for what in (0x460001, 0x460000, 0x464001, None):
        for delay in range(0, 9):
            await b.set_up()
            await b.write(INTMS, ONES)
            if what != 0x460001:
                await b.cc(0x460001)
                await b.settle()
            if what is None:
                await b.write(AQA, NSSR_CODE, LOW)
            else:
                await b.cc(what)
            await b.idle(delay)
            await b.reset()
            for word in (CSTS, CC, AQA, ASQ, ACQ, INTMS):
                assert await b.read(word) == Controller(b.to, b.dstrd).read(word)
            await b.idle(8)
    await b.enable()
    b.board.end()


def a_write(rng: random.Random) -> tuple[int, int, int]:
    """Something to write."""
    if rng.random() < 0.6:
        cc = put(
            "INTMC_CC",
            INTMC=rng.choice([0, rng.getrandbits(32)]),
            EN=rng.random() < 0.6,
            SHN=rng.choices([0, 1, 2, 3], [12, 1, 1, 1])[0],
            AMS=rng.choices([0, 1, 2], [5, 4, 1])[0],
            MPS=rng.random() < 0.03,
            CSS=rng.random() < 0.03,
            IOSQES=6,
            IOCQES=4,
        )
        return CC, cc, rng.choices([HIGH, 0xFF, 0x10, 0x20, rng.getrandbits(8)], [8, 2, 2, 1, 1])[0]
    word = rng.choice([INTMS, CSTS, AQA, AQA, ASQ, ACQ, rng.randrange(16)])
    data = rng.choice([ONES, rng.getrandbits(64), 0x001F_001F << 32, 0x0FFF_0001 << 32])
    if word == AQA and rng.random() < 0.3:
        data = data >> 32 << 32 | NSSR_CODE
    return word, data, rng.choice([LOW, HIGH, 0xFF, rng.getrandbits(8)])


@cocotb.test()
async def anything(dut):
    """Stimulus: random writes at random distances, `fatal` now and then, any delays of `started` and `quiet`.
    Checking: every output in every cycle; each kind of state was met; it can be brought back."""
    b = await bench(dut)
    met = set()
    for _ in range(220):
        b.world.start_delay, b.world.quiet_delay = b.rng.randrange(6), b.rng.randrange(6)
        if b.rng.random() < 0.7:
            await b.write(AQA, 0x001F_001F << 32, HIGH)
        for _ in range(b.rng.randrange(1, 5)):
            await b.write(*a_write(b.rng))
            await b.idle(b.rng.choice([0, 0, 1, 2, 3, 5, 8]))
        if b.rng.random() < 0.05:
            b.world.fatal = True
            await b.idle(b.rng.randrange(1, 4))
            b.world.fatal = False
        if b.rng.random() < 0.5:
            await b.settle()
            await b.settle()
            met.add(await b.csts())
    assert {s[0] for s in met} == {0, 1} and {s[2] for s in met} >= {0, 2} and {s[1] for s in met} == {0, 1}
    await b.cc(0)
    await b.settle()
    await b.write(AQA, NSSR_CODE, LOW)
    await b.settle()
    await b.settle()
    await b.write(CSTS, ONES)
    await b.enable()
    assert b.board.starts > 20 and b.board.resets > 3
    b.board.end(1000)


@pytest.mark.unit
@pytest.mark.parametrize("to, dstrd", [(20, 9), pytest.param(255, 0, marks=pytest.mark.sweep_icarus)])
def test_crl_nvme_ctrl(sim, to, dstrd):
    """Stimulus and checking: see the cocotb tests above."""
    run_sim("crl_nvme_ctrl", __name__, {"TO": to, "DSTRD": dstrd}, sim=sim)


# The scoreboard, without a simulator.


class Fake:
    """A controller as the model says, whose outputs follow in the next cycle; `spoil` breaks them."""

    def __init__(self, spoil: str) -> None:
        self.c, self.spoil = Controller(), spoil
        self.events: list[Event] = []
        self.quiesced = self.broken = False

    def outputs(self, word: int) -> Outputs:
        c = self.c
        start, ssr = Event.START in self.events, Event.SSR in self.events
        data, run, quiesce, levels = c.read(word), c.run, c.quiesce, levels_of(c)
        if self.spoil == "no start":
            start = False
        elif self.spoil == "two starts":
            start = start or (self.broken and not c.rdy)
            self.broken = Event.START in self.events
        elif self.spoil == "no ssr":
            ssr = False
        elif self.spoil == "run stuck" and c.rdy:
            run, quiesce = True, False
        elif self.spoil == "early RDY" and word == CSTS and c.en:
            data |= 1 << 32
        elif self.spoil == "late SHST" and word == CSTS and get("CSTS", "SHST", data) == 2:
            data ^= 3 << 34
        elif self.spoil == "mask" and levels[5]:
            levels = (*levels[:5], levels[5] ^ 1)
        elif self.spoil == "a bit of CC" and word == CC:
            data &= ~(1 << 50)
        elif self.spoil == "quiesce down":
            quiesce = False
        return Outputs(int(start), int(ssr), int(quiesce), int(run), levels, word, data)

    def step(self, i: Inputs) -> None:
        c, self.events = self.c, []
        if i.quiet and ((c.quiesce and self.quiesced) or self.spoil == "any quiet"):
            self.events += c.quiet()
        self.quiesced = c.quiesce
        if i.started:
            self.events += c.started()
        if i.write:
            word, data, strb = i.write
            if self.spoil != "AQA" or word != AQA or data & 0xFFFFFFFF:
                self.events += c.write(word, data, 0xFF if self.spoil == "strobes" else strb)
        c.set_fatal(i.fatal)


def play(spoil: str = "") -> Board:
    """A life of a fake controller before the scoreboard."""
    rng = random.Random(3)
    fake, board, world = Fake(spoil), Board(Controller), World(rng)
    board.reset()
    script = [(AQA, 0x001F001F << 32, HIGH), (INTMS, 0xFF << 32, HIGH), (CC, 0x460001 << 32, HIGH)]
    script += [(CC, 0x464001 << 32, HIGH), (CC, 0x460000 << 32, HIGH), (CC, 0xFF1001 << 32, 0x10)]
    script += [(CC, 0x460000 << 32, HIGH), (CC, 0x460001 << 32, HIGH), (AQA, NSSR_CODE, LOW)]
    start = quiesce = 0
    for write in script:
        for cycle in range(24):
            i = world.step(start, quiesce)
            i = Inputs(write if cycle == 12 else None, i.started, i.quiet, i.fatal)
            o = fake.outputs(rng.choice([CSTS, CSTS, CC, AQA]))
            board.cycle(i, o)
            fake.step(i)
            start, quiesce = o.start, o.quiesce
    board.end()
    return board


def test_scoreboard_passes():
    """Stimulus: a controller as it should be. Checking: no complaint, everything was seen."""
    board = play()
    assert (board.starts, board.resets) == (3, 1)


@pytest.mark.parametrize(
    "spoil",
    [
        "no start", "two starts", "no ssr", "run stuck", "early RDY", "late SHST", "mask", "a bit of CC", "quiesce down", "AQA",
        "any quiet", "strobes",
    ],
)
def test_scoreboard_fails(spoil):
    """Stimulus: one thing wrong. Checking: the scoreboard fails."""
    with pytest.raises(AssertionError):
        play(spoil)


def test_nothing_compared_fails():
    """Stimulus: nothing. Checking: the scoreboard fails."""
    board = Board(Controller)
    board.reset()
    with pytest.raises(AssertionError):
        board.end()
