"""What ends the setback of an empty building before it harms: cold, heat, frost, damp (domain row 4).

While the programme says unoccupied, a group of zones is looked at as a whole. Too cold for its unoccupied heating
setpoint, it is in set-back; too warm for the cooling one, in set-up; near frost, in freeze protection; too damp, or
with a dew point at which cold surfaces get wet, in dehumidification. In each, the configured points have the configured
values: the air handler runs, the setpoints are those that bring the zones back.

Guarantees:
- Set-back and set-up begin when any five zones (or all, if there are fewer) are beyond the limit, or their mean is, and
  end when all are 1 K inside. Freeze protection begins with one zone below 4 °C and ends with all above 7 °C.
- A zone that is not known neither begins nor ends anything; when none is known, nothing is demanded.
- Freeze protection is told as an event of level 3. Stages 2 and 3 of an air handler's own freeze protection (outdoor
  air shut, fans off, chilled water through the coil) would take the ventilation of care areas away: those belong to
  the hard-wired safety, and a value that would do such a thing is never demanded, whatever is configured.

Reference: ASHRAE Guideline 36 set-back, set-up and freeze protection modes of zone groups, as in LBNL Modelica
Buildings `OperationMode`; humidity and dew point are limits of ours (ASHRAE 170: 60 % RH at most in most spaces).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from points.catalog import Catalog
from points.model import Kind, Point, Priority, Value
from schedules.modes import THAWED_CELSIUS, Mode, exceeds, is_freezing, is_set_back, is_set_up, mode_of
from schedules.policy import Decide, Decision, Demand, Memory, Remark, Selector, View
from schedules.thermal import dew_point
from schedules.timetable import Timetable
from schedules.writable import fitting, may_speak_for
from schedules.zones import Zone, is_start, zones_of

DAMP = "dehumidify"
STATES = (Mode.SET_BACK.word, Mode.SET_UP.word, Mode.FREEZE_PROTECTION.word, DAMP)
"""For which values may be configured."""

PERCENT_BACK, DEW_POINT_BACK = 5.0, 1.0  # how far below its limit damp air must be again

_SETPOINTS = frozenset({"heating-setpoint", "cooling-setpoint", "temperature-setpoint", "humidity-setpoint"})
"""Classes that may be held besides starts. Dampers, valves, speeds and flows are what the freeze stages of an air
handler work on: no value of theirs is ours to choose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits(Memory):
    """Which limits have been passed and not yet left behind; by the names in `STATES`."""

    passed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the thermometers and hygrometers of the group say; None for a zone that is not known."""

    coldest: list[float | None]
    warmest: list[float | None]
    percent: list[float | None]
    dew_points: list[float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setback:
    """Holds points at the values of the mode that an unoccupied group of zones needs."""

    kind: ClassVar[str] = "setback"
    remembers: ClassVar[type[Memory] | None] = Limits

    name: str
    timetable: Timetable
    heating: Selector
    cooling: Selector
    points: Selector
    """What is held while a mode lasts: starts of air handlers, setpoints."""
    values: Mapping[str, Value | Mapping[str, Value]]
    """Mode -> one value for every point, or a value per point class; a mode without values holds nothing."""
    unoccupied_state: str = "unoccupied"
    heating_celsius: float = 16.0  # unoccupied; Guideline 36 zone defaults
    cooling_celsius: float = 32.0
    humidity_percent: float = 65.0
    dew_point_celsius: float = 17.0
    priority: Priority = Priority.OCCUPANCY

    def bind(self, catalog: Catalog) -> Decide:
        zones = zones_of(catalog, heating=self.heating, cooling=self.cooling)
        points = list(may_speak_for(self.points(catalog), catalog))
        held = {state: list(self._held(state, points)) for state in self.values}

        def decide(view: View, memory: Memory | None) -> Decision:
            known = memory if isinstance(memory, Limits) else Limits()
            stretch = self.timetable.at(view.now)
            if stretch.state != self.unoccupied_state:
                return Decision(until=self.timetable.change(view.now))
            seen = _look(view, zones)
            if not any(celsius is not None for celsius in seen.coldest):
                text = "no zone's temperature is known"
                return Decision(
                    until=self.timetable.change(view.now),
                    memory=known,
                    remarks=(Remark(about="", text=text, held=True),),
                )
            passed = tuple(self._passed(seen, known.passed))
            state = _state(passed)
            return Decision(
                demands=tuple(self._demands(held.get(state, ()), state)),
                until=self.timetable.change(view.now),
                memory=Limits(passed=passed),
                remarks=tuple(_remarks(zones, seen, passed, held)),
            )

        return decide

    def _passed(self, seen: _Seen, before: Collection[str]) -> Iterator[str]:
        back, up, frost = Mode.SET_BACK.word, Mode.SET_UP.word, Mode.FREEZE_PROTECTION.word
        if is_set_back(seen.coldest, self.heating_celsius, was=back in before):
            yield back
        if is_set_up(seen.warmest, self.cooling_celsius, was=up in before):
            yield up
        if is_freezing(seen.coldest, was=frost in before):
            yield frost
        was = DAMP in before
        percent = exceeds(seen.percent, self.humidity_percent, PERCENT_BACK, was=was)
        if percent or exceeds(seen.dew_points, self.dew_point_celsius, DEW_POINT_BACK, was=was):
            yield DAMP

    def _held(self, state: str, points: list[Point]) -> Iterator[tuple[Point, Value]]:
        """The points of a mode with their values, without those that would take ventilation away."""
        values = self.values[state]
        for point in points:
            wish = values.get(point.point_class) if isinstance(values, Mapping) else values
            value = None if wish is None else fitting(point, wish)
            if value is not None and _is_harmless(point, value):
                yield point, value

    def _demands(self, held: Collection[tuple[Point, Value]], state: str) -> Iterator[Demand]:
        for point, value in held:
            reason = f"{state}: {self._why(state)}"
            yield Demand(point=point.id, value=value, priority=self.priority, policy=self.name, reason=reason)

    def _why(self, state: str) -> str:
        """What has been passed, in words that stay the same while the mode lasts."""
        return {
            Mode.SET_BACK.word: f"the zones are too cold for {self.heating_celsius:g} °C, or not yet warm again",
            Mode.SET_UP.word: f"the zones are too warm for {self.cooling_celsius:g} °C, or not yet cool again",
            Mode.FREEZE_PROTECTION.word: "a zone was near frost, and not all have thawed (alarm, level 3)",
            DAMP: f"the air is damp: {self.humidity_percent:g} % RH or a dew point of {self.dew_point_celsius:g} °C",
        }[state]


def _remarks(zones: list[Zone], seen: _Seen, passed: Collection[str], held: Collection[str]) -> Iterator[Remark]:
    for zone, celsius in zip(zones, seen.coldest, strict=True):
        if celsius is None:
            yield Remark(about=zone.space, text="its temperature is not known: it begins and ends no mode", held=True)
        elif Mode.FREEZE_PROTECTION.word in passed and celsius <= THAWED_CELSIUS:
            yield Remark(about=zone.space, text=f"alarm, level 3: {celsius:.1f} °C, freeze protection set-back")
    for state in passed:
        if state not in held:
            yield Remark(about="", text=f"{state}, and the configuration has no values for it")
    if not passed:
        yield Remark(about="", text=f"{Mode.UNOCCUPIED.word}: no limit is passed")


def _look(view: View, zones: list[Zone]) -> _Seen:
    celsius = [zone.celsius(view) for zone in zones]
    percent = [zone.humidities(view) for zone in zones]
    dew_points = [
        None if value is None or warmth is None else dew_point(warmth[1], value)
        for warmth, values in zip(celsius, percent, strict=True)
        for value in values
    ]
    return _Seen(
        coldest=[None if warmth is None else warmth[0] for warmth in celsius],
        warmest=[None if warmth is None else warmth[1] for warmth in celsius],
        percent=[value for values in percent for value in values],
        dew_points=dew_points,
    )


def _state(passed: Collection[str]) -> str:
    """The mode of the group; what only damp asks for comes last."""
    mode = mode_of([mode for mode in Mode if mode.word in passed])
    return DAMP if mode is Mode.UNOCCUPIED and DAMP in passed else mode.word


def _is_harmless(point: Point, value: Value) -> bool:
    """Whether this cannot shut, stop or flood anything."""
    return is_start(point, value) or (point.point_class in _SETPOINTS and point.kind is Kind.ANALOG)
