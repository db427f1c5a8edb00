# SPDX-License-Identifier: Apache-2.0
"""Reads of a memory port: descriptors and sources."""

from __future__ import annotations

from models.blocks import burst_faults
from models.events import AxiRead, worst
from models.explain.parts import Hit
from models.lay import AT_PEER, DESC, Desc, Status
from models.memory import OKAY, PAGE, SLVERR, merge_ranges
from models.pairstate import Life, NodeState, OpState, PeerRead, index_find


class PairReads:
    """Part of `Pair`."""

    def _axi_read(self, e: AxiRead) -> None:
        self.now = max(self.now, e.t_data)
        n = self._n[e.node]
        self.report.reads += 1
        limit = PAGE if e.id == 0 else n.params.max_burst
        for fault in burst_faults(e.addr, e.beats, e.beat_bytes, limit):
            self._bad(e.t_addr, n.name, "burst-shape", f"read at {e.addr:#x}: {fault}")
        if len(e.data) != e.beats * e.beat_bytes:
            raise ValueError("AxiRead.data is not beats * beat_bytes long")
        resp = worst(e.resp)
        if resp == OKAY:
            self._check_read_data(n, e)
        if e.id == 0 or self._in_receive_ring(n, e):
            self._fetch(n, e, resp)
        elif e.id == 2 + n.params.peers:
            self._atomic_read(n, e, resp)
        else:
            self._data_read(n, e, resp)

    @staticmethod
    def _in_receive_ring(n: NodeState, e: AxiRead) -> bool:
        """A fetch of receive entries; which ID they have is the engine's affair, but not that of a channel's own data."""
        base = e.addr - e.addr % e.beat_bytes
        lives = (c.life for c in n.chans)
        return e.id != 1 and any(x is not None and x.buffers and x.holds_recv(base, base + len(e.data)) for x in lives)

    def _check_read_data(self, n: NodeState, e: AxiRead) -> None:
        if not self.check_reads:
            return
        base = e.addr - e.addr % e.beat_bytes
        want = n.mem.read(base, len(e.data))
        if want == e.data:
            return
        places = {i for i, (w, d) in enumerate(zip(want, e.data, strict=True)) if w != d}
        for r in n.recent:
            if r.t_resp >= e.t_addr:
                self._clear_suspect(e, places, r.addr, r.old)
                self._clear_suspect(e, places, r.addr, r.new)
        if places:
            self._suspects.append((e, places))

    @staticmethod
    def _clear_suspect(e: AxiRead, places: set[int], addr: int, data: bytes) -> None:
        base = e.addr - e.addr % e.beat_bytes
        for i in list(places):
            k = base + i - addr
            if 0 <= k < len(data) and data[k] == e.data[i]:
                places.discard(i)

    def _fetch(self, n: NodeState, e: AxiRead, resp: int) -> None:
        self.report.fetches += 1
        base = e.addr - e.addr % e.beat_bytes
        end = base + len(e.data)
        owners = [
            life
            for c in n.chans
            if (life := c.life) is not None
            and (life.dbase < end and base < life.dbase + life.dsize * DESC.size or life.holds_recv(base, end))
        ]
        mine = [life for life in owners if e.user in life.funcs]
        if not mine:
            rule = "foreign-user" if owners else "unexplained-access"
            self._bad(
                e.t_addr, n.name, rule, f"descriptor fetch at {e.addr:#x} for function {e.user}"
            )
            return
        # With rings that overlap, take the one that expects this address.
        mine.sort(key=lambda x: not base <= x.desc_addr(x.fetched) < end)
        life = mine[0]
        if not life.open:
            if e.t_addr > (life.t_closed or 0):
                self._bad(
                    e.t_addr,
                    n.name,
                    "late-access",
                    f"{life.where}: fetch at {e.addr:#x} after it was disabled",
                )
            elif e.t_data > (life.t_closed or 0):
                self._bad(
                    e.t_data,
                    n.name,
                    "early-disabled",
                    f"{life.where}: fetch at {e.addr:#x} was outstanding when it showed DISABLED",
                )
            return
        life.last_drain_t = max(life.last_drain_t, e.t_data)
        if life.holds_recv(base, end):
            self._buffers_fetched(n, life, e, resp, base, end)
            return
        first = life.fetched
        if self._covered_in_passing(life, first - 1, base, end, e.beat_bytes):
            first -= 1
        published = sum(1 for op in life.ops[first : first + life.dsize] if op.t_pub < e.t_addr)
        took = 0
        while took < published and base <= life.desc_addr(first + took):
            a = life.desc_addr(first + took)
            if a + DESC.size > end:
                break
            if resp == OKAY:
                self._fetched(n, life.ops[first + took], e, e.data[a - base : a - base + DESC.size])
            took += 1
        if took == 0:
            if life.ending or life.t_stop is not None:
                return  # prefetched in vain
            self._bad(
                e.t_addr,
                n.name,
                "fetch-order",
                f"{life.where}: fetch at {e.addr:#x}; next is descriptor {first} at "
                f"{life.desc_addr(first):#x}, {published} are published and not fetched",
            )
            return
        if resp != OKAY:
            status = Status.FETCH_SLVERR if resp == SLVERR else Status.FETCH_DECERR
            self._channel_error(n.chans[life.ch], status, e.t_data)
            return
        life.fetched = first + took

    @staticmethod
    def _covered_in_passing(life: Life, n: int, base: int, end: int, beat: int) -> bool:
        """Descriptor n came with the last beat of an earlier burst, unasked, and is fetched now."""
        if n < life.retired or beat <= DESC.size:
            return False
        a = life.desc_addr(n)
        op = life.ops[n]
        return a % beat != 0 and base <= a < end and (not op.begun or op.shared)

    def _fetched(self, n: NodeState, op: OpState, e: AxiRead, raw: bytes) -> None:
        op.t_fetch = e.t_addr
        self.report.descriptors += 1
        d = Desc.unpack(raw)
        if d != op.desc and op.n >= op.life.retired:
            self._allow(e.t_data, n.name, "descriptor-changed", f"{op} was fetched as ({d})")
            self._unindex(op)
            op.desc, op.variants = d, []
            self._plan(op, e.t_addr)
        early = [x for x in op.unproven if x[0] < e.t_addr]
        if early:  # no one knew then what it writes
            op.written = merge_ranges([x[1:3] for x in op.unproven if x[0] >= e.t_addr])
            op.begun = bool(op.written)
            for t, lo, hi, sole in early:
                if sole:
                    text = f"bytes {lo} to {hi} of {op}, which was not yet fetched"
                    self._bad(t, n.name, "unexplained-access", text)
        op.unproven = []
        self._unindex(op)
        op.variants = [v for v in op.variants if v.t_to > e.t_addr] or op.variants[-1:]
        for p in op.plans:
            self._index(op, p)

    def _data_read(self, n: NodeState, e: AxiRead, resp: int) -> None:
        base = e.addr - e.addr % e.beat_bytes
        end = base + len(e.data)
        hits = []
        foreign = None
        for op, s, x in index_find(n.src_index, base):
            if (
                s - s % e.beat_bytes <= base
                and end <= x + -x % e.beat_bytes
                and s < end
                and base < x
                and op.from_peer == (e.id > 1)
                and not op.atomic
            ):
                if e.user not in self._read_users(op):
                    foreign = op
                elif op.t_pub < e.t_addr:
                    hits.append((op, s, x))
        who = "a peer's " if e.id > 1 else ""
        what = f"{who}data read at {e.addr:#x}, {len(e.data)} bytes, function {e.user}"
        if not hits:
            if foreign is not None:
                self._bad(e.t_addr, n.name, "foreign-user", f"{what}: that is {foreign}")
            else:
                self._explain_stray_read(n, e, base, end, what)
            return
        hits = self._not_fenced_off(hits)
        if all(self._key_is_dead(n, op, op.desc.src, e.t_data) for op, _, _ in hits):
            self._bad(e.t_addr, n.name, "revoked", f"{what}: {hits[0][0]}")
        if e.id > 1:
            self._count_peer_read(n, e, [op for op, _, _ in hits])
        useful = 0
        live = [h for h in hits if h[0].t_over is None]
        may_leave = [self._may_leave(n, e, op) for op, _, _ in hits if op.t_over is not None]
        if not live and not any(may_leave):
            self._bad(e.t_addr, n.name, "late-access", f"{what}: {hits[0][0]} is over")
        for op, s, x in live:
            lo, hi = max(base, s), min(end, x)
            useful = max(useful, hi - lo)
            op.begun = True
            op.read_beats += e.beats
            if not op.from_peer:
                op.life.last_drain_t = max(op.life.last_drain_t, e.t_data)
            if len(hits) == 1:
                self._check_fence(op, e.t_addr)
            op.shared = op.shared or len(hits) > 1
            if resp != OKAY:
                status = int(Status.READ_SLVERR if resp == SLVERR else Status.READ_DECERR)
                status |= AT_PEER if op.from_peer else 0
                op.errors[status] = op.errors.get(status, False) or len(hits) == 1
                n.exact = False
            op.store(lo - s, e.data[lo - base : hi - base])
        n.read_beats += e.beats
        n.read_bytes += useful

    def _count_peer_read(self, n: NodeState, e: AxiRead, ops: list[OpState]) -> None:
        chans = {far.number for op in ops if (far := self._far_chan(op)) is not None}
        least = max(1, len(e.data) - 2 * (e.beat_bytes - 1)) if len(chans) == 1 else 0
        for number in chans:
            n.chans[number].peer_reads.append(PeerRead(e.t_addr, least, len(e.data)))

    def _may_leave(self, n: NodeState, e: AxiRead, op: OpState) -> bool:
        """It is over, but asked for this before that, or had it on its way to the port."""
        assert op.t_over is not None
        if op.from_peer:  # its requests were sent before it ended; each is answered
            op.late_bytes += len(e.data)
            if op.late_bytes <= n.params.late_bytes:
                return True
            self._unindex(op)
            return False
        op.life.last_drain_t = max(op.life.last_drain_t, e.t_data)
        op.late_reads += e.t_addr > op.t_over
        if op.late_reads <= n.params.ar_queue:
            return True
        self._unindex(op)
        return False

    def _explain_stray_read(self, n: NodeState, e: AxiRead, base: int, end: int, what: str) -> None:
        """A read that no operation of an open channel explains."""
        for life in n.newest_lives:
            for op in [*life.leaving, *life.ops[life.retired :]]:
                if life.open or e.user not in life.funcs:
                    continue
                if any(p.touches_src(base, end) for p in op.plans):
                    late = e.t_addr > (life.t_closed or 0)
                    rule, how = (
                        ("late-access", "requested after it was disabled")
                        if late
                        else ("early-disabled", "outstanding when it showed DISABLED")
                    )
                    self._bad(e.t_addr, n.name, rule, f"{what}: {op}, {how}")
                    return
        self._bad(e.t_addr, n.name, "unexplained-access", what)

    @staticmethod
    def _not_fenced_off(hits: list[Hit]) -> list[Hit]:
        """Where an access could belong to several operations: not to one that a fence still holds back."""
        if len(hits) < 2:
            return hits

        def held(op: OpState) -> bool:
            ops, lo = op.life.ops, op.life.retired
            fence = next((k for k in range(op.n, lo, -1) if ops[k].fenced), None)
            # What is refused is over without having written all.
            return fence is not None and any(o.must_run and not o.covered for o in ops[lo:fence])

        return [h for h in hits if not held(h[0])] or hits

    def _check_fence(self, op: OpState, t: int) -> None:
        if not op.fenced:
            return
        for o in op.life.ops[max(op.life.retired - 16, 0) : op.n]:
            if o.shared or o.errors or not o.must_run:
                continue
            if not o.covered and o.n >= op.life.retired:
                self._bad(t, op.life.node, "fence", f"{op} began; {o} before it: {o.missing()}")
            elif o.last_resp >= t:
                self._bad(t, op.life.node, "fence", f"{op} began before the last response of {o}")
