# SPDX-License-Identifier: Apache-2.0
"""Registers, doorbells, commands: what software did, and what it was shown."""

from __future__ import annotations

from models import regmap
from models.channel import BAD, STAY, TABLE
from models.events import RegRead, RegWrite
from models.explain.parts import LIVING, TRANSIENT
from models.lay import CQE, DESC, Cmd, Desc, Op, State, Status, status_name
from models.pairstate import ChanState, Life, NodeState, OpState, PeerCount
from models.ring import LOG2_MAX, LOG2_MIN, Ring
from models.segments import R_RING, User, check_absolute


class PairRegs:
    """Part of `Pair`."""

    def _reg_write(self, e: RegWrite) -> None:
        self.now = max(self.now, e.t)
        n = self._n[e.node]
        p = n.params
        where = regmap.decode(e.addr & ~7, p.channels, p.segments, p.peers)
        if not self._permitted(n, e.addr, e.func):
            n.foreign[e.func] = n.foreign.get(e.func, 0) + 1
            return
        if where is None or not where.name:
            return
        self.report.registers += 1
        i, name = where.index, where.name
        if where.guest:
            self._guest_write(n, n.chans[i], name, e)
        elif name in regmap.CH_REGS.values():
            self._chan_write(n, n.chans[i], name, e)
        elif name in regmap.SEG_REGS.values():
            staged = n.staged.setdefault(i, {})
            staged[name] = regmap.merge(staged.get(name, 0), e.data, e.strb)
            if name == "SEG_CTRL":
                n.commit_segment(i, e.t)
                self._replan_all(e.t)
        elif name == "PEER_CTRL":
            n.peer_ctrl[i] = regmap.merge(n.peer_ctrl.get(i, 0), e.data, e.strb)
            if not n.peer_ctrl[i] >> 63:
                n.link_is(i, False, e.t)
                self._disturb(n.name, i)
            elif n.link_up.get(i) is False:
                n.link_up[i] = None
            self._replan_all(e.t)
        elif name == "REVOKE" and e.strb & 3:
            n.revokes[regmap.merge(0, e.data, e.strb) & 0xFFFF] = e.t
        elif name in ("MSIX_ADDR", "MSIX_DATA"):
            v = n.msix.setdefault(i, {})
            v[name] = regmap.merge(v.get(name, 0), e.data, e.strb)

    def _permitted(self, n: NodeState, addr: int, func: int) -> bool:
        if func == 0:
            return True
        lo, step = regmap.GUEST_BASE, regmap.PAGE_BYTES
        if lo <= addr < lo + step * n.params.channels:
            return n.chans[(addr - lo) // step].may_use(func)
        return False

    def _chan_write(self, n: NodeState, c: ChanState, name: str, e: RegWrite) -> None:
        if name == "CH_OWNER":
            old = c.owner | int(c.owner_valid) << 63
            value = regmap.merge(old, e.data, e.strb)
            c.owner, c.owner_valid = value & 0xFFF, bool(value >> 63)
            if c.life is not None:
                c.life.funcs.add(c.acts_for)
        elif name == "CH_POLICY":
            c.policy = regmap.merge(c.policy, e.data, e.strb)
            self._replan_all(e.t)
        elif name == "CH_RETRY":
            c.retry = regmap.merge(c.retry, e.data, e.strb)
            c.link_waits.append((e.t, c.retry >> 16 & 0xFFFF))
        elif name == "CH_BIND":
            c.bind = regmap.merge(c.bind, e.data, e.strb)
            self._replan_all(e.t)

    def _guest_write(self, n: NodeState, c: ChanState, name: str, e: RegWrite) -> None:
        if name in regmap.RING_REGS:
            if c.states == {int(State.DISABLED)}:
                c.ring[name] = regmap.merge(c.ring.get(name, 0), e.data, e.strb)
            elif int(State.DISABLED) in c.states:
                # It may have been locked or not; the next ENABLE will tell by what it fetches.
                c.ring[name] = regmap.merge(c.ring.get(name, 0), e.data, e.strb)
        elif name == "CTRL" and e.strb & 1:
            self._command(n, c, e.data & 7, e.t)
        elif name == "DRING_PROD" and e.strb & 3:
            self._doorbell(n, c, regmap.merge(0, e.data, e.strb) & 0xFFFF, e.t)
        elif name == "CRING_CONS" and e.strb & 3:
            self._cons_doorbell(n, c, regmap.merge(0, e.data, e.strb) & 0xFFFF, e.t)
        elif name == "RRING_PROD" and e.strb & 3 and Op.SEND in n.params.ops:
            self._recv_doorbell(n, c, regmap.merge(0, e.data, e.strb) & 0xFFFF, e.t)

    def _command(self, n: NodeState, c: ChanState, cmd: int, t: int) -> None:
        if cmd not in Cmd._value2member_map_:
            c.errors.add(int(Status.BAD_COMMAND))
            return
        new: set[int] = set()
        for s in c.states:
            if s in (State.ABORTING, State.RESETTING):
                if cmd == Cmd.RESET:
                    new.add(int(State.RESETTING))
                elif cmd == Cmd.ABORT:
                    new.add(s)
                else:
                    c.errors.add(int(Status.BAD_COMMAND))
                    new.add(s)
                continue
            what = TABLE[(State(s), Cmd(cmd))]
            if what is BAD:
                c.errors.add(int(Status.BAD_COMMAND))
                new.add(s)
            elif what is STAY:
                new.add(s)
            elif cmd == Cmd.ENABLE:
                new.add(self._enable(n, c, t))
            else:
                if cmd == Cmd.PAUSE:
                    new.add(s)  # until its edge
                new.add(int(what))  # type: ignore[call-overload]
        if cmd == Cmd.RESET:
            c.errors.add(0)
            c.desc_count = c.err_count = c.rd_bytes = c.wr_bytes = 0
            c.loose_reads = c.loose_writes = False
            c.peer_reads = []
            c.exact = c.states == {int(State.DISABLED)}
        life = c.life
        if life is not None and life.open and life.t_start < t:
            if cmd == Cmd.ABORT and life.t_abort is None:
                life.t_abort = t
                c.exact = False
            elif cmd == Cmd.RESET and life.t_reset is None:
                life.t_reset = t
            elif cmd == Cmd.DRAIN and life.t_drain is None and new & {int(State.DRAINING)}:
                life.t_drain = t
        if new & TRANSIENT:
            new.add(int(State.DISABLED))
        c.before, c.t_command = c.states, t
        c.states = new

    def _enable(self, n: NodeState, c: ChanState, t: int) -> int:
        """What ENABLE leads to in DISABLED; makes a new life."""
        rings = {}
        for key, entry in (("DRING", DESC.size), ("CRING", CQE.size), ("RRING", DESC.size)):
            log2 = c.ring.get(f"{key}_SIZE", 0) & 0xF
            if key == "RRING" and (not log2 or Op.SEND not in n.params.ops):
                rings[key] = (0, 0)  # it has none
                continue
            base = c.ring.get(f"{key}_BASE", 0)
            if not LOG2_MIN <= log2 <= LOG2_MAX:
                c.errors.add(int(Status.BAD_RING))
                return int(State.DISABLED)
            length = entry << log2
            if c.absolute:
                got = check_absolute(base, length)
            else:
                got = n.table.check(base, length, User(c.number), R_RING)
            if not got.ok or got.addr % Ring.alignment(log2, entry):
                c.errors.add(int(Status.BAD_RING))
                return int(State.DISABLED)
            rings[key] = (got.addr, log2)
        if c.life is not None:
            self._close(c.life, t)
        c.life = Life(
            n.name,
            c.number,
            t,
            *rings["DRING"],
            *rings["CRING"],
            {c.acts_for},
            *rings["RRING"],
        )
        c.ever_enabled = True
        n.lives.append(c.life)
        return int(State.ACTIVE)

    def _doorbell(self, n: NodeState, c: ChanState, value: int, t: int) -> None:
        life = c.life
        if life is None or not life.open or not c.states & LIVING:
            return
        if life.ending or life.t_drain is not None:
            return  # what is published after the command is not executed
        if value >= life.dsize:
            self._channel_error(c, Status.DOORBELL_RANGE, t)
            return
        advance = (value - life.published) % life.dsize
        if life.published + advance - life.retired > life.dsize - 1:
            # Too far, unless operations that are done but not yet reported free the slots.
            self._maybe_error(c, Status.DOORBELL_RANGE)
        k = life.published
        for i in range(k, k + advance):
            op = OpState(life, i, Desc.unpack(n.mem.read(life.desc_addr(i), DESC.size)), t)
            life.ops.append(op)
        for op in life.ops[max(0, k - 1) :]:
            if Op.CMP_SWAP in n.params.ops:  # else it is refused by itself
                self._pair_up(op)
            if op.n >= k or op.desc.opcode == Op.CMP_SWAP and op.n >= life.retired:
                self._plan(op, t)

    @staticmethod
    def _pair_up(op: OpState) -> None:
        """CMP_SWAP: does an EXT follow it?"""
        ops = op.life.ops
        if op.desc.opcode != Op.CMP_SWAP or op.absorbed or op.n + 1 >= len(ops) or op.swap is not None:
            return
        second = ops[op.n + 1]
        if second.desc.opcode == Op.EXT:
            op.swap, second.absorbed = second.desc.operand, True

    def _cons_doorbell(self, n: NodeState, c: ChanState, value: int, t: int) -> None:
        life = c.life
        if life is None or not life.open or not c.states & LIVING:
            return
        old = life.cq_cons[-1][1]
        if value >= life.csize:
            self._channel_error(c, Status.DOORBELL_RANGE, t)
            return
        advance = (value - old) % life.csize
        if old + advance > life.cq_prod:
            # Software can see an entry in memory before its response comes back.
            self._maybe_error(c, Status.DOORBELL_RANGE)
        life.cq_cons.append((t, old + advance))
        if len(life.cq_cons) > 64:
            del life.cq_cons[:32]

    def _channel_error(self, c: ChanState, status: int, t: int) -> None:
        c.errors.add(int(status))
        c.states = c.states | {int(State.ERROR)}
        if c.life is not None:
            c.life.stop(t, status_name(int(status)))

    @staticmethod
    def _maybe_error(c: ChanState, status: int) -> None:
        """An error that may or may not have come up; STATUS will tell."""
        c.errors.add(int(status))
        c.states = c.states | {int(State.ERROR)}

    def _close(self, life: Life, t: int) -> None:
        if not life.open:
            return
        life.t_closed = t
        c = self._n[life.node].chans[life.ch]
        life.bound_to = (c.peer, c.peer_ch)  # a reset is about to forget it
        for op in [*life.leaving, *life.ops[life.retired :]]:
            if op.from_peer:
                op.far_users = frozenset(self._far_users(op))
        for op in life.leaving:
            self._unindex(op, keep_source=op.from_peer)  # what was asked for, the peer still reads
        for op in life.ops[life.retired :]:
            # Its first request may have been waiting at the peer: no read of it has been seen yet.
            self._unindex(op, keep_source=op.from_peer and (op.begun or op.t_fetch is not None))
            if op.from_peer:
                op.t_over = op.t_over or t
            if op.begun:
                self._mark_undefined(op)
                n = self._n[life.node]
                self._count_loosely(n, n.chans[life.ch], op)

    def _reg_read(self, e: RegRead) -> None:
        self.now = max(self.now, e.t)
        n = self._n[e.node]
        p = n.params
        if not self._permitted(n, e.addr, e.func):
            n.foreign[e.func] = n.foreign.get(e.func, 0) + 1
            if e.data != (1 << 64) - 1:
                self._bad(
                    e.t,
                    n.name,
                    "wrong-register",
                    f"foreign read of {e.addr:#x} by function {e.func} gave {e.data:#x}",
                )
            return
        where = regmap.decode(e.addr & ~7, p.channels, p.segments, p.peers)
        if where is None or not where.name:
            return
        self.report.registers += 1
        if where.name == "PEER_STATUS":
            up = bool(e.data & 1)
            if n.link_up.get(where.index) is None:
                n.link_is(where.index, up, e.t)
                self._replan_all(e.t)
        elif where.name == "REVOKE":
            asked = n.revokes.get(e.data >> 32 & 0xFFFF)
            if asked is not None and asked > n.acked_req:
                n.acked_req, n.acked_at = asked, e.t
                self.report.revocations += 1
        elif where.name == "FOREIGN_CNT":
            want = n.foreign.get(where.index, 0) & 0xFFFFFFFF
            if e.data != want:
                self._bad(
                    e.t,
                    n.name,
                    "wrong-register",
                    f"{e.data} foreign accesses of function {where.index}, {want} were made",
                )
        elif where.guest:
            self._guest_read(n, n.chans[where.index], where.name, e)

    def _guest_read(self, n: NodeState, c: ChanState, name: str, e: RegRead) -> None:
        life = c.life
        if name == "STATUS":
            self._status_read(n, c, e)
        elif name in regmap.RING_REGS:
            want = c.ring.get(name, 0)
            if name.startswith("RRING") and Op.SEND not in n.params.ops:
                want = 0
            if name.endswith("_SIZE"):
                want &= 0xF
            if e.data != want and c.states == {int(State.DISABLED)}:
                self._bad(
                    e.t,
                    n.name,
                    "wrong-register",
                    f"ch{c.number} {name} {e.data:#x}, {want:#x} was written",
                )
        elif name == "CRING_PROD" and life is not None and life.open and not life.ending:
            ahead = (e.data - life.cq_cons[-1][1]) % life.csize
            if e.data >= life.csize or ahead > life.cq_prod - life.cq_cons[-1][1]:
                self._bad(
                    e.t,
                    n.name,
                    "wrong-register",
                    f"{life.where} CRING_PROD {e.data}, {life.cq_prod} entries have a response",
                )
        elif name == "DRING_CONS" and life is not None and life.open and not life.ending:
            if not any(m % life.dsize == e.data for m in range(life.retired, life.published + 1)):
                self._bad(
                    e.t,
                    n.name,
                    "wrong-register",
                    f"{life.where} DRING_CONS {e.data}, "
                    f"{life.retired} of {life.published} are retired",
                )
        elif name == "RRING_CONS" and life is not None and life.open and not life.ending and life.rsize:
            if not any(m % life.rsize == e.data for m in range(life.received, len(life.buffers) + 1)):
                self._bad(
                    e.t,
                    n.name,
                    "wrong-register",
                    f"{life.where} RRING_CONS {e.data}, {life.received} of {len(life.buffers)} are used up",
                )
        elif name in ("CNT_DESC", "CNT_ERR", "CNT_RD_BYTES", "CNT_WR_BYTES"):
            self._counter_read(n, c, name, e)

    def _counter_read(self, n: NodeState, c: ChanState, name: str, e: RegRead) -> None:
        life = c.life
        idle = life is None or life.retired == life.published
        if not c.exact or not idle or any(op.remote for op in self._live_ops()):
            return
        want = {
            "CNT_DESC": c.desc_count,
            "CNT_ERR": c.err_count,
            "CNT_RD_BYTES": c.rd_bytes,
            "CNT_WR_BYTES": c.wr_bytes,
        }[name]
        loose = {"CNT_RD_BYTES": c.loose_reads, "CNT_WR_BYTES": c.loose_writes}.get(name, False)
        if loose and e.data >= want:
            return
        if name == "CNT_RD_BYTES":
            self._peer_counts.append(
                PeerCount(
                    n.name, c.number, e.t, e.data, want, c.peer_reads, len(c.peer_reads),
                    n.params.link_mtu,
                )
            )  # fmt: skip
            return
        if e.data != want:
            self._bad(
                e.t, n.name, "wrong-register", f"ch{c.number} {name} is {e.data}, {want} was seen"
            )

    def _check_peer_count(self, c: PeerCount) -> None:
        """What a peer has had read is counted when its request is begun, so exact but for one request, and for
        the bytes around it in the beats; without any the count is exact."""
        before = c.peer_reads[: c.seen]
        asked = [r for r in c.peer_reads if r.t_addr <= c.t]
        low = high = c.own
        if asked:
            low = max(low, low + sum(r.least for r in before) - c.slack)
            high += sum(r.most for r in asked) + c.slack
        if not low <= c.shown <= high:
            seen = f"{low}" if low == high else f"{low} to {high}"
            self._bad(
                c.t,
                c.node,
                "wrong-register",
                f"ch{c.number} CNT_RD_BYTES is {c.shown}, {seen} was seen",
            )

    def _status_read(self, n: NodeState, c: ChanState, e: RegRead) -> None:
        state, last = e.data & 0xF, e.data >> 8 & 0xFF
        busy = bool(e.data >> 4 & 1)
        life = c.life
        failed = self._may_have_failed(n, c)
        if last not in c.errors | failed:
            self._bad(
                e.t,
                n.name,
                "wrong-state",
                f"ch{c.number} shows LAST_ERROR {status_name(last)}, for no reason",
            )
        # While a command is under way, the state may still be the one before it.
        asked = e.t if e.t_addr is None else e.t_addr
        if state in c.before and (busy or asked <= c.t_command):
            return
        possible = c.states | ({int(State.ERROR)} if failed and c.states & LIVING else set())
        if state not in possible:
            names = "/".join(State(s).name for s in sorted(possible))
            got = State(state).name if state in State._value2member_map_ else str(state)
            self._bad(e.t, n.name, "wrong-state", f"ch{c.number} shows {got}, can only be {names}")
            return
        if busy and state not in (State.ERROR, State.DISABLED):
            return
        if state == State.DISABLED and life is not None and life.open:
            self._check_quiet(n, c, life, e.t)
            if not life.ending:
                self._finish_silent(n, c, life)
            self._close(life, e.t)
        if state == State.ERROR and life is not None and life.open:
            life.stop(e.t, status_name(last))
        follow = {state}
        if state in TRANSIENT:
            follow.add(int(State.DISABLED))
        if int(State.ERROR) in c.states and state in LIVING:
            follow.add(int(State.ERROR))
        c.states = follow

    def _may_have_failed(self, n: NodeState, c: ChanState) -> set[int]:
        """Codes with which the channel may have stopped, its completion still on its way."""
        life = c.life
        out: set[int] = set()
        if n.fatal or n.mem_stall:
            out.add(int(Status.MEM_TIMEOUT))
        if life is None or not life.open or not (c.stop_on_error or life.t_reset is not None):
            return out
        if life.t_reset is not None:  # what ends without completion
            out.add(int(Status.ABORTED))
        for op in life.ops[life.retired : life.retired + 512]:
            out |= {int(p.status) for p in op.plans if not p.ok} | set(op.errors)
            out |= self._receiver_codes(op)
            if op.remote and op.disturbed:
                out |= {int(Status.LINK_ERROR), int(Status.OP_TIMEOUT), int(Status.PEER_DOWN)}
        return out

    def _check_quiet(self, n: NodeState, c: ChanState, life: Life, t: int) -> None:
        """DISABLED is visible: all that was owed must be over."""
        if life.t_drain is not None and not life.ending and life.t_stop is None:
            owed = [op for op in life.ops[life.retired :] if not op.absorbed and not (op.silent and op.looks_done)]
            if owed:
                self._bad(
                    t,
                    n.name,
                    "early-disabled",
                    f"{owed[0]} was published before the drain and is not over",
                )
        if life.last_drain_t >= t:
            self._bad(
                t, n.name, "early-disabled", f"{life.where} shows DISABLED, a response came after"
            )
