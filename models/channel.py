# SPDX-License-Identifier: Apache-2.0
"""The life of a channel: docs/architecture.md section 4 as a table, and what errors do to it."""

from __future__ import annotations

from dataclasses import dataclass, field

from models.lay import AT_PEER, Cmd, State, Status

# Errors of the channel itself; any of them leads to ERROR whatever the policy says.
CHANNEL_ERRORS = frozenset(
    {
        Status.FETCH_SLVERR,
        Status.FETCH_DECERR,
        Status.DOORBELL_RANGE,
        Status.CPL_WRITE,
        Status.MEM_TIMEOUT,
    }
)

BAD = "bad"  # BAD_COMMAND, state unchanged
STAY = "stay"  # accepted, no effect

# (state, command) -> what happens. RESETTING and ABORTING take a stronger command; see `command`.
TABLE: dict[tuple[int, int], object] = {
    (State.DISABLED, Cmd.ENABLE): State.ACTIVE,
    (State.DISABLED, Cmd.PAUSE): BAD,
    (State.DISABLED, Cmd.RESUME): BAD,
    (State.DISABLED, Cmd.DRAIN): BAD,
    (State.DISABLED, Cmd.ABORT): STAY,
    (State.DISABLED, Cmd.RESET): State.DISABLED,
    (State.ACTIVE, Cmd.ENABLE): BAD,
    (State.ACTIVE, Cmd.PAUSE): State.PAUSED,
    (State.ACTIVE, Cmd.RESUME): BAD,
    (State.ACTIVE, Cmd.DRAIN): State.DRAINING,
    (State.ACTIVE, Cmd.ABORT): State.ABORTING,
    (State.ACTIVE, Cmd.RESET): State.RESETTING,
    (State.PAUSED, Cmd.ENABLE): BAD,
    (State.PAUSED, Cmd.PAUSE): STAY,
    (State.PAUSED, Cmd.RESUME): State.ACTIVE,
    (State.PAUSED, Cmd.DRAIN): State.DRAINING,
    (State.PAUSED, Cmd.ABORT): State.ABORTING,
    (State.PAUSED, Cmd.RESET): State.RESETTING,
    (State.DRAINING, Cmd.ENABLE): BAD,
    (State.DRAINING, Cmd.PAUSE): BAD,
    (State.DRAINING, Cmd.RESUME): BAD,
    (State.DRAINING, Cmd.DRAIN): STAY,
    (State.DRAINING, Cmd.ABORT): State.ABORTING,
    (State.DRAINING, Cmd.RESET): State.RESETTING,
    (State.ERROR, Cmd.ENABLE): BAD,
    (State.ERROR, Cmd.PAUSE): BAD,
    (State.ERROR, Cmd.RESUME): BAD,
    (State.ERROR, Cmd.DRAIN): BAD,
    (State.ERROR, Cmd.ABORT): State.ABORTING,
    (State.ERROR, Cmd.RESET): State.RESETTING,
}


@dataclass
class Counters:
    """Per-channel counters that follow from the operations alone."""

    desc: int = 0
    err: int = 0
    rd_bytes: int = 0
    wr_bytes: int = 0


@dataclass
class Channel:
    """One channel. `busy` is true in the transient states and until a pause has reached its
    edge."""

    number: int
    stop_on_error: bool = False
    state: int = int(State.DISABLED)
    busy: bool = False
    last_error: int = 0
    epoch: int = 0  # enables so far: tells one life from the next
    counters: Counters = field(default_factory=Counters)

    @property
    def fetches(self) -> bool:
        """Descriptors may be fetched in this state."""
        return self.state in (State.ACTIVE, State.PAUSED, State.DRAINING)

    @property
    def begins(self) -> bool:
        """New operations may begin in this state."""
        return self.state in (State.ACTIVE, State.DRAINING)

    @property
    def locked(self) -> bool:
        """Ring registers are read-only."""
        return self.state != State.DISABLED

    def command(self, cmd: int, ring_ok: bool = True) -> int:
        """Take a command; returns the status that STATUS.LAST_ERROR shows for it (0: none)."""
        if cmd not in Cmd._value2member_map_:
            self.last_error = int(Status.BAD_COMMAND)
            return self.last_error
        if self.state in (State.ABORTING, State.RESETTING):
            if cmd == Cmd.RESET:  # an abort may be turned into a reset, a reset is not undone
                self.state = int(State.RESETTING)
                return 0
            if cmd == Cmd.ABORT:
                return 0
            self.last_error = int(Status.BAD_COMMAND)
            return self.last_error
        what = TABLE[(State(self.state), Cmd(cmd))]
        if what is BAD:
            self.last_error = int(Status.BAD_COMMAND)
            return self.last_error
        if what is STAY:
            return 0
        if cmd == Cmd.ENABLE:
            if not ring_ok:
                self.last_error = int(Status.BAD_RING)
                return self.last_error
            self.epoch += 1
            self.last_error = 0
        if self.state == State.DISABLED and cmd == Cmd.RESET:
            self.clear()
            return 0
        self.state = int(what)  # type: ignore[call-overload]
        self.busy = self.state not in (State.ACTIVE,)
        return 0

    def settled(self) -> None:
        """What the command waited for is over: an edge, the last response, the last completion."""
        if self.state == State.RESETTING:
            self.clear()
        if self.state in (State.ABORTING, State.DRAINING, State.RESETTING):
            self.state = int(State.DISABLED)
        self.busy = False

    def clear(self) -> None:
        """What RESET clears."""
        self.last_error = 0
        self.counters = Counters()

    def error(self, status: int) -> bool:
        """An error came up (of an operation or of the channel); True when the channel stops."""
        base = status & ~AT_PEER
        stops = base in CHANNEL_ERRORS or (self.stop_on_error and base != Status.ABORTED)
        if stops and self.state in (State.ACTIVE, State.PAUSED, State.DRAINING):
            self.state = int(State.ERROR)
            self.busy = False
            self.last_error = int(status)
        return stops

    def retire(self, status: int) -> None:
        """Counters and policy for an operation that ended."""
        self.counters.desc += 1
        if status:
            self.counters.err += 1
            self.error(status)
