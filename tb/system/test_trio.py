# SPDX-License-Identifier: Apache-2.0
"""Three nodes, each bound to both others: crossed traffic, one link cut, one node reset, one node slow, strangers."""

from __future__ import annotations

from collections import Counter

import cocotb
import pytest
from cocotb.triggers import Combine, Timer

from models.gen.carillon_layout import (
    Cmd,
    Desc,
    Op,
    State,
    Status,
    reg_addr,
    reg_value,
    status_name,
)
from models.segments import Segment
from tb.lib.sim import run_sim
from tb.lib.testbed import TRIO_SOURCES
from tb.system.builds import TRIO_BUILDS
from tb.system.channel_agent import settle
from tb.system.harness import SystemConfig
from tb.system.items import Mix
from tb.system.poster import Posting
from tb.system.trio import NAMES, Trio

PEER = 0x80
LOST = (Status.OK, Status.LINK_ERROR, Status.PEER_DOWN)
ALL = Mix(max_bytes=6000, messages=3, sends=4, mirrors=4, no_cpl=0.1)
REST = Mix(max_bytes=4000, sends=3, messages=1, no_cpl=0)
EXACT = Posting(exact=True)
PLAIN = {"ring_log2": (6, 6), "qos": False, "absolute": 0.0}


async def all_of(*work) -> None:
    await Combine(*[cocotb.start_soon(w) for w in work])


async def start(dut, **config) -> Trio:
    t = Trio(dut)
    await t.begin(SystemConfig(**config))
    return t


async def all_ended(t: Trio, lanes: list[tuple[str, int]], count: int) -> None:
    """What these channels had over a link that was lost: each ended well, or as it may then."""
    for name, ch in lanes:
        await settle(t.channel(name, ch))
        got = await t.channel(name, ch).reap()
        assert len(got) == count and all(e.status in LOST for e in got), [status_name(e.status) for e in got]


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def crossed(dut):
    """*Stimulus*: all operations, random lengths and flags, all channels of three nodes at once on random clocks, memories and links;
    receivers that post buffers soon or late, some too short, some in a segment that refuses. *Checking*: every completion and every
    byte of the three memories is the model's, receive buffers and both copies of MIRRORs among them; each message is told once, in
    order, with its buffer's tag."""
    t = await start(dut, retry=(255, 1), posting=Posting(gap=400))
    mix = t.mix(ALL)
    lanes = [(name, ch) for name in NAMES for ch in t.nodes[name].channels]
    await t.serve(lanes, *(t.round(name, ch, 30, mix) for name, ch in lanes))
    await t.finish(100)
    assert t.mesh.messages or not t.tb.params.send_en
    assert not t.tb.params.mirrors or t.kinds[Op.MIRROR] >= 10, t.kinds
    if t.tb.params.sends:
        took = Counter(bool(m[3]) for told in t.mesh.messages.values() for m in told if len(m) == 4)
        assert took[False] >= 10, f"SENDs that ended well, or not: {took}"


