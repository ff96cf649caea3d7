"""Checks the audit of the running agent, beside everything else it does, and once for all who ask meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
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

    def __init__(
        self,
        database: Path,
        anchor_file: Path,
        key: SigningKey,
        clock: Clock,
        told: Callable[[AuditCheck], None] = lambda _found: None,
    ) -> None:
        """`told` is told what came of every check."""
        self._told = told
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
            self._told(running.result())
        return running.result()

    def _check(self) -> AuditCheck:
        evidence = Evidence(own=self._anchor_file, keys=self._keys, recorded=True)
        return check(self._database, evidence, self._clock.now())
