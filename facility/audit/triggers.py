"""What keeps the audit append-only in its database: two tables, and triggers on them.

They stop mistakes, not whoever owns the file; but who has taken them away had something in mind. The check of the
audit names what is missing, and the start of the agent puts it back and says so on record.
"""

from __future__ import annotations

import structlog
from sqlalchemy import Connection

from facility.audit.ledger import Audit
from facility.database import StateDatabase
from facility.rows import AnchorRow, AuditRow, table_of

TARGET = "audit"

_AUDIT, _ANCHORS = "audit", "audit_anchors"
_TABLES = {_AUDIT: table_of(AuditRow), _ANCHORS: table_of(AnchorRow)}
_SAYS = {_AUDIT: "the audit is append-only", _ANCHORS: "the anchors of the audit are append-only"}
_BEFORE = {
    "no_update": "BEFORE UPDATE ON {table}",
    "no_delete": "BEFORE DELETE ON {table}",
    # INSERT OR REPLACE deletes without firing the delete trigger
    "no_replace": "BEFORE INSERT ON {table} WHEN EXISTS (SELECT 1 FROM {table} WHERE seq = NEW.seq)",
}
_PRESENT = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN ('audit', 'audit_anchors')"
_TABLES_PRESENT = "SELECT name FROM sqlite_master WHERE type = 'table' AND name IN ('audit', 'audit_anchors')"

log = structlog.get_logger(__name__)


def _statements(table: str) -> dict[str, str]:
    return {
        f"{table}_{name}": f"CREATE TRIGGER {table}_{name} {when.format(table=table)} "
        f"BEGIN SELECT RAISE(ABORT, '{_SAYS[table]}'); END"
        for name, when in _BEFORE.items()
    }


def missing_tables(connection: Connection) -> list[str]:
    """Those of the audit and its anchors that are not there."""
    present = set(connection.exec_driver_sql(_TABLES_PRESENT).scalars())
    return [name for name in _TABLES if name not in present]


def wrong_in(connection: Connection) -> list[str]:
    """Every table and trigger that is missing, another than it was, or none of ours, each as a clause."""
    tables = missing_tables(connection)
    said = [f"the table {name} is missing" for name in tables]
    present = _present(connection)
    for table in _TABLES.keys() - set(tables):
        for name, wanted in _statements(table).items():
            if name not in present:
                said.append(f"the trigger {name} is missing")
            elif present[name] != wanted:
                said.append(f"the trigger {name} is not as it was made")
    ours = {name for table in _TABLES for name in _statements(table)}
    return sorted([*said, *(f"the trigger {name} is none of ours" for name in present.keys() - ours)])


async def restored(audit: Audit, db: StateDatabase) -> list[str]:
    """Puts back what is wrong, on record. What it was, each as a clause."""
    found = await db.run(_restore)
    for text in found:
        log.error("the audit was without its guard, which is restored: run `facility audit verify`", found=text)
        await audit.note(by="agent", action="trigger", target=TARGET, result=f"{text}: restored")
    return found


def _restore(connection: Connection) -> list[str]:
    found = wrong_in(connection)
    if found:
        for name in _present(connection):
            connection.exec_driver_sql('DROP TRIGGER "{}"'.format(name.replace('"', '""')))
        for name, table in _TABLES.items():
            table.create(connection, checkfirst=True)
            for statement in _statements(name).values():
                connection.exec_driver_sql(statement)
    return found


def _present(connection: Connection) -> dict[str, str]:
    """The triggers on both tables, each on one line; a table that was renamed is quoted in them."""
    rows = connection.exec_driver_sql(_PRESENT)
    return {name: " ".join(str(statement).replace('"', "").split()) for name, statement in rows}
