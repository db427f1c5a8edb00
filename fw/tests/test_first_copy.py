# SPDX-License-Identifier: Apache-2.0
"""The example of the programmer's guide: compiles without a warning, works on a fake and on the RTL."""

from __future__ import annotations

import pytest

from fw.tests.fake_node import FakeNode
from fw.tests.first_copy import Example, compiled
from fw.tests.native import INCLUDES, STRICT, Port, compile_c
from models.gen.carillon_layout import Cmd, Status
from tb.lib.sim import run_sim
from tb.lib.testbed import SYSTEM_SOURCES


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return compiled(tmp_path_factory.mktemp("first_copy"))


@pytest.fixture
def example(library):
    return Example(library)


def run(example: Example, node: FakeNode) -> int:
    return example.run(Port(node.read, node.write, lambda: None, lambda: None))


@pytest.mark.parametrize("options", [(), (*STRICT, "-O0")])
def test_compiles(tmp_path, options):
    """*Stimulus*: the example with the header of real hardware, C11, more and more warnings. *Checking*: none."""
    compile_c(["examples/first_copy.c"], *INCLUDES, *options, "-c", "-o", str(tmp_path / "out.o"))


def test_copies(example):
    """*Stimulus*: a fake node that works. *Checking*: success, the data, and the commands in their order."""
    node = FakeNode(example.area, example.BUS)
    assert run(example, node) == example.OK
    example.check()
    assert node.commands == [Cmd.RESET] * 3 + [Cmd.ENABLE, Cmd.DRAIN]
    assert node.begun == example.PIECES + 1 and node.posted == node.consumed == example.PIECES


@pytest.mark.parametrize("at", [0, 1, 4, 10])
def test_reports_an_error(example, at):
    """*Stimulus*: the fill, or one of the copies, ends with an error. *Checking*: its status comes out, and the
    channel is reset."""
    node = FakeNode(example.area, example.BUS, statuses={at: Status.READ_SLVERR})
    assert run(example, node) == example.STATUS
    assert example.failed.value == Status.READ_SLVERR and node.commands[-1] == Cmd.RESET


def test_gives_up(example):
    """*Stimulus*: nothing ever completes. *Checking*: time-out, and the channel is reset."""
    node = FakeNode(example.area, example.BUS, deaf=True)
    assert run(example, node) == example.TIMEOUT
    assert node.commands[-1] == Cmd.RESET


def test_finds_no_node(example):
    """*Stimulus*: all registers read ones, as a bus without a device does. *Checking*: told so, nothing written."""
    written = []
    port = Port(
        lambda addr: (1 << 64) - 1,
        lambda *access: written.append(access),
        lambda: None,
        lambda: None,
    )
    assert example.run(port) == example.NODE and not written


@pytest.mark.system
def test_on_rtl():
    """*Stimulus*, *Checking*: first_copy_on_rtl.py."""
    run_sim(
        "crl_tb_node",
        "fw.tests.first_copy_on_rtl",
        {"DATA_W": 64, "CHANNELS": 2},
        SYSTEM_SOURCES,
        sim="icarus",
    )
