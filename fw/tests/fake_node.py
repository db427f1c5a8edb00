# SPDX-License-Identifier: Apache-2.0
"""A node for C code to talk to, with no timing: one channel of function 0, local operations.

A doorbell runs what it publishes, or with `lazy` each `step` one descriptor; `statuses` gives some of the descriptors an
error. It knows only as much as a driver of one channel needs, and asserts that software keeps the rules: rings inside
their segment, no slot used twice, indices in the ring.
"""

from __future__ import annotations

from collections.abc import Mapping
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
    lazy: bool = False
    regs: dict[int, int] = field(default_factory=dict)
    state: State = State.DISABLED
    error: int = 0
    begun: int = 0  # descriptors, since ENABLE
    posted: int = 0
    consumed: int = 0
    prod: int = 0
    received: int = 0  # entries of the receive ring that are used up
    commands: list[Cmd] = field(default_factory=list)

    def read(self, addr: int) -> int:
        if addr == reg_addr("NODE", "IDENT"):
            return IDENT
        if addr == reg_addr("NODE", "CAPS0"):
            return reg_value("NODE", "CAPS0", CHANNELS=1, PEERS=1, SEGMENTS=2)
        if addr == reg_addr("CH", "STATUS"):
            busy = self.state in (State.DRAINING, State.ABORTING)
            return reg_value("CH", "STATUS", STATE=self.state, LAST_ERROR=self.error, BUSY=busy)
        if addr == reg_addr("CH", "DRING_CONS"):
            return self.begun % self.size("DRING_SIZE")
        if addr == reg_addr("NODE", "REVOKE") and not self.deaf:
            seq = reg_field("NODE", "REVOKE", "SEQ", self.regs.get(addr, 0))
            return reg_value("NODE", "REVOKE", SEQ=seq, ACK=seq)
        return self.regs.get(addr, 0)

    def write(self, addr: int, value: int) -> None:
        self.regs[addr] = value
        if addr == reg_addr("CH", "CTRL"):
            self.command(Cmd(value))
        elif addr == reg_addr("CH", "DRING_PROD"):
            self.run(value)
        elif addr == reg_addr("CH", "CRING_CONS"):
            self.consumed += (value - self.consumed) % self.size("CRING_SIZE")
            assert self.consumed <= self.posted, "consumes what was not posted"

    def command(self, cmd: Cmd) -> None:
        self.commands.append(cmd)
        if cmd == Cmd.ENABLE:
            for ring, size in (("DRING_BASE", 32), ("CRING_BASE", 16)):
                count = self.size(ring.replace("BASE", "SIZE"))
                assert self.place(self.regs[reg_addr("CH", ring)], size * count) is not None
            self.begun = self.posted = self.consumed = self.prod = self.received = 0
            self.regs[reg_addr("CH", "RRING_PROD")] = 0
            self.state = State.ACTIVE
        elif cmd in (Cmd.DRAIN, Cmd.ABORT) and self.lazy and self.state != State.DISABLED:
            assert cmd == Cmd.ABORT or self.state == State.ACTIVE, (
                "DRAIN of a channel that is not active"
            )
            self.state = State.DRAINING if cmd == Cmd.DRAIN else State.ABORTING
        else:
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

    def run(self, prod: int) -> None:
        size = self.size("DRING_SIZE")
        assert self.state == State.ACTIVE and prod < size
        assert (prod - self.begun) % size >= (self.prod - self.begun) % size, "a doorbell goes back"
        self.prod = prod
        while not self.lazy and self.step():
            pass

    def step(self) -> bool:
        """Begins and ends one descriptor, if it may; or ends the channel."""
        size = self.size("DRING_SIZE")
        left = self.begun % size != self.prod
        room = self.posted - self.consumed < self.size("CRING_SIZE") - 1 or not self.lazy
        if self.state not in (State.ACTIVE, State.DRAINING, State.ABORTING):
            return False
        if left and room:
            at = self.place(self.regs[reg_addr("CH", "DRING_BASE")], 32 * size)
            at += 32 * (self.begun % size)
            desc = Desc.unpack(bytes(self.mem[at : at + 32]))
            self.begun += 1
            if self.state == State.ABORTING:
                status = Status.ABORTED
            else:
                status = self.statuses.get(self.begun - 1, self.execute(desc))
            if not self.deaf and (status or not desc.flags >> DescFlag.NO_CPL & 1):
                self.post(desc, status)
        if self.state == State.ABORTING or self.state == State.DRAINING and not left:
            self.state = State.DISABLED
        return left and room

    def deliver(self, data: bytes) -> bool:
        """A message of the peer; False: there is no buffer, or no room to say so."""
        size = self.size("RRING_SIZE")
        prod = self.regs[reg_addr("CH", "RRING_PROD")]
        if (
            self.received % size == prod
            or self.posted - self.consumed == self.size("CRING_SIZE") - 1
        ):
            return False
        at = self.place(self.regs[reg_addr("CH", "RRING_BASE")], 32 * size) + 32 * (
            self.received % size
        )
        entry = Desc.unpack(bytes(self.mem[at : at + 32]))
        assert entry.opcode == Op.RECV
        self.received += 1
        to = self.place(entry.dst, entry.length)
        assert to is not None
        self.mem[to : to + len(data)] = data
        self.put(
            Cqe(
                tag=entry.tag,
                kind=CqeKind.RECEIVE,
                dring_cons=self.received % size,
                bytes=len(data),
            )
        )
        return True

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
        self.put(
            Cqe(
                tag=desc.tag,
                status=status,
                kind=CqeKind.DESCRIPTOR,
                dring_cons=self.begun % self.size("DRING_SIZE"),
                bytes=0 if status else desc.length,
            )
        )

    def put(self, entry: Cqe) -> None:
        size = self.size("CRING_SIZE")
        assert self.posted - self.consumed < size, "a completion over one that was not consumed"
        entry.phase = 1 - self.posted // size % 2
        at = self.place(self.regs[reg_addr("CH", "CRING_BASE")], 16 * size) + 16 * (
            self.posted % size
        )
        self.mem[at : at + 16] = entry.pack()
        self.posted += 1
