# SPDX-License-Identifier: Apache-2.0
"""cocotb tests of crl_dma_ctl: the bench plays the engines, the register block and the checker."""

from __future__ import annotations

from collections import deque

import cocotb

from models.lay import Cmd, State, Status
from models.segments import (
    R_LOCAL,
    R_READ,
    R_RING,
    Segment,
    SegmentTable,
    User,
    check_absolute,
)
from tb.unit.dma_lib import CycleBench, expects_failure

S = State
BAD = None  # the command is refused: BAD_COMMAND, state unchanged
COMMANDS = [Cmd.ENABLE, Cmd.PAUSE, Cmd.RESUME, Cmd.DRAIN, Cmd.ABORT, Cmd.RESET]
# docs/architecture.md section 4: state after the command, and when the traffic has ended
TABLE = {
    S.DISABLED: [S.ACTIVE, BAD, BAD, BAD, S.DISABLED, S.DISABLED],
    S.ACTIVE: [BAD, S.PAUSED, BAD, S.DRAINING, S.ABORTING, S.RESETTING],
    S.PAUSED: [BAD, S.PAUSED, S.ACTIVE, S.DRAINING, S.ABORTING, S.RESETTING],
    S.DRAINING: [BAD, BAD, BAD, S.DRAINING, S.ABORTING, S.RESETTING],
    S.ERROR: [BAD, BAD, BAD, BAD, S.ABORTING, S.RESETTING],
}
ERRORS = ["db_err", "cdb_err", "ferr", "cq_err", "ret", "rdb_err", "rferr"]


