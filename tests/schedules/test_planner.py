"""The planner as a service: with pretend hands, on a virtual clock."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise

import pytest
from pretend_office import (
    COOL,
    HEAT,
    LIGHT,
    NIGHT,
    NOON,
    SENSOR,
    TEMP,
    catalog,
    of_class,
    point,
    timetable,
)
from pretend_stage import Stage, running
from scripted_policy import Scripted

from points.errors import DeviceRefused, DeviceSilent
from points.model import EventKind, Priority, Quality
from schedules.calendar import Entry, Programme
from schedules.errands import RETRY, NotYet
from schedules.plan import LEASE, Standing
from schedules.planner import REST_S, TICK_S, Planner
from schedules.policies.occupancy_standby import OccupancyStandby
from schedules.policies.weekly import Weekly
from schedules.policy import Demand
from schedules.wakeups import ClockJump, Wakeups

SETPOINTS = of_class("heating-setpoint", "cooling-setpoint")
G36 = {
    "occupied": {"heating-setpoint": 21.0, "cooling-setpoint": 24.0},
    "unoccupied": {"heating-setpoint": 16.0, "cooling-setpoint": 32.0},
}
HOURS = Weekly(name="hours", timetable=timetable(), points=SETPOINTS, values=G36)
STANDBY = OccupancyStandby(
    name="standby",
    timetable=timetable(),
    heating=of_class("heating-setpoint"),
    cooling=of_class("cooling-setpoint"),
)
HEAT_15, COOL_15 = (HEAT.id, Priority.SCHEDULE), (COOL.id, Priority.SCHEDULE)
HEAT_14, COOL_14 = (HEAT.id, Priority.OCCUPANCY), (COOL.id, Priority.OCCUPANCY)


async def test_plans_at_its_start_and_at_the_change_of_the_programme():
    async with running(Stage(NOON, [HOURS])) as stage:
        assert stage.hands.values() == {HEAT_15: 21.0, COOL_15: 24.0}
        evening = datetime(2026, 11, 24, 18, tzinfo=UTC)
        await stage.time.until(evening - timedelta(seconds=1))
        assert stage.hands.values() == {HEAT_15: 21.0, COOL_15: 24.0}
        await stage.time.until(evening)
        assert stage.hands.values() == {HEAT_15: 16.0, COOL_15: 32.0}


async def test_holds_are_leases_that_are_renewed_at_half_life_and_not_more_often():
    async with running(Stage(NOON, [HOURS])) as stage:
        await stage.time.until(NOON + timedelta(hours=1))
        renewals = [when for when, point_id, *_ in stage.hands.deeds if point_id == HEAT.id]
        gaps = {later - earlier for earlier, later in pairwise(renewals)}
        assert all(LEASE / 2 <= gap <= LEASE / 2 + timedelta(seconds=TICK_S + 2 * REST_S) for gap in gaps)
        assert len(renewals) > 5


async def test_a_clean_stop_lets_go_of_everything():
    stage = Stage(NOON, [HOURS])
    async with running(stage):
        assert stage.hands.standing
    assert stage.hands.standing == {}
    assert {why for *_, why in stage.hands.deeds[-2:]} == {"the agent was stopped"}


async def test_a_stop_lets_go_of_what_was_still_under_way():
    """The planner's wait is cancelled, the hold is not."""
    stage = Stage(NOON, [HOURS])
    arrive = asyncio.Event()
    hold = stage.hands.hold

    async def slow(demand, until):
        async def go_on():
            await arrive.wait()
            await hold(demand, until)

        stage.hands.under_way.add(task := asyncio.create_task(go_on()))
        task.add_done_callback(stage.hands.under_way.discard)
        await asyncio.shield(task)

    stage.hands.hold = slow
    async with running(stage):
        assert stage.hands.under_way
        assert not stage.hands.standing
        asyncio.get_running_loop().call_later(0.05, arrive.set)
    assert len(stage.hands.deeds) == 2
    assert stage.hands.standing == {}


