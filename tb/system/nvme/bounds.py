# SPDX-License-Identifier: Apache-2.0
"""How long a command may take, whatever others do: the bound is derived, and does not look at what the hardware did.

What is ahead of a command: commands in execution and between fetch and execution (`Costs.held`), and what arbitration lets in
before it: each other queue has one grant that is out and one before the queue's own turn, of 2^AB commands each
(`Costs.before`). From there on commands that need memory go in the order of their fetch, so the latency is no more than the sum
of what each takes alone (`Costs.command`), and what the command's own fetch and entry take (`Costs.own`). Then its entry waits behind data:
crl_axi_wr lets AGE data bursts go first, for each burst of entries that waits before it (`Costs.entries`), if the commands behind it have so
many. Nothing here counts on overlap.

    in cycles, L: latency of memory beyond its minimum, B: bytes a beat
    command   fetch 64/B + 12; entry 8; refused or Flush: nothing more
              walk 24, and L + 48 for each list burst of 16 entries; move 2·L + 60, each chunk ⌈bytes/B⌉ + 2 beats (Compare: twice)
              DSM: 16 for each range to read and judge, then its zeroes as chunks
    own       doorbell to grant 8, fetch L + 64, entry L + 32, and two transfers of the mailbox's page, 8 bursts each, that go between
    admin     what it takes alone on an idle controller, twice; four events and a command that the processor may be at; per
              burst of the page four others; the sum of what is ahead; for Delete and Teardown once more for each queue
              what is in flight when it is stopped

So what a grant allows decides how long others may have to wait: nothing interrupts a command. One moves MDTS bytes; Verify and Write Zeroes touch
as many blocks as are granted, up to 65536; Dataset Management 256 times what is granted, as its ranges may be the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from models.layout import NvmeIoOp, NvmeSqe
from models.nvme.check import Verdict
from tb.system.nvme.attacks import SMALL_RANGE

AGE = 32  # data bursts that may go before a burst of entries, of crl_axi_wr_arb
EVENT = 400  # cycles of the processor for an event: 14 accesses to the mailbox, of up to 28 cycles


@dataclass(frozen=True)
class Costs:
    """Of one build and one memory. `pressure`: chance of a stall, n/256, on each channel."""

    bus: int
    latency: int
    pressure: int
    burst: int
    ops: int
    depth: int
    queues: int  # I/O queues in use
    ab: int = 3

    @property
    def stretch(self) -> float:
        """A beat takes so many cycles on average, and half as much again for a bad run."""
        return 1.0 if not self.pressure else 1.5 * 256 / (256 - self.pressure)

    @property
    def held(self) -> int:
        """Commands between fetch and completion: executed, in the pipe, fetched or asked for."""
        return self.ops + self.depth + 8

    @property
    def before(self) -> int:
        """Commands of other queues that may be fetched between a doorbell and the fetch of its first entry."""
        return 2 * (self.queues - 1) * (1 << self.ab)

    def entries(self, count: int) -> int:
        """Data that may go before so many bursts of entries; no more of them wait than crl_nvme_cqe holds, 16 entries and 8 bursts."""
        return int(min(count, 25) * AGE * (self.burst // self.bus + 1) * self.stretch)

    def chunks(self, nbytes: int, pages: int, sides: int = 1) -> int:
        """Beats of that many bytes in chunks that end at bursts and at pages."""
        count = -(-nbytes // self.burst) + 2 * pages + 1
        return sides * (-(-nbytes // self.bus) + 2 * count)

    def command(self, sqe: NvmeSqe, verdict: Verdict, block: int = 512) -> int:
        """Cycles of one command alone."""
        cycles = 64 // self.bus + 12 + 8
        if verdict.ok and sqe.opc != NvmeIoOp.FLUSH:
            lat = self.latency
            if verdict.nbytes:
                pages = verdict.nbytes // 4096 + 2
                lists = 0 if pages <= 2 else 3 + pages // 16
                cycles += 24 + lists * (lat + 48)
            else:
                pages = verdict.span // 4096 + 1
            cycles += 2 * lat + 60
            if sqe.opc == NvmeIoOp.DSM:
                ranges = verdict.nbytes // 16
                cycles += 16 * ranges + self.chunks(verdict.nbytes, 2)
                if sqe.cdw11 & 4:
                    cycles += ranges * self.chunks(SMALL_RANGE * block, 1)
            else:
                cycles += self.chunks(verdict.span, pages, 2 if sqe.opc == NvmeIoOp.COMPARE else 1)
        return int(cycles * self.stretch)

    @property
    def own(self) -> int:
        page = 2 * (4096 // self.bus + 8 * 12)
        return int((8 + self.latency + 64 + self.latency + 32 + page) * self.stretch) + 64

    def admin(self, alone: int, bursts: int) -> int:
        """Beside the work that is ahead."""
        return int(2 * alone + 5 * EVENT + bursts * (4 * self.burst // self.bus + self.latency + 20) * self.stretch) + self.own


__all__ = ["Costs"]
