"""The catalog on disk: a second start knows the building without asking it again.

Every field of every device, point and space comes back as it was saved. Rows are documents with
their keys beside them, so that a new field needs no migration: one that was not saved has its default.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, delete, select

from facility.database import StateDatabase, look_into
from facility.rows import DeviceRow, PointRow, SpaceRow, StateRow, table_of, upsert
from points.catalog import Catalog
from points.model import Device, Point, Space

AT_ONCE = 1000  # documents in memory: those of a large site are as large as its catalog

_DEVICE = TypeAdapter(Device)
_POINT = TypeAdapter(Point)
_SPACE = TypeAdapter(Space)


async def load_catalog(db: StateDatabase) -> Catalog:
    """What the latest `save_catalog` saved; an empty catalog if nothing ever was."""
    return await db.run(_catalog)


def stored_catalog(path: Path) -> Catalog:
    """The same from a state file that another process may have open; empty without a file."""
    return look_into(path, _catalog) if path.exists() else Catalog()


async def save_catalog(db: StateDatabase, catalog: Catalog) -> None:
    """Makes the stored catalog this one, in one transaction."""

    def work(connection: Connection) -> None:
        spaces = ({"id": each.id, "document": _dump(_SPACE, each)} for each in catalog.spaces.values())
        _replace(connection, DeviceRow, map(device_document, catalog.devices.values()))
        _replace(connection, PointRow, map(point_document, catalog.points.values()))
        _replace(connection, SpaceRow, spaces)

    await db.run(work)


def device_document(device: Device) -> dict[str, Any]:
    """A device as a row."""
    return {"id": device.id, "document": _dump(_DEVICE, device)}


def point_document(point: Point) -> dict[str, Any]:
    """A point as a row."""
    return {"id": point.id, "device": point.device, "document": _dump(_POINT, point)}


def _catalog(connection: Connection) -> Catalog:
    return Catalog.of(
        devices=[_DEVICE.validate_json(text) for text in _documents(connection, DeviceRow)],
        points=[_POINT.validate_json(text) for text in _documents(connection, PointRow)],
        spaces=[_SPACE.validate_json(text) for text in _documents(connection, SpaceRow)],
    )


def _dump(adapter: TypeAdapter[Any], thing: Device | Point | Space) -> str:
    """JSON that keeps Infinity and NaN, which real devices give as their limits."""
    return json.dumps(adapter.dump_python(thing, mode="python"), default=str, ensure_ascii=False)


def _documents(connection: Connection, row: type[StateRow]) -> Iterator[str]:
    table = table_of(row)
    wanted = select(table.c.document).order_by(table.c.id).execution_options(yield_per=AT_ONCE)
    return iter(connection.scalars(wanted))


def _replace(connection: Connection, row: type[StateRow], documents: Iterator[dict[str, Any]]) -> None:
    connection.execute(delete(table_of(row)))
    while some := list(itertools.islice(documents, AT_ONCE)):
        upsert(connection, row, some)
