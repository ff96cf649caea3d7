"""Cool while it is cheap: rooms a little cooler before a demand event or the hours of the peak tariff (domain row 12).

In the hour before either, the cooling setpoint of ordinary rooms is lowered, so that the building itself holds the cold
when the event or the peak begins. Then this lets go, and the rooms may drift through it.

Guarantees:
- Only ordinary spaces, never clinical ones: there is no other space that a zone can be made of.
- Only for people: for an event or a peak that begins while the programme says occupied.
- Never during an event or a peak, and not at all while events are opted out of (on generator, in an emergency).
- The lowered setpoint stays clear of the heating setpoint; a room that is cool already, of unknown temperature, or with
  a window that is not surely closed is left alone.

Reference: general practice (demand-response pre-cooling); the safety constraints are domain.md section 4, row 12.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from points.catalog import Catalog
from points.model import Point, Priority
from schedules.calendar import state_at
from schedules.policy import Decide, Decision, Demand, Memory, Remark, Selector, View, earliest
from schedules.timetable import Timetable
from schedules.zones import Zone, zones_of

CLEAR_KELVIN = 1.0  # between the heating setpoint and whatever this cools to


def _no_points(_catalog: Catalog) -> list[Point]:
    return []


@dataclass(frozen=True, slots=True)
class _Load:
    """A time that one had better be cool for."""

    start: datetime
    end: datetime | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PreCooling:
    """Lowers cooling setpoints ahead of events and of the peak tariff."""

    kind: ClassVar[str] = "pre-cooling"
    remembers: ClassVar[type[Memory] | None] = None

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
    priority: Priority = Priority.OCCUPANCY

    def bind(self, catalog: Catalog) -> Decide:
        zones = zones_of(catalog, heating=_no_points, cooling=self.cooling)
        celsius = max(self.cooling_celsius - self.lower_kelvin, self.heating_celsius + CLEAR_KELVIN)
        held = {zone.space: [*zone.hold(heating=None, cooling=celsius)] for zone in zones}

        def decide(view: View, _memory: Memory | None) -> Decision:
            why, until = self._now(view)
            if not why:
                return Decision(until=until)
            demands: list[Demand] = []
            remarks: list[Remark] = []
            for zone in zones:
                if remark := self._why_not(view, zone):
                    remarks.append(remark)
                    continue
                demands += (
                    Demand(point=point.id, value=value, priority=self.priority, policy=self.name, reason=why)
                    for point, value in held[zone.space]
                )
            return Decision(demands=tuple(demands), until=until, remarks=tuple(remarks))

        return decide

    def _now(self, view: View) -> tuple[str, datetime | None]:
        """What there is to cool for now, "" for nothing, and until when that is so."""
        if view.feeds.opted_out:
            return "", None
        loads = list(self._loads(view))
        changes: list[datetime | None] = [self.tariff.change(view.now)] if self.tariff is not None else []
        lead = timedelta(minutes=self.lead_minutes)
        for load in loads:
            changes += (at for at in (load.start - lead, load.start, load.end) if at is not None and at > view.now)
        ahead = sorted((load for load in loads if load.start > view.now), key=lambda load: load.start)
        if len(ahead) == len(loads):
            for load in ahead:
                if load.start - lead <= view.now and self._is_occupied(view.now, load.start):
                    at = load.start.astimezone(view.zone)
                    return f"{load.why} begins at {at:%H:%M}", earliest(changes)
        return "", earliest(changes)

    def _loads(self, view: View) -> Iterator[_Load]:
        """What is under way, and what is to come."""
        for event in view.feeds.events:
            if event.level >= self.least_level and event.end > max(view.now, event.start):
                yield _Load(event.start, event.end, f"demand event {event.id}")
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

    def _why_not(self, view: View, zone: Zone) -> Remark | None:
        celsius = zone.celsius(view)
        if celsius is None:
            return Remark(about=zone.space, text="its temperature is not known", held=True)
        if zone.is_open(view):
            return Remark(about=zone.space, text="a window is not surely closed", held=True)
        if celsius[0] < self.heating_celsius + CLEAR_KELVIN:
            return Remark(about=zone.space, text=f"at {celsius[0]:.1f} °C it is cool already")
        return None
