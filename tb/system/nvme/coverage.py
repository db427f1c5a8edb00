# SPDX-License-Identifier: Apache-2.0
"""Functional coverage of the NVMe block, sampled from commands whose entries the models explained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cocotb_coverage.coverage import CoverCross, CoverPoint, coverage_section

from models.layout import NvmeIoOp, NvmeSqe
from models.layout import NvmeStatus as S
from tb.system.coverage import dump

if TYPE_CHECKING:
    from tb.system.nvme.kernel import Pair
    from tb.system.nvme.world import World

PAGE = 4096
OPS = [op.name for op in NvmeIoOp]
DATA = ("READ", "WRITE", "COMPARE")
SIZES = ["1", "2-8", "9-24", "more"]
SHAPES = ["one page", "two pages", "list", "chain"]
OFFSETS = ["0", "block", "4", "end"]
ENDS = [S.SUCCESS, S.INVALID_OPCODE, S.INVALID_FIELD, S.INVALID_NS, S.LBA_RANGE, S.INVALID_PRP, S.ACCESS_DENIED, S.COMPARE_FAILURE]
NEVER = [("FLUSH", s.name) for s in (S.LBA_RANGE, S.INVALID_PRP, S.ACCESS_DENIED, S.COMPARE_FAILURE, S.INVALID_OPCODE)]
NEVER += [(op, s.name) for op in ("VERIFY", "WRITE_ZEROES", "DSM") for s in (S.INVALID_PRP, S.COMPARE_FAILURE, S.INVALID_OPCODE)]
NEVER += [("DSM", S.LBA_RANGE.name)] + [(op, S.INVALID_OPCODE.name) for op in DATA]
NEVER += [(op, S.COMPARE_FAILURE.name) for op in ("READ", "WRITE")]


@coverage_section(
    CoverPoint("nvme.op", xf=lambda s: s["op"], bins=OPS),
    CoverPoint("nvme.end", xf=lambda s: s["end"], bins=[e.name for e in ENDS]),
    CoverPoint("nvme.nsid", xf=lambda s: s["nsid"], bins=[1, 2]),
    CoverPoint("nvme.blocks", xf=lambda s: s["blocks"], bins=SIZES),
    CoverPoint("nvme.shape", xf=lambda s: s["shape"], bins=SHAPES),
    CoverPoint("nvme.offset", xf=lambda s: s["offset"], bins=OFFSETS),
    CoverPoint("nvme.who", xf=lambda s: s["who"], bins=["kernel", "user"]),
    CoverPoint("nvme.under_way", xf=lambda s: s["under_way"], bins=["1", "2-8", "9-32", "more"]),
    CoverPoint("nvme.in_order", xf=lambda s: s["in_order"], bins=[True, False]),
    CoverPoint("nvme.shared_cq", xf=lambda s: s["shared"], bins=[True, False]),
    CoverPoint("nvme.data_w", xf=lambda s: s["data_w"], bins=[64, 128, 256, 512]),
    CoverCross("nvme.op_x_end", items=["nvme.op", "nvme.end"], ign_bins=NEVER),
    CoverPoint("nvme.data", xf=lambda s: (s["op"], s["shape"], s["offset"]) if s["good"] else None,
               bins=[(op, shape, o) for op in DATA for shape in SHAPES for o in OFFSETS if (shape, o) != (SHAPES[0], "end")]),
    CoverCross("nvme.op_x_nsid", items=["nvme.op", "nvme.nsid"]),
)
def _sample(s: dict[str, Any]) -> None:
    """One explained completion."""


def _size(blocks: int) -> str:
    return next(n for n, most in zip(SIZES, (1, 8, 24, 1 << 16), strict=True) if blocks <= most)


def sample(w: World, q: Pair, sqe: NvmeSqe, status: S, under_way: int, in_order: bool) -> None:
    op = NvmeIoOp(sqe.opc).name if sqe.opc in NvmeIoOp._value2member_map_ else "?"
    blocks = (sqe.cdw12 & 0xFFFF) + 1
    nbytes = blocks << (12 if sqe.nsid == 2 else 9)
    offset = sqe.prp1 % PAGE
    pages = -(-(offset + nbytes) // PAGE)
    chained = pages - 1 > (PAGE - sqe.prp2 % PAGE) // 8
    _sample({
        "op": op, "end": status.name, "nsid": sqe.nsid, "good": status in (S.SUCCESS, S.COMPARE_FAILURE),
        "blocks": _size(blocks) if op not in ("FLUSH", "DSM") else "-",
        "shape": "-" if op not in DATA else SHAPES[0] if pages < 2 else SHAPES[1] if pages == 2 else SHAPES[3] if chained else SHAPES[2],
        "offset": "-" if op not in DATA else "0" if not offset else "end" if offset == PAGE - 4 else "block" if offset % 512 == 0 else "4",
        "who": "user" if q.func else "kernel", "in_order": in_order, "shared": len(q.home.users) > 1, "data_w": w.rig.p["DATA_W"],
        "under_way": "1" if under_way == 1 else "2-8" if under_way <= 8 else "9-32" if under_way <= 32 else "more",
    })


__all__ = ["dump", "sample"]
