"""What is said of the devices' own schedules: to a screen, and as a piece of `facility.toml`. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from facility.schedule_looks import Seen
from facility.schedule_rules import commanded
from facility.wire import DeviceScheduleInfo
from points.catalog import Catalog
from points.model import Kind, Point, Value
from points.schedule_objects import CalendarObject, Scalar, ScheduleObject
from points.units import show
from schedules.calendar import DayException, DayProgramme, Programme
from schedules.dates import WEEKDAYS, Calendar
from schedules.device_calendar import ImportedCalendar
from schedules.device_calendar import doubts as calendar_doubts
from schedules.device_programme import Imported, programme_of, slug
from schedules.device_schedule import days_in, doubts, range_of
from schedules.device_values import AS_USUAL, names_of, plain_value, values_in
from schedules.drift import in_words

_MOST_STATE_TEXTS = 64  # more cannot be states that anybody has named


def info(seen: Seen, calendars: Mapping[int, CalendarObject], catalog: Catalog, programme: str) -> DeviceScheduleInfo:
    """One object, as far as it was read."""
    kind = "schedule" if seen.is_schedule else "calendar"
    found = DeviceScheduleInfo(
        id=seen.id,
        device=seen.device.id,
        object=seen.object,
        kind="schedule" if seen.is_schedule else "calendar",
        name=f"{kind} of {seen.device.name}",
        description="",
        commands=[],
        priority=None,
        present="",
        effective="",
        week=[],
        exceptions=0,
        programme=programme,
        read=seen.read,
        doubts=[],
        trouble=seen.trouble,
    )
    if seen.schedule is not None:
        return found.model_copy(update=_of_schedule(seen.schedule, calendars, catalog))
    return found if seen.calendar is None else found.model_copy(update=_of_calendar(seen.calendar))


def _of_schedule(
    schedule: ScheduleObject, calendars: Mapping[int, CalendarObject], catalog: Catalog
) -> dict[str, object]:
    targets = list(commanded(schedule, catalog))
    first = next((point for _, point in targets if point is not None), None)
    return {
        "name": schedule.name,
        "description": schedule.description,
        "commands": [point.id if point is not None else str(reference) for reference, point in targets],
        "priority": schedule.priority,
        "present": "not known" if schedule.present is None else value_in_words(schedule.present, first),
        "effective": str(range_of(schedule.effective) or "not understood"),
        "week": [in_words(day) for day in schedule.week],
        "exceptions": len(schedule.exceptions),
        "doubts": doubts(schedule, calendars),
    }


def _of_calendar(calendar: CalendarObject) -> dict[str, object]:
    present = (
        "not known" if calendar.present is None else "today is one of its days" if calendar.present else "not today"
    )
    return {
        "name": calendar.name,
        "description": calendar.description,
        "present": present,
        "days": [str(days_in(each) or "not understood") for each in calendar.dates],
        "doubts": calendar_doubts(calendar),
    }


def value_in_words(value: Scalar | None, point: Point | None) -> str:
    """In the point's own words, where the value can be one of its."""
    if value is None:
        return "not known"
    ours = point_value(value, point)
    return str(value) if ours is None or point is None else show(point, ours)


def point_value(value: Scalar, point: Point | None) -> Value | None:
    """As the point has it; None where it cannot have it."""
    ours = plain_value(value, binary=point is not None and point.kind is Kind.BINARY)
    return float(ours) if point is not None and point.kind is Kind.ANALOG and isinstance(ours, int) else ours


def imported(
    seen: Seen, calendars: Mapping[int, CalendarObject], catalog: Catalog
) -> tuple[Imported, dict[str, Scalar]]:
    """The programme that the object is, and the value of each of its states."""
    assert seen.schedule is not None, "it was read"
    point = next((point for _, point in commanded(seen.schedule, catalog) if point is not None), None)
    texts = point.states[:_MOST_STATE_TEXTS] if point is not None else ()
    names = names_of(values_in(seen.schedule), texts)
    name = slug(seen.schedule.name) or slug(f"{seen.device.id}-{seen.object}")
    return programme_of(seen.schedule, calendars, name, names), {state: value for value, state in names.items()}


