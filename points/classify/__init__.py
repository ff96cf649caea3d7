"""What a point is, where it belongs and what a wrong write to it could harm: from names alone.

`classify` is pure and never raises. It fails closed: a point is COMFORT only when it is an
ordinary point of ordinary equipment or of an ordinary room, and nothing that is said about it
or its device hints at medical equipment, at life safety or at a critical room.
"""

from __future__ import annotations

from dataclasses import replace
from functools import _lru_cache_wrapper

from points.classify import classes, codes, equipment, hazards, spaces, words
from points.classify.classes import CLASSES, coarse
from points.classify.judge import classify, safety_of_class, safety_of_space
from points.classify.verdict import Evidence, Verdict
from points.model import Device, EquipmentId, Point, Space

__all__ = [
    "CLASSES",
    "Evidence",
    "Verdict",
    "classified",
    "classify",
    "coarse",
    "forget",
    "safety_of_class",
    "safety_of_space",
]


def forget() -> None:
    """Lets go of what was remembered from one point to the next: of a large site, 20 MB until the next look at it."""
    for module in (classes, codes, equipment, hazards, spaces, words):
        for known in vars(module).values():
            if isinstance(known, _lru_cache_wrapper):
                known.cache_clear()


def classified(point: Point, device: Device) -> tuple[Point, Space | None]:
    """The point with its class, safety, confidence, equipment and space, and that space."""
    verdict = classify(
        Evidence(
            name=point.name,
            description=point.description,
            unit=point.unit,
            object_type=point.ref.object_type,
            states=point.states,
            commandable=point.commandable,
            low=point.low,
            high=point.high,
            device=device.name,
            device_description=device.description,
            model=f"{device.vendor} / {device.model}",
        )
    )
    known = replace(
        point,
        point_class=verdict.point_class,
        confidence=verdict.confidence,
        safety=verdict.safety,
        equipment=verdict.equipment or (EquipmentId(device.id) if verdict.equipment_type else None),
        equipment_type=verdict.equipment_type,
        space=verdict.space,
    )
    if verdict.space is None:
        return known, None
    return known, Space(id=verdict.space, name=verdict.space_name, type=verdict.space_type)
