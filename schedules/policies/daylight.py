"""Daylight harvesting: lights give what the daylight does not (domain row 8).

A closed loop: the sensor sees the daylight and the lights. What the lights make of it is what they give at full output,
times their level; the rest is daylight, and the lights are set to what is missing: with a target of 500 lx, 200 lx of
daylight and 600 lx at full output that is 50 %. It moves only when the sensor is further than the dead band from the
target, and then by no more than a tenth every ten seconds, so that nobody sees it. What a sensor said before the last
move is not held against the lights: one that is read once a minute would have them swing.

A sensor that fails means full light, never less. Where nobody is, nothing is demanded, and outside of the state of the
programme neither: at night the sweep has the lights. Only lights of ordinary rooms, never of examination, treatment or
medication areas, and none that is named egress, emergency or security.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar

from points.catalog import Catalog
from points.model import Kind, Point, Priority, SpaceId
from schedules.occupancy import occupancy
from schedules.policies.lighting_sweep import is_exempt
from schedules.policy import Decide, Decision, Demand, Memory, Remark, Selector, View, earliest
from schedules.timetable import Timetable
from schedules.writable import Surroundings, known_number, may_speak_for, surroundings

_SENSOR_CLASS = "illuminance"
_LEVEL_CLASS = "lighting-level"
_LUX = {"luxes": 1.0, "foot-candles": 10.76391}
_PERCENT = ("percent", "")  # a lighting output says no unit: its level is in percent
FULL = 100.0
PATIENCE = timedelta(minutes=5)  # a sensor that has not been heard of for so long since a move has nothing new to say


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimmed(Memory):
    """Where the lights of each space are, where they go, and since when they are there."""

    levels: Mapping[str, float] = field(default_factory=dict)
    goals: Mapping[str, float] = field(default_factory=dict)
    moved: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Zone:
    """A space with its dimmers, and what sees it."""

    space: SpaceId
    dimmers: tuple[Point, ...]
    sensors: tuple[Point, ...]
    around: Surroundings


@dataclass(frozen=True, slots=True, kw_only=True)
class Daylight:
    """Dims the selected lights by the light sensors of their space."""

    kind: ClassVar[str] = "daylight"
    remembers: ClassVar[type[Memory] | None] = Dimmed

    name: str
    timetable: Timetable
    lights: Selector
    open_state: str = "open"
    target_lux: float = 500.0
    full_lux: float = 600.0  # what the lights alone give at the desk
    gain: float = 1.0  # lux at the desk for each lux at the sensor
    dead_band: float = 0.1  # of the target
    lowest_percent: float = 10.0
    step_percent: float = 10.0
    step_seconds: float = 10.0
    vacant_minutes: float = 20.0
    priority: Priority = Priority.OCCUPANCY

    def bind(self, catalog: Catalog) -> Decide:
        zones = self._zones(catalog)

        def decide(view: View, memory: Memory | None) -> Decision:
            return self._decide(view, memory if isinstance(memory, Dimmed) else Dimmed(), zones)

        return decide

    def _decide(self, view: View, was: Dimmed, zones: list[Zone]) -> Decision:
        is_open = self.timetable.state(view.now) == self.open_state
        changes = [self.timetable.change(view.now)]
        demands: list[Demand] = []
        remarks: list[Remark] = []
        levels: dict[str, float] = {}
        goals: dict[str, float] = {}
        moved: dict[str, datetime] = {}
        hold = timedelta(minutes=self.vacant_minutes)
        for zone in zones:
            verdict = occupancy(view, zone.around.sensors, hold=hold)
            changes.append(verdict.until)
            if not is_open or not verdict.occupied:
                continue
            seen = self._seen(view, zone)
            level: float | None
            if seen is None:
                remarks.append(Remark(about=zone.space, text="a light sensor is not known: full light", held=True))
                level, goal, at, again = FULL, FULL, view.now, None
            else:
                level, goal, at, again = self._step(view, was, zone, seen)
                remarks.append(Remark(about=zone.space, text=f"{seen:.0f} lx of {self.target_lux:g}"))
            changes.append(again)
            if level is None:
                continue
            levels[zone.space], goals[zone.space], moved[zone.space] = level, goal, at
            reason = (
                "full light: a light sensor is not known" if seen is None else f"daylight: {level:.0f} % are missing"
            )
            demands += (
                Demand(point=dimmer.id, value=level, priority=self.priority, policy=self.name, reason=reason)
                for dimmer in zone.dimmers
            )
        memory = Dimmed(levels=levels, goals=goals, moved=moved) if levels else None
        return Decision(demands=tuple(demands), until=earliest(changes), memory=memory, remarks=tuple(remarks))

    def _step(
        self, view: View, was: Dimmed, zone: Zone, seen: float
    ) -> tuple[float | None, float, datetime, datetime | None]:
        """Level, goal, since when, and when to look again; no level: nothing needs to be done yet."""
        wait = timedelta(seconds=self.step_seconds)
        present = self._present(view, zone)
        held = was.levels.get(zone.space)
        level = present if held is None else held
        goal = was.goals.get(zone.space, level)
        at = was.moved.get(zone.space, view.now - wait)
        if timedelta(0) <= view.now - at < wait:  # a move that is yet to come was told by another clock
            return level, goal, at, at + wait
        if level == goal:
            has_just_moved = zone.space in was.moved and timedelta(0) <= view.now - at < PATIENCE
            if has_just_moved and not _has_seen(view, zone, at):
                return held, level, at, at + PATIENCE
            if abs(seen - self.target_lux) <= self.dead_band * self.target_lux:
                return held, level, at, None
            goal = self._missing(seen, present)
        if level == goal:
            return held, level, at, None  # it cannot do better: dark outside, or too bright
        step = max(-self.step_percent, min(goal - level, self.step_percent))
        return level + step, goal, view.now, view.now + wait

    def _missing(self, seen: float, present: float) -> float:
        """What the lights have to give, in percent, when at `present` the sensor sees so much."""
        daylight = max(seen - self.full_lux * present / FULL, 0.0)
        wanted = (self.target_lux - daylight) / self.full_lux * FULL
        return round(min(max(wanted, self.lowest_percent), FULL), 1)

    def _seen(self, view: View, zone: Zone) -> float | None:
        """The darkest sensor, in lux at the desk; None if one is not known."""
        read = [_lux(sensor, view) for sensor in zone.sensors]  # all of them: what is looked at is watched
        known = [lux for lux in read if lux is not None and lux >= 0]
        return min(known) * self.gain if len(known) == len(read) else None

    def _present(self, view: View, zone: Zone) -> float:
        """The brightest dimmer; one that is not known is taken to be full."""
        read = [known_number(view[dimmer.id]) for dimmer in zone.dimmers]
        return max(FULL if level is None else min(max(level, 0.0), FULL) for level in read)

    def _zones(self, catalog: Catalog) -> list[Zone]:
        """Only where there is a sensor; of a light whose space is not known, nobody knows what it shines on."""
        dimmers: defaultdict[SpaceId, list[Point]] = defaultdict(list)
        for point in may_speak_for(self.lights(catalog), catalog):
            is_dimmer = point.point_class == _LEVEL_CLASS and point.kind is Kind.ANALOG and point.unit in _PERCENT
            if is_dimmer and point.space is not None and not is_exempt(point):
                dimmers[point.space].append(point)
        zones = []
        for space, around in surroundings(catalog, set(dimmers)).items():
            sensors = tuple(point for point in around.points if point.point_class == _SENSOR_CLASS)
            if sensors:
                zones.append(Zone(space, tuple(dimmers[space]), sensors, around))
        return zones


def _has_seen(view: View, zone: Zone, moved: datetime) -> bool:
    """Whether all light sensors were heard of since the lights were moved."""
    readings = [view[sensor.id] for sensor in zone.sensors]
    return all(reading is not None and reading.time >= moved for reading in readings)


def _lux(sensor: Point, view: View) -> float | None:
    """What a light sensor reads, in lx; None if that is not known."""
    number, factor = known_number(view[sensor.id]), _LUX.get(sensor.unit)
    return None if number is None or factor is None else number * factor
