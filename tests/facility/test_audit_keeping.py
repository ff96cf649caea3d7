"""Keys, anchors, and what is on record besides commands."""

import asyncio
import json
import sqlite3
from dataclasses import replace
from datetime import timedelta

import pytest
from alembic import command
from alembic.config import Config as Migrations
from desk_bench import OVERRIDE, SETPOINT, Bench
from manual_clock import ManualClock
from sqlalchemy import create_engine, text
from tampering import NOON, Fatigue, Folder, Ticking

from facility.audit import Audit, AuditUnavailable, proof
from facility.audit.anchoring import Anchoring
from facility.audit.checking import Checking
from facility.audit.configuration import note_configuration
from facility.audit.doors import Refusals, visit
from facility.audit.jumps import Jumps
from facility.audit.keys import KeyUnusable, open_key, public_file, public_in
from facility.audit.ledger import append
from facility.audit.origin import origin_of
from facility.audit.signers import TARGET, note_key
from facility.config.difference import differences
from facility.config.model import Config
from facility.database import SCRIPTS, open_state
from facility.users import Caller, User
from points.events import Events
from points.model import Event, EventKind, Safety

LATER = NOON + timedelta(hours=2)


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / "state")


@pytest.fixture
def db(tmp_path):
    with open_state(tmp_path) as db:
        yield db


def anchoring_of(folder, db, clock, file=None):
    every = timedelta(minutes=5)
    return Anchoring(
        agent="st-mary/main", db=db, key=folder.key, file=file or folder.anchor_file, every=every, clock=clock
    )


# keys


def test_a_key_is_made_once_and_only_its_owner_can_read_it(tmp_path):
    path = tmp_path / "keys" / "audit.key"
    first = open_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert open_key(path).public == first.public == public_in(public_file(path))


def test_a_key_that_others_can_read_is_refused_with_what_to_do(tmp_path):
    path = tmp_path / "audit.key"
    open_key(path)
    path.chmod(0o640)
    with pytest.raises(KeyUnusable, match=f"chmod 600 {path}"):
        open_key(path)


@pytest.mark.parametrize("content", ["", "no key", "00" * 31])
def test_a_damaged_key_is_refused_and_not_replaced(tmp_path, content):
    path = tmp_path / "audit.key"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(KeyUnusable, match="damaged"):
        open_key(path)
    assert path.read_text() == content


