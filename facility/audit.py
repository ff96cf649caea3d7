"""Who did what, why and with which result: appended, never changed, on disk before anything happens.

An intent is committed before its command is written to a device; if it cannot be, `AuditUnavailable`
says so and the command must not be carried out. A result is a row of its own that refers to its
intent. One that could not be written is owed, and written before anything else the next time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Connection, RowMapping, Select, insert, select

from facility.database import StateDatabase, StateUnavailable
from facility.rows import AuditRow, table_of, to_text
from facility.wire import Record
from points.clock import Clock
from points.errors import PointsError
from points.model import Value

INTERRUPTED = "unknown: the agent stopped before the device had answered"

log = structlog.get_logger(__name__)

_AUDIT = table_of(AuditRow)


class AuditUnavailable(PointsError):
    """The audit cannot be written: no record, no command."""


class Audit:
    """The record of everything that was asked, done, refused, acknowledged, started and stopped."""

    def __init__(self, db: StateDatabase, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._owed: list[dict[str, Any]] = []
        self._open: set[int] = set()  # intents of this process without a result; touched by the database's thread only
        self.healthy = True

    async def intent(
        self,
        *,
        by: str,
        action: str,
        target: str,
        value: Value | None = None,
        found: Value | None = None,
        priority: int | None = None,
        reason: str = "",
        request: str = "",
    ) -> int:
        """Records what is about to be done; it is on disk when this returns. `found` is what stood there before."""
        return await self._append(
            kind="intent",
            by=by,
            action=action,
            target=target,
            value=_text(value),
            found=_text(found),
            priority=priority,
            reason=reason,
            request=request,
        )

    async def result(self, seq: int, result: str) -> None:
        """Records how the intent `seq` ended."""
        row = _result(self._clock.now(), seq, result)
        try:
            await self._write(row)
        except AuditUnavailable:
            self._owed.append(row)
            raise

    async def note(
        self,
        *,
        by: str,
        action: str,
        target: str,
        value: Value | None = None,
        priority: int | None = None,
        reason: str = "",
        request: str = "",
        result: str = "",
    ) -> int:
        """Records a fact that has no consequence to wait for: a refusal, an acknowledgement, a start."""
        return await self._append(
            kind="note",
            by=by,
            action=action,
            target=target,
            value=_text(value),
            priority=priority,
            reason=reason,
            request=request,
            result=result,
        )

    async def close_interrupted(self) -> int:
        """Gives every intent that an earlier process left without a result one that says so. For the start."""
        results = _AUDIT.alias()
        has_result = select(results.c.seq).where(results.c.of == _AUDIT.c.seq).exists()
        unfinished = select(_AUDIT.c.seq).where(_AUDIT.c.kind == "intent", ~has_result)
        now = self._clock.now()

        def work(connection: Connection) -> int:
            left = set(connection.scalars(unfinished)) - self._open
            rows = [_result(now, seq, INTERRUPTED) for seq in sorted(left)]
            if rows:
                connection.execute(insert(_AUDIT), rows)
            return len(rows)

        return await self._run(work)

    async def records(self, target: str | None = None, limit: int = 100) -> list[Record]:
        """The latest records, newest first, each with its result. `target` narrows to one point, device or alarm."""
        results = _AUDIT.alias()
        query = (
            select(_AUDIT, results.c.result.label("later"))
            .outerjoin(results, results.c.of == _AUDIT.c.seq)
            .where(_AUDIT.c.of.is_(None))
            .order_by(_AUDIT.c.seq.desc())
            .limit(limit)
        )
        if target is not None:
            query = query.where(_AUDIT.c.target == target)
        rows = await self._read(query)
        return [_record(row) for row in rows]

    async def _append(self, **columns: Any) -> int:
        return await self._write(_row(self._clock.now(), **columns))

    async def _write(self, row: dict[str, Any]) -> int:
        owed = list(self._owed)

        def work(connection: Connection) -> int:
            if owed:  # two writers may both bring them
                connection.execute(insert(_AUDIT).prefix_with("OR IGNORE"), owed)
            seq: int = connection.scalars(insert(_AUDIT).values(**row).returning(_AUDIT.c.seq)).one()
            self._keep_count(seq, row)
            return seq

        seq = await self._run(work)
        self._owed = [row for row in self._owed if row not in owed]
        return seq

    def _keep_count(self, seq: int, row: dict[str, Any]) -> None:
        if row["kind"] == "intent":
            self._open.add(seq)
        self._open.discard(row["of"])

    async def _run(self, work: Callable[[Connection], int]) -> int:
        try:
            count = await self._db.run(work)
        except StateUnavailable as error:
            if self.healthy:
                log.warning("audit unavailable, commands are refused", error=str(error))
            self.healthy = False
            raise AuditUnavailable(f"No command is carried out while it cannot be recorded. {error}") from error
        if not self.healthy:
            log.info("audit available again")
        self.healthy = True
        return count

    async def _read(self, query: Select[Any]) -> Sequence[RowMapping]:
        return await self._db.run(lambda connection: connection.execute(query).mappings().all())


def _text(value: Value | None) -> str | None:
    return None if value is None else to_text(value)


def _row(time: datetime, **columns: Any) -> dict[str, Any]:
    """A complete row, so that rows of all kinds can be inserted together."""
    empty = {"of": None, "value": None, "found": None, "priority": None, "reason": "", "request": "", "result": ""}
    return {"time": time, **empty, **columns}


def _result(time: datetime, of: int, result: str) -> dict[str, Any]:
    return _row(time, kind="result", of=of, by="", action="", target="", result=result)


def _record(row: RowMapping) -> Record:
    return Record(
        seq=row["seq"],
        time=row["time"],
        by=row["by"],
        action=row["action"],
        target=row["target"],
        value=row["value"] or "",
        priority=row["priority"],
        reason=row["reason"],
        result=row["later"] or row["result"],
    )
