"""Whether a point moves the air that a room is given or the air that is taken from it, by its own words. Pure.

Two ways at once, or none, is no answer: whoever needs to know must then do without.
"""

from __future__ import annotations

import re
from typing import Literal

from facility.profiles.states import words
from points.model import Point

Airway = Literal["supply", "extract"]

AIR_VALVE = "air-valve"
"""What profiles call a valve or damper that moves the air of a room."""

_SUPPLY = frozenset({"supply", "sup", "spl", "sa", "sf", "saf", "sav", "sad"})
_EXTRACT = frozenset({"exhaust", "exh", "extract", "ext", "return", "ret", "ea", "ra", "ef", "rf", "eaf", "raf", "eav"})
_HEAT = frozenset({"reheat", "rh", "rhc", "heat", "heating", "htg", "preheat", "cool", "cooling", "clg", "coil", "rad"})
_WATER = frozenset({"water", "chw", "hw", "hhw", "chws", "chwr", "hws", "hwr", "steam", "stm", "humidifier", "hum"})
_LAST_PART = re.compile(r"[/:'.|\\]")


def air_path(point: Point) -> Airway | None:
    """Which way the point's air goes; None if its words do not say, or say both."""
    tail = _LAST_PART.split(point.name)[-1]  # of "mercy/central_supply/room_4/exhaust airflow" the end counts
    for text in (tail, point.name, point.description):
        said = set(words(text).split())
        supply, extract = bool(said & _SUPPLY), bool(said & _EXTRACT)
        if supply or extract:
            return None if supply and extract else "supply" if supply else "extract"
    return None


def command_class(point: Point) -> str:
    """Under which key the profiles speak of commands to the point: its class, or `air-valve`."""
    if point.point_class not in ("valve", "damper") or air_path(point) is None:
        return point.point_class
    said = set(words(f"{point.name} {point.description}").split())
    return "valve" if point.point_class == "valve" and said & (_HEAT | _WATER) else AIR_VALVE
