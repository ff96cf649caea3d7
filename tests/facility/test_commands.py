import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from desk_bench import ELSEWHERE, FAN, OVERRIDE, RELEASE, SETPOINT, Bench
from manual_clock import NOON
from sqlalchemy import text

from facility.commands import StalePlan
from facility.guard import Limits
from facility.model import Failed, Held, Mismatch, Outranked, Rejected
from points.catalog import Catalog
from points.errors import DeviceRefused, DeviceSilent, ProtocolError
from points.model import PointId, Priority, Safety, Source

KEY = (SETPOINT.id, Priority.OPERATOR)


@pytest.fixture
async def bench(tmp_path):
    bench = Bench(tmp_path)
    yield await bench.start()
    bench.close()


async def break_table(bench, table):
    await bench.db.run(lambda connection: connection.execute(text(f"ALTER TABLE {table} RENAME TO gone")))


async def mend_table(bench, table):
    await bench.db.run(lambda connection: connection.execute(text(f"ALTER TABLE gone RENAME TO {table}")))


async def test_an_override_is_written_read_back_claimed_and_recorded(bench):
    outcome = await bench.desk.submit(OVERRIDE)
    assert isinstance(outcome, Held)
    assert bench.slot() == 18.0
    assert outcome.slots[8] == 18.0
    assert (outcome.readback.value, outcome.readback.source) == (18.0, Source.READBACK)
    assert bench.store.get(SETPOINT.id) == outcome.readback
    (claim,) = bench.claims.standing()
    assert (claim.value, claim.by, claim.until, claim.confirmed) == (
        18.0,
        "user:mchen",
        NOON + timedelta(hours=2),
        True,
    )
    (record,) = await bench.audit.records()
    assert (record.by, record.action, record.target, record.value) == ("user:mchen", "hold", "ahu-1/sp", "18.0")
    assert (record.priority, record.reason, record.result) == (8, "too warm", "held 18.0 in slot 8")
    assert bench.told == ["user:mchen: held 18.0 in slot 8"]


async def test_values_reach_the_device_in_the_point_s_own_type(bench):
    await bench.desk.submit(replace(OVERRIDE, value=18, priority=8))
    await bench.desk.submit(replace(OVERRIDE, point=FAN.id, value="on"))
    assert [(type(value), value) for value, _ in bench.device.writes] == [(float, 18.0), (bool, True)]


async def test_a_refusal_writes_nothing_and_is_recorded(bench):
    outcome = await bench.desk.submit(replace(OVERRIDE, value=180.0))
    assert isinstance(outcome, Rejected)
    assert outcome.rule == "limits"
    assert bench.device.writes == []
    assert bench.claims.standing() == []
    (record,) = await bench.audit.records()
    assert record.result.startswith("refused (limits): 180 is above the highest allowed, 100.")


async def test_an_unknown_point_is_refused_with_near_names(bench):
    outcome = await bench.desk.submit(replace(OVERRIDE, point=PointId("ahu-1/spp")))
    assert (outcome.rule, "Did you mean ahu-1/sp" in outcome.why) == ("unknown-point", True)


async def test_a_stronger_level_is_reported_never_outbid(bench):
    bench.device.put(SETPOINT, 25.0, priority=5)
    outcome = await bench.desk.submit(OVERRIDE)
    assert isinstance(outcome, Outranked)
    assert outcome.by_slot == 5
    assert bench.device.writes == [(18.0, 8)]
    assert bench.claims[KEY].confirmed
    assert "slot 5 wins" in (await bench.results())[0]


async def test_a_newer_command_takes_the_place_of_the_older(bench):
    await bench.desk.submit(OVERRIDE)
    await bench.desk.submit(replace(OVERRIDE, value=22.0, by="user:rdiaz"))
    (claim,) = bench.claims.standing()
    assert (claim.value, claim.by, claim.unproven, bench.slot()) == (22.0, "user:rdiaz", (), 22.0)


async def test_a_foreign_value_is_not_overwritten(bench):
    bench.device.put(SETPOINT, 25.0)
    outcome = await bench.desk.submit(OVERRIDE)
    assert isinstance(outcome, Rejected)
    assert outcome.rule == "foreign-value"
    assert "holds 25.0, which is not ours" in outcome.why
    assert (bench.slot(), bench.device.writes) == (25.0, [])


