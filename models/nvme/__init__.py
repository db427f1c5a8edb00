# SPDX-License-Identifier: Apache-2.0
"""Golden models of the NVMe block (docs/blocks/nvme.md)."""
