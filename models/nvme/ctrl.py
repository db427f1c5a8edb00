# SPDX-License-Identifier: Apache-2.0
"""Golden model of crl_nvme_ctrl: the controller's registers and its life.

What others tell it comes by `started`, `quiet` and `set_fatal`, what it tells them as events that these and `write`
return, and as levels (`run`, `quiesce`, ...). Nothing in it takes time.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from models.layout import (
    PAGES,
    REG_NVME_ACQ,
    REG_NVME_ASQ,
    REG_NVME_CAP,
    REG_NVME_CRTO,
    REG_NVME_CSTS,
    REG_NVME_INTMC_CC,
    REG_NVME_NSSR_AQA,
    REG_NVME_VS_INTMS,
)

REGS = PAGES["NVME"].regs
NSSR_CODE = 0x4E56_4D65
CC_SETUP = ("CSS", "MPS", "AMS", "IOSQES", "IOCQES")  # these stick only while EN = 0
NORMAL, ABRUPT = 1, 2  # SHN
BUSY, COMPLETE = 1, 2  # SHST


class Event(Enum):
    """What the controller asks of the rest of the block."""

    START = auto()  # clear all queues, take the admin queues, answer `started`
    SSR = auto()  # an NVM subsystem reset took place


class Phase(Enum):
    """Where the controller stands."""

    OFF = auto()
    STARTING = auto()  # START was given, `started` has not come
    ON = auto()
    REFUSED = auto()  # enabled with a set-up that is not supported


def strobed(old: int, data: int, strb: int) -> int:
    """`old` with those bytes of `data` that have their strobe."""
    mask = sum(0xFF << 8 * i for i in range(8) if strb >> i & 1)
    return old & ~mask | data & mask


def get(reg: str, name: str, word: int) -> int:
    """A field of a register."""
    info = REGS[reg].fields[name]
    return word >> info.lsb & (1 << info.width) - 1


def put(reg: str, **fields: int) -> int:
    """A register from fields; what is not given has its reset value."""
    word = 0
    for name, info in REGS[reg].fields.items():
        word |= (fields.pop(name, info.reset) & (1 << info.width) - 1) << info.lsb
    assert not fields, f"{reg} has no {', '.join(fields)}"
    return word


@dataclass
class Controller:
    """Registers and state of the controller."""

    to: int = 20
    dstrd: int = 9
    phase: Phase = Phase.OFF
    nssro: int = 0
    fatal: bool = False  # the level
    rdy: int = 0
    cfs: int = 0
    shst: int = 0
    intm: int = 0
    resetting: bool = False  # EN was cleared: until `quiet`
    subsystem: bool = False  # NSSR was written: until `quiet`
    cc: int = 0  # as INTMC_CC, the mask left out
    aqa: int = 0  # as NSSR_AQA
    asq: int = 0
    acq: int = 0

    # levels ----------------------------------------------------------------------------------

    def cc_field(self, name: str) -> int:
        """A field of CC."""
        return get("INTMC_CC", name, self.cc)

    @property
    def en(self) -> int:
        return self.cc_field("EN")

    @property
    def asqs(self) -> int:
        return get("NSSR_AQA", "ASQS", self.aqa)

    @property
    def acqs(self) -> int:
        return get("NSSR_AQA", "ACQS", self.aqa)

    @property
    def wrr(self) -> bool:
        return self.cc_field("AMS") == 1

    @property
    def ending(self) -> bool:
        """`quiet` is waited for."""
        return self.resetting or self.subsystem or self.shst == BUSY

    @property
    def quiesce(self) -> bool:
        """Begin nothing, bring everything to an end."""
        return self.ending or self.shst == COMPLETE or self.phase in (Phase.OFF, Phase.REFUSED)

    @property
    def run(self) -> bool:
        """Commands may be fetched."""
        return bool(self.rdy and not self.cfs and not self.quiesce)

    @property
    def supported(self) -> bool:
        """CC and AQA are such that the controller can start."""
        cc = self.cc_field
        return cc("MPS") == 0 and cc("CSS") == 0 and cc("AMS") <= 1 and self.asqs > 0 < self.acqs

    # registers -------------------------------------------------------------------------------

    def read(self, word: int) -> int:
        """The 8-byte word `word`."""
        csts = {"RDY": self.rdy, "CFS": self.cfs, "SHST": self.shst, "NSSRO": self.nssro}
        return {
            REG_NVME_CAP: put("CAP", TO=self.to, DSTRD=self.dstrd),
            REG_NVME_VS_INTMS: put("VS_INTMS", INTMS=self.intm),
            REG_NVME_INTMC_CC: self.cc | self.intm,
            REG_NVME_CSTS: put("CSTS", **csts),
            REG_NVME_NSSR_AQA: self.aqa,
            REG_NVME_ASQ: self.asq,
            REG_NVME_ACQ: self.acq,
            REG_NVME_CRTO: put("CRTO", CRWMT=self.to),
        }.get(8 * word, 0)

    def write(self, word: int, data: int, strb: int = 0xFF) -> list[Event]:
        """A write to the 8-byte word `word`."""
        addr, bits = 8 * word, strobed(0, data, strb)
        if addr == REG_NVME_VS_INTMS:
            self.intm |= get("VS_INTMS", "INTMS", bits)
        elif addr == REG_NVME_CSTS:
            self.nssro &= ~get("CSTS", "NSSRO", bits)
        elif addr == REG_NVME_INTMC_CC:
            self.intm &= ~get("INTMC_CC", "INTMC", bits)
            return self._write_cc(strobed(self.cc, data, strb))
        elif addr == REG_NVME_NSSR_AQA:
            if not self.en:
                new = strobed(self.aqa, data, strb)
                fields = {n: get("NSSR_AQA", n, new) for n in ("ASQS", "ACQS")}
                self.aqa = put("NSSR_AQA", **fields)
            if get("NSSR_AQA", "NSSRC", bits) == NSSR_CODE and strb & 0xF == 0xF:
                self.subsystem = True
        elif addr == REG_NVME_ASQ and not self.en:
            self.asq = put("ASQ", ASQB=strobed(self.asq, data, strb) >> 12)
        elif addr == REG_NVME_ACQ and not self.en:
            self.acq = put("ACQ", ACQB=strobed(self.acq, data, strb) >> 12)
        return []

    def _write_cc(self, new: int) -> list[Event]:
        was = self.en
        names = ("EN", "SHN", *CC_SETUP)
        fields = {n: get("INTMC_CC", n, new) for n in names}
        if was:
            fields |= {n: self.cc_field(n) for n in CC_SETUP}
        self.cc = put("INTMC_CC", **fields)
        if was and not self.en:
            self.resetting = True
        return self._go_on()

    # what others tell ------------------------------------------------------------------------

    def started(self) -> list[Event]:
        """The answer to START."""
        assert self.phase is Phase.STARTING, "started, but not asked for"
        self.phase = Phase.ON
        if not self.resetting and not self.subsystem:
            self.rdy = 1
        return self._go_on()

    def quiet(self) -> list[Event]:
        """Nothing is outstanding; counts while `quiesce` is up."""
        if not self.ending or self.phase is Phase.STARTING:
            return []
        if self.subsystem:
            self.power_on()
            self.nssro = 1
            return [Event.SSR]
        if self.resetting:
            self.resetting = False
            self.phase = Phase.OFF
            self.rdy, self.shst, self.cfs, self.intm = 0, 0, int(self.fatal), 0
            return self._go_on()
        self.shst = COMPLETE
        return []

    def set_fatal(self, level: bool) -> None:
        """The level `fatal`."""
        self.fatal = level
        self.cfs |= int(level)

    def power_on(self) -> None:
        """Everything as after a reset of the hardware, but for the level `fatal`."""
        new = Controller(self.to, self.dstrd)
        new.set_fatal(self.fatal)
        self.__dict__.update(new.__dict__)

    def _go_on(self) -> list[Event]:
        """Begin what CC asks for, as soon as no reset is under way."""
        if self.resetting or self.subsystem:
            return []
        events = []
        if self.phase is Phase.OFF and self.en:
            self.shst = 0
            self.phase = Phase.STARTING if self.supported else Phase.REFUSED
            if self.supported:
                events.append(Event.START)
            else:
                self.cfs = 1
        if self.cc_field("SHN") in (NORMAL, ABRUPT) and self.shst == 0:
            self.shst = BUSY if self.en else COMPLETE
        return events
