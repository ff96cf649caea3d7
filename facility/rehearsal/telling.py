"""What a rehearsal found, in the words of the wire. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from facility.rehearsal.model import Difference, Refused, Rehearsed, Write
from facility.wire import ClashInfo, RefusalInfo, RehearsalDay, WriteInfo
from points.catalog import Catalog
from points.units import show
from schedules.calendar import WEEKLY, Programme, why
from schedules.civil import DAY, instant_of

MOST_WRITES = 4_000  # groups that travel; a person looks at fewer, a program asks for fewer days
MOST_POINTS = 12  # that are named of a group
MOST_LINES = 500  # refusals and conflicts


def writes(found: Rehearsed, apart: Difference, catalog: Catalog) -> list[WriteInfo]:
    """In the order of time; what happens together for one reason is one entry."""
    new = set(map(id, apart.new))
    marked = [(write, "+" if id(write) in new else "") for write in found.writes]
    marked += [(write, "-") for write in apart.gone]
    groups: dict[tuple[datetime, str, str, int, str, str], list[str]] = {}
    for write, mark in marked:
        key = (write.at, write.policy, _value(write, catalog), int(write.priority), write.reason, mark)
        groups.setdefault(key, []).append(write.point)
    told = [
        WriteInfo(
            at=at,
            points=points[:MOST_POINTS],
            count=len(points),
            value=value,
            priority=priority,
            policy=policy,
            why=reason,
            mark="+" if mark == "+" else "-" if mark == "-" else "",
        )
        for (at, policy, value, priority, reason, mark), points in groups.items()
    ]
    return sorted(told, key=lambda each: each.at)[:MOST_WRITES]


def days(
    found: Rehearsed, apart: Difference, programmes: Mapping[str, Programme], zone: ZoneInfo
) -> list[RehearsalDay]:
    """Every civil day that the rehearsal touches."""
    counts, new, gone = (Counter(_days(each, zone)) for each in (found.writes, apart.new, apart.gone))
    first, last = (instant.astimezone(zone).date() for instant in (found.start, found.end))
    touched = [first + number * DAY for number in range((last - first).days + 1)]
    return [
        RehearsalDay(
            date=day.isoformat(),
            writes=counts[day],
            new=new[day],
            gone=gone[day],
            note="; ".join(_notes(day, programmes, zone)),
        )
        for day in touched
    ]


def refusals(found: Rehearsed) -> list[RefusalInfo]:
    return [_refusal(each) for each in found.refused[:MOST_LINES]]


def clashes(found: Rehearsed) -> list[ClashInfo]:
    return [ClashInfo(at=each.at, text=each.text) for each in found.clashes[:MOST_LINES]]


def _refusal(refused: Refused) -> RefusalInfo:
    return RefusalInfo(at=refused.at, point=refused.point, policy=refused.policy, why=refused.why, times=refused.times)


def _value(write: Write, catalog: Catalog) -> str:
    point = catalog.points.get(write.point)
    if write.value is None:
        return "released"
    return str(write.value) if point is None else show(point, write.value)


def _days(written: Iterable[Write], zone: ZoneInfo) -> Iterator[date]:
    return (write.at.astimezone(zone).date() for write in written)


def _notes(day: date, programmes: Mapping[str, Programme], zone: ZoneInfo) -> Iterator[str]:
    """What is not as usual on that day: rules that are not the week's, and the clock."""
    rules: dict[str, list[str]] = {}
    for name, programme in programmes.items():
        if (rule := why(programme, day)) != WEEKLY:
            rules.setdefault(rule, []).append(name)
    for rule, names in rules.items():
        yield f"{rule} ({', '.join(names)})" if len(names) < len(programmes) else rule
    begins, ends = instant_of(day, time(0), zone), instant_of(day + DAY, time(0), zone)
    extra = (ends - begins) - timedelta(hours=24)
    if extra:
        minutes = abs(extra) / timedelta(minutes=1)
        yield f"the clock goes {'back' if extra > timedelta(0) else 'forward'} by {minutes:g} min"