class Bench(CycleBench):
    idle = {
        n: 0
        for n in (
            "cmd_valid cmd_ch cmd cc_we cc_ch cc_abs cc_stop cc_func rc_data seg_gnt chk_ok "
            "chk_addr pend st_empty ip op_empty young inbound mark_done reads_over pop_ready db_err_valid db_err_ch "
            "cdb_err_valid cdb_err_ch ferr_valid ferr_ch ferr_dec cq_err_valid cq_err_ch "
            "ret_valid ret_ch ret_status fatal rd_ch rdb_err_valid rdb_err_ch rferr_valid rferr_ch rferr_dec"
        ).split()
    }

    def __init__(self, dut) -> None:
        super().__init__(dut)
        self.n = self.p["CHANNELS"]
        self.table = SegmentTable(16)
        self.abs = [False] * self.n
        self.stop = [False] * self.n
        self.func = [self.rng.getrandbits(self.p["FUNC_W"]) for _ in range(self.n)]
        # as rc_sel: descriptor ring, completion ring, nothing, receive ring
        self.rings = [[0x10000, 4, 0x20000, 4, 0, 0, 0x30000, 4] for _ in range(self.n)]
        self.orders: deque[dict] = deque()
        self.rc: deque = deque([0, 0])
        self.granted = None
        self.mark_at = None
        self.reads: list[tuple[int, int]] = []  # (channel, cycle in which it ends)
        self.marked: list[tuple[int, int]] = []  # those under way when mark_req rose
        self.staged = [0] * self.n
        self.busy = dict.fromkeys(("pend", "ip", "ops", "young", "inbound"), 0)  # masks
        self.events: list[tuple] = []  # (name, channel, …) seen
        self.fatal = 0
        self.state = [S.DISABLED] * self.n
        self.error = [0] * self.n
        self.is_busy = [False] * self.n
        self.leaving = [False] * self.n  # DRAIN, ABORT or RESET was given
        self.look = None  # the channel that is looked at, or all in turn
        self.irqs = [0] * self.n
        self.wrong = False
        self.recv = ["r_cfg_we"] if self.p.get("SEND_EN", 1) else []  # there are receive rings

    def drive(self) -> None:
        i, rng = self.inp, self.rng
        i["rc_data"] = self.rc.popleft()
        i["pend"], i["ip"], i["young"], i["inbound"] = (self.busy[k] for k in ("pend", "ip", "young", "inbound"))
        i["op_empty"] = ~self.busy["ops"] & ((1 << self.n) - 1)
        i["st_empty"] = sum((not s) << c for c, s in enumerate(self.staged))
        i["seg_gnt"] = 0
        self.grant = rng.random() < 0.5
        if self.granted is not None:
            i["chk_ok"], i["chk_addr"] = int(self.granted.ok), self.granted.addr
            self.granted = None
        if self.mark_at is not None and self.now >= self.mark_at:
            i["mark_done"], self.mark_at = 1, None
        self.reads = [r for r in self.reads if r[1] > self.now]
        for ch in range(self.n):
            if self.busy["ip"] >> ch & 1 and rng.random() < 0.1:
                self.reads.append((ch, self.now + rng.randint(1, 60)))
        i["reads_over"] = int(all(end <= self.now for _, end in self.marked))
        i["pop_ready"] = int(rng.random() < 0.7)
        i["rd_ch"] = self.now % self.n if self.look is None else self.look
        i["fatal"] = self.fatal
        i["seg_gnt"] = int(self.grant and self.req_seen)
        if self.orders:
            i.update(self.orders.popleft())

    req_seen = mark_seen = False

    def check(self) -> None:
        i, c = self.inp, self.inp["rd_ch"]
        sel, ch = self.get("rc_sel"), self.get("rc_ch")
        assert sel not in (4, 5)
        self.rc.append(self.rings[ch][sel])
        if i["seg_gnt"] and self.get("seg_req"):
            a, length = self.get("seg_addr"), self.get("seg_len")
            who = self.get("seg_ch")
            assert self.get("seg_abs") == self.abs[who], "absolute or not"
            self.granted = (
                check_absolute(a, length)
                if self.abs[who]
                else self.table.check(a, length, User(who), R_RING)
            )
        self.req_seen = bool(self.get("seg_req"))
        if self.get("mark_req") and not self.mark_seen:
            self.marked = list(self.reads)
        self.mark_seen = bool(self.get("mark_req"))
        if self.get("mark_req") and self.mark_at is None and not i["mark_done"]:
            self.mark_at = self.now + self.rng.randint(1, 20)
        if self.get("pop_valid"):
            ch = self.get("pop_ch")
            assert i["pop_ready"], "a flush while the pipeline pops"
            assert self.staged[ch] > 0, "flush of nothing"
            assert self.get("ch_abort") >> ch & 1, "flush of a channel that goes on"
            self.staged[ch] -= 1
        for name in ("f_cfg_we", "r_cfg_we", "c_cfg_we"):
            if self.get(name):
                ch = self.get("cfg_ch")
                info = tuple(self.get(f"cfg_{k}") for k in ("base", "log2", "func"))
                self.events.append((name, ch, info))
        if self.get("clr_valid"):
            self.events.append(("clr", self.get("clr_ch"), None))
        irq = self.get("err_irq")
        for ch in range(self.n):
            self.irqs[ch] += irq >> ch & 1
        st = S(self.get("rd_state"))
        if self.wrong and st == S.PAUSED:
            st = S.ACTIVE
        before, self.state[c] = self.state[c], st
        self.error[c], self.is_busy[c] = self.get("rd_error"), bool(self.get("rd_busy"))
        bit = lambda name: self.get(name) >> c & 1  # noqa: E731
        assert bit("accept") == (st in (S.ACTIVE, S.PAUSED) and not self.leaving[c])
        if i["cmd_valid"]:
            self.leaving[i["cmd_ch"]] = i["cmd"] in (Cmd.DRAIN, Cmd.ABORT, Cmd.RESET)
        assert bit("run") == (st in (S.ACTIVE, S.DRAINING) and not i["fatal"])
        assert bit("hold") == (st == S.PAUSED)
        assert bit("ch_abort") == (st in (S.ABORTING, S.RESETTING))
        assert bit("suppress") or st != S.RESETTING
        assert bit("locked") == (st != S.DISABLED)
        enabled, locked = self.get("n_enabled"), self.get("locked").bit_count()
        # RESET of a disabled channel locks it for a moment, and needs no share of the pool
        assert enabled == locked or (self.get("ch_abort") and enabled < locked)
        if self.look is not None and st == S.DISABLED and before in (
            S.DRAINING, S.ABORTING, S.RESETTING
        ):  # fmt: skip
            assert not self.staged[c] and not self.traffic(c), "disabled while something is alive"
            reads = [end for ch, end in self.reads if ch == c and end > self.now]
            assert not reads, "disabled while its reads are under way"
        self.compared += 1

    def traffic(self, ch: int) -> bool:
        return any(self.busy[k] >> ch & 1 for k in ("ip", "ops", "young", "inbound")) or bool(
            self.busy["pend"] >> ch & 1 and self.state[ch] == S.DRAINING
        )

    # -- actions --------------------------------------------------------------------------
    def order(self, **inputs) -> None:
        self.orders.append(inputs)

    async def send(self, ch: int, cmd: int) -> None:
        self.order(cmd_valid=1, cmd_ch=ch, cmd=int(cmd))
        await self.step(len(self.orders))

    async def settle(self, ch: int, limit: int = 300) -> None:
        """Until the command has been dealt with."""
        self.look = ch
        await self.step(2)
        if self.state[ch] in (S.DRAINING, S.ABORTING, S.RESETTING):
            await self.step(40)  # BUSY tells nothing here
        await self.until(
            lambda: not self.is_busy[ch] or self.state[ch] in (S.DRAINING, S.ABORTING, S.RESETTING),
            limit,
            "command",
        )

    def set_traffic(self, ch: int, on: bool, kinds=("pend", "ip", "ops", "young", "inbound")) -> None:
        for k in kinds:
            self.busy[k] = self.busy[k] & ~(1 << ch) | int(on) << ch

    async def config(self, ch: int, absolute: bool = True, stop: bool = False) -> None:
        self.abs[ch], self.stop[ch] = absolute, stop
        self.order(
            cc_we=1, cc_ch=ch, cc_abs=int(absolute), cc_stop=int(stop), cc_func=self.func[ch]
        )
        await self.step(len(self.orders))

    def fault(self, ch: int, kind: str) -> int:
        """An error event; returns the status it stands for."""
        inputs = {f"{kind}_valid": 1, f"{kind}_ch": ch}
        if kind == "ret":
            inputs["ret_status"] = self.rng.choice([Status.WRITE_SLVERR, Status.OVERLAP, 0x90])
            self.order(**inputs)
            return int(inputs["ret_status"])
        code = dict.fromkeys(("db_err", "cdb_err", "rdb_err"), Status.DOORBELL_RANGE).get(kind)
        if kind in ("ferr", "rferr"):
            inputs[f"{kind}_dec"] = self.rng.getrandbits(1)
            code = Status.FETCH_DECERR if inputs[f"{kind}_dec"] else Status.FETCH_SLVERR
        if kind == "cq_err":
            code = Status.CPL_WRITE
        self.order(**inputs)
        return int(code)

    async def start(self) -> None:
        await self.reset()
        for ch in range(self.n):
            await self.config(ch)

    async def to_state(self, ch: int, state: State) -> None:
        """From DISABLED into a state that stays: traffic is kept up where it would end."""
        self.look = ch
        if state == S.DISABLED:
            return
        await self.send(ch, Cmd.ENABLE)
        await self.settle(ch)
        if state == S.PAUSED:
            await self.send(ch, Cmd.PAUSE)
        elif state == S.ERROR:
            self.fault(ch, "db_err")
            await self.step(2)
        elif state in (S.DRAINING, S.ABORTING, S.RESETTING):
            self.set_traffic(ch, True)
            cmd = {S.DRAINING: Cmd.DRAIN, S.ABORTING: Cmd.ABORT, S.RESETTING: Cmd.RESET}[state]
            await self.send(ch, cmd)
        await self.settle(ch)
        assert self.state[ch] == state

    async def off(self, ch: int) -> None:
        """Back to DISABLED with no error."""
        self.set_traffic(ch, False)
        self.look = ch
        await self.send(ch, Cmd.RESET)
        await self.step(3)
        await self.until(
            lambda: self.state[ch] == S.DISABLED and not self.is_busy[ch], 400, "reset"
        )
        assert self.error[ch] == 0

    def end(self) -> None:
        assert self.compared > 50


