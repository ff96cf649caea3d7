"""Which sensor can bear out which command, and what it must do within which time. Pure; `effectiveness` judges.

The sensor is another object than the one that was commanded, in the same place and of the same part of the plant by
its words: a supply fan is never borne out by a return fan, nor one pump by another. Where two could be meant, none is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from facility.profiles.airways import AIR_VALVE, air_path, command_class
from points.catalog import Catalog
from points.classify.words import MEANINGS, concepts, cut
from points.model import DeviceId, Kind, Point, PointId, SpaceId

_EXCLUSIVE = (  # a command and its sensor never speak of two different ones of these
    frozenset({"supply", "return", "exhaust", "outside", "mixed"}),
    frozenset({"chilled", "hot", "condenser", "domestic"}),
    frozenset({"heat", "cool"}),
)
_AIR = {
    "supply": "supply-air-temperature",
    "return": "return-air-temperature",
    "mixed": "mixed-air-temperature",
    "exhaust": "exhaust-air-temperature",
}
_WATER = frozenset({"water", "chilled", "hot", "condenser"})


class Test(StrEnum):
    """What the sensor must do."""

    __test__ = False  # not one of pytest's

    STATE = "is on or off as commanded"
    REACH = "comes to the commanded value"
    TOWARD = "comes to the commanded value, or clearly nearer to it"
    RISE = "moves in the direction of the command"
    FALL = "moves against the direction of the command"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A test, and what is enough to pass it."""

    test: Test
    classes: tuple[str, ...]  # of the sensor
    window_s: float
    share: float = 0.0  # of the commanded value (of the sensor's value for RISE and FALL) that is no difference
    band: float = 0.0  # the same in the sensor's own unit; kelvin for temperatures
    step: float = 0.0  # TOWARD: how much nearer is clearly nearer; 0: a fifth of the way
    change: float = 0.0  # of the command, below which it need not show
    side: int = 0  # +1: only what is below the commanded value must come to it; -1: only what is above
    only_off: bool = False  # to allow something to run does not make it run


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """A command's sensor and what it must do."""

    point: Point
    witness: Point
    rule: Rule

    @property
    def window(self) -> timedelta:
        return timedelta(seconds=self.rule.window_s)


class Witnesses:
    """The sensors of one catalog; each command's is looked for once."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._by_space: dict[SpaceId, list[Point]] | None = None
        self._known: dict[PointId, Expectation | None] = {}

    def of(self, point: Point) -> Expectation | None:
        """What bears out a command to `point`; None if nothing is known to."""
        if point.id not in self._known:
            self._known[point.id] = self._find(point)
        return self._known[point.id]

    def _find(self, point: Point) -> Expectation | None:
        for rule in _rules(point):
            witness = _nearest(point, rule, self.catalog.points_of(point.device))
            if witness is None and point.space is not None:
                witness = _nearest(point, rule, self._in(point.space, point.device))
            if witness is not None:
                return Expectation(point=point, witness=witness, rule=rule)
        return None

    def _in(self, space: SpaceId, elsewhere_than: DeviceId) -> Iterable[Point]:
        if self._by_space is None:
            self._by_space = {}
            for point in self.catalog.points.values():
                if point.space is not None:
                    self._by_space.setdefault(point.space, []).append(point)
        return (point for point in self._by_space.get(space, ()) if point.device != elsewhere_than)


def witness_of(point: Point, catalog: Catalog) -> Expectation | None:
    """The one sensor that can bear out a command to `point`; None if the catalog knows none."""
    return Witnesses(catalog).of(point)


def _rules(point: Point) -> Sequence[Rule]:
    """How a command to such a point can be checked, the best way first."""
    said = _said(point)
    match "air-valve" if command_class(point) == AIR_VALVE else point.point_class:
        case "start-stop-command":
            return _start_stop(point, said)
        case "fan-speed":
            return _FAN_SPEED
        case "airflow-setpoint":
            return (Rule(test=Test.REACH, classes=("flow",), window_s=180, share=0.1),)
        case "room-pressure-setpoint":
            return (Rule(test=Test.REACH, classes=("room-pressure",), window_s=300, share=0.25),)
        case "pressure-setpoint":
            return (Rule(test=Test.TOWARD, classes=("pressure",), window_s=300, share=0.1),)
        case "humidity-setpoint":
            return (Rule(test=Test.TOWARD, classes=("humidity",), window_s=1800, band=2.5, step=1.0),)
        case "temperature-setpoint" | "heating-setpoint" | "cooling-setpoint":
            return _temperature(point, said)
        case "lighting-command" | "lighting-level":
            return _LIGHT
        case "air-valve" | "damper":
            return _AIR_FLOW
        case "valve":
            return _coil(said)
        case _:
            return ()


_FAN_SPEED = (
    Rule(test=Test.RISE, classes=("power-meter",), window_s=180, share=0.03, change=5.0),
    Rule(test=Test.STATE, classes=("status",), window_s=120),
    Rule(test=Test.RISE, classes=("flow",), window_s=180, share=0.03, change=5.0),
)
_LIGHT = (
    Rule(test=Test.STATE, classes=("status",), window_s=60),
    Rule(test=Test.RISE, classes=("illuminance",), window_s=60, share=0.03, band=5.0, change=1.0),
)
_AIR_FLOW = (Rule(test=Test.RISE, classes=("flow",), window_s=300, share=0.03, change=10.0),)


def _start_stop(point: Point, said: frozenset[str]) -> Sequence[Rule]:
    staged = "enable" in said or point.equipment_type in ("boiler", "chiller")
    return (Rule(test=Test.STATE, classes=("status",), window_s=300 if staged else 120, only_off=staged),)


def _temperature(point: Point, said: frozenset[str]) -> Sequence[Rule]:
    if said & _WATER:
        return (Rule(test=Test.TOWARD, classes=("water-temperature",), window_s=1800, band=1.5, step=1.0),)
    for word, point_class in _AIR.items():
        if word in said:
            return (Rule(test=Test.TOWARD, classes=(point_class,), window_s=1200, band=1.0, step=0.5),)
    side = {"heating-setpoint": 1, "cooling-setpoint": -1}.get(point.point_class, 0)
    return (Rule(test=Test.TOWARD, classes=("zone-temperature",), window_s=1800, band=0.5, step=0.3, side=side),)


def _coil(said: frozenset[str]) -> Sequence[Rule]:
    """A coil's valve moves the temperature of the air behind it."""
    acts_on_air = said & {"heat", "cool", "reheat"}
    if "bypass" in said or (said & {"isolation", "humidity"} and not acts_on_air):
        return ()
    test = Test.FALL if said & {"cool", "chilled"} else Test.RISE if said & {"heat", "reheat", "hot", "steam"} else None
    if test is None:
        return ()
    return (Rule(test=test, classes=("supply-air-temperature",), window_s=600, band=0.4, change=20.0),)


