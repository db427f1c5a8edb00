# SPDX-License-Identifier: Apache-2.0
"""Holes in the NVMe block: what the security campaign must find. Each is the RTL with one change of its text; see tb/system/mutants.py."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tools.paths import BUILD, ROOT, rtl_sources

HOSTILE = 400  # commands until each has to be found


@dataclass(frozen=True)
class Hole:
    """`old` stands in the file exactly once; `finds`: rules of the judge of which one has to show."""

    file: str
    old: str
    new: str
    finds: tuple[str, ...]
    seed: int = 1

    @property
    def path(self) -> str:
        return f"rtl/nvme/crl_nvme_{self.file}.sv"


HOLES = {
    "blocks-not-looked-at": Hole("check_pipe", "assign denied = b_begin_q || b_end_q > b_gend_q;", "assign denied = 1'b0;", ("bus",)),
    "ranges-not-looked-at": Hole("prp_walk", "h_code_q : h_hit ? E_NONE : E_DENIED;", "h_code_q : E_NONE;", ("bus",)),
    "page-behind-the-range": Hole("prp_ranges", "d_diff_q[31:0] < pages_q));", "d_diff_q[31:0] <= pages_q));", ("bus",)),
    "any-right-is-enough": Hole("prp_ranges", "(right & {4'd0, rights_q}) == right;", "rights_q != '0;", ("bus",)),
    "list-wherever-data": Hole("prp_ranges", "? rights_q[crl_pkg::NVME_RIGHT_PRP_LIST] : data;", "? rights_q[crl_pkg::NVME_RIGHT_PRP_LIST] || data : data;", ("status",)),
    "list-as-function-0": Hole("prp_walk", "func    <= c_func;", "func    <= '0;", ("bus",)),
    "drain-does-not-wait": Hole("drain", "EXEC:    over = all_q ? x_idle : !x_busy_q;", "EXEC:    over = 1'b1;", ("bus", "lost", "entry")),
}


def sources_of(name: str) -> list[Path]:
    """The RTL with the change made, in a copy under build/."""
    hole = HOLES[name]
    out = []
    for source in rtl_sources():
        if source == ROOT / hole.path:
            text = source.read_text()
            if text.count(hole.old) != 1:
                raise ValueError(f"hole {name}: {hole.old!r} is not in {hole.path} exactly once")
            source = BUILD / "mutants" / name / source.name
            source.parent.mkdir(parents=True, exist_ok=True)
            source.write_text(text.replace(hole.old, hole.new))
        out.append(source)
    return out


def found(name: str, log: str) -> bool:
    """Whether a failed run's log shows that the hole was found by what should find it."""
    return any(f"[{rule}]" in log for rule in HOLES[name].finds)
