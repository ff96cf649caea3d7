"""The sections of programmes: weeks, exceptions, calendars, holidays. A programme's section makes the programme."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, time
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from facility.config.errors import ConfigError
from facility.config.section import Section, Slug
from schedules.calendar import PRECEDENCE, DayException, DayProgramme, Entry, Programme
from schedules.dates import WEEKDAYS, Calendar, DateRange, Days, days_of
from schedules.sun import Place, SunTime, sun_time_of

AS_USUAL = "as-usual"
"""Instead of a state: the rule that would have had the day decides again."""

_CHANGE = re.compile(r"(([01]\d|2[0-3]):[0-5]\d|(?P<sun>sun\S*)) (?P<state>[a-z0-9-]+)")


def _is_change(text: str) -> str:
    found = _CHANGE.fullmatch(text)
    if found is None:
        raise ValueError(
            f"{text!r} is not a change; write a time and a state, such as '06:30 occupied' or 'sunset-00:30 lit'"
        )
    if found["sun"]:
        sun_time_of(found["sun"])
    return text


def _are_days(text: str) -> str:
    days_of(text)
    return text


Change = Annotated[str, AfterValidator(_is_change)]
"""`07:00 occupied`: from then on the programme is in that state."""
DaysText = Annotated[str, AfterValidator(_are_days)]
"""Which days; `schedules.dates.days_of` reads it."""
Precedence = Annotated[int, Field(ge=1, le=16)]


def parse_change(change: str) -> tuple[time | SunTime, str]:
    """`07:00 occupied` -> (07:00, "occupied")."""
    at, state = change.split(" ", 1)
    return (sun_time_of(at) if at.startswith("sun") else time.fromisoformat(at)), state


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What the site has for its programmes."""

    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    holidays: Mapping[date, str] = field(default_factory=dict)
    place: Place | None = None


class HolidayEntry(Section):
    day: date
    """Which day, as `2026-12-24`."""
    name: str
    """What the screens call it."""


class CalendarSection(Section):
    """Days under a name, for the exceptions of any programme."""

    name: Slug
    """What exceptions call it."""
    days: Annotated[list[DaysText], Field(min_length=1)]
    """Days `2026-12-24`, ranges `2026-12-24..2027-01-01`, dates of which a part may be anything `*-12-25`,
    `*-*-last`, `*-odd-* friday` (months: number, `odd`, `even`; days: number, `last`, `odd`, `even`), and weeks of a
    month `last monday of may`, `first any of even` (weeks: `first` to `fifth`, `last`, `2nd-last` to `4th-last`)."""

    @property
    def calendar(self) -> Calendar:
        return Calendar(name=self.name, entries=tuple(map(days_of, self.days)))


class ExceptionEntry(Section):
    """Days on which a programme differs from its week: `first` to `last`, or `days`, or a `calendar`."""

    name: str
    """What the screens call it."""
    first: date | None = None
    """First day."""
    last: date | None = None
    """Last day, inclusive; one day where it is missing."""
    days: DaysText | None = None
    """Days that come again, such as `last monday of may`; written as those of a calendar."""
    calendar: Slug | None = None
    """Name of a calendar."""
    changes: list[Change] = []
    """What happens on such a day; empty: the default state all day. Before the first change it is the default state:
    `00:00 as-usual` in front leaves the day as it is until then, as a device's own schedule would. From `12:00
    as-usual` on, the day is no exception."""
    precedence: Precedence = PRECEDENCE
    """Lower numbers win where exceptions overlap; of equal ones, the one written first."""

    @model_validator(mode="after")
    def _says_when_once(self) -> Self:
        said = [key for key in ("first", "days", "calendar") if getattr(self, key) is not None]
        if len(said) != 1:
            raise ValueError(f"exception {self.name!r} needs one of first, days, calendar; it has {len(said)}")
        if self.last is not None and self.first is None:
            raise ValueError(f"exception {self.name!r} has a last day but no first one")
        return self

    def when(self, calendars: Mapping[str, Calendar]) -> Days:
        if self.calendar is not None:
            return calendars[self.calendar]
        return DateRange(first=self.first, last=self.last or self.first) if self.days is None else days_of(self.days)


