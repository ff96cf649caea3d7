"""What was found beside what was known: ids, points and the news. Pure; nothing here asks the network.

An id once given stays with its device and object. What was not found again stays, marked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from points.catalog import Catalog
from points.discovery import identity
from points.discovery.plan import Describe, RawPoint, raw_of
from points.model import Device, DeviceId, DeviceRef, Event, EventKind, Point, PointId, Ref
from points.naming import device_slugs, point_slugs

_Object = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One device as it was inspected. `raws` is None where nothing had changed."""

    device: Device
    raws: list[RawPoint] | None


class Known:
    """A catalog, by where its things are."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.by_ref = {device.ref: device for device in catalog.devices.values()}
        self.by_instance: dict[int, list[Device]] = {}
        for device in catalog.devices.values():
            self.by_instance.setdefault(device.ref.instance, []).append(device)
        self._points: dict[DeviceId, list[Point]] = {}
        for point in catalog.points.values():
            self._points.setdefault(point.device, []).append(point)

    def points_of(self, device: DeviceId) -> list[Point]:
        return self._points.get(device, [])


class Picture:
    """The new catalog, taking shape."""

    def __init__(self, known: Known, describe: Describe, now: datetime) -> None:
        self._known = known
        self._describe = describe
        self._now = now
        self.events: list[Event] = []

    def named(
        self,
        found: Iterable[Found],
        *,
        moves: Mapping[DeviceRef, Device],
        usurped: Mapping[DeviceRef, Device],
        claimed: Mapping[int, list[DeviceRef]],
        taken: Collection[str] = (),
    ) -> list[Found]:
        """With ids: the old one where there was one, a new unique one otherwise; and with what is to be said of them.

        `moves` are the known devices by where they are now, `usurped` those whose instance another device has.
        """
        every = list(found)
        before = {one.device.ref: moves.get(one.device.ref) or self._known.by_ref.get(one.device.ref) for one in every}
        fresh = {
            one.device.ref: (one.device.name, one.device.ref.instance)
            for one in every
            if before[one.device.ref] is None
        }
        slugs = device_slugs(fresh, taken={*self._known.catalog.devices, *taken})
        named = []
        for one in every:
            ref = one.device.ref
            old = before[ref]
            device = replace(one.device, id=old.id if old else DeviceId(slugs[ref]))
            device = self.judged(device, old, usurped.get(ref), claimed.get(ref.instance))
            named.append(Found(device=device, raws=one.raws))
        return named

    def judged(
        self, device: Device, before: Device | None, usurped: Device | None, claimed: list[DeviceRef] | None
    ) -> Device:
        """The device with what a person has to know of it; a quarantine of before goes on."""
        quarantine = before.quarantine if before else ""
        if before is None:
            text = f"{device.name}: {device.vendor} {device.model}".strip()
            self.tell(EventKind.DEVICE_FOUND, device.id, f"{text} ({device.ref}, {device.object_count} objects)")
        elif not before.present and device.present:
            self.tell(EventKind.DEVICE_BACK, device.id, f"{device.name} ({device.ref}) is found again")
        if usurped is not None:
            quarantine = identity.usurps(usurped, device)
            self.tell(EventKind.DEVICE_REPLACED, device.id, f"{device.name} {quarantine}")
        elif before is not None and before.ref != device.ref:
            quarantine = identity.moved(before.ref, device.ref)
            self.tell(EventKind.DEVICE_MOVED, device.id, f"{device.name} {quarantine}")
        elif before is not None and identity.is_replaced(before, device):
            quarantine = identity.replaced(before, device)
            self.tell(EventKind.DEVICE_REPLACED, device.id, f"{device.name} {quarantine}")
        if claimed and device.ref in claimed:
            quarantine = quarantine if before and before.duplicate else identity.doubled(device.ref.instance, claimed)
            return replace(device, duplicate=True, quarantine=quarantine)
        return replace(device, duplicate=False, quarantine=quarantine)

    def points(self, found: Found) -> list[Point]:
        """All points that the device has or had."""
        device, before = found.device, self._known.points_of(found.device.id)
        if found.raws is None:
            return [self._again(device, point) for point in before]
        old = {_object(point.ref): point for point in before}
        ids = self._ids(found, found.raws, old)
        points = [self._describe(replace(raw, device=device), ids[_object(raw.ref)]) for raw in found.raws]
        for object_, point in old.items():
            if object_ not in ids:
                if point.present:
                    self.tell(EventKind.POINT_VANISHED, point.id, f"{point.name} is not in {device.name} any more")
                points.append(replace(point, present=False, ref=replace(point.ref, device=device.ref)))
        if before:
            for raw in found.raws:
                if _object(raw.ref) not in old:
                    self.tell(EventKind.POINT_FOUND, ids[_object(raw.ref)], f"{raw.name} is new in {device.name}")
        return points

    def not_found(self, device: Device, *, heard: bool, claimed: list[DeviceRef] | None) -> Device:
        """A known device that could not be read: kept. `heard` is whether it said at least that it is there."""
        if device.present and not heard:
            self.tell(EventKind.DEVICE_LOST, device.id, f"{device.name} ({device.ref}) did not answer discovery")
        kept = replace(device, present=heard, duplicate=False)
        if claimed and device.ref in claimed:
            quarantine = device.quarantine if device.duplicate else identity.doubled(device.ref.instance, claimed)
            return replace(kept, duplicate=True, quarantine=quarantine)
        return kept

    def doubled(self, devices: Iterable[Device], claimed: Mapping[int, list[DeviceRef]]) -> None:
        """Tells of instances that are used more than once, unless all who use it were told of before."""
        ids = {device.ref: device.id for device in devices}
        for instance, refs in claimed.items():
            known = [self._known.by_ref.get(ref) for ref in refs]
            if all(device is not None and device.duplicate for device in known):
                continue
            where = identity.places(refs)
            text = f"Device instance {instance} is used {len(refs)} times ({where}). Give each device its own."
            about = next((ids[ref] for ref in refs if ref in ids), str(instance))
            self.tell(EventKind.DUPLICATE_DEVICE, about, text)

    def tell(self, kind: EventKind, about: str, text: str) -> None:
        self.events.append(Event(kind=kind, time=self._now, about=about, text=text))

    def _again(self, device: Device, point: Point) -> Point:
        """A point that nobody had to read again."""
        described = self._describe(raw_of(device, point), point.id)
        return described if point.present else replace(described, present=False)

    def _ids(self, found: Found, raws: list[RawPoint], old: Mapping[_Object, Point]) -> dict[_Object, PointId]:
        objects = {_object(raw.ref): raw.name for raw in raws}
        fresh = {object_: (name, *object_) for object_, name in objects.items() if object_ not in old}
        taken = {point.id.partition("/")[2] for point in old.values()}
        slugs = point_slugs(found.device.name, fresh, taken)
        kept = {object_: old[object_].id for object_ in objects if object_ in old}
        return kept | {object_: PointId(f"{found.device.id}/{slug}") for object_, slug in slugs.items()}


def _object(ref: Ref) -> _Object:
    return ref.object_type, ref.instance
