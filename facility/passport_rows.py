"""What was learned of devices and networks, on disk: a second start knows it without a probe.

Rows are documents with their keys beside them, so that a new field needs no migration. One that cannot
be read any more is left out and told: it is learned again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import structlog
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, Row, inspect, select

from facility.database import StateDatabase, look_into
from facility.rows import NetworkPassportRow, PassportRow, table_of, upsert
from points.model import DeviceRef
from points.passport import NetworkPassport, Passport

log = structlog.get_logger(__name__)

Thing = TypeVar("Thing")

_PASSPORT = TypeAdapter(Passport)
_NETWORK = TypeAdapter(NetworkPassport)


async def load_passports(db: StateDatabase) -> tuple[dict[DeviceRef, Passport], dict[int, NetworkPassport]]:
    """Everything that was ever saved."""
    return await db.run(_load)


def stored_passports(path: Path) -> tuple[dict[DeviceRef, Passport], dict[int, NetworkPassport]]:
    """The same from a state file that another process may have open; nothing from one of before there were any."""
    return look_into(path, _load_if_any) if path.exists() else ({}, {})


async def save_passports(
    db: StateDatabase, devices: Mapping[DeviceRef, Passport], networks: Mapping[int, NetworkPassport]
) -> None:
    """Enters these, in one transaction; the others stay as they are."""

    def work(connection: Connection) -> None:
        upsert(
            connection,
            PassportRow,
            [
                {
                    "network": ref.network,
                    "address": ref.address,
                    "instance": ref.instance,
                    "document": _text(_PASSPORT, of),
                }
                for ref, of in devices.items()
            ],
        )
        upsert(
            connection,
            NetworkPassportRow,
            [{"number": number, "document": _text(_NETWORK, of)} for number, of in networks.items()],
        )

    await db.run(work)


def _load_if_any(connection: Connection) -> tuple[dict[DeviceRef, Passport], dict[int, NetworkPassport]]:
    tables = {table_of(row).name for row in (PassportRow, NetworkPassportRow)}
    return _load(connection) if tables <= set(inspect(connection).get_table_names()) else ({}, {})


def _load(connection: Connection) -> tuple[dict[DeviceRef, Passport], dict[int, NetworkPassport]]:
    devices = {
        DeviceRef(network=network, address=address, instance=instance): passport
        for (network, address, instance), passport in _read(
            _PASSPORT, connection.execute(select(table_of(PassportRow)))
        )
    }
    networks = {
        number: passport
        for (number,), passport in _read(_NETWORK, connection.execute(select(table_of(NetworkPassportRow))))
    }
    return devices, networks


def _read(adapter: TypeAdapter[Thing], rows: Iterable[Row[Any]]) -> Iterable[tuple[tuple[Any, ...], Thing]]:
    for row in rows:
        try:
            yield tuple(row[:-1]), adapter.validate_json(row[-1])
        except ValidationError as error:
            log.warning("a stored passport cannot be read", key=tuple(row[:-1]), errors=error.error_count())


def _text(adapter: TypeAdapter[Thing], thing: Thing) -> str:
    return adapter.dump_json(thing).decode()
