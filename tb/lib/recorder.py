# SPDX-License-Identifier: Apache-2.0
"""What the monitors saw, as the events that `models.Pair` takes, in the order of time.

The monitors are in the simulation (burst log of the memory, access log of the register port, frame log of
the link pipes); this module reads their files after the run. Stores of the test and disturbances are told
to it when they happen. Nothing comes from what a driver meant to do.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cocotb.triggers import Timer
from cocotb.utils import get_sim_time

from models.events import (
    AxiRead,
    AxiWrite,
    CpuWrite,
    Event,
    Fault,
    LinkFrame,
    LinkState,
    NodeReset,
    RegRead,
    RegWrite,
)
from models.gen.carillon_layout import REG_CH_DRING_CONS
from tb.lib.testbed import Side, Testbed

ALL_ONES = (1 << 64) - 1  # what a foreign read gives


def now() -> int:
    return int(get_sim_time("ps"))


class Recorder:
    """Attach before the first store: `Recorder(tb)`; after the run `await close()`, then `events()`."""

    def __init__(self, tb: Testbed, run_dir: str = ".", *, watch_links: bool = False) -> None:
        """`watch_links`: PEER_STATUS.UP comes from the benches' own log, not from the test."""
        self.tb = tb
        self.watch_links = watch_links
        self.run_dir = Path(run_dir)
        self._told: list[tuple[int, int, Event]] = []
        for side in tb.sides:
            side.mem.writes = self._store(side)
        self.link_up: dict[str, bool] = {}
        self.quiet_since: int | None = None  # time from which nothing moves any more

    def _store(self, side: Side):
        def tell(addr: int, data: bytes) -> None:
            self._told.append((now(), 0, CpuWrite(side.name, now(), addr, data)))

        return tell

    def fault(self, side: Side, kind: str, peer: int = 0) -> None:
        """A disturbance that begins (or ends) now: see models/README.md."""
        self._told.append((now(), 1, Fault(side.name, now(), kind, peer)))

    def link_state(self, side: Side, up: bool, peer: int = 0) -> None:
        if self.link_up.get(side.name) != up:
            self.link_up[side.name] = up
            self._told.append((now(), 1, LinkState(side.name, now(), peer, up)))

    async def open(self) -> None:
        """Start all logs anew; an earlier test of this simulation may have left them open."""
        await self.close()
        for path in self.run_dir.glob("*_log.txt"):
            path.unlink()
        for side in self.tb.sides:
            await side.mem.log_open()
            side.axil.set(log=1)
            side.handle.cfg_log.value = int(self.watch_links)
        if self.tb.pair:
            self.tb.a2b.set(log=1)
            self.tb.b2a.set(log=1)
        await Timer(100, "ns")

    async def close(self) -> None:
        for side in self.tb.sides:
            await side.mem.log_close()
            side.axil.set(log=0)
            side.handle.cfg_log.value = 0
        if self.tb.pair:
            self.tb.a2b.set(log=0)
            self.tb.b2a.set(log=0)
        await Timer(200, "ns")

    def _settled(self, addr: int, t: int) -> bool:
        """DRING_CONS follows a completion by some cycles: judged only when nothing moves."""
        if 0x100000 <= addr < 0x140000 and addr & 0xFF8 == REG_CH_DRING_CONS:
            return self.quiet_since is not None and t >= self.quiet_since
        return True

    def _side_events(self, side: Side) -> Iterator[tuple[int, int, Event]]:
        name = side.name
        if self.watch_links:
            for line in (self.run_dir / f"up_{side.letter}_log.txt").read_text().splitlines():
                t, peer, up = map(int, line.split())
                yield t, 1, LinkState(name, t, peer, bool(up))
        for t in side.resets:  # what the clock edge at that very time ended, came before it
            yield t, 6, NodeReset(name, t)
        for x in side.axil.accesses():
            if x.write:
                yield x.t, 2, RegWrite(name, x.t, x.func, x.addr & ~7, x.data, x.strb)
            elif x.data == ALL_ONES or self._settled(x.addr, x.t):
                yield x.t_resp, 5, RegRead(name, x.t_resp, x.func, x.addr & ~7, x.data, x.t)
        for b in side.mem.bursts():
            if b.write:
                yield b.t_end, 3, AxiWrite(
                    name, b.t_addr, b.t_data, b.t_end, b.id, b.addr, b.beats, b.beat_bytes, b.user,
                    b.data, b.strb, b.worst,
                )
            else:
                yield b.t_end, 4, AxiRead(
                    name, b.t_addr, b.t_end, b.id, b.addr, b.beats, b.beat_bytes, b.user, b.data,
                    b.resp,
                )

    def _frames(self) -> Iterator[tuple[int, int, Event]]:
        for file, src, dst in (("pipe_a2b", "A", "B"), ("pipe_b2a", "B", "A")):
            path = self.run_dir / f"{file}_log.txt"
            if not path.exists():
                continue
            with path.open() as log:
                for line in log:
                    *beats, end = line.split()
                    if end == "cut" or not beats:
                        continue  # a reset or the end of the log cut the frame
                    raw = b"".join(bytes.fromhex(x)[::-1] for x in beats)
                    yield int(end), 1, LinkFrame(src, dst, int(end), raw)

    def events(self, frames: bool = True) -> list[Event]:
        """Everything, in the order of time; at one time: stores, disturbances, writes, reads."""
        found = list(self._told)
        for side in self.tb.sides:
            found += self._side_events(side)
        if frames and self.tb.pair:
            found += self._frames()
        found.sort(key=lambda e: (e[0], e[1]))
        return [e for _, _, e in found]
