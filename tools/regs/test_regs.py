# SPDX-License-Identifier: Apache-2.0
"""Tests of the generators: what they make is accepted by its tools, and drift is noticed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import models.gen.carillon_mbox as mbox
import models.layout as layout
from tools.paths import tool_env
from tools.regs.__main__ import OUTPUTS, html, main
from tools.regs.gen_c import members
from tools.regs.model import LAYOUTS, MAILBOX, RDL, ROOT, SourceError, load

pytestmark = pytest.mark.tools

PACKAGES = ["crl_pkg.sv", "crl_mbox_pkg.sv"]
STRUCTS = [layout.Desc, layout.Cqe, layout.Segaddr, layout.Frame, layout.Segent]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A project with the sources and everything generated."""
    for name in (RDL, MAILBOX, LAYOUTS, *OUTPUTS):
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
    return tmp_path


def run(*cmd: str, **kwargs) -> subprocess.CompletedProcess:
    """Run a tool of the project's environment."""
    return subprocess.run(
        cmd, env=tool_env(), capture_output=True, text=True, check=False, timeout=300, **kwargs
    )


def test_up_to_date(capsys):
    """Stimulus: the project as it is.
    Checking: nothing generated differs from what the sources say."""
    assert main(["--check"]) == 0, capsys.readouterr().err


@pytest.mark.parametrize("name", sorted(OUTPUTS))
def test_drift_is_noticed(copy, capsys, name):
    """Stimulus: one generated file is changed, then deleted, then written again.
    Checking: exit status 1 and a sentence with its name; then 0."""
    assert main(["--check", "--root", str(copy)]) == 0
    path = copy / name
    path.write_text(path.read_text() + "\n")
    assert main(["--check", "--root", str(copy)]) == 1
    assert name in capsys.readouterr().err
    path.unlink()
    assert main(["--check", "--root", str(copy)]) == 1
    assert f"{name} is missing" in capsys.readouterr().err
    assert main(["--root", str(copy)]) == 0
    assert main(["--check", "--root", str(copy)]) == 0


@pytest.mark.parametrize(
    "old, new, says",
    [
        ("TAG:     {bits: [16, 16]", "TAG:     {bits: [12, 16]", "overlaps"),
        ("EXT: 0x0F  ", "EXT: 0x09  ", "has the value of"),
        ("RESET: 6  ", "RESET: 9  ", "does not fit"),
        ("BAD_LENGTH:      {code: 0x02", "BAD_LENGTH:      {code: 0x01", "taken"),
        ("enum: OP,", "enum: OPS,", "unknown enum"),
        ("NOP: 0x00          # nothing but a completion", "NOP: 0x00", "no comment"),
    ],
)
def test_bad_layouts(copy, capsys, old, new, says):
    """Stimulus: layouts that contradict themselves.
    Checking: refused with a sentence that says where."""
    path = copy / LAYOUTS
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    assert main(["--root", str(copy)]) == 1
    assert says in capsys.readouterr().err


def test_bad_rdl(copy):
    """Stimulus: a register description that does not compile.
    Checking: SourceError, not a traceback of the compiler."""
    (copy / RDL).write_text("addrmap carillon { oops };")
    with pytest.raises(SourceError):
        load(copy)


@pytest.mark.parametrize(
    "text, says",
    [
        ("addrmap mailbox { oops };", "mailbox.rdl"),
        ("addrmap mailbox { regfile { reg { field {} A[63:0] = 0; } B @ 0; } C @ 0; };", "32-bit registers"),
    ],
)
def test_bad_mailbox(copy, capsys, text, says):
    """Stimulus: a mailbox that does not compile, and one with a register of 64 bits.
    Checking: refused with a sentence."""
    (copy / MAILBOX).write_text("default regwidth = 64;\n" + text)
    assert main(["--root", str(copy)]) == 1
    assert says in capsys.readouterr().err


C_USER = """
#include "carillon_regs.h"
#include "carillon_layout.h"
#include <stdio.h>
#include <string.h>

int main(void)
{
    struct crl_cqe cqe;
    unsigned char raw[sizeof cqe];
    memset(&cqe, 0xFF, sizeof cqe);
    crl_cqe_kind_set(&cqe, CRL_CQE_KIND_RECEIVE);
    crl_cqe_phase_set(&cqe, 0);
    cqe.tag = 0x1234;
    memcpy(raw, &cqe, sizeof raw);
    for (size_t i = 0; i < sizeof raw; i++)
        printf("%02x", raw[i]);
    printf(" %x %s %d %d\\n", (unsigned)CRL_ADDR(CH, DRING_PROD, 3),
           crl_status_name(CRL_ST_SEG_RANGE | CRL_ST_AT_PEER), CRL_DESC_FLAG_NOTIFY,
           (int)CRL_GET(CH_STATUS_STATE, CRL_PUT(CH_STATUS_STATE, CRL_STATE_ERROR)));
    return crl_cqe_kind(&cqe) == CRL_CQE_KIND_RECEIVE && crl_cqe_phase(&cqe) == 0 ? 0 : 1;
}
"""


