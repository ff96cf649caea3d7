"""A programme in a zone, quick to ask: what it says now, since when, and what comes next.

The answers are those of `schedules.calendar`; only what was asked for last is kept, because all policies of a programme
ask about the same moment.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, time
from zoneinfo import ZoneInfo

from schedules.calendar import ALWAYS, LOOK_AHEAD, Programme, next_transition, state_at, why_at
from schedules.civil import DAY, civil_day, instant_of

FORESEEN = LOOK_AHEAD - 2 * DAY  # for so long it is sure that nothing changes, where no change is found


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which the programme says one thing, as far as it was asked about."""

    begin: datetime  # it said so already then
    end: datetime | None  # and until then; None: no change within a year
    state: str  # "": it says nothing
    turns: str  # the state after that; ""
    rule: str  # "weekly", or the exception, holiday or special event that ruled when it was asked
    foreseen: datetime | None  # until then this is sure: `end` if there is one; None: for ever

    def holds(self, now: datetime) -> bool:
        return self.begin <= now and (self.foreseen is None or now < self.foreseen)


@dataclass(frozen=True, slots=True)
class Moment:
    """What is said of one moment alone."""

    now: datetime
    rule: str
    same_until: datetime  # state and rule are the same until then


@dataclass(slots=True)
class Timetable:
    """One programme, shared by its policies. Equal if programme and zone are."""

    programme: Programme
    zone: ZoneInfo
    _latest: Stretch | None = field(default=None, init=False, repr=False, compare=False)
    _moment: Moment | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def name(self) -> str:
        return self.programme.name

    def at(self, now: datetime) -> Stretch:
        """What it says at that moment, until when, and what comes then."""
        latest = self._latest
        if latest is None or not latest.holds(now):
            latest = self._latest = self._stretch(now)
        return latest

    def state(self, now: datetime) -> str:
        return self.at(now).state

    def change(self, now: datetime) -> datetime | None:
        """When it next says something else; None: never. If that is more than a year away, when to look again."""
        return self.at(now).foreseen

    def why(self, now: datetime) -> str:
        """The rule of that very moment; a stretch may last longer."""
        return self._at_moment(now).rule

    def same_rule_until(self, now: datetime) -> datetime:
        """Until when state and rule are both the same for sure: the next change, a special event, the day's end."""
        return self._at_moment(now).same_until

    def _at_moment(self, now: datetime) -> Moment:
        latest = self._moment
        if latest is None or latest.now != now:
            rule = why_at(self.programme, now, self.zone)
            latest = self._moment = Moment(now, rule, self._same_rule_until(now))
        return latest

    def _same_rule_until(self, now: datetime) -> datetime:
        midnight = instant_of(civil_day(now, self.zone) + DAY, time(0), self.zone)
        events = (edge for event in self.programme.events for edge in (event.begin, event.end) if edge > now)
        return min(midnight, self.change(now) or midnight, *events)

    def _stretch(self, now: datetime) -> Stretch:
        change = next_transition(self.programme, now, self.zone)
        end, turns = (None, "") if change is None else change
        state = state_at(self.programme, now, self.zone)
        foreseen = end if end is not None or self._is_the_same_every_year else now + FORESEEN
        return Stretch(now, end, state, turns, why_at(self.programme, now, self.zone), foreseen)

    @property
    def _is_the_same_every_year(self) -> bool:
        each = self.programme
        return each.effective == ALWAYS and each.on_holiday is None and not each.exceptions and not each.events
