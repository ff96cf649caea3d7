"""What the audit says of what was held, refused and let go of: for reports, read beside the agent's own work.

The file is opened a second time, for reading only, in another thread: a report never delays the record of a command.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from sqlalchemy import Connection, func, select

from facility.database import look_into
from facility.rows import AuditRow, table_of

ACTIONS = ("hold", "release", "drop")
AT_ONCE = 5_000  # rows between which others get their turn

_T = TypeVar("_T")

_AUDIT = table_of(AuditRow)


class Line(NamedTuple):
    """An entry about a slot, with its end; `result` as the audit has it: "held 18.0 in slot 15"."""

    seq: int
    time: datetime
    by: str
    action: str
    point: str
    priority: int
    value: str
    reason: str
    result: str


class PastHolds:
    """The audit of one agent, asked about slots."""

    def __init__(self, database: Path) -> None:
        self._database = database

    async def between(self, since: datetime, until: datetime) -> list[Line]:
        """In the order in which they were written. Raises `StateUnavailable`."""
        first, last = await self._look(lambda connection: (_first(connection, since), _highest(connection)))
        found: list[Line] = []
        while first <= last:
            upto = min(first + AT_ONCE, last + 1)
            found += await self._look(partial(_lines, first=first, upto=upto))
            first = upto
        return [line for line in found if since <= line.time < until]

    async def _look(self, work: Callable[[Connection], _T]) -> _T:
        return await asyncio.to_thread(look_into, self._database, work)


def _highest(connection: Connection) -> int:
    return int(connection.execute(select(func.max(_AUDIT.c.seq))).scalar() or 0)


def _first(connection: Connection, since: datetime) -> int:
    """The number from which on entries are not older: halved, for the times have no index and ascend with it."""
    low, high = 0, _highest(connection) + 1
    while low < high:
        middle = (low + high) // 2
        later = select(_AUDIT.c.time).where(_AUDIT.c.seq >= middle).order_by(_AUDIT.c.seq).limit(1)
        time = connection.execute(later).scalar()
        if time is not None and time < since:
            low = middle + 1
        else:
            high = middle
    return low


def _lines(connection: Connection, first: int, upto: int) -> list[Line]:
    results = _AUDIT.alias()
    said = ("seq", "time", "by", "action", "target", "priority", "value", "reason")
    query = (
        select(*(_AUDIT.c[name] for name in said), func.coalesce(results.c.result, _AUDIT.c.result).label("ended"))
        .outerjoin(results, results.c.of == _AUDIT.c.seq)
        .where(_AUDIT.c.of.is_(None), _AUDIT.c.seq >= first, _AUDIT.c.seq < upto, _AUDIT.c.action.in_(ACTIONS))
        .order_by(_AUDIT.c.seq)
    )
    return [
        Line(
            row.seq, row.time, row.by, row.action, row.target, row.priority or 0, row.value or "", row.reason, row.ended
        )
        for row in connection.execute(query)
    ]
