# SPDX-License-Identifier: Apache-2.0
"""How `Pair` explains what it sees: a module an idea, each a part of the class."""
