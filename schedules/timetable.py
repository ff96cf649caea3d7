"""A programme in a zone, quick to ask: what it says now, since when, and what comes next.

The answers are those of `schedules.calendar`; only the stretch that was asked for last is kept, because all policies
of a programme ask about the same moment.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from schedules.calendar import Programme, next_transition, state_at, why
from schedules.civil import DAY, civil_day, instant_of

_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which the programme says one thing, as far as it was asked about."""

    begin: datetime  # it said so already then
    end: datetime | None  # and until then; None: no change within a year
    state: str
    turns: str  # the state after that; ""
    rule: str  # "weekly", or the exception or holiday that rules the day in which it was asked


@dataclass(slots=True)
class Timetable:
    """One programme, shared by its policies. Equal if programme and zone are."""

    programme: Programme
    zone: ZoneInfo
    _latest: Stretch | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def name(self) -> str:
        return self.programme.name

    def at(self, now: datetime) -> Stretch:
        """What it says at that moment, until when, and what comes then."""
        latest = self._latest
        if latest is None or not latest.begin <= now < (latest.end or _NEVER):
            latest = self._latest = self._stretch(now)
        return latest

    def state(self, now: datetime) -> str:
        return self.at(now).state

    def change(self, now: datetime) -> datetime | None:
        """When it next says something else."""
        return self.at(now).end

    def why(self, now: datetime) -> str:
        """The rule of that very day; a stretch may last longer."""
        return why(self.programme, civil_day(now, self.zone))

    def same_rule_until(self, now: datetime) -> datetime:
        """Until when state and rule are both the same for sure: the next change, or the end of the day."""
        midnight = instant_of(civil_day(now, self.zone) + DAY, time(0), self.zone)
        return min(midnight, self.change(now) or midnight)

    def _stretch(self, now: datetime) -> Stretch:
        change = next_transition(self.programme, now, self.zone)
        end, turns = (None, "") if change is None else change
        return Stretch(now, end, state_at(self.programme, now, self.zone), turns, self.why(now))
