"""Trim and respond (ASHRAE Guideline 36, section 5.1.14): a setpoint that creeps down until somebody asks. Pure.

Guarantees:
- The setpoint is always between `low` and `high`, and moves by no more than one trim and one largest response a step.
- It moves only at its own instants: whole periods after the start, the first one no sooner than the delay and one
  period after it. Asked between them, or twice at one, nothing changes.
- An instant that was slept through is not made up for: nobody knows what was asked then.
- While what it is for is off, it is what it begins with.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil, copysign, floor


@dataclass(frozen=True, slots=True, kw_only=True)
class Trim:
    """Where a setpoint stands."""

    setpoint: float
    started: datetime | None = None  # since when what it is for runs; None while that is off
    due: datetime | None = None  # when it is moved next


@dataclass(frozen=True, slots=True, kw_only=True)
class TrimRespond:
    """How a setpoint is trimmed, and how it responds; times in seconds, all else in the setpoint's unit."""

    initial: float
    low: float
    high: float
    delay: float
    period: float
    ignored: int  # so many requests are not worth a response
    trim: float  # every step, towards less
    respond: float  # for every request beyond those, the other way
    most: float  # of that in one step, with the sign of `respond`

    def __post_init__(self) -> None:
        if not self.low <= self.initial <= self.high:
            raise ValueError(f"it begins with {self.initial:g}, which is not within {self.low:g} to {self.high:g}")
        if self.period <= 0 or self.delay < 0 or self.ignored < 0:
            raise ValueError("its period must be above 0, and neither its delay nor what it ignores below 0")
        if self.trim * self.respond >= 0 or self.respond * self.most <= 0:
            raise ValueError("it must respond the other way than it trims, and its largest response as it responds")

    def step(self, state: Trim | None, requests: int, *, running: bool, now: datetime, may_trim: bool = True) -> Trim:
        """Where it stands after `now`. `may_trim` False: it may respond, and otherwise stays where it is."""
        if not running:
            return Trim(setpoint=self.initial)
        if state is None or state.started is None or state.due is None or state.started > now:
            return Trim(setpoint=self.initial, started=now, due=now + self._first)
        if now < state.due:  # one that is too far off was named before the clock was put back
            due = state.due if state.due <= now + self._first else self._next(state.started, now)
            return Trim(setpoint=self._within(state.setpoint), started=state.started, due=due)
        moved = self._moved(state.setpoint, requests)
        is_less = (moved - state.setpoint) * self.trim > 0
        setpoint = state.setpoint if is_less and not may_trim else moved
        return Trim(setpoint=self._within(setpoint), started=state.started, due=self._next(state.started, now))

    def _moved(self, setpoint: float, requests: int) -> float:
        beyond = max(requests - self.ignored, 0)
        response = copysign(min(abs(self.respond * beyond), abs(self.most)), self.respond)
        return round(self._within(setpoint + self.trim + response), 9)  # no digits that only a computer knows

    def _within(self, setpoint: float) -> float:
        return min(max(setpoint, self.low), self.high)

    @property
    def _first(self) -> timedelta:
        """As in LBNL's `TrimAndRespond`: the delay and one more period have passed, and it is one of its instants."""
        return timedelta(seconds=ceil((self.delay + self.period) / self.period) * self.period)

    def _next(self, started: datetime, now: datetime) -> datetime:
        periods = floor((now - started).total_seconds() / self.period) + 1
        return started + timedelta(seconds=periods * self.period)
