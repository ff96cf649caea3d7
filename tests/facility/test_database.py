import fcntl
import multiprocessing
import os
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import select, text

from facility import database
from facility.alarm_rows import forget_alarms, load_alarms, save_alarms
from facility.database import StateInUse, StateUnavailable, open_state
from facility.model import Alarm, AlarmKind, Severity
from facility.rows import ClaimRow, SpaceRow, StateRow, table_of, upsert
from points.sqlite import DatabaseUnusable, SqliteFile


def test_rows_and_migrations_are_the_same_schema(tmp_path):
    with open_state(tmp_path) as db:
        differences = db.run_now(
            lambda connection: compare_metadata(
                MigrationContext.configure(connection, opts={"compare_type": True}), StateRow.metadata
            )
        )
    assert differences == []


def test_every_constraint_has_a_name(tmp_path):
    with open_state(tmp_path) as db:
        tables = db.run_now(
            lambda connection: list(
                connection.scalars(text("SELECT sql FROM sqlite_master WHERE tbl_name != 'alembic_version'"))
            )
        )
    for sql in filter(None, tables):
        named = sql.replace("PRIMARY KEY AUTOINCREMENT", "")  # SQLite has no name for that one
        assert named.count("PRIMARY KEY") == sql.count("CONSTRAINT pk_"), sql
        assert sql.count("FOREIGN KEY") == sql.count("CONSTRAINT fk_"), sql


async def test_what_was_written_is_there_at_the_next_start(tmp_path):
    with open_state(tmp_path / "new" / "folder") as db:
        await db.run(lambda connection: upsert(connection, SpaceRow, [{"id": "or-1", "document": "{}"}]))
    with open_state(tmp_path / "new" / "folder") as db:
        assert await db.run(lambda connection: connection.scalar(select(table_of(SpaceRow).c.id))) == "or-1"


def test_the_state_database_survives_a_power_cut_and_a_reader(tmp_path):
    with open_state(tmp_path) as db:
        assert db.run_now(lambda connection: connection.scalar(text("PRAGMA synchronous"))) == 2  # FULL
        assert db.run_now(lambda connection: connection.scalar(text("PRAGMA journal_mode"))) == "wal"


def test_a_second_agent_on_the_folder_is_told_who_holds_it(tmp_path):
    with open_state(tmp_path), pytest.raises(StateInUse) as refusal, open_state(tmp_path):
        pass
    assert f"process {os.getpid()}" in str(refusal.value)
    assert f"kill {os.getpid()}" in str(refusal.value)
    with open_state(tmp_path):  # and the folder is free again afterwards
        pass


def _hold(directory: Path, ready, done) -> None:
    with open_state(directory):
        ready.set()
        done.wait(20)


