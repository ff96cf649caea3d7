"""What becomes of a command is seen by a sensor of its own: on the desk bench, with a clock that is moved by hand."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from desk_bench import Bench, make_point

from facility.conditions import alarm_id, find
from facility.database import StateUnavailable
from facility.effectiveness import Troubles
from facility.effects import Effects
from facility.model import AlarmKind, Claim, Command, Held, Outranked, Severity
from points.errors import DeviceSilent
from points.model import Kind, Priority, Quality, Reading, Safety, Source, StatusFlags

OFF_ON = ("Off", "On")
FAN = make_point("SF-C", kind=Kind.BINARY, states=OFF_ON, low=None, high=None, point_class="start-stop-command")
STATUS = make_point("SF-S", kind=Kind.BINARY, states=OFF_ON, low=None, high=None, point_class="status")
VALVE = make_point("CCV", point_class="valve", description="Cooling coil valve command")
SUPPLY = make_point("SAT", point_class="supply-air-temperature", description="Supply air temperature")
FLOW_SETPOINT = make_point(
    "SAFLOW-SP", high=1000.0, point_class="airflow-setpoint", description="Supply airflow setpoint"
)
FLOW = make_point("SAFLOW", high=1000.0, point_class="flow", description="Supply airflow")
LONELY = make_point("mode", point_class="mode")
SENSORS = tuple(replace(point, commandable=False) for point in (STATUS, SUPPLY, FLOW))
START = Command(
    point=FAN.id,
    value=True,
    priority=Priority.OPERATOR,
    by="user:mchen",
    reason="smell of paint",
    lasts=timedelta(hours=2),
)
RELEASE = replace(START, value=None, lasts=None)


class Plant:
    """The bench with a service that watches the effects, and sensors that say what the test wants."""

    def __init__(self, bench):
        self.bench = bench
        self.unreadable = set()
        self.truth = {}  # what a sensor says when it is asked, if that is not what it said last
        self.answers = asyncio.Event()
        self.answers.set()

    def start(self):
        bench = self.bench
        self.effects = Effects(
            book=bench.book,
            store=bench.store,
            claims=bench.claims,
            read=self.read,
            slots=bench.desk.slots,
            audit=bench.audit,
            events=bench.events,
            clock=bench.clock,
        )

    @asynccontextmanager
    async def watched(self):
        self.start()
        task = asyncio.create_task(self.effects.run())
        await self.looked()
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            self.bench.clock._sleepers.clear()  # of whom nobody is left to wake

    async def looked(self):
        """The service has done what there was to do, and sleeps."""
        async with asyncio.timeout(30):
            while not self.bench.clock._sleepers or any(check.asking for check in self.effects._checks.values()):
                await asyncio.sleep(0)

    async def asked(self):
        """The service waits for a sensor."""
        async with asyncio.timeout(30):
            while not any(check.asking for check in self.effects._checks.values()):
                await asyncio.sleep(0)

    async def after(self, **delta):
        self.bench.clock.advance(**delta)
        await self.looked()

    def says(self, point, value, quality=Quality.GOOD, reason=""):
        now = self.bench.clock.now()
        reading = Reading(
            point=point.id,
            value=value,
            time=now,
            at=now,
            quality=quality,
            source=Source.COV,
            reason=reason,
            flags=StatusFlags.NONE,
        )
        self.bench.store.put(reading)

    async def read(self, point):
        """The sensor itself: what it said last, said once more."""
        await self.answers.wait()
        if point in self.unreadable:
            raise DeviceSilent("ahu-1 does not answer")
        last = self.bench.store.get(point)
        value = self.truth.get(point, last.value)
        self.says(self.bench.book.current.point(point), value, last.quality, last.reason)
        return self.bench.store.get(point)

    def effect(self, point=FAN, priority=Priority.OPERATOR):
        return self.effects.of((point.id, priority))

    async def notes(self):
        return [record.result for record in await self.bench.audit.records() if record.action == "effect"]

    def found(self):
        return find(self.bench.book.current, {}, {}, {}, self.bench.clock.now(), effects=self.effects.troubles())

    def alarms(self):
        return list(self.found().conditions.values())


@pytest.fixture
async def plant(tmp_path):
    bench = Bench(tmp_path, points=(FAN, VALVE, FLOW_SETPOINT, LONELY, *SENSORS))
    await bench.start()
    bench.device.default = False
    plant = Plant(bench)
    plant.says(FAN, False)
    plant.says(STATUS, False)
    yield plant
    bench.close()


async def test_a_healthy_fan_is_confirmed_on_record_and_raises_nothing(plant):
    async with plant.watched():
        assert isinstance(await plant.bench.desk.submit(START), Held)
        await plant.after(seconds=1)
        assert plant.effect() == "being checked: whether ahu-1/SF-S is On within 2 min"
        plant.bench.clock.advance(seconds=13)
        plant.says(STATUS, True)
        await plant.after(seconds=1)
        assert plant.effect() == "confirmed by ahu-1/SF-S 14 s after the write"
        await plant.after(minutes=10)
        assert plant.alarms() == []
        assert await plant.notes() == ["confirmed by ahu-1/SF-S 14 s after the write"]


async def test_a_seized_fan_is_flagged_at_the_end_of_its_window_and_forgiven_when_it_turns(plant):
    async with plant.watched():
        await plant.bench.desk.submit(START)
        await plant.after(seconds=119)
        assert plant.alarms() == []
        await plant.after(seconds=1)
        text = "command not effective: ahu-1/SF-S is Off 2 min after the write"
        (alarm,) = plant.alarms()
        assert (alarm.kind, alarm.severity, alarm.about) == (AlarmKind.INEFFECTIVE, Severity.LOW, FAN.id)
        assert (alarm.text, alarm.value, alarm.limit) == (
            "command not effective: ahu-1/SF-S does not bear it out",
            "Off",
            "expected: On",
        )
        record, *_ = await plant.bench.audit.records()
        assert (record.by, record.action, record.target, record.result) == ("agent", "effect", FAN.id, text)
        assert f"{FAN.id}: {text}" in plant.bench.told
        await plant.after(minutes=4)
        assert (await plant.notes()) == [text]  # once
        plant.says(STATUS, True)
        plant.bench.clock.advance(minutes=1)
        plant.says(STATUS, True)
        await plant.after(seconds=1)
        assert plant.alarms() == []
        assert (await plant.notes())[0].startswith("effective after 7 min")


async def test_it_is_a_worse_alarm_in_a_critical_space(plant):
    plant.bench.book.replace(type(plant.bench.book.current).of([], [replace(FAN, safety=Safety.CRITICAL), *SENSORS]))
    async with plant.watched():
        await plant.bench.desk.submit(START)
        await plant.after(minutes=2)
        assert [alarm.severity for alarm in plant.alarms()] == [Severity.HIGH]


async def test_a_sensor_whose_last_word_is_older_than_the_write_is_read_before_anything_bad_is_said(plant):
    async with plant.watched():
        await plant.bench.desk.submit(START)
        running = replace(plant.bench.store.get(STATUS.id), value=True)
        plant.bench.store.put(running)  # it runs, but only a read can tell that it still does
        await plant.after(minutes=2)
        assert plant.effect().startswith("confirmed by")
        assert plant.alarms() == []


async def test_what_a_sensor_said_after_the_write_is_read_once_more_too(plant):
    async with plant.watched():
        await plant.bench.desk.submit(START)
        plant.bench.clock.advance(seconds=5)
        plant.says(STATUS, False)
        plant.truth[STATUS.id] = True  # its notification was lost
        await plant.after(minutes=2)
        assert plant.effect().startswith("confirmed by")


async def test_what_is_released_while_its_sensor_is_asked_is_not_flagged(plant):
    async with plant.watched():
        await plant.bench.desk.submit(START)
        plant.answers.clear()
        plant.bench.clock.advance(minutes=2)
        await plant.asked()
        await plant.bench.desk.submit(RELEASE)
        plant.bench.clock.advance(seconds=1)
        for _ in range(50):  # turns in which the service looks; the disk answers at once
            await asyncio.sleep(0)
        plant.answers.set()
        await plant.after(seconds=1)
        assert (plant.effect(), plant.alarms(), await plant.notes()) == ("", [], [])


async def test_a_stale_sensor_says_neither_effective_nor_not(plant):
    async with plant.watched():
        await plant.bench.desk.submit(START)
        plant.bench.clock.advance(seconds=5)
        plant.says(STATUS, True, Quality.STALE, "stale")
        await plant.after(minutes=3)
        assert plant.effect() == "unknown: ahu-1/SF-S is stale"
        assert plant.alarms() == []
        assert await plant.notes() == []


async def test_a_sensor_that_cannot_be_read_is_asked_again_in_a_minute_and_not_at_every_look(plant):
    async with plant.watched():
        await plant.bench.desk.submit(START)
        plant.unreadable.add(STATUS.id)
        await plant.after(minutes=2)
        assert plant.effect() == "unknown: ahu-1 does not answer"
        plant.unreadable.clear()
        await plant.after(seconds=30)
        assert plant.alarms() == []
        await plant.after(seconds=30)
        assert [alarm.kind for alarm in plant.alarms()] == [AlarmKind.INEFFECTIVE]


async def test_the_alarm_stays_as_it_is_while_the_sensor_is_not_known_to_be_right(plant):
    async with plant.watched():
        await plant.bench.desk.submit(START)
        await plant.after(minutes=2)
        plant.says(STATUS, False, Quality.STALE, "stale")
        await plant.after(seconds=1)
        assert plant.effects.troubles() == Troubles(undecided=frozenset({FAN.id}))


async def test_a_slow_valve_has_time_and_one_that_moves_nothing_is_flagged(plant):
    plant.bench.device.default = 0.0
    plant.says(VALVE, 0.0)
    plant.says(SUPPLY, 18.0)
    async with plant.watched():
        open_it = replace(START, point=VALVE.id, value=60.0)
        await plant.bench.desk.submit(open_it)
        await plant.after(minutes=8)
        assert plant.effect(VALVE).startswith("being checked: whether ahu-1/SAT falls")
        plant.says(SUPPLY, 17.2)
        await plant.after(seconds=1)
        assert plant.effect(VALVE).startswith("confirmed by ahu-1/SAT 8 min")
        await plant.bench.desk.submit(replace(open_it, value=90.0))
        await plant.after(minutes=10)
        assert plant.effect(VALVE) == "not effective: ahu-1/SAT is 17.2 10 min after the write"


async def test_nothing_is_expected_of_what_is_outranked_until_it_is_in_force(plant):
    plant.bench.device.put(FAN, False, priority=5)
    async with plant.watched():
        assert isinstance(await plant.bench.desk.submit(START), Outranked)
        await plant.after(seconds=1)
        assert plant.effect() == "being checked: the point itself is another value"
        await plant.after(minutes=5)
        assert plant.effect() == "nothing to check: outranked by slot 5"
        assert plant.alarms() == []
        plant.bench.device.put(FAN, None, priority=5)
        plant.says(FAN, True)
        await plant.after(seconds=1)
        await plant.after(seconds=119)
        assert plant.alarms() == []
        await plant.after(seconds=1)
        assert [alarm.about for alarm in plant.alarms()] == [FAN.id]


async def test_our_own_stronger_claim_outranks_as_well(plant):
    async with plant.watched():
        await plant.bench.desk.submit(START)
        await plant.bench.desk.submit(
            replace(START, by="policy:occupancy", priority=Priority.SCHEDULE, lasts=timedelta(minutes=15))
        )
        await plant.after(minutes=5)
        assert plant.effect(priority=Priority.SCHEDULE) == "nothing to check: outranked by slot 8"
        assert len(plant.alarms()) == 1  # of what is in force


async def test_a_device_that_holds_the_slot_and_ignores_it_is_flagged(plant):
    async with plant.watched():
        await plant.bench.desk.submit(START)
        plant.bench.clock.advance(seconds=1)
        plant.says(FAN, False)
        await plant.after(seconds=1)
        await plant.after(minutes=1)
        assert plant.effect() == "not effective: nothing outranks it, and ahu-1/SF-C is Off all the same"
        (alarm,) = plant.alarms()
        assert (alarm.text, alarm.value, alarm.limit) == (
            "command not effective: the point itself does not follow",
            "Off",
            "expected: On",
        )


async def test_nothing_is_said_of_what_was_released_meanwhile(plant):
    async with plant.watched():
        await plant.bench.desk.submit(START)
        await plant.after(minutes=1)
        await plant.bench.desk.submit(RELEASE)
        await plant.after(minutes=5)
        assert (plant.effect(), plant.alarms(), await plant.notes()) == ("", [], [])


async def test_the_alarm_ends_with_the_claim(plant):
    async with plant.watched():
        await plant.bench.desk.submit(START)
        await plant.after(minutes=2)
        assert plant.alarms()
        await plant.bench.desk.submit(RELEASE)
        await plant.after(seconds=1)
        assert plant.effects.troubles() == Troubles()


async def test_after_a_restart_the_window_begins_anew_and_an_alarm_that_stood_stands_on(plant):
    async with plant.watched():
        await plant.bench.desk.submit(START)
        await plant.after(minutes=2)
    await plant.bench.restart()
    plant.start()
    assert plant.effects.troubles() == Troubles(undecided=frozenset({FAN.id}))
    assert plant.found().undecided == {alarm_id(AlarmKind.INEFFECTIVE, FAN.id)}
    async with plant.watched():
        await plant.after(seconds=119)
        assert plant.effects.troubles() == Troubles(undecided=frozenset({FAN.id}))
        await plant.after(seconds=1)
        assert plant.alarms()


async def test_after_a_restart_nothing_is_held_against_a_valve_whose_air_has_long_settled(plant):
    plant.bench.device.default = 0.0
    plant.says(SUPPLY, 18.0)
    async with plant.watched():
        await plant.bench.desk.submit(replace(START, point=VALVE.id, value=60.0))
        plant.bench.clock.advance(minutes=5)
        plant.says(SUPPLY, 13.0)
        await plant.after(seconds=1)
    await plant.bench.restart()
    async with plant.watched():
        await plant.after(minutes=30)
        assert plant.effect(VALVE).startswith("unknown: how ahu-1/SAT was before")
        assert plant.alarms() == []


async def test_a_renewal_does_not_begin_again_and_a_new_value_does(plant):
    policy = replace(START, by="policy:occupancy", priority=Priority.SCHEDULE, lasts=timedelta(minutes=15))
    key = (FAN.id, Priority.SCHEDULE)
    async with plant.watched():
        await plant.bench.desk.submit(policy)
        await plant.after(seconds=100)
        await plant.bench.desk.renew(key, plant.bench.clock.now() + timedelta(minutes=15))
        await plant.after(seconds=20)
        assert plant.effects.of(key).startswith("not effective")
        await plant.bench.desk.submit(replace(policy, value=False))
        await plant.after(seconds=1)
        assert plant.effects.of(key) == "nothing to check: ahu-1/SF-S was Off already"
        assert plant.alarms() == []


async def test_what_policies_do_is_on_record_only_if_it_had_no_effect(plant):
    policy = replace(START, by="policy:occupancy", priority=Priority.SCHEDULE, lasts=timedelta(minutes=15))
    async with plant.watched():
        await plant.bench.desk.submit(policy)
        plant.bench.clock.advance(seconds=10)
        plant.says(STATUS, True)
        await plant.after(seconds=1)
        assert plant.effects.of((FAN.id, Priority.SCHEDULE)).startswith("confirmed")
        assert await plant.notes() == []


async def test_what_has_no_sensor_is_said_to_have_none_and_never_to_be_effective(plant):
    plant.says(LONELY, 1.0)
    async with plant.watched():
        await plant.bench.desk.submit(replace(START, point=LONELY.id, value=2.0))
        await plant.after(minutes=60)
        assert plant.effect(LONELY) == "cannot be checked: no sensor known"
        assert plant.effects.of_point(LONELY.id) == "cannot be checked: no sensor known"
        assert plant.effects.announce(LONELY, 3.0) == "cannot be checked: no sensor known"
        assert plant.alarms() == []


async def test_a_note_that_cannot_be_written_is_written_later(plant, monkeypatch):
    async def refuse(_work):
        raise StateUnavailable("the disk is full")

    async with plant.watched():
        await plant.bench.desk.submit(START)
        run = plant.bench.run
        monkeypatch.setattr(plant.bench, "run", refuse)
        await plant.after(minutes=2)
        await plant.after(seconds=1)
        assert plant.alarms()
        monkeypatch.setattr(plant.bench, "run", run)
        await plant.after(seconds=1)
        assert len(await plant.notes()) == 1


async def ramped(plant, *steps, goal):
    """One claim on its way, a step a minute; the flow does what `steps` say."""
    claim = Claim(
        point=FLOW_SETPOINT.id,
        priority=Priority.OPERATOR,
        value=600.0,
        by="user:mchen",
        reason="setback",
        since=plant.bench.clock.now(),
        until=plant.bench.clock.now() + timedelta(hours=2),
        command=START.id,
        goal=goal,
    )
    for value, flow in steps:
        await plant.bench.claims.put(replace(claim, value=value, goal=None if value == goal else goal))
        await plant.bench.claims.confirm(claim.key, value)
        plant.says(FLOW_SETPOINT, value)
        await plant.after(seconds=2)
        plant.bench.clock.advance(seconds=28)
        plant.says(FLOW, flow)
        await plant.after(seconds=30)


async def test_a_ramp_that_is_followed_is_checked_at_its_goal(plant):
    plant.says(FLOW_SETPOINT, 600.0)
    plant.says(FLOW, 600.0)
    async with plant.watched():
        steps = [(value, value + 15.0) for value in (540.0, 480.0, 420.0, 360.0)]
        await ramped(plant, *steps, goal=300.0)
        assert plant.effect(FLOW_SETPOINT) == "on its way; followed so far"
        assert await plant.notes() == []
        await ramped(plant, (300.0, 310.0), goal=300.0)
        assert plant.effect(FLOW_SETPOINT) == "confirmed by ahu-1/SAFLOW 28 s after the last step"
        assert len(await plant.notes()) == 1


async def test_a_flow_that_is_one_step_behind_follows_and_has_the_whole_window_at_the_goal(plant):
    plant.says(FLOW_SETPOINT, 600.0)
    plant.says(FLOW, 600.0)
    async with plant.watched():
        await ramped(plant, (480.0, 600.0), (360.0, 480.0), (240.0, 360.0), goal=120.0)
        assert plant.effect(FLOW_SETPOINT) == "on its way; followed so far"
        await ramped(plant, (180.0, 360.0), (120.0, 360.0), goal=120.0)
        await plant.after(minutes=1, seconds=55)
        assert plant.alarms() == []
        plant.says(FLOW, 125.0)
        await plant.after(seconds=1)
        assert plant.effect(FLOW_SETPOINT).startswith("confirmed by ahu-1/SAFLOW")


async def test_a_ramp_that_nothing_follows_is_flagged_before_it_ends(plant):
    plant.says(FLOW_SETPOINT, 600.0)
    plant.says(FLOW, 600.0)
    async with plant.watched():
        steps = [(value, 600.0) for value in (520.0, 440.0, 360.0, 280.0, 200.0)]
        await ramped(plant, *steps, goal=100.0)
        assert [alarm.about for alarm in plant.alarms()] == [FLOW_SETPOINT.id]
        assert len(await plant.notes()) == 1
