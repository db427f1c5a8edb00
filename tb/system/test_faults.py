# SPDX-License-Identifier: Apache-2.0
"""The fault campaign: random scenarios on a link that corrupts, loses, doubles, reorders, stalls and dies."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from pathlib import Path

import cocotb
import pytest

from tb.lib.sim import run_sim
from tb.lib.testbed import SYSTEM_SOURCES, Parameters
from tb.system import coverage
from tb.system.builds import FAULT_BUILDS
from tb.system.faults import FaultRun, Scenario

SLICE = 40  # scenarios a build in `make test`


@cocotb.test()
async def campaign(dut):
    """*Stimulus*: scenarios CRL_SEED, CRL_SEED + 1, ... CRL_FAULTS of them: random traffic on all channels of both nodes
    while bits flip, frames are lost, doubled, reordered, cut short, the link stalls or is cut, a node is reset.
    *Checking*: the golden model after each; operations fail only if the link fell; under gentle faults it must not
    fall, and a saturated link loses no more time than its errors explain; afterwards WRITE works both ways."""
    first, count = int(os.environ["CRL_SEED"]), int(os.environ.get("CRL_FAULTS", "1"))
    channels = Parameters.of_this_run(dut._name).channels
    started, cpu = time.monotonic(), time.process_time()
    rows = []
    for seed in range(first, first + count):
        plan = Scenario.draw(seed, channels)
        out = await FaultRun(dut, plan).run()
        rows.append(out)
        print(f"scenario {seed}: {out.text}: {out.completions} completions, {out.failed_ops} failed, link down "
              f"{out.downs}, faults {out.faults}, {out.cycles} cycles, {out.seconds:.2f} s"
              + (f" FAILED {out.trouble}" if out.trouble else ""), flush=True)
    run = Path(os.environ["CRL_RUN_DIR"])
    (run / "faults.json").write_text(json.dumps([vars(r) for r in rows], indent=1) + "\n")
    coverage.dump(run / "coverage.json")
    seconds, cpu = time.monotonic() - started, time.process_time() - cpu
    kinds = Counter(r.kind for r in rows)
    print(f"{len(rows)} scenarios in {seconds:.1f} s, {cpu:.1f} s of a core, {len(rows) / cpu:.2f} a core second; {dict(kinds)}; "
          f"{sum(r.faults for r in rows)} faults, {sum(r.completions for r in rows)} completions, "
          f"{sum(r.failed_ops for r in rows)} failed, {sum(r.downs for r in rows)} times down", flush=True)
    bad = [r for r in rows if r.trouble]
    build = os.environ.get("CRL_FAULT_BUILD", "?")
    text = "\n".join(f"scenario {r.seed} ({r.text}): {r.trouble[:1500]}\n  again: SEED={r.seed} FAULTS=1 make test "
                     f"K='test_faults[{build}]'" for r in bad)
    assert not bad, f"{len(bad)} of {len(rows)} scenarios failed\n{text}"
    assert sum(r.completions for r in rows) >= len(rows)


@pytest.mark.system
@pytest.mark.parametrize("build", FAULT_BUILDS)
def test_faults(build):
    run_sim("crl_tb_pair", __name__, FAULT_BUILDS[build], SYSTEM_SOURCES, sim="verilator", testcase="campaign",
            public="top", extra_env={"CRL_FAULTS": os.environ.get("FAULTS", SLICE), "CRL_FAULT_BUILD": build})
