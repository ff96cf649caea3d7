"""Which keys have signed this audit, by its own entries.

A key is on record, with its public half, before it signs anything: at the first start, and at the first one after it
was replaced. So what a key that is gone has signed can still be checked, and nobody replaces a key unseen.
"""

from __future__ import annotations

import json

from sqlalchemy import Connection, select

from facility.audit.keys import SigningKey, key_id
from facility.audit.ledger import Audit
from facility.database import StateDatabase
from facility.rows import AuditRow, table_of

TARGET = "audit-key"

_AUDIT = table_of(AuditRow)


async def note_key(audit: Audit, db: StateDatabase, key: SigningKey) -> None:
    """Records the key that signs from now on, if it is another than before."""
    before = list(await db.run(known_keys))
    if before[-1:] == [key.id]:
        return
    result = f"key {key.id} signs, in place of {before[-1]}" if before else f"key {key.id} signs"
    await audit.note(by="agent", action="key", target=TARGET, value=key.public, result=result)


def known_keys(connection: Connection) -> dict[str, str]:
    """The public keys by their ids, the latest last."""
    notes = select(_AUDIT.c.value).where(_AUDIT.c.target == TARGET, _AUDIT.c.action == "key").order_by(_AUDIT.c.seq)
    known: dict[str, str] = {}
    for value in connection.scalars(notes):
        try:
            public = str(json.loads(value))
            name = key_id(public)
        except (TypeError, ValueError):  # whoever changed it is found out by the check of all
            continue
        known.pop(name, None)
        known[name] = public
    return known
