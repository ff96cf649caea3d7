"""What holds a point that is not of our doing, found in what a device says: pure.

A priority array does not say who wrote it. What is in a level from 1 to 15 and is not the value of a claim
of ours is foreign; level 16 and the relinquish default are the device's own business. A point that is held by
hand at its device, or out of service there, has no level: it stands above or below all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from facility.claims import is_ours
from facility.model import Claim, SlotKey
from facility.views import LEVELS
from facility.wire import OverrideInfo
from points.catalog import Catalog
from points.model import PointId, Priority, Quality, Reading, StatusFlags, Value, values_agree
from points.units import show

BY_HAND, OUT_OF_SERVICE = 0, 17  # in the place of a level: before and after those that there are
SLOTS = frozenset(range(1, 16))
FLAGS = frozenset({BY_HAND, OUT_OF_SERVICE})
MINIMUM_ON_OFF = 6  # the device's own algorithm, nobody's override
OURS = frozenset(map(int, Priority))

_HELD = int(StatusFlags.OVERRIDDEN | StatusFlags.OUT_OF_SERVICE)
_NOT_NOW = ("stale", "offline")  # what such a reading says of flags was so, once
_NAMES = {MINIMUM_ON_OFF: "minimum on/off, by the device itself", BY_HAND: "by hand at the device", OUT_OF_SERVICE: ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Something foreign: a value in a slot, or a flag (`level` is BY_HAND or OUT_OF_SERVICE; no value)."""

    point: PointId
    level: int
    value: Value
    since: datetime  # first seen
    seen: datetime  # last seen

    @property
    def is_override(self) -> bool:
        """Somebody wants it so: no minimum on/off times of the device, and not only out of service."""
        return self.level not in (MINIMUM_ON_OFF, OUT_OF_SERVICE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one look at a point found in the levels that it looked at."""

    point: PointId
    levels: Collection[int]
    found: Mapping[int, Value]
    at: datetime


def foreign_in(
    point: PointId, values: Sequence[Value | None], claim_of: Callable[[SlotKey], Claim | None]
) -> dict[int, Value]:
    """The values of a priority array that are not ours, by level."""
    found = {}
    for level, value in enumerate(values[: max(SLOTS)], 1):
        if value is None:
            continue
        claim = claim_of((point, Priority(level))) if level in OURS else None
        if claim is None or not is_ours(claim, value):
            found[level] = value
    return found


def doubtful(found: Mapping[int, Value], known: Mapping[int, Found]) -> bool:
    """Whether it may be a value of ours that was written or released while the answer was on its way."""
    return any(
        level in OURS and (level not in known or not values_agree(known[level].value, value))
        for level, value in found.items()
    )


def says_of_flags(reading: Reading, known: Mapping[int, Found]) -> dict[int, Value] | None:
    """The flags that hold the point; None where the reading says nothing of them, or nothing new."""
    flags = int(reading.flags)
    if not flags & _HELD and FLAGS.isdisjoint(known):
        return None
    if reading.reason in _NOT_NOW or reading.quality is Quality.STALE:
        return None
    if not flags and reading.quality is not Quality.GOOD:
        return None  # an error tells nothing
    marks = ((StatusFlags.OVERRIDDEN, BY_HAND), (StatusFlags.OUT_OF_SERVICE, OUT_OF_SERVICE))
    return {level: "" for flag, level in marks if flags & flag}


def place(level: int) -> str:
    """Where it was found, in words."""
    return {BY_HAND: "by hand at the device", OUT_OF_SERVICE: "out of service"}.get(level, f"slot {level}")


def strongest_first(found: Iterable[Found]) -> list[Found]:
    return sorted(found, key=lambda each: (each.level, each.since, each.point))


def infos(
    found: Iterable[Found],
    catalog: Catalog,
    *,
    known: Mapping[PointId, Mapping[int, Found]],
    ours: Iterable[Claim],
    value_of: Callable[[PointId], Value | None],
) -> list[OverrideInfo]:
    """As they travel. `known` is everything that was found, `ours` all that we hold: what of it wins."""
    strongest: dict[PointId, int] = {}
    for claim in ours:
        strongest[claim.point] = min(int(claim.priority), strongest.get(claim.point, OUT_OF_SERVICE))
    return [_info(each, catalog, known[each.point], strongest.get(each.point), value_of) for each in found]


def _info(
    found: Found,
    catalog: Catalog,
    known: Mapping[int, Found],
    ours: int | None,
    value_of: Callable[[PointId], Value | None],
) -> OverrideInfo:
    point = catalog.points.get(found.point)
    space = catalog.spaces.get(point.space) if point is not None and point.space else None
    in_slot = found.level in SLOTS
    value = found.value if in_slot else value_of(found.point)
    text = show(point, value) if point else "?" if value is None else str(value)
    return OverrideInfo(
        point=found.point,
        space=space.name if space else "",
        level=found.level if in_slot else None,
        level_name=_NAMES.get(found.level, LEVELS.get(found.level, "free level")),
        text=text,
        since=found.since,
        seen=found.seen,
        kind="slot" if in_slot else "by hand" if found.level == BY_HAND else "out of service",
        wins=not in_slot or _wins(found.level, known, ours),
    )


def _wins(level: int, known: Collection[int], ours: int | None) -> bool:
    """Whether the present value follows the slot: nothing stands above, and the point follows its slots at all."""
    return level == min(known) and OUT_OF_SERVICE not in known and (ours is None or level < ours)
