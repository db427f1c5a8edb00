# SPDX-License-Identifier: Apache-2.0
"""The judgement of a `Scene` when its run is over, and coverage of the attacks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cocotb_coverage.coverage import CoverCross, CoverPoint, coverage_section

from models.layout import NvmeStatus as S
from tb.system.nvme.attacks import Attacks
from tb.system.nvme.bounds import Costs
from tb.system.nvme.hostile import NOISE
from tb.system.nvme.security import BAD_QUEUES, Scene
from tb.system.nvme.timing import Timing
from tb.system.nvme.verdicts import Command, Verdicts
from tb.system.nvme.watch import NEVER, Access

KINDS = list(Attacks.__new__(Attacks).table())
STATUSES = (S.SUCCESS, S.INVALID_OPCODE, S.INVALID_FIELD, S.INVALID_NS, S.LBA_RANGE, S.INVALID_PRP, S.ACCESS_DENIED, S.COMPARE_FAILURE,
            S.DATA_TRANSFER, S.SQ_DELETED, S.ABORT_REQUESTED)
SOUND = ("sound", "sound list", "DSM sound", "DSM of 256", "all that is granted")
REFUSED = ("PRP of others", "PRP to the end", "own queue", "list of others", "list in data", "blocks of others", "blocks wrap", "too large")  # never SUCCESS


@coverage_section(
    CoverPoint("nvsec.attack", xf=lambda s: s["kind"], bins=KINDS),
    CoverPoint("nvsec.status", xf=lambda s: s["status"], bins=[s.name for s in STATUSES]),
    CoverPoint("nvsec.cid", xf=lambda s: s["cid"], bins=["free", "in use"]),
    CoverPoint("nvsec.data_w", xf=lambda s: s["data_w"], bins=[64, 128, 512]),
    CoverPoint("nvsec.granted", xf=lambda s: s["status"] == "SUCCESS", bins=[True, False]),
    CoverCross("nvsec.attack_x_granted", items=["nvsec.attack", "nvsec.granted"], ign_bins=[(k, True) for k in REFUSED]),
)
def _command(s: dict[str, Any]) -> None:
    """A hostile command whose entry is explained."""


@coverage_section(CoverPoint("nvsec.access", xf=lambda kind: kind, bins=[*NOISE, "own", "own, wild"]))
def _access(kind: str) -> None:
    """An access to registers or doorbells."""


@coverage_section(
    CoverPoint("nvsec.end", xf=lambda s: s[0], bins=["teardown", "delete", "wrong order"]),
    CoverPoint("nvsec.under_way_at_end", xf=lambda s: s[1], bins=["0", "1-8", "more"]),
)
def _end(s: tuple[str, str]) -> None:
    """The end of a life."""


@dataclass
class Report:
    """What a run has seen."""

    hostile: int = 0
    accesses: int = 0
    lives: int = 0
    cycles: int = 0
    compared: int = 0  # latencies
    statuses: dict[str, int] = field(default_factory=dict)
    worst: dict[str, tuple[float, int, int, int]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        worst = "; ".join(f"{kind} {cycles} of {bound} ({ratio:.2f}, {ahead} ahead)" for kind, (ratio, cycles, bound, ahead) in sorted(self.worst.items()))
        return (f"{self.hostile} hostile commands in {self.lives} lives, {self.accesses} accesses, {self.cycles} cycles; "
                f"{self.statuses}; {self.compared} latencies, the worst: {worst}")


async def judge(scene: Scene, tamper: Callable[[list[Access], Scene], list[Access]] | None = None) -> Report:
    """`tamper`: changes the accesses, for a test of the judge."""
    w, bad, watch = scene.w, scene.bad, scene.watch
    out = Report(lives=len(bad.lives) // 2, cycles=w.rig.cycle)
    wrong = out.wrong
    w.rig.check_rules()
    try:
        await w.expect.memories(w.hidden)
    except AssertionError as exc:
        wrong.append(f"[memory] {exc}")
    accesses = watch.scan(Path(f"{w.rig.mem.name}_log.txt"))
    accesses = tamper(accesses, scene) if tamper else accesses
    lives = [*scene.lives, *bad.lives]
    verdicts = Verdicts(lives, w.namespaces, w.rig.p["MDTS_BYTES"])
    entries = verdicts.entries(accesses)
    watch.resolve(entries)
    for life in bad.lives:
        life.until = entries.get(life.over, NEVER) if life.over else NEVER
    wrong += watch.judge(accesses)
    verdicts.follow(accesses, set(BAD_QUEUES))
    wrong += verdicts.wrong
    timing = Timing(verdicts.commands, costs(scene), w.rig.period)
    timing.judge([*w.kernel.timed, *scene.timed])
    wrong += timing.wrong
    hostile = [c for c in verdicts.commands if c.life.qid in BAD_QUEUES]
    out.hostile, out.accesses, out.compared, out.worst = len(hostile), len(accesses), timing.compared, timing.worst
    out.statuses = dict(Counter(S(c.status).name for c in hostile if c.entry < NEVER))
    foreign = int(w.rig.dut.st_foreign.value)
    if foreign < bad.foreign:
        wrong.append(f"[foreign] {foreign} foreign writes were counted, fewer than {bad.foreign}")
    sample(scene, hostile)
    return out


def costs(scene: Scene) -> Costs:
    p = scene.w.rig.p
    return Costs(p["DATA_W"] // 8, scene.latency, scene.pressure, p["MAX_BURST_BYTES"], p["OPS"], p["FETCH_DEPTH"], 4)


def sample(scene: Scene, hostile: Sequence[Command]) -> None:
    """Coverage, from what was seen on the bus."""
    bad = scene.bad
    last: dict[tuple[int, int], int] = {}
    for c in hostile:
        key = c.life.qid, c.sqe.cid
        used = last.get(key, 0) > c.t
        last[key] = max(last.get(key, 0), min(c.entry, c.life.until))
        if c.entry < NEVER:
            _command({"kind": bad.kind_of.get(c.raw, "?"), "status": S(c.status).name, "cid": "in use" if used else "free", "data_w": scene.w.rig.p["DATA_W"]})
    for kind, count in bad.noise.items():
        for _ in range(count):
            _access(kind)
    for how, life in bad.deaths:
        under_way = sum(c.life is life and c.t <= life.stopping < min(c.entry, life.until) for c in hostile)
        _end((how, "0" if not under_way else "1-8" if under_way <= 8 else "more"))


__all__ = ["REFUSED", "Report", "judge"]
