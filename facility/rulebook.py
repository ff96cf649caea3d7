"""What the clinical profiles say of a point where it is: in its equipment and its space, by the catalog of the moment.

Whoever asks need not know the space; and what two people agreed to, or withdrew, holds with the next question.
"""

from __future__ import annotations

from dataclasses import dataclass

from facility.guard import Limits
from facility.profiles import Limit, Profiles
from facility.profiles.model import CommandRule, cited
from points.catalog import CatalogBook
from points.model import Point, Space


@dataclass(frozen=True, slots=True)
class Rulebook:
    """Profiles and catalog, asked together."""

    profiles: Profiles
    book: CatalogBook

    def deadline(self, point: Point) -> float:
        """Seconds until a reading of the point is too old."""
        return self.profiles.deadline(point, self._space(point))

    def limits(self, point: Point) -> Limits | None:
        """Between which values the point is in range."""
        return _limits(self.profiles.limits(point, self._space(point)))

    def command_limits(self, point: Point) -> Limits | None:
        """Between which values it may be commanded."""
        return _limits(self.profiles.command_limits(point, self._space(point)))

    def command_rule(self, point: Point) -> CommandRule:
        """Who may command it, and at what pace."""
        return self.profiles.command_rule(point, self._space(point))

    def critical(self, space: Space) -> bool:
        profile = self.profiles.of(space.type)
        return profile is not None and profile.critical

    def _space(self, point: Point) -> Space | None:
        return self.book.current.spaces.get(point.space) if point.space else None


def _limits(limit: Limit | None) -> Limits | None:
    return None if limit is None else Limits(low=limit.low, high=limit.high, source=cited(limit))
