"""Outdoor air by the people who breathe it: demand-controlled ventilation (domain row 14; Guideline 36, CO2 loops).

The least outdoor air rises in a straight line, from `least` where the highest carbon dioxide is 200 ppm below its
setpoint to `most` where it has reached it. It speaks for points that say how much outdoor air there is at least, a flow
or a position; not for a damper that an economizer moves as well. While a sensor is not known, or nobody is expected,
nothing is demanded.

Never where ASHRAE 170 sets the outdoor air: with a sensor in a space that is not ordinary, the policy says nothing.
Alarms are told, not acted upon: carbon dioxide 10 % above its setpoint for 10 min is level 2; a sensor that reads below
300 ppm, or above 600 ppm when nobody has been expected for two hours, is broken, which is level 3: it is not known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar

from points.catalog import Catalog
from points.model import Point, PointId, Priority
from schedules.calendar import OUT_OF_PERIOD, SILENT
from schedules.machines import within
from schedules.policy import Decide, Decision, Demand, Memory, Remark, Selector, View, earliest
from schedules.timetable import Timetable
from schedules.writable import ORDINARY_SPACES, known_number, may_speak_for

TOO_LONG = timedelta(minutes=10)
TOO_HIGH = 1.1  # of the setpoint
AIRED = timedelta(hours=2)
NEVER_BELOW, AIRED_BELOW = 300.0, 600.0  # ppm
BAND = 200.0  # ppm below the setpoint, where more air begins


@dataclass(frozen=True, slots=True, kw_only=True)
class VentilationMemory(Memory):
    """Since when nobody is expected, and since when each sensor reads too much."""

    empty: datetime | None = None
    high: Mapping[PointId, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ventilation:
    """Holds the least outdoor air at what the carbon dioxide asks for."""

    kind: ClassVar[str] = "ventilation"
    remembers: ClassVar[type[Memory] | None] = VentilationMemory

    name: str
    timetable: Timetable
    outdoor_air: Selector
    sensors: Selector
    least: float  # in the points' own unit
    most: float
    occupied_state: str = "occupied"
    setpoint_ppm: float = 894.0
    priority: Priority = Priority.SCHEDULE

    def bind(self, catalog: Catalog) -> Decide:
        outputs, sensors = list(may_speak_for(self.outdoor_air(catalog), catalog)), self.sensors(catalog)
        if clinical := next((sensor for sensor in sensors if not _is_ordinary(sensor, catalog)), None):
            text = f"{clinical.id} is not in an ordinary space: its outdoor air is set by ASHRAE 170"
            return lambda view, memory: Decision(remarks=(Remark(about=clinical.id, text=text),))

        def decide(view: View, memory: Memory | None) -> Decision:
            before = memory if isinstance(memory, VentilationMemory) else VentilationMemory()
            return self._decide(view, before, outputs, sensors)

        return decide

    def _decide(
        self, view: View, before: VentilationMemory, outputs: Sequence[Point], sensors: Sequence[Point]
    ) -> Decision:
        now, state = view.now, self.timetable.state(view.now)
        occupied = state == self.occupied_state
        empty = None if occupied or state == SILENT else _since(before.empty, now)  # silent: nobody says who is there
        read = {sensor.id: known_number(view[sensor.id]) for sensor in sensors}
        limit = self.setpoint_ppm * TOO_HIGH
        high = {
            sensor: _since(before.high.get(sensor), now)
            for sensor, ppm in read.items()
            if ppm is not None and ppm > limit
        }
        memory = VentilationMemory(empty=empty, high=high)
        aired = empty is not None and now - empty >= AIRED
        broken = [sensor for sensor, ppm in read.items() if ppm is not None and _is_broken(ppm, aired=aired)]
        remarks = list(_remarks(read, broken, high, now))
        gone_by = [ppm for sensor, ppm in read.items() if sensor not in broken]
        known = [ppm for ppm in gone_by if ppm is not None]
        demands: tuple[Demand, ...] = ()
        if not outputs:
            remarks.append(Remark(about="", text="it selects no least outdoor air that a policy may hold"))
        elif not occupied:
            remarks.append(Remark(about="", text=f"{self.timetable.name} is {state or OUT_OF_PERIOD}"))
        elif known and len(known) == len(sensors):
            demands = tuple(self._demands(outputs, max(known)))
        elif not sensors:
            remarks.append(Remark(about="", text="it selects no carbon dioxide sensor"))
        ripe = [
            *(since + TOO_LONG for since in high.values() if now - since < TOO_LONG),
            *((empty + AIRED,) if empty is not None and not aired else ()),
        ]
        until = earliest((self.timetable.change(now), *ripe))
        return Decision(demands=demands, until=until, memory=memory, remarks=tuple(remarks))

    def _demands(self, outputs: Sequence[Point], ppm: float) -> Iterator[Demand]:
        share = min(max((ppm - (self.setpoint_ppm - BAND)) / BAND, 0.0), 1.0)
        wanted = round(self.least + share * (self.most - self.least), 1)
        reason = f"{ppm:.0f} ppm carbon dioxide, setpoint {self.setpoint_ppm:.0f} ppm"
        for point in outputs:
            value = within(point, wanted)
            if value is not None:
                yield Demand(point=point.id, value=value, priority=self.priority, policy=self.name, reason=reason)


def _is_ordinary(sensor: Point, catalog: Catalog) -> bool:
    """Whether it is in an ordinary space, or in none, such as one in a duct."""
    space = catalog.spaces.get(sensor.space) if sensor.space is not None else None
    return sensor.space is None or (space is not None and space.type in ORDINARY_SPACES)


def _is_broken(ppm: float, *, aired: bool) -> bool:
    return ppm < NEVER_BELOW or (aired and ppm > AIRED_BELOW)


def _remarks(
    read: Mapping[PointId, float | None], broken: Sequence[PointId], high: Mapping[PointId, datetime], now: datetime
) -> Iterator[Remark]:
    for sensor, ppm in read.items():
        if ppm is None:
            yield Remark(about=sensor, text="its carbon dioxide is not known", held=True)
        elif sensor in broken:
            text = f"alarm level 3: it reads {ppm:.0f} ppm, which cannot be: look at the sensor"
            yield Remark(about=sensor, text=text, held=True)
        elif sensor in high and now - high[sensor] >= TOO_LONG:
            minutes = TOO_LONG.total_seconds() / 60
            yield Remark(about=sensor, text=f"alarm level 2: {ppm:.0f} ppm carbon dioxide for {minutes:g} min")


def _since(before: datetime | None, now: datetime) -> datetime:
    """A time that is yet to come was told by another clock."""
    return now if before is None or before > now else before
