# SPDX-License-Identifier: Apache-2.0
"""Writes of a memory port: data, and what is no operation's."""

from __future__ import annotations

from models.blocks import burst_faults
from models.events import AxiWrite
from models.explain.parts import CPL_RUN, Place
from models.lay import AT_PEER, CQE, Op, Status
from models.memory import OKAY, SLVERR, merge_ranges, strobe_runs
from models.ops import fill_bytes
from models.pairstate import NodeState, OpState, RecentWrite, index_find


class PairWrites:
    """Part of `Pair`."""

    def _axi_write(self, e: AxiWrite) -> None:
        self.now = max(self.now, e.t_resp)
        n = self._n[e.node]
        self.report.writes += 1
        if len(e.data) != e.beats * e.beat_bytes:
            raise ValueError("AxiWrite.data is not beats * beat_bytes long")
        limit = n.params.max_burst + e.beat_bytes  # one beat more: the destination may lie askew
        if e.id == 2:  # MAX_BURST_BYTES is about data; a beat wider than an entry may be begun in its middle
            limit = CPL_RUN * CQE.size + (e.beat_bytes if e.beat_bytes > CQE.size else 0)
        for fault in burst_faults(e.addr, e.beats, e.beat_bytes, limit):
            self._bad(e.t_addr, n.name, "burst-shape", f"write at {e.addr:#x}: {fault}")
        if e.strb >> len(e.data):
            self._bad(
                e.t_addr, n.name, "burst-shape", f"write at {e.addr:#x}: strobes beyond the burst"
            )
        base = e.addr - e.addr % e.beat_bytes
        runs = strobe_runs(e.strb)
        if e.id == 2:
            self._completion_write(n, e, base, runs)
        elif e.id == 3:
            self._msix_write(n, e, base, runs)
        elif self._is_atomic_write(n, e, base, runs):
            self._atomic_write(n, e)
        else:
            self._data_write(n, e, base, runs)
        if e.resp == OKAY:
            self._store(n, e, base, runs)

    def _store(self, n: NodeState, e: AxiWrite, base: int, runs: list[tuple[int, int]]) -> None:
        """What has its response is in memory, so of writes that overlap the later response counts."""
        for s, x in runs:
            addr, new = base + s, e.data[s:x]
            w = RecentWrite(e.t_addr, e.t_data, e.t_resp, addr, n.mem.read(addr, x - s), new)
            n.mem.write(addr, new)
            n.recent.append(w)
            for read, places in self._suspects:
                if read.node == n.name and e.t_addr <= read.t_data:
                    self._clear_suspect(read, places, addr, new)
            self._suspects = [x for x in self._suspects if x[1]]

    def _data_write(
        self, n: NodeState, e: AxiWrite, base: int, runs: list[tuple[int, int]]
    ) -> None:
        remote = e.id == 1
        what = f"{'target' if remote else 'local'} write at {e.addr:#x}"
        if len(runs) != 1:
            self._bad(e.t_addr, n.name, "burst-shape", f"{what}: {len(runs)} runs of strobes")
            return
        lo, hi = base + runs[0][0], base + runs[0][1]
        data = e.data[runs[0][0] : runs[0][1]]
        if lo >= base + e.beat_bytes or hi <= base + len(e.data) - e.beat_bytes:
            self._bad(e.t_addr, n.name, "burst-shape", f"{what}: a whole beat without a strobe")
        hits: list[Place] = []
        foreign = None
        for op, s, x in index_find(n.dst_index, lo):
            here = op.mirrors and n.name == op.life.node
            if not (s <= lo and hi <= x) or op.t_pub >= e.t_addr or not here and op.remote != remote:
                continue
            if e.user in (op.life.funcs if here else self._write_users(n, op)):
                hits.append(Place(op, s, here))
            else:
                foreign = op
        if remote:
            hits += self._buffer_places(n, e, lo, hi, data)
        if not hits:
            self._explain_stray(n, e, lo, hi, remote, foreign, what)
            return
        hits = self._not_fenced_off(hits)
        if all(self._key_is_dead(n, p.op, self._address_there(n, p), e.t_resp) for p in hits):
            self._bad(e.t_addr, n.name, "revoked", f"{what}: {hits[0].op}")
        good = [p for p in hits if self._data_fits(p.op, lo - p.start, data)]
        if not good and self._may_be_late(n, e, lo, hi, remote, what):
            return
        if not good:
            text = self._wrong_data(hits[0].op, lo - hits[0].start, lo, data)
            self._bad(e.t_addr, n.name, "wrong-data", text)
            return
        fresh = [p for p in good if not any(a < hi - p.start and lo - p.start < b for a, b in p.written)]
        if not fresh:
            self._bad(e.t_addr, n.name, "double-write", f"{what}: bytes of {good[0].op} again")
            return
        # Results of a channel's atomics come in ring order.
        turn = {id(p.op.life): p.op for p in sorted(fresh, key=lambda h: -h.op.n) if p.op.atomic}
        fresh = [p for p in fresh if not p.op.atomic or turn[id(p.op.life)] is p.op]
        # A buffer is the oldest message's that it may be.
        takes = {p.buffer: p.op for p in sorted(fresh, key=lambda h: -h.op.n) if p.buffer is not None}
        fresh = [p for p in fresh if p.buffer is None or takes[p.buffer] is p.op]
        if len(fresh) > 1:
            self._allow(
                e.t_resp, n.name, "overlapping-operations", f"{what}: {len(fresh)} operations fit"
            )
        for p in fresh:
            self._wrote(n, e, p, lo, data, len(fresh) == 1)
        n.write_bytes += hi - lo

    def _wrote(self, n: NodeState, e: AxiWrite, p: Place, lo: int, data: bytes, sole: bool) -> None:
        """A burst belongs to an operation."""
        op, pos, end = p.op, lo - p.start, lo - p.start + len(data)
        op.begun = True
        op.shared = op.shared or not sole
        if sole:
            self._check_fence(op, e.t_addr)
        if p.here:
            self._check_permission(n, op, end, e)
            op.here = merge_ranges([*op.here, (pos, end)])
        else:
            op.written = merge_ranges([*op.written, (pos, end)])
            op.there_resp = max(op.there_resp, e.t_resp)
        if p.buffer is not None:
            self._took(op, p.buffer, e)
        if op.atomic:
            self._old_value(op, pos, data)
        if op.t_fetch is None and not p.here:  # the end of its fetch will tell whether it can have been this one
            op.unproven.append((e.t_addr, pos, end, sole))
        op.last_resp = max(op.last_resp, e.t_resp)
        op.life.last_drain_t = max(op.life.last_drain_t, e.t_resp)
        if e.resp != OKAY:
            status = int(Status.WRITE_SLVERR if e.resp == SLVERR else Status.WRITE_DECERR)
            status |= AT_PEER if op.remote and not op.from_peer and not p.here else 0
            op.errors[status] = op.errors.get(status, False) or sole
            n.exact = False
            n.undefined.append((lo, lo + len(data)))

    def _data_fits(self, op: OpState, pos: int, data: bytes) -> bool:
        if op.errors:
            return True  # content undefined
        if op.desc.opcode == Op.FILL:
            return fill_bytes(op.desc.src, len(data), pos) == data
        if op.atomic:
            return bool(self._accesses(op, pos, data))
        return op.has_source(pos, len(data)) and op.source_may_be(pos, data)

    def _wrong_data(self, op: OpState, pos: int, lo: int, data: bytes) -> str:
        if op.atomic:
            return f"{op}: {data.hex()} at {lo:#x} is no old value that the peer's unit has read for it"
        if op.desc.opcode == Op.FILL:
            want = fill_bytes(op.desc.src, len(data), pos)
        elif op.got is None or not op.has_source(pos, len(data)):
            return f"{op}: bytes {pos} to {pos + len(data)} written before they were read"
        else:
            want = bytes(op.got[pos : pos + len(data)])
        i = next(k for k in range(len(data)) if want[k] != data[k])
        return (
            f"{op}: byte {pos + i} at {lo + i:#x} is {data[i]:#04x}, must be {want[i]:#04x} "
            f"({sum(a != b for a, b in zip(want, data, strict=True))} of {len(data)} bytes differ)"
        )

    def _explain_stray(
        self,
        n: NodeState,
        e: AxiWrite,
        lo: int,
        hi: int,
        remote: bool,
        foreign: OpState | None,
        what: str,
    ) -> None:
        what = f"{what} [{lo:#x}, {hi:#x}) for function {e.user}"
        if self._may_be_late(n, e, lo, hi, remote, what):
            return
        if remote and self._explain_buffer(n, e, lo, hi, what):
            return
        over = self._over(n, lo, hi, remote)
        if foreign is not None:
            self._bad(e.t_addr, n.name, "foreign-user", f"{what}: that is {foreign}")
        elif over:
            self._bad(e.t_addr, n.name, "late-access", f"{what}: {over[-1][1]} is over")
        else:
            self._bad(e.t_addr, n.name, "unexplained-access", what)

    def _over(
        self, n: NodeState, lo: int, hi: int, remote: bool
    ) -> list[tuple[NodeState, OpState]]:
        """Operations that are over and wrote all of [lo, hi) here, with the node that began them."""
        return [
            (m, op)
            for m in self._n.values()
            for life in m.newest_lives
            for op in life.ops[max(0, life.retired - 64) : life.retired if life.open else None]
            if self._was_to_write(n, op, lo, hi, remote)
        ]

    def _was_to_write(self, n: NodeState, op: OpState, lo: int, hi: int, remote: bool) -> bool:
        if op.mirrors and n.name == op.life.node:
            return any(p.ok and p.covers_here(lo, hi) for p in op.plans)
        there = op.remote == remote and self._dst_node(op) is n
        return there and any(p.ok and p.covers_dst(lo, hi) for p in op.plans)

    def _may_be_late(
        self, n: NodeState, e: AxiWrite, lo: int, hi: int, remote: bool, what: str
    ) -> bool:
        """A write of an operation that was ended from outside; what it leaves is undefined."""
        if remote and self._late_for_buffer(n, e, lo, hi, what):
            return True
        for m, op in self._over(n, lo, hi, remote):
            if op.status == Status.PEER_DOWN:
                continue  # it did not begin
            writes_here = op.from_peer or m is n  # after its completion nothing of it is written here
            if (op.disturbed and not writes_here) or m.fatal or m.mem_stall:
                self._allow(e.t_resp, n.name, "late-write", f"{what}: {op}")
            elif op.life.open or e.t_resp > (op.life.t_closed or 0):
                continue
            n.undefined.append((lo, hi))
            return True
        return False
