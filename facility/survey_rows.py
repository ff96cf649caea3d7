"""What an unfinished discovery has read, on disk: the next one goes on from there.

The parts are in the stored catalog beside what was known before; which devices they are of is kept
until a discovery comes to its end.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, select

from facility.catalog_rows import device_document, point_document
from facility.database import StateDatabase
from facility.rows import DeviceRow, PointRow, ReadAlreadyRow, table_of, upsert
from points.catalog import Catalog
from points.model import DeviceRef


async def save_part(db: StateDatabase, part: Catalog, now: datetime) -> None:
    """Adds devices and their points to the stored catalog, and notes that they have been read."""

    def work(connection: Connection) -> None:
        upsert(connection, DeviceRow, [device_document(device) for device in part.devices.values()])
        upsert(connection, PointRow, [point_document(point) for point in part.points.values()])
        refs = [device.ref for device in part.devices.values()]
        rows = [{"network": r.network, "address": r.address, "instance": r.instance, "time": now} for r in refs]
        upsert(connection, ReadAlreadyRow, rows)

    await db.run(work)


async def read_already(db: StateDatabase) -> dict[DeviceRef, datetime]:
    """The devices that an unfinished discovery has read, and when; none if the latest one was finished."""
    table = table_of(ReadAlreadyRow)

    def work(connection: Connection) -> dict[DeviceRef, datetime]:
        rows = connection.execute(select(table.c.network, table.c.address, table.c.instance, table.c.time))
        return {
            DeviceRef(network=network, address=address, instance=instance): time
            for network, address, instance, time in rows
        }

    return await db.run(work)


async def finished(db: StateDatabase) -> None:
    """The discovery has come to its end."""

    def work(connection: Connection) -> None:
        connection.execute(delete(table_of(ReadAlreadyRow)))

    await db.run(work)
