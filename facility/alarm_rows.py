"""The alarm book on disk: who acknowledged what, and since when it stands, outlive a restart."""

from __future__ import annotations

from collections.abc import Collection

from pydantic import TypeAdapter
from sqlalchemy import Connection, delete, select

from facility.database import StateDatabase
from facility.model import Alarm
from facility.rows import AlarmRow, table_of, upsert

_ALARM = TypeAdapter(Alarm)


async def load_alarms(db: StateDatabase) -> list[Alarm]:
    """All alarms in the book, the oldest first."""
    table = table_of(AlarmRow)

    def work(connection: Connection) -> list[Alarm]:
        rows = connection.execute(select(table).order_by(table.c.since, table.c.id))
        return [_ALARM.validate_python(dict(row._mapping)) for row in rows]  # noqa: SLF001 (SQLAlchemy's public name)

    return await db.run(work)


async def save_alarms(db: StateDatabase, alarms: Collection[Alarm]) -> None:
    """Enters new alarms and brings known ones up to date, all in one transaction."""
    documents = [_ALARM.dump_python(alarm) for alarm in alarms]
    await db.run(lambda connection: upsert(connection, AlarmRow, documents))


async def forget_alarms(db: StateDatabase, ids: Collection[str]) -> None:
    """Strikes those that have ended and been acknowledged."""
    table = table_of(AlarmRow)

    def work(connection: Connection) -> None:
        for alarm in ids:
            connection.execute(delete(table).where(table.c.id == alarm))

    await db.run(work)
