"""Whether somebody is in a space, judged from its witnesses. Pure.

Guarantees:
- Unknown is occupied: a sensor that is stale, bad, never read, or in a state that nobody can interpret counts as
  somebody being there.
- A space is vacant only when every sensor in it has said so, without a break, for the hold time.
- A sensor is a better witness than the clock: the schedule is asked only where there is no sensor.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from points.model import Kind, Point, PointId, Reading, Value
from schedules.policy import View

SENSOR_CLASS = "occupancy"

# Told in state texts, lower case. Vacancy is looked for first: "unoccupied" contains "occupied".
_VACANT_WORDS = ("unocc", "not occ", "vacan", "empty", "no motion", "no presence", "nobody")
_OCCUPIED_WORDS = ("occ", "motion", "presence", "somebody")


@dataclass(frozen=True, slots=True)
class Occupancy:
    """The verdict, and the witness that decided it, in words."""

    occupied: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Steadiness:
    """Since when each watched point has had its present, good value without a break.

    Kept because a reading cannot tell: its time is that of the latest poll, not of the latest change. Nothing
    from before `begun`, when the watching began, counts, so a restart or a step of the clock can only delay vacancy.
    """

    begun: datetime
    known: Mapping[PointId, tuple[Value, datetime]] = field(default_factory=dict)

    def after(self, readings: Iterable[Reading], now: datetime) -> Steadiness:
        """What is known when these readings, the present ones of their points, have been seen too."""
        known = dict(self.known)
        for reading in readings:
            if reading.value is None or not reading.is_good:
                known.pop(reading.point, None)
            elif reading.point not in known or known[reading.point][0] != reading.value:
                known[reading.point] = (reading.value, min(max(reading.time, self.begun), now))
        return Steadiness(begun=self.begun, known=MappingProxyType(known))

    def watching(self, points: Container[PointId]) -> Steadiness:
        """Forgets every other point: what is not watched may change unseen."""
        known = {point: steady for point, steady in self.known.items() if point in points}
        return Steadiness(begun=self.begun, known=MappingProxyType(known))

    @property
    def since(self) -> dict[PointId, datetime]:
        return {point: since for point, (_, since) in self.known.items()}


def is_sensor(point: Point) -> bool:
    """Whether a point witnesses occupancy. One that can be commanded is a wish about it, not a witness.

    One that has vanished from its device is still a witness, and one that says nothing: occupied.
    """
    return point.point_class == SENSOR_CLASS and not point.commandable


def occupancy(view: View, sensors: Sequence[Point], *, hold: timedelta, scheduled: bool | None = None) -> Occupancy:
    """The verdict on the space these sensors are in; `scheduled` is what the clock says, None if it says nothing."""
    if not sensors:
        if scheduled is False:
            return Occupancy(occupied=False, why="no sensor, and nobody is scheduled")
        return Occupancy(occupied=True, why="no sensor says that it is vacant")
    readings = [view[sensor.id] for sensor in sensors]  # all of them: the planner watches what is looked at
    for sensor, reading in zip(sensors, readings, strict=True):
        if reading is None or reading.value is None or not reading.is_good:
            reason = "never read" if reading is None else reading.reason or reading.quality.value
            return Occupancy(occupied=True, why=f"{sensor.id} is not known ({reason})")
        if not means_vacant(sensor, reading.value):
            return Occupancy(occupied=True, why=f"{sensor.id} does not say that it is vacant")
        since = view.since.get(sensor.id)
        if since is None or view.now - since < hold:
            minutes = f"{hold.total_seconds() / 60:g} min"
            return Occupancy(occupied=True, why=f"{sensor.id} has not said vacant for {minutes} yet")
    return Occupancy(occupied=False, why=f"vacant, says {', '.join(sensor.id for sensor in sensors)}")


def means_vacant(sensor: Point, value: Value) -> bool:
    """State texts decide where they speak of occupancy; else an inactive binary is vacant and all else is not."""
    text = state_text(sensor, value)
    if any(word in text for word in _VACANT_WORDS):
        return True
    if any(word in text for word in _OCCUPIED_WORDS):
        return False
    return sensor.kind is Kind.BINARY and value is False


def state_text(sensor: Point, value: Value) -> str:
    """What the device calls the state, in lower case; empty where it has no word for it."""
    match sensor.kind, value:
        case Kind.BINARY, bool():
            index = int(value)
        case Kind.MULTISTATE, int():
            index = value - 1
        case _:
            return ""
    return sensor.states[index].lower() if 0 <= index < len(sensor.states) else ""
