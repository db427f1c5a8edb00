# SPDX-License-Identifier: Apache-2.0
"""Executable specification of docs/blocks/rdma.md, and checks over what can be seen of it."""
