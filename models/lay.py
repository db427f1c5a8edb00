# SPDX-License-Identifier: Apache-2.0
"""The generated layouts as the models use them.

Enums come from `models.layout`; `Struct` packs and unpacks by field name, `Desc` and `Cqe` are
immutable.
"""

from __future__ import annotations

from dataclasses import dataclass

from models import layout
from models.layout import (
    Cmd,
    CqeKind,
    DescFlag,
    FrameFlag,
    FrameType,
    FrameVc,
    Op,
    SegRight,
    State,
    Status,
    Status2,
)

__all__ = [
    "AT_PEER",
    "CQE",
    "DESC",
    "FRAME",
    "LOCAL_BAD",
    "MAY_HAVE_EXECUTED",
    "PEER_BAD",
    "SEGADDR",
    "Cmd",
    "Cqe",
    "CqeKind",
    "Desc",
    "DescFlag",
    "FrameFlag",
    "FrameType",
    "FrameVc",
    "Op",
    "SegRight",
    "State",
    "Status",
    "Status2",
    "Struct",
    "segaddr",
    "split_segaddr",
    "status_name",
]


@dataclass(frozen=True)
class Struct:
    """A packed little-endian structure: fields are (lsb, width)."""

    name: str
    size: int
    fields: dict[str, tuple[int, int]]

    def pack(self, **values: int) -> bytes:
        word = 0
        for key, value in values.items():
            lsb, width = self.fields[key]
            if not 0 <= value < (1 << width):
                raise ValueError(f"{self.name}.{key}: {value:#x} does not fit {width} bits")
            word |= value << lsb
        return word.to_bytes(self.size, "little")

    def unpack(self, raw: bytes) -> dict[str, int]:
        if len(raw) != self.size:
            raise ValueError(f"{self.name} has {self.size} bytes, not {len(raw)}")
        word = int.from_bytes(raw, "little")
        return {k: (word >> lsb) & ((1 << width) - 1) for k, (lsb, width) in self.fields.items()}


def _struct(source: type[layout.Layout]) -> Struct:
    fields = {name.upper(): place for name, place in source.FIELDS.items()}
    return Struct(source.NAME, source.SIZE, fields)


DESC = _struct(layout.Desc)
CQE = _struct(layout.Cqe)
SEGADDR = _struct(layout.Segaddr)
FRAME = _struct(layout.Frame)

AT_PEER = 0x80  # bit 7 of a status: found at the peer
MAY_HAVE_EXECUTED = 1 << Status2.MAY_HAVE_EXECUTED
LOCAL_BAD = 1 << Status2.LOCAL_BAD
PEER_BAD = 1 << Status2.PEER_BAD


def status_name(code: int) -> str:
    """A readable name, with the peer bit spelled out."""
    base = code & ~AT_PEER
    name = Status(base).name if base in Status._value2member_map_ else f"{base:#04x}"
    return f"{name}@peer" if code & AT_PEER else name


def segaddr(index: int, gen: int, offset: int) -> int:
    """A segment-relative address."""
    return int.from_bytes(SEGADDR.pack(INDEX=index, GEN=gen, OFFSET=offset), "little")


def split_segaddr(value: int) -> tuple[int, int, int]:
    """(index, generation, offset) of a segment-relative address."""
    f = SEGADDR.unpack(value.to_bytes(8, "little"))
    return f["INDEX"], f["GEN"], f["OFFSET"]


@dataclass(frozen=True)
class Desc:
    """A descriptor."""

    opcode: int
    flags: int = 0
    tag: int = 0
    length: int = 0
    src: int = 0
    dst: int = 0
    operand: int = 0

    def pack(self) -> bytes:
        return DESC.pack(
            OPCODE=self.opcode,
            FLAGS=self.flags,
            TAG=self.tag,
            LENGTH=self.length,
            SRC=self.src,
            DST=self.dst,
            OPERAND=self.operand,
        )

    @classmethod
    def unpack(cls, raw: bytes) -> Desc:
        f = DESC.unpack(raw)
        return cls(f["OPCODE"], f["FLAGS"], f["TAG"], f["LENGTH"], f["SRC"], f["DST"], f["OPERAND"])

    def flag(self, bit: int) -> bool:
        return bool(self.flags >> bit & 1)

    def __str__(self) -> str:
        name = Op(self.opcode).name if self.opcode in Op._value2member_map_ else hex(self.opcode)
        return (
            f"{name} tag={self.tag:#x} flags={self.flags:#x} len={self.length} "
            f"src={self.src:#x} dst={self.dst:#x}"
        )


@dataclass(frozen=True)
class Cqe:
    """A channel completion entry."""

    tag: int
    status: int = 0
    kind: int = int(CqeKind.DESCRIPTOR)
    phase: int = 1
    dring_cons: int = 0
    status2: int = 0
    nbytes: int = 0
    immediate: int = 0

    def pack(self) -> bytes:
        return CQE.pack(
            TAG=self.tag,
            STATUS=self.status,
            KIND=self.kind,
            PHASE=self.phase,
            DRING_CONS=self.dring_cons,
            STATUS2=self.status2,
            BYTES=self.nbytes,
            IMMEDIATE=self.immediate,
        )

    @classmethod
    def unpack(cls, raw: bytes) -> Cqe:
        f = CQE.unpack(raw)
        return cls(
            f["TAG"],
            f["STATUS"],
            f["KIND"],
            f["PHASE"],
            f["DRING_CONS"],
            f["STATUS2"],
            f["BYTES"],
            f["IMMEDIATE"],
        )

    def __str__(self) -> str:
        return (
            f"tag={self.tag:#x} {status_name(self.status)} cons={self.dring_cons} "
            f"phase={self.phase} bytes={self.nbytes} status2={self.status2:#x}"
        )
