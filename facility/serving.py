"""Which spaces a piece of equipment serves, and its tags, as the site says it in `[[equipment]]`. Pure.

Equipment may serve other equipment, such as a chiller its air handlers: then it serves what those serve. What nobody
said is not known (None), which is not the same as nothing, and is taken for critical.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from facility.config.model import Config
from points.classify import safety_of_space
from points.model import Point, Safety, SpaceId
from points.site_rules import EquipmentTags


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """From the id of equipment to the ids of the spaces that it serves, and to its tags."""

    spaces: Mapping[str, frozenset[SpaceId]]
    tags: EquipmentTags = field(default_factory=dict)

    def of(self, point: Point) -> frozenset[SpaceId] | None:
        """What the point's equipment serves; None where nobody said it, or the point is of no equipment."""
        return self.spaces.get(point.equipment) if point.equipment is not None else None

    def guarded(self, point: Point, types: Mapping[SpaceId, Collection[str]]) -> Point:
        """The point, critical if its equipment serves a critical space. `types`: all that a space is said to be."""
        if point.safety is not Safety.COMFORT:
            return point
        kinds = (types.get(space, ()) for space in self.of(point) or ())
        ordinary = all(of and all(safety_of_space(kind) is Safety.COMFORT for kind in of) for of in kinds)
        return point if ordinary else replace(point, safety=Safety.CRITICAL)


NOBODY_SAID = Serving(spaces={})


def serving_of(config: Config) -> Serving:
    """What the site says, followed through equipment that serves equipment."""
    said = {section.id: section.serves for section in config.equipment}

    def reached(name: str, on_the_way: frozenset[str]) -> frozenset[SpaceId]:
        inner = [reached(each, on_the_way | {name}) for each in said[name] if each in said and each not in on_the_way]
        return frozenset(SpaceId(each) for each in said[name] if each not in said).union(*inner)

    return Serving(
        spaces={name: reached(name, frozenset({name})) for name in said},
        tags={section.id: section.tags for section in config.equipment if section.tags},
    )
