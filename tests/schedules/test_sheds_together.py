"""Several of our own policies in the same rooms: what one of them wrote is no person's adjustment for another."""

from dataclasses import replace
from datetime import timedelta

import pytest
from pretend_office import BERLIN, NOON, point, reading
from pretend_offices import METER, MINUTE, chosen, event, vav

from points.catalog import Catalog
from points.model import Kind, Space
from schedules.calendar import Entry, Programme
from schedules.decider import Decider
from schedules.feeds import Feeds
from schedules.limiting import Limiting
from schedules.policies.demand_limit import DemandLimit
from schedules.policies.demand_response import DemandResponse, Response
from schedules.policies.occupancy_standby import OccupancyStandby
from schedules.policies.pre_cooling import PreCooling
from schedules.policy import View
from schedules.shedding import Comfort
from schedules.timetable import Timetable

HEAT, COOL, TEMP = vav("office-1")
SENSOR = point("office-1/occ", "occupancy", kind=Kind.BINARY, commandable=False)
BUILDING = Catalog.of([], [HEAT, COOL, TEMP, SENSOR, METER], [Space(id="office-1", name="1", type="admin_office")])
SETPOINTS = {"heating": chosen("heating-setpoint"), "cooling": chosen("cooling-setpoint")}
ALWAYS = Timetable(Programme(name="always", default="occupied", week=((),) * 7), BERLIN)
PEAK_AT_ONE = Programme(name="tariff", default="off-peak", week=((Entry(NOON.time().replace(hour=13), "peak"),),) * 7)
WIDE = Comfort(low_celsius=18.0, high_celsius=28.0)
LIMIT = DemandLimit(name="peak", meter=METER.id, limit_kilowatts=500.0, comfort=WIDE, longest_minutes=60.0, **SETPOINTS)
RESPONSE = DemandResponse(name="dr", comfort=WIDE, **SETPOINTS)
STANDBY = OccupancyStandby(name="standby", timetable=ALWAYS, **SETPOINTS)
PRE = PreCooling(
    name="pre", timetable=ALWAYS, cooling=SETPOINTS["cooling"], tariff=Timetable(PEAK_AT_ONE, BERLIN)
)  # cools from noon to 12:55
TOO_MUCH, LITTLE = 560.0, 480.0  # of 500 kW
BOTH_WAYS = pytest.mark.parametrize("turned", [False, True])
"""Whoever is written first is asked first."""


class Building:
    """One office whose setpoints have what the winning slot says, and read so a while later."""

    def __init__(self, *policies, turned=False, lag=1, cooling=24.0):
        """`lag`: in minutes; `cooling`: what stands beneath all slots, the schedule with what people adjusted."""
        self.policies = policies[::-1] if turned else policies
        self.rest = {HEAT.id: 21.0, COOL.id: cooling}
        self.now, self.lag, self.kilowatts, self.events, self.vacant = NOON, lag, LITTLE, (), False
        self.past, self.room = [], 23.5
        self.decider = Decider(NOON)
        self.decider.adopt(self.policies)

    @property
    def cooling(self):
        """What the cooling setpoint is now."""
        return self.value(COOL)

    def value(self, setpoint):
        slots = {level: demand.value for (about, level), demand in self.decider.wanted.items() if about == setpoint.id}
        return slots[min(slots)] if slots else self.rest[setpoint.id]

    def minutes(self, many):
        for _ in range(many):
            self.past.append({setpoint: self.value(setpoint) for setpoint in (HEAT, COOL)})
            read = self.past[max(len(self.past) - 1 - self.lag, 0)]
            found = [reading(setpoint, value, self.now) for setpoint, value in read.items()]
            found += [reading(TEMP, self.room, self.now), reading(METER, self.kilowatts, self.now)]
            found += [reading(SENSOR, not self.vacant, self.now)]
            self.decider.note(found, self.now)
            self.decider.hear()
            self.decider.decide(self.view({each.point: each for each in found}))
            self.now += MINUTE
        return self.cooling

    def view(self, readings):
        feeds = Feeds(events=self.events)
        return View(now=self.now, zone=BERLIN, catalog=BUILDING, readings=readings, outside=lambda: feeds)

    def too_much(self):
        """For as long as it takes to be confirmed; what is shed for it is shed for the control time, 20 min."""
        self.kilowatts = TOO_MUCH
        self.minutes(6)
        self.kilowatts = LITTLE
        return self.minutes(1)

    def restart(self):
        """Another process, with what was remembered."""
        self.decider = Decider(self.now, self.decider.memories())
        self.decider.adopt(self.policies)

    def calls(self, level=2, minutes=60):
        self.events = (event(level=level, start=self.now, hours=minutes / 60),)


