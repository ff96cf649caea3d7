"""Profile files: read, laid over each other, validated. What is wrong is told with file, key and reason."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from points.errors import PointsError

OWN = "the site's own profile"
PROVENANCE = ("source", "edition", "verified_by", "verified_on")

ACTUATORS = "actuators"
"""The one table of a profile file that is no profile: the pace of actuators, by point class."""

Checked = TypeVar("Checked", bound=BaseModel)


class ProfileError(PointsError):
    """A profile file cannot be used. The text names the file, the key and what is wrong."""


def read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ProfileError(f"The profile file {file} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ProfileError(f"The profile file {file} is not valid TOML: {error}.") from error


def merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    both = dict(under)
    for key, value in over.items():
        below = both.get(key)
        both[key] = merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return both


def cited(both: Mapping[str, Any], shipped: Mapping[str, Any], site: Mapping[str, Any]) -> dict[str, Any]:
    """`both`, where no number of the site is said to be from the source of the shipped number in its place."""
    told = dict(both)
    for key, value in site.items():
        if key in shipped and isinstance(value, Mapping):  # anything else is told when it is validated
            own = {"source": value.get("source", OWN), "edition": value.get("edition", "")}
            told[key] = _cited(both[key], shipped[key], value, own)
    return told


def _cited(both: Mapping[str, Any], shipped: object, site: Mapping[str, Any], own: Mapping[str, str]) -> dict[str, Any]:
    told = dict(both)
    below = shipped if isinstance(shipped, Mapping) else {}
    for key, value in site.items():
        mine = both.get(key)
        if isinstance(value, Mapping) and isinstance(mine, Mapping):
            told[key] = _cited(mine, below.get(key), value, own)
            is_own = "source" in value and mine.get("source") == value["source"]
            if not is_own and _numbers(mine) != _numbers(below.get(key, {})):
                told[key] |= own
    return told


def _numbers(table: object) -> dict[str, Any]:
    """What a table itself says, beside where it is from; nothing if it only holds tables."""
    if not isinstance(table, Mapping):
        return {}
    return {name: value for name, value in table.items() if name not in PROVENANCE and not isinstance(value, dict)}


def validated(file: Path, key: str, table: object, model: type[Checked]) -> Checked:
    try:
        return model.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in (key, *first["loc"]))
        what = "unknown key" if first["type"] == "extra_forbidden" else first["msg"]
        raise ProfileError(f"{file}: {where}: {what}.") from error
