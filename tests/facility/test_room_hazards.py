"""What once turned a room's pressure, or held on to it: found by a reader who looked for nothing else."""

from dataclasses import replace
from datetime import timedelta

import pytest
import room_bench
from room_bench import (
    AII,
    EXTRACT,
    EXTRACT_SP,
    MODE,
    OR,
    PRESSURE,
    ROOM,
    SUPPLY,
    SUPPLY_SP,
    RoomBench,
    air,
    room_point,
)
from test_rooms import LOW_EXTRACT, LOW_SUPPLY, held_late, running, settled, turned_down

from facility.envelope import breach
from facility.model import Failed, Rejected
from facility.profiles.model import Protection
from points.catalog import Catalog
from points.errors import DeviceRefused, DeviceSilent
from points.model import Priority, Quality, Space, SpaceId

POLICY, PERSON = Priority.OCCUPANCY, Priority.OPERATOR


@pytest.fixture
async def bench(tmp_path):
    bench = RoomBench(tmp_path)
    yield await bench.start()
    bench.close()


@pytest.fixture
async def vacant(bench):
    bench.vacant_for(minutes=21)
    return bench


def by_hand(point, value, **changes):
    return air(point, value, by="user:mchen", **({"lasts": timedelta(hours=1)} | changes))


async def driven(bench, goals, wish, level, *, rounds=120):
    """Both airways towards their goals, as far as they get."""
    for _ in range(rounds):
        for point, goal in goals:
            claim = bench.claims[point.id, level]
            if claim is None:
                await bench.desk.submit(wish(point, goal))
            elif claim.goal is not None:
                await bench.desk.advance(claim.key)
        bench.clock.advance(seconds=10)
        bench.breathe()
        if all(bench.effective(point) == goal for point, goal in goals):
            return


async def a_person_above_a_policy(bench):
    await turned_down(bench)
    await driven(bench, ((SUPPLY_SP, 400.0), (EXTRACT_SP, 306.0)), by_hand, PERSON)
    for point in (SUPPLY_SP, EXTRACT_SP):
        await bench.desk.renew((point.id, POLICY), bench.clock.now() + timedelta(hours=3))
    assert [bench.device.slots(SUPPLY_SP)[level - 1] for level in (8, 14)] == [400.0, 210.0]
    assert [bench.device.slots(EXTRACT_SP)[level - 1] for level in (8, 14)] == [306.0, 116.0]
    bench.pressures.clear()


def kept(bench):
    assert min(bench.pressures, default=8.0) > 2.5


async def test_a_release_does_not_lay_bare_what_waits_beneath(vacant):
    await a_person_above_a_policy(vacant)
    await vacant.desk.submit(by_hand(SUPPLY_SP, None, lasts=None))
    kept(vacant)
    assert vacant.claims.standing() == []


@pytest.mark.parametrize("point", [SUPPLY_SP, EXTRACT_SP])
async def test_an_end_does_not_lay_bare_what_waits_beneath(vacant, point):
    await a_person_above_a_policy(vacant)
    await vacant.claims.renew((point.id, PERSON), vacant.clock.now())
    await vacant.desk.attend((point.id, PERSON))
    kept(vacant)
    assert vacant.claims.standing() == []


async def test_a_ramp_does_not_go_on_over_a_slot_that_its_device_has_lost(vacant):
    goals = ((EXTRACT_SP, LOW_EXTRACT), (SUPPLY_SP, LOW_SUPPLY))
    await driven(vacant, goals, lambda point, goal: air(point, goal, lasts=timedelta(hours=2)), POLICY, rounds=3)
    assert vacant.claims[SUPPLY_SP.id, POLICY].goal is not None
    vacant.device.reboot()  # at full flow again, and nobody has read it yet
    vacant.clock.advance(seconds=11)
    vacant.pressures.clear()
    before = len(vacant.device.writes)
    await vacant.desk.advance((SUPPLY_SP.id, POLICY))
    assert len(vacant.device.writes) == before
    kept(vacant)


