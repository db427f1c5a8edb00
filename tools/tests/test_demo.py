# SPDX-License-Identifier: Apache-2.0
"""The demonstration: what it says to bad input, its plan, and a tiny version of it."""

import hashlib
import os
import subprocess
import sys

import pytest

from tools.demo import inputs
from tools.demo.plan import (
    BY_NUMBER,
    CHANNELS,
    MESSAGE_BYTES,
    draw,
    make_plan,
    message,
    window_bytes,
)
from tools.paths import ROOT, tool_env

pytestmark = pytest.mark.tools


def demo(*args, **env):
    """`python -m tools.demo` as make calls it."""
    return subprocess.run(
        [sys.executable, "-m", "tools.demo", *args],
        cwd=ROOT,
        env=tool_env(env),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("missing", "does not exist"),
        ("empty", "is empty"),
        ("folder", "is a folder"),
        ("device", "not a regular file"),
    ],
)
def test_bad_file(tmp_path, content, words):
    """Stimulus: a FILE that can't be used. Checking: one sentence, what to do, status 2."""
    path = tmp_path / "x.bin"
    if content == "empty":
        path.touch()
    elif content == "folder":
        path.mkdir()
    elif content == "device":
        os.mkfifo(path)
    done = demo("--file", str(path))
    assert done.returncode == 2 and words in done.stderr and str(path) in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1 and done.stdout == ""
    assert "give" in done.stderr


def test_unreadable_file(tmp_path, monkeypatch):
    """Stimulus: a file without the right to read. Checking: the sentence says so (root may read all)."""
    path = tmp_path / "secret"
    path.write_text("x")
    monkeypatch.setattr(inputs.os, "access", lambda p, mode: False)
    with pytest.raises(inputs.InputError, match="can't be read"):
        inputs.checked_file(str(path))


def test_huge_file(tmp_path):
    """Stimulus: a (sparse) file above the limit. Checking: the sentence names both sizes."""
    path = tmp_path / "huge"
    with path.open("wb") as file:
        file.truncate(inputs.LIMIT + 1)
    with pytest.raises(inputs.InputError, match="64 MiB.*at most 64 MiB"):
        inputs.checked_file(str(path))


@pytest.mark.parametrize(
    ("seed", "words"),
    [("seven", "is not a number"), ("-1", "out of range"), ("99999999999", "out of range")],
)
def test_bad_seed(tmp_path, seed, words):
    """Stimulus: a SEED that can't be used. Checking: one sentence, status 2."""
    path = tmp_path / "x"
    path.write_bytes(b"x")
    done = demo("--file", str(path), SEED=seed)
    assert done.returncode == 2 and words in done.stderr and "SEED=" in done.stderr


def test_bad_option():
    """Stimulus: an option that does not exist. Checking: a sentence, status 2, no traceback."""
    done = demo("--fast")
    assert done.returncode == 2 and "say: python -m tools.demo" in done.stderr


def test_seeds():
    assert inputs.checked_seed("") == inputs.DEFAULT_SEED
    assert inputs.checked_seed("0x10") == 16
    assert 0 < inputs.checked_seed("random") < 1 << 31


def test_default_file():
    """There is a file that fits on this machine."""
    path = inputs.default_file()
    assert path.is_file() and path.stat().st_size > 0


@pytest.mark.parametrize("size", [1, 2, 100, 5000, 100_000, 3 * inputs.MIB + 17])
def test_plan_covers_the_file(size):
    """Every byte belongs to exactly one piece, pieces have the sizes of their channel, seeds repeat."""
    plan = make_plan(size, 5)
    spans = sorted((p.offset, p.offset + p.length) for ps in plan.pieces.values() for p in ps)
    assert spans[0][0] == 0 and spans[-1][1] == size
    assert all(a[1] == b[0] for a, b in zip(spans, spans[1:], strict=False))
    for ch, pieces in plan.pieces.items():
        assert all(0 < p.length <= BY_NUMBER[ch].high for p in pieces)
    assert make_plan(size, 5) == plan
    assert size < 5000 or make_plan(size, 6) != plan


def test_channels():
    """Numbers and owners are distinct; parts of the file leave something for the bulk channel."""
    assert len({c.ch for c in CHANNELS}) == len({c.func for c in CHANNELS}) == len(CHANNELS)
    assert sum(c.act1 + c.act2 for c in CHANNELS) < 0.9
    assert window_bytes(24) > inputs.LARGEST


