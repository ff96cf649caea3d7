"""A SQLite file with one thread of its own.

Every unit of work runs in that thread, in one transaction that is committed when the function
returns and rolled back when it raises: work is serialised, the event loop never waits for a disk,
and what `run` returned from is on disk (as far as the file's `synchronous` setting promises).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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


class DatabaseUnusable(PointsError):
    """The file cannot be opened, or is not a healthy database. The text says what to do."""


class SqliteFile:
    """One database file; `run` is the only way in."""

    def __init__(self, path: Path, *, synchronous: Literal["FULL", "NORMAL"]) -> None:
        self.path = path
        self.engine = create_engine(f"sqlite:///{path}", connect_args={"check_same_thread": False})
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=path.stem)

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
        newest = ScriptDirectory.from_config(config).get_current_head()
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
        """Runs `work` in the file's thread, inside one transaction."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self.run_now, work)

    def run_now(self, work: Callable[[Connection], Result]) -> Result:
        """The same, in the calling thread (start-up, migrations, command line)."""
        with self.engine.begin() as connection:
            return work(connection)

    def close(self) -> None:
        self._thread.shutdown(wait=True)
        self.engine.dispose()

    def _advice(self, problem: str) -> str:
        return (
            f"The database {self.path} cannot be used: {problem}. Move it aside "
            f"(mv {self.path} {self.path}.broken) or put a backup in its place, then start again."
        )
