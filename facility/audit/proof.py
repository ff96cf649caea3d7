"""Checks the whole audit in its file, and writes it out so that anybody else can.

Works on the file alone, whether the agent runs or not, and never changes it. What is named wrong is named by the
number of the entry; `facility.audit.chain` says what can be told.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from facility.audit.anchors import Found, anchor_of, found_in, witnessed
from facility.audit.chain import Chain, Fault, Witnessed
from facility.audit.ledger import record_of, records_query
from facility.audit.record import NAMES
from facility.database import StateUnavailable, look_into
from facility.wire import AuditCheck, AuditFault, Record

AT_ONCE = 500  # rows in memory
_COLUMNS = ", ".join(f'"{name}"' for name in (*NAMES, "canonical", "previous", "hash"))
_ROWS = f"SELECT {_COLUMNS} FROM audit ORDER BY seq"
_ANCHORS = "SELECT agent, seq, hash, time, key, signature FROM audit_anchors ORDER BY seq"
_COUNTED = "SELECT seq FROM sqlite_sequence WHERE name = 'audit'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the database is held against: files with anchors in them, and the public keys that may have signed."""

    files: Sequence[Path] = ()
    keys: Mapping[str, str]  # by id


def check(database: Path, evidence: Evidence, now: datetime) -> AuditCheck:
    """Reads all of it once. Raises `StateUnavailable` where the file, or one of the evidence, cannot be read."""
    outside = [found for file in evidence.files for found in _in_file(file)]
    return look_into(database, lambda connection: _checked(connection, outside, evidence.keys, now))


def records_in(
    database: Path,
    target: str | None,
    limit: int,
    *,
    by: str | None = None,
    since: datetime | None = None,
    entry: int | None = None,
) -> list[Record]:
    """As `Audit.records`, of a file."""
    query = records_query(target, limit, by=by, since=since, entry=entry)
    return look_into(database, lambda found: [record_of(row) for row in found.execute(query).mappings()])


def export(database: Path, keys: Mapping[str, str], write: Callable[[str], object]) -> int:
    """JSON lines: who signs, every entry, every anchor. See docs/audit.md. The number of entries."""
    write(json.dumps({"audit": 1, "keys": dict(keys)}))
    return look_into(database, lambda connection: _written_out(connection, write))


def _written_out(connection: Connection, write: Callable[[str], object]) -> int:
    _at_one_moment(connection)
    count = 0
    for row in _rows(connection):
        write(_entry_line(row))
        count += 1
    for each in _anchors_in(connection):
        write(each.anchor.line.decode())
    return count


def _at_one_moment(connection: Connection) -> None:
    """All that is read from here on is of the same moment, whatever the agent appends meanwhile."""
    raw = connection.connection.dbapi_connection
    if raw is not None:  # text that is no UTF-8 any more is a change to be named, not a reason to stop
        raw.text_factory = lambda said: said.decode("utf-8", "surrogateescape")
    connection.exec_driver_sql("BEGIN")  # the driver begins none of itself before a SELECT


def _rows(connection: Connection) -> Iterator[Mapping[str, Any]]:
    for row in connection.execution_options(yield_per=AT_ONCE).exec_driver_sql(_ROWS).mappings():
        yield dict(row)


def _entry_line(row: Mapping[str, Any]) -> str:
    canonical = row["canonical"] if isinstance(row["canonical"], bytes) else b""
    fields = {"seq": row["seq"], "record": canonical.decode("utf-8", "replace")}
    return json.dumps({**fields, "previous": row["previous"], "hash": row["hash"]}, ensure_ascii=False)


def _checked(connection: Connection, outside: Iterable[Found], keys: Mapping[str, str], now: datetime) -> AuditCheck:
    _at_one_moment(connection)
    witnesses, worthless = witnessed([*_anchors_in(connection), *outside], keys)
    chain = Chain(witnesses)
    for row in _rows(connection):
        chain.take(row)
    counted = connection.exec_driver_sql(_COUNTED).scalar() or 0
    return _said(chain, witnesses, [*chain.faults(int(counted)), *worthless], now)


def _said(chain: Chain, witnesses: Sequence[Witnessed], faults: Iterable[Fault], now: datetime) -> AuditCheck:
    return AuditCheck(
        at=now,
        entries=chain.entries,
        last=chain.last,
        head=chain.head,
        anchors=len(witnesses),
        anchored=max((each.time for each in witnesses), default=None),
        faults=[AuditFault(seq=fault.seq, text=fault.text) for fault in faults],
    )


def _anchors_in(connection: Connection) -> Iterator[Found]:
    for row in connection.exec_driver_sql(_ANCHORS).mappings():
        with suppress(ValueError):  # of what is no anchor at all, the others and the counter tell
            anchor = anchor_of({**row, "time": f"{row['time']}+00:00"})
            yield Found(anchor=anchor, where="database")


def _in_file(file: Path) -> Iterator[Found]:
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise StateUnavailable(f"The anchors in {file} cannot be read: {error.strerror}.") from error
    return found_in(lines, str(file))
