"""Looks at the devices' own schedules and calendars, and remembers the latest of each.

A device is asked within its budget, in one piece after the other. Whatever cannot be read keeps what was read before,
with the time, and says why.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from points.bacnet.port import Constructed
from points.bacnet.schedules import read_calendar, read_schedule
from points.catalog import CatalogBook
from points.clock import Clock
from points.errors import PointsError
from points.model import Device
from points.schedule_objects import CalendarObject, CalendarReference, ScheduleObject

LOOK_S = 20.0  # for all that is looked at in one go; a caller waits no longer than 30 s


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An object as it was last read."""

    device: Device
    object: str  # "schedule,1"
    schedule: ScheduleObject | None = None
    calendar: CalendarObject | None = None
    read: datetime | None = None
    trouble: str = ""  # why it could not be read now

    @property
    def id(self) -> str:
        return f"{self.device.id}/{self.object}"

    @property
    def is_schedule(self) -> bool:
        return self.object.startswith("schedule,")


class ScheduleLooks:
    """All schedules and calendars of all devices that are known."""

    def __init__(self, bacnet: Constructed, book: CatalogBook, clock: Clock) -> None:
        self._bacnet = bacnet
        self._book = book
        self._clock = clock
        self._seen: dict[str, Seen] = {}

    def known(self) -> list[Seen]:
        """Every one that discovery has found, as far as it has been read."""
        found = []
        for device in self._book.current.devices.values():
            for each in sorted(device.schedules or (), key=_in_order):
                new = Seen(device=device, object=each)
                found.append(replace(self._seen.get(new.id, new), device=device))
        return found

    def named(self, id_: str) -> Seen | None:
        return next((seen for seen in self.known() if seen.id == id_), None)

    async def read(self, wanted: Sequence[Seen]) -> list[Seen]:
        """These, read now; with `trouble` where that was not possible in time."""
        reading = [asyncio.create_task(self._kept(seen)) for seen in wanted]
        if not reading:
            return []
        try:
            await asyncio.wait(reading, timeout=LOOK_S)
        finally:
            late = [task for task in reading if not task.done()]
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        return [
            replace(self._seen.get(seen.id, seen), trouble=f"It was not read within {LOOK_S:.0f} s.")
            if task.cancelled()
            else task.result()
            for seen, task in zip(wanted, reading, strict=True)
        ]

    async def again(self, seen: Seen) -> Seen:
        """One of them read now, before anything that can wait."""
        return await self._kept(seen, urgent=True)

    async def with_calendars(self, seen: Seen, *, urgent: bool = False) -> tuple[Seen, dict[int, CalendarObject]]:
        """A schedule read now, and the calendars that it goes by; all of the device's, where it goes by none."""
        read = await self._kept(seen, urgent=urgent)
        calendars: dict[int, CalendarObject] = {}
        for each in self._calendars_of(read):
            found = await self._kept(each, urgent=urgent)
            if found.calendar is not None and not found.trouble:
                calendars[found.calendar.instance] = found.calendar
        return read, calendars

    async def with_schedules(self, seen: Seen, *, urgent: bool = False) -> tuple[Seen, list[Seen]]:
        """A calendar read now, and every schedule of its device, any of which may go by it."""
        read = await self._kept(seen, urgent=urgent)
        own = sorted((each for each in seen.device.schedules or () if each.startswith("schedule,")), key=_in_order)
        return read, [await self._kept(Seen(device=seen.device, object=each), urgent=urgent) for each in own]

    def _calendars_of(self, seen: Seen) -> list[Seen]:
        events = () if seen.schedule is None else seen.schedule.exceptions
        named = {f"calendar,{e.period.instance}" for e in events if isinstance(e.period, CalendarReference)}
        own = {each for each in seen.device.schedules or () if each.startswith("calendar,")}
        return [Seen(device=seen.device, object=each) for each in sorted(named | own, key=_in_order)]

    async def _kept(self, seen: Seen, *, urgent: bool = False) -> Seen:
        before = self._seen.get(seen.id, seen)
        try:
            found = await self._look(seen, urgent=urgent)
        except PointsError as error:
            found = replace(before, device=seen.device, trouble=str(error))
        self._seen[seen.id] = found
        return found

    async def _look(self, seen: Seen, *, urgent: bool) -> Seen:
        instance = int(seen.object.partition(",")[2])
        if seen.is_schedule:
            schedule = await read_schedule(self._bacnet, seen.device.ref, instance, urgent=urgent)
            return Seen(device=seen.device, object=seen.object, schedule=schedule, read=self._clock.now())
        calendar = await read_calendar(self._bacnet, seen.device.ref, instance, urgent=urgent)
        return Seen(device=seen.device, object=seen.object, calendar=calendar, read=self._clock.now())


def _in_order(object_: str) -> tuple[str, int]:
    kind, _, instance = object_.partition(",")
    return kind, int(instance)
