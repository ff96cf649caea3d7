"""What the site says of its points and spaces overrules what was guessed from their names.

Rules are applied in order, the last word counts. Only an explicit `safety` lowers the safety
class of a point; a class or a space that is more dangerous than what was guessed raises it. Tags are
words for selectors: they add up, and change nothing of what a point is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from points.catalog import Catalog
from points.classify import safety_of_class, safety_of_space
from points.model import EquipmentId, Point, PointId, Safety, Space, SpaceId
from points.selectors import parse

# From "policies may write" to "nobody may": what a rule may do without saying so is to go to the right.
STRICTNESS = (Safety.COMFORT, Safety.CRITICAL, Safety.UNKNOWN, Safety.MEDICAL, Safety.LIFE_SAFETY)


EquipmentTags = Mapping[str, Sequence[str]]
"""The tags of equipment by its id."""

UNTAGGED: EquipmentTags = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class PointRule:
    """What the site says of the points that `match` selects; None says nothing."""

    match: str  # a selector: globs over point ids, or words such as `class:damper`
    point_class: str | None = None
    safety: Safety | None = None
    space: str | None = None
    equipment: str | None = None
    access: Literal["monitor-only"] | None = None
    deadline_s: float | None = None
    limit_low: float | None = None
    limit_high: float | None = None
    name: str | None = None
    tags: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceRule:
    """A space as the site knows it, and the points that are in it."""

    id: str
    name: str
    type: str
    match: Sequence[str] = ()  # selectors; a point is in the space if one of them has it
    tags: Sequence[str] = ()


def apply(
    points: Iterable[Point],
    point_rules: Iterable[PointRule],
    space_rules: Iterable[SpaceRule],
    spaces: Iterable[Space] = (),
    tags: EquipmentTags = UNTAGGED,
) -> tuple[list[Point], list[Space]]:
    """The points and spaces as the site says they are. `spaces` are those already known, `tags` those of equipment."""
    ruled = {point.id: _of_equipment(point, point.equipment, tags) for point in points}
    known = {space.id: space for space in spaces}
    rules = list(space_rules)
    known |= {SpaceId(rule.id): _space(rule) for rule in rules}
    for rule in rules:
        for point in _matching(", ".join(rule.match), ruled, known) if rule.match else ():
            ruled[point.id] = in_space(point, SpaceId(rule.id), known)
    for point in ruled.values():  # a space that was only renamed may have become a critical one
        ruled[point.id] = in_space(point, point.space, known)
    for point_rule in point_rules:
        for point in _matching(point_rule.match, ruled, known):
            ruled[point.id] = _ruled(point, point_rule, known, tags)
    return list(ruled.values()), list(known.values())


def _matching(match: str, points: Mapping[PointId, Point], spaces: Mapping[SpaceId, Space]) -> list[Point]:
    return parse(match)(Catalog(points=points, spaces=spaces))


def _space(rule: SpaceRule) -> Space:
    return Space(id=SpaceId(rule.id), name=rule.name, type=rule.type, tags=_each_once(rule.tags))


def _of_equipment(point: Point, equipment: EquipmentId | None, tags: EquipmentTags) -> Point:
    """The point as a part of that equipment, with its tags instead of those of the equipment it was taken for."""
    lost = tags.get(point.equipment, ()) if point.equipment is not None and equipment != point.equipment else ()
    gained = tags.get(equipment, ()) if equipment is not None else ()
    all_tags = _each_once([*(tag for tag in point.tags if tag not in lost), *gained])
    if (equipment, all_tags) == (point.equipment, point.tags):
        return point
    return replace(point, equipment=equipment, tags=all_tags)


def _each_once(tags: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(tags))


def _ruled(point: Point, rule: PointRule, spaces: Mapping[SpaceId, Space], tags: EquipmentTags) -> Point:
    if rule.equipment is not None:
        point = _of_equipment(point, EquipmentId(rule.equipment), tags)
    point = replace(
        point,
        name=point.name if rule.name is None else rule.name,
        tags=_each_once([*point.tags, *rule.tags]),
        locked=point.locked or rule.access == "monitor-only",
        site_low=point.site_low if rule.limit_low is None else rule.limit_low,
        site_high=point.site_high if rule.limit_high is None else rule.limit_high,
        deadline_s=point.deadline_s if rule.deadline_s is None else rule.deadline_s,
    )
    if point.commandable:  # of what is only read the limits are the alarm's, and the device's range stays what it is
        low, high = _narrower(max, point.low, rule.limit_low), _narrower(min, point.high, rule.limit_high)
        point = replace(point, low=low, high=high)
    if rule.space is not None:
        point = in_space(point, SpaceId(rule.space), spaces)
    if rule.point_class is not None:
        safety = _stricter(point.safety, safety_of_class(rule.point_class))
        point = replace(point, point_class=rule.point_class, safety=safety, confidence=1.0)
    return point if rule.safety is None else replace(point, safety=Safety(rule.safety))


def in_space(point: Point, space: SpaceId | None, spaces: Mapping[SpaceId, Space]) -> Point:
    """The very same point where nothing changes: of a large site that is most of it."""
    known = None if space is None else spaces.get(space)
    safety = point.safety if known is None else _stricter(point.safety, safety_of_space(known.type))
    if space == point.space and safety is point.safety:
        return point
    return replace(point, space=space, safety=safety)


def _stricter(one: Safety, other: Safety) -> Safety:
    return max(one, other, key=STRICTNESS.index)


def _narrower(bound: Callable[[list[float]], float], device: float | None, site: float | None) -> float | None:
    """The site may narrow what the device allows, never widen it."""
    given = [limit for limit in (device, site) if limit is not None]
    return bound(given) if given else None