def test_messages_differ():
    seen = {message(n, i, 3) for n in "AB" for i in range(50)}
    assert len(seen) == 100 and {len(m) for m in seen} == {MESSAGE_BYTES}


def test_draw():
    import random

    rng = random.Random(1)
    values = [draw(rng, 64, 1024) for _ in range(500)]
    assert min(values) >= 64 and max(values) <= 1024 and len(set(values)) > 100


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """The whole demonstration with a few KiB, on a build that the system tests use as well."""
    from tb.system.builds import BUILDS
    from tools.demo.run import demonstrate

    if os.environ.get("SIM") == "icarus":
        pytest.skip("the demonstration runs on Verilator")
    path = tmp_path_factory.mktemp("demo") / "file.bin"
    path.write_bytes(bytes(i * i % 251 for i in range(70_001)))
    worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")  # tests that use this may be on several
    return path, demonstrate(path, 3, BUILDS["64b-8ch"], name=f"demo-tiny-{worker}", waves=False)


@pytest.mark.system
def test_tiny_demo(tiny):
    """Stimulus: 70,001 bytes. Checking: SHA-256, the golden model, and figures that add up."""
    path, o = tiny
    data = path.read_bytes()
    assert o.result["same"] and o.result["sha256_at_b"] == hashlib.sha256(data).hexdigest()
    assert o.verdict.ok, o.verdict.complaints
    assert o.figures.data_bytes == len(data)
    arrived = sum(sum(c.bins) for c in o.figures.channels if c.node == "A")
    sent = sum(c.bytes for c in o.figures.channels if c.node == "A")
    assert sent <= arrived <= 2 * sent  # what the cut ended may have arrived, and comes again
    assert all(op.doorbell < op.start < op.end for c in o.figures.channels for op in c.ops)
    assert all(0 < v <= 1 for v in [*o.figures.link.values(), *o.figures.ports.values()])
    lost = sum(c.lost for c in o.figures.channels)
    assert o.verdict.report.completions == lost + sum(len(c.ops) for c in o.figures.channels)
    peers = o.result["peers"]
    assert sum(peers[n]["CRC_ERR"] for n in "AB") and sum(o.figures.replays.values())
    assert o.result["faults"]["cuts"] == 1 and lost == sum(o.result["repeated"].values()) > 0


@pytest.mark.system
def test_windows(tiny):
    """Stimulus: a file in five windows. Checking: all of it arrives; figures and model cover the first."""
    from tb.system.builds import BUILDS
    from tools.demo.run import demonstrate

    path, _ = tiny
    o = demonstrate(path, 4, BUILDS["64b-8ch"], name="demo-windows", waves=False, window=16_384)
    assert o.result["windows"] == 5 and o.result["same"] and o.figures.data_bytes == 16_384
    assert o.result["sha256_at_b"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert o.verdict.ok, o.verdict.complaints


@pytest.mark.system
def test_tiny_report(tiny, tmp_path):
    """The report is one file without references to others; the results can be read by a program."""
    import json

    from tools.demo import report

    path, o = tiny
    facts = {
        "ok": True,
        "file": "file.bin",
        "size": 70_001,
        "seed": 3,
        "command": "make demo SEED=3",
    }
    page = report.write(o, tmp_path, facts, [(True, "a check")], []).read_text()
    assert page.count("<svg") >= 3 and "src=" not in page and "a check" in page
    assert str(ROOT) not in page
    found = json.loads((tmp_path / "results.json").read_text())
    assert found["model"]["ok"] and len(found["channels"]) == len(CHANNELS) + 1


@pytest.mark.system
def test_model_notices(tiny):
    """Stimulus: the events of the tiny run with one data byte flipped at B. Checking: the model objects."""
    from dataclasses import replace

    from models.events import AxiWrite
    from tools.demo.measure import read_events
    from tools.demo.verdict import judge

    _, o = tiny
    events = read_events(o.sim.run_dir, o.result, 8)
    at = next(
        i for i, e in enumerate(events) if isinstance(e, AxiWrite) and e.node == "B" and e.id == 1
    )
    first = (events[at].strb & -events[at].strb).bit_length() - 1
    data = bytearray(events[at].data)
    data[first] ^= 1
    events[at] = replace(events[at], data=bytes(data))
    assert not judge(events, o.params, o.sim.run_dir).ok
