# SPDX-License-Identifier: Apache-2.0
"""Data structures of Identify (Base 2.0 and NVM Command Set 1.0) as the controller here fills them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from models.layout import PAGES
from models.nvme.namespace import Ana, Namespace

SIZE = 4096
ALL = 0xFFFF_FFFF
# Bits and numbers of the standard, with what is said by them here
CMIC_PORTS, CMIC_CONTROLLERS, CMIC_ANA = 1 << 0, 1 << 1, 1 << 3
OAES_ANA = 1 << 11
LPA_EXTENDED = 1 << 2
ANACAP_OPTIMIZED, ANACAP_NON_OPTIMIZED, ANACAP_CHANGE = 1 << 0, 1 << 1, 1 << 4
ANACAP_GROUP_STAYS = 1 << 6  # ANAGRPID of an attached namespace doesn't change
ONCS_COMPARE, ONCS_DSM, ONCS_ZEROES, ONCS_SELECT, ONCS_VERIFY = 1 << 0, 1 << 2, 1 << 3, 1 << 4, 1 << 7
VWC_FLUSH_ALL = 3 << 1  # no volatile cache; Flush takes NSID FFFFFFFFh
NMIC_SHARED = 1 << 0
NSFEAT_THIN = 1 << 0
DLFEAT_ZEROES, DLFEAT_DEAC = 1 << 0, 1 << 3
NIDT_EUI64, NIDT_NGUID, NIDT_CSI = 1, 2, 4
CSI_NVM = 0


@dataclass
class Identity:
    """What distinguishes one controller from another, and its limits."""

    cntlid: int = 1
    serial: str = "CRL0"
    model: str = "Carillon"
    firmware: str = "0.1"
    subnqn: str = "nqn.2026-01.org.example:carillon"  # the same on both controllers
    vid: int = 0  # of the integrator, as in the PCI header
    ssvid: int = 0
    queues: int = 8  # I/O queue pairs
    vectors: int = 9
    func_w: int = 12
    mqes: int = field(default_factory=lambda: PAGES["NVME"].regs["CAP"].fields["MQES"].reset)
    mdts_log2: int = 8  # pages of 4 KiB: 1 MiB
    aerl: int = 3  # Asynchronous Event Requests less one
    acl: int = 3  # Abort commands less one
    elpe: int = 15  # entries of the Error Information log less one
    rab: int = 3
    kas: int = 10  # granularity of Keep Alive, units of 100 ms
    anatt_s: int = 10  # a change of hands ends within these seconds

    @property
    def mdts_bytes(self) -> int:
        return 4096 << self.mdts_log2


class Fields:
    """A structure that is filled by byte offsets."""

    def __init__(self, size: int = SIZE) -> None:
        self.raw = bytearray(size)

    def put(self, offset: int, size: int, value: int) -> None:
        self.raw[offset : offset + size] = value.to_bytes(size, "little")

    def text(self, offset: int, size: int, value: str, pad: bytes = b" ") -> None:
        self.data(offset, value.encode("ascii")[:size].ljust(size, pad))

    def data(self, offset: int, value: bytes) -> None:
        self.raw[offset : offset + len(value)] = value


def controller(me: Identity, namespaces: int) -> bytes:
    """CNS 01h."""
    f = Fields()
    f.put(0, 2, me.vid)
    f.put(2, 2, me.ssvid)
    f.text(4, 20, me.serial)
    f.text(24, 40, me.model)
    f.text(64, 8, me.firmware)
    f.put(72, 1, me.rab)
    f.put(76, 1, CMIC_PORTS | CMIC_CONTROLLERS | CMIC_ANA)
    f.put(77, 1, me.mdts_log2)
    f.put(78, 2, me.cntlid)
    f.put(80, 4, PAGES["NVME"].regs["VS_INTMS"].fields["VS"].reset)
    f.put(92, 4, OAES_ANA)
    f.put(111, 1, 1)  # CNTRLTYPE: I/O controller
    f.put(258, 1, me.acl)
    f.put(259, 1, me.aerl)
    f.put(260, 1, 1 << 1 | 1)  # FRMW: one slot, read only
    f.put(261, 1, LPA_EXTENDED)
    f.put(262, 1, me.elpe)
    f.put(266, 2, 343)  # WCTEMP, CCTEMP, kelvin
    f.put(268, 2, 353)
    f.put(320, 2, me.kas)
    f.put(342, 1, me.anatt_s)
    f.put(343, 1, ANACAP_OPTIMIZED | ANACAP_NON_OPTIMIZED | ANACAP_CHANGE | ANACAP_GROUP_STAYS)
    f.put(344, 4, namespaces)  # ANAGRPMAX
    f.put(348, 4, namespaces)  # NANAGRPID
    f.put(512, 1, 6 << 4 | 6)  # SQES, CQES: largest and smallest
    f.put(513, 1, 4 << 4 | 4)
    f.put(516, 4, namespaces)  # NN
    f.put(520, 2, ONCS_COMPARE | ONCS_DSM | ONCS_ZEROES | ONCS_SELECT | ONCS_VERIFY)
    f.put(525, 1, VWC_FLUSH_ALL)
    f.put(540, 4, namespaces)  # MNAN: must not be 0 with ANA
    f.text(768, 256, me.subnqn, b"\0")
    f.put(2048, 2, 2500)  # PSD0.MP, units of 10 mW
    return bytes(f.raw)


def namespace(ns: Namespace) -> bytes:
    """CNS 00h; both formats are listed, the one in use is FLBAS."""
    f = Fields()
    if not ns.valid:
        return bytes(f.raw)
    f.put(0, 8, ns.blocks)
    f.put(8, 8, ns.blocks if ns.capacity is None else ns.capacity)
    f.put(16, 8, ns.blocks if ns.capacity is None else ns.used)
    f.put(24, 1, 0 if ns.capacity is None else NSFEAT_THIN)
    f.put(25, 1, 1)
    f.put(26, 1, 0 if ns.shift == 9 else 1)
    f.put(30, 1, NMIC_SHARED)
    f.put(33, 1, DLFEAT_ZEROES | DLFEAT_DEAC)
    f.put(92, 4, ns.ana_group)
    f.data(104, ns.nguid)
    f.data(120, ns.eui64)
    f.put(128 + 2, 1, 9)
    f.put(132 + 2, 1, 12)
    return bytes(f.raw)


def active(namespaces: Sequence[Namespace], above: int) -> bytes:
    """CNS 02h: the active namespaces with higher NSIDs, ascending."""
    f = Fields()
    ids = sorted(n.nsid for n in namespaces if n.valid and n.nsid > above)[: SIZE // 4]
    for i, nsid in enumerate(ids):
        f.put(4 * i, 4, nsid)
    return bytes(f.raw)


def descriptors(ns: Namespace) -> bytes:
    """CNS 03h: namespace identification descriptors; an identifier of zeroes is none."""
    raw = b""
    parts = ((NIDT_NGUID, ns.nguid), (NIDT_EUI64, ns.eui64), (NIDT_CSI, bytes([CSI_NVM])))
    for kind, value in parts:
        if any(value) or kind == NIDT_CSI:
            raw += bytes([kind, len(value), 0, 0]) + value
    return raw.ljust(SIZE, b"\0")


def nvm_controller() -> bytes:
    """CNS 06h, NVM Command Set: no limits of Verify, Write Zeroes, Dataset Management beyond the field's width."""
    return bytes(SIZE)


