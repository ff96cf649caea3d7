"""Which points a policy may speak for, and in which shape a value fits them.

The guard has the last word on every write. This is the first: a policy never even asks for a point that is
not plainly a matter of comfort, nor for one in a space that is not plainly ordinary.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from points.catalog import Catalog
from points.model import Access, Kind, Point, Reading, Safety, SpaceId, Value
from schedules.occupancy import is_sensor

# Where a clock or a motion sensor may decide. Everywhere else patients sleep, medicines and sterile packs stay, or
# nobody has said what the space is; a site that knows better gives its space one of these types.
ORDINARY_SPACES = frozenset({"admin_office", "lobby"})


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What else there is in a space that a policy has to look at."""

    sensors: tuple[Point, ...] = ()
    temperatures: tuple[Point, ...] = ()
    humidities: tuple[Point, ...] = ()


def may_speak_for(points: Iterable[Point], catalog: Catalog) -> Iterator[Point]:
    """Those of the points that a policy may demand something of."""
    for point in points:
        space = catalog.spaces.get(point.space) if point.space is not None else None
        comfort = point.safety is Safety.COMFORT and point.access is Access.COMMANDABLE
        if comfort and (point.space is None or (space is not None and space.type in ORDINARY_SPACES)):
            yield point


def surroundings(catalog: Catalog, spaces: set[SpaceId]) -> dict[SpaceId, Surroundings]:
    """The witnesses in each of the spaces, in one pass over the catalog."""
    found: dict[SpaceId, tuple[list[Point], list[Point], list[Point]]] = {space: ([], [], []) for space in spaces}
    for point in catalog.points.values():
        if point.space not in found:
            continue
        sensors, temperatures, humidities = found[point.space]
        if is_sensor(point):
            sensors.append(point)
        elif point.point_class == "zone-temperature":
            temperatures.append(point)
        elif point.point_class == "humidity":
            humidities.append(point)
    return {space: Surroundings(*map(tuple, lists)) for space, lists in found.items()}


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


def known_celsius(point: Point, reading: Reading | None) -> float | None:
    """What a thermometer reads, in °C; None if that is not known."""
    number = known_number(reading)
    match point.unit:
        case _ if number is None:
            return None
        case "degrees-celsius":
            return number
        case "degrees-fahrenheit":
            return (number - 32) * 5 / 9
        case "degrees-kelvin":
            return number - 273.15
        case _:
            return None


def known_number(reading: Reading | None) -> float | None:
    """The number of a good reading; None for anything less."""
    if reading is None or not reading.is_good or isinstance(reading.value, (bool, str, type(None))):
        return None
    return float(reading.value)


def _index_of_state(point: Point, text: str) -> int | None:
    texts = [state.casefold() for state in point.states] or (["off", "on"] if point.kind is Kind.BINARY else [])
    wanted = text.casefold()
    return texts.index(wanted) if wanted in texts else None
