"""Appends to the audit and asks it.

An intent is committed before its command is written to a device; if it cannot be, `AuditUnavailable` says so and the
command must not be carried out. A result is a row of its own that refers to its intent. One that could not be written
is owed, like a note of what is so in any case, and written before anything else the next time. Every row is chained to
the one before it in the transaction that appends it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypedDict, Unpack

import structlog
from sqlalchemy import Connection, RowMapping, Select, insert, or_, select

from facility.audit.chain import BEGINNING, link
from facility.audit.record import Entry
from facility.database import StateDatabase, StateUnavailable
from facility.rows import AuditRow, table_of, to_text
from facility.wire import Record
from points.clock import Clock
from points.errors import PointsError
from points.model import Value

INTERRUPTED = "unknown: the agent stopped before the device had answered"

log = structlog.get_logger(__name__)

_AUDIT = table_of(AuditRow)
_HEAD = """SELECT max(coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'audit'), 0), coalesce(max(seq), 0)),
    (SELECT hash FROM audit ORDER BY seq DESC LIMIT 1) FROM audit"""
"""The highest number that was ever given, also to rows that are lost, and the hash of the last row that is there."""

Draft = dict[str, Any]
"""What an entry will say, before it has its number."""


class Said(TypedDict, total=False):
    """What an entry may say besides who did what to what; the words are those of `Entry`."""

    value: Value | None
    found: Value | None
    priority: int | None
    reason: str
    request: str
    role: str
    origin: str
    rule: str


class AuditUnavailable(PointsError):
    """The audit cannot be written: no record, no command."""


class Audit:
    """The record of everything that was asked, done, refused, acknowledged, started and stopped."""

    def __init__(self, db: StateDatabase, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._owed: list[Draft] = []
        self._open: set[int] = set()  # intents of this process without a result; touched by the database's thread only
        self.healthy = True

    async def intent(self, *, by: str, action: str, target: str, **said: Unpack[Said]) -> int:
        """Records what is about to be done; it is on disk when this returns."""
        return await self._append("intent", by=by, action=action, target=target, said=said)

    async def result(self, seq: int, result: str) -> None:
        """Records how the intent `seq` ended."""
        draft = _result(self._clock.now(), seq, result)
        try:
            await self._write(draft)
        except AuditUnavailable:
            self._owed.append(draft)
            raise

    async def note(self, *, by: str, action: str, target: str, result: str = "", **said: Unpack[Said]) -> int:
        """Records a fact that has no consequence to wait for: a refusal, an acknowledgement, a start."""
        return await self._append("note", by=by, action=action, target=target, result=result, said=said)

    async def note_in_any_case(self, *, by: str, action: str, target: str, result: str, **said: Unpack[Said]) -> None:
        """Records what is so whether it can be recorded or not. Raises `AuditUnavailable` where it is owed instead."""
        draft = self._draft("note", by=by, action=action, target=target, result=result, said=said)
        try:
            await self._write(draft)
        except AuditUnavailable:
            self._owed.append(draft)
            raise

    async def close_interrupted(self) -> int:
        """Gives every intent that an earlier process left without a result one that says so. For the start."""
        results = _AUDIT.alias()
        has_result = select(results.c.seq).where(results.c.of == _AUDIT.c.seq).exists()
        unfinished = select(_AUDIT.c.seq).where(_AUDIT.c.kind == "intent", ~has_result)
        now = self._clock.now()

        def work(connection: Connection) -> int:
            left = sorted(set(connection.scalars(unfinished)) - self._open)
            for seq in left:
                append(connection, _result(now, seq, INTERRUPTED))
            return len(left)

        return await self._run(work)

    async def records(
        self,
        target: str | None = None,
        limit: int = 100,
        *,
        by: str | None = None,
        since: datetime | None = None,
        entry: int | None = None,
    ) -> list[Record]:
        """The latest records, newest first, each with its result. `target` narrows to one point, device or alarm."""
        query = records_query(target, limit, by=by, since=since, entry=entry)
        return [record_of(row) for row in await self._read(query)]

    async def _append(self, kind: str, *, said: Said, **about: str) -> int:
        return await self._write(self._draft(kind, said=said, **about))

    def _draft(self, kind: str, *, said: Said, **about: str) -> Draft:
        values = {"value": _text(said.get("value")), "found": _text(said.get("found"))}
        return {"time": self._clock.now(), "kind": kind, **about, **said, **values}

    async def _write(self, draft: Draft) -> int:
        owed = list(self._owed)

        def work(connection: Connection) -> int:
            for each in owed:
                if not _is_there(connection, each):  # two writers may both bring it
                    append(connection, each)
            seq = append(connection, draft)
            self._keep_count(seq, draft)
            return seq

        seq = await self._run(work)
        self._owed = [draft for draft in self._owed if draft not in owed]
        return seq

    def _keep_count(self, seq: int, draft: Draft) -> None:
        if draft["kind"] == "intent":
            self._open.add(seq)
        self._open.discard(draft.get("of", 0))

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


def append(connection: Connection, draft: Draft) -> int:
    """Adds an entry after the last one, inside the caller's transaction. Its number."""
    counted, hashed = connection.exec_driver_sql(_HEAD).one()
    entry = Entry(seq=counted + 1, **draft)
    previous, canonical = hashed or BEGINNING, entry.canonical
    row = {**entry.columns, "canonical": canonical, "previous": previous, "hash": link(previous, canonical)}
    connection.execute(insert(_AUDIT), row)
    return entry.seq


def records_query(
    target: str | None,
    limit: int,
    *,
    by: str | None = None,
    since: datetime | None = None,
    entry: int | None = None,
) -> Select[Any]:
    """What `record_of` makes records of: everything but results, which stand beside their intents."""
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
    if by is not None:
        query = query.where(_AUDIT.c.by.in_((by, f"user:{by}", f"policy:{by}")))
    if since is not None:
        query = query.where(_AUDIT.c.time >= since)
    if entry is not None:
        query = query.where(or_(_AUDIT.c.seq == entry, results.c.seq == entry))
    return query


def record_of(row: RowMapping) -> Record:
    return Record(
        seq=row["seq"],
        time=row["time"],
        by=row["by"],
        role=row["role"],
        origin=row["origin"],
        action=row["action"],
        target=row["target"],
        value=row["value"] or "",
        found=row["found"] or "",
        priority=row["priority"],
        reason=row["reason"],
        rule=row["rule"],
        request=row["request"],
        result=row["later"] or row["result"],
        previous=row["previous"],
        hash=row["hash"],
    )


def _is_there(connection: Connection, draft: Draft) -> bool:
    names = ("of",) if draft["kind"] == "result" else ("target", "time", "by", "action")
    same = [_AUDIT.c[name] == draft[name] for name in names]
    return connection.scalar(select(_AUDIT.c.seq).where(*same)) is not None


def _text(value: Value | None) -> str | None:
    return None if value is None else to_text(value)


def _result(time: datetime, of: int, result: str) -> Draft:
    return {"time": time, "kind": "result", "of": of, "result": result}
