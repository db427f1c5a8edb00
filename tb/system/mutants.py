# SPDX-License-Identifier: Apache-2.0
"""Deliberately broken designs: what a campaign must find. Each is the RTL with one change of its text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tools.paths import BUILD, ROOT, rtl_sources


@dataclass(frozen=True)
class Mutant:
    """`old` stands in the file exactly once; `finds` are rules of which one has to show."""

    path: str
    old: str
    new: str
    finds: tuple[str, ...]


MUTANTS = {
    "duplicates-taken": Mutant("rtl/link/crl_link_seq.sv", "fr_valid && fr_seq == exp_q && fr_room",
                               "fr_valid && (fr_seq == exp_q || fr_seq == exp_q - 1'b1) && fr_room",
                               ("double-write", "extra-completion")),
    "crc-not-looked-at": Mutant("rtl/link/crl_link_rx.sv", "good      = last3_q && crc_ok_q &&", "good      = last3_q &&",
                                ("wrong-data", "unexplained-access", "double-write")),
}


def sources_of(name: str) -> list[Path]:
    """The RTL with the change made, in a copy under build/."""
    m = MUTANTS[name]
    out = []
    for source in rtl_sources():
        if source == ROOT / m.path:
            text = source.read_text()
            if text.count(m.old) != 1:
                raise ValueError(f"mutant {name}: {m.old!r} is not in {m.path} exactly once")
            source = BUILD / "mutants" / name / source.name
            source.parent.mkdir(parents=True, exist_ok=True)
            source.write_text(text.replace(m.old, m.new))
        out.append(source)
    return out


def found(name: str, text: str) -> bool:
    """Whether a failed run's text shows that the change was found by what should find it."""
    return "scenarios failed" in text and any(f"[{rule}]" in text for rule in MUTANTS[name].finds)
