# SPDX-License-Identifier: Apache-2.0
"""The C headers: register offsets and masks; structures whose size and offsets are asserted."""

from __future__ import annotations

from dataclasses import dataclass, field

from tools.regs.gen_sv import BANNER
from tools.regs.model import Model, Struct, StructField

HEAD = """/* SPDX-License-Identifier: Apache-2.0 */
/* {banner} */
#ifndef {guard}
#define {guard}
"""


@dataclass
class Member:
    """A member of a C structure: one field, or a unit that several share."""

    name: str
    lsb: int
    width: int
    fields: list[StructField] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """The member is exactly one field."""
        return len(self.fields) == 1 and self.fields[0].width == self.width


def members(s: Struct) -> list[Member]:
    """Lay a structure out in naturally aligned members, with what is reserved as bytes."""
    out: list[Member] = []
    rest = sorted(s.fields, key=lambda f: f.lsb)
    at = 0

    def reserve(upto: int) -> None:
        nonlocal at
        if upto > at:
            out.append(Member(f"reserved_{at // 8}", at, upto - at))
        at = upto

    while rest:
        first = rest[0]
        for width in (8, 16, 32, 64):
            base = first.lsb // width * width
            inside = [f for f in rest if f.lsb < base + width]
            if base >= at and all(f.lsb + f.width <= base + width for f in inside):
                break
        else:
            raise ValueError(f"{s.name}.{first.name} fits in no aligned unit with what shares it")
        reserve(base)
        name = "_".join(f.name.lower() for f in inside)
        out.append(Member(name, base, width, inside))
        at = base + width
        rest = rest[len(inside) :]
    reserve(s.bits)
    return out


def layouts(model: Model) -> str:
    """Return fw/include/carillon_layout.h."""
    out = [HEAD.format(banner=BANNER, guard="CARILLON_LAYOUT_H")]
    out += ["#include <assert.h>", "#include <stddef.h>", "#include <stdint.h>", ""]
    out.append("/* Memory holds these little endian: a big-endian processor swaps each member. */")
    out.append("")
    major, minor, patch = model.version
    out += [f"#define CRL_VERSION_MAJOR {major}", f"#define CRL_VERSION_MINOR {minor}"]
    out += [f"#define CRL_VERSION_PATCH {patch}", ""]
    for e in model.enums:
        low = e.name.lower()
        out.append(f"/* {e.desc}{' (masks)' if e.bits else ''} */")
        out.append(f"enum crl_{low} {{")
        for v in e.values:
            value = f"1 << {v.value}" if e.bits else f"0x{v.value:02X}"
            out.append(f"    CRL_{e.name}_{v.name} = {value}, /* {v.desc} */")
        out += ["};", ""]
    out += ["/* Status codes */", "enum crl_status {"]
    out += [f"    CRL_ST_{s.name} = 0x{s.code:02X}, /* {s.desc} */" for s in model.status]
    out += ["    CRL_ST_AT_PEER = 0x80 /* set beside a code: found at the peer */", "};", ""]
    for s in model.structs:
        if s.internal:
            continue
        low = s.name.lower()
        lay = members(s)
        out += [f"/* {s.desc} */", f"struct crl_{low} {{"]
        for m in lay:
            if m.fields:
                notes = "; ".join(f.desc for f in m.fields)
                out.append(f"    uint{m.width}_t {m.name}; /* {notes} */")
            else:
                out.append(f"    uint8_t {m.name}[{m.width // 8}];")
        out += ["};", f'static_assert(sizeof(struct crl_{low}) == {s.bytes}, "size of {s.name}");']
        for m in lay:
            out.append(
                f"static_assert(offsetof(struct crl_{low}, {m.name}) == {m.lsb // 8},"
                f' "offset of {s.name}.{m.name}");'
            )
        out.append("")
        for m in lay:
            if not m.fields or m.whole:
                continue
            for f in m.fields:
                shift = f.lsb - m.lsb
                mask = (
                    f"0x{((1 << f.width) - 1):X}u"
                    if m.width < 64
                    else (f"UINT64_C(0x{((1 << f.width) - 1):X})")
                )
                name = f"crl_{low}_{f.name.lower()}"
                typ = f"uint{m.width}_t"
                out += [
                    f"static inline {typ} {name}(const struct crl_{low} *p)",
                    "{",
                    f"    return ({typ})((p->{m.name} >> {shift}) & {mask});",
                    "}",
                    "",
                    f"static inline void {name}_set(struct crl_{low} *p, {typ} value)",
                    "{",
                    f"    p->{m.name} = ({typ})((p->{m.name} & ~(({mask}) << {shift}))"
                    f" | (({typ})(value & {mask}) << {shift}));",
                    "}",
                    "",
                ]
    out += ["/* The name of a status code, without what bit 7 says. */"]
    out += ["static inline const char *crl_status_name(uint8_t code)", "{"]
    out += ["    switch (code & 0x7Fu) {"]
    out += [f'    case CRL_ST_{s.name}: return "{s.name}";' for s in model.status]
    out += ['    default: return "unknown";', "    }", "}", "", "#endif"]
    return "\n".join(out) + "\n"


def registers(model: Model) -> str:
    """Return fw/include/carillon_regs.h."""
    out = [HEAD.format(banner=BANNER, guard="CARILLON_REGS_H"), "#include <stdint.h>", ""]
    out.append("/* Address in BAR0: CRL_ADDR(CH, DRING_PROD, 3) */")
    out.append(
        "#define CRL_ADDR(page, reg, index) \\\n"
        "    (CRL_BAR_##page##_BASE + CRL_BAR_##page##_STRIDE * (uint32_t)(index) \\\n"
        "     + CRL_REG_##page##_##reg)"
    )
    out.append("/* A field out of a register's value, and into one: CRL_GET(CH_STATUS_STATE, v) */")
    out.append("#define CRL_GET(field, value) \\")
    out.append("    (((uint64_t)(value) & CRL_##field##_MASK) >> CRL_##field##_LSB)")
    out.append("#define CRL_PUT(field, value) \\")
    out.append("    (((uint64_t)(value) << CRL_##field##_LSB) & CRL_##field##_MASK)")
    out.append("")
    for p in model.pages:
        out.append(f"/* {p.title} */")
        out.append(f"#define CRL_BAR_{p.name}_BASE 0x{p.base:06X}u")
        out.append(f"#define CRL_BAR_{p.name}_STRIDE 0x{p.stride:X}u")
        for r in p.regs:
            out.append(f"#define CRL_REG_{p.name}_{r.name} 0x{r.offset:03X}u /* {r.title} */")
            for f in r.fields:
                mask = ((1 << f.width) - 1) << f.lsb
                out.append(f"#define CRL_{p.name}_{r.name}_{f.name}_LSB {f.lsb}")
                out.append(f"#define CRL_{p.name}_{r.name}_{f.name}_MASK UINT64_C(0x{mask:X})")
        out.append("")
    out.append("#endif")
    return "\n".join(out) + "\n"
