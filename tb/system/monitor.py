# SPDX-License-Identifier: Apache-2.0
"""Publishes what the simulation's own monitors logged, in the order of time, when the run is over."""

from __future__ import annotations

from pyuvm import uvm_analysis_port, uvm_monitor

from tb.lib.recorder import Recorder


class LogMonitor(uvm_monitor):
    """Replays burst, register and frame logs into its analysis port in the extract phase."""

    def build_phase(self) -> None:
        self.ap = uvm_analysis_port("ap", self)
        self.recorder: Recorder = self.cdb_get("RECORDER")
        self.published = 0

    def extract_phase(self) -> None:
        for event in self.recorder.events():
            self.ap.write(event)
            self.published += 1
