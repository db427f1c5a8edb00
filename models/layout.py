# SPDX-License-Identifier: Apache-2.0
"""Layouts, opcodes, status codes and registers; generated, see `make regs`."""

from models.gen.carillon_layout import *  # noqa: F403
