"""A programme's state as values at points: office hours, fan hours, lighting hours (domain row 1).

A state without a value demands nothing, so what was held is released: three states, always.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from points.model import Point, Priority, Value
from schedules.calendar import Programme, civil_day, next_transition, state_at, why
from schedules.policy import Demand, Selector, View
from schedules.writable import fitting, may_speak_for


@dataclass(frozen=True, slots=True, kw_only=True)
class Weekly:
    """Holds points at the values that belong to the programme's present state.

    `values`: state -> one value for every point, or a value per point class; in the points' own units.
    """

    name: str
    programme: Programme
    zone: ZoneInfo
    points: Selector
    values: Mapping[str, Value | Mapping[str, Value]]
    priority: Priority = Priority.SCHEDULE

    def demands(self, view: View) -> Iterator[Demand]:
        state = state_at(self.programme, view.now, self.zone)
        if state not in self.values:
            return
        rule = why(self.programme, civil_day(view.now, self.zone))
        for point in may_speak_for(self.points(view.catalog), view.catalog):
            value = self._value_for(point, state)
            if value is not None:
                yield Demand(
                    point=point.id,
                    value=value,
                    priority=self.priority,
                    policy=self.name,
                    reason=f"{self.programme.name} is {state} ({rule})",
                )

    def next_change(self, now: datetime) -> datetime | None:
        change = next_transition(self.programme, now, self.zone)
        return None if change is None else change[0]

    def _value_for(self, point: Point, state: str) -> Value | None:
        values = self.values[state]
        if isinstance(values, Mapping):
            return fitting(point, values[point.point_class]) if point.point_class in values else None
        return fitting(point, values)
