"""Zones: ordinary spaces with the setpoints that a policy may hold and the witnesses that it goes by.

A zone without a thermometer, or with one whose unit is not known, is a zone of unknown temperature: nothing is ever
demanded of it. A point that is not plainly comfort, commandable and in an ordinary space belongs to no zone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

from points.catalog import Catalog
from points.model import Point, SpaceId, Value
from schedules.occupancy import state_text
from schedules.policy import Selector, View
from schedules.witnesses import is_at_rest
from schedules.writable import Surroundings, in_unit_of, known_celsius, known_number, may_speak_for, surroundings

WINDOW_CLASS = "window"
START_CLASSES = frozenset({"start-stop-command", "mode"})
_NOT_RUNNING = ("off", "stop", "inactive", "disable", "shut")


@dataclass(slots=True)
class Zone:
    """A space, its setpoints and its witnesses. What is in it is found out once, and not changed after that."""

    space: SpaceId
    near: Surroundings
    heating: list[Point] = field(default_factory=list)
    cooling: list[Point] = field(default_factory=list)

    def celsius(self, view: View) -> tuple[float, float] | None:
        """The coldest and the warmest thermometer; None if not all of them are known."""
        read = [known_celsius(point, view[point.id]) for point in self.near.temperatures]
        known = [celsius for celsius in read if celsius is not None]
        return (min(known), max(known)) if known and len(known) == len(read) else None

    def humidities(self, view: View) -> list[float | None]:
        """In percent, of every sensor; None for one that is not known."""
        return [known_number(view[point.id]) for point in self.near.humidities]

    def is_open(self, view: View) -> bool:
        """Whether a window is open, or not surely closed."""
        windows = [point for point in self.near.points if point.point_class == WINDOW_CLASS]
        return not all(is_at_rest(view, window, ("clos", "shut"), ("open",)) for window in windows)

    def hold(self, *, heating: float | None, cooling: float | None) -> Iterator[tuple[Point, float]]:
        """Its setpoints with these temperatures, each in its own unit; None leaves that side alone."""
        for points, celsius in ((self.heating, heating), (self.cooling, cooling)):
            if celsius is None:
                continue
            for point in points:
                value = in_unit_of(point, celsius)
                if value is not None:
                    yield point, value


def zones_of(catalog: Catalog, *, heating: Selector, cooling: Selector) -> list[Zone]:
    """The zones of the selected setpoints, in the order of the catalog. One of no known space is in none."""
    heats, cools = (list(may_speak_for(select(catalog), catalog)) for select in (heating, cooling))
    around = surroundings(catalog, {point.space for point in chain(heats, cools) if point.space is not None})
    zones = {space: Zone(space, near) for space, near in around.items()}
    for point in heats:
        if point.space is not None:
            zones[point.space].heating.append(point)
    for point in cools:
        if point.space is not None:
            zones[point.space].cooling.append(point)
    return list(zones.values())


def is_start(point: Point, value: Value) -> bool:
    """Whether this value surely makes something run; none does that moves a damper, a valve or a speed."""
    if point.point_class not in START_CLASSES:
        return False
    text = state_text(point, value) or ("on" if value is True else "off")  # a state without a word may be any
    return value is not False and not any(word in text for word in _NOT_RUNNING)