# Log pages -------------------------------------------------------------------------------------


def smart(temperature: int, errors: int, seconds: int) -> bytes:
    """Log page 02h."""
    f = Fields(512)
    f.put(1, 2, temperature)
    f.put(3, 1, 100)  # available spare, its threshold
    f.put(4, 1, 10)
    f.put(128, 16, seconds // 3600)
    f.put(176, 16, errors)
    return bytes(f.raw)


def firmware(me: Identity) -> bytes:
    """Log page 03h: slot 1 is active."""
    f = Fields(512)
    f.put(0, 1, 1)
    f.text(8, 8, me.firmware)
    return bytes(f.raw)


def ana(
    namespaces: Sequence[Namespace], count: int, group_counts: dict[int, int], groups_only: bool
) -> bytes:
    """Log page 0Ch: a descriptor for each group that has an active namespace."""
    groups: dict[int, list[Namespace]] = {}
    for ns in namespaces:
        if ns.valid:
            groups.setdefault(ns.ana_group, []).append(ns)
    head = Fields(16)
    head.put(0, 8, count)
    head.put(8, 2, len(groups))
    raw = bytes(head.raw)
    for group, members in sorted(groups.items()):
        listed = [] if groups_only else sorted(n.nsid for n in members)
        f = Fields(32 + 4 * len(listed))
        f.put(0, 4, group)
        f.put(4, 4, len(listed))
        f.put(8, 8, group_counts.get(group, 0))
        f.put(16, 1, Ana(members[0].ana))
        for i, nsid in enumerate(listed):
            f.put(32 + 4 * i, 4, nsid)
        raw += bytes(f.raw)
    return raw
