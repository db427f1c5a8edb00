# SPDX-License-Identifier: Apache-2.0
"""Byte-exact reference of crl_align: commands and source bytes in, destination beats out."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Command:
    """One command; `payload` are its bytes, in order."""

    src_off: int
    dst_off: int
    payload: bytes
    cont: bool
    flush: bool
    ch: int
    tag: int

    def beats_in(self, lanes: int) -> int:
        return -(-(self.src_off + len(self.payload)) // lanes) if self.payload else 0

    def source(self, lanes: int, rng) -> list[int]:
        """The source beats; bytes that are not the command's are random."""
        count = self.beats_in(lanes)
        raw = bytearray(rng.randbytes(count * lanes))
        raw[self.src_off : self.src_off + len(self.payload)] = self.payload
        return [int.from_bytes(raw[i * lanes : (i + 1) * lanes], "little") for i in range(count)]


@dataclass(frozen=True)
class Beat:
    """One transfer at the output. Lanes without strobe are 0."""

    none: bool
    first: bool
    last: bool
    data: int
    strb: int
    tag: int


@dataclass
class AlignModel:
    """Predicts the output of a sequence of commands."""

    lanes: int
    carry: dict[int, list[int | None]] = field(default_factory=dict)

    def beats(self, cmd: Command) -> list[Beat]:
        part: list[int | None] = [None] * self.lanes
        if cmd.cont and cmd.dst_off and cmd.payload:
            part = list(self.carry[cmd.ch])
            assert all(b is None for b in part[cmd.dst_off :]), "the carry reaches further"
        full: list[list[int | None]] = []
        at = cmd.dst_off
        for byte in cmd.payload:
            part[at] = byte
            at += 1
            if at == self.lanes:
                full.append(part)
                part, at = [None] * self.lanes, 0
        if cmd.flush and cmd.payload and at:
            full.append(part)
        elif cmd.payload:
            self.carry[cmd.ch] = part
        if not full:
            return [Beat(True, False, True, 0, 0, cmd.tag)]
        return [
            Beat(
                False,
                n == 0,
                n == len(full) - 1,
                int.from_bytes(bytes(b or 0 for b in lane), "little"),
                sum(1 << i for i, b in enumerate(lane) if b is not None),
                cmd.tag,
            )
            for n, lane in enumerate(full)
        ]

    def steps(self, commands: list[Command]) -> int:
        """Cycles without back-pressure: see the header of the module."""
        total, drain = 0, False
        for cmd in commands:
            if not cmd.payload:
                total, drain = total + 1, False
                continue
            count = cmd.beats_in(self.lanes)
            fill = count > 1 and cmd.dst_off < cmd.src_off
            end = cmd.dst_off + len(cmd.payload)
            touched = -(-end // self.lanes)
            if drain and fill and not (cmd.cont and cmd.dst_off):
                total -= 1  # the fill runs with the drain before it
            total += count
            drain = cmd.flush and touched > count - fill
            total += drain
        return total


class AlignScoreboard:
    """Compares what comes out with what the commands predict, in order."""

    def __init__(self, lanes: int) -> None:
        self.model = AlignModel(lanes)
        self.expected: deque[Beat] = deque()
        self.compared = 0

    def command(self, cmd: Command) -> None:
        self.expected.extend(self.model.beats(cmd))

    def output(self, got: Beat) -> None:
        assert self.expected, f"a transfer that nothing asked for: {got}"
        want = self.expected.popleft()
        if want.none and got.none:
            got = Beat(True, got.first, got.last, 0, 0, got.tag)
        assert got == want, f"transfer {self.compared}: got {got}, expected {want}"
        self.compared += 1

    def finish(self) -> None:
        assert not self.expected, f"{len(self.expected)} transfers are missing"
        assert self.compared, "nothing was compared"
