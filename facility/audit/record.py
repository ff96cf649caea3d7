"""One entry of the audit, and the bytes it is.

The canonical bytes are JSON in UTF-8 with sorted keys and nothing between them. They are made once, when the entry
is appended, and stored: whoever checks the entry hashes what is stored, and never what he would write himself.
Every column beside them is one of their fields; `columns` and `fields_of` are the two ways.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An intent, its result (`of` is set), or a note."""

    seq: int
    kind: str
    time: datetime
    of: int | None = None
    by: str = ""
    role: str = ""  # in which that person acted
    origin: str = ""  # where the caller sits: "socket uid 1000 pid 4711"
    action: str = ""
    target: str = ""
    value: str | None = None  # as JSON text: 18, 18.0 and true are three things
    found: str | None = None  # what stood there before, likewise
    priority: int | None = None
    reason: str = ""
    rule: str = ""  # what allowed or refused it
    request: str = ""  # the command's id: all entries about one command have the same
    result: str = ""

    @property
    def columns(self) -> dict[str, Any]:
        """The entry as the table holds it."""
        return {name: _whole(value) if isinstance(value, str) else value for name, value in asdict(self).items()}

    @property
    def canonical(self) -> bytes:
        fields = {**self.columns, "time": written(self.time)}
        return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


NAMES = tuple(Entry.__slots__)
"""Every field of an entry, and so every column beside the bytes, the hash and the hash before."""


def fields_of(canonical: bytes) -> dict[str, Any]:
    """What stored bytes say. ValueError where they are no entry."""
    said = json.loads(canonical)
    if not isinstance(said, dict) or said.keys() != set(NAMES):
        raise ValueError("these are not the fields of an entry")
    return said


def in_columns(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of stored bytes as SQLite holds them in the columns. ValueError where the time is none."""
    time = datetime.fromisoformat(fields["time"]).astimezone(UTC)
    return {**fields, "time": time.strftime("%Y-%m-%d %H:%M:%S.%f")}


def written(time: datetime) -> str:
    """`2026-03-01T12:00:01.000000Z`: always the same length, so that text order is time order."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _whole(text: str) -> str:
    """Foreign text may hold halves of characters, which are no UTF-8."""
    return text.encode("utf-8", "replace").decode()
