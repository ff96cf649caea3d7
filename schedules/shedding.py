"""How a room gives up energy for a while: its setpoints relaxed by a level, and given back one room after the other.

Guarantees (ASHRAE Guideline 36, demand limit setpoint adjustment; domain rows 9 to 12):
- The offsets of the levels 1, 2 and 3 are 0.5, 1 and 2 K, heating down and cooling up. They are not cumulative: each is
  counted from where the setpoint stood when shedding began.
- What people had adjusted at the thermostat by then is kept as it was (frozen), and counts until it is over. What
  another policy has moved is no adjustment: then it counts from where the setpoint stood before that (`View.stood`).
- A relaxed setpoint never leaves the range that the room may have, and is never tighter than it was.
- A room whose temperature or humidity is out of its range, or is not known, is not shed.
- Only ordinary rooms. What else a site has selected is demanded as well, so that it is refused with the reason
  (`schedules.plan.why_not`): nobody shall believe that the operating rooms take part.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from points.catalog import Catalog
from points.model import Access, Point, PointId, Priority, Safety, SpaceId
from schedules.policy import Demand, Selector, View
from schedules.writable import (
    Surroundings,
    in_unit_of,
    known_celsius,
    known_number,
    surroundings,
    why_not_shed,
)

OFFSETS = (0.0, 0.5, 1.0, 2.0)  # K, by level


@dataclass(frozen=True, slots=True, kw_only=True)
class Comfort:
    """What a room may be while it sheds, and what its setpoints are when it does not."""

    heating_celsius: float = 21.0  # what the schedule holds meanwhile; Guideline 36 zone defaults
    cooling_celsius: float = 24.0
    adjustable_kelvin: float = 2.0  # a setpoint further from that is no adjustment of a person
    low_celsius: float = 20.0  # the range of an office, domain.md 1.2
    high_celsius: float = 26.0
    humidity_percent: float = 65.0


@dataclass(frozen=True, slots=True)
class Setpoint:
    """One that can be relaxed."""

    point: Point
    sense: int  # +1 cooling, -1 heating
    nominal: float  # °C

    def found(self, view: View, comfort: Comfort) -> float | None:
        """Where it stands before it is shed, in °C, with what people have adjusted; None if that is not known."""
        read = known_celsius(self.point, view[self.point.id])
        if read is None:
            return None
        stood = view.stood(self.point.id)
        celsius = read if stood is None else stood
        return celsius if abs(celsius - self.nominal) <= comfort.adjustable_kelvin else self.nominal

    def at(self, level: int, base: float, comfort: Comfort) -> float | None:
        """What it is relaxed to, in its own unit; None if the point does not say that it is a temperature."""
        wanted = base + self.sense * OFFSETS[level]
        if self.sense > 0:
            wanted = max(min(wanted, comfort.high_celsius), base)
        else:
            wanted = min(max(wanted, comfort.low_celsius), base)
        return in_unit_of(self.point, wanted)


@dataclass(frozen=True, slots=True)
class Room:
    """A space, its setpoints, and the witnesses of its comfort."""

    space: SpaceId
    setpoints: tuple[Setpoint, ...]
    around: Surroundings

    def why_not(self, view: View, comfort: Comfort) -> str:
        """Why it may not shed now; "" if it surely may."""
        headroom = self.headroom(view, comfort)
        if headroom is None:
            return "its temperature is not known"
        if headroom < 0:
            return f"its temperature is outside of {comfort.low_celsius:g} to {comfort.high_celsius:g} °C"
        for sensor in self.around.humidities:
            percent = known_number(view[sensor.id])
            if percent is None:
                return "its humidity is not known"
            if percent > comfort.humidity_percent:
                return f"its humidity is above {comfort.humidity_percent:g} %"
        return ""

    def headroom(self, view: View, comfort: Comfort) -> float | None:
        """How far its worst thermometer is inside its range, in K; None if that is not known."""
        found = [known_celsius(point, view[point.id]) for point in self.around.temperatures]
        known = [celsius for celsius in found if celsius is not None]
        if not found or len(known) < len(found):
            return None
        return min(min(celsius - comfort.low_celsius, comfort.high_celsius - celsius) for celsius in known)


@dataclass(frozen=True, slots=True)
class Selected:
    """What a site has selected for shedding, sorted."""

    rooms: Mapping[SpaceId, Room]
    never: tuple[Setpoint, ...] = ()  # selected, and nothing that may be shed
    placeless: tuple[Setpoint, ...] = field(default=())  # of no known space: nobody can say whether it is well there


def selected(catalog: Catalog, heating: Selector, cooling: Selector, comfort: Comfort) -> Selected:
    """The rooms of the selected setpoints, in the order of the catalog."""
    by_space: defaultdict[SpaceId, list[Setpoint]] = defaultdict(list)
    never, placeless = [], []
    for selector, sense, nominal in ((heating, -1, comfort.heating_celsius), (cooling, 1, comfort.cooling_celsius)):
        for point in selector(catalog):
            setpoint = Setpoint(point, sense, nominal)
            harmless = point.safety is Safety.COMFORT and point.access is Access.COMMANDABLE
            if not harmless or why_not_shed(point, catalog):
                never.append(setpoint)
            elif point.space is None:
                placeless.append(setpoint)
            else:
                by_space[point.space].append(setpoint)
    around = surroundings(catalog, set(by_space))
    rooms = {space: Room(space, tuple(points), around[space]) for space, points in by_space.items()}
    return Selected(rooms, tuple(never), tuple(placeless))


def freeze(view: View, room: Room, bases: Mapping[str, float], comfort: Comfort) -> dict[str, float] | None:
    """Where the room's setpoints stood when shedding began: as remembered, else as they are. None: not known."""
    found: dict[str, float] = {}
    for setpoint in room.setpoints:
        base = bases.get(setpoint.point.id)
        base = setpoint.found(view, comfort) if base is None else base
        if base is None:
            return None
        found[setpoint.point.id] = base
    return found


def relaxed(
    setpoints: Sequence[Setpoint],
    bases: Mapping[str, float],
    *,
    level: int,
    comfort: Comfort,
    priority: Priority,
    policy: str,
    reason: str,
) -> list[Demand]:
    """The demands that shed these setpoints."""
    demands = []
    for setpoint in setpoints:
        value = setpoint.at(level, bases.get(setpoint.point.id, setpoint.nominal), comfort)
        if value is not None:
            point = PointId(setpoint.point.id)
            demands.append(Demand(point=point, value=value, priority=priority, policy=policy, reason=reason))
    return demands


def release_times(rooms: Sequence[str], begin: datetime, over: timedelta) -> tuple[tuple[str, datetime], ...]:
    """When each gets its setpoints back: the first at once, the last after `over`, the others evenly between."""
    gaps = max(len(rooms) - 1, 1)
    return tuple(
        (room, begin + timedelta(seconds=int(over.total_seconds() * n / gaps))) for n, room in enumerate(rooms)
    )
