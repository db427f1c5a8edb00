# SPDX-License-Identifier: Apache-2.0
"""Functional coverage, sampled from what the golden model explained, never from what was intended."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cocotb_coverage.coverage import CoverCross, CoverPoint, coverage_db, coverage_section

from models.gen.carillon_layout import Cqe, Desc, DescFlag, Op, Status, Status2
from models.lay import status_name
from models.pair import Pair
from models.pairstate import OpState

MOVES = ["NOP", "COPY", "FILL", "WRITE", "READ"]
ATOMICS = ["FETCH_ADD", "CMP_SWAP"]
MESSAGES = ["WRITE_IMM", "SEND"]
OPS = MOVES + ATOMICS + MESSAGES + ["MIRROR"]
LENGTHS = ["1-8", "9-64", "65-512", "513-4096", "4097-16384", "16385-65536", "more"]
ALIGN = ["beat", "8", "odd"]
STATUSES = [s.name for s in Status if s not in (Status.DOORBELL_RANGE, Status.BAD_RING,
                                                 Status.BAD_COMMAND, Status.FETCH_SLVERR,
                                                 Status.FETCH_DECERR, Status.CPL_WRITE)]

READ_ENDS = ["OK", "BAD_FLAGS", "BAD_LENGTH", "SEG_INVALID", "KEY_REVOKED", "SEG_RANGE", "SEG_RIGHTS",
             "SEG_BINDING", "PEER_DOWN", "SEG_INVALID@peer", "KEY_REVOKED@peer", "SEG_RANGE@peer",
             "SEG_RIGHTS@peer", "SEG_BINDING@peer", "PEER_REFUSED@peer", "READ_SLVERR@peer",
             "READ_DECERR@peer", "WRITE_SLVERR", "WRITE_DECERR", "ABORTED", "LINK_ERROR", "OP_TIMEOUT"]

ATOMIC_ENDS = ["OK", "BAD_FLAGS", "BAD_LENGTH", "BAD_ALIGN", "SEG_INVALID", "KEY_REVOKED", "PEER_DOWN", "KEY_REVOKED@peer",
               "SEG_RANGE@peer", "SEG_RIGHTS@peer", "READ_SLVERR@peer", "READ_DECERR@peer", "WRITE_SLVERR@peer",
               "WRITE_DECERR@peer", "WRITE_SLVERR", "WRITE_DECERR", "ABORTED", "LINK_ERROR", "OP_TIMEOUT"]
ATOMIC_MAY = ["KEY_REVOKED", "WRITE_SLVERR", "WRITE_DECERR", "LINK_ERROR", "OP_TIMEOUT"]
IMM_ENDS = ["OK", "BAD_FLAGS", "SEG_INVALID", "KEY_REVOKED", "SEG_BINDING", "SEG_RIGHTS", "SEG_RANGE", "PEER_DOWN",
            "SEG_INVALID@peer", "KEY_REVOKED@peer", "SEG_BINDING@peer", "SEG_RIGHTS@peer", "SEG_RANGE@peer", "PEER_REFUSED@peer",
            "READ_SLVERR", "READ_DECERR", "WRITE_SLVERR@peer", "WRITE_DECERR@peer", "RECEIVER_NOT_READY@peer", "ABORTED",
            "ABORTED@peer", "LINK_ERROR"]
SEND_ENDS = ["OK", "BAD_FLAGS", "SEG_INVALID", "KEY_REVOKED", "SEG_BINDING", "SEG_RIGHTS", "SEG_RANGE", "PEER_DOWN", "PEER_REFUSED@peer",
             "READ_SLVERR", "READ_DECERR", "RECEIVER_NOT_READY@peer", "RECV_TOO_SHORT@peer", "SEG_INVALID@peer", "KEY_REVOKED@peer",
             "SEG_BINDING@peer", "SEG_RIGHTS@peer", "SEG_RANGE@peer", "WRITE_SLVERR@peer", "WRITE_DECERR@peer", "ABORTED",
             "ABORTED@peer", "LINK_ERROR"]
RECEIVE_ENDS = ["OK", "RECV_TOO_SHORT", "SEG_INVALID", "KEY_REVOKED", "SEG_BINDING", "SEG_RIGHTS", "SEG_RANGE", "WRITE_SLVERR", "WRITE_DECERR"]
MIRROR_ENDS = ["OK", "BAD_FLAGS", "BAD_LENGTH", "SEG_INVALID", "KEY_REVOKED", "SEG_BINDING", "SEG_RIGHTS", "SEG_RANGE", "OVERLAP",
               "PEER_DOWN", "PEER_REFUSED@peer", "SEG_INVALID@peer", "KEY_REVOKED@peer", "SEG_BINDING@peer", "SEG_RIGHTS@peer",
               "SEG_RANGE@peer", "READ_SLVERR", "READ_DECERR", "WRITE_SLVERR", "WRITE_DECERR", "WRITE_SLVERR@peer", "WRITE_DECERR@peer",
               "ABORTED", "LINK_ERROR", "OP_TIMEOUT"]
MIRROR_SECOND = ["LOCAL_BAD", "LOCAL_BAD PEER_BAD", "LOCAL_BAD PEER_BAD MAY_HAVE_EXECUTED"]
IMM_SIZES = ["none", "one frame", "several"]
# Crosses of what moves bytes of any length.
NO_ATOMICS = {n: [(op, *[None] * n) for op in ATOMICS + MESSAGES] for n in (1, 2)}


def length_class(n: int) -> str:
    for name, high in zip(LENGTHS, (8, 64, 512, 4096, 16384, 65536), strict=False):
        if n <= high:
            return name
    return LENGTHS[-1]


def align_class(offset: int, beat: int) -> str:
    return "beat" if offset % beat == 0 else "8" if offset % 8 == 0 else "odd"


def edge_class(offset: int, length: int) -> str:
    """How a range lies to 4 KiB edges."""
    first, last = offset // 4096, (offset + max(length, 1) - 1) // 4096
    if first == last:
        return "touches" if (offset + length) % 4096 == 0 or offset % 4096 == 0 else "inside"
    return "one" if last - first == 1 else "many"


def _op(s: dict[str, Any]) -> str:
    return s["op"]


@coverage_section(
    CoverPoint("carillon.op", xf=_op, bins=OPS),
    CoverPoint("carillon.length", xf=lambda s: s["length"], bins=LENGTHS[:-1]),
    CoverPoint("carillon.src_align", xf=lambda s: s["src_align"], bins=ALIGN),
    CoverPoint("carillon.dst_align", xf=lambda s: s["dst_align"], bins=ALIGN),
    CoverPoint("carillon.src_edge", xf=lambda s: s["src_edge"],
               bins=["inside", "touches", "one", "many"]),
    CoverPoint("carillon.dst_edge", xf=lambda s: s["dst_edge"],
               bins=["inside", "touches", "one", "many"]),
    CoverPoint("carillon.status", xf=lambda s: s["status"], bins=STATUSES),
    CoverPoint("carillon.at_peer", xf=lambda s: s["at_peer"], bins=[False, True]),
    CoverPoint("carillon.read_end", xf=lambda s: s["read_end"], bins=READ_ENDS),
    CoverPoint("carillon.atomic_end", xf=lambda s: (s["op"], s["atomic_end"]),
               bins=[(op, end) for op in ATOMICS for end in ATOMIC_ENDS] + [("CMP_SWAP", "BAD_EXT")]),
    CoverPoint("carillon.atomic_may", xf=lambda s: s["atomic_may"], bins=ATOMIC_MAY),
    CoverPoint("carillon.atomic_result", xf=lambda s: (s["op"], s["result_align"], s["result_edge"]),
               bins=[(op, a, e) for op in ATOMICS for a in ALIGN
                     for e in ("inside", "one" if a == "odd" else "touches")]),
    CoverPoint("carillon.imm_end", xf=lambda s: s["imm_end"], bins=IMM_ENDS),
    CoverPoint("carillon.send_end", xf=lambda s: s["send_end"], bins=SEND_ENDS),
    CoverPoint("carillon.send", xf=lambda s: (s["send_size"], s["imm_good"], s["notify"]),
               bins=[(size, end, notify) for size in IMM_SIZES for end in ("OK", "RECEIVER_NOT_READY@peer") for notify in (False, True)]
               + [(size, "RECV_TOO_SHORT@peer", notify) for size in IMM_SIZES[1:] for notify in (False, True)]),
    CoverPoint("carillon.mirror_end", xf=lambda s: s["mirror_end"], bins=MIRROR_ENDS),
    CoverPoint("carillon.mirror_second", xf=lambda s: s["mirror_second"], bins=MIRROR_SECOND),
    CoverPoint("carillon.mirror", xf=lambda s: (s["mirror_size"], s["notify"]),
               bins=[(size, notify) for size in IMM_SIZES[1:] for notify in (False, True)]),
    CoverPoint("carillon.mirror_align", xf=lambda s: (s["src_align"], s["dst_align"], s["copy_align"]) if s["op"] == "MIRROR" else None,
               bins=[(a, b, c) for a in ALIGN for b in ALIGN for c in ALIGN]),
    CoverPoint("carillon.imm", xf=lambda s: (s["imm_size"], s["imm_good"], s["notify"]),
               bins=[(size, end, notify) for size in IMM_SIZES for end in ("OK", "RECEIVER_NOT_READY@peer")
                     for notify in (False, True)]),
    CoverPoint("carillon.read_requests", xf=lambda s: s["requests"], bins=["1", "2-4", "more"]),
    CoverPoint("carillon.fence", xf=lambda s: s["fence"], bins=[False, True]),
    CoverPoint("carillon.irq", xf=lambda s: s["irq"], bins=[False, True]),
    CoverPoint("carillon.notify", xf=lambda s: s["notify"], bins=[False, True]),
    CoverPoint("carillon.ring_log2", xf=lambda s: s["ring"], bins=list(range(2, 13))),
    CoverPoint("carillon.dring_wrap", xf=lambda s: s["dwrap"], bins=[False, True]),
    CoverPoint("carillon.cring_pass", xf=lambda s: s["phase"], bins=[0, 1]),
    CoverPoint("carillon.data_w", xf=lambda s: s["data_w"], bins=[64, 128, 256, 512]),
    CoverPoint("carillon.channels", xf=lambda s: s["channels"], bins=[1, 2, 8, 64]),
    CoverCross("carillon.op_x_length", items=["carillon.op", "carillon.length"], ign_bins=NO_ATOMICS[1]),
    CoverCross("carillon.op_x_align",
               items=["carillon.op", "carillon.src_align", "carillon.dst_align"], ign_bins=NO_ATOMICS[2]),
    CoverCross("carillon.align_x_width",
               items=["carillon.src_align", "carillon.dst_align", "carillon.data_w"]),
    CoverCross("carillon.edge_x_edge", items=["carillon.src_edge", "carillon.dst_edge"]),
    CoverCross("carillon.op_x_edge", items=["carillon.op", "carillon.src_edge", "carillon.dst_edge"],
               ign_bins=NO_ATOMICS[2]),
)
def _sample_completion(s: dict[str, Any]) -> None:
    """One explained completion."""


@coverage_section(
    CoverPoint("carillon.atomic", xf=lambda kind, beside: kind,
               bins=["FETCH_ADD", "FETCH_ADD wraps", "CMP_SWAP equal", "CMP_SWAP not equal"]),
    CoverPoint("carillon.atomic_beside", xf=lambda kind, beside: (kind.split()[0], beside),
               bins=[(op, o) for op in ATOMICS for o in ("alone", "WRITE", "READ", *ATOMICS)]),
)
def _sample_atomic(kind: str, beside: str) -> None:
    """One atomic that was done, and an operation of the same segment that was under way with it."""


@coverage_section(
    CoverPoint("carillon.message", xf=lambda op, size, end, told, fill: (op, size), bins=[(op, size) for op in MESSAGES for size in IMM_SIZES]),
    CoverPoint("carillon.message_end", xf=lambda op, size, end, told, fill: (op, end),
               bins=[(op, end) for op in MESSAGES for end in ("OK", "LINK_ERROR")]),
    CoverPoint("carillon.receive_end", xf=lambda op, size, end, told, fill: told if op == "SEND" else None, bins=RECEIVE_ENDS),
    CoverPoint("carillon.receive_fill", xf=lambda op, size, end, told, fill: fill, bins=["empty", "part", "full", "too long"]),
)
def _sample_message(op: str, size: str, end: str, told: str, fill: str | None) -> None:
    """A message that a receiver was told: how it ended for its sender and there, and how it fits its buffer."""


@coverage_section(
    CoverPoint("carillon.state", xf=lambda state: state,
               bins=["DISABLED", "ACTIVE", "PAUSED", "DRAINING", "ABORTING", "RESETTING", "ERROR"]),
)
def sample_state(state: str) -> None:
    """A channel's state that STATUS showed."""


