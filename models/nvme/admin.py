# SPDX-License-Identifier: Apache-2.0
"""The administrative processor: takes admin commands, sets queues and grants up, answers.

    agent = AdminAgent(Identity(), namespaces, setup, read, write)
    cqe = agent.submit(sqe)        # None: the command is held (Asynchronous Event Request, an Abort under way)
    post(agent.take() + [cqe])     # take(): what ends besides, to be posted first

It knows nothing of registers, pointers or time: it works with the model of the whole controller, and as stand-in of the
firmware behind the hardware's mailbox. `setup` is a `QueueSetup`; its calls are in order, and what they begin must be
over before the entries of that command are posted. SQHD and PHASE of an entry are filled in by who posts it. `read` and
`write` reach host memory for function 0; None or False is an error response.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from models.layout import (
    NVME_RIGHT_MASK,
    NvmeAdminOp,
    NvmeAerErr,
    NvmeCns,
    NvmeCqe,
    NvmeGrant,
    NvmeIoOp,
    NvmeLid,
    NvmeRange,
    NvmeSqe,
)
from models.layout import NvmeFid as Fid
from models.layout import NvmeStatus as S
from models.nvme import identify, prp
from models.nvme.features import SUPPORTED, Features
from models.nvme.identify import ALL, OAES_ANA, Identity
from models.nvme.namespace import Ana, Namespace
from models.nvme.status import more, no_retry

PAGE = 4096
RANGES = 8
TO_THE_END = 0xFFFF_FFFF  # PAGES of a range that has no end
OPCODES = sum(1 << op for op in NvmeIoOp)
SEE_ALL = [prp.Range(0, 1 << 52, NVME_RIGHT_MASK)]
KERNEL = 0  # owner tag
NO_CID = 0xFFFF  # of an error that belongs to no command
EVENT_ERROR, EVENT_NOTICE = 0, 2
NOTICE_ANA = 3
CLEARS = {
    NvmeLid.ERROR: EVENT_ERROR,
    NvmeLid.ANA: EVENT_NOTICE,
}  # reading it lets the next event of the type through

Grant = tuple[NvmeGrant, tuple[NvmeRange, ...]]
FULL_GRANT: Grant = (
    NvmeGrant(KERNEL, 0, ALL, 0, (1 << 64) - 1, OPCODES, 1),
    (NvmeRange(0, TO_THE_END, NVME_RIGHT_MASK),),
)
NO_GRANT: Grant = (NvmeGrant(), ())


class QueueSetup:
    """What the agent asks of the rest of the controller. `size` is entries less one."""

    def create_cq(self, qid: int, size: int, base: int, func: int, vec: int, ien: bool) -> None:
        raise NotImplementedError

    def create_sq(self, qid: int, size: int, base: int, func: int, cqid: int, prio: int) -> None:
        raise NotImplementedError

    def delete_cq(self, qid: int) -> None:
        raise NotImplementedError

    def delete_sq(self, qid: int) -> None:
        """Fetching stops; what was begun ends, what was fetched ends with SQ_DELETED."""
        raise NotImplementedError

    def grant_set(self, qid: int, grant: NvmeGrant, ranges: Sequence[NvmeRange]) -> None:
        """Grant and ranges of a queue; ranges beyond those given have no rights."""
        raise NotImplementedError

    def teardown(self, sqids: Sequence[int], cqids: Sequence[int]) -> None:
        """As deleting them, but nothing is posted to them any more."""
        raise NotImplementedError

    def arbitration(self, ab: int, hpw: int, mpw: int, lpw: int) -> None:
        """The Arbitration feature; weights less one."""

    def coalesce(self, threshold: int, time_100us: int) -> None:
        """Interrupt coalescing; entries less one."""

    def vector(self, vec: int, coalesce: bool) -> None:
        """Coalescing of one vector."""

    def abort(self, sqid: int, cid: int) -> bool | None:
        """True: it will end with ABORT_REQUESTED, False: it was not found, None: `abort_done` will tell."""
        return False


@dataclass
class Cq:
    """A completion queue."""

    owner: int


@dataclass
class Sq:
    """A submission queue."""

    owner: int
    cqid: int


class SetupError(RuntimeError):
    """Raised by a `QueueSetup` that gets no answer: the command ends with INTERNAL."""


class Fail(Exception):
    """The command ends with this status."""

    def __init__(self, status: S) -> None:
        super().__init__(status.name)
        self.status = status


def need(condition: object, status: S) -> None:
    if not condition:
        raise Fail(status)


Result = int | None  # DW0, None: held


class AdminAgent:
    """`namespaces[i]` has NSID i + 1. `now_ms` is the clock of Keep Alive and of the power-on hours."""

    def __init__(
        self,
        me: Identity,
        namespaces: Sequence[Namespace],
        setup: QueueSetup,
        read: Callable[[int, int], bytes | None],
        write: Callable[[int, bytes], object],
        now_ms: Callable[[], int] = lambda: 0,
    ) -> None:
        if [n.nsid for n in namespaces] != list(range(1, len(namespaces) + 1)):
            raise ValueError("namespaces are numbered from 1, without a gap")
        self.me, self.namespaces, self.setup = me, namespaces, setup
        self.read, self.write, self.now_ms = read, write, now_ms
        self.features = Features(me)
        self.errors: deque[bytes] = deque(maxlen=me.elpe + 1)  # newest first
        self.error_count = 0
        self.ana_count = 0
        self.ana_groups: dict[int, int] = {}
        self.reset()

    # life -------------------------------------------------------------------------------------
    def reset(self) -> None:
        """Controller reset: queues, grants, features and held commands are gone. The logs stay."""
        self.cqs: dict[int, Cq] = {}
        self.sqs: dict[int, Sq] = {}
        self.grants: dict[int, Grant] = {}
        self.held: deque[int] = deque()  # CIDs of Asynchronous Event Requests
        self.aborts: dict[
            tuple[int, int], list[int]
        ] = {}  # (SQ, CID) under way: CIDs of the Abort commands
        self.pending: list[tuple[int, int, int]] = []  # events: type, information, log page
        self.masked: set[int] = set()  # types that were reported, whose log page was not read yet
        self.out: list[NvmeCqe] = []
        self.alive_ms = self.now_ms()
        self.features.reset()

    def take(self) -> list[NvmeCqe]:
        """Entries of commands that were held."""
        out, self.out = self.out, []
        return out

    def expired(self) -> bool:
        """The Keep Alive time is over: the controller has to stop (CSTS.CFS)."""
        time = self.features.get(Fid.KEEP_ALIVE, 0, 0)
        return time != 0 and self.now_ms() - self.alive_ms > time

    # events -----------------------------------------------------------------------------------
    def bad_doorbell(self, qid: int, code: NvmeAerErr) -> None:
        """A doorbell was refused."""
        self.log_error(qid, NO_CID, S.SUCCESS)
        self._event(EVENT_ERROR, code, NvmeLid.ERROR)

    def io_failed(self, qid: int, cid: int, status: int, nsid: int = 0, lba: int = 0) -> None:
        """A completion with MORE was posted."""
        self.log_error(qid, cid, S(status), nsid, lba)

    def ana_change(self, nsid: int, state: Ana) -> None:
        """The ANA group of a namespace changes its state."""
        group = self.namespaces[nsid - 1].ana_group
        for ns in self.namespaces:
            if ns.ana_group == group:
                ns.ana = state
        self.ana_count += 1
        self.ana_groups[group] = self.ana_count
        if self.features.get(Fid.ASYNC_EVENT, 0, 0) & OAES_ANA:
            self._event(EVENT_NOTICE, NOTICE_ANA, NvmeLid.ANA)

    def log_error(self, qid: int, cid: int, status: S, nsid: int = 0, lba: int = 0) -> None:
        """An entry of the Error Information log."""
        self.error_count += 1
        f = identify.Fields(64)
        f.put(0, 8, self.error_count)
        f.put(8, 2, qid)
        f.put(10, 2, cid)
        word = NvmeCqe(status=status, more=more(status), dnr=no_retry(status)).to_int() >> 112
        f.put(12, 2, word)
        f.put(14, 2, 0xFFFF)  # no parameter is to blame
        f.put(16, 8, lba)
        f.put(24, 4, nsid)
        self.errors.appendleft(bytes(f.raw))

    def _event(self, kind: int, info: int, log: int) -> None:
        """The same event is kept once until it is told."""
        if (kind, info, log) not in self.pending:
            self.pending.append((kind, info, log))
        self._tell()

    def _tell(self) -> None:
        for event in list(self.pending):
            kind, info, log = event
            if not self.held:
                return
            if kind not in self.masked:
                self.masked.add(kind)
                self.pending.remove(event)
                self.out.append(NvmeCqe(dw0=log << 16 | info << 8 | kind, cid=self.held.popleft()))

    def abort_done(self, sqid: int, cid: int, aborted: bool) -> None:
        """The answer to `QueueSetup.abort` that had not been known."""
        for own in self.aborts.pop((sqid, cid), []):
            self.out.append(NvmeCqe(dw0=int(not aborted), cid=own))

    # commands ---------------------------------------------------------------------------------
    def submit(self, sqe: NvmeSqe | bytes) -> NvmeCqe | None:
        """Carry an admin command out."""
        if not isinstance(sqe, NvmeSqe):
            sqe = NvmeSqe.unpack(sqe)
        status, dw0 = S.SUCCESS, 0
        try:
            waiting = {*self.held, *(c for cids in self.aborts.values() for c in cids)}
            need(sqe.cid not in waiting, S.CID_CONFLICT)
            command = self._commands.get(sqe.opc)
            need(command, S.INVALID_OPCODE)
            need(not sqe.fuse and not sqe.psdt, S.INVALID_FIELD)
            result = command(self, sqe)
            if result is None:
                return None
            dw0 = result
        except SetupError:
            status = S.INTERNAL
        except Fail as fail:
            status = fail.status
            if more(status):
                self.log_error(0, sqe.cid, status, sqe.nsid)
        return NvmeCqe(dw0=dw0, cid=sqe.cid, status=status, more=more(status), dnr=no_retry(status))

    # data -------------------------------------------------------------------------------------
    def _entry(self, addr: int) -> int | None:
        raw = self.read(addr, 8)
        return None if raw is None else int.from_bytes(raw, "little")

    def _pieces(self, sqe: NvmeSqe, nbytes: int, right: int) -> tuple[prp.Piece, ...]:
        walked = prp.walk(sqe.prp1, sqe.prp2, nbytes, SEE_ALL, right, self._entry)
        need(walked.ok, S(walked.status))
        return walked.pieces

    def _to_host(self, sqe: NvmeSqe, data: bytes) -> int:
        at = 0
        for piece in self._pieces(sqe, len(data), prp.SINK):
            done = self.write(piece.addr, data[at : at + piece.length])
            need(done is not False, S.DATA_TRANSFER)
            at += piece.length
        return 0

    def _from_host(self, sqe: NvmeSqe, nbytes: int) -> bytes:
        data = b""
        for piece in self._pieces(sqe, nbytes, prp.SOURCE):
            got = self.read(piece.addr, piece.length)
            need(got is not None, S.DATA_TRANSFER)
            data += got
        return data

    # identify, logs ---------------------------------------------------------------------------
    def _identify(self, sqe: NvmeSqe) -> Result:
        cns, csi = sqe.cdw10 & 0xFF, sqe.cdw11 >> 24
        known = range(1, len(self.namespaces) + 1)
        if cns == NvmeCns.NAMESPACE:
            need(sqe.nsid in known, S.INVALID_NS)
            return self._to_host(sqe, identify.namespace(self.namespaces[sqe.nsid - 1]))
        if cns == NvmeCns.CONTROLLER:
            return self._to_host(sqe, identify.controller(self.me, len(self.namespaces)))
        if cns == NvmeCns.ACTIVE_LIST:
            need(sqe.nsid < ALL - 1, S.INVALID_NS)
            return self._to_host(sqe, identify.active(self.namespaces, sqe.nsid))
        if cns == NvmeCns.DESCRIPTORS:
            there = sqe.nsid in known and self.namespaces[sqe.nsid - 1].valid
            need(there, S.INVALID_NS)
            return self._to_host(sqe, identify.descriptors(self.namespaces[sqe.nsid - 1]))
        need(cns == NvmeCns.COMMAND_SET and csi == identify.CSI_NVM, S.INVALID_FIELD)
        return self._to_host(sqe, identify.nvm_controller())

    def _log_page(self, sqe: NvmeSqe) -> Result:
        lid, lsp, keep = sqe.cdw10 & 0xFF, sqe.cdw10 >> 8 & 0x7F, sqe.cdw10 >> 15 & 1
        nbytes = (((sqe.cdw11 & 0xFFFF) << 16 | sqe.cdw10 >> 16) + 1) * 4
        offset = sqe.cdw13 << 32 | sqe.cdw12
        if lid == NvmeLid.ERROR:
            page = b"".join(self.errors).ljust(64 * (self.me.elpe + 1), b"\0")
        elif lid == NvmeLid.SMART:
            page = identify.smart(300, self.error_count, self.now_ms() // 1000)
        elif lid == NvmeLid.FIRMWARE:
            page = identify.firmware(self.me)
        elif lid == NvmeLid.ANA:
            page = identify.ana(self.namespaces, self.ana_count, self.ana_groups, bool(lsp & 1))
        else:
            raise Fail(S.LOG_INVALID)
        need(lid == NvmeLid.ANA or sqe.nsid in (0, ALL), S.INVALID_FIELD)
        need(nbytes <= self.me.mdts_bytes, S.INVALID_FIELD)
        need(offset % 4 == 0 and offset <= len(page), S.INVALID_FIELD)
        self._to_host(sqe, page[offset : offset + nbytes].ljust(nbytes, b"\0"))
        if not keep and lid in CLEARS:
            self.masked.discard(CLEARS[lid])
            self._tell()
        return 0

    # features ---------------------------------------------------------------------------------
    def _feature(self, sqe: NvmeSqe) -> tuple[Fid, int]:
        try:
            fid = Fid(sqe.cdw10 & 0xFF)
        except ValueError:
            raise Fail(S.INVALID_FIELD) from None
        key, status = self.features.key(fid, sqe.nsid, sqe.cdw11, len(self.namespaces))
        need(status == S.SUCCESS, status)
        return fid, key

    def _get_features(self, sqe: NvmeSqe) -> Result:
        fid, key = self._feature(sqe)
        select = sqe.cdw10 >> 8 & 7
        need(select <= SUPPORTED, S.INVALID_FIELD)
        need(fid != Fid.ERROR_RECOVERY or key != ALL, S.INVALID_NS)
        return self.features.get(fid, key, select)

    def _set_features(self, sqe: NvmeSqe) -> Result:
        fid, key = self._feature(sqe)
        need(not sqe.cdw10 >> 31, S.NOT_SAVEABLE)
        status = self.features.check(fid, sqe.cdw11)
        need(status == S.SUCCESS, status)
        need(fid != Fid.QUEUES or not (self.cqs or self.sqs), S.SEQUENCE_ERROR)
        dw0 = self.features.set(fid, key, sqe.cdw11, len(self.namespaces))
        v = sqe.cdw11
        if fid == Fid.ARBITRATION:
            self.setup.arbitration(v & 7, v >> 24, v >> 16 & 0xFF, v >> 8 & 0xFF)
        elif fid == Fid.KEEP_ALIVE:
            self.alive_ms = self.now_ms()
        elif fid == Fid.COALESCING:
            self.setup.coalesce(v & 0xFF, v >> 8 & 0xFF)
        elif fid == Fid.VECTOR:
            self.setup.vector(key, not v >> 16 & 1)
        return dw0

    # queues -----------------------------------------------------------------------------------
    def _grant_of(self, qid: int, base: int, nbytes: int) -> NvmeGrant:
        """The grant of a queue that is to be created; its memory has to be in it. Without one it is the kernel's."""
        grant, ranges = self.grants.get(qid, FULL_GRANT)
        inside = any(
            r.rights & prp.QUEUE
            and r.base <= base
            and (r.pages == TO_THE_END or base + nbytes <= r.base + r.pages * PAGE)
            for r in ranges
        )
        need(inside and base + nbytes <= 1 << 64, S.ACCESS_DENIED)
        return grant

    def _settle(self, qid: int) -> None:
        """A queue is created: from now on its grant is fixed."""
        if qid not in self.grants:
            self.grants[qid] = FULL_GRANT
            self.setup.grant_set(qid, *FULL_GRANT)

    def _unsettle(self, qid: int) -> None:
        """A queue was deleted: with the last one of a pair its grant is gone."""
        if qid not in self.cqs and qid not in self.sqs and self.grants.pop(qid, None):
            self.setup.grant_set(qid, *NO_GRANT)

    def _create_cq(self, sqe: NvmeSqe) -> Result:
        qid, size = sqe.cdw10 & 0xFFFF, sqe.cdw10 >> 16
        contiguous, ien, vec = sqe.cdw11 & 1, bool(sqe.cdw11 & 2), sqe.cdw11 >> 16
        need(1 <= qid <= self.features.ncq and qid not in self.cqs, S.QID_INVALID)
        need(1 <= size <= self.me.mqes, S.QSIZE_INVALID)
        need(contiguous, S.INVALID_FIELD)
        need(sqe.prp1 % PAGE == 0, S.INVALID_PRP)
        need(not ien or vec < self.me.vectors, S.VECTOR_INVALID)
        grant = self._grant_of(qid, sqe.prp1, (size + 1) * NvmeCqe.SIZE)
        self._settle(qid)
        self.cqs[qid] = Cq(grant.owner)
        self.setup.create_cq(qid, size, sqe.prp1, grant.func, vec if ien else 0, ien)
        return 0

    def _create_sq(self, sqe: NvmeSqe) -> Result:
        qid, size = sqe.cdw10 & 0xFFFF, sqe.cdw10 >> 16
        contiguous, prio, cqid = sqe.cdw11 & 1, sqe.cdw11 >> 1 & 3, sqe.cdw11 >> 16
        need(1 <= qid <= self.features.nsq and qid not in self.sqs, S.QID_INVALID)
        need(1 <= size <= self.me.mqes, S.QSIZE_INVALID)
        need(cqid in self.cqs, S.CQ_INVALID)
        need(contiguous, S.INVALID_FIELD)
        need(sqe.prp1 % PAGE == 0, S.INVALID_PRP)
        owner = self.grants.get(qid, FULL_GRANT)[0].owner
        need(owner == self.cqs[cqid].owner, S.CQ_INVALID)
        grant = self._grant_of(qid, sqe.prp1, (size + 1) * NvmeSqe.SIZE)
        self._settle(qid)
        self.sqs[qid] = Sq(grant.owner, cqid)
        self.setup.create_sq(qid, size, sqe.prp1, grant.func, cqid, prio)
        return 0

    def _delete_sq(self, sqe: NvmeSqe) -> Result:
        qid = sqe.cdw10 & 0xFFFF
        need(qid in self.sqs, S.QID_INVALID)
        self.setup.delete_sq(qid)
        del self.sqs[qid]
        self._unsettle(qid)
        return 0

    def _delete_cq(self, sqe: NvmeSqe) -> Result:
        qid = sqe.cdw10 & 0xFFFF
        need(qid in self.cqs, S.QID_INVALID)
        need(all(sq.cqid != qid for sq in self.sqs.values()), S.DELETE_SQ_FIRST)
        self.setup.delete_cq(qid)
        del self.cqs[qid]
        self._unsettle(qid)
        return 0

    def _grant_set(self, sqe: NvmeSqe) -> Result:
        qid = sqe.cdw10 & 0xFFFF
        need(1 <= qid <= self.me.queues, S.QID_INVALID)
        need(qid not in self.cqs and qid not in self.sqs, S.SEQUENCE_ERROR)
        raw = self._from_host(sqe, NvmeGrant.SIZE)
        grant = NvmeGrant.unpack(raw)
        need(grant.ranges <= RANGES and not grant.opcodes & ~OPCODES, S.INVALID_FIELD)
        need(grant.func < 1 << self.me.func_w, S.INVALID_FIELD)
        need(grant.nsid in (0, ALL) or grant.nsid <= len(self.namespaces), S.INVALID_NS)
        at = range(32, 32 + 16 * grant.ranges, 16)
        ranges = tuple(NvmeRange.unpack(raw[i : i + NvmeRange.SIZE]) for i in at)
        for r in ranges:
            need(r.base % PAGE == 0 and not r.rights & ~NVME_RIGHT_MASK, S.INVALID_FIELD)
            need(r.pages == TO_THE_END or r.base + r.pages * PAGE <= 1 << 64, S.INVALID_FIELD)
        self.grants[qid] = (grant, ranges)
        self.setup.grant_set(qid, grant, ranges)
        return 0

    def _owner_teardown(self, sqe: NvmeSqe) -> Result:
        owner = sqe.cdw10 & 0xFFFF
        need(owner != KERNEL, S.INVALID_FIELD)
        sqids = [q for q, sq in self.sqs.items() if sq.owner == owner]
        cqids = [q for q, cq in self.cqs.items() if cq.owner == owner]
        self.setup.teardown(sqids, cqids)
        for q in sqids:
            del self.sqs[q]
        for q in cqids:
            del self.cqs[q]
        for q in [q for q, (grant, _) in self.grants.items() if grant.owner == owner]:
            self._unsettle(q)
        return 0

    # the rest ---------------------------------------------------------------------------------
    def _abort(self, sqe: NvmeSqe) -> Result:
        sqid, cid = sqe.cdw10 & 0xFFFF, sqe.cdw10 >> 16
        need(sum(map(len, self.aborts.values())) <= self.me.acl, S.ABORT_LIMIT)
        if sqid == 0:
            if cid not in self.held:
                return 1
            self.held.remove(cid)
            status = S.ABORT_REQUESTED
            self.out.append(NvmeCqe(cid=cid, status=status, dnr=no_retry(status)))
            return 0
        if sqid not in self.sqs:
            return 1
        aborted = self.setup.abort(sqid, cid)
        if aborted is None:
            self.aborts.setdefault((sqid, cid), []).append(sqe.cid)
            return None
        return int(not aborted)

    def _async_event(self, sqe: NvmeSqe) -> Result:
        need(len(self.held) <= self.me.aerl, S.AER_LIMIT)
        self.held.append(sqe.cid)
        self._tell()
        return None

    def _keep_alive(self, sqe: NvmeSqe) -> Result:
        self.alive_ms = self.now_ms()
        return 0

    _commands = {
        NvmeAdminOp.DELETE_SQ: _delete_sq,
        NvmeAdminOp.CREATE_SQ: _create_sq,
        NvmeAdminOp.GET_LOG_PAGE: _log_page,
        NvmeAdminOp.DELETE_CQ: _delete_cq,
        NvmeAdminOp.CREATE_CQ: _create_cq,
        NvmeAdminOp.IDENTIFY: _identify,
        NvmeAdminOp.ABORT: _abort,
        NvmeAdminOp.SET_FEATURES: _set_features,
        NvmeAdminOp.GET_FEATURES: _get_features,
        NvmeAdminOp.ASYNC_EVENT: _async_event,
        NvmeAdminOp.KEEP_ALIVE: _keep_alive,
        NvmeAdminOp.GRANT_SET: _grant_set,
        NvmeAdminOp.OWNER_TEARDOWN: _owner_teardown,
    }
