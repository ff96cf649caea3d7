"""A SQLite file with one thread of its own.

Every unit of work runs in that thread, in a transaction that is committed before its caller goes on, and
rolled back when it raises: work is serialised, the event loop never waits for a disk, and what `run`
returned from is on disk (as far as the file's `synchronous` setting promises).

What was asked for while the disk was busy shares the next transaction, so that many who write side by side
wait for one commit. If any of it fails, each unit of work is done again in a transaction of its own: nobody's
error is another's.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DatabaseError

from points.errors import PointsError

Result = TypeVar("Result")

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
"""Every constraint has a name from the first migration on: SQLite cannot drop a nameless one."""


AT_ONCE = 32  # units of work in one transaction: whoever came first does not wait for whoever came late


class DatabaseUnusable(PointsError):
    """The file cannot be opened, or is not a healthy database. The text says what to do."""


class SqliteFile:
    """One database file; `run` is the only way in."""

    def __init__(self, path: Path, *, synchronous: Literal["FULL", "NORMAL"], worker: Executor | None = None) -> None:
        """`worker` does the work instead of a thread of the file's own, one unit after the other."""
        self.path = path
        self.engine = create_engine(f"sqlite:///{path}", connect_args={"check_same_thread": False})
        self._thread = worker or ThreadPoolExecutor(max_workers=1, thread_name_prefix=path.stem)
        self._asked: deque[_Asked] = deque()

        @event.listens_for(self.engine, "connect")
        def _prepare(connection: Any, _record: object) -> None:
            cursor = connection.cursor()
            cursor.execute("PRAGMA busy_timeout=5000")
            cursor.execute("PRAGMA journal_mode=WAL")
            cursor.execute(f"PRAGMA synchronous={synchronous}")
            cursor.execute("PRAGMA foreign_keys=ON")
            cursor.execute("PRAGMA journal_size_limit=67108864")
            cursor.close()

    def check(self) -> None:
        """Raises `DatabaseUnusable` if the file is damaged. Call once, before anything else."""
        try:
            with self.engine.connect() as connection:
                verdict = connection.exec_driver_sql("PRAGMA quick_check").scalar()
        except DatabaseError as error:
            raise DatabaseUnusable(self._advice(str(error.orig))) from error
        if verdict != "ok":
            raise DatabaseUnusable(self._advice(str(verdict)))

    def upgrade(self, scripts: Path) -> None:
        """Brings the schema to the newest revision in `scripts`; a file that holds data is copied first."""
        config = Config()
        config.set_main_option("script_location", str(scripts))
        newest = _newest(scripts)
        with self.engine.connect() as connection:
            present = MigrationContext.configure(connection).get_current_revision()
            if present is not None and present != newest:
                backup = self.path.with_suffix(f".before-{newest}.db")
                backup.unlink(missing_ok=True)
                connection.exec_driver_sql("VACUUM INTO ?", (str(backup),))
        if present != newest:
            with self.engine.begin() as connection:
                config.attributes["connection"] = connection
                command.upgrade(config, "head")

    async def run(self, work: Callable[[Connection], Result]) -> Result:
        """Runs `work` in the file's thread, in a transaction; once more, if the first was undone."""
        loop = asyncio.get_running_loop()
        asked = _Asked(work, loop, loop.create_future())
        self._asked.append(asked)
        self._thread.submit(self._work_off)
        done: Result = await asked.answer
        return done

    def run_now(self, work: Callable[[Connection], Result]) -> Result:
        """The same, in the calling thread (start-up, migrations, command line)."""
        with self.engine.begin() as connection:
            return work(connection)

    def _work_off(self) -> None:
        """Whatever has been asked for until now; nothing, if another round has done it already."""
        batch = [self._asked.popleft() for _ in range(min(len(self._asked), AT_ONCE))]
        if len(batch) > 1:
            try:
                answers = self.run_now(lambda connection: [asked.work(connection) for asked in batch])
            except Exception:  # noqa: BLE001 - whose it is, is found out below
                pass
            else:
                for asked, answer in zip(batch, answers, strict=True):
                    asked.tell(answer, None)
                return
        for asked in batch:
            try:
                answer = self.run_now(asked.work)
            except Exception as error:  # noqa: BLE001 - it is raised where it was asked for
                asked.tell(None, error)
            else:
                asked.tell(answer, None)

    def close(self) -> None:
        self._thread.shutdown(wait=True)
        self.engine.dispose()

    def _advice(self, problem: str) -> str:
        return (
            f"The database {self.path} cannot be used: {problem}. Move it aside "
            f"(mv {self.path} {self.path}.broken) or put a backup in its place, then start again."
        )


@cache
def _newest(scripts: Path) -> str | None:
    """The scripts come with the program: while it runs, they are the same."""
    return ScriptDirectory(scripts).get_current_head()


class _Asked:
    """A unit of work, and who waits for it."""

    def __init__(
        self, work: Callable[[Connection], Any], loop: asyncio.AbstractEventLoop, answer: asyncio.Future[Any]
    ) -> None:
        self.work = work
        self.answer = answer
        self._loop = loop

    def tell(self, answer: Any, error: Exception | None) -> None:
        """From the file's thread."""
        with suppress(RuntimeError):  # the loop has ended: nobody waits any more
            self._loop.call_soon_threadsafe(self._tell, answer, error)

    def _tell(self, answer: Any, error: Exception | None) -> None:
        if self.answer.done():  # whoever waited has gone away
            return
        if error is None:
            self.answer.set_result(answer)
        else:
            self.answer.set_exception(error)
