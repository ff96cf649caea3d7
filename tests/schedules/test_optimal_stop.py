"""Domain row 3, optimal stop: its known answer, how drift is learned, and what ends it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pretend_office import OFFICE_HOURS, timetable
from pretend_zones import SETPOINTS, SEVEN_PM, Floor, told, wanted
from steady_answers import assert_steady, follow

from schedules.calendar import SpecialEvent
from schedules.policies.optimal_stop import OptimalStop, Stops

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
FLOOR = Floor()
TAUGHT = Stops(slopes={"office-1": (0.7, 0.8, 0.9)})
COASTS = {FLOOR.heat[0].id: 16.0, FLOOR.cool[0].id: 32.0}


def stop(**changes):
    return OptimalStop(**{"name": "stop", "timetable": timetable(), **SETPOINTS, **changes})


def begins(celsius, memory, policy=None):
    """How long before seven in the evening it is let go, as `until` tells; None: not before."""
    decision = assert_steady(policy or stop(), FLOOR.view(celsius, now=SEVEN_PM - 3 * HOUR), memory)
    assert not decision.demands
    return None if decision.until == SEVEN_PM else SEVEN_PM - decision.until


def test_a_drift_of_0_8_kelvin_an_hour_and_an_allowance_of_0_6_are_45_minutes():
    assert begins(20.6, TAUGHT) == 45 * MINUTE  # it may fall to 20.0
    assert begins(24.4, TAUGHT) == 45 * MINUTE  # or rise to 25.0


def test_at_most_an_hour_and_at_most_a_kelvin():
    assert begins(22.5, Stops(slopes={"office-1": (0.5,)})) == HOUR
    assert begins(22.5, Stops(slopes={"office-1": (0.0,)})) == HOUR
    assert begins(22.5, Stops(slopes={"office-1": (2.0,)})) == 30 * MINUTE
    assert begins(20.0, TAUGHT) is None
    assert begins(19.0, TAUGHT) is None


def test_nothing_is_stopped_before_a_drift_was_seen():
    assert begins(22.0, None) is None
    decision = assert_steady(stop(), FLOOR.view(22.0, now=SEVEN_PM - MINUTE))
    assert told(decision) == ["how fast it drifts is not known yet"]


def test_the_evening_teaches_even_where_nothing_was_stopped():
    times = [(SEVEN_PM - MINUTE, 21.0), (SEVEN_PM, 21.0), (SEVEN_PM + HOUR / 2, 20.5), (SEVEN_PM + HOUR, 20.2)]
    said = follow(stop(), [FLOOR.view(celsius, now=now) for now, celsius in times])
    assert [decision.demands for decision in said] == [()] * 4
    assert said[1].until == said[2].until == SEVEN_PM + HOUR
    assert said[-1].memory.slopes == {"office-1": (pytest.approx(0.8),)}
    assert said[-1].memory.learning == {}


def test_an_evening_at_which_nobody_looked_teaches_nothing():
    memory = Stops(learning={"office-1": (SEVEN_PM, 21.0, 21.0)}, state="unoccupied")
    late = follow(stop(), [FLOOR.view(15.0, now=SEVEN_PM + 5 * HOUR)], memory)[0].memory
    assert (late.slopes, late.learning) == ({}, {})


def test_who_looks_long_after_the_end_has_not_seen_where_the_drift_began():
    memory = follow(stop(), [FLOOR.view(21.0, now=SEVEN_PM - MINUTE)])[0].memory
    late = follow(stop(), [FLOOR.view(18.0, now=SEVEN_PM + 8 * HOUR)], memory)[0]
    assert late.memory.learning == {}


def test_a_drift_that_people_have_ended_teaches_nothing():
    six = SEVEN_PM + 11 * HOUR  # they come
    memory = Stops(learning={"office-1": (six - HOUR, 21.8, 21.8)}, state="unoccupied")
    assert follow(stop(), [FLOOR.view(21.0, now=six - MINUTE)], memory)[0].memory.learning
    decision = assert_steady(stop(), FLOOR.view(21.0, now=six), memory)
    assert (decision.memory.slopes, decision.memory.learning) == ({}, {})


def test_a_day_that_is_made_longer_ends_the_coast_and_what_it_would_have_taught():
    memory = follow(stop(), [FLOOR.view(20.6, now=SEVEN_PM - 45 * MINUTE)], TAUGHT)[0].memory
    assert memory.coasting
    event = SpecialEvent(name="late", state="occupied", begin=SEVEN_PM - 40 * MINUTE, end=SEVEN_PM + 3 * HOUR)
    later = stop(timetable=timetable(replace(OFFICE_HOURS, events=(event,))))
    decision = assert_steady(later, FLOOR.view(20.5, now=SEVEN_PM - 30 * MINUTE), memory)
    assert not decision.demands
    assert (decision.memory.coasting, decision.memory.learning) == ({}, {})


def test_a_clock_that_is_put_back_teaches_nothing():
    memory = Stops(learning={"office-1": (SEVEN_PM + HOUR, 21.0, 21.0)}, state="unoccupied")
    assert follow(stop(), [FLOOR.view(20.0, now=SEVEN_PM + MINUTE)], memory)[0].memory.learning == {}


def test_it_coasts_from_the_named_instant_to_the_end_and_learns_from_it():
    begun = SEVEN_PM - 45 * MINUTE
    times = [(begun - MINUTE, 20.6), (begun, 20.6), (begun + 20 * MINUTE, 20.3), (SEVEN_PM - MINUTE, 20.05)]
    said = follow(
        stop(), [FLOOR.view(c, now=now) for now, c in [*times, (SEVEN_PM, 20.0), (begun + HOUR, 19.9)]], TAUGHT
    )
    assert [wanted(decision) for decision in said] == [{}, COASTS, COASTS, COASTS, {}, {}]
    assert said[0].until == begun
    assert (said[3].memory.coasting, said[4].memory.coasting) == ({"office-1": (SEVEN_PM, 20.6, 20.6)}, {})
    assert said[-1].memory.slopes == {"office-1": (0.8, 0.9, pytest.approx(0.7))}


@pytest.mark.parametrize(
    "then",
    [
        {"celsius": 19.9},  # more than a kelvin below its setpoint, though not from where it was
        {"celsius": 21.8},  # more than a kelvin from where it was
        {"celsius": None},
        {"celsius": 21.0, "open_": (1,)},
    ],
)
def test_what_drifts_too_far_or_is_not_known_any_more_has_its_setpoints_back_for_the_evening(then):
    floor = Floor(windows=True)
    begun, taught = SEVEN_PM - HOUR, Stops(slopes={"office-1": (0.5,)})
    views = [
        floor.view(20.7, now=begun),
        floor.view(then.pop("celsius"), now=begun + 10 * MINUTE, **then),
        floor.view(21.0, now=begun + 20 * MINUTE),
    ]
    said = follow(stop(), views, taught)
    assert [bool(decision.demands) for decision in said] == [True, False, False]
    assert said[0].memory.learning
    assert not said[1].memory.learning  # what it does with its setpoints back is no drift
    evening = follow(stop(), [floor.view(21.0, now=SEVEN_PM)], said[-1].memory)[0].memory
    assert evening.learning == {"office-1": (SEVEN_PM, 21.0, 21.0)}
    assert (evening.given_up, evening.coasting) == ({}, {})
    tomorrow = floor.view(21.0, now=SEVEN_PM + 24 * HOUR - 30 * MINUTE)
    assert follow(stop(), [tomorrow], said[-1].memory)[0].demands


def test_it_ends_only_what_the_programme_is_about_to_end():
    assert not assert_steady(stop(), FLOOR.view(22.0, now=SEVEN_PM + MINUTE), TAUGHT).demands
    assert not assert_steady(stop(unoccupied_state="cleaning"), FLOOR.view(22.0, now=SEVEN_PM - MINUTE), TAUGHT).demands


@pytest.mark.parametrize("type_", ["operating_room", "patient_room", "exam_room", "unknown", ""])
def test_never_where_ventilation_is_required(type_):
    floor = Floor(type_=type_)
    assert not assert_steady(stop(), floor.view(22.0, now=SEVEN_PM - MINUTE), TAUGHT).demands


@settings(max_examples=60, deadline=None)
@given(
    celsius=st.lists(st.one_of(st.none(), st.floats(15, 30)), min_size=2, max_size=2),
    slopes=st.lists(st.lists(st.floats(0, 5), max_size=3).map(tuple), min_size=2, max_size=2),
    minutes=st.integers(-180, 120),
    open_=st.sets(st.integers(1, 2)),
)
def test_until_is_exact_whatever_was_learned(celsius, slopes, minutes, open_):
    floor = Floor(2, windows=True)
    memory = Stops(slopes={f"office-{n}": each for n, each in enumerate(slopes, 1)}, state="occupied")
    looked = floor.view(celsius, now=SEVEN_PM + minutes * MINUTE, open_=open_)
    decision = assert_steady(stop(), looked, memory)
    if not SEVEN_PM - HOUR <= looked.now < SEVEN_PM:
        assert not decision.demands
