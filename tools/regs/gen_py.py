# SPDX-License-Identifier: Apache-2.0
"""The Python layouts: IntEnums, one dataclass a structure, register tables."""

from __future__ import annotations

from tools.regs.gen_sv import BANNER
from tools.regs.model import Model

HELPERS = '''

class Layout:
    """What every structure can do: bytes and whole numbers in and out, little endian."""

    NAME: ClassVar[str]
    BITS: ClassVar[int]
    SIZE: ClassVar[int]
    FIELDS: ClassVar[dict[str, tuple[int, int]]]

    def to_int(self) -> int:
        """The structure as one number."""
        word = 0
        for name, (lsb, width) in self.FIELDS.items():
            value = int(getattr(self, name))
            if not 0 <= value < 1 << width:
                raise ValueError(f"{self.NAME}.{name} = {value:#x} does not fit in {width} bits")
            word |= value << lsb
        return word

    def pack(self) -> bytes:
        """The structure as it lies in memory."""
        return self.to_int().to_bytes(self.SIZE, "little")

    @classmethod
    def from_int(cls, word: int) -> Self:
        """Take the fields out of one number; reserved bits are ignored."""
        return cls(**{n: (word >> lsb) & ((1 << w) - 1) for n, (lsb, w) in cls.FIELDS.items()})

    @classmethod
    def unpack(cls, data: bytes | bytearray | memoryview) -> Self:
        """Take the fields out of memory."""
        if len(data) != cls.SIZE:
            raise ValueError(f"{cls.NAME} has {cls.SIZE} bytes, not {len(data)}")
        return cls.from_int(int.from_bytes(data, "little"))


class StatusInfo(NamedTuple):
    """What a status code means."""

    name: str
    raised: str
    text: str
    action: str


class FieldInfo(NamedTuple):
    """A field of a register; reset is None when it depends on the node's parameters."""

    lsb: int
    width: int
    access: str
    reset: int | None


class RegInfo(NamedTuple):
    """A register: offset in its page, copies at a stride."""

    offset: int
    count: int
    stride: int
    doorbell: bool
    locked: bool
    fields: dict[str, FieldInfo]

    def mask(self, *access: str) -> int:
        """Bits of the fields with one of these kinds of access (ro, rw, wo, w1c)."""
        chosen = [f for f in self.fields.values() if f.access in access]
        return sum(((1 << f.width) - 1) << f.lsb for f in chosen)

    @property
    def reset(self) -> int:
        """Value after reset, fields that depend on parameters taken as 0."""
        return sum((f.reset or 0) << f.lsb for f in self.fields.values())

    @property
    def fixed_reset(self) -> bool:
        """False when the value depends on parameters."""
        return all(f.reset is not None for f in self.fields.values())


class PageInfo(NamedTuple):
    """A group of registers in BAR0 that repeats."""

    base: int
    stride: int
    count: int
    regs: dict[str, RegInfo]

    def addr(self, reg: str, index: int = 0, copy: int = 0) -> int:
        """Address in BAR0 of a register of the index-th page."""
        info = self.regs[reg]
        return self.base + index * self.stride + info.offset + copy * info.stride
'''

FUNCTIONS = '''

def reg_addr(page: str, reg: str, index: int = 0, copy: int = 0) -> int:
    """Address in BAR0, for example reg_addr("CH", "DRING_PROD", 3)."""
    return PAGES[page].addr(reg, index, copy)


def reg_field(page: str, reg: str, field: str, word: int) -> int:
    """Take a field out of a register's value."""
    info = PAGES[page].regs[reg].fields[field]
    return (word >> info.lsb) & ((1 << info.width) - 1)


def reg_value(page: str, reg: str, **fields: int) -> int:
    """Put a register's value together from its fields."""
    word = 0
    for name, value in fields.items():
        info = PAGES[page].regs[reg].fields[name]
        if not 0 <= int(value) < 1 << info.width:
            raise ValueError(f"{page}.{reg}.{name} = {value:#x} does not fit in {info.width} bits")
        word |= int(value) << info.lsb
    return word


def status_name(code: int) -> str:
    """Name of a status code, with what bit 7 says."""
    try:
        name = Status(code & ~ST_AT_PEER).name
    except ValueError:
        name = f"status {code & ~ST_AT_PEER:#04x}"
    return f"{name} at the peer" if code & ST_AT_PEER else name
'''


