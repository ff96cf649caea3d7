"""Less air in an operating room that nobody is in and nobody is expected in (domain.md 1.3; ASHRAE 170 section 8.1).

Demands the reduced flows only while all of this is so: the programme says that nobody is expected, also not within the
lead time; every occupancy sensor of the room has said vacant for the hold time; its doors are shut, its lights are off
and its alarms are silent; its pressure is known, moves, and is inside its margin. Unknown is occupied, open, lit and
alarming. As soon as one of these is not so, nothing is demanded any more, and the planner lets go. The extract comes
before the supply, because the rooms it may speak for are positive: going down, the pressure rises for a moment.

Where the site has a feed of bookings (`bookings`), a booking within the lead time, or one that runs, is somebody, and
so is a feed that has been silent for half an hour: bookings only ever forbid, they never open a room.

It speaks only for the two flow setpoints that the site has named for a room, and only in types of room whose air may be
reduced when nobody is there. The guard has the last word: it keeps the order, the pace and the limits of every step,
and lets go by itself when the room leaves its envelope.

The flows are design figures of the site's engineer, with the offset that keeps the pressure. It is off until a site
writes it into its configuration; no configuration that comes with the agent has it. Before doing so, a site should
have counsel look at the published application US 2026/0094706 (Johnson Controls), which claims a setback schedule for
operating rooms made by converging surgery schedule, open hours and occupancy. Whether this policy, which converges no
schedules but asks a programme and the room's own sensors, is touched by it is an open question; with `bookings` it is
asked more sharply, because then a surgery schedule is among what is looked at. Neither is on as shipped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from points.catalog import Catalog
from points.model import Kind, Point, PointId, Priority, SpaceId
from schedules.occupancy import occupancy
from schedules.policy import Decide, Decision, Demand, Memory, Remark, View, earliest
from schedules.timetable import Timetable
from schedules.voices import Voice, of_bookings
from schedules.witnesses import is_at_rest, known_pascals
from schedules.writable import Surroundings, surroundings, why_not_turned_down

SANE_PASCALS = 60.0  # a sensor further from zero is broken; the guard asks again, with what the room's profile says
FLATLINE = timedelta(hours=1)  # a pressure that has not moved for so long is not measured
REST_WORDS = {  # point class -> the states in which nobody is there and nothing is wrong, and the others
    "door": (("closed", "shut"), ("open",)),
    "lighting-command": (("off",), ("on",)),
    "lighting-level": ((), ()),  # a number: dimmed to nothing is off
    "override": (("off", "inactive", "normal", "auto"), ("on", "active", "override", "hand")),  # "room in use"
    "alarm": (("normal", "ok", "no alarm"), ("alarm", "fault", "trouble")),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TurndownRoom:
    """A room, the setpoints of its air, and how far the engineer lets them go down, in the points' own unit."""

    space: SpaceId
    supply: PointId
    extract: PointId
    supply_setback: float
    extract_setback: float
    pressure_pascals: float = 3.75  # room minus reference, at least


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomTurndown:
    """Holds the air of vacant operating rooms at their setback flows."""

    kind: ClassVar[str] = "room-turndown"
    remembers: ClassVar[type[Memory] | None] = None

    name: str
    timetable: Timetable
    rooms: tuple[TurndownRoom, ...]
    turndown_state: str = "unoccupied"
    vacant_minutes: float = 20.0  # ASHRAE 170-2021 Table 7-1, note ff
    lead_minutes: float = 30.0  # for the way back: ramp, and 21 min of purge at 20 air changes (CDC Table B.1)
    bookings: bool = False  # the site has a feed of them
    priority: Priority = Priority.OCCUPANCY

    def bind(self, catalog: Catalog) -> Decide:
        around = surroundings(catalog, {room.space for room in self.rooms})
        rooms = [room for room in self.rooms if not _why_not(room, around[room.space], catalog)]

        def decide(view: View, _memory: Memory | None) -> Decision:
            return self._decide(view, rooms, around)

        return decide

    def _decide(self, view: View, rooms: list[TurndownRoom], around: Mapping[SpaceId, Surroundings]) -> Decision:
        """Looks at the sensors at all hours, so that it is known how long a room has been vacant when it matters."""
        nobody_is_due = self._nobody_is_due(view.now)
        hold = timedelta(minutes=self.vacant_minutes)
        changes = [self._next_change(view.now)]
        demands: list[Demand] = []
        remarks: list[Remark] = []
        for room in rooms:
            near = around[room.space]
            verdict = occupancy(view, near.sensors, hold=hold, before=self._booked(view, room.space))
            changes.append(verdict.until)
            if not nobody_is_due:
                continue
            if verdict.occupied:
                remarks.append(Remark(about=room.space, text=verdict.why, held=verdict.unknown))
                continue
            if not _is_quiet(view, near):
                remarks.append(Remark(about=room.space, text="a door, light, button or alarm is not surely at rest"))
                continue
            if not _keeps_its_pressure(view, near, room.pressure_pascals):
                text = f"its pressure is not surely {room.pressure_pascals:g} Pa or more"
                remarks.append(Remark(about=room.space, text=text))
                continue
            changes += (_flat_at(view, sensor) for sensor in near.points if _is_pressure(sensor))
            reason = f"{self.timetable.name} is {self.turndown_state}, {room.space} is {verdict.why}"
            demands += self._reduced(room, reason)
        return Decision(demands=tuple(demands), until=earliest(changes), remarks=tuple(remarks))

    def _booked(self, view: View, room: SpaceId) -> list[Voice]:
        return [of_bookings(view.feeds, room, view.now, lead=self._lead)] if self.bookings else []

    def _reduced(self, room: TurndownRoom, reason: str) -> Iterator[Demand]:
        for point, flow in ((room.extract, room.extract_setback), (room.supply, room.supply_setback)):
            yield Demand(
                point=point,
                value=flow,
                priority=self.priority,
                policy=self.name,
                reason=reason,
                turns_down=room.space,
            )

    def _next_change(self, now: datetime) -> datetime | None:
        """The end of the state, and before that the moment at which full flow must begin to come back."""
        change = self.timetable.change(now)
        if change is None:
            return None
        return begins if (begins := change - self._lead) > now else change

    def problems(self, catalog: Catalog) -> Iterator[str]:
        """Why a room that the site has named will never be turned down."""
        around = surroundings(catalog, {room.space for room in self.rooms})
        for room in self.rooms:
            if why := _why_not(room, around[room.space], catalog):
                yield why

    @property
    def _lead(self) -> timedelta:
        return timedelta(minutes=self.lead_minutes)

    def _nobody_is_due(self, now: datetime) -> bool:
        if self.timetable.state(now) != self.turndown_state:
            return False
        change = self.timetable.change(now)
        return change is None or now < change - self._lead


