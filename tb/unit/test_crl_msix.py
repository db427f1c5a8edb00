# SPDX-License-Identifier: Apache-2.0
"""Unit tests of crl_msix: messages, masks, pending bits."""

from __future__ import annotations

import random

import cocotb
import pytest
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge

from tb.lib.sim import run_sim, sim_parameters
from tb.unit.stream import value

RAM_AW = 11


class Bench:
    """Table, masks, a write client that is sometimes slow; a model of what is owed."""

    def __init__(self, dut) -> None:
        self.dut = dut
        p = sim_parameters()
        self.n, self.data_w = p["CHANNELS"], p["DATA_W"]
        self.nv = p["NVME_VECTORS"]  # the NVMe block's come first
        self.v = self.nv + self.n + 1
        self.soon = self.v // 8 + 16  # a lone message
        self.rng = random.Random(cocotb.RANDOM_SEED)
        self.table: dict[int, tuple[int, int]] = {}
        self.owner = [self.rng.choice([None, self.rng.randrange(1, 256)]) for _ in range(self.n)]
        self.masked = set(range(self.v))
        self.sent: list[int] = []
        self.cycle = 0
        self.ready = 1.0
        self.grant = 1.0
        self.compared = 0
        self.changed = -100  # cycle of the latest change of a mask
        self.fire_at = dict.fromkeys(range(self.v), -1)

    async def start(self) -> None:
        """Clock and reset."""
        d = self.dut
        for name in ("enable", "func_mask", "fire", "mask_we", "mask_vec", "mask_val", "tab_gnt"):
            getattr(d, name).value = 0
        for name in ("tab_data", "m_wb_ready", "m_wb_b_valid", "m_wb_b_resp"):
            getattr(d, name).value = 0
        for vec in range(self.v):
            addr = self.rng.getrandbits(62) << 2
            self.table[vec] = (addr, self.rng.getrandbits(32))
        d.rst.value = 1
        cocotb.start_soon(Clock(d.clk, 10, unit="ns").start())
        await self.wait(2)
        d.rst.value = 0
        cocotb.start_soon(self._ram())
        cocotb.start_soon(self._client())

    async def wait(self, cycles: int) -> None:
        """Let time pass."""
        for _ in range(cycles):
            await RisingEdge(self.dut.clk)

    def word(self, addr: int) -> int:
        """A word of the register RAM."""
        if self.nv and addr >> RAM_AW - 2 == 3:
            vec, word = divmod(addr - (3 << RAM_AW - 2), 2)
            assert vec < self.nv, f"the RAM is read at {addr:#x}"
            return self.table[vec][word]
        page, slot = addr >> 4, addr & 15
        assert page < self.n
        if slot in (8, 9):
            return self.table[self.nv + page][slot - 8]
        if slot in (10, 11):
            assert page == 0
            return self.table[self.v - 1][slot - 10]
        if slot == 12:
            owner = self.owner[page]
            return 0x55_0000 if owner is None else 1 << 63 | 0xAB_0000 | owner
        raise AssertionError(f"the RAM is read at {addr:#x}")

    async def _ram(self) -> None:
        """Grant table reads, with waits; data one cycle later."""
        d, pending = self.dut, None
        while True:
            await FallingEdge(d.clk)
            go = value(d.tab_req) and self.rng.random() < self.grant
            d.tab_gnt.value = int(bool(go))
            addr = value(d.tab_addr) if go else None
            await RisingEdge(d.clk)
            d.tab_data.value = (
                self.rng.getrandbits(64)
                if pending is None and addr is None
                else (self.word(addr) if addr is not None else self.rng.getrandbits(64))
            )
            pending = addr

    async def _client(self) -> None:
        """Take messages and compare them with the table; stability while waiting."""
        d, held = self.dut, None
        while True:
            d.m_wb_ready.value = int(self.rng.random() < self.ready)
            await FallingEdge(d.clk)
            self.cycle += 1
            if value(d.rst):
                held = None
            elif value(d.m_wb_valid):
                names = ("addr", "len", "user", "data", "strb", "first", "last")
                beat = tuple(value(getattr(d, f"m_wb_{n}")) for n in names)
                assert held is None or beat == held, "the write changed while it waited"
                held = beat
                if value(d.m_wb_ready):
                    held = None
                    self._message(*beat)
            else:
                assert held is None, "the write was withdrawn"
            await RisingEdge(d.clk)

    def _message(self, addr, length, user, data, strb, first, last) -> None:
        """Find the vector of a message and check every part of it."""
        bytes_ = self.data_w // 8
        lane = addr % bytes_
        assert (length, first, last) == (0, 1, 1)
        assert strb == 0xF << lane
        word = data >> 8 * lane & 0xFFFFFFFF
        vec = next(v for v, entry in self.table.items() if entry == (addr, word))
        owner = self.owner[vec - self.nv] if self.nv <= vec < self.v - 1 else None
        assert user == (owner or 0)
        assert self.fire_at[vec] >= 0, "a message before its event"
        self.sent.append(vec)
        self.compared += 1

    async def fire(self, *vectors: int) -> None:
        """Fire vectors in one cycle."""
        self.dut.fire.value = sum(1 << v for v in vectors)
        await RisingEdge(self.dut.clk)
        self.dut.fire.value = 0
        for vec in vectors:
            self.fire_at[vec] = self.cycle

    async def mask(self, vec: int, masked: bool) -> None:
        """Write a vector mask."""
        d = self.dut
        d.mask_we.value, d.mask_vec.value, d.mask_val.value = 1, vec, int(masked)
        await RisingEdge(d.clk)
        d.mask_we.value = 0
        (self.masked.add if masked else self.masked.discard)(vec)

    def delays(self, top: int) -> list[int]:
        """All delays below `top`; with many vectors, twenty of them."""
        return list(range(top)) if top < 30 else sorted(self.rng.sample(range(top), 20))

    async def quiet(self) -> None:
        """Wait until nothing can be under way."""
        slow = self.ready < 1 or self.grant < 1
        await self.wait(60 + (14 if slow else 10) * self.v)

    async def pending(self) -> int:
        """The pending bits."""
        await FallingEdge(self.dut.clk)
        got = value(self.dut.pending)
        await RisingEdge(self.dut.clk)
        return got


