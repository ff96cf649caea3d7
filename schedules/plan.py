"""From what the policies want and what they hold, to what has to be done. Pure.

Guarantees:
- Level-triggered: the plan is a function of the view and the present holds alone. Carried out, the next is empty.
- A hold is a lease: it is renewed while it is demanded, and runs out by itself when nobody plans any more.
- What nobody demands any more is released, with the reason; what is demanded is never released.
- Where two demands want one slot, the policy written earlier in the configuration wins, and the conflict is told.
- A demand for anything but a commandable comfort point, or at the operators' level, is refused and told; but for
  the air of a room that may be turned down, where the policy says that this is what it does.
- A policy that raises loses its say for this round: what it holds is neither renewed nor released.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from points.catalog import Catalog
from points.model import Access, PointId, Priority, Reading, Safety, Value, values_agree
from schedules.policy import Demand, Policy, View
from schedules.writable import why_not_turned_down

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

    def __str__(self) -> str:
        won, lost = self.winner, self.loser
        return f"{won.point} slot {won.priority}: {won.policy} ({won.value}) goes before {lost.policy} ({lost.value})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A demand that no policy may make."""

    demand: Demand
    why: str

    def __str__(self) -> str:
        return f"{self.demand.policy} may not have {self.demand.point} at slot {self.demand.priority}: {self.why}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What has to be done, and everything that led to it."""

    at: datetime
    until: datetime  # when the leases of `holds` run out
    wanted: Mapping[Slot, Demand]  # everything that should be true now
    holds: tuple[Demand, ...]  # the part of it that is not, or whose lease is half over
    releases: tuple[Release, ...]
    conflicts: tuple[Conflict, ...]
    refusals: tuple[Refusal, ...]
    faults: Mapping[str, Exception]  # policy -> what it raised
    inputs: Mapping[PointId, Reading | None]  # every reading a policy looked at: only these can change the plan
    next_change: datetime | None  # when, by the clock alone, the plan may be another


def plan(policies: Sequence[Policy], view: View, held: Mapping[Slot, Standing]) -> Plan:
    """What has to be done at `view.now`. `policies` in order of precedence."""
    noted = NotedReadings(view.readings)
    seen = replace(view, readings=noted)
    wanted: dict[Slot, Demand] = {}
    conflicts: list[Conflict] = []
    refusals: list[Refusal] = []
    faults: dict[str, Exception] = {}
    changes: list[datetime] = []
    for policy in policies:
        try:
            demands = list(policy.demands(seen))
            change = policy.next_change(view.now)
        except Exception as error:  # noqa: BLE001  one policy's fault must not silence the others; it is told
            faults[policy.name] = error
            continue
        if change is not None:
            changes.append(change)
        for demand in demands:
            if reason := _refusal(demand, view.catalog):
                refusals.append(Refusal(demand=demand, why=reason))
                continue
            first = wanted.setdefault((demand.point, demand.priority), demand)
            if not values_agree(first.value, demand.value):
                conflicts.append(Conflict(winner=first, loser=demand))
    return Plan(
        at=view.now,
        until=view.now + LEASE,
        wanted=wanted,
        holds=tuple(_due(wanted, held, view.now)),
        releases=tuple(_unwanted(wanted, held, faults)),
        conflicts=tuple(conflicts),
        refusals=tuple(refusals),
        faults=faults,
        inputs=noted.looked_at,
        next_change=min(changes, default=None),
    )


class NotedReadings(Mapping[PointId, Reading]):
    """Readings that note which of them were looked at: what a decision depends on, without being declared."""

    def __init__(self, readings: Mapping[PointId, Reading]) -> None:
        self._readings = readings
        self.looked_at: dict[PointId, Reading | None] = {}

    def __getitem__(self, point: PointId) -> Reading:
        self.looked_at[point] = self._readings.get(point)
        return self._readings[point]

    def __iter__(self) -> Iterator[PointId]:
        return iter(self._readings)

    def __len__(self) -> int:
        return len(self._readings)


def _refusal(demand: Demand, catalog: Catalog) -> str:
    point = catalog.points.get(demand.point)
    if point is None:
        return "there is no such point"
    if demand.turns_down is not None:
        if why := why_not_turned_down(point, demand.turns_down, catalog):
            return why
        return "" if demand.priority is Priority.OCCUPANCY else f"air is turned down at {int(Priority.OCCUPANCY)} only"
    if point.safety is not Safety.COMFORT:
        return f"its safety class is {point.safety}, not comfort"
    if point.access is not Access.COMMANDABLE:
        return "it is monitor-only"
    if demand.priority < Priority.PROTECTIVE:
        return "that level belongs to people"
    return ""


def _due(wanted: Mapping[Slot, Demand], held: Mapping[Slot, Standing], now: datetime) -> Iterable[Demand]:
    for slot, demand in wanted.items():
        standing = held.get(slot)
        if standing is None or not (_is_same(demand, standing) and _lease_is_fresh(standing, now)):
            yield demand


def _is_same(demand: Demand, standing: Standing) -> bool:
    return demand.policy == standing.policy and values_agree(demand.value, standing.value)


def _lease_is_fresh(standing: Standing, now: datetime) -> bool:
    """More than half of it is left. More than all of it is left after the clock was put back: then it is renewed."""
    return LEASE / 2 < standing.until - now <= LEASE


def _unwanted(
    wanted: Mapping[Slot, Demand], held: Mapping[Slot, Standing], faults: Mapping[str, Exception]
) -> Iterable[Release]:
    """The last taken first: where holds had to be taken in an order, that is the order of the way back."""
    for slot, standing in reversed(list(held.items())):
        if slot not in wanted and standing.policy not in faults:
            point, priority = slot
            yield Release(point=point, priority=priority, reason=f"{standing.policy} no longer wants it")
