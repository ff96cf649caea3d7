"""Between a device's own schedule and a programme of ours, both ways. Pure; what one side cannot say is told.

A device's exception that has not begun gives way to the next rule; one of ours says the default until its first entry.
Each is written into the other with an entry at midnight, and then they mean the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, time

from points.schedule_objects import (
    ALWAYS,
    NULL,
    WEEK,
    CalendarReference,
    DatePattern,
    Dates,
    DateSpan,
    Day,
    Period,
    Scalar,
    ScheduleObject,
    SpecialEvent,
    TimeValue,
    WeekAndDay,
)
from schedules import dates
from schedules.calendar import DayException, DayProgramme, Entry, Programme
from schedules.dates import Calendar, Days
from schedules.device_schedule import Calendars, days_in, doubts, has_default, range_of
from schedules.device_values import RELEASED, agree
from schedules.sun import SunTime

MIDNIGHT = time(0)
ALL_DEVICES_TAKE = 6  # entries of a day; more is up to the device
HOLIDAYS_AHEAD = 400  # days whose holidays are written as single dates
YEARS = range(1900, 2155)  # that a date of a device can say
_ANY = DatePattern(None, None, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """A programme that says what the device's schedule says."""

    programme: Programme
    remarks: tuple[str, ...]  # what it cannot say, or what is doubtful


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a device's schedule would have to be to say what the programme says."""

    week: tuple[Day, ...]
    exceptions: tuple[SpecialEvent, ...]
    effective: DateSpan
    cannot: tuple[str, ...]  # what the device cannot say: with any of these it must not be written
    remarks: tuple[str, ...]


def programme_of(schedule: ScheduleObject, calendars: Calendars, name: str, names: Mapping[Scalar, str]) -> Imported:
    """`names`: the state of each value (`schedules.device_values.names_of`)."""
    remarks = doubts(schedule, calendars)
    effective = range_of(schedule.effective)
    if effective is None:
        remarks.append("The programme is in effect always, the device's schedule as far as is known never.")
    default = schedule.default if has_default(schedule) and schedule.default is not None else NULL
    week = [_entries(day, names, remarks) for day in schedule.week[:WEEK]]
    programme = Programme(
        name=name,
        default=names.get(default, RELEASED),
        week=(*week, *[()] * (WEEK - len(week))),
        exceptions=tuple(_exceptions(schedule, calendars, names, remarks)),
        effective=dates.DateRange() if effective is None else effective,
    )
    return Imported(programme=programme, remarks=tuple(dict.fromkeys(remarks)))


def _exceptions(
    schedule: ScheduleObject, calendars: Calendars, names: Mapping[Scalar, str], remarks: list[str]
) -> Iterator[DayException]:
    for index, event in enumerate(schedule.exceptions, 1):
        when = _days(event.period, calendars)
        if when is None or not event.entries:
            continue  # `doubts` has told; without entries it says nothing
        if isinstance(when, Calendar) and not when.entries:
            remarks.append(f"Exception {index} is left out: its calendar has no days now.")
            continue
        entries = _entries(event.entries, names, remarks)
        if entries[0].at != MIDNIGHT:
            entries = (Entry(MIDNIGHT, None), *entries)
        yield DayException(name=f"exception {index}", when=when, entries=entries, precedence=event.priority)


def _days(period: Period, calendars: Calendars) -> Days | None:
    if not isinstance(period, CalendarReference):
        return days_in(period)
    calendar = calendars.get(period.instance)
    if calendar is None:
        return None
    entries = [days_in(each) for each in calendar.dates]
    name = names_of_calendars(calendars)[period.instance]
    return Calendar(name=name, entries=tuple(each for each in entries if each is not None))


def names_of_calendars(calendars: Calendars) -> dict[int, str]:
    """What configuration calls each calendar of a device; of several with one name, only the first has it alone."""
    names: dict[int, str] = {}
    for instance in sorted(calendars):
        name = slug(calendars[instance].name)
        if not name or name in names.values():
            name = slug(f"{name[:36]} calendar {instance}")
        names[instance] = name
    return names


def _entries(day: Day, names: Mapping[Scalar, str], remarks: list[str]) -> DayProgramme:
    """In the order of time, one for a minute."""
    said: dict[time, str | None] = {}
    for entry in sorted(day, key=lambda each: each.at):
        minute = entry.at.replace(second=0, microsecond=0)
        if minute != entry.at:
            remarks.append(f"{entry.at:%H:%M:%S} becomes {minute:%H:%M}: entries of a programme are in whole minutes.")
        said[minute] = None if entry.value.is_null else names.get(entry.value, RELEASED)
    return tuple(Entry(at, state) for at, state in said.items())


def wanted_of(
    programme: Programme,
    values: Mapping[str, Scalar],
    schedule: ScheduleObject,
    calendars: Calendars,
    today: date,
) -> Wanted:
    """For that very object: what its default and its calendars are decides how things are said."""
    return _Writing(programme, values, schedule, calendars, today).wanted()


