import asyncio
import math
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError

from points.history import History, Keep, rollups
from points.history.buffer import Buffer, Pending
from points.history.queries import trend
from points.history.rows import BUCKET, QUALITY_CODES, HistoryRow, from_ms, to_ms
from points.history.steps import Gap
from points.history.writer import SCRIPTS, _insert, _record
from points.model import PointId, Quality, Reading, Source
from points.sqlite import DatabaseUnusable, SqliteFile
from points.store import PointStore

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TEMP = PointId("vav-1/zone-temp")
PATIENCE_S = 30


class HandClock:
    """Time passes when the test says so."""

    def __init__(self, now: datetime = START) -> None:
        self._now = now
        self._sleepers: list[tuple[datetime, asyncio.Event]] = []

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.Event()
        self._sleepers.append((self._now + timedelta(seconds=seconds), woken))
        await woken.wait()

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        for due, woken in self._sleepers:
            if due <= self._now:
                woken.set()
        self._sleepers = [(due, woken) for due, woken in self._sleepers if due > self._now]

    def set_back(self, seconds: float) -> None:
        """Those who sleep sleep as long as they meant to."""
        self._now -= timedelta(seconds=seconds)
        self._sleepers = [(due - timedelta(seconds=seconds), woken) for due, woken in self._sleepers]


def reading(value, at, *, point=TEMP, quality=Quality.GOOD) -> Reading:
    return Reading(point=point, value=value, time=at, at=at, quality=quality, source=Source.POLL)