async def test_a_stop_with_a_hanging_device_ends_in_time_and_lets_go_of_the_rest(monkeypatch):
    monkeypatch.setattr("schedules.planner.FAREWELL_S", 0.05)
    building = catalog(HEAT, point("vav-2/heat-sp", "heating-setpoint"))
    stage = Stage(NOON, [HOURS], building)
    async with running(stage):
        stage.hands.hangs.add(HEAT.id)
    assert set(stage.hands.standing) == {HEAT_15}  # its lease runs out by itself


async def test_a_crash_lets_go_of_nothing():
    stage = Stage(NOON, [HOURS])
    stage.hands.held = lambda: (_ for _ in ()).throw(RuntimeError("our own mistake"))
    stage.hands.standing[HEAT_15] = Standing(value=21.0, policy="hours", until=NOON + LEASE)
    with pytest.raises(ExceptionGroup):
        await stage.planner.run()
    assert stage.hands.deeds == []


async def test_five_vacant_minutes_become_standby_and_one_person_ends_it():
    async with running(Stage(NOON, [HOURS, STANDBY])) as stage:
        stage.read(TEMP, 21.5)
        stage.read(SENSOR, value=True)
        await stage.time.until(NOON + timedelta(minutes=10))
        stage.read(SENSOR, value=False)
        left = stage.time.now()
        for minute in range(4):  # the polls go on
            await stage.time.until(left + timedelta(minutes=minute + 0.9))
            stage.read(SENSOR, value=False)
        assert HEAT_14 not in stage.hands.values()
        await stage.time.until(left + timedelta(minutes=6))
        assert stage.hands.values() == {HEAT_15: 21.0, COOL_15: 24.0, HEAT_14: 20.5, COOL_14: 24.5}
        stage.read(SENSOR, value=True)
        back = stage.time.now()
        await stage.time.until(back + timedelta(seconds=REST_S))
        assert stage.hands.values() == {HEAT_15: 21.0, COOL_15: 24.0}
        assert (HEAT.id, Priority.OCCUPANCY, "standby no longer wants it") in {deed[1:] for deed in stage.hands.deeds}


async def test_a_stale_sensor_ends_standby():
    async with running(Stage(NOON, [STANDBY])) as stage:
        stage.read(TEMP, 21.5)
        stage.read(SENSOR, value=False)
        await stage.time.until(NOON + timedelta(minutes=7))
        assert stage.hands.values() == {HEAT_14: 20.5, COOL_14: 24.5}
        stage.store.put(replace(stage.store.get(SENSOR.id), quality=Quality.STALE, at=stage.time.now()))
        await stage.time.until(NOON + timedelta(minutes=7, seconds=2 * REST_S))
        assert stage.hands.values() == {}


async def test_a_storm_of_readings_costs_one_round_in_two_seconds():
    async with running(Stage(NOON, [STANDBY])) as stage:
        stage.read(SENSOR, value=False)
        await stage.time.until(NOON + timedelta(minutes=7))
        before = stage.planner.rounds
        for number in range(200):
            stage.read(TEMP, 20.0 + number / 100)
            await asyncio.sleep(0)
        await stage.time.until(NOON + timedelta(minutes=7, seconds=10))
        assert 1 <= stage.planner.rounds - before <= 3
        before = stage.planner.rounds
        stage.read(LIGHT, value=True)  # nobody looked at that one
        stage.read(TEMP, stage.store.get(TEMP.id).value)  # and this is no news
        await stage.time.until(NOON + timedelta(minutes=7, seconds=14))
        assert stage.planner.rounds == before


async def test_a_silent_device_does_not_hold_up_the_others_and_is_tried_again():
    other = point("vav-2/heat-sp", "heating-setpoint")
    stage = Stage(NOON, [HOURS], catalog(HEAT, COOL, other))
    stage.hands.refuses[HEAT.id] = DeviceSilent("no answer from vav-1")
    async with running(stage):
        assert set(stage.hands.values()) == {(other.id, Priority.SCHEDULE)}  # nor was COOL, of vav-1, tried in vain
        assert stage.planner.troubles[HEAT_15].text == "no answer from vav-1"
        del stage.hands.refuses[HEAT.id]
        await stage.time.until(NOON + RETRY + timedelta(seconds=TICK_S))
        assert set(stage.hands.values()) == {HEAT_15, COOL_15, (other.id, Priority.SCHEDULE)}
        assert stage.planner.troubles == {}


