"""The service that writes down how the building has been.

Follows the store without ever slowing it down, and writes what changed within a second. When the
database fails, rows wait in a bounded buffer; what had to be dropped, like the time in which the
agent was down or its machine slept, is recorded as a gap, so that no reader takes silence for a value that held.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

import structlog
from alembic.util import CommandError
from sqlalchemy import Connection
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import DatabaseError, SQLAlchemyError

from points.clock import Clock
from points.history import queries, rollups
from points.history.buffer import LIMIT, Buffer, Pending
from points.history.queries import GAP, SERIES, Bucket, Quarter
from points.history.rollups import Keep
from points.history.rows import BUCKET, from_ms, to_ms
from points.history.steps import Gap, Stretch
from points.model import PointId
from points.sqlite import DatabaseUnusable, SqliteFile
from points.store import PointStore, Watch

Result = TypeVar("Result")

SCRIPTS = Path(__file__).parent.parent / "migrations" / "history"
FLUSH_S = 1.0  # what may be lost in a crash, and how often the disk is touched
CHUNK = 5_000  # rows in a transaction
LATE_MS = 5_000  # a roll-up waits so long after its end for the last flush
MARGIN_MS = 2 * BUCKET  # samples live a little longer than they are asked for: the value that held is in one of them
INSERT = "INSERT OR REPLACE INTO sample (series, ts, value, text, quality) VALUES (?, ?, ?, ?, ?)"
AT_ONCE = 100  # series that are rolled up in one transaction: new rows wait no longer than that takes
SLEPT_MS = 60_000  # the clock went so much further than this process did: the machine slept, or the clock was set
REST = 4.0  # times as long as it took until the next: rolling up a large site is not to be felt

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the history is doing, in words."""

    state: Literal["ok", "degraded", "down", "off"]
    text: str
    since: datetime | None = None


