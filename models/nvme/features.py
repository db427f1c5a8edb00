# SPDX-License-Identifier: Apache-2.0
"""Features: what Set Features and Get Features know. Nothing is saved; a controller reset brings the defaults back."""

from __future__ import annotations

from models.layout import NvmeFid as Fid
from models.layout import NvmeStatus as S
from models.nvme.identify import ALL, OAES_ANA, Identity

CHANGEABLE, PER_NAMESPACE = 1 << 2, 1 << 1  # what SELECT 3 tells
CURRENT, DEFAULT, SAVED, SUPPORTED = range(4)  # SELECT
AEC_CRITICAL = 0xFF  # bits of the SMART warnings
NO_LIMIT = 7  # arbitration burst


class Features:
    """Values, their defaults, and what may be set."""

    def __init__(self, me: Identity) -> None:
        self.me = me
        self.reset()

    def reset(self) -> None:
        """Controller reset."""
        self.values: dict[tuple[Fid, int], int] = {}
        self.nsq = self.ncq = self.me.queues

    def default(self, fid: Fid, key: int) -> int:
        over = 353 if key >> 4 == 0 else 0
        return {
            Fid.ARBITRATION: self.me.rab,
            Fid.TEMPERATURE: over,
            Fid.QUEUES: (self.me.queues - 1) << 16 | self.me.queues - 1,
            Fid.VECTOR: key,
        }.get(fid, 0)

    def key(self, fid: Fid, nsid: int, cdw11: int, namespaces: int) -> tuple[int, S]:
        """Which of several values of a feature is meant."""
        if fid == Fid.TEMPERATURE:
            sensor, kind = cdw11 >> 16 & 0xF, cdw11 >> 20 & 3
            return kind << 4, S.SUCCESS if sensor in (0, 0xF) and kind < 2 else S.INVALID_FIELD
        if fid == Fid.VECTOR:
            vector = cdw11 & 0xFFFF
            return vector, S.SUCCESS if vector < self.me.vectors else S.INVALID_FIELD
        if fid == Fid.ERROR_RECOVERY:
            return nsid, S.SUCCESS if 1 <= nsid <= namespaces or nsid == ALL else S.INVALID_NS
        return 0, S.SUCCESS

    def get(self, fid: Fid, key: int, select: int) -> int:
        if select == SUPPORTED:
            bits = 0 if fid == Fid.ATOMICITY else CHANGEABLE
            return bits | (PER_NAMESPACE if fid == Fid.ERROR_RECOVERY else 0)
        if select != CURRENT:
            return self.default(fid, key)
        if fid == Fid.QUEUES:
            return (self.ncq - 1) << 16 | self.nsq - 1
        return self.values.get((fid, key), self.default(fid, key))

    def check(self, fid: Fid, cdw11: int) -> S:
        """The value is one that can be set."""
        if fid == Fid.ATOMICITY:  # one block is atomic in either case
            return S.NOT_CHANGEABLE
        low, high = cdw11 & 0xFFFF, cdw11 >> 16
        bad = {
            Fid.POWER: low & 0x1F != 0,  # one power state
            Fid.ERROR_RECOVERY: high & 1,  # DULBE: deallocated blocks can be read
            Fid.QUEUES: low == 0xFFFF or high == 0xFFFF,
        }
        return S.INVALID_FIELD if bad.get(fid) else S.SUCCESS

    def set(self, fid: Fid, key: int, cdw11: int, namespaces: int) -> int:
        """Take a value that was checked; gives DW0 of the completion."""
        if fid == Fid.QUEUES:
            self.nsq = min((cdw11 & 0xFFFF) + 1, self.me.queues)
            self.ncq = min((cdw11 >> 16) + 1, self.me.queues)
            return self.get(fid, 0, CURRENT)
        value = {
            Fid.ARBITRATION: cdw11 & 0xFFFF_FF07,
            Fid.POWER: cdw11 & 0xFF,
            Fid.TEMPERATURE: cdw11 & 0xFFFF,
            Fid.ERROR_RECOVERY: cdw11 & 0xFFFF,
            Fid.COALESCING: cdw11 & 0xFFFF,
            Fid.VECTOR: cdw11 & 0x1_FFFF,
            Fid.ASYNC_EVENT: cdw11 & (AEC_CRITICAL | OAES_ANA),
            Fid.KEEP_ALIVE: self._rounded(cdw11),
        }[fid]
        keys = range(1, namespaces + 1) if fid == Fid.ERROR_RECOVERY and key == ALL else (key,)
        for k in keys:
            self.values[fid, k] = value
        return 0

    def _rounded(self, ms: int) -> int:
        """Keep Alive time, up to the granularity."""
        unit = self.me.kas * 100
        return min(-(-ms // unit) * unit, 0xFFFF_FFFF)
