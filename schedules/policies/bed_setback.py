"""Bed-status setback of patient rooms (domain row 6): heating 20 °C, cooling 26 °C while every bed is free.

Guarantees:
- Only while every bed of the room has been U, unoccupied, of HL7 table 0116, for 20 minutes, by a feed that was heard
  within the last 30. Closed, housekeeping, isolated, contaminated and occupied are somebody; so is a bed that is not
  known, and a feed that is silent. Where the room has motion sensors, they must have said vacant for five minutes.
- Only while the room is known to be between 18 and 28 °C, and where its humidity is measured, at 60 % or less. Once it
  was outside, it has to be well inside again: by half a kelvin, by three percent.
- It speaks for heating and cooling setpoints of patient rooms and rooms for labour and delivery, at level 14, and for
  nothing else; whatever a selector matches besides is left out. Air and pressure are never touched.
- Everything is let go of at the first sign that a bed is taken, and the guard judges the same evidence by itself.

Reference: our own defaults (domain row 6 [ENG]); ASHRAE 170 Table 7-1 gives 21 to 24 °C and at most 60 % for a patient
room, which it has again before a patient is brought: a room that is being prepared (H) is not set back any more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from points.catalog import Catalog
from points.model import PointId, Priority, SpaceId
from schedules.occupancy import occupancy
from schedules.policy import Decide, Decision, Demand, Memory, Remark, Selector, View, earliest
from schedules.voices import of_beds
from schedules.writable import Surroundings, in_unit_of, known_celsius, known_number, surroundings, why_not_vacated

KELVIN_INSIDE = 0.5  # how far inside again a room must be that was outside
PERCENT_INSIDE = 3.0

Relaxed = tuple[PointId, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside(Memory):
    """The rooms that were outside their band and have not been well inside since."""

    rooms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BedSetback:
    """Relaxes the setpoints of patient rooms whose beds are all free."""

    kind: ClassVar[str] = "bed-setback"
    remembers: ClassVar[type[Memory] | None] = Outside

    name: str
    heating: Selector
    cooling: Selector
    heating_celsius: float = 20.0
    cooling_celsius: float = 26.0
    free_minutes: float = 20.0
    vacant_minutes: float = 5.0  # by the motion sensors of the room, where it has any: visitors, housekeeping
    protect_low_celsius: float = 18.0
    protect_high_celsius: float = 28.0
    protect_humidity_percent: float = 60.0
    priority: Priority = Priority.OCCUPANCY

    def bind(self, catalog: Catalog) -> Decide:
        setpoints = self._setpoints_by_room(catalog)
        around = surroundings(catalog, set(setpoints))

        def decide(view: View, memory: Memory | None) -> Decision:
            return self._decide(view, setpoints, around, memory if isinstance(memory, Outside) else Outside())

        return decide

    def problems(self, catalog: Catalog) -> Iterator[str]:
        """Why points that the site's selectors match are never set back."""
        for point in (*self.heating(catalog), *self.cooling(catalog)):
            if point.space is None:
                yield f"{point.id}: it belongs to no space that is known"
            elif why := why_not_vacated(point, point.space, catalog):
                yield f"{point.id}: {why}"

    def _decide(
        self,
        view: View,
        setpoints: Mapping[SpaceId, list[Relaxed]],
        around: Mapping[SpaceId, Surroundings],
        memory: Outside,
    ) -> Decision:
        free, vacant = timedelta(minutes=self.free_minutes), timedelta(minutes=self.vacant_minutes)
        feeds = view.feeds
        demands: list[Demand] = []
        remarks: list[Remark] = []
        changes = []
        outside, were_outside = list[str](), frozenset(memory.rooms)
        for room, relaxed in setpoints.items():
            near = around[room]
            verdict = occupancy(view, near.sensors, hold=vacant, before=[of_beds(feeds, room, view.now, hold=free)])
            changes.append(verdict.until)
            trouble = self._trouble(view, near, was_outside=room in were_outside)
            if trouble:
                outside.append(str(room))
            if verdict.occupied:
                remarks.append(Remark(about=room, text=verdict.why, held=verdict.unknown))
            elif trouble:
                remarks.append(Remark(about=room, text=trouble, held=True))
            else:
                demands += self._relaxed(room, relaxed, verdict.why)
        return Decision(
            demands=tuple(demands),
            until=earliest(changes),
            memory=Outside(rooms=tuple(outside)) if outside else None,
            remarks=tuple(remarks),
        )

    def _relaxed(self, room: SpaceId, relaxed: list[Relaxed], reason: str) -> Iterator[Demand]:
        for point, value in relaxed:
            yield Demand(
                point=point, value=value, priority=self.priority, policy=self.name, reason=reason, vacates=room
            )

    def _setpoints_by_room(self, catalog: Catalog) -> Mapping[SpaceId, list[Relaxed]]:
        found: defaultdict[SpaceId, list[Relaxed]] = defaultdict(list)
        for selector, point_class, celsius in (
            (self.heating, "heating-setpoint", self.heating_celsius),
            (self.cooling, "cooling-setpoint", self.cooling_celsius),
        ):
            for point in selector(catalog):
                value = in_unit_of(point, celsius)
                right = point.point_class == point_class and point.space is not None and value is not None
                if right and not why_not_vacated(point, point.space or SpaceId(""), catalog):
                    found[point.space or SpaceId("")].append((point.id, value or 0.0))
        return found

    def _trouble(self, view: View, near: Surroundings, *, was_outside: bool) -> str:
        """Why the room needs its full setpoints whatever its beds are; "" if it does not."""
        kelvin, percent = (KELVIN_INSIDE, PERCENT_INSIDE) if was_outside else (0.0, 0.0)
        temperatures = [known_celsius(point, view[point.id]) for point in near.temperatures]
        humidities = [known_number(view[point.id]) for point in near.humidities]
        if not temperatures or None in temperatures or None in humidities:
            return "its temperature or humidity is not known"
        low, high = self.protect_low_celsius + kelvin, self.protect_high_celsius - kelvin
        if not all(celsius is not None and low <= celsius <= high for celsius in temperatures):
            return f"it is not surely between {low:g} and {high:g} °C"
        most = self.protect_humidity_percent - percent
        if not all(value is not None and value <= most for value in humidities):
            return f"its humidity is above {most:g} %"
        return ""