@cocotb.test(timeout_time=200, timeout_unit="ms")
async def one_cell(dut):
    """*Stimulus*: two nodes add to one cell of the third at once. *Checking*: each old value is seen once, the sum is right: one atomic
    unit serves all peers."""
    t = await start(dut, channels=2, **PLAIN)
    c = t.nodes["C"]
    region = t.regions["C"][0]
    # C's channels 0 and 1 are bound to A and B; the cell is in channel 0's segment, and in another one for channel 1.
    cell = region.inbound.base
    await c.segment(9, base=region.base, size=region.segment_size, channel=1, gen=3, peer=t.peer(1))
    await t.side("C").mem.write(cell, bytes(8))
    work = {}
    for name, ch, seg in (("A", 1, 0), ("B", 0, 9)):  # A's channel 1 ends at C's 0, B's 0 at C's 1
        near = t.regions[name][ch]
        g = t.generator(name, ch)
        work[name, ch] = [Desc(opcode=Op.FETCH_ADD, tag=i, length=8, operand=1, src=g.local(near.dst.base + 8 * i),
                               dst=c.address(seg, region.offset(cell))) for i in range(50)]
        assert t.far(name, ch)[0] == "C"
    runs = [cocotb.start_soon(t.channel(name, ch).run(w)) for (name, ch), w in work.items()]
    for run in runs:
        got = await run
        assert not any(e.status for e in got), [status_name(e.status) for e in got]
    seen = []
    for name, ch in work:
        raw = await t.side(name).mem.read(t.regions[name][ch].dst.base, 8 * 50)
        mine = [int.from_bytes(raw[i : i + 8], "little") for i in range(0, 400, 8)]
        assert mine == sorted(mine), f"node {name}: {mine}"
        seen += mine
    assert sorted(seen) == list(range(100))
    assert int.from_bytes(await t.side("C").mem.read(cell, 8), "little") == 100
    t.tb.check_rules()


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def link_cut(dut):
    """*Stimulus*: the link between two nodes is cut in the middle of traffic between all three, comes back, is used again. *Checking*: work
    over it ends OK, LINK_ERROR or PEER_DOWN; work over the other links, SENDs and MIRRORs too, all ends as the model says with every
    byte right, before, meanwhile and after; the third node's links stay up."""
    t = await start(dut, channels=4, retry=(255, 1), posting=Posting(gap=400), **PLAIN)
    for x, y in (("A", "B"), ("B", "C"), ("C", "A")):
        ends = [(n, ch) for n in NAMES for ch in range(4) if {n, t.far(n, ch)[0]} == {x, y}]
        rest = [(n, ch) for n in NAMES for ch in range(4) if (n, ch) not in ends]
        mine = {(n, ch): [t.write(n, ch, 3000, tag=i, at=3008 * i) for i in range(12)] for n, ch in ends}
        for (n, ch), descs in mine.items():
            await t.channel(n, ch).post(descs)
        others = [cocotb.start_soon(t.serve(rest, *(t.round(n, ch, 20, t.mix(REST)) for n, ch in rest)))]
        await Timer(t.rng.randrange(2_000, 12_000), "ns")
        downs = {s.name: int(s.handle.st_downs.value) for s in t.tb.sides}
        (link,) = t.links(x, y)
        for pipe in (f"{x}2{y}".lower(), f"{y}2{x}".lower()):
            t.tb.pipes[pipe].cut(1, 0)
        await t.tb.wait_link(False, links=[link])
        await all_ended(t, ends, 12)
        for run in others:
            await run
        fell = {s.name: int(s.handle.st_downs.value) - downs[s.name] for s in t.tb.sides}
        assert fell == {n: int(n in (x, y)) for n in NAMES}, f"links that fell: {fell}"
        for pipe in (f"{x}2{y}".lower(), f"{y}2{x}".lower()):
            t.tb.pipes[pipe].heal()
        await t.tb.wait_link(True)
        for n, ch in ends:  # what was cut is undefined: the same again, all of it
            await t.work(n, ch, mine[n, ch])
    await t.finish(100)


@cocotb.test(timeout_time=400, timeout_unit="ms")
async def node_reset(dut):
    """*Stimulus*: a node is reset in the middle of traffic of all three. *Checking*: the two others' traffic with each other, SENDs and
    MIRRORs too, ends as the model says with every byte and message right; what they had with it ends OK, LINK_ERROR or
    PEER_DOWN."""
    t = await start(dut, channels=4, retry=(255, 1), posting=Posting(gap=400), **PLAIN)
    keep = [(n, ch) for n in "AB" for ch in range(4) if t.far(n, ch)[0] != "C"]
    toward = [(n, ch) for n in "AB" for ch in range(4) if t.far(n, ch)[0] == "C"]
    runs = [cocotb.start_soon(t.serve(keep, *(t.round(n, ch, 30, t.mix(REST)) for n, ch in keep)))]
    for n, ch in toward:
        await t.channel(n, ch).post([t.write(n, ch, 4000, tag=i, at=4032 * i) for i in range(10)]
                                    + [t.read(n, ch, 2000, tag=16 + i, at=2048 * i) for i in range(6)])
    for ch in range(4):
        await t.channel("C", ch).post([t.write("C", ch, 3000, tag=i, at=3008 * i + 45_000) for i in range(8)])
    await Timer(t.rng.randrange(2_000, 15_000), "ns")
    await t.side("C").reset()
    await all_ended(t, toward, 16)
    for run in runs:
        await run
    # Memory that only A and B touch.
    await t.quiet()
    for name, ch in keep:
        await t.check_messages(name, ch)
        region, memory = t.regions[name][ch], t.mesh.memories[name]
        for area in (region.dst, region.inbound):
            assert await t.side(name).mem.read(area.base, area.size) == memory.read(area.base, area.size), f"node {name} channel {ch}"
    assert t.compared >= 100
    t.tb.check_rules()


