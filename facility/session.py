"""The port, for one caller: what this person may see and ask for.

`Session` implements `facility.port.Facility` in the agent's own process. It decides nothing about the
building: it translates, and asks the parts it is given. Whether the caller may ask at all is asked before every
method (`facility.permits`), and for commands and acknowledgements once more at the place.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from facility import __version__, answers, stream, views
from facility.abilities import passport_info
from facility.agreement import Agreement
from facility.alarms import AlarmBook, UnknownAlarm
from facility.approval import approved
from facility.audit import Audit
from facility.audit.denials import Denials
from facility.audit.doors import visit
from facility.claims import Claims
from facility.commands import CommandDesk
from facility.config.model import Config
from facility.device_schedules import DeviceSchedules
from facility.energy.reports import Reports
from facility.explain import Explainer
from facility.feeds.utility_desk import UtilityDesk
from facility.guard import LONGEST, LONGEST_OF_AN_ENGINEER, SHORTEST, Limits
from facility.model import Alarm, Claim
from facility.months import Months
from facility.overview import Overseer
from facility.permits import guarded, must, must_at
from facility.policy_states import PolicyStates
from facility.port import FacilityError
from facility.preview import Previews
from facility.rehearsals import Rehearsals
from facility.reloading import Reloading
from facility.requests import Requests
from facility.special_events import SpecialEvents
from facility.survey import Survey
from facility.users import PERMISSIONS, Permission, User
from facility.why import explain
from facility.wire import (
    AlarmInfo,
    AppliedInfo,
    AuditCheck,
    AuditPage,
    Bucket,
    CalendarInfo,
    ComplianceReport,
    DemandAnswer,
    DemandEventInfo,
    DemandInfo,
    DemandNotice,
    DeviceInfo,
    DeviceScheduleInfo,
    Discovery,
    DriftInfo,
    EnergyReport,
    ExportPlan,
    ExportResult,
    Hello,
    ImportedSchedule,
    OverrideInfo,
    Overview,
    Plan,
    PointDetail,
    PointInfo,
    PolicyState,
    Record,
    RehearsalInfo,
    RelaxationInfo,
    Result,
    ScheduleInfo,
    SpecialEventInfo,
    Trend,
    Update,
    ValueInfo,
    WaitingInfo,
    Why,
    Wish,
)
from facility.wishes import Wishes, known
from points.catalog import Catalog, CatalogBook
from points.clock import Clock
from points.errors import PointsError
from points.freshness import Freshness
from points.history import History
from points.model import DeviceId, Point, PointId, Reading, Source, Space, Value
from points.passport import Passports
from points.store import PointStore
from points.units import show

MOST_BUCKETS = 2_000  # more than any screen is wide
LONGEST_AUDIT = 1_000
MINUTE = timedelta(minutes=1)
_UNMARKED = ("", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a session looks at and asks; the agent owns them."""

    config: Config
    clock: Clock
    started: datetime
    book: CatalogBook
    store: PointStore
    freshness: Freshness
    deadline: Callable[[Point], float]
    limits: Callable[[Point], Limits | None]
    command_limits: Callable[[Point], Limits | None]
    critical: Callable[[Space], bool]
    history: History | None
    claims: Claims
    audit: Audit
    alarms: AlarmBook
    desk: CommandDesk
    explainer: Explainer
    previews: Previews
    requests: Requests
    denials: Denials
    survey: Survey
    agreement: Agreement
    months: Months
    policy_states: PolicyStates
    special_events: SpecialEvents
    utility: UtilityDesk
    rehearsals: Rehearsals
    reloading: Reloading
    overseer: Overseer
    device_schedules: DeviceSchedules
    passports: Passports
    topic: Callable[[Point], str]
    stats: Callable[[], dict[str, float]]
    check: Callable[[], Awaitable[AuditCheck]]
    page: Callable[[int, int], Awaitable[AuditPage]]
    reports: Reports
    announce: Callable[[Point, Value | None], str] = lambda _point, _value: ""  # how an effect will be checked
    overrides: Callable[[], list[OverrideInfo]] = list


