"""Checks the audit of the running agent, beside everything else it does, and once for all who ask meanwhile."""

from __future__ import annotations

import asyncio
from pathlib import Path

from facility.audit.keys import SigningKey
from facility.audit.proof import Evidence, check
from facility.wire import AuditCheck
from points.clock import Clock
from points.errors import PointsError

PATIENCE_S = 20.0  # shorter than a caller waits; some 600 000 entries


class StillChecking(PointsError):
    """The audit is long."""


class Checking:
    """Reads the database's file in a thread of its own."""

    def __init__(self, database: Path, anchor_file: Path, key: SigningKey, clock: Clock) -> None:
        self._database = database
        self._anchor_file = anchor_file
        self._keys = {key.id: key.public}
        self._clock = clock
        self._running: asyncio.Task[AuditCheck] | None = None

    async def check(self) -> AuditCheck:
        """Raises `StillChecking` while it goes on, `StateUnavailable` where it cannot."""
        if self._running is None:
            self._running = asyncio.create_task(asyncio.to_thread(self._check))
        running = self._running
        done, _ = await asyncio.wait({running}, timeout=PATIENCE_S)
        if not done:
            raise StillChecking("The audit is long and is still being checked: ask again in a moment.")
        if self._running is running:
            self._running = None
        return running.result()

    def _check(self) -> AuditCheck:
        files = [self._anchor_file] if self._anchor_file.exists() else []
        return check(self._database, Evidence(files=files, keys=self._keys), self._clock.now())
