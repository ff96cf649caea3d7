"""Schedule and Calendar objects that devices have of their own: they command their device at level 16 by its own clock.

A schedule's week, exceptions and period, and a calendar's dates, may be written from outside, as in real devices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from bacpypes3.basetypes import DeviceObjectPropertyReference, PropertyIdentifier
from bacpypes3.errors import PropertyError
from bacpypes3.local.object import Object as LocalObject
from bacpypes3.object import CalendarObject, ScheduleObject
from bacpypes3.pdu import PDUData
from bacpypes3.primitivedata import ObjectType, TagList
from bacpypes3.vendor import get_vendor_info

from facility.simulation.objects import OWN_LEVEL, Face
from facility.simulation.spec import CalendarSpec, ScheduleSpec
from points import schedule_objects as nouns
from points.bacnet.wire import schedules as codec
from points.model import DeviceRef
from points.schedule_objects import ALWAYS
from schedules.device_schedule import is_within, value_at

REVISION = 22  # of the protocol, as bacpypes3 says of itself
_NOBODY = DeviceRef(network=0, address="", instance=0)
_SAID = ("weeklySchedule", "exceptionSchedule", "effectivePeriod", "dateList")


class _Written:
    """What it says may be written from outside; nothing else of it."""

    async def write_property(
        self, attr: int | str, value: Any, index: int | None = None, priority: int | None = None
    ) -> None:
        name = PropertyIdentifier(attr).attr if isinstance(attr, int) else attr
        if name not in _SAID:
            raise PropertyError("writeAccessDenied")
        await super().write_property(attr, value, index, priority)  # type: ignore[misc]  # of the other base

    async def _post_init(self) -> None:
        """bacpypes3 looks for a notification class, which these have not."""


class OwnSchedule(_Written, LocalObject, ScheduleObject):  # type: ignore[misc]  # bacpypes3 is untyped
    pass


class OwnCalendar(_Written, LocalObject, CalendarObject):  # type: ignore[misc]
    pass


class Timers:
    """All of one device."""

    def __init__(self, specs: Sequence[ScheduleSpec | CalendarSpec], faces: Mapping[str, Face]) -> None:
        self._faces = faces
        schedules = [spec for spec in specs if isinstance(spec, ScheduleSpec)]
        calendars = [spec for spec in specs if isinstance(spec, CalendarSpec)]
        self._schedules = [(spec, _schedule(spec, number, faces)) for number, spec in enumerate(schedules, 1)]
        self._told: dict[str, nouns.Scalar] = {}  # what each schedule has commanded last
        self._calendars = [_calendar(spec, number) for number, spec in enumerate(calendars, 1)]

    @property
    def objects(self) -> list[Any]:
        return [*(each for _, each in self._schedules), *self._calendars]

    async def keep(self, now: datetime) -> None:
        """What they say now, by the device's clock, is what they show and command."""
        calendars = {}
        for number, each in enumerate(self._calendars, 1):
            calendar = nouns.CalendarObject(
                device=_NOBODY, instance=number, dates=codec.dates(_octets(each.dateList), [])
            )
            calendars[number] = calendar
            _show_day(each, calendar, now.date())
        for spec, each in self._schedules:
            said = value_at(_as_read(each), calendars, now.replace(tzinfo=None)).value
            if said is None or said == self._told.get(spec.name):
                continue
            value = _made("schedule", "present-value", codec.encode_scalar(said))
            each.presentValue = value
            for role in spec.commands:
                await self._faces[role].object.write_property("presentValue", value.get_value(), None, OWN_LEVEL)
            self._told[spec.name] = said

    def power_cycle(self) -> None:
        """What was commanded is forgotten, and commanded again."""
        self._told.clear()


def _show_day(shown: Any, calendar: nouns.CalendarObject, day: date) -> None:
    is_one = any(is_within(entry, {}, day) for entry in calendar.dates)
    if bool(shown.presentValue) != is_one:
        shown.presentValue = is_one


def _as_read(own: Any) -> nouns.ScheduleObject:
    """It may have been written from outside since."""
    return nouns.ScheduleObject(
        device=_NOBODY,
        instance=1,
        revision=REVISION,
        effective=codec.span(_octets(own.effectivePeriod)),
        week=codec.week(_octets(own.weeklySchedule), []),
        exceptions=codec.exceptions(_octets(own.exceptionSchedule), []),
        default=codec.scalar(_octets(own.scheduleDefault)),
    )


def _schedule(spec: ScheduleSpec, number: int, faces: Mapping[str, Face]) -> Any:
    default = codec.encode_scalar(spec.default)
    return OwnSchedule(
        objectIdentifier=("schedule", number),
        objectName=spec.name,
        description=spec.description,
        presentValue=_made("schedule", "present-value", default),
        scheduleDefault=_made("schedule", "schedule-default", default),
        weeklySchedule=_made("schedule", "weekly-schedule", codec.encode_week(spec.week)),
        exceptionSchedule=_made("schedule", "exception-schedule", codec.encode_exceptions(spec.exceptions)),
        effectivePeriod=_made("schedule", "effective-period", codec.encode_span(ALWAYS)),
        listOfObjectPropertyReferences=[
            DeviceObjectPropertyReference(
                objectIdentifier=faces[role].object.objectIdentifier, propertyIdentifier="present-value"
            )
            for role in spec.commands
        ],
        priorityForWriting=OWN_LEVEL,
        reliability="no-fault-detected",
        outOfService=False,
    )


def _calendar(spec: CalendarSpec, number: int) -> Any:
    return OwnCalendar(
        objectIdentifier=("calendar", number),
        objectName=spec.name,
        description=spec.description,
        presentValue=False,
        dateList=_made("calendar", "date-list", codec.encode_dates(spec.dates)),
    )


def _made(object_type: str, name: str, octets: bytes) -> Any:
    """A property of bacpypes3's own, from the octets in which it would be written."""
    definition = get_vendor_info(0).get_object_class(ObjectType(object_type))
    return definition.get_property_type(PropertyIdentifier(name)).decode(TagList.decode(PDUData(octets)))


def _octets(value: Any) -> bytes:
    return bytes(value.encode().encode().pduData)
