# SPDX-License-Identifier: Apache-2.0
"""Unit tests of crl_nvme_mdma: the mailbox's data page. Rules: docs/blocks/nvme_admin.md; golden model: models/nvme/pagedma.py."""

from __future__ import annotations

import cocotb
import pytest
from cocotb.triggers import RisingEdge

from models.nvme.mailbox_regs import merge
from models.nvme.pagedma import PAGE, Transfer
from tb.lib.sim import run_sim
from tb.unit.dma_lib import CycleBench, expects_failure
from tb.unit.nvme_page_bench import ERRORS, IDLE, SABOTAGE, HostPort


class Bench(CycleBench):
    """The page as it has to be, the processor's accesses, transfers."""

    idle = IDLE | dict.fromkeys("go go_host go_addr go_bytes p_en p_we p_word p_wdata".split(), 0)

    def __init__(self, dut) -> None:
        super().__init__(dut)
        self.lanes = self.p["DATA_W"] // 8
        self.host = HostPort(self.lanes, self.rng)
        self.page = bytearray(PAGE)
        self.next: dict[str, int] = {}
        self.dones = self.seen = self.looked = 0

    async def clear(self) -> None:
        """Reset, and a page that is known."""
        await self.reset()
        self.host.forget()
        await self.fill()

    async def fill(self) -> None:
        for word in range(PAGE // 4):
            await self.cpu(word, self.rng.getrandbits(32), 0xF)

    def drive(self) -> None:
        rng, i = self.rng, self.inp
        i.update(p_we=rng.getrandbits(4), p_word=rng.getrandbits(10), p_wdata=rng.getrandbits(32))
        i.update(go_host=rng.getrandbits(1), go_addr=rng.getrandbits(64), go_bytes=rng.getrandbits(13))
        self.host.drive(i, self.now)
        i.update(self.next)
        self.next = {}

    def check(self) -> None:
        self.seen = self.get("p_rdata") if self.looked else 0
        self.looked = self.inp["p_en"] and not self.inp["p_we"]
        self.host.check(self.inp, self.get, self.now)
        if self.get("done"):
            self.dones += 1
            assert not self.host.owes, "done, and something is outstanding"
        assert self.get("busy") or not self.host.owes or self.inp["go"], "not busy, and something is outstanding"

    async def cpu(self, word: int, data: int, strb: int) -> None:
        """The processor writes."""
        self.next = {"p_en": 1, "p_we": strb, "p_word": word, "p_wdata": data}
        await self.step()
        old = int.from_bytes(self.page[4 * word : 4 * word + 4], "little")
        self.page[4 * word : 4 * word + 4] = merge(old, data, strb).to_bytes(4, "little")

    async def look(self, words) -> None:
        """These words of the page are as they have to be."""
        for word in words:
            self.next = {"p_en": 1, "p_we": 0, "p_word": word}
            await self.step()
            await self.step()
            got = self.seen
            want = int.from_bytes(self.page[4 * word : 4 * word + 4], "little")
            assert got == want, f"word {word:#x} of the page is {got:#x}, expected {want:#x}"
            self.compared += 1

    async def look_round(self, t: Transfer) -> None:
        """Its edges and what lies beside them."""
        edges = [t.first // 4, (t.first + t.nbytes - 1) // 4]
        near = {w + d for w in edges for d in (-17, -2, -1, 0, 1, 2, 16)} | {self.rng.randrange(1024) for _ in range(4)}
        await self.look(sorted(w for w in near if 0 <= w < PAGE // 4))

    async def move(self, t: Transfer, bad: dict[int, int] | None = None, limit: int = 3000) -> int:
        """One transfer to its end; its error."""
        self.host.begin(t, self.page, bad)
        before = self.dones
        self.next = {"go": 1, "go_host": int(t.to_host), "go_addr": t.addr, "go_bytes": t.nbytes}
        await self.step()
        await self.until(lambda: self.dones > before, limit if t.allowed else 8, f"{t}")
        await self.step(2)
        assert self.dones == before + 1 and not self.get("busy"), "done twice, or busy afterwards"
        if t.allowed and not t.to_host and not bad:
            self.page[t.first : t.first + t.nbytes] = self.host.page(t.addr)[t.first : t.first + t.nbytes]
        return self.get("error")

    def some(self, offset: int, nbytes: int, to_host: bool) -> Transfer:
        return Transfer(self.rng.getrandbits(52) << 12 | offset, nbytes, to_host)

    def end(self, at_least: int) -> None:
        assert self.compared >= at_least and self.host.compared, f"only {self.compared} words were compared"


@cocotb.test()
async def offsets_and_lengths(dut):
    """Stimulus: both ways, from every class of offset every class of length. Checking: bursts, strobes, bytes, and what lies beside."""
    b = Bench(dut)
    await b.clear()
    w = b.lanes
    offsets = {0, 1, 4, w - 1, w, w + 1, 511, 512, 513, 2048, 4096 - w, 4095, *(b.rng.randrange(PAGE) for _ in range(3))}
    for offset in sorted(offsets):
        room = PAGE - offset
        lengths = {1, 2, w - 1, w, w + 1, 2 * w + 1, 512 - offset % 512, 513 - offset % 512, room, room - 1, b.rng.randint(1, room)}
        for nbytes in sorted(n for n in b.rng.sample(sorted(lengths), 6) if 0 < n <= room):
            t = b.some(offset, nbytes, b.rng.random() < 0.4)
            assert await b.move(t) == 0, f"an error of {t}"
            await b.look_round(t)
    for to_host in (False, True, False):
        assert await b.move(b.some(0, PAGE, to_host)) == 0
        await b.look(range(0, 1024, b.rng.choice((3, 5, 7))))
    await b.look(range(1024))
    assert b.host.reads > 30 and b.host.writes > 20
    b.end(1024)


@cocotb.test()
async def bytes_of_the_processor(dut):
    """Stimulus: writes with all strobes, between transfers. Checking: every word; a read changes nothing."""
    b = Bench(dut)
    await b.clear()
    for turn in range(200):
        await b.cpu(b.rng.choice((0, 1023, b.rng.randrange(1024))), b.rng.getrandbits(32), turn % 15 + 1)
        if turn % 50 == 9:
            assert await b.move(b.some(8 * turn, 700, turn % 100 < 50)) == 0
    await b.look([*range(1024), 0, 1023])
    b.end(1024)


@cocotb.test()
async def stalls(dut):
    """Stimulus: slow ports, late answers. Checking: as before; payloads stay while they wait."""
    b = Bench(dut)
    await b.clear()
    for rate in ({"ar": 0.2, "w": 0.2}, {"r": 0.3, "b": 0.1}, {"ar": 0.5, "r": 0.5, "w": 0.5, "b": 0.5}):
        b.host.rate.update(rate)
        b.host.lat = (0, b.rng.choice((0, 40)))
        for to_host in (True, False):
            offset = b.rng.randrange(2000)
            t = b.some(offset, b.rng.randint(500, PAGE - offset), to_host)
            assert await b.move(t, limit=12000) == 0
            await b.look_round(t)
    b.end(50)


@cocotb.test()
async def error_responses(dut):
    """Stimulus: SLVERR, DECERR on the first, the last, any beat that is read or burst that is written; EXOKAY. Checking: all is done to
    its end, then error; EXOKAY is none; the next transfer has none."""
    b = Bench(dut)
    await b.clear()
    for to_host in (False, True):
        for _ in range(4):
            offset = b.rng.randrange(2000)
            t = b.some(offset, b.rng.randint(600, 2000), to_host)
            count = len(t.bursts()) if to_host else sum(x.beats(b.lanes) for x in t.bursts())
            for where in ({0}, {count - 1}, {b.rng.randrange(count), b.rng.randrange(count)}):
                assert await b.move(t, {n: b.rng.choice(ERRORS) for n in where}) == 1, f"no error of {t}, {where} of {count}"
                assert not b.host.owes
            assert await b.move(t, {n: 1 for n in range(count)} if to_host else None) == 0
    assert await b.move(b.some(0, PAGE, False)) == 0
    await b.look(range(0, 1024, 9))
    b.end(100)


@cocotb.test()
async def not_allowed(dut):
    """Stimulus: 0 bytes, one more than to the end of the page, more, the most that fits into the register. Checking: error at once, no
    access, the page unchanged."""
    b = Bench(dut)
    await b.clear()
    for to_host in (False, True):
        for offset in (0, 1, 2048, 4095):
            for nbytes in (0, PAGE - offset + 1, PAGE, 4097, 8191):
                t = b.some(offset, nbytes, to_host)
                if not t.allowed:
                    assert await b.move(t) == 1
                    await b.step(10)
            assert await b.move(b.some(offset, PAGE - offset, to_host)) == 0
    await b.look(range(1024))
    b.end(1024)


@cocotb.test()
async def reset_in_mid_flight(dut):
    """Stimulus: resets at random moments of transfers. Checking: nothing comes out afterwards, the next one works."""
    b = Bench(dut)
    await b.clear()
    for turn in range(12):
        t = b.some(5, 2000, bool(turn % 2))
        b.host.begin(t, b.page)
        b.next = {"go": 1, "go_host": int(t.to_host), "go_addr": t.addr, "go_bytes": t.nbytes}
        await b.step(b.rng.randint(1, 60))
        await b.reset(2)
        b.host.forget()
        await b.step(20)
        assert not b.get("busy")
        for word in range(0, 512):  # a transfer that was cut off may have come so far
            await b.cpu(word, b.rng.getrandbits(32), 0xF)
        assert await b.move(b.some(100, 300, turn % 3 == 0)) == 0
    await b.look(range(512))
    b.end(512)


@cocotb.test()
async def scoreboard_fails(dut):
    """Stimulus: good transfers of which the bench sees one thing changed or lost. Checking: it fails; unchanged they pass."""
    b = Bench(dut)
    await b.clear()
    for what in SABOTAGE:
        b.host.sabotage = what
        await expects_failure(b.move(b.some(3, 700, what.startswith("wb")), limit=300))
        b.host.sabotage = ""
        await RisingEdge(dut.clk)
        await b.reset()
        b.host.forget()
        await b.step(3)
    await b.clear()
    b.page[77] ^= 1
    await expects_failure(b.look(range(1024)))
    b.page[77] ^= 1
    await RisingEdge(dut.clk)
    b.compared = 0
    with pytest.raises(AssertionError, match="compared"):
        b.end(1)
    assert await b.move(b.some(3, 700, True)) == 0
    await b.look(range(100))
    b.end(100)


@pytest.mark.unit
@pytest.mark.parametrize("data_w", [64, pytest.param(512, marks=pytest.mark.sweep_icarus), pytest.param(128, marks=pytest.mark.sweep),
                                    pytest.param(256, marks=pytest.mark.sweep)])
def test_crl_nvme_mdma(sim, data_w):
    """Stimulus and checking: see the cocotb tests above."""
    run_sim("crl_nvme_mdma", __name__, {"DATA_W": data_w, "FUNC_W": 8}, sim=sim)
