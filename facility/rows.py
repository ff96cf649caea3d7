"""The tables of the state database. Rows, never domain types: the modules beside them translate.

They have a registry of their own, so that the tables of other databases never mix with them.
Values keep their type because they are stored as JSON (`18` and `18.0` and `true` are three things).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, MetaData, Table, select
from sqlalchemy.dialects.sqlite import Insert, insert
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from points.model import Value
from points.sqlite import NAMING


class StateRow(SQLModel, registry=registry(metadata=MetaData(naming_convention=NAMING))):
    """What all rows of the state database have in common: their metadata."""


class ClaimRow(StateRow, table=True):
    __tablename__ = "claims"

    point: str = Field(primary_key=True)
    priority: int = Field(primary_key=True)
    value: str
    by: str
    reason: str
    since: datetime
    until: datetime
    command: str
    confirmed: bool
    unproven: str
    goal: str | None = None


class AuditRow(StateRow, table=True):
    """An intent, its result (`of` is set), or a note. Triggers forbid change and deletion.

    No `seq` is ever used twice (AUTOINCREMENT), so a gap is a deletion. `canonical` is what was hashed; the columns
    above it repeat it for queries, see `facility.audit.record`.
    """

    __tablename__ = "audit"
    __table_args__ = {"sqlite_autoincrement": True}

    seq: int | None = Field(default=None, primary_key=True)
    kind: str
    of: int | None = Field(default=None, foreign_key="audit.seq", index=True, unique=True)  # an intent ends once
    time: datetime
    by: str
    action: str
    target: str = Field(index=True)
    value: str | None = None
    found: str | None = None  # what stood in the slot before
    priority: int | None = None
    reason: str = ""
    request: str = ""  # the command's id
    result: str = ""
    role: str = ""
    origin: str = ""
    rule: str = ""
    previous: str = ""
    hash: str = ""
    canonical: bytes = b""


class AnchorRow(StateRow, table=True):
    """The head of the audit as it was signed: `facility.audit.anchors`. Append-only by triggers too."""

    __tablename__ = "audit_anchors"

    seq: int = Field(primary_key=True)
    agent: str
    hash: str
    time: datetime
    key: str
    signature: str


class AlarmRow(StateRow, table=True):
    __tablename__ = "alarms"

    id: str = Field(primary_key=True)
    kind: str
    severity: str
    about: str
    where: str
    text: str
    value: str
    limit: str
    since: datetime
    ended: datetime | None
    acknowledged: datetime | None
    acknowledged_by: str


class DeviceRow(StateRow, table=True):
    __tablename__ = "devices"

    id: str = Field(primary_key=True)
    document: str


class PointRow(StateRow, table=True):
    __tablename__ = "points"

    id: str = Field(primary_key=True)
    device: str = Field(index=True)
    document: str


class ReadAlreadyRow(StateRow, table=True):
    """A device that an unfinished discovery has read; none when the latest one came to its end."""

    __tablename__ = "read_already"

    network: int = Field(primary_key=True)
    address: str = Field(primary_key=True)
    instance: int = Field(primary_key=True)
    time: datetime


class SpaceRow(StateRow, table=True):
    __tablename__ = "spaces"

    id: str = Field(primary_key=True)
    document: str


class ConsentRow(StateRow, table=True):
    """One person agreed to one relaxation. Two different people make it hold."""

    __tablename__ = "consents"

    relaxation: str = Field(primary_key=True)  # its key: what is relaxed, from what, to what
    by: str = Field(primary_key=True)
    reason: str
    time: datetime


class ForeignRow(StateRow, table=True):
    """A slot that holds a value which is not ours, and since when it has been seen there."""

    __tablename__ = "foreign_slots"

    point: str = Field(primary_key=True)
    level: int = Field(primary_key=True)
    value: str
    since: datetime
    seen: datetime


class PageRow(StateRow, table=True):
    """A document that is kept as it last was, by name: the configuration that was in force."""

    __tablename__ = "pages"

    name: str = Field(primary_key=True)
    document: str


class PassportRow(StateRow, table=True):
    __tablename__ = "passports"

    network: int = Field(primary_key=True)
    address: str = Field(primary_key=True)
    instance: int = Field(primary_key=True)
    document: str


class NetworkPassportRow(StateRow, table=True):
    __tablename__ = "network_passports"

    number: int = Field(primary_key=True)
    document: str


def table_of(row: type[StateRow]) -> Table:
    """The Core table of a row class: statements in bulk are many times faster than row objects."""
    return StateRow.metadata.tables[str(row.__tablename__)]


def upsert(connection: Connection, row: type[StateRow], documents: Iterable[dict[str, Any]]) -> None:
    """Inserts, or replaces those whose key is there already."""
    many = list(documents)
    if many:
        connection.execute(_upsertion(row), many)


@cache
def _upsertion(row: type[StateRow]) -> Insert:
    """Made once: to put it together costs more than to carry it out."""
    table = table_of(row)
    statement = insert(table)
    later = {column.name: statement.excluded[column.name] for column in table.columns if not column.primary_key}
    return statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=later)


def page(connection: Connection, name: str) -> str | None:
    """The document that is kept under this name."""
    pages = table_of(PageRow)
    document: str | None = connection.scalar(select(pages.c.document).where(pages.c.name == name))
    return document


def keep_page(connection: Connection, name: str, document: str) -> None:
    upsert(connection, PageRow, [{"name": name, "document": document}])


def to_text(value: Value) -> str:
    return json.dumps(value)


def from_text(text: str) -> Value:
    value: Value = json.loads(text)
    return value
