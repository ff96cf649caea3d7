"""The desk's hand for the devices' own schedules: look, record, write, read back, record. It is the only one.

- The device says who it is, and the object and the calendars that it would go by are still as they were shown; else
  nothing is written.
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
from facility.schedule_looks import ScheduleLooks, Seen
from facility.users import User
from points.bacnet.port import Constructed
from points.bacnet.schedule_writes import write_exceptions, write_period, write_week
from points.clock import Clock
from points.errors import DeviceError, PointsError
from points.events import Events
from points.model import DeviceId, Event, EventKind
from points.schedule_objects import (
    CalendarObject,
    CalendarReference,
    Dates,
    Period,
    ScheduleObject,
    SpecialEvent,
)
from schedules.dates import WEEKDAYS
from schedules.device_programme import Wanted
from schedules.device_schedule import days_in, range_of
from schedules.drift import in_words, same_day, same_event

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


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it."""

    status: Status
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """A property that is another: what it says, and what it is to say."""

    what: str
    old: str
    new: str


class ScheduleWriter:
    """Writes a programme into a device's own schedule, one at a time for each object."""

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
        async with self._locks[export.seen.id]:
            if not await self._recognises(export.seen.device.id):
                raise PointsError(f"It is not sure that {export.seen.device.id} is the device that was known there.")
            now, calendars = await self._looks.with_calendars(export.seen, urgent=True)
            if now.schedule is None or now.trouble:
                raise PointsError(f"{export.seen.id} cannot be read: {now.trouble}")
            if written(now.schedule) != written(export.schedule):
                raise StalePlan(f"{export.seen.id} has changed since it was shown. Look again.")
            if days_of_calendars(export.wanted, calendars) != days_of_calendars(export.wanted, export.calendars):
                raise StalePlan(f"A calendar that {export.seen.id} goes by has changed since it was shown. Look again.")
            if why := still(now.schedule):
                raise PointsError(why)
            seq = await self._intent(export, now.schedule)
            outcome = await self._carry_out(export, now.schedule)
            with suppress(AuditUnavailable):  # it is owed, and written first when the audit can be
                await self._audit.result(seq, outcome.text)
            text = f"{export.by.by}: {export.seen.id}: {outcome.text}"
            self._events.tell(
                Event(kind=EventKind.COMMAND, time=self._clock.now(), about=export.seen.device.id, text=text)
            )
            return outcome

    async def _intent(self, export: Export, before: ScheduleObject) -> int:
        made = changes(export.wanted, before)
        return await self._audit.intent(
            by=export.by.by,
            role=export.by.role,
            origin=export.by.origin,
            action="write-schedule",
            target=export.seen.id,
            found="; ".join(f"{change.what}: {change.old}" for change in made),
            value="; ".join(f"{change.what}: {change.new}" for change in made),
            priority=before.priority,
            reason=export.reason,
            rule=f"programme {export.programme}",
        )

    async def _carry_out(self, export: Export, before: ScheduleObject) -> Outcome:
        wanted, ref, instance = export.wanted, before.device, before.instance
        steps: list[tuple[str, Callable[[], Awaitable[None]]]] = []
        if not _same_week(wanted, before):
            steps.append(("weekly-schedule", partial(write_week, self._bacnet, ref, instance, wanted.week)))
        if not _same_exceptions(wanted, before):
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
        left = changes(export.wanted, after.schedule)
        if not left:
            late = f" (although: {trouble})" if trouble else ""
            return Outcome(
                "written", f"written and read back: {export.seen.id} says programme {export.programme}{late}"
            )
        differ = "; ".join(f"{change.what} is {change.old}, not {change.new}" for change in left)
        if trouble:
            return Outcome("failed", f"failed: {trouble}.{told} Read back: {differ}")
        return Outcome("mismatch", f"mismatch: written, but read back {differ}")


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
    if not _same_exceptions(wanted, schedule):
        old, new = (_exceptions_in_words(each) for each in (schedule.exceptions, wanted.exceptions))
        found.append(Change("exception-schedule", old, new))
    if range_of(wanted.effective) != range_of(schedule.effective):
        found.append(Change("effective-period", str(range_of(schedule.effective)), str(range_of(wanted.effective))))
    return found


def _same_week(wanted: Wanted, schedule: ScheduleObject) -> bool:
    theirs = (*schedule.week, *[()] * (len(wanted.week) - len(schedule.week)))
    return all(map(same_day, wanted.week, theirs))


def _same_exceptions(wanted: Wanted, schedule: ScheduleObject) -> bool:
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
