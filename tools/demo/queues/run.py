# SPDX-License-Identifier: Apache-2.0
"""Build, run and judge the second act; the command line and the tests both use it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tb.lib.fastmem import parse_log
from tb.lib.sim import SimResult, build_sim
from tb.system.nvme.rig import DEFAULTS, SOURCES
from tools.demo.queues.bus import Books, read_books
from tools.demo.queues.plan import PART
from tools.demo.run import play

TOP = "crl_tb_nvme"
Check = tuple[bool, str]


@dataclass
class Shared:
    """The second act when it has run."""

    sim: SimResult
    result: dict[str, Any]
    books: Books
    parameters: dict[str, int]

    @property
    def ok(self) -> bool:
        return all(good for good, _ in self.checks())

    @property
    def complaints(self) -> list[str]:
        return self.result["complaints"] + self.books.complaints

    def refused(self) -> int:
        """Attempts that were answered as they have to be."""
        return sum(t["got"] == t["want"] for t in self.result["tries"])

    def beside(self) -> int:
        """Attempts that were made before A was done."""
        return sum(t["begin"] < self.result["phases"]["READ"][1] for t in self.result["tries"])

    def checks(self) -> list[Check]:
        """What was checked, in words."""
        r, b = self.result, self.books
        tries, mine = len(r["tries"]), sum(c["app"] == "B" and c["honest"] for c in r["commands"])
        elsewhere = sum(a.elsewhere for a in b.attempts)
        log = r["log_queues"] == [2] and r["told"] == r["denied"] > 0
        return [
            (r["sha256_back"] == r["sha256_sent"], f"SHA-256 of A's blocks, read back {r['sha256_back']}"),
            (mine > 0 and r["differing"] == 0, f"B's own blocks: {mine} honest commands, every block as it was written"),
            (self.refused() == tries > 0, f"{self.refused()} of {tries} attempts of B refused as they have to be, {self.beside()} of them while A was at work"),
            (not b.complaints and elsewhere == 0 < b.bursts,
             f"bus: {b.bursts:,} bursts, {elsewhere} of B's outside its memory; A's blocks: {b.written:,} bytes written, {b.read:,} read, "
             "exactly what A asked for; blocks of nobody: none"),
            (not r["complaints"] and r["explained"] > 0 and r["compared"] > 0,
             f"golden model: {r['explained']:,} commands, all of the host's memory and both namespaces; {len(r['complaints'])} mismatches"),
            (log, f"the kernel was told of {r['told']} denied commands; its error log names "
                  f"{'queue ' + ', '.join(map(str, r['log_queues'])) if r['log_queues'] else 'nobody'}"),
        ]


def build(parameters: Mapping[str, int], waves: bool) -> Path:
    return build_sim(TOP, parameters=parameters, sources=SOURCES, sim="verilator", waves=waves, public="top")


@contextlib.contextmanager
def building(parameters: Mapping[str, int], waves: bool) -> Iterator[Callable[[], None]]:
    """Builds while the first act's simulation leaves a core free; what it gives waits for the end, and raises what went wrong."""
    box: list[BaseException] = []

    def work() -> None:
        try:
            build(parameters, waves)
        except BaseException as exc:  # handed to who waits
            box.append(exc)

    def wait() -> None:
        thread.join()
        if box:
            raise box[0]

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield wait
    except Exception:
        thread.join()  # no compiler stays behind
        raise


def share(
    file: Path, seed: int, parameters: Mapping[str, int], *, name: str, waves: bool = True, record: bool = False, short: bool = False,
    limit: int = PART, timeout: float = 1800, progress: Callable[[dict], None] = lambda p: None,
) -> Shared:
    """Run it with the first `limit` bytes of the file, and read the log. `short`: some of the attempts only."""
    job = {"file": str(file.resolve()), "seed": seed, "size": min(limit, PART, file.stat().st_size), "short": short}
    sim, result = play(
        TOP, "tools.demo.queues.sim", dict(parameters), job, sources=SOURCES, testcase="share_namespace", seed=seed, name=name,
        waves=waves, record=record, timeout=timeout, progress=progress,
    )
    beat = {**DEFAULTS, **parameters}["DATA_W"] // 8
    books = read_books(parse_log(sim.run_dir / "mem_log.txt", beat), result)
    return Shared(sim, result, books, dict(parameters))
