"""Supply air as warm as the zones and the outside allow (domain row 15; ASHRAE Guideline 36, section 5.16.2).

Occupied, the setpoint falls from what trim and respond has reached, when it is 16 °C outside, to `lowest` at 21 °C.
Warming up it is 35 °C, cooling down it is `lowest`; at other times, and while the programme says nothing, nothing is
demanded.

Air that is not dry enough stays cold: while any humidity is above 55 %, or is not known, the setpoint does not rise,
and where none was held before, only the lowest is. Where rooms may have a humidity at most, it is never above what
dries their air enough. Requests of zones that are not known are not taken for none: nothing is trimmed meanwhile.
Without the outside temperature nothing is demanded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from points.catalog import Catalog
from points.model import Point, Priority
from schedules.boxes import Box, Polled, asks_for_cooler_air, boxes_of, polled
from schedules.calendar import OUT_OF_PERIOD, SILENT
from schedules.machines import any_runs, celsius_for, numbers
from schedules.moist_air import warmest_that_dries
from schedules.policy import Decide, Decision, Demand, Memory, Remark, Selector, View, earliest
from schedules.requests import Asking
from schedules.timetable import Timetable
from schedules.trim_respond import Trim, TrimRespond
from schedules.writable import known_celsius, may_speak_for

GUIDELINE = TrimRespond(
    initial=18.0, low=13.0, high=18.0, delay=600.0, period=120.0, ignored=2, trim=0.1, respond=-0.2, most=-0.6
)
"""In °C and seconds, from the design temperature to the warmest."""

DRY_AGAIN = 2.0  # percent below the limit, before the setpoint may rise again


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplyTemperatureMemory(Memory):
    """Where the setpoint stands, and what the zones ask."""

    trim: Trim
    zones: Mapping[str, Asking] = field(default_factory=dict)
    moist: bool = False
    held: float | None = None  # the setpoint of the last time, °C; None if none was demanded


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplyTemperatureReset:
    """Holds supply air temperature setpoints where requests and the outside put them."""

    kind: ClassVar[str] = "supply-temperature-reset"
    remembers: ClassVar[type[Memory] | None] = SupplyTemperatureMemory

    name: str
    timetable: Timetable
    setpoints: Selector
    zones: Selector
    running: Selector  # what says that the fan runs
    outside: Selector
    humidities: Selector | None = None
    occupied_state: str = "occupied"
    warm_up_state: str = ""
    cool_down_state: str = ""
    reset: TrimRespond = GUIDELINE
    lowest_celsius: float = 12.0
    mild_celsius: float = 16.0  # outside; below, trim and respond alone decides
    hot_celsius: float = 21.0  # outside; above, it is the lowest
    warm_up_celsius: float = 35.0
    moist_percent: float = 55.0
    room_celsius: float = 24.0
    room_percent: float | None = None  # what the rooms may have at most; None: nothing is bounded by it
    priority: Priority = Priority.SCHEDULE

    def bind(self, catalog: Catalog) -> Decide:
        places = _Places(
            setpoints=tuple(may_speak_for(self.setpoints(catalog), catalog)),
            zones=tuple(boxes_of(self.zones(catalog))),
            running=tuple(self.running(catalog)),
            outside=tuple(self.outside(catalog)),
            humidities=tuple(self.humidities(catalog)) if self.humidities is not None else (),
        )

        def decide(view: View, memory: Memory | None) -> Decision:
            before = memory if isinstance(memory, SupplyTemperatureMemory) else None
            return self._decide(view, before, places)

        return decide

    def _decide(self, view: View, before: SupplyTemperatureMemory | None, at: _Places) -> Decision:
        running = any_runs(view, at.running)
        poll = polled(view, at.zones, asks_for_cooler_air, before.zones if before else {})
        moist, unsure = self._is_moist(view, at.humidities, was=before is not None and before.moist)
        outside = [known_celsius(point, view[point.id]) for point in at.outside]
        state, change = self.timetable.state(view.now), self.timetable.change(view.now)
        if not at.setpoints:
            return Decision(remarks=(Remark(about="", text="it selects no setpoint that a policy may hold"),))
        if running is None:
            text = "whether the fan runs is not known"
            return Decision(until=change, memory=before, remarks=(Remark(about="", text=text, held=True),))
        if state != SILENT and state in (self.warm_up_state, self.cool_down_state):
            celsius = self.warm_up_celsius if state == self.warm_up_state else self.lowest_celsius
            reason = f"{self.timetable.name} is {state}"
            return Decision(demands=self._hold(at.setpoints, celsius, reason), until=change)
        if not running or state != self.occupied_state:
            text = f"{self.timetable.name} is {state or OUT_OF_PERIOD}" if running else "the fan is off"
            return Decision(until=change, remarks=(Remark(about="", text=text),))
        warmest = max((celsius for celsius in outside if celsius is not None), default=None)
        if warmest is None or None in outside:
            text = "the outside temperature is not known"
            return Decision(until=change, memory=before, remarks=(Remark(about="", text=text, held=True),))
        if len(poll.unknown) == len(at.zones):
            text = "no zone says what it needs"
            return Decision(until=change, memory=before, remarks=(Remark(about="", text=text, held=True),))
        may_rise = not (moist or poll.unknown)
        trim = self.reset.step(
            before.trim if before else None, poll.requests, running=True, now=view.now, may_trim=may_rise
        )
        wanted = self._bound(self._setpoint(trim.setpoint, warmest), before.held if before else None, moist=moist)
        memory = SupplyTemperatureMemory(trim=trim, zones=poll.asking, moist=moist, held=wanted)
        reason = f"{warmest:.1f} °C outside, and the zones would bear {trim.setpoint:g} °C"
        return Decision(
            demands=() if wanted is None else self._hold(at.setpoints, wanted, reason),
            until=earliest((change, trim.due)),
            memory=memory,
            remarks=tuple(_remarks(poll, moist=moist, unsure=unsure)),
        )

    def _setpoint(self, reached: float, outside: float) -> float:
        """From what was reached to the lowest, by the outside temperature; never too warm to dry the air."""
        share = min(max((outside - self.mild_celsius) / (self.hot_celsius - self.mild_celsius), 0.0), 1.0)
        wanted = reached - share * (reached - self.lowest_celsius)
        if self.room_percent is not None:
            wanted = min(wanted, warmest_that_dries(self.room_celsius, self.room_percent))
        return round(max(wanted, self.lowest_celsius), 1)

    def _bound(self, wanted: float, held: float | None, *, moist: bool) -> float | None:
        """No higher than before while the air is moist; None where any but the lowest may be higher."""
        if not moist or wanted <= self.lowest_celsius:
            return wanted
        return None if held is None else min(wanted, max(held, self.lowest_celsius))

    def _is_moist(self, view: View, sensors: Sequence[Point], *, was: bool) -> tuple[bool, bool]:
        """Whether a humidity is above the limit, or was and is not clearly below; and whether one is not known."""
        read = numbers(view, sensors)
        if read is None:
            return True, True
        return any(percent > self.moist_percent - DRY_AGAIN * was for percent in read), False

    def _hold(self, setpoints: Sequence[Point], celsius: float, reason: str) -> tuple[Demand, ...]:
        fit = ((point, celsius_for(point, celsius)) for point in setpoints)
        return tuple(
            Demand(point=point.id, value=value, priority=self.priority, policy=self.name, reason=reason)
            for point, value in fit
            if value is not None
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Places:
    """What it speaks for and goes by in a building."""

    setpoints: tuple[Point, ...]
    zones: tuple[Box, ...]
    running: tuple[Point, ...]
    outside: tuple[Point, ...]
    humidities: tuple[Point, ...]


def _remarks(poll: Polled, *, moist: bool, unsure: bool) -> Iterator[Remark]:
    for zone in poll.unknown:
        yield Remark(about=zone, text="what it needs is not known, so nothing is trimmed", held=True)
    if unsure:
        yield Remark(about="", text="a humidity is not known, so the setpoint does not rise", held=True)
    elif moist:
        yield Remark(about="", text="a humidity is too high, so the setpoint does not rise")
