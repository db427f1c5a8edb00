# SPDX-License-Identifier: Apache-2.0
"""Three or more nodes, for traffic whose channels keep to places of their own.

Channels then don't meet, so the memories at the end and every completion follow from the rings alone, whatever the timing: each
channel's descriptors are carried out one after the other on whole memories. What two peers share (one cell of atomics) is for
tests that know what comes of it. Source: docs/blocks/rdma.md, sections 1 to 3.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from models.atomics import outcome
from models.lay import Cqe, Desc, DescFlag, Op, Status
from models.memory import DiffRun, Memory
from models.ops import ATOMICS, MODELLED, Ctx, Far, Plan, check_descriptor, execute
from models.segments import Segment, SegmentTable

OPS = MODELLED | ATOMICS


@dataclass
class Bound:
    """A channel: where it lives and what it is bound to. `peer`: the index by which its node knows the far one."""

    node: str
    channel: int
    far_node: str
    far_channel: int
    peer: int
    absolute: bool = False


@dataclass
class Mesh:
    """`memories` and `tables` by node; `bound` by (node, channel)."""

    memories: dict[str, Memory]
    tables: dict[str, SegmentTable]
    bound: dict[tuple[str, int], Bound] = field(default_factory=dict)
    messages: dict[tuple[str, int], list[tuple[int, int]]] = field(default_factory=dict)  # (immediate, bytes) told, in order
    down: set[frozenset[str]] = field(default_factory=set)  # links that are not up

    @classmethod
    def of(cls, names: str) -> Mesh:
        return cls({n: Memory(n) for n in names}, {n: SegmentTable() for n in names})

    def bind(self, node: str, channel: int, far_node: str, far_channel: int, peer: int, *, absolute: bool = False) -> None:
        self.bound[node, channel] = Bound(node, channel, far_node, far_channel, peer, absolute)

    def segment(self, node: str, index: int, segment: Segment) -> None:
        self.tables[node].set(index, segment)

    def context(self, node: str, channel: int) -> Ctx:
        """What the engine knows of a channel, and what its peer does."""
        b = self.bound[node, channel]
        back = self.bound.get((b.far_node, b.far_channel))
        mutual = back is not None and (back.far_node, back.far_channel) == (node, channel)
        far = Far(self.tables[b.far_node], b.far_channel, back.peer if back else 0, mutual)
        up = frozenset((node, b.far_node)) not in self.down
        return Ctx(channel, self.tables[node], b.absolute, up, far, OPS)

    def carry_out(self, node: str, channel: int, descs: list[Desc]) -> list[Cqe]:
        """All of a channel's descriptors, in ring order; the completions that they owe (DRING_CONS and phase left 0)."""
        out: list[Cqe] = []
        todo = iter(descs)
        for d in todo:
            swap = next(todo).operand if d.opcode == Op.CMP_SWAP else None
            status, nbytes = self.one(node, channel, d, swap)
            if status != Status.OK or not d.flag(DescFlag.NO_CPL):
                out.append(Cqe(tag=d.tag, status=status, dring_cons=0, nbytes=nbytes))
        return out

    def one(self, node: str, channel: int, d: Desc, swap: int | None) -> tuple[int, int]:
        """One operation: status and bytes."""
        ctx, b = self.context(node, channel), self.bound[node, channel]
        near, far = self.memories[node], self.memories[b.far_node]
        if d.opcode in ATOMICS:
            plan = check_descriptor(d, ctx)
            return self.atomic(d, plan, near, far, swap) if plan.ok else (int(plan.status), 0)
        done = execute(d, ctx, near, far)
        if done.status == Status.OK and d.opcode == Op.WRITE_IMM:
            told = self.messages.setdefault((b.far_node, b.far_channel), [])
            told.append((d.operand & 0xFFFF_FFFF, d.length))
        return done.status, done.nbytes

    @staticmethod
    def atomic(d: Desc, plan: Plan, near: Memory, far: Memory, swap: int | None) -> tuple[int, int]:
        """On the peer's cell, the old value to the place of the result."""
        assert plan.src is not None and plan.dst is not None
        old = far.read(plan.src, 8)
        far.write(plan.src, outcome(d.opcode, d.operand, swap, old))
        near.write(plan.dst, old)
        return int(Status.OK), 8

    def differences(self, actual: dict[str, Memory]) -> dict[str, list[DiffRun]]:
        """Bytes that are not what they should be, by node."""
        return {n: runs for n, m in self.memories.items() if (runs := m.diff(actual[n]))}
