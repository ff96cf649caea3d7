"""Which points a policy may speak for, and in which shape a value fits them.

The guard has the last word on every write. This is the first: a policy never even asks for a point that is
not plainly a matter of comfort, nor for one in a space that is not plainly ordinary. There is one narrow door: the
flow setpoints of a room of a type whose air may be turned down, for the policy that names the room; and a second: the
heating and cooling setpoints of patient rooms whose beds are all free, for the policy that names the room.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from points.catalog import Catalog
from points.model import Access, Kind, Point, Reading, Safety, Space, SpaceId, Value
from schedules.occupancy import is_sensor

# Where a clock or a motion sensor may decide. Everywhere else patients sleep, medicines and sterile packs stay, or
# nobody has said what the space is; a site that knows better gives its space one of these types.
ORDINARY_SPACES = frozenset({"admin_office", "lobby"})

# Critical, and yet their air may be reduced while nobody is in (ASHRAE 170 section 8.1). All of them are positive.
TURNDOWN_SPACES = frozenset({"operating_room", "procedure_room", "cath_lab", "imaging_class2"})

# Where patients sleep. Only their temperature setpoints, only while every bed is surely free.
BED_SPACES = frozenset({"patient_room", "ldr_ldrp"})
BED_CLASSES = frozenset({"heating-setpoint", "cooling-setpoint"})


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What else there is in a space that a policy has to look at."""

    sensors: tuple[Point, ...] = ()
    temperatures: tuple[Point, ...] = ()
    humidities: tuple[Point, ...] = ()
    points: tuple[Point, ...] = ()  # all of them


def may_speak_for(points: Iterable[Point], catalog: Catalog) -> Iterator[Point]:
    """Those of the points that a policy may demand something of."""
    for point in points:
        space = catalog.spaces.get(point.space) if point.space is not None else None
        comfort = point.safety is Safety.COMFORT and point.access is Access.COMMANDABLE
        if comfort and (point.space is None or (space is not None and space.type in ORDINARY_SPACES)):
            yield point


def why_not_turned_down(point: Point, room: SpaceId, catalog: Catalog) -> str:
    """Why nobody may reduce this point as the air of that room; empty if one may."""
    space = catalog.spaces.get(room)
    if space is None:
        return f"there is no space {room}"
    if space.type.replace("-", "_") not in TURNDOWN_SPACES:
        return f"{room} is a space of type {space.type or 'unknown'}: its air is never turned down"
    if point.space != room:
        return f"it belongs to {point.space or 'no space that is known'}, not to {room}"
    if point.point_class != "airflow-setpoint" or point.kind is not Kind.ANALOG:
        return f"it is no airflow setpoint but {point.point_class}"
    if point.safety not in (Safety.CRITICAL, Safety.COMFORT):
        return f"its safety class is {point.safety}"
    return "" if point.access is Access.COMMANDABLE else "it is monitor-only"


def is_bed_space(space: Space) -> bool:
    """Whether patients sleep in it, so that nothing but the state of its beds opens it to a policy."""
    return space.type.replace("-", "_") in BED_SPACES


def why_not_vacated(point: Point, room: SpaceId, catalog: Catalog) -> str:
    """Why nobody may relax this point while the beds of that room are free; empty if one may."""
    space = catalog.spaces.get(room)
    if space is None:
        return f"there is no space {room}"
    if not is_bed_space(space):
        return f"{room} is a space of type {space.type or 'unknown'}: no state of a bed opens it"
    if point.space != room:
        return f"it belongs to {point.space or 'no space that is known'}, not to {room}"
    if point.point_class not in BED_CLASSES or point.kind is not Kind.ANALOG or in_unit_of(point, 20.0) is None:
        return f"it is no heating or cooling setpoint but {point.point_class}"
    if point.safety not in (Safety.CRITICAL, Safety.COMFORT):  # classified by the patient, not by the temperature
        return f"its safety class is {point.safety}"
    return "" if point.access is Access.COMMANDABLE else "it is monitor-only"


def why_not_shed(point: Point, catalog: Catalog) -> str:
    """Why nothing of this point's room is given up for the utility or a limit of demand; empty if it may be."""
    if point.space is None:
        return ""
    space = catalog.spaces.get(point.space)
    if space is None:
        return f"it is in {point.space}, which is not known: nothing is shed there"
    if space.type not in ORDINARY_SPACES:
        return f"{space.id} is a space of type {space.type or 'unknown'}: nothing is ever shed there"
    return ""


def surroundings(catalog: Catalog, spaces: set[SpaceId]) -> dict[SpaceId, Surroundings]:
    """The witnesses in each of the spaces."""
    return {space: _surroundings(catalog.points_in(space)) for space in spaces}


def _surroundings(points: list[Point]) -> Surroundings:
    return Surroundings(
        sensors=tuple(point for point in points if is_sensor(point)),
        temperatures=tuple(point for point in points if point.point_class == "zone-temperature"),
        humidities=tuple(point for point in points if point.point_class == "humidity"),
        points=tuple(points),
    )


def fitting(point: Point, value: Value) -> Value | None:
    """The value as this point takes it; None if it cannot. States may be given by their text."""
    match point.kind, value:
        case Kind.ANALOG, bool() | str():
            return None
        case Kind.ANALOG, _:
            return float(value) if math.isfinite(float(value)) else None
        case Kind.BINARY, bool():
            return value
        case Kind.BINARY, str():
            index = _index_of_state(point, value)
            return None if index is None else index == 1
        case Kind.MULTISTATE, str():
            index = _index_of_state(point, value)
            return None if index is None else index + 1
        case Kind.MULTISTATE, int() if not isinstance(value, bool) and value >= 1:
            return value
        case Kind.TEXT, str():
            return value
        case _:
            return None


def in_unit_of(point: Point, celsius: float) -> float | None:
    """A temperature in the point's own unit; None if the point does not say that it is a temperature."""
    match point.unit:
        case "degrees-celsius":
            return celsius
        case "degrees-fahrenheit":
            return celsius * 9 / 5 + 32
        case "degrees-kelvin":
            return celsius + 273.15
        case _:
            return None


def in_celsius(point: Point, value: float) -> float | None:
    """A value of the point, in °C; None if the point does not say that it is a temperature."""
    match point.unit:
        case "degrees-celsius":
            return value
        case "degrees-fahrenheit":
            return (value - 32) * 5 / 9
        case "degrees-kelvin":
            return value - 273.15
        case _:
            return None


def known_celsius(point: Point, reading: Reading | None) -> float | None:
    """What a thermometer reads, in °C; None if that is not known."""
    number = known_number(reading)
    return None if number is None else in_celsius(point, number)


def known_number(reading: Reading | None) -> float | None:
    """The number of a good reading; None for anything less."""
    if reading is None or not reading.is_good or isinstance(reading.value, (bool, str, type(None))):
        return None
    number = float(reading.value)
    return number if math.isfinite(number) else None


def _index_of_state(point: Point, text: str) -> int | None:
    texts = [state.casefold() for state in point.states] or (["off", "on"] if point.kind is Kind.BINARY else [])
    wanted = text.casefold()
    return texts.index(wanted) if wanted in texts else None
