"""Names in the field to ids in our catalog.

Every id is made of slugs of `[a-z0-9-]{1,48}`, is unique where it has to be, and does not depend on
the order in which devices or objects were found. Ids that were given out before are never taken.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import TypeVar

LONGEST = 48  # characters of a slug
_NOT_IN_A_SLUG = re.compile(r"[^a-z0-9]+")
_CAMEL_HUMP = re.compile(r"(?<=[A-Za-z][a-z])(?=[A-Z][a-z])")  # SupplyAirTemp, but not kWh

_ABBREVIATIONS = {
    "analog-input": "ai",
    "analog-output": "ao",
    "analog-value": "av",
    "binary-input": "bi",
    "binary-output": "bo",
    "binary-value": "bv",
    "multi-state-input": "mi",
    "multi-state-output": "mo",
    "multi-state-value": "mv",
    "lighting-output": "lo",
    "binary-lighting-output": "blo",
    "large-analog-value": "lav",
    "integer-value": "iv",
    "positive-integer-value": "piv",
    "characterstring-value": "csv",
    "accumulator": "acc",
    "pulse-converter": "pc",
}

Key = TypeVar("Key")


def slug(text: str, otherwise: str = "x") -> str:
    """`text` as a slug; `otherwise` (a slug itself) when nothing of it remains."""
    plain = unicodedata.normalize("NFKD", _CAMEL_HUMP.sub("-", text)).encode("ascii", "ignore").decode().lower()
    return _cut(_NOT_IN_A_SLUG.sub("-", plain)) or otherwise


def abbreviation(object_type: str) -> str:
    """Short for an object type: "ai", or "t131" for a proprietary one."""
    if object_type.isdigit():
        return f"t{object_type}"
    return _ABBREVIATIONS.get(object_type) or "".join(word[0] for word in object_type.split("-") if word) or "o"


def device_slugs(names: Mapping[Key, tuple[str, int]], taken: Collection[str] = ()) -> dict[Key, str]:
    """A slug for each device, from (name, instance); the instance is added where the name is not enough."""
    wanted = {key: (slug(name, f"device-{instance}"), str(instance)) for key, (name, instance) in names.items()}
    return _unique(wanted, taken)


def point_slugs(
    device_name: str, objects: Mapping[Key, tuple[str, str, int]], taken: Collection[str] = ()
) -> dict[Key, str]:
    """A slug for each object of one device, from (name, object type, instance), without what all names share."""
    tokens = {key: slug(name, "-").split("-") for key, (name, _, _) in objects.items()}
    shared = _common_prefix(tokens.values())
    device = slug(device_name).split("-")
    wanted = {}
    for key, (_, object_type, instance) in objects.items():
        suffix = f"{abbreviation(object_type)}{instance}"
        own = tokens[key]
        cut = max(len(shared), len(device) if own[: len(device)] == device else 0)
        wanted[key] = (slug("-".join(own[cut:] or own), suffix), suffix)
    return _unique(wanted, taken)


def _unique(wanted: Mapping[Key, tuple[str, str]], taken: Collection[str]) -> dict[Key, str]:
    """Each key's slug, with its suffix where two keys want the same, counted on where that is not enough."""
    used = set(taken)
    often = Counter(base for base, _ in wanted.values())
    result: dict[Key, str] = {}
    for key, (base, suffix) in sorted(wanted.items(), key=lambda item: (item[1], str(item[0]))):
        name = base if often[base] == 1 and base not in used else _joined(base, suffix)
        number = 2
        while name in used:
            name = _joined(base, f"{suffix}-{number}")
            number += 1
        used.add(name)
        result[key] = name
    return result


def _joined(base: str, suffix: str) -> str:
    suffix = _cut(suffix)
    return _cut(f"{base[: LONGEST - len(suffix) - 1].rstrip('-')}-{suffix}")


def _cut(text: str) -> str:
    return text.strip("-")[:LONGEST].rstrip("-")


def _common_prefix(names: Iterable[list[str]]) -> list[str]:
    """The tokens that all names begin with; none for a single name, and never all of a name."""
    every = list(names)
    if len(every) < 2:
        return []
    shortest, longest = min(every), max(every)
    shared = []
    for one, other in zip(shortest, longest, strict=False):
        if one != other:
            break
        shared.append(one)
    return shared[: min(len(name) for name in every) - 1]
