# SPDX-License-Identifier: Apache-2.0
"""Completion entries of descriptors: order, status, count and time; and the end of an operation."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from models.blocks import read_bursts, split_chunks, split_requests, touched_beats
from models.channel import CHANNEL_ERRORS
from models.events import AxiWrite
from models.explain.parts import LINK_ENDS, NOT_READY, SEG_CODES, TOO_SHORT
from models.lay import (
    AT_PEER,
    CQE,
    MAY_HAVE_EXECUTED,
    Cqe,
    CqeKind,
    DescFlag,
    Op,
    Status,
    status_name,
)
from models.memory import OKAY
from models.ops import MESSAGES, Plan
from models.pairstate import ChanState, Life, NodeState, OpState

NO_LIMIT = 0xFFFF  # LINK_WAIT
SEEN_LATE = 64  # cycles between a link's fall and the sight of it
JUST_BEGUN = 2  # operations of a channel that can be between pick and start when their link falls


class PairCompletions:
    """Part of `Pair`."""

    def _completion_write(
        self, n: NodeState, e: AxiWrite, base: int, runs: list[tuple[int, int]]
    ) -> None:
        what = f"completion write at {e.addr:#x}"
        if len(runs) != 1 or (base + runs[0][0]) % CQE.size or (runs[0][1] - runs[0][0]) % CQE.size:
            self._bad(e.t_addr, n.name, "burst-shape", f"{what} is not whole entries")
            return
        lo, hi = base + runs[0][0], base + runs[0][1]
        # Where rings overlap, the one whose next slot this is.
        lives = [
            c.life
            for c in n.chans
            if c.life is not None and c.life.holds_cqe(lo) and c.life.holds_cqe(hi - 1)
        ]
        mine = [x for x in lives if e.user in x.funcs]
        if not mine:
            rule = "foreign-user" if lives else "unexplained-access"
            self._bad(e.t_addr, n.name, rule, f"{what} for function {e.user}")
            return
        mine.sort(key=lambda x: (not x.open, x.cbase + x.cq_prod % x.csize * CQE.size != lo))
        life = mine[0]
        if not life.open:
            self._bad(e.t_addr, n.name, "late-access", f"{what}: {life.where} is disabled")
            return
        if life.t_mute is not None and e.t_addr > life.t_mute:
            self._bad(
                e.t_addr, n.name, "extra-completion", f"{what} after a completion write failed"
            )
        life.last_drain_t = max(life.last_drain_t, e.t_resp)
        for a in range(lo, hi, CQE.size):
            self._completion(n, life, a, Cqe.unpack(e.data[a - base : a - base + CQE.size]), e)
        if e.resp != OKAY:
            life.t_mute = e.t_resp
            self._channel_error(n.chans[life.ch], Status.CPL_WRITE, e.t_resp)

    def _completion(self, n: NodeState, life: Life, addr: int, cqe: Cqe, e: AxiWrite) -> None:
        t = e.t_addr
        slot = life.cbase + life.cq_prod % life.csize * CQE.size
        phase = 1 ^ (life.cq_prod >> life.clog2 & 1)
        where = f"{life.where} completion {life.cq_prod} ({cqe})"
        if addr != slot:
            self._bad(
                t, n.name, "wrong-completion", f"{where} at {addr:#x}, the next slot is {slot:#x}"
            )
            return
        if cqe.phase != phase:
            self._bad(t, n.name, "wrong-completion", f"{where}: phase must be {phase}")
        if cqe.kind in (CqeKind.IMMEDIATE, CqeKind.RECEIVE):
            self._overrun(n, life, where, t)
            life.cq_prod += 1
            self._message(n, life, cqe, where, e)
            return
        if cqe.kind != CqeKind.DESCRIPTOR or cqe.immediate:
            self._bad(
                t,
                n.name,
                "wrong-completion",
                f"{where}: kind {cqe.kind}, immediate {cqe.immediate:#x}",
            )
        self._overrun(n, life, where, t)
        op = self._match(n, life, cqe, where, t)
        if op is None:
            return
        life.cq_prod += 1
        self._skip_silent(n, life, op, t)
        self._judge(n, life, op, cqe, where, t)
        life.stream.append((cqe, op, e.t_resp))
        self.report.completions += 1
        c = n.chans[life.ch]
        if op.desc.flag(DescFlag.IRQ) or cqe.status:
            c.irq_due.append(e.t_resp)
        self._retire(n, c, op, cqe.status, t, e.t_resp)

    def _overrun(self, n: NodeState, life: Life, where: str, t: int) -> None:
        if life.cq_prod + 1 - life.cons_at(t) > life.csize - 1:
            self._bad(
                t, n.name, "ring-overrun", f"{where}: {life.cons_at(t)} consumed of {life.cq_prod}"
            )

    def _match(self, n: NodeState, life: Life, cqe: Cqe, where: str, t: int) -> OpState | None:
        """The operation that an entry speaks of: in order, but silent ones may be passed over."""
        k = life.retired
        if k >= life.published:
            self._bad(t, n.name, "extra-completion", f"{where}: no descriptor is under way")
            return None
        while k < life.published:
            op = life.ops[k]
            if self._cons_after(op, cqe.status) % life.dsize == cqe.dring_cons and op.desc.tag == cqe.tag:
                return op
            if not op.silent:
                break
            k += op.slots
        op = life.ops[min(k, life.published - 1)]
        want = f"tag={op.desc.tag:#x} cons={self._cons_after(op, cqe.status) % life.dsize}"
        later = next(
            (
                o
                for o in life.ops[k + 1 : k + 1 + life.dsize]
                if self._cons_after(o, cqe.status) % life.dsize == cqe.dring_cons and o.desc.tag == cqe.tag
                and not o.absorbed
            ),
            None,
        )
        past = any(
            x.dring_cons == cqe.dring_cons and x.tag == cqe.tag for x, _, _ in life.stream[-4:]
        )
        if later is not None:
            self._bad(
                t, n.name, "missing-completion", f"{where}: {op} has not completed; next is {want}"
            )
        elif past:
            self._bad(t, n.name, "extra-completion", f"{where} was posted before")
        else:
            self._bad(t, n.name, "wrong-completion", f"{where}: next is {want}")
        return later or (None if past else op)

    @staticmethod
    def _cons_after(op: OpState, status: int) -> int:
        """Consumer index, unbounded, behind an operation that ended so."""
        return op.n + (1 if status == Status.BAD_EXT else op.slots)

    def _skip_silent(self, n: NodeState, life: Life, op: OpState, t: int) -> None:
        """Operations without completion that lie before `op`: they ended well, so they must be
        done."""
        while life.retired < op.n:
            o = life.ops[life.retired]
            if not o.silent:
                life.retired += 1  # reported by _match
                continue
            if not o.covered or o.last_resp >= t:
                self._bad(t, n.name, "missing-write", f"{o} was passed over as good; {o.missing()}")
            elif o.errors and all(o.errors.values()) or not o.may_run:
                self._bad(
                    t, n.name, "missing-completion", f"{o} had an error, which always completes"
                )
            self._retire(n, n.chans[life.ch], o, 0, t)

    def _judge(self, n: NodeState, life: Life, op: OpState, cqe: Cqe, where: str, t: int) -> None:
        """Status, byte count and time of a completion."""
        refusals = {int(p.status) for p in op.plans if not p.ok}
        status = cqe.status

        def bad(rule: str, text: str) -> None:
            self._bad(t, n.name, rule, f"{where}: {text}; {op}")

        if status == Status.OK:
            if not op.may_run:
                bad("wrong-completion", f"must be {self._names(refusals)}")
            elif op.errors and any(op.errors.values()) and not op.shared:
                bad("wrong-completion", f"must be {self._names(op.errors)}")
            elif op.silent:
                bad("extra-completion", "asked for none when good")
            elif not op.covered:
                bad("early-completion", op.missing())
            elif op.last_resp >= t:
                bad("early-completion", f"the last write response came at {op.last_resp}")
            elif op.told_status:
                bad("wrong-completion", f"its receiver was told {status_name(op.told_status)}")
            elif op.atomic and op.claim is None:
                bad("atomic", "it ended well, but nothing was done at the peer")
            if op.may_run and cqe.nbytes != op.data_len:
                bad("wrong-completion", f"{cqe.nbytes} bytes, {op.data_len} were moved")
            if cqe.status2:
                bad("wrong-completion", "second status must be 0")
            return
        receiver = self._receiver_codes(op)
        refusals |= receiver & {NOT_READY, TOO_SHORT}
        allowed = refusals | set(op.errors) | receiver | (op.far_codes if op.may_run else set())
        if op.may_run and any(r & ~AT_PEER in SEG_CODES and not r & AT_PEER for r in refusals):
            allowed.add(int(Status.KEY_REVOKED))  # it had been allowed, whatever the table says now
        if life.t_abort is not None and life.t_abort < t:
            allowed.add(int(Status.ABORTED))
        if op.remote and (op.disturbed or self._fatal_there(op)):
            allowed |= {
                int(Status.LINK_ERROR),
                int(Status.LINK_ERROR) | AT_PEER,
                int(Status.OP_TIMEOUT),
                int(Status.PEER_DOWN),
            }
        if n.fatal or n.mem_stall:
            allowed.add(int(Status.MEM_TIMEOUT))
        if status not in allowed:
            bad("wrong-completion", f"must be {self._names(allowed or {0})}")
            return
        plain = op.variants and (not op.may_run or status in (NOT_READY, TOO_SHORT)) and status in refusals
        if plain:
            if cqe.nbytes:
                bad("wrong-completion", "a refused operation moves 0 bytes")
            told = op.told is not None and (status == NOT_READY or not op.told_status)
            if status in (NOT_READY, TOO_SHORT) and (op.written or told):
                bad("wrong-completion", f"{status_name(status)}, but something is written")
        else:
            # After the loss of its link the peer may go on with what it has. A READ writes here.
            if op.last_resp >= t and (op.from_peer or status not in LINK_ENDS):
                bad("early-completion", f"the last write response came at {op.last_resp}")
            if op.may_run:
                self._mark_undefined(op)
            n.exact = False
            n.chans[life.ch].exact = False
            self._allow(t, n.name, "error" if status in op.errors else "mid-flight", where)
        if status == Status.PEER_DOWN and op.written:
            bad("wrong-completion", "a part is written: must be LINK_ERROR")
        if status == Status.PEER_DOWN:
            self._judge_wait(n, n.chans[life.ch], op, t, bad)
        if op.atomic:
            self._judge_may(op, plain, status, cqe.status2, bad)
            return
        if op.mirrors:
            self._judge_mirror(op, status, cqe.status2, t, bad)
            return
        if op.from_peer and cqe.status2:
            bad("wrong-completion", "a READ changes nothing at the peer: second status must be 0")
        elif op.from_peer:
            return
        if status in LINK_ENDS and not cqe.status2 & MAY_HAVE_EXECUTED:
            bad("wrong-completion", "MAY_HAVE_EXECUTED must be set")
        if status not in LINK_ENDS and status not in {Status.LINK_ERROR | AT_PEER} and cqe.status2:
            bad("wrong-completion", "second status must be 0")

    def _judge_wait(self, n: NodeState, c: ChanState, op: OpState, t: int, bad: Callable[[str, str], None]) -> None:
        """It ended with PEER_DOWN: had it waited long enough for its link? Rule: docs/blocks/rdma.md section 5."""
        period = self.periods.get(n.name)
        if not period or not c.bound or op.desc.opcode in MESSAGES and op.disturbed:
            return  # a message that waited for its receiver waits for nothing more
        later = [since for since, _ in c.link_waits[1:]] + [t]
        units = min(w for (_, w), until in zip(c.link_waits, later, strict=True) if until >= op.t_pub)
        downs = [(fell, min(rose or t, t)) for fell, rose in n.link_downs[c.peer] if fell <= t]
        longest = max((rose - fell for fell, rose in downs if rose >= op.t_pub), default=0)
        if units != NO_LIMIT and longest >= 1024 * units * period - SEEN_LATE * period:
            return
        # It was just being begun when the link fell.
        falls = [fell for fell, _ in downs if fell >= op.t_pub]
        if falls:
            fall, count = c.cut_short
            c.cut_short = (falls[-1], count + 1 if fall == falls[-1] else 1)
            if c.cut_short[1] <= JUST_BEGUN:
                self._allow(t, n.name, "just-begun", str(op))
                return
        bad("wrong-completion", f"its link was down for {longest // period} cycles, LINK_WAIT is {units}")

    def _fatal_there(self, op: OpState) -> bool:
        far = self._far_node(op)
        return far is not None and (far.fatal or far.mem_stall)

    @staticmethod
    def _names(codes: Iterable[int]) -> str:
        return " or ".join(status_name(int(c)) for c in sorted(codes))

    def _retire(
        self,
        n: NodeState,
        c: ChanState,
        op: OpState,
        status: int,
        t: int,
        t_resp: int | None = None,
    ) -> None:
        life = op.life
        life.retired = self._cons_after(op, status)
        if op.desc.opcode == Op.CMP_SWAP and status == Status.BAD_EXT and op.swap is not None:
            op.swap, life.ops[op.n + 1].absorbed = None, False  # it was not there when the engine looked
        op.status, op.t_done = status, t_resp
        # What was ended from outside may still have reads on their way: nobody gets their data.
        leaving = bool(status) and (op.remote or status == Status.MEM_TIMEOUT)
        if leaving:
            op.t_over = t_resp
            life.leaving.append(op)
        self._unindex(op, keep_source=leaving)
        c.desc_count += 1
        if status:
            c.err_count += 1
            c.errors.add(status)
            if c.stop_on_error and status != Status.ABORTED or status & ~AT_PEER in CHANNEL_ERRORS:
                self._channel_error(c, status, t)
        elif op.data_len:
            self.report.bytes_moved += op.data_len
            plan = next(p for p in op.plans if p.ok) if op.may_run else None
            dst = self._dst_node(op)
            if plan is not None and dst is not None:
                if op.from_peer:
                    self._count_requests(op, plan, t)
                elif plan.src is not None:
                    chunks = split_chunks(
                        plan.src,
                        plan.dst or 0,
                        op.data_len,
                        n.params.max_burst,
                        remote=op.remote,
                        link_mtu=n.params.link_mtu,
                    )
                    due = sum(b.beats for b in read_bursts(chunks, n.params.beat))
                    times = 1
                    again = op.read_beats == 2 * due or op.shared and op.read_beats > 2 * due
                    if op.tells and op.data_len <= n.params.link_mtu and again:
                        times = 2  # its receiver was not ready when it came in one frame
                    due *= times
                    if op.shared and times == 2:  # or they were for another one that lies in the same beats
                        times, c.loose_reads, n.exact = 1, True, False
                    n.due_read_beats += due
                    if not op.shared and len(op.variants) == 1 and op.read_beats != due:
                        self._bad(
                            t,
                            n.name,
                            "read-count",
                            f"{op}: {op.read_beats} beats read, {due} are due",
                        )
                    c.rd_bytes += op.data_len * times
                dst.due_write_bytes += op.data_len
                if op.mirrors:
                    n.due_write_bytes += op.data_len
                    c.wr_bytes += op.data_len
                if op.remote and not op.from_peer:
                    far = self._far_chan(op)
                    if far is not None and op.there_resp > dst.t_reset:
                        far.wr_bytes += op.data_len
                else:
                    c.wr_bytes += op.data_len
        if status:
            self.report.errors_seen += 1
            if op.begun:
                self._count_loosely(n, c, op)
        if op.remote and op.desc.flag(DescFlag.NOTIFY) and not status and not op.tells:
            dst = self._dst_node(op)
            if dst is not None and c.peer_ch < dst.params.channels:
                dst.chans[c.peer_ch].irq_due.append(op.there_resp)
        op.forget()

    def _count_requests(self, op: OpState, plan: Plan, t: int) -> None:
        """What the peer must have read for a READ that ended well."""
        src = self._src_node(op)
        if src is None or plan.src is None or op.atomic:  # an atomic's accesses are counted as they are seen
            return
        due = sum(
            touched_beats(r.src, r.n, src.params.beat)
            for r in split_requests(plan.src, op.data_len, src.params.link_mtu)
        )
        src.due_read_beats += due
        if not op.shared and len(op.variants) == 1 and op.read_beats != due:
            self._bad(
                t, src.name, "read-count", f"{op}: {op.read_beats} beats read, {due} are due"
            )

    def _count_loosely(self, n: NodeState, c: ChanState, op: OpState) -> None:
        """It ended half-way: its bytes are in the counters as far as it came."""
        n.exact = False
        c.loose_reads = True
        if op.from_peer:
            c.loose_writes = True
            src = self._src_node(op)
            if src is not None:
                src.exact = False
            return
        dst = self._dst_node(op)
        if dst is None:
            return
        dst.exact = False
        c.loose_writes = c.loose_writes or op.mirrors
        inside = op.remote and c.peer_ch < dst.params.channels
        (dst.chans[c.peer_ch] if inside else c).loose_writes = True
