"""What a device's own schedule says at a local time (ASHRAE 135 clause 12.24, as `domain.md` 3.5 has it). Pure.

1. Outside of its effective period it writes nothing.
2. Its exceptions count on the days of their period: dates, ranges, weeks of a month, or a calendar of the same device.
3. Of each, the latest entry until now counts; NULL gives way. The lowest priority number wins; of equals, the first.
4. Then the day of the week; NULL is the schedule's default.
5. Nothing carries over midnight: before the first entry of a day, its default.

Before protocol revision 4 there is no default: a NULL of the week is the value, and before the first entry of a day it
is not told what the schedule says. The latest entry is that of the highest time, in whatever order they were sent; of
one time, the one sent last. What cannot be known is a `Said` without a value, never a guess.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time

from points.schedule_objects import (
    NULL,
    CalendarObject,
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
from schedules.dates import CalendarEntry, DateRange

FIRST_WITH_DEFAULT = 4  # protocol revision
OUT_OF_PERIOD = "outside its effective period"
DEFAULT = "default"
WEEKLY = "weekly"
UNTOLD = "not told before the first entry of a day"
UNREAD = "its default could not be read"

Calendars = Mapping[int, CalendarObject]
"""Those of the schedule's own device, by instance."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a schedule says, and by which of its rules. No value: that cannot be known, or it says nothing."""

    value: Scalar | None
    rule: str

    @property
    def is_silent(self) -> bool:
        """It writes nothing, whatever its present value may be."""
        return self.rule == OUT_OF_PERIOD


def value_at(schedule: ScheduleObject, calendars: Calendars, at: datetime) -> Said:
    """At a time as the device's clock shows it."""
    day, now = at.date(), at.time()
    if not is_effective(schedule, day):
        return Said(schedule.default if has_default(schedule) else None, OUT_OF_PERIOD)
    for index, event in events_of(schedule, calendars, day):
        entry = latest(event.entries, now)
        if entry is not None and not entry.value.is_null:
            return Said(entry.value, f"exception {index}")
    entry = latest(day_of(schedule, day), now)
    if entry is not None and not entry.value.is_null:
        return Said(entry.value, WEEKLY)
    if has_default(schedule):
        return Said(schedule.default, DEFAULT if schedule.default is not None else UNREAD)
    return Said(None, UNTOLD) if entry is None else Said(NULL, WEEKLY)


def edges(schedule: ScheduleObject, calendars: Calendars, day: date) -> list[time]:
    """The local times of a day at which it may begin to say something else; midnight is the first."""
    entries = [entry.at for entry in day_of(schedule, day)]
    entries += [entry.at for _, event in events_of(schedule, calendars, day) for entry in event.entries]
    return sorted({time(0), *entries})


def has_default(schedule: ScheduleObject) -> bool:
    """Whether the device's revision knows a default; where the revision is not known, the object says it."""
    if schedule.revision is None:
        return schedule.default is not None
    return schedule.revision >= FIRST_WITH_DEFAULT


def is_effective(schedule: ScheduleObject, day: date) -> bool:
    """A period that is none, with wildcards in its dates, leaves the schedule out of effect."""
    period = range_of(schedule.effective)
    return period is not None and period.matches(day)


def day_of(schedule: ScheduleObject, day: date) -> Day:
    """What its week has for that day."""
    weekday = day.weekday()
    return schedule.week[weekday] if weekday < len(schedule.week) else ()


def events_of(schedule: ScheduleObject, calendars: Calendars, day: date) -> Iterator[tuple[int, SpecialEvent]]:
    """The exceptions of that day with their array indices, the most important first."""
    for index, event in sorted(enumerate(schedule.exceptions, 1), key=lambda each: (each[1].priority, each[0])):
        if is_within(event.period, calendars, day):
            yield index, event


def is_within(period: Period, calendars: Calendars, day: date) -> bool:
    """Whether the day belongs to the period; what is not known is no day of it."""
    if isinstance(period, CalendarReference):
        calendar = calendars.get(period.instance)
        return calendar is not None and any(is_within(each, {}, day) for each in calendar.dates)
    days = days_in(period)
    return days is not None and days.matches(day)


def latest(entries: Day, now: time) -> TimeValue | None:
    begun = [entry for entry in entries if entry.at <= now]
    return max(reversed(begun), key=_at) if begun else None  # of one time the one sent last


def days_in(period: Dates) -> CalendarEntry | None:
    """The period in the terms of programmes; None for one without a meaning."""
    try:
        match period:
            case DatePattern(year, month, day, weekday):
                return dates.DatePattern(year=year, month=month, day=day, weekday=weekday)
            case WeekAndDay(month, week, weekday):
                return dates.WeekNDay(month=month, week=week, weekday=weekday)
            case DateSpan():
                return range_of(period)
    except ValueError:  # a month 15, a week 0
        return None
    return None


def range_of(span: DateSpan) -> DateRange | None:
    """None where an end is neither a date nor open: wildcards are forbidden in a range."""
    try:
        return DateRange(first=_end(span.first), last=_end(span.last))
    except (ValueError, TypeError):
        return None


def doubts(schedule: ScheduleObject, calendars: Calendars) -> list[str]:
    """Why what `value_at` says may not be what the device does, one sentence each."""
    found = [*schedule.notes]
    if schedule.out_of_service:
        found.append("It is out of service: its present value is set by hand, and its entries do nothing.")
    if schedule.reliability not in ("", "no-fault-detected"):
        found.append(f"Its reliability is {schedule.reliability}.")
    if not has_default(schedule):
        found.append(
            f"Its device is of protocol revision {schedule.revision}, which knows no default: "
            "before the first entry of a day it is not told what it says."
        )
    elif schedule.default is None:
        found.append("Its default is not known: before the first entry of a day it is not known what it says.")
    if range_of(schedule.effective) is None:
        found.append("Its effective period has wildcards within a date, which no period may have.")
    for index, event in enumerate(schedule.exceptions, 1):
        if isinstance(event.period, CalendarReference):
            found += _doubts_of_reference(index, event.period, calendars)
        elif days_in(event.period) is None:
            found.append(f"The days of exception {index} cannot be understood.")
    for entries in (*schedule.week, *(event.entries for event in schedule.exceptions)):
        if list(entries) != sorted(entries, key=_at):
            found.append("The entries of a day are not in the order of time.")
            break
    return list(dict.fromkeys(found))


def _doubts_of_reference(index: int, reference: CalendarReference, calendars: Calendars) -> list[str]:
    calendar = calendars.get(reference.instance)
    if calendar is None:
        return [f"Exception {index} goes by calendar {reference.instance}, which its device does not have or show."]
    found = [f"Calendar {reference.instance}: {note}" for note in calendar.notes]
    if any(days_in(each) is None for each in calendar.dates):
        found.append(f"Some days of calendar {reference.instance} cannot be understood.")
    return found


def _at(entry: TimeValue) -> time:
    return entry.at


def _end(end: DatePattern) -> date | None:
    if end.year is None and end.month is None and end.day is None:
        return None
    if end.year is None or end.month is None or end.day is None:
        raise ValueError("wildcards are forbidden in a range")
    return date(end.year, end.month, end.day)
