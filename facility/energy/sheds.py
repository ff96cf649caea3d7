"""What was given up to keep the demand down, and what was not, because the guard refused it. Pure.

What one policy shed within the same minute for the same reason is one line, however many points it has.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from facility.audit.holds import Line
from facility.energy.inforce import Held
from facility.wire import ShedInfo
from points.catalog import Catalog
from points.model import PointId, Priority

MOST = 200  # lines of a report, the latest
NAMED = 2  # places that a line names
REFUSED = "refused"

Key = tuple[str, str, datetime, str]


@dataclass(slots=True)
class _Line:
    points: set[str] = field(default_factory=set)
    ends: list[datetime | None] = field(default_factory=list)


def given_up(catalog: Catalog, lines: Iterable[Line], holds: Iterable[Held], since: datetime) -> list[ShedInfo]:
    """In the order in which it began; `lines` and what `holds` ends before `since` are of no interest."""
    level = int(Priority.DEMAND_LIMIT)
    groups: dict[Key, _Line] = {}
    for one in holds:
        if one.priority == level and (one.until is None or one.until > since):
            _enter(groups, one.by, one.reason, one.since, "", one.point, one.until)
    for line in lines:
        refused = line.action == "hold" and line.result.startswith(REFUSED)
        if refused and line.priority == level:
            _enter(groups, line.by, line.reason, line.time, line.result, line.point, line.time)
    told = [
        ShedInfo(
            since=at,
            until=None if None in group.ends else max(end for end in group.ends if end is not None),
            policy=by.partition(":")[2] or by,
            what=": ".join(filter(None, (_places(catalog, sorted(group.points)), reason))),
            points=len(group.points),
            refused=refused,
        )
        for (by, reason, at, refused), group in groups.items()
    ]
    return sorted(told, key=lambda shed: shed.since)[-MOST:]


def _enter(
    groups: dict[Key, _Line], by: str, reason: str, at: datetime, refused: str, point: str, end: datetime | None
) -> None:
    group = groups.setdefault((by, reason, at.replace(second=0, microsecond=0), refused), _Line())
    group.points.add(point)
    group.ends.append(end)


def _places(catalog: Catalog, points: Iterable[str]) -> str:
    places = list(dict.fromkeys(catalog.place(PointId(point)) or point for point in points))
    more = len(places) - NAMED
    return ", ".join(places[:NAMED]) + (f" and {more} more" if more > 0 else "")
