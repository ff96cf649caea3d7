"""Quarters of an hour out of samples, and letting go of what is old.

Rolling up is idempotent: a bucket is always computed from its samples, so doing it again after
late rows or a crash gives the same or a better answer. A bucket is never computed when its
samples may be gone, and samples never go before they are rolled up: `Keep` sees to the first,
`expire` to the second.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from operator import itemgetter

from sqlalchemy import Connection, delete, func, select, text

from points.history.queries import GAP, ROLLUP, SAMPLE, SERIES, gaps
from points.history.rows import BUCKET, GOOD
from points.history.steps import Row, marked, tallied

SPAN = 24 * BUCKET  # one transaction's worth of catching up: six hours of a site's samples fit in memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """How long what is kept, and how late what may come."""

    raw: timedelta = timedelta(days=14)  # two full weeks: this Monday against the last
    rollups: timedelta = timedelta(days=5 * 366)  # energy baselines compare years
    refresh: timedelta = timedelta(hours=6)  # rolled up again at each start, in case the last run was cut short
    backfill: timedelta = timedelta(days=1)  # the oldest row that is still written after a database failure

    def __post_init__(self) -> None:
        # otherwise a refresh finds its samples deleted and wipes out the roll-up that was to outlive them
        if self.raw <= self.refresh + self.backfill:
            raise ValueError(
                f"Raw history is kept {self.raw}, which must be longer than the refresh window ({self.refresh}) "
                f"and the longest back-fill ({self.backfill}) together."
            )


def floor(ts: int) -> int:
    return ts - ts % BUCKET


def rolled_until(connection: Connection) -> int | None:
    """Where rolling up has to go on: after the newest roll-up, or at the oldest sample; None without samples."""
    newest = select(func.max(ROLLUP.c.start)).where(ROLLUP.c.series == SERIES.c.id).scalar_subquery()
    last = connection.execute(select(func.max(newest)).select_from(SERIES)).scalar()
    if last is not None:
        return int(last) + BUCKET
    first = select(func.min(SAMPLE.c.ts)).where(SAMPLE.c.series == SERIES.c.id).scalar_subquery()
    oldest = connection.execute(select(func.min(first)).select_from(SERIES)).scalar()
    return None if oldest is None else floor(int(oldest))


def newest_sample(connection: Connection) -> int | None:
    """When the writer was last known to work."""
    newest = select(func.max(SAMPLE.c.ts)).where(SAMPLE.c.series == SERIES.c.id).scalar_subquery()
    return connection.execute(select(func.max(newest)).select_from(SERIES)).scalar()


def series(connection: Connection) -> list[int]:
    """The numbers of all points."""
    return list(connection.execute(select(SERIES.c.id).order_by(SERIES.c.id)).scalars())


def roll_up(connection: Connection, of: Sequence[int], since: int, until: int) -> None:
    """Computes every bucket of [since, until), both on an edge, of these series."""
    edges = list(range(since, until + 1, BUCKET))
    known = gaps(connection, since, until)
    rows = [
        (number, start, tally.low, tally.high, tally.mean, tally.last, tally.count, tally.good / 1000)
        for number, samples in _samples(connection, of, since, until)
        for start, tally in zip(edges, tallied(marked(samples, known), edges), strict=False)
        if tally.low is not None
    ]
    if rows:
        connection.exec_driver_sql(_INSERT, rows)


def expire(connection: Connection, of: Sequence[int], raw_before: int, rollups_before: int) -> None:
    """Deletes samples and roll-ups of before; gaps go with the samples."""
    connection.exec_driver_sql("DELETE FROM sample WHERE series = ? AND ts < ?", [(one, raw_before) for one in of])
    connection.exec_driver_sql(
        "DELETE FROM rollup WHERE series = ? AND start < ?", [(one, rollups_before) for one in of]
    )
    connection.execute(delete(GAP).where(GAP.c.until < raw_before))


def _samples(connection: Connection, of: Sequence[int], since: int, until: int) -> Iterator[tuple[int, list[Row]]]:
    """The rows inside [since, until) of each series, after the one that holds at its begin."""
    bounds = {"first": min(of), "last": max(of), "since": since, "until": until}
    held = connection.execute(_HOLDING, bounds).all()
    inside = connection.execute(_INSIDE, bounds).all()
    wanted = frozenset(of)
    found = ((number, Row(ts, value)) for number, ts, value in heapq.merge(held, inside, key=_by_series_and_time))
    for number, rows in itertools.groupby(found, key=itemgetter(0)):
        if number in wanted:
            yield number, [row for _, row in rows]


_by_series_and_time = itemgetter(0, 1)
_INSERT = (
    "INSERT OR REPLACE INTO rollup (series, start, low, high, mean, last, count, seconds_good) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
# CROSS JOIN: SQLite takes the tables in this order, and looks up each series' rows by their key.
_COLUMNS = f"SELECT one.id, row.ts, CASE row.quality WHEN {GOOD} THEN row.value END AS value FROM series AS one"
_HOLDING = text(
    f"{_COLUMNS} CROSS JOIN sample AS row ON row.series = one.id"
    " AND row.ts = (SELECT max(ts) FROM sample WHERE series = one.id AND ts <= :since)"
    " WHERE one.id BETWEEN :first AND :last ORDER BY one.id"
)
_INSIDE = text(
    f"{_COLUMNS} CROSS JOIN sample AS row ON row.series = one.id AND row.ts > :since AND row.ts < :until"
    " WHERE one.id BETWEEN :first AND :last ORDER BY one.id, row.ts"
)
