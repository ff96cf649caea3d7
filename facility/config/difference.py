"""What is different between two configurations, key by key. Pure; knows nothing of secrets: give it none."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

NAMES = ("id", "name", "match", "day", "instance")
"""What entries of a list go by, where every one has it and no two have the same."""

_ABSENT = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A key that has another value; None where there is none."""

    key: str  # "policies[office].standby_k"
    old: Any
    new: Any


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """In the order of the keys. What came or went as a whole is one change."""
    return sorted(_between("", old, new), key=lambda change: change.key)


def _between(key: str, old: Any, new: Any) -> Iterator[Change]:
    was, becomes = _parts(old), _parts(new)
    if was is None or becomes is None:
        if _text(old) != _text(new):
            yield Change(key=key, old=_present(old), new=_present(new))
        return
    for name in (*becomes, *(name for name in was if name not in becomes)):
        inner = f"{key}{name}" if name.startswith("[") or not key else f"{key}.{name}"
        yield from _between(inner, was.get(name, _ABSENT), becomes.get(name, _ABSENT))
    if list(was) != list(becomes) and was.keys() == becomes.keys() and isinstance(new, list):
        yield Change(key=f"{key} (order)", old=[name[1:-1] for name in was], new=[name[1:-1] for name in becomes])


def _parts(of: Any) -> dict[str, Any] | None:
    """The keys of a table, the names of a list of tables; None of anything else."""
    if isinstance(of, Mapping):
        return dict(of)
    if isinstance(of, list) and of and all(isinstance(each, Mapping) for each in of):
        return {f"[{name}]": each for name, each in zip(_names(of), of, strict=True)}
    return None


def _names(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    for name in NAMES:
        names = [str(entry.get(name)) for entry in entries]
        if all(name in entry for entry in entries) and len(set(names)) == len(names):
            return names
    return [str(number) for number in range(1, len(entries) + 1)]


def _present(value: Any) -> Any:
    return None if value is _ABSENT else value


def _text(value: Any) -> str:
    """Tells apart what Python takes for equal: 1, 1.0 and true."""
    return json.dumps(_present(value), sort_keys=True)
