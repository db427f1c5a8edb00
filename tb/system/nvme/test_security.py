# SPDX-License-Identifier: Apache-2.0
"""Security campaign: two applications and a kernel, one application hostile. What it does must not be seen by anybody else."""

from __future__ import annotations

import dataclasses
import json
import os
import time
from pathlib import Path

import cocotb
import pytest

from tb.lib.sim import run_sim
from tb.system.nvme import coverage
from tb.system.nvme.builds import BUILDS, SLICE
from tb.system.nvme.judge import judge
from tb.system.nvme.rig import SOURCES
from tb.system.nvme.security import Scene

COUNT = 300  # hostile commands of a build in `make test`


@cocotb.test()
async def attacks(dut):
    """*Stimulus*: a hostile application with two queues: random and crafted commands (fields, PRPs, lists that loop, chain, lie outside, are overwritten
    by the command itself; blocks of others; ranges of Dataset Management; CIDs in use), doorbells of every page, value and width,
    registers; its queues are deleted, torn down and made anew in the middle of it, with other rights. Beside it an application and the kernel
    read, write and compare, and the kernel runs admin commands. CRL_HOSTILE: at least so many hostile commands.
    *Checking*: every access on the bus is one that somebody was allowed to make, for that function, at that time; each hostile command ends once, with a
    status that its fields allow; status, data and latency bound of all the others' commands; all other memory and blocks."""
    count = int(os.environ.get("CRL_HOSTILE", COUNT))
    started, cpu = time.monotonic(), time.process_time()
    scene = Scene(dut, count)
    await scene.run()
    simulated = time.process_time() - cpu
    report = await judge(scene)
    seconds, cpu = time.monotonic() - started, time.process_time() - cpu
    print(f"latency {scene.latency}, pressure {scene.pressure}: {report}")
    print(f"{seconds:.1f} s, {cpu:.1f} s of a core, of these {cpu - simulated:.1f} s to judge; {report.hostile / cpu:.0f} hostile commands a core second", flush=True)
    run = Path(os.environ["CRL_RUN_DIR"])
    coverage.dump(run / "coverage.json")
    (run / "security.json").write_text(json.dumps(dataclasses.asdict(report), indent=1) + "\n")
    build = os.environ.get("CRL_BUILD", "?")
    again = f"again: SEED={os.environ['CRL_SEED']} HOSTILE={count} make test K='test_security[{build}]'"
    assert not report.wrong, f"{len(report.wrong)} things are wrong; {again}\n" + "\n".join(report.wrong[:12])
    assert report.hostile >= count and report.compared > 20 and report.accesses > 10 * count
    assert sum(scene.w.expect.seen.values()) >= 20


@pytest.mark.system
@pytest.mark.parametrize("build", BUILDS)
def test_security(build):
    """A slice; with HOSTILE=n so many commands, on each build. `make regress` runs 100,000."""
    if build not in SLICE and "HOSTILE" not in os.environ:
        pytest.skip("make regress runs this build; HOSTILE=n does too")
    run_sim("crl_tb_nvme", __name__, BUILDS[build], SOURCES, sim="verilator", testcase="attacks", public="top", timeout=3600,
            extra_env={"CRL_HOSTILE": os.environ.get("HOSTILE", COUNT), "CRL_BUILD": build})
