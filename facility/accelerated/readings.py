"""What the devices show, on its way into the store: freshness' part, without a network to wait for.

A change is told as a device with COV tells it, by its own increment; everything is told again every five minutes, as a
poll would find it. A reading is made of an answer by the same rules (`points.freshness.quality`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from facility.accelerated.hospital import Unit, VirtualHospital
from facility.accelerated.network import VirtualNetwork
from points.bacnet.port import Answer, Property
from points.catalog import Catalog
from points.clock import Clock
from points.freshness.quality import reading_of
from points.freshness.states import again
from points.model import Kind, Point, Ref, Source, Value
from points.store import PointStore

POLLED_EVERY = timedelta(minutes=5)  # proof of life of what is told by COV, as on a site


@dataclass(slots=True)
class _Told:
    """A point, where its value is, and what was last told of it."""

    point: Point
    unit: Unit
    role: str
    values: dict[str, Value]
    increment: float  # a smaller change is not told; 0: any is
    last: float
    flags: Answer
    reliability: Answer


class Showing:
    """The service that lets the hospital live, step by step, and tells what that has come to."""

    name = "hospital"

    def __init__(self, hospital: VirtualHospital, network: VirtualNetwork, store: PointStore, clock: Clock) -> None:
        self._hospital = hospital
        self._network = network
        self._store = store
        self._clock = clock
        self._told: list[_Told] = []
        self._polled: datetime | None = None

    def follow(self, catalog: Catalog) -> None:
        """Tells of these points from now on, and of all of them at once."""
        known = {point.ref: point for point in catalog.points.values()}
        self._told = [
            _Told(point, unit, role, _values(unit, role), _increment(point), 0.0, *self._state(ref))
            for ref, unit, role in self._network.points
            if (point := known.get(ref)) is not None
        ]
        self._poll(self._clock.now())

    async def live(self, step: float) -> None:
        """Until cancelled, in steps of so many seconds."""
        while True:
            await asyncio.sleep(step)
            self.advance(self._clock.now())

    def advance(self, now: datetime) -> None:
        """Lets the hospital live until now, in one step."""
        self._hospital.step((now - self._hospital.instant).total_seconds())
        if self._polled is None or now - self._polled >= POLLED_EVERY:
            self._poll(now)
            return
        for told in self._told:
            value = float(told.values[told.role])
            if value != told.last and abs(value - told.last) >= told.increment:
                self._tell(told, value, now, Source.COV)

    def _state(self, ref: Ref) -> Iterator[Answer]:
        """What never changes of it here: its status flags and its reliability."""
        for name in ("status-flags", "reliability"):
            yield self._network.answer(ref.device, Property(ref.object_type, ref.instance, name))

    def _poll(self, now: datetime) -> None:
        self._polled = now
        for told in self._told:
            value, before = float(told.values[told.role]), self._store.get(told.point.id)
            if before is None or value != told.last:
                self._tell(told, value, now, Source.POLL)
            else:
                self._store.put(again(before, now))

    def _tell(self, told: _Told, value: float, now: datetime, source: Source) -> None:
        told.last = value
        shown, flags, reliability = told.unit.value(told.role), told.flags, told.reliability
        self._store.put(reading_of(told.point, shown, flags, reliability, now, source))


def _values(unit: Unit, role: str) -> dict[str, Value]:
    """Where the equipment keeps the value; what it never speaks of stays as it is."""
    if role in unit.outputs:
        return unit.now  # type: ignore[return-value]  # floats are values
    unit.shown.setdefault(role, unit.points[role].value)
    return unit.shown


def _increment(point: Point) -> float:
    return (point.cov_increment or 0.0) if point.kind is Kind.ANALOG else 0.0
