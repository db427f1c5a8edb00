# SPDX-License-Identifier: Apache-2.0
"""The atomic unit's accesses, and whose they were."""

from __future__ import annotations

from collections.abc import Callable

from models.atomics import OPEN_ENDS, AtomicAccess, fits
from models.events import AxiRead, AxiWrite
from models.lay import AT_PEER, MAY_HAVE_EXECUTED, Status
from models.memory import OKAY, SLVERR
from models.pairstate import NodeState, OpState, index_find


class PairAtomics:
    """Part of `Pair`."""

    def _atomic_read(self, n: NodeState, e: AxiRead, resp: int) -> None:
        what = f"atomic unit's read at {e.addr:#x} for function {e.user}"
        n.read_beats += e.beats
        n.due_read_beats += e.beats
        if n.atomic_open is not None:
            self._bad(e.t_addr, n.name, "atomic", f"{what}: {n.atomic_open} has not been written")
            n.atomic_open = None
        if e.beats != 1 or e.addr % 8:
            self._bad(e.t_addr, n.name, "burst-shape", f"{what}: {e.beats} beats")
            return
        there = [op for op, s, _ in index_find(n.src_index, e.addr) if op.atomic and s == e.addr and op.claim is None]
        mine = [op for op in there if e.user in self._read_users(op) and op.t_pub < e.t_addr and op.may_run]
        if not mine:
            self._bad(e.t_addr, n.name, "foreign-user" if there else "unexplained-access", what)
            return
        if all(self._key_is_dead(n, op, op.desc.dst, e.t_data) for op in mine):
            self._bad(e.t_addr, n.name, "revoked", f"{what}: {mine[0]}")
        if len(mine) == 1:
            self._check_fence(mine[0], e.t_addr)
        if resp != OKAY:
            status = int(Status.READ_SLVERR if resp == SLVERR else Status.READ_DECERR) | AT_PEER
            for op in mine:
                op.errors[status] = op.errors.get(status, False) or len(mine) == 1
            n.exact = False
            return
        at = e.addr % e.beat_bytes
        n.atomic_open = AtomicAccess(e.t_addr, e.t_data, e.addr, e.user, e.data[at : at + 8])

    @staticmethod
    def _is_atomic_write(n: NodeState, e: AxiWrite, base: int, runs: list[tuple[int, int]]) -> bool:
        a = n.atomic_open
        return (
            a is not None
            and e.id == 1
            and (e.addr, e.beats, e.user) == (a.addr, 1, a.user)
            and runs == [(a.addr - base, a.addr - base + 8)]
            and e.t_addr > a.t_read
        )

    def _atomic_write(self, n: NodeState, e: AxiWrite) -> None:
        a = n.atomic_open
        assert a is not None
        n.atomic_open = None
        n.write_bytes += 8
        n.due_write_bytes += 8
        at = e.addr % e.beat_bytes
        a.new, a.t_resp = e.data[at : at + 8], e.t_resp
        now = n.mem.read(a.addr, 8)
        if now != a.old:
            self._bad(e.t_addr, n.name, "atomic", f"{a}: somebody wrote {now.hex()} in between")
        mine = [
            op
            for op, s, _ in index_find(n.src_index, a.addr)
            if op.atomic and s == a.addr and op.claim is None and op.makes(a.old) == a.new
        ]
        if not mine:
            self._bad(e.t_addr, n.name, "atomic", f"{a}: no atomic that is under way makes that of it")
            return
        if e.resp == OKAY:
            n.atomics.append(a)
            return
        status = int(Status.WRITE_SLVERR if e.resp == SLVERR else Status.WRITE_DECERR) | AT_PEER
        for op in mine:
            op.errors[status] = op.errors.get(status, False) or len(mine) == 1
        n.exact = False
        n.undefined.append((a.addr, a.addr + 8))

    def _accesses(self, op: OpState, pos: int, data: bytes) -> list[AtomicAccess]:
        """What the peer's unit has done that op may have been, with these bytes as part of the old value."""
        there = self._src_node(op)
        if op.maybe is not None:
            pool = op.maybe
        else:
            pool = there.atomics if there is not None else []
        cells = {p.src for p in op.plans if p.ok}
        return [
            a for a in pool
            if fits(a, cells, op.t_pub, op.makes(a.old)) and a.old[pos : pos + len(data)] == data
        ]

    def _old_value(self, op: OpState, pos: int, data: bytes) -> None:
        """Bytes of the result were written; with all of them it is known which access it was."""
        op.maybe = self._accesses(op, pos, data)
        if not op.covered or not op.maybe:
            return
        latest = max(a.t_addr for a in op.maybe)
        op.claim = op.maybe[0]
        op.claim.claimed = True
        for o in op.life.ops[max(0, op.n - 64) : op.n]:
            if o.remote and not o.from_peer and not o.status and not o.shared and o.must_run and not self._may_be_refused(o):
                if not o.covered_there or o.there_resp >= latest:
                    self._bad(latest, op.life.node, "atomic", f"{op} was done before {o}: {o.missing()}")

    def _judge_may(self, op: OpState, plain: bool, status: int, status2: int, bad: Callable[[str, str], None]) -> None:
        """MAY_HAVE_EXECUTED: it was done at the peer and failed here, or nobody knows."""
        may = bool(status2 & MAY_HAVE_EXECUTED)
        known = status & AT_PEER and status != Status.LINK_ERROR | AT_PEER
        if status2 & ~MAY_HAVE_EXECUTED or may and (known or status not in OPEN_ENDS):
            bad("wrong-completion", f"second status {status2:#x}")
        if not may and status in OPEN_ENDS - {int(Status.KEY_REVOKED), int(Status.MEM_TIMEOUT)}:
            bad("wrong-completion", "MAY_HAVE_EXECUTED must be set")
        if not may and status == Status.KEY_REVOKED and not plain and op.written:
            bad("wrong-completion", "MAY_HAVE_EXECUTED must be set")

    def _check_once(self, n: NodeState) -> None:
        """Nothing was done for nobody, and nothing twice: what is not claimed belongs to one of those that ended otherwise."""
        free = [
            op
            for m in self._n.values()
            for life in m.lives
            for op in life.ops
            if op.atomic and op.claim is None and self._src_node(op) is n
            and (op.n >= life.retired or op.status in OPEN_ENDS or op.silent)
        ]
        for a in n.atomics:
            if a.claimed:
                continue
            op = next((o for o in free if o.t_pub < a.t_addr and o.makes(a.old) == a.new
                       and any(p.src == a.addr for p in o.plans)), None)
            if op is None:
                self._bad(a.t_addr, n.name, "atomic", f"{a} was done for nobody, or twice")
            else:
                free.remove(op)
                a.claimed = True
