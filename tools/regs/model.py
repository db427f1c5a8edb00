# SPDX-License-Identifier: Apache-2.0
"""Reads the register description and the layouts into one plain model that every generator uses."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from systemrdl import RDLCompiler
from systemrdl.messages import RDLCompileError
from systemrdl.node import FieldNode, RegfileNode, RegNode
from systemrdl.rdltypes import AccessType, OnWriteType

ROOT = Path(__file__).resolve().parents[2]
RDL = "rtl/regs/carillon.rdl"
MAILBOX = "rtl/regs/mailbox.rdl"
LAYOUTS = "rtl/regs/layouts.yaml"


class SourceError(Exception):
    """The sources contradict themselves; the message says where."""


@dataclass
class EnumValue:
    """A named number."""

    name: str
    value: int
    desc: str


@dataclass
class RegField:
    """A field of a register."""

    name: str
    lsb: int
    width: int
    access: str  # ro, rw, wo, w1c, wclr
    reset: int | None
    desc: str
    values: list[EnumValue] = field(default_factory=list)


@dataclass
class Reg:
    """A register, at an offset in its page."""

    name: str
    offset: int
    title: str
    desc: str
    count: int
    stride: int
    doorbell: bool
    locked: bool
    fields: list[RegField]

    @property
    def reset(self) -> int:
        """Value after reset; fields that depend on parameters count as 0."""
        return sum((f.reset or 0) << f.lsb for f in self.fields)

    @property
    def fixed_reset(self) -> bool:
        """False when the value depends on the node's parameters."""
        return all(f.reset is not None for f in self.fields)

    def mask(self, *access: str) -> int:
        """Bits of the fields that have one of these kinds of access."""
        return sum(((1 << f.width) - 1) << f.lsb for f in self.fields if f.access in access)


@dataclass
class Page:
    """A group of registers that repeats at a stride."""

    name: str
    base: int
    stride: int
    count: int
    external: bool
    title: str
    desc: str
    regs: list[Reg]


@dataclass
class StructField:
    """A field of a memory or wire layout."""

    name: str
    lsb: int
    width: int
    enum: str | None
    flags: str | None
    desc: str


@dataclass
class Struct:
    """A memory or wire layout."""

    name: str
    bits: int
    internal: bool
    desc: str
    fields: list[StructField]

    @property
    def bytes(self) -> int:
        """Size in memory."""
        return (self.bits + 7) // 8


@dataclass
class EnumDef:
    """Named numbers, or named bit numbers."""

    name: str
    width: int
    bits: bool
    desc: str
    values: list[EnumValue]


@dataclass
class Status:
    """A status code."""

    name: str
    code: int
    raised: str
    desc: str
    action: str


@dataclass
class Model:
    """Everything the generators need."""

    version: tuple[int, int, int]
    pages: list[Page] = field(default_factory=list)
    mailbox: Page | None = None
    structs: list[Struct] = field(default_factory=list)
    enums: list[EnumDef] = field(default_factory=list)
    status: list[Status] = field(default_factory=list)


def _text(value: str | None) -> str:
    return " ".join((value or "").split())


def _access(f: FieldNode) -> str:
    sw = f.get_property("sw")
    special = {OnWriteType.woclr: "w1c", OnWriteType.wclr: "wclr"}.get(f.get_property("onwrite"))
    if special:
        return special
    return {AccessType.r: "ro", AccessType.rw: "rw", AccessType.w: "wo"}[sw]


def _values(f: FieldNode) -> list[EnumValue]:
    """The named values of a field."""
    return [EnumValue(v.name, v.value, _text(v.rdl_desc)) for v in f.get_property("encode") or ()]


def _reg(node: RegNode) -> Reg:
    fields = [
        RegField(
            name=f.inst_name,
            lsb=f.low,
            width=f.width,
            access=_access(f),
            reset=f.get_property("reset"),
            desc=_text(f.get_property("desc")),
            values=_values(f),
        )
        for f in node.fields()
    ]
    return Reg(
        name=node.inst_name,
        offset=node.raw_address_offset,
        title=_text(node.get_property("name")),
        desc=_text(node.get_property("desc")),
        count=node.n_elements,
        stride=node.array_stride if node.is_array else node.size,
        doorbell=bool(node.get_property("crl_doorbell", default=False)),
        locked=bool(node.get_property("crl_locked", default=False)),
        fields=fields,
    )


def load_pages(rdl: Path) -> list[Page]:
    """Compile the register description."""
    compiler = RDLCompiler()
    try:
        compiler.compile_file(str(rdl))
        top = compiler.elaborate().top
    except RDLCompileError as exc:
        raise SourceError(f"{rdl}: {exc}") from exc
    pages = []
    for node in top.children(unroll=False):
        if not isinstance(node, RegfileNode):
            raise SourceError(f"{rdl}: {node.inst_name} must be a regfile")
        pages.append(
            Page(
                name=node.inst_name,
                base=node.raw_address_offset,
                stride=node.array_stride if node.is_array else node.size,
                count=node.n_elements,
                external=node.external,
                title=_text(node.get_property("name")),
                desc=_text(node.get_property("desc")),
                regs=[_reg(r) for r in node.registers(unroll=False)],
            )
        )
    return pages