async def bench(dut, enable: bool = True) -> Bench:
    b = Bench(dut)
    await b.start()
    dut.enable.value = int(enable)
    await b.wait(1)
    return b


@cocotb.test()
async def every_vector(dut):
    """Stimulus: all vectors unmasked; each fires, then all at once.
    Checking: address, data, strobes, function; one message each; nothing stays pending."""
    b = await bench(dut)
    for vec in range(b.v):
        await b.mask(vec, False)
    for vec in range(b.v):
        await b.fire(vec)
        await b.wait(b.soon + 2)
        assert b.sent == [vec]
        b.sent.clear()
    await b.fire(*range(b.v))
    await b.quiet()
    assert sorted(b.sent) == list(range(b.v)) and await b.pending() == 0
    assert b.compared == 2 * b.v


@cocotb.test()
async def masked_and_pending(dut):
    """Stimulus: fire while masked by vector, by function, while disabled; fire twice while pending;
    unmask; mask in every cycle of the way from the event to the message.
    Checking: nothing leaves while masked, the bit is pending, one message at unmask."""
    b = await bench(dut)
    last = b.v - 1
    await b.fire(0, last)
    await b.fire(0)
    await b.quiet()
    assert not b.sent and await b.pending() == 1 | 1 << last
    await b.mask(0, False)
    await b.quiet()
    assert b.sent == [0] and await b.pending() == 1 << last
    dut.func_mask.value = 1
    await b.mask(last, False)
    await b.fire(0)
    await b.quiet()
    assert b.sent == [0] and await b.pending() == 1 | 1 << last
    dut.func_mask.value = 0
    await b.quiet()
    assert sorted(b.sent) == [0, 0, last]
    dut.enable.value = 0
    await b.wait(1)
    await b.fire(0)
    await b.quiet()
    assert await b.pending() == 0, "without MSI-X nothing becomes pending"
    dut.enable.value = 1
    b.sent.clear()
    delays = b.delays(b.soon + 6)
    for done, delay in enumerate(delays, 1):
        await b.fire(0)
        await b.wait(delay)
        await b.mask(0, True)
        await b.wait(3)  # a message that is on its way is taken by now
        before = len(b.sent)
        await b.quiet()
        assert len(b.sent) == before, "a message left after the mask was set"
        await b.mask(0, False)
        await b.quiet()
        assert len(b.sent) == done, "lost or doubled"
    assert b.compared == 3 + len(delays)


