"""Whether somebody is in a space, judged from its witnesses. Pure.

Guarantees:
- Unknown is occupied: a witness that is asked and is stale, bad, never heard, or in a state that nobody can interpret
  counts as somebody being there.
- A witness that says "occupied" beats all that say "vacant", whatever their rank.
- A space is vacant only when every sensor in it has said so, without a break, for the hold time, and so has every
  other witness that is able to say so.
- A witness in the space is better than the clock: the schedule is asked only where no other can say "vacant".

The witnesses, the first first; of several that say the same, the first one gives the reason:

| witness          | says occupied                       | says vacant           | hold          | not known          |
|------------------|-------------------------------------|-----------------------|---------------|--------------------|
| 1 bed status     | any bed C, H, I, K or O             | all U for the hold    | 20 min free   | silent 30 min: occ. |
| 2 booking        | from the lead time to its end       | never                 | the lead time | silent 30 min: occ. |
| 3 motion sensor  | any state but a vacant one          | vacant for the hold   | the policy's  | bad or stale: occ. |
| 4 doors, badges  | has moved within the hold           | never                 | the policy's  | bad or stale: occ. |
| 5 lights         | on                                  | never                 | none          | bad or stale: occ. |
| 6 carbon dioxide | 200 ppm above outdoors, or rising   | never                 | 20 min risen  | bad or stale: occ. |
| 7 schedule       | says so, and neither 1 nor 3 speaks | as 1, in its place    | none          | says nothing: occ. |

Which of them are asked is the policy's to say. Each says since when it says so; a verdict names its witness.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from points.model import Kind, Point, Value
from schedules.policy import View, earliest
from schedules.voices import Voice

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
    since: datetime | None = None  # since when the witness has said so; None: not known, or not that kind of witness


def is_sensor(point: Point) -> bool:
    """Whether a point witnesses occupancy. One that can be commanded is a wish about it, not a witness.

    One that has vanished from its device is still a witness, and one that says nothing: occupied.
    """
    return point.point_class == SENSOR_CLASS and not point.commandable


def occupancy(
    view: View,
    sensors: Sequence[Point],
    *,
    hold: timedelta,
    scheduled: bool | None = None,
    before: Sequence[Voice] = (),
    after: Sequence[Voice] = (),
) -> Occupancy:
    """The verdict on the space these sensors are in; `scheduled` is what the clock says, None if it says nothing.

    `before` and `after`: what the witnesses say that rank before the sensors (beds, bookings) and after them.
    """
    others = (*before, *after)
    asks_clock = not any(voice.can_clear and voice.says != "nothing" for voice in others)
    own = _by_sensors(view, sensors, hold=hold, scheduled=scheduled) if sensors or asks_clock else None
    said = [_as_verdict(voice) for voice in before if voice.says == "occupied"]
    said += [own] if own is not None and own.occupied else []
    said += [_as_verdict(voice) for voice in after if voice.says == "occupied"]
    if said:
        lasts = [verdict.until for verdict in said]
        until = None if None in lasts else max(instant for instant in lasts if instant is not None)
        return replace(said[0], until=until)
    until = earliest([*(voice.until for voice in others), own.until if own else None])
    vacant = next((voice for voice in others if voice.says == "vacant"), None)
    if vacant is not None:
        return Occupancy(occupied=False, why=_since(vacant, view), until=until, since=vacant.since)
    assert own is not None
    return replace(own, until=until)


def _as_verdict(voice: Voice) -> Occupancy:
    return Occupancy(occupied=True, why=voice.why, until=voice.until, unknown=voice.unknown, since=voice.since)


def _since(voice: Voice, view: View) -> str:
    """Its age, as an instant: that is true as long as the witness says the same."""
    return voice.why if voice.since is None else f"{voice.why}, since {voice.since.astimezone(view.zone):%d.%m. %H:%M}"


def _by_sensors(view: View, sensors: Sequence[Point], *, hold: timedelta, scheduled: bool | None) -> Occupancy:
    """What the motion sensors say, and where there are none, the clock."""
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
