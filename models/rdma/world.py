# SPDX-License-Identifier: Apache-2.0
"""Nodes that carry descriptors out in small steps: the executable specification.

`World.steps()` names everything that may happen next; whoever runs it chooses. Each choice is one that
hardware may make by its timing. What `trace` records is what monitors could see.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable

from models.lay import Desc, DescFlag, Op, Status
from models.memory import OKAY, SLVERR, Memory
from models.rdma.initiator import Initiator
from models.rdma.parts import Access, Chan, Node, OpRun, Posted, RecvEntry, Rules, Seen, Session
from models.rdma.target import Target

Step = tuple[str, Callable[[], None]]


class World(Initiator, Target):
    """Some nodes, a session between each two."""

    def __init__(self, names: Iterable[str] = "AB", rules: Rules | None = None) -> None:
        self.rules = rules or Rules()
        self.nodes = {n: Node(n, Memory(n)) for n in names}
        self.t = 0
        self.trace: list[Seen] = []
        self.tags = itertools.count(1)
        self.live: dict[tuple[str, int], OpRun] = {}
        self.sessions: dict[frozenset[str], Session] = {}
        for a, b in itertools.combinations(self.nodes, 2):
            queues = {x: deque() for x in (a, b)}
            self.sessions[frozenset((a, b))] = Session(
                True, queues, {x: deque() for x in (a, b)}
            )
            for x, y in ((a, b), (b, a)):
                n = self.nodes[x]
                n.ring[y], n.responder[y], n.hold[y] = deque(), deque(), deque()

    # set-up ------------------------------------------------------------------------------------
    def bind(self, a: str, ch_a: int, b: str, ch_b: int) -> None:
        """Channels bound to each other; numbers in order of creation."""
        for x, k, y, j in ((a, ch_a, b, ch_b), (b, ch_b, a, ch_a)):
            assert k == len(self.nodes[x].chans)
            self.nodes[x].chans.append(Chan(k, y, j))

    def session(self, a: str, b: str) -> Session:
        return self.sessions[frozenset((a, b))]

    def publish(self, node: str, ch: int, *descs: Desc) -> None:
        self.nodes[node].chans[ch].ring += descs

    def post_recv(self, node: str, ch: int, tag: int, addr: int, length: int) -> None:
        self.nodes[node].chans[ch].recv.append(RecvEntry(tag, addr, length))
        self.see("buffer", node, ch, info=(tag, addr, length))

    def see(self, what: str, node: str, ch: int = -1, **more: object) -> None:
        self.trace.append(Seen(self.t, what, node, ch, **more))  # type: ignore[arg-type]

    # steps -------------------------------------------------------------------------------------
    def steps(self) -> list[Step]:
        """Everything that may happen now."""
        out: list[Step] = []
        for n in self.nodes.values():
            for c in n.chans:
                out += self.channel_steps(n, c)
            for a in n.queued:
                if not self.locked(n, a):
                    out.append(("grant", lambda n=n, a=a: self.grant(n, a)))
            for a in n.granted:
                out.append(("commit", lambda n=n, a=a: self.commit(n, a)))
            for peer in n.ring:
                out += self.target_steps(n, peer)
            for k in n.revoking:
                if not k[1]:
                    out.append(("revoked", lambda n=n, k=k: self.revoked(n, k)))
        for s in self.sessions.values():
            for x, y in itertools.permutations(s.req) if s.up else ():
                if s.req[x]:
                    out.append(("req", lambda s=s, x=x, y=y: self.receive(y, x, s.req[x].popleft())))
                if s.rsp[x]:
                    out.append(("rsp", lambda s=s, x=x, y=y: self.answer(y, s.rsp[x].popleft())))
        return out

    def step(self, choice: int) -> str | None:
        """Take one of the steps; its name, None if there is none."""
        some = self.steps()
        if not some:
            return None
        self.t += 1
        name, do = some[choice % len(some)]
        do()
        return name

    # memory ------------------------------------------------------------------------------------
    def locked(self, n: Node, a: Access) -> bool:
        """A burst that touches the bytes of the atomic under way is not granted."""
        return n.lock is not None and a.addr < n.lock_addr + 8 and n.lock_addr < a.addr + len(a.data)

    def queue(self, n: Node, a: Access) -> None:
        n.queued.append(a)

    def grant(self, n: Node, a: Access) -> None:
        n.queued.remove(a)
        n.granted.append(a)
        a.t_grant = self.t
        self.see("issue", n.name, access=a, op=a.op)

    def commit(self, n: Node, a: Access) -> None:
        """The write takes effect, and its response comes."""
        n.granted.remove(a)
        resp = n.mem.response(a.addr, len(a.data), write=True)
        if resp == OKAY:
            n.mem.write(a.addr, a.data)
        a.t_done = self.t
        self.see("write", n.name, access=a, op=a.op)
        for _, waits in n.revoking:
            waits.discard(a)
        n.lock_waits.discard(a)
        error = 0 if resp == OKAY else Status.WRITE_SLVERR if resp == SLVERR else Status.WRITE_DECERR
        if a.kind in ("target", "atomic"):
            self.target_done(n, a, int(error))
        else:
            self.local_done(n, a, int(error))

    # software ----------------------------------------------------------------------------------
    def revoke(self, node: str, index: int) -> None:
        """A new key; 'revoked' is seen when all that was checked before is over."""
        n = self.nodes[node]
        old = (index, n.table.get(index).gen)
        n.table.revoke(index)
        self.see("revoke", node, info=old)
        reads = {p for q in n.responder.values() for p in q}
        n.revoking.append((old, {*n.queued, *n.granted, *reads, *([n.lock] if n.lock else [])}))

    def revoked(self, n: Node, k: tuple[tuple[int, int], set[Access]]) -> None:
        n.revoking.remove(k)
        self.see("revoked", n.name, info=k[0])

    def lose(self, a: str, b: str) -> None:
        """The session ends: what is on the wire is gone."""
        s = self.session(a, b)
        if not s.up:
            return
        s.up = False
        s.number += 1
        self.see("lost", a, info=b)
        for x, y in ((a, b), (b, a)):
            s.req[x].clear()
            s.rsp[x].clear()
            self.forget_peer(self.nodes[x], y)
            self.lose_ops(self.nodes[x], y)

    def may_restore(self, a: str, b: str) -> bool:
        """Both ends have finished what they were shown."""
        return not self.session(a, b).up and not any(
            self.nodes[x].ring[y] or self.nodes[x].responder[y] for x, y in ((a, b), (b, a))
        )

    def restore(self, a: str, b: str) -> None:
        if self.may_restore(a, b):
            self.session(a, b).up = True
            self.see("up", a, info=b)

    # completions -------------------------------------------------------------------------------
    def room(self, c: Chan) -> bool:
        return c.reserved + c.unread < self.rules.completions

    def post(self, n: Node, c: Chan, entry: Posted) -> None:
        """An entry goes into a reserved slot."""
        c.reserved -= 1
        c.unread += 1
        c.posted.append(entry)
        self.see("posted", n.name, c.number, op=entry.op, info=entry)

    def retire(self, n: Node, c: Chan) -> None:
        """The oldest operation, if it is over."""
        o = c.ops.popleft()
        c.done.append(o)
        self.live.pop((n.name, o.tag), None)
        if o.status or not o.desc.flag(DescFlag.NO_CPL):
            nbytes = o.desc.length if not o.status and o.op != Op.NOP else 0
            entry = Posted(self.t, "descriptor", o.desc.tag, o.status, o.status2, nbytes, 0, o)
            self.post(n, c, entry)
        else:
            c.reserved -= 1
            self.see("silent", n.name, c.number, op=o)

    def consume(self, n: Node, c: Chan) -> None:
        c.unread = 0
        self.see("consumed", n.name, c.number)


__all__ = ["Step", "World"]
