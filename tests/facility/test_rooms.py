"""A critical room on the desk: what may be reduced when, in which order, and what happens when it must not be."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from room_bench import (
    AII_EXTRACT_SP,
    AII_SUPPLY_SP,
    DOOR,
    EXTRACT,
    EXTRACT_SP,
    MODE,
    OCCUPANCY,
    OR,
    PRESSURE,
    SUPPLY,
    SUPPLY_SP,
    RoomBench,
    air,
)

from facility.model import GUARD, Claim, Held, Rejected
from facility.profiles.model import Protection
from points.model import Priority, Quality

TURNS = 20
LOW_SUPPLY, LOW_EXTRACT = 210.0, 116.0  # the offset at rest is kept


@pytest.fixture
async def bench(tmp_path):
    bench = RoomBench(tmp_path)
    yield await bench.start()
    bench.close()


@pytest.fixture
async def vacant(bench):
    bench.vacant_for(minutes=21)
    return bench


@asynccontextmanager
async def running(*services):
    async with asyncio.TaskGroup() as tasks:
        started = [tasks.create_task(service.run()) for service in services]
        await asyncio.sleep(0)
        yield
        for task in started:
            task.cancel()


async def settled(bench, rounds=200):
    """So many turns for everybody that nothing is under way any more; the disk answers at once."""
    for _ in range(TURNS * rounds):
        await asyncio.sleep(0)


async def turned_down(bench):
    """Both airways on their way, driven to their goals as the service would."""
    for _ in range(200):
        for point, goal in ((EXTRACT_SP, LOW_EXTRACT), (SUPPLY_SP, LOW_SUPPLY)):
            key = (point.id, Priority.OCCUPANCY)
            claim = bench.claims[key]
            if claim is None:
                await bench.desk.submit(air(point, goal, lasts=timedelta(hours=2)))
            elif claim.goal is not None:
                await bench.desk.advance(key)
        bench.clock.advance(seconds=5)
        bench.breathe()
        if bench.effective(SUPPLY_SP) == LOW_SUPPLY and bench.effective(EXTRACT_SP) == LOW_EXTRACT:
            return
    raise AssertionError(f"still at {bench.effective(SUPPLY_SP)} and {bench.effective(EXTRACT_SP)}")


def refused(outcome, rule):
    assert isinstance(outcome, Rejected), outcome
    assert outcome.rule == rule, outcome.why
    return outcome


async def test_supply_may_not_come_down_before_extract(vacant):
    said = refused(await vacant.desk.submit(air(SUPPLY_SP, LOW_SUPPLY)), "order")
    assert "extract comes down before supply, or its pressure reverses" in said.why
    assert EXTRACT_SP.id in said.why
    assert "not verified at this site" in said.why
    assert said.later is not None  # the planner asks again
    assert vacant.device.writes == []


async def test_extract_goes_first_and_both_arrive_with_the_pressure_kept(vacant):
    vacant.ramp = 25.0
    vacant.pressures.clear()
    await turned_down(vacant)
    assert min(vacant.pressures) > 2.5
    assert max(vacant.pressures) < 60
    first = vacant.device.writes[0]
    assert first[0] == pytest.approx(EXTRACT - 0.25 * EXTRACT / 6, abs=0.01)  # 25 % a minute, 10 s between two steps


async def test_the_shipped_ramp_is_25_percent_a_minute(vacant):
    assert vacant.profiles.command_rule(SUPPLY_SP, OR).ramp_per_minute == 25.0


async def test_a_ramp_takes_as_long_as_its_rule_says(vacant):
    begun = vacant.clock.now()
    await turned_down(vacant)
    least = (EXTRACT - LOW_EXTRACT) / EXTRACT / (vacant.ramp / 100)  # minutes
    assert vacant.clock.now() - begun >= timedelta(minutes=least) - timedelta(seconds=5)


async def test_a_claim_on_its_way_says_where_to(vacant):
    outcome = await vacant.desk.submit(air(EXTRACT_SP, LOW_EXTRACT))
    assert isinstance(outcome, Held)
    assert outcome.goal == LOW_EXTRACT
    claim = vacant.claims[EXTRACT_SP.id, Priority.OCCUPANCY]
    assert (claim.goal, claim.wanted) == (LOW_EXTRACT, LOW_EXTRACT)
    assert LOW_EXTRACT < claim.value == outcome.command.value < EXTRACT
    assert "on its way to 116.0" in (await vacant.results())[0]


async def test_a_ramp_goes_on_after_a_restart(vacant):
    await vacant.desk.submit(air(EXTRACT_SP, LOW_EXTRACT, lasts=timedelta(hours=2)))
    await vacant.restart()
    claim = vacant.claims[EXTRACT_SP.id, Priority.OCCUPANCY]
    assert claim.goal == LOW_EXTRACT


async def test_the_air_that_leads_is_let_go_of_first_whoever_is_named(vacant):
    await turned_down(vacant)
    vacant.device.writes.clear()
    vacant.pressures.clear()
    await vacant.desk.submit(air(EXTRACT_SP, None, lasts=None))
    assert [vacant.effective(SUPPLY_SP), vacant.effective(EXTRACT_SP)] == [SUPPLY, EXTRACT]
    assert vacant.claims.standing() == []
    assert min(vacant.pressures) > 2.5  # supply came back before extract


async def test_a_person_is_shown_that_a_room_s_air_is_let_go_of_as_a_whole(vacant):
    await turned_down(vacant)
    letting_go = air(EXTRACT_SP, None, by="user:mchen", lasts=None, priority=Priority.OCCUPANCY)
    assert [claim.point for claim in vacant.desk.also_let_go(letting_go)] == [SUPPLY_SP.id]
    vacant.pressures.clear()
    assert isinstance(await vacant.desk.submit(letting_go), Held)
    assert vacant.claims.standing() == []
    assert min(vacant.pressures) > 2.5


async def test_an_end_that_comes_lets_go_in_the_right_order_too(vacant):
    await turned_down(vacant)
    vacant.pressures.clear()
    await vacant.desk.renew((EXTRACT_SP.id, Priority.OCCUPANCY), vacant.clock.now() + timedelta(seconds=1))
    vacant.clock.advance(seconds=2)
    vacant.breathe()
    for key in vacant.desk.due(vacant.clock.now()):
        await vacant.desk.attend(key)
    assert vacant.claims.standing() == []
    assert min(vacant.pressures) > 2.5


@pytest.mark.parametrize(
    ("spoil", "rule"),
    [
        (lambda bench: setattr(bench, "occupied", True), "occupied"),
        (lambda bench: bench.quality.update({OCCUPANCY.id: Quality.STALE}), "occupied"),
        (lambda bench: bench.quality.update({PRESSURE.id: Quality.STALE}), "envelope"),
        (lambda bench: bench.quality.update({PRESSURE.id: Quality.BAD}), "envelope"),
        (lambda bench: setattr(bench, "door", True), "door"),
        (lambda bench: bench.quality.update({DOOR.id: Quality.STALE}), "occupied"),
        (lambda bench: setattr(bench.rooms, "watched", False), "envelope"),
    ],
)
async def test_nothing_is_reduced_unless_the_room_is_surely_vacant_and_in_order(vacant, spoil, rule):
    spoil(vacant)
    vacant.breathe()
    refused(await vacant.desk.submit(air(EXTRACT_SP, LOW_EXTRACT)), rule)
    assert vacant.device.writes == []


async def test_twenty_minutes_without_anybody_are_needed(bench):
    bench.vacant_for(minutes=19)
    said = refused(await bench.desk.submit(air(EXTRACT_SP, LOW_EXTRACT)), "vacancy")
    assert said.later == timedelta(minutes=1)
    bench.vacant_for(minutes=1)
    assert isinstance(await bench.desk.submit(air(EXTRACT_SP, LOW_EXTRACT)), Held)


async def test_the_main_air_flow_stays_above_its_share(vacant):
    await turned_down(vacant)
    said = refused(await vacant.desk.submit(air(SUPPLY_SP, 190.0)), "minimum-flow")
    assert "30%" in said.why


async def test_engineers_are_bound_by_the_room_as_policies_are(bench):
    refused(await bench.desk.submit(air(EXTRACT_SP, LOW_EXTRACT, by="user:mchen", lasts=timedelta(hours=1))), "vacancy")
    setback = air(MODE, "Setback", by="user:mchen", lasts=timedelta(hours=1))
    refused(await bench.desk.submit(setback), "vacancy")
    assert isinstance(await bench.desk.submit(replace(setback, value="Purge")), Held)


async def test_the_isolation_room_is_never_touched(vacant):
    for point in (AII_SUPPLY_SP, AII_EXTRACT_SP):
        refused(await vacant.desk.submit(air(point, 60.0)), "critical")
        refused(await vacant.desk.submit(air(point, 60.0, by="user:mchen", lasts=timedelta(hours=1))), "who")


async def test_a_renewal_is_judged_too(vacant):
    await turned_down(vacant)
    vacant.occupied = True
    vacant.breathe()
    verdict = await vacant.desk.renew((SUPPLY_SP.id, Priority.OCCUPANCY), vacant.clock.now() + timedelta(minutes=15))
    assert (verdict.refused, verdict.rule) == (True, "envelope")


EVIDENCE = {
    "somebody comes": lambda bench: setattr(bench, "occupied", True),
    "a door is not known": lambda bench: bench.quality.update({DOOR.id: Quality.STALE}),
    "a door opens": lambda bench: setattr(bench, "door", True),
    "occupancy turns stale": lambda bench: bench.quality.update({OCCUPANCY.id: Quality.STALE}),
    "pressure turns stale": lambda bench: bench.quality.update({PRESSURE.id: Quality.STALE}),
    "pressure turns bad": lambda bench: bench.quality.update({PRESSURE.id: Quality.BAD}),
}


@pytest.mark.parametrize("what", EVIDENCE)
async def test_everything_is_let_go_of_without_a_second_passing(vacant, what):
    await turned_down(vacant)
    vacant.pressures.clear()
    async with running(vacant.watcher):
        EVIDENCE[what](vacant)
        vacant.breathe()
        await settled(vacant)
        assert [vacant.effective(SUPPLY_SP), vacant.effective(EXTRACT_SP)] == [SUPPLY, EXTRACT]
    assert vacant.claims.standing() == []
    assert min(vacant.pressures) > 2.5
    assert any("OR-1 is let go of, because" in text for text in vacant.told)
    records = await vacant.audit.records(target=SUPPLY_SP.id)
    assert (records[0].by, records[0].action) == (GUARD, "release")


async def test_what_an_operator_holds_is_his_to_let_go_of(vacant):
    await turned_down(vacant)
    await vacant.desk.submit(air(MODE, "Purge", by="user:mchen", lasts=timedelta(hours=1)))
    async with running(vacant.watcher):
        vacant.occupied = True
        vacant.breathe()
        await settled(vacant)
    assert [claim.point for claim in vacant.claims.standing()] == [MODE.id]


async def test_a_silent_room_controller_is_let_go_of_when_it_answers_again(vacant):
    await turned_down(vacant)
    controller = SUPPLY_SP.ref.device.instance
    async with running(vacant.watcher, vacant.leases):
        vacant.device.silent.add(controller)
        vacant.occupied = True
        vacant.breathe()
        await settled(vacant)
        assert vacant.effective(SUPPLY_SP) == LOW_SUPPLY
        vacant.device.silent.clear()
        vacant.clock.advance(minutes=6)
        await settled(vacant)
        vacant.clock.advance(minutes=6)
        await settled(vacant)
        assert vacant.effective(SUPPLY_SP) == SUPPLY
    assert vacant.claims.standing() == []


async def held_late(bench):
    """A policy's hold that was under way when the evidence came."""
    late = air(EXTRACT_SP, LOW_EXTRACT)
    await bench.claims.put(
        Claim(
            point=late.point,
            priority=late.priority,
            value=late.value,
            by=late.by,
            reason=late.reason,
            since=bench.clock.now(),
            until=bench.clock.now() + late.lasts,
            command=late.id,
        )
    )
    bench.device.put(EXTRACT_SP, LOW_EXTRACT, priority=14)


