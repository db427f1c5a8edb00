# SPDX-License-Identifier: Apache-2.0
"""The demonstration's second act: its plan, a tiny version of it, and that its judges notice what is wrong."""

import hashlib
import importlib
import io
import json
import os
import random
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import pytest

from tools.demo.queues import plan
from tools.demo.queues.bus import read_books
from tools.paths import ROOT

pytestmark = pytest.mark.tools
SIZE = 10_001


@pytest.mark.parametrize("blocks", [1, 2, 33, 1024])
def test_cut_covers_the_blocks(blocks):
    """Each block belongs to exactly one command, none is too long, seeds repeat."""
    pieces = plan.cut(blocks, random.Random(5))
    assert sorted(b for first, count in pieces for b in range(first, first + count)) == list(range(blocks))
    assert max(count for _, count in pieces) <= plan.MOST
    assert plan.cut(blocks, random.Random(5)) == pieces


def test_places():
    """Blocks, queues, owners and functions of the two are apart; the part of the file fits; so does a command into its slot."""
    a, b = plan.A, plan.B
    assert a.slba + a.nlb < b.slba and a.nlb * plan.BLOCK == plan.PART
    assert len({a.qid, b.qid, 0}) == len({a.owner, b.owner, 0}) == len({a.func, b.func, 0}) == 3
    assert plan.MOST * plan.BLOCK + plan.PAGE - 64 <= plan.SLOT_PAGES * plan.PAGE
    assert [plan.blocks_of(n) for n in (1, 512, 513)] == [1, 1, 2]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """All of the second act with a few KiB, on a build that the system tests use as well."""
    from tb.system.nvme.builds import BUILDS
    from tools.demo.queues.run import share

    if os.environ.get("SIM") == "icarus":
        pytest.skip("the demonstration runs on Verilator")
    path = tmp_path_factory.mktemp("demo") / "file.bin"
    path.write_bytes(bytes(i * i % 251 for i in range(SIZE)))
    worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")
    return path, share(path, 3, BUILDS["64b"], name=f"demo-queues-{worker}", waves=False)


@pytest.fixture
def bursts(tiny):
    from tb.lib.fastmem import parse_log

    return list(parse_log(tiny[1].sim.run_dir / "mem_log.txt", 8))


@pytest.mark.system
def test_tiny_act(tiny):
    """Stimulus: 10,001 bytes. Checking: all checks hold, SHA-256 by hand, every attempt, figures that add up."""
    path, s = tiny
    assert s.ok, (s.checks(), s.complaints)
    assert s.result["sha256_back"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert {t["want"] for t in s.result["tries"]} == {
        "ACCESS_DENIED", "INVALID_NS", "INVALID_OPCODE", "BAD_DB_VALUE", "dropped, counted", "all ones, counted",
    }
    assert s.refused() == len(s.result["tries"]) >= 25
    rows = {(r.app, r.op): r for r in s.books.rows}
    assert set(rows) == {("A", "WRITE"), ("A", "READ"), ("B", "WRITE"), ("B", "READ")}
    assert rows["A", "WRITE"].bytes == rows["A", "READ"].bytes == s.books.read == s.books.written == plan.blocks_of(SIZE) * plan.BLOCK
    for r in rows.values():
        assert len(r.from_fetch) == len(r.from_doorbell) == r.commands > 0
        assert all(0 < f < d for f, d in zip(r.from_fetch, r.from_doorbell, strict=True))


@pytest.mark.system
def test_tiny_pages(tiny):
    """The section has each attempt and no reference to other files; the terminal's tables fit; results can be read by a program."""
    from rich.console import Console

    from tools.demo.queues import report

    _, s = tiny
    page = report.section(s)
    assert all(t["want"] in page for t in s.result["tries"]) and "src=" not in page and str(ROOT) not in page
    for width in (80, 158):
        out = io.StringIO()
        report.terminal(s, Console(file=out, width=width))
        assert all(t["what"] in out.getvalue() for t in s.result["tries"]) and ("entry, answer" in out.getvalue()) == (width > 80)
    found = json.loads(json.dumps(report.results(s)))
    assert found["ok"] and len(found["attempts"]) == len(s.result["tries"])


def altered(bursts, choose, **values):
    """The log with the first burst that `choose` takes changed."""
    at = next(i for i, b in enumerate(bursts) if choose(b))
    return [*bursts[:at], replace(bursts[at], **values), *bursts[at + 1 :]]


@pytest.mark.system
def test_books_notice(tiny, bursts):
    """Stimulus: the log with one burst of another function, at another place, or missing. Checking: the books object to each."""
    _, s = tiny
    r = s.result
    a, b = r["apps"]
    data = a["ranges"][2][0]
    blocks = r["namespaces"][0][0] + a["slba"] * plan.BLOCK
    assert not read_books(bursts, r).complaints
    theirs = altered(bursts, lambda x: x.user == a["func"] and x.addr >= data, user=b["func"])
    assert any("outside its memory" in c for c in read_books(theirs, r).complaints)
    fetched = altered(bursts, lambda x: x.user == b["func"] and not x.write and x.t_addr > r["tries"][0]["begin"], addr=data)
    found = read_books(fetched, r)
    assert found.complaints and found.attempts[0].elsewhere == 1
    nobody = altered(bursts, lambda x: x.addr == blocks and not x.write, addr=r["namespaces"][1][0])
    assert sum("nobody" in c or "blocks of A" in c for c in read_books(nobody, r).complaints) == 2
    gone = [x for x in bursts if not (x.write and x.addr == blocks)]
    assert len(gone) < len(bursts) and any("blocks of A" in c for c in read_books(gone, r).complaints)
    silent = [x for x in bursts if not (x.write and x.user == b["func"] and x.addr == b["cq"])]
    assert any("completion entries" in c for c in read_books(silent, r).complaints)


@pytest.mark.system
@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"sha256_back": "0" * 64}, 0), ({"differing": 1}, 1), ({"complaints": ["x"]}, 4), ({"explained": 0}, 4),
        ({"log_queues": [1, 2]}, 5), ({"told": 0}, 5),
    ],
)
def test_checks_fail(tiny, change, check):
    """Stimulus: a result in which one thing is wrong. Checking: the check of it says so, and no other."""
    _, s = tiny
    worse = replace(s, result={**s.result, **change})
    assert [good for good, _ in worse.checks()] == [i != check for i in range(6)] and not worse.ok