async def test_a_refused_point_does_not_hold_up_its_neighbour_and_is_tried_less_and_less_often():
    stage = Stage(NOON, [HOURS])
    asked = []
    reach = stage.hands._reach

    async def counted(point_id):
        if point_id == HEAT.id:
            asked.append(stage.time.now())
        await reach(point_id)

    stage.hands._reach = counted
    stage.hands.refuses[HEAT.id] = DeviceRefused("write access denied", "write-access-denied")
    async with running(stage):
        assert stage.hands.values() == {COOL_15: 24.0}
        await stage.time.until(NOON + timedelta(hours=2))
        gaps = [(later - earlier).total_seconds() / 60 for earlier, later in pairwise(asked)]
        assert [round(gap) for gap in gaps][:5] == [1, 2, 4, 8, 16]  # fifteen, at the next round
        await stage.time.until(datetime(2026, 11, 24, 18, tzinfo=UTC))
        assert asked[-1] == stage.time.now()  # another value is tried at once


async def test_what_has_to_wait_its_turn_is_asked_for_again_exactly_then_and_is_no_failure(caplog):
    stage = Stage(NOON, [HOURS])
    asked = []
    reach = stage.hands._reach

    async def counted(point_id):
        asked.append((stage.time.now(), point_id))
        await reach(point_id)

    stage.hands._reach = counted
    stage.hands.refuses[HEAT.id] = NotYet("the extract first", timedelta(seconds=7))
    async with running(stage):
        assert stage.hands.values() == {COOL_15: 24.0}  # the neighbour had its turn
        assert stage.planner.troubles == {}
        assert stage.planner.postponed[HEAT_15].text == "the extract first"
        for _ in range(4):
            await stage.time.until(stage.time.now() + timedelta(seconds=7))
        waits = [when - NOON for when, point_id in asked if point_id == HEAT.id]
        assert waits == [timedelta(seconds=7 * number) for number in range(5)]  # never less often, either
        del stage.hands.refuses[HEAT.id]
        await stage.time.until(NOON + timedelta(seconds=35))
        assert stage.hands.deeds[-1] == (NOON + timedelta(seconds=35), *HEAT_15, 21.0)
        assert stage.planner.postponed == {}
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


async def test_nobody_waits_for_a_turn_by_the_rules_of_a_catalog_that_is_no_more():
    stage = Stage(NOON, [HOURS])
    stage.hands.refuses[HEAT.id] = NotYet("a rest of an hour", timedelta(hours=1))
    async with running(stage):
        del stage.hands.refuses[HEAT.id]
        await stage.time.until(NOON + timedelta(minutes=2))
        assert HEAT_15 in stage.planner.postponed
        stage.building = replace(stage.building)  # as the survey does when two people have agreed to something
        await stage.time.until(NOON + timedelta(minutes=4))
        assert stage.planner.postponed == {}
        assert HEAT_15 in stage.hands.values()


async def test_another_value_does_not_wait_for_the_turn_of_the_former():
    stage = Stage(datetime(2026, 11, 24, 17, 59, tzinfo=UTC), [HOURS], catalog(HEAT))
    stage.hands.refuses[HEAT.id] = NotYet("a rest of an hour", timedelta(hours=1))
    async with running(stage):
        assert stage.planner.postponed
        del stage.hands.refuses[HEAT.id]
        await stage.time.until(datetime(2026, 11, 24, 18, tzinfo=UTC))
        assert stage.hands.values() == {HEAT_15: 16.0}
        assert stage.planner.postponed == {}


async def test_what_is_let_go_of_goes_in_the_opposite_order():
    stage = Stage(NOON, [HOURS])
    async with running(stage):
        taken = [deed[1:3] for deed in stage.hands.deeds]
        stage.policies = []
        await stage.time.until(NOON + timedelta(minutes=2))
        assert [deed[1:3] for deed in stage.hands.deeds[2:]] == taken[::-1]
    stage = Stage(NOON, [HOURS])
    async with running(stage):
        pass
    assert [deed[1:3] for deed in stage.hands.deeds[2:]] == taken[::-1]


