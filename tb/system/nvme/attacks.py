# SPDX-License-Identifier: Apache-2.0
"""Commands of a hostile application: each kind is a sound one with something wrong, or nothing that makes sense at all.

    attacks = Attacks(rng, turf, targets)
    kind, sqe = attacks.draw()
    writes = attacks.writes        # (address, bytes): what has to be in memory for it; empty it

Commands are kept small, but for a few, so that many of them fit into a second.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from models.layout import NvmeDsm, NvmeIoOp, NvmeSqe
from tb.system.nvme.kernel import PAGE, io

TOP = 1 << 64
WITH_DATA = (NvmeIoOp.READ, NvmeIoOp.WRITE, NvmeIoOp.COMPARE)
CIDS = 60  # of which four are used so often that they are always in use
SMALL_RANGE = 2  # blocks of a range of Dataset Management that is granted: no more


@dataclass
class Turf:
    """What the hostile application was granted: blocks [slba, slba + nlb) of namespace 1, pages."""

    slba: int
    nlb: int
    data: list[int]  # source and sink
    second: list[int]  # rights that differ from grant to grant
    lists: list[int]  # PRP lists
    every: list[int]  # all rights
    hole: list[int]  # granted, but there is no memory
    queues: list[int]  # its own, by QUEUE only


@dataclass
class Targets:
    """What is others': pages of memory, the bases of the namespaces, blocks of namespace 1."""

    pages: list[int]
    namespaces: list[int]
    blocks: list[int]
    total: int  # blocks of namespace 1


