"""Trim and respond to the digit: the vector of domain.md 4, equal to LBNL's reference result of `TrimAndRespond`."""

from datetime import timedelta
from math import pi, sin

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pretend_office import NOON

from schedules.trim_respond import Trim, TrimRespond

VECTOR = TrimRespond(initial=120, low=37, high=370, delay=300, period=120, ignored=2, trim=-10, respond=15, most=37)
TABLE = {
    **dict.fromkeys(range(0, 480, 120), 120),
    480: 125,
    600: 145,
    720: 165,
    840: 192,
    960: 219,
    1080: 246,
    1200: 273,
    1320: 300,
    1440: 327,
    1560: 354,
    **dict.fromkeys(range(1680, 2400, 120), 370),
    2400: 360,
    2520: 350,
    2640: 340,
    2760: 330,
    2880: 320,
    3000: 310,
    3120: 315,
    3240: 335,
    3360: 355,
    3480: 370,
}


def at(seconds):
    return NOON + timedelta(seconds=seconds)


def requests(seconds):
    return round(abs(6 * sin(2 * pi * seconds / 5400)))


@pytest.mark.parametrize("step", [120, 40, 7, 1])
def test_the_verified_vector_of_domain_section_4_to_the_digit(step):
    state, seen = None, {}
    for seconds in sorted({*range(0, 3481, step), *range(0, 3481, 120)}):  # asked more often, it says the same
        state = VECTOR.step(state, requests(seconds), running=True, now=at(seconds))
        seen[seconds] = state.setpoint
    assert {seconds: seen[seconds] for seconds in TABLE} == TABLE


def test_off_it_is_what_it_begins_with_and_begins_anew():
    state = VECTOR.step(None, 0, running=True, now=at(0))
    for seconds in (480, 600):
        state = VECTOR.step(state, 6, running=True, now=at(seconds))
    assert state.setpoint == 120 + 2 * 27
    off = VECTOR.step(state, 6, running=False, now=at(700))
    assert off == Trim(setpoint=120)
    again = VECTOR.step(off, 6, running=True, now=at(1000))
    assert (again.setpoint, again.due) == (120, at(1000 + 480))


def test_requests_that_are_ignored_do_not_stop_the_trim_and_who_may_not_trim_stays():
    state = Trim(setpoint=200.0, started=at(0), due=at(480))
    assert VECTOR.step(state, 2, running=True, now=at(480)).setpoint == 190
    assert VECTOR.step(state, 2, running=True, now=at(480), may_trim=False).setpoint == 200
    assert VECTOR.step(state, 4, running=True, now=at(480), may_trim=False).setpoint == 220


def test_what_was_slept_through_is_not_made_up_for():
    state = Trim(setpoint=200.0, started=at(0), due=at(480))
    late = VECTOR.step(state, 0, running=True, now=at(480 + 1000))
    assert (late.setpoint, late.due) == (190, at(1560))


def test_a_clock_that_was_put_back_does_not_stop_it_for_long():
    state = Trim(setpoint=200.0, started=at(0), due=at(50_000))
    mended = VECTOR.step(state, 0, running=True, now=at(1000))
    assert (mended.setpoint, mended.due) == (200, at(1080))
    assert VECTOR.step(state, 0, running=True, now=at(-10)).setpoint == 120  # it began after now: anew


@pytest.mark.parametrize(
    "wrong",
    [{"initial": 30}, {"period": 0}, {"trim": 10}, {"respond": -15}, {"most": -37}, {"ignored": -1}, {"delay": -1}],
)
def test_what_cannot_be_is_refused(wrong):
    given_ = {"initial": 120, "low": 37, "high": 370, "delay": 300, "period": 120, "ignored": 2, "trim": -10}
    with pytest.raises(ValueError, match=r"begins|period|respond"):
        TrimRespond(**{**given_, "respond": 15, "most": 37, **wrong})


LOGICS = [
    VECTOR,
    TrimRespond(initial=18, low=13, high=18, delay=600, period=120, ignored=2, trim=0.1, respond=-0.2, most=-0.6),
    TrimRespond(initial=1, low=0, high=1, delay=900, period=300, ignored=2, trim=-0.02, respond=0.03, most=0.07),
]


@given(
    logic=st.sampled_from(LOGICS),
    steps=st.lists(st.tuples(st.integers(-500, 2000), st.integers(0, 30), st.booleans(), st.booleans()), max_size=40),
)
def test_it_stays_within_its_limits_and_moves_no_more_than_a_step_at_its_own_instants(logic, steps):
    state, now = None, 0
    widest = abs(logic.trim) + abs(logic.most)
    for after, asked, running, may_trim in steps:
        now += after
        before, state = state, logic.step(state, asked, running=running, now=at(now), may_trim=may_trim)
        assert logic.low <= state.setpoint <= logic.high
        assert logic.step(state, asked, running=running, now=at(now), may_trim=may_trim) == state  # twice is once
        if running:
            assert state.due > at(now)
            assert (state.due - state.started).total_seconds() % logic.period == 0
        if running and before is not None and before.started == state.started:
            assert abs(state.setpoint - before.setpoint) <= widest + 1e-9
            if at(now) < before.due:
                assert state.setpoint == before.setpoint
