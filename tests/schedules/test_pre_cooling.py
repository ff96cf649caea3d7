"""Pre-cooling: before a demand event or the peak tariff, in ordinary rooms only (domain row 12)."""

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pretend_office import of_class, point, reading, timetable
from pretend_zones import Floor, told, wanted
from steady_answers import assert_steady, follow

from points.model import Kind
from schedules.calendar import Entry, Programme
from schedules.decider import Decider
from schedules.feeds import DemandEvent, Feeds
from schedules.policies.demand_response import DemandResponse
from schedules.policies.pre_cooling import PreCooling

NOON = datetime(2026, 7, 14, 10, tzinfo=UTC)  # a Tuesday in summer, 12:00 in Berlin
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
FLOOR = Floor(windows=True)
TARIFF = Programme(
    name="tariff", default="off-peak", week=((Entry(time(14), "peak"), Entry(time(18), "off-peak")),) * 7
)
PEAK = NOON + 2 * HOUR
LOWERED = {FLOOR.cool[0].id: 22.5}


def event(start=NOON, hours=1.0, level=2, id_="dr-1"):
    return DemandEvent(id=id_, level=level, start=start, end=start + hours * HOUR)


def pre_cooling(**changes):
    given_ = {"name": "pre", "timetable": timetable(), "cooling": of_class("cooling-setpoint")}
    return PreCooling(**{**given_, **changes})


def said(now, *events, policy=None, celsius=24.0, floor=FLOOR, opted_out="", **rest):
    outside = Feeds(events=events, opted_out=opted_out)
    return assert_steady(policy or pre_cooling(), floor.view(celsius, now=now, outside=outside, **rest))


def test_in_the_hour_before_an_event_rooms_are_cooled_and_let_go_before_its_start():
    early = said(NOON - 2 * HOUR, event())
    assert (wanted(early), early.until) == ({}, NOON - HOUR)
    cooled = said(NOON - HOUR, event())
    assert (wanted(cooled), cooled.until) == (LOWERED, NOON - 5 * MINUTE)
    assert cooled.demands[0].reason == "demand event dr-1 begins at 12:00"
    assert wanted(said(NOON - 10 * MINUTE, event())) == LOWERED
    last = said(NOON - 5 * MINUTE, event())
    assert (wanted(last), last.until) == ({}, NOON)
    assert wanted(said(NOON, event())) == {}
    assert said(NOON + HOUR, event()).until is None


def test_in_the_hour_before_the_peak_tariff_as_well():
    policy = pre_cooling(tariff=timetable(TARIFF))
    assert wanted(said(PEAK - HOUR, policy=policy)) == LOWERED
    assert said(PEAK - HOUR, policy=policy).demands[0].reason == "the peak of tariff begins at 14:00"
    assert said(PEAK - 2 * HOUR, policy=policy).until == PEAK - HOUR
    assert wanted(said(PEAK, policy=policy)) == {}


def test_not_during_a_peak_or_an_event_for_the_next():
    policy = pre_cooling(tariff=timetable(TARIFF))
    assert wanted(said(PEAK + HOUR, event(PEAK + 1.5 * HOUR), policy=policy)) == {}
    overlap = event(), event(NOON + 1.5 * HOUR, id_="dr-2")
    during = said(NOON + 0.75 * HOUR, *overlap)
    assert (wanted(during), during.until) == ({}, NOON + HOUR)
    assert wanted(said(NOON + HOUR, *overlap)) == LOWERED


def test_only_for_people_and_for_an_event_that_is_worth_it():
    night = NOON + 10 * HOUR
    assert wanted(said(night - 10 * MINUTE, event(night))) == {}
    opening = NOON.replace(hour=4)  # 06:00 in Berlin: before people come, for when they do
    assert wanted(said(opening - 10 * MINUTE, event(opening + HOUR / 2))) == LOWERED
    assert wanted(said(NOON - 10 * MINUTE, event(level=0))) == {}
    assert wanted(said(NOON - 10 * MINUTE, event(level=1), policy=pre_cooling(least_level=2))) == {}


