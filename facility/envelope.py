"""What a critical room must be like while anything of ours changes its air. Pure: it is told the state of the room.

- Nothing is reduced in a room that is in use, or may be: unknown is occupied.
- The air that keeps the sign of the pressure leads: a positive room lowers extract before supply and raises supply
  before extract; a negative one the other way round. So the offset between the two never shrinks by more than `SLACK`.
- The main air flow (supply of a positive, extract of a negative room) stays above the share that the profile gives.
- As soon as the room leaves its limits, its evidence is not certain, or somebody may be in it, `breach` says so.

Conditions and ordering are those of ASHRAE 170 (pressure relationship held, full air changes when occupied).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from facility.profiles.airways import air_path
from facility.profiles.model import RoomRules, Turndown
from facility.ruling import Verdict, refuse
from points.model import Point, PointId, Space, Value

SLACK = 0.1  # of the offset at rest, for what a flow sensor cannot tell: a tenth less is a fifth less of the pressure
WORTH = 0.005  # of the main air at rest: a smaller step is none, and the guard says whether the whole one may be made
MOST_LEAD = 2.0  # times the offset at rest: twice the offset is four times the pressure
SOON = timedelta(seconds=5)  # how long a flow takes to follow; then the next step may be asked for
FULL = ("occupied", "normal", "purge", "full", "day", "comfort", "high", "boost")  # words of a mode with all of its air
LESS = ("unocc", "not occ", "setback", "standby", "night")  # and of one that has these letters and means less


@dataclass(frozen=True, slots=True, kw_only=True)
class Airway:
    """The supply or the extract air of a room."""

    point: PointId  # the flow setpoint
    setpoint: float | None  # None: not known for certain
    flow: float | None  # measured; None: not known, or not measured
    rest: float | None  # the setpoint when nothing of ours stood in the room
    sensor: PointId | None = None  # what measures the flow

    @property
    def lowest(self) -> float | None:
        """What flows at least: a step that has been asked for need not have arrived."""
        return None if self.setpoint is None else min(self.setpoint, self.setpoint if self.flow is None else self.flow)

    @property
    def highest(self) -> float | None:
        return None if self.setpoint is None else max(self.setpoint, self.setpoint if self.flow is None else self.flow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A critical room at this moment."""

    space: Space
    rules: RoomRules
    outside: str = ""  # why it is not known to be inside its limits; "" if it is
    occupied: str = ""  # why it must be taken for occupied; "" if it is surely vacant
    vacant_since: datetime | None = None
    pressure: float | None = None  # room minus reference, in the unit of the limit
    pressure_limit: float | None = None  # of the magnitude
    door_open_since: datetime | None = None
    supply: Airway | None = None
    extract: Airway | None = None

    @property
    def main(self) -> Airway | None:
        """The air whose surplus makes the pressure."""
        return self.supply if self.rules.sign >= 0 else self.extract

    @property
    def minor(self) -> Airway | None:
        return self.extract if self.rules.sign >= 0 else self.supply

    def other(self, point: PointId) -> PointId | None:
        """The airway that makes the pressure together with this one; None if the point makes none."""
        main, minor = self.main, self.minor
        if not self.rules.sign or main is None or minor is None or point not in (main.point, minor.point):
            return None
        return minor.point if point == main.point else main.point

    def with_setpoints(self, fresh: Mapping[PointId, Value | None]) -> Room:
        """The same room with what its setpoints were read to be just now."""
        return replace(self, supply=_fresh(self.supply, fresh), extract=_fresh(self.extract, fresh))

    @property
    def ways(self) -> tuple[Airway, ...]:
        return tuple(way for way in (self.main, self.minor) if way is not None)

    def with_rest(self, known: Mapping[PointId, float | None]) -> Room:
        """The same room with these flows at rest, where none were seen."""
        ways = {way.point: replace(way, rest=known.get(way.point)) for way in self.ways if way.rest is None}
        supply, extract = (None if way is None else ways.get(way.point, way) for way in (self.supply, self.extract))
        return replace(self, supply=supply, extract=extract)

    def margin(self) -> float | None:
        """How many times the limit the pressure is, in the right direction; None if not known."""
        if self.pressure is None or not self.pressure_limit:
            return None
        return self.rules.sign * self.pressure / self.pressure_limit


