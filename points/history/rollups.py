"""Quarters of an hour out of samples, and letting go of what is old.

Rolling up is idempotent: a bucket is always computed from its samples, so doing it again after
late rows or a crash gives the same or a better answer. A bucket is never computed when its
samples may be gone, and samples never go before they are rolled up: `Keep` sees to the first,
`expire` to the second.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects.sqlite import insert

from points.history.queries import GAP, ROLLUP, SAMPLE, SERIES, gaps, raw
from points.history.rows import BUCKET
from points.history.steps import fold

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


def roll_up(connection: Connection, since: int, until: int) -> int:
    """Computes every bucket of [since, until), both on an edge, and returns how many hold something."""
    edges = list(range(since, until + 1, BUCKET))
    known = gaps(connection, since, until)
    rows: list[dict[str, float | int | None]] = []
    for series in connection.execute(select(SERIES.c.id)).scalars().all():
        tallies = fold(raw(connection, series, known, since, until), edges)
        rows += [
            {
                "series": series,
                "start": start,
                "low": tally.low,
                "high": tally.high,
                "mean": tally.mean,
                "last": tally.last,
                "count": tally.count,
                "seconds_good": tally.good / 1000,
            }
            for start, tally in zip(edges, tallies, strict=False)
            if tally.low is not None
        ]
    if rows:
        connection.execute(insert(ROLLUP).prefix_with("OR REPLACE"), rows)
    return len(rows)


def expire(connection: Connection, raw_before: int, rollups_before: int) -> None:
    """Deletes samples and roll-ups of before; gaps go with the samples."""
    for series in connection.execute(select(SERIES.c.id)).scalars().all():
        connection.execute(delete(SAMPLE).where(SAMPLE.c.series == series, SAMPLE.c.ts < raw_before))
        connection.execute(delete(ROLLUP).where(ROLLUP.c.series == series, ROLLUP.c.start < rollups_before))
    connection.execute(delete(GAP).where(GAP.c.until < raw_before))
