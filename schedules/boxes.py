"""VAV boxes as those see them that feed them: what each asks of the air's temperature and of its pressure. Pure.

A box is what the selected points of one machine in one space say. One that is not known asks for nothing, and is named.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from points.model import Point
from schedules.machines import machine_of, one_of
from schedules.policy import View
from schedules.requests import OPEN_ABOVE, STATIC_PRESSURE, SUPPLY_TEMPERATURE, Asked, Asking, asked
from schedules.writable import known_celsius, known_number

_COOLING = r"cool|clg"
_BOUND = r"\b(min|max)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """The points of one box that say what it needs; None for what it does not have."""

    name: str
    temperature: Point | None
    setpoint: Point | None
    cooling: Point | None
    flow: Point | None
    flow_setpoint: Point | None
    damper: Point | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Polled:
    """What all boxes ask for together."""

    requests: int
    asking: Mapping[str, Asking]
    unknown: tuple[str, ...]  # the boxes of which too little is known
    asks_most: str  # the box with the most requests; "" if there is none

    @property
    def words(self) -> str:
        return f"{self.requests} requests, most of {self.asks_most}" if self.requests else "nobody asks for more"


Poll = Callable[[View, Box, Asking | None], Asked | None]
"""What one box asks; None if that is not known."""


def boxes_of(points: Iterable[Point]) -> list[Box]:
    """The boxes of these points. What has neither thermometer nor damper is none."""
    grouped: defaultdict[tuple[str, str], list[Point]] = defaultdict(list)
    for point in points:
        grouped[machine_of(point), point.space or ""].append(point)
    twice = len({machine for machine, _ in grouped}) < len(grouped)  # controllers with several rooms
    found = []
    for (machine, space), group in grouped.items():
        box = _box(f"{machine} in {space}" if twice and space else machine, group)
        if box.temperature is not None or box.damper is not None:
            found.append(box)
    return found


def _box(name: str, points: Sequence[Point]) -> Box:
    sensed = [point for point in points if not point.commandable]
    return Box(
        name=name,
        temperature=one_of(sensed, "zone-temperature"),
        setpoint=one_of(points, "cooling-setpoint"),
        cooling=one_of(points, "request", named=_COOLING),
        flow=one_of(sensed, "flow", unnamed=_BOUND),
        flow_setpoint=one_of(points, "airflow-setpoint", unnamed=_BOUND),
        damper=one_of(sensed, "damper") or one_of(points, "damper"),
    )


def polled(view: View, boxes: Iterable[Box], poll: Poll, before: Mapping[str, Asking]) -> Polled:
    """What they ask, given what is remembered of each. One that is not known keeps what is remembered."""
    asking: dict[str, Asking] = {}
    unknown: list[str] = []
    counts: dict[str, int] = {}
    for box in boxes:
        answer = poll(view, box, before.get(box.name))
        if answer is None:
            unknown.append(box.name)
            if box.name in before:
                asking[box.name] = before[box.name]
        else:
            asking[box.name], counts[box.name] = answer.asking, answer.requests
    most = max(counts, key=lambda name: counts[name], default="")
    total = sum(counts.values())
    return Polled(requests=total, asking=asking, unknown=tuple(unknown), asks_most=most if total else "")


def asks_for_cooler_air(view: View, box: Box, before: Asking | None) -> Asked | None:
    """Guideline 36, 5.6.8.1: cooling requests of a zone to its air handler."""
    if box.temperature is None or box.setpoint is None:
        return None
    zone = known_celsius(box.temperature, view[box.temperature.id])
    setpoint = known_celsius(box.setpoint, view[box.setpoint.id])
    loop = None if box.cooling is None else known_number(view[box.cooling.id])
    if zone is None or setpoint is None or (box.cooling is not None and loop is None):
        return None
    return asked(SUPPLY_TEMPERATURE, before, short=zone - setpoint, loop=loop, now=view.now, setpoint=setpoint)


def asks_for_more_pressure(view: View, box: Box, before: Asking | None) -> Asked | None:
    """Guideline 36, 5.6.8.2: static pressure requests of a box to its air handler."""
    if box.damper is None:
        return None
    damper = known_number(view[box.damper.id])
    share: float | None = None
    if box.flow is not None and box.flow_setpoint is not None and box.flow.unit == box.flow_setpoint.unit:
        flow, setpoint = (known_number(view[point.id]) for point in (box.flow, box.flow_setpoint))
        if flow is None or setpoint is None:
            return None
        share = flow / setpoint if setpoint > 0.0 else None
    if damper is None:
        return None
    short = None if share is None or damper <= OPEN_ABOVE else -share
    return asked(STATIC_PRESSURE, before, short=short, loop=damper, now=view.now)
