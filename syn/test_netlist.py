# SPDX-License-Identifier: Apache-2.0
"""The synthesised netlist of core modules passes the same cocotb tests as their RTL.

A simulator reads the RTL as the standard says, Yosys as Yosys does. Where the two differ, no test of the
RTL can see it: `a & ~64'(x)` is `a & (~64)'(x)` to Yosys, and netlists posted completions at wrong
addresses. So here modules that work out addresses, pointers and masks run as what Yosys read:

    gates   all of `synth`: small modules only, the compile time of Icarus grows faster than their number
    words   before words become gates and memories flip-flops: about as quick as the RTL

In `make test`: a few of each, less than half a minute in all. The others are `sweep`: `make regress`, or
`python -m pytest -m sweep syn/test_netlist.py`. `make test NETLIST=words K=…` does the same for any
module test, NETLIST=1 with gates.
"""

from typing import Any

import pytest

from tb.lib.sim import SimulationError, run_sim
from tools.paths import BUILD, ROOT, rtl_sources

pytestmark = pytest.mark.synth

# Module, where its tests are, parameters, which of the tests (None: all)
Row = tuple[str, str, dict[str, Any], list[str] | str | None]

GATES: list[Row] = [
    ("crl_fifo", "fifo_tests", {"W": 8, "DEPTH": 16, "OUTREG": 0}, None),
    ("crl_skid", "stream_tests", {"W": 8}, None),
    ("crl_rr_arb", "test_crl_rr_arb", {"N": 5}, None),
    ("crl_seg_check", "test_crl_seg_check", {}, None),
]
GATES_SWEEP: list[Row] = [
    ("crl_fifo", "fifo_tests", {"W": 33, "DEPTH": 8, "OUTREG": 1}, None),
    ("crl_mlist", "test_crl_mlist", {"Q": 4, "N": 16, "W": 8}, None),
    ("crl_align", "test_crl_align", {"DATA_W": 64, "TAG_W": 8, "CHANNELS": 8}, "chunks"),
]

CPL = {"CHANNELS": 2, "OPS": 16, "PEERS": 1, "DATA_W": 512, "OP_TIMEOUT_CYCLES": 2048}
CPL_CASES = ["merges_under_back_pressure", "one_channel_wraps"]
TARGET = {"DATA_W": 128, "CHANNELS": 4, "PEERS": 1, "PEER": 0, "SEGMENTS": 32}
FUNC = {"FUNC_W": 8}
CHUNKS = {"MAX_BURST_BYTES": 512, "LINK_MTU": 1024}

