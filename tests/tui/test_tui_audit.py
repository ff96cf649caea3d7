"""The screen of the audit: what is listed, one record in full, and the check."""

from __future__ import annotations

import pytest
from fake_facility import SETPOINT, FakeFacility, ago
from watching import LARGE, SMALL, assert_snapshot, watching

from facility.port import FacilityError
from facility.wire import AuditFault, Record

SIZES = pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "140x40"])


def record(seq, seconds, by, action, target, **more):
    said = {"value": "", "priority": None, "reason": "", "result": "", "hash": f"{seq:064x}", "previous": "ab" * 32}
    return Record(seq=seq, time=ago(seconds), by=by, action=action, target=target, **{**said, **more})


def records():
    return [
        record(118204, 87, "user:tobrien", "acknowledge", "a2", role="operator", origin="socket uid 1004 pid 811 pts/3",
               reason="called imaging"),
        record(118190, 2405, "policy:night", "hold", "vav-or3/flow-sp", found="0.42", value="1.12", priority=14,
               result="held 1.12 in slot 14", reason="OR setback abort"),
        record(118161, 4537, "user:rdiaz", "hold", "ef-9/start-stop", found='"on"', value='"off"', priority=8,
               role="operator", result="refused (critical-airway): AII-407 needs its exhaust", reason="noise complaint",
               rule="critical-airway"),
        record(118154, 4916, "user:mchen", "hold", SETPOINT, found="14.5", value="18.0", priority=8, role="engineer",
               origin="socket uid 1001 pid 4711 pts/1", result="held 18.0 in slot 8", reason="CHW valve test"),
        record(117902, 25_000, "user:mchen", "login", "agent", role="engineer", origin="socket uid 1001"),
        record(117610, 200_000, "agent", "configure", "mqtt.host", found='"127.0.0.1"', value='"10.0.0.9"'),
    ]  # fmt: skip


@pytest.fixture
def facility():
    facility = FakeFacility(role="engineer")
    facility.records = records()
    return facility


@SIZES
async def test_g_a_lists_what_was_done_newest_first_with_one_record_in_full(facility, size):
    async with watching(facility, size=size) as watch:
        await watch.press("g")
        assert "g a Audit" in watch.text
        await watch.press("a")
        await watch.until_seen("118204", "tobrien", "login", "newest 6", "called imaging")
        await watch.press("down", "down", "down")
        await watch.until_seen(
            "118154 mchen hold", "socket uid 1001 pid 4711 pts/1", "slot 8: 14.5 → 18.0", "CHW valve test"
        )
        assert f"{118154:064x}"[:16] in watch.text
        assert_snapshot(f"audit-{size[0]}x{size[1]}", watch.text)
        await watch.press("enter")
        assert watch.app.place.point == SETPOINT


async def test_from_a_point_it_is_of_that_point_and_once_more_of_everything(facility):
    async with watching(facility) as watch:
        await watch.press("g", "5")
        assert watch.app.place.id == "alarms"  # another key after g is an ordinary one
        await watch.press("colon", "g", "a", "escape")
        assert watch.app.place.id == "alarms"  # where one types, g is a letter
        await watch.press("g", "a")
        await watch.until_seen("newest 6")
        await watch.press("enter")
        assert watch.app.place.subject == "a2"
        await watch.press("g", "a", "down", "down", "down", "enter", "g", "a")
        await watch.until_seen("newest 1", SETPOINT, "mchen")
        assert "tobrien" not in watch.text
        await watch.press("g", "a")
        await watch.until_seen("everything", "newest 6")
        await watch.press("escape")
        assert watch.app.place.subject == SETPOINT


async def test_news_come_in_by_themselves_and_a_check_says_whether_the_chain_is_whole(facility):
    async def no(*_args, **_kwargs):
        raise FacilityError("busy", "The audit is long and is still being checked.")

    async with watching(facility, size=LARGE) as watch:
        await watch.press("g", "a", "V")
        await watch.until_seen("02:14 chain whole: 18,204 entries, 288 anchors")
        faults = [AuditFault(seq=118, text="entry 118 is missing"), AuditFault(seq=120, text="entry 120 is missing")]
        facility.check = facility.check.model_copy(update={"faults": faults})
        facility.audit_check, whole = no, facility.audit_check
        await watch.press("V")
        await watch.until_seen("still being checked")
        facility.audit_check = whole
        await watch.press("V", "down")
        await watch.until_seen("NOT AS WRITTEN: entry 118 is missing (and 1 more)")
        facility.records = [record(118300, 0, "user:newcomer", "hold", "x/y"), *records()]
        watch.clock.pass_time(6)
        await watch.until_seen("newcomer", "newest 7")
        assert watch.app.place.chosen.seq == 118190  # the cursor stays on its record
        facility.audit = no
        watch.clock.pass_time(6)
        await watch.until_seen(" The audit is long and is still being checked.")
