"""The verdict on a point: every text is read, the most telling one decides the class, the worst one the safety."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from points.classify import classes, codes, equipment, hazards, spaces, words
from points.classify.classes import coarse
from points.classify.equipment import Machine
from points.classify.spaces import Place
from points.classify.verdict import Evidence, Verdict
from points.model import EquipmentId, Safety, SpaceId
from points.units import quantity

SURE_ENOUGH = 0.5  # one matching word in the point's own name, and nothing that speaks against it

# How much each text is believed when it alone decides the class.
_OWN_NAME, _CODE, _DESCRIPTION, _BOTH, _PATH, _EVERYTHING = 1.0, 0.9, 0.95, 0.9, 0.85, 0.7

# What a device measures is not written; a commandable "sensor" is probably something else.
_MEASURED = re.compile(
    r".*-temperature|temperature|humidity|pressure|room-pressure|flow|co2|enthalpy|status|alarm|occupancy|door|.*-meter"
)
_DOUBT_IF_COMMANDABLE = 0.6

# Classes that are never ordinary, whatever the equipment.
_CLASS_SAFETY = dict.fromkeys(("power-transfer", "generator", "ups", "fuel-level"), Safety.LIFE_SAFETY) | dict.fromkeys(
    (
        "medical-gas-pressure",
        "medical-gas-flow",
        "oxygen-concentration",
        "refrigerator-temperature",
        "isolated-power",
    ),
    Safety.MEDICAL,
)
_ROOMLESS = frozenset({"outside-air-temperature"})
_ROOM_PRESSURE = frozenset({"room-pressure", "room-pressure-setpoint"})

_WATCHED_SAFETY = dict.fromkeys(("generator", "transfer_switch", "ups"), Safety.LIFE_SAFETY)
_WATCHED_WORD = {
    "medical_gas": "gas-zone",
    "transfer_switch": "transfer",
    "isolated_power": "isolated-power",
    "generator": "generator",
    "ups": "ups",
    "mri_chiller": "mri",
}
_SHAPES = {
    "input": "in",
    "output": "out",
    "value": "value",
    "analog": "analog",
    "binary": "binary",
    "multi": "multi",
    "lighting": "analog",
}
_SLUG = re.compile(r"[^a-z0-9]+")
_LONGEST_SLUG = 48
_SEGMENT = re.compile(r"[/:]|\.(?!\d)|\.\.")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Texts:
    """The words of everything that was said, most telling first."""

    leaf: tuple[str, ...]
    name: tuple[str, ...]
    description: tuple[str, ...]
    device: tuple[str, ...]
    device_description: tuple[str, ...]
    every_reading: tuple[tuple[str, ...], ...]  # of all texts, states and model too
    readable: bool


def classify(evidence: Evidence) -> Verdict:
    """The verdict on one point."""
    texts = _texts(evidence)
    places = [place for text in texts.every_reading for place in spaces.found(text)]
    machine = _machine(texts)
    point_class, confidence = _class(evidence, texts, places)
    place = _place(evidence, texts, places, machine)
    return Verdict(
        point_class=point_class,
        confidence=confidence,
        safety=_safety(texts, places, machine, point_class, confidence),
        equipment=EquipmentId(_slug(machine.id)) if machine and machine.id else None,
        equipment_type=machine.type if machine else "",
        space=SpaceId(_slug(place.name)) if place else None,
        space_type=place.type if place else "",
        space_name=place.name if place else "",
    )


def safety_of_class(point_class: str) -> Safety:
    """The least strict safety that a point of the class can have."""
    return Safety.UNKNOWN if point_class == "unknown" else _CLASS_SAFETY.get(point_class, Safety.COMFORT)


def safety_of_space(space_type: str) -> Safety:
    """The least strict safety that a point in such a space can have."""
    if space_type in spaces.WATCHED or space_type.startswith("medical_gas"):
        return _WATCHED_SAFETY.get(space_type, Safety.MEDICAL)
    return Safety.COMFORT if space_type in spaces.ORDINARY | {spaces.UNKNOWN} else Safety.CRITICAL


def _texts(evidence: Evidence) -> _Texts:
    segments = [segment for segment in _SEGMENT.split(evidence.name) if segment.strip()]
    description = words.without_conjunctions(evidence.description)
    device_description = words.without_conjunctions(evidence.device_description)
    said = (
        evidence.name,
        description,
        evidence.device,
        device_description,
        evidence.model,
        " / ".join(evidence.states),
    )
    return _Texts(
        leaf=words.cut(segments[-1]) if segments else (),
        name=words.cut(evidence.name),
        description=words.cut(description),
        device=words.cut(evidence.device),
        device_description=words.cut(device_description),
        every_reading=tuple(reading for text in said if text for reading in words.readings(text)),
        readable=all(map(words.is_readable, said)),
    )


def _machine(texts: _Texts) -> Machine | None:
    """The first that is named; "outside air" or "cooling loop" only where nothing else is."""
    machines = [found for text in texts.every_reading if (found := equipment.found(text))]
    return min(machines, key=lambda machine: machine.type in equipment.VAGUE, default=None)


def _class(evidence: Evidence, texts: _Texts, places: list[Place]) -> tuple[str, float]:
    """The class that the most points speak for, each text weighed by how telling it is."""
    measures = quantity(evidence.unit) or ("fraction" if (evidence.low, evidence.high) == (0.0, 100.0) else None)
    shape = frozenset(short for word, short in _SHAPES.items() if word in evidence.object_type)
    leaf, description = words.concepts(texts.leaf), words.concepts(texts.description)
    around = _around(places)
    path = words.concepts(texts.name) | around
    candidates = (
        (_OWN_NAME, leaf),
        (_CODE, codes.meaning(evidence.name)),
        (_DESCRIPTION, description),
        (_BOTH, leaf | description if description else frozenset[str]()),
        (_PATH, path),
        (_EVERYTHING, path | description | words.concepts(texts.device) | words.concepts(texts.device_description)),
    )
    won, most = "unknown", 0.0
    for weight, meant in candidates:
        if not meant:
            continue
        point_class, points = classes.best(meant, measures, shape)
        if points * weight > most:
            won, most = point_class, points * weight
    confidence = 1.0 - 0.5**most
    if evidence.commandable and _MEASURED.fullmatch(won):
        confidence *= _DOUBT_IF_COMMANDABLE
    return won, round(confidence, 3)


def _around(places: list[Place]) -> frozenset[str]:
    """What the place says of the class: "pressure" of a room and "pressure" of a gas panel are two things."""
    watched = {_WATCHED_WORD.get(place.type, "cold-store") for place in places if place.type in spaces.WATCHED}
    return frozenset(watched or {"zone" for _ in places})


def _place(evidence: Evidence, texts: _Texts, places: list[Place], machine: Machine | None) -> Place | None:
    """What is watched like a room, else a room with a number, else any room; critical and particular ones first.

    "Corridor surgery" is a corridor. An air handler that "serves the operating rooms" is not in one of them.
    """
    if not places:
        number = codes.room(evidence.name)
        return spaces.unknown_room(number.lower()) if number else None
    own = {*spaces.found(texts.name), *spaces.found(texts.description)}

    def rank(one: Place) -> tuple[bool, ...]:
        return (
            one.type not in spaces.WATCHED,
            not one.number,
            not (one.type == spaces.CORRIDOR and not one.number and one in own),
            one.type in spaces.ORDINARY,
            one not in own,
        )

    place = min(places, key=lambda one: (rank(one), one.order))
    if place.type in spaces.WATCHED:
        return _watched(evidence, texts, place)
    if machine is not None and machine.type in equipment.CENTRAL and not place.number:
        return None
    return place if place.number else replace(place, number=codes.zone(evidence.name).lower())


def _watched(evidence: Evidence, texts: _Texts, place: Place) -> Place:
    """Without a number it goes by the name of its device, so that two gas panels stay two."""
    if not place.number and any(other.type == place.type for other in spaces.found(texts.device)):
        place = replace(place, label=evidence.device)
    if place.type == "medical_gas":
        return spaces.of_one_gas(place, texts.name, texts.description, texts.device)
    return place


def _safety(
    texts: _Texts,
    places: list[Place],
    machine: Machine | None,
    point_class: str,
    confidence: float,
) -> Safety:
    signs = {hazards.sign(text) for text in texts.every_reading}
    signs |= {safety_of_space(place.type) for place in places if place.type in spaces.WATCHED}
    for worst in (Safety.LIFE_SAFETY, Safety.MEDICAL):
        if worst in signs:
            return worst
    if Safety.UNKNOWN in signs or not texts.readable:
        return Safety.UNKNOWN
    if confidence < SURE_ENOUGH or safety_of_class(point_class) is not Safety.COMFORT:
        return Safety.UNKNOWN
    types = {place.type for place in places}
    if Safety.CRITICAL in map(safety_of_space, types):
        return Safety.CRITICAL
    if point_class in _ROOM_PRESSURE:
        return Safety.UNKNOWN  # an ordinary room has no pressure to watch
    if machine is not None and machine.type in equipment.PLANT:
        return Safety.CRITICAL
    ordinary = (
        not types.isdisjoint(spaces.ORDINARY)
        or point_class in _ROOMLESS
        or (machine is not None and machine.type in equipment.ORDINARY)
        or (machine is not None and machine.type == "meter" and coarse(point_class) == "electrical")
    )
    return Safety.COMFORT if ordinary else Safety.UNKNOWN


def _slug(text: str) -> str:
    return _SLUG.sub("-", text.lower()).strip("-")[:_LONGEST_SLUG].strip("-")
