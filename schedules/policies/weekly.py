"""A programme's state as values at points: office hours, fan hours, lighting hours (domain row 1).

A state without a value demands nothing, so what was held is released: three states, always.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from points.catalog import Catalog
from points.model import Point, PointId, Priority, Value
from schedules.policy import Decide, Decision, Demand, Memory, Selector, View
from schedules.timetable import Timetable
from schedules.writable import fitting, may_speak_for


@dataclass(frozen=True, slots=True, kw_only=True)
class Weekly:
    """Holds points at the values that belong to the programme's present state.

    `values`: state -> one value for every point, or a value per point class; in the points' own units.
    """

    kind: ClassVar[str] = "weekly"
    remembers: ClassVar[type[Memory] | None] = None

    name: str
    timetable: Timetable
    points: Selector
    values: Mapping[str, Value | Mapping[str, Value]]
    priority: Priority = Priority.SCHEDULE

    def bind(self, catalog: Catalog) -> Decide:
        points = list(may_speak_for(self.points(catalog), catalog))
        values = {state: self._values(points, state) for state in self.values}

        def decide(view: View, _memory: Memory | None) -> Decision:
            state = self.timetable.state(view.now)
            reason = f"{self.timetable.name} is {state} ({self.timetable.why(view.now)})"
            demands = tuple(
                Demand(point=point, value=value, priority=self.priority, policy=self.name, reason=reason)
                for point, value in values.get(state, ())
            )
            return Decision(demands=demands, until=self.timetable.same_rule_until(view.now))

        return decide

    def _values(self, points: list[Point], state: str) -> list[tuple[PointId, Value]]:
        """What is written where in that state."""
        fit = ((point.id, self._value_for(point, state)) for point in points)
        return [(point, value) for point, value in fit if value is not None]

    def _value_for(self, point: Point, state: str) -> Value | None:
        values = self.values[state]
        if isinstance(values, Mapping):
            return fitting(point, values[point.point_class]) if point.point_class in values else None
        return fitting(point, values)
