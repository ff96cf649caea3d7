"""One value that a site's profile file makes looser than it is shipped: what a person agrees to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

Path = tuple[str, ...]

NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """From the shipped value to the site's."""

    path: Path
    before: str
    after: str
    instead: Any  # what stands there if it is left out; None: nothing

    @property
    def where(self) -> str:
        return ".".join(self.path)


def scalar(path: Path, before: Any, after: Any) -> Step:
    return Step(path=path, before=shown(before), after=shown(after), instead=before)


def shown(value: object) -> str:
    """`2.5`, `true`, `none`: as a key pins it, with all its digits."""
    match value:
        case None:
            return NONE
        case bool():
            return str(value).lower()
        case float() if value.is_integer():
            return str(int(value))
    return str(value)


def listed(words: Iterable[str]) -> str:
    return f"[{', '.join(words)}]"
