"""Signs the head of the audit every few minutes and at the stop, and puts the anchor in four places.

The database has it for convenience. The anchor file, the journal and the retained topic on MQTT have it so that
somebody who can rewrite the database, or puts an old copy in its place, is found out. What the file and MQTT hold from
before is compared with the database before it grows, also what another key has signed: what is found is told until the
process ends. The latest entries are checked then, too; what that or a later check finds wrong is told until a check of
all finds nothing.
Commands never wait for an anchor, and never depend on one.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Connection, insert, select

from facility.audit.anchors import Anchor, found_in
from facility.audit.keys import SigningKey, is_signed
from facility.audit.proof import Evidence, check
from facility.audit.signers import known_keys
from facility.database import StateDatabase, StateUnavailable
from facility.rows import AnchorRow, AuditRow, table_of
from facility.wire import AuditCheck, Link
from facility.words import age
from points.clock import Clock

_TAIL = 64 * 1024  # octets of the anchor file that are compared at the start: some 250 anchors

LATEST = 20_000  # entries that are checked at the start: less than a second, beside everything else
MISSED = 2  # rounds without the head being anchored, before that is told

log = structlog.get_logger(__name__)

_AUDIT = table_of(AuditRow)
_ANCHORS = table_of(AnchorRow)


class Anchoring:
    """Makes the anchors of one audit."""

    name = "audit-anchors"

    def __init__(
        self, *, agent: str, db: StateDatabase, key: SigningKey, file: Path, every: timedelta, clock: Clock
    ) -> None:
        self._agent = agent
        self._db = db
        self.key = key
        self._file = file
        self._every = every
        self._clock = clock
        self._changed = asyncio.Event()
        self._whole: datetime | None = None  # when the head was last seen to be anchored, or first found not to be
        self.latest: Anchor | None = None
        self.unlike = ""  # what an anchor of before this process shows to be missing or changed
        self.found = ""  # what the last check found wrong
        self.odd = ""  # what it found odd
        self.restored = ""  # what had kept the audit append-only and was gone at the start
        self.unwritten = ""  # why the anchor file lacks the latest anchor

    def link(self) -> Link:
        """How far it can be relied on that a change of the audit is found out."""
        if self.unlike:
            return Link(name="audit", state="down", text=f"not as it was anchored: {self.unlike}")
        if self.found:
            return Link(name="audit", state="down", text=self.found)
        if self.restored:
            text = f"{self.restored} at the start, now restored: run `facility audit verify`"
            return Link(name="audit", state="down", text=text)
        if self.unwritten or self.odd:
            return Link(name="audit", state="degraded", text=self.unwritten or self.odd)
        now = self._clock.now()
        if self._whole is not None and now - self._whole > MISSED * self._every:
            text = f"not anchored for {age(self._whole, now)}: see the log; what is not anchored can be cut off unseen"
            return Link(name="audit", state="degraded", text=text)
        if self.latest is None:
            return Link(name="audit", state="ok", text="not anchored yet")
        ago = age(self.latest.time, now)
        return Link(name="audit", state="ok", text=f"entry {self.latest.seq:,} anchored {ago} ago")

    def checked(self, check: AuditCheck) -> None:
        """Somebody had the whole audit checked: what is wrong is told until it is not any more."""
        self._take(check)
        if not check.faults:
            self.restored = ""

    def _take(self, check: AuditCheck) -> None:
        self.found = check.says if check.faults else ""
        self.odd = "; ".join(check.remarks)

    async def changed(self) -> None:
        """Returns once `latest` is another."""
        await self._changed.wait()

    async def run(self) -> None:
        await self.compare(await asyncio.to_thread(_tail_of, self._file), str(self._file))
        await self._look_back()
        while True:
            await self.anchor()
            await self._clock.sleep(self._every.total_seconds())

    async def _look_back(self) -> None:
        """Checks the latest entries, beside everything else."""
        evidence = Evidence(own=self._file, keys={self.key.id: self.key.public}, recorded=True)
        try:
            found = await asyncio.to_thread(check, self._db.path, evidence, self._clock.now(), latest=LATEST)
        except StateUnavailable as error:
            log.warning("the audit could not be checked at the start", error=str(error))
            return
        if found.faults or found.remarks:
            self._take(found)
        if found.faults:
            log.error("the audit is not as it was written: run `facility audit verify`", found=self.found)

    async def compare(self, lines: Iterable[str], where: str) -> None:
        """Holds the database against what was anchored before; `lines` may hold anchors between others."""
        anchors = [each.anchor for each in found_in(lines, where)]
        try:
            denied, known = await self._db.run(lambda connection: self._denied(connection, anchors))
        except StateUnavailable as error:
            log.warning("the audit could not be compared with its anchors", error=str(error))
            return
        if denied is not None:
            by = "" if known else f", by the key {denied.key}, of which this audit knows nothing"
            self.unlike = f"entry {denied.seq} was anchored at {denied.time:%Y-%m-%d %H:%M:%S}Z ({where}){by}"
            log.error("the audit is not as it was anchored: run `facility audit verify`", where=where, **denied.fields)

    async def anchor(self) -> Anchor | None:
        """Anchors the head, if it has not been yet."""
        now = self._clock.now()
        try:
            anchor = await self._db.run(lambda connection: self._sign(connection, now))
        except StateUnavailable as error:
            log.warning("the audit could not be anchored", error=str(error))
            self._whole = self._whole or now
            return None
        self._whole = now
        if anchor is None:
            return None
        await self._keep(anchor)
        log.info("audit anchored", **anchor.fields)
        self.latest = anchor
        self._changed.set()
        self._changed = asyncio.Event()
        return anchor

    def _sign(self, connection: Connection, now: datetime) -> Anchor | None:
        head = connection.execute(select(_AUDIT.c.seq, _AUDIT.c.hash).order_by(_AUDIT.c.seq.desc()).limit(1)).first()
        if head is None or connection.scalar(select(_ANCHORS.c.seq).where(_ANCHORS.c.seq == head.seq)) is not None:
            return None
        anchor = Anchor(agent=self._agent, seq=head.seq, hash=head.hash, time=now, key=self.key.id).signed(self.key)
        row: dict[str, Any] = {**anchor.fields, "time": now}
        connection.execute(insert(_ANCHORS), row)
        return anchor

    def _denied(self, connection: Connection, anchors: Sequence[Anchor]) -> tuple[Anchor | None, bool]:
        """The latest anchor whose entry is missing or another one, and whether its key is known.

        One of this agent that an unknown key has signed counts, too: with an old copy, somebody may have put another
        key in place. One that its own key has not signed was made by somebody else, and says nothing.
        """
        keys = {**known_keys(connection), self.key.id: self.key.public}
        signed = [each for each in anchors if each.key in keys and is_signed(each.said, each.signature, keys[each.key])]
        strange = [each for each in anchors if each.key not in keys and each.agent == self._agent]
        denied = _latest_denied(connection, signed) or _latest_denied(connection, strange)
        return denied, denied is None or denied.key in keys

    async def _keep(self, anchor: Anchor) -> None:
        try:
            await asyncio.to_thread(_append, self._file, anchor.line)
        except OSError as error:
            self.unwritten = f"{self._file} cannot be written: {error.strerror}"
            log.warning("an anchor is not in its file", file=str(self._file), error=error.strerror, seq=anchor.seq)
        else:
            self.unwritten = ""


def _append(file: Path, line: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        os.write(opened, line + b"\n")
        os.fsync(opened)
    finally:
        os.close(opened)


def _tail_of(file: Path) -> list[str]:
    """The last lines of the file; none if there is none yet."""
    try:
        with file.open("rb") as opened:
            opened.seek(max(0, file.stat().st_size - _TAIL))
            return opened.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return []


def _latest_denied(connection: Connection, anchors: Sequence[Anchor]) -> Anchor | None:
    """The latest anchor whose entry is missing or another one."""
    for anchor in reversed(anchors):
        if connection.scalar(select(_AUDIT.c.hash).where(_AUDIT.c.seq == anchor.seq)) != anchor.hash:
            return anchor
    return None
