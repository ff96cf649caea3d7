"""Whether carbon dioxide rises in a space: somebody breathes there. Pure; what is remembered is a `Memory`.

A rise is `RISE_PPM` within `WITHIN`, counted from the lowest value of that time; it counts for `FADING`. One person
raises an ordinary office by 3 to 5 ppm a minute, so a rise is seen some ten minutes after he came in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from points.model import Point, PointId
from schedules.policy import Memory, View

RISE_PPM = 40.0
WITHIN = timedelta(minutes=15)
FADING = timedelta(minutes=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Breathing(Memory):
    """Per sensor the lowest value lately and when, and when it last rose."""

    lowest: dict[str, tuple[datetime, float]] = field(default_factory=dict)
    risen: dict[str, datetime] = field(default_factory=dict)

    def rose(self, sensor: PointId) -> datetime | None:
        return self.risen.get(sensor)


def breathing(before: Memory | None, view: View, sensors: Iterable[Point]) -> Breathing:
    """What is to be remembered now. A value that is not known says nothing, and is not remembered."""
    known = before if isinstance(before, Breathing) else Breathing()
    lowest, risen = dict[str, tuple[datetime, float]](), dict[str, datetime]()
    for sensor in sensors:
        reading = view[sensor.id]
        at = known.lowest.get(sensor.id)
        rose = known.risen.get(sensor.id)
        if rose is not None and timedelta(0) <= view.now - rose < FADING:  # one to come was told by another clock
            risen[sensor.id] = rose
        value = None if reading is None or not reading.is_good else reading.value
        if reading is None or value is None or isinstance(value, (str, bool)):
            continue
        here = (reading.time, float(value))
        if at is None or here[1] <= at[1] or not timedelta(0) <= here[0] - at[0] <= WITHIN:
            at = here
        elif here[1] - at[1] >= RISE_PPM:
            risen[sensor.id] = here[0]
            at = here
        lowest[sensor.id] = at
    return Breathing(lowest=lowest, risen=risen)
