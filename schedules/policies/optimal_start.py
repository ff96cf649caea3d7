"""Warm-up and cool-down: the setpoints of the day, as late as every zone can bear it (domain row 2).

Before an occupied time, a zone gets the occupied setpoints so early that it just reaches them: the kelvin that it is
off, divided by the slope at which it moved on the latest three starts. Started, it stays started until people come.

Guarantees:
- Never earlier than the cap of 3 h; an hour before anything is learned; not at all for half a kelvin or a minute.
- Only ordinary spaces; only setpoints, and what a site names to run meanwhile. Outdoor air is left to the air handler.
- A zone with a window that is not surely closed, or of unknown temperature, is left alone, and teaches nothing.
- A start teaches when its zone has reached its setpoint, or at the cap with what it did reach; not if nobody looked.
- `until` is the very instant at which the first zone is due, as far as the present readings tell.

Reference: ASHRAE Guideline 36 warm-up and cool-down modes; LBNL Modelica Buildings `OptimalStart` (tOptMax 3 h, nDay 3,
uHigh 0.5 K, uLow 0, thrOptOn 60 s). LBNL measures how far a zone is off once, at the cap; here it is measured
until the zone has started.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import inf
from typing import ClassVar

from points.catalog import Catalog
from points.model import Point, Priority, Value
from schedules.modes import Mode, recovery
from schedules.policy import Decide, Decision, Demand, Memory, Remark, Selector, View, earliest
from schedules.thermal import Slopes, slope, time_for, with_latest
from schedules.timetable import Timetable
from schedules.writable import fitting, may_speak_for
from schedules.zones import Zone, is_start, zones_of

LATE = timedelta(minutes=10)  # who looks so long after the cap has not seen how long it took

Started = tuple[int, datetime]
"""In which mode a zone was started, and for which occupied time."""

Learning = tuple[int, datetime, float]
"""In which mode a zone was started, when, and how many kelvin it was off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Starts(Memory):
    """What zones have learned, which of them are started, and which of those still learn; by space."""

    slopes: dict[str, Slopes] = field(default_factory=dict)  # "warm-up office-1" -> K/h
    started: dict[str, Started] = field(default_factory=dict)
    learning: dict[str, Learning] = field(default_factory=dict)


