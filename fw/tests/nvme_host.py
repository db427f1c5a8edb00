# SPDX-License-Identifier: Apache-2.0
"""The host library, compiled, on the model of the NVMe controller: structures, memory, and a machine that joins them.

m = Machine(library(tmp_path), seed=1)
kernel = Kernel(m)
pair = kernel.create(owner=1, func=3, ...)
client = Client(m, pair, func=3)

The machine's memory exists twice, as the programs see it and as the node does: a store is the node's only after a barrier.
Whenever a program waits the model takes steps, in an order that the seed chooses.
"""

from __future__ import annotations

import ctypes
import random
from collections.abc import Sequence
from ctypes import c_bool, c_uint8, c_uint16, c_uint32, c_uint64, c_void_p
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

from fw.tests.native import LIBRARY, Mem, Port, build
from models.nvme.controller import Controller
from models.nvme.identify import Identity
from models.nvme.namespace import Namespace

PAGE = 4096
BUS = 0x40_0000_0000


class Err(IntEnum):
    """enum crl_err."""

    OK, NODE, STATE, TIMEOUT, STATUS, ARG, FULL, SPACE, FATAL, DEVICE = range(10)


def struct(name: str, **fields: type) -> type[ctypes.Structure]:
    return type(name, (ctypes.Structure,), {"_fields_": list(fields.items())})


Pair = struct(
    "crl_nvme_pair",
    qid=c_uint16, sq_entries=c_uint16, cq_entries=c_uint16, commands=c_uint16,
    sq_doorbell=c_uint32, cq_doorbell=c_uint32, nsid=c_uint32, block_shift=c_uint32, max_bytes=c_uint32,
    mem=Mem, sq_at=c_uint32, cq_at=c_uint32, lists_at=c_uint32, list_bytes=c_uint32,
)  # fmt: skip
Slot = struct("crl_nvme_slot", cookie=c_void_p, cid=c_uint16, next=c_uint16)
Buf = struct("crl_nvme_buf", bus=c_uint64, pages=ctypes.POINTER(c_uint64))
Done = struct(
    "crl_nvme_done", cookie=c_void_p, result=c_uint32, status=c_uint16, retry=c_bool, more=c_bool
)
Event = struct("crl_nvme_event", type=c_uint8, info=c_uint8, log=c_uint8)
Ns = struct("crl_nvme_ns", blocks=c_uint64, block_shift=c_uint32)
Range = struct(
    "crl_nvme_range", base=c_uint64, pages=c_uint32, rights=c_uint8, reserved=c_uint8 * 3
)
ClientOf = struct(
    "crl_nvme_client",
    owner=c_uint16, func=c_uint16, nsid=c_uint32, slba=c_uint64, nlb=c_uint64, opcodes=c_uint32,
    ranges=ctypes.POINTER(Range), range_count=c_uint32,
)  # fmt: skip
Shape = struct(
    "crl_nvme_shape",
    sq_entries=c_uint16, cq_entries=c_uint16, commands=c_uint16, max_bytes=c_uint32,
    priority=c_uint8, interrupts=c_bool, vector=c_uint16,
)  # fmt: skip
Caps = struct("crl_node_caps", channels=c_uint32, peers=c_uint32, segments=c_uint32)
Seg = struct(
    "crl_seg",
    base=c_uint64, size=c_uint64, rights=c_uint32, channel=c_uint16, peer=c_uint8, gen=c_uint16,
)  # fmt: skip
Owner = struct(
    "crl_chan_owner",
    client=c_bool, func=c_uint16, tag=c_uint16, cls=c_uint8, weight=c_uint8, management=c_bool,
    bound=c_bool, peer=c_uint8, peer_channel=c_uint8,
)  # fmt: skip
Rings = struct(
    "crl_chan_rings",
    desc=c_void_p, cpl=c_void_p, recv=c_void_p,
    desc_address=c_uint64, cpl_address=c_uint64, recv_address=c_uint64,
    log2_desc=c_uint8, log2_cpl=c_uint8, log2_recv=c_uint8,
)  # fmt: skip
CtrlHead = struct(
    "crl_nvme_ctrl",
    status=c_uint16, cntlid=c_uint16, pairs=c_uint16,
    max_bytes=c_uint32, max_entries=c_uint32, namespaces=c_uint32,
)  # fmt: skip
SIZED = (
    Mem, Pair, Slot, Buf, Done, Event, Ns, Range, ClientOf, Shape, Caps, Seg, Owner, Rings,
)  # fmt: skip  # as in host_shim.c; then QP, CTRL and CHAN, which are opaque here
QP, CTRL, CHAN = range(len(SIZED), len(SIZED) + 3)