@guarded
class Session:
    """One caller's view of the facility."""

    def __init__(self, parts: Parts, user: User) -> None:
        self.user = user
        self._parts = parts
        self._wishes = Wishes(parts, user, shown=self.shown)
        self._alarms_of: Sequence[Alarm] = ()  # what `_alarms` were made of
        self._alarms: list[AlarmInfo] = []
        self._marked: tuple[Sequence[Alarm], Sequence[Claim], stream.Marks] = ((), (), {})

    async def hello(self) -> Hello:
        config = self._parts.config
        return Hello(
            site=config.site.id,
            site_name=config.site.name,
            agent=config.agent.id,
            version=__version__,
            zone=config.site.zone,
            pretend=config.agent.pretend,
            user=self.user.name,
            role=self.user.role,
            permissions=sorted(PERMISSIONS[self.user.role]),
            spaces=sorted(self.user.spaces),
            shortest_minutes=SHORTEST / MINUTE,
            longest_minutes=(LONGEST_OF_AN_ENGINEER if self.user.has(Permission.COMMAND_LONG) else LONGEST) / MINUTE,
            started=self._parts.started,
        )

    async def points(self) -> list[PointInfo]:
        everything: list[PointInfo] = []
        points = list(self._catalog.points.values())
        for first in range(0, len(points), stream.AT_ONCE):
            everything += self.described(points[first : first + stream.AT_ONCE])
            await asyncio.sleep(0)  # a large site is no reason to let others wait
        return everything

    async def values(self) -> list[ValueInfo]:
        readings = self._parts.store.snapshot()
        return self.shown([readings[point] for point in self._catalog.points if point in readings])

    async def devices(self) -> list[DeviceInfo]:
        catalog, statuses = self._catalog, self._parts.freshness.devices()
        counts: dict[str, int] = {}
        for point in catalog.points.values():
            counts[point.device] = counts.get(point.device, 0) + 1
        return [
            views.device_info(
                device,
                counts.get(device.id, 0),
                statuses.get(device.id),
                passport_info(self._parts.passports, device.ref),
            )
            for device in catalog.devices.values()
        ]

    async def overview(self) -> Overview:
        return self._parts.overseer.overview().model_copy(update={"waiting": self._wishes.waiting()})

    async def alarms(self) -> list[AlarmInfo]:
        present = self._parts.alarms.all()
        if present is not self._alarms_of:
            known = dict(zip(self._alarms_of, self._alarms, strict=True))
            self._alarms = [known.get(alarm) or views.alarm_info(alarm) for alarm in present]
            self._alarms_of = present
        return self._alarms

    async def overrides(self) -> list[OverrideInfo]:
        return self._parts.overrides()

    async def schedules(self) -> list[ScheduleInfo]:
        return self._parts.months.weeks()

    async def calendar(self, first: date, days: int = 31) -> CalendarInfo:
        return await self._parts.months.calendar(first, days)

    async def policies(self, policy: str = "") -> list[PolicyState]:
        return self._parts.policy_states.told(policy)

    async def demand_events(self) -> list[DemandEventInfo]:
        return self._parts.utility.infos()

    async def demand_event(self, event: DemandNotice) -> DemandAnswer:
        return await self._parts.utility.send(self.user, event)

    async def cancel_demand_event(self, event: str) -> DemandAnswer:
        return await self._parts.utility.cancel(self.user, event)

    async def special_events(self) -> list[SpecialEventInfo]:
        return self._parts.special_events.infos()

    async def announce_event(
        self, programme: str, state: str, until: datetime, reason: str, begin: datetime | None = None
    ) -> SpecialEventInfo:
        return await self._parts.special_events.announce(self.user, programme, state, until, reason, begin)

    async def withdraw_event(self, event: str, reason: str) -> SpecialEventInfo:
        return await self._parts.special_events.withdraw(self.user, event, reason)

    async def demand(self) -> DemandInfo:
        return await self._parts.reports.demand()

    async def energy(self, days: int = 7) -> EnergyReport:
        return await self._parts.reports.energy(days)

    async def compliance_report(self, days: int = 30) -> ComplianceReport:
        return await self._parts.reports.compliance(days)

    async def rehearse(
        self, days: int = 7, changes: Sequence[str] = (), *, edited: bool = False, thermal: bool = False
    ) -> RehearsalInfo:
        return await self._parts.rehearsals.begin(self.user, days, "\n".join(changes), edited=edited, thermal=thermal)

    async def rehearsal(self, rehearsal: str) -> RehearsalInfo:
        return self._parts.rehearsals.look(self.user, rehearsal)

    async def stop_rehearsal(self, rehearsal: str) -> RehearsalInfo:
        return self._parts.rehearsals.stop(self.user, rehearsal)

    async def apply_changes(self, rehearsal: str, reason: str) -> AppliedInfo:
        return await self._parts.reloading.apply(self.user, self._parts.rehearsals, rehearsal, reason)

    async def detail(self, point: str) -> PointDetail:
        known = self._known(point)
        evidence = await self._parts.explainer.look(known)
        slots, reading = evidence.slots, evidence.reading
        return PointDetail(
            info=self._point_info(known, self._catalog),
            value=self.shown([reading])[0] if reading else None,
            slots=views.slot_infos(slots, known, views.claims_by_level(evidence.claims)) if slots else None,
            slots_error=evidence.trouble,
            relinquish_default=show(known, slots.default) if slots else "",
            winner=slots.winner if slots else None,
            records=list(evidence.records),
            source=self._how(known, reading),
            why=explain(evidence),
        )

    async def why(self, point: str) -> Why:
        return explain(await self._parts.explainer.look(self._known(point)))

    async def trend(self, point: str, since: datetime, until: datetime, buckets: int) -> Trend:
        if self._parts.history is None:
            raise FacilityError("unknown", "No history is kept: history.enabled is false.")
        known = self._known(point)
        if since.tzinfo is None or until.tzinfo is None:
            raise FacilityError("bad-wish", "The times of a trend need their offset, such as 2026-03-01T12:00:00Z.")
        if not 1 <= buckets <= MOST_BUCKETS or since >= until:
            raise FacilityError("bad-wish", f"A trend has 1 to {MOST_BUCKETS} buckets and ends after it begins.")
        try:
            found = await self._parts.history.trend(known.id, since, until, buckets)
        except ValueError as error:
            raise FacilityError("bad-wish", str(error)) from None
        except PointsError as error:
            raise FacilityError("busy", str(error)) from None
        return Trend(
            point=point,
            since=since,
            until=until,
            buckets=[
                Bucket(start=b.start, low=b.low, high=b.high, mean=b.mean, last=b.last, missing=b.missing)
                for b in found
            ],
        )

    async def audit(
        self,
        target: str | None = None,
        limit: int = 100,
        by: str | None = None,
        since: datetime | None = None,
        entry: int | None = None,
    ) -> list[Record]:
        if since is not None and since.tzinfo is None:
            raise FacilityError("bad-wish", "`since` needs its offset, such as 2026-03-01T12:00:00Z.")
        return await self._records(target, max(1, min(limit, LONGEST_AUDIT)), by, since, entry)

    async def audit_check(self) -> AuditCheck:
        try:
            return await self._parts.check()
        except PointsError as error:
            raise FacilityError("busy", str(error)) from None

    async def audit_page(self, after: int = 0, until: int = 0) -> AuditPage:
        try:
            return await self._parts.page(after, until)
        except PointsError as error:
            raise FacilityError("busy", str(error)) from None

    async def _records(
        self,
        target: str | None,
        limit: int,
        by: str | None = None,
        since: datetime | None = None,
        entry: int | None = None,
    ) -> list[Record]:
        try:
            return await self._parts.audit.records(target, limit, by=by, since=since, entry=entry)
        except PointsError as error:
            raise FacilityError("busy", str(error)) from None

    async def read(self, point: str) -> ValueInfo:
        known = self._known(point)
        try:
            return self.shown([await self._parts.freshness.read_now(known.id)])[0]
        except PointsError as error:
            raise FacilityError("busy", str(error)) from None

    async def preview(self, wish: Wish) -> Plan:
        return await self._wishes.preview(wish)

    async def commit(self, plan: str) -> Result:
        return await self._wishes.commit(plan)

    async def waiting(self) -> list[WaitingInfo]:
        return self._wishes.waiting()

    async def second(self, request: str) -> Plan:
        return await self._wishes.second(request)

    async def dismiss(self, request: str) -> WaitingInfo:
        return await self._wishes.dismiss(request)

    async def acknowledge(self, alarm: str, reason: str = "") -> AlarmInfo:
        by = self.user.by
        try:
            self._must_acknowledge(self._parts.alarms.named(alarm))
            await self._parts.audit.note(
                by=by,
                role=self.user.role,
                origin=self.user.origin,
                action="acknowledge",
                target=alarm,
                reason=reason,
            )
            return views.alarm_info(await self._parts.alarms.acknowledge(alarm, by, reason))
        except UnknownAlarm as error:
            raise FacilityError("unknown", str(error)) from None
        except PointsError as error:
            raise FacilityError("busy", f"{answers.sentence(error)} Nothing was acknowledged.") from None

    async def approve(self, device: str, reason: str) -> DeviceInfo:
        known = self._catalog.devices.get(DeviceId(device))
        if known is None:
            raise FacilityError("unknown", f"There is no device {device!r}; `facility devices` lists them.")
        await approved(known, reason, user=self.user, audit=self._parts.audit, survey=self._parts.survey)
        return next(info for info in await self.devices() if info.id == device)

    async def relaxations(self) -> list[RelaxationInfo]:
        return self._parts.agreement.infos()

    async def consent(self, keys: list[str], reason: str, *, withdraw: bool = False) -> list[RelaxationInfo]:
        return await self._parts.agreement.agree(self.user, keys, reason, withdraw=withdraw)

    async def device_schedules(self, *, refresh: bool = False) -> list[DeviceScheduleInfo]:
        return await self._parts.device_schedules.every(refresh=refresh)

    async def import_schedule(self, schedule: str) -> ImportedSchedule:
        return await self._parts.device_schedules.imported(schedule)

    async def drift(self, schedule: str = "") -> list[DriftInfo]:
        return await self._parts.device_schedules.drift(schedule)

    async def preview_export(self, schedule: str, reason: str) -> ExportPlan:
        return await self._parts.device_schedules.preview(self.user, schedule, reason)

    async def export_schedule(self, plan: str) -> ExportResult:
        return await self._parts.device_schedules.commit(self.user, plan)

    async def discover(self, *, start: bool = True) -> Discovery:
        if start:
            must(self.user, Permission.DISCOVER)
        return self._parts.survey.ask() if start else self._parts.survey.state()

    async def stats(self) -> dict[str, float]:
        return self._parts.stats()

    @asynccontextmanager
    async def watch(self) -> AsyncIterator[AsyncIterator[Update]]:
        async with visit(self._parts.audit, self.user):
            with self._parts.store.watch() as readings:
                yield stream.updates(self, self._parts.store, readings, self._parts.book)

    def marks(self) -> stream.Marks:
        alarms, claims = self._parts.alarms.all(), self._parts.claims.standing()
        if alarms is not self._marked[0] or claims != self._marked[1]:
            severities, holds = views.severities(alarms), views.claims_by_point(claims)
            marks = {
                point: (views.tag_of_alarms(severities.get(point, ())), views.held_by(holds.get(point, ())))
                for point in severities.keys() | holds.keys()
            }
            self._marked = (alarms, claims, marks)
        return self._marked[2]

    def described(self, points: Iterable[Point]) -> list[PointInfo]:
        catalog = self._catalog
        return [self._point_info(point, catalog) for point in points]

    def shown(self, readings: Iterable[Reading]) -> list[ValueInfo]:
        """Readings with what stands at their points: the sign of their worst alarm, and who holds them."""
        marks = self.marks()
        return [views.value_info(reading, *marks.get(reading.point, _UNMARKED)) for reading in readings]

    @property
    def _catalog(self) -> Catalog:
        return self._parts.book.current

    def _known(self, point: str) -> Point:
        return known(self._catalog, point)

    def _point_info(self, point: Point, catalog: Catalog) -> PointInfo:
        parts = self._parts
        return views.point_info(point, catalog, parts.topic(point), parts.limits(point), parts.command_limits(point))

    def _how(self, point: Point, reading: Reading | None) -> str:
        ways = {Source.COV: "told by the device (COV)", Source.POLL: "polled", Source.READBACK: "read back"}
        way = "never read" if reading is None else ways.get(reading.source, "restored")
        return f"{way}; stale after {self._parts.deadline(point):.0f} s"

    def _must_acknowledge(self, alarm: Alarm) -> None:
        point = self._catalog.points.get(PointId(alarm.about))
        if point is not None:
            must_at(self.user, Permission.ACKNOWLEDGE, point, self._catalog)
        else:
            must(self.user, Permission.ACKNOWLEDGE)
