"""Where a device's own schedule and our programme say different things in the days to come. Pure.

Both are asked at every instant at which either may change: ours go by instants, the device by what its clock shows,
which in autumn it shows twice. What cannot be known of the device differs from whatever we say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import dropwhile, pairwise
from zoneinfo import ZoneInfo

from points.schedule_objects import (
    NULL,
    DatePattern,
    DateSpan,
    Day,
    Period,
    Scalar,
    ScheduleObject,
    SpecialEvent,
    TimeValue,
)
from schedules.calendar import SILENT, Programme, state_at, transitions
from schedules.civil import DAY, civil_day, instant_of
from schedules.dates import WEEKDAYS, DateRange
from schedules.device_programme import Wanted, wanted_of
from schedules.device_schedule import Calendars, Said, doubts, edges, has_default, range_of, value_at
from schedules.device_values import agree

DAYS_AHEAD = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A time in which the two say different things."""

    begin: datetime
    end: datetime  # not included
    state: str  # of our programme; "" outside its effective period
    ours: Scalar | None  # None: nothing
    theirs: Said


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """What differs."""

    stretches: tuple[Stretch, ...]
    structure: tuple[str, ...]  # what is written differently, whatever it comes to in these days
    doubts: tuple[str, ...]  # why this may not be all


def drift(
    programme: Programme,
    values: Mapping[str, Scalar],
    schedule: ScheduleObject,
    calendars: Calendars,
    zone: ZoneInfo,
    now: datetime,
    *,
    days: int = DAYS_AHEAD,
) -> Drift:
    """`values`: what our states are at the device. The device's clock is taken to be that of the zone."""
    wanted = wanted_of(programme, values, schedule, calendars, civil_day(now, zone))
    found = [*doubts(schedule, calendars), *wanted.cannot]
    if trouble := present_trouble(schedule, calendars, zone, now):
        found.append(trouble)
    return Drift(
        stretches=tuple(_stretches(programme, values, schedule, calendars, zone, now, days)),
        structure=tuple(differences(wanted, schedule, programme, values)),
        doubts=tuple(found),
    )


def differences(
    wanted: Wanted, schedule: ScheduleObject, programme: Programme, values: Mapping[str, Scalar]
) -> Iterable[str]:
    """Where the object is not what writing the programme would make of it."""
    for index, name in enumerate(WEEKDAYS):
        theirs = schedule.week[index] if index < len(schedule.week) else ()
        if not same_day(wanted.week[index], theirs):
            mine = in_words(wanted.week[index])
            yield f"{name.capitalize()}: the programme has {mine}, the device {in_words(theirs)}."
    if len(wanted.exceptions) != len(schedule.exceptions):
        yield f"The programme comes to {len(wanted.exceptions)} exceptions, the device has {len(schedule.exceptions)}."
    else:
        for index, (one, other) in enumerate(zip(wanted.exceptions, schedule.exceptions, strict=True), 1):
            if not same_event(one, other):
                yield f"Exception {index} is another."
    if range_of(wanted.effective) != range_of(schedule.effective):
        yield f"The programme is in effect {programme.effective}, the device's schedule {range_of(schedule.effective)}."
    if has_default(schedule) and schedule.default is not None:
        ours = values.get(programme.default, NULL)
        if not agree(ours, schedule.default):
            yield f"The default of the programme is {ours}, that of the device {schedule.default}."


def present_trouble(schedule: ScheduleObject, calendars: Calendars, zone: ZoneInfo, now: datetime) -> str:
    """Whether its present value is not what its entries say now: its clock may be wrong, or we misread it."""
    if schedule.out_of_service or schedule.present is None:
        return ""
    said = value_at(schedule, calendars, now.astimezone(zone).replace(tzinfo=None))
    if said.value is None or said.is_silent or agree(said.value, schedule.present):
        return ""
    should = f"by its entries it should be {said.value} ({said.rule})"
    return f"Its present value is {schedule.present}, but {should}: perhaps its clock is not that of the site."


def same_day(one: Day, other: Day) -> bool:
    """Whether two days say the same at the same times, in whatever order they are written."""
    mine, theirs = _in_order(one), _in_order(other)
    return len(mine) == len(theirs) and all(
        at == their_at and agree(value, their_value)
        for (at, value), (their_at, their_value) in zip(mine, theirs, strict=True)
    )


