# SPDX-License-Identifier: Apache-2.0
"""Groups of signals that tell a story, before the tree of all instances, in a GTKWave save file.

`tb/waves/<toplevel>.yaml` lists them; see tb/waves/crl_tb_pair.yaml. Widths come from the waves, so one list
fits every build; a signal that is not there is left out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from models.gen import carillon_layout
from tools.paths import ROOT


def story(toplevel: str | None) -> Path | None:
    """The list for a top level, if there is one."""
    path = ROOT / "tb" / "waves" / f"{toplevel}.yaml"
    return path if toplevel and path.exists() else None


def add_story(save: Any, scope: Any, toplevel: str, path: Path) -> int:
    """Put the groups into the save file; the number of signals that were found."""
    from tools.waves import BIN, HEX, TRANSLATED, colour

    known = {name: variable for name, variable in _signals(scope, "")}
    found = 0
    for group in yaml.safe_load(path.read_text()):
        save.begin(group["group"], opened=True)
        for entry in group["signals"]:
            (name, enum), = entry.items() if isinstance(entry, dict) else ((entry, None),)
            variable = known.get(name)
            if variable is None:
                continue
            found += 1
            module = _module(save.modules, toplevel, name)
            if enum is None:
                save.signal(variable, module)
                continue
            names = {int(x): x.name for x in getattr(carillon_layout, enum)}
            bits = variable.bitwidth or 1
            flags = (BIN if bits == 1 else HEX) | TRANSLATED
            indices = "" if bits == 1 or "[" in variable.name else f"[{bits - 1}:0]"
            save.lines += [f"@{flags:x}", f"[color] {colour('state')}", f"^1 {save.table(names, bits)}",
                           f"{variable.full_name}{indices}"]
        save.end(group["group"], opened=True)
    return found


def _signals(scope: Any, prefix: str):
    for variable in scope.vars():
        yield prefix + variable.name, variable
    for inner in scope.scopes():
        yield from _signals(inner, f"{prefix}{inner.name}.")


def _module(modules: Any, top: str, name: str) -> str | None:
    """The module that a signal is in, so that names of its states are known."""
    at: str | None = top
    for step in name.split(".")[:-1]:
        known = modules.get(at or "")
        at = known.instances.get(step.split("[")[0], at) if known else None
    return at
