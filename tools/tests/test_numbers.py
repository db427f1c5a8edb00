# SPDX-License-Identifier: Apache-2.0
"""Numbers in the pages come from results; sections without results stay as they are."""

import json

import pytest

from tools import numbers
from tools.paths import ROOT

pytestmark = pytest.mark.tools


@pytest.fixture
def results(tmp_path, monkeypatch):
    """An empty build folder, and a way to put results into it."""
    monkeypatch.setattr(numbers, "BUILD", tmp_path)

    def put(name, rows):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "results.json").write_text(json.dumps(rows))

    return put


def copy_row(s=256, latency=20, cycles=40_000, ratio=1.01):
    config = {"data_w": 64, "n": 1000, "s": s, "latency": latency, "channels": 1, "op": "COPY",
              "src_off": 0, "dst_off": 0}
    return {"bench": "dma_copy", "config": config, "cycles": cycles, "bound": 39_600, "ratio": ratio,
            "extra": {"limit": 1.02}}


def test_pages_use_known_sections():
    """Every marker in the pages has a section, and every opening marker an end."""
    for name in numbers.PAGES:
        text = (ROOT / name).read_text()
        found = [hit.group(2) for hit in numbers.SECTION.finditer(text)]
        assert found and set(found) <= set(numbers.SECTIONS)
        assert text.count("<!-- numbers:") == text.count("<!-- /numbers -->") == len(found)


def test_utilisation(results):
    """256 bytes are 32 beats: 1000 of them in 40,000 cycles are 80%."""
    results("bench", [copy_row()])
    text = numbers.utilisation()
    assert "**Carillon, 1 channel**" in text and "| 80.0 |" in text and "axi_cdma" in text


def test_rows_say_what_was_missed(results):
    results("bench", [copy_row(ratio=1.01), copy_row(s=64, ratio=1.5)])
    text = numbers.bench_rows("dma_copy")
    assert "1.0100 | 1.02 | yes" in text and "1.5000 | 1.02 | **no**" in text


def test_section_without_results_stays(results):
    """Nothing is invented: the old text stays and the missing command is named."""
    page = "<!-- numbers:kick -->\nold\n<!-- /numbers -->\n"
    missing = []
    assert numbers.render(page, missing) == page
    assert "make bench" in missing[0]


def test_render_is_stable(results):
    """Filling in twice changes nothing."""
    results("formal", [{"proof": "a.prove", "kind": "prove", "status": "pass", "seconds": 1}])
    page = "a\n<!-- numbers:formal -->\nyesterday\n<!-- /numbers -->\nb\n"
    once = numbers.render(page, [])
    assert "| prove | 1 | 0 |" in once and "yesterday" not in once
    assert numbers.render(once, []) == once


def test_unknown_section():
    with pytest.raises(SystemExit, match="There is no section 'x'"):
        numbers.render("<!-- numbers:x -->\n<!-- /numbers -->\n", [])


def test_area():
    """Carry cells and distributed RAM count as the LUTs that they take."""
    assert numbers.area({"lut4": 871, "ccu2c": 193, "dpr16x4": 46}) == 871 + 386 + 276


def test_second_act(results):
    """Rows of commands, answers counted; a demonstration from before the second act has none."""
    results("demo", {"channels": []})
    with pytest.raises(numbers.NoResults, match="no second act"):
        numbers.demo_queues()
    command = {"app": "A", "op": "WRITE", "commands": 4, "bytes": 2048, "cycles": 400,
               "latency_from_fetch_cycles": {"50": 70, "99": 90}, "latency_from_doorbell_cycles": {"50": 80, "99": 95}}
    tries = [{"what": n, "answer": "ACCESS_DENIED", "other_bursts": 0} for n in ("first", "second")]
    results("demo", {"queues": {"ok": True, "bursts": 1234, "commands": [command], "attempts": tries}})
    text = numbers.demo_queues()
    assert "| A Write | 4 | 2,048 | 100 | 70 / 90 | 80 / 95 |" in text and "| ACCESS_DENIED | 2 | first |" in text and "1,234 bursts" in text