@BOTH_WAYS
@pytest.mark.parametrize("adjusted", [0.0, 1.0])
def test_an_event_over_a_limit_counts_from_where_the_setpoint_stood_before_the_limit(turned, adjusted):
    building = Building(LIMIT, RESPONSE, turned=turned, cooling=24.0 + adjusted)
    assert building.too_much() == 24.5 + adjusted
    building.calls()
    assert building.minutes(3) == 25.0 + adjusted
    assert building.value(HEAT) == 20.0


@BOTH_WAYS
@pytest.mark.parametrize("adjusted", [0.0, 1.0])
def test_a_limit_over_an_event_counts_from_where_the_setpoint_stood_before_the_event(turned, adjusted):
    building = Building(LIMIT, RESPONSE, turned=turned, cooling=24.0 + adjusted)
    building.calls(minutes=10)
    assert building.minutes(2) == 25.0 + adjusted
    assert building.too_much() == 25.0 + adjusted  # the event goes before the limit
    assert building.minutes(3) == 24.5 + adjusted  # it is over, and the limit is not
    assert building.value(HEAT) == 20.5


@BOTH_WAYS
def test_both_that_begin_at_one_moment_count_from_the_same(turned):
    building = Building(LIMIT, RESPONSE, turned=turned, lag=0)
    building.kilowatts = TOO_MUCH
    building.minutes(5)
    building.calls(minutes=3)
    assert building.minutes(1) == 25.0
    assert [memory.bases[COOL.id] for memory in building.decider.memories().values()] == [24.0, 24.0]
    assert building.minutes(3) == 24.5


@BOTH_WAYS
def test_a_setpoint_that_was_given_back_and_still_reads_as_shed_is_known_to_be_so(turned):
    building = Building(LIMIT, RESPONSE, turned=turned, lag=5)
    building.calls(minutes=10)
    building.minutes(5)
    building.kilowatts = TOO_MUCH
    assert building.minutes(5) == 25.0
    assert building.minutes(2) == 24.5


@BOTH_WAYS
def test_what_was_shed_is_known_over_a_restart(turned):
    building = Building(LIMIT, RESPONSE, turned=turned)
    building.too_much()
    building.restart()
    building.calls()
    assert building.minutes(3) == 25.0


@BOTH_WAYS
def test_what_somebody_adjusts_after_all_is_given_back_counts_again(turned):
    building = Building(LIMIT, RESPONSE, turned=turned)
    building.calls(minutes=10)
    building.minutes(12)
    building.rest[COOL.id] = 25.0
    building.minutes(20)
    assert building.too_much() == 25.5
    assert building.minutes(40) == 25.0
    building.rest[COOL.id] = 24.0
    building.minutes(2)
    building.calls()
    assert building.minutes(2) == 25.0


@BOTH_WAYS
def test_what_somebody_adjusts_after_a_room_left_its_range_counts_during_the_event(turned):
    building = Building(LIMIT, RESPONSE, turned=turned, lag=3)
    building.calls(minutes=120)
    assert building.minutes(3) == 25.0
    building.room = 28.5
    assert building.minutes(1) == 24.0  # given back at once, and for the rest of the event
    building.room = 23.5
    building.kilowatts = TOO_MUCH
    building.minutes(1)
    assert building.decider.stood("peak", COOL.id, building.now) == 24.0  # it still reads as it was shed
    building.kilowatts = LITTLE
    building.rest[COOL.id] = 23.0
    building.minutes(15)
    assert building.too_much() == 23.5


@BOTH_WAYS
def test_two_limits_do_not_add_up(turned):
    building = Building(LIMIT, replace(LIMIT, name="feeder", limit_kilowatts=520.0), turned=turned)
    building.kilowatts = 515.0
    building.minutes(3)
    assert building.too_much() == 24.5
    assert [memory.bases[COOL.id] for memory in building.decider.memories().values()] == [24.0, 24.0]