@asynccontextmanager
async def running(history: History) -> AsyncIterator[History]:
    task = asyncio.create_task(history.run())
    try:
        await until(lambda: history.link().state == "ok" or task.done())
        yield history
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(condition, clock: HandClock | None = None) -> None:
    """Waits for a condition (a callable, perhaps async); lets a second of `clock` pass at each look."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            seen = condition()
            if asyncio.iscoroutine(seen):
                seen = await seen
            if seen:
                return
            if clock is not None:
                clock.advance(1)
            await asyncio.sleep(0.005)


@pytest.fixture
def store() -> PointStore:
    return PointStore()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def history(tmp_path: Path, store: PointStore, clock: HandClock):
    made = History(tmp_path / "history.db", store, clock)
    yield made
    made.close()


def has_rows(history: History, wanted: int):
    async def enough() -> bool:
        return await count(history) == wanted

    return enough


async def count(history: History) -> int:
    return await history._file.run(lambda c: c.exec_driver_sql("SELECT count(*) FROM sample").scalar())


async def written(history: History, point: PointId = TEMP) -> list[tuple[object, ...]]:
    """What is written of a point: (number, text, quality), oldest first."""
    wanted = (
        "SELECT value, text, quality FROM sample JOIN series ON series.id = sample.series WHERE point = ? ORDER BY ts"
    )
    return await history._file.run(lambda c: [tuple(row) for row in c.exec_driver_sql(wanted, (point,))])


async def test_what_the_store_takes_is_written_and_read_back(history, store, clock):
    async with running(history):
        store.put(reading(21.5, clock.now()))
        store.put(reading(True, clock.now(), point=PointId("ahu-1/fan")))
        store.put(reading(3, clock.now(), point=PointId("ahu-1/mode")))
        store.put(reading("ok", clock.now(), point=PointId("ahu-1/text")))
        await until(has_rows(history, 4), clock)
        good = QUALITY_CODES[Quality.GOOD]
        assert await written(history, TEMP) == [(21.5, None, good)]
        assert await written(history, PointId("ahu-1/fan")) == [(1.0, None, good)]
        assert await written(history, PointId("ahu-1/mode")) == [(3.0, None, good)]
        assert await written(history, PointId("ahu-1/text")) == [(None, "ok", good)]
        assert history.link().state == "ok"


async def test_a_stale_reading_is_a_row_without_value(history, store, clock):
    async with running(history):
        store.put(reading(21.5, clock.now()))
        await until(has_rows(history, 1), clock)
        stale_at = clock.now()
        store.put(reading(21.5, stale_at, quality=Quality.STALE))
        await until(has_rows(history, 2), clock)
        clock.advance(60)
        (bucket,) = await history.trend(TEMP, START, clock.now(), 1)
        last = (await written(history))[-1]
    assert last == (None, None, QUALITY_CODES[Quality.STALE])
    assert bucket.missing == pytest.approx((clock.now() - stale_at).total_seconds(), abs=0.01)
    assert bucket.low == bucket.high == bucket.last == 21.5


async def test_a_value_that_stays_is_written_once_a_quarter_of_an_hour(history, store, clock):
    async with running(history):
        store.put(reading(21.5, clock.now()))
        await until(has_rows(history, 1), clock)
        store.put(reading(21.5, clock.now()))
        store.put(reading(1.0, clock.now(), point=PointId("other/one")))
        await until(has_rows(history, 2), clock)
        clock.advance(BUCKET / 1000)
        store.put(reading(21.5, clock.now()))
        await until(has_rows(history, 3), clock)


async def test_the_time_in_which_nobody_wrote_is_missing_not_held(history, store, clock):
    async with running(history):
        store.put(reading(20.0, clock.now()))
        await until(has_rows(history, 1), clock)
    stopped = clock.now()
    clock.advance(3600)
    back = clock.now()
    async with running(history):
        await until(has_rows(history, 2), clock)  # the present value is written anew, dated from the return
        clock.advance(600)
        before, gap, after = (
            (await history.trend(TEMP, START, START + timedelta(milliseconds=1), 1))[0],
            (await history.trend(TEMP, stopped + timedelta(seconds=1), back, 1))[0],
            (await history.trend(TEMP, back, clock.now(), 1))[0],
        )
    assert before.last == 20.0
    assert (gap.low, gap.missing) == (None, pytest.approx(3599, abs=0.01))
    assert (after.last, after.missing) == (20.0, pytest.approx(0, abs=0.01))


async def test_an_hour_in_which_the_machine_slept_is_missing_not_held(tmp_path, store, clock):
    """The device answers again before anything has become stale: nothing else tells of that hour."""
    lived = 0.0
    history = History(tmp_path / "history.db", store, clock, steady=lambda: lived)
    async with running(history):
        store.put(reading(20.0, clock.now()))
        await until(has_rows(history, 1), clock)
        lived = (clock.now() - START).total_seconds()
        clock.advance(1)
        lived += 1
        await until(lambda: history._looked == (to_ms(clock.now()), to_ms(clock.now()) - lived * 1000))
        asleep = clock.now()
        clock.advance(3600)
        store.put(reading(20.0, clock.now()))
        await until(lambda: history._looked[0] == to_ms(clock.now()))
        awake = clock.now()
        lived += 300
        clock.advance(300)
        ((start, end),) = await history._file.run(_gaps)
        (hour,) = await history.trend(TEMP, asleep, awake, 1)
        (after,) = await history.trend(TEMP, awake, clock.now(), 1)
    history.close()
    assert (start, end) == (to_ms(asleep), to_ms(awake))
    assert (hour.low, hour.missing) == (None, 3600)
    assert (after.last, after.missing) == (20.0, 0)


async def test_a_stop_writes_what_was_still_waiting(history, store, clock):
    async with running(history):
        store.put(reading(20.0, clock.now()))
        await until(lambda: len(history._buffer) == 1)
    assert await count(history) == 1


async def test_rows_wait_while_the_database_fails_and_nothing_is_lost(history, store, clock, monkeypatch):
    monkeypatch.setattr("points.sqlite.SqliteFile.run", _failing_while(lambda: broken))
    broken = False
    async with running(history):
        broken = True
        for value in range(10):
            clock.advance(1)
            store.put(reading(float(value), clock.now()))
            await until(lambda wanted=value + 1: len(history._buffer) == wanted)
        await until(lambda: history.link().state == "down", clock)
        assert "disk I/O error" in history.link().text
        broken = False
        await until(has_rows(history, 10), clock)
        await until(lambda: history.link().state == "ok", clock)
        assert await history._file.run(_gaps) == []


async def test_what_the_buffer_had_to_drop_is_a_gap(tmp_path, store, clock, monkeypatch):
    monkeypatch.setattr("points.sqlite.SqliteFile.run", _failing_while(lambda: broken))
    broken = False
    history = History(tmp_path / "history.db", store, clock, buffer_limit=3)
    steady = PointId("vav-1/steady")
    async with running(history):
        store.put(reading(50.0, clock.now(), point=steady))
        await until(has_rows(history, 1), clock)
        broken = True
        await until(lambda: history.link().state == "down" or store.put(reading(0.5, clock.now())), clock)
        for value in range(10):
            clock.advance(1)
            store.put(reading(float(value), clock.now()))
            await until(lambda wanted=float(value): history._buffer._latest[TEMP].value == wanted)
        broken = False
        await until(lambda: history.link().state == "ok", clock)
        ((start, end),) = await history._file.run(_gaps)
        recovered = clock.now()
        clock.advance(30)
        lost, later = (
            (await history.trend(steady, from_ms(start), from_ms(end), 1))[0],
            (await history.trend(steady, recovered, clock.now(), 1))[0],
        )
    history.close()
    assert lost.low is None
    assert (later.last, later.missing) == (50.0, pytest.approx(0, abs=2))


def _failing_while(broken):
    real = SqliteFile.run

    async def run(self, work):
        if broken():
            raise OperationalError("INSERT", {}, sqlite3.OperationalError("disk I/O error"))
        return await real(self, work)

    return run


def _gaps(connection):
    return [tuple(row) for row in connection.exec_driver_sql("SELECT start, until FROM gap")]


async def test_rollups_appear_after_the_quarter_and_outlive_the_samples(history, store, clock):
    async with running(history):
        store.put(reading(10.0, clock.now()))
        await until(has_rows(history, 1), clock)
        clock.advance(300)
        store.put(reading(20.0, clock.now()))
        await until(has_rows(history, 2), clock)
        clock.advance(700)
        await until(lambda: _rollups_now(history), clock)
        exact = await history.trend(TEMP, START, START + timedelta(minutes=15), 1)
    clock.advance(timedelta(days=15).total_seconds())
    async with running(history):
        rolled = await history.trend(TEMP, START, START + timedelta(minutes=15), 1)
        await until(lambda: _expired(history), clock)
    assert rolled[0].mean == pytest.approx(exact[0].mean)
    assert (rolled[0].low, rolled[0].high, rolled[0].last) == (10.0, 20.0, 20.0)
    assert rolled[0].missing == pytest.approx(exact[0].missing)


async def _rollups_now(history):
    return await history._file.run(lambda c: c.exec_driver_sql("SELECT count(*) FROM rollup").scalar())


async def _expired(history):
    return 10.0 not in [value for value, *_ in await written(history)]


async def test_samples_wait_for_their_rollup_however_late_it_comes(history, store, clock):
    async with running(history):
        store.put(reading(10.0, clock.now()))
        await until(has_rows(history, 1), clock)
    clock.advance(timedelta(days=30).total_seconds())  # stopped inside the first quarter, back a month later
    store = PointStore()
    async with running(history):
        await until(lambda: _rollups_now(history), clock)
    assert (await history.trend(TEMP, START, START + timedelta(minutes=15), 1))[0].last == 10.0


def test_retention_must_outlast_refresh_and_backfill():
    with pytest.raises(ValueError, match="longer than the refresh window"):
        Keep(raw=timedelta(days=1), refresh=timedelta(hours=12), backfill=timedelta(hours=12))


async def test_a_corrupt_file_is_said_in_words(tmp_path, store, clock):
    path = tmp_path / "history.db"
    path.write_bytes(b"this is not a database, and long enough to be looked at" * 100)
    history = History(path, store, clock)
    with pytest.raises(DatabaseUnusable, match="Move it aside"):
        await history.run()
    assert history.link().state == "down"
    with pytest.raises(DatabaseUnusable):
        await history.trend(TEMP, START, clock.now() + timedelta(seconds=1), 1)
    path.rename(tmp_path / "history.db.broken")
    async with running(history):  # moved aside as advised: no restart of the agent is needed
        await until(lambda: history.link().state == "ok")
    history.close()


async def test_a_file_of_a_newer_version_is_refused(history, store, clock, tmp_path):
    async with running(history):
        pass
    with sqlite3.connect(tmp_path / "history.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(DatabaseUnusable, match="cannot be opened"):
        await history.run()


async def test_a_folder_that_is_not_there_is_said_in_words(tmp_path, store, clock):
    history = History(tmp_path / "nowhere" / "history.db", store, clock)
    with pytest.raises(DatabaseUnusable, match="cannot be used"):
        await history.run()
    history.close()


async def test_it_is_closed_as_often_as_one_likes_and_after_any_run(tmp_path, store, clock, monkeypatch):
    unused = History(tmp_path / "unused.db", store, clock)
    failed = History(tmp_path / "failed.db", store, clock)

    async def fails(_readings):
        raise RuntimeError("no")

    monkeypatch.setattr(failed, "_collect", fails)
    with pytest.raises(ExceptionGroup):
        await failed.run()
    for history in (unused, unused, failed, failed):
        history.close()
    assert not list(tmp_path.glob("*-wal"))


async def test_what_is_read_after_the_clock_was_set_back_is_written(history, store, clock):
    async with running(history):
        store.put(reading(20.0, clock.now()))
        await until(has_rows(history, 1), clock)
        clock.set_back(20 * 3600)
        await until(lambda: history._resumed <= to_ms(clock.now()), clock)
        store.put(reading(20.0, clock.now()))
        await until(has_rows(history, 2), clock)
        since = clock.now()
        clock.advance(30)
        (bucket,) = await history.trend(TEMP, since, clock.now(), 1)
    assert (bucket.last, bucket.missing) == (20.0, 0)


@pytest.fixture
def file(tmp_path):
    made = SqliteFile(tmp_path / "plain.db", synchronous="NORMAL")
    made.upgrade(SCRIPTS)
    yield made
    made.close()


def test_migrations_and_models_agree(file):
    with file.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, HistoryRow.metadata) == []
        ddl = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE name = 'sample'").scalar()
    assert ddl.rstrip().endswith("WITHOUT ROWID")


def test_an_unknown_point_has_an_empty_trend(file):
    (bucket,) = file.run_now(lambda connection: trend(connection, None, [0, 60_000], raw_from=0, now=60_000))
    assert (bucket.low, bucket.missing) == (None, 60)


SECOND = 1000
LENGTH = 4 * BUCKET // SECOND  # an hour, in seconds: the naive computation looks at each

rows = st.lists(
    st.tuples(
        st.integers(-600, LENGTH + 60),
        st.one_of(st.none(), st.floats(-50, 50, allow_nan=False).map(lambda value: round(value, 2))),
    ),
    max_size=25,
    unique_by=lambda row: row[0],
)
gap_lists = st.lists(st.tuples(st.integers(-300, LENGTH), st.integers(1, 900)), max_size=3, unique_by=lambda g: g[0])
_point_number = iter(range(10**6))


def naive(known, gaps, second):
    """What was known in a second: looks at everything, remembers nothing."""
    if any(start <= second < start + length for start, length in gaps):
        return None
    before = [
        (ts, value)
        for ts, value in known
        if ts <= second and not any(start <= ts < start + length for start, length in gaps)
    ]
    if not before:
        return None
    ts, value = max(before)
    return None if any(ts < start <= second for start, _ in gaps) else value


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(known=rows, gaps=gap_lists, buckets=st.sampled_from([1, 3, 4, 7, 60]))
def test_trend_agrees_with_looking_at_every_second(file, known, gaps, buckets):
    origin = rollups.floor(to_ms(START))
    point = PointId(f"p/{next(_point_number)}")
    pending = [
        Pending(point, origin + second * SECOND, value, None, 0 if value is not None else 3)
        for second, value in sorted(known)
    ] or [Pending(point, origin - 10**9, None, None, 3)]
    edges = [origin + LENGTH * SECOND * index // buckets for index in range(buckets + 1)]

    def work(connection):
        connection.exec_driver_sql("DELETE FROM gap")
        connection.exec_driver_sql("DELETE FROM rollup")
        connection.exec_driver_sql("DELETE FROM sample")
        series = _insert({}, pending, connection)[point]
        for start, length in gaps:
            _record(Gap(origin + start * SECOND, origin + (start + length) * SECOND), connection)
        rollups.roll_up(connection, rollups.series(connection), origin, origin + LENGTH * SECOND)
        end = edges[-1]
        exact = trend(connection, series, edges, raw_from=0, now=end)
        quarters = [origin + BUCKET * index for index in range(5)]
        from_rows = trend(connection, series, quarters, raw_from=0, now=end)
        from_rollups = trend(connection, series, quarters, raw_from=end, now=end)
        return exact, from_rows, from_rollups

    exact, from_rows, from_rollups = file.run_now(work)
    seconds = [naive(known, gaps, second) for second in range(LENGTH)]
    for bucket, start, end in zip(exact, edges, edges[1:], strict=False):
        first, last = math.ceil((start - origin) / SECOND), math.ceil((end - origin) / SECOND)
        if (start - origin) % SECOND or (end - origin) % SECOND:
            first = (start - origin) // SECOND  # a bucket that cuts a second sees both sides of it
        good = [value for value in seconds[first:last] if value is not None]
        assert (bucket.low, bucket.high) == ((min(good), max(good)) if good else (None, None))
        assert bucket.last == (good[-1] if good else None)
        if not (start - origin) % SECOND and not (end - origin) % SECOND:
            assert bucket.missing == pytest.approx(last - first - len(good))
            assert bucket.mean == (pytest.approx(sum(good) / len(good)) if good else None)
    assert from_rollups == [
        type(bucket)(
            start=bucket.start,
            low=bucket.low,
            high=bucket.high,
            mean=pytest.approx(bucket.mean) if bucket.mean is not None else None,
            last=bucket.last,
            missing=pytest.approx(bucket.missing),
        )
        for bucket in from_rows
    ]


def test_the_buffer_drops_the_oldest_and_says_from_when_to_when():
    buffer = Buffer(limit=2)
    for second in range(5):
        buffer.add(reading(float(second), START + timedelta(seconds=second)), 0)
    assert [row.value for row in buffer.next(10)] == [3.0, 4.0]
    assert buffer.lost == Gap(to_ms(START), to_ms(START) + 2001)
    taken = buffer.next(2)
    buffer.add(reading(9.0, START + timedelta(seconds=9)), 0)  # drops one that is being written
    buffer.written(taken)
    assert [row.value for row in buffer.next(10)] == [9.0]