async def test_the_extract_stays_down_while_somebody_else_keeps_the_supply_down(vacant):
    await turned_down(vacant)
    vacant.device.put(SUPPLY_SP, 300.0, priority=5)
    vacant.breathe()
    vacant.pressures.clear()
    async with running(vacant.watcher):
        vacant.occupied = True
        vacant.breathe()
        for _ in range(30):
            vacant.clock.advance(seconds=1)
            await settled(vacant, rounds=5)
    kept(vacant)
    assert vacant.effective(EXTRACT_SP) < EXTRACT
    assert any("the pressure of OR-1 would reverse" in text for text in vacant.told)


async def test_it_is_let_go_of_when_the_other_has_let_go(vacant):
    await turned_down(vacant)
    vacant.device.put(SUPPLY_SP, 300.0, priority=5)
    async with running(vacant.watcher):
        vacant.occupied = True
        vacant.breathe()
        for _ in range(15):
            vacant.clock.advance(seconds=1)
            await settled(vacant, rounds=5)
        vacant.device.put(SUPPLY_SP, None, priority=5)
        for _ in range(30):
            vacant.clock.advance(seconds=1)
            vacant.breathe()
            await settled(vacant, rounds=5)
    assert (vacant.effective(SUPPLY_SP), vacant.effective(EXTRACT_SP)) == (SUPPLY, EXTRACT)
    assert vacant.claims.standing() == []


@pytest.mark.parametrize(
    ("states", "value"),
    [(("Occupied", "Unocc", "Purge"), "Unocc"), (("Occupied", "Night setback"), "Night setback"), ((), 2)],
)
async def test_a_mode_that_does_not_surely_mean_all_of_the_air_counts_as_less(bench, states, value):
    mode = replace(MODE, states=states)
    points = [mode if point.id == MODE.id else point for point in bench.points]
    bench.book.replace(Catalog.of([], points, [OR, AII]))
    bench.rooms.follow(bench.book.current)
    bench.occupied = True
    bench.breathe()
    assert isinstance(await bench.desk.submit(by_hand(mode, value)), Rejected)


@pytest.mark.parametrize("first", [True, False])
async def test_of_several_pressure_sensors_the_one_nearest_to_the_limit_counts(tmp_path, first):
    second = room_point("anteroom-pressure", point_class="room-pressure", unit="pascals")
    bench = await RoomBench(tmp_path).start()
    points = list(bench.points)
    bench.book.replace(Catalog.of([], [second, *points] if first else [*points, second], [OR, AII]))
    bench.rooms.follow(bench.book.current)
    breathe = bench.breathe
    bench.breathe = lambda: (bench.say(second, 2.6), breathe())
    bench.vacant_for(minutes=21)
    outcome = await bench.desk.submit(air(EXTRACT_SP, LOW_EXTRACT))
    bench.close()
    assert isinstance(outcome, Rejected)


@pytest.mark.parametrize("level", [16, 5])
async def test_what_somebody_else_has_turned_down_is_not_what_a_room_has_at_rest(bench, level):
    bench.vacant_for(minutes=1)
    bench.device.put(SUPPLY_SP, 210.0, priority=level)
    bench.device.put(EXTRACT_SP, 116.0, priority=level)
    bench.vacant_for(minutes=21)
    await driven(bench, ((EXTRACT_SP, 0.0), (SUPPLY_SP, 80.0)), air, POLICY, rounds=30)
    assert bench.effective(SUPPLY_SP) >= 0.3 * SUPPLY - 1


async def test_what_a_mode_of_ours_makes_of_it_is_not_what_a_room_has_at_rest(vacant, monkeypatch):
    await vacant.desk.submit(by_hand(MODE, "Setback"))
    monkeypatch.setitem(room_bench.DEFAULTS, SUPPLY_SP.id, 210.0)
    monkeypatch.setitem(room_bench.DEFAULTS, EXTRACT_SP.id, 116.0)
    vacant.clock.advance(seconds=31)
    vacant.breathe()
    await driven(vacant, ((EXTRACT_SP, 0.0), (SUPPLY_SP, 80.0)), air, POLICY, rounds=30)
    assert vacant.effective(SUPPLY_SP) >= 0.3 * SUPPLY - 1


async def test_without_a_relinquish_default_nothing_is_written_that_was_not_judged(vacant):
    read = vacant.device.read_slots

    async def without_default(ref):
        return replace(await read(ref), default=None)

    vacant.device.read_slots = without_default
    await vacant.desk.submit(air(EXTRACT_SP, LOW_EXTRACT))
    await vacant.desk.submit(by_hand(SUPPLY_SP, LOW_SUPPLY))
    assert vacant.device.writes == []