@BOTH_WAYS
def test_a_room_that_was_cooled_ahead_is_not_shed_to_less_than_it_had(turned):
    building = Building(PRE, LIMIT, turned=turned)
    assert building.minutes(4) == 22.5
    assert building.too_much() == 24.5


@BOTH_WAYS
@pytest.mark.parametrize("adjusted", [0.0, 1.0])
def test_an_event_at_once_does_not_count_from_what_was_cooled_ahead_for_the_peak(turned, adjusted):
    building = Building(PRE, RESPONSE, turned=turned, cooling=24.0 + adjusted)
    assert building.minutes(4) == 22.5
    building.calls(level=1)  # nobody could let go before it
    assert building.minutes(3) == 24.5 + adjusted


@BOTH_WAYS
def test_what_was_cooled_ahead_while_it_was_shed_stood_where_it_did_before_either(turned):
    building = Building(PRE, LIMIT, turned=turned, cooling=25.0)
    building.now -= timedelta(minutes=10)
    assert building.too_much() == 25.5
    building.minutes(6)
    assert building.decider.memories()["pre"].stood(COOL.id, building.now) == 25.0


@BOTH_WAYS
@pytest.mark.parametrize("adjusted", [0.0, 1.0])
def test_an_event_does_not_add_up_with_a_room_that_nobody_is_in(turned, adjusted):
    building = Building(STANDBY, RESPONSE, turned=turned, cooling=24.0 + adjusted)
    building.minutes(2)
    building.vacant = True
    assert building.minutes(8) == 24.5
    building.calls()
    building.minutes(3)
    building.vacant = False
    assert building.minutes(3) == 25.0 + adjusted


@pytest.mark.parametrize("kelvin", [0.5, 1.0, 2.0])
def test_no_shed_tightens_a_room_that_nobody_is_in(kelvin):
    building = Building(replace(STANDBY, standby_kelvin=kelvin), RESPONSE)
    building.minutes(2)
    building.vacant = True
    assert building.minutes(8) == 24.0 + kelvin
    building.calls(level=1)
    assert building.minutes(3) >= 24.0 + kelvin


def test_whoever_is_the_only_one_is_told_nothing():
    building = Building(RESPONSE)
    building.calls()
    building.minutes(3)
    assert building.decider.said("dr").stood == {}
    assert building.decider.stood("dr", COOL.id, building.now) is None
    assert building.decider.stood("another", COOL.id, building.now) == 24.0


def test_a_clock_that_is_put_back_keeps_nothing_for_hours():
    building = Building(PRE)
    building.minutes(56)
    cooled = building.decider.memories()["pre"]
    assert cooled.stood(COOL.id, building.now) == 24.0
    assert cooled.stood(COOL.id, building.now - timedelta(hours=2)) is None
    assert cooled.stood(COOL.id, building.now + timedelta(minutes=5)) is None


def test_what_a_policy_remembers_from_long_ago_says_nothing_of_now():
    response = Response(bases={COOL.id: 24.0}, forget=NOON)
    limiting = Limiting(minute=NOON, bases={COOL.id: 24.0})
    assert response.stood(COOL.id, NOON - MINUTE) == limiting.stood(COOL.id, NOON + MINUTE) == 24.0
    assert response.stood(COOL.id, NOON) is None
    assert limiting.stood(COOL.id, NOON + timedelta(hours=1)) is None


def test_what_was_given_back_long_before_an_event_ended_stays_forgotten_when_it_does():
    building = Building(RESPONSE)
    given_back = {COOL.id: NOON - timedelta(hours=1)}
    was = Response(bases={COOL.id: 24.0, HEAT.id: 21.0}, given_back=given_back, forget=NOON + MINUTE)
    now = RESPONSE.bind(BUILDING)(building.view({}), was).memory
    assert (now.stood(COOL.id, NOON), now.stood(HEAT.id, NOON)) == (None, 21.0)


def test_nobody_is_asked_because_another_begins_to_shed():
    building = Building(LIMIT, RESPONSE)
    building.calls()
    building.minutes(3)
    said = building.decider.said("dr")
    building.decider.hear = lambda: False
    building.too_much()
    assert building.decider.memories()["peak"].shed
    assert building.decider.said("dr") is said
