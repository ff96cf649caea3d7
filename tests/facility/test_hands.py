import asyncio
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from desk_bench import ELSEWHERE, OVERRIDE, SETPOINT, Bench
from manual_clock import NOON
from scripted_policy import Scripted

from facility.hands import LOOK_EVERY, NotDone, PolicyHands
from points.catalog import Catalog
from points.errors import DeviceRefused, DeviceSilent
from points.model import Priority
from schedules.plan import Standing
from schedules.planner import Hands, Planner
from schedules.policy import Demand, View

KEY = (SETPOINT.id, Priority.SCHEDULE)
DEMAND = Demand(point=SETPOINT.id, value=16.0, priority=Priority.SCHEDULE, policy="night", reason="night setback")
UNTIL = NOON + timedelta(minutes=15)


@pytest.fixture
async def bench(tmp_path):
    bench = Bench(tmp_path)
    yield await bench.start()
    bench.close()


@pytest.fixture
def hands(bench):
    hands: Hands = PolicyHands(bench.desk, bench.clock)
    return hands


async def test_a_demand_is_held_and_let_go_of(bench, hands):
    await hands.hold(DEMAND, UNTIL)
    assert bench.slot(priority=15) == 16.0
    assert hands.held() == {KEY: Standing(value=16.0, policy="night", until=UNTIL)}
    await hands.release(*KEY, "nobody wants it any more")
    assert (bench.slot(priority=15), hands.held()) == (None, {})
    newest = (await bench.audit.records())[0]
    assert (newest.by, newest.reason, newest.result) == (
        "policy:night",
        "nobody wants it any more",
        "released slot 15",
    )


async def test_operators_claims_are_none_of_the_planner_s_business(bench, hands):
    await bench.desk.submit(OVERRIDE)
    assert hands.held() == {}
    await hands.release(SETPOINT.id, Priority.OPERATOR, "no longer wanted")
    assert bench.slot() == 18.0


async def test_the_same_hold_again_only_renews_the_lease(bench, hands):
    await hands.hold(DEMAND, UNTIL)
    bench.device.silent.add(SETPOINT.ref.device.instance)  # not even a look
    bench.clock.advance(minutes=4)
    await hands.hold(DEMAND, UNTIL + timedelta(minutes=4))
    assert hands.held()[KEY].until == UNTIL + timedelta(minutes=4)
    assert bench.device.writes == [(16.0, 15)]
    bench.clock.advance(seconds=LOOK_EVERY.total_seconds())
    with pytest.raises(DeviceSilent, match="could not be compared"):
        await hands.hold(DEMAND, UNTIL + timedelta(minutes=9))


async def test_another_value_or_another_policy_is_written(bench, hands):
    await hands.hold(DEMAND, UNTIL)
    await hands.hold(replace(DEMAND, value=19.0), UNTIL)
    await hands.hold(replace(DEMAND, value=19.0, policy="holiday"), UNTIL)
    assert [value for value, _ in bench.device.writes] == [16.0, 19.0, 19.0]
    assert hands.held()[KEY].policy == "holiday"


async def test_a_look_finds_a_device_that_restarted(bench, hands):
    await hands.hold(DEMAND, UNTIL)
    bench.device.reboot()
    bench.clock.advance(minutes=6)
    await hands.hold(DEMAND, UNTIL + timedelta(minutes=6))
    assert bench.slot(priority=15) == 16.0
    assert hands.held()[KEY].until == UNTIL + timedelta(minutes=6)


async def test_a_look_finds_a_slot_that_somebody_took(bench, hands):
    await hands.hold(DEMAND, UNTIL)
    bench.device.put(SETPOINT, 21.0, priority=15)
    bench.clock.advance(minutes=6)
    with pytest.raises(NotDone, match="not ours"):
        await hands.hold(DEMAND, UNTIL)
    assert (bench.slot(priority=15), hands.held()) == (21.0, {})


