# SPDX-License-Identifier: Apache-2.0
"""A node for C code to talk to, with no timing: one channel of function 0, local operations.

A doorbell runs what it publishes; `statuses` gives some of the descriptors an error. It knows only as much as an example
needs, and asserts that software keeps the rules: rings inside their segment, no slot used twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from models.gen.carillon_layout import (
    Cmd,
    Cqe,
    CqeKind,
    Desc,
    DescFlag,
    Op,
    State,
    Status,
    reg_addr,
    reg_field,
    reg_value,
)

IDENT = int.from_bytes(b"CRLN", "little")


@dataclass
class FakeNode:
    mem: bytearray
    bus: int  # address of mem[0]
    statuses: Mapping[int, Status] = field(default_factory=dict)  # of the n-th descriptor
    deaf: bool = False  # never ends anything
    regs: dict[int, int] = field(default_factory=dict)
    state: State = State.DISABLED
    error: int = 0
    begun: int = 0  # descriptors, since ENABLE
    posted: int = 0
    consumed: int = 0
    commands: list[Cmd] = field(default_factory=list)

    def read(self, addr: int) -> int:
        if addr == reg_addr("NODE", "IDENT"):
            return IDENT
        if addr == reg_addr("NODE", "CAPS0"):
            return reg_value("NODE", "CAPS0", CHANNELS=1, PEERS=1, SEGMENTS=2)
        if addr == reg_addr("CH", "STATUS"):
            return reg_value("CH", "STATUS", STATE=self.state, LAST_ERROR=self.error)
        return self.regs.get(addr, 0)

    def write(self, addr: int, value: int) -> None:
        self.regs[addr] = value
        if addr == reg_addr("CH", "CTRL"):
            self.command(Cmd(value))
        elif addr == reg_addr("CH", "DRING_PROD"):
            self.run(value)
        elif addr == reg_addr("CH", "CRING_CONS"):
            self.consumed += (value - self.consumed) % self.size("CRING_SIZE")

    def command(self, cmd: Cmd) -> None:
        self.commands.append(cmd)
        if cmd == Cmd.ENABLE:
            for ring, size in (("DRING_BASE", 32), ("CRING_BASE", 16)):
                count = self.size(ring.replace("BASE", "SIZE"))
                assert self.place(self.regs[reg_addr("CH", ring)], size * count) is not None
            self.begun = self.posted = self.consumed = 0
            self.state = State.ACTIVE
        elif cmd in (Cmd.DRAIN, Cmd.RESET):
            self.state = State.DISABLED

    def size(self, register: str) -> int:
        return 1 << self.regs[reg_addr("CH", register)]

    def place(self, address: int, length: int) -> int | None:
        """Where a segment address lies in `mem`."""
        index, gen, offset = address >> 52, address >> 40 & 0xFFF, address & (1 << 40) - 1
        ctrl = self.regs.get(reg_addr("SEG", "CTRL", index), 0)
        fits = offset + length <= self.regs.get(reg_addr("SEG", "SIZE", index), 0)
        if (
            not reg_field("SEG", "CTRL", "VALID", ctrl)
            or reg_field("SEG", "CTRL", "GEN", ctrl) != gen
            or not fits
        ):
            return None
        return self.regs[reg_addr("SEG", "BASE", index)] - self.bus + offset

    def published(self, prod: int) -> Iterator[Desc]:
        size = self.size("DRING_SIZE")
        base = self.place(self.regs[reg_addr("CH", "DRING_BASE")], 32 * size)
        while self.begun % size != prod:
            at = base + 32 * (self.begun % size)
            self.begun += 1
            yield Desc.unpack(bytes(self.mem[at : at + 32]))

    def run(self, prod: int) -> None:
        assert self.state == State.ACTIVE and prod < self.size("DRING_SIZE")
        for desc in self.published(prod):
            status = self.statuses.get(self.begun - 1, self.execute(desc))
            if not self.deaf and (status or not desc.flags >> DescFlag.NO_CPL & 1):
                self.post(desc, status)

    def execute(self, desc: Desc) -> Status:
        dst = self.place(desc.dst, desc.length)
        if dst is None:
            return Status.SEG_RANGE
        if desc.opcode == Op.FILL:
            data = desc.src.to_bytes(8, "little") * (desc.length // 8 + 1)
        else:
            assert desc.opcode == Op.COPY
            src = self.place(desc.src, desc.length)
            if src is None:
                return Status.SEG_RANGE
            data = self.mem[src : src + desc.length]
        self.mem[dst : dst + desc.length] = data[: desc.length]
        return Status.OK

    def post(self, desc: Desc, status: Status) -> None:
        size = self.size("CRING_SIZE")
        assert self.posted - self.consumed < size, "a completion over one that was not consumed"
        entry = Cqe(
            tag=desc.tag,
            status=status,
            kind=CqeKind.DESCRIPTOR,
            phase=1 - self.posted // size % 2,
            dring_cons=self.begun % self.size("DRING_SIZE"),
            bytes=0 if status else desc.length,
        )
        at = self.place(self.regs[reg_addr("CH", "CRING_BASE")], 16 * size) + 16 * (
            self.posted % size
        )
        self.mem[at : at + 16] = entry.pack()
        self.posted += 1
