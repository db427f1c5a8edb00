# SPDX-License-Identifier: Apache-2.0
"""Several clients and a hostile one, and that the shadows would notice."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from models.layout import NvmeIoOp
from models.layout import NvmeStatus as S
from models.nvme import prp
from models.nvme.check import Grant
from models.nvme.controller import Controller, Fetched
from models.nvme.identify import ALL
from models.nvme.tests.clients import Clients

TestClients = Clients.TestCase
TestClients.settings = settings(stateful_step_count=40)


class NoRanges(Controller):
    """Memory ranges are not looked at."""

    def grant_set(self, qid: int, grant, ranges: Sequence) -> None:
        super().grant_set(qid, grant, ranges)
        self.ranges[qid] = [prp.Range(0, 1 << 52, 0xF)]


class NoBlocks(Controller):
    """Neither blocks nor namespaces are looked at."""

    def grant_set(self, qid: int, grant, ranges: Sequence) -> None:
        super().grant_set(qid, grant, ranges)
        g = self.grants[qid]
        self.grants[qid] = Grant(g.func, ALL, 0, (1 << 64) - 1, g.opcodes, g.owner)


class Rights(Controller):
    """A range may be used for anything."""

    def grant_set(self, qid: int, grant, ranges: Sequence) -> None:
        super().grant_set(qid, grant, ranges)
        self.ranges[qid] = [prp.Range(r.base, r.pages, 0xF) for r in self.ranges[qid]]


class Forgets(Controller):
    """The fifth I/O command is never answered."""

    count = 0

    def _io(self, f: Fetched) -> None:
        self.count += 1
        if self.count == 5:
            self.cpl.give_back(f.sqid, 1)
        else:
            super()._io(f)


class Twice(Controller):
    """A command is executed twice when there is room."""

    def _io(self, f: Fetched) -> None:
        super()._io(f)
        if self.cpl.reserve(f.sqid, 1):
            super()._io(f)


class OneOff(Controller):
    """Write Zeroes clears a block too many."""

    def _io(self, f: Fetched) -> None:
        if f.sqe.opc == NvmeIoOp.WRITE_ZEROES and f.sqe.nsid == 1:
            lba = f.sqe.cdw11 << 32 | f.sqe.cdw10
            if lba + 40 < 512:
                self.namespaces[0].zero(lba, (f.sqe.cdw12 & 0xFFFF) + 2)
        super()._io(f)


class WrongStatus(Controller):
    """Compare is always content."""

    def _complete(self, sqid: int, cid: int, status: int, dw0: int = 0) -> None:
        super()._complete(sqid, cid, 0 if status == S.COMPARE_FAILURE else status, dw0)


class LateEntry(Controller):
    """Teardown forgets entries that wait: they come later."""

    def teardown(self, sqids: Sequence[int], cqids: Sequence[int]) -> None:
        late = [(self.cpl.cqs[q].func, e) for q in cqids for e in self.cpl.cqs[q].waiting]
        where = [(self.cpl.cqs[q].func, self.cpl.cqs[q].base) for q in cqids]
        super().teardown(sqids, cqids)
        for func, e in late:
            self.mem_write(func, e.addr, e.pack())
        for func, base in where[:1]:
            self.mem_write(func, base + 0x80, b"late")


class Loses(Controller):
    """A doorbell in the other half of the page counts for everybody."""

    def reg_write(self, addr: int, data: bytes, func: int = 0) -> None:
        super().reg_write(addr, data, 0 if 0x2000 <= addr < 0x3000 else func)


BROKEN = [NoRanges, NoBlocks, Rights, Forgets, Twice, OneOff, WrongStatus, LateEntry, Loses]


@pytest.mark.parametrize("broken", BROKEN, ids=lambda c: c.__name__)
def test_a_broken_controller_is_noticed(broken: type[Controller]) -> None:
    """Stimulus: the same clients with a controller that breaks one promise. Checking: a run fails."""
    machine = type("Broken", (Clients,), {"make": broken})
    quick = settings(max_examples=40, stateful_step_count=40, phases=[Phase.generate], derandomize=True, deadline=None, print_blob=False)
    with pytest.raises((AssertionError, KeyError, ValueError, BaseExceptionGroup)):
        run_state_machine_as_test(machine, settings=quick)