async def test_a_slot_that_somebody_took_from_us_is_theirs(bench):
    await bench.desk.submit(OVERRIDE)
    bench.device.put(SETPOINT, 25.0)
    outcome = await bench.desk.submit(replace(OVERRIDE, value=19.0))
    assert outcome.rule == "foreign-value"
    assert (bench.slot(), bench.claims.standing()) == (25.0, [])
    assert any("the claim of user:mchen to 18.0 is dropped" in told for told in bench.told)


async def test_a_device_that_does_not_answer_is_not_written_to(bench):
    bench.device.silent.add(SETPOINT.ref.device.instance)
    outcome = await bench.desk.submit(OVERRIDE)
    assert isinstance(outcome, Failed)
    assert (outcome.written, outcome.silent, bench.claims.standing()) == (False, True, [])


async def test_a_device_that_refuses_leaves_everything_as_it_was(bench):
    await bench.desk.submit(OVERRIDE)
    before = bench.claims[KEY]
    bench.device.faults = [bench.device.refuse(DeviceRefused("write access denied", "write-access-denied"))]
    outcome = await bench.desk.submit(replace(OVERRIDE, value=22.0))
    assert isinstance(outcome, Failed)
    assert (outcome.written, outcome.silent, outcome.why) == (False, False, "write access denied")
    assert bench.claims.standing() == [before]
    bench.device.faults = [bench.device.refuse(DeviceRefused("no", "other"))]
    await bench.desk.submit(replace(OVERRIDE, point=ELSEWHERE.id))
    assert bench.claims.standing() == [before]


async def test_a_value_that_bacnet_cannot_carry_leaves_nothing_behind(bench):
    """The guard knows the standard's types; what it lets pass and the stack cannot say is refused all the same."""

    async def says_no(_ref, _value, _priority):
        raise DeviceRefused("it cannot be sent", "value-out-of-range")

    bench.device.write = says_no
    failed = await bench.desk.submit(OVERRIDE)
    assert isinstance(failed, Failed)
    assert (failed.written, bench.claims.standing(), bench.desk.due(bench.clock.now())) == (False, [], [])
    assert await bench.results() == ["failed: it cannot be sent"]


@pytest.mark.parametrize("error", [DeviceSilent("3 s"), ProtocolError("garbage")])
async def test_a_lost_answer_is_not_a_lost_write(bench, error):
    def late(ref, value, priority):
        bench.device.put(SETPOINT, value, priority)
        raise error

    bench.device.faults = [late]
    assert isinstance(await bench.desk.submit(OVERRIDE), Held)
    assert bench.device.writes == [(18.0, 8)]


async def test_a_silence_is_read_back_not_repeated(bench):
    bench.device.faults = [bench.device.deaf]
    outcome = await bench.desk.submit(OVERRIDE)
    assert isinstance(outcome, Failed)
    assert (outcome.silent, outcome.written) == (True, True)
    assert bench.device.writes == [(18.0, 8)]
    bench.device.put(SETPOINT, 18.0)  # it arrives after all
    assert bench.desk.due(bench.clock.now()) == []
    bench.clock.advance(seconds=10)
    assert bench.desk.due(bench.clock.now()) == [KEY]
    assert await bench.desk.attend(KEY)
    assert bench.claims[KEY].confirmed
    assert bench.desk.due(bench.clock.now()) == []


async def test_a_write_that_never_arrived_is_dropped_not_repeated(bench):
    bench.device.faults = [bench.device.deaf]
    await bench.desk.submit(OVERRIDE)
    bench.clock.advance(seconds=10)
    assert await bench.desk.attend(KEY)
    assert bench.claims.standing() == []
    assert bench.device.writes == [(18.0, 8)]


async def test_after_a_silence_the_older_claim_stands_whichever_value_is_there(bench):
    await bench.desk.submit(OVERRIDE)
    bench.device.faults = [bench.device.deaf]
    await bench.desk.submit(replace(OVERRIDE, value=22.0, lasts=timedelta(hours=9)))
    claim = bench.claims[KEY]
    assert (claim.value, claim.until, claim.unproven) == (18.0, NOON + timedelta(hours=2), (22.0,))
    bench.device.put(SETPOINT, 22.0)  # it arrives after all
    bench.clock.advance(seconds=10)
    assert await bench.desk.attend(KEY)
    assert (bench.claims[KEY].value, bench.claims[KEY].unproven) == (22.0, ())


