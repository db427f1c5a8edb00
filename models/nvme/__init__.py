# SPDX-License-Identifier: Apache-2.0
"""Executable specification of the NVMe block, docs/blocks/nvme.md, a module an idea."""