async def test_a_lease_that_ran_out_is_taken_anew(bench, hands):
    await hands.hold(DEMAND, UNTIL)
    bench.clock.advance(minutes=20)
    await hands.hold(DEMAND, UNTIL + timedelta(minutes=20))
    assert [value for value, _ in bench.device.writes] == [16.0, None, 16.0]


async def test_an_outranked_hold_is_held(bench, hands):
    await bench.desk.submit(OVERRIDE)
    await hands.hold(DEMAND, UNTIL)
    assert bench.slot(priority=15) == 16.0


async def test_what_was_not_done_is_raised_in_words(bench, hands):
    bench.device.faults = [bench.device.refuse(DeviceRefused("write access denied", "write-access-denied"))]
    with pytest.raises(NotDone, match="write access denied"):
        await hands.hold(DEMAND, UNTIL)
    with pytest.raises(NotDone, match=r"refused \(limits\)"):
        await hands.hold(replace(DEMAND, value=500.0), UNTIL)
    bench.device.faults = [bench.device.ignore]
    with pytest.raises(NotDone, match="mismatch"):
        await hands.hold(DEMAND, UNTIL)
    bench.device.silent.add(SETPOINT.ref.device.instance)
    with pytest.raises(DeviceSilent):
        await hands.hold(DEMAND, UNTIL)


async def test_a_release_that_failed_is_raised_and_one_that_somebody_took_is_not(bench, hands):
    await hands.hold(DEMAND, UNTIL)
    bench.device.silent.add(SETPOINT.ref.device.instance)
    with pytest.raises(DeviceSilent):
        await hands.release(*KEY, "stopped")
    bench.device.silent.clear()
    bench.device.put(SETPOINT, 21.0, priority=15)
    await hands.release(*KEY, "stopped")
    assert (bench.slot(priority=15), hands.held()) == (21.0, {})


class Night(Scripted):
    name = "night"

    def demands(self, _view):
        yield DEMAND
        yield replace(DEMAND, point=ELSEWHERE.id)


@pytest.mark.parametrize("act", ["read_slots", "write"])
async def test_a_clean_stop_leaves_nothing_in_the_plant_whatever_was_under_way(bench, hands, act):
    reached, go_on = asyncio.Event(), asyncio.Event()
    real = getattr(bench.device, act)

    async def slow(*what):
        reached.set()
        await go_on.wait()
        return await real(*what)

    setattr(bench.device, act, slow)
    bench.device._check_record = lambda *_: None  # two devices at once: the newest intent is either's
    planner = Planner(
        policies=lambda: [Night()],
        view=lambda: View(now=bench.clock.now(), zone=ZoneInfo("UTC"), catalog=bench.book.current, readings={}),
        store=bench.store,
        hands=hands,
        clock=bench.clock,
        tell=lambda _: None,
    )
    task = asyncio.create_task(planner.run())
    async with asyncio.timeout(30):
        await reached.wait()
        task.cancel()
        asyncio.get_running_loop().call_later(0.02, go_on.set)
        await asyncio.wait({task})
        await bench.desk.settle()
    assert [value for value, _ in bench.device.writes if value is not None] == [16.0, 16.0]
    assert (bench.slot(SETPOINT, 15), bench.slot(ELSEWHERE, 15), hands.held()) == (None, None, {})


async def test_a_device_in_quarantine_is_neither_given_more_time_nor_let_go_of(bench, hands):
    await hands.hold(DEMAND, UNTIL)
    bench.book.replace(Catalog.of([], [replace(SETPOINT, quarantined=True), ELSEWHERE]))
    with pytest.raises(NotDone, match="quarantine"):
        await hands.hold(DEMAND, UNTIL + timedelta(minutes=4))
    with pytest.raises(NotDone, match="quarantine"):
        await hands.release(*KEY, "nobody wants it any more")
    assert hands.held() == {KEY: Standing(value=16.0, policy="night", until=UNTIL)}
    assert len(bench.device.writes) == 1
    bench.book.replace(Catalog.of([], [SETPOINT, ELSEWHERE]))
    await hands.release(*KEY, "nobody wants it any more")
    assert (bench.slot(priority=15), hands.held()) == (None, {})
