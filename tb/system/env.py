# SPDX-License-Identifier: Apache-2.0
"""The environment: an agent a channel and node, the log monitor, the scoreboard."""

from __future__ import annotations

from pyuvm import ConfigDB, uvm_env

from tb.lib.driver import ChannelDriver
from tb.system.channel_agent import ChannelAgent, Consumer
from tb.system.monitor import LogMonitor
from tb.system.scoreboard import PairScoreboard


class SystemEnv(uvm_env):
    """`CHANNELS` in the ConfigDB: {agent name: (driver, consumer)}."""

    def build_phase(self) -> None:
        channels: dict[str, tuple[ChannelDriver, Consumer]] = self.cdb_get("CHANNELS")
        self.agents: dict[str, ChannelAgent] = {}
        for name, (channel, consumer) in channels.items():
            ConfigDB().set(self, f"{name}*", "CHANNEL", channel)
            ConfigDB().set(self, f"{name}*", "CONSUMER", consumer)
            self.agents[name] = ChannelAgent(name, self)
        self.monitor = LogMonitor("monitor", self)
        self.scoreboard = PairScoreboard("scoreboard", self)

    def connect_phase(self) -> None:
        self.monitor.ap.connect(self.scoreboard.analysis_export)