def library(folder: Path, *options: str) -> ctypes.CDLL:
    """The library with hooks for registers, and short waits."""
    short = ("-DCRL_SPINS=100u", "-DCRL_NVME_ADMIN_MS=2000u")
    sources = ["tests/host_shim.c", "examples/private_queue.c", *LIBRARY]
    lib = build("host", sources, folder, *short, *options)
    lib.host_size.restype = ctypes.c_size_t
    lib.crl_nvme_pair_bytes.restype = c_uint64
    lib.crl_seg_address.restype = c_uint64
    for which, cls in enumerate(SIZED):
        assert lib.host_size(which) == ctypes.sizeof(cls), cls.__name__
    return lib


def opaque(lib: ctypes.CDLL, which: int) -> ctypes.Array:
    return (c_uint64 * -(-lib.host_size(which) // 8))()


class Machine:
    """Memory, and the controller's model behind it. `owner` of a page: the only function that the node may name there."""

    def __init__(
        self,
        lib: ctypes.CDLL,
        seed: int = 1,
        namespaces: Sequence[Namespace] | None = None,
        *,
        pages: int = 256,
        **options: int,
    ) -> None:
        self.lib = lib
        self.rng = random.Random(seed)
        self.cpu = bytearray(self.rng.randbytes(PAGE) * pages)  # old phases of both kinds
        self.pinned = (c_uint8 * len(self.cpu)).from_buffer(self.cpu)
        self.node = bytearray(self.cpu)
        self.owner: dict[int, int | None] = {}  # page number: function, None: nobody
        self.free_page = 0
        self.deaf = False
        self.barrier = False
        self.accesses = 0
        self.namespaces = namespaces or [Namespace(1, 4096), Namespace(2, 512, shift=12)]
        self.controller = Controller(
            Identity(), self.namespaces, self.read, self.write, **{"to": 1, **options}
        )

    # memory
    def take(self, pages: int, func: int) -> Mem:
        at = self.free_page
        self.free_page += pages
        assert self.free_page * PAGE <= len(self.cpu), "the machine has too little memory"
        self.owner |= dict.fromkeys(range(at, at + pages), func)
        return Mem(ctypes.addressof(self.pinned) + at * PAGE, BUS + at * PAGE, pages * PAGE)

    def revoke(self, mem: Mem) -> None:
        """From now on the node has no business there."""
        first = (mem.bus - BUS) // PAGE
        self.owner |= dict.fromkeys(range(first, first + mem.bytes // PAGE), None)

    def bytes_at(self, bus: int, length: int) -> memoryview:
        return memoryview(self.cpu)[bus - BUS : bus - BUS + length]

    def _mine(self, func: int, addr: int, length: int) -> slice:
        for page in range((addr - BUS) // PAGE, (addr + length - 1 - BUS) // PAGE + 1):
            owner = self.owner.get(page)
            assert owner == func, f"access for {func} to {addr:#x}, which is {owner}'s"
        self.accesses += 1
        return slice(addr - BUS, addr - BUS + length)

    def read(self, func: int, addr: int, length: int) -> bytes:
        return bytes(self.node[self._mine(func, addr, length)])

    def write(self, func: int, addr: int, data: bytes) -> bool:
        where = self._mine(func, addr, len(data))
        self.node[where] = self.cpu[where] = data
        return True

    def blocks(self, nsid: int, slba: int, count: int) -> bytes:
        """What the namespace holds."""
        return self.namespaces[nsid - 1].peek(slba, count)

    # what programs see
    def port(self, func: int, window: int = 0) -> Port:
        """`window`: the only page of registers that is mapped, its first byte being address 0. 0: all of them."""
        c = self.controller

        def read(addr: int) -> int:
            return int.from_bytes(c.reg_read(window + addr, 8, func), "little")

        def write(addr: int, value: int) -> None:
            c.reg_write(window + addr, value.to_bytes(8, "little"), func)

        def write32(addr: int, value: int) -> None:
            assert self.barrier, "a doorbell without a barrier right before it"
            assert addr < PAGE or not window, f"{addr:#x} is not mapped"
            self.barrier = False
            c.reg_write(window + addr, value.to_bytes(4, "little"), func)

        return Port(read, write, self.wmb, self.steps, write32)

    def wmb(self) -> None:
        self.barrier = True
        self.node[:] = self.cpu

    def steps(self) -> None:
        """Some of what may happen next."""
        for _ in range(0 if self.deaf else self.rng.randrange(4)):
            self.controller.step(self.rng.randrange)

    def settle(self) -> None:
        self.controller.run(self.rng.randrange)


@dataclass
class Kernel:
    """The kernel half."""

    m: Machine
    pairs_wanted: int = 8
    weighted: bool = False
    ctrl: ctypes.Array = field(init=False)

    def __post_init__(self) -> None:
        self.lib, self.port = self.m.lib, self.m.port(0)
        self.ctrl = opaque(self.lib, CTRL)
        self.mem = self.m.take(3, 0)

    @property
    def head(self) -> ctypes.Structure:
        return CtrlHead.from_buffer(self.ctrl)

    def call(self, name: str, *args: object) -> Err:
        return Err(self.port.call(getattr(self.lib, name), ctypes.byref(self.ctrl), *args))

    def start(self) -> Err:
        return self.call(
            "crl_nvme_start",
            ctypes.byref(self.mem),
            c_uint32(self.pairs_wanted),
            c_bool(self.weighted),
        )

    def stop(self) -> Err:
        return self.call("crl_nvme_stop")

    def shutdown(self, abrupt: bool = False) -> Err:
        return self.call("crl_nvme_shutdown", c_bool(abrupt))

    def namespace(self, nsid: int) -> tuple[Err, ctypes.Structure]:
        ns = Ns()
        return self.call("crl_nvme_namespace", c_uint32(nsid), ctypes.byref(ns)), ns

    def create(
        self, client: ctypes.Structure, shape: ctypes.Structure
    ) -> tuple[Err, ctypes.Structure]:
        """Queues in memory of the client's function."""
        size = self.lib.crl_nvme_pair_bytes(ctypes.byref(shape))
        mem = self.m.take(size // PAGE, client.func)
        pair = Pair()
        args = (client, shape, mem, pair)
        return self.call("crl_nvme_pair_create", *map(ctypes.byref, args)), pair

    def delete(self, qid: int) -> Err:
        return self.call("crl_nvme_pair_delete", c_uint16(qid))

    def teardown(self, owner: int) -> Err:
        return self.call("crl_nvme_owner_teardown", c_uint16(owner))

    def event(self) -> tuple[Err, tuple[int, int, int] | None]:
        event, found = Event(), c_bool()
        err = self.call("crl_nvme_event", ctypes.byref(event), ctypes.byref(found))
        return err, (event.type, event.info, event.log) if found else None


class Client:
    """The user half: a process with its own registers and one page of doorbells."""

    def __init__(self, m: Machine, pair: ctypes.Structure, func: int) -> None:
        window = pair.sq_doorbell & -PAGE
        self.m, self.lib, self.port, self.pair = m, m.lib, m.port(func, window), pair
        self.qp = opaque(self.lib, QP)
        self.slots = (Slot * pair.commands)()
        args = (ctypes.byref(pair), ctypes.byref(self.slots), c_uint32(window))
        err = self.call("crl_nvme_open", *args)
        assert err == Err.OK

    def call(self, name: str, *args: object) -> Err:
        return Err(self.port.call(getattr(self.lib, name), ctypes.byref(self.qp), *args))

    def data(
        self, name: str, slba: int, blocks: int, buf: ctypes.Structure, cookie: int, flags: int = 0
    ) -> Err:
        """read, write, compare."""
        return self.call(
            f"crl_nvme_{name}", c_uint64(slba), c_uint32(blocks), ctypes.byref(buf), c_uint32(flags), c_void_p(cookie)
        )  # fmt: skip

    def touch(self, name: str, slba: int, blocks: int, cookie: int, flags: int = 0) -> Err:
        """write_zeroes, verify."""
        return self.call(
            f"crl_nvme_{name}", c_uint64(slba), c_uint32(blocks), c_uint32(flags), c_void_p(cookie)
        )

    def flush(self, cookie: int) -> Err:
        return self.call("crl_nvme_flush", c_void_p(cookie))

    def dsm(self, buf: ctypes.Structure, ranges: int, attributes: int, cookie: int) -> Err:
        return self.call(
            "crl_nvme_dsm", ctypes.byref(buf), c_uint32(ranges), c_uint32(attributes), c_void_p(cookie)
        )  # fmt: skip

    def ring(self) -> None:
        self.lib.crl_nvme_ring.restype = None
        self.port.call(self.lib.crl_nvme_ring, ctypes.byref(self.qp))

    def poll(self, most: int = 8) -> list[tuple[int, int]]:
        """(cookie, status) of what has come."""
        done, count = (Done * most)(), c_uint32()
        err = self.call("crl_nvme_poll", ctypes.byref(done), c_uint32(most), ctypes.byref(count))
        assert err == Err.OK
        return [(d.cookie or 0, d.status) for d in done[: count.value]]

    def wait(self, count: int, rounds: int = 20000) -> list[tuple[int, int]]:
        """That many completions."""
        out: list[tuple[int, int]] = []
        for _ in range(rounds):
            out += self.poll()
            if len(out) >= count:
                return out
            self.m.steps()
        raise AssertionError(f"{len(out)} of {count} completions came")
