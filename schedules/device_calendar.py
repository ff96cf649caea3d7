"""Between a device's own Calendar object and a calendar of ours, both ways, and the days on which they differ. Pure.

A day of ours that a device cannot say is told, never written as something near it. Their days that cannot be
understood are no days, and told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from points.schedule_objects import CalendarObject, CalendarReference, Dates, ScheduleObject
from schedules.civil import DAY
from schedules.dates import Calendar, CalendarEntry, DateRange, days_of
from schedules.device_programme import YEARS, period_of, years_in
from schedules.device_schedule import days_in
from schedules.drift import plain_period

DAYS_AHEAD = 400  # each day of a year, and the next new year's


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedCalendar:
    """A calendar that has the days of the device's; without entries it cannot be one of configuration."""

    calendar: Calendar
    remarks: tuple[str, ...]  # what it cannot say, or what is doubtful


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedDates:
    """What the date list of a device's calendar would have to be to have our days."""

    dates: tuple[Dates, ...]
    cannot: tuple[str, ...]  # what the device cannot say: with any of these it must not be written


@dataclass(frozen=True, slots=True, kw_only=True)
class DayStretch:
    """Days, one after the other, that belong to only one of the two calendars."""

    first: date
    last: date  # included
    is_ours: bool
    entry: str  # the one to which the first of them belongs


def calendar_of(theirs: CalendarObject, name: str) -> ImportedCalendar:
    remarks, entries = doubts(theirs), []
    for each in theirs.dates:
        days = days_in(each)
        if days is None:
            continue  # `doubts` has told
        try:
            entries.append(days_of(str(days)))
        except ValueError:  # a 30th of February
            remarks.append(f"{days} is left out: there is no such day.")
    return ImportedCalendar(
        calendar=Calendar(name=name, entries=tuple(dict.fromkeys(entries))), remarks=tuple(dict.fromkeys(remarks))
    )


def wanted_dates(calendar: Calendar, theirs: CalendarObject) -> WantedDates:
    """For that very object: what it has already it can have."""
    has = set(map(plain_period, theirs.dates))
    dates, cannot = [], []
    for entry in calendar.entries:
        period = period_of(entry)
        dates.append(period)
        if strange := sorted(years_in(period) - {*YEARS}):
            cannot.append(f"{entry} names {strange[0]}; a date of a device knows {YEARS[0]} to {YEARS[-1]}.")
        elif isinstance(entry, DateRange) and None in (entry.first, entry.last) and plain_period(period) not in has:
            cannot.append(
                f"{entry} is open at an end; a range in a device's calendar needs both dates. Give it the other one."
            )
    return WantedDates(dates=tuple(dates), cannot=tuple(dict.fromkeys(cannot)))


def same_dates(one: Sequence[Dates], other: Sequence[Dates]) -> bool:
    """Whether two date lists have the same entries, in whatever order."""
    return set(map(plain_period, one)) == set(map(plain_period, other))


def structure(wanted: WantedDates, theirs: CalendarObject) -> Iterator[str]:
    """Which entries only one of them has, whatever it comes to in the days ahead."""
    ours, their = ({plain_period(each): each for each in dates} for dates in (wanted.dates, theirs.dates))
    for plain, each in ours.items():
        if plain not in their:
            yield f"Only the configuration has {dates_in_words([each])}."
    for plain, each in their.items():
        if plain not in ours:
            yield f"Only the device has {dates_in_words([each])}."


def differing_days(calendar: Calendar, theirs: CalendarObject, today: date, days: int = DAYS_AHEAD) -> list[DayStretch]:
    """From today on."""
    their = [each for each in map(days_in, theirs.dates) if each is not None]
    found: list[DayStretch] = []
    for number in range(days):
        day = today + number * DAY
        mine, other = _entry_of(calendar.entries, day), _entry_of(their, day)
        if (mine is None) == (other is None):
            continue
        latest = found[-1] if found else None
        if latest is not None and latest.last + DAY == day and latest.is_ours == (mine is not None):
            found[-1] = replace(latest, last=day)
        else:
            found.append(DayStretch(first=day, last=day, is_ours=mine is not None, entry=str(mine or other)))
    return found


def doubts(theirs: CalendarObject) -> list[str]:
    """Why its days may not be all that it has."""
    strange = sum(days_in(each) is None for each in theirs.dates)
    told = [f"{strange} of its entries cannot be understood: they are taken for no day."] if strange else []
    return [*theirs.notes, *told]


def present_trouble(theirs: CalendarObject, today: date) -> str:
    """Whether its present value is not what its days say today: its clock may be wrong, or we misread it."""
    if theirs.present is None or any(days_in(each) is None for each in theirs.dates):
        return ""
    is_one = any(days.matches(today) for each in theirs.dates if (days := days_in(each)) is not None)
    if is_one == theirs.present:
        return ""
    said, should = ("is", "is not") if theirs.present else ("is not", "is")
    return (
        f"It says that today {said} one of its days, but {today} {should}: perhaps its clock is not that of the site."
    )


def goes_by(schedule: ScheduleObject, instance: int) -> bool:
    """Whether an exception of the schedule has the days of that calendar."""
    return any(event.period == CalendarReference(instance) for event in schedule.exceptions)


def dates_in_words(dates: Sequence[Dates]) -> str:
    """`*-12-25, last monday of may`."""
    return ", ".join(str(days_in(each) or "days that cannot be understood") for each in dates) or "no days"


def _entry_of(entries: Sequence[CalendarEntry], day: date) -> CalendarEntry | None:
    return next((entry for entry in entries if entry.matches(day)), None)