@pytest.mark.system
def test_attempt_that_works(tiny):
    """Stimulus: a result in which an attempt was answered with SUCCESS. Checking: the check fails; the page and the table say it."""
    from tools.demo.queues import report

    _, s = tiny
    tries = [{**s.result["tries"][0], "got": "SUCCESS"}, *s.result["tries"][1:]]
    worse = replace(s, result={**s.result, "tries": tries})
    assert not worse.ok and worse.refused() == len(tries) - 1
    assert "SUCCESS, not ACCESS_DENIED" in report.section(worse)


@pytest.mark.system
@pytest.mark.parametrize(("first", "second", "status"), [(True, True, 0), (False, True, 1), (True, False, 1)])
def test_exit_status(tiny, tmp_path, monkeypatch, first, second, status):
    """Stimulus: the command line with a first act that holds or not, and a second one. Checking: 0 only if both hold; what failed is said."""
    from rich.console import Console

    path, s = tiny
    main = importlib.import_module("tools.demo.__main__")
    shared = s if second else replace(s, result={**s.result, "differing": 1})
    outcome = SimpleNamespace(result={"windows": 1}, verdict=SimpleNamespace(complaints=[]))
    monkeypatch.setattr(main, "verdicts", lambda *a: [(first, "the first act")])
    for name, value in (
        ("run.build", lambda *a: None), ("run.demonstrate", lambda *a, **k: outcome), ("report.terminal", lambda *a: None),
        ("report.write", lambda *a: tmp_path / "report.html"), ("queues.run.building", lambda *a: nullcontext(lambda: None)),
        ("queues.run.share", lambda *a, **k: shared),
    ):
        monkeypatch.setattr(f"tools.demo.{name}", value)
    out = io.StringIO()
    assert main.show(path, 3, False, Console(file=out, width=158)) == status
    assert ("every check holds" in out.getvalue()) == (status == 0) and out.getvalue().count("FAIL") == status
    assert "Doorbell of A's submission queue" in out.getvalue()


def test_background_build(monkeypatch):
    """Stimulus: a build that works, one that fails. Checking: who waits gets the error; without waiting nothing is lost but that."""
    from tools.demo.queues import run

    done = []
    monkeypatch.setattr(run, "build", lambda p, waves: done.append(waves))
    with run.building({}, True) as wait:
        wait()
        assert done == [True]

    def broken(p, waves):
        raise OSError("no compiler")

    monkeypatch.setattr(run, "build", broken)
    with pytest.raises(OSError, match="no compiler"), run.building({}, True) as wait:
        wait()
