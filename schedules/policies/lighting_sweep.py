"""Lights off where nobody is, while the programme says so (domain row 7).

A sweep is a state of the programme, not an event: from the evening change to the morning one, the lights of a vacant
zone are held off, and a zone that is still in use at the sweep follows when its people have left. Never touches a
light of no known space, one in a space that is not ordinary, or one that is named egress, emergency or security.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from points.model import Kind, Point, Priority, SpaceId, Value
from schedules.calendar import Programme, next_transition, state_at
from schedules.occupancy import occupancy
from schedules.policy import Demand, Selector, View
from schedules.writable import may_speak_for, surroundings

_EXEMPT = re.compile(r"egress|emerg|exit|escape|stair|security|night[ _-]?light", re.IGNORECASE)
_LIGHT_CLASSES = frozenset({"lighting-command", "lighting-level"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LightingSweep:
    """Holds the selected lights off in vacant zones while the programme is in its sweep state."""

    name: str
    programme: Programme
    zone: ZoneInfo
    lights: Selector
    sweep_state: str = "swept"
    vacant_minutes: float = 20.0  # lighting codes ask for off within 20 to 30 minutes of vacancy
    priority: Priority = Priority.SCHEDULE

    def demands(self, view: View) -> Iterator[Demand]:
        """Looks at the sensors at all hours, so that at the sweep it is known how long a zone has been vacant."""
        is_sweep = state_at(self.programme, view.now, self.zone) == self.sweep_state
        lights = self._lights_by_space(view)
        around = surroundings(view.catalog, set(lights))
        hold = timedelta(minutes=self.vacant_minutes)
        for space, outputs in lights.items():
            verdict = occupancy(view, around[space].sensors, hold=hold, scheduled=False)
            if not is_sweep or verdict.occupied:
                continue
            for point, off in outputs:
                reason = f"{self.programme.name} is {self.sweep_state}: {verdict.why}"
                yield Demand(point=point.id, value=off, priority=self.priority, policy=self.name, reason=reason)

    def next_change(self, now: datetime) -> datetime | None:
        change = next_transition(self.programme, now, self.zone)
        return None if change is None else change[0]

    def _lights_by_space(self, view: View) -> dict[SpaceId, list[tuple[Point, Value]]]:
        found: defaultdict[SpaceId, list[tuple[Point, Value]]] = defaultdict(list)
        for point in may_speak_for(self.lights(view.catalog), view.catalog):
            off = _off(point)
            if point.space is not None and off is not None and not _is_exempt(point):
                found[point.space].append((point, off))
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
