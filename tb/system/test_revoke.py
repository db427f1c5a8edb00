# SPDX-License-Identifier: Apache-2.0
"""Revocation under traffic: after its acknowledgement nothing is read or written under the old key."""

from __future__ import annotations

import random
from dataclasses import dataclass

import cocotb
import pytest
from cocotb.triggers import Combine

from models.gen.carillon_layout import Status, reg_addr, reg_field, reg_value
from tb.lib.recorder import now
from tb.lib.sim import run_sim
from tb.lib.testbed import SYSTEM_SOURCES
from tb.system import coverage
from tb.system.builds import BUILDS, SLICE
from tb.system.harness import System, SystemConfig
from tb.system.items import Mix
from tb.system.test_life import finish_channel

SILENT_CYCLES = 2500  # after an acknowledgement, before the new key is used


@dataclass
class Silence:
    """From `start` to `end` nobody has a key for these bytes."""

    node: str
    base: int
    size: int
    start: int
    end: int


async def keep_busy(s: System, name: str, ch: int, local: list, stop: list) -> None:
    """Long COPYs and WRITEs with the keys in `local`: [own generation, the far one], changed by others."""
    rng = random.Random(s.rng.getrandbits(32))
    channel = s.channel(name, ch)
    gen = s.generator(name, ch)
    while not stop[0]:
        if channel.free == 0:
            await channel.reap()
            await channel.learn()
        room = channel.free
        if room:
            gen.gen, gen.far_gen = local
            await channel.post(gen.batch(min(room, 4)))
        await channel.node.side.cycles(rng.randrange(10, 100))


async def revoke(s: System, name: str, index: int, number: int) -> tuple[int, int]:
    """A new generation for a segment, acknowledged. Returns cycles from request to acknowledgement, and when that was."""
    node = s.nodes[name]
    old = node.segments[index]
    await node.segment(index, base=old.base, size=old.size, rights=old.rights, channel=old.channel, peer=old.peer,
                       gen=(old.gen + 1) & 0xFFF)
    await node.axil.write(reg_addr("NODE", "REVOKE"), reg_value("NODE", "REVOKE", SEQ=number))
    asked = now()
    for _ in range(3000):
        if reg_field("NODE", "REVOKE", "ACK", await node.axil.read(reg_addr("NODE", "REVOKE"))) == number:
            return (now() - asked) // node.side.period, now()
    raise AssertionError(f"node {name}: revocation {number} is not acknowledged")


def check_silence(s: System, silences: list[Silence]) -> int:
    """No burst of data that touches a revoked range is under way between its acknowledgement and the next key."""
    looked = 0
    for side in s.tb.sides:
        mine = [x for x in silences if x.node == side.name]
        for b in side.mem.bursts():
            if b.id != 1 and not (b.write and b.id == 0):
                continue  # descriptors, completions
            looked += 1
            lo, hi = b.addr - b.addr % b.beat_bytes, b.addr - b.addr % b.beat_bytes + b.beats * b.beat_bytes
            for x in mine:
                if lo < x.base + x.size and x.base < hi:
                    kind = "write" if b.write else "read"
                    assert b.t_end <= x.start or b.t_addr >= x.end, (
                        f"node {x.node}: {kind} at {b.addr:#x} from {b.t_addr} to {b.t_end}, the key was revoked "
                        f"and acknowledged at {x.start}")
    return looked


@cocotb.test(timeout_time=900, timeout_unit="ms")
async def revoked_under_traffic(dut):
    """*Stimulus*: channels of both nodes copy and write all the time; again and again one node's segment gets a
    new generation and a fence while its old key goes on being used, by local operations and by the peer's. *Checking*:
    every fence is acknowledged in a bounded time although the traffic never stops; from then until the new
    key is given out no burst reads or writes the segment's data; refused operations say KEY_REVOKED, others
    are right (model)."""
    s = System(dut)
    use = min(3, s.tb.params.channels)
    latency = random.Random(s.seed).choice((0, 7, 40, 100))
    await s.begin(SystemConfig(channels=use, absolute=0, qos=False, mix=Mix(max_bytes=9000, no_cpl=0.0, sends=4),
                               ring_log2=(4, 4), latency=latency))
    rng = s.rng
    keys = {(n, c): [s.nodes[n].segments[c].gen, s.nodes["B" if n == "A" else "A"].segments[c].gen]
            for n, c in s.consumers}
    stop = {key: [False] for key in s.consumers}
    jobs = [cocotb.start_soon(keep_busy(s, *key, keys[key], stop[key])) for key in s.consumers]
    s.start_posters()
    silences: list[Silence] = []
    waits = []
    for number in range(1, 9):
        await s.tb.a.cycles(rng.randrange(500, 4000))
        name, ch = rng.choice(list(s.consumers))
        coverage.sample_disturbance("revoke")
        await s.stop_posters(name, [ch])  # what they have posted keeps the old key
        waited, at = await revoke(s, name, ch, number)
        waits.append(waited)
        await s.side(name).cycles(SILENT_CYCLES)
        region = s.regions[name][ch]
        for part in (region.src, region.dst, region.inbound):
            silences.append(Silence(name, part.base, part.size, at, now()))
        gen = s.nodes[name].segments[ch].gen
        keys[name, ch][0] = gen
        keys["B" if name == "A" else "A", ch][1] = gen
        s.start_posters(name, [ch])
    for flag in stop.values():
        flag[0] = True
    await Combine(*jobs)
    await s.stop_posters()
    for node in s.nodes.values():
        for channel in node.channels.values():
            await finish_channel(channel)
    await s.finish()
    statuses = {x.status for node in s.nodes.values() for c in node.channels.values() for x in c.seen}
    print("waits", waits, "statuses", sorted(statuses), "bursts looked at", looked := check_silence(s, silences),
          flush=True)
    assert looked > 200
    # Bursts in flight, each with the memory's latency and back-pressure: far below what endless traffic would take.
    assert max(waits) < 20_000, waits
    assert {int(Status.KEY_REVOKED), int(Status.KEY_REVOKED) | 0x80} & statuses


@pytest.mark.system
@pytest.mark.parametrize("build", SLICE)
def test_revoke(build):
    run_sim("crl_tb_pair", __name__, BUILDS[build], SYSTEM_SOURCES, sim="verilator", testcase="revoked_under_traffic",
            public="top")


@pytest.mark.system
@pytest.mark.parametrize("build,seed", [
    ("512b-1ch", 11),  # node A: a buffer was posted with the key that its segment got next
    ("512b-1ch", 40),  # the same; its entry had been fetched long before
    pytest.param("512b-8ch", 3, marks=[pytest.mark.sweep, pytest.mark.own_seed]),  # RTL: ABORTED for what began as the one before it failed
])
def test_revoke_seeds(build, seed):
    """Runs that once found something."""
    run_sim("crl_tb_pair", __name__, BUILDS[build], SYSTEM_SOURCES, sim="verilator", testcase="revoked_under_traffic",
            public="top", seed=seed)
