# SPDX-License-Identifier: Apache-2.0
"""Golden models: plain Python, no simulator."""
