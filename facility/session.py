"""The port, for one caller: what this person may see and ask for.

`Session` implements `facility.port.Facility` in the agent's own process. It decides nothing about the
building: it translates, checks the caller's role, and asks the parts it is given.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from facility import __version__, answers, stream, views
from facility.abilities import passport_info
from facility.alarms import AlarmBook, UnknownAlarm
from facility.approval import approved
from facility.audit import Audit
from facility.claims import Claims
from facility.commands import CommandDesk, StalePlan
from facility.config import Config
from facility.config.sections import Role
from facility.guard import Limits
from facility.model import Alarm, Claim, Command, Outcome
from facility.overview import Overseer
from facility.port import FacilityError
from facility.preview import Previews
from facility.strategy import Strategy
from facility.survey import Survey
from facility.wire import (
    AlarmInfo,
    Bucket,
    DeviceInfo,
    Discovery,
    Hello,
    Overview,
    Plan,
    PointDetail,
    PointInfo,
    Record,
    Result,
    ScheduleInfo,
    Trend,
    Update,
    ValueInfo,
    Wish,
)
from points.catalog import Catalog, CatalogBook
from points.clock import Clock
from points.errors import PointsError, UnknownPoint
from points.freshness import Freshness
from points.history import History
from points.model import DeviceId, Point, Priority, Reading, Slots, Source
from points.passport import Passports
from points.store import PointStore
from points.units import show

MOST_BUCKETS = 2_000  # more than any screen is wide
LONGEST_AUDIT = 1_000
LOOK_S = 12.0  # a device that answers at all answers a look sooner; both are shorter than a caller waits
WRITE_S = 24.0
MOST_MINUTES = 366 * 24 * 60  # of a command: far more than the guard allows, and still a date
RECORDS_SHOWN = 20  # of one point, on its screen
_UNMARKED = ("", "")
MAY_COMMAND: frozenset[Role] = frozenset({"operator", "engineer", "admin"})


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
    history: History | None
    claims: Claims
    audit: Audit
    alarms: AlarmBook
    desk: CommandDesk
    previews: Previews
    survey: Survey
    strategy: Strategy
    overseer: Overseer
    passports: Passports
    topic: Callable[[Point], str]
    stats: Callable[[], dict[str, float]]


class Session:
    """One caller's view of the facility."""

    def __init__(self, parts: Parts, user: str, role: Role) -> None:
        self._parts = parts
        self._user = user
        self._role = role
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
            user=self._user,
            role=self._role,
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
        return self._parts.overseer.overview()

    async def alarms(self) -> list[AlarmInfo]:
        present = self._parts.alarms.all()
        if present is not self._alarms_of:
            known = dict(zip(self._alarms_of, self._alarms, strict=True))
            self._alarms = [known.get(alarm) or views.alarm_info(alarm) for alarm in present]
            self._alarms_of = present
        return self._alarms

    async def schedules(self) -> list[ScheduleInfo]:
        strategy, now = self._parts.strategy, self._parts.clock.now()
        shown = []
        for programme in strategy.programmes.values():
            policies = strategy.policies_following(programme.name)
            points = strategy.points_following(programme.name, self._catalog)
            shown.append(views.schedule_info(programme, policies, len(points), now, strategy.zone))
        return shown

    async def detail(self, point: str) -> PointDetail:
        known = self._known(point)
        reading = self._parts.store.get(known.id)
        slots, trouble = await self._slots(known)
        claims = views.claims_by_level(self._parts.claims.of(known.id))
        notes = views.sentences(known, reading, slots, claims, self._parts.config.site.tz)
        try:
            records = await self.audit(point, RECORDS_SHOWN)
        except FacilityError as error:  # the screen shows what is known all the same
            records, notes = [], [*notes, f"Its commands cannot be listed: {error}"]
        return PointDetail(
            info=self._point_info(known, self._catalog),
            value=self.shown([reading])[0] if reading else None,
            slots=views.slot_infos(slots, known, claims) if slots else None,
            slots_error=trouble,
            relinquish_default=show(known, slots.default) if slots else "",
            winner=slots.winner if slots else None,
            records=records,
            source=self._how(known, reading),
            notes=notes,
        )

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

    async def audit(self, target: str | None = None, limit: int = 100) -> list[Record]:
        try:
            return await self._parts.audit.records(target, max(1, min(limit, LONGEST_AUDIT)))
        except PointsError as error:
            raise FacilityError("busy", str(error)) from None

    async def read(self, point: str) -> ValueInfo:
        known = self._known(point)
        try:
            return self.shown([await self._parts.freshness.read_now(known.id)])[0]
        except PointsError as error:
            raise FacilityError("busy", str(error)) from None

    async def preview(self, wish: Wish) -> Plan:
        known = self._known(wish.point)
        command = Command(
            point=known.id,
            value=wish.value,
            priority=self._level(wish.priority),
            by=f"user:{self._user}",
            reason=wish.reason,
            lasts=_lasts(wish.minutes),
        )
        self._must_command()
        try:
            async with asyncio.timeout(LOOK_S):
                preview = await self._parts.previews.preview(command)
        except PointsError as error:
            why = f"{known.device} cannot be asked: {answers.sentence(error)} Nothing was written."
            raise FacilityError("busy", why) from None
        except TimeoutError:
            raise FacilityError("busy", f"{known.device} does not answer. Nothing was written.") from None
        return answers.plan(preview, known, views.claims_by_level(self._parts.claims.of(known.id)))

    async def commit(self, plan: str) -> Result:
        self._must_command()
        try:
            async with asyncio.timeout(WRITE_S):
                outcome = await self._parts.previews.commit(plan)
        except StalePlan as error:
            raise FacilityError("stale-plan", str(error)) from None
        except TimeoutError:  # the desk carries it to its end all the same
            text = f"The device has not answered for {WRITE_S:.0f} s. The command goes on; the audit tells its end."
            raise FacilityError("busy", text) from None
        return self._result(outcome)

    async def acknowledge(self, alarm: str, reason: str = "") -> AlarmInfo:
        if self._role not in MAY_COMMAND:
            raise FacilityError("not-allowed", f"You are a {self._role}: you may look, not acknowledge.")
        by = f"user:{self._user}"
        try:
            self._parts.alarms.named(alarm)
            await self._parts.audit.note(by=by, action="acknowledge", target=alarm, reason=reason)
            return views.alarm_info(await self._parts.alarms.acknowledge(alarm, by, reason))
        except UnknownAlarm as error:
            raise FacilityError("unknown", str(error)) from None
        except PointsError as error:
            raise FacilityError("busy", f"{answers.sentence(error)} Nothing was acknowledged.") from None

    async def approve(self, device: str, reason: str) -> DeviceInfo:
        if self._role not in MAY_COMMAND:
            raise FacilityError("not-allowed", f"You are a {self._role}: you may look, not approve a device.")
        known = self._catalog.devices.get(DeviceId(device))
        if known is None:
            raise FacilityError("unknown", f"There is no device {device!r}; `facility devices` lists them.")
        await approved(known, reason, by=f"user:{self._user}", audit=self._parts.audit, survey=self._parts.survey)
        return next(info for info in await self.devices() if info.id == device)

    async def discover(self, *, start: bool = True) -> Discovery:
        if start and self._role not in MAY_COMMAND:
            raise FacilityError("not-allowed", f"You are a {self._role}: you may look, not search the building.")
        return self._parts.survey.ask() if start else self._parts.survey.state()

    async def stats(self) -> dict[str, float]:
        return self._parts.stats()

    @asynccontextmanager
    async def watch(self) -> AsyncIterator[AsyncIterator[Update]]:
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
        try:
            return self._catalog.point(point)
        except UnknownPoint as error:
            raise FacilityError("unknown-point", str(error)) from None

    def _point_info(self, point: Point, catalog: Catalog) -> PointInfo:
        return views.point_info(point, catalog, self._parts.topic(point), self._parts.limits(point))

    async def _slots(self, point: Point) -> tuple[Slots | None, str]:
        if not point.commandable:
            return None, ""
        try:
            return await self._parts.desk.slots(point.id), ""
        except PointsError as error:
            return None, str(error)

    def _how(self, point: Point, reading: Reading | None) -> str:
        ways = {Source.COV: "told by the device (COV)", Source.POLL: "polled", Source.READBACK: "read back"}
        way = "never read" if reading is None else ways.get(reading.source, "restored")
        return f"{way}; stale after {self._parts.deadline(point):.0f} s"

    def _must_command(self) -> None:
        if self._role not in MAY_COMMAND:
            raise FacilityError("not-allowed", f"You are a {self._role}: you may look, not command. Ask for a role.")

    def _level(self, priority: int) -> Priority:
        if priority != Priority.OPERATOR:
            raise FacilityError("not-allowed", f"Level {priority} is not for operators: they write at level 8.")
        return Priority.OPERATOR

    def _result(self, outcome: Outcome) -> Result:
        command = outcome.command
        reading = self._parts.store.get(command.point)
        return answers.result(
            outcome,
            self._catalog.points.get(command.point),
            ours=self._parts.claims[(command.point, command.priority)] is not None,
            readback=self.shown([reading])[0] if reading else None,
            now=self._parts.clock.now(),
            zone=self._parts.config.site.tz,
        )


def _lasts(minutes: float | None) -> timedelta | None:
    """The guard says what is allowed; here only what is a stretch of time at all."""
    if minutes is None:
        return None
    if not abs(minutes) <= MOST_MINUTES:
        raise FacilityError("bad-wish", f"A command cannot last {minutes:g} minutes.")
    return timedelta(minutes=minutes)
