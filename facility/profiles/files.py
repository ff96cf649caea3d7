"""Profile files: read, laid over each other, validated. What is wrong is told with file, key and reason."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from points.errors import PointsError

ACTUATORS = "actuators"
"""A table of a profile file that is no profile: the pace of actuators, by point class."""

PLANT = "plant"
"""The other: who may command what is critical and in no room or equipment of any profile, by point class."""

NO_PROFILES = frozenset({ACTUATORS, PLANT})

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


def validated(file: Path, key: str, table: object, model: type[Checked]) -> Checked:
    try:
        return model.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in (key, *first["loc"]))
        what = "unknown key" if first["type"] == "extra_forbidden" else first["msg"]
        raise ProfileError(f"{file}: {where}: {what}.") from error