@dataclass(slots=True)
class _Course:
    """One decision, while it is made."""

    slopes: dict[str, Slopes]
    started: dict[str, Started]
    learning: dict[str, Learning]
    remarks: list[Remark] = field(default_factory=list)
    changes: list[datetime | None] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Need:
    """What a zone needs before it is occupied."""

    zone: Zone
    mode: Mode
    kelvin: float
    lead: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimalStart:
    """Gives zones their occupied setpoints early enough, and no earlier."""

    kind: ClassVar[str] = "optimal-start"
    remembers: ClassVar[type[Memory] | None] = Starts

    name: str
    timetable: Timetable
    heating: Selector
    cooling: Selector
    runs: Selector | None = None
    """What runs while a zone is started, such as the fan of its air handler; nothing is ever stopped for it."""
    run_value: Value = True
    occupied_state: str = "occupied"
    heating_celsius: float = 21.0  # Guideline 36 zone defaults
    cooling_celsius: float = 24.0
    cap_hours: float = 3.0
    unlearned_hours: float = 1.0
    dead_kelvin: float = 0.5
    least_seconds: float = 60.0
    together: bool = False
    """All zones start when the one that needs longest has to."""
    priority: Priority = Priority.OCCUPANCY

    def bind(self, catalog: Catalog) -> Decide:
        zones = zones_of(catalog, heating=self.heating, cooling=self.cooling)
        held = {zone.space: [*zone.hold(heating=self.heating_celsius, cooling=self.cooling_celsius)] for zone in zones}
        running = may_speak_for(self.runs(catalog), catalog) if self.runs is not None else ()
        fit = ((point, fitting(point, self.run_value)) for point in running)
        runs = [(point, value) for point, value in fit if value is not None and is_start(point, value)]

        def decide(view: View, memory: Memory | None) -> Decision:
            known = memory if isinstance(memory, Starts) else Starts()
            course = _Course(dict(known.slopes), dict(known.started), dict(known.learning))
            self._learn(view, zones, course)
            started = self._started(view, zones, course)
            if self.timetable.state(view.now) != self.occupied_state:  # who has his setpoints no more learns no more
                course.learning = {space: told for space, told in course.learning.items() if space in course.started}
            demands = [demand for zone, why in started for demand in self._demands(held[zone.space], why)]
            if started:
                demands += self._demands(runs, f"for {', '.join(zone.space for zone, _ in started)}")
            return Decision(
                demands=tuple(demands),
                until=earliest([*course.changes, self.timetable.change(view.now)]),
                memory=Starts(slopes=course.slopes, started=course.started, learning=course.learning),
                remarks=tuple(course.remarks),
            )

        return decide

    def _demands(self, points: Iterable[tuple[Point, Value]], reason: str) -> Iterator[Demand]:
        for point, value in points:
            yield Demand(point=point.id, value=value, priority=self.priority, policy=self.name, reason=reason)

    def _learn(self, view: View, zones: list[Zone], course: _Course) -> None:
        """A start teaches when it is over: the setpoint is reached, or the cap.

        One that cannot be seen is dropped, and so is one that nobody saw the end of, or by a clock that was put back.
        """
        for zone in zones:
            if zone.space not in course.learning:
                continue
            mode, since, kelvin = course.learning[zone.space]
            celsius = zone.celsius(view)
            if celsius is None or zone.is_open(view):
                del course.learning[zone.space]
                continue
            off = self.heating_celsius - celsius[0] if mode == Mode.WARM_UP else celsius[1] - self.cooling_celsius
            took = view.now - since
            if not timedelta(0) <= took <= self._cap + LATE:
                del course.learning[zone.space]
                continue
            if off > 0 and took < self._cap:
                course.changes.append(since + self._cap)
                continue
            key = _key(Mode(mode), zone.space)
            learned = slope(kelvin - max(off, 0.0), took)
            course.slopes[key] = with_latest(course.slopes.get(key, ()), max(learned, 0.0))
            del course.learning[zone.space]

    def _started(self, view: View, zones: list[Zone], course: _Course) -> list[tuple[Zone, str]]:
        """The zones that are started for the next occupied time, each with the reason."""
        stretch = self.timetable.at(view.now)
        if stretch.end is None or stretch.turns != self.occupied_state:
            course.started.clear()
            return []
        occupied = stretch.end
        course.started = {space: told for space, told in course.started.items() if told[1] == occupied}
        needs = self._needs(view, zones, course)
        if self.together and needs:
            worst = max(needs, key=lambda need: need.lead)
            needs = [replace(need, mode=need.mode if need.kelvin else worst.mode, lead=worst.lead) for need in needs]
        anyway = self.together and any(need.zone.space in course.started for need in needs)
        found: list[tuple[Zone, str]] = []
        for need in needs:
            space, due = need.zone.space, occupied - need.lead
            if space not in course.started and (anyway or (need.lead and due <= view.now)):
                course.started[space] = (int(need.mode), occupied)
                if need.kelvin > 0:
                    course.learning[space] = (int(need.mode), view.now, need.kelvin)
            if space in course.started:
                at = f"{self.timetable.name} is {self.occupied_state} at {occupied.astimezone(view.zone):%H:%M}"
                found.append((need.zone, f"{Mode(course.started[space][0]).word}: {at}"))
            elif need.lead:
                course.changes.append(due)
                text = f"{need.mode.word} of {need.kelvin:.1f} K begins at {due.astimezone(view.zone):%H:%M:%S}"
                course.remarks.append(Remark(about=space, text=text))
            else:
                course.remarks.append(Remark(about=space, text="it needs no start before it is occupied"))
        return found

    def _needs(self, view: View, zones: list[Zone], course: _Course) -> list[_Need]:
        """What the zones need that are known and shut; the others are not started any more."""
        needs: list[_Need] = []
        for zone in zones:
            celsius = zone.celsius(view)
            if celsius is None or zone.is_open(view):
                why = "its temperature is not known" if celsius is None else "a window is not surely closed"
                course.remarks.append(Remark(about=zone.space, text=why, held=True))
                course.started.pop(zone.space, None)
                continue
            mode, kelvin = recovery(
                *celsius,
                heating=self.heating_celsius if zone.heating else -inf,
                cooling=self.cooling_celsius if zone.cooling else inf,
                dead=self.dead_kelvin,
            )
            needs.append(_Need(zone, mode, kelvin, self._lead(course.slopes.get(_key(mode, zone.space), ()), kelvin)))
        return needs

    def _lead(self, slopes: Slopes, kelvin: float) -> timedelta:
        if kelvin <= 0:
            return timedelta(0)
        lead = time_for(kelvin, slopes, cap=self._cap, unlearned=timedelta(hours=self.unlearned_hours))
        return lead if lead >= timedelta(seconds=self.least_seconds) else timedelta(0)

    @property
    def _cap(self) -> timedelta:
        return timedelta(hours=self.cap_hours)


def _key(mode: Mode, space: str) -> str:
    return f"{mode.word} {space}"
