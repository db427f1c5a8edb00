# SPDX-License-Identifier: Apache-2.0
"""The demonstration: a real file from controller A's memory to controller B's. `python -m tools.demo`."""
