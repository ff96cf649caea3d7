"""The desk's hand for the devices' own schedules and calendars: look, record, write, read back, record. The only one.

- The device says who it is, and the object, the calendars that it would go by and the schedules that go by it are
  still as they were shown; else nothing is written. One thing at a time is written into a device.
- The audit row, with what was there and what is wanted, is on disk before the first write; without it, none.
- The rules are asked once more at that moment.
- What came of it is read from the device and compared; a silence is never answered by a second write.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Literal

from facility.audit import Audit, AuditUnavailable
from facility.commands import StalePlan
from facility.schedule_changes import (
    Change,
    calendar_changes,
    changes,
    days_of_calendars,
    readable,
    same_exceptions,
    same_week,
    users_of,
    written,
)
from facility.schedule_looks import ScheduleLooks, Seen
from facility.users import User
from points.bacnet.port import Constructed
from points.bacnet.schedule_writes import write_dates, write_exceptions, write_period, write_week
from points.clock import Clock
from points.errors import DeviceError, PointsError
from points.events import Events
from points.model import DeviceId, Event, EventKind
from points.schedule_objects import CalendarObject, ScheduleObject
from schedules.device_calendar import WantedDates
from schedules.device_programme import Wanted
from schedules.device_schedule import range_of

Status = Literal["written", "failed", "mismatch"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What somebody was shown, and wants written."""

    seen: Seen
    schedule: ScheduleObject  # as it was shown
    calendars: Mapping[int, CalendarObject]  # those of its device, the same
    wanted: Wanted
    programme: str
    by: User
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarExport:
    """The same for a calendar."""

    seen: Seen
    theirs: CalendarObject  # as it was shown
    users: tuple[ScheduleObject, ...]  # those of its device that go by it, the same
    wanted: WantedDates
    calendar: str
    by: User
    reason: str


CalendarRules = Callable[[CalendarObject, Sequence[ScheduleObject]], str]
"""Why a calendar must not be written, asked with all schedules of its device."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it."""

    status: Status
    text: str