def test_a_key_where_none_can_be_is_refused_with_what_to_do(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(KeyUnusable, match=r"set audit\.key_file to another place"):
        open_key(tmp_path / "file" / "audit.key")
    with pytest.raises(KeyUnusable, match="holds no public key"):
        public_in(tmp_path / "file")


# anchors


async def test_the_head_is_anchored_when_it_has_moved_and_only_then(folder):
    with open_state(folder.path) as db:
        clock = ManualClock()
        audit, anchoring = Audit(db, clock), anchoring_of(folder, db, clock)
        assert await anchoring.anchor() is None
        assert anchoring.link().text == "not anchored yet"
        await audit.note(by="agent", action="start", target="agent")
        changed = asyncio.create_task(anchoring.changed())
        await asyncio.sleep(0)
        first = await anchoring.anchor()
        await changed
        assert (first.seq, anchoring.latest, await anchoring.anchor()) == (1, first, None)
        clock.advance(minutes=21)
        assert await anchoring.anchor() is None  # it has not moved
        assert (anchoring.link().state, anchoring.link().text) == ("ok", "entry 1 anchored 21 min ago")
        clock.advance(minutes=11)
        assert (anchoring.link().state, anchoring.link().text.split(":")[0]) == ("degraded", "not anchored for 11 min")
    assert json.loads(folder.anchor_file.read_text()) == first.fields


async def test_anchors_are_made_again_and_again(folder):
    with open_state(folder.path) as db:
        clock = ManualClock()
        audit, anchoring = Audit(db, clock), anchoring_of(folder, db, clock)
        running = asyncio.create_task(anchoring.run())
        for seq in (1, 2, 3):
            changed = asyncio.create_task(anchoring.changed())
            await audit.note(by="agent", action="start", target="agent")
            while not changed.done():
                clock.advance(minutes=5)
                await asyncio.sleep(0.001)
            assert anchoring.latest.seq == seq
        running.cancel()
    assert folder.check(folder.anchor_file).anchors == 3


async def test_a_file_that_cannot_be_written_costs_the_file_and_nothing_else(folder, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with open_state(folder.path) as db:
        audit, anchoring = Audit(db, Ticking()), anchoring_of(folder, db, Ticking(), tmp_path / "file" / "anchors")
        await audit.note(by="agent", action="start", target="agent")
        assert (await anchoring.anchor()).seq == 1
        assert (anchoring.link().state, "cannot be written" in anchoring.link().text) == ("degraded", True)
    assert folder.check().anchors == 1


@pytest.mark.parametrize(
    ("attack", "found"),
    [
        ("DELETE FROM audit WHERE seq = 4", True),
        ("UPDATE audit SET hash = 'ff' WHERE seq = 4", True),
        ("UPDATE audit SET reason = '' WHERE seq = 1", False),  # no anchor tells, but its bytes do
    ],
)
async def test_at_the_start_the_database_is_compared_with_the_anchor_file(folder, attack, found):
    await folder.write(2)
    with folder.forced() as connection:
        connection.execute(attack)
    with open_state(folder.path) as db:
        anchoring = anchoring_of(folder, db, Ticking())
        with pytest.raises(Fatigue):
            await anchoring.run()
    said = f"entry 4 was anchored at 2026-03-01 12:00:05Z ({folder.anchor_file})"
    assert anchoring.unlike == (said if found else "")
    assert anchoring.link().state == "down"
    says = "not as it was anchored" if found else "NOT AS WRITTEN: entry 1: was changed"
    assert anchoring.link().text.startswith(says)


async def test_what_mqtt_kept_of_an_audit_that_was_put_back_is_found_out(folder, tmp_path):
    await folder.write(1)
    old = folder.copied_to(tmp_path / "old")  # with its key and its anchor file
    told = (await folder.write(1, start=NOON + timedelta(hours=1))).line.decode()
    with open_state(old.path) as db:
        anchoring = anchoring_of(old, db, Ticking(), old.path / "anchors.jsonl")
        await anchoring.compare([told.replace('"seq":4', '"seq":5')], "MQTT")  # nobody else can say so
        assert anchoring.unlike == ""
        await anchoring.compare([told], "MQTT")
    assert anchoring.link().text == "not as it was anchored: entry 4 was anchored at 2026-03-01 13:00:03Z (MQTT)"


async def started(folder, start=NOON, before=lambda _folder: None):
    """What a start finds unlike what was anchored, and which keys are on record then."""
    before(folder)
    with folder.opened(start) as (audit, anchoring):
        await note_key(audit, audit._db, anchoring.key)
        with pytest.raises(Fatigue):
            await anchoring.run()
        notes = [each for each in await audit.records(TARGET) if each.action == "key"]
    return anchoring.unlike, [note.result for note in reversed(notes)]


def key_removed(folder):
    for name in ("audit.key", "audit.key.pub"):
        (folder.path / name).unlink()


async def test_a_replaced_key_is_on_record_and_what_the_old_one_signed_still_counts(folder):
    first = folder.key.id
    assert (await started(folder))[1] == [f"key {first} signs"]
    unlike, said = await started(folder, LATER)
    assert (unlike, said) == ("", [f"key {first} signs"])  # once
    unlike, said = await started(folder, LATER + timedelta(hours=1), key_removed)
    assert (unlike, said) == ("", [f"key {first} signs", f"key {folder.key.id} signs, in place of {first}"])
    with folder.forced() as connection:
        connection.execute("UPDATE audit SET hash = 'ff' WHERE seq = 1")
    assert (await started(folder, LATER + timedelta(hours=2)))[0].startswith("entry 1 was anchored")


@pytest.mark.parametrize("knows_its_key", [True, False])
async def test_an_old_copy_is_found_out_although_its_key_was_removed_with_it(folder, tmp_path, knows_its_key):
    if knows_its_key:
        await started(folder)
    await folder.write(1)
    old = folder.copied_to(tmp_path / "old")
    folder.anchor_file = old.anchor_file = tmp_path / "anchors.jsonl"  # out of reach
    await folder.write(2, start=LATER)
    unlike, _ = await started(old, LATER + timedelta(hours=1), key_removed)
    assert unlike.startswith("entry ")
    assert ("of which this audit knows nothing" in unlike) == (not knows_its_key)


async def test_a_database_that_fails_costs_an_anchor_and_is_tried_again(folder):
    with open_state(folder.path) as db:
        audit, anchoring = Audit(db, Ticking()), anchoring_of(folder, db, Ticking())
        await audit.note(by="agent", action="start", target="agent")
        await db.run(lambda connection: connection.execute(text("ALTER TABLE audit RENAME TO gone")))
        assert await anchoring.anchor() is None
        await anchoring.compare([folder.anchor_file.read_text()] if folder.anchor_file.exists() else [], "file")
        await db.run(lambda connection: connection.execute(text("ALTER TABLE gone RENAME TO audit")))
        assert (await anchoring.anchor()).seq == 1


# the chain under many hands


async def test_entries_that_are_written_at_once_are_one_chain(folder):
    with open_state(folder.path) as db:
        one, other = Audit(db, Ticking()), Audit(db, Ticking())

        async def hold(audit, number):
            seq = await audit.intent(by="user:a", action="hold", target=f"x/{number}", value=number)
            await audit.result(seq, "held")

        await asyncio.gather(*(hold(audit, number) for number in range(10) for audit in (one, other)))
    found = folder.check()
    assert (found.entries, found.last, found.faults) == (40, 40, [])


async def test_a_result_that_was_owed_is_chained_once_whoever_brings_it(folder):
    with open_state(folder.path) as db:
        audit = Audit(db, Ticking())
        seqs = [await audit.intent(by="user:a", action="hold", target=f"x/{n}") for n in range(3)]
        await db.run(lambda connection: connection.execute(text("ALTER TABLE audit RENAME TO gone")))
        for seq in seqs[:2]:
            with pytest.raises(AuditUnavailable):
                await audit.result(seq, "held")
        await db.run(lambda connection: connection.execute(text("ALTER TABLE gone RENAME TO audit")))
        await asyncio.gather(*(audit.note(by="user:b", action="start", target=f"agent-{n}") for n in range(3)))
        assert await Audit(db, Ticking()).close_interrupted() == 1
    found = folder.check()
    assert (found.entries, found.last, found.faults) == (3 + 2 + 3 + 1, 9, [])


async def test_text_that_is_not_whole_characters_is_recorded_all_the_same(folder):
    with open_state(folder.path) as db:
        audit = Audit(db, Ticking())
        await audit.note(by="user:a", action="ack", target="x", reason="cut \ud83d in half", value="\udc80")
    assert folder.check().faults == []


async def test_an_audit_from_before_the_chain_is_chained_at_the_upgrade(folder):
    folder.path.mkdir()
    migrations = Migrations()
    migrations.set_main_option("script_location", str(SCRIPTS))
    engine = create_engine(f"sqlite:///{folder.database}")
    with engine.begin() as connection:
        migrations.attributes["connection"] = connection
        command.upgrade(migrations, "0004")
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        names = "seq, kind, of, time, by, action, target, value, found, priority, reason, request, result"
        for seq, kind, of in ((1, "note", None), (2, "intent", None), (4, "result", 2), (5, "intent", None)):
            at = f"2026-02-0{seq} 12:00:00.000000"
            row = (seq, kind, of, at, "user:ö", "hold", "x/y", "18.0", None, 8, "é", "", "")
            connection.exec_driver_sql(f"INSERT INTO audit ({names}) VALUES ({', '.join('?' * 13)})", row)
        connection.exec_driver_sql("UPDATE sqlite_sequence SET seq = 7 WHERE name = 'audit'")
    engine.dispose()
    with open_state(folder.path) as db:
        audit = Audit(db, Ticking())
        assert await audit.close_interrupted() == 1
        newest, *_ = await audit.records()
        assert (newest.seq, newest.action, newest.found) == (8, "chain", "[[3, 3], [6, 7]]")
        assert newest.reason == "4 entries from before were chained at the upgrade"
    assert folder.check().faults == []
    connection = sqlite3.connect(folder.database)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute("UPDATE audit SET reason = ''")
    connection.close()
    with folder.forced() as connection:
        connection.execute("DELETE FROM audit WHERE seq = 2")
    assert folder.named() == ["entries 2 to 3 are missing"]


def test_the_audit_can_be_taken_back_to_what_it_was(folder):
    with open_state(folder.path):
        pass
    migrations = Migrations()
    migrations.set_main_option("script_location", str(SCRIPTS))
    engine = create_engine(f"sqlite:///{folder.database}")
    with engine.begin() as connection:
        migrations.attributes["connection"] = connection
        command.downgrade(migrations, "0004")
    engine.dispose()
    with open_state(folder.path):
        pass


# the live check


async def test_those_who_ask_at_once_are_told_by_one_check(folder, monkeypatch):
    await folder.write(3)
    checking = Checking(folder.database, folder.anchor_file, folder.key, Ticking())
    one, other = await asyncio.gather(checking.check(), checking.check())
    assert one is other
    assert (one.entries, one.anchors, one.faults) == (6, 1, [])
    assert await checking.check() is not one


async def test_what_is_appended_while_it_is_checked_is_no_fault(folder, monkeypatch):
    with folder.opened() as (audit, _):
        await audit.note(by="agent", action="start", target="agent")

        class Slow(proof.Chain):
            def take(self, row):
                super().take(row)
                audit._db.run_now(lambda db: append(db, {"kind": "note", "time": NOON, "action": "meanwhile"}))

        monkeypatch.setattr(proof, "Chain", Slow)
        found = folder.check()
        assert (found.entries, found.faults) == (1, [])
    monkeypatch.undo()
    assert folder.check().entries == 2


# what else is on record


async def test_a_screen_that_attaches_and_leaves_is_on_record(db):
    audit = Audit(db, Ticking())
    user = User(name="mchen", role="engineer", origin="socket uid 1000 pid 7")
    async with visit(audit, user):
        (came,) = await audit.records()
        assert (came.by, came.role, came.origin, came.action) == (
            "user:mchen", "engineer", "socket uid 1000 pid 7", "login",
        )  # fmt: skip
    assert [record.action for record in await audit.records()] == ["logout", "login"]


async def test_who_only_looks_may_look_while_nothing_can_be_recorded(db):
    await db.run(lambda connection: connection.execute(text("ALTER TABLE audit RENAME TO gone")))
    audit = Audit(db, Ticking())
    async with visit(audit, User(name="mchen", role="viewer")):
        await Refusals(audit, ManualClock()).note(Caller(uid=7, name="eve"), "commit", "no")


async def test_a_caller_who_is_refused_the_same_is_on_record_once_a_minute(db):
    clock = ManualClock()
    audit, eve = Audit(db, clock), Caller(uid=66, name="eve", origin="socket uid 66 pid 9")
    refusals = Refusals(audit, clock)
    for _ in range(3):
        await refusals.note(eve, "discover", "You may not.")
        await refusals.note(eve, "commit", "You may not.")  # is not hidden behind the other
    await refusals.note(Caller(uid=7, name="bob"), "commit", "You may not.")
    clock.advance(minutes=1)
    await refusals.note(eve, "commit", "You may not.")
    records = await audit.records()
    assert [(each.by, each.action, each.target) for each in records] == [
        ("user:eve", "refused", "commit"), ("user:bob", "refused", "commit"),
        ("user:eve", "refused", "commit"), ("user:eve", "refused", "discover"),
    ]  # fmt: skip
    assert (records[-1].origin, records[-1].result) == ("socket uid 66 pid 9", "You may not.")


async def test_a_step_of_the_clock_is_on_record(db):
    audit, events = Audit(db, Ticking()), Events()
    running = asyncio.create_task(Jumps(audit, events).run())
    await asyncio.sleep(0)
    for about, said in (("bacnet", "other"), ("clock", "The clock of this machine went +3600 s")):
        events.tell(Event(kind=EventKind.SYSTEM, time=NOON, about=about, text=said))
    while not (records := await audit.records()):
        await asyncio.sleep(0)
    assert [(each.action, each.target, each.result) for each in records] == [
        ("time-jump", "clock", "The clock of this machine went +3600 s")
    ]
    running.cancel()


async def test_what_is_configured_otherwise_is_on_record_and_no_secret_is(db):
    audit = Audit(db, Ticking())
    before = {"site": {"id": "a"}, "mqtt": {"host": "127.0.0.1", "password": "Geheim-1"}}
    after = {"site": {"id": "a"}, "mqtt": {"host": "10.0.0.9", "password": "Geheim-2"}, "agent": {"pretend": True}}
    assert await note_configuration(audit, db, Config(**before)) == 0
    assert await note_configuration(audit, db, Config(**before)) == 0
    assert await note_configuration(audit, db, Config(**after)) == 2
    assert await note_configuration(audit, db, Config(**after)) == 0
    assert [(each.action, each.target, each.found, each.value) for each in await audit.records()] == [
        ("configure", "mqtt.host", '"127.0.0.1"', '"10.0.0.9"'),
        ("configure", "agent.pretend", "false", "true"),
        ("configure", "configuration", "", ""),
    ]
    everything = db.path.read_bytes() + db.path.with_name("state.db-wal").read_bytes()
    assert b"Geheim" not in everything


async def test_a_changed_number_of_the_site_s_own_profile_is_on_record(db, tmp_path):
    audit, own = Audit(db, Ticking()), tmp_path / "own.toml"
    own.write_text("[operating_room.limits]\nhumidity = { low = 25 }\n")
    assert await note_configuration(audit, db, Config()) == 0
    assert await note_configuration(audit, db, Config(profiles=own)) == 2  # the file, and all of it
    assert await note_configuration(audit, db, Config(profiles=own)) == 0
    own.write_text("[operating_room.limits]\nhumidity = { low = 30, verified_by = 'Ann' }\n")
    assert await note_configuration(audit, db, Config(profiles=own)) == 2
    assert await note_configuration(audit, db, Config()) == 2
    assert [(each.target, each.found, each.value) for each in reversed(await audit.records())][1:] == [
        ("profiles", "", json.dumps(str(own))),
        ("profiles.operating_room", "", json.dumps('{"limits": {"humidity": {"low": 25}}}')),
        ("profiles.operating_room.limits.humidity.low", "25", "30"),
        ("profiles.operating_room.limits.humidity.verified_by", "", '"Ann"'),
        ("profiles", json.dumps(str(own)), ""),
        ("profiles.operating_room", json.dumps('{"limits": {"humidity": {"low": 30, "verified_by": "Ann"}}}'), ""),
    ]


async def test_a_configuration_that_is_quite_another_is_told_in_part(db, monkeypatch):
    monkeypatch.setattr("facility.audit.configuration.MOST", 2)
    audit = Audit(db, Ticking())
    await note_configuration(audit, db, Config())
    users = {f"user-{number}": "viewer" for number in range(4)}
    assert await note_configuration(audit, db, Config(users=users, site={"name": "x" * 3000})) == 5
    newest, *others = await audit.records()
    assert newest.result == "3 more keys have changed"
    assert max(len(record.value) for record in others) < 2100


def test_differences_name_keys_entries_and_orders():
    old = {"a": 1, "b": {"c": True}, "list": [1], "policies": [{"name": "x", "k": 1}, {"name": "y"}], "gone": {"d": 1}}
    after = [{"name": "y"}, {"name": "x", "k": 2}, {"name": "z"}]
    new = {"a": 1.0, "b": {"c": True}, "list": [1, 2], "policies": after}
    assert [(each.key, each.old, each.new) for each in differences(old, new)] == [
        ("a", 1, 1.0),
        ("gone", {"d": 1}, None),
        ("list", [1], [1, 2]),
        ("policies[x].k", 1, 2),
        ("policies[z]", None, {"name": "z"}),
    ]
    moved = differences({"p": [{"name": "x"}, {"name": "y"}]}, {"p": [{"name": "y"}, {"name": "x"}]})
    assert [(each.key, each.old, each.new) for each in moved] == [("p (order)", ["x", "y"], ["y", "x"])]
    unnamed = differences({"p": [{"k": 1}, {"k": 1}]}, {"p": [{"k": 1}, {"k": 2}]})
    assert [(each.key, each.old, each.new) for each in unnamed] == [("p[2].k", 1, 2)]
    assert differences(old, old) == []


def test_an_origin_names_uid_process_and_terminal(tmp_path):
    assert origin_of(999_999_999, 1000) == "socket uid 1000 pid 999999999"
    assert origin_of(1, 0).startswith("socket uid 0 pid 1")


async def test_a_command_is_on_record_with_role_origin_rule_and_who_agreed(tmp_path):
    bench = await Bench(tmp_path, (replace(SETPOINT, safety=Safety.CRITICAL),)).start()
    await bench.leases.reconcile()
    wish = replace(OVERRIDE, role="engineer", origin="socket uid 1000 pid 7 pts/3", seconded_by="user:rdiaz")
    await bench.desk.submit(wish)
    await bench.desk.submit(replace(wish, value=1e9))
    refused, held = await bench.audit.records()
    assert (held.role, held.origin, held.request) == ("engineer", "socket uid 1000 pid 7 pts/3", str(wish.id))
    assert held.rule == "critical; seconded by user:rdiaz"
    assert (refused.role, refused.rule) == ("engineer", "limits")
    bench.close()
