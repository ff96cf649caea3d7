"""What demand limiting remembers from one minute to the next. Pure.

Guarantees:
- Of an hour, no more is remembered than the limits of rotation ask about.
- A clock that is put back makes no shedding longer: what was remembered is told by the new clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from points.model import PointId
from schedules.policy import Memory
from schedules.sliding import Sample

Span = tuple[str, datetime, datetime]
"""A room, since when and until when."""

FORGET = timedelta(minutes=15)  # how long after a release its setpoint may still read as it was shed
LONG_UNSHED = timedelta(hours=24)  # longer ago than that is all the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Limiting(Memory):
    """The meter's last minutes, who is shed, and who was."""

    minute: datetime | None = None  # of the latest look at the meter
    samples: tuple[Sample, ...] = ()
    projected: float | None = None
    needed: float = 0.0
    over_since: datetime | None = None
    unknown_since: datetime | None = None
    began: datetime | None = None  # when this shedding began
    ended: datetime | None = None  # when the last one did
    level: int = 1
    level_since: datetime | None = None
    shed: tuple[Span, ...] = ()  # until when at the longest
    past: tuple[Span, ...] = ()  # who was shed within the last hour
    round: tuple[str, ...] = ()  # who has had his turn
    last: Mapping[str, datetime] = field(default_factory=dict)  # when each was shed last
    releasing: bool = False
    bases: Mapping[str, float] = field(default_factory=dict)  # °C, by point; of who is shed, or was lately

    def stood(self, point: PointId, now: datetime) -> float | None:
        """Nothing is known from before a long silence: it is asked every minute."""
        is_present = self.minute is not None and abs(now - self.minute) < FORGET
        return self.bases.get(point) if is_present else None


def put_back(was: Limiting, by: timedelta) -> Limiting:
    """The same by a clock that was put back by so much; the meter is looked at anew."""

    def back(at: datetime | None) -> datetime | None:
        return None if at is None else at - by

    return replace(
        was,
        minute=None,
        samples=tuple((at - by, power) for at, power in was.samples),
        over_since=back(was.over_since),
        unknown_since=back(was.unknown_since),
        began=back(was.began),
        ended=back(was.ended),
        level_since=back(was.level_since),
        shed=tuple((room, since - by, until - by) for room, since, until in was.shed),
        past=tuple((room, since - by, until - by) for room, since, until in was.past),
        last={room: at - by for room, at in was.last.items()},
    )


def spans_of(past: tuple[Span, ...]) -> dict[str, list[tuple[datetime, datetime]]]:
    """Room -> when it was shed lately."""
    found: dict[str, list[tuple[datetime, datetime]]] = {}
    for room, since, until in past:
        found.setdefault(room, []).append((since, until))
    return found
