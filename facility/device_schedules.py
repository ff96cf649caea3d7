"""The devices' own schedules, for people: what there is, as programmes of ours, how far apart they are, and written.

Reading them changes nothing. Writing is shown first, with old and new; only what was shown is written
(`facility.export_plans`), and by the desk's own hand (`facility.schedule_writer`). Their calendars are
`facility.device_calendars`'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

from facility.commands import CommandDesk
from facility.config.device_schedules import DeviceScheduleSection
from facility.device_calendars import DeviceCalendars
from facility.export_plans import ExportPlans, Shown
from facility.guard import REASON_LENGTH
from facility.permits import must_at
from facility.port import FacilityError
from facility.preview import VALID
from facility.schedule_changes import changes, users_of
from facility.schedule_looks import LOOK_S, ScheduleLooks, Seen
from facility.schedule_rules import commanded, why_not
from facility.schedule_words import imported, info, toml, value_in_words
from facility.schedule_writer import Export, ScheduleWriter
from facility.strategy import Strategy
from facility.users import Permission, User
from facility.wire import (
    DeviceScheduleInfo,
    DriftInfo,
    DriftStretch,
    ExportChange,
    ExportPlan,
    ExportResult,
    ImportedSchedule,
)
from points.catalog import Catalog, CatalogBook
from points.clock import Clock
from points.model import DeviceId, Point
from points.schedule_objects import CalendarObject, Scalar, ScheduleObject
from schedules.calendar import Programme
from schedules.civil import civil_day
from schedules.device_programme import Wanted, wanted_of
from schedules.device_values import datatype_of, scalars_of
from schedules.drift import DAYS_AHEAD, drift

OLD = timedelta(minutes=10)  # a look that long ago is taken again for a list

Calendars = dict[int, CalendarObject]


class DeviceSchedules:
    """All of them."""

    def __init__(
        self,
        *,
        sections: Callable[[], Sequence[DeviceScheduleSection]],
        looks: ScheduleLooks,
        writer: ScheduleWriter,
        desk: CommandDesk,
        strategy: Strategy,
        book: CatalogBook,
        clock: Clock,
        zone: ZoneInfo,
    ) -> None:
        self._sections = sections
        self._looks = looks
        self._writer = writer
        self._plans = ExportPlans(desk, clock)
        self._calendars = DeviceCalendars(
            sections=sections,
            looks=looks,
            writer=writer,
            plans=self._plans,
            strategy=strategy,
            book=book,
            clock=clock,
            zone=zone,
        )
        self._strategy = strategy
        self._book = book
        self._clock = clock
        self._zone = zone

    async def every(self, *, refresh: bool = False) -> list[DeviceScheduleInfo]:
        """Every one that is known; what was not read lately is read now, or all."""
        now, known = self._clock.now(), self._looks.known()
        old = [seen for seen in known if refresh or seen.read is None or abs(now - seen.read) > OLD]
        again = {seen.id: seen for seen in await self._looks.read(old)}
        every = [again.get(seen.id, seen) for seen in known]
        calendars: dict[str, Calendars] = {}
        for seen in every:
            if seen.calendar is not None:
                calendars.setdefault(seen.device.id, {})[seen.calendar.instance] = seen.calendar
        belongs = {section.id: section.belongs_to for section in self._sections()}
        infos = [
            info(each, calendars.get(each.device.id, {}), self._catalog, belongs.get(each.id, "")) for each in every
        ]
        return [
            told.model_copy(update={"used_by": _users(each, every)}) for each, told in zip(every, infos, strict=True)
        ]

    async def imported(self, id_: str) -> ImportedSchedule:
        """One of them as configuration."""
        named = self._named(id_)
        if not named.is_schedule:
            return await self._calendars.imported(named)
        seen, _, calendars = await self._read(named)
        found, values = imported(seen, calendars, self._catalog)
        text, remarks = toml(seen, found, values, self._catalog, self._zone)
        return ImportedSchedule(id=id_, toml=text, remarks=remarks)

    async def drift(self, id_: str = "") -> list[DriftInfo]:
        """Every one to which a programme or calendar belongs, or that one, against it."""
        sections = [section for section in self._sections() if id_ in ("", section.id)]
        if not sections:
            raise self._without_programme(id_)
        return list(await asyncio.gather(*map(self._drift, sections)))

    async def preview(self, user: User, id_: str, reason: str) -> ExportPlan:
        """What writing its programme, or calendar, into it would do."""
        if len(reason.strip()) < REASON_LENGTH:
            raise FacilityError("bad-wish", f"Writing a schedule needs a reason of {REASON_LENGTH} characters or more.")
        section = next((each for each in self._sections() if each.id == id_), None)
        if section is None:
            raise self._without_programme(id_)
        if section.is_calendar:
            return await self._calendars.preview(user, section, self._named(id_), reason)
        seen, schedule, calendars = await self._read(self._named(id_))
        points = self._may(user, schedule)
        why = why_not(schedule, self._catalog.devices.get(seen.device.id), self._catalog)
        wanted = None if why else self._wanted(section, schedule, calendars)
        why = why or (" ".join(wanted.cannot) if wanted is not None else "")
        made, plan = self._clock.now(), uuid4().hex
        differ = [] if wanted is None else changes(wanted, schedule)
        if wanted is not None and not why and differ:
            export = Export(
                seen=seen,
                schedule=schedule,
                calendars=calendars,
                wanted=wanted,
                programme=section.belongs_to,
                by=user,
                reason=reason,
            )
            still = self._still(id_, seen.device.id, self._programme(section))
            shown = Shown(
                id=id_,
                by=user,
                made=made,
                may=lambda user: self._may(user, schedule),
                write=lambda: self._writer.write(export, still=still),
            )
            self._plans.offer(plan, shown)
        return ExportPlan(
            plan=plan,
            id=id_,
            programme=section.belongs_to,
            verdict="refused" if why else "allowed" if differ else "nothing",
            why=why or ("" if differ else f"It says what programme {section.belongs_to} says."),
            commands=[point.id for point in points],
            changes=[ExportChange(what=each.what, old=each.old, new=each.new) for each in differ],
            remarks=[] if wanted is None else list(wanted.remarks),
            valid_until=made + VALID,
        )

    async def commit(self, user: User, plan: str) -> ExportResult:
        """Writes what was shown to this person."""
        return await self._plans.commit(user, plan)

    def _still(self, id_: str, device: DeviceId, shown: Programme) -> Callable[[ScheduleObject], str]:
        """What is asked at the moment of writing: the rules, and whether the programme is as it was shown."""

        def why(schedule: ScheduleObject) -> str:
            catalog = self._catalog
            if refused := why_not(schedule, catalog.devices.get(device), catalog):
                return refused
            section = next((each for each in self._sections() if each.id == id_), None)
            if section is None or self._programme(section) != shown:
                return f"The programme of {id_} is another since it was shown. Look again."
            return ""

        return why

    def _programme(self, section: DeviceScheduleSection) -> Programme:
        """Without what is for once."""
        return replace(self._strategy.programmes[section.belongs_to], events=())

    async def _drift(self, section: DeviceScheduleSection) -> DriftInfo:
        nothing = DriftInfo(
            id=section.id,
            kind="calendar" if section.is_calendar else "schedule",
            programme=section.belongs_to,
            days=DAYS_AHEAD,
            read=None,
            stretches=[],
            structure=[],
            doubts=[],
            trouble="",
        )
        try:
            if section.is_calendar:
                return await self._calendars.drift(section, self._named(section.id))
            seen, schedule, calendars = await self._read(self._named(section.id))
            values = self._values(section, schedule)
        except FacilityError as error:
            return nothing.model_copy(update={"trouble": str(error)})
        programme = self._strategy.programmes[section.belongs_to]
        found = drift(programme, values, schedule, calendars, self._zone, self._clock.now())
        point = next((point for _, point in commanded(schedule, self._catalog) if point is not None), None)
        stretches = [
            DriftStretch(
                begin=each.begin,
                end=each.end,
                state=each.state,
                ours="nothing" if each.ours is None else value_in_words(each.ours, point),
                theirs="nothing" if each.theirs.is_silent else value_in_words(each.theirs.value, point),
                rule=each.theirs.rule,
            )
            for each in found.stretches
        ]
        return nothing.model_copy(
            update={
                "read": seen.read,
                "stretches": stretches,
                "structure": list(found.structure),
                "doubts": list(found.doubts),
            }
        )

    def _wanted(self, section: DeviceScheduleSection, schedule: ScheduleObject, calendars: Calendars) -> Wanted:
        programme = self._programme(section)
        today = civil_day(self._clock.now(), self._zone)
        return wanted_of(programme, self._values(section, schedule), schedule, calendars, today)

    def _values(self, section: DeviceScheduleSection, schedule: ScheduleObject) -> dict[str, Scalar]:
        """What our states are at that device."""
        datatype = datatype_of(schedule)
        if datatype is None:
            raise FacilityError("bad-wish", f"Of which datatype the values of {section.id} are is not known.")
        try:
            return scalars_of(section.values or {}, datatype)
        except ValueError as error:
            raise FacilityError("bad-wish", f"[[device_schedules]] {section.id}: {error}.") from None

    async def _read(self, seen: Seen) -> tuple[Seen, ScheduleObject, Calendars]:
        """A schedule as it is now, with its calendars."""
        try:
            async with asyncio.timeout(LOOK_S):
                found, calendars = await self._looks.with_calendars(seen)
        except TimeoutError:
            raise FacilityError("busy", f"{seen.id} was not read within {LOOK_S:.0f} s.") from None
        if found.schedule is None or found.trouble:
            raise FacilityError("busy", f"{seen.id} cannot be read: {found.trouble}")
        return found, found.schedule, calendars

    def _may(self, user: User, schedule: ScheduleObject) -> list[Point]:
        """The points that it commands, each where this person may write schedules."""
        points = [point for _, point in commanded(schedule, self._catalog) if point is not None]
        for point in points:
            must_at(user, Permission.WRITE_SCHEDULES, point, self._catalog)
        return points

    def _named(self, id_: str) -> Seen:
        seen = self._looks.named(id_)
        if seen is None:
            hint = "`facility device-schedules list` lists them."
            kind = "calendar" if "/calendar," in id_ else "schedule"
            raise FacilityError("unknown", f"There is no {kind} {id_!r} in any device that is known; {hint}")
        return seen

    def _without_programme(self, id_: str) -> FacilityError:
        which = f"{id_!r} belongs to nothing of ours" if id_ else "Nothing belongs to a device's schedule or calendar"
        return FacilityError(
            "unknown", f"{which}: say which programme or calendar does in [[device_schedules]] of facility.toml."
        )

    @property
    def _catalog(self) -> Catalog:
        return self._book.current


def _users(seen: Seen, every: Sequence[Seen]) -> list[str]:
    """The schedules of the same device that go by a calendar, as far as they were read."""
    if seen.calendar is None:
        return []
    known = [each.schedule for each in every if each.schedule is not None and each.device.id == seen.device.id]
    return [f"{seen.device.id}/{each.key}" for each in users_of(seen.calendar, known)]
