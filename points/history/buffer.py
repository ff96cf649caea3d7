"""What waits to be written: bounded, and honest about what it had to drop.

Unchanged readings are left out, except one per roll-up period: a value holds until the next row,
so nothing is lost, and a point that never changes still outlives the retention of its first row.
"""

from __future__ import annotations

import itertools
from collections import deque
from typing import NamedTuple

from points.history.rows import BUCKET, QUALITY_CODES, to_ms
from points.history.steps import Gap
from points.model import PointId, Quality, Reading

LIMIT = 200_000  # rows: 40 s of 5 000 changes a second, some 40 MB


class Pending(NamedTuple):
    """A sample row whose series number is not yet looked up."""

    point: PointId
    ts: int
    value: float | None
    text: str | None
    quality: int


def to_row(reading: Reading, ts: int) -> Pending:
    """Readings that are bad or stale become rows without a value."""
    known = reading.quality in (Quality.GOOD, Quality.UNCERTAIN)
    value, text = None, None
    if known and isinstance(reading.value, str):
        text = reading.value
    elif known and reading.value is not None:
        value = float(reading.value)
    return Pending(reading.point, ts, value, text, QUALITY_CODES[reading.quality])


class Buffer:
    """Readings in, rows out, oldest first."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._rows: deque[Pending] = deque()
        self._latest: dict[PointId, Pending] = {}
        self.lost: Gap | None = None  # the time from which rows were dropped since the last `recovered`

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, reading: Reading, not_before: int) -> None:
        """Takes a reading; its row is not dated before `not_before`, when the writer began to watch."""
        row = to_row(reading, max(to_ms(reading.at), not_before))
        if self._says_nothing_new(row):
            return
        self._latest[reading.point] = row
        self._rows.append(row)
        while len(self._rows) > self._limit:
            self._drop(self._rows.popleft())

    def next(self, count: int) -> list[Pending]:
        """The oldest rows; they stay until `written` says that they are safe."""
        return list(itertools.islice(self._rows, count))

    def written(self, rows: list[Pending]) -> None:
        """Forgets `rows`, which `next` gave; those that were dropped meanwhile are gone already."""
        for row in rows:
            if self._rows and self._rows[0] is row:
                self._rows.popleft()

    def drop_before(self, ts: int) -> None:
        """Rows too old to be written: their roll-up can no longer be computed."""
        while self._rows and self._rows[0].ts < ts:
            self._drop(self._rows.popleft())

    def recovered(self) -> None:
        """The loss is recorded; from now on every point is new, since none may hold across it."""
        self.lost = None
        self._latest.clear()

    def _drop(self, row: Pending) -> None:
        start, until = self.lost or Gap(row.ts, row.ts)
        self.lost = Gap(min(start, row.ts), max(until, row.ts + 1))

    def _says_nothing_new(self, row: Pending) -> bool:
        last = self._latest.get(row.point)
        if last is None or not 0 <= row.ts - last.ts < BUCKET:  # below 0: the clock was set back
            return False
        return last[2:] == row[2:]
