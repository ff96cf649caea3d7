"""A programme as people look at it: the week as a grid, and what happens next. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from schedules.calendar import DAY, WEEKLY, DayBlock, Programme, civil_day, day_blocks, next_transition, why


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekDay:
    """One row of the grid. `rule` is the holiday or exception that rules it, "" for an ordinary day."""

    day: date
    rule: str
    is_today: bool
    blocks: tuple[DayBlock, ...]

    @property
    def note(self) -> str:
        return ", ".join(filter(None, ("today" if self.is_today else "", self.rule)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """A change to come: when, to which state, and the rule of that day."""

    at: datetime
    state: str
    rule: str


def week_of(programme: Programme, day: date, today: date) -> tuple[WeekDay, ...]:
    """Monday to Sunday of the week that holds `day`."""
    monday = day - day.weekday() * DAY
    return tuple(_week_day(programme, monday + number * DAY, today) for number in range(7))


def what_happens_next(
    programme: Programme, now: datetime, zone: ZoneInfo, *, count: int, until: datetime
) -> list[Next]:
    """The next changes, at most `count` of them and none after `until`."""
    changes: list[Next] = []
    instant = now
    while len(changes) < count and (change := next_transition(programme, instant, zone)) is not None:
        instant, state = change
        if instant > until:
            break
        changes.append(Next(at=instant, state=state, rule=_rule(programme, civil_day(instant, zone))))
    return changes


def _week_day(programme: Programme, day: date, today: date) -> WeekDay:
    blocks = tuple(day_blocks(programme, day))
    return WeekDay(day=day, rule=_rule(programme, day), is_today=day == today, blocks=blocks)


def _rule(programme: Programme, day: date) -> str:
    name = why(programme, day)
    return "" if name == WEEKLY else name