async def test_a_room_that_is_made_another_is_let_go_of_as_what_it_was(vacant):
    await turned_down(vacant)
    vacant.pressures.clear()
    async with running(vacant.watcher):
        vacant.book.replace(Catalog.of([], vacant.points, [replace(OR, type="office"), AII]))
        vacant.clock.advance(seconds=1)
        await settled(vacant)
    kept(vacant)
    assert (vacant.effective(SUPPLY_SP), vacant.effective(EXTRACT_SP)) == (SUPPLY, EXTRACT)


async def test_a_room_that_is_gone_from_the_catalog_ends_nothing(vacant):
    async with running(vacant.watcher):
        vacant.book.replace(Catalog.of([], [replace(point, space="or-renamed") for point in vacant.points], []))
        vacant.say(PRESSURE, 1.0)
        await settled(vacant, rounds=20)


async def test_where_there_is_no_room_nothing_is_done_until_a_catalog_brings_one(vacant):
    rooms = vacant.book.current
    vacant.book.replace(Catalog.of([], vacant.points, []))
    async with running(vacant.watcher):
        await settled(vacant, rounds=20)
        assert vacant.clock._sleepers == []
        vacant.occupied = True
        vacant.breathe()
        vacant.book.replace(rooms)
        await settled(vacant, rounds=20)
        await held_late(vacant)
        vacant.clock.advance(seconds=1)
        await settled(vacant)
        assert vacant.effective(EXTRACT_SP) == EXTRACT
    assert vacant.claims.standing() == []


async def test_a_room_that_was_never_looked_at_is_not_known_to_be_in_order(vacant):
    new = Space(id=SpaceId("or-9"), name="OR-9", type="operating_room")
    points = [
        replace(
            point,
            id=point.id.replace("or-1", "or-9"),
            space=new.id,
            ref=replace(point.ref, instance=point.ref.instance + 1),
        )
        for point in ROOM
    ]
    vacant.book.replace(Catalog.of([], [*vacant.points, *points], [OR, AII, new]))
    supply, occupancy = points[0], next(point for point in points if point.point_class == "occupancy")
    vacant.say(occupancy, True)
    vacant.say(supply, SUPPLY)
    vacant.rooms.follow(vacant.book.current)
    assert isinstance(await vacant.desk.submit(by_hand(supply, 100.0)), Rejected)


async def test_a_lamp_that_is_not_known_to_be_dark_is_doubt(tmp_path):
    lamp = room_point("surgical-light", point_class="lighting-level", unit="percent")
    bench = await RoomBench(tmp_path, points=(lamp,)).start()
    bench.say(lamp, 0.0)
    bench.vacant_for(minutes=21)
    await turned_down(bench)
    bench.quality[lamp.id] = Quality.STALE
    bench.say(lamp, 0.0)
    why = breach(bench.rooms.look(OR.id, bench.clock.now()), bench.clock.now())
    bench.close()
    assert "surgical-light is not known" in why


async def test_after_it_was_let_go_of_a_room_has_to_be_vacant_for_as_long_again(vacant):
    await turned_down(vacant)
    async with running(vacant.watcher):
        vacant.quality[PRESSURE.id] = Quality.STALE
        vacant.breathe()
        await settled(vacant)
        vacant.quality.clear()
        vacant.breathe()
        await settled(vacant, rounds=20)
        outcome = await vacant.desk.submit(air(EXTRACT_SP, LOW_EXTRACT))
    assert (outcome.rule, outcome.later > timedelta(minutes=19)) == ("vacancy", True)


async def test_a_person_can_take_back_a_room_that_a_policy_drives_down(vacant):
    goals = ((EXTRACT_SP, LOW_EXTRACT), (SUPPLY_SP, LOW_SUPPLY))
    await driven(vacant, goals, lambda point, goal: air(point, goal, lasts=timedelta(hours=2)), POLICY, rounds=3)
    outcome = await vacant.desk.submit(by_hand(SUPPLY_SP, SUPPLY))
    assert not isinstance(outcome, (Rejected, Failed)), outcome.why


