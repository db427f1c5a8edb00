# SPDX-License-Identifier: Apache-2.0
"""Base of the pyuvm tests: builds the system, runs `traffic`, closes, lets the scoreboard judge."""

from __future__ import annotations

import random

import cocotb
from cocotb.triggers import Combine
from pyuvm import ConfigDB, uvm_root, uvm_test

from tb.system.env import SystemEnv
from tb.system.harness import System, SystemConfig
from tb.system.sequences import RandomTraffic


class SystemTest(uvm_test):
    """Override `config` and `traffic`."""

    COUNT = 40  # descriptors a channel

    def config(self) -> SystemConfig:
        return SystemConfig()

    def build_phase(self) -> None:
        self.system: System = ConfigDB().get(None, "", "SYSTEM")
        self.env = SystemEnv("env", self)

    def start_of_simulation_phase(self) -> None:
        self.rng = random.Random(self.system.seed ^ 0x5EED)

    async def run_phase(self) -> None:
        self.raise_objection()
        for agent in self.env.agents.values():
            agent.start_consumer()
        if self.system.mix().sends:
            self.system.start_posters()
        await self.traffic()
        await self.system.settle()
        await self.system.stop_posters()
        for agent in self.env.agents.values():
            await agent.stop_consumer()
        await self.system.close()
        self.env.scoreboard.memories = {n: self.system.reader(n) for n in self.system.names}
        self.drop_objection()

    async def traffic(self) -> None:
        """Random traffic on every channel at once."""
        tasks = []
        for agent in self.env.agents.values():
            channel = agent.channel
            gen = self.system.generator(channel.node.side.name, channel.ch)
            seq = RandomTraffic("traffic", gen, random.Random(self.rng.getrandbits(32)), self.COUNT)
            tasks.append(cocotb.start_soon(seq.start(agent.seqr)))
        await Combine(*tasks)

    def report_phase(self) -> None:
        self.system.tb.check_rules()
        self.system.sample()


async def run(dut, test: type[SystemTest], config: SystemConfig | None = None) -> System:
    """Set the hardware up, then run a pyuvm test on it."""
    system = System(dut)
    await system.begin(config or test.config(test))  # type: ignore[arg-type]
    channels = {
        f"{name.lower()}{ch}": (channel, system.consumers[name, ch])
        for name, node in system.nodes.items()
        for ch, channel in node.channels.items()
    }
    ConfigDB().set(None, "*", "SYSTEM", system)
    ConfigDB().set(None, "*", "RECORDER", system.recorder)
    ConfigDB().set(None, "*", "PAIR", system.pair)
    ConfigDB().set(None, "*", "CHANNELS", channels)
    await uvm_root().run_test(test, keep_set={ConfigDB})
    return system


__all__ = ["SystemTest", "run"]
