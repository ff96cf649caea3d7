"""Demand response: domain.md 4, row 12, and the levels of row 9."""

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pretend_office import NOON, OFFICE_HOURS
from pretend_offices import (
    BUILDING,
    GENERATOR,
    HOUR,
    MINUTE,
    NAMES,
    OFFICES,
    OR,
    WARD,
    at_rest,
    chosen,
    event,
    having,
    obeyed,
    seen,
)
from steady_answers import assert_steady

from points.model import Priority, Quality
from schedules.decider import Decider
from schedules.policies.demand_response import DemandResponse, surely_rests
from schedules.shedding import Comfort
from schedules.timetable import Timetable
from schedules.utility import begins, call_at

POLICY = DemandResponse(
    name="dr",
    site="mercy",
    heating=chosen("heating-setpoint"),
    cooling=chosen("cooling-setpoint"),
    generators=chosen("generator"),
)
COOL = {space: points[1].id for space, points in OFFICES.items()}
HEAT = {space: points[0].id for space, points in OFFICES.items()}


def asked(view, memory=None, policy=POLICY):
    return assert_steady(policy, view, memory)


def offices(decision):
    return {demand.point: demand.value for demand in decision.demands if demand.point.startswith("office")}


def rooms(decision):
    return {point.split("/")[0] for point in offices(decision)}


@pytest.mark.parametrize(("level", "kelvin"), [(1, 0.5), (2, 1.0), (3, 2.0)])
def test_row_9_the_levels_are_half_one_and_two_kelvin(level, kelvin):
    policy = replace(POLICY, comfort=Comfort(low_celsius=18.0, high_celsius=28.0))
    found = offices(asked(seen(at_rest(), NOON, event(level=level)), policy=policy))
    assert found == {HEAT[each]: 21.0 - kelvin for each in NAMES} | {COOL[each]: 24.0 + kelvin for each in NAMES}


def test_row_9_levels_are_not_cumulative_and_come_down_again():
    first = asked(seen(at_rest(), NOON, event(level=1)))
    shed = obeyed(at_rest(), first.demands)
    second = asked(seen(shed, NOON + MINUTE, event(level=2)), first.memory)
    assert offices(second)[COOL["office-1"]] == 25.0
    back = asked(seen(obeyed(shed, second.demands), NOON + 2 * MINUTE, event(level=1)), second.memory)
    assert offices(back)[COOL["office-1"]] == 24.5


def test_row_9_what_somebody_had_adjusted_is_frozen():
    adjusted = having(at_rest(), OFFICES["office-1"][1], 25.0)
    first = asked(seen(adjusted, NOON, event(level=1)))
    assert offices(first)[COOL["office-1"]] == 25.5
    again = having(obeyed(adjusted, first.demands), OFFICES["office-1"][1], 22.0)  # he turns it again: that waits
    assert offices(asked(seen(again, NOON + MINUTE, event(level=1)), first.memory))[COOL["office-1"]] == 25.5


def test_a_setpoint_in_its_night_position_is_no_adjustment():
    night = having(at_rest(), OFFICES["office-1"][1], 30.0)
    assert offices(asked(seen(night, NOON, event())))[COOL["office-1"]] == 25.0


def test_a_setpoint_stays_in_the_range_of_the_room():
    adjusted = having(at_rest(), OFFICES["office-1"][1], 25.5)
    found = offices(asked(seen(adjusted, NOON, event(level=3))))
    assert (found[COOL["office-1"]], found[HEAT["office-1"]]) == (26.0, 20.0)


def test_row_12_level_two_for_an_hour_with_a_random_start_of_five_minutes():
    an_hour = event(randomize=timedelta(minutes=5))
    begin = begins(an_hour, "mercy")
    assert NOON < begin < NOON + 5 * MINUTE
    before = asked(seen(at_rest(), NOON, an_hour))
    assert (before.demands, before.until) == ((), begin)
    during = asked(seen(at_rest(), begin, an_hour), before.memory)
    assert offices(during)[COOL["office-1"]] == 25.0
    assert during.until == NOON + HOUR
    shed, memory, when = obeyed(at_rest(), during.demands), during.memory, NOON + HOUR
    left = []
    while True:
        decision = asked(seen(shed, when), memory)
        left.append((when - NOON - HOUR, len(rooms(decision))))
        assert set(offices(decision).values()) <= {20.0, 25.0}
        memory = decision.memory
        if decision.until is None:
            break
        when = decision.until
    minutes = [(timedelta(minutes=n * 5), 4 - n) for n in range(5)]
    assert left == minutes  # five rooms over twenty minutes, the first at once


