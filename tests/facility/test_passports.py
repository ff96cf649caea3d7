"""What was learned of devices: kept on disk, overruled by the site, and never lost by a failing disk."""

import asyncio
import contextlib
import sqlite3
from datetime import UTC, datetime

import pytest
from alembic import command
from alembic.config import Config as AlembicConfig
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from manual_clock import ManualClock
from sqlalchemy import text

from facility import database
from facility.config.model import Config
from facility.database import open_state
from facility.passport_rows import load_passports, save_passports
from facility.passports import SAVE_EVERY_S, PassportKeeper
from facility.settings import overrule
from points.model import DeviceRef
from points.passport import NetworkPassport, Oddity, Passport
from points.sqlite import SqliteFile

NEAR = DeviceRef(network=0, address="10.1.2.3:47808", instance=7)
FAR = DeviceRef(network=11, address="12", instance=7)
LEARNED = Passport(
    reads_multiple=False,
    rpm_limit=24,
    latency=0.12,
    charset="latin-1",
    oddities=frozenset({Oddity.REJECTS_RPM, Oddity.RESTARTS}),
    learned=datetime(2026, 1, 2, 3, 4, 5, 600, tzinfo=UTC),
)


def silent(_device):
    return {}


@pytest.fixture
def db(tmp_path):
    with open_state(tmp_path) as db:
        yield db


@pytest.fixture
async def keeper(db):
    return await PassportKeeper.open(db, silent, ManualClock())


SMALL = st.integers(0, 2**31 - 1)


@given(
    passport=st.builds(
        Passport,
        rpm_limit=st.none() | SMALL,
        max_apdu=st.none() | SMALL,
        cov_slots=st.none() | SMALL,
        outstanding=st.none() | SMALL,
        latency=st.none() | st.floats(0, 100),
        timeout=st.none() | st.floats(0, 100),
        retries=st.none() | SMALL,
        learned=st.none() | st.datetimes(timezones=st.just(UTC)),
    ),
    address=st.text(st.characters(codec="utf-8"), min_size=1, max_size=20),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
async def test_every_field_comes_back_as_it_was_learned(db, passport, address):
    where = DeviceRef(network=2001, address=address, instance=4)
    network = NetworkPassport(outstanding=passport.outstanding, router=address, learned=passport.learned)
    await save_passports(db, {where: passport}, {2001: network})
    devices, networks = await load_passports(db)
    assert devices[where] == passport
    assert networks[2001] == network


async def test_the_same_instance_on_two_networks_has_two_passports(db):
    await save_passports(db, {NEAR: LEARNED, FAR: Passport(rpm_limit=3)}, {})
    devices, _ = await load_passports(db)
    assert (devices[NEAR].rpm_limit, devices[FAR].rpm_limit) == (24, 3)


async def test_a_passport_that_cannot_be_read_is_learned_again_and_hides_no_other(db):
    await save_passports(db, {NEAR: LEARNED, FAR: LEARNED}, {11: NetworkPassport(outstanding=2)})
    await db.run(lambda connection: connection.execute(text("UPDATE passports SET document = '{' WHERE network = 0")))
    assert await load_passports(db) == ({FAR: LEARNED}, {11: NetworkPassport(outstanding=2)})


async def test_what_was_learned_is_known_at_the_next_start_with_the_time_it_was_learned(db, keeper):
    keeper.passports.learn(NEAR, rpm_limit=24)
    keeper.passports.learn_network(11, outstanding=2, router="10.1.2.1")
    assert await keeper.save()
    clock = ManualClock()
    again = (await PassportKeeper.open(db, silent, clock)).passports
    assert again.of(NEAR) == Passport(rpm_limit=24, learned=clock.now())
    assert again.network(11).router == "10.1.2.1"


async def test_what_the_site_says_wins_and_is_not_taken_for_learned(db):
    keeper = await PassportKeeper.open(db, lambda device: {"rpm_limit": 5} if device == NEAR else {}, ManualClock())
    keeper.passports.learn(NEAR, rpm_limit=24, segments=False)
    await keeper.save()
    assert (keeper.passports.of(NEAR).rpm_limit, keeper.passports.of(NEAR).segments) == (5, False)
    assert (await load_passports(db))[0][NEAR].rpm_limit == 24


async def test_a_failing_disk_loses_nothing_that_was_learned_meanwhile(db, keeper):
    await db.run(lambda connection: connection.execute(text("ALTER TABLE passports RENAME TO away")))
    keeper.passports.learn(NEAR, rpm_limit=24)
    keeper.passports.learn(FAR, rpm_limit=3)
    assert not await keeper.save()
    keeper.passports.learn(FAR, rpm_limit=2)
    assert not await keeper.save()
    await db.run(lambda connection: connection.execute(text("ALTER TABLE away RENAME TO passports")))
    assert await keeper.save()
    devices, _ = await load_passports(db)
    assert (devices[NEAR].rpm_limit, devices[FAR].rpm_limit) == (24, 2)


async def test_it_is_stored_once_in_a_while_and_at_the_end(db):
    clock = ManualClock()
    keeper = await PassportKeeper.open(db, silent, clock)
    running = asyncio.create_task(keeper.run())
    await asyncio.sleep(0)
    keeper.passports.learn(NEAR, rpm_limit=24)
    clock.advance(seconds=SAVE_EVERY_S)
    while NEAR not in (await load_passports(db))[0]:
        await asyncio.sleep(0.01)
    keeper.passports.learn(FAR, rpm_limit=3)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    assert (await load_passports(db))[0].keys() == {NEAR, FAR}


def test_a_database_of_the_first_version_is_copied_and_upgraded_with_what_it_holds(tmp_path):
    file = SqliteFile(tmp_path / "state.db", synchronous="FULL")
    config = AlembicConfig()
    config.set_main_option("script_location", str(database.SCRIPTS))
    with file.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(text("INSERT INTO spaces VALUES ('or-1', '{}')"))
    file.close()
    with open_state(tmp_path) as db:
        assert db.run_now(lambda connection: connection.scalar(text("SELECT id FROM spaces"))) == "or-1"
        assert db.run_now(lambda connection: connection.scalar(text("SELECT count(*) FROM passports"))) == 0
    (copy,) = tmp_path.glob("state.before-*.db")
    before = sqlite3.connect(copy)
    assert before.execute("SELECT id FROM spaces").fetchall() == [("or-1",)]
    assert before.execute("SELECT version_num FROM alembic_version").fetchall() == [("0001",)]
    before.close()


def test_an_entry_that_names_the_network_wins_over_one_for_the_instance():
    entries = [
        {"instance": 7, "rpm_limit": 9, "timeout_s": 8.0},
        {"instance": 7, "network": 11, "rpm_limit": 2, "charset": "latin-1"},
    ]
    of = overrule(Config(bacnet={"passport": entries}))
    assert of(NEAR) == {"rpm_limit": 9, "timeout": 8.0}
    assert of(FAR) == {"rpm_limit": 2, "timeout": 8.0, "charset": "latin-1"}
    assert of(DeviceRef(network=0, address="1", instance=8)) == {}
