# SPDX-License-Identifier: Apache-2.0
"""Makes everything that depends on registers, layouts, opcodes and status codes."""
