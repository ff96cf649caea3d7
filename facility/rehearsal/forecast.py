"""What the building will read, as far as somebody dares to say it.

`AsNow` says that nothing changes by itself. `Thermal` lets zones warm and cool: every zone is the standard room of the
simulator (two heat stores, 2R2C), conditioned between its setpoints, under the weather of the last day repeated. That
is good enough to see when an optimal start would begin, and no measurement.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from facility.simulation.physics import Zone, clamp
from points.catalog import Catalog
from points.model import Point, Quality, Reading, Source, SpaceId
from points.store import PointStore
from schedules.writable import in_unit_of, known_celsius

STEP = timedelta(minutes=5)
DAY = timedelta(days=1)
FULL_BAND = 0.5  # K beyond a setpoint at which a zone is heated or cooled with all it has
POWER = 2_500.0  # W, heating or cooling of a standard room
GAINS = 150.0  # W, all day
UNKNOWN_WEATHER = 10.0  # °C, where nobody measures it
NEVER_COLD, NEVER_WARM = -50.0, 90.0  # °C: for a zone that is not heated, or not cooled


class Forecast(Protocol):
    """Says what readings become."""

    tells: str
    """What it assumes, for a person."""

    def next(self, now: datetime) -> datetime | None:
        """When it next has something to say; None: never."""
        ...

    def readings(self, now: datetime) -> Iterable[Reading]:
        """Everything that reads otherwise at that moment."""
        ...


class AsNow:
    """Nothing changes but what policies write."""

    tells = "Every reading stays as it is now, occupancy and weather included."

    def next(self, now: datetime) -> datetime | None:
        return None

    def readings(self, now: datetime) -> Iterable[Reading]:
        return ()


@dataclass(slots=True)
class _Room:
    """One zone: its thermometers, the setpoints that hold it, and its heat."""

    temperatures: Sequence[Point]
    heating: Sequence[Point]
    cooling: Sequence[Point]
    zone: Zone
    heat: float = 0.0  # kWh since the start
    cold: float = 0.0
    unmet: timedelta = field(default=timedelta(0))  # more than a kelvin outside its setpoints


class Thermal:
    """Zones that warm and cool. `weather`: outdoor temperatures of the last day, oldest first; none: as it is now."""

    def __init__(
        self,
        catalog: Catalog,
        store: PointStore,
        now: datetime,
        weather: Sequence[tuple[datetime, float]] = (),
        outdoor: Sequence[Point] = (),
    ) -> None:
        self._store = store
        self._now = now
        self._weather = list(weather)
        self._outdoor = outdoor
        self._rooms = _rooms(catalog, store)
        under = "the weather of the last day" if self._weather else "the weather as it is now"
        self.tells = (
            f"{len(self._rooms)} zones warm and cool as standard rooms would, under {under}; all else stays as it is."
        )

    @property
    def heat(self) -> float:
        """KWh of heat that the zones have taken."""
        return sum(room.heat for room in self._rooms.values())

    @property
    def cold(self) -> float:
        """KWh that was taken from them."""
        return sum(room.cold for room in self._rooms.values())

    @property
    def unmet(self) -> Mapping[SpaceId, timedelta]:
        """How long each space was more than a kelvin outside its setpoints."""
        return {space: room.unmet for space, room in self._rooms.items() if room.unmet}

    def next(self, now: datetime) -> datetime | None:
        return self._now + STEP if self._rooms else None

    def readings(self, now: datetime) -> Iterable[Reading]:
        if not self._rooms:
            return []
        while self._now < now:
            step = min(STEP, now - self._now)
            outdoor = self._outdoors(self._now)
            for room in self._rooms.values():
                self._advance(room, step.total_seconds(), outdoor)
            self._now += step
        told = [self._reading(point, self._outdoors(now), now) for point in self._outdoor]
        for room in self._rooms.values():
            told += (self._reading(point, room.zone.air, now) for point in room.temperatures)
        return [reading for reading in told if reading is not None]

    def _advance(self, room: _Room, seconds: float, outdoor: float) -> None:
        heat_to = max(self._celsius(room.heating), default=NEVER_COLD)
        cool_to = min(self._celsius(room.cooling), default=NEVER_WARM)
        warming = clamp((heat_to - room.zone.air) / FULL_BAND, 0.0, 1.0)
        cooling = clamp((room.zone.air - cool_to) / FULL_BAND, 0.0, 1.0)
        for _ in range(max(1, round(seconds / 60))):
            minute = seconds / max(1, round(seconds / 60))
            gains = GAINS + POWER * (warming - cooling)
            room.zone = room.zone.after(minute, outside=outdoor, supply=room.zone.air, flow=0.0, gains=gains)
        room.heat += POWER * warming * seconds / 3.6e6
        room.cold += POWER * cooling * seconds / 3.6e6
        if room.zone.air < heat_to - 1.0 or room.zone.air > cool_to + 1.0:
            room.unmet += timedelta(seconds=seconds)

    def _celsius(self, setpoints: Sequence[Point]) -> list[float]:
        known = (known_celsius(point, self._store.get(point.id)) for point in setpoints)
        return [celsius for celsius in known if celsius is not None]

    def _outdoors(self, now: datetime) -> float:
        """The weather of the same time of the last day that is known."""
        if not self._weather:
            return next(iter(self._celsius(self._outdoor)), UNKNOWN_WEATHER)
        first, last = self._weather[0][0], self._weather[-1][0]
        asked = now
        while asked > last and last - first > timedelta(hours=1):
            asked -= DAY
        return min(self._weather, key=lambda seen: abs(seen[0] - asked))[1]

    def _reading(self, point: Point, celsius: float, now: datetime) -> Reading | None:
        value = in_unit_of(point, celsius)
        present = self._store.get(point.id)
        if value is None or present is None or not present.is_good:
            return None
        value = round(value, 2)
        return replace(present, value=value, time=now, at=now, quality=Quality.GOOD, source=Source.POLL)


def _rooms(catalog: Catalog, store: PointStore) -> dict[SpaceId, _Room]:
    """The spaces that have a thermometer that is known and a setpoint that can be commanded."""
    rooms: dict[SpaceId, _Room] = {}
    for space in catalog.spaces:
        points = catalog.points_in(space)
        temperatures = [point for point in points if point.point_class == "zone-temperature"]
        heating = [point for point in points if point.point_class == "heating-setpoint" and point.commandable]
        cooling = [point for point in points if point.point_class == "cooling-setpoint" and point.commandable]
        known = [known_celsius(point, store.get(point.id)) for point in temperatures]
        numbers = [celsius for celsius in known if celsius is not None]
        if numbers and (heating or cooling):
            celsius = sum(numbers) / len(numbers)
            rooms[space] = _Room(temperatures, heating, cooling, Zone(air=celsius, mass=celsius))
    return rooms
