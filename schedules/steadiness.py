"""Since when the points that policies look at have had their present, good value without a break.

Kept because a reading cannot tell: its time is that of the latest poll, not of the latest change. Nothing from before
the watching began counts, so a long silence or a step of the clock can only delay what rests on it. A restart of a few
minutes is bridged: who reads the same after it as before it is taken to have been so all the while. (Rooms in which
that could harm somebody are watched by the guard, which takes nothing over.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from points.model import PointId, Reading, Value

BRIDGED = timedelta(minutes=5)  # of silence, at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What was steady when somebody last looked."""

    seen: datetime
    known: Mapping[PointId, tuple[Value, datetime]]


class Steadiness(Mapping[PointId, datetime]):
    """Point -> since when; absent where that is not known."""

    def __init__(self, begun: datetime, carried: Carried | None = None) -> None:
        """`carried`: from the watching before this one."""
        self._begun = begun
        self._known: dict[PointId, tuple[Value, datetime]] = {}
        self._carried = dict(carried.known) if carried is not None else {}
        self._seen = begun if carried is None else carried.seen
        self._asked: set[PointId] = set()

    def copy(self) -> Steadiness:
        """For somebody who goes on from here by himself."""
        other = Steadiness(self._begun)
        other._known, other._asked = dict(self._known), set(self._asked)
        return other

    def note(self, reading: Reading, now: datetime) -> None:
        """The present reading of its point, looked at or told."""
        known = self._known.get(reading.point)
        if reading.value is None or not reading.is_good:
            self._known.pop(reading.point, None)
        elif known is None or known[0] != reading.value:
            since = self._bridged(reading) if known is None and self._carried else None
            self._known[reading.point] = (reading.value, since or min(max(reading.time, self._begun), now))

    def forget(self, point: PointId) -> None:
        """It is not watched any more, so it may change unseen."""
        self._known.pop(point, None)
        self._carried.pop(point, None)

    def begin_anew(self, now: datetime) -> None:
        """Whatever happened until now is not known."""
        self._begun = now
        self._known.clear()
        self._carried.clear()

    def carried(self, now: datetime) -> Carried:
        """What the next watching has to know: of the points about which somebody has asked since when they are so."""
        known = {point: self._known[point] for point in self._asked if point in self._known}
        return Carried(seen=now, known=known)

    def _bridged(self, reading: Reading) -> datetime | None:
        """Since when it was so before the break, if that was short and it reads the same after it."""
        before = self._carried.pop(reading.point, None)
        if before is None or before[0] != reading.value:
            return None
        return before[1] if timedelta(0) <= reading.time - self._seen <= BRIDGED else None

    def __getitem__(self, point: PointId) -> datetime:
        self._asked.add(point)
        return self._known[point][1]

    def __iter__(self) -> Iterator[PointId]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)
