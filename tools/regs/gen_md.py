# SPDX-License-Identifier: Apache-2.0
"""The documentation: register map, layouts, status codes."""

from __future__ import annotations

from tools.regs.gen_sv import BANNER
from tools.regs.model import Model, Page, Reg

HEAD = "<!-- SPDX-License-Identifier: Apache-2.0 -->\n<!-- {} -->\n"


def _bits(lsb: int, width: int) -> str:
    return f"{lsb + width - 1}:{lsb}" if width > 1 else str(lsb)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _address(page: Page, reg: Reg) -> str:
    text = f"`0x{page.base + reg.offset:06X}`"
    if page.count > 1:
        text += f" + `0x{page.stride:X}`·n"
    if reg.count > 1:
        text += f" + `0x{reg.stride:X}`·i"
    return text


def field_rows(reg: Reg) -> list[str]:
    """The table of a register's fields."""
    out = ["| bits | field | access | reset | what |", "|---|---|---|---|---|"]
    for f in reg.fields:
        reset = "by parameters" if f.reset is None else f"`0x{f.reset:X}`"
        row = (_bits(f.lsb, f.width), f.name, f.access, reset, _cell(f.desc))
        out.append(f"| {' | '.join(row)} |")
    return out


def register_map(model: Model) -> str:
    """Return docs/register_map.md."""
    out = [
        HEAD.format(BANNER),
        "# Register map",
        "",
        "BAR0 is 2 MiB. Registers have 64 bits; 32-bit accesses go by strobes, and a 64-bit read",
        "of a counter is of one moment. Reserved space reads zero and ignores writes, with OKAY.",
        "Function 0 may access every page; an access from another FUNCTION_ID that does not own",
        "the page is dropped, reads all ones, answers OKAY and is counted (FUNC, FOREIGN_LAST).",
        "",
        "Access: ro read-only, rw read and write, wo write-only, w1c write 1 to clear.",
        "",
        "| page | address | copies | what |",
        "|---|---|---|---|",
    ]
    for p in model.pages:
        copies = "1" if p.count == 1 else f"up to {p.count}, every `0x{p.stride:X}`"
        out.append(f"| [{p.name}](#{p.name.lower()}) | `0x{p.base:06X}` | {copies} | {p.title} |")
    out.append("")
    for p in model.pages:
        out += [f"## {p.name}", "", f"{p.title}. {p.desc}".rstrip(), ""]
        out += ["| register | address | what |", "|---|---|---|"]
        for r in p.regs:
            out.append(f"| {r.name} | {_address(p, r)} | {r.title} |")
        out.append("")
        for r in p.regs:
            notes = [r.title + "."]
            if r.desc:
                notes.append(r.desc)
            if r.locked:
                notes.append("Read-only unless the channel is DISABLED.")
            if r.doorbell:
                notes.append("Doorbell.")
            out += [f"### {p.name}.{r.name}", "", " ".join(notes), ""]
            out += [*field_rows(r), ""]
    return "\n".join(out).rstrip() + "\n"


def layouts(model: Model) -> str:
    """Return docs/layouts.md."""
    out = [
        HEAD.format(BANNER),
        "# Layouts, opcodes and status codes",
        "",
        "Everything is little endian. What is not named is reserved: written 0, ignored.",
        "",
        "## Structures",
        "",
    ]
    for s in model.structs:
        size = f"{s.bits} bits" if s.internal else f"{s.bytes} bytes"
        out += [f"### {s.name}", "", f"{s.desc}; {size}.", ""]
        out += ["| bits | byte | field | what |", "|---|---|---|---|"]
        for f in s.fields:
            what = f.desc
            if f.enum or f.flags:
                name = f.enum or f.flags or ""
                what += f", see [{name}](#{name.lower()})"
            byte = str(f.lsb // 8) if f.lsb % 8 == 0 else f"{f.lsb // 8}, bit {f.lsb % 8}"
            out.append(f"| {_bits(f.lsb, f.width)} | {byte} | {f.name} | {_cell(what)} |")
        out.append("")
    out += ["## Numbers", ""]
    for e in model.enums:
        out += [f"### {e.name}", "", f"{e.desc}{'; bit numbers' if e.bits else ''}.", ""]
        out += ["| value | name | what |", "|---|---|---|"]
        for v in e.values:
            value = str(v.value) if e.bits else f"`0x{v.value:02X}`"
            out.append(f"| {value} | {v.name} | {_cell(v.desc)} |")
        out.append("")
    out += [
        "## Status codes",
        "",
        "Each code has one meaning and, at each end of the link, one place where it is raised. Bit 7 (`0x80`) is set when",
        "the fault was found at the peer.",
        "",
        "| code | name | raised by | meaning | what software should do |",
        "|---|---|---|---|---|",
    ]
    for st in model.status:
        row = (f"`0x{st.code:02X}`", st.name, st.raised, _cell(st.desc), _cell(st.action))
        out.append(f"| {' | '.join(row)} |")
    return "\n".join(out) + "\n"
