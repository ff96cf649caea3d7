"""Outdoor air for cooling only while it cools (domain row 13; ASHRAE 90.1 Table 6.5.1.1.3; Guideline 36 high limits).

Above its high limit the economizer is switched off: points that enable it are held off, dampers at the least outdoor
air that the code asks for. Below it, nothing is demanded of a damper, which is its controller's to move, and what
enables is held on. The limit has a hysteresis, so it does not flutter; so has that of the humidity, above which outdoor
air is not let in either. Smoke or bad air outside closes to the least outdoor air, whatever else is known: never below.

What is not known demands nothing. Near frost nothing is switched on, and it is told (`schedules.frost`): no freeze
protection is ever commanded from here. How fast a damper moves is the guard's: 25 % a minute.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from points.catalog import Catalog
from points.model import Kind, Point, Priority
from schedules.frost import STAGES, Frost, after, changes
from schedules.machines import is_set, numbers, within
from schedules.moist_air import enthalpy
from schedules.policy import Decide, Decision, Demand, Memory, Remark, Selector, View
from schedules.writable import known_celsius, known_number, may_speak_for

HIGH_LIMITS = {  # °C of dry bulb by climate zone
    **dict.fromkeys(("0b", "1b", "2b", "3b", "3c", "4b", "4c", "5b", "5c", "6b", "7", "8"), 24.0),
    **dict.fromkeys(("5a", "6a"), 21.0),
    **dict.fromkeys(("0a", "1a", "2a", "3a", "4a"), 18.0),
}
HUMID_ZONES = frozenset({"0a", "1a", "2a", "3a", "4a"})
"""Where a comparison with the return air's temperature alone is not allowed."""

DRY_AGAIN = 5.0  # percent below the limit, before outdoor air is let in again


class HighLimit(StrEnum):
    """What outdoor air is compared with."""

    FIXED = "fixed-dry-bulb"
    DIFFERENTIAL = "differential-dry-bulb"
    ENTHALPY = "fixed-enthalpy"


