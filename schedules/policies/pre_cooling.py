"""Cool while it is cheap: rooms a little cooler before a demand event or the hours of the peak tariff (domain row 12).

In the hour before either, the cooling setpoint of ordinary rooms is lowered, so that the building itself holds the cold
when the event or the peak begins. Five minutes before that, this lets go: by then the setpoints have to read as they
are without it, because that is where demand response counts its offsets from. What begins earlier (an event at once, a
limit of demand) is told where they stood (`schedules.moved`).

Guarantees:
- Only ordinary spaces, never clinical ones: there is no other space that a zone can be made of.
- Only for people: for an event or a peak that begins while the programme says occupied.
- Never during an event or a peak, and not at all while events are opted out of, or while a generator, transfer switch
  or emergency switch that the site has named does not surely rest.
- The lowered setpoint stays clear of the heating setpoint; a room that is cool already, of unknown temperature, or with
  a window that is not surely closed is left alone. One that was cool has to be warmer by half a kelvin again.

Reference: general practice (demand-response pre-cooling); the safety constraints are domain.md section 4, row 12.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar

from points.catalog import Catalog
from points.model import Point, PointId, Priority
from schedules.calendar import state_at
from schedules.moved import READS_AS_BEFORE, Moved
from schedules.policies.demand_response import named_switches, why_opted_out
from schedules.policy import Decide, Decision, Demand, Memory, Remark, Selector, View, earliest
from schedules.timetable import Timetable
from schedules.zones import Zone, zones_of

CLEAR_KELVIN = 1.0  # between the heating setpoint and whatever this cools to
WARMER_KELVIN = 0.5  # by so much a room that was cool already is warm again
LETS_GO = READS_AS_BEFORE  # before it begins


def _no_points(_catalog: Catalog) -> list[Point]:
    return []


@dataclass(frozen=True, slots=True, kw_only=True)
class Cool(Memory):
    """The rooms that were cool already and have not been clearly warmer since, and where the setpoints stood."""

    rooms: tuple[str, ...] = ()
    lowered: Moved = field(default_factory=Moved)

    def stood(self, point: PointId, now: datetime) -> float | None:
        return self.lowered.stood(point, now)


@dataclass(frozen=True, slots=True)
class _Load:
    """A time that one had better be cool for."""

    start: datetime
    end: datetime | None
    why: str
    is_worth_it: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PreCooling:
    """Lowers cooling setpoints ahead of events and of the peak tariff."""

    kind: ClassVar[str] = "pre-cooling"
    remembers: ClassVar[type[Memory] | None] = Cool

    name: str
    timetable: Timetable
    cooling: Selector
    tariff: Timetable | None = None
    peak_state: str = "peak"
    occupied_state: str = "occupied"
    heating_celsius: float = 21.0  # Guideline 36 zone defaults
    cooling_celsius: float = 24.0
    lower_kelvin: float = 1.5
    lead_minutes: float = 60.0
    least_level: int = 1
    generators: Selector | None = None
    emergencies: Selector | None = None
    priority: Priority = Priority.OCCUPANCY

    def bind(self, catalog: Catalog) -> Decide:
        zones = zones_of(catalog, heating=_no_points, cooling=self.cooling)
        celsius = max(self.cooling_celsius - self.lower_kelvin, self.heating_celsius + CLEAR_KELVIN)
        held = {zone.space: [*zone.hold(heating=None, cooling=celsius)] for zone in zones}

        watched = named_switches(catalog, self.generators, self.emergencies)

        def decide(view: View, memory: Memory | None) -> Decision:
            was = memory if isinstance(memory, Cool) else Cool()
            why, until = self._now(view)
            out = view.feeds.opted_out or (why_opted_out(view, watched) if why else "")
            if out:
                told = (Remark(about="", text=f"opted out: {out}", held=True),)
                return Decision(until=until, memory=_after(was, view.now), remarks=told)
            if not why:
                return Decision(until=until, memory=_after(was, view.now))
            were_cool = frozenset(was.rooms)
            lowered: dict[str, float] = {}
            demands: list[Demand] = []
            remarks: list[Remark] = []
            cool: list[str] = []
            for zone in zones:
                celsius = zone.celsius(view)
                is_cool = celsius is not None and self._is_cool(celsius[0], was=zone.space in were_cool)
                if is_cool:
                    cool.append(zone.space)
                if remark := self._why_not(view, zone, celsius, is_cool=is_cool):
                    remarks.append(remark)
                    continue
                demands += (
                    Demand(point=point.id, value=value, priority=self.priority, policy=self.name, reason=why)
                    for point, value in held[zone.space]
                )
                lowered |= {
                    point.id: was.lowered.base(view, point, self.cooling_celsius) for point, _ in held[zone.space]
                }
            after = Cool(rooms=tuple(cool), lowered=was.lowered.after(lowered, view.now))
            return Decision(demands=tuple(demands), until=until, memory=_kept(after), remarks=tuple(remarks))

        return decide

    def _now(self, view: View) -> tuple[str, datetime | None]:
        """What there is to cool for now, "" for nothing, and until when that is so."""
        if view.feeds.opted_out:
            return "", None
        loads = sorted(self._loads(view), key=lambda load: load.start)
        changes: list[datetime | None] = [self.tariff.change(view.now)] if self.tariff is not None else []
        lead = timedelta(minutes=self.lead_minutes)
        for load in loads:
            instants = (load.start - lead, load.start - LETS_GO, load.start, load.end)
            changes += (at for at in instants if at is not None and at > view.now)
        if any(load.start - LETS_GO <= view.now for load in loads):
            return "", earliest(changes)
        for load in loads:
            if load.is_worth_it and load.start - lead <= view.now and self._is_occupied(view.now, load.start):
                at = load.start.astimezone(view.zone)
                return f"{load.why} begins at {at:%H:%M}", earliest(changes)
        return "", earliest(changes)

    def _loads(self, view: View) -> Iterator[_Load]:
        """What is under way, and what is to come."""
        for event in view.feeds.events:
            if event.level > 0 and event.end > max(view.now, event.start):
                yield _Load(event.start, event.end, f"demand event {event.id}", event.level >= self.least_level)
        if self.tariff is None:
            return
        stretch = self.tariff.at(view.now)
        if stretch.state == self.peak_state:
            yield _Load(stretch.begin, stretch.end, f"the peak of {self.tariff.name}")
        elif stretch.turns == self.peak_state and stretch.end is not None:
            yield _Load(stretch.end, None, f"the peak of {self.tariff.name}")

    def _is_occupied(self, now: datetime, then: datetime) -> bool:
        stretch = self.timetable.at(now)
        if stretch.end is None or then < stretch.end:
            return stretch.state == self.occupied_state
        return state_at(self.timetable.programme, then, self.timetable.zone) == self.occupied_state

    def _is_cool(self, celsius: float, *, was: bool) -> bool:
        return celsius < self.heating_celsius + CLEAR_KELVIN + (WARMER_KELVIN if was else 0.0)

    def _why_not(self, view: View, zone: Zone, celsius: tuple[float, float] | None, *, is_cool: bool) -> Remark | None:
        is_open = zone.is_open(view)  # asked in any case: what is looked at is watched
        if celsius is None:
            return Remark(about=zone.space, text="its temperature is not known", held=True)
        if is_open:
            return Remark(about=zone.space, text="a window is not surely closed", held=True)
        if is_cool:
            return Remark(about=zone.space, text=f"at {celsius[0]:.1f} °C it is cool already")
        return None


def _after(was: Cool, now: datetime) -> Cool | None:
    """What is still to be remembered when nothing is lowered."""
    return _kept(Cool(lowered=was.lowered.after({}, now)))


def _kept(cool: Cool) -> Cool | None:
    return None if cool == Cool() else cool
