"""Whether somebody is in a space, judged from its witnesses. Pure.

Guarantees:
- Unknown is occupied: a sensor that is stale, bad, never read, or in a state that nobody can interpret counts as
  somebody being there.
- A space is vacant only when every sensor in it has said so, without a break, for the hold time.
- A sensor is a better witness than the clock: the schedule is asked only where there is no sensor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from points.model import Kind, Point, Value
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
    until: datetime | None = None  # when it may be another by the clock alone: all have said vacant for long enough
    unknown: bool = False  # occupied because nobody knows better


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
    begun = []
    for sensor, reading in zip(sensors, readings, strict=True):
        if reading is None or reading.value is None or not reading.is_good:
            reason = "never read" if reading is None else reading.reason or reading.quality.value
            return Occupancy(occupied=True, why=f"{sensor.id} is not known ({reason})", unknown=True)
        if not means_vacant(sensor, reading.value):
            return Occupancy(occupied=True, why=f"{sensor.id} does not say that it is vacant")
        since = view.since.get(sensor.id)
        if since is None:
            return Occupancy(occupied=True, why=f"since when {sensor.id} says vacant is not known", unknown=True)
        begun.append(since)
    vacant = view.now - max(begun)
    if vacant < hold:
        said, needed = (f"{time.total_seconds() // 6 / 10:g} min" for time in (vacant, hold))
        return Occupancy(occupied=True, why=f"vacant {said} of {needed}", until=max(begun) + hold)
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
