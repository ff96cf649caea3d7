"""What one caller may see and ask for, and in which words the answers come."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from desk_bench import ELSEWHERE, FAN, OVERRIDE, SETPOINT
from manual_clock import NOON
from session_bench import CATALOG, DEVICES, MONITORED, WARM, SessionBench, alarm, reading, status
from sqlalchemy import text

from facility import wishes as module
from facility.database import StateUnavailable
from facility.model import Severity
from facility.port import FacilityError
from facility.wire import Wish
from points.catalog import Catalog
from points.discovery import NotApprovable
from points.errors import DeviceRefused
from points.history import Bucket
from points.model import EquipmentId, Priority, Quality, Source, Space, SpaceId, StatusFlags

WISH = Wish(point=SETPOINT.id, value=18, minutes=120, reason="too warm")
RELEASE = Wish(point=SETPOINT.id, value=None, reason="done with it")


@pytest.fixture
async def bench(tmp_path):
    bench = SessionBench(tmp_path)
    yield await bench.start()
    bench.close()


async def lose(bench, table):
    await bench.db.run(lambda connection: connection.execute(text(f"ALTER TABLE {table} RENAME TO gone")))


async def regain(bench, table):
    await bench.db.run(lambda connection: connection.execute(text(f"ALTER TABLE gone RENAME TO {table}")))


async def refused(call):
    with pytest.raises(FacilityError) as error:
        await call
    return error.value.kind, str(error.value)


async def carried_out(bench, wish=WISH, **caller):
    session = bench.as_(**caller)
    return await session.commit((await session.preview(wish)).id)


# who may what


async def test_hello_says_who_answers_and_as_whom_the_caller_is_known(bench):
    hello = await bench.as_("viewer", "rdiaz").hello()
    assert (hello.site, hello.site_name, hello.zone) == ("st-mary", "St Mary", "America/Chicago")
    assert (hello.user, hello.role, hello.started, hello.pretend) == ("rdiaz", "viewer", NOON, False)


async def test_hello_says_what_the_caller_may_do_where_and_for_how_long(bench):
    hello = await bench.as_("operator", spaces={"or-1"}).hello()
    assert (hello.spaces, hello.shortest_minutes, hello.longest_minutes) == (["or-1"], 15, 24 * 60)
    assert hello.permissions == ["acknowledge", "audit", "command", "demand-response", "discover", "see"]
    assert (await bench.as_("engineer").hello()).longest_minutes == 30 * 24 * 60


async def test_a_viewer_may_look_and_nothing_else(bench):
    await bench.stand(alarm())
    plan = await bench.as_("operator").preview(WISH)
    viewer = bench.as_("viewer")
    for asked in (viewer.preview(WISH), viewer.commit(plan.id), viewer.acknowledge("high-dp"), viewer.discover()):
        kind, why = await refused(asked)
        assert (kind, why.startswith("You are a viewer: you may not ")) == ("not-allowed", True)
    assert (bench.device.writes, bench.survey.asked, bench.alarms.named("high-dp").is_new) == ([], 0, True)
    assert [point.id for point in await viewer.points()] == list(CATALOG.points)
    assert not (await viewer.discover(start=False)).running
    assert await viewer.stats() == {"points": 4}


@pytest.mark.parametrize("role", ["operator", "engineer", "admin"])
async def test_whoever_works_here_may_command_and_start_a_discovery(bench, role):
    assert (await carried_out(bench, role=role)).status == "held"
    assert (await bench.as_(role).discover()).running


@pytest.mark.parametrize("level", [1, 5, 7, 9, 10, 15, 16])
async def test_people_write_at_level_8_only(bench, level):
    kind, why = await refused(bench.as_("admin").preview(WISH.model_copy(update={"priority": level})))
    assert (kind, why) == ("not-allowed", f"Level {level} is not for operators: they write at level 8.")


@pytest.mark.parametrize("ask", ["detail", "read", "preview", "trend"])
async def test_an_unknown_point_is_told_with_near_names(bench, ask):
    session, name = bench.as_(), "ahu-1/spp"
    calls = {
        "detail": lambda: session.detail(name),
        "read": lambda: session.read(name),
        "preview": lambda: session.preview(WISH.model_copy(update={"point": name})),
        "trend": lambda: session.trend(name, NOON, NOON + timedelta(hours=1), 1),
    }
    kind, why = await refused(calls[ask]())
    assert (kind, "Did you mean ahu-1/sp" in why) == ("unknown-point", True)


# commands


async def test_a_plan_says_what_where_how_long_and_what_comes_after(bench):
    bench.store.put(reading(SETPOINT, 21.0))
    bench.device.put(SETPOINT, 21.0, priority=15)
    plan = await bench.as_().preview(WISH)
    assert plan.what == f"write 18.0 °C to ahu-1/sp (analog-value {SETPOINT.ref.instance}, slot 8)"
    assert (plan.verdict, plan.ends) == ("allowed", NOON + timedelta(hours=2))
    assert plan.wins == "yes: nothing stands above; beneath: 15 21.0 °C"
    assert plan.after == "the agent lets go; then 21.0 °C from level 15"
    assert plan.down == "the slot keeps 18.0 °C until the agent is back: BACnet writes have no time-out"
    assert (plan.owner, plan.reason) == ("mchen", "too warm")
    assert [(slot.priority, slot.value) for slot in plan.slots if slot.value] == [(15, "21.0 °C")]
    assert bench.device.writes == []


async def test_a_plan_names_the_spaces_of_the_point_or_of_what_its_equipment_serves(bench):
    spaces = [
        Space(id=SpaceId(name), name=name.upper(), type=kind)
        for name, kind in (("icu", "icu"), ("or-1", "operating_room"), ("lab", "lab"))
    ]
    unit = EquipmentId("ahu-1")
    serving = replace(WARM, equipment=unit)
    there = [
        replace(FAN, equipment=unit, space=SpaceId("icu")),
        replace(ELSEWHERE, equipment=unit, space=SpaceId("or-1")),
        replace(MONITORED, space=SpaceId("lab")),
    ]
    bench.book.replace(Catalog.of(DEVICES, [serving, *there], spaces))
    touched = (await bench.as_().preview(WISH)).spaces
    assert [(space.name, space.critical) for space in touched] == [("OR-1", True), ("ICU", False)]
    bench.book.replace(Catalog.of(DEVICES, [replace(serving, space=SpaceId("lab")), *there], spaces))
    assert [space.name for space in (await bench.as_().preview(WISH)).spaces] == ["LAB"]


@pytest.mark.parametrize(
    ("lasts", "says"), [(0.5, ""), (40, "reaches 18.0 °C in about 40 s"), (179, "reaches 18.0 °C in about 3 min")]
)
async def test_a_plan_says_how_long_its_ramp_takes(bench, monkeypatch, lasts, says):
    monkeypatch.setattr(type(bench.desk.judge), "ramp", lambda _judge, _command: timedelta(seconds=lasts))
    assert (await bench.as_().preview(WISH)).ramp == says


async def test_a_plan_says_how_its_effect_is_checked_unless_it_is_refused(bench):
    session = bench.as_(announce=lambda point, value: f"will look at {point.id} for {value}")
    assert (await session.preview(WISH)).check == "will look at ahu-1/sp for 18.0"
    assert (await session.preview(Wish(point=MONITORED.id, value=1, minutes=60, reason="test"))).check == ""


async def test_a_plan_that_would_not_win_says_who_stands_above(bench):
    bench.device.put(SETPOINT, 25.0, priority=5)
    wins = "no: level 5 stands above, critical equipment control, at 25.0 °C; nothing stands beneath"
    assert (await bench.as_().preview(WISH)).wins == wins


async def test_a_release_is_planned_in_its_own_words(bench):
    await carried_out(bench)
    plan = await bench.as_().preview(RELEASE)
    assert plan.what.startswith("release ahu-1/sp (")
    assert (plan.after, plan.ends) == ("then 20.0 °C from the relinquish default", None)


async def test_a_refused_plan_names_the_rule_and_promises_no_win(bench):
    plan = await bench.as_().preview(Wish(point=MONITORED.id, value=1, minutes=5, reason="test"))
    assert (plan.verdict, plan.rule, plan.wins, plan.slots, plan.after) == ("refused", "monitor-only", "", [], "")


async def test_what_the_guard_refuses_is_on_record_and_explained_although_nobody_commits_it(bench):
    plan = await bench.as_().preview(WISH.model_copy(update={"minutes": 5}))
    assert (plan.verdict, plan.rule) == ("refused", "expiry")
    (record,) = await bench.as_().audit()
    assert (record.by, record.role, record.action, record.target) == ("user:mchen", "operator", "hold", SETPOINT.id)
    assert (record.value, record.priority, record.rule, record.reason) == ("18", 8, "expiry", "too warm")
    assert record.result.startswith("refused (expiry): An override of 0:05:00 is not possible.")
    refused_step = next(step for step in (await bench.as_().why(SETPOINT.id)).steps if step.kind == "refused")
    assert refused_step.text.startswith("mchen wants 18.0 °C and does not have it: refused (expiry)")


async def test_the_same_refused_wish_is_recorded_once_a_minute_of_each_person(bench):
    short = WISH.model_copy(update={"minutes": 5})
    for caller in ("mchen", "mchen", "rdiaz"):
        await bench.as_(user=caller).preview(short)
    await bench.as_().preview(short.model_copy(update={"value": 19}))
    assert [record.by for record in await bench.as_().audit()] == ["user:mchen", "user:rdiaz", "user:mchen"]
    bench.clock.time += timedelta(minutes=1)
    await bench.as_().preview(short)
    assert len(await bench.as_().audit()) == 4


async def test_a_refusal_is_told_although_it_cannot_be_recorded(bench):
    await lose(bench, "audit")
    plan = await bench.as_().preview(WISH.model_copy(update={"minutes": 5}))
    assert (plan.verdict, plan.rule) == ("refused", "expiry")


@pytest.mark.parametrize("minutes", [1e10, -5, -1e300, float("inf"), float("nan")])
async def test_a_stretch_that_no_calendar_has_is_a_bad_wish(bench, minutes):
    kind, _ = await refused(bench.as_().preview(WISH.model_copy(update={"minutes": minutes})))
    assert kind == "bad-wish"


async def test_a_device_that_cannot_be_asked_is_told_as_one_sentence_after_the_other(bench):
    bench.device.silent.add(SETPOINT.ref.device.instance)
    kind, why = await refused(bench.as_().preview(WISH))
    assert (kind, why.startswith("ahu-1 cannot be asked: ")) == ("busy", True)
    assert why.endswith("does not answer. Nothing was written.")


async def test_nobody_waits_for_ever_for_a_device(bench, monkeypatch):
    monkeypatch.setattr(module, "LOOK_S", 0.01)
    monkeypatch.setattr(module, "WRITE_S", 0.01)
    session = bench.as_()
    plan, answers = await session.preview(WISH), asyncio.Event()
    read_slots = bench.device.read_slots

    async def hangs(ref):
        await answers.wait()
        return await read_slots(ref)

    bench.device.read_slots = hangs
    assert await refused(session.preview(WISH)) == ("busy", "ahu-1 does not answer. Nothing was written.")
    kind, why = await refused(session.commit(plan.id))
    assert (kind, "The command goes on; the audit tells its end." in why) == ("busy", True)
    answers.set()
    async with asyncio.timeout(30):
        await bench.desk.settle()
    assert await bench.results() == ["held 18.0 in slot 8"]


async def test_a_command_is_held_under_the_caller_s_name_until_civil_time(bench):
    result = await carried_out(bench)
    assert (result.status, result.winner, result.until) == ("held", 8, NOON + timedelta(hours=2))
    assert result.text == "ahu-1/sp is held at 18.0 °C until 08:00, read back from the device."  # Chicago
    assert (result.readback.value, result.readback.held, result.readback.source) == (18.0, "8 mchen", "write")
    (record,) = await bench.as_().audit()
    assert (record.by, record.reason, record.result) == ("user:mchen", "too warm", "held 18.0 in slot 8")


async def test_a_release_says_that_the_slot_is_empty(bench):
    await carried_out(bench)
    result = await carried_out(bench, RELEASE)
    assert (result.status, result.text, result.until) == ("released", "ahu-1/sp is released; slot 8 is empty.", None)


async def test_a_release_of_what_nobody_held_says_so(bench):
    result = await carried_out(bench, RELEASE)
    said = "Nothing was held: slot 8 of ahu-1/sp is empty, as it was before."
    assert (result.status, result.text) == ("released", said)


async def test_a_point_says_between_what_it_may_be_commanded(bench):
    assert (await bench.as_().detail(SETPOINT.id)).info.command_low == 12.0


async def test_outranked_is_not_called_held(bench):
    bench.device.put(SETPOINT, 25.0, priority=5)
    result = await carried_out(bench)
    assert (result.status, result.text) == ("outranked", "18.0 °C stands in slot 8, but slot 5 wins.")
    assert (result.winner, result.until) == (5, NOON + timedelta(hours=2))


async def test_a_clamped_value_is_ours_all_the_same(bench):
    bench.device.faults = [bench.device.clamp(22.0)]
    result = await carried_out(bench, WISH.model_copy(update={"value": 25}))
    assert (result.status, result.text) == ("mismatch", "The slot holds 22.0 °C, not 25.0 °C. It is held all the same.")


async def test_an_ignored_write_is_told_as_an_empty_slot_of_nobody(bench):
    bench.device.faults = [bench.device.ignore]
    text = "The device did not take 18.0 °C: the slot is empty. Nothing is held."
    assert (await carried_out(bench)).text == text


async def test_a_slot_taken_by_another_is_left_alone(bench):
    bench.device.faults = [bench.device.taken(False)]
    result = await carried_out(bench, Wish(point=FAN.id, value="on", minutes=60, reason="test run"))
    assert result.text == "The slot holds off, not on. It is not ours and was left alone."


async def test_a_release_that_does_not_succeed_is_tried_again(bench):
    await carried_out(bench)
    bench.device.faults = [bench.device.ignore]
    result = await carried_out(bench, RELEASE)
    assert (result.status, result.text) == ("mismatch", "The slot still holds 18.0 °C. The agent tries again.")


async def test_a_release_of_somebody_else_s_value_is_not_done(bench):
    bench.device.put(SETPOINT, 25.0)
    result = await carried_out(bench, RELEASE)
    assert result.text == "The slot still holds 25.0 °C. It is not ours and was left alone."


async def test_a_refusal_names_its_rule(bench):
    bench.device.put(SETPOINT, 25.0)
    result = await carried_out(bench)
    assert (result.status, result.winner, result.until) == ("rejected", None, None)
    assert result.text.startswith("Refused (foreign-value): ")


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("refuse", "write access denied. Nothing was written."),
        ("deaf", "no answer in 3 s. The write may have arrived; it is being checked."),
    ],
)
async def test_a_failure_says_whether_anything_may_have_been_written(bench, fault, says):
    refuse = bench.device.refuse(DeviceRefused("write access denied", "write-access-denied"))
    bench.device.faults = [refuse if fault == "refuse" else bench.device.deaf]
    result = await carried_out(bench)
    assert (result.status, result.text) == ("failed", says)


async def test_what_was_shown_is_what_is_written_or_nothing(bench):
    session = bench.as_()
    plan = await session.preview(WISH)
    bench.device.put(SETPOINT, 30.0, priority=16)
    kind, why = await refused(session.commit(plan.id))
    assert (kind, "have changed since they were shown" in why, bench.device.writes) == ("stale-plan", True, [])
    assert (await refused(session.commit(plan.id)))[0] == "stale-plan"
    assert (await refused(session.commit("never made")))[0] == "stale-plan"


# looking


async def test_a_value_carries_the_sign_of_the_worst_standing_alarm_or_of_not_being_known(bench):
    bench.store.put(reading(SETPOINT, 20.0))
    bench.store.put(reading(FAN, None, Quality.BAD))
    bench.store.put(reading(ELSEWHERE, 20.0, Quality.UNCERTAIN, reason="overridden", flags=StatusFlags.OVERRIDDEN))
    bench.store.put(reading(MONITORED, 1.0))
    await bench.stand(
        alarm("a", SETPOINT.id, Severity.LOW),
        alarm("b", FAN.id, Severity.LIFE),
        alarm("c", MONITORED.id, Severity.HIGH),
        alarm("d", MONITORED.id, Severity.CRIT),
    )
    values = {value.id: value for value in await bench.as_().values()}
    assert {name: value.tag for name, value in values.items()} == {
        SETPOINT.id: "!",
        FAN.id: "?",
        ELSEWHERE.id: "?",
        MONITORED.id: "!!",
    }
    assert values[ELSEWHERE.id].flags == StatusFlags.OVERRIDDEN


async def test_an_alarm_that_is_over_leaves_no_sign(bench):
    bench.store.put(reading(MONITORED, 8.0))
    await bench.stand(alarm(ended=NOON))
    assert [value.tag for value in await bench.as_().values()] == [""]


async def test_a_value_says_who_holds_it_the_strongest_first(bench):
    bench.store.put(reading(SETPOINT, 20.0))
    await bench.desk.submit(
        replace(OVERRIDE, by="policy:office-heating", priority=Priority.SCHEDULE, lasts=timedelta(minutes=15))
    )
    assert [value.held for value in await bench.as_().values()] == ["15 office-heating"]
    await carried_out(bench, user="rdiaz")
    assert [value.held for value in await bench.as_().values()] == ["8 rdiaz"]


async def test_only_points_of_the_present_catalog_have_values(bench):
    bench.store.put(reading(SETPOINT, 20.0))
    bench.store.put(reading(FAN, True))
    bench.book.replace(Catalog.of(DEVICES, [FAN]))
    assert [value.id for value in await bench.as_().values()] == [FAN.id]


async def test_a_point_is_shown_with_its_limits_and_its_topic(bench):
    shown = {point.id: point for point in await bench.as_().points()}
    assert (shown[MONITORED.id].limit_low, shown[MONITORED.id].limit_high) == (2.5, None)
    assert (shown[SETPOINT.id].limit_low, shown[SETPOINT.id].topic) == (None, "fac/v1/ahu-1/sp")
    assert [shown[point].access for point in (SETPOINT.id, MONITORED.id)] == ["commandable", "monitor-only"]


async def test_a_device_of_which_nothing_is_known_is_offline_not_online(bench):
    bench.freshness.statuses = {"ahu-1": status(cov=2, cov_limit=40)}
    shown = {device.id: device for device in await bench.as_().devices()}
    assert (shown["ahu-1"].status, shown["ahu-1"].points, shown["ahu-1"].cov) == ("online", 3, "2 of 40")
    assert (shown["vav-9"].status, shown["vav-9"].points, shown["vav-9"].cov) == ("offline", 1, "none")


async def test_a_programme_is_shown_with_its_week_and_whom_it_moves(bench):
    (shown,) = await bench.as_().schedules()
    assert (shown.name, shown.what, shown.points, shown.now_state) == ("office", "office-heating", 1, "unoccupied")
    assert (shown.next_state, shown.next_change.isoformat()) == ("occupied", "2026-03-02T13:00:00+00:00")
    assert [(day.date, day.note, len(day.blocks)) for day in shown.days[:2]] == [
        ("2026-03-01", "today", 1),
        ("2026-03-02", "", 3),
    ]


async def test_a_detail_says_why_the_value_stands(bench):
    await carried_out(bench, user="rdiaz")
    detail = await bench.as_().detail(SETPOINT.id)
    assert (detail.winner, detail.relinquish_default, detail.slots_error) == (8, "20.0 °C", "")
    assert [(slot.priority, slot.value, slot.by) for slot in detail.slots if slot.value] == [(8, "18.0 °C", "rdiaz")]
    assert (detail.value.value, detail.source) == (18.0, "read back; stale after 300 s")
    assert [step.text for step in detail.why.steps[:2]] == [
        "Slot 8 (operator) holds 18.0 °C and wins.",
        "rdiaz set it at 06:00: “too warm”, until 08:00.",
    ]
    assert await bench.as_().why(SETPOINT.id) == detail.why
    assert [record.result for record in detail.records] == ["held 18.0 in slot 8"]


@pytest.mark.parametrize(
    ("source", "way"), [(Source.COV, "told by the device (COV)"), (Source.POLL, "polled"), (None, "never read")]
)
async def test_a_detail_says_how_the_value_came(bench, source, way):
    if source is not None:
        bench.store.put(reading(MONITORED, 8.0, source=source))
    detail = await bench.as_().detail(MONITORED.id)
    assert (detail.source, detail.slots, detail.value is None) == (f"{way}; stale after 300 s", None, source is None)


async def test_a_detail_is_shown_although_the_device_does_not_answer(bench):
    bench.store.put(reading(SETPOINT, 20.0, Quality.STALE, reason="offline"))
    bench.device.silent.add(SETPOINT.ref.device.instance)
    detail = await bench.as_().detail(SETPOINT.id)
    assert (detail.slots, detail.winner, detail.value.tag) == (None, None, "?")
    assert "does not answer" in detail.slots_error
    assert [step.kind for step in detail.why.steps] == ["quality", "slot", "next"]


async def test_a_detail_is_shown_although_the_audit_cannot_be_read(bench):
    await carried_out(bench)
    await lose(bench, "audit")
    detail = await bench.as_().detail(SETPOINT.id)
    assert (detail.records, detail.value.value, detail.winner) == ([], 18.0, 8)
    assert detail.why.steps[-2].text.startswith("Its commands cannot be listed: ")


async def test_reading_now_asks_the_device_and_tells_its_silence(bench):
    bench.freshness.says[SETPOINT.id] = reading(SETPOINT, 19.5)
    assert (await bench.as_("viewer").read(SETPOINT.id)).value == 19.5
    assert await refused(bench.as_().read(FAN.id)) == ("busy", "device 7 does not answer")


# acknowledging


async def test_an_acknowledgement_is_recorded_with_its_reason_and_done(bench):
    await bench.stand(alarm())
    shown = await bench.as_(user="rdiaz").acknowledge("high-dp", "door propped open")
    assert (shown.state, shown.acknowledged, shown.acknowledged_by) == ("ack", NOON, "user:rdiaz")
    (record,) = await bench.as_().audit("high-dp")
    assert (record.by, record.action, record.reason) == ("user:rdiaz", "acknowledge", "door propped open")


async def test_what_cannot_be_recorded_is_not_acknowledged(bench):
    await bench.stand(alarm())
    await lose(bench, "audit")
    kind, why = await refused(bench.as_().acknowledge("high-dp"))
    assert (kind, why.endswith(". Nothing was acknowledged.")) == ("busy", True)
    assert bench.alarms.named("high-dp").is_new
    await regain(bench, "audit")
    assert (await bench.as_().acknowledge("high-dp")).state == "ack"


async def test_the_record_of_an_acknowledgement_comes_first(bench):
    await bench.stand(alarm())

    async def interrupted(*_):
        raise asyncio.CancelledError

    bench.alarms.acknowledge = interrupted
    with pytest.raises(asyncio.CancelledError):
        await bench.as_().acknowledge("high-dp")
    assert [record.action for record in await bench.as_().audit("high-dp")] == ["acknowledge"]


async def test_an_unknown_alarm_leaves_no_record(bench):
    kind, why = await refused(bench.as_().acknowledge("gone"))
    assert (kind, "There is no alarm 'gone'" in why, await bench.as_().audit()) == ("unknown", True, [])


# approving a device


def suspect(bench, why="it answers from another address"):
    devices = [replace(DEVICES[0], quarantine=why), DEVICES[1]]
    bench.book.replace(Catalog.of(devices, CATALOG.points.values()))


async def test_an_approval_is_recorded_with_its_reason_and_what_was_wrong(bench):
    suspect(bench)
    assert (await bench.as_("viewer").devices())[0].quarantine == "it answers from another address"
    shown = await bench.as_("engineer", "rdiaz").approve("ahu-1", "controller was replaced")
    assert (shown.id, bench.survey.approved) == ("ahu-1", ["ahu-1"])
    (record,) = await bench.as_().audit("ahu-1")
    assert (record.by, record.action, record.reason) == ("user:rdiaz", "approve", "controller was replaced")
    assert record.result == "approved; it was in quarantine: it answers from another address"


@pytest.mark.parametrize(
    ("role", "device", "reason", "kind", "said"),
    [
        ("operator", "ahu-1", "replaced", "not-allowed", "You are an operator: you may not approve a device."),
        ("engineer", "ahu-2", "replaced", "unknown", "There is no device 'ahu-2'"),
        ("engineer", "vav-9", "replaced", "bad-wish", "vav-9 is not in quarantine"),
        ("engineer", "ahu-1", " ok ", "bad-wish", "needs a reason"),
    ],
)
async def test_what_may_not_or_cannot_be_approved_is_refused_in_words(bench, role, device, reason, kind, said):
    suspect(bench)
    answer = await refused(bench.as_(role).approve(device, reason))
    assert (answer[0], said in answer[1]) == (kind, True)
    assert (bench.survey.approved, await bench.as_().audit()) == ([], [])


async def test_what_is_still_wrong_cannot_be_approved_and_the_attempt_is_recorded(bench):
    suspect(bench)
    bench.survey.error = NotApprovable("AHU 1 cannot be approved yet: another device still has its instance 7.")
    kind, why = await refused(bench.as_("engineer").approve("ahu-1", "replaced"))
    assert (kind, "another device still has its instance" in why) == ("bad-wish", True)
    (record,) = await bench.as_().audit("ahu-1")
    assert record.result.startswith("not approved: AHU 1 cannot be approved yet")


async def test_an_approval_that_cannot_be_recorded_is_none(bench):
    suspect(bench)
    await lose(bench, "audit")
    kind, why = await refused(bench.as_("engineer").approve("ahu-1", "replaced"))
    assert (kind, why.endswith(". Nothing was approved.")) == ("busy", True)
    assert bench.survey.approved == []


async def test_an_approval_that_fails_is_recorded_as_failed(bench):
    suspect(bench)
    bench.survey.error = StateUnavailable("The state database is full")
    assert (await refused(bench.as_("engineer").approve("ahu-1", "replaced")))[0] == "busy"
    assert [record.result for record in await bench.as_().audit("ahu-1")] == [
        "not approved: The state database is full"
    ]


async def test_a_hold_at_a_device_in_quarantine_is_explained(bench):
    await carried_out(bench)
    held = replace(bench.book.current.points[SETPOINT.id], quarantined=True)
    bench.book.replace(Catalog.of(DEVICES, [held]))
    chain = (await bench.as_().why(SETPOINT.id)).steps
    assert chain[0].text.startswith("Its device is in quarantine; it is read, not commanded")
    assert chain[-1].text == "nothing until somebody approves the device: facility approve ahu-1."
    assert (await bench.as_().points())[0].quarantined


async def test_a_device_is_shown_with_what_was_learned_of_it(bench):
    bench.passports.learn(DEVICES[0].ref, rpm_limit=24, segments=False)
    first, second = await bench.as_("viewer").devices()
    assert first.passport.says == ["reads 24 properties at once", "segmented answers do not arrive"]
    assert (first.passport.in_force.rpm_limit, first.passport.learned_at) == (24, NOON)
    assert second.passport.says == []


# trends and records


async def test_a_trend_is_handed_on_bucket_by_bucket(bench):
    trend = await bench.as_("viewer").trend(SETPOINT.id, NOON, NOON + timedelta(hours=1), 2)
    assert (trend.point, trend.since, len(trend.buckets)) == (SETPOINT.id, NOON, 2)
    assert (trend.buckets[0].low, trend.buckets[0].missing) == (1.0, 0.0)
    assert isinstance((await bench.history.trend(SETPOINT.id, NOON, NOON, 1))[0], Bucket)


@pytest.mark.parametrize(
    ("since", "until", "buckets"),
    [
        (NOON, NOON, 1),
        (NOON + timedelta(hours=1), NOON, 1),
        (NOON, NOON + timedelta(hours=1), 0),
        (NOON, NOON + timedelta(hours=1), 2001),
        (datetime(2026, 3, 1), NOON, 1),  # noqa: DTZ001 - what is tested
        (datetime(2026, 3, 1), datetime(2026, 3, 2), 1),  # noqa: DTZ001
    ],
)
async def test_a_trend_that_makes_no_sense_is_a_bad_wish(bench, since, until, buckets):
    assert (await refused(bench.as_().trend(SETPOINT.id, since, until, buckets)))[0] == "bad-wish"


async def test_a_trend_without_history_or_with_a_broken_one_is_told(bench):
    hour = (SETPOINT.id, NOON, NOON + timedelta(hours=1), 1)
    kind, why = await refused(bench.as_(history=None).trend(*hour))
    assert (kind, why) == ("unknown", "No history is kept: history.enabled is false.")
    bench.history.error = DeviceRefused("the history is being opened", "busy")
    assert await refused(bench.as_().trend(*hour)) == ("busy", "the history is being opened")
    bench.history.error = ValueError("each must be at least a millisecond long")
    assert (await refused(bench.as_().trend(*hour)))[0] == "bad-wish"


async def test_records_are_never_none_and_never_without_end(bench):
    for number in range(3):
        await bench.audit.note(by="agent", action="start", target=f"agent-{number}")
    session = bench.as_("auditor")
    assert [record.target for record in await session.audit(limit=2)] == ["agent-2", "agent-1"]
    assert len(await session.audit(limit=0)) == 1
    assert len(await session.audit(limit=10**9)) == 3
    await lose(bench, "audit")
    assert (await refused(session.audit()))[0] == "busy"
