"""Every point's reading, as young as its deadline asks, or marked as what it is.

Only this module puts readings into the store. It follows the catalog: what is discovered is kept
fresh, by change-of-value where the device offers it and by polls where it does not. A clean stop
gives the subscriptions back to the devices that answer.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from points.bacnet.batches import Batches
from points.bacnet.port import Answer, Bacnet, IAm, Notification
from points.catalog import Catalog, CatalogBook
from points.clock import Clock
from points.errors import DeviceError, ProtocolError
from points.events import Events
from points.freshness.keeper import Keeper
from points.freshness.liveness import Status
from points.freshness.marker import Marker
from points.freshness.quality import reading_of
from points.freshness.states import Age, Cov, PointState
from points.model import DeviceId, DeviceRef, Point, PointId, Reading, Source
from points.store import PointStore

PARTING = 3.0  # seconds in which all subscriptions are given back; they end by themselves anyway

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceStatus:
    """How one device is doing."""

    status: Status
    since: datetime
    last_heard: datetime | None
    cov: int  # subscriptions held
    cov_limit: int | None  # how many it was found to grant; None: no end seen
    polled: int  # points that are polled
    silent_for: float | None  # seconds since it was last heard; None: never heard


class Freshness:
    """Keeps the store true."""

    name = "freshness"

    def __init__(
        self,
        bacnet: Bacnet,
        book: CatalogBook,
        store: PointStore,
        *,
        clock: Clock,
        deadline: Callable[[Point], float],
        events: Events,
    ) -> None:
        self._bacnet = bacnet
        self._book = book
        self._store = store
        self._clock = clock
        self._deadline = deadline
        self._events = events
        self._states: dict[PointId, PointState] = {}
        self._keepers: dict[DeviceId, tuple[Keeper, asyncio.Task[None]]] = {}
        self._by_ref: dict[DeviceRef, Keeper] = {}
        self._marker = Marker(clock, self._store.put, self._device_answers)
        self.readings: Counter[Source] = Counter()
        self.protocol_errors: Counter[DeviceId] = Counter()
        bacnet.on_notification(self._notified)
        bacnet.on_i_am(self._announced)

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._marker.run())
                catalog = self._book.current
                while True:
                    self._follow(catalog, group)
                    catalog = await self._book.changed()
        except asyncio.CancelledError:
            await self._part()
            raise
        finally:
            self._keepers.clear()
            self._by_ref.clear()

    async def read_now(self, point: PointId, *, source: Source = Source.POLL) -> Reading:
        """Asks the device now; what it says is put like any reading. Raises DeviceError if it says nothing."""
        wanted = self._book.current.point(point)
        device = self._book.current.devices[wanted.device]
        state = self._states.get(point) or self._new_state(wanted)
        reads = Batches(self._bacnet, device.ref, max_apdu=device.max_apdu, reads_multiple=device.reads_multiple)
        asked = state.asks()
        answers = dict(zip((property_.name for property_ in asked), await reads.read(asked), strict=True))
        value = answers[wanted.ref.property]
        reading = self._learned(state, value, answers.get("status-flags"), answers.get("reliability"), source)
        if (keeper := self._by_ref.get(device.ref)) is not None:
            keeper.liveness.heard(reading.at.timestamp())
        if isinstance(value, DeviceError):
            raise value
        return reading

    def devices(self) -> Mapping[DeviceId, DeviceStatus]:
        """Every device that is kept, as it is now."""
        now = self._clock.now().timestamp()
        return {id_: _status(keeper, now) for id_, (keeper, _) in self._keepers.items()}

    async def _part(self) -> None:
        """Once the keepers have ended: asks nothing of devices that do not answer, and waits for nobody long."""
        partings = [
            asyncio.create_task(keeper.subscriptions.end(), name=f"parting from {id_}")
            for id_, (keeper, _) in self._keepers.items()
            if keeper.liveness.answers and keeper.subscriptions.held
        ]
        if not partings:
            return
        try:
            await asyncio.wait(partings, timeout=PARTING)
        finally:
            for parting in partings:
                parting.cancel()
            await asyncio.gather(*partings, return_exceptions=True)  # why one failed is of no use any more

    def _follow(self, catalog: Catalog, group: asyncio.TaskGroup) -> None:
        """Keepers for the devices of `catalog`; those of which nothing changed go on undisturbed."""
        points: dict[DeviceId, list[Point]] = {id_: [] for id_ in catalog.devices}
        for point in catalog.points.values():
            points.setdefault(point.device, []).append(point)
        for id_ in set(self._keepers) - set(catalog.devices):
            self._dismiss(id_)
        for state in [state for id_, state in self._states.items() if id_ not in catalog.points]:
            self._marker.forget(self._states.pop(state.point.id))
        for id_, device in catalog.devices.items():
            before = self._keepers[id_][0] if id_ in self._keepers else None
            if before is not None:
                if before.keeps(device, points[id_]):
                    continue
                self._dismiss(id_)
            keeper = Keeper(
                self._bacnet,
                device,
                [self._state(point) for point in points[id_]],
                clock=self._clock,
                learned=self._learned,
                recheck=self._recheck,
                tell=self._events.tell,
            )
            if before is not None and before.device.ref == device.ref:
                keeper.liveness = before.liveness
            self._by_ref[device.ref] = keeper
            self._keepers[id_] = (keeper, group.create_task(keeper.run(), name=f"keeper of {id_}"))

    def _dismiss(self, device: DeviceId) -> None:
        keeper, task = self._keepers.pop(device)
        del self._by_ref[keeper.device.ref]
        task.cancel()

    def _state(self, point: Point) -> PointState:
        """What is remembered of the point, with what the new catalog says of it."""
        before = self._states.get(point.id)
        state = self._new_state(point)
        if before is not None:
            self._marker.forget(before)
            state.reading, state.acquired, state.age = before.reading, before.acquired, before.age
            state.since = before.since
        self._states[point.id] = state
        if state.age is not Age.OFFLINE:
            self._recheck(state)
        return state

    def _new_state(self, point: Point) -> PointState:
        return PointState(point=point, deadline=self._deadline(point), since=self._clock.now().timestamp())

    def _learned(self, state: PointState, value: Answer, flags: Answer, reliability: Answer, source: Source) -> Reading:
        """The only way into the store, but for the marks of age."""
        now = self._clock.now()
        reading = reading_of(state.point, value, flags, reliability, now, source)
        state.reading, state.acquired, state.age = reading, now.timestamp(), Age.FRESH
        if state.check_at is None and state.point.id in self._states:
            self._marker.watch(state, state.acquired + state.limit(device_answers=self._device_answers(state)))
        self.readings[source] += 1
        if isinstance(value, ProtocolError):
            self.protocol_errors[state.point.device] += 1
            _log.debug("protocol error", point=state.point.id, error=str(value))
        self._store.put(reading)
        return reading

    def _recheck(self, state: PointState) -> None:
        self._marker.watch(state, self._clock.now().timestamp())

    def _device_answers(self, state: PointState) -> bool:
        keeper = self._keepers.get(state.point.device)
        return keeper is not None and keeper[0].liveness.answers

    def _notified(self, notification: Notification) -> None:
        if (keeper := self._by_ref.get(notification.device)) is not None:
            keeper.notified(notification)

    def _announced(self, i_am: IAm) -> None:
        if (keeper := self._by_ref.get(i_am.device)) is not None:
            keeper.heard()


def _status(keeper: Keeper, now: float) -> DeviceStatus:
    liveness = keeper.liveness
    heard = liveness.last_heard
    return DeviceStatus(
        status=liveness.status,
        since=datetime.fromtimestamp(liveness.since, UTC),
        last_heard=None if heard is None else datetime.fromtimestamp(heard, UTC),
        cov=keeper.subscriptions.held,
        cov_limit=keeper.subscriptions.limit,
        polled=sum(state.point.present and state.cov is not Cov.HELD for state in keeper.states.values()),
        silent_for=None if heard is None else max(0.0, now - heard),
    )