def class_name(name: str) -> str:
    """FRAME_TYPE becomes FrameType."""
    return "".join(part.capitalize() for part in name.split("_"))


def _doc(text: str) -> str:
    return '"""' + text.rstrip(".") + '."""'


def generate(model: Model) -> str:
    """Return models/gen/carillon_layout.py."""
    out = [
        "# SPDX-License-Identifier: Apache-2.0",
        f"# {BANNER}",
        "# ruff: noqa: E501",
        '"""Layouts, opcodes, status codes and registers of Carillon, as Python."""',
        "",
        "from __future__ import annotations",
        "",
        "from dataclasses import dataclass",
        "from enum import IntEnum",
        "from typing import ClassVar, NamedTuple, Self",
    ]
    out += ["", "VERSION = ({}, {}, {})".format(*model.version), "ST_AT_PEER = 0x80", HELPERS]

    for e in model.enums:
        out += ["", f"class {class_name(e.name)}(IntEnum):"]
        out += ["    " + _doc(e.desc + ("; bit numbers" if e.bits else "")), ""]
        for v in e.values:
            out.append(f"    {v.name} = {v.value:#04x}  # {v.desc}")
        out.append("")
        if e.bits:
            mask = sum(1 << v.value for v in e.values)
            out += ["", f"{e.name}_MASK = {mask:#x}", ""]

    out += ["", "class Status(IntEnum):", '    """Status codes."""', ""]
    out += [f"    {s.name} = {s.code:#04x}" for s in model.status]
    out += ["", "", "STATUS_INFO: dict[int, StatusInfo] = {"]
    for s in model.status:
        out.append(
            f"    Status.{s.name}: StatusInfo({s.name!r}, {s.raised!r}, {s.desc!r}, {s.action!r}),"
        )
    out += ["}", ""]

    for s in model.structs:
        name = class_name(s.name)
        out += ["", "@dataclass", f"class {name}(Layout):", "    " + _doc(s.desc), ""]
        out.append(f"    NAME: ClassVar[str] = {s.name!r}")
        out.append(f"    BITS: ClassVar[int] = {s.bits}")
        out.append(f"    SIZE: ClassVar[int] = {s.bytes}")
        out.append("    FIELDS: ClassVar[dict[str, tuple[int, int]]] = {")
        out += [f"        {f.name.lower()!r}: ({f.lsb}, {f.width})," for f in s.fields]
        out += ["    }", ""]
        for f in s.fields:
            out.append(f"    {f.name.lower()}: int = 0  # {f.desc}")
        out.append("")

    out += ["", "PAGES: dict[str, PageInfo] = {"]
    for p in model.pages:
        out.append(f"    {p.name!r}: PageInfo({p.base:#x}, {p.stride:#x}, {p.count}, {{")
        for r in p.regs:
            out.append(
                f"        {r.name!r}: RegInfo({r.offset:#x}, {r.count}, {r.stride:#x},"
                f" {r.doorbell}, {r.locked}, {{"
            )
            for f in r.fields:
                reset = "None" if f.reset is None else f"{f.reset:#x}"
                out.append(
                    f"            {f.name!r}: FieldInfo({f.lsb}, {f.width}, {f.access!r}, {reset}),"
                )
            out.append("        }),")
        out.append("    }),")
    out += ["}", ""]

    out.append("")
    for p in model.pages:
        out.append(f"BAR_{p.name}_BASE = {p.base:#x}")
        out.append(f"BAR_{p.name}_STRIDE = {p.stride:#x}")
        out += [f"REG_{p.name}_{r.name} = {r.offset:#x}" for r in p.regs]
    out.append(FUNCTIONS.rstrip("\n"))
    return "\n".join(out).replace("\n\n\n\n", "\n\n\n") + "\n"
