from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from facility.audit import INTERRUPTED, Audit, AuditUnavailable
from facility.audit.chain import BEGINNING
from facility.database import StateUnavailable, open_state

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Now:
    def __init__(self):
        self.time = NOON

    def now(self):
        self.time += timedelta(seconds=1)
        return self.time


@pytest.fixture
def db(tmp_path):
    with open_state(tmp_path) as db:
        yield db


@pytest.fixture
def audit(db):
    return Audit(db, Now())


async def test_an_intent_and_its_result_are_read_as_one_record(audit):
    seq = await audit.intent(
        by="user:mchen",
        action="hold",
        target="ahu-1/sp",
        value=18.0,
        found=20.0,
        priority=8,
        reason="too warm",
        request="c-1",
        role="operator",
        origin="socket uid 1000",
        rule="comfort",
    )
    (open_one,) = await audit.records()
    assert (open_one.seq, open_one.result) == (seq, "")
    await audit.result(seq, "held")
    (record,) = await audit.records()
    assert record.model_dump() == {
        "seq": seq,
        "time": NOON + timedelta(seconds=1),
        "by": "user:mchen",
        "action": "hold",
        "target": "ahu-1/sp",
        "value": "18.0",
        "priority": 8,
        "reason": "too warm",
        "found": "20.0",
        "request": "c-1",
        "role": "operator",
        "origin": "socket uid 1000",
        "rule": "comfort",
        "previous": BEGINNING,
        "hash": record.hash,
        "result": "held",
    }


async def test_records_are_newest_first_limited_and_of_one_target(audit):
    for number in range(5):
        await audit.note(by="user:a", action="acknowledge", target=f"alarm-{number % 2}", result=f"{number}")
    assert [record.result for record in await audit.records()] == ["4", "3", "2", "1", "0"]
    assert [record.result for record in await audit.records(limit=2)] == ["4", "3"]
    assert [record.result for record in await audit.records("alarm-1")] == ["3", "1"]


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE audit SET reason = 'nothing happened'",
        "DELETE FROM audit",
        "INSERT OR REPLACE INTO audit SELECT * FROM audit",
        "REPLACE INTO audit (seq, kind, time, by, action, target, reason, request, result) VALUES (1,0,0,0,0,0,0,0,0)",
    ],
)
async def test_nothing_that_was_recorded_can_be_changed(db, audit, tampering):
    await audit.note(by="user:a", action="start", target="agent")
    before = await audit.records()
    with pytest.raises(StateUnavailable, match="the audit is append-only"):
        await db.run(lambda connection: connection.execute(text(tampering)))
    assert await audit.records() == before


async def test_an_intent_ends_once(audit):
    seq = await audit.intent(by="user:a", action="hold", target="x/y")
    await audit.result(seq, "held")
    with pytest.raises(AuditUnavailable, match="UNIQUE"):
        await audit.result(seq, "failed")


async def test_no_record_no_command_and_it_heals(db, audit):
    seq = await audit.intent(by="user:a", action="hold", target="x/y", value=True)
    await db.run(lambda connection: connection.execute(text("ALTER TABLE audit RENAME TO gone")))
    with pytest.raises(AuditUnavailable, match="No command is carried out while it cannot be recorded"):
        await audit.intent(by="user:a", action="hold", target="x/y")
    assert not audit.healthy
    with pytest.raises(AuditUnavailable):
        await audit.result(seq, "held")
    with pytest.raises(AuditUnavailable):
        await audit.note(by="user:a", action="stop", target="agent")
    await db.run(lambda connection: connection.execute(text("ALTER TABLE gone RENAME TO audit")))
    await audit.note(by="user:b", action="start", target="agent")
    assert audit.healthy
    assert [(record.action, record.result) for record in await audit.records()] == [("start", ""), ("hold", "held")]


async def test_intents_of_an_agent_that_was_killed_get_a_result_that_says_so(db, audit):
    done = await audit.intent(by="user:a", action="hold", target="x/y")
    await audit.result(done, "held")
    await audit.note(by="user:a", action="start", target="agent")
    await audit.intent(by="user:a", action="hold", target="x/z")
    after = Audit(db, Now())
    assert await after.close_interrupted() == 1
    assert await after.close_interrupted() == 0
    assert [record.result for record in await after.records()] == [INTERRUPTED, "", "held"]


async def test_what_is_written_is_on_disk_when_the_call_returns(tmp_path):
    with open_state(tmp_path) as db:
        audit = Audit(db, Now())
        seq = await audit.intent(by="user:a", action="hold", target="x/y", value=1)
        other = db.run_now(lambda connection: connection.scalar(text("SELECT max(seq) FROM audit")))
        assert other == seq