def test_c_headers(tmp_path):
    """Stimulus: a C11 program with both headers, -Wall -Wextra -Wpedantic -Werror.
    Checking: compiles, and agrees with Python on bytes, addresses and names."""
    source, binary = tmp_path / "user.c", tmp_path / "user"
    source.write_text(C_USER)
    flags = ("-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{ROOT / 'fw/include'}")
    done = run("gcc", *flags, "-o", str(binary), str(source))
    assert done.returncode == 0, done.stderr
    done = run(str(binary))
    assert done.returncode == 0
    raw, addr, name, notify, state = done.stdout.split()
    cqe = layout.Cqe.unpack(bytes.fromhex(raw))
    assert (cqe.tag, cqe.kind, cqe.phase) == (0x1234, layout.CqeKind.RECEIVE, 0)
    assert cqe.bytes == 0xFFFFFFFF
    assert int(addr, 16) == layout.reg_addr("CH", "DRING_PROD", 3)
    assert name == layout.Status.SEG_RANGE.name
    assert int(notify) == 1 << layout.DescFlag.NOTIFY and int(state) == layout.State.ERROR


def test_mailbox_c_header(tmp_path):
    """Stimulus: a C11 program that prints every address of the mailbox, and puts a value together and apart.
    Checking: compiles with -Werror; addresses, values and named values are Python's."""
    names = list(mbox.REGS)
    lines = "".join(f'    printf("%u\\n", CRL_MBOX_{n});\n' for n in names)
    source, binary = tmp_path / "user.c", tmp_path / "user"
    source.write_text(
        '#include "carillon_mbox.h"\n#include <stdio.h>\nint main(void)\n{\n    uint32_t v ='
        " CRL_MBOX_PUT(CPL_GO_CID, 0x1234) | CRL_MBOX_PUT(CPL_GO_STATUS, 5) | CRL_MBOX_PUT(CPL_GO_DNR, 1);\n"
        + lines
        + '    printf("%u %u %u\\n", v, CRL_MBOX_GET(CPL_GO_CID, v), CRL_MBOX_EVENT0_KIND_COMMAND);\n    return 0;\n}\n'
    )
    flags = ("-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{ROOT / 'fw/include'}")
    done = run("gcc", *flags, "-o", str(binary), str(source))
    assert done.returncode == 0, done.stderr
    *addresses, last = run(str(binary)).stdout.splitlines()
    assert [int(a) for a in addresses] == [mbox.reg_addr(n) for n in names]
    word = mbox.reg_value("CPL_GO", CID=0x1234, STATUS=5, DNR=1)
    assert last.split() == [str(word), str(0x1234), str(int(mbox.Event0Kind.COMMAND))]


def test_mailbox_python():
    """Stimulus: every register of the mailbox.
    Checking: none overlaps another, all lie in 13 bits, fields come back from a value; too large ones are refused."""
    taken: set[int] = set()
    for name, info in mbox.REGS.items():
        words = {mbox.reg_addr(name, i) for i in range(info.count)}
        assert len(words) == info.count and not words & taken and max(words) < 1 << mbox.ADDR_W
        taken |= words
        for field, (_, width, _, _) in info.fields.items():
            top = (1 << width) - 1
            assert mbox.reg_field(name, field, mbox.reg_value(name, **{field: top})) == top
            with pytest.raises(ValueError, match=field):
                mbox.reg_value(name, **{field: top + 1})
        with pytest.raises(ValueError, match=name):
            mbox.reg_addr(name, info.count)
    assert mbox.reg_addr("PAGE") == 0x1000 and mbox.reg_addr("EVENTS_LOST") == 0x018


SV_USER = """
module user;
  localparam int SUM = {sum};
  initial if (SUM != {total}) $fatal(1, "a constant differs");
  logic [7:0] op = crl_pkg::OP_COPY;
  logic [63:0] mask = crl_pkg::WMASK_CHP_OWNER;
  localparam int MBOX = {mbox};
  initial if (MBOX != {mbox_total}) $fatal(1, "an address of the mailbox differs");
endmodule
"""


def sv_user(folder: Path) -> Path:
    """A module that uses every structure's constants, with their sum from Python."""
    names = [
        (f"crl_pkg::{c.NAME}_{f.upper()}_{part}", number[i])
        for c in STRUCTS
        for f, number in c.FIELDS.items()
        for i, part in enumerate(("LSB", "W"))
    ]
    path = folder / "user.sv"
    total = sum(n for _, n in names)
    text = SV_USER.format(
        sum=" + ".join(n for n, _ in names),
        total=total,
        mbox=" + ".join(f"32'(crl_mbox_pkg::REG_{n})" for n in mbox.REGS),
        mbox_total=sum(info.offset for info in mbox.REGS.values()),
    )
    path.write_text(text)
    return path


