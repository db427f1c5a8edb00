# SPDX-License-Identifier: Apache-2.0
"""carillon.core for FuseSoC (CAPI 2): sources in the order of rtl/files.f, parameters of crl_node."""

from __future__ import annotations

import re
import tomllib

from tools.paths import ROOT, read_filelist
from tools.regs.model import Model

TOP = "crl_node"
PARAMETER = re.compile(r"^ {4}parameter int (\w+)\s*=.*?//\s*(.+?)\s*$", re.M)

HEAD = """\
CAPI=2:
# SPDX-License-Identifier: Apache-2.0
# Generated from rtl/files.f and rtl/node/crl_node.sv by `make regs`; do not edit.
name: "carillon::{top}:{version}"
description: "Multi-channel DMA engine with an emulated RDMA link between controllers"
filesets:
  rtl:
    file_type: systemVerilogSource
    files:
"""

TAIL = """\
targets:
  default: &default
    filesets: [rtl]
    toplevel: {top}
    parameters: [{names}]
  lint:
    <<: *default
    flow: lint
    flow_options:
      tool: verilator
      verilator_options: [-Wall, -Wno-fatal]
"""


def generate(_model: Model) -> str:
    """The whole file; nothing in it depends on registers but the package that they make."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    files = [path.relative_to(ROOT).as_posix() for path in read_filelist(ROOT / "rtl/files.f")]
    parameters = PARAMETER.findall((ROOT / "rtl/node/crl_node.sv").read_text(encoding="utf-8"))
    out = [HEAD.format(top=TOP, version=version)]
    out += [f"      - {name}\n" for name in files]
    out.append("parameters:\n")
    for name, what in parameters:
        out.append(f'  {name}:\n    datatype: int\n    paramtype: vlogparam\n    description: "{what}"\n')
    out.append(TAIL.format(top=TOP, names=", ".join(name for name, _ in parameters)))
    return "".join(out)