async def test_a_device_that_refuses_protection_is_not_asked_each_second(vacant):
    async def refuse(ref, value, priority):
        raise DeviceRefused("write-access-denied")

    asked = []
    write = vacant.device.write

    async def counted(ref, value, priority):
        asked.append(priority)
        if priority == 10:
            await refuse(ref, value, priority)
        await write(ref, value, priority)

    vacant.device.write = counted
    rules = vacant.profiles.room_rules
    protect = Protection(point_class="mode", path="", value="Purge", minutes=15)
    vacant.profiles.room_rules = lambda space: (
        None if (known := rules(space)) is None else replace(known, protect=(protect,) if space.id == "or-1" else ())
    )
    vacant.rooms.follow(vacant.book.current)
    vacant.device.put(SUPPLY_SP, 560.0, priority=5)
    async with running(vacant.watcher):
        for _ in range(180):
            vacant.clock.advance(seconds=1)
            vacant.breathe()
            await settled(vacant, rounds=2)
    assert 1 <= asked.count(10) <= 8


async def test_after_a_restart_the_relinquish_defaults_say_what_is_at_rest(vacant):
    await turned_down(vacant)
    vacant.device.put(SUPPLY_SP, 350.0, priority=5)  # and nobody remembers what flowed before
    await vacant.restart()
    vacant.rooms.follow(vacant.book.current)
    vacant.pressures.clear()
    async with running(vacant.watcher):
        vacant.occupied = True
        vacant.breathe()
        for _ in range(20):
            vacant.clock.advance(seconds=1)
            await settled(vacant, rounds=5)
        kept(vacant)
        vacant.device.put(SUPPLY_SP, None, priority=5)
        for _ in range(20):
            vacant.clock.advance(seconds=1)
            vacant.breathe()
            await settled(vacant, rounds=5)
    assert (vacant.effective(SUPPLY_SP), vacant.effective(EXTRACT_SP)) == (SUPPLY, EXTRACT)


async def test_what_flows_in_a_room_outside_its_limits_is_not_what_it_has_at_rest(bench):
    bench.device.put(EXTRACT_SP, 640.0, priority=5)
    bench.vacant_for(minutes=1)
    room = bench.rooms.look(OR.id, bench.clock.now())
    assert (room.supply.rest, room.extract.rest) != (SUPPLY, 640.0)


@pytest.mark.parametrize("point", [SUPPLY_SP, EXTRACT_SP])
async def test_air_that_was_held_above_rest_comes_down_the_other_way_round(vacant, point):
    await driven(vacant, ((SUPPLY_SP, 900.0), (EXTRACT_SP, 800.0)), by_hand, PERSON)
    assert (vacant.effective(SUPPLY_SP), vacant.effective(EXTRACT_SP)) == (900.0, 800.0)
    vacant.pressures.clear()
    await vacant.desk.submit(by_hand(point, None, lasts=None))
    assert (vacant.effective(SUPPLY_SP), vacant.effective(EXTRACT_SP)) == (SUPPLY, EXTRACT)
    kept(vacant)


async def test_the_watcher_tries_for_as_long_as_it_takes(vacant):
    await turned_down(vacant)
    vacant.device.silent.add(SUPPLY_SP.ref.device.instance)
    vacant.watcher._tries[OR.id, "held"] = type("Tries", (), {"latest": vacant.clock.now(), "count": 10_000})()
    async with running(vacant.watcher):
        vacant.occupied = True
        vacant.breathe()
        for _ in range(20):
            vacant.clock.advance(seconds=1)
            await settled(vacant, rounds=3)


async def test_the_supply_does_not_wait_for_the_silent_controller_of_the_extract(vacant):
    await turned_down(vacant)
    read = vacant.device.read_slots

    async def slow_at_the_extract(ref):
        if ref == EXTRACT_SP.ref:
            await vacant.clock.sleep(9.0)
            raise DeviceSilent("no answer in 3 s, three times")
        return await read(ref)

    vacant.device.read_slots = slow_at_the_extract
    async with running(vacant.watcher):
        vacant.occupied = True
        vacant.breathe()
        for _ in range(2):
            vacant.clock.advance(seconds=1)
            await settled(vacant, rounds=10)
        assert vacant.effective(SUPPLY_SP) == SUPPLY