@cocotb.test()
async def never_lost(dut):
    """Stimulus: random fires, masks, slow table and slow client; a vector that fires again while
    its message waits.
    Checking: messages never outnumber events, and one comes after the last event of each."""
    b = await bench(dut)
    b.ready, b.grant = 0.3, 0.5
    fired = dict.fromkeys(range(b.v), 0)
    order: list[tuple[str, int]] = []
    for _ in range(400):
        what = b.rng.random()
        vec = b.rng.randrange(b.v)
        if what < 0.3:
            await b.fire(vec)
            fired[vec] += 1
            order.append(("fire", vec))
        elif what < 0.45:
            await b.mask(vec, b.rng.random() < 0.5)
        else:
            await b.wait(b.rng.randrange(6))
    # a vector in whose message's cycle of acceptance the event comes again
    for vec in range(b.v):
        await b.mask(vec, False)
    b.ready = b.grant = 1.0
    await b.quiet()
    for vec, count in fired.items():
        got = b.sent.count(vec)
        assert got <= count and (got > 0) == (count > 0), f"vector {vec}: {got} for {count} events"
    b.sent.clear()
    for delay in b.delays(b.soon + 6):
        await b.fire(0)
        await b.wait(delay)
        await b.fire(0)
        await b.quiet()
        assert 1 <= len(b.sent) <= 2
        if delay >= b.soon + 2:
            assert len(b.sent) == 2, "the second event came after the first message"
        b.sent.clear()
    assert b.compared > 30


@cocotb.test()
async def reset_in_flight(dut):
    """Stimulus: reset at every cycle between event and message, with a client that waits.
    Checking: no message afterwards, nothing pending, everything masked; an error response shows."""
    b = await bench(dut)
    for delay in b.delays(b.soon + 2):
        await b.mask(0, False)
        b.ready = float(delay & 1)
        await b.fire(0)
        await b.wait(delay)
        dut.rst.value = 1
        await b.wait(1)
        dut.rst.value = 0
        b.sent.clear()
        b.ready = 1.0
        await b.wait(20)
        assert not b.sent and await b.pending() == 0
        await b.fire(0)
        await b.wait(b.soon + 2)
        assert not b.sent and await b.pending() == 1, "masked after reset"
        await b.mask(0, False)
        await b.quiet()
        assert b.sent == [0]
    for resp in (0, 2, 3):
        dut.m_wb_b_valid.value, dut.m_wb_b_resp.value = 1, resp
        await FallingEdge(dut.clk)
        assert value(dut.error) == (resp != 0)
        await RisingEdge(dut.clk)
    dut.m_wb_b_valid.value = 0


@pytest.mark.unit
@pytest.mark.parametrize("channels, data_w, nvme", [
    (1, 64, 0), (8, 64, 0), pytest.param(8, 512, 0, marks=pytest.mark.sweep_icarus),
    pytest.param(64, 128, 0, marks=pytest.mark.sweep_icarus),
    (8, 64, 5), pytest.param(1, 64, 17, marks=pytest.mark.sweep_icarus),
    pytest.param(64, 128, 129, marks=pytest.mark.sweep), pytest.param(8, 512, 129, marks=pytest.mark.sweep_icarus),
])
def test_crl_msix(sim, channels, data_w, nvme):
    """Stimulus and checking: see the cocotb tests above."""
    parameters = {"CHANNELS": channels, "NVME_VECTORS": nvme, "DATA_W": data_w, "RAM_AW": RAM_AW}
    run_sim("crl_msix", __name__, parameters, sim=sim)
