"""What is foreign, on disk before it is shown: how long something stands survives a restart.

What comes and what goes is told once, as an event and in the audit. The audit comes first: a process that dies
between the two tells it again, and never not at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Connection, delete, select

from facility.audit import Audit
from facility.database import StateDatabase
from facility.overrides import FLAGS, MINIMUM_ON_OFF, OUT_OF_SERVICE, Found, Look, place
from facility.rows import ForeignRow, from_text, table_of, to_text, upsert
from points.events import Events
from points.model import Event, EventKind, PointId, Value, values_agree

BY = "foreign"
GRAIN = timedelta(minutes=5)  # `seen` is no older than that; what is seen every second is not written every second

_FOREIGN = table_of(ForeignRow)


class ForeignBook:
    """Everything foreign that is known, by point and level."""

    def __init__(self, db: StateDatabase, audit: Audit, events: Events, say: Callable[[PointId, Value], str]) -> None:
        """`say` is a value of the point in words."""
        self.known: dict[PointId, dict[int, Found]] = {}
        self.changes = 0
        self._db = db
        self._audit = audit
        self._events = events
        self._say = say
        self._noting = asyncio.Lock()

    async def load(self) -> None:
        """What earlier processes found."""
        known: dict[PointId, dict[int, Found]] = {}
        for each in await self._db.run(_rows):
            known.setdefault(each.point, {})[each.level] = each
        self.known = known
        self.changes += 1

    def of(self, point: PointId) -> Mapping[int, Found]:
        return self.known.get(point, {})

    async def note(self, looks: Iterable[Look]) -> None:
        """Enters what was found; what was there before and was not found is gone."""
        async with self._noting:
            await self._note(looks)

    async def _note(self, looks: Iterable[Look]) -> None:
        seen: list[Found] = []
        gone: list[Found] = []
        for look in looks:
            before = self.of(look.point)
            gone += [each for level, each in before.items() if level in look.levels and level not in look.found]
            for level, value in look.found.items():
                new = _seen(before.get(level), look, level, value)
                if new is not None:
                    seen.append(new)
        if not seen and not gone:
            return
        for each in seen:
            if each.level not in self.of(each.point):
                await self._came(each)
        for each in gone:
            await self._went(each)
        await self._db.run(lambda connection: _save(connection, seen, gone))
        for each in seen:
            self.known.setdefault(each.point, {})[each.level] = each
        for each in gone:
            levels = self.known[each.point]
            del levels[each.level]
            if not levels:
                del self.known[each.point]
        self.changes += 1

    async def _came(self, found: Found) -> None:
        at = place(found.level)
        if found.level in FLAGS:
            await self._tell(found, "override", f"seen {at}", f"{found.point} is {_held(found.level)}")
        elif found.level != MINIMUM_ON_OFF:  # the device's own doing, and as often as it switches
            value = self._say(found.point, found.value)
            text = f"{found.point}: {at} holds {value}, which is not ours and is left alone"
            await self._tell(found, "override", f"seen in {at}, not ours", text)

    async def _went(self, found: Found) -> None:
        at = place(found.level)
        if found.level in FLAGS:
            text = f"{found.point} is no longer {_held(found.level)}"
            await self._tell(found, "override-ended", f"no longer {at}", text)
        elif found.level != MINIMUM_ON_OFF:
            text = f"{found.point}: {at} no longer holds what was not ours"
            await self._tell(found, "override-ended", f"no longer in {at}", text)

    async def _tell(self, found: Found, action: str, result: str, text: str) -> None:
        flag = found.level in FLAGS
        await self._audit.note(
            by=BY,
            action=action,
            target=found.point,
            value=None if flag else found.value,
            priority=None if flag else found.level,
            result=result,
        )
        self._events.tell(Event(kind=EventKind.COMMAND, time=found.seen, about=found.point, text=text))


def _held(level: int) -> str:
    return "out of service" if level == OUT_OF_SERVICE else "held by hand at the device"


def _seen(before: Found | None, look: Look, level: int, value: Value) -> Found | None:
    """What is known of it now; None where nothing of that has to be kept."""
    if before is None:
        return Found(point=look.point, level=level, value=value, since=look.at, seen=look.at)
    if values_agree(before.value, value) and abs(look.at - before.seen) < GRAIN:
        return None
    return replace(before, value=value, seen=look.at)


def _rows(connection: Connection) -> list[Found]:
    return [
        Found(
            point=PointId(row["point"]),
            level=row["level"],
            value=from_text(row["value"]),
            since=row["since"],
            seen=row["seen"],
        )
        for row in connection.execute(select(_FOREIGN)).mappings()
    ]


def _save(connection: Connection, seen: Iterable[Found], gone: Iterable[Found]) -> None:
    documents = (
        {"point": each.point, "level": each.level, "value": to_text(each.value), "since": each.since, "seen": each.seen}
        for each in seen
    )
    upsert(connection, ForeignRow, documents)
    for each in gone:
        connection.execute(delete(_FOREIGN).where(_FOREIGN.c.point == each.point, _FOREIGN.c.level == each.level))