@dataclass(frozen=True, slots=True, kw_only=True)
class EconomizerMemory(Memory):
    """Which side of each limit it is on, and how near to frost."""

    cool: bool | None = None  # below the limit of temperature; None: not known yet
    light: bool | None = None  # below the limit of heat
    moist: bool = False
    frost: Frost = field(default_factory=Frost)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Whether outdoor air is below a limit; None if that is not known, and then it is remembered as it was."""

    holds: bool | None = None
    was: bool | None = None
    why: str = ""

    @property
    def remembered(self) -> bool | None:
        return self.was if self.holds is None else self.holds


@dataclass(frozen=True, slots=True, kw_only=True)
class Economizer:
    """Enables free cooling while the outside is below its high limit."""

    kind: ClassVar[str] = "economizer"
    remembers: ClassVar[type[Memory] | None] = EconomizerMemory

    name: str
    enables: Selector | None  # binary points
    dampers: Selector | None  # outdoor air dampers, in percent
    outside: Selector  # outdoor temperature
    returned: Selector | None = None  # return air temperature, to compare with
    outside_humidity: Selector | None = None  # for the enthalpy
    humidities: Selector | None = None  # indoors
    events: Selector | None = None  # smoke or bad air outside: a state, or an index above `event_above`
    supply: Selector | None = None  # supply air temperature, for frost
    limit: HighLimit = HighLimit.FIXED
    high_celsius: float = 24.0
    high_kilojoules: float = 66.0
    hysteresis_kelvin: float = 1.0
    hysteresis_kilojoules: float = 2.0
    moist_percent: float = 60.0
    event_above: float = 100.0
    least_percent: float = 20.0
    priority: Priority = Priority.SCHEDULE

    def bind(self, catalog: Catalog) -> Decide:
        def all_of(selector: Selector | None) -> tuple[Point, ...]:
            return () if selector is None else tuple(selector(catalog))

        at = _Places(
            enables=tuple(may_speak_for(all_of(self.enables), catalog)),
            dampers=tuple(may_speak_for(all_of(self.dampers), catalog)),
            outside=all_of(self.outside),
            returned=all_of(self.returned),
            outside_humidity=all_of(self.outside_humidity),
            humidities=all_of(self.humidities),
            events=all_of(self.events),
            supply=all_of(self.supply),
        )

        def decide(view: View, memory: Memory | None) -> Decision:
            return self._decide(view, memory if isinstance(memory, EconomizerMemory) else EconomizerMemory(), at)

        return decide

    def _decide(self, view: View, before: EconomizerMemory, at: _Places) -> Decision:
        """All inputs are looked at, whatever the first of them says: the planner watches what is looked at."""
        cool, light = self._cools(view, at, before)
        moist = self._is_moist(view, at, was=before.moist)
        event = _event(view, at.events, self.event_above)
        supply = [known_celsius(point, view[point.id]) for point in at.supply]
        coldest = min((celsius for celsius in supply if celsius is not None), default=None)
        frost = after(before.frost, coldest, view.now)
        memory = EconomizerMemory(
            cool=cool.remembered,
            light=light.remembered,
            moist=before.moist if moist is None else moist,
            frost=frost,
        )
        on, reason, unknown = self._verdict((cool, light), frost, moist=moist, event=event)
        remarks = [Remark(about="", text=text, held=True) for text in unknown]
        if frost.stage:
            remarks.append(Remark(about=at.supply[0].id, text=STAGES[frost.stage]))
        if not at.enables and not at.dampers:
            remarks.append(Remark(about="", text="it selects nothing that a policy may command"))
        demands = () if on is None else tuple(self._demands(at, reason, on=on))
        if on and not at.enables:
            remarks.append(Remark(about="", text=f"free cooling is its controller's: {reason}"))
        return Decision(demands=demands, until=changes(frost, view.now), memory=memory, remarks=tuple(remarks))

    def _verdict(
        self, limits: Sequence[Comparison], frost: Frost, *, moist: bool | None, event: bool | None
    ) -> tuple[bool | None, str, list[str]]:
        """Whether it is on, why, and what is not known. An event is obeyed whatever else is known."""
        if event:
            return False, "smoke or bad air outside", []
        unknown = [limit.why for limit in limits if limit.holds is None]
        unknown += ["whether there is smoke or bad air outside is not known"] if event is None else []
        unknown += ["a humidity is not known"] if moist is None else []
        above = next((limit.why for limit in limits if limit.holds is False), "")
        if above:
            return False, above, unknown
        if moist:
            return False, f"a humidity is above {self.moist_percent:g} %", unknown
        if unknown or frost.stage:
            return None, "", unknown
        return True, limits[0].why, []

    def _cools(self, view: View, at: _Places, before: EconomizerMemory) -> tuple[Comparison, Comparison]:
        """Whether outdoor air is below its limit of temperature, and below that of heat."""
        outside = _warmest(view, at.outside)
        percents = numbers(view, at.outside_humidity)
        if outside is None:
            unknown = Comparison(was=before.cool, why="the outside temperature is not known")
            return unknown, Comparison(holds=True, was=before.light)
        limit, what = self.high_celsius, "limit"
        if self.limit is HighLimit.DIFFERENTIAL:
            returned = [known_celsius(point, view[point.id]) for point in at.returned]
            indoors = [celsius for celsius in returned if celsius is not None]
            if not indoors or None in returned:
                unknown = Comparison(was=before.cool, why="the return air temperature is not known")
                return unknown, Comparison(holds=True, was=before.light)
            limit, what = min(indoors), "return air"
        cool = Comparison(
            holds=_below(outside, limit, self.hysteresis_kelvin, was=before.cool),
            was=before.cool,
            why=f"{outside:.1f} °C outside, {what} {limit:.1f} °C",
        )
        if self.limit is not HighLimit.ENTHALPY:
            return cool, Comparison(holds=True, was=before.light)
        if not percents:
            return cool, Comparison(was=before.light, why="the outside humidity is not known")
        heat = enthalpy(outside, max(percents))
        light = Comparison(
            holds=_below(heat, self.high_kilojoules, self.hysteresis_kilojoules, was=before.light),
            was=before.light,
            why=f"{heat:.1f} kJ/kg outside, limit {self.high_kilojoules:g} kJ/kg",
        )
        return cool, light

    def _is_moist(self, view: View, at: _Places, *, was: bool) -> bool | None:
        read = numbers(view, at.humidities)
        if read is None:
            return None
        return any(percent > self.moist_percent - DRY_AGAIN * was for percent in read)

    def _demands(self, at: _Places, reason: str, *, on: bool) -> Iterator[Demand]:
        for point in at.enables:
            if point.kind is Kind.BINARY:
                yield self._demand(point, reason, value=on)
        for point in at.dampers:
            least = within(point, self.least_percent)
            if not on and least is not None:
                yield self._demand(point, f"least outdoor air: {reason}", value=least)

    def _demand(self, point: Point, reason: str, *, value: bool | float) -> Demand:
        return Demand(point=point.id, value=value, priority=self.priority, policy=self.name, reason=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Places:
    """What it speaks for and goes by in a building."""

    enables: tuple[Point, ...]
    dampers: tuple[Point, ...]
    outside: tuple[Point, ...]
    returned: tuple[Point, ...]
    outside_humidity: tuple[Point, ...]
    humidities: tuple[Point, ...]
    events: tuple[Point, ...]
    supply: tuple[Point, ...]


def _warmest(view: View, thermometers: Sequence[Point]) -> float | None:
    """The highest of them; None if there is none, or not all of them are known."""
    read = [known_celsius(point, view[point.id]) for point in thermometers]
    known = [celsius for celsius in read if celsius is not None]
    return max(known) if known and len(known) == len(read) else None


def _below(value: float, limit: float, hysteresis: float, *, was: bool | None) -> bool:
    """Whether it is not above the limit; once it was, it must come clearly back."""
    return value <= limit - (hysteresis if was is False else 0.0)


def _event(view: View, points: Sequence[Point], above: float) -> bool | None:
    """Whether one of them tells of smoke or bad air; None if none does and one is not known."""
    said = [_is_bad(view, point, above) if point.kind is Kind.ANALOG else is_set(view, point) for point in points]
    return True if any(said) else None if None in said else False


def _is_bad(view: View, index: Point, above: float) -> bool | None:
    number = known_number(view[index.id])
    return None if number is None else number > above
