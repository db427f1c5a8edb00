# SPDX-License-Identifier: Apache-2.0
"""Security campaign: two applications and a kernel, one application hostile. What it does must not be seen by anybody else."""

from __future__ import annotations

import dataclasses
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import cocotb
import pytest

from tb.lib.sim import run_sim
from tb.system.nvme import coverage
from tb.system.nvme.builds import BUILDS, SLICE
from tb.system.nvme.judge import judge
from tb.system.nvme.kernel import PAGE
from tb.system.nvme.mutants import HOLES, sources_of
from tb.system.nvme.rig import SOURCES
from tb.system.nvme.security import BAD, GOOD, Scene
from tb.system.nvme.watch import NEVER, Access

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
    report.wrong += [f"[stopped] {type(exc).__name__}: {exc}" for exc in scene.failures]
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


def changes(scene: Scene, accesses: list[Access]) -> dict[str, tuple[str, list[Access]]]:
    """Logs that are wrong in one thing, with the rule that it breaks; "" is the true one."""
    bad, good, w = scene.bad, scene.good, scene.w
    half = accesses[len(accesses) // 2].t

    def of(what: Callable[[Access], bool]) -> int:
        return next(i for i, a in enumerate(accesses) if a.t > half and what(a))

    def with_(i: int, **new: object) -> list[Access]:
        return sorted([*accesses[:i], dataclasses.replace(accesses[i], **new), *accesses[i + 1:]], key=lambda a: a.t)

    def at(base: int, i: int) -> dict[str, int]:
        return {"lo": base, "hi": base + accesses[i].hi - accesses[i].lo}

    kept = [x for x in bad.lives if not x.dropped and x.until < NEVER]
    read = of(lambda a: a.func == BAD and not a.write and not a.data)
    write = of(lambda a: a.func == BAD and a.write and not a.data)
    mine = of(lambda a: a.func == GOOD and not a.write and not a.data)
    entry = next(i for i, a in enumerate(accesses) if a.func == BAD and a.write and a.data and any(x.since < a.t < x.stopping for x in kept))
    other = of(lambda a: a.func == GOOD and a.write and bool(a.data))
    life = next(x for x in bad.lives if x.until > half)
    nobody = accesses[write]
    return {
        "nothing": ("", accesses),
        "data of another": ("bus", with_(read, **at(good.data, read))), "written to another": ("bus", with_(write, **at(good.data, write))),
        "read of nobody's blocks": ("bus", with_(read, func=0, **at(w.namespaces[0].base + (300 << 9), read))),
        "as function 0": ("bus", with_(write, func=0)), "as another function": ("bus", with_(mine, func=BAD)),
        "one byte too far": ("bus", [*accesses[:write], dataclasses.replace(nobody, lo=bad.runs[0][-1] + PAGE - 8, hi=bad.runs[0][-1] + PAGE + 1), *accesses[write + 1:]]),
        "list written": ("bus", with_(write, **at(bad.turf.lists[0], write))), "queue as data": ("bus", with_(read, **at(bad.cq, read))),
        "after its end": ("bus", with_(read, t=life.until - 1, end=life.until + 1, **at(life.sq, read))),
        "another status": ("status", with_(entry, data=accesses[entry].data[:14] + bytes([accesses[entry].data[14] & 1 | 0x06 << 1, 0x80]) + accesses[entry].data[16:])),
        "entry lost": ("lost", [a for i, a in enumerate(accesses) if not (a.write and a.data and a.func == BAD and abs(i - entry) < 400)]),
        "entry twice": ("status", sorted([*accesses, dataclasses.replace(accesses[entry], data=accesses[entry].data * 40, hi=accesses[entry].lo + 640)], key=lambda a: a.t)),
        "late": ("late", with_(other, t=accesses[other].t + 4 * 10**9, end=accesses[other].end + 4 * 10**9)),
    }


@cocotb.test()
async def judge_can_fail(dut):
    """*Stimulus*: a run like that of `attacks`, whose log of the bus is then changed: addresses, functions, times, an entry's status, entries lost or twice or
    late. *Checking*: the judge says so by the rule that is broken, and nothing of the true log."""
    scene = Scene(dut, 150)
    await scene.run()
    true: list[Access] = []
    print(await judge(scene, lambda accesses, _: true.extend(accesses) or accesses))
    for name, (rule, accesses) in changes(scene, true).items():
        report = await judge(scene, lambda *_, log=accesses: log)
        print(f"{name}: {report.wrong[:1]}")
        assert bool(report.wrong) == bool(rule) and (not rule or any(f"[{rule}]" in line for line in report.wrong)), (name, rule, report.wrong[:3])


@pytest.mark.parametrize("name", HOLES)
def test_holes_fit(name):
    """The texts that `make regress` changes are still in the RTL; there `attacks` has to find each hole."""
    assert sources_of(name)


@pytest.mark.system
def test_security_judge():
    """One seed: what is changed is chosen by place, and with some seeds the change happens to be none."""
    run_sim("crl_tb_nvme", __name__, BUILDS["64b"], SOURCES, sim="verilator", testcase="judge_can_fail", public="top", seed=171768124)


@pytest.mark.system
@pytest.mark.parametrize("build", BUILDS)
def test_security(build):
    """A slice; with HOSTILE=n so many commands, on each build. `make regress` runs 100,000."""
    if build not in SLICE and "HOSTILE" not in os.environ:
        pytest.skip("make regress runs this build; HOSTILE=n does too")
    run_sim("crl_tb_nvme", __name__, BUILDS[build], SOURCES, sim="verilator", testcase="attacks", public="top", timeout=3600,
            extra_env={"CRL_HOSTILE": os.environ.get("HOSTILE", COUNT), "CRL_BUILD": build})