@cocotb.test(timeout_time=200, timeout_unit="ms")
async def slow_node(dut):
    """*Stimulus*: writes from A to B, alone; the same while A's other channels write to C, whose memory takes one burst in 4000 cycles, and
    all that may wait for C waits. *Checking*: the second time at most 5% longer: a slow peer costs the others nothing."""
    t = await start(dut, channels=4, latency=20, back_pressure=0, delay=10, link_stalls=False, periods=(10_000,) * 4, **PLAIN)
    work = [t.write("A", 0, 4096, tag=i, at=4096 * (i % 16)) for i in range(40)]
    side = t.side("A")

    async def cycles() -> int:
        start = side.cycle
        await t.work("A", 0, work)
        return side.cycle - start

    alone = await cycles()
    t.side("C").mem.set(latency=4000, aw_limit=1)
    for ch in (1, 3):
        await t.channel("A", ch).post([t.write("A", ch, 4096, tag=i, at=4096 * (i % 16)) for i in range(40)])
    await side.cycles(4000)
    beside = await cycles()
    assert not any(len(t.channel("A", ch).seen) == 40 for ch in (1, 3)), "C was not slow"
    print(f"A to B: {alone} cycles alone, {beside} while C takes nothing", flush=True)
    assert beside <= 1.05 * alone
    t.side("C").mem.set(latency=20, aw_limit=63)
    for ch in (1, 3):
        await settle(t.channel("A", ch))
        await t.channel("A", ch).reap()
        assert [e.status for e in t.channel("A", ch).seen] == [0] * 40
    t.tb.check_rules()