def toml(
    seen: Seen, found: Imported, values: Mapping[str, Scalar], catalog: Catalog, zone: ZoneInfo
) -> tuple[str, list[str]]:
    """Ready to paste, and what was left out of it."""
    assert seen.schedule is not None, "it was read"
    assert seen.read is not None, "it was read"
    targets = list(commanded(seen.schedule, catalog))
    binary = any(point is not None and point.kind is Kind.BINARY for _, point in targets)
    lines = list(
        _head(seen, seen.schedule, seen.read.astimezone(zone), [str(r) if p is None else p.id for r, p in targets])
    )
    lines += [f"# {_plain(remark)}" for remark in found.remarks]
    for calendar in _calendars(found.programme):
        lines += ["", *_calendar(calendar)]
    lines += ["", *_programme(found.programme)]
    lines += ["", "[[device_schedules]]", f"device = {_text(seen.device.id)}", f"object = {_text(seen.object)}"]
    lines.append(f"programme = {_text(found.programme.name)}")
    said_ever = {found.programme.default, *(entry.state for entry in found.programme.entries)}
    known = {state: plain_value(value, binary=binary) for state, value in values.items() if state in said_ever}
    said = ", ".join(f"{_text(state)} = {_value(value)}" for state, value in known.items() if value is not None)
    lines.append(f"values = {{ {said} }}" if said else "values = {}")
    lost = [state for state, value in known.items() if value is None and not values[state].is_null]
    remarks = [f"The value of state {state!r} ({values[state]}) cannot be written as configuration." for state in lost]
    return "\n".join(lines) + "\n", [*found.remarks, *remarks]


def calendar_toml(seen: Seen, found: ImportedCalendar, users: Sequence[str], zone: ZoneInfo) -> tuple[str, list[str]]:
    """The same of a calendar; without a day there is nothing to paste, and that is told."""
    assert seen.calendar is not None, "it was read"
    assert seen.read is not None, "it was read"
    name, read = seen.calendar.name, seen.read.astimezone(zone)
    lines = [_origin(name, seen, read), f"# {_plain(', '.join(users)) or 'No schedule of its device'} goes by it."]
    lines += [f"# {_plain(remark)}" for remark in found.remarks]
    if not found.calendar.entries:
        remark = "It has no days now; a calendar of the configuration has one at least."
        return "\n".join([*lines, f"# {remark}"]) + "\n", [*found.remarks, remark]
    lines += ["", *_calendar(found.calendar)]
    lines += ["", "[[device_schedules]]", f"device = {_text(seen.device.id)}", f"object = {_text(seen.object)}"]
    return "\n".join([*lines, f"calendar = {_text(found.calendar.name)}"]) + "\n", list(found.remarks)


def _origin(name: str, seen: Seen, read: datetime) -> str:
    where = f"{seen.object} of {seen.device.id} (device {seen.device.ref.instance}, {seen.device.name})"
    return f"# {_plain(name)}: imported from {_plain(where)}, read {read:%Y-%m-%d %H:%M}."


def _calendar(calendar: Calendar) -> Iterator[str]:
    yield "[[calendars]]"
    yield f"name = {_text(calendar.name)}"
    yield f"days = [{', '.join(_text(str(each)) for each in calendar.entries)}]"


def _head(seen: Seen, schedule: ScheduleObject, read: datetime, targets: Sequence[str]) -> Iterator[str]:
    yield _origin(schedule.name, seen, read)
    yield f"# It commands {_plain(', '.join(targets)) or 'nothing that it lists'} at priority {schedule.priority}."


def _programme(programme: Programme) -> Iterator[str]:
    yield "[[programmes]]"
    yield f"name = {_text(programme.name)}"
    yield f"default = {_text(programme.default)}"
    if programme.effective.first is not None:
        yield f"begins = {programme.effective.first.isoformat()}"
    if programme.effective.last is not None:
        yield f"ends = {programme.effective.last.isoformat()}"
    workdays = set(programme.week[:5])
    if len(workdays) == 1 and programme.week[0]:
        yield f"weekdays = {_changes(programme.week[0])}"
    for name, day in list(zip(WEEKDAYS, programme.week, strict=True))[5 if len(workdays) == 1 else 0 :]:
        if day:
            yield f"{name} = {_changes(day)}"
    for exception in programme.exceptions:
        yield from ("", *_exception(exception))


def _exception(exception: DayException) -> Iterator[str]:
    yield "[[programmes.exceptions]]"
    yield f"name = {_text(exception.name)}"
    if isinstance(exception.when, Calendar):
        yield f"calendar = {_text(exception.when.name)}"
    else:
        yield f"days = {_text(str(exception.when))}"
    yield f"changes = {_changes(exception.entries)}"
    yield f"precedence = {exception.precedence}"


def _calendars(programme: Programme) -> Iterable[Calendar]:
    return {each.when.name: each.when for each in programme.exceptions if isinstance(each.when, Calendar)}.values()


def _changes(day: DayProgramme) -> str:
    return f"[{', '.join(_text(f'{entry.at:%H:%M} {entry.state or AS_USUAL}') for entry in day)}]"


def _value(value: Value) -> str:
    return _text(value) if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else repr(value)


def _text(text: str) -> str:
    """A basic string of TOML: JSON's, of which TOML knows every escape."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _plain(text: str) -> str:
    """Within a comment: one line."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())