def _struct(name: str, raw: dict) -> Struct:
    bits = raw["bits"] if "bits" in raw else raw["bytes"] * 8
    fields = [
        StructField(n, f["bits"][0], f["bits"][1], f.get("enum"), f.get("flags"), _text(f["desc"]))
        for n, f in raw["fields"].items()
    ]
    end = 0
    for f in fields:
        if f.lsb < end:
            raise SourceError(f"{LAYOUTS}: {name}.{f.name} overlaps the field before it")
        end = f.lsb + f.width
    if end > bits:
        raise SourceError(f"{LAYOUTS}: {name} has fields beyond its {bits} bits")
    return Struct(name, bits, bool(raw.get("internal")), _text(raw["desc"]), fields)


def _value_comments(text: str) -> dict[tuple[str, str], str]:
    """The comments behind the values of the enums, which are their descriptions."""
    found: dict[tuple[str, str], str] = {}
    section = enum = ""
    for line in text.splitlines():
        if top := re.match(r"(\w+):", line):
            section = top[1]
        elif section == "enums" and (name := re.match(r"  (\w+):\s*$", line)):
            enum = name[1]
        elif section == "enums" and (value := re.match(r"    (\w+):\s*\w+\s*#\s*(.*\S)", line)):
            found[enum, value[1]] = value[2]
    return found


def _enum(name: str, raw: dict, values: dict, comments: dict[tuple[str, str], str]) -> EnumDef:
    bits = raw["kind"] == "bit"
    if raw["kind"] not in ("bit", "value"):
        raise SourceError(f"{LAYOUTS}: {name}: kind must be bit or value")
    entries = [EnumValue(n, v, comments.get((name, n), "")) for n, v in values.items()]
    limit = raw["width"] if bits else 1 << raw["width"]
    seen: dict[int, str] = {}
    for v in entries:
        if not v.desc:
            raise SourceError(f"{LAYOUTS}: {name}.{v.name} has no comment that describes it")
        if not 0 <= v.value < limit:
            raise SourceError(f"{LAYOUTS}: {name}.{v.name} = {v.value} does not fit")
        if v.value in seen:
            raise SourceError(f"{LAYOUTS}: {name}.{v.name} has the value of {seen[v.value]}")
        seen[v.value] = v.name
    return EnumDef(name, raw["width"], bits, _text(raw["desc"]), entries)


def load(root: Path = ROOT) -> Model:
    """Read both sources and check that they fit together."""
    text = (root / LAYOUTS).read_text(encoding="utf-8")
    raw = yaml.safe_load(text)
    comments = _value_comments(text)
    if set(raw["enums"]) != set(raw["enum_types"]):
        raise SourceError(f"{LAYOUTS}: enums and enum_types name different enums")
    ver = raw["version"]
    model = Model(version=(ver["major"], ver["minor"], ver["patch"]))
    model.pages = load_pages(root / RDL)
    mailbox = load_pages(root / MAILBOX)
    if len(mailbox) != 1 or any(r.stride != 4 for r in mailbox[0].regs):
        raise SourceError(f"{MAILBOX}: the mailbox is one regfile of 32-bit registers")
    model.mailbox = mailbox[0]
    model.structs = [_struct(n, s) for n, s in raw["structs"].items()]
    model.enums = [_enum(n, raw["enum_types"][n], v, comments) for n, v in raw["enums"].items()]
    model.status = [
        Status(n, s["code"], s["raised"], _text(s["desc"]), _text(s["do"]))
        for n, s in raw["status"].items()
    ]
    enums = {e.name: e for e in model.enums}
    for s in model.structs:
        for f in s.fields:
            for ref, want_bits in ((f.enum, False), (f.flags, True)):
                if ref and (ref not in enums or enums[ref].bits != want_bits):
                    raise SourceError(f"{LAYOUTS}: {s.name}.{f.name} names an unknown enum {ref}")
                if ref and enums[ref].width != f.width:
                    raise SourceError(f"{LAYOUTS}: {s.name}.{f.name} and {ref} differ in width")
    codes: dict[int, str] = {}
    for st in model.status:
        if st.code & 0x80 or st.code in codes:
            raise SourceError(f"{LAYOUTS}: status {st.name} has a code that is taken or above 0x7F")
        codes[st.code] = st.name
    for page in model.pages:
        for reg in page.regs:
            if reg.name == "IDENT":
                # The version has one source: layouts.yaml.
                for f in reg.fields:
                    index = {"MAJOR": 0, "MINOR": 1, "PATCH": 2}.get(f.name)
                    if index is not None:
                        f.reset = model.version[index]
    return model
