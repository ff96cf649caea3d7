"""The audit in parts, for those who may read it and cannot open its file: the lines of an export, as they are.

The first part says where the whole ends: what is appended meanwhile belongs to the next export. Anchors stand among
the entries, never before their own; one whose entry is gone is told all the same.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Connection

from facility.audit.anchors import anchor_of
from facility.audit.keys import SigningKey
from facility.audit.proof import AT_ONCE, at_one_moment, entry_line, head_line
from facility.database import look_into
from facility.wire import AuditPage

_END = "SELECT max(coalesce((SELECT max(seq) FROM audit), 0), coalesce((SELECT max(seq) FROM audit_anchors), 0))"
_WITHIN = "WHERE seq > ? AND seq <= ? ORDER BY seq"
_ROWS = f"SELECT seq, canonical, previous, hash FROM audit {_WITHIN}"
_ANCHORS = f"SELECT agent, seq, hash, time, key, signature FROM audit_anchors {_WITHIN}"


class Pages:
    """Of one agent's audit."""

    def __init__(self, database: Path, key: SigningKey) -> None:
        self._database = database
        self._keys = {key.id: key.public}

    async def page(self, after: int, until: int) -> AuditPage:
        """What comes after that number. `until`: as the first page said; 0 asks for it. Raises `StateUnavailable`."""
        return await asyncio.to_thread(
            look_into, self._database, lambda connection: self._read(connection, max(0, after), until)
        )

    def _read(self, connection: Connection, after: int, until: int) -> AuditPage:
        at_one_moment(connection)
        end = until if until > 0 else int(connection.exec_driver_sql(_END).scalar() or 0)
        last = max(after, min(after + AT_ONCE, end))
        lines = [] if after else [head_line(self._keys)]
        lines += [entry_line(row) for row in connection.exec_driver_sql(_ROWS, (after, last)).mappings()]
        for row in connection.exec_driver_sql(_ANCHORS, (after, last)).mappings():
            with suppress(ValueError):  # of what is no anchor at all, the check tells
                lines.append(anchor_of({**row, "time": f"{row['time']}+00:00"}).line.decode())
        return AuditPage(lines=lines, after=last, until=end)
