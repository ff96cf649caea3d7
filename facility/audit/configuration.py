"""What is configured otherwise than at the last start is on record, key by key, before anything runs by it.

The effective configuration is kept in the database as it was, without secrets: they are stars in it, and so a changed
password is not told. So are the tables of the site's own profile file, whose numbers decide what is an alarm and what
may be commanded: their keys begin with `profiles.`.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, select

from facility.audit.ledger import Audit
from facility.config.difference import differences
from facility.config.model import Config
from facility.database import StateDatabase
from facility.profiles.files import read
from facility.rows import PageRow, table_of, upsert
from points.model import Value

PAGE = "configuration"
PROFILES = "profiles"
MOST = 200  # changes that are told one by one
LONGEST = 2_000  # characters of a value: a whole building's list of points is told in part

_PAGES = table_of(PageRow)


async def note_configuration(audit: Audit, db: StateDatabase, config: Config) -> int:
    """Records every changed key, then keeps the configuration as the one in force. How many have changed."""
    pages = ((PAGE, config.model_dump(mode="json"), ""), (PROFILES, _profiles(config), f"{PROFILES}."))
    return sum([await _note(audit, db, name, present, prefix) for name, present, prefix in pages])


async def _note(audit: Audit, db: StateDatabase, page: str, present: dict[str, Any], prefix: str) -> int:
    kept = await db.run(lambda connection: _kept(connection, page))
    changes = [
        replace(change, key=f"{prefix}{change.key}") for change in differences(kept or {}, present) if kept is not None
    ]
    for change in changes[:MOST]:
        await audit.note(
            by="agent", action="configure", target=change.key, found=_as_value(change.old), value=_as_value(change.new)
        )
    if kept is None and present:
        await audit.note(by="agent", action="configure", target=page, result="kept for the first time")
    elif len(changes) > MOST:
        text = f"{len(changes) - MOST} more keys have changed"
        await audit.note(by="agent", action="configure", target=page, result=text)
    if changes or kept is None:
        document = json.dumps(present, sort_keys=True)
        await db.run(lambda connection: upsert(connection, PageRow, [{"name": page, "document": document}]))
    return len(changes)


def _profiles(config: Config) -> dict[str, Any]:
    """What the site's own profile file says. Raises `PointsError` if it cannot be read."""
    return read(config.profiles) if config.profiles else {}


def _kept(connection: Connection, page: str) -> dict[str, Any] | None:
    document = connection.scalar(select(_PAGES.c.document).where(_PAGES.c.name == page))
    if document is None:
        return None
    kept: dict[str, Any] = json.loads(document)
    return kept


def _as_value(of: Any) -> Value | None:
    if of is None or isinstance(of, (bool, int, float)):
        return of
    text = of if isinstance(of, str) else json.dumps(of, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
