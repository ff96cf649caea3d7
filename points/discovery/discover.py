"""The course of a discovery: search, inspect each device, put together what was found and what was known.

What goes wrong at one device, expected or not, is told and costs that device only: it stays as it was known.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from points.bacnet.port import Bacnet, IAm
from points.catalog import Catalog
from points.discovery.inspection import Inspection
from points.discovery.plan import Describe, Discovered, DiscoveryPlan, Progress, RawPoint, raw_of
from points.discovery.search import duplicates, search
from points.errors import DeviceError, DeviceSilent
from points.model import Device, DeviceId, DeviceRef, Event, EventKind, Point, PointId, Ref
from points.naming import device_slugs, point_slugs

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """One device as it was inspected. `raws` is None where nothing had changed."""

    device: Device
    raws: list[RawPoint] | None


async def discover(
    bacnet: Bacnet,
    plan: DiscoveryPlan,
    known: Catalog,
    *,
    describe: Describe,
    progress: Callable[[Progress], None],
    now: datetime,
) -> Discovered:
    """The building as it is now, and how it differs from `known`."""
    return await _Discovery(bacnet, plan, known, describe, progress, now).run()


class _Discovery:
    def __init__(
        self,
        bacnet: Bacnet,
        plan: DiscoveryPlan,
        known: Catalog,
        describe: Describe,
        progress: Callable[[Progress], None],
        now: datetime,
    ) -> None:
        self._bacnet = bacnet
        self._plan = plan
        self._known = known
        self._describe = describe
        self._progress = progress
        self._now = now
        self._done = Progress()
        self._events: list[Event] = []
        self._devices_by_ref = {device.ref: device for device in known.devices.values()}
        self._points_by_ref = {point.ref: point for point in known.points.values()}

    async def run(self) -> Discovered:
        heard = await search(self._bacnet, self._plan, lambda number: self._tell(devices_found=number))
        refs: dict[DeviceRef, IAm | None] = dict.fromkeys(self._plan.static) | dict(heard)
        found = await self._inspect_all(refs)
        claimed = duplicates(set(heard) | {one.device.ref for one in found})
        named = self._named(found, {ref for refs in claimed.values() for ref in refs})
        self._tell_duplicates(named, claimed)
        points = [point for one in named for point in self._points_or_known(one)]
        devices = [one.device for one in named]
        lost_devices, lost_points = self._not_found({device.ref for device in devices}, set(heard))
        catalog = Catalog.of(devices + lost_devices, points + lost_points, self._known.spaces.values())
        self._tell(points=len(points), current="")
        return Discovered(catalog=catalog, events=self._events, skipped=self._done.skipped)

    async def _inspect_all(self, refs: Mapping[DeviceRef, IAm | None]) -> list[_Found]:
        gate = asyncio.Semaphore(self._plan.parallel)
        self._tell(devices_found=len(refs))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._inspect(gate, ref, i_am)) for ref, i_am in refs.items()]
        return [found for task in tasks if (found := task.result()) is not None]

    async def _inspect(self, gate: asyncio.Semaphore, ref: DeviceRef, i_am: IAm | None) -> _Found | None:
        async with gate:
            self._tell(current=str(ref))
            inspection = Inspection(self._bacnet, ref, i_am)
            try:
                found = await self._read(inspection)
            except DeviceError as error:
                self._unreadable(ref, error, answered=i_am is not None)
                return None
            except Exception as error:  # noqa: BLE001 - whatever it is, the other devices are found
                _log.exception("a device cannot be read: a fault of ours", device=str(ref))
                self._event(
                    EventKind.PROTOCOL_ERROR, str(ref), f"{ref} cannot be read: an unexpected fault ({error!r})"
                )
                return None
        self._tell(
            devices_described=self._done.devices_described + 1,
            points=self._done.points + len(found.raws or ()),
            skipped=self._done.skipped + inspection.skipped,
            current=found.device.name,
        )
        return found

    async def _read(self, inspection: Inspection) -> _Found:
        device = await inspection.device()
        before = self._devices_by_ref.get(device.ref)
        if before is not None and _unchanged(before, device):
            learned = before.reads_multiple and device.reads_multiple
            return _Found(device=replace(device, reads_multiple=learned), raws=None)
        learned_device, raws = await inspection.points(device)
        return _Found(device=learned_device, raws=raws)

    def _unreadable(self, ref: DeviceRef, error: DeviceError, *, answered: bool) -> None:
        """A device that said who it is but cannot be read stays as it was known, or waits for the next time."""
        if answered or not isinstance(error, DeviceSilent):
            _log.warning("a device cannot be read", device=str(ref), error=str(error))
            which = "answered Who-Is" if answered else "is configured"
            self._event(EventKind.PROTOCOL_ERROR, str(ref), f"{ref} {which} but cannot be read: {error}")

    def _named(self, found: list[_Found], doubled: set[DeviceRef]) -> list[_Found]:
        """With ids: the old one where there was one, a new unique one otherwise."""
        fresh = {
            one.device.ref: (one.device.name, one.device.ref.instance)
            for one in found
            if one.device.ref not in self._devices_by_ref
        }
        slugs = device_slugs(fresh, taken=self._known.devices)
        named = []
        for one in found:
            ref = one.device.ref
            before = self._devices_by_ref.get(ref)
            id_ = before.id if before else DeviceId(slugs[ref])
            device = replace(one.device, id=id_, duplicate=ref in doubled)
            self._tell_arrival(before, device)
            raws = one.raws and [replace(raw, device=device) for raw in one.raws]
            named.append(_Found(device=device, raws=raws))
        return named

    def _points_or_known(self, found: _Found) -> list[Point]:
        try:
            return self._points(found)
        except Exception as error:  # noqa: BLE001 - the same
            device = found.device
            _log.exception("a device's points cannot be described: a fault of ours", device=device.id)
            text = f"{device.name}: its points cannot be described: an unexpected fault ({error!r})"
            self._event(EventKind.PROTOCOL_ERROR, device.id, text)
            return self._known.points_of(device.id)

    def _points(self, found: _Found) -> list[Point]:
        before = self._known.points_of(found.device.id)
        if found.raws is None:
            return [
                replace(self._describe(raw_of(found.device, point), point.id), present=point.present)
                for point in before
            ]
        ids = self._ids(found, found.raws, before)
        points = [self._describe(raw, ids[raw.ref]) for raw in found.raws]
        vanished = [point for point in before if point.ref not in ids]
        for point in vanished:
            if point.present:
                self._event(EventKind.POINT_VANISHED, point.id, f"{point.name} is not in {found.device.name} any more")
        if before:
            for raw in found.raws:
                if raw.ref not in self._points_by_ref:
                    self._event(EventKind.POINT_FOUND, ids[raw.ref], f"{raw.name} is new in {found.device.name}")
        return points + [replace(point, present=False) for point in vanished]

    def _ids(self, found: _Found, raws: list[RawPoint], before: list[Point]) -> dict[Ref, PointId]:
        old = {raw.ref: self._points_by_ref[raw.ref].id for raw in raws if raw.ref in self._points_by_ref}
        fresh = {raw.ref: (raw.name, raw.ref.object_type, raw.ref.instance) for raw in raws if raw.ref not in old}
        taken = {point.id.partition("/")[2] for point in before}
        slugs = point_slugs(found.device.name, fresh, taken)
        return old | {ref: PointId(f"{found.device.id}/{slug}") for ref, slug in slugs.items()}

    def _not_found(self, found: set[DeviceRef], heard: set[DeviceRef]) -> tuple[list[Device], list[Point]]:
        """Devices of before that are not there: kept, with their points as they are."""
        devices, points = [], []
        for device in self._known.devices.values():
            if device.ref in found:
                continue
            points += self._known.points_of(device.id)
            devices.append(replace(device, present=device.ref in heard))
            if device.present and device.ref not in heard:
                self._event(EventKind.DEVICE_LOST, device.id, f"{device.name} ({device.ref}) did not answer discovery")
        return devices, points

    def _tell_arrival(self, before: Device | None, device: Device) -> None:
        if before is None:
            text = f"{device.name}: {device.vendor} {device.model}".strip()
            self._event(EventKind.DEVICE_FOUND, device.id, f"{text} ({device.ref}, {device.object_count} objects)")
        elif not before.present:
            self._event(EventKind.DEVICE_BACK, device.id, f"{device.name} ({device.ref}) is found again")

    def _tell_duplicates(self, named: list[_Found], claimed: Mapping[int, list[DeviceRef]]) -> None:
        for instance, refs in claimed.items():
            places = ", ".join(f"{ref.network}:{ref.address}" for ref in refs)
            names = [one.device.id for one in named if one.device.ref in refs]
            text = f"Device instance {instance} is used {len(refs)} times ({places}). Give each device its own."
            self._event(EventKind.DUPLICATE_DEVICE, names[0] if names else str(instance), text)

    def _event(self, kind: EventKind, about: str, text: str) -> None:
        self._events.append(Event(kind=kind, time=self._now, about=about, text=text))

    def _tell(self, **changes: int | str) -> None:
        self._done = replace(self._done, **changes)  # type: ignore[arg-type]  # each field by its name
        self._progress(self._done)


def _unchanged(before: Device, device: Device) -> bool:
    """The device's own word that its objects are the same as before."""
    return (
        device.database_revision is not None
        and device.database_revision == before.database_revision
        and device.object_count > 0
        and device.object_count == before.object_count
    )
