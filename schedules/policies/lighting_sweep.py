"""Lights off where nobody is, while the programme says so (domain row 7).

A sweep is a state of the programme, not an event: from the evening change to the morning one, the lights of a vacant
zone are held off, and a zone that is still in use at the sweep follows when its people have left. Never touches a
light of no known space, one in a space that is not ordinary, or one that is named egress, emergency or security.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from points.catalog import Catalog
from points.model import Kind, Point, PointId, Priority, SpaceId, Value
from schedules.occupancy import occupancy
from schedules.policy import Decide, Decision, Demand, Memory, Remark, Selector, View, earliest
from schedules.timetable import Timetable
from schedules.writable import Surroundings, may_speak_for, surroundings

Output = tuple[PointId, Value]
"""A light, and what switches it off."""

_EXEMPT = re.compile(r"egress|emerg|exit|escape|stair|security|night[ _-]?light", re.IGNORECASE)
_LIGHT_CLASSES = frozenset({"lighting-command", "lighting-level"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LightingSweep:
    """Holds the selected lights off in vacant zones while the programme is in its sweep state."""

    kind: ClassVar[str] = "lighting-sweep"
    remembers: ClassVar[type[Memory] | None] = None

    name: str
    timetable: Timetable
    lights: Selector
    sweep_state: str = "swept"
    vacant_minutes: float = 20.0  # lighting codes ask for off within 20 to 30 minutes of vacancy
    priority: Priority = Priority.SCHEDULE

    def bind(self, catalog: Catalog) -> Decide:
        lights = self._lights_by_space(catalog)
        around = surroundings(catalog, set(lights))

        def decide(view: View, _memory: Memory | None) -> Decision:
            return self._decide(view, lights, around)

        return decide

    def _decide(
        self, view: View, lights: Mapping[SpaceId, list[Output]], around: Mapping[SpaceId, Surroundings]
    ) -> Decision:
        """Looks at the sensors at all hours, so that at the sweep it is known how long a zone has been vacant."""
        is_sweep = self.timetable.state(view.now) == self.sweep_state
        hold = timedelta(minutes=self.vacant_minutes)
        changes = [self.timetable.change(view.now)]
        demands: list[Demand] = []
        remarks: list[Remark] = []
        for space, outputs in lights.items():
            verdict = occupancy(view, around[space].sensors, hold=hold, scheduled=False)
            changes.append(verdict.until)
            if is_sweep and verdict.occupied:
                remarks.append(Remark(about=space, text=verdict.why, held=verdict.unknown))
            elif is_sweep:
                reason = f"{self.timetable.name} is {self.sweep_state}: {verdict.why}"
                demands += (
                    Demand(point=point, value=off, priority=self.priority, policy=self.name, reason=reason)
                    for point, off in outputs
                )
        return Decision(demands=tuple(demands), until=earliest(changes), remarks=tuple(remarks))

    def _lights_by_space(self, catalog: Catalog) -> Mapping[SpaceId, list[Output]]:
        found: defaultdict[SpaceId, list[Output]] = defaultdict(list)
        for point in may_speak_for(self.lights(catalog), catalog):
            off = _off(point)
            if point.space is not None and off is not None and not _is_exempt(point):
                found[point.space].append((point.id, off))
        return found


def _off(point: Point) -> Value | None:
    """What switches this light off; None if it is no light. A relay whose texts are swapped is obeyed."""
    if point.point_class not in _LIGHT_CLASSES:
        return None
    if point.kind is Kind.BINARY:
        return [state.casefold() for state in point.states] == ["on", "off"]
    return 0.0 if point.kind is Kind.ANALOG else None


def _is_exempt(point: Point) -> bool:
    return any(_EXEMPT.search(text) for text in (point.id, point.name, point.description))
