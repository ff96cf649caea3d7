"""Which points are meters, and what they measure. Pure.

A meter is a counter (kWh), a power (kW), or one of each in the same device with the same name but for the words that
say which is which. Phases, peaks and apparent power are no meters. Every meter is converted to kW and kWh.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from points.catalog import Catalog
from points.model import Point, PointId

Carrier = Literal["electricity", "heat", "gas"]

TO_KW = {
    "milliwatts": 1e-6,
    "watts": 1e-3,
    "kilowatts": 1.0,
    "megawatts": 1e3,
    "horsepower": 0.745_699_9,
    "btus-per-hour": 2.930_711e-4,
    "kilo-btus-per-hour": 0.293_071_1,
}
TO_KWH = {
    "watt-hours": 1e-3,
    "kilowatt-hours": 1.0,
    "megawatt-hours": 1e3,
    "joules": 1 / 3.6e6,
    "kilojoules": 1 / 3600,
    "megajoules": 1 / 3.6,
    "btus": 2.930_711e-4,
    "kilo-btus": 0.293_071_1,
    "mega-btus": 293.071_1,
}
CLASSES = ("energy-meter", "power-meter", "electrical")
NO_METER = frozenset({"phase", "peak", "max", "maximum", "apparent", "reactive", "kva", "kvar", "limit", "generator"})
MEASURED = frozenset(
    {"kw", "kwh", "mwh", "wh", "mw", "total", "active", "real", "thermal", "power", "energy", "demand", "consumption",
     "usage", "meter", "electric", "electrical", "now"}
)  # fmt: skip
WHOLE = frozenset({"main", "incomer", "incoming", "utility", "building", "hospital", "site", "grid"})
CARRIERS: tuple[tuple[Carrier, frozenset[str]], ...] = (
    ("gas", frozenset({"gas"})),
    ("heat", frozenset({"thermal", "heat", "steam", "btu"})),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """What measures one use of energy. The factors turn what its points say into kW and kWh."""

    id: str  # of its counter, or of its power where it has no counter
    name: str
    carrier: Carrier
    power: PointId | None
    energy: PointId | None
    kw: float = 1.0
    kwh: float = 1.0

    @property
    def points(self) -> tuple[PointId, ...]:
        return tuple(point for point in (self.power, self.energy) if point is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Meters:
    """The meter of the whole, and those beneath it and beside it. `note`: why there is no main one, and what to do."""

    main: Meter | None
    others: tuple[Meter, ...]
    note: str = ""

    @property
    def all(self) -> tuple[Meter, ...]:
        return self.others if self.main is None else (self.main, *self.others)


def meters_of(catalog: Catalog, *, main: str | None = None, chosen: Sequence[str] = ()) -> Meters:
    """Those that the site named, or those that can be told by class and name."""
    every = _paired(point for point in catalog.points.values() if point.present and _is_meter(point))
    by_point = {point: meter for meter in every for point in meter.points}
    if main is not None and (whole := by_point.get(PointId(main)) or _alone(catalog, main)) is not None:
        note = ""
    elif main is not None:
        whole, note = None, f"energy.main names {main!r}, which is no present point in a unit of power or energy."
    else:
        whole, note = _whole(every)
    if chosen:
        named = [by_point.get(PointId(point)) or _alone(catalog, point) for point in chosen]
        others = tuple(meter for meter in named if meter is not None and meter != whole)
    else:
        counters = [meter for meter in every if meter.energy is not None]
        others = tuple(meter for meter in counters or every if meter != whole)
    return Meters(main=whole, others=tuple(dict.fromkeys(others)), note=note)


def _is_meter(point: Point) -> bool:
    measures = point.unit in TO_KW or point.unit in TO_KWH
    return measures and point.point_class in CLASSES and not _words(point) & NO_METER


def _paired(points: Iterable[Point]) -> list[Meter]:
    groups: dict[tuple[str, str], list[Point]] = {}
    for point in points:
        groups.setdefault((point.device, _stem(point)), []).append(point)
    found = []
    for group in groups.values():
        powers = [point for point in group if point.unit in TO_KW]
        counters = [point for point in group if point.unit in TO_KWH]
        if len(powers) <= 1 and len(counters) <= 1:
            found.append(_meter(next(iter(powers), None), next(iter(counters), None)))
        else:  # names do not tell which belongs to which
            found += [_meter(point, None) for point in powers] + [_meter(None, point) for point in counters]
    return sorted(found, key=lambda meter: meter.id)


def _meter(power: Point | None, energy: Point | None) -> Meter:
    one = energy or power
    assert one is not None
    return Meter(
        id=one.id,
        name=_name(one),
        carrier=next((carrier for carrier, words in CARRIERS if _words(one) & words), "electricity"),
        power=power.id if power else None,
        energy=energy.id if energy else None,
        kw=TO_KW[power.unit] if power else 1.0,
        kwh=TO_KWH[energy.unit] if energy else 1.0,
    )


def _alone(catalog: Catalog, point: str) -> Meter | None:
    """A meter that only the site knows to be one."""
    known = catalog.points.get(PointId(point))
    if known is None or not known.present:
        return None
    if known.unit in TO_KW:
        return _meter(known, None)
    return _meter(None, known) if known.unit in TO_KWH else None


def _whole(every: Sequence[Meter]) -> tuple[Meter | None, str]:
    electric = [meter for meter in every if meter.carrier == "electricity"]
    named = [meter for meter in electric if set(_split(f"{meter.id} {meter.name}")) & WHOLE]
    best = [meter for meter in named if meter.energy is not None] or named
    if len(best) == 1:
        return best[0], ""
    if len(electric) == 1:
        return electric[0], ""
    what = "Several meters could be" if best else "No meter is surely"
    return None, f"{what} that of the whole building; name it with energy.main, a point in kW or kWh."


def _stem(point: Point) -> str:
    return " ".join(word for word in _split(point.name) if word not in MEASURED)


def _name(point: Point) -> str:
    words = (point.description or point.name).split()
    while len(words) > 1 and words[-1].lower() in MEASURED:
        words.pop()
    return " ".join(words)


def _words(point: Point) -> set[str]:
    return set(_split(f"{point.name} {point.description}"))


def _split(text: str) -> list[str]:
    return [word.lower() for word in re.findall(r"[A-Za-z]+|\d+", text)]


def outdoor_of(catalog: Catalog, named: str | None) -> PointId | None:
    """Where the weather is measured: as the site says, or at a weather station, or the only outdoor sensor."""
    if named is not None:
        return PointId(named) if PointId(named) in catalog.points else None
    found = [point for point in catalog.points.values() if point.point_class == "outside-air-temperature"]
    present = sorted((point for point in found if point.present), key=lambda point: point.id)
    stations = [point for point in present if point.equipment_type == "weather"]
    return next((point.id for point in stations or present), None)