async def test_a_stop_waits_for_the_turn_of_what_it_lets_go_of():
    stage = Stage(NOON, [HOURS])
    async with running(stage):
        stage.hands.refuses[HEAT.id] = NotYet("the supply first", timedelta(seconds=3))
        sleep = stage.time.sleep

        async def until_then(seconds):
            stage.hands.refuses.clear()
            stage.time.allowed += timedelta(seconds=seconds)
            await sleep(seconds)

        stage.time.sleep = until_then
    assert stage.hands.standing == {}
    assert stage.hands.deeds[-1] == (NOON + timedelta(seconds=3), *HEAT_15, "the agent was stopped")


async def test_hands_that_hang_are_given_up_on(monkeypatch):
    monkeypatch.setattr("schedules.errands.PATIENCE_S", 0.05)
    stage = Stage(NOON, [HOURS], catalog(HEAT, point("vav-2/heat-sp", "heating-setpoint")))
    stage.hands.hangs.add(HEAT.id)
    async with running(stage):
        async with asyncio.timeout(30):
            while not stage.planner.troubles:
                await asyncio.sleep(0.01)
        assert stage.planner.troubles[HEAT_15].text == "TimeoutError"
        assert len(stage.hands.values()) == 1


class Breaks(Scripted):
    name = "broken"
    works = False

    def demands(self, looked):
        if not self.works:
            raise ZeroDivisionError("a mistake")
        return iter([Demand(point=HEAT.id, value=1.0, priority=Priority.SCHEDULE, policy=self.name, reason="late")])

    def next_change(self, _now):
        return None


async def test_a_broken_policy_is_told_once_and_counted_and_its_recovery_too():
    broken = Breaks()
    stage = Stage(NOON, [broken, HOURS])
    async with running(stage):
        await stage.time.until(NOON + timedelta(minutes=3))
        assert [event.kind for event in stage.told] == [EventKind.POLICY]
        assert "Policy broken failed (ZeroDivisionError: a mistake)" in stage.told[0].text
        assert stage.hands.values() == {HEAT_15: 21.0, COOL_15: 24.0}
        broken.works = True
        await stage.time.until(NOON + timedelta(minutes=5))
        assert [event.text for event in stage.told[1:]] == [
            "vav-1/heat-sp slot 15: hours (21.0) goes before broken (1.0), because weekly goes before scripted",
            "Policy broken works again",
        ]


async def test_refused_demands_are_told():
    class Reckless(Breaks):
        works = True
        name = "reckless"

    stage = Stage(NOON, [Reckless()], catalog(point(HEAT.id, "heating-setpoint", locked=True)))
    async with running(stage):
        await stage.time.until(NOON + timedelta(minutes=3))
        assert [event.text for event in stage.told] == [
            "reckless may not have vav-1/heat-sp at slot 15: it is monitor-only"
        ]
        assert stage.hands.deeds == []


async def test_a_step_of_the_clock_is_told_and_no_vacancy_is_taken_from_it():
    async with running(Stage(NOON, [STANDBY])) as stage:
        stage.read(TEMP, 21.5)
        stage.read(SENSOR, value=False)
        await stage.time.until(NOON + timedelta(minutes=2))
        stage.time.jumps.append(ClockJump(3600.0))
        stage.time.present += timedelta(hours=1)
        await stage.time.until(NOON + timedelta(hours=1, minutes=3))
        assert stage.told[0].text == "The clock of this machine went +3600 s: everything is planned anew"
        assert stage.hands.values() == {}  # only three minutes were really seen
        await stage.time.until(NOON + timedelta(hours=1, minutes=10))
        assert HEAT_14 in stage.hands.values()


