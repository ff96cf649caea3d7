"""How many requests: the notes beneath the table of domain.md 4."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pretend_office import NOON

from schedules.requests import HOT_WATER, STATIC_PRESSURE, SUPPLY_TEMPERATURE, asked


def follow(ladder, told):
    """`told`: (seconds, short, loop, setpoint) one after the other; the requests at each."""
    before, counts = None, []
    for seconds, short, loop, *setpoint in told:
        answer = asked(
            ladder,
            before,
            short=short,
            loop=loop,
            now=NOON + timedelta(seconds=seconds),
            setpoint=setpoint[0] if setpoint else None,
        )
        before = answer.asking
        counts.append(answer.requests)
    return counts


@pytest.mark.parametrize(
    ("ladder", "short", "hold", "count"),
    [
        (SUPPLY_TEMPERATURE, 3.1, 120, 3),
        (SUPPLY_TEMPERATURE, 3.0, 120, 2),
        (SUPPLY_TEMPERATURE, 2.1, 120, 2),
        (SUPPLY_TEMPERATURE, 2.0, 120, 0),
        (STATIC_PRESSURE, -0.49, 60, 3),
        (STATIC_PRESSURE, -0.5, 60, 2),
        (STATIC_PRESSURE, -0.69, 60, 2),
        (STATIC_PRESSURE, -0.7, 60, 0),
        (HOT_WATER, 17.5, 300, 3),
        (HOT_WATER, 8.5, 300, 2),
    ],
)
def test_a_shortage_counts_after_its_time_and_only_beyond_its_limit(ladder, short, hold, count):
    assert follow(ladder, [(0, short, 0.0), (hold - 1, short, 0.0), (hold, short, 0.0)]) == [0, 0, count]


def test_a_shortage_that_was_interrupted_begins_anew_and_one_that_was_not_known_too():
    assert follow(SUPPLY_TEMPERATURE, [(0, 4.0, 0.0), (60, 1.0, 0.0), (61, 4.0, 0.0), (150, 4.0, 0.0)])[-1] == 0
    assert follow(SUPPLY_TEMPERATURE, [(0, 4.0, 0.0), (60, None, 0.0), (61, 4.0, 0.0), (150, 4.0, 0.0)])[-1] == 0


def test_a_loop_asks_above_95_until_it_is_below_85():
    loops = [95.0, 95.1, 90.0, 85.0, 84.9, 90.0, 96.0, None]
    assert follow(SUPPLY_TEMPERATURE, [(n, 0.0, loop) for n, loop in enumerate(loops)]) == [0, 1, 1, 1, 0, 0, 1, 0]


@pytest.mark.parametrize(("kelvin", "minutes"), [(1.0, 9), (2.0, 18), (-2.0, 18), (5.0, 30)])
def test_after_a_change_of_setpoint_a_distance_waits_nine_minutes_a_kelvin_and_thirty_at_most(kelvin, minutes):
    quiet = 60 * minutes
    told = [(0, 4.0, 0.0, 24.0), (200, 4.0, 0.0, 24.0 - kelvin)]
    told += [(200 + quiet - 1, 4.0, 0.0, 24.0 - kelvin), (200 + quiet, 4.0, 0.0, 24.0 - kelvin)]
    assert follow(SUPPLY_TEMPERATURE, told) == [0, 0, 0, 3]


def test_a_loop_that_is_open_is_not_suppressed():
    assert follow(SUPPLY_TEMPERATURE, [(0, 4.0, 0.0, 24.0), (200, 4.0, 99.0, 22.0)]) == [0, 1]


NUMBER = st.one_of(st.none(), st.floats(-10, 20))
LOOP = st.one_of(st.none(), st.floats(0, 100))


@given(told=st.lists(st.tuples(st.integers(0, 10_000), NUMBER, LOOP, st.floats(18, 28)), max_size=30))
def test_requests_are_0_to_3_and_asking_again_changes_nothing(told):
    before = None
    for seconds, short, loop, setpoint in told:
        given_ = {"short": short, "loop": loop, "now": NOON + timedelta(seconds=seconds), "setpoint": setpoint}
        answer = asked(SUPPLY_TEMPERATURE, before, **given_)
        assert answer.requests in (0, 1, 2, 3)
        again = asked(SUPPLY_TEMPERATURE, answer.asking, **given_)
        assert (again.requests, again.asking) == (answer.requests, answer.asking)
        before = answer.asking
