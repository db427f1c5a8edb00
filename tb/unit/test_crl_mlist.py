# SPDX-License-Identifier: Apache-2.0
"""Unit tests of crl_mlist."""

import random
from collections import deque

import cocotb
import pytest
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge

from tb.lib.sim import run_sim, sim_parameters
from tb.unit.stream import value


class Model:
    """Q queues of (index, payload), and the set of entries in use."""

    def __init__(self, q: int, n: int) -> None:
        self.n = n
        self.queues = [deque() for _ in range(q)]
        self.used: set[int] = set()
        self.last: tuple[int, tuple[int, int]] | None = None  # queue and entry of the last cycle's dequeue

    def enqueue(self, q: int, index: int, data: int) -> None:
        assert index not in self.used, f"entry {index} was handed out twice"
        self.used.add(index)
        self.queues[q].append((index, data))

    def dequeue(self, q: int) -> None:
        self.last = (q, self.queues[q].popleft())

    def settle(self, undo: bool) -> None:
        """The dequeue of the last cycle is taken back, or its entry is free."""
        if self.last is None:
            return
        q, entry = self.last
        if undo:
            self.queues[q].appendleft(entry)
        else:
            self.used.remove(entry[0])
        self.last = None

    @property
    def free(self) -> int:
        return self.n - len(self.used)


class Bench:
    def __init__(self, dut) -> None:
        p = sim_parameters()
        self.dut, self.q, self.n, self.w = dut, p["Q"], p["N"], p["W"]
        self.rng = random.Random(cocotb.RANDOM_SEED)
        self.heads = self.both_same = self.became_empty_and_refilled = self.full = 0
        self.undone = self.undone_last = self.undone_enqueued = 0
        cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start())

    async def reset(self) -> None:
        dut = self.dut
        dut.rst.value, dut.enq_valid.value, dut.deq_valid.value, dut.undo.value = 1, 0, 0, 0
        dut.enq_q.value = dut.deq_q.value = dut.rd_q.value = dut.enq_data.value = 0
        dut.rd_sel.value = 1
        for _ in range(self.rng.randrange(1, 4)):
            await RisingEdge(dut.clk)
        self.model = Model(self.q, self.n)
        dut.rst.value = 0
        for _ in range(self.n + 8):
            await FallingEdge(dut.clk)
            if value(dut.ready):
                break
            assert not value(dut.enq_ready)
            await RisingEdge(dut.clk)
        assert value(dut.ready)
        await RisingEdge(dut.clk)

    async def cycle(self, enq: int | None, deq: int | None, undo: bool = False) -> None:
        """One cycle: enqueue into enq and dequeue from deq, if given and possible, or take back the
        dequeue of the last cycle."""
        dut, model = self.dut, self.model
        if undo or (deq is not None and not model.queues[deq]):
            deq = None
        dut.undo.value = int(undo)
        data, rd = self.rng.getrandbits(self.w), self.rng.randrange(self.q)
        dut.enq_valid.value, dut.enq_q.value = int(enq is not None), enq or 0
        dut.enq_data.value = data
        dut.deq_valid.value = int(deq is not None)
        dut.deq_q.value = self.rng.randrange(self.q) if deq is None else deq
        dut.rd_q.value, dut.rd_sel.value = rd, 1 << rd
        await FallingEdge(dut.clk)
        assert value(dut.free_level) == model.free
        assert value(dut.enq_ready) == (model.free > 0)
        empties = sum((not queue) << i for i, queue in enumerate(model.queues))
        assert value(dut.empty) == empties
        assert value(dut.rd_empty) == (not model.queues[rd])
        if model.queues[rd]:
            assert (value(dut.rd_idx), value(dut.rd_data)) == model.queues[rd][0]
            self.heads += 1
        self.full += not model.free
        if enq is not None and enq == deq:
            self.both_same += 1
            self.became_empty_and_refilled += len(model.queues[enq]) == 1
        accepted = enq is not None and model.free > 0
        index = value(dut.enq_idx) if accepted else None
        if undo and model.last is not None:
            self.undone += 1
            self.undone_last += not model.queues[model.last[0]]
            self.undone_enqueued += accepted and enq == model.last[0]
        assert index is None or index not in model.used
        model.settle(undo)
        if deq is not None:
            model.dequeue(deq)
        if accepted:
            model.enqueue(enq, index, data)
        await RisingEdge(dut.clk)

    async def drain(self) -> None:
        for q in range(self.q):
            while self.model.queues[q]:
                await self.cycle(None, q)
        for _ in range(2):
            await self.cycle(None, None)
        assert self.model.free == self.n