def _why_not(room: TurndownRoom, near: Surroundings, catalog: Catalog) -> str:
    for identity in (room.supply, room.extract):
        point = catalog.points.get(identity)
        if point is None:
            return f"there is no point {identity}"
        if why := why_not_turned_down(point, room.space, catalog):
            return f"{identity}: {why}"
    if not near.sensors:
        return f"{room.space} has no occupancy sensor"
    return "" if any(map(_is_pressure, near.points)) else f"{room.space} has no room pressure sensor"


def _is_quiet(view: View, near: Surroundings) -> bool:
    """Whether doors, lights, buttons and alarms are surely at rest."""
    witnesses = [point for point in near.points if point.point_class in REST_WORDS]
    return all(is_at_rest(view, point, *REST_WORDS[point.point_class]) for point in witnesses)


def _keeps_its_pressure(view: View, near: Surroundings, least: float) -> bool:
    """Whether every pressure sensor of the room surely measures enough."""
    return all(_measures(view, sensor, least) for sensor in near.points if _is_pressure(sensor))


def _measures(view: View, sensor: Point, least: float) -> bool:
    pascals = known_pascals(sensor, view[sensor.id])
    since = view.since.get(sensor.id)
    moves = since is None or view.now - since < FLATLINE
    return pascals is not None and least <= pascals <= SANE_PASCALS and moves


def _flat_at(view: View, sensor: Point) -> datetime | None:
    """When it will be taken for dead, unless it moves."""
    since = view.since.get(sensor.id)
    return None if since is None else since + FLATLINE


def _is_pressure(point: Point) -> bool:
    return point.point_class == "room-pressure" and point.kind is Kind.ANALOG and not point.commandable
