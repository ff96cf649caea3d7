"""Domain row 6: free for twenty minutes is set back; everything else is somebody."""

from dataclasses import replace
from datetime import timedelta

import pytest
from pretend_office import BERLIN, NOON, OFFICE, catalog, of_class, point, reading
from steady_answers import assert_steady, follow

from points.model import Access, Kind, Priority, Safety, Space
from schedules.feeds import BEDS, Bed, BedState, Feeds
from schedules.plan import why_not
from schedules.policies.bed_setback import BedSetback, Outside
from schedules.policy import Demand, View

ROOM = Space(id="room-301", name="Room 301", type="patient_room")
HEAT = point("vav-3/heat", "heating-setpoint", space="room-301", safety=Safety.CRITICAL)
COOL = point("vav-3/cool", "cooling-setpoint", space="room-301", unit="degrees-fahrenheit")
TEMP = point("vav-3/temp", "zone-temperature", space="room-301", commandable=False)
HUMID = point("vav-3/rh", "humidity", space="room-301", unit="percent-relative-humidity", commandable=False)
MOTION = point("vav-3/occ", "occupancy", kind=Kind.BINARY, space="room-301", commandable=False)
FLOW = point("vav-3/flow-sp", "airflow-setpoint", space="room-301")
OFFICE_HEAT = point("vav-1/heat", "heating-setpoint")
ALL = (HEAT, COOL, TEMP, HUMID, FLOW, OFFICE_HEAT)
BUILDING = catalog(*ALL, spaces=(ROOM, OFFICE))
POLICY = BedSetback(
    name="beds",
    heating=of_class("heating-setpoint", "airflow-setpoint"),
    cooling=of_class("cooling-setpoint"),
)
MINUTE = timedelta(minutes=1)


def bed(state, *, minutes, name="A"):
    return Bed(space=ROOM.id, bed=name, state=BedState(state), since=NOON - minutes * MINUTE)


def told(*beds, silent=0):
    rooms = {ROOM.id: beds} if beds else {}
    return Feeds(beds=rooms, heard={BEDS: NOON - silent * MINUTE})


def view(feeds, *, celsius=22.0, percent=45.0, building=BUILDING, others=(), vacant_minutes=None):
    readings = {each.point: each for each in (reading(TEMP, celsius), reading(HUMID, percent), *others)}
    since = {} if vacant_minutes is None else dict.fromkeys(readings, NOON - vacant_minutes * MINUTE)
    return View(now=NOON, zone=BERLIN, catalog=building, readings=readings, since=since, outside=lambda: feeds)


def values(decision):
    return {demand.point: demand.value for demand in decision.demands}


def decide(seen, memory=None):
    return assert_steady(POLICY, seen, memory)


RELAXED = {HEAT.id: 20.0, COOL.id: pytest.approx(78.8)}  # 26 °C


def test_twenty_minutes_of_unoccupied_sets_the_room_back():
    decision = decide(view(told(bed("U", minutes=20))))
    assert values(decision) == RELAXED
    assert {(demand.priority, demand.vacates) for demand in decision.demands} == {(Priority.OCCUPANCY, ROOM.id)}
    assert decision.demands[0].reason == "every bed of room-301 is free, since 24.11. 11:40"


def test_nineteen_minutes_do_not_and_it_says_when():
    decision = decide(view(told(bed("U", minutes=19))))
    assert decision.demands == ()
    assert decision.until == NOON + MINUTE


@pytest.mark.parametrize("state", ["C", "H", "I", "K", "O"])
def test_every_other_state_is_occupied(state):
    assert decide(view(told(bed(state, minutes=600)))).demands == ()


def test_unoccupied_and_then_contaminated_is_no_setback():
    feeds = (told(bed("U", minutes=30)), told(bed("K", minutes=1)))
    first, second = follow(POLICY, [view(each) for each in feeds])
    assert (values(first), values(second)) == (RELAXED, {})


def test_a_feed_that_is_silent_for_half_an_hour_is_occupied():
    assert values(decide(view(told(bed("U", minutes=90), silent=29)))) == RELAXED
    decision = decide(view(told(bed("U", minutes=90), silent=31)))
    assert (decision.demands, decision.remarks[0].held) == ((), True)


