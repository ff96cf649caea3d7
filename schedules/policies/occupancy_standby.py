"""Occupancy standby of offices (domain row 5; ASHRAE Guideline 36 occupancy sensor adjustment).

Five minutes after the last sign of life, the heating setpoint goes down by half a kelvin and the cooling one up.

Guarantees:
- Only within scheduled hours, and only where every sensor positively says that nobody is there: a sensor that is
  silent, bad or not understood is somebody.
- A site may have doors, lights and carbon dioxide asked as well (`asks`): any of them that says "somebody" is believed.
- Only in ordinary spaces, never where patients are.
- A room outside its protective band, or of unknown temperature or humidity, has its full setpoints until it is well
  inside again, by half a kelvin and three percent, or somebody has been there.
- What begins to shed meanwhile counts from where the setpoints stood before (`schedules.moved`), not from here; but so
  that it makes none tighter.
- The setpoints come back with the first sign of life. Guideline 36 waits for a minute of it; that would save half a
  kelvin for a minute, at the price of a decision that depends on how long somebody has been there, and of a person who
  was seen and is not believed. Somebody who only passes by costs another five minutes of full setpoints, no more.

Reference: ASHRAE Guideline 36 zone setpoint adjustment by occupancy sensors; LBNL Modelica Buildings `Setpoints`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import ClassVar

from points.catalog import Catalog
from points.model import Point, PointId, Priority, SpaceId
from schedules.breath import Breathing, breathing
from schedules.moved import Moved
from schedules.occupancy import occupancy
from schedules.policy import Decide, Decision, Demand, Memory, Remark, Selector, View, earliest
from schedules.shedding import OFFSETS
from schedules.timetable import Timetable
from schedules.voices import Voice, of_access, of_air, of_lights
from schedules.writable import Surroundings, in_unit_of, known_celsius, known_number, may_speak_for, surroundings

CLASSES = {"doors": ("door",), "lights": ("lighting-command", "lighting-level"), "co2": ("co2",)}
"""What else may be asked -> the classes of its points."""

KELVIN_INSIDE, PERCENT_INSIDE = 0.5, 3.0  # how far inside again a room must be that was outside


@dataclass(frozen=True, slots=True)
class _Relaxed:
    """A setpoint, and what it is relaxed to."""

    point: Point
    value: float  # in its own unit
    sense: int  # +1 cooling, -1 heating
    nominal: float  # °C, before
    celsius: float  # the value

    def base(self, view: View, was: Moved) -> float:
        """Where it stood, in °C; looser where the first level of shedding, counted from there, would tighten it."""
        stood, least = was.base(view, self.point, self.nominal), self.celsius - self.sense * OFFSETS[1]
        return max(stood, least) if self.sense > 0 else min(stood, least)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standby(Memory):
    """The vacant rooms that were outside their band and have not been well inside since, and the air of all."""

    outside: tuple[str, ...] = ()
    breath: Breathing = field(default_factory=Breathing)
    relaxed: Moved = field(default_factory=Moved)

    def stood(self, point: PointId, now: datetime) -> float | None:
        return self.relaxed.stood(point, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class OccupancyStandby:
    """Relaxes the setpoints of an office that nobody is in, during occupied hours."""

    kind: ClassVar[str] = "occupancy-standby"
    remembers: ClassVar[type[Memory] | None] = Standby

    name: str
    timetable: Timetable
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
    asks: frozenset[str] = frozenset()
    """Classes of points that witness besides the sensors: keys of `CLASSES`."""
    door_minutes: float = 15.0  # somebody is there for so long after a door has moved

    def bind(self, catalog: Catalog) -> Decide:
        setpoints = self._setpoints_by_space(catalog)
        around = surroundings(catalog, set(setpoints))

        asked = {space: self._asked(near) for space, near in around.items()}
        air = [point for points in asked.values() for point in points["co2"]]

        def decide(view: View, memory: Memory | None) -> Decision:
            was = memory if isinstance(memory, Standby) else Standby()
            breath = breathing(was.breath, view, air)
            voices = {space: self._voices(view, points, breath) for space, points in asked.items()}
            return self._decide(view, setpoints, around, voices, replace(was, breath=breath))

        return decide

    def _asked(self, near: Surroundings) -> Mapping[str, tuple[Point, ...]]:
        """The witnesses of a space besides its sensors, by what they are."""
        return {
            witness: tuple(point for point in near.points if point.point_class in classes and witness in self.asks)
            for witness, classes in CLASSES.items()
        }

    def _voices(self, view: View, points: Mapping[str, tuple[Point, ...]], breath: Breathing) -> tuple[Voice, ...]:
        return (
            of_access(view, points["doors"], hold=timedelta(minutes=self.door_minutes)),
            of_lights(view, points["lights"]),
            of_air(view, points["co2"], breath),
        )

    def _decide(
        self,
        view: View,
        setpoints: Mapping[SpaceId, list[_Relaxed]],
        around: Mapping[SpaceId, Surroundings],
        voices: Mapping[SpaceId, tuple[Voice, ...]],
        was: Standby,
    ) -> Decision:
        """Looks at the sensors at all hours, so that it is known how long a room has been vacant when it matters."""
        is_scheduled = self.timetable.state(view.now) == self.occupied_state
        hold = timedelta(minutes=self.vacant_minutes)
        changes = [self.timetable.change(view.now)]
        demands: list[Demand] = []
        remarks: list[Remark] = []
        were_outside = frozenset(was.outside)
        outside: list[str] = []
        bases: dict[str, float] = {}
        for space, relaxed in setpoints.items():
            verdict = occupancy(view, around[space].sensors, hold=hold, scheduled=True, after=voices[space])
            changes.append(verdict.until)
            if not is_scheduled:
                continue
            if verdict.occupied:
                remarks.append(Remark(about=space, text=verdict.why, held=verdict.unknown))
            elif not self._is_protected(view, around[space], was_outside=space in were_outside):
                outside.append(space)
                remarks.append(Remark(about=space, text="it needs its full setpoints, or is not known", held=True))
            else:
                demands += (
                    Demand(
                        point=each.point.id,
                        value=each.value,
                        priority=self.priority,
                        policy=self.name,
                        reason=verdict.why,
                    )
                    for each in relaxed
                )
                bases |= {each.point.id: each.base(view, was.relaxed) for each in relaxed}
        memory = Standby(outside=tuple(outside), breath=was.breath, relaxed=was.relaxed.after(bases, view.now))
        return Decision(
            demands=tuple(demands),
            until=earliest(changes),
            memory=None if memory == Standby() else memory,
            remarks=tuple(remarks),
        )

    def _setpoints_by_space(self, catalog: Catalog) -> Mapping[SpaceId, list[_Relaxed]]:
        """Each setpoint with its relaxed value. One of no known space has no witness and is left alone."""
        found: defaultdict[SpaceId, list[_Relaxed]] = defaultdict(list)
        for selector, sense, nominal in (
            (self.heating, -1, self.heating_celsius),
            (self.cooling, 1, self.cooling_celsius),
        ):
            celsius = nominal + sense * self.standby_kelvin
            for point in may_speak_for(selector(catalog), catalog):
                value = in_unit_of(point, celsius)
                if point.space is not None and value is not None:
                    found[point.space].append(_Relaxed(point, value, sense, nominal, celsius))
        return found

    def _is_protected(self, view: View, around: Surroundings, *, was_outside: bool) -> bool:
        """Whether the room is known to be well inside its band; a room without a thermometer is not."""
        kelvin, percent_inside = (KELVIN_INSIDE, PERCENT_INSIDE) if was_outside else (0.0, 0.0)
        low, high = self.protect_low_celsius + kelvin, self.protect_high_celsius - kelvin
        most = self.protect_humidity_percent - percent_inside
        temperatures = [known_celsius(point, view[point.id]) for point in around.temperatures]
        humidities = [known_number(view[point.id]) for point in around.humidities]
        return (
            bool(temperatures)
            and all(celsius is not None and low <= celsius <= high for celsius in temperatures)
            and all(percent is not None and percent <= most for percent in humidities)
        )
