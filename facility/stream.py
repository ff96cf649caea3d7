"""The live stream of one screen: everything once, then what changes, at a pace a person can see.

Values are conflated per point and sent at most four times a second; overview and alarms are sent when
they differ from what was sent last. A slow screen is sent less, never something old.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import UTC, datetime
from typing import Protocol

from facility.wire import AlarmInfo, Hello, Overview, PointInfo, Update, ValueInfo
from points.catalog import Catalog, CatalogBook
from points.model import PointId, Reading
from points.store import PointStore, Watch

PACE_S = 0.25
OVERVIEW_EVERY_S = 1.0


Marks = Mapping[PointId, tuple[object, ...]]


class Shown(Protocol):
    """What the stream asks of its session."""

    async def hello(self) -> Hello: ...

    async def points(self) -> list[PointInfo]: ...

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
            yield Update(kind="catalog", at=_now(), points=await session.points())
        before, marks = marks, session.marks()
        fresh |= {point: r for point in _changed(before, marks) if (r := store.get(point)) is not None}
        if fresh or alarms is None:
            known = [reading for reading in fresh.values() if reading.point in catalog.points]
            yield Update.model_construct(kind="values", at=_now(), values=session.shown(known))
        loop_time = asyncio.get_running_loop().time()
        if loop_time >= overview_due:
            overview_due = loop_time + OVERVIEW_EVERY_S
            yield Update(kind="overview", at=_now(), overview=await session.overview())
        present = await session.alarms()
        if present != alarms:
            alarms = present
            yield Update(kind="alarms", at=_now(), alarms=present)
        await asyncio.sleep(PACE_S)


def _changed(before: Marks, after: Marks) -> set[PointId]:
    return {point for point in before.keys() | after.keys() if before.get(point) != after.get(point)}


def _now() -> datetime:
    return datetime.now(UTC)
