"""Every number of the profiles, one by one: its value, where it is from, who verified it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from facility.profiles.files import PROVENANCE
from facility.profiles.steps import listed, shown

_WORDS = frozenset({"name", "group", "text", *PROVENANCE})  # not numbers, not rules


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
    in_force: Mapping[str, Any], shipped: Mapping[str, Any], wanted: Mapping[str, Any], only: str | None = None
) -> Iterator[Entry]:
    """All of them, or those of one type, as the tables have them."""
    for key in in_force:
        if only is None or key == only.replace("-", "_"):
            yield from _of((key,), in_force[key], shipped.get(key), wanted.get(key), {})


def _of(path: tuple[str, ...], table: Any, below: Any, wanted: Any, inherited: Mapping[str, str]) -> Iterator[Entry]:
    below = below if isinstance(below, Mapping) else {}
    wanted = wanted if isinstance(wanted, Mapping) else {}
    where = {name: table.get(name) or inherited.get(name, "") for name in PROVENANCE}
    if table.get("source") and not table.get("edition"):
        where["edition"] = ""  # an edition goes with its source
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _of((*path, name), value, below.get(name), wanted.get(name), where)
        elif name not in _WORDS:
            was, asked = below.get(name), wanted.get(name)
            yield Entry(
                what=".".join((*path, name)),
                value=_shown(value),
                shipped=None if was == value else _shown(was),
                wanted=None if asked == value else _shown(asked),
                **where,
            )


def _shown(value: Any) -> str:
    return listed(map(shown, value)) if isinstance(value, list) else shown(value)