def same_event(one: SpecialEvent, other: SpecialEvent) -> bool:
    """Whether two exceptions mean the same; one that begins by giving way has not begun."""
    if one.priority != other.priority or plain_period(one.period) != plain_period(other.period):
        return False
    return same_day(_begun(one.entries), _begun(other.entries))


def _begun(day: Day) -> Day:
    """From its first value on."""
    in_order = [TimeValue(at, value) for at, value in _in_order(day)]
    return tuple(dropwhile(lambda entry: entry.value.is_null, in_order))


def plain_period(period: Period) -> Period | DateRange | date:
    """Without what follows from the rest: the weekday of a date, whatever the device makes of it."""
    if isinstance(period, DateSpan):
        return range_of(period) or period
    if isinstance(period, DatePattern) and period.year and period.month and period.day:
        try:
            day = date(period.year, period.month, period.day)
        except ValueError:  # the last day of a month, a 30th of February
            return period
        return day if period.weekday in (None, day.isoweekday()) else period
    return period


def in_words(day: Day) -> str:
    """`06:00 on, 18:00 off`, with the device's values."""
    return ", ".join(f"{at:%H:%M} {value}" for at, value in _in_order(day)) or "nothing"


def _in_order(day: Day) -> list[tuple[time, Scalar]]:
    """Of one time the last one counts."""
    return sorted({entry.at: entry.value for entry in day}.items(), key=lambda entry: entry[0])


def _stretches(
    programme: Programme,
    values: Mapping[str, Scalar],
    schedule: ScheduleObject,
    calendars: Calendars,
    zone: ZoneInfo,
    now: datetime,
    days: int,
) -> list[Stretch]:
    instants = _instants(programme, schedule, calendars, zone, now, days)
    found: list[Stretch] = []
    for begin, end in pairwise(instants):
        state = state_at(programme, begin, zone)
        ours = None if state == SILENT else values.get(state, NULL)
        theirs = value_at(schedule, calendars, begin.astimezone(zone).replace(tzinfo=None))
        if _agree(ours, theirs):
            continue
        latest = found[-1] if found else None
        if latest is not None and latest.end == begin and _is_same(latest, ours, theirs):
            found[-1] = replace(latest, end=end)
        else:
            found.append(Stretch(begin=begin, end=end, state=state, ours=ours, theirs=theirs))
    return found


def _is_same(latest: Stretch, ours: Scalar | None, theirs: Said) -> bool:
    """By the values; which rule says them may change."""
    before = latest.theirs
    return (latest.ours, before.value, before.is_silent) == (ours, theirs.value, theirs.is_silent)


def _agree(ours: Scalar | None, theirs: Said) -> bool:
    if ours is None or theirs.is_silent:
        return ours is None and theirs.is_silent
    return theirs.value is not None and agree(ours, theirs.value)


def _instants(
    programme: Programme,
    schedule: ScheduleObject,
    calendars: Calendars,
    zone: ZoneInfo,
    now: datetime,
    days: int,
) -> list[datetime]:
    """From now on until so many days later, every instant at which either may say something else."""
    end = now + timedelta(days=days)
    first = civil_day(now, zone)
    found = {now, end}
    for number in range(-1, days + 2):
        day = first + number * DAY
        found |= {since for since, _ in transitions(programme, day, zone)}
        for at in edges(schedule, calendars, day):
            found.add(instant_of(day, at, zone))
            found.add(datetime.combine(day, at, zone).replace(fold=1).astimezone(UTC))  # shown a second time
        found |= _turns_of_the_clock(instant_of(day, time(0), zone), instant_of(day + DAY, time(0), zone), zone)
    return sorted(instant for instant in found if now <= instant <= end)


def _turns_of_the_clock(begin: datetime, end: datetime, zone: ZoneInfo) -> set[datetime]:
    """When the clocks of the zone go forward or back within a day: then a device's clock shows another time."""
    before, after = int(begin.timestamp()), int(end.timestamp())
    offset = begin.astimezone(zone).utcoffset()
    if end.astimezone(zone).utcoffset() == offset:
        return set()
    while after - before > 1:
        middle = (before + after) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return {datetime.fromtimestamp(after, UTC)}
