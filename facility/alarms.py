"""The alarm book: every abnormal condition, until it is over and somebody has seen it (ISA-18.2).

An alarm is raised once for a condition, stays when the condition ends (`rtn`) until it is
acknowledged, and when acknowledged until it ends. Unknown is not an end. All of it survives a
restart; while the state database fails the book goes on in memory and is written when it can be.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from facility.alarm_rows import forget_alarms, load_alarms, save_alarms
from facility.compliance import Compliance
from facility.conditions import NO_TROUBLES, Condition, DeviceStatus, find
from facility.database import StateDatabase, StateUnavailable
from facility.effectiveness import Troubles
from facility.model import Alarm, AlarmKind
from facility.profiles import ORDER
from points.catalog import Catalog, CatalogBook
from points.clock import Clock
from points.errors import PointsError
from points.events import Events
from points.model import DeviceId, Event, EventKind, PointId
from points.store import PointStore, Watch

TICK_S = 1.0  # delays end and devices fall silent without any reading to say so
SETTLE_S = 0.1  # readings that come together are judged together
REFRESH = timedelta(seconds=30)  # how often a standing alarm shows its newest value: not at every wobble
LASTING = (AlarmKind.OUT_OF_LIMITS, AlarmKind.STATE)  # a delay has passed before they were raised

log = structlog.get_logger(__name__)


class UnknownAlarm(PointsError, LookupError):
    """No such alarm stands or waits to be acknowledged."""


class AlarmBook:
    """Raises, keeps and ends alarms; `run` keeps it going."""

    name = "alarms"

    def __init__(
        self,
        *,
        store: PointStore,
        catalog: CatalogBook,
        compliance: Compliance,
        devices: Callable[[], Mapping[DeviceId, DeviceStatus]],
        db: StateDatabase,
        events: Events,
        clock: Clock,
        holds: Callable[[DeviceId], int] = lambda _: 0,
        effects: Callable[[], Troubles] = lambda: NO_TROUBLES,
    ) -> None:
        """`holds`: how many slots of a device are ours. `effects`: which of our commands have none."""
        self._store = store
        self._catalog = catalog
        self._compliance = compliance
        self._devices = devices
        self._db = db
        self._events = events
        self._clock = clock
        self._holds = holds
        self._effects = effects
        self._book: dict[str, Alarm] = {}
        self._ordered: list[Alarm] | None = None  # the book as it was last asked for
        self._shown: dict[str, datetime] = {}  # when an alarm last took a new value
        self._unsaved: set[str] = set()
        self._loaded = False
        self._db_failed = False
        self._watches: set[AlarmWatch] = set()

    async def run(self) -> None:
        if not self._loaded:
            await self._load()
        self.look()  # so that it is known which points to follow
        try:
            with self._store.watch(self._is_watched) as readings:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._follow(readings))
                    tasks.create_task(self._tick())
        finally:
            await self._save()  # what changed in the last moment

    def all(self) -> Sequence[Alarm]:
        """Every alarm in the book: by severity, then those nobody has seen, then the newest.

        The very same sequence as long as nothing in it has changed.
        """
        if self._ordered is None:
            newest = sorted(self._book.values(), key=lambda alarm: alarm.since, reverse=True)
            self._ordered = sorted(newest, key=lambda alarm: (ORDER.index(alarm.severity), not alarm.is_new))
        return self._ordered

    def named(self, alarm: str) -> Alarm:
        """The alarm of that id, or `UnknownAlarm`."""
        known = self._book.get(alarm)
        if known is None:
            raise UnknownAlarm(f"There is no alarm {alarm!r}; it may have ended and been acknowledged meanwhile.")
        return known

    async def acknowledge(self, alarm: str, by: str, reason: str = "") -> Alarm:
        """Notes that `by` has seen it. Once is enough: a second time changes nothing."""
        known = self.named(alarm)
        if not known.is_new:
            return known
        seen = replace(known, acknowledged=self._clock.now(), acknowledged_by=by)
        self._enter(seen, f"acknowledged by {by}" + (f": {reason}" if reason else ""))
        await self._save()
        return seen

    @contextmanager
    def watch(self) -> Iterator[AlarmWatch]:
        """All alarms first, then each that changes, conflated; one that is over comes a last time, ended and seen."""
        watch = AlarmWatch()
        for alarm in self._book.values():
            watch.offer(alarm)
        self._watches.add(watch)
        try:
            yield watch
        finally:
            self._watches.discard(watch)

    def look(self) -> None:
        """Judges the building anew and enters what has changed."""
        now, catalog = self._clock.now(), self._catalog.current
        self._compliance.update(now, catalog, self._store.get)
        self._conclude(now, catalog)

    def _glance(self, changed: Iterable[PointId]) -> bool:
        """The same for what was read just now; a value that wobbles where it stood can wait for the next tick."""
        now, catalog = self._clock.now(), self._catalog.current
        stirred = self._compliance.update(now, catalog, self._store.get, changed)
        if stirred:
            self._conclude(now, catalog)
        return stirred

    def _conclude(self, now: datetime, catalog: Catalog) -> None:
        compliance = self._compliance
        findings = find(
            catalog, compliance.watched, compliance.not_in, self._devices(), now, self._holds, self._effects()
        )
        for identity, condition in findings.conditions.items():
            self._raise(self._book.get(identity), condition, now)
        for identity, alarm in list(self._book.items()):
            decided = identity not in findings.conditions and identity not in findings.undecided
            if alarm.ended is None and decided and self._in_catalog(alarm.about):
                self._enter(replace(alarm, ended=now), "ended")

    def _raise(self, known: Alarm | None, condition: Condition, now: datetime) -> None:
        if known is not None and known.ended is None:
            self._refresh(known, condition, now)
            return
        alarm = Alarm(
            id=condition.id,
            kind=condition.kind,
            severity=condition.severity,
            about=condition.about,
            where=condition.where,
            text=condition.text,
            value=condition.value,
            limit=condition.limit,
            since=condition.since,
        )
        self._shown[alarm.id] = now
        self._enter(alarm, "raised" if known is None else "raised again")

    def _refresh(self, known: Alarm, condition: Condition, now: datetime) -> None:
        fresh = timedelta() <= now - self._shown.get(known.id, known.since) < REFRESH
        if fresh and condition.severity is known.severity:
            return
        newer = replace(
            known,
            severity=condition.severity,
            where=condition.where,
            text=condition.text,
            value=condition.value,
            limit=condition.limit,
        )
        worse = ORDER.index(newer.severity) < ORDER.index(known.severity)
        if worse:  # seen as something less: it must be seen again
            self._enter(replace(newer, acknowledged=None, acknowledged_by=""), f"is now {newer.severity}")
        elif newer != known and not fresh:
            self._shown[known.id] = now
            self._book[known.id] = newer
            self._unsaved.add(known.id)
            self._offer(newer)

    def _enter(self, alarm: Alarm, what: str) -> None:
        """A change that is told: the book, the watchers, the events, and (with the next save) the disk."""
        if alarm.ended is not None and not alarm.is_new:
            self._book.pop(alarm.id, None)
            self._shown.pop(alarm.id, None)
        else:
            self._book[alarm.id] = alarm
        self._unsaved.add(alarm.id)
        self._offer(alarm)
        value = f" ({alarm.value})" if alarm.value else ""
        self._events.tell(
            Event(
                kind=EventKind.ALARM,
                time=self._clock.now(),
                about=alarm.id,
                text=f"{alarm.severity} {alarm.where}: {alarm.text}{value}: {what}",
                details={"severity": alarm.severity, "state": alarm.state, "point": alarm.about, "kind": alarm.kind},
            )
        )

    def _offer(self, alarm: Alarm) -> None:
        self._ordered = None
        for watch in self._watches:
            watch.offer(alarm)

    def _is_watched(self, point: PointId) -> bool:
        return point in self._compliance.watched

    def _in_catalog(self, about: str) -> bool:
        """False right after a start, while the catalog is not there yet: then nothing can be said to have ended."""
        return about in self._catalog.current.points or about in self._catalog.current.devices

    async def _follow(self, readings: Watch) -> None:
        while True:
            batch = await readings.batch()
            if self._glance([reading.point for reading in batch]):
                await self._save()
            await self._clock.sleep(SETTLE_S)

    async def _tick(self) -> None:
        while True:
            self.look()
            await self._save()
            await self._clock.sleep(TICK_S)

    async def _load(self) -> None:
        try:
            kept: Sequence[Alarm] = await load_alarms(self._db)
        except StateUnavailable as error:
            log.warning("the alarm book cannot be read; it starts empty", error=str(error))
            kept = ()
        for alarm in kept:
            self._book.setdefault(alarm.id, alarm)
            self._offer(alarm)
        lasting = (alarm for alarm in kept if alarm.ended is None and alarm.kind in LASTING)
        self._compliance.remember({PointId(alarm.about): alarm.since for alarm in lasting})
        self._loaded = True

    async def _save(self) -> None:
        """Writes what has changed; what cannot be written now is tried again at the next tick."""
        if not self._unsaved:
            return
        changed, self._unsaved = self._unsaved, set()
        try:
            await save_alarms(self._db, [self._book[identity] for identity in changed if identity in self._book])
            await forget_alarms(self._db, [identity for identity in changed if identity not in self._book])
        except StateUnavailable as error:
            self._unsaved |= changed
            level = log.debug if self._db_failed else log.warning
            level("the alarm book cannot be written; it goes on in memory", error=str(error))
            self._db_failed = True
        except asyncio.CancelledError:
            self._unsaved |= changed
            raise
        else:
            if self._db_failed:
                log.info("the alarm book is written again")
            self._db_failed = False


class AlarmWatch:
    """One watcher's view of the book: what it has not seen yet, at most one state per alarm."""

    def __init__(self) -> None:
        self._unseen: dict[str, Alarm] = {}
        self._something = asyncio.Event()

    def offer(self, alarm: Alarm) -> None:
        """Called by the book."""
        self._unseen[alarm.id] = alarm
        self._something.set()

    async def __aiter__(self) -> AsyncIterator[Alarm]:
        while True:
            await self._something.wait()
            alarm = self._unseen.pop(next(iter(self._unseen)))
            if not self._unseen:
                self._something.clear()
            yield alarm