def breach(room: Room, now: datetime) -> str:
    """Why everything that policies hold in the room must be let go of at once; "" if nothing is wrong."""
    turndown = room.rules.turndown
    if turndown is None:
        return f"no policy may hold anything in {room.space.name}"
    if room.outside:
        return room.outside
    if room.occupied:
        return room.occupied
    margin = room.margin()
    if room.rules.sign and (margin is None or margin < turndown.hold_margin):
        return _too_close(room, margin, turndown.hold_margin)
    if room.door_open_since is not None and now - room.door_open_since >= timedelta(seconds=turndown.door_open_s):
        return "the door stands open"
    return _out_of_balance(room)


def _out_of_balance(room: Room) -> str:
    """Whether its flow setpoints no longer keep the offset: seen before the pressure has followed."""
    main, minor = room.main, room.minor
    if not room.rules.sign or main is None or minor is None or main.rest is None or minor.rest is None:
        return ""
    if main.setpoint is None or minor.setpoint is None:
        return "its flow setpoints are not known"
    kept = main.setpoint - minor.setpoint >= (main.rest - minor.rest) * (1 - 2 * SLACK)
    return "" if kept else "its flow setpoints no longer keep its pressure"


def objections(
    point: Point, value: Value, step: Value, room: Room, now: datetime, *, policy: bool
) -> Iterator[Verdict]:
    """What speaks against `value` in this room. `step`: what would be written now, on the way to it."""
    if policy or _reduces(point, step, room):
        yield from _conditions(room, now)
    if point.point_class == "airflow-setpoint":
        yield from _air(point, float(value), float(step), room)


def objections_to_stay(point: Point, value: Value, room: Room, now: datetime, *, policy: bool) -> Iterator[Verdict]:
    """What speaks against leaving a value that stands where it is."""
    if (policy or _reduces(point, value, room)) and (why := breach(room, now)):
        turndown = room.rules.turndown
        yield refuse("envelope", f"{room.space.name}: {why}.", source=turndown.cited if turndown else "")


def within_reach(point: PointId, at: float, step: float, room: Room) -> float:
    """As much of the way from `at` to `step` as the other airway allows now; all of it, if that is nothing at all."""
    main, minor = room.main, room.minor
    if not room.rules.sign or main is None or minor is None or point not in (main.point, minor.point):
        return step
    if main.rest is None or minor.rest is None or main.lowest is None or minor.highest is None:
        return step
    rest = main.rest - minor.rest
    if point == main.point:
        nearest, farthest = minor.highest + rest, minor.highest + rest * MOST_LEAD
    else:
        nearest, farthest = main.lowest - rest * MOST_LEAD, main.lowest - rest
    far = max(step, nearest) if step < at else min(step, farthest)
    return far if (far < at) is (step < at) and abs(far - at) >= WORTH * main.rest else step


def may_rise_to(room: Room) -> float | None:
    """How far the minor air may come up now, so that the pressure keeps its sign; None if that is not known."""
    main, minor = room.main, room.minor
    if main is None or minor is None or main.lowest is None:
        return None
    if main.rest is None or minor.rest is None:
        return None
    return main.lowest - (main.rest - minor.rest) * (1 - SLACK)


def may_fall_to(room: Room) -> float | None:
    """How far the main air may come down now, so that the pressure keeps its sign; None if that is not known."""
    main, minor = room.main, room.minor
    if main is None or minor is None or minor.highest is None or main.rest is None or minor.rest is None:
        return None
    return minor.highest + (main.rest - minor.rest) * (1 - SLACK)


def _reduces(point: Point, value: Value, room: Room) -> bool:
    """Whether the value means less air than the room has at rest."""
    if point.point_class == "mode":
        return is_less(_state(point, value))
    if point.point_class != "airflow-setpoint" or isinstance(value, str):
        return False
    airway = _airway(point, room)
    if airway is None or airway.rest is None:
        return airway is None or airway.setpoint is None or value < airway.setpoint
    return value < airway.rest * (1 - 1e-3)


def _conditions(room: Room, now: datetime) -> Iterator[Verdict]:
    turndown, name = room.rules.turndown, room.space.name
    if turndown is None:
        yield refuse("no-turndown", f"The air of {name} is never reduced.", "Its profile has no turndown.")
        return
    source = turndown.cited
    if room.outside:
        yield refuse("envelope", f"{name} is not known to be within its limits: {room.outside}.", source=source)
    if room.occupied:
        yield refuse("occupied", f"{name} is taken for occupied: {room.occupied}.", source=source)
    elif room.vacant_since is None or now - room.vacant_since < timedelta(seconds=turndown.vacant_s):
        yield _vacant_too_short(room, turndown, now)
    margin = room.margin()
    if room.rules.sign and (margin is None or margin < turndown.enter_margin):
        why = f"{name}: {_too_close(room, margin, turndown.enter_margin)}."
        yield refuse("pressure-margin", why, source=source, later=SOON if margin else None)
    if room.door_open_since is not None:
        yield refuse("door", f"The door of {name} is open.", "Shut it first.", source=source)


