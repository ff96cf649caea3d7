"""Since when the points that policies look at have had their present, good value without a break.

Kept because a reading cannot tell: its time is that of the latest poll, not of the latest change. Nothing from before
the watching began counts, so a restart or a step of the clock can only delay what rests on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from points.model import PointId, Reading, Value


class Steadiness(Mapping[PointId, datetime]):
    """Point -> since when; absent where that is not known."""

    def __init__(self, begun: datetime, known: Mapping[PointId, tuple[Value, datetime]] | None = None) -> None:
        """`known`: what somebody who has watched already knows."""
        self._begun = begun
        self._known = dict(known or {})

    def copy(self) -> Steadiness:
        """For somebody who goes on from here by himself."""
        return Steadiness(self._begun, self._known)

    def note(self, reading: Reading, now: datetime) -> None:
        """The present reading of its point, looked at or told."""
        known = self._known.get(reading.point)
        if reading.value is None or not reading.is_good:
            self._known.pop(reading.point, None)
        elif known is None or known[0] != reading.value:
            self._known[reading.point] = (reading.value, min(max(reading.time, self._begun), now))

    def forget(self, point: PointId) -> None:
        """It is not watched any more, so it may change unseen."""
        self._known.pop(point, None)

    def begin_anew(self, now: datetime) -> None:
        """Whatever happened until now is not known."""
        self._begun = now
        self._known.clear()

    def __getitem__(self, point: PointId) -> datetime:
        return self._known[point][1]

    def __iter__(self) -> Iterator[PointId]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)