@cocotb.test()
async def life_cycle(dut):
    """Stimulus: each command, and two that do not exist, in each state, with traffic that goes on
    for a while.
    Checking: every cell of the table in docs/architecture.md section 4: state at once and at the
    end, LAST_ERROR, set-up events, counter clear, flush."""
    bench = Bench(dut)
    await bench.start()
    cells = 0
    for state, row in TABLE.items():
        for cmd, after in [*zip(COMMANDS, row, strict=True), (0, BAD), (7, BAD)]:
            ch = bench.rng.randrange(bench.n)
            where = f"{state.name} {cmd!r}"
            await bench.to_state(ch, state)
            first = bench.error[ch]
            if (state, cmd) == (S.DISABLED, Cmd.RESET):
                after = S.RESETTING  # for a moment, or while something is left over
            if after in (S.DRAINING, S.ABORTING, S.RESETTING):
                bench.set_traffic(ch, True)
                bench.staged[ch] = bench.rng.randrange(0, 9) if after != S.DRAINING else 0
            bench.events.clear()
            await bench.send(ch, cmd)
            await bench.settle(ch)
            if after is BAD:
                assert bench.state[ch] == state, where
                assert bench.error[ch] == (first or Status.BAD_COMMAND), where
            elif after in (S.DRAINING, S.ABORTING, S.RESETTING):
                assert bench.state[ch] == after, where
                await bench.step(bench.rng.randrange(60, 120))
                assert bench.state[ch] == after, f"{where}: over before its traffic"
                for kind in bench.rng.sample(["pend", "ip", "ops", "young", "inbound"], 5):
                    bench.set_traffic(ch, False, (kind,))
                    await bench.step(bench.rng.randrange(4))
                await bench.until(lambda ch=ch: bench.state[ch] == S.DISABLED, 250, where)
                assert not bench.staged[ch]
                resets = [e[0] for e in bench.events if e[1] == ch]
                if after == S.RESETTING:
                    assert sorted(resets) == ["c_cfg_we", "clr", "f_cfg_we", *bench.recv], where
                    assert bench.error[ch] == 0, where
                else:
                    assert not resets, where
                    assert bench.error[ch] == first, where
            else:
                assert bench.state[ch] == after, where
                if cmd == Cmd.RESET:
                    assert bench.error[ch] == 0
            cells += 1
            await bench.off(ch)
    assert cells == 40
    bench.end()


