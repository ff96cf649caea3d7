"""Where setpoints stood that a policy moves: remembered, so that nobody takes what it wrote for a person's wish. Pure.

Guarantees:
- Where a setpoint stood is found out once, when it begins to be moved, and kept until a while after it was given back:
  until its device has been heard of again, it may still read as it was moved.
- A policy that is taken out or becomes another kind meanwhile takes what it knew with it.
- One that another policy has moved before stood where that one had found it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from points.model import Point
from schedules.policy import View
from schedules.writable import known_celsius

READS_AS_BEFORE = timedelta(minutes=5)  # a setpoint reads as it was only once its device was heard of again


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """The setpoints that one policy moves, and those that it has just given back."""

    bases: Mapping[str, float] = field(default_factory=dict)  # °C, by point
    given_back: Mapping[str, datetime] = field(default_factory=dict)  # when; of those that are not moved any more

    def stood(self, point: str, now: datetime) -> float | None:
        """In °C; None for one that is not moved, nor was just now."""
        since = self.given_back.get(point)  # by a clock that was put back as well: it is not kept for hours
        is_so = since is None or abs(now - since) < READS_AS_BEFORE
        return self.bases.get(point) if is_so else None

    def base(self, view: View, point: Point, nominal: float) -> float:
        """Where a setpoint stands without what policies do, in °C; `nominal` if nobody knows."""
        stood = self.stood(point.id, view.now)
        if stood is None:
            stood = view.stood(point.id)
        if stood is None:
            stood = known_celsius(point, view[point.id])
        return nominal if stood is None else stood

    def after(self, moved: Mapping[str, float], now: datetime) -> Moved:
        """When these are moved from now on, and no others; with their bases."""
        kept = {point: at for point in self.bases if (at := self.stood(point, now)) is not None}
        given_back = {point: self.given_back.get(point, now) for point in kept if point not in moved}
        return Moved(bases={**kept, **moved}, given_back=given_back)