def _nearest(point: Point, rule: Rule, candidates: Iterable[Point]) -> Point | None:
    """The one candidate that says what the command says; None if two say it equally well."""
    kind = Kind.BINARY if rule.test is Test.STATE else Kind.ANALOG
    fitting = [
        (_likeness(point, candidate), candidate)
        for candidate in candidates
        if candidate.point_class in rule.classes and candidate.kind is kind and _may_be(point, candidate)
    ]
    if not fitting:
        return None
    best = max(likeness for likeness, _ in fitting)
    first, *others = [candidate for likeness, candidate in fitting if likeness == best]
    return None if others else first


def _may_be(point: Point, sensor: Point) -> bool:
    """A sensor, in the same place, whose words do not speak of another thing."""
    if sensor.id == point.id or sensor.commandable or not sensor.present:
        return False
    if "-output" in sensor.ref.object_type or sensor.quarantined:
        return False
    if point.space is not None:
        if sensor.space != point.space:
            return False
    elif sensor.space is not None or sensor.equipment != point.equipment:
        return False
    if (way := air_path(point)) is not None and air_path(sensor) not in (way, None):
        return False
    if point.point_class == "airflow-setpoint" and way != air_path(sensor):
        return False
    return not any(_contradict(*texts) for texts in _texts(point, sensor))


def _texts(point: Point, sensor: Point) -> Iterable[tuple[str, str]]:
    """The texts of both that can be held against each other."""
    if point.description and sensor.description:
        yield point.description, sensor.description
    if point.device == sensor.device and _tells(point.name) and _tells(sensor.name):
        yield point.name, sensor.name


def _tells(name: str) -> bool:
    """Not "AV 01": a number there is no number of a machine."""
    return any(word in MEANINGS for word in cut(name))


def _contradict(one: str, other: str) -> bool:
    mine, others = concepts(cut(one)), concepts(cut(other))
    for group in _EXCLUSIVE:
        if mine & group and others & group and not (mine & group) & (others & group):
            return True
    return _numbers(mine) != _numbers(others)


def _numbers(words: Iterable[str]) -> frozenset[str]:
    return frozenset(word.lstrip("0") for word in words if word[0].isdigit())


def _likeness(point: Point, sensor: Point) -> tuple[bool, float]:
    """How much of what both say is the same: of descriptions where there are, else of names."""
    mine, others = _said(point), _said(sensor)
    same_machine = sensor.device == point.device and sensor.equipment == point.equipment
    return same_machine, len(mine & others) / max(len(mine | others), 1)


def _said(point: Point) -> frozenset[str]:
    return concepts(cut(point.name)) | concepts(cut(point.description))