@cocotb.test()
async def rings(dut):
    """Stimulus: ENABLE with sizes 0 to 15 and beyond, misaligned bases, segments without the
    right, of another channel, too short; absolute addresses too.
    The receive ring too, which may be none. Checking: ACTIVE with all rings set up as asked for, or BAD_RING and DISABLED."""
    bench = Bench(dut)
    await bench.start()
    rng = bench.rng
    for i in range(8):
        rights = rng.choice([R_RING | R_LOCAL] * 3 + [R_LOCAL | R_READ])
        size = rng.choice([0x800, 0x21000, 0x40000])
        bench.table.set(i, Segment(True, (i + 1) << 20, size, rights, i % bench.n, 15, i))
    good = bad = nones = 0
    for turn in range(100):
        ch, absolute = rng.randrange(bench.n), rng.random() < 0.4
        await bench.config(ch, absolute)
        bench.look = ch
        ok, rings, want = True, [], []
        for unit in (32, 16, 32)[: 2 + len(bench.recv)]:
            recv = len(rings) == 4
            log2 = rng.choice([*range(2, 13)] * 2 + [0, 1, 13, 15, 16 + 4] + [0] * 9 * recv)
            align = min(unit << min(log2, 12), 4096)
            offset = rng.randrange(4) * align
            if rng.random() < 0.15:
                offset += rng.choice([align // 2, 8])
            near = [k for k in range(8) if k % bench.n == ch] or [0]
            index = rng.choice(near * 4 + [rng.randrange(9)])
            addr = rng.randrange(1 << 20, 1 << 30) << 12 if absolute else bench.table.address(index)
            addr += offset
            rings += [addr, log2]
            legal = 2 <= log2 <= 12 and addr % align == 0
            checked = None
            if legal:
                length = unit << log2
                checked = (
                    check_absolute(addr, length)
                    if absolute
                    else bench.table.check(addr, length, User(ch), R_RING)
                )
            none = recv and log2 == 0
            ok = ok and (none or (legal and checked.ok))
            want.append((checked.addr if ok and not none else None, log2, bench.func[ch]))
        bench.rings[ch] = [*rings[:4], 0, 0, *rings[4:]]
        bench.events.clear()
        await bench.send(ch, Cmd.ENABLE)
        await bench.settle(ch)
        if ok:
            good += 1
            assert bench.state[ch] == S.ACTIVE, f"{turn}: {rings}"
            due = [("f_cfg_we", want[0]), *(("r_cfg_we", w) for w in want[2:]), ("c_cfg_we", want[1])]
            for (name, at, info), (what, (base, *rest)) in zip(bench.events, due, strict=True):
                assert (name, at, *info[1:]) == (what, ch, *rest) and base in (None, info[0])
            nones += want[-1][1] == 0
            await bench.off(ch)
        else:
            bad += 1
            assert bench.state[ch] == S.DISABLED and bench.error[ch] == Status.BAD_RING, rings
    assert good > 8 and bad > 8 and (nones or not bench.recv)
    bench.end()


@cocotb.test()
async def errors(dut):
    """Stimulus: error events in ACTIVE, PAUSED and DRAINING, one after the other; operations that
    fail with and without STOP_ON_ERROR; commands that are refused before and after.
    Checking: ERROR in the next cycle, one interrupt, the first error stays; silence after a
    completion write error until the channel is disabled."""
    bench = Bench(dut)
    await bench.start()
    for turn in range(45):
        ch, stop = bench.rng.randrange(bench.n), bool(turn % 2)
        await bench.config(ch, stop=stop)
        state = [S.ACTIVE, S.PAUSED, S.DRAINING][turn % 3]
        await bench.to_state(ch, state)
        if turn % 4 == 0:
            await bench.send(ch, Cmd.ENABLE)
            await bench.settle(ch)
            assert bench.error[ch] == Status.BAD_COMMAND
        errors = ERRORS if bench.recv else ERRORS[:5]
        kinds = [errors[turn % len(errors)], *bench.rng.choices(errors, k=2)]
        bench.irqs = [0] * bench.n
        codes = [bench.fault(ch, k) for k in kinds]
        failing = [k for k in range(3) if kinds[k] != "ret" or stop]
        await bench.step(4)
        assert bench.state[ch] == (S.ERROR if failing else state), f"{kinds} {stop}"
        assert bench.irqs[ch] == bool(failing)
        fatal_codes = [codes[k] for k in range(3) if kinds[k] != "ret"]
        got = bench.error[ch]
        if kinds[0] == "ret" and not stop and fatal_codes:
            # an operation's error, then the channel's: either is the first of its kind
            assert got in (codes[0], fatal_codes[0])
        else:
            assert got == codes[0], f"{kinds}: {Status(got)!r}, first was {codes[0]:#x}"
        silent = "cq_err" in kinds[:3] and bool(bench.get("suppress") >> ch & 1)
        if kinds[0] == "cq_err":
            assert silent, "completions after a completion write error"
        await bench.off(ch)
        assert not bench.get("suppress") >> ch & 1
    bench.end()


@cocotb.test()
async def fatal(dut):
    """Stimulus: the memory port dies.
    Checking: every channel that is not disabled goes to ERROR with MEM_TIMEOUT and stays there; none
    runs."""
    bench = Bench(dut)
    await bench.start()
    live = [c for c in range(bench.n) if c % 3 != 2]
    for ch in live:
        await bench.to_state(ch, [S.ACTIVE, S.PAUSED][ch % 2])
    bench.look, bench.fatal = None, 1
    await bench.step(50 + 3 * bench.n)
    for ch in range(bench.n):
        want = (S.ERROR, Status.MEM_TIMEOUT) if ch in live else (S.DISABLED, 0)
        assert (bench.state[ch], bench.error[ch]) == want
    bench.end()


@cocotb.test()
async def others_go_on(dut):
    """Stimulus: a channel drains, aborts or resets for ever; the others get commands.
    Checking: each of these commands is dealt with in bounded time; a command for the busy channel
    is still obeyed."""
    bench = Bench(dut)
    await bench.start()
    for state in (S.DRAINING, S.ABORTING, S.RESETTING):
        stuck = bench.rng.randrange(bench.n)
        await bench.to_state(stuck, state)
        for ch in range(bench.n):
            if ch == stuck:
                continue
            await bench.to_state(ch, S.PAUSED)
            await bench.send(ch, Cmd.RESUME)
            await bench.settle(ch, 120)
            assert bench.state[ch] == S.ACTIVE
            await bench.send(ch, Cmd.DRAIN)
            await bench.step(4)
            await bench.until(lambda ch=ch: bench.state[ch] == S.DISABLED, 200, "drain of another")
        bench.look = stuck
        await bench.step(2)
        assert bench.state[stuck] == state
        if state != S.RESETTING:
            await bench.send(stuck, Cmd.RESET)
            await bench.settle(stuck)
            await bench.step(100)
            assert bench.state[stuck] == S.RESETTING
        bench.set_traffic(stuck, False)
        await bench.until(lambda s=stuck: bench.state[s] == S.DISABLED, 300, "end")
        await bench.off(stuck)
    bench.end()


@cocotb.test()
async def command_while_busy(dut):
    """Stimulus: two commands for one channel in consecutive cycles.
    Checking: the first is obeyed, the second is refused with BAD_COMMAND; commands of different
    channels in consecutive cycles are all obeyed."""
    bench = Bench(dut)
    await bench.start()
    for _ in range(6):
        ch = bench.rng.randrange(bench.n)
        await bench.to_state(ch, S.ACTIVE)
        bench.order(cmd_valid=1, cmd_ch=ch, cmd=int(Cmd.PAUSE))
        bench.order(cmd_valid=1, cmd_ch=ch, cmd=int(Cmd.RESUME))
        await bench.step(2)
        await bench.settle(ch)
        await bench.step(3 * bench.n)
        assert (bench.state[ch], bench.error[ch]) == (S.PAUSED, Status.BAD_COMMAND)
        await bench.off(ch)
    for cmd, want in ((Cmd.ENABLE, S.ACTIVE), (Cmd.PAUSE, S.PAUSED), (Cmd.RESET, S.DISABLED)):
        bench.look = None
        for ch in range(bench.n):
            bench.order(cmd_valid=1, cmd_ch=ch, cmd=int(cmd))
        await bench.step(100 * bench.n)
        assert bench.state == [want] * bench.n
    bench.end()


@cocotb.test()
async def checker_fails(dut):
    """Stimulus: a read-out that shows ACTIVE for PAUSED.
    Checking: the bench fails; and one that has compared nothing fails too."""
    bench = Bench(dut)
    await expects_failure(_end(bench))
    await bench.start()
    bench.wrong = True
    await expects_failure(bench.to_state(0, S.PAUSED))


async def _end(bench: Bench) -> None:
    bench.end()
