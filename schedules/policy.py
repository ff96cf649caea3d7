"""What a policy is: a pure function from a view of the building to what it wants now.

A policy has no clock, does no input or output and never releases anything: what it no longer
demands is released by the planner. An unknown reading is never taken for a good one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from points.catalog import Catalog
from points.model import Point, PointId, Priority, Reading, SpaceId, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What a policy wants to be true now: this value at this point, at this level, because."""

    point: PointId
    value: Value
    priority: Priority
    policy: str
    reason: str
    turns_down: SpaceId | None = None
    """The critical room whose air this reduces; only `schedules.policies.room_turndown` says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The building at one moment, as a policy may see it."""

    now: datetime  # aware, UTC
    zone: ZoneInfo
    catalog: Catalog
    readings: Mapping[PointId, Reading]
    since: Mapping[PointId, datetime] = field(default_factory=dict)
    """Since when a point has had its present, good value without a break; absent where that is not known.

    A reading's own time cannot say this: every poll renews it. The planner keeps it (`schedules.occupancy.Steadiness`).
    """

    def __getitem__(self, point: PointId) -> Reading | None:
        return self.readings.get(point)


class Policy(Protocol):
    """One strategy, configured."""

    @property
    def name(self) -> str: ...

    def demands(self, view: View) -> Iterator[Demand]:
        """Everything this policy wants at `view.now`."""
        ...

    def next_change(self, now: datetime) -> datetime | None:
        """The next instant at which it may want something else by the clock alone; None if never."""
        ...


Selector = Callable[[Catalog], list[Point]]
"""Which points a policy speaks for; resolved against the catalog of the moment."""
