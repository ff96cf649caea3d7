"""The week of a programme, and what is special."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from facility.wire.base import Wire


class Block(Wire):
    """A stretch of a day in which a programme has one state. Minutes from civil midnight."""

    start: int
    end: int
    state: str


class ScheduleDay(Wire):
    date: str  # ISO
    note: str  # "today", holiday or exception, special events
    blocks: list[Block]


class WrittenException(Wire):
    """An exception as the configuration says it: one of `first` (to `last`), `days`, `calendar`."""

    name: str
    first: str | None = None  # ISO
    last: str | None = None
    days: str | None = None
    calendar: str | None = None
    changes: list[str] = []
    precedence: int


class WrittenProgramme(Wire):
    """A programme as the configuration says it, for those who edit it: "06:30 occupied"."""

    default: str
    states: list[str]
    week: list[list[str]]  # Monday first
    exceptions: list[WrittenException]
    holiday_precedence: int = 8


class ScheduleInfo(Wire):
    name: str
    what: str
    points: int
    days: list[ScheduleDay]  # seven, from today
    now_state: str
    next_change: datetime | None
    next_state: str
    written: WrittenProgramme | None = None


class SpecialEventInfo(Wire):
    """What somebody wants of a programme for once; it outranks all else that the programme says."""

    id: str
    programme: str
    state: str
    begin: datetime
    end: datetime
    by: str
    reason: str
    is_on: bool  # it has begun


RuleKind = Literal["weekly", "holiday", "exception", "event", "out"]


class CalendarRule(Wire):
    """What rules a day, and for whom."""

    kind: RuleKind
    name: str
    precedence: int | None  # 1 to 16, the lowest wins; None: of the week, and of special events
    hours: str  # "06:30 occupied, 18:00 unoccupied"; "" where they differ among those who follow
    follows: list[str]  # programmes


class CalendarDay(Wire):
    date: str  # ISO, civil
    holiday: str  # the public holiday of that day, whoever follows it; ""
    clock: str  # "the clock goes forward by 60 min"; ""
    rules: list[CalendarRule]  # the most important first; of an ordinary day none


class CalendarInfo(Wire):
    """Which days are not as every week, for all programmes."""

    days: list[CalendarDay]
    programmes: list[str]
    watch: list[str]  # what somebody should look at: days on which they disagree, the clock, the sun
