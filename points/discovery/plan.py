"""What discovery is asked, what it tells on the way, and what it hands over."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from points.catalog import Catalog
from points.model import Device, DeviceId, DeviceRef, Event, Kind, Point, PointId, Ref, Safety

EVERY_INSTANCE = (0, 4_194_302)  # 4194303 is the wildcard
EVERYONE: str | None = None  # our own broadcast domain
PARALLEL = 16  # half of what a local network takes at once, at most: polls and commands go on meanwhile


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoveryPlan:
    """Where to look and how gently."""

    targets: tuple[str | None, ...] = (EVERYONE,)  # also "11:*" for a network, "10.1.2.3" for an address
    ranges: tuple[tuple[int, int], ...] = (EVERY_INSTANCE,)
    static: tuple[DeviceRef, ...] = ()  # asked directly, where no broadcast reaches
    wait: float = 0.7  # seconds in which the I-Ams of a slice are heard; the next slice is asked meanwhile
    first_wait: float = 1.0  # the same as long as no device is known: now is the time to be thorough
    passes: int = 4  # at most; it ends earlier when a pass brings nothing new
    who_is_per_minute: int = 240  # at most
    who_is_most: int = 1000  # in one search; the first pass is always finished
    devices_most: int = 10_000  # that are looked at, beside the known ones: more is no building but a flood
    parallel: int = PARALLEL  # devices read at a time
    own_instance: int | None = None  # our own device's, which nobody else may have
    checkpoint_devices: int = 50  # read since the last checkpoint
    checkpoint_s: float = 10.0


class Phase(StrEnum):
    """What discovery is doing. It reads while it searches, too."""

    SEARCHING = "searching"
    READING = "reading"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far discovery is."""

    phase: Phase = Phase.SEARCHING
    who_is: int = 0  # sent
    devices_found: int = 0  # who answered, or are to be asked directly
    devices_described: int = 0
    devices_failed: int = 0  # that could not be read
    points: int = 0
    skipped: int = 0  # objects that are no points
    current: str = ""

    @property
    def to_go(self) -> int:
        """Devices that are still to be read."""
        return self.devices_found - self.devices_described - self.devices_failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovered:
    """The new picture, and what differs from the old one."""

    catalog: Catalog
    events: list[Event]
    skipped: int = 0  # proprietary objects without a readable present value
    silent: frozenset[DeviceId] = frozenset()  # known devices that did not answer when they were to be read


@dataclass(frozen=True, slots=True, kw_only=True)
class RawPoint:
    """An object as the device describes it, before anyone has thought about it."""

    device: Device
    ref: Ref
    name: str
    description: str = ""
    kind: Kind
    unit: str = ""
    states: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    resolution: float | None = None
    cov_increment: float | None = None
    commandable: bool = False


Describe = Callable[[RawPoint, PointId], Point]
"""What makes a point of a raw one: the classifier."""

Checkpoint = Callable[[Catalog], Awaitable[None]]
"""Gets the devices, with their points, that were read since it was last called."""


def plain(raw: RawPoint, id_: PointId) -> Point:
    """A point as the device describes it, of unknown class and therefore monitor-only."""
    return Point(
        id=id_,
        device=raw.device.id,
        ref=raw.ref,
        name=raw.name,
        description=raw.description,
        kind=raw.kind,
        unit=raw.unit,
        states=raw.states,
        low=raw.low,
        high=raw.high,
        resolution=raw.resolution,
        cov_increment=raw.cov_increment,
        commandable=raw.commandable,
        safety=Safety.UNKNOWN,
    )


def raw_of(device: Device, point: Point) -> RawPoint:
    """What discovery once read of a point, at the device as it is now: enough to classify it again unasked."""
    there = point.ref.device == device.ref
    return RawPoint(
        device=device,
        ref=point.ref if there else replace(point.ref, device=device.ref),
        name=point.name,
        description=point.description,
        kind=point.kind,
        unit=point.unit,
        states=point.states,
        low=point.low,
        high=point.high,
        resolution=point.resolution,
        cov_increment=point.cov_increment,
        commandable=point.commandable,
    )
