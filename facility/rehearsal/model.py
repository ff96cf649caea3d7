"""What a rehearsal finds: every write, with its reason; who was refused; who wanted the same slot. Frozen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from points.model import PointId, Priority, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """A value goes into a slot, or (None) what is in it is let go of."""

    at: datetime
    point: PointId
    priority: Priority
    value: Value | None
    policy: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The first time that something was wanted and not had, and how often it was wanted."""

    at: datetime
    point: PointId
    policy: str
    why: str
    times: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Clash:
    """The first time that two policies wanted one slot."""

    at: datetime
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """Everything that was found between two instants."""

    start: datetime
    end: datetime  # as far as it has come
    writes: tuple[Write, ...] = ()
    refused: tuple[Refused, ...] = ()
    clashes: tuple[Clash, ...] = ()
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What one rehearsal has and another has not."""

    new: tuple[Write, ...]
    gone: tuple[Write, ...]


def difference(before: Iterable[Write], after: Iterable[Write]) -> Difference:
    """Write by write, by instant, slot and value; the reason does not count."""
    old, now = {_key(write): write for write in before}, {_key(write): write for write in after}
    return Difference(
        new=tuple(write for key, write in now.items() if key not in old),
        gone=tuple(write for key, write in old.items() if key not in now),
    )


def _key(write: Write) -> tuple[datetime, PointId, int, str]:
    value = write.value
    return write.at, write.point, int(write.priority), f"{value:.3f}" if isinstance(value, float) else repr(value)