class _Writing:
    def __init__(
        self,
        programme: Programme,
        values: Mapping[str, Scalar],
        schedule: ScheduleObject,
        calendars: Calendars,
        today: date,
    ) -> None:
        self._programme = programme
        self._values = values
        self._schedule = schedule
        self._calendars = calendars
        self._today = today
        self._default = values.get(programme.default, NULL)
        theirs = schedule.default if has_default(schedule) else None
        self._same_default = theirs is not None and agree(self._default, theirs)
        self._cannot: list[str] = []
        self._remarks: list[str] = []

    def wanted(self) -> Wanted:
        programme = self._programme
        week = tuple(self._weekly(day) for day in programme.week)
        exceptions = tuple(self._exceptions())
        if any(week) and not self._schedule.has_week:
            self._cannot.append("The device's schedule has no week, only exceptions.")
        if exceptions and not self._schedule.has_exceptions:
            self._cannot.append("The device's schedule has no exceptions, only a week.")
        if programme.events:
            self._remarks.append("Special events of the agent are not written: they are for once.")
        most = max(map(len, (*week, *(event.entries for event in exceptions))))
        if most > ALL_DEVICES_TAKE:
            self._remarks.append(f"A day has {most} entries; some devices take {ALL_DEVICES_TAKE} only, and refuse it.")
        effective = _span(programme.effective)
        if strange := sorted(years_in(effective, *(event.period for event in exceptions)) - {*YEARS}):
            self._cannot.append(f"No date of a device is in {strange[0]}: it knows {YEARS[0]} to {YEARS[-1]}.")
        return Wanted(
            week=week,
            exceptions=exceptions,
            effective=effective,
            cannot=tuple(dict.fromkeys(self._cannot)),
            remarks=tuple(dict.fromkeys(self._remarks)),
        )

    def _weekly(self, entries: DayProgramme) -> Day:
        said = []
        for at, state in self._timed(entries):
            is_default = state is None or state == self._programme.default
            if is_default and self._same_default:
                said.append(TimeValue(at, self._default if state is not None else NULL))
                continue
            value = self._default if state is None else self._value(state)
            if value.is_null and not self._releases_by_default:
                self._cannot.append(
                    f"State {state!r} releases; in the week NULL is the device's default, {self._theirs}."
                )
            said.append(TimeValue(at, value))
        if self._same_default or (said and said[0].at == MIDNIGHT):
            return tuple(said)
        if self._default.is_null and not self._releases_by_default:
            self._cannot.append(
                f"The default state {self._programme.default!r} releases, and the device's default is {self._theirs}."
            )
        return (TimeValue(MIDNIGHT, self._default), *said)

    def _exceptions(self) -> Iterator[SpecialEvent]:
        programme = self._programme
        for exception in programme.exceptions:
            for period in self._periods(exception.when):
                yield SpecialEvent(period, self._exceptional(exception.entries), exception.precedence)
        if programme.on_holiday is None:
            return
        ahead = [day for day in sorted(programme.holidays) if 0 <= (day - self._today).days < HOLIDAYS_AHEAD]
        if ahead:
            self._remarks.append(
                f"{len(ahead)} holidays until {ahead[-1]} are written as single days: write again before they are over."
            )
        for day in ahead:
            period = DatePattern(day.year, day.month, day.day, day.isoweekday())
            yield SpecialEvent(period, self._exceptional(programme.on_holiday), programme.holiday_precedence)

    def _exceptional(self, entries: DayProgramme) -> Day:
        said = []
        for at, state in self._timed(entries):
            value = NULL if state is None else self._value(state)
            if state is not None and value.is_null:
                self._cannot.append(f"State {state!r} releases; in an exception NULL gives way to the week instead.")
            said.append(TimeValue(at, value))
        if said and said[0].at == MIDNIGHT:
            return tuple(said)
        if self._default.is_null:
            self._cannot.append("The default state releases; in an exception NULL gives way to the week instead.")
        return (TimeValue(MIDNIGHT, self._default), *said)

    def _timed(self, entries: DayProgramme) -> Iterator[tuple[time, str | None]]:
        for entry in entries:
            if isinstance(entry.at, SunTime):
                self._cannot.append(f"{entry.at} goes by the sun; a device's schedule knows the clock only.")
            else:
                yield entry.at, entry.state

    def _periods(self, when: Days) -> Iterator[Period]:
        if not isinstance(when, Calendar):
            yield period_of(when)
            return
        for instance, name in names_of_calendars(self._calendars).items():
            calendar = self._calendars[instance]
            if name == slug(when.name):
                if {days_in(each) for each in calendar.dates} == set(when.entries):
                    yield CalendarReference(calendar.instance)
                    return
                self._remarks.append(f"{calendar.key} of the device is called {when.name!r}, but has other days.")
        self._remarks.append(f"The days of calendar {when.name!r} are written one by one: the device has none like it.")
        yield from map(period_of, when.entries)

    def _value(self, state: str) -> Scalar:
        return self._values.get(state, NULL)

    @property
    def _releases_by_default(self) -> bool:
        """Whether a NULL of the week releases there."""
        if not has_default(self._schedule):
            return True
        return self._schedule.default is not None and self._schedule.default.is_null

    @property
    def _theirs(self) -> str:
        return "not known" if self._schedule.default is None else str(self._schedule.default)


def slug(name: str) -> str:
    """A name as configuration has it."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:48]


def period_of(when: dates.CalendarEntry) -> Dates:
    match when:
        case dates.DatePattern():
            return DatePattern(when.year, when.month, when.day, when.weekday)
        case dates.WeekNDay():
            return WeekAndDay(when.month, when.week, when.weekday)
        case dates.DateRange():
            return _span(when)


def _span(when: dates.DateRange) -> DateSpan:
    return ALWAYS if when == dates.DateRange() else DateSpan(_end(when.first), _end(when.last))


def years_in(*periods: Period) -> set[int]:
    """Every year that they name."""
    dates_ = [each for each in periods if isinstance(each, DatePattern)]
    dates_ += [end for each in periods if isinstance(each, DateSpan) for end in (each.first, each.last)]
    return {each.year for each in dates_ if each.year is not None}


def _end(day: date | None) -> DatePattern:
    return _ANY if day is None else DatePattern(day.year, day.month, day.day, day.isoweekday())
