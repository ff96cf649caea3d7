"""The state database: claims, audit, alarms and catalog, on disk before anyone relies on them.

`open_state` guarantees that this process is the only one on the folder, that the file is healthy
and that its schema is the newest; or it raises an error that says what to do. What
`StateDatabase.run` has returned from survives a power cut.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from alembic.util import CommandError
from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import SQLAlchemyError

from points.errors import PointsError
from points.sqlite import DatabaseUnusable, SqliteFile

SCRIPTS = Path(__file__).parent / "migrations" / "state"

Result = TypeVar("Result")


class StateInUse(DatabaseUnusable):
    """Another agent works on the same folder."""


class StateUnavailable(PointsError):
    """The open database could not do what was asked: disk full, file gone, input/output error."""


class StateDatabase:
    """The one door to the state file; every call is done wholly or not at all."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    @property
    def path(self) -> Path:
        return self._file.path

    async def run(self, work: Callable[[Connection], Result]) -> Result:
        """Runs `work` in the database's thread; committed when this returns."""
        try:
            return await self._file.run(work)
        except (SQLAlchemyError, RuntimeError) as error:  # RuntimeError: its thread has been shut down
            raise StateUnavailable(f"The state database {self.path} failed: {_reason(error)}") from error

    def run_now(self, work: Callable[[Connection], Result]) -> Result:
        """The same in the calling thread, for start-up and the command line."""
        try:
            return self._file.run_now(work)
        except SQLAlchemyError as error:
            raise StateUnavailable(f"The state database {self.path} failed: {_reason(error)}") from error


@contextmanager
def open_state(directory: Path, worker: Executor | None = None) -> Iterator[StateDatabase]:
    """The state of the agent in `directory`, which is made if need be and locked while this is open.

    `worker` does the database's work; without one, it has a thread of its own.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(directory / "agent.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        advice = "Give the agent a state folder that it may write to."
        raise DatabaseUnusable(f"The state folder {directory} cannot be used: {error.strerror}. {advice}") from error
    try:
        _take(lock, directory)
        file = SqliteFile(directory / "state.db", synchronous="FULL", worker=worker)
        try:
            file.check()
            _upgrade(file)
            yield StateDatabase(file)
        finally:
            file.close()
    finally:
        os.close(lock)  # the kernel lets go of the lock, also when the process is killed


def look_into(path: Path, work: Callable[[Connection], Result]) -> Result:
    """Reads from a state file, which another process may have open, and leaves no trace."""
    # a reader in WAL mode leaves two files behind, owned by whoever reads: only where the agent has them already
    open_elsewhere = path.with_name(f"{path.name}-wal").exists()
    how = "mode=ro" if open_elsewhere else "mode=ro&immutable=1"
    engine = create_engine(f"sqlite:///file:{quote(str(path))}?{how}&uri=true")
    try:
        with engine.connect() as connection:
            return work(connection)
    except SQLAlchemyError as error:
        raise StateUnavailable(f"The state database {path} cannot be read: {_reason(error)}") from error
    finally:
        engine.dispose()


def _take(lock: int, directory: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(lock, 20, 0).decode("ascii", "replace").strip() or "unknown"
        raise StateInUse(
            f"Another agent (process {holder}) is working in {directory}. Stop it (kill {holder}), "
            "or give this agent a state folder of its own."
        ) from None
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)


def _upgrade(file: SqliteFile) -> None:
    try:
        file.upgrade(SCRIPTS)
    except CommandError as error:
        raise DatabaseUnusable(
            f"The database {file.path} was made by another version of this program ({error}). "
            "Install that version or a newer one, or put a backup in its place."
        ) from error
    except SQLAlchemyError as error:
        raise DatabaseUnusable(
            f"The database {file.path} could not be upgraded: {_reason(error)}. Nothing was changed; "
            "make room or mend the file's permissions, then start again."
        ) from error


def _reason(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error)
