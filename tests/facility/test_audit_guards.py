"""What is missing beside the entries: triggers, tables, the anchor file. And that what was found stays told."""

import sqlite3

import pytest
from tampering import NOON, Fatigue, Folder, Ticking
from test_audit_keeping import anchoring_of

from facility.audit import Audit
from facility.audit.checking import Checking
from facility.audit.proof import Evidence, check
from facility.audit.triggers import restored, wrong_in
from facility.database import StateUnavailable, open_state

DROPPED = "DROP TRIGGER audit_no_delete"
CHANGED = "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT 1; END"
STRANGE = "CREATE TRIGGER helpful BEFORE INSERT ON audit WHEN NEW.by = 'user:eve' BEGIN SELECT RAISE(IGNORE); END"
EDIT = "UPDATE audit SET reason = 'nothing' WHERE seq = 1"


@pytest.fixture
async def folder(tmp_path):
    folder = Folder(tmp_path / "state")
    await folder.write(2)
    return folder


def changed(folder, *statements):
    with sqlite3.connect(folder.database) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


async def started(folder):
    """As the agent's start goes, to its first anchor: its anchoring, and the audit's latest records."""
    with open_state(folder.path) as db:
        audit, anchoring = Audit(db, Ticking()), anchoring_of(folder, db, Ticking())
        anchoring.restored = "; ".join(await restored(audit, db))
        with pytest.raises(Fatigue):
            await anchoring.run()
        return anchoring, await audit.records()


@pytest.mark.parametrize(
    ("statements", "says"),
    [
        ([DROPPED], "the trigger audit_no_delete is missing"),
        ([DROPPED, CHANGED], "the trigger audit_no_delete is not as it was made"),
        ([STRANGE], "the trigger helpful is none of ours"),
    ],
)
async def test_a_trigger_that_is_not_as_it_was_is_named_restored_and_put_on_record(folder, statements, says):
    assert folder.named() == []
    changed(folder, *statements)
    assert folder.named() == [says]
    anchoring, records = await started(folder)
    assert (anchoring.link().state, says in anchoring.link().text) == ("down", True)
    assert (records[0].action, records[0].result) == ("trigger", f"{says}: restored")
    assert folder.named() == []
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        changed(folder, "DELETE FROM audit")


async def test_where_nothing_is_wrong_the_start_says_nothing(folder):
    anchoring, records = await started(folder)
    assert anchoring.link().state == "ok"
    assert not [record for record in records if record.action == "trigger"]


async def test_a_missing_table_of_anchors_is_named_and_the_chain_is_held_against_the_file(folder):
    changed(folder, "DROP TABLE audit_anchors")
    assert folder.named(folder.anchor_file) == ["the table audit_anchors is missing"]
    assert folder.check(folder.anchor_file).anchors == 1
    with folder.forced() as connection:
        connection.execute("DELETE FROM audit WHERE seq = 4")
        connection.execute("UPDATE sqlite_sequence SET seq = 3 WHERE name = 'audit'")
    assert any("ends at 3, but entry 4 was anchored" in text for text in folder.named(folder.anchor_file))
    await started(folder)
    with sqlite3.connect(folder.database) as connection:
        assert connection.execute("SELECT count(*) FROM audit_anchors").fetchone() == (1,)


async def test_a_missing_audit_is_named(folder):
    changed(folder, "DROP TABLE audit")
    assert folder.named(folder.anchor_file)[0] == "the table audit is missing"


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "is gone or holds no anchor"), ("garbage", "is gone or holds no anchor"), ("one line", "lacks 1 of the 2")],
)
async def test_an_anchor_file_that_lacks_what_the_database_has_is_remarked(folder, content, says):
    await folder.write(1)
    evidence = Evidence(own=folder.anchor_file, keys={folder.key.id: folder.key.public})
    assert check(folder.database, evidence, NOON).remarks == []
    if content is None:
        folder.anchor_file.unlink()
    else:
        kept = folder.anchor_file.read_text().splitlines()[0]
        folder.anchor_file.write_text(kept if content == "one line" else content)
    found = check(folder.database, evidence, NOON)
    assert (found.faults, len(found.remarks)) == ([], 1)
    assert says in found.remarks[0]
    assert says in found.says


async def test_what_a_check_found_is_told_until_a_later_one_is_clean(folder):
    await folder.write(1)
    with open_state(folder.path) as db:
        anchoring = anchoring_of(folder, db, Ticking())
        checking = Checking(folder.database, folder.anchor_file, folder.key, Ticking(), anchoring.checked)
        reason = "SELECT reason FROM audit WHERE seq = 1"
        was = await db.run(lambda connection: connection.exec_driver_sql(reason).scalar())
        changed(folder, "DROP TRIGGER audit_no_update", EDIT)
        assert len((await checking.check()).faults) == 2
        assert anchoring.link().state == "down"
        assert anchoring.link().text.startswith("NOT AS WRITTEN: the trigger audit_no_update is missing (and 1 more)")
        changed(folder, f"UPDATE audit SET reason = '{was}' WHERE seq = 1")
        await restored(Audit(db, Ticking()), db)
        anchoring.restored = "the trigger audit_no_update is missing"
        assert (await checking.check()).faults == []
        assert anchoring.link().state == "ok"


async def test_the_start_checks_the_latest_entries_alone(folder, monkeypatch):
    monkeypatch.setattr("facility.audit.anchoring.LATEST", 3)
    with folder.forced() as connection:
        connection.execute(EDIT)
    anchoring, _ = await started(folder)
    assert anchoring.link().state == "ok"  # it is not among them
    with folder.forced() as connection:
        connection.execute("UPDATE audit SET reason = 'nothing' WHERE seq = 3")
    anchoring, _ = await started(folder)
    assert anchoring.link().text.startswith("NOT AS WRITTEN: entry 3: was changed")


async def test_an_agent_whose_file_cannot_be_checked_runs_all_the_same(folder, monkeypatch):
    def cannot(*_args, **_more):
        raise StateUnavailable("no")

    monkeypatch.setattr("facility.audit.anchoring.check", cannot)
    anchoring, _ = await started(folder)
    assert anchoring.link().state == "ok"


def test_the_migrations_make_what_the_check_wants(tmp_path):
    with open_state(tmp_path) as db:
        assert db.run_now(wrong_in) == []
