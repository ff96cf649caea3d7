"""An audit with anchors, and what somebody with the database's file in his hands can do to it."""

import json
import shutil
import sqlite3
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from facility.audit import Audit
from facility.audit.anchoring import Anchoring
from facility.audit.chain import link
from facility.audit.keys import open_key
from facility.audit.proof import Evidence, check
from facility.database import open_state

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TRIGGERS = ("audit_no_update", "audit_no_delete", "audit_no_replace")


class Fatigue(Exception):
    """Somebody wanted to sleep."""


class Ticking:
    """Every look at it is a second later."""

    def __init__(self, start=NOON):
        self.time = start

    def now(self):
        self.time += timedelta(seconds=1)
        return self.time

    async def sleep(self, _seconds):
        raise Fatigue


class Folder:
    """The state folder of an agent that has stopped."""

    def __init__(self, path, anchor_file=None):
        self.path = path
        self.anchor_file = anchor_file or path / "anchors.jsonl"

    @property
    def database(self):
        return self.path / "state.db"

    @property
    def key(self):
        return open_key(self.path / "audit.key")

    @contextmanager
    def opened(self, start=NOON):
        with open_state(self.path) as db:
            clock = Ticking(start)
            every = timedelta(minutes=5)
            anchoring = Anchoring(
                agent="st-mary/main", db=db, key=self.key, file=self.anchor_file, every=every, clock=clock
            )
            yield Audit(db, clock), anchoring

    async def write(self, holds, *, start=NOON, anchors=True):
        """An intent and a result for each hold, an anchor after all of them."""
        with self.opened(start) as (audit, anchoring):
            for number in range(holds):
                seq = await audit.intent(
                    by="user:mchen", action="hold", target=f"ahu-{number}/sp", value=18.0, reason="valve test"
                )
                await audit.result(seq, "held 18.0 in slot 8")
            return await anchoring.anchor() if anchors else None

    def check(self, *files, keys=None):
        known = {self.key.id: self.key.public} if keys is None else keys
        return check(self.database, Evidence(files=files, keys=known), NOON)

    def named(self, *files):
        return [fault.text for fault in self.check(*files).faults]

    @contextmanager
    def forced(self):
        """The database without what forbids a change."""
        connection = sqlite3.connect(self.database)
        try:
            kept = [
                sql for (sql,) in connection.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
            ]
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                connection.execute(f"DROP TRIGGER {name}")
            yield connection
            for sql in kept:
                connection.execute(sql)
            connection.commit()
        finally:
            connection.close()

    def copied_to(self, path):
        shutil.copytree(self.path, path)
        return Folder(path, self.anchor_file)


def hash_anew(connection, first):
    """What a patient forger does after a change: every hash from `first` on."""
    rows = connection.execute("SELECT seq, canonical, previous, hash FROM audit ORDER BY seq").fetchall()
    before = ""
    for seq, canonical, previous, digest in rows:
        if seq >= first:
            previous = before or previous  # noqa: PLW2901
            digest = link(previous, canonical)  # noqa: PLW2901
            connection.execute("UPDATE audit SET previous = ?, hash = ? WHERE seq = ?", (previous, digest, seq))
        before = digest


def rewrite(connection, seq, **fields):
    """Changes an entry in its bytes and its columns alike."""
    (canonical,) = connection.execute("SELECT canonical FROM audit WHERE seq = ?", (seq,)).fetchone()
    said = {**json.loads(canonical), **fields}
    bytes_ = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    connection.execute("UPDATE audit SET canonical = ? WHERE seq = ?", (bytes_, seq))
    for name, value in fields.items():
        connection.execute(f"UPDATE audit SET {name} = ? WHERE seq = ?", (value, seq))