async def test_a_device_that_falls_silent_after_the_write_is_compared_later(bench):
    bench.device.faults = [bench.device.then_silent]
    outcome = await bench.desk.submit(OVERRIDE)
    assert (type(outcome), outcome.written, outcome.silent) == (Failed, True, True)
    assert not bench.claims[KEY].confirmed
    bench.clock.advance(seconds=10)
    assert not await bench.desk.attend(KEY)
    bench.device.silent.clear()
    bench.clock.advance(seconds=10)
    assert bench.desk.due(bench.clock.now()) == [KEY]
    assert await bench.desk.attend(KEY)
    assert bench.claims[KEY].confirmed


async def test_a_clamped_value_is_a_mismatch_and_still_ours_to_release(bench):
    bench.device.faults = [bench.device.clamp(22.0)]
    outcome = await bench.desk.submit(replace(OVERRIDE, value=25.0))  # it was at 20
    assert isinstance(outcome, Mismatch)
    assert outcome.found == 22.0
    assert "mismatch: slot 8 holds 22.0" in await bench.results()
    assert bench.claims[KEY].confirmed
    assert isinstance(await bench.desk.submit(RELEASE), Held)
    assert bench.slot() is None


async def test_a_value_that_no_rounding_makes_of_ours_is_somebody_else_s(bench):
    bench.device.faults = [bench.device.taken(55.0)]  # written by somebody right after us
    outcome = await bench.desk.submit(OVERRIDE)
    assert (type(outcome), outcome.found, bench.claims.standing()) == (Mismatch, 55.0, [])
    await bench.desk.submit(RELEASE)
    assert bench.slot() == 55.0


async def test_a_write_that_arrives_late_is_let_go_of_although_it_was_let_go_of_before(bench):
    late = []
    bench.device.faults = [
        lambda ref, value, priority: late.append((ref, value, priority)) or bench.device.deaf(0, 0, 0)
    ]
    await bench.desk.submit(OVERRIDE)
    await bench.desk.submit(RELEASE)
    assert [claim.key for claim in bench.claims.standing()] == [KEY]  # on the books, and over
    bench.device._store(*late[0])
    bench.clock.advance(seconds=11)
    for _ in range(2):
        await bench.desk.attend(KEY)
    assert (bench.slot(), bench.claims.standing()) == (None, [])


async def test_a_device_that_acknowledges_but_ignores_is_a_mismatch(bench):
    bench.device.faults = [bench.device.ignore]
    outcome = await bench.desk.submit(OVERRIDE)
    assert (type(outcome), outcome.found, bench.claims.standing()) == (Mismatch, None, [])
    assert "mismatch: slot 8 is empty" in await bench.results()


async def test_a_binary_slot_taken_in_the_same_moment_is_not_ours(bench):
    bench.device.faults = [bench.device.taken(False)]
    outcome = await bench.desk.submit(replace(OVERRIDE, point=FAN.id, value=True))
    assert (type(outcome), outcome.found, bench.claims.standing()) == (Mismatch, False, [])


async def test_a_present_value_that_cannot_be_read_does_not_hide_the_slot(bench):
    bench.reader_error = DeviceSilent("3 s")
    outcome = await bench.desk.submit(OVERRIDE)
    assert (type(outcome), outcome.readback) == (Held, None)


async def test_without_a_record_nothing_is_written(bench):
    await break_table(bench, "audit")
    outcome = await bench.desk.submit(OVERRIDE)
    assert isinstance(outcome, Failed)
    assert "No command is carried out while it cannot be recorded" in outcome.why
    assert (bench.device.writes, bench.claims.standing(), bench.audit.healthy) == ([], [], False)
    await mend_table(bench, "audit")
    assert isinstance(await bench.desk.submit(OVERRIDE), Held)


async def test_without_a_claim_nothing_is_written(bench):
    await break_table(bench, "claims")
    outcome = await bench.desk.submit(OVERRIDE)
    assert (type(outcome), outcome.written, bench.device.writes) == (Failed, False, [])
    assert (await bench.results())[0].startswith("failed: The state database")


async def test_a_release_that_cannot_be_stored_is_not_begun(bench):
    await bench.desk.submit(OVERRIDE)
    await break_table(bench, "claims")
    outcome = await bench.desk.submit(RELEASE)
    assert (type(outcome), outcome.written, bench.slot()) == (Failed, False, 18.0)