def test_not_while_events_are_opted_out_of():
    decision = said(PEAK - 10 * MINUTE, policy=pre_cooling(tariff=timetable(TARIFF)), opted_out="on generator")
    assert (decision.demands, decision.until) == ((), None)


def test_a_room_that_is_cool_open_or_not_known_is_left_alone():
    assert told(said(NOON - 10 * MINUTE, event(), celsius=21.9)) == ["at 21.9 °C it is cool already"]
    assert told(said(NOON - 10 * MINUTE, event(), open_=(1,))) == ["a window is not surely closed"]
    unknown = said(NOON - 10 * MINUTE, event(), celsius=None)
    assert not unknown.demands
    assert unknown.remarks[0].held


def test_the_lowered_setpoint_stays_clear_of_the_heating_setpoint():
    assert wanted(said(NOON - 10 * MINUTE, event(), policy=pre_cooling(lower_kelvin=5.0))) == {FLOOR.cool[0].id: 22.0}


@pytest.mark.parametrize("type_", ["operating_room", "patient_room", "exam_room", "icu", "pharmacy", "unknown", ""])
def test_never_in_clinical_rooms(type_):
    assert not said(NOON - 10 * MINUTE, event(), floor=Floor(type_=type_)).demands


def test_a_generator_that_runs_or_is_not_known_is_not_loaded_further():
    run = point("gen/run", "generator", kind=Kind.BINARY, states=("Off", "On"), commandable=False, space=None)
    floor = Floor(extra=(run,))
    policy = pre_cooling(generators=of_class("generator"))
    for also, cooled in (([reading(run, False)], True), ([reading(run, True)], False), ([], False)):
        decision = said(NOON - 10 * MINUTE, event(), policy=policy, floor=floor, also=also)
        assert bool(decision.demands) is cooled
        assert cooled or decision.remarks[0].text.startswith("opted out: gen/run")
    not_there = pre_cooling(generators=of_class("fuel-level"))
    assert not said(NOON - 10 * MINUTE, event(), policy=not_there, floor=floor).demands


def test_a_room_at_the_edge_of_cool_does_not_flutter():
    views = [
        FLOOR.view(celsius, now=NOON - 30 * MINUTE + n * MINUTE, outside=Feeds(events=(event(),)))
        for n, celsius in enumerate((22.05, 21.95, 22.05, 22.4, 22.5, 22.05))
    ]
    said_so = [bool(decision.demands) for decision in follow(pre_cooling(), views)]
    assert said_so == [True, False, False, False, True, True]


def test_what_is_worth_less_is_under_way_all_the_same():
    policy = pre_cooling(least_level=2)
    small, big = event(level=1), event(NOON + 0.5 * HOUR, id_="dr-2")
    for minutes in (-4, 0, 10):
        assert not said(NOON + minutes * MINUTE, small, big, policy=policy).demands


def test_row_12_what_demand_response_relaxes_is_not_counted_from_what_was_cooled_for_it():
    both = [pre_cooling(), DemandResponse(name="dr", heating=lambda _: [], cooling=of_class("cooling-setpoint"))]
    decider, held = Decider(NOON - HOUR), 24.0
    decider.adopt(both)
    seen = []
    for minutes in range(-60, 3):
        now = NOON + minutes * MINUTE
        decider.hear()
        also = [reading(FLOOR.cool[0], held, now)]  # a minute later it reads as it was commanded
        decider.decide(FLOOR.view(24.0, now=now, outside=Feeds(events=(event(),)), also=also))
        held = next((demand.value for demand in decider.wanted.values()), 24.0)
        seen.append(held)
    assert seen == [22.5] * 55 + [24.0] * 5 + [25.0] * 3


EVENTS = st.builds(
    lambda start, length, level, id_: event(NOON + start * MINUTE, length / 60, level, id_),
    st.integers(-600, 1500),
    st.integers(1, 300),
    st.integers(0, 3),
    st.sampled_from("abc"),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(EVENTS, max_size=4), st.integers(-300, 600), st.booleans())
def test_until_is_exact_whatever_is_to_come(events, minutes, has_tariff):
    policy = pre_cooling(tariff=timetable(TARIFF)) if has_tariff else pre_cooling()
    said(NOON + minutes * MINUTE, *events, policy=policy)
