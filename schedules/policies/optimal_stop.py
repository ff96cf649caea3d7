"""The last hour of the day is coasted through: unoccupied setpoints as early as nobody will feel (domain row 3).

A zone is let go so early that it drifts by no more than it is allowed to before its people leave: the allowance divided
by the slope at which it drifted on the latest three evenings.

Guarantees:
- Never earlier than an hour before the end; not at all before an evening's drift was seen, which teaches whether or not
  the zone was stopped early.
- A zone may drift by 1 K in all, and by no more than 1 K beyond its setpoints. One that does all the same, opens a
  window, or is not known any more, has its setpoints back for the rest of that evening.
- Only ordinary spaces, and only setpoints: ventilation runs until the programme ends it. No other space, because
  everywhere else its ventilation is required (ASHRAE 170 Table 7-1).

Reference: general practice, limits of domain.md section 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar

from points.catalog import Catalog
from points.model import Point, Priority, SpaceId
from schedules.calendar import state_at
from schedules.policy import Decide, Decision, Demand, Memory, Remark, Selector, View, earliest
from schedules.thermal import Slopes, slope, time_for, with_latest
from schedules.timetable import Timetable
from schedules.zones import Zone, zones_of

LEARNS_FOR = timedelta(hours=1)  # a drift is measured over so long
LATE = timedelta(minutes=10)  # who looks later has not seen the end of the programme's state

Coast = tuple[datetime, float, float]
"""The end of the programme's state that a zone coasts to, and its coldest and warmest thermometer when it began."""