@cocotb.test()
async def random_traffic(dut):
    """Stimulus: enqueues and dequeues of random queues at rates that fill, balance and empty,
    focused on one queue at times; dequeues are taken back.
    Checking: head index and payload of a random queue, all empty flags, free level and the
    uniqueness of entries, every cycle."""
    bench = Bench(dut)
    await bench.reset()
    rng = bench.rng
    for enq_rate, deq_rate in [(1, 0.3), (0.3, 1), (1, 1), (0.5, 0.5), (1, 0.9), (0.9, 1)] * 2:
        for _ in range(3 * bench.n + 60):
            focus = rng.randrange(bench.q) if rng.random() < 0.2 else None
            pick = lambda: rng.randrange(bench.q) if focus is None else focus  # noqa: E731, B023
            enq = pick() if rng.random() < enq_rate else None
            deq = pick() if rng.random() < deq_rate else None
            await bench.cycle(enq, deq, rng.random() < 0.2)
    await bench.drain()
    assert bench.heads > 100 and bench.full > 0
    assert bench.undone > 10 and bench.undone_last > 0
    assert bench.undone_enqueued > 0 or bench.n == 2  # of two entries one is full when the other is taken back
    assert bench.both_same > 10 and bench.became_empty_and_refilled > 0


@cocotb.test()
async def one_in_one_out(dut):
    """Stimulus: one beat kept in a queue, enqueue and dequeue of it in every cycle, for longer
    than all entries last; then the same over two queues in turn.
    Checking: as above."""
    bench = Bench(dut)
    await bench.reset()
    q = bench.q - 1
    await bench.cycle(q, None)
    for _ in range(3 * bench.n):
        await bench.cycle(q, q)
    assert len(bench.model.queues[q]) == 1
    for turn in range(3 * bench.n):
        await bench.cycle(turn % bench.q, (turn - 1) % bench.q)
    await bench.drain()
    # With two entries every second enqueue waits for the entry of the last dequeue.
    assert bench.became_empty_and_refilled >= (3 if bench.n > 2 else 1) * bench.n


@cocotb.test()
async def fill_one_queue(dut):
    """Stimulus: each queue in turn takes all entries, then gives them back.
    Checking: as above; all N entries fit into one queue."""
    bench = Bench(dut)
    await bench.reset()
    for q in range(min(bench.q, 4)):
        for _ in range(bench.n + 2):
            await bench.cycle(q, None)
        assert len(bench.model.queues[q]) == bench.n
        await bench.drain()


@cocotb.test()
async def reset_in_flight(dut):
    """Stimulus: resets at random moments of random traffic.
    Checking: as above; after a reset everything is empty and free."""
    bench = Bench(dut)
    for _ in range(15):
        await bench.reset()
        for _ in range(bench.rng.randrange(1, 3 * bench.n)):
            await bench.cycle(bench.rng.randrange(bench.q), bench.rng.randrange(bench.q))
    await bench.drain()
    assert bench.heads > 10


@pytest.mark.parametrize("q,n,w", [(8, 64, 16), (1, 4, 8), (2, 2, 5), (5, 16, 1), (64, 128, 40)])
def test_crl_mlist(sim, q, n, w):
    """Stimulus and checking: see the cocotb tests of this file."""
    run_sim("crl_mlist", __name__, {"Q": q, "N": n, "W": w}, sim=sim)
