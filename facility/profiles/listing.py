"""Every number of the profiles, one by one: its value, where it is from, who verified it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from facility.profiles.files import merged
from facility.profiles.provenance import WORDS, Origin, origins
from facility.profiles.steps import listed, shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One value in force."""

    what: str  # "operating_room.limits.room-pressure.low"
    value: str
    shipped: str | None  # the shipped value, where it is another one
    wanted: str | None  # what the site's file says, where that is not in force
    source: str
    edition: str
    verified_by: str
    verified_on: str

    def as_json(self) -> dict[str, str | None]:
        return asdict(self)


def entries(
    in_force: Mapping[str, Any], shipped: Mapping[str, Any], site: Mapping[str, Any], only: str | None = None
) -> Iterator[Entry]:
    """All of them, or those of one type, as the tables have them. `site`: what its own file says."""
    wanted = merged(shipped, site)
    for key in in_force:
        if only is None or key == only.replace("-", "_"):
            known = origins(key, in_force, shipped, site)
            yield from _of((key,), in_force[key], shipped.get(key), wanted.get(key), known)


def _of(
    path: tuple[str, ...], table: Any, below: Any, wanted: Any, known: Mapping[tuple[str, ...], Origin]
) -> Iterator[Entry]:
    below = below if isinstance(below, Mapping) else {}
    wanted = wanted if isinstance(wanted, Mapping) else {}
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _of((*path, name), value, below.get(name), wanted.get(name), known)
        elif name not in WORDS:
            was, asked = below.get(name), wanted.get(name)
            yield Entry(
                what=".".join((*path, name)),
                value=_shown(value),
                shipped=None if was == value else _shown(was),
                wanted=None if asked == value else _shown(asked),
                **known[*path, name]._asdict(),
            )


def _shown(value: Any) -> str:
    return listed(map(shown, value)) if isinstance(value, list) else shown(value)