@coverage_section(
    CoverPoint("carillon.channel_error", xf=lambda e: e,
               bins=["FETCH_SLVERR", "FETCH_DECERR", "CPL_WRITE", "MEM_TIMEOUT", "DOORBELL_RANGE",
                     "BAD_RING", "BAD_COMMAND"]),
)
def sample_channel_error(error: str) -> None:
    """LAST_ERROR that STATUS showed."""


@coverage_section(
    CoverPoint("carillon.disturbance", xf=lambda d: d,
               bins=["pause", "drain", "abort", "reset", "node_reset", "link_corrupt", "link_down",
                     "mem_stall", "back_pressure", "foreign_write", "foreign_read", "revoke",
                     "revoke_source", "revoke_destination"]),
)
def sample_disturbance(kind: str) -> None:
    """Something that the test did while traffic was under way."""


def sample_pair(pair: Pair, channels: int, data_w: int, rings: dict[tuple[str, int], int]) -> int:
    """Sample every completion that the model explained; how many."""
    count = 0
    for node in pair.nodes:
        for ch in range(channels):
            for cqe, desc in pair.completions(node, ch):
                _sample_completion(_facts(cqe, desc, channels, data_w, rings.get((node, ch), 0)))
                count += 1
        for op in pair.messages(node):
            frames = -(-op.desc.length // pair.nodes[node].link_mtu)
            _sample_message(Op(op.desc.opcode).name, IMM_SIZES[(frames > 0) + (frames > 1)], status_name(op.status),
                            status_name(op.told_status), _fill(op))
        for op, done, beside in pair.atomics(node):
            old = int.from_bytes(done.old, "little")
            if op.desc.opcode == Op.CMP_SWAP:
                kind = "CMP_SWAP equal" if old == op.desc.operand else "CMP_SWAP not equal"
            else:
                kind = "FETCH_ADD wraps" if old + op.desc.operand >> 64 else "FETCH_ADD"
            for other in beside or {0}:
                _sample_atomic(kind, Op(other).name if other else "alone")
    return count


def _fill(op: OpState) -> str | None:
    """How a SEND that was told fits its buffer."""
    if op.told_into is None:
        return None
    n, room = op.desc.length, op.told_into.desc.length
    return "too long" if n > room else "empty" if not n else "full" if n == room else "part"


def _second(status2: int) -> str:
    return " ".join(s.name for s in (Status2.LOCAL_BAD, Status2.PEER_BAD, Status2.MAY_HAVE_EXECUTED) if status2 >> s & 1)


def _facts(cqe: Cqe, d: Desc, channels: int, data_w: int, ring: int) -> dict[str, Any]:
    beat = data_w // 8
    name = Op(d.opcode).name if d.opcode in Op._value2member_map_ else "?"
    has_src = name in ("COPY", "WRITE", "READ", "MIRROR")
    src = d.src if has_src else 0
    moves = has_src or name == "FILL"
    code = cqe.status & 0x7F
    asked = -(-d.length // 1024)
    size = IMM_SIZES[(d.length > 0) + (asked > 1)]
    return {
        "op": name,
        "length": length_class(d.length) if moves else "none",
        "src_align": align_class(src, beat) if has_src else "none",
        "dst_align": align_class(d.dst, beat) if moves else "none",
        "src_edge": edge_class(src, d.length) if has_src else "none",
        "dst_edge": edge_class(d.dst, d.length) if moves else "none",
        "status": Status(code).name if code in Status._value2member_map_ else "?",
        "at_peer": bool(cqe.status & 0x80),
        "atomic_end": status_name(cqe.status),
        "atomic_may": status_name(cqe.status) if name in ATOMICS and cqe.status2 >> Status2.MAY_HAVE_EXECUTED & 1 else "none",
        "result_align": align_class(d.src, beat),
        "result_edge": edge_class(d.src, 8),
        "imm_end": status_name(cqe.status) if name == "WRITE_IMM" else "none",
        "imm_size": size if name == "WRITE_IMM" else "-",
        "send_end": status_name(cqe.status) if name == "SEND" else "none",
        "send_size": size if name == "SEND" else "-",
        "mirror_end": status_name(cqe.status) if name == "MIRROR" else "none",
        "mirror_second": _second(cqe.status2) if name == "MIRROR" else "none",
        "mirror_size": size if name == "MIRROR" and not cqe.status else "-",
        "copy_align": align_class(d.operand, beat),
        "imm_good": status_name(cqe.status),
        "read_end": status_name(cqe.status) if name == "READ" else "none",
        "requests": "none" if name != "READ" else "1" if asked < 2 else "2-4" if asked < 5 else "more",
        "fence": bool(d.flags >> DescFlag.FENCE & 1),
        "irq": bool(d.flags >> DescFlag.IRQ & 1),
        "notify": bool(d.flags >> DescFlag.NOTIFY & 1),
        "ring": ring,
        "dwrap": cqe.dring_cons == 0,
        "phase": cqe.phase,
        "data_w": data_w,
        "channels": channels,
    }


def dump(path: Path) -> None:
    """Bins and hits of this run; runs are merged by `merge`."""
    out = {}
    for name, item in coverage_db.items():
        details = getattr(item, "detailed_coverage", None)
        if details and all(isinstance(v, int) for v in details.values()):
            out[name] = {str(bin_): hits for bin_, hits in details.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(out, indent=1) + "\n")


def merge(files: list[Path]) -> list[dict[str, Any]]:
    """Rows `{"point", "bins", "hit"}` over all runs; `missing` names what was never seen."""
    total: dict[str, dict[str, int]] = {}
    for path in files:
        for point, bins in json.loads(path.read_text()).items():
            into = total.setdefault(point, {})
            for bin_, hits in bins.items():
                into[bin_] = into.get(bin_, 0) + hits
    return [
        {"point": p, "bins": len(b), "hit": sum(1 for h in b.values() if h),
         "missing": sorted(k for k, h in b.items() if not h)[:40]}
        for p, b in sorted(total.items())
    ]
