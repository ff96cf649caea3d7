"""Many who write side by side wait for one commit, and nobody's error is another's."""

import asyncio
import threading
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import event

from points.sqlite import AT_ONCE, SqliteFile


@pytest.fixture
def file(tmp_path):
    file = SqliteFile(tmp_path / "a.db", synchronous="FULL")
    file.run_now(lambda connection: connection.exec_driver_sql("CREATE TABLE t (x INTEGER PRIMARY KEY)"))
    file.commits = []
    event.listen(file.engine, "commit", file.commits.append)
    yield file
    file.close()


def insert(number):
    def work(connection):
        connection.exec_driver_sql("INSERT INTO t VALUES (?)", (number,))
        return number

    return work


def stored(file):
    return file.run_now(lambda connection: connection.exec_driver_sql("SELECT x FROM t ORDER BY x").scalars().all())


@asynccontextmanager
async def busy(file):
    """The file's thread is at work until the end; its commits are counted from now on."""
    begun, done = threading.Event(), threading.Event()

    def work(_connection):
        begun.set()
        return done.wait(30)

    task = asyncio.create_task(file.run(work))
    while not begun.is_set():
        await asyncio.sleep(0)
    file.commits.clear()
    yield
    done.set()
    assert await task


async def while_it_is_busy(file, *works):
    async with busy(file):
        asked = [asyncio.create_task(file.run(work)) for work in works]
        await asyncio.sleep(0)
    return await asyncio.gather(*asked, return_exceptions=True)


async def test_what_is_asked_for_while_the_disk_is_busy_shares_one_commit(file):
    count = AT_ONCE + 3
    assert await while_it_is_busy(file, *map(insert, range(count))) == list(range(count))
    assert len(file.commits) == 1 + 2  # its own, and those
    assert stored(file) == list(range(count))


async def test_one_s_error_is_nobody_else_s(file):
    answers = await while_it_is_busy(file, insert(1), insert(2), insert(1), insert(3))
    assert [answer if isinstance(answer, int) else "error" for answer in answers] == [1, 2, "error", 3]
    assert stored(file) == [1, 2, 3]


async def test_whoever_goes_away_takes_nobody_along(file):
    async with busy(file):
        gone, stays = (asyncio.create_task(file.run(insert(number))) for number in (1, 2))
        await asyncio.sleep(0)
        gone.cancel()
    assert await stays == 2
    assert stored(file) == [1, 2]


async def test_what_is_asked_of_a_closed_file_is_an_error_not_a_silence(file):
    file.close()
    with pytest.raises(RuntimeError):
        await file.run(insert(1))
