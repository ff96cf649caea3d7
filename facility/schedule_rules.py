"""Whether one of the devices' own schedules or calendars may be written, and what it commands. Pure.

A schedule that is written goes on commanding without us: it may be one only of points that our own policies might
command, every one of them known, at a level that is not of people or of safety. A calendar commands by the schedules
that go by it: each of them must be one that might be written itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from points.catalog import Catalog
from points.model import Access, Device, DeviceRef, Point, Safety
from points.schedule_objects import CalendarObject, Reference, ScheduleObject
from schedules.device_calendar import goes_by
from schedules.writable import may_speak_for

STRONGEST = 9  # of the levels at which such a schedule may write: 1-7 are of safety, 8 of operators
_NEEDED = (
    *("weekly-schedule", "exception-schedule", "effective-period", "list-of-object-property-references"),
    *("priority-for-writing", "schedule-default"),
)


def commanded(schedule: ScheduleObject, catalog: Catalog) -> Iterator[tuple[Reference, Point | None]]:
    """What it writes to, each with the point that it is; None where that is none of ours."""
    for reference in schedule.references:
        ref = _device_of(reference, schedule, catalog)
        yield reference, None if ref is None else _point_at(ref, reference, catalog)


def why_not(schedule: ScheduleObject, device: Device | None, catalog: Catalog) -> str:
    """Why it must not be written; empty if it may."""
    if why := why_not_device(device):
        return why
    unread = [name for name in schedule.unread if name.partition("[")[0] in _NEEDED]
    if unread:
        return f"Its {', '.join(unread)} could not be read: what would be written over is not known."
    if schedule.priority is None or schedule.priority < STRONGEST:
        level = "a level that is not known" if schedule.priority is None else f"level {schedule.priority}"
        return f"It writes at {level}; the agent touches only schedules that write at {STRONGEST} or weaker."
    if not schedule.references:
        return "It commands nothing that is listed: what follows it inside the device is not known."
    for reference, point in commanded(schedule, catalog):
        if point is None:
            return f"It commands {reference}, which is no point that is known."
        if why := why_not_point(point, catalog):
            return f"It commands {point.id}: {why}."
    return ""


def why_not_calendar(
    calendar: CalendarObject, schedules: Sequence[ScheduleObject], device: Device | None, catalog: Catalog
) -> str:
    """The same for a calendar. `schedules`: all of its device."""
    if why := why_not_device(device):
        return why
    if calendar.unread:
        return f"Its {', '.join(calendar.unread)} could not be read: what would be written over is not known."
    for schedule in schedules:
        if any(name.startswith("exception-schedule") for name in schedule.unread):
            return f"Whether {schedule.key} goes by it is not known: its exceptions could not be read."
    users = [schedule for schedule in schedules if goes_by(schedule, calendar.instance)]
    if not users:
        return "No schedule of its device goes by it: what follows it inside the device is not known."
    for schedule in users:
        if why := why_not(schedule, device, catalog):
            return f"{schedule.key} goes by it, and might not be written itself: {why}"
    return ""


def why_not_device(device: Device | None) -> str:
    if device is None or not device.present:
        return "Its device is not there."
    if device.quarantine:
        return f"Its device is in quarantine: {device.quarantine}. `facility approve` ends that."
    if device.duplicate:
        return "Another device answers with the same instance: which of them would be written is not sure."
    return ""


def why_not_point(point: Point, catalog: Catalog) -> str:
    """As for a policy: nothing but comfort, commandable, in ordinary spaces."""
    if point.safety is not Safety.COMFORT:
        return f"its safety class is {point.safety}, not comfort"
    if point.access is not Access.COMMANDABLE:
        return "it is monitor-only"
    if not list(may_speak_for([point], catalog)):
        space = catalog.spaces.get(point.space) if point.space else None
        return f"it is in {point.space}, a space of type {space.type if space else 'unknown'}: not an ordinary one"
    return ""


def _device_of(reference: Reference, schedule: ScheduleObject, catalog: Catalog) -> DeviceRef | None:
    if reference.device is None or reference.device == schedule.device.instance:
        return schedule.device
    found = [each for each in catalog.devices.values() if each.ref.instance == reference.device and each.present]
    return found[0].ref if len(found) == 1 else None


def _point_at(device: DeviceRef, reference: Reference, catalog: Catalog) -> Point | None:
    if reference.property != "present-value" or reference.index is not None:
        return None
    wanted = (device, reference.object_type, reference.instance)
    devices = [each.id for each in catalog.devices.values() if each.ref == device]
    points = (point for id_ in devices for point in catalog.points_of(id_))
    return next((p for p in points if (p.ref.device, p.ref.object_type, p.ref.instance) == wanted), None)