Learning = tuple[datetime, float, float]
"""Since when a zone drifts, and its coldest and warmest thermometer then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stops(Memory):
    """What zones have learned, which of them coast or may not, and which drift and learn; by space."""

    slopes: dict[str, Slopes] = field(default_factory=dict)  # K/h, either way
    coasting: dict[str, Coast] = field(default_factory=dict)
    given_up: dict[str, datetime] = field(default_factory=dict)  # until the end of the programme's state
    learning: dict[str, Learning] = field(default_factory=dict)
    state: str = ""  # of the programme, when it was last looked at


@dataclass(slots=True)
class _Course:
    """One decision, while it is made."""

    slopes: dict[str, Slopes]
    coasting: dict[str, Coast]
    given_up: dict[str, datetime]
    learning: dict[str, Learning]
    demands: list[Demand] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    changes: list[datetime | None] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimalStop:
    """Gives zones their unoccupied setpoints before their people leave, and no earlier than they bear."""

    kind: ClassVar[str] = "optimal-stop"
    remembers: ClassVar[type[Memory] | None] = Stops

    name: str
    timetable: Timetable
    heating: Selector
    cooling: Selector
    occupied_state: str = "occupied"
    unoccupied_state: str = "unoccupied"
    heating_celsius: float = 21.0  # Guideline 36 zone defaults
    cooling_celsius: float = 24.0
    unoccupied_heating_celsius: float = 16.0
    unoccupied_cooling_celsius: float = 32.0
    drift_kelvin: float = 1.0
    cap_hours: float = 1.0
    priority: Priority = Priority.OCCUPANCY

    def bind(self, catalog: Catalog) -> Decide:
        zones = zones_of(catalog, heating=self.heating, cooling=self.cooling)
        heating, cooling = self.unoccupied_heating_celsius, self.unoccupied_cooling_celsius
        held = {zone.space: [*zone.hold(heating=heating, cooling=cooling)] for zone in zones}

        def decide(view: View, memory: Memory | None) -> Decision:
            known = memory if isinstance(memory, Stops) else Stops()
            course = _Course(dict(known.slopes), dict(known.coasting), dict(known.given_up), dict(known.learning))
            stretch = self.timetable.at(view.now)
            is_day = stretch.state == self.occupied_state and stretch.turns == self.unoccupied_state
            end = stretch.end if is_day else None
            course.coasting = {space: coast for space, coast in course.coasting.items() if coast[0] == end}
            course.given_up = {space: until for space, until in course.given_up.items() if until == end}
            is_over = stretch.state == self.unoccupied_state
            begins = is_over and known.state == self.occupied_state and self._was_occupied(view.now - LATE)
            for zone in zones:  # first: who has learned now is let go by what he has learned
                self._learn(view, zone, course, begins=begins, is_over=is_over)
            if end is not None:
                self._coast(view, zones, held, end, course)
            return Decision(
                demands=tuple(course.demands),
                until=earliest([*course.changes, self.timetable.change(view.now)]),
                memory=Stops(
                    slopes=course.slopes,
                    coasting=course.coasting,
                    given_up=course.given_up,
                    learning=course.learning,
                    state=stretch.state,
                ),
                remarks=tuple(course.remarks),
            )

        return decide

    def _coast(
        self,
        view: View,
        zones: list[Zone],
        held: Mapping[SpaceId, list[tuple[Point, float]]],
        end: datetime,
        course: _Course,
    ) -> None:
        """Who coasts now, who will, and who may not."""
        for zone in zones:
            text, known = self._coasts(view, zone, end, course)
            if text:
                course.remarks.append(Remark(about=zone.space, text=text, held=not known))
                continue
            reason = f"{self.timetable.name} is {self.unoccupied_state} at {end.astimezone(view.zone):%H:%M}: it coasts"
            course.demands += (
                Demand(point=point.id, value=value, priority=self.priority, policy=self.name, reason=reason)
                for point, value in held[zone.space]
            )

    def _coasts(self, view: View, zone: Zone, end: datetime, course: _Course) -> tuple[str, bool]:
        """Why a zone does not coast, and whether all about it is known; "" if it does."""
        space = zone.space
        if space in course.given_up:
            return "it drifted further than it may, or could not be seen: not again before the end", True
        celsius = None if zone.is_open(view) else zone.celsius(view)
        left = self._allowance(celsius)
        if space in course.coasting:
            _, coldest, warmest = course.coasting[space]
            if celsius is not None and left >= 0 and _drift((coldest, warmest), celsius) <= self.drift_kelvin:
                return "", True
            del course.coasting[space]
            course.learning.pop(space, None)
            course.given_up[space] = end
            return "it has drifted as far as it may, or cannot be seen any more", celsius is not None
        if celsius is None:
            return "its temperature is not known, or a window is not surely closed", False
        slopes = course.slopes.get(space, ())
        lead = self._lead(left, slopes)
        if lead <= timedelta(0):
            return "it has no room to drift" if slopes else "how fast it drifts is not known yet", True
        if view.now < end - lead:
            course.changes.append(end - lead)
            return f"it coasts from {(end - lead).astimezone(view.zone):%H:%M:%S} on", True
        course.coasting[space] = (end, *celsius)
        course.learning[space] = (view.now, *celsius)
        course.changes.append(view.now + LEARNS_FOR)
        return "", True

    def _was_occupied(self, then: datetime) -> bool:
        return state_at(self.timetable.programme, then, self.timetable.zone) == self.occupied_state

    def _learn(self, view: View, zone: Zone, course: _Course, *, begins: bool, is_over: bool) -> None:
        """The drift of an hour, from when the zone was let go.

        A zone that cannot be seen teaches nothing, nor one that has its setpoints back before the hour is over.
        """
        celsius = None if zone.is_open(view) else zone.celsius(view)
        if celsius is None or not (is_over or zone.space in course.coasting):
            course.learning.pop(zone.space, None)
            return
        if begins and zone.space not in course.learning:
            course.learning[zone.space] = (view.now, *celsius)
        if zone.space not in course.learning:
            return
        since, *began = course.learning[zone.space]
        if view.now < since:  # the clock was put back
            del course.learning[zone.space]
            return
        if view.now - since < LEARNS_FOR:
            course.changes.append(since + LEARNS_FOR)
            return
        del course.learning[zone.space]
        if view.now - since < 2 * LEARNS_FOR:  # or nobody looked for a while, and it was not only a drift
            drifted = slope(_drift((began[0], began[1]), celsius), view.now - since)
            course.slopes[zone.space] = with_latest(course.slopes.get(zone.space, ()), drifted)

    def _allowance(self, celsius: tuple[float, float] | None) -> float:
        """By how many kelvin it may drift, either way."""
        if celsius is None:
            return 0.0
        low, high = self.heating_celsius - self.drift_kelvin, self.cooling_celsius + self.drift_kelvin
        return min(celsius[0] - low, high - celsius[1], self.drift_kelvin)

    def _lead(self, kelvin: float, slopes: Slopes) -> timedelta:
        """How long before the end it may be let go; no time at all before anything is learned."""
        cap = timedelta(hours=self.cap_hours)
        return time_for(kelvin, slopes, cap=cap, unlearned=timedelta(0)) if kelvin > 0 else timedelta(0)


def _drift(began: tuple[float, float], now: tuple[float, float]) -> float:
    return max(abs(now[0] - began[0]), abs(now[1] - began[1]))
