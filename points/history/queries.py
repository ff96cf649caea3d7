"""Reading the history: plain functions over a connection, to be run in the file's own thread."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from points.history.rows import (
    BUCKET,
    GOOD,
    GapRow,
    RollupRow,
    SampleRow,
    SeriesRow,
    from_ms,
    table,
)
from points.history.steps import Gap, Row, Stretch, fold, stretches
from points.model import PointId

SERIES, SAMPLE, ROLLUP, GAP = (table(row) for row in (SeriesRow, SampleRow, RollupRow, GapRow))

# asked thousands of times for one report: making such a statement anew takes longer than carrying it out
_HOLDING = "SELECT ts, value, quality FROM sample WHERE series = ? AND ts <= ? ORDER BY ts DESC LIMIT 1"
_INSIDE = "SELECT ts, value, quality FROM sample WHERE series = ? AND ts > ? AND ts < ? ORDER BY ts"
_QUARTERS = (
    "SELECT start, low, high, mean, last, seconds_good FROM rollup "
    "WHERE series = ? AND start >= ? AND start < ? ORDER BY start"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A stretch of a trend. All None where nothing is known; `missing` seconds of it had no good value."""

    start: datetime
    low: float | None
    high: float | None
    mean: float | None
    last: float | None
    missing: float


class Quarter(NamedTuple):
    """A quarter of an hour as it was rolled up: [start, start + 15 min), in milliseconds since 1970."""

    start: int
    low: float
    high: float
    mean: float
    last: float
    good: float  # seconds of it that had a good value; of the rest nothing is known


def series_of(connection: Connection, point: PointId) -> int | None:
    return connection.execute(select(SERIES.c.id).where(SERIES.c.point == point)).scalar()


def all_series(connection: Connection) -> dict[PointId, int]:
    return {PointId(row.point): row.id for row in connection.execute(select(SERIES.c.point, SERIES.c.id))}


def gaps(connection: Connection, since: int, until: int) -> list[Gap]:
    """Gaps that touch [since, until), and the last one before it with those it overlaps: what held may end there."""
    before = select(func.max(GAP.c.start)).where(GAP.c.start < since).scalar_subquery()
    wanted = select(GAP.c.start, GAP.c.until).where(GAP.c.start < until)
    touching = wanted.where((GAP.c.until > since) | (GAP.c.until > before)).order_by(GAP.c.start)
    return [Gap(row.start, row.until) for row in connection.execute(touching)]


def raw(connection: Connection, series: int, known: list[Gap], since: int, until: int) -> list[Stretch]:
    """The good stretches of [since, until), from the samples."""
    holding = connection.exec_driver_sql(_HOLDING, (series, since)).all()
    inside = connection.exec_driver_sql(_INSIDE, (series, since, until)).all()
    found = [*holding, *inside]
    rows = [Row(ts, value if quality == GOOD else None) for ts, value, quality in found]
    return list(stretches(rows, known, since, until))


def rolled(connection: Connection, series: int, since: int, until: int) -> list[Stretch]:
    """The roll-ups that touch [since, until)."""
    columns = (ROLLUP.c[name] for name in ("start", "low", "high", "mean", "last", "seconds_good", "count"))
    wanted = (
        select(*columns)
        .where(ROLLUP.c.series == series, ROLLUP.c.start > since - BUCKET, ROLLUP.c.start < until)
        .order_by(ROLLUP.c.start)
    )
    return [
        Stretch(start, start + BUCKET, low, high, mean, last, good * 1000, rows)
        for start, low, high, mean, last, good, rows in connection.execute(wanted)
    ]


def quarters(connection: Connection, series: int, since: int, until: int) -> list[Quarter]:
    """The roll-ups that begin in [since, until). A quarter that is not there: nothing was known."""
    return [Quarter._make(row) for row in connection.exec_driver_sql(_QUARTERS, (series, since, until)).all()]


def trend(connection: Connection, series: int | None, edges: list[int], *, raw_from: int, now: int) -> list[Bucket]:
    """One bucket between each two edges: from samples since `raw_from` (a roll-up edge), before it from roll-ups."""
    pieces: list[Stretch] = []
    since, until = edges[0], edges[-1]
    if series is not None:
        if since < raw_from:
            pieces += rolled(connection, series, since, min(until, raw_from))
        start, end = max(since, raw_from), min(until, now)
        if start < end:
            pieces += raw(connection, series, gaps(connection, start, end), start, end)
    return [
        Bucket(
            start=from_ms(start),
            low=tally.low,
            high=tally.high,
            mean=tally.mean,
            last=tally.last,
            missing=max((end - start - tally.good) / 1000, 0.0),
        )
        for start, end, tally in zip(edges, edges[1:], fold(pieces, edges), strict=False)
    ]
