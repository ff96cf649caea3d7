"""The live stream of one screen: everything once, then what changes, at a pace a person can see.

Values are conflated per point and sent at most four times a second; overview and alarms are sent when
they differ from what was sent last. A slow screen is sent less, never something old.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol, TypeVar

from facility.wire import AlarmInfo, Hello, Overview, PointInfo, Update, ValueInfo
from points.catalog import Catalog, CatalogBook
from points.model import Point, PointId, Reading
from points.store import PointStore, Watch

PACE_S = 0.25
OVERVIEW_EVERY_S = 1.0

Thing = TypeVar("Thing")

AT_ONCE = 1000  # values or points in a message: a large site's make no other caller wait, and no mountain in memory

Marks = Mapping[PointId, tuple[str, str]]


class Shown(Protocol):
    """What the stream asks of its session."""

    async def hello(self) -> Hello: ...

    def described(self, points: Iterable[Point]) -> list[PointInfo]: ...

    async def overview(self) -> Overview: ...

    async def alarms(self) -> list[AlarmInfo]: ...

    def shown(self, readings: Iterable[Reading]) -> list[ValueInfo]: ...

    def marks(self) -> Marks:
        """What stands at points besides their readings: alarms and holds, where there are any."""
        ...


async def updates(session: Shown, store: PointStore, readings: Watch, book: CatalogBook) -> AsyncIterator[Update]:
    """Hello, catalog, values, overview and alarms in full; after that what changes."""
    yield Update(kind="hello", at=_now(), hello=await session.hello())
    catalog: Catalog | None = None
    alarms: list[AlarmInfo] | None = None
    marks: Marks = {}
    overview_due = 0.0
    while True:
        fresh = {reading.point: reading for reading in readings.take()}
        if book.current is not catalog:  # a screen forgets what it had of the old one
            catalog = book.current
            fresh = dict(store.snapshot())
            for points, more in _in_parts(list(catalog.points.values())):
                yield Update.model_construct(kind="catalog", at=_now(), points=session.described(points), more=more)
                await asyncio.sleep(0)
        before, marks = marks, session.marks()
        fresh |= {point: r for point in _changed(before, marks) if (r := store.get(point)) is not None}
        if fresh or alarms is None:
            known = [reading for reading in fresh.values() if reading.point in catalog.points]
            for some, _ in _in_parts(known):
                yield Update.model_construct(kind="values", at=_now(), values=session.shown(some))
                await asyncio.sleep(0)
        loop_time = asyncio.get_running_loop().time()
        if loop_time >= overview_due:
            overview_due = loop_time + OVERVIEW_EVERY_S
            yield Update(kind="overview", at=_now(), overview=await session.overview())
        present = await session.alarms()
        if present != alarms:
            alarms = present
            yield Update(kind="alarms", at=_now(), alarms=present)
        await asyncio.sleep(PACE_S)


def _in_parts(all_of: Sequence[Thing]) -> Iterator[tuple[Sequence[Thing], bool]]:
    """Parts, and whether more of them follow; at least one."""
    for first in range(0, max(len(all_of), 1), AT_ONCE):
        yield all_of[first : first + AT_ONCE], first + AT_ONCE < len(all_of)


def _changed(before: Marks, after: Marks) -> set[PointId]:
    return {point for point in before.keys() | after.keys() if before.get(point) != after.get(point)}


def _now() -> datetime:
    return datetime.now(UTC)