def _vacant_too_short(room: Room, turndown: Turndown, now: datetime) -> Verdict:
    needed = timedelta(seconds=turndown.vacant_s)
    lasted = timedelta(0) if room.vacant_since is None else max(now - room.vacant_since, timedelta(0))
    minutes = lasted.total_seconds() / 60
    why = f"{room.space.name} is known to be vacant for {minutes:.0f} min; {turndown.vacant_s / 60:.0f} min are needed."
    return refuse("vacancy", why, source=turndown.cited, later=needed - lasted)


def _air(point: Point, goal: float, step: float, room: Room) -> Iterator[Verdict]:
    main, minor, sign, name = room.main, room.minor, room.rules.sign, room.space.name
    path = air_path(point)
    if not sign:
        return
    if path is None or main is None or minor is None or point.id not in (main.point, minor.point):
        yield refuse("order", f"Supply and extract of {name} cannot be told apart.", "Name its flow setpoints.")
        return
    if main.rest is None or minor.rest is None or main.setpoint is None or minor.setpoint is None:
        yield refuse(
            "order", f"The air flows of {name} at rest are not known.", "Let go of what is held there.", later=SOON
        )
        return
    if point.id == main.point:
        yield from _too_little(goal, main.rest, room)
    rest, present = main.rest - minor.rest, main.setpoint - minor.setpoint
    lowers_main = point.id == main.point
    after = step - (minor.highest or 0.0) if lowers_main else (main.lowest or 0.0) - step
    yield from _order(room, minor if lowers_main else main, rest, present, after)


def _too_little(goal: float, rest: float, room: Room) -> Iterator[Verdict]:
    turndown = room.rules.turndown
    share = 1.0 if turndown is None else turndown.lowest_share
    if goal < rest * share * (1 - 1e-3):
        why = f"{goal:g} is less than {share:.0%} of the {rest:g} that {room.space.name} has at rest."
        yield refuse("minimum-flow", why, f"At least {rest * share:.0f}.", source=turndown.cited if turndown else "")


def _order(room: Room, first: Airway, rest: float, present: float, after: float) -> Iterator[Verdict]:
    """`rest`, `present`, `after`: by how much the main air flow exceeds the other. `first`: what must move before."""
    leads, follows = ("supply", "extract") if room.rules.sign > 0 else ("extract", "supply")
    if after < rest * (1 - SLACK) and after < present:
        lowers = room.minor is not None and first.point == room.minor.point
        verb = f"{follows} comes down before {leads}" if lowers else f"{leads} goes up before {follows}"
        why = f"{room.space.name}: {verb}, or its pressure reverses."
        yield refuse("order", why, f"Move {first.point} first.", source=_who(room), later=SOON)
    if after > rest * MOST_LEAD and after > present:
        why = f"{room.space.name}: {leads} would exceed {follows} by {after:.0f}, and by {rest:.0f} at rest."
        yield refuse("lead", why, f"Move {first.point} first.", source=_who(room), later=SOON)


def _who(room: Room) -> str:
    return room.rules.turndown.cited if room.rules.turndown else ""


def _too_close(room: Room, margin: float | None, needed: float) -> str:
    if margin is None or room.pressure is None or room.pressure_limit is None:
        return "its pressure is not known"
    return f"its pressure is {room.pressure:.1f}, and {room.rules.sign * needed * room.pressure_limit:.1f} is needed"


def _airway(point: Point, room: Room) -> Airway | None:
    return next((way for way in (room.supply, room.extract) if way is not None and way.point == point.id), None)


def is_less(state: str) -> bool:
    """Whether a state of a room's mode may mean less than all of its air: whatever does not surely mean all of it."""
    text = state.casefold()
    return any(word in text for word in LESS) or not any(word in text for word in FULL)


def _fresh(way: Airway | None, fresh: Mapping[PointId, Value | None]) -> Airway | None:
    if way is None or way.point not in fresh:
        return way
    value = fresh[way.point]
    return replace(way, setpoint=None if value is None or isinstance(value, str) else float(value))


def _state(point: Point, value: Value) -> str:
    if isinstance(value, str):
        return value
    index = int(value) - (0 if isinstance(value, bool) else 1)
    return point.states[index] if 0 <= index < len(point.states) else ""
