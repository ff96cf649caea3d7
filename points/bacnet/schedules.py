"""A device's own Schedule and Calendar objects, read whole or piece by piece.

What a device does not have, refuses or says in a way that cannot be understood is left out of what was read, and said
there; only silence, and a device that has no such object, raise. An array is read element by element where the
device cannot send it whole.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from points.bacnet.batches import TOO_BIG
from points.bacnet.port import Constructed, Property
from points.bacnet.wire import schedules as codec
from points.bacnet.wire.schedules import Notes
from points.errors import DeviceError, DeviceRefused, DeviceSilent
from points.model import DeviceRef
from points.schedule_objects import (
    ALWAYS,
    WEEK,
    CalendarObject,
    Datatype,
    Day,
    ScheduleObject,
)

T = TypeVar("T")

MOST_EXCEPTIONS = 255  # more are not read one by one
_NOT_THERE = frozenset({"unknown-property"})


async def read_schedule(
    bacnet: Constructed, device: DeviceRef, instance: int, *, urgent: bool = False
) -> ScheduleObject:
    """The object as it stands now. DeviceSilent; DeviceRefused where there is no such object."""
    look = _Look(bacnet, device, "schedule", instance, urgent=urgent)
    default = await look.optional("schedule-default", codec.scalar)
    present = await look.needed("present-value", codec.scalar, None)
    week = await look.array("weekly-schedule", codec.week, most=WEEK)
    exceptions = await look.array("exception-schedule", codec.exceptions, most=MOST_EXCEPTIONS)
    _count(week, look.notes)
    return ScheduleObject(
        device=device,
        instance=instance,
        name=await look.text("object-name"),
        description=await look.text("description"),
        revision=await look.revision(),
        effective=await look.needed("effective-period", codec.span, ALWAYS),
        week=week or (),
        has_week=week is not None,
        exceptions=exceptions or (),
        has_exceptions=exceptions is not None,
        default=default,
        references=await look.needed("list-of-object-property-references", codec.references, ()),
        priority=await look.number("priority-for-writing"),
        present=present,
        out_of_service=await look.flag("out-of-service"),
        reliability=await look.reliability(),
        unread=tuple(look.unread),
        notes=tuple(look.notes),
    )


async def read_calendar(
    bacnet: Constructed, device: DeviceRef, instance: int, *, urgent: bool = False
) -> CalendarObject:
    """The same for a Calendar object."""
    look = _Look(bacnet, device, "calendar", instance, urgent=urgent)
    dates = await look.needed("date-list", lambda octets: codec.dates(octets, look.notes), ())
    return CalendarObject(
        device=device,
        instance=instance,
        name=await look.text("object-name"),
        description=await look.text("description"),
        dates=dates,
        present=await look.flag("present-value"),
        unread=tuple(look.unread),
        notes=tuple(look.notes),
    )


class _Look:
    """One object of one device being read."""

    def __init__(
        self, bacnet: Constructed, device: DeviceRef, object_type: str, instance: int, *, urgent: bool
    ) -> None:
        self._bacnet = bacnet
        self._device = device
        self._object = (object_type, instance)
        self._urgent = urgent
        self.notes: Notes = []
        self.unread: list[str] = []

    async def optional(self, name: str, decode: Callable[[bytes], T]) -> T | None:
        """None where the object has no such property, and where it cannot be read, which is noted."""
        try:
            return await self._read(Property(*self._object, name), decode)
        except DeviceSilent:
            raise
        except DeviceError as error:
            self._failed(name, error)
        return None

    async def needed(self, name: str, decode: Callable[[bytes], T], without: Any) -> Any:
        """`without` where it cannot be read; that is noted in any case."""
        try:
            return await self._read(Property(*self._object, name), decode)
        except DeviceSilent:
            raise
        except DeviceError as error:
            self._failed(name, error, must=True)
        return without

    async def array(
        self, name: str, decode: Callable[[bytes, Notes], tuple[T, ...]], *, most: int
    ) -> tuple[T, ...] | None:
        """None where the object has no such property."""
        wanted = Property(*self._object, name)
        try:
            return await self._elements_of(wanted, decode)
        except DeviceError as error:
            if isinstance(error, DeviceRefused) and error.code not in TOO_BIG:
                self._failed(name, error)
                return None
            return await self._one_by_one(wanted, decode, most, error)

    async def text(self, name: str) -> str:
        value = await self.optional(name, codec.scalar)
        return value.value.strip() if value is not None and isinstance(value.value, str) else ""

    async def number(self, name: str) -> int | None:
        value = await self.needed(name, codec.scalar, None)
        return value.value if value is not None and value.datatype is Datatype.UNSIGNED else None

    async def flag(self, name: str) -> bool | None:
        value = await self.optional(name, codec.scalar)
        return value.value if value is not None and isinstance(value.value, bool) else None

    async def reliability(self) -> str:
        return await self.optional("reliability", codec.reliability) or ""

    async def revision(self) -> int | None:
        """The protocol revision of the device."""
        try:
            value = await self._read(Property("device", self._device.instance, "protocol-revision"), codec.scalar)
        except DeviceSilent:
            raise
        except DeviceError as error:
            if isinstance(error, DeviceRefused) and error.code in _NOT_THERE:
                return 0  # the standard had none yet
            self.notes.append(f"Its protocol revision cannot be read ({error}).")
            return None
        return value.value if isinstance(value.value, int) else None

    async def _elements_of(self, wanted: Property, decode: Callable[[bytes, Notes], tuple[T, ...]]) -> tuple[T, ...]:
        """Its notes are kept only if it can be read."""
        notes: Notes = []
        found = await self._read(wanted, lambda octets: decode(octets, notes))
        self.notes += notes
        return found

    async def _one_by_one(
        self, wanted: Property, decode: Callable[[bytes, Notes], tuple[T, ...]], most: int, error: DeviceError
    ) -> tuple[T, ...] | None:
        """What could not be had whole. Silence may be that of a way which loses long answers."""
        try:
            length = (await self._read(_element(wanted, 0), codec.scalar)).value
        except DeviceSilent:
            raise
        except DeviceError:
            self._failed(wanted.name, error, must=True)
            return None
        if not isinstance(length, int):
            self._failed(wanted.name, error, must=True)
            return None
        if length > most:
            self.notes.append(f"Its {wanted.name} has {length} elements, of which {most} are read.")
            self.unread.append(wanted.name)
        found: list[T] = []
        for index in range(1, min(length, most) + 1):
            try:
                found += await self._elements_of(_element(wanted, index), decode)
            except DeviceSilent:
                raise
            except DeviceError as why:
                self._failed(f"{wanted.name}[{index}]", why, must=True)
                found += decode(b"\x0e\x0f", []) if wanted.name == "weekly-schedule" else ()
        return tuple(found)

    def _failed(self, name: str, error: DeviceError, *, must: bool = False) -> None:
        if isinstance(error, DeviceRefused):
            if error.code == "unknown-object":
                raise error
            if error.code in _NOT_THERE and not must:
                return
        self.unread.append(name)
        self.notes.append(f"Its {name} cannot be read: {error}")

    async def _read(self, wanted: Property, decode: Callable[[bytes], T]) -> T:
        return await self._bacnet.read_as(self._device, wanted, decode, urgent=self._urgent)


def _element(wanted: Property, index: int) -> Property:
    return Property(wanted.object_type, wanted.instance, wanted.name, index)


def _count(week: tuple[Day, ...] | None, notes: Notes) -> None:
    if week is not None and len(week) != WEEK:
        notes.append(f"Its weekly schedule has {len(week)} days; a week has {WEEK}: the others are taken to be empty.")
