# SPDX-License-Identifier: Apache-2.0
"""What the result of a simulation depends on: Python that its module imports, and the design under test.

    key_of("tb.unit.test_crl_fifo")                    # a module's test: the RTL modules whose names stand in it
    key_of("tb.system.test_life", "crl_tb_pair", [...])  # a system: what its top level needs, of RTL and these files

Sixteen hex digits, which change when any of that changes; also with the pinned versions of tools and libraries.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path

from tb.lib.sim import reachable
from tools.paths import ROOT, content_hash, rtl_sources

LOCK = ROOT / "requirements.lock"
PACKAGES = ("tb", "models", "tools", "syn")  # of the project


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def _file_of(name: str) -> Path | None:
    if name.split(".")[0] not in PACKAGES:
        return None
    base = ROOT / name.replace(".", "/")
    return next((p for p in (base.with_suffix(".py"), base / "__init__.py") if p.exists()), None)


def _names(path: Path) -> set[str]:
    """Modules that a file may import; what is no module has no file, and falls out later."""
    found: set[str] = set()
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            found |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = ".".join(path.relative_to(ROOT).parts[: -node.level]) if node.level else ""
            base = ".".join(part for part in (package, node.module or "") if part)
            found |= {base, *(f"{base}.{a.name}" for a in node.names)}
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and node.value.startswith("tb.")
        ):
            found.add(node.value)  # cocotb is told the name of the module that has the tests
    return found


@cache
def python_of(module: str) -> frozenset[Path]:
    """The module's file and those of the project that it imports, and they import."""
    first = _file_of(module)
    if first is None:
        raise ValueError(f"{module} is no module of the project")
    seen: set[Path] = set()
    todo = [first]
    while todo:
        path = todo.pop()
        if path not in seen:
            seen.add(path)
            todo += [p for name in _names(path) if (p := _file_of(name)) is not None]
    return frozenset(seen)


@lru_cache(maxsize=1)
def _benches() -> list[Path]:
    return sorted((ROOT / "tb").rglob("*.sv"))


@cache
def _modules_in(path: Path) -> frozenset[str]:
    """Words in a file's texts that look like the name of a module of ours."""
    texts = (
        n.value
        for n in ast.walk(_tree(path))
        if isinstance(n, ast.Constant) and isinstance(n.value, str)
    )
    return frozenset(word for text in texts for word in text.split() if word.startswith("crl_"))


@cache
def key_of(module: str, top: str = "", sources: Sequence[str | Path] = (), *extra: object) -> str:
    files = python_of(module)
    rtl = rtl_sources()
    everything = [*rtl, *_benches()]
    if top:
        design = reachable(top, [*rtl, *(ROOT / s for s in sources)])
    else:
        there = {p.stem for p in everything}
        named = {
            w
            for p in files
            if (ROOT / "tb/unit") in p.parents
            for w in _modules_in(p)
            if w in there
        }
        design = reachable(sorted(named), everything) if named else everything
    return content_hash([*files, *design, LOCK], *extra)
