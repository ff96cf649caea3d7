"""From what is wanted and what is held, to what has to be done. Pure.

Guarantees:
- Level-triggered: the plan is a function of what is wanted and held alone. Carried out, the next is empty.
- A hold is a lease: it is renewed while it is demanded, and runs out by itself when nobody plans any more.
- What nobody demands any more is released, with the reason; what is demanded is never released.
- A demand for anything but a commandable comfort point, or at the operators' level, is refused and told; but for
  the air of a room that may be turned down, where the policy says that this is what it does. In a room where patients
  sleep, only its temperature setpoints, for the policy that says that its beds are free.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from points.catalog import Catalog
from points.model import Access, PointId, Priority, Safety, Value, values_agree
from schedules.policy import Demand
from schedules.precedence import rule
from schedules.writable import is_bed_space, why_not_shed, why_not_turned_down, why_not_vacated

LEASE = timedelta(minutes=15)  # long enough for a restart of the agent, short enough for a comfort value left alone

Slot = tuple[PointId, Priority]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a policy holds now."""

    value: Value
    policy: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A slot to let go of."""

    point: PointId
    priority: Priority
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Two policies want different values in one slot; the first has it."""

    winner: Demand
    loser: Demand
    kinds: tuple[str, str]  # of the winner's policy, and of the loser's

    def __str__(self) -> str:
        won, lost = self.winner, self.loser
        said = f"{won.point} slot {won.priority}: {won.policy} ({won.value}) goes before {lost.policy} ({lost.value})"
        return f"{said}, because {rule(*self.kinds)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A demand that no policy may make."""

    demand: Demand
    why: str

    def __str__(self) -> str:
        return f"{self.demand.policy} may not have {self.demand.point} at slot {self.demand.priority}: {self.why}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What has to be done."""

    at: datetime
    until: datetime  # when the leases of `holds` run out
    holds: tuple[Demand, ...]  # what is wanted and not so, or whose lease is half over
    releases: tuple[Release, ...]


def why_not(demand: Demand, catalog: Catalog) -> str:
    """Why no policy may have this, whatever the guard would say; empty if it may."""
    point = catalog.points.get(demand.point)
    if point is None:
        return "there is no such point"
    if demand.turns_down is not None:
        if why := why_not_turned_down(point, demand.turns_down, catalog):
            return why
        return "" if demand.priority is Priority.OCCUPANCY else f"air is turned down at {int(Priority.OCCUPANCY)} only"
    if demand.vacates is not None:
        if why := why_not_vacated(point, demand.vacates, catalog):
            return why
        level = int(Priority.OCCUPANCY)
        return "" if demand.priority is Priority.OCCUPANCY else f"a patient room is relaxed at {level} only"
    space = catalog.spaces.get(point.space) if point.space is not None else None
    if space is not None and is_bed_space(space):
        return f"{space.id} is a patient room: only the state of its beds opens its temperature setpoints"
    if demand.priority is Priority.DEMAND_LIMIT and (why := why_not_shed(point, catalog)):
        return why
    if point.safety is not Safety.COMFORT:
        return f"its safety class is {point.safety}, not comfort"
    if point.access is not Access.COMMANDABLE:
        return "it is monitor-only"
    if demand.priority < Priority.PROTECTIVE:
        return "that level belongs to people"
    return ""


def is_due(demand: Demand, held: Mapping[Slot, Standing], now: datetime) -> bool:
    """Whether it does not stand yet, or its lease has to be renewed."""
    standing = held.get((demand.point, demand.priority))
    return standing is None or not (_is_same(demand, standing) and _lease_is_fresh(standing, now))


def unwanted(
    wanted: Mapping[Slot, Demand],
    held: Mapping[Slot, Standing],
    faults: Mapping[str, Exception],
    slots: Collection[Slot],
) -> Iterator[Release]:
    """What of these is held and wanted by nobody; what a policy holds that failed is left as it is.

    The last taken first: where holds had to be taken in an order, that is the order of the way back.
    """
    found = [slot for slot in slots if slot in held and slot not in wanted and held[slot].policy not in faults]
    if len(found) > 1:
        let_go = set(found)
        found = [slot for slot in held if slot in let_go][::-1]
    for point, priority in found:
        yield Release(point=point, priority=priority, reason=f"{held[point, priority].policy} no longer wants it")


def _is_same(demand: Demand, standing: Standing) -> bool:
    return demand.policy == standing.policy and values_agree(demand.value, standing.value)


def _lease_is_fresh(standing: Standing, now: datetime) -> bool:
    """More than half of it is left. More than all of it is left after the clock was put back: then it is renewed."""
    return LEASE / 2 < standing.until - now <= LEASE
