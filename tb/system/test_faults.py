# SPDX-License-Identifier: Apache-2.0
"""The fault campaign: random scenarios on a link that corrupts, loses, doubles, reorders, stalls and dies."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import cocotb
import pytest

from models.events import AxiWrite, LinkFrame, LinkState
from models.frame import parse
from models.gen.carillon_layout import Status, reg_addr
from models.pair import PairError
from tb.lib.recorder import Recorder
from tb.lib.sim import run_sim
from tb.lib.testbed import SYSTEM_SOURCES, NoProgress, Parameters
from tb.system import coverage
from tb.system.builds import FAULT_BUILDS
from tb.system.faults import FaultRun, Scenario, verdict
from tb.system.harness import System, SystemConfig
from tb.system.mutants import MUTANTS, sources_of
from tb.system.scoreboard import make_pair

SLICE = 80  # scenarios in `make test`


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
@pytest.mark.sweep
@pytest.mark.own_seed
@pytest.mark.parametrize("build,seed", [
    ("64b-8ch", 804),  # bench: a stall of the wire outlived the faults, and the link fell under the last WRITE
    ("64b-8ch", 874),  # model: a counter
    ("64b-8ch", 6143),  # bench: a write whose response was shown when its node was reset is in memory, but was in no log
    ("64b-8ch", 7198),  # bench: keep-alives that the faults had hit brought the link down under the last WRITE
    ("64b-8ch", 4418),  # model: a refusal was reported behind the entry of the message after it
    ("64b-small", 4739),  # model: the same with an atomic behind it
    ("64b-small", 2317),  # bench: three keep-alives in a row were lost by chance
    ("64b-small", 2316),  # RTL: the last request of a READ that had ended left as the ATOMIC that had its place by then
    ("64b-small", 4347),  # RTL: one lost keep-alive was enough for the peer with the faster clock, and the link fell
    ("128b-link64", 1083),  # bench: the page of the last byte of all had contents that the model was not told
    ("512b-4ch", 4173),  # model: a SEND's buffer was too short, and its receiver's node was reset before the answer came
    ("64b-8ch", 112995118),  # model: results of two atomics at one place
    ("64b-8ch", 112995158),  # model: what a READ that was given up has had read counts at the peer
])
def test_faults_seeds(build, seed):
    """Scenarios that once found something."""
    run_sim("crl_tb_pair", __name__, FAULT_BUILDS[build], SYSTEM_SOURCES, sim="verilator", testcase="campaign",
            public="top", seed=seed, extra_env={"CRL_FAULTS": 1, "CRL_FAULT_BUILD": build})


@cocotb.test(timeout_time=60, timeout_unit="ms")
async def flapping(dut):
    """*Stimulus*: WRITEs of two chunks a frame are published all the time while the pins drop for a moment, again and
    again, so operations end with PEER_DOWN in the very cycles in which the link comes up. *Checking*: each
    ends well or by the link, the link comes up in the end and works; the golden model."""
    s = System(dut)
    s.recorder = Recorder(s.tb, watch_links=True)
    await s.begin(SystemConfig(channels=2, absolute=0, ring_log2=(4, 4), qos=False, latency=3, back_pressure=0,
                               delay=1, link_stalls=False, periods=(8000, 8000, 8000), replay=True))
    for side in s.tb.sides:
        s.recorder.fault(side, "link_noise")
    lanes = [s.channel(name, ch) for name in s.names for ch in (0, 1)]
    count = dict.fromkeys(map(id, lanes), 0)
    for turn in range(60):
        for pipe in (s.tb.a2b, s.tb.b2a):
            pipe.cut(s.rng.randrange(1, 300), 3)
        for _ in range(3 if turn % 4 else 20):
            for lane in lanes:
                await lane.reap()
                work = [s.write(lane.node.side.name, lane.ch, 1024, at=(count[id(lane)] + i) % 16 * 1024)
                        for i in range(lane.free)]
                count[id(lane)] += len(work)
                await lane.post(work)
            await s.tb.a.cycles(s.rng.randrange(1, 120))
    await s.settle()
    await s.tb.wait_link(timeout_us=300)
    for lane in lanes:
        await lane.reap()
        assert all(e.status in (Status.OK, Status.LINK_ERROR, Status.PEER_DOWN) for e in lane.seen)
        assert [e.status for e in await lane.run([s.write(lane.node.side.name, lane.ch, 300)])] == [Status.OK]
    assert {e.status for lane in lanes for e in lane.seen[:-1]} == {Status.OK, Status.LINK_ERROR, Status.PEER_DOWN}
    await s.finish()


@pytest.mark.system
@pytest.mark.parametrize("seed", [pytest.param(1, marks=pytest.mark.sweep), 2, pytest.param(3, marks=pytest.mark.sweep)])
def test_flapping(seed):
    run_sim("crl_tb_pair", __name__, FAULT_BUILDS["64b-8ch"], SYSTEM_SOURCES, sim="verilator", testcase="flapping",
            public="top", seed=seed)


@cocotb.test(timeout_time=60, timeout_unit="ms")
async def frames_of_before(dut):
    """*Stimulus*: the first WRITEs of a session, one frame each; then the pins drop, and the last frame that each wire carried before
    comes once more in the next session, which has the same epoch: before anything else there, or among its WRITEs. *Checking*: the
    golden model: no WRITE is executed or answered by it; each ends well or by the link; many come to a side that is up, and
    are counted as bad frames."""
    s = System(dut)
    s.recorder = Recorder(s.tb, watch_links=True)
    await s.begin(SystemConfig(channels=2, absolute=0, ring_log2=(4, 4), qos=False, latency=3, back_pressure=0,
                               delay=1, link_stalls=False, periods=(8000, 8000, 8000), replay=True))
    for side in s.tb.sides:
        s.recorder.fault(side, "link_noise")
    lanes = [s.channel(name, ch) for name in s.names for ch in (0, 1)]
    pipes = (s.tb.a2b, s.tb.b2a)
    count = 0

    async def post(lane, n: int) -> None:
        nonlocal count
        await lane.post([s.write(lane.node.side.name, lane.ch, s.rng.randrange(1, 200), at=(count + i) % 64 * 256)
                         for i in range(n)])
        count += n

    async def until(true, step: int = 10) -> None:
        for _ in range(20_000 // step):
            if true():
                return
            await s.tb.a.cycles(step)
        raise NoProgress("20,000 cycles")

    for turn in range(60):
        downs = [side.handle.st_downs.value.to_unsigned() for side in s.tb.sides]
        lates = [pipe.get("st_lates") for pipe in pipes]
        frames = [pipe.get("st_frames") for pipe in pipes]
        one = s.rng.randrange(4)
        for pipe in pipes:
            pipe.set(late=s.rng.randrange(800, 2000))
        await post(lanes[one], s.rng.choice((1, 1, 2)))
        await until(lambda: pipes[one // 2].get("st_frames") > frames[one // 2], 1)
        after = s.rng.randrange(1, 150)
        for pipe in pipes:
            pipe.cut(after + s.rng.randrange(40), 10, late=pipe.get("cfg_late"))
        await until(lambda: all(side.handle.st_downs.value.to_unsigned() > n for side, n in zip(s.tb.sides, downs, strict=True)))
        await s.tb.wait_link()
        if turn % 4 == 3:
            for lane in lanes:
                await post(lane, s.rng.randint(0, 4))
        await until(lambda: all(pipe.get("st_lates") > n for pipe, n in zip(pipes, lates, strict=True)))
        await s.settle()
        for lane in lanes:
            await lane.reap()
        await s.tb.wait_link()
    for lane in lanes:
        assert all(e.status in (Status.OK, Status.LINK_ERROR, Status.PEER_DOWN) for e in lane.seen)
        assert [e.status for e in await lane.run([s.write(lane.node.side.name, lane.ch, 300)])] == [Status.OK]
    bad = [await side.axil.read(reg_addr("PEER", "BAD_FRAME", 0)) for side in s.tb.sides]
    print(f"{count} WRITEs, bad frames {bad}", flush=True)
    await s.finish()
    assert min(bad) >= 45


@pytest.mark.system
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_frames_of_before(seed):
    run_sim("crl_tb_pair", __name__, FAULT_BUILDS["64b-8ch"], SYSTEM_SOURCES, sim="verilator", testcase="frames_of_before",
            public="top", seed=seed)


@cocotb.test()
async def judge_fails(dut):
    """*Stimulus*: what the monitors saw in scenarios with cuts and losses, tampered with: a frame's data written
    twice, lost or changed, a completion lost, posted twice or with another status, the link's fall concealed, a
    replayed frame that is not what it was, a changed guard byte. *Checking*: the verdict fails each time,
    and passes with the true stream."""
    channels = Parameters.of_this_run(dut._name).channels
    kinds = {}
    for seed in range(int(os.environ["CRL_SEED"]), int(os.environ["CRL_SEED"]) + 40):
        plan = Scenario.draw(seed, channels)
        if plan.kind not in ("cuts", "frames") or plan.kind in kinds:
            continue
        run = FaultRun(dut, plan)
        out = await run.run()
        assert not out.trouble, out.trouble
        if plan.kind == "frames" and out.faults or plan.kind == "cuts" and out.failed_ops:
            kinds[plan.kind] = run.system, run.events
    for kind, (system, events) in kinds.items():
        for name, change in tampering(events, concealed=kind == "cuts").items():
            system.pair = make_pair(system.tb.params)
            image = dict(system.images)
            if name == "guard byte":
                system.images["B"] = flip(image["B"], system, "B")
            try:
                verdict(system, change)
                failed = ""
            except PairError as exc:
                failed = str(exc).splitlines()[0][:120]
            system.images = image
            print(f"{kind}: {name} -> {failed}", flush=True)
            assert bool(failed) == (name != "nothing"), f"{kind}, {name}: the verdict was {failed or 'good'}"
    assert set(kinds) == {"cuts", "frames"}


def tampering(events: list, *, concealed: bool) -> dict[str, list]:
    """Streams that are wrong in one thing; 'nothing' is the true one."""
    def where(kind, test=lambda e: True) -> int:
        found = [i for i, e in enumerate(events) if isinstance(e, kind) and test(e)]
        return found[len(found) // 2]

    write = where(AxiWrite, lambda e: e.id == 1)
    entry = where(AxiWrite, lambda e: e.id == 2)
    frame = where(LinkFrame, lambda e: e.raw[0] >> 4 == 1)

    def put(i: int, *new) -> list:
        return [*events[:i], *new, *events[i + 1:]]

    def lane(e: AxiWrite) -> int:
        return (e.strb & -e.strb).bit_length() - 1

    # One that ended well: of two errors either may be right when the link has fallen.
    good = where(AxiWrite, lambda e: e.id == 2 and not e.data[lane(e) + 2])

    def spoiled(i: int, at: int) -> AxiWrite:
        data = bytearray(events[i].data)
        first = lane(events[i])
        data[first + at] ^= 1
        return replace(events[i], data=bytes(data))

    broken = bytearray(events[frame].raw)
    broken[16] ^= 1  # the tag, with a CRC that fits
    again = parse(events[frame].raw, 8)
    out = {
        "nothing": events, "guard byte": events,
        "data twice": put(write, events[write], events[write]), "data lost": put(write),
        "data changed": put(write, spoiled(write, 0)),
        "completion lost": put(entry), "completion twice": put(entry, events[entry], events[entry]),
        "another status": put(good, spoiled(good, 2)),
        "another frame": put(frame, events[frame], replace(
            events[frame], raw=replace(again, tag=again.tag ^ 1, crc=None).build(8))),
        "bad frame": put(frame, replace(events[frame], raw=bytes(broken))),
    }
    if concealed:
        out["fall of the link"] = [e for e in events if not (isinstance(e, LinkState) and not e.up)]
    return out


def flip(image: bytes, system, name: str) -> bytes:
    """A byte of the guard page of channel 0 is not what it was."""
    at = system.side(name).mem.offset(system.regions[name][0].guard.base + 77)
    return image[:at] + bytes([image[at] ^ 0x10]) + image[at + 1:]


@pytest.mark.system
def test_faults_scoreboard():
    run_sim("crl_tb_pair", __name__, FAULT_BUILDS["64b-8ch"], SYSTEM_SOURCES, sim="verilator", testcase="judge_fails",
            public="top")


@pytest.mark.parametrize("name", MUTANTS)
def test_mutants_fit(name):
    """The texts that `make regress` changes are still in the RTL; there the campaign has to find each mutant."""
    assert sources_of(name)


@pytest.mark.system
@pytest.mark.parametrize("build", FAULT_BUILDS)
def test_faults(build):
    """A slice on one build; with FAULTS=n, or in `make regress`, on each."""
    if build != next(iter(FAULT_BUILDS)) and "FAULTS" not in os.environ:
        pytest.skip("make regress runs this build; FAULTS=n does too")
    run_sim("crl_tb_pair", __name__, FAULT_BUILDS[build], SYSTEM_SOURCES, sim="verilator", testcase="campaign",
            public="top", extra_env={"CRL_FAULTS": os.environ.get("FAULTS", SLICE), "CRL_FAULT_BUILD": build})
