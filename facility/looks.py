"""A look at the priority array of a point, believed only of a device that says who it is.

A device is asked who it is after its slots were read, so that it is whoever showed them; once it has said so, it is
known until it was away. Every look is told to whoever looks for overrides.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

from points.bacnet.port import Bacnet
from points.clock import Clock
from points.errors import PointsError
from points.model import DeviceId, Point, PointId, Slots


class NotRecognised(PointsError):
    """It is not sure that the device at the address is the one that was known there."""


async def anybody(_device: DeviceId) -> bool:
    """Whoever stands there is taken for the one that was known."""
    return True


def unseen(_point: PointId, _slots: Slots, _now: datetime) -> None:
    """Nobody else wants to know what a look at a priority array showed."""


class Looks:
    """Reads slots, and knows which devices have said who they are since they last came."""

    def __init__(
        self,
        bacnet: Bacnet,
        clock: Clock,
        *,
        recognises: Callable[[DeviceId], Awaitable[bool]] = anybody,
        seen: Callable[[PointId, Slots, datetime], None] = unseen,
    ) -> None:
        """`recognises` asks a device who it is. `seen` is told of every priority array that was read."""
        self._bacnet = bacnet
        self._clock = clock
        self._recognises = recognises
        self._seen = seen
        self._met: set[DeviceId] = set()

    async def at(self, point: Point) -> Slots:
        """The slots of whatever device stands there."""
        slots = await self._bacnet.read_slots(point.ref)
        self._seen(point.id, slots, self._clock.now())
        return slots

    async def at_known(self, point: Point) -> Slots:
        """The slots of a device of which it is sure that it is the one we know."""
        slots = await self.at(point)
        if point.device not in self._met:
            await self.must_recognise(point)
        return slots

    async def must_recognise(self, point: Point) -> None:
        """Raises `NotRecognised`, or a `DeviceError` where it does not answer."""
        if not await self._recognises(point.device):
            raise NotRecognised(f"It is not sure that {point.device} is the device that was known there.")
        self._met.add(point.device)

    def forget(self, device: DeviceId) -> None:
        """It was away: before the next write it is asked who it is."""
        self._met.discard(device)
