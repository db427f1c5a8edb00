# SPDX-License-Identifier: Apache-2.0
"""The controller model: as Linux drives it, rule by rule, and what holds whatever happens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.nvme.ctrl import NSSR_CODE, Controller, Event, Phase, get, put

pytestmark = pytest.mark.model

START, SSR = [Event.START], [Event.SSR]
LOW, HIGH = 0x0F, 0xF0
INTMS, CC, CSTS, AQA, ASQ, ACQ, CRTO = 1, 2, 3, 4, 5, 6, 13


def cc(c: Controller, value: int) -> list[Event]:
    """CC as 32 bits."""
    return c.write(CC, value << 32, HIGH)


def csts(c: Controller) -> tuple[int, int, int, int]:
    """RDY, CFS, SHST, NSSRO."""
    return tuple(get("CSTS", n, c.read(CSTS)) for n in ("RDY", "CFS", "SHST", "NSSRO"))


def set_up(c: Controller) -> None:
    """Admin queues as Linux sets them up, in halves."""
    c.write(AQA, 0x001F001F << 32, HIGH)
    for word, base in ((ASQ, 0x1_2345_6000), (ACQ, 0xFFFF_0000_0000_7000)):
        c.write(word, base, LOW)
        c.write(word, base, HIGH)


def running(**kw) -> Controller:
    """A controller that is ready."""
    c = Controller(**kw)
    set_up(c)
    assert cc(c, 0x460000) == [] and cc(c, 0x460001) == START
    assert c.started() == [] and csts(c) == (1, 0, 0, 0) and c.run and not c.quiesce
    return c


def test_linux() -> None:
    """Stimulus: what Linux does from probe to shutdown and again. Checking: every value."""
    c = running()
    assert (c.asq, c.acq, c.asqs, c.acqs) == (0x1_2345_6000, 0xFFFF_0000_0000_7000, 31, 31)
    assert c.read(CC) >> 32 == 0x460001 and c.read(AQA) == 0x001F001F << 32
    assert cc(c, 0x464001) == [] and csts(c) == (1, 0, 1, 0) and not c.run and c.quiesce
    c.quiet()
    assert csts(c) == (1, 0, 2, 0) and not c.run and c.quiesce
    assert cc(c, 0x460000) == [] and csts(c) == (1, 0, 2, 0)
    c.quiet()
    assert csts(c) == (0, 0, 0, 0) and c.quiesce
    assert cc(c, 0x460001) == START and c.started() == [] and c.run


def test_constants() -> None:
    """Stimulus: reads after power-on. Checking: capabilities, version, time-outs, holes."""
    c = Controller(to=7, dstrd=4)
    cap = c.read(0)
    assert cap == 0xFFF | 1 << 16 | 1 << 17 | 7 << 24 | 4 << 32 | 1 << 36 | 1 << 37 | 1 << 59
    assert c.read(INTMS) == 0x20000 and c.read(CRTO) == 7
    assert [w for w in range(16) if c.read(w)] == [0, INTMS, CRTO]
    for word in [w for w in range(16) if w != CC] + [CC]:
        c.write(word, (1 << 64) - 1, 0xFF)
    assert [w for w in range(16) if not c.read(w)] == [7, 8, 9, 10, 11, 12, 14, 15]


def test_mask() -> None:
    """Stimulus: bits set and cleared by bytes. Checking: both registers read the mask."""
    c = Controller()
    c.write(INTMS, 0xFFFF_FFFF << 32 | 0xFFFF, 0x3F)
    assert c.intm == 0xFFFF and c.read(INTMS) == 0xFFFF << 32 | 0x20000 and c.read(CC) == 0xFFFF
    c.write(CC, 0x0F0F, 0x0E)
    assert c.intm == 0xF0FF
    set_up(c)
    assert c.write(CC, 0x460001 << 32 | 0xFF, 0xFF) == START and c.intm == 0xF000


def test_sticks_while_disabled() -> None:
    """Stimulus: queue and set-up registers written while enabled, and with the write that clears EN.
    Checking: only SHN and EN move, and in the next write the others too."""
    c = running()
    c.write(AQA, (1 << 64) - 1, HIGH)
    c.write(ASQ, 0)
    c.write(ACQ, 0)
    assert (c.asq, c.acq, c.asqs, c.acqs) == (0x1_2345_6000, 0xFFFF_0000_0000_7000, 31, 31)
    cc(c, 0xFFFFFFFF)
    assert c.read(CC) >> 32 == 0x46C001
    cc(c, 0x00FF3FF0)
    assert c.read(CC) >> 32 == 0x460000
    cc(c, 0x00FF3FF0)
    c.write(ASQ, 0x5FFF)
    assert c.read(CC) >> 32 == 0xFF3FF0 and c.asq == 0x5000


@pytest.mark.parametrize(
    "value, aqa, ok",
    [
        (0x460001, 0x10001, True),
        (0x460801, 0x10001, True),
        (0x461001, 0x10001, False),
        (0x460081, 0x10001, False),
        (0x460011, 0x10001, False),
        (0x460001, 0x00001, False),
        (0x460001, 0x10000, False),
        (0x000001, 0xFFF0FFF, True),
    ],
)
def test_enable(value: int, aqa: int, ok: bool) -> None:
    """Stimulus: supported and other set-ups. Checking: start and RDY, or CFS; EN = 0 clears CFS."""
    c = Controller()
    c.write(AQA, aqa << 32, HIGH)
    assert cc(c, value) == (START if ok else [])
    assert csts(c) == (0, int(not ok), 0, 0) and not c.run
    if ok:
        c.started()
        assert csts(c) == (1, 0, 0, 0) and c.wrr == (value == 0x460801)
    cc(c, 0)
    c.quiet()
    assert csts(c) == (0, 0, 0, 0)


def test_enable_again_early() -> None:
    """Stimulus: EN cleared and set before RDY falls; before `started`.
    Checking: one start more, after quiet; the revoked one never shows RDY."""
    c = running()
    assert cc(c, 0x460000) == [] and not c.run and c.quiesce and c.rdy
    assert cc(c, 0x460001) == [] and c.rdy and c.quiet() == START and not c.rdy
    assert cc(c, 0) == [] and cc(c, 1) == [] and c.quiet() == []
    assert c.started() == [] and csts(c) == (0, 0, 0, 0)
    assert c.quiet() == START and c.started() == [] and c.run


def test_shutdown() -> None:
    """Stimulus: shutdown with EN = 0, with the write that sets EN, while `start` waits, SHN = 3.
    Checking: SHST."""
    c = Controller()
    set_up(c)
    cc(c, 0xC000)
    assert c.shst == 0
    cc(c, 0x8000)
    assert c.shst == 2
    assert cc(c, 0x460001) == START and c.shst == 0
    cc(c, 0x464001)
    assert c.shst == 1 and c.quiet() == [] and c.shst == 1
    c.started()
    assert csts(c) == (1, 0, 1, 0) and not c.run
    c.quiet()
    assert csts(c) == (1, 0, 2, 0)
    cc(c, 0x460001)
    assert c.shst == 2
    cc(c, 0x468000)
    assert c.quiet() == [] and csts(c) == (0, 0, 2, 0)


def test_subsystem_reset() -> None:
    """Stimulus: the code whole, in part, wrong. Checking: all is as after power-on but NSSRO."""
    c = running()
    c.write(INTMS, 0xFF << 32, HIGH)
    for data, strb in ((NSSR_CODE, 0x07), (NSSR_CODE ^ 1, 0xFF), (NSSR_CODE << 32, 0xFF)):
        c.write(AQA, data, strb)
        assert c.run
    c.write(AQA, NSSR_CODE, LOW)
    assert not c.run and c.quiesce and csts(c) == (1, 0, 0, 0)
    cc(c, 0)
    cc(c, 1)
    assert c.quiet() == SSR
    new = Controller(nssro=1)
    assert c == new and c.quiet() == [] and c.quiesce
    c.write(CSTS, 1 << 36, 0xEF)
    assert c.nssro == 1
    c.write(CSTS, 1 << 36, 0x10)
    assert c == Controller()


def test_fatal() -> None:
    """Stimulus: the level, reset by EN under it and after it, by NSSR. Checking: CFS, run."""
    c = running()
    c.set_fatal(True)
    assert csts(c) == (1, 1, 0, 0) and not c.run
    cc(c, 0)
    c.quiet()
    assert csts(c) == (0, 1, 0, 0)
    c.set_fatal(False)
    assert csts(c) == (0, 1, 0, 0)
    assert cc(c, 0x460001) == START and c.started() == [] and not c.run and csts(c) == (1, 1, 0, 0)
    c.write(AQA, NSSR_CODE, LOW)
    assert c.quiet() == SSR and csts(c) == (0, 0, 0, 1)


words = st.sampled_from([INTMS, CC, CC, CC, CSTS, AQA, ASQ, ACQ, 9])
ccs = st.builds(
    lambda en, shn, ams, rest: put("INTMC_CC", EN=en, SHN=shn, AMS=ams, MPS=rest),
    st.integers(0, 1),
    st.sampled_from([0, 0, 0, 1, 2, 3]),
    st.integers(0, 2),
    st.sampled_from([0, 0, 0, 1]),
)
datas = st.one_of(
    ccs,
    ccs,
    st.just(NSSR_CODE | 0x001F_001F << 32),
    st.just(0x001F_001F << 32),
    st.integers(0, 2**64 - 1),
)
step = st.one_of(
    st.tuples(st.just("write"), words, datas, st.sampled_from([0xFF, HIGH, LOW, 0x30])),
    st.tuples(st.sampled_from(["started", "quiet", "quiet", "fatal"])),
)


@given(st.lists(step, max_size=80))
def test_always(steps: list) -> None:
    """Stimulus: anything. Checking: what holds of every controller, and that it can be brought back."""
    c = Controller()
    set_up(c)
    starts = answers = 0
    for what, *args in steps:
        before = (c.en, c.wrr, c.asq, c.acq, c.aqa, c.run, c.rdy)
        events = []
        if what == "write":
            events = c.write(*args)
        elif what == "quiet":
            events = c.quiet()
        elif what == "fatal":
            c.set_fatal(not c.fatal)
        elif c.phase is Phase.STARTING:
            events = c.started()
            answers += 1
        starts += events.count(Event.START)
        assert 0 <= starts - answers <= 1
        assert c.run == (csts(c)[:3] == (1, 0, 0) and not c.quiesce)
        assert not (c.fatal and not c.cfs)
        if before[0] and c.en:
            assert before[1:5] == (c.wrr, c.asq, c.acq, c.aqa), "moved while enabled"
        if c.run and before[5]:
            assert before[1] == c.wrr
        if c.rdy and not before[6]:
            assert c.en and what == "started"
        assert c.shst != 3 and (c.quiesce or not c.ending)
        assert c.read(CC) >> 56 == 0 and c.asq & 0xFFF == c.acq & 0xFFF == 0
    c.set_fatal(False)
    if c.phase is Phase.STARTING:
        c.started()
    cc(c, 0)
    for _ in range(3):
        c.quiet()
        if c.phase is Phase.STARTING:
            c.started()
        cc(c, 0)
    assert (c.phase, c.rdy, c.ending) == (Phase.OFF, 0, False)
    set_up(c)
    assert cc(c, 0x460001) == START and c.started() == []
    assert c.rdy and c.run != bool(c.cfs)
