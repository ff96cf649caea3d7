"""What writing a programme or a calendar into a device's own object would change. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from facility.schedule_looks import Seen
from points.errors import PointsError
from points.schedule_objects import CalendarObject, CalendarReference, Dates, Period, ScheduleObject, SpecialEvent
from schedules.dates import WEEKDAYS
from schedules.device_calendar import WantedDates, dates_in_words, goes_by, same_dates
from schedules.device_programme import Wanted
from schedules.device_schedule import days_in, range_of
from schedules.drift import in_words, same_day, same_event


@dataclass(frozen=True, slots=True)
class Change:
    """A property that is another: what it says, and what it is to say."""

    what: str
    old: str
    new: str


def readable(schedules: Sequence[Seen]) -> list[ScheduleObject]:
    """A PointsError where one is not: it may be one that goes by a calendar."""
    for seen in schedules:
        if seen.schedule is None or seen.trouble:
            raise PointsError(f"Whether {seen.id} goes by it is not known, it cannot be read: {seen.trouble}")
    return [seen.schedule for seen in schedules if seen.schedule is not None]


def users_of(calendar: CalendarObject, schedules: Sequence[ScheduleObject]) -> tuple[ScheduleObject, ...]:
    return tuple(each for each in schedules if goes_by(each, calendar.instance))


def calendar_changes(wanted: WantedDates, theirs: CalendarObject) -> list[Change]:
    """What would have to be written for a calendar to be as wanted."""
    if same_dates(wanted.dates, theirs.dates):
        return []
    return [Change("date-list", dates_in_words(theirs.dates), dates_in_words(wanted.dates))]


def written(schedule: ScheduleObject) -> tuple[object, ...]:
    """What of an object may have been written since: all but what it does by itself."""
    return (
        *(schedule.effective, schedule.week, schedule.exceptions, schedule.default),
        *(schedule.references, schedule.priority, schedule.out_of_service),
    )


def days_of_calendars(wanted: Wanted, calendars: Mapping[int, CalendarObject]) -> dict[int, tuple[Dates, ...] | None]:
    """The days of every calendar that what is wanted goes by; None: it is not there, or cannot be read."""
    periods = (event.period for event in wanted.exceptions)
    instances = {period.instance for period in periods if isinstance(period, CalendarReference)}
    return {each: calendars[each].dates if each in calendars else None for each in instances}


def changes(wanted: Wanted, schedule: ScheduleObject) -> list[Change]:
    """What would have to be written for the object to be as wanted."""
    found = []
    for index, day in enumerate(wanted.week):
        theirs = schedule.week[index] if index < len(schedule.week) else ()
        if not same_day(day, theirs):
            found.append(Change(f"weekly-schedule, {WEEKDAYS[index].capitalize()}", in_words(theirs), in_words(day)))
    if not same_exceptions(wanted, schedule):
        old, new = (_exceptions_in_words(each) for each in (schedule.exceptions, wanted.exceptions))
        found.append(Change("exception-schedule", old, new))
    if range_of(wanted.effective) != range_of(schedule.effective):
        found.append(Change("effective-period", str(range_of(schedule.effective)), str(range_of(wanted.effective))))
    return found


def same_week(wanted: Wanted, schedule: ScheduleObject) -> bool:
    theirs = (*schedule.week, *[()] * (len(wanted.week) - len(schedule.week)))
    return all(map(same_day, wanted.week, theirs))


def same_exceptions(wanted: Wanted, schedule: ScheduleObject) -> bool:
    same = len(wanted.exceptions) == len(schedule.exceptions)
    return same and all(map(same_event, wanted.exceptions, schedule.exceptions))


def _exceptions_in_words(events: Sequence[SpecialEvent]) -> str:
    said = [f"{_when(event.period)} ({event.priority}): {in_words(event.entries)}" for event in events]
    return " | ".join(said) or "none"


def _when(period: Period) -> str:
    if isinstance(period, CalendarReference):
        return f"calendar {period.instance}"
    days = days_in(period)
    return "days that cannot be understood" if days is None else str(days)