WORDS: list[Row] = [
    ("crl_dma_cpl", "cpl_tests", CPL, CPL_CASES),
    ("crl_dma_read", "test_crl_dma_read", {"DATA_W": 128, "ID_W": 4, "PREFETCH": 64, "MAX_BURST_BYTES": 64, "READS_IN_FLIGHT": 16, "BUF_BEATS": 64, **FUNC}, None),
]
WORDS_SWEEP: list[Row] = [
    ("crl_dma_cpl", "cpl_tests", {**CPL, "CHANNELS": 8, "DATA_W": 64}, None),
    # engine: fetch, issue, control
    ("crl_dma_fetch", "dma_fetch_tests", {"DATA_W": 64, "CHANNELS": 4, "PREFETCH": 64, "READ_EN": 1, **FUNC, **CHUNKS}, None),
    ("crl_dma_issue", "dma_issue_tests", {"DATA_W": 64, "CHANNELS": 4, "PEERS": 1, "SEGMENTS": 16, "OPS": 16, "READ_EN": 1, "ATOMIC_EN": 1, **FUNC, **CHUNKS}, None),
    ("crl_dma_ctl", "dma_ctl_tests", {"CHANNELS": 4, "SEND_EN": 1, **FUNC}, None),
    ("crl_dma_sched", "sched_tests", {"CHANNELS": 8, **CHUNKS}, None),
    ("crl_dma_hold", "test_crl_dma_hold", {"CHANNELS": 3, "PEERS": 3, "OPS": 32}, None),
    ("crl_dma_pair", "test_crl_dma_pair", {"CHANNELS": 8, "PREFETCH": 64}, None),
    ("crl_dma_linkwait", "test_crl_dma_linkwait", {"CHANNELS": 8, "PEERS": 1}, "waiting"),
    ("crl_dma_assemble", "test_crl_dma_small", {"DATA_W": 128}, "assemble"),
    ("crl_dma_segtab", "test_crl_dma_small", {"SEGMENTS": 5}, "engine_table"),
    ("crl_dma_considx", "test_crl_dma_small", {"CHANNELS": 8}, "considx"),
    # engine: data
    ("crl_axi_wr", "test_crl_axi_wr", {"DATA_W": 64, "N_DATA": 2, "WRITES_IN_FLIGHT": 16, "ID_W": 4, "LOCK_EN": 1, "LOCKER": 1, **FUNC}, None),
    ("crl_dma_feed", "test_crl_dma_output", {"DATA_W": 64, "RBW": 7}, "feed"),
    ("crl_dma_frames", "test_crl_dma_output", {"DATA_W": 64, "PEERS": 1, "LINK_MTU": 1024, "OPS": 16, **FUNC}, "frames"),
    ("crl_dma_wrend", "test_crl_dma_output", {"CHANNELS": 8, "WRITES_IN_FLIGHT": 16}, "wrend"),
    ("crl_dma_rdfail", "test_crl_dma_output", {"CHANNELS": 1, "OPS": 16, "PEERS": 3}, "rdfail"),
    ("crl_mirror", "test_crl_mirror", {"DATA_W": 64, "CHANNELS": 8, "OPS": 128}, "whole"),
    ("crl_mirror_hold", "test_crl_mirror", {"DATA_W": 128, "FRAMES": 4, "HELD": 3}, "hold"),
    ("crl_atomic", "test_crl_atomic", {"DATA_W": 64, "PEERS": 1, "SEGMENTS": 8, **FUNC}, None),
    # target
    ("crl_target", "test_crl_target", {**TARGET, "DATA_W": 64, "CHANNELS": 8}, None),
    ("crl_target", "test_crl_target_read", {**TARGET, "ATOMIC_EN": 0}, None),
    ("crl_target", "test_crl_target_mirror", {**TARGET, "SEND_EN": 0}, None),
    ("crl_target", "test_crl_target_msg", {**TARGET, "READ_EN": 0}, ["messages", "faults", "slots_come_back"]),
    ("crl_target", "test_crl_target_send", TARGET, ["sends", "buffers", "faults", "entries_come_back"]),
    ("crl_target_atomic", "test_crl_target_atomic", {"DATA_W": 64, "DEPTH": 8, **FUNC}, None),
    ("crl_target_segtab", "test_crl_dma_small", {"SEGMENTS": 8, "PORTS": 3}, "target_table"),
    ("crl_recv", "test_crl_recv", {"DATA_W": 64, "CHANNELS": 8, "PEERS": 1, **FUNC}, None),
    ("crl_resp", "test_crl_resp", {"DATA_W": 64, "CHANNELS": 8, "MAX_BURST_BYTES": 512, "SLOTS": 32}, None),
    # link
    ("crl_link", "test_crl_link_peer", {"DATA_W": 64, "LINK_W": 64, "CHANNELS": 4, "LINK_MTU": 256, "RX_SHARED": 4, "KEEPALIVE_CYCLES": 4096}, None),
    # NVMe
    ("crl_nvme_arb", "test_crl_nvme_arb", {"QUEUES": 16}, None),
    ("crl_nvme_check", "test_crl_nvme_check", {"QUEUES": 16, "NAMESPACES": 4, "MDTS_BYTES": 131072, **FUNC}, None),
    ("crl_nvme_cqe", "test_crl_nvme_cqe", {"DATA_W": 64, "QUEUES": 5, **FUNC}, None),
    ("crl_nvme_ctrl", "test_crl_nvme_ctrl", {"TO": 20, "DSTRD": 9}, None),
    ("crl_nvme_db", "test_crl_nvme_db", {"QUEUES": 16, "DSTRD": 0, **FUNC}, None),
    ("crl_nvme_fetch", "test_crl_nvme_fetch", {"DATA_W": 512, "QUEUES": 1, "DEPTH": 16, **FUNC}, None),
    ("crl_nvme_irq", "test_crl_nvme_irq", {"QUEUES": 16, "VECTORS": 17, "COALESCE_UNIT_CYCLES": 64}, None),
    ("crl_nvme_move", "test_crl_nvme_move", {"DATA_W": 64, "OPS": 32, **FUNC}, None),
    ("crl_nvme_prp", "test_crl_nvme_prp", {"DATA_W": 64, "QUEUES": 1, "RANGES": 8, **FUNC}, None),
    # registers
    ("crl_regs", "test_crl_regs", {"CHANNELS": 1, "SEGMENTS": 2, "FUNC_W": 4}, None),
    ("crl_ctr", "test_crl_ctr_ram", {"CHANNELS": 3, "PEERS": 2}, None),
    ("crl_msix", "test_crl_msix", {"CHANNELS": 8, "DATA_W": 64, "RAM_AW": 11}, None),
    ("crl_irq_coalesce", "test_crl_irq_coalesce", {"CHANNELS": 8, "SRCS": 2}, None),
]  # fmt: skip


def table(rows: list[Row], sweep: list[Row]) -> pytest.MarkDecorator:
    params = [pytest.param(*row, id=f"{row[0]}-{row[1].removeprefix('test_')}") for row in rows]
    params += [pytest.param(*row, id=f"{row[0]}-{row[1].removeprefix('test_')}", marks=pytest.mark.sweep) for row in sweep]
    return pytest.mark.parametrize("top, module, parameters, cases", params)


@table(GATES, GATES_SWEEP)
def test_netlist(top, module, parameters, cases):
    """Stimulus and checking: those of the module's own tests."""
    run_sim(top, f"tb.unit.{module}", parameters, sim="icarus", netlist="gates", testcase=cases)


@table(WORDS, WORDS_SWEEP)
def test_netlist_words(top, module, parameters, cases):
    """Stimulus and checking: those of the module's own tests."""
    run_sim(top, f"tb.unit.{module}", parameters, sim="icarus", netlist="words", testcase=cases, timeout=1000)


def test_misread_expression_is_noticed():
    """Stimulus: completions with the mask of their address in the form that Yosys misreads.
    Checking: the RTL passes its test, the netlist of the same sources fails it."""
    path = ROOT / "rtl" / "dma" / "crl_dma_cplwr.sv"
    good, misread = "g_addr & BEAT_START;", "g_addr & ~64'(BEAT_BYTES - 1);"
    text = path.read_text()
    assert text.count(good) == 1
    copy = BUILD / "mutants" / "misread-expression" / path.name
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_text(text.replace(good, misread))
    sources = [copy if p == path else p for p in rtl_sources()]

    def run(level: str | bool) -> None:
        run_sim("crl_dma_cpl", "tb.unit.cpl_tests", CPL, sources, sim="icarus", testcase=CPL_CASES[0],
                rtl=False, netlist=level)  # fmt: skip

    run(False)
    with pytest.raises(SimulationError, match=f"FAILED {CPL_CASES[0]}"):
        run("words")
