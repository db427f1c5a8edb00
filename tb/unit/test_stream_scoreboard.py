# SPDX-License-Identifier: Apache-2.0
"""The scoreboard of the stream tests must fail on a broken stream."""

import pytest

from tb.unit.stream import Scoreboard


def run(outgoing, incoming=(1, 2, 3, 4), at_least=1):
    board = Scoreboard()
    for beat in incoming:
        board.sent(beat)
    for beat in outgoing:
        board.received(beat)
    board.end(at_least)


def test_whole_stream_passes():
    """Stimulus: what went in comes out. Checking: no complaint."""
    run((1, 2, 3, 4))


@pytest.mark.parametrize(
    "outgoing",
    [(1, 2, 4), (1, 2, 3), (1, 3, 2, 4), (1, 2, 2, 3, 4), (1, 2, 3, 4, 5), (1, 2, 7, 4), ()],
    ids=["lost", "stuck", "swapped", "twice", "invented", "changed", "silent"],
)
def test_broken_stream_fails(outgoing):
    """Stimulus: a beat lost, stuck, swapped, doubled, invented or changed.
    Checking: the scoreboard fails."""
    with pytest.raises(AssertionError):
        run(outgoing)


def test_nothing_compared_fails():
    """Stimulus: nothing in, nothing out. Checking: the scoreboard fails."""
    with pytest.raises(AssertionError):
        run((), incoming=())