def test_it_asks_again_when_the_feed_falls_silent():
    decision = decide(view(told(bed("U", minutes=90), silent=10)))
    assert decision.until == NOON + 20 * MINUTE + timedelta(microseconds=1)


@pytest.mark.parametrize("feeds", [told(), Feeds(), told(bed("U", minutes=90), bed("O", minutes=90, name="B"))])
def test_unknown_beds_and_one_that_is_taken_are_occupied(feeds):
    assert decide(view(feeds)).demands == ()


def test_all_beds_of_a_room_must_have_been_free_for_long_enough():
    assert decide(view(told(bed("U", minutes=90), bed("U", minutes=5, name="B")))).demands == ()
    assert values(decide(view(told(bed("U", minutes=90), bed("U", minutes=20, name="B"))))) == RELAXED


@pytest.mark.parametrize(("celsius", "percent"), [(17.9, 45), (28.1, 45), (22, 60.1), (None, 45), (22, None)])
def test_outside_its_band_or_unknown_it_has_its_full_setpoints(celsius, percent):
    assert decide(view(told(bed("U", minutes=90)), celsius=celsius, percent=percent)).demands == ()


def test_sixty_percent_are_allowed_and_after_more_it_takes_fifty_seven():
    free = told(bed("U", minutes=90))
    assert values(decide(view(free, percent=60.0))) == RELAXED
    views = [view(free, percent=percent) for percent in (61.0, 59.0, 57.0, 59.0)]
    assert [bool(decision.demands) for decision in follow(POLICY, views)] == [False, False, True, True]
    assert decide(view(free, percent=61.0)).memory == Outside(rooms=("room-301",))


def test_a_motion_sensor_that_sees_somebody_beats_the_bed_board():
    building = catalog(*ALL, MOTION, spaces=(ROOM, OFFICE))
    free = told(bed("U", minutes=90))
    for value, minutes, relaxed in ((True, 90, False), (False, 4, False), (False, 5, True), (None, 90, False)):
        seen = view(free, building=building, others=[reading(MOTION, value)], vacant_minutes=minutes)
        assert bool(decide(seen).demands) is relaxed, (value, minutes)


def test_it_speaks_for_nothing_but_temperature_setpoints_of_patient_rooms():
    demanded = values(decide(view(told(bed("U", minutes=90)))))
    assert demanded.keys() == {HEAT.id, COOL.id}
    assert [problem.split(":")[0] for problem in POLICY.problems(BUILDING)] == [FLOW.id, OFFICE_HEAT.id]


def demand(about, **changes):
    given = {"point": about.id, "value": 20.0, "priority": Priority.OCCUPANCY, "policy": "p", "reason": "r"}
    return Demand(**{**given, **changes})


def test_the_door_is_narrow():
    assert why_not(demand(HEAT, vacates=ROOM.id), BUILDING) == ""
    assert "only the state of its beds" in why_not(demand(HEAT), BUILDING)
    assert "only the state of its beds" in why_not(demand(FLOW), BUILDING)
    assert "no heating or cooling setpoint" in why_not(demand(FLOW, vacates=ROOM.id), BUILDING)
    assert "level 14" not in why_not(demand(HEAT, vacates=ROOM.id), BUILDING)
    for level in (Priority.SCHEDULE, Priority.DEMAND_LIMIT, Priority.HOLD_OFF):
        assert "14 only" in why_not(demand(HEAT, vacates=ROOM.id, priority=level), BUILDING)
    assert "no state of a bed opens it" in why_not(demand(OFFICE_HEAT, vacates=OFFICE.id), BUILDING)
    assert "belongs to" in why_not(demand(OFFICE_HEAT, vacates=ROOM.id), BUILDING)


@pytest.mark.parametrize(
    "changes",
    [{"safety": Safety.UNKNOWN}, {"safety": Safety.MEDICAL}, {"access": Access.MONITOR_ONLY}, {"unit": "percent"}],
)
def test_only_a_plain_commandable_temperature_is_open(changes):
    point_changes = {"locked": True} if "access" in changes else changes
    odd = replace(HEAT, **point_changes)
    assert why_not(demand(odd, vacates=ROOM.id), catalog(odd, spaces=(ROOM,)))