class ScheduleWriter:
    """Writes a programme into a device's own schedule, a calendar into its own calendar."""

    def __init__(
        self,
        *,
        bacnet: Constructed,
        looks: ScheduleLooks,
        audit: Audit,
        events: Events,
        clock: Clock,
        recognises: Callable[[DeviceId], Awaitable[bool]],
    ) -> None:
        self._bacnet = bacnet
        self._looks = looks
        self._audit = audit
        self._events = events
        self._clock = clock
        self._recognises = recognises
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def write(self, export: Export, *, still: Callable[[ScheduleObject], str]) -> Outcome:
        """`still`: why not, asked of the object as it is now. A PointsError: nothing was written."""
        async with self._locks[export.seen.device.id]:
            await self._must_be_the_one(export.seen)
            now, calendars = await self._looks.with_calendars(export.seen, urgent=True)
            if now.schedule is None or now.trouble:
                raise PointsError(f"{export.seen.id} cannot be read: {now.trouble}")
            before = now.schedule
            if written(before) != written(export.schedule):
                raise StalePlan(f"{export.seen.id} has changed since it was shown. Look again.")
            if days_of_calendars(export.wanted, calendars) != days_of_calendars(export.wanted, export.calendars):
                raise StalePlan(f"A calendar that {export.seen.id} goes by has changed since it was shown. Look again.")
            if why := still(before):
                raise PointsError(why)
            made, rule = changes(export.wanted, before), f"programme {export.programme}"
            seq = await self._intent(export, "write-schedule", made, rule, before.priority)
            return await self._told(export, seq, await self._carry_out(export, before))

    async def write_calendar(self, export: CalendarExport, *, still: CalendarRules) -> Outcome:
        """The same for a calendar."""
        async with self._locks[export.seen.device.id]:
            await self._must_be_the_one(export.seen)
            now, seen = await self._looks.with_schedules(export.seen, urgent=True)
            if now.calendar is None or now.trouble:
                raise PointsError(f"{export.seen.id} cannot be read: {now.trouble}")
            if now.calendar.unread or now.calendar.dates != export.theirs.dates:
                raise StalePlan(f"{export.seen.id} has changed since it was shown. Look again.")
            schedules = readable(seen)
            if list(map(written, users_of(now.calendar, schedules))) != list(map(written, export.users)):
                raise StalePlan(f"A schedule that goes by {export.seen.id} has changed since it was shown. Look again.")
            if why := still(now.calendar, schedules):
                raise PointsError(why)
            rule = f"calendar {export.calendar}"
            made = calendar_changes(export.wanted, now.calendar)
            seq = await self._intent(export, "write-calendar", made, rule, None)
            return await self._told(export, seq, await self._write_dates(export))

    async def _must_be_the_one(self, seen: Seen) -> None:
        if not await self._recognises(seen.device.id):
            raise PointsError(f"It is not sure that {seen.device.id} is the device that was known there.")

    async def _intent(
        self, export: Export | CalendarExport, action: str, made: Sequence[Change], rule: str, priority: int | None
    ) -> int:
        return await self._audit.intent(
            by=export.by.by,
            role=export.by.role,
            origin=export.by.origin,
            action=action,
            target=export.seen.id,
            found="; ".join(f"{change.what}: {change.old}" for change in made),
            value="; ".join(f"{change.what}: {change.new}" for change in made),
            priority=priority,
            reason=export.reason,
            rule=rule,
        )

    async def _told(self, export: Export | CalendarExport, seq: int, outcome: Outcome) -> Outcome:
        with suppress(AuditUnavailable):  # it is owed, and written first when the audit can be
            await self._audit.result(seq, outcome.text)
        text = f"{export.by.by}: {export.seen.id}: {outcome.text}"
        self._events.tell(Event(kind=EventKind.COMMAND, time=self._clock.now(), about=export.seen.device.id, text=text))
        return outcome

    async def _carry_out(self, export: Export, before: ScheduleObject) -> Outcome:
        wanted, ref, instance = export.wanted, before.device, before.instance
        steps: list[tuple[str, Callable[[], Awaitable[None]]]] = []
        if not same_week(wanted, before):
            steps.append(("weekly-schedule", partial(write_week, self._bacnet, ref, instance, wanted.week)))
        if not same_exceptions(wanted, before):
            steps.append(
                ("exception-schedule", partial(write_exceptions, self._bacnet, ref, instance, wanted.exceptions))
            )
        if range_of(wanted.effective) != range_of(before.effective):
            steps.append(("effective-period", partial(write_period, self._bacnet, ref, instance, wanted.effective)))
        done: list[str] = []
        trouble = ""
        for name, step in steps:
            try:
                await step()
            except (DeviceError, ValueError) as error:
                trouble = f"{name}: {error}"
                break
            done.append(name)
        return await self._compare(export, done, trouble)

    async def _compare(self, export: Export, done: list[str], trouble: str) -> Outcome:
        after, _ = await self._looks.with_calendars(export.seen, urgent=True)
        told = f" Written: {', '.join(done)}." if done else " Nothing was taken."
        if after.schedule is None or after.trouble:
            return Outcome(
                "failed", f"not known: {trouble or 'written'}, and it cannot be read back: {after.trouble}{told}"
            )
        says = f"{export.seen.id} says programme {export.programme}"
        return _compared(changes(export.wanted, after.schedule), says, trouble, told)

    async def _write_dates(self, export: CalendarExport) -> Outcome:
        trouble, ref, dates = "", export.theirs.device, export.wanted.dates
        try:
            await write_dates(self._bacnet, ref, export.theirs.instance, dates)
        except (DeviceError, ValueError) as error:
            trouble = f"date-list: {error}"
        after = await self._looks.again(export.seen)
        if after.calendar is None or after.trouble or after.calendar.unread:
            why = after.trouble or "its date-list is not told"
            return Outcome("failed", f"not known: {trouble or 'written'}, and it cannot be read back: {why}")
        says = f"{export.seen.id} has the days of calendar {export.calendar}"
        return _compared(calendar_changes(export.wanted, after.calendar), says, trouble, "")


def _compared(left: Sequence[Change], says: str, trouble: str, told: str) -> Outcome:
    """What came of it. `left`: what is not as it was written; `says`: what is true where nothing is."""
    if not left:
        return Outcome("written", f"written and read back: {says}" + (f" (although: {trouble})" if trouble else ""))
    differ = "; ".join(f"{change.what} is {change.old}, not {change.new}" for change in left)
    if trouble:
        return Outcome("failed", f"failed: {trouble}.{told} Read back: {differ}")
    return Outcome("mismatch", f"mismatch: written, but read back {differ}")
