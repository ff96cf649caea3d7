"""What a policy is: a pure function from a view of the building, and what it remembers, to what it wants now.

A policy has no clock, does no input or output and never releases anything: what it no longer demands is released by
the planner. An unknown reading is never taken for a good one. It is asked again when a reading or a feed that it
looked at has changed, when the time that it named itself has come, and when the catalog is another; between those, what
it said stands. So it must name every instant at which it would say something else by the clock alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Protocol
from zoneinfo import ZoneInfo

from points.catalog import Catalog
from points.model import Point, PointId, Priority, Reading, SpaceId, Value
from schedules.feeds import NOTHING_HEARD, Feeds


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
    vacates: SpaceId | None = None
    """The patient room whose beds are all free, which this relaxes; only `schedules.policies.bed_setback` says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """Why a policy demands nothing, or not more, somewhere: "vacant 11 min of 20"."""

    about: str  # a space, a machine or a point; "" for the policy as a whole
    text: str
    held: bool = False  # an input is not known, so nothing is demanded


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What a policy has to remember from one decision to the next. Its subclasses hold plain, frozen data.

    It is kept on disk, so a restart forgets nothing; one that cannot be read any more is as if there were none.
    """

    def stood(self, point: PointId, now: datetime) -> float | None:
        """Where a setpoint stood, in °C, before the policy that remembers this moved it.

        None: the policy does not move it, nor did it so lately that the setpoint may still read as it was moved.
        """
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a policy says at one moment."""

    demands: tuple[Demand, ...] = ()
    until: datetime | None = None
    """When, by the clock alone, it may say something else; None if never."""
    memory: Memory | None = None
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The building at one moment, as a policy may see it."""

    now: datetime  # aware, UTC
    zone: ZoneInfo
    catalog: Catalog
    readings: Mapping[PointId, Reading]
    since: Mapping[PointId, datetime] = field(default_factory=dict)
    """Since when a point has had its present, good value without a break; absent where that is not known.

    A reading's own time cannot say this: every poll renews it. The planner keeps it (`schedules.steadiness`).
    """
    outside: Callable[[], Feeds] = lambda: NOTHING_HEARD
    stood: Callable[[PointId], float | None] = lambda _point: None
    """Where a setpoint stood, in °C, before another policy moved it; None if none does, or did lately.

    A reading cannot tell a person's adjustment from what another policy wrote. Only for who begins to move a setpoint
    and remembers from then on where it stood: nobody is asked again because another policy has begun, or has ended.
    """

    def __getitem__(self, point: PointId) -> Reading | None:
        return self.readings.get(point)

    @property
    def feeds(self) -> Feeds:
        """What others told us: beds, bookings, events of the utility. To look is to be asked again when it changes."""
        return self.outside()


Decide = Callable[[View, Memory | None], Decision]
"""A policy in a building: from the view and what it said it would remember to what it wants."""


class Policy(Protocol):
    """One strategy, configured."""

    kind: ClassVar[str]
    """What configurations call it; `schedules.precedence` ranks by it."""
    remembers: ClassVar[type[Memory] | None]
    """What its memory is; None if it needs none."""

    @property
    def name(self) -> str: ...

    @property
    def priority(self) -> Priority: ...

    def bind(self, catalog: Catalog) -> Decide:
        """Looks up once what it speaks for; what comes back is asked often, with views of this catalog only."""
        ...


Selector = Callable[[Catalog], list[Point]]
"""Which points a policy speaks for; resolved against the catalog of the moment."""


def stood_before(point: PointId, now: datetime, memories: Iterable[Memory | None]) -> float | None:
    """Where a setpoint stood, in °C, before one of those who remember these moved it; the first who knows is believed.

    They agree: whoever was not the first to move it has heard from the others where it stood.
    """
    found = (memory.stood(point, now) for memory in memories if memory is not None)
    return next((celsius for celsius in found if celsius is not None), None)


def earliest(instants: Iterable[datetime | None]) -> datetime | None:
    """The first of those that there are."""
    return min((instant for instant in instants if instant is not None), default=None)