@cocotb.test(timeout_time=200, timeout_unit="ms")
async def strangers(dut):
    """*Stimulus*: a channel addresses a node through a peer's channel that is bound to somebody else; one that is bound, with a segment
    for the other peer only; a peer index that is not there. *Checking*: PEER_REFUSED, SEG_BINDING at the peer, PEER_DOWN; nothing
    is touched there, and the channels of the others go on."""
    t = await start(dut, channels=4, **PLAIN)
    # A's channel 0 now sends to B's channel 0, which B binds to C.
    a = t.nodes["A"]
    await t.channel("A", 0).command(Cmd.RESET)
    await t.channel("A", 0).until(State.DISABLED)
    await a.axil.write(reg_addr("CHP", "BIND", 0), reg_value("CHP", "BIND", PEER=t.peer(0), PEER_CH=0, VALID=1))
    t.mesh.bind("A", 0, "B", 0, t.peer(0))
    await t.channel("A", 0).enable()
    target = t.nodes["B"].address(0, t.regions["B"][0].offset(t.regions["B"][0].inbound.base))
    near = t.generator("A", 0).local(t.regions["A"][0].src.base)
    here = t.generator("A", 0).local(t.regions["A"][0].dst.base)
    mirrors = [Desc(opcode=Op.MIRROR, tag=i, length=n, src=near, dst=here, operand=target) for i, n in enumerate((8, 3000)) if t.tb.params.mirrors]
    sends = [Desc(opcode=Op.SEND, tag=i, length=n, src=near) for i, n in enumerate((0, 8, 3000)) if t.tb.params.sends]
    got = await t.work("A", 0, [Desc(opcode=Op.WRITE, tag=i, length=n, src=near, dst=target) for i, n in enumerate((8, 3000))]
                       + [Desc(opcode=Op.READ, tag=2, length=100, src=target, dst=here)] + mirrors + sends)
    assert [e.status for e in got] == [Status.PEER_REFUSED | PEER] * len(got)
    # A's channel 2 and B's channel 3 are bound; B's segment 3 is for C.
    s = t.nodes["B"].segments[3]
    await t.nodes["B"].segment(3, base=s.base, size=s.size, channel=3, gen=s.gen, peer=t.peer(0))
    t.mesh.segment("B", 3, Segment(True, s.base, s.size, s.rights, 3, t.peer(0), s.gen))
    got = await t.work("A", 2, [t.write("A", 2, n, tag=i) for i, n in enumerate((8, 3000))] + [t.read("A", 2, 64, tag=2)]
                       + [t.mirror("A", 2, n, tag=i) for i, n in enumerate((8, 3000)) if t.tb.params.mirrors])
    assert [e.status for e in got] == [Status.SEG_BINDING | PEER] * len(got)
    # C's channel 1 sends to a peer that this build has not.
    await t.channel("C", 1).command(Cmd.RESET)
    await t.channel("C", 1).until(State.DISABLED)
    await t.nodes["C"].axil.write(reg_addr("CHP", "BIND", 1), reg_value("CHP", "BIND", PEER=3, PEER_CH=1, VALID=1))
    await t.channel("C", 1).enable()
    got = await t.channel("C", 1).run([t.write("C", 1, 64, tag=1)])
    assert [e.status for e in got] == [Status.PEER_DOWN]
    await all_of(*(t.round(n, ch, 10, Mix(max_bytes=2000)) for n, ch in (("A", 1), ("B", 2), ("C", 0), ("C", 2), ("B", 1))))
    await t.finish(20)


@cocotb.test(timeout_time=100, timeout_unit="ms")
async def model_fails(dut):
    """*Stimulus*: a little traffic, then one byte of one memory is changed; one entry fewer told. *Checking*: the comparison finds each."""
    t = await start(dut, channels=2, retry=(255, 1), posting=EXACT, **PLAIN)
    await t.round("A", 0, 5, Mix(max_bytes=500))
    await t.finish(1)
    side, region = t.side("C"), t.regions["C"][1]
    at = region.inbound.base + t.rng.randrange(region.inbound.size)
    (old,) = await side.mem.read(at, 1)
    await side.mem.write(at, bytes([old ^ 0x10]))
    with pytest.raises(AssertionError, match="node C"):
        await t.finish(1)
    await side.mem.write(at, bytes([old]))
    await t.finish(1)
    t.mesh.messages["B", 0] = [(1, 8)]
    with pytest.raises(AssertionError, match="messages of node B"):
        await t.finish(1)
    if t.tb.params.sends:  # one SEND, then its entry under another tag
        t.mesh.messages.clear()
        await t.serve([("A", 0), t.far("A", 0)], t.work("A", 0, [t.send("A", 0, 8, imm=5)]))
        await t.finish(1)
        ((imm, size, tag, status),) = t.mesh.messages["B", 1]
        t.mesh.messages["B", 1] = [(imm, size, tag ^ 1, status)]
        with pytest.raises(AssertionError, match="messages of node B"):
            await t.finish(1)


CASES = ["crossed", "one_cell", "link_cut", "node_reset", "slow_node", "strangers", "model_fails"]


@pytest.mark.system
@pytest.mark.parametrize("case", CASES)
def test_trio(case):
    run_sim("crl_tb_trio", __name__, TRIO_BUILDS["64b-4ch"], TRIO_SOURCES, sim="verilator", testcase=case, public="top")


@pytest.mark.system
@pytest.mark.sweep
@pytest.mark.parametrize("build", [b for b in TRIO_BUILDS if b != "64b-4ch"])
def test_trio_builds(build):
    run_sim("crl_tb_trio", __name__, TRIO_BUILDS[build], TRIO_SOURCES, sim="verilator", testcase="crossed", public="top")