def test_a_killed_agent_leaves_no_lock_behind(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    ready, done = spawn.Event(), spawn.Event()
    other = spawn.Process(target=_hold, args=(tmp_path, ready, done))
    other.start()
    try:
        assert ready.wait(20)
        with pytest.raises(StateInUse, match=f"process {other.pid}"), open_state(tmp_path):
            pass
    finally:
        other.kill()
        other.join(20)
        other.close()
    with open_state(tmp_path):
        pass


def test_a_lock_without_a_name_in_it_is_still_a_lock(tmp_path):
    lock = os.open(tmp_path / "agent.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        with pytest.raises(StateInUse, match="process unknown"), open_state(tmp_path):
            pass
    finally:
        os.close(lock)


@pytest.mark.parametrize(
    "damage", [b"this is not a database, whatever its name may say" * 100, b"SQLite format 3\0" * 40]
)
def test_a_damaged_file_is_an_error_that_says_what_to_do(tmp_path, damage):
    (tmp_path / "state.db").write_bytes(damage)
    with pytest.raises(DatabaseUnusable, match="Move it aside") as refusal, open_state(tmp_path):
        pass
    assert "state.db.broken" in str(refusal.value)


def test_a_folder_that_cannot_be_made_is_an_error_that_says_what_to_do(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with (
        pytest.raises(DatabaseUnusable, match="state folder that it may write to"),
        open_state(tmp_path / "file" / "x"),
    ):
        pass


def test_a_file_of_a_newer_version_is_left_alone(tmp_path):
    with open_state(tmp_path) as db:
        db.run_now(lambda connection: connection.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    with pytest.raises(DatabaseUnusable, match="another version of this program"), open_state(tmp_path):
        pass


def test_an_upgrade_that_fails_changes_nothing_and_says_so(tmp_path):
    occupied = sqlite3.connect(tmp_path / "state.db")
    occupied.execute("CREATE TABLE devices (id)")  # the fourth table of the first revision cannot be made
    occupied.commit()
    occupied.close()
    with (
        pytest.raises(DatabaseUnusable, match="could not be upgraded: table devices already exists"),
        open_state(tmp_path),
    ):
        pass
    left = sqlite3.connect(tmp_path / "state.db")
    assert [name for (name,) in left.execute("SELECT name FROM sqlite_master")] == ["devices"]
    left.close()


def test_the_way_down_is_there_too(tmp_path):
    with open_state(tmp_path):
        pass
    file = SqliteFile(tmp_path / "state.db", synchronous="FULL")
    config = Config()
    config.set_main_option("script_location", str(database.SCRIPTS))
    with file.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    with file.engine.connect() as connection:
        names = set(connection.scalars(text("SELECT name FROM sqlite_master WHERE type = 'table'")))
    file.close()
    assert names <= {"alembic_version", "sqlite_sequence"}


async def test_a_failing_database_is_one_kind_of_error(tmp_path):
    with open_state(tmp_path) as db:
        with pytest.raises(StateUnavailable, match="no such table"):
            await db.run(lambda connection: connection.execute(text("SELECT * FROM absent")))
        with pytest.raises(StateUnavailable, match="no such table"):
            db.run_now(lambda connection: connection.execute(text("SELECT * FROM absent")))
    with pytest.raises(StateUnavailable, match="shutdown"):
        await db.run(lambda connection: None)


async def test_a_transaction_is_undone_as_a_whole(tmp_path):
    with open_state(tmp_path) as db:

        def half(connection):
            upsert(connection, SpaceRow, [{"id": "a", "document": "{}"}])
            connection.execute(text("INSERT INTO absent VALUES (1)"))

        with pytest.raises(StateUnavailable):
            await db.run(half)
        assert await db.run(lambda connection: connection.scalar(text("SELECT count(*) FROM spaces"))) == 0


async def test_claims_have_one_row_per_slot(tmp_path):
    with open_state(tmp_path) as db:
        assert [column.name for column in table_of(ClaimRow).primary_key] == ["point", "priority"]
        await db.run(lambda connection: upsert(connection, ClaimRow, []))


ALARM = Alarm(
    id="out-of-limits-or-1-temp",
    kind=AlarmKind.OUT_OF_LIMITS,
    severity=Severity.CRIT,
    about="or-1/temp",
    where="OR 1",
    text="Too warm",
    value="25.1 °C",
    limit="max 24.0",
    since=datetime(2026, 1, 1, 12, tzinfo=UTC),
)


async def test_the_alarm_book_survives_a_restart(tmp_path):
    later = datetime(2026, 1, 1, 13, tzinfo=UTC)
    acknowledged = Alarm(
        id="offline-vav-3",
        kind=AlarmKind.OFFLINE,
        severity=Severity.LOW,
        about="vav-3",
        where="",
        text="VAV 3 does not answer",
        since=later,
        ended=later,
        acknowledged=later,
        acknowledged_by="user:mchen",
    )
    with open_state(tmp_path) as db:
        await save_alarms(db, [acknowledged, ALARM])
    with open_state(tmp_path) as db:
        assert await load_alarms(db) == [ALARM, acknowledged]
        await forget_alarms(db, [acknowledged.id])
        assert await load_alarms(db) == [ALARM]
