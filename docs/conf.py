# SPDX-License-Identifier: Apache-2.0
"""Sphinx set-up: Markdown pages of this folder, as `make docs` builds them."""

import tomllib
from pathlib import Path

project = "Carillon"
author = "The Carillon authors"
project_copyright = "2026, The Carillon authors"
release = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"][
    "version"
]

extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "tasklist"]
myst_heading_anchors = 4
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"Carillon {release}"
suppress_warnings = [
    "myst.xref_missing",
    "misc.highlighting_failure",
]  # links to files outside docs/
