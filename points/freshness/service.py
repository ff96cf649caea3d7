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
from points.bacnet.port import Bacnet, IAm, Notification
from points.catalog import Catalog, CatalogBook
from points.clock import Clock
from points.errors import DeviceError
from points.events import Events
from points.freshness.intake import Intake
from points.freshness.keeper import Keeper
from points.freshness.liveness import Status
from points.freshness.marker import Marker
from points.freshness.quality import NO_FLAGS
from points.freshness.states import EVENT_STATE, Age, PointState
from points.freshness.trunks import Trunks
from points.freshness.work import Surroundings
from points.model import Device, DeviceId, DeviceRef, Point, PointId, Reading, Source
from points.passport import Passports
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
    polled: int  # points that are polled as often as if there were no COV
    silent_for: float | None  # seconds since it was last heard; None: never heard
    late: int = 0  # polls that were skipped because an earlier one still went on
    restarts: int = 0  # seen since we began to keep it
    strange: int = 0  # notifications that nobody asked for


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
        passports: Passports | None = None,
        revised: Callable[[DeviceId], None] | None = None,
        told: Callable[[DeviceId, Mapping[str, str]], None] | None = None,
    ) -> None:
        """`revised` is told when a device says that its configuration has changed, `told` when it is another."""
        self._bacnet = bacnet
        self._book = book
        self._store = store
        self._clock = clock
        self._deadline = deadline
        self._states: dict[PointId, PointState] = {}
        self._keepers: dict[DeviceId, tuple[Keeper, asyncio.Task[None]]] = {}
        self._by_ref: dict[DeviceRef, Keeper] = {}
        self._passports = passports if passports is not None else Passports()
        self._marker = Marker(clock, self._store.put, self._device_answers)
        self._intake = Intake(self._store.put, self._marker)
        self._around = Surroundings(
            bacnet=bacnet,
            clock=clock,
            intake=self._intake,
            passports=self._passports,
            trunks=Trunks(),
            recheck=self._recheck,
            tell=events.tell,
            revised=revised or _nobody,
            told=told or _nobody,
        )
        self.readings: Counter[Source] = self._intake.readings
        self.protocol_errors: Counter[DeviceId] = self._intake.protocol_errors
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
        keeper = self._by_ref.get(device.ref)
        asked = state.asked
        answers = await (keeper.work.reads if keeper else self._batches(device)).read(asked, urgent=True)
        told = dict(zip((property_.name for property_ in asked), answers, strict=True))
        value = told[wanted.ref.property]
        flags, reliability = told.get("status-flags", NO_FLAGS), told.get("reliability")
        event_state, now = told.get(EVENT_STATE), self._clock.now()
        reading = self._intake.learn(state, value, flags, reliability, source, now, event_state=event_state)
        self._intake.readings[source] += 1
        if keeper is not None:
            keeper.heard()
        if isinstance(value, DeviceError):
            raise value
        return reading

    def devices(self) -> Mapping[DeviceId, DeviceStatus]:
        """Every device that is kept, as it is now."""
        now = self._clock.now().timestamp()
        return {id_: _status(keeper, now) for id_, (keeper, _) in self._keepers.items()}

    def lost(self) -> list[DeviceId]:
        """The devices that do not answer."""
        return [id_ for id_, (keeper, _) in self._keepers.items() if keeper.liveness.status == "offline"]

    async def _part(self) -> None:
        """Once the keepers have ended: asks nothing of devices that do not answer, and waits for nobody long."""
        partings = [
            asyncio.create_task(keeper.work.subscriptions.end(), name=f"parting from {id_}")
            for id_, (keeper, _) in self._keepers.items()
            if keeper.liveness.answers and keeper.work.subscriptions.held
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
            self._forget(self._states.pop(state.point.id))
        for id_, device in catalog.devices.items():
            before = self._keepers[id_][0] if id_ in self._keepers else None
            if before is not None:
                if before.keeps(device, points[id_]):
                    continue
                self._dismiss(id_)
            same = before if before is not None and before.device.ref == device.ref else None
            states = [self._state(point) for point in points[id_]]
            keeper = Keeper(self._around, device, states, before=same)
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
            self._forget(before)
            state.remembers(before)
        self._states[point.id] = state
        state.kept = True
        if state.age is not Age.OFFLINE:
            self._recheck(state, 0.0)
        return state

    def _forget(self, state: PointState) -> None:
        state.kept = False
        self._marker.forget(state)

    def _new_state(self, point: Point) -> PointState:
        return PointState(point=point, deadline=self._deadline(point), since=self._clock.now().timestamp())

    def _batches(self, device: Device) -> Batches:
        return Batches(
            self._bacnet,
            device.ref,
            max_apdu=device.max_apdu,
            reads_multiple=device.reads_multiple,
            passports=self._passports,
        )

    def _recheck(self, state: PointState, in_seconds: float) -> None:
        if state.kept:
            self._marker.watch(state, self._clock.now().timestamp() + in_seconds)

    def _device_answers(self, state: PointState) -> bool:
        keeper = self._keepers.get(state.point.device)
        return keeper is not None and keeper[0].liveness.answers

    def _notified(self, notification: Notification) -> None:
        if (keeper := self._by_ref.get(notification.device)) is not None:
            keeper.notified(notification)

    def _announced(self, i_am: IAm) -> None:
        if (keeper := self._by_ref.get(i_am.device)) is not None:
            keeper.announced()


def _nobody(_device: DeviceId, _identity: Mapping[str, str] | None = None) -> None:
    pass


def _status(keeper: Keeper, now: float) -> DeviceStatus:
    liveness = keeper.liveness
    heard = liveness.last_heard
    return DeviceStatus(
        status=liveness.status,
        since=datetime.fromtimestamp(liveness.since, UTC),
        last_heard=None if heard is None else datetime.fromtimestamp(heard, UTC),
        cov=keeper.work.subscriptions.held,
        cov_limit=keeper.work.subscriptions.limit,
        polled=keeper.work.polled,
        silent_for=None if heard is None else max(0.0, now - heard),
        late=keeper.work.rounds.missed,
        restarts=keeper.work.pulse.restarts,
        strange=keeper.work.hearsay.strange,
    )