class Attacks:
    """See above."""

    def __init__(self, rng: random.Random, turf: Turf, targets: Targets) -> None:
        self.rng, self.turf, self.targets = rng, turf, targets
        self.writes: list[tuple[int, bytes]] = []
        self.kinds = self.table()
        self._names, self._weights = list(self.kinds), [w for w, _ in self.kinds.values()]

    def table(self) -> dict[str, tuple[float, Callable[[], NvmeSqe]]]:
        """Kinds of attack: weight, and who makes it."""
        return {
            "sound": (14, self.sound), "sound list": (4, lambda: self.listed(self._pages(6))),
            "random": (8, self.random), "random with opcode": (8, self.random_op), "a field": (14, self.a_field), "a bit": (8, self.a_bit),
            "PRP offset": (4, self.prp_offset), "PRP of others": (10, self.prp_of_others), "PRP to the end": (3, self.prp_high),
            "own queue": (4, self.own_queue), "wrong right": (4, self.wrong_right), "no memory": (3, self.no_memory),
            "edge of a range": (5, self.range_edge),
            "list of others": (4, self.list_of_others), "list loops": (3, self.list_loops), "list at the edge": (4, self.list_edge),
            "list chained": (4, self.list_chained), "list misaligned": (3, self.list_misaligned), "list entry bad": (5, self.list_entry),
            "list overwritten": (4, self.list_overwritten), "list in no memory": (2, self.list_nowhere),
            "list in data": (4, self.list_in_data),
            "blocks of others": (6, self.blocks), "edge of the blocks": (4, self.block_edge), "blocks wrap": (4, self.block_wrap),
            "huge Verify": (0.7, lambda: self.huge(NvmeIoOp.VERIFY)), "huge Write Zeroes": (0.7, lambda: self.huge(NvmeIoOp.WRITE_ZEROES)),
            "too large": (3, self.too_large), "all that is granted": (1, self.all_blocks),
            "DSM sound": (2, lambda: self.dsm(4)), "DSM of 256": (0.2, lambda: self.dsm(256)), "DSM outside": (4, self.dsm_outside),
            "DSM list of others": (3, self.dsm_elsewhere), "DSM of anything": (2, self.dsm_anything),
        }

    def draw(self) -> tuple[str, NvmeSqe]:
        kind = self.rng.choices(self._names, self._weights)[0]
        sqe = self.kinds[kind][1]()
        sqe.cid = self.rng.randrange(1, 5 if self.rng.random() < 0.3 else CIDS + 1)
        return kind, sqe

    # ---- parts
    def _pages(self, count: int) -> list[int]:
        t = self.turf
        return [self.rng.choice(t.data + t.every[:1]) for _ in range(count)]

    def _op(self) -> int:
        return self.rng.choice((NvmeIoOp.READ, NvmeIoOp.READ, NvmeIoOp.WRITE, NvmeIoOp.WRITE, NvmeIoOp.COMPARE))

    def _slba(self, blocks: int) -> int:
        return self.turf.slba + self.rng.randint(0, max(0, self.turf.nlb - blocks))

    def _other(self) -> int:
        """A page that is somebody else's, or a namespace's."""
        t, rng = self.targets, self.rng
        return rng.choice((rng.choice(t.pages), rng.choice(t.pages), rng.choice(t.namespaces) + PAGE * rng.randrange(16)))

    def _list(self, at: int, entries: list[int]) -> int:
        self.writes.append((at, b"".join((e % TOP).to_bytes(8, "little") for e in entries)))
        return at

    def _list_place(self, entries: int) -> int:
        return self.rng.choice(self.turf.lists) + 8 * self.rng.randrange(512 - entries)

    # ---- commands
    def sound(self) -> NvmeSqe:
        """Everything in order."""
        rng = self.rng
        op = rng.choice(list(NvmeIoOp)[:6] if rng.random() < 0.3 else WITH_DATA)
        if op == NvmeIoOp.FLUSH:
            return NvmeSqe(opc=op, nsid=1)
        if op == NvmeIoOp.DSM:
            return self.dsm(2)
        blocks = rng.choice((1, 1, 2, 4, 8))
        first, second = self._pages(2)
        return io(op, self._slba(blocks), min(blocks, self.turf.nlb), prp1=first + 4 * rng.choice((0, 0, rng.randrange(1024))), prp2=second)

    def listed(self, pages: list[int], at: int = 0) -> NvmeSqe:
        """A list, of up to seven entries for 24 blocks."""
        blocks = min(self.rng.randint(17, 24), self.turf.nlb)
        at = at or self._list_place(len(pages))
        return io(self._op(), self._slba(blocks), blocks, prp1=self._pages(1)[0] + 4 * self.rng.randrange(256), prp2=self._list(at, pages))

    def random(self) -> NvmeSqe:
        return NvmeSqe.unpack(self.rng.randbytes(NvmeSqe.SIZE))

    def random_op(self) -> NvmeSqe:
        """Any dwords with an opcode and namespace that are there."""
        sqe = self.random()
        sqe.opc, sqe.nsid, sqe.fuse, sqe.psdt = self.rng.choice(list(NvmeIoOp)), 1, 0, 0
        if self.rng.random() < 0.7:  # as far as the memory's check
            sqe.cdw10, sqe.cdw11, sqe.cdw12 = self._slba(8), 0, self.rng.randrange(8)
            if sqe.opc == NvmeIoOp.DSM:
                sqe.cdw11 = 4
        return sqe

    def a_field(self) -> NvmeSqe:
        """One field has another value."""
        rng, sqe = self.rng, self.sound()
        name = rng.choice(("opc", "fuse", "psdt", "nsid", "cdw2", "mptr", "prp1", "prp2", "cdw10", "cdw11", "cdw12", "cdw13"))
        width = NvmeSqe.FIELDS[name][1]
        setattr(sqe, name, rng.choice((0, 1, (1 << width) - 1, 1 << width - 1, rng.getrandbits(width), rng.getrandbits(8) & (1 << width) - 1)))
        return sqe

    def a_bit(self) -> NvmeSqe:
        """One bit is another."""
        word = self.sound().to_int() ^ 1 << self.rng.choice([b for b in range(512) if not 16 <= b < 32])
        return NvmeSqe.from_int(word)

    def prp_offset(self) -> NvmeSqe:
        sqe, rng = self.sound(), self.rng
        sqe.prp1 += rng.choice((1, 2, 3, 0))
        sqe.prp2 += rng.choice((0, 1, 4, 8, 512, 4095))
        return sqe

    def prp_of_others(self) -> NvmeSqe:
        """Data from or to memory of others: the first page, or the second."""
        rng, blocks = self.rng, self.rng.choice((1, 8))
        first, second = self._pages(2)
        if rng.random() < 0.5:
            first = self._other() + 4 * rng.randrange(1024)
        else:
            first, second = first + PAGE - 256, self._other()
        return io(self._op(), self._slba(blocks), min(blocks, self.turf.nlb), prp1=first, prp2=second)

    def prp_high(self) -> NvmeSqe:
        """Where an address would wrap, or loses its upper half."""
        rng, page = self.rng, self.rng.choice(self.turf.data)
        at = rng.choice((TOP - 256, TOP - PAGE, TOP - 4, 1 << 63, page + (1 << 63), page ^ 1 << rng.randrange(20, 64), page | 0xFFFF << 48))
        return io(self._op(), self._slba(2), min(2, self.turf.nlb), prp1=at, prp2=rng.choice((0, TOP - PAGE, page)))

    def own_queue(self) -> NvmeSqe:
        """Its own queues are no place for data or lists."""
        at = self.rng.choice(self.turf.queues)
        if self.rng.random() < 0.5:
            return io(self._op(), self._slba(1), 1, prp1=at + 16 * self.rng.randrange(64))
        return io(self._op(), self._slba(20), min(20, self.turf.nlb), prp1=self._pages(1)[0], prp2=at)

    def wrong_right(self) -> NvmeSqe:
        """Pages that may be only read, only written or only a list, as something else."""
        rng, blocks = self.rng, self.rng.choice((1, 8, 20))
        where = [rng.choice(self.turf.second + self.turf.lists) for _ in range(2)]
        return io(self._op(), self._slba(blocks), min(blocks, self.turf.nlb), prp1=where[0], prp2=where[1])

    def no_memory(self) -> NvmeSqe:
        """Granted addresses where nothing is."""
        where = [self.rng.choice(self.turf.hole) for _ in range(2)]
        return io(self._op(), self._slba(8), min(8, self.turf.nlb), prp1=where[0] + self.rng.choice((0, 512)), prp2=where[1])

    def range_edge(self) -> NvmeSqe:
        """The last page of a range and the one behind it, the first and the one before it."""
        rng, t = self.rng, self.turf
        run = rng.choice((t.data, t.second, t.every, t.lists))
        pair = rng.choice(((run[-1], run[-1] + PAGE), (run[0], run[0] - PAGE), (run[0] - PAGE, run[0]), (run[-1] + PAGE, run[0])))
        offset = rng.choice((0, PAGE - 4, PAGE - 512, 2048))
        return io(self._op(), self._slba(8), min(8, t.nlb), prp1=(pair[0] + offset) % TOP, prp2=pair[1] % TOP)

    # ---- lists
    def list_of_others(self) -> NvmeSqe:
        sqe = self.listed(self._pages(6))
        sqe.prp2 = self._other() + 8 * self.rng.randrange(500)
        return sqe

    def list_in_data(self) -> NvmeSqe:
        """A sound list, but where the application may only have data."""
        return self.listed(self._pages(6), self.rng.choice(self.turf.data) + 8 * self.rng.randrange(500))

    def list_loops(self) -> NvmeSqe:
        """The entry at the end of the page leads back to this page, whose entries are data."""
        page = self.rng.choice(self.turf.lists)
        self._list(page, self._pages(8))
        return self.listed([page], page + PAGE - 8)

    def list_edge(self) -> NvmeSqe:
        """A list that would go on behind the last page of lists, or in front of the first."""
        lists = self.turf.lists
        target = self.rng.choice((lists[-1] + PAGE, lists[0] - PAGE, self.turf.second[0], self.turf.data[0]))
        own = self.rng.randint(0, 2)
        return self.listed([*self._pages(own), target], lists[-1] + PAGE - 8 * (own + 1))

    def list_chained(self) -> NvmeSqe:
        lists = self.turf.lists
        after = self.rng.choice([*lists, *self.turf.every])
        self._list(after, self._pages(7))
        own = self.rng.randint(0, 2)
        return self.listed([*self._pages(own), after], lists[0] + PAGE - 8 * (own + 1))

    def list_misaligned(self) -> NvmeSqe:
        rng, lists = self.rng, self.turf.lists
        if rng.random() < 0.5:
            sqe = self.listed(self._pages(6))
            sqe.prp2 += rng.choice((1, 2, 4, 6))
            return sqe
        return self.listed([lists[0] + rng.choice((4, 8, 1, 2048))], lists[-1] + PAGE - 8)

    def list_entry(self) -> NvmeSqe:
        """One of the entries is wrong."""
        rng, pages = self.rng, self._pages(6)
        pages[rng.randrange(6)] = rng.choice((self._other(), pages[0] + 4, pages[0] + 1, rng.choice(self.turf.queues), TOP - PAGE, rng.getrandbits(64), 0))
        return self.listed(pages)

    def list_overwritten(self) -> NvmeSqe:
        """A Read whose data land on the list that says where they go."""
        at = self.turf.every[0] + 8 * self.rng.randrange(500)
        sqe = self.listed([self.turf.every[0], *self._pages(5)], at)
        sqe.opc = NvmeIoOp.READ
        sqe.prp1 = self.turf.every[0] + 4 * self.rng.randrange(256)
        return sqe

    def list_nowhere(self) -> NvmeSqe:
        sqe = self.listed(self._pages(6))
        sqe.prp2 = self.turf.hole[0] + 8 * self.rng.randrange(512)
        return sqe

    # ---- blocks
    def _blocks(self, slba: int, blocks: int, op: int | None = None) -> NvmeSqe:
        op = self.rng.choice((*WITH_DATA, NvmeIoOp.VERIFY, NvmeIoOp.WRITE_ZEROES)) if op is None else op
        first, second = self._pages(2)
        return io(op, slba % TOP, blocks, prp1=first, prp2=second)

    def blocks(self) -> NvmeSqe:
        return self._blocks(self.rng.choice(self.targets.blocks), self.rng.choice((1, 8)))

    def block_edge(self) -> NvmeSqe:
        t, rng = self.turf, self.rng
        return self._blocks(*rng.choice(((t.slba - 1, 1), (t.slba - 1, 2), (t.slba + t.nlb - 1, 2), (t.slba + t.nlb, 1), (t.slba + t.nlb - 1, 1))))

    def block_wrap(self) -> NvmeSqe:
        rng, total = self.rng, self.targets.total
        return self._blocks(*rng.choice(((TOP - 1, 1), (TOP - 1, 2), (TOP - 4, 8), (total - 1, 2), (total, 1), (1 << 55, 1), ((1 << 55) + self.turf.slba, 1))))

    def huge(self, op: int) -> NvmeSqe:
        return self._blocks(self.turf.slba, self.rng.choice((self.turf.nlb, self.turf.nlb, 65536, 32768)), op)

    def too_large(self) -> NvmeSqe:
        return self._blocks(self.turf.slba, self.rng.choice((2049, 65536, 4096)), self.rng.choice(WITH_DATA))

    def all_blocks(self) -> NvmeSqe:
        pages = self._pages(16)
        return io(self._op(), self.turf.slba, self.turf.nlb, prp1=pages[0], prp2=self._list(self._list_place(16), pages))

    # ---- Dataset Management
    def _dsm(self, at: int, ranges: list[tuple[int, int]]) -> NvmeSqe:
        self.writes.append((at, b"".join(NvmeDsm(nlb=n, slba=s % TOP).pack() for s, n in ranges)))
        return NvmeSqe(opc=NvmeIoOp.DSM, nsid=1, prp1=at, cdw10=len(ranges) - 1, cdw11=self.rng.choice((4, 4, 0, 7)))

    def dsm(self, count: int) -> NvmeSqe:
        at = self.turf.data[-1] + (0 if count > 200 else 16 * self.rng.randrange(256 - count))
        return self._dsm(at, [(self._slba(SMALL_RANGE), self.rng.randint(0, SMALL_RANGE)) for _ in range(count)])

    def dsm_outside(self) -> NvmeSqe:
        """The second of three ranges."""
        t, rng = self.turf, self.rng
        wrong = rng.choice(((rng.choice(self.targets.blocks), 1), (t.slba + t.nlb - 1, 2), (t.slba, 0xFFFF_FFFF), (TOP - 1, 2), (self.targets.total, 1), (TOP - 1, 0)))
        good = (self._slba(1), 1)
        return self._dsm(t.data[-1] + 48 * rng.randrange(80), [good, wrong, good])

    def dsm_elsewhere(self) -> NvmeSqe:
        sqe = self.dsm(3)
        sqe.prp1 = self.rng.choice((self._other(), self.rng.choice(self.turf.queues), self.turf.hole[0], self.turf.data[-1] + 1))
        return sqe

    def dsm_anything(self) -> NvmeSqe:
        """Whatever the page holds, as ranges."""
        return NvmeSqe(opc=NvmeIoOp.DSM, nsid=1, prp1=self.rng.choice(self.turf.lists + self.turf.second) & ~0xF, prp2=self._other(), cdw10=self.rng.randrange(16), cdw11=4)


__all__ = ["CIDS", "SMALL_RANGE", "Attacks", "Targets", "Turf"]
