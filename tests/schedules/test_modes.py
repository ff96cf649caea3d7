"""The operating modes of Guideline 36: their numbers, which goes first, and the two edges of every limit."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedules.modes import Mode, is_freezing, is_set_back, is_set_up, mode_of, recovery
from schedules.thermal import dew_point, slope

ZONES = st.lists(st.one_of(st.none(), st.floats(-10, 45)), max_size=8)


def test_the_numbers_are_guideline_36_s():
    assert [mode.word for mode in sorted(Mode)] == [
        "occupied",
        "cool-down",
        "set-up",
        "warm-up",
        "set-back",
        "freeze-protection",
        "unoccupied",
    ]


@given(st.sets(st.sampled_from(Mode)))
def test_there_is_one_mode_and_people_come_first(wanted):
    mode = mode_of(wanted)
    assert mode in wanted or mode is Mode.UNOCCUPIED
    assert (mode is Mode.OCCUPIED) == (Mode.OCCUPIED in wanted)
    if Mode.FREEZE_PROTECTION in wanted and Mode.OCCUPIED not in wanted:
        assert mode is Mode.FREEZE_PROTECTION


def test_recovery_is_the_worse_side():
    limits = {"heating": 21.0, "cooling": 24.0, "dead": 0.5}
    assert recovery(15.0, 16.0, **limits) == (Mode.WARM_UP, 6.0)
    assert recovery(23.0, 27.0, **limits) == (Mode.COOL_DOWN, 3.0)
    assert recovery(18.0, 26.0, **limits) == (Mode.WARM_UP, 3.0)
    assert recovery(20.5, 24.5, **limits) == (Mode.UNOCCUPIED, 0.0)


@given(ZONES, st.floats(5, 30))
def test_whatever_begins_a_mode_does_not_end_it_at_once(zones, limit):
    for beyond in (is_set_back, is_set_up):
        assert not beyond(zones, limit, was=False) or beyond(zones, limit, was=True)
    assert not is_freezing(zones, was=False) or is_freezing(zones, was=True)


@given(ZONES, st.floats(5, 30))
def test_an_unknown_zone_never_ends_a_mode_and_alone_never_begins_one(zones, limit):
    assert is_set_back([*zones, None], limit, was=True)
    assert is_freezing([*zones, None], was=True)
    assert not is_set_back([None] * len(zones), limit, was=False)
    assert not is_freezing([None] * len(zones), was=False)


@pytest.mark.parametrize(("celsius", "percent", "at"), [(20.0, 50.0, 9.3), (26.0, 60.0, 17.6), (22.0, 100.0, 22.0)])
def test_the_dew_point_is_that_of_the_tables(celsius, percent, at):
    assert dew_point(celsius, percent) == pytest.approx(at, abs=0.05)


def test_what_is_there_at_once_took_two_minutes():
    assert slope(1.0, timedelta(0)) == slope(1.0, timedelta(minutes=2)) == pytest.approx(30.0)
