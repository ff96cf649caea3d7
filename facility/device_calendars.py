"""The devices' own calendars, for people: as calendars of ours, on which days they differ, and what would be written.

A calendar commands by the schedules of its device that go by it: who writes it needs the right at each of their
points, and it is refused where writing any of them would be (`facility.schedule_rules`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import time
from uuid import uuid4
from zoneinfo import ZoneInfo

from facility.config.device_schedules import DeviceScheduleSection
from facility.export_plans import ExportPlans, Shown
from facility.permits import must_at
from facility.port import FacilityError
from facility.preview import VALID
from facility.schedule_changes import calendar_changes, readable, users_of
from facility.schedule_looks import LOOK_S, ScheduleLooks, Seen
from facility.schedule_rules import commanded, why_not_calendar
from facility.schedule_words import calendar_toml
from facility.schedule_writer import CalendarExport, CalendarRules, ScheduleWriter
from facility.strategy import Strategy
from facility.users import Permission, User
from facility.wire import DriftInfo, DriftStretch, ExportChange, ExportPlan, ImportedSchedule
from points.catalog import CatalogBook
from points.clock import Clock
from points.errors import PointsError
from points.model import DeviceId
from points.schedule_objects import CalendarObject, ScheduleObject
from schedules.civil import DAY, civil_day, instant_of
from schedules.dates import Calendar
from schedules.device_calendar import (
    DAYS_AHEAD,
    calendar_of,
    differing_days,
    doubts,
    present_trouble,
    structure,
    wanted_dates,
)
from schedules.device_programme import names_of_calendars, slug

A_DAY, NO_DAY = "one of its days", "none of its days"


class DeviceCalendars:
    """All of them. The asker says which object it is, and which section is its."""

    def __init__(
        self,
        *,
        sections: Callable[[], Sequence[DeviceScheduleSection]],
        looks: ScheduleLooks,
        writer: ScheduleWriter,
        plans: ExportPlans,
        strategy: Strategy,
        book: CatalogBook,
        clock: Clock,
        zone: ZoneInfo,
    ) -> None:
        self._sections = sections
        self._looks = looks
        self._writer = writer
        self._plans = plans
        self._strategy = strategy
        self._book = book
        self._clock = clock
        self._zone = zone

    async def imported(self, seen: Seen) -> ImportedSchedule:
        """One of them as configuration."""
        read, theirs, schedules = await self._read(seen)
        try:
            async with asyncio.timeout(LOOK_S):
                _, calendars = await self._looks.with_calendars(seen)
        except TimeoutError:
            raise FacilityError("busy", f"The calendars of {seen.device.id} were not read in time.") from None
        name = names_of_calendars({**calendars, theirs.instance: theirs})[theirs.instance]
        found = calendar_of(theirs, name or slug(f"{seen.device.id}-{seen.object}"))
        known = [each.schedule for each in schedules if each.schedule is not None]
        users = [each.key for each in users_of(theirs, known)]
        text, remarks = calendar_toml(read, found, users, self._zone)
        return ImportedSchedule(id=seen.id, toml=text, remarks=remarks)

    async def drift(self, section: DeviceScheduleSection, seen: Seen) -> DriftInfo:
        """The days ahead that belong to only one of the two."""
        calendar, today = self._calendar(section), civil_day(self._clock.now(), self._zone)
        read, theirs, _ = await self._read(seen)
        if theirs.unread:
            raise FacilityError("busy", f"{seen.id} cannot be compared. {' '.join(theirs.notes)}")
        wanted = wanted_dates(calendar, theirs)
        stretches = [
            DriftStretch(
                begin=instant_of(each.first, time(0), self._zone),
                end=instant_of(each.last + DAY, time(0), self._zone),
                state="",
                ours=A_DAY if each.is_ours else NO_DAY,
                theirs=NO_DAY if each.is_ours else A_DAY,
                rule=each.entry,
            )
            for each in differing_days(calendar, theirs, today)
        ]
        trouble = present_trouble(theirs, today)
        return DriftInfo(
            id=section.id,
            kind="calendar",
            programme=calendar.name,
            days=DAYS_AHEAD,
            read=read.read,
            stretches=stretches,
            structure=list(structure(wanted, theirs)),
            doubts=[*doubts(theirs), *wanted.cannot, *filter(None, [trouble])],
            trouble="",
        )

    async def preview(self, user: User, section: DeviceScheduleSection, seen: Seen, reason: str) -> ExportPlan:
        """What writing the calendar into it would do."""
        calendar = self._calendar(section)
        read, theirs, looked = await self._read(seen)
        try:
            schedules, why = readable(looked), ""
        except PointsError as error:
            schedules, why = [each.schedule for each in looked if each.schedule is not None], str(error)
        users = users_of(theirs, schedules)
        self._may(user, users)
        wanted = wanted_dates(calendar, theirs)
        rules = self._rules(section, calendar)
        why = why or rules(theirs, schedules) or " ".join(wanted.cannot)
        differ = [] if theirs.unread else calendar_changes(wanted, theirs)
        made, plan = self._clock.now(), uuid4().hex
        if differ and not why:
            export = CalendarExport(
                seen=read,
                theirs=theirs,
                users=users,
                wanted=wanted,
                calendar=calendar.name,
                by=user,
                reason=reason,
            )
            shown = Shown(
                id=seen.id,
                by=user,
                made=made,
                may=lambda user: self._may(user, users),
                write=lambda: self._writer.write_calendar(export, still=rules),
            )
            self._plans.offer(plan, shown)
        return ExportPlan(
            plan=plan,
            id=seen.id,
            kind="calendar",
            programme=calendar.name,
            verdict="refused" if why else "allowed" if differ else "nothing",
            why=why or ("" if differ else f"It has the days of calendar {calendar.name}."),
            commands=self._commanded(users),
            changes=[ExportChange(what=each.what, old=each.old, new=each.new) for each in differ],
            remarks=[*(f"{seen.device.id}/{each.key} goes by it." for each in users), *doubts(theirs)],
            valid_until=made + VALID,
        )

    def _rules(self, section: DeviceScheduleSection, shown: Calendar) -> CalendarRules:
        """What is asked as it is shown, and at the moment of writing; and whether the calendar is as it was shown."""

        def why(theirs: CalendarObject, schedules: Sequence[ScheduleObject]) -> str:
            catalog = self._book.current
            if refused := why_not_calendar(theirs, schedules, catalog.devices.get(DeviceId(section.device)), catalog):
                return refused
            belongs = next((each for each in self._sections() if each.id == section.id), None)
            if belongs is None or self._calendars.get(belongs.belongs_to) != shown:
                return f"The calendar of {section.id} is another since it was shown. Look again."
            return ""

        return why

    def _commanded(self, users: Sequence[ScheduleObject]) -> list[str]:
        """The points, or what the device says where there is none."""
        targets = (target for each in users for target in commanded(each, self._book.current))
        return list(dict.fromkeys(str(reference) if point is None else point.id for reference, point in targets))

    def _may(self, user: User, users: Sequence[ScheduleObject]) -> None:
        """Where he may write each of the schedules that go by it."""
        catalog = self._book.current
        for schedule in users:
            for _, point in commanded(schedule, catalog):
                if point is not None:
                    must_at(user, Permission.WRITE_SCHEDULES, point, catalog)

    async def _read(self, seen: Seen) -> tuple[Seen, CalendarObject, list[Seen]]:
        """A calendar as it is now, with all schedules of its device."""
        try:
            async with asyncio.timeout(LOOK_S):
                found, schedules = await self._looks.with_schedules(seen)
        except TimeoutError:
            raise FacilityError("busy", f"{seen.id} was not read within {LOOK_S:.0f} s.") from None
        if found.calendar is None or found.trouble:
            raise FacilityError("busy", f"{seen.id} cannot be read: {found.trouble}")
        return found, found.calendar, schedules

    def _calendar(self, section: DeviceScheduleSection) -> Calendar:
        return self._calendars[section.belongs_to]

    @property
    def _calendars(self) -> dict[str, Calendar]:
        return {section.name: section.calendar for section in self._strategy.config.calendars}
