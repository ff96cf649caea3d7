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
from facility.audit.signers import known_keys
from facility.audit.triggers import missing_tables, wrong_in
from facility.database import StateUnavailable, look_into
from facility.wire import AuditCheck, AuditFault, Record

AT_ONCE = 500  # rows in memory
_COLUMNS = ", ".join(f'"{name}"' for name in (*NAMES, "canonical", "previous", "hash"))
_ROWS = f"SELECT {_COLUMNS} FROM audit WHERE seq > ? ORDER BY seq"
_LAST = "SELECT max(seq) FROM audit"
_ANCHORS = "SELECT agent, seq, hash, time, key, signature FROM audit_anchors ORDER BY seq"
_COUNTED = "SELECT seq FROM sqlite_sequence WHERE name = 'audit'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the database is held against: files with anchors in them, and the public keys that may have signed."""

    own: Path | None = None  # where the agent puts its anchors: it should have all that the database has
    files: Sequence[Path] = ()
    keys: Mapping[str, str]  # by id
    recorded: bool = False  # those count too that the audit has on record


def check(database: Path, evidence: Evidence, now: datetime, *, latest: int | None = None) -> AuditCheck:
    """Reads all of it once, or the `latest` so many entries, each time held against every anchor.

    Raises `StateUnavailable` where the file, or one of the evidence, cannot be read.
    """
    return look_into(database, lambda connection: _checked(connection, evidence, now, latest))


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
    write(head_line(keys))
    return look_into(database, lambda connection: _written_out(connection, write))


def head_line(keys: Mapping[str, str]) -> str:
    """The first line: who signs."""
    return json.dumps({"audit": 1, "keys": dict(keys)})


def _written_out(connection: Connection, write: Callable[[str], object]) -> int:
    at_one_moment(connection)
    count = 0
    for row in _rows(connection):
        write(entry_line(row))
        count += 1
    for each in _anchors_in(connection):
        write(each.anchor.line.decode())
    return count


def at_one_moment(connection: Connection) -> None:
    """All that is read from here on is of the same moment, whatever the agent appends meanwhile."""
    raw = connection.connection.dbapi_connection
    if raw is not None:  # text that is no UTF-8 any more is a change to be named, not a reason to stop
        raw.text_factory = lambda said: said.decode("utf-8", "surrogateescape")
    connection.exec_driver_sql("BEGIN")  # the driver begins none of itself before a SELECT


def _rows(connection: Connection, after: int = 0) -> Iterator[Mapping[str, Any]]:
    if "audit" not in missing_tables(connection):
        for row in connection.execution_options(yield_per=AT_ONCE).exec_driver_sql(_ROWS, (after,)).mappings():
            yield dict(row)


def entry_line(row: Mapping[Any, Any]) -> str:
    """An entry as it is stored; what of it is no UTF-8 any more is shown as what it is not."""
    canonical = row["canonical"] if isinstance(row["canonical"], bytes) else b""
    fields = {"seq": row["seq"], "record": canonical.decode("utf-8", "replace")}
    line = json.dumps({**fields, "previous": row["previous"], "hash": row["hash"]}, ensure_ascii=False)
    return line.encode("utf-8", "replace").decode()


def _checked(connection: Connection, evidence: Evidence, now: datetime, latest: int | None) -> AuditCheck:
    at_one_moment(connection)
    inside, own = list(_anchors_in(connection)), list(_in_file(evidence.own, is_own=True)) if evidence.own else []
    outside = [found for file in evidence.files for found in _in_file(file)]
    recorded = known_keys(connection) if evidence.recorded and "audit" not in missing_tables(connection) else {}
    witnesses, worthless = witnessed([*inside, *own, *outside], {**recorded, **evidence.keys})
    chain = _chain(connection, witnesses, latest)
    counted = connection.exec_driver_sql(_COUNTED).scalar() or 0
    guards = [Fault(seq=0, text=text) for text in wrong_in(connection)]
    faults = [*guards, *chain.faults(int(counted)), *worthless]
    return _said(chain, witnesses, faults, now, _remarks(evidence.own, inside, own))


def _chain(connection: Connection, witnesses: Sequence[Witnessed], latest: int | None) -> Chain:
    after = 0
    if latest is not None and "audit" not in missing_tables(connection):
        after = max(0, (connection.exec_driver_sql(_LAST).scalar() or 0) - latest)
    chain = Chain(witnesses)
    for row in _rows(connection, after):
        if after and not chain.entries:
            chain = Chain(witnesses, last=row["seq"] - 1, head=row["previous"])
        chain.take(row)
    return chain


def _remarks(file: Path | None, inside: Sequence[Found], own: Sequence[Found]) -> list[str]:
    """What the agent's own anchor file lacks of what the database has."""
    kept = {(each.anchor.seq, each.anchor.hash) for each in own}
    lost = sum((each.anchor.seq, each.anchor.hash) not in kept for each in inside)
    if file is None or not lost:
        return []
    if not own:
        return [f"the anchor file {file} is gone or holds no anchor, the database has {lost:,}: see where it went"]
    return [f"the anchor file {file} lacks {lost:,} of the {len(inside):,} anchors that the database has"]


def _said(
    chain: Chain, witnesses: Sequence[Witnessed], faults: Iterable[Fault], now: datetime, remarks: list[str]
) -> AuditCheck:
    return AuditCheck(
        at=now,
        entries=chain.entries,
        last=chain.last,
        head=chain.head,
        anchors=len(witnesses),
        anchored=max((each.time for each in witnesses), default=None),
        faults=[AuditFault(seq=fault.seq, text=fault.text) for fault in faults],
        remarks=remarks,
    )


def _anchors_in(connection: Connection) -> Iterator[Found]:
    if "audit_anchors" in missing_tables(connection):
        return
    for row in connection.exec_driver_sql(_ANCHORS).mappings():
        with suppress(ValueError):  # of what is no anchor at all, the others and the counter tell
            anchor = anchor_of({**row, "time": f"{row['time']}+00:00"})
            yield Found(anchor=anchor, where="database")


def _in_file(file: Path, *, is_own: bool = False) -> Iterator[Found]:
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        if is_own and isinstance(error, FileNotFoundError):
            return iter(())
        raise StateUnavailable(f"The anchors in {file} cannot be read: {error.strerror}.") from error
    return found_in(lines, str(file))