async def test_books_that_fall_behind_after_the_write_do_not_change_what_happened(bench):
    def written_then_broken(ref, value, priority):
        bench.device.put(SETPOINT, value, priority)
        bench.db.run_now(lambda connection: connection.execute(text("ALTER TABLE claims RENAME TO gone")))

    bench.device.faults = [written_then_broken]
    assert isinstance(await bench.desk.submit(OVERRIDE), Held)
    await mend_table(bench, "claims")
    bench.clock.advance(seconds=10)
    assert bench.desk.due(bench.clock.now()) == [KEY]
    assert await bench.desk.attend(KEY)
    assert bench.claims[KEY].confirmed


async def test_books_that_fall_behind_leave_confirmed_claims_alone(bench):
    await bench.desk.submit(replace(OVERRIDE, point=ELSEWHERE.id))

    def written_then_broken(ref, value, priority):
        bench.device.put(SETPOINT, value, priority)
        bench.db.run_now(lambda connection: connection.execute(text("ALTER TABLE audit RENAME TO gone")))

    bench.device.faults = [written_then_broken]
    assert isinstance(await bench.desk.submit(OVERRIDE), Held)
    await mend_table(bench, "audit")
    bench.clock.advance(seconds=10)
    assert bench.desk.due(bench.clock.now()) == []
    await bench.audit.note(by="agent", action="start", target="agent")
    assert "held 18.0 in slot 8" in await bench.results()  # what was owed


async def test_the_guard_judges_again_at_the_moment_of_writing(bench):
    verdicts = [None, Limits(low=None, high=10.0, source="changed meanwhile")]
    bench.limits = lambda _point: verdicts.pop(0)
    outcome = await bench.desk.submit(OVERRIDE)
    assert (type(outcome), outcome.rule) == (Rejected, "limits")
    assert (bench.device.writes, bench.claims.standing()) == ([], [])
    assert "changed meanwhile" in (await bench.results())[0]


async def test_a_release_is_judged_again_too(bench):
    await bench.desk.submit(OVERRIDE)
    intent = bench.audit.intent

    async def relabelled(**columns):
        bench.book.replace(Catalog.of([], [replace(SETPOINT, safety=Safety.MEDICAL)]))
        return await intent(**columns)

    bench.audit.intent = relabelled
    outcome = await bench.desk.submit(RELEASE)
    assert (type(outcome), outcome.rule, bench.slot()) == (Rejected, "monitor-only", 18.0)
    assert bench.claims[KEY].until <= bench.clock.now()  # and it will be released as soon as it may be


async def test_a_release_empties_the_slot_and_forgets_the_claim(bench):
    await bench.desk.submit(OVERRIDE)
    outcome = await bench.desk.submit(RELEASE)
    assert (type(outcome), outcome.readback.value) == (Held, 20.0)
    assert (bench.slot(), bench.claims.standing()) == (None, [])
    assert (await bench.results())[0] == "released slot 8"


async def test_a_release_of_nothing_is_done_already(bench):
    outcome = await bench.desk.submit(RELEASE)
    assert (type(outcome), bench.device.writes) == (Held, [])


async def test_a_release_leaves_a_foreign_value_alone(bench):
    bench.device.put(SETPOINT, 25.0)
    assert (await bench.desk.submit(RELEASE)).found == 25.0
    bench.device.put(SETPOINT, None)
    await bench.desk.submit(OVERRIDE)
    bench.device.put(SETPOINT, 25.0)
    outcome = await bench.desk.submit(RELEASE)
    assert (type(outcome), outcome.found) == (Mismatch, 25.0)
    assert (bench.slot(), bench.claims.standing()) == (25.0, [])
    assert any("is left alone" in told for told in bench.told)


@pytest.mark.parametrize(
    ("fault", "written"), [("refuse", False), ("deaf", True), ("then_silent", True), ("ignore", None)]
)
async def test_a_release_that_did_not_succeed_is_tried_again(bench, fault, written):
    await bench.desk.submit(OVERRIDE)
    refuse = bench.device.refuse(DeviceRefused("not now", "device-busy"))
    bench.device.faults = [refuse if fault == "refuse" else getattr(bench.device, fault)]
    outcome = await bench.desk.submit(RELEASE)
    if written is None:
        assert (type(outcome), outcome.found) == (Mismatch, 18.0)
    else:
        assert (type(outcome), outcome.written) == (Failed, written)
    bench.device.silent.clear()
    assert bench.desk.due(bench.clock.now()) == [KEY]
    assert await bench.desk.attend(KEY)
    assert (bench.slot(), bench.claims.standing()) == (None, [])


