"""Who has which slot, of all who want it: the table of precedence applied, conflicts told. No clock, no input."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from points.catalog import Catalog
from points.model import PointId, values_agree
from schedules.plan import Conflict, Refusal, Slot, why_not
from schedules.policy import Demand
from schedules.precedence import rank


@dataclass(slots=True)
class _Speaker:
    """One policy at the table."""

    kind: str
    order: tuple[int, int]  # precedence of its kind, and its place in the configuration
    demands: dict[Slot, Demand] = field(default_factory=dict)  # what of its demands is not refused
    refusals: tuple[Refusal, ...] = ()


class Contest:
    """Takes what each policy says, and says what should be true."""

    def __init__(self) -> None:
        self._speakers: dict[str, _Speaker] = {}
        self._asks: dict[Slot, dict[str, Demand]] = {}
        self._wanted: dict[Slot, Demand] = {}
        self._contested: dict[Slot, tuple[Conflict, ...]] = {}
        self._refused: dict[str, None] = {}
        self._touched: dict[Slot, None] = {}
        self._catalog: Catalog | None = None
        self._allowed: dict[tuple[PointId, int, object, object], str] = {}

    @property
    def wanted(self) -> Mapping[Slot, Demand]:
        """Everything that should be true now. A live view."""
        return MappingProxyType(self._wanted)

    @property
    def conflicts(self) -> tuple[Conflict, ...]:
        return tuple(conflict for conflicts in self._contested.values() for conflict in conflicts)

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        return tuple(refusal for name in self._refused for refusal in self._speakers[name].refusals)

    def seat(self, name: str, kind: str, place: int) -> None:
        """The policy has a place at the table, or another one than before."""
        order = (rank(kind), place)
        speaker = self._speakers.get(name)
        if speaker is None:
            self._speakers[name] = _Speaker(kind, order)
        elif (speaker.kind, speaker.order) != (kind, order):
            speaker.kind, speaker.order = kind, order
            self._touched.update(dict.fromkeys(speaker.demands))

    def leave(self, name: str) -> None:
        """Its demands are nobody's any more."""
        speaker = self._speakers.pop(name)
        for slot in speaker.demands:
            del self._asks[slot][name]
        self._touched.update(dict.fromkeys(speaker.demands))
        self._refused.pop(name, None)

    def say(self, name: str, demands: Iterable[Demand], catalog: Catalog) -> None:
        """These are its demands now, in place of those before."""
        if catalog is not self._catalog:
            self._catalog = catalog
            self._allowed.clear()
        speaker = self._speakers[name]
        now: dict[Slot, Demand] = {}
        refusals: list[Refusal] = []
        for demand in demands:
            if why := self._why_not(demand, catalog):
                refusals.append(Refusal(demand=demand, why=why))
            else:
                now.setdefault((demand.point, demand.priority), demand)
        for slot in speaker.demands.keys() - now.keys():
            del self._asks[slot][name]
            self._touched[slot] = None
        for slot, demand in now.items():
            self._asks.setdefault(slot, {})[name] = demand
        self._touched.update(dict.fromkeys(now))
        speaker.demands, speaker.refusals = now, tuple(refusals)
        if refusals:
            self._refused[name] = None
        else:
            self._refused.pop(name, None)

    def settle(self) -> dict[Slot, None]:
        """Decides about every slot of which somebody has said something; these may now be wanted otherwise."""
        touched, self._touched = self._touched, {}
        for slot in touched:
            self._settle(slot)
        return touched

    def in_order(self, slots: Iterable[Slot]) -> Iterator[Demand]:
        """What is wanted there, policy by policy, in the order in which each has said it: sometimes that matters."""
        chosen = slots if isinstance(slots, (set, frozenset, dict)) else set(slots)
        if len(chosen) == 1:  # asked before each step of a slow visit: the order of one is soon found
            yield from (self._wanted[slot] for slot in chosen if slot in self._wanted)
            return
        names = {self._wanted[slot].policy for slot in chosen if slot in self._wanted}
        for name, speaker in self._speakers.items():
            if name in names:
                for slot, demand in speaker.demands.items():
                    if slot in chosen and self._wanted.get(slot) is demand:
                        yield demand

    def _why_not(self, demand: Demand, catalog: Catalog) -> str:
        key = (demand.point, demand.priority, demand.turns_down, demand.vacates)
        why = self._allowed.get(key)
        if why is None:
            why = self._allowed[key] = why_not(demand, catalog)
        return why

    def _settle(self, slot: Slot) -> None:
        """Who has the slot, and whom that disappoints."""
        asks = self._asks.get(slot)
        self._contested.pop(slot, None)
        if not asks:
            self._asks.pop(slot, None)
            self._wanted.pop(slot, None)
            return
        if len(asks) == 1:
            (self._wanted[slot],) = asks.values()
            return
        first, *others = sorted(asks, key=lambda name: self._speakers[name].order)
        winner = self._wanted[slot] = asks[first]
        conflicts = tuple(
            Conflict(winner=winner, loser=asks[name], kinds=(self._speakers[first].kind, self._speakers[name].kind))
            for name in others
            if not values_agree(winner.value, asks[name].value)
        )
        if conflicts:
            self._contested[slot] = conflicts
