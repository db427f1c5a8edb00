# SPDX-License-Identifier: Apache-2.0
"""Groups of signals from tb/waves/*.yaml in a save file."""

from types import SimpleNamespace

import pytest
import yaml

from models.gen import carillon_layout
from tools import wavegroups, waves
from tools.paths import ROOT

pytestmark = pytest.mark.tools
LISTS = sorted((ROOT / "tb" / "waves").glob("*.yaml"))


def scope(name, variables=(), inner=()):
    """Something with the interface of a scope in a wave file."""
    made = [SimpleNamespace(name=v, bitwidth=w, full_name=f"top.{v}") for v, w in variables]
    return SimpleNamespace(name=name, vars=lambda: made, scopes=lambda: list(inner))


def test_story_groups(tmp_path):
    """Stimulus: a list with a state, a plain signal and one that is not there. Checking: the lines of the file."""
    path = tmp_path / "top.yaml"
    path.write_text(yaml.safe_dump([{"group": "1 first", "signals": [{"u.state": "State"}, "clk", "gone"]}]))
    save = waves.SaveFile(tmp_path, {})
    found = wavegroups.add_story(
        save, scope("top", [("clk", 1)], [scope("u", [("state", 4)])]), "top", path
    )
    text = "\n".join(save.lines)
    assert found == 2 and "-1 first" in text and "top.clk" in text and "gone" not in text
    table = (tmp_path / "names-1.txt").read_text()
    assert all(f"{int(s):x} {s.name}" in table for s in carillon_layout.State)


@pytest.mark.parametrize("path", LISTS, ids=lambda p: p.stem)
def test_story_fits_the_layouts(path):
    """Every enum that a list names exists; every group has a title and signals; no signal twice in a group."""
    for group in yaml.safe_load(path.read_text()):
        names = [next(iter(e)) if isinstance(e, dict) else e for e in group["signals"]]
        assert group["group"] and len(names) == len(set(names)) > 0
        for entry in group["signals"]:
            if isinstance(entry, dict):
                assert hasattr(carillon_layout, next(iter(entry.values())))


def test_no_list():
    assert wavegroups.story("crl_no_such_top") is None and wavegroups.story(None) is None
