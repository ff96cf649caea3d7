"""Occupancy standby of offices (domain rows 4 and 5; ASHRAE Guideline 36 occupancy sensor adjustment).

Only within scheduled hours, and only where a sensor positively says that nobody is there. Lets go at once when
somebody may be there, and when the room leaves its protective band or its temperature is no longer known.
The setpoints come back with the first sign of life; Guideline 36 would wait a minute, which saves nothing here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from points.model import Point, Priority, SpaceId
from schedules.calendar import Programme, next_transition, state_at
from schedules.occupancy import occupancy
from schedules.policy import Demand, Selector, View
from schedules.writable import Surroundings, in_unit_of, known_celsius, known_number, may_speak_for, surroundings


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficeSetback:
    """Relaxes the setpoints of an office that nobody is in, during occupied hours."""

    name: str
    programme: Programme
    zone: ZoneInfo
    heating: Selector
    cooling: Selector
    occupied_state: str = "occupied"
    heating_celsius: float = 21.0  # what the schedule holds meanwhile; Guideline 36 zone defaults
    cooling_celsius: float = 24.0
    standby_kelvin: float = 0.5
    vacant_minutes: float = 5.0
    protect_low_celsius: float = 18.0  # a room outside of these needs its full setpoints, whoever is in it
    protect_high_celsius: float = 28.0
    protect_humidity_percent: float = 65.0
    priority: Priority = Priority.OCCUPANCY

    def demands(self, view: View) -> Iterator[Demand]:
        """Looks at the sensors at all hours, so that it is known how long a room has been vacant when it matters."""
        is_scheduled = state_at(self.programme, view.now, self.zone) == self.occupied_state
        setpoints = self._setpoints_by_space(view)
        around = surroundings(view.catalog, set(setpoints))
        hold = timedelta(minutes=self.vacant_minutes)
        for space, relaxed in setpoints.items():
            verdict = occupancy(view, around[space].sensors, hold=hold, scheduled=True)
            if not is_scheduled or verdict.occupied or not self._is_protected(view, around[space]):
                continue
            for point, celsius in relaxed:
                value = in_unit_of(point, celsius)
                if value is not None:
                    yield Demand(
                        point=point.id, value=value, priority=self.priority, policy=self.name, reason=verdict.why
                    )

    def next_change(self, now: datetime) -> datetime | None:
        change = next_transition(self.programme, now, self.zone)
        return None if change is None else change[0]

    def _setpoints_by_space(self, view: View) -> dict[SpaceId, list[tuple[Point, float]]]:
        """Each setpoint with its relaxed temperature. One of no known space has no witness and is left alone."""
        found: defaultdict[SpaceId, list[tuple[Point, float]]] = defaultdict(list)
        for selector, celsius in (
            (self.heating, self.heating_celsius - self.standby_kelvin),
            (self.cooling, self.cooling_celsius + self.standby_kelvin),
        ):
            for point in may_speak_for(selector(view.catalog), view.catalog):
                if point.space is not None:
                    found[point.space].append((point, celsius))
        return found

    def _is_protected(self, view: View, around: Surroundings) -> bool:
        """Whether the room is known to be well inside its band; a room without a thermometer is not."""
        temperatures = [known_celsius(point, view[point.id]) for point in around.temperatures]
        humidities = [known_number(view[point.id]) for point in around.humidities]
        return (
            bool(temperatures)
            and all(
                celsius is not None and self.protect_low_celsius <= celsius <= self.protect_high_celsius
                for celsius in temperatures
            )
            and all(percent is not None and percent <= self.protect_humidity_percent for percent in humidities)
        )
