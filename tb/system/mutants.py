# SPDX-License-Identifier: Apache-2.0
"""Deliberately broken designs: what a campaign must find. Each is the RTL with one change of its text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tools.paths import BUILD, ROOT, rtl_sources

CAMPAIGN, ATOMIC, RECEIVERS = "tb.system.test_faults", "tb.system.test_atomic", "tb.system.test_receivers"
MIRROR = "tb.system.test_mirrored"


@dataclass(frozen=True)
class Mutant:
    """`old` stands in the file exactly once; `finds` are rules of which one has to show, in the fault campaign or in this test, or
    `says` is what the test's own check says."""

    path: str
    old: str
    new: str
    finds: tuple[str, ...]
    module: str = CAMPAIGN
    test: str = "campaign"
    says: str = ""
    seed: int = 1  # the first, of 12 scenarios in the campaign


MUTANTS = {
    "duplicates-taken": Mutant("rtl/link/crl_link_seq.sv", "fr_valid && fr_seq == exp_q && fr_room",
                               "fr_valid && (fr_seq == exp_q || fr_seq == exp_q - 1'b1) && fr_room",
                               ("double-write", "extra-completion", "atomic")),
    "crc-not-looked-at": Mutant("rtl/link/crl_link_rx.sv", "good      = last2_q && crc_ok_q &&", "good      = last2_q &&",
                                ("wrong-data", "unexplained-access", "double-write"), seed=18),
    "session-not-looked-at": Mutant("rtl/link/crl_link_rx.sv", "FRAME_SESSION_W] == session", "FRAME_SESSION_W] == session || up",
                                    ("late-access", "double-write"), CAMPAIGN, "frames_of_before"),
    "atomic-again-after-a-loss": Mutant("rtl/node/crl_atomic.sv", "OWED:  if (wb_b_valid) state_q <= DONE;",
                                        "OWED:  if (wb_b_valid) begin state_q <= (peer_up & peer_q) == '0 && up_q ? ASK : DONE; "
                                        "up_q <= 1'b0; end", ("atomic",), ATOMIC, "link_lost"),
    "message-again-though-taken": Mutant("rtl/dma/crl_dma_hold.sv", "judge && mine && rnr && tries != count_is;",
                                         "judge && mine && (rnr ? tries != count_is : !permit_q && fresh_try_q[ch_q]);",
                                         ("double-write", "extra-completion", "wrong-completion", "frame")),
    "data-before-permission": Mutant("rtl/dma/crl_dma_elig.sv", "assign stay = held | (", "assign stay = (",
                                     ("frame", "wrong-completion", "extra-completion")),
    "lock-ignored": Mutant("rtl/node/crl_axi_wr.sv", "allow_q  <= clear | {N{!lock}} | (N'(1) << LOCKER);", "allow_q  <= '1;",
                           ("atomic",), ATOMIC, "against_writes"),
    "lock-does-not-wait": Mutant("rtl/node/crl_axi_wr.sv", "lock_over  = locked_q && lock && over == '1;",
                                 "lock_over  = locked_q && lock;", ("atomic",), ATOMIC, "against_writes"),
    "entry-lost-after-cancel": Mutant("rtl/dma/crl_recv_ring.sv", "O_BACK: taken_d = taken - 3'd1;",
                                      "O_BACK: begin cons_d = (cons + 12'd1) & mask; asked_d = asked - 3'd1; got_d = got - 3'd1; "
                                      "taken_d = taken - 3'd1; end",
                                      (), RECEIVERS, "sender_given_up", "buffers or slots are lost: ['"),
    "entry-used-by-what-is-given-up": Mutant("rtl/dma/crl_target_check.sv", """assign f_post    = msg_q && !is_cancel && (!send_q ?""",
                                             """assign f_post    = msg_q && (is_cancel ? send_q && !(slot_q && is_first) : !send_q ?""",
                                             ("extra-completion", "wrong-completion"), RECEIVERS, "sender_given_up"),
    "entry-taken-behind-cancel": Mutant("rtl/dma/crl_recv.sv", "!accept[q_ch_q] || (q_send_q && open_q[q_ch_q]) ? Q_END", "!accept[q_ch_q] ? Q_END",
                                        (), RECEIVERS, "behind_given_up", "what lies in the buffers is not what was sent"),
    "too-short-by-one": Mutant("rtl/dma/crl_target_check.sv", "short_q      <= total_q > r_len;", "short_q      <= total_q > r_len + 32'd1;",
                               ("unexplained-access", "wrong-completion", "frame"), RECEIVERS, "many_messages"),
    "copy-here-before-permission": Mutant("rtl/dma/crl_mirror_hold.sv", "|| (verdict == PERMITTED && !r_last);",
                                          "|| (verdict <= PERMITTED && !r_last);", ("permission",), MIRROR, "random_mirrors"),
    "last-of-copy-here-with-permission": Mutant("rtl/dma/crl_mirror_hold.sv", "|| (verdict == PERMITTED && !r_last);",
                                                "|| verdict == PERMITTED;", ("permission",), MIRROR, "random_mirrors"),
    "copy-there-never-bad": Mutant("rtl/dma/crl_target_answer.sv", "rdone_status2[crl_pkg::STATUS2_PEER_BAD]  <= i_given;",
                                   "rdone_status2[crl_pkg::STATUS2_PEER_BAD]  <= 1'b0;", ("wrong-completion",), MIRROR, "node_reset"),
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


def found(name: str, log: str) -> bool:
    """Whether a failed run's log shows that the change was found by what should find it."""
    m = MUTANTS[name]
    failed = m.test != "campaign" or re.search(r"^scenario \d+: .* FAILED ", log, re.MULTILINE)
    return bool(failed) and (any(f"[{rule}]" in log for rule in m.finds) or (m.says != "" and m.says in log))
