"""When the sun rises and sets, in whole minutes of civil time. Pure. The only importer of `astral`.

What a day has:
- Its sunrise is the last one before its solar noon, its sunset the first one after it; the upper limb of the sun at a
  free horizon, with refraction. An offset is counted on the clock.
- What falls before the day's first minute counts as that minute, what falls behind its last as its last: nothing
  carries over midnight.
- Where the sun does not set, it has risen at 00:00 and sunset does not come that day; where it does not rise, it has
  set at 00:00 and sunrise does not come. No offset shifts these.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from math import degrees
from zoneinfo import ZoneInfo

from astral import Observer, SunDirection, refraction_at_zenith
from astral.julian import julianday, julianday_to_juliancentury
from astral.sun import (
    SUN_APPARENT_RADIUS,
    elevation,
    eq_of_time,
    hour_angle,
    noon,
    sun_declination,
)

from schedules.civil import DAY, MINUTES_A_DAY, minute_of

KEPT = 4096  # days of places that are not computed again
HORIZON = 90.0 + SUN_APPARENT_RADIUS  # zenith angle of the sun's centre when its limb is at the horizon
POLE = 89.8  # degrees; nearer to it no hour angle is to be had
HALF_A_DAY = timedelta(hours=12, minutes=30)  # and some: solar noons are not quite 24 hours apart
HALF_A_MINUTE = timedelta(seconds=30)
LONGEST_OFFSET = 12 * 60

_SUN_TIME = re.compile(r"(sunrise|sunset)(?:([+-])(\d\d):([0-5]\d))?")


class SunEvent(StrEnum):
    SUNRISE = "sunrise"
    SUNSET = "sunset"


@dataclass(frozen=True, slots=True)
class SunTime:
    """So many minutes after an event of the sun; before it, if negative."""

    event: SunEvent
    offset: int = 0

    def __post_init__(self) -> None:
        if abs(self.offset) > LONGEST_OFFSET:
            raise ValueError(f"{self} is more than {LONGEST_OFFSET // 60} hours away from {self.event}")

    def __str__(self) -> str:
        if not self.offset:
            return self.event.value
        hours, minutes = divmod(abs(self.offset), 60)
        return f"{self.event}{'+' if self.offset > 0 else '-'}{hours:02}:{minutes:02}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where on earth, in degrees; north and east are positive."""

    latitude: float
    longitude: float

    def __post_init__(self) -> None:
        if not (-90 <= self.latitude <= 90 and -180 <= self.longitude <= 180):
            raise ValueError(f"{self.latitude}, {self.longitude} is no place: latitude is -90..90, longitude -180..180")


def sun_time_of(text: str) -> SunTime:
    """Reads what `str` writes: `sunset-00:30`, `sunrise`. A ValueError says what to write instead."""
    found = _SUN_TIME.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no time of the sun; write sunrise, sunset+00:15 or sunset-01:00")
    event, sign, hours, minutes = found.groups()
    offset = 0 if sign is None else int(f"{sign}1") * (int(hours) * 60 + int(minutes))
    return SunTime(SunEvent(event), offset)


def minute_of_sun(at: SunTime, day: date, place: Place, zone: ZoneInfo) -> int | None:
    """The minute of the civil day at which it is so; None if it does not come that day."""
    rises, sets = _rise_and_set(day, place, zone)
    event = rises if at.event is SunEvent.SUNRISE else sets
    if event is None:
        return None
    if event == SINCE_BEFORE:
        return 0
    return max(0, min(event + at.offset, MINUTES_A_DAY - 1))


SINCE_BEFORE = -(2**31)  # it is so since before the day began


@lru_cache(maxsize=KEPT)
def _rise_and_set(day: date, place: Place, zone: ZoneInfo) -> tuple[int | None, int | None]:
    observer = Observer(place.latitude, place.longitude)
    middle = datetime.combine(day, time(12), tzinfo=zone).astimezone(UTC)
    around = (middle.date() - DAY, middle.date(), middle.date() + DAY)
    noons = (noon(observer, each) for each in around)
    highest = min(noons, key=lambda instant: abs(instant - middle))
    if elevation(observer, highest) < 90.0 - HORIZON:
        return None, SINCE_BEFORE
    rises = [each for each in _transits(observer, around, SunDirection.RISING) if each <= highest]
    sets = [each for each in _transits(observer, around, SunDirection.SETTING) if each >= highest]
    rise, set_ = max(rises, default=None), min(sets, default=None)
    return (
        SINCE_BEFORE if rise is None or highest - rise > HALF_A_DAY else minute_of(rise + HALF_A_MINUTE, day, zone),
        None if set_ is None or set_ - highest > HALF_A_DAY else minute_of(set_ + HALF_A_MINUTE, day, zone),
    )


def _transits(observer: Observer, days: tuple[date, ...], direction: SunDirection) -> Iterator[datetime]:
    for day in days:
        try:
            yield _transit(observer, day, direction)
        except ValueError:  # the sun does not reach the horizon then
            continue


def _transit(observer: Observer, day: date, direction: SunDirection) -> datetime:
    """The one around the solar noon of that day of UTC, be it on the day before or after.

    `astral.sun.time_of_transit` puts what falls before the day's midnight a day later: each year, where the sun rises
    about midnight of UTC, one sunrise would be missing.
    """
    begun, minutes = julianday(day), 0.0
    latitude = max(-POLE, min(observer.latitude, POLE))
    zenith = HORIZON + refraction_at_zenith(HORIZON)
    for _ in range(2):
        century = julianday_to_juliancentury(begun + minutes / MINUTES_A_DAY)
        angle = hour_angle(latitude, sun_declination(century), zenith, direction)
        minutes = MINUTES_A_DAY / 2 - 4 * (observer.longitude + degrees(angle)) - eq_of_time(century)
    return datetime.combine(day, time(), tzinfo=UTC) + timedelta(minutes=minutes)
