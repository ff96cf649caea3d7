"""Pre-cooling: before a demand event or the peak tariff, in ordinary rooms only (domain row 12)."""

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pretend_office import of_class, timetable
from pretend_zones import Floor, told, wanted
from steady_answers import assert_steady

from schedules.calendar import Entry, Programme
from schedules.feeds import DemandEvent, Feeds
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


def test_in_the_hour_before_an_event_rooms_are_cooled_and_at_its_start_let_go():
    early = said(NOON - 2 * HOUR, event())
    assert (wanted(early), early.until) == ({}, NOON - HOUR)
    cooled = said(NOON - HOUR, event())
    assert (wanted(cooled), cooled.until) == (LOWERED, NOON)
    assert cooled.demands[0].reason == "demand event dr-1 begins at 12:00"
    assert wanted(said(NOON - MINUTE, event())) == LOWERED
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
    assert wanted(said(night - MINUTE, event(night))) == {}
    opening = NOON.replace(hour=4)  # 06:00 in Berlin: before people come, for when they do
    assert wanted(said(opening - MINUTE, event(opening + HOUR / 2))) == LOWERED
    assert wanted(said(NOON - MINUTE, event(level=0))) == {}
    assert wanted(said(NOON - MINUTE, event(level=1), policy=pre_cooling(least_level=2))) == {}


def test_not_while_events_are_opted_out_of():
    decision = said(PEAK - MINUTE, policy=pre_cooling(tariff=timetable(TARIFF)), opted_out="on generator")
    assert (decision.demands, decision.until) == ((), None)


def test_a_room_that_is_cool_open_or_not_known_is_left_alone():
    assert told(said(NOON - MINUTE, event(), celsius=21.9)) == ["at 21.9 °C it is cool already"]
    assert told(said(NOON - MINUTE, event(), open_=(1,))) == ["a window is not surely closed"]
    unknown = said(NOON - MINUTE, event(), celsius=None)
    assert not unknown.demands
    assert unknown.remarks[0].held


def test_the_lowered_setpoint_stays_clear_of_the_heating_setpoint():
    assert wanted(said(NOON - MINUTE, event(), policy=pre_cooling(lower_kelvin=5.0))) == {FLOOR.cool[0].id: 22.0}


@pytest.mark.parametrize("type_", ["operating_room", "patient_room", "exam_room", "icu", "pharmacy", "unknown", ""])
def test_never_in_clinical_rooms(type_):
    assert not said(NOON - MINUTE, event(), floor=Floor(type_=type_)).demands


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
