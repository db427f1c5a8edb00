# SPDX-License-Identifier: Apache-2.0
"""What I/O commands have to do, by models/nvme: status, namespaces, every byte of host memory.

    expect = Expect(rig, namespaces)         # host memory written through the back door is followed
    outcome = expect.command(q.qid, sqe)     # when it is submitted, if nothing in flight touches the same places
    expect.check(cqe, outcome)
    await expect.memories(skip)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from models.layout import NvmeCqe, NvmeSqe, NvmeStatus
from models.nvme import commands, prp
from models.nvme.admin import FULL_GRANT
from models.nvme.check import Grant, check
from models.nvme.namespace import Namespace
from tb.system.nvme.kernel import PAGE
from tb.system.nvme.rig import HIGH, HOST, Rig


class Shadow:
    """Host memory as it has to be. `bad`: (address, bytes, "r" | "w" | "rw") that answer with an error."""

    def __init__(self, window: int) -> None:
        self.parts = {base: bytearray(window) for base in (HOST, HIGH)}
        self.window = window
        self.bad: list[tuple[int, int, str]] = []

    def _at(self, addr: int, length: int) -> tuple[bytearray, int] | None:
        for base, part in self.parts.items():
            if base <= addr and addr + length <= base + self.window:
                return part, addr - base
        return None

    def _refuses(self, addr: int, length: int, kind: str) -> bool:
        return any(kind in k and addr < a + n and a < addr + length for a, n, k in self.bad)

    def read(self, addr: int, length: int) -> bytes | None:
        found = self._at(addr, length)
        if found is None or self._refuses(addr, length, "r"):
            return None
        return bytes(found[0][found[1] : found[1] + length])

    def write(self, addr: int, data: bytes) -> bool:
        found = self._at(addr, len(data))
        if found is None or self._refuses(addr, len(data), "w"):
            return False
        found[0][found[1] : found[1] + len(data)] = data
        return True

    def told(self, addr: int, data: bytes) -> None:
        """A back door write."""
        found = self._at(addr, len(data))
        if found:
            found[0][found[1] : found[1] + len(data)] = data

    def entry(self, addr: int) -> int | None:
        raw = self.read(addr, prp.ENTRY)
        return None if raw is None else int.from_bytes(raw, "little")


class Expect:
    """See above."""

    def __init__(self, rig: Rig, namespaces: Sequence[Namespace]) -> None:
        self.rig, self.namespaces = rig, namespaces
        self.host = Shadow(rig.window)
        rig.mem.writes = self.host.told
        self.grants: dict[int, tuple[Grant, list[prp.Range]]] = {}
        self.seen: Counter = Counter()  # (opcode, status) of what was compared
        self.torn: list[commands.Outcome] = []
        g = FULL_GRANT[0]
        self.full = Grant(g.func, g.nsid, g.slba, g.nlb, g.opcodes, g.owner), [prp.Range(0, prp.TO_THE_END, prp.SOURCE | prp.SINK | prp.PRP_LIST | prp.QUEUE)]

    def grant(self, qid: int, raw: bytes | None) -> None:
        """Of a queue that is created; None: it is the kernel's."""
        self.grants.pop(qid, None)
        if raw is not None:
            self.grants[qid] = Grant.unpack(raw), prp.unpack_ranges(raw)

    def command(self, qid: int, sqe: NvmeSqe) -> commands.Outcome:
        grant, ranges = self.grants.get(qid, self.full)
        verdict = check(sqe, grant, [n.checked() for n in self.namespaces], self.rig.p["MDTS_BYTES"])
        walked = None
        if verdict.ok and verdict.nbytes:
            walked = prp.walk(sqe.prp1, sqe.prp2, verdict.nbytes, ranges, commands.NEEDS_RIGHT[sqe.opc], self.host.entry)
        outcome = commands.execute(sqe, verdict, walked, self.namespaces[verdict.nsi], grant, self.host)
        if outcome.torn_blocks or outcome.torn_memory:
            self.torn.append(outcome)
        return outcome

    def check(self, cqe: NvmeCqe, sqe: NvmeSqe, outcome: commands.Outcome, status: int | None = None) -> None:
        """`status`: another one that is right here."""
        want = outcome.status if cqe.status != status or status is None else status
        assert cqe.cid == sqe.cid
        assert cqe.status == want, f"{NvmeStatus(cqe.status).name}, not {NvmeStatus(want).name}: {sqe}"
        if want == outcome.status:
            assert (cqe.dnr, cqe.more, cqe.dw0) == (outcome.dnr, outcome.more, 0), f"{cqe}, {outcome}"
        self.seen[sqe.opc, cqe.status] += 1

    async def memories(self, skip: Iterable[int] = ()) -> int:
        """All of the host's memory but pages in `skip` and what a failed command may have left, all blocks. How many pages were compared."""
        away = set(skip)
        for outcome in self.torn:
            away |= {p.addr & ~(PAGE - 1) for p in outcome.torn_memory}
        compared = 0
        for base, want in self.host.parts.items():
            got = await self.rig.mem.read(base, self.rig.window)
            for at in range(0, self.rig.window, PAGE):
                if base + at not in away:
                    compared += 1
                    if got[at : at + PAGE] != want[at : at + PAGE]:
                        i = next(i for i in range(at, at + PAGE) if got[i] != want[i])
                        raise AssertionError(f"host memory {base + i:#x} holds {got[i]:#x}, not {want[i]:#x}")
        for ns in self.namespaces:
            if not ns.valid:
                continue
            torn = [t.torn_blocks for t in self.torn if t.torn_blocks]
            got = await self.rig.mem.read(ns.base, ns.blocks << ns.shift)
            want = ns.peek(0, ns.blocks)
            if got != want:
                bad = {i >> ns.shift for i in range(len(got)) if got[i] != want[i]}
                bad -= {b for first, count in torn for b in range(first, first + count)}
                assert not bad, f"namespace {ns.nsid}: blocks {sorted(bad)[:8]} differ"
            compared += ns.blocks
        return compared