def test_sv_icarus(tmp_path):
    """Stimulus: the package and a user of it in Icarus.
    Checking: compiles; the constants are Python's."""
    user, binary = sv_user(tmp_path), tmp_path / "user.vvp"
    packages = [str(ROOT / f"rtl/regs/gen/{name}") for name in PACKAGES]
    done = run("iverilog", "-g2012", "-s", "user", "-o", str(binary), *packages, str(user))
    assert done.returncode == 0, done.stderr
    done = run("vvp", "-n", str(binary))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("tool", ["verilator", "yosys"])
def test_sv_parses(tmp_path, tool):
    """Stimulus: the package and a user of it in Verilator and Yosys.
    Checking: accepted."""
    user = sv_user(tmp_path)
    for name in PACKAGES:
        shutil.copyfile(ROOT / "rtl/regs/gen" / name, tmp_path / name)
    if tool == "verilator":
        # The package serves all of the project; one module uses few of its constants.
        quiet = ["-Wno-UNUSEDSIGNAL", "-Wno-UNUSEDPARAM"]
        cmd = ["verilator", "--lint-only", "-Wall", *quiet, *PACKAGES, user.name]
    else:
        user.write_text(user.read_text().replace("initial if", "// initial if"))
        cmd = ["yosys", "-q", "-p", f"read_verilog -sv {' '.join(PACKAGES)} user.sv; hierarchy -top user"]
    if shutil.which(cmd[0], path=tool_env()["PATH"]) is None:
        pytest.skip(f"{cmd[0]} is not installed")
    done = run(*cmd, cwd=tmp_path)
    assert done.returncode == 0, done.stderr + done.stdout


@given(data=st.data())
@pytest.mark.parametrize("cls", STRUCTS)
def test_round_trip(cls, data):
    """Stimulus: random values of all fields, random bytes.
    Checking: pack and unpack are inverse; reserved bits are ignored; each bit is where it should."""
    values = {
        name: data.draw(st.integers(0, (1 << width) - 1)) for name, (_, width) in cls.FIELDS.items()
    }
    item = cls(**values)
    raw = item.pack()
    assert len(raw) == cls.SIZE
    assert cls.unpack(raw) == item
    word = int.from_bytes(raw, "little")
    for name, (lsb, width) in cls.FIELDS.items():
        assert word >> lsb & (1 << width) - 1 == values[name]
    noise = data.draw(st.binary(min_size=cls.SIZE, max_size=cls.SIZE))
    again = cls.unpack(noise)
    assert cls.unpack(again.pack()) == again


@pytest.mark.parametrize("cls", STRUCTS)
def test_too_large(cls):
    """Stimulus: a value one too large for each field, bytes of a wrong length.
    Checking: refused with the field's name."""
    for name, (_, width) in cls.FIELDS.items():
        with pytest.raises(ValueError, match=name):
            cls(**{name: 1 << width}).pack()
    with pytest.raises(ValueError, match="bytes"):
        cls.unpack(bytes(cls.SIZE + 1))


def test_members_cover_structures():
    """Stimulus: the C layout of each structure.
    Checking: members are adjacent, aligned, and hold every field."""
    for struct in load().structs:
        if struct.internal:
            continue
        at = 0
        fields = []
        for member in members(struct):
            assert member.lsb == at
            if member.fields:
                assert member.lsb % member.width == 0
            at += member.width
            fields += [f.name for f in member.fields]
        assert at == struct.bits and fields == [f.name for f in struct.fields]


def test_status_table():
    """Stimulus: all status codes.
    Checking: each has a text and an action, bit 7 shows in the name, unknown codes have one too."""
    for status in layout.Status:
        info = layout.STATUS_INFO[status]
        assert info.name == status.name and info.text and info.action and info.raised
        assert layout.status_name(status | 0x80) == f"{status.name} at the peer"
    assert "0x7f" in layout.status_name(0x7F)


def test_register_model():
    """Stimulus: the pyuvm register model of a small node.
    Checking: addresses and resets are those of the layout module."""
    from tb.gen.carillon_ral import Carillon

    ral = Carillon(CH=2, CHP=2, MSIX=3, SEG=2, PEER=1, FUNC=2)
    ral.build()
    ral.lock_model()
    assert ral.CH[1].DRING_PROD.get_address() == layout.reg_addr("CH", "DRING_PROD", 1)
    assert ral.SEG[1].CTRL.get_address() == layout.reg_addr("SEG", "CTRL", 1)
    assert ral.PBA[0].PBA_1.get_address() == layout.reg_addr("PBA", "PBA", 0, 1)
    assert ral.MSIX[0].DATA_CTRL.get_reset() == 1 << 32


def test_html(tmp_path):
    """Stimulus: the browsable register map.
    Checking: it is made."""
    html(ROOT, tmp_path / "html")
    assert (tmp_path / "html" / "index.html").stat().st_size > 1000
