"""A new database is made as the first of this process was: some eight hundred tests begin with one.

The first goes through every migration, and so does each that has anything in it already.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress

from alembic import command
from alembic.config import Config


class Schemas:
    """In place of `alembic.command`, for `SqliteFile.upgrade`."""

    def __init__(self) -> None:
        self._made: dict[str | None, sqlite3.Connection] = {}

    def upgrade(self, config: Config, revision: str) -> None:
        scripts = config.get_main_option("script_location")
        file = config.attributes["connection"].connection.driver_connection
        new = file.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
        if new and scripts in self._made:
            with suppress(sqlite3.Error):  # a full disk, a folder of somebody else: the error is Alembic's to tell
                self._made[scripts].backup(file)
                return
        command.upgrade(config, revision)
        if new:
            self._made[scripts] = _copy_of(file)


def _copy_of(file: sqlite3.Connection) -> sqlite3.Connection:
    file.commit()  # Alembic leaves that to whoever called it
    copy = sqlite3.connect(":memory:", check_same_thread=False)
    file.backup(copy)
    return copy
