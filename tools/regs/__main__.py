# SPDX-License-Identifier: Apache-2.0
"""Make everything that depends on registers and layouts, or check that it is up to date.

python -m tools.regs            write what has changed
python -m tools.regs --check    exit with 1 and a sentence when a file is out of date
python -m tools.regs --html DIR browsable register map, not committed
"""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Callable
from pathlib import Path

from tools.regs import gen_c, gen_core, gen_mbox, gen_md, gen_py, gen_sv, gen_uvm
from tools.regs.model import RDL, ROOT, Model, SourceError, load

OUTPUTS: dict[str, Callable[[Model], str]] = {
    "rtl/regs/gen/crl_pkg.sv": gen_sv.generate,
    "models/gen/carillon_layout.py": gen_py.generate,
    "fw/include/carillon_regs.h": gen_c.registers,
    "fw/include/carillon_layout.h": gen_c.layouts,
    "docs/register_map.md": gen_md.register_map,
    "docs/layouts.md": gen_md.layouts,
    "rtl/regs/gen/crl_mbox_pkg.sv": gen_mbox.package,
    "models/gen/carillon_mbox.py": gen_mbox.python,
    "fw/include/carillon_mbox.h": gen_mbox.header,
    "docs/mailbox_map.md": gen_mbox.register_map,
    "tb/gen/carillon_ral.py": gen_uvm.generate,
    "carillon.core": gen_core.generate,
}


def write(root: Path) -> list[str]:
    """Write every file whose content changes; return their paths."""
    model = load(root)
    changed = []
    for name, make in OUTPUTS.items():
        path = root / name
        text = make(model)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            changed.append(name)
    return changed


def check(root: Path) -> list[str]:
    """One sentence for each file that is not what its sources say."""
    model = load(root)
    found = []
    for name, make in OUTPUTS.items():
        path = root / name
        if not path.exists():
            found.append(f"{name} is missing; run `make regs` and commit it.")
            continue
        old, new = path.read_text(encoding="utf-8"), make(model)
        if old != new:
            diff = difflib.unified_diff(old.splitlines(), new.splitlines(), n=0, lineterm="")
            lines = [d for d in diff if d[:1] in "+-" and d[:3] not in ("+++", "---")]
            found.append(
                f"{name} differs from what rtl/regs says in {len(lines)} lines, first:"
                f" {lines[0]!r}; run `make regs` and commit it."
            )
    return found


def html(root: Path, folder: Path) -> None:
    """Write the browsable register map."""
    from peakrdl_html import HTMLExporter
    from systemrdl import RDLCompiler

    compiler = RDLCompiler()
    compiler.compile_file(str(root / RDL))
    folder.mkdir(parents=True, exist_ok=True)
    HTMLExporter().export(compiler.elaborate(), str(folder), title="Carillon registers")


def main(argv: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.regs", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--check", action="store_true", help="only compare")
    parser.add_argument("--html", type=Path, metavar="DIR", help="write HTML into DIR")
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    try:
        if args.check:
            found = check(args.root)
            for line in found:
                print(line, file=sys.stderr)
            if not found:
                print(f"{len(OUTPUTS)} generated files agree with rtl/regs.")
            return 1 if found else 0
        if args.html:
            html(args.root, args.html)
            print(f"Register map in {args.html}/index.html")
            return 0
        for name in write(args.root) or ["nothing to do: all generated files are up to date"]:
            print(name)
    except SourceError as exc:
        print(f"The register sources can't be used: {exc}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
