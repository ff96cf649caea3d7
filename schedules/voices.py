"""What each kind of witness but a motion sensor says of a space. Pure.

A voice says "occupied", "vacant" or nothing, since when, and until when it will say so by the clock alone. A witness
that is asked and does not know says "occupied": unknown is occupied. How voices are weighed is in
`schedules.occupancy`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from points.model import Kind, Point, SpaceId
from schedules.breath import FADING, Breathing
from schedules.feeds import BEDS, BOOKINGS, STALE_AFTER, BedState, Feeds
from schedules.policy import View

BEYOND = timedelta(microseconds=1)  # stale is older than `STALE_AFTER`, not as old
OUTDOOR_PPM = 420.0  # carbon dioxide of outdoor air
SOMEBODY_PPM = 200.0  # above that somebody breathes, or did until lately; one person holds an office at twice as much


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """What one witness says."""

    says: Literal["occupied", "vacant", "nothing"]
    why: str = ""
    since: datetime | None = None
    until: datetime | None = None
    unknown: bool = False
    can_clear: bool = False  # a witness that is able to say that nobody is there


def of_beds(feeds: Feeds, space: SpaceId, now: datetime, *, hold: timedelta) -> Voice:
    """Vacant if every bed of the room is unoccupied (U of HL7 table 0116) for so long, by a feed that is alive."""
    heard = feeds.heard.get(BEDS)
    if not feeds.is_fresh(BEDS, now):
        why = "the bed feed has never been heard" if heard is None else "the bed feed is silent"
        return Voice(says="occupied", why=why, since=heard, unknown=True, can_clear=True)
    beds = feeds.beds.get(space, ())
    if not beds:
        return Voice(says="occupied", why=f"no bed of {space} is known", unknown=True, can_clear=True)
    stale = None if heard is None else heard + STALE_AFTER + BEYOND
    taken = next((bed for bed in beds if bed.state is not BedState.UNOCCUPIED), None)
    if taken is not None:
        why = f"a bed of {space} is {taken.state.name.lower()}"
        return Voice(says="occupied", why=why, since=taken.since, can_clear=True)
    since = max(bed.since for bed in beds)
    if now - since < hold:
        said = f"the beds of {space} are not free for {_minutes(hold)} yet"
        return Voice(says="occupied", why=said, since=since, until=since + hold, can_clear=True)
    return Voice(says="vacant", why=f"every bed of {space} is free", since=since, until=stale, can_clear=True)


def of_bookings(feeds: Feeds, space: SpaceId, now: datetime, *, lead: timedelta) -> Voice:
    """Occupied from the lead time before a booking to its end; a calendar never says that nobody is there."""
    if not feeds.is_fresh(BOOKINGS, now):
        return Voice(says="occupied", why="the booking feed is silent", since=feeds.heard.get(BOOKINGS), unknown=True)
    stale = feeds.heard[BOOKINGS] + STALE_AFTER + BEYOND
    ahead = [booking for booking in feeds.bookings.get(space, ()) if booking.end > now]
    booked = [booking for booking in ahead if booking.start - lead <= now]
    if booked:
        end = max(booking.end for booking in booked)
        return Voice(says="occupied", why=f"{space} is booked", since=min(b.start for b in booked), until=end)
    return Voice(says="nothing", until=min([booking.start - lead for booking in ahead] + [stale]))


def of_access(view: View, points: Sequence[Point], *, hold: timedelta) -> Voice:
    """Somebody came or went when a door or a badge reader last said anything else; for so long he counts as there."""
    readings = [view[point.id] for point in points]
    since: datetime | None = None
    for point, reading in zip(points, readings, strict=True):
        moved = view.since.get(point.id)
        if reading is None or not reading.is_good or reading.value is None or moved is None:
            return Voice(says="occupied", why=f"when {point.id} last moved is not known", unknown=True)
        since = moved if since is None else max(since, moved)
    if since is not None and view.now - since < hold:
        return Voice(says="occupied", why="a door has moved", since=since, until=since + hold)
    return Voice(says="nothing", since=since)


def of_lights(view: View, lamps: Sequence[Point]) -> Voice:
    """A lamp that is on is somebody; one that is off says nothing."""
    readings = [view[lamp.id] for lamp in lamps]
    for lamp, reading in zip(lamps, readings, strict=True):
        if reading is None or not reading.is_good or reading.value is None or isinstance(reading.value, str):
            return Voice(says="occupied", why=f"{lamp.id} is not known", unknown=True)
        if reading.value > (1 if lamp.kind is Kind.MULTISTATE else 0):
            return Voice(says="occupied", why=f"{lamp.id} is on", since=view.since.get(lamp.id))
    return Voice(says="nothing")


def of_air(view: View, sensors: Sequence[Point], breathing: Breathing) -> Voice:
    """Carbon dioxide well above that of outdoor air, or rising, is somebody; less says nothing."""
    readings = [view[sensor.id] for sensor in sensors]
    for sensor, reading in zip(sensors, readings, strict=True):
        value = None if reading is None or not reading.is_good else reading.value
        if value is None or isinstance(value, (str, bool)) or sensor.unit != "parts-per-million":
            return Voice(says="occupied", why=f"{sensor.id} is not known", unknown=True)
        if value > OUTDOOR_PPM + SOMEBODY_PPM:
            return Voice(says="occupied", why=f"{sensor.id} is above {OUTDOOR_PPM + SOMEBODY_PPM:g} ppm")
        rose = breathing.rose(sensor.id)
        if rose is not None and view.now - rose < FADING:
            return Voice(says="occupied", why=f"{sensor.id} rises", since=rose, until=rose + FADING)
    return Voice(says="nothing")


def _minutes(time: timedelta) -> str:
    return f"{time.total_seconds() / 60:g} min"
