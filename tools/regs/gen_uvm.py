# SPDX-License-Identifier: Apache-2.0
"""The pyuvm register model, sized by the node's parameters."""

from __future__ import annotations

from tools.regs.gen_py import class_name
from tools.regs.gen_sv import BANNER
from tools.regs.model import Model

HEAD = f'''# SPDX-License-Identifier: Apache-2.0
# {BANNER}
# ruff: noqa: E501
"""Register model of a Carillon node for pyuvm, 64-bit accesses.

    ral = Carillon(CH=8, CHP=8, MSIX=9, SEG=32, PEER=1, FUNC=256)
    ral.build()
    ral.lock_model()
    ral.CH[3].DRING_PROD.get_address()
"""

from __future__ import annotations

from pyuvm import uvm_coverage_model_e, uvm_endianness_e, uvm_reg, uvm_reg_block, uvm_reg_field


class _Reg(uvm_reg):
    """A 64-bit register; FIELDS: name, width, lsb, access, volatile, reset (or None)."""

    FIELDS: tuple[tuple[str, int, int, str, bool, int | None], ...] = ()

    def __init__(self, name: str) -> None:
        super().__init__(name, 64, uvm_coverage_model_e.UVM_NO_COVERAGE)
        for field in self.FIELDS:
            setattr(self, field[0], uvm_reg_field(field[0]))

    def build(self) -> None:
        """Configure the fields."""
        for name, width, lsb, access, volatile, reset in self.FIELDS:
            getattr(self, name).configure(
                self, width, lsb, access, volatile, reset or 0, reset is not None, True, False
            )


class _Page(uvm_reg_block):
    """A group of registers; REGS: name, class, offset, rights."""

    REGS: tuple[tuple[str, type[_Reg], int, str], ...] = ()

    def __init__(self, name: str) -> None:
        super().__init__(name)
        for reg in self.REGS:
            setattr(self, reg[0], reg[1](reg[0]))

    def build(self) -> None:
        """Put the registers into the page's map."""
        page = self.create_map("map", 0, 8, uvm_endianness_e.UVM_LITTLE_ENDIAN)
        self.set_default_map(page)
        for name, _cls, offset, rights in self.REGS:
            reg = getattr(self, name)
            reg.configure(self)
            reg.build()
            page.add_reg(reg, offset, rights)
'''

ACCESS = {"ro": "RO", "rw": "RW", "wo": "WO", "w1c": "W1C"}


def generate(model: Model) -> str:
    """Return tb/gen/carillon_ral.py."""
    out = [HEAD]
    for p in model.pages:
        regs = []
        for r in p.regs:
            name = f"{class_name(p.name)}{class_name(r.name)}"
            out += ["", f"class {name}(_Reg):", f'    """{r.title}."""', "", "    FIELDS = ("]
            for f in r.fields:
                volatile = f.access in ("ro", "w1c") or r.doorbell
                out.append(
                    f"        ({f.name!r}, {f.width}, {f.lsb}, {ACCESS[f.access]!r}, {volatile},"
                    f" {f.reset}),"
                )
            out += ["    )", ""]
            rights = "RO" if all(f.access == "ro" for f in r.fields) else "RW"
            for i in range(r.count):
                label = r.name if r.count == 1 else f"{r.name}_{i}"
                regs.append(
                    f"        ({label!r}, {name}, {r.offset + i * r.stride:#x}, {rights!r}),"
                )
        out += ["", f"class {class_name(p.name)}Page(_Page):", f'    """{p.title}."""', ""]
        out += ["    REGS = (", *regs, "    )", ""]
    out += ["", "class Carillon(uvm_reg_block):"]
    out += ['    """All of BAR0; the arguments say how many copies of a page there are."""', ""]
    args = "".join(f", {p.name}: int = 1" for p in model.pages if p.count > 1)
    out.append(f"    def __init__(self, name: str = 'carillon'{args}) -> None:")
    out.append("        super().__init__(name)")
    for p in model.pages:
        cls = f"{class_name(p.name)}Page"
        if p.count > 1:
            out.append(
                f"        self.{p.name} = [{cls}(f'{p.name}[{{i}}]') for i in range({p.name})]"
            )
        else:
            out.append(f"        self.{p.name} = [{cls}('{p.name}')]")
    out += ["", "    def build(self) -> None:", '        """Put the pages into BAR0."""']
    out.append("        bar = self.create_map('bar0', 0, 8, uvm_endianness_e.UVM_LITTLE_ENDIAN)")
    out += ["        self.set_default_map(bar)", "        for pages, base, stride in ("]
    for p in model.pages:
        out.append(f"            (self.{p.name}, {p.base:#x}, {p.stride:#x}),")
    out += [
        "        ):",
        "            for index, page in enumerate(pages):",
        "                page.configure(self)",
        "                page.build()",
        "                bar.add_submap(page.get_default_map(), base + index * stride)",
    ]
    return "\n".join(out) + "\n"