async def test_a_hold_that_arrives_just_after_the_evidence_is_let_go_of_at_the_next_tick(vacant):
    async with running(vacant.watcher):
        vacant.occupied = True
        vacant.breathe()
        await settled(vacant, rounds=20)  # nothing is held yet, and no other reading will come
        await held_late(vacant)
        vacant.clock.advance(seconds=1)
        await settled(vacant, rounds=100)
        assert vacant.effective(EXTRACT_SP) == EXTRACT
    assert vacant.claims.standing() == []


async def protected(bench, minutes):
    """An operating room whose profile wants the mode "Occupied" when its pressure is lost for so long."""
    rules = bench.profiles.room_rules
    purge = Protection(point_class="mode", path="", value="Purge", minutes=15)
    bench.profiles.room_rules = lambda space: (
        None if (known := rules(space)) is None else replace(known, protect=(purge,) if space.id == "or-1" else ())
    )
    bench.rooms.follow(bench.book.current)
    bench.device.put(SUPPLY_SP, 560.0, priority=5)  # somebody else takes the air away
    bench.breathe()
    async with running(bench.watcher):
        for _ in range(round(minutes * 60)):
            bench.clock.advance(seconds=1)
            bench.breathe()
            await asyncio.sleep(0)
        await settled(bench)
        return bench.claims[MODE.id, Priority.PROTECTIVE]


async def test_protection_is_raised_at_level_10_where_the_profile_says_so(vacant):
    claim = await protected(vacant, minutes=1.2)
    assert claim is not None
    assert (claim.by, claim.value) == (GUARD, 3)
    assert vacant.slot(MODE, 10) == 3


async def test_a_door_that_is_passed_raises_no_protection(vacant):
    assert await protected(vacant, minutes=0.5) is None


async def test_as_shipped_nothing_is_raised(vacant):
    vacant.device.put(SUPPLY_SP, 560.0, priority=5)
    vacant.breathe()
    async with running(vacant.watcher):
        for _ in range(90):
            vacant.clock.advance(seconds=1)
            vacant.breathe()
            await asyncio.sleep(0)
        await settled(vacant)
    assert vacant.device.writes == []


async def test_when_the_clock_is_set_vacancy_begins_anew(vacant):
    async with running(vacant.watcher):
        await asyncio.sleep(0)
        vacant.clock.advance(hours=-3)
        await settled(vacant)
        vacant.breathe()
    vacant.rooms.watched = True
    refused(await vacant.desk.submit(air(EXTRACT_SP, LOW_EXTRACT)), "vacancy")