class History:
    """Readings over time. `run` writes them; the queries answer from what is written."""

    name = "history"

    def __init__(
        self,
        path: Path,
        store: PointStore,
        clock: Clock,
        keep: Keep | None = None,
        buffer_limit: int = LIMIT,
        steady: Callable[[], float] | None = None,
    ) -> None:
        """`steady`: the seconds that this process has lived through; what the clock has more of, nobody has seen."""
        self._steady = steady
        self._looked: tuple[int, float] | None = None  # the clock at the latest look, and how far it was ahead, in ms
        self._store = store
        self._clock = clock
        self._keep = keep or Keep()
        self._file = SqliteFile(path, synchronous="NORMAL")
        self._buffer = Buffer(buffer_limit)
        self._series: dict[PointId, int] = {}
        self._resumed = 0
        self._late: int | None = None  # the oldest row written since the last roll-up
        self._rolled_until: int | None = None
        self._health = Health(state="off", text="not started")
        self.written = 0  # rows since the agent started

    async def run(self) -> None:
        await self._open()
        try:
            with self._store.watch() as readings:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._collect(readings))
                    tasks.create_task(self._write())
                    tasks.create_task(self._roll_up())
        finally:
            with contextlib.suppress(SQLAlchemyError):
                await self._flush()
            self._report("off", "stopped")

    def link(self) -> Health:
        return self._health

    async def trend(self, point: PointId, since: datetime, until: datetime, buckets: int) -> list[Bucket]:
        """`buckets` equal stretches of [since, until): lowest, highest, time-weighted mean, last, seconds missing."""
        start, length, now = to_ms(since), to_ms(until) - to_ms(since), to_ms(self._clock.now())
        if buckets < 1 or length < buckets:
            raise ValueError("A trend needs at least one bucket, and each must be at least a millisecond long.")
        edges = [start + length * index // buckets for index in range(buckets + 1)]
        raw_from = self._raw_from()

        def work(connection: Connection) -> list[Bucket]:
            series = queries.series_of(connection, point)
            return queries.trend(connection, series, edges, raw_from=raw_from, now=now)

        return await self._ask(work)

    @property
    def settled(self) -> datetime:
        """Until then every quarter of an hour is rolled up."""
        ended = rollups.floor(to_ms(self._clock.now()))
        return from_ms(ended if self._rolled_until is None else min(ended, self._rolled_until))

    @property
    def raw_since(self) -> datetime:
        """From then on every reading is still there."""
        return from_ms(self._raw_from())

    async def quarters(
        self, points: Iterable[PointId], since: datetime, until: datetime
    ) -> dict[PointId, list[Quarter]]:
        """The roll-ups of [since, until), which end at `settled`; none of a quarter of which nothing was known."""
        start, end, wanted = to_ms(since), to_ms(until), list(points)

        def work(connection: Connection) -> dict[PointId, list[Quarter]]:
            known = {point: queries.series_of(connection, point) for point in wanted}
            return {
                point: [] if series is None else queries.quarters(connection, series, start, end)
                for point, series in known.items()
            }

        return await self._ask(work)

    async def known(
        self, points: Iterable[PointId], spans: Iterable[tuple[datetime, datetime]]
    ) -> dict[PointId, list[Stretch]]:
        """When within these spans a good value was known, and which, to the millisecond; not before `raw_since`."""
        first, now, wanted = self._raw_from(), to_ms(self._clock.now()), list(points)
        edges = [(max(to_ms(since), first), min(to_ms(until), now)) for since, until in spans]

        def work(connection: Connection) -> dict[PointId, list[Stretch]]:
            known = {point: queries.series_of(connection, point) for point in wanted}
            found: dict[PointId, list[Stretch]] = {point: [] for point in wanted}
            gaps = queries.gaps(connection, min(start for start, _ in edges), now) if edges else []
            for start, end in edges:
                for point, series in known.items():
                    if series is not None and start < end:
                        found[point] += queries.raw(connection, series, gaps, start, end)
            return found

        return await self._ask(work)

    def close(self) -> None:
        """Lets go of the file; after `run` has ended, however it did. Once more does nothing."""
        self._file.close()

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(None, self._prepare)
            self._series = await self._file.run(queries.all_series)
            newest = await self._file.run(rollups.newest_sample)
            self._resumed = to_ms(self._clock.now())
            if newest is not None and newest + 1 < self._resumed:
                await self._file.run(partial(_record, Gap(newest + 1, self._resumed)))
            self._rolled_until = await self._file.run(rollups.rolled_until)
        except DatabaseUnusable as error:
            self._file.engine.dispose()  # the next attempt looks at the file that is there then
            self._report("down", str(error))
            raise
        except (SQLAlchemyError, CommandError) as error:
            trouble = DatabaseUnusable(f"The history database {self._file.path} cannot be opened: {error}")
            self._report("down", str(trouble))
            raise trouble from error
        self._buffer.recovered()
        self._report("ok", "writing")

    def _prepare(self) -> None:
        self._file.check()
        self._file.upgrade(SCRIPTS)

    async def _collect(self, readings: Watch) -> None:
        while True:
            for reading in await readings.batch():
                self._buffer.add(reading, self._resumed)

    async def _write(self) -> None:
        while True:
            await self._clock.sleep(FLUSH_S)
            try:
                await self._notice_sleep()
                await self._flush()
            except SQLAlchemyError as error:
                self._failed(error)
            else:
                if self._health.state != "ok":
                    log.info("history is written again", path=str(self._file.path))
                    self._report("ok", "writing")

    async def _flush(self) -> None:
        """Writes all that waits. Rows leave the buffer only when they are on their way to the disk for good."""
        now = to_ms(self._clock.now())
        self._resumed = min(self._resumed, now)  # a clock that was set back: what is read now is of now
        self._buffer.drop_before(now - _ms(self._keep.backfill))
        while rows := self._buffer.next(CHUNK):
            self._series = await self._file.run(partial(_insert, self._series, rows))
            self._buffer.written(rows)
            self.written += len(rows)
            oldest = min(row.ts for row in rows)
            self._late = oldest if self._late is None else min(self._late, oldest)
        if lost := self._buffer.lost:
            await self._begin_anew(lost, "rows were dropped")

    async def _notice_sleep(self) -> None:
        """What was read before the machine slept, or before the clock was put forward, is not taken to have held."""
        if self._steady is None:
            return
        now = to_ms(self._clock.now())
        ahead = now - self._steady() * 1000
        if self._looked is not None and ahead - self._looked[1] > SLEPT_MS:
            await self._begin_anew(Gap(self._looked[0], now), "the machine slept, or its clock was put forward")
        self._looked = now, ahead

    async def _begin_anew(self, gap: Gap, why: str) -> None:
        await self._file.run(partial(_record, gap))
        log.warning(f"history has a gap: {why}", since=str(from_ms(gap.start)), until=str(from_ms(gap.until)))
        self._late = gap.start if self._late is None else min(self._late, gap.start)
        self._buffer.recovered()
        self._resumed = to_ms(self._clock.now())
        for reading in self._store.snapshot().values():
            self._buffer.add(reading, self._resumed)

    async def _roll_up(self) -> None:
        """At the end of each quarter of an hour, and at once for those that ended while nobody was here."""
        if self._rolled_until is not None:
            refreshed = max(self._rolled_until - _ms(self._keep.refresh), self._raw_from())
            self._rolled_until = min(self._rolled_until, refreshed)
        while True:
            try:
                await self._catch_up()
            except SQLAlchemyError as error:
                self._failed(error)
            now = to_ms(self._clock.now())
            await self._clock.sleep((rollups.floor(now) + BUCKET + LATE_MS - now) / 1000)

    async def _catch_up(self) -> None:
        ended = rollups.floor(to_ms(self._clock.now()) - LATE_MS)
        start = self._rolled_until
        if start is None:
            start = await self._file.run(rollups.rolled_until)
        if self._late is not None and start is not None:
            start = min(start, self._late)
        if start is None:
            return
        start, self._late = rollups.floor(start), None
        series = await self._file.run(rollups.series)
        while start < ended:
            until = min(start + rollups.SPAN, ended)
            await self._in_shares(series, partial(rollups.roll_up, since=start, until=until))
            start = self._rolled_until = until
        raw_before = min(ended - _ms(self._keep.raw) - MARGIN_MS, start - _ms(self._keep.refresh + self._keep.backfill))
        rollups_before = ended - _ms(self._keep.rollups)
        await self._in_shares(series, partial(rollups.expire, raw_before=raw_before, rollups_before=rollups_before))

    async def _in_shares(self, series: Sequence[int], work: Callable[[Connection, Sequence[int]], object]) -> None:
        """`work` for all of `series`, some at a time, at a pace that leaves room for everything else."""
        took = 0.0
        for first in range(0, len(series), AT_ONCE):
            if first:
                await self._clock.sleep(REST * took)
            began = time.monotonic()
            await self._file.run(partial(_work_on, work, series[first : first + AT_ONCE]))
            took = time.monotonic() - began

    def _raw_from(self) -> int:
        """From here on all samples are still there: the first whole bucket inside the retention."""
        return rollups.floor(to_ms(self._clock.now()) - _ms(self._keep.raw)) + BUCKET

    async def _ask(self, work: Callable[[Connection], Result]) -> Result:
        try:
            return await self._file.run(work)
        except DatabaseError as error:
            raise DatabaseUnusable(f"The history cannot be read now: {error.orig}") from error

    def _failed(self, error: SQLAlchemyError) -> None:
        text = f"cannot be written: {getattr(error, 'orig', None) or error}"
        if self._health.state == "ok":
            log.warning("history cannot be written; rows wait", error=text, path=str(self._file.path))
            self._report("down", text)
        else:
            log.debug("history still cannot be written", error=text, waiting=len(self._buffer))

    def _report(self, state: Literal["ok", "degraded", "down", "off"], text: str) -> None:
        self._health = Health(state=state, text=text, since=self._clock.now())


def _ms(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)


def _insert(series: dict[PointId, int], rows: list[Pending], connection: Connection) -> dict[PointId, int]:
    """Writes `rows` and returns the numbering with their points in it."""
    unknown = {row.point for row in rows} - series.keys()
    if unknown:
        connection.execute(insert(SERIES).on_conflict_do_nothing(), [{"point": point} for point in sorted(unknown)])
        series = queries.all_series(connection)
    samples = [(series[row.point], row.ts, row.value, row.text, row.quality) for row in rows]
    connection.exec_driver_sql(INSERT, samples)
    return series


def _work_on(work: Callable[[Connection, Sequence[int]], object], share: Sequence[int], connection: Connection) -> None:
    work(connection, share)


def _record(gap: Gap, connection: Connection) -> None:
    connection.execute(insert(GAP).prefix_with("OR REPLACE"), {"start": gap.start, "until": gap.until})