def test_row_12_of_two_that_overlap_the_highest_level_counts():
    low, high = event("low", 1, hours=2), event("high", 2, start=NOON + 30 * MINUTE, hours=0.5)
    call = [call_at((low, high), NOON + n * MINUTE, "mercy") for n in (0, 30, 59, 60, 119, 120)]
    assert [each.level for each in call] == [1, 2, 2, 1, 1, 0]
    assert call[1].events == ("high",)
    assert [each.until for each in call[:2]] == [high.start, high.end]


@given(st.text(min_size=1), st.integers(0, 3600))
def test_a_random_start_is_the_same_every_time_and_never_later_than_allowed(name, seconds):
    an_event = event(name, randomize=timedelta(seconds=seconds))
    begin = begins(an_event, "mercy")
    assert begin == begins(an_event, "mercy")
    assert NOON <= begin <= NOON + timedelta(seconds=seconds)


def test_two_sites_do_not_begin_at_once():
    an_event = event(randomize=HOUR)
    assert len({begins(an_event, f"site-{n}") for n in range(20)}) > 15


def test_level_two_during_surgery_offices_shed_and_operating_rooms_are_refused_with_the_reason():
    decider = Decider(NOON)
    decider.adopt([POLICY])
    decider.decide(seen(at_rest(), NOON, event()))
    assert {point for point, _ in decider.wanted} == set(COOL.values()) | set(HEAT.values())
    assert {level for _, level in decider.wanted} == {Priority.DEMAND_LIMIT}
    refused = {refusal.demand.point: refusal.why for refusal in decider.refusals}
    assert refused[OR[1].id] == "or-1 is a space of type operating_room: nothing is ever shed there"
    assert refused[WARD[1].id].startswith("room-301 is a patient room")
    assert len(refused) == 4


@pytest.mark.parametrize(
    ("about", "value", "rest", "says"),
    [
        (2, 26.5, {}, "outside of 20 to 26"),
        (2, 19.9, {}, "outside of 20 to 26"),
        (2, 23.0, {"quality": Quality.STALE}, "temperature is not known"),
        (1, 24.0, {"quality": Quality.BAD}, "where its setpoints stand"),
    ],
)
def test_a_room_that_is_not_well_or_not_known_is_not_shed(about, value, rest, says):
    readings = having(at_rest(), OFFICES["office-2"][about], value, **rest)
    decision = asked(seen(readings, NOON, event()))
    assert rooms(decision) == set(NAMES) - {"office-2"}
    (remark,) = [each for each in decision.remarks if each.about == "office-2"]
    assert says in remark.text
    assert remark.held


def test_a_room_that_leaves_its_range_takes_no_further_part_until_it_is_over():
    first = asked(seen(at_rest(), NOON, event()))
    hot = having(at_rest(), OFFICES["office-2"][2], 26.1)
    second = asked(seen(hot, NOON + MINUTE, event()), first.memory)
    third = asked(seen(at_rest(), NOON + 2 * MINUTE, event()), second.memory)
    assert rooms(second) == rooms(third) == set(NAMES) - {"office-2"}
    over = asked(seen(at_rest(), NOON + 2 * HOUR), third.memory)
    done = asked(seen(at_rest(), NOON + 3 * HOUR), over.memory)
    again = asked(seen(at_rest(), NOON + 4 * HOUR, event("e2", start=NOON + 4 * HOUR)), done.memory)
    assert rooms(again) == set(NAMES)


def test_a_room_that_has_left_its_range_stays_out_though_the_generator_was_tested_meanwhile():
    first = asked(seen(at_rest(), NOON, event()))
    hot = having(at_rest(), OFFICES["office-2"][2], 26.1)
    memory = asked(seen(hot, NOON + MINUTE, event()), first.memory).memory
    tested = having(having(at_rest(), GENERATOR, True), OFFICES["office-3"][2], 26.1)
    memory = asked(seen(tested, NOON + 2 * MINUTE, event()), memory).memory
    again = asked(seen(at_rest(), NOON + 3 * MINUTE, event()), memory)
    assert rooms(again) == set(NAMES) - {"office-2", "office-3"}


