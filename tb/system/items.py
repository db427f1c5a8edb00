# SPDX-License-Identifier: Apache-2.0
"""What sequences hand to drivers: a batch of descriptors with one doorbell, or a command."""

from __future__ import annotations

from dataclasses import dataclass, field

from pyuvm import uvm_sequence_item

from models.gen.carillon_layout import Cmd, Desc


@dataclass
class Timing:
    """Cycles to wait before the item, and whether to wait for everything to be over before it."""

    gap: int = 0
    settle: bool = False


class ChannelItem(uvm_sequence_item):
    """Descriptors to publish with one doorbell; or a command to the channel; or both, in this order."""

    def __init__(self, name: str, descs: list[Desc] | None = None, cmd: Cmd | None = None,
                 timing: Timing | None = None) -> None:
        super().__init__(name)
        self.descs = descs or []
        self.cmd = cmd
        self.timing = timing or Timing()

    def __str__(self) -> str:
        what = self.cmd.name if self.cmd else ""
        return f"{self.get_name()}: {len(self.descs)} descriptors {what}".strip()


@dataclass
class Mix:
    """Constraints of random traffic."""

    ops: dict[int, float] = field(default_factory=dict)
    reads: float = 4.0  # weight of READ, if ops does not say
    atomics: float = 3.0  # of FETCH_ADD and CMP_SWAP together
    messages: float = 0.0  # of WRITE_IMM; the receiver's software has to read its entries
    sends: float = 0.0  # of SEND; it has to post buffers too
    mirrors: float = 3.0  # of MIRROR
    max_bytes: int = 1 << 16
    max_batch: int = 8
    p_flags: float = 0.3  # chance of any flag at all
    no_cpl: float = 0.1
    max_gap: int = 200
