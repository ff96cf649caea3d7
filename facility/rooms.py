"""The state of every critical room, kept up to date from the readings: what the guard and the watcher look at.

- A room is inside its limits only if every limited point of it has a good reading inside them.
- It is vacant only if every witness of it is known, and says so; since when, is remembered from the start of the
  agent. It has witnesses or it is occupied. A lamp that is lit, or is not known to be dark, is a witness against
  vacancy, and so is a door of which it is not known whether it is shut.
- What flows at rest is what its flow setpoints read while nothing of ours stood in the room, it was inside its limits,
  its mode meant all of its air, and its air changes, where they are measured, were as many as its profile wants. What
  was at rest is not replaced by less.
- What was held in a room stays with it: if the room is made another, or is no room any more, it is what it was, and
  outside its limits, until nothing of ours is left there.
- While nobody feeds it (`watched` is False) no room is inside its limits, nor is one that was never looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from facility.envelope import SLACK, Airway, Room, is_less
from facility.profiles import Abnormal, Limit, Profiles
from facility.profiles.airways import air_path
from facility.profiles.model import RoomRules
from facility.standing import is_absurd, is_inside
from points.catalog import Catalog
from points.model import Kind, Point, PointId, Space, SpaceId, Value
from points.store import PointStore
from schedules.occupancy import is_sensor, means_vacant, state_text

LIT = frozenset({"lighting-command", "lighting-level"})
SETTLING = timedelta(seconds=30)  # after letting go, until a setpoint surely reads what the room has at rest
_NOT_YET = "it has not been looked at yet"


@dataclass(slots=True)
class _Watched:
    """One critical room: which of its points say what."""

    space: Space
    rules: RoomRules
    everything: list[Point] = field(default_factory=list)
    limited: list[tuple[Point, Limit | Abnormal]] = field(default_factory=list)
    pressures: list[Point] = field(default_factory=list)
    modes: list[Point] = field(default_factory=list)
    changes: Point | None = None  # air changes an hour
    sensors: list[Point] = field(default_factory=list)
    doors: list[Point] = field(default_factory=list)
    lamps: list[Point] = field(default_factory=list)
    setpoints: dict[str, Point] = field(default_factory=dict)  # by air path
    flows: dict[str, Point] = field(default_factory=dict)
    missing: str = ""  # what a needed limit lacks
    vacant_since: datetime | None = None
    door_open_since: datetime | None = None
    outside_since: datetime | None = None
    rest: dict[str, float] = field(default_factory=dict)
    held_at: datetime | None = None  # when something of ours was last seen in the room
    is_past: bool = False  # the room has been made another since something was held here

    @property
    def is_restless(self) -> bool:
        outside = self.outside_since is not None and bool(self.rules.protect)
        return outside or self.is_past or self.door_open_since is not None or self.held_at is not None

    @property
    def points(self) -> Iterable[Point]:
        yield from (point for point, _ in self.limited)
        yield from (*self.sensors, *self.doors, *self.lamps, *self.setpoints.values(), *self.flows.values())
        yield from (*self.modes, *([self.changes] if self.changes else []))


class Rooms:
    """All critical rooms. `follow` a catalog; `look` at a room at every reading of it, and while it is restless."""

    def __init__(self, profiles: Profiles, store: PointStore, held: Callable[[PointId], bool]) -> None:
        """`held`: whether anything of ours stands at a point, at any level."""
        self._profiles = profiles
        self._store = store
        self._held = held
        self._rooms: dict[SpaceId, _Watched] = {}
        self._places: dict[PointId, SpaceId] = {}
        self._spaces: Mapping[SpaceId, Space] = {}
        self.watched = False

    @property
    def spaces(self) -> Collection[SpaceId]:
        return self._rooms.keys()

    def matters(self, point: PointId) -> bool:
        """Whether the reading of a point says something about a critical room."""
        return point in self._places

    def place_of(self, point: PointId) -> SpaceId | None:
        return self._places.get(point)

    def restless(self) -> list[SpaceId]:
        """The rooms of which time alone may say something new; of all others only a reading can."""
        return [identity for identity, room in self._rooms.items() if room.is_restless]

    def follow(self, catalog: Catalog) -> None:
        """Another catalog, or other profiles: what was seen of a room that is still there stays."""
        before, self._rooms, self._places = self._rooms, {}, {}
        self._spaces = catalog.spaces
        for space in catalog.spaces.values():
            rules = self._profiles.room_rules(space)
            if rules is not None:
                self._rooms[space.id] = _Watched(space, rules)
        for point in catalog.points.values():
            if point.space in self._rooms:
                self._rooms[point.space].everything.append(point)
                self._enter(point, self._rooms[point.space])
        for identity, room in self._rooms.items():
            room.missing = self._lacks(room)
            if (known := before.get(identity)) is not None and _is_same(known, room):
                room.vacant_since, room.rest, room.held_at = known.vacant_since, known.rest, known.held_at
                room.door_open_since, room.outside_since = known.door_open_since, known.outside_since
        for identity, known in before.items():
            now = self._rooms.get(identity)
            if (now is None or not _is_same(known, now)) and any(self._held(p.id) for p in known.setpoints.values()):
                known.is_past = True
                self._rooms[identity] = known
        for identity, room in self._rooms.items():
            self._places |= {point.id: identity for point in room.points}

    @property
    def outlived(self) -> bool:
        """Whether a room that is another by now has nothing of ours left: then the catalog is to be followed anew."""
        past = (room for room in self._rooms.values() if room.is_past)
        return any(not any(self._held(point.id) for point in room.setpoints.values()) for room in past)

    def look(self, identity: SpaceId, now: datetime) -> Room:
        """Takes in what the store says of the room, and gives it as it is."""
        room = self._rooms[identity]
        occupied = self._occupied(room)
        room.vacant_since = None if occupied else _since(room.vacant_since, now)
        is_open = any(self._is_shut(door) is False for door in room.doors)
        room.door_open_since = _since(room.door_open_since, now) if is_open else None
        outside, measured = self._outside(room)
        room.outside_since = _since(room.outside_since, now) if measured else None
        self._note_rest(room, now, is_inside=not outside)
        return self._as_it_is(room, occupied, outside)

    def of(self, point: Point) -> Room | None:
        """The critical room that the point belongs to, as it is; None if it belongs to none."""
        identity = self._places.get(point.id, point.space)
        room = self._rooms.get(identity) if identity is not None else None
        if room is not None:
            outside = self._outside(room)[0] if self.watched else "nobody watches over it at the moment"
            return self._as_it_is(room, self._occupied(room), outside)
        space = self._spaces.get(point.space) if point.space is not None else None
        rules = self._profiles.room_rules(space)
        if space is None or rules is None:
            return None
        return Room(space=space, rules=rules, outside=_NOT_YET, occupied=_NOT_YET)

    def out_for(self, identity: SpaceId, now: datetime) -> timedelta | None:
        """How long the room has been measured outside its limits; None if it is not."""
        since = self._rooms[identity].outside_since
        return None if since is None else max(now - since, timedelta(0))

    def disturbed(self, identity: SpaceId, now: datetime) -> None:
        """Something had to be let go of: the room has to be vacant for as long again before anything is reduced."""
        room = self._rooms[identity]
        room.vacant_since = room.vacant_since and now

    def forget_time(self, now: datetime) -> None:
        """The clock was set: since when anything has been so is not known any more."""
        for room in self._rooms.values():
            room.vacant_since = room.vacant_since and now
            room.held_at = now
            room.door_open_since = room.door_open_since and now
            room.outside_since = room.outside_since and now

    def points_of(self, identity: SpaceId) -> list[Point]:
        """Every point of the room, commandable or not."""
        return self._rooms[identity].everything

    def _enter(self, point: Point, room: _Watched) -> None:
        rule = self._profiles.limits(point, room.space) or self._profiles.abnormal(point, room.space)
        if rule is not None:
            room.limited.append((point, rule))
        if point.point_class == "room-pressure" and isinstance(rule, Limit):
            room.pressures.append(point)
        elif point.point_class == "mode" and point.commandable:
            room.modes.append(point)
        elif point.point_class == "air-changes":
            room.changes = point
        if is_sensor(point):
            room.sensors.append(point)
        elif point.point_class == "door":
            room.doors.append(point)
        elif point.point_class in LIT:
            room.lamps.append(point)
        elif point.point_class in ("airflow-setpoint", "flow") and (path := air_path(point)) is not None:
            by_path = room.setpoints if point.point_class == "airflow-setpoint" else room.flows
            by_path.setdefault(path, point)

    def _lacks(self, room: _Watched) -> str:
        profile = self._profiles.of(room.space.type)
        present = {point.point_class for point, _ in room.limited}
        needed = profile.limits.items() if profile else ()
        return next(
            (f"no {name.replace('-', ' ')} point" for name, one in needed if one.needed and name not in present), ""
        )

    def _outside(self, room: _Watched) -> tuple[str, bool]:
        """Why it is not known to be inside; and whether it is measured to be outside."""
        if room.is_past:
            return "it is another room by now", False
        unknown = room.missing
        for point, rule in room.limited:
            reading = self._store.get(point.id)
            if is_inside(rule, reading):
                continue
            if reading is not None and reading.is_good and not is_absurd(rule, reading):
                return f"{point.name} is outside its limits", True
            unknown = unknown or f"{point.name} is not known for certain"
        return unknown, False

    def _occupied(self, room: _Watched) -> str:
        if not room.sensors:
            return "it has no occupancy sensor"
        for sensor in room.sensors:
            value = self._known(sensor)
            if value is None:
                return f"{sensor.name} is not known for certain"
            if not means_vacant(sensor, value):
                return f"{sensor.name} says so"
        for door in room.doors:
            if self._is_shut(door) is None:
                return f"{door.name} is not known for certain"
        for lamp in room.lamps:
            value = self._known(lamp)
            if value is None or isinstance(value, str):
                return f"{lamp.name} is not known for certain"
            if value > 0:
                return f"{lamp.name} is on"
        return ""

    def _is_shut(self, door: Point) -> bool | None:
        """None if that is not known."""
        value = self._known(door)
        if value is None:
            return None
        text = state_text(door, value)
        if "open" in text:
            return False
        if any(word in text for word in ("clos", "shut")):
            return True
        return value is False if door.kind is Kind.BINARY else None

    def _known(self, point: Point) -> Value | None:
        reading = self._store.get(point.id)
        return reading.value if reading is not None and reading.is_good else None

    def _note_rest(self, room: _Watched, now: datetime, *, is_inside: bool) -> None:
        """Not right after letting go: a setpoint may still read what was held."""
        if any(self._held(point.id) for point in room.everything):
            room.held_at = now
        if room.held_at is not None and timedelta(0) <= now - room.held_at < SETTLING:
            return
        room.held_at = None
        if not (is_inside and self._has_all_of_its_air(room)):
            return
        known = {path: self._number(point) for path, point in room.setpoints.items()}
        rest = {path: value for path, value in known.items() if value is not None}
        if len(rest) == len(known) and sum(rest.values()) >= sum(room.rest.values()) * (1 - SLACK):
            room.rest = rest

    def _has_all_of_its_air(self, room: _Watched) -> bool:
        for mode in room.modes:
            value = self._known(mode)
            if value is None or is_less(state_text(mode, value)):
                return False
        changes = None if room.changes is None else self._known(room.changes)
        turndown = room.rules.turndown
        if turndown is None or changes is None or isinstance(changes, str):
            return True
        return changes >= turndown.full_air_changes * (1 - SLACK)

    def _as_it_is(self, room: _Watched, occupied: str, outside: str) -> Room:
        pressure, limit = self._pressure(room)
        return Room(
            space=room.space,
            rules=room.rules,
            outside=outside,
            occupied=occupied,
            vacant_since=room.vacant_since,
            pressure=pressure,
            pressure_limit=limit,
            door_open_since=room.door_open_since,
            supply=self._airway(room, "supply"),
            extract=self._airway(room, "extract"),
        )

    def _pressure(self, room: _Watched) -> tuple[float | None, float | None]:
        """The reading that is nearest to its limit, and the limit's magnitude; nothing if one of them is not known."""
        found = [
            (self._number(point), _threshold(rule, room.rules.sign))
            for point, rule in room.limited
            if point in room.pressures
        ]
        known = [(value, limit) for value, limit in found if value is not None and limit]
        if not known or len(known) < len(found):
            return None, None
        return min(known, key=lambda pair: room.rules.sign * pair[0] / pair[1])

    def _airway(self, room: _Watched, path: str) -> Airway | None:
        setpoint, flow = room.setpoints.get(path), room.flows.get(path)
        if setpoint is None:
            return None
        return Airway(
            point=setpoint.id,
            setpoint=self._number(setpoint),
            flow=None if flow is None or flow.unit != setpoint.unit else self._number(flow),
            rest=room.rest.get(path),
            sensor=None if flow is None else flow.id,
        )

    def _number(self, point: Point) -> float | None:
        value = self._known(point)
        return None if value is None or isinstance(value, str) else float(value)


def _since(since: datetime | None, now: datetime) -> datetime:
    return now if since is None else since


def _threshold(limit: Limit | Abnormal | None, sign: int) -> float | None:
    """The magnitude that the pressure must have at least."""
    if not isinstance(limit, Limit) or not sign:
        return None
    side = limit.low if sign > 0 else limit.high
    return None if side is None else abs(side)


def _is_same(known: _Watched, room: _Watched) -> bool:
    """Whether what was seen of the one is true of the other: the same rules, witnesses and airways."""
    if known.is_past or known.rules != room.rules:
        return False
    return [known.sensors, known.doors, known.lamps, known.setpoints] == [
        room.sensors,
        room.doors,
        room.lamps,
        room.setpoints,
    ]