def test_what_was_frozen_is_forgotten_although_nobody_obeys_the_event():
    memory = asked(seen(at_rest(), NOON, event(hours=3))).memory
    for minutes in range(1, 90):
        memory = asked(seen(at_rest(), NOON + minutes * MINUTE, event(hours=3), opted_out="a person"), memory).memory
    warmer = having(at_rest(), OFFICES["office-1"][1], 25.0)  # somebody turned it in the meantime
    again = asked(seen(warmer, NOON + 90 * MINUTE, event(hours=3)), memory)
    assert offices(again)[COOL["office-1"]] == 26.0


def test_a_clock_that_is_put_back_holds_no_room_longer():
    memory = asked(seen(at_rest(), NOON, event())).memory
    memory = asked(seen(at_rest(), NOON + HOUR), memory).memory
    earlier = NOON - 10 * HOUR
    memory = asked(seen(at_rest(), earlier), memory).memory
    assert not asked(seen(at_rest(), earlier + 20 * MINUTE), memory).demands


def test_no_room_is_shed_whose_thermometer_does_not_exist():
    bare = {space: points[:2] for space, points in OFFICES.items()}
    building = type(BUILDING).of([], [each for points in bare.values() for each in points], BUILDING.spaces.values())
    view = seen(at_rest(), NOON, event())
    decision = replace(POLICY, generators=None).bind(building)(view, None)
    assert decision.demands == ()
    assert all("temperature is not known" in remark.text for remark in decision.remarks)


@pytest.mark.parametrize("reason", ["a person has opted out", "generator", "unknown generator"])
def test_row_12_it_opts_out_and_gives_back_one_room_after_the_other(reason):
    first = asked(seen(at_rest(), NOON, event()))
    readings = {
        "generator": having(at_rest(), GENERATOR, True),
        "unknown generator": having(at_rest(), GENERATOR, False, quality=Quality.STALE),
    }.get(reason, at_rest())
    out = reason if reason.startswith("a person") else ""
    later = asked(seen(readings, NOON + MINUTE, event(), opted_out=out), first.memory)
    assert len(rooms(later)) == 4
    assert any(remark.text.startswith("opted out") for remark in later.remarks)
    fresh = asked(seen(readings, NOON + MINUTE, event(), opted_out=out))
    assert fresh.demands == ()


def test_a_generator_that_was_named_and_is_not_there_is_not_known():
    policy = replace(POLICY, generators=chosen("fuel-level"))
    decision = asked(seen(at_rest(), NOON, event()), policy=policy)
    assert decision.demands == ()
    assert "is not there" in decision.remarks[0].text


def test_what_begins_again_while_rooms_are_given_back_does_not_add_up():
    first = asked(seen(at_rest(), NOON, event()))
    shed = obeyed(at_rest(), first.demands)
    memory = first.memory
    for minutes in (60, 65, 70, 78):
        memory = asked(seen(shed, NOON + minutes * MINUTE), memory).memory
    again = asked(seen(shed, NOON + 79 * MINUTE, event("e2", start=NOON + 79 * MINUTE)), memory)
    assert set(offices(again).values()) == {20.0, 25.0}  # although all of them still read as they were shed


def test_outside_of_its_hours_a_setback_saves_more():
    policy = DemandResponse(
        name="dr",
        heating=POLICY.heating,
        cooling=POLICY.cooling,
        timetable=Timetable(OFFICE_HOURS, ZoneInfo("Europe/Berlin")),
    )
    evening = NOON.replace(hour=17, minute=30)  # 18:30 in Berlin; the offices close at 19:00
    first = asked(seen(at_rest(), evening, event(start=evening)), policy=policy)
    assert len(rooms(first)) == 5
    assert first.until == evening + 30 * MINUTE
    closed = asked(seen(at_rest(), first.until, event(start=evening)), first.memory, policy=policy)
    assert closed.demands == ()


@pytest.mark.parametrize(
    ("text", "rests"),
    [
        ("Off", True),
        ("Normal Source", True),
        ("Not running", False),
        ("Emergency source (normal lost)", False),
        ("On", False),
        ("Inactive", True),
        ("Something else", False),
    ],
)
def test_only_clear_words_say_that_a_generator_rests(text, rests):
    assert surely_rests(replace(GENERATOR, states=("x", text)), value=True) is rests