class ProgrammeSection(Section):
    """The week of something: what state it is in from when on. Policies follow it."""

    name: Slug
    """What policies call it."""
    default: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")] = "unoccupied"
    """State before the first change of a day."""
    monday: list[Change] = []
    """What changes when, such as `06:30 occupied`; or by the sun, `sunset-00:30 lit`, `sunrise dark`, in whole minutes
    of the clock. Where the sun does not set that day it has risen at 00:00 and there is no sunset, and the other way
    round; what would fall behind midnight falls on its last minute. At the same minute, the sun's change counts."""
    tuesday: list[Change] = []
    """As Monday."""
    wednesday: list[Change] = []
    """As Monday."""
    thursday: list[Change] = []
    """As Monday."""
    friday: list[Change] = []
    """As Monday."""
    saturday: list[Change] = []
    """As Monday."""
    sunday: list[Change] = []
    """As Monday."""
    weekdays: list[Change] = []
    """For Monday to Friday, where the day itself says nothing."""
    holidays: list[Change] | None = None
    """What happens on a public holiday; missing: holidays are ordinary days."""
    holiday_precedence: Precedence = PRECEDENCE
    """That of holidays among the exceptions; of equal ones, the exception wins."""
    begins: date | None = None
    """First day of its effective period. Outside of it the programme says nothing, and policies hold nothing for it."""
    ends: date | None = None
    """Last day of its effective period, inclusive."""
    exceptions: list[ExceptionEntry] = []
    """Days that differ."""

    def day(self, weekday: int) -> list[str]:
        """The changes of a weekday, Monday being 0."""
        own: list[str] = getattr(self, WEEKDAYS[weekday])
        return own or (self.weekdays if weekday < 5 else [])

    @property
    def changes(self) -> list[tuple[time | SunTime, str]]:
        """All that it says, on any day."""
        days = [self.day(weekday) for weekday in range(7)] + [self.holidays or []]
        days += [entry.changes for entry in self.exceptions]
        return [parse_change(change) for day in days for change in day]

    @property
    def states(self) -> set[str]:
        """Every state it can be in."""
        return {self.default, *(state for _, state in self.changes)} - {AS_USUAL}

    def must_be_complete(self, calendars: Iterable[str], *, placed: bool) -> None:
        """Raises a ValueError about what it refers to and the configuration does not have."""
        known = set(calendars)
        for entry in self.exceptions:
            if entry.calendar is not None and entry.calendar not in known:
                there_are = ", ".join(sorted(known)) or "none"
                raise ValueError(
                    f"exception {entry.name!r} of programme {self.name!r} refers to calendar {entry.calendar!r}; "
                    f"known: {there_are}"
                )
        if not placed and (at := next((at for at, _ in self.changes if isinstance(at, SunTime)), None)):
            raise ValueError(
                f"programme {self.name!r} says {str(at)!r}, but where the site is is not known: "
                "give latitude and longitude in [site]"
            )

    def programme(self, around: Around) -> Programme:
        """The programme that is meant. Raises `ConfigError` for what cannot be."""
        try:
            return Programme(
                name=self.name,
                default=self.default,
                week=tuple(_entries(self.day(weekday)) for weekday in range(7)),
                exceptions=tuple(self._exception(entry, around.calendars) for entry in self.exceptions),
                holidays=around.holidays,
                on_holiday=None if self.holidays is None else _entries(self.holidays),
                holiday_precedence=self.holiday_precedence,
                effective=DateRange(first=self.begins, last=self.ends),
                place=around.place,
            )
        except ValueError as error:
            raise ConfigError(f"programme {self.name!r}: {error}") from None

    def _exception(self, entry: ExceptionEntry, calendars: Mapping[str, Calendar]) -> DayException:
        try:
            when = entry.when(calendars)
        except ValueError as error:
            raise ValueError(f"exception {entry.name!r} {error}") from None
        return DayException(name=entry.name, when=when, entries=_entries(entry.changes), precedence=entry.precedence)


def _entries(changes: Iterable[str]) -> DayProgramme:
    """By the clock in order, then by the sun: where both fall on one minute, the sun's counts."""
    parsed = [parse_change(change) for change in changes]
    clock = sorted((at, state) for at, state in parsed if isinstance(at, time))
    sun = [(at, state) for at, state in parsed if isinstance(at, SunTime)]
    return tuple(_entry(at, state) for at, state in clock) + tuple(_entry(at, state) for at, state in sun)


def _entry(at: time | SunTime, state: str) -> Entry:
    return Entry(at, None if state == AS_USUAL else state)
