"""Which points of one device are polled when: by rounds, not point by point.

All points of one period share their phase and so their slots: they make a round. A round goes in
portions, so that what is more urgent comes in between. A slot that was missed is skipped and never
made up for. What cannot wait for its round is polled soon, once.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from points.bacnet.port import Answer, Property
from points.freshness.agenda import NEVER
from points.freshness.states import PointState, next_slot, phase_of
from points.model import DeviceId

POLLED_AT_ONCE = 64  # points; then the most urgent come first again
OVERDUE = 1.5  # periods: a round that seems further away than this was planned before the clock was set back


class Portion:
    """Points that are read together, again and again, and the answers that they gave last."""

    def __init__(self, states: Sequence[PointState]) -> None:
        self.states = tuple(states)
        self.asked: tuple[tuple[Property, ...], ...] = ()
        self.wanted: tuple[Property, ...] = ()
        self.ends: list[int] = []  # for each point, where what is asked of it ends in `wanted`
        self.answers: dict[int, Sequence[Answer]] = {}  # the latest answers that began there

    def prepare(self) -> None:
        """Asks for what the points ask for now. While that is the same it stays the same object."""
        asked = tuple([state.asked for state in self.states])
        if asked == self.asked and all(map(_is, asked, self.asked)):
            return
        self.asked = asked
        self.wanted = tuple(property_ for some in asked for property_ in some)
        self.ends = []
        for some in asked:
            self.ends.append((self.ends[-1] if self.ends else 0) + len(some))
        self.answers = {}


class Round:
    """All points of one device that have the same period."""

    def __init__(self, period: float, phase: float, due: float) -> None:
        self.period = period
        self.due = due  # its next slot; or since when it goes on
        self.missed = 0  # slots in which it was still busy with an earlier one
        self._phase = phase
        self._members: dict[PointState, None] = {}
        self._portions: list[Portion] = []
        self._changed = True  # somebody came or went since the portions were made
        self._next = 0

    def __len__(self) -> int:
        return len(self._members)

    def add(self, state: PointState) -> None:
        self._members[state] = None
        self._changed = True

    def remove(self, state: PointState) -> None:
        del self._members[state]
        self._changed = True

    def portion(self) -> Portion:
        """What is polled next of it. Who joins is in it from the next slot on."""
        if self._changed and self._next == 0:
            states = sorted(self._members, key=lambda state: (state.deadline, state.point.id))
            parts = range(0, len(states), POLLED_AT_ONCE)
            self._portions = [Portion(states[start : start + POLLED_AT_ONCE]) for start in parts]
            self._changed = False
        portion = self._portions[self._next]
        portion.prepare()
        return portion

    def polled(self, now: float) -> None:
        """The portion was polled, and `now` it is over."""
        self._next += 1
        if self._next < len(self._portions):
            return
        self._next = 0
        due = next_slot(now, self.period, self._phase)
        self.missed += max(0, round((due - next_slot(self.due, self.period, self._phase)) / self.period))
        self.due = due


class Rounds:
    """All rounds of one device."""

    def __init__(self, device: DeviceId, states: Iterable[PointState], now: float) -> None:
        self._device = device
        self._rounds: dict[float, Round] = {}
        self._round_of: dict[PointState, Round] = {}
        self._soon: dict[PointState, None] = {}
        for state in states:
            self._join(state, now)
        self.all_due(now)

    def __len__(self) -> int:
        return len(self._round_of)

    @property
    def next_at(self) -> float:
        if self._soon:
            return -NEVER
        return min([round_.due for round_ in self._rounds.values()], default=NEVER)

    @property
    def missed(self) -> int:
        return sum(round_.missed for round_ in self._rounds.values())

    def due(self, now: float) -> Round | None:
        """Of the rounds whose time has come, the one whose next slot comes first: so none is left out for ever."""
        ready = [round_ for round_ in self._rounds.values() if round_.due <= now]
        return min(ready, key=lambda round_: round_.due + round_.period, default=None)

    def take_soon(self) -> list[PointState]:
        """The most urgent of those that cannot wait for their round."""
        if len(self._soon) <= POLLED_AT_ONCE:
            taken = list(self._soon)
        else:
            taken = sorted(self._soon, key=lambda state: state.deadline)[:POLLED_AT_ONCE]
        for state in taken:
            del self._soon[state]
        return taken

    def soon(self, state: PointState) -> None:
        self._soon[state] = None

    def all_due(self, now: float, *, within: float = 0.0) -> None:
        """Every round begins now, or somewhen within so many seconds, whatever was missed before."""
        wait = random.uniform(0, within)
        for round_ in self._rounds.values():
            round_.due = now + min(wait, round_.period / 4)

    def placed(self, state: PointState, now: float) -> bool:
        """The point is in the round of its period. True if it had to come into a more frequent one."""
        before = self._round_of[state]
        if before.period == state.period:
            return False
        before.remove(state)
        if not before:
            del self._rounds[before.period]
        return self._join(state, now).period < before.period

    def tidy(self, now: float) -> None:
        """The clock may have been set back."""
        for round_ in self._rounds.values():
            if round_.due - now > OVERDUE * round_.period:
                round_.due = now

    def _join(self, state: PointState, now: float) -> Round:
        period = state.period
        round_ = self._rounds.get(period)
        if round_ is None:
            phase = phase_of(self._device, period)
            round_ = self._rounds[period] = Round(period, phase, next_slot(now, period, phase))
        round_.add(state)
        self._round_of[state] = round_
        return round_


def _is(one: object, other: object) -> bool:
    return one is other
