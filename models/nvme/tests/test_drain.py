# SPDX-License-Identifier: Apache-2.0
"""The small controller round the drain: what the contract's order of waits is good for."""

from __future__ import annotations

import random

import pytest

from models.nvme.drain import At, Drain, Says, Sees, World
from models.nvme.mailbox_regs import What

QUEUES = 4
LIMIT = 1000


def drain(seed: int, what: int, without: str = "") -> tuple[bool, World]:
    """A controller at work, and a drain; returns whether it came to its end, and the controller."""
    rng = random.Random(seed)
    w = World(QUEUES, rng)
    w.pace = {a.name: rng.choice((0.1, 0.5, 1.0)) for a in At}
    for _ in range(rng.randrange(100)):
        w.step(Says())
    w.run = what == What.QUEUE
    for _ in range(rng.randrange(4)):
        w.step(Says())
    steps = Drain(what, rng.randint(0, QUEUES), rng.random() < 0.5, without).run()
    says: Says = next(steps)
    for _ in range(LIMIT):
        sees: Sees = w.sees()
        w.step(says)
        try:
            says = steps.send(sees)
        except StopIteration:
            return True, w
    return False, w


def of_it(w: World, what: int) -> list:
    qid = next(iter(w.killed)) if what == What.QUEUE else None
    return [*w.left(qid), *w.reads(qid)]


@pytest.mark.model
@pytest.mark.parametrize("what", What)
def test_nothing_is_left(what):
    """Stimulus: drains of each kind at random moments of a controller at any pace. Checking: they end, and nothing is left."""
    for seed in range(25):
        over, w = drain(seed, what)
        assert over, f"seed {seed}: no end, {w.left()}"
        assert not of_it(w, what), f"seed {seed}: {of_it(w, what)} left"


@pytest.mark.model
@pytest.mark.parametrize(
    "what, without",
    [(What.QUEUE, n) for n in ("fetched", "x_busy", "p_idle", "c_idle")]
    + [(What.RESET, n) for n in ("x_idle", "c_idle", "fetched")]
    + [(What.SHUTDOWN, n) for n in ("x_idle", "c_idle")],
)
def test_each_wait_matters(what, without):
    """Stimulus: the same without one of the waits. Checking: some controller has something left, or never ends."""
    bad = 0
    for seed in range(600):
        over, w = drain(seed, what, without)
        bad += not over or bool(of_it(w, what))
        if bad:
            break
    assert bad, f"{without} is left out, and nobody notices"


@pytest.mark.model
def test_lists_stopped_too_early():
    """Stimulus: a controller whose commands need lists, and `p_stop`. Checking: they wait for it, whoever drops them."""
    w = World(QUEUES, random.Random(3))
    while not w.count(At.LIST):
        w.step(Says())
    for _ in range(300):
        w.step(Says(p_stop=True, drop_all=True, f_stop=True))
    assert w.sees().p_idle
    w.pace["LIST"] = 1.0
    lists = w.count(At.LIST)
    for _ in range(50):
        w.step(Says(drop_all=True, f_stop=True))
    assert w.count(At.LIST) < max(lists, 1)
