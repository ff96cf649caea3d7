"""The tables of the history database, and the two small numberings they use.

Times are whole milliseconds since 1970, UTC. `sample` and `rollup` are clustered on their key
(WITHOUT ROWID): a third of the size and a tenth of the reading time of a table with an index.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import BigInteger, MetaData, SmallInteger, Table
from sqlmodel import Field, SQLModel

from points.model import Quality
from points.sqlite import NAMING

QUALITY_CODES = {Quality.GOOD: 0, Quality.UNCERTAIN: 1, Quality.BAD: 2, Quality.STALE: 3}
GOOD = QUALITY_CODES[Quality.GOOD]

BUCKET = 15 * 60 * 1000
"""Length of a roll-up: the billing interval of electricity, and short enough for a night's setback."""


class HistoryRow(SQLModel):
    """Gives these tables a metadata of their own: the state database has other tables."""

    metadata = MetaData(naming_convention=NAMING)


class SeriesRow(HistoryRow, table=True):
    """A point's short number; the sample rows carry it instead of the id."""

    __tablename__ = "series"

    id: int | None = Field(default=None, primary_key=True)
    point: str = Field(unique=True)


class SampleRow(HistoryRow, table=True):
    """From `ts` on the point was so, until its next row. No value: nothing was known."""

    __tablename__ = "sample"
    __table_args__ = {"sqlite_with_rowid": False}

    series: int = Field(primary_key=True, foreign_key="series.id")
    ts: int = Field(primary_key=True, sa_type=BigInteger)
    value: float | None = None
    text: str | None = None
    quality: int = Field(sa_type=SmallInteger)


class RollupRow(HistoryRow, table=True):
    """What is left of a quarter of an hour when its samples are gone. No row: nothing was known."""

    __tablename__ = "rollup"
    __table_args__ = {"sqlite_with_rowid": False}

    series: int = Field(primary_key=True, foreign_key="series.id")
    start: int = Field(primary_key=True, sa_type=BigInteger)
    low: float
    high: float
    mean: float
    last: float
    count: int
    seconds_good: float


class GapRow(HistoryRow, table=True):
    """The writer was down or lost rows. No value is taken to hold into it or through it."""

    __tablename__ = "gap"

    start: int = Field(primary_key=True, sa_type=BigInteger)
    until: int = Field(sa_type=BigInteger)


def table(row: type[HistoryRow]) -> Table:
    """The Core table of a row class: bulk work goes through Core."""
    return HistoryRow.metadata.tables[str(row.__tablename__)]


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_ms(time: datetime) -> int:
    return (time - EPOCH) // timedelta(milliseconds=1)


def from_ms(ts: int) -> datetime:
    return EPOCH + timedelta(milliseconds=ts)
