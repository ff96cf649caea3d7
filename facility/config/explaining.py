"""What is wrong with a configuration, in words for the person who wrote it: the line, the key, what is expected."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from facility.config.places import line_of


def explained(
    error: ValidationError, where: str, text: str, settings: type[BaseModel], kinds: Mapping[str, type[BaseModel]]
) -> str:
    """Each problem with its key, and the line of the file where it stands.

    `kinds`: the sections of those lists whose entries say by `kind` which they are.
    """
    lines = [f"{where} has {error.error_count()} error{'s' if error.error_count() > 1 else ''}:"]
    for problem in error.errors():
        loc = problem["loc"] or getattr(problem.get("ctx", {}).get("error"), "path", ())
        key = ".".join(str(part) for part in loc) or "configuration"
        said = re.sub(r"^Value error, ", "", problem["msg"])
        if problem["type"] == "extra_forbidden":
            said = "unknown key" + _nearest(problem["loc"], settings, kinds)
        line = line_of(text, [part for part in loc if part not in kinds])
        place = "" if line is None else f"line {line}: "
        lines.append(f"  {place}{key}: {said}")
    return "\n".join(lines)


def _nearest(loc: tuple[int | str, ...], settings: type[BaseModel], kinds: Mapping[str, type[BaseModel]]) -> str:
    """What an unknown key may have meant: looks at the fields of the section it stands in."""
    model: Any = settings
    for part in loc[:-1]:
        model = _section_under(model, part, kinds)
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return ""
    near = difflib.get_close_matches(str(loc[-1]), model.model_fields, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; known keys: {', '.join(model.model_fields)}"


def _section_under(model: Any, part: int | str, kinds: Mapping[str, type[BaseModel]]) -> Any:
    if get_origin(model) is dict:
        return get_args(model)[1]
    if isinstance(part, int):
        return next((arg for arg in get_args(model)), model) if get_origin(model) is list else model
    if isinstance(model, type) and issubclass(model, BaseModel) and part in model.model_fields:
        return model.model_fields[part].annotation
    return kinds.get(str(part), model)