async def test_a_slot_taken_while_we_let_go_is_theirs(bench):
    await bench.desk.submit(OVERRIDE)
    bench.device.faults = [bench.device.taken(25.0)]
    outcome = await bench.desk.submit(RELEASE)
    assert (type(outcome), outcome.found, bench.claims.standing()) == (Mismatch, 25.0, [])


async def test_one_command_at_a_time_per_point(bench):
    both = await asyncio.gather(
        bench.desk.submit(OVERRIDE), bench.desk.submit(replace(OVERRIDE, value=22.0, by="user:rdiaz"))
    )
    assert [type(outcome) for outcome in both] == [Held, Held]
    assert [outcome.slots[8] for outcome in both] == [18.0, 22.0]


async def test_a_command_is_carried_out_to_its_end_when_the_caller_goes_away(bench):
    asked = asyncio.Event()
    write = bench.device.write

    async def slow(*wish):
        asked.set()
        await asyncio.sleep(0)
        await write(*wish)

    bench.device.write = slow
    caller = asyncio.create_task(bench.desk.submit(OVERRIDE))
    await asked.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    async with asyncio.timeout(30):
        await bench.desk.settle()
    assert bench.claims[KEY].confirmed
    assert await bench.results() == ["held 18.0 in slot 8"]


async def test_a_command_on_changed_slots_is_stale(bench):
    seen = await bench.desk.slots(SETPOINT.id)
    bench.device.put(SETPOINT, 30.0, priority=16)
    with pytest.raises(StalePlan, match="have changed"):
        await bench.desk.submit(OVERRIDE, seen=seen)
    assert bench.device.writes == []
    assert isinstance(await bench.desk.submit(OVERRIDE, seen=await bench.desk.slots(SETPOINT.id)), Held)


async def test_a_policy_that_asks_in_vain_is_recorded_once(bench):
    demand = replace(OVERRIDE, by="policy:night", priority=Priority.SCHEDULE, value=500.0, lasts=timedelta(minutes=15))
    for _ in range(3):
        assert isinstance(await bench.desk.submit(demand), Rejected)
    assert len(await bench.results()) == 1
    await bench.desk.submit(replace(demand, value=17.0))
    await bench.desk.submit(demand)
    assert len(await bench.results()) == 3


async def test_renewing_moves_the_end_and_asks_no_device(bench):
    await bench.desk.submit(OVERRIDE)
    bench.device.silent.add(SETPOINT.ref.device.instance)
    await bench.desk.renew(KEY, NOON + timedelta(hours=5))
    assert bench.claims[KEY].until == NOON + timedelta(hours=5)
    await bench.desk.renew((FAN.id, Priority.OPERATOR), NOON)
    assert len(bench.claims.standing()) == 1


async def test_a_slot_that_is_held_and_moves_nothing_is_a_mismatch_and_still_ours(bench):
    bench.frozen = 21.5  # overridden by hand at the device: the present value follows nothing
    outcome = await bench.desk.submit(OVERRIDE)
    assert isinstance(outcome, Mismatch)
    assert (outcome.found, outcome.present.value) == (18.0, 21.5)
    assert bench.claims[KEY].confirmed
    assert "slot 8 holds 18.0 and wins, but the present value is 21.5" in (await bench.results())[0]


async def test_a_device_is_asked_who_it_is_before_the_first_write_and_after_it_was_away(bench):
    bench.stranger = True
    outcome = await bench.desk.submit(OVERRIDE)
    assert isinstance(outcome, Failed)
    assert "not sure" in outcome.why
    assert bench.device.writes == []
    bench.stranger = False
    await bench.desk.submit(OVERRIDE)
    bench.stranger = True
    assert isinstance(await bench.desk.submit(replace(OVERRIDE, value=19.0)), Held)  # known since the first write
    bench.desk.forget_meeting(SETPOINT.device)
    assert isinstance(await bench.desk.submit(replace(OVERRIDE, value=20.0)), Failed)
