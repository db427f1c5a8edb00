# SPDX-License-Identifier: Apache-2.0
"""Carillon's command-line helpers: set-up, doctor, lint, waves and what they share."""