async def test_what_was_not_watched_for_a_while_is_not_taken_for_steady():
    class LooksNowAndThen(Scripted):
        name = "now-and-then"
        looks = True
        since = None

        def demands(self, looked):
            if self.looks and looked[SENSOR.id] is not None:
                self.since = looked.since.get(SENSOR.id)
            return iter(())

        def next_change(self, now):
            return now + timedelta(minutes=1)

    policy = LooksNowAndThen()
    async with running(Stage(NOON, [policy])) as stage:
        stage.read(SENSOR, value=False)
        await stage.time.until(NOON + timedelta(minutes=5))
        assert policy.since == NOON
        policy.looks = False
        await stage.time.until(NOON + timedelta(minutes=10))
        stage.read(SENSOR, value=True)  # somebody came,
        await stage.time.until(NOON + timedelta(minutes=15))
        stage.read(SENSOR, value=False)  # and left
        left = stage.time.now()
        policy.looks = True
        await stage.time.until(NOON + timedelta(minutes=20))
        assert policy.since == left


async def test_a_release_that_failed_is_tried_again_until_it_is_done():
    stage = Stage(NOON, [HOURS], catalog(HEAT))
    async with running(stage):
        stage.policies = []
        stage.hands.refuses[HEAT.id] = DeviceRefused("busy", "busy")
        await stage.time.until(NOON + timedelta(minutes=4))
        assert stage.planner.troubles[HEAT_15].tries == 2
        assert stage.hands.values() == {HEAT_15: 21.0}
        del stage.hands.refuses[HEAT.id]
        await stage.time.until(NOON + timedelta(minutes=6))
        assert stage.hands.values() == {}
        assert stage.planner.troubles == {}


@pytest.mark.parametrize(
    ("evening", "changes"),
    [
        # spring: 02:30 does not exist, the change comes at 03:00 CEST
        ((2027, 3, 27), [("01:00:00Z", 20.0), ("03:00:00Z", 21.0)]),
        # autumn: 02:30 comes twice, the change comes at the first
        ((2027, 10, 30), [("00:30:00Z", 20.0), ("04:00:00Z", 21.0)]),
    ],
)
async def test_both_nights_from_end_to_end(evening, changes):
    night = Programme(name="night", default="low", week=((Entry(time(2, 30), "mid"), Entry(time(5), "day")),) * 7)
    policy = Weekly(
        name="night",
        timetable=timetable(night),
        points=of_class("heating-setpoint"),
        values={"low": 19.0, "mid": 20.0, "day": 21.0},
    )
    start = datetime(*evening, 23, 5, tzinfo=UTC)
    async with running(Stage(start, [policy])) as stage:
        await stage.time.until(start + timedelta(hours=8))
        seen = []
        for when, _point, _priority, value in stage.hands.deeds:
            if not seen or seen[-1][1] != value:
                seen.append((f"{when:%H:%M:%SZ}", value))
        assert seen[1:] == changes


async def test_with_the_real_clock_and_the_real_wakeups(monkeypatch):
    monkeypatch.setattr("schedules.planner.REST_S", 0.0)
    stage = Stage(NIGHT, [])
    soon = None  # a moment after the first round looks, however late that is

    class Soon(Breaks):
        name = "soon"
        works = True

        def demands(self, looked):
            nonlocal soon
            soon = soon or looked.now + timedelta(seconds=0.3)
            return super().demands(looked) if looked.now >= soon else iter(())

        def next_change(self, now):
            return soon if now < soon else None

    class RealTime:
        def now(self):
            return datetime.now(UTC)

        async def sleep(self, seconds):
            await asyncio.sleep(seconds)

    clock = RealTime()
    stage.time, stage.hands._clock = clock, clock
    planner = Planner(
        policies=lambda: [Soon()],
        view=stage.view,
        store=stage.store,
        hands=stage.hands,
        clock=clock,
        tell=stage.told.append,
        wakeups=Wakeups(clock),
    )
    task = asyncio.create_task(planner.run())
    async with asyncio.timeout(30):
        while not stage.hands.deeds:
            await asyncio.sleep(0.01)
    assert soon <= stage.hands.deeds[0][0]  # and that was not the tick, which is a minute
    assert planner.rounds == 2
    task.cancel()
    await asyncio.wait({task})
    assert stage.hands.standing == {}
