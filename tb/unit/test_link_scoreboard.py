# SPDX-License-Identifier: Apache-2.0
"""The scoreboard of the link tests must fail on a broken link, and on silence."""

from __future__ import annotations

import pytest

from tb.unit.link_bench import Scoreboard


def play(got, sent=(1, 2, 3, 4), lossy=False, at_least=1):
    board = Scoreboard("test", lossy=lossy)
    for item in sent:
        board.sent(item)
    for item in got:
        board.received(item)
    if not lossy:
        board.end(at_least)


def test_good():
    """Stimulus: all in order. Checking: no complaint."""
    play((1, 2, 3, 4))
    play((2, 4), lossy=True)


@pytest.mark.parametrize(
    "got", [(1, 2, 4), (1, 2, 3), (1, 3, 2, 4), (1, 1, 2, 3, 4), (1, 2, 3, 4, 5), (1, 9, 3, 4), ()]
)
def test_bad(got):
    """Stimulus: lost, swapped, doubled, invented, changed, silent. Checking: it fails."""
    with pytest.raises(AssertionError):
        play(got)


@pytest.mark.parametrize("got", [(2, 1), (1, 1), (4, 4), (5,)])
def test_bad_lossy(got):
    """Stimulus: out of order, doubled or invented while losses are allowed. Checking: it fails."""
    with pytest.raises(AssertionError):
        play(got, lossy=True)


def test_silence():
    """Stimulus: nothing sent. Checking: comparing nothing is a failure."""
    with pytest.raises(AssertionError):
        play((), sent=())
