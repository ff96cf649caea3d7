"""What makes the catalog in use from that of the network: classified, then corrected by what the site says.

What the site makes looser holds once two people have agreed to it (`facility.relaxations`).
What is thought of a point is remembered: a look at a large site changes little of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from facility.profiles import Profiles
from facility.relaxations import Gate
from facility.serving import NOBODY_SAID, Serving
from points.catalog import Catalog
from points.classify import classified
from points.model import Device, DeviceId, Point, PointId, Space, SpaceId
from points.site_rules import PointRule, SpaceRule

Shape = Callable[[Catalog], Catalog]


def shape_of(
    point_rules: Sequence[PointRule],
    space_rules: Sequence[SpaceRule],
    gate: Gate | None = None,
    serving: Serving = NOBODY_SAID,
) -> Shape:
    """What makes the catalog of the agent from that of the network. Without a gate, nobody agreed to anything."""
    latest = _Latest()
    held = gate or Gate(Profiles.load())

    def shape(raw: Catalog) -> Catalog:
        nonlocal latest
        before, latest = latest, _Latest(raw.devices)
        spaces: dict[SpaceId, Space] = {}
        points = []
        for point in raw.points.values():
            known, space = latest.judged(point, before)
            points.append(known)
            if space is not None:
                spaces.setdefault(space.id, space)
        if serving.spaces:
            types = _types(spaces.values(), space_rules)
            points = [serving.guarded(point, types) for point in points]
        ruled, named = held.apply(points, point_rules, space_rules, spaces.values(), serving.tags)
        return Catalog.of(raw.devices.values(), ruled, named)

    return shape


def _types(spaces: Iterable[Space], rules: Iterable[SpaceRule]) -> dict[SpaceId, set[str]]:
    """All that a space is said to be: whichever holds, what serves it is no less strict."""
    types: dict[SpaceId, set[str]] = {}
    named = [(space.id, space.type) for space in spaces] + [(SpaceId(rule.id), rule.type) for rule in rules]
    for space, kind in named:
        types.setdefault(space, set()).add(kind)
    return types


class _Latest:
    """The latest picture that was shaped, and what was thought of it. It shares all it can with the catalogs in use."""

    def __init__(self, devices: Mapping[DeviceId, Device] | None = None) -> None:
        self._devices = devices or {}
        self._points: dict[PointId, tuple[Point, Point, Space | None]] = {}  # as it was told, as it is judged, where
        self._spaces: dict[Space, Space] = {}  # the one of all that are equal

    def judged(self, point: Point, before: _Latest) -> tuple[Point, Space | None]:
        """Most points are what they were: then so is what is thought of them."""
        device = self._devices[point.device]
        known = before._points.get(point.id)
        if known is not None and _same(known[0], point) and _same(before._devices.get(device.id), device):
            shaped, space = known[1:]
        else:
            shaped, space = classified(point, device)
            shaped = replace(shaped, quarantined=True) if device.quarantine else shaped
        space = None if space is None else self._spaces.setdefault(space, space)
        self._points[point.id] = (point, shaped, space)
        return shaped, space


def _same(one: object, other: object) -> bool:
    return one is other or one == other  # of a large site, most things are the very same
